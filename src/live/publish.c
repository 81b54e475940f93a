#include "live/publish.h"

#include "base/clock.h"
#include "base/gzip.h"
#include "base/io.h"
#include "base/log.h"
#include "ingest/bronze.h"

#include <string.h>

enum { BRONZE_PART_BYTES = 256 << 20 };

/* The pieces of a haul as refine reads them. Bronze's gzip members are made on the way, by refine's threads. */
struct feed {
    struct kafka_haul *haul;
    const char *origin;
    size_t next;
    struct buf *members; /* by piece */
    struct refine_span **spans;
    int64_t day;
};

static enum err feed_next(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct feed *f = ctx;
    (void)e;
    while (f->next < f->haul->piece_count && !f->haul->pieces[f->next].lines) f->next++;
    if (f->next == f->haul->piece_count) return ERR_MORE;
    size_t i = f->next++;
    const struct kafka_piece *p = &f->haul->pieces[i];
    f->spans[i] = mem_array(p->span_count, sizeof **f->spans);
    for (size_t s = 0; s < p->span_count; s++)
        f->spans[i][s] = (struct refine_span){p->spans[s].partition, p->spans[s].first, p->spans[s].count};
    *piece = (struct refine_piece){.contract = p->contract,
                                   .ptr = p->text.ptr,
                                   .len = p->text.len,
                                   .spans = f->spans[i],
                                   .span_count = p->span_count,
                                   .arrival_day = f->day,
                                   .origin = f->origin,
                                   .cookie = (void *)(uintptr_t)i};
    return ERR_OK;
}

static enum err feed_load(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct feed *f = ctx;
    size_t i = (size_t)(uintptr_t)piece->cookie;
    struct gzip_writer *gzip = gzip_writer_new();
    (void)e;
    gzip_write_member(gzip, piece->ptr, piece->len, &f->members[i]);
    gzip_writer_free(&gzip);
    return ERR_OK;
}

static void feed_free(struct feed *f)
{
    for (size_t i = 0; i < f->haul->piece_count; i++) {
        buf_reset(&f->members[i]);
        mem_free(f->spans[i]);
    }
    mem_free(f->members);
    mem_free(f->spans);
}

static const struct kafka_part *part_of(const struct kafka_haul *haul, const struct contract *contract, int32_t partition)
{
    for (size_t i = 0; i < haul->part_count; i++)
        if (haul->parts[i].topic->contract == contract && haul->parts[i].partition == partition) return &haul->parts[i];
    return NULL;
}

static enum err write_bronze(struct feed *f, struct ingest_bronze *bronze, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < f->haul->piece_count; i++) {
        const struct kafka_piece *p = &f->haul->pieces[i];
        if (!p->lines) continue;
        TRY(ingest_bronze_add(bronze, p->contract->topic, f->members[i].ptr, f->members[i].len, p->text.len, p->lines, e));
        for (size_t s = 0; s < p->span_count; s++)
            ingest_bronze_span(bronze, part_of(f->haul, p->contract, p->spans[s].partition)->index, p->spans[s].first,
                               p->spans[s].count);
    }
    TRY(ingest_bronze_finish(bronze, e));
done:
    return rc;
}

static struct lake_source source_of(struct kafka *k, const struct kafka_part *p)
{
    return (struct lake_source){.source = kafka_source_name(k),
                                .topic = p->topic->contract->topic,
                                .partition = p->partition,
                                .id = p->id,
                                .name = p->topic->name,
                                .first = p->first,
                                .next = p->next,
                                .records = p->records,
                                .rows = p->rows,
                                .blank = p->blank,
                                .runs = p->runs,
                                .run_count = p->run_count};
}

/* Partitions whose position in the log is not where the haul begins were taken by another process: not ours any more. */
static bool drop_moved(struct lake *lake, struct kafka *k, struct kafka_haul *haul)
{
    bool any = false;
    for (size_t i = 0; i < haul->part_count;) {
        struct kafka_part *p = &haul->parts[i];
        struct lake_sources found = {0};
        bool moved = lake_source_find(lake, kafka_source_name(k), p->topic->contract->topic, p->partition, p->id, &found) &&
                     found.source[0].next != p->first;
        lake_sources_free(&found);
        if (!moved) {
            i++;
            continue;
        }
        log_info("%s/%d: another process has committed these records", p->topic->name, (int)p->partition);
        kafka_haul_drop(haul, p->topic, p->partition);
        any = true;
    }
    return any;
}

/* Losses that the user accepted, as a commit of their own. */
static enum err publish_gaps(struct lake *lake, struct kafka *k, struct kafka_haul *haul, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_batch *batch = NULL;
    for (size_t i = 0; i < haul->part_count; i++) {
        struct kafka_part *p = &haul->parts[i];
        if (!p->lost) continue;
        if (!batch) TRY(lake_batch_begin(lake, LAKE_GAP, &batch, e));
        struct lake_source gap = source_of(k, p);
        gap.next = p->first + p->lost;
        gap.records = gap.rows = gap.blank = 0;
        gap.lost = p->lost;
        gap.runs = NULL;
        gap.run_count = 0;
        TRY(lake_batch_source(batch, &gap, NULL, e));
    }
    if (!batch) goto done;
    lake_batch_note(batch, "records lost to Kafka's retention, accepted by --accept-loss");
    TRY(lake_batch_commit(&batch, NULL, e));
    for (size_t i = 0; i < haul->part_count; i++) {
        haul->parts[i].first += haul->parts[i].lost;
        haul->parts[i].lost = 0;
    }
done:
    lake_batch_abort(&batch);
    return rc;
}

/* Bronze's gzip members without refine's threads. */
static enum err load_all(struct feed *feed, struct error *e)
{
    for (size_t i = 0; i < feed->haul->piece_count; i++) {
        const struct kafka_piece *p = &feed->haul->pieces[i];
        struct refine_piece piece = {.ptr = p->text.ptr, .len = p->text.len, .cookie = (void *)(uintptr_t)i};
        enum err rc = p->lines ? feed_load(feed, &piece, e) : ERR_OK;
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}

static enum err publish_bronze(struct kafka *k, struct feed *feed, struct lake_batch *batch,
                               struct ingest_bronze *bronze, uint64_t *number, struct refine_totals *totals, bool *lost_race, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(load_all(feed, e));
    TRY(write_bronze(feed, bronze, e));
    TRY(kafka_verify(k, feed->haul, e));
    *totals = (struct refine_totals){.read = feed->haul->records, .bytes = (int64_t)feed->haul->bytes};
    *lost_race = true;
    TRY(lake_batch_commit(&batch, number, e));
    *lost_race = false;
    kafka_committed(k, feed->haul);
done:
    lake_batch_abort(&batch);
    return rc;
}

/* *lost_race: another writer's commit came first (ERR_RETRY, or ERR_USAGE for a position that has moved). */
static enum err publish_once(struct lake *lake, struct refine *refine, struct kafka *k, struct kafka_haul *haul,
                             uint64_t *number, struct refine_totals *totals, bool *lost_race, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_batch *batch = NULL;
    struct ingest_bronze *bronze = NULL;
    bool begun = false;
    int64_t now = clock_now_ms();
    struct feed feed = {.haul = haul,
                        .origin = kafka_source_name(k),
                        .members = mem_zalloc(haul->piece_count * sizeof *feed.members),
                        .spans = mem_zalloc(haul->piece_count * sizeof *feed.spans),
                        .day = clock_day_of_ms(now)};
    struct refine_source source = {&feed, feed_next, feed_load, NULL};
    bool too_many = false;
    struct error rejected;
    *lost_race = true;
    TRY(lake_batch_begin(lake, refine ? LAKE_LIVE : LAKE_INGEST, &batch, e));
    for (size_t i = 0; i < haul->part_count; i++) {
        struct lake_source s = source_of(k, &haul->parts[i]);
        TRY(lake_batch_source(batch, &s, &haul->parts[i].index, e));
    }
    *lost_race = false;
    bronze = ingest_bronze_new(batch, now, BRONZE_PART_BYTES);
    if (!refine) {
        struct lake_batch *mine = batch;
        batch = NULL;
        rc = publish_bronze(k, &feed, mine, bronze, number, totals, lost_race, e);
        goto done;
    }
    begun = true;
    TRY(refine_begin(refine, batch, e));
    TRY(refine_run(refine, &source, e));
    TRY(write_bronze(&feed, bronze, e));
    rc = refine_end(refine, totals, &too_many, &rejected);
    if (rc != ERR_OK && e) *e = rejected;
    TRY(rc);
    TRY(kafka_verify(k, haul, e));
    *lost_race = true;
    TRY(lake_batch_commit(&batch, number, e));
    *lost_race = false;
    refine_committed(refine);
    begun = false;
    if (too_many) log_warn("%s", rejected.what);
    kafka_committed(k, haul);
done:
    if (rc != ERR_OK && begun) refine_abandon(refine);
    ingest_bronze_free(&bronze);
    lake_batch_abort(&batch);
    feed_free(&feed);
    return rc;
}

enum err live_publish(struct lake *lake, struct refine *refine, struct kafka *k, struct kafka_haul *haul, uint64_t *number,
                      struct refine_totals *totals, bool *moved, struct error *e)
{
    enum err rc = ERR_OK;
    bool shared = lake_mode_of(lake) == LAKE_SHARED_WRITER;
    *number = 0;
    *moved = false;
    for (;;) {
        if (shared) {
            TRY(lake_reload(lake, e));
            *moved |= drop_moved(lake, k, haul);
        }
        if (!haul->part_count) return ERR_OK;
        rc = publish_gaps(lake, k, haul, e);
        if (rc == ERR_OK && !haul->records) return ERR_OK;
        bool lost_race = false;
        if (rc == ERR_OK) rc = publish_once(lake, refine, k, haul, number, totals, &lost_race, e);
        if (!shared || !lost_race || (rc != ERR_RETRY && rc != ERR_USAGE)) return rc;
    }
done:
    return rc;
}
