/* Statements, one function a tag. */
#include "model/jinja/internal.h"

static enum err parse_set(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endset", NULL};
    const struct token *at = p->now++;
    struct node *target = NULL, *value = NULL;
    enum err rc = parse_target(p, false, true, NULL, &target);
    if (rc) return rc;
    if (parse_skip(p, TOKEN_ASSIGN)) {
        if ((rc = parse_tuple(p, 0, NULL, &value))) return rc;
        struct node *n = syntax_new(p, NODE_SET, at->at);
        n->a = target, n->b = value;
        return *out = n, ERR_OK;
    }
    struct node *n = syntax_new(p, NODE_SET_BLOCK, at->at);
    n->target = target;
    n->hides = arena_zalloc(&p->t->arena, sizeof *n->hides);
    if ((rc = parse_filter(p, NULL, false, &n->filter))) return rc;
    *out = n;
    return parse_hard_statements(p, ends, true, &n->body);
}

static enum err parse_for(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endfor", "else", NULL}, *const last[] = {"endfor", NULL};
    const struct token *at = p->now++;
    struct node *n = syntax_new(p, NODE_FOR, at->at);
    struct node_for *f = n->loop = arena_zalloc(&p->t->arena, sizeof *f), *outer = p->in_for;
    bool soft = p->soft;
    enum err rc;
    p->fors++;
    TRY(parse_target(p, false, false, "in", &f->target));
    TRY(parse_expect_name(p, "in"));
    TRY(parse_tuple(p, TUPLE_NO_COND, "recursive", &f->over));
    p->soft = false;
    if (parse_skip_name(p, "if")) TRY(parse_expression(p, true, &f->test));
    f->recursive = parse_skip_name(p, "recursive");
    f->uses_loop = f->recursive;
    p->in_for = f;
    p->loops++;
    TRY(parse_statements(p, ends, false, &f->body));
    p->loops--;
    p->in_for = outer;
    if (token_is_name(p->now++, "else")) TRY(parse_statements(p, last, true, &f->otherwise));
    p->fors--;
    *out = n;
done:
    p->soft = soft;
    return rc;
}

static enum err parse_if(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    const struct token *at = p->now;
    struct node *n = syntax_new(p, NODE_IF, at->at);
    struct node_if *f = n->branches = arena_zalloc(&p->t->arena, sizeof *f);
    size_t cap = 0;
    void *grow = NULL;
    bool soft = p->soft, more = true;
    enum err rc = ERR_OK;
    p->soft = true;
    while (more) {
        bool otherwise = token_is_name(p->now++, "else");
        mem_grow(&grow, &cap, f->count + 1, sizeof *f->branch);
        f->branch = grow;
        f->branch[f->count].test = NULL;
        if (!otherwise) TRY(parse_tuple(p, TUPLE_NO_COND, NULL, &f->branch[f->count].test));
        TRY(parse_statements(p, otherwise ? last : ends, otherwise, &f->branch[f->count].body));
        f->count++;
        more = !otherwise && !parse_skip_name(p, "endif");
    }
    f->branch = memcpy(arena_alloc(&p->t->arena, f->count * sizeof *f->branch), grow, f->count * sizeof *f->branch);
    *out = n;
done:
    mem_free(grow);
    p->soft = soft;
    return rc;
}

/* ---- the smaller ones ---------------------------------------------------------------------------------------------------- */

static enum err parse_filter_block(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endfilter", NULL};
    struct node *n = syntax_new(p, NODE_FILTER_BLOCK, p->now++->at);
    n->hides = arena_zalloc(&p->t->arena, sizeof *n->hides);
    enum err rc = parse_filter(p, NULL, true, &n->filter);
    *out = n;
    return rc ? rc : parse_hard_statements(p, ends, true, &n->body);
}

static enum err parse_with(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endwith", NULL};
    struct node *n = syntax_new(p, NODE_WITH, p->now++->at), *x = NULL;
    struct node_with *w = n->with = arena_zalloc(&p->t->arena, sizeof *w);
    struct node_vec targets = {0}, values = {0};
    enum err rc;
    while (p->now->kind != TOKEN_BLOCK_END) {
        if (targets.count) TRY(parse_expect(p, TOKEN_COMMA));
        TRY(parse_target(p, false, false, NULL, &x));
        node_push(&targets, x);
        TRY(parse_expect(p, TOKEN_ASSIGN));
        TRY(parse_expression(p, true, &x));
        node_push(&values, x);
    }
    w->count = targets.count;
    w->target = node_list_take(p, &targets).item;
    w->value = node_list_take(p, &values).item;
    TRY(parse_hard_statements(p, ends, true, &w->body));
    *out = n;
done:
    mem_free(targets.item);
    mem_free(values.item);
    return rc;
}

static enum err parse_print(struct parser *p, struct node **out)
{
    struct node *n = syntax_new(p, NODE_OUTPUT, p->now++->at), *x = NULL;
    struct node_vec v = {0};
    enum err rc = ERR_OK;
    while (p->now->kind != TOKEN_BLOCK_END) {
        if (v.count) TRY(parse_expect(p, TOKEN_COMMA));
        TRY(parse_expression(p, true, &x));
        node_push(&v, x);
    }
    n->list = node_list_take(p, &v);
    *out = n;
done:
    mem_free(v.item);
    return rc;
}

static enum err parse_do(struct parser *p, struct node **out)
{
    *out = syntax_new(p, NODE_DO, p->now++->at);
    return parse_tuple(p, 0, NULL, &(*out)->a);
}

static enum err parse_loop_control(struct parser *p, enum node_kind kind, struct node **out)
{
    if (!p->loops) return parse_error(p, p->now, "'%s' outside of a for loop", kind == NODE_BREAK ? "break" : "continue");
    *out = syntax_new(p, kind, p->now++->at);
    return ERR_OK;
}

static enum err parse_unknown(struct parser *p, const char *name)
{
    static const char *const known[] = {"for", "if", "set", "macro", "call", "filter", "with", "do", "print", "break", "continue", "raw",
        "materialization", "test", "data_test", "docs", "endfor", "endif", "endset", "endmacro", "endcall", "elif", "else", NULL};
    static const char *const lacking[] = {"block", "extends", "include", "import", "from", "autoescape", "trans", "debug", NULL};
    for (size_t i = 0; lacking[i]; i++) {
        if (strcmp(lacking[i], name) != 0) continue;
        p->fail_at = p->now->at;
        return err_set(p->e, ERR_UNSUPPORTED, "the tag '%s' is not supported", name);
    }
    enum err rc = parse_unexpected_tag(p, p->now, name);
    const char *near = str_nearest(name, known);
    if (near && strcmp(near, name) != 0) err_hint(p->e, "did you mean '%s'?", near);
    return rc;
}

static enum err parse_tag(struct parser *p, const char *name, struct node **out)
{
    static const struct { const char *name; enum err (*parse)(struct parser *, struct node **); } plain[] = {
        {"set", parse_set}, {"for", parse_for}, {"if", parse_if}, {"call", parse_call_block}, {"filter", parse_filter_block},
        {"with", parse_with}, {"print", parse_print}, {"do", parse_do}};
    static const struct { const char *name; enum jinja_macro_kind kind; } macros[] = {{"macro", JINJA_MACRO_PLAIN}, {"test", JINJA_MACRO_TEST},
        {"data_test", JINJA_MACRO_TEST}, {"materialization", JINJA_MACRO_MATERIALIZATION}, {"docs", JINJA_MACRO_DOCS}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(plain[i].name, name)) return plain[i].parse(p, out);
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
        if (!strcmp(macros[i].name, name)) return parse_macro(p, macros[i].kind, out);
    if (!strcmp(name, "break")) return parse_loop_control(p, NODE_BREAK, out);
    if (!strcmp(name, "continue")) return parse_loop_control(p, NODE_CONTINUE, out);
    p->tag_depth--;
    return parse_unknown(p, name);
}

enum err parse_statement(struct parser *p, struct node **out)
{
    if (p->now->kind != TOKEN_NAME) return parse_error(p, p->now, "tag name expected");
    if (p->tag_depth == 64) return parse_error(p, p->now, "blocks are nested too deeply (64)");
    p->tag[p->tag_depth++] = SV(p->now->value).ptr;
    enum err rc = parse_tag(p, SV(p->now->value).ptr, out);
    if (!rc) p->tag_depth--;
    return rc;
}
