#include "live/live.h"

#include "base/clock.h"
#include "base/log.h"
#include "live/after.h"
#include "live/publish.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 50, RETRY_FIRST_MS = 200, RETRY_MOST_MS = 10000, FULL_MS = 2000 };

struct pipeline {
    struct lake *lake;
    const struct live_options *options;
    struct kafka *k;
    struct refine *refine;     /* NULL: bronze only */
    struct live_after *after;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct kafka_haul at_work; /* the worker's while `busy`, but when `waiting` under the lock */
    size_t at_work_bytes;
    bool busy, leaving;        /* leaving: no more hauls come */
    bool waiting;              /* the worker pauses before it tries the haul again */
    _Atomic bool drop;         /* a haul that waits for better times is given up */
    bool moved;                /* the log and the consumer do not agree any more: begin anew */
    enum err rc;               /* the first failure of the worker */
    struct error error;
    uint64_t ticked_ns;
};

static bool stopping(const struct pipeline *p)
{
    return *p->options->kafka.stop || (p->options->reload && *p->options->reload);
}

static void haul_times(const struct kafka_haul *haul, int64_t *oldest, int64_t *newest)
{
    *oldest = *newest = -1;
    for (size_t i = 0; i < haul->part_count; i++) {
        const struct kafka_part *part = &haul->parts[i];
        if (part->newest_ms > *newest) *newest = part->newest_ms;
        if (part->oldest_ms >= 0 && (*oldest < 0 || part->oldest_ms < *oldest)) *oldest = part->oldest_ms;
    }
}

/* Waits without missing the stop. False: stop. */
static bool wait_ms(struct pipeline *p, int64_t ms)
{
    for (; ms > 0 && !stopping(p) && !p->drop; ms -= POLL_MS) {
        struct timespec t = {0, (ms < POLL_MS ? ms : POLL_MS) * 1000000};
        nanosleep(&t, NULL);
    }
    return !stopping(p) && !p->drop;
}

/* Partitions may be taken out of the haul meanwhile. */
static bool pause_haul(struct pipeline *p, int64_t ms)
{
    pthread_mutex_lock(&p->lock);
    p->waiting = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    bool go_on = wait_ms(p, ms);
    pthread_mutex_lock(&p->lock);
    p->waiting = false;
    pthread_mutex_unlock(&p->lock);
    return go_on;
}

/* Commits the haul; while the broker or the disk says "later", waits and tries again: the records are safe in memory, and
 * if we must leave before, they are read again. */
static enum err commit_haul(struct pipeline *p, struct kafka_haul *haul, struct error *e)
{
    uint64_t number, started = clock_mono_ns();
    struct refine_totals totals = {0};
    int64_t oldest, newest, bytes = (int64_t)haul->bytes, pause = RETRY_FIRST_MS;
    bool moved = false;
    enum err rc;
    haul_times(haul, &oldest, &newest);
    while ((rc = live_publish(p->lake, p->refine, p->k, haul, &number, &totals, &moved, e)) == ERR_RETRY || rc == ERR_NO_SPACE) {
        char text[1024];
        log_warn("paused: %s; trying again in %.1f s", err_format(e, text, sizeof text), (double)pause / 1000);
        if (!pause_haul(p, pause)) return ERR_OK; /* leaving: nothing of it is committed, nothing is lost */
        pause = pause * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause * 2;
    }
    if (moved) {
        pthread_mutex_lock(&p->lock);
        p->moved = true;
        pthread_mutex_unlock(&p->lock);
    }
    if (rc != ERR_OK || !number) return rc;
    if (p->options->committed) {
        struct live_commit told = {number, totals, bytes, oldest, newest, clock_mono_ns() - started};
        p->options->committed(p->options->ctx, &told);
    }
    live_after_commit(p->after, number, newest);
    return ERR_OK;
}

static void *work(void *arg)
{
    struct pipeline *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->busy && !p->leaving) pthread_cond_wait(&p->changed, &p->lock);
        if (!p->busy) break;
        pthread_mutex_unlock(&p->lock);
        struct error e = {0};
        enum err rc = commit_haul(p, &p->at_work, &e);
        kafka_haul_reset(&p->at_work);
        pthread_mutex_lock(&p->lock);
        if (rc != ERR_OK && p->rc == ERR_OK) {
            p->rc = rc;
            p->error = e;
        }
        p->busy = false;
        p->at_work_bytes = 0;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Before a partition goes to another process: our commit of it must be over. A commit that only waits for better times
 * loses the partition's records: the new owner reads them again. */
static void settle(void *ctx, const struct kafka_topic *topic, int32_t partition)
{
    struct pipeline *p = ctx;
    pthread_mutex_lock(&p->lock);
    while (p->busy && !p->waiting) pthread_cond_wait(&p->changed, &p->lock);
    if (p->busy) kafka_haul_drop(&p->at_work, topic, partition);
    pthread_mutex_unlock(&p->lock);
}

static void wait_idle(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->busy) pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void give_up_haul(struct pipeline *p)
{
    p->drop = true;
    wait_idle(p);
    p->drop = false;
}

static void hand_over(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    size_t bytes = kafka_bytes(p->k);
    kafka_cut(p->k, &p->at_work);
    p->at_work_bytes = bytes;
    p->busy = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static bool due(const struct pipeline *p, uint64_t first_ns, bool closing)
{
    const struct live_options *o = p->options;
    uint64_t interval_ns = (uint64_t)(o->interval_ms ? o->interval_ms : 5000) * 1000000u;
    if (closing) return true;
    if (kafka_bytes(p->k) >= (o->batch_bytes ? o->batch_bytes : 256u << 20)) return true;
    return first_ns && clock_mono_ns() - first_ns >= interval_ns;
}

static void tick(struct pipeline *p)
{
    uint64_t now = clock_mono_ns();
    if (!p->options->tick || now - p->ticked_ns < 500000000u) return;
    p->ticked_ns = now;
    p->options->tick(p->options->ctx);
}

/* What the worker has to say: its failure; ERR_RETRY when the consumer must begin anew. */
static enum err hear_worker(struct pipeline *p, bool closing, bool *busy, size_t *held, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    if (closing && p->busy) pthread_cond_wait(&p->changed, &p->lock);
    *busy = p->busy;
    *held += p->at_work_bytes;
    enum err rc = p->rc;
    if (rc != ERR_OK && e) *e = p->error;
    if (rc == ERR_OK && p->moved && !closing) rc = err_set(e, ERR_RETRY, "another process has committed records that were read here");
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void wait_worker(struct pipeline *p)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_MS * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&p->lock);
    if (p->busy) pthread_cond_timedwait(&p->changed, &p->lock, &until);
    pthread_mutex_unlock(&p->lock);
}

static enum err consume(struct pipeline *p, struct error *e)
{
    enum err rc = ERR_OK;
    size_t most = p->options->memory_bytes ? p->options->memory_bytes : 512u << 20;
    bool paused = false, busy;
    uint64_t first_ns = 0, full_ns = 0;
    for (;;) {
        bool closing = stopping(p) || kafka_ended(p->k);
        if (!closing && full_ns && !paused) wait_worker(p);
        else if (!closing) TRY(kafka_poll(p->k, POLL_MS, e));
        tick(p);
        size_t held = kafka_bytes(p->k);
        if (held && !first_ns) first_ns = clock_mono_ns();
        TRY(hear_worker(p, closing, &busy, &held, e));
        /* Full: for a moment nothing is asked for. When it lasts, partitions are paused and polling goes on, or the group
         * would take us for dead; that costs what librdkafka has fetched ahead. */
        full_ns = held <= most ? 0 : full_ns ? full_ns : clock_mono_ns();
        if (paused ? held < most / 2 : full_ns && clock_mono_ns() - full_ns > FULL_MS * 1000000ull) {
            paused = !paused;
            kafka_pause(p->k, paused);
        }
        if (busy) continue;
        if (due(p, first_ns, closing)) {
            first_ns = 0;
            hand_over(p);
            if (closing) break;
        }
    }
    wait_idle(p);
done:
    return rc;
}

/* Brokers may be down when we start as well as later: a service waits for them, a one-off says so, but not before what was
 * made a moment ago (a topic, a partition's leader) can be known to the broker that is asked. */
static bool wait_for_kafka(const struct pipeline *p, enum err rc, uint64_t since_ns)
{
    enum { NEW_TOPIC_MS = 2000, ONE_OFF_MS = 5000 };
    uint64_t waited_ms = (clock_mono_ns() - since_ns) / 1000000;
    if (rc == ERR_NOT_FOUND) return waited_ms < NEW_TOPIC_MS;
    return rc == ERR_RETRY && (!p->options->kafka.until_end || waited_ms < ONE_OFF_MS);
}

static enum err connect_kafka(struct pipeline *p, struct error *e)
{
    enum err rc;
    int64_t pause = RETRY_FIRST_MS * 5;
    uint64_t since_ns = clock_mono_ns();
    while (wait_for_kafka(p, rc = kafka_open(&p->options->kafka, p->lake, &p->k, e), since_ns)) {
        char text[1024];
        log_warn("%s; trying again in %.0f s", err_format(e, text, sizeof text), (double)pause / 1000);
        tick(p);
        if (!wait_ms(p, pause)) return err_set(e, ERR_STOPPED, "stopped before Kafka answered");
        pause = pause * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause * 2;
    }
    if (rc == ERR_OK && p->options->reading) p->options->reading(p->options->ctx, p->k);
    return rc;
}

static void disconnect_kafka(struct pipeline *p)
{
    if (p->k && p->options->reading) p->options->reading(p->options->ctx, NULL);
    kafka_close(&p->k);
}

/* Reads until the end or the stop; begins anew where the ground has moved. */
static enum err read_kafka(struct pipeline *p, struct error *e)
{
    enum err rc;
    for (;;) {
        rc = connect_kafka(p, e);
        if (rc != ERR_OK) break;
        rc = consume(p, e);
        if (rc != ERR_RETRY) break;
        char text[1024];
        log_warn("%s; reading begins anew from the log's positions", err_format(e, text, sizeof text));
        give_up_haul(p);
        disconnect_kafka(p);
        p->moved = false;
        if (!wait_ms(p, RETRY_FIRST_MS)) return ERR_OK;
    }
    give_up_haul(p); /* the worker uses the consumer */
    disconnect_kafka(p);
    return rc == ERR_STOPPED && stopping(p) ? ERR_OK : rc;
}

enum err live_run(struct lake *lake, const struct live_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    struct live_options o = *options;
    struct pipeline p = {.lake = lake, .options = &o, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t worker;
    bool has_worker = false;
    int code;
    o.kafka.settle = settle;
    o.kafka.ctx = &p;
    if (!o.bronze_only) TRY(refine_open(lake, &o.refine, &p.refine, e));
    TRY(live_after_open(lake, &o, &p.after, e));
    if ((code = pthread_create(&worker, NULL, work, &p))) TRY(err_sys(e, code, "cannot start a thread"));
    has_worker = true;
    TRY(read_kafka(&p, e));
    rc = p.rc;
    if (rc != ERR_OK && e) *e = p.error;
done:
    pthread_mutex_lock(&p.lock);
    p.leaving = true;
    pthread_cond_broadcast(&p.changed);
    pthread_mutex_unlock(&p.lock);
    if (has_worker) pthread_join(worker, NULL);
    live_after_close(&p.after);
    refine_close(&p.refine);
    return rc;
}
