/* Methods of str that search and ask. */
#include "model/jinja/methods.h"

enum err method_want_str(const struct jinja_call *c, struct jinja_value v, const char *which, struct error *e)
{
    if (v.type == JINJA_STRING) return ERR_OK;
    return FAIL(e, "%s() argument%s must be str, not %s", c->name, which, jinja_type_name(v));
}

enum err method_want_int(struct jinja_value v, int64_t *out, struct error *e)
{
    if (value_index(v, out)) return ERR_OK;
    return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
}

enum err method_no_args(const struct jinja_call *c, struct error *e)
{
    return jinja_args(c, "", NULL, e);
}

const char *text_find_last(struct view s, struct view what)
{
    for (size_t i = s.len >= what.len ? s.len - what.len + 1 : 0; i-- > 0;)
        if (!memcmp(s.ptr + i, what.ptr, what.len)) return s.ptr + i;
    return NULL;
}

/* ---- searching -------------------------------------------------------------------------------------------------------- */

/* The part that start and end (in characters) leave, as bytes; false when start lies behind the end. */
static enum err window(struct jinja_value self, struct jinja_value start, struct jinja_value end, size_t *from, size_t *to, bool *ok, struct error *e)
{
    int64_t len = (int64_t)str_chars(self), a = 0, b = len;
    enum err rc;
    if (start.type != JINJA_ABSENT && start.type != JINJA_NONE && (rc = method_want_int(start, &a, e))) return rc;
    if (end.type != JINJA_ABSENT && end.type != JINJA_NONE && (rc = method_want_int(end, &b, e))) return rc;
    if (a < 0) a = a + len < 0 ? 0 : a + len;
    if (b < 0) b = b + len < 0 ? 0 : b + len;
    if (b > len) b = len;
    *ok = a <= b && a <= len;
    *from = *ok ? str_offset(self, (size_t)a) : 0;
    *to = *ok ? str_offset(self, (size_t)b) : 0;
    return ERR_OK;
}

static enum err search(const struct jinja_call *c, bool last, int64_t *found, struct error *e)
{
    struct jinja_value a[3];
    size_t from, to;
    bool ok;
    enum err rc = jinja_args(c, "sub start? end? /", a, e);
    *found = -1;
    if (rc || (rc = method_want_str(c, a[0], " 1", e)) || (rc = window(c->self, a[1], a[2], &from, &to, &ok, e)) || !ok) return rc;
    if ((rc = env_charge(c->env, SV(c->self).len / 64, e))) return rc;
    struct view s = view_from(SV(c->self).ptr + from, to - from);
    const char *hit = last ? text_find_last(s, SV(a[0])) : memmem(s.ptr, s.len, SV(a[0]).ptr, SV(a[0]).len);
    if (!hit) return ERR_OK;
    int64_t n = 0;
    for (const char *p = SV(c->self).ptr; p < hit; p++) n += ((unsigned char)*p & 0xc0) != 0x80;
    *found = n;
    return ERR_OK;
}

static enum err found_or_not(const struct jinja_call *c, bool last, bool must, struct jinja_value *out, struct error *e)
{
    int64_t at;
    enum err rc = search(c, last, &at, e);
    if (rc) return rc;
    if (must && at < 0) return FAIL(e, "substring not found");
    *out = jinja_int(at);
    return ERR_OK;
}

METHOD(str_find) { return found_or_not(c, false, false, out, e); }
METHOD(str_rfind) { return found_or_not(c, true, false, out, e); }
METHOD(str_index) { return found_or_not(c, false, true, out, e); }
METHOD(str_rindex) { return found_or_not(c, true, true, out, e); }

METHOD(str_count)
{
    struct jinja_value a[3];
    size_t from, to;
    bool ok;
    enum err rc = jinja_args(c, "sub start? end? /", a, e);
    *out = jinja_int(0);
    if (rc || (rc = method_want_str(c, a[0], " 1", e)) || (rc = window(c->self, a[1], a[2], &from, &to, &ok, e)) || !ok) return rc;
    if ((rc = env_charge(c->env, SV(c->self).len / 64, e))) return rc;
    struct view s = view_from(SV(c->self).ptr + from, to - from), x = SV(a[0]);
    int64_t n = 0;
    if (!x.len) {
        for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
        n++;
    }
    for (const char *p = s.ptr, *end = s.ptr + s.len; x.len && (p = memmem(p, (size_t)(end - p), x.ptr, x.len)); p += x.len) n++;
    *out = jinja_int(n);
    return ERR_OK;
}

static bool has_affix(struct view s, struct view x, bool suffix)
{
    return x.len <= s.len && !memcmp(suffix ? s.ptr + s.len - x.len : s.ptr, x.ptr, x.len);
}

static enum err affixed(const struct jinja_call *c, bool suffix, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[3];
    size_t from, to;
    bool ok, yes = false;
    enum err rc = jinja_args(c, "affix start? end? /", a, e);
    if (rc || (rc = window(c->self, a[1], a[2], &from, &to, &ok, e))) return rc;
    struct view s = view_from(SV(c->self).ptr + from, to - from);
    if (a[0].type == JINJA_STRING) {
        yes = ok && has_affix(s, SV(a[0]), suffix);
    } else if (a[0].type == JINJA_TUPLE) {
        for (size_t i = 0; i < a[0].as.seq->count; i++) {
            struct jinja_value x = a[0].as.seq->item[i];
            if (x.type != JINJA_STRING) return FAIL(e, "tuple for %s must only contain str, not %s", c->name, jinja_type_name(x));
            yes = yes || (ok && has_affix(s, SV(x), suffix));
        }
    } else {
        return FAIL(e, "%s first arg must be str or a tuple of str, not %s", c->name, jinja_type_name(a[0]));
    }
    *out = jinja_bool(yes);
    return ERR_OK;
}

METHOD(str_startswith) { return affixed(c, false, out, e); }
METHOD(str_endswith) { return affixed(c, true, out, e); }

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

static enum err all_are(const struct jinja_call *c, bool (*is)(uint32_t), bool empty, struct jinja_value *out, struct error *e)
{
    struct view s = SV(c->self);
    bool yes = s.len > 0 || empty;
    enum err rc = method_no_args(c, e);
    for (size_t i = 0, n; i < s.len && yes; i += n) yes = is(utf8_decode(s.ptr + i, &n));
    *out = jinja_bool(yes);
    return rc;
}

static bool is_ascii(uint32_t ch) { return ch < 0x80; }

METHOD(str_isalnum) { return all_are(c, uni_alnum, false, out, e); }
METHOD(str_isalpha) { return all_are(c, uni_alpha, false, out, e); }
METHOD(str_isascii) { return all_are(c, is_ascii, true, out, e); }
METHOD(str_isdecimal) { return all_are(c, uni_decimal, false, out, e); }
METHOD(str_isdigit) { return all_are(c, uni_digit, false, out, e); }
METHOD(str_isnumeric) { return all_are(c, uni_numeric, false, out, e); }
METHOD(str_isprintable) { return all_are(c, uni_printable, true, out, e); }
METHOD(str_isspace) { return all_are(c, uni_space, false, out, e); }

METHOD(str_isidentifier)
{
    struct view s = SV(c->self);
    bool yes = s.len > 0;
    enum err rc = method_no_args(c, e);
    for (size_t i = 0, n; i < s.len && yes; i += n) {
        uint32_t ch = utf8_decode(s.ptr + i, &n);
        yes = ch == '_' || (i ? uni_alnum(ch) : uni_alpha(ch));
    }
    *out = jinja_bool(yes);
    return rc;
}

bool text_is_case(struct view s, bool upper)
{
    bool any = false;
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t ch = utf8_decode(s.ptr + i, &n);
        if (uni_title(ch) || (upper ? uni_lower(ch) : uni_upper(ch))) return false;
        any = any || (upper ? uni_upper(ch) : uni_lower(ch));
    }
    return any;
}

METHOD(str_isupper)
{
    *out = jinja_bool(text_is_case(SV(c->self), true));
    return method_no_args(c, e);
}

METHOD(str_islower)
{
    *out = jinja_bool(text_is_case(SV(c->self), false));
    return method_no_args(c, e);
}

METHOD(str_istitle)
{
    struct view s = SV(c->self);
    bool any = false, inside = false, yes = true;
    enum err rc = method_no_args(c, e);
    for (size_t i = 0, n; i < s.len && yes; i += n) {
        uint32_t ch = utf8_decode(s.ptr + i, &n);
        if (uni_upper(ch) || uni_title(ch)) yes = !inside, inside = any = true;
        else if (uni_lower(ch)) yes = inside, inside = any = true;
        else inside = false;
    }
    *out = jinja_bool(yes && any);
    return rc;
}

const struct method methods_str_ask[] = {
    {"startswith", str_startswith}, {"endswith", str_endswith}, {"find", str_find}, {"rfind", str_rfind},
    {"index", str_index}, {"rindex", str_rindex}, {"count", str_count}, {"isalnum", str_isalnum}, {"isalpha", str_isalpha},
    {"isascii", str_isascii}, {"isdecimal", str_isdecimal}, {"isdigit", str_isdigit}, {"isidentifier", str_isidentifier},
    {"islower", str_islower}, {"isnumeric", str_isnumeric}, {"isprintable", str_isprintable}, {"isspace", str_isspace},
    {"istitle", str_istitle}, {"isupper", str_isupper},
};
const size_t methods_str_ask_count = sizeof methods_str_ask / sizeof *methods_str_ask;
