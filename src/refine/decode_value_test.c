/* What is good and what is bad in one line, by reason and column, in every way a decoder can go. Numbers in comments are
 * those of faults.md's table. */
#include "refine/decode_testing_modes.h"

static void expect(const struct contract *c, const char *line, size_t len, const char *want)
{
    /* Good lines before and after: predicted orders are in place, and neighbours must not suffer. */
    static const char good[] = "{\"at\":1,\"need\":\"a\"}\n{\"at\":2,\"need\":\"a\",\"u32\":7,\"name\":\"b\"}\n"
                               "{\"at\":3,\"need\":\"a\",\"i64\":1,\"u16\":2,\"u8\":3,\"x\":1.5,\"ok\":true}\n";
    struct buf text = {0};
    struct decode_counts counts;
    for (int i = 0; i < 3 && c == probe; i++) buf_str(&text, good);
    buf_add(&text, line, len);
    buf_char(&text, '\n');
    for (int i = 0; i < 3 && c == probe; i++) buf_str(&text, good);
    char *all = decode_all(c, text.ptr, text.len, &counts);
    char start[16];
    snprintf(start, sizeof start, "\n%d ", c == probe ? 9 : 0);
    char *padded = mem_printf("\n%s", all), *at = strstr(padded, start);
    assert_non_null(at);
    at = strchr(at + 1, ' ') + 1;
    if (strncmp(at, want, strlen(want))) {
        print_error("for %.*s\n got %.*s\nwant %s\n", (int)(len < 200 ? len : 200), line, (int)strcspn(at, "\n"), at, want);
        fail();
    }
    if (c == probe) assert_int_equal(counts.rows + counts.rejects, 19);
    mem_free(padded);
    mem_free(all);
    buf_reset(&text);
}
#define EXPECT(line, want) expect(probe, line, sizeof line - 1, want)
#define VALUE(json, want) EXPECT("{\"at\":5,\"need\":\"n\"," json "}", want)

static void broken_json_is_rejected(void **state) /* 13, 15, 17 */
{
    (void)state;
    EXPECT("{\"at\":5,\"need\":\"n\"", "reject bad_json -");
    EXPECT("{\"at\":5,\"need\":\"n", "reject bad_json need");
    EXPECT("{\"at\":5,\"need\":", "reject bad_json need");
    EXPECT("{\"at\":5,\"need\"", "reject bad_json -");
    EXPECT("{\"at\":5,", "reject bad_json -");
    EXPECT("{", "reject bad_json -");
    EXPECT("{\"at\":5,\"need\":\"n\",}", "reject bad_json -");
    EXPECT("{,\"at\":5,\"need\":\"n\"}", "reject bad_json -");
    EXPECT("{\"at\" 5,\"need\":\"n\"}", "reject bad_json -");
    EXPECT("{\"at\":5 \"need\":\"n\"}", "reject bad_json -");
    EXPECT("{at:5,\"need\":\"n\"}", "reject bad_json -");
    EXPECT("{'at':5,\"need\":\"n\"}", "reject bad_json -");
    EXPECT("{\"at\":05,\"need\":\"n\"}", "reject bad_json -");
    EXPECT("{\"at\":5,\"need\":nul}", "reject bad_json need");
    EXPECT("{\"at\":5,\"need\":\"\\q\"}", "reject bad_json need");
    EXPECT("{\"at\":5,\"need\":\"n\"]", "reject bad_json -");
    EXPECT("{\"at\":5,\"need\":\"n\"}}", "reject trailing_garbage -");
    EXPECT("{\"at\":5,\"need\":\"n\"} x", "reject trailing_garbage -");
    EXPECT("{\"at\":5,\"need\":\"n\"}{\"at\":5,\"need\":\"n\"}", "reject trailing_garbage -");
    EXPECT("[{\"at\":5,\"need\":\"n\"}]", "reject not_object -");
    EXPECT("null", "reject not_object -");
    EXPECT("5", "reject not_object -");
    EXPECT("\"text\"", "reject not_object -");
    EXPECT("text", "reject bad_json -");
    EXPECT("{\"at\":5,\"need\":\"\xC3\"}", "reject bad_utf8 need");
    EXPECT("{\"at\":5,\"need\":\"\\uD800\"}", "reject bad_utf8 need");
    EXPECT("{\"at\":5,\"need\":\"n\",\"other\":\"\xFF\"}", "reject bad_utf8 -");
    EXPECT("{\"at\":5,\"need\":\"n\",\"\xFF\":1}", "reject bad_utf8 -");
    EXPECT("{\"at\":5,\"need\":\"a\0b\"}", "reject nul_byte need");
    EXPECT("{\"at\":5,\"need\":\"a\\u0000b\"}", "reject nul_byte need");
    EXPECT("{\"at\":5,\"need\":\"n\"\0}", "reject nul_byte -");
    EXPECT("{\"at\":5,\"need\":\"n\",\"other\":\"\\u0000\"}", "reject nul_byte -");
    EXPECT("{\"at\":5,\"need\":\"a\tb\"}", "reject control_char need");
    EXPECT("{\"at\":5,\"need\":\"n\",\"o\tther\":1}", "reject control_char -");
    EXPECT("{\"at\":5,\"need\":\"n\",\"at\":5}", "reject duplicate_key -");
    EXPECT("{\"at\":5,\"need\":\"n\",\"z\":1,\"y\":2,\"z\":3}", "reject duplicate_key -");
    EXPECT("{\"at\":5,\"need\":\"n\",\"a\\u0074\":5}", "reject duplicate_key -");
}

static void raw_bytes_of_rejects_are_kept(void **state)
{
    (void)state;
    EXPECT("{\"at\":5,\"need\":\"a\tb\"} \xC3\xA9", "reject control_char need @360 \"{\\\"at\\\":5,\\\"need\\\":\\\"a\\tb\\\"} \xC3\xA9\"");
}

static void nesting_is_bounded(void **state) /* 18 */
{
    (void)state;
    static char line[400100];
    for (int object = 0; object < 2; object++)
        for (int depth = 1; depth <= 100000; depth = depth == 64 ? 65 : depth == 65 ? 100000 : depth + 63) {
            char *p = line + sprintf(line, "{\"at\":5,\"need\":\"n\",\"other\":");
            for (int i = 0; i < depth; i++) p += sprintf(p, object ? "{\"\":" : "[");
            if (object) *p++ = '1';
            for (int i = 0; i < depth && p < line + 400000; i++) *p++ = object ? '}' : ']';
            *p++ = '}';
            expect(probe, line, (size_t)(p - line), depth <= 64 ? "{\"at\":5" : "reject too_deep -");
        }
    memset(line, '[', 100000);
    expect(probe, line, 100000, "reject not_object -");
}

static void numbers_are_checked(void **state) /* 16 */
{
    (void)state;
    VALUE("\"i64\":NaN", "reject not_finite i64");
    VALUE("\"x\":NaN", "reject not_finite x");
    VALUE("\"x\":Infinity", "reject not_finite x");
    VALUE("\"x\":-Infinity", "reject not_finite x");
    VALUE("\"x\":1e999", "reject not_finite x");
    VALUE("\"x\":-1e999", "reject not_finite x");
    VALUE("\"i64\":1e999", "reject not_integer i64");
    VALUE("\"i64\":9223372036854775808", "reject out_of_range i64");
    VALUE("\"i64\":-9223372036854775809", "reject out_of_range i64");
    VALUE("\"i64\":1.5", "reject not_integer i64");
    VALUE("\"i64\":1.0", "reject not_integer i64");
    VALUE("\"u32\":4294967296", "reject out_of_range u32");
    VALUE("\"u32\":-1", "reject out_of_range u32");
    VALUE("\"u32\":1.5", "reject not_integer u32");
    VALUE("\"u16\":65536", "reject out_of_range u16");
    VALUE("\"u8\":256", "reject out_of_range u8");
    VALUE("\"u8\":-1", "reject out_of_range u8");
    EXPECT("{\"at\":9223372036854775807,\"need\":\"n\"}", "reject out_of_range at");
    EXPECT("{\"at\":253402300800000,\"need\":\"n\"}", "reject out_of_range at");
    EXPECT("{\"at\":-62135596800001,\"need\":\"n\"}", "reject out_of_range at");
    EXPECT("{\"at\":253402300799999,\"need\":\"n\"}", "{\"at\":253402300799999,");
    EXPECT("{\"at\":-62135596800000,\"need\":\"n\"}", "{\"at\":-62135596800000,");
    VALUE("\"i64\":9223372036854775807,\"u32\":4294967295,\"u16\":65535,\"u8\":255",
          "{\"at\":5,\"i64\":9223372036854775807,\"u32\":4294967295,\"u16\":65535,\"u8\":255,");
    VALUE("\"i64\":-9223372036854775808,\"u32\":0,\"u16\":-0,\"u8\":0", "{\"at\":5,\"i64\":-9223372036854775808,\"u32\":0,\"u16\":0,\"u8\":0,");
    VALUE("\"x\":0.1,\"ok\":false", "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":0.10000000000000001,\"name\":null,\"ok\":false,");
    VALUE("\"x\":17", "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":17,");
}

static void types_are_checked(void **state) /* 19 */
{
    (void)state;
    EXPECT("{\"need\":\"n\"}", "reject missing_required at");
    EXPECT("{\"at\":5}", "reject missing_required need");
    EXPECT("{}", "reject missing_required at");
    EXPECT("{ }", "reject missing_required at");
    EXPECT("{\"at\":null,\"need\":\"n\"}", "reject null_required at");
    EXPECT("{\"at\":5,\"need\":null}", "reject null_required need");
    EXPECT("{\"at\":\"5\",\"need\":\"n\"}", "reject wrong_type at");
    EXPECT("{\"at\":5,\"need\":5}", "reject wrong_type need");
    EXPECT("{\"at\":5,\"need\":true}", "reject wrong_type need");
    EXPECT("{\"at\":5,\"need\":{\"a\":1}}", "reject wrong_type need");
    EXPECT("{\"at\":5,\"need\":[\"n\"]}", "reject wrong_type need");
    VALUE("\"i64\":\"5\"", "reject wrong_type i64");
    VALUE("\"i64\":true", "reject wrong_type i64");
    VALUE("\"x\":\"1.5\"", "reject wrong_type x");
    VALUE("\"ok\":1", "reject wrong_type ok");
    VALUE("\"ok\":\"true\"", "reject wrong_type ok");
    VALUE("\"u32\":[]", "reject wrong_type u32");
    VALUE("\"i64\":null,\"u32\":null,\"x\":null,\"name\":null,\"ok\":null",
          "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":null,\"ok\":null,\"soft\":null,\"seen\":null,\"need\":\"n\"}");
    VALUE("\"name\":\"\"", "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":\"\"");
    /* The first column in the contract's order is named, whatever the line's. */
    EXPECT("{\"need\":5,\"u8\":-1,\"at\":5}", "reject out_of_range u8");
}

static void soft_numbers_are_as_the_contract_says(void **state)
{
    (void)state;
#define SOFT(json, value)                                                                                              \
    VALUE("\"soft\":" json, "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":null,"   \
                            "\"ok\":null,\"soft\":" value ",")
    SOFT("42", "42");
    SOFT("42.0", "42");
    SOFT("4.2e1", "42");
    SOFT("\"42\"", "42");
    SOFT("\"42.0\"", "42");
    SOFT("\"\"", "null");
    SOFT("null", "null");
    SOFT("\"\\u0034\\u0032\"", "42");
    VALUE("\"soft\":42.5", "reject not_integer soft");
    VALUE("\"soft\":\"42 \"", "reject wrong_type soft");
    VALUE("\"soft\":\" \"", "reject wrong_type soft");
    VALUE("\"soft\":\"x\"", "reject wrong_type soft");
    VALUE("\"soft\":1e999", "reject out_of_range soft");
#define SEEN(json, value)                                                                                              \
    VALUE("\"seen\":" json, "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":null,"   \
                            "\"ok\":null,\"soft\":null,\"seen\":" value ",")
    SEEN("1500", "1500");
    SEEN("\"1970-01-01T00:00:01.5Z\"", "1500");
    VALUE("\"seen\":\"yesterday\"", "reject wrong_type seen");
    VALUE("\"seen\":1e300", "reject not_integer seen");
    VALUE("\"seen\":300000000000000", "reject out_of_range seen");
}

static void text_is_unescaped(void **state)
{
    (void)state;
#define NAME(json, value)                                                                                              \
    VALUE("\"name\":" json, "{\"at\":5,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":" value ",")
    NAME("\"\\u00e9\\/\\\"\"", "\"\xC3\xA9/\\\"\"");
    NAME("\"\xC3\xA9\"", "\"\xC3\xA9\"");
    NAME("\"a\\nb\"", "\"a\\nb\"");
    NAME("\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"");
    NAME("\"null\"", "\"null\"");
    NAME("\"42\"", "\"42\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_json_is_rejected),
        cmocka_unit_test(raw_bytes_of_rejects_are_kept),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(soft_numbers_are_as_the_contract_says),
        cmocka_unit_test(text_is_unescaped),
    };
    return cmocka_run_group_tests(tests, testing_load, testing_unload);
}
