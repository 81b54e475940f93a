/* Names: scopes, and where a free name is looked for. */
#include "model/jinja/internal.h"

enum { SCOPE_FEW = 12 };

struct scope *scope_new(struct jinja_env *env, struct scope *parent)
{
    struct scope *s = env_alloc(env, sizeof *s);
    *s = (struct scope){.parent = parent};
    return s;
}

struct variable *scope_find(struct scope *s, const struct symbol *name)
{
    if (s->slot) return s->slot[name->id] ? &s->var[s->slot[name->id] - 1] : NULL;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->var[i].name == name) return &s->var[i];
    return NULL;
}

void scope_set(struct jinja_env *env, const struct jinja_template *t, struct scope *s, const struct symbol *name, struct jinja_value v)
{
    struct variable *x = scope_find(s, name);
    if (x) {
        x->value = v;
        return;
    }
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 4;
        struct variable *more = env_alloc(env, cap * sizeof *more);
        if (s->count) memcpy(more, s->var, s->count * sizeof *more);
        s->var = more;
        s->cap = cap;
    }
    s->var[s->count++] = (struct variable){name, v};
    if (s->slot) {
        s->slot[name->id] = s->count;
    } else if (s->count > SCOPE_FEW) {
        s->slot = memset(env_alloc(env, t->symbol_count * sizeof *s->slot), 0, t->symbol_count * sizeof *s->slot);
        for (uint32_t i = 0; i < s->count; i++) s->slot[s->var[i].name->id] = i + 1;
    }
}

static enum err context_lookup(struct run *r, const struct symbol *name, struct jinja_value *out)
{
    uint64_t hash = name->text.as.string->hash;
    struct map_entry *x = NULL;
    *out = (struct jinja_value){0};
    if (r->context) {
        if (r->context->vars.type == JINJA_DICT) x = map_find_view(r->context->vars.as.map, name->name, hash);
        if (!x && r->context->resolve) {
            enum err rc = r->context->resolve(r->context->ctx, r->env, name->name, out, r->e);
            if (rc || out->type != JINJA_ABSENT) return rc;
        }
    }
    if (!x) x = map_find_view(r->env->globals.as.map, name->name, hash);
    if (x) *out = x->value;
    return ERR_OK;
}

enum err name_lookup(struct run *r, const struct symbol *name, struct jinja_value *out)
{
    for (struct scope *s = r->scope; s; s = s->parent) {
        struct variable *x = scope_find(s, name);
        if (!x) continue;
        *out = x->value.type == JINJA_ABSENT ? jinja_undefined(r->env, name->name.ptr) : x->value;
        return ERR_OK;
    }
    enum err rc = context_lookup(r, name, out);
    if (!rc && out->type == JINJA_ABSENT) *out = jinja_undefined(r->env, name->name.ptr);
    return rc;
}

void scope_keep(struct scope *s)
{
    for (; s && !s->kept; s = s->parent) s->kept = true;
}

void scope_hide(struct jinja_env *env, const struct jinja_template *t, struct scope *s, const struct hidden *hides)
{
    for (size_t i = 0; i < hides->count; i++) scope_set(env, t, s, hides->name[i], (struct jinja_value){0});
}

struct scope *scope_hiding(struct jinja_env *env, const struct jinja_template *t, struct scope *parent, const struct hidden *hides)
{
    struct scope *s = scope_new(env, parent);
    scope_hide(env, t, s, hides);
    return s;
}
