#include "ingest/pump.h"

#include "base/mem.h"

#include <pthread.h>
#include <string.h>

/* Reading is serial (one stream, one hash), so is writing (one file); what costs is compression, and that runs outside
 * both locks. A block's ticket is taken under the reading lock and is its turn to write. */
struct line {
    struct ingest_pump *pump;
    pthread_mutex_t reading, writing;
    pthread_cond_t turn;
    uint64_t tickets, written;
    int64_t start;
    bool finished; /* nothing more to read; under `reading` */
    enum err rc;   /* the first failure; under `writing` */
    struct error error;
};

struct worker {
    struct line *line;
    pthread_t thread;
    struct buf block, packed;
    struct ingest_lines lines;
    struct gzip_writer *gzip;
};

static void fail(struct line *line, enum err rc, const struct error *e)
{
    pthread_mutex_lock(&line->writing);
    if (line->rc == ERR_OK) {
        line->rc = rc;
        line->error = *e;
    }
    pthread_cond_broadcast(&line->turn);
    pthread_mutex_unlock(&line->writing);
}

/* False: nothing more to do. */
static bool take_block(struct worker *w, uint64_t *ticket)
{
    struct line *line = w->line;
    struct ingest_pump *pump = line->pump;
    struct error e;
    bool added = false;
    enum err rc = ERR_OK;
    pthread_mutex_lock(&line->reading);
    if (!line->finished) {
        bool stopped = pump->stop && *pump->stop;
        bool enough = pump->blocks->next - line->start >= pump->most_bytes;
        if (stopped || enough) line->finished = true;
        else {
            rc = ingest_blocks_next(pump->blocks, &w->block, &added, &e);
            if (rc != ERR_OK || !w->block.len) {
                line->finished = true;
                pump->ended = rc == ERR_OK;
            }
            pump->open_end = added;
        }
    }
    bool more = !line->finished;
    if (more) *ticket = line->tickets++;
    pthread_mutex_unlock(&line->reading);
    if (rc != ERR_OK) fail(line, rc, &e);
    return more;
}

static enum err write_block(struct worker *w, uint64_t raw_bytes, int64_t content_bytes, struct error *e)
{
    enum err rc = ERR_OK;
    struct ingest_pump *pump = w->line->pump;
    if (w->lines.records) {
        TRY(ingest_bronze_add(pump->bronze, pump->topic, w->packed.ptr, w->packed.len, raw_bytes, w->lines.records, e));
        for (size_t i = 0; i < w->lines.run_count; i++)
            ingest_bronze_span(pump->bronze, pump->source, pump->first_record + pump->lines + w->lines.run[i].first,
                               w->lines.run[i].count);
    }
    pump->lines += w->lines.lines;
    pump->records += w->lines.records;
    pump->bytes += content_bytes;
    if (pump->progress) pump->progress(pump->ctx, pump->bytes, pump->records);
done:
    return rc;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct line *line = w->line;
    uint64_t ticket;
    while (take_block(w, &ticket)) {
        struct error e;
        enum err rc = ERR_OK;
        int64_t content_bytes = (int64_t)w->block.len;
        ingest_lines_scan(&w->block, &w->lines);
        buf_clear(&w->packed);
        if (w->block.len) gzip_write_member(w->gzip, w->block.ptr, w->block.len, &w->packed);
        pthread_mutex_lock(&line->writing);
        while (line->rc == ERR_OK && line->written != ticket) pthread_cond_wait(&line->turn, &line->writing);
        bool go = line->rc == ERR_OK;
        if (go) rc = write_block(w, w->block.len, content_bytes, &e);
        line->written++;
        pthread_cond_broadcast(&line->turn);
        pthread_mutex_unlock(&line->writing);
        if (rc != ERR_OK) fail(line, rc, &e);
        if (!go || rc != ERR_OK) break;
    }
    return NULL;
}

enum err ingest_pump_run(struct ingest_pump *pump, struct error *e)
{
    struct line line = {.pump = pump,
                        .reading = PTHREAD_MUTEX_INITIALIZER,
                        .writing = PTHREAD_MUTEX_INITIALIZER,
                        .turn = PTHREAD_COND_INITIALIZER,
                        .start = pump->blocks->next};
    unsigned count = pump->threads ? pump->threads : 1, started = 0;
    struct worker *workers = mem_array(count, sizeof *workers);
    memset(workers, 0, count * sizeof *workers);
    pump->lines = pump->records = pump->bytes = 0;
    pump->ended = pump->open_end = false;
    for (unsigned i = 0; i < count; i++) {
        workers[i].line = &line;
        workers[i].gzip = gzip_writer_new();
    }
    /* The caller's thread works too; a thread that cannot be made is one worker fewer. */
    while (started + 1 < count && !pthread_create(&workers[started + 1].thread, NULL, work, &workers[started + 1])) started++;
    work(&workers[0]);
    for (unsigned i = 1; i <= started; i++) pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < count; i++) {
        gzip_writer_free(&workers[i].gzip);
        buf_reset(&workers[i].block);
        buf_reset(&workers[i].packed);
        mem_free(workers[i].lines.run);
    }
    mem_free(workers);
    if (line.rc != ERR_OK && e) *e = line.error;
    return line.rc;
}
