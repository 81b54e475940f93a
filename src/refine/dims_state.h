/* Inside of dims.h, shared by dims.c, dims_load.c, dims_settle.c and dims_write.c. */
#ifndef LAKEFM_REFINE_DIMS_STATE_H
#define LAKEFM_REFINE_DIMS_STATE_H

#include "refine/dims.h"

enum dims_kind { DIMS_USER = 1, DIMS_RUN, DIMS_SONG, DIMS_PLACE, DIMS_MINUTE };

/* Texts are codes of d->texts (0: null). */
struct dims_user {
    int64_t id;
    uint32_t first, last, gender;
    bool person, has_registration, touched;
    int64_t registration;
    int64_t last_ts; /* order of the latest event that has names */
    uint32_t last_item;
    int64_t first_seen, last_seen;
    struct runs runs;
};

/* One value that a song or place was seen with, by one rank of tables. */
struct dims_variant {
    uint32_t next; /* index + 1 */
    uint8_t rank;
    bool has[2];
    double value[2]; /* duration; lat, lon */
    int64_t count, first_seen;
};

/* A song (song, artist) or a place (zip, city, state). */
struct dims_thing {
    uint32_t key[3];
    uint32_t variants; /* index + 1 of the first */
    bool touched;
    bool best_has[2];
    double best[2];
    int64_t first_seen;
};

struct dims_things {
    struct dims_thing *thing;
    size_t count, cap;
    uint32_t *slot;
    size_t slot_count;
    uint32_t *touched;
    size_t touched_count, touched_cap;
    bool changed; /* some best value, or a new thing */
};

struct dims {
    bool loaded;
    uint64_t number; /* the commit whose state this is (of inc_dims) */
    struct lexicon *texts;
    struct dims_user *user;
    size_t user_count, user_cap;
    uint32_t *user_slot;
    size_t user_slot_count;
    uint32_t *touched_user;
    size_t touched_user_count, touched_user_cap;
    bool users_changed, history_changed;
    struct dims_things songs, places;
    struct dims_variant *variant;
    size_t variant_count, variant_cap;
    struct gather_minutes *minutes; /* sorted by day */
    size_t minutes_count, minutes_cap;
    int64_t *new_minute; /* ts of minutes first seen in this batch */
    size_t new_minute_count, new_minute_cap;
};

struct dims_user *dims_user_get(struct dims *d, int64_t id);
void dims_user_touch(struct dims *d, struct dims_user *u);
struct dims_thing *dims_thing_get(struct dims *d, struct dims_things *things, const uint32_t key[3]);
void dims_thing_touch(struct dims_things *things, struct dims_thing *thing);
/* The variant of these values, made when new. */
struct dims_variant *dims_variant_get(struct dims *d, struct dims_thing *thing, const struct dims_variant *like);
/* Chooses a thing's values anew; true when they or first_seen changed. */
bool dims_thing_choose(const struct dims *d, struct dims_thing *thing);
/* True when the minute is new. */
bool dims_minute_add(struct dims *d, int64_t day, const uint64_t bits[23]);
void dims_new_minute(struct dims *d, int64_t ts);
struct view dims_text(const struct dims *d, uint32_t code);
uint32_t dims_code(struct dims *d, struct view text); /* never 0 */
struct runs_order dims_order(const struct dims *d);

#endif
