/* Statements. */
#include "model/jinja/internal.h"

enum err exec_capture(struct run *r, const struct node_list *list, const struct hidden *hides, struct jinja_value *out)
{
    struct buf text = {0}, *outer = r->out;
    struct native *native = r->native;
    struct scope *scope = r->scope;
    r->out = &text;
    r->native = NULL;
    r->scope = scope_hiding(r->env, r->tpl, scope, hides);
    enum err rc = exec_list(r, list);
    r->scope = scope;
    r->native = native;
    r->out = outer;
    *out = str_take(r->env, &text);
    return rc;
}

static void native_piece(struct run *r, struct jinja_value v, bool text)
{
    struct native *n = r->native;
    struct jinja_seq *s = n->pieces.as.seq;
    if (text && n->text_last) {
        struct buf b = {0};
        struct view last = SV(s->item[s->count - 1]);
        buf_add(&b, last.ptr, last.len);
        buf_add(&b, SV(v).ptr, SV(v).len);
        s->item[s->count - 1] = str_take(r->env, &b);
    } else {
        seq_push(r->env, s, v);
    }
    n->text_last = text;
}

static enum err output_native(struct run *r, const struct node *n)
{
    struct jinja_value v;
    struct view text;
    enum err rc = ERR_OK;
    if (n->kind == NODE_TEXT) return native_piece(r, n->value, true), ERR_OK;
    if (node_folds(r, n, &v)) {
        if ((rc = jinja_str_view(r->env, v, &text, r->e))) return rc;
        native_piece(r, str_borrow(r->env, text.ptr, text.len), true);
        return ERR_OK;
    }
    if (!(rc = eval(r, n, &v))) native_piece(r, v, false);
    return rc;
}

/* Text goes out, or becomes a piece of a native rendering. */
static enum err output_value(struct run *r, const struct node *n, struct jinja_value v)
{
    if (r->native) return native_piece(r, v, false), ERR_OK;
    enum err rc = jinja_str(r->env, v, r->out, r->e);
    if (!rc) rc = text_within(r->env, r->out, r->e);
    return rc ? fail_at(r, n, rc) : ERR_OK;
}

static enum err exec_output(struct run *r, const struct node *n)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < n->list.count && !rc; i++) {
        const struct node *x = n->list.item[i];
        struct jinja_value v;
        if (r->native) rc = output_native(r, x);
        else if (x->kind == NODE_TEXT) buf_add(r->out, SV(x->value).ptr, SV(x->value).len), rc = output_value(r, x, (struct jinja_value){0});
        else if (!(rc = eval(r, x, &v))) rc = output_value(r, x, v);
    }
    return rc;
}

static enum err exec_if(struct run *r, const struct node_if *f)
{
    for (size_t i = 0; i < f->count; i++) {
        bool truth = true;
        if (f->branch[i].test) {
            struct jinja_value v;
            enum err rc = eval(r, f->branch[i].test, &v);
            if (rc || (rc = jinja_truth(r->env, v, &truth, r->e))) return rc;
        }
        if (truth) return exec_list(r, &f->branch[i].body);
    }
    return ERR_OK;
}

static enum err assign_tuple(struct run *r, const struct node *target, struct jinja_value v)
{
    size_t n = target->list.count;
    struct jinja_value few[8], *item = n <= 8 ? few : env_alloc(r->env, n * sizeof *item);
    enum err rc = value_unpack(r->env, v, item, n, r->e);
    for (size_t i = 0; i < n && !rc; i++) rc = exec_assign(r, target->list.item[i], item[i]);
    return rc;
}

enum err exec_assign(struct run *r, const struct node *target, struct jinja_value v)
{
    struct jinja_value space;
    enum err rc;
    switch (target->kind) {
    case NODE_NAME:
        scope_set(r->env, r->tpl, r->scope, target->name, v);
        return ERR_OK;
    case NODE_TUPLE: rc = assign_tuple(r, target, v); break;
    case NODE_NSREF:
        if ((rc = name_lookup(r, target->space, &space))) break;
        rc = namespace_set(r->env, space, target->field->text, v, r->e);
        break;
    default: rc = err_set(r->e, ERR_INTERNAL, "node %d is no target", target->kind);
    }
    return rc ? fail_at(r, target, rc) : ERR_OK;
}

static enum err exec_set(struct run *r, const struct node *n)
{
    struct jinja_value v;
    enum err rc = eval(r, n->b, &v);
    return rc ? rc : exec_assign(r, n->a, v);
}

static enum err exec_set_block(struct run *r, const struct node *n)
{
    struct jinja_value v;
    enum err rc = exec_capture(r, &n->body, n->hides, &v);
    if (!rc && n->filter) rc = eval_filter(r, n->filter, v, &v);
    if (rc) return n->filter ? fail_at(r, n->filter, rc) : rc;
    return exec_assign(r, n->target, v);
}

/* The value of a filter or call block must be text: Jinja joins it as it is, without str(). A call that gives none (a
 * function, not a macro) writes nothing. */
static enum err output_block(struct run *r, const struct node *n, struct jinja_value v)
{
    if (v.type == JINJA_STRING || r->native) return output_value(r, n, v);
    if (v.type == JINJA_NONE && n->kind == NODE_CALL_BLOCK) return ERR_OK;
    return FAIL(r->e, "sequence item 0: expected str instance, %s found", jinja_type_name(v));
}

static enum err exec_filter_block(struct run *r, const struct node *n)
{
    struct jinja_value v;
    enum err rc = exec_capture(r, &n->body, n->hides, &v);
    if (!rc && (rc = eval_filter(r, n->filter, v, &v))) rc = fail_at(r, n->filter, rc);
    return rc ? rc : output_block(r, n, v);
}

static enum err exec_with(struct run *r, const struct node_with *w)
{
    struct scope *outer = r->scope, *inner = scope_hiding(r->env, r->tpl, outer, &w->hides);
    enum err rc = ERR_OK;
    for (size_t i = 0; i < w->count && !rc; i++) {
        struct jinja_value v;
        if ((rc = eval(r, w->value[i], &v))) break;
        r->scope = inner;
        rc = exec_assign(r, w->target[i], v);
        r->scope = outer;
    }
    r->scope = inner;
    if (!rc) rc = exec_list(r, &w->body);
    r->scope = outer;
    return rc;
}

static enum err exec_call_block(struct run *r, const struct node *n)
{
    struct jinja_value v;
    enum err rc = eval_call(r, n->macro->call, macro_new(r, n->macro, n->at), &v);
    return rc ? fail_at(r, n->macro->call, rc) : output_block(r, n, v);
}

static enum err exec_node(struct run *r, const struct node *n)
{
    struct jinja_value v;
    switch (n->kind) {
    case NODE_OUTPUT: return exec_output(r, n);
    case NODE_IF: return exec_if(r, n->branches);
    case NODE_FOR: return exec_for(r, n);
    case NODE_SET: return exec_set(r, n);
    case NODE_SET_BLOCK: return exec_set_block(r, n);
    case NODE_DO: return eval(r, n->a, &v);
    case NODE_MACRO:
        scope_set(r->env, r->tpl, r->scope, n->macro->name, macro_new(r, n->macro, n->at));
        return ERR_OK;
    case NODE_CALL_BLOCK: return exec_call_block(r, n);
    case NODE_FILTER_BLOCK: return exec_filter_block(r, n);
    case NODE_WITH: return exec_with(r, n->with);
    case NODE_BREAK: r->flow = FLOW_BREAK; return ERR_OK;
    case NODE_CONTINUE: r->flow = FLOW_CONTINUE; return ERR_OK;
    default: return err_set(r->e, ERR_INTERNAL, "node %d is no statement", n->kind);
    }
}

enum err exec(struct run *r, const struct node *n)
{
    enum err rc;
    if (++r->env->steps >= r->env->next_check && (rc = env_charge(r->env, 0, r->e))) return fail_at(r, n, rc);
    if ((rc = env_deeper(r->env, r->e))) return fail_at(r, n, rc);
    r->now = n;
    rc = exec_node(r, n);
    return rc ? fail_at(r, n, rc) : ERR_OK;
}

enum err exec_list(struct run *r, const struct node_list *list)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < list->count && !rc && r->flow == FLOW_ON; i++) rc = exec(r, list->item[i]);
    return rc;
}
