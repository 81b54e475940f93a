/* Real eventsim output (tests/golden/eventsim): no rejects, and the totals its README gives. */
#include "refine/decode_testing_modes.h"

#include <math.h>
#include <stdlib.h>

/* What the README counts, and more that must not depend on the way. */
struct totals {
    uint64_t rows, users, levels[2], pages, logged_in, put, status_307, success, odd;
    double duration;
    int64_t first, last;
    uint64_t keys, payloads, distinct_keys, slow;
};

static int by_key(const void *a, const void *b) { return memcmp(a, b, sizeof(struct hash128)); }

static uint64_t count_text(const struct decoder *d, const struct decode_batch *b, const char *column, const char *text)
{
    uint16_t c = contract_column_find(decode_contract(d), column);
    struct decode_dict t;
    uint64_t n = 0;
    if (c == CONTRACT_NONE) return 0;
    decode_dict(d, c, &t);
    for (uint32_t r = 0; r < b->rows; r++) {
        uint32_t code = b->columns[c].codes[r];
        n += code && view_is(view_from(t.bytes + t.offset[code], t.length[code]), text);
    }
    return n;
}

static uint64_t count_number(const struct decoder *d, const struct decode_batch *b, const char *column, int64_t v)
{
    uint16_t c = contract_column_find(decode_contract(d), column);
    struct decode_dict t;
    uint64_t n = 0;
    if (c == CONTRACT_NONE) return 0;
    decode_dict(d, c, &t);
    for (uint32_t r = 0; r < b->rows; r++) n += b->columns[c].codes[r] && t.integer[b->columns[c].codes[r]] == v;
    return n;
}

static void add_batch(struct totals *t, const struct decoder *d, const struct decode_batch *b)
{
    uint16_t duration = contract_column_find(decode_contract(d), "duration");
    struct decode_dict dict;

    for (uint32_t r = 0; r < b->rows; r++) {
        if (!t->rows || b->ts_ms[r] < t->first) t->first = b->ts_ms[r];
        if (!t->rows || b->ts_ms[r] > t->last) t->last = b->ts_ms[r];
        t->rows++;
        t->keys += b->key[r].lo * 3 + b->key[r].hi;
        t->payloads += b->payload[r];
    }
    if (duration != CONTRACT_NONE) {
        decode_dict(d, duration, &dict);
        for (uint32_t r = 0; r < b->rows; r++)
            if (b->columns[duration].codes[r]) t->duration += dict.real[b->columns[duration].codes[r]];
    }
    t->levels[0] += count_text(d, b, "level", "free");
    t->levels[1] += count_text(d, b, "level", "paid");
    t->pages += count_text(d, b, "page", "NextSong");
    t->logged_in += count_text(d, b, "auth", "Logged In");
    t->put += count_text(d, b, "method", "PUT");
    t->status_307 += count_number(d, b, "status", 307);
    t->success += count_number(d, b, "success", 1);
}

static void run(const char *topic, const struct decode_options *o, const struct buf *text, struct totals *t)
{
    struct decoder *d = decode_new(schema_set_find(set, topic), o);
    struct hash128 *keys = mem_array(100000, sizeof *keys);
    struct decode_dict dict;

    memset(t, 0, sizeof *t);
    for (size_t at = 0; at < text->len;) { /* blocks of 1 MiB, cut at a newline */
        size_t n = text->len - at < 1 << 20 ? text->len - at : 1 << 20;
        n = (size_t)((const char *)memrchr(text->ptr + at, '\n', n) - (text->ptr + at)) + 1;
        decode_feed(d, text->ptr + at, n, at);
        for (const struct decode_batch *b; (b = decode_next(d));) {
            assert_int_equal(b->reject_count, 0);
            memcpy(keys + t->rows, b->key, b->rows * sizeof *keys);
            add_batch(t, d, b);
        }
        at += n;
    }
    decode_dict(d, contract_column_find(decode_contract(d), "userId"), &dict);
    t->users = dict.count - 1;
    qsort(keys, t->rows, sizeof *keys, by_key);
    for (uint64_t i = 0; i < t->rows; i++) t->distinct_keys += !i || memcmp(&keys[i], &keys[i - 1], sizeof *keys);
    t->slow = decode_counts(d)->slow_rows;
    assert_int_equal(decode_counts(d)->drift_keys, 0);
    assert_int_equal(decode_counts(d)->future_rows, 0);
    mem_free(keys);
    decode_free(&d);
}

static void check(const char *topic, const struct totals *want)
{
    struct buf text = {0};
    struct totals first = {0}, t;

    testing_sample(topic, &text);
    for (size_t m = 0; m < TESTING_MODES; m++) {
        struct decode_options o = testing_modes[m].o;
        o.now_ms = 1764547208000;
        run(topic, &o, &text, &t);
        if (!m) first = t;
        assert_int_equal(t.rows, want->rows);
        assert_int_equal(t.distinct_keys, want->rows); /* no false duplicates */
        assert_int_equal(t.users, want->users);
        assert_int_equal(t.levels[0], want->levels[0]);
        assert_int_equal(t.levels[1], want->levels[1]);
        assert_int_equal(t.pages, want->pages);
        assert_int_equal(t.logged_in, want->logged_in);
        assert_int_equal(t.put, want->put);
        assert_int_equal(t.status_307, want->status_307);
        assert_int_equal(t.success, want->success);
        assert_true(fabs(t.duration - want->duration) < 0.001);
        assert_int_equal(t.first, first.first);
        assert_int_equal(t.last, first.last);
        assert_int_equal(t.keys, first.keys);
        assert_int_equal(t.payloads, first.payloads);
        /* The fast path must be taken: a few lines teach the orders of keys. */
        if (!testing_modes[m].o.no_fast) assert_true(t.slow <= 3 + t.rows / 1000);
    }
    buf_reset(&text);
}

static void listens(void **state)
{
    (void)state;
    check("listen_events", &(struct totals){.rows = 57376, .users = 185, .levels = {10584, 46792}, .logged_in = 57376, .duration = 13746381.74578});
}

static void page_views(void **state)
{
    (void)state;
    check("page_view_events", &(struct totals){.rows = 67771, .users = 185, .levels = {15111, 52660}, .pages = 57376, .logged_in = 65066,
                                               .put = 59090, .status_307 = 1714, .duration = 13746381.74578});
}

static void auths(void **state)
{
    (void)state;
    check("auth_events", &(struct totals){.rows = 861, .users = 149, .levels = {290, 571}, .success = 736});
}

static void status_changes(void **state)
{
    (void)state;
    check("status_change_events", &(struct totals){.rows = 61, .users = 53, .levels = {50, 11}, .logged_in = 61});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens),
        cmocka_unit_test(page_views),
        cmocka_unit_test(auths),
        cmocka_unit_test(status_changes),
    };
    return cmocka_run_group_tests(tests, testing_load, testing_unload);
}
