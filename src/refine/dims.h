/* The dimensions: dim_user, dim_user_history, dim_song, dim_location, dim_time. What they are made of is kept in memory
 * between batches and in the lake as a table of its own, inc_dims: each refine commit adds one small file with the new
 * state of every user, song, place and minute it touched, which replaces what earlier files say of them. So a commit's
 * cost follows its own events (and the size of the dimension tables it must replace), never the history, and any process
 * can go on from the files alone. Every 32 files the whole state is written as one and the old ones go.
 *
 * dim_user          userId, firstName, lastName, gender, level, registration, first_seen, last_seen
 *                   names, gender, registration: the user's latest event by (ts, itemInSession), of topics that carry them
 *                   all; level: the latest event that has one. Ties: the greatest values (level's text; registration,
 *                   names, gender). first_seen, last_seen: TIMESTAMP ms like event_time.
 * dim_user_history  userId, level, valid_from, valid_to: one row per maximal run of events of one level by
 *                   (ts, itemInSession, level); valid_to is the next run's valid_from, null for the current one
 * dim_song          song, artist, duration, first_seen: duration the most frequent one, of equally frequent the smallest
 * dim_location      zip, city, state, lat, lon: likewise, lat and lon as a pair
 * dim_time          minute_ts (ms), year, month, day, hour, minute, weekday, week (ISO 8601), is_weekend
 * Rows are sorted by their keys. All are pure functions of the set of silver rows. Memory: about 250 bytes a user, 200 a
 * song or place, 180 a day. One thread at a time. */
#ifndef LAKEFM_REFINE_DIMS_H
#define LAKEFM_REFINE_DIMS_H

#include "lake/batch.h"
#include "refine/gather.h"

#define DIMS_TABLE "inc_dims"
enum { DIMS_FILES_MOST = 32 };

struct dims;
struct dims *dims_new(void);
void dims_free(struct dims **dims);

/* Makes the state that of the lake's head; does nothing when it is already. */
enum err dims_load(struct dims *d, struct lake *lake, struct error *e) MUST_CHECK;
void dims_empty(struct dims *d); /* the state of a lake without rows (rebuild) */
void dims_forget(struct dims *d); /* the batch was given up: dims_load will read again */
void dims_committed(struct dims *d, uint64_t number);

/* Takes in what a worker gathered; the gather's codes are the lexicon's. */
void dims_take(struct dims *d, const struct gather *g);

/* Files of this batch, where the events of loose users may lie beside the lake's own. */
struct dims_fact {
    const struct contract *contract;
    int64_t day;
    const char *path;
};
/* Whether some user's levels could not be placed: then dims_settle before dims_write. */
bool dims_loose(const struct dims *d);
/* Places what could not be placed without the facts. lake NULL: the batch's files are all there is (rebuild). */
enum err dims_settle(struct dims *d, struct lake *lake, const struct schema_set *contracts, const struct dims_fact *facts,
                     size_t count, struct error *e) MUST_CHECK;

/* Adds to the batch: this batch's file of inc_dims, and every dimension whose rows have changed or that is missing.
 * all: the lake's files of these tables are going away with this commit (rebuild). */
enum err dims_write(struct dims *d, struct lake *lake, struct lake_batch *batch, bool all, struct error *e) MUST_CHECK;

#endif
