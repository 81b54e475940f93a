/* Results of SQL on stdout (cli->out) in one of the formats. */
#ifndef LAKEFM_CLI_OUTPUT_H
#define LAKEFM_CLI_OUTPUT_H

#include "cli/cli.h"
#include "sql/sql.h"

enum output_format { OUTPUT_TABLE, OUTPUT_CSV, OUTPUT_JSON, OUTPUT_LINES, OUTPUT_PARQUET };
extern const char *const output_formats[]; /* "table", "csv", "json", "jsonl", "parquet", NULL: in the enum's order */

bool output_format_find(const char *name, enum output_format *out);
/* By the ending of a file's name; false when it tells nothing. */
bool output_format_of_path(const char *path, enum output_format *out);

/* Writes all rows of r, which may stream, through `write`. Not for OUTPUT_PARQUET.
 * table: aligned by the first 2,000 rows, NULL as "NULL". csv: RFC 4180 with '\n', a header; NULL is nothing, the empty
 * text "". json: one array of objects, a row a line; jsonl: an object a line. A second column of the same name is called
 * name_1 in JSON. */
typedef enum err output_write_fn(void *ctx, struct buf *text, struct error *e); /* takes text and clears it */
enum err output_result(struct sql_result *r, enum output_format format, output_write_fn *write, void *ctx, int64_t *rows,
                       struct error *e) MUST_CHECK;

#endif
