/* Many small files of one folder become one. The rewriting itself is the caller's (Parquet: refine or sql; bronze and
 * quarantine: gzip members put one after the other, done here). */
#ifndef LAKEFM_LAKE_COMPACT_H
#define LAKEFM_LAKE_COMPACT_H

#include "lake/batch.h"

struct lake_compact_options {
    int min_files;       /* a folder with this many small files is compacted; 0: 16 */
    int64_t small_bytes; /* files below this are small; 0: 32 MiB */
    unsigned layers;     /* bits; 0: silver */
};

/* Folders that are due, from the live files alone. Files are those to merge, in order of commit. */
struct lake_due {
    struct lake_part part; /* of the new file; k = 0. Strings live as long as the files */
    struct lake_files files;
};
struct lake_dues {
    struct lake_due *due; /* ordered by folder */
    size_t count;
};
void lake_compact_due(struct lake *lake, const struct lake_compact_options *options, struct lake_dues *out);
void lake_dues_free(struct lake_dues *dues);

/* Writes one file with the rows of `in` (local paths, in this order, none lost, none doubled) to out_path (exists, empty)
 * and says how many rows it wrote. */
typedef enum err lake_merge_fn(void *ctx, const struct lake_due *due, const char *const *in, size_t in_count,
                               const char *out_path, int64_t *rows, struct error *e);
/* For .json.gz files: gzip members one after the other, byte for byte. */
lake_merge_fn lake_merge_gz;

/* Merges and commits one folder. Refuses (ERR_CORRUPT, nothing changed) when the merged file has other rows than its
 * parts together. Runs beside other batches; ERR_RETRY when one of the files was removed meanwhile. */
enum err lake_compact_one(struct lake *lake, const struct lake_due *due, lake_merge_fn *merge, void *ctx,
                          struct error *e) MUST_CHECK;

#endif
