/* The bronze files of one batch: blocks of records in, gzip members out, cut into parts by size. Not thread-safe: the
 * pump calls it in order. */
#ifndef LAKEFM_INGEST_BRONZE_H
#define LAKEFM_INGEST_BRONZE_H

#include "lake/batch.h"

struct ingest_bronze;

/* date and hour of the arrival come from now_ms. batch is borrowed. */
struct ingest_bronze *ingest_bronze_new(struct lake_batch *batch, int64_t now_ms, uint64_t part_bytes);
/* Appends members (whole gzip members holding `records` lines, raw_bytes inflated) to the topic's open part. */
enum err ingest_bronze_add(struct ingest_bronze *bronze, const char *topic, const void *members, size_t bytes,
                           uint64_t raw_bytes, int64_t records, struct error *e) MUST_CHECK;
/* The records just added are records first … first+count-1 of this source. */
void ingest_bronze_span(struct ingest_bronze *bronze, uint32_t source, int64_t first, int64_t count);
/* Finishes all parts: files of the batch from now on. */
enum err ingest_bronze_finish(struct ingest_bronze *bronze, struct error *e) MUST_CHECK;
int64_t ingest_bronze_bytes(const struct ingest_bronze *bronze); /* compressed, so far */
void ingest_bronze_free(struct ingest_bronze **bronze); /* drops what was not finished; accepts NULL */

#endif
