#include "live/into.h"

#include "base/clock.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "ingest/bronze.h"

#include <stdio.h>
#include <string.h>

enum { PART_BYTES = 256 << 20 };

struct topic {
    const struct contract *contract;
    struct lake_source source; /* of the open batch: next, rows … grow */
    struct hasher *hasher;     /* of all lines of this run */
    uint32_t index;
    char id[64];
    bool open;                 /* a source of the open batch */
};

struct into {
    struct lake *lake;
    struct live_into_options options;
    struct lake_batch *batch;
    struct ingest_bronze *bronze;
    uint64_t batch_bytes, run, begun_ns;
    struct topic topic[SIMULATE_TOPICS];
};

static enum err batch_begin(struct into *s, struct error *e)
{
    enum err rc = lake_batch_begin(s->lake, LAKE_INGEST, &s->batch, e);
    if (rc != ERR_OK) return rc;
    if (!s->run) s->run = lake_batch_number(s->batch);
    s->bronze = ingest_bronze_new(s->batch, clock_now_ms(), PART_BYTES);
    s->batch_bytes = 0;
    s->begun_ns = clock_mono_ns();
    return ERR_OK;
}

static enum err batch_commit(struct into *s, struct error *e)
{
    enum err rc = ERR_OK;
    uint64_t number;
    if (!s->batch) return ERR_OK;
    for (size_t i = 0; i < SIMULATE_TOPICS; i++) {
        struct topic *t = &s->topic[i];
        if (!t->open) continue;
        t->source.hash = hasher_sum(t->hasher);
        t->source.records = t->source.rows;
        TRY(lake_batch_source_update(s->batch, t->index, &t->source, e));
        t->open = false;
    }
    TRY(ingest_bronze_finish(s->bronze, e));
    ingest_bronze_free(&s->bronze);
    TRY(lake_batch_commit(&s->batch, &number, e));
    if (s->options.committed) TRY(s->options.committed(s->options.ctx, number, e));
done:
    if (rc != ERR_OK) {
        ingest_bronze_free(&s->bronze);
        lake_batch_abort(&s->batch);
    }
    return rc;
}

static enum err open_source(struct into *s, struct topic *t, struct error *e)
{
    if (!t->hasher) {
        t->hasher = hasher_new();
        /* Each run is a source of its own: two runs of one seed are two deliveries, and refine drops the second. */
        snprintf(t->id, sizeof t->id, "run-%llu", (unsigned long long)s->run);
        t->source = (struct lake_source){.source = "simulator", .topic = t->contract->topic, .partition = -1, .id = t->id, .name = ""};
    }
    t->source.first = t->source.next;
    t->source.records = t->source.rows = 0;
    t->open = true;
    return lake_batch_source(s->batch, &t->source, &t->index, e);
}

static enum err encode(void *ctx, const struct simulate_batch *batch, struct buf *out, struct error *e)
{
    (void)ctx, (void)e;
    struct gzip_writer *gzip = gzip_writer_new();
    gzip_write_member(gzip, batch->bytes, batch->len, out);
    gzip_writer_free(&gzip);
    return ERR_OK;
}

static bool due(const struct into *s)
{
    if (s->batch_bytes >= (s->options.batch_bytes ? s->options.batch_bytes : 1u << 30)) return true;
    return s->options.interval_ms && clock_mono_ns() - s->begun_ns >= (uint64_t)s->options.interval_ms * 1000000u;
}

static enum err write_lines(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    struct into *s = ctx;
    struct topic *t = &s->topic[batch->topic];
    enum err rc = ERR_OK;
    if (!batch->lines) return ERR_OK;
    if (!s->batch) TRY(batch_begin(s, e));
    if (!t->open) TRY(open_source(s, t, e));
    TRY(ingest_bronze_add(s->bronze, t->contract->topic, encoded->ptr, encoded->len, batch->len, (int64_t)batch->lines, e));
    ingest_bronze_span(s->bronze, t->index, t->source.rows, (int64_t)batch->lines);
    hasher_add(t->hasher, batch->bytes, batch->len);
    t->source.next += (int64_t)batch->len;
    t->source.rows += (int64_t)batch->lines;
    s->batch_bytes += batch->len;
    if (due(s)) TRY(batch_commit(s, e));
done:
    return rc;
}

static enum err close_sink(void *ctx, struct error *e)
{
    struct into *s = ctx;
    enum err rc = batch_commit(s, e);
    for (size_t i = 0; i < SIMULATE_TOPICS; i++) hasher_free(&s->topic[i].hasher);
    mem_free(s);
    return rc;
}

enum err live_into_flush(struct simulate_sink *sink, struct error *e)
{
    struct into *s = sink->ctx;
    return s->batch && due(s) ? batch_commit(s, e) : ERR_OK;
}

enum err live_into_lake(struct lake *lake, const struct live_into_options *options, struct simulate_sink *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct into *s = mem_zalloc(sizeof *s);
    s->lake = lake;
    s->options = *options;
    for (size_t i = 0; i < SIMULATE_TOPICS; i++) {
        TRY(schema_set_need(options->contracts, simulate_topic_name((enum simulate_topic)i), &s->topic[i].contract, e));
    }
    *out = (struct simulate_sink){.ctx = s, .encode = encode, .write = write_lines, .close = close_sink};
    s = NULL;
done:
    mem_free(s);
    return rc;
}
