/* The keys of one day's rows, exact: which are there, and a hash of each one's payload. Insert and ask in one step.
 *
 * Open addressing, linear probing, 20-byte slots; a slot's place is a seeded mix of its key scaled to the table, so that a
 * greater table is filled by one sweep from the old one. The seed is new for each process: nobody can prepare keys that
 * collide. At most 3/4 full: 27 to 53 bytes a row, 20 in a file.
 *
 * Keys are what the decoder gives (decode.h): the numbers themselves where they fit, so that no two keys are taken for
 * one another; else XXH3-128. Of the payload's 64-bit hash 32 bits are kept: a conflict is taken for a duplicate once in
 * 4 billion conflicts (either way the first row stays and the other does not get in).
 *
 * One thread at a time. */
#ifndef LAKEFM_REFINE_KEYSET_H
#define LAKEFM_REFINE_KEYSET_H

#include "base/hash.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Also the entry of a state file. payload 0 marks an empty slot, so it is never 0 in an entry. */
struct keyset_entry {
    uint64_t lo, hi;
    uint32_t payload;
} __attribute__((packed, aligned(4)));

enum { KEYSET_ANY_PAYLOAD = 1 }; /* an entry whose payload is not known: equal to every other */

/* Big tables that were given up, for the next one of their size: their pages are in memory already. Thread-safe. */
enum { KEYSET_SPARES = 16 };
struct keyset_spare {
    struct keyset_entry *slots[KEYSET_SPARES];
    size_t room[KEYSET_SPARES];
    size_t bytes;
    pthread_mutex_t lock;
};
void keyset_spare_init(struct keyset_spare *spare);
void keyset_spare_reset(struct keyset_spare *spare); /* frees */

struct keyset {
    struct keyset_entry *slots; /* owned */
    size_t count, room; /* entries; slots */
    struct keyset_spare *spare; /* borrowed; NULL: none. keyset_reset keeps it */
};

enum keyset_answer {
    KEYSET_NEW,      /* was not there, is now */
    KEYSET_SAME,     /* is there with this payload */
    KEYSET_CONFLICT, /* is there with another payload */
};

void keyset_reset(struct keyset *set); /* frees; {0} is a valid empty set */
/* Room for `count` keys in all without growing. */
void keyset_reserve(struct keyset *set, size_t count);
enum keyset_answer keyset_add(struct keyset *set, struct hash128 key, uint64_t payload);
/* The same for rows[0 … n), indexes into key and payload, in order, with the cache misses overlapped. rows NULL: 0 … n-1.
 * answer[i] belongs to rows[i]. Returns how many were new. */
size_t keyset_add_rows(struct keyset *set, const struct hash128 *key, const uint64_t *payload, const uint16_t *rows,
                       size_t n, uint8_t *answer);
/* An entry as it came from keyset_next: true when it is new. */
bool keyset_add_entry(struct keyset *set, struct keyset_entry entry);
/* The 32 bits that are kept of a payload's hash. */
uint32_t keyset_payload(uint64_t payload);
/* Walks all entries: start with *at = 0; NULL at the end. Adding makes the walk invalid. */
const struct keyset_entry *keyset_next(const struct keyset *set, size_t *at);
size_t keyset_bytes(const struct keyset *set);

#endif
