/* Calls: sorting arguments, functions, methods, filters and tests by name, return(). */
#include "model/jinja/internal.h"

/* ---- arguments --------------------------------------------------------------------------------------------------- */

enum { ARGS_MOST = 16 };
struct parameter {
    struct view name;
    bool optional, rest, more, positional_only;
};

static size_t read_signature(const char *s, struct parameter p[ARGS_MOST])
{
    size_t n = 0;
    while (*s && n < ARGS_MOST) {
        size_t len = strcspn(s, " ");
        if (len == 1 && *s == '/') {
            for (size_t i = 0; i < n; i++) p[i].positional_only = true;
        } else if (len) {
            struct parameter x = {.name = view_from(s, len)};
            if (*s == '*') {
                x.more = s[1] == '*';
                x.rest = !x.more;
                x.name = view_from(s + 1 + x.more, len - 1 - x.more);
            } else if (s[len - 1] == '?') {
                x.optional = true;
                x.name.len--;
            }
            p[n++] = x;
        }
        s += len + (s[len] == ' ');
    }
    return n;
}

static enum err too_many(const struct jinja_call *c, const struct parameter *p, size_t n, struct error *e)
{
    size_t most = 0, least = 0;
    for (size_t i = 0; i < n && !p[i].rest && !p[i].more; i++) most++, least += !p[i].optional;
    const char *were = c->count == 1 ? "was" : "were";
    if (least == most) return FAIL(e, "%s() takes %zu positional argument%s but %zu %s given", c->name, most, most == 1 ? "" : "s", c->count, were);
    return FAIL(e, "%s() takes from %zu to %zu positional arguments but %zu %s given", c->name, least, most, c->count, were);
}

static enum err missing_arguments(const struct jinja_call *c, const struct parameter *p, size_t n, const struct jinja_value *slots, struct error *e)
{
    struct buf b = {0};
    size_t lacking = 0, seen = 0;
    for (size_t i = 0; i < n; i++) lacking += slots[i].type == JINJA_ABSENT && !p[i].optional && !p[i].rest && !p[i].more;
    if (!lacking) return ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (slots[i].type != JINJA_ABSENT || p[i].optional || p[i].rest || p[i].more) continue;
        seen++;
        buf_printf(&b, "%s'%.*s'", seen == 1 ? "" : seen < lacking ? ", " : lacking == 2 ? " and " : ", and ", (int)p[i].name.len, p[i].name.ptr);
    }
    enum err rc = FAIL(e, "%s() missing %zu required positional argument%s: %s", c->name, lacking, lacking == 1 ? "" : "s", b.ptr);
    buf_reset(&b);
    return rc;
}

static enum err sort_named(const struct jinja_call *c, const struct parameter *p, size_t n, size_t more, struct jinja_value *slots, struct error *e)
{
    for (size_t k = 0; k < c->named_count; k++) {
        struct view name = c->named[k].name;
        size_t i = 0;
        while (i < n && (p[i].rest || p[i].more || p[i].positional_only || !view_eq(p[i].name, name))) i++;
        if (i < n && slots[i].type != JINJA_ABSENT) return FAIL(e, "%s() got multiple values for argument '%.*s'", c->name, (int)name.len, name.ptr);
        if (i < n) slots[i] = c->named[k].value;
        else if (more < n) {
            enum err rc = map_put(c->env, slots[more].as.map, jinja_view(c->env, name), c->named[k].value, e);
            if (rc) return rc;
        } else {
            return FAIL(e, "%s() got an unexpected keyword argument '%.*s'", c->name, (int)name.len, name.ptr);
        }
    }
    return ERR_OK;
}

enum err jinja_args(const struct jinja_call *c, const char *signature, struct jinja_value *slots, struct error *e)
{
    struct parameter p[ARGS_MOST];
    size_t n = read_signature(signature, p), taken = 0, rest = n, more = n;
    for (size_t i = 0; i < n; i++) {
        slots[i] = (struct jinja_value){0};
        if (p[i].rest) rest = i, slots[i] = jinja_tuple(c->env, NULL, 0);
        else if (p[i].more) more = i, slots[i] = jinja_dict(c->env);
        else if (rest == n && taken < c->count) slots[i] = c->args[taken++];
    }
    if (taken < c->count) {
        if (rest == n) return too_many(c, p, n, e);
        slots[rest] = jinja_tuple(c->env, c->args + taken, c->count - taken);
    }
    enum err rc = c->named_count ? sort_named(c, p, n, more, slots, e) : ERR_OK;
    return rc ? rc : missing_arguments(c, p, n, slots, e);
}

struct jinja_value jinja_arg_named(const struct jinja_call *c, const char *name)
{
    for (size_t i = 0; i < c->named_count; i++)
        if (view_is(c->named[i].name, name)) return c->named[i].value;
    return (struct jinja_value){0};
}

/* ---- calling --------------------------------------------------------------------------------------------------------- */

static enum err call_function(struct jinja_env *env, const struct jinja_function *f, struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    c->ctx = f->ctx;
    c->name = f->name;
    c->self = f->self;
    *out = (struct jinja_value){0};
    enum err rc = f->fn(c, out, e);
    if (!rc) env->failed = false;
    if (out->type == JINJA_ABSENT) *out = jinja_none();
    return rc;
}

static enum err call_object(struct jinja_env *env, struct jinja_value f, struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    const struct jinja_class *cls = f.as.object->cls;
    if (!cls->call) return FAIL(e, "'%s' object is not callable", cls->name);
    c->self = f;
    c->ctx = NULL;
    c->name = cls->name;
    *out = (struct jinja_value){0};
    enum err rc = cls->call(c, out, e);
    if (!rc) env->failed = false;
    if (out->type == JINJA_ABSENT) *out = jinja_none();
    return rc;
}

enum err call_value(struct jinja_env *env, struct jinja_value f, struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = env_deeper(env, e);
    if (rc) return rc;
    c->env = env;
    switch (f.type) {
    case JINJA_FUNCTION: return call_function(env, f.as.function, c, out, e);
    case JINJA_MACRO: return macro_invoke(env, f.as.macro, c, out, e);
    case JINJA_OBJECT: return call_object(env, f, c, out, e);
    case JINJA_UNDEFINED:
        if (env->capture) return *out = f, ERR_OK;
        return fail_undefined(env, f, e);
    default: return FAIL(e, "'%s' object is not callable", jinja_type_name(f));
    }
}

enum err call_method(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = env_deeper(env, e);
    if (rc) return rc;
    const struct method *m = method_find(v, SV(name));
    c->env = env;
    if (m) {
        struct jinja_function f = {.name = m->name, .fn = m->fn, .self = v};
        return call_function(env, &f, c, out, e);
    }
    if (v.type == JINJA_OBJECT && v.as.object->cls->method) {
        c->self = v;
        c->name = SV(name).ptr;
        *out = (struct jinja_value){0};
        if ((rc = v.as.object->cls->method(c, out, e))) return rc;
        env->failed = false;
        if (out->type != JINJA_ABSENT) return ERR_OK;
    }
    struct jinja_value f;
    if ((rc = access_attr(env, v, name, &f, e))) return rc;
    return call_value(env, f, c, out, e);
}

/* Entry from outside: limits and error places as for a render. */
static enum err finish_call(struct jinja_env *env, enum err rc, struct error *e)
{
    if (rc && env->unwinding && env->depth == 1) {
        env->unwinding = false;
        rc = FAIL(e, "return() was called outside of a macro");
    }
    env_leave(env);
    return rc;
}

enum err jinja_invoke(struct jinja_env *env, struct jinja_value callable, const struct jinja_value *args, size_t count,
                      const struct jinja_named *named, size_t named_count, struct jinja_value *out, struct error *e)
{
    struct error own;
    struct jinja_call c = {.env = env, .args = args, .count = count, .named = named, .named_count = named_count};
    if (!e) e = &own;
    env_enter(env);
    return finish_call(env, call_value(env, callable, &c, out, e), e);
}

enum err jinja_invoke_method(struct jinja_env *env, struct jinja_value v, const char *name, const struct jinja_value *args, size_t count,
                             const struct jinja_named *named, size_t named_count, struct jinja_value *out, struct error *e)
{
    struct error own;
    struct jinja_call c = {.env = env, .args = args, .count = count, .named = named, .named_count = named_count};
    if (!e) e = &own;
    env_enter(env);
    return finish_call(env, call_method(env, v, jinja_text(env, name), &c, out, e), e);
}

/* ---- filters and tests by name ----------------------------------------------------------------------------------------- */

static enum err named_call(struct jinja_env *env, struct jinja_value table, const char *kind, struct jinja_value name, struct jinja_value value,
                           const struct jinja_call *more, size_t skip, struct jinja_value *out, struct error *e)
{
    struct jinja_value f = jinja_is_string(name) ? jinja_dict_get_view(table, SV(name)) : (struct jinja_value){0};
    if (f.type == JINJA_ABSENT) {
        struct buf b = {0};
        enum err rc = jinja_repr(env, name, &b, e);
        if (!rc) rc = FAIL(e, "No %s named %s.", kind, b.ptr);
        buf_reset(&b);
        if (!jinja_is_string(name)) return rc;
        env->unknown = SV(name).ptr;
        env->unknown_owner = table;
        return rc;
    }
    struct jinja_value few[8], *args = few;
    size_t count = 1 + more->count - skip;
    if (count > 8) args = env_alloc(env, count * sizeof *args);
    args[0] = value;
    if (count > 1) memcpy(args + 1, more->args + skip, (count - 1) * sizeof *args);
    struct jinja_call c = {.env = env, .args = args, .count = count, .named = more->named, .named_count = more->named_count};
    return call_value(env, f, &c, out, e);
}

enum err call_filter(struct jinja_env *env, struct jinja_value name, struct jinja_value value, const struct jinja_call *more, size_t skip, struct jinja_value *out, struct error *e)
{
    return named_call(env, env->filters, "filter", name, value, more, skip, out, e);
}

enum err call_test(struct jinja_env *env, struct jinja_value name, struct jinja_value value, const struct jinja_call *more, size_t skip, bool *out, struct error *e)
{
    struct jinja_value v;
    enum err rc = named_call(env, env->tests, "test", name, value, more, skip, &v, e);
    return rc ? rc : jinja_truth(env, v, out, e);
}

/* ---- return() -------------------------------------------------------------------------------------------------------------- */

enum err jinja_unwind(struct jinja_env *env, struct jinja_value v, struct error *e)
{
    env->unwinding = true;
    env->unwound = v;
    return err_set(e, ERR_STOPPED, "return() was called outside of a macro");
}

enum err jinja_fn_return(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    (void)out;
    struct jinja_value v;
    enum err rc = jinja_args(c, "data", &v, e);
    return rc ? rc : jinja_unwind(c->env, v, e);
}
