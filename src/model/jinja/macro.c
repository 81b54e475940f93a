/* Macros: making, binding arguments as jinja2.runtime.Macro does, running, return(). */
#include "model/jinja/internal.h"

struct jinja_value macro_new(struct run *r, const struct node_macro *def, uint32_t at)
{
    struct jinja_macro *m = env_alloc(r->env, sizeof *m);
    *m = (struct jinja_macro){def, r->tpl, def->name ? def->name->name.ptr : NULL, r->scope, r->context, at};
    scope_keep(r->scope);
    return (struct jinja_value){.type = JINJA_MACRO, .as.macro = m};
}

struct jinja_value jinja_template_bind(struct jinja_env *env, const struct jinja_template *t, size_t i, const struct jinja_context *c)
{
    struct jinja_macro *m = env_alloc(env, sizeof *m);
    const struct node *n = t->macro_node[i];
    *m = (struct jinja_macro){n->macro, t, n->macro->name->name.ptr, NULL, NULL, n->at};
    if (c) m->context = memcpy(env_alloc(env, sizeof *c), c, sizeof *c);
    return (struct jinja_value){.type = JINJA_MACRO, .as.macro = m};
}

static const char *shown_name(const struct jinja_macro *m) { return m->name ? m->name : "caller"; }

/* What was given by name and is no argument: caller, then into kwargs, or an error. */
static enum err bind_rest(struct run *r, const struct jinja_macro *m, const struct jinja_call *c, const bool *used, bool explicit_caller)
{
    const struct node_macro *d = m->def;
    struct jinja_value caller = {0}, kwargs = {0};
    enum err rc = ERR_OK;
    if (d->uses_kwargs) kwargs = jinja_dict(r->env);
    for (size_t i = 0; i < c->named_count && !rc; i++) {
        struct view name = c->named[i].name;
        if (used[i]) continue;
        if (d->uses_caller && !explicit_caller && view_is(name, "caller")) caller = c->named[i].value;
        else if (d->uses_kwargs) rc = map_put(r->env, kwargs.as.map, jinja_view(r->env, name), c->named[i].value, r->e);
        else if (view_is(name, "caller")) return FAIL(r->e, "macro '%s' was invoked with two values for the special caller argument. This is most likely a bug.", shown_name(m));
        else return FAIL(r->e, "macro '%s' takes no keyword argument '%.*s'", shown_name(m), (int)name.len, name.ptr);
    }
    if (d->uses_caller && !explicit_caller) {
        if (caller.type == JINJA_ABSENT || caller.type == JINJA_NONE) caller = undefined_hint(r->env, "No caller defined");
        scope_set(r->env, r->tpl, r->scope, r->tpl->caller, caller);
    }
    if (d->uses_kwargs) scope_set(r->env, r->tpl, r->scope, r->tpl->kwargs, kwargs);
    if (d->uses_varargs) {
        size_t n = d->arg_count < c->count ? d->arg_count : c->count;
        scope_set(r->env, r->tpl, r->scope, r->tpl->varargs, jinja_tuple(r->env, c->args + n, c->count - n));
    } else if (c->count > d->arg_count) {
        return FAIL(r->e, "macro '%s' takes not more than %zu argument(s)", shown_name(m), d->arg_count);
    }
    return rc;
}

static enum err bind(struct run *r, const struct jinja_macro *m, const struct jinja_call *c)
{
    const struct node_macro *d = m->def;
    bool few[16] = {0}, *used = few, explicit_caller = false;
    if (c->named_count > 16) used = memset(env_alloc(r->env, c->named_count), 0, c->named_count);
    for (size_t i = 0; i < d->arg_count; i++) {
        struct jinja_value v = {0};
        explicit_caller = explicit_caller || d->arg[i] == r->tpl->caller;
        if (i < c->count) v = c->args[i];
        for (size_t k = 0; i >= c->count && k < c->named_count; k++) {
            if (!view_eq(c->named[k].name, d->arg[i]->name)) continue;
            v = c->named[k].value;
            used[k] = true;
        }
        scope_set(r->env, r->tpl, r->scope, d->arg[i], v);
    }
    return bind_rest(r, m, c, used, explicit_caller);
}

static enum err fill_defaults(struct run *r, const struct node_macro *d)
{
    for (size_t i = 0; i < d->arg_count; i++) {
        struct variable *x = scope_find(r->scope, d->arg[i]);
        struct jinja_value v;
        if (x->value.type != JINJA_ABSENT) continue;
        if (d->arg_default[i]) {
            enum err rc = eval(r, d->arg_default[i], &v);
            if (rc) return rc;
        } else {
            struct buf b = {0};
            buf_printf(&b, "parameter '%s' was not provided", d->arg[i]->name.ptr);
            v = undefined_hint(r->env, b.ptr);
            buf_reset(&b);
        }
        scope_set(r->env, r->tpl, r->scope, d->arg[i], v);
    }
    return ERR_OK;
}

static enum err run_macro(struct run *r, const struct jinja_macro *m, const struct jinja_call *c, struct jinja_value *out)
{
    struct jinja_env *env = r->env;
    struct run *below = env->top;
    enum err rc = bind(r, m, c);
    if (rc) return rc;
    env->top = r;
    rc = fill_defaults(r, m->def);
    if (!rc) rc = exec_list(r, &m->def->body);
    env->top = below;
    if (rc && env->unwinding && m->def->name) {
        env->unwinding = false;
        *out = env->unwound;
        return ERR_OK;
    }
    if (!rc) *out = str_copy(env, r->out->ptr ? r->out->ptr : "", r->out->len);
    return rc;
}

enum err macro_invoke(struct jinja_env *env, const struct jinja_macro *m, const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = env_charge(env, 1, e);
    if (rc || (rc = env_deeper(env, e))) return rc;
    if (env->macro_depth >= env->limit.max_macro_depth) return FAIL(e, "macro '%s': more than %u macros are active (recursion without end?)", shown_name(m), env->limit.max_macro_depth);
    struct buf text = {0};
    struct run r = {.env = env, .tpl = m->tpl, .context = m->context, .scope = scope_hiding(env, m->tpl, m->scope, &m->def->hides), .out = &text, .e = e, .below = env->top, .macro = m};
    bool native = env->native;
    env->native = false;
    env->macro_depth++;
    rc = run_macro(&r, m, c, out);
    env->macro_depth--;
    env->native = native;
    buf_reset(&text);
    return rc;
}
