#include "base/test.h"

#include "base/io.h"
#include "lake/views.h"
#include "lake/batch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct error e;
static struct sql_db *db;
static struct sql_conn *conn;
static struct lake *lake;
static struct schema_set *contracts;
static char folder[] = "/tmp/lakefm-lakesql-XXXXXX";

static int open_all(void **state)
{
    (void)state;
    char *path = io_path(mkdtemp(folder), "a lake");
    assert_ok(sql_open(&(struct sql_options){.threads = 1}, &db, &e), &e);
    assert_ok(sql_connect(db, &conn, &e), &e);
    assert_ok(lake_open_or_init(path, LAKE_WRITER, &lake, &e), &e);
    assert_ok(schema_set_load(NULL, &contracts, &e), &e);
    mem_free(path);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    sql_disconnect(&conn);
    sql_close(&db);
    lake_close(&lake);
    schema_set_free(&contracts);
    assert_ok(io_remove_tree(folder, &e), &e);
    return 0;
}

/* One commit with one Parquet file that holds the query's rows. */
static void commit(enum lake_kind kind, enum lake_layer layer, const char *table, int64_t date, const char *query)
{
    struct lake_batch *batch = NULL;
    struct lake_out *out = NULL;
    struct lake_part part = {layer, table, NULL, date, -1, date == LAKE_NO_DATE ? LAKE_K_SINGLE : 0, "parquet"};
    int64_t rows;
    assert_ok(lake_batch_begin(lake, kind, &batch, &e), &e);
    assert_ok(lake_batch_create(batch, &part, &out, &e), &e);
    /* DuckDB replaces the file: by another name, then copied into the one that is open. */
    char *path = io_path(folder, "made.parquet");
    struct buf content = {0};
    assert_ok(sql_copy_to(conn, query, path, &(struct sql_copy){.format = SQL_PARQUET}, &rows, &e), &e);
    assert_ok(io_read_file(path, &content, &e), &e);
    assert_ok(io_write_all(out->fd, content.ptr, content.len, path, &e), &e);
    struct lake_stats stats = {.rows = rows, .min_date = date, .max_date = date};
    assert_ok(lake_out_finish(&out, &stats, &e), &e);
    assert_ok(lake_batch_commit(&batch, NULL, &e), &e);
    buf_reset(&content);
    mem_free(path);
}

static void assert_rows(const char *query, int64_t want)
{
    int64_t got;
    assert_ok(sql_one_i64(conn, query, &got, &e), &e);
    assert_int_equal(got, want);
}

static void views_follow_the_log(void **state)
{
    (void)state;
    /* An empty lake: the contracts' tables are there, empty, with their types. */
    assert_ok(lake_views_names(conn, &e), &e);
    assert_ok(lake_views_make(lake, contracts, conn, &e), &e);
    assert_rows("SELECT count(*) FROM fact_listen_events", 0);
    assert_rows("SELECT count(*) FROM quarantine.records", 0);
    assert_rows("SELECT count(*) FROM (DESCRIBE silver.fact_listen_events) WHERE column_name = 'event_time' "
                "AND column_type = 'TIMESTAMP'", 1);
    commit(LAKE_REBUILD, LAKE_SILVER, "fact_listen_events", 20000, "SELECT range AS ts, 'é' AS song FROM range(3)");
    commit(LAKE_REBUILD, LAKE_SILVER, "fact_listen_events", 20001, "SELECT range AS ts, 'x' AS song FROM range(4)");
    commit(LAKE_REBUILD, LAKE_SILVER, "dim_user", LAKE_NO_DATE, "SELECT 1 AS userId");
    commit(LAKE_BUILD, LAKE_GOLD, "top_songs", LAKE_NO_DATE, "SELECT 1 AS position");
    assert_rows("SELECT count(*) FROM fact_listen_events", 0);
    assert_ok(lake_views_make(lake, contracts, conn, &e), &e);
    assert_rows("SELECT count(*) FROM fact_listen_events", 7);
    assert_rows("SELECT count(*) FROM silver.dim_user", 1);
    assert_rows("SELECT count(*) FROM gold.top_songs", 1);
    assert_rows("SELECT count(*) FROM (DESCRIBE fact_listen_events)", 2); /* no column made from the date folder */
    /* A file that the log does not know is not seen. */
    char *stray = io_path(lake_url(lake), "silver/fact_listen_events/stray.parquet");
    assert_ok(sql_copy_to(conn, "SELECT 9::BIGINT AS ts, 'y' AS song", stray, &(struct sql_copy){.format = SQL_PARQUET},
                          NULL, &e), &e);
    assert_ok(lake_views_make(lake, contracts, conn, &e), &e);
    assert_rows("SELECT count(*) FROM fact_listen_events", 7);
    mem_free(stray);
    /* A file of another size than the log says is refused. */
    struct lake_files files;
    lake_files(lake, &(struct lake_filter){.table = "top_songs"}, &files);
    char *local = io_path(lake_url(lake), files.file[0]->path);
    assert_int_equal(truncate(local, 10), 0);
    assert_int_equal(lake_views_make(lake, contracts, conn, &e), ERR_CORRUPT);
    lake_files_free(&files);
    mem_free(local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(views_follow_the_log)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
