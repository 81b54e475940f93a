/* Proof from the files themselves that the lake is what its log says, and the invariant
 *   delivered = bronze rows (+ blank),  bronze rows = silver rows + quarantined + duplicates + blank + not yet refined. */
#ifndef LAKEFM_LAKE_AUDIT_H
#define LAKEFM_LAKE_AUDIT_H

#include "lake/lake.h"

/* Rows of a local file of this layer, read from the file itself. NULL in the options: the lake's own counter of lines in
 * .json.gz files (several gzip members allowed) and of Parquet footers. */
typedef enum err lake_rows_fn(void *ctx, enum lake_layer layer, const char *local_path, int64_t *rows, struct error *e);

struct lake_audit_options {
    int threads;         /* that read files; 0: 2 */
    bool quick;          /* sizes and the log only: no hashes, no recount */
    lake_rows_fn *rows;  /* thread-safe */
    void *ctx;
};

struct lake_finding {
    bool ok;
    const char *check;   /* "log", "file", "rows", "unknown", "staging", "partition", "topic", "table" */
    const char *where;   /* a path, a topic, "kafka:x listen_events/3" */
    const char *what;    /* one sentence; names both numbers where two differ */
};

struct lake_audit {
    struct lake_finding *finding; /* in a fixed order: log, files by path, unknown files, staging, sources, topics, tables */
    size_t count, bad;            /* files that are as they should be are summed up in one line per table */
    uint64_t number;              /* the commit audited */
    int64_t files, bytes;
    struct arena arena;
};

/* Audits the lake as of a fresh view of its log (the lake may be open in any mode, also while another process writes:
 * what that one changes meanwhile is looked at again before it is called bad). Changes nothing.
 * ERR_OK with out->bad > 0 when something differs; an error only when the audit itself could not run. */
enum err lake_audit(struct lake *lake, const struct lake_audit_options *options, struct lake_audit *out,
                    struct error *e) MUST_CHECK;
void lake_audit_free(struct lake_audit *audit);

/* Lines of a plain gzip file of NDJSON: '\n' bytes, and one more when the last line has none. */
enum err lake_count_gz_lines(const char *local_path, int64_t *rows, struct error *e) MUST_CHECK;

#endif
