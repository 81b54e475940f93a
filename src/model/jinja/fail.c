/* Failing: messages, places, traces, suggestions; and the bounds of what a template may use. */
#include "model/jinja/internal.h"

#include <stdlib.h>

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

enum { CHECK_EVERY = 4096 };

enum err env_charge(struct jinja_env *env, uint64_t steps, struct error *e)
{
    env->steps += steps;
    if (env->steps < env->next_check) return ERR_OK;
    if (env->steps > env->limit.max_steps) return FAIL(e, "the template does not come to an end: %llu steps were taken (max_steps)", (unsigned long long)env->limit.max_steps);
    if (env->arena.total_bytes + env->outside_bytes > env->limit.max_memory_bytes) return FAIL(e, "the template's values need more than %zu bytes (max_memory_bytes)", env->limit.max_memory_bytes);
    env->next_check = env->steps + CHECK_EVERY;
    return env->interrupt ? env->interrupt(env->interrupt_ctx, e) : ERR_OK;
}

enum err env_room(struct jinja_env *env, size_t bytes, struct error *e)
{
    if (bytes <= env->limit.max_memory_bytes && env->arena.total_bytes <= env->limit.max_memory_bytes - bytes) return ERR_OK;
    return FAIL(e, "the value would need more than %zu bytes (max_memory_bytes)", env->limit.max_memory_bytes);
}

enum err text_within(struct jinja_env *env, const struct buf *b, struct error *e)
{
    if (b->len <= env->limit.max_output_bytes) return ERR_OK;
    return FAIL(e, "the text is longer than %zu bytes (max_output_bytes)", env->limit.max_output_bytes);
}

enum err env_deeper(struct jinja_env *env, struct error *e)
{
    ptrdiff_t used = env->stack_base - (const char *)__builtin_frame_address(0);
    if (used < 0) used = -used;
    if (!env->stack_base || (size_t)used < env->limit.max_stack_bytes) return ERR_OK;
    return FAIL(e, "values, calls or expressions are nested too deeply (recursion)");
}

enum err env_nest(struct jinja_env *env, struct error *e)
{
    enum { NEST_MOST = 1000 }; /* CPython's recursion limit */
    if (env->nest >= NEST_MOST) return FAIL(e, "values are nested too deeply (more than %d)", NEST_MOST);
    env->nest++;
    return ERR_OK;
}

void env_enter(struct jinja_env *env)
{
    if (env->depth++) return;
    env->stack_base = __builtin_frame_address(0);
    env->steps = 0;
    env->next_check = CHECK_EVERY < env->limit.max_steps ? CHECK_EVERY : env->limit.max_steps;
    env->failed = env->unwinding = false;
    env->unknown = NULL;
    env->unknown_owner = (struct jinja_value){0};
    env->repr_top = NULL;
    env->macro_depth = env->nest = 0;
    env->top = NULL;
    buf_clear(&env->trace);
}

void env_leave(struct jinja_env *env)
{
    if (--env->depth) return;
    env->stack_base = NULL;
    env->steps = 0;
    env->next_check = UINT64_MAX;
}

/* ---- messages --------------------------------------------------------------------------------------------------------- */

/* jinja2.utils.object_type_repr names the module of what is not built in. */
static const char *type_module(struct jinja_value v)
{
    if (v.type == JINJA_MACRO || v.type == JINJA_UNDEFINED) return "jinja2.runtime.";
    if (v.type != JINJA_OBJECT) return "";
    if (v.as.object->cls == &class_namespace) return "jinja2.utils.";
    return v.as.object->cls == &class_loop ? "jinja2.runtime." : "";
}

enum err fail_undefined(struct jinja_env *env, struct jinja_value v, struct error *e)
{
    const struct jinja_missing *m = v.as.missing;
    struct buf key = {0};
    enum err rc = ERR_OK;
    switch (m->kind) {
    case MISSING_NAME: rc = FAIL(e, "'%s' is undefined", m->text); break;
    case MISSING_HINT: return FAIL(e, "%s", m->text);
    case MISSING_ATTR: {
        if (m->owner.type == JINJA_NONE) rc = FAIL(e, "'None' has no attribute '%s'", m->text);
        else rc = FAIL(e, "'%s%s object' has no attribute '%s'", type_module(m->owner), jinja_type_name(m->owner), m->text);
        break;
    }
    case MISSING_ITEM:
        if (jinja_repr(env, m->key, &key, NULL) != ERR_OK) buf_clear(&key);
        if (jinja_is_string(m->key) && m->owner.type == JINJA_NONE) rc = FAIL(e, "'None' has no attribute %s", key.ptr ? key.ptr : "");
        else if (jinja_is_string(m->key)) rc = FAIL(e, "'%s%s object' has no attribute %s", type_module(m->owner), jinja_type_name(m->owner), key.ptr ? key.ptr : "");
        else if (m->owner.type == JINJA_NONE) rc = FAIL(e, "None has no element %s", key.ptr ? key.ptr : "");
        else rc = FAIL(e, "%s%s object has no element %s", type_module(m->owner), jinja_type_name(m->owner), key.ptr ? key.ptr : "");
        buf_reset(&key);
        if (jinja_is_string(m->key)) break;
        return rc;
    }
    env->unknown = m->kind == MISSING_ITEM ? SV(m->key).ptr : m->text;
    env->unknown_owner = m->owner;
    return rc;
}

enum err fail_operands(const char *op, struct jinja_value a, struct jinja_value b, struct error *e)
{
    return FAIL(e, "unsupported operand type(s) for %s: '%s' and '%s'", op, jinja_type_name(a), jinja_type_name(b));
}

/* ---- places -------------------------------------------------------------------------------------------------------------- */

struct place {
    unsigned line, column;
    struct view text; /* the line */
};

static struct place place_of(unsigned first_line, struct view text, uint32_t at)
{
    struct place p = {.line = first_line, .column = 1};
    size_t from = 0;
    if (at > text.len) at = (uint32_t)text.len;
    for (size_t i = 0; i < at; i++)
        if (text.ptr[i] == '\n') p.line++, from = i + 1;
    for (size_t i = from; i < at; i++) p.column += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    const char *end = memchr(text.ptr + from, '\n', text.len - from);
    p.text = view_from(text.ptr + from, end ? (size_t)(end - text.ptr) - from : text.len - from);
    return p;
}

/* "  3 | select {{ x }}" and the caret below it; long lines are cut around the place. */
static void quote_line(struct buf *out, struct place p)
{
    enum { BEFORE = 100, WHOLE = 160 };
    size_t at = 0, from = 0;
    for (unsigned c = 1; c < p.column && at < p.text.len; c++) {
        at++;
        while (at < p.text.len && ((unsigned char)p.text.ptr[at] & 0xc0) == 0x80) at++;
    }
    if (at > BEFORE) {
        from = at - BEFORE;
        while (from < at && ((unsigned char)p.text.ptr[from] & 0xc0) == 0x80) from++;
    }
    size_t len = p.text.len - from;
    if (len > WHOLE) {
        len = WHOLE;
        while (len > at - from && ((unsigned char)p.text.ptr[from + len] & 0xc0) == 0x80) len--;
    }
    char number[16];
    int width = snprintf(number, sizeof number, "%u", p.line);
    buf_printf(out, "\n  %s | %s%.*s\n  %*s | %s", number, from ? "…" : "", (int)len, p.text.ptr + from, width, "", from ? " " : "");
    for (size_t i = from; i < at; i++) {
        if (p.text.ptr[i] == '\t') buf_char(out, '\t');
        else if (((unsigned char)p.text.ptr[i] & 0xc0) != 0x80) buf_char(out, ' ');
    }
    buf_char(out, '^');
}

static void trace_begin(struct jinja_env *env, struct error *e, const char *name, struct place p)
{
    buf_clear(&env->trace);
    buf_str(&env->trace, e->what);
    buf_printf(&env->trace, "\n  %s:%u:%u", name, p.line, p.column);
    quote_line(&env->trace, p);
}

/* ---- suggestions ------------------------------------------------------------------------------------------------------------ */

static void add_names_of(struct jinja_env *env, struct jinja_value dict, struct jinja_value list)
{
    struct jinja_value key;
    for (size_t at = 0; jinja_dict_next(dict, &at, &key, NULL);)
        if (jinja_is_string(key)) jinja_list_add(env, list, key);
}

static struct jinja_value known_names(struct jinja_env *env, struct run *r)
{
    struct jinja_value list = jinja_list(env);
    if (env->unknown_owner.type != JINJA_ABSENT) {
        add_names_of(env, env->unknown_owner, list);
        struct jinja_map *m = env->unknown_owner.as.map;
        if (m != env->filters.as.map && m != env->tests.as.map) method_names(env, env->unknown_owner, list);
        return list;
    }
    for (struct scope *s = r ? r->scope : NULL; s; s = s->parent)
        for (uint32_t i = 0; i < s->count; i++)
            if (s->var[i].value.type != JINJA_ABSENT) jinja_list_add(env, list, s->var[i].name->text);
    if (r && r->context) {
        add_names_of(env, r->context->vars, list);
        if (r->context->names) r->context->names(r->context->ctx, env, list);
    }
    add_names_of(env, env->globals, list);
    return list;
}

static void suggest(struct jinja_env *env, struct run *r, struct error *e)
{
    if (!env->unknown || !strstr(e->what, env->unknown)) {
        env->unknown = NULL;
        return;
    }
    char unknown[128];
    snprintf(unknown, sizeof unknown, "%s", env->unknown);
    struct jinja_value list = known_names(env, r);
    size_t n = jinja_seq_count(list);
    const char **word = mem_array(n + 1, sizeof *word);
    for (size_t i = 0; i < n; i++) word[i] = SV(jinja_seq_items(list)[i]).ptr;
    word[n] = NULL;
    const char *near = str_nearest(unknown, word);
    if (near && strcmp(near, unknown) != 0) {
        err_hint(e, "did you mean '%s'?", near);
        buf_printf(&env->trace, "\n  did you mean '%s'?", near);
    }
    mem_free(word);
    env->unknown = NULL;
    env->unknown_owner = (struct jinja_value){0};
}

/* ---- attaching ---------------------------------------------------------------------------------------------------------------- */

enum { TRACE_MOST = 20 };

static void trace_stack(struct jinja_env *env, struct run *r)
{
    unsigned n = 0;
    for (; r; r = r->below) {
        if (!r->macro) continue;
        if (++n > TRACE_MOST) continue;
        struct place def = place_of(r->tpl->first_line, r->tpl->text, r->macro->at);
        bool named = r->macro->def->name != NULL;
        buf_printf(&env->trace, "\n  in %s%s (%s:%u)", named ? "macro " : "a call block", named ? r->macro->name : "", r->tpl->name, def.line);
        if (!r->below || !r->below->now) continue;
        struct place call = place_of(r->below->tpl->first_line, r->below->tpl->text, r->below->now->at);
        buf_printf(&env->trace, ", called from %s:%u:%u", r->below->tpl->name, call.line, call.column);
    }
    if (n > TRACE_MOST) buf_printf(&env->trace, "\n  … and %u more", n - TRACE_MOST);
}

enum err fail_at(struct run *r, const struct node *n, enum err rc)
{
    struct jinja_env *env = r->env;
    if (env->failed || env->unwinding) return rc;
    env->failed = true;
    struct place p = place_of(r->tpl->first_line, r->tpl->text, n->at);
    struct error none = {.code = rc}, *e = r->e ? r->e : &none;
    trace_begin(env, e, r->tpl->name, p);
    trace_stack(env, r);
    if (!e->where[0]) err_where(e, "%s:%u:%u", r->tpl->name, p.line, p.column);
    else buf_printf(&env->trace, "\n  at %s", e->where);
    if (e->hint[0]) buf_printf(&env->trace, "\n  %s", e->hint);
    else suggest(env, r, e);
    return rc;
}

enum err fail_syntax(struct jinja_env *env, const char *name, unsigned first_line, struct view text, uint32_t at, struct error *e)
{
    struct place p = place_of(first_line, text, at);
    trace_begin(env, e, name, p);
    err_where(e, "%s:%u:%u", name, p.line, p.column);
    if (e->hint[0]) buf_printf(&env->trace, "\n  %s", e->hint);
    else suggest(env, NULL, e);
    env->failed = true;
    return e->code;
}

const char *jinja_env_trace(const struct jinja_env *env) { return env->trace.len ? env->trace.ptr : ""; }

void jinja_env_position(const struct jinja_env *env, const char **name, unsigned *line)
{
    *name = NULL;
    *line = 0;
    if (!env->top || !env->top->now) return;
    *name = env->top->tpl->name;
    *line = place_of(env->top->tpl->first_line, env->top->tpl->text, env->top->now->at).line;
}
