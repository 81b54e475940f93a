/* Methods of str that make text; methods_str_ask.c has those that search and ask. */
#include "model/jinja/methods.h"

/* Markup's methods give Markup. */
static struct jinja_value like_self(const struct jinja_call *c, struct jinja_value v)
{
    return c->self.as.string->flavour == STR_MARKUP && v.type == JINJA_STRING ? str_flavoured(c->env, v, STR_MARKUP) : v;
}

static enum err take(const struct jinja_call *c, struct buf *b, struct jinja_value *out)
{
    *out = like_self(c, str_take(c->env, b));
    return ERR_OK;
}

/* ---- case ---------------------------------------------------------------------------------------------------------- */

static enum err cased(const struct jinja_call *c, enum uni_case how, struct jinja_value *out, struct error *e)
{
    struct buf b = {0};
    enum err rc = method_no_args(c, e);
    if (rc) return rc;
    text_case(SV(c->self), how, &b);
    return take(c, &b, out);
}

METHOD(str_lower) { return cased(c, UNI_LOWER, out, e); }
METHOD(str_upper) { return cased(c, UNI_UPPER, out, e); }
METHOD(str_casefold) { return cased(c, UNI_FOLD, out, e); }

METHOD(str_capitalize)
{
    struct buf b = {0};
    enum err rc = method_no_args(c, e);
    if (rc) return rc;
    text_capitalize(SV(c->self), &b);
    return take(c, &b, out);
}

METHOD(str_title)
{
    struct buf b = {0};
    struct view s = SV(c->self);
    bool inside = false;
    enum err rc = method_no_args(c, e);
    if (rc) return rc;
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t ch = utf8_decode(s.ptr + i, &n);
        if (inside) text_lower_at(s, i, &b);
        else uni_map(ch, UNI_TITLE, &b);
        inside = uni_cased(ch);
    }
    return take(c, &b, out);
}

METHOD(str_swapcase)
{
    struct buf b = {0};
    struct view s = SV(c->self);
    enum err rc = method_no_args(c, e);
    if (rc) return rc;
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t ch = utf8_decode(s.ptr + i, &n);
        if (uni_upper(ch)) text_lower_at(s, i, &b);
        else if (uni_lower(ch)) uni_map(ch, UNI_UPPER, &b);
        else buf_add(&b, s.ptr + i, n);
    }
    return take(c, &b, out);
}

/* ---- stripping, padding ----------------------------------------------------------------------------------------------- */

static enum err stripped(const struct jinja_call *c, bool left, bool right, struct jinja_value *out, struct error *e)
{
    struct jinja_value chars;
    enum err rc = jinja_args(c, "chars? /", &chars, e);
    if (rc) return rc;
    bool space = chars.type == JINJA_ABSENT || chars.type == JINJA_NONE;
    if (!space && chars.type != JINJA_STRING) return FAIL(e, "%s arg must be None or str", c->name);
    *out = like_self(c, text_strip(c->env, c->self, SV(chars), space, left, right));
    return ERR_OK;
}

METHOD(str_strip) { return stripped(c, true, true, out, e); }
METHOD(str_lstrip) { return stripped(c, true, false, out, e); }
METHOD(str_rstrip) { return stripped(c, false, true, out, e); }

static enum err padded(const struct jinja_call *c, int side, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2];
    int64_t width;
    enum err rc = jinja_args(c, "width fillchar? /", a, e);
    if (rc || (rc = method_want_int(a[0], &width, e))) return rc;
    struct view fill = view_of(" ");
    if (a[1].type != JINJA_ABSENT) {
        if (a[1].type != JINJA_STRING) return FAIL(e, "The fill character must be a unicode character, not %s", jinja_type_name(a[1]));
        if (str_chars(a[1]) != 1) return FAIL(e, "The fill character must be exactly one character long");
        fill = SV(a[1]);
    }
    rc = text_pad(c->env, c->self, width, fill, side, out, e);
    if (!rc) *out = like_self(c, *out);
    return rc;
}

METHOD(str_ljust) { return padded(c, -1, out, e); }
METHOD(str_center) { return padded(c, 0, out, e); }
METHOD(str_rjust) { return padded(c, 1, out, e); }

METHOD(str_zfill)
{
    struct jinja_value a;
    int64_t width;
    struct buf b = {0};
    enum err rc = jinja_args(c, "width /", &a, e);
    if (rc || (rc = method_want_int(a, &width, e))) return rc;
    struct view s = SV(c->self);
    bool sign = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    rc = text_pad(c->env, sign ? str_copy(c->env, s.ptr + 1, s.len - 1) : c->self, width - sign, view_of("0"), 1, out, e);
    if (rc) return rc;
    if (sign) buf_char(&b, s.ptr[0]);
    buf_add(&b, SV(*out).ptr, SV(*out).len);
    return take(c, &b, out);
}

METHOD(str_expandtabs)
{
    struct jinja_value a;
    int64_t size = 8, column = 0;
    struct buf b = {0};
    struct view s = SV(c->self);
    enum err rc = jinja_args(c, "tabsize?", &a, e);
    if (rc || (a.type != JINJA_ABSENT && (rc = method_want_int(a, &size, e)))) return rc;
    for (size_t i = 0, n; i < s.len && !rc; i += n) {
        utf8_decode(s.ptr + i, &n);
        if (s.ptr[i] == '\t') {
            int64_t pad = size > 0 ? size - column % size : 0;
            if (pad > (int64_t)c->env->limit.max_output_bytes) return buf_reset(&b), FAIL(e, "the tab size is too large");
            for (int64_t k = 0; k < pad; k++) buf_char(&b, ' ');
            column += pad;
        } else {
            column = s.ptr[i] == '\n' || s.ptr[i] == '\r' ? 0 : column + 1;
            buf_add(&b, s.ptr + i, n);
        }
        rc = text_within(c->env, &b, e);
    }
    if (rc) return buf_reset(&b), rc;
    return take(c, &b, out);
}

/* ---- splitting and joining -------------------------------------------------------------------------------------------- */

static void push_text(const struct jinja_call *c, struct jinja_seq *list, struct view s, size_t from, size_t to)
{
    seq_push(c->env, list, like_self(c, str_copy(c->env, s.ptr + from, to - from)));
}

static size_t skip_while(struct view s, size_t at, bool space)
{
    size_t n;
    while (at < s.len && uni_space(utf8_decode(s.ptr + at, &n)) == space) at += n;
    return at;
}

static size_t skip_back(struct view s, size_t to, bool space)
{
    while (to > 0) {
        size_t at = to - 1, n;
        while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
        if (uni_space(utf8_decode(s.ptr + at, &n)) != space) break;
        to = at;
    }
    return to;
}

static void split_space(const struct jinja_call *c, struct jinja_seq *list, int64_t most)
{
    struct view s = SV(c->self);
    size_t at = skip_while(s, 0, true);
    while (at < s.len) {
        size_t end = most-- > 0 ? skip_while(s, at, false) : s.len;
        push_text(c, list, s, at, end);
        at = skip_while(s, end, true);
    }
}

static void reverse_items(struct jinja_seq *s)
{
    for (size_t i = 0; i < s->count / 2; i++) {
        struct jinja_value v = s->item[i];
        s->item[i] = s->item[s->count - 1 - i];
        s->item[s->count - 1 - i] = v;
    }
}

static void rsplit_space(const struct jinja_call *c, struct jinja_seq *list, int64_t most)
{
    struct view s = SV(c->self);
    size_t to = skip_back(s, s.len, true);
    while (to > 0) {
        size_t from = most-- > 0 ? skip_back(s, to, false) : 0;
        push_text(c, list, s, from, to);
        to = skip_back(s, from, true);
    }
    reverse_items(list);
}

static void split_text(const struct jinja_call *c, struct jinja_seq *list, struct view sep, int64_t most)
{
    struct view s = SV(c->self);
    size_t at = 0;
    const char *hit;
    while (most-- > 0 && (hit = memmem(s.ptr + at, s.len - at, sep.ptr, sep.len))) {
        push_text(c, list, s, at, (size_t)(hit - s.ptr));
        at = (size_t)(hit - s.ptr) + sep.len;
    }
    push_text(c, list, s, at, s.len);
}

static void rsplit_text(const struct jinja_call *c, struct jinja_seq *list, struct view sep, int64_t most)
{
    struct view s = SV(c->self);
    const char *hit;
    while (most-- > 0 && (hit = text_find_last(s, sep))) {
        push_text(c, list, s, (size_t)(hit - s.ptr) + sep.len, s.len);
        s.len = (size_t)(hit - s.ptr);
    }
    push_text(c, list, s, 0, s.len);
    reverse_items(list);
}

static enum err split_by(const struct jinja_call *c, bool right, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2];
    int64_t most = -1;
    enum err rc = jinja_args(c, "sep? maxsplit?", a, e);
    if (rc || (a[1].type != JINJA_ABSENT && (rc = method_want_int(a[1], &most, e)))) return rc;
    if ((rc = env_charge(c->env, SV(c->self).len / 16, e))) return rc;
    if (most < 0) most = INT64_MAX;
    *out = jinja_list(c->env);
    if (a[0].type == JINJA_ABSENT || a[0].type == JINJA_NONE) {
        (right ? rsplit_space : split_space)(c, out->as.seq, most);
        return ERR_OK;
    }
    if (a[0].type != JINJA_STRING) return FAIL(e, "must be str or None, not %s", jinja_type_name(a[0]));
    if (!a[0].as.string->len) return FAIL(e, "empty separator");
    (right ? rsplit_text : split_text)(c, out->as.seq, SV(a[0]), most);
    return ERR_OK;
}

METHOD(str_split) { return split_by(c, false, out, e); }
METHOD(str_rsplit) { return split_by(c, true, out, e); }

METHOD(str_splitlines)
{
    struct jinja_value a;
    bool keep = false;
    enum err rc = jinja_args(c, "keepends?", &a, e);
    int64_t flag = 0;
    if (rc || (a.type != JINJA_ABSENT && (rc = method_want_int(a, &flag, e)))) return rc;
    keep = flag != 0;
    *out = text_splitlines(c->env, SV(c->self), keep);
    for (size_t i = 0; i < out->as.seq->count; i++) out->as.seq->item[i] = like_self(c, out->as.seq->item[i]);
    return ERR_OK;
}

static enum err partition(const struct jinja_call *c, bool right, struct jinja_value *out, struct error *e)
{
    struct jinja_value sep, part[3];
    enum err rc = jinja_args(c, "sep /", &sep, e);
    if (rc || (rc = method_want_str(c, sep, "", e))) return rc;
    struct view s = SV(c->self), x = SV(sep);
    if (!x.len) return FAIL(e, "empty separator");
    const char *hit = right ? text_find_last(s, x) : memmem(s.ptr, s.len, x.ptr, x.len);
    struct jinja_value empty = like_self(c, str_copy(c->env, "", 0));
    for (int i = 0; i < 3; i++) part[i] = empty;
    if (hit) {
        size_t at = (size_t)(hit - s.ptr);
        part[0] = like_self(c, str_copy(c->env, s.ptr, at));
        part[1] = like_self(c, sep);
        part[2] = like_self(c, str_copy(c->env, s.ptr + at + x.len, s.len - at - x.len));
    } else {
        part[right ? 2 : 0] = c->self;
    }
    *out = jinja_tuple(c->env, part, 3);
    return ERR_OK;
}

METHOD(str_partition) { return partition(c, false, out, e); }
METHOD(str_rpartition) { return partition(c, true, out, e); }

METHOD(str_join)
{
    struct jinja_value over, v;
    struct iter it;
    struct buf b = {0};
    bool markup = c->self.as.string->flavour == STR_MARKUP;
    enum err rc = jinja_args(c, "iterable /", &over, e);
    if (rc) return rc;
    if (!value_iterable(over)) return FAIL(e, "can only join an iterable");
    rc = iter_start(c->env, over, &it, e);
    for (size_t i = 0; !rc && !(rc = iter_next(c->env, &it, &v, e)) && v.type != JINJA_ABSENT; i++) {
        if (i) buf_add(&b, SV(c->self).ptr, SV(c->self).len);
        if (markup) rc = value_escape(c->env, v, &v, e);
        else if (v.type != JINJA_STRING) rc = FAIL(e, "sequence item %zu: expected str instance, %s found", i, jinja_type_name(v));
        if (rc) break;
        buf_add(&b, SV(v).ptr, SV(v).len);
        rc = text_within(c->env, &b, e);
    }
    if (rc) return buf_reset(&b), rc;
    return take(c, &b, out);
}

METHOD(str_replace)
{
    struct jinja_value a[3];
    struct buf b = {0};
    int64_t most = -1;
    enum err rc = jinja_args(c, "old new count? /", a, e);
    if (rc || (rc = method_want_str(c, a[0], " 1", e)) || (rc = method_want_str(c, a[1], " 2", e))) return rc;
    if (a[2].type != JINJA_ABSENT && (rc = method_want_int(a[2], &most, e))) return rc;
    if (c->self.as.string->flavour == STR_MARKUP && (rc = value_escape(c->env, a[1], &a[1], e))) return rc;
    rc = text_replace(c->env, SV(c->self), SV(a[0]), SV(a[1]), most, &b, e);
    if (rc) return buf_reset(&b), rc;
    return take(c, &b, out);
}

static enum err remove_affix(const struct jinja_call *c, bool suffix, struct jinja_value *out, struct error *e)
{
    struct jinja_value a;
    enum err rc = jinja_args(c, "affix /", &a, e);
    if (rc || (rc = method_want_str(c, a, "", e))) return rc;
    struct view s = SV(c->self), x = SV(a);
    *out = c->self;
    if (!x.len || x.len > s.len || memcmp(suffix ? s.ptr + s.len - x.len : s.ptr, x.ptr, x.len) != 0) return ERR_OK;
    *out = like_self(c, str_copy(c->env, suffix ? s.ptr : s.ptr + x.len, s.len - x.len));
    return ERR_OK;
}

METHOD(str_removeprefix) { return remove_affix(c, false, out, e); }
METHOD(str_removesuffix) { return remove_affix(c, true, out, e); }

METHOD(str_format) { return format_braces(c->env, c->self, c, 0, out, e); }

METHOD(str_format_map)
{
    struct jinja_value map, key, item;
    enum err rc = jinja_args(c, "mapping /", &map, e);
    if (rc) return rc;
    if (map.type != JINJA_DICT) return FAIL(e, "format_map() takes a mapping, not %s", jinja_type_name(map));
    struct jinja_named *named = env_alloc(c->env, (map.as.map->live + 1) * sizeof *named);
    struct jinja_call with = {.env = c->env, .named = named};
    for (size_t at = 0; jinja_dict_next(map, &at, &key, &item);)
        if (key.type == JINJA_STRING) named[with.named_count++] = (struct jinja_named){SV(key), item};
    return format_braces(c->env, c->self, &with, 0, out, e);
}

METHOD(str_lacking)
{
    (void)out;
    return err_set(e, ERR_UNSUPPORTED, "the string method %s() is not supported", c->name);
}

const struct method methods_str[] = {
    {"lower", str_lower}, {"upper", str_upper}, {"strip", str_strip}, {"split", str_split}, {"replace", str_replace},
    {"format", str_format}, {"join", str_join}, {"title", str_title}, {"lstrip", str_lstrip}, {"rstrip", str_rstrip},
    {"rsplit", str_rsplit}, {"splitlines", str_splitlines}, {"capitalize", str_capitalize}, {"casefold", str_casefold},
    {"swapcase", str_swapcase}, {"zfill", str_zfill}, {"ljust", str_ljust}, {"rjust", str_rjust}, {"center", str_center},
    {"expandtabs", str_expandtabs}, {"partition", str_partition}, {"rpartition", str_rpartition},
    {"removeprefix", str_removeprefix}, {"removesuffix", str_removesuffix}, {"format_map", str_format_map},
    {"encode", str_lacking}, {"translate", str_lacking}, {"maketrans", str_lacking},
};
const size_t methods_str_count = sizeof methods_str / sizeof *methods_str;
