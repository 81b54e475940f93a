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
    char **paths = mem_zalloc((files.count + 1) * sizeof *paths);
    *made = files.count > 0;
    if (!files.count) goto done;
    for (size_t i = 0; i < files.count; i++) TRY(lake_file_path(lake, files.file[i], &paths[i], e));
    struct sql_view view = {.schema = lake_layer_name(layer),
                            .name = table,
                            .paths = (const char *const *)paths,
                            .path_count = files.count};
    TRY(sql_view_parquet(conn, &view, e));
done:
    for (size_t i = 0; i < files.count; i++) mem_free(paths[i]);
    mem_free(paths);
    lake_files_free(&files);
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
static enum err quarantine_view(struct lake *lake, struct sql_conn *conn, struct error *e)
{
    static const char columns[] = "{'topic': 'VARCHAR', 'partition': 'INTEGER', 'offset': 'BIGINT', "
                                  "'reason': 'VARCHAR', 'column': 'VARCHAR', 'origin': 'VARCHAR', 'raw': 'VARCHAR', "
                                  "'raw_b64': 'VARCHAR'}";
    static const struct sql_column_def empty[] = {{"topic", "VARCHAR"},  {"partition", "INTEGER"}, {"offset", "BIGINT"},
                                                  {"reason", "VARCHAR"}, {"column", "VARCHAR"},    {"origin", "VARCHAR"},
                                                  {"raw", "VARCHAR"},    {"raw_b64", "VARCHAR"}};
    struct lake_files files = {0};
    struct buf q = {0};
    char *path = NULL;
    enum err rc = ERR_OK;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_QUARANTINE}, &files);
    if (!files.count) {
        struct sql_view view = {.schema = "quarantine", .name = "records", .columns = empty, .column_count = 8};
        TRY(sql_view_parquet(conn, &view, e));
        goto done;
    }
    buf_str(&q, "CREATE SCHEMA IF NOT EXISTS quarantine; CREATE OR REPLACE VIEW quarantine.records AS FROM read_json([");
    for (size_t i = 0; i < files.count; i++) {
        TRY(lake_file_path(lake, files.file[i], &path, e));
        if (i) buf_char(&q, ',');
        sql_quote_text(&q, path, strlen(path));
        mem_free(path);
        path = NULL;
    }
    /* Raw records may be long, above line_limit too; DuckDB takes twice this much memory a thread. */
    buf_printf(&q, "], format = 'newline_delimited', hive_partitioning = false, maximum_object_size = %d, columns = %s)",
               64 << 20, columns);
    TRY(sql_exec(conn, q.ptr, e));
done:
    mem_free(path);
    buf_reset(&q);
    lake_files_free(&files);
    return rc;
}

enum err lake_views_names(struct sql_conn *conn, struct error *e)
{
    return sql_exec(conn, "CREATE SCHEMA IF NOT EXISTS silver; CREATE SCHEMA IF NOT EXISTS gold; "
                          "SET search_path = 'main,gold,silver'", e);
}

enum err lake_views_make(struct lake *lake, const struct schema_set *contracts, struct sql_conn *conn, struct error *e)
{
    struct lake_tables tables = {0};
    enum err rc = ERR_OK;
    bool made;
    TRY(sql_exec(conn, "CREATE SCHEMA IF NOT EXISTS silver; CREATE SCHEMA IF NOT EXISTS gold", e));
    for (size_t i = 0; contracts && i < contracts->count; i++)
        if (contracts->contracts[i]->table && !lake_table_changed(lake, LAKE_SILVER, contracts->contracts[i]->table))
            TRY(empty_fact(conn, contracts->contracts[i], e));
    TRY(quarantine_view(lake, conn, e));
    lake_tables(lake, &tables);
    for (size_t i = 0; i < tables.count; i++) {
        const struct lake_table *t = &tables.table[i];
        if (t->layer != LAKE_SILVER && t->layer != LAKE_GOLD) continue;
        TRY(view_of_files(lake, conn, t->layer, t->table, &made, e));
        const struct contract *c = contracts && t->layer == LAKE_SILVER ? schema_set_table(contracts, t->table) : NULL;
        if (!made && c) TRY(empty_fact(conn, c, e));
    }
done:
    lake_tables_free(&tables);
    return rc;
}
