#include "model/objects.h"

#include <ctype.h>
#include <strings.h>

static const struct jinja_class COLUMN_CLASS, COLUMN_TYPE_CLASS;

struct column *column_of(struct jinja_value v) { return jinja_object_data(v, &COLUMN_CLASS); }

static struct jinja_value make(struct context *c, const char *name, const char *dtype, struct jinja_value size,
                               struct jinja_value precision, struct jinja_value scale)
{
    struct column *x = arena_alloc(c->arena, sizeof *x);
    *x = (struct column){c, arena_strdup(c->arena, name), arena_strdup(c->arena, dtype), size, precision, scale};
    return jinja_object(c->env, &COLUMN_CLASS, x);
}

struct jinja_value column_new(struct context *c, const char *name, const char *dtype)
{
    return make(c, name, dtype, jinja_none(), jinja_none(), jinja_none());
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (!strcasecmp(s, *words)) return true;
    return false;
}

static bool is_string(const struct column *x)
{
    return one_of(x->dtype, (const char *const[]){"text", "character varying", "character", "varchar", NULL});
}
static bool is_numeric(const struct column *x)
{
    return one_of(x->dtype, (const char *const[]){"numeric", "decimal", NULL});
}
static bool is_float(const struct column *x)
{
    return one_of(x->dtype, (const char *const[]){"real", "float", "float4", "float8", "double", NULL});
}
static bool is_integer(const struct column *x)
{
    return one_of(x->dtype, (const char *const[]){"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint",
                                                  "usmallint", "uinteger", "ubigint", "int1", "int2", "int4", "int8",
                                                  "short", "int", "signed", "long", NULL});
}

static int64_t string_size(const struct column *x)
{
    return !strcmp(x->dtype, "text") || x->size.type != JINJA_INT ? 256 : x->size.as.integer;
}

/* What the type is called in DDL: "character varying(256)", "DECIMAL(18,3)", or as it is. */
static struct jinja_value data_type(struct jinja_env *env, const struct column *x)
{
    if (is_string(x)) return jinja_printf(env, "character varying(%lld)", (long long)string_size(x));
    if (is_numeric(x) && x->precision.type == JINJA_INT && x->scale.type == JINJA_INT)
        return jinja_printf(env, "%s(%lld,%lld)", x->dtype, (long long)x->precision.as.integer,
                            (long long)x->scale.as.integer);
    return jinja_text(env, x->dtype);
}

static enum err column_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                            struct error *e)
{
    const struct column *x = column_of(self);
    (void)e;
    if (view_is(name, "name") || view_is(name, "column"))
        *out = jinja_text(env, x->name);
    else if (view_is(name, "dtype"))
        *out = jinja_text(env, x->dtype);
    else if (view_is(name, "quoted"))
        *out = jinja_printf(env, "\"%s\"", x->name);
    else if (view_is(name, "data_type") || view_is(name, "expanded_data_type"))
        *out = data_type(env, x);
    else if (view_is(name, "char_size"))
        *out = x->size;
    else if (view_is(name, "numeric_precision"))
        *out = x->precision;
    else if (view_is(name, "numeric_scale"))
        *out = x->scale;
    return ERR_OK;
}

static bool column_has(struct jinja_value self, struct view name)
{
    (void)self;
    static const char *const methods[] = {
        "is_string",    "is_number",      "is_float",      "is_integer", "is_numeric",
        "is_struct",    "string_size",    "can_expand_to", "literal",    "string_type",
        "numeric_type", "translate_type", "create",        "flatten",    NULL};
    for (const char *const *m = methods; *m; m++)
        if (view_is(name, *m)) return true;
    return false;
}

static const char *translate(const char *type) { return strcasecmp(type, "string") ? type : "TEXT"; }

/* The fields of STRUCT(a VARCHAR, b STRUCT(…)), as columns named a, b.c. */
static void flatten(struct context *c, const char *prefix, const char *dtype, struct jinja_value list)
{
    if (strncasecmp(dtype, "STRUCT(", 7) != 0) {
        jinja_list_add(c->env, list, column_new(c, prefix, dtype));
        return;
    }
    const char *p = dtype + 7, *start = p;
    for (int depth = 0; *p; p++) {
        if (*p == '(')
            depth++;
        else if (*p == ')' && depth)
            depth--;
        else if ((*p == ',' || *p == ')') && !depth) {
            while (isspace((unsigned char)*start)) start++;
            const char *space = memchr(start, ' ', (size_t)(p - start));
            if (space)
                flatten(c, arena_printf(c->arena, "%s.%.*s", prefix, (int)(space - start), start),
                        arena_strndup(c->arena, space + 1, (size_t)(p - space - 1)), list);
            start = p + 1;
        }
    }
}

static enum err numeric_type(const struct jinja_call *c, struct context *ctx, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[3];
    TRY(jinja_args(c, "dtype precision scale", slot, e));
    const char *dtype = value_str(ctx->arena, c->env, slot[0]);
    if (value_is_null(slot[1]) || value_is_null(slot[2]))
        *out = jinja_text(c->env, dtype);
    else
        *out = jinja_printf(c->env, "%s(%s,%s)", dtype, value_str(ctx->arena, c->env, slot[1]),
                            value_str(ctx->arena, c->env, slot[2]));
done:
    return rc;
}

/* What the class can do without an instance; false when it is none of these. */
static bool class_method(const struct jinja_call *c, struct context *ctx, struct jinja_value *out, enum err *rc,
                         struct error *e)
{
    struct view name = view_of(c->name);
    const char *first = c->count ? value_str(ctx->arena, c->env, c->args[0]) : "";
    *rc = ERR_OK;
    if (view_is(name, "translate_type"))
        *out = jinja_text(c->env, translate(first));
    else if (view_is(name, "string_type"))
        *out = jinja_printf(c->env, "character varying(%s)", first);
    else if (view_is(name, "numeric_type"))
        *rc = numeric_type(c, ctx, out, e);
    else if (view_is(name, "create")) {
        struct jinja_value slot[2];
        *rc = jinja_args(c, "name label_or_dtype", slot, e);
        if (*rc == ERR_OK)
            *out = column_new(ctx, value_str(ctx->arena, c->env, slot[0]),
                              translate(value_str(ctx->arena, c->env, slot[1])));
    } else
        return false;
    return true;
}

static enum err column_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    const struct column *x = column_of(c->self);
    struct view name = view_of(c->name);
    enum err rc = ERR_OK;
    if (class_method(c, x->c, out, &rc, e)) return rc;
    if (view_is(name, "is_string"))
        *out = jinja_bool(is_string(x));
    else if (view_is(name, "is_number"))
        *out = jinja_bool(is_integer(x) || is_numeric(x) || is_float(x));
    else if (view_is(name, "is_float"))
        *out = jinja_bool(is_float(x));
    else if (view_is(name, "is_integer"))
        *out = jinja_bool(is_integer(x));
    else if (view_is(name, "is_numeric"))
        *out = jinja_bool(is_numeric(x));
    else if (view_is(name, "is_struct"))
        *out = jinja_bool(!strncasecmp(x->dtype, "struct", 6));
    else if (view_is(name, "string_size")) {
        if (!is_string(x)) return err_set(e, ERR_INPUT, "called string_size() on non-string field!");
        *out = jinja_int(string_size(x));
    } else if (view_is(name, "can_expand_to")) {
        const struct column *other = column_of(c->count ? c->args[0] : jinja_arg_named(c, "other_column"));
        *out = jinja_bool(other && is_string(x) && is_string(other) && string_size(other) > string_size(x));
    } else if (view_is(name, "literal"))
        *out = jinja_printf(c->env, "%s::%s", c->count ? value_str(x->c->arena, c->env, c->args[0]) : "",
                            value_text(data_type(c->env, x), ""));
    else if (view_is(name, "flatten")) {
        *out = jinja_list(c->env);
        flatten(x->c, x->name, x->dtype, *out);
    }
    return ERR_OK;
}

static enum err column_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    const struct column *x = column_of(self);
    struct jinja_value t = data_type(x->c->env, x);
    buf_printf(out, "<Column %s (%s)>", x->name, value_text(t, ""));
    return ERR_OK;
}

static enum err column_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out,
                             struct error *e)
{
    (void)env, (void)e;
    const struct column *a = column_of(self), *b = column_of(other);
    *out = a && b && !strcmp(a->name, b->name) && !strcmp(a->dtype, b->dtype);
    return ERR_OK;
}

static uint64_t column_hash(struct jinja_value self)
{
    uint64_t h = 1469598103934665603u;
    for (const char *s = column_of(self)->name; *s; s++) h = (h ^ (uint8_t)*s) * 1099511628211u;
    return h;
}

static const struct jinja_class COLUMN_CLASS = {.name = "DuckDBColumn",
                                                .get_attr = column_attr,
                                                .has_method = column_has,
                                                .method = column_method,
                                                .to_repr = column_repr,
                                                .equal = column_equal,
                                                .hash = column_hash};

/* ---- api.Column ---- */

static bool type_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "translate_type") || view_is(name, "string_type") || view_is(name, "numeric_type") ||
           view_is(name, "create");
}

static enum err type_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    class_method(c, jinja_object_data(c->self, &COLUMN_TYPE_CLASS), out, &rc, e);
    return rc;
}

static enum err type_call(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = jinja_object_data(c->self, &COLUMN_TYPE_CLASS);
    struct jinja_value slot[5];
    TRY(jinja_args(c, "column dtype char_size? numeric_precision? numeric_scale?", slot, e));
    for (int i = 2; i < 5; i++)
        if (jinja_is_absent(slot[i])) slot[i] = jinja_none();
    *out = make(ctx, value_str(ctx->arena, c->env, slot[0]), value_str(ctx->arena, c->env, slot[1]), slot[2], slot[3],
                slot[4]);
done:
    return rc;
}

static const struct jinja_class COLUMN_TYPE_CLASS = {
    .name = "type", .flags = JINJA_CLASS_CALLABLE, .has_method = type_has, .method = type_method, .call = type_call};

struct jinja_value column_class(struct context *c) { return jinja_object(c->env, &COLUMN_TYPE_CLASS, c); }
