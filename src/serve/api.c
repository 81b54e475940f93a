#include "serve/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    DATA_ROWS = 100000,
    DATA_BYTES = 256 << 20, /* an answer is made whole before it is sent */
    DATA_TIMEOUT_MS = 20000,
    CONSOLE_ROWS = 10000,
    CONSOLE_BYTES = 16 << 20,
    CONSOLE_MEMORY = 512 << 20, /* of long texts that are being made */
    CONSOLE_TIMEOUT_MS = 30000,
    HEARTBEAT_MS = 5000
};

static void json_key(struct buf *out, const char *key, const char *value, bool *first)
{
    if (!value) return;
    buf_str(out, *first ? "" : ",");
    *first = false;
    buf_printf(out, "\"%s\":", key);
    buf_json(out, value, strlen(value));
}

static void json_chart(struct serve *s, const struct board_chart *c, struct buf *out)
{
    struct view names[CLAUSE_PARAMETERS];
    bool first = true;
    buf_char(out, '{');
    json_key(out, "id", c->id, &first);
    json_key(out, "title", c->title, &first);
    json_key(out, "about", c->about, &first);
    json_key(out, "kind", c->kind, &first);
    json_key(out, "x", c->x, &first);
    json_key(out, "series", c->series, &first);
    json_key(out, "unit", c->unit, &first);
    json_key(out, "time", c->time, &first);
    json_key(out, "weeks", c->weeks, &first);
    json_key(out, "sql", c->sql, &first);
    buf_str(out, ",\"y\":[");
    for (size_t i = 0; i < c->y_count; i++) {
        if (i) buf_char(out, ',');
        buf_json(out, c->y[i], strlen(c->y[i]));
    }
    buf_str(out, "],\"link\":{");
    for (size_t i = 0; i < c->link_count; i++) {
        if (i) buf_char(out, ',');
        buf_json(out, c->link[i].key, strlen(c->link[i].key));
        buf_char(out, ':');
        buf_json(out, c->link[i].value, strlen(c->link[i].value));
    }
    buf_str(out, "},\"filters\":[");
    size_t count = clause_names(c->sql, names);
    for (size_t i = 0; i < count; i++) {
        if (i) buf_char(out, ',');
        buf_json(out, names[i].ptr, names[i].len);
    }
    buf_printf(out, "],\"width\":%lld,\"height\":%lld,\"limit\":%lld,\"has_rows\":%s,\"tables\":", (long long)c->width,
               (long long)c->height, (long long)c->limit, c->rows ? "true" : "false");
    char *texts = mem_printf("%s\n%s", c->sql, c->quick ? c->quick : "");
    data_version_of(s->data, texts, out);
    mem_free(texts);
    buf_char(out, '}');
}

static void json_board(struct serve *s, const struct board *b, bool charts, struct buf *out)
{
    bool first = true;
    buf_char(out, '{');
    json_key(out, "name", b->name, &first);
    json_key(out, "title", b->title, &first);
    json_key(out, "about", b->about, &first);
    json_key(out, "file", b->origin, &first);
    json_key(out, "error", b->error, &first);
    if (charts) {
        buf_str(out, ",\"charts\":[");
        for (size_t i = 0; i < b->chart_count; i++) {
            buf_str(out, i ? ",\n" : "\n");
            json_chart(s, &b->charts[i], out);
        }
        buf_char(out, ']');
    }
    buf_char(out, '}');
}

static void boards(struct serve *s, struct http_answer *a)
{
    pthread_rwlock_rdlock(&s->boards_lock);
    buf_str(&a->body, "{\"boards\":[");
    for (size_t i = 0; i < s->boards->count; i++) {
        buf_str(&a->body, i ? ",\n" : "\n");
        json_board(s, &s->boards->board[i], true, &a->body);
    }
    buf_str(&a->body, "]}\n");
    pthread_rwlock_unlock(&s->boards_lock);
}

static int status_of(enum err code)
{
    switch (code) {
    case ERR_INPUT:
    case ERR_USAGE: return 400;
    case ERR_NOT_FOUND: return 404;
    case ERR_RETRY:
    case ERR_STOPPED: return 408;
    case ERR_NO_SPACE: return 413;
    default: return 500;
    }
}

static void failed(struct http_answer *a, enum err rc, const struct error *e)
{
    char text[1600];
    http_error(a, status_of(rc), err_name(rc), "%s", err_format(e, text, sizeof text));
}

static size_t values_of(const struct http_request *r, struct clause_value out[HTTP_QUERY])
{
    size_t count = 0;
    for (size_t i = 0; i < r->query_count; i++) {
        const char *name = r->query[i].name;
        if (!*r->query[i].value || !strcmp(name, "format") || !strcmp(name, "token") || !strcmp(name, "limit")) continue;
        out[count++] = (struct clause_value){view_of(name), view_of(r->query[i].value)};
    }
    return count;
}

/* The same SQL on the same commit with the same values is the same answer. */
static void tag(struct serve *s, const char *sql, const struct clause_value *values, size_t count, enum data_format format,
                struct http_answer *a)
{
    struct hasher *h = hasher_new();
    char hex[HASH_HEX_SIZE];
    uint64_t version = data_version_of(s->data, sql, NULL);
    if (!version) version = data_version(s->data); /* quarantine: any commit may have changed it */
    hasher_add(h, sql, strlen(sql));
    hasher_add(h, &version, sizeof version);
    hasher_add(h, &format, sizeof format);
    for (size_t i = 0; i < count; i++) {
        hasher_add(h, values[i].name.ptr, values[i].name.len);
        hasher_add(h, "=", 1);
        hasher_add(h, values[i].value.ptr, values[i].value.len);
        hasher_add(h, "&", 1);
    }
    hash_hex(hasher_sum(h), hex);
    hasher_free(&h);
    snprintf(a->etag, sizeof a->etag, "%.24s", hex);
}

static bool wanted_format(const struct http_request *r, enum data_format *format, struct http_answer *a, const char *name)
{
    const char *f = http_query(r, "format");
    *format = DATA_JSON;
    if (!f || !strcmp(f, "json")) return true;
    if (!strcmp(f, "csv")) {
        *format = DATA_CSV;
        a->type = "text/csv; charset=utf-8; header=present";
    } else if (!strcmp(f, "parquet")) {
        *format = DATA_PARQUET;
        a->type = "application/vnd.apache.parquet";
    } else {
        http_error(a, 400, "usage", "format is json, csv or parquet");
        return false;
    }
    snprintf(a->download, sizeof a->download, "%s.%s", name, f);
    return true;
}

/* Appends ,"total":N: how many rows the SQL has, however many are sent. */
static enum err add_total(struct serve *s, const char *sql, const struct clause_value *values, size_t count, struct buf *out,
                          struct error *e)
{
    struct buf whole = {0}, answer = {0};
    struct data_limits limits = {.rows = 1, .timeout_ms = DATA_TIMEOUT_MS};
    buf_printf(&whole, "select count(*) from (%s) as counted", sql);
    enum err rc = data_query(s->data, whole.ptr, values, count, DATA_JSON, &limits, &answer, e);
    const char *at = rc == ERR_OK ? strstr(answer.ptr, "\n[") : NULL;
    if (at) buf_printf(out, ",\"total\":%.*s", (int)strcspn(at + 2, "]"), at + 2);
    buf_reset(&whole);
    buf_reset(&answer);
    return rc;
}

static enum err make_answer(struct serve *s, const char *sql, const struct clause_value *values, size_t count, enum data_format format,
                            int64_t rows, bool total, struct buf *out, struct error *e)
{
    struct data_limits limits = {.rows = rows, .timeout_ms = DATA_TIMEOUT_MS, .bytes = DATA_BYTES};
    struct buf shown = {0}, first = {0};
    uint64_t started = clock_mono_ns(), version = data_version_of(s->data, sql, NULL);
    if (format == DATA_JSON) buf_char(out, '{');
    /* One row more than are sent, so that it is known whether some were cut; the engine then sorts no more than these. */
    if (total && rows) buf_printf(&first, "select * from (%s) as behind limit %lld", sql, (long long)rows + 1);
    enum err rc = data_query(s->data, first.len ? first.ptr : sql, values, count, format, &limits, out, e);
    buf_reset(&first);
    if (rc == ERR_OK && total && format == DATA_JSON) rc = add_total(s, sql, values, count, out, e);
    if (rc != ERR_OK || format != DATA_JSON) return rc;
    clause_show(sql, values, count, &shown);
    buf_printf(out, ",\"version\":%llu,\"tables\":", (unsigned long long)version);
    data_version_of(s->data, sql, out);
    buf_str(out, ",\"sql\":");
    buf_json(out, shown.ptr ? shown.ptr : "", shown.len);
    buf_printf(out, ",\"took_ms\":%.1f}\n", (double)(clock_mono_ns() - started) / 1e6);
    buf_reset(&shown);
    return rc;
}

static void answer_query(struct serve *s, const struct http_request *r, const char *name, const char *sql, int64_t rows,
                         bool total, struct http_answer *a)
{
    struct clause_value values[HTTP_QUERY];
    size_t count = values_of(r, values);
    enum data_format format;
    struct error e;
    if (!wanted_format(r, &format, a, name)) return;
    tag(s, sql, values, count, format, a);
    snprintf(a->etag + strlen(a->etag), sizeof a->etag - strlen(a->etag), "-%lld", (long long)rows);
    if (r->if_none_match && strstr(r->if_none_match, a->etag)) return; /* 304: nothing needs to run */
    if (cache_get(s->cache, a->etag, &a->body)) return;
    enum err rc = make_answer(s, sql, values, count, format, rows, total, &a->body, &e);
    if (rc == ERR_OK) {
        cache_put(s->cache, a->etag, &a->body);
        return;
    }
    cache_drop(s->cache, a->etag);
    failed(a, rc, &e);
}

/* The chart's SQL over a mart will do when it knows every filter set that the whole one knows. */
static const char *sql_for(const struct board_chart *c, const struct http_request *r)
{
    struct view whole[CLAUSE_PARAMETERS], quick[CLAUSE_PARAMETERS];
    if (!c->quick) return c->sql;
    size_t whole_count = clause_names(c->sql, whole), quick_count = clause_names(c->quick, quick);
    for (size_t i = 0; i < whole_count; i++) {
        bool set = false, known = false;
        for (size_t j = 0; j < r->query_count; j++) set |= *r->query[j].value && view_is(whole[i], r->query[j].name);
        for (size_t j = 0; j < quick_count; j++) known |= view_eq(whole[i], quick[j]);
        if (set && !known) return c->sql;
    }
    return c->quick;
}

/* /api/v1/data/BOARD/CHART and /api/v1/rows/BOARD/CHART */
static void chart_query(struct serve *s, const struct http_request *r, const char *rest, bool rows, struct http_answer *a)
{
    const char *slash = strchr(rest, '/');
    char *sql = NULL, name[128] = "";
    if (slash) {
        pthread_rwlock_rdlock(&s->boards_lock);
        const struct board *b = board_find(s->boards, view_from(rest, (size_t)(slash - rest)));
        const struct board_chart *c = b ? board_chart_find(b, view_of(slash + 1)) : NULL;
        const char *text = c ? (rows ? c->rows : sql_for(c, r)) : NULL;
        if (text) {
            sql = mem_strdup(text);
            snprintf(name, sizeof name, "%s%s", c->id, rows ? "_rows" : "");
        }
        pthread_rwlock_unlock(&s->boards_lock);
    }
    if (!sql) {
        http_error(a, 404, "not_found", rows ? "no chart %s, or it has no rows behind it" : "no chart %s", rest);
        return;
    }
    const char *limit = http_query(r, "limit");
    int64_t most = DATA_ROWS, asked;
    if (limit && str_i64(limit, &asked) && asked > 0 && asked < most) most = asked;
    answer_query(s, r, name, sql, http_query(r, "format") && !limit ? 0 : most, rows, a);
    mem_free(sql);
}

static void console(struct serve *s, const struct http_request *r, struct http_answer *a)
{
    if (!s->options.console) {
        http_error(a, 403, "console", "the SQL console is off; start with --console");
        return;
    }
    if (strcmp(r->method, "POST")) {
        http_error(a, 405, "method", "send the statement by POST, as text");
        return;
    }
    if (!r->body.len || !utf8_valid(r->body.ptr, r->body.len) || memchr(r->body.ptr, 0, r->body.len)) {
        http_error(a, 400, "usage", "the body is one SELECT as UTF-8 text");
        return;
    }
    struct error e;
    enum data_format format;
    struct data_limits limits = {.rows = CONSOLE_ROWS, .timeout_ms = CONSOLE_TIMEOUT_MS, .bytes = CONSOLE_BYTES, .memory_bytes = CONSOLE_MEMORY, .select_only = true,
                                 .plan = http_query(r, "plan") != NULL};
    char *sql = mem_strndup(r->body.ptr, r->body.len);
    uint64_t started = clock_mono_ns();
    if (wanted_format(r, &format, a, "result")) {
        if (format == DATA_JSON) buf_char(&a->body, '{');
        enum err rc = data_query(s->data, sql, NULL, 0, format, &limits, &a->body, &e);
        if (rc != ERR_OK) failed(a, rc, &e);
        else if (format == DATA_JSON) buf_printf(&a->body, ",\"took_ms\":%.1f}\n", (double)(clock_mono_ns() - started) / 1e6);
    }
    mem_free(sql);
}

static void tables(struct serve *s, const struct http_request *r, struct http_answer *a)
{
    static const char sql[] = "select v.schema_name as schema, v.view_name as \"table\", c.column_name as \"column\", c.data_type as type "
                              "from duckdb_views() v join duckdb_columns() c on c.table_oid = v.view_oid where v.schema_name in "
                              "('gold', 'silver', 'quarantine') order by 1, 2, c.column_index";
    answer_query(s, r, "tables", sql, 0, false, a);
    a->etag[0] = '\0';
}

/* /api/v1/users/N: is there such a user? null: the lake has no users, or cannot say. */
static void user(struct serve *s, const char *id, struct http_answer *a)
{
    static const char sql[] = "select count(*) from dim_user where userId = {{user}}";
    const struct clause_value value = {view_of("user"), view_of(id)};
    struct data_limits limits = {.rows = 1, .timeout_ms = DATA_TIMEOUT_MS};
    struct buf answer = {0};
    int64_t number;
    if (!str_i64(id, &number)) {
        http_error(a, 400, "usage", "a user's id is a number");
        return;
    }
    const char *at = data_query(s->data, sql, &value, 1, DATA_JSON, &limits, &answer, NULL) == ERR_OK ? strstr(answer.ptr, "\n[") : NULL;
    buf_printf(&a->body, "{\"user\":%lld,\"known\":%s}\n", (long long)number, !at ? "null" : at[2] == '0' ? "false" : "true");
    buf_reset(&answer);
}

/* ---- server-sent events ---- */

struct feed {
    struct serve *s;
    uint64_t at;
    bool greeted;
};

static bool feed_read(void *ctx, struct buf *out)
{
    struct feed *f = ctx;
    if (!f->greeted) {
        f->greeted = true;
        buf_printf(out, "retry: 1000\nevent: hello\ndata: {\"version\":%llu,\"time_ms\":%lld}\n\n",
                   (unsigned long long)data_version(f->s->data), (long long)clock_now_ms());
        return true;
    }
    bool open = hub_wait(f->s->hub, &f->at, HEARTBEAT_MS, out);
    if (open && !out->len) buf_printf(out, "event: beat\ndata: {\"time_ms\":%lld}\n\n", (long long)clock_now_ms());
    return open;
}

static void feed_free(void *ctx) { mem_free(ctx); }

static void events(struct serve *s, const struct http_request *r, struct http_answer *a)
{
    struct feed *f = mem_zalloc(sizeof *f);
    int64_t last;
    f->s = s;
    f->at = hub_next(s->hub);
    if (r->last_event_id && str_i64(r->last_event_id, &last) && last > 0) f->at = (uint64_t)last + 1;
    a->type = "text/event-stream; charset=utf-8";
    a->cache = "no-store";
    a->stream = feed_read;
    a->stream_free = feed_free;
    a->stream_ctx = f;
}

bool serve_api(struct serve *s, const struct http_request *r, struct http_answer *a)
{
    const char *p = r->path;
    bool get = !strcmp(r->method, "GET");
    if (!strcmp(p, "/healthz")) {
        a->type = "text/plain; charset=utf-8";
        buf_str(&a->body, "ok\n");
    } else if (!strcmp(p, "/readyz")) {
        a->type = "text/plain; charset=utf-8";
        bool lake = data_lake(s->data) != NULL, ready = lake && (!s->options.ready || s->options.ready(s->options.ctx, &a->body));
        a->status = ready ? 200 : 503;
        if (ready || !lake) buf_str(&a->body, ready ? "ready\n" : "no lake yet\n");
    } else if (!strcmp(p, "/metrics")) {
        a->type = "text/plain; version=0.0.4; charset=utf-8";
        serve_metrics(s, &a->body);
        if (s->options.metrics) s->options.metrics(s->options.ctx, &a->body);
    } else if (!str_starts(p, "/api/")) {
        return false;
    } else if (!strcmp(p, "/api/v1/sql")) {
        console(s, r, a);
    } else if (!strcmp(p, "/api/v1/audit")) {
        serve_audit(s, !get, a);
    } else if (!get) {
        http_error(a, 405, "method", "only GET");
    } else if (!strcmp(p, "/api/v1/boards")) {
        boards(s, a);
    } else if (str_starts(p, "/api/v1/data/")) {
        chart_query(s, r, p + strlen("/api/v1/data/"), false, a);
    } else if (str_starts(p, "/api/v1/rows/")) {
        chart_query(s, r, p + strlen("/api/v1/rows/"), true, a);
    } else if (!strcmp(p, "/api/v1/tables")) {
        tables(s, r, a);
    } else if (str_starts(p, "/api/v1/users/")) {
        user(s, p + strlen("/api/v1/users/"), a);
    } else if (!strcmp(p, "/api/v1/status")) {
        serve_status(s, &a->body);
    } else if (!strcmp(p, "/api/v1/events")) {
        events(s, r, a);
    } else {
        http_error(a, 404, "not_found", "there is no %.200s; see /openapi.json", p);
    }
    return true;
}
