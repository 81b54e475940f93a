/* Inside lake/: what all commits up to one add up to, in memory. Not thread-safe (struct lake guards it), but for the
 * references to files, which are counted atomically and may outlive the state. */
#ifndef LAKEFM_LAKE_STATE_H
#define LAKEFM_LAKE_STATE_H

#include "lake/entry.h"
#include "lake/lake.h"
#include "lake/map.h"

#include <stdatomic.h>

struct live_file {
    struct map_item item; /* key: file.path */
    struct lake_file file;
    atomic_size_t refs;
    struct table_state *table;
    size_t at; /* in table->file */
};

struct table_state {
    struct map_item item; /* key: "silver/fact_listen_events" */
    struct lake_table sum;
    char *name;
    struct live_file **file; /* in no order */
    size_t cap;
};

struct source_state {
    struct map_item item; /* key: see state_source_key */
    struct lake_source sum; /* strings owned, no runs */
    uint64_t commit;
};

struct count_state {
    struct map_item item; /* key: topic '\x1f' table */
    struct lake_count sum;
    struct lake_reason *reasons; /* names owned */
    size_t reason_cap;
};

struct topic_state {
    struct map_item item; /* key: the topic */
    int64_t delivered, rows, blank, lost, retired, voided;
};

struct bits { /* one bit per commit */
    uint64_t *word;
    size_t words;
};
bool bits_get(const struct bits *b, uint64_t i);
void bits_set(struct bits *b, uint64_t i);

struct lake_state {
    bool begun; /* entry 0 was applied */
    struct hash128 lake, hash;
    uint64_t number, epoch;
    int64_t time_ms;
    struct map files, tables, sources, counts, topics;
    struct bits bronze;  /* commits that brought bronze rows */
    struct bits refined; /* of those: consumed */
    char *build;
    uint64_t build_number;
};

void state_reset(struct lake_state *s);
/* ERR_CORRUPT: the entry does not follow this state. */
enum err state_check(const struct lake_state *s, const struct lake_entry *entry, struct error *e) MUST_CHECK;
/* Checks and adds the next commit. s is unchanged on failure. */
enum err state_apply(struct lake_state *s, const struct lake_entry *entry, struct error *e) MUST_CHECK;

static inline bool state_is_pending(const struct lake_state *s, uint64_t n) { return bits_get(&s->bronze, n) && !bits_get(&s->refined, n); }
/* Bronze files of which some batch is not refined. */
bool state_file_pending(const struct lake_state *s, const struct lake_file *f);
struct live_file *state_file(const struct lake_state *s, const char *path); /* NULL: not live */
char *state_source_key(const char *source, const char *topic, int32_t partition, const char *id);

/* For the checkpoint: building blocks of a state. Strings are copied. */
struct live_file *state_add_file(struct lake_state *s, const struct lake_file *f);
struct table_state *state_table(struct lake_state *s, enum lake_layer layer, const char *table);
struct topic_state *state_topic(struct lake_state *s, const char *topic);
struct source_state *state_source(struct lake_state *s, const struct lake_source *key, bool *made);
struct count_state *state_count(struct lake_state *s, const char *topic, const char *table);
void state_count_reason(struct count_state *c, const char *name, int64_t rows);

struct live_file *live_file_ref(struct live_file *f);
void live_file_unref(struct live_file *f);
static inline struct live_file *live_file_of(const struct lake_file *f)
{
    return (struct live_file *)((char *)(uintptr_t)f - offsetof(struct live_file, file));
}

#endif
