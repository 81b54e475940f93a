/* Types, DDL and totals: what a mart becomes in ClickHouse, and what is refused. */
#include "base/test.h"

#include "publish/clickhouse.h"
#include "publish/clickhouse_load.h"
#include "publish/models.h"

static const char yml[] = "version: 2\n"
                          "models:\n"
                          "  - name: rates\n"
                          "    description: Rates, it's all\n"
                          "    columns:\n"
                          "      - {name: userId, data_tests: [unique, not_null]}\n"
                          "      - {name: n, tests: [{not_null: {config: {severity: warn}}}], meta: {clickhouse_type: UInt8}}\n"
                          "      - name: rate\n"
                          "        config: {meta: {clickhouse_type: Float64}}\n"
                          "        constraints: [{type: not_null}]\n"
                          "      - {name: word}\n"
                          "sources:\n"
                          "  - name: silver\n";

static void notes(void **state)
{
    (void)state;
    struct model_notes m = {0};
    struct error e;
    arena_init(&m.arena);
    assert_ok(model_notes_read(&m, "a.yml", yml, strlen(yml), &e), &e);
    assert_ok(model_notes_read(&m, "b.yml", " \n", 2, &e), &e);
    assert_string_equal(model_notes_find(&m, "rates", NULL)->description, "Rates, it's all");
    assert_true(model_notes_find(&m, "rates", "USERID")->not_null);
    assert_null(model_notes_find(&m, "rates", "userId")->type);
    assert_true(model_notes_find(&m, "rates", "n")->not_null);
    assert_string_equal(model_notes_find(&m, "rates", "n")->type, "UInt8");
    assert_int_equal(model_notes_find(&m, "rates", "n")->line, 7);
    assert_true(model_notes_find(&m, "rates", "rate")->not_null);
    assert_string_equal(model_notes_find(&m, "rates", "rate")->type, "Float64");
    assert_false(model_notes_find(&m, "rates", "word")->not_null);
    assert_null(model_notes_find(&m, "rates", "other"));
    assert_null(model_notes_find(&m, "silver", NULL));
    assert_int_equal(model_notes_read(&m, "c.yml", "a: [", 4, &e), ERR_INPUT);
    assert_true(str_starts(e.where, "c.yml:"));
    model_notes_reset(&m);
    assert_ok(model_notes_load(NULL, &m, &e), &e);
    assert_string_equal(model_notes_find(&m, "daily_user_listen_counts", "year")->type, "UInt16");
    model_notes_reset(&m);
}

static void types(void **state)
{
    (void)state;
    struct arena a;
    enum mart_kind kind;
    arena_init(&a);
    assert_string_equal(mart_type_of(&a, "BIGINT", &kind), "Int64");
    assert_int_equal(kind, MART_INT);
    assert_string_equal(mart_type_of(&a, "TIMESTAMP", &kind), "DateTime64(6, 'UTC')");
    assert_string_equal(mart_type_of(&a, "DECIMAL(18,3)", &kind), "Decimal(18, 3)");
    assert_null(mart_type_of(&a, "INTEGER[]", &kind));
    arena_reset(&a);
}

static void what_fits(void **state)
{
    (void)state;
    struct error e;
    const struct {
        const char *wanted;
        enum mart_kind kind;
        const char *base, *least, *most;
        enum err want;
    } cases[] = {
        {"UInt8", MART_INT, "Int64", "0", "255", ERR_OK},
        {"UInt8", MART_INT, "Int64", "0", "256", ERR_INPUT},
        {"UInt8", MART_INT, "Int64", "-1", "1", ERR_INPUT},
        {"UInt32", MART_INT, "Int64", "0", "4294967295", ERR_OK},
        {"UInt32", MART_INT, "Int64", "0", "4294967296", ERR_INPUT},
        {"UInt64", MART_INT, "Int64", "-9223372036854775808", "0", ERR_INPUT},
        {"Int8", MART_INT, "Int64", "-128", "127", ERR_OK},
        {"Int8", MART_INT, "Int64", "-129", "127", ERR_INPUT},
        {"Int64", MART_INT, "UInt64", "0", "9223372036854775808", ERR_INPUT},
        {"UInt16", MART_INT, "Int64", NULL, NULL, ERR_OK}, /* no value at all */
        {"String", MART_INT, "Int64", "0", "1", ERR_INPUT},
        {"Float64", MART_REAL, "Float32", NULL, NULL, ERR_OK},
        {"Float32", MART_REAL, "Float64", NULL, NULL, ERR_INPUT},
        {"LowCardinality(String)", MART_TEXT, "String", NULL, NULL, ERR_OK},
        {"UInt8", MART_TEXT, "String", NULL, NULL, ERR_INPUT},
        {"Date", MART_DATE, "Date32", NULL, NULL, ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum err got = mart_type_check(cases[i].wanted, cases[i].kind, cases[i].base, cases[i].least, cases[i].most, &e);
        if (got != cases[i].want) fail_msg("%s of %s, %s to %s: %s", cases[i].wanted, cases[i].base, cases[i].least, cases[i].most, err_name(got));
    }
    assert_int_equal(mart_type_check("UInt8", MART_INT, "Int64", "0", "300", &e), ERR_INPUT);
    assert_non_null(strstr(e.what, "300"));
    assert_non_null(strstr(e.what, "wrap"));
}

static struct mart_column columns[] = {
    {.name = "userId", .file_type = "BIGINT", .kind = MART_INT, .base = "Int64", .comment = "who's", .values = 2, .total = "30"},
    {.name = "n", .file_type = "BIGINT", .kind = MART_INT, .base = "UInt8", .nullable = true, .values = 1, .total = "7"},
    {.name = "word", .file_type = "VARCHAR", .kind = MART_TEXT, .base = "LowCardinality(String)", .nullable = true, .values = 2, .total = "9"},
    {.name = "rate", .file_type = "DOUBLE", .kind = MART_REAL, .base = "Float64", .values = 2, .total = "0.30000000000000004"},
};
static struct mart rates = {.name = "rates", .comment = "All rates", .path = (char *)(uintptr_t)"/lake/gold/rates/part-0.parquet",
                            .rows = 2, .column = columns, .column_count = 4, .print = 1};

static void expect_ddl(enum clickhouse_mode mode, const char *want)
{
    struct buf out = {0};
    struct clickhouse_options o = {.mode = mode, .database = "Spotify", .root = mode == CLICKHOUSE_HDFS ? "hdfs://nn:8020/user" : "/lake",
                                   .definer = "lakefm"};
    clickhouse_ddl(&rates, &o, "rates", "lakefm x", mode == CLICKHOUSE_HDFS, &out);
    assert_string_equal(out.ptr, want);
    buf_reset(&out);
}

static void ddl(void **state)
{
    (void)state;
    expect_ddl(CLICKHOUSE_HDFS, "CREATE OR REPLACE TABLE `Spotify`.`rates`\n(\n"
                                "    `userId` Int64 COMMENT 'who\\'s',\n"
                                "    `n` Nullable(UInt8),\n"
                                "    `word` LowCardinality(Nullable(String)),\n"
                                "    `rate` Float64\n)\n"
                                "ENGINE = HDFS('hdfs://nn:8020/user/gold/rates/*.parquet', 'Parquet')\n"
                                "SETTINGS input_format_parquet_allow_missing_columns = 0, input_format_null_as_default = 0\n"
                                "COMMENT 'lakefm x: All rates'");
    expect_ddl(CLICKHOUSE_LOAD, "CREATE TABLE `Spotify`.`rates`\n(\n"
                                "    `userId` Int64 COMMENT 'who\\'s',\n"
                                "    `n` Nullable(UInt8),\n"
                                "    `word` LowCardinality(Nullable(String)),\n"
                                "    `rate` Float64\n)\n"
                                "ENGINE = MergeTree\nORDER BY (`userId`)\nCOMMENT 'lakefm x: All rates'");
    expect_ddl(CLICKHOUSE_FILE, "CREATE VIEW `Spotify`.`rates`\n(\n"
                                "    `userId` Int64 COMMENT 'who\\'s',\n"
                                "    `n` Nullable(UInt8),\n"
                                "    `word` LowCardinality(Nullable(String)),\n"
                                "    `rate` Float64\n)\n"
                                "DEFINER = `lakefm` SQL SECURITY DEFINER AS\nSELECT\n    `userId`,\n"
                                "    accurateCast(`n`, 'Nullable(UInt8)') AS `n`,\n    `word`,\n    `rate`\n"
                                "FROM file('/lake/gold/rates/*.parquet', 'Parquet', '`userId` Int64, `n` Nullable(Int64), `word` "
                                "Nullable(String), `rate` Float64')\n"
                                "SETTINGS input_format_parquet_allow_missing_columns = 0, input_format_null_as_default = 0\n"
                                "COMMENT 'lakefm x: All rates'");
}

static void stamps(void **state)
{
    (void)state;
    struct clickhouse_options load = {.mode = CLICKHOUSE_LOAD, .database = "Spotify"}, hdfs = load;
    struct buf a = {0}, b = {0};
    hdfs.mode = CLICKHOUSE_HDFS, hdfs.root = "hdfs://nn/user";
    struct mart changed = rates;
    changed.hash.lo++;
    clickhouse_stamp(&rates, &load, &a);
    clickhouse_stamp(&changed, &load, &b);
    assert_string_not_equal(a.ptr, b.ptr); /* other rows: loaded anew */
    buf_clear(&a), buf_clear(&b);
    clickhouse_stamp(&rates, &hdfs, &a);
    clickhouse_stamp(&changed, &hdfs, &b);
    assert_string_equal(a.ptr, b.ptr); /* the table reads the new file anyway */
    changed.print++;
    buf_clear(&b);
    clickhouse_stamp(&changed, &hdfs, &b);
    assert_string_not_equal(a.ptr, b.ptr);
    buf_reset(&a), buf_reset(&b);
}

static void totals(void **state)
{
    (void)state;
    struct error e;
    struct buf sql = {0};
    clickhouse_totals_sql(&rates, "Spotify", "rates", true, &sql);
    assert_string_equal(sql.ptr, "SELECT count(), count(`userId`), sum(toInt128(`userId`)), count(`n`), sum(toInt128(`n`)), count(`word`), "
                                 "sum(toInt128(length(`word`))), count(`rate`), sum(toFloat64(`rate`)) FROM `Spotify`.`rates`");
    buf_reset(&sql);
    assert_ok(clickhouse_totals_check(&rates, "2\t2\t30\t1\t7\t2\t9\t2\t0.3\n", true, &e), &e);
    const struct {
        const char *tsv, *says;
    } wrong[] = {
        {"3\t2\t30\t1\t7\t2\t9\t2\t0.3\n", "3 rows"},        {"2\t1\t30\t1\t7\t2\t9\t2\t0.3\n", "userId"},
        {"2\t2\t31\t1\t7\t2\t9\t2\t0.3\n", "userId"},        {"2\t2\t30\t1\t263\t2\t9\t2\t0.3\n", "rates.n"},
        {"2\t2\t30\t1\t7\t2\t10\t2\t0.3\n", "rates.word"},   {"2\t2\t30\t1\t7\t2\t9\t2\t0.300001\n", "rates.rate"},
        {"2\t2\t30\t1\t7\t2\t9\t2\tnan\n", "rates.rate"},    {"", "rows"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(clickhouse_totals_check(&rates, wrong[i].tsv, true, &e), ERR_CORRUPT);
        if (!strstr(e.what, wrong[i].says)) fail_msg("%s lacks %s", e.what, wrong[i].says);
    }
}

static void cells(void **state)
{
    (void)state;
    struct buf b = {0};
    bool null;
    const char *at = "\ta\\tb\\\\c\\'\t\\N\nnext\n";
    const char *const want[] = {"", "a\tb\\c'", "", "next"};
    for (size_t i = 0; i < 4; i++) {
        click_cell(&at, &b, &null);
        assert_string_equal(b.ptr, want[i]);
        assert_int_equal(null, i == 2);
    }
    assert_int_equal(*at, '\0');
    buf_clear(&b);
    click_name(&b, "a`b\\");
    click_text(&b, "it's\n");
    assert_string_equal(b.ptr, "`a\\`b\\\\`'it\\'s\\n'");
    buf_reset(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes), cmocka_unit_test(types),  cmocka_unit_test(what_fits), cmocka_unit_test(ddl),
        cmocka_unit_test(stamps), cmocka_unit_test(totals), cmocka_unit_test(cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
