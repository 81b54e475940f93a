/* Sources, with their freshness and dbt-duckdb's external locations; exposures, metrics, groups, semantic models, saved
 * queries. */
#include "model/schema.h"

#include "model/print.h"

static struct jinja_value or_default(struct jinja_value v, struct jinja_value otherwise)
{
    return value_is_null(v) ? otherwise : v;
}

static struct jinja_value as_list(struct jinja_env *env, struct jinja_value v)
{
    if (v.type == JINJA_LIST) return v;
    struct jinja_value list = jinja_list(env);
    if (!value_is_null(v)) jinja_list_add(env, list, v);
    return list;
}

/* ---- freshness ---- */

static struct jinja_value threshold(struct dbt *d, struct jinja_value given)
{
    struct jinja_value out = jinja_dict(d->env), count = jinja_dict_get(given, "count"),
                       period = jinja_dict_get(given, "period");
    jinja_dict_set(d->env, out, "count", or_default(count, jinja_none()));
    jinja_dict_set(d->env, out, "period", or_default(period, jinja_none()));
    return out;
}

/* The table's thresholds over the source's; null switches it off. Absent: nothing was said. */
static struct jinja_value freshness(struct dbt *d, struct jinja_value source, struct jinja_value table)
{
    struct jinja_value level[2] = {jinja_dict_get(source, "freshness"), jinja_dict_get(table, "freshness")};
    struct jinja_value in_config[2] = {jinja_dict_get(jinja_dict_get(source, "config"), "freshness"),
                                       jinja_dict_get(jinja_dict_get(table, "config"), "freshness")};
    struct jinja_value out = jinja_dict(d->env), warn = {0}, error = {0}, filter = {0};
    bool off = false;
    for (int i = 0; i < 2; i++) {
        struct jinja_value f = jinja_is_absent(in_config[i]) ? level[i] : in_config[i];
        if (jinja_is_none(f)) off = true;
        if (f.type != JINJA_DICT) continue;
        off = false;
        if (!jinja_is_absent(jinja_dict_get(f, "warn_after"))) warn = jinja_dict_get(f, "warn_after");
        if (!jinja_is_absent(jinja_dict_get(f, "error_after"))) error = jinja_dict_get(f, "error_after");
        if (!jinja_is_absent(jinja_dict_get(f, "filter"))) filter = jinja_dict_get(f, "filter");
    }
    if (off) return jinja_none();
    jinja_dict_set(d->env, out, "warn_after", threshold(d, warn));
    jinja_dict_set(d->env, out, "error_after", threshold(d, error));
    jinja_dict_set(d->env, out, "filter", or_default(filter, jinja_none()));
    return out;
}

/* ---- external locations ---- */

/* str.format_map: {name}, {{ and }}; a format after ':' is not needed by anyone. */
static enum err format_map(struct dbt *d, const struct schema_entry *x, const char *text, struct jinja_value values,
                           struct buf *out, struct error *e)
{
    for (const char *p = text; *p; p++) {
        if ((*p == '{' || *p == '}') && p[1] == *p) {
            buf_char(out, *p++);
            continue;
        }
        if (*p != '{') {
            buf_char(out, *p);
            continue;
        }
        const char *close = strchr(p, '}');
        if (!close) return schema_wrong(x->f, x->raw, e, "external_location of %s: a '{' is never closed", x->name);
        char *name = arena_strndup(&d->arena, p + 1, (size_t)(close - p - 1));
        struct jinja_value v = jinja_dict_get(values, name);
        if (jinja_is_absent(v))
            return schema_wrong(x->f, x->raw, e, "external_location of %s: there is no {%s}", x->name, name);
        buf_str(out, value_str(&d->arena, d->env, v));
        p = close;
    }
    return ERR_OK;
}

/* dbt-duckdb: meta or config external_location, with {name}, {schema}, {identifier} and meta filled in. */
static enum err external_location(struct dbt *d, const struct schema_entry *x, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    struct jinja_value values = jinja_dict(d->env);
    jinja_dict_set(d->env, values, "name", jinja_text(d->env, n->name));
    jinja_dict_set(d->env, values, "identifier", jinja_text(d->env, n->identifier));
    jinja_dict_set(d->env, values, "schema", jinja_text(d->env, n->schema));
    jinja_dict_set(d->env, values, "database", value_text_or_none(d->env, n->database));
    jinja_dict_set(d->env, values, "tags", n->tags);
    value_update(d->env, values, n->meta);
    value_update(d->env, values, n->config);
    if (!value_is_null(jinja_dict_get(values, "plugin"))) {
        rc = say_warning(d, "AdapterEventWarning", "E003", e,
                         "source %s uses the plugin '%s', which needs Python: its table must exist already",
                         n->unique_id, value_get_text(values, "plugin", ""));
        goto done;
    }
    const char *location = value_get_text(values, "external_location", NULL),
               *formatter = value_get_text(values, "formatter", "newstyle");
    if (!location) goto done;
    if (!strcmp(formatter, "newstyle"))
        TRY(format_map(d, x, location, values, &b, e));
    else if (!strcmp(formatter, "oldstyle")) {
        struct jinja_value result;
        jinja_env_global(d->env, "__location", jinja_text(d->env, location));
        jinja_env_global(d->env, "__values", values);
        TRY(jinja_expression(d->env, "__location % __values", 21, x->f->shown, x->raw->line, NULL, &result, e));
        buf_str(&b, value_str(&d->arena, d->env, result));
    } else if (!strcmp(formatter, "template")) {
        for (const char *p = location; *p; p++) {
            if (*p != '$') {
                buf_char(&b, *p);
                continue;
            }
            bool brace = p[1] == '{';
            const char *start = p + 1 + brace;
            size_t n2 = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
            buf_str(&b, value_str(&d->arena, d->env, jinja_dict_get(values, arena_strndup(&d->arena, start, n2))));
            p = start + n2 - !brace;
        }
    } else {
        rc = schema_wrong(x->f, x->raw, e,
                          "formatter %s not recognized; it must be one of 'newstyle', 'oldstyle', or 'template'",
                          formatter);
        goto done;
    }
    n->external = strchr(b.ptr ? b.ptr : "", '(') || (b.len && *b.ptr == '\'')
                      ? arena_strdup(&d->arena, b.ptr)
                      : arena_printf(&d->arena, "'%s'", b.ptr ? b.ptr : "");
done:
    buf_reset(&b);
    return rc;
}

/* What the lake puts in the place of a source. */
static enum err ask_lake(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    char *sql = NULL, *version = NULL;
    if (!d->hooks->source) return ERR_OK;
    TRY(d->hooks->source(d->hooks->ctx, n->source_name, n->name, &sql, &version, e));
    if (sql) n->external = arena_strdup(&d->arena, sql);
    if (version) n->data_version = arena_strdup(&d->arena, version);
done:
    mem_free(sql);
    mem_free(version);
    return rc;
}

/* ---- sources ---- */

static struct jinja_value merged_quoting(struct dbt *d, struct jinja_value source, struct jinja_value table)
{
    static const char *const parts[] = {"database", "schema", "identifier", "column", NULL};
    struct jinja_value out = jinja_dict(d->env);
    for (const char *const *p = parts; *p; p++) {
        struct jinja_value v = jinja_dict_get(jinja_dict_get(table, "quoting"), *p);
        if (value_is_null(v)) v = jinja_dict_get(jinja_dict_get(source, "quoting"), *p);
        jinja_dict_set(d->env, out, *p, or_default(v, jinja_none()));
    }
    return out;
}

static struct jinja_value merged_meta(struct dbt *d, struct jinja_value source, struct jinja_value table)
{
    struct jinja_value out = jinja_dict(d->env);
    struct jinja_value all[4] = {
        jinja_dict_get(source, "meta"), jinja_dict_get(jinja_dict_get(source, "config"), "meta"),
        jinja_dict_get(table, "meta"), jinja_dict_get(jinja_dict_get(table, "config"), "meta")};
    for (size_t i = 0; i < 4; i++) value_update(d->env, out, all[i]);
    return out;
}

/* With `configs` those inside config: too. A test of a source inherits only the others, as in dbt. */
static struct jinja_value merged_tags(struct dbt *d, struct jinja_value source, struct jinja_value table, bool configs)
{
    struct jinja_value out = jinja_list(d->env);
    struct jinja_value all[4] = {
        jinja_dict_get(source, "tags"), jinja_dict_get(jinja_dict_get(source, "config"), "tags"),
        jinja_dict_get(table, "tags"), jinja_dict_get(jinja_dict_get(table, "config"), "tags")};
    for (size_t i = 0; i < 4; i += configs ? 1 : 2) {
        struct jinja_value list = as_list(d->env, all[i]);
        for (size_t k = 0; k < jinja_seq_count(list); k++)
            if (!value_list_has(out, value_text(jinja_seq_items(list)[k], "")))
                jinja_list_add(d->env, out, jinja_seq_items(list)[k]);
    }
    return out;
}

static const char *text_of(struct dbt *d, struct jinja_value v)
{
    return value_is_null(v) ? NULL : value_str(&d->arena, d->env, v);
}

static struct jinja_value first_of(struct jinja_value table, struct jinja_value source, const char *key)
{
    struct jinja_value all[4] = {jinja_dict_get(jinja_dict_get(table, "config"), key), jinja_dict_get(table, key),
                                 jinja_dict_get(jinja_dict_get(source, "config"), key), jinja_dict_get(source, key)};
    for (size_t i = 0; i < 4; i++)
        if (!jinja_is_absent(all[i])) return all[i];
    return jinja_none();
}

static void source_config(struct dbt *d, struct node *n, struct jinja_value source, struct jinja_value table)
{
    struct jinja_value config = jinja_dict(d->env), fresh = freshness(d, source, table);
    value_update(d->env, config, jinja_dict_get(source, "config"));
    value_update(d->env, config, jinja_dict_get(table, "config"));
    jinja_dict_set(d->env, config, "freshness", fresh);
    jinja_dict_set(d->env, config, "loaded_at_field", first_of(table, source, "loaded_at_field"));
    jinja_dict_set(d->env, config, "loaded_at_query", first_of(table, source, "loaded_at_query"));
    jinja_dict_set(d->env, config, "meta", n->meta);
    jinja_dict_set(d->env, config, "tags", n->tags);
    n->patch_config = config;
}

static enum err read_table(struct dbt *d, struct schema_entry *x, const struct yaml *y, struct jinja_value table,
                           struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value source = x->value;
    const char *name = text_of(d, jinja_dict_get(table, "name")), *description, *source_description;
    if (!name) return schema_wrong(x->f, y, e, "a table of source '%s' has no name", x->name);
    struct node *n = node_new(d, NODE_SOURCE, x->f->package, name);
    n->unique_id = arena_printf(&d->arena, "source.%s.%s.%s", x->f->package->name, x->name, name);
    n->source_name = x->name;
    n->path = n->original_path = x->f->file;
    n->line = y->line;
    texts_add(&n->fqn, n->package->name);
    for (const char *p = x->f->path, *slash; (slash = strchr(p, '/')); p = slash + 1)
        texts_add(&n->fqn, arena_strndup(&d->arena, p, (size_t)(slash - p)));
    texts_add(&n->fqn, x->name);
    texts_add(&n->fqn, name);
    n->database = text_of(d, jinja_dict_get(source, "database"));
    if (!n->database) n->database = text_of(d, jinja_dict_get(source, "catalog"));
    if (!n->database) n->database = d->profile.database;
    n->schema = text_of(d, jinja_dict_get(source, "schema"));
    if (!n->schema) n->schema = x->name;
    n->identifier = text_of(d, jinja_dict_get(table, "identifier"));
    if (!n->identifier) n->identifier = name;
    n->quoting = merged_quoting(d, source, table);
    n->meta = merged_meta(d, source, table);
    n->tags = merged_tags(d, source, table, true);
    source_config(d, n, source, table);
    TRY(config_build(d, n, e));
    n->meta = jinja_dict_get(n->config, "meta");
    n->tags = jinja_dict_get(n->config, "tags");
    TRY(schema_description(d, x->f, yaml_get(x->raw, "description"), n, &source_description, e));
    TRY(schema_description(d, x->f, yaml_get(y, "description"), n, &description, e));
    TRY(schema_columns(d, x->f, yaml_get(y, "columns"), jinja_dict_get(table, "columns"), n, &n->columns, e));
    n->description = description;
    n->body = jinja_dict(d->env);
    jinja_dict_set(d->env, n->body, "source_name", jinja_text(d->env, x->name));
    jinja_dict_set(d->env, n->body, "source_description", jinja_text(d->env, source_description));
    jinja_dict_set(d->env, n->body, "loader", or_default(jinja_dict_get(source, "loader"), jinja_text(d->env, "")));
    jinja_dict_set(d->env, n->body, "external", or_default(jinja_dict_get(table, "external"), jinja_none()));
    struct jinja_value meta = jinja_dict(d->env);
    value_update(d->env, meta, jinja_dict_get(source, "meta"));
    value_update(d->env, meta, jinja_dict_get(jinja_dict_get(source, "config"), "meta"));
    jinja_dict_set(d->env, n->body, "source_meta", meta);
    const struct yaml *db = yaml_get(x->raw, "database"), *schema = yaml_get(x->raw, "schema");
    jinja_dict_set(d->env, n->body, "unrendered_database", value_text_or_none(d->env, yaml_text(db, NULL)));
    jinja_dict_set(d->env, n->body, "unrendered_schema", value_text_or_none(d->env, yaml_text(schema, NULL)));
    TRY(external_location(d, x, n, e));
    TRY(ask_lake(d, n, e));
    TRY(node_name_relation(d, n, e));
    if (names_get(&d->scratch, n->unique_id))
        return schema_wrong(x->f, y, e, "two sources are called %s.%s", x->name, name);
    names_put(&d->scratch, view_of(n->unique_id), n);
    dbt_add_node(d, n);
    if (n->enabled) {
        names_put(&d->sources_by_name, view_of(arena_printf(&d->arena, "%s.%s.%s", n->package->name, x->name, name)),
                  n);
        const char *bare = arena_printf(&d->arena, "%s.%s", x->name, name);
        if (!names_get(&d->sources_by_name, bare) || n->package->is_root)
            names_put(&d->sources_by_name, view_of(bare), n);
    }
    struct schema_entry own = *x;
    TRY(schema_note_tests(d, &own, y, table, n, (struct jinja_value){0},
                          merged_tags(d, source, table, false), e));
done:
    return rc;
}

/* `overrides: package` would change a package's source; it says so instead of doing half of it. */
enum err schema_read_source(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    const struct yaml *tables = yaml_get(x->raw, "tables");
    struct jinja_value list = jinja_dict_get(x->value, "tables");
    if (yaml_get(x->raw, "overrides")) {
        rc = schema_wrong(x->f, yaml_get(x->raw, "overrides"), e, "source overrides are not supported");
        goto done;
    }
    if (yaml_is_null(tables)) return ERR_OK;
    if (tables->kind != YAML_SEQ) return schema_wrong(x->f, tables, e, "tables must be a list");
    for (size_t i = 0; i < tables->count && i < jinja_seq_count(list); i++)
        TRY(read_table(d, x, tables->item[i], jinja_seq_items(list)[i], e));
done:
    return rc;
}

/* ---- the rest ---- */

static enum err start(struct dbt *d, struct schema_entry *x, enum node_kind kind, struct node **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = *out = node_new(d, kind, x->f->package, x->name);
    n->path = x->f->path;
    n->original_path = x->f->file;
    n->line = x->raw->line;
    schema_fqn(d, n, x->f->path);
    n->patch_config = schema_config(d, x->value);
    struct jinja_value tags = jinja_dict_get(x->value, "tags");
    if (!value_is_null(tags) && jinja_is_absent(jinja_dict_get(n->patch_config, "tags")))
        jinja_dict_set(d->env, n->patch_config, "tags", tags);
    if (!jinja_is_absent(jinja_dict_get(x->value, "enabled")))
        jinja_dict_set(d->env, n->patch_config, "enabled", jinja_dict_get(x->value, "enabled"));
    if (kind != NODE_GROUP) TRY(config_build(d, n, e));
    struct jinja_value built = jinja_dict_get(n->config, "tags");
    if (built.type == JINJA_LIST) n->tags = built;
    n->meta = or_default(jinja_dict_get(n->config, "meta"), jinja_dict(d->env));
    TRY(schema_description(d, x->f, yaml_get(x->raw, "description"), n, &n->description, e));
    n->body = value_clone(d->env, x->value);
    if (names_get(&d->scratch, n->unique_id))
        return schema_wrong(x->f, x->raw, e, "two %ss are called '%s'", NODE_KIND_NAMES[kind], x->name);
    names_put(&d->scratch, view_of(n->unique_id), n);
done:
    return rc;
}

enum err schema_read_exposure(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = NULL;
    TRY(start(d, x, NODE_EXPOSURE, &n, e));
    const struct yaml *depends = yaml_get(x->raw, "depends_on");
    TRY(schema_depends(d, x->f, n, jinja_dict_get(x->value, "depends_on"), depends ? depends->line : x->raw->line, e));
    dbt_add_node(d, n);
done:
    return rc;
}

enum err schema_read_group(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = NULL;
    TRY(start(d, x, NODE_GROUP, &n, e));
    dbt_add_node(d, n);
done:
    return rc;
}

enum err schema_read_metric(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = NULL;
    TRY(start(d, x, NODE_METRIC, &n, e));
    dbt_add_node(d, n);
done:
    return rc;
}

enum err schema_read_semantic_model(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = NULL;
    struct jinja_value list = jinja_list(d->env);
    TRY(start(d, x, NODE_SEMANTIC_MODEL, &n, e));
    const struct yaml *model = yaml_get(x->raw, "model");
    if (model && model->kind == YAML_STR) {
        jinja_list_add(d->env, list, jinja_view(d->env, model->text));
        TRY(schema_depends(d, x->f, n, list, model->line, e));
    }
    dbt_add_node(d, n);
done:
    return rc;
}

enum err schema_read_saved_query(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *n = NULL;
    TRY(start(d, x, NODE_SAVED_QUERY, &n, e));
    dbt_add_node(d, n);
done:
    return rc;
}
