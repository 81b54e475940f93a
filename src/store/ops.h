/* Inside store/: what a kind of store implements. Paths given to these were checked. */
#ifndef LAKEFM_STORE_OPS_H
#define LAKEFM_STORE_OPS_H

#include "store/store.h"

struct store_ops {
    void (*free)(struct store *s);
    char *(*local_path)(const struct store *s, const char *path); /* NULL: not a local store; then `cached` */
    char *(*cached)(struct store *s, const char *path, uint64_t bytes, struct hash128 hash);
    enum err (*stat)(struct store *s, const char *path, struct store_stat *out, struct error *e);
    enum err (*list)(struct store *s, const char *folder, struct store_items *out, struct error *e);
    enum err (*walk)(struct store *s, const char *folder, struct store_items *out, struct error *e);
    enum err (*read)(struct store *s, const char *path, struct buf *out, struct error *e);
    enum err (*fetch)(struct store *s, const char *path, uint64_t bytes, struct hash128 hash, char **local,
                      struct error *e);
    enum err (*create)(struct store *s, const char *path, struct store_out *out, struct error *e);
    enum err (*close)(struct store *s, struct store_out *out, struct error *e); /* frees nothing; fd is closed */
    void (*drop)(struct store *s, struct store_out *out);
    enum err (*make_dirs)(struct store *s, const char *folder, struct error *e);
    /* NULL: make_dirs for each. */
    enum err (*make_folders)(struct store *s, const char *const *folder, size_t count, struct error *e);
    enum err (*sync_dir)(struct store *s, const char *folder, struct error *e);
    enum err (*rename_new)(struct store *s, const char *from, const char *to, struct error *e);
    enum err (*rename)(struct store *s, const char *from, const char *to, struct error *e);
    enum err (*exchange)(struct store *s, const char *a, const char *b, struct error *e);
    enum err (*link)(struct store *s, const char *from, const char *to, struct error *e);
    enum err (*remove)(struct store *s, const char *path, struct error *e);
    enum err (*remove_tree)(struct store *s, const char *path, struct error *e);
    enum err (*space)(struct store *s, uint64_t *bytes, struct error *e);
    enum err (*lock)(struct store *s, const char *path, enum store_lock_mode mode, bool wait, struct store_lock **out,
                     struct error *e);
    void (*unlock)(struct store_lock *lock); /* frees it */
};

struct store { /* first member of each kind */
    const struct store_ops *ops;
    char *url;
    unsigned lacks;
    store_trace_fn *trace;
    void *trace_ctx;
};

struct store_lock { /* first member of each kind */
    struct store *store;
};

void store_traced(struct store *s, enum store_op op, const char *a, const char *b);
void store_items_add(struct store_items *items, size_t *cap, char *path, bool is_dir, uint64_t bytes);
void store_items_sort(struct store_items *items);

char *store_hdfs_cache_folder(void);
enum err store_hdfs_open(const char *url, unsigned flags, struct store **out, struct error *e);
enum err store_local_open(const char *folder, const char *url, unsigned flags, struct store **out, struct error *e);

#endif
