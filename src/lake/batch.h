/* Writing to a lake: one batch becomes one commit, wholly or not at all.
 *
 *   lake_batch_begin → lake_batch_create … lake_out_finish (per file) → lake_batch_source/consume/count/… → commit
 *
 * Two sorts of batches:
 *  - numbered (ingest, refine, live, rebuild, gap): what they write depends on their number (the `batch` column). One is
 *    open at a time per lake; begin waits for the one before it.
 *  - floating (build, compact, retain, note): any number of them may be prepared beside others, by other threads; each
 *    gets its number when it commits, waiting for an open numbered batch to end first. Do not commit a floating batch in
 *    the thread that holds a numbered one open: ERR_USAGE.
 * All functions on one batch but commit and abort may be called from several threads at once.
 *
 * The commit, step by step, with its fault points ("lake.commit.x" before the step, "lake.commit.x.done" after it):
 *            (first the batch's files are made durable, many at a time)
 *   dirs     final folders made (an empty date folder is nothing to a reader)
 *   swap     folders that will be exchanged are completed by links to the files they keep
 *   entry    the entry written to staging, durable
 *   staging  names in staging made durable
 *   point    THE COMMIT POINT: the entry renamed to log/<number>.json, refused if it exists
 *   log      the log folder made durable
 *   move     each file brought to its final path (also "lake.move" before every single one)
 *   sync     their folders made durable
 *   clean    what was replaced is deleted, staging removed
 *   checkpoint  every 64 commits
 * Killed before `point`: the batch never was. After it: recovery repeats move … clean.
 *
 * Errors of begin, create, finish and commit:
 *   ERR_NO_SPACE  nothing harmed; abort, make room, begin again. After the commit point a full disk is no error: the
 *                 commit stands (a warning is logged) and the next begin finishes the moves, or returns ERR_NO_SPACE.
 *   ERR_RETRY     shared writers only: another writer's commit came first. It is already taken in: look at your sources,
 *                 begin again with the next number, write again. (Floating batches retry by themselves as long as all
 *                 that they remove is still live.)
 *   ERR_BUSY      exclusive writers: the lock was broken, another process has committed. Stop.
 *   ERR_IO        fsync failed: the lake takes no more commits from this process (each begin repeats the error). Stop;
 *                 the next open finds out what became durable. */
#ifndef LAKEFM_LAKE_BATCH_H
#define LAKEFM_LAKE_BATCH_H

#include "lake/lake.h"

struct lake_batch;

/* The lake must be open as a writer. kind: any but LAKE_INIT. */
enum err lake_batch_begin(struct lake *lake, enum lake_kind kind, struct lake_batch **out, struct error *e) MUST_CHECK;
/* The commit's number; 0 for a floating batch (it has none yet). */
uint64_t lake_batch_number(const struct lake_batch *batch);

/* A file being written in staging. Write through fd, or by name to local_path; then finish it. */
struct lake_out {
    int fd;
    const char *local_path;
    struct lake_batch *batch;
    struct store_out *store_out;
    size_t index;
};
/* part is copied. The final path comes from part and the batch's number. ERR_EXISTS: this batch has a file of that path already.
 * LAKE_K_SINGLE replaces the table's file. At most one lake_out of a batch per file; open as many as you have fds for. */
enum err lake_batch_create(struct lake_batch *batch, const struct lake_part *part, struct lake_out **out,
                           struct error *e) MUST_CHECK;

/* What the writer knows of a finished file. */
struct lake_stats {
    int64_t rows;
    int64_t min_date, max_date; /* event days, LAKE_NO_DATE when unknown or not meant */
    bool has_hash;              /* bytes and hash are given; else the file is read back to learn them */
    int64_t bytes;
    struct hash128 hash;
    uint64_t min_batch, max_batch; /* 0: this commit */
    const struct lake_span *spans; /* bronze: which records the lines are; may be none. Copied */
    size_t span_count;
};
/* The file is whole and part of the batch; its bytes go to the disk from now on, and the commit waits for them (fsync, many
 * at a time). *out is NULL afterwards, also on failure. */
enum err lake_out_finish(struct lake_out **out, const struct lake_stats *stats, struct error *e) MUST_CHECK;
void lake_out_drop(struct lake_out **out); /* the file is not to be; accepts NULL */

/* A live file that ends with this commit. Where files of the same folder are added, a glob sees the old set or the new.
 * ERR_NOT_FOUND: not live. */
enum err lake_batch_remove(struct lake_batch *batch, const char *path, struct error *e) MUST_CHECK;
/* All live files of a layer (rebuild: silver's and quarantine's). */
enum err lake_batch_remove_all(struct lake_batch *batch, enum lake_layer layer, struct error *e) MUST_CHECK;

/* Copied, runs too. Returns its index for lake_span through *index (may be NULL). ERR_USAGE when it does not continue
 * where the lake's position stands, or its id differs (a topic made anew): the message says both. */
enum err lake_batch_source(struct lake_batch *batch, const struct lake_source *source, uint32_t *index,
                           struct error *e) MUST_CHECK;
/* Makes room in `first..next` for what is only known at the end: replaces next, hash, records, rows, blank and runs of
 * a source added before. */
enum err lake_batch_source_update(struct lake_batch *batch, uint32_t index, const struct lake_source *source,
                                  struct error *e) MUST_CHECK; /* key, id and first must be the same */
/* A bronze commit refined by this one; LAKE_LIVE batches consume themselves without being told.
 * ERR_USAGE: it holds no bronze or was consumed before (unless the batch resets). */
enum err lake_batch_consume(struct lake_batch *batch, uint64_t number, struct error *e) MUST_CHECK;
/* Copied. Several counts of one topic and table are added up. ERR_USAGE when read does not equal its parts. */
enum err lake_batch_count(struct lake_batch *batch, const struct lake_count *count, struct error *e) MUST_CHECK;
/* Refine starts anew with this commit (rebuild): all earlier counts and consumptions are void. */
void lake_batch_reset(struct lake_batch *batch);
/* Valid JSON text (an object), copied: kept as the last build's fingerprint. */
enum err lake_batch_build(struct lake_batch *batch, const char *json, struct error *e) MUST_CHECK;
void lake_batch_note(struct lake_batch *batch, const char *text);

/* *batch is NULL afterwards, whatever came out (on failure it is aborted). number (may be NULL) is set on success.
 * A batch that does not add up is refused (ERR_INTERNAL): sources' rows = bronze files' rows by topic; bronze rows
 * consumed = rows read by topic; rows + derived = silver files' rows by table; reasons = quarantine files' rows by topic;
 * compaction: rows removed = rows added by table. */
enum err lake_batch_commit(struct lake_batch **batch, uint64_t *number, struct error *e) MUST_CHECK;
void lake_batch_abort(struct lake_batch **batch); /* drops its staging; accepts NULL */

#endif
