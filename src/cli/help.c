/* Help on a terminal, from the tables. Fixed 80 columns, so that it is the same everywhere. */
#include "cli/cli.h"

#include "base/str.h"
#include "cli/help.h"

#include <string.h>

enum { HELP_WIDTH = 80, HELP_COLUMN = 26 };

static const char *const group_titles[CLI_GROUPS] = {
    [CLI_START] = "Start here",
    [CLI_EVENTS] = "Events into the lake",
    [CLI_TABLES] = "Tables out of events",
    [CLI_ASK] = "Ask and show",
    [CLI_CARE] = "Look after the lake",
    [CLI_DBT] = "Any dbt project",
    [CLI_ABOUT] = "About",
};

/* Words of text after what is already on the line (`at` columns), wrapped, further lines indented. */
static void add_wrapped(struct buf *out, const char *text, size_t at, size_t indent)
{
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (at + len > HELP_WIDTH && at > indent) {
            while (out->len && out->ptr[out->len - 1] == ' ') out->len--;
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        buf_add(out, text, len);
        at += len;
        text += len;
        if (*text == '\n') {
            size_t lines = strspn(text, "\n");
            for (size_t i = 0; i < lines; i++) buf_char(out, '\n');
            text += lines;
            if (*text) buf_printf(out, "%*s", (int)indent, "");
            at = indent;
        } else if (*text) {
            buf_char(out, ' ');
            at++;
            text++;
        }
    }
    buf_char(out, '\n');
}

static void add_entry(struct buf *out, const char *left, const char *right)
{
    size_t len = strlen(left);
    buf_printf(out, "  %s", left);
    if (len + 2 >= HELP_COLUMN)
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_printf(out, "%*s", (int)(HELP_COLUMN - 2 - len), "");
    add_wrapped(out, right, HELP_COLUMN, HELP_COLUMN);
}

void cli_option_left(const struct cli_option *o, struct buf *out)
{
    if (o->letter) buf_printf(out, "-%c, ", o->letter);
    buf_printf(out, "--%s", o->name);
    if (o->value) buf_printf(out, " %s", o->value);
    if (o->type == CLI_WORDS) buf_str(out, "...");
}

void cli_option_right(const struct cli_option *o, struct buf *out)
{
    buf_str(out, o->help);
    if (o->choices && !strstr(o->help, o->choices[0])) {
        buf_str(out, ": ");
        for (size_t i = 0; o->choices[i]; i++) buf_printf(out, "%s%s", i ? ", " : "", o->choices[i]);
    }
    if (o->fallback) buf_printf(out, " [%s]", o->fallback);
}

static void add_options(struct buf *out, const struct cli_option *options)
{
    struct buf left = {0}, right = {0};
    for (const struct cli_option *o = options; o && (o->name || o->key); o++) {
        if (!o->name || o->hidden) continue;
        buf_clear(&left);
        buf_clear(&right);
        cli_option_left(o, &left);
        cli_option_right(o, &right);
        add_entry(out, left.ptr, right.ptr);
    }
    buf_reset(&left);
    buf_reset(&right);
}

static void add_setting(struct buf *out, const struct cli_option *o)
{
    struct buf right = {0};
    cli_option_right(o, &right);
    add_entry(out, o->key, right.ptr);
    buf_reset(&right);
}

/* Whether word is one of the words of list, which are separated by blanks. */
bool cli_listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at && (at = strstr(at, word)); at++)
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len])) return true;
    return false;
}

const struct cli_option *cli_command_options(struct cli *cli, const struct cli_command *command)
{
    return command->options_of ? command->options_of(&cli->arena, command) : command->options;
}

static void help_command(struct cli *cli, const struct cli_command *c)
{
    struct buf *out = &cli->out;
    const struct cli_option *options = cli_command_options(cli, c);
    buf_printf(out, "lakefm %s: %s\n\nUsage: lakefm [--lake DIR] %s%s%s%s\n", c->name, c->summary, c->name,
               options && options->name ? " [OPTION]..." : "", c->synopsis && c->synopsis[0] ? " " : "",
               c->synopsis ? c->synopsis : "");
    if (c->about) {
        buf_char(out, '\n');
        add_wrapped(out, c->about, 0, 0);
    }
    if (options && options->name) {
        buf_str(out, "\nOptions\n");
        add_options(out, options);
    }
    if (c->settings) {
        buf_str(out, "\nSettings (lakefm.yml, --set KEY=VALUE; lakefm help settings)\n");
        for (const struct cli_option *o = cli_settings; o->name || o->key; o++)
            if (o->key && cli_listed(c->settings, o->key)) add_setting(out, o);
    }
    if (c->example) {
        buf_str(out, "\nExample\n");
        for (const char *line = c->example; *line;) {
            size_t len = strcspn(line, "\n");
            buf_printf(out, "  %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
    }
    buf_str(out, "\nOptions of every command: lakefm --help.");
    if (c->see_also) {
        buf_str(out, " See also:");
        for (const char *word = c->see_also; *word;) {
            size_t len = strcspn(word, " ");
            buf_printf(out, " lakefm %.*s%s", (int)len, word, word[len] ? "," : "");
            word += len + (word[len] == ' ');
        }
        buf_char(out, '.');
    }
    buf_char(out, '\n');
}

static void help_program(struct buf *out, const struct cli_command *const *commands)
{
    buf_str(out, "lakefm: a music-streaming data lake in one program.\n"
                 "Events become bronze (as received), silver (clean, typed) and gold (answers).\n"
                 "\nUsage: lakefm [--lake DIR] COMMAND [OPTION]...\n");
    for (int group = 0; group < CLI_GROUPS; group++) {
        bool any = false;
        for (size_t i = 0; commands[i]; i++) {
            if ((int)commands[i]->group != group || commands[i]->hidden) continue;
            if (!any) buf_printf(out, "\n%s\n", group_titles[group]);
            any = true;
            add_entry(out, commands[i]->name, commands[i]->summary);
        }
    }
    buf_str(out, "\nOptions of every command\n");
    add_options(out, cli_settings);
    buf_str(out, "\nExit codes: 0 done, 1 failed, 2 bad usage, 3 data rejected beyond the limit,\n"
                 "4 another writer holds the lake.\n"
                 "More: lakefm COMMAND --help has an example; lakefm help settings; man lakefm.\n");
}

void cli_help(struct cli *cli, const struct cli_command *command)
{
    if (command)
        help_command(cli, command);
    else
        help_program(&cli->out, cli->commands);
}

void cli_help_settings(struct cli *cli)
{
    struct buf *out = &cli->out;
    buf_str(out, "Settings, each by its key. The later of these wins:\n"
                 "  1. lakefm.yml: --config FILE, else ./lakefm.yml, else the one in the lake's folder\n"
                 "  2. the environment: silver.level is LAKEFM_SILVER_LEVEL\n"
                 "  3. --set silver.level=3\n"
                 "  4. an option of the same name: --threads 4\n\n");
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++)
        if (o->key) add_setting(out, o);
}
