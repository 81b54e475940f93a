/* Rendering whole templates and single expressions. */
#include "model/jinja/internal.h"

/* A return() that no macro took. */
static enum err stray_return(struct jinja_env *env, enum err rc, struct error *e)
{
    if (!rc || !env->unwinding) return rc;
    env->unwinding = false;
    rc = FAIL(e, "return() was called outside of a macro");
    if (env->top) return fail_at(env->top, env->top->now, rc);
    return rc;
}

static enum err run_body(struct run *r, const struct jinja_template *t)
{
    struct jinja_env *env = r->env;
    bool native = env->native;
    env->top = r;
    env->native = r->native != NULL;
    enum err rc = exec_list(r, &t->body);
    if (!r->native) rc = stray_return(env, rc, r->e);
    env->native = native;
    env->top = r->below;
    return rc;
}

static struct run run_new(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c, struct error *e)
{
    return (struct run){.env = env, .tpl = t, .context = c, .scope = scope_hiding(env, t, NULL, &t->hides), .e = e, .below = env->top};
}

enum err jinja_template_render(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c, struct buf *out, struct error *e)
{
    struct error own;
    struct buf text = {0};
    if (!e) e = &own;
    env_enter(env);
    struct run r = run_new(env, t, c, e);
    r.out = &text;
    enum err rc = run_body(&r, t);
    if (!rc) buf_add(out, text.ptr ? text.ptr : "", text.len);
    buf_reset(&text);
    env_leave(env);
    return rc;
}

/* dbt's quoted_native_concat. */
static enum err native_result(struct run *r, struct jinja_value *out)
{
    struct jinja_env *env = r->env;
    struct jinja_seq *s = r->native->pieces.as.seq;
    if (!s->count) return *out = str_copy(env, "", 0), ERR_OK;
    if (s->count > 1) {
        struct buf b = {0};
        enum err rc = ERR_OK;
        for (size_t i = 0; i < s->count && !rc; i++) rc = jinja_str(env, s->item[i], &b, r->e);
        return *out = str_take(env, &b), rc;
    }
    *out = s->item[0];
    enum jinja_flavour f = out->type == JINJA_STRING ? out->as.string->flavour : STR_PLAIN;
    if (f == STR_PLAIN || f == STR_MARKUP) return ERR_OK;
    struct jinja_value text = str_flavoured(env, *out, STR_PLAIN), v = {0};
    *out = text;
    if (f == STR_TEXT) return ERR_OK;
    v = jinja_literal_eval(env, SV(text));
    if (v.type != JINJA_ABSENT) *out = v;
    if (f == STR_BOOL && v.type != JINJA_BOOL) return FAIL(r->e, "Could not convert value '%s' into type 'bool'", SV(text).ptr);
    if (f == STR_NUMBER && v.type != JINJA_INT && v.type != JINJA_FLOAT) return FAIL(r->e, "Could not convert value '%s' into type 'number'", SV(text).ptr);
    return ERR_OK;
}

enum err jinja_template_value(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c, struct jinja_value *out, struct error *e)
{
    struct error own;
    if (!e) e = &own;
    env_enter(env);
    struct run r = run_new(env, t, c, e);
    struct native n = {.pieces = jinja_list(env)};
    struct buf unused = {0};
    r.native = &n;
    r.out = &unused;
    enum err rc = run_body(&r, t);
    if (rc && env->unwinding) {
        env->unwinding = false;
        *out = env->unwound;
        rc = ERR_OK;
    } else if (!rc && (rc = native_result(&r, out))) {
        rc = t->body.count ? fail_at(&r, t->body.item[0], rc) : rc;
    }
    buf_reset(&unused);
    env_leave(env);
    return rc;
}

static void keep_template(struct jinja_env *env, struct jinja_template *t)
{
    mem_grow(&env->owned, &env->owned_cap, env->owned_count + 1, sizeof(struct jinja_template *));
    env->owned[env->owned_count++] = t;
}

enum err jinja_expression(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned line,
                          const struct jinja_context *c, struct jinja_value *out, struct error *e)
{
    struct error own;
    struct jinja_template *t = NULL;
    if (!e) e = &own;
    enum err rc = template_parse(env, source, len, name, line, true, &t, e);
    if (rc) return rc;
    keep_template(env, t);
    env_enter(env);
    struct run r = run_new(env, t, c, e);
    struct buf unused = {0};
    r.out = &unused;
    env->top = &r;
    rc = stray_return(env, eval(&r, t->body.item[0], out), e);
    env->top = r.below;
    buf_reset(&unused);
    env_leave(env);
    return rc;
}

/* ---- ast.literal_eval ------------------------------------------------------------------------------------------- */

/* Python's literals are a part of Jinja's expressions but for the lower-case constants, which Jinja alone has. */
static bool literal(struct jinja_env *env, const struct jinja_template *t, const struct node *n, struct jinja_value *out)
{
    struct jinja_value key, item;
    switch (n->kind) {
    case NODE_CONST:
        *out = n->value;
        if (n->value.type == JINJA_NONE || n->value.type == JINJA_BOOL) return t->text.ptr[n->at] < 'a';
        return true;
    case NODE_UNARY:
        if (!literal(env, t, n->a, out) || !is_number(*out) || out->type == JINJA_BOOL) return false;
        return op_unary(env, (enum jinja_op)n->op, *out, out, NULL) == ERR_OK;
    case NODE_LIST:
    case NODE_TUPLE:
        *out = n->kind == NODE_LIST ? jinja_list(env) : jinja_tuple(env, NULL, 0);
        for (size_t i = 0; i < n->list.count; i++) {
            if (!literal(env, t, n->list.item[i], &item)) return false;
            seq_push(env, out->as.seq, item);
        }
        return true;
    case NODE_DICT:
        *out = jinja_dict(env);
        for (size_t i = 0; i + 1 < n->list.count; i += 2) {
            if (!literal(env, t, n->list.item[i], &key) || !literal(env, t, n->list.item[i + 1], &item)) return false;
            if (map_put(env, out->as.map, key, item, NULL) != ERR_OK) return false;
        }
        return true;
    default: return false;
    }
}

/* "10." and ".5" are floats in Python, not in Jinja. */
static bool python_float(struct view s, struct jinja_value *out)
{
    double d;
    bool point = false;
    s = view_trim(s);
    for (size_t i = 0; i < s.len; i++) {
        if (!strchr("0123456789.eE_+-", s.ptr[i]) || !s.ptr[i]) return false;
        point = point || s.ptr[i] == '.';
    }
    if (!point || !float_parse(s, &d)) return false;
    *out = jinja_float(d);
    return true;
}

/* Python allows a new line inside brackets and at the end, and none in a string. */
static bool lines_fit(struct view s)
{
    int depth = 0;
    char quote = '\0';
    size_t end = s.len;
    while (end && (s.ptr[end - 1] == '\n' || s.ptr[end - 1] == ' ' || s.ptr[end - 1] == '\t')) end--;
    for (size_t i = 0; i < end; i++) {
        char c = s.ptr[i];
        if (c == '\n' && (quote || depth <= 0)) return false;
        if (quote && c == '\\') i++;
        else if (quote) quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"') quote = c;
        else if (c == '(' || c == '[' || c == '{') depth++;
        else if (c == ')' || c == ']' || c == '}') depth--;
    }
    return true;
}

struct jinja_value jinja_literal_eval(struct jinja_env *env, struct view text)
{
    struct jinja_template *t = NULL;
    struct jinja_value v = {0};
    struct error e;
    bool failed = env->failed;
    struct buf trace = env->trace;
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\t')) text.ptr++, text.len--;
    if (!view_trim(text).len || !lines_fit(text)) return v;
    if (python_float(text, &v)) return v;
    env->trace = (struct buf){0};
    struct buf tuple = {0}; /* "1, 2" is one, without its parentheses */
    buf_char(&tuple, '(');
    buf_add(&tuple, text.ptr, text.len);
    buf_char(&tuple, ')');
    if (template_parse(env, tuple.ptr, tuple.len, "<literal>", 1, true, &t, &e) == ERR_OK) {
        keep_template(env, t);
        if (!literal(env, t, t->body.item[0], &v)) v = (struct jinja_value){0};
    }
    buf_reset(&tuple);
    buf_reset(&env->trace);
    env->trace = trace;
    env->failed = failed;
    return v;
}

bool jinja_is_template(const char *source, size_t len)
{
    for (const char *p = source, *end = source + len; (p = memchr(p, '{', (size_t)(end - p))); p++)
        if (p + 1 < end && (p[1] == '{' || p[1] == '%' || p[1] == '#')) return true;
    return false;
}
