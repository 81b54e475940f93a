/* Which expressions Jinja evaluates when it compiles. It shows only in native rendering, where folded constants become
 * text: "{{ 1 }}" gives '1', but "{{ var('x') }}" an integer. */
#include "model/jinja/internal.h"

/* jinja2.compiler.has_safe_repr */
static bool safe_repr(struct jinja_value v, unsigned depth)
{
    struct jinja_value key, item;
    if (depth > 100) return false;
    switch (v.type) {
    case JINJA_NONE:
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT: return true;
    case JINJA_STRING: return v.as.string->flavour == STR_PLAIN || v.as.string->flavour == STR_MARKUP;
    case JINJA_LIST:
    case JINJA_TUPLE:
        for (size_t i = 0; i < v.as.seq->count; i++)
            if (!safe_repr(v.as.seq->item[i], depth + 1)) return false;
        return true;
    case JINJA_DICT:
    case JINJA_SET:
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);)
            if (!safe_repr(key, depth + 1) || !safe_repr(item, depth + 1)) return false;
        return true;
    case JINJA_OBJECT: return v.as.object->cls == &class_range;
    default: return false;
    }
}

static bool constant(struct run *r, const struct node *n);

static bool truth_of(struct run *r, const struct node *n, bool *out)
{
    struct jinja_value v;
    return constant(r, n) && eval(r, n, &v) == ERR_OK && jinja_truth(r->env, v, out, r->e) == ERR_OK;
}

static bool all_constant(struct run *r, const struct node_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (!constant(r, l->item[i])) return false;
    return true;
}

static bool constant_call(struct run *r, const struct node *n)
{
    const struct node_call *c = n->call;
    if (n->kind == NODE_CALL || !c->of || (n->kind == NODE_FILTER && filter_is_impure(c->name->name))) return false;
    if ((c->more_args && !constant(r, c->more_args)) || (c->more_named && !constant(r, c->more_named))) return false;
    for (size_t i = 0; i < c->named_count; i++)
        if (!constant(r, c->named[i].value)) return false;
    return constant(r, c->of) && all_constant(r, &c->args);
}

static bool constant_choice(struct run *r, const struct node *n)
{
    bool truth;
    if (n->kind == NODE_COND) {
        if (!truth_of(r, n->b, &truth)) return false;
        return truth ? constant(r, n->a) : n->c && constant(r, n->c);
    }
    if (!truth_of(r, n->a, &truth)) return false;
    return truth != (n->kind == NODE_AND) || constant(r, n->b);
}

static bool constant(struct run *r, const struct node *n)
{
    switch (n->kind) {
    case NODE_CONST: return true;
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_DICT:
    case NODE_CONCAT: return all_constant(r, &n->list);
    case NODE_UNARY:
    case NODE_NOT: return constant(r, n->a);
    case NODE_BINARY:
    case NODE_ITEM: return constant(r, n->a) && constant(r, n->b);
    case NODE_SLICE: return (!n->a || constant(r, n->a)) && (!n->b || constant(r, n->b)) && (!n->c || constant(r, n->c));
    case NODE_AND:
    case NODE_OR:
    case NODE_COND: return constant_choice(r, n);
    case NODE_ATTR: return constant(r, n->of);
    case NODE_COMPARE:
        for (size_t i = 0; i < n->compare->count; i++)
            if (!constant(r, n->compare->rest[i].value)) return false;
        return constant(r, n->compare->first);
    case NODE_CALL:
    case NODE_FILTER:
    case NODE_TEST: return constant_call(r, n);
    default: return false;
    }
}

bool node_folds(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct jinja_env *env = r->env;
    struct error *keep = r->e, mine = {0};
    r->e = &mine;
    env->failed = true; /* no traces of failures that only mean "not constant" */
    bool folds = constant(r, n) && eval(r, n, out) == ERR_OK && safe_repr(*out, 0);
    env->failed = false;
    r->e = keep;
    return folds;
}
