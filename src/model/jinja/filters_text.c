/* Filters that make text. */
#include "model/jinja/format.h"

#include <ctype.h>
#include <math.h>

#define FILTER(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

/* soft_str: a string stays what it is (Markup too), everything else becomes str(v). */
static enum err soft(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    struct buf b = {0};
    if (v.type == JINJA_STRING) return *out = v, ERR_OK;
    enum err rc = jinja_str(env, v, &b, e);
    *out = str_take(env, &b);
    return rc;
}

/* A filter that is the string method of another name, applied to soft_str(value). */
static enum err as_method(const struct jinja_call *c, const char *method, const struct jinja_value *args, size_t count, struct jinja_value *out, struct error *e)
{
    struct jinja_value s;
    struct jinja_call inner = {.env = c->env, .args = args, .count = count};
    enum err rc = soft(c->env, c->args[0], &s, e);
    return rc ? rc : call_method(c->env, s, str_borrow(c->env, method, strlen(method)), &inner, out, e);
}

static enum err plain_method(const struct jinja_call *c, const char *method, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    return rc ? rc : as_method(c, method, NULL, 0, out, e);
}

FILTER(filter_lower) { return plain_method(c, "lower", out, e); }
FILTER(filter_upper) { return plain_method(c, "upper", out, e); }
FILTER(filter_capitalize) { return plain_method(c, "capitalize", out, e); }

FILTER(filter_trim)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "value chars?", a, e);
    return rc ? rc : as_method(c, "strip", &a[1], a[1].type != JINJA_ABSENT, out, e);
}

FILTER(filter_center)
{
    struct jinja_value a[2], s;
    int64_t width = 80;
    enum err rc = jinja_args(c, "value width?", a, e);
    if (rc || (rc = soft(c->env, a[0], &s, e))) return rc;
    if (a[1].type != JINJA_ABSENT && !value_index(a[1], &width)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(a[1]));
    return text_pad(c->env, s, width, view_of(" "), 0, out, e);
}

FILTER(filter_string)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    return rc ? rc : soft(c->env, v, out, e);
}

FILTER(filter_escape)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    return rc ? rc : value_escape(c->env, v, out, e);
}

FILTER(filter_forceescape)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc || (rc = soft(c->env, v, &v, e))) return rc;
    return value_escape(c->env, str_flavoured(c->env, v, STR_PLAIN), out, e);
}

FILTER(filter_safe)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc || (rc = soft(c->env, v, &v, e))) return rc;
    *out = str_flavoured(c->env, v, STR_MARKUP);
    return ERR_OK;
}

FILTER(filter_format)
{
    struct jinja_value a[3], s;
    enum err rc = jinja_args(c, "value *args **kwargs", a, e);
    if (rc || (rc = soft(c->env, a[0], &s, e))) return rc;
    if (a[1].as.seq->count && a[2].as.map->live) return FAIL(e, "can't handle positional and keyword arguments at the same time");
    return format_percent(c->env, s, a[2].as.map->live ? a[2] : a[1], out, e);
}

FILTER(filter_replace)
{
    struct jinja_value a[4];
    struct view s[3];
    int64_t most = -1;
    struct buf b = {0};
    enum err rc = jinja_args(c, "s old new count?", a, e);
    for (int i = 0; i < 3 && !rc; i++) rc = jinja_str_view(c->env, a[i], &s[i], e);
    if (rc) return rc;
    if (a[3].type != JINJA_ABSENT && a[3].type != JINJA_NONE && !value_index(a[3], &most)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(a[3]));
    rc = text_replace(c->env, s[0], s[1], s[2], most, &b, e);
    *out = str_take(c->env, &b);
    return rc;
}

static bool starts_word(uint32_t ch) { return ch == '-' || ch == '(' || ch == '{' || ch == '[' || ch == '<' || uni_space(ch); }

FILTER(filter_title)
{
    struct jinja_value v;
    struct buf b = {0};
    enum err rc = jinja_args(c, "s", &v, e);
    if (rc || (rc = soft(c->env, v, &v, e))) return rc;
    struct view s = SV(v);
    size_t n, from = 0;
    for (size_t at = 0; at < s.len; at = from) {
        uint32_t ch = utf8_decode(s.ptr + at, &n);
        if (starts_word(ch)) {
            buf_add(&b, s.ptr + at, n);
            from = at + n;
            continue;
        }
        for (from = at; from < s.len && !starts_word(utf8_decode(s.ptr + from, &n));) from += n;
        utf8_decode(s.ptr + at, &n);
        text_case(view_from(s.ptr + at, n), UNI_UPPER, &b);
        text_case(view_from(s.ptr + at + n, from - at - n), UNI_LOWER, &b);
    }
    *out = str_take(c->env, &b);
    return ERR_OK;
}

FILTER(filter_indent)
{
    struct jinja_value a[4], s, spaces;
    bool first = false, blank = false;
    int64_t width = 4;
    struct buf b = {0};
    enum err rc = jinja_args(c, "s width? first? blank?", a, e);
    if (rc || (rc = jinja_truth(c->env, a[2], &first, e)) || (rc = jinja_truth(c->env, a[3], &blank, e))) return rc;
    if ((rc = op_binary(c->env, JINJA_ADD, a[0], str_borrow(c->env, "\n", 1), &s, e))) return rc;
    if (a[1].type == JINJA_STRING) spaces = a[1];
    else if (a[1].type != JINJA_ABSENT && !value_index(a[1], &width)) return FAIL(e, "can't multiply sequence by non-int of type '%s'", jinja_type_name(a[1]));
    else if ((rc = op_binary(c->env, JINJA_MUL, str_borrow(c->env, " ", 1), jinja_int(width), &spaces, e))) return rc;
    struct jinja_value lines = text_splitlines(c->env, SV(s), false);
    struct view by = SV(spaces);
    if (first) buf_add(&b, by.ptr, by.len);
    for (size_t i = 0; i < lines.as.seq->count && !rc; i++) {
        struct view line = SV(lines.as.seq->item[i]);
        if (i) buf_char(&b, '\n');
        if (i && (line.len || blank)) buf_add(&b, by.ptr, by.len);
        buf_add(&b, line.ptr, line.len);
        rc = text_within(c->env, &b, e);
    }
    *out = str_take(c->env, &b);
    if (s.as.string->flavour == STR_MARKUP) out->as.string->flavour = STR_MARKUP;
    return rc;
}

FILTER(filter_truncate)
{
    struct jinja_value a[5];
    int64_t length = 255, leeway = 5;
    bool kill = false;
    size_t chars;
    enum err rc = jinja_args(c, "s length? killwords? end? leeway?", a, e);
    if (rc || (rc = jinja_truth(c->env, a[2], &kill, e)) || (rc = value_length(c->env, a[0], &chars, e))) return rc;
    if (a[1].type != JINJA_ABSENT && !value_index(a[1], &length)) return FAIL(e, "the length must be an integer, not %s", jinja_type_name(a[1]));
    if (a[4].type != JINJA_ABSENT && a[4].type != JINJA_NONE && !value_index(a[4], &leeway)) return FAIL(e, "the leeway must be an integer, not %s", jinja_type_name(a[4]));
    struct jinja_value end = a[3].type == JINJA_ABSENT ? str_borrow(c->env, "...", 3) : a[3];
    if (end.type != JINJA_STRING) return FAIL(e, "the end must be a string, not %s", jinja_type_name(end));
    int64_t cut = length - (int64_t)str_chars(end);
    if (cut < 0) return FAIL(e, "expected length >= %zu, got %lld", str_chars(end), (long long)length);
    if (leeway < 0) return FAIL(e, "expected leeway >= 0, got %lld", (long long)leeway);
    if ((int64_t)chars <= length || (int64_t)chars - length <= leeway) return *out = a[0], ERR_OK;
    if (a[0].type != JINJA_STRING) return FAIL(e, "can only truncate text, not %s", jinja_type_name(a[0]));
    struct view s = view_from(SV(a[0]).ptr, str_offset(a[0], (size_t)cut));
    for (size_t i = s.len; !kill && i-- > 0;)
        if (s.ptr[i] == ' ') {
            s.len = i;
            break;
        }
    struct buf b = {0};
    buf_add(&b, s.ptr, s.len);
    buf_add(&b, SV(end).ptr, SV(end).len);
    *out = str_take(c->env, &b);
    return ERR_OK;
}

FILTER(filter_wordcount)
{
    struct jinja_value v;
    int64_t words = 0;
    bool inside = false;
    enum err rc = jinja_args(c, "s", &v, e);
    if (rc || (rc = soft(c->env, v, &v, e))) return rc;
    for (size_t i = 0, n; i < SV(v).len; i += n) {
        uint32_t ch = utf8_decode(SV(v).ptr + i, &n);
        bool word = ch == '_' || uni_alnum(ch);
        words += word && !inside;
        inside = word;
    }
    *out = jinja_int(words);
    return ERR_OK;
}

/* ---- the web ------------------------------------------------------------------------------------------------------- */

static enum err url_quote(struct jinja_env *env, struct jinja_value v, bool query, struct buf *out, struct error *e)
{
    struct view s;
    enum err rc = jinja_str_view(env, v, &s, e);
    for (size_t i = 0; i < s.len && !rc; i++) {
        unsigned char ch = (unsigned char)s.ptr[i];
        if (isalnum(ch) || strchr("_.-~", ch) || (ch == '/' && !query)) buf_char(out, (char)ch);
        else if (ch == ' ' && query) buf_char(out, '+');
        else buf_printf(out, "%%%02X", ch);
    }
    return rc;
}

FILTER(filter_urlencode)
{
    struct jinja_value v, items, pair[2];
    struct buf b = {0};
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc) return rc;
    if (v.type == JINJA_STRING || !value_iterable(v)) {
        rc = url_quote(c->env, v, false, &b, e);
    } else if (!(rc = jinja_items(c->env, v.type == JINJA_DICT ? dict_view(c->env, v, VIEW_ITEMS) : v, &items, e))) {
        for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
            if (i) buf_char(&b, '&');
            if ((rc = value_unpack(c->env, items.as.seq->item[i], pair, 2, e)) || (rc = url_quote(c->env, pair[0], true, &b, e))) break;
            buf_char(&b, '=');
            rc = url_quote(c->env, pair[1], true, &b, e);
        }
    }
    *out = str_take(c->env, &b);
    return rc;
}

FILTER(filter_xmlattr)
{
    struct jinja_value a[2], key, item, text;
    bool space = true;
    struct buf b = {0};
    enum err rc = jinja_args(c, "d autospace?", a, e);
    if (rc || (a[1].type != JINJA_ABSENT && (rc = jinja_truth(c->env, a[1], &space, e)))) return rc;
    if (a[0].type != JINJA_DICT) return FAIL(e, "'%s' object has no attribute 'items'", jinja_type_name(a[0]));
    for (size_t at = 0; !rc && jinja_dict_next(a[0], &at, &key, &item);) {
        if (item.type == JINJA_NONE || item.type == JINJA_UNDEFINED) continue;
        if (key.type != JINJA_STRING) rc = FAIL(e, "expected string or bytes-like object, got '%s'", jinja_type_name(key));
        else if (strpbrk(SV(key).ptr, " \t\n\r\f\v/>=")) rc = FAIL(e, "Invalid character in attribute name: '%s'", SV(key).ptr);
        if (rc || (rc = value_escape(c->env, key, &text, e))) break;
        if (b.len || space) buf_char(&b, ' ');
        buf_add(&b, SV(text).ptr, SV(text).len);
        rc = value_escape(c->env, item, &text, e);
        if (!rc) buf_printf(&b, "=\"%s\"", SV(text).ptr);
    }
    *out = str_take(c->env, &b);
    return rc;
}

static enum err unescape_entity(struct view s, size_t *at, struct buf *out, struct error *e)
{
    static const struct { const char *name, *text; } known[] = {{"lt;", "<"}, {"gt;", ">"}, {"amp;", "&"}, {"quot;", "\""}, {"apos;", "'"}, {"nbsp;", "\xc2\xa0"}};
    struct view rest = view_from(s.ptr + *at + 1, s.len - *at - 1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].name);
        if (rest.len < n || memcmp(rest.ptr, known[i].name, n) != 0) continue;
        buf_str(out, known[i].text);
        *at += n + 1;
        return ERR_OK;
    }
    if (rest.len > 1 && rest.ptr[0] == '#') {
        bool hex = (rest.ptr[1] | 0x20) == 'x';
        size_t i = hex ? 2 : 1, from = i;
        uint32_t cp = 0;
        for (; i < rest.len && i < 10 && (hex ? isxdigit((unsigned char)rest.ptr[i]) : isdigit((unsigned char)rest.ptr[i])); i++)
            cp = cp * (hex ? 16 : 10) + (uint32_t)(isdigit((unsigned char)rest.ptr[i]) ? rest.ptr[i] - '0' : (rest.ptr[i] | 0x20) - 'a' + 10);
        if (i > from && cp >= 32 && cp <= 0x10ffff && (cp < 0x7f || cp > 0x9f) && (cp < 0xd800 || cp > 0xdfff)) {
            char enc[4];
            buf_add(out, enc, utf8_encode(cp, enc));
            *at += i + 1 + (i < rest.len && rest.ptr[i] == ';');
            return ERR_OK;
        }
    }
    if (rest.len && (isalpha((unsigned char)rest.ptr[0]) || rest.ptr[0] == '#')) return err_set(e, ERR_UNSUPPORTED, "striptags: the entity at \"&%.*s\" is not supported", (int)(rest.len > 10 ? 10 : rest.len), rest.ptr);
    buf_char(out, '&');
    ++*at;
    return ERR_OK;
}

/* Without comments and tags; from one that is not closed on, everything stays. */
static struct jinja_value without_tags(struct jinja_env *env, struct view s)
{
    struct buf b = {0};
    const char *from, *to;
    while ((from = memchr(s.ptr, '<', s.len))) {
        size_t left = s.len - (size_t)(from - s.ptr);
        bool comment = left >= 4 && !memcmp(from, "<!--", 4);
        to = comment ? memmem(from + 4, left - 4, "-->", 3) : memchr(from, '>', left);
        if (!to) break;
        buf_add(&b, s.ptr, (size_t)(from - s.ptr));
        to += comment ? 3 : 1;
        s.len -= (size_t)(to - s.ptr);
        s.ptr = to;
    }
    buf_add(&b, s.ptr, s.len);
    return str_take(env, &b);
}

FILTER(filter_striptags)
{
    struct jinja_value v;
    struct buf joined = {0}, b = {0};
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc || (rc = soft(c->env, v, &v, e))) return rc;
    v = without_tags(c->env, SV(v));
    bool gap = false;
    for (size_t i = 0, n; i < SV(v).len; i += n) {
        bool space = uni_space(utf8_decode(SV(v).ptr + i, &n));
        if (!space && gap && joined.len) buf_char(&joined, ' ');
        if (!space) buf_add(&joined, SV(v).ptr + i, n);
        gap = space;
    }
    struct view s = view_from(joined.ptr ? joined.ptr : "", joined.len);
    for (size_t i = 0; i < s.len && !rc;) {
        if (s.ptr[i] == '&') rc = unescape_entity(s, &i, &b, e);
        else buf_char(&b, s.ptr[i++]);
    }
    buf_reset(&joined);
    *out = str_take(c->env, &b);
    return rc;
}

FILTER(filter_tojson)
{
    struct jinja_value a[2];
    struct buf json = {0}, b = {0};
    int64_t indent = -1;
    enum err rc = jinja_args(c, "value indent?", a, e);
    if (rc) return rc;
    bool given = a[1].type != JINJA_ABSENT && a[1].type != JINJA_NONE;
    if (given && !value_index(a[1], &indent)) return err_set(e, ERR_UNSUPPORTED, "tojson: an indent that is no integer is not supported");
    if (indent > 100) return err_set(e, ERR_UNSUPPORTED, "tojson: an indent of more than 100 is not supported");
    rc = jinja_json_write(c->env, a[0], indent < 0 && given ? 0 : (int)indent, true, &json, e);
    for (size_t i = 0; i < json.len && !rc; i++) {
        char ch = json.ptr[i];
        if (ch == '<' || ch == '>' || ch == '&' || ch == '\'') buf_printf(&b, "\\u%04x", (unsigned)ch);
        else buf_char(&b, ch);
    }
    buf_reset(&json);
    *out = str_take(c->env, &b);
    out->as.string->flavour = STR_MARKUP;
    return rc;
}

/* pprint.pformat sorts dicts; what fits on one line is all that we print. */
static enum err sorted_copy(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    *out = v;
    if (v.type != JINJA_LIST && v.type != JINJA_TUPLE && v.type != JINJA_DICT && v.type != JINJA_SET) return ERR_OK;
    if (env->nest > 200) return FAIL(e, "the value is nested too deeply");
    if (v.type == JINJA_LIST || v.type == JINJA_TUPLE) {
        *out = list_with_room(env, v.as.seq->count);
        out->type = v.type;
        for (size_t i = 0; i < v.as.seq->count && !rc; i++) {
            struct jinja_value x;
            env->nest++;
            rc = sorted_copy(env, v.as.seq->item[i], &x, e);
            env->nest--;
            seq_push(env, out->as.seq, x);
        }
        return rc;
    }
    struct jinja_value keys, order, item;
    if ((rc = jinja_items(env, v, &keys, e)) || (rc = jinja_items(env, v, &order, e))) return rc;
    if ((rc = value_sort(env, keys.as.seq->item, order.as.seq->item, keys.as.seq->count, false, e))) return rc;
    *out = v.type == JINJA_DICT ? jinja_dict(env) : jinja_set(env);
    for (size_t i = 0; i < keys.as.seq->count && !rc; i++) {
        struct map_entry *x = NULL;
        if ((rc = map_find(env, v.as.map, keys.as.seq->item[i], &x, e))) return rc;
        env->nest++;
        rc = sorted_copy(env, x->value, &item, e);
        env->nest--;
        if (!rc) rc = map_put(env, out->as.map, keys.as.seq->item[i], item, e);
    }
    return rc;
}

FILTER(filter_pprint)
{
    struct jinja_value v;
    struct buf b = {0};
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc || (rc = sorted_copy(c->env, v, &v, e)) || (rc = jinja_repr(c->env, v, &b, e))) return buf_reset(&b), rc;
    *out = str_take(c->env, &b);
    if (str_chars(*out) > 79) return err_set(e, ERR_UNSUPPORTED, "pprint: a value that does not fit on a line is not supported");
    return ERR_OK;
}

FILTER(filter_filesizeformat)
{
    struct jinja_value a[2];
    bool binary = false;
    double bytes;
    enum err rc = jinja_args(c, "value binary?", a, e);
    if (rc || (rc = jinja_truth(c->env, a[1], &binary, e)) || (rc = value_to_float(c->env, a[0], &bytes, e))) return rc;
    double base = binary ? 1024 : 1000, unit = base;
    if (bytes == 1) return *out = jinja_text(c->env, "1 Byte"), ERR_OK;
    if (bytes < base) return *out = jinja_printf(c->env, "%lld Bytes", (long long)bytes), ERR_OK;
    for (const char *p = binary ? "KMGTPEZY" : "kMGTPEZY"; *p; p++) {
        unit *= base;
        if (bytes < unit || !p[1]) return *out = jinja_printf(c->env, "%.1f %c%sB", base * bytes / unit, *p, binary ? "i" : ""), ERR_OK;
    }
    return ERR_OK;
}

FILTER(filter_lacking)
{
    (void)out;
    return err_set(e, ERR_UNSUPPORTED, "the filter '%s' is not supported", c->name);
}

/* ---- dbt's -------------------------------------------------------------------------------------------------------------- */

/* Outside of native rendering these do nothing. */
static enum err mark(const struct jinja_call *c, enum jinja_flavour flavour, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    struct view s;
    enum err rc = jinja_args(c, "value", &v, e);
    *out = v;
    if (rc || !c->env->native || (rc = jinja_str_view(c->env, v, &s, e))) return rc;
    *out = str_borrow(c->env, s.ptr, s.len);
    out->as.string->flavour = flavour;
    return ERR_OK;
}

FILTER(filter_as_text) { return mark(c, STR_TEXT, out, e); }
FILTER(filter_as_bool) { return mark(c, STR_BOOL, out, e); }
FILTER(filter_as_native) { return mark(c, STR_NATIVE, out, e); }
FILTER(filter_as_number) { return mark(c, STR_NUMBER, out, e); }

FILTER(filter_is_list)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    *out = jinja_bool(v.type == JINJA_LIST);
    return rc;
}

const struct builtin filters_text[] = {{"lower", filter_lower, false}, {"upper", filter_upper, false}, {"trim", filter_trim, false},
    {"replace", filter_replace, false}, {"string", filter_string, false}, {"capitalize", filter_capitalize, false}, {"center", filter_center, false},
    {"e", filter_escape, false}, {"escape", filter_escape, false}, {"forceescape", filter_forceescape, false}, {"safe", filter_safe, false},
    {"format", filter_format, false}, {"title", filter_title, false}, {"indent", filter_indent, false}, {"truncate", filter_truncate, false},
    {"wordcount", filter_wordcount, false}, {"wordwrap", filter_wordwrap, false}, {"urlencode", filter_urlencode, false},
    {"xmlattr", filter_xmlattr, false}, {"striptags", filter_striptags, false}, {"tojson", filter_tojson, false}, {"pprint", filter_pprint, false},
    {"filesizeformat", filter_filesizeformat, false}, {"urlize", filter_lacking, false}, {"random", filter_lacking, true},
    {"as_text", filter_as_text, false}, {"as_bool", filter_as_bool, false}, {"as_native", filter_as_native, false}, {"as_number", filter_as_number, false},
    {"is_list", filter_is_list, false}, {NULL, NULL, false}};
