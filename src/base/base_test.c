#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test.h"

#include <stdlib.h>
#include <unistd.h>

static void error_says_what_where_and_next(void **state)
{
    (void)state;
    struct error e;
    char text[512];
    assert_int_equal(err_set(&e, ERR_INPUT, "unknown key \"%s\"", "brokrs"), ERR_INPUT);
    err_where(&e, "lakefm.yml:%d", 3);
    err_hint(&e, "did you mean \"brokers\"?");
    assert_string_equal(err_format(&e, text, sizeof text), "lakefm.yml:3: unknown key \"brokrs\"; did you mean \"brokers\"?");
    err_context(&e, "while starting: ");
    assert_string_equal(e.what, "while starting: unknown key \"brokrs\"");
    assert_int_equal(err_sys(&e, 28 /* ENOSPC */, "cannot write x"), ERR_NO_SPACE);
}

static void days_and_civil_agree_with_the_c_library(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        time_t t = (time_t)((int64_t)(seed >> 30) - ((int64_t)1 << 33)); /* about 1697 … 2242 */
        struct tm tm;
        struct civil c;
        gmtime_r(&t, &tm);
        clock_civil((int64_t)t * 1000 + 7, &c);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.weekday, tm.tm_wday ? tm.tm_wday : 7);
        assert_int_equal(clock_days(c.year, c.month, c.day), clock_day_of_ms((int64_t)t * 1000));
    }
}

static void iso_times(void **state)
{
    (void)state;
    int64_t ms;
    char text[CLOCK_ISO_MAX];
    assert_true(clock_parse_iso("2025-11-01T00:00:00.250", &ms));
    assert_string_equal(clock_format_iso(ms, text), "2025-11-01T00:00:00.250Z");
    assert_true(clock_parse_iso("2024-02-29", &ms));
    assert_string_equal(clock_format_date(clock_day_of_ms(ms), text), "2024-02-29");
    assert_false(clock_parse_iso("2025-02-29", &ms));
    assert_false(clock_parse_iso("2025-11-01T24:00", &ms));
    assert_false(clock_parse_iso("2025-11-01x", &ms));
    assert_string_equal(clock_format_date(clock_day_of_ms(-1), text), "1969-12-31");
}

static void utf8_is_strict(void **state)
{
    (void)state;
    assert_true(utf8_valid("caf\xC3\xA9 \xF0\x9F\x8E\xB5 abcdefgh", 19));
    assert_false(utf8_valid("\xC0\x80", 2));
    assert_false(utf8_valid("\xED\xA0\x80", 3));
    assert_false(utf8_valid("\xF4\x90\x80\x80", 4));
    assert_false(utf8_valid("abcdefg\xE2\x82", 9));
    for (uint32_t cp = 1; cp < 0x110000; cp += 7) {
        char text[4];
        size_t n = utf8_encode(cp, text), m;
        bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        assert_int_equal(utf8_length(text, n), surrogate ? 0 : n);
        if (!surrogate) assert_int_equal(utf8_decode(text, &m), cp);
    }
}

static void nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"brokers", "topics", "lake", "memory", NULL};
    assert_string_equal(str_nearest("brokrs", words), "brokers");
    assert_string_equal(str_nearest("tpoics", words), "topics");
    assert_null(str_nearest("zebra", words));
}

static void json_text(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_json(&b, "a\"b\\c\n\x01\xFF\xC3\xA9", 10);
    assert_string_equal(b.ptr, "\"a\\\"b\\\\c\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"");
    buf_reset(&b);
}

static void bytes_with_units(void **state)
{
    (void)state;
    uint64_t n;
    assert_true(str_bytes("1GiB", &n) && n == 1u << 30);
    assert_true(str_bytes("500k", &n) && n == 500000);
    assert_false(str_bytes("12 parsecs", &n));
    assert_false(str_bytes("-1", &n));
    assert_false(str_bytes("99999999999999999999", &n));
}

static void files_and_hashes(void **state)
{
    (void)state;
    struct error e;
    char folder[] = "/tmp/lakefm-base-XXXXXX", hex[HASH_HEX_SIZE];
    assert_non_null(mkdtemp(folder));
    char *deep = io_path(folder, "a/b"), *file = io_path(deep, "f");
    assert_ok(io_make_dirs(deep, &e), &e);
    assert_ok(io_write_file(file, "hello", 5, true, &e), &e);
    struct buf b = {0};
    assert_ok(io_read_file(file, &b, &e), &e);
    assert_string_equal(b.ptr, "hello");
    struct hash128 h, parsed;
    uint64_t bytes;
    assert_ok(hash_file(file, &h, &bytes, &e), &e);
    assert_int_equal(bytes, 5);
    assert_true(hash_eq(h, hash_128("hello", 5)));
    assert_true(hash_from_hex(hash_hex(h, hex), &parsed) && hash_eq(h, parsed));
    struct io_names names;
    assert_ok(io_walk(folder, &names, &e), &e);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.name[0], "a/b/f");
    io_names_free(&names);
    assert_ok(io_remove_tree(folder, &e), &e);
    assert_false(io_exists(folder));
    assert_int_equal(io_read_file(file, &b, &e), ERR_NOT_FOUND);
    buf_reset(&b);
    mem_free(file);
    mem_free(deep);
}

static void arena_blocks_are_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *last = NULL;
    for (size_t i = 1; i < 20000; i += 97) {
        char *p = arena_alloc(&a, i);
        memset(p, (int)i, i);
        assert_int_equal((uintptr_t)p % 16, 0);
        if (last) assert_true(p != last);
        last = p;
    }
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_says_what_where_and_next), cmocka_unit_test(days_and_civil_agree_with_the_c_library),
        cmocka_unit_test(iso_times),                      cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(nearest_word),                   cmocka_unit_test(json_text),
        cmocka_unit_test(bytes_with_units),               cmocka_unit_test(files_and_hashes),
        cmocka_unit_test(arena_blocks_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
