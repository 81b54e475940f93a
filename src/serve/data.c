#include "serve/data.h"

#include "base/io.h"
#include "base/mem.h"
#include "lake/views.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POOL = 6 };
#define SPILL "4GiB" /* of disk for sorts that are larger than the memory: all events as CSV */

struct data {
    struct data_options options;
    pthread_mutex_t lock; /* the pool, the version, the lake's handle */
    pthread_mutex_t refreshing;
    pthread_cond_t freed;
    struct lake *lake;
    struct sql_db *db;
    struct sql_conn *conn[POOL];
    bool used[POOL];
    struct sql_conn *admin; /* makes the views; under `refreshing` */
    uint64_t version;
    struct lake_tables tables; /* as the views see them */
    char temp[32]; /* a folder of ours: results on their way out as Parquet, and what does not fit into memory */
};

/* After the views are made, never before: an answer's ETag must not promise a commit that its query did not see. */
static void saw(struct data *d, struct lake *lake)
{
    struct lake_tables fresh = {0}, old;
    struct lake_head head;
    lake_head(lake, &head);
    lake_tables(lake, &fresh);
    pthread_mutex_lock(&d->lock);
    old = d->tables;
    d->lake = lake;
    d->tables = fresh;
    d->version = head.number;
    pthread_mutex_unlock(&d->lock);
    lake_tables_free(&old);
}

static enum err open_lake(struct data *d, struct error *e)
{
    struct lake *lake = NULL;
    enum err rc = lake_open(d->options.lake_url, LAKE_READER, &lake, e);
    if (rc != ERR_OK) return rc;
    rc = lake_views_make(lake, d->options.contracts, d->admin, e);
    if (rc != ERR_OK) {
        lake_close(&lake);
        return rc;
    }
    saw(d, lake);
    return ERR_OK;
}

/* Whatever is asked from now on, only the lake's tables can be read, and nothing written but in our temp folder. */
static enum err lock_down(struct data *d, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const below[] = {"bronze", "silver", "gold", "quarantine", "staging"};
    char *dirs[6] = {0};
    char *cache = store_cache_folder(d->options.lake_url);
    for (size_t i = 0; i < 5; i++) dirs[i] = cache ? io_path(cache, "files") : io_path(d->options.lake_url, below[i]);
    dirs[5] = mem_strdup(d->temp);
    mem_free(cache);
    struct sql_lock lock = {.dirs = (const char *const *)dirs, .dir_count = 6};
    TRY(sql_exec(d->admin, "SET GLOBAL max_temp_directory_size = '" SPILL "'", e));
    TRY(lake_views_names(d->admin, e));
    TRY(sql_db_lock(d->db, &lock, e));
done:
    for (size_t i = 0; i < 6; i++) mem_free(dirs[i]);
    return rc;
}

enum err data_open(const struct data_options *o, struct data **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct data *d = mem_zalloc(sizeof *d);
    struct sql_options so = {.memory_bytes = o->memory_bytes ? o->memory_bytes : 512u << 20};
    d->options = *o;
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->refreshing, NULL);
    pthread_cond_init(&d->freed, NULL);
    strcpy(d->temp, "/tmp/lakefm-page-XXXXXX");
    if (!mkdtemp(d->temp)) {
        int code = errno;
        d->temp[0] = '\0';
        TRY(err_sys(e, code, "cannot make a folder in /tmp"));
    }
    so.temp_dir = d->temp;
    TRY(sql_open(&so, &d->db, e));
    TRY(sql_connect(d->db, &d->admin, e));
    TRY(sql_exec(d->admin, "CREATE SCHEMA quarantine", e));
    for (size_t i = 0; i < POOL; i++) {
        TRY(sql_connect(d->db, &d->conn[i], e));
        TRY(lake_views_names(d->conn[i], e));
    }
    TRY(lock_down(d, e));
    rc = open_lake(d, e);
    if (rc == ERR_NOT_FOUND) rc = ERR_OK;
    TRY(rc);
    *out = d;
done:
    if (rc != ERR_OK) data_close(&d);
    return rc;
}

void data_close(struct data **data)
{
    struct data *d = *data;
    if (!d) return;
    for (size_t i = 0; i < POOL; i++) sql_disconnect(&d->conn[i]);
    sql_disconnect(&d->admin);
    sql_close(&d->db);
    lake_close(&d->lake);
    lake_tables_free(&d->tables);
    if (d->temp[0]) rmdir(d->temp);
    pthread_cond_destroy(&d->freed);
    pthread_mutex_destroy(&d->refreshing);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
    *data = NULL;
}

enum err data_refresh(struct data *d, bool *changed, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_head head;
    *changed = false;
    pthread_mutex_lock(&d->refreshing);
    if (!d->lake) {
        rc = open_lake(d, e);
        *changed = rc == ERR_OK;
        goto done;
    }
    TRY(lake_reload(d->lake, e));
    lake_head(d->lake, &head);
    if (head.number == d->version) goto done;
    TRY(lake_views_make(d->lake, d->options.contracts, d->admin, e));
    saw(d, d->lake);
    *changed = true;
done:
    pthread_mutex_unlock(&d->refreshing);
    return rc;
}

uint64_t data_version(struct data *d)
{
    pthread_mutex_lock(&d->lock);
    uint64_t version = d->version;
    pthread_mutex_unlock(&d->lock);
    return version;
}

struct lake *data_lake(struct data *d)
{
    pthread_mutex_lock(&d->lock);
    struct lake *lake = d->lake;
    pthread_mutex_unlock(&d->lock);
    return lake;
}

static bool names_word(const char *sql, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = sql; (p = strcasestr(p, word)); p++) {
        bool starts = p == sql || !(isalnum((unsigned char)p[-1]) || p[-1] == '_');
        bool ends = !(isalnum((unsigned char)p[n]) || p[n] == '_');
        if (starts && ends) return true;
    }
    return false;
}

uint64_t data_version_of(struct data *d, const char *sql, struct buf *names)
{
    uint64_t version = 0;
    bool first = true;
    if (names) buf_char(names, '[');
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->tables.count; i++) {
        const struct lake_table *t = &d->tables.table[i];
        if ((t->layer != LAKE_SILVER && t->layer != LAKE_GOLD) || !names_word(sql, t->table)) continue;
        if (t->changed > version) version = t->changed;
        if (!names) continue;
        buf_str(names, first ? "\"" : ",\"");
        buf_str(names, t->table);
        buf_char(names, '"');
        first = false;
    }
    pthread_mutex_unlock(&d->lock);
    if (names) buf_char(names, ']');
    return version;
}

static size_t take_conn(struct data *d)
{
    size_t i;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        for (i = 0; i < POOL && d->used[i]; i++) {}
        if (i < POOL) break;
        pthread_cond_wait(&d->freed, &d->lock);
    }
    d->used[i] = true;
    pthread_mutex_unlock(&d->lock);
    return i;
}

static void give_conn(struct data *d, size_t i)
{
    pthread_mutex_lock(&d->lock);
    d->used[i] = false;
    pthread_cond_signal(&d->freed);
    pthread_mutex_unlock(&d->lock);
}

static enum err as_json(struct sql_result *r, const struct data_limits *limits, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t columns = sql_result_columns(r), rows = 1;
    int64_t total = 0;
    bool truncated = false;
    buf_str(out, "\"columns\":[");
    for (size_t c = 0; c < columns; c++) {
        buf_str(out, c ? ",{\"name\":" : "{\"name\":");
        buf_json(out, sql_column_name(r, c), strlen(sql_column_name(r, c)));
        buf_str(out, ",\"type\":");
        buf_json(out, sql_column_type(r, c), strlen(sql_column_type(r, c)));
        buf_char(out, '}');
    }
    buf_str(out, "],\"rows\":[");
    while (!truncated) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++, total++) {
            if ((limits->rows && total == limits->rows) || (limits->bytes && out->len > limits->bytes)) {
                truncated = true;
                break;
            }
            buf_str(out, total ? ",\n[" : "\n[");
            for (size_t c = 0; c < columns; c++) {
                if (c) buf_char(out, ',');
                sql_add_json(r, c, i, out);
            }
            buf_char(out, ']');
        }
    }
    buf_printf(out, "],\"truncated\":%s", truncated ? "true" : "false");
done:
    return rc;
}

static void csv_cell(struct buf *out, struct view v)
{
    if (v.len && !memchr(v.ptr, '"', v.len) && !memchr(v.ptr, ',', v.len) && !memchr(v.ptr, '\n', v.len) && !memchr(v.ptr, '\r', v.len)) {
        buf_add(out, v.ptr, v.len);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == '"') buf_char(out, '"');
        buf_char(out, v.ptr[i]);
    }
    buf_char(out, '"');
}

static enum err as_csv(struct sql_result *r, const struct data_limits *limits, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t columns = sql_result_columns(r), rows;
    for (size_t c = 0; c < columns; c++) {
        if (c) buf_char(out, ',');
        csv_cell(out, view_of(sql_column_name(r, c)));
    }
    buf_str(out, "\r\n");
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++) {
            if (limits->bytes && out->len > limits->bytes) return err_set(e, ERR_NO_SPACE, "the result is over %zu MiB: ask for fewer days or rows, or for Parquet", limits->bytes >> 20);
            for (size_t c = 0; c < columns; c++) {
                if (c) buf_char(out, ',');
                if (!sql_is_null(r, c, i)) csv_cell(out, sql_get_text(r, c, i));
            }
            buf_str(out, "\r\n");
        }
    }
done:
    return rc;
}

/* Parquet needs a file: one per connection, gone at once. */
static enum err as_parquet(struct data *d, size_t slot, const char *sql, const struct clause_value *values, size_t count, struct buf *out,
                           struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    char *path = mem_printf("%s/%zu.parquet", d->temp, slot);
    struct sql_copy how = {.format = SQL_PARQUET};
    int64_t rows;
    clause_show(sql, values, count, &text); /* literals, quoted: COPY takes no parameters */
    TRY(sql_copy_to(d->conn[slot], text.ptr ? text.ptr : "", path, &how, &rows, e));
    TRY(io_read_file(path, out, e));
done:
    unlink(path);
    mem_free(path);
    buf_reset(&text);
    return rc;
}

/* DuckDB's memory limit does not count long texts in flight, so the process itself is watched. */
struct growth {
    struct sql_conn *conn;
    uint64_t start_bytes, most_bytes;
    atomic_bool over;
};

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%llu %llu", &pages, &resident) != 2) resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void watch_growth(void *ctx, double percent)
{
    struct growth *g = ctx;
    (void)percent;
    if (resident_bytes() < g->start_bytes + g->most_bytes) return;
    atomic_store(&g->over, true);
    sql_interrupt(g->conn);
}

enum err data_query(struct data *d, const char *sql, const struct clause_value *values, size_t value_count,
                    enum data_format format, const struct data_limits *limits, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    struct view used[CLAUSE_PARAMETERS];
    size_t used_count;
    struct sql_stmt *stmt = NULL;
    struct sql_result *result = NULL;
    size_t at = take_conn(d);
    struct sql_conn *conn = d->conn[at];
    struct growth growth = {.conn = conn, .start_bytes = limits->memory_bytes ? resident_bytes() : 0, .most_bytes = limits->memory_bytes};
    struct sql_watch watch = {.timeout_ms = limits->timeout_ms, .ctx = &growth};
    if (limits->memory_bytes) watch.on_progress = watch_growth;
    if (!data_lake(d)) {
        rc = err_set(e, ERR_NOT_FOUND, "there is no lake yet in %s", d->options.lake_url);
        err_hint(e, "run: lakefm demo");
        goto done;
    }
    TRY(clause_render(sql, values, value_count, &text, used, &used_count, e));
    if (limits->select_only) TRY(sql_is_one_select(conn, text.ptr ? text.ptr : "", e));
    if (limits->plan) {
        struct buf explain = {0};
        buf_printf(&explain, "EXPLAIN %s", text.ptr ? text.ptr : "");
        buf_reset(&text);
        text = explain;
    }
    sql_conn_watch(conn, &watch);
    if (format == DATA_PARQUET) {
        TRY(as_parquet(d, at, sql, values, value_count, out, e));
        goto done;
    }
    TRY(sql_prepare(conn, text.ptr ? text.ptr : "", &stmt, e));
    for (size_t i = 0; i < used_count; i++) TRY(sql_bind(stmt, i + 1, sql_text(used[i]), e));
    TRY(sql_run(stmt, SQL_STREAM, &result, e));
    TRY(format == DATA_CSV ? as_csv(result, limits, out, e) : as_json(result, limits, out, e));
done:
    sql_result_free(&result);
    sql_stmt_free(&stmt);
    sql_conn_watch(conn, &(struct sql_watch){0});
    give_conn(d, at);
    buf_reset(&text);
    if (rc != ERR_OK && atomic_load(&growth.over)) {
        rc = err_set(e, ERR_NO_SPACE, "the statement was stopped: it took more than %llu MiB of memory", (unsigned long long)(limits->memory_bytes >> 20));
        err_hint(e, "ask for fewer rows or shorter texts");
    }
    return rc;
}
