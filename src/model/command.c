/* One command, from its options to its exit code. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"
#include "base/io.h"

#include <stdlib.h>
#include <sys/random.h>

static void new_id(char out[40])
{
    unsigned char b[16] = {0};
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) memset(b, 7, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40), b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static struct dbt *dbt_new(const struct model_options *o, const struct model_hooks *hooks)
{
    struct dbt *d = mem_zalloc(sizeof *d);
    pthread_mutexattr_t attr;
    d->o = o;
    d->hooks = hooks;
    arena_init(&d->arena);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->key_lock, NULL);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&d->compile_lock, &attr);
    pthread_mutexattr_destroy(&attr);
    d->env = jinja_env_new(NULL);
    env_setup(d, d->env);
    new_id(d->run.id);
    d->run.started_us = now_us();
    d->run.args_json = "{}";
    d->parse = arena_zalloc(&d->arena, sizeof *d->parse);
    context_init(d->parse, d, d->env, PHASE_PARSE);
    d->warehouse = warehouse_new(d);
    return d;
}

static void dbt_free(struct dbt *d)
{
    warehouse_free(&d->warehouse);
    for (size_t i = 0; i < d->node_count; i++) jinja_template_free(&d->nodes[i]->tmpl);
    jinja_env_free(&d->env);
    context_reset(d->parse);
    for (size_t i = 0; i < d->template_count; i++) jinja_template_free(&d->templates[i]);
    arena_reset(&d->arena);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->key_lock);
    pthread_mutex_destroy(&d->compile_lock);
    mem_free(d);
}

static size_t count_kind(const struct dbt *d, enum node_kind k)
{
    size_t n = 0;
    for (size_t i = 0; i < d->node_count; i++) n += d->nodes[i]->kind == k;
    return n;
}

void say_found(struct dbt *d)
{
    static const struct {
        enum node_kind kind;
        const char *one, *many; /* NODE_KINDS: macros */
    } kinds[] = {{NODE_MODEL, "model", "models"},
                 {NODE_SNAPSHOT, "snapshot", "snapshots"},
                 {NODE_ANALYSIS, "analysis", "analyses"},
                 {NODE_TEST, "data test", "data tests"},
                 {NODE_SEED, "seed", "seeds"},
                 {NODE_OPERATION, "operation", "operations"},
                 {NODE_SOURCE, "source", "sources"},
                 {NODE_EXPOSURE, "exposure", "exposures"},
                 {NODE_METRIC, "metric", "metrics"},
                 {NODE_KINDS, "macro", "macros"},
                 {NODE_GROUP, "group", "groups"},
                 {NODE_SEMANTIC_MODEL, "semantic model", "semantic models"},
                 {NODE_SAVED_QUERY, "saved query", "saved queries"},
                 {NODE_UNIT_TEST, "unit test", "unit tests"}};
    struct buf b = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = kinds[i].kind == NODE_KINDS ? d->macro_count : count_kind(d, kinds[i].kind);
        if (n) buf_printf(&b, "%s%zu %s", b.len ? ", " : "", n, n == 1 ? kinds[i].one : kinds[i].many);
    }
    say(d, SAY_INFO, "FoundStats", "W006", "Found %s", b.ptr ? b.ptr : "nothing");
    buf_reset(&b);
}

void say_nothing(struct dbt *d)
{
    say(d, SAY_WARN, "NothingToDo", "Q036",
        "Nothing to do. Try checking your model configs and model specification args");
}

/* ---- verbs ---- */

/* The state on disk counts only when the run came to its end. */
static enum err keep_state(struct run *run, enum err ran, struct error *e)
{
    struct error ignored;
    if (!run->skip) return ERR_OK;
    if (ran == ERR_OK)
        skip_keep_relations(run);
    else
        skip_forget(run->skip);
    warehouse_free(&run->d->warehouse);
    enum err rc = skip_save(run, ran == ERR_OK ? e : &ignored);
    return ran == ERR_OK ? rc : ERR_OK;
}

static enum err run_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    struct run run = {0};
    bool skipping = d->hooks->source && !d->o->no_skip && d->o->full_refresh != MODEL_YES;
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    if (!count) {
        say_nothing(d);
        run.d = d;
        return d->o->write_json == MODEL_NO ? ERR_OK : write_run_results(&run, e);
    }
    TRY(run_plan(&run, d, selected, count, RUN_BUILD, e));
    run.tests_only = d->o->verb == MODEL_TEST;
    if (d->hooks->source) TRY(skip_load(d, &run.skip, e));
    if (run.skip && skipping)
        skip_fill_cache(run.skip, d->warehouse);
    else if (run.skip)
        skip_forget(run.skip);
    rc = run_nodes(&run, out, e);
    if (rc == ERR_OK || rc == ERR_STOPPED) report_summary(&run, out);
    if (rc == ERR_OK && d->o->write_json != MODEL_NO) TRY(write_run_results(&run, e));
    enum err kept = keep_state(&run, rc, e);
    if (rc == ERR_OK) rc = kept;
done:
    run_free(&run);
    return rc;
}

static enum err freshness_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    struct run run = {0};
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    if (!count) return say_nothing(d), ERR_OK;
    TRY(run_plan(&run, d, selected, count, RUN_FRESHNESS, e));
    TRY(run_nodes(&run, out, e));
    report_freshness_summary(&run, out);
    TRY(write_sources(&run, e));
done:
    run_free(&run);
    return rc;
}

static enum err docs_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    struct run run = {0};
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    if (count && d->o->compile_docs != MODEL_NO) {
        if (compile_nodes(d, &run, selected, count, out, e) != ERR_OK) goto done;
        TRY(write_run_results(&run, e));
    }
    TRY(write_catalog(d, e));
done:
    run_free(&run);
    return rc;
}

static enum err operation_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct workbench w;
    struct jinja_value args = {0}, key, item, result;
    struct jinja_named *named = NULL;
    const struct yaml *doc = NULL;
    size_t count = 0, at = 0;
    workbench_open(d, &w, PHASE_OPERATION, NULL);
    if (!d->o->macro) TRY(err_set(e, ERR_USAGE, "run-operation needs the name of a macro"));
    const char *text = d->o->args ? d->o->args : "{}";
    TRY(yaml_parse(&d->arena, text, strlen(text), "--args", &doc, e));
    TRY(yaml_value(w.env, doc, &args, e));
    if (args.type != JINJA_DICT) TRY(err_set(e, ERR_USAGE, "--args is a dict"));
    named = mem_zalloc((jinja_dict_count(args) + 1) * sizeof *named);
    while (jinja_dict_next(args, &at, &key, &item))
        named[count++] = (struct jinja_named){view_of(value_text(key, "")), item};
    const char *dot = strchr(d->o->macro, '.');
    const char *name = dot ? dot + 1 : d->o->macro;
    if (!macro_find(d, d->project, view_of(name)))
        rc = err_set(e, ERR_INPUT, "dbt could not find a macro with the name '%s' in any package", d->o->macro);
    else
        rc = context_call(&w.c, name, NULL, 0, named, count, &result, e);
    if (rc == ERR_OK && w.session.in_transaction) rc = session_commit(&w.session, e);
    if (rc != ERR_OK) {
        say_error(d, e, jinja_env_trace(w.env));
        out->exit_code = 1;
        out->error = 1;
        rc = ERR_OK;
    }
done:
    mem_free(named);
    workbench_close(&w);
    return rc;
}

static enum err clean_verb(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value list = package_section(d->project, "clean-targets");
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        const char *name = value_text(jinja_seq_items(list)[i], "");
        if (!*name || *name == '/' || strstr(name, ".."))
            TRY(err_set(e, ERR_USAGE, "clean-targets: %s is not inside the project", name));
        const char *path = arena_printf(&d->arena, "%s/%s", d->root, name);
        TRY(io_remove_tree(path, e));
        say(d, SAY_INFO, "ConfirmCleanPath", "Z012", "Cleaned %s", path);
    }
done:
    return rc;
}

static enum err verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    switch (d->o->verb) {
    case MODEL_BUILD:
    case MODEL_RUN:
    case MODEL_TEST:
    case MODEL_SEED:
    case MODEL_SNAPSHOT: return run_verb(d, out, e);
    case MODEL_COMPILE: return compile_verb(d, out, e);
    case MODEL_LS: return ls_verb(d, e);
    case MODEL_PARSE: say_found(d); return ERR_OK;
    case MODEL_RUN_OPERATION: return operation_verb(d, out, e);
    case MODEL_SHOW: return show_verb(d, out, e);
    case MODEL_FRESHNESS: return freshness_verb(d, out, e);
    case MODEL_DOCS: return docs_verb(d, out, e);
    default: return err_set(e, ERR_UNSUPPORTED, "this command of dbt is not supported");
    }
}

/* retry: once more with the options of the last run, on what failed then. */
static enum err run_again(struct dbt *d, const struct model_hooks *hooks, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct model_options o = *d->o;
    struct dbt *again = NULL;
    TRY(dbt_project_load(d, e));
    TRY(retry_options(d, &o, e));
    again = dbt_new(&o, hooks);
    again->again = d->again;
    again->retrying = true;
    TRY(dbt_load(again, e));
    TRY(verb(again, out, e));
    if (o.write_json != MODEL_NO) TRY(write_manifest(again, e));
done:
    if (rc != ERR_OK && again) say_error(again, e, jinja_env_trace(again->env));
    if (again) dbt_free(again);
    return rc;
}

static enum err run_command(struct dbt *d, const struct model_hooks *hooks, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    enum model_verb v = d->o->verb;
    if (v != MODEL_LS)
        say(d, SAY_INFO, "MainReportVersion", "A001", "Running with lakefm=%s (as dbt=%s)", LAKEFM_VERSION,
            DBT_VERSION);
    if (v == MODEL_RETRY) return run_again(d, hooks, out, e);
    if (v == MODEL_CLEAN || v == MODEL_DEPS) {
        TRY(dbt_project_load(d, e));
        return v == MODEL_CLEAN ? clean_verb(d, e) : deps_verb(d, e);
    }
    TRY(dbt_load(d, e));
    TRY(state_defer(d, e));
    TRY(verb(d, out, e));
    bool written = v != MODEL_LS && (v != MODEL_DOCS || d->o->compile_docs != MODEL_NO);
    if (d->o->write_json != MODEL_NO && written) TRY(write_manifest(d, e));
done:
    return rc;
}

enum err model_run(const struct model_options *o, const struct model_hooks *hooks, struct model_outcome *out,
                   struct error *e)
{
    static const struct model_hooks none;
    struct error own = {0};
    if (!hooks) hooks = &none;
    if (!e) e = &own;
    struct dbt *d = dbt_new(o, hooks);
    *out = (struct model_outcome){0};
    enum err rc = run_command(d, hooks, out, e);
    if (rc != ERR_OK && rc != ERR_STOPPED) {
        if (o->verb != MODEL_RETRY || !d->retrying) say_error(d, e, jinja_env_trace(d->env));
        out->exit_code = 2;
    } else if (rc == ERR_STOPPED)
        out->exit_code = 1;
    dbt_free(d);
    return rc;
}

enum err model_target_dir(const struct model_options *o, char **out, struct error *e)
{
    static const struct model_hooks none;
    struct model_options own = *o;
    own.verb = MODEL_CLEAN; /* needs no database */
    struct dbt *d = dbt_new(&own, &none);
    enum err rc = dbt_project_load(d, e);
    if (rc == ERR_OK) *out = mem_strdup(d->target_dir);
    dbt_free(d);
    return rc;
}
