/* gzip (RFC 1952) as bronze and quarantine files use it: many members one after the other, each holding whole lines.
 * Any gzip reader sees one plain stream. Each member carries its own sizes in an extra field, so that our reader can
 * hop from member to member and inflate them in parallel:
 *
 *   1f 8b 08 04 | mtime 0 ×4 | xfl 0 | os ff | xlen 12,0 | 'L' 'F' 8,0 | u32 member bytes | u32 raw bytes |
 *   deflate data | u32 crc | u32 raw bytes
 *
 * Compression is ISA-L's igzip when libisal is on the machine (3× faster), else libdeflate: the compressed bytes differ,
 * the content does not. Handles are for one thread at a time; different handles are independent.
 */
#ifndef LAKEFM_BASE_GZIP_H
#define LAKEFM_BASE_GZIP_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum { GZIP_MEMBER_HEADER = 24 };

struct gzip_writer;
struct gzip_writer *gzip_writer_new(void);
void gzip_writer_free(struct gzip_writer **w);
/* Appends one member with len raw bytes to out. len ≤ 1 GiB; 1 MiB is a good size. */
void gzip_write_member(struct gzip_writer *w, const void *raw, size_t len, struct buf *out);

/* A member of ours at p[0 … len): its whole size and its raw size. ERR_MORE: len is too short to tell;
 * ERR_UNSUPPORTED: a gzip member without our extra field, or not gzip at all. */
enum err gzip_member_sizes(const void *p, size_t len, uint64_t *member_bytes, uint64_t *raw_bytes);
struct gzip_inflater;
struct gzip_inflater *gzip_inflater_new(void);
void gzip_inflater_free(struct gzip_inflater **g);
/* Inflates one member of ours whose sizes are known into out (room for raw_bytes); checks CRC and size. */
enum err gzip_inflate_member(struct gzip_inflater *g, const void *p, size_t member_bytes, void *out, size_t raw_bytes,
                             struct error *e) MUST_CHECK;

/* Any input file or descriptor as a stream of raw bytes: plain, gzip (any number of members) or zstd (any number of
 * frames), told by its first bytes; named .gz or .zst and neither of both is an error. A cut or corrupt stream is ERR_INPUT with the raw offset reached; what was handed
 * out before it is good. */
struct gzip_stream;
enum gzip_kind { GZIP_PLAIN, GZIP_GZIP, GZIP_ZSTD };
/* Takes the descriptor (closed by _free). `name` is for messages and is copied. */
enum err gzip_stream_open(int fd, const char *name, struct gzip_stream **out, struct error *e) MUST_CHECK;
enum gzip_kind gzip_stream_kind(const struct gzip_stream *s);
/* Up to len bytes; *got == 0 at the end. */
enum err gzip_stream_read(struct gzip_stream *s, void *p, size_t len, size_t *got, struct error *e) MUST_CHECK;
void gzip_stream_free(struct gzip_stream **s);

#endif
