#include "base/test.h"
#include "refine/decode_private.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

static enum decode_reason integer(const char *s, bool floats, int64_t *out)
{
    return decode_number_integer(s, s + strlen(s), floats, INT64_MIN, INT64_MAX, out);
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum decode_reason plain, floats;
        int64_t value;
    } list[] = {
        {"0", FINE, FINE, 0},
        {"-0", FINE, FINE, 0},
        {"7", FINE, FINE, 7},
        {"-12", FINE, FINE, -12},
        {"9223372036854775807", FINE, FINE, INT64_MAX},
        {"-9223372036854775808", FINE, FINE, INT64_MIN},
        {"9223372036854775808", DECODE_OUT_OF_RANGE, DECODE_OUT_OF_RANGE, 0},
        {"-9223372036854775809", DECODE_OUT_OF_RANGE, DECODE_OUT_OF_RANGE, 0},
        {"18446744073709551616", DECODE_OUT_OF_RANGE, DECODE_OUT_OF_RANGE, 0},
        {"99999999999999999999999999", DECODE_OUT_OF_RANGE, DECODE_OUT_OF_RANGE, 0},
        {"1000000000000000000000000000000", DECODE_OUT_OF_RANGE, DECODE_OUT_OF_RANGE, 0},
        {"1000000000000000000", FINE, FINE, 1000000000000000000},
        {"1.0", DECODE_NOT_INTEGER, FINE, 1},
        {"1540991795796.0", DECODE_NOT_INTEGER, FINE, 1540991795796},
        {"1.5", DECODE_NOT_INTEGER, DECODE_NOT_INTEGER, 0},
        {"0.0", DECODE_NOT_INTEGER, FINE, 0},
        {"-0.0", DECODE_NOT_INTEGER, FINE, 0},
        {"1e3", DECODE_NOT_INTEGER, FINE, 1000},
        {"1E+3", DECODE_NOT_INTEGER, FINE, 1000},
        {"1.5e1", DECODE_NOT_INTEGER, FINE, 15},
        {"1500e-2", DECODE_NOT_INTEGER, FINE, 15},
        {"1500e-3", DECODE_NOT_INTEGER, DECODE_NOT_INTEGER, 0},
        {"1e999", DECODE_NOT_INTEGER, DECODE_OUT_OF_RANGE, 0},
        {"0e999", DECODE_NOT_INTEGER, FINE, 0},
        {"1e-999", DECODE_NOT_INTEGER, DECODE_NOT_INTEGER, 0},
        {"1e99999999999999999999", DECODE_NOT_INTEGER, DECODE_OUT_OF_RANGE, 0},
        {"9.223372036854775807e18", DECODE_NOT_INTEGER, FINE, INT64_MAX},
        {"9.223372036854775808e18", DECODE_NOT_INTEGER, DECODE_OUT_OF_RANGE, 0},
        {"0.99999999999999999999999", DECODE_NOT_INTEGER, DECODE_NOT_INTEGER, 0},
        {"1.00000000000000000000000001", DECODE_NOT_INTEGER, DECODE_NOT_INTEGER, 0},
        {"1.00000000000000000000000000", DECODE_NOT_INTEGER, FINE, 1},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int64_t a = 0, b = 0;
        enum decode_reason plain = integer(list[i].text, false, &a), floats = integer(list[i].text, true, &b);
        if (plain != list[i].plain || floats != list[i].floats || (plain == FINE && a != list[i].value) ||
            (floats == FINE && b != list[i].value)) {
            print_error("%s: %d %d %lld %lld\n", list[i].text, (int)plain, (int)floats, (long long)a, (long long)b);
            fail();
        }
    }
    int64_t v;
    assert_int_equal(decode_number_integer("65535", &"65535"[5], false, 0, 65535, &v), FINE);
}

static void grammar_is_rfc_8259(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",    "+1",   "01",  "-01",  "1.",   ".5",   "1.e1", "1e",   "1e+",     "0x10",
                                      "1_0", "1 ",   " 1",   "NaN", "--1",  "1..2", "1e1.5", "1a",   "٣",    "Infinity"};
    static const char *const good[] = {"0", "-0", "10", "1.5", "-1.5e-10", "1E5", "0.0", "1e05", "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t v;
        double x;
        const char *end = bad[i] + strlen(bad[i]);
        assert_ptr_not_equal(decode_number_end(bad[i], end) ? decode_number_end(bad[i], end) : bad[i] - 1, end);
        assert_int_equal(integer(bad[i], true, &v), DECODE_BAD_JSON);
        assert_int_equal(decode_number_double(bad[i], end, &x), DECODE_BAD_JSON);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ptr_equal(decode_number_end(good[i], good[i] + strlen(good[i])), good[i] + strlen(good[i]));
}

static void check_double(const char *s)
{
    double got = 0, want = strtod(s, NULL);
    enum decode_reason why = decode_number_double(s, s + strlen(s), &got);
    if (want > DBL_MAX || want < -DBL_MAX) {
        assert_int_equal(why, DECODE_NOT_FINITE);
        return;
    }
    if (why != FINE || memcmp(&got, &want, sizeof got)) {
        print_error("%s: got %a, want %a\n", s, got, want);
        fail();
    }
}

static void doubles_are_rounded_correctly(void **state)
{
    (void)state;
    static const char *const hard[] = {
        "0", "-0", "-0.0", "110.44526", "0.1", "1e22", "1e23", "9007199254740993", "9007199254740992", "9007199254740993e0",
        "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "1e999", "-1e999", "4.9e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "1e-400", "2.2250738585072011e-308", "2.2250738585072014e-308", "0.000000000000000000001",
        "123456789012345678901234567890", "1e-22", "1e-23", "8.5e-5", "6.02214076e23", "5e-324", "0e5", "0.0e-999",
        "9007199254740991e22", "9007199254740991e-22", "18014398509481985", "1000000000000000000000000000000e-20",
        "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126", "179769313486231580793728971405303415079934132710037826936173"
        "7789804449682927647509466490179775872070963302864166928879109465555478519404026306574886715058206819089020007083836762738"
        "54845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880"};
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) check_double(hard[i]);
    uint64_t x = 20251101;
    for (int i = 0; i < 200000; i++) {
        char s[64];
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = x ^ x >> 29;
        double v;
        memcpy(&v, &bits, sizeof v);
        if (v != v || v > DBL_MAX || v < -DBL_MAX) continue;
        snprintf(s, sizeof s, i % 3 ? "%.17g" : "%.9g", v);
        check_double(s);
        snprintf(s, sizeof s, "%.*f", (int)(bits % 9), (double)(int64_t)(bits >> 40) / 1000.0);
        check_double(s);
        snprintf(s, sizeof s, "%llu.%llue%d", (unsigned long long)(bits >> 20), (unsigned long long)(bits & 0xfffff), (int)(x % 60) - 30);
        check_double(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(grammar_is_rfc_8259),
        cmocka_unit_test(doubles_are_rounded_correctly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
