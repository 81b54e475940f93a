/* Records that did not become rows, kept whole: quarantine/<topic>/date=<arrival>/part-<batch>.json.gz, one JSON object a
 * line:
 *
 *   {"topic":"listen_events","partition":0,"offset":4711,"reason":"wrong_type","column":"duration",
 *    "origin":"bronze/…","raw":"{…","raw_b64":null}
 *
 * raw is the record as text; where it is not valid UTF-8 or holds a NUL, raw is null and raw_b64 holds its bytes in base64 (RFC 4648).
 * column is null when the record as a whole is bad. One thread at a time. */
#ifndef LAKEFM_REFINE_QUARANTINE_H
#define LAKEFM_REFINE_QUARANTINE_H

#include "base/str.h"
#include "lake/batch.h"

struct quarantine;
struct quarantine *quarantine_new(struct lake_batch *batch);
void quarantine_free(struct quarantine **q); /* drops files that are not finished */

struct quarantine_record {
    const char *topic;
    int64_t arrival_day;
    int32_t partition;
    int64_t offset;
    const char *reason, *column, *origin; /* column and origin may be NULL */
    struct view raw;
};
enum err quarantine_add(struct quarantine *q, const struct quarantine_record *record, struct error *e) MUST_CHECK;
enum err quarantine_finish(struct quarantine *q, struct error *e) MUST_CHECK;

#endif
