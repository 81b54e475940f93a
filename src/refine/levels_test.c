/* Levels in the order of the source. */
#include "base/mem.h"
#include "base/test.h"
#include "refine/levels.h"

#include <stdio.h>
#include <string.h>

struct bench {
    struct schema_set *contracts;
    const struct contract *contract;
    struct lexicon *lexicon;
    struct gather_domains domains;
    struct gather_plan plan;
    struct decoder *decoder;
    uint32_t *domain, **map;
    struct levels levels;
    struct buf lines;
};

static void set_up(struct bench *b)
{
    struct error e = {0};
    memset(b, 0, sizeof *b);
    assert_ok(schema_set_load(NULL, &b->contracts, &e), &e);
    assert_ok(schema_set_need(b->contracts, "listen_events", &b->contract, &e), &e);
    b->lexicon = lexicon_new();
    gather_domains_init(&b->domains, b->lexicon);
    gather_plan_init(&b->plan, b->contract);
    b->decoder = decode_new(b->contract, &(struct decode_options){0});
    size_t columns = b->contract->column_count;
    b->domain = mem_zalloc(columns * sizeof *b->domain);
    b->map = mem_zalloc(columns * sizeof *b->map);
    for (uint16_t c = 0; c < columns; c++)
        if (!b->contract->columns[c].dense) b->domain[c] = lexicon_domain(b->lexicon, b->contract->columns[c].name, b->contract->columns[c].type);
    levels_init(&b->levels, b->lexicon, &b->domains, 1);
}

static void tear_down(struct bench *b)
{
    for (uint16_t c = 0; c < b->contract->column_count; c++) mem_free(b->map[c]);
    mem_free(b->map);
    mem_free(b->domain);
    levels_reset(&b->levels);
    decode_free(&b->decoder);
    lexicon_free(&b->lexicon);
    schema_set_free(&b->contracts);
    buf_reset(&b->lines);
}

static void line(struct bench *b, int64_t ts, int item, int user, const char *level)
{
    buf_printf(&b->lines, "{\"artist\":\"a\",\"song\":\"s\",\"duration\":1.5,\"ts\":%lld,\"sessionId\":1,\"auth\":\"Logged In\","
               "\"level\":\"%s\",\"itemInSession\":%d,\"userId\":%d}\n", (long long)ts, level, item, user);
}

/* Takes the lines in. */
static void take(struct bench *b)
{
    size_t len = b->lines.len;
    memset(buf_reserve(&b->lines, DECODE_PAD), 0, DECODE_PAD);
    decode_feed(b->decoder, b->lines.ptr, len, 1);
    for (const struct decode_batch *batch; (batch = decode_next(b->decoder));) {
        for (uint16_t c = 0; c < b->contract->column_count; c++) {
            struct decode_dict dict;
            if (b->contract->columns[c].dense) continue;
            decode_dict(b->decoder, c, &dict);
            b->map[c] = mem_realloc(b->map[c], dict.count * sizeof **b->map);
            lexicon_map(b->lexicon, b->domain[c], &dict, 0, b->map[c]);
        }
        assert_int_equal(batch->reject_count, 0);
        struct layout_rows rows = {.batch = batch, .maps = (const uint32_t *const *)b->map, .lexicon = b->lexicon, .domains = b->domain};
        levels_rows(&b->levels, 0, &b->plan, &rows, NULL, batch->rows);
    }
    buf_clear(&b->lines);
}

/* "paid 10-20, free 30-30": of the only user with that id. */
static char *runs_of(struct bench *b, int64_t user)
{
    struct lexicon_view users, levels;
    struct buf out = {0};
    lexicon_view(b->lexicon, b->domains.domain[GATHER_USER], &users);
    lexicon_view(b->lexicon, b->domains.domain[GATHER_LEVEL], &levels);
    for (size_t i = 0; i < b->levels.gather.user_count; i++) {
        const struct gather_user *u = &b->levels.gather.user[i];
        if (users.integers[u->user] != user) continue;
        for (uint32_t r = 0; r < u->runs.count; r++) {
            struct view level = levels.texts[u->runs.run[r].level];
            buf_printf(&out, "%s%.*s %lld-%lld", r ? ", " : "", (int)level.len, level.ptr, (long long)u->runs.run[r].from_ts,
                       (long long)u->runs.run[r].to_ts);
        }
        if (u->runs.loose) buf_str(&out, " loose");
    }
    buf_str(&out, "");
    return buf_take(&out);
}

static void expect_runs(struct bench *b, int64_t user, const char *text)
{
    char *got = runs_of(b, user);
    assert_string_equal(got, text);
    mem_free(got);
}

static void every_change_counts_once(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b);
    line(&b, 10, 0, 7, "free");
    line(&b, 11, 0, 8, "paid");
    line(&b, 20, 1, 7, "free");
    line(&b, 30, 2, 7, "paid");
    line(&b, 40, 4, 7, "paid");
    take(&b);
    line(&b, 50, 5, 7, "free"); /* another batch */
    line(&b, 60, 6, 7, "paid");
    take(&b);
    levels_flush(&b.levels);
    expect_runs(&b, 7, "free 10-20, paid 30-40, free 50-50, paid 60-60");
    expect_runs(&b, 8, "paid 11-11");
    levels_flush(&b.levels); /* nothing twice */
    expect_runs(&b, 8, "paid 11-11");
    tear_down(&b);
}

static void what_comes_late_is_placed_or_loose(void **state)
{
    struct bench b;
    (void)state;
    set_up(&b);
    line(&b, 10, 0, 7, "free");
    line(&b, 50, 1, 7, "free");
    line(&b, 5, 0, 7, "paid"); /* before all: can be placed */
    line(&b, 10, 0, 8, "free");
    line(&b, 50, 1, 8, "free");
    line(&b, 30, 0, 8, "paid"); /* inside: only the facts can tell */
    line(&b, 10, 3, 9, "free");
    line(&b, 10, 2, 9, "free"); /* the same time, an earlier item */
    take(&b);
    levels_flush(&b.levels);
    expect_runs(&b, 7, "paid 5-5, free 10-50");
    expect_runs(&b, 8, "free 10-50 loose");
    expect_runs(&b, 9, "free 10-10");
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_counts_once),
        cmocka_unit_test(what_comes_late_is_placed_or_loose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
