/* JSON as Python's json module reads and writes it. */
#include "model/jinja/internal.h"

#include <math.h>

/* ---- writing ------------------------------------------------------------------------------------------------------- */

struct level {
    const void *container;
    const struct level *outer;
    int depth;
};

struct writer {
    struct jinja_env *env;
    int indent;
    bool sort;
    struct buf *out;
    struct error *e;
    bool plain; /* artifacts: anything can be written */
};

static void write_text(struct view s, struct buf *out)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    buf_char(out, '"');
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t c = utf8_decode(s.ptr + i, &n);
        const char *known = c && c < 0x80 ? strchr(from, (int)c) : NULL;
        if (known) buf_char(out, '\\'), buf_char(out, to[known - from]);
        else if (c >= 0x20 && c < 0x7f) buf_char(out, (char)c);
        else if (c < 0x10000) buf_printf(out, "\\u%04x", c);
        else buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
    buf_char(out, '"');
}

static void write_float(double d, struct buf *out)
{
    if (isnan(d)) buf_str(out, "NaN");
    else if (isinf(d)) buf_str(out, d < 0 ? "-Infinity" : "Infinity");
    else float_repr(d, out);
}

static enum err write_value(struct writer *w, struct jinja_value v, const struct level *outer);

static void new_line(struct writer *w, int depth)
{
    if (w->indent < 0) return;
    buf_char(w->out, '\n');
    for (int i = 0; i < w->indent * depth; i++) buf_char(w->out, ' ');
}

static void between(struct writer *w, size_t i, int depth)
{
    if (i) buf_str(w->out, w->indent < 0 ? ", " : ",");
    new_line(w, depth);
}

static enum err write_key(struct writer *w, struct jinja_value key)
{
    struct buf b = {0};
    switch (key.type) {
    case JINJA_STRING: write_text(SV(key), w->out); break;
    case JINJA_NONE: buf_str(w->out, "\"null\""); break;
    case JINJA_BOOL: buf_str(w->out, key.as.boolean ? "\"true\"" : "\"false\""); break;
    case JINJA_INT: buf_printf(w->out, "\"%lld\"", (long long)key.as.integer); break;
    case JINJA_FLOAT:
        write_float(key.as.real, &b);
        buf_printf(w->out, "\"%s\"", b.ptr);
        buf_reset(&b);
        break;
    default: return FAIL(w->e, "keys must be str, int, float, bool or None, not %s", jinja_type_name(key));
    }
    buf_str(w->out, ": ");
    return ERR_OK;
}

static enum err write_dict(struct writer *w, struct jinja_value v, const struct level *here)
{
    struct jinja_value key, item, keys;
    enum err rc = jinja_items(w->env, v, &keys, w->e);
    if (rc) return rc;
    if (w->sort) {
        struct jinja_value by;
        if ((rc = jinja_items(w->env, keys, &by, w->e)) || (rc = value_sort(w->env, keys.as.seq->item, by.as.seq->item, keys.as.seq->count, false, w->e))) return rc;
    }
    buf_char(w->out, '{');
    for (size_t i = 0; i < keys.as.seq->count && !rc; i++) {
        struct map_entry *x = NULL;
        key = keys.as.seq->item[i];
        if ((rc = map_find(w->env, v.as.map, key, &x, w->e))) break;
        item = x->value;
        between(w, i, here->depth);
        if (!(rc = write_key(w, key))) rc = write_value(w, item, here);
    }
    if (keys.as.seq->count) new_line(w, here->depth - 1);
    buf_char(w->out, '}');
    return rc;
}

static enum err write_list(struct writer *w, struct jinja_value v, const struct level *here)
{
    enum err rc = ERR_OK;
    buf_char(w->out, '[');
    for (size_t i = 0; i < v.as.seq->count && !rc; i++) {
        between(w, i, here->depth);
        rc = write_value(w, v.as.seq->item[i], here);
    }
    if (v.as.seq->count) new_line(w, here->depth - 1);
    buf_char(w->out, ']');
    return rc;
}

static enum err write_container(struct writer *w, struct jinja_value v, const struct level *outer)
{
    enum err rc;
    if ((rc = env_charge(w->env, 1, w->e)) || (rc = text_within(w->env, w->out, w->e))) return rc;
    for (const struct level *l = outer; l; l = l->outer)
        if (l->container == v.as.seq) return FAIL(w->e, "Circular reference detected");
    if ((rc = env_nest(w->env, w->e))) return rc;
    struct level here = {v.as.seq, outer, (outer ? outer->depth : 0) + 1};
    rc = v.type == JINJA_DICT ? write_dict(w, v, &here) : write_list(w, v, &here);
    w->env->nest--;
    return rc;
}

static enum err write_as_text(struct writer *w, struct jinja_value v)
{
    struct buf b = {0};
    enum err rc = jinja_str(w->env, v, &b, w->e);
    if (b.len > 18 && b.ptr[4] == '-' && b.ptr[7] == '-' && b.ptr[10] == ' ' && b.ptr[13] == ':') b.ptr[10] = 'T';
    if (rc == ERR_OK) write_text((struct view){b.ptr ? b.ptr : "", b.len}, w->out);
    buf_reset(&b);
    return rc;
}

static enum err write_value(struct writer *w, struct jinja_value v, const struct level *outer)
{
    switch (v.type) {
    case JINJA_NONE: return buf_str(w->out, "null"), ERR_OK;
    case JINJA_BOOL: return buf_str(w->out, v.as.boolean ? "true" : "false"), ERR_OK;
    case JINJA_INT: return buf_i64(w->out, v.as.integer), ERR_OK;
    case JINJA_FLOAT: return write_float(v.as.real, w->out), ERR_OK;
    case JINJA_STRING: return write_text(SV(v), w->out), ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT: return write_container(w, v, outer);
    default: {
        if (w->plain && (v.type == JINJA_ABSENT || v.type == JINJA_UNDEFINED)) return buf_str(w->out, "null"), ERR_OK;
        if (w->plain) return write_as_text(w, v);
        const char *type = jinja_type_name(v), *dot = strrchr(type, '.');
        return FAIL(w->e, "Object of type %s is not JSON serializable", dot ? dot + 1 : type);
    }
    }
}

enum err jinja_json_write(struct jinja_env *env, struct jinja_value v, int indent, bool sort_keys, struct buf *out, struct error *e)
{
    struct writer w = {env, indent, sort_keys, out, e, false};
    return write_value(&w, v, NULL);
}

enum err jinja_json_plain(struct jinja_env *env, struct jinja_value v, bool sort_keys, struct buf *out, struct error *e)
{
    struct writer w = {env, -1, sort_keys, out, e, true};
    return write_value(&w, v, NULL);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

struct reader {
    struct jinja_env *env;
    const char *start, *at, *end;
    struct error *e;
};

static enum err read_value(struct reader *r, struct jinja_value *out);

static enum err bad(struct reader *r, const char *what) { return FAIL(r->e, "%s: char %zu", what, (size_t)(r->at - r->start)); }

static void skip_white(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool literal_here(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
    r->at += n;
    return true;
}

static bool read_hex4(struct reader *r, uint32_t *out)
{
    *out = 0;
    if (r->end - r->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        char c = *r->at++;
        int v = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (v < 0) return false;
        *out = *out << 4 | (uint32_t)v;
    }
    return true;
}

static enum err read_escape(struct reader *r, struct buf *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t cp, low;
    char enc[4];
    if (r->at >= r->end) return bad(r, "Unterminated string starting at");
    char c = *r->at++;
    const char *known = c ? strchr(from, c) : NULL;
    if (known) return buf_char(b, to[known - from]), ERR_OK;
    if (c != 'u' || !read_hex4(r, &cp)) return bad(r, "Invalid \\escape");
    if (cp >= 0xd800 && cp < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        if (!read_hex4(r, &low)) return bad(r, "Invalid \\uXXXX escape");
        if (low < 0xdc00 || low > 0xdfff) return err_set(r->e, ERR_UNSUPPORTED, "JSON: a lone surrogate is not supported");
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    } else if (cp >= 0xd800 && cp <= 0xdfff) {
        return err_set(r->e, ERR_UNSUPPORTED, "JSON: a lone surrogate is not supported");
    }
    buf_add(b, enc, utf8_encode(cp, enc));
    return ERR_OK;
}

static enum err read_text(struct reader *r, struct jinja_value *out)
{
    struct buf b = {0};
    enum err rc = ERR_OK;
    r->at++;
    while (r->at < r->end && *r->at != '"' && !rc) {
        if ((unsigned char)*r->at < 0x20) rc = bad(r, "Invalid control character at");
        else if (*r->at == '\\') r->at++, rc = read_escape(r, &b);
        else buf_char(&b, *r->at++);
    }
    if (!rc && r->at >= r->end) rc = bad(r, "Unterminated string starting at");
    r->at++;
    *out = str_take(r->env, &b);
    return rc;
}

static bool digits_here(struct reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return r->at > from;
}

static enum err read_number(struct reader *r, struct jinja_value *out)
{
    const char *from = r->at;
    bool real = false, large;
    int64_t i;
    double d = 0;
    if (*r->at == '-') r->at++;
    if (r->at < r->end && *r->at == '0') r->at++;
    else if (!digits_here(r)) return r->at = from, bad(r, "Expecting value");
    const char *mark = r->at;
    if (r->at + 1 < r->end && *r->at == '.') {
        r->at++;
        real = digits_here(r);
        if (!real) r->at = mark;
    }
    mark = r->at;
    if (r->at < r->end && (*r->at | 0x20) == 'e') {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
        if (digits_here(r)) real = true;
        else r->at = mark;
    }
    struct view s = view_from(from, (size_t)(r->at - from));
    if (real) return float_parse(s, &d), *out = jinja_float(d), ERR_OK;
    if (!int_parse(s, 10, &i, &large)) return err_set(r->e, ERR_UNSUPPORTED, "JSON: the integer %.*s is too large: integers have 64 bits", (int)(s.len > 40 ? 40 : s.len), s.ptr);
    *out = jinja_int(i);
    return ERR_OK;
}

static enum err read_list(struct reader *r, struct jinja_value *out)
{
    enum err rc = ERR_OK;
    *out = jinja_list(r->env);
    r->at++;
    skip_white(r);
    if (literal_here(r, "]")) return ERR_OK;
    for (;;) {
        struct jinja_value v;
        if ((rc = read_value(r, &v))) return rc;
        seq_push(r->env, out->as.seq, v);
        skip_white(r);
        if (literal_here(r, "]")) return ERR_OK;
        if (!literal_here(r, ",")) return bad(r, "Expecting ',' delimiter");
    }
}

static enum err read_dict(struct reader *r, struct jinja_value *out)
{
    enum err rc = ERR_OK;
    *out = jinja_dict(r->env);
    r->at++;
    skip_white(r);
    if (literal_here(r, "}")) return ERR_OK;
    for (;;) {
        struct jinja_value key, v;
        skip_white(r);
        if (r->at >= r->end || *r->at != '"') return bad(r, "Expecting property name enclosed in double quotes");
        if ((rc = read_text(r, &key))) return rc;
        skip_white(r);
        if (!literal_here(r, ":")) return bad(r, "Expecting ':' delimiter");
        if ((rc = read_value(r, &v)) || (rc = map_put(r->env, out->as.map, key, v, r->e))) return rc;
        skip_white(r);
        if (literal_here(r, "}")) return ERR_OK;
        if (!literal_here(r, ",")) return bad(r, "Expecting ',' delimiter");
    }
}

static enum err read_value(struct reader *r, struct jinja_value *out)
{
    skip_white(r);
    if (r->at >= r->end) return bad(r, "Expecting value");
    if (*r->at == '"') return read_text(r, out);
    if (*r->at == '[' || *r->at == '{') {
        enum err rc = env_nest(r->env, r->e);
        if (rc) return rc;
        rc = *r->at == '[' ? read_list(r, out) : read_dict(r, out);
        r->env->nest--;
        return rc;
    }
    if (literal_here(r, "null")) return *out = jinja_none(), ERR_OK;
    if (literal_here(r, "true")) return *out = jinja_bool(true), ERR_OK;
    if (literal_here(r, "false")) return *out = jinja_bool(false), ERR_OK;
    if (literal_here(r, "NaN")) return *out = jinja_float((double)NAN), ERR_OK;
    if (literal_here(r, "Infinity")) return *out = jinja_float((double)INFINITY), ERR_OK;
    if (literal_here(r, "-Infinity")) return *out = jinja_float(-(double)INFINITY), ERR_OK;
    return read_number(r, out);
}

enum err jinja_json_read(struct jinja_env *env, const char *s, size_t len, struct jinja_value *out, struct error *e)
{
    struct reader r = {env, s, s, s + len, e};
    if (!utf8_valid(s, len)) return FAIL(e, "the JSON is not valid UTF-8");
    enum err rc = read_value(&r, out);
    skip_white(&r);
    if (!rc && r.at < r.end) rc = bad(&r, "Extra data");
    return rc;
}
