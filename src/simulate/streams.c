#include "simulate/impl.h"

#include "base/pages.h"

#include <pthread.h>

/* Streams mode. Every user has a random stream of his own, so his life is the same whoever walks him. The order of all
 * events is (second, user, his own order), which no thread can change.
 *
 * The span is cut into windows. In a window each shard (a range of users) is walked by one task, user by user, and its
 * events are sorted by second, stably; the coordinator then merges the shards in order, numbers the sessions, and hands
 * the events on to be rendered. Where windows begin and how many shards there are does not show in the output.
 *
 * Session ids: as in eventsim a session gets the next number when the one before it ends. Within a window a number is not
 * known while users are walked, so it is a `birth` (an entry of the shard's list) until the merge reaches the event that
 * ends the session before; its own events come later, in the order above. Sessions made before the start are numbered
 * user by user. */

enum { WINDOW_MAX_S = 7 * 86400, WINDOW_EVENTS = 65536, NO_BIRTH = UINT32_MAX };
#define BIRTH_BIT (1ULL << 63) /* in render_event.session: a birth, not a number */

struct walked {
    struct render_event event;
    uint32_t birth; /* of the session that follows this event, or NO_BIRTH */
};
struct birth {
    uint32_t user, session;
};
struct shard {
    struct simulate *s;
    size_t first, end; /* users */
    struct model_walker walker;
    int64_t from_s, until_s; /* the window */
    struct walked *events;
    uint64_t *order, *spare; /* (second − from_s) << 32 | index into events */
    size_t count, events_cap, order_cap, spare_cap;
    struct birth *births;
    size_t births_count, births_cap;
    uint64_t sessions;       /* made before the start */
    size_t at;               /* merge */
    bool bad_show;
    uint16_t bad_state;
};
struct streams {
    struct shard *shards;
    int count;
    int64_t *due_s;       /* by user: the next event */
    int64_t clock_s;      /* all events before this second are out */
    int64_t window_s;
    size_t window_events;
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    int left;
    struct pipe_job *job;
};

struct shard_task {
    struct shard *shard;
    void (*run)(struct shard *sh);
};

static void run_task(void *arg)
{
    struct shard_task *t = arg;
    struct streams *st = t->shard->s->streams;
    t->run(t->shard);
    pthread_mutex_lock(&st->lock);
    if (!--st->left) pthread_cond_signal(&st->all_done);
    pthread_mutex_unlock(&st->lock);
}

/* Runs a function on all shards, on the pool, and waits. */
static void on_all_shards(struct simulate *s, void (*run)(struct shard *sh))
{
    struct streams *st = s->streams;
    struct shard_task *tasks = mem_array((size_t)st->count, sizeof *tasks);
    st->left = st->count;
    for (int i = 0; i < st->count; i++) {
        tasks[i] = (struct shard_task){&st->shards[i], run};
        pool_submit(s->pool, true, run_task, &tasks[i]);
    }
    pthread_mutex_lock(&st->lock);
    while (st->left) pthread_cond_wait(&st->all_done, &st->lock);
    pthread_mutex_unlock(&st->lock);
    mem_free(tasks);
}

static inline void load_stream(struct shard *sh, size_t user, uint64_t state)
{
    sh->walker.random = (struct random){.state = state, .step = random_step((uint64_t)sh->s->seed, user)};
}

/* Makes the users of a shard and walks them to the start. at_s holds each one's arrival. */
static void make_users(struct shard *sh)
{
    struct simulate *s = sh->s;
    const struct model *m = &s->model;
    for (size_t i = sh->first; i < sh->end && !sh->walker.fault; i++) {
        struct model_user *user = &s->users[i];
        load_stream(sh, i, 0);
        model_user_new(&sh->walker, i >= s->users_initial, s->streams->due_s[i], user, &s->persons[i]);
        uint32_t made = 1;
        while (!sh->walker.fault && user->at_s <= m->from_s)
            if (model_step(&sh->walker, user) == MODEL_NEW_SESSION) made++;
        sh->sessions += made;
        user->session = (uint32_t)sh->sessions;
        user->random = sh->walker.random.state;
        s->streams->due_s[i] = user->at_s;
    }
}

/* Within the shard sessions were counted from 1; `sessions` is now what the shards before have made. */
static void number_first_sessions(struct shard *sh)
{
    for (size_t i = sh->first; i < sh->end; i++) sh->s->users[i].session += (uint32_t)sh->sessions;
}

static void add_arrivals(struct simulate *s)
{
    enum { ARRIVALS_STREAM = -1 };
    struct model_walker w = {.model = &s->model};
    w.random.step = random_step((uint64_t)s->seed, (uint64_t)ARRIVALS_STREAM);
    struct streams *st = s->streams;
    size_t cap = s->users_initial;
    st->due_s = mem_array(cap, sizeof *st->due_s);
    for (size_t i = 0; i < cap; i++) st->due_s[i] = s->model.from_s;
    s->users_count = s->users_initial;
    if (!(s->model.arrival_growth > 0)) return;
    int64_t t = s->model.from_s;
    while (t < s->arrivals_until_s && s->users_count < INT32_MAX) {
        t = model_next_arrival(&w, t, s->users_count);
        mem_grow(&st->due_s, &cap, s->users_count + 1, sizeof *st->due_s);
        st->due_s[s->users_count++] = t;
    }
}

/* Events jump about in the users: of many, with small pages, nearly each one would miss the TLB. */
static void make_room(struct simulate *s)
{
    enum { MANY = 1 << 17 };
    if (s->users_count < MANY) {
        s->users = mem_array(s->users_count, sizeof *s->users);
        s->persons = mem_array(s->users_count, sizeof *s->persons);
        return;
    }
    s->users_pages = s->users_count * sizeof *s->users;
    s->persons_pages = s->users_count * sizeof *s->persons;
    s->users = pages_alloc(s->users_pages);
    s->persons = pages_alloc(s->persons_pages);
}

enum err streams_open(struct simulate *s, struct error *e)
{
    struct streams *st = s->streams = mem_zalloc(sizeof *st);
    pthread_mutex_init(&st->lock, NULL);
    pthread_cond_init(&st->all_done, NULL);
    st->count = s->threads;
    st->shards = mem_zalloc((size_t)st->count * sizeof *st->shards);
    st->clock_s = s->model.from_s + 1;
    add_arrivals(s);
    simulate_set_attrition(s);
    make_room(s);
    for (int i = 0; i < st->count; i++) {
        st->shards[i].s = s;
        st->shards[i].first = s->users_count * (size_t)i / (size_t)st->count;
        st->shards[i].end = s->users_count * (size_t)(i + 1) / (size_t)st->count;
        st->shards[i].walker.model = &s->model;
    }
    on_all_shards(s, make_users);
    for (int i = 0; i < st->count; i++) {
        struct shard *sh = &st->shards[i];
        if (sh->walker.fault) return model_fault_error(&sh->walker, e);
        uint64_t made = sh->sessions;
        sh->sessions = s->sessions;
        s->sessions += made;
    }
    on_all_shards(s, number_first_sessions);
    st->window_events = s->users_count / 16 > WINDOW_EVENTS ? s->users_count / 16 : WINDOW_EVENTS;
    st->window_s = 3600;
    return ERR_OK;
}

void streams_close(struct simulate *s)
{
    struct streams *st = s->streams;
    if (!st) return;
    for (int i = 0; i < st->count; i++) {
        mem_free(st->shards[i].events);
        mem_free(st->shards[i].order);
        mem_free(st->shards[i].spare);
        mem_free(st->shards[i].births);
    }
    pthread_cond_destroy(&st->all_done);
    pthread_mutex_destroy(&st->lock);
    mem_free(st->shards);
    mem_free(st->due_s);
    mem_free(st);
    s->streams = NULL;
}

static struct walked *add_event(struct shard *sh, const struct model_user *user, size_t index, uint64_t session)
{
    if (sh->count == sh->events_cap) {
        mem_grow(&sh->events, &sh->events_cap, sh->count + 1, sizeof *sh->events);
        mem_grow(&sh->order, &sh->order_cap, sh->events_cap, sizeof *sh->order);
        mem_grow(&sh->spare, &sh->spare_cap, sh->events_cap, sizeof *sh->spare);
    }
    sh->order[sh->count] = (uint64_t)(user->at_s - sh->from_s) << 32 | sh->count;
    struct walked *w = &sh->events[sh->count++];
    w->event = (struct render_event){.at_s = user->at_s, .session = session, .user = (uint32_t)index, .item = user->item,
                                     .song = user->song, .state = user->state, .after_login = user->after_login};
    w->birth = NO_BIRTH;
    if (sh->s->config->states[user->state].show_user < 0) sh->bad_show = true, sh->bad_state = user->state;
    return w;
}

static void walk_user(struct shard *sh, size_t index)
{
    struct model_user *user = &sh->s->users[index];
    uint64_t session = user->session;
    load_stream(sh, index, user->random);
    while (user->at_s < sh->until_s && !sh->walker.fault) {
        struct walked *w = add_event(sh, user, index, session);
        if (model_step(&sh->walker, user) != MODEL_NEW_SESSION) continue;
        mem_grow(&sh->births, &sh->births_cap, sh->births_count + 1, sizeof *sh->births);
        sh->births[sh->births_count] = (struct birth){(uint32_t)index, 0};
        w->birth = (uint32_t)sh->births_count++;
        session = BIRTH_BIT | w->birth;
    }
    user->random = sh->walker.random.state;
    sh->s->streams->due_s[index] = user->at_s;
}

/* Stable, by the seconds above bit 32: two passes of 10 bits (a window has less than 2^20 seconds). */
static void sort_by_second(struct shard *sh)
{
    enum { BITS = 10, BUCKETS = 1 << BITS };
    for (int pass = 0; pass < 2; pass++) {
        uint32_t start[BUCKETS] = {0}, sum = 0;
        int shift = 32 + pass * BITS;
        for (size_t i = 0; i < sh->count; i++) start[sh->order[i] >> shift & (BUCKETS - 1)]++;
        for (int b = 0; b < BUCKETS; b++) {
            uint32_t n = start[b];
            start[b] = sum;
            sum += n;
        }
        for (size_t i = 0; i < sh->count; i++) sh->spare[start[sh->order[i] >> shift & (BUCKETS - 1)]++] = sh->order[i];
        uint64_t *other = sh->order;
        size_t other_cap = sh->order_cap;
        sh->order = sh->spare, sh->order_cap = sh->spare_cap;
        sh->spare = other, sh->spare_cap = other_cap;
    }
}

static void walk_shard(struct shard *sh)
{
    const int64_t *due = sh->s->streams->due_s;
    /* The last window's births have their numbers now; a user's last one is his session. */
    for (size_t i = 0; i < sh->births_count; i++) sh->s->users[sh->births[i].user].session = sh->births[i].session;
    sh->births_count = 0;
    sh->count = 0;
    sh->at = 0;
    /* Users who are due are few and far between in memory: they are fetched a little ahead. */
    enum { AHEAD = 8 };
    size_t found[AHEAD], seen = 0, walked = 0;
    for (size_t i = sh->first; i < sh->end; i++) {
        if (due[i] >= sh->until_s) continue;
        if (seen - walked == AHEAD) walk_user(sh, found[walked++ % AHEAD]);
        __builtin_prefetch(&sh->s->users[i], 1);
        __builtin_prefetch(&sh->s->users[i].state, 1);
        found[seen++ % AHEAD] = i;
    }
    while (walked < seen) walk_user(sh, found[walked++ % AHEAD]);
    sort_by_second(sh);
}

static enum err hand_on(struct simulate *s, const struct render_event *event, struct error *e)
{
    struct streams *st = s->streams;
    if (s->skip_events) {
        s->skip_events--;
        return ERR_OK;
    }
    st->job->events[st->job->count++] = *event;
    if (st->job->count < PIPE_JOB_EVENTS) return ERR_OK;
    enum err rc = pipe_submit(s->pipe, st->job, e);
    st->job = pipe_take(s->pipe);
    return rc ? rc : simulate_tick(s, event->at_s, e);
}

/* The window's events in order: the earliest second, of equal ones the first shard's. */
static enum err merge(struct simulate *s, struct error *e)
{
    struct streams *st = s->streams;
    for (;;) {
        struct shard *next = NULL;
        uint64_t best = UINT64_MAX;
        for (int i = 0; i < st->count; i++) {
            struct shard *sh = &st->shards[i];
            if (sh->at == sh->count || sh->order[sh->at] >> 32 >= best) continue;
            best = sh->order[sh->at] >> 32;
            next = sh;
        }
        if (!next) return ERR_OK;
        struct walked *w = &next->events[(uint32_t)next->order[next->at++]];
        if (next->at + 4 < next->count) __builtin_prefetch(&next->events[(uint32_t)next->order[next->at + 4]]);
        if (w->event.session & BIRTH_BIT) w->event.session = next->births[(uint32_t)w->event.session].session;
        if (w->birth != NO_BIRTH) next->births[w->birth].session = (uint32_t)++s->sessions;
        enum err rc = hand_on(s, &w->event, e);
        if (rc) return rc;
    }
}

static enum err window(struct simulate *s, int64_t until_s, struct error *e)
{
    struct streams *st = s->streams;
    size_t events = 0;
    for (int i = 0; i < st->count; i++) {
        st->shards[i].from_s = st->clock_s;
        st->shards[i].until_s = until_s;
    }
    on_all_shards(s, walk_shard);
    for (int i = 0; i < st->count; i++) {
        const struct shard *sh = &st->shards[i];
        if (sh->walker.fault) return model_fault_error(&sh->walker, e);
        if (sh->bad_show) return simulate_show_error(s, sh->bad_state, e);
        events += sh->count;
    }
    if (events > 2 * st->window_events && st->window_s > 1) st->window_s /= 2;
    if (events < st->window_events / 2 && st->window_s <= WINDOW_MAX_S / 2) st->window_s *= 2;
    st->clock_s = until_s;
    return merge(s, e);
}

enum err streams_advance(struct simulate *s, int64_t until_s, struct error *e)
{
    struct streams *st = s->streams;
    enum err rc = ERR_OK;
    st->job = pipe_take(s->pipe);
    int64_t end_s = s->model.until_s;
    if (until_s < end_s) end_s = until_s + 1;
    while (!rc && st->clock_s < end_s) {
        int64_t next = st->clock_s + st->window_s;
        rc = window(s, next < end_s ? next : end_s, e);
        if (!rc) rc = simulate_tick(s, st->clock_s, e);
    }
    if (!rc && st->clock_s >= s->model.until_s) s->finished = true;
    enum err last = pipe_submit(s->pipe, st->job, rc ? NULL : e);
    return rc ? rc : last;
}
