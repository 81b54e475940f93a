/* Hashing by xxHash (XXH3): fast, well mixed, not meant against an attacker who wants collisions. 128-bit hashes name
 * contents (files, log entries) and are written as 32 lower-case hex digits, high half first (XXH128_canonical). */
#ifndef LAKEFM_BASE_HASH_H
#define LAKEFM_BASE_HASH_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t lo, hi;
};
enum { HASH_HEX_LEN = 32, HASH_HEX_SIZE = 33 };

uint64_t hash_64(const void *p, size_t len, uint64_t seed);
struct hash128 hash_128(const void *p, size_t len);
char *hash_hex(struct hash128 h, char out[HASH_HEX_SIZE]);
bool hash_from_hex(const char *text, struct hash128 *out);
static inline bool hash_eq(struct hash128 a, struct hash128 b) { return a.lo == b.lo && a.hi == b.hi; }

/* A hash over pieces: the same as hash_128 over their concatenation. */
struct hasher;
struct hasher *hasher_new(void);
void hasher_add(struct hasher *h, const void *p, size_t len);
struct hash128 hasher_sum(const struct hasher *h); /* so far; more may be added */
void hasher_free(struct hasher **h);

/* Hash and size of a whole local file. */
enum err hash_file(const char *path, struct hash128 *out, uint64_t *bytes, struct error *e) MUST_CHECK;

#endif
