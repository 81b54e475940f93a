#include "sql/internal.h"

#include <stdio.h>

const char *sql_version(void) { return duckdb_library_version(); }

static enum err set(duckdb_config config, const char *name, const char *value, struct error *e)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess) return ERR_OK;
    return err_set(e, ERR_INTERNAL, "DuckDB %s refuses %s = %s", duckdb_library_version(), name, value);
}

static enum err fill_config(duckdb_config config, const struct sql_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    char number[48];
    if (o->memory_bytes) {
        snprintf(number, sizeof number, "%llu B", (unsigned long long)o->memory_bytes);
        TRY(set(config, "memory_limit", number, e));
    }
    if (o->threads) {
        snprintf(number, sizeof number, "%u", o->threads);
        TRY(set(config, "threads", number, e));
    }
    if (o->read_only) TRY(set(config, "access_mode", "READ_ONLY", e));
    if (o->temp_dir || !o->path) TRY(set(config, "temp_directory", o->temp_dir ? o->temp_dir : "", e));
    if (o->any_order) TRY(set(config, "preserve_insertion_order", "false", e));
    /* Nothing is fetched behind the user's back: all that we use is linked in. */
    TRY(set(config, "autoinstall_known_extensions", "false", e));
    TRY(set(config, "autoload_known_extensions", "false", e));
done:
    return rc;
}

static enum err database_exec(struct sql_db *db, const char *script, struct error *e)
{
    struct sql_conn *conn = NULL;
    enum err rc = ERR_OK;
    TRY(sql_connect(db, &conn, e));
    TRY(sql_exec(conn, script, e));
done:
    sql_disconnect(&conn);
    return rc;
}

enum err sql_open(const struct sql_options *o, struct sql_db **out, struct error *e)
{
    enum err rc = ERR_OK;
    char *message = NULL;
    duckdb_config config = NULL;
    struct sql_db *db = mem_zalloc(sizeof *db);
    duckdb_create_config(&config);
    TRY(fill_config(config, o, e));
    if (duckdb_open_ext(o->path, &db->db, config, &message) == DuckDBError) {
        rc = sql_fail(NULL, message ? message : "DuckDB cannot open the database", view_of(""), view_of(""), ERR_OK, e);
        goto done;
    }
    TRY(database_exec(db, "SET GLOBAL TimeZone = 'UTC'", e));
done:
    duckdb_destroy_config(&config);
    if (message) duckdb_free(message);
    if (rc != ERR_OK) sql_close(&db);
    *out = db;
    return rc;
}

void sql_close(struct sql_db **db)
{
    if (!*db) return;
    duckdb_close(&(*db)->db);
    mem_free(*db);
    *db = NULL;
}

static void add_list(struct buf *out, const char *name, const char *const *texts, size_t count)
{
    buf_printf(out, "SET GLOBAL %s = [", name);
    for (size_t i = 0; i < count; i++) {
        if (i) buf_char(out, ',');
        sql_quote_text(out, texts[i], strlen(texts[i]));
    }
    buf_str(out, "]::VARCHAR[];\n");
}

enum err sql_db_lock(struct sql_db *db, const struct sql_lock *lock, struct error *e)
{
    struct buf script = {0};
    add_list(&script, "allowed_paths", lock->paths, lock->path_count);
    add_list(&script, "allowed_directories", lock->dirs, lock->dir_count);
    buf_str(&script, "SET GLOBAL enable_external_access = false;\nSET GLOBAL lock_configuration = true");
    enum err rc = database_exec(db, script.ptr, e);
    buf_reset(&script);
    return rc;
}

enum err sql_connect(struct sql_db *db, struct sql_conn **out, struct error *e)
{
    struct sql_conn *conn = mem_zalloc(sizeof *conn);
    *out = NULL;
    if (duckdb_connect(db->db, &conn->conn) == DuckDBError) {
        mem_free(conn);
        return err_set(e, ERR_INTERNAL, "DuckDB gives no connection");
    }
    *out = conn;
    return ERR_OK;
}

void sql_disconnect(struct sql_conn **conn)
{
    if (!*conn) return;
    duckdb_disconnect(&(*conn)->conn);
    mem_free(*conn);
    *conn = NULL;
}

void sql_interrupt(struct sql_conn *conn) { duckdb_interrupt(conn->conn); }

double sql_progress(struct sql_conn *conn) { return duckdb_query_progress(conn->conn).percentage; }

const struct sql_place *sql_conn_place(const struct sql_conn *conn) { return &conn->place; }
