/* How templates find names: variables of the node's run first, then macros, then dbt's own names. */
#include "model/context.h"

#include "model/builtins.h"
#include "model/objects.h"
#include "model/print.h"

static const struct jinja_class SCOPE_CLASS, SPACE_CLASS;

struct scope { /* `context`, `builtins` */
    struct context *c;
    bool macros;
};
struct space { /* a package's macros */
    struct context *c;
    const struct package *p;
};

/* ---- macros ---- */

struct dispatcher {
    struct context *c;
    const char *name;
};

static enum err call_dispatcher(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    const struct dispatcher *x = call->ctx;
    struct buf tried = {0};
    struct macro *m = macro_dispatch(x->c->d, x->c->package, x->name, "dbt", &tried);
    enum err rc;
    if (m)
        rc = jinja_invoke(call->env, context_macro(x->c, m), call->args, call->count, call->named, call->named_count,
                          out, e);
    else
        rc = err_set(e, ERR_INPUT, "in dispatch: no macro named '%s' found within namespace: 'dbt'; searched for: %s",
                     x->name, tried.ptr ? tried.ptr : "");
    buf_reset(&tried);
    return rc;
}

struct jinja_value context_macro(struct context *c, struct macro *m)
{
    if (c->bound_count < c->d->macro_count) {
        c->bound = mem_realloc(c->bound, c->d->macro_count * sizeof *c->bound);
        memset(c->bound + c->bound_count, 0, (c->d->macro_count - c->bound_count) * sizeof *c->bound);
        c->bound_count = c->d->macro_count;
    }
    struct jinja_value *v = &c->bound[m->id];
    if (!jinja_is_absent(*v)) return *v;
    if (m->dispatches) {
        struct dispatcher *x = arena_alloc(c->arena, sizeof *x);
        *x = (struct dispatcher){c, m->dispatches};
        *v = jinja_function(c->env, m->name, call_dispatcher, x);
    } else
        *v = jinja_template_bind(c->env, m->tmpl, m->index, &c->jinja);
    return *v;
}

/* Unit tests may replace a macro by a value: then it is a function that gives it. */
static enum err give(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = *(const struct jinja_value *)call->ctx;
    return ERR_OK;
}

static bool overridden(struct context *c, const char *package, struct view name, struct jinja_value *out)
{
    struct jinja_value v = {0};
    if (jinja_is_absent(c->overrides)) return false;
    if (package) v = jinja_dict_get(c->overrides, arena_printf(c->arena, "%s.%.*s", package, (int)name.len, name.ptr));
    if (jinja_is_absent(v) && (!package || !strcmp(package, "dbt"))) v = jinja_dict_get_view(c->overrides, name);
    if (jinja_is_absent(v) && !package)
        v = jinja_dict_get(c->overrides, arena_printf(c->arena, "dbt.%.*s", (int)name.len, name.ptr));
    if (jinja_is_absent(v)) return false;
    struct jinja_value *kept = arena_alloc(c->arena, sizeof *kept);
    *kept = v;
    *out = jinja_function(c->env, "override", give, kept);
    return true;
}

enum err context_call(struct context *c, const char *name, const struct jinja_value *args, size_t count,
                      const struct jinja_named *named, size_t named_count, struct jinja_value *out, struct error *e)
{
    struct macro *m = macro_find(c->d, c->package, view_of(name));
    if (!m) return err_set(e, ERR_INPUT, "there is no macro named '%s'", name);
    return jinja_invoke(c->env, context_macro(c, m), args, count, named, named_count, out, e);
}

/* ---- names ---- */

enum err context_name(struct context *c, struct view name, bool macros, struct jinja_value *out, struct error *e)
{
    *out = jinja_dict_get_view(c->extra, name);
    if (!jinja_is_absent(*out)) return ERR_OK;
    if (macros && c->phase >= PHASE_PARSE && c->phase != PHASE_EXPOSURE) {
        struct macro *m = macro_find(c->d, c->package, name);
        if (m) {
            if (!overridden(c, NULL, name, out)) *out = context_macro(c, m);
            return ERR_OK;
        }
        const struct package *p = names_find(&c->d->package_by_name, name);
        if (!p && view_is(name, "dbt_duckdb")) p = c->d->builtin;
        if (p && (p->macros.count || p->builtin)) {
            struct space *s = arena_alloc(c->arena, sizeof *s);
            *s = (struct space){c, p};
            *out = jinja_object(c->env, &SPACE_CLASS, s);
            return ERR_OK;
        }
    }
    return builtin_value(c, name, out, e);
}

static enum err resolve(void *ctx, struct jinja_env *env, struct view name, struct jinja_value *out, struct error *e)
{
    (void)env;
    struct context *c = ctx;
    if (view_is(name, "context")) {
        struct scope *s = arena_alloc(c->arena, sizeof *s);
        *s = (struct scope){c, true};
        return *out = jinja_object(c->env, &SCOPE_CLASS, s), ERR_OK;
    }
    if (view_is(name, "builtins")) {
        struct scope *s = arena_alloc(c->arena, sizeof *s);
        *s = (struct scope){c, false};
        return *out = jinja_object(c->env, &SCOPE_CLASS, s), ERR_OK;
    }
    return context_name(c, name, true, out, e);
}

static void list_names(void *ctx, struct jinja_env *env, struct jinja_value list)
{
    struct context *c = ctx;
    builtin_names(c, list);
    if (c->phase < PHASE_PARSE) return;
    for (size_t i = 0; i < c->d->macro_count; i++)
        if (c->d->macros[i]->package == c->package || c->d->macros[i]->package == c->d->project ||
            c->d->macros[i]->package->builtin)
            jinja_list_add(env, list, jinja_text(env, c->d->macros[i]->name));
    for (size_t i = 0; i < c->d->package_count; i++)
        jinja_list_add(env, list, jinja_text(env, c->d->packages[i]->name));
}

/* ---- `context` and `builtins` ---- */

static enum err scope_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                           struct error *e)
{
    (void)env;
    const struct scope *s = jinja_object_data(self, &SCOPE_CLASS);
    return context_name(s->c, name, s->macros, out, e);
}

static enum err scope_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                           struct jinja_value *out, struct error *e)
{
    return jinja_is_string(key) ? scope_attr(env, self, jinja_string_view(key), out, e) : ERR_OK;
}

static enum err scope_contains(struct jinja_env *env, struct jinja_value self, struct jinja_value item, bool *out,
                               struct error *e)
{
    struct jinja_value v = {0};
    enum err rc = scope_item(env, self, item, &v, e);
    *out = !jinja_is_absent(v);
    return rc;
}

static bool scope_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "get");
}

static enum err scope_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    if (strcmp(call->name, "get") != 0) return ERR_OK;
    TRY(jinja_args(call, "key default?", slot, e));
    TRY(jinja_get_item(call->env, call->self, slot[0], out, e));
    if (out->type == JINJA_UNDEFINED || jinja_is_absent(*out)) *out = jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
done:
    return rc;
}

static const struct jinja_class SCOPE_CLASS = {.name = "dict",
                                               .flags = JINJA_CLASS_MAPPING,
                                               .get_attr = scope_attr,
                                               .get_item = scope_item,
                                               .contains = scope_contains,
                                               .has_method = scope_has,
                                               .method = scope_method};

/* ---- packages: dbt_utils.star ---- */

static enum err space_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                           struct error *e)
{
    (void)env, (void)e;
    const struct space *s = jinja_object_data(self, &SPACE_CLASS);
    struct macro *m = names_find(&s->p->macros, name);
    if (m && !overridden(s->c, s->p->name, name, out)) *out = context_macro(s->c, m);
    return ERR_OK;
}

static enum err space_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                           struct jinja_value *out, struct error *e)
{
    return jinja_is_string(key) ? space_attr(env, self, jinja_string_view(key), out, e) : ERR_OK;
}

static enum err space_contains(struct jinja_env *env, struct jinja_value self, struct jinja_value item, bool *out,
                               struct error *e)
{
    struct jinja_value v = {0};
    enum err rc = space_item(env, self, item, &v, e);
    *out = !jinja_is_absent(v);
    return rc;
}

static const struct jinja_class SPACE_CLASS = {.name = "dict",
                                               .flags = JINJA_CLASS_MAPPING,
                                               .get_attr = space_attr,
                                               .get_item = space_item,
                                               .contains = space_contains};

/* ---- life ---- */

void context_init(struct context *c, struct dbt *d, struct jinja_env *env, enum phase phase)
{
    *c = (struct context){.d = d, .env = env};
    arena_init(&c->own);
    c->arena = env == d->env ? &d->arena : &c->own;
    c->jinja = (struct jinja_context){.resolve = resolve, .names = list_names, .ctx = c};
    context_move(c, phase, d->project, NULL);
}

void context_move(struct context *c, enum phase phase, struct package *package, struct node *node)
{
    c->phase = phase;
    c->execute = phase >= PHASE_EXECUTE;
    c->package = package;
    c->node = node;
    memset(c->slot, 0, sizeof c->slot);
    c->results = c->extra = c->overrides = c->unit_vars = c->unit_env = c->config = c->model = c->batch =
        (struct jinja_value){0};
    c->cte_count = 0;
    c->batch_start = c->batch_end = c->batch_label = NULL;
    c->asked_database = c->volatile_used = false;
}

void context_reset(struct context *c)
{
    bool shared = c->env == c->d->env;
    for (size_t i = 0; i < c->kept_count; i++) {
        if (!shared) {
            jinja_template_free(&c->kept[i]);
            continue;
        }
        mem_grow(&c->d->templates, &c->d->template_cap, c->d->template_count + 1, sizeof(*c->d->templates));
        c->d->templates[c->d->template_count++] = c->kept[i];
    }
    mem_free(c->kept);
    mem_free(c->bound);
    mem_free(c->cte);
    arena_reset(&c->own);
    *c = (struct context){0};
}

void context_print(struct context *c, const char *text, size_t len)
{
    if (c->d->o->no_print) return;
    say_raw(c->d, text, len);
}
