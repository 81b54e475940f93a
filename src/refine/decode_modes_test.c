/* Damaged lines, thousands of them: the strict parser, the fast path with and without memo, AVX2 and portable, must say the
 * same of every one. (Whether the strict parser is right is asked by tests/decode/oracle.py.)
 * LAKEFM_SEED=n in the environment runs another seed; a failure prints its own. */
#include "refine/decode_testing_modes.h"

#include <stdlib.h>

static uint64_t state_;
static uint32_t draw(uint32_t below)
{
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state_ >> 33) % below);
}

static const char *const bits[] = {"\"",      "\\",    "\\\"",  "\\u0000", "\\ud83d\\ude00", "\\ud83d", "\xC3\xA9", "\xC3",   "\xFF",
                                   "null",    "true",  "1.5",   "-1",      "1e999",          "NaN",     "[",        "]",      "{",
                                   "}",       ",",     ":",     " ",       "\t",             "\r",      "\n",       "\x01",   "\xC2\x85",
                                   "9223372036854775808", "0",  "00",      "\"\"",           ",\"x\":1", "\\/",     ",\"level\":\"free\"",
                                   "{\"a\":[1,{}]}", ",\"extra\":{\"a\":[1,{}]}", "\"userId\":", "4294967296", "-0", "1.0", "\\u0041"};

/* One line more, damaged in 0 to 3 places. */
static void add_damaged(struct buf *out, const char *line, size_t len)
{
    size_t start = out->len;
    buf_add(out, line, len);
    for (uint32_t n = draw(4); n; n--) {
        size_t have = out->len - start, at = start + (have ? draw((uint32_t)have) : 0);
        const char *bit = bits[draw(sizeof bits / sizeof bits[0])];
        struct buf tail = {0};
        switch (draw(6)) {
        case 0: out->ptr[at] = (char)draw(256); break;              /* another byte */
        case 1: out->len = at; break;                               /* cut */
        case 2: /* a bit more */
        case 3: /* instead of a few bytes */
            buf_add(&tail, out->ptr + at, out->len - at);
            out->len = at;
            buf_str(out, bit);
            if (tail.len) {
                size_t skip = draw(2) ? 0 : draw((uint32_t)(tail.len < 12 ? tail.len : 12));
                buf_add(out, tail.ptr + skip, tail.len - skip);
            }
            break;
        case 4: /* a piece of it again */
            if (have) {
                size_t from = start + draw((uint32_t)have), size = draw(40);
                if (from + size > out->len) size = out->len - from;
                buf_add(&tail, out->ptr + from, size);
                buf_add(out, tail.ptr, tail.len);
            }
            break;
        default: buf_str(out, "\r"); break;
        }
        buf_reset(&tail);
    }
    buf_char(out, '\n');
}

/* Members of a line in another order, with other white space. */
static void add_shuffled(struct buf *out, const char *line, size_t len)
{
    const char *member[64], *end[64], *p = line + 1;
    size_t n = 0;
    while (p < line + len - 1 && n < 64) { /* members end at `,"` */
        const char *q = memmem(p, (size_t)(line + len - 1 - p), ",\"", 2);
        member[n] = p;
        end[n++] = q ? q : line + len - 1;
        p = q ? q + 1 : line + len;
    }
    bool spaces = draw(2);
    size_t swaps = draw(4);
    for (size_t i = 0; i < swaps && n > 1; i++) {
        size_t a = draw((uint32_t)n), b = draw((uint32_t)n);
        const char *t = member[a];
        member[a] = member[b], member[b] = t;
        t = end[a], end[a] = end[b], end[b] = t;
    }
    if (n && !draw(3)) n -= draw((uint32_t)n);
    buf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_str(out, spaces ? ", " : ",");
        buf_add(out, member[i], (size_t)(end[i] - member[i]));
    }
    buf_str(out, spaces ? " }\n" : "}\n");
}

static const char interana_lines[] =
    "{\"artist\":null,\"auth\":\"Logged In\",\"firstName\":\"Kael\",\"gender\":\"F\",\"itemInSession\":4,\"lastName\":\"Moss\","
    "\"length\":null,\"level\":\"paid\",\"location\":\"San Jose-Sunnyvale, CA\",\"method\":\"GET\",\"page\":\"Home\","
    "\"registration\":1540991795796.0,\"sessionId\":139,\"song\":null,\"status\":200,\"ts\":1541106132796,\"userAgent\":"
    "\"\\\"Mozilla\\/5.0 (X11)\\\"\",\"userId\":\"8\"}\n"
    "{\"artist\":\"Adam Lambert\",\"auth\":\"Logged In\",\"firstName\":\"Kael\",\"gender\":\"F\",\"itemInSession\":5,\"lastName\":"
    "\"Moss\",\"length\":249.3122,\"level\":\"paid\",\"location\":\"San Jose-Sunnyvale, CA\",\"method\":\"PUT\",\"page\":\"NextSong\","
    "\"registration\":1540991795796.0,\"sessionId\":139,\"song\":\"Aftermath\",\"status\":200,\"ts\":1541106136796,\"userAgent\":"
    "\"\\\"Mozilla\\/5.0 (X11)\\\"\",\"userId\":\"8\"}\n"
    "{\"artist\":null,\"auth\":\"Logged Out\",\"firstName\":null,\"gender\":null,\"itemInSession\":6,\"lastName\":null,"
    "\"length\":null,\"level\":\"free\",\"location\":null,\"method\":\"PUT\",\"page\":\"Login\",\"registration\":null,"
    "\"sessionId\":140,\"song\":null,\"status\":307,\"ts\":1541106140796,\"userAgent\":null,\"userId\":\"\"}\n";

static void first_difference(const char *a, const char *b, size_t mode)
{
    size_t line = 0;
    while (*a && *a == *b) {
        const char *x = strchr(a, '\n'), *y = strchr(b, '\n');
        if (!x || !y || x - a != y - b || memcmp(a, b, (size_t)(x - a))) break;
        a = x + 1, b = y + 1, line++;
    }
    print_error("%s, record %zu\nstrict: %.*s\n   got: %.*s\n", testing_modes[mode].name, line, (int)strcspn(a, "\n"), a,
                (int)strcspn(b, "\n"), b);
}

static void check(const char *topic, uint64_t seed)
{
    struct buf sample = {0}, text = {0};
    const char *lines[4000];
    size_t len[4000], n = 0;

    state_ = seed;
    if (strcmp(topic, "interana")) testing_sample(topic, &sample);
    else buf_str(&sample, interana_lines);
    for (const char *p = sample.ptr, *end = p + sample.len; p < end && n < 4000; n++) {
        const char *q = memchr(p, '\n', (size_t)(end - p));
        lines[n] = p;
        len[n] = (size_t)(q - p);
        p = q + 1;
    }
    for (int i = 0; i < 12000; i++) {
        size_t k = draw((uint32_t)n);
        uint32_t kind = i < 1500 ? 9 : draw(10); /* some good ones first, to learn from */
        if (kind < 2) add_damaged(&text, lines[k], len[k]);
        else if (kind == 2) add_shuffled(&text, lines[k], len[k]);
        else {
            buf_add(&text, lines[k], len[k]);
            buf_char(&text, '\n');
        }
    }
    const struct contract *c = schema_set_find(set, topic);
    struct decode_counts counts;
    char *want = decode_mode(c, 0, text.ptr, text.len, SIZE_MAX, &counts);
    assert_true(counts.rejects > 100 && counts.rows > 8000);
    assert_int_equal(counts.lines, counts.rows + counts.rejects + counts.blank);
    for (size_t m = 1; m < TESTING_MODES; m++) {
        struct decode_counts other;
        char *got = decode_mode(c, m, text.ptr, text.len, m & 1 ? 300000 : SIZE_MAX, &other);
        if (strcmp(want, got)) {
            print_error("%s, LAKEFM_SEED=%llu\n", topic, (unsigned long long)seed);
            first_difference(want, got, m);
            fail();
        }
        assert_int_equal(counts.drift_rows, other.drift_rows);
        assert_int_equal(counts.drift_keys, other.drift_keys);
        mem_free(got);
    }
    mem_free(want);
    buf_reset(&sample);
    buf_reset(&text);
}

static uint64_t seed_or(uint64_t seed)
{
    const char *s = getenv("LAKEFM_SEED");
    return s ? strtoull(s, NULL, 10) : seed;
}

static void listens(void **state) { (void)state, check("listen_events", seed_or(1)); }
static void page_views(void **state) { (void)state, check("page_view_events", seed_or(2)); }
static void auths(void **state) { (void)state, check("auth_events", seed_or(3)); }
static void single_stream(void **state) { (void)state, check("interana", seed_or(4)); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens),
        cmocka_unit_test(page_views),
        cmocka_unit_test(auths),
        cmocka_unit_test(single_stream),
    };
    return cmocka_run_group_tests(tests, testing_load, testing_unload);
}
