/* target/manifest.json (schema v12) and target/run_results.json (v6). */
#include "model/run.h"

#include <time.h>

static const char *iso(struct dbt *d, int64_t us)
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&t, &tm);
    return arena_printf(&d->arena, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

static void text(struct dbt *d, struct jinja_value dict, const char *key, const char *s)
{
    jinja_dict_set(d->env, dict, key, value_text_or_none(d->env, s));
}

static struct jinja_value metadata(struct dbt *d, const char *schema, bool manifest)
{
    struct jinja_value m = jinja_dict(d->env);
    text(d, m, "dbt_schema_version", schema);
    text(d, m, "dbt_version", DBT_VERSION);
    text(d, m, "generated_at", iso(d, now_us()));
    text(d, m, "invocation_id", d->run.id);
    text(d, m, "invocation_started_at", iso(d, d->run.started_us));
    jinja_dict_set(d->env, m, "env", jinja_dict(d->env));
    if (!manifest) return m;
    char id[DIGEST_MD5_SIZE];
    text(d, m, "project_name", d->project->name);
    text(d, m, "project_id", arena_strdup(&d->arena, digest_md5(d->project->name, strlen(d->project->name), id)));
    text(d, m, "user_id", NULL);
    jinja_dict_set(d->env, m, "send_anonymous_usage_stats", jinja_bool(false));
    text(d, m, "adapter_type", "duckdb");
    jinja_dict_set(d->env, m, "quoting", d->quoting.type == JINJA_DICT ? d->quoting : jinja_dict(d->env));
    jinja_dict_set(d->env, m, "run_started_at", jinja_text(d->env, iso(d, d->run.started_us)));
    return m;
}

static struct jinja_value macro_value(struct dbt *d, const struct macro *m)
{
    struct jinja_value v = jinja_dict(d->env), depends = jinja_dict(d->env), docs = jinja_dict(d->env);
    text(d, v, "name", m->name);
    text(d, v, "resource_type", "macro");
    text(d, v, "package_name", m->package->name);
    text(d, v, "path", m->path);
    text(d, v, "original_file_path", m->path);
    text(d, v, "unique_id", m->unique_id);
    text(d, v, "macro_sql", "");
    jinja_dict_set(d->env, depends, "macros", jinja_list(d->env));
    jinja_dict_set(d->env, v, "depends_on", depends);
    text(d, v, "description", value_get_text(m->patch, "description", ""));
    jinja_dict_set(d->env, v, "meta", jinja_dict(d->env));
    jinja_dict_set(d->env, docs, "show", jinja_bool(true));
    text(d, docs, "node_color", NULL);
    jinja_dict_set(d->env, v, "docs", docs);
    text(d, v, "patch_path", m->patch_path);
    jinja_dict_set(d->env, v, "arguments", jinja_list(d->env));
    jinja_dict_set(d->env, v, "created_at", jinja_float((double)d->run.started_us / 1e6));
    jinja_dict_set(d->env, v, "supported_languages", jinja_none());
    return v;
}

static struct jinja_value ids(struct dbt *d, struct node *const *list, size_t count)
{
    struct jinja_value out = jinja_list(d->env);
    for (size_t i = 0; i < count; i++)
        if (!value_list_has(out, list[i]->unique_id))
            jinja_list_add(d->env, out, jinja_text(d->env, list[i]->unique_id));
    return out;
}

static const char *section_of(enum node_kind k)
{
    switch (k) {
    case NODE_SOURCE: return "sources";
    case NODE_EXPOSURE: return "exposures";
    case NODE_METRIC: return "metrics";
    case NODE_SEMANTIC_MODEL: return "semantic_models";
    case NODE_SAVED_QUERY: return "saved_queries";
    case NODE_UNIT_TEST: return "unit_tests";
    case NODE_GROUP: return "groups";
    default: return "nodes";
    }
}

static enum err write_json(struct dbt *d, const char *name, struct jinja_value v, struct error *e)
{
    struct buf b = {0};
    enum err rc = jinja_json_write(d->env, v, -1, false, &b, e);
    if (rc == ERR_OK) rc = write_text(d, arena_printf(&d->arena, "%s/%s", d->target_dir, name), b.ptr, b.len, e);
    buf_reset(&b);
    return rc;
}

enum err write_manifest(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const sections[] = {"nodes",         "sources",         "macros",     "docs",
                                           "exposures",     "metrics",         "groups",     "selectors",
                                           "disabled",      "parent_map",      "child_map",  "group_map",
                                           "saved_queries", "semantic_models", "unit_tests", "functions"};
    struct jinja_value m = jinja_dict(d->env), at;
    jinja_dict_set(d->env, m, "metadata", metadata(d, "https://schemas.getdbt.com/dbt/manifest/v12.json", true));
    for (size_t i = 0; i + 1 < sizeof sections / sizeof sections[0]; i++)
        jinja_dict_set(d->env, m, sections[i], jinja_dict(d->env));
    for (size_t i = 0; i < d->node_count; i++) {
        const struct node *n = d->nodes[i];
        struct jinja_value v;
        TRY(node_value(d, d->env, n, true, &v, e));
        jinja_dict_set(d->env, jinja_dict_get(m, section_of(n->kind)), n->unique_id, v);
        if (n->kind == NODE_GROUP) continue;
        jinja_dict_set(d->env, jinja_dict_get(m, "parent_map"), n->unique_id, ids(d, n->parents, n->parent_count));
        jinja_dict_set(d->env, jinja_dict_get(m, "child_map"), n->unique_id, ids(d, n->children, n->child_count));
        if (!n->group) continue;
        at = jinja_dict_get(jinja_dict_get(m, "group_map"), n->group);
        if (jinja_is_absent(at))
            jinja_dict_set(d->env, jinja_dict_get(m, "group_map"), n->group, at = jinja_list(d->env));
        jinja_list_add(d->env, at, jinja_text(d->env, n->unique_id));
    }
    for (size_t i = 0; i < d->disabled_count; i++) {
        struct jinja_value v;
        if (node_value(d, d->env, d->disabled[i], true, &v, NULL) != ERR_OK) continue;
        at = jinja_dict_get(jinja_dict_get(m, "disabled"), d->disabled[i]->unique_id);
        if (jinja_is_absent(at))
            jinja_dict_set(d->env, jinja_dict_get(m, "disabled"), d->disabled[i]->unique_id, at = jinja_list(d->env));
        jinja_list_add(d->env, at, v);
    }
    for (size_t i = 0; i < d->macro_count; i++)
        jinja_dict_set(d->env, jinja_dict_get(m, "macros"), d->macros[i]->unique_id, macro_value(d, d->macros[i]));
    for (size_t i = 0; i < d->doc_count; i++) {
        struct jinja_value v = jinja_dict(d->env);
        const struct document *x = d->docs[i];
        text(d, v, "name", x->name);
        text(d, v, "resource_type", "doc");
        text(d, v, "package_name", x->package->name);
        text(d, v, "path", x->path);
        text(d, v, "original_file_path", x->original_path);
        text(d, v, "unique_id", x->unique_id);
        text(d, v, "block_contents", x->contents);
        jinja_dict_set(d->env, jinja_dict_get(m, "docs"), x->unique_id, v);
    }
    for (size_t i = 0; i < jinja_seq_count(d->selectors); i++) {
        struct jinja_value one = jinja_seq_items(d->selectors)[i];
        jinja_dict_set(d->env, jinja_dict_get(m, "selectors"), value_get_text(one, "name", ""), one);
    }
    TRY(write_json(d, "manifest.json", m, e));
done:
    return rc;
}

static struct jinja_value timing(struct dbt *d, const char *name, const struct timing *t)
{
    struct jinja_value v = jinja_dict(d->env);
    text(d, v, "name", name);
    text(d, v, "started_at", t->started_us ? iso(d, t->started_us) : NULL);
    text(d, v, "completed_at", t->completed_us ? iso(d, t->completed_us) : NULL);
    return v;
}

static struct jinja_value result_value(struct dbt *d, const struct result *r)
{
    struct jinja_value v = jinja_dict(d->env), times = jinja_list(d->env), response = jinja_dict(d->env);
    text(d, v, "status", status_text(r));
    if (r->compile.started_us) jinja_list_add(d->env, times, timing(d, "compile", &r->compile));
    if (r->execute.started_us) jinja_list_add(d->env, times, timing(d, "execute", &r->execute));
    jinja_dict_set(d->env, v, "timing", times);
    text(d, v, "thread_id", arena_printf(&d->arena, "Thread-%d (worker)", r->worker));
    jinja_dict_set(d->env, v, "execution_time", jinja_float(r->seconds));
    if (r->status == MODEL_SUCCESS && r->message) {
        text(d, response, "_message", r->message);
        if (r->code) text(d, response, "code", r->code);
        if (r->rows_affected >= 0) jinja_dict_set(d->env, response, "rows_affected", jinja_int(r->rows_affected));
    }
    jinja_dict_set(d->env, v, "adapter_response", response);
    text(d, v, "message", r->message && *r->message ? r->message : NULL);
    jinja_dict_set(d->env, v, "failures", r->failures >= 0 ? jinja_int(r->failures) : jinja_none());
    text(d, v, "unique_id", r->n->unique_id);
    jinja_dict_set(d->env, v, "compiled",
                   r->n->compiled            ? jinja_bool(true)
                   : r->n->kind == NODE_SEED ? jinja_none()
                                             : jinja_bool(false));
    text(d, v, "compiled_code", r->n->compiled);
    text(d, v, "relation_name", r->n->relation_name);
    jinja_dict_set(d->env, v, "batch_results", r->batches.type == JINJA_ABSENT ? jinja_none() : jinja_none());
    return v;
}

enum err write_run_results(struct run *run, struct error *e)
{
    struct dbt *d = run->d;
    struct jinja_value v = jinja_dict(d->env), results = jinja_list(d->env), args = jinja_dict(d->env), parsed;
    jinja_dict_set(d->env, v, "metadata", metadata(d, "https://schemas.getdbt.com/dbt/run-results/v6.json", false));
    for (size_t i = 0; i < run->hook_count; i++)
        jinja_list_add(d->env, results, result_value(d, &run->hook_results[i]));
    for (size_t i = 0; i < run->count; i++)
        if (run->results[i].done && run->results[i].index)
            jinja_list_add(d->env, results, result_value(d, &run->results[i]));
    jinja_dict_set(d->env, v, "results", results);
    jinja_dict_set(d->env, v, "elapsed_time", jinja_float((double)(now_us() - d->run.started_us) / 1e6));
    if (d->run.args_json &&
        jinja_json_read(d->env, d->run.args_json, strlen(d->run.args_json), &parsed, NULL) == ERR_OK)
        args = parsed;
    jinja_dict_set(d->env, v, "args", args);
    return write_json(d, "run_results.json", v, e);
}
