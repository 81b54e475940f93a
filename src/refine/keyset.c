#include "refine/keyset.h"

#include "base/mem.h"
#include "base/pages.h"

#include <string.h>
#include <sys/random.h>

enum {
    FIRST_ROOM = 64,
    AHEAD = 12,
    REUSED_ROOM = 1 << 12, /* from here on tables that are given up serve again */
    BIG_ROOM = 1 << 16,    /* from here on they are whole pages */
};
static const size_t SPARE_MOST = 16u << 20;

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_make(void)
{
    /* Short of entropy at boot: an address is better than nothing, and correctness does not hang on it. */
    if (getrandom(seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) seed[0] = (uint64_t)(uintptr_t)&seed;
    seed[0] |= 1;
    seed[1] |= 1;
}

static inline uint64_t place_of(uint64_t lo, uint64_t hi)
{
    __uint128_t a = (__uint128_t)(lo ^ seed[0]) * (hi ^ seed[1] ^ 0x9E3779B97F4A7C15ull);
    __uint128_t b = (__uint128_t)((uint64_t)a ^ (uint64_t)(a >> 64) ^ lo) * (seed[0] ^ 0xD6E8FEB86659FD93ull);
    return (uint64_t)b ^ (uint64_t)(b >> 64) ^ hi * seed[1];
}

uint32_t keyset_payload(uint64_t payload)
{
    uint32_t folded = (uint32_t)(payload ^ (payload >> 32));
    return folded <= KEYSET_ANY_PAYLOAD ? folded + 2 : folded;
}

/* ---- tables ---- */

static size_t table_bytes(size_t room) { return room * sizeof(struct keyset_entry); }

static struct keyset_entry *spare_take(struct keyset_spare *spare, size_t *room)
{
    struct keyset_entry *found = NULL;
    if (!spare) return NULL;
    pthread_mutex_lock(&spare->lock);
    for (int i = 0; i < KEYSET_SPARES && !found; i++) {
        if (!spare->slots[i] || spare->room[i] < *room || spare->room[i] > *room + *room / 2) continue;
        found = spare->slots[i];
        *room = spare->room[i];
        spare->slots[i] = NULL;
        spare->bytes -= table_bytes(*room);
    }
    pthread_mutex_unlock(&spare->lock);
    return found;
}

static bool spare_give(struct keyset_spare *spare, struct keyset_entry *slots, size_t room)
{
    bool given = false;
    if (!spare) return false;
    pthread_mutex_lock(&spare->lock);
    for (int i = 0; i < KEYSET_SPARES && !given; i++) {
        if (spare->slots[i] || spare->bytes + table_bytes(room) > SPARE_MOST) continue;
        spare->slots[i] = slots;
        spare->room[i] = room;
        spare->bytes += table_bytes(room);
        given = true;
    }
    pthread_mutex_unlock(&spare->lock);
    return given;
}

/* *room grows when a spare one is greater. */
static struct keyset_entry *table_new(struct keyset_spare *spare, size_t *room)
{
    struct keyset_entry *slots = *room < REUSED_ROOM ? NULL : spare_take(spare, room);
    if (!slots && *room >= BIG_ROOM) return pages_alloc(table_bytes(*room));
    /* Not mem_zalloc: fresh pages that are read first (a look for a key) fault twice, and the second time all cores wait. */
    if (!slots) slots = mem_alloc(table_bytes(*room));
    return memset(slots, 0, table_bytes(*room));
}

static void table_free(struct keyset_spare *spare, struct keyset_entry *slots, size_t room)
{
    if (!slots || (room >= REUSED_ROOM && spare_give(spare, slots, room))) return;
    if (room < BIG_ROOM) mem_free(slots);
    else pages_free(slots, table_bytes(room));
}

void keyset_spare_init(struct keyset_spare *spare)
{
    *spare = (struct keyset_spare){0};
    pthread_mutex_init(&spare->lock, NULL);
}

void keyset_spare_reset(struct keyset_spare *spare)
{
    for (int i = 0; i < KEYSET_SPARES; i++)
        if (spare->room[i] < BIG_ROOM) mem_free(spare->slots[i]);
        else pages_free(spare->slots[i], table_bytes(spare->room[i]));
    pthread_mutex_destroy(&spare->lock);
}

void keyset_reset(struct keyset *set)
{
    table_free(set->spare, set->slots, set->room);
    *set = (struct keyset){.spare = set->spare};
}

size_t keyset_bytes(const struct keyset *set) { return table_bytes(set->room); }

/* Lemire's multiply-shift: keeps the order of places. */
static inline size_t slot_of(uint64_t place, size_t room) { return (size_t)((__uint128_t)place * room >> 64); }

/* Slots are sorted by place but for the runs that probing makes, so the sweep writes the new table nearly in order. */
static void resize(struct keyset *set, size_t room)
{
    pthread_once(&seed_once, seed_make);
    struct keyset_entry *old = set->slots;
    size_t old_room = set->room;
    set->slots = table_new(set->spare, &room);
    set->room = room;
    for (size_t i = 0; i < old_room; i++) {
        if (!old[i].payload) continue;
        size_t at = slot_of(place_of(old[i].lo, old[i].hi), room);
        while (set->slots[at].payload)
            if (++at == room) at = 0;
        set->slots[at] = old[i];
    }
    table_free(set->spare, old, old_room);
}

/* Room for `more` entries: doubled while small, by half when big. */
static void make_room(struct keyset *set, size_t more)
{
    size_t room = set->room ? set->room : FIRST_ROOM;
    while (set->count + more > room / 4 * 3) room += room < BIG_ROOM ? room : room / 2;
    if (room != set->room) resize(set, room);
}

void keyset_reserve(struct keyset *set, size_t count)
{
    size_t room = (count / 3 + 16) * 4;
    if (room > set->room) resize(set, room);
}

static inline enum keyset_answer add(struct keyset *set, uint64_t place, uint64_t lo, uint64_t hi, uint32_t payload)
{
    size_t at = slot_of(place, set->room);
    for (;; at = at + 1 == set->room ? 0 : at + 1) {
        struct keyset_entry *slot = &set->slots[at];
        if (!slot->payload) {
            *slot = (struct keyset_entry){lo, hi, payload};
            set->count++;
            return KEYSET_NEW;
        }
        if (slot->lo == lo && slot->hi == hi) {
            bool same = slot->payload == payload || slot->payload == KEYSET_ANY_PAYLOAD || payload == KEYSET_ANY_PAYLOAD;
            return same ? KEYSET_SAME : KEYSET_CONFLICT;
        }
    }
}

enum keyset_answer keyset_add(struct keyset *set, struct hash128 key, uint64_t payload)
{
    make_room(set, 1);
    return add(set, place_of(key.lo, key.hi), key.lo, key.hi, keyset_payload(payload));
}

bool keyset_add_entry(struct keyset *set, struct keyset_entry entry)
{
    make_room(set, 1);
    return add(set, place_of(entry.lo, entry.hi), entry.lo, entry.hi, entry.payload) == KEYSET_NEW;
}

static inline size_t row_at(const uint16_t *rows, size_t i) { return rows ? rows[i] : i; }

size_t keyset_add_rows(struct keyset *set, const struct hash128 *key, const uint64_t *payload, const uint16_t *rows,
                       size_t n, uint8_t *answer)
{
    size_t before = set->count;
    uint64_t places[AHEAD]; /* of the rows i … i + AHEAD - 1 */
    make_room(set, n);
    for (size_t i = 0; i < n + AHEAD; i++) {
        uint64_t place = places[i % AHEAD];
        if (i < n) {
            struct hash128 k = key[row_at(rows, i)];
            places[i % AHEAD] = place_of(k.lo, k.hi);
            __builtin_prefetch(&set->slots[slot_of(places[i % AHEAD], set->room)], 1);
        }
        if (i < AHEAD) continue;
        size_t row = row_at(rows, i - AHEAD);
        answer[i - AHEAD] = (uint8_t)add(set, place, key[row].lo, key[row].hi, keyset_payload(payload[row]));
    }
    return set->count - before;
}

const struct keyset_entry *keyset_next(const struct keyset *set, size_t *at)
{
    while (*at < set->room) {
        const struct keyset_entry *slot = &set->slots[(*at)++];
        if (slot->payload) return slot;
    }
    return NULL;
}
