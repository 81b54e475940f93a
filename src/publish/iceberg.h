/* Silver and gold as Apache Iceberg tables (format version 2): `lakefm export iceberg`.
 *
 * Metadata only: the tables' data are the lake's own Parquet files. For each table of silver and gold
 *
 *   iceberg/<layer>/<table>/metadata/v<n>.metadata.json, version-hint.text     as Iceberg's Hadoop catalog has them
 *   iceberg/<layer>/<table>/metadata/{list,files}-<commit>-<hash>.avro         manifest lists and manifests
 *   iceberg/<layer>/<table>/data/<commit>.parquet                              tables of one file: a second name of it
 *
 * Snapshot n is the table after commit n: snapshot id and sequence number are the commit's. A snapshot is there as long as its
 * files are: of facts back to the last merge of small files or rebuild; of tables of one file (dimensions, gold), whose file
 * every commit replaces, those that an export saw, for the second name keeps the bytes. Where the store has no second names
 * (HDFS) such a table has the last one, and its export holds until the next commit that changes it.
 *
 * Facts are partitioned by day(event_time). Columns are found by name (schema.name-mapping.default), because Parquet files of
 * ours carry no field ids; a column's id is kept from export to export.
 * Source of the format: the Iceberg table spec, sections "Manifests", "Manifest Lists", "Table Metadata Fields". */
#ifndef LAKEFM_PUBLISH_ICEBERG_H
#define LAKEFM_PUBLISH_ICEBERG_H

#include "base/err.h"
#include "lake/lake.h"

#include <signal.h>

#define ICEBERG_FOLDER "iceberg"

struct iceberg_table { /* what was done, for the caller's report; borrowed for the call */
    enum lake_layer layer;
    const char *table;
    const char *metadata; /* URI of the metadata file: what StaticTable.from_metadata and register_table take */
    size_t files, snapshots;
    int64_t rows;
    bool unchanged; /* the metadata of the last export still holds */
};

struct iceberg_options {
    size_t snapshots; /* at most so many a table, the newest; 0: 100 */
    const volatile sig_atomic_t *stop;
    void (*done)(void *ctx, const struct iceberg_table *table); /* after each table; may be NULL */
    void *ctx;
};

/* The lake may be open in any mode, also while another process writes; the state is that of the lake's head. A table's new
 * metadata become visible in one step (version-hint.text). ERR_RETRY: the lake moved on: reload and do it again; ERR_EXISTS:
 * another export of the same table at the same time. ERR_UNSUPPORTED: a column type that Iceberg has not. */
enum err iceberg_export(struct lake *lake, const struct iceberg_options *options, struct error *e) MUST_CHECK;

#endif
