/* What goes around the nodes of a run: schemas, on-run-start and on-run-end. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

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

static void run_hook(struct run *run, struct node *n, struct result *r, size_t index)
{
    enum err rc = ERR_OK;
    struct workbench w;
    struct error e = {0};
    uint64_t started = clock_mono_ns();
    *r = (struct result){
        .n = n, .status = MODEL_SUCCESS, .failures = -1, .rows_affected = -1, .message = "OK", .index = index};
    report_hook(run, r, true);
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
    report_hook(run, r, false);
}

/* After a hook that failed the others of its kind do not run. */
static void skip_hook(struct run *run, struct node *n, struct result *r, size_t index)
{
    *r = (struct result){.n = n, .status = MODEL_SKIPPED, .failures = -1, .rows_affected = -1, .index = index};
    r->done = true;
    report_hook(run, r, false);
}

bool run_hooks(struct run *run, bool at_end)
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
    run->hook_total = total;
    if (total && at_end) say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    for (size_t i = 0; i < total; i++) {
        mem_grow(&run->hook_results, &run->hook_cap, run->hook_count + 1, sizeof *run->hook_results);
        struct result *r = &run->hook_results[run->hook_count++];
        if (ok)
            run_hook(run, hooks[i], r, i + 1);
        else
            skip_hook(run, hooks[i], r, i + 1);
        ok &= r->status != MODEL_ERROR;
    }
    if (total && !at_end) say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    mem_free(hooks);
    return ok;
}
