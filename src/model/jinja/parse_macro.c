/* Macros, dbt's blocks that are macros (test, materialization, docs), and call blocks. */
#include "model/jinja/internal.h"

/* dbt: Dict[str, Relation]; checked and thrown away. */
static enum err parse_type(struct parser *p)
{
    enum err rc = parse_deeper(p);
    if (rc || (rc = parse_expect(p, TOKEN_NAME)) || !parse_skip(p, TOKEN_LBRACKET)) return rc;
    for (bool first = true; p->now->kind != TOKEN_RBRACKET; first = false) {
        if (!first && (rc = parse_expect(p, TOKEN_COMMA))) return rc;
        if ((rc = parse_type(p))) return rc;
    }
    return parse_expect(p, TOKEN_RBRACKET);
}

struct signature {
    const struct symbol **arg;
    struct node **value;
    struct jinja_macro_arg *info;
    size_t count, arg_cap, value_cap, info_cap;
};

static enum err parse_argument(struct parser *p, struct signature *s)
{
    struct node *name = NULL, *value = NULL;
    unsigned fors = p->fors;
    p->fors = 0;
    enum err rc = parse_target(p, true, false, NULL, &name);
    p->fors = fors;
    if (rc) return rc;
    for (size_t i = 0; i < s->count; i++)
        if (s->arg[i] == name->name) return parse_error(p, p->now - 1, "duplicate argument '%s' in macro definition", name->name->name.ptr);
    if (parse_skip(p, TOKEN_COLON) && (rc = parse_type(p))) return rc;
    struct view source = {0};
    if (parse_skip(p, TOKEN_ASSIGN)) {
        const struct token *from = p->now;
        if ((rc = parse_expression(p, true, &value))) return rc;
        source = view_from(p->t->text.ptr + from->at, p->now[-1].end - from->at);
    } else if (s->count && s->value[s->count - 1]) {
        return parse_error(p, p->now, "non-default argument follows default argument");
    }
    mem_grow(&s->arg, &s->arg_cap, s->count + 1, sizeof(struct symbol *));
    mem_grow(&s->value, &s->value_cap, s->count + 1, sizeof(struct node *));
    mem_grow(&s->info, &s->info_cap, s->count + 1, sizeof *s->info);
    s->arg[s->count] = name->name;
    s->value[s->count] = value;
    s->info[s->count++] = (struct jinja_macro_arg){name->name->name, source};
    return ERR_OK;
}

static void signature_take(struct parser *p, struct signature *s, struct node_macro *m, struct jinja_macro_info *info)
{
    m->arg_count = s->count;
    m->arg = arena_keep(&p->t->arena, s->arg, s->count * sizeof *s->arg);
    m->arg_default = arena_keep(&p->t->arena, s->value, s->count * sizeof *s->value);
    if (!info) return;
    info->arg_count = s->count;
    info->args = arena_keep(&p->t->arena, s->info, s->count * sizeof *s->info);
}

static enum err parse_signature(struct parser *p, struct node_macro *m, struct jinja_macro_info *info)
{
    struct signature s = {0};
    enum err rc;
    TRY(parse_expect(p, TOKEN_LPAREN));
    while (p->now->kind != TOKEN_RPAREN) {
        if (s.count) TRY(parse_expect(p, TOKEN_COMMA));
        TRY(parse_argument(p, &s));
    }
    TRY(parse_expect(p, TOKEN_RPAREN));
    signature_take(p, &s, m, info);
done:
    mem_free(s.arg);
    mem_free(s.value);
    mem_free(s.info);
    return rc;
}

static enum err parse_macro_body(struct parser *p, struct node_macro *m, const char *const *ends)
{
    unsigned loops = p->loops;
    const struct token *at = p->now;
    p->loops = 0;
    m->outer = p->in_macro;
    p->in_macro = m;
    enum err rc = parse_hard_statements(p, ends, true, &m->body);
    p->in_macro = m->outer;
    p->loops = loops;
    for (size_t i = 0; i < m->arg_count && !rc; i++) {
        struct view a = m->arg[i]->name;
        if (view_is(a, "caller") && m->uses_caller && !m->arg_default[i])
            rc = parse_error(p, at, "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.");
        if (view_is(a, "kwargs")) m->uses_kwargs = false;
        if (view_is(a, "varargs")) m->uses_varargs = false;
    }
    return rc;
}

static void macro_add(struct parser *p, struct node *n, struct jinja_macro_info *info, const struct token *begin)
{
    if (p->tag_depth != 1) return;
    info->source = view_from(p->t->text.ptr + begin->at, p->now->end - begin->at);
    for (; p->line_at < begin->at; p->line_at++) p->lines += p->t->text.ptr[p->line_at] == '\n';
    info->line = p->t->first_line + p->lines;
    struct macro_vec *v = &p->macros;
    mem_grow(&v->info, &v->cap, v->count + 1, sizeof *v->info);
    mem_grow(&v->node, &v->node_cap, v->count + 1, sizeof(struct node *));
    v->info[v->count] = *info;
    v->node[v->count++] = n;
}

/* materialization NAME [, default] [, adapter='x'] [, supported_languages=[…]] */
static enum err parse_materialization(struct parser *p, struct node_macro *m, struct jinja_macro_info *info)
{
    enum err rc = ERR_OK;
    struct signature s = {0};
    struct node *value = NULL;
    info->adapter = view_of("default");
    while (parse_skip(p, TOKEN_COMMA)) {
        const struct token *at = p->now;
        TRY(parse_expect(p, TOKEN_NAME));
        if (token_is_name(at, "default")) continue;
        bool adapter = token_is_name(at, "adapter");
        if (!adapter && !token_is_name(at, "supported_languages")) {
            TRY(parse_error(p, at, "materialization '%.*s' received unknown argument '%.*s'.", (int)info->name.len, info->name.ptr, (int)(at->end - at->at), p->t->text.ptr + at->at));
        }
        TRY(parse_expect(p, TOKEN_ASSIGN));
        const struct token *from = p->now;
        TRY(parse_expression(p, true, &value));
        if (adapter) {
            if (value->kind != NODE_CONST || !jinja_is_string(value->value)) TRY(parse_error(p, from, "a materialization's adapter must be a string"));
            info->adapter = SV(value->value);
        } else {
            info->languages = view_from(p->t->text.ptr + from->at, p->now[-1].end - from->at);
        }
    }
    s.count = 1;
    const struct symbol *languages = parse_symbol(p, view_of("supported_languages"));
    if (!info->languages.len) {
        struct node_vec v = {0};
        value = syntax_new(p, NODE_CONST, p->now->at);
        value->value = str_const(&p->t->arena, "sql", 3);
        node_push(&v, value);
        value = syntax_new(p, NODE_LIST, p->now->at);
        value->list = node_list_take(p, &v);
        mem_free(v.item);
    }
    struct jinja_macro_arg arg = {languages->name, info->languages};
    s.arg = &languages;
    s.value = &value;
    s.info = &arg;
    signature_take(p, &s, m, info);
done:
    return rc;
}

enum err parse_macro(struct parser *p, enum jinja_macro_kind kind, struct node **out)
{
    static const char *const ends[][3] = {{"endmacro", NULL}, {"endtest", "enddata_test", NULL}, {"endmaterialization", NULL}, {"enddocs", NULL}};
    const struct token *begin = p->now - 1;
    struct jinja_macro_info info = {.kind = kind};
    struct node *n = syntax_new(p, NODE_MACRO, p->now->at), *name = NULL;
    struct node_macro *m = n->macro = arena_zalloc(&p->t->arena, sizeof *m);
    enum err rc;
    p->now++;
    if ((rc = parse_target(p, true, false, NULL, &name))) return rc;
    info.name = name->name->name;
    if (kind == JINJA_MACRO_MATERIALIZATION) rc = parse_materialization(p, m, &info);
    else if (kind != JINJA_MACRO_DOCS) rc = parse_signature(p, m, &info);
    if (rc) return rc;
    const char *full = info.name.ptr;
    if (kind == JINJA_MACRO_TEST) full = arena_printf(&p->t->arena, "test_%s", info.name.ptr);
    if (kind == JINJA_MACRO_MATERIALIZATION) full = arena_printf(&p->t->arena, "materialization_%s_%.*s", info.name.ptr, (int)info.adapter.len, info.adapter.ptr);
    m->name = parse_symbol(p, view_of(full));
    info.full_name = m->name->name;
    if ((rc = parse_macro_body(p, m, ends[kind]))) return rc;
    macro_add(p, n, &info, begin);
    return *out = n, ERR_OK;
}

enum err parse_call_block(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endcall", NULL};
    const struct token *at = p->now++;
    struct node *n = syntax_new(p, NODE_CALL_BLOCK, at->at);
    struct node_macro *m = n->macro = arena_zalloc(&p->t->arena, sizeof *m);
    enum err rc;
    if (p->now->kind == TOKEN_LPAREN && (rc = parse_signature(p, m, NULL))) return rc;
    if ((rc = parse_expression(p, true, &m->call))) return rc;
    if (m->call->kind != NODE_CALL) return parse_error(p, at, "expected call");
    *out = n;
    return parse_macro_body(p, m, ends);
}
