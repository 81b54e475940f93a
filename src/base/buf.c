#include "base/buf.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_reset(struct buf *b)
{
    mem_free(b->ptr);
    memset(b, 0, sizeof *b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->ptr) b->ptr[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t more)
{
    mem_grow(&b->ptr, &b->cap, b->len + more + 1, 1);
    return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    char *to = buf_reserve(b, len);
    if (len) memcpy(to, p, len);
    b->len += len;
    b->ptr[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
void buf_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        char *to = buf_reserve(b, (size_t)n);
        vsnprintf(to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_i64(struct buf *b, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)v);
    buf_add(b, text, (size_t)n);
}

void buf_json(struct buf *b, const char *s, size_t len)
{
    buf_char(b, '"');
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            char two[2] = {'\\', (char)c};
            buf_add(b, two, 2);
            i++;
        } else if (c < 0x20) {
            const char *name = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : NULL;
            if (name) buf_str(b, name);
            else buf_printf(b, "\\u%04x", c);
            i++;
        } else if (c < 0x80) {
            size_t from = i;
            while (i < len && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
                i++;
            buf_add(b, s + from, i - from);
        } else {
            size_t n = utf8_length(s + i, len - i);
            if (n) buf_add(b, s + i, n);
            else buf_str(b, "\xEF\xBF\xBD");
            i += n ? n : 1;
        }
    }
    buf_char(b, '"');
}

char *buf_take(struct buf *b)
{
    buf_reserve(b, 0)[0] = '\0';
    char *out = b->ptr;
    memset(b, 0, sizeof *b);
    return out;
}
