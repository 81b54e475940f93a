#include "cli/sql_session.h"

#include "base/clock.h"
#include "base/io.h"
#include "lake/views.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err open_lake(struct sql_session *s, struct error *e)
{
    struct lake_head head;
    enum err rc = ERR_OK;
    TRY(schema_set_load(s->cli->config.contracts, &s->contracts, e));
    TRY(lake_open(s->cli->config.lake, LAKE_READER, &s->lake, e));
    TRY(lake_views_names(s->conn, e));
    TRY(lake_views_make_for(s->lake, s->contracts, s->conn, "", &s->partial, e));
    lake_head(s->lake, &head);
    s->seen = head.number;
done:
    return rc;
}

/* Both as the user wrote it and resolved: DuckDB compares the texts of paths. */
static size_t add_folder(const char **dirs, size_t n, struct arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    dirs[n++] = arena_strdup(arena, path);
    if (real) dirs[n++] = arena_strdup(arena, real);
    free(real);
    return n;
}

static enum err lock(struct sql_session *s, const struct cli_list *allow, const char *out_path, struct error *e)
{
    const char **dirs = mem_array(2 * allow->count + 2, sizeof *dirs);
    size_t n = 0;
    char *cache = s->lake ? store_cache_folder(lake_url(s->lake)) : NULL;
    if (cache) n = add_folder(dirs, n, &s->cli->arena, arena_printf(&s->cli->arena, "%s/files", cache));
    else if (s->lake && !strstr(lake_url(s->lake), "://")) n = add_folder(dirs, n, &s->cli->arena, lake_url(s->lake));
    mem_free(cache);
    for (size_t i = 0; i < allow->count; i++) n = add_folder(dirs, n, &s->cli->arena, allow->item[i]);
    struct sql_lock lock = {.paths = &out_path, .path_count = out_path ? 1 : 0, .dirs = dirs, .dir_count = n};
    enum err rc = sql_db_lock(s->db, &lock, e);
    mem_free(dirs);
    return rc;
}

enum err sql_session_open(struct sql_session *s, bool with_lake, const struct cli_list *allow, const char *out_path,
                          uint32_t timeout_ms, struct error *e)
{
    enum err rc = ERR_OK;
    const struct cli_config *config = &s->cli->config;
    const char *tmp = getenv("TMPDIR");
    const char *temp = config->temp ? config->temp : tmp && *tmp ? tmp : "/tmp";
    struct sql_options options = {.memory_bytes = config->memory_bytes,
                                  .threads = (unsigned)config->threads,
                                  .temp_dir = arena_printf(&s->cli->arena, "%s/lakefm-sql-%ld", temp, (long)getpid())};
    TRY(sql_open(&options, &s->db, e));
    TRY(sql_connect(s->db, &s->conn, e));
    if (with_lake) TRY(open_lake(s, e));
    TRY(lock(s, allow, out_path, e));
    sql_conn_watch(s->conn, &(struct sql_watch){.timeout_ms = timeout_ms, .stop = &cli_stop});
done:
    return rc;
}

void sql_session_close(struct sql_session *s)
{
    sql_disconnect(&s->conn);
    sql_close(&s->db);
    lake_close(&s->lake);
    buf_reset(&s->said);
    schema_set_free(&s->contracts);
}

/* The views show the lake's newest commit; *moved says whether that is another one than before. */
static enum err follow_lake(struct sql_session *s, bool *moved, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_head head;
    *moved = false;
    if (!s->lake) return ERR_OK;
    TRY(lake_reload(s->lake, e));
    lake_head(s->lake, &head);
    if (head.number == s->seen && !s->partial) goto done;
    TRY(lake_views_make_for(s->lake, s->contracts, s->conn, s->said.ptr ? s->said.ptr : "", &s->partial, e));
    if (head.number == s->seen) goto done;
    s->seen = head.number;
    *moved = true;
done:
    return rc;
}

static enum err put_out(void *ctx, struct buf *text, struct error *e)
{
    struct sql_session *s = ctx;
    enum err rc = ERR_OK;
    if (text->len) s->wrote = true;
    if (s->out_fd >= 0) {
        rc = io_write_all(s->out_fd, text->ptr, text->len, s->out_path, e);
        buf_clear(text);
        return rc;
    }
    buf_add(&s->cli->out, text->ptr, text->len);
    buf_clear(text);
    return cli_flush(s->cli, e);
}

struct one {
    struct sql_session *session;
    uint64_t started_ns;
};

static void tell_time(struct sql_session *s, const char *what, int64_t count, uint64_t ns)
{
    char number[32], time[32];
    if (!s->timer) return;
    if (what)
        cli_print(s->cli, "%s %s%s, %s\n", cli_human_count(count, number), count == 1 ? "row" : "rows", what,
                  cli_human_ms((int64_t)(ns / 1000000), time));
    else
        cli_print(s->cli, "done, %s\n", cli_human_ms((int64_t)(ns / 1000000), time));
}

static enum err show_result(void *ctx, struct sql_result *r, struct error *e)
{
    struct one *one = ctx;
    struct sql_session *s = one->session;
    int64_t rows = 0;
    enum err rc = ERR_OK;
    if (sql_result_columns(r) && s->results++ && s->format == OUTPUT_TABLE && !s->timer) {
        struct buf line = {0};
        buf_char(&line, '\n');
        rc = put_out(s, &line, e);
        buf_reset(&line);
    }
    if (sql_result_columns(r) && rc == ERR_OK) rc = output_result(r, s->format, put_out, s, &rows, e);
    if (rc != ERR_OK) return rc;
    uint64_t now = clock_mono_ns();
    if (sql_result_columns(r))
        tell_time(s, "", rows, now - one->started_ns);
    else if (sql_result_statement(r) == SQL_STMT_WRITE || sql_result_statement(r) == SQL_STMT_COPY)
        tell_time(s, " written", sql_result_changed(r), now - one->started_ns);
    else
        tell_time(s, NULL, 0, now - one->started_ns);
    one->started_ns = now;
    return s->out_fd < 0 && s->timer ? cli_flush(s->cli, e) : ERR_OK;
}

enum err sql_session_run(struct sql_session *s, const char *script, struct error *e)
{
    bool moved;
    struct one one = {s, clock_mono_ns()};
    enum err rc = ERR_OK;
    if (s->lake && !store_is_local(lake_store(s->lake))) {
        buf_str(&s->said, script);
        buf_char(&s->said, '\n');
    }
    TRY(follow_lake(s, &moved, e));
    s->wrote = false;
    rc = sql_each(s->conn, script, SQL_STREAM, show_result, &one, e);
    bool file_gone = rc == ERR_NOT_FOUND || rc == ERR_IO;
    if (!file_gone || s->wrote) goto done;
    /* A writer may have replaced a file between our look at the log and the read. */
    struct error again = {0};
    if (follow_lake(s, &moved, &again) == ERR_OK && moved)
        rc = sql_each(s->conn, script, SQL_STREAM, show_result, &one, e);
done:
    return rc;
}
