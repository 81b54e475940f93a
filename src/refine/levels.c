#include "refine/levels.h"

#include "base/mem.h"

#include <string.h>

struct levels_topic {
    struct run *now; /* by the lexicon's number of the user; level 0: none yet */
    size_t count;
    uint32_t *used; /* users with a run */
    size_t used_count, used_cap;
};

void levels_init(struct levels *l, struct lexicon *lexicon, const struct gather_domains *domains, size_t topics)
{
    gather_init(&l->gather, lexicon, domains, 0);
    l->topic = mem_zalloc(topics * sizeof *l->topic);
    l->topics = topics;
}

void levels_reset(struct levels *l)
{
    for (size_t i = 0; i < l->topics; i++) {
        mem_free(l->topic[i].now);
        mem_free(l->topic[i].used);
    }
    mem_free(l->topic);
    gather_reset(&l->gather);
    *l = (struct levels){0};
}

static void reach(struct levels_topic *t, uint32_t user)
{
    size_t before = t->count;
    mem_grow(&t->now, &t->count, (size_t)user + 1, sizeof *t->now);
    memset(t->now + before, 0, (t->count - before) * sizeof *t->now);
}

static void end_run(struct levels *l, uint32_t user, const struct run *run)
{
    struct runs_order order = gather_level_order(&l->gather);
    runs_add(&gather_user_get(&l->gather, user)->runs, run, &order);
}

void levels_rows(struct levels *l, size_t topic, const struct gather_plan *plan, const struct layout_rows *source,
                 const uint16_t *rows, uint32_t n)
{
    enum { AHEAD = 8 };
    struct levels_topic *t = &l->topic[topic];
    const uint32_t *user = gather_codes(&l->gather, plan, source, GATHER_USER);
    const uint32_t *level = gather_codes(&l->gather, plan, source, GATHER_LEVEL);
    const int64_t *item = gather_items(&l->gather, plan, source), *ts = source->batch->ts_ms;
    uint32_t soon[AHEAD] = {0}; /* the numbers of the next users */
    for (uint32_t i = 0; i < n + AHEAD; i++) {
        uint32_t who = soon[i % AHEAD];
        if (i < n) {
            uint32_t next = soon[i % AHEAD] = gather_number(plan, source->maps, GATHER_USER, user[rows ? rows[i] : i]);
            if (next >= t->count) reach(t, next);
            __builtin_prefetch(&t->now[next], 1);
        }
        if (i < AHEAD || !who) continue;
        uint32_t row = rows ? rows[i - AHEAD] : i - AHEAD;
        uint32_t number = gather_number(plan, source->maps, GATHER_LEVEL, level[row]), at = (uint32_t)item[row];
        struct run *now = &t->now[who];
        if (!number) continue;
        if (number == now->level && (ts[row] > now->to_ts || (ts[row] == now->to_ts && at >= now->to_item))) {
            now->to_ts = ts[row];
            now->to_item = at;
            continue;
        }
        if (now->level) {
            end_run(l, who, now);
        } else {
            mem_grow(&t->used, &t->used_cap, t->used_count + 1, sizeof *t->used);
            t->used[t->used_count++] = who;
        }
        *now = (struct run){ts[row], ts[row], at, at, number};
    }
}

void levels_flush(struct levels *l)
{
    for (size_t i = 0; i < l->topics; i++) {
        struct levels_topic *t = &l->topic[i];
        for (size_t k = 0; k < t->used_count; k++) {
            end_run(l, t->used[k], &t->now[t->used[k]]);
            t->now[t->used[k]].level = 0;
        }
        t->used_count = 0;
    }
}
