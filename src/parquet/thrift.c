#include "parquet/thrift.h"

unsigned thrift_varint(uint8_t *out, uint64_t v)
{
    unsigned n = 0;
    for (; v >= 0x80; v >>= 7) out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static void put_varint(struct thrift_writer *w, uint64_t v)
{
    uint8_t bytes[10];
    buf_add(w->out, bytes, thrift_varint(bytes, v));
}

static void put_field(struct thrift_writer *w, int id, enum thrift_type type)
{
    int delta = id - w->last[w->depth];
    if (delta > 0 && delta <= 15) {
        buf_char(w->out, (char)(delta << 4 | (int)type));
    } else {
        buf_char(w->out, (char)type);
        put_varint(w, thrift_zigzag(id));
    }
    w->last[w->depth] = id;
}

void thrift_bool(struct thrift_writer *w, int id, bool v) { put_field(w, id, v ? THRIFT_TRUE : THRIFT_FALSE); }

void thrift_i8(struct thrift_writer *w, int id, int8_t v)
{
    put_field(w, id, THRIFT_I8);
    buf_char(w->out, (char)v);
}

static void put_integer(struct thrift_writer *w, int id, enum thrift_type type, int64_t v)
{
    put_field(w, id, type);
    put_varint(w, thrift_zigzag(v));
}

void thrift_i16(struct thrift_writer *w, int id, int16_t v) { put_integer(w, id, THRIFT_I16, v); }
void thrift_i32(struct thrift_writer *w, int id, int32_t v) { put_integer(w, id, THRIFT_I32, v); }
void thrift_i64(struct thrift_writer *w, int id, int64_t v) { put_integer(w, id, THRIFT_I64, v); }

void thrift_item_text(struct thrift_writer *w, struct view v)
{
    put_varint(w, v.len);
    buf_add(w->out, v.ptr, v.len);
}

void thrift_text(struct thrift_writer *w, int id, struct view v)
{
    put_field(w, id, THRIFT_BINARY);
    thrift_item_text(w, v);
}

void thrift_item_open(struct thrift_writer *w) { w->last[++w->depth] = 0; }

void thrift_open(struct thrift_writer *w, int id)
{
    put_field(w, id, THRIFT_STRUCT);
    thrift_item_open(w);
}

void thrift_close(struct thrift_writer *w)
{
    buf_char(w->out, THRIFT_STOP);
    if (w->depth) w->depth--;
}

void thrift_empty(struct thrift_writer *w, int id)
{
    thrift_open(w, id);
    thrift_close(w);
}

void thrift_list(struct thrift_writer *w, int id, enum thrift_type item, size_t count)
{
    put_field(w, id, THRIFT_LIST);
    if (count < 15) {
        buf_char(w->out, (char)(count << 4 | item));
    } else {
        buf_char(w->out, (char)(0xF0 | item));
        put_varint(w, count);
    }
}

void thrift_item_i32(struct thrift_writer *w, int32_t v) { put_varint(w, thrift_zigzag(v)); }

/* ---- reader */

static uint8_t get_byte(struct thrift_reader *r)
{
    if (r->bad || r->at == r->end) {
        r->bad = true;
        return 0;
    }
    return *r->at++;
}

static uint64_t get_varint(struct thrift_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = get_byte(r);
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) return r->bad ? 0 : v;
    }
    r->bad = true;
    return 0;
}

int64_t thrift_read_int(struct thrift_reader *r)
{
    uint64_t v = get_varint(r);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

bool thrift_next(struct thrift_reader *r, int *id, enum thrift_type *type)
{
    uint8_t b = get_byte(r);
    if (r->bad || b == THRIFT_STOP) return false;
    *type = (enum thrift_type)(b & 0x0F);
    int64_t next = b >> 4 ? *id + (b >> 4) : thrift_read_int(r);
    if (next < INT16_MIN || next > INT16_MAX) r->bad = true;
    *id = (int)next;
    return !r->bad;
}

struct view thrift_read_text(struct thrift_reader *r)
{
    uint64_t len = get_varint(r);
    if (r->bad || len > (uint64_t)(r->end - r->at)) {
        r->bad = true;
        return view_of("");
    }
    struct view v = view_from((const char *)r->at, (size_t)len);
    r->at += len;
    return v;
}

uint32_t thrift_read_list(struct thrift_reader *r, enum thrift_type *item)
{
    uint8_t b = get_byte(r);
    *item = (enum thrift_type)(b & 0x0F);
    uint64_t count = b >> 4 == 15 ? get_varint(r) : b >> 4;
    if (r->bad || count > (uint64_t)(r->end - r->at) || count > UINT32_MAX) {
        r->bad = true;
        return 0;
    }
    return (uint32_t)count;
}

static void skip(struct thrift_reader *r, enum thrift_type type, int depth);

static void skip_items(struct thrift_reader *r, uint64_t count, enum thrift_type item, int depth)
{
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        if (item == THRIFT_TRUE || item == THRIFT_FALSE)
            (void)get_byte(r); /* in lists a boolean is a byte */
        else
            skip(r, item, depth);
    }
}

static void skip_map(struct thrift_reader *r, int depth)
{
    uint64_t count = get_varint(r);
    if (!count || r->bad) return;
    uint8_t types = get_byte(r);
    if (count > (uint64_t)(r->end - r->at)) r->bad = true;
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        skip_items(r, 1, (enum thrift_type)(types >> 4), depth);
        skip_items(r, 1, (enum thrift_type)(types & 15), depth);
    }
}

static void skip(struct thrift_reader *r, enum thrift_type type, int depth)
{
    if (depth > THRIFT_DEPTH_MAX) r->bad = true;
    if (r->bad) return;
    enum thrift_type inner;
    int id = 0;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE: return;
    case THRIFT_I8: (void)get_byte(r); return;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: (void)get_varint(r); return;
    case THRIFT_DOUBLE:
        if (r->end - r->at < 8)
            r->bad = true;
        else
            r->at += 8;
        return;
    case THRIFT_BINARY: (void)thrift_read_text(r); return;
    case THRIFT_LIST:
    case THRIFT_SET: {
        uint32_t count = thrift_read_list(r, &inner);
        skip_items(r, count, inner, depth + 1);
        return;
    }
    case THRIFT_MAP: skip_map(r, depth + 1); return;
    case THRIFT_STRUCT:
        while (thrift_next(r, &id, &inner)) skip(r, inner, depth + 1);
        return;
    case THRIFT_STOP: break;
    }
    r->bad = true;
}

void thrift_skip(struct thrift_reader *r, enum thrift_type type) { skip(r, type, 0); }
