#include "refine/engine.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "refine/replay.h"
#include "refine/sheet.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MOST = 64 };
static const int64_t FUTURE_SLACK_MS = CLOCK_DAY_MS;

/* ---- the handle ---- */

static void defaults(struct refine_options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!o->threads) o->threads = cores > 0 ? (unsigned)cores : 1;
    if (o->threads > THREADS_MOST) o->threads = THREADS_MOST;
    if (!o->memory_bytes) o->memory_bytes = 256ull << 20;
    if (!o->batch_bytes) o->batch_bytes = 1ull << 30;
}

static size_t contract_index(const struct refine *r, const struct contract *c)
{
    size_t i = 0;
    while (r->o.contracts->contracts[i] != c) i++;
    return i;
}

static void topic_init(struct refine *r, struct topic *t, const struct contract *c)
{
    t->contract = c;
    gather_plan_init(&t->plan, c);
    for (uint16_t k = 0; k < c->route_count; k++) t->layout[k] = r->layout[contract_index(r, c->routes[k].target)];
    t->domain = mem_zalloc(c->column_count * sizeof *t->domain);
    for (uint16_t i = 0; i < c->column_count; i++)
        if (!c->columns[i].dense) t->domain[i] = lexicon_domain(r->lexicon, c->columns[i].name, c->columns[i].type);
}

enum err refine_open(struct lake *lake, const struct refine_options *options, struct refine **out, struct error *e)
{
    *out = NULL;
    if (!options->contracts || !options->contracts->count) return err_set(e, ERR_USAGE, "refine needs contracts");
    struct refine *r = mem_zalloc(sizeof *r);
    r->lake = lake;
    r->o = *options;
    defaults(&r->o);
    r->decode = (struct decode_options){.line_limit = r->o.line_limit_bytes,
                                        .memory_bytes = r->o.memory_bytes / 16 + (1u << 20)};
    r->lexicon = lexicon_new();
    gather_domains_init(&r->domains, r->lexicon);
    size_t n = r->topic_count = r->o.contracts->count;
    r->layout = mem_zalloc(n * sizeof *r->layout);
    r->topic = mem_zalloc(n * sizeof *r->topic);
    r->watermark_day = mem_zalloc(n * sizeof *r->watermark_day);
    for (size_t i = 0; i < n; i++) {
        const struct contract *c = r->o.contracts->contracts[i];
        if (!c->table) continue;
        r->layout[i] = layout_new(c, r->lexicon);
        r->layout[i]->index = i;
        r->layout[i]->rank = gather_rank(c->table);
    }
    for (size_t i = 0; i < n; i++) {
        r->topic[i].index = i;
        topic_init(r, &r->topic[i], r->o.contracts->contracts[i]);
    }
    r->catch_up = (struct catch_up){.lake = lake, .contracts = r->o.contracts, .decode = r->decode};
    r->days = days_new(&(struct days_options){.lake = lake, .contracts = r->o.contracts, .bytes = r->o.memory_bytes / 10,
                                              .catch_up = catch_up_days, .ctx = &r->catch_up});
    r->dims = dims_new();
    r->threads = r->o.threads;
    r->worker = mem_zalloc(r->threads * sizeof *r->worker);
    for (unsigned i = 0; i < r->threads; i++) place_init(&r->worker[i], r);
    levels_init(&r->levels, r->lexicon, &r->domains, r->topic_count);
    pthread_mutex_init(&r->claim, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_rwlock_init(&r->codes, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->jobs_end = &r->jobs;
    *out = r;
    return ERR_OK;
}

void refine_close(struct refine **refine)
{
    struct refine *r = *refine;
    if (!r) return;
    if (r->batch) refine_abandon(r);
    for (unsigned i = 0; i < r->threads; i++) place_reset(&r->worker[i]);
    levels_reset(&r->levels);
    mem_free(r->worker);
    dims_free(&r->dims);
    days_free(&r->days);
    for (size_t i = 0; i < r->topic_count; i++) {
        mem_free(r->topic[i].domain);
        layout_free(&r->layout[i]);
    }
    mem_free(r->topic);
    mem_free(r->layout);
    mem_free(r->watermark_day);
    lexicon_free(&r->lexicon);
    pthread_mutex_destroy(&r->claim);
    pthread_mutex_destroy(&r->lock);
    pthread_rwlock_destroy(&r->codes);
    pthread_cond_destroy(&r->changed);
    mem_free(r);
    *refine = NULL;
}

/* ---- a batch ---- */

static void set_watermarks(struct refine *r)
{
    struct lake_tables tables = {0};
    for (size_t i = 0; i < r->topic_count; i++) r->watermark_day[i] = INT64_MIN;
    if (r->anew) return;
    lake_tables(r->lake, &tables);
    for (size_t i = 0; i < tables.count; i++) {
        const struct contract *c = tables.table[i].layer == LAKE_SILVER ? schema_set_table(r->o.contracts, tables.table[i].table) : NULL;
        if (!c || tables.table[i].watermark_ms == INT64_MIN) continue;
        r->watermark_day[contract_index(r, c)] = clock_day_of_ms(tables.table[i].watermark_ms);
    }
    lake_tables_free(&tables);
}

enum err refine_begin_batch(struct refine *r, struct lake_batch *batch, bool anew, struct error *e)
{
    enum err rc = ERR_OK;
    if (r->batch) return err_set(e, ERR_USAGE, "a batch is being refined already");
    if (!lake_batch_number(batch)) return err_set(e, ERR_USAGE, "refine needs a numbered batch");
    r->batch = batch;
    r->number = lake_batch_number(batch);
    r->anew = anew;
    r->totals = (struct refine_totals){0};
    r->next_line = 0;
    r->span_list = NULL;
    r->span_line = 0;
    r->future_ms = clock_now_ms() + FUTURE_SLACK_MS;
    atomic_store(&r->failed, false);
    if (anew) dims_empty(r->dims);
    else TRY(dims_load(r->dims, r->lake, e));
    days_begin(r->days, r->number, anew);
    tally_reset(r);
    set_watermarks(r);
    r->partitions = partitions_new(&(struct partitions_options){
        .batch = batch, .lexicon = r->lexicon, .open_bytes = r->o.memory_bytes / 16 * 3, .zstd_level = r->o.zstd_level,
        .ready = engine_ready,
        .failed = engine_failed, .ctx = r});
    r->quarantine = quarantine_new(batch);
done:
    return rc;
}

enum err refine_begin(struct refine *r, struct lake_batch *batch, struct error *e)
{
    return refine_begin_batch(r, batch, false, e);
}

enum err refine_run(struct refine *r, const struct refine_source *source, struct error *e)
{
    if (!r->batch) return err_set(e, ERR_USAGE, "no batch is being refined");
    return engine_run(r, source, e);
}

/* Tables that have no file get an empty one, so that globs and dbt find every table and its columns from the first commit
 * on. */
static enum err write_schemas(struct refine *r, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < r->topic_count; i++) {
        if (!r->layout[i]) continue;
        const char *table = r->layout[i]->contract->table;
        struct lake_files files = {0};
        lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = table}, &files);
        bool there = files.count && !r->anew;
        lake_files_free(&files);
        if (there) continue;
        struct lake_part part = {.layer = LAKE_SILVER, .table = table, .date = 0, .hour = -1, .k = LAKE_K_NONE, .ext = "parquet"};
        struct sheet *s = sheet_new(r->layout[i]->schema, r->layout[i]->count);
        rc = sheet_write(s, r->batch, &part, e);
        sheet_free(&s);
        if (rc != ERR_OK) return rc;
    }
    return rc;
}

/* Needs no facts, unless a user's levels are in doubt: done while the last row groups are written. */
static enum err finish_beside(struct refine *r, struct error *e)
{
    enum err rc;
    engine_take_gathered(r);
    if (!dims_loose(r->dims)) TRY(dims_write(r->dims, r->lake, r->batch, r->anew, e));
    TRY(write_schemas(r, e));
    TRY(quarantine_finish(r->quarantine, e));
done:
    return rc;
}

static enum err finish_loose(struct refine *r, struct error *e)
{
    struct dims_fact *facts = NULL;
    size_t count = 0, cap = 0;
    struct partition_file file;
    enum err rc;
    while (partitions_file(r->partitions, count, &file)) {
        mem_grow(&facts, &cap, count + 1, sizeof *facts);
        facts[count++] = (struct dims_fact){file.layout->contract, file.day, file.path};
    }
    TRY(dims_settle(r->dims, r->anew ? NULL : r->lake, r->o.contracts, facts, count, e));
    TRY(dims_write(r->dims, r->lake, r->batch, r->anew, e));
done:
    mem_free(facts);
    return rc;
}

/* Points where tests kill or fail us: all row groups are in their files; all of the batch is in staging. */
static enum err fault(const char *point, struct error *e)
{
    int sys = fault_at(point);
    return sys ? err_sys(e, sys, "refine") : ERR_OK;
}

enum err refine_end(struct refine *r, struct refine_totals *totals, bool *too_many, struct error *e)
{
    enum err rc;
    if (!r->batch) return err_set(e, ERR_USAGE, "no batch is being refined");
    if (too_many) *too_many = false;
    partition_close_all(r->partitions);
    TRY(engine_drain(r, finish_beside, e));
    TRY(fault("refine.drained", e));
    if (dims_loose(r->dims)) TRY(finish_loose(r, e));
    TRY(tally_write(r, e));
    lexicon_settle(r->lexicon);
    if (totals) *totals = r->totals;
    TRY(fault("refine.ended", e));
    bool over = tally_too_many(r, e);
    if (too_many) *too_many = over;
done:
    return rc;
}

static void batch_reset(struct refine *r)
{
    partitions_free(&r->partitions);
    quarantine_free(&r->quarantine);
    r->batch = NULL;
}

void refine_committed(struct refine *r)
{
    if (!r->batch) return;
    (void)fault_at("refine.committed");
    dims_committed(r->dims, lake_table_changed(r->lake, LAKE_SILVER, DIMS_TABLE));
    days_committed(r->days);
    batch_reset(r);
}

void refine_abandon(struct refine *r)
{
    if (!r->batch) return;
    dims_forget(r->dims);
    days_abandon(r->days);
    batch_reset(r);
    /* Decoders may stand in the middle of a block, gatherers hold rows that never were. */
    for (unsigned i = 0; i < r->threads; i++) {
        place_reset(&r->worker[i]);
        place_init(&r->worker[i], r);
    }
    levels_reset(&r->levels);
    levels_init(&r->levels, r->lexicon, &r->domains, r->topic_count);
    lexicon_settle(r->lexicon);
}

/* ---- everything that is pending ---- */

void totals_add(struct refine_totals *to, const struct refine_totals *from)
{
    to->batches += from->batches;
    to->bytes += from->bytes;
    to->read += from->read;
    to->rows += from->rows;
    to->derived += from->derived;
    to->blank += from->blank;
    to->duplicates += from->duplicates;
    to->quarantined += from->quarantined;
    to->conflicts += from->conflicts;
    to->late += from->late;
    to->future += from->future;
    to->drift += from->drift;
}

/* One commit of the pending bronze commits numbers[0 … count). *too_many: then *e says so, though all is well. */
static enum err refine_group(struct refine *r, const uint64_t *numbers, size_t count, struct refine_totals *totals,
                             bool *too_many, struct error *e)
{
    struct lake_batch *batch = NULL;
    struct replay *replay = NULL;
    struct refine_source source;
    struct refine_totals one = {0};
    enum err rc;

    TRY(lake_batch_begin(r->lake, LAKE_REFINE, &batch, e));
    replay = replay_new(r->lake, r->o.contracts);
    for (size_t i = 0; i < count; i++) {
        TRY(replay_add(replay, numbers[i], 0, NULL, NULL, e));
        TRY(lake_batch_consume(batch, numbers[i], e));
    }
    TRY(refine_begin(r, batch, e));
    replay_source(replay, &source);
    TRY(refine_run(r, &source, e));
    TRY(refine_end(r, &one, too_many, e));
    struct error commit = {0};
    rc = lake_batch_commit(&batch, NULL, &commit);
    if (rc != ERR_OK) {
        if (e) *e = commit;
        goto done;
    }
    refine_committed(r);
    totals_add(totals, &one);
done:
    if (rc != ERR_OK) {
        refine_abandon(r);
        lake_batch_abort(&batch);
    }
    replay_free(&replay);
    return rc;
}

/* How many of the pending commits go into one: as many as fit batch_bytes, at least one. */
static size_t group_size(const struct refine *r, const struct lake_pending *pending)
{
    int64_t bytes = 0;
    size_t n = 0, file = 0;
    for (; n < pending->count; n++) {
        for (; file < pending->files.count && pending->files.file[file]->commit <= pending->number[n]; file++)
            bytes += pending->files.file[file]->bytes;
        if (n && bytes > (int64_t)r->o.batch_bytes) break;
    }
    return n;
}

enum err refine_pending(struct refine *r, struct refine_totals *totals, struct error *e)
{
    struct error over = {0};
    enum err rc = ERR_OK;
    *totals = (struct refine_totals){0};
    for (;;) {
        struct lake_pending pending = {0};
        struct error local = {0};
        bool too_many = false;
        lake_pending(r->lake, &pending);
        size_t n = group_size(r, &pending);
        if (n) rc = refine_group(r, pending.number, n, totals, &too_many, &local);
        lake_pending_free(&pending);
        if (!n) break;
        if (rc == ERR_RETRY) { /* another writer was first; what is pending has changed */
            TRY(lake_reload(r->lake, e));
            continue;
        }
        if (rc != ERR_OK) {
            if (e) *e = local;
            return rc;
        }
        if (too_many) over = local;
        r->earlier = *totals;
    }
    if (totals->batches) { /* many small batches leave many small files; what is merged or not changes no row */
        struct error merge = {0};
        if (refine_compact(r, 0, NULL, &merge) != ERR_OK) log_warn("compaction: %s", merge.what);
    }
    if (over.code != ERR_OK) {
        if (e) *e = over;
        rc = over.code;
    }
done:
    r->earlier = (struct refine_totals){0};
    return rc;
}
