#include "simulate/pipe.h"

#include <pthread.h>

struct slot {
    struct pipe_job job; /* first: a job is its slot */
    struct pipe *pipe;
    struct render_out out;
    struct buf encoded[SIMULATE_TOPICS];
    struct slot *next_free;
    enum err rc;
    struct error error;
    bool rendered;
};

struct pipe {
    struct pool *pool;
    const struct render *render;
    struct simulate_sink *sink;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slot *slots, *free, **order; /* order: by number of submission modulo slots_count */
    size_t slots_count;
    uint64_t submitted, written;
    bool writing;
    enum err rc;
    struct error error;
    struct simulate_stats done; /* first_ms, last_ms: in seconds */
};

struct pipe *pipe_new(struct pool *pool, int workers, const struct render *render, struct simulate_sink *sink)
{
    struct pipe *p = mem_zalloc(sizeof *p);
    p->pool = pool;
    p->render = render;
    p->sink = sink;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->moved, NULL);
    p->slots_count = workers ? 2 * (size_t)workers + 3 : 1;
    p->slots = mem_zalloc(p->slots_count * sizeof *p->slots);
    p->order = mem_zalloc(p->slots_count * sizeof *p->order);
    for (size_t i = 0; i < p->slots_count; i++) {
        p->slots[i].pipe = p;
        p->slots[i].out.want_lines = sink->want_lines;
        p->slots[i].next_free = p->free;
        p->free = &p->slots[i];
    }
    return p;
}

void pipe_free(struct pipe **pp)
{
    struct pipe *p = *pp;
    *pp = NULL;
    if (!p) return;
    (void)!pipe_flush(p, NULL);
    for (size_t i = 0; i < p->slots_count; i++) {
        render_out_reset(&p->slots[i].out);
        for (int t = 0; t < SIMULATE_TOPICS; t++) buf_reset(&p->slots[i].encoded[t]);
    }
    pthread_cond_destroy(&p->moved);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->slots);
    mem_free(p->order);
    mem_free(p);
}

static struct simulate_batch batch_of(const struct render_out *out, int t)
{
    return (struct simulate_batch){.topic = (enum simulate_topic)t,
                                   .bytes = out->topic[t].bytes.ptr,
                                   .len = out->topic[t].bytes.len,
                                   .lines = out->topic[t].lines,
                                   .line_end = out->want_lines ? out->topic[t].line_end : NULL,
                                   .ts_ms = out->want_lines ? out->topic[t].ts_ms : NULL,
                                   .user_id = out->want_lines ? out->topic[t].user_id : NULL};
}

static void write_slot(struct pipe *p, struct slot *s)
{
    for (int t = 0; t < SIMULATE_TOPICS && !s->rc; t++) {
        if (!s->out.topic[t].lines) continue;
        struct simulate_batch batch = batch_of(&s->out, t);
        s->rc = p->sink->write(p->sink->ctx, &batch, p->sink->encode ? &s->encoded[t] : NULL, &s->error);
    }
}

/* Under the lock. */
static void count_slot(struct pipe *p, const struct slot *s)
{
    struct simulate_stats *d = &p->done;
    const struct render_event *events = s->job.events;
    if (s->rc && !p->rc) p->rc = s->rc, p->error = s->error;
    if (p->rc) return;
    if (!d->events) d->first_ms = events[0].at_s;
    d->last_ms = events[s->job.count - 1].at_s;
    d->events += s->job.count;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        d->lines[t] += s->out.topic[t].lines;
        d->bytes[t] += s->out.topic[t].bytes.len;
    }
}

/* Under the lock; gives it up while it writes. */
static void write_ready(struct pipe *p)
{
    if (p->writing) return;
    p->writing = true;
    while (p->written < p->submitted) {
        struct slot *s = p->order[p->written % p->slots_count];
        if (!s->rendered) break;
        if (!p->rc) {
            pthread_mutex_unlock(&p->lock);
            write_slot(p, s);
            pthread_mutex_lock(&p->lock);
        }
        count_slot(p, s);
        p->written++;
        s->next_free = p->free;
        p->free = s;
        pthread_cond_broadcast(&p->moved);
    }
    p->writing = false;
}

static void run_slot(void *arg)
{
    struct slot *s = arg;
    struct pipe *p = s->pipe;
    render_events(p->render, s->job.events, s->job.count, &s->out);
    for (int t = 0; p->sink->encode && t < SIMULATE_TOPICS && !s->rc; t++) {
        if (!s->out.topic[t].lines) continue;
        struct simulate_batch batch = batch_of(&s->out, t);
        buf_clear(&s->encoded[t]);
        s->rc = p->sink->encode(p->sink->ctx, &batch, &s->encoded[t], &s->error);
    }
    pthread_mutex_lock(&p->lock);
    s->rendered = true;
    write_ready(p);
    pthread_mutex_unlock(&p->lock);
}

struct pipe_job *pipe_take(struct pipe *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->free) pthread_cond_wait(&p->moved, &p->lock);
    struct slot *s = p->free;
    p->free = s->next_free;
    pthread_mutex_unlock(&p->lock);
    s->job.count = 0;
    s->rc = ERR_OK;
    s->rendered = false;
    return &s->job;
}

static enum err pipe_error(struct pipe *p, struct error *e)
{
    if (p->rc && e) *e = p->error;
    return p->rc;
}

enum err pipe_submit(struct pipe *p, struct pipe_job *job, struct error *e)
{
    struct slot *s = (struct slot *)job;
    pthread_mutex_lock(&p->lock);
    enum err rc = pipe_error(p, e);
    if (!job->count) {
        s->next_free = p->free;
        p->free = s;
    } else {
        p->order[p->submitted++ % p->slots_count] = s;
    }
    pthread_mutex_unlock(&p->lock);
    if (job->count) pool_submit(p->pool, false, run_slot, s);
    return rc;
}

enum err pipe_flush(struct pipe *p, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    while (p->written < p->submitted) pthread_cond_wait(&p->moved, &p->lock);
    enum err rc = pipe_error(p, e);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void pipe_count(struct pipe *p, int ms, struct simulate_stats *stats)
{
    pthread_mutex_lock(&p->lock);
    if (p->done.events) {
        if (!stats->events) stats->first_ms = p->done.first_ms * 1000 + ms;
        stats->last_ms = p->done.last_ms * 1000 + ms;
    }
    stats->events += p->done.events;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        stats->lines[t] += p->done.lines[t];
        stats->bytes[t] += p->done.bytes[t];
    }
    pthread_mutex_unlock(&p->lock);
}
