/* Text: views, UTF-8, and the nearest known word for "did you mean". Pure functions, thread-safe. */
#ifndef LAKEFM_BASE_STR_H
#define LAKEFM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrow: pointer and length, not terminated. Whoever hands one out says how long it lives. */
struct view {
    const char *ptr;
    size_t len;
};

static inline struct view view_of(const char *s) { return (struct view){s, s ? strlen(s) : 0}; }
static inline struct view view_from(const char *ptr, size_t len) { return (struct view){ptr, len}; }
static inline bool view_eq(struct view a, struct view b) { return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len)); }
static inline bool view_is(struct view a, const char *s) { return view_eq(a, view_of(s)); }
int view_compare(struct view a, struct view b); /* by bytes, as memcmp; the shorter first */
struct view view_trim(struct view v);            /* ASCII white space off both ends */

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Decimal integer, whole text, no white space; false when malformed or out of range. */
bool str_i64(const char *s, int64_t *out);
/* "64MiB", "1GiB", "500k", "4096": bytes; false when malformed. */
bool str_bytes(const char *s, uint64_t *out);

/* Length in bytes of the valid UTF-8 sequence at s (1..4), 0 when invalid or cut (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
size_t utf8_length(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);
/* Writes the code point (≤ U+10FFFF) and returns its length in bytes. */
size_t utf8_encode(uint32_t cp, char out[4]) __asm__("lakefm_utf8_encode"); /* libjansson.a defines utf8_encode too */
/* Decodes one valid sequence. */
uint32_t utf8_decode(const char *s, size_t *len);

/* The word of `words` (NULL-terminated list) nearest to `word` by edits with transpositions, or NULL when none is within
 * a third of its length (at least 2 edits). For messages: `did you mean "brokers"?`. */
const char *str_nearest(const char *word, const char *const *words);

#endif
