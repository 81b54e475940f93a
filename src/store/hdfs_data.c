/* Reading and writing files: the NameNode says which DataNode, the bytes go there.
 *
 * An upload that breaks leaves a closed file that looks whole, or an empty one under another client's lease. So nothing is
 * believed before it was read back, and each further attempt writes under another name. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/hdfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* DataNodes that failed in this call: the NameNode is asked for others, until it has no others. */
struct excluded {
    char text[1024];
};

static void exclude(struct excluded *x, const char *location)
{
    const char *host = strstr(location, "://");
    if (!host) return;
    host += 3;
    size_t n = strcspn(host, "/?"), at = strlen(x->text);
    if (at + n + 2 < sizeof x->text) snprintf(x->text + at, sizeof x->text - at, "%s%.*s", at ? "," : "", (int)n, host);
}

static char *with_excluded(const char *op, const struct excluded *x)
{
    struct buf out = {0};
    buf_str(&out, op);
    if (x->text[0]) {
        buf_str(&out, "&excludedatanodes=");
        web_escape(&out, x->text, strlen(x->text));
    }
    return buf_take(&out);
}

/* Which DataNode? *location: heap, NULL when the answer came at once (a gateway); its body is then in a. */
static enum err ask_where(struct hdfs *h, const char *method, const char *path, const char *op, const char *doing,
                          struct excluded *x, struct hdfs_answer *a, char **location, struct error *e)
{
    *location = NULL;
    char *text = with_excluded(op, x);
    enum err rc = hdfs_ask(h, method, path, text, doing, a, e);
    mem_free(text);
    if (rc == ERR_RETRY) x->text[0] = '\0';
    if (rc != ERR_OK || a->reply.status != 307) return rc;
    struct view where = web_reply_header(&a->reply, "Location");
    if (!where.len) return err_set(e, ERR_IO, "cannot %s %s on HDFS: a redirect to nowhere", doing, path);
    *location = mem_strndup(where.ptr, where.len);
    return ERR_OK;
}

static enum err unreachable(const char *location, const char *doing, const char *path, struct error *e)
{
    const char *host = strstr(location, "://");
    host = host ? host + 3 : location;
    char *context = mem_printf("cannot %s %s on HDFS: the DataNode %.*s: ", doing, path, (int)strcspn(host, "/?"), host);
    err_context(e, "%s", context);
    err_hint(e, "it must be up and reachable from here under the name the NameNode gives (dfs.datanode.hostname)");
    mem_free(context);
    return ERR_RETRY;
}

/* ---- reading ---- */

static enum err get_once(struct hdfs *h, const char *path, const struct hdfs_sink *sink, struct excluded *x, struct error *e)
{
    struct hdfs_answer a = {0};
    struct web_client *c = NULL;
    char *location = NULL;
    enum err rc;
    TRY(sink->begin(sink->ctx, e));
    TRY(ask_where(h, "GET", path, "op=OPEN", "read", x, &a, &location, e));
    if (!location) {
        if (a.reply.body.len) rc = sink->more(sink->ctx, a.reply.body.ptr, a.reply.body.len, e);
        goto done;
    }
    TRY(hdfs_client_take(h, &c, e));
    rc = web_send(c, &(struct web_request){.method = "GET", .url = location, .reply_more = sink->more, .reply_ctx = sink->ctx},
                  &a.reply, e);
    hdfs_client_give(h, c);
    if (rc == ERR_RETRY) {
        exclude(x, location);
        rc = unreachable(location, "read", path, e);
    } else if (rc == ERR_OK && a.reply.status != 200) {
        hdfs_answer_read(&a);
        rc = hdfs_answer_error(h, &a, "read", path, e);
        if (rc == ERR_IO) { /* one replica may be bad, another good */
            exclude(x, location);
            rc = e->code = ERR_RETRY;
        }
    }
done:
    mem_free(location);
    hdfs_answer_reset(&a);
    return rc;
}

enum err hdfs_get(struct hdfs *h, const char *path, const struct hdfs_sink *sink, struct error *e)
{
    struct hdfs_wait wait = {0};
    struct excluded x = {""};
    struct error why;
    enum err rc;
    while ((rc = get_once(h, path, sink, &x, &why)) == ERR_RETRY && hdfs_wait(h, &wait, &why)) {}
    if (rc != ERR_OK && e) *e = why;
    return rc;
}

struct verifying {
    struct hasher *hasher;
    uint64_t bytes;
};

static enum err verify_begin(void *ctx, struct error *e)
{
    struct verifying *v = ctx;
    (void)e;
    hasher_free(&v->hasher);
    v->hasher = hasher_new();
    v->bytes = 0;
    return ERR_OK;
}

static enum err verify_more(void *ctx, const char *p, size_t len, struct error *e)
{
    struct verifying *v = ctx;
    (void)e;
    hasher_add(v->hasher, p, len);
    v->bytes += len;
    return ERR_OK;
}

enum err hdfs_verify(struct hdfs *h, const char *path, uint64_t bytes, struct hash128 hash, struct error *e)
{
    struct verifying v = {0};
    char found[HASH_HEX_SIZE], wanted[HASH_HEX_SIZE];
    enum err rc = hdfs_get(h, path, &(struct hdfs_sink){verify_begin, verify_more, &v}, e);
    if (rc == ERR_OK && v.bytes != bytes)
        rc = err_set(e, ERR_CORRUPT, "%s has %llu bytes on HDFS, not %llu", path, (unsigned long long)v.bytes, (unsigned long long)bytes);
    else if (rc == ERR_OK && !hash_eq(hasher_sum(v.hasher), hash))
        rc = err_set(e, ERR_CORRUPT, "%s has the hash %s on HDFS, not %s", path, hash_hex(hasher_sum(v.hasher), found), hash_hex(hash, wanted));
    hasher_free(&v.hasher);
    return rc;
}

/* ---- writing ---- */

/* ERR_RETRY: what lies under this name now is not to be trusted. */
static enum err send_once(struct hdfs *h, const char *path, const char *local, struct excluded *x, struct error *e)
{
    struct hdfs_answer a = {0};
    struct web_client *c = NULL;
    char *location = NULL;
    enum err rc;
    TRY(ask_where(h, "PUT", path, "op=CREATE&overwrite=false&createparent=false", "write", x, &a, &location, e));
    if (!location) TRY(err_set(e, ERR_UNSUPPORTED, "cannot write %s on HDFS: the NameNode names no DataNode", path));
    TRY(hdfs_client_take(h, &c, e));
    rc = web_send(c, &(struct web_request){.method = "PUT", .url = location, .body_path = local,
                                           .headers = (const char *const[]){"Content-Type: application/octet-stream", NULL}},
                  &a.reply, e);
    hdfs_client_give(h, c);
    if (rc == ERR_RETRY) {
        exclude(x, location);
        rc = unreachable(location, "write", path, e);
    } else if (rc == ERR_OK && a.reply.status != 201) {
        hdfs_answer_read(&a);
        rc = hdfs_answer_error(h, &a, "write", path, e);
        if (rc == ERR_IO && a.reply.status != 401) rc = e->code = ERR_RETRY; /* a broken pipeline has many names */
    }
done:
    mem_free(location);
    hdfs_answer_reset(&a);
    return rc;
}

/* Another name in the same folder. Heap. */
static char *other_name(const char *path)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint32_t)clock_mono_ns();
    return mem_printf("%s.again-%08x", path, (unsigned)random);
}

/* Uploads under `name`, reads it back, and brings it to `path`. */
static enum err put_once(struct hdfs *h, const char *name, const char *path, const char *local, uint64_t bytes,
                         struct hash128 hash, struct excluded *x, struct error *e)
{
    struct store_stat st;
    uint64_t id = 0;
    enum err rc = send_once(h, name, local, x, e);
    if (rc != ERR_OK) return rc; /* not found: the folder is gone, with whoever took it away */
    rc = hdfs_verify(h, name, bytes, hash, e);
    if (rc == ERR_CORRUPT || rc == ERR_NOT_FOUND) rc = err_set(e, ERR_RETRY, "%s did not arrive whole on HDFS", path);
    if (rc == ERR_OK) rc = hdfs_status(h, name, &st, &id, e);
    if (rc != ERR_OK || name == path) return rc;
    rc = hdfs_delete(h, path, false, e); /* of the broken attempts */
    return rc == ERR_OK ? hdfs_rename(h, name, path, false, e) : rc;
}

enum err hdfs_put(struct hdfs *h, const char *path, const char *local, uint64_t bytes, struct hash128 hash, struct error *e)
{
    struct hdfs_wait wait = {0};
    struct excluded x = {""};
    struct error why;
    char *other = NULL;
    enum err rc;
    for (;;) {
        rc = put_once(h, other ? other : path, path, local, bytes, hash, &x, &why);
        /* An upload is repeated by the connection's own means when it was closed under it. */
        if (rc == ERR_EXISTS && !other && hdfs_verify(h, path, bytes, hash, NULL) == ERR_OK) rc = ERR_OK;
        bool broken = rc != ERR_OK && (rc != ERR_EXISTS || other);
        if (broken && hdfs_delete(h, other ? other : path, false, NULL) != ERR_OK) log_debug("%s: its rest stays for now", path);
        if (rc != ERR_RETRY || !hdfs_wait(h, &wait, &why)) break;
        mem_free(other);
        other = other_name(path);
    }
    mem_free(other);
    if (rc != ERR_OK && e) *e = why;
    return rc;
}
