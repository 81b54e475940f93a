#include "live/live.h"

#include "base/clock.h"
#include "base/log.h"
#include "live/publish.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { POLL_MS = 50, RETRY_FIRST_MS = 200, RETRY_MOST_MS = 10000 };

struct pipeline {
    struct lake *lake;
    const struct live_options *options;
    struct kafka *k;
    struct refine *refine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct kafka_haul at_work; /* the worker's while `busy` */
    size_t at_work_bytes;
    bool busy, leaving;        /* leaving: no more hauls come */
    enum err rc;               /* the first failure of the worker */
    struct error error;
    uint64_t committed, built; /* commits made, and those in gold */
    int64_t newest_ms;         /* of what is committed */
    bool build_done;
};

static int64_t haul_newest(const struct kafka_haul *haul)
{
    int64_t newest = -1;
    for (size_t i = 0; i < haul->part_count; i++)
        if (haul->parts[i].newest_ms > newest) newest = haul->parts[i].newest_ms;
    return newest;
}

/* Waits without missing the stop. False: stop. */
static bool wait_ms(struct pipeline *p, int64_t ms)
{
    for (; ms > 0 && !*p->options->kafka.stop; ms -= POLL_MS) {
        struct timespec t = {0, (ms < POLL_MS ? ms : POLL_MS) * 1000000};
        nanosleep(&t, NULL);
    }
    return !*p->options->kafka.stop;
}

/* Commits the haul; while the broker or the disk says "later", waits and tries again: the records are safe in memory, and
 * if we must leave before, they are read again. */
static enum err commit_haul(struct pipeline *p, struct kafka_haul *haul, struct error *e)
{
    uint64_t number, started = clock_mono_ns();
    struct refine_totals totals = {0};
    int64_t newest = haul_newest(haul), bytes = (int64_t)haul->bytes, pause = RETRY_FIRST_MS;
    enum err rc;
    while ((rc = live_publish(p->lake, p->refine, p->k, haul, &number, &totals, e)) == ERR_RETRY || rc == ERR_NO_SPACE) {
        char text[1024];
        log_warn("paused: %s; trying again in %.1f s", err_format(e, text, sizeof text), (double)pause / 1000);
        if (!wait_ms(p, pause)) return ERR_OK; /* leaving: nothing of it is committed, nothing is lost */
        pause = pause * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause * 2;
    }
    if (rc != ERR_OK || !number) return rc;
    if (p->options->committed) {
        struct live_commit told = {number, totals, bytes, newest, clock_mono_ns() - started};
        p->options->committed(p->options->ctx, &told);
    }
    pthread_mutex_lock(&p->lock);
    p->committed = number;
    if (newest > p->newest_ms) p->newest_ms = newest;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
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

static void *build(void *arg)
{
    struct pipeline *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->built == p->committed && !p->build_done) pthread_cond_wait(&p->changed, &p->lock);
        if (p->built == p->committed) break;
        uint64_t number = p->committed, started = clock_mono_ns();
        int64_t newest = p->newest_ms;
        pthread_mutex_unlock(&p->lock);
        struct error e = {0};
        char text[1024];
        enum err rc = p->options->build(p->options->ctx, &e);
        if (rc != ERR_OK) log_error("gold was not built: %s", err_format(&e, text, sizeof text));
        else if (p->options->built) p->options->built(p->options->ctx, number, newest, clock_mono_ns() - started);
        pthread_mutex_lock(&p->lock);
        p->built = number;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Before partitions go to another process: our commit of them must be over. */
static void settle(void *ctx)
{
    struct pipeline *p = ctx;
    pthread_mutex_lock(&p->lock);
    while (p->busy) pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
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

static enum err consume(struct pipeline *p, struct error *e)
{
    enum err rc = ERR_OK;
    size_t most = p->options->memory_bytes ? p->options->memory_bytes : 512u << 20;
    bool paused = false;
    uint64_t first_ns = 0;
    for (;;) {
        bool closing = *p->options->kafka.stop || kafka_ended(p->k);
        if (!closing) TRY(kafka_poll(p->k, POLL_MS, e));
        size_t held = kafka_bytes(p->k);
        if (held && !first_ns) first_ns = clock_mono_ns();
        pthread_mutex_lock(&p->lock);
        bool busy = p->busy;
        rc = p->rc;
        if (rc != ERR_OK && e) *e = p->error;
        held += p->at_work_bytes;
        if (closing && busy) {
            pthread_cond_wait(&p->changed, &p->lock);
            busy = p->busy;
        }
        pthread_mutex_unlock(&p->lock);
        if (rc != ERR_OK) goto done;
        if (paused ? held < most / 2 : held > most) {
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
    settle(p);
done:
    return rc;
}

/* Brokers may be down when we start as well as later: a service waits for them, a one-off says so. */
static enum err connect_kafka(struct pipeline *p, struct error *e)
{
    enum err rc;
    int64_t pause = RETRY_FIRST_MS * 5;
    while ((rc = kafka_open(&p->options->kafka, p->lake, &p->k, e)) == ERR_RETRY && !p->options->kafka.until_end) {
        char text[1024];
        log_warn("%s; trying again in %.0f s", err_format(e, text, sizeof text), (double)pause / 1000);
        if (!wait_ms(p, pause)) return err_set(e, ERR_STOPPED, "stopped before Kafka answered");
        pause = pause * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause * 2;
    }
    return rc;
}

enum err live_run(struct lake *lake, const struct live_options *options, struct error *e)
{
    enum err rc = ERR_OK;
    struct live_options o = *options;
    struct pipeline p = {.lake = lake,
                         .options = &o,
                         .lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER,
                         .newest_ms = -1};
    pthread_t worker, builder;
    bool has_worker = false, has_builder = false;
    int code;
    o.kafka.settle = settle;
    o.kafka.ctx = &p;
    TRY(refine_open(lake, &o.refine, &p.refine, e));
    if ((code = pthread_create(&worker, NULL, work, &p))) TRY(err_sys(e, code, "cannot start a thread"));
    has_worker = true;
    if (o.build && (code = pthread_create(&builder, NULL, build, &p))) TRY(err_sys(e, code, "cannot start a thread"));
    has_builder = o.build != NULL;
    TRY(connect_kafka(&p, e));
    if (o.ready) o.ready(o.ctx, p.k);
    TRY(consume(&p, e));
    pthread_mutex_lock(&p.lock);
    rc = p.rc;
    if (rc != ERR_OK && e) *e = p.error;
    pthread_mutex_unlock(&p.lock);
done:
    pthread_mutex_lock(&p.lock);
    p.leaving = p.build_done = true;
    pthread_cond_broadcast(&p.changed);
    pthread_mutex_unlock(&p.lock);
    if (has_worker) pthread_join(worker, NULL);
    if (has_builder) pthread_join(builder, NULL);
    kafka_close(&p.k);
    refine_close(&p.refine);
    return rc;
}
