#include "base/test.h"
#include "base/str.h"
#include "lake/checkpoint.h"
#include "lake/entry.h"
#include "lake/map.h"
#include "lake/path.h"
#include "lake/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void paths(void **state)
{
    (void)state;
    struct buf b = {0};
    struct error e;
    lake_path_part(&b, &(struct lake_part){LAKE_BRONZE, "listen_events", NULL, 20393, 7, 2, "json.gz"}, 42);
    assert_string_equal(b.ptr, "bronze/listen_events/date=2025-11-01/hour=07/part-00000042-2.json.gz");
    buf_clear(&b);
    lake_path_part(&b, &(struct lake_part){LAKE_SILVER, "dim_user", NULL, LAKE_NO_DATE, -1, LAKE_K_SINGLE, "parquet"}, 42);
    assert_string_equal(b.ptr, "silver/dim_user/part-0.parquet");
    buf_clear(&b);
    lake_path_part(&b, &(struct lake_part){LAKE_QUARANTINE, "t", NULL, 0, -1, LAKE_K_NONE, "json.gz"}, 123456789);
    assert_string_equal(b.ptr, "quarantine/t/date=1970-01-01/part-123456789.json.gz");
    buf_clear(&b);
    lake_path_glob(&b, LAKE_SILVER, "fact_x", true);
    assert_string_equal(b.ptr, "silver/fact_x/*/part-*.parquet");
    buf_clear(&b);
    lake_path_glob(&b, LAKE_BRONZE, "t", true);
    assert_string_equal(b.ptr, "bronze/t/*/*/part-*.json.gz");
    buf_clear(&b);
    lake_path_entry(&b, 42);
    assert_string_equal(b.ptr, "log/00000000000000000042.json");
    buf_reset(&b);
    const char *bad[] = {"", ".x", "-x", "a/b", "a b", "é", "a\n", NULL};
    for (size_t i = 0; bad[i]; i++) assert_int_equal(lake_name_check(bad[i], "the topic", &e), ERR_USAGE);
    assert_ok(lake_name_check("listen_events-2.v1", "the topic", &e), &e);
}

/* An entry with everything in it. */
static void full_entry(struct lake_entry *x)
{
    static struct lake_run runs[] = {{100, 50}, {152, 98}};
    static struct lake_source sources[] = {
        {.source = "kafka:abc", .topic = "listen_events", .partition = 3, .id = "t-1", .name = "", .first = 100, .next = 250, .records = 148, .rows = 147, .blank = 1, .runs = runs, .run_count = 2},
        {.source = "file", .topic = "listen_events", .partition = -1, .id = "c0ffee", .name = "d\"ir\\é/x.json", .first = 0, .next = INT64_MAX, .hash = {7, 9}},
    };
    static struct lake_span spans[] = {{0, 100, 50}, {1, 0, 3}};
    static struct lake_added added[] = {
        {.file = {.path = "silver/x/date=2025-11-01/part-00000042-0.parquet", .layer = LAKE_SILVER, .table = "x", .topic = "listen_events", .date = 20393, .min_date = 20393,
                  .max_date = 20394, .bytes = 123, .rows = 9, .hash = {1, 2}, .commit = 42, .min_batch = 40, .max_batch = 41}, .staged = "s0/part-00000042-0.parquet", .swap = 0},
        {.file = {.path = "bronze/listen_events/part-1.json.gz", .layer = LAKE_BRONZE, .table = "listen_events", .topic = "listen_events", .date = 99999999, .min_date = LAKE_NO_DATE,
                  .max_date = LAKE_NO_DATE, .bytes = 1, .rows = 53, .hash = {3, 4}, .commit = 42, .min_batch = 42, .max_batch = 42}, .staged = "1.json.gz", .swap = -1, .replaces = true,
         .spans = spans, .span_count = 2},
    };
    static const char *removed[] = {"silver/x/date=2025-11-01/part-00000040-0.parquet"};
    static struct lake_swap swaps[] = {{"silver/x/date=2025-11-01", "s0"}};
    static struct lake_range consumed[] = {{3, 7}, {9, 9}};
    static struct lake_reason reasons[] = {{"bad_json", 2}, {"conflict", 1}};
    static struct lake_count counts[] = {{.topic = "listen_events", .table = "x", .read = 20, .rows = 15, .derived = 1, .blank = 1, .duplicates = 1, .conflicts = 1, .drift = 2,
                                          .future = 3, .late = 4, .min_ts = -5, .max_ts = 1761955200000, .reasons = reasons, .reason_count = 2}};
    memset(x, 0, sizeof *x);
    *x = (struct lake_entry){.number = 42, .epoch = 7, .lake = {11, 12}, .previous = {13, 14}, .writer = "7-1f2e3d4c", .staging = "staging/7-1f2e3d4c/3", .time_ms = 1761955200123,
                             .kind = LAKE_LIVE, .sources = sources, .source_count = 2, .added = added, .added_count = 2, .removed = removed, .removed_count = 1, .swaps = swaps,
                             .swap_count = 1, .consumed = consumed, .consumed_count = 2, .reset = true, .counts = counts, .count_count = 1, .build = "{\"a\":[1,\"\\u00E9\"]}",
                             .note = "line one\nline \"two\""};
}

static void an_entry_comes_back_as_it_was(void **state)
{
    (void)state;
    struct lake_entry x, y;
    struct buf text = {0}, again = {0};
    struct error e;
    full_entry(&x);
    assert_ok(lake_entry_write(&x, &text, &e), &e);
    assert_ok(lake_entry_parse(text.ptr, text.len, 42, &y, &e), &e);
    assert_true(hash_eq(x.hash, y.hash));
    assert_string_equal(y.sources[1].name, "d\"ir\\é/x.json");
    assert_int_equal(y.sources[1].next, INT64_MAX);
    assert_int_equal(y.sources[0].runs[1].first, 152);
    assert_int_equal(y.added[0].swap, 0);
    assert_int_equal(y.added[0].file.max_date, 20394);
    assert_int_equal(y.added[1].file.date, 99999999); /* year 275760: no text that could be read back */
    assert_int_equal(y.added[1].file.min_date, LAKE_NO_DATE);
    assert_true(y.added[1].replaces && y.reset);
    assert_int_equal(y.added[1].spans[1].source, 1);
    assert_int_equal(y.counts[0].min_ts, -5);
    assert_string_equal(y.counts[0].reasons[1].name, "conflict");
    assert_string_equal(y.note, "line one\nline \"two\"");
    /* Written again it is the same text, so nothing was lost on the way. */
    assert_ok(lake_entry_write(&y, &again, &e), &e);
    assert_string_equal(text.ptr, again.ptr);
    assert_int_equal(lake_entry_parse(text.ptr, text.len, 43, &x, &e), ERR_CORRUPT);
    lake_entry_reset(&x);
    lake_entry_reset(&y);
    buf_reset(&text);
    buf_reset(&again);
}

static void every_changed_byte_and_every_cut_is_seen(void **state)
{
    (void)state;
    struct lake_entry x, y;
    struct buf text = {0};
    struct error e;
    full_entry(&x);
    assert_ok(lake_entry_write(&x, &text, &e), &e);
    for (size_t i = 0; i < text.len; i++) {
        text.ptr[i] ^= 0x15;
        enum err rc = lake_entry_parse(text.ptr, text.len, 42, &y, &e);
        assert_true(rc == ERR_CORRUPT || (rc == ERR_UNSUPPORTED && i < 12)); /* the format's number */
        lake_entry_reset(&y);
        text.ptr[i] ^= 0x15;
        assert_int_equal(lake_entry_parse(text.ptr, i, 42, &y, &e), ERR_CORRUPT);
        lake_entry_reset(&y);
    }
    buf_reset(&text);
}

/* A right checksum does not make sense of nonsense. */
static void seal(struct buf *b, const char *body)
{
    char hex[HASH_HEX_SIZE];
    buf_clear(b);
    buf_str(b, body);
    struct hash128 sum = hash_128(b->ptr, b->len);
    buf_printf(b, "\"checksum\":\"%s\"}\n", hash_hex(sum, hex));
}

static void nonsense_under_a_right_checksum(void **state)
{
    (void)state;
#define HEAD "{\"format\":1,\"lake\":\"00000000000000000000000000000001\",\"number\":1,\"previous\":\"00000000000000000000000000000001\",\"writer\":\"w\","
    static const struct {
        const char *body;
        enum err rc;
    } cases[] = {
        {HEAD "\"kind\":\"note\",", ERR_OK},
        {HEAD "\"kind\":\"dance\",", ERR_UNSUPPORTED},
        {HEAD "\"kind\":\"note\",\"add\":7,", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"add\":[{}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"add\":[{\"path\":\"a\\nb\",\"layer\":\"gold\",\"table\":\"t\",\"hash\":\"00000000000000000000000000000001\",\"staged\":\"s\"}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"add\":[{\"path\":\"a\",\"layer\":\"gold\",\"table\":\"t\",\"hash\":\"00000000000000000000000000000001\",\"staged\":\"s\",\"swap\":0}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"add\":[{\"path\":\"a\",\"layer\":\"gold\",\"table\":\"t\",\"hash\":\"00000000000000000000000000000001\",\"staged\":\"s\",\"spans\":[[0,1,2]]}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"add\":[{\"path\":\"a\",\"layer\":\"gold\",\"table\":\"t\",\"hash\":\"00000000000000000000000000000001\",\"staged\":\"s\",\"rows\":-1}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"remove\":[3],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"consumed\":[[2,1]],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"consumed\":[[0,9]],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"counts\":[{\"topic\":\"t\",\"table\":\"\",\"read\":1.5}],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"build\":[1],", ERR_CORRUPT},
        {HEAD "\"kind\":\"note\",\"future_key\":[1],", ERR_OK},
        {"{\"number\":1,", ERR_CORRUPT},
        {"[1,2,", ERR_CORRUPT},
    };
    struct buf b = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lake_entry y;
        struct error e;
        seal(&b, cases[i].body);
        enum err rc = lake_entry_parse(b.ptr, b.len, 1, &y, &e);
        if (rc != cases[i].rc) fail_msg("%s gave %s", cases[i].body, err_name(rc));
        lake_entry_reset(&y);
    }
    buf_reset(&b);
}

/* ---- the map ---- */

struct thing {
    struct map_item item;
    char key[16];
    bool in;
};

static void the_map_agrees_with_a_plain_list(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct thing things[N];
    struct map m = {0};
    unsigned seed = 5;
    size_t in = 0;
    for (int i = 0; i < N; i++) {
        snprintf(things[i].key, sizeof things[i].key, "key %d", i);
        things[i].item.key = things[i].key;
    }
    assert_null(map_get(&m, "x"));
    assert_null(map_take(&m, "x"));
    for (int round = 0; round < 20000; round++) {
        struct thing *t = &things[rand_r(&seed) / 7 % N];
        assert_ptr_equal(map_get(&m, t->key), t->in ? (void *)t : NULL);
        if (t->in) assert_ptr_equal(map_take(&m, t->key), t);
        else lake_map_put(&m, &t->item);
        in += t->in ? (size_t)-1 : 1;
        t->in = !t->in;
        assert_int_equal(m.count, in);
    }
    for (int i = 0; i < N; i++) assert_ptr_equal(map_get(&m, things[i].key), things[i].in ? (void *)&things[i] : NULL);
    size_t seen = 0;
    MAP_EACH (&m, item) seen += ((struct thing *)item)->in;
    assert_int_equal(seen, in);
    map_reset(&m);
}

/* ---- the checkpoint ---- */

static void apply(struct lake_state *s, struct lake_entry *x)
{
    struct error e;
    assert_ok(state_apply(s, x, &e), &e);
}

static void full_state(struct lake_state *s)
{
    struct lake_entry x, zero = {.kind = LAKE_INIT, .lake = {11, 12}, .hash = {21, 22}};
    memset(s, 0, sizeof *s);
    apply(s, &zero);
    full_entry(&x);
    x.number = 1;
    x.previous = zero.hash;
    x.hash = (struct hash128){31, 32};
    x.removed_count = 0;
    x.added[1].replaces = false;
    x.added[0].file.commit = x.added[1].file.commit = 1;
    x.sources[1].id = "tabs\tand \\ are kept";
    x.sources[1].name = "\\n";
    apply(s, &x);
}

static void a_checkpoint_comes_back_as_it_was(void **state)
{
    (void)state;
    struct lake_state s, back;
    struct buf text = {0}, again = {0};
    struct error e;
    full_state(&s);
    checkpoint_write(&s, &text);
    char *copy = mem_strndup(text.ptr, text.len);
    assert_ok(checkpoint_parse(copy, text.len, &back, &e), &e);
    checkpoint_write(&back, &again);
    assert_int_equal(back.number, 1);
    assert_int_equal(back.files.count, 2);
    assert_string_equal(back.build, s.build);
    assert_true(bits_get(&back.bronze, 1) && !bits_get(&back.bronze, 0));
    char *key = state_source_key("file", "listen_events", -1, "tabs\tand \\ are kept");
    const struct source_state *x = (const struct source_state *)map_get(&back.sources, key);
    assert_non_null(x);
    assert_string_equal(x->sum.name, "\\n");
    assert_int_equal(x->sum.next, INT64_MAX);
    mem_free(key);
    assert_int_equal(text.len, again.len); /* the same lines, perhaps in another order */
    mem_free(copy);
    state_reset(&s);
    state_reset(&back);
    buf_reset(&text);
    buf_reset(&again);
}

static void a_damaged_checkpoint_is_never_believed(void **state)
{
    (void)state;
    struct lake_state s, back;
    struct buf text = {0};
    struct error e;
    full_state(&s);
    checkpoint_write(&s, &text);
    char *copy = mem_alloc(text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        for (int cut = 0; cut < 2; cut++) {
            memcpy(copy, text.ptr, text.len);
            if (!cut) copy[i] ^= 0x15;
            copy[cut ? i : text.len] = '\0';
            assert_int_equal(checkpoint_parse(copy, cut ? i : text.len, &back, &e), ERR_CORRUPT);
            assert_int_equal(back.files.count, 0);
        }
    /* Lines that make no sense, under a right checksum: survived, not believed. */
    unsigned seed = 3;
    for (int round = 0; round < 3000; round++) {
        char hex[HASH_HEX_SIZE];
        memcpy(copy, text.ptr, text.len);
        size_t body = text.len - 35;
        for (int k = 0; k < 3; k++) copy[20 + (size_t)rand_r(&seed) % (body - 20)] = "\t\n\\9-aF"[rand_r(&seed) % 7];
        memcpy(copy + text.len - 33, hash_hex(hash_128(copy, body), hex), HASH_HEX_LEN);
        if (checkpoint_parse(copy, text.len, &back, &e) == ERR_OK) state_reset(&back);
    }
    mem_free(copy);
    state_reset(&s);
    buf_reset(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(an_entry_comes_back_as_it_was),
        cmocka_unit_test(every_changed_byte_and_every_cut_is_seen),
        cmocka_unit_test(nonsense_under_a_right_checksum),
        cmocka_unit_test(the_map_agrees_with_a_plain_list),
        cmocka_unit_test(a_checkpoint_comes_back_as_it_was),
        cmocka_unit_test(a_damaged_checkpoint_is_never_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
