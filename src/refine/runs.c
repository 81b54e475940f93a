#include "refine/runs.h"

#include "base/mem.h"

#include <string.h>

/* Beyond this many runs a user is an oddity: runs are no longer moved about to let one in. */
enum { MOVE_MOST = 1024 };

static int compare(int64_t a_ts, uint32_t a_item, uint32_t a_level, int64_t b_ts, uint32_t b_item, uint32_t b_level,
                   const struct runs_order *order)
{
    if (a_ts != b_ts) return a_ts < b_ts ? -1 : 1;
    if (a_item != b_item) return a_item < b_item ? -1 : 1;
    return a_level == b_level ? 0 : order->compare(order->ctx, a_level, b_level);
}

/* a ends before b begins */
static bool before(const struct run *a, const struct run *b, const struct runs_order *order)
{
    return compare(a->to_ts, a->to_item, a->level, b->from_ts, b->from_item, b->level, order) < 0;
}

static bool begins_earlier(const struct run *a, const struct run *b, const struct runs_order *order)
{
    return compare(a->from_ts, a->from_item, a->level, b->from_ts, b->from_item, b->level, order) < 0;
}

static bool ends_later(const struct run *a, const struct run *b, const struct runs_order *order)
{
    return compare(a->to_ts, a->to_item, a->level, b->to_ts, b->to_item, b->level, order) > 0;
}

static void insert(struct runs *runs, uint32_t at, const struct run *one)
{
    if (runs->count == runs->cap) {
        runs->cap = runs->cap ? runs->cap * 2 : 2;
        runs->run = mem_realloc(runs->run, runs->cap * sizeof *runs->run);
    }
    memmove(runs->run + at + 1, runs->run + at, (runs->count - at) * sizeof *runs->run);
    runs->run[at] = *one;
    runs->count++;
}

static enum runs_change loosen(struct runs *runs, int64_t from, int64_t to)
{
    if (!runs->loose || from < runs->loose_from) runs->loose_from = from;
    if (!runs->loose || to > runs->loose_to) runs->loose_to = to;
    runs->loose = true;
    return RUNS_LOOSE;
}

static enum runs_change widen(struct run *run, const struct run *one, const struct runs_order *order)
{
    enum runs_change change = RUNS_SAME;
    if (ends_later(one, run, order)) {
        run->to_ts = one->to_ts;
        run->to_item = one->to_item;
        change = RUNS_EXTENDED;
    }
    if (begins_earlier(one, run, order)) {
        run->from_ts = one->from_ts;
        run->from_item = one->from_item;
        change = RUNS_CHANGED;
    }
    return change;
}

/* The first run that does not end before `one`. */
static uint32_t find(const struct runs *runs, const struct run *one, const struct runs_order *order)
{
    uint32_t lo = 0, hi = runs->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (before(&runs->run[mid], one, order)) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

enum runs_change runs_add(struct runs *runs, const struct run *one, const struct runs_order *order)
{
    struct run *last = runs->count ? &runs->run[runs->count - 1] : NULL;
    if (last && last->level == one->level && !begins_earlier(one, last, order)) return widen(last, one, order);
    if (runs->loose && one->from_ts >= runs->loose_from && one->to_ts <= runs->loose_to) return RUNS_LOOSE;

    uint32_t at = !last || before(last, one, order) ? runs->count : find(runs, one, order);
    struct run *next = at < runs->count ? &runs->run[at] : NULL;
    if (!next || before(one, next, order)) { /* touches none */
        if (at && runs->run[at - 1].level == one->level) return widen(&runs->run[at - 1], one, order);
        if (next && next->level == one->level) return widen(next, one, order);
        if (next && runs->count >= MOVE_MOST) return loosen(runs, one->from_ts, one->to_ts);
        insert(runs, at, one);
        return RUNS_CHANGED;
    }
    bool only = at + 1 == runs->count || before(one, &runs->run[at + 1], order);
    if (only && next->level == one->level) return widen(next, one, order);
    return loosen(runs, one->from_ts, one->to_ts);
}

enum runs_change runs_merge(struct runs *runs, const struct runs *from, const struct runs_order *order)
{
    enum runs_change most = RUNS_SAME;
    for (uint32_t i = 0; i < from->count; i++) {
        enum runs_change change = runs_add(runs, &from->run[i], order);
        if (change > most) most = change;
    }
    if (from->loose) most = loosen(runs, from->loose_from, from->loose_to);
    return most;
}

void runs_reset(struct runs *runs)
{
    mem_free(runs->run);
    *runs = (struct runs){0};
}

bool runs_hull(const struct runs *runs, int64_t *from, int64_t *to)
{
    if (!runs->loose) return false;
    *from = runs->loose_from;
    *to = runs->loose_to;
    for (bool grew = true; grew;) {
        grew = false;
        for (uint32_t i = 0; i < runs->count; i++) {
            const struct run *run = &runs->run[i];
            if (run->to_ts < *from || run->from_ts > *to) continue;
            if (run->from_ts < *from) *from = run->from_ts, grew = true;
            if (run->to_ts > *to) *to = run->to_ts, grew = true;
        }
    }
    return true;
}

static void append(struct runs *runs, const struct run *one)
{
    struct run *last = runs->count ? &runs->run[runs->count - 1] : NULL;
    if (last && last->level == one->level) {
        last->to_ts = one->to_ts;
        last->to_item = one->to_item;
    } else {
        insert(runs, runs->count, one);
    }
}

void runs_replace(struct runs *runs, const struct run *exact, size_t count)
{
    struct runs out = {0};
    int64_t from = 0, to = 0;
    uint32_t i = 0;
    bool any = runs_hull(runs, &from, &to);
    for (; i < runs->count && any && runs->run[i].to_ts < from; i++) append(&out, &runs->run[i]);
    for (size_t k = 0; k < count; k++) append(&out, &exact[k]);
    for (; i < runs->count; i++)
        if (!any || runs->run[i].from_ts > to) append(&out, &runs->run[i]);
    mem_free(runs->run);
    *runs = out;
}
