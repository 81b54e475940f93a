/* A stream cut into blocks of whole lines. */
#ifndef LAKEFM_INGEST_BLOCKS_H
#define LAKEFM_INGEST_BLOCKS_H

#include "base/buf.h"
#include "base/gzip.h"
#include "base/hash.h"

enum { INGEST_BLOCK = 1 << 20 };

struct ingest_blocks {
    struct gzip_stream *stream; /* owned */
    const char *name;           /* borrowed */
    struct buf rest;            /* bytes after the last whole line handed out */
    struct hasher *hasher;      /* of the content handed out so far, the skipped beginning included */
    int64_t next;               /* content offset after the last block */
    bool ended;
    bool whole_only;            /* set after open: a last line without newline is left where it is */
};

/* Takes fd. Skips the first `skip` bytes of the content (they are hashed). ERR_INPUT when it is shorter. */
enum err ingest_blocks_open(int fd, const char *name, int64_t skip, struct ingest_blocks *out, struct error *e) MUST_CHECK;
/* Replaces the content of block (its memory is reused): whole lines, 1 MiB at most (but a line longer than
 * that comes whole, with what of the next MiB are whole lines), each with its '\n';
 * a last line without one gets it, and *added says so (the '\n' is no content). An empty block: the end.
 * ERR_INPUT: a line longer than 1 GiB. */
enum err ingest_blocks_next(struct ingest_blocks *blocks, struct buf *block, bool *added, struct error *e) MUST_CHECK;
void ingest_blocks_close(struct ingest_blocks *blocks);

/* Removes blank lines (empty, or "\r") from a block of whole lines, in place, and tells where records lie: runs of
 * consecutive records, as (index of the first line, count), lines counted from 0 in this block. */
struct ingest_lines {
    int64_t lines, records;
    struct ingest_line_run {
        int64_t first, count;
    } *run; /* owned, reused */
    size_t run_count, run_cap;
};
void ingest_lines_scan(struct buf *block, struct ingest_lines *out);

#endif
