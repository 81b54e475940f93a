/* Workers take what is ready, in dbt's order: by depth, then by unique id; failures skip what is below them. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

#include <errno.h>
#include <time.h>

enum { STACK_BYTES = 32 << 20, POLL_MS = 50 };

/* The first ready node, or NULL. Nodes are sorted by id, so the first of the least depth counts. Held: lock. */
static size_t take(struct run *run)
{
    size_t best = run->count;
    for (size_t i = 0; i < run->count; i++) {
        if (run->queued[i] || run->waiting[i]) continue;
        if (best == run->count || run->score[i] < run->score[best]) best = i;
    }
    if (best < run->count) {
        run->queued[best] = true;
        run->running++;
        if (!node_is_ephemeral(run->nodes[best])) run->results[best].index = ++run->printed;
    }
    return best;
}

static bool blocks(const struct run *run, const struct result *r)
{
    if (r->status == MODEL_ERROR || r->status == MODEL_SKIPPED) return !run->tests_only;
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
    bool failed = r->status == MODEL_ERROR || r->status == MODEL_FAIL;
    if (failed && value_get_bool(run->d->flags, "FAIL_FAST", false)) run->stop = true;
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
    } else if (node_is_ephemeral(n)) {
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
        run->stop = true;
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
        if (run->finished[i] || node_is_ephemeral(run->nodes[i])) continue;
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

/* ---- schemas ---- */

static enum err make_schemas(struct run *run, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct workbench w;
    TRY(warehouse_know(d->warehouse, e));
    workbench_open(d, &w, PHASE_OPERATION, NULL);
    for (size_t i = 0; i < run->count && rc == ERR_OK; i++) {
        const struct node *n = run->nodes[i];
        if (!n->relation_name || n->kind == NODE_SOURCE || !n->schema ||
            warehouse_has_schema(d->warehouse, n->database, n->schema))
            continue;
        struct jinja_value rel = relation_value(&w.c, relation_new(&w.c, n->database, n->schema, NULL, REL_NONE)),
                           adapter = adapter_value(&w.c), out;
        rc = jinja_invoke_method(w.env, adapter, "create_schema", &rel, 1, NULL, 0, &out, e);
    }
    workbench_close(&w);
done:
    return rc;
}

enum err run_schemas(struct run *run, struct error *e)
{
    pthread_mutex_lock(&run->d->compile_lock);
    if (!run->schemas_made) {
        run->schemas_made = true;
        run->schema_rc = make_schemas(run, &run->schema_error);
    }
    enum err rc = run->schema_rc;
    if (rc != ERR_OK && e) *e = run->schema_error;
    pthread_mutex_unlock(&run->d->compile_lock);
    return rc;
}

/* ---- hooks ---- */

static int before(const struct dbt *d, const struct node *a, const struct node *b)
{
    bool ra = a->package == d->project, rb = b->package == d->project;
    if (ra != rb) return ra - rb;
    int order = strcmp(a->package->name, b->package->name);
    return order ? order : (a->hook_index > b->hook_index) - (a->hook_index < b->hook_index);
}

static struct jinja_value result_value(struct run *run, struct jinja_env *env, const struct result *r)
{
    struct jinja_value v = jinja_dict(env), node = jinja_dict(env);
    (void)!node_value(run->d, env, r->n, false, &node, NULL);
    jinja_dict_set(env, v, "status", jinja_text(env, status_text(r)));
    jinja_dict_set(env, v, "node", node);
    jinja_dict_set(env, v, "unique_id", jinja_text(env, r->n->unique_id));
    jinja_dict_set(env, v, "execution_time", jinja_float(r->seconds));
    jinja_dict_set(env, v, "message", value_text_or_none(env, r->message));
    jinja_dict_set(env, v, "failures", r->failures < 0 ? jinja_none() : jinja_int(r->failures));
    jinja_dict_set(env, v, "thread_id", jinja_printf(env, "Thread-%d (worker)", r->worker));
    jinja_dict_set(env, v, "timing", jinja_list(env));
    struct jinja_value response = jinja_dict(env);
    jinja_dict_set(env, response, "_message", value_text_or_none(env, r->message));
    if (r->code) jinja_dict_set(env, response, "code", jinja_text(env, r->code));
    if (r->rows_affected >= 0) jinja_dict_set(env, response, "rows_affected", jinja_int(r->rows_affected));
    jinja_dict_set(env, v, "adapter_response", response);
    return v;
}

static void end_names(struct run *run, struct context *c)
{
    struct jinja_value results = jinja_list(c->env), schemas = jinja_list(c->env), pairs = jinja_list(c->env);
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->results[i];
        if (!r->done || !r->index) continue;
        jinja_list_add(c->env, results, result_value(run, c->env, r));
        bool ok = r->status == MODEL_SUCCESS || r->status == MODEL_PASS || r->status == MODEL_WARN;
        if (!ok || !r->n->schema || !node_is_refable(r->n) || value_list_has(schemas, r->n->schema)) continue;
        jinja_list_add(c->env, schemas, jinja_text(c->env, r->n->schema));
        struct jinja_value pair[2] = {value_text_or_none(c->env, r->n->database), jinja_text(c->env, r->n->schema)};
        jinja_list_add(c->env, pairs, jinja_tuple(c->env, pair, 2));
    }
    c->extra = jinja_dict(c->env);
    jinja_dict_set(c->env, c->extra, "results", results);
    jinja_dict_set(c->env, c->extra, "schemas", schemas);
    jinja_dict_set(c->env, c->extra, "database_schemas", pairs);
}

static void run_hook(struct run *run, struct node *n, struct result *r, size_t index, size_t total)
{
    enum err rc = ERR_OK;
    struct workbench w;
    struct error e = {0};
    uint64_t started = clock_mono_ns();
    *r = (struct result){
        .n = n, .status = MODEL_SUCCESS, .failures = -1, .rows_affected = -1, .message = "OK", .index = index};
    report_hook(run, r, index, total, true);
    workbench_open(run->d, &w, PHASE_EXECUTE, n);
    if (n->hook_at_end) end_names(run, &w.c);
    r->compile.started_us = now_us();
    TRY(run_schemas(run, &e));
    TRY(node_compile(&w.c, n, &e));
    TRY(node_write_compiled(run->d, n, &e));
    r->compile.completed_us = r->execute.started_us = now_us();
    if (view_trim(view_of(n->compiled)).len) {
        struct session *s = NULL;
        TRY(context_session(&w.c, &s, &e));
        TRY(session_run(s, n->compiled, false, NULL, &e));
    }
done:
    r->execute.completed_us = now_us();
    r->seconds = (double)(clock_mono_ns() - started) / 1e9;
    if (rc != ERR_OK) result_error(run->d, r, &e, jinja_env_trace(w.env));
    r->done = true;
    workbench_close(&w);
    report_hook(run, r, index, total, false);
}

static bool run_hooks(struct run *run, bool at_end)
{
    struct dbt *d = run->d;
    struct node **hooks = mem_array(d->node_count + 1, sizeof(*hooks));
    size_t total = 0;
    bool ok = true;
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->kind == NODE_OPERATION && d->nodes[i]->hook_at_end == at_end) hooks[total++] = d->nodes[i];
    for (size_t i = 1; i < total; i++)
        for (size_t k = i; k && before(d, hooks[k], hooks[k - 1]) < 0; k--) {
            struct node *t = hooks[k];
            hooks[k] = hooks[k - 1];
            hooks[k - 1] = t;
        }
    if (total && at_end) say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    for (size_t i = 0; i < total; i++) {
        mem_grow(&run->hook_results, &run->hook_cap, run->hook_count + 1, sizeof *run->hook_results);
        struct result *r = &run->hook_results[run->hook_count++];
        run_hook(run, hooks[i], r, i + 1, total);
        ok &= r->status != MODEL_ERROR;
    }
    if (total && !at_end) say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    mem_free(hooks);
    return ok;
}

/* ---- external files ---- */

static enum err publish(struct run *run, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct model_file *files = mem_zalloc((run->count + 1) * sizeof *files);
    struct session s = {0};
    size_t n = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->results[i];
        if (r->staged && r->status == MODEL_SUCCESS && r->done)
            files[n++] = (struct model_file){.model = r->n->name,
                                             .location = r->location,
                                             .staged = r->staged,
                                             .rows = r->rows,
                                             .sql_hash = r->sql_hash};
    }
    if (!n || !d->hooks->publish) goto done;
    TRY(d->hooks->publish(d->hooks->ctx, files, n, e));
    out->published = n;
    TRY(session_begin(d->warehouse, &s, e));
    for (size_t i = 0; i < run->count; i++)
        if (run->results[i].staged && run->results[i].view_sql && run->results[i].status == MODEL_SUCCESS)
            TRY(session_run(&s, run->results[i].view_sql, false, NULL, e));
done:
    session_end(&s);
    mem_free(files);
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
    bool hooks_ok = run_hooks(run, false);
    if (!hooks_ok && value_get_bool(run->d->flags, "SKIP_NODES_IF_ON_RUN_START_FAILS", false))
        leave_out(run);
    else
        TRY(run_graph(run, e));
    TRY(publish(run, out, e));
    run_hooks(run, true);
done:
    return rc;
}
