/* Interactive SQL: line editing and history by libedit, completion by DuckDB's own sql_auto_complete. */
#include "cli/sql_session.h"

#include "base/io.h"
#include "base/str.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 2000 };

struct shell {
    struct sql_session *session;
    EditLine *edit;
    History *history;
    char *history_path;
    struct buf text; /* of the statement so far, over several lines */
    bool quit;
};

static const char help_text[] = "Statements end with a semicolon and may take several lines. TAB completes.\n"
                                "  .tables [PART]    schemas and tables; PART: only names with it\n"
                                "  .schema TABLE     its columns\n"
                                "  .format NAME      table, csv, json or jsonl\n"
                                "  .timer on|off     rows and time after each statement\n"
                                "  .help             this\n"
                                "  .quit             leave, as Ctrl-D does\n";

static struct shell *shell_of(EditLine *edit)
{
    void *data = NULL;
    el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt(EditLine *edit)
{
    static char first[] = "lakefm> ", more[] = "   ...> ";
    return shell_of(edit)->text.len ? more : first;
}

/* One character of the terminal; -1 on Ctrl-C and SIGTERM, which libedit's own reader would swallow once. */
static int read_char(EditLine *edit, wchar_t *out)
{
    char bytes[4];
    size_t len = 0;
    (void)edit;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, bytes + len, 1);
        if (n == 0) return 0;
        if (n < 0 && errno == EINTR && !cli_stop) continue;
        if (n < 0) return -1;
        len++;
        size_t whole = utf8_length(bytes, len);
        if (whole == len) break;
        bool may_grow = len < 4 && (unsigned char)bytes[0] >= 0xc2;
        if (!may_grow) return *out = L'?', 1;
    }
    *out = (wchar_t)utf8_decode(bytes, &len);
    return 1;
}

/* ---- completion ---- */

struct candidates {
    char **word;
    size_t count, cap;
    size_t from; /* in the text: where the word to complete begins */
};

static void candidates_reset(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++) mem_free(c->word[i]);
    mem_free(c->word);
}

static enum err ask_duckdb(struct shell *s, const char *text, struct candidates *c, struct error *e)
{
    static const char query[] =
        "WITH s AS (FROM sql_auto_complete($1) WHERE suggestion_score = 0), "
        "named AS (FROM s WHERE suggestion_type IN ('table', 'column', 'schema')) "
        "SELECT DISTINCT rtrim(suggestion), suggestion_start FROM (FROM named UNION ALL "
        "FROM s WHERE NOT EXISTS (FROM named)) ORDER BY 1";
    struct sql_stmt *stmt = NULL;
    struct sql_result *r = NULL;
    size_t rows;
    enum err rc = ERR_OK;
    TRY(sql_prepare(s->session->conn, query, &stmt, e));
    TRY(sql_bind(stmt, 1, sql_text(view_of(text)), e));
    TRY(sql_run(stmt, SQL_WHOLE, &r, e));
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++) {
            struct view word = sql_get_text(r, 0, i);
            mem_grow(&c->word, &c->cap, c->count + 1, sizeof *c->word);
            c->word[c->count++] = mem_strndup(word.ptr, word.len);
            c->from = (size_t)sql_get_i64(r, 1, i);
        }
    }
done:
    sql_result_free(&r);
    sql_stmt_free(&stmt);
    return rc;
}

/* How far all candidates agree, whatever their case. */
static size_t common_length(const struct candidates *c)
{
    size_t len = strlen(c->word[0]);
    for (size_t i = 1; i < c->count; i++) {
        size_t same = 0;
        while (same < len && c->word[i][same] && strncasecmp(c->word[0] + same, c->word[i] + same, 1) == 0) same++;
        len = same;
    }
    return len;
}

static void list_candidates(struct shell *s, const struct candidates *c)
{
    struct cli *cli = s->session->cli;
    cli_print(cli, "\n");
    for (size_t i = 0; i < c->count; i++) cli_print(cli, "%s%s", i ? "  " : "", c->word[i]);
    cli_print(cli, "\n");
    if (cli_flush(cli, NULL) != ERR_OK) s->quit = true;
}

static unsigned char complete(EditLine *edit, int key)
{
    (void)key;
    struct shell *s = shell_of(edit);
    const LineInfo *line = el_line(edit);
    size_t len = (size_t)(line->cursor - line->buffer), typed;
    struct candidates c = {0};
    struct error e;
    unsigned char result = CC_ERROR;
    struct buf text = {0};
    buf_add(&text, s->text.ptr, s->text.len);
    buf_add(&text, line->buffer, len);
    if (!text.len || ask_duckdb(s, text.ptr, &c, &e) != ERR_OK || !c.count || c.from > text.len) goto done;
    typed = text.len - c.from;
    size_t common = common_length(&c);
    if (typed > len || common < typed) goto done;
    if (common > typed || c.count == 1) {
        char *insert = mem_printf("%.*s%s", (int)common, c.word[0], c.count == 1 ? " " : "");
        el_deletestr(edit, (int)typed); /* its case may differ */
        el_insertstr(edit, insert);
        mem_free(insert);
        result = CC_REFRESH;
    } else {
        list_candidates(s, &c);
        result = CC_REDISPLAY;
    }
done:
    candidates_reset(&c);
    buf_reset(&text);
    return result;
}

/* ---- commands of the shell ---- */

static void complain(const struct sql_session *s, const struct error *e)
{
    char text[2048];
    const struct sql_place *place = sql_conn_place(s->conn);
    if (place->line && place->excerpt[0] && e->code != ERR_STOPPED)
        fprintf(stderr, "%s\n%*s^\n", place->excerpt, (int)cli_width(place->excerpt, place->caret), "");
    fprintf(stderr, "%s\n", err_format(e, text, sizeof text));
}

static void run_text(struct shell *s, const char *text)
{
    struct error e = {0};
    enum err rc = sql_session_run(s->session, text, &e);
    if (rc != ERR_OK && s->session->cli->out_gone) s->quit = true;
    if (rc != ERR_OK && !s->quit) complain(s->session, &e);
    if (cli_stop == SIGINT) cli_stop = 0;
}

static void show_tables(struct shell *s, const char *part)
{
    struct buf q = {0};
    buf_str(&q, "SELECT table_schema AS \"schema\", table_name AS \"table\" FROM information_schema.tables "
                "WHERE contains(table_name, ");
    sql_quote_text(&q, part, strlen(part));
    buf_str(&q, ") ORDER BY ALL");
    run_text(s, q.ptr);
    buf_reset(&q);
}

static void show_schema(struct shell *s, const char *table)
{
    struct buf q = {0};
    buf_str(&q, "SELECT column_name AS \"column\", column_type AS \"type\" FROM (DESCRIBE ");
    buf_str(&q, table);
    buf_char(&q, ')');
    run_text(s, q.ptr);
    buf_reset(&q);
}

static void dot_command(struct shell *s, char *line)
{
    struct view rest = view_trim(view_of(line));
    char *text = mem_strndup(rest.ptr, rest.len), *argument = text + strcspn(text, " ");
    if (*argument) *argument++ = '\0';
    argument += strspn(argument, " ");
    enum output_format format;
    if (!strcmp(text, ".quit") || !strcmp(text, ".exit"))
        s->quit = true;
    else if (!strcmp(text, ".help"))
        cli_print(s->session->cli, "%s", help_text);
    else if (!strcmp(text, ".tables"))
        show_tables(s, argument);
    else if (!strcmp(text, ".schema") && *argument)
        show_schema(s, argument);
    else if (!strcmp(text, ".timer"))
        s->session->timer = strcmp(argument, "off") != 0;
    else if (!strcmp(text, ".format") && output_format_find(argument, &format) && format != OUTPUT_PARQUET)
        s->session->format = format;
    else
        fprintf(stderr, "no such command: %s; .help lists them\n", text);
    mem_free(text);
    if (cli_flush(s->session->cli, NULL) != ERR_OK) s->quit = true;
}

/* ---- the loop ---- */

static void remember(struct shell *s, const char *statement)
{
    HistEvent event;
    struct buf line = {0};
    /* On one line, unless a -- comment ends with its line. */
    bool join = strstr(statement, "--") == NULL;
    for (const char *c = statement; *c; c++) buf_char(&line, join && *c == '\n' ? ' ' : *c);
    struct view trimmed = view_trim(view_from(line.ptr ? line.ptr : "", line.len));
    char *kept = mem_strndup(trimmed.ptr, trimmed.len);
    if (*kept) history(s->history, &event, H_ENTER, kept);
    mem_free(kept);
    buf_reset(&line);
}

/* Runs what is complete; what is not stays for the next line. */
static void take_line(struct shell *s, const char *line)
{
    struct view statement, rest;
    bool is_whole;
    buf_str(&s->text, line);
    while (!s->quit && sql_split(view_from(s->text.ptr, s->text.len), &statement, &rest, &is_whole) && is_whole) {
        char *one = mem_strndup(statement.ptr, statement.len), *left = mem_strndup(rest.ptr, rest.len);
        char *shown = mem_printf("%s;", one);
        remember(s, shown);
        buf_clear(&s->text);
        buf_str(&s->text, left);
        run_text(s, one);
        mem_free(one);
        mem_free(left);
        mem_free(shown);
    }
    /* Only white space and comments left: the next statement starts afresh. */
    if (s->text.len && !sql_split(view_from(s->text.ptr, s->text.len), &statement, &rest, &is_whole)) buf_clear(&s->text);
}

static void open_editor(struct shell *s)
{
    HistEvent event;
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    s->edit = el_init("lakefm", stdin, stdout, stderr);
    s->history = history_init();
    history(s->history, &event, H_SETSIZE, HISTORY_LINES);
    history(s->history, &event, H_SETUNIQUE, 1);
    const char *home = getenv("HOME");
    if (home && *home) {
        s->history_path = io_path(home, ".lakefm_history");
        history(s->history, &event, H_LOAD, s->history_path);
    }
    el_set(s->edit, EL_CLIENTDATA, s);
    el_set(s->edit, EL_PROMPT, prompt);
    el_set(s->edit, EL_EDITOR, "emacs");
    el_set(s->edit, EL_HIST, history, s->history);
    el_set(s->edit, EL_GETCFN, read_char);
    el_set(s->edit, EL_ADDFN, "sql-complete", "complete a name", complete);
    el_set(s->edit, EL_BIND, "^I", "sql-complete", NULL);
    el_set(s->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(s->edit, NULL);
}

static void close_editor(struct shell *s)
{
    HistEvent event;
    if (s->history_path) {
        mode_t mask = umask(0077); /* statements may hold what others need not read */
        history(s->history, &event, H_SAVE, s->history_path);
        umask(mask);
    }
    history_end(s->history);
    el_end(s->edit);
    mem_free(s->history_path);
    buf_reset(&s->text);
}

enum err sql_shell(struct sql_session *session, struct error *e)
{
    struct shell s = {.session = session};
    session->timer = true;
    open_editor(&s);
    if (!session->cli->config.quiet)
        cli_print(session->cli, "%s%s%s. Statements end with ; and .help tells more.\n",
                  session->lake ? "Lake " : "No lake", session->lake ? lake_url(session->lake) : "",
                  session->lake ? ", read only: schemas silver and gold" : "");
    enum err rc = cli_flush(session->cli, e);
    while (rc == ERR_OK && !s.quit) {
        int count = 0;
        const char *line = el_gets(s.edit, &count);
        if (!line && cli_stop == SIGINT) {
            cli_stop = 0;
            buf_clear(&s.text);
            fputs("^C\n", stderr);
            el_reset(s.edit);
            continue;
        }
        if (!line || count <= 0 || cli_stop) break;
        char *copy = mem_strdup(line);
        if (!s.text.len && copy[0] == '.')
            dot_command(&s, copy);
        else
            take_line(&s, copy);
        mem_free(copy);
    }
    if (!s.quit) fputc('\n', stdout);
    close_editor(&s);
    return rc;
}
