/* target/manifest.json (schema v12): the project as it was read. */
#include "model/run.h"

#include <stdlib.h>

static void text(struct dbt *d, struct jinja_value dict, const char *key, const char *s)
{
    jinja_dict_set(d->env, dict, key, value_text_or_none(d->env, s));
}

static struct jinja_value or_else(struct jinja_value v, struct jinja_value otherwise)
{
    return value_is_null(v) ? otherwise : v;
}

/* As the yml describes them. */
static struct jinja_value arguments(struct dbt *d, const struct macro *m)
{
    struct jinja_value out = jinja_list(d->env), told = jinja_dict_get(m->patch, "arguments");
    static const char *const keys[] = {"name", "type", "description"};
    for (size_t i = 0; i < jinja_seq_count(told); i++) {
        struct jinja_value one = jinja_dict(d->env), from = jinja_seq_items(told)[i];
        for (size_t k = 0; k < 3; k++)
            jinja_dict_set(d->env, one, keys[k],
                           or_else(jinja_dict_get(from, keys[k]), k == 2 ? jinja_text(d->env, "") : jinja_none()));
        jinja_list_add(d->env, out, one);
    }
    return out;
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
    struct view source = m->package->builtin ? view_of("") : m->info->source;
    jinja_dict_set(d->env, v, "macro_sql", jinja_string(d->env, source.ptr, source.len));
    jinja_dict_set(d->env, depends, "macros", jinja_list(d->env));
    jinja_dict_set(d->env, v, "depends_on", depends);
    text(d, v, "description", value_get_text(m->patch, "description", ""));
    jinja_dict_set(d->env, v, "meta", or_else(jinja_dict_get(m->patch, "meta"), jinja_dict(d->env)));
    jinja_dict_set(d->env, docs, "show", jinja_bool(true));
    text(d, docs, "node_color", NULL);
    jinja_dict_set(d->env, v, "docs", docs);
    text(d, v, "patch_path", m->patch_path);
    jinja_dict_set(d->env, v, "arguments", arguments(d, m));
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

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* In order of their names, as dbt writes them. */
static struct jinja_value child_ids(struct dbt *d, const struct node *n)
{
    const char **list = mem_array(n->child_count + 1, sizeof *list);
    struct jinja_value out = jinja_list(d->env);
    for (size_t i = 0; i < n->child_count; i++) list[i] = n->children[i]->unique_id;
    qsort(list, n->child_count, sizeof *list, by_text);
    for (size_t i = 0; i < n->child_count; i++)
        if (!i || strcmp(list[i], list[i - 1])) jinja_list_add(d->env, out, jinja_text(d->env, list[i]));
    mem_free(list);
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

enum err write_manifest(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const sections[] = {"nodes",         "sources",         "macros",     "docs",
                                           "exposures",     "metrics",         "groups",     "selectors",
                                           "disabled",      "parent_map",      "child_map",  "group_map",
                                           "saved_queries", "semantic_models", "unit_tests", "functions"};
    struct jinja_value m = jinja_dict(d->env), at;
    jinja_dict_set(d->env, m, "metadata",
                   artifact_metadata(d, "https://schemas.getdbt.com/dbt/manifest/v12.json", true));
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        jinja_dict_set(d->env, m, sections[i], jinja_dict(d->env));
    for (size_t i = 0; i < d->node_count; i++) {
        const struct node *n = d->nodes[i];
        struct jinja_value v;
        TRY(node_value(d, d->env, n, true, &v, e));
        jinja_dict_set(d->env, jinja_dict_get(m, section_of(n->kind)), n->unique_id, v);
        if (n->kind == NODE_GROUP) continue;
        jinja_dict_set(d->env, jinja_dict_get(m, "parent_map"), n->unique_id, ids(d, n->parents, n->parent_count));
        jinja_dict_set(d->env, jinja_dict_get(m, "child_map"), n->unique_id, child_ids(d, n));
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
    TRY(artifact_write(d, "manifest.json", m, e));
done:
    return rc;
}
