#include "store/store.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/ops.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool is_hdfs(const char *url) { return str_starts(url, "hdfs://") || str_starts(url, "webhdfs://") || str_starts(url, "swebhdfs://"); }

enum err store_open(const char *url, unsigned flags, struct store **out, struct error *e)
{
    *out = NULL;
    if (!url || !*url) return err_set(e, ERR_USAGE, "no lake given");
    if (str_starts(url, "file://")) return store_local_open(url + 7, url, flags, out, e);
    if (is_hdfs(url)) return store_hdfs_open(url, flags, out, e);
    const char *scheme = strstr(url, "://");
    if (scheme && scheme != url) {
        err_set(e, ERR_USAGE, "cannot open %s: unknown kind of store \"%.*s\"", url, (int)(scheme - url), url);
        err_hint(e, "give a folder or hdfs://host:port/path");
        return ERR_USAGE;
    }
    return store_local_open(url, url, flags, out, e);
}

void store_close(struct store **s)
{
    if (!*s) return;
    char *url = (*s)->url;
    (*s)->ops->free(*s);
    mem_free(url);
    *s = NULL;
}

const char *store_url(const struct store *s) { return s->url; }
bool store_is_local(const struct store *s) { return s->ops->local_path != NULL; }
void store_lacks(struct store *s, unsigned lacks) { s->lacks = lacks; }

void store_trace(struct store *s, store_trace_fn *fn, void *ctx)
{
    s->trace = fn;
    s->trace_ctx = ctx;
}

void store_traced(struct store *s, enum store_op op, const char *a, const char *b)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    if (!s->trace) return;
    pthread_mutex_lock(&one);
    s->trace(s->trace_ctx, op, a, b);
    pthread_mutex_unlock(&one);
}

/* "" is the root, allowed where a folder is meant. */
static enum err path_check(const char *path, bool folder, struct error *e)
{
    bool ok = *path || folder;
    for (const char *p = path; ok && *p;) {
        size_t n = strcspn(p, "/");
        ok = n && !(n == 1 && p[0] == '.') && !(n == 2 && p[0] == '.' && p[1] == '.');
        p += n;
        if (*p == '/' && !*++p) ok = false;
    }
    return ok ? ERR_OK : err_set(e, ERR_USAGE, "not a path inside a lake: \"%s\"", path);
}

#define CHECK_FILE(path)                                                                                               \
    do {                                                                                                               \
        enum err bad_ = path_check((path), false, e);                                                                  \
        if (bad_ != ERR_OK) return bad_;                                                                               \
    } while (0)
#define CHECK_FOLDER(path)                                                                                             \
    do {                                                                                                               \
        enum err bad_ = path_check((path), true, e);                                                                   \
        if (bad_ != ERR_OK) return bad_;                                                                               \
    } while (0)

char *store_local_path(const struct store *s, const char *path)
{
    return s->ops->local_path ? s->ops->local_path(s, path) : NULL;
}

char *store_cache_folder(const char *url) { return is_hdfs(url) ? store_hdfs_cache_folder() : NULL; }

char *store_cached(struct store *s, const char *path, uint64_t bytes, struct hash128 hash)
{
    return s->ops->cached ? s->ops->cached(s, path, bytes, hash) : NULL;
}

enum err store_stat(struct store *s, const char *path, struct store_stat *out, struct error *e)
{
    CHECK_FOLDER(path);
    return s->ops->stat(s, path, out, e);
}

bool store_exists(struct store *s, const char *path)
{
    struct store_stat st;
    return store_stat(s, path, &st, NULL) == ERR_OK;
}

enum err store_list(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    CHECK_FOLDER(folder);
    enum err rc = s->ops->list(s, folder, out, e);
    if (rc != ERR_OK) store_items_free(out);
    return rc;
}

enum err store_walk(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    CHECK_FOLDER(folder);
    enum err rc = s->ops->walk(s, folder, out, e);
    if (rc != ERR_OK) store_items_free(out);
    return rc;
}

void store_items_add(struct store_items *items, size_t *cap, char *path, bool is_dir, uint64_t bytes)
{
    mem_grow(&items->item, cap, items->count + 1, sizeof *items->item);
    items->item[items->count++] = (struct store_item){path, is_dir, bytes};
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct store_item *)a)->path, ((const struct store_item *)b)->path);
}

void store_items_sort(struct store_items *items)
{
    if (items->count) qsort(items->item, items->count, sizeof *items->item, by_path);
}

void store_items_free(struct store_items *items)
{
    for (size_t i = 0; i < items->count; i++) mem_free(items->item[i].path);
    mem_free(items->item);
    memset(items, 0, sizeof *items);
}

enum err store_read(struct store *s, const char *path, struct buf *out, struct error *e)
{
    CHECK_FILE(path);
    return s->ops->read(s, path, out, e);
}

enum err store_fetch(struct store *s, const char *path, uint64_t bytes, struct hash128 hash, char **local,
                     struct error *e)
{
    *local = NULL;
    CHECK_FILE(path);
    return s->ops->fetch(s, path, bytes, hash, local, e);
}

static void out_free(struct store_out *out)
{
    mem_free(out->local_path);
    mem_free(out->path);
    mem_free(out);
}

enum err store_create(struct store *s, const char *path, struct store_out **out, struct error *e)
{
    *out = NULL;
    CHECK_FILE(path);
    struct store_out *made = mem_zalloc(sizeof *made);
    made->fd = -1;
    made->store = s;
    made->path = mem_strdup(path);
    enum err rc = s->ops->create(s, path, made, e);
    if (rc != ERR_OK) {
        out_free(made);
        return rc;
    }
    store_traced(s, STORE_OP_CREATE, path, NULL);
    *out = made;
    return ERR_OK;
}

enum err store_out_close(struct store_out **out, struct error *e)
{
    struct store_out *o = *out;
    struct store *s = o->store;
    *out = NULL;
    enum err rc = s->ops->close(s, o, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_FSYNC, o->path, NULL);
    out_free(o);
    return rc;
}

void store_out_drop(struct store_out **out)
{
    if (!*out) return;
    struct store *s = (*out)->store;
    s->ops->drop(s, *out);
    store_traced(s, STORE_OP_REMOVE, (*out)->path, NULL);
    out_free(*out);
    *out = NULL;
}

enum err store_put(struct store *s, const char *path, const void *p, size_t len, struct error *e)
{
    struct store_out *out;
    enum err rc = store_create(s, path, &out, e);
    if (rc != ERR_OK) return rc;
    rc = io_write_all(out->fd, p, len, out->local_path, e);
    if (rc == ERR_OK) return store_out_close(&out, e);
    store_out_drop(&out);
    return rc;
}

enum err store_make_dirs(struct store *s, const char *folder, struct error *e)
{
    CHECK_FOLDER(folder);
    return *folder ? s->ops->make_dirs(s, folder, e) : ERR_OK;
}

enum err store_make_folders(struct store *s, const char *const *folder, size_t count, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < count; i++) CHECK_FOLDER(folder[i]);
    if (s->ops->make_folders) return s->ops->make_folders(s, folder, count, e);
    for (size_t i = 0; i < count && rc == ERR_OK; i++) rc = store_make_dirs(s, folder[i], e);
    return rc;
}

enum err store_sync_dir(struct store *s, const char *folder, struct error *e)
{
    CHECK_FOLDER(folder);
    enum err rc = s->ops->sync_dir(s, folder, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_FSYNC_DIR, folder, NULL);
    return rc;
}

enum err store_rename_new(struct store *s, const char *from, const char *to, struct error *e)
{
    CHECK_FILE(from);
    CHECK_FILE(to);
    enum err rc = s->ops->rename_new(s, from, to, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_RENAME, from, to);
    return rc;
}

enum err store_rename(struct store *s, const char *from, const char *to, struct error *e)
{
    CHECK_FILE(from);
    CHECK_FILE(to);
    enum err rc = s->ops->rename(s, from, to, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_RENAME, from, to);
    return rc;
}

enum err store_exchange(struct store *s, const char *a, const char *b, struct error *e)
{
    CHECK_FILE(a);
    CHECK_FILE(b);
    enum err rc = s->ops->exchange(s, a, b, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_EXCHANGE, a, b);
    return rc;
}

enum err store_link(struct store *s, const char *from, const char *to, struct error *e)
{
    CHECK_FILE(from);
    CHECK_FILE(to);
    enum err rc = s->ops->link(s, from, to, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_LINK, from, to);
    return rc;
}

enum err store_remove(struct store *s, const char *path, struct error *e)
{
    CHECK_FILE(path);
    enum err rc = s->ops->remove(s, path, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_REMOVE, path, NULL);
    return rc;
}

enum err store_remove_tree(struct store *s, const char *path, struct error *e)
{
    CHECK_FILE(path);
    enum err rc = s->ops->remove_tree(s, path, e);
    if (rc == ERR_OK) store_traced(s, STORE_OP_REMOVE, path, NULL);
    return rc;
}

enum err store_space(struct store *s, uint64_t *bytes, struct error *e) { return s->ops->space(s, bytes, e); }

enum err store_lock(struct store *s, const char *path, enum store_lock_mode mode, bool wait, struct store_lock **out,
                    struct error *e)
{
    *out = NULL;
    CHECK_FILE(path);
    return s->ops->lock(s, path, mode, wait, out, e);
}

void store_unlock(struct store_lock **lock)
{
    if (!*lock) return;
    (*lock)->store->ops->unlock(*lock);
    *lock = NULL;
}
