/* Inside lake/: the state after a commit, saved so that opening need not replay the whole log. Never the truth: it counts
 * only when its checksum holds and the log's entry of that number has the hash it names.
 *
 * state/checkpoint/<20 digits>.ckpt: lines of fields between tabs (\\ \t \n escaped), in this order:
 *   lakefm checkpoint 1
 *   H lake number entry-hash epoch time_ms
 *   G number build-json                              (if there was a build)
 *   B words, R words                                 bits: bronze commits, refined ones; 16 hex digits each
 *   T layer table changed files_changed watermark
 *   F layer table topic path date min_date max_date bytes rows hash commit min_batch max_batch
 *   S source topic partition id name first next hash records rows blank lost commit
 *   O topic delivered rows blank lost retired voided
 *   C topic table read rows derived blank duplicates conflicts drift future late min_ts max_ts, then Q reason rows
 *   E hash of all before this line */
#ifndef LAKEFM_LAKE_CHECKPOINT_H
#define LAKEFM_LAKE_CHECKPOINT_H

#include "lake/state.h"

enum { CHECKPOINT_EVERY = 64 };
#define CHECKPOINT_FOLDER "state/checkpoint"

void checkpoint_path(struct buf *out, uint64_t number);
void checkpoint_write(const struct lake_state *s, struct buf *out);
/* text is changed. ERR_CORRUPT: not whole; s is then empty. The caller compares s->hash with the log's entry. */
enum err checkpoint_parse(char *text, size_t len, struct lake_state *s, struct error *e) MUST_CHECK;

#endif
