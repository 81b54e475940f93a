/* Seeds: CSV files with the column types that agate would infer. */
#ifndef LAKEFM_MODEL_SEED_H
#define LAKEFM_MODEL_SEED_H

#include "model/objects.h"

/* Splits CSV as Python's csv module does (RFC 4180 quoting, `""` inside quotes, newlines in quotes). Calls back for
 * each record; cells are valid until the next call. */
typedef enum err csv_row_fn(void *ctx, size_t row, const struct view *cell, size_t count, struct error *e);
enum err csv_read(const char *text, size_t len, char delimiter, csv_row_fn *fn, void *ctx, struct error *e) MUST_CHECK;

/* The seed's file as a table; without `values` only names, types and the number of rows are right (cells are none). */
enum err seed_table(struct context *c, const struct node *n, bool values, struct table **out,
                    struct error *e) MUST_CHECK;
/* The SQL type of a column: "integer", "double", "date", … */
const char *seed_sql_type(const struct table *t, size_t column);
/* The folder and name of the file, absolute. */
const char *seed_path(struct context *c, const struct node *n);

#endif
