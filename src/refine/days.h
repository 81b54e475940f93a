/* The keys of every day that a batch touches, per silver table: which rows are there already, across batches.
 *
 * A day's set is in memory while it is in use and kept in state/dedupe/<table>/<date>.keys between processes:
 *
 *     ┌ "LFKEYS01" ┬ lake id (16) ┬ day (8) ┐
 *     ├ count (8) ┬ through (8) ┬ total (8) ┬ hash (8) ┬ count × 20-byte entries ┤   first commit, whole
 *     ├ count …                                                                   ┤   appended by later commits
 *
 * through: the commit whose rows are in; total: entries up to here; hash: XXH3 of the three numbers and the entries. The
 * file is a cache: it is written after the commit, not synced, and believed only when its whole segments hold as many keys
 * as the day has rows in silver (each row has one key) and reach its last commit. Else `catch_up` brings the set up to
 * date from bronze; if bronze is gone, from silver, without payloads (a conflict with such a row counts as a duplicate).
 *
 * Memory: sets are dropped or moved to their file, the one idle longest first, above options.bytes; a day that comes back
 * again and again stays, so that input in disorder costs memory (27 to 53 bytes a row), not time.
 *
 * One thread at a time, but for days_settle, which any thread may call beside it. */
#ifndef LAKEFM_REFINE_DAYS_H
#define LAKEFM_REFINE_DAYS_H

#include "lake/lake.h"
#include "refine/keyset.h"
#include "schema/contract.h"

enum day_place {
    DAY_HERE,
    DAY_LEAVING, /* waits to be written to the file `next`; the set is still here */
    DAY_WRITING, /* somebody is at it */
    DAY_AWAY,    /* in the file */
};

struct day_keys {
    const struct contract *table;
    int64_t day;
    struct keyset set;
    uint64_t through;   /* the last commit whose rows are in */
    bool checked;       /* against the lake, in this batch */
    bool touched;       /* got rows in this batch */
    enum day_place place; /* guarded by the lock, but that only who has the turn leaves DAY_HERE and DAY_AWAY */
    struct day_keys *leaving; /* next in the queue */
    uint32_t returns;   /* how often it came back in this batch */
    bool has_file;      /* the state file holds exactly what was there before this batch … */
    uint64_t file_bytes; /* … and is this long */
    struct keyset_entry *fresh; /* with has_file: the entries of this batch */
    size_t fresh_count, fresh_cap;
    size_t known;       /* rows, also while the set is away or dropped */
    uint64_t used;      /* when last */
};

struct days_need { /* a set to be brought up to date */
    struct day_keys *keys;
    int64_t rows; /* how many keys it must have in the end */
};

struct days;
struct days_options {
    struct lake *lake;
    const struct schema_set *contracts;
    size_t bytes;
    /* Adds to each set the keys of the rows that commits after keys->through brought to the day. */
    enum err (*catch_up)(void *ctx, struct days_need *needs, size_t count, struct error *e);
    void *ctx;
};
struct days *days_new(const struct days_options *options);
void days_free(struct days **days);

/* batch: the number of the commit to come. anew: the lake's rows go away with it (rebuild). */
void days_begin(struct days *d, uint64_t batch, bool anew);
/* The keys of a day; valid until days_committed or days_abandon. */
enum err days_get(struct days *d, const struct contract *table, int64_t day, struct day_keys **out,
                  struct error *e) MUST_CHECK;
/* keyset_add_rows on it, with book-keeping. */
enum err days_add(struct days *d, struct day_keys *keys, const struct hash128 *key, const uint64_t *payload,
                  const uint16_t *rows, size_t n, uint8_t *answer, struct error *e) MUST_CHECK;
/* Writes the sets that are to leave memory. Called without the turn, so that nobody waits for it. */
void days_settle(struct days *d);
/* The commit stands: brings the state files up to date. Failures are logged. */
void days_committed(struct days *d);
void days_abandon(struct days *d); /* forgets all sets that got rows in this batch */

#endif
