#include "model/objects.h"

static const char *const PART_NAMES[PARTS] = {"database", "schema", "identifier"};
static const struct jinja_class RELATION_CLASS, RELATION_TYPE_CLASS;

const char *slot_text(struct jinja_value v) { return jinja_is_string(v) ? jinja_string_view(v).ptr : NULL; }

struct relation *relation_of(struct jinja_value v) { return jinja_object_data(v, &RELATION_CLASS); }

struct jinja_value relation_value(struct context *c, const struct relation *r)
{
    struct relation *own = arena_alloc(c->arena, sizeof *own);
    *own = *r;
    own->c = c;
    return jinja_object(c->env, &RELATION_CLASS, own);
}

static void project_quoting(struct context *c, struct relation *r, struct jinja_value quoting)
{
    (void)c;
    for (int i = 0; i < PARTS; i++) {
        struct jinja_value v = jinja_dict_get(quoting, PART_NAMES[i]);
        if (!value_is_null(v)) r->quote[i] = value_truth(v);
    }
}

static struct relation *bare(struct context *c, const char *database, const char *schema, const char *identifier,
                             enum relation_type type)
{
    struct relation *r = arena_zalloc(c->arena, sizeof *r);
    r->c = c;
    r->part[PART_DATABASE] = database;
    r->part[PART_SCHEMA] = schema;
    r->part[PART_IDENTIFIER] = identifier;
    r->type = type;
    for (int i = 0; i < PARTS; i++) r->quote[i] = r->include[i] = true;
    return r;
}

struct relation *relation_new(struct context *c, const char *database, const char *schema, const char *identifier,
                              enum relation_type type)
{
    struct relation *r = bare(c, database, schema, identifier, type);
    project_quoting(c, r, c->d->quoting);
    return r;
}

struct relation *relation_of_node(struct context *c, const struct node *n)
{
    struct relation *r;
    if (n->kind == NODE_SOURCE) {
        r = bare(c, n->database, n->schema, n->identifier, REL_NONE);
        r->external = n->external;
    } else if (node_is_ephemeral(n)) {
        r = bare(c, NULL, NULL, arena_printf(c->arena, "__dbt__cte__%s", n->alias), REL_CTE);
        r->quote[PART_IDENTIFIER] = false;
    } else
        r = relation_new(c, n->database, n->schema, n->alias, REL_NONE);
    if (!node_is_ephemeral(n))
        project_quoting(c, r, n->kind == NODE_SOURCE ? n->quoting : jinja_dict_get(n->config, "quoting"));
    return r;
}

static void render_plain(const struct relation *r, struct buf *out)
{
    size_t start = out->len;
    if (r->external) {
        buf_str(out, r->external);
        return;
    }
    for (int i = 0; i < PARTS; i++) {
        if (!r->include[i] || !r->part[i]) continue;
        if (out->len > start) buf_char(out, '.');
        if (r->quote[i])
            buf_printf(out, "\"%s\"", r->part[i]);
        else
            buf_str(out, r->part[i]);
    }
    if (r->view) buf_printf(out, "%s%s", out->len > start ? "." : "", r->view);
}

void relation_render(const struct relation *r, struct buf *out)
{
    if (r->filter) buf_str(out, "(select * from ");
    if (r->limited) buf_str(out, "(select * from ");
    render_plain(r, out);
    if (r->limited) buf_str(out, " where false limit 0)");
    if (r->filter) buf_printf(out, " where %s)", r->filter);
}

const char *relation_text(struct context *c, const struct relation *r)
{
    struct buf b = {0};
    relation_render(r, &b);
    const char *s = arena_strndup(c->arena, b.ptr ? b.ptr : "", b.len);
    buf_reset(&b);
    return s;
}

/* ---- attributes ---- */

static struct jinja_value policy(struct context *c, const bool *on)
{
    struct jinja_value d = jinja_dict(c->env);
    for (int i = 0; i < PARTS; i++) jinja_dict_set(c->env, d, PART_NAMES[i], jinja_bool(on[i]));
    return d;
}

static struct jinja_value path_value(const struct relation *r)
{
    struct jinja_value d = jinja_dict(r->c->env);
    for (int i = 0; i < PARTS; i++)
        jinja_dict_set(r->c->env, d, PART_NAMES[i], value_text_or_none(r->c->env, r->part[i]));
    return d;
}

/* Constants of the class: Table = 'table' and so on. */
static bool type_constant(struct jinja_env *env, struct view name, struct jinja_value *out)
{
    static const struct {
        const char *name, *value;
    } constants[] = {{"Table", "table"},
                     {"View", "view"},
                     {"CTE", "cte"},
                     {"External", "external"},
                     {"MaterializedView", "materialized_view"},
                     {"Function", "function"},
                     {"PointerTable", "pointer_table"},
                     {NULL, NULL}};
    for (size_t i = 0; constants[i].name; i++)
        if (view_is(name, constants[i].name)) return *out = jinja_text(env, constants[i].value), true;
    return false;
}

static enum err relation_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                              struct error *e)
{
    const struct relation *r = relation_of(self);
    (void)e;
    if (view_is(name, "database") || view_is(name, "project"))
        *out = value_text_or_none(env, r->part[PART_DATABASE]);
    else if (view_is(name, "schema") || view_is(name, "dataset"))
        *out = value_text_or_none(env, r->part[PART_SCHEMA]);
    else if (view_is(name, "identifier") || view_is(name, "name") || view_is(name, "table"))
        *out = value_text_or_none(env, r->part[PART_IDENTIFIER]);
    else if (view_is(name, "type"))
        *out = r->type == REL_NONE ? jinja_none() : jinja_text(env, RELATION_TYPE_NAMES[r->type]);
    else if (view_is(name, "is_table"))
        *out = jinja_bool(r->type == REL_TABLE);
    else if (view_is(name, "is_view"))
        *out = jinja_bool(r->type == REL_VIEW);
    else if (view_is(name, "is_cte"))
        *out = jinja_bool(r->type == REL_CTE);
    else if (view_is(name, "is_materialized_view"))
        *out = jinja_bool(r->type == REL_MATERIALIZED_VIEW);
    else if (view_is(name, "is_function"))
        *out = jinja_bool(r->type == REL_FUNCTION);
    else if (view_is(name, "is_pointer") || view_is(name, "can_be_renamed") || view_is(name, "can_be_replaced") ||
             view_is(name, "require_alias") || view_is(name, "dbt_created"))
        *out = jinja_bool(false);
    else if (view_is(name, "quote_policy"))
        *out = policy(r->c, r->quote);
    else if (view_is(name, "include_policy"))
        *out = policy(r->c, r->include);
    else if (view_is(name, "quote_character"))
        *out = jinja_text(env, "\"");
    else if (view_is(name, "path"))
        *out = path_value(r);
    else if (view_is(name, "limit"))
        *out = r->limited ? jinja_int(0) : jinja_none();
    else if (view_is(name, "external"))
        *out = value_text_or_none(env, r->external);
    else if (view_is(name, "catalog") || view_is(name, "event_time_filter"))
        *out = jinja_none();
    else if (view_is(name, "information_schema_view"))
        *out = value_text_or_none(env, r->view);
    else
        type_constant(env, name, out);
    return ERR_OK;
}

static bool relation_has(struct jinja_value self, struct view name)
{
    (void)self;
    static const char *const methods[] = {"render",
                                          "include",
                                          "quote",
                                          "quoted",
                                          "without_identifier",
                                          "incorporate",
                                          "replace_path",
                                          "matches",
                                          "information_schema",
                                          "information_schema_only",
                                          "create",
                                          "get",
                                          "render_limited",
                                          "add_ephemeral_prefix",
                                          "scd_args",
                                          "to_dict",
                                          "replace",
                                          NULL};
    for (const char *const *m = methods; *m; m++)
        if (view_is(name, *m)) return true;
    return false;
}

/* ---- methods ---- */

static void set_parts(struct relation *r, struct jinja_value dict)
{
    for (int i = 0; i < PARTS; i++) {
        struct jinja_value v = jinja_dict_get(dict, PART_NAMES[i]);
        if (!jinja_is_absent(v)) r->part[i] = slot_text(v);
    }
}

/* incorporate(path={…}, type=…), replace_path(identifier=…), replace(type=…) */
static enum err changed(const struct jinja_call *c, const struct relation *r, struct jinja_value *out)
{
    struct relation copy = *r;
    for (size_t i = 0; i < c->named_count; i++) {
        struct view name = c->named[i].name;
        struct jinja_value v = c->named[i].value;
        if (view_is(name, "path"))
            set_parts(&copy, v);
        else if (view_is(name, "type"))
            copy.type = relation_type_of(slot_text(v));
        else if (view_is(name, "quote_policy"))
            project_quoting(r->c, &copy, v);
        else if (view_is(name, "include_policy"))
            for (int k = 0; k < PARTS; k++) {
                struct jinja_value on = jinja_dict_get(v, PART_NAMES[k]);
                if (!value_is_null(on)) copy.include[k] = value_truth(on);
            }
        for (int k = 0; k < PARTS; k++)
            if (view_is(name, PART_NAMES[k])) copy.part[k] = slot_text(v);
    }
    if (copy.external && copy.part[PART_IDENTIFIER] != r->part[PART_IDENTIFIER]) copy.external = NULL;
    *out = relation_value(r->c, &copy);
    return ERR_OK;
}

/* include(database=false, …), quote(identifier=false, …) */
static enum err toggled(const struct jinja_call *c, const struct relation *r, bool quote, struct jinja_value *out,
                        struct error *e)
{
    enum err rc = ERR_OK;
    struct relation copy = *r;
    struct jinja_value slot[PARTS];
    TRY(jinja_args(c, "database? schema? identifier?", slot, e));
    for (int i = 0; i < PARTS; i++)
        if (!value_is_null(slot[i])) (quote ? copy.quote : copy.include)[i] = value_truth(slot[i]);
    *out = relation_value(r->c, &copy);
done:
    return rc;
}

/* Relation.create(database=, schema=, identifier=, type=, quote_policy=) */
static enum err create(const struct jinja_call *c, struct context *ctx, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[5];
    TRY(jinja_args(c, "database? schema? identifier? type? **more", slot, e));
    struct relation *r = relation_new(ctx, slot_text(slot[0]), slot_text(slot[1]), slot_text(slot[2]),
                                      relation_type_of(slot_text(slot[3])));
    struct jinja_value more = slot[4];
    project_quoting(ctx, r, jinja_dict_get(more, "quote_policy"));
    struct jinja_value include = jinja_dict_get(more, "include_policy");
    for (int i = 0; i < PARTS; i++) {
        struct jinja_value on = jinja_dict_get(include, PART_NAMES[i]);
        if (!value_is_null(on)) r->include[i] = value_truth(on);
    }
    *out = relation_value(ctx, r);
done:
    return rc;
}

/* The arguments of the hash that names a snapshot's row: the key or keys, then updated_at. */
static enum err scd_args(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    TRY(jinja_args(c, "primary_key updated_at", slot, e));
    *out = jinja_list(c->env);
    if (slot[0].type == JINJA_LIST || slot[0].type == JINJA_TUPLE)
        for (size_t i = 0; i < jinja_seq_count(slot[0]); i++) jinja_list_add(c->env, *out, jinja_seq_items(slot[0])[i]);
    else
        jinja_list_add(c->env, *out, slot[0]);
    jinja_list_add(c->env, *out, slot[1]);
done:
    return rc;
}

static bool same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static enum err matches(const struct jinja_call *c, const struct relation *r, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[PARTS];
    bool same = true;
    TRY(jinja_args(c, "database? schema? identifier?", slot, e));
    for (int i = 0; i < PARTS; i++)
        if (slot_text(slot[i])) same &= same_text(slot_text(slot[i]), r->part[i]);
    *out = jinja_bool(same);
done:
    return rc;
}

/* "database".INFORMATION_SCHEMA.view */
static struct jinja_value information_schema(const struct jinja_call *c, const struct relation *r)
{
    struct relation info = *r;
    info.external = NULL;
    info.part[PART_SCHEMA] = NULL;
    info.part[PART_IDENTIFIER] = "INFORMATION_SCHEMA";
    info.include[PART_DATABASE] = r->part[PART_DATABASE] != NULL;
    info.include[PART_SCHEMA] = false;
    info.include[PART_IDENTIFIER] = true;
    info.quote[PART_SCHEMA] = info.quote[PART_IDENTIFIER] = false;
    info.view = c->count ? slot_text(c->args[0]) : slot_text(jinja_arg_named(c, "view_name"));
    if (info.view) info.view = arena_strdup(r->c->arena, info.view);
    info.is_information_schema = true;
    return relation_value(r->c, &info);
}

static enum err get(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    TRY(jinja_args(c, "key default?", slot, e));
    const char *key = slot_text(slot[0]);
    if (key && !strcmp(key, "metadata")) {
        *out = jinja_dict(c->env);
        jinja_dict_set(c->env, *out, "type", jinja_text(c->env, "DuckDBRelation"));
        goto done;
    }
    if (key) TRY(relation_attr(c->env, c->self, view_of(key), out, e));
    if (jinja_is_absent(*out)) *out = jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
done:
    return rc;
}

static enum err relation_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    const struct relation *r = relation_of(c->self);
    struct view name = view_of(c->name);
    struct buf b = {0};
    if (view_is(name, "render") || view_is(name, "render_limited")) {
        if (view_is(name, "render"))
            render_plain(r, &b);
        else
            relation_render(r, &b);
        *out = jinja_string(c->env, b.ptr ? b.ptr : "", b.len);
        buf_reset(&b);
    } else if (view_is(name, "include"))
        return toggled(c, r, false, out, e);
    else if (view_is(name, "quote"))
        return toggled(c, r, true, out, e);
    else if (view_is(name, "quoted"))
        *out = jinja_printf(c->env, "\"%s\"", c->count ? value_str(r->c->arena, c->env, c->args[0]) : "");
    else if (view_is(name, "without_identifier")) {
        struct relation copy = *r;
        copy.include[PART_IDENTIFIER] = false;
        copy.part[PART_IDENTIFIER] = NULL;
        *out = relation_value(r->c, &copy);
    } else if (view_is(name, "incorporate") || view_is(name, "replace_path") || view_is(name, "replace"))
        return changed(c, r, out);
    else if (view_is(name, "matches"))
        return matches(c, r, out, e);
    else if (view_is(name, "information_schema") || view_is(name, "information_schema_only"))
        *out = information_schema(c, r);
    else if (view_is(name, "create"))
        return create(c, r->c, out, e);
    else if (view_is(name, "get"))
        return get(c, out, e);
    else if (view_is(name, "scd_args"))
        return scd_args(c, out, e);
    else if (view_is(name, "to_dict")) {
        *out = jinja_dict(c->env);
        jinja_dict_set(c->env, *out, "path", path_value(r));
        jinja_dict_set(c->env, *out, "type", r->type ? jinja_text(c->env, RELATION_TYPE_NAMES[r->type]) : jinja_none());
    } else if (view_is(name, "add_ephemeral_prefix"))
        *out = jinja_printf(c->env, "__dbt__cte__%s", c->count ? value_str(r->c->arena, c->env, c->args[0]) : "");
    return ERR_OK;
}

static enum err relation_str(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    relation_render(relation_of(self), out);
    return ERR_OK;
}

static enum err relation_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    buf_str(out, "<DuckDBRelation ");
    relation_render(relation_of(self), out);
    buf_char(out, '>');
    return ERR_OK;
}

static enum err relation_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out,
                               struct error *e)
{
    (void)env, (void)e;
    const struct relation *a = relation_of(self), *b = relation_of(other);
    *out = a && b && a->type == b->type;
    for (int i = 0; i < PARTS && *out; i++)
        *out = same_text(a->part[i], b->part[i]) && a->quote[i] == b->quote[i] && a->include[i] == b->include[i];
    if (*out) *out = same_text(a->view, b->view) && same_text(a->external, b->external);
    return ERR_OK;
}

static uint64_t relation_hash(struct jinja_value self)
{
    const struct relation *r = relation_of(self);
    uint64_t h = 1469598103934665603u;
    for (int i = 0; i < PARTS; i++)
        for (const char *s = r->part[i] ? r->part[i] : "\1"; *s; s++) h = (h ^ (uint8_t)*s) * 1099511628211u;
    return h;
}

static enum err relation_true(struct jinja_env *env, struct jinja_value self, bool *out, struct error *e)
{
    (void)env, (void)self, (void)e;
    *out = true;
    return ERR_OK;
}

static const struct jinja_class RELATION_CLASS = {.name = "DuckDBRelation",
                                                  .flags = JINJA_CLASS_MAPPING,
                                                  .get_attr = relation_attr,
                                                  .has_method = relation_has,
                                                  .method = relation_method,
                                                  .to_str = relation_str,
                                                  .to_repr = relation_repr,
                                                  .equal = relation_equal,
                                                  .hash = relation_hash,
                                                  .truth = relation_true};

/* ---- api.Relation ---- */

static enum err type_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                          struct error *e)
{
    (void)self, (void)e;
    type_constant(env, name, out);
    return ERR_OK;
}

static bool type_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "create") || view_is(name, "scd_args") || view_is(name, "add_ephemeral_prefix");
}

static enum err type_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct context *ctx = jinja_object_data(c->self, &RELATION_TYPE_CLASS);
    struct view name = view_of(c->name);
    if (view_is(name, "create")) return create(c, ctx, out, e);
    if (view_is(name, "scd_args")) return scd_args(c, out, e);
    if (view_is(name, "add_ephemeral_prefix"))
        *out = jinja_printf(c->env, "__dbt__cte__%s", c->count ? value_str(ctx->arena, c->env, c->args[0]) : "");
    return ERR_OK;
}

static enum err type_call(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    return create(c, jinja_object_data(c->self, &RELATION_TYPE_CLASS), out, e);
}

static const struct jinja_class RELATION_TYPE_CLASS = {.name = "RelationProxy",
                                                       .flags = JINJA_CLASS_CALLABLE,
                                                       .get_attr = type_attr,
                                                       .has_method = type_has,
                                                       .method = type_method,
                                                       .call = type_call};

struct jinja_value relation_class(struct context *c) { return jinja_object(c->env, &RELATION_TYPE_CLASS, c); }
