#include "refine/gather.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

enum { AHEAD = 16 }; /* rows whose cache lines are asked for before they are needed */

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

/* ---- lenses ---- */

/* What of a user's events makes a new stretch when it changes; in the decoder's codes. */
enum { FIRST, LAST, GENDER, REGISTRATION, ZIP, CITY, STATE, LAT, LON, TRAITS };
static const enum gather_attr trait_attr[TRAITS] = {GATHER_FIRST, GATHER_LAST, GATHER_GENDER, GATHER_REGISTRATION, GATHER_ZIP,
                                                    GATHER_CITY,  GATHER_STATE, GATHER_LAT,  GATHER_LON};

struct stretch {
    uint32_t trait[TRAITS];
    uint32_t count; /* 0: none */
    uint32_t from_item, to_item;
    uint32_t rank; /* of the table; they are one topic's, so it is always the same */
    int64_t from_ts, to_ts;
};
struct lens_song {
    uint32_t artist, duration, rank;
    uint32_t next; /* of the same title: index + 1 in `more` */
    int64_t first_seen;
    uint32_t count; /* 0: none */
    uint32_t song;
};

struct gather_lens {
    struct stretch *stretch; /* by user code */
    size_t stretch_count;
    uint32_t *used; /* user codes with a stretch since the last flush */
    size_t used_count, used_cap;
    struct lens_song *song; /* by song code: with the artist, duration and table first met */
    size_t song_count;
    struct lens_song *more; /* with others */
    size_t more_count, more_cap;
};

void gather_init(struct gather *g, struct lexicon *lexicon, const struct gather_domains *domains, size_t topics)
{
    *g = (struct gather){.lexicon = lexicon, .domains = domains, .lens_count = topics};
    g->lens = mem_zalloc(topics * sizeof *g->lens);
}

void gather_reset(struct gather *g)
{
    for (size_t i = 0; i < g->user_count; i++) runs_reset(&g->user[i].runs);
    for (size_t i = 0; i < g->lens_count; i++) {
        struct gather_lens *l = g->lens[i];
        if (!l) continue;
        mem_free(l->stretch);
        mem_free(l->used);
        mem_free(l->song);
        mem_free(l->more);
        mem_free(l);
    }
    mem_free(g->lens);
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

static struct gather_lens *lens_of(struct gather *g, size_t topic)
{
    if (!g->lens[topic]) g->lens[topic] = mem_zalloc(sizeof **g->lens);
    return g->lens[topic];
}

/* Makes list[code] usable; what is new is zero. */
static void reach(void *list_address, size_t *count, size_t code, size_t size)
{
    if (code < *count) return;
    size_t before = *count;
    char *list;
    mem_grow(list_address, count, code + 1, size);
    memcpy(&list, list_address, sizeof list);
    memset(list + before * size, 0, (*count - before) * size);
}

/* ---- reading attributes ---- */

const uint32_t *gather_codes(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s, enum gather_attr a)
{
    uint16_t column = plan->column[a];
    const struct decode_column *in = column == CONTRACT_NONE ? NULL : &s->batch->columns[column];
    if (in && in->codes) return in->codes;
    uint32_t *codes = g->scratch_codes[a];
    if (!codes) codes = g->scratch_codes[a] = mem_array(DECODE_BATCH_ROWS, sizeof *codes);
    if (!in) memset(codes, 0, s->batch->rows * sizeof *codes);
    for (uint32_t i = 0; in && i < s->batch->rows; i++)
        codes[i] = in->present && !in->present[i] ? 0 : lexicon_integer(g->lexicon, g->domains->domain[a], in->dense[i]);
    return codes;
}

const int64_t *gather_items(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s)
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

struct gather_user *gather_user_get(struct gather *g, uint32_t code)
{
    reach(&g->user_slot, &g->user_slot_count, code, sizeof *g->user_slot);
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

struct runs_order gather_level_order(const struct gather *g)
{
    return (struct runs_order){compare_level, (void *)(uintptr_t)g};
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

static void user_latest(const struct gather *g, struct gather_user *u, const struct gather_user *now)
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

static void take_place(struct gather *g, const struct gather_place *key, uint32_t count);

/* A stretch ends: the user, and the place, get what it says. */
static void take_stretch(struct gather *g, const struct gather_plan *plan, const uint32_t *const *maps, uint32_t user,
                         struct stretch *s)
{
    uint32_t t[TRAITS];
    for (int i = 0; i < TRAITS; i++) t[i] = gather_number(plan, maps, trait_attr[i], s->trait[i]);
    if (plan->location && (t[ZIP] || t[CITY] || t[STATE])) {
        struct gather_place place = {.zip = t[ZIP], .city = t[CITY], .state = t[STATE], .lat = t[LAT], .lon = t[LON], .rank = s->rank};
        take_place(g, &place, s->count);
    }
    s->count = 0;
    if (!user || !plan->user) return;
    struct gather_user *u = gather_user_get(g, gather_number(plan, maps, GATHER_USER, user));
    if (s->from_ts < u->first_seen) u->first_seen = s->from_ts;
    if (s->to_ts > u->last_seen) u->last_seen = s->to_ts;
    if (plan->person) {
        struct gather_user now = {.first = t[FIRST], .last = t[LAST], .gender = t[GENDER], .registration = t[REGISTRATION],
                                  .last_ts = s->to_ts, .last_item = s->to_item};
        user_latest(g, u, &now);
    }
}

static bool continues(const struct stretch *s, const uint32_t *const traits[TRAITS], uint32_t row, int64_t ts, uint32_t item)
{
    uint32_t differ = 0;
    for (int i = 0; i < TRAITS; i++) differ |= s->trait[i] ^ traits[i][row];
    return !differ && s->count && s->count < UINT32_MAX && (ts > s->to_ts || (ts == s->to_ts && item >= s->to_item));
}

static void gather_stretches(struct gather *g, struct gather_lens *l, const struct gather_plan *plan,
                             const struct layout_rows *source, uint32_t rank, const uint16_t *rows, uint32_t n)
{
    const uint32_t *user = gather_codes(g, plan, source, GATHER_USER), *traits[TRAITS];
    const int64_t *item = gather_items(g, plan, source), *ts = source->batch->ts_ms;
    for (int i = 0; i < TRAITS; i++) traits[i] = gather_codes(g, plan, source, trait_attr[i]);
    uint32_t top = 0;
    for (uint32_t i = 0; i < source->batch->rows; i++) top = user[i] > top ? user[i] : top;
    reach(&l->stretch, &l->stretch_count, top, sizeof *l->stretch);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i, ahead = i + AHEAD < n ? i + AHEAD : n - 1;
        const char *soon = (const char *)&l->stretch[user[rows ? rows[ahead] : ahead]];
        __builtin_prefetch(soon, 1);
        __builtin_prefetch(soon + sizeof(struct stretch) - 1, 1);
        struct stretch *s = &l->stretch[user[row]];
        if (continues(s, traits, row, ts[row], (uint32_t)item[row])) {
            s->count++;
            s->to_ts = ts[row];
            s->to_item = (uint32_t)item[row];
            continue;
        }
        if (s->count) {
            take_stretch(g, plan, source->maps, user[row], s);
        } else {
            mem_grow(&l->used, &l->used_cap, l->used_count + 1, sizeof *l->used);
            l->used[l->used_count++] = user[row];
        }
        *s = (struct stretch){.count = 1, .rank = rank, .from_item = (uint32_t)item[row], .to_item = (uint32_t)item[row],
                              .from_ts = ts[row], .to_ts = ts[row]};
        for (int k = 0; k < TRAITS; k++) s->trait[k] = traits[k][row];
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

static void take_song(struct gather *g, const struct gather_song *one)
{
    if (g->song_count * 2 >= g->song_slot_count) song_rehash(g);
    size_t slot = song_hash(one) & (g->song_slot_count - 1);
    for (; g->song_slot[slot]; slot = (slot + 1) & (g->song_slot_count - 1)) {
        struct gather_song *s = &g->song[g->song_slot[slot] - 1];
        if (!song_same(s, one)) continue;
        s->count += one->count;
        if (one->first_seen < s->first_seen) s->first_seen = one->first_seen;
        return;
    }
    mem_grow(&g->song, &g->song_cap, g->song_count + 1, sizeof *g->song);
    g->song[g->song_count] = *one;
    g->song_slot[slot] = (uint32_t)++g->song_count;
}

static inline bool is_song(const struct lens_song *s, uint32_t artist, uint32_t duration, uint32_t rank)
{
    return s->count && s->count < UINT32_MAX && s->artist == artist && s->duration == duration && s->rank == rank;
}

static void count_song(struct lens_song *s, int64_t ts)
{
    s->count++;
    if (ts < s->first_seen) s->first_seen = ts;
}

/* Not the first of its title. */
static void count_more(struct gather_lens *l, const struct lens_song *one)
{
    struct lens_song *head = &l->song[one->song];
    if (!head->count) {
        *head = *one;
        return;
    }
    for (uint32_t i = head->next; i; i = l->more[i - 1].next)
        if (is_song(&l->more[i - 1], one->artist, one->duration, one->rank)) {
            count_song(&l->more[i - 1], one->first_seen);
            return;
        }
    mem_grow(&l->more, &l->more_cap, l->more_count + 1, sizeof *l->more);
    l->more[l->more_count] = *one;
    l->more[l->more_count].next = head->next;
    head->next = (uint32_t)++l->more_count;
}

static void gather_songs(struct gather *g, struct gather_lens *l, const struct gather_plan *plan,
                         const struct layout_rows *source, uint32_t rank, const uint16_t *rows, uint32_t n)
{
    const uint32_t *song = gather_codes(g, plan, source, GATHER_SONG), *artist = gather_codes(g, plan, source, GATHER_ARTIST);
    const uint32_t *duration = gather_codes(g, plan, source, GATHER_DURATION);
    const int64_t *ts = source->batch->ts_ms;
    uint32_t top = 0;
    for (uint32_t i = 0; i < source->batch->rows; i++) top = song[i] > top ? song[i] : top;
    reach(&l->song, &l->song_count, top, sizeof *l->song);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i, ahead = i + AHEAD < n ? i + AHEAD : n - 1;
        __builtin_prefetch(&l->song[song[rows ? rows[ahead] : ahead]], 1);
        if (!song[row] || !artist[row]) continue;
        struct lens_song *s = &l->song[song[row]];
        if (is_song(s, artist[row], duration[row], rank)) count_song(s, ts[row]);
        else count_more(l, &(struct lens_song){artist[row], duration[row], rank, 0, ts[row], 1, song[row]});
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

static void take_place(struct gather *g, const struct gather_place *key, uint32_t count)
{
    if (g->place_count * 2 >= g->place_slot_count) place_rehash(g);
    size_t slot = place_hash(key) & (g->place_slot_count - 1);
    for (; g->place_slot[slot]; slot = (slot + 1) & (g->place_slot_count - 1)) {
        struct gather_place *p = &g->place[g->place_slot[slot] - 1];
        if (!place_same(p, key)) continue;
        p->count += count;
        return;
    }
    mem_grow(&g->place, &g->place_cap, g->place_count + 1, sizeof *g->place);
    g->place[g->place_count] = *key;
    g->place[g->place_count].count = count;
    g->place_slot[slot] = (uint32_t)++g->place_count;
}

/* Places of extra rows: those of the record's own row are counted by its stretch. */
static void gather_places(struct gather *g, const struct gather_plan *plan, const struct layout_rows *source, uint32_t rank,
                          const uint16_t *rows, uint32_t n)
{
    const uint32_t *traits[TRAITS];
    for (int i = ZIP; i <= LON; i++) traits[i] = gather_codes(g, plan, source, trait_attr[i]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i, t[TRAITS];
        for (int k = ZIP; k <= LON; k++) t[k] = gather_number(plan, source->maps, trait_attr[k], traits[k][row]);
        if (!t[ZIP] && !t[CITY] && !t[STATE]) continue;
        struct gather_place key = {.zip = t[ZIP], .city = t[CITY], .state = t[STATE], .lat = t[LAT], .lon = t[LON], .rank = rank};
        take_place(g, &key, 1);
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

static void gather_times(struct gather *g, const struct layout_rows *s, const uint16_t *rows, uint32_t n)
{
    const struct decode_batch *b = s->batch;
    int64_t from = 1, to = 0; /* the minute of the row before */
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (b->ts_ms[row] >= from && b->ts_ms[row] < to) continue;
        int64_t day_ms = b->day[row] * CLOCK_DAY_MS;
        uint32_t minute = (uint32_t)((b->ts_ms[row] - day_ms) / 60000);
        minutes_get(g, b->day[row])->bits[minute / 64] |= 1ull << minute % 64;
        from = day_ms + minute * 60000ll;
        to = from + 60000;
    }
}

/* ---- all of it ---- */

void gather_rows(struct gather *g, size_t topic, const struct gather_plan *plan, const struct contract *feeds,
                 const struct layout_rows *source, uint32_t rank, bool primary, const uint16_t *rows, uint32_t n)
{
    struct gather_lens *l = lens_of(g, topic);
    bool location = plan->location && contract_feeds(feeds, "dim_location");
    if (!n) return;
    if (primary && (plan->user || location)) gather_stretches(g, l, plan, source, rank, rows, n);
    if (!primary && location) gather_places(g, plan, source, rank, rows, n);
    if (plan->song && contract_feeds(feeds, "dim_song")) gather_songs(g, l, plan, source, rank, rows, n);
    if (primary && plan->time) gather_times(g, source, rows, n);
}

static void flush_song(struct gather *g, const struct gather_plan *plan, const uint32_t *const *maps,
                       const struct lens_song *s)
{
    if (!s->count) return;
    struct gather_song one = {.song = gather_number(plan, maps, GATHER_SONG, s->song),
                              .artist = gather_number(plan, maps, GATHER_ARTIST, s->artist),
                              .duration = gather_number(plan, maps, GATHER_DURATION, s->duration),
                              .rank = s->rank, .count = s->count, .first_seen = s->first_seen};
    take_song(g, &one);
}

void gather_flush(struct gather *g, size_t topic, const struct gather_plan *plan, const uint32_t *const *maps)
{
    struct gather_lens *l = g->lens[topic];
    if (!l) return;
    for (size_t i = 0; i < l->used_count; i++)
        if (l->stretch[l->used[i]].count) take_stretch(g, plan, maps, l->used[i], &l->stretch[l->used[i]]);
    l->used_count = 0;
    for (size_t i = 0; i < l->song_count; i++) {
        flush_song(g, plan, maps, &l->song[i]);
        l->song[i] = (struct lens_song){0};
    }
    for (size_t i = 0; i < l->more_count; i++) flush_song(g, plan, maps, &l->more[i]);
    l->more_count = 0;
}
