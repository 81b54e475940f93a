/* Flaws (simulate.h says what each is): spoils lines on their way to a sink. Which line gets which flaw depends on the seed,
 * the topic and the number of the line alone. One thread at a time, but dirty_count. */
#ifndef LAKEFM_SIMULATE_DIRTY_H
#define LAKEFM_SIMULATE_DIRTY_H

#include "simulate/simulate.h"

struct dirty;
/* skip (NULL: none): the first so many lines at the output, by topic, go nowhere (they are there from an earlier run).
 * to is borrowed until dirty_free. */
struct dirty *dirty_new(double share, uint64_t seed, enum simulate_dialect dialect, struct simulate_sink *to,
                        const uint64_t skip[SIMULATE_TOPICS]);
void dirty_free(struct dirty **d);
/* The sink in front of it; nothing to close. */
void dirty_sink(struct dirty *d, struct simulate_sink *out);
/* Writes the lines that are still held back. */
enum err dirty_release(struct dirty *d, struct error *e) MUST_CHECK;
/* Puts its counts of lines and bytes in place of those there, and adds the flaws. */
void dirty_count(struct dirty *d, struct simulate_stats *stats);

#endif
