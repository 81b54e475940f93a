#include "base/test.h"
#include "schema/clean.h"
#include "schema/contract.h"

static void check(unsigned steps, const char *text, const char *want)
{
    struct buf scratch = {0};
    struct view out = {0};
    bool got = clean_text(steps, view_of(text), &scratch, &out);
    if (got != (want != NULL) || (want && !view_is(out, want))) {
        print_error("\"%s\": got \"%.*s\", want \"%s\"\n", text, got ? (int)out.len : 0, out.ptr, want ? want : "(null)");
        fail();
    }
    buf_reset(&scratch);
}

static void mojibake_is_repaired_once_and_only_mojibake(void **state)
{
    (void)state;
    check(CONTRACT_MOJIBAKE, "Beyonc\xC3\x83\xC2\xA9", "Beyonc\xC3\xA9");
    check(CONTRACT_MOJIBAKE, "Beyonc\xC3\xA9", "Beyonc\xC3\xA9");             /* right already: E9 alone is no UTF-8 */
    check(CONTRACT_MOJIBAKE, "plain", "plain");
    check(CONTRACT_MOJIBAKE, "", "");
    check(CONTRACT_MOJIBAKE, "\xC3\x83\xC2\xA9 \xE2\x82\xAC", "\xC3\x83\xC2\xA9 \xE2\x82\xAC"); /* one char above U+00FF */
    check(CONTRACT_MOJIBAKE, "\xC3\x83\xC2\xA9 \xC3\xA9", "\xC3\x83\xC2\xA9 \xC3\xA9");         /* half right: untouched */
    check(CONTRACT_MOJIBAKE, "\xC3\x82\xC2\x85", "\xC2\x85");                                   /* U+0085 */
    check(CONTRACT_MOJIBAKE, "\xC3\x83\xC2\x83\xC3\x82\xC2\xA9", "\xC3\x83\xC2\xA9");           /* twice wrong: once repaired */
    check(CONTRACT_MOJIBAKE, "\xC3\xA2\xC2\x82\xC2\xAC", "\xE2\x82\xAC");                       /* three bytes: € */
}

static void quotes_lose_one_pair(void **state)
{
    (void)state;
    check(CONTRACT_UNQUOTE, "\"Mozilla\"", "Mozilla");
    check(CONTRACT_UNQUOTE, "\"\"Mozilla\"\"", "\"Mozilla\"");
    check(CONTRACT_UNQUOTE, "\"Mozilla", "\"Mozilla");
    check(CONTRACT_UNQUOTE, "\"", "\"");
    check(CONTRACT_UNQUOTE, "\"\"", "");
    check(CONTRACT_UNQUOTE | CONTRACT_EMPTY_NULL, "\"\"", NULL);
    check(CONTRACT_UNQUOTE | CONTRACT_MOJIBAKE, "\"\xC3\x83\xC2\xA9\"", "\xC3\xA9");
}

static void places_split_at_the_last_comma(void **state)
{
    (void)state;
    unsigned city = CONTRACT_BEFORE_LAST_COMMA | CONTRACT_EMPTY_NULL, st = CONTRACT_AFTER_LAST_COMMA | CONTRACT_EMPTY_NULL;
    check(city, "San Jose-Sunnyvale, CA", "San Jose-Sunnyvale");
    check(st, "San Jose-Sunnyvale, CA", "CA");
    check(city, "Washington, D.C., DC-VA-MD", "Washington, D.C.");
    check(st, "Washington, D.C., DC-VA-MD", "DC-VA-MD");
    check(city, "Nowhere", "Nowhere");
    check(st, "Nowhere", NULL);
    check(city, ", CA", NULL);
    check(st, "City,", NULL);
    check(st, "City,CA", "CA");
    check(city, "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mojibake_is_repaired_once_and_only_mojibake),
        cmocka_unit_test(quotes_lose_one_pair),
        cmocka_unit_test(places_split_at_the_last_comma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
