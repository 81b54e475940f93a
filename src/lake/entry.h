/* A commit: one entry of the log, the only truth of a lake. JSON text in log/<number>.json:
 *
 *   {"format":1,"lake":"<32 hex>","number":42,"previous":"<32 hex: hash of the bytes of entry 41>",
 *    "epoch":7,"writer":"7-1f2e3d4c","time":"2025-11-01T00:00:00Z","time_ms":1761955200000,"kind":"live",
 *    "staging":"staging/7-1f2e3d4c/3",
 *    "sources":[{"source":"kafka:<cluster id>","topic":"listen_events","partition":0,"id":"<topic id>","name":"…",
 *                "first":100,"next":250,"hash":…,"records":148,"rows":148,"blank":0,"lost":0,
 *                "runs":[[100,50],[152,98]]}],
 *    "add":[{"path":"silver/…","staged":"1.parquet","layer":"silver","table":"fact_listen_events",
 *            "topic":"listen_events","date":"2025-11-01","min_date":…,"max_date":…,"bytes":9,"rows":9,"hash":"<32 hex>",
 *            "min_batch":42,"max_batch":42,
 *            "replaces":true,                               a file was live under this path: renamed over it
 *            "swap":0,                                      index into "swap": comes with that folder
 *            "spans":[[source index, first, count],…]}],
 *    "remove":["silver/…"],
 *    "swap":[{"folder":"silver/x/date=2025-11-01","staged":"s0"}],  folders with removes and adds: exchanged whole
 *    "consumed":[[41,42]],"reset":true,
 *    "counts":[{"topic":…,"table":…,"read":…,"rows":…,"derived":0,"blank":0,"duplicates":1,"conflicts":0,
 *               "drift":0,"future":0,"late":0,"min_ts":…,"max_ts":…,"quarantined":{"bad_json":2}}],
 *    "build":{…},"note":"…",
 *    "checksum":"<32 hex: hash of all bytes before this key>"}\n
 *
 * Entry 0 has kind "init" and makes the lake's id. Absent keys mean none or zero. Unknown keys are kept out of the way;
 * an unknown kind or another "format" is ERR_UNSUPPORTED. Everything in a struct lake_entry lives in its arena. */
#ifndef LAKEFM_LAKE_ENTRY_H
#define LAKEFM_LAKE_ENTRY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "lake/path.h"

#include <stdbool.h>

#define LAKE_FORMAT 1

enum lake_kind {
    LAKE_INIT,
    LAKE_INGEST,  /* bronze files and source positions */
    LAKE_REFINE,  /* silver and quarantine files, made from the consumed bronze commits */
    LAKE_LIVE,    /* both at once: consumes itself */
    LAKE_BUILD,   /* gold files and the build's fingerprint */
    LAKE_COMPACT, /* other files, same rows */
    LAKE_REBUILD, /* silver and quarantine anew, from bronze */
    LAKE_RETAIN,  /* old files removed by the retention rule */
    LAKE_GAP,     /* source positions moved over records that are gone, accepted by the user */
    LAKE_NOTE,
    LAKE_KINDS,
};
const char *lake_kind_name(enum lake_kind kind);

/* Records first … first+count-1 of a source, in order, none missing. */
struct lake_run {
    int64_t first, count;
};

/* How far a source has been read by this commit: a Kafka partition (offsets) or one file's content (bytes). */
struct lake_source {
    const char *source;  /* "kafka:<cluster id>", "file", "stdin", "simulator" */
    const char *topic;
    int32_t partition;   /* -1: the source has no partitions; then (source, topic, id) is its key, else (source, topic,
                            partition) and id must not change */
    const char *id;      /* Kafka: topic id; a file: an id of its content that survives growth, chosen by ingest */
    const char *name;    /* for people: the file's path; not valid UTF-8 becomes U+FFFD; "" for none */
    int64_t first, next; /* [first, next): offsets, or bytes of the file's content */
    struct hash128 hash; /* files: of the bytes [0, next); zero when unknown */
    int64_t records;     /* delivered by the source = rows + blank */
    int64_t rows;        /* lines written to bronze */
    int64_t blank;       /* blank lines and empty records, not written */
    int64_t lost;        /* kind gap: offsets skipped for good */
    const struct lake_run *runs; /* Kafka: where offsets are missing inside [first, next); none: contiguous or bytes */
    size_t run_count;
};

/* Lines of one bronze file in order: which records they are. */
struct lake_span {
    uint32_t source; /* index into the entry's sources */
    int64_t first, count;
};

/* A file of the lake. Immutable. */
struct lake_file {
    const char *path;
    enum lake_layer layer;
    const char *table; /* bronze, quarantine: the topic */
    const char *topic; /* "" when several or none */
    int64_t date;      /* its folder's day, or LAKE_NO_DATE */
    int64_t min_date, max_date; /* of its rows' event times, or LAKE_NO_DATE */
    int64_t bytes, rows;
    struct hash128 hash; /* XXH3-128 of the file's bytes */
    uint64_t commit;     /* the commit that brought the file */
    uint64_t min_batch, max_batch; /* commits whose rows are in it (differs from `commit` after compaction) */
};

struct lake_reason {
    const char *name; /* "bad_json", "conflict", … */
    int64_t rows;
};

/* What became of the records of one topic that were meant for one table:
 * read = rows + quarantined (sum of reasons) + duplicates + blank. */
struct lake_count {
    const char *topic, *table; /* table "" for records that no table could be found for */
    int64_t read;       /* bronze lines */
    int64_t rows;       /* of them: the row of this line, written to `table` */
    int64_t derived;    /* further rows in `table` made from lines that are counted under another table */
    int64_t blank, duplicates;
    int64_t conflicts;  /* part of quarantined: reason "conflict" */
    int64_t drift;      /* part of rows: with unknown extra fields */
    int64_t future, late; /* part of rows */
    int64_t min_ts, max_ts; /* event time in ms, rows flagged `future` left out; both 0: no rows */
    const struct lake_reason *reasons;
    size_t reason_count;
};

struct lake_range {
    uint64_t first, last; /* both inclusive; each number in between is a commit with bronze */
};

struct lake_swap {
    const char *folder, *staged; /* staged: name below the entry's staging folder */
};

struct lake_added {
    struct lake_file file;
    const char *staged;  /* below the entry's staging folder: "0001.parquet", or "s0002/part-…" inside a swap */
    bool replaces;       /* a file was live under this path */
    int swap;            /* index into swaps, -1: none */
    const struct lake_span *spans;
    size_t span_count;
};

struct lake_entry {
    struct arena arena;
    uint64_t number, epoch;
    struct hash128 lake, previous;
    struct hash128 hash; /* of the entry's own bytes: what the next one names as previous */
    const char *writer, *staging;
    int64_t time_ms;
    enum lake_kind kind;
    struct lake_source *sources;
    size_t source_count;
    struct lake_added *added;
    size_t added_count;
    const char **removed;
    size_t removed_count;
    struct lake_swap *swaps;
    size_t swap_count;
    struct lake_range *consumed;
    size_t consumed_count;
    bool reset;          /* refine's results start anew: every earlier count and consumption is void */
    struct lake_count *counts;
    size_t count_count;
    const char *build;   /* JSON text, NULL: none */
    const char *note;    /* NULL: none */
};

/* Appends the entry's bytes; sets entry->hash to theirs. */
enum err lake_entry_write(struct lake_entry *entry, struct buf *out, struct error *e) MUST_CHECK;
/* entry is overwritten (also on failure) and must be given to lake_entry_reset. ERR_CORRUPT: checksum, syntax, or a
 * number other than `number`; ERR_UNSUPPORTED: a format this program does not know. */
enum err lake_entry_parse(const char *text, size_t len, uint64_t number, struct lake_entry *entry,
                          struct error *e) MUST_CHECK;
void lake_entry_reset(struct lake_entry *entry);

#endif
