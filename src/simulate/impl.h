/* Inside of simulate.h: one run, and its two ways of walking. */
#ifndef LAKEFM_SIMULATE_IMPL_H
#define LAKEFM_SIMULATE_IMPL_H

#include "simulate/dirty.h"
#include "simulate/pipe.h"

struct exact;   /* exact.c */
struct streams; /* streams.c */

struct simulate {
    struct simulate_options options;
    struct config *config;
    struct catalog *catalog;
    struct model model;
    struct simulate_time from, to; /* to: INT64_MAX seconds when a live run has no end */
    int64_t arrivals_until_s;      /* users arrive while t < this */
    int64_t seed, first_id;        /* first_id: of user 0 */
    int ms;                        /* the fraction of every ts */
    const char *tag;
    struct random_mt mt;           /* exact mode */
    struct model_user *users;
    struct model_person *persons;
    size_t users_pages, persons_pages; /* bytes, where they are base/pages.h's; 0: the heap's */
    size_t users_count, users_initial;
    struct exact *exact;
    struct streams *streams;
    uint64_t sessions;
    bool finished;                 /* nothing comes any more */
    struct pool *pool;
    struct render *render;
    int threads, workers;
    uint64_t skip_events;          /* to be walked and not written (resuming) */
    struct simulate_stats stats, base; /* base: what stats began with */
    const struct simulate_progress *progress;
    struct pipe *pipe;             /* of the running simulate_run or _follow */
    struct dirty *dirty;           /* NULL: no flaws */
    struct simulate_sink dirty_in;
    uint64_t last_report_ns;
    bool used;
};

/* Makes the users. */
enum err exact_open(struct simulate *s, struct error *e) MUST_CHECK;
enum err streams_open(struct simulate *s, struct error *e) MUST_CHECK;
void exact_close(struct simulate *s);
void streams_close(struct simulate *s);
/* Walks on and submits all events with at_s ≤ until_s that were not yet; sets finished at the end. */
enum err exact_advance(struct simulate *s, int64_t until_s, struct error *e) MUST_CHECK;
enum err streams_advance(struct simulate *s, int64_t until_s, struct error *e) MUST_CHECK;

static inline enum err simulate_advance(struct simulate *s, int64_t until_s, struct error *e)
{
    return s->exact ? exact_advance(s, until_s, e) : streams_advance(s, until_s, e);
}

void simulate_set_attrition(struct simulate *s); /* once users_count is known, before the first step */
void simulate_warn(const struct simulate *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Reports progress now and then; ERR_STOPPED when asked to stop. */
enum err simulate_tick(struct simulate *s, int64_t now_s, struct error *e) MUST_CHECK;
void simulate_count(struct simulate *s); /* brings stats up to date */
enum err simulate_show_error(const struct simulate *s, uint16_t state, struct error *e); /* show-user-details lacks an auth */

/* What simulate_run and simulate_follow share: the pipe (and the flaws) before the sink; then the last lines and counts.
 * skip_lines (NULL: none), with flaws only: the lines that the sink already has, by topic. simulate_end gives back rc, or
 * the error that comes of writing what is left; the pipe stays until pipe_free. */
enum err simulate_begin(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress,
                        const uint64_t skip_lines[SIMULATE_TOPICS], struct error *e) MUST_CHECK;
enum err simulate_end(struct simulate *s, enum err rc, bool release_held, struct error *e) MUST_CHECK;

#endif
