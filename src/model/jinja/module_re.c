/* modules.re: Python's re over regex.c. Positions that templates see are characters, not bytes. */
#include "model/jinja/regex.h"

#define FUNCTION(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

struct pattern {
    struct jinja_value text;
    unsigned flags;
    const struct regex *re;
};
struct match {
    const struct pattern *pattern;
    struct jinja_value self_pattern, text;
    size_t *span; /* bytes */
};

static const struct jinja_class class_pattern, class_match;

/* ---- compiling ------------------------------------------------------------------------------------------------------ */

static enum err compile(struct jinja_env *env, struct jinja_value text, unsigned flags, struct jinja_value *out, struct error *e)
{
    struct buf key = {0};
    struct jinja_value at;
    if (env->regex_index.type == JINJA_ABSENT) env->regex_index = jinja_dict(env);
    buf_printf(&key, "%u:", flags);
    buf_add(&key, SV(text).ptr, SV(text).len);
    at = jinja_dict_get_view(env->regex_index, view_from(key.ptr, key.len));
    enum err rc = ERR_OK;
    if (at.type == JINJA_ABSENT) {
        struct regex *r = NULL;
        if ((rc = regex_compile(env, SV(text), flags, &r, e))) goto done;
        mem_grow(&env->regex, &env->regex_cap, env->regex_count + 1, sizeof(struct regex *));
        env->regex[env->regex_count] = r;
        env->outside_bytes += regex_bytes(r);
        at = jinja_int((int64_t)env->regex_count++);
        rc = map_put(env, env->regex_index.as.map, str_copy(env, key.ptr, key.len), at, e);
    }
    struct pattern *p = env_alloc(env, sizeof *p);
    *p = (struct pattern){text, flags, env->regex[at.as.integer]};
    *out = jinja_object(env, &class_pattern, p);
done:
    buf_reset(&key);
    return rc;
}

/* A str or a compiled pattern. */
static enum err pattern_of(struct jinja_env *env, struct jinja_value v, struct jinja_value flags, struct jinja_value *out, struct error *e)
{
    int64_t f = 0;
    if (flags.type != JINJA_ABSENT && !value_index(flags, &f)) return FAIL(e, "the flags must be an integer, not %s", jinja_type_name(flags));
    if (jinja_object_data(v, &class_pattern)) {
        if (f) return FAIL(e, "cannot process flags argument with a compiled pattern");
        return *out = v, ERR_OK;
    }
    if (v.type != JINJA_STRING) return FAIL(e, "first argument must be string or compiled pattern");
    if (f & 4) return FAIL(e, "cannot use LOCALE flag with a str pattern");
    return compile(env, v, (unsigned)f & (RE_IGNORECASE | RE_MULTILINE | RE_DOTALL | RE_VERBOSE | RE_ASCII), out, e);
}

static enum err text_of(struct jinja_value v, struct error *e)
{
    if (v.type == JINJA_STRING) return ERR_OK;
    return FAIL(e, "expected string or bytes-like object, got '%s'", jinja_type_name(v));
}

static size_t *spans_new(struct jinja_env *env, const struct pattern *p) { return env_alloc(env, 2 * (regex_groups(p->re) + 1) * sizeof(size_t)); }

static struct jinja_value match_new(struct jinja_env *env, struct jinja_value pattern, struct jinja_value text, const size_t *span)
{
    struct match *m = env_alloc(env, sizeof *m);
    const struct pattern *p = pattern.as.object->data;
    *m = (struct match){p, pattern, text, spans_new(env, p)};
    memcpy(m->span, span, 2 * (regex_groups(p->re) + 1) * sizeof *span);
    return jinja_object(env, &class_match, m);
}

/* ---- Match -------------------------------------------------------------------------------------------------------------- */

static struct jinja_value group_text(struct jinja_env *env, const struct match *m, size_t i, struct jinja_value fallback)
{
    if (m->span[2 * i] == SIZE_MAX) return fallback;
    return str_copy(env, SV(m->text).ptr + m->span[2 * i], m->span[2 * i + 1] - m->span[2 * i]);
}

static enum err group_number(const struct match *m, struct jinja_value which, size_t *out, struct error *e)
{
    int64_t i = -1;
    if (which.type == JINJA_STRING) {
        *out = regex_group_named(m->pattern->re, SV(which));
        if (*out) return ERR_OK;
    } else if (value_index(which, &i) && i >= 0 && (uint64_t)i <= regex_groups(m->pattern->re)) {
        return *out = (size_t)i, ERR_OK;
    }
    return FAIL(e, "no such group");
}

static int64_t chars_before(const struct match *m, size_t byte)
{
    if (byte == SIZE_MAX) return -1;
    int64_t n = 0;
    for (size_t i = 0; i < byte; i++) n += ((unsigned char)SV(m->text).ptr[i] & 0xc0) != 0x80;
    return n;
}

static enum err match_group(const struct jinja_call *c, const struct match *m, struct jinja_value *out, struct error *e)
{
    size_t n = 0;
    enum err rc = ERR_OK;
    if (!c->count) return *out = group_text(c->env, m, 0, jinja_none()), ERR_OK;
    struct jinja_value all = jinja_tuple(c->env, NULL, 0);
    for (size_t i = 0; i < c->count && !rc; i++) {
        if (!(rc = group_number(m, c->args[i], &n, e))) seq_push(c->env, all.as.seq, group_text(c->env, m, n, jinja_none()));
    }
    if (!rc) *out = c->count == 1 ? all.as.seq->item[0] : all;
    return rc;
}

static enum err match_groups(const struct jinja_call *c, const struct match *m, bool dict, struct jinja_value *out, struct error *e)
{
    struct jinja_value fallback;
    enum err rc = jinja_args(c, "default?", &fallback, e);
    if (rc) return rc;
    if (fallback.type == JINJA_ABSENT) fallback = jinja_none();
    *out = dict ? jinja_dict(c->env) : jinja_tuple(c->env, NULL, 0);
    for (size_t i = 1; i <= regex_groups(m->pattern->re); i++) {
        const char *name = dict ? regex_group_name(m->pattern->re, i) : NULL;
        struct jinja_value v = group_text(c->env, m, i, fallback);
        if (!dict) seq_push(c->env, out->as.seq, v);
        else if (name) jinja_dict_set(c->env, *out, name, v);
    }
    return ERR_OK;
}

static bool match_has(struct jinja_value self, struct view name)
{
    static const char *const all[] = {"group", "groups", "groupdict", "start", "end", "span", NULL};
    (void)self;
    for (size_t i = 0; all[i]; i++)
        if (view_is(name, all[i])) return true;
    return false;
}

FUNCTION(match_method)
{
    const struct match *m = c->self.as.object->data;
    struct view name = view_of(c->name);
    size_t n = 0;
    if (view_is(name, "group")) return match_group(c, m, out, e);
    if (view_is(name, "groups")) return match_groups(c, m, false, out, e);
    if (view_is(name, "groupdict")) return match_groups(c, m, true, out, e);
    if (!match_has(c->self, name)) return ERR_OK;
    struct jinja_value which;
    enum err rc = jinja_args(c, "group?", &which, e);
    if (rc || (which.type != JINJA_ABSENT && (rc = group_number(m, which, &n, e)))) return rc;
    struct jinja_value ends[2] = {jinja_int(chars_before(m, m->span[2 * n])), jinja_int(chars_before(m, m->span[2 * n + 1]))};
    *out = view_is(name, "span") ? jinja_tuple(c->env, ends, 2) : ends[view_is(name, "end")];
    return ERR_OK;
}

static enum err match_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    const struct match *m = self.as.object->data;
    (void)env, (void)e;
    if (view_is(name, "string")) *out = m->text;
    if (view_is(name, "re")) *out = m->self_pattern;
    if (view_is(name, "pos")) *out = jinja_int(0);
    if (view_is(name, "endpos")) *out = jinja_int((int64_t)str_chars(m->text));
    return ERR_OK;
}

static enum err match_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    const struct match *m = self.as.object->data;
    size_t n;
    (void)e;
    if (group_number(m, key, &n, NULL) == ERR_OK) *out = group_text(env, m, n, jinja_none());
    return ERR_OK;
}

static enum err match_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    const struct match *m = self.as.object->data;
    buf_printf(out, "<re.Match object; span=(%lld, %lld), match=", (long long)chars_before(m, m->span[0]), (long long)chars_before(m, m->span[1]));
    enum err rc = jinja_repr(env, group_text(env, m, 0, jinja_none()), out, e);
    buf_char(out, '>');
    return rc;
}

static const struct jinja_class class_match = {.name = "Match", .get_attr = match_get, .get_item = match_item, .has_method = match_has, .method = match_method, .to_repr = match_repr};

/* ---- the operations ------------------------------------------------------------------------------------------------------ */

static enum err run_once(struct jinja_env *env, struct jinja_value pattern, struct jinja_value text, int how, struct jinja_value *out, struct error *e)
{
    const struct pattern *p = pattern.as.object->data;
    size_t *span = spans_new(env, p);
    bool found = false;
    enum err rc = text_of(text, e);
    if (!rc) rc = regex_run(env, p->re, SV(text), 0, how, false, span, &found, e);
    *out = found ? match_new(env, pattern, text, span) : jinja_none();
    return rc;
}

/* All matches from left to right as Python finds them: an empty match may follow a full one, but not another empty one. */
static enum err find_all(struct jinja_env *env, struct jinja_value pattern, struct jinja_value text, int64_t most, struct jinja_value *list, struct error *e)
{
    const struct pattern *p = pattern.as.object->data;
    size_t *span = spans_new(env, p), at = 0;
    bool found = true, empty = false;
    enum err rc = text_of(text, e);
    *list = jinja_list(env);
    while (!rc && at <= SV(text).len && (most <= 0 || (int64_t)list->as.seq->count < most)) {
        if ((rc = regex_run(env, p->re, SV(text), at, REGEX_SEARCH, empty, span, &found, e)) || !found) break;
        seq_push(env, list->as.seq, match_new(env, pattern, text, span));
        at = span[1];
        empty = span[0] == span[1];
    }
    return rc;
}

static enum err do_findall(struct jinja_env *env, struct jinja_value pattern, struct jinja_value text, struct jinja_value *out, struct error *e)
{
    struct jinja_value list, nothing = str_copy(env, "", 0);
    enum err rc = find_all(env, pattern, text, 0, &list, e);
    *out = jinja_list(env);
    for (size_t i = 0; i < list.as.seq->count && !rc; i++) {
        const struct match *m = list.as.seq->item[i].as.object->data;
        size_t n = regex_groups(m->pattern->re);
        struct jinja_value row = jinja_tuple(env, NULL, 0);
        for (size_t k = 1; k <= n; k++) seq_push(env, row.as.seq, group_text(env, m, k, nothing));
        seq_push(env, out->as.seq, n == 0 ? group_text(env, m, 0, nothing) : n == 1 ? row.as.seq->item[0] : row);
    }
    return rc;
}

static enum err do_split(struct jinja_env *env, struct jinja_value pattern, struct jinja_value text, int64_t most, struct jinja_value *out, struct error *e)
{
    struct jinja_value list;
    size_t at = 0;
    enum err rc = find_all(env, pattern, text, most, &list, e);
    *out = jinja_list(env);
    if (rc) return rc;
    for (size_t i = 0; i < list.as.seq->count; i++) {
        const struct match *m = list.as.seq->item[i].as.object->data;
        seq_push(env, out->as.seq, str_copy(env, SV(text).ptr + at, m->span[0] - at));
        for (size_t k = 1; k <= regex_groups(m->pattern->re); k++) seq_push(env, out->as.seq, group_text(env, m, k, jinja_none()));
        at = m->span[1];
    }
    seq_push(env, out->as.seq, str_copy(env, SV(text).ptr + at, SV(text).len - at));
    return ERR_OK;
}

/* One escape of a replacement template: \1, \g<name>, \n … */
static enum err expand_escape(const struct match *m, struct view t, size_t *at, bool *groups, struct buf *out, struct error *e)
{
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    size_t n = SIZE_MAX;
    if (*at >= t.len) return FAIL(e, "bad escape (end of pattern)");
    char c = t.ptr[(*at)++];
    const char *known = c ? strchr(from, c) : NULL;
    if (known) return buf_char(out, to[known - from]), ERR_OK;
    if (c == 'g') {
        size_t end = *at;
        while (end < t.len && t.ptr[end] != '>') end++;
        if (*at >= t.len || t.ptr[*at] != '<' || end >= t.len) return FAIL(e, "missing < or > in \\g<group>");
        struct view name = view_from(t.ptr + *at + 1, end - *at - 1);
        int64_t i;
        bool large;
        if (int_parse(name, 10, &i, &large) && i >= 0) n = (size_t)i;
        else n = regex_group_named(m->pattern->re, name), n = n ? n : SIZE_MAX;
        if (n == SIZE_MAX) return FAIL(e, "unknown group name '%.*s'", (int)(name.len > 60 ? 60 : name.len), name.ptr);
        *at = end + 1;
    } else if (c >= '1' && c <= '9') {
        n = (size_t)(c - '0');
        if (*at < t.len && t.ptr[*at] >= '0' && t.ptr[*at] <= '9') n = n * 10 + (size_t)(t.ptr[(*at)++] - '0');
    } else if (c == '0') {
        return buf_char(out, '\0'), ERR_OK;
    } else {
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return FAIL(e, "bad escape \\%c", c);
        return buf_char(out, '\\'), buf_char(out, c), ERR_OK;
    }
    if (n > regex_groups(m->pattern->re)) return FAIL(e, "invalid group reference %zu", n);
    *groups = true;
    if (m->span[2 * n] != SIZE_MAX) buf_add(out, SV(m->text).ptr + m->span[2 * n], m->span[2 * n + 1] - m->span[2 * n]);
    return ERR_OK;
}

static enum err replacement(struct jinja_env *env, struct jinja_value by, struct jinja_value match, struct buf *out, struct error *e)
{
    const struct match *m = match.as.object->data;
    enum err rc = ERR_OK;
    if (by.type != JINJA_STRING) {
        struct jinja_value v;
        struct jinja_call c = {.env = env, .args = &match, .count = 1};
        if ((rc = call_value(env, by, &c, &v, e))) return rc;
        return jinja_str(env, v, out, e);
    }
    struct view t = SV(by);
    struct buf text = {0};
    bool groups = false;
    for (size_t at = 0; at < t.len && !rc;) {
        if (t.ptr[at++] != '\\') buf_char(&text, t.ptr[at - 1]);
        else rc = expand_escape(m, t, &at, &groups, &text, e);
    }
    /* Python joins a template with groups by an empty part of the searched text, which for Markup escapes. */
    struct view made = view_from(text.ptr ? text.ptr : "", text.len);
    if (groups && m->text.as.string->flavour == STR_MARKUP) html_escape(made, out);
    else buf_add(out, made.ptr, made.len);
    buf_reset(&text);
    return rc;
}

static enum err do_sub(struct jinja_env *env, struct jinja_value pattern, struct jinja_value by, struct jinja_value text, int64_t most, bool count, struct jinja_value *out, struct error *e)
{
    struct jinja_value list;
    struct buf b = {0};
    size_t at = 0;
    enum err rc = find_all(env, pattern, text, most, &list, e);
    if (!rc && by.type != JINJA_STRING && !jinja_is_callable(by)) rc = FAIL(e, "the replacement must be a string or callable, not %s", jinja_type_name(by));
    for (size_t i = 0; i < list.as.seq->count && !rc; i++) {
        const struct match *m = list.as.seq->item[i].as.object->data;
        buf_add(&b, SV(text).ptr + at, m->span[0] - at);
        at = m->span[1];
        if (!(rc = replacement(env, by, list.as.seq->item[i], &b, e))) rc = text_within(env, &b, e);
    }
    if (!rc) buf_add(&b, SV(text).ptr + at, SV(text).len - at);
    *out = str_take(env, &b);
    if (count) *out = jinja_tuple(env, (struct jinja_value[]){*out, jinja_int((int64_t)list.as.seq->count)}, 2);
    return rc;
}

static enum err want_count(struct jinja_value v, int64_t *out, struct error *e)
{
    *out = 0;
    if (v.type == JINJA_ABSENT || value_index(v, out)) return ERR_OK;
    return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
}

enum { DO_SEARCH, DO_MATCH, DO_FULLMATCH, DO_FINDALL, DO_FINDITER, DO_SPLIT, DO_SUB, DO_SUBN, DO_KINDS };
static const char *const op_names[] = {"search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn"};

/* a: string; for split string, maxsplit; for sub repl, string, count. */
static enum err operate(struct jinja_env *env, int kind, struct jinja_value pattern, const struct jinja_value *a, struct jinja_value *out, struct error *e)
{
    int64_t n;
    enum err rc;
    switch (kind) {
    case DO_SEARCH: return run_once(env, pattern, a[0], REGEX_SEARCH, out, e);
    case DO_MATCH: return run_once(env, pattern, a[0], REGEX_MATCH, out, e);
    case DO_FULLMATCH: return run_once(env, pattern, a[0], REGEX_FULLMATCH, out, e);
    case DO_FINDALL: return do_findall(env, pattern, a[0], out, e);
    case DO_FINDITER:
        rc = find_all(env, pattern, a[0], 0, out, e);
        *out = generator_new(env, "callable_iterator object", *out);
        return rc;
    case DO_SPLIT: return (rc = want_count(a[1], &n, e)) ? rc : do_split(env, pattern, a[0], n, out, e);
    default: return (rc = want_count(a[2], &n, e)) ? rc : do_sub(env, pattern, a[0], a[1], n, kind == DO_SUBN, out, e);
    }
}

/* ---- Pattern and the module -------------------------------------------------------------------------------------------------- */

static int op_named(struct view name)
{
    for (int i = 0; i < DO_KINDS; i++)
        if (view_is(name, op_names[i])) return i;
    return -1;
}

static bool pattern_has(struct jinja_value self, struct view name)
{
    (void)self;
    return op_named(name) >= 0;
}

FUNCTION(pattern_method)
{
    struct jinja_value a[3];
    int kind = op_named(view_of(c->name));
    if (kind < 0) return ERR_OK;
    enum err rc = jinja_args(c, kind >= DO_SUB ? "repl string count?" : kind == DO_SPLIT ? "string maxsplit?" : "string", a, e);
    return rc ? rc : operate(c->env, kind, c->self, a, out, e);
}

static enum err pattern_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    const struct pattern *p = self.as.object->data;
    (void)e;
    if (view_is(name, "pattern")) *out = p->text;
    if (view_is(name, "flags")) *out = jinja_int((int64_t)(p->flags | (p->flags & RE_ASCII ? 0 : RE_UNICODE)));
    if (view_is(name, "groups")) *out = jinja_int((int64_t)regex_groups(p->re));
    if (!view_is(name, "groupindex")) return ERR_OK;
    *out = jinja_dict(env);
    for (size_t i = 1; i <= regex_groups(p->re); i++)
        if (regex_group_name(p->re, i)) jinja_dict_set(env, *out, regex_group_name(p->re, i), jinja_int((int64_t)i));
    return ERR_OK;
}

static enum err pattern_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    const struct pattern *p = self.as.object->data;
    static const struct { unsigned flag; const char *name; } flags[] = {{RE_IGNORECASE, "re.IGNORECASE"}, {RE_MULTILINE, "re.MULTILINE"}, {RE_DOTALL, "re.DOTALL"}, {RE_VERBOSE, "re.VERBOSE"}, {RE_ASCII, "re.ASCII"}};
    buf_str(out, "re.compile(");
    enum err rc = jinja_repr(env, p->text, out, e);
    const char *sep = ", ";
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (p->flags & flags[i].flag) buf_printf(out, "%s%s", sep, flags[i].name), sep = "|";
    buf_char(out, ')');
    return rc;
}

static enum err pattern_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    const struct pattern *a = self.as.object->data, *b = jinja_object_data(other, &class_pattern);
    (void)env, (void)e;
    *out = b && a->flags == b->flags && view_eq(SV(a->text), SV(b->text));
    return ERR_OK;
}

static uint64_t pattern_hash(struct jinja_value self) { return str_hash(((const struct pattern *)self.as.object->data)->text.as.string); }

static const struct jinja_class class_pattern = {.name = "Pattern", .get_attr = pattern_get, .has_method = pattern_has, .method = pattern_method, .to_repr = pattern_repr, .equal = pattern_equal, .hash = pattern_hash};

FUNCTION(module_function)
{
    struct jinja_value a[5], pattern;
    int kind = op_named(view_of(c->name));
    bool sub = kind >= DO_SUB, split = kind == DO_SPLIT;
    enum err rc = jinja_args(c, sub ? "pattern repl string count? flags?" : split ? "pattern string maxsplit? flags?" : "pattern string flags?", a, e);
    if (rc || (rc = pattern_of(c->env, a[0], a[sub ? 4 : split ? 3 : 2], &pattern, e))) return rc;
    return operate(c->env, kind, pattern, a + 1, out, e);
}

FUNCTION(re_compile)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "pattern flags?", a, e);
    return rc ? rc : pattern_of(c->env, a[0], a[1], out, e);
}

FUNCTION(re_escape)
{
    struct jinja_value v;
    struct buf b = {0};
    enum err rc = jinja_args(c, "pattern", &v, e);
    if (rc || (rc = text_of(v, e))) return rc;
    for (size_t i = 0; i < SV(v).len; i++) {
        char ch = SV(v).ptr[i];
        if (ch && strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", ch)) buf_char(&b, '\\');
        buf_char(&b, ch);
    }
    *out = str_take(c->env, &b);
    return ERR_OK;
}

struct jinja_value module_re(struct jinja_env *env)
{
    static const struct { const char *name; int flag; } flags[] = {{"I", RE_IGNORECASE}, {"IGNORECASE", RE_IGNORECASE}, {"M", RE_MULTILINE}, {"MULTILINE", RE_MULTILINE},
        {"S", RE_DOTALL}, {"DOTALL", RE_DOTALL}, {"X", RE_VERBOSE}, {"VERBOSE", RE_VERBOSE}, {"A", RE_ASCII}, {"ASCII", RE_ASCII}, {"U", RE_UNICODE}, {"UNICODE", RE_UNICODE}};
    struct jinja_value m = jinja_dict(env);
    for (int i = 0; i < DO_KINDS; i++) jinja_dict_set(env, m, op_names[i], jinja_function(env, op_names[i], module_function, NULL));
    jinja_dict_set(env, m, "compile", jinja_function(env, "compile", re_compile, NULL));
    jinja_dict_set(env, m, "escape", jinja_function(env, "escape", re_escape, NULL));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) jinja_dict_set(env, m, flags[i].name, jinja_int(flags[i].flag));
    return m;
}
