#include "refine/engine.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() ((void)0)
#endif

enum { SPINS = 400 };
static const uint64_t SHOW_NS = 100000000;

bool engine_failed(void *ctx) { return atomic_load(&((struct refine *)ctx)->failed); }

static void fail(struct refine *r, const struct error *e)
{
    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->failed)) r->failure = *e;
    atomic_store(&r->failed, true);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static bool stopped(struct refine *r, struct error *e)
{
    if (!r->o.stop || !*r->o.stop) return false;
    err_set(e, ERR_STOPPED, "stopped");
    return true;
}

/* ---- jobs ---- */

void engine_ready(void *ctx, struct row_group *group)
{
    struct refine *r = ctx;
    group->next = NULL;
    pthread_mutex_lock(&r->lock);
    *r->jobs_end = group;
    r->jobs_end = &group->next;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static struct row_group *take_job(struct refine *r)
{
    pthread_mutex_lock(&r->lock);
    struct row_group *g = atomic_load(&r->failed) ? NULL : r->jobs;
    if (g) {
        r->jobs = g->next;
        if (!r->jobs) r->jobs_end = &r->jobs;
        r->jobs_running++;
    }
    pthread_mutex_unlock(&r->lock);
    return g;
}

/* True when there was one. */
static bool run_job(struct refine *r, struct worker *w)
{
    struct error e = {0};
    struct row_group *g = take_job(r);
    if (!g) return false;
    if (!w->writer) w->writer = partition_writer_new();
    if (partition_write(r->partitions, w->writer, g, &e) != ERR_OK) fail(r, &e);
    pthread_mutex_lock(&r->lock);
    r->jobs_running--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return true;
}

/* ---- the turn ---- */

/* False when the run has failed. */
static bool take_turn(struct refine *r, uint64_t ticket)
{
    for (int i = 0; i < SPINS && atomic_load(&r->turn) != ticket; i++) PAUSE();
    if (atomic_load(&r->turn) == ticket) return !atomic_load(&r->failed);
    pthread_mutex_lock(&r->lock);
    while (atomic_load(&r->turn) != ticket && !atomic_load(&r->failed)) pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return !atomic_load(&r->failed);
}

static void give_turn(struct refine *r)
{
    pthread_mutex_lock(&r->lock);
    r->shown = r->totals;
    atomic_fetch_add(&r->turn, 1);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void copying(struct refine *r, bool begins)
{
    pthread_mutex_lock(&r->lock);
    r->copying += begins ? 1 : -1u;
    if (!begins) pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void engine_take_gathered(struct refine *r)
{
    for (unsigned i = 0; i < r->threads; i++) {
        struct worker *w = &r->worker[i];
        for (size_t t = 0; t < r->topic_count; t++) place_forget(w, &r->topic[t]);
        dims_take(r->dims, &w->gather);
        gather_reset(&w->gather);
        gather_init(&w->gather, r->lexicon, &r->domains, r->topic_count);
    }
    levels_flush(&r->levels);
    dims_take(r->dims, &r->levels.gather);
    levels_reset(&r->levels);
    levels_init(&r->levels, r->lexicon, &r->domains, r->topic_count);
}

enum err engine_forget_codes(struct refine *r, struct worker *w, struct error *e)
{
    partition_flush_all(r->partitions);
    for (;;) {
        if (atomic_load(&r->failed)) return err_set(e, ERR_STOPPED, "stopped");
        if (run_job(r, w)) continue;
        pthread_mutex_lock(&r->lock);
        bool quiet = !r->jobs && !r->jobs_running && !r->copying;
        if (!quiet && !r->jobs) pthread_cond_wait(&r->changed, &r->lock);
        pthread_mutex_unlock(&r->lock);
        if (quiet) break;
    }
    pthread_rwlock_wrlock(&r->codes);
    engine_take_gathered(r);
    lexicon_clear(r->lexicon);
    pthread_rwlock_unlock(&r->codes);
    return ERR_OK;
}

/* ---- pieces ---- */

struct claimed {
    struct refine_piece piece;
    struct topic *topic;
    struct reader *reader;
    uint64_t ticket;
    int64_t line, rows;                /* number of its first line, rows of the topic before it; known with the turn */
    uint64_t lines, blank, drift;      /* the decoder's counts before it */
    bool turn, done;
};

static struct reader *reader_of(struct worker *w, const struct topic *t)
{
    struct reader *reader = &w->reader[t->index];
    if (reader->decoder) return reader;
    size_t columns = t->contract->column_count;
    reader->decoder = decode_new(t->contract, &w->r->decode);
    reader->map = mem_zalloc(columns * sizeof *reader->map);
    reader->mapped = mem_zalloc(columns * sizeof *reader->mapped);
    reader->map_cap = mem_zalloc(columns * sizeof *reader->map_cap);
    return reader;
}

static struct topic *topic_of(struct refine *r, const struct contract *c)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (r->topic[i].contract == c) return &r->topic[i];
    return NULL;
}

/* ERR_MORE: the source is at its end. */
static enum err claim(struct worker *w, struct claimed *c, struct error *e)
{
    struct refine *r = w->r;
    enum err rc = ERR_MORE;
    pthread_mutex_lock(&r->claim);
    if (!r->exhausted && !atomic_load(&r->failed)) {
        c->piece = (struct refine_piece){0};
        rc = r->source->next(r->source->ctx, &c->piece, e);
        if (rc == ERR_OK) c->ticket = r->tickets++;
        else r->exhausted = true;
    }
    pthread_mutex_unlock(&r->claim);
    if (rc != ERR_OK) return rc;
    c->topic = topic_of(r, c->piece.contract);
    if (!c->topic) return err_set(e, ERR_INTERNAL, "a piece of a contract that the handle does not know");
    pthread_rwlock_rdlock(&r->codes);
    c->reader = reader_of(w, c->topic);
    pthread_rwlock_unlock(&r->codes);
    return ERR_OK;
}

static enum err piece_turn(struct worker *w, struct claimed *c, struct error *e)
{
    struct refine *r = w->r;
    if (c->turn) return ERR_OK;
    if (!take_turn(r, c->ticket)) return err_set(e, ERR_STOPPED, "stopped");
    c->turn = true;
    c->line = c->piece.line == REFINE_FOLLOWS ? r->next_line : c->piece.line;
    if (c->piece.line != REFINE_FOLLOWS) r->span_list = NULL; /* another list may lie where the last one lay */
    c->rows = c->topic->tally.rows;
    if (lexicon_bytes(r->lexicon) > r->o.memory_bytes / 4) return engine_forget_codes(r, w, e);
    return ERR_OK;
}

/* Counts the piece and lets the next one have the turn. */
static void piece_done(struct worker *w, struct claimed *c)
{
    struct refine *r = w->r;
    const struct decode_counts *now = decode_counts(c->reader->decoder);
    struct tally *t = &c->topic->tally;
    t->read += (int64_t)(now->lines - c->lines);
    t->blank += (int64_t)(now->blank - c->blank);
    t->drift += (int64_t)(now->drift_rows - c->drift);
    r->next_line = c->line + (int64_t)(now->lines - c->lines);
    r->totals.bytes += (int64_t)c->piece.len;
    r->totals.read += (int64_t)(now->lines - c->lines);
    r->totals.rows += c->topic->tally.rows - c->rows;
    c->turn = false;
    c->done = true;
    give_turn(r);
}

/* Whether nothing follows the batch in its piece. (Trailing blank lines may hide it: then the turn is given on later.) */
static bool at_end(const struct claimed *c, const struct decode_batch *b)
{
    const char *end = c->piece.ptr;
    if (b->rows) end = b->source[b->rows - 1].text + b->source[b->rows - 1].len;
    if (b->reject_count) {
        const struct decode_source *s = &b->rejects[b->reject_count - 1].source;
        if (s->text + s->len > end) end = s->text + s->len;
    }
    size_t left = c->piece.len - (size_t)(end - c->piece.ptr);
    return left == 0 || (left == 1 && *end == '\n') || (left == 2 && end[0] == '\r' && end[1] == '\n');
}

static enum err take_batch(struct worker *w, struct claimed *c, const struct decode_batch *b, struct error *e)
{
    struct refine *r = w->r;
    enum err rc;
    pthread_rwlock_rdlock(&r->codes);
    place_prepare(w, c->topic);
    pthread_rwlock_unlock(&r->codes);
    TRY(piece_turn(w, c, e));
    TRY(place_rows(w, c->topic, b, &c->piece, c->line, e));
    copying(r, true);
    if (at_end(c, b)) piece_done(w, c);
    place_copy(w, c->topic, b);
    days_settle(r->days);
    if (b->full) {
        place_forget(w, c->topic);
        decode_forget(c->reader->decoder);
        memset(c->reader->mapped, 0, c->topic->contract->column_count * sizeof *c->reader->mapped);
    }
    copying(r, false);
done:
    return rc;
}

static bool has_bom(const struct refine_piece *p) { return p->len >= 3 && !memcmp(p->ptr, "\xEF\xBB\xBF", 3); }

static enum err take_piece(struct worker *w, struct claimed *c, struct error *e)
{
    struct refine *r = w->r;
    const struct decode_counts *counts = decode_counts(c->reader->decoder);
    enum err rc = ERR_OK;
    if (r->source->load) TRY(r->source->load(r->source->ctx, &c->piece, e));
    c->lines = counts->lines;
    c->blank = counts->blank;
    c->drift = counts->drift_rows;
    /* A byte order mark is only looked for at offset 0: the beginning of any piece may be that of a file. */
    decode_feed(c->reader->decoder, c->piece.ptr, c->piece.len, has_bom(&c->piece) ? 0 : 1);
    for (const struct decode_batch *b; (b = decode_next(c->reader->decoder));) TRY(take_batch(w, c, b, e));
    if (!c->done) {
        TRY(piece_turn(w, c, e));
        piece_done(w, c);
    }
done:
    return rc;
}

static void show(struct refine *r)
{
    uint64_t now = clock_mono_ns();
    if (!r->o.progress || now - r->shown_ns < SHOW_NS) return;
    r->shown_ns = now;
    pthread_mutex_lock(&r->lock);
    struct refine_totals so_far = r->shown;
    pthread_mutex_unlock(&r->lock);
    totals_add(&so_far, &r->earlier);
    r->o.progress(r->o.ctx, &so_far);
}

/* One piece; false when there is nothing more to claim or the run has failed. */
static bool work_once(struct worker *w)
{
    struct refine *r = w->r;
    struct claimed c = {0};
    struct error e = {0};
    if (atomic_load(&r->failed)) return false;
    if (stopped(r, &e)) {
        fail(r, &e);
        return false;
    }
    enum err rc = claim(w, &c, &e);
    if (rc == ERR_MORE) return false;
    if (rc == ERR_OK) rc = take_piece(w, &c, &e);
    if (rc != ERR_OK) {
        fail(r, &e);
        place_abandon(w);
    }
    if (c.piece.contract && r->source->free) r->source->free(r->source->ctx, &c.piece);
    return rc == ERR_OK;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct refine *r = w->r;
    for (;;) {
        if (run_job(r, w)) {
            if (w == r->worker) show(r);
            continue;
        }
        if (r->source && work_once(w)) {
            if (w == r->worker) show(r);
            continue;
        }
        /* Nothing to claim: others may still close row groups. */
        pthread_mutex_lock(&r->lock);
        bool more = !atomic_load(&r->failed) && (r->jobs || r->jobs_running || atomic_load(&r->turn) != r->tickets || r->copying);
        if (more && !r->jobs) pthread_cond_wait(&r->changed, &r->lock);
        pthread_mutex_unlock(&r->lock);
        if (!more) return NULL;
    }
}

static void drop_jobs(struct refine *r)
{
    for (struct row_group *g = r->jobs, *next; g; g = next) {
        next = g->next;
        partition_drop(r->partitions, g);
    }
    r->jobs = NULL;
    r->jobs_end = &r->jobs;
}

/* beside: what the first worker does before it joins the others; may be NULL. */
static enum err run(struct refine *r, enum err (*beside)(struct refine *r, struct error *e), struct error *e)
{
    struct error own = {0};
    unsigned started = 0;
    for (unsigned i = 1; i < r->threads; i++)
        if (pthread_create(&r->worker[i].thread, NULL, work, &r->worker[i]) == 0) started = i;
        else break;
    if (beside && beside(r, &own) != ERR_OK) fail(r, &own);
    work(&r->worker[0]);
    for (unsigned i = 1; i <= started; i++) pthread_join(r->worker[i].thread, NULL);
    if (!atomic_load(&r->failed)) return ERR_OK;
    drop_jobs(r);
    if (e) *e = r->failure;
    return r->failure.code;
}

enum err engine_run(struct refine *r, const struct refine_source *source, struct error *e)
{
    r->source = source;
    r->tickets = 0;
    r->exhausted = false;
    atomic_store(&r->turn, 0);
    enum err rc = run(r, NULL, e);
    r->source = NULL;
    return rc;
}

enum err engine_drain(struct refine *r, enum err (*beside)(struct refine *r, struct error *e), struct error *e)
{
    r->source = NULL;
    r->tickets = 0;
    atomic_store(&r->turn, 0);
    return run(r, beside, e);
}
