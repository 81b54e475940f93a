#include "lake/map.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

static size_t find(const struct map *m, const char *key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slot[i] && (m->slot[i]->hash != hash || strcmp(m->slot[i]->key, key))) i = (i + 1) & (m->cap - 1);
    return i;
}

struct map_item *map_get(const struct map *m, const char *key)
{
    return m->cap ? m->slot[find(m, key, hash_64(key, strlen(key), 0))] : NULL;
}

static void resize(struct map *m, size_t cap)
{
    struct map old = *m;
    m->cap = cap;
    m->slot = mem_zalloc(cap * sizeof *m->slot);
    MAP_EACH (&old, item) {
        size_t i = item->hash & (cap - 1);
        while (m->slot[i]) i = (i + 1) & (cap - 1);
        m->slot[i] = item;
    }
    mem_free(old.slot);
}

void map_reserve(struct map *m, size_t count)
{
    size_t cap = m->cap ? m->cap : 16;
    while (cap * 2 < count * 3) cap *= 2; /* at most two thirds full */
    if (cap != m->cap) resize(m, cap);
}

void lake_map_put(struct map *m, struct map_item *item)
{
    map_reserve(m, m->count + 1);
    item->hash = hash_64(item->key, strlen(item->key), 0);
    m->slot[find(m, item->key, item->hash)] = item;
    m->count++;
}

struct map_item *map_take(struct map *m, const char *key)
{
    if (!m->cap) return NULL;
    size_t mask = m->cap - 1, hole = find(m, key, hash_64(key, strlen(key), 0));
    struct map_item *out = m->slot[hole];
    if (!out) return NULL;
    /* Close the hole: whatever probed past it moves back. */
    for (size_t i = (hole + 1) & mask; m->slot[i]; i = (i + 1) & mask) {
        size_t home = m->slot[i]->hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        m->slot[hole] = m->slot[i];
        hole = i;
    }
    m->slot[hole] = NULL;
    m->count--;
    return out;
}

void map_reset(struct map *m)
{
    mem_free(m->slot);
    memset(m, 0, sizeof *m);
}
