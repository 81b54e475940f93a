/* Bronze files as a source of pieces (refine.h): one piece a gzip member, read and inflated by whichever thread decodes
 * it. Files that others wrote (other gzip members) are read through in order instead. */
#ifndef LAKEFM_REFINE_REPLAY_H
#define LAKEFM_REFINE_REPLAY_H

#include "refine/refine.h"

struct replay;
/* lake and contracts are borrowed until replay_free. */
struct replay *replay_new(struct lake *lake, const struct schema_set *contracts);
void replay_free(struct replay **replay); /* all pieces must have been freed */

/* Adds the bronze files of a commit, in the order in which they were written. Their rows are to carry `batch` (0: the
 * commit at hand). only (may be NULL): takes the topics for which it returns true. ERR_NOT_FOUND: a file is gone;
 * ERR_INPUT: no contract knows the topic. */
enum err replay_add(struct replay *replay, uint64_t commit, uint64_t batch,
                    bool (*only)(void *ctx, const struct contract *contract), void *ctx, struct error *e) MUST_CHECK;
int64_t replay_bytes(const struct replay *replay); /* of the files added, compressed */
size_t replay_files(const struct replay *replay);
void replay_source(struct replay *replay, struct refine_source *out);

#endif
