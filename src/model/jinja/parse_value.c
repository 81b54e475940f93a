/* Values of expressions: literals, names, tuples, and what follows them (calls, subscripts, filters, tests). */
#include "model/jinja/internal.h"

/* ---- literals --------------------------------------------------------------------------------------------------- */

static struct node *const_node(struct parser *p, const struct token *t, struct jinja_value v)
{
    struct node *n = syntax_new(p, NODE_CONST, t->at);
    n->value = v;
    return n;
}

static enum err parse_name(struct parser *p, bool with_namespace, struct node **out)
{
    const struct token *t = p->now++;
    struct view name = token_text(p, t);
    if (view_is(name, "true") || view_is(name, "True")) return *out = const_node(p, t, jinja_bool(true)), ERR_OK;
    if (view_is(name, "false") || view_is(name, "False")) return *out = const_node(p, t, jinja_bool(false)), ERR_OK;
    if (view_is(name, "none") || view_is(name, "None")) return *out = const_node(p, t, jinja_none()), ERR_OK;
    const struct symbol *s = parse_symbol(p, name);
    if (with_namespace && p->now->kind == TOKEN_DOT) {
        p->now++;
        const struct token *field = p->now;
        enum err rc = parse_expect(p, TOKEN_NAME);
        if (rc) return rc;
        struct node *n = syntax_new(p, NODE_NSREF, t->at);
        n->space = s;
        n->field = parse_symbol(p, token_text(p, field));
        return *out = n, ERR_OK;
    }
    struct node *n = syntax_new(p, NODE_NAME, t->at);
    n->name = s;
    *out = n;
    parse_name_seen(p, s);
    return ERR_OK;
}

static enum err parse_string(struct parser *p, struct node **out)
{
    const struct token *t = p->now++;
    struct jinja_value v = t->value;
    if (p->now->kind == TOKEN_STRING) {
        struct buf all = {0};
        buf_add(&all, SV(v).ptr, SV(v).len);
        for (; p->now->kind == TOKEN_STRING; p->now++) buf_add(&all, SV(p->now->value).ptr, SV(p->now->value).len);
        v = str_const(&p->t->arena, all.ptr ? all.ptr : "", all.len);
        buf_reset(&all);
    }
    *out = const_node(p, t, v);
    return ERR_OK;
}

/* [a, b] and {k: v, …} */
static enum err parse_display(struct parser *p, bool dict, struct node **out)
{
    const struct token *t = p->now++;
    enum token_kind end = dict ? TOKEN_RBRACE : TOKEN_RBRACKET;
    struct node_vec v = {0};
    struct node *n = NULL;
    enum err rc = ERR_OK;
    while (p->now->kind != end) {
        if (v.count) TRY(parse_expect(p, TOKEN_COMMA));
        if (p->now->kind == end) break;
        TRY(parse_expression(p, true, &n));
        node_push(&v, n);
        if (!dict) continue;
        TRY(parse_expect(p, TOKEN_COLON));
        TRY(parse_expression(p, true, &n));
        node_push(&v, n);
    }
    TRY(parse_expect(p, end));
    *out = syntax_new(p, dict ? NODE_DICT : NODE_LIST, t->at);
    (*out)->list = node_list_take(p, &v);
done:
    mem_free(v.item);
    return rc;
}

enum err parse_primary(struct parser *p, bool with_namespace, struct node **out)
{
    const struct token *t = p->now;
    enum err rc;
    switch (t->kind) {
    case TOKEN_NAME: return parse_name(p, with_namespace, out);
    case TOKEN_STRING: return parse_string(p, out);
    case TOKEN_INTEGER:
    case TOKEN_FLOAT: p->now++; return *out = const_node(p, t, t->value), ERR_OK;
    case TOKEN_LPAREN:
        p->now++;
        if ((rc = parse_tuple(p, TUPLE_PARENS, NULL, out))) return rc;
        return parse_expect(p, TOKEN_RPAREN);
    case TOKEN_LBRACKET: return parse_display(p, false, out);
    case TOKEN_LBRACE: return parse_display(p, true, out);
    default: return parse_error(p, t, "unexpected '%s'", token_describe(t->kind));
    }
}

static bool tuple_ends(struct parser *p, const char *end_name)
{
    enum token_kind k = p->now->kind;
    return k == TOKEN_VARIABLE_END || k == TOKEN_BLOCK_END || k == TOKEN_RPAREN || (end_name && token_is_name(p->now, end_name));
}

enum err parse_tuple(struct parser *p, unsigned how, const char *end_name, struct node **out)
{
    struct node_vec v = {0};
    struct node *n = NULL;
    const struct token *first = p->now;
    bool tuple = false;
    enum err rc = parse_deeper(p);
    if (rc) return rc;
    for (;;) {
        if (v.count) TRY(parse_expect(p, TOKEN_COMMA));
        if (tuple_ends(p, end_name)) break;
        if (how & TUPLE_SIMPLE) TRY(parse_primary(p, how & TUPLE_NAMESPACE, &n));
        else TRY(parse_expression(p, !(how & TUPLE_NO_COND), &n));
        node_push(&v, n);
        if (p->now->kind != TOKEN_COMMA) break;
        tuple = true;
    }
    if (!tuple && v.count) {
        *out = v.item[0];
        goto done;
    }
    if (!tuple && !(how & TUPLE_PARENS)) {
        if (p->now->kind == TOKEN_NAME) TRY(parse_error(p, p->now, "Expected an expression, got '%.*s'", (int)token_text(p, p->now).len, token_text(p, p->now).ptr));
        TRY(parse_error(p, p->now, "Expected an expression, got '%s'", token_describe(p->now->kind)));
    }
    *out = syntax_new(p, NODE_TUPLE, first->at);
    (*out)->list = node_list_take(p, &v);
done:
    mem_free(v.item);
    return rc;
}

/* ---- what follows a value ------------------------------------------------------------------------------------------ */

struct call_args {
    struct node_vec args;
    struct keyword *named;
    size_t count, cap;
};

static enum err parse_one_arg(struct parser *p, const struct token *open, struct call_args *a, struct node_call *c)
{
    struct node *n = NULL;
    enum err rc;
    bool ok = !c->more_named;
    if (parse_skip(p, TOKEN_MUL)) {
        if (c->more_args || c->more_named) goto invalid;
        return parse_expression(p, true, &c->more_args);
    }
    if (parse_skip(p, TOKEN_POW)) {
        if (!ok) goto invalid;
        return parse_expression(p, true, &c->more_named);
    }
    if (p->now->kind == TOKEN_NAME && p->now[1].kind == TOKEN_ASSIGN) {
        if (!ok) goto invalid;
        const struct token *name = p->now;
        const struct symbol *s = parse_symbol(p, token_text(p, name));
        for (size_t i = 0; i < a->count; i++)
            if (a->named[i].name == s) return parse_error(p, name, "keyword argument repeated: %.*s", (int)s->name.len, s->name.ptr);
        p->now += 2;
        if ((rc = parse_expression(p, true, &n))) return rc;
        mem_grow(&a->named, &a->cap, a->count + 1, sizeof *a->named);
        a->named[a->count++] = (struct keyword){s, n};
        return ERR_OK;
    }
    if (c->more_args || !ok || a->count) goto invalid;
    if ((rc = parse_expression(p, true, &n))) return rc;
    node_push(&a->args, n);
    return ERR_OK;
invalid:
    return parse_error(p, open, "invalid syntax for function call expression");
}

static enum err parse_call_args(struct parser *p, struct node_call *c)
{
    struct call_args a = {0};
    const struct token *open = p->now;
    bool comma = false;
    enum err rc;
    TRY(parse_expect(p, TOKEN_LPAREN));
    while (p->now->kind != TOKEN_RPAREN) {
        if (comma) {
            TRY(parse_expect(p, TOKEN_COMMA));
            if (p->now->kind == TOKEN_RPAREN) break;
        }
        TRY(parse_one_arg(p, open, &a, c));
        comma = true;
    }
    TRY(parse_expect(p, TOKEN_RPAREN));
    c->args = node_list_take(p, &a.args);
    c->named_count = a.count;
    if (a.count) c->named = memcpy(arena_alloc(&p->t->arena, a.count * sizeof *a.named), a.named, a.count * sizeof *a.named);
done:
    mem_free(a.args.item);
    mem_free(a.named);
    return rc;
}

static struct node *call_node(struct parser *p, enum node_kind kind, uint32_t at, struct node *of)
{
    struct node *n = syntax_new(p, kind, at);
    n->call = arena_zalloc(&p->t->arena, sizeof *n->call);
    n->call->of = of;
    return n;
}

static enum err parse_subscribed(struct parser *p, struct node **out)
{
    struct node *part[3] = {0};
    const struct token *first = p->now;
    enum err rc;
    if (p->now->kind != TOKEN_COLON) {
        if ((rc = parse_expression(p, true, &part[0]))) return rc;
        if (p->now->kind != TOKEN_COLON) return *out = part[0], ERR_OK;
    }
    p->now++;
    for (int i = 1; i < 3; i++) {
        if (i == 2 && !parse_skip(p, TOKEN_COLON)) break;
        enum token_kind k = p->now->kind;
        if (k == TOKEN_RBRACKET || k == TOKEN_COMMA || (i == 1 && k == TOKEN_COLON)) continue;
        if ((rc = parse_expression(p, true, &part[i]))) return rc;
    }
    struct node *n = syntax_new(p, NODE_SLICE, first->at);
    n->a = part[0], n->b = part[1], n->c = part[2];
    *out = n;
    return ERR_OK;
}

static enum err parse_subscript(struct parser *p, struct node *of, struct node **out)
{
    const struct token *t = p->now++;
    struct node_vec v = {0};
    struct node *n = NULL;
    enum err rc = ERR_OK;
    if (t->kind == TOKEN_DOT) {
        const struct token *name = p->now++;
        if (name->kind == TOKEN_INTEGER) return parse_pair(p, NODE_ITEM, 0, name, of, const_node(p, name, name->value), out);
        if (name->kind != TOKEN_NAME) return p->now--, parse_error(p, name, "expected name or number");
        n = syntax_new(p, NODE_ATTR, name->at);
        n->of = of;
        n->attr = parse_symbol(p, token_text(p, name));
        return *out = n, ERR_OK;
    }
    while (p->now->kind != TOKEN_RBRACKET) {
        if (v.count) TRY(parse_expect(p, TOKEN_COMMA));
        TRY(parse_subscribed(p, &n));
        if (n->kind == NODE_SLICE && (v.count || p->now->kind == TOKEN_COMMA)) TRY(parse_error(p, p->now, "a slice among several subscripts is not supported"));
        node_push(&v, n);
    }
    TRY(parse_expect(p, TOKEN_RBRACKET));
    if (v.count != 1) {
        n = syntax_new(p, NODE_TUPLE, t->at);
        n->list = node_list_take(p, &v);
    }
    TRY(parse_pair(p, NODE_ITEM, 0, t, of, n, out));
done:
    mem_free(v.item);
    return rc;
}

static enum err parse_call(struct parser *p, struct node *of, struct node **out)
{
    struct node *n = call_node(p, NODE_CALL, of->at, of);
    *out = n;
    return parse_call_args(p, n->call);
}

static enum err parse_postfix(struct parser *p, struct node **n)
{
    enum err rc = ERR_OK;
    while (!rc) {
        enum token_kind k = p->now->kind;
        if (k == TOKEN_DOT || k == TOKEN_LBRACKET) rc = parse_subscript(p, *n, n);
        else if (k == TOKEN_LPAREN) rc = parse_call(p, *n, n);
        else break;
        if (!rc) rc = ERR_OK;
    }
    return rc;
}

/* "name" or "a.b" of a filter or test. */
static enum err parse_dotted(struct parser *p, const struct symbol **out)
{
    const struct token *t = p->now;
    enum err rc = parse_expect(p, TOKEN_NAME);
    if (rc) return rc;
    struct view name = token_text(p, t);
    struct buf all = {0};
    buf_add(&all, name.ptr, name.len);
    while (!rc && parse_skip(p, TOKEN_DOT)) {
        name = token_text(p, p->now);
        rc = parse_expect(p, TOKEN_NAME);
        buf_char(&all, '.');
        if (!rc) buf_add(&all, name.ptr, name.len);
    }
    if (!rc) *out = parse_symbol(p, view_from(all.ptr, all.len));
    buf_reset(&all);
    return rc;
}

/* Jinja's compiler refuses unknown filters and tests unless they stand in an if; "x | f if y" is one, which is not known yet. */
static void check_known(struct parser *p, const struct token *at, const struct symbol *name, bool filter)
{
    struct jinja_value table = filter ? p->env->filters : p->env->tests;
    if (p->soft || p->lacking || jinja_dict_get_view(table, name->name).type != JINJA_ABSENT) return;
    p->lacking = at;
    p->lacking_name = name;
    p->lacking_filter = filter;
}

enum err parse_lacking(struct parser *p)
{
    if (!p->lacking) return ERR_OK;
    const char *name = p->lacking_name->name.ptr;
    enum err rc = parse_error(p, p->lacking, "No %s named '%s'.", p->lacking_filter ? "filter" : "test", name);
    p->env->unknown = name;
    p->env->unknown_owner = p->lacking_filter ? p->env->filters : p->env->tests;
    return rc;
}

enum err parse_filter(struct parser *p, struct node *of, bool start_inline, struct node **out)
{
    enum err rc = ERR_OK;
    while (p->now->kind == TOKEN_PIPE || start_inline) {
        if (!start_inline) p->now++;
        start_inline = false;
        const struct token *at = p->now;
        const struct symbol *name = NULL;
        if ((rc = parse_dotted(p, &name))) return rc;
        struct node *n = call_node(p, NODE_FILTER, at->at, of);
        n->call->name = name;
        if (p->now->kind == TOKEN_LPAREN && (rc = parse_call_args(p, n->call))) return rc;
        check_known(p, at, name, true);
        of = n;
    }
    *out = of;
    return rc;
}

static bool starts_test_argument(struct parser *p)
{
    switch (p->now->kind) {
    case TOKEN_NAME: return !token_is_name(p->now, "else") && !token_is_name(p->now, "or") && !token_is_name(p->now, "and");
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE: return true;
    default: return false;
    }
}

static enum err parse_test(struct parser *p, struct node *of, struct node **out)
{
    enum err rc;
    const struct token *is = p->now++;
    bool negated = parse_skip_name(p, "not");
    const struct token *at = p->now;
    const struct symbol *name = NULL;
    if ((rc = parse_dotted(p, &name))) return rc;
    struct node *n = call_node(p, NODE_TEST, at->at, of);
    n->call->name = name;
    if (p->now->kind == TOKEN_LPAREN) {
        if ((rc = parse_call_args(p, n->call))) return rc;
    } else if (starts_test_argument(p)) {
        if (token_is_name(p->now, "is")) return parse_error(p, p->now, "You cannot chain multiple tests with is");
        struct node *arg = NULL;
        if ((rc = parse_primary(p, false, &arg)) || (rc = parse_postfix(p, &arg))) return rc;
        struct node_vec v = {0};
        node_push(&v, arg);
        n->call->args = node_list_take(p, &v);
        mem_free(v.item);
    }
    check_known(p, at, name, false);
    *out = n;
    return negated ? parse_pair(p, NODE_NOT, 0, is, n, NULL, out) : ERR_OK;
}

enum err parse_unary(struct parser *p, bool with_filter, struct node **out)
{
    enum err rc = parse_deeper(p);
    if (rc) return rc;
    const struct token *t = p->now;
    if (t->kind == TOKEN_SUB || t->kind == TOKEN_ADD) {
        struct node *of = NULL;
        p->now++;
        if ((rc = parse_unary(p, false, &of))) return rc;
        parse_pair(p, NODE_UNARY, t->kind == TOKEN_SUB ? JINJA_NEG : JINJA_POS, t, of, NULL, out);
    } else if ((rc = parse_primary(p, false, out))) {
        return rc;
    }
    if ((rc = parse_postfix(p, out)) || !with_filter) return rc;
    while (!rc) {
        if (p->now->kind == TOKEN_PIPE) rc = parse_filter(p, *out, false, out);
        else if (token_is_name(p->now, "is")) rc = parse_test(p, *out, out);
        else if (p->now->kind == TOKEN_LPAREN) rc = parse_call(p, *out, out);
        else break;
    }
    return rc;
}
