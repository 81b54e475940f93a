#include "publish/click.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct click {
    struct web_client *web;
    struct web_reply reply;
    char *url; /* without a '/' at the end */
    char version[64];
    unsigned major, minor;
};

void click_name(struct buf *out, const char *name)
{
    buf_char(out, '`');
    for (; *name; name++) {
        if (*name == '`' || *name == '\\') buf_char(out, '\\');
        buf_char(out, *name);
    }
    buf_char(out, '`');
}

void click_text(struct buf *out, const char *text)
{
    buf_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') buf_char(out, '\\');
        if (*text == '\n') buf_str(out, "\\n");
        else buf_char(out, *text);
    }
    buf_char(out, '\'');
}

void click_cell(const char **at, struct buf *out, bool *null)
{
    static const char from[] = "btnr0f", to[] = "\b\t\n\r\0\f";
    const char *p = *at;
    buf_clear(out);
    *null = false;
    for (; *p && *p != '\t' && *p != '\n'; p++) {
        if (*p != '\\' || !p[1]) {
            buf_char(out, *p);
            continue;
        }
        p++;
        const char *known = strchr(from, *p);
        if (*p == 'N') *null = true;
        else buf_char(out, known ? to[known - from] : *p);
    }
    buf_reserve(out, 1)[0] = '\0';
    *at = *p ? p + 1 : p;
}

/* ---- requests ---- */

/* "Code: 60. DB::Exception: Table … does not exist. (UNKNOWN_TABLE) (version 26.7.3.1)": one line, without the version. */
static enum err server_error(struct click *c, struct error *e)
{
    const char *text = c->reply.body.ptr ? c->reply.body.ptr : "", *from = strstr(text, "Code:");
    if (!from) from = text;
    size_t len = strcspn(from, "\r\n");
    const char *version = memmem(from, len, " (version ", 10);
    if (version) len = (size_t)(version - from);
    enum err code = ERR_INPUT;
    int number = !strncmp(from, "Code:", 5) ? atoi(from + 5) : 0;
    if (number == 516 || number == 192 || number == 193 || number == 194 || c->reply.status == 401) code = ERR_USAGE;
    if (number == 241 || number == 202 || number == 209 || number == 210) code = ERR_RETRY; /* memory, too many queries, network */
    if (!len) err_set(e, code, "ClickHouse at %s answered with HTTP status %ld", c->url, c->reply.status);
    else err_set(e, code, "ClickHouse says: %.*s", (int)(len < 600 ? len : 600), from);
    if (code == ERR_USAGE) err_hint(e, "settings clickhouse.user and clickhouse.password");
    return code;
}

static bool failed(const struct click *c)
{
    if (c->reply.status != 200) return true;
    if (web_reply_header(&c->reply, "X-ClickHouse-Exception-Code").ptr) return true;
    return c->reply.body.len && (strstr(c->reply.body.ptr, "\n__exception__\r\n") || !strncmp(c->reply.body.ptr, "Code: ", 6));
}

static enum err send(struct click *c, const char *query, struct web_request *r, struct error *e)
{
    struct buf url = {0};
    buf_printf(&url, "%s/?wait_end_of_query=1", c->url);
    if (query) {
        buf_str(&url, "&query=");
        web_escape(&url, query, strlen(query));
    }
    r->method = "POST";
    r->url = url.ptr;
    r->once = true; /* a second EXCHANGE would undo the first */
    enum err rc = web_send(c->web, r, &c->reply, e);
    if (rc == ERR_OK && failed(c)) rc = server_error(c, e);
    buf_reset(&url);
    return rc;
}

enum err click_run(struct click *c, const char *sql, struct error *e)
{
    struct web_request r = {.body = view_of(sql)};
    return send(c, NULL, &r, e);
}

enum err click_runf(struct click *c, struct error *e, const char *fmt, ...)
{
    va_list ap;
    char *sql;
    va_start(ap, fmt);
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0) return err_set(e, ERR_INTERNAL, "cannot write a statement");
    enum err rc = click_run(c, sql, e);
    free(sql);
    return rc;
}

enum err click_rows(struct click *c, const char *sql, struct buf *out, struct error *e)
{
    enum err rc = click_run(c, sql, e);
    if (rc == ERR_OK) buf_add(out, c->reply.body.ptr, c->reply.body.len);
    buf_reserve(out, 1)[0] = '\0';
    return rc;
}

enum err click_value(struct click *c, const char *sql, struct buf *out, struct error *e)
{
    enum err rc = click_run(c, sql, e);
    const char *at = c->reply.body.ptr;
    bool null;
    buf_clear(out);
    if (rc == ERR_OK && at && *at) click_cell(&at, out, &null);
    buf_reserve(out, 1)[0] = '\0';
    return rc;
}

/* {"read_rows":"1000","written_rows":"1000",…} */
static int64_t written_rows(const struct click *c)
{
    static const char key[] = "\"written_rows\":\"";
    struct view v = web_reply_header(&c->reply, "X-ClickHouse-Summary");
    const char *at = v.ptr ? memmem(v.ptr, v.len, key, strlen(key)) : NULL;
    return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

enum err click_insert_file(struct click *c, const char *sql, const char *path, int64_t *written, struct error *e)
{
    struct web_request r = {.body_path = path};
    enum err rc = send(c, sql, &r, e);
    *written = rc == ERR_OK ? written_rows(c) : -1;
    return rc;
}

enum err click_insert(struct click *c, const char *sql, enum err (*more)(void *ctx, struct buf *out, struct error *e), void *ctx,
                      struct error *e)
{
    struct web_request r = {.body_more = more, .body_ctx = ctx};
    return send(c, sql, &r, e);
}

/* ---- opening ---- */

static enum err ask_version(struct click *c, struct error *e)
{
    struct buf v = {0};
    enum err rc = click_value(c, "SELECT version()", &v, e);
    if (rc == ERR_OK && (!v.len || v.len >= sizeof c->version || sscanf(v.ptr, "%u.%u", &c->major, &c->minor) != 2)) {
        err_set(e, ERR_INPUT, "what answers at %s is not ClickHouse", c->url);
        rc = err_hint(e, "its HTTP interface is usually on port 8123");
    }
    if (rc == ERR_OK) snprintf(c->version, sizeof c->version, "%s", v.ptr);
    buf_reset(&v);
    return rc;
}

enum err click_open(const struct click_options *o, struct click **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct click *c = mem_zalloc(sizeof *c);
    uint64_t give_up = clock_mono_ns() + (uint64_t)o->wait_ms * 1000000;
    c->url = mem_strdup(o->url);
    while (str_ends(c->url, "/")) c->url[strlen(c->url) - 1] = '\0';
    if (!strstr(c->url, "://")) {
        err_set(e, ERR_USAGE, "\"%s\" is no address of a ClickHouse server", o->url);
        TRY(err_hint(e, "for example: http://localhost:8123"));
    }
    struct web_options web = {.user = o->user ? o->user : "default",
                              .password = o->password ? o->password : "",
                              .connect_ms = 5000,
                              .silent_ms = 600000, /* a query is silent until its end */
                              .stop = o->stop};
    TRY(web_open(&web, &c->web, e));
    while ((rc = ask_version(c, e)) == ERR_RETRY && clock_mono_ns() < give_up && !(o->stop && *o->stop)) {
        struct timespec pause = {0, 300000000};
        nanosleep(&pause, NULL);
    }
    if (rc == ERR_RETRY) err_hint(e, "is ClickHouse running, and is this its HTTP port?");
    TRY(rc);
    *out = c;
    return ERR_OK;
done:
    click_close(&c);
    return rc;
}

void click_close(struct click **click)
{
    struct click *c = *click;
    if (!c) return;
    web_close(&c->web);
    web_reply_reset(&c->reply);
    mem_free(c->url);
    mem_free(c);
    *click = NULL;
}

const char *click_version(const struct click *c) { return c->version; }

bool click_at_least(const struct click *c, unsigned major, unsigned minor)
{
    return c->major != major ? c->major > major : c->minor >= minor;
}
