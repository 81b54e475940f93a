/* What a dbt project's yml says of its models, as far as a publisher wants to know: descriptions, which columns are never
 * null, and the type a column has in ClickHouse.
 *
 *   models:
 *     - name: conversion_rates
 *       columns:
 *         - name: free_count
 *           description: …
 *           data_tests: [not_null]              # or tests:, or constraints: [{type: not_null}]
 *           meta: {clickhouse_type: UInt32}     # or config: {meta: …}
 *
 * Read-only once loaded; thread-safe then. */
#ifndef LAKEFM_PUBLISH_MODELS_H
#define LAKEFM_PUBLISH_MODELS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>

struct model_column {
    const char *model, *column;
    const char *type;        /* meta.clickhouse_type; NULL: none */
    const char *description; /* NULL: none */
    bool not_null;
    const char *file;        /* and where in the project it was said */
    unsigned line;
};
struct model_notes {
    struct model_column *column; /* column NULL: of the model itself */
    size_t count, cap;
    struct arena arena;
};

/* folder: a dbt project; NULL: the one built in. Every *.yml of it is read, but for target/, logs/ and dbt_packages/; what is
 * no list of models is passed over. */
enum err model_notes_load(const char *folder, struct model_notes *out, struct error *e) MUST_CHECK;
/* One file's text; adds to out. */
enum err model_notes_read(struct model_notes *out, const char *file, const char *text, size_t len, struct error *e) MUST_CHECK;
/* column NULL: of the model. NULL: nothing is said. Names are compared without regard to case, as DuckDB does. */
const struct model_column *model_notes_find(const struct model_notes *notes, const char *model, const char *column);
void model_notes_reset(struct model_notes *notes);

#endif
