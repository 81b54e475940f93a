#include "refine/gather.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

static const struct {
    const char *name;
    enum contract_type type;
} attrs[GATHER_ATTRS] = {
    [GATHER_USER] = {"userId", CONTRACT_INT64},
    [GATHER_ITEM] = {"itemInSession", CONTRACT_UINT32},
    [GATHER_LEVEL] = {"level", CONTRACT_STRING},
    [GATHER_FIRST] = {"firstName", CONTRACT_STRING},
    [GATHER_LAST] = {"lastName", CONTRACT_STRING},
    [GATHER_GENDER] = {"gender", CONTRACT_STRING},
    [GATHER_REGISTRATION] = {"registration", CONTRACT_INT64},
    [GATHER_SONG] = {"song", CONTRACT_STRING},
    [GATHER_ARTIST] = {"artist", CONTRACT_STRING},
    [GATHER_DURATION] = {"duration", CONTRACT_DOUBLE},
    [GATHER_ZIP] = {"zip", CONTRACT_STRING},
    [GATHER_CITY] = {"city", CONTRACT_STRING},
    [GATHER_STATE] = {"state", CONTRACT_STRING},
    [GATHER_LAT] = {"lat", CONTRACT_DOUBLE},
    [GATHER_LON] = {"lon", CONTRACT_DOUBLE},
};

uint32_t gather_rank(const char *table)
{
    static const char *const order[] = {"fact_listen_events", "fact_page_view_events", "fact_auth_events",
                                        "fact_status_change_events"};
    uint32_t rank = 0;
    while (rank < GATHER_RANKS - 1 && strcmp(order[rank], table)) rank++;
    return rank;
}

void gather_plan_init(struct gather_plan *plan, const struct contract *contract)
{
    *plan = (struct gather_plan){.contract = contract};
    for (int a = 0; a < GATHER_ATTRS; a++) {
        uint16_t column = contract_column_find(contract, attrs[a].name);
        if (column != CONTRACT_NONE && a != GATHER_ITEM && contract->columns[column].type != attrs[a].type)
            column = CONTRACT_NONE;
        if (column != CONTRACT_NONE && a == GATHER_ITEM && contract->columns[column].type > CONTRACT_UINT8)
            column = CONTRACT_NONE;
        plan->column[a] = column;
    }
    plan->user = contract_feeds(contract, "dim_user") && plan->column[GATHER_USER] != CONTRACT_NONE;
    plan->song = contract_feeds(contract, "dim_song") && plan->column[GATHER_SONG] != CONTRACT_NONE &&
                 plan->column[GATHER_ARTIST] != CONTRACT_NONE;
    plan->location = contract_feeds(contract, "dim_location");
    plan->time = contract_feeds(contract, "dim_time");
    plan->person = true;
    for (int a = GATHER_FIRST; a <= GATHER_REGISTRATION; a++) plan->person &= plan->column[a] != CONTRACT_NONE;
}

void gather_domains_init(struct gather_domains *domains, struct lexicon *lexicon)
{
    for (int a = 0; a < GATHER_ATTRS; a++)
        if (a != GATHER_ITEM) domains->domain[a] = lexicon_domain(lexicon, attrs[a].name, attrs[a].type);
}

void gather_init(struct gather *g, struct lexicon *lexicon, const struct gather_domains *domains)
{
    *g = (struct gather){.lexicon = lexicon, .domains = domains};
}

void gather_reset(struct gather *g)
{
    for (size_t i = 0; i < g->user_count; i++) runs_reset(&g->user[i].runs);
    mem_free(g->user);
    mem_free(g->user_slot);
    mem_free(g->song);
    mem_free(g->song_slot);
    mem_free(g->place);
    mem_free(g->place_slot);
    mem_free(g->minutes);
    for (int a = 0; a < GATHER_ATTRS; a++) mem_free(g->scratch_codes[a]);
    mem_free(g->scratch_item);
    *g = (struct gather){0};
}

/* ---- reading attributes ---- */

struct attr {
    const uint32_t *codes; /* NULL: always null */
    const uint32_t *map;   /* NULL: codes are the lexicon's already */
};

static inline uint32_t at(const struct attr *a, uint32_t row)
{
    if (!a->codes) return 0;
    return a->map ? a->map[a->codes[row]] : a->codes[row];
}

static struct attr attr_of(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s,
                           enum gather_attr a)
{
    uint16_t column = plan->column[a];
    if (column == CONTRACT_NONE) return (struct attr){0};
    const struct decode_column *in = &s->batch->columns[column];
    if (in->codes) return (struct attr){in->codes, s->maps[column]};
    uint32_t *codes = g->scratch_codes[a];
    if (!codes) codes = g->scratch_codes[a] = mem_array(DECODE_BATCH_ROWS, sizeof *codes);
    for (uint32_t i = 0; i < s->batch->rows; i++)
        codes[i] = in->present && !in->present[i] ? 0 : lexicon_integer(g->lexicon, g->domains->domain[a], in->dense[i]);
    return (struct attr){codes, NULL};
}

/* Events without a number sort as number 0. */
static const int64_t *items_of(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s)
{
    uint16_t column = plan->column[GATHER_ITEM];
    const struct decode_column *in = column == CONTRACT_NONE ? NULL : &s->batch->columns[column];
    if (in && in->dense) return in->dense;
    if (!g->scratch_item) g->scratch_item = mem_array(DECODE_BATCH_ROWS, sizeof *g->scratch_item);
    struct lexicon_view v = {0};
    if (in) lexicon_view(g->lexicon, s->domains[column], &v);
    for (uint32_t i = 0; i < s->batch->rows; i++) g->scratch_item[i] = in ? v.integers[s->maps[column][in->codes[i]]] : 0;
    return g->scratch_item;
}

/* ---- users ---- */

static struct gather_user *user_get(struct gather *g, uint32_t code)
{
    if (code >= g->user_slot_count) {
        size_t before = g->user_slot_count;
        mem_grow(&g->user_slot, &g->user_slot_count, (size_t)code + 1, sizeof *g->user_slot);
        memset(g->user_slot + before, 0, (g->user_slot_count - before) * sizeof *g->user_slot);
    }
    if (g->user_slot[code]) return &g->user[g->user_slot[code] - 1];
    mem_grow(&g->user, &g->user_cap, g->user_count + 1, sizeof *g->user);
    struct gather_user *u = &g->user[g->user_count++];
    *u = (struct gather_user){.user = code, .first_seen = INT64_MAX, .last_seen = INT64_MIN};
    g->user_slot[code] = (uint32_t)g->user_count;
    return u;
}

static int compare_level(void *ctx, uint32_t a, uint32_t b)
{
    const struct gather *g = ctx;
    struct lexicon_view v;
    lexicon_view(g->lexicon, g->domains->domain[GATHER_LEVEL], &v);
    return view_compare(v.texts[a], v.texts[b]);
}

static int compare_text(const struct gather *g, enum gather_attr a, uint32_t x, uint32_t y)
{
    if (x == y || !x || !y) return x == y ? 0 : x ? 1 : -1;
    struct lexicon_view v;
    lexicon_view(g->lexicon, g->domains->domain[a], &v);
    return view_compare(v.texts[x], v.texts[y]);
}

/* Of two events at the same (ts, item) the greater by registration, names and gender counts, null least. */
static bool person_greater(const struct gather *g, const struct gather_user *a, const struct gather_user *b)
{
    if (a->registration != b->registration) {
        struct lexicon_view v;
        lexicon_view(g->lexicon, g->domains->domain[GATHER_REGISTRATION], &v);
        if (!a->registration || !b->registration) return a->registration != 0;
        return v.integers[a->registration] > v.integers[b->registration];
    }
    int c = compare_text(g, GATHER_FIRST, a->first, b->first);
    if (!c) c = compare_text(g, GATHER_LAST, a->last, b->last);
    if (!c) c = compare_text(g, GATHER_GENDER, a->gender, b->gender);
    return c > 0;
}

static void user_latest(struct gather *g, struct gather_user *u, const struct gather_user *now)
{
    if (u->person) {
        if (now->last_ts < u->last_ts || (now->last_ts == u->last_ts && now->last_item < u->last_item)) return;
        bool tie = now->last_ts == u->last_ts && now->last_item == u->last_item;
        if (tie && !person_greater(g, now, u)) return;
    }
    u->person = true;
    u->last_ts = now->last_ts;
    u->last_item = now->last_item;
    u->first = now->first;
    u->last = now->last;
    u->gender = now->gender;
    u->registration = now->registration;
}

static void user_run(struct gather *g, struct gather_user *u, int64_t ts, uint32_t item, uint32_t level)
{
    struct run *last = u->runs.count ? &u->runs.run[u->runs.count - 1] : NULL;
    if (last && last->level == level && (ts > last->to_ts || (ts == last->to_ts && item >= last->to_item))) {
        last->to_ts = ts;
        last->to_item = item;
        return;
    }
    struct run one = {ts, ts, item, item, level};
    runs_add(&u->runs, &one, &(struct runs_order){compare_level, g});
}

static void gather_users(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s,
                         const uint16_t *rows, uint32_t from, uint32_t n)
{
    struct attr user = attr_of(g, plan, s, GATHER_USER), level = attr_of(g, plan, s, GATHER_LEVEL);
    struct attr first = attr_of(g, plan, s, GATHER_FIRST), last = attr_of(g, plan, s, GATHER_LAST);
    struct attr gender = attr_of(g, plan, s, GATHER_GENDER), registration = attr_of(g, plan, s, GATHER_REGISTRATION);
    const int64_t *item = items_of(g, plan, s), *ts = s->batch->ts_ms;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : from + i, code = at(&user, row), run = at(&level, row);
        if (!code) continue;
        struct gather_user *u = user_get(g, code);
        if (ts[row] < u->first_seen) u->first_seen = ts[row];
        if (ts[row] > u->last_seen) u->last_seen = ts[row];
        if (plan->person) {
            struct gather_user now = {.first = at(&first, row), .last = at(&last, row), .gender = at(&gender, row),
                                      .registration = at(&registration, row), .last_ts = ts[row],
                                      .last_item = (uint32_t)item[row]};
            user_latest(g, u, &now);
        }
        if (run) user_run(g, u, ts[row], (uint32_t)item[row], run);
    }
}

/* ---- songs and places: small hash tables of numbers ---- */

static inline size_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    h = (h ^ h >> 32 ^ b) * 0xD6E8FEB86659FD93ull;
    return (size_t)(h ^ h >> 32);
}

static size_t song_hash(const struct gather_song *s)
{
    return mix((uint64_t)s->song << 32 | s->artist, (uint64_t)s->duration << 8 | s->rank);
}

static bool song_same(const struct gather_song *a, const struct gather_song *b)
{
    return a->song == b->song && a->artist == b->artist && a->duration == b->duration && a->rank == b->rank;
}

static void song_rehash(struct gather *g)
{
    g->song_slot_count = g->song_slot_count ? g->song_slot_count * 2 : 256;
    mem_free(g->song_slot);
    g->song_slot = mem_zalloc(g->song_slot_count * sizeof *g->song_slot);
    for (size_t i = 0; i < g->song_count; i++) {
        size_t slot = song_hash(&g->song[i]) & (g->song_slot_count - 1);
        while (g->song_slot[slot]) slot = (slot + 1) & (g->song_slot_count - 1);
        g->song_slot[slot] = (uint32_t)i + 1;
    }
}

static struct gather_song *song_get(struct gather *g, const struct gather_song *key)
{
    if (g->song_count * 2 >= g->song_slot_count) song_rehash(g);
    size_t slot = song_hash(key) & (g->song_slot_count - 1);
    for (; g->song_slot[slot]; slot = (slot + 1) & (g->song_slot_count - 1))
        if (song_same(&g->song[g->song_slot[slot] - 1], key)) return &g->song[g->song_slot[slot] - 1];
    mem_grow(&g->song, &g->song_cap, g->song_count + 1, sizeof *g->song);
    g->song[g->song_count] = *key;
    g->song_slot[slot] = (uint32_t)++g->song_count;
    return &g->song[g->song_count - 1];
}

static void gather_songs(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s, uint32_t rank,
                         const uint16_t *rows, uint32_t from, uint32_t n)
{
    struct attr song = attr_of(g, plan, s, GATHER_SONG), artist = attr_of(g, plan, s, GATHER_ARTIST);
    struct attr duration = attr_of(g, plan, s, GATHER_DURATION);
    const int64_t *ts = s->batch->ts_ms;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : from + i;
        struct gather_song key = {.song = at(&song, row), .artist = at(&artist, row), .duration = at(&duration, row),
                                  .rank = rank, .first_seen = INT64_MAX};
        if (!key.song || !key.artist) continue;
        struct gather_song *one = song_get(g, &key);
        one->count++;
        if (ts[row] < one->first_seen) one->first_seen = ts[row];
    }
}

static size_t place_hash(const struct gather_place *p)
{
    return mix(mix((uint64_t)p->zip << 32 | p->city, (uint64_t)p->state << 32 | p->lat), (uint64_t)p->lon << 8 | p->rank);
}

static bool place_same(const struct gather_place *a, const struct gather_place *b)
{
    return a->zip == b->zip && a->city == b->city && a->state == b->state && a->lat == b->lat && a->lon == b->lon &&
           a->rank == b->rank;
}

static void place_rehash(struct gather *g)
{
    g->place_slot_count = g->place_slot_count ? g->place_slot_count * 2 : 256;
    mem_free(g->place_slot);
    g->place_slot = mem_zalloc(g->place_slot_count * sizeof *g->place_slot);
    for (size_t i = 0; i < g->place_count; i++) {
        size_t slot = place_hash(&g->place[i]) & (g->place_slot_count - 1);
        while (g->place_slot[slot]) slot = (slot + 1) & (g->place_slot_count - 1);
        g->place_slot[slot] = (uint32_t)i + 1;
    }
}

static uint32_t place_get(struct gather *g, const struct gather_place *key)
{
    if (g->place_count * 2 >= g->place_slot_count) place_rehash(g);
    size_t slot = place_hash(key) & (g->place_slot_count - 1);
    for (; g->place_slot[slot]; slot = (slot + 1) & (g->place_slot_count - 1))
        if (place_same(&g->place[g->place_slot[slot] - 1], key)) return g->place_slot[slot] - 1;
    mem_grow(&g->place, &g->place_cap, g->place_count + 1, sizeof *g->place);
    g->place[g->place_count] = *key;
    g->place_slot[slot] = (uint32_t)g->place_count + 1;
    return (uint32_t)g->place_count++;
}

static void gather_places(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s, uint32_t rank,
                          const uint16_t *rows, uint32_t from, uint32_t n)
{
    struct attr zip = attr_of(g, plan, s, GATHER_ZIP), city = attr_of(g, plan, s, GATHER_CITY);
    struct attr state = attr_of(g, plan, s, GATHER_STATE), lat = attr_of(g, plan, s, GATHER_LAT);
    struct attr lon = attr_of(g, plan, s, GATHER_LON), user = attr_of(g, plan, s, GATHER_USER);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : from + i, code = at(&user, row);
        struct gather_place key = {.zip = at(&zip, row), .city = at(&city, row), .state = at(&state, row),
                                   .lat = at(&lat, row), .lon = at(&lon, row), .rank = rank};
        if (!key.zip && !key.city && !key.state) continue;
        /* A user is nearly always where they were: look there before hashing. */
        struct gather_user *u = code && code < g->user_slot_count && g->user_slot[code] ? &g->user[g->user_slot[code] - 1] : NULL;
        if (u && u->place && place_same(&g->place[u->place - 1], &key)) {
            g->place[u->place - 1].count++;
            continue;
        }
        uint32_t index = place_get(g, &key);
        g->place[index].count++;
        if (u) u->place = index + 1;
    }
}

/* ---- minutes ---- */

static struct gather_minutes *minutes_get(struct gather *g, int64_t day)
{
    if (g->minutes_last < g->minutes_count && g->minutes[g->minutes_last].day == day) return &g->minutes[g->minutes_last];
    size_t lo = 0, hi = g->minutes_count; /* sorted by day */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->minutes[mid].day < day) lo = mid + 1;
        else hi = mid;
    }
    if (lo == g->minutes_count || g->minutes[lo].day != day) {
        mem_grow(&g->minutes, &g->minutes_cap, g->minutes_count + 1, sizeof *g->minutes);
        memmove(g->minutes + lo + 1, g->minutes + lo, (g->minutes_count++ - lo) * sizeof *g->minutes);
        g->minutes[lo] = (struct gather_minutes){.day = day};
    }
    g->minutes_last = lo;
    return &g->minutes[lo];
}

static void gather_times(struct gather *g, const struct layout_rows *s, const uint16_t *rows, uint32_t from, uint32_t n)
{
    const struct decode_batch *b = s->batch;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : from + i;
        uint32_t minute = (uint32_t)((b->ts_ms[row] - b->day[row] * CLOCK_DAY_MS) / 60000);
        minutes_get(g, b->day[row])->bits[minute / 64] |= 1ull << minute % 64;
    }
}

void gather_rows(struct gather *g, const struct gather_plan *plan, const struct contract *feeds,
                 const struct layout_rows *source, uint32_t rank, bool primary, const uint16_t *rows, uint32_t first,
                 uint32_t n)
{
    if (primary && plan->user) gather_users(g, plan, source, rows, first, n);
    if (plan->song && contract_feeds(feeds, "dim_song")) gather_songs(g, plan, source, rank, rows, first, n);
    if (plan->location && contract_feeds(feeds, "dim_location")) gather_places(g, plan, source, rank, rows, first, n);
    if (primary && plan->time) gather_times(g, source, rows, first, n);
}
