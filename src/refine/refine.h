/* Bronze → silver: raw records in, typed, cleaned, deduplicated, partitioned Parquet out, with quarantine, dimensions and
 * counts. docs/silver.md tells how; the log entry says what came of it.
 *
 *   pieces (raw lines) ─▶ decode ─▶ dedupe ─▶ partition buffers ─▶ row groups ─▶ silver/<fact>/date=…/part-<batch>-<k>
 *     any thread          any       in order     any                any      └▶ dimensions, quarantine, counts
 *
 * The rows, their order in a file, and the files' bytes are a function of the pieces in their order (and of what the lake
 * held before), never of the number of threads or of timing.
 *
 * Two ways in:
 *   refine_pending   everything in bronze that no commit has refined yet: batches are begun, written and committed here.
 *   refine_begin … refine_run … refine_end, lake_batch_commit, refine_committed
 *                    into a batch of the caller's, from records in memory (live) or from anywhere.
 *
 * A handle keeps what makes the next batch cheap (dictionaries, keys of recent days, dimensions). One thread uses a handle
 * at a time; inside it works with options.threads. After an error of refine_begin, _run or _end: refine_abandon, then
 * abort the lake batch; the handle can be used on. */
#ifndef LAKEFM_REFINE_REFINE_H
#define LAKEFM_REFINE_REFINE_H

#include "base/err.h"
#include "lake/batch.h"
#include "schema/contract.h"

#include <signal.h>
#include <stdint.h>

struct refine_totals {
    int64_t batches;                           /* commits made (refine_pending, refine_rebuild) */
    int64_t bytes;                             /* raw bytes read */
    int64_t read;                              /* records; = rows + quarantined + duplicates + blank */
    int64_t rows, derived;                     /* written; derived: further rows of single-stream records */
    int64_t blank, duplicates;
    int64_t quarantined, conflicts;            /* conflicts are part of quarantined */
    int64_t late, future, drift;
};

struct refine_options { /* {0}, with contracts set, is a good choice */
    const struct schema_set *contracts; /* lives as long as the handle */
    unsigned threads;                   /* 0: one per core */
    uint64_t memory_bytes;              /* what buffers and key sets aim to stay below; 0: 256 MiB */
    uint32_t line_limit_bytes;          /* longer records are quarantined; 0: 16 MiB */
    double max_reject_share;            /* of a batch's records; 0: 0.05; ≥ 1: no limit */
    int zstd_level;                     /* of silver; 0: 1 */
    uint64_t batch_bytes;               /* refine_pending: bronze bytes (compressed) of one commit; 0: 1 GiB */
    const volatile sig_atomic_t *stop;  /* non-zero: ERR_STOPPED, the batch at hand is dropped. NULL: none */
    void (*progress)(void *ctx, const struct refine_totals *so_far); /* ≤ 10 times a second; may be NULL */
    void *ctx;
};

struct refine;
enum err refine_open(struct lake *lake, const struct refine_options *options, struct refine **out,
                     struct error *e) MUST_CHECK;
void refine_close(struct refine **r); /* accepts NULL */

/* All of bronze that is not refined. totals is filled also on failure (what was committed). ERR_REJECTED_TOO_MANY: all is
 * done and kept, but some batch had more rejects than max_reject_share; the message names the worst topic and reason. */
enum err refine_pending(struct refine *r, struct refine_totals *totals, struct error *e) MUST_CHECK;

/* Silver and quarantine anew, from all of bronze that was ever refined, in the groups and under the batch numbers of the
 * first time: one commit that replaces everything at once. Rows, `batch` included, are equal to the first time's when
 * contracts and program are. ERR_NOT_FOUND: bronze that is needed is gone. Other results as refine_pending. */
enum err refine_rebuild(struct refine *r, struct refine_totals *totals, struct error *e) MUST_CHECK;

/* ---- into a batch of the caller's ---- */

/* Lines of a file or stream, in order: which records of a topic's partition they are. */
struct refine_span {
    int32_t partition; /* -1: none */
    int64_t first, count;
};

enum { REFINE_FOLLOWS = -1 };

/* Whole records of one topic, one a line. 1 MiB is a good size; more than 8192 lines make it slow, not wrong. */
struct refine_piece {
    const struct contract *contract;
    const char *ptr;              /* readable up to ptr[len + DECODE_PAD), valid until `free` was called */
    size_t len;
    int64_t line;                 /* number of the first line among those that the spans count; REFINE_FOLLOWS: the one
                                     after the last line of the piece before */
    const struct refine_span *spans; /* may be none: partition -1, the line's number is the record's */
    size_t span_count;
    uint64_t batch;               /* 0: the number of the commit at hand; rebuild: the commit that brought it first */
    int64_t arrival_day;          /* folder of its quarantined records */
    const char *origin;           /* for people: file or topic, goes into quarantine; NULL: none */
    void *cookie;                 /* the source's own */
};

struct refine_source {
    void *ctx;
    /* The next piece in order; ERR_MORE: there is none. One thread at a time, but not always the same. May leave ptr to
     * `load`. */
    enum err (*next)(void *ctx, struct refine_piece *piece, struct error *e);
    /* Brings the bytes (read, inflate). Many threads at once. NULL: next has done so. */
    enum err (*load)(void *ctx, struct refine_piece *piece, struct error *e);
    /* The piece's bytes are not needed any more. Many threads at once, in any order; once for each `next` that returned
     * ERR_OK, also after failures. NULL: nothing to do. */
    void (*free)(void *ctx, struct refine_piece *piece);
};

/* The batch must be numbered (LAKE_REFINE, LAKE_LIVE); its number becomes the rows' `batch`. */
enum err refine_begin(struct refine *r, struct lake_batch *batch, struct error *e) MUST_CHECK;
/* Takes all pieces of the source. May be called several times; pieces continue in order. */
enum err refine_run(struct refine *r, const struct refine_source *source, struct error *e) MUST_CHECK;
/* Writes what is left: files, dimensions, quarantine and counts are in the batch, which the caller commits.
 * totals may be NULL. *too_many (may be NULL) is set when rejects are over the limit, with e saying which. */
enum err refine_end(struct refine *r, struct refine_totals *totals, bool *too_many, struct error *e) MUST_CHECK;
/* After the commit: keeps the keys on disk (a cache: failures are logged, not returned). */
void refine_committed(struct refine *r);
/* Instead of refine_committed, at any point: forgets the batch. */
void refine_abandon(struct refine *r);

/* ---- care ---- */

/* Merges the small files of silver partitions that are due (lake/compact.h; min_files 0: 16): same rows, same order.
 * *folders (may be NULL) counts those done. Facts only; dimensions look after themselves. refine_pending does it after its
 * commits; a live writer calls it now and then, between batches. Costs little when nothing is due. */
enum err refine_compact(struct refine *r, int min_files, size_t *folders, struct error *e) MUST_CHECK;

#endif
