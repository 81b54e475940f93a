/* Nodes as dbt's dicts: `model` and `graph` of templates, and the entries of manifest.json. */
#include "model/context.h"

#include "model/run.h"

#include <strings.h>

struct maker {
    struct dbt *d;
    struct jinja_env *env;
    struct jinja_value out;
    enum err rc;
    struct error *e;
};

static void put(struct maker *m, const char *key, struct jinja_value v)
{
    jinja_dict_set(m->env, m->out, key, jinja_is_absent(v) ? jinja_none() : v);
}
static void put_text(struct maker *m, const char *key, const char *s) { put(m, key, value_text_or_none(m->env, s)); }
static struct jinja_value empty_dict(struct maker *m) { return jinja_dict(m->env); }
static struct jinja_value empty_list(struct maker *m) { return jinja_list(m->env); }

/* A value of the project's env, in this one. */
static struct jinja_value carried(struct maker *m, struct jinja_value v, struct jinja_value otherwise)
{
    struct jinja_value out = otherwise;
    if (jinja_is_absent(v)) return otherwise;
    if (m->env == m->d->env) return v;
    enum err rc = jinja_copy(m->env, v, &out, m->e);
    if (rc != ERR_OK) m->rc = rc;
    return out;
}

static struct jinja_value ref_values(struct maker *m, const struct node *n)
{
    struct jinja_value list = jinja_list(m->env);
    for (size_t i = 0; i < n->ref_count; i++) {
        struct jinja_value r = jinja_dict(m->env);
        jinja_dict_set(m->env, r, "name", jinja_text(m->env, n->refs[i].name));
        jinja_dict_set(m->env, r, "package", value_text_or_none(m->env, n->refs[i].package));
        jinja_dict_set(m->env, r, "version", carried(m, n->refs[i].version, jinja_none()));
        jinja_list_add(m->env, list, r);
    }
    return list;
}

static struct jinja_value source_values(struct maker *m, const struct node *n)
{
    struct jinja_value list = jinja_list(m->env);
    for (size_t i = 0; i < n->source_count; i++) {
        struct jinja_value pair = jinja_list(m->env);
        jinja_list_add(m->env, pair, jinja_text(m->env, n->sources[i].source));
        jinja_list_add(m->env, pair, jinja_text(m->env, n->sources[i].table));
        jinja_list_add(m->env, list, pair);
    }
    return list;
}

static struct jinja_value metric_values(struct maker *m, const struct node *n)
{
    struct jinja_value list = jinja_list(m->env);
    for (size_t i = 0; i < n->metric_count; i++) {
        struct jinja_value one = jinja_list(m->env);
        if (n->metrics[i].package) jinja_list_add(m->env, one, jinja_text(m->env, n->metrics[i].package));
        jinja_list_add(m->env, one, jinja_text(m->env, n->metrics[i].name));
        jinja_list_add(m->env, list, one);
    }
    return list;
}

static struct jinja_value depends(struct maker *m, const struct node *n)
{
    struct jinja_value v = jinja_dict(m->env), nodes = jinja_list(m->env);
    for (size_t i = 0; i < n->parent_count; i++)
        jinja_list_add(m->env, nodes, jinja_text(m->env, n->parents[i]->unique_id));
    jinja_dict_set(m->env, v, "macros", value_texts(m->env, &n->macros));
    if (n->kind != NODE_SEED) jinja_dict_set(m->env, v, "nodes", nodes);
    return v;
}

static struct jinja_value checksum(struct maker *m, const struct node *n)
{
    struct jinja_value v = jinja_dict(m->env);
    jinja_dict_set(m->env, v, "name", jinja_text(m->env, n->has_checksum ? "sha256" : "none"));
    jinja_dict_set(m->env, v, "checksum", jinja_text(m->env, n->has_checksum ? n->checksum : ""));
    return v;
}

static struct jinja_value contract(struct maker *m, const struct node *n)
{
    struct jinja_value c = carried(m, jinja_dict_get(n->config, "contract"), (struct jinja_value){0}),
                       v = jinja_dict(m->env);
    jinja_dict_set(m->env, v, "enforced", jinja_bool(value_get_bool(c, "enforced", false)));
    jinja_dict_set(m->env, v, "alias_types", jinja_bool(value_get_bool(c, "alias_types", true)));
    jinja_dict_set(m->env, v, "checksum", jinja_none());
    return v;
}

static struct jinja_value default_docs(struct maker *m)
{
    struct jinja_value v = jinja_dict(m->env);
    jinja_dict_set(m->env, v, "show", jinja_bool(true));
    jinja_dict_set(m->env, v, "node_color", jinja_none());
    return v;
}

static void put_identity(struct maker *m, const struct node *n)
{
    put_text(m, "name", n->name);
    put_text(m, "resource_type", NODE_KIND_NAMES[n->kind]);
    put_text(m, "package_name", n->package->name);
    put_text(m, "path", n->path);
    put_text(m, "original_file_path", n->original_path);
    put_text(m, "unique_id", n->unique_id);
    put(m, "fqn", value_texts(m->env, &n->fqn));
}

static void put_test(struct maker *m, const struct node *n)
{
    if (n->test_args.type != JINJA_DICT) return;
    struct jinja_value meta = jinja_dict(m->env);
    put_text(m, "column_name", n->column_name);
    put_text(m, "file_key_name", n->file_key_name);
    put_text(m, "attached_node", n->attached ? n->attached->unique_id : NULL);
    jinja_dict_set(m->env, meta, "name", jinja_text(m->env, n->test_name));
    jinja_dict_set(m->env, meta, "kwargs", carried(m, n->test_args, empty_dict(m)));
    jinja_dict_set(m->env, meta, "namespace", value_text_or_none(m->env, n->test_namespace));
    put(m, "test_metadata", meta);
}

static void put_model(struct maker *m, const struct node *n)
{
    put_text(m, "access", n->access ? n->access : "protected");
    put(m, "constraints", carried(m, n->constraints, empty_list(m)));
    put(m, "version", carried(m, n->version, jinja_none()));
    put(m, "latest_version", carried(m, n->latest_version, jinja_none()));
    put(m, "deprecation_date", carried(m, n->deprecation_date, jinja_none()));
    if (jinja_dict_get(m->out, "deprecation_date").type == JINJA_OBJECT)
        put_text(m, "deprecation_date", value_str(&m->d->arena, m->env, jinja_dict_get(m->out, "deprecation_date")));
    put(m, "primary_key", value_texts(m->env, &n->primary_key));
    put(m, "time_spine", carried(m, n->time_spine, jinja_none()));
}

static struct jinja_value cte_values(struct maker *m, const struct node *n)
{
    struct jinja_value list = jinja_list(m->env);
    for (size_t i = 0; i < n->cte_count; i++) {
        struct jinja_value c = jinja_dict(m->env);
        jinja_dict_set(m->env, c, "id", jinja_text(m->env, n->ctes[i].node->unique_id));
        jinja_dict_set(m->env, c, "sql", jinja_text(m->env, n->ctes[i].sql));
        jinja_list_add(m->env, list, c);
    }
    return list;
}

static void put_code(struct maker *m, const struct node *n)
{
    put_text(m, "language", n->language);
    put(m, "refs", ref_values(m, n));
    put(m, "sources", source_values(m, n));
    put(m, "metrics", metric_values(m, n));
    put(m, "functions", empty_list(m));
    put(m, "depends_on", depends(m, n));
    put_text(m, "compiled_path", n->compiled_path);
    if (n->compiled) {
        put(m, "compiled", jinja_bool(true));
        put_text(m, "compiled_code", n->compiled);
        put(m, "extra_ctes_injected", jinja_bool(true));
        put(m, "extra_ctes", cte_values(m, n));
    }
    put(m, "contract", contract(m, n));
}

static void put_common(struct maker *m, const struct node *n, bool artifact)
{
    put_text(m, "database", n->database);
    put_text(m, "schema", n->schema);
    put_identity(m, n);
    put_text(m, "alias", n->alias);
    put(m, "checksum", checksum(m, n));
    put(m, "config", carried(m, n->config, empty_dict(m)));
    put(m, "tags", carried(m, n->tags, empty_list(m)));
    put_text(m, "description", n->description);
    put(m, "columns", carried(m, n->columns, empty_dict(m)));
    put(m, "meta", carried(m, n->meta, empty_dict(m)));
    put_text(m, "group", n->group);
    struct jinja_value docs = carried(m, n->docs, (struct jinja_value){0});
    put(m, "docs", docs.type == JINJA_DICT ? docs : default_docs(m));
    put_text(m, "patch_path", n->patch_path);
    put_text(m, "build_path", n->build_path);
    put(m, "unrendered_config", carried(m, n->unrendered_config, empty_dict(m)));
    put(m, "created_at", jinja_float((double)m->d->run.started_us / 1e6));
    put_text(m, "relation_name", n->relation_name);
    put(m, "raw_code", jinja_view(m->env, n->raw.ptr ? n->raw : view_of("")));
    put(m, "doc_blocks", value_texts(m->env, &n->doc_blocks));
    if (n->kind == NODE_SEED) {
        put_text(m, "root_path", n->package->is_root && m->d->o->project_dir ? m->d->o->project_dir : n->package->root);
        put(m, "depends_on", depends(m, n));
        return;
    }
    put_code(m, n);
    if (n->kind == NODE_MODEL) put_model(m, n);
    if (n->kind == NODE_TEST) put_test(m, n);
    if (n->kind == NODE_OPERATION) put(m, "index", jinja_int((int64_t)n->hook_index));
    (void)artifact;
}

static void put_source(struct maker *m, const struct node *n)
{
    put_text(m, "database", n->database);
    put_text(m, "schema", n->schema);
    put_identity(m, n);
    put(m, "source_name", carried(m, jinja_dict_get(n->body, "source_name"), jinja_none()));
    put(m, "source_description", carried(m, jinja_dict_get(n->body, "source_description"), jinja_none()));
    put(m, "loader", carried(m, jinja_dict_get(n->body, "loader"), jinja_none()));
    put_text(m, "identifier", n->identifier);
    put(m, "quoting", carried(m, n->quoting, empty_dict(m)));
    put(m, "loaded_at_field", carried(m, jinja_dict_get(n->config, "loaded_at_field"), jinja_none()));
    put(m, "loaded_at_query", carried(m, jinja_dict_get(n->config, "loaded_at_query"), jinja_none()));
    put(m, "freshness", carried(m, jinja_dict_get(n->config, "freshness"), jinja_none()));
    put(m, "external", carried(m, jinja_dict_get(n->body, "external"), jinja_none()));
    put_text(m, "description", n->description);
    put(m, "columns", carried(m, n->columns, empty_dict(m)));
    put(m, "meta", carried(m, n->meta, empty_dict(m)));
    put(m, "source_meta", carried(m, jinja_dict_get(n->body, "source_meta"), empty_dict(m)));
    put(m, "tags", carried(m, n->tags, empty_list(m)));
    put(m, "config", carried(m, n->config, empty_dict(m)));
    put_text(m, "patch_path", n->patch_path);
    put(m, "unrendered_config", carried(m, n->unrendered_config, empty_dict(m)));
    put_text(m, "relation_name", n->relation_name);
    put(m, "created_at", jinja_float((double)m->d->run.started_us / 1e6));
    put(m, "unrendered_database", carried(m, jinja_dict_get(n->body, "unrendered_database"), jinja_none()));
    put(m, "unrendered_schema", carried(m, jinja_dict_get(n->body, "unrendered_schema"), jinja_none()));
    put(m, "doc_blocks", value_texts(m->env, &n->doc_blocks));
}

/* The keys that dbt's schema knows, and their values where the entry says nothing. */
static void put_body(struct maker *m, const struct node *n, const char *const *keys)
{
    for (const char *const *k = keys; *k; k++) put(m, *k, carried(m, jinja_dict_get(n->body, *k), jinja_none()));
}

static void put_exposure(struct maker *m, const struct node *n)
{
    put_identity(m, n);
    put_body(m, n, (const char *const[]){"type", "owner", NULL});
    put_text(m, "description", n->description);
    put_body(m, n, (const char *const[]){"label", "maturity", NULL});
    put(m, "meta", carried(m, n->meta, empty_dict(m)));
    put(m, "tags", carried(m, n->tags, empty_list(m)));
    put(m, "config", carried(m, n->config, empty_dict(m)));
    put(m, "unrendered_config", carried(m, n->unrendered_config, empty_dict(m)));
    put_body(m, n, (const char *const[]){"url", NULL});
    put(m, "depends_on", depends(m, n));
    put(m, "refs", ref_values(m, n));
    put(m, "sources", source_values(m, n));
    put(m, "metrics", metric_values(m, n));
    put(m, "created_at", jinja_float((double)m->d->run.started_us / 1e6));
}

static void put_unit_test(struct maker *m, const struct node *n)
{
    put_text(m, "model", n->tested ? n->tested->name : value_get_text(n->body, "model", ""));
    put(m, "given", carried(m, jinja_dict_get(n->body, "given"), empty_list(m)));
    put(m, "expect", carried(m, jinja_dict_get(n->body, "expect"), empty_dict(m)));
    put_identity(m, n);
    put_text(m, "description", n->description);
    put(m, "overrides", carried(m, jinja_dict_get(n->body, "overrides"), jinja_none()));
    put(m, "depends_on", depends(m, n));
    struct jinja_value config = jinja_dict(m->env);
    static const char *const keys[] = {"tags", "meta", "enabled", "static_analysis", NULL};
    for (const char *const *k = keys; *k; k++)
        jinja_dict_set(m->env, config, *k, carried(m, jinja_dict_get(n->config, *k), jinja_none()));
    put(m, "config", config);
    put_text(m, "checksum", NULL);
    put_text(m, "schema", n->schema);
    put(m, "created_at", jinja_float((double)m->d->run.started_us / 1e6));
    put(m, "versions", carried(m, jinja_dict_get(n->body, "versions"), jinja_none()));
    put(m, "version", carried(m, n->version, jinja_none()));
}

/* Metrics and the like: the entry as written, with an identity. */
static void put_other(struct maker *m, const struct node *n)
{
    struct jinja_value key, item;
    put_identity(m, n);
    struct jinja_value body = carried(m, n->body, empty_dict(m));
    for (size_t at = 0; jinja_dict_next(body, &at, &key, &item);)
        if (jinja_is_string(key)) put(m, value_text(key, ""), item);
    put_text(m, "description", n->description);
    if (n->kind == NODE_GROUP) return;
    put(m, "meta", carried(m, n->meta, empty_dict(m)));
    put(m, "tags", carried(m, n->tags, empty_list(m)));
    put(m, "config", carried(m, n->config, empty_dict(m)));
    put(m, "depends_on", depends(m, n));
    put(m, "refs", ref_values(m, n));
    put(m, "created_at", jinja_float((double)m->d->run.started_us / 1e6));
}

enum err node_value(struct dbt *d, struct jinja_env *env, const struct node *n, bool artifact, struct jinja_value *out,
                    struct error *e)
{
    struct maker m = {.d = d, .env = env, .out = jinja_dict(env), .e = e};
    switch (n->kind) {
    case NODE_SOURCE: put_source(&m, n); break;
    case NODE_EXPOSURE: put_exposure(&m, n); break;
    case NODE_UNIT_TEST: put_unit_test(&m, n); break;
    case NODE_METRIC:
    case NODE_SEMANTIC_MODEL:
    case NODE_SAVED_QUERY:
    case NODE_GROUP: put_other(&m, n); break;
    default: put_common(&m, n, artifact);
    }
    *out = m.out;
    return m.rc;
}

/* `model`: what is none is left out. */
static struct jinja_value without_none(struct jinja_env *env, struct jinja_value v)
{
    struct jinja_value out = jinja_dict(env), key, item;
    for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);) {
        if (jinja_is_none(item)) continue;
        if (item.type == JINJA_DICT && strcmp(value_text(key, ""), "meta")) item = without_none(env, item);
        (void)!jinja_dict_put(env, out, key, item, NULL);
    }
    return out;
}

enum err context_model(struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value full, columns, key, item;
    bool shared = c->env != c->d->env;
    if (shared) pthread_mutex_lock(&c->d->lock);
    rc = node_value(c->d, c->env, c->node, false, &full, e);
    if (shared) pthread_mutex_unlock(&c->d->lock);
    if (rc != ERR_OK) return rc;
    *out = without_none(c->env, full);
    if (c->node->kind == NODE_UNIT_TEST) jinja_dict_set(c->env, *out, "alias", jinja_text(c->env, c->node->alias));
    const char *compiled = value_get_text(*out, "compiled_code", NULL);
    if (compiled) jinja_dict_set(c->env, *out, "compiled_sql", jinja_text(c->env, compiled));
    if (c->node->kind == NODE_UNIT_TEST) jinja_dict_set(c->env, *out, "language", jinja_text(c->env, "sql"));
    if (!jinja_is_absent(c->batch)) jinja_dict_set(c->env, *out, "batch", c->batch);
    /* contracts say string where the column is TEXT */
    columns = jinja_dict_get(*out, "columns");
    for (size_t at = 0; jinja_dict_next(columns, &at, &key, &item);) {
        const char *type = value_get_text(item, "data_type", NULL);
        if (type && !strcasecmp(type, "string")) jinja_dict_set(c->env, item, "data_type", jinja_text(c->env, "TEXT"));
    }
    return ERR_OK;
}

enum err graph_value(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const sections[] = {"exposures", "groups",          "metrics",       "nodes",
                                           "sources",   "semantic_models", "saved_queries", "functions", NULL};
    struct jinja_value v;
    if (!jinja_is_absent(d->graph_value)) return ERR_OK;
    struct jinja_value graph = jinja_dict(d->env);
    for (const char *const *s = sections; *s; s++) jinja_dict_set(d->env, graph, *s, jinja_dict(d->env));
    for (size_t i = 0; i < d->node_count; i++) {
        const struct node *n = d->nodes[i];
        const char *section = n->kind == NODE_EXPOSURE         ? "exposures"
                              : n->kind == NODE_GROUP          ? "groups"
                              : n->kind == NODE_METRIC         ? "metrics"
                              : n->kind == NODE_SOURCE         ? "sources"
                              : n->kind == NODE_SEMANTIC_MODEL ? "semantic_models"
                              : n->kind == NODE_SAVED_QUERY    ? "saved_queries"
                              : n->kind == NODE_UNIT_TEST      ? NULL
                                                               : "nodes";
        if (!section) continue;
        TRY(node_value(d, d->env, n, false, &v, e));
        jinja_dict_set(d->env, jinja_dict_get(graph, section), n->unique_id, v);
    }
    d->graph_value = graph;
done:
    return rc;
}
