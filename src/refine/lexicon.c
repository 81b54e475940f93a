#include "refine/lexicon.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

union values {
    void *any;
    int64_t *integers;
    double *reals;
    struct view *texts;
};

struct domain {
    pthread_mutex_t lock;
    char *name;
    enum contract_type type;
    uint64_t seed; /* of the slots' order: nobody can prepare values that collide */
    uint32_t count, cap;
    union values values; /* [cap] */
    uint32_t *slots;     /* codes by hash, 0: empty; [1 << slot_bits] */
    unsigned slot_bits;
    struct arena texts;
    void **retired;
    size_t retired_count, retired_cap;
};

struct lexicon {
    struct domain **domain;
    size_t count, cap;
    uint64_t generation;
    atomic_size_t bytes;
};

enum { FIRST_CAP = 64 };

static uint64_t hash_bits(uint64_t v)
{
    v ^= v >> 32;
    v *= 0xD6E8FEB86659FD93ull;
    v ^= v >> 32;
    v *= 0xD6E8FEB86659FD93ull;
    return v ^ v >> 32;
}

static bool is_text(const struct domain *d) { return d->type == CONTRACT_STRING; }
static bool is_real(const struct domain *d) { return d->type == CONTRACT_DOUBLE; }

static size_t value_bytes(const struct domain *d) { return is_text(d) ? sizeof(struct view) : 8; }

static void domain_start(struct lexicon *lexicon, struct domain *d)
{
    d->count = 1;
    d->cap = FIRST_CAP;
    d->values.any = mem_zalloc(FIRST_CAP * value_bytes(d));
    d->slot_bits = 8;
    d->slots = mem_zalloc(sizeof *d->slots << d->slot_bits);
    arena_init(&d->texts);
    lexicon->bytes += FIRST_CAP * value_bytes(d) + (sizeof *d->slots << d->slot_bits);
}

static void domain_settle(struct domain *d)
{
    for (size_t i = 0; i < d->retired_count; i++) mem_free(d->retired[i]);
    d->retired_count = 0;
}

static void domain_stop(struct domain *d)
{
    domain_settle(d);
    mem_free(d->values.any);
    mem_free(d->slots);
    arena_reset(&d->texts);
}

struct lexicon *lexicon_new(void) { return mem_zalloc(sizeof(struct lexicon)); }

void lexicon_free(struct lexicon **lexicon)
{
    struct lexicon *l = *lexicon;
    if (!l) return;
    for (size_t i = 0; i < l->count; i++) {
        domain_stop(l->domain[i]);
        pthread_mutex_destroy(&l->domain[i]->lock);
        mem_free(l->domain[i]->retired);
        mem_free(l->domain[i]->name);
        mem_free(l->domain[i]);
    }
    mem_free(l->domain);
    mem_free(l);
    *lexicon = NULL;
}

uint32_t lexicon_domain(struct lexicon *lexicon, const char *name, enum contract_type type)
{
    for (size_t i = 0; i < lexicon->count; i++)
        if (lexicon->domain[i]->type == type && !strcmp(lexicon->domain[i]->name, name)) return (uint32_t)i;
    struct domain *d = mem_zalloc(sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    d->name = mem_strdup(name);
    d->type = type;
    d->seed = hash_bits(clock_mono_ns() ^ (uint64_t)(uintptr_t)d);
    domain_start(lexicon, d);
    mem_grow(&lexicon->domain, &lexicon->cap, lexicon->count + 1, sizeof *lexicon->domain);
    lexicon->domain[lexicon->count] = d;
    return (uint32_t)lexicon->count++;
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t hash_of(const struct domain *d, union values v, uint32_t at)
{
    if (is_text(d)) return hash_64(v.texts[at].ptr, v.texts[at].len, d->seed);
    return hash_bits((uint64_t)v.integers[at] ^ d->seed);
}

static void grow_values(struct lexicon *lexicon, struct domain *d)
{
    size_t bytes = d->cap * value_bytes(d);
    void *more = mem_alloc(2 * bytes);
    memcpy(more, d->values.any, bytes);
    mem_grow(&d->retired, &d->retired_cap, d->retired_count + 1, sizeof *d->retired);
    d->retired[d->retired_count++] = d->values.any;
    d->values.any = more;
    d->cap *= 2;
    lexicon->bytes += bytes;
}

static void grow_slots(struct lexicon *lexicon, struct domain *d)
{
    mem_free(d->slots);
    lexicon->bytes += sizeof *d->slots << d->slot_bits;
    d->slot_bits++;
    d->slots = mem_zalloc(sizeof *d->slots << d->slot_bits);
    size_t mask = ((size_t)1 << d->slot_bits) - 1;
    for (uint32_t code = 1; code < d->count; code++) {
        size_t at = hash_of(d, d->values, code) & mask;
        while (d->slots[at]) at = (at + 1) & mask;
        d->slots[at] = code;
    }
}

static bool same(const struct domain *d, uint32_t code, union values v, uint32_t at)
{
    if (is_text(d)) return view_eq(d->values.texts[code], v.texts[at]);
    return d->values.integers[code] == v.integers[at]; /* doubles too: by their bits */
}

static uint32_t intern(struct lexicon *lexicon, struct domain *d, union values v, uint32_t from)
{
    size_t mask = ((size_t)1 << d->slot_bits) - 1, at = hash_of(d, v, from) & mask;
    for (; d->slots[at]; at = (at + 1) & mask)
        if (same(d, d->slots[at], v, from)) return d->slots[at];
    if (d->count == d->cap) grow_values(lexicon, d);
    uint32_t code = d->count++;
    d->slots[at] = code;
    if (is_text(d)) {
        struct view text = v.texts[from];
        d->values.texts[code] = view_from(arena_strndup(&d->texts, text.ptr, text.len), text.len);
        lexicon->bytes += text.len + 16;
    } else {
        d->values.integers[code] = v.integers[from];
    }
    if ((size_t)d->count * 2 > mask) grow_slots(lexicon, d);
    return code;
}

void lexicon_map(struct lexicon *lexicon, uint32_t domain, const struct decode_dict *dict, uint32_t from, uint32_t *map)
{
    struct domain *d = lexicon->domain[domain];
    pthread_mutex_lock(&d->lock);
    for (uint32_t code = from; code < dict->count; code++) {
        if (!code) {
            map[0] = 0;
        } else if (is_text(d)) {
            const char *text = dict->bytes + dict->offset[code];
            struct view one = view_from(text, dict->length[code]);
            map[code] = intern(lexicon, d, (union values){.texts = &one}, 0);
        } else if (is_real(d)) {
            int64_t bits = (int64_t)bits_of(dict->real[code]);
            map[code] = intern(lexicon, d, (union values){.integers = &bits}, 0);
        } else {
            int64_t one = dict->integer[code];
            map[code] = intern(lexicon, d, (union values){.integers = &one}, 0);
        }
    }
    pthread_mutex_unlock(&d->lock);
}

static uint32_t intern_locked(struct lexicon *lexicon, uint32_t domain, union values v)
{
    struct domain *d = lexicon->domain[domain];
    pthread_mutex_lock(&d->lock);
    uint32_t code = intern(lexicon, d, v, 0);
    pthread_mutex_unlock(&d->lock);
    return code;
}

uint32_t lexicon_integer(struct lexicon *lexicon, uint32_t domain, int64_t value)
{
    return intern_locked(lexicon, domain, (union values){.integers = &value});
}

uint32_t lexicon_real(struct lexicon *lexicon, uint32_t domain, double value)
{
    int64_t bits = (int64_t)bits_of(value);
    return intern_locked(lexicon, domain, (union values){.integers = &bits});
}

uint32_t lexicon_text(struct lexicon *lexicon, uint32_t domain, struct view value)
{
    return intern_locked(lexicon, domain, (union values){.texts = &value});
}

void lexicon_view(struct lexicon *lexicon, uint32_t domain, struct lexicon_view *out)
{
    struct domain *d = lexicon->domain[domain];
    pthread_mutex_lock(&d->lock);
    *out = (struct lexicon_view){.type = d->type, .count = d->count};
    if (is_text(d)) out->texts = d->values.texts;
    else if (is_real(d)) out->reals = d->values.reals;
    else out->integers = d->values.integers;
    pthread_mutex_unlock(&d->lock);
}

size_t lexicon_bytes(const struct lexicon *lexicon) { return lexicon->bytes; }
uint64_t lexicon_generation(const struct lexicon *lexicon) { return lexicon->generation; }

void lexicon_settle(struct lexicon *lexicon)
{
    for (size_t i = 0; i < lexicon->count; i++) domain_settle(lexicon->domain[i]);
}

void lexicon_clear(struct lexicon *lexicon)
{
    lexicon->bytes = 0;
    lexicon->generation++;
    for (size_t i = 0; i < lexicon->count; i++) {
        domain_stop(lexicon->domain[i]);
        domain_start(lexicon, lexicon->domain[i]);
    }
}
