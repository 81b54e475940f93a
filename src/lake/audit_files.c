/* The audit's reading of the files, by several threads. */
#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/audit_internal.h"
#include "parquet/parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

enum err lake_count_gz_lines(const char *local_path, int64_t *rows, struct error *e)
{
    enum { BLOCK = 256 * 1024 };
    enum err rc = ERR_OK;
    struct gzip_stream *s = NULL;
    size_t got = 1;
    char last = '\n', *block = NULL;
    *rows = 0;
    int fd = open(local_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", local_path);
    TRY(gzip_stream_open(fd, local_path, &s, e));
    block = mem_alloc(BLOCK);
    while (got) {
        TRY(gzip_stream_read(s, block, BLOCK, &got, e));
        for (const char *p = block, *end = block + got; (p = memchr(p, '\n', (size_t)(end - p))); p++) ++*rows;
        if (got) last = block[got - 1];
    }
    *rows += last != '\n';
done:
    gzip_stream_free(&s);
    mem_free(block);
    return rc;
}

static enum err count_rows(const struct lake_audit_options *o, enum lake_layer layer, const char *path, int64_t *rows, struct error *e)
{
    if (o->rows) return o->rows(o->ctx, layer, path, rows, e);
    if (!str_ends(path, ".parquet")) return lake_count_gz_lines(path, rows, e);
    struct parquet_footer footer;
    enum err rc = parquet_footer_read(path, &footer, e);
    if (rc == ERR_OK) *rows = (int64_t)footer.rows;
    return rc;
}

/* ---- one file ---- */

struct checked {
    char *wrong; /* NULL: as it should be */
    int64_t rows; /* 0 when they could not be counted */
};

static void check_file(const struct audit *a, const struct lake_file *f, struct checked *c)
{
    struct error e;
    struct hash128 hash;
    uint64_t bytes;
    char *local = NULL, found[HASH_HEX_SIZE], logged[HASH_HEX_SIZE];
    enum err rc = ERR_OK;
    int64_t rows;
    if (a->options->quick) {
        TRY(lake_file_there(a->view, f, &e));
        c->rows = f->rows;
        goto done;
    }
    TRY(lake_file_path(a->view, f, &local, &e));
    TRY(hash_file(local, &hash, &bytes, &e));
    if (!hash_eq(hash, f->hash))
        TRY(err_set(&e, ERR_CORRUPT, "its bytes have changed: hash %s, the log says %s", hash_hex(hash, found), hash_hex(f->hash, logged)));
    TRY(count_rows(a->options, f->layer, local, &rows, &e));
    c->rows = rows;
    if (c->rows != f->rows) TRY(err_set(&e, ERR_CORRUPT, "it holds %lld rows, the log says %lld", (long long)c->rows, (long long)f->rows));
done:
    if (rc != ERR_OK) c->wrong = mem_strdup(e.what);
    mem_free(local);
}

struct work {
    const struct audit *a;
    const struct lake_files *files;
    struct checked *checked;
    atomic_size_t next;
};

static void *worker(void *arg)
{
    struct work *w = arg;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->files->count;) check_file(w->a, w->files->file[i], &w->checked[i]);
    return NULL;
}

static void check_all(struct audit *a, const struct lake_files *files, struct checked *checked)
{
    struct work w = {.a = a, .files = files, .checked = checked};
    enum { MOST = 64 };
    pthread_t thread[MOST];
    int wanted = a->options->threads > 0 ? a->options->threads : 2, n = 0;
    atomic_init(&w.next, 0);
    while (n < wanted - 1 && n < MOST && !pthread_create(&thread[n], NULL, worker, &w)) n++;
    worker(&w);
    while (n > 0) pthread_join(thread[--n], NULL);
}

/* ---- all files ---- */

static void add_counted(struct audit *a, const struct lake_file *f, int64_t rows)
{
    char *key = mem_printf("%s/%s", lake_layer_name(f->layer), f->table);
    struct counted *c = (struct counted *)map_get(&a->counted, key);
    if (!c) {
        c = mem_zalloc(sizeof *c);
        c->item.key = mem_strdup(key);
        lake_map_put(&a->counted, &c->item);
    }
    c->rows += rows;
    mem_free(key);
}

/* Another process may have replaced it since we looked at the log: is it still to be there? */
static bool still_live(struct audit *a, const struct lake_file *f)
{
    struct lake_files now;
    lake_ignore(lake_reload(a->view, NULL));
    bool live = lake_file_find(a->view, f->path, &now) && hash_eq(now.file[0]->hash, f->hash);
    lake_files_free(&now);
    return live;
}

static void say_table(struct audit *a, const struct lake_file *f, size_t files, int64_t rows, int64_t bytes)
{
    char *where = mem_printf("%s/%s", lake_layer_name(f->layer), f->table);
    audit_say(a, true, "file", where, "%zu file%s, %lld rows, %lld bytes as committed", files, files == 1 ? "" : "s", (long long)rows,
              (long long)bytes);
    mem_free(where);
}

void audit_files(struct audit *a)
{
    const struct lake_files *files = &a->files;
    size_t good = 0;
    int64_t rows = 0, bytes = 0;
    struct checked *checked = mem_zalloc((files->count + 1) * sizeof *checked);
    a->out->number = files->number;
    check_all(a, files, checked);
    for (size_t i = 0; i < files->count; i++) {
        const struct lake_file *f = files->file[i], *next = i + 1 < files->count ? files->file[i + 1] : NULL;
        struct checked *c = &checked[i];
        if (c->wrong && !still_live(a, f)) { /* replaced meanwhile: nothing to find fault with */
            c->rows = f->rows;
            mem_free(c->wrong);
            c->wrong = NULL;
        }
        if (c->wrong) audit_say(a, false, "file", f->path, "%s", c->wrong);
        else good++, rows += c->rows, bytes += f->bytes;
        add_counted(a, f, c->rows);
        a->out->files++;
        a->out->bytes += f->bytes;
        mem_free(c->wrong);
        if (next && next->layer == f->layer && !strcmp(next->table, f->table)) continue;
        if (good) say_table(a, f, good, rows, bytes);
        good = 0;
        rows = bytes = 0;
    }
    mem_free(checked);
}

static bool is_live(struct audit *a, const char *path)
{
    struct lake_files one;
    bool live = lake_file_find(a->view, path, &one);
    lake_files_free(&one);
    return live;
}

/* New since we looked at the log, or gone since we looked at the folder, or about to go: removed by the last commit, whose
 * moves are not all done. */
static bool accounted_for(struct audit *a, const char *path)
{
    if (is_live(a, path)) return true;
    if (lake_reload(a->view, NULL) != ERR_OK) return false;
    if (is_live(a, path) || !store_exists(lake_store(a->view), path)) return true;
    bool leaves = false;
    pthread_rwlock_rdlock(&a->view->guard);
    for (size_t i = 0; i < a->view->last.removed_count && !leaves; i++) leaves = !strcmp(a->view->last.removed[i], path);
    pthread_rwlock_unlock(&a->view->guard);
    return leaves;
}

enum err audit_unknown(struct audit *a, struct error *e)
{
    enum err rc = ERR_OK;
    struct store_items items;
    struct store *s = lake_store(a->view);
    for (int layer = 0; rc == ERR_OK && layer < LAKE_LAYERS; layer++) {
        rc = store_walk(s, lake_layer_name((enum lake_layer)layer), &items, e);
        for (size_t i = 0; rc == ERR_OK && i < items.count; i++) {
            char *path = mem_printf("%s/%s", lake_layer_name((enum lake_layer)layer), items.item[i].path);
            if (!accounted_for(a, path)) audit_say(a, false, "unknown", path, "the log does not know this file (%llu bytes)", (unsigned long long)items.item[i].bytes);
            mem_free(path);
        }
        store_items_free(&items);
    }
    return rc;
}

enum err audit_staging(struct audit *a, struct error *e)
{
    struct store_items items;
    struct store *s = lake_store(a->view);
    enum err rc = store_list(s, "staging", &items, e);
    for (size_t i = 0; rc == ERR_OK && i < items.count; i++) {
        struct store_lock *lock = NULL;
        char *path = mem_printf("staging/%s", items.item[i].path), *file = mem_printf("%s/lock", path);
        size_t n = strlen(path);
        bool waits = !strncmp(a->view->last.staging ? a->view->last.staging : "", path, n);
        bool busy = store_exists(s, file) && store_lock(s, file, STORE_LOCK_EXCLUSIVE, false, &lock, NULL) == ERR_BUSY;
        store_unlock(&lock);
        if (busy) audit_say(a, true, "staging", path, "a writer is at work");
        else if (waits) audit_say(a, true, "staging", path, "files of the last commit wait here; the next writer moves them");
        else audit_say(a, true, "staging", path, "left by a writer that did not come to its end; the next writer drops it");
        mem_free(path);
        mem_free(file);
    }
    store_items_free(&items);
    return rc;
}
