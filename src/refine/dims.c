#include "refine/dims_state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

struct dims *dims_new(void)
{
    struct dims *d = mem_zalloc(sizeof *d);
    d->texts = lexicon_new();
    lexicon_domain(d->texts, "", CONTRACT_STRING);
    return d;
}

static void things_reset(struct dims_things *t)
{
    mem_free(t->thing);
    mem_free(t->slot);
    mem_free(t->touched);
    *t = (struct dims_things){0};
}

void dims_empty(struct dims *d)
{
    for (size_t i = 0; i < d->user_count; i++) runs_reset(&d->user[i].runs);
    mem_free(d->user);
    mem_free(d->user_slot);
    mem_free(d->touched_user);
    things_reset(&d->songs);
    things_reset(&d->places);
    mem_free(d->variant);
    mem_free(d->minutes);
    mem_free(d->new_minute);
    lexicon_clear(d->texts);
    *d = (struct dims){.texts = d->texts, .loaded = true};
}

void dims_free(struct dims **dims)
{
    if (!*dims) return;
    dims_empty(*dims);
    lexicon_free(&(*dims)->texts);
    mem_free(*dims);
    *dims = NULL;
}

void dims_forget(struct dims *d)
{
    dims_empty(d);
    d->loaded = false;
}

void dims_committed(struct dims *d, uint64_t number)
{
    for (size_t i = 0; i < d->touched_user_count; i++) d->user[d->touched_user[i]].touched = false;
    for (size_t i = 0; i < d->songs.touched_count; i++) d->songs.thing[d->songs.touched[i]].touched = false;
    for (size_t i = 0; i < d->places.touched_count; i++) d->places.thing[d->places.touched[i]].touched = false;
    d->touched_user_count = d->songs.touched_count = d->places.touched_count = d->new_minute_count = 0;
    d->users_changed = d->history_changed = d->songs.changed = d->places.changed = false;
    d->number = number;
}

/* ---- texts ---- */

struct view dims_text(const struct dims *d, uint32_t code)
{
    struct lexicon_view v;
    lexicon_view(d->texts, 0, &v);
    return v.texts[code];
}

uint32_t dims_code(struct dims *d, struct view text) { return lexicon_text(d->texts, 0, text); }

static int compare_levels(void *ctx, uint32_t a, uint32_t b) { return view_compare(dims_text(ctx, a), dims_text(ctx, b)); }

struct runs_order dims_order(const struct dims *d)
{
    return (struct runs_order){compare_levels, (void *)(uintptr_t)d};
}

/* ---- users ---- */

static inline size_t mix(uint64_t v)
{
    v = (v ^ v >> 32 ^ 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    return (size_t)(v ^ v >> 32);
}

static void user_rehash(struct dims *d)
{
    d->user_slot_count = d->user_slot_count ? d->user_slot_count * 2 : 256;
    mem_free(d->user_slot);
    d->user_slot = mem_zalloc(d->user_slot_count * sizeof *d->user_slot);
    for (size_t i = 0; i < d->user_count; i++) {
        size_t at = mix((uint64_t)d->user[i].id) & (d->user_slot_count - 1);
        while (d->user_slot[at]) at = (at + 1) & (d->user_slot_count - 1);
        d->user_slot[at] = (uint32_t)i + 1;
    }
}

struct dims_user *dims_user_get(struct dims *d, int64_t id)
{
    if (d->user_count * 2 >= d->user_slot_count) user_rehash(d);
    size_t at = mix((uint64_t)id) & (d->user_slot_count - 1);
    for (; d->user_slot[at]; at = (at + 1) & (d->user_slot_count - 1))
        if (d->user[d->user_slot[at] - 1].id == id) return &d->user[d->user_slot[at] - 1];
    mem_grow(&d->user, &d->user_cap, d->user_count + 1, sizeof *d->user);
    d->user[d->user_count] = (struct dims_user){.id = id, .first_seen = INT64_MAX, .last_seen = INT64_MIN};
    d->user_slot[at] = (uint32_t)++d->user_count;
    return &d->user[d->user_count - 1];
}

void dims_user_touch(struct dims *d, struct dims_user *u)
{
    if (u->touched) return;
    u->touched = true;
    mem_grow(&d->touched_user, &d->touched_user_cap, d->touched_user_count + 1, sizeof *d->touched_user);
    d->touched_user[d->touched_user_count++] = (uint32_t)(u - d->user);
}

/* ---- songs and places ---- */

static size_t thing_hash(const uint32_t key[3]) { return mix(mix((uint64_t)key[0] << 32 | key[1]) ^ key[2]); }

static void things_rehash(struct dims_things *t)
{
    t->slot_count = t->slot_count ? t->slot_count * 2 : 256;
    mem_free(t->slot);
    t->slot = mem_zalloc(t->slot_count * sizeof *t->slot);
    for (size_t i = 0; i < t->count; i++) {
        size_t at = thing_hash(t->thing[i].key) & (t->slot_count - 1);
        while (t->slot[at]) at = (at + 1) & (t->slot_count - 1);
        t->slot[at] = (uint32_t)i + 1;
    }
}

struct dims_thing *dims_thing_get(struct dims *d, struct dims_things *t, const uint32_t key[3])
{
    (void)d;
    if (t->count * 2 >= t->slot_count) things_rehash(t);
    size_t at = thing_hash(key) & (t->slot_count - 1);
    for (; t->slot[at]; at = (at + 1) & (t->slot_count - 1))
        if (!memcmp(t->thing[t->slot[at] - 1].key, key, 3 * sizeof *key)) return &t->thing[t->slot[at] - 1];
    mem_grow(&t->thing, &t->cap, t->count + 1, sizeof *t->thing);
    t->thing[t->count] = (struct dims_thing){.key = {key[0], key[1], key[2]}, .first_seen = INT64_MAX};
    t->slot[at] = (uint32_t)++t->count;
    t->changed = true;
    return &t->thing[t->count - 1];
}

void dims_thing_touch(struct dims_things *t, struct dims_thing *thing)
{
    if (thing->touched) return;
    thing->touched = true;
    mem_grow(&t->touched, &t->touched_cap, t->touched_count + 1, sizeof *t->touched);
    t->touched[t->touched_count++] = (uint32_t)(thing - t->thing);
}

static bool same_values(const struct dims_variant *a, const struct dims_variant *b)
{
    return a->rank == b->rank && !memcmp(a->has, b->has, sizeof a->has) && !memcmp(a->value, b->value, sizeof a->value);
}

struct dims_variant *dims_variant_get(struct dims *d, struct dims_thing *thing, const struct dims_variant *like)
{
    for (uint32_t i = thing->variants; i; i = d->variant[i - 1].next)
        if (same_values(&d->variant[i - 1], like)) return &d->variant[i - 1];
    mem_grow(&d->variant, &d->variant_cap, d->variant_count + 1, sizeof *d->variant);
    struct dims_variant *v = &d->variant[d->variant_count++];
    *v = *like;
    v->count = 0;
    v->first_seen = INT64_MAX;
    v->next = thing->variants;
    thing->variants = (uint32_t)d->variant_count;
    return v;
}

/* a before b: values known before unknown, then the more frequent, then the smaller. */
static bool better(const struct dims_variant *a, const struct dims_variant *b)
{
    bool a_known = a->has[0] || a->has[1], b_known = b->has[0] || b->has[1];
    if (a_known != b_known) return a_known;
    if (a->count != b->count) return a->count > b->count;
    for (int i = 0; i < 2; i++) {
        if (a->has[i] != b->has[i]) return a->has[i];
        if (a->value[i] < b->value[i] || a->value[i] > b->value[i]) return a->value[i] < b->value[i];
    }
    return memcmp(a->value, b->value, sizeof a->value) < 0; /* -0.0 and 0.0 */
}

bool dims_thing_choose(const struct dims *d, struct dims_thing *thing)
{
    const struct dims_variant *best = NULL;
    int64_t first_seen = INT64_MAX;
    for (uint32_t i = thing->variants; i; i = d->variant[i - 1].next) {
        const struct dims_variant *v = &d->variant[i - 1];
        if (!best || v->rank < best->rank) {
            best = v;
            first_seen = v->first_seen;
        } else if (v->rank == best->rank) {
            if (v->first_seen < first_seen) first_seen = v->first_seen;
            if (better(v, best)) best = v;
        }
    }
    if (!best) return false;
    bool same = !memcmp(thing->best_has, best->has, sizeof best->has) &&
                !memcmp(thing->best, best->value, sizeof best->value) && thing->first_seen == first_seen;
    memcpy(thing->best_has, best->has, sizeof best->has);
    memcpy(thing->best, best->value, sizeof best->value);
    thing->first_seen = first_seen;
    return !same;
}

/* ---- minutes ---- */

void dims_new_minute(struct dims *d, int64_t ts)
{
    mem_grow(&d->new_minute, &d->new_minute_cap, d->new_minute_count + 1, sizeof *d->new_minute);
    d->new_minute[d->new_minute_count++] = ts;
}

bool dims_minute_add(struct dims *d, int64_t day, const uint64_t bits[23])
{
    size_t lo = 0, hi = d->minutes_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->minutes[mid].day < day) lo = mid + 1;
        else hi = mid;
    }
    if (lo == d->minutes_count || d->minutes[lo].day != day) {
        mem_grow(&d->minutes, &d->minutes_cap, d->minutes_count + 1, sizeof *d->minutes);
        memmove(d->minutes + lo + 1, d->minutes + lo, (d->minutes_count++ - lo) * sizeof *d->minutes);
        d->minutes[lo] = (struct gather_minutes){.day = day};
    }
    bool any = false;
    for (unsigned w = 0; w < 23; w++) {
        uint64_t fresh = bits[w] & ~d->minutes[lo].bits[w];
        d->minutes[lo].bits[w] |= fresh;
        for (; fresh; fresh &= fresh - 1, any = true)
            dims_new_minute(d, day * CLOCK_DAY_MS + (int64_t)(w * 64 + (unsigned)__builtin_ctzll(fresh)) * 60000);
    }
    return any;
}

/* ---- taking in what a worker gathered ---- */

struct take {
    struct dims *d;
    struct lexicon_view view[GATHER_ATTRS];
    uint32_t *map[GATHER_ATTRS]; /* the lexicon's code of a text → ours; 0: not asked yet */
};

static uint32_t text_of(struct take *t, enum gather_attr a, uint32_t code)
{
    if (!code) return 0;
    if (!t->map[a]) t->map[a] = mem_zalloc(t->view[a].count * sizeof *t->map[a]);
    if (!t->map[a][code]) t->map[a][code] = dims_code(t->d, t->view[a].texts[code]);
    return t->map[a][code];
}

/* The order of gather.c's person_greater. */
static int compare_person(const struct dims *d, const struct dims_user *a, const struct dims_user *b)
{
    if (a->last_ts != b->last_ts) return a->last_ts < b->last_ts ? -1 : 1;
    if (a->last_item != b->last_item) return a->last_item < b->last_item ? -1 : 1;
    if (a->has_registration != b->has_registration) return a->has_registration ? 1 : -1;
    if (a->registration != b->registration) return a->registration < b->registration ? -1 : 1;
    const uint32_t x[] = {a->first, a->last, a->gender}, y[] = {b->first, b->last, b->gender};
    for (int i = 0; i < 3; i++) {
        if (x[i] == y[i]) continue;
        if (!x[i] || !y[i]) return x[i] ? 1 : -1;
        return view_compare(dims_text(d, x[i]), dims_text(d, y[i]));
    }
    return 0;
}

static void take_user(struct take *t, const struct gather_user *from)
{
    struct dims *d = t->d;
    struct dims_user *u = dims_user_get(d, t->view[GATHER_USER].integers[from->user]);
    dims_user_touch(d, u);
    struct dims_user before = *u;
    if (from->first_seen < u->first_seen) u->first_seen = from->first_seen;
    if (from->last_seen > u->last_seen) u->last_seen = from->last_seen;
    if (from->person) {
        struct dims_user now = {.last_ts = from->last_ts, .last_item = from->last_item};
        now.first = text_of(t, GATHER_FIRST, from->first);
        now.last = text_of(t, GATHER_LAST, from->last);
        now.gender = text_of(t, GATHER_GENDER, from->gender);
        now.has_registration = from->registration != 0;
        if (from->registration) now.registration = t->view[GATHER_REGISTRATION].integers[from->registration];
        if (!u->person || compare_person(d, &now, u) > 0) {
            u->person = true;
            u->last_ts = now.last_ts;
            u->last_item = now.last_item;
            u->first = now.first;
            u->last = now.last;
            u->gender = now.gender;
            u->has_registration = now.has_registration;
            u->registration = now.registration;
        }
    }
    struct runs runs = from->runs;
    runs.run = mem_array(runs.count + 1, sizeof *runs.run);
    for (uint32_t i = 0; i < runs.count; i++) {
        runs.run[i] = from->runs.run[i];
        runs.run[i].level = text_of(t, GATHER_LEVEL, runs.run[i].level);
    }
    struct runs_order order = dims_order(d);
    if (runs_merge(&u->runs, &runs, &order) >= RUNS_CHANGED) d->history_changed = d->users_changed = true;
    mem_free(runs.run);
    d->users_changed |= u->first_seen != before.first_seen || u->last_seen != before.last_seen ||
                        u->first != before.first || u->last != before.last || u->gender != before.gender ||
                        u->registration != before.registration || u->has_registration != before.has_registration;
}

static void take_variant(struct dims *d, struct dims_things *things, const uint32_t key[3],
                         const struct dims_variant *like, int64_t count, int64_t first_seen)
{
    struct dims_thing *thing = dims_thing_get(d, things, key);
    dims_thing_touch(things, thing);
    struct dims_variant *v = dims_variant_get(d, thing, like);
    v->count += count;
    if (first_seen < v->first_seen) v->first_seen = first_seen;
}

static void take_songs(struct take *t, const struct gather *g)
{
    for (size_t i = 0; i < g->song_count; i++) {
        const struct gather_song *s = &g->song[i];
        uint32_t key[3] = {text_of(t, GATHER_SONG, s->song), text_of(t, GATHER_ARTIST, s->artist), 0};
        struct dims_variant like = {.rank = (uint8_t)s->rank, .has = {s->duration != 0}};
        if (s->duration) like.value[0] = t->view[GATHER_DURATION].reals[s->duration];
        take_variant(t->d, &t->d->songs, key, &like, s->count, s->first_seen);
    }
}

static void take_places(struct take *t, const struct gather *g)
{
    for (size_t i = 0; i < g->place_count; i++) {
        const struct gather_place *p = &g->place[i];
        uint32_t key[3] = {text_of(t, GATHER_ZIP, p->zip), text_of(t, GATHER_CITY, p->city),
                           text_of(t, GATHER_STATE, p->state)};
        struct dims_variant like = {.rank = (uint8_t)p->rank, .has = {p->lat != 0, p->lon != 0}};
        if (p->lat) like.value[0] = t->view[GATHER_LAT].reals[p->lat];
        if (p->lon) like.value[1] = t->view[GATHER_LON].reals[p->lon];
        take_variant(t->d, &t->d->places, key, &like, p->count, INT64_MAX);
    }
}

static void choose_touched(struct dims *d, struct dims_things *things)
{
    for (size_t i = 0; i < things->touched_count; i++)
        things->changed |= dims_thing_choose(d, &things->thing[things->touched[i]]);
}

void dims_take(struct dims *d, const struct gather *g)
{
    struct take t = {.d = d};
    for (int a = 0; a < GATHER_ATTRS; a++)
        if (a != GATHER_ITEM) lexicon_view(g->lexicon, g->domains->domain[a], &t.view[a]);
    for (size_t i = 0; i < g->user_count; i++) take_user(&t, &g->user[i]);
    take_songs(&t, g);
    take_places(&t, g);
    choose_touched(d, &d->songs);
    choose_touched(d, &d->places);
    for (size_t i = 0; i < g->minutes_count; i++) dims_minute_add(d, g->minutes[i].day, g->minutes[i].bits);
    for (int a = 0; a < GATHER_ATTRS; a++) mem_free(t.map[a]);
}
