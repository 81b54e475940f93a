/* Which names a scope hides from the start. Jinja decides when it compiles (jinja2/idtracking.py) whether a name is a local
 * variable: where a scope's first mention of a name is to set it, outside of any if, and no scope around it mentions the name,
 * then it is local and unset until then. That shows in scopes within (a macro, a for): they see it undefined, not the value that
 * the context may have. All other names are looked for from inside out when they are needed, which is the same as what
 * Jinja's compiled code does. */
#include "model/jinja/internal.h"

struct analysis {
    struct jinja_template *t;
    uint32_t *seen;    /* by symbol: the number of the scope that mentioned it last */
    uint32_t *around;  /* by symbol: how many scopes around the one at work mention it */
    uint32_t scope, last_scope; /* number of the one at work, and of the newest */
    const struct symbol **mention; /* of the scope at work, a stack shared by all around it */
    size_t mention_count, mention_cap;
    const struct symbol **hidden;
    size_t hidden_count, hidden_cap;
    unsigned ifs, depth;
    const struct node *too_deep; /* the first node that is nested deeper than anything needs */
};

/* Chains like a + b + c … make deep trees out of flat texts; what walks a tree recurses. */
enum { TREE_DEEPEST = 3000 };

static void mention(struct analysis *a, const struct symbol *s, bool store)
{
    if (a->seen[s->id] == a->scope) return;
    a->seen[s->id] = a->scope;
    mem_grow(&a->mention, &a->mention_cap, a->mention_count + 1, sizeof(struct symbol *));
    a->mention[a->mention_count++] = s;
    if (!store || a->ifs || a->around[s->id]) return;
    mem_grow(&a->hidden, &a->hidden_cap, a->hidden_count + 1, sizeof(struct symbol *));
    a->hidden[a->hidden_count++] = s;
}

static void visit(struct analysis *a, const struct node *n);

static void visit_list(struct analysis *a, const struct node_list *l)
{
    for (size_t i = 0; i < l->count; i++) visit(a, l->item[i]);
}

static void visit_target(struct analysis *a, const struct node *n)
{
    if (n->kind == NODE_NAME) mention(a, n->name, true);
    else if (n->kind == NODE_NSREF) mention(a, n->space, false);
    else
        for (size_t i = 0; i < n->list.count; i++) visit_target(a, n->list.item[i]);
}

static void visit_call(struct analysis *a, const struct node_call *c)
{
    if (c->of) visit(a, c->of);
    visit_list(a, &c->args);
    for (size_t i = 0; i < c->named_count; i++) visit(a, c->named[i].value);
    if (c->more_args) visit(a, c->more_args);
    if (c->more_named) visit(a, c->more_named);
}

/* The mentions of one scope, in the order of FrameSymbolVisitor; scopes within are not entered. */
static void visit(struct analysis *a, const struct node *n)
{
    if (a->depth >= TREE_DEEPEST) {
        if (!a->too_deep) a->too_deep = n;
        return;
    }
    a->depth++;
    switch (n->kind) {
    case NODE_NAME: mention(a, n->name, false); break;
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_DICT:
    case NODE_CONCAT:
    case NODE_OUTPUT: visit_list(a, &n->list); break;
    case NODE_COND:
        visit(a, n->b);
        visit(a, n->a);
        if (n->c) visit(a, n->c);
        break;
    case NODE_UNARY:
    case NODE_BINARY:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_ITEM:
    case NODE_SLICE:
    case NODE_DO:
        if (n->a) visit(a, n->a);
        if (n->b) visit(a, n->b);
        if (n->c) visit(a, n->c);
        break;
    case NODE_COMPARE:
        visit(a, n->compare->first);
        for (size_t i = 0; i < n->compare->count; i++) visit(a, n->compare->rest[i].value);
        break;
    case NODE_ATTR: visit(a, n->of); break;
    case NODE_CALL:
    case NODE_FILTER:
    case NODE_TEST: visit_call(a, n->call); break;
    case NODE_FOR: visit(a, n->loop->over); break;
    case NODE_IF:
        for (size_t i = 0; i < n->branches->count; i++) {
            if (i) a->ifs++; /* the test of an elif is only reached sometimes */
            if (n->branches->branch[i].test) visit(a, n->branches->branch[i].test);
            if (!i) a->ifs++;
            visit_list(a, &n->branches->branch[i].body);
            a->ifs--;
        }
        break;
    case NODE_MACRO: mention(a, n->macro->name, true); break;
    case NODE_CALL_BLOCK: visit(a, n->macro->call); break;
    case NODE_FILTER_BLOCK: visit(a, n->filter); break;
    case NODE_SET:
        visit(a, n->b);
        visit_target(a, n->a);
        break;
    case NODE_SET_BLOCK: visit_target(a, n->target); break;
    case NODE_WITH:
        for (size_t i = 0; i < n->with->count; i++) visit(a, n->with->value[i]);
        break;
    default: break;
    }
    a->depth--;
}

static void scopes_in(struct analysis *a, const struct node_list *l);

/* Opens a scope: `first` are mentions that are parameters. Then its mentions, its hidden names, and the scopes within. */
static void scope_of(struct analysis *a, const struct symbol *const *first, size_t first_count, const struct node *target, struct node *const *before, size_t before_count, const struct node *piped, const struct node_list *body, struct hidden *out)
{
    size_t mentions = a->mention_count, hides = a->hidden_count;
    uint32_t outer = a->scope;
    a->scope = ++a->last_scope;
    unsigned ifs = a->ifs;
    a->ifs = 1; /* parameters are set: never hidden */
    for (size_t i = 0; i < first_count; i++) mention(a, first[i], true);
    if (target) visit_target(a, target);
    a->ifs = 0;
    for (size_t i = 0; i < before_count; i++)
        if (before[i]) visit(a, before[i]);
    visit_list(a, body);
    if (piped) visit(a, piped);
    size_t n = a->hidden_count - hides;
    *out = (struct hidden){.count = n};
    if (n) out->name = memcpy(arena_alloc(&a->t->arena, n * sizeof *out->name), a->hidden + hides, n * sizeof *out->name);
    a->hidden_count = hides;
    for (size_t i = mentions; i < a->mention_count; i++) a->around[a->mention[i]->id]++;
    scopes_in(a, body);
    for (size_t i = mentions; i < a->mention_count; i++) a->around[a->mention[i]->id]--;
    a->mention_count = mentions;
    a->ifs = ifs;
    a->scope = outer;
}

static void scope_in(struct analysis *a, const struct node *n)
{
    switch (n->kind) {
    case NODE_FOR:
        scope_of(a, n->loop->uses_loop ? &a->t->loop : NULL, n->loop->uses_loop, n->loop->target, NULL, 0, NULL, &n->loop->body, &n->loop->body_hides);
        scope_of(a, NULL, 0, NULL, NULL, 0, NULL, &n->loop->otherwise, &n->loop->otherwise_hides);
        if (n->loop->test) {
            const struct node_list none = {0};
            struct hidden nothing;
            scope_of(a, NULL, 0, n->loop->target, &n->loop->test, 1, NULL, &none, &nothing);
        }
        break;
    case NODE_IF:
        for (size_t i = 0; i < n->branches->count; i++) scopes_in(a, &n->branches->branch[i].body);
        break;
    case NODE_MACRO:
    case NODE_CALL_BLOCK:
        scope_of(a, n->macro->arg, n->macro->arg_count, NULL, n->macro->arg_default, n->macro->arg_count, NULL, &n->macro->body, &n->macro->hides);
        break;
    case NODE_FILTER_BLOCK: scope_of(a, NULL, 0, NULL, NULL, 0, n->filter, &n->body, n->hides); break;
    case NODE_SET_BLOCK: scope_of(a, NULL, 0, NULL, NULL, 0, n->filter, &n->body, n->hides); break;
    case NODE_WITH: {
        struct node targets = {.kind = NODE_TUPLE, .list = {n->with->target, n->with->count}};
        scope_of(a, NULL, 0, &targets, NULL, 0, NULL, &n->with->body, &n->with->hides);
        break;
    }
    default: break;
    }
}

static void scopes_in(struct analysis *a, const struct node_list *l)
{
    for (size_t i = 0; i < l->count; i++) scope_in(a, l->item[i]);
}

const struct node *template_analyze(struct jinja_template *t)
{
    struct analysis a = {.t = t, .seen = mem_zalloc((t->symbol_count + 1) * sizeof *a.seen), .around = mem_zalloc((t->symbol_count + 1) * sizeof *a.around)};
    scope_of(&a, NULL, 0, NULL, NULL, 0, NULL, &t->body, &t->hides);
    mem_free(a.seen);
    mem_free(a.around);
    mem_free(a.mention);
    mem_free(a.hidden);
    return a.too_deep;
}
