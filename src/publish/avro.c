#include "publish/avro.h"

#include "base/hash.h"

#include <string.h>

void avro_long(struct buf *out, int64_t v)
{
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    while (z > 0x7f) {
        buf_char(out, (char)(z | 0x80));
        z >>= 7;
    }
    buf_char(out, (char)z);
}

void avro_bytes(struct buf *out, const void *p, size_t len)
{
    avro_long(out, (int64_t)len);
    buf_add(out, p, len);
}

void avro_text(struct buf *out, const char *text) { avro_bytes(out, text, strlen(text)); }
void avro_bool(struct buf *out, bool v) { buf_char(out, v ? 1 : 0); }

void avro_file(struct buf *out, const char *schema, const struct avro_meta *meta, size_t meta_count, const struct buf *encoded,
               int64_t records)
{
    struct hash128 sync = hash_128(encoded->ptr ? encoded->ptr : "", encoded->len);
    buf_add(out, "Obj\1", 4);
    avro_long(out, (int64_t)meta_count + 2);
    avro_text(out, "avro.schema");
    avro_text(out, schema);
    avro_text(out, "avro.codec");
    avro_text(out, "null");
    for (size_t i = 0; i < meta_count; i++) {
        avro_text(out, meta[i].key);
        avro_text(out, meta[i].value);
    }
    avro_long(out, 0); /* the map's end */
    buf_add(out, &sync, sizeof sync);
    if (!records) return;
    avro_long(out, records);
    avro_long(out, (int64_t)encoded->len);
    buf_add(out, encoded->ptr, encoded->len);
    buf_add(out, &sync, sizeof sync);
}
