#include "schema/clean.h"

#include "schema/contract.h"

bool clean_mojibake(struct view text, struct buf *out)
{
    bool high = false;
    size_t n = 0;

    buf_clear(out);
    char *to = buf_reserve(out, text.len);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80) {
            to[n++] = (char)c;
            continue;
        }
        /* U+0080 … U+00FF are C2 80 … C3 BF. */
        if ((c != 0xC2 && c != 0xC3) || i + 1 == text.len) return false;
        to[n++] = (char)(((c & 3) << 6) | (text.ptr[++i] & 0x3F));
        high = true;
    }
    if (!high || !utf8_valid(to, n)) return false;
    out->len = n;
    return true;
}

static const char *last_comma(struct view v)
{
    return v.len ? memrchr(v.ptr, ',', v.len) : NULL;
}

bool clean_text(unsigned steps, struct view v, struct buf *scratch, struct view *out)
{
    if ((steps & CONTRACT_UNQUOTE) && v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"') {
        v.ptr++;
        v.len -= 2;
    }
    if ((steps & CONTRACT_MOJIBAKE) && clean_mojibake(v, scratch)) v = view_from(scratch->ptr, scratch->len);
    if (steps & CONTRACT_BEFORE_LAST_COMMA) {
        const char *comma = last_comma(v);
        if (comma) v.len = (size_t)(comma - v.ptr);
    }
    if (steps & CONTRACT_AFTER_LAST_COMMA) {
        const char *comma = last_comma(v), *end = v.ptr + v.len;
        if (!comma) return false;
        v.ptr = comma + 1;
        if (v.ptr < end && *v.ptr == ' ') v.ptr++;
        v.len = (size_t)(end - v.ptr);
    }
    if ((steps & CONTRACT_EMPTY_NULL) && !v.len) return false;
    *out = v;
    return true;
}
