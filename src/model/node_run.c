/* One node: START, compile, materialize, judge. */
#include "model/run.h"

#include "model/print.h"
#include "model/unit.h"

#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void result_error(struct dbt *d, struct result *r, const struct error *e, const char *trace)
{
    pthread_mutex_lock(&d->lock);
    r->status = MODEL_ERROR;
    r->message = arena_strdup(&d->arena, e->what);
    r->error_where = arena_strdup(&d->arena, e->where);
    r->error_hint = arena_strdup(&d->arena, e->hint);
    r->error_trace = trace && *trace ? arena_strdup(&d->arena, trace) : "";
    pthread_mutex_unlock(&d->lock);
}

/* adapter_response of the statement called main. */
static void take_response(struct context *c, struct result *r)
{
    struct error ignored;
    struct jinja_value main =
                           jinja_is_absent(c->results) ? (struct jinja_value){0} : jinja_dict_get(c->results, "main"),
                       v;
    r->rows_affected = -1;
    r->message = "OK";
    if (main.type != JINJA_DICT) return;
    struct jinja_value response = jinja_dict_get(main, "response");
    if (jinja_get_attr(c->env, response, "_message", &v, &ignored) == ERR_OK && jinja_is_string(v)) {
        pthread_mutex_lock(&c->d->lock);
        r->message = arena_strdup(&c->d->arena, value_text(v, ""));
        if (jinja_get_attr(c->env, response, "code", &v, &ignored) == ERR_OK && jinja_is_string(v))
            r->code = arena_strdup(&c->d->arena, value_text(v, ""));
        pthread_mutex_unlock(&c->d->lock);
        if (jinja_get_attr(c->env, response, "rows_affected", &v, &ignored) == ERR_OK && v.type == JINJA_INT)
            r->rows_affected = v.as.integer;
    }
}

/* The relations that a materialization says it made enter the cache. */
static enum err take_relations(struct context *c, const char *materialization, struct jinja_value made, struct error *e)
{
    struct jinja_value list = jinja_dict_get(made, "relations");
    if (made.type != JINJA_DICT || (list.type != JINJA_LIST && list.type != JINJA_TUPLE)) {
        err_set(e, ERR_INPUT,
                "invalid return value from the materialization \"%s\": it must return a dict with a list of relations",
                materialization);
        return err_hint(e, "{{ return({'relations': [target_relation]}) }}");
    }
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        const struct relation *r = relation_of(jinja_seq_items(list)[i]);
        if (r && r->part[PART_IDENTIFIER])
            warehouse_added(c->d->warehouse, r->part[0], r->part[1], r->part[2], r->type);
    }
    return ERR_OK;
}

enum err node_materialize(struct context *c, struct node *n, struct result *r, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value made;
    const char *name = n->kind == NODE_UNIT_TEST ? "unit" : node_materialized(n);
    struct macro *m = macro_materialization(c->d, n->package, name);
    if (!m) {
        const char *words[200];
        size_t k = 0;
        static const char *const known[] = {"view",     "table",          "incremental", "ephemeral",
                                            "external", "table_function", NULL};
        for (const char *const *p = known; *p; p++) words[k++] = *p;
        words[k] = NULL;
        err_set(e, ERR_INPUT,
                "no materialization '%s' was found for adapter duckdb! (searched types 'default' and 'duckdb')", name);
        const char *near = str_nearest(name, words);
        if (near) err_hint(e, "did you mean '%s'?", near);
        return ERR_INPUT;
    }
    TRY(jinja_invoke(c->env, context_macro(c, m), NULL, 0, NULL, 0, &made, e));
    TRY(take_relations(c, name, made, e));
    take_response(c, r);
done:
    return rc;
}

/* ---- tests ---- */

static bool cell_true(struct jinja_value v)
{
    if (jinja_is_string(v))
        return !strcmp(value_text(v, ""), "true") || !strcmp(value_text(v, ""), "True") ||
               !strcmp(value_text(v, ""), "1");
    return value_truth(v);
}

static struct jinja_value column(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->columns; i++)
        if (!strcmp(t->name[i], name)) return t->cell[i];
    return jinja_none();
}

static enum err judge(struct context *c, struct node *n, struct result *r, struct error *e)
{
    struct jinja_value main = jinja_dict_get(c->results, "main");
    const struct table *t = table_of(jinja_dict_get(main, "table"));
    if (!t || t->columns != 3 || t->rows != 1)
        return err_set(
            e, ERR_INPUT,
            "the test's query must give one row of three columns (failures, should_warn, should_error), not %zu of %zu",
            t ? t->rows : 0, t ? t->columns : 0);
    struct jinja_value failures = column(t, "failures");
    bool warn = cell_true(column(t, "should_warn")), error = cell_true(column(t, "should_error"));
    r->failures = failures.type == JINJA_INT ? failures.as.integer : 0;
    if (failures.type != JINJA_INT && !jinja_is_none(failures)) {
        int64_t i = 0;
        const char *text = value_str(c->arena, c->env, failures);
        r->failures = str_i64(text, &i) ? i : (int64_t)strtod(text, NULL);
    }
    const char *severity = value_get_text(n->config, "severity", "ERROR"), *plural = r->failures == 1 ? "" : "s";
    bool severe = *severity == 'e' || *severity == 'E';
    r->message = NULL;
    r->status = MODEL_PASS;
    pthread_mutex_lock(&c->d->lock);
    if (severe && error) {
        r->status = MODEL_FAIL;
        r->message = arena_printf(&c->d->arena, "Got %lld result%s, configured to fail if %s", (long long)r->failures,
                                  plural, value_get_text(n->config, "error_if", "!= 0"));
    } else if (warn) {
        bool as_error = c->d->o->warn_error == MODEL_YES;
        r->status = as_error ? MODEL_FAIL : MODEL_WARN;
        r->message = arena_printf(&c->d->arena, "Got %lld result%s, configured to %s if %s", (long long)r->failures,
                                  plural, as_error ? "fail" : "warn", value_get_text(n->config, "warn_if", "!= 0"));
    }
    pthread_mutex_unlock(&c->d->lock);
    if (r->status == MODEL_PASS) r->failures = 0;
    return ERR_OK;
}

static enum err judge_unit(struct context *c, struct node *n, struct result *r, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf report = {0};
    bool differs = false;
    TRY(unit_test_judge(c, n, &differs, &report, e));
    r->failures = differs;
    r->status = differs ? MODEL_FAIL : MODEL_PASS;
    r->message = NULL;
    if (differs) {
        pthread_mutex_lock(&c->d->lock);
        r->message = arena_strdup(&c->d->arena, report.ptr ? report.ptr : "");
        pthread_mutex_unlock(&c->d->lock);
    }
done:
    buf_reset(&report);
    return rc;
}

/* ---- one node ---- */

static enum err execute(struct run *run, struct workbench *w, struct node *n, struct result *r, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(run_schemas(run, e));
    if (node_is_microbatch(n)) return node_run_batches(run, n, r, e);
    r->status = MODEL_SUCCESS;
    context_move(&w->c, PHASE_EXECUTE, n->package, n);
    if (n->kind == NODE_SOURCE) return node_freshness(&w->c, n, r, e);
    TRY(node_materialize(&w->c, n, r, e));
    if (n->kind == NODE_TEST) TRY(judge(&w->c, n, r, e));
    if (n->kind == NODE_UNIT_TEST) TRY(judge_unit(&w->c, n, r, e));
done:
    return rc;
}

static bool has_foreign_key(const struct node *n)
{
    struct jinja_value key, column;
    for (size_t i = 0; i < jinja_seq_count(n->constraints); i++)
        if (!strcmp(value_get_text(jinja_seq_items(n->constraints)[i], "type", ""), "foreign_key")) return true;
    for (size_t at = 0; jinja_dict_next(n->columns, &at, &key, &column);) {
        struct jinja_value list = jinja_dict_get(column, "constraints");
        for (size_t i = 0; i < jinja_seq_count(list); i++)
            if (!strcmp(value_get_text(jinja_seq_items(list)[i], "type", ""), "foreign_key")) return true;
    }
    return false;
}

/* A foreign key of this model or of one that builds on it: two such do not run at the same time. */
static bool is_tied(const struct node *n)
{
    if (n->kind != NODE_MODEL) return false;
    bool tied = has_foreign_key(n);
    for (size_t i = 0; !tied && i < n->child_count; i++)
        tied = n->children[i]->kind == NODE_MODEL && has_foreign_key(n->children[i]);
    return tied;
}

/* SQL errors get the place in the compiled file. */
static void add_place(struct node *n, struct error *e)
{
    if (*e->where || !n->compiled_path) return;
    err_where(e, "%s", n->compiled_path);
}

void node_run(struct run *run, struct node *n, struct result *r, int worker)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct error e = {0};
    struct workbench w;
    bool maybe = run->skip && skip_has(run->skip, n), compiled = false;
    uint64_t started = clock_mono_ns();
    r->worker = worker;
    r->failures = r->rows_affected = -1;
    r->n = n;
    n->run = r;
    workbench_open(d, &w, n->kind == NODE_UNIT_TEST ? PHASE_UNIT : PHASE_EXECUTE, n);
    if (!maybe) report_start(run, r);
    r->compile.started_us = now_us();
    if (!node_is_microbatch(n) && n->kind != NODE_SOURCE) {
        TRY(node_compile(&w.c, n, &e));
        TRY(node_write_compiled(d, n, &e));
    }
    compiled = true;
    if (run->mode == RUN_COMPILE) {
        r->compile.completed_us = r->execute.started_us = r->execute.completed_us = now_us();
        r->status = MODEL_SUCCESS;
        goto done;
    }
    r->compile.completed_us = r->execute.started_us = now_us();
    if (maybe && skip_unchanged(run, &w.c, n, r)) {
        r->unchanged = true;
        r->execute.completed_us = now_us();
        goto done;
    }
    if (maybe) report_start(run, r);
    bool asked = w.c.asked_database, differs = w.c.volatile_used, tied = is_tied(n);
    if (tied) pthread_mutex_lock(&d->key_lock);
    rc = execute(run, &w, n, r, &e);
    if (tied) {
        if (rc != ERR_OK) session_end(&w.session); /* rolls back before another begins */
        pthread_mutex_unlock(&d->key_lock);
    }
    TRY(rc);
    r->execute.completed_us = now_us();
    w.c.asked_database = asked, w.c.volatile_used = differs;
    if (run->skip) skip_note(run, &w.c, n, r, w.session.changed, w.session.wrote);
done:
    if (rc != ERR_OK) {
        if (compiled) add_place(n, &e);
        if (maybe && !compiled) report_start(run, r);
        result_error(d, r, &e, jinja_env_trace(w.env));
        if (run->skip) skip_note(run, &w.c, n, r, 0, true);
    }
    workbench_close(&w);
    r->seconds = (double)(clock_mono_ns() - started) / 1e9;
    r->done = true;
}
