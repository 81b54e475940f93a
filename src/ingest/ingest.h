/* Files, folders, globs and stdin → bronze: the bytes as received, one record a line, gzipped, committed batch by batch.
 *
 * What is taken:
 *  - a file's content is known by its bytes, not by its name: what the lake already holds of this topic is skipped; a
 *    file whose beginning it holds is continued behind it (a last line that had no newline when it was taken, and has
 *    grown since, is taken again whole).
 *  - plain, gzip and zstd are told by their first bytes; the same content is the same file in all three.
 *  - every line but blank ones (empty or "\r") is a record; a last line without newline is one too. Blank lines are
 *    counted. Nothing is parsed here: that is refine's work.
 * A failure (cut gzip, unreadable file, full disk) leaves the batches committed before it, and nothing of the one at
 * hand. ERR_STOPPED: *options.stop was set; what was read until then is committed.
 *
 * Source positions (lake/entry.h): source "file" or "stdin", partition -1, id = hash of the bytes taken when the content
 * was first met, first/next in bytes of the uncompressed content, spans in records (0-based, blank lines counted). */
#ifndef LAKEFM_INGEST_INGEST_H
#define LAKEFM_INGEST_INGEST_H

#include "lake/lake.h"
#include "schema/contract.h"

#include <signal.h>

enum ingest_outcome {
    INGEST_TAKEN,     /* new content */
    INGEST_CONTINUED, /* its beginning was in the lake: the rest was taken */
    INGEST_KNOWN,     /* all of it is in the lake already */
    INGEST_EMPTY,     /* nothing in it */
    INGEST_SKIPPED,   /* found in a folder, but its name is no topic's and does not look like events */
};

struct ingest_file {
    const char *path; /* borrowed from the result */
    const char *topic;
    enum ingest_outcome outcome;
    int64_t records, blank;
    int64_t bytes; /* of content taken now */
};

struct ingest_result {
    struct ingest_file *files; /* in the order taken */
    size_t file_count;
    int64_t records, blank, bytes; /* sums over what was taken now */
    int64_t bronze_bytes;          /* compressed, written */
    uint64_t first_batch, last_batch; /* 0: nothing was committed */
    struct arena arena;
};

struct ingest_options {
    const struct schema_set *contracts;
    const char *topic;      /* NULL: by each file's name */
    bool force;             /* take content that the lake already holds */
    bool whole_lines;       /* a last line without its newline waits until it has one (files that are being written) */
    uint64_t batch_bytes;   /* a batch is committed when this much content came in; 0: 1 GiB */
    uint64_t part_bytes;    /* content of one bronze file at most; 0: 256 MiB */
    unsigned threads;       /* that compress; 0: one per core */
    volatile sig_atomic_t *stop; /* may be NULL */
    void (*progress)(void *ctx, int64_t bytes, int64_t records); /* since the start; may be NULL */
    /* After each commit; an error ends the ingest. May be NULL. (run: refine what has just come in.) */
    enum err (*committed)(void *ctx, uint64_t batch, struct error *e);
    void *ctx;
};

/* paths: files, folders (walked, names starting with '.' or '_' left out), globs, "-" for stdin (needs topic).
 * ERR_USAGE: a topic that no contract knows, before anything is read. The result is filled also on failure; give it to
 * ingest_result_reset. lake must be open as a writer. */
enum err ingest_paths(struct lake *lake, const char *const *paths, size_t count, const struct ingest_options *options,
                      struct ingest_result *result, struct error *e) MUST_CHECK;
void ingest_result_reset(struct ingest_result *result);

#endif
