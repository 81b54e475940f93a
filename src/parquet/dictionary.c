#include "base/hash.h"
#include "parquet/encodings.h"
#include "parquet/internal.h"

#include <string.h>

/* Values whose range is so small are found in the map by value − least; others in a hash table. */
enum { RANGE_MAX = 1 << 17 };
/* After so many values, a column that still shows mostly new ones is given up. */
enum { LOOK = 4096, LOOK_DISTINCT = LOOK / 8 * 7 };

size_t parquet_texts_bytes(const struct parquet_items *items)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < items->count; i++) bytes += items->texts[i].len;
    return bytes;
}

bool parquet_dictionary_allowed(enum parquet_type type, const struct parquet_items *items)
{
    enum { TEXTS_MAX = 8 << 20 };
    if (type == PARQUET_STRING) return parquet_texts_bytes(items) <= TEXTS_MAX;
    for (uint32_t i = 0; type == PARQUET_DOUBLE && i < items->count; i++)
        if (items->integers[i] == INT64_MIN) return false; /* the bits of −0 */
    return true;
}

static bool hopeless(uint32_t i, uint32_t distinct, uint32_t cap)
{
    return distinct == cap || (i == LOOK && distinct > LOOK_DISTINCT);
}

/* The three below fill index[] and item[] in first-seen order; they return the number of items, 0 to give up. */
static uint32_t by_range(struct parquet_encoder *en, const struct parquet_values *v, int64_t least, uint32_t range,
                         uint32_t cap, uint32_t *index, int64_t *item)
{
    const uint32_t stamp = parquet_map(en, (size_t)range + 1), places = 1u << MAP_PLACE_BITS;
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        uint64_t c = (uint64_t)v->items.integers[i] - (uint64_t)least;
        uint32_t place = en->map[c] ^ stamp;
        if (__builtin_expect(place >= places, 0)) {
            if (hopeless(i, distinct, cap)) return 0;
            item[distinct] = v->items.integers[i];
            place = distinct++;
            en->map[c] = stamp | place;
        }
        index[i] = place;
    }
    return distinct;
}

static uint32_t *clear_slots(struct parquet_encoder *en, uint32_t cap, unsigned *log2)
{
    for (*log2 = 7; 1u << *log2 < 2 * cap; ++*log2) {
    }
    uint32_t *slot = parquet_scratch(&en->slots, (size_t)1 << *log2, sizeof *slot);
    memset(slot, 0, sizeof *slot << *log2);
    return slot; /* 0 empty, else item + 1; at most half full */
}

static uint32_t by_hash(struct parquet_encoder *en, const struct parquet_values *v, uint32_t cap, uint32_t *index,
                        int64_t *item)
{
    unsigned log2;
    uint32_t *slot = clear_slots(en, cap, &log2), distinct = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const int64_t value = v->items.integers[i];
        size_t at = (uint64_t)value * 0x9E3779B97F4A7C15u >> (64 - log2);
        while (slot[at] && item[slot[at] - 1] != value) at = (at + 1) & ((1u << log2) - 1);
        if (!slot[at]) {
            if (hopeless(i, distinct, cap)) return 0;
            item[distinct] = value;
            slot[at] = ++distinct;
        }
        index[i] = slot[at] - 1;
    }
    return distinct;
}

static uint32_t by_text(struct parquet_encoder *en, const struct parquet_values *v, uint32_t cap, uint32_t *index,
                        struct view *item)
{
    unsigned log2;
    uint32_t *slot = clear_slots(en, cap, &log2), distinct = 0;
    uint64_t *hash = parquet_scratch(&en->hashes, cap, sizeof *hash);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct view text = v->items.texts[i];
        const uint64_t h = hash_64(text.ptr, text.len, 0);
        size_t at = h >> (64 - log2);
        while (slot[at] && !(hash[slot[at] - 1] == h && view_eq(item[slot[at] - 1], text)))
            at = (at + 1) & ((1u << log2) - 1);
        if (!slot[at]) {
            if (hopeless(i, distinct, cap)) return 0;
            item[distinct] = text;
            hash[distinct] = h;
            slot[at] = ++distinct;
        }
        index[i] = slot[at] - 1;
    }
    return distinct;
}

/* Bytes of the values when they are not indexed. */
static size_t direct_size(const struct parquet_encoder *en, const struct parquet_values *v)
{
    if (v->type == PARQUET_STRING) return parquet_texts_bytes(&v->items) + v->count;
    bool narrow = parquet_is_narrow(v->type);
    size_t plain = (size_t)v->count * (narrow ? 4 : 8);
    if (v->type == PARQUET_DOUBLE) return plain;
    size_t delta = parquet_delta_size(en->kernels, v->items.integers, v->count, narrow);
    return delta < plain ? delta : plain;
}

/* Bytes of the dictionary page. Integers are in effect as wide as their range when they are compressed, and a bit more.
 */
static size_t items_size(const struct parquet_encoder *en, const struct parquet_values *v,
                         const struct parquet_items *items, uint64_t range)
{
    if (v->type == PARQUET_STRING) return parquet_texts_bytes(items) + 4 * (size_t)items->count;
    size_t each = parquet_is_narrow(v->type) ? 4 : 8;
    size_t packed = range ? (size_t)(64 - __builtin_clzll(range)) / 8 + 1 : 1;
    return items->count * (en->level && v->type != PARQUET_DOUBLE && packed < each ? packed : each);
}

void parquet_dictionary_try(struct parquet_encoder *en, struct parquet_values *v)
{
    enum { PAGE_OVERHEAD = 32 };
    v->seen = v->items;
    if (v->indexed || v->count < 2) return;
    uint32_t cap = parquet_dictionary_cap(v->count);
    uint32_t *index = parquet_scratch(&en->index, v->count + INDEX_SLACK, sizeof *index);
    uint64_t range = UINT64_MAX;
    struct parquet_items items = {0};
    if (v->type == PARQUET_STRING) {
        struct view *text = parquet_scratch(&en->texts2, cap, sizeof *text);
        items = (struct parquet_items){by_text(en, v, cap, index, text), NULL, text};
    } else {
        int64_t least, most, *item = parquet_scratch(&en->items2, cap, sizeof *item);
        en->kernels->min_max(v->items.integers, v->count, &least, &most);
        if (v->type != PARQUET_DOUBLE) range = (uint64_t)most - (uint64_t)least;
        items.count = range < RANGE_MAX ? by_range(en, v, least, (uint32_t)range, cap, index, item)
                                        : by_hash(en, v, cap, index, item);
        items.integers = item;
    }
    if (!items.count) return;
    v->seen = items;
    v->distinct = true;
    memset(index + v->count, 0, INDEX_SLACK * sizeof *index);
    size_t items_bytes = items_size(en, v, &items, range);
    size_t index_bytes = parquet_hybrid_size(en->kernels, index, v->count, parquet_width(items.count - 1));
    if (!parquet_dictionary_allowed(v->type, &items)) return;
    if (PAGE_OVERHEAD + items_bytes + index_bytes >= direct_size(en, v)) return;
    v->indexed = true;
    v->index = index;
    v->items = items;
}
