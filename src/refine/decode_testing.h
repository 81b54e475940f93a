/* For tests: what a decoder made of its input, as text, one line a record in input order:
 *
 *     0 {"ts":1,"userId":null,…} day=… key=… payload=… [route=…]
 *     1 reject not_integer sessionId @123 "raw"
 */
#ifndef LAKEFM_REFINE_DECODE_TESTING_H
#define LAKEFM_REFINE_DECODE_TESTING_H

#include "base/buf.h"
#include "base/mem.h"
#include "refine/decode.h"

#include <stdio.h>

#define TESTING static __attribute__((unused))

TESTING void testing_value(struct buf *out, const struct decode_dict *t, uint32_t code)
{
    if (!code) buf_str(out, "null");
    else if (t->type == CONTRACT_STRING) buf_json(out, t->bytes + t->offset[code], t->length[code]);
    else if (t->type == CONTRACT_DOUBLE) buf_printf(out, "%.17g", t->real[code]);
    else if (t->type == CONTRACT_BOOL) buf_str(out, t->integer[code] ? "true" : "false");
    else buf_i64(out, t->integer[code]);
}

TESTING void testing_row(struct buf *out, const struct decoder *d, const struct decode_batch *b, uint32_t r)
{
    const struct contract *c = decode_contract(d);
    buf_char(out, '{');
    for (uint16_t i = 0; i < c->column_count; i++) {
        const struct decode_column *col = &b->columns[i];
        struct decode_dict t;
        buf_printf(out, "%s\"%s\":", i ? "," : "", c->columns[i].name);
        if (col->dense) {
            if (!col->present || col->present[r]) buf_i64(out, col->dense[r]);
            else buf_str(out, "null");
            continue;
        }
        decode_dict(d, i, &t);
        testing_value(out, &t, col->codes[r]);
    }
    buf_char(out, '}');
}

/* All of a batch. `base` is the number of the feed's first record. */
TESTING void testing_batch(struct buf *out, const struct decoder *d, const struct decode_batch *b, uint64_t base)
{
    const struct contract *c = decode_contract(d);
    uint32_t r = 0, x = 0;

    while (r < b->rows || x < b->reject_count) {
        const struct decode_reject *j = x < b->reject_count ? &b->rejects[x] : NULL;
        if (r < b->rows && (!j || base + b->source[r].line < j->line)) {
            buf_printf(out, "%llu ", (unsigned long long)(base + b->source[r].line));
            testing_row(out, d, b, r);
            buf_printf(out, " day=%d key=%016llx%016llx payload=%016llx", b->day[r], (unsigned long long)b->key[r].hi,
                       (unsigned long long)b->key[r].lo, (unsigned long long)b->payload[r]);
            if (b->route && b->route[r])
                buf_printf(out, " route=%u/%016llx%016llx", b->route[r], (unsigned long long)b->route_key[r].hi,
                           (unsigned long long)b->route_key[r].lo);
            buf_printf(out, " @%llu\n", (unsigned long long)b->source[r].offset);
            r++;
            continue;
        }
        buf_printf(out, "%llu reject %s %s @%llu ", (unsigned long long)j->line, decode_reason_name(j->reason),
                   j->column == CONTRACT_NONE ? "-" : c->columns[j->column].name, (unsigned long long)j->source.offset);
        buf_json(out, j->source.text, j->source.len < 200 ? j->source.len : 200);
        buf_char(out, '\n');
        x++;
    }
}

/* Feeds `text` in blocks of whole lines of about block_bytes. */
TESTING void testing_decode(struct buf *out, struct decoder *d, const char *text, size_t len, size_t block_bytes)
{
    size_t at = 0;
    do {
        size_t n = len - at <= block_bytes ? len - at : block_bytes;
        const char *nl = n < len - at ? memchr(text + at + n, '\n', len - at - n) : NULL;
        if (n < len - at) n = nl ? (size_t)(nl - (text + at)) + 1 : len - at;
        char *copy = mem_alloc(n + DECODE_PAD); /* exact, so that sanitizers see a step too far */
        memcpy(copy, text + at, n);
        memset(copy + n, '"', DECODE_PAD);
        uint64_t base = decode_counts(d)->lines;
        decode_feed(d, copy, n, at);
        const struct decode_batch *b;
        while ((b = decode_next(d))) {
            testing_batch(out, d, b, base);
            if (b->full) decode_forget(d);
        }
        mem_free(copy);
        at += n;
    } while (at < len);
}

/* The same through record mode, a record a line (its newline kept), 100 at a time. */
TESTING void testing_decode_records(struct buf *out, struct decoder *d, const char *text, size_t len)
{
    struct decode_source list[100];
    for (size_t at = 0; at < len;) {
        size_t n = 0;
        for (; n < 100 && at < len; n++) {
            const char *nl = memchr(text + at, '\n', len - at);
            size_t size = nl ? (size_t)(nl - (text + at)) + 1 : len - at;
            char *copy = mem_alloc(size ? size : 1);
            memcpy(copy, text + at, size);
            list[n] = (struct decode_source){.text = copy, .len = (uint32_t)size, .offset = at};
            at += size;
        }
        uint64_t base = decode_counts(d)->lines;
        decode_feed_records(d, list, n);
        const struct decode_batch *b;
        while ((b = decode_next(d))) {
            testing_batch(out, d, b, base);
            if (b->full) decode_forget(d);
        }
        for (size_t i = 0; i < n; i++) mem_free((char *)list[i].text);
    }
}

/* The ways a decoder can go; all must give the same text. */
static const struct {
    const char *name;
    struct decode_options o;
} testing_modes[] = {
    {"strict parser", {.no_fast = true, .cpu = DECODE_CPU_PORTABLE}},
    {"avx2", {.cpu = DECODE_CPU_AVX2}},
    {"avx2, learning from little", {.cpu = DECODE_CPU_AVX2, .learn_rows = 8, .batch_rows = 50}},
    {"avx2, no memo", {.cpu = DECODE_CPU_AVX2, .no_memo = true}},
    {"portable", {.cpu = DECODE_CPU_PORTABLE}},
    {"portable, learning from little", {.cpu = DECODE_CPU_PORTABLE, .learn_rows = 8, .batch_rows = 50}},
    {"portable, no memo", {.cpu = DECODE_CPU_PORTABLE, .no_memo = true}},
    {"avx2, strict parser", {.no_fast = true, .cpu = DECODE_CPU_AVX2}},
};
enum { TESTING_MODES = sizeof testing_modes / sizeof testing_modes[0] };

#endif
