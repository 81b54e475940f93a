#include "refine/runs.h"

#include "base/mem.h"
#include "base/test.h"

#include <stdlib.h>

static int by_number(void *ctx, uint32_t a, uint32_t b)
{
    (void)ctx;
    return a < b ? -1 : a > b;
}
static const struct runs_order order = {by_number, NULL};

struct event {
    int64_t ts;
    uint32_t item, level;
};

static int event_compare(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->ts != y->ts) return x->ts < y->ts ? -1 : 1;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    return by_number(NULL, x->level, y->level);
}

/* The maximal runs of the events from … to, by sorting. */
static size_t exact_runs(const struct event *events, size_t n, int64_t from, int64_t to, struct run *out)
{
    struct event *sorted = mem_array(n, sizeof *sorted);
    size_t kept = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        if (events[i].ts >= from && events[i].ts <= to) sorted[kept++] = events[i];
    qsort(sorted, kept, sizeof *sorted, event_compare);
    for (size_t i = 0; i < kept; i++) {
        if (!count || out[count - 1].level != sorted[i].level)
            out[count++] = (struct run){.from_ts = sorted[i].ts, .from_item = sorted[i].item, .level = sorted[i].level};
        out[count - 1].to_ts = sorted[i].ts;
        out[count - 1].to_item = sorted[i].item;
    }
    mem_free(sorted);
    return count;
}

static void check_against_sorting(const struct runs *got, const struct event *events, size_t n)
{
    struct run *want = mem_array(n, sizeof *want);
    size_t count = exact_runs(events, n, INT64_MIN, INT64_MAX, want);
    assert_int_equal(got->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got->run[i].level, want[i].level);
        assert_int_equal(got->run[i].from_ts, want[i].from_ts);
        assert_int_equal(got->run[i].from_item, want[i].from_item);
        assert_int_equal(got->run[i].to_ts, want[i].to_ts);
        assert_int_equal(got->run[i].to_item, want[i].to_item);
    }
    mem_free(want);
}

static void settle(struct runs *runs, const struct event *events, size_t n)
{
    int64_t from, to;
    if (!runs_hull(runs, &from, &to)) return;
    struct run *exact = mem_array(n, sizeof *exact);
    size_t count = exact_runs(events, n, from, to, exact);
    runs_replace(runs, exact, count);
    assert_false(runs->loose);
    mem_free(exact);
}

static struct run of_event(struct event e)
{
    return (struct run){e.ts, e.ts, e.item, e.item, e.level};
}

static void in_order_nothing_is_loose(void **state)
{
    (void)state;
    struct event e[] = {{1, 0, 1}, {2, 0, 1}, {2, 1, 2}, {3, 0, 2}, {3, 0, 2}, {9, 0, 1}};
    struct runs runs = {0};
    enum runs_change want[] = {RUNS_CHANGED, RUNS_EXTENDED, RUNS_CHANGED, RUNS_EXTENDED, RUNS_SAME, RUNS_CHANGED};
    for (size_t i = 0; i < 6; i++) {
        struct run one = of_event(e[i]);
        assert_int_equal(runs_add(&runs, &one, &order), want[i]);
    }
    assert_false(runs.loose);
    check_against_sorting(&runs, e, 6);
    runs_reset(&runs);
}

static void an_event_inside_another_run_is_loose(void **state)
{
    (void)state;
    struct event e[] = {{1, 0, 1}, {9, 0, 1}, {20, 0, 2}, {5, 0, 2}, {6, 0, 1}};
    struct runs runs = {0};
    for (size_t i = 0; i < 3; i++) {
        struct run one = of_event(e[i]);
        runs_add(&runs, &one, &order);
    }
    struct run inside = of_event(e[3]), same = of_event(e[4]);
    assert_int_equal(runs_add(&runs, &inside, &order), RUNS_LOOSE);
    assert_int_equal(runs_add(&runs, &same, &order), RUNS_SAME);
    int64_t from, to;
    assert_true(runs_hull(&runs, &from, &to));
    assert_int_equal(from, 1);
    assert_int_equal(to, 9);
    settle(&runs, e, 5);
    check_against_sorting(&runs, e, 5);
    runs_reset(&runs);
}

/* Random events in random order, through several gatherers that are merged, as workers and batches do it. */
static void any_order_any_split(void **state)
{
    (void)state;
    unsigned seed = 20251101;
    for (int round = 0; round < 400; round++) {
        size_t n = 1 + (size_t)(rand_r(&seed) % 60);
        struct event *e = mem_array(n, sizeof *e);
        int64_t span = 1 + rand_r(&seed) % 80, change = 1 + rand_r(&seed) % 30;
        for (size_t i = 0; i < n; i++) {
            int64_t ts = rand_r(&seed) % span;
            e[i] = (struct event){ts, (uint32_t)(rand_r(&seed) % 3), (uint32_t)((ts / change) % 2)};
            if (rand_r(&seed) % 20 == 0) e[i].level = (uint32_t)(rand_r(&seed) % 3);
        }
        if (round % 4 == 0) qsort(e, n, sizeof *e, event_compare);
        struct runs all = {0}, part[2] = {{0}, {0}};
        size_t done = 0;
        while (done < n) {
            size_t take = 1 + (size_t)rand_r(&seed) % n;
            for (; take && done < n; take--, done++) {
                struct run one = of_event(e[done]);
                runs_add(&part[rand_r(&seed) % 2], &one, &order);
            }
            for (int k = 0; k < 2; k++) {
                runs_merge(&all, &part[k], &order);
                runs_reset(&part[k]);
            }
            settle(&all, e, done);
            check_against_sorting(&all, e, done);
        }
        runs_reset(&all);
        mem_free(e);
    }
}

static void thousands_of_changes_backwards(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct event *e = mem_array(N, sizeof *e);
    struct runs runs = {0};
    for (uint32_t i = 0; i < N; i++) {
        e[i] = (struct event){N - i, 0, i % 2};
        struct run one = of_event(e[i]);
        runs_add(&runs, &one, &order);
    }
    settle(&runs, e, N);
    check_against_sorting(&runs, e, N);
    runs_reset(&runs);
    mem_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_nothing_is_loose),
        cmocka_unit_test(an_event_inside_another_run_is_loose),
        cmocka_unit_test(any_order_any_split),
        cmocka_unit_test(thousands_of_changes_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
