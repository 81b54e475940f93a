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
    pthread_mutex_destroy(&d->compile_lock);
    mem_free(d);
}

static size_t count_kind(const struct dbt *d, enum node_kind k)
{
    size_t n = 0;
    for (size_t i = 0; i < d->node_count; i++) n += d->nodes[i]->kind == k;
    return n;
}

static void say_found(struct dbt *d)
{
    static const struct {
        enum node_kind kind;
        const char *word;
    } kinds[] = {{NODE_MODEL, "model"},    {NODE_SNAPSHOT, "snapshot"}, {NODE_ANALYSIS, "analys"},
                 {NODE_TEST, "data test"}, {NODE_SEED, "seed"},         {NODE_OPERATION, "operation"},
                 {NODE_SOURCE, "source"},  {NODE_EXPOSURE, "exposure"}, {NODE_UNIT_TEST, "unit test"}};
    struct buf b = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = count_kind(d, kinds[i].kind);
        if (n)
            buf_printf(&b, "%s%zu %s%s", b.len ? ", " : "", n, kinds[i].word,
                       kinds[i].kind == NODE_ANALYSIS ? n == 1 ? "is" : "es"
                       : n == 1                       ? ""
                                                      : "s");
    }
    buf_printf(&b, ", %zu macros", d->macro_count);
    say(d, SAY_INFO, "FoundStats", "W006", "Found %s", b.ptr);
    buf_reset(&b);
}

/* ---- verbs ---- */

static enum err run_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    struct run run = {0};
    bool planned = false, skipping = d->hooks->source && !d->o->no_skip && d->o->full_refresh != MODEL_YES;
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    if (!count) {
        say(d, SAY_WARN, "NothingToDo", "Q036",
            "Nothing to do. Try checking your model configs and model specification args");
        goto done;
    }
    TRY(run_plan(&run, d, selected, count, d->o->verb == MODEL_BUILD, e));
    planned = true;
    run.tests_only = d->o->verb == MODEL_TEST;
    if (d->hooks->source) TRY(skip_load(d, &run.skip, e));
    if (run.skip && skipping)
        skip_fill_cache(run.skip, d->warehouse);
    else if (run.skip)
        skip_forget(run.skip);
    rc = run_nodes(&run, out, e);
    if (rc == ERR_OK) report_summary(&run, out);
    if (rc == ERR_OK && d->o->write_json != MODEL_NO) TRY(write_run_results(&run, e));
    if (run.skip) {
        if (rc == ERR_OK)
            skip_keep_relations(&run);
        else
            skip_forget(run.skip);
        warehouse_free(&d->warehouse);
        struct error ignored;
        if (rc == ERR_OK)
            TRY(skip_save(&run, e));
        else
            (void)!skip_save(&run, &ignored);
    }
done:
    if (planned) run_free(&run);
    return rc;
}

static enum err compile_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    for (size_t i = 0; i < count; i++) {
        struct node *n = selected[i];
        struct workbench w;
        workbench_open(d, &w, PHASE_EXECUTE, n);
        pthread_mutex_lock(&d->compile_lock);
        rc = n->compiled ? ERR_OK : node_compile(&w.c, n, e);
        if (rc == ERR_OK) rc = node_write_compiled(d, n, e);
        pthread_mutex_unlock(&d->compile_lock);
        if (rc != ERR_OK) {
            say_error(d, e, jinja_env_trace(w.env));
            out->error++;
        }
        workbench_close(&w);
        if (rc == ERR_OK) out->pass++;
        rc = ERR_OK;
    }
    out->total = out->pass + out->error;
    out->exit_code = out->error ? 1 : 0;
    if (d->o->select.count == 1 && count == 1 && selected[0]->compiled)
        say_raw(d, selected[0]->compiled, strlen(selected[0]->compiled)), say_raw(d, "\n", 1);
done:
    return rc;
}

static enum err ls_line(struct dbt *d, const struct node *n, struct buf *b, struct error *e)
{
    enum err rc = ERR_OK;
    const char *form = d->o->output ? d->o->output : "selector";
    if (!strcmp(form, "name"))
        buf_str(b, n->name);
    else if (!strcmp(form, "path"))
        buf_str(b, n->original_path);
    else if (!strcmp(form, "json")) {
        static const char *const usual[] = {"name",      "resource_type", "package_name", "original_file_path",
                                            "unique_id", "source_name",   "tags",         "config",
                                            "alias",     "depends_on"};
        struct jinja_value v, shown = jinja_dict(d->env);
        TRY(node_value(d, d->env, n, true, &v, e));
        size_t keys = d->o->output_keys.count ? d->o->output_keys.count : sizeof usual / sizeof usual[0];
        for (size_t i = 0; i < keys; i++) {
            const char *key = d->o->output_keys.count ? d->o->output_keys.word[i] : usual[i];
            struct jinja_value one = jinja_dict_get(v, key);
            if (!jinja_is_absent(one)) jinja_dict_set(d->env, shown, key, one);
        }
        TRY(jinja_json_write(d->env, shown, -1, false, b, e));
    } else if (n->kind == NODE_SOURCE)
        buf_printf(b, "source:%s.%s.%s", n->package->name, n->source_name, n->name);
    else if (n->kind == NODE_EXPOSURE || n->kind == NODE_METRIC || n->kind == NODE_SEMANTIC_MODEL ||
             n->kind == NODE_SAVED_QUERY || n->kind == NODE_UNIT_TEST)
        buf_printf(b, "%s:%s.%s", NODE_KIND_NAMES[n->kind], n->package->name, n->name);
    else
        for (size_t i = 0; i < n->fqn.count; i++) buf_printf(b, "%s%s", i ? "." : "", n->fqn.at[i]);
    buf_char(b, '\n');
done:
    return rc;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static enum err ls_verb(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count, made = 0;
    char **line = NULL;
    TRY(select_nodes(d, &selected, &count, e));
    line = mem_zalloc((count + 1) * sizeof *line);
    for (size_t i = 0; i < count; i++) {
        struct buf b = {0};
        rc = ls_line(d, selected[i], &b, e);
        line[made++] = buf_take(&b);
        TRY(rc);
    }
    if (made) qsort(line, made, sizeof *line, by_text);
    for (size_t i = 0; i < made; i++) say_raw(d, line[i], strlen(line[i]));
    if (!made) say(d, SAY_WARN, "NoNodesSelected", "Q030", "No nodes selected!");
done:
    for (size_t i = 0; line && i < made; i++) mem_free(line[i]);
    mem_free(line);
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

static enum err show_verb(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count = 0;
    struct workbench w;
    struct sql_result *result = NULL;
    struct session *session = NULL;
    struct table *table = NULL;
    struct buf sql = {0}, out = {0};
    if (!d->o->inline_sql) TRY(select_nodes(d, &selected, &count, e));
    if (!d->o->inline_sql && count != 1)
        return err_set(e, ERR_USAGE, "show takes one model: --select NAME, or --inline SQL");
    workbench_open(d, &w, PHASE_EXECUTE, count ? selected[0] : NULL);
    if (count) {
        rc = node_compile(&w.c, selected[0], e);
        if (rc == ERR_OK) buf_str(&sql, selected[0]->compiled);
    } else
        rc = context_render(&w.c, view_of(d->o->inline_sql), "--inline", 1, &sql, e);
    long long limit = d->o->limit ? (long long)d->o->limit : 5;
    char *limited = limit < 0 ? mem_strdup(sql.ptr ? sql.ptr : "")
                              : mem_printf("select * from (%s\n) as shown limit %lld", sql.ptr ? sql.ptr : "", limit);
    if (rc == ERR_OK) rc = context_session(&w.c, &session, e);
    if (rc == ERR_OK) rc = session_run(session, limited, false, &result, e);
    if (rc == ERR_OK) rc = table_of_result(&w.c, result, &table, e);
    if (rc == ERR_OK) {
        table_print(table, -1, -1, &out);
        say_raw(d, out.ptr ? out.ptr : "", out.len);
    }
    mem_free(limited);
    sql_result_free(&result);
    workbench_close(&w);
done:
    buf_reset(&sql);
    buf_reset(&out);
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
    case MODEL_SHOW: return show_verb(d, e);
    default: return err_set(e, ERR_UNSUPPORTED, "this command of dbt is not supported yet");
    }
}

enum err model_run(const struct model_options *o, const struct model_hooks *hooks, struct model_outcome *out,
                   struct error *e)
{
    enum err rc = ERR_OK;
    static const struct model_hooks none;
    struct error own = {0};
    struct dbt *d = dbt_new(o, hooks ? hooks : &none);
    *out = (struct model_outcome){0};
    if (!e) e = &own;
    if (o->verb == MODEL_CLEAN || o->verb == MODEL_DEPS) {
        TRY(dbt_project_load(d, e));
        if (o->verb == MODEL_CLEAN)
            TRY(clean_verb(d, e));
        else
            say(d, SAY_INFO, "DepsNoPackagesFound", "M013", "Packages are read from %s; local ones need no installing",
                d->packages_dir);
        goto done;
    }
    say(d, SAY_INFO, "MainReportVersion", "A001", "Running with lakefm=%s (as dbt=%s)", LAKEFM_VERSION, DBT_VERSION);
    TRY(dbt_load(d, e));
    TRY(verb(d, out, e));
    if (o->write_json != MODEL_NO && o->verb != MODEL_LS) TRY(write_manifest(d, e));
done:
    if (rc != ERR_OK && rc != ERR_STOPPED) {
        say_error(d, e, jinja_env_trace(d->env));
        out->exit_code = 2;
    }
    dbt_free(d);
    return rc;
}
