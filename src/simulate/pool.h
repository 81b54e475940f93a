/* Worker threads with one queue. With 0 workers a task runs at once in pool_submit. */
#ifndef LAKEFM_SIMULATE_POOL_H
#define LAKEFM_SIMULATE_POOL_H

#include "base/err.h"

struct pool;
enum err pool_new(int workers, struct pool **out, struct error *e) MUST_CHECK;
/* Any thread. Urgent tasks go before all others. arg must live until the task has run. */
void pool_submit(struct pool *p, bool urgent, void (*run)(void *arg), void *arg);
/* Runs what is still queued, joins. No task may submit another by then. */
void pool_free(struct pool **p);

#endif
