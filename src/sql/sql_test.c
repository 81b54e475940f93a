#include "base/test.h"

#include "base/io.h"
#include "base/mem.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct error e;
static struct sql_db *db;
static struct sql_conn *conn;
static char *folder;

static int open_memory(void **state)
{
    (void)state;
    struct sql_options o = {.threads = 2, .memory_bytes = 512 << 20};
    assert_ok(sql_open(&o, &db, &e), &e);
    assert_ok(sql_connect(db, &conn, &e), &e);
    char template[] = "/tmp/lakefm-sql-XXXXXX";
    folder = mem_strdup(mkdtemp(template));
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    sql_disconnect(&conn);
    sql_close(&db);
    assert_ok(io_remove_tree(folder, &e), &e);
    mem_free(folder);
    return 0;
}

static void assert_text(const char *query, const char *want)
{
    struct buf got = {0};
    assert_ok(sql_one_text(conn, query, &got, &e), &e);
    assert_string_equal(got.ptr ? got.ptr : "", want);
    buf_reset(&got);
}

/* Every type as text: the accessor must say what DuckDB's own cast says. */
static void text_is_duckdbs_cast(void **state)
{
    (void)state;
    static const char *const values[] = {
        "true", "(-128)::TINYINT", "255::UTINYINT", "(-32768)::SMALLINT", "65535::USMALLINT", "(-2147483648)::INTEGER",
        "4294967295::UINTEGER", "(-9223372036854775808)::BIGINT", "18446744073709551615::UBIGINT",
        "(-170141183460469231731687303715884105727)::HUGEINT", "340282366920938463463374607431768211455::UHUGEINT",
        "1.5::FLOAT", "0.1::DOUBLE", "1e20::DOUBLE", "'nan'::DOUBLE", "'-inf'::DOUBLE", "(-0.0)::DOUBLE", "1e-7::DOUBLE",
        "12.50::DECIMAL(4,2)", "(-0.05)::DECIMAL(9,2)", "123456789.123::DECIMAL(18,3)",
        "12345678901234567890.5::DECIMAL(38,1)", "DATE '2025-02-28'", "DATE '-infinity'", "DATE '0044-03-15 (BC)'",
        "TIME '23:59:59.000001'", "'12:00:00+02'::TIMETZ", "TIMESTAMP '2025-11-01 12:34:56.789'",
        "'2025-11-01 12:34:56'::TIMESTAMP_S", "'2025-11-01 12:34:56.5'::TIMESTAMP_MS",
        "'2025-11-01 12:34:56.123456789'::TIMESTAMP_NS", "TIMESTAMPTZ '2025-11-01 12:00:00+05'",
        "DATE '0001-01-01'", "DATE '9999-12-31'", "DATE '10000-01-01'", "DATE '0000-12-31'", "DATE '1969-12-31'",
        "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP 'infinity'",
        "TIMESTAMP '-infinity'", "TIMESTAMP '9999-12-31 23:59:59.10'", "TIMESTAMP '12025-01-01 00:00:00'",
        "TIMESTAMP '2024-02-29 00:00:00.000001'", "0.5::DECIMAL(2,2)", "(-0.01)::DECIMAL(2,2)", "0::DECIMAL(9,0)",
        "(-12345)::DECIMAL(18,0)", "999999999999.999999::DECIMAL(18,6)", "(-0.000001)::DECIMAL(18,6)", "0::DECIMAL(4,3)",
        "INTERVAL '1 year 2 months 3 days 04:05:06'", "'\\x00a\\xFF'::BLOB", "'0101'::BIT",
        "'8f14e45f-ceea-4e7a-9b1c-000000000001'::UUID", "'a'::ENUM('b','a')", "'{\"k\": [1]}'::JSON", "'it''s é 東京'",
        "[1, NULL, 3]", "['a', 'b c', 'it''s', NULL, '']", "[[1], []]", "{'a': 1, 'b': 'x y'}",
        "MAP {'k': 1, 'l': NULL}", "[1, 2, 3]::INTEGER[3]", "union_value(n := 5)", "[]::INTEGER[]",
        "{'d': DATE '2025-01-01', 'l': [1.5, 2]}", "[{'a': NULL}]",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char *query = mem_printf("SELECT v, v::VARCHAR FROM (SELECT %s AS v)", values[i]);
        struct sql_result *r = NULL;
        size_t rows;
        assert_ok(sql_query(conn, query, SQL_WHOLE, &r, &e), &e);
        assert_ok(sql_next(r, &rows, &e), &e);
        assert_int_equal(rows, 1);
        struct view got = sql_get_text(r, 0, 0), want = sql_get_text(r, 1, 0);
        if (!view_eq(got, want))
            fail_msg("%s: got %.*s, want %.*s", values[i], (int)got.len, got.ptr, (int)want.len, want.ptr);
        sql_result_free(&r);
        mem_free(query);
    }
}

static void names_and_types(void **state)
{
    (void)state;
    static const char *const exprs[] = {
        "1", "1::UBIGINT", "1.5", "'x'", "[1]", "{'a b': [1.5], 'c': 'x'}", "MAP {1: 'x'}", "'b'::ENUM('a','b')",
        "now()", "'1'::JSON", "DATE '2025-01-01'", "[1,2]::INT[2]", "1::DECIMAL(18,3)", "'01'::BIT",
        "'2025-01-01'::TIMESTAMP_MS", "union_value(n := 5)",
    };
    for (size_t i = 0; i < sizeof exprs / sizeof exprs[0]; i++) {
        char *query = mem_printf("SELECT %s AS \"a col\", typeof(\"a col\")", exprs[i]);
        struct sql_result *r = NULL;
        size_t rows;
        assert_ok(sql_query(conn, query, SQL_WHOLE, &r, &e), &e);
        assert_int_equal(sql_result_columns(r), 2);
        assert_string_equal(sql_column_name(r, 0), "a col");
        assert_ok(sql_next(r, &rows, &e), &e);
        struct view want = sql_get_text(r, 1, 0);
        if (!view_is(want, sql_column_type(r, 0)))
            fail_msg("%s: got %s, want %.*s", exprs[i], sql_column_type(r, 0), (int)want.len, want.ptr);
        sql_result_free(&r);
        mem_free(query);
    }
}

static void json_of_values(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{'a': [1, NULL], 'b': 'q\"uote', 'c': {'d': 1.50::DECIMAL(4,2)}}",
         "{\"a\":[1,null],\"b\":\"q\\\"uote\",\"c\":{\"d\":1.50}}"},
        {"MAP {'k': DATE '2025-01-01'}", "{\"k\":\"2025-01-01\"}"},
        {"MAP {1: true}", "{\"1\":true}"},
        {"'nan'::DOUBLE", "null"},
        {"2.5", "2.5"},
        {"18446744073709551615::UBIGINT", "18446744073709551615"},
        {"'{\"raw\": 1}'::JSON", "{\"raw\": 1}"},
        {"'é\n'", "\"é\\n\""},
        {"[1.5::FLOAT]::FLOAT[1]", "[1.5]"},
        {"NULL", "null"},
        {"union_value(t := 'x')", "\"x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *query = mem_printf("SELECT %s", cases[i][0]);
        struct sql_result *r = NULL;
        struct buf out = {0};
        size_t rows;
        assert_ok(sql_query(conn, query, SQL_WHOLE, &r, &e), &e);
        assert_ok(sql_next(r, &rows, &e), &e);
        sql_add_json(r, 0, 0, &out);
        assert_string_equal(out.ptr, cases[i][1]);
        buf_reset(&out);
        sql_result_free(&r);
        mem_free(query);
    }
}

static void numbers_across_chunks(void **state)
{
    (void)state;
    for (int mode = SQL_WHOLE; mode <= SQL_STREAM; mode++) {
        struct sql_result *r = NULL;
        assert_ok(sql_query(conn,
                            "SELECT i::INTEGER AS i, CASE WHEN i % 3 = 0 THEN NULL ELSE i / 2 END AS h, "
                            "i::DECIMAL(10,2), i > 10, make_timestamp_ms(i * 1000)::TIMESTAMP_S AS t "
                            "FROM range(5000) x(i) ORDER BY i",
                            (enum sql_mode)mode, &r, &e), &e);
        assert_int_equal(sql_result_rows(r), mode == SQL_WHOLE ? 5000 : -1);
        size_t rows;
        int64_t seen = 0;
        for (;;) {
            assert_ok(sql_next(r, &rows, &e), &e);
            if (!rows) break;
            for (size_t i = 0; i < rows; i++, seen++) {
                assert_int_equal(sql_get_i64(r, 0, i), seen);
                assert_int_equal(sql_is_null(r, 1, i), seen % 3 == 0);
                if (seen % 3) assert_true(sql_get_double(r, 1, i) == (double)seen / 2);
                assert_true(sql_get_double(r, 2, i) == (double)seen);
                assert_int_equal(sql_get_bool(r, 3, i), seen > 10);
                assert_int_equal(sql_get_i64(r, 4, i), seen * 1000000);
            }
        }
        assert_int_equal(seen, 5000);
        sql_result_free(&r);
    }
}

static void errors_have_places(void **state)
{
    (void)state;
    assert_ok(sql_exec(conn, "CREATE TABLE t (a INTEGER, b VARCHAR)", &e), &e);
    static const struct {
        const char *text;
        enum err code;
        const char *what; /* a part */
        unsigned line, column;
    } cases[] = {
        {"SELECT 1;\n SELCT 2", ERR_INPUT, "Parser Error: syntax error at or near \"SELCT\"", 2, 2},
        {"SELECT 1;\n\n  SELECT 2,\n   zz FROM t", ERR_INPUT, "Candidate bindings: ", 4, 4},
        {"SELECT 1; SELECT nope FROM t", ERR_INPUT, "\"nope\" not found", 1, 18},
        {"SELECT 'é', '東京', nope FROM t", ERR_INPUT, "nope", 1, 24},
        {"SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, "
         "28, nope, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51 FROM t",
         ERR_INPUT, "nope", 1, 111},
        {"SELECT 'x'::INTEGER", ERR_INPUT, "Conversion Error", 0, 0},
        {"FROM missing_table", ERR_NOT_FOUND, "missing_table does not exist", 1, 6},
        {"FROM read_parquet('/nowhere/*.parquet')", ERR_NOT_FOUND, "No files found", 1, 6},
        {"COPY (SELECT 1) TO '/nowhere/x.csv'", ERR_NOT_FOUND, "IO Error", 0, 0},
        {"SELECT error('two' || chr(10) || 'lines')", ERR_INPUT, "two; lines", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum err rc = sql_exec(conn, cases[i].text, &e);
        assert_int_equal(rc, cases[i].code);
        if (!strstr(e.what, cases[i].what)) fail_msg("%s: %s", cases[i].text, e.what);
        const struct sql_place *place = sql_conn_place(conn);
        if (cases[i].line && (place->line != cases[i].line || place->column != cases[i].column))
            fail_msg("%s: at %u:%u, not %u:%u", cases[i].text, place->line, place->column, cases[i].line, cases[i].column);
        assert_null(strchr(e.what, '\n'));
    }
    assert_int_equal(sql_exec(conn, "SELECT\n nope FROM t", &e), ERR_INPUT);
    assert_string_equal(e.where, "line 2, column 2");
    assert_string_equal(sql_conn_place(conn)->excerpt, " nope FROM t");
    assert_int_equal(sql_conn_place(conn)->caret, 1);
    assert_ok(sql_exec(conn, "DROP TABLE t", &e), &e);
}

static void a_script_with_bad_grammar_runs_not_at_all(void **state)
{
    (void)state;
    assert_int_equal(sql_exec(conn, "CREATE TABLE half (a INT); SELCT", &e), ERR_INPUT);
    assert_int_equal(sql_exec(conn, "FROM half", &e), ERR_NOT_FOUND);
}

static enum err collect(void *ctx, struct sql_result *r, struct error *err)
{
    (void)err;
    buf_printf(ctx, "%d:%zu:%lld ", (int)sql_result_statement(r), sql_result_columns(r), (long long)sql_result_changed(r));
    return ERR_OK;
}

static void scripts_give_each_result(void **state)
{
    (void)state;
    struct buf seen = {0};
    assert_ok(sql_each(conn,
                       "CREATE TABLE s (a INT, b VARCHAR); -- a remark; with a semicolon\n"
                       "INSERT INTO s VALUES (1, 'x;y'), (2, $$z;$$); ;; UPDATE s SET a = 3;\n"
                       "SELECT * FROM s /* ; */; PIVOT s ON b USING sum(a); DROP TABLE s;",
                       SQL_STREAM, collect, &seen, &e), &e);
    char want[128];
    snprintf(want, sizeof want, "%d:0:0 %d:0:2 %d:0:2 %d:2:0 %d:2:0 %d:0:0 ", SQL_STMT_DDL, SQL_STMT_WRITE,
             SQL_STMT_WRITE, SQL_STMT_SELECT, SQL_STMT_SELECT, SQL_STMT_DDL);
    assert_string_equal(seen.ptr, want);
    buf_reset(&seen);
    struct sql_result *r = NULL;
    assert_int_equal(sql_query(conn, " -- nothing\n", SQL_WHOLE, &r, &e), ERR_USAGE);
    assert_ok(sql_exec(conn, " ; -- nothing", &e), &e);
}

static void prepared_statements(void **state)
{
    (void)state;
    struct sql_stmt *stmt = NULL;
    struct sql_result *r = NULL;
    size_t rows;
    assert_ok(sql_prepare(conn, "SELECT ?, $2::INTEGER + 1, ?3, $4", &stmt, &e), &e);
    sql_stmt_free(&stmt);
    assert_ok(sql_prepare(conn, "SELECT $1 || '!', $2 + 1, $3, $4", &stmt, &e), &e);
    assert_int_equal(sql_stmt_parameters(stmt), 4);
    assert_int_equal(sql_stmt_kind(stmt), SQL_STMT_SELECT);
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(sql_bind(stmt, 1, sql_text(view_of("né; DROP")), &e), &e);
        assert_ok(sql_bind(stmt, 2, sql_int(i), &e), &e);
        assert_ok(sql_bind(stmt, 3, sql_double(0.25), &e), &e);
        assert_ok(sql_bind(stmt, 4, sql_null(), &e), &e);
        assert_ok(sql_run(stmt, SQL_WHOLE, &r, &e), &e);
        assert_ok(sql_next(r, &rows, &e), &e);
        assert_true(view_is(sql_get_text(r, 0, 0), "né; DROP!"));
        assert_int_equal(sql_get_i64(r, 1, 0), i + 1);
        assert_true(sql_get_double(r, 2, 0) == 0.25);
        assert_true(sql_is_null(r, 3, 0));
        sql_result_free(&r);
    }
    assert_int_equal(sql_bind(stmt, 5, sql_int(1), &e), ERR_USAGE);
    assert_int_equal(sql_bind(stmt, 1, sql_text(view_of("\xff")), &e), ERR_USAGE);
    sql_stmt_free(&stmt);
    assert_int_equal(sql_prepare(conn, "SELECT 1; SELECT 2", &stmt, &e), ERR_USAGE);
    assert_null(stmt);
}

static void one_select_only(void **state)
{
    (void)state;
    assert_ok(sql_is_one_select(conn, "WITH x AS (SELECT 1) FROM x -- done", &e), &e);
    assert_ok(sql_is_one_select(conn, "VALUES (1)", &e), &e);
    static const char *const refused[] = {"SELECT 1; SELECT 2", "CREATE TABLE q (a INT)", "SET threads = 1", "",
                                          "COPY (SELECT 1) TO 'x'", "EXPLAIN ANALYZE SELECT 1", "SELECT (", "BEGIN",
                                          "PRAGMA version; SELECT 1", "ATTACH 'x' AS y", "CALL pragma_version()"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (sql_is_one_select(conn, refused[i], &e) != ERR_INPUT) fail_msg("%s was not refused", refused[i]);
}

static const char endless[] = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1";

static void time_limit_and_stop_flag(void **state)
{
    (void)state;
    static volatile sig_atomic_t stop;
    for (int mode = SQL_WHOLE; mode <= SQL_STREAM; mode++) {
        sql_conn_watch(conn, &(struct sql_watch){.timeout_ms = 60});
        struct sql_result *r = NULL;
        size_t rows;
        enum err rc = sql_query(conn, endless, (enum sql_mode)mode, &r, &e);
        if (rc == ERR_OK) rc = sql_next(r, &rows, &e);
        sql_result_free(&r);
        assert_int_equal(rc, ERR_RETRY);
        stop = 1;
        sql_conn_watch(conn, &(struct sql_watch){.stop = &stop});
        assert_int_equal(sql_query(conn, endless, (enum sql_mode)mode, &r, &e), ERR_STOPPED);
    }
    stop = 0;
    assert_text("SELECT 42", "42");
    sql_conn_watch(conn, &(struct sql_watch){0});
}

static void on_progress(void *ctx, double percent)
{
    (void)percent;
    ++*(int *)ctx;
}

static void progress_is_heard(void **state)
{
    (void)state;
    int heard = 0;
    sql_conn_watch(conn, &(struct sql_watch){.timeout_ms = 400, .on_progress = on_progress, .ctx = &heard});
    struct sql_result *r = NULL;
    assert_int_equal(sql_query(conn, endless, SQL_WHOLE, &r, &e), ERR_RETRY);
    sql_conn_watch(conn, &(struct sql_watch){0});
    assert_true(heard > 0);
}

static void copies_and_views(void **state)
{
    (void)state;
    char *path = io_path(folder, "o'ne.parquet"), *csv = io_path(folder, "one.csv");
    int64_t rows = 0;
    struct sql_copy parquet = {.format = SQL_PARQUET, .level = 3, .row_group_rows = 2048};
    assert_ok(sql_copy_to(conn, "SELECT range AS n FROM range(5000); -- all", path, &parquet, &rows, &e), &e);
    assert_int_equal(rows, 5000);
    const char *const paths[] = {path};
    struct sql_view view = {.schema = "gold", .name = "n's", .paths = paths, .path_count = 1};
    assert_ok(sql_view_parquet(conn, &view, &e), &e);
    assert_text("SELECT sum(n) FROM gold.\"n's\"", "12497500");
    struct buf q = {0};
    buf_str(&q, "SELECT codec FROM (SELECT compression AS codec FROM parquet_metadata(");
    sql_quote_text(&q, path, strlen(path));
    buf_str(&q, ")) LIMIT 1");
    assert_text(q.ptr, "ZSTD");
    buf_reset(&q);
    assert_ok(sql_copy_to(conn, "SELECT 1 AS a, 'x,y' AS b", csv, &(struct sql_copy){.format = SQL_CSV}, &rows, &e), &e);
    assert_ok(io_read_file(csv, &q, &e), &e);
    assert_string_equal(q.ptr, "a,b\n1,\"x,y\"\n");
    buf_reset(&q);
    struct sql_view none = {.schema = "gold", .name = "none"};
    assert_int_equal(sql_view_parquet(conn, &none, &e), ERR_USAGE);
    const struct sql_column_def columns[] = {{"a b", "BIGINT"}, {"c", "DECIMAL(4,2)[]"}};
    none.columns = columns;
    none.column_count = 2;
    assert_ok(sql_view_parquet(conn, &none, &e), &e);
    assert_text("SELECT count(*) || typeof(max(c)) FROM gold.none", "0DECIMAL(4,2)[]");
    assert_int_equal(sql_copy_to(conn, "SELECT", csv, &(struct sql_copy){.format = SQL_CSV}, &rows, &e), ERR_INPUT);
    mem_free(path);
    mem_free(csv);
}

static void appending_rows(void **state)
{
    (void)state;
    struct sql_appender *a = NULL;
    assert_ok(sql_exec(conn, "CREATE TABLE seed (n INTEGER, d DATE, t VARCHAR, x DECIMAL(6,2), b BOOLEAN)", &e), &e);
    assert_int_equal(sql_append_open(conn, NULL, "no_such", &a, &e), ERR_NOT_FOUND);
    assert_null(a);
    assert_ok(sql_append_open(conn, NULL, "seed", &a, &e), &e);
    for (int i = 0; i < 3000; i++) {
        sql_append(a, sql_int(i));
        sql_append(a, sql_text(view_of("2025-01-31")));
        sql_append(a, i % 2 ? sql_null() : sql_text(view_of("é")));
        sql_append(a, sql_text(view_of("12.5")));
        sql_append(a, sql_bool(i == 0));
        assert_ok(sql_append_row(a, &e), &e);
    }
    assert_ok(sql_append_close(&a, &e), &e);
    assert_text("SELECT concat_ws('|', count(*), sum(n), max(d), count(t), sum(x), count_if(b)) FROM seed",
                "3000|4498500|2025-01-31|1500|37500.00|1");
    assert_ok(sql_append_open(conn, NULL, "seed", &a, &e), &e);
    sql_append(a, sql_text(view_of("not a number")));
    for (int i = 0; i < 4; i++) sql_append(a, sql_null());
    enum err rc = sql_append_row(a, &e), closed = sql_append_close(&a, &e);
    assert_true(rc != ERR_OK || closed != ERR_OK);
    assert_null(a);
    assert_text("SELECT count(*) FROM seed", "3000");
}

static void files_and_locks(void **state)
{
    (void)state;
    char *file = io_path(folder, "w.duckdb"), *inside = io_path(folder, "in"), *csv = io_path(folder, "in/a.csv");
    char *spill = io_path(folder, "spill");
    struct sql_db *other = NULL;
    struct sql_conn *c = NULL;
    assert_ok(io_make_dirs(inside, &e), &e);
    assert_ok(io_write_file(csv, "a\n7\n", 4, false, &e), &e);
    assert_ok(sql_open(&(struct sql_options){.path = file, .temp_dir = spill}, &other, &e), &e);
    assert_ok(sql_connect(other, &c, &e), &e);
    assert_ok(sql_exec(c, "CREATE TABLE kept AS SELECT 5 AS v", &e), &e);
    const char *const dirs[] = {inside};
    assert_ok(sql_db_lock(other, &(struct sql_lock){.dirs = dirs, .dir_count = 1}, &e), &e);
    assert_ok(sql_execf(c, &e, "FROM read_csv('%s')", csv), &e);
    assert_ok(sql_exec(c, "INSERT INTO kept VALUES (6)", &e), &e);
    static const char *const refused[] = {"FROM read_csv('/etc/passwd')", "COPY kept TO '/tmp/lakefm-never.csv'",
                                          "SET enable_external_access = true", "ATTACH '/tmp/x.db' AS x", "LOAD '/tmp/x'",
                                          "SET threads = 1", "INSTALL httpfs", "FROM glob('/etc/*')",
                                          "FROM read_text('/proc/self/environ')", "SELECT * FROM '/etc/passwd'"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (sql_exec(c, refused[i], &e) == ERR_OK) fail_msg("%s was not refused", refused[i]);
    sql_disconnect(&c);
    sql_close(&other);
    assert_ok(sql_open(&(struct sql_options){.path = file, .read_only = true}, &other, &e), &e);
    assert_ok(sql_connect(other, &c, &e), &e);
    int64_t sum;
    assert_ok(sql_one_i64(c, "SELECT sum(v) FROM kept", &sum, &e), &e);
    assert_int_equal(sum, 11);
    assert_int_equal(sql_exec(c, "DROP TABLE kept", &e), ERR_INPUT);
    sql_disconnect(&c);
    sql_close(&other);
    assert_ok(io_write_file(file, "garbage", 7, false, &e), &e);
    assert_true(sql_open(&(struct sql_options){.path = file}, &other, &e) != ERR_OK);
    assert_null(other);
    mem_free(file);
    mem_free(inside);
    mem_free(csv);
    mem_free(spill);
}

static void the_clock_is_utc(void **state)
{
    (void)state;
    assert_text("SELECT current_setting('TimeZone')", "UTC");
    struct sql_conn *second = NULL;
    struct buf zone = {0};
    assert_ok(sql_connect(db, &second, &e), &e);
    assert_ok(sql_one_text(second, "SELECT current_setting('TimeZone')", &zone, &e), &e);
    assert_string_equal(zone.ptr, "UTC");
    buf_reset(&zone);
    sql_disconnect(&second);
}

static void splitting(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"select 1; select 2", "select 1", " select 2", "complete"},
        {"select ';' || \"a;b\" -- ;\n || $$;$$ || $x$;$$;$x$; rest",
         "select ';' || \"a;b\" -- ;\n || $$;$$ || $x$;$$;$x$", " rest", "complete"},
        {"select /* ; /* ; */ ; */ 1", "select /* ; /* ; */ ; */ 1", "", NULL},
        {";;  select e'\\';' ;", "  select e'\\';' ", "", "complete"},
        {"select 'it''s; ", "select 'it''s; ", "", NULL},
        {"select $1; x", "select $1", " x", "complete"},
        {"select a$b$c; x", "select a$b$c", " x", "complete"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct view statement, rest;
        bool complete;
        assert_true(sql_split(view_of(cases[i][0]), &statement, &rest, &complete));
        if (!view_is(statement, cases[i][1]) || !view_is(rest, cases[i][2]) || complete != (cases[i][3] != NULL))
            fail_msg("%s: [%.*s] [%.*s] %d", cases[i][0], (int)statement.len, statement.ptr, (int)rest.len, rest.ptr, complete);
    }
    struct view statement, rest;
    bool complete;
    assert_false(sql_split(view_of(" ; -- x\n /* y */ ;"), &statement, &rest, &complete));
}

/* Scripts put together at random: our pieces are the statements, and DuckDB runs each. */
static enum err count_one(void *ctx, struct sql_result *r, struct error *err)
{
    (void)r, (void)err;
    ++*(int *)ctx;
    return ERR_OK;
}

static void splitting_agrees_with_duckdb(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "select 1", "select ';'", "select 'it''s; '", "select e'a\\';b'", "select 1 as \"a;\"\"b\"", "select $$;'$$",
        "select $t$;$$;$t$", "select 1 -- ; \n", "select /* ; /* ; */ ' */ 2", "from (values (1), (2)) t(x)",
        "select 'a' -- '\n || 'b'", "select 1 as \"--\"", "select '/*' || '*/'", "select x'ab'", "select 4 - -1",
        "select 8 / 2 * 3", "select [1][1]", "select 'é;東'", "select 1 as té"};
    static const char *const between[] = {";", ";\n", " ; ", ";;", "; -- ;\n", ";/* ; */", ";\n\n;"};
    uint64_t random = 88172645463325252ULL;
    for (int round = 0; round < 400; round++) {
        struct buf script = {0};
        int mine = 0, its = 0;
        size_t statements = 0;
        do {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            if (statements) buf_str(&script, between[random % 7]);
            buf_str(&script, parts[(random >> 8) % (sizeof parts / sizeof parts[0])]);
            statements++;
        } while ((random >> 20) % 5);
        if ((random >> 30) % 2) buf_str(&script, ";");
        struct view statement, rest = view_from(script.ptr, script.len);
        bool complete;
        while (sql_split(rest, &statement, &rest, &complete)) mine++;
        if (sql_each(conn, script.ptr, SQL_WHOLE, count_one, &its, &e) != ERR_OK) fail_msg("%s: %s", script.ptr, e.what);
        if (mine != (int)statements || its != mine) fail_msg("%s: %d and %d, not %zu", script.ptr, mine, its, statements);
        buf_reset(&script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_duckdbs_cast),
        cmocka_unit_test(names_and_types),
        cmocka_unit_test(json_of_values),
        cmocka_unit_test(numbers_across_chunks),
        cmocka_unit_test(errors_have_places),
        cmocka_unit_test(a_script_with_bad_grammar_runs_not_at_all),
        cmocka_unit_test(scripts_give_each_result),
        cmocka_unit_test(prepared_statements),
        cmocka_unit_test(one_select_only),
        cmocka_unit_test(time_limit_and_stop_flag),
        cmocka_unit_test(progress_is_heard),
        cmocka_unit_test(copies_and_views),
        cmocka_unit_test(appending_rows),
        cmocka_unit_test(files_and_locks),
        cmocka_unit_test(the_clock_is_utc),
        cmocka_unit_test(splitting),
        cmocka_unit_test(splitting_agrees_with_duckdb),
    };
    return cmocka_run_group_tests(tests, open_memory, close_memory);
}
