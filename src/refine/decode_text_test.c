#include "base/test.h"
#include "refine/decode_private.h"

static void check(const char *inside, size_t len, enum decode_reason want, const char *means, size_t means_len)
{
    struct buf line = {0}, scratch = {0};
    enum decode_reason why = FINE;
    bool escaped = false;

    buf_add(&line, inside, len);
    buf_char(&line, '"');
    const char *end = line.ptr + line.len, *quote = decode_text_end(line.ptr, end, &escaped, &why);
    if (want != FINE) {
        if (quote || why != want) {
            print_error("%s: %s, not %s\n", inside, quote ? "accepted" : decode_reason_name(why), decode_reason_name(want));
            fail();
        }
    } else {
        assert_non_null(quote);
        assert_ptr_equal(quote, end - 1);
        struct view v = decode_text_unescape(line.ptr, quote, escaped, &scratch);
        assert_true(view_eq(v, view_from(means, means_len)));
    }
    buf_reset(&line);
    buf_reset(&scratch);
}

#define GOOD(inside, means) check(inside, sizeof inside - 1, FINE, means, sizeof means - 1)
#define BAD(inside, why) check(inside, sizeof inside - 1, why, "", 0)

static void good_strings_mean_what_they_say(void **state)
{
    (void)state;
    GOOD("", "");
    GOOD("plain", "plain");
    GOOD("a text longer than eight and thirty-two bytes, to be sure", "a text longer than eight and thirty-two bytes, to be sure");
    GOOD("\\\"Mozilla\\\"", "\"Mozilla\"");
    GOOD("\\\\\\/\\b\\f\\n\\r\\t", "\\/\b\f\n\r\t");
    GOOD("\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC");
    GOOD("\\uD83D\\uDE00", "\xF0\x9F\x98\x80");
    GOOD("\\u0013", "\x13");
    GOOD("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF");
    GOOD("\x7F\xC2\x85\xC2\xA0", "\x7F\xC2\x85\xC2\xA0"); /* DEL and U+0085 are no control characters to JSON */
    GOOD("1234567\\\\89012345\\\\", "1234567\\89012345\\");
}

static void bad_strings_have_a_reason(void **state)
{
    (void)state;
    BAD("\\", DECODE_BAD_JSON); /* the backslash swallows the quote */
    BAD("\\x41", DECODE_BAD_JSON);
    BAD("\\u12", DECODE_BAD_JSON);
    BAD("\\u12G4", DECODE_BAD_JSON);
    BAD("\\U0041", DECODE_BAD_JSON);
    BAD("\\'", DECODE_BAD_JSON);
    BAD("\\\0", DECODE_BAD_JSON);
    BAD("\\u0000", DECODE_NUL_BYTE);
    BAD("a\0b", DECODE_NUL_BYTE);
    BAD("a\tb", DECODE_CONTROL);
    BAD("a\nb", DECODE_CONTROL);
    BAD("1234567890\x1F", DECODE_CONTROL);
    BAD("\\uD800", DECODE_BAD_UTF8);
    BAD("\\uDC00", DECODE_BAD_UTF8);
    BAD("\\uD800\\u0041", DECODE_BAD_UTF8);
    BAD("\\uD800\\uD800", DECODE_BAD_UTF8);
    BAD("\\uD800x", DECODE_BAD_UTF8);
    BAD("\\uD800\\uDG00", DECODE_BAD_JSON);
    BAD("\xC3", DECODE_BAD_UTF8);
    BAD("\xC3(", DECODE_BAD_UTF8);
    BAD("\xA9", DECODE_BAD_UTF8);
    BAD("\xC0\xAF", DECODE_BAD_UTF8);             /* overlong */
    BAD("\xE0\x80\xAF", DECODE_BAD_UTF8);         /* overlong */
    BAD("\xED\xA0\x80", DECODE_BAD_UTF8);         /* surrogate */
    BAD("\xF4\x90\x80\x80", DECODE_BAD_UTF8);     /* above U+10FFFF */
    BAD("\xFF\xFE", DECODE_BAD_UTF8);
    BAD("12345678\xE2\x82", DECODE_BAD_UTF8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_strings_mean_what_they_say),
        cmocka_unit_test(bad_strings_have_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
