/* Where things lie in a lake (all paths relative to its root):
 *
 *   bronze/<topic>/date=YYYY-MM-DD/hour=HH/part-<batch>-<k>.json.gz
 *   silver/<table>/date=YYYY-MM-DD/part-<batch>-<k>.parquet
 *   silver/dim_*  /part-0.parquet                            one file, replaced by rename
 *   gold/<table>/part-0.parquet                              one file, replaced by rename
 *   quarantine/<topic>/date=YYYY-MM-DD/part-<batch>.json.gz
 *   log/<20 digits>.json, log/writer.lock                    the commits: what is true
 *   staging/<writer>/…                                       never under a reader's glob
 *   state/…                                                  rebuildable
 *
 * <batch> is the commit's number, 8 digits at least, so that names sort by it. Pure functions, thread-safe. */
#ifndef LAKEFM_LAKE_PATH_H
#define LAKEFM_LAKE_PATH_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum lake_layer { LAKE_BRONZE, LAKE_SILVER, LAKE_GOLD, LAKE_QUARANTINE, LAKE_LAYERS };
const char *lake_layer_name(enum lake_layer layer); /* "bronze" … */

#define LAKE_NO_DATE INT64_MIN

enum {
    LAKE_K_NONE = -1,   /* part-<batch> */
    LAKE_K_SINGLE = -2, /* part-0: the table's only file, each commit replaces it atomically */
};

/* One file's place. Strings are borrowed. */
struct lake_part {
    enum lake_layer layer;
    const char *table; /* bronze and quarantine: the topic */
    const char *topic; /* silver: the topic its rows came from, NULL when several or none; not part of the path */
    int64_t date;      /* days since 1970-01-01, or LAKE_NO_DATE */
    int hour;          /* 0..23; -1: no hour folder */
    int k;             /* ≥ 0, LAKE_K_NONE or LAKE_K_SINGLE */
    const char *ext;   /* "parquet", "json.gz" */
};

void lake_path_folder(struct buf *out, const struct lake_part *part); /* appends "silver/x/date=2025-11-01" */
void lake_path_name(struct buf *out, const struct lake_part *part, uint64_t batch); /* "part-00000042-0.parquet" */
void lake_path_part(struct buf *out, const struct lake_part *part, uint64_t batch);
void lake_path_entry(struct buf *out, uint64_t number); /* "log/00000000000000000042.json" */
/* For a reader that knows nothing of us: silver/fact_listen_events/ * /part-*.parquet (without the blanks); a table
 * without date folders: gold/x/part-*.parquet. */
void lake_path_glob(struct buf *out, enum lake_layer layer, const char *table, bool partitioned);
/* A table's or topic's name: 1..128 of [A-Za-z0-9_.-], not starting with '.' or '-' (it becomes a folder). */
enum err lake_name_check(const char *name, const char *what, struct error *e) MUST_CHECK;

#endif
