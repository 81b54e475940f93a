#include "parquet/encodings.h"

#include "parquet/test_table.h"

/* The encodings against small decoders written from the specification. DuckDB reads whole files in roundtrip_test. */

static uint64_t take_varint(const uint8_t **p)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t b = *(*p)++;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) return v;
    }
}

/* Decodes n values; returns the bytes used. */
static size_t decode_hybrid(const struct buf *in, size_t n, unsigned width, uint32_t *out)
{
    const uint8_t *p = (const uint8_t *)in->ptr, *end = p + in->len;
    size_t at = 0;
    while (at < n) {
        assert_true(p < end);
        uint64_t header = take_varint(&p), count = header & 1 ? (header >> 1) * 8 : header >> 1;
        uint32_t value = 0;
        if (!(header & 1)) {
            memcpy(&value, p, (width + 7) / 8);
            p += (width + 7) / 8;
            assert_true(count <= n - at); /* a run ends where the values do */
        }
        for (uint64_t i = 0; i < count && at < n; i++, at++) {
            out[at] = header & 1 ? 0 : value;
            for (unsigned b = 0; header & 1 && b < width; b++)
                out[at] |= (uint32_t)(p[(i * width + b) / 8] >> (i * width + b) % 8 & 1) << b;
        }
        if (header & 1) p += (header >> 1) * width;
    }
    return (size_t)(p - (const uint8_t *)in->ptr);
}

static void hybrid_says_what_was_put_in(void **state)
{
    (void)state;
    uint64_t seed = 1;
    enum { MOST = 3000 };
    uint32_t in[MOST + 8], out[MOST];
    for (int round = 0; round < 3000; round++) {
        unsigned width = 1 + below(&seed, 20);
        size_t n = 1 + below(&seed, round % 3 ? 200 : MOST);
        uint32_t stay = 1 + below(&seed, 60), v = 0;
        for (size_t i = 0; i < n + 8; i++) {
            if (!below(&seed, stay)) v = (uint32_t)(rnd(&seed) >> (64 - width));
            in[i] = v;
        }
        struct buf bytes = {0};
        const struct parquet_kernels *k = round % 2 ? parquet_kernels_best() : parquet_kernels_portable();
        parquet_hybrid(k, in, n, width, &bytes);
        assert_int_equal(parquet_hybrid_size(k, in, n, width), bytes.len);
        assert_int_equal(decode_hybrid(&bytes, n, width, out), bytes.len);
        assert_memory_equal(in, out, n * sizeof *in);
        assert_true(bytes.len <= (n + 7) / 8 * width + n / 256 + 16); /* never much above the packed size */
        buf_reset(&bytes);
    }
}

static void levels_say_what_was_put_in(void **state)
{
    (void)state;
    uint64_t seed = 2;
    enum { MOST = 5000 };
    uint8_t in[MOST];
    uint32_t out[MOST];
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + below(&seed, MOST);
        uint32_t stay = 1 + below(&seed, 300);
        uint8_t v = 1;
        for (size_t i = 0; i < n; i++) {
            if (!below(&seed, stay)) v = rnd(&seed) & 1;
            in[i] = v;
        }
        struct buf bytes = {0}, bits = {0};
        parquet_hybrid_bits(in, n, &bits, &bytes);
        assert_int_equal(decode_hybrid(&bytes, n, 1, out), bytes.len);
        for (size_t i = 0; i < n; i++) assert_int_equal(out[i], in[i]);
        buf_reset(&bytes);
        buf_reset(&bits);
    }
}

/* Returns the bytes used. */
static size_t decode_delta(const struct buf *in, bool narrow, size_t n, int64_t *out)
{
    const uint8_t *p = (const uint8_t *)in->ptr;
    assert_int_equal(take_varint(&p), 128);
    assert_int_equal(take_varint(&p), 4);
    assert_int_equal(take_varint(&p), n);
    uint64_t z = take_varint(&p), value = z >> 1 ^ (0 - (z & 1));
    out[0] = (int64_t)value;
    for (size_t at = 1; at < n;) {
        z = take_varint(&p);
        uint64_t min = z >> 1 ^ (0 - (z & 1));
        const uint8_t *width = p;
        p += 4;
        for (int m = 0; m < 4; p += 4 * width[m++])
            for (unsigned i = 0; i < 32 && at < n; i++) {
                uint64_t above = 0;
                for (unsigned b = 0; b < width[m]; b++)
                    above |= (uint64_t)(p[(i * width[m] + b) / 8] >> (i * width[m] + b) % 8 & 1) << b;
                value += min + above;
                if (narrow) value = (uint64_t)(int64_t)(int32_t)(uint32_t)value;
                out[at++] = (int64_t)value;
            }
    }
    return (size_t)(p - (const uint8_t *)in->ptr);
}

static void delta_says_what_was_put_in(void **state)
{
    (void)state;
    uint64_t seed = 3;
    enum { MOST = 700 };
    int64_t in[MOST], out[MOST];
    for (int round = 0; round < 3000; round++) {
        bool narrow = round % 2;
        size_t n = 1 + below(&seed, MOST);
        unsigned cut = below(&seed, 64);
        int64_t v = (int64_t)rnd(&seed);
        for (size_t i = 0; i < n; i++) {
            v = round % 3 ? (int64_t)((uint64_t)v + (rnd(&seed) >> cut)) : (int64_t)rnd(&seed) >> cut;
            in[i] = narrow ? (int32_t)(uint32_t)(uint64_t)v : v;
        }
        struct buf bytes = {0};
        const struct parquet_kernels *k = round % 4 > 1 ? parquet_kernels_best() : parquet_kernels_portable();
        parquet_delta(k, in, n, narrow, &bytes);
        assert_int_equal(parquet_delta_size(k, in, n, narrow), bytes.len);
        assert_int_equal(decode_delta(&bytes, narrow, n, out), bytes.len);
        assert_memory_equal(in, out, n * sizeof *in);
        buf_reset(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrid_says_what_was_put_in),
        cmocka_unit_test(levels_say_what_was_put_in),
        cmocka_unit_test(delta_says_what_was_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
