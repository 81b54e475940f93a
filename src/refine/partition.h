/* The open partitions of a batch: rows of one table and one UTC day on their way into that day's Parquet file.
 *
 * In source order, by one thread at a time (the engine's turn): partition_get, partition_reserve, partition_close_all.
 * Which chunk a row goes to, where row groups end and which partition is flushed when memory is short depend only on the
 * rows' order, so files come out the same whatever the threads do. Filling the reserved places, encoding and writing then
 * run in any thread:
 *
 *     reserve → slices (row group pending + 1 each) → layout_copy → partition_filled (pending - 1)
 *     a closed row group whose places are all filled is handed to `ready`, once; partition_write encodes and appends it,
 *     in the order of its file, and finishes the file after its last row group. */
#ifndef LAKEFM_REFINE_PARTITION_H
#define LAKEFM_REFINE_PARTITION_H

#include "lake/batch.h"
#include "refine/layout.h"

#include <stdatomic.h>

struct partition;

struct row_group {
    struct partition *partition;
    struct part_file *file;
    uint32_t seq; /* in its file */
    bool last;    /* finish the file after it */
    struct chunk **chunk;
    size_t count, cap;
    uint32_t rows;
    size_t bytes;
    atomic_uint pending;     /* places not filled yet, + 1 while open */
    struct row_group *next;  /* for queues of the engine */
};

struct partition {
    const struct layout *layout;
    int64_t day;
    void *keys;               /* the engine's: this day's key set */
    struct row_group *open;
    struct part_file *file;   /* NULL: none yet, or all before are complete */
    uint32_t files;
    uint32_t mark, local;     /* scratch of the thread that has the turn */
    uint64_t touched;         /* rows of all partitions when this one got its last */
};

/* n rows to be copied: from the batch's rows[first …) to chunk rows at …. */
struct slice {
    struct row_group *group;
    struct chunk *chunk;
    uint32_t at, n, first;
};
struct slices {
    struct slice *slice;
    size_t count, cap;
};

struct partitions;
struct partitions_options {
    struct lake_batch *batch;
    struct lexicon *lexicon;
    size_t open_bytes;   /* of unflushed chunks */
    uint32_t open_files; /* more are finished early and followed by a part with the next k; 0: 200 */
    int zstd_level;
    void (*ready)(void *ctx, struct row_group *group);
    bool (*failed)(void *ctx); /* true: give up waiting */
    void *ctx;
};
struct partitions *partitions_new(const struct partitions_options *options);
void partitions_free(struct partitions **set); /* drops what is open; no other thread may be inside */

struct partition *partition_get(struct partitions *set, const struct layout *layout, int64_t day);
/* Appends slices for n rows that come with commit `batch`. first counts on from `first`. */
void partition_reserve(struct partitions *set, struct partition *p, uint32_t first, uint32_t n, uint64_t batch,
                       struct slices *out);
/* The places of a slice are filled; nulls: bits of dense columns that got a null. Any thread. */
void partition_filled(struct partitions *set, const struct slice *slice, uint64_t nulls);
/* Closes every row group, without an end of the files: nothing holds codes when these are written. */
void partition_flush_all(struct partitions *set);
void partition_close_all(struct partitions *set); /* the end of every file */

/* What one thread needs to write row groups. */
struct partition_writer;
struct partition_writer *partition_writer_new(void);
void partition_writer_free(struct partition_writer **w);
/* Frees the group. ERR_STOPPED when failed() said so while waiting for an earlier row group. */
enum err partition_write(struct partitions *set, struct partition_writer *w, struct row_group *group,
                         struct error *e) MUST_CHECK;
/* After a failure: a row group that was handed to `ready` and will not be written. */
void partition_drop(struct partitions *set, struct row_group *group);

/* The i-th finished file, where it waits for the commit; false past the last. No other thread may be inside. */
struct partition_file {
    const struct layout *layout;
    int64_t day;
    const char *path;
};
bool partitions_file(const struct partitions *set, size_t i, struct partition_file *out);

#endif
