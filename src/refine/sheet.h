/* A small table in memory, filled row by row, written as one Parquet file of a batch: the dimensions and their
 * increments, and the empty files that show a table's schema. One thread at a time. */
#ifndef LAKEFM_REFINE_SHEET_H
#define LAKEFM_REFINE_SHEET_H

#include "lake/batch.h"
#include "parquet/parquet.h"

struct sheet;
/* schema: [columns], borrowed until sheet_free; so are texts given to sheet_text. */
struct sheet *sheet_new(const struct parquet_column *schema, size_t columns);
void sheet_free(struct sheet **sheet);

/* The next cell of the row at hand; after the last column a new row begins. Types must fit the column's. */
void sheet_integer(struct sheet *s, int64_t value); /* all integer types, boolean, timestamp */
void sheet_real(struct sheet *s, double value);
void sheet_text(struct sheet *s, struct view value);
void sheet_null(struct sheet *s);
size_t sheet_rows(const struct sheet *s);

/* Writes all rows into the part of the batch. */
enum err sheet_write(struct sheet *s, struct lake_batch *batch, const struct lake_part *part, struct error *e) MUST_CHECK;

#endif
