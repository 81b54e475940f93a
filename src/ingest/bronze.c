#include "ingest/bronze.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#include <string.h>

struct part {
    char *topic;
    int k;                 /* of the next or open part */
    struct lake_out *out;  /* NULL: none open */
    struct hasher *hasher;
    int64_t rows, bytes;
    uint64_t raw_bytes;
    struct lake_span *spans;
    size_t span_count, span_cap;
};

struct ingest_bronze {
    struct lake_batch *batch;
    int64_t date;
    int hour;
    uint64_t part_bytes;
    struct part *parts;
    size_t part_count, part_cap;
    struct part *last; /* where the last records went */
    int64_t bytes;
};

struct ingest_bronze *ingest_bronze_new(struct lake_batch *batch, int64_t now_ms, uint64_t part_bytes)
{
    struct ingest_bronze *b = mem_zalloc(sizeof *b);
    struct civil civil;
    clock_civil(now_ms, &civil);
    b->batch = batch;
    b->date = clock_day_of_ms(now_ms);
    b->hour = civil.hour;
    b->part_bytes = part_bytes;
    return b;
}

static struct part *part_of(struct ingest_bronze *b, const char *topic)
{
    for (size_t i = 0; i < b->part_count; i++)
        if (!strcmp(b->parts[i].topic, topic)) return &b->parts[i];
    mem_grow(&b->parts, &b->part_cap, b->part_count + 1, sizeof *b->parts);
    struct part *p = &b->parts[b->part_count++];
    memset(p, 0, sizeof *p);
    p->topic = mem_strdup(topic);
    return p;
}

static enum err part_finish(struct part *p, struct error *e)
{
    if (!p->out) return ERR_OK;
    struct lake_stats stats = {.rows = p->rows,
                               .min_date = LAKE_NO_DATE,
                               .max_date = LAKE_NO_DATE,
                               .has_hash = true,
                               .bytes = p->bytes,
                               .hash = hasher_sum(p->hasher),
                               .spans = p->spans,
                               .span_count = p->span_count};
    enum err rc = lake_out_finish(&p->out, &stats, e);
    hasher_free(&p->hasher);
    p->k++;
    p->rows = p->bytes = 0;
    p->raw_bytes = 0;
    p->span_count = 0;
    return rc;
}

enum err ingest_bronze_add(struct ingest_bronze *b, const char *topic, const void *members, size_t bytes,
                           uint64_t raw_bytes, int64_t records, struct error *e)
{
    enum err rc = ERR_OK;
    struct part *p = part_of(b, topic);
    if (p->out && p->raw_bytes + raw_bytes > b->part_bytes) TRY(part_finish(p, e));
    if (!p->out) {
        struct lake_part where = {LAKE_BRONZE, topic, topic, b->date, b->hour, p->k, "json.gz"};
        TRY(lake_batch_create(b->batch, &where, &p->out, e));
        p->hasher = hasher_new();
    }
    TRY(io_write_all(p->out->fd, members, bytes, p->out->local_path, e));
    hasher_add(p->hasher, members, bytes);
    p->rows += records;
    p->bytes += (int64_t)bytes;
    p->raw_bytes += raw_bytes;
    b->bytes += (int64_t)bytes;
    b->last = p;
done:
    return rc;
}

void ingest_bronze_span(struct ingest_bronze *b, uint32_t source, int64_t first, int64_t count)
{
    struct part *p = b->last;
    struct lake_span *last = p->span_count ? &p->spans[p->span_count - 1] : NULL;
    if (last && last->source == source && last->first + last->count == first) {
        last->count += count;
        return;
    }
    mem_grow(&p->spans, &p->span_cap, p->span_count + 1, sizeof *p->spans);
    p->spans[p->span_count++] = (struct lake_span){source, first, count};
}

enum err ingest_bronze_finish(struct ingest_bronze *b, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < b->part_count; i++) TRY(part_finish(&b->parts[i], e));
done:
    return rc;
}

int64_t ingest_bronze_bytes(const struct ingest_bronze *b) { return b->bytes; }

void ingest_bronze_free(struct ingest_bronze **bronze)
{
    struct ingest_bronze *b = *bronze;
    if (!b) return;
    for (size_t i = 0; i < b->part_count; i++) {
        struct part *p = &b->parts[i];
        lake_out_drop(&p->out);
        hasher_free(&p->hasher);
        mem_free(p->spans);
        mem_free(p->topic);
    }
    mem_free(b->parts);
    mem_free(b);
    *bronze = NULL;
}
