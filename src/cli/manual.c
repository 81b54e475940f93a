/* What is made from the option tables besides help: the man page, bash completion, docs/configuration.md. */
#include "cli/cli.h"
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

/* roff: a backslash and a leading . or ' are special, a - is a hyphen unless escaped. */
static void add_roff(struct buf *out, const char *text, bool literal)
{
    bool line_start = true;
    for (const char *c = text; *c; c++) {
        if (line_start && (*c == '.' || *c == '\'')) buf_str(out, "\\&");
        line_start = *c == '\n';
        if (*c == '\\')
            buf_str(out, "\\e");
        else if (*c == '-' && literal)
            buf_str(out, "\\-");
        else if (*c == '\n' && c[1] == '\n' && !literal)
            buf_str(out, "\n.PP\n"), c++, line_start = true;
        else
            buf_char(out, *c);
    }
}

static void man_options(struct buf *out, const struct cli_option *options)
{
    struct buf text = {0};
    for (const struct cli_option *o = options; o && (o->name || o->key); o++) {
        if (!o->name || o->hidden) continue;
        buf_clear(&text);
        cli_option_left(o, &text);
        buf_str(out, ".TP\n.B ");
        add_roff(out, text.ptr, true);
        buf_clear(&text);
        cli_option_right(o, &text);
        buf_char(out, '\n');
        add_roff(out, text.ptr, false);
        buf_char(out, '\n');
    }
    buf_reset(&text);
}

static void man_command(struct cli *cli, const struct cli_command *c)
{
    struct buf *out = &cli->out;
    buf_printf(out, ".SS lakefm %s %s\n", c->name, c->synopsis ? c->synopsis : "");
    struct buf text = {0};
    buf_printf(&text, "%c%s.", toupper((unsigned char)c->summary[0]), c->summary + 1);
    add_roff(out, text.ptr, false);
    buf_reset(&text);
    buf_char(out, '\n');
    if (c->about) {
        buf_str(out, ".PP\n");
        add_roff(out, c->about, false);
        buf_char(out, '\n');
    }
    man_options(out, cli_command_options(cli, c));
    if (!c->example) return;
    buf_str(out, ".PP\nExample:\n.PP\n.nf\n.RS\n");
    add_roff(out, c->example, true);
    buf_str(out, "\n.RE\n.fi\n");
}

void cli_man(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_printf(out, ".TH LAKEFM 1 \"\" \"lakefm %s\" \"User Commands\"\n", LAKEFM_VERSION);
    buf_str(out, ".SH NAME\nlakefm \\- a music\\-streaming data lake in one program\n"
                 ".SH SYNOPSIS\n.B lakefm\n[\\fB\\-\\-lake\\fR \\fIDIR\\fR] \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
                 ".SH DESCRIPTION\nEvents become bronze (as received), silver (clean, typed) and gold (answers), "
                 "all in one folder of open files.\n.SH COMMANDS\n");
    for (size_t i = 0; cli->commands[i]; i++)
        if (!cli->commands[i]->hidden) man_command(cli, cli->commands[i]);
    buf_str(out, ".SH OPTIONS OF EVERY COMMAND\n");
    man_options(out, cli_settings);
    buf_str(out, ".SH SETTINGS\nKeys of lakefm.yml. The environment (LAKEFM_ and the key in capitals, _ for each dot), "
                 "\\-\\-set key=value and options win over the file, in this order.\n");
    struct buf right = {0};
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++) {
        if (!o->key) continue;
        buf_clear(&right);
        cli_option_right(o, &right);
        buf_printf(out, ".TP\n.B %s\n", o->key);
        add_roff(out, right.ptr, false);
        buf_char(out, '\n');
    }
    buf_reset(&right);
    buf_str(out, ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nfailed\n.TP\n.B 2\nbad usage\n"
                 ".TP\n.B 3\ndata rejected beyond the limit (and kept)\n.TP\n.B 4\nanother writer holds the lake\n"
                 ".SH FILES\n.TP\n.B lakefm.yml\nsettings\n.TP\n.B ~/.lakefm_history\nwhat was typed in lakefm sql\n");
}

/* ---- bash ---- */

static void add_names(struct buf *out, const struct cli_option *options)
{
    for (const struct cli_option *o = options; o && (o->name || o->key); o++) {
        if (!o->name || o->hidden) continue;
        buf_printf(out, " --%s", o->name);
        if (o->letter) buf_printf(out, " -%c", o->letter);
    }
}

/* Completion of the value, when the word before is this option. */
static void add_value_case(struct buf *out, const struct cli_command *c, const struct cli_option *o)
{
    const char *files = o->type == CLI_PATH                              ? "-d"
                        : o->value && strstr(o->value, "FILE") != NULL   ? "-f"
                        : o->value && strstr(o->value, "DIR") != NULL    ? "-d"
                                                                         : NULL;
    if (!o->name || o->hidden || (!files && !o->choices)) return;
    buf_printf(out, "        %s:--%s", c ? c->name : "*", o->name);
    if (o->letter) buf_printf(out, "|%s:-%c", c ? c->name : "*", o->letter);
    buf_str(out, ") COMPREPLY=($(compgen ");
    if (files) {
        buf_str(out, files);
    } else {
        buf_str(out, "-W \"");
        for (size_t i = 0; o->choices[i]; i++) buf_printf(out, "%s%s", i ? " " : "", o->choices[i]);
        buf_char(out, '"');
    }
    buf_str(out, " -- \"$word\")); return ;;\n");
}

void cli_completion(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_str(out, "# bash completion for lakefm, made from its option tables by `lakefm generate completion`.\n"
                 "_lakefm() {\n    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
                 "    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n        ");
    bool first = true;
    for (size_t i = 0; cli->commands[i]; i++) {
        if (cli->commands[i]->hidden) continue;
        buf_printf(out, "%s%s", first ? "" : "|", cli->commands[i]->name);
        first = false;
    }
    buf_str(out, ") command=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n    case $command:$before in\n");
    for (size_t i = 0; cli->commands[i]; i++)
        for (const struct cli_option *o = cli_command_options(cli, cli->commands[i]); o && o->name; o++)
            if (!cli->commands[i]->hidden) add_value_case(out, cli->commands[i], o);
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++) add_value_case(out, NULL, o);
    buf_str(out, "    esac\n    local every=\"");
    add_names(out, cli_settings);
    buf_str(out, "\" own=\n    case $command in\n    '') own=\"");
    for (size_t i = 0; cli->commands[i]; i++)
        if (!cli->commands[i]->hidden) buf_printf(out, "%s ", cli->commands[i]->name);
    buf_str(out, "\" ;;\n");
    for (size_t i = 0; cli->commands[i]; i++) {
        if (cli->commands[i]->hidden) continue;
        buf_printf(out, "    %s) own=\"", cli->commands[i]->name);
        add_names(out, cli_command_options(cli, cli->commands[i]));
        buf_str(out, "\" ;;\n");
    }
    buf_str(out, "    esac\n"
                 "    if [[ $word == -* || -z $command ]]; then\n"
                 "        COMPREPLY=($(compgen -W \"$own$every\" -- \"$word\"))\n"
                 "    else\n        COMPREPLY=($(compgen -f -- \"$word\"))\n    fi\n}\n"
                 "complete -o filenames -F _lakefm lakefm\n");
}

/* ---- docs/configuration.md ---- */

static void add_cell(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|') buf_char(out, '\\');
        buf_char(out, *c);
    }
}

static const char *type_name(const struct cli_option *o)
{
    switch (o->type) {
    case CLI_FLAG: return "true or false";
    case CLI_PATH: return "path";
    case CLI_INT: return "whole number";
    case CLI_NUMBER: return "number";
    case CLI_BYTES: return "size (`64MiB`, `1GiB`)";
    case CLI_DURATION: return "duration (`200ms`, `5s`, `1m`)";
    case CLI_LIST:
    case CLI_WORDS: return "list";
    case CLI_PAIRS: return "any keys below";
    default: return "text";
    }
}

void cli_configuration(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_str(out, "# Configuration\n\n<!-- Made by `lakefm generate configuration` from the table in "
                 "src/cli/settings.c; do not edit. -->\n\n"
                 "Settings come from four places; the later wins:\n\n"
                 "1. `lakefm.yml`: the file of `--config` or `LAKEFM_CONFIG`, else `./lakefm.yml`, else `lakefm.yml` in the "
                 "lake's folder. Relative paths in it are relative to its folder.\n"
                 "2. The environment: `LAKEFM_` and the key in capitals with `_` for each dot (`LAKEFM_SILVER_LEVEL`).\n"
                 "3. `--set key=value`, which may be repeated.\n"
                 "4. An option of the same name (`--lake`, `--threads` …).\n\n"
                 "An unknown key is an error that names the nearest known one.\n\n"
                 "```yaml\nlake: /data/lake\nmemory: 2GiB\nsilver:\n  level: 3\nkafka:\n  bootstrap.servers: localhost:9092\n"
                 "```\n\n| key | environment | value | default | meaning |\n|---|---|---|---|---|\n");
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++) {
        if (!o->key) continue;
        buf_printf(out, "| `%s` | `%s%s` | ", o->key, cli_variable_of_key(&cli->arena, o->key),
                   o->type == CLI_PAIRS ? "…" : "");
        if (o->choices)
            for (size_t i = 0; o->choices[i]; i++) buf_printf(out, "%s`%s`", i ? ", " : "", o->choices[i]);
        else
            buf_str(out, type_name(o));
        buf_printf(out, " | %s%s%s | ", o->fallback ? "`" : "", o->fallback ? o->fallback : "", o->fallback ? "`" : "");
        add_cell(out, o->help);
        buf_str(out, " |\n");
    }
    buf_str(out, "\nOther variables:\n\n| variable | meaning |\n|---|---|\n");
    for (const struct cli_variable *v = cli_variables; v->name; v++) buf_printf(out, "| `%s` | %s |\n", v->name, v->help);
}
