/* Moves one stream into bronze: several threads cut, compress and write blocks; the order of the stream is kept. */
#ifndef LAKEFM_INGEST_PUMP_H
#define LAKEFM_INGEST_PUMP_H

#include "ingest/blocks.h"
#include "ingest/bronze.h"

#include <signal.h>

struct ingest_pump {
    struct ingest_blocks *blocks;
    struct ingest_bronze *bronze;
    const char *topic;
    uint32_t source;      /* index in the batch, for spans */
    int64_t first_record; /* number of the stream's first record to come */
    int64_t most_bytes;   /* stop at the first block end after this much content */
    unsigned threads;
    volatile sig_atomic_t *stop; /* may be NULL */
    void (*progress)(void *ctx, int64_t bytes, int64_t records); /* of this stream; one thread at a time; may be NULL */
    void *ctx;
    /* results */
    int64_t lines, records, bytes;
    bool ended;    /* the stream has no more */
    bool open_end; /* its last line had no newline */
};

/* On failure some blocks may be in bronze: give up the batch. */
enum err ingest_pump_run(struct ingest_pump *pump, struct error *e) MUST_CHECK;

#endif
