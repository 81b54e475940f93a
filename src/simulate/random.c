#include "simulate/random.h"

enum { SHIFT = 397 };

void random_mt_seed(struct random_mt *mt, int64_t seed)
{
    uint32_t key[2] = {(uint32_t)((uint64_t)seed >> 32), (uint32_t)seed};
    uint32_t *s = mt->state;
    s[0] = 19650218u;
    for (uint32_t i = 1; i < RANDOM_MT_WORDS; i++) s[i] = 1812433253u * (s[i - 1] ^ (s[i - 1] >> 30)) + i;
    uint32_t i = 1, j = 0;
    for (int k = RANDOM_MT_WORDS; k; k--) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525u)) + key[j] + j;
        if (++i == RANDOM_MT_WORDS) s[0] = s[RANDOM_MT_WORDS - 1], i = 1;
        j = !j;
    }
    for (int k = RANDOM_MT_WORDS - 1; k; k--) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941u)) - i;
        if (++i == RANDOM_MT_WORDS) s[0] = s[RANDOM_MT_WORDS - 1], i = 1;
    }
    s[0] = 0x80000000u;
    mt->at = RANDOM_MT_WORDS;
}

static inline uint32_t twist(uint32_t a, uint32_t b)
{
    uint32_t y = (a & 0x80000000u) | (b & 0x7fffffffu);
    return (y >> 1) ^ (-(y & 1) & 0x9908b0dfu);
}

void random_mt_refill(struct random_mt *mt)
{
    uint32_t *s = mt->state;
    int i = 0;
    for (; i < RANDOM_MT_WORDS - SHIFT; i++) s[i] = s[i + SHIFT] ^ twist(s[i], s[i + 1]);
    for (; i < RANDOM_MT_WORDS - 1; i++) s[i] = s[i + SHIFT - RANDOM_MT_WORDS] ^ twist(s[i], s[i + 1]);
    s[i] = s[SHIFT - 1] ^ twist(s[i], s[0]);
    for (i = 0; i < RANDOM_MT_WORDS; i++) {
        uint32_t y = s[i];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        mt->out[i] = y ^ (y >> 18);
    }
    mt->at = 0;
}

double random_gaussian(struct random *r)
{
    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    double x = random_double(r), y = random_double(r);
    double angle = 2 * 3.14159265358979323846 * x, radius = sqrt(-2 * log(y));
    r->spare = radius * sin(angle);
    r->has_spare = true;
    return radius * cos(angle);
}

double random_log_normal(struct random *r) { return exp(random_gaussian(r)) / exp(0.5); }
