/* Avro object container files (Apache Avro 1.11, "Object Container Files"), written whole into a buffer: enough for Iceberg's
 * manifests. One block, codec null. Values are appended in the order of the schema by the avro_* functions; that they fit it is
 * the caller's affair. Pure functions, thread-safe on different buffers.
 *
 *     "Obj" 1 │ map of metadata: "avro.schema", "avro.codec", the caller's │ 16 bytes of sync │ block │
 *     block:  number of records (long) │ their bytes (long) │ records │ sync */
#ifndef LAKEFM_PUBLISH_AVRO_H
#define LAKEFM_PUBLISH_AVRO_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void avro_long(struct buf *out, int64_t v); /* also int, enum, the branch of a union, lengths: zigzag, base 128 */
void avro_text(struct buf *out, const char *text);             /* string */
void avro_bytes(struct buf *out, const void *p, size_t len);   /* bytes */
void avro_bool(struct buf *out, bool v);

struct avro_meta {
    const char *key, *value;
};
/* Appends a whole file of `records` records, already encoded. The sync marker follows from the content, so that equal content
 * gives equal files. */
void avro_file(struct buf *out, const char *schema, const struct avro_meta *meta, size_t meta_count, const struct buf *encoded,
               int64_t records);

#endif
