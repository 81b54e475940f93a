/* From a URL and the settings to an open store. */
#include "base/mem.h"
#include "base/str.h"
#include "store/hdfs.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct store_ops hdfs_ops;
static struct store_hdfs_settings settings;

void store_hdfs_setup(const struct store_hdfs_settings *s) { settings = *s; }

/* "host" → "host:9870". Heap. */
static char *with_port(const char *host, size_t len, int port)
{
    const char *end = host + len, *bracket = memchr(host, ']', len); /* [::1]:9870 */
    bool has = memchr(bracket ? bracket : host, ':', (size_t)(end - (bracket ? bracket : host))) != NULL;
    return has ? mem_strndup(host, len) : mem_printf("%.*s:%d", (int)len, host, port);
}

static void add_node(struct hdfs *h, char *node)
{
    h->node = mem_realloc(h->node, (h->nodes + 1) * sizeof *h->node);
    h->node[h->nodes++] = node;
}

static void set_auth(struct hdfs *h, const char *user, size_t user_len)
{
    struct buf auth = {0};
    const char *name = getenv("HADOOP_USER_NAME");
    if (settings.token && *settings.token) {
        buf_str(&auth, "&delegation=");
        web_escape(&auth, settings.token, strlen(settings.token));
        h->auth = buf_take(&auth);
        return;
    }
    if (settings.user && *settings.user) name = settings.user;
    if (user_len) {
        name = NULL;
    } else if (!name || !*name) {
        struct passwd *p = getpwuid(geteuid());
        name = p ? p->pw_name : NULL;
    }
    buf_str(&auth, "&user.name=");
    if (user_len) web_escape(&auth, user, user_len);
    else if (name) web_escape(&auth, name, strlen(name));
    h->auth = user_len || name ? buf_take(&auth) : mem_strdup("");
    buf_reset(&auth);
}

/* hdfs://[user@]host[:rpc port]/path, webhdfs://host:http port/path, swebhdfs:// (TLS) */
static enum err parse(struct hdfs *h, const char *url, struct error *e)
{
    const char *at = strstr(url, "://") + 3, *slash = strchr(at, '/'), *host = at;
    bool hdfs = str_starts(url, "hdfs://"), tls = str_starts(url, "swebhdfs://");
    size_t len = slash ? (size_t)(slash - at) : strlen(at), user_len = 0;
    const char *sign = memchr(at, '@', len);
    if (sign) {
        user_len = (size_t)(sign - at);
        host = sign + 1;
        len -= user_len + 1;
    }
    if (!len) {
        err_set(e, ERR_USAGE, "no host in %s", url);
        return err_hint(e, "give hdfs://host:port/path");
    }
    h->scheme = mem_strdup(tls ? "https" : "http");
    int port = tls ? 9871 : 9870;
    if (settings.http && *settings.http) {
        for (const char *p = settings.http; *p;) {
            size_t n = strcspn(p, ",");
            struct view one = view_trim(view_from(p, n));
            if (one.len) add_node(h, with_port(one.ptr, one.len, port));
            p += n + (p[n] == ',');
        }
    }
    if (!h->nodes && hdfs) { /* the URL's port is the RPC port, which we do not speak */
        const char *bracket = memchr(host, ']', len), *from = bracket ? bracket : host;
        const char *colon = memchr(from, ':', len - (size_t)(from - host));
        add_node(h, with_port(host, colon ? (size_t)(colon - host) : len, port));
    } else if (!h->nodes) {
        add_node(h, with_port(host, len, port));
    }
    size_t root = slash ? strlen(slash) : 0;
    while (root && slash[root - 1] == '/') root--;
    h->root = mem_strndup(slash ? slash : "", root);
    set_auth(h, at, user_len);
    return ERR_OK;
}

static enum err check_root(struct hdfs *h, unsigned flags, struct error *e)
{
    struct store_stat st;
    if (flags & STORE_CREATE) return hdfs_mkdirs(h, "", e);
    enum err rc = hdfs_status(h, "", &st, NULL, e);
    if (rc == ERR_OK && !st.is_dir) rc = err_set(e, ERR_INPUT, "%s is not a folder", h->base.url);
    return rc;
}

char *store_hdfs_cache_folder(void) { return settings.cache ? mem_strdup(settings.cache) : hdfs_cache_usual(); }

enum err store_hdfs_open(const char *url, unsigned flags, struct store **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct web_client *c = NULL;
    struct store *s;
    struct hdfs *h = mem_zalloc(sizeof *h);
    h->base.ops = &hdfs_ops;
    h->base.url = mem_strdup(url);
    h->patience_ms = settings.patience_ms > 0 ? settings.patience_ms : 60000;
    h->lease_ms = settings.lease_ms > 0 ? settings.lease_ms : 30000;
    h->stop = settings.stop;
    h->fresh = flags & STORE_FRESH;
    h->cache.session_lock = -1;
    pthread_mutex_init(&h->pool, NULL);
    pthread_mutex_init(&h->ids_mutex, NULL);
    hdfs_beats_open(&h->beats);
    hdfs_uploads_open(&h->uploads, settings.uploads > 0 ? settings.uploads : 4);
    pthread_mutex_init(&h->cache.mutex, NULL);
    rc = parse(h, url, e);
    if (rc == ERR_OK) rc = hdfs_cache_open(&h->cache, settings.cache, settings.cache_bytes ? settings.cache_bytes : 10ull << 30, e);
    if (rc == ERR_OK) rc = hdfs_client_take(h, &c, e); /* is libcurl there? */
    if (c) hdfs_client_give(h, c);
    if (rc == ERR_OK) rc = check_root(h, flags, e);
    s = &h->base;
    if (rc != ERR_OK) store_close(&s);
    *out = s;
    return rc;
}
