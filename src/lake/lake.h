/* A lake: its commits and what they add up to. Writing goes through lake/batch.h.
 *
 * Every query sees the state after one commit (the head) and is thread-safe; what it hands out is the caller's, stays
 * valid and unchanged for as long as it is held, and is given back with the free function beside it. A reader's view
 * moves only by lake_reload; a writer's also by its own commits.
 *
 * Opening as a writer takes the lock and recovers: numbers must be contiguous and the hash chain whole from the last
 * checkpoint to the head, the head's files are brought to their final paths (any number of crashes may lie in between),
 * staging left by dead writers is dropped. A gap, a missing or a damaged entry is ERR_CORRUPT, naming it: nothing is
 * guessed, nothing is changed. Readers take no lock and change nothing.
 *
 * Fault points: lake.init.<dirs|entry|rename|sync>, lake.recover.<begin|redo|staging|end>, and those of batch.h. */
#ifndef LAKEFM_LAKE_LAKE_H
#define LAKEFM_LAKE_LAKE_H

#include "base/err.h"
#include "lake/entry.h"
#include "lake/path.h"
#include "store/store.h"

struct lake;

enum lake_mode {
    LAKE_READER,
    LAKE_WRITER,        /* the only writer: ERR_BUSY naming the holder when there is another */
    LAKE_SHARED_WRITER, /* several such processes at once; a commit may come back with ERR_RETRY (batch.h) */
};

/* Makes a new lake in a folder that is missing or empty (or holds only what a crashed lake_init left).
 * ERR_EXISTS: there is a lake already; ERR_USAGE: something else is in the folder. */
enum err lake_init(const char *url, struct error *e) MUST_CHECK;
/* ERR_NOT_FOUND: no folder, or an empty one (hint: how to make a lake); ERR_INPUT: a folder with other things in it;
 * ERR_UNSUPPORTED: a lake of another format; ERR_BUSY; ERR_CORRUPT. */
enum err lake_open(const char *url, enum lake_mode mode, struct lake **out, struct error *e) MUST_CHECK;
/* lake_init first when there is no lake and the folder is missing or empty. */
enum err lake_open_or_init(const char *url, enum lake_mode mode, struct lake **out, struct error *e) MUST_CHECK;
void lake_close(struct lake **lake); /* an open batch must have been committed or aborted */

/* Takes in commits that other processes made since. Writers in shared mode also finish the last one's moves. */
enum err lake_reload(struct lake *lake, struct error *e) MUST_CHECK;

const char *lake_url(const struct lake *lake);
struct store *lake_store(const struct lake *lake); /* lives as long as the lake */
struct hash128 lake_id(const struct lake *lake);
enum lake_mode lake_mode_of(const struct lake *lake);
uint64_t lake_epoch(const struct lake *lake); /* writers: one more than that of every earlier writer */
/* The local path of state/<name>, whose parent exists; for caches that may vanish at any time. Of a remote lake it lies in
 * this machine's cache folder, and may be behind what other machines did to the lake. Heap; NULL: there is no place. */
char *lake_state_path(struct lake *lake, const char *name);

/* ---- what the commits add up to ---- */

struct lake_head {
    uint64_t number;     /* of the last commit; 0: only the init entry */
    struct hash128 hash;
    int64_t time_ms;
    uint64_t epoch;
    uint64_t checkpoint; /* the commit that opening started from; 0: none */
    uint64_t pending_batches, pending_rows; /* bronze not refined yet */
};
void lake_head(struct lake *lake, struct lake_head *out);

/* Live files; NULL or 0 fields of the filter match everything. */
struct lake_filter {
    unsigned layers;        /* bits 1u << LAKE_SILVER …; 0: all */
    const char *table;      /* exact */
    bool by_date;           /* then from_date ≤ the folder's date ≤ to_date */
    int64_t from_date, to_date;
    uint64_t after_batch;   /* only files that hold rows of a later commit: max_batch > after_batch */
};
struct lake_files {
    const struct lake_file **file; /* ordered by layer, table, date, commit, path */
    size_t count;
    int64_t rows, bytes;
    uint64_t number; /* the commit this is the state of */
};
void lake_files(struct lake *lake, const struct lake_filter *filter, struct lake_files *out);
void lake_files_free(struct lake_files *files);
/* The live file of this path; false when there is none. out->count is 0 or 1. */
bool lake_file_find(struct lake *lake, const char *path, struct lake_files *out);
/* A local path where the file can be read now: its final path, or, while the commit that brought it is still moving its
 * files, where it waits in staging. (Plain globs see such a file late, never twice.) Checks that it is there and has the
 * right size: else ERR_CORRUPT naming it, or ERR_RETRY when a later commit has removed or replaced it: lake_reload, ask
 * for the files again. A remote store's file is fetched, unless a copy of this content is here. Any path may vanish with the next commit: callers that open it later and find it gone do the same.
 * Heap. */
enum err lake_file_path(struct lake *lake, const struct lake_file *file, char **local, struct error *e) MUST_CHECK;
/* All of them, a remote store's several at a time; paths has files->count entries. */
enum err lake_file_paths(struct lake *lake, const struct lake_files *files, char ***paths, struct error *e) MUST_CHECK;
void lake_file_paths_free(char ***paths, size_t count);
/* The same look without fetching it from a remote store. */
enum err lake_file_there(struct lake *lake, const struct lake_file *file, struct error *e) MUST_CHECK;

/* Tables that have or had files. */
struct lake_table {
    enum lake_layer layer;
    const char *table;
    uint64_t changed;       /* the last commit that changed its rows: equal numbers mean equal rows */
    uint64_t files_changed; /* … or only its files (compaction) */
    size_t files;
    int64_t rows, bytes;
    int64_t watermark_ms;   /* silver: the newest event time, future ones left out; INT64_MIN: none */
};
struct lake_tables {
    struct lake_table *table; /* ordered by layer, table */
    size_t count;
};
void lake_tables(struct lake *lake, struct lake_tables *out);
void lake_tables_free(struct lake_tables *tables);
/* 0 when the table was never written. */
uint64_t lake_table_changed(struct lake *lake, enum lake_layer layer, const char *table);

/* Source positions: for each source the last `next`, `hash`, `id`, with first, records, rows, blank, lost summed over all
 * its commits (first: the smallest). No runs. */
struct lake_sources {
    struct lake_source *source; /* ordered by source, topic, partition, id */
    uint64_t *commit;           /* the last commit that moved it */
    size_t count;
};
void lake_sources(struct lake *lake, const char *source /* NULL: all */, const char *topic /* NULL: all */,
                  struct lake_sources *out);
void lake_sources_free(struct lake_sources *sources);
/* One source by its key (id is ignored when partition ≥ 0, and needed when it is -1). False: never read. */
bool lake_source_find(struct lake *lake, const char *source, const char *topic, int32_t partition, const char *id,
                      struct lake_sources *out);

/* Bronze commits that no refine has consumed. */
struct lake_pending {
    uint64_t *number; /* ascending */
    size_t count;
    struct lake_files files; /* theirs, ordered by commit, path */
};
void lake_pending(struct lake *lake, struct lake_pending *out);
void lake_pending_free(struct lake_pending *pending);

/* Sums over all commits, by topic. */
struct lake_total {
    const char *topic;
    int64_t delivered, bronze_rows, blank, lost; /* of the sources; bronze_rows as delivered, retention or not */
    int64_t retired_rows;  /* bronze rows removed by retention */
    int64_t void_rows;     /* of them: gone before the last rebuild, which could not refine them any more */
    int64_t pending_rows;  /* bronze, not refined */
    int64_t files, bytes;  /* live bronze */
};
struct lake_totals {
    struct lake_total *topic; /* ordered by topic */
    size_t topic_count;
    struct lake_count *count; /* summed, ordered by topic, table; reasons by name */
    size_t count_count;
    struct arena arena;
};
void lake_totals(struct lake *lake, struct lake_totals *out);
void lake_totals_free(struct lake_totals *totals);

/* The JSON of the last commit that carried a build fingerprint, with that commit's number; NULL: none. Heap. */
char *lake_build_last(struct lake *lake, uint64_t *number);

/* A commit as written (for spans, history, export). Verified by its checksum. Give it to lake_entry_reset. */
enum err lake_entry_read(struct lake *lake, uint64_t number, struct lake_entry *out, struct error *e) MUST_CHECK;

#endif
