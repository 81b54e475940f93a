/* Parts of `adapter`: constraints as DDL, indexes, external files' options; and `exceptions`, `config`. */
#include "model/objects.h"

#include "model/print.h"

#include <strings.h>
#include <time.h>

/* ---- constraints ---- */

static const char *joined(struct context *c, struct jinja_value list)
{
    struct buf b = {0};
    for (size_t i = 0; i < jinja_seq_count(list); i++)
        buf_printf(&b, "%s%s", i ? ", " : "", value_str(c->arena, c->env, jinja_seq_items(list)[i]));
    const char *s = arena_strdup(c->arena, b.ptr ? b.ptr : "");
    buf_reset(&b);
    return s;
}

/* DuckDB takes no catalog in a foreign key's target. */
static const char *without_database(const char *to)
{
    const char *dot = strchr(to, '.');
    return dot && strchr(dot + 1, '.') ? dot + 1 : to;
}

static const char *trimmed(struct context *c, const char *s)
{
    struct view v = view_trim(view_of(s));
    return arena_strndup(c->arena, v.ptr, v.len);
}

static const char *rendered(struct context *c, struct jinja_value raw, bool of_model, const char *to)
{
    const char *type = value_get_text(raw, "type", ""), *expression = value_get_text(raw, "expression", "");
    const char *name = value_get_text(raw, "name", NULL), *targets = joined(c, jinja_dict_get(raw, "to_columns")),
               *list = joined(c, jinja_dict_get(raw, "columns"));
    const char *prefix = of_model && name ? arena_printf(c->arena, "constraint %s ", name) : "";
    if (!strcmp(type, "check")) return *expression ? arena_printf(c->arena, "%scheck (%s)", prefix, expression) : NULL;
    if (!strcmp(type, "custom")) return *expression ? arena_printf(c->arena, "%s%s", prefix, expression) : NULL;
    if (!strcmp(type, "foreign_key")) {
        const char *key = of_model ? arena_printf(c->arena, "%sforeign key (%s) ", prefix, list) : "";
        if (to && *targets) return arena_printf(c->arena, "%sreferences %s (%s)", key, without_database(to), targets);
        return *expression || !of_model ? arena_printf(c->arena, "%sreferences %s", key, expression) : NULL;
    }
    const char *word = !strcmp(type, "unique")        ? "unique"
                       : !strcmp(type, "primary_key") ? "primary key"
                       : !strcmp(type, "not_null")    ? "not null"
                                                      : NULL;
    if (!word) return NULL;
    if (!of_model) return trimmed(c, arena_printf(c->arena, "%s %s", word, expression));
    if (!strcmp(type, "not_null")) return NULL;
    return arena_printf(c->arena, "%s%s%s%s (%s)", prefix, word, *expression ? " " : "", expression, list);
}

enum err constraint_text(struct context *c, struct jinja_value raw, bool of_model, const char **out, struct error *e)
{
    const char *to = value_get_text(raw, "to", NULL);
    struct buf b = {0};
    enum err rc = ERR_OK;
    *out = NULL;
    if (to && strchr(to, '(')) { /* ref('x') */
        TRY(context_render(c, view_of(arena_printf(c->arena, "{{ %s }}", to)), c->node ? c->node->original_path : "", 1,
                           &b, e));
        to = arena_strdup(c->arena, b.ptr ? b.ptr : "");
    }
    *out = rendered(c, raw, of_model, to);
done:
    buf_reset(&b);
    return rc;
}

enum err do_existing_constraints(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1];
    struct sql_result *r = NULL;
    struct session *s = NULL;
    size_t rows = 0;
    TRY(jinja_args(call, "relation", slot, e));
    *out = jinja_list(call->env);
    const struct relation *rel = relation_of(slot[0]);
    if (!rel || !rel->part[PART_IDENTIFIER]) goto done;
    struct context *c = rel->c;
    TRY(context_session(c, &s, e));
    const char *sql =
        arena_printf(c->arena,
                     "select distinct lower(replace(constraint_type, ' ', '_')) from duckdb_constraints() where "
                     "lower(database_name) = lower('%s') "
                     "and lower(schema_name) = lower('%s') and lower(table_name) = lower('%s') and constraint_type in "
                     "('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') order by 1",
                     rel->part[0] ? rel->part[0] : "", rel->part[1] ? rel->part[1] : "", rel->part[2]);
    TRY(session_run(s, sql, false, &r, e));
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++) jinja_list_add(call->env, *out, jinja_view(call->env, sql_get_text(r, 0, i)));
    }
done:
    sql_result_free(&r);
    return rc;
}

/* ---- indexes ---- */

static const struct jinja_class INDEX_CLASS;
struct index {
    struct context *c;
    struct jinja_value raw;
};

static enum err index_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                           struct error *e)
{
    (void)env, (void)e;
    const struct index *x = jinja_object_data(self, &INDEX_CLASS);
    if (view_is(name, "columns"))
        *out = jinja_dict_get(x->raw, "columns");
    else if (view_is(name, "unique"))
        *out = jinja_bool(value_get_bool(x->raw, "unique", false));
    return ERR_OK;
}

static bool index_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "render");
}

/* md5 of columns, relation, uniqueness and the time: a new name on every run. */
static enum err index_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    const struct index *x = jinja_object_data(call->self, &INDEX_CLASS);
    const struct relation *r = call->count ? relation_of(call->args[0]) : NULL;
    struct timespec now;
    char hex[DIGEST_MD5_SIZE];
    clock_gettime(CLOCK_REALTIME, &now);
    const char *text = arena_printf(x->c->arena, "%s_%s_%d_%lld.%09ld", joined(x->c, jinja_dict_get(x->raw, "columns")),
                                    r ? relation_text(x->c, r) : "", value_get_bool(x->raw, "unique", false),
                                    (long long)now.tv_sec, now.tv_nsec);
    *out = jinja_text(call->env, digest_md5(text, strlen(text), hex));
    return ERR_OK;
}

static const struct jinja_class INDEX_CLASS = {
    .name = "DuckDBIndexConfig", .get_attr = index_attr, .has_method = index_has, .method = index_method};

struct jinja_value index_value(struct context *c, struct jinja_value raw)
{
    struct index *x = arena_alloc(c->arena, sizeof *x);
    *x = (struct index){c, raw};
    return jinja_object(c->env, &INDEX_CLASS, x);
}

/* ---- external files ---- */

static struct context *any_context(const struct jinja_call *call)
{
    /* `adapter` keeps its context; these functions get it through the adapter's own call */
    return adapter_context(call->self);
}

enum err external_root(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(call->env, any_context(call)->d->profile.external_root), ERR_OK;
}

/* COPY options out of a dict, completed by what the file's name says: "format parquet, header 1". Changes the dict. */
enum err external_write_options(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = any_context(call);
    struct jinja_value slot[2], key, item;
    struct buf b = {0};
    char ext[32] = "";
    TRY(jinja_args(call, "write_location rendered_options", slot, e));
    const char *location = value_text(slot[0], ""),
               *base = strrchr(location, '/') ? strrchr(location, '/') + 1 : location, *compression = NULL;
    if (jinja_is_absent(jinja_dict_get(slot[1], "format"))) {
        size_t n = strlen(base);
        if (n > 3 && !strcasecmp(base + n - 3, ".gz"))
            compression = "gzip", n -= 3;
        else if (n > 4 && !strcasecmp(base + n - 4, ".zst"))
            compression = "zstd", n -= 4;
        size_t dot = n;
        while (dot && base[dot - 1] != '.') dot--;
        if (dot) snprintf(ext, sizeof ext, "%.*s", (int)(n - dot), base + dot);
        for (char *p = ext; *p; p++)
            if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
        const char *format = *ext ? ext : !jinja_is_absent(jinja_dict_get(slot[1], "delimiter")) ? "csv" : "parquet";
        jinja_dict_set(call->env, slot[1], "format", jinja_text(call->env, format));
        if (compression && jinja_is_absent(jinja_dict_get(slot[1], "compression")))
            jinja_dict_set(call->env, slot[1], "compression", jinja_text(call->env, compression));
    }
    if (!strcmp(value_get_text(slot[1], "format", ""), "csv") && jinja_is_absent(jinja_dict_get(slot[1], "header")))
        jinja_dict_set(call->env, slot[1], "header", jinja_int(1));
    const char *partition = value_get_text(slot[1], "partition_by", NULL);
    if (partition && strchr(partition, ',') && *partition != '(')
        jinja_dict_set(call->env, slot[1], "partition_by", jinja_printf(call->env, "(%s)", partition));
    for (size_t at = 0; jinja_dict_next(slot[1], &at, &key, &item);) {
        const char *k = value_text(key, ""), *v = value_str(c->arena, call->env, item);
        bool quoted = !strcasecmp(k, "delimiter") || !strcasecmp(k, "quote") || !strcasecmp(k, "escape") ||
                      !strcasecmp(k, "null");
        buf_printf(&b, quoted && *v != '\'' ? "%s%s '%s'" : "%s%s %s", b.len ? ", " : "", k, v);
    }
    *out = jinja_string(call->env, b.ptr ? b.ptr : "", b.len);
done:
    buf_reset(&b);
    return rc;
}

enum err external_read_location(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = any_context(call);
    struct jinja_value slot[2];
    struct buf b = {0};
    TRY(jinja_args(call, "write_location rendered_options", slot, e));
    struct jinja_value partition = jinja_dict_get(slot[1], "partition_by");
    buf_str(&b, value_text(slot[0], ""));
    if (value_truth(partition) || value_get_bool(slot[1], "per_thread_output", false)) {
        buf_str(&b, "/*");
        if (value_truth(partition)) {
            buf_str(&b, "/*");
            for (const char *p = value_str(c->arena, call->env, partition); *p; p++)
                if (*p == ',') buf_str(&b, "/*");
        }
        buf_printf(&b, ".%s", value_get_text(slot[1], "format", "parquet"));
    }
    *out = jinja_string(call->env, b.ptr ? b.ptr : "", b.len);
done:
    buf_reset(&b);
    return rc;
}

/* ---- exceptions ---- */

static const struct jinja_class EXCEPTIONS_CLASS;
static const char *const RAISERS[] = {"raise_compiler_error",
                                      "raise_database_error",
                                      "raise_not_implemented",
                                      "raise_fail_fast_error",
                                      "raise_dependency_error",
                                      "raise_cache_inconsistent",
                                      "missing_config",
                                      "missing_materialization",
                                      "missing_relation",
                                      "raise_ambiguous_alias",
                                      "raise_ambiguous_catalog_match",
                                      "raise_dataclass_not_dict",
                                      "raise_dep_not_found",
                                      "raise_duplicate_patch_name",
                                      "raise_duplicate_resource_name",
                                      "raise_invalid_property_yml_version",
                                      "relation_wrong_type",
                                      "raise_contract_error",
                                      "column_type_missing",
                                      "warn",
                                      "warn_snapshot_timestamp_data_types",
                                      NULL};

static bool exceptions_has(struct jinja_value self, struct view name)
{
    (void)self;
    for (const char *const *p = RAISERS; *p; p++)
        if (view_is(name, *p)) return true;
    return false;
}

/* "in macro x (file)" follows by the trace; the text here is the user's own. */
static enum err raise_text(struct context *c, const char *text, struct error *e)
{
    struct view v = view_trim(view_of(text));
    (void)c;
    return err_set(e, ERR_INPUT, "%.*s", (int)v.len, v.ptr);
}

static enum err exceptions_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = jinja_object_data(call->self, &EXCEPTIONS_CLASS);
    const char *name = call->name;
    struct jinja_value first = call->count         ? call->args[0]
                               : call->named_count ? call->named[0].value
                                                   : jinja_text(call->env, "");
    const char *text = value_str(c->arena, call->env, first);
    *out = jinja_text(call->env, "");
    if (!strcmp(name, "warn")) return say_warning(c->d, "JinjaLogWarning", "I061", e, "%s", text);
    if (!strcmp(name, "warn_snapshot_timestamp_data_types"))
        return say_warning(
            c->d, "SnapshotTimestampWarning", "D021", e,
            "Data type of snapshot table timestamp columns (%s) doesn't match derived column 'updated_at' (%s). "
            "Please update snapshot config 'updated_at'.",
            text, call->count > 1 ? value_str(c->arena, call->env, call->args[1]) : "");
    if (!strcmp(name, "raise_contract_error")) return contract_error(c, call, e);
    if (!strcmp(name, "column_type_missing"))
        return err_set(e, ERR_INPUT,
                       "contracted models require data_type to be defined for each column; please ensure that the "
                       "column name and data_type are defined within "
                       "the YAML configuration for the %s column(s)",
                       text);
    if (!strcmp(name, "relation_wrong_type"))
        return err_set(e, ERR_INPUT,
                       "trying to create %s %s, but it currently exists as a %s; either drop it manually, or run with "
                       "--full-refresh",
                       call->count > 1 ? value_str(c->arena, call->env, call->args[1]) : "", text,
                       relation_of(first) ? RELATION_TYPE_NAMES[relation_of(first)->type] : "");
    if (!strcmp(name, "raise_fail_fast_error")) c->d->stop = true;
    return raise_text(c, text, e);
}

static const struct jinja_class EXCEPTIONS_CLASS = {
    .name = "dict", .has_method = exceptions_has, .method = exceptions_method};

struct jinja_value exceptions_value(struct context *c) { return jinja_object(c->env, &EXCEPTIONS_CLASS, c); }

/* ---- config ---- */

static const struct jinja_class CONFIG_CLASS;

static enum err own_config(struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    if (jinja_is_absent(c->config)) {
        struct jinja_value v = c->node && c->node->config.type == JINJA_DICT ? c->node->config : jinja_dict(c->env);
        if (c->node && c->env != c->d->env)
            TRY(jinja_copy(c->env, v, &c->config, e));
        else
            c->config = v;
    }
    *out = c->config;
done:
    return rc;
}

/* pre_hook is pre-hook; the names that snapshots' macros ask for come from snapshot_meta_column_names. */
static struct jinja_value config_lookup(struct context *c, struct jinja_value config, const char *name)
{
    if (!strcmp(name, "pre_hook")) name = "pre-hook";
    if (!strcmp(name, "post_hook")) name = "post-hook";
    struct jinja_value v = jinja_dict_get(config, name);
    if (jinja_is_absent(v) && !strcmp(name, "snapshot_table_column_names") && c->node &&
        c->node->kind == NODE_SNAPSHOT) {
        static const char *const names[] = {"dbt_valid_from", "dbt_valid_to",   "dbt_scd_id",
                                            "dbt_updated_at", "dbt_is_deleted", NULL};
        struct jinja_value given = jinja_dict_get(config, "snapshot_meta_column_names");
        v = jinja_dict(c->env);
        for (const char *const *p = names; *p; p++)
            jinja_dict_set(c->env, v, *p, jinja_text(c->env, value_get_text(given, *p, *p)));
    }
    return v;
}

static enum err config_get(const struct jinja_call *call, struct context *c, bool meta, bool require,
                           struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[3], config;
    TRY(jinja_args(call, require ? "name validator?" : "name default? validator?", slot, e));
    const char *name = value_text(slot[0], "");
    if (!c->execute) {
        *out = jinja_text(call->env, "");
        goto done;
    }
    TRY(own_config(c, &config, e));
    *out = meta ? jinja_dict_get(jinja_dict_get(config, "meta"), name) : config_lookup(c, config, name);
    if (!jinja_is_absent(*out)) goto done;
    if (require)
        rc = err_set(e, ERR_INPUT, "model '%s' does not define a required config parameter '%s'",
                     c->node ? c->node->unique_id : "", name);
    else
        *out = jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
done:
    return rc;
}

/* config(a=1), config({'a': 1}): noted while parsing, nothing while running. */
static enum err config_call(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = jinja_object_data(call->self, &CONFIG_CLASS);
    *out = jinja_text(call->env, "");
    if (c->execute || !c->node) return ERR_OK;
    if ((call->count == 1) == (call->named_count > 0) || call->count > 1) {
        if (!call->count && !call->named_count) return ERR_OK;
        return err_set(e, ERR_INPUT, "invalid inline model config: config() takes a dict or keyword arguments");
    }
    struct jinja_value options = jinja_dict(call->env);
    if (call->count) {
        if (call->args[0].type != JINJA_DICT)
            return err_set(e, ERR_INPUT, "invalid inline model config: config() takes a dict or keyword arguments");
        value_update(call->env, options, call->args[0]);
    }
    for (size_t i = 0; i < call->named_count; i++)
        TRY(jinja_dict_put(call->env, options, jinja_view(call->env, call->named[i].name), call->named[i].value, e));
    for (int i = 0; i < 2; i++) {
        const char *old = i ? "post_hook" : "pre_hook", *now = i ? "post-hook" : "pre-hook";
        struct jinja_value v = jinja_dict_get(options, old);
        if (jinja_is_absent(v)) continue;
        if (!jinja_is_absent(jinja_dict_get(options, now))) {
            rc = err_set(e, ERR_INPUT, "invalid config: \"%s\" and \"%s\" are the same; give one of them", old, now);
            goto done;
        }
        jinja_dict_remove(options, old);
        jinja_dict_set(call->env, options, now, v);
    }
    config_merge_call(call->env, c->node->config_call, options);
done:
    return rc;
}

static enum err config_set(const struct jinja_call *call, struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2], config;
    TRY(jinja_args(call, "name value", slot, e));
    *out = jinja_text(call->env, "");
    if (c->execute) goto done;
    config = jinja_dict(call->env);
    TRY(jinja_dict_put(call->env, config, slot[0], slot[1], e));
    if (c->node) config_merge_call(call->env, c->node->config_call, config);
done:
    return rc;
}

static bool config_has(struct jinja_value self, struct view name)
{
    (void)self;
    static const char *const methods[] = {
        "get", "require", "set", "meta_get", "meta_require", "persist_relation_docs", "persist_column_docs", NULL};
    for (const char *const *m = methods; *m; m++)
        if (view_is(name, *m)) return true;
    return false;
}

static enum err config_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = jinja_object_data(call->self, &CONFIG_CLASS);
    struct view name = view_of(call->name);
    struct jinja_value config;
    if (view_is(name, "get")) return config_get(call, c, false, false, out, e);
    if (view_is(name, "require")) return config_get(call, c, false, true, out, e);
    if (view_is(name, "meta_get")) return config_get(call, c, true, false, out, e);
    if (view_is(name, "meta_require")) return config_get(call, c, true, true, out, e);
    if (view_is(name, "set")) return config_set(call, c, out, e);
    if (view_is(name, "persist_relation_docs") || view_is(name, "persist_column_docs")) {
        TRY(own_config(c, &config, e));
        *out = jinja_bool(c->execute &&
                          value_get_bool(jinja_dict_get(config, "persist_docs"),
                                         view_is(name, "persist_relation_docs") ? "relation" : "columns", false));
    }
done:
    return rc;
}

static enum err config_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                            struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = jinja_object_data(self, &CONFIG_CLASS);
    struct jinja_value config;
    if (!view_is(name, "model")) {
        (void)env;
        (void)config;
        return ERR_OK;
    }
    TRY(context_model(c, out, e));
done:
    return rc;
}

static const struct jinja_class CONFIG_CLASS = {.name = "RuntimeConfigObject",
                                                .flags = JINJA_CLASS_CALLABLE,
                                                .call = config_call,
                                                .has_method = config_has,
                                                .method = config_method,
                                                .get_attr = config_attr};

struct jinja_value config_value(struct context *c) { return jinja_object(c->env, &CONFIG_CLASS, c); }
