/* docs generate: target/catalog.json, the columns that the database has for the project's relations. */
#include "model/print.h"
#include "model/run.h"

#include <strings.h>

static const char QUERY[] =
    "select t.database_name, t.schema_name, t.name, t.kind, t.comment, c.column_name, c.column_index, c.data_type, "
    "c.comment from (select database_name, schema_name, table_name as name, 'BASE TABLE' as kind, comment from "
    "duckdb_tables() union all select database_name, schema_name, view_name, 'VIEW', comment from duckdb_views()) t "
    "join duckdb_columns() c on c.database_name = t.database_name and c.schema_name = t.schema_name and "
    "c.table_name = t.name order by 1, 2, 3, 7";

static struct jinja_value stats(struct dbt *d)
{
    struct jinja_value all = jinja_dict(d->env), one = jinja_dict(d->env);
    jinja_dict_set(d->env, one, "id", jinja_text(d->env, "has_stats"));
    jinja_dict_set(d->env, one, "label", jinja_text(d->env, "Has Stats?"));
    jinja_dict_set(d->env, one, "value", jinja_bool(false));
    jinja_dict_set(d->env, one, "include", jinja_bool(false));
    jinja_dict_set(d->env, one, "description",
                   jinja_text(d->env, "Indicates whether there are statistics for this table"));
    jinja_dict_set(d->env, all, "has_stats", one);
    return all;
}

static struct jinja_value cell(const struct table *t, size_t row, size_t column)
{
    return t->cell[row * t->columns + column];
}

static const char *cell_text(const struct table *t, size_t row, size_t column)
{
    return value_text(cell(t, row, column), "");
}

static struct jinja_value carried(struct dbt *d, struct jinja_value v)
{
    struct jinja_value out;
    return jinja_copy(d->env, v, &out, NULL) == ERR_OK ? out : jinja_none();
}

/* The entry of rows [from, to), all of one relation. */
static struct jinja_value entry(struct dbt *d, const struct node *n, const struct table *t, size_t from, size_t to)
{
    struct jinja_value v = jinja_dict(d->env), about = jinja_dict(d->env), columns = jinja_dict(d->env);
    static const char *const names[] = {"database", "schema", "name", "type", "comment"};
    for (size_t i = 0; i < 5; i++) jinja_dict_set(d->env, about, names[i], carried(d, cell(t, from, i)));
    jinja_dict_set(d->env, about, "owner", jinja_none());
    for (size_t r = from; r < to; r++) {
        struct jinja_value c = jinja_dict(d->env);
        jinja_dict_set(d->env, c, "type", carried(d, cell(t, r, 7)));
        jinja_dict_set(d->env, c, "index", carried(d, cell(t, r, 6)));
        jinja_dict_set(d->env, c, "name", carried(d, cell(t, r, 5)));
        jinja_dict_set(d->env, c, "comment", carried(d, cell(t, r, 8)));
        jinja_dict_set(d->env, columns, cell_text(t, r, 5), c);
    }
    jinja_dict_set(d->env, v, "metadata", about);
    jinja_dict_set(d->env, v, "columns", columns);
    jinja_dict_set(d->env, v, "stats", stats(d));
    jinja_dict_set(d->env, v, "unique_id", jinja_text(d->env, n->unique_id));
    return v;
}

static bool is_of(const struct node *n, const struct table *t, size_t row)
{
    const char *name = n->kind == NODE_SOURCE ? n->identifier : n->alias;
    if (!n->relation_name || n->external || !n->schema || !name) return false;
    if (n->kind != NODE_SOURCE && !node_is_refable(n)) return false;
    return !strcasecmp(n->database ? n->database : "", cell_text(t, row, 0)) &&
           !strcasecmp(n->schema, cell_text(t, row, 1)) && !strcasecmp(name, cell_text(t, row, 2));
}

enum err write_catalog(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct workbench w;
    struct session *session = NULL;
    struct sql_result *result = NULL;
    struct table *t = NULL;
    struct jinja_value catalog = jinja_dict(d->env), nodes = jinja_dict(d->env), sources = jinja_dict(d->env);
    workbench_open(d, &w, PHASE_OPERATION, NULL);
    jinja_dict_set(d->env, catalog, "metadata",
                   artifact_metadata(d, "https://schemas.getdbt.com/dbt/catalog/v1.json", false));
    if (d->o->empty_catalog != MODEL_YES) {
        say(d, SAY_INFO, "BuildingCatalog", "E044", "Building catalog");
        TRY(context_session(&w.c, &session, e));
        TRY(session_run(session, QUERY, false, &result, e));
        TRY(table_of_result(&w.c, result, &t, e));
    }
    for (size_t from = 0, to; t && from < t->rows; from = to) {
        to = from + 1;
        while (to < t->rows && !strcmp(cell_text(t, to, 2), cell_text(t, from, 2)) &&
               !strcmp(cell_text(t, to, 1), cell_text(t, from, 1)) &&
               !strcmp(cell_text(t, to, 0), cell_text(t, from, 0)))
            to++;
        for (size_t i = 0; i < d->node_count; i++)
            if (is_of(d->nodes[i], t, from))
                jinja_dict_set(d->env, d->nodes[i]->kind == NODE_SOURCE ? sources : nodes, d->nodes[i]->unique_id,
                               entry(d, d->nodes[i], t, from, to));
    }
    jinja_dict_set(d->env, catalog, "nodes", nodes);
    jinja_dict_set(d->env, catalog, "sources", sources);
    jinja_dict_set(d->env, catalog, "errors", jinja_none());
    TRY(artifact_write(d, "catalog.json", catalog, e));
    say(d, SAY_INFO, "CatalogWritten", "E050", "Catalog written to %s/catalog.json", d->target_dir);
done:
    sql_result_free(&result);
    workbench_close(&w);
    return rc;
}
