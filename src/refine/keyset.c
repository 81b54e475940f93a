#include "refine/keyset.h"

#include "base/mem.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_BITS = 6, AHEAD = 12 };

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

void keyset_reset(struct keyset *set)
{
    mem_free(set->slots);
    *set = (struct keyset){0};
}

size_t keyset_bytes(const struct keyset *set) { return set->bits ? sizeof *set->slots << set->bits : 0; }

/* Slots are sorted by place but for the runs that probing makes, so the sweep writes the new table nearly in order. */
static void resize(struct keyset *set, unsigned bits)
{
    pthread_once(&seed_once, seed_make);
    struct keyset_entry *old = set->slots;
    size_t old_slots = set->bits ? (size_t)1 << set->bits : 0, mask = ((size_t)1 << bits) - 1;
    set->slots = mem_zalloc(sizeof *set->slots << bits);
    set->bits = bits;
    for (size_t i = 0; i < old_slots; i++) {
        if (!old[i].payload) continue;
        size_t at = place_of(old[i].lo, old[i].hi) >> (64 - bits);
        while (set->slots[at].payload) at = (at + 1) & mask;
        set->slots[at] = old[i];
    }
    mem_free(old);
}

static inline bool is_full(const struct keyset *set, size_t more)
{
    return !set->bits || set->count + more > ((size_t)3 << set->bits) / 4;
}

void keyset_reserve(struct keyset *set, size_t count)
{
    unsigned bits = set->bits ? set->bits : FIRST_BITS;
    while (count > ((size_t)3 << bits) / 4) bits++;
    if (bits != set->bits) resize(set, bits);
}

static inline enum keyset_answer add(struct keyset *set, uint64_t place, uint64_t lo, uint64_t hi, uint32_t payload)
{
    size_t mask = ((size_t)1 << set->bits) - 1, at = place >> (64 - set->bits);
    for (;; at = (at + 1) & mask) {
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
    if (is_full(set, 1)) resize(set, set->bits ? set->bits + 1 : FIRST_BITS);
    return add(set, place_of(key.lo, key.hi), key.lo, key.hi, keyset_payload(payload));
}

bool keyset_add_entry(struct keyset *set, struct keyset_entry entry)
{
    if (is_full(set, 1)) resize(set, set->bits ? set->bits + 1 : FIRST_BITS);
    return add(set, place_of(entry.lo, entry.hi), entry.lo, entry.hi, entry.payload) == KEYSET_NEW;
}

static inline size_t row_at(const uint16_t *rows, size_t i) { return rows ? rows[i] : i; }

size_t keyset_add_rows(struct keyset *set, const struct hash128 *key, const uint64_t *payload, const uint16_t *rows,
                       size_t n, uint8_t *answer)
{
    size_t before = set->count;
    uint64_t places[AHEAD]; /* of the rows i … i + AHEAD - 1 */
    while (is_full(set, n)) resize(set, set->bits ? set->bits + 1 : FIRST_BITS);
    unsigned shift = 64 - set->bits;
    for (size_t i = 0; i < n + AHEAD; i++) {
        uint64_t place = places[i % AHEAD];
        if (i < n) {
            struct hash128 k = key[row_at(rows, i)];
            places[i % AHEAD] = place_of(k.lo, k.hi);
            __builtin_prefetch(&set->slots[places[i % AHEAD] >> shift], 1);
        }
        if (i < AHEAD) continue;
        size_t row = row_at(rows, i - AHEAD);
        answer[i - AHEAD] = (uint8_t)add(set, place, key[row].lo, key[row].hi, keyset_payload(payload[row]));
    }
    return set->count - before;
}

const struct keyset_entry *keyset_next(const struct keyset *set, size_t *at)
{
    size_t slots = set->bits ? (size_t)1 << set->bits : 0;
    while (*at < slots) {
        const struct keyset_entry *slot = &set->slots[(*at)++];
        if (slot->payload) return slot;
    }
    return NULL;
}
