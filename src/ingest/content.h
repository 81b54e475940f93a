/* What a lake already holds of a file's content: the longest prefix of it that was taken before. */
#ifndef LAKEFM_INGEST_CONTENT_H
#define LAKEFM_INGEST_CONTENT_H

#include "ingest/ingest.h"

struct ingest_content {
    bool known;        /* some prefix is in the lake; then: */
    char id[HASH_HEX_SIZE + 24];
    int64_t next;      /* bytes of it */
    int64_t records;   /* records in it, blank lines counted */
    bool whole;        /* the file holds nothing beyond it */
    bool open_end;     /* the prefix ends within a line: the last record had no newline */
    int64_t line_start; /* then: where that line begins */
};

/* Contents taken in the open batch, not yet in the lake. */
struct ingest_taken {
    struct lake_source *source; /* topic, id, next, hash, records */
    size_t count, cap;
};

/* Reads a file (path; local) as far as the longest candidate. No file of this topic in the lake and in `open`: nothing is
 * read. *in_open: the prefix found is one of `open` (commit, then look up again). */
enum err ingest_content_look_up(struct lake *lake, const struct ingest_taken *open, const char *topic, const char *path,
                                struct ingest_content *out, bool *in_open, struct error *e) MUST_CHECK;

#endif
