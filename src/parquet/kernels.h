/* The inner loops, in two versions that give the same results: portable C, and AVX2 for CPUs that have it.
 * Pure functions, thread-safe. Little-endian machines only (x86-64, AArch64). */
#ifndef LAKEFM_PARQUET_KERNELS_H
#define LAKEFM_PARQUET_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KERNEL_PACK_SLACK = 16,   /* pack may write so many bytes after its result */
    KERNEL_DELTA_BLOCK = 128, /* deltas in a block, and in a miniblock: */
    KERNEL_DELTA_MINI = 32,
};

struct parquet_kernels {
    /* Bit-packs groups of 8 values (each < 2^width, width 1…32), the first value in the lowest bits: groups * width
     * bytes. */
    void (*pack)(const uint32_t *in, size_t groups, unsigned width, uint8_t *out);
    /* How many groups of 8 come before the first one whose 8 values are equal; `groups` if there is none. */
    size_t (*mixed)(const uint32_t *in, size_t groups);
    /* How many values from in[0] on are equal to it; n > 0. */
    size_t (*run)(const uint32_t *in, size_t n);
    void (*min_max)(const int64_t *in, size_t n, int64_t *min, int64_t *max); /* n > 0 */
    /* above[i] = (in[i+1] − in[i]) − min, min the smallest of the differences, for n of them (1…128); the rest of above
     * is 0. narrow: in 32-bit arithmetic that wraps, as Parquet has it for INT32. Returns min. */
    int64_t (*delta)(const int64_t *in, size_t n, bool narrow, uint64_t above[KERNEL_DELTA_BLOCK]);
    void (*differ)(const uint32_t *in, size_t n, uint32_t from, uint8_t *out); /* out[i] = in[i] != from, as 0 or 1 */
    size_t (*ones)(const uint8_t *in, size_t n);                               /* how many of n bytes of 0 or 1 are 1 */
};

const struct parquet_kernels *parquet_kernels_portable(void);
const struct parquet_kernels *parquet_kernels_best(void); /* of this CPU */

#endif
