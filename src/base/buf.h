/* A growable byte buffer. Text in it is always followed by a '\0' that does not count in len. */
#ifndef LAKEFM_BASE_BUF_H
#define LAKEFM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *ptr; /* owned; NULL while nothing was added */
    size_t len, cap;
};

void buf_reset(struct buf *b);                    /* frees; b may be used again. {0} is a valid empty buffer */
void buf_clear(struct buf *b);                    /* len = 0, memory kept */
char *buf_reserve(struct buf *b, size_t more);    /* room for `more` bytes after len; returns ptr + len */
void buf_add(struct buf *b, const void *p, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_i64(struct buf *b, int64_t v);           /* decimal */
/* The text as a JSON string with its quotes; invalid UTF-8 bytes become U+FFFD. */
void buf_json(struct buf *b, const char *s, size_t len);
char *buf_take(struct buf *b);                    /* the text (never NULL), owned by the caller; b is empty again */

#endif
