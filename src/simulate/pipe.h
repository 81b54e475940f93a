/* From events in order to lines in order: jobs are rendered (and encoded) by the pool's workers in any order, and written
 * to the sink in the order of their submission, by whichever worker finishes the job that is next.
 *
 * One thread takes and submits. The number of jobs is limited: pipe_take waits when the sink is slow. */
#ifndef LAKEFM_SIMULATE_PIPE_H
#define LAKEFM_SIMULATE_PIPE_H

#include "simulate/pool.h"
#include "simulate/render.h"

enum { PIPE_JOB_EVENTS = 2048 };
struct pipe_job {
    size_t count;
    struct render_event events[PIPE_JOB_EVENTS];
};

struct pipe;
/* sink and render are borrowed until pipe_free. */
struct pipe *pipe_new(struct pool *pool, int workers, const struct render *render, struct simulate_sink *sink);
/* Waits for what was submitted. */
void pipe_free(struct pipe **p);
/* An empty job, to be submitted. Never NULL: after a failure of the sink jobs go nowhere. */
struct pipe_job *pipe_take(struct pipe *p);
/* The sink's error, if it had one by now. A job without events is only taken back. */
enum err pipe_submit(struct pipe *p, struct pipe_job *job, struct error *e) MUST_CHECK;
/* Waits until all that was submitted is written. */
enum err pipe_flush(struct pipe *p, struct error *e) MUST_CHECK;
/* Adds what was written so far: events, lines, bytes, first and last ts (ms: the fraction of a second of every ts). */
void pipe_count(struct pipe *p, int ms, struct simulate_stats *stats);

#endif
