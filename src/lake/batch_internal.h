/* Inside lake/: a batch while it is being made. */
#ifndef LAKEFM_LAKE_BATCH_INTERNAL_H
#define LAKEFM_LAKE_BATCH_INTERNAL_H

#include "lake/internal.h"

struct batch_file {
    struct lake_part part; /* strings in the arena */
    const char *staged;    /* name in the batch's staging folder */
    bool finished;
    struct lake_stats stats; /* spans in the arena */
    /* Set when the number is known: */
    const char *path, *name, *folder;
    bool replaces;
    int swap;
};

struct lake_batch {
    struct lake *lake;
    enum lake_kind kind;
    bool floating, has_turn;
    uint64_t number; /* 0: none yet */
    char *staging;   /* "staging/<writer>/<sequence>" */
    pthread_mutex_t mutex; /* of all below, until commit */
    bool staging_made;
    struct arena arena;
    struct batch_file *file;
    size_t files, file_cap;
    struct store_out **closing; /* written whole, not durable yet */
    size_t closing_count, closing_cap;
    struct map places; /* paths of this batch's files, with number 0 */
    const char **removed;
    size_t removed_count, removed_cap;
    struct map removed_set;
    struct lake_source *source;
    size_t sources, source_cap;
    struct lake_count *count;
    size_t counts, count_cap;
    uint64_t *consumed;
    size_t consumed_count, consumed_cap;
    bool reset;
    const char *build, *note;
};

/* Makes the finished files durable, many at a time. With b->mutex, or when nobody else has the batch any more. */
enum err batch_close_files(struct lake_batch *b, struct error *e) MUST_CHECK;
/* ERR_INTERNAL when the batch's numbers contradict each other. entry: the batch as it will be written. */
enum err batch_adds_up(const struct lake_state *s, const struct lake_entry *entry, struct error *e) MUST_CHECK;
/* The entry of this batch as commit `b->number`, after batch_place. Strings are borrowed from the batch. */
void batch_entry(struct lake_batch *b, struct lake_entry *entry);

#endif
