/* One haul into one commit. */
#ifndef LAKEFM_LIVE_PUBLISH_H
#define LAKEFM_LIVE_PUBLISH_H

#include "live/live.h"

/* Bronze, silver, quarantine and positions of the haul as one LAKE_LIVE commit; refine NULL: bronze and positions as a
 * LAKE_INGEST commit. Records that another process has committed meanwhile are dropped from the haul (shared writers), and
 * *moved is set: the consumer does not stand where the log does any more. Nothing left: *number is 0 and it is no error.
 * ERR_RETRY: no broker answers; ERR_NO_SPACE: the disk is full: nothing happened, the haul is whole, try again later. */
enum err live_publish(struct lake *lake, struct refine *refine, struct kafka *k, struct kafka_haul *haul, uint64_t *number,
                      struct refine_totals *totals, bool *moved, struct error *e) MUST_CHECK;

#endif
