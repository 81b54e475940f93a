/* The dictionary of one column, and the table from hashes to numbers that it and the memos use. */
#include "refine/decode_private.h"

#include "base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TOKEN_BITS = 6, VALUES_MIN = 64 };

void decode_tag_table_init(struct tag_table *t, uint32_t bits)
{
    t->shift = 64 - bits;
    t->used = 0;
    t->slots = mem_zalloc(decode_tag_table_size(t) * sizeof *t->slots);
}

void decode_tag_table_free(struct tag_table *t)
{
    mem_free(t->slots);
    t->slots = NULL;
    t->used = 0;
}

static void place(struct tag_table *t, struct tag_slot s)
{
    size_t mask = decode_tag_table_size(t) - 1, at = s.lo >> t->shift;
    while (t->slots[at].value) at = (at + 1) & mask;
    t->slots[at] = s;
}

void decode_tag_table_put(struct tag_table *t, struct tag h, uint32_t number)
{
    size_t size = decode_tag_table_size(t);
    if ((t->used + 1) * (size_t)8 > size * 5) {
        struct tag_slot *old = t->slots;
        uint32_t used = t->used;
        decode_tag_table_init(t, 65 - t->shift);
        t->used = used;
        for (size_t i = 0; i < size; i++)
            if (old[i].value) place(t, old[i]);
        mem_free(old);
    }
    place(t, (struct tag_slot){h.lo, (uint32_t)h.hi, number + 1});
    t->used++;
}

void decode_dict_init(struct dict *t, const struct contract_column *col)
{
    memset(t, 0, sizeof *t);
    t->type = col->type;
    t->is_text = col->type == CONTRACT_STRING;
    t->seed = XXH3_64bits(col->name, strlen(col->name));
    decode_tag_table_init(&t->tokens, TOKEN_BITS);
    t->by_value_size = VALUES_MIN;
    t->by_value = mem_zalloc(t->by_value_size * sizeof *t->by_value);
    decode_dict_clear(t);
}

void decode_dict_free(struct dict *t)
{
    decode_tag_table_free(&t->tokens);
    mem_free(t->number);
    mem_free(t->offset);
    mem_free(t->length);
    mem_free(t->hash);
    mem_free(t->by_value);
    buf_reset(&t->bytes);
    memset(t, 0, sizeof *t);
}

static void grow(struct dict *t)
{
    t->cap = t->cap ? t->cap * 2 : VALUES_MIN;
    t->hash = mem_realloc(t->hash, t->cap * sizeof *t->hash);
    if (t->is_text) {
        t->offset = mem_realloc(t->offset, t->cap * sizeof *t->offset);
        t->length = mem_realloc(t->length, t->cap * sizeof *t->length);
    } else {
        t->number = mem_realloc(t->number, t->cap * sizeof *t->number);
    }
}

static void push(struct dict *t, uint64_t number, struct view text, uint64_t hash)
{
    if (t->count == t->cap) grow(t);
    t->hash[t->count] = hash;
    if (t->is_text) {
        t->offset[t->count] = (uint32_t)t->bytes.len;
        t->length[t->count] = (uint32_t)text.len;
        buf_add(&t->bytes, text.ptr, text.len);
    } else {
        t->number[t->count] = number;
    }
    t->count++;
}

/* Gives the memory back, too: a caller forgets because there is too much of it. */
void decode_dict_clear(struct dict *t)
{
    decode_tag_table_free(&t->tokens);
    decode_tag_table_init(&t->tokens, TOKEN_BITS);
    mem_free(t->by_value);
    t->by_value_size = VALUES_MIN;
    t->by_value = mem_zalloc(t->by_value_size * sizeof *t->by_value);
    buf_reset(&t->bytes);
    mem_free(t->hash);
    mem_free(t->number);
    mem_free(t->offset);
    mem_free(t->length);
    t->hash = t->number = NULL;
    t->offset = t->length = NULL;
    t->count = t->cap = 0;
    push(t, 0, view_of(""), 0);
}

size_t decode_dict_memory(const struct dict *t)
{
    return decode_tag_table_size(&t->tokens) * sizeof(struct tag_slot) + t->by_value_size * sizeof *t->by_value + t->bytes.cap +
           (size_t)t->cap * 16;
}

uint64_t decode_value_hash_i64(uint64_t seed, int64_t v) { return XXH3_64bits_withSeed(&v, sizeof v, seed); }

uint64_t decode_value_hash(const struct dict *t, const struct value *v)
{
    if (v->null) return 0;
    return t->is_text ? XXH3_64bits_withSeed(v->text.ptr, v->text.len, t->seed) : decode_value_hash_i64(t->seed, v->integer);
}

static bool same(const struct dict *t, uint32_t code, const struct value *v, uint64_t hash)
{
    if (t->hash[code] != hash) return false;
    if (!t->is_text) return t->number[code] == (uint64_t)v->integer;
    return view_eq(view_from(t->bytes.ptr + t->offset[code], t->length[code]), v->text);
}

static void rehash_values(struct dict *t)
{
    t->by_value_size *= 2;
    mem_free(t->by_value);
    t->by_value = mem_zalloc(t->by_value_size * sizeof *t->by_value);
    for (uint32_t code = 1; code < t->count; code++) {
        size_t at = t->hash[code] & (t->by_value_size - 1);
        while (t->by_value[at]) at = (at + 1) & (t->by_value_size - 1);
        t->by_value[at] = code;
    }
}

uint32_t decode_dict_code(struct dict *t, const struct value *v)
{
    if (v->null) return 0;
    uint64_t hash = decode_value_hash(t, v);
    size_t at = hash & (t->by_value_size - 1);
    for (; t->by_value[at]; at = (at + 1) & (t->by_value_size - 1))
        if (same(t, t->by_value[at], v, hash)) return t->by_value[at];
    if ((t->count + 1) * (uint64_t)4 > t->by_value_size * (uint64_t)3) {
        rehash_values(t);
        at = hash & (t->by_value_size - 1);
        while (t->by_value[at]) at = (at + 1) & (t->by_value_size - 1);
    }
    t->by_value[at] = t->count;
    push(t, (uint64_t)v->integer, v->text, hash);
    return t->count - 1;
}
