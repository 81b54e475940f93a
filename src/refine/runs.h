/* A user's levels over time, as maximal runs of events of one level, kept right while events come in any order.
 *
 * Events are ordered by (ts, item, level's text). A run knows its first and last event, not those between. So an event of
 * another level inside a run, or a run that overlaps one of another level, cannot be placed from here: the stretch of time
 * it covers is marked `loose`, and its events must be read again (runs_hull, runs_replace). Streams in order of time never
 * need that. */
#ifndef LAKEFM_REFINE_RUNS_H
#define LAKEFM_REFINE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
    int64_t from_ts, to_ts;
    uint32_t from_item, to_item;
    uint32_t level; /* a number whose order is given by runs_order */
};

struct runs {
    struct run *run; /* in order, no two neighbours of one level, none overlapping */
    uint32_t count, cap;
    bool loose; /* what could not be placed lies in loose_from … loose_to (ts, both inclusive) */
    int64_t loose_from, loose_to;
};

/* Compares two different levels by their texts; only asked when ts and item are equal. */
struct runs_order {
    int (*compare)(void *ctx, uint32_t a, uint32_t b);
    void *ctx;
};

enum runs_change {
    RUNS_SAME,     /* nothing new */
    RUNS_EXTENDED, /* a run ends later */
    RUNS_CHANGED,  /* a run is new or begins earlier */
    RUNS_LOOSE,    /* could not be placed */
};
enum runs_change runs_add(struct runs *runs, const struct run *one, const struct runs_order *order);
/* Adds all of `from`, its loose stretch too. Returns the greatest change. */
enum runs_change runs_merge(struct runs *runs, const struct runs *from, const struct runs_order *order);
void runs_reset(struct runs *runs);

/* When something is loose: the stretch of time whose events must be read again, widened so that no run reaches out of
 * it. */
bool runs_hull(const struct runs *runs, int64_t *from, int64_t *to);
/* Puts what was read again in place of the hull: exact[0 … count) are the maximal runs of all events in it, in order. */
void runs_replace(struct runs *runs, const struct run *exact, size_t count);

#endif
