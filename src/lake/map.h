/* Inside lake/: a hash map from text to items that hold their own key. Not thread-safe. */
#ifndef LAKEFM_LAKE_MAP_H
#define LAKEFM_LAKE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_item { /* first member of what is put in; the key must not change while it is in */
    const char *key;
    uint64_t hash;
};

struct map { /* {0} is empty */
    struct map_item **slot; /* open addressing, linear probing; NULL: free */
    size_t cap, count;      /* cap: 0 or a power of two */
};

struct map_item *map_get(const struct map *m, const char *key); /* NULL: none */
void lake_map_put(struct map *m, struct map_item *item);             /* the key must not be in yet */
struct map_item *map_take(struct map *m, const char *key);      /* removed; NULL: none */
void map_reserve(struct map *m, size_t count);
void map_reset(struct map *m); /* the items are the caller's to free */

#define MAP_EACH(m, item)                                                                                              \
    for (size_t at_##item = 0; at_##item < (m)->cap; at_##item++)                                                      \
        for (struct map_item *item = (m)->slot[at_##item]; item; item = NULL)

#endif
