#include "store/hdfs.h"

#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- which file has this name ---- */

static struct hdfs_id *id_slot(struct hdfs *h, const char *path, uint64_t *hash)
{
    *hash = hash_64(path, strlen(path), 0) | 1;
    return &h->id[*hash / 2 % HDFS_IDS];
}

void hdfs_id_note(struct hdfs *h, const char *path, uint64_t id)
{
    uint64_t hash;
    pthread_mutex_lock(&h->ids_mutex);
    struct hdfs_id *slot = id_slot(h, path, &hash);
    *slot = (struct hdfs_id){hash, id};
    pthread_mutex_unlock(&h->ids_mutex);
}

uint64_t hdfs_id_of(struct hdfs *h, const char *path)
{
    uint64_t hash;
    pthread_mutex_lock(&h->ids_mutex);
    struct hdfs_id *slot = id_slot(h, path, &hash);
    uint64_t id = slot->path_hash == hash ? slot->id : 0;
    pthread_mutex_unlock(&h->ids_mutex);
    return id;
}

/* ---- operations ---- */

static int64_t integer(const json_t *object, const char *key) { return (int64_t)json_integer_value(json_object_get(object, key)); }

static bool is_folder(const json_t *status)
{
    const char *type = json_string_value(json_object_get(status, "type"));
    return type && !strcmp(type, "DIRECTORY");
}

static enum err not_json(const char *path, struct error *e)
{
    err_set(e, ERR_IO, "cannot look at %s on HDFS: the answer is not WebHDFS's", path);
    return err_hint(e, "hdfs.http must name the NameNode's HTTP address");
}

enum err hdfs_status(struct hdfs *h, const char *path, struct store_stat *out, uint64_t *id, struct error *e)
{
    struct hdfs_answer a = {0};
    enum err rc = hdfs_ask(h, "GET", path, "op=GETFILESTATUS", "look at", &a, e);
    if (rc == ERR_OK) {
        json_t *doc = a.reply.body.len ? json_loadb(a.reply.body.ptr, a.reply.body.len, 0, NULL) : NULL;
        json_t *st = json_object_get(doc, "FileStatus");
        if (!st) rc = not_json(path, e);
        out->is_dir = is_folder(st);
        out->bytes = out->is_dir ? 0 : (uint64_t)integer(st, "length");
        out->mtime_ms = integer(st, "modificationTime");
        uint64_t file_id = (uint64_t)integer(st, "fileId");
        if (id) *id = file_id;
        if (st) hdfs_id_note(h, path, file_id);
        json_decref(doc);
    }
    hdfs_answer_reset(&a);
    return rc;
}

enum err hdfs_list(struct hdfs *h, const char *folder, struct hdfs_entries *out, struct error *e)
{
    struct hdfs_answer a = {0};
    json_t *doc = NULL, *one;
    size_t i;
    *out = (struct hdfs_entries){0};
    enum err rc = hdfs_ask(h, "GET", folder, "op=LISTSTATUS", "list", &a, e);
    if (rc == ERR_NOT_FOUND && a.exception[0]) {
        rc = ERR_OK;
        goto done;
    }
    if (rc != ERR_OK) goto done;
    doc = a.reply.body.len ? json_loadb(a.reply.body.ptr, a.reply.body.len, 0, NULL) : NULL;
    json_t *list = json_object_get(json_object_get(doc, "FileStatuses"), "FileStatus");
    if (!json_is_array(list)) TRY(not_json(folder, e));
    out->entry = mem_zalloc((json_array_size(list) + 1) * sizeof *out->entry);
    json_array_foreach(list, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "pathSuffix"));
        if (!name || !*name) continue; /* of a file: itself */
        out->entry[out->count++] = (struct hdfs_entry){mem_strdup(name), is_folder(one), (uint64_t)integer(one, "length"),
                                                       (uint64_t)integer(one, "fileId"), integer(one, "modificationTime")};
    }
done:
    json_decref(doc);
    hdfs_answer_reset(&a);
    return rc;
}

void hdfs_entries_free(struct hdfs_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) mem_free(entries->entry[i].name);
    mem_free(entries->entry);
    *entries = (struct hdfs_entries){0};
}

/* HttpFS speaks WebHDFS but does not know renameoptions: there a refused rename and a done one look alike, and a rename
 * onto a folder moves into it. A rename of nothing tells them apart: the NameNode says 404, HttpFS {"boolean":false}. */
static enum err may_publish(struct hdfs *h, struct error *e)
{
    if (atomic_load(&h->may_publish)) return ERR_OK;
    struct hdfs_answer a = {0};
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = 1;
    char *nothing = mem_printf(".lakefm-nothing-%016llx", (unsigned long long)random), *to = hdfs_full_path(h, nothing);
    struct buf op = {0};
    buf_str(&op, "op=RENAME&renameoptions=NONE&destination=");
    web_escape(&op, to, strlen(to));
    buf_str(&op, "-b");
    enum err rc = hdfs_ask(h, "PUT", nothing, op.ptr, "write to", &a, e);
    if (rc == ERR_OK) {
        err_set(e, ERR_UNSUPPORTED, "cannot write to %s: %s is HttpFS or another gateway, which does not know renameoptions", h->base.url,
                h->node[atomic_load(&h->current)]);
        rc = err_hint(e, "hdfs.http must name the NameNode's own HTTP address (port 9870); reading works through gateways too");
    } else if (rc == ERR_NOT_FOUND && a.exception[0]) {
        atomic_store(&h->may_publish, true);
        rc = ERR_OK;
    }
    buf_reset(&op);
    mem_free(nothing);
    mem_free(to);
    hdfs_answer_reset(&a);
    return rc;
}

enum err hdfs_mkdirs(struct hdfs *h, const char *path, struct error *e)
{
    struct hdfs_answer a = {0};
    enum err rc = may_publish(h, e);
    if (rc == ERR_OK) rc = hdfs_ask(h, "PUT", path, "op=MKDIRS", "make folder", &a, e);
    if (rc == ERR_EXISTS) rc = err_set(e, ERR_IO, "cannot make folder %s on HDFS: a file is in its place", path);
    hdfs_answer_reset(&a);
    return rc;
}

enum err hdfs_rename(struct hdfs *h, const char *from, const char *to, bool replace, struct error *e)
{
    struct hdfs_answer a = {0};
    struct store_stat st;
    struct buf op = {0};
    uint64_t id = hdfs_id_of(h, from), there = 0;
    char *full = hdfs_full_path(h, to);
    enum err rc = ERR_OK;
    TRY(may_publish(h, e));
    buf_printf(&op, "op=RENAME&renameoptions=%s&destination=", replace ? "OVERWRITE" : "NONE");
    web_escape(&op, full, strlen(full));
    rc = hdfs_ask(h, "PUT", from, op.ptr, "rename", &a, e);
    /* Done before, and the answer lost? Then the target is the very file that the source was. */
    if (rc == ERR_NOT_FOUND && id && hdfs_status(h, to, &st, &there, NULL) == ERR_OK && there == id) rc = ERR_OK;
    if (rc == ERR_OK && id) {
        hdfs_id_note(h, from, 0);
        hdfs_id_note(h, to, id);
    }
    if (rc == ERR_EXISTS) err_set(e, ERR_EXISTS, "cannot rename %s on HDFS: %s is there already", from, to);
done:
    buf_reset(&op);
    mem_free(full);
    hdfs_answer_reset(&a);
    return rc;
}

enum err hdfs_delete(struct hdfs *h, const char *path, bool recursive, struct error *e)
{
    struct hdfs_answer a = {0};
    enum err rc = may_publish(h, e);
    if (rc == ERR_OK) rc = hdfs_ask(h, "DELETE", path, recursive ? "op=DELETE&recursive=true" : "op=DELETE", "remove", &a, e);
    if (rc == ERR_NOT_FOUND && a.exception[0]) rc = ERR_OK;
    if (rc == ERR_OK) hdfs_id_note(h, path, 0);
    hdfs_answer_reset(&a);
    return rc;
}

/* ---- the store's calls ---- */

static enum err injected(const char *point, const char *path, struct error *e)
{
    int sys = fault_at(point);
    return sys ? err_sys(e, sys, "at %s of %s", point, path) : ERR_OK;
}

static enum err ops_stat(struct store *s, const char *path, struct store_stat *out, struct error *e)
{
    enum err rc = hdfs_upload_wait(hdfs_of(s), path, NULL, e);
    return rc == ERR_OK ? hdfs_status(hdfs_of(s), path, out, NULL, e) : rc;
}

static enum err ops_list(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    struct hdfs_entries in;
    size_t cap = 0;
    enum err rc = hdfs_list(hdfs_of(s), folder, &in, e);
    for (size_t i = 0; rc == ERR_OK && i < in.count; i++) store_items_add(out, &cap, mem_strdup(in.entry[i].name), in.entry[i].is_dir, 0);
    hdfs_entries_free(&in);
    store_items_sort(out);
    return rc;
}

static enum err walk_below(struct hdfs *h, const char *top, const char *below, struct store_items *out, size_t *cap, struct error *e)
{
    struct hdfs_entries in;
    char *folder = !*below ? mem_strdup(top) : *top ? io_path(top, below) : mem_strdup(below);
    enum err rc = hdfs_list(h, folder, &in, e);
    for (size_t i = 0; rc == ERR_OK && i < in.count; i++) {
        char *path = *below ? io_path(below, in.entry[i].name) : mem_strdup(in.entry[i].name);
        if (!in.entry[i].is_dir) {
            store_items_add(out, cap, path, false, in.entry[i].bytes);
            continue;
        }
        rc = walk_below(h, top, path, out, cap, e);
        mem_free(path);
    }
    hdfs_entries_free(&in);
    mem_free(folder);
    return rc;
}

static enum err ops_walk(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    size_t cap = 0;
    enum err rc = walk_below(hdfs_of(s), folder, "", out, &cap, e);
    store_items_sort(out);
    return rc;
}

struct reading {
    struct buf *out;
    size_t from;
};

static enum err read_begin(void *ctx, struct error *e)
{
    struct reading *r = ctx;
    (void)e;
    r->out->len = r->from;
    return ERR_OK;
}

static enum err read_more(void *ctx, const char *p, size_t len, struct error *e)
{
    struct reading *r = ctx;
    (void)e;
    buf_add(r->out, p, len);
    return ERR_OK;
}

static enum err ops_read(struct store *s, const char *path, struct buf *out, struct error *e)
{
    struct reading r = {out, out->len};
    enum err rc = hdfs_upload_wait(hdfs_of(s), path, NULL, e);
    if (rc == ERR_OK) rc = hdfs_get(hdfs_of(s), path, &(struct hdfs_sink){read_begin, read_more, &r}, e);
    if (rc != ERR_OK) out->len = r.from;
    if (rc == ERR_OK || out->ptr) buf_reserve(out, 1)[0] = '\0';
    return rc;
}

/* ---- copies ---- */

struct fetching {
    int fd;
    const char *local;
    struct hasher *hasher;
    uint64_t bytes;
};

static enum err fetch_begin(void *ctx, struct error *e)
{
    struct fetching *f = ctx;
    if (ftruncate(f->fd, 0) || lseek(f->fd, 0, SEEK_SET) < 0) return err_sys(e, errno, "cannot empty %s", f->local);
    hasher_free(&f->hasher);
    f->hasher = hasher_new();
    f->bytes = 0;
    return ERR_OK;
}

static enum err fetch_more(void *ctx, const char *p, size_t len, struct error *e)
{
    struct fetching *f = ctx;
    enum err rc = io_write_all(f->fd, p, len, f->local, e);
    if (rc == ERR_NO_SPACE) err_hint(e, "the local cache needs room; hdfs.cache names another folder, hdfs.cache_size bounds it");
    hasher_add(f->hasher, p, len);
    f->bytes += len;
    return rc;
}

static enum err download(struct hdfs *h, const char *path, uint64_t bytes, struct hash128 hash, char **local, struct error *e)
{
    enum err rc = ERR_OK;
    char *fresh = hdfs_cache_new(&h->cache, path), found[HASH_HEX_SIZE], wanted[HASH_HEX_SIZE];
    struct fetching f = {.fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), .local = fresh};
    if (f.fd < 0) TRY(err_sys(e, errno, "cannot create %s", fresh));
    TRY(hdfs_get(h, path, &(struct hdfs_sink){fetch_begin, fetch_more, &f}, e));
    if (f.bytes != bytes) {
        rc = err_set(e, ERR_CORRUPT, "%s has %llu bytes on HDFS, the log says %llu", path, (unsigned long long)f.bytes, (unsigned long long)bytes);
    } else if (!hash_eq(hasher_sum(f.hasher), hash)) {
        rc = err_set(e, ERR_CORRUPT, "%s: its bytes have changed on HDFS: hash %s, the log says %s", path,
                     hash_hex(hasher_sum(f.hasher), found), hash_hex(hash, wanted));
    }
    if (rc == ERR_OK) *local = hdfs_cache_keep(&h->cache, fresh, path, bytes, hash, !h->fresh);
done:
    if (f.fd >= 0) close(f.fd);
    if (rc != ERR_OK && f.fd >= 0) unlink(fresh);
    hasher_free(&f.hasher);
    mem_free(fresh);
    return rc;
}

static char *ops_cached(struct store *s, const char *path, uint64_t bytes, struct hash128 hash)
{
    struct hdfs *h = hdfs_of(s);
    return h->fresh ? NULL : hdfs_cache_find(&h->cache, path, bytes, hash);
}

static enum err ops_fetch(struct store *s, const char *path, uint64_t bytes, struct hash128 hash, char **local, struct error *e)
{
    struct hdfs *h = hdfs_of(s);
    enum err rc = hdfs_upload_wait(h, path, NULL, e);
    if (rc != ERR_OK) return rc;
    char *copy = hdfs_cache_find(&h->cache, path, bytes, hash);
    if (!copy) return download(h, path, bytes, hash, local, e);
    if (h->fresh) rc = hdfs_verify(h, path, bytes, hash, e);
    if (rc == ERR_OK) *local = copy;
    else mem_free(copy);
    return rc;
}

/* ---- writing ---- */

static enum err ops_create(struct store *s, const char *path, struct store_out *out, struct error *e)
{
    struct hdfs *h = hdfs_of(s);
    enum err rc = injected("store.create", path, e);
    if (rc == ERR_OK) rc = may_publish(h, e);
    if (rc != ERR_OK) return rc;
    char *local = hdfs_cache_new(&h->cache, path);
    out->fd = open(local, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out->fd >= 0) {
        out->local_path = local;
        return ERR_OK;
    }
    rc = err_sys(e, errno, "cannot create %s", local);
    mem_free(local);
    return rc;
}

static enum err ops_close(struct store *s, struct store_out *out, struct error *e)
{
    enum err rc = injected("store.close", out->path, e);
    if (rc == ERR_OK) rc = injected("store.fsync", out->path, e);
    if (close(out->fd) && rc == ERR_OK && errno != EINTR) rc = err_sys(e, errno, "cannot close %s", out->local_path);
    out->fd = -1;
    if (rc == ERR_OK) hdfs_upload_add(hdfs_of(s), mem_strdup(out->path), mem_strdup(out->local_path));
    else unlink(out->local_path);
    return rc;
}

static void ops_drop(struct store *s, struct store_out *out)
{
    (void)s;
    if (out->fd >= 0) close(out->fd);
    unlink(out->local_path);
}

static enum err ops_make_dirs(struct store *s, const char *folder, struct error *e)
{
    enum err rc = injected("store.mkdir", folder, e);
    return rc == ERR_OK ? hdfs_mkdirs(hdfs_of(s), folder, e) : rc;
}

/* The NameNode has a change in its journal before it answers: only what is under way must be waited for. */
static enum err ops_sync_dir(struct store *s, const char *folder, struct error *e)
{
    enum err rc = injected("store.fsync_dir", folder, e);
    return rc == ERR_OK ? hdfs_upload_wait(hdfs_of(s), NULL, folder, e) : rc;
}

/* When it has arrived. */
static enum err rename_whole(struct hdfs *h, const char *from, const char *to, bool replace, struct error *e)
{
    enum err rc = hdfs_upload_wait(h, from, NULL, e);
    if (rc == ERR_OK) rc = hdfs_rename(h, from, to, replace, e);
    if (rc == ERR_OK) hdfs_upload_forget(h, from);
    return rc;
}

static enum err ops_rename_new(struct store *s, const char *from, const char *to, struct error *e)
{
    enum err rc = injected("store.rename_new", to, e);
    return rc == ERR_OK ? rename_whole(hdfs_of(s), from, to, false, e) : rc;
}

static enum err ops_rename(struct store *s, const char *from, const char *to, struct error *e)
{
    enum err rc = injected("store.rename", to, e);
    return rc == ERR_OK ? rename_whole(hdfs_of(s), from, to, true, e) : rc;
}

static enum err ops_exchange(struct store *s, const char *a, const char *b, struct error *e)
{
    (void)s;
    return err_set(e, ERR_UNSUPPORTED, "HDFS cannot exchange %s and %s", a, b);
}

static enum err ops_link(struct store *s, const char *from, const char *to, struct error *e)
{
    (void)s;
    return err_set(e, ERR_UNSUPPORTED, "HDFS has no second name %s for %s", to, from);
}

static enum err ops_remove(struct store *s, const char *path, struct error *e)
{
    enum err rc = injected("store.remove", path, e);
    if (rc != ERR_OK) return rc;
    hdfs_upload_forget(hdfs_of(s), path);
    return hdfs_delete(hdfs_of(s), path, false, e);
}

static enum err ops_remove_tree(struct store *s, const char *path, struct error *e)
{
    enum err rc = injected("store.remove", path, e);
    if (rc != ERR_OK) return rc;
    hdfs_upload_forget(hdfs_of(s), path);
    return hdfs_delete(hdfs_of(s), path, true, e);
}

/* GETSTATUS came with Hadoop 3.4; an older one says nothing about its room. */
static enum err ops_space(struct store *s, uint64_t *bytes, struct error *e)
{
    struct hdfs_answer a = {0};
    enum err rc = hdfs_ask(hdfs_of(s), "GET", "", "op=GETSTATUS", "ask for the room of", &a, e);
    *bytes = UINT64_MAX / 2;
    if (rc == ERR_OK) {
        json_t *doc = a.reply.body.len ? json_loadb(a.reply.body.ptr, a.reply.body.len, 0, NULL) : NULL;
        json_t *left = json_object_get(json_object_get(doc, "FsStatus"), "remaining");
        if (left) *bytes = (uint64_t)json_integer_value(left);
        json_decref(doc);
    } else if (a.reply.status == 400) {
        rc = ERR_OK;
    }
    hdfs_answer_reset(&a);
    return rc;
}

static void ops_free(struct store *s)
{
    struct hdfs *h = hdfs_of(s);
    hdfs_beats_close(h);
    hdfs_uploads_close(h);
    hdfs_cache_close(&h->cache);
    for (size_t i = 0; i < h->idle_count; i++) web_close(&h->idle[i]);
    for (size_t i = 0; i < h->nodes; i++) mem_free(h->node[i]);
    mem_free(h->node);
    mem_free(h->scheme);
    mem_free(h->root);
    mem_free(h->auth);
    pthread_mutex_destroy(&h->pool);
    pthread_mutex_destroy(&h->ids_mutex);
    mem_free(h);
}

const struct store_ops hdfs_ops = {
    .free = ops_free,
    .cached = ops_cached,
    .stat = ops_stat,
    .list = ops_list,
    .walk = ops_walk,
    .read = ops_read,
    .fetch = ops_fetch,
    .create = ops_create,
    .close = ops_close,
    .drop = ops_drop,
    .make_dirs = ops_make_dirs,
    .sync_dir = ops_sync_dir,
    .rename_new = ops_rename_new,
    .rename = ops_rename,
    .exchange = ops_exchange,
    .link = ops_link,
    .remove = ops_remove,
    .remove_tree = ops_remove_tree,
    .space = ops_space,
    .lock = hdfs_lock_take,
    .unlock = hdfs_lock_give,
};
