/* A hash table from text to pointer. Keys are borrowed (they live in an arena); values are the caller's. Not
 * thread-safe while it changes. {0} is an empty table. */
#ifndef LAKEFM_MODEL_NAMES_H
#define LAKEFM_MODEL_NAMES_H

#include "base/str.h"

struct names_slot {
    struct view key; /* ptr NULL: free */
    void *value;
};
struct names {
    struct names_slot *slot; /* owned; cap is a power of two */
    size_t count, cap;
};

void names_reset(struct names *n);
void names_put(struct names *n, struct view key, void *value); /* replaces */
void *names_find(const struct names *n, struct view key);      /* NULL when missing */
static inline void *names_get(const struct names *n, const char *key) { return names_find(n, view_of(key)); }

#endif
