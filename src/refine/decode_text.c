/* JSON strings (RFC 8259, section 7) in UTF-8 (RFC 3629). */
#include "refine/decode_private.h"

static int hex4(const char *p, const char *end)
{
    int v = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int x = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (x < 0) return -1;
        v = v << 4 | x;
    }
    return v;
}

/* The escape at p (after its backslash) → its code point and the text after it; NULL with *why. */
static const char *escape(const char *p, const char *end, uint32_t *cp, enum decode_reason *why)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = p < end && *p ? strchr(from, *p) : NULL;
    int v, low;

    *why = DECODE_BAD_JSON;
    if (at) return *cp = (uint32_t)to[at - from], p + 1;
    if (p == end || *p != 'u' || (v = hex4(p + 1, end)) < 0) return NULL;
    p += 5;
    if (!v) return *why = DECODE_NUL_BYTE, NULL;
    if (v >= 0xDC00 && v <= 0xDFFF) return *why = DECODE_BAD_UTF8, NULL;
    if (v >= 0xD800 && v <= 0xDBFF) {
        if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return *why = DECODE_BAD_UTF8, NULL;
        low = hex4(p + 2, end);
        if (low < 0) return NULL;
        if (low < 0xDC00 || low > 0xDFFF) return *why = DECODE_BAD_UTF8, NULL;
        *cp = 0x10000 + ((uint32_t)(v - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
        return p + 6;
    }
    *cp = (uint32_t)v;
    return p;
}

/* Bytes that are neither '"' nor '\\' nor below 0x20 nor above 0x7F: 8 at a time. */
static const char *skip_plain(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    for (; end - p >= 8; p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        /* Exact as long as no byte has its top bit, which is looked for as well. */
        if ((v | (v - ones * 0x20) | (quote - ones) | (slash - ones)) & high) break;
    }
    return p;
}

const char *decode_text_end(const char *p, const char *end, bool *escaped, enum decode_reason *why)
{
    *escaped = false;
    *why = DECODE_BAD_JSON;
    for (;;) {
        p = skip_plain(p, end);
        if (p == end) return NULL;
        unsigned char c = (unsigned char)*p;
        if (c == '"') return p;
        if (c == '\\') {
            uint32_t cp = 0;
            *escaped = true;
            if (!(p = escape(p + 1, end, &cp, why))) return NULL;
            *why = DECODE_BAD_JSON;
        } else if (c < 0x20) {
            *why = c ? DECODE_CONTROL : DECODE_NUL_BYTE;
            return NULL;
        } else if (c < 0x80) {
            p++;
        } else {
            size_t n = utf8_length(p, (size_t)(end - p));
            if (!n) return *why = DECODE_BAD_UTF8, NULL;
            p += n;
        }
    }
}

struct view decode_text_unescape(const char *p, const char *end, bool escaped, struct buf *scratch)
{
    if (!escaped) return view_from(p, (size_t)(end - p));
    buf_clear(scratch);
    char *to = buf_reserve(scratch, (size_t)(end - p)); /* no escape is shorter than what it stands for */
    size_t n = 0;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memcpy(to + n, p, plain);
        n += plain;
        if (!slash) break;
        uint32_t cp = 0;
        enum decode_reason why;
        p = escape(slash + 1, end, &cp, &why);
        n += utf8_encode(cp, to + n);
    }
    scratch->len = n;
    return view_from(to, n);
}
