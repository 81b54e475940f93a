/* For tests: a small world whose rows can be recounted from the files alone.
 *
 * Records are the numbers 0, 1, 2 … of one source. Record r is bronze line {"n":r}. Refined, every 10th is quarantined,
 * every 15th (not 10th) is a duplicate, the others are rows of fact_x on date r / 40 (days since 1970). "Silver" files are
 * text, one number a line (partition * WORLD_SPREAD + record); gold/marts/part-0 holds the number of silver rows; silver/dim_x/part-0 the last record. */
#ifndef LAKEFM_LAKE_FIXTURE_H
#define LAKEFM_LAKE_FIXTURE_H

#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/audit.h"
#include "lake/batch.h"
#include "lake/compact.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORLD_TOPIC "events"
#define WORLD_TABLE "fact_x"

#define WORLD_SPREAD 1000000

/* A new folder for a test: in memory where there is such a place, because thousands of fsyncs are slow on a disk. */
static inline bool world_folder(char out[64])
{
    const char *where = getenv("LAKEFM_TEST_DIR");
    snprintf(out, 64, "%.30s/lakefm-test-XXXXXX", where ? where : access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    return mkdtemp(out) != NULL;
}

static int32_t world_partition; /* that this process reads */
static inline int64_t world_value(int64_t r) { return (int64_t)world_partition * WORLD_SPREAD + r; }

static inline bool world_bad(int64_t r) { return r % 10 == 0; }
static inline bool world_duplicate(int64_t r) { return r % 15 == 0 && !world_bad(r); }
static inline bool world_row(int64_t r) { return !world_bad(r) && !world_duplicate(r); }
static inline int64_t world_date(int64_t r) { return r / 40; }

static inline enum err world_file(struct lake_batch *b, const struct lake_part *part, const struct buf *text, bool gz,
                                  const struct lake_stats *stats, struct error *e)
{
    struct lake_out *out;
    struct buf packed = {0};
    enum err rc = lake_batch_create(b, part, &out, e);
    if (rc != ERR_OK) return rc;
    if (gz) {
        struct gzip_writer *w = gzip_writer_new();
        gzip_write_member(w, text->ptr, text->len, &packed);
        gzip_writer_free(&w);
    } else {
        buf_add(&packed, text->ptr, text->len);
    }
    rc = io_write_all(out->fd, packed.ptr, packed.len, out->local_path, e);
    buf_reset(&packed);
    if (rc == ERR_OK) return lake_out_finish(&out, stats, e);
    lake_out_drop(&out);
    return rc;
}

static inline enum err world_bronze(struct lake_batch *b, int64_t first, int64_t next, struct error *e)
{
    struct buf text = {0};
    uint32_t source;
    struct lake_source s = {.source = "test", .topic = WORLD_TOPIC, .partition = world_partition, .id = "id", .first = first, .next = next,
                            .records = next - first, .rows = next - first};
    enum err rc = lake_batch_source(b, &s, &source, e);
    struct lake_span span = {source, first, next - first};
    for (int64_t r = first; r < next; r++) buf_printf(&text, "{\"n\":%lld}\n", (long long)r);
    if (rc == ERR_OK)
        rc = world_file(b, &(struct lake_part){LAKE_BRONZE, WORLD_TOPIC, NULL, 20000, 7, 0, "json.gz"}, &text, true,
                        &(struct lake_stats){.rows = next - first, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE,
                                             .spans = &span, .span_count = 1}, e);
    buf_reset(&text);
    return rc;
}

/* Silver, quarantine and the counts of the records [first, next). */
static inline enum err world_refined(struct lake_batch *b, int64_t first, int64_t next, struct error *e)
{
    struct buf rows = {0}, bad = {0};
    struct lake_count c = {.topic = WORLD_TOPIC, .table = WORLD_TABLE, .read = next - first};
    struct lake_reason reason = {"bad_json", 0};
    enum err rc = ERR_OK;
    for (int64_t r = first; rc == ERR_OK && r < next;) {
        int64_t day = world_date(r), n = 0;
        buf_clear(&rows);
        for (; r < next && world_date(r) == day; r++) {
            if (world_row(r)) buf_printf(&rows, "%lld\n", (long long)world_value(r)), n++;
            if (world_bad(r)) buf_printf(&bad, "%lld\n", (long long)world_value(r)), reason.rows++;
            if (world_duplicate(r)) c.duplicates++;
        }
        c.rows += n;
        if (n)
            rc = world_file(b, &(struct lake_part){LAKE_SILVER, WORLD_TABLE, WORLD_TOPIC, day, -1, 0, "parquet"}, &rows, false,
                            &(struct lake_stats){.rows = n, .min_date = day, .max_date = day}, e);
    }
    if (rc == ERR_OK && reason.rows)
        rc = world_file(b, &(struct lake_part){LAKE_QUARANTINE, WORLD_TOPIC, NULL, 20000, -1, LAKE_K_NONE, "json.gz"}, &bad, true,
                        &(struct lake_stats){.rows = reason.rows}, e);
    c.reasons = &reason;
    c.reason_count = 1;
    c.max_ts = next * 1000;
    if (rc == ERR_OK) rc = lake_batch_count(b, &c, e);
    buf_reset(&rows);
    buf_reset(&bad);
    return rc;
}

static inline enum err world_single(struct lake_batch *b, enum lake_layer layer, const char *table, int64_t value, struct error *e)
{
    struct buf text = {0};
    buf_printf(&text, "%lld\n", (long long)value);
    enum err rc = world_file(b, &(struct lake_part){layer, table, NULL, LAKE_NO_DATE, -1, LAKE_K_SINGLE, "parquet"}, &text, false,
                             &(struct lake_stats){.rows = 1, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE}, e);
    buf_reset(&text);
    return rc;
}

static inline int64_t world_position(struct lake *lake)
{
    struct lake_sources s;
    int64_t next = lake_source_find(lake, "test", WORLD_TOPIC, world_partition, NULL, &s) ? s.source[0].next : 0;
    lake_sources_free(&s);
    return next;
}

static inline enum err world_live(struct lake *lake, int64_t count, struct error *e)
{
    struct lake_batch *b;
    enum err rc = lake_batch_begin(lake, LAKE_LIVE, &b, e);
    if (rc != ERR_OK) return rc;
    int64_t first = world_position(lake);
    rc = world_bronze(b, first, first + count, e);
    if (rc == ERR_OK) rc = world_refined(b, first, first + count, e);
    if (rc == ERR_OK) rc = world_single(b, LAKE_SILVER, "dim_x", first + count - 1, e);
    if (rc == ERR_OK) return lake_batch_commit(&b, NULL, e);
    lake_batch_abort(&b);
    return rc;
}

static inline enum err world_ingest(struct lake *lake, int64_t count, struct error *e)
{
    struct lake_batch *b;
    enum err rc = lake_batch_begin(lake, LAKE_INGEST, &b, e);
    if (rc != ERR_OK) return rc;
    int64_t first = world_position(lake);
    rc = world_bronze(b, first, first + count, e);
    if (rc == ERR_OK) return lake_batch_commit(&b, NULL, e);
    lake_batch_abort(&b);
    return rc;
}

/* All that is pending, in one commit; or, rebuild, all that bronze holds. Bronze is whole, so that it is [first, next). */
static inline enum err world_refine(struct lake *lake, bool rebuild, struct error *e)
{
    struct lake_batch *b;
    struct lake_pending p;
    lake_pending(lake, &p);
    int64_t next = world_position(lake), first = rebuild ? 0 : next - p.files.rows;
    enum err rc = !rebuild && !p.count ? ERR_OK : lake_batch_begin(lake, rebuild ? LAKE_REBUILD : LAKE_REFINE, &b, e);
    if (rc != ERR_OK || (!rebuild && !p.count)) {
        lake_pending_free(&p);
        return rc;
    }
    for (size_t i = 0; rc == ERR_OK && !rebuild && i < p.count; i++) rc = lake_batch_consume(b, p.number[i], e);
    if (rebuild) {
        struct lake_files bronze;
        lake_batch_reset(b);
        lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE}, &bronze);
        for (size_t i = 0; rc == ERR_OK && i < bronze.count; i++)
            for (uint64_t n = bronze.file[i]->min_batch; rc == ERR_OK && n <= bronze.file[i]->max_batch; n++)
                if (lake_batch_consume(b, n, e) == ERR_INTERNAL) rc = ERR_INTERNAL; /* numbers in between hold no bronze */
        lake_files_free(&bronze);
        if (rc == ERR_OK) rc = lake_batch_remove_all(b, LAKE_SILVER, e);
        if (rc == ERR_OK) rc = lake_batch_remove_all(b, LAKE_QUARANTINE, e);
    }
    if (rc == ERR_OK) rc = world_refined(b, first, next, e);
    if (rc == ERR_OK && rebuild) rc = world_single(b, LAKE_SILVER, "dim_x", next - 1, e);
    lake_pending_free(&p);
    if (rc == ERR_OK) return lake_batch_commit(&b, NULL, e);
    lake_batch_abort(&b);
    return rc;
}

static inline enum err world_build(struct lake *lake, struct error *e)
{
    struct lake_batch *b;
    struct lake_files silver;
    enum err rc = lake_batch_begin(lake, LAKE_BUILD, &b, e);
    if (rc != ERR_OK) return rc;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = WORLD_TABLE}, &silver);
    rc = world_single(b, LAKE_GOLD, "marts", silver.rows, e);
    if (rc == ERR_OK) rc = lake_batch_build(b, "{\"model\": \"marts\"}", e);
    lake_files_free(&silver);
    if (rc == ERR_OK) return lake_batch_commit(&b, NULL, e);
    lake_batch_abort(&b);
    return rc;
}

/* Text files one after the other; rows are lines. */
static inline enum err world_merge(void *ctx, const struct lake_due *due, const char *const *in, size_t in_count,
                                   const char *out_path, int64_t *rows, struct error *e)
{
    (void)ctx;
    (void)due;
    struct buf all = {0};
    enum err rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < in_count; i++) rc = io_read_file(in[i], &all, e);
    int fd = rc == ERR_OK ? open(out_path, O_WRONLY | O_CLOEXEC) : -1;
    if (rc == ERR_OK) rc = io_write_all(fd, all.ptr, all.len, out_path, e);
    if (fd >= 0) close(fd);
    *rows = 0;
    for (size_t i = 0; i < all.len; i++) *rows += all.ptr[i] == '\n';
    buf_reset(&all);
    return rc;
}

/* Merged files are not small any more, so that later compactions of their folder must keep them. */
static inline enum err world_compact(struct lake *lake, int min_files, size_t *done, struct error *e)
{
    struct lake_dues dues;
    enum err rc = ERR_OK;
    lake_compact_due(lake, &(struct lake_compact_options){.min_files = min_files, .small_bytes = 27}, &dues);
    for (size_t i = 0; rc == ERR_OK && i < dues.count; i++) rc = lake_compact_one(lake, &dues.due[i], world_merge, NULL, e);
    if (done) *done = dues.count;
    lake_dues_free(&dues);
    return rc;
}

/* One commit (or a few, compacting) of a varied life, chosen by the head's number. */
static inline enum err world_step(struct lake *lake, struct error *e)
{
    struct lake_head head;
    lake_head(lake, &head);
    uint64_t n = head.number;
    if (n % 23 == 22) return world_refine(lake, true, e);
    if (n % 5 == 4) {
        size_t done;
        enum err rc = world_compact(lake, 2, &done, e);
        if (rc != ERR_OK || done) return rc;
    }
    if (n % 7 == 3) return world_ingest(lake, 6, e);
    if (head.pending_batches && n % 7 >= 4) return world_refine(lake, false, e);
    if (n % 7 == 6) return world_build(lake, e);
    return head.pending_batches ? world_refine(lake, false, e) : world_live(lake, 7, e);
}

/* The audit's row counter for this world's files. */
static inline enum err world_rows(void *ctx, enum lake_layer layer, const char *path, int64_t *rows, struct error *e)
{
    (void)ctx;
    struct buf all = {0};
    if (layer == LAKE_BRONZE || layer == LAKE_QUARANTINE) return lake_count_gz_lines(path, rows, e);
    enum err rc = io_read_file(path, &all, e);
    *rows = 0;
    for (size_t i = 0; i < all.len; i++) *rows += all.ptr[i] == '\n';
    buf_reset(&all);
    return rc;
}

struct world_seen {
    const int64_t *next; /* per partition */
    int partitions;
    char *seen[8];
    bool right;
};

static inline void world_look(struct world_seen *w, const char *path)
{
    struct buf text = {0};
    struct error e;
    char *rest = NULL;
    if (io_read_file(path, &text, &e) != ERR_OK) w->right = false;
    for (char *line = text.len ? strtok_r(text.ptr, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        long v = strtol(line, NULL, 10), p = v / WORLD_SPREAD, r = v % WORLD_SPREAD;
        if (p < 0 || p >= w->partitions || r >= w->next[p] || !world_row(r) || w->seen[p][r]++) {
            fprintf(stderr, "%s: row %ld should not be there\n", path, v);
            w->right = false;
        }
    }
    buf_reset(&text);
}

/* Compares what a plain glob sees with what must be there for the records [0, next[p]) of each partition: each row once,
 * none more. Prints what is wrong. */
static inline bool world_all_right(const char *folder, const int64_t *next, int partitions)
{
    struct world_seen w = {.next = next, .partitions = partitions, .right = true};
    char *silver = io_path(folder, "silver/" WORLD_TABLE);
    struct io_names names = {0};
    struct error e;
    for (int p = 0; p < partitions; p++) w.seen[p] = mem_zalloc((size_t)next[p] + 1);
    if (io_is_dir(silver) && io_walk(silver, &names, &e) != ERR_OK) w.right = false;
    for (size_t i = 0; i < names.count; i++) {
        char *path = io_path(silver, names.name[i]);
        world_look(&w, path);
        mem_free(path);
    }
    for (int p = 0; p < partitions; p++) {
        for (int64_t r = 0; r < next[p]; r++)
            if (world_row(r) && !w.seen[p][r]) {
                fprintf(stderr, "row %lld of partition %d is missing\n", (long long)r, p);
                w.right = false;
            }
        mem_free(w.seen[p]);
    }
    io_names_free(&names);
    mem_free(silver);
    return w.right;
}

static inline bool world_is_right(const char *folder, int64_t next) { return world_all_right(folder, &next, 1); }

/* Audits; prints what is bad. */
static inline bool world_audit(struct lake *lake)
{
    struct lake_audit a;
    struct error e;
    if (lake_audit(lake, &(struct lake_audit_options){.rows = world_rows}, &a, &e) != ERR_OK) {
        fprintf(stderr, "audit: %s\n", e.what);
        return false;
    }
    for (size_t i = 0; i < a.count; i++)
        if (!a.finding[i].ok) fprintf(stderr, "audit: %s %s: %s\n", a.finding[i].check, a.finding[i].where, a.finding[i].what);
    bool ok = !a.bad;
    lake_audit_free(&a);
    return ok;
}

#endif
