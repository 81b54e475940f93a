#include "parquet/internal.h"

#include <math.h>
#include <string.h>

static void set_bound(struct parquet_bound *b, const void *bytes, size_t len)
{
    memcpy(b->bytes, bytes, len);
    b->len = (uint8_t)len;
    b->exact = true;
}

static void integer_bounds(const struct parquet_encoder *en, const struct parquet_values *v,
                           struct parquet_chunk *chunk)
{
    int64_t min, max;
    size_t len = parquet_is_narrow(v->type) ? 4 : 8;
    en->kernels->min_max(v->seen.integers, v->seen.count, &min, &max);
    set_bound(&chunk->min, &min, len);
    set_bound(&chunk->max, &max, len);
    chunk->bounded = true;
}

/* No bounds when there is a NaN: engines that sort it above all numbers (DuckDB, Spark) would skip it. By the format, a
 * zero bound is −0 below and +0 above. */
static void real_bounds(const struct parquet_values *v, struct parquet_chunk *chunk)
{
    double min = INFINITY, max = -INFINITY;
    for (uint32_t i = 0; i < v->seen.count; i++) {
        double x;
        memcpy(&x, v->seen.integers + i, sizeof x);
        if (isnan(x)) return;
        min = x < min ? x : min;
        max = x > max ? x : max;
    }
    min = min == 0 ? -0.0 : min;
    max = max == 0 ? 0.0 : max;
    set_bound(&chunk->min, &min, sizeof min);
    set_bound(&chunk->max, &max, sizeof max);
    chunk->bounded = true;
}

static void boolean_bounds(const struct parquet_values *v, struct parquet_chunk *chunk)
{
    uint32_t any = 0, all = 1;
    for (uint32_t i = 0; i < v->count; i++) {
        any |= v->index[i];
        all &= v->index[i];
    }
    set_bound(&chunk->min, &all, 1);
    set_bound(&chunk->max, &any, 1);
    chunk->bounded = true;
}

/* ---- texts, ordered by their bytes */

static uint64_t prefix(struct view t)
{
    uint64_t p = 0;
    memcpy(&p, t.ptr ? t.ptr : "", t.len < 8 ? t.len : 8);
    return __builtin_bswap64(p);
}

/* The longest start of at most STAT_BYTES that ends on a character; 0 when the bytes are not UTF-8 there. */
static size_t cut_length(struct view t)
{
    size_t at = 0, n;
    while (at < t.len && (n = utf8_length(t.ptr + at, t.len - at)) && at + n <= STAT_BYTES) at += n;
    return at;
}

/* Raises the last character that can be raised and drops what follows it, so that the text is above all that begin as
 * it did; false when there is none. */
static bool raise_text(uint8_t *bytes, uint8_t *len)
{
    while (*len) {
        uint8_t start = (uint8_t)(*len - 1);
        while (start && (bytes[start] & 0xC0) == 0x80) start--;
        size_t n = (size_t)(*len - start);
        uint32_t cp = utf8_decode((const char *)bytes + start, &n);
        cp = cp == 0xD7FF ? 0xE000 : cp + 1; /* over the surrogates */
        char raised[4];
        if (cp <= 0x10FFFF) {
            size_t more = utf8_encode(cp, raised);
            if (start + more <= STAT_BYTES) {
                memcpy(bytes + start, raised, more);
                *len = (uint8_t)(start + more);
                return true;
            }
        }
        *len = start;
    }
    return false;
}

static bool text_bound(struct view t, bool upper, struct parquet_bound *b)
{
    if (t.len <= STAT_BYTES) {
        set_bound(b, t.ptr ? t.ptr : "", t.len);
        return true;
    }
    set_bound(b, t.ptr, cut_length(t));
    b->exact = false;
    return upper ? raise_text(b->bytes, &b->len) : b->len > 0;
}

static void text_bounds(const struct parquet_values *v, struct parquet_chunk *chunk)
{
    struct view min = v->seen.texts[0], max = min;
    uint64_t low = prefix(min), high = low;
    for (uint32_t i = 1; i < v->seen.count; i++) {
        uint64_t p = prefix(v->seen.texts[i]);
        if (p < low || (p == low && view_compare(v->seen.texts[i], min) < 0)) {
            min = v->seen.texts[i];
            low = p;
        }
        if (p > high || (p == high && view_compare(v->seen.texts[i], max) > 0)) {
            max = v->seen.texts[i];
            high = p;
        }
    }
    chunk->bounded = text_bound(min, false, &chunk->min) && text_bound(max, true, &chunk->max);
}

void parquet_stats(const struct parquet_encoder *en, const struct parquet_values *v, struct parquet_chunk *chunk)
{
    chunk->rows = v->rows;
    chunk->nulls = v->rows - v->count;
    chunk->distinct = v->distinct ? v->seen.count : 0;
    if (!v->count) return;
    if (v->type == PARQUET_BOOLEAN)
        boolean_bounds(v, chunk);
    else if (v->type == PARQUET_STRING)
        text_bounds(v, chunk);
    else if (v->type == PARQUET_DOUBLE)
        real_bounds(v, chunk);
    else
        integer_bounds(en, v, chunk);
}
