/* Parquet's value encodings, appended to a buffer. Pure functions of their input.
 * Source: github.com/apache/parquet-format/blob/master/Encodings.md
 *
 * Arrays of uint32_t must be readable 8 values beyond n (whatever stands there, below 2^width).
 */
#ifndef LAKEFM_PARQUET_ENCODINGS_H
#define LAKEFM_PARQUET_ENCODINGS_H

#include "base/buf.h"
#include "base/str.h"
#include "parquet/kernels.h"

/* RLE / bit-packing hybrid of n values below 2^width (width 1…32):
 *   run      varint(count << 1)        value in ⌈width/8⌉ bytes
 *   packed   varint(groups << 1 | 1)   groups of 8 values, width bytes each
 * Runs are used where they are shorter. */
void parquet_hybrid(const struct parquet_kernels *k, const uint32_t *in, size_t n, unsigned width, struct buf *out);
size_t parquet_hybrid_size(const struct parquet_kernels *k, const uint32_t *in, size_t n, unsigned width);
void parquet_hybrid_run(uint32_t value, size_t n, unsigned width, struct buf *out); /* n equal values */
static inline unsigned parquet_width(uint32_t most) { return most ? 32 - (unsigned)__builtin_clz(most) : 1; }

/* The same for width 1 from bytes of 0 or 1: the definition levels. `bits` is scratch. */
void parquet_hybrid_bits(const uint8_t *in, size_t n, struct buf *bits, struct buf *out);

/* DELTA_BINARY_PACKED: blocks of 128 in 4 miniblocks; n > 0. narrow: of an INT32 column. */
void parquet_delta(const struct parquet_kernels *k, const int64_t *in, size_t n, bool narrow, struct buf *out);
size_t parquet_delta_size(const struct parquet_kernels *k, const int64_t *in, size_t n, bool narrow);

/* PLAIN: 4 or 8 bytes little-endian; texts as 4 bytes of length and the bytes (each shorter than 2^31). */
void parquet_plain(const int64_t *in, size_t n, bool narrow, struct buf *out);
void parquet_plain_texts(const struct view *in, size_t n, struct buf *out);

/* DELTA_LENGTH_BYTE_ARRAY: the lengths as parquet_delta, then all bytes; n > 0. `lengths` is scratch for n. */
void parquet_delta_texts(const struct parquet_kernels *k, const struct view *in, size_t n, int64_t *lengths,
                         struct buf *out);

#endif
