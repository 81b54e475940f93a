#include "simulate/impl.h"

#include <string.h>

/* scala.collection.mutable.PriorityQueue (2.12) of users, the earliest first: users with the same time come out in an
 * order that hangs on the shape of this very heap. Entries count from 1. */
struct heap_entry {
    int64_t at_s;
    uint32_t user;
};
struct exact {
    struct model_walker walker;
    struct heap_entry *heap; /* heap[0], which is not used, begins a cache line: so the four grandchildren of k share one */
    void *heap_block;
    size_t count, cap;
    int64_t clock_s;
};

static void heap_push(struct exact *x, struct heap_entry entry)
{
    size_t k = ++x->count;
    struct heap_entry *a = x->heap;
    for (; k > 1 && a[k / 2].at_s > entry.at_s; k /= 2) a[k] = a[k / 2];
    a[k] = entry;
}

static void heap_pop(struct exact *x)
{
    struct heap_entry *a = x->heap, last = a[x->count--];
    size_t n = x->count, k = 1;
    while (2 * k <= n) {
        size_t j = 2 * k;
        if (8 * k <= n) { /* three levels down */
            __builtin_prefetch(&a[8 * k]);
            __builtin_prefetch(&a[8 * k + 4]);
        }
        j += j < n && a[j].at_s > a[j + 1].at_s;
        if (last.at_s <= a[j].at_s) break;
        a[k] = a[j];
        k = j;
    }
    if (n) a[k] = last;
}

static void heap_grow(struct exact *x)
{
    enum { LINE = 64 };
    void *block = mem_alloc((x->cap + 1) * sizeof *x->heap + LINE);
    struct heap_entry *heap = (void *)(((uintptr_t)block + LINE - 1) / LINE * LINE);
    if (x->count) memcpy(heap + 1, x->heap + 1, x->count * sizeof *heap);
    mem_free(x->heap_block);
    x->heap_block = block;
    x->heap = heap;
}

static enum err add_user(struct simulate *s, bool arrives, int64_t at_s, struct error *e)
{
    struct exact *x = s->exact;
    size_t i = s->users_count++, cap = x->cap;
    if (i == INT32_MAX) return err_set(e, ERR_INPUT, "more than %d users", INT32_MAX);
    if (i == cap) { /* the three arrays grow together */
        mem_grow(&s->persons, &cap, i + 1, sizeof *s->persons);
        mem_grow(&s->users, &x->cap, i + 1, sizeof *s->users);
        heap_grow(x);
    }
    model_user_new(&x->walker, arrives, at_s, &s->users[i], &s->persons[i]);
    if (x->walker.fault) return model_fault_error(&x->walker, e);
    s->users[i].session = (uint32_t)++s->sessions;
    heap_push(x, (struct heap_entry){s->users[i].at_s, (uint32_t)i});
    return ERR_OK;
}

enum err exact_open(struct simulate *s, struct error *e)
{
    enum err rc = ERR_OK;
    struct exact *x = s->exact = mem_zalloc(sizeof *x);
    random_mt_seed(&s->mt, s->seed);
    x->walker.model = &s->model;
    x->walker.random.mt = &s->mt;
    x->clock_s = s->model.from_s;
    for (size_t i = 0; i < s->users_initial; i++) TRY(add_user(s, false, s->model.from_s, e));
    if (s->model.arrival_growth > 0) {
        int64_t t = s->model.from_s;
        while (t < s->arrivals_until_s) { /* so the last one comes after the end */
            t = model_next_arrival(&x->walker, t, s->users_count);
            TRY(add_user(s, true, t, e));
        }
    }
    simulate_set_attrition(s);
done:
    return rc;
}

void exact_close(struct simulate *s)
{
    if (!s->exact) return;
    mem_free(s->exact->heap_block);
    mem_free(s->exact);
    s->exact = NULL;
}

static inline bool emit(struct simulate *s, const struct model_user *user, uint32_t index, struct pipe_job *job)
{
    if (s->skip_events) {
        s->skip_events--;
        return false;
    }
    job->events[job->count++] = (struct render_event){
        .at_s = user->at_s, .session = user->session, .user = index, .item = user->item, .song = user->song,
        .state = user->state, .after_login = user->after_login};
    return job->count == PIPE_JOB_EVENTS;
}

/* eventsim's loop; the event that crosses the end is still written. */
static enum err walk(struct simulate *s, int64_t until_s, struct pipe_job **job, struct error *e)
{
    struct exact *x = s->exact;
    while (x->clock_s < s->model.until_s) {
        if (!x->count || x->heap[1].at_s == MODEL_NEVER) {
            simulate_warn(s, "every user has left: the run ends here (eventsim stops with an exception)");
            break;
        }
        if (x->heap[1].at_s > until_s) return ERR_OK;
        uint32_t index = x->heap[1].user;
        struct model_user *user = &s->users[index];
        heap_pop(x);
        x->clock_s = user->at_s;
        if (x->clock_s > s->model.from_s) {
            if (s->config->states[user->state].show_user < 0) return simulate_show_error(s, user->state, e);
            if (emit(s, user, index, *job)) {
                struct pipe_job *full = *job;
                *job = NULL;
                enum err rc = pipe_submit(s->pipe, full, e);
                *job = pipe_take(s->pipe);
                if (!rc) rc = simulate_tick(s, x->clock_s, e);
                if (rc) return rc;
            }
        }
        enum model_step step = model_step(&x->walker, user);
        if (step == MODEL_NEW_SESSION) user->session = (uint32_t)++s->sessions;
        if (step == MODEL_FAULT) return model_fault_error(&x->walker, e);
        heap_push(x, (struct heap_entry){user->at_s, index});
        __builtin_prefetch(&s->users[x->heap[1].user]);
        __builtin_prefetch(&s->users[x->heap[1].user].session);
    }
    s->finished = true;
    return ERR_OK;
}

enum err exact_advance(struct simulate *s, int64_t until_s, struct error *e)
{
    struct pipe_job *job = pipe_take(s->pipe);
    enum err rc = walk(s, until_s, &job, e), last = pipe_submit(s->pipe, job, rc ? NULL : e);
    return rc ? rc : last;
}
