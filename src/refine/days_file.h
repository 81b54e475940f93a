/* State files of key sets; the layout is drawn in days.h. */
#ifndef LAKEFM_REFINE_DAYS_FILE_H
#define LAKEFM_REFINE_DAYS_FILE_H

#include "refine/keyset.h"

struct days_file {
    uint64_t through, bytes; /* of the whole segments */
    bool whole;              /* nothing follows them */
};

/* Replaces the file by one segment with all of the set. Not durable. */
enum err days_file_write(const char *path, struct hash128 lake, int64_t day, const struct keyset *set, uint64_t through,
                         uint64_t *bytes, struct error *e) MUST_CHECK;
/* Adds a segment to a file that must be `at` bytes long: else ERR_CORRUPT. */
enum err days_file_append(const char *path, uint64_t at, const struct keyset_entry *entries, size_t count, uint64_t through,
                          uint64_t total, uint64_t *bytes, struct error *e) MUST_CHECK;
/* Adds the entries of all whole segments to the set. ERR_NOT_FOUND; ERR_CORRUPT: not such a file, or of another lake. */
enum err days_file_read(const char *path, struct hash128 lake, int64_t day, struct keyset *set, struct days_file *out,
                        struct error *e) MUST_CHECK;
/* Whether the file's own numbers say that it has so many keys and reaches so far. The entries are not looked at. */
bool days_file_claims(const char *path, struct hash128 lake, int64_t day, int64_t rows, uint64_t through);

#endif
