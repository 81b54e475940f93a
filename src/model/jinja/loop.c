/* for, and the object `loop`. */
#include "model/jinja/internal.h"

struct loop {
    struct run *run;
    const struct node *node;
    struct scope *outer; /* where the for stands */
    struct iter it;
    bool over;           /* the loop has ended: nothing more to ask for */
    bool has_after;
    struct jinja_value after, before, current, changed; /* changed: ABSENT at first */
    int64_t index0, length;                              /* -1: not known */
    int64_t depth0;
    struct jinja_value kept; /* items read ahead to learn the length */
    size_t kept_at;
};

static enum err run_loop(struct run *r, const struct node *n, struct jinja_value over, struct scope *outer, int64_t depth0);

/* Does the item pass the for's if? The test sees the target alone, in a scope of its own. */
static enum err passes(struct loop *l, struct jinja_value item, bool *out)
{
    struct run *r = l->run;
    struct scope *scope = r->scope;
    struct jinja_value v;
    const struct node_for *f = l->node->loop;
    r->scope = scope_new(r->env, l->outer);
    enum err rc = exec_assign(r, f->target, item);
    if (!rc) rc = eval(r, f->test, &v);
    if (!rc) rc = jinja_truth(r->env, v, out, r->e);
    r->scope = scope;
    return rc;
}

static enum err next_passing(struct loop *l, struct jinja_value *out)
{
    enum err rc;
    for (;;) {
        *out = (struct jinja_value){0};
        if (l->over) return ERR_OK;
        if ((rc = iter_next(l->run->env, &l->it, out, l->run->e)) || out->type == JINJA_ABSENT) return rc;
        bool pass = true;
        if (l->node->loop->test && (rc = passes(l, *out, &pass))) return rc;
        if (pass) return ERR_OK;
    }
}

static enum err pull(struct loop *l, struct jinja_value *out)
{
    if (l->kept.type == JINJA_ABSENT) return next_passing(l, out);
    *out = l->kept_at < l->kept.as.seq->count ? l->kept.as.seq->item[l->kept_at++] : (struct jinja_value){0};
    return ERR_OK;
}

static enum err peek(struct loop *l)
{
    if (l->has_after) return ERR_OK;
    enum err rc = pull(l, &l->after);
    l->has_after = !rc;
    return rc;
}

static enum err advance(struct loop *l, struct jinja_value *out)
{
    enum err rc = ERR_OK;
    *out = l->after;
    if (!l->has_after) rc = pull(l, out);
    l->has_after = false;
    if (rc || out->type == JINJA_ABSENT) return rc;
    l->index0++;
    l->before = l->current;
    l->current = *out;
    return ERR_OK;
}

static enum err loop_length(struct loop *l, struct error *e)
{
    size_t n;
    enum err rc = ERR_OK;
    if (l->length >= 0) return ERR_OK;
    if (!l->node->loop->test && value_has_length(l->it.over)) {
        rc = value_length(l->run->env, l->it.over, &n, e);
        l->length = (int64_t)n;
        return rc;
    }
    struct jinja_value rest = jinja_list(l->run->env), v = {0};
    while (!(rc = pull(l, &v)) && v.type != JINJA_ABSENT) seq_push(l->run->env, rest.as.seq, v);
    l->kept = rest;
    l->kept_at = 0;
    bool after = l->has_after && l->after.type != JINJA_ABSENT;
    l->length = (int64_t)rest.as.seq->count + l->index0 + 1 + after;
    return rc;
}

/* ---- the object ------------------------------------------------------------------------------------------------- */

static enum err loop_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    struct loop *l = self.as.object->data;
    enum err rc = ERR_OK;
    if (view_is(name, "index0")) *out = jinja_int(l->index0);
    else if (view_is(name, "index")) *out = jinja_int(l->index0 + 1);
    else if (view_is(name, "first")) *out = jinja_bool(l->index0 == 0);
    else if (view_is(name, "depth")) *out = jinja_int(l->depth0 + 1);
    else if (view_is(name, "depth0")) *out = jinja_int(l->depth0);
    else if (view_is(name, "length") || view_is(name, "revindex") || view_is(name, "revindex0")) {
        if ((rc = loop_length(l, e))) return rc;
        *out = jinja_int(view_is(name, "length") ? l->length : l->length - l->index0 - view_is(name, "revindex0"));
    } else if (view_is(name, "last")) {
        if (!(rc = peek(l))) *out = jinja_bool(l->after.type == JINJA_ABSENT);
    } else if (view_is(name, "previtem")) {
        *out = l->index0 == 0 ? undefined_hint(env, "there is no previous item") : l->before;
    } else if (view_is(name, "nextitem")) {
        if (!(rc = peek(l))) *out = l->after.type == JINJA_ABSENT ? undefined_hint(env, "there is no next item") : l->after;
    }
    return rc;
}

static bool loop_has_method(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "cycle") || view_is(name, "changed");
}

static enum err loop_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct loop *l = c->self.as.object->data;
    if (!strcmp(c->name, "cycle")) {
        if (!c->count) return FAIL(e, "no items for cycling given");
        *out = c->args[l->index0 % (int64_t)c->count];
    } else if (!strcmp(c->name, "changed")) {
        bool same = false;
        struct jinja_value now = jinja_tuple(c->env, c->args, c->count);
        enum err rc = l->changed.type == JINJA_ABSENT ? ERR_OK : jinja_equal(c->env, l->changed, now, &same, e);
        if (rc) return rc;
        if (!same) l->changed = now;
        *out = jinja_bool(!same);
    }
    return ERR_OK;
}

/* loop(children): the body again, its text as the value. */
static enum err loop_call(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct loop *l = c->self.as.object->data;
    struct jinja_value over;
    enum err rc = jinja_args(c, "iterable", &over, e);
    if (rc) return rc;
    if (!l->node->loop->recursive) return FAIL(e, "The loop must have the 'recursive' marker to be called recursively.");
    if (l->over) return FAIL(e, "the loop has ended");
    struct run *r = l->run;
    struct buf text = {0}, *outer = r->out;
    struct native *native = r->native;
    struct scope *scope = r->scope;
    enum flow flow = r->flow;
    r->out = &text;
    r->native = NULL;
    r->scope = l->outer;
    rc = run_loop(r, l->node, over, l->outer, l->depth0 + 1);
    r->scope = scope;
    r->native = native;
    r->out = outer;
    r->flow = flow;
    *out = str_take(c->env, &text);
    return rc;
}

static enum err loop_len(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env;
    struct loop *l = self.as.object->data;
    enum err rc = loop_length(l, e);
    *out = (size_t)l->length;
    return rc;
}

static enum err loop_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env;
    struct loop *l = self.as.object->data;
    enum err rc = loop_length(l, e);
    if (!rc) buf_printf(out, "<LoopContext %lld/%lld>", (long long)l->index0 + 1, (long long)l->length);
    return rc;
}

const struct jinja_class class_loop = {.name = "LoopContext", .flags = JINJA_CLASS_CALLABLE, .get_attr = loop_get, .call = loop_call,
    .method = loop_method, .has_method = loop_has_method, .length = loop_len, .to_repr = loop_repr};

/* ---- the statement ---------------------------------------------------------------------------------------------------- */

/* *whole: the round came to its end, without break or continue. */
static enum err one_round(struct loop *l, struct jinja_value self, struct jinja_value item, struct scope **scope, bool *whole)
{
    struct run *r = l->run;
    const struct node_for *f = l->node->loop;
    if (!*scope || (*scope)->kept || (*scope)->slot) *scope = scope_new(r->env, l->outer);
    else (*scope)->count = 0;
    r->scope = *scope;
    scope_hide(r->env, r->tpl, *scope, &f->body_hides);
    enum err rc = exec_assign(r, f->target, item);
    if (rc) return rc;
    if (f->uses_loop) scope_set(r->env, r->tpl, r->scope, r->tpl->loop, self);
    if ((rc = exec_list(r, &f->body))) return rc;
    *whole = r->flow == FLOW_ON;
    if (r->flow == FLOW_CONTINUE) r->flow = FLOW_ON;
    return ERR_OK;
}

static enum err run_loop(struct run *r, const struct node *n, struct jinja_value over, struct scope *outer, int64_t depth0)
{
    const struct node_for *f = n->loop;
    struct loop small, *l = &small;
    struct jinja_value self = {0}, item;
    struct scope *scope = NULL;
    if (f->uses_loop) l = env_alloc(r->env, sizeof *l);
    *l = (struct loop){.run = r, .node = n, .outer = outer, .index0 = -1, .length = -1, .depth0 = depth0};
    if (f->uses_loop) self = jinja_object(r->env, &class_loop, l);
    enum err rc = iter_start(r->env, over, &l->it, r->e);
    if (rc) return fail_at(r, f->over, rc);
    /* The else is left out once a round came to its end: with break or continue in every round it runs, as in Jinja. */
    bool any = false, whole = false;
    while (!(rc = advance(l, &item)) && item.type != JINJA_ABSENT) {
        if ((rc = one_round(l, self, item, &scope, &whole))) break;
        any = any || whole;
        if (r->flow != FLOW_ON) break;
    }
    if (r->flow == FLOW_BREAK) r->flow = FLOW_ON;
    l->over = true;
    r->scope = outer;
    if (rc || any || !f->otherwise.count) return rc;
    r->scope = scope_hiding(r->env, r->tpl, outer, &f->otherwise_hides);
    rc = exec_list(r, &f->otherwise);
    r->scope = outer;
    return rc;
}

enum err exec_for(struct run *r, const struct node *n)
{
    struct jinja_value over;
    struct scope *outer = r->scope;
    enum err rc = eval(r, n->loop->over, &over);
    if (!rc) rc = run_loop(r, n, over, outer, 0);
    r->scope = outer;
    return rc;
}
