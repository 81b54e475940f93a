#include "parquet/encodings.h"

#include "parquet/thrift.h"

#include <string.h>

static void add_varint(struct buf *out, uint64_t v) { out->len += thrift_varint((uint8_t *)buf_reserve(out, 10), v); }

static size_t varint_size(uint64_t v) { return v ? (70 - (unsigned)__builtin_clzll(v)) / 7 : 1; }

/* ---- RLE / bit-packing hybrid */

static size_t run_size(size_t n, unsigned width) { return varint_size((uint64_t)n << 1) + (width + 7) / 8; }

/* Packed groups are told in pieces of 256 values, as DuckDB does: it unpacks 32 values at once only from the start of a
 * piece on, and where nulls have shifted a vector's end, the rest of the piece goes value by value. Without nulls it is
 * as fast as one long piece, for a byte more in 256 values. */
enum { PIECE_GROUPS = 32 };

static size_t packed_size(size_t groups, unsigned width)
{
    return (groups + PIECE_GROUPS - 1) / PIECE_GROUPS + groups * width; /* a piece's header is one byte */
}

void parquet_hybrid_run(uint32_t value, size_t n, unsigned width, struct buf *out)
{
    add_varint(out, (uint64_t)n << 1);
    buf_add(out, &value, (width + 7) / 8);
}

static void put_packed(const struct parquet_kernels *k, const uint32_t *in, size_t groups, unsigned width,
                       struct buf *out)
{
    char *to = buf_reserve(out, packed_size(groups, width) + KERNEL_PACK_SLACK);
    for (size_t at = 0, n; at < groups; at += n) {
        n = groups - at < PIECE_GROUPS ? groups - at : PIECE_GROUPS;
        *to++ = (char)(n << 1 | 1);
        k->pack(in + 8 * at, n, width, (uint8_t *)to);
        to += n * width;
    }
    out->len = (size_t)(to - out->ptr);
}

/* A run of equal values that begins on a group of 8 counted from `packed_from`, long enough to be worth leaving the
 * packed groups for: it costs up to 3 bytes and its value, and 3 more to begin packing again. Returns its start, or n.
 */
static size_t next_run(const struct parquet_kernels *k, const uint32_t *in, size_t n, unsigned width,
                       size_t packed_from, size_t *length)
{
    size_t least = 8 * ((8 + width - 1) / width);
    for (size_t at = packed_from; at < n;) {
        at += 8 * k->mixed(in + at, (n - at + 7) / 8);
        if (at >= n) break;
        *length = k->run(in + at, n - at);
        if (*length >= least) return at;
        at += *length < 16 ? 8 : *length / 8 * 8;
    }
    *length = 0;
    return n;
}

void parquet_hybrid(const struct parquet_kernels *k, const uint32_t *in, size_t n, unsigned width, struct buf *out)
{
    for (size_t at = 0, length; at < n; at += length) {
        size_t run = next_run(k, in, n, width, at, &length);
        if (run > at) put_packed(k, in + at, (run - at + 7) / 8, width, out);
        if (run < n) parquet_hybrid_run(in[run], length, width, out);
        at = run;
    }
}

size_t parquet_hybrid_size(const struct parquet_kernels *k, const uint32_t *in, size_t n, unsigned width)
{
    size_t size = 0;
    for (size_t at = 0, length; at < n; at += length) {
        size_t run = next_run(k, in, n, width, at, &length);
        if (run > at) size += packed_size((run - at + 7) / 8, width);
        if (run < n) size += run_size(length, width);
        at = run;
    }
    return size;
}

/* Eight bytes of 0 or 1 as the bits of one: the product moves byte i's bit to bit 56 + i. */
static uint8_t bits_of(const uint8_t *in)
{
    uint64_t q;
    memcpy(&q, in, sizeof q);
    return (uint8_t)(q * 0x0102040810204080u >> 56);
}

static void put_bits(struct buf *bits, const uint8_t *in, size_t n)
{
    buf_clear(bits);
    uint8_t *to = (uint8_t *)buf_reserve(bits, n / 8 + 1);
    size_t whole = n / 8;
    for (size_t i = 0; i < whole; i++) to[i] = bits_of(in + 8 * i);
    if (n % 8) { /* filled up with the last bit, so that a run may reach the end */
        uint8_t last[8];
        memset(last, in[n - 1], sizeof last);
        memcpy(last, in + 8 * whole, n % 8);
        to[whole] = bits_of(last);
    }
    bits->len = (n + 7) / 8;
}

void parquet_hybrid_bits(const uint8_t *in, size_t n, struct buf *bits, struct buf *out)
{
    enum { LEAST = 8 }; /* bytes */
    put_bits(bits, in, n);
    const uint8_t *b = (const uint8_t *)bits->ptr;
    size_t count = bits->len, from = 0;
    for (size_t at = 0, next; at <= count; at = next) {
        next = at + 1;
        if (at < count && (b[at] == 0 || b[at] == 0xFF)) {
            while (next < count && b[next] == b[at]) next++;
            if (next - at < LEAST) continue;
        } else if (at < count) {
            continue;
        }
        for (size_t piece; from < at; from += piece) {
            piece = at - from < PIECE_GROUPS ? at - from : PIECE_GROUPS;
            buf_char(out, (char)(piece << 1 | 1));
            buf_add(out, b + from, piece);
        }
        if (at < count) parquet_hybrid_run(b[at] & 1, (next == count ? n : 8 * next) - 8 * at, 1, out);
        from = next;
    }
}

/* ---- delta */

enum { MINIS = KERNEL_DELTA_BLOCK / KERNEL_DELTA_MINI };

static unsigned mini_width(const uint64_t *above)
{
    uint64_t any = 0;
    for (int i = 0; i < KERNEL_DELTA_MINI; i++) any |= above[i];
    return any ? 64 - (unsigned)__builtin_clzll(any) : 0;
}

static void pack_wide(const uint64_t *in, unsigned width, uint8_t *out)
{
    unsigned __int128 pending = 0;
    unsigned used = 0;
    for (int i = 0; i < KERNEL_DELTA_MINI; i++) {
        pending |= (unsigned __int128)in[i] << used;
        used += width;
        for (; used >= 32; used -= 32, pending >>= 32) {
            uint32_t word = (uint32_t)pending;
            memcpy(out, &word, sizeof word);
            out += sizeof word;
        }
    }
}

static void put_mini(const struct parquet_kernels *k, const uint64_t *above, unsigned width, struct buf *out)
{
    if (!width) return;
    uint8_t *to = (uint8_t *)buf_reserve(out, KERNEL_DELTA_MINI / 8 * width + KERNEL_PACK_SLACK);
    if (width > 32) {
        pack_wide(above, width, to);
    } else {
        uint32_t small[KERNEL_DELTA_MINI];
        for (int i = 0; i < KERNEL_DELTA_MINI; i++) small[i] = (uint32_t)above[i];
        k->pack(small, KERNEL_DELTA_MINI / 8, width, to);
    }
    out->len += KERNEL_DELTA_MINI / 8 * width;
}

void parquet_delta(const struct parquet_kernels *k, const int64_t *in, size_t n, bool narrow, struct buf *out)
{
    add_varint(out, KERNEL_DELTA_BLOCK);
    add_varint(out, MINIS);
    add_varint(out, n);
    add_varint(out, thrift_zigzag(narrow ? (int32_t)in[0] : in[0]));
    uint64_t above[KERNEL_DELTA_BLOCK];
    for (size_t at = 0; at + 1 < n; at += KERNEL_DELTA_BLOCK) {
        size_t count = n - 1 - at < KERNEL_DELTA_BLOCK ? n - 1 - at : KERNEL_DELTA_BLOCK;
        add_varint(out, thrift_zigzag(k->delta(in + at, count, narrow, above)));
        uint8_t width[MINIS];
        for (int m = 0; m < MINIS; m++) width[m] = (uint8_t)mini_width(above + m * KERNEL_DELTA_MINI);
        buf_add(out, width, MINIS);
        for (int m = 0; m < MINIS; m++) put_mini(k, above + m * KERNEL_DELTA_MINI, width[m], out);
    }
}

size_t parquet_delta_size(const struct parquet_kernels *k, const int64_t *in, size_t n, bool narrow)
{
    size_t size = varint_size(KERNEL_DELTA_BLOCK) + varint_size(MINIS) + varint_size(n) +
                  varint_size(thrift_zigzag(narrow ? (int32_t)in[0] : in[0]));
    uint64_t above[KERNEL_DELTA_BLOCK];
    for (size_t at = 0; at + 1 < n; at += KERNEL_DELTA_BLOCK) {
        size_t count = n - 1 - at < KERNEL_DELTA_BLOCK ? n - 1 - at : KERNEL_DELTA_BLOCK;
        size += varint_size(thrift_zigzag(k->delta(in + at, count, narrow, above))) + MINIS;
        for (int m = 0; m < MINIS; m++)
            size += KERNEL_DELTA_MINI / 8 * (size_t)mini_width(above + m * KERNEL_DELTA_MINI);
    }
    return size;
}

/* ---- plain and texts */

void parquet_plain(const int64_t *in, size_t n, bool narrow, struct buf *out)
{
    if (!narrow) {
        buf_add(out, in, n * sizeof *in);
        return;
    }
    char *to = buf_reserve(out, n * 4);
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)in[i];
        memcpy(to + 4 * i, &v, sizeof v);
    }
    out->len += n * 4;
}

static size_t total_length(const struct view *in, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += in[i].len;
    return total;
}

void parquet_plain_texts(const struct view *in, size_t n, struct buf *out)
{
    char *to = buf_reserve(out, total_length(in, n) + 4 * n);
    for (size_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)in[i].len;
        memcpy(to, &len, sizeof len);
        if (len) memcpy(to + 4, in[i].ptr, len);
        to += 4 + len;
    }
    out->len = (size_t)(to - out->ptr);
}

void parquet_delta_texts(const struct parquet_kernels *k, const struct view *in, size_t n, int64_t *lengths,
                         struct buf *out)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        lengths[i] = (int64_t)in[i].len;
        total += in[i].len;
    }
    parquet_delta(k, lengths, n, true, out);
    char *to = buf_reserve(out, total);
    for (size_t i = 0; i < n; i++) {
        if (in[i].len) memcpy(to, in[i].ptr, in[i].len);
        to += in[i].len;
    }
    out->len += total;
}
