#include "parquet/kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET_AVX2 __attribute__((target("avx2,bmi2"), optimize("O3")))
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's integers are written as they lie in memory");

#define BODY static inline __attribute__((always_inline))

static inline void store64(uint8_t *out, uint64_t v) { memcpy(out, &v, sizeof v); }

/* ---- pack: eight values are two halves of 4 * width bits, low half first */

BODY void store_halves(uint8_t *out, uint64_t low, uint64_t high, unsigned width)
{
    unsigned bits = 4 * width; /* 4 … 64 */
    if (bits == 64) {
        store64(out, low);
        store64(out + 8, high);
        return;
    }
    store64(out, low | high << bits);
    if (bits > 32) store64(out + 8, high >> (64 - bits));
}

BODY void pack_group_wide(const uint32_t *in, unsigned width, uint8_t *out)
{
    uint64_t pending = 0;
    unsigned used = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t v = in[i];
        pending |= v << used;
        used += width;
        if (used >= 32) {
            uint32_t word = (uint32_t)pending;
            memcpy(out, &word, 4);
            out += 4;
            pending >>= 32;
            used -= 32;
        }
    }
    if (used) memcpy(out, &pending, 4); /* at most 32 bits; the slack takes the rest */
}

static void pack_portable(const uint32_t *in, size_t groups, unsigned width, uint8_t *out)
{
    unsigned w2 = 2 * width, w3 = 3 * width;
    for (size_t g = 0; g < groups; g++, in += 8, out += width) {
        if (width > 16) {
            pack_group_wide(in, width, out);
            continue;
        }
        uint64_t low = in[0] | (uint64_t)in[1] << width | (uint64_t)in[2] << w2 | (uint64_t)in[3] << w3;
        uint64_t high = in[4] | (uint64_t)in[5] << width | (uint64_t)in[6] << w2 | (uint64_t)in[7] << w3;
        store_halves(out, low, high, width);
    }
}

/* ---- the same source, compiled once for any CPU and once for AVX2 */

BODY bool group_flat(const uint32_t *in)
{
    uint64_t q[4];
    memcpy(q, in, sizeof q);
    return !((q[0] ^ q[1]) | (q[0] ^ q[2]) | (q[0] ^ q[3]) | (uint32_t)(q[0] ^ q[0] >> 32));
}

BODY void min_max_body(const int64_t *in, size_t n, int64_t *min, int64_t *max)
{
    int64_t lo = in[0], hi = in[0];
    for (size_t i = 0; i < n; i++) {
        lo = in[i] < lo ? in[i] : lo;
        hi = in[i] > hi ? in[i] : hi;
    }
    *min = lo;
    *max = hi;
}

BODY int64_t delta_body(const int64_t *in, size_t n, bool narrow, uint64_t above[KERNEL_DELTA_BLOCK])
{
    int64_t min = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        uint64_t d = (uint64_t)in[i + 1] - (uint64_t)in[i];
        if (narrow) d = (uint64_t)(int64_t)(int32_t)(uint32_t)d;
        above[i] = d;
        min = (int64_t)d < min ? (int64_t)d : min;
    }
    for (size_t i = 0; i < n; i++) above[i] -= (uint64_t)min;
    for (size_t i = n; i < KERNEL_DELTA_BLOCK; i++) above[i] = 0;
    return min;
}

BODY int64_t delta_any(const int64_t *in, size_t n, bool narrow, uint64_t above[KERNEL_DELTA_BLOCK])
{
    if (n == KERNEL_DELTA_BLOCK) /* constants let the compiler unroll */
        return narrow ? delta_body(in, KERNEL_DELTA_BLOCK, true, above)
                      : delta_body(in, KERNEL_DELTA_BLOCK, false, above);
    return delta_body(in, n, narrow, above);
}

BODY void differ_body(const uint32_t *restrict in, size_t n, uint32_t from, uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++) out[i] = in[i] != from;
}

BODY size_t ones_body(const uint8_t *in, size_t n)
{
    size_t total = 0;
    for (size_t i = 0, end; i < n; i = end) { /* sums of bytes that fit 16 bits are added in wide registers */
        uint16_t part = 0;
        for (end = n - i < 4096 ? n : i + 4096; i < end; i++) part = (uint16_t)(part + in[i]);
        total += part;
    }
    return total;
}

static size_t mixed_portable(const uint32_t *in, size_t groups)
{
    size_t g = 0;
    while (g < groups && !group_flat(in + 8 * g)) g++;
    return g;
}

static size_t run_portable(const uint32_t *in, size_t n)
{
    size_t i = 1;
    uint64_t two = in[0] | (uint64_t)in[0] << 32, pair;
    while (i + 2 <= n) {
        memcpy(&pair, in + i, sizeof pair);
        if (pair != two) break;
        i += 2;
    }
    while (i < n && in[i] == in[0]) i++;
    return i;
}

static void min_max_portable(const int64_t *in, size_t n, int64_t *min, int64_t *max) { min_max_body(in, n, min, max); }

static int64_t delta_portable(const int64_t *in, size_t n, bool narrow, uint64_t above[KERNEL_DELTA_BLOCK])
{
    return delta_any(in, n, narrow, above);
}

static void differ_portable(const uint32_t *in, size_t n, uint32_t from, uint8_t *out)
{
    differ_body(in, n, from, out);
}

static size_t ones_portable(const uint8_t *in, size_t n) { return ones_body(in, n); }

static const struct parquet_kernels portable = {pack_portable,  mixed_portable,  run_portable, min_max_portable,
                                                delta_portable, differ_portable, ones_portable};

const struct parquet_kernels *parquet_kernels_portable(void) { return &portable; }

#if defined(__x86_64__)

/*  v            | v1 v0 | v3 v2 | v5 v4 | v7 v6 |   32-bit lanes, shown in pairs
 *  pairs        | v1<<w | v0    | …                 2w bits in each 64-bit lane
 *  fours        lanes 0 and 2: pair of pairs        4w bits */
TARGET_AVX2 static void pack_avx2(const uint32_t *in, size_t groups, unsigned width, uint8_t *out)
{
    if (width > 16) {
        for (size_t g = 0; g < groups; g++, in += 8, out += width) pack_group_wide(in, width, out);
        return;
    }
    const __m128i by1 = _mm_cvtsi32_si128((int)width), by2 = _mm_cvtsi32_si128((int)(2 * width));
    const __m256i low32 = _mm256_set1_epi64x(0xFFFFFFFF);
    for (size_t g = 0; g < groups; g++, in += 8, out += width) {
        __m256i v = _mm256_loadu_si256((const __m256i *)in);
        __m256i pairs = _mm256_or_si256(_mm256_and_si256(v, low32), _mm256_sll_epi64(_mm256_srli_epi64(v, 32), by1));
        __m256i fours = _mm256_or_si256(pairs, _mm256_sll_epi64(_mm256_srli_si256(pairs, 8), by2));
        store_halves(out, (uint64_t)_mm256_extract_epi64(fours, 0), (uint64_t)_mm256_extract_epi64(fours, 2), width);
    }
}

TARGET_AVX2 static size_t mixed_avx2(const uint32_t *in, size_t groups)
{
    size_t g = 0;
    for (; g < groups; g++) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(in + 8 * g));
        __m256i differs = _mm256_xor_si256(v, _mm256_broadcastd_epi32(_mm256_castsi256_si128(v)));
        if (_mm256_testz_si256(differs, differs)) break;
    }
    return g;
}

TARGET_AVX2 static size_t run_avx2(const uint32_t *in, size_t n)
{
    const __m256i first = _mm256_set1_epi32((int)in[0]);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i same = _mm256_cmpeq_epi32(_mm256_loadu_si256((const __m256i *)(in + i)), first);
        unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(same));
        if (mask != 0xFF) return i + (size_t)__builtin_ctz(~mask);
    }
    while (i < n && in[i] == in[0]) i++;
    return i;
}

TARGET_AVX2 static void min_max_avx2(const int64_t *in, size_t n, int64_t *min, int64_t *max)
{
    min_max_body(in, n, min, max);
}

TARGET_AVX2 static int64_t delta_avx2(const int64_t *in, size_t n, bool narrow, uint64_t above[KERNEL_DELTA_BLOCK])
{
    return delta_any(in, n, narrow, above);
}

TARGET_AVX2 static void differ_avx2(const uint32_t *in, size_t n, uint32_t from, uint8_t *out)
{
    differ_body(in, n, from, out);
}

TARGET_AVX2 static size_t ones_avx2(const uint8_t *in, size_t n) { return ones_body(in, n); }

static const struct parquet_kernels avx2 = {pack_avx2,  mixed_avx2,  run_avx2, min_max_avx2,
                                            delta_avx2, differ_avx2, ones_avx2};

const struct parquet_kernels *parquet_kernels_best(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? &avx2 : &portable;
}

#else

const struct parquet_kernels *parquet_kernels_best(void) { return &portable; }

#endif
