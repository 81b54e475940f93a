#include "base/io.h"
#include "cli/sql_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *command, *file, *format, *output;
    struct cli_list allow;
    int64_t timeout_ms;
    bool no_lake;
};

#define AT(field) offsetof(struct options, field)
/* clang-format off */
static const struct cli_option options_table[] = {
    {"command", 'c', CLI_TEXT, "SQL", NULL, NULL, AT(command), "run this and leave", NULL, 0, 0, false},
    {"file", 'f', CLI_TEXT, "FILE", NULL, NULL, AT(file), "run a script and leave; - is stdin", NULL, 0, 0, false},
    {"format", 0, CLI_CHOICE, "NAME", NULL, NULL, AT(format), "by default that of the output file's name, else table", output_formats, 0, 0, false},
    {"output", 'o', CLI_TEXT, "FILE", NULL, NULL, AT(output), "write the result there; the file appears when it is whole", NULL, 0, 0, false},
    {"allow", 0, CLI_LIST, "DIR", NULL, NULL, AT(allow), "let statements read and write files there too; may be repeated", NULL, 0, 0, false},
    {"timeout", 0, CLI_DURATION, "TIME", NULL, NULL, AT(timeout_ms), "end a statement that takes longer", NULL, 0, 0, false},
    {"no-lake", 0, CLI_FLAG, NULL, NULL, NULL, AT(no_lake), "plain DuckDB, without a lake", NULL, 0, 0, false},
    {0},
};
/* clang-format on */

static enum err read_script(const struct options *o, struct buf *script, struct error *e)
{
    enum err rc = ERR_OK;
    if (o->command) {
        buf_str(script, o->command);
    } else if (o->file && strcmp(o->file, "-") != 0) {
        rc = io_read_file(o->file, script, e);
    } else {
        size_t got = 1;
        while (rc == ERR_OK && got) {
            rc = io_read_some(STDIN_FILENO, buf_reserve(script, 65537), 65536, &got, "standard input", e);
            if (rc == ERR_OK) script->len += got;
        }
        *buf_reserve(script, 1) = '\0';
    }
    if (rc == ERR_OK && script->len && !utf8_valid(script->ptr, script->len))
        rc = err_set(e, ERR_INPUT, "the SQL is not valid UTF-8");
    return rc;
}

static enum err choose_format(const struct cli *cli, const struct options *o, enum output_format *format, struct error *e)
{
    *format = cli->config.json ? OUTPUT_JSON : OUTPUT_TABLE;
    if (o->format)
        output_format_find(o->format, format);
    else if (o->output)
        output_format_of_path(o->output, format);
    if (*format != OUTPUT_PARQUET || o->output) return ERR_OK;
    err_set(e, ERR_USAGE, "Parquet goes to a file only");
    return err_hint(e, "add -o FILE.parquet");
}

/* Parquet is written by DuckDB, the other formats by us. */
static enum err run_script(struct sql_session *s, const char *script, const char *part, struct error *e)
{
    if (s->format == OUTPUT_PARQUET) {
        enum err rc = sql_is_one_select(s->conn, script, e);
        if (rc == ERR_OK) rc = sql_copy_to(s->conn, script, part, &(struct sql_copy){.format = SQL_PARQUET}, NULL, e);
        return rc;
    }
    if (part) {
        s->out_path = part;
        s->out_fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (s->out_fd < 0) return err_sys(e, errno, "cannot write %s", part);
    }
    return sql_session_run(s, script, e);
}

/* On a terminal the place of an error is shown under its line; else the one line of the error says it. */
static void show_place(const struct sql_session *s, const struct error *e)
{
    const struct sql_place *place = s->conn ? sql_conn_place(s->conn) : NULL;
    if (!place || !place->line || !place->excerpt[0] || e->code == ERR_STOPPED || s->cli->config.json) return;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n%*s^\n", place->excerpt, (int)cli_width(place->excerpt, place->caret), "");
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    struct sql_session s = {.cli = cli, .out_fd = -1};
    struct buf script = {0};
    enum err rc = ERR_OK;
    char *part = NULL;
    bool shell = !o->command && !o->file && isatty(STDIN_FILENO);
    TRY(choose_format(cli, o, &s.format, e));
    if (o->command && o->file) {
        rc = err_set(e, ERR_USAGE, "either -c or -f");
        goto done;
    }
    if (shell && o->output) {
        rc = err_set(e, ERR_USAGE, "-o wants a statement: -c, -f or standard input");
        goto done;
    }
    if (o->output) part = mem_printf("%s.part-%ld", o->output, (long)getpid());
    if (!shell) TRY(read_script(o, &script, e));
    TRY(sql_session_open(&s, !o->no_lake, &o->allow, part, (uint32_t)o->timeout_ms, e));
    rc = shell ? sql_shell(&s, e) : run_script(&s, script.ptr ? script.ptr : "", part, e);
    if (rc != ERR_OK) show_place(&s, e);
    if (rc != ERR_OK && strstr(e->what, "file system operations are disabled"))
        err_hint(e, "--allow DIR lets statements use the files there");
    if (s.out_fd >= 0 && close(s.out_fd) != 0 && rc == ERR_OK) rc = err_sys(e, errno, "cannot write %s", o->output);
    if (part && rc == ERR_OK && rename(part, o->output) != 0)
        rc = err_sys(e, errno, "cannot write %s", o->output);
done:
    if (part && rc != ERR_OK) unlink(part);
    sql_session_close(&s);
    mem_free(part);
    buf_reset(&script);
    return rc;
}

const struct cli_command cli_cmd_sql = {
    .name = "sql",
    .group = CLI_ASK,
    .summary = "ask the lake in SQL: one statement, a script, or interactively",
    .synopsis = "",
    .about = "Every silver table and gold mart is there by its name; schemas are silver and gold. Each statement sees the lake "
             "as of one commit, and reads only the files that commit vouches for. The lake is never changed; other files "
             "are out of reach unless --allow names their folder.\n\n"
             "Without -c and -f: a script from stdin, or an interactive session when stdin is a terminal.\n\n"
             "csv is RFC 4180 with a header: NULL is an empty field, an empty text is \"\".",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake contracts threads memory temp",
    .max_args = 0,
    .example = "lakefm sql -c 'select * from top_songs_by_play_count limit 10'\n"
               "lakefm sql -c 'from fact_listen_events' -o listens.parquet\n"
               "lakefm sql --format csv < report.sql\n"
               "lakefm sql",
    .see_also = "status build serve",
    .run = run,
};
