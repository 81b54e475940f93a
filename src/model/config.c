/* The config of a node: dbt's defaults, then dbt_project.yml of its package by folder, its yml, its file's config(),
 * then dbt_project.yml of the project for packages. Tags, hooks and packages add up, meta and the like merge by key,
 * grants by key and list, all else is replaced. */
#include "model/dbt.h"

#include "model/context.h"

#include <strings.h>

static const char DEFAULT_NODE[] = "{\"enabled\":true,\"alias\":null,\"schema\":null,\"database\":null,\"tags\":[],"
                                   "\"meta\":{},\"group\":null,\"static_analysis\":null,\"materialized\":\"%s\","
                                   "\"incremental_strategy\":null,\"batch_size\":null,\"lookback\":1,\"begin\":null,"
                                   "\"persist_docs\":{},\"post-hook\":[],\"pre-hook\":[],\"quoting\":{},"
                                   "\"column_types\":{},\"full_refresh\":null,\"unique_key\":null,\"on_schema_change\":"
                                   "\"ignore\",\"on_configuration_change\":\"apply\",\"grants\":{},"
                                   "\"packages\":[],\"docs\":{\"show\":true,\"node_color\":null},\"contract\":{"
                                   "\"enforced\":false,\"alias_types\":true},\"event_time\":null,"
                                   "\"concurrent_batches\":null%s}";
static const char DEFAULT_TEST[] = "{\"enabled\":true,\"alias\":null,\"schema\":\"dbt_test__audit\",\"database\":null,"
                                   "\"tags\":[],\"meta\":{},\"group\":null,\"static_analysis\":null,"
                                   "\"materialized\":\"test\",\"severity\":\"ERROR\",\"store_failures\":null,\"store_"
                                   "failures_as\":null,\"where\":null,\"limit\":null,\"fail_calc\":\"count(*)\","
                                   "\"warn_if\":\"!= 0\",\"error_if\":\"!= 0\"}";
static const char DEFAULT_SOURCE[] = "{\"enabled\":true,\"event_time\":null,\"freshness\":null,\"loaded_at_field\":"
                                     "null,\"loaded_at_query\":null,\"meta\":{},\"tags\":[],\"static_analysis\":null}";
static const char DEFAULT_EXPOSURE[] = "{\"enabled\":true,\"tags\":[],\"meta\":{}}";
static const char DEFAULT_METRIC[] = "{\"enabled\":true,\"group\":null,\"meta\":{}}";
static const char DEFAULT_UNIT[] = "{\"tags\":[],\"meta\":{},\"enabled\":true,\"static_analysis\":null}";

static struct jinja_value defaults(struct dbt *d, enum node_kind kind)
{
    char text[2048];
    struct jinja_value v = jinja_dict(d->env);
    switch (kind) {
    case NODE_MODEL:
        snprintf(text, sizeof text, DEFAULT_NODE, "view", ",\"access\":\"protected\",\"freshness\":null");
        break;
    case NODE_SEED:
        snprintf(text, sizeof text, DEFAULT_NODE, "seed", ",\"delimiter\":\",\",\"quote_columns\":null");
        break;
    case NODE_SNAPSHOT:
        snprintf(text, sizeof text, DEFAULT_NODE, "snapshot",
                 ",\"strategy\":null,\"target_schema\":null,\"target_database\":null,\"updated_at\":null,\"check_"
                 "cols\":null,"
                 "\"snapshot_meta_column_names\":{\"dbt_valid_to\":null,\"dbt_valid_from\":null,\"dbt_scd_id\":null,"
                 "\"dbt_updated_at\":null,"
                 "\"dbt_is_deleted\":null},\"dbt_valid_to_current\":null");
        break;
    case NODE_TEST: snprintf(text, sizeof text, "%s", DEFAULT_TEST); break;
    case NODE_SOURCE: snprintf(text, sizeof text, "%s", DEFAULT_SOURCE); break;
    case NODE_EXPOSURE: snprintf(text, sizeof text, "%s", DEFAULT_EXPOSURE); break;
    case NODE_METRIC:
    case NODE_SEMANTIC_MODEL:
    case NODE_SAVED_QUERY: snprintf(text, sizeof text, "%s", DEFAULT_METRIC); break;
    case NODE_UNIT_TEST: snprintf(text, sizeof text, "%s", DEFAULT_UNIT); break;
    default: snprintf(text, sizeof text, DEFAULT_NODE, "view", ""); break;
    }
    (void)!jinja_json_read(d->env, text, strlen(text), &v, NULL);
    return v;
}

enum merging { REPLACE, APPEND, UPDATE, APPEND_BY_KEY };

static enum merging merging_of(struct view key)
{
    static const char *const append[] = {"pre-hook", "post-hook", "tags", "packages", NULL};
    static const char *const update[] = {
        "quoting", "column_types", "meta", "docs", "contract", "snapshot_meta_column_names", NULL};
    for (const char *const *p = append; *p; p++)
        if (view_is(key, *p)) return APPEND;
    for (const char *const *p = update; *p; p++)
        if (view_is(key, *p)) return UPDATE;
    return view_is(key, "grants") ? APPEND_BY_KEY : REPLACE;
}

static struct jinja_value as_list(struct jinja_env *env, struct jinja_value v)
{
    if (v.type == JINJA_LIST || v.type == JINJA_TUPLE) return v;
    struct jinja_value list = jinja_list(env);
    if (!value_is_null(v)) jinja_list_add(env, list, v);
    return list;
}

static struct jinja_value concatenated(struct jinja_env *env, struct jinja_value a, struct jinja_value b)
{
    struct jinja_value list = jinja_list(env);
    a = as_list(env, a), b = as_list(env, b);
    for (size_t i = 0; i < jinja_seq_count(a); i++) jinja_list_add(env, list, jinja_seq_items(a)[i]);
    for (size_t i = 0; i < jinja_seq_count(b); i++) jinja_list_add(env, list, jinja_seq_items(b)[i]);
    return list;
}

/* grants: {select: [a]} replaces the privilege's list; {+select: [b]} adds to it. */
static void merge_grants(struct jinja_env *env, struct jinja_value into, struct jinja_value more)
{
    struct jinja_value key, item;
    for (size_t at = 0; jinja_dict_next(more, &at, &key, &item);) {
        const char *name = value_text(key, "");
        bool add = *name == '+';
        if (add) name++;
        jinja_dict_set(env, into, name, add ? concatenated(env, jinja_dict_get(into, name), item) : as_list(env, item));
    }
}

void config_merge_call(struct jinja_env *env, struct jinja_value into, struct jinja_value more)
{
    struct jinja_value key, item;
    for (size_t at = 0; jinja_dict_next(more, &at, &key, &item);) {
        if (!jinja_is_string(key)) continue;
        struct view raw = view_trim(jinja_string_view(key));
        if (view_is(raw, "pre_hook")) raw = view_of("pre-hook");
        if (view_is(raw, "post_hook")) raw = view_of("post-hook");
        struct jinja_value old = jinja_dict_get_view(into, raw), name = jinja_view(env, raw);
        enum merging how = merging_of(raw);
        if (how == APPEND)
            item = concatenated(env, old, item);
        else if (how == UPDATE && item.type == JINJA_DICT) {
            struct jinja_value merged = old.type == JINJA_DICT ? value_clone(env, old) : jinja_dict(env);
            value_update(env, merged, item);
            item = merged;
        } else if (how == APPEND_BY_KEY && item.type == JINJA_DICT) {
            struct jinja_value merged = old.type == JINJA_DICT ? value_clone(env, old) : jinja_dict(env);
            merge_grants(env, merged, item);
            item = merged;
        }
        (void)!jinja_dict_put(env, into, name, item, NULL);
    }
}

static const char *section_of(enum node_kind kind)
{
    switch (kind) {
    case NODE_SEED: return "seeds";
    case NODE_SNAPSHOT: return "snapshots";
    case NODE_SOURCE: return "sources";
    case NODE_TEST: return "data_tests";
    case NODE_UNIT_TEST: return "unit_tests";
    case NODE_EXPOSURE: return "exposures";
    case NODE_METRIC: return "metrics";
    case NODE_SEMANTIC_MODEL: return "semantic-models";
    case NODE_SAVED_QUERY: return "saved-queries";
    default: return "models";
    }
}

/* One level's own keys: those with a plus, and those whose value is no dict. */
static struct jinja_value level_config(struct jinja_env *env, struct jinja_value level)
{
    struct jinja_value out = jinja_dict(env), key, item;
    for (size_t at = 0; jinja_dict_next(level, &at, &key, &item);) {
        const char *name = value_text(key, "");
        if (*name == '+') {
            struct view v = view_trim(view_of(name + 1));
            (void)!jinja_dict_put(env, out, jinja_view(env, v), item, NULL);
        } else if (item.type != JINJA_DICT)
            (void)!jinja_dict_put(env, out, key, item, NULL);
    }
    return out;
}

static void merge_project(struct dbt *d, const struct package *p, const struct node *n, struct jinja_value into,
                          struct jinja_value unrendered)
{
    struct jinja_value level = package_section(p, section_of(n->kind));
    if (value_is_null(level) && n->kind == NODE_TEST) level = package_section(p, "tests");
    if (value_is_null(level) && n->kind == NODE_SEMANTIC_MODEL) level = package_section(p, "semantic_models");
    if (value_is_null(level) && n->kind == NODE_SAVED_QUERY) level = package_section(p, "saved_queries");
    for (size_t i = 0; level.type == JINJA_DICT; i++) {
        struct jinja_value own = level_config(d->env, level);
        config_merge_call(d->env, into, own);
        value_update(d->env, unrendered, own);
        if (i >= n->fqn.count) break;
        level = jinja_dict_get(level, n->fqn.at[i]);
    }
}

/* Each hook as {sql, transaction, index}. */
static struct jinja_value hook_dicts(struct dbt *d, struct jinja_value list)
{
    struct jinja_value out = jinja_list(d->env);
    list = as_list(d->env, list);
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value hook = jinja_seq_items(list)[i], dict = jinja_dict(d->env), parsed = {0};
        if (jinja_is_string(hook)) {
            struct view text = view_trim(jinja_string_view(hook));
            if (!text.len || *text.ptr != '{' || jinja_json_read(d->env, text.ptr, text.len, &parsed, NULL) != ERR_OK)
                parsed = (struct jinja_value){0};
        } else
            parsed = hook;
        struct jinja_value sql = parsed.type == JINJA_DICT ? jinja_dict_get(parsed, "sql") : hook;
        jinja_dict_set(d->env, dict, "sql", value_is_null(sql) ? jinja_text(d->env, "") : sql);
        jinja_dict_set(d->env, dict, "transaction",
                       jinja_bool(parsed.type != JINJA_DICT || value_get_bool(parsed, "transaction", true)));
        jinja_dict_set(d->env, dict, "index", jinja_none());
        jinja_list_add(d->env, out, dict);
    }
    return out;
}

static enum err wrong(const struct node *n, struct error *e, const char *what, const char *hint)
{
    err_set(e, ERR_INPUT, "%s %s: %s", NODE_KIND_NAMES[n->kind], n->name, what);
    err_where(e, "%s", n->original_path);
    if (hint) err_hint(e, "%s", hint);
    return ERR_INPUT;
}

static enum err check_test(struct dbt *d, struct node *n, struct error *e)
{
    const char *severity = value_get_text(n->config, "severity", "");
    if (strcasecmp(severity, "warn") && strcasecmp(severity, "error"))
        return wrong(n, e, "severity must be either 'warn' or 'error'", NULL);
    struct jinja_value as = jinja_dict_get(n->config, "store_failures_as"),
                       store = jinja_dict_get(n->config, "store_failures");
    if (value_is_null(as)) {
        if (!value_is_null(store))
            jinja_dict_set(d->env, n->config, "store_failures_as",
                           jinja_text(d->env, value_truth(store) ? "table" : "ephemeral"));
    } else
        jinja_dict_set(d->env, n->config, "store_failures", jinja_bool(strcmp(value_text(as, ""), "ephemeral") != 0));
    return ERR_OK;
}

static enum err check_snapshot(struct node *n, struct error *e)
{
    const char *strategy = value_get_text(n->config, "strategy", NULL);
    struct jinja_value check = jinja_dict_get(n->config, "check_cols");
    if (!strategy || value_is_null(jinja_dict_get(n->config, "unique_key")))
        return wrong(n, e, "snapshots must be configured with a 'strategy' and 'unique_key'", NULL);
    if (!strcmp(strategy, "check")) {
        if (!value_truth(check))
            return wrong(n, e, "a snapshot configured with the check strategy must specify a check_cols configuration",
                         "check_cols: [a, b], or 'all'");
        if (jinja_is_string(check) && strcmp(value_text(check, ""), "all"))
            return wrong(n, e, "invalid value for 'check_cols': expected 'all' or a list of strings", NULL);
    } else if (!strcmp(strategy, "timestamp")) {
        if (value_is_null(jinja_dict_get(n->config, "updated_at")))
            return wrong(n, e,
                         "a snapshot configured with the timestamp strategy must specify an updated_at configuration",
                         NULL);
        if (value_truth(check)) return wrong(n, e, "a 'timestamp' snapshot should not have 'check_cols'", NULL);
    }
    return ERR_OK;
}

/* What later code relies on. */
static enum err settle(struct dbt *d, struct node *n, struct error *e)
{
    struct jinja_value c = n->config, tags = jinja_dict_get(c, "tags");
    jinja_dict_set(d->env, c, "tags", as_list(d->env, tags));
    for (size_t i = 0; i < jinja_seq_count(jinja_dict_get(c, "tags")); i++)
        if (!jinja_is_string(jinja_seq_items(jinja_dict_get(c, "tags"))[i]))
            return wrong(n, e, "tags must be strings", NULL);
    if (jinja_dict_get(c, "meta").type != JINJA_DICT) jinja_dict_set(d->env, c, "meta", jinja_dict(d->env));
    if (!jinja_is_absent(jinja_dict_get(c, "post-hook"))) {
        jinja_dict_set(d->env, c, "post-hook", hook_dicts(d, jinja_dict_get(c, "post-hook")));
        jinja_dict_set(d->env, c, "pre-hook", hook_dicts(d, jinja_dict_get(c, "pre-hook")));
    }
    struct jinja_value enabled = jinja_dict_get(c, "enabled");
    if (jinja_is_string(enabled)) { /* a text that YAML or Jinja left: "false", "False" */
        const char *s = value_text(enabled, "");
        if (strcasecmp(s, "true") && strcasecmp(s, "false"))
            return wrong(n, e, "enabled must be true or false", "{{ … | as_bool }} makes a boolean of a text");
        enabled = jinja_bool(!strcasecmp(s, "true"));
        jinja_dict_set(d->env, c, "enabled", enabled);
    }
    n->enabled = value_truth(enabled);
    if (jinja_dict_get(c, "materialized").type != JINJA_STRING && n->kind <= NODE_ANALYSIS)
        return wrong(n, e, "materialized must be a text", NULL);
    if (n->kind == NODE_TEST) return check_test(d, n, e);
    if (n->kind == NODE_SNAPSHOT && n->enabled) return check_snapshot(n, e);
    if (n->kind == NODE_MODEL && value_get_bool(jinja_dict_get(c, "contract"), "enforced", false) &&
        !strcmp(node_materialized(n), "incremental")) {
        const char *on = value_get_text(c, "on_schema_change", "");
        if (strcmp(on, "append_new_columns") && strcmp(on, "fail"))
            return wrong(n, e,
                         "models materialized as incremental with contracts enabled must set on_schema_change to "
                         "'append_new_columns' or 'fail'",
                         NULL);
    }
    return ERR_OK;
}

enum err config_build(struct dbt *d, struct node *n, struct error *e)
{
    n->config = defaults(d, n->kind);
    n->unrendered_config = jinja_dict(d->env);
    merge_project(d, n->package, n, n->config, n->unrendered_config);
    if (n->patch_config.type == JINJA_DICT) {
        config_merge_call(d->env, n->config, n->patch_config);
        value_update(d->env, n->unrendered_config, n->patch_config);
    }
    if (n->config_call.type == JINJA_DICT) {
        config_merge_call(d->env, n->config, n->config_call);
        value_update(d->env, n->unrendered_config, n->config_call);
    }
    if (n->package != d->project) merge_project(d, d->project, n, n->config, n->unrendered_config);
    return settle(d, n, e);
}

const char *node_materialized(const struct node *n) { return value_get_text(n->config, "materialized", "view"); }
bool node_is_ephemeral(const struct node *n)
{
    return n->kind == NODE_MODEL && !strcmp(node_materialized(n), "ephemeral");
}
bool node_is_refable(const struct node *n)
{
    return n->kind == NODE_MODEL || n->kind == NODE_SEED || n->kind == NODE_SNAPSHOT;
}

/* ---- database, schema, alias ---- */

static struct macro *name_macro(struct dbt *d, const struct package *p, const char *name)
{
    struct macro *m = names_get(&p->macros, name); /* a package's own goes before the project's */
    if (!m) m = names_get(&d->project->macros, name);
    return m ? m : names_get(&d->builtin->macros, name);
}

/* True when nobody replaced the macro nor what it dispatches to. */
static bool is_default(struct dbt *d, const struct package *p, const char *name)
{
    struct macro *m = name_macro(d, p, name), *x = macro_dispatch(d, d->project, name, "dbt", NULL);
    return m->package->builtin && x && x->package->builtin;
}

static const char *default_name(struct dbt *d, const struct node *n, const char *macro, const char *custom)
{
    if (!strcmp(macro, "generate_database_name")) return custom ? custom : d->profile.database;
    if (!strcmp(macro, "generate_schema_name")) {
        if (!custom) return d->profile.schema;
        struct view v = view_trim(view_of(custom));
        return arena_printf(&d->arena, "%s_%.*s", d->profile.schema, (int)v.len, v.ptr);
    }
    if (custom && *custom) return custom;
    if (value_is_null(n->version)) return n->name;
    char *s = arena_printf(&d->arena, "%s_v%s", n->name, value_str(&d->arena, d->env, n->version));
    for (char *p = s + strlen(n->name); *p; p++)
        if (*p == '.') *p = '_';
    return s;
}

static enum err generate(struct dbt *d, struct node *n, const char *macro, const char *key, const char **out,
                         struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value custom = jinja_dict_get(n->config, key), result, node;
    if (is_default(d, n->package, macro)) {
        const char *name =
            default_name(d, n, macro, value_is_null(custom) ? NULL : value_str(&d->arena, d->env, custom));
        struct view v = view_trim(view_of(name));
        *out = v.len == strlen(name) ? name : arena_strndup(&d->arena, v.ptr, v.len);
        return ERR_OK;
    }
    struct context *c = d->parse;
    TRY(node_value(d, d->env, n, false, &node, e));
    context_move(c, PHASE_NAME, d->project, n);
    struct jinja_value args[2] = {value_is_null(custom) ? jinja_none() : custom, node};
    rc = jinja_invoke(d->env, context_macro(c, name_macro(d, n->package, macro)), args, 2, NULL, 0, &result, e);
    if (rc != ERR_OK) {
        err_context(e, "while naming %s: ", n->unique_id);
        goto done;
    }
    if (jinja_is_none(result))
        *out = NULL;
    else {
        struct view v = view_trim(view_of(value_str(&d->arena, d->env, result)));
        *out = arena_strndup(&d->arena, v.ptr, v.len);
    }
done:
    return rc;
}

static const char *quoted_name(struct dbt *d, const struct node *n)
{
    const char *part[3] = {n->database, n->schema, n->kind == NODE_SOURCE ? n->identifier : n->alias};
    static const char *const names[3] = {"database", "schema", "identifier"};
    struct jinja_value own = n->kind == NODE_SOURCE ? n->quoting : jinja_dict_get(n->config, "quoting");
    struct buf b = {0};
    for (int i = 0; i < 3; i++) {
        if (!part[i]) continue;
        bool quote =
            value_get_bool(own, names[i], n->kind == NODE_SOURCE || value_get_bool(d->quoting, names[i], true));
        buf_printf(&b, quote ? "%s\"%s\"" : "%s%s", b.len ? "." : "", part[i]);
    }
    const char *s = arena_strdup(&d->arena, b.ptr ? b.ptr : "");
    buf_reset(&b);
    return s;
}

enum err node_name_relation(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    if (n->kind == NODE_SOURCE) {
        n->relation_name = n->external ? n->external : quoted_name(d, n);
        return ERR_OK;
    }
    TRY(generate(d, n, "generate_database_name", "database", &n->database, e));
    TRY(generate(d, n, "generate_schema_name", "schema", &n->schema, e));
    TRY(generate(d, n, "generate_alias_name", "alias", &n->alias, e));
    if (!n->alias) n->alias = n->name;
    if (n->kind == NODE_SNAPSHOT) {
        const char *database = value_get_text(n->config, "target_database", NULL),
                   *schema = value_get_text(n->config, "target_schema", NULL);
        if (database && *database) n->database = database;
        if (schema && *schema) n->schema = schema;
    }
    bool stores = n->kind == NODE_TEST &&
                  value_get_bool(n->config, "store_failures", value_get_bool(d->flags, "STORE_FAILURES", false));
    n->relation_name = (node_is_refable(n) && !node_is_ephemeral(n)) || stores ? quoted_name(d, n) : NULL;
done:
    return rc;
}
