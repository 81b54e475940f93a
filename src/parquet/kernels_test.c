#include "parquet/kernels.h"

#include "parquet/test_table.h"

/* Both versions against the plainest code; sizes that are and are not multiples of the vector's. */

static const struct parquet_kernels *version[2];
static const char *const version_name[2] = {"portable", "best"};

static int setup(void **state)
{
    (void)state;
    version[0] = parquet_kernels_portable();
    version[1] = parquet_kernels_best();
    if (version[0] == version[1]) print_message("this CPU has only the portable version\n");
    return 0;
}

static void pack_every_width(void **state)
{
    (void)state;
    uint64_t seed = 1;
    enum { GROUPS = 9, N = GROUPS * 8 };
    for (unsigned width = 1; width <= 32; width++) {
        uint32_t in[N];
        uint8_t want[GROUPS * 32] = {0};
        for (unsigned i = 0; i < N; i++) {
            in[i] = (uint32_t)(rnd(&seed) >> (64 - width));
            if (i % 5 == 0) in[i] = (uint32_t)((UINT64_C(1) << width) - 1);
            for (unsigned b = 0; b < width; b++)
                if (in[i] >> b & 1) want[(i * width + b) / 8] |= (uint8_t)(1 << (i * width + b) % 8);
        }
        for (int v = 0; v < 2; v++)
            for (size_t groups = 0; groups <= GROUPS; groups++) {
                uint8_t out[GROUPS * 32 + KERNEL_PACK_SLACK + 1];
                memset(out, 0xEE, sizeof out);
                version[v]->pack(in, groups, width, out);
                if (memcmp(out, want, groups * width)) fail_msg("%s pack, width %u", version_name[v], width);
                assert_int_equal(out[groups * width + KERNEL_PACK_SLACK], 0xEE); /* no further than allowed */
            }
    }
}

static void mixed_finds_the_first_flat_group(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < 2000; round++) {
        enum { GROUPS = 12 };
        uint32_t in[GROUPS * 8];
        for (int i = 0; i < GROUPS * 8; i++) in[i] = below(&seed, 5) ? 7 : below(&seed, 3);
        size_t groups = 1 + below(&seed, GROUPS), want = 0;
        for (; want < groups; want++) {
            bool flat = true;
            for (int i = 1; i < 8; i++) flat &= in[want * 8] == in[want * 8 + (size_t)i];
            if (flat) break;
        }
        assert_int_equal(version[0]->mixed(in, groups), want);
        assert_int_equal(version[1]->mixed(in, groups), want);
    }
}

static void run_ends_where_the_value_changes(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 40; n++)
        for (size_t end = 1; end <= n; end++) {
            uint32_t in[41];
            for (size_t i = 0; i < 41; i++) in[i] = i < end || i >= n ? 5 : 6; /* equal again beyond n */
            for (int v = 0; v < 2; v++) assert_int_equal(version[v]->run(in, n), end);
        }
}

static void min_max_of_extremes(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (size_t n = 1; n < 70; n++) {
        int64_t in[70], lo = INT64_MAX, hi = INT64_MIN;
        for (size_t i = 0; i < n; i++) {
            in[i] = below(&seed, 9) ? (int64_t)rnd(&seed) >> below(&seed, 64) : below(&seed, 2) ? INT64_MIN : INT64_MAX;
            lo = in[i] < lo ? in[i] : lo;
            hi = in[i] > hi ? in[i] : hi;
        }
        for (int v = 0; v < 2; v++) {
            int64_t min, max;
            version[v]->min_max(in, n, &min, &max);
            assert_true(min == lo && max == hi);
        }
    }
}

static void delta_wraps(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int round = 0; round < 300; round++) {
        int64_t in[KERNEL_DELTA_BLOCK + 1];
        bool narrow = round % 2;
        size_t n = round % 3 ? 1 + below(&seed, KERNEL_DELTA_BLOCK) : KERNEL_DELTA_BLOCK;
        for (size_t i = 0; i <= n; i++) {
            in[i] = (int64_t)rnd(&seed) >> below(&seed, 64);
            if (narrow) in[i] = (int32_t)in[i];
        }
        int64_t want = INT64_MAX, d[KERNEL_DELTA_BLOCK] = {0};
        for (size_t i = 0; i < n; i++) {
            d[i] = (int64_t)((uint64_t)in[i + 1] - (uint64_t)in[i]);
            if (narrow) d[i] = (int32_t)(uint32_t)(uint64_t)d[i];
            want = d[i] < want ? d[i] : want;
        }
        for (int v = 0; v < 2; v++) {
            uint64_t above[KERNEL_DELTA_BLOCK];
            assert_true(version[v]->delta(in, n, narrow, above) == want);
            for (size_t i = 0; i < KERNEL_DELTA_BLOCK; i++)
                assert_true(above[i] == (i < n ? (uint64_t)d[i] - (uint64_t)want : 0));
        }
    }
}

static void ones_and_differ(void **state)
{
    (void)state;
    uint64_t seed = 5;
    static const size_t sizes[] = {0, 1, 31, 32, 33, 4095, 4096, 4097, 70000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s], want = 0;
        uint32_t *in = mem_array(n, sizeof *in);
        uint8_t *out = mem_alloc(n);
        for (size_t i = 0; i < n; i++) in[i] = below(&seed, 5) ? 9 : UINT32_MAX - 1; /* mostly ones */
        for (size_t i = 0; i < n; i++) want += in[i] != UINT32_MAX - 1;
        for (int v = 0; v < 2; v++) {
            memset(out, 7, n);
            version[v]->differ(in, n, UINT32_MAX - 1, out);
            for (size_t i = 0; i < n; i++) assert_int_equal(out[i], in[i] != UINT32_MAX - 1);
            assert_int_equal(version[v]->ones(out, n), want);
        }
        mem_free(in);
        mem_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_every_width),
        cmocka_unit_test(mixed_finds_the_first_flat_group),
        cmocka_unit_test(run_ends_where_the_value_changes),
        cmocka_unit_test(min_max_of_extremes),
        cmocka_unit_test(delta_wraps),
        cmocka_unit_test(ones_and_differ),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
