/* Weighted picks by eventsim's rule: entry i starts at the sum of the weights before it; k is drawn below the total;
 * Java's Arrays.binarySearch looks for k among the starts, an exact hit gives that entry (which may be one of weight 0),
 * else the entry before. Here every pick is one table look-up and a short scan. Read-only once sealed. */
#ifndef LAKEFM_SIMULATE_PICK_H
#define LAKEFM_SIMULATE_PICK_H

#include "base/err.h"
#include "simulate/random.h"

#include <stddef.h>

struct pick_step {
    int32_t start;
    uint32_t exact, after; /* the thing for k == start, and for k between start and the next one's */
};
struct pick {
    /* while it is filled */
    int32_t *start;
    uint32_t *thing;
    size_t count, cap;
    int32_t total;
    /* once sealed: distinct starts, and for each k >> shift the last step that starts at or before it */
    struct pick_step *step;
    uint32_t *guide;
    uint32_t steps;
    int shift;
};

/* ERR_INPUT when a weight is negative or the total exceeds 2^31 - 1 (eventsim would wrap). */
enum err pick_add(struct pick *p, uint32_t thing, int32_t weight, struct error *e) MUST_CHECK;
void pick_seal(struct pick *p);
void pick_reset(struct pick *p);

/* total must be > 0. */
static inline uint32_t pick_draw(const struct pick *p, struct random *r)
{
    int32_t k = random_below(r, p->total);
    uint32_t i = p->guide[k >> p->shift];
    while (i + 1 < p->steps && p->step[i + 1].start <= k) i++;
    return p->step[i].start == k ? p->step[i].exact : p->step[i].after;
}

#endif
