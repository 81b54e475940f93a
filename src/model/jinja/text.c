/* What string methods and filters share. */
#include "model/jinja/internal.h"

static bool in_set(uint32_t c, struct view set)
{
    for (size_t i = 0, n; i < set.len; i += n)
        if (utf8_decode(set.ptr + i, &n) == c) return true;
    return false;
}

static bool strips(struct view s, size_t at, struct view chars, bool space, size_t *n)
{
    uint32_t c = utf8_decode(s.ptr + at, n);
    return space ? uni_space(c) : in_set(c, chars);
}

struct jinja_value text_strip(struct jinja_env *env, struct jinja_value v, struct view chars, bool all_space, bool left, bool right)
{
    struct view s = SV(v);
    size_t from = 0, to = s.len, n;
    while (left && from < to && strips(s, from, chars, all_space, &n)) from += n;
    while (right && to > from) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
        if (!strips(s, at, chars, all_space, &n)) break;
        to = at;
    }
    if (from == 0 && to == s.len) return v;
    return str_copy(env, s.ptr + from, to - from);
}

enum err text_replace(struct jinja_env *env, struct view s, struct view from, struct view to, int64_t most, struct buf *out, struct error *e)
{
    enum err rc = env_charge(env, s.len / 64, e);
    size_t at = 0;
    if (most < 0) most = INT64_MAX;
    while (!rc && most-- > 0) {
        if (from.len) {
            const char *hit = at <= s.len ? memmem(s.ptr + at, s.len - at, from.ptr, from.len) : NULL;
            if (!hit) break;
            size_t p = (size_t)(hit - s.ptr);
            buf_add(out, s.ptr + at, p - at);
            buf_add(out, to.ptr, to.len);
            at = p + from.len;
        } else {
            size_t n = 0;
            buf_add(out, to.ptr, to.len);
            if (at >= s.len) return ERR_OK;
            utf8_decode(s.ptr + at, &n);
            buf_add(out, s.ptr + at, n);
            at += n;
        }
        rc = text_within(env, out, e);
    }
    if (!rc && at < s.len) buf_add(out, s.ptr + at, s.len - at);
    return rc;
}

void text_capitalize(struct view s, struct buf *out)
{
    size_t n;
    if (!s.len) return;
    uni_map(utf8_decode(s.ptr, &n), UNI_TITLE, out);
    for (size_t i = n; i < s.len; i += n) {
        utf8_decode(s.ptr + i, &n);
        text_lower_at(s, i, out);
    }
}

enum err text_pad(struct jinja_env *env, struct jinja_value v, int64_t width, struct view fill, int side, struct jinja_value *out, struct error *e)
{
    size_t chars = str_chars(v), pad = width > 0 && (uint64_t)width > chars ? (size_t)width - chars : 0;
    enum err rc;
    if (!pad) return *out = v, ERR_OK;
    if (pad > env->limit.max_output_bytes) return FAIL(e, "the text is longer than %zu bytes (max_output_bytes)", env->limit.max_output_bytes);
    if ((rc = env_room(env, pad * fill.len, e))) return rc;
    size_t left = side < 0 ? 0 : side > 0 ? pad : pad / 2 + (pad & (size_t)width & 1);
    struct buf b = {0};
    for (size_t i = 0; i < left; i++) buf_add(&b, fill.ptr, fill.len);
    buf_add(&b, SV(v).ptr, SV(v).len);
    for (size_t i = left; i < pad; i++) buf_add(&b, fill.ptr, fill.len);
    *out = str_take(env, &b);
    return ERR_OK;
}

static bool line_end(struct view s, size_t at, size_t *n)
{
    uint32_t c = utf8_decode(s.ptr + at, n);
    if (c == '\r' && at + 1 < s.len && s.ptr[at + 1] == '\n') return *n = 2, true;
    return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

struct jinja_value text_splitlines(struct jinja_env *env, struct view s, bool keep)
{
    struct jinja_value list = jinja_list(env);
    size_t from = 0, n;
    for (size_t at = 0; at < s.len; at += n) {
        if (!line_end(s, at, &n)) continue;
        seq_push(env, list.as.seq, str_copy(env, s.ptr + from, at - from + (keep ? n : 0)));
        from = at + n;
    }
    if (from < s.len) seq_push(env, list.as.seq, str_copy(env, s.ptr + from, s.len - from));
    return list;
}

void html_escape(struct view s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '&': buf_str(out, "&amp;"); break;
        case '<': buf_str(out, "&lt;"); break;
        case '>': buf_str(out, "&gt;"); break;
        case '"': buf_str(out, "&#34;"); break;
        case '\'': buf_str(out, "&#39;"); break;
        default: buf_char(out, s.ptr[i]);
        }
    }
}

enum err value_escape(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    struct view s;
    struct buf b = {0};
    if (v.type == JINJA_STRING && v.as.string->flavour == STR_MARKUP) return *out = v, ERR_OK;
    enum err rc = jinja_str_view(env, v, &s, e);
    if (rc) return rc;
    html_escape(s, &b);
    *out = str_take(env, &b);
    out->as.string->flavour = STR_MARKUP;
    return ERR_OK;
}
