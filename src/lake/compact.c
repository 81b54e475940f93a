#include "lake/compact.h"

#include "base/io.h"
#include "base/mem.h"
#include "lake/audit.h"
#include "lake/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool same_folder(const struct lake_file *a, const struct lake_file *b)
{
    size_t n = folder_length(a->path);
    return n == folder_length(b->path) && !memcmp(a->path, b->path, n);
}

/* bronze/<topic>/date=…/hour=07/part-… */
static int hour_of(const char *path)
{
    const char *hour = strstr(path, "/hour=");
    return hour && hour[6] >= '0' && hour[6] <= '2' && hour[7] >= '0' && hour[7] <= '9' ? (hour[6] - '0') * 10 + hour[7] - '0' : -1;
}

static const char *ending_of(const char *path)
{
    const char *name = strrchr(path, '/'), *dot = name ? strchr(name, '.') : NULL;
    return dot ? dot + 1 : "";
}

/* file[0 … n) of one folder, in order of commit. */
static void add_due(struct lake_dues *out, size_t *cap, struct lake *lake, const struct lake_file **file, size_t n,
                    const struct lake_compact_options *o)
{
    struct lake_files small = {0};
    size_t small_cap = 0;
    for (size_t i = 0; i < n; i++) {
        pthread_rwlock_rdlock(&lake->guard);
        bool waits = state_file_pending(&lake->state, file[i]);
        pthread_rwlock_unlock(&lake->guard);
        if (file[i]->bytes < o->small_bytes && !waits && !strstr(file[i]->path, "/part-0."))
            lake_files_add(&small, &small_cap, live_file_of(file[i]));
    }
    if (small.count < 2 || small.count < (size_t)o->min_files) {
        lake_files_free(&small);
        return;
    }
    mem_grow(&out->due, cap, out->count + 1, sizeof *out->due);
    const struct lake_file *f = small.file[0];
    bool one_topic = true;
    for (size_t i = 1; i < small.count; i++) one_topic &= !strcmp(small.file[i]->topic, f->topic);
    out->due[out->count++] = (struct lake_due){
        .part = {f->layer, f->table, one_topic && *f->topic ? f->topic : NULL, f->date, hour_of(f->path), 0, ending_of(f->path)},
        .files = small,
    };
}

void lake_compact_due(struct lake *lake, const struct lake_compact_options *options, struct lake_dues *out)
{
    struct lake_compact_options o = options ? *options : (struct lake_compact_options){0};
    struct lake_files all;
    size_t cap = 0;
    if (o.min_files <= 0) o.min_files = 16;
    if (o.small_bytes <= 0) o.small_bytes = 32 << 20;
    if (!o.layers) o.layers = 1u << LAKE_SILVER;
    memset(out, 0, sizeof *out);
    lake_files(lake, &(struct lake_filter){.layers = o.layers}, &all);
    /* Ordered by table, date and commit. Bronze has hours below: gather each folder's files, keeping the order. */
    bool *taken = mem_zalloc(all.count + 1);
    const struct lake_file **one = mem_array(all.count, sizeof *one);
    for (size_t i = 0; i < all.count; i++) {
        size_t n = 0;
        if (taken[i]) continue;
        for (size_t k = i; k < all.count && all.file[k]->date == all.file[i]->date && !strcmp(all.file[k]->table, all.file[i]->table); k++) {
            if (taken[k] || !same_folder(all.file[i], all.file[k])) continue;
            taken[k] = true;
            one[n++] = all.file[k];
        }
        add_due(out, &cap, lake, one, n, &o);
    }
    mem_free(one);
    mem_free(taken);
    lake_files_free(&all);
}

void lake_dues_free(struct lake_dues *dues)
{
    for (size_t i = 0; i < dues->count; i++) lake_files_free(&dues->due[i].files);
    mem_free(dues->due);
    memset(dues, 0, sizeof *dues);
}

static enum err append_file(const char *from, int to, const char *to_path, struct error *e)
{
    enum { BLOCK = 256 * 1024 };
    enum err rc = ERR_OK;
    size_t got = 1;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", from);
    char *block = mem_alloc(BLOCK);
    while (got) {
        TRY(io_read_some(fd, block, BLOCK, &got, from, e));
        TRY(io_write_all(to, block, got, to_path, e));
    }
done:
    mem_free(block);
    close(fd);
    return rc;
}

enum err lake_merge_gz(void *ctx, const struct lake_due *due, const char *const *in, size_t in_count, const char *out_path,
                       int64_t *rows, struct error *e)
{
    (void)ctx;
    (void)due;
    enum err rc = ERR_OK;
    int fd = open(out_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", out_path);
    for (size_t i = 0; i < in_count; i++) TRY(append_file(in[i], fd, out_path, e));
    TRY(lake_count_gz_lines(out_path, rows, e)); /* a part without a last newline would run into the next */
done:
    close(fd);
    return rc;
}

static enum err local_paths(struct lake *lake, const struct lake_due *due, char ***out, struct error *e)
{
    return lake_file_paths(lake, &due->files, out, e);
}

/* The parts' dates and batches together. */
static void merged_stats(const struct lake_due *due, struct lake_stats *s)
{
    *s = (struct lake_stats){.min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE, .min_batch = UINT64_MAX};
    for (size_t i = 0; i < due->files.count; i++) {
        const struct lake_file *f = due->files.file[i];
        if (f->min_date != LAKE_NO_DATE && (s->min_date == LAKE_NO_DATE || f->min_date < s->min_date)) s->min_date = f->min_date;
        if (f->max_date != LAKE_NO_DATE && (s->max_date == LAKE_NO_DATE || f->max_date > s->max_date)) s->max_date = f->max_date;
        if (f->min_batch < s->min_batch) s->min_batch = f->min_batch;
        if (f->max_batch > s->max_batch) s->max_batch = f->max_batch;
    }
}

/* A merge fails when its files are compacted away by another process while it reads. */
static bool still_live(struct lake *lake, const struct lake_due *due)
{
    bool live = true;
    struct lake_files one;
    if (lake_mode_of(lake) != LAKE_WRITER) lake_ignore(lake_reload(lake, NULL));
    for (size_t i = 0; live && i < due->files.count; i++) {
        live = lake_file_find(lake, due->files.file[i]->path, &one);
        lake_files_free(&one);
    }
    return live;
}

enum err lake_compact_one(struct lake *lake, const struct lake_due *due, lake_merge_fn *merge, void *ctx, struct error *e)
{
    struct lake_batch *b = NULL;
    struct lake_out *out = NULL;
    struct lake_stats stats;
    char **in = NULL;
    enum err rc = ERR_OK;
    TRY(lake_batch_begin(lake, LAKE_COMPACT, &b, e));
    for (size_t i = 0; i < due->files.count; i++) {
        rc = lake_batch_remove(b, due->files.file[i]->path, e);
        if (rc == ERR_NOT_FOUND) rc = err_set(e, ERR_RETRY, "%s was removed meanwhile", due->files.file[i]->path);
        if (rc != ERR_OK) goto done;
    }
    TRY(lake_batch_create(b, &due->part, &out, e));
    merged_stats(due, &stats);
    rc = local_paths(lake, due, &in, e);
    if (rc == ERR_OK) rc = merge(ctx, due, (const char *const *)in, due->files.count, out->local_path, &stats.rows, e);
    if (rc != ERR_OK && !still_live(lake, due)) rc = err_set(e, ERR_RETRY, "files of %s were removed while they were merged", due->part.table);
    if (rc != ERR_OK) goto done;
    if (stats.rows != due->files.rows) {
        rc = err_set(e, ERR_CORRUPT, "merging %zu files of %s gave %lld rows instead of %lld", due->files.count, due->part.table,
                     (long long)stats.rows, (long long)due->files.rows);
        err_where(e, "%s", due->files.file[0]->path);
        goto done;
    }
    TRY(lake_out_finish(&out, &stats, e));
    rc = lake_batch_commit(&b, NULL, e);
done:
    for (size_t i = 0; in && i < due->files.count; i++) mem_free(in[i]);
    mem_free(in);
    lake_out_drop(&out);
    lake_batch_abort(&b);
    return rc;
}
