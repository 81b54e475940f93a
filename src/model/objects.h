/* The objects that dbt's templates handle: relations, columns, tables with rows (agate's), responses, and `api`.
 * All live in a context's arena and env. */
#ifndef LAKEFM_MODEL_OBJECTS_H
#define LAKEFM_MODEL_OBJECTS_H

#include "model/context.h"
#include "model/warehouse.h"

enum { PART_DATABASE, PART_SCHEMA, PART_IDENTIFIER, PARTS };

struct relation {
    struct context *c;
    const char *part[PARTS]; /* NULL: none */
    enum relation_type type;
    bool quote[PARTS], include[PARTS];
    bool limited;         /* --empty: no rows */
    const char *external; /* stands for the whole, NULL: none */
    const char *filter;   /* event time filter, NULL: none */
    const char *view;     /* information_schema's view: then identifier is INFORMATION_SCHEMA */
    bool is_information_schema;
};

/* A relation of database.schema.identifier, quoted as the project says. Parts may be NULL. */
struct relation *relation_new(struct context *c, const char *database, const char *schema, const char *identifier,
                              enum relation_type type);
struct jinja_value relation_value(struct context *c, const struct relation *r); /* copies *r */
struct relation *relation_of(struct jinja_value v);                             /* NULL when v is none */
void relation_render(const struct relation *r, struct buf *out);                /* with limit and filter */
const char *relation_text(struct context *c, const struct relation *r);
/* The relation of a node: sources without the project's quoting, ephemeral models as their CTE. */
struct relation *relation_of_node(struct context *c, const struct node *n);
struct jinja_value relation_class(struct context *c); /* api.Relation */

struct column {
    struct context *c;
    const char *name, *dtype;
    struct jinja_value size, precision, scale; /* none or int */
};
struct jinja_value column_new(struct context *c, const char *name, const char *dtype);
struct column *column_of(struct jinja_value v);
struct jinja_value column_class(struct context *c); /* api.Column */

/* A table: rows × columns of values. */
struct table {
    struct context *c;
    size_t columns, rows;
    const char **name;
    struct jinja_value *cell; /* row by row */
    const char **type;    /* agate's type of each column: "Integer", "Number", "Date", "DateTime", "Boolean", "Text" */
    const int *precision; /* of Number columns: most digits behind the point; NULL: not known */
    const char *path;     /* seeds: the file, NULL: none */
};
struct table *table_new(struct context *c, size_t columns, size_t rows);
struct jinja_value table_value(struct context *c, struct table *t);
struct table *table_of(struct jinja_value v);
enum err table_of_result(struct context *c, struct sql_result *r, struct table **out,
                         struct error *e) MUST_CHECK; /* reads it whole; NULL: empty */
/* A list of tuples: the `data` of a result. */
struct jinja_value table_matrix(struct context *c, const struct table *t);

/* As agate's print_table: Markdown, `-1`: all. */
void table_print(const struct table *t, int64_t max_rows, int64_t max_columns, struct buf *out);

/* AdapterResponse. */
struct jinja_value response_value(struct context *c, const char *message, const char *code,
                                  struct jinja_value rows_affected);

/* adapter_parts.c */
struct context *adapter_context(struct jinja_value adapter);
jinja_fn do_existing_constraints, external_root, external_write_options, external_read_location;
/* The DDL of a constraint, NULL when it has none here. */
/* *out NULL: DuckDB has no such constraint. */
enum err constraint_text(struct context *c, struct jinja_value raw, bool of_model, const char **out,
                         struct error *e) MUST_CHECK;
struct jinja_value index_value(struct context *c, struct jinja_value raw);
/* exceptions.raise_contract_error(yaml_columns, sql_columns): a table of what differs. */
enum err contract_error(struct context *c, const struct jinja_call *call, struct error *e) MUST_CHECK;

/* adapter, exceptions, api, config, flags … as objects of this context. */
struct jinja_value adapter_value(struct context *c);
struct jinja_value exceptions_value(struct context *c);
struct jinja_value config_value(struct context *c);

/* Arguments by position or name: slots as jinja_args. */
const char *slot_text(struct jinja_value v); /* NULL for none, absent and no text */

#endif
