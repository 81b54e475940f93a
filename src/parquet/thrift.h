/* Thrift compact protocol, as much of it as Parquet's metadata needs.
 * Source: github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 *   field      | delta of the id (4 bits) | type (4 bits) |      or   | 0 | type | zigzag varint id |
 *   integer    zigzag varint             binary  varint length, bytes          struct  fields, 0x00
 *   list       | count (4 bits) | type (4 bits) | items         or   | 15 | type | varint count | items
 */
#ifndef LAKEFM_PARQUET_THRIFT_H
#define LAKEFM_PARQUET_THRIFT_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1, /* a boolean field's value is in its type */
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
};

enum { THRIFT_DEPTH_MAX = 16 };

/* Appends to out. Fields of a struct in ascending order of id. {.out = &buf} is ready, inside the outermost struct. */
struct thrift_writer {
    struct buf *out;
    int last[THRIFT_DEPTH_MAX]; /* id of the field before, for each open struct */
    int depth;
};
void thrift_bool(struct thrift_writer *w, int id, bool v);
void thrift_i8(struct thrift_writer *w, int id, int8_t v);
void thrift_i16(struct thrift_writer *w, int id, int16_t v);
void thrift_i32(struct thrift_writer *w, int id, int32_t v);
void thrift_i64(struct thrift_writer *w, int id, int64_t v);
void thrift_text(struct thrift_writer *w, int id, struct view v);
void thrift_open(struct thrift_writer *w, int id);  /* a struct as a field */
void thrift_close(struct thrift_writer *w);         /* ends the innermost struct; at last the outermost */
void thrift_empty(struct thrift_writer *w, int id); /* a struct without fields */
/* A list as a field; then `count` items by the calls below. */
void thrift_list(struct thrift_writer *w, int id, enum thrift_type item, size_t count);
void thrift_item_i32(struct thrift_writer *w, int32_t v);
void thrift_item_text(struct thrift_writer *w, struct view v);
void thrift_item_open(struct thrift_writer *w); /* a struct as an item */

/* Reads from memory that may hold anything: after the first fault `bad` stays true, every call returns zeros and
 * thrift_next false. */
struct thrift_reader {
    const uint8_t *at, *end;
    bool bad;
};
/* Next field of the struct; *id starts as 0. False at its end. The value must be read or skipped before the next call.
 */
bool thrift_next(struct thrift_reader *r, int *id, enum thrift_type *type);
int64_t thrift_read_int(struct thrift_reader *r); /* I16, I32, I64 */
struct view thrift_read_text(struct thrift_reader *r);
/* Head of a list; at most as many items as bytes are left. */
uint32_t thrift_read_list(struct thrift_reader *r, enum thrift_type *item);
void thrift_skip(struct thrift_reader *r, enum thrift_type type);

/* Unsigned LEB128, as Thrift and Parquet's run headers use it; returns the bytes written (at most 10). */
unsigned thrift_varint(uint8_t *out, uint64_t v);
static inline uint64_t thrift_zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }

#endif
