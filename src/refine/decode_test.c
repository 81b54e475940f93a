/* Lines, batches, keys, routes, memory: in every way a decoder can go. Numbers in comments are those of faults.md's table. */
#include "refine/decode_testing_modes.h"

/* An unescaped text and a raw token are different things: the first must never let the second in. */
static void values_and_tokens_do_not_mix(void **state)
{
    (void)state;
    static const char text[] = "{\"at\":1,\"need\":\"a\\nb\"}\n"
                               "{\"at\":2,\"need\":\"a\x0b\x62\"}\n"
                               "{\"at\":3,\"need\":\"\\\"x\\\"\"}\n"
                               "{\"at\":4,\"need\":\"\"x\"\"}\n"
                               "{\"at\":5,\"need\":\"7\"}\n"
                               "{\"at\":6,\"need\":7}\n"
                               "{\"at\":7,\"need\":\"a\nb\"}\n"
                               "{\"at\":8,\"need\":\"a\"}\n";
    struct decode_counts counts;
    char *all = decode_all(probe, text, sizeof text - 1, &counts);
    assert_int_equal(counts.lines, 9);
    assert_int_equal(counts.rows, 4);
    assert_int_equal(counts.reason[DECODE_CONTROL], 1);
    assert_int_equal(counts.reason[DECODE_WRONG_TYPE], 1);
    assert_int_equal(counts.reason[DECODE_BAD_JSON], 3); /* ""x"", and both halves of the line that a newline cut */
    mem_free(all);
}

static void unknown_keys_are_drift(void **state) /* 19 */
{
    (void)state;
    static const char text[] = "{\"at\":1,\"need\":\"a\",\"extra\":1}\n{\"at\":2,\"need\":\"a\",\"extra\":\"x\"}\n"
                               "{\"at\":3,\"need\":\"a\",\"extra\":{\"need\":[1,{\"at\":2}]},\"more\":null}\n"
                               "{\"at\":4,\"need\":\"a\"}\n{\"at\":5,\"need\":\"a\",\"AT\":4}\n"
                               "{\"at\":6,\"need\":\"a\",\"Name\":\"late\",\"name\":\"first\"}\n"
                               "{\"at\":7,\"need\":\"a\",\"Name\":\"only\"}\n"
                               "{\"at\":8,\"need\":\"a\",\"extra\":1e5}\n{\"at\":9,\"need\":\"a\",\"extra\":1e}\n";
    struct decode_counts counts;
    char *all = decode_all(probe, text, sizeof text - 1, &counts);
    assert_int_equal(counts.rows, 8);
    assert_int_equal(counts.drift_rows, 6);
    assert_int_equal(counts.drift_keys, 7);
    assert_non_null(strstr(all, "\n5 {\"at\":6,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":\"first\""));
    assert_non_null(strstr(all, "\n6 {\"at\":7,\"i64\":null,\"u32\":null,\"u16\":null,\"u8\":null,\"x\":null,\"name\":\"only\""));
    assert_non_null(strstr(all, "\n8 reject bad_json - "));
    mem_free(all);

    for (size_t m = 0; m < TESTING_MODES; m++) {
        struct decoder *d = decode_new(probe, &testing_modes[m].o);
        struct buf out = {0};
        struct decode_drift drift;
        uint64_t extra = 0, keys = 0;
        testing_decode(&out, d, text, sizeof text - 1, SIZE_MAX);
        for (size_t i = 0; decode_drift_at(d, i, &drift); i++) {
            keys += drift.count;
            if (!strcmp(drift.key, "extra")) extra = drift.count;
        }
        assert_int_equal(extra, 4);
        assert_int_equal(keys, 7);
        decode_free(&d);
        buf_reset(&out);
    }
}

static void lines_are_cut_right(void **state) /* 20 */
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF{\"at\":1,\"need\":\"a\"}\r\n\r\n \t \n\n{\"at\":2,\"need\":\"a\"}\n"
                               "\xEF\xBB\xBF{\"at\":3,\"need\":\"a\"}\n  {\"at\" : 4 ,\"need\"\t:\"a\" }  \n{\"at\":5,\"need\":\"a\"}\r\r\n"
                               "{\"at\":6,\"need\":\"a\"}";
    struct decode_counts counts;
    char *all = decode_all(probe, text, sizeof text - 1, &counts);
    assert_int_equal(counts.lines, 9);
    assert_int_equal(counts.blank, 3);
    assert_int_equal(counts.rows, 5);
    assert_int_equal(counts.reason[DECODE_BAD_JSON], 1); /* the mark in mid-file */
    assert_int_equal(counts.bytes, sizeof text - 1);
    assert_non_null(strstr(all, "0 {\"at\":1,"));
    assert_non_null(strstr(all, "@3\n")); /* behind the mark */
    assert_non_null(strstr(all, "\n8 {\"at\":6,"));
    mem_free(all);

    mem_free(decode_all(probe, "", 0, &counts));
    assert_int_equal(counts.lines, 0);
    mem_free(decode_all(probe, "\n", 1, &counts));
    assert_int_equal(counts.blank, 1);
    mem_free(decode_all(probe, "\xEF\xBB\xBF", 3, &counts));
    assert_int_equal(counts.lines, 0);
    mem_free(decode_all(probe, "\r\n\r\n", 4, &counts));
    assert_int_equal(counts.blank, 2);
}

static void long_lines_are_whole_or_rejected(void **state) /* 14 */
{
    (void)state;
    size_t big = 10u << 20;
    struct buf text = {0};
    for (size_t size = big; size; size = size == big ? 70000 : size == 70000 ? 65536 - 22 : 0) {
        buf_str(&text, "{\"at\":1,\"need\":\"");
        memset(buf_reserve(&text, size), 'x', size);
        text.len += size;
        buf_str(&text, "\"}\n{\"at\":2,\"need\":\"b\"}\n");
    }
    for (int limit = 0; limit < 2; limit++)
        for (size_t m = 0; m < TESTING_MODES; m++) {
            struct decode_options o = testing_modes[m].o;
            if (limit) o.line_limit = 1 << 20;
            struct decoder *d = decode_new(probe, &o);
            char *copy = mem_alloc(text.len + DECODE_PAD);
            memcpy(copy, text.ptr, text.len);
            decode_feed(d, copy, text.len, 1000);
            const struct decode_batch *b;
            uint64_t seen = 0, bytes = 0;
            while ((b = decode_next(d))) {
                seen += b->rows + b->reject_count;
                for (uint32_t r = 0; r < b->rows; r++) {
                    struct decode_dict t;
                    decode_dict(d, 10, &t);
                    bytes += t.length[b->columns[10].codes[r]];
                }
                for (uint32_t r = 0; r < b->reject_count; r++) {
                    assert_int_equal(b->rejects[r].reason, DECODE_OVERSIZE);
                    assert_int_equal(b->rejects[r].source.len, big + 18);
                    assert_ptr_equal(b->rejects[r].source.text, copy);
                    assert_int_equal(b->rejects[r].source.offset, 1000);
                }
                if (b->full) decode_forget(d);
            }
            assert_int_equal(seen, 6);
            assert_int_equal(decode_counts(d)->rejects, limit);
            assert_int_equal(bytes, (limit ? 0 : big) + 70000 + 65536 - 22 + 3);
            decode_free(&d);
            mem_free(copy);
        }
    buf_reset(&text);
}

static void late_and_future_rows_stay(void **state) /* 21 */
{
    (void)state;
    static const char text[] = "{\"at\":1000,\"need\":\"a\"}\n{\"at\":1770000000000,\"need\":\"a\"}\n{\"at\":1770086400001,\"need\":\"a\"}\n"
                               "{\"at\":-1,\"need\":\"a\"}\n";
    struct decode_counts counts;
    char *all = decode_all(probe, text, sizeof text - 1, &counts);
    assert_int_equal(counts.rows, 4);
    assert_int_equal(counts.future_rows, 1);
    assert_non_null(strstr(all, "day=0 "));
    assert_non_null(strstr(all, "day=20486 "));
    assert_non_null(strstr(all, "day=-1 "));
    mem_free(all);
}

static void keys_and_payloads_tell_rows_apart(void **state) /* 22 */
{
    (void)state;
    static const char text[] = "{\"ts\":1761955205000,\"sessionId\":322,\"itemInSession\":3,\"userId\":98,\"song\":\"s\",\"artist\":\"a\","
                               "\"duration\":1.5,\"level\":\"free\"}\n"
                               "{\"level\":\"free\", \"duration\":1.50,\"song\":\"\\u0073\",\"artist\":\"a\",\"userId\":98,"
                               "\"itemInSession\":3,\"sessionId\":322,\"ts\":1761955205000}\n" /* the same, spelt otherwise */
                               "{\"ts\":1761955205000,\"sessionId\":322,\"itemInSession\":3,\"userId\":98,\"song\":\"a\",\"artist\":\"s\","
                               "\"duration\":1.5,\"level\":\"free\"}\n" /* other payload */
                               "{\"ts\":1761955205000,\"sessionId\":322,\"itemInSession\":3,\"song\":\"s\",\"artist\":\"a\","
                               "\"duration\":1.5,\"level\":\"free\"}\n" /* no user: other key */
                               "{\"ts\":1761955205000,\"sessionId\":9223372036854775807,\"itemInSession\":3,\"userId\":98,\"song\":\"s\","
                               "\"artist\":\"a\",\"duration\":1.5,\"level\":\"free\"}\n";
    char *all = decode_all(listen, text, sizeof text - 1, NULL), *at = all;
    char key[5][33], payload[5][17];
    for (int i = 0; i < 5; i++) {
        at = strstr(at, " key=") + 5;
        snprintf(key[i], sizeof key[i], "%.32s", at);
        at = strstr(at, "payload=") + 8;
        snprintf(payload[i], sizeof payload[i], "%.16s", at);
    }
    assert_string_equal(key[0], key[1]);
    assert_string_equal(payload[0], payload[1]);
    assert_string_equal(key[0], key[2]);
    assert_string_not_equal(payload[0], payload[2]);
    assert_string_not_equal(key[0], key[3]);
    assert_true(key[0][0] < '8' && key[3][0] < '8');
    assert_true(key[4][0] >= '8'); /* too wide for the packed form */
    mem_free(all);
    /* Keys are kept on disk: this value may never change. 33 bits session + 1, 18 bits item + 1, 42 bits ts + 1, 33 bits
     * user + 1. */
    unsigned __int128 want = 323;
    want = want << 18 | 4;
    want = want << 42 | 1761955205001;
    want = want << 33 | 99;
    char text128[33];
    snprintf(text128, sizeof text128, "%016llx%016llx", (unsigned long long)(want >> 64), (unsigned long long)want);
    assert_string_equal(key[0], text128);
}

static void whole_rows_can_be_the_key(void **state)
{
    (void)state;
    static const char text[] = "{\"at\":1,\"note\":\"a\",\"count\":1}\n{\"at\":1,\"note\":\"a\",\"count\":1}\n{\"at\":1,\"note\":\"a\"}\n"
                               "{\"at\":1,\"count\":1}\n{\"at\":1,\"note\":\"\",\"count\":1}\n";
    char *all = decode_all(whole, text, sizeof text - 1, NULL), *at = all, key[5][33], payload[5][17];
    for (int i = 0; i < 5; i++) {
        at = strstr(at, " key=") + 5;
        snprintf(key[i], sizeof key[i], "%.32s", at);
        at = strstr(at, "payload=") + 8;
        snprintf(payload[i], sizeof payload[i], "%.16s", at);
    }
    assert_string_equal(payload[0], payload[1]);
    for (int i = 1; i < 5; i++)
        for (int j = 1; j < i; j++) assert_string_not_equal(payload[i], payload[j]);
    assert_non_null(strstr(all, "0 {\"at\":1000,")); /* unit: s */
    assert_string_equal(key[0], key[1]);
    for (int i = 1; i < 5; i++)
        for (int j = 1; j < i; j++) assert_string_not_equal(key[i], key[j]);
    mem_free(all);
}

/* Lines whose order of keys is known take the fast path; their values are checked all the same. */
static void predicted_lines_are_checked(void **state)
{
    (void)state;
    static const char *const good[5] = {"5", "\"n\"", "7", "8", "1.5"};
    static const struct {
        int which;
        const char *value, *want;
    } list[] = {
        {0, "253402300800000", "reject out_of_range at"}, {0, "05", "reject bad_json -"},
        {0, "5.0", "reject not_integer at"},              {0, "null", "reject null_required at"},
        {0, "\"5\"", "reject wrong_type at"},             {0, "-5", "{\"at\":-5,"},
        {0, "", "reject bad_json at"},                    {1, "null", "reject null_required need"},
        {1, "\"a\tb\"", "reject control_char need"},     {1, "\"\\ud800\"", "reject bad_utf8 need"},
        {1, "\"\xff\"", "reject bad_utf8 need"},         {1, "n", "reject bad_json need"},
        {1, "\"a\"b\"", "reject bad_json -"},            {1, "{}", "reject wrong_type need"},
        {2, "4294967296", "reject out_of_range u32"},     {2, "4294967295", "{\"at\":5,\"i64\":8,\"u32\":4294967295,"},
        {2, "-1", "reject out_of_range u32"},             {2, "007", "reject bad_json -"},
        {2, "null", "{\"at\":5,\"i64\":8,\"u32\":null,"}, {2, "7e0", "reject not_integer u32"},
        {3, "9223372036854775808", "reject out_of_range i64"},
        {3, "9223372036854775807", "{\"at\":5,\"i64\":9223372036854775807,"},
        {3, "1.5", "reject not_integer i64"},             {3, "true", "reject wrong_type i64"},
        {4, "1e999", "reject not_finite x"},              {4, "NaN", "reject not_finite x"},
        {4, "[1]", "reject wrong_type x"},                {4, "1.5,\"at\":5", "reject duplicate_key -"},
        {4, "1.5,\"extra\":01", "reject bad_json -"},     {4, "1.5,\"extra\":1", "{\"at\":5,"},
        {4, "1.5} ", "reject trailing_garbage -"},
    };
    for (size_t extra = 0; extra < 2; extra++)
        for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
            struct buf text = {0};
            /* 40 good lines are enough to learn from for the modes that do so early. */
            for (int n = 0; n < 82; n++) {
                const char *v[5];
                for (int k = 0; k < 5; k++) v[k] = n == 80 && k == list[i].which ? list[i].value : good[k];
                buf_printf(&text, "{\"at\":%s,\"need\":%s,\"u32\":%s,\"i64\":%s,\"x\":%s%s}\n", v[0], v[1], v[2], v[3], v[4],
                           extra && n < 80 && n % 2 ? ",\"extra\":[]" : "");
            }
            char *all = decode_all(probe, text.ptr, text.len, NULL), *at = strstr(all, "\n80 ");
            assert_non_null(at);
            if (!str_starts(at + 4, list[i].want)) {
                print_error("%s: %.*s\n", list[i].value, (int)strcspn(at + 1, "\n"), at + 1);
                fail();
            }
            assert_non_null(strstr(all, "\n81 {\"at\":5,\"i64\":8,\"u32\":7,"));
            mem_free(all);
            buf_reset(&text);
        }
}

/* Found by fuzzing: a line that begins in the middle of what is looked for. */
static void nothing_is_read_before_a_line(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 200; i++)
        buf_printf(&text, "{\"song\": \"S\", \"artist\": \"A\", \"duration\": 1,   \"ts\": %d, \"sessionId\": 3, \"level\": \"free\", "
                          "\"itemInSession\": 3}\n", i);
    for (int i = 0; i < 8; i++) buf_printf(&text, "%.*s\"ts\": 17, \"sessionId\": 3}\n", i, "{,   x");
    struct decode_counts counts;
    char *all = decode_all(listen, text.ptr, text.len, &counts);
    assert_int_equal(counts.rows, 200);
    assert_int_equal(counts.rejects, 8);
    mem_free(all);
    buf_reset(&text);
}

static void interana_rows_have_routes(void **state)
{
    (void)state;
#define RECORD(page, status, song, user)                                                                               \
    "{\"artist\":" song ",\"auth\":\"Logged In\",\"firstName\":\"Kael\",\"gender\":\"F\",\"itemInSession\":0,"         \
    "\"lastName\":\"Moss\",\"length\":269.58,\"level\":\"paid\",\"location\":\"San Jose-Sunnyvale, CA\",\"method\":\"PUT\","  \
    "\"page\":\"" page "\",\"registration\":1540991795796.0,\"sessionId\":139,\"song\":" song ",\"status\":" status ","    \
    "\"ts\":1541106106796,\"userAgent\":\"\\\"Mozilla\\/5.0\\\"\",\"userId\":\"" user "\"}\n"
    static const char text[] = RECORD("NextSong", "200", "\"X\"", "8") RECORD("Home", "200", "null", "") RECORD("Login", "307", "null", "")
        RECORD("Submit Upgrade", "307", "null", "8") RECORD("NextSong", "200", "null", "8") RECORD("Login", "200", "null", "");
    struct decode_counts counts;
    char *all = decode_all(interana, text, sizeof text - 1, &counts);
    assert_int_equal(counts.rows, 5);
    assert_non_null(strstr(all, "4 reject null_required song")); /* a listen needs its song */
    assert_non_null(strstr(all, "\"city\":\"San Jose-Sunnyvale\",\"state\":\"CA\",\"userAgent\":\"Mozilla/5.0\""));
    assert_non_null(strstr(all, "\"registration\":1540991795796}"));
    assert_non_null(strstr(all, "\"userId\":8,"));
    assert_non_null(strstr(all, "1 {\"ts\":1541106106796,\"userId\":null,"));
    char *line = strstr(all, "\n1 {");
    assert_null(memmem(line, strcspn(line + 1, "\n"), "route=", 6));
    assert_non_null(strstr(all, "\"success\":true,"));
    assert_non_null(strstr(strstr(all, "0 {"), "route=1/"));
    assert_non_null(strstr(strstr(all, "\n2 {"), "route=3/"));
    assert_non_null(strstr(strstr(all, "\n3 {"), "route=2/"));
    assert_non_null(strstr(strstr(all, "\n5 {"), "\"success\":false"));
    mem_free(all);
}

static void records_are_as_lines(void **state)
{
    (void)state;
    static const char text[] = "{\"at\":1,\"need\":\"a\"}\n\n{\"at\":2,\"need\":\"b\"}\r\n{\"at\":3}\n{\"at\":4,\"need\":\"c\"}";
    struct buf lines = {0}, records = {0};
    for (size_t m = 0; m < TESTING_MODES; m++) {
        struct decoder *a = decode_new(probe, &testing_modes[m].o), *b = decode_new(probe, &testing_modes[m].o);
        buf_clear(&lines);
        buf_clear(&records);
        testing_decode(&lines, a, text, sizeof text - 1, SIZE_MAX);
        testing_decode_records(&records, b, text, sizeof text - 1);
        assert_int_equal(decode_counts(b)->rows, 3);
        assert_int_equal(decode_counts(b)->blank, 1);
        assert_int_equal(decode_counts(b)->rejects, 1);
        assert_non_null(strstr(records.ptr, "3 reject missing_required need @42 \"{\\\"at\\\":3}\\n\"")); /* as it came */
        assert_memory_equal(lines.ptr, records.ptr, 30);
        decode_free(&a);
        decode_free(&b);
    }
    buf_reset(&lines);
    buf_reset(&records);
    /* A record may hold newlines; a null one is blank. */
    struct decoder *d = decode_new(probe, NULL);
    struct decode_source list[] = {{.text = "{\n \"at\": 7,\n \"need\": \"x\"\n}\n", .len = 27}, {0}, {.text = "\n", .len = 1}};
    decode_feed_records(d, list, 3);
    const struct decode_batch *b = decode_next(d);
    assert_non_null(b);
    assert_int_equal(b->rows, 1);
    assert_int_equal(b->ts_ms[0], 7);
    assert_null(decode_next(d));
    assert_int_equal(decode_counts(d)->blank, 2);
    decode_free(&d);
}

/* Dictionaries that only grow are given up in time; no value is lost or changed by it. */
static void memory_is_bounded(void **state)
{
    (void)state;
    struct buf text = {0};
    uint32_t forgets = 0;
    size_t peak = 0, rows = 0;

    for (unsigned i = 0; i < 60000; i++)
        buf_printf(&text, "{\"at\":%u,\"need\":\"%032x\",\"name\":\"%08x%08x\",\"i64\":%u}\n", i, i * 2654435761u, i * 40503u, i, i);
    struct decode_options o = {.memory_bytes = 1 << 20};
    struct decoder *d = decode_new(probe, &o);
    buf_reserve(&text, DECODE_PAD);
    decode_feed(d, text.ptr, text.len, 0);
    for (const struct decode_batch *b; (b = decode_next(d)); rows += b->rows) {
        struct decode_dict t;
        decode_dict(d, 10, &t);
        for (uint32_t r = 0; r < b->rows; r++) {
            char want[40];
            uint32_t code = b->columns[10].codes[r];
            snprintf(want, sizeof want, "%032x", (unsigned)b->ts_ms[r] * 2654435761u);
            assert_int_equal(b->ts_ms[r], rows + r);
            assert_true(code < t.count && t.length[code] == 32);
            assert_memory_equal(t.bytes + t.offset[code], want, 32);
        }
        if (decode_memory(d) > peak) peak = decode_memory(d);
        if (b->full) {
            forgets++;
            decode_forget(d);
        }
    }
    assert_int_equal(rows, 60000);
    assert_true(forgets > 3);
    assert_true(peak < 3u << 20);
    decode_free(&d);
    buf_reset(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_tokens_do_not_mix),
        cmocka_unit_test(unknown_keys_are_drift),
        cmocka_unit_test(lines_are_cut_right),
        cmocka_unit_test(long_lines_are_whole_or_rejected),
        cmocka_unit_test(late_and_future_rows_stay),
        cmocka_unit_test(keys_and_payloads_tell_rows_apart),
        cmocka_unit_test(whole_rows_can_be_the_key),
        cmocka_unit_test(predicted_lines_are_checked),
        cmocka_unit_test(nothing_is_read_before_a_line),
        cmocka_unit_test(interana_rows_have_routes),
        cmocka_unit_test(records_are_as_lines),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, testing_load, testing_unload);
}
