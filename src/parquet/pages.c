#include "parquet/encodings.h"
#include "parquet/internal.h"
#include "parquet/thrift.h"

#include <string.h>

/* A data page holds at most so many rows, and about so many bytes of values that are not fixed in size. */
enum { PAGE_ROWS = 131072, PAGE_BYTES = 1 << 20 };
enum { HEADER_MAX = 64 };

/* ---- compression */

/* A Zstandard frame that only wraps the bytes (RFC 8878): magic, descriptor (single segment, 4 bytes of content size),
 * raw blocks of up to 128 KB, each with 3 bytes of header: last | type 0 << 1 | size << 3. */
static size_t wrap_raw(const char *in, size_t len, char *out)
{
    enum { BLOCK = 128 * 1024 };
    static const uint8_t head[5] = {0x28, 0xB5, 0x2F, 0xFD, 0xA0};
    char *to = out;
    uint32_t size = (uint32_t)len;
    memcpy(to, head, sizeof head);
    memcpy(to + 5, &size, 4);
    to += 9;
    do {
        size_t block = len < BLOCK ? len : BLOCK;
        uint32_t header = (uint32_t)(block << 3 | (block == len));
        memcpy(to, &header, 3);
        memcpy(to + 3, in, block);
        to += 3 + block;
        in += block;
        len -= block;
    } while (len);
    return (size_t)(to - out);
}

/* Most bit-packed pages cannot be compressed, and a sample of 8 KB says so for a part of the price. */
static bool looks_random(struct parquet_encoder *en, const char *in, size_t len)
{
    enum { SAMPLE = 8192, LEAST = 4 * SAMPLE };
    if (en->level > 2 || len < LEAST) return false; /* who asks for more than speed gets all of it */
    buf_clear(&en->sample);
    char *to = buf_reserve(&en->sample, ZSTD_COMPRESSBOUND(SAMPLE));
    size_t got = ZSTD_compress2(en->zstd, to, ZSTD_COMPRESSBOUND(SAMPLE), in + (len - SAMPLE) / 2, SAMPLE);
    return ZSTD_isError(got) || got > SAMPLE / 100 * 98;
}

/* Compresses to `out`, which has room for ZSTD_compressBound(len). */
static enum err compress(struct parquet_encoder *en, const char *in, size_t len, char *out, size_t *size,
                         struct error *e)
{
    if (looks_random(en, in, len)) {
        *size = wrap_raw(in, len, out);
        return ERR_OK;
    }
    *size = ZSTD_compress2(en->zstd, out, ZSTD_compressBound(len), in, len);
    if (ZSTD_isError(*size)) return err_set(e, ERR_INTERNAL, "Zstandard: %s", ZSTD_getErrorName(*size));
    return ERR_OK;
}

/* ---- a page: header and body, appended to en->out */

static void page_header(char out[HEADER_MAX], size_t *len, int type, size_t raw, size_t body, uint32_t values,
                        int encoding)
{
    struct buf text = {0};
    struct thrift_writer w = {.out = &text};
    thrift_i32(&w, 1, type);
    thrift_i32(&w, 2, (int32_t)raw);
    thrift_i32(&w, 3, (int32_t)body);
    thrift_open(&w, type == PAGE_DATA ? 5 : 7);
    thrift_i32(&w, 1, (int32_t)values);
    thrift_i32(&w, 2, encoding);
    if (type == PAGE_DATA) {
        thrift_i32(&w, 3, ENCODING_RLE);
        thrift_i32(&w, 4, ENCODING_RLE);
    }
    thrift_close(&w);
    thrift_close(&w);
    *len = text.len; /* under 40: at most 9 numbers */
    memcpy(out, text.ptr, text.len);
    buf_reset(&text);
}

/* en->page becomes a page. The body goes HEADER_MAX bytes after the end and moves down when its size is known. */
static enum err emit_page(struct parquet_encoder *en, const struct parquet_column *column, int type, uint32_t values,
                          int encoding, struct parquet_chunk *chunk, struct error *e)
{
    size_t raw = en->page.len, body = raw, header_len;
    char header[HEADER_MAX];
    if (raw > INT32_MAX) return err_set(e, ERR_INTERNAL, "Parquet column %s: a page of %zu bytes", column->name, raw);
    char *to = buf_reserve(&en->out, 2 * HEADER_MAX + (en->level ? ZSTD_compressBound(raw) : 0));
    if (en->level) {
        enum err rc = compress(en, en->page.ptr, raw, to + HEADER_MAX, &body, e);
        if (rc != ERR_OK) return rc;
    }
    page_header(header, &header_len, type, raw, body, values, encoding);
    memcpy(to, header, header_len);
    en->out.len += header_len;
    if (en->level) {
        memmove(to + header_len, to + HEADER_MAX, body);
        en->out.len += body;
    } else {
        buf_add(&en->out, en->page.ptr, raw);
    }
    if (type == PAGE_DATA) chunk->pages[encoding]++;
    chunk->raw_bytes += header_len + raw;
    chunk->file_bytes += header_len + body;
    return ERR_OK;
}

/* ---- what goes into a data page: definition levels, then values */

static size_t open_length(struct buf *out)
{
    (void)buf_reserve(out, 4);
    out->len += 4;
    return out->len;
}

static void close_length(struct buf *out, size_t start)
{
    uint32_t len = (uint32_t)(out->len - start);
    memcpy(out->ptr + start - 4, &len, 4);
}

static void put_levels(struct parquet_encoder *en, const struct parquet_values *v, uint32_t row, uint32_t rows,
                       uint32_t values)
{
    size_t start = open_length(&en->page);
    if (values == rows || !values)
        parquet_hybrid_run(values != 0, rows, 1, &en->page);
    else
        parquet_hybrid_bits(v->valid + row, rows, &en->bits, &en->page);
    close_length(&en->page, start);
}

static int put_booleans(struct parquet_encoder *en, const uint32_t *index, uint32_t n)
{
    const size_t plain = (n + 7) / 8;
    if (parquet_hybrid_size(en->kernels, index, n, 1) + 4 < plain / 4) {
        size_t start = open_length(&en->page);
        parquet_hybrid(en->kernels, index, n, 1, &en->page);
        close_length(&en->page, start);
        return ENCODING_RLE;
    }
    en->kernels->pack(index, plain, 1, (uint8_t *)buf_reserve(&en->page, plain + KERNEL_PACK_SLACK));
    en->page.len += plain;
    return ENCODING_PLAIN;
}

static int put_integers(struct parquet_encoder *en, const int64_t *in, uint32_t n, bool narrow)
{
    size_t start = en->page.len, plain = (size_t)n * (narrow ? 4 : 8);
    parquet_delta(en->kernels, in, n, narrow, &en->page);
    if (en->page.len - start < plain) return ENCODING_DELTA_BINARY_PACKED;
    en->page.len = start;
    parquet_plain(in, n, narrow, &en->page);
    return ENCODING_PLAIN;
}

static int put_texts(struct parquet_encoder *en, const struct view *in, uint32_t n)
{
    enum { FEW = 8 };
    if (n >= FEW) {
        parquet_delta_texts(en->kernels, in, n, parquet_scratch(&en->lengths, n, sizeof(int64_t)), &en->page);
        return ENCODING_DELTA_LENGTH_BYTE_ARRAY;
    }
    parquet_plain_texts(in, n, &en->page);
    return ENCODING_PLAIN;
}

/* Returns the encoding. */
static int put_values(struct parquet_encoder *en, const struct parquet_values *v, uint32_t from, uint32_t n)
{
    if (v->type == PARQUET_BOOLEAN) return n ? put_booleans(en, v->index + from, n) : ENCODING_PLAIN;
    if (v->indexed) {
        unsigned width = parquet_width(v->items.count - 1);
        buf_char(&en->page, (char)width);
        if (v->constant)
            parquet_hybrid_run(0, n, width, &en->page);
        else
            parquet_hybrid(en->kernels, v->index + from, n, width, &en->page);
        return ENCODING_RLE_DICTIONARY;
    }
    if (!n) return ENCODING_PLAIN;
    if (v->type == PARQUET_STRING) return put_texts(en, v->items.texts + from, n);
    if (v->type == PARQUET_DOUBLE) {
        parquet_plain(v->items.integers + from, n, false, &en->page);
        return ENCODING_PLAIN;
    }
    return put_integers(en, v->items.integers + from, n, parquet_is_narrow(v->type));
}

/* ---- the chunk */

static uint32_t count_valid(const struct parquet_encoder *en, const struct parquet_values *v, uint32_t row,
                            uint32_t rows)
{
    if (!v->valid) return v->count ? rows : 0;
    return (uint32_t)en->kernels->ones(v->valid + row, rows);
}

/* Rows of the page that begins at `row` with value `from`, and how many of them hold a value. */
static uint32_t page_rows(const struct parquet_encoder *en, const struct parquet_values *v, uint32_t row, uint32_t from,
                          uint32_t *values)
{
    uint32_t rows = v->rows - row < PAGE_ROWS ? v->rows - row : PAGE_ROWS;
    *values = count_valid(en, v, row, rows);
    if (v->type != PARQUET_STRING || v->indexed) return rows;
    size_t bytes = 0;
    uint32_t n = 0;
    while (n < *values && (!n || bytes < PAGE_BYTES)) bytes += v->items.texts[from + n++].len + 4;
    if (n == *values) return rows;
    *values = n;
    uint32_t taken = 0;
    for (rows = 0; taken < n; rows++) taken += v->valid ? v->valid[row + rows] : 1;
    return rows;
}

static enum err write_dictionary(struct parquet_encoder *en, const struct parquet_column *column,
                                 const struct parquet_values *v, struct parquet_chunk *chunk, struct error *e)
{
    buf_clear(&en->page);
    if (v->type == PARQUET_STRING)
        parquet_plain_texts(v->items.texts, v->items.count, &en->page);
    else
        parquet_plain(v->items.integers, v->items.count, parquet_is_narrow(v->type), &en->page);
    chunk->has_dictionary = true;
    return emit_page(en, column, PAGE_DICTIONARY, v->items.count, ENCODING_PLAIN, chunk, e);
}

enum err parquet_pages_write(struct parquet_encoder *en, const struct parquet_column *column,
                             const struct parquet_values *v, struct parquet_chunk *chunk, struct error *e)
{
    enum err rc = ERR_OK;
    uint32_t row = 0, from = 0, values;
    chunk->start = en->out.len;
    if (v->indexed && v->type != PARQUET_BOOLEAN) TRY(write_dictionary(en, column, v, chunk, e));
    chunk->data_at = en->out.len;
    while (row < v->rows) {
        uint32_t rows = page_rows(en, v, row, from, &values);
        buf_clear(&en->page);
        if (!column->required) put_levels(en, v, row, rows, values);
        int encoding = put_values(en, v, from, values);
        TRY(emit_page(en, column, PAGE_DATA, rows, encoding, chunk, e));
        row += rows;
        from += values;
    }
done:
    return rc;
}
