/* Statements and whole templates, after jinja2/parser.py and dbt's extensions (do, loopcontrols, materialization, test,
 * docs, typed macro arguments). */
#include "model/jinja/internal.h"

#include <stdlib.h>

/* ---- helpers of both parser files ------------------------------------------------------------------------------- */

enum err parse_error(struct parser *p, const struct token *at, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->fail_at = at->at;
    return FAIL(p->e, "%s", text);
}

enum err parse_deeper(struct parser *p)
{
    ptrdiff_t used = p->stack_base - (const char *)__builtin_frame_address(0);
    if (used < 0) used = -used;
    if ((size_t)used < p->env->limit.max_stack_bytes / 2) return ERR_OK;
    return parse_error(p, p->now, "the expression or block is nested too deeply");
}

struct node *syntax_new(struct parser *p, enum node_kind kind, uint32_t at)
{
    struct node *n = arena_zalloc(&p->t->arena, sizeof *n);
    n->kind = (uint8_t)kind;
    n->at = at;
    return n;
}

void node_push(struct node_vec *v, struct node *n)
{
    mem_grow(&v->item, &v->cap, v->count + 1, sizeof(struct node *));
    v->item[v->count++] = n;
}

struct node_list node_list_take(struct parser *p, struct node_vec *v)
{
    struct node_list l = {.count = v->count};
    if (v->count) l.item = memcpy(arena_alloc(&p->t->arena, v->count * sizeof *v->item), v->item, v->count * sizeof *v->item);
    v->count = 0;
    return l;
}

static void symbol_place(struct parser *p, const struct symbol *s, uint64_t hash)
{
    size_t i = hash & (p->symbol_index_cap - 1);
    while (p->symbol_index[i]) i = (i + 1) & (p->symbol_index_cap - 1);
    p->symbol_index[i] = s;
}

const struct symbol *parse_symbol(struct parser *p, struct view name)
{
    struct jinja_template *t = p->t;
    struct jinja_string probe = {.ptr = name.ptr, .len = name.len};
    uint64_t hash = str_hash(&probe);
    if (p->symbol_index_cap < 2 * (t->symbol_count + 1)) {
        mem_free(p->symbol_index);
        p->symbol_index_cap = p->symbol_index_cap ? p->symbol_index_cap * 2 : 64;
        p->symbol_index = mem_zalloc(p->symbol_index_cap * sizeof *p->symbol_index);
        for (size_t i = 0; i < t->symbol_count; i++) symbol_place(p, t->symbol[i], t->symbol[i]->text.as.string->hash);
    }
    size_t i = hash & (p->symbol_index_cap - 1);
    for (; p->symbol_index[i]; i = (i + 1) & (p->symbol_index_cap - 1))
        if (view_eq(p->symbol_index[i]->name, name)) return p->symbol_index[i];
    struct symbol *s = arena_zalloc(&t->arena, sizeof *s);
    s->text = str_const(&t->arena, name.ptr, name.len);
    s->name = SV(s->text);
    s->id = (uint32_t)t->symbol_count;
    if (!(t->symbol_count & (t->symbol_count - 1))) {
        size_t cap = t->symbol_count ? t->symbol_count * 2 : 1;
        struct symbol **more = arena_alloc(&t->arena, cap * sizeof *more);
        if (t->symbol_count) memcpy(more, t->symbol, t->symbol_count * sizeof *more);
        t->symbol = more;
    }
    t->symbol[t->symbol_count++] = s;
    symbol_place(p, s, hash);
    return s;
}

static struct view token_text(struct parser *p, const struct token *t) { return view_from(p->t->text.ptr + t->at, t->end - t->at); }

bool token_is_name(const struct token *t, const char *name)
{
    return t->kind == TOKEN_NAME && view_is(SV(t->value), name);
}

static void describe_here(struct parser *p, char out[80])
{
    struct view v = token_text(p, p->now);
    if (p->now->kind == TOKEN_NAME) snprintf(out, 80, "%.*s", (int)(v.len > 60 ? 60 : v.len), v.ptr);
    else snprintf(out, 80, "%s", token_describe(p->now->kind));
}

static enum err expected(struct parser *p, const char *what)
{
    char got[80];
    if (p->now->kind == TOKEN_EOF) return parse_error(p, p->now, "unexpected end of template, expected '%s'.", what);
    describe_here(p, got);
    return parse_error(p, p->now, "expected token '%s', got '%s'", what, got);
}

enum err parse_expect(struct parser *p, enum token_kind kind)
{
    if (p->now->kind == kind) return p->now++, ERR_OK;
    return expected(p, token_describe(kind));
}

enum err parse_expect_name(struct parser *p, const char *name)
{
    if (token_is_name(p->now, name)) return p->now++, ERR_OK;
    return expected(p, name);
}

bool parse_skip(struct parser *p, enum token_kind kind)
{
    if (p->now->kind != kind) return false;
    return p->now++, true;
}

bool parse_skip_name(struct parser *p, const char *name)
{
    if (!token_is_name(p->now, name)) return false;
    return p->now++, true;
}

/* Jinja's find_undeclared: what a macro's body mentions decides what it accepts; a for's, whether it needs `loop`. */
void parse_name_seen(struct parser *p, const struct symbol *name)
{
    if (p->in_for && name == p->t->loop) p->in_for->uses_loop = true;
    if (name != p->t->caller && name != p->t->kwargs && name != p->t->varargs) return;
    for (struct node_macro *m = p->in_macro; m; m = m->outer) {
        if (name == p->t->caller) m->uses_caller = true;
        else if (name == p->t->kwargs) m->uses_kwargs = true;
        else m->uses_varargs = true;
    }
}

/* ---- targets ------------------------------------------------------------------------------------------------------- */

static enum err check_target(struct parser *p, const struct node *n, const struct token *at)
{
    enum err rc = ERR_OK;
    switch (n->kind) {
    case NODE_NAME:
        if (p->fors && n->name == p->t->loop) return parse_error(p, at, "Can't assign to special loop variable in for-loop target");
        return ERR_OK;
    case NODE_NSREF: return ERR_OK;
    case NODE_TUPLE:
        for (size_t i = 0; i < n->list.count && !rc; i++) rc = check_target(p, n->list.item[i], at);
        return rc;
    case NODE_CONST: return parse_error(p, at, "can't assign to 'const'");
    case NODE_LIST: return parse_error(p, at, "can't assign to 'list'");
    default: return parse_error(p, at, "can't assign to this expression");
    }
}

enum err parse_target(struct parser *p, bool name_only, bool with_namespace, const char *end_name, struct node **out)
{
    const struct token *at = p->now;
    enum err rc;
    if (name_only) {
        if ((rc = parse_expect(p, TOKEN_NAME))) return rc;
        p->now--;
        struct view v = token_text(p, p->now);
        static const char *const reserved[] = {"true", "True", "false", "False", "none", "None", NULL};
        for (size_t i = 0; reserved[i]; i++)
            if (view_is(v, reserved[i])) return parse_error(p, p->now, "can't assign to 'name'");
        p->now++;
        *out = syntax_new(p, NODE_NAME, at->at);
        (*out)->name = parse_symbol(p, v);
    } else if ((rc = parse_tuple(p, TUPLE_SIMPLE | (with_namespace ? TUPLE_NAMESPACE : 0u), end_name, out))) {
        return rc;
    }
    return check_target(p, *out, at);
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static bool at_end_tag(struct parser *p, const char *const *ends)
{
    for (; ends && *ends; ends++)
        if (token_is_name(p->now, *ends)) return true;
    return false;
}

static enum err unexpected_tag(struct parser *p, const struct token *at, const char *name)
{
    struct buf m = {0};
    const char *const *looking = p->end_depth ? p->end[p->end_depth - 1] : NULL;
    bool nesting = false;
    if (name) buf_printf(&m, "Encountered unknown tag '%s'.", name);
    else buf_str(&m, "Unexpected end of template.");
    for (unsigned i = 0; name && i < p->end_depth; i++)
        for (const char *const *e = p->end[i]; *e; e++) nesting = nesting || !strcmp(*e, name);
    if (looking) {
        buf_str(&m, nesting ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " : " Jinja was looking for the following tags: ");
        for (const char *const *e = looking; *e; e++) buf_printf(&m, "%s'%s'", e == looking ? "" : " or ", *e);
        buf_char(&m, '.');
    }
    if (p->tag_depth) buf_printf(&m, " The innermost block that needs to be closed is '%s'.", p->tag[p->tag_depth - 1]);
    enum err rc = parse_error(p, at, "%s", m.ptr);
    buf_reset(&m);
    return rc;
}

enum err parse_sub(struct parser *p, const char *const *ends, struct node_list *out)
{
    struct node_vec body = {0}, texts = {0};
    struct node *n = NULL;
    enum err rc = parse_deeper(p);
    if (rc) return rc;
    if (ends && p->end_depth == 64) return parse_error(p, p->now, "blocks are nested too deeply (64)");
    if (ends) p->end[p->end_depth++] = ends;
    for (;;) {
        const struct token *t = p->now;
        bool text = t->kind == TOKEN_DATA || t->kind == TOKEN_VARIABLE_BEGIN;
        if (!text && texts.count) {
            n = syntax_new(p, NODE_OUTPUT, texts.item[0]->at);
            n->list = node_list_take(p, &texts);
            node_push(&body, n);
        }
        if (t->kind == TOKEN_EOF) break;
        p->now++;
        if (t->kind == TOKEN_DATA) {
            n = syntax_new(p, NODE_TEXT, t->at);
            n->value = t->value;
            node_push(&texts, n);
        } else if (text) {
            TRY(parse_tuple(p, 0, NULL, &n));
            node_push(&texts, n);
            TRY(parse_expect(p, TOKEN_VARIABLE_END));
        } else {
            if (at_end_tag(p, ends)) break;
            TRY(parse_statement(p, &n));
            if (n) node_push(&body, n);
            TRY(parse_expect(p, TOKEN_BLOCK_END));
        }
    }
    *out = node_list_take(p, &body);
    if (ends) p->end_depth--;
done:
    mem_free(body.item);
    mem_free(texts.item);
    return rc;
}

enum err parse_statements(struct parser *p, const char *const *ends, bool drop, struct node_list *out)
{
    enum err rc;
    parse_skip(p, TOKEN_COLON);
    if ((rc = parse_expect(p, TOKEN_BLOCK_END)) || (rc = parse_sub(p, ends, out))) return rc;
    if (p->now->kind == TOKEN_EOF) {
        p->end[p->end_depth++] = ends;
        return unexpected_tag(p, p->now, NULL);
    }
    if (drop) p->now++;
    return ERR_OK;
}

/* A body whose filters must be known even if the statement stands in an if, as Jinja's compiler has it. */
static enum err hard_statements(struct parser *p, const char *const *ends, bool drop, struct node_list *out)
{
    bool soft = p->soft;
    p->soft = false;
    enum err rc = parse_statements(p, ends, drop, out);
    p->soft = soft;
    return rc;
}

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
    return hard_statements(p, ends, true, &n->body);
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

/* ---- macros ---------------------------------------------------------------------------------------------------------- */

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

static void *arena_keep(struct arena *a, const void *p, size_t bytes) { return bytes ? memcpy(arena_alloc(a, bytes), p, bytes) : NULL; }

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
    enum err rc = hard_statements(p, ends, true, &m->body);
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

static enum err parse_macro(struct parser *p, enum jinja_macro_kind kind, struct node **out)
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

static enum err parse_call_block(struct parser *p, struct node **out)
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

/* ---- the smaller ones ---------------------------------------------------------------------------------------------------- */

static enum err parse_filter_block(struct parser *p, struct node **out)
{
    static const char *const ends[] = {"endfilter", NULL};
    struct node *n = syntax_new(p, NODE_FILTER_BLOCK, p->now++->at);
    n->hides = arena_zalloc(&p->t->arena, sizeof *n->hides);
    enum err rc = parse_filter(p, NULL, true, &n->filter);
    *out = n;
    return rc ? rc : hard_statements(p, ends, true, &n->body);
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
    TRY(hard_statements(p, ends, true, &w->body));
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
    enum err rc = unexpected_tag(p, p->now, name);
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

/* ---- whole templates --------------------------------------------------------------------------------------------------------- */

/* \r\n and \r become \n, one newline at the end goes. */
static struct view normalize(struct arena *a, const char *source, size_t len, bool whole)
{
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (source[i] != '\r') {
            out[n++] = source[i];
            continue;
        }
        out[n++] = '\n';
        if (i + 1 < len && source[i + 1] == '\n') i++;
    }
    if (whole && n && out[n - 1] == '\n') n--;
    out[n] = '\0';
    return view_from(out, n);
}

static enum err check_source(struct jinja_env *env, struct jinja_template *t, const char *source, size_t len, struct error *e)
{
    if (len > UINT32_MAX / 2) return FAIL(e, "the template is too large (%zu bytes)", len);
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_length(source + i, len - i);
        if (n) continue;
        FAIL(e, "byte 0x%02x is not valid UTF-8", (unsigned char)source[i]);
        t->text = view_from(source, i);
        return fail_syntax(env, t->name, t->first_line, t->text, (uint32_t)i, e);
    }
    return ERR_OK;
}

static void give_names_to_tokens(struct parser *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct token *t = &p->token[i];
        if (t->kind == TOKEN_NAME) t->value = parse_symbol(p, token_text(p, t))->text;
    }
}

static enum err parse_text(struct parser *p, bool expression)
{
    struct lexer l = {.arena = &p->t->arena, .text = p->t->text, .e = p->e};
    enum err rc = lexer_run(&l, expression);
    p->token = l.token;
    p->fail_at = l.fail_at;
    if (rc) return rc;
    give_names_to_tokens(p, l.count);
    p->now = p->token;
    if (!expression) return parse_sub(p, NULL, &p->t->body);
    struct node_vec v = {0};
    struct node *n = NULL;
    TRY(parse_expression(p, true, &n));
    if (p->now->kind != TOKEN_EOF) TRY(parse_error(p, p->now, "chunk after expression"));
    node_push(&v, n);
    p->t->body = node_list_take(p, &v);
done:
    mem_free(v.item);
    return rc;
}

enum err template_parse(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned first_line, bool expression,
                        struct jinja_template **out, struct error *e)
{
    struct error own;
    if (!e) e = &own;
    *out = NULL;
    struct jinja_template *t = mem_zalloc(sizeof *t);
    arena_init(&t->arena);
    t->name = arena_strdup(&t->arena, name ? name : "<template>");
    t->first_line = first_line;
    struct parser p = {.env = env, .t = t, .e = e, .stack_base = __builtin_frame_address(0)};
    env->unknown = NULL;
    enum err rc = check_source(env, t, source, len, e);
    if (rc) goto done;
    t->text = normalize(&t->arena, source, len, !expression);
    t->loop = parse_symbol(&p, view_of("loop"));
    t->caller = parse_symbol(&p, view_of("caller"));
    t->kwargs = parse_symbol(&p, view_of("kwargs"));
    t->varargs = parse_symbol(&p, view_of("varargs"));
    rc = parse_text(&p, expression);
    if (rc) rc = fail_syntax(env, t->name, first_line, t->text, p.fail_at, e);
    else {
        t->macro_count = p.macros.count;
        t->macro = arena_keep(&t->arena, p.macros.info, p.macros.count * sizeof *p.macros.info);
        t->macro_node = arena_keep(&t->arena, p.macros.node, p.macros.count * sizeof *p.macros.node);
        if (!expression) template_analyze(t);
        *out = t;
    }
done:
    mem_free(p.token);
    mem_free(p.symbol_index);
    mem_free(p.macros.info);
    mem_free(p.macros.node);
    if (rc) jinja_template_free(&t);
    return rc;
}

enum err jinja_template_parse(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned first_line,
                              struct jinja_template **out, struct error *e)
{
    return template_parse(env, source, len, name, first_line, false, out, e);
}

void jinja_template_free(struct jinja_template **t)
{
    if (!t || !*t) return;
    arena_reset(&(*t)->arena);
    mem_free(*t);
    *t = NULL;
}

const char *jinja_template_name(const struct jinja_template *t) { return t->name; }
size_t jinja_template_macro_count(const struct jinja_template *t) { return t->macro_count; }
const struct jinja_macro_info *jinja_template_macro(const struct jinja_template *t, size_t i) { return &t->macro[i]; }
