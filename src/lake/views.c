#include "lake/views.h"

#include "base/mem.h"

#include <string.h>

const char *lake_views_type(enum contract_type type)
{
    static const char *const types[] = {
        [CONTRACT_INT64] = "BIGINT",    [CONTRACT_UINT32] = "UINTEGER", [CONTRACT_UINT16] = "USMALLINT",
        [CONTRACT_UINT8] = "UTINYINT",  [CONTRACT_DOUBLE] = "DOUBLE",   [CONTRACT_STRING] = "VARCHAR",
        [CONTRACT_BOOL] = "BOOLEAN",    [CONTRACT_TIMESTAMP_MS] = "TIMESTAMP",
    };
    return types[type];
}

static enum err view_of_files(struct lake *lake, struct sql_conn *conn, enum lake_layer layer, const char *table,
                              bool *made, struct error *e)
{
    struct lake_files files = {0};
    enum err rc = ERR_OK;
    lake_files(lake, &(struct lake_filter){.layers = 1u << layer, .table = table}, &files);
    char **paths = NULL;
    *made = files.count > 0;
    if (!files.count) goto done;
    TRY(lake_file_paths(lake, &files, &paths, e));
    struct sql_view view = {.schema = lake_layer_name(layer),
                            .name = table,
                            .paths = (const char *const *)paths,
                            .path_count = files.count};
    TRY(sql_view_parquet(conn, &view, e));
done:
    lake_file_paths_free(&paths, files.count);
    lake_files_free(&files);
    return rc;
}

/* A remote table of many files, not all of them here, that nobody has asked for: it is not worth fetching. */
static bool may_wait(struct lake *lake, enum lake_layer layer, const char *table, const char *name, const char *wanted)
{
    struct lake_files files;
    if (!wanted || store_is_local(lake_store(lake)) || strcasestr(wanted, name)) return false;
    lake_files(lake, &(struct lake_filter){.layers = 1u << layer, .table = table}, &files);
    bool here = files.count < 2;
    for (size_t i = 0; files.count > 1 && (i == 0 || here) && i < files.count; i++) {
        const struct lake_file *f = files.file[i];
        char *copy = store_cached(lake_store(lake), f->path, (uint64_t)f->bytes, f->hash);
        here = copy != NULL;
        mem_free(copy);
    }
    lake_files_free(&files);
    return !here;
}

/* It has the columns, and whoever finds a way to read it without naming it gets an error, not an empty answer. */
static enum err stand_in(struct sql_conn *conn, const char *schema, const char *name, const struct sql_column_def *columns, size_t count,
                         struct error *e)
{
    struct buf q = {0};
    buf_printf(&q, "CREATE SCHEMA IF NOT EXISTS %s; CREATE OR REPLACE VIEW %s.", schema, schema);
    sql_quote_name(&q, name);
    buf_str(&q, " AS SELECT ");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&q, "%sNULL::%s AS ", i ? ", " : "", columns[i].type);
        sql_quote_name(&q, columns[i].name);
    }
    buf_printf(&q, " FROM (SELECT error('%s is not fetched from the lake yet: the statement must name it')::VARCHAR AS why) WHERE why IS NOT NULL",
               name);
    enum err rc = sql_exec(conn, q.ptr, e);
    buf_reset(&q);
    return rc;
}

static enum err empty_fact(struct sql_conn *conn, const struct contract *c, struct error *e)
{
    struct sql_column_def columns[CONTRACT_MAX_COLUMNS];
    for (size_t i = 0; i < c->fact_count; i++)
        columns[i] = (struct sql_column_def){c->fact[i].name, lake_views_type(c->fact[i].type)};
    struct sql_view view = {.schema = "silver", .name = c->table, .columns = columns, .column_count = c->fact_count};
    return sql_view_parquet(conn, &view, e);
}

/* quarantine.records: the lines of quarantine's files, whose form refine/quarantine.h draws. */
static enum err quarantine_view(struct lake *lake, struct sql_conn *conn, const char *wanted, bool *partial, struct error *e)
{
    static const char columns[] = "{'topic': 'VARCHAR', 'partition': 'INTEGER', 'offset': 'BIGINT', "
                                  "'reason': 'VARCHAR', 'column': 'VARCHAR', 'origin': 'VARCHAR', 'raw': 'VARCHAR', "
                                  "'raw_b64': 'VARCHAR'}";
    static const struct sql_column_def empty[] = {{"topic", "VARCHAR"},  {"partition", "INTEGER"}, {"offset", "BIGINT"},
                                                  {"reason", "VARCHAR"}, {"column", "VARCHAR"},    {"origin", "VARCHAR"},
                                                  {"raw", "VARCHAR"},    {"raw_b64", "VARCHAR"}};
    struct lake_files files = {0};
    struct buf q = {0};
    char **paths = NULL;
    enum err rc = ERR_OK;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_QUARANTINE}, &files);
    if (!files.count) {
        struct sql_view view = {.schema = "quarantine", .name = "records", .columns = empty, .column_count = 8};
        TRY(sql_view_parquet(conn, &view, e));
        goto done;
    }
    if (may_wait(lake, LAKE_QUARANTINE, NULL, "records", wanted)) {
        *partial = true;
        TRY(stand_in(conn, "quarantine", "records", empty, 8, e));
        goto done;
    }
    TRY(lake_file_paths(lake, &files, &paths, e));
    buf_str(&q, "CREATE SCHEMA IF NOT EXISTS quarantine; CREATE OR REPLACE VIEW quarantine.records AS FROM read_json([");
    for (size_t i = 0; i < files.count; i++) {
        if (i) buf_char(&q, ',');
        sql_quote_text(&q, paths[i], strlen(paths[i]));
    }
    /* Raw records may be long, above line_limit too; DuckDB takes twice this much memory a thread. */
    buf_printf(&q, "], format = 'newline_delimited', hive_partitioning = false, maximum_object_size = %d, columns = %s)",
               64 << 20, columns);
    TRY(sql_exec(conn, q.ptr, e));
done:
    lake_file_paths_free(&paths, files.count);
    buf_reset(&q);
    lake_files_free(&files);
    return rc;
}

enum err lake_views_names(struct sql_conn *conn, struct error *e)
{
    return sql_exec(conn, "CREATE SCHEMA IF NOT EXISTS silver; CREATE SCHEMA IF NOT EXISTS gold; "
                          "SET search_path = 'main,gold,silver'", e);
}

static enum err fact_stand_in(struct sql_conn *conn, const struct contract *c, struct error *e)
{
    struct sql_column_def columns[CONTRACT_MAX_COLUMNS];
    for (size_t i = 0; i < c->fact_count; i++) columns[i] = (struct sql_column_def){c->fact[i].name, lake_views_type(c->fact[i].type)};
    return stand_in(conn, "silver", c->table, columns, c->fact_count, e);
}

enum err lake_views_make(struct lake *lake, const struct schema_set *contracts, struct sql_conn *conn, struct error *e)
{
    bool partial;
    return lake_views_make_for(lake, contracts, conn, NULL, &partial, e);
}

enum err lake_views_make_for(struct lake *lake, const struct schema_set *contracts, struct sql_conn *conn, const char *wanted,
                             bool *partial, struct error *e)
{
    struct lake_tables tables = {0};
    *partial = false;
    enum err rc = ERR_OK;
    bool made;
    TRY(sql_exec(conn, "CREATE SCHEMA IF NOT EXISTS silver; CREATE SCHEMA IF NOT EXISTS gold", e));
    for (size_t i = 0; contracts && i < contracts->count; i++)
        if (contracts->contracts[i]->table && !lake_table_changed(lake, LAKE_SILVER, contracts->contracts[i]->table))
            TRY(empty_fact(conn, contracts->contracts[i], e));
    TRY(quarantine_view(lake, conn, wanted, partial, e));
    lake_tables(lake, &tables);
    for (size_t i = 0; i < tables.count; i++) {
        const struct lake_table *t = &tables.table[i];
        if (t->layer != LAKE_SILVER && t->layer != LAKE_GOLD) continue;
        const struct contract *c = contracts && t->layer == LAKE_SILVER ? schema_set_table(contracts, t->table) : NULL;
        if (c && may_wait(lake, t->layer, t->table, t->table, wanted)) {
            *partial = true;
            TRY(fact_stand_in(conn, c, e));
            continue;
        }
        TRY(view_of_files(lake, conn, t->layer, t->table, &made, e));
        if (!made && c) TRY(empty_fact(conn, c, e));
    }
done:
    lake_tables_free(&tables);
    return rc;
}
