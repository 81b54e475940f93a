#include "live/after.h"

#include "base/clock.h"
#include "base/log.h"
#include "lake/compact.h"

static bool stopped(const struct live_options *o) { return o->kafka.stop && *o->kafka.stop; }

static void lock(pthread_mutex_t *m)
{
    if (m) pthread_mutex_lock(m);
}

static void unlock(pthread_mutex_t *m)
{
    if (m) pthread_mutex_unlock(m);
}

static enum err merge_silver(struct lake *lake, const struct live_options *o, pthread_mutex_t *exclude, struct error *e)
{
    struct refine *refine = NULL;
    struct lake_dues dues;
    size_t folders = 0;
    lake_compact_due(lake, NULL, &dues);
    bool due = dues.count > 0;
    lake_dues_free(&dues);
    if (!due) return ERR_OK;
    /* A handle of its own: merging runs beside the next batch. */
    struct refine_options options = o->refine;
    options.threads = 1;
    options.memory_bytes = 64 << 20;
    options.stop = o->kafka.stop;
    enum err rc = refine_open(lake, &options, &refine, e);
    if (rc != ERR_OK) return rc;
    lock(exclude);
    rc = refine_compact(refine, 0, &folders, e);
    unlock(exclude);
    refine_close(&refine);
    if (folders) log_info("%zu folders of silver merged", folders);
    return rc;
}

static enum err merge_raw(struct lake *lake, const struct live_options *o, struct error *e)
{
    struct lake_compact_options options = {.layers = 1u << LAKE_BRONZE | 1u << LAKE_QUARANTINE};
    struct lake_dues dues;
    enum err rc = ERR_OK;
    lake_compact_due(lake, &options, &dues);
    for (size_t i = 0; i < dues.count; i++) {
        if (stopped(o)) {
            rc = err_set(e, ERR_STOPPED, "stopped");
            break;
        }
        rc = lake_compact_one(lake, &dues.due[i], lake_merge_gz, NULL, e);
        if (rc == ERR_RETRY) rc = ERR_OK; /* the next round finds the folder again */
        if (rc != ERR_OK) break;
    }
    lake_dues_free(&dues);
    return rc;
}

/* Whole days of bronze that arrived before the limit. What is not refined yet stays, whatever its age. */
static enum err retire(struct lake *lake, const struct live_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_batch *batch = NULL;
    struct lake_files files;
    int64_t first_kept = clock_day_of_ms(clock_now_ms() - o->retain_bronze_ms), rows = 0;
    size_t gone = 0;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE, .by_date = true, .from_date = INT64_MIN + 1, .to_date = first_kept - 1}, &files);
    for (size_t i = 0; i < files.count; i++) {
        if (!batch) TRY(lake_batch_begin(lake, LAKE_RETAIN, &batch, e));
        rc = lake_batch_remove(batch, files.file[i]->path, e);
        if (rc == ERR_USAGE || rc == ERR_NOT_FOUND) continue; /* waits for refine; compacted meanwhile */
        TRY(rc);
        gone++;
        rows += files.file[i]->rows;
    }
    if (!gone) goto done;
    lake_batch_note(batch, "retain.bronze");
    TRY(lake_batch_commit(&batch, NULL, e));
    log_info("retention: %zu files of bronze with %lld records are gone", gone, (long long)rows);
done:
    lake_batch_abort(&batch);
    lake_files_free(&files);
    return rc == ERR_USAGE || rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err live_care(struct lake *lake, const struct live_options *options, pthread_mutex_t *exclude, struct error *e)
{
    enum err rc = ERR_OK;
    if (!options->bronze_only) TRY(merge_silver(lake, options, exclude, e));
    TRY(merge_raw(lake, options, e));
    if (options->retain_bronze_ms) TRY(retire(lake, options, e));
done:
    return rc == ERR_RETRY ? ERR_OK : rc;
}
