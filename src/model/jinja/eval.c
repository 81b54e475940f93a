/* Expressions: the tree walked. Every failure gets its place at the innermost node. */
#include "model/jinja/internal.h"

static enum err eval_items(struct run *r, const struct node *n, struct jinja_value *out)
{
    enum err rc = ERR_OK;
    *out = list_with_room(r->env, n->list.count);
    if (n->kind == NODE_TUPLE) out->type = JINJA_TUPLE;
    struct jinja_seq *s = out->as.seq;
    for (size_t i = 0; i < n->list.count && !rc; i++) {
        struct jinja_value v;
        if (!(rc = eval(r, n->list.item[i], &v))) seq_push(r->env, s, v);
    }
    return rc;
}

static enum err eval_dict(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct jinja_value key, item;
    enum err rc = ERR_OK;
    *out = jinja_dict(r->env);
    for (size_t i = 0; i + 1 < n->list.count && !rc; i += 2) {
        if ((rc = eval(r, n->list.item[i], &key)) || (rc = eval(r, n->list.item[i + 1], &item))) return rc;
        rc = map_put(r->env, out->as.map, key, item, r->e);
    }
    return rc;
}

static enum err eval_concat(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct buf b = {0};
    enum err rc = ERR_OK;
    for (size_t i = 0; i < n->list.count && !rc; i++) {
        struct jinja_value v;
        if (!(rc = eval(r, n->list.item[i], &v)) && !(rc = jinja_str(r->env, v, &b, r->e))) rc = text_within(r->env, &b, r->e);
    }
    if (!rc) rc = env_charge(r->env, b.len / 64, r->e);
    *out = str_take(r->env, &b);
    return rc;
}

static enum err eval_compare(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct jinja_value left, right;
    enum err rc = eval(r, n->compare->first, &left);
    bool holds = true;
    for (size_t i = 0; i < n->compare->count && holds && !rc; i++) {
        if ((rc = eval(r, n->compare->rest[i].value, &right))) break;
        rc = value_ordered(r->env, n->compare->rest[i].op, left, right, &holds, r->e);
        left = right;
    }
    *out = jinja_bool(holds);
    return rc;
}

/* and, or: the operand itself, as in Python. */
static enum err eval_logic(struct run *r, const struct node *n, struct jinja_value *out)
{
    bool truth = false;
    enum err rc = eval(r, n->a, out);
    if (rc || (rc = jinja_truth(r->env, *out, &truth, r->e))) return rc;
    return truth == (n->kind == NODE_AND) ? eval(r, n->b, out) : ERR_OK;
}

static enum err eval_cond(struct run *r, const struct node *n, struct jinja_value *out)
{
    bool truth = false;
    struct jinja_value test;
    enum err rc = eval(r, n->b, &test);
    if (rc || (rc = jinja_truth(r->env, test, &truth, r->e))) return rc;
    if (truth) return eval(r, n->a, out);
    if (n->c) return eval(r, n->c, out);
    *out = undefined_hint(r->env, "the inline if-expression evaluated to false and no else section was defined.");
    return ERR_OK;
}

static enum err eval_slice(struct run *r, const struct node *n, struct jinja_value *out)
{
    const struct node *part[3] = {n->b->a, n->b->b, n->b->c};
    struct jinja_value of, v[3] = {{0}, {0}, {0}};
    enum err rc = eval(r, n->a, &of);
    for (int i = 0; i < 3 && !rc; i++)
        if (part[i]) rc = eval(r, part[i], &v[i]);
    return rc ? rc : access_slice(r->env, of, v[0], v[1], v[2], out, r->e);
}

/* A failure because of an undefined value is shown where that value stands. */
static enum err at_undefined(struct run *r, struct jinja_value v, const struct node *n, enum err rc)
{
    return rc && v.type == JINJA_UNDEFINED ? fail_at(r, n, rc) : rc;
}

/* ---- calls -------------------------------------------------------------------------------------------------------- */

enum { FEW = 8 };
/* Arguments while they are evaluated: few on the stack, many in the arena. */
struct arguments {
    struct jinja_value few[FEW], *arg;
    struct jinja_named few_named[FEW], *named;
    size_t count, cap, named_count, named_cap;
};

static void add_argument(struct jinja_env *env, struct arguments *a, struct jinja_value v)
{
    if (a->count == a->cap) {
        struct jinja_value *more = env_alloc(env, a->cap * 2 * sizeof *more);
        memcpy(more, a->arg, a->count * sizeof *more);
        a->arg = more;
        a->cap *= 2;
    }
    a->arg[a->count++] = v;
}

static void add_named(struct jinja_env *env, struct arguments *a, struct view name, struct jinja_value v)
{
    if (a->named_count == a->named_cap) {
        struct jinja_named *more = env_alloc(env, a->named_cap * 2 * sizeof *more);
        memcpy(more, a->named, a->named_count * sizeof *more);
        a->named = more;
        a->named_cap *= 2;
    }
    a->named[a->named_count++] = (struct jinja_named){name, v};
}

static enum err spread(struct run *r, const struct node_call *c, struct arguments *a)
{
    struct jinja_value v, key, item;
    struct iter it;
    enum err rc = ERR_OK;
    if (c->more_args) {
        if ((rc = eval(r, c->more_args, &v))) return rc;
        if (!value_iterable(v)) return FAIL(r->e, "Value after * must be an iterable, not %s", jinja_type_name(v));
        if ((rc = iter_start(r->env, v, &it, r->e))) return rc;
        while (!(rc = iter_next(r->env, &it, &item, r->e)) && item.type != JINJA_ABSENT) add_argument(r->env, a, item);
        if (rc) return rc;
    }
    if (!c->more_named) return ERR_OK;
    if ((rc = eval(r, c->more_named, &v))) return rc;
    if (v.type != JINJA_DICT) return FAIL(r->e, "argument after ** must be a mapping, not %s", jinja_type_name(v));
    for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);) {
        if (key.type != JINJA_STRING) return FAIL(r->e, "keywords must be strings");
        for (size_t i = 0; i < a->named_count; i++)
            if (view_eq(a->named[i].name, SV(key))) return FAIL(r->e, "got multiple values for keyword argument '%s'", SV(key).ptr);
        add_named(r->env, a, SV(key), item);
    }
    return ERR_OK;
}

static enum err eval_arguments(struct run *r, const struct node_call *c, struct jinja_value caller, struct arguments *a, struct jinja_call *out)
{
    enum err rc = ERR_OK;
    struct jinja_value v;
    for (size_t i = 0; i < c->args.count && !rc; i++)
        if (!(rc = eval(r, c->args.item[i], &v))) add_argument(r->env, a, v);
    for (size_t i = 0; i < c->named_count && !rc; i++)
        if (!(rc = eval(r, c->named[i].value, &v))) add_named(r->env, a, c->named[i].name->name, v);
    if (!rc && (c->more_args || c->more_named)) rc = spread(r, c, a);
    if (caller.type != JINJA_ABSENT) add_named(r->env, a, view_of("caller"), caller);
    *out = (struct jinja_call){.env = r->env, .args = a->arg, .count = a->count, .named = a->named, .named_count = a->named_count};
    return rc;
}

static void arguments_init(struct arguments *a)
{
    a->arg = a->few;
    a->named = a->few_named;
    a->cap = a->named_cap = FEW;
    a->count = a->named_count = 0;
}

enum err eval_call(struct run *r, const struct node *n, struct jinja_value caller, struct jinja_value *out)
{
    const struct node_call *c = n->call;
    struct arguments a;
    struct jinja_call call;
    struct jinja_value of;
    enum err rc;
    bool method = c->of->kind == NODE_ATTR;
    arguments_init(&a);
    if ((rc = eval(r, method ? c->of->of : c->of, &of))) return rc;
    if ((rc = eval_arguments(r, c, caller, &a, &call))) return rc;
    r->now = n;
    rc = method ? call_method(r->env, of, c->of->attr->text, &call, out, r->e) : call_value(r->env, of, &call, out, r->e);
    r->now = n;
    return method ? at_undefined(r, of, c->of->of, rc) : rc;
}

enum err eval_filter(struct run *r, const struct node *n, struct jinja_value piped, struct jinja_value *out)
{
    const struct node_call *c = n->call;
    struct jinja_value none = {0}, table = n->kind == NODE_FILTER ? r->env->filters : r->env->tests;
    struct arguments a;
    struct jinja_call call;
    enum err rc;
    arguments_init(&a);
    /* A block's chain of filters: the innermost has no value of its own and takes the block's. */
    if (c->of && c->of->kind == NODE_FILTER && piped.type != JINJA_ABSENT) rc = eval_filter(r, c->of, piped, &piped);
    else rc = c->of ? eval(r, c->of, &piped) : ERR_OK;
    if (rc) return rc;
    add_argument(r->env, &a, piped);
    if ((rc = eval_arguments(r, c, none, &a, &call))) return rc;
    struct map_entry *f = map_find_view(table.as.map, c->name->name, c->name->text.as.string->hash);
    if (!f) {
        r->env->unknown = c->name->name.ptr;
        r->env->unknown_owner = table;
        return FAIL(r->e, "No %s named '%s' found.", n->kind == NODE_FILTER ? "filter" : "test", c->name->name.ptr);
    }
    r->now = n;
    return call_value(r->env, f->value, &call, out, r->e);
}

static enum err eval_test(struct run *r, const struct node *n, struct jinja_value *out)
{
    bool truth = false;
    enum err rc = eval_filter(r, n, (struct jinja_value){0}, out);
    if (rc || out->type == JINJA_BOOL) return rc;
    rc = jinja_truth(r->env, *out, &truth, r->e);
    *out = jinja_bool(truth);
    return rc;
}

static enum err eval_binary(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct jinja_value a, b;
    enum err rc = eval(r, n->a, &a);
    if (rc || (rc = eval(r, n->b, &b))) return rc;
    rc = op_binary(r->env, (enum jinja_op)n->op, a, b, out, r->e);
    return at_undefined(r, b, n->b, at_undefined(r, a, n->a, rc));
}

static enum err eval_node(struct run *r, const struct node *n, struct jinja_value *out)
{
    struct jinja_value a, b;
    bool truth = false;
    enum err rc;
    switch (n->kind) {
    case NODE_NAME: return name_lookup(r, n->name, out);
    case NODE_TUPLE:
    case NODE_LIST: return eval_items(r, n, out);
    case NODE_DICT: return eval_dict(r, n, out);
    case NODE_CONCAT: return eval_concat(r, n, out);
    case NODE_UNARY:
        if ((rc = eval(r, n->a, &a))) return rc;
        return op_unary(r->env, (enum jinja_op)n->op, a, out, r->e);
    case NODE_BINARY: return eval_binary(r, n, out);
    case NODE_AND:
    case NODE_OR: return eval_logic(r, n, out);
    case NODE_NOT:
        if ((rc = eval(r, n->a, &a)) || (rc = jinja_truth(r->env, a, &truth, r->e))) return rc;
        return *out = jinja_bool(!truth), ERR_OK;
    case NODE_COMPARE: return eval_compare(r, n, out);
    case NODE_COND: return eval_cond(r, n, out);
    case NODE_ATTR:
        if ((rc = eval(r, n->of, &a))) return rc;
        return at_undefined(r, a, n->of, access_attr(r->env, a, n->attr->text, out, r->e));
    case NODE_ITEM:
        if (n->b->kind == NODE_SLICE) return eval_slice(r, n, out);
        if ((rc = eval(r, n->a, &a)) || (rc = eval(r, n->b, &b))) return rc;
        return at_undefined(r, a, n->a, access_item(r->env, a, b, out, r->e));
    case NODE_CALL: return eval_call(r, n, (struct jinja_value){0}, out);
    case NODE_FILTER: return eval_filter(r, n, (struct jinja_value){0}, out);
    case NODE_TEST: return eval_test(r, n, out);
    default: return err_set(r->e, ERR_INTERNAL, "node %d is no expression", n->kind);
    }
}

enum err eval(struct run *r, const struct node *n, struct jinja_value *out)
{
    if (n->kind == NODE_CONST) return *out = n->value, ERR_OK;
    enum err rc;
    if (++r->env->steps >= r->env->next_check && (rc = env_charge(r->env, 0, r->e))) return fail_at(r, n, rc);
    if ((rc = env_deeper(r->env, r->e))) return fail_at(r, n, rc);
    rc = eval_node(r, n, out);
    return rc ? fail_at(r, n, rc) : ERR_OK;
}
