/* The levels of users, taken down with the turn, in the order of the source. Workers see only every other piece: who was
 * paid in the first and in the third may have been free in the second, and only the facts could tell (runs.h). Here every
 * event goes by in order, so a stream in order of time leaves nothing loose, whatever the number of threads.
 *
 * What comes of it is a struct gather with nothing but the users' runs in it, for dims_take. One thread at a time. */
#ifndef LAKEFM_REFINE_LEVELS_H
#define LAKEFM_REFINE_LEVELS_H

#include "refine/gather.h"

struct levels {
    struct gather gather;
    struct levels_topic *topic; /* [topics]: the run that each user is in */
    size_t topics;
};
void levels_init(struct levels *l, struct lexicon *lexicon, const struct gather_domains *domains, size_t topics);
void levels_reset(struct levels *l); /* frees; init again */
/* Rows[0 … n) of a batch of a topic (NULL: 0 … n - 1): primary rows that were kept. */
void levels_rows(struct levels *l, size_t topic, const struct gather_plan *plan, const struct layout_rows *source,
                 const uint16_t *rows, uint32_t n);
/* Before dims_take, and before the lexicon forgets its codes: ends all runs. */
void levels_flush(struct levels *l);

#endif
