#include "model/names.h"

#include "base/hash.h"
#include "base/mem.h"

void names_reset(struct names *n)
{
    mem_free(n->slot);
    *n = (struct names){0};
}

static struct names_slot *place(struct names_slot *slot, size_t cap, struct view key)
{
    size_t at = hash_64(key.ptr, key.len, 0) & (cap - 1);
    while (slot[at].key.ptr && !view_eq(slot[at].key, key)) at = (at + 1) & (cap - 1);
    return &slot[at];
}

void names_put(struct names *n, struct view key, void *value)
{
    if (2 * (n->count + 1) > n->cap) {
        size_t cap = n->cap ? 2 * n->cap : 64;
        struct names_slot *bigger = mem_zalloc(cap * sizeof *bigger);
        for (size_t i = 0; i < n->cap; i++)
            if (n->slot[i].key.ptr) *place(bigger, cap, n->slot[i].key) = n->slot[i];
        mem_free(n->slot);
        n->slot = bigger;
        n->cap = cap;
    }
    struct names_slot *s = place(n->slot, n->cap, key);
    if (!s->key.ptr) n->count++, s->key = key;
    s->value = value;
}

void *names_find(const struct names *n, struct view key)
{
    return n->cap && key.ptr ? place(n->slot, n->cap, key)->value : NULL;
}
