/* What can be known without rendering: the calls in a template, and a file's top-level blocks as dbt's scanner
 * (dbt_common/clients/_jinja_blocks.py) finds them. */
#include "model/jinja/internal.h"

#include <ctype.h>

/* ---- calls ------------------------------------------------------------------------------------------------------- */

struct walk {
    struct jinja_env *env;
    const struct jinja_template *t;
    struct view macro;
    enum err (*seen)(void *ctx, const struct jinja_seen_call *call, struct error *e);
    void *ctx;
    struct error *e;
    uint32_t at; /* of the last place whose line is known */
    unsigned line;
    uint32_t line_start;
};

static enum err walk_node(struct walk *w, const struct node *n);

static enum err walk_list(struct walk *w, const struct node_list *l)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < l->count && !rc; i++) rc = walk_node(w, l->item[i]);
    return rc;
}

/* "a.b.c" of names; false when something else is in it. */
static bool path_of(const struct node *n, struct buf *out)
{
    if (n->kind == NODE_NAME) return buf_add(out, n->name->name.ptr, n->name->name.len), true;
    if (n->kind == NODE_CALL) return path_of(n->call->of, out);
    if (n->kind != NODE_ATTR || !path_of(n->of, out)) return false;
    buf_char(out, '.');
    buf_add(out, n->attr->name.ptr, n->attr->name.len);
    return true;
}

static struct jinja_value literal_of(struct jinja_env *env, const struct node *n)
{
    struct jinja_value v = {0}, key, item;
    switch (n->kind) {
    case NODE_CONST: return n->value;
    case NODE_UNARY:
        v = literal_of(env, n->a);
        if (v.type != JINJA_ABSENT && op_unary(env, (enum jinja_op)n->op, v, &v, NULL) != ERR_OK) v = (struct jinja_value){0};
        return v;
    case NODE_LIST:
    case NODE_TUPLE:
        v = n->kind == NODE_LIST ? jinja_list(env) : jinja_tuple(env, NULL, 0);
        for (size_t i = 0; i < n->list.count; i++) {
            item = literal_of(env, n->list.item[i]);
            if (item.type == JINJA_ABSENT) return item;
            seq_push(env, v.as.seq, item);
        }
        return v;
    case NODE_DICT:
        v = jinja_dict(env);
        for (size_t i = 0; i + 1 < n->list.count; i += 2) {
            key = literal_of(env, n->list.item[i]);
            item = literal_of(env, n->list.item[i + 1]);
            if (key.type == JINJA_ABSENT || item.type == JINJA_ABSENT || map_put(env, v.as.map, key, item, NULL) != ERR_OK) return (struct jinja_value){0};
        }
        return v;
    default: return v;
    }
}

static void place(struct walk *w, uint32_t at)
{
    if (at < w->at) w->at = 0, w->line = w->t->first_line, w->line_start = 0;
    for (; w->at < at; w->at++)
        if (w->t->text.ptr[w->at] == '\n') w->line++, w->line_start = w->at + 1;
}

static enum err report(struct walk *w, const struct node *n)
{
    struct buf path = {0};
    const struct node_call *c = n->call;
    enum err rc = ERR_OK;
    if (path_of(c->of, &path)) {
        struct jinja_value *args = env_alloc(w->env, (c->args.count + 1) * sizeof *args);
        struct jinja_named *named = env_alloc(w->env, (c->named_count + 1) * sizeof *named);
        for (size_t i = 0; i < c->args.count; i++) args[i] = literal_of(w->env, c->args.item[i]);
        for (size_t i = 0; i < c->named_count; i++) named[i] = (struct jinja_named){c->named[i].name->name, literal_of(w->env, c->named[i].value)};
        place(w, n->at);
        struct jinja_seen_call seen = {.path = path.ptr, .line = w->line, .column = n->at - w->line_start + 1, .macro = w->macro, .count = c->args.count, .args = args,
            .named_count = c->named_count, .named = named, .dynamic = c->more_args || c->more_named};
        rc = w->seen(w->ctx, &seen, w->e);
    }
    buf_reset(&path);
    return rc;
}

static enum err walk_call(struct walk *w, const struct node *n)
{
    const struct node_call *c = n->call;
    enum err rc = c->of ? walk_node(w, c->of) : ERR_OK;
    if (!rc && n->kind == NODE_CALL) rc = report(w, n);
    if (!rc) rc = walk_list(w, &c->args);
    for (size_t i = 0; i < c->named_count && !rc; i++) rc = walk_node(w, c->named[i].value);
    if (!rc && c->more_args) rc = walk_node(w, c->more_args);
    if (!rc && c->more_named) rc = walk_node(w, c->more_named);
    return rc;
}

static enum err walk_macro(struct walk *w, const struct node *n)
{
    const struct node_macro *m = n->macro;
    struct view outer = w->macro;
    enum err rc = m->call ? walk_node(w, m->call) : ERR_OK;
    if (m->name) w->macro = m->name->name;
    for (size_t i = 0; i < m->arg_count && !rc; i++)
        if (m->arg_default[i]) rc = walk_node(w, m->arg_default[i]);
    if (!rc) rc = walk_list(w, &m->body);
    w->macro = outer;
    return rc;
}

static enum err walk_for(struct walk *w, const struct node_for *f)
{
    enum err rc = walk_node(w, f->over);
    if (!rc && f->test) rc = walk_node(w, f->test);
    if (!rc) rc = walk_list(w, &f->body);
    return rc ? rc : walk_list(w, &f->otherwise);
}

static enum err walk_parts(struct walk *w, const struct node *n)
{
    const struct node *part[3] = {n->a, n->b, n->c};
    enum err rc = ERR_OK;
    for (int i = 0; i < 3 && !rc; i++)
        if (part[i]) rc = walk_node(w, part[i]);
    return rc;
}

static enum err walk_node(struct walk *w, const struct node *n)
{
    enum err rc = env_deeper(w->env, w->e);
    if (rc) return rc;
    switch (n->kind) {
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_DICT:
    case NODE_CONCAT:
    case NODE_OUTPUT: return walk_list(w, &n->list);
    case NODE_UNARY:
    case NODE_BINARY:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_COND:
    case NODE_ITEM:
    case NODE_SLICE:
    case NODE_DO: return walk_parts(w, n);
    case NODE_SET: return walk_node(w, n->b);
    case NODE_COMPARE:
        rc = walk_node(w, n->compare->first);
        for (size_t i = 0; i < n->compare->count && !rc; i++) rc = walk_node(w, n->compare->rest[i].value);
        return rc;
    case NODE_ATTR: return walk_node(w, n->of);
    case NODE_CALL:
    case NODE_FILTER:
    case NODE_TEST: return walk_call(w, n);
    case NODE_FOR: return walk_for(w, n->loop);
    case NODE_IF:
        for (size_t i = 0; i < n->branches->count && !rc; i++) {
            if (n->branches->branch[i].test) rc = walk_node(w, n->branches->branch[i].test);
            if (!rc) rc = walk_list(w, &n->branches->branch[i].body);
        }
        return rc;
    case NODE_MACRO:
    case NODE_CALL_BLOCK: return walk_macro(w, n);
    case NODE_SET_BLOCK:
    case NODE_FILTER_BLOCK:
        if (n->filter) rc = walk_node(w, n->filter);
        return rc ? rc : walk_list(w, &n->body);
    case NODE_WITH:
        for (size_t i = 0; i < n->with->count && !rc; i++) rc = walk_node(w, n->with->value[i]);
        return rc ? rc : walk_list(w, &n->with->body);
    default: return ERR_OK;
    }
}

enum err jinja_template_calls(struct jinja_env *env, const struct jinja_template *t,
                              enum err (*seen)(void *ctx, const struct jinja_seen_call *call, struct error *e), void *ctx, struct error *e)
{
    struct walk w = {.env = env, .t = t, .macro = view_of(""), .seen = seen, .ctx = ctx, .e = e, .line = t->first_line};
    env_enter(env);
    enum err rc = walk_list(&w, &t->body);
    env_leave(env);
    return rc;
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------- */

struct scan {
    struct jinja_env *env;
    struct view text;
    size_t at;
    const char *name;
    struct error *e;
};

static enum err scan_error(struct scan *s, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum err scan_error(struct scan *s, size_t at, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    FAIL(s->e, "%s", text);
    return fail_syntax(s->env, s->name, 1, s->text, (uint32_t)at, s->e);
}

static bool starts(struct view s, size_t at, const char *what)
{
    size_t n = strlen(what);
    return at + n <= s.len && !memcmp(s.ptr + at, what, n);
}

static size_t past_space(struct view s, size_t at)
{
    while (at < s.len && isspace((unsigned char)s.ptr[at])) at++;
    return at;
}

static struct view word_at(struct view s, size_t at)
{
    size_t from = at;
    if (at < s.len && (isalpha((unsigned char)s.ptr[at]) || s.ptr[at] == '_'))
        while (at < s.len && (isalnum((unsigned char)s.ptr[at]) || s.ptr[at] == '_')) at++;
    return view_from(s.ptr + from, at - from);
}

/* Behind the closing quote of the string at s->at; at the end of the text when it has none. */
static void skip_string(struct scan *s)
{
    char quote = s->text.ptr[s->at++];
    while (s->at < s->text.len && s->text.ptr[s->at] != quote) s->at += s->text.ptr[s->at] == '\\' ? 2 : 1;
    s->at++;
}

/* To behind `end`, over strings. */
static enum err skip_to(struct scan *s, const char *end, size_t begin)
{
    while (s->at < s->text.len) {
        char c = s->text.ptr[s->at];
        if (c == '"' || c == '\'') skip_string(s);
        else if (starts(s->text, s->at, end)) return s->at += strlen(end), ERR_OK;
        else s->at++;
    }
    s->at = s->text.len;
    return scan_error(s, begin, "unexpected EOF, expected %s", end);
}

struct tag {
    struct view kind, name, args;
    size_t from, to; /* with the white space that its signs eat */
};

/* "{% raw %}…{% endraw %}" is one tag. */
static enum err skip_raw(struct scan *s, size_t begin)
{
    for (size_t p = s->at; p < s->text.len; p++) {
        if (!starts(s->text, p, "{%")) continue;
        size_t q = p + 2 + starts(s->text, p + 2, "-");
        q = past_space(s->text, q);
        if (!view_is(word_at(s->text, q), "endraw")) continue;
        q = past_space(s->text, q + 6);
        if (!starts(s->text, q, "%}") && !starts(s->text, q, "-%}")) continue;
        s->at = q + (s->text.ptr[q] == '-' ? 3 : 2);
        return ERR_OK;
    }
    return scan_error(s, begin, "unexpected EOF, expected {%% raw %%}...{%% endraw %%}");
}

static enum err scan_tag(struct scan *s, size_t begin, struct tag *t)
{
    bool minus = starts(s->text, begin + 2, "-");
    size_t at = past_space(s->text, begin + 2 + minus);
    *t = (struct tag){.from = begin, .kind = word_at(s->text, at)};
    s->at = at + t->kind.len;
    if (!t->kind.len) return ERR_OK;
    if (minus)
        while (t->from > 0 && isspace((unsigned char)s->text.ptr[t->from - 1])) t->from--;
    size_t name = past_space(s->text, s->at);
    if (name > s->at) t->name = word_at(s->text, name);
    if (t->name.len) s->at = name + t->name.len;
    size_t args = s->at;
    if (view_is(t->kind, "raw")) return skip_raw(s, begin);
    enum err rc = skip_to(s, "%}", begin);
    if (rc) return rc;
    size_t end = s->at - 2;
    if (end > args && s->text.ptr[end - 1] == '-') s->at = past_space(s->text, s->at), end--;
    t->args = view_trim(view_from(s->text.ptr + args, end - args));
    t->to = s->at;
    return ERR_OK;
}

/* The next tag; *found is false at the end. */
static enum err next_tag(struct scan *s, struct tag *t, bool *found)
{
    enum err rc = ERR_OK;
    *found = false;
    while (s->at + 1 < s->text.len && !rc) {
        const char *p = memchr(s->text.ptr + s->at, '{', s->text.len - s->at - 1);
        if (!p) break;
        size_t begin = (size_t)(p - s->text.ptr);
        s->at = begin + 2;
        if (p[1] == '#') {
            const char *end = memmem(s->text.ptr + s->at, s->text.len - s->at, "#}", 2);
            if (!end) return scan_error(s, begin, "unexpected EOF, expected #}");
            s->at = (size_t)(end - s->text.ptr) + 2;
        } else if (p[1] == '{') {
            rc = skip_to(s, "}}", begin);
        } else if (p[1] == '%') {
            rc = scan_tag(s, begin, t);
            if (t->kind.len) return *found = true, rc;
        } else {
            s->at = begin + 1;
        }
    }
    return rc;
}

static bool in_kinds(const char *const *kinds, struct view kind)
{
    for (; *kinds; kinds++)
        if (view_is(kind, *kinds)) return true;
    return false;
}

static unsigned line_at(struct view text, size_t at, size_t *from, unsigned *line)
{
    for (; *from < at; ++*from) *line += text.ptr[*from] == '\n';
    return *line;
}

enum { OPEN_MOST = 256 };
struct open_blocks {
    bool is_if[OPEN_MOST];
    unsigned count;
};

/* if and for around a block: dbt allows none, and checks that they pair. */
static enum err control(struct scan *s, const struct tag *t, struct open_blocks *o)
{
    bool opens_if = view_is(t->kind, "if"), opens = opens_if || view_is(t->kind, "for");
    bool ends_if = view_is(t->kind, "endif"), ends = ends_if || view_is(t->kind, "endfor");
    if (opens) {
        if (o->count == OPEN_MOST) return scan_error(s, t->from, "blocks are nested too deeply");
        o->is_if[o->count++] = opens_if;
    }
    if (!ends) return ERR_OK;
    if (!o->count) return scan_error(s, t->from, "Got an unexpected control flow end tag, got %.*s but never saw a preceeding %s", (int)t->kind.len, t->kind.ptr, ends_if ? "if" : "for");
    if (o->is_if[--o->count] != ends_if) return scan_error(s, t->from, "Got an unexpected control flow end tag, got %.*s but expected %s next", (int)t->kind.len, t->kind.ptr, ends_if ? "endfor" : "endif");
    return ERR_OK;
}

enum err jinja_blocks_find(struct jinja_env *env, const char *source, size_t len, const char *name, const char *const *kinds,
                           struct jinja_blocks *out, struct error *e)
{
    struct error own;
    struct scan s = {.env = env, .text = view_from(source, len), .name = name, .e = e ? e : &own};
    struct open_blocks open = {.count = 0};
    struct tag t, current = {.kind = {0}};
    size_t cap = 0, from = 0;
    unsigned line = 1;
    bool found = true, inside = false;
    enum err rc = ERR_OK;
    *out = (struct jinja_blocks){0};
    for (;;) {
        TRY(next_tag(&s, &t, &found));
        if (!found) break;
        TRY(control(&s, &t, &open));
        if (in_kinds(kinds, t.kind)) {
            if (open.count) TRY(scan_error(&s, t.from, "Got a block definition inside control flow. All dbt block definitions must be at the top level"));
            if (inside) TRY(scan_error(&s, t.from, "Got nested tags: %.*s (started before) did not have a matching {%% end%.*s %%} before %.*s", (int)current.kind.len, current.kind.ptr, (int)current.kind.len, current.kind.ptr, (int)t.kind.len, t.kind.ptr));
            current = t;
            inside = true;
        } else if (inside && t.kind.len == current.kind.len + 3 && !memcmp(t.kind.ptr, "end", 3) && !memcmp(t.kind.ptr + 3, current.kind.ptr, current.kind.len)) {
            mem_grow(&out->block, &cap, out->count + 1, sizeof *out->block);
            struct jinja_block *b = &out->block[out->count++];
            *b = (struct jinja_block){.kind = current.kind, .name = current.name, .args = current.args, .full = view_from(source + current.from, t.to - current.from),
                .contents = view_from(source + current.to, t.from > current.to ? t.from - current.to : 0)};
            b->line = line_at(s.text, current.from, &from, &line);
            b->contents_line = line_at(s.text, current.to, &from, &line);
            inside = false;
        }
    }
    if (inside) rc = scan_error(&s, current.from, "Reached EOF without finding a close tag for %.*s", (int)current.kind.len, current.kind.ptr);
done:
    if (rc) jinja_blocks_reset(out);
    return rc;
}

void jinja_blocks_reset(struct jinja_blocks *b)
{
    mem_free(b->block);
    *b = (struct jinja_blocks){0};
}
