/* Workers take what is ready in the order in which it became so, as dbt does; failures skip what is below them. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

#include <errno.h>
#include <time.h>

enum { STACK_BYTES = 32 << 20, POLL_MS = 50 };

/* Those that wait for nothing any more go to the end of the line, the shallowest first, then by id. Held: lock. */
static void line_up(struct run *run, const size_t *among, size_t count)
{
    size_t first = run->line_end;
    for (size_t k = 0; k < count; k++) {
        size_t at = among ? among[k] : k;
        if (run->queued[at] || run->waiting[at]) continue;
        run->queued[at] = true;
        size_t i = run->line_end++; /* nodes are sorted by id */
        for (; i > first && (run->score[run->line[i - 1]] > run->score[at] ||
                             (run->score[run->line[i - 1]] == run->score[at] && run->line[i - 1] > at));
             i--)
            run->line[i] = run->line[i - 1];
        run->line[i] = at;
    }
}

/* The next in line, or run->count. Held: lock. */
static size_t take(struct run *run)
{
    if (run->line_at == run->line_end) return run->count;
    size_t at = run->line[run->line_at++];
    run->running++;
    if (run->mode == RUN_COMPILE || !node_is_ephemeral(run->nodes[at])) run->results[at].index = ++run->printed;
    return at;
}

static bool blocks(const struct run *run, const struct result *r)
{
    if (r->status == MODEL_ERROR || r->status == MODEL_PARTIAL || r->status == MODEL_SKIPPED) return !run->tests_only;
    return run->with_tests && r->status == MODEL_FAIL;
}

/* All below gets a cause to be skipped. Held: lock. */
static void skip_below(struct run *run, size_t from, const char *cause)
{
    for (size_t k = 0; k < run->next[from].count; k++) {
        size_t to = run->next[from].to[k];
        if (run->results[to].skipped_for || run->finished[to]) continue;
        run->results[to].skipped_for = cause;
        skip_below(run, to, cause);
    }
}

static void finish(struct run *run, size_t at)
{
    struct result *r = &run->results[at];
    run->finished[at] = true;
    run->running--;
    run->left--;
    if (blocks(run, r)) skip_below(run, at, r->n->unique_id);
    for (size_t k = 0; k < run->next[at].count; k++) run->waiting[run->next[at].to[k]]--;
    line_up(run, run->next[at].to, run->next[at].count);
    bool failed = r->status == MODEL_ERROR || r->status == MODEL_FAIL || r->status == MODEL_PARTIAL;
    if (failed && (run->mode == RUN_COMPILE || value_get_bool(run->d->flags, "FAIL_FAST", false))) run->stop = true;
    if (run->d->stop) run->stop = true;
    pthread_cond_broadcast(&run->changed);
}

struct worker {
    struct run *run;
    int number;
};

static void work_on(struct run *run, size_t at, int number)
{
    struct node *n = run->nodes[at];
    struct result *r = &run->results[at];
    if (r->skipped_for) {
        r->status = MODEL_SKIPPED;
        r->failures = r->rows_affected = -1;
        r->worker = number;
        r->message = "";
        r->done = true;
    } else if (n->kind == NODE_EXPOSURE || n->kind == NODE_SAVED_QUERY) {
        r->status = MODEL_NOOP;
        r->failures = r->rows_affected = -1;
        r->message = "NO-OP";
        r->done = true;
    } else if (node_is_ephemeral(n) && run->mode == RUN_BUILD) {
        struct workbench w;
        struct error e = {0};
        workbench_open(run->d, &w, PHASE_EXECUTE, n);
        pthread_mutex_lock(&run->d->compile_lock);
        enum err rc = n->compiled ? ERR_OK : node_compile(&w.c, n, &e);
        if (rc == ERR_OK) rc = node_write_compiled(run->d, n, &e);
        pthread_mutex_unlock(&run->d->compile_lock);
        r->failures = r->rows_affected = -1;
        r->status = MODEL_SUCCESS;
        if (rc != ERR_OK) { /* an ephemeral model has no line of its own until it fails */
            result_error(run->d, r, &e, jinja_env_trace(w.env));
            pthread_mutex_lock(&run->lock);
            r->index = ++run->printed;
            run->total++;
            pthread_mutex_unlock(&run->lock);
            r->done = true;
        }
        workbench_close(&w);
    } else
        node_run(run, n, r, number);
    report_result(run, r);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct run *run = w->run;
    pthread_mutex_lock(&run->lock);
    while (run->left && !run->stop) {
        size_t at = take(run);
        if (at == run->count) {
            if (!run->running) break;
            pthread_cond_wait(&run->changed, &run->lock);
            continue;
        }
        pthread_mutex_unlock(&run->lock);
        work_on(run, at, w->number);
        pthread_mutex_lock(&run->lock);
        finish(run, at);
    }
    run->workers--;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* Waits for the workers; asks now and then whether to stop. */
static enum err watch(struct run *run, struct error *e)
{
    enum err rc = ERR_OK;
    pthread_mutex_lock(&run->lock);
    while (run->workers) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += POLL_MS * 1000000L;
        if (t.tv_nsec >= 1000000000L) t.tv_sec++, t.tv_nsec -= 1000000000L;
        if (pthread_cond_timedwait(&run->changed, &run->lock, &t) != ETIMEDOUT || !run->d->hooks->interrupted ||
            rc != ERR_OK)
            continue;
        pthread_mutex_unlock(&run->lock);
        rc = run->d->hooks->interrupted(run->d->hooks->ctx, e);
        pthread_mutex_lock(&run->lock);
        if (rc == ERR_OK) continue;
        run->stop = run->interrupted = true;
        pthread_mutex_lock(&run->d->lock);
        for (size_t i = 0; i < run->d->busy_count; i++)
            if (run->d->busy[i]) sql_interrupt(run->d->busy[i]);
        pthread_mutex_unlock(&run->d->lock);
    }
    pthread_mutex_unlock(&run->lock);
    return rc;
}

/* What did not get its turn. */
static void leave_out(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct result *r = &run->results[i];
        if (run->finished[i] || (node_is_ephemeral(run->nodes[i]) && run->mode == RUN_BUILD)) continue;
        r->status = MODEL_SKIPPED;
        r->failures = r->rows_affected = -1;
        r->message = run->stop ? "Skipping due to fail_fast" : "";
        r->index = ++run->printed;
        r->done = true;
    }
}

static enum err run_graph(struct run *run, struct error *e)
{
    enum err rc = ERR_OK;
    int threads = run->d->profile.threads;
    if ((size_t)threads > run->count) threads = (int)run->count;
    if (threads < 1) threads = 1;
    pthread_t *id = mem_array((size_t)threads, sizeof *id);
    struct worker *w = mem_array((size_t)threads, sizeof *w);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    run->workers = threads;
    line_up(run, NULL, run->count);
    int started = 0;
    for (; started < threads; started++) {
        w[started] = (struct worker){run, started + 1};
        int code = pthread_create(&id[started], &attr, work, &w[started]);
        if (code) {
            pthread_mutex_lock(&run->lock);
            run->workers -= threads - started;
            if (!started) run->stop = true;
            pthread_mutex_unlock(&run->lock);
            if (!started) rc = err_sys(e, code, "starting a worker");
            break;
        }
    }
    enum err watched = watch(run, rc == ERR_OK ? e : NULL);
    if (rc == ERR_OK) rc = watched;
    for (int i = 0; i < started; i++) pthread_join(id[i], NULL);
    pthread_attr_destroy(&attr);
    leave_out(run);
    mem_free(id);
    mem_free(w);
    return rc;
}

enum err run_nodes(struct run *run, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    run->started_ns = clock_mono_ns();
    say(run->d, SAY_INFO, "Formatting", "Z017", "%s", "");
    say(run->d, SAY_INFO, "ConcurrencyLine", "Q027", "Concurrency: %d threads (target='%s')", run->d->profile.threads,
        run->d->profile.target);
    say(run->d, SAY_INFO, "Formatting", "Z017", "%s", "");
    bool hooked = run->mode == RUN_BUILD || (run->mode == RUN_FRESHNESS &&
                                             value_get_bool(run->d->flags, "SOURCE_FRESHNESS_RUN_PROJECT_HOOKS", true)),
         hooks_ok = !hooked || run_hooks(run, false);
    if (!hooks_ok && value_get_bool(run->d->flags, "SKIP_NODES_IF_ON_RUN_START_FAILS", false))
        leave_out(run);
    else
        TRY(run_graph(run, e));
    TRY(run_publish(run, out, e));
    if (hooked) run_hooks(run, true);
done:
    return rc;
}
