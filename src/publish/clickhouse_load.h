/* Filling a MergeTree table from a mart's file. */
#ifndef LAKEFM_PUBLISH_CLICKHOUSE_LOAD_H
#define LAKEFM_PUBLISH_CLICKHOUSE_LOAD_H

#include "publish/click.h"
#include "publish/mart.h"

/* The Parquet file's bytes as they are, cast by accurateCast on the way; older servers get TSV. Rows may have come in when it
 * fails: never for a table that is read. */
enum err clickhouse_load(struct click *c, const struct mart *m, const char *database, const char *table, struct error *e) MUST_CHECK;
/* INSERT INTO … SELECT casts FROM input(…) FORMAT Parquet; appends. */
void clickhouse_insert_sql(const struct mart *m, const char *database, const char *table, struct buf *out);

#endif
