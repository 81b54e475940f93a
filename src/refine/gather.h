/* What one worker sees of users, songs, places and minutes in one batch, counted by the lexicon's numbers; the dimensions
 * (dims.h) take it in when the batch ends. Everything here is a minimum, a maximum, a count, a set or a set of runs: the
 * outcome does not depend on which worker saw which rows in which order. One thread at a time.
 *
 * An event counts once: songs and places are counted by the table its row went to, and each table has a rank. A song
 * (place) gets its values from the lowest rank that knows it: listens before page views before log-ins before changes of
 * level before tables of other topics. So a lake of page views alone has songs too, and where there are listens the page
 * views of the same plays do not count again. */
#ifndef LAKEFM_REFINE_GATHER_H
#define LAKEFM_REFINE_GATHER_H

#include "refine/layout.h"
#include "refine/runs.h"

enum gather_attr {
    GATHER_USER, /* integer */
    GATHER_ITEM, /* integer: number of the event in its session */
    GATHER_LEVEL,
    GATHER_FIRST,
    GATHER_LAST,
    GATHER_GENDER,
    GATHER_REGISTRATION, /* int64 ms */
    GATHER_SONG,
    GATHER_ARTIST,
    GATHER_DURATION,
    GATHER_ZIP,
    GATHER_CITY,
    GATHER_STATE,
    GATHER_LAT,
    GATHER_LON,
    GATHER_ATTRS
};

enum { GATHER_RANKS = 5 };
uint32_t gather_rank(const char *table);

/* What a contract gives to the dimensions. */
struct gather_plan {
    const struct contract *contract;
    bool user, song, location, time;
    bool person;                      /* it declares names, gender and registration: its events may be a user's latest row */
    uint16_t column[GATHER_ATTRS];    /* CONTRACT_NONE: not declared, or of a type we cannot use */
};
void gather_plan_init(struct gather_plan *plan, const struct contract *contract);

/* The numbers of the domains that the attributes use, the same for all contracts. */
struct gather_domains {
    uint32_t domain[GATHER_ATTRS]; /* undefined for GATHER_ITEM */
};
void gather_domains_init(struct gather_domains *domains, struct lexicon *lexicon);

struct gather_user {
    uint32_t user;
    uint32_t first, last, gender, registration; /* of the latest event */
    uint32_t last_item;
    int64_t last_ts;                            /* its order: (ts, item), then the values */
    bool person;                                /* there was such an event */
    int64_t first_seen, last_seen;
    struct runs runs;                           /* level: the lexicon's code; filled by levels.h only */
};
struct gather_song {
    uint32_t song, artist, duration, rank;
    int64_t count, first_seen;
};
struct gather_place {
    uint32_t zip, city, state, lat, lon, rank;
    int64_t count;
};
struct gather_minutes {
    int64_t day;
    uint64_t bits[23]; /* 1440 minutes */
};

/* Per topic: what is not yet in the tables below, by the decoder's own codes, so that the common case looks up nothing
 * else. A stretch is the events of a user, one after the other, that differ in time and number only. */
struct gather_lens;

struct gather {
    struct lexicon *lexicon;
    const struct gather_domains *domains;
    struct gather_lens **lens; /* per topic */
    size_t lens_count;
    struct gather_user *user; /* in order of first sight */
    size_t user_count, user_cap;
    uint32_t *user_slot; /* by code: index + 1 */
    size_t user_slot_count;
    struct gather_song *song;
    size_t song_count, song_cap;
    uint32_t *song_slot;
    size_t song_slot_count;
    struct gather_place *place;
    size_t place_count, place_cap;
    uint32_t *place_slot;
    size_t place_slot_count;
    struct gather_minutes *minutes;
    size_t minutes_count, minutes_cap, minutes_last;
    uint32_t *scratch_codes[GATHER_ATTRS]; /* of dense columns */
    int64_t *scratch_item;
};
void gather_init(struct gather *g, struct lexicon *lexicon, const struct gather_domains *domains, size_t topics);
void gather_reset(struct gather *g); /* frees; init again */

/* Takes in rows[0 … n) of a batch (NULL: 0 … n - 1). primary: the record's own row, which also counts for user and time;
 * rank: of the table it went to, `feeds` that table's contract. */
void gather_rows(struct gather *g, size_t topic, const struct gather_plan *plan, const struct contract *feeds,
                 const struct layout_rows *source, uint32_t rank, bool primary, const uint16_t *rows, uint32_t n);
/* Brings what the lens of a topic holds into the tables, by the maps of its decoder. Before the decoder forgets its codes,
 * before the lexicon does, and in the end. */
void gather_flush(struct gather *g, size_t topic, const struct gather_plan *plan, const uint32_t *const *maps);

/* ---- for levels.h ---- */

/* Codes of a batch's column: the decoder's, or the lexicon's for dense columns, whose values get numbers here. Valid until
 * the next call with the same attribute. */
const uint32_t *gather_codes(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s, enum gather_attr a);
/* Events without a number sort as number 0. */
const int64_t *gather_items(struct gather *g, const struct gather_plan *plan, const struct layout_rows *s);
/* The lexicon's number of a code given by gather_codes. */
static inline uint32_t gather_number(const struct gather_plan *plan, const uint32_t *const *maps, enum gather_attr a, uint32_t code)
{
    uint16_t column = plan->column[a];
    if (column == CONTRACT_NONE) return 0;
    return maps[column] ? maps[column][code] : code;
}
struct gather_user *gather_user_get(struct gather *g, uint32_t code); /* valid until the next call */
struct runs_order gather_level_order(const struct gather *g);

#endif
