/* Where a lake's files lie. One interface: a local folder, or HDFS over WebHDFS (store/hdfs.h).
 *
 * Paths are relative to the store's root, with '/' between parts: "silver/dim_user/part-0.parquet". No leading '/', no
 * empty part, no "." or "..": anything else is ERR_USAGE.
 * A store is thread-safe. `store_x(…)` returns heap objects that the caller frees with the function named beside them.
 * After an error nothing has changed, unless said otherwise; after ERR_IO from an fsync the caller must stop writing to
 * this store (an fsync is never retried: the kernel may have dropped the pages).
 *
 * Fault points (base/io.h), all before the call to the system; "=eio" and "=enospc" make it fail, "=kill" dies there:
 *   store.create store.close store.fsync store.fsync_dir store.mkdir store.link store.rename store.rename_new
 *   store.exchange store.remove
 */
#ifndef LAKEFM_STORE_STORE_H
#define LAKEFM_STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum {
    STORE_CREATE = 1, /* make the root folder (with its parents) if it is missing */
    STORE_FRESH = 2,  /* a remote store's files are read again, whatever copies there are: for the audit */
};

/* How HDFS is spoken to. Zero and NULL stand for the defaults. Strings are borrowed for the life of the process. */
struct store_hdfs_settings {
    const char *http;     /* "host[:port]" of the NameNode's HTTP address, several with commas between; the URL's host, 9870 */
    const char *user;     /* who asks (user.name: a claim, no proof); HADOOP_USER_NAME, else the login name */
    const char *token;    /* a delegation token, which proves it */
    const char *cache;    /* folder of local copies; $XDG_CACHE_HOME/lakefm or ~/.cache/lakefm */
    uint64_t cache_bytes; /* its bound, less what is in use; 10 GiB */
    int64_t patience_ms;  /* how long a cluster that is away or in safe mode is waited for, then ERR_RETRY; 60 s */
    int64_t lease_ms;     /* a lock's holder not heard of for so long is gone; 30 s */
    int uploads;          /* at once; 4 */
    const volatile sig_atomic_t *stop; /* non-zero: no more waiting */
};
/* Once, before the first store_open. */
void store_hdfs_setup(const struct store_hdfs_settings *settings);

/* url: a folder ("lake", "/data/lake", "file:///data/lake"), "hdfs://[user@]host[:port]/path" (the NameNode's RPC address, as
 * Hadoop's own tools take it), or "webhdfs://host:port/path", "swebhdfs://…" (its HTTP address; with TLS).
 * ERR_NOT_FOUND: no such folder; ERR_INPUT: it is not a folder; ERR_RETRY: the cluster is away. */
enum err store_open(const char *url, unsigned flags, struct store **out, struct error *e) MUST_CHECK;
void store_close(struct store **s);
const char *store_url(const struct store *s); /* as given; lives as long as s */
bool store_is_local(const struct store *s);
/* The file's own path on this machine, for programs and libraries that want one. Heap (mem_free). NULL when the store is
 * not local: use store_fetch. The file need not exist. */
char *store_local_path(const struct store *s, const char *path);
/* A folder on this machine, ours alone, for what can be made again of a remote store (copies of its files: below files/).
 * Heap. NULL when the URL is a local folder's. */
char *store_cache_folder(const char *url);

/* ---- looking ---- */

struct store_stat {
    bool is_dir;
    uint64_t bytes; /* 0 for a folder */
    int64_t mtime_ms;
};
enum err store_stat(struct store *s, const char *path, struct store_stat *out, struct error *e) MUST_CHECK;
bool store_exists(struct store *s, const char *path); /* false also when it cannot be looked at */

struct store_item {
    char *path; /* store_list: the name; store_walk: relative to the folder walked */
    bool is_dir;
    uint64_t bytes; /* store_walk only */
};
struct store_items {
    struct store_item *item;
    size_t count;
};
/* Entries of a folder, sorted by bytes. A missing folder is empty. Free with store_items_free. */
enum err store_list(struct store *s, const char *folder, struct store_items *out, struct error *e) MUST_CHECK;
/* All files (not folders) below a folder, sorted by bytes. A missing folder is empty. Links are not followed. */
enum err store_walk(struct store *s, const char *folder, struct store_items *out, struct error *e) MUST_CHECK;
void store_items_free(struct store_items *items);

/* ---- reading ---- */

/* Appends the whole file to out. For small files (log entries). */
enum err store_read(struct store *s, const char *path, struct buf *out, struct error *e) MUST_CHECK;
/* A local path under which the file can be read. Local store: the file's own path, nothing is checked. Others: a cached
 * copy with these bytes and this hash (fetched when missing, verified; ERR_CORRUPT when the store's file differs).
 * Heap (mem_free). */
enum err store_fetch(struct store *s, const char *path, uint64_t bytes, struct hash128 hash, char **local,
                     struct error *e) MUST_CHECK;
/* The copy's path, without asking the store; NULL: there is none, or the store is local. Heap. */
char *store_cached(struct store *s, const char *path, uint64_t bytes, struct hash128 hash);

/* ---- writing ---- */

/* A new file being written. Write to fd (or to local_path by name), then close it with store_out_close, or drop it. */
struct store_out {
    int fd;           /* open for reading and writing; the store's: do not close it */
    char *local_path; /* owned by the store_out */
    char *path;
    struct store *store;
};
/* The folder must exist. ERR_EXISTS when the file does (a remote store may say both only when it is closed and synced). */
enum err store_create(struct store *s, const char *path, struct store_out **out, struct error *e) MUST_CHECK;
/* Makes the file's bytes durable (local: fsync; HDFS: upload, length and hash read back) and closes it; its *name* is
 * durable after store_sync_dir of its folder. On HDFS the upload goes on behind the caller's back, and its failure is told by
 * that store_sync_dir and by every other call on the file, until it is removed; a file at local_path stays readable until the store's is renamed or removed. *out is NULL afterwards, whatever came out; on an error the file is gone
 * or will never be looked at. */
enum err store_out_close(struct store_out **out, struct error *e) MUST_CHECK;
/* The same for many, in several threads when they are many: waiting for the disk together is shorter. Each out[i] is NULL
 * afterwards. The first error that occurred; then the others may be durable or not. */
enum err store_out_close_all(struct store_out **out, size_t count, struct error *e) MUST_CHECK;
/* A hint: what was written so far may go to the disk now, so that closing has less to wait for. */
void store_out_begin_sync(const struct store_out *out);
void store_out_drop(struct store_out **out); /* closes and removes; accepts NULL */
/* Writes a small file whole and durably (its name: store_sync_dir). ERR_EXISTS when it exists. */
enum err store_put(struct store *s, const char *path, const void *p, size_t len, struct error *e) MUST_CHECK;

/* Makes the folder and its parents; new names are durable (each parent of a new folder is synced). */
enum err store_make_dirs(struct store *s, const char *folder, struct error *e) MUST_CHECK;
/* The same for many, but each parent of new folders is synced once, after all were made. */
enum err store_make_folders(struct store *s, const char *const *folder, size_t count, struct error *e) MUST_CHECK;
/* Makes the names in a folder durable. */
enum err store_sync_dir(struct store *s, const char *folder, struct error *e) MUST_CHECK;
/* The same for many, in several threads when they are many. */
enum err store_sync_dirs(struct store *s, const char *const *folder, size_t count, struct error *e) MUST_CHECK;

/* Gives a file its new name; refused with ERR_EXISTS when the name is taken: of two callers exactly one wins. Where the
 * file system lacks RENAME_NOREPLACE: link + unlink, so that after a crash both names may exist (of one file). */
enum err store_rename_new(struct store *s, const char *from, const char *to, struct error *e) MUST_CHECK;
/* Gives a file its new name, replacing the file that has it, atomically. */
enum err store_rename(struct store *s, const char *from, const char *to, struct error *e) MUST_CHECK;
/* Exchanges two folders atomically. ERR_UNSUPPORTED where the file system cannot. */
enum err store_exchange(struct store *s, const char *a, const char *b, struct error *e) MUST_CHECK;
/* A second name for a file. ERR_UNSUPPORTED where the file system cannot; ERR_EXISTS. */
enum err store_link(struct store *s, const char *from, const char *to, struct error *e) MUST_CHECK;
/* Removes a file or an empty folder; a missing one is fine. */
enum err store_remove(struct store *s, const char *path, struct error *e) MUST_CHECK;
/* Removes a folder and all in it; a missing one is fine. */
enum err store_remove_tree(struct store *s, const char *path, struct error *e) MUST_CHECK;

/* Bytes that may still be written (to this user). */
enum err store_space(struct store *s, uint64_t *bytes, struct error *e) MUST_CHECK;

/* ---- locking ---- */

enum store_lock_mode { STORE_LOCK_SHARED, STORE_LOCK_EXCLUSIVE };
struct store_lock;
/* Takes the lock named by a file (made if missing; never removed), which then holds "pid=… host=… since=…". wait = false: ERR_BUSY, naming the holder, when
 * another process (or another store_lock of this one) holds it. Released by store_unlock or the process's end. */
enum err store_lock(struct store *s, const char *path, enum store_lock_mode mode, bool wait, struct store_lock **out,
                    struct error *e) MUST_CHECK;
void store_unlock(struct store_lock **lock);

/* ---- for tests ---- */

enum store_op { STORE_OP_CREATE, STORE_OP_FSYNC, STORE_OP_FSYNC_DIR, STORE_OP_MKDIR, STORE_OP_LINK, STORE_OP_RENAME,
                STORE_OP_EXCHANGE, STORE_OP_REMOVE };
/* Called after each successful change, with paths relative to the root (b: the second one, or NULL). One hook per store,
 * set before other threads use it. */
typedef void store_trace_fn(void *ctx, enum store_op op, const char *a, const char *b);
void store_trace(struct store *s, store_trace_fn *fn, void *ctx);
/* Behaves like a file system that lacks these. */
enum { STORE_LACKS_NOREPLACE = 1, STORE_LACKS_EXCHANGE = 2, STORE_LACKS_LINK = 4 };
void store_lacks(struct store *s, unsigned lacks);

#endif
