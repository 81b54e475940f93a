/* Property files (schema.yml): what the readers of their sections share. */
#ifndef LAKEFM_MODEL_SCHEMA_H
#define LAKEFM_MODEL_SCHEMA_H

#include "model/context.h"

/* A property file, or one entry of it. */
struct schema_file {
    struct package *package;
    const char *path;  /* "staging/_staging.yml": below its folder */
    const char *file;  /* "models/staging/_staging.yml": below the package */
    const char *shown; /* for messages: with the package's folder */
};
struct schema_entry {
    const struct schema_file *f;
    const char *key; /* "models" */
    const struct yaml *raw;
    struct jinja_value value; /* rendered, but for descriptions, tests and hooks */
    const char *name;
    bool used;
};

/* Errors with file and line of a place in a property file. */
enum err schema_wrong(const struct schema_file *f, const struct yaml *at, struct error *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* One function per section; called once for each entry. */
typedef enum err schema_reader(struct dbt *d, struct schema_entry *x, struct error *e);
schema_reader schema_read_source, schema_read_exposure, schema_read_metric, schema_read_group,
    schema_read_semantic_model, schema_read_saved_query, schema_read_unit_test;

/* {name: {name, description, …}} of an entry's columns; descriptions rendered for `n`. */
enum err schema_columns(struct dbt *d, const struct schema_file *f, const struct yaml *columns,
                        struct jinja_value value, struct node *n, struct jinja_value *out, struct error *e) MUST_CHECK;
/* Renders a description with doc(). */
enum err schema_description(struct dbt *d, const struct schema_file *f, const struct yaml *y, struct node *n,
                            const char **out, struct error *e) MUST_CHECK;
/* Notes the generic tests of an entry (its `data_tests`, and its columns'); made into nodes by tests_make. */
enum err schema_note_tests(struct dbt *d, const struct schema_entry *x, const struct yaml *entry,
                           struct jinja_value value, struct node *target, struct jinja_value version,
                           struct jinja_value tags, struct error *e) MUST_CHECK;
enum err tests_make(struct dbt *d, struct error *e) MUST_CHECK;
/* Moves meta, tags (sources), docs, group, contract, access of an entry into its config; returns the config dict. */
struct jinja_value schema_config(struct dbt *d, struct jinja_value entry);
/* `ref('x')`, `source('a', 'b')` in a list of texts: noted on n. */
enum err schema_depends(struct dbt *d, const struct schema_file *f, struct node *n, struct jinja_value list,
                        unsigned line, struct error *e) MUST_CHECK;
void schema_fqn(struct dbt *d, struct node *n, const char *path);

#endif
