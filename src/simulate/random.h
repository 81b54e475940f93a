/* Random numbers. One struct, two sources:
 *   mt != NULL  MT19937 as commons-math3's MersenneTwister(long seed) uses it: init_by_array of the high and the low half
 *   mt == NULL  a splittable counter (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the
 *               whole state is 8 bytes, the odd step is the stream's own
 * The derived draws are those of commons-math3's BitsStreamGenerator (for the counter: as many bits, one step each).
 * Not thread-safe. */
#ifndef LAKEFM_SIMULATE_RANDOM_H
#define LAKEFM_SIMULATE_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

enum { RANDOM_MT_WORDS = 624 };
struct random_mt {
    uint32_t out[RANDOM_MT_WORDS]; /* tempered */
    uint32_t state[RANDOM_MT_WORDS];
    int at;
};
struct random {
    struct random_mt *mt;
    uint64_t state, step;
    double spare; /* the second of a pair of normal values */
    bool has_spare;
};

void random_mt_seed(struct random_mt *mt, int64_t seed);
void random_mt_refill(struct random_mt *mt);

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* The step of stream `id`; with it state may start anywhere. */
static inline uint64_t random_step(uint64_t seed, uint64_t id)
{
    return random_mix(random_mix(seed + 0x9e3779b97f4a7c15ULL) ^ (id * 0xd1342543de82ef95ULL + 1)) | 1;
}

static inline uint32_t random_mt_next(struct random_mt *mt)
{
    if (mt->at == RANDOM_MT_WORDS) random_mt_refill(mt);
    return mt->out[mt->at++];
}

/* [0, 1) */
static inline double random_double(struct random *r)
{
    if (r->mt) {
        uint64_t high = random_mt_next(r->mt) >> 6, low = random_mt_next(r->mt) >> 6;
        return (double)(high << 26 | low) * 0x1p-52;
    }
    r->state += r->step;
    return (double)(random_mix(r->state) >> 12) * 0x1p-52;
}

/* [0, n), n > 0. */
static inline int32_t random_below(struct random *r, int32_t n)
{
    if (!r->mt) {
        r->state += r->step;
        return (int32_t)(((random_mix(r->state) >> 32) * (uint32_t)n) >> 32);
    }
    if ((n & -n) == n) return (int32_t)(((int64_t)n * (random_mt_next(r->mt) >> 1)) >> 31);
    for (;;) {
        uint32_t bits = random_mt_next(r->mt) >> 1, value = bits % (uint32_t)n;
        if (bits - value + (uint32_t)(n - 1) < 0x80000000u) return (int32_t)value;
    }
}

/* As Java's (int)x: towards zero, saturating, NaN 0. */
static inline int32_t random_to_int(double x)
{
    if (x > -2147483649.0 && x < 2147483648.0) return (int32_t)x;
    return x != x ? 0 : x < 0 ? INT32_MIN : INT32_MAX;
}

static inline double random_exponential(struct random *r, double mean) { return -mean * log(random_double(r)); }
double random_gaussian(struct random *r);
/* e^gaussian with mean 1. */
double random_log_normal(struct random *r);

#endif
