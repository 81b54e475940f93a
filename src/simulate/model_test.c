/* The parts of the model against values of the libraries that eventsim uses (commons-math3 3.6.1, jollyday 0.5.1, Java 17). */
#include "base/test.h"

#include "simulate/calendar.h"
#include "simulate/javanum.h"
#include "simulate/pick.h"
#include "simulate/simulate.h"

#include "base/clock.h"

#include <string.h>

static void mersenne_twister_is_that_of_commons_math(void **state)
{
    (void)state;
    static const struct {
        int64_t seed;
        double first, second;
        int32_t below_7, below_8, below_much;
        double gauss, spare;
        int32_t later;
    } WANT[] = {
        {0, 0x1.34ab3eba13d58p-3, 0x1.9078b43f895p-3, 4, 4, 184785304, -0.6808948960909351, -1.2055317334444198, 68339742},
        {1, 0x1.ced31d67be2ep-4, 0x1.abdb54ef49e4cp-2, 6, 0, 1313661828, 0.5244990871323845, -0.5173432399082152, 1854542542},
        {-5, 0x1.c6719187faaa2p-1, 0x1.5a9d0fe2f18cp-4, 6, 3, 939652735, -0.6216650227664254, -0.02065012198952171, 1805011443},
        {20251101, 0x1.48892af27973p-3, 0x1.d1bd319db86a4p-2, 0, 4, 1349752575, -1.010624809575322, 0.5997071295736788,
         1511411521},
        {-123456789012, 0x1.10e12064a79ap-5, 0x1.01e3d3c9ecc26p-1, 3, 0, 241434688, 0.6741225597863051, 0.4177642308300446,
         220897480},
    };
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        struct random_mt mt;
        struct random r = {.mt = &mt};
        random_mt_seed(&mt, WANT[i].seed);
        assert_true(random_double(&r) == WANT[i].first);
        assert_true(random_double(&r) == WANT[i].second);
        assert_int_equal(random_below(&r, 7), WANT[i].below_7);
        assert_int_equal(random_below(&r, 8), WANT[i].below_8);
        assert_int_equal(random_below(&r, 1500000000), WANT[i].below_much);
        assert_true(fabs(random_gaussian(&r) - WANT[i].gauss) < 1e-14);
        assert_true(fabs(random_gaussian(&r) - WANT[i].spare) < 1e-14);
        for (int k = 0; k < 5000; k++) random_double(&r);
        assert_int_equal(random_below(&r, 2000000000), WANT[i].later);
    }
}

static void ints_are_cut_as_in_java(void **state)
{
    (void)state;
    assert_int_equal(random_to_int(2.999), 2);
    assert_int_equal(random_to_int(-2.999), -2);
    assert_int_equal(random_to_int(INFINITY), INT32_MAX);
    assert_int_equal(random_to_int(-3e9), INT32_MIN);
    assert_int_equal(random_to_int(2147483647.9), INT32_MAX);
    assert_int_equal(random_to_int(NAN), 0);
}

/* The slow, literal rule. */
static uint32_t java_pick(const int32_t *weight, int n, int32_t k)
{
    int32_t start[64], sum = 0;
    for (int i = 0; i < n; i++) start[i] = sum, sum += weight[i];
    int low = 0, high = n - 1;
    while (low <= high) {
        int mid = (low + high) / 2;
        if (start[mid] < k)
            low = mid + 1;
        else if (start[mid] > k)
            high = mid - 1;
        else
            return (uint32_t)mid;
    }
    return (uint32_t)low - 1;
}

static void picks_follow_binary_search_with_weights_of_zero(void **state)
{
    (void)state;
    struct random r = {.step = random_step(5, 0)};
    for (int round = 0; round < 300; round++) {
        int32_t weight[40];
        int n = 1 + random_below(&r, 40);
        struct pick p = {0};
        struct error e;
        for (int i = 0; i < n; i++) {
            weight[i] = i && random_below(&r, 3) ? random_below(&r, 4) : random_below(&r, round + 2);
            if (!i) weight[i]++;
            assert_ok(pick_add(&p, (uint32_t)i, weight[i], &e), &e);
        }
        pick_seal(&p);
        for (int draw = 0; draw < 200; draw++) {
            struct random same = r;
            int32_t k = random_below(&same, p.total);
            assert_int_equal(pick_draw(&p, &r), java_pick(weight, n, k));
        }
        pick_reset(&p);
    }
}

static void weights_must_fit(void **state)
{
    (void)state;
    struct pick p = {0};
    struct error e;
    assert_ok(pick_add(&p, 0, INT32_MAX, &e), &e);
    assert_int_equal(pick_add(&p, 1, 1, &e), ERR_INPUT);
    assert_int_equal(pick_add(&p, 1, -1, &e), ERR_INPUT);
    pick_reset(&p);
}

static bool holiday(int year, unsigned month, unsigned day) { return calendar_is_holiday(clock_days(year, month, day)); }

static void holidays_are_those_of_jollyday(void **state)
{
    (void)state;
    static const unsigned YES_2025[][2] = {{1, 1}, {5, 26}, {7, 4}, {9, 1}, {11, 11}, {11, 27}, {12, 25}};
    int count = 0;
    for (int64_t day = clock_days(2025, 1, 1); day < clock_days(2026, 1, 1); day++) count += calendar_is_holiday(day);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < 7; i++) assert_true(holiday(2025, YES_2025[i][0], YES_2025[i][1]));
    assert_true(holiday(1967, 5, 30) && !holiday(1967, 5, 29)); /* Memorial Day before it became a Monday */
    assert_true(holiday(1968, 5, 27) && !holiday(1968, 5, 30));
    assert_true(holiday(1938, 11, 11) && !holiday(1937, 11, 11));
    assert_true(holiday(1895, 9, 2) && !holiday(1894, 9, 3));
    assert_false(holiday(2025, 1, 20) || holiday(2025, 6, 19) || holiday(2025, 10, 13) || holiday(2026, 7, 3));
}

static double weekend_at(const char *time, int32_t offset, int32_t scale)
{
    struct simulate_time t;
    struct error e;
    struct calendar c;
    assert_ok(simulate_time_parse(time, &t, &e), &e);
    calendar_init(&c, 0.09375, 0.5, offset, scale, t.second, t.nano);
    double w = calendar_weekend(&c, t.second);
    calendar_reset(&c);
    return w;
}

/* By hand from eventsim's cases; offset 180 and scale 360 minutes unless said. */
static void weekends_ramp_up_and_down(void **state)
{
    (void)state;
    assert_true(weekend_at("2025-11-05T12:00", 180, 360) == 0);               /* Wednesday */
    assert_true(weekend_at("2025-11-07T20:59:59", 180, 360) == 0);            /* Friday */
    assert_true(weekend_at("2025-11-07T22:30", 180, 360) == 0.125);           /* 90 of 360 minutes */
    assert_true(weekend_at("2025-11-08T01:30", 180, 360) == 0.375);           /* Saturday */
    assert_true(weekend_at("2025-11-08T03:00", 180, 360) == 0.5);
    assert_true(weekend_at("2025-11-09T21:00", 180, 360) == 0.5);             /* Sunday */
    assert_true(weekend_at("2025-11-09T21:00:00.5", 180, 360) == 0.5 * 21599500 / 60000 / 360);
    assert_true(weekend_at("2025-11-10T03:00", 180, 360) == 0);               /* Monday between Sunday and a holiday */
    assert_true(weekend_at("2025-11-10T01:30", 180, 360) == 0.125);
    assert_true(weekend_at("2025-11-10T22:30", 180, 360) == 0.125);
    assert_true(weekend_at("2025-11-11T00:00", 180, 360) == 0.25);            /* Tuesday, Veterans Day: up and down again */
    assert_true(weekend_at("2025-11-11T12:00", 180, 360) == 0.5);
    assert_true(weekend_at("2025-11-11T22:30", 180, 360) == 0.375);
    assert_true(weekend_at("2025-11-12T03:00:01", 180, 360) == 0);
    assert_true(weekend_at("2025-09-01T12:00", 180, 360) == 0.5);             /* Labor Day ends a weekend of three */
    assert_true(weekend_at("2025-11-07T22:30:00.001999", 180, 360) == 0.5 * 5400001 / 60000 / 360); /* cut to ms */
    assert_true(weekend_at("2025-11-08T00:00", 0, 0) == 0.5);
}

static void numbers_print_as_in_java(void **state)
{
    (void)state;
    static const struct {
        float v;
        const char *text;
    } FLOATS[] = {{110.44526f, "110.44526"}, {388.0224f, "388.0224"},   {1819.76771f, "1819.7677"}, {1.04444f, "1.04444"},
                  {180, "180.0"},            {0.001f, "0.001"},          {9.99e-4f, "9.99E-4"},     {1e7f, "1.0E7"},
                  {9999999, "9999999.0"},    {1.1e-5f, "1.1E-5"},        {0, "0.0"},                {-0.00123f, "-0.00123"},
                  {3.3554432e7f, "3.3554432E7"}};
    char out[JAVANUM_SIZE];
    for (size_t i = 0; i < sizeof FLOATS / sizeof *FLOATS; i++)
        assert_string_equal(javanum_float(FLOATS[i].v, out), FLOATS[i].text);
    assert_string_equal(javanum_double(-80.017803, out), "-80.017803");
    assert_string_equal(javanum_double(40.1, out), "40.1");
    assert_string_equal(javanum_double(-72, out), "-72.0");
    assert_string_equal(javanum_double(1.0 / 3, out), "0.3333333333333333");
    assert_string_equal(javanum_double(1e-5, out), "1.0E-5");
}

static void times_are_read(void **state)
{
    (void)state;
    static const char *const WRONG[] = {"",           "2025",          "2025-13-01",        "2025-02-29", "2025-11-01T",
                                        "2025-11-01T24:00", "2025-11-01 00:00", "2025-11-01T00:00:00+01:00", "15"};
    struct simulate_time t;
    struct error e;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        if (simulate_time_parse(WRONG[i], &t, &e) != ERR_USAGE) fail_msg("taken: %s", WRONG[i]);
    assert_ok(simulate_time_parse("2025-11-01T00:00:00.250", &t, &e), &e);
    assert_true(t.second == 1761955200 && t.nano == 250000000);
    assert_ok(simulate_time_parse("2024-02-29", &t, &e), &e);
    assert_true(t.second == 1709164800 && t.nano == 0);
    assert_ok(simulate_time_parse("1969-12-31T23:59:59.999999999", &t, &e), &e);
    assert_true(t.second == -1 && t.nano == 999999999 && simulate_time_ms(t) == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mersenne_twister_is_that_of_commons_math),
        cmocka_unit_test(ints_are_cut_as_in_java),
        cmocka_unit_test(picks_follow_binary_search_with_weights_of_zero),
        cmocka_unit_test(weights_must_fit),
        cmocka_unit_test(holidays_are_those_of_jollyday),
        cmocka_unit_test(weekends_ramp_up_and_down),
        cmocka_unit_test(numbers_print_as_in_java),
        cmocka_unit_test(times_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
