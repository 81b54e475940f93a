/* What follows a commit: gold is built, small files are merged, old bronze goes. In two threads, at their own pace. */
#ifndef LAKEFM_LIVE_AFTER_H
#define LAKEFM_LIVE_AFTER_H

#include "live/live.h"

#include <pthread.h>

struct live_after;
/* Options are borrowed until close. Gold that is behind is built at once. Where several processes write to the lake, one
 * of them at a time does this work, for the commits of all. */
enum err live_after_open(struct lake *lake, const struct live_options *options, struct live_after **out, struct error *e) MUST_CHECK;
void live_after_commit(struct live_after *a, uint64_t number, int64_t newest_ms); /* any thread */
/* Finishes: what is not in gold yet is built first, unless the stop is set. Accepts NULL. */
void live_after_close(struct live_after **a);

/* One round of care: silver's, bronze's and quarantine's small files merged, retention applied. Takes `exclude` (may be NULL)
 * while files go. ERR_STOPPED between two folders. */
enum err live_care(struct lake *lake, const struct live_options *options, pthread_mutex_t *exclude, struct error *e) MUST_CHECK;

#endif
