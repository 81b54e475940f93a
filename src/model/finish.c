/* Nodes get what their yml says, their config and their names; versions; then generic tests are made. */
#include "model/schema.h"

#include "model/print.h"
#include "model/run.h"

static struct jinja_value or_default(struct jinja_value v, struct jinja_value otherwise)
{
    return value_is_null(v) ? otherwise : v;
}

static const char *plural(enum node_kind k)
{
    switch (k) {
    case NODE_MODEL: return "models";
    case NODE_SEED: return "seeds";
    case NODE_SNAPSHOT: return "snapshots";
    case NODE_ANALYSIS: return "analyses";
    case NODE_TEST: return "data_tests";
    default: return "";
    }
}

/* ---- one node and its entry ---- */

static enum err check_constraints(struct dbt *d, struct schema_entry *x, struct node *n, struct error *e)
{
    static const char *const types[] = {"check", "not_null", "unique", "primary_key", "foreign_key", "custom", NULL};
    for (size_t i = 0; i < jinja_seq_count(n->constraints); i++) {
        const char *type = value_get_text(jinja_seq_items(n->constraints)[i], "type", "");
        bool known = false;
        for (const char *const *p = types; *p; p++) known |= !strcmp(*p, type);
        if (known) continue;
        schema_wrong(x->f, x->raw, e, "invalid constraint type on model %s: '%s'", n->name, type);
        return err_hint(e, "type must be one of check, not_null, unique, primary_key, foreign_key, custom");
    }
    (void)d;
    return ERR_OK;
}

/* ref('x') in a foreign key's `to`: a parent. */
static enum err key_targets(struct dbt *d, struct schema_entry *x, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value list = jinja_list(d->env), key, item;
    for (size_t i = 0; i < jinja_seq_count(n->constraints); i++) {
        struct jinja_value c = jinja_seq_items(n->constraints)[i], to = jinja_dict_get(c, "to");
        if (!strcmp(value_get_text(c, "type", ""), "foreign_key") && jinja_is_string(to))
            jinja_list_add(d->env, list, to);
    }
    for (size_t at = 0; jinja_dict_next(n->columns, &at, &key, &item);) {
        struct jinja_value cs = jinja_dict_get(item, "constraints");
        for (size_t i = 0; i < jinja_seq_count(cs); i++) {
            struct jinja_value c = jinja_seq_items(cs)[i], to = jinja_dict_get(c, "to");
            if (!strcmp(value_get_text(c, "type", ""), "foreign_key") && jinja_is_string(to))
                jinja_list_add(d->env, list, to);
        }
    }
    if (jinja_seq_count(list)) TRY(schema_depends(d, x->f, n, list, x->raw->line, e));
done:
    return rc;
}

static enum err apply_entry(struct dbt *d, struct schema_entry *x, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    x->used = true;
    n->patch_path = arena_printf(&d->arena, "%s://%s", x->f->package->name, x->f->file);
    n->patch_config = schema_config(d, x->value);
    TRY(schema_description(d, x->f, yaml_get(x->raw, "description"), n, &n->description, e));
    TRY(schema_columns(d, x->f, yaml_get(x->raw, "columns"), jinja_dict_get(x->value, "columns"), n, &n->columns, e));
    n->constraints = or_default(jinja_dict_get(x->value, "constraints"), jinja_list(d->env));
    n->deprecation_date = jinja_dict_get(x->value, "deprecation_date");
    n->time_spine = jinja_dict_get(x->value, "time_spine");
    TRY(check_constraints(d, x, n, e));
    TRY(key_targets(d, x, n, e));
done:
    return rc;
}

/* ---- versions ---- */

static const char *version_text(struct dbt *d, struct jinja_value v) { return value_str(&d->arena, d->env, v); }

/* include: all or a list, less exclude; further columns of the version replace or add. */
static void version_columns(struct dbt *d, struct node *n, struct jinja_value all, struct jinja_value listed,
                            struct jinja_value own)
{
    struct jinja_value out = jinja_dict(d->env), key, item, include = {0}, exclude = {0};
    for (size_t i = 0; i < jinja_seq_count(listed); i++) {
        struct jinja_value c = jinja_seq_items(listed)[i];
        if (!jinja_is_absent(jinja_dict_get(c, "include")))
            include = jinja_dict_get(c, "include"), exclude = jinja_dict_get(c, "exclude");
    }
    bool every = jinja_is_absent(include) || jinja_is_string(include);
    for (size_t at = 0; jinja_dict_next(all, &at, &key, &item);) {
        const char *name = value_text(key, "");
        if ((every || value_list_has(include, name)) && !value_list_has(exclude, name) &&
            jinja_is_absent(jinja_dict_get(own, name)))
            jinja_dict_set(d->env, out, name, item);
    }
    value_update(d->env, out, own);
    n->columns = out;
}

static struct node *find_loose(struct dbt *d, const struct package *p, const char *name)
{
    for (size_t i = 0; i < d->loose_count; i++)
        if (d->loose[i]->kind == NODE_MODEL && d->loose[i]->package == p && jinja_is_absent(d->loose[i]->version) &&
            !strcmp(d->loose[i]->name, name))
            return d->loose[i];
    return NULL;
}

/* The highest; numbers before texts. */
static enum err latest_of(struct dbt *d, struct jinja_value versions, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = (struct jinja_value){0};
    for (size_t i = 0; i < jinja_seq_count(versions); i++) {
        struct jinja_value v = jinja_dict_get(jinja_seq_items(versions)[i], "v");
        int order = 1;
        if (!jinja_is_absent(*out) && jinja_compare(d->env, v, *out, &order, NULL) != ERR_OK)
            order = strcmp(version_text(d, v), version_text(d, *out));
        if (order > 0) *out = v;
    }
    return ERR_OK;
}

static enum err apply_version(struct dbt *d, struct schema_entry *x, const struct yaml *y, struct jinja_value one,
                              struct jinja_value latest, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value v = jinja_dict_get(one, "v"), own, listed;
    bool is_latest = false;
    if (value_is_null(v)) return schema_wrong(x->f, y, e, "a version of model '%s' has no v", x->name);
    TRY(jinja_equal(d->env, v, latest, &is_latest, e));
    const char *suffix = version_text(d, v), *defined = value_get_text(one, "defined_in", NULL);
    struct node *n =
        find_loose(d, x->f->package, defined ? defined : arena_printf(&d->arena, "%s_v%s", x->name, suffix));
    if (!n && !defined) n = find_loose(d, x->f->package, arena_printf(&d->arena, "%s.v%s", x->name, suffix));
    if (!n && is_latest) n = find_loose(d, x->f->package, x->name);
    if (!n) {
        TRY(say_warning(d, "NoNodeForYamlKey", "I057", e,
                        "Did not find matching node for patch with name '%s_v%s' in the 'models' section of file '%s'",
                        x->name, suffix, x->f->shown));
        goto done;
    }
    n->name = n->alias = x->name;
    n->unique_id = arena_printf(&d->arena, "model.%s.%s.v%s", n->package->name, x->name, suffix);
    n->fqn.at[n->fqn.count - 1] = x->name;
    texts_add(&n->fqn, arena_printf(&d->arena, "v%s", suffix));
    TRY(apply_entry(d, x, n, e));
    n->version = v;
    n->latest_version = latest;
    listed = jinja_dict_get(one, "columns");
    TRY(context_yaml(d->parse, yaml_get(y, "columns"), x->f->shown, NULL, NULL, &listed, e));
    TRY(schema_columns(d, x->f, yaml_get(y, "columns"), listed, n, &own, e));
    version_columns(d, n, n->columns, listed, own);
    if (yaml_get(y, "description")) TRY(schema_description(d, x->f, yaml_get(y, "description"), n, &n->description, e));
    if (!value_is_null(jinja_dict_get(one, "constraints"))) n->constraints = jinja_dict_get(one, "constraints");
    config_merge_call(d->env, n->patch_config, schema_config(d, one));
    if (!value_is_null(jinja_dict_get(one, "deprecation_date")))
        n->deprecation_date = jinja_dict_get(one, "deprecation_date");
    struct jinja_value key, item, columns = jinja_list(d->env);
    for (size_t at = 0; jinja_dict_next(n->columns, &at, &key, &item);) jinja_list_add(d->env, columns, item);
    /* tests: the version's own if it has any, else the model's; columns' tests where the column is in the version */
    struct schema_entry alias = *x;
    const struct yaml *tests = yaml_get(y, "data_tests") ? yaml_get(y, "data_tests") : yaml_get(y, "tests");
    const struct yaml *base = yaml_get(x->raw, "columns");
    struct yaml *filtered = arena_zalloc(&d->arena, sizeof *filtered);
    struct jinja_value kept = jinja_list(d->env), base_values = jinja_dict_get(x->value, "columns"),
                       entry = jinja_dict(d->env);
    filtered->kind = YAML_SEQ;
    filtered->item = arena_zalloc(
        &d->arena, ((base ? base->count : 0) + (yaml_get(y, "columns") ? yaml_get(y, "columns")->count : 0) + 1) *
                       sizeof *filtered->item);
    for (size_t i = 0; base && i < base->count && i < jinja_seq_count(base_values); i++) {
        const char *name = value_get_text(jinja_seq_items(base_values)[i], "name", "");
        if (jinja_is_absent(jinja_dict_get(n->columns, name)) || !jinja_is_absent(jinja_dict_get(own, name))) continue;
        filtered->item[filtered->count++] = base->item[i];
        jinja_list_add(d->env, kept, jinja_seq_items(base_values)[i]);
    }
    for (size_t i = 0; yaml_get(y, "columns") && i < yaml_get(y, "columns")->count; i++) {
        if (yaml_get(yaml_get(y, "columns")->item[i], "include")) continue;
        filtered->item[filtered->count++] = yaml_get(y, "columns")->item[i];
        jinja_list_add(d->env, kept, jinja_seq_items(listed)[i]);
    }
    struct yaml *shape = arena_zalloc(&d->arena, sizeof *shape);
    struct yaml *key_columns = arena_zalloc(&d->arena, sizeof *key_columns),
                *key_tests = arena_zalloc(&d->arena, sizeof *key_tests);
    *key_columns = (struct yaml){.kind = YAML_STR, .text = view_of("columns")};
    *key_tests = (struct yaml){.kind = YAML_STR, .text = view_of("data_tests")};
    shape->kind = YAML_MAP;
    shape->pair = arena_zalloc(&d->arena, 2 * sizeof *shape->pair);
    shape->pair[shape->count++] = (struct yaml_pair){key_columns, filtered};
    if (!tests) tests = yaml_get(x->raw, "data_tests") ? yaml_get(x->raw, "data_tests") : yaml_get(x->raw, "tests");
    if (tests) shape->pair[shape->count++] = (struct yaml_pair){key_tests, tests};
    jinja_dict_set(d->env, entry, "columns", kept);
    (void)columns;
    TRY(schema_note_tests(d, &alias, shape, entry, n, v, (struct jinja_value){0}, e));
done:
    return rc;
}

static enum err apply_versions(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value versions = jinja_dict_get(x->value, "versions"),
                       latest = jinja_dict_get(x->value, "latest_version");
    const struct yaml *list = yaml_get(x->raw, "versions");
    x->used = true;
    if (value_is_null(latest)) TRY(latest_of(d, versions, &latest, e));
    for (size_t i = 0; i < jinja_seq_count(versions) && i < list->count; i++)
        TRY(apply_version(d, x, list->item[i], jinja_seq_items(versions)[i], latest, e));
done:
    return rc;
}

/* ---- all of them ---- */

static void append_tags(struct dbt *d, struct node *n)
{
    struct jinja_value tags = jinja_dict_get(n->config, "tags");
    for (size_t i = 0; i < jinja_seq_count(tags); i++)
        if (!value_list_has(n->tags, value_text(jinja_seq_items(tags)[i], "")))
            jinja_list_add(d->env, n->tags, jinja_seq_items(tags)[i]);
}

/* Hooks are rendered once while parsing: their refs are parents. */
static enum err parse_hooks(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    for (int i = 0; i < 2; i++) {
        struct jinja_value list = jinja_dict_get(n->config, i ? "post-hook" : "pre-hook");
        for (size_t k = 0; k < jinja_seq_count(list); k++) {
            struct view sql = jinja_string_view(jinja_dict_get(jinja_seq_items(list)[k], "sql"));
            if (!sql.ptr || !jinja_is_template(sql.ptr, sql.len)) continue;
            buf_clear(&b);
            context_move(d->parse, PHASE_PARSE, n->package, n);
            jinja_env_capture(d->env, true);
            rc = context_render(d->parse, sql, n->original_path, 1, &b, e);
            jinja_env_capture(d->env, false);
            if (rc != ERR_OK) {
                err_context(e, "in a hook of %s: ", n->unique_id);
                goto done;
            }
        }
    }
done:
    buf_reset(&b);
    return rc;
}

/* dbt: primary key columns by constraint, or by a unique and a not_null test. */
static enum err finish_node(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(config_build(d, n, e));
    append_tags(d, n);
    n->meta = or_default(jinja_dict_get(n->config, "meta"), n->meta);
    n->docs = jinja_dict_get(n->config, "docs");
    n->group = value_get_text(n->config, "group", NULL);
    n->access = value_get_text(n->config, "access", "protected");
    if (n->kind == NODE_MODEL && strcmp(n->access, "private") && strcmp(n->access, "protected") &&
        strcmp(n->access, "public")) {
        rc = err_set(e, ERR_INPUT, "%s has an invalid value (%s) for the access field (private, protected, public)",
                     n->unique_id, n->access);
        err_where(e, "%s", n->original_path);
        goto done;
    }
    TRY(node_name_relation(d, n, e));
    if (n->enabled && node_is_microbatch(n)) TRY(node_check_microbatch(d, n, e));
    TRY(parse_hooks(d, n, e));
done:
    return rc;
}

static enum err duplicate(struct dbt *d, const struct node *a, const struct node *b, struct error *e)
{
    (void)d;
    err_set(e, ERR_INPUT, "two resources with the name \"%s\": %s (%s) and %s (%s)", a->name, a->unique_id,
            a->original_path, b->unique_id, b->original_path);
    err_where(e, "%s", b->original_path);
    return err_hint(e, "ref('%s') would be ambiguous: rename one of them", a->name);
}

static enum err add_finished(struct dbt *d, struct node *n, struct error *e)
{
    struct node *old = names_get(&d->by_id, n->unique_id);
    if (n->enabled && old) return duplicate(d, old, n, e);
    dbt_add_node(d, n);
    if (!n->enabled || !node_is_refable(n)) return ERR_OK;
    const char *version = value_is_null(n->version) ? "" : arena_printf(&d->arena, ".v%s", version_text(d, n->version));
    const char *full = arena_printf(&d->arena, "%s.%s%s", n->package->name, n->name, version),
               *bare = arena_printf(&d->arena, "%s%s", n->name, version);
    old = names_get(&d->models_by_name, full);
    if (old) return duplicate(d, old, n, e);
    names_put(&d->models_by_name, view_of(full), n);
    old = names_get(&d->models_by_name, bare);
    if (!old || n->package->is_root) names_put(&d->models_by_name, view_of(bare), n);
    bool latest = false;
    if (*version && jinja_equal(d->env, n->version, n->latest_version, &latest, NULL) == ERR_OK && latest) {
        names_put(&d->models_by_name, view_of(arena_printf(&d->arena, "%s.%s", n->package->name, n->name)), n);
        names_put(&d->models_by_name, view_of(n->name), n);
    }
    return ERR_OK;
}

static enum err note_all_tests(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < d->entry_count; i++) {
        struct schema_entry *x = d->entries[i];
        if (!strcmp(x->key, "analyses") || !strcmp(x->key, "data_tests") ||
            jinja_seq_count(jinja_dict_get(x->value, "versions")))
            continue;
        struct node *target = NULL;
        for (size_t k = 0; k < d->loose_count && !target; k++)
            if (!strcmp(plural(d->loose[k]->kind), x->key) && d->loose[k]->package == x->f->package &&
                !strcmp(d->loose[k]->name, x->name))
                target = d->loose[k];
        TRY(schema_note_tests(d, x, x->raw, x->value, target, (struct jinja_value){0}, (struct jinja_value){0}, e));
    }
done:
    return rc;
}

static enum err warn_unused(struct dbt *d, struct error *e)
{
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct schema_entry *x = d->entries[i];
        if (x->used) continue;
        enum err rc =
            say_warning(d, "NoNodeForYamlKey", "I057", e,
                        "Did not find matching node for patch with name '%s' in the '%s' section of file '%s'", x->name,
                        x->key, x->f->shown);
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}

enum err dbt_nodes_finish(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < d->entry_count; i++)
        if (!strcmp(d->entries[i]->key, "models") && jinja_seq_count(jinja_dict_get(d->entries[i]->value, "versions")))
            TRY(apply_versions(d, d->entries[i], e));
    for (size_t i = 0; i < d->loose_count; i++) {
        struct node *n = d->loose[i];
        if (!value_is_null(n->version)) continue;
        struct schema_entry *x =
            names_get(&d->patches, arena_printf(&d->arena, "%s.%s.%s", plural(n->kind), n->package->name, n->name));
        if (x) TRY(apply_entry(d, x, n, e));
    }
    for (size_t i = 0; i < d->loose_count; i++) {
        TRY(finish_node(d, d->loose[i], e));
        TRY(add_finished(d, d->loose[i], e));
    }
    TRY(note_all_tests(d, e));
    TRY(warn_unused(d, e));
    TRY(tests_make(d, e));
done:
    return rc;
}
