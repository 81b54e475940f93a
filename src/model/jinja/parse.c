/* Whole templates, and what all files of the parser share. After jinja2/parser.py and dbt's extensions (do, loopcontrols,
 * materialization, test, docs, typed macro arguments). */
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

struct view token_text(struct parser *p, const struct token *t) { return view_from(p->t->text.ptr + t->at, t->end - t->at); }

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

void *arena_keep(struct arena *a, const void *p, size_t bytes) { return bytes ? memcpy(arena_alloc(a, bytes), p, bytes) : NULL; }

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

enum err parse_unexpected_tag(struct parser *p, const struct token *at, const char *name)
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
            TRY(parse_lacking(p));
        } else {
            if (at_end_tag(p, ends)) break;
            TRY(parse_statement(p, &n));
            if (n) node_push(&body, n);
            TRY(parse_expect(p, TOKEN_BLOCK_END));
            TRY(parse_lacking(p));
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
        return parse_unexpected_tag(p, p->now, NULL);
    }
    if (drop) p->now++;
    return ERR_OK;
}

/* A body whose filters must be known even if the statement stands in an if, as Jinja's compiler has it. */
enum err parse_hard_statements(struct parser *p, const char *const *ends, bool drop, struct node_list *out)
{
    bool soft = p->soft;
    p->soft = false;
    enum err rc = parse_statements(p, ends, drop, out);
    p->soft = soft;
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
    TRY(parse_lacking(p));
    node_push(&v, n);
    p->t->body = node_list_take(p, &v);
done:
    mem_free(v.item);
    return rc;
}

static enum err parse_analysis(struct parser *p)
{
    const struct node *deep = template_analyze(p->t);
    if (!deep) return ERR_OK;
    p->fail_at = deep->at;
    return FAIL(p->e, "the expression or block is nested too deeply");
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
    if (!rc) rc = parse_analysis(&p);
    if (rc) rc = fail_syntax(env, t->name, first_line, t->text, p.fail_at, e);
    else {
        t->macro_count = p.macros.count;
        t->macro = arena_keep(&t->arena, p.macros.info, p.macros.count * sizeof *p.macros.info);
        t->macro_node = arena_keep(&t->arena, p.macros.node, p.macros.count * sizeof *p.macros.node);
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
