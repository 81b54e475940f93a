/* Expressions, in the shape and precedence of jinja2/parser.py: or, and, not, comparisons, + -, ~, * / // %, **, unary, then
 * postfix, filters and tests. ** is left-associative and binds weaker than unary minus, as there. */
#include "model/jinja/internal.h"

static enum err parse_or(struct parser *p, struct node **out);

enum err parse_pair(struct parser *p, enum node_kind kind, int op, const struct token *at, struct node *a, struct node *b, struct node **out)
{
    struct node *n = syntax_new(p, kind, at->at);
    n->op = (uint8_t)op;
    n->a = a;
    n->b = b;
    n->c = NULL;
    *out = n;
    return ERR_OK;
}

static enum err parse_cond(struct parser *p, struct node **out)
{
    enum err rc = parse_deeper(p);
    struct node *then = NULL, *test = NULL, *otherwise;
    if (rc) return rc;
    bool soft = p->soft;
    const struct token *first = p->now, *lacking = p->lacking;
    TRY(parse_or(p, &then));
    while (token_is_name(p->now, "if")) {
        if (!lacking) p->lacking = NULL; /* what was unknown stood in this if */
        p->now++;
        p->soft = true;
        TRY(parse_or(p, &test));
        otherwise = NULL;
        if (parse_skip_name(p, "else")) TRY(parse_cond(p, &otherwise));
        struct node *n = syntax_new(p, NODE_COND, first->at);
        n->a = then, n->b = test, n->c = otherwise;
        then = n;
    }
    *out = then;
done:
    p->soft = soft;
    return rc;
}

enum err parse_expression(struct parser *p, bool with_cond, struct node **out)
{
    return with_cond ? parse_cond(p, out) : parse_or(p, out);
}

static enum err parse_concat(struct parser *p, struct node **out);

static enum err parse_pow(struct parser *p, struct node **out)
{
    struct node *right;
    enum err rc = parse_unary(p, true, out);
    while (!rc && p->now->kind == TOKEN_POW) {
        const struct token *at = p->now++;
        if (!(rc = parse_unary(p, true, &right))) rc = parse_pair(p, NODE_BINARY, JINJA_POW, at, *out, right, out);
    }
    return rc;
}

static enum err parse_mul(struct parser *p, struct node **out)
{
    struct node *right;
    enum err rc = parse_pow(p, out);
    while (!rc) {
        const struct token *at = p->now;
        int op = at->kind == TOKEN_MUL ? JINJA_MUL : at->kind == TOKEN_DIV ? JINJA_DIV : at->kind == TOKEN_FLOORDIV ? JINJA_FLOORDIV : at->kind == TOKEN_MOD ? JINJA_MOD : -1;
        if (op < 0) break;
        p->now++;
        if (!(rc = parse_pow(p, &right))) rc = parse_pair(p, NODE_BINARY, op, at, *out, right, out);
    }
    return rc;
}

static enum err parse_concat(struct parser *p, struct node **out)
{
    struct node_vec v = {0};
    struct node *n = NULL;
    const struct token *at = NULL;
    enum err rc;
    TRY(parse_mul(p, &n));
    if (p->now->kind != TOKEN_TILDE) {
        *out = n;
        goto done;
    }
    node_push(&v, n);
    at = p->now;
    while (parse_skip(p, TOKEN_TILDE)) {
        TRY(parse_mul(p, &n));
        node_push(&v, n);
    }
    *out = syntax_new(p, NODE_CONCAT, at->at);
    (*out)->list = node_list_take(p, &v);
done:
    mem_free(v.item);
    return rc;
}

static enum err parse_add(struct parser *p, struct node **out)
{
    struct node *right;
    enum err rc = parse_concat(p, out);
    while (!rc && (p->now->kind == TOKEN_ADD || p->now->kind == TOKEN_SUB)) {
        const struct token *at = p->now++;
        if (!(rc = parse_concat(p, &right))) rc = parse_pair(p, NODE_BINARY, at->kind == TOKEN_ADD ? JINJA_ADD : JINJA_SUB, at, *out, right, out);
    }
    return rc;
}

static int compare_here(struct parser *p)
{
    switch (p->now->kind) {
    case TOKEN_EQ: return p->now++, CMP_EQ;
    case TOKEN_NE: return p->now++, CMP_NE;
    case TOKEN_LT: return p->now++, CMP_LT;
    case TOKEN_LTEQ: return p->now++, CMP_LE;
    case TOKEN_GT: return p->now++, CMP_GT;
    case TOKEN_GTEQ: return p->now++, CMP_GE;
    default: break;
    }
    if (token_is_name(p->now, "in")) return p->now++, CMP_IN;
    if (token_is_name(p->now, "not") && token_is_name(p->now + 1, "in")) return p->now += 2, CMP_NOT_IN;
    return -1;
}

static enum err parse_compare(struct parser *p, struct node **out)
{
    enum err rc = ERR_OK;
    struct node *first = NULL, *right = NULL;
    struct node_vec v = {0};
    struct buf ops = {0};
    const struct token *at;
    int op;
    TRY(parse_add(p, &first));
    at = p->now;
    while ((op = compare_here(p)) >= 0) {
        TRY(parse_add(p, &right));
        node_push(&v, right);
        buf_char(&ops, (char)op);
    }
    *out = first;
    if (v.count) {
        struct node *n = syntax_new(p, NODE_COMPARE, at->at);
        n->compare = arena_zalloc(&p->t->arena, sizeof *n->compare);
        n->compare->first = first;
        n->compare->count = v.count;
        n->compare->rest = arena_alloc(&p->t->arena, v.count * sizeof *n->compare->rest);
        for (size_t i = 0; i < v.count; i++) {
            n->compare->rest[i].op = (enum compare_op)ops.ptr[i];
            n->compare->rest[i].value = v.item[i];
        }
        *out = n;
    }
done:
    mem_free(v.item);
    buf_reset(&ops);
    return rc;
}

static enum err parse_not(struct parser *p, struct node **out)
{
    if (!token_is_name(p->now, "not")) return parse_compare(p, out);
    enum err rc = parse_deeper(p);
    if (rc) return rc;
    const struct token *at = p->now++;
    struct node *of;
    if ((rc = parse_not(p, &of))) return rc;
    return parse_pair(p, NODE_NOT, 0, at, of, NULL, out);
}

static enum err parse_and(struct parser *p, struct node **out)
{
    struct node *right;
    enum err rc = parse_not(p, out);
    while (!rc && token_is_name(p->now, "and")) {
        const struct token *at = p->now++;
        if (!(rc = parse_not(p, &right))) rc = parse_pair(p, NODE_AND, 0, at, *out, right, out);
    }
    return rc;
}

static enum err parse_or(struct parser *p, struct node **out)
{
    struct node *right;
    enum err rc = parse_and(p, out);
    while (!rc && token_is_name(p->now, "or")) {
        const struct token *at = p->now++;
        if (!(rc = parse_and(p, &right))) rc = parse_pair(p, NODE_OR, 0, at, *out, right, out);
    }
    return rc;
}
