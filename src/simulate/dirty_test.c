/* Every flaw that is counted is there, and nothing else is wrong. */
#include "simulate/run_test.h"

#include "base/str.h"

#include <jansson.h>

static void set_up(struct simulate_options *o, double dirty)
{
    simulate_options_init(o);
    o->config_path = GOLDEN "sample-config.json";
    o->has_seed = o->has_users = true;
    o->seed = 11, o->users = 150;
    o->threads = 1;
    o->dirty = dirty;
    set_span(o, "2025-11-01", "2025-11-12");
}

/* A set of lines, each with how often it came and the time it stands for. */
struct line {
    struct view text;
    uint32_t clean, seen; /* in the clean run; here */
    int64_t ts_ms;
};
struct lines {
    struct line *slot;
    size_t size;
};

static struct line *find_line(struct lines *l, struct view v)
{
    size_t i = (size_t)hash_64(v.ptr, v.len, 0) % l->size;
    while (l->slot[i].text.ptr && !view_eq(l->slot[i].text, v)) i = (i + 1) % l->size;
    l->slot[i].text = v;
    return &l->slot[i];
}

static struct view next_line(const char **p, const char *end)
{
    const char *from = *p, *nl = memchr(from, '\n', (size_t)(end - from));
    assert_non_null(nl);
    *p = nl + 1;
    return view_from(from, (size_t)(nl - from));
}

static int64_t number_in(struct view v, const char *name)
{
    const char *at = memmem(v.ptr, v.len, name, strlen(name));
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

/* Which flaw an odd line has, as a reader would find it. */
static enum simulate_flaw judge(struct view v)
{
    static const char *const FIELDS[] = {"ts", "sessionId", "itemInSession"};
    if (!utf8_valid(v.ptr, v.len)) return v.ptr[v.len - 1] == '}' ? SIMULATE_INVALID_UTF8 : SIMULATE_TRUNCATED;
    json_t *o = json_loadb(v.ptr, v.len, JSON_REJECT_DUPLICATES, NULL);
    enum simulate_flaw flaw = SIMULATE_TRUNCATED;
    if (o) {
        flaw = SIMULATE_FLAWS;
        for (int i = 0; i < 3; i++) {
            const json_t *f = json_object_get(o, FIELDS[i]);
            if (!f) flaw = SIMULATE_MISSING_FIELD;
            else if (json_is_null(f)) flaw = SIMULATE_NULL_FIELD;
            else if (!json_is_integer(f)) flaw = SIMULATE_WRONG_TYPE;
        }
        const char *level = json_string_value(json_object_get(o, "level"));
        if (flaw == SIMULATE_FLAWS && level && !strcmp(level, "trial")) flaw = SIMULATE_CONFLICT;
    }
    json_decref(o);
    return flaw;
}

static void take_census(const struct buf *clean, const struct buf *dirty, uint64_t found[SIMULATE_FLAWS])
{
    struct lines all = {.size = clean->len / 60 + 1000};
    all.slot = mem_zalloc(all.size * sizeof *all.slot);
    for (const char *p = clean->ptr, *end = p + clean->len; p < end;) {
        struct view v = next_line(&p, end);
        struct line *l = find_line(&all, v);
        l->clean++;
        l->ts_ms = number_in(v, "\"ts\":");
    }
    int64_t latest = 0;
    for (const char *p = dirty->ptr, *end = p + dirty->len; p < end;) {
        struct view v = next_line(&p, end);
        struct line *l = find_line(&all, v);
        if (!l->clean) {
            enum simulate_flaw flaw = judge(v);
            if (flaw == SIMULATE_FLAWS) fail_msg("a line from nowhere: %.*s", (int)v.len, v.ptr);
            found[flaw]++;
            continue;
        }
        if (l->seen++ >= l->clean)
            found[SIMULATE_DUPLICATE]++;
        else if (l->ts_ms < latest)
            found[SIMULATE_LATE]++;
        else
            latest = l->ts_ms;
    }
    mem_free(all.slot);
}

static void every_flaw_is_found_count_by_count(void **state)
{
    (void)state;
    for (int dialect = 0; dialect < 2; dialect++) {
        struct simulate_options o;
        struct kept clean, dirty;
        kept_init(&clean, true), kept_init(&dirty, true);
        set_up(&o, 0);
        o.dialect = (enum simulate_dialect)dialect;
        run_kept(&o, &clean);
        o.dirty = 0.08;
        run_kept(&o, &dirty);
        uint64_t flaws = 0, lines = 0;
        for (int t = 0; t < SIMULATE_TOPICS; t++) {
            const uint64_t *want = dirty.stats.dirty[t];
            uint64_t found[SIMULATE_FLAWS] = {0};
            if (!clean.bytes[t].len) continue;
            take_census(&clean.bytes[t], &dirty.bytes[t], found);
            for (int f = 0; f < SIMULATE_FLAWS; f++) {
                flaws += want[f];
                /* A late line at the very end can follow only lines that are late too: it is not seen to be late. */
                uint64_t slack = f == SIMULATE_LATE ? 2 : 0;
                if (found[f] > want[f] || found[f] + slack < want[f])
                    fail_msg("%s, %s: %llu found of %llu", simulate_topic_name((enum simulate_topic)t),
                             simulate_flaw_name((enum simulate_flaw)f), (unsigned long long)found[f], (unsigned long long)want[f]);
            }
            lines += clean.stats.lines[t];
            assert_int_equal(dirty.stats.lines[t], clean.stats.lines[t] + want[SIMULATE_DUPLICATE] + want[SIMULATE_CONFLICT]);
            assert_int_equal(dirty.stats.bytes[t], dirty.bytes[t].len);
        }
        assert_true((double)flaws > 0.075 * (double)lines && (double)flaws < 0.085 * (double)lines);
        for (int f = 0; f < SIMULATE_FLAWS; f++)
            assert_true(dirty.stats.dirty[dialect ? SIMULATE_STREAM : SIMULATE_PAGE_VIEW][f] > 100);
        kept_reset(&clean), kept_reset(&dirty);
    }
}

static void flaws_do_not_depend_on_threads(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept a, b, c;
    kept_init(&a, false), kept_init(&b, false), kept_init(&c, false);
    set_up(&o, 0.3);
    o.mode = SIMULATE_STREAMS;
    run_kept(&o, &a);
    o.threads = 4;
    run_kept(&o, &b);
    o.seed++;
    run_kept(&o, &c);
    assert_true(kept_same(&a, &b));
    assert_memory_equal(a.stats.dirty, b.stats.dirty, sizeof a.stats.dirty);
    assert_false(kept_same(&a, &c));
    kept_reset(&a), kept_reset(&b), kept_reset(&c);
}

static void every_line_may_be_flawed(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept k;
    kept_init(&k, false);
    set_up(&o, 1);
    run_kept(&o, &k);
    uint64_t flaws = 0;
    for (int f = 0; f < SIMULATE_FLAWS; f++) flaws += k.stats.dirty[SIMULATE_LISTEN][f];
    assert_int_equal(flaws, k.stats.lines[SIMULATE_LISTEN] - k.stats.dirty[SIMULATE_LISTEN][SIMULATE_DUPLICATE] -
                                k.stats.dirty[SIMULATE_LISTEN][SIMULATE_CONFLICT]);
    kept_reset(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flaw_is_found_count_by_count),
        cmocka_unit_test(flaws_do_not_depend_on_threads),
        cmocka_unit_test(every_line_may_be_flawed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
