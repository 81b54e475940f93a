/* Inside of refine.h: the handle, its workers, and the batch at hand. Shared by refine.c, engine.c, place.c, tally.c and
 * rebuild.c.
 *
 * A worker takes a piece (claim, in order: its ticket), decodes it, then for each batch of rows
 *
 *     takes the turn     tickets in order, one worker at a time: keys are asked, places in the partitions reserved,
 *                        rejects and conflicts written down — all that depends on the order of rows
 *     gives the turn on  and copies its rows into their places, counts for the dimensions
 *
 * Row groups that are full are jobs for whichever worker comes by between two pieces; nobody who holds a ticket works on
 * jobs, so no one waits for longer than another's decoding. */
#ifndef LAKEFM_REFINE_ENGINE_H
#define LAKEFM_REFINE_ENGINE_H

#include "refine/catch_up.h"
#include "refine/days.h"
#include "refine/decode.h"
#include "refine/dims.h"
#include "refine/gather.h"
#include "refine/levels.h"
#include "refine/partition.h"
#include "refine/quarantine.h"
#include "refine/refine.h"

#include <pthread.h>

/* What one contract's records became; summed over workers in tally.c. */
struct tally {
    int64_t read, blank, rejects, rows, duplicates, conflicts, drift;
    int64_t reason[DECODE_REASONS]; /* conflicts apart */
    struct {
        int64_t rows, late, future, min_ts, max_ts; /* min > max: none */
    } route[CONTRACT_MAX_ROUTES];
};

/* A contract as the workers see it. */
struct topic {
    const struct contract *contract;
    size_t index;
    struct gather_plan plan;
    struct layout *layout[CONTRACT_MAX_ROUTES]; /* of each route's table; shared */
    uint32_t *domain;                           /* per column, for dictionary columns */
    struct tally tally;                         /* changed by who has the turn */
};

/* One worker's decoder of one topic, with its codes' numbers in the lexicon. */
struct reader {
    struct decoder *decoder;
    uint32_t **map;      /* per column; NULL for dense ones */
    uint32_t *mapped;    /* codes below are in map */
    size_t *map_cap;
    uint64_t generation; /* of the lexicon, that map holds for */
};

/* Rows of one route of a batch that were kept. */
struct placed {
    uint16_t *rows; /* [DECODE_BATCH_ROWS] */
    uint32_t count;
    bool whole;     /* rows 0 … count - 1: `rows` is not filled */
    size_t first_slice, end_slice;
};

struct worker {
    struct refine *r;
    pthread_t thread;
    struct reader *reader; /* per topic */
    struct gather gather;
    struct partition_writer *writer;
    struct placed placed[CONTRACT_MAX_ROUTES];
    struct slices slices;
    uint16_t *order;
    uint8_t *answer, *verdict; /* by place in order; by row */
    struct partition **locals;
    size_t locals_cap;
    uint32_t *starts;
    size_t starts_cap;
};

struct refine {
    struct lake *lake;
    struct refine_options o;
    struct decode_options decode;
    struct lexicon *lexicon;
    struct gather_domains domains;
    struct topic *topic; /* per contract */
    struct layout **layout; /* per contract; NULL for routed ones */
    size_t topic_count;
    struct catch_up catch_up;
    struct days *days;
    struct dims *dims;
    struct worker *worker;
    unsigned threads;

    /* the batch at hand */
    struct lake_batch *batch; /* NULL: none */
    uint64_t number;
    bool anew;                /* rebuild */
    struct partitions *partitions;
    struct quarantine *quarantine;
    int64_t *watermark_day;   /* per contract's own table, before this batch */
    int64_t future_ms;
    struct refine_totals totals, earlier; /* of this batch; of those before it, for the progress */
    int64_t next_line;
    struct levels levels;     /* with the turn */
    const struct refine_span *span_list; /* cursor of offset_of */
    size_t span;
    int64_t span_line;
    uint32_t mark;            /* stamps partition->mark */

    /* the run at hand */
    const struct refine_source *source;
    pthread_mutex_t claim;    /* of source->next */
    uint64_t tickets;
    bool exhausted;
    pthread_rwlock_t codes;   /* read: changing one's readers before the turn; written: emptying the lexicon */
    atomic_uint_fast64_t turn;
    pthread_mutex_t lock;     /* of all below */
    pthread_cond_t changed;
    struct row_group *jobs, **jobs_end;
    unsigned jobs_running, copying;
    atomic_bool failed;
    struct error failure;
    struct refine_totals shown; /* totals as of the last turn */
    uint64_t shown_ns;
};

/* engine.c */
enum err engine_run(struct refine *r, const struct refine_source *source, struct error *e) MUST_CHECK;
/* Writes all row groups that are closed; one thread runs `beside` (may be NULL) before it helps. */
enum err engine_drain(struct refine *r, enum err (*beside)(struct refine *r, struct error *e), struct error *e) MUST_CHECK;
void engine_ready(void *ctx, struct row_group *group); /* partitions_options.ready */
bool engine_failed(void *ctx);
/* Brings what all workers gathered into the dimensions. Nobody may be gathering. */
void engine_take_gathered(struct refine *r);
/* With the turn: waits until no row anywhere holds the lexicon's codes, then empties it. */
enum err engine_forget_codes(struct refine *r, struct worker *w, struct error *e) MUST_CHECK;

/* place.c */
void place_init(struct worker *w, struct refine *r);
void place_reset(struct worker *w);
/* Any time after decode_next: numbers the values that are new to the decoder. */
void place_prepare(struct worker *w, const struct topic *t);
/* With the turn. piece_line: the number of the piece's first line. */
enum err place_rows(struct worker *w, struct topic *t, const struct decode_batch *b, const struct refine_piece *piece,
                    int64_t piece_line, struct error *e) MUST_CHECK;
/* After the turn. */
void place_copy(struct worker *w, const struct topic *t, const struct decode_batch *b);
/* Before the decoder's codes or the lexicon's lose their meaning: what the gatherer holds by them goes into its tables. */
void place_forget(struct worker *w, const struct topic *t);
/* After a failure: leaves the places that were reserved empty. */
void place_abandon(struct worker *w);

/* tally.c */
void tally_reset(struct refine *r);
enum err tally_write(struct refine *r, struct error *e) MUST_CHECK;
/* Over options.max_reject_share? Then e says so. */
bool tally_too_many(const struct refine *r, struct error *e);

/* refine.c */
void totals_add(struct refine_totals *to, const struct refine_totals *from);
enum err refine_begin_batch(struct refine *r, struct lake_batch *batch, bool anew, struct error *e) MUST_CHECK;

#endif
