#include "simulate/impl.h"
void dirty_sink(const struct simulate *s, struct simulate_sink *to, const uint64_t skip[SIMULATE_TOPICS], struct simulate_sink *out) { (void)s,(void)skip; *out=*to; }
void dirty_count(const struct simulate_sink *dirty, struct simulate_stats *stats) { (void)dirty,(void)stats; }
