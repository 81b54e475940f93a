#include "parquet/test_table.h"

/* Statistics and Bloom filters: what they say, and that no engine loses a row by them. */

static char *written(const struct table *t, uint32_t group)
{
    struct buf out = {0};
    struct parquet_summary s;
    table_write(t, &(struct parquet_options){0}, group, 1, false, &out, &s);
    char *path = save(&out);
    buf_reset(&out);
    return path;
}

static void forget(char *path)
{
    unlink(path);
    mem_free(path);
}

static void expect(const char *path, const char *what, const char *want)
{
    char *sql = mem_printf("select coalesce((%s)::varchar, 'none') from parquet_metadata('%s') where row_group_id = 0",
                           what, path);
    char *got = duck_text(sql);
    assert_string_equal(got, want);
    mem_free(got);
    mem_free(sql);
}

static void numbers_bounds(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 1, 6);
    t.column[0].schema.type = PARQUET_UINT32;
    static const int64_t values[] = {5, 4294967295, 2147483648, 3, 0, 3};
    memcpy(t.column[0].integer, values, sizeof values);
    t.column[0].valid[4] = 0; /* the 0 is not there */
    char *path = written(&t, 100);
    expect(path, "stats_min_value", "3");
    expect(path, "stats_max_value", "4294967295"); /* unsigned order */
    expect(path, "stats_null_count", "1");
    expect(path, "stats_distinct_count", "4");
    expect(path, "num_values", "6");
    t.column[0].schema.type = PARQUET_INT64;
    t.column[0].integer[0] = INT64_MIN;
    t.column[0].integer[1] = INT64_MAX;
    forget(path);
    path = written(&t, 100);
    expect(path, "stats_min_value", "-9223372036854775808");
    expect(path, "stats_max_value", "9223372036854775807");
    forget(path);
    table_reset(&t);
}

static void zero_nan_and_nothing(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 1, 3);
    t.column[0].schema.type = PARQUET_DOUBLE;
    t.column[0].real[0] = t.column[0].real[1] = 0.0;
    t.column[0].real[2] = -1.5;
    char *path = written(&t, 100);
    expect(path, "stats_max_value", "0.0");
    forget(path);
    t.column[0].real[2] = 1.5;
    path = written(&t, 100);
    expect(path, "stats_min_value", "-0.0"); /* a reader may look for either zero */
    forget(path);
    t.column[0].real[1] = NAN;
    path = written(&t, 100);
    expect(path, "stats_min_value", "none");
    expect(path, "stats_max_value", "none");
    forget(path);
    memset(t.column[0].valid, 0, 3);
    path = written(&t, 100);
    expect(path, "stats_max_value", "none");
    expect(path, "stats_null_count", "3");
    forget(path);
    table_reset(&t);
}

static void bounds_of(struct view low, struct view high, char **min, char **max)
{
    struct table t;
    table_init(&t, 1, 2);
    t.column[0].schema.type = PARQUET_STRING;
    t.column[0].text[0] = high;
    t.column[0].text[1] = low;
    char *path = written(&t, 100);
    char *sql = mem_printf("select stats_min_value from parquet_metadata('%s')", path);
    *min = duck_text(sql);
    mem_free(sql);
    sql = mem_printf("select stats_max_value from parquet_metadata('%s')", path);
    *max = duck_text(sql);
    mem_free(sql);
    sql = mem_printf("select min_is_exact::int * 2 + max_is_exact::int from parquet_metadata('%s')", path);
    bool cut_low = low.len > 64, cut_high = high.len > 64;
    if (strcmp(*max, "NULL") != 0) assert_int_equal(duck_int(sql), !cut_low * 2 + !cut_high);
    mem_free(sql);
    forget(path);
    table_reset(&t);
}

static struct view repeated(struct arena *a, const char *piece, size_t times, const char *end)
{
    struct buf b = {0};
    for (size_t i = 0; i < times; i++) buf_str(&b, piece);
    buf_str(&b, end);
    struct view v = view_from(arena_strndup(a, b.ptr, b.len), b.len);
    buf_reset(&b);
    return v;
}

/* Long texts are cut on a character, downwards for the minimum, upwards for the maximum. */
static void long_texts_bounds(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *min, *max;
    static const struct {
        const char *piece;
        size_t times;
        size_t min_times, max_times; /* what is left of them in the bounds, */
        const char *max_end;         /* and what follows */
    } cases[] = {
        {"a", 64, 64, 64, ""},
        {"a", 65, 64, 63, "b"},
        {"\xC3\xA9", 40, 32, 31, "\xC3\xAA"},             /* é → ê */
        {"\x7F", 70, 64, 62, "\xC2\x80"},                 /* U+0080 is longer: one more goes */
        {"\xEF\xBF\xBF", 30, 21, 20, "\xF0\x90\x80\x80"}, /* U+FFFF → U+10000: 64 bytes */
        {"\xED\x9F\xBF", 30, 21, 20, "\xEE\x80\x80"},     /* U+D7FF → U+E000 */
        {"\xF4\x8F\xBF\xBE", 30, 16, 15, "\xF4\x8F\xBF\xBF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct view v = repeated(&a, cases[i].piece, cases[i].times, "");
        bounds_of(v, v, &min, &max);
        assert_string_equal(min, repeated(&a, cases[i].piece, cases[i].min_times, "").ptr);
        assert_string_equal(max, repeated(&a, cases[i].piece, cases[i].max_times, cases[i].max_end).ptr);
        mem_free(min);
        mem_free(max);
    }
    struct view top = repeated(&a, "\xF4\x8F\xBF\xBF", 20, ""); /* U+10FFFF only: nothing is above */
    bounds_of(view_of("a"), top, &min, &max);
    assert_string_equal(max, "NULL");
    mem_free(min);
    mem_free(max);
    struct view some = repeated(&a, "\xF4\x8F\xBF\xBF", 15, "zzzzzzzzz"); /* 60 bytes, then z: …z is cut, z → { */
    bounds_of(view_of("a"), some, &min, &max);
    assert_int_equal(max[63], '{');
    mem_free(min);
    mem_free(max);
    arena_reset(&a);
}

/* ---- filters against the model. Groups are small, so that most can be skipped. */

static int compare(const struct tcolumn *k, uint32_t row, const struct tcolumn *with, uint32_t at)
{
    if (k->schema.type == PARQUET_STRING) {
        int c = view_compare(k->text[row], with->text[at]);
        return (c > 0) - (c < 0);
    }
    if (k->schema.type == PARQUET_DOUBLE) { /* as DuckDB: NaN equals itself and is above all */
        double x = k->real[row], y = with->real[at];
        if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
        return (x > y) - (x < y);
    }
    return (k->integer[row] > with->integer[at]) - (k->integer[row] < with->integer[at]);
}

static char *literal(const struct tcolumn *k, uint32_t row)
{
    if (k->schema.type == PARQUET_DOUBLE) return mem_printf("'%.17g'::double", k->real[row]);
    if (k->schema.type == PARQUET_STRING) return mem_printf("'%.*s'", (int)k->text[row].len, k->text[row].ptr);
    if (k->schema.type == PARQUET_DATE)
        return mem_printf("date '1970-01-01' + (%lld)::int", (long long)k->integer[row]);
    if (k->schema.type == PARQUET_TIMESTAMP_MS)
        return mem_printf("make_timestamp(%lld * 1000)", (long long)k->integer[row]);
    return mem_printf("%lld", (long long)k->integer[row]);
}

static void check_filters(const struct table *t, const char *path, size_t c, uint32_t at)
{
    const struct tcolumn *k = t->column + c;
    int64_t less = 0, equal = 0, more = 0, nulls = 0;
    for (uint32_t i = 0; i < t->rows; i++) {
        int order = k->valid[i] ? compare(k, i, k, at) : 0;
        nulls += !k->valid[i];
        less += k->valid[i] && order < 0;
        equal += k->valid[i] && order == 0;
        more += k->valid[i] && order > 0;
    }
    const struct {
        const char *op;
        int64_t want;
    } ops[] = {{"<", less}, {"<=", less + equal}, {"=", equal}, {">=", equal + more}, {">", more}, {"<>", less + more}};
    char *value = literal(k, at);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        char *sql = mem_printf("select count(*) from read_parquet('%s') where c%zu %s %s", path, c, ops[i].op, value);
        if (duck_int(sql) != ops[i].want) fail_msg("%s: not %lld", sql, (long long)ops[i].want);
        mem_free(sql);
    }
    char *sql = mem_printf("select count(*) from read_parquet('%s') where c%zu is null", path, c);
    assert_int_equal(duck_int(sql), nulls);
    mem_free(sql);
    mem_free(value);
}

static void filters_lose_no_row(void **state)
{
    (void)state;
    uint64_t seed = 11;
    enum { ROWS = 6000, TYPES = PARQUET_STRING + 1 };
    struct table t;
    table_init(&t, TYPES, ROWS);
    for (size_t c = 0; c < TYPES; c++) {
        struct tcolumn *k = t.column + c;
        k->schema.type = (enum parquet_type)c;
        k->form = c % 2 ? PARQUET_CODES : PARQUET_CELLS;
        k->schema.bloom = c != PARQUET_BOOLEAN && c != PARQUET_DOUBLE;
        for (uint32_t i = 0; i < ROWS; i++) {
            int64_t v = (int64_t)(i / 200) * 7 + below(&seed, 20); /* clustered, so that bounds say something */
            bool is_signed = c == PARQUET_INT16 || c == PARQUET_INT32 || c == PARQUET_DATE || c >= PARQUET_INT64;
            if (is_signed) v -= 100;
            if (c == PARQUET_INT8) v = v % 128 - 60;
            if (c == PARQUET_UINT32) v *= 19000000; /* above 2^31 */
            if (c == PARQUET_BOOLEAN) v = i / 200 % 3 == 0;
            k->integer[i] = c == PARQUET_INT64 && i % 997 == 0 ? (i % 2 ? INT64_MIN : INT64_MAX) : v;
            k->real[i] = i % 499 == 0 ? NAN : i % 501 == 0 ? -0.0 : i % 503 == 0 ? -INFINITY : (double)v / 10;
            static const char *const start[] = {"", "z", "\xC3\x85", "\xF0\x9F\x8E\xB5"};
            const char *tail =
                i % 3 ? "" : "ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo";
            k->text[i] = view_of(arena_printf(&t.arena, "%s%03lld%s", start[i / 200 % 4], (long long)v + 200, tail));
            k->valid[i] = i / 200 != 9 && below(&seed, 10) > 0;
        }
    }
    char *path = written(&t, 200);
    for (size_t c = 0; c < TYPES; c++)
        for (int i = 0; i < 25; i++) check_filters(&t, path, c, below(&seed, ROWS));
    forget(path);
    table_reset(&t);
}

/* −0 never stands in a dictionary: parquet-java looks for 0 there bit by bit. */
static void negative_zero_is_plain(void **state)
{
    (void)state;
    for (int form = PARQUET_CELLS; form <= PARQUET_CONSTANT; form++)
        for (int negative = 0; negative < 2; negative++) {
            struct table t;
            table_init(&t, 1, 500);
            t.column[0].schema.type = PARQUET_DOUBLE;
            t.column[0].form = (enum parquet_form)form;
            for (uint32_t i = 0; i < t.rows; i++)
                t.column[0].real[i] = form == PARQUET_CONSTANT ? (negative ? -0.0 : 0.0) : i % 4;
            if (negative) t.column[0].real[300] = -0.0;
            char *path = written(&t, 1000);
            expect(path, "encodings like '%RLE_DICTIONARY%'", negative ? "false" : "true");
            forget(path);
            table_reset(&t);
        }
}

/* The filter excludes absent values (else it is useless), and none that are there (filters_lose_no_row). */
static void bloom_filters_exclude(void **state)
{
    (void)state;
    struct table t;
    uint64_t seed = 12;
    table_init(&t, 3, 20000);
    for (size_t c = 0; c < 3; c++) {
        t.column[c].schema.type = c == 0 ? PARQUET_INT64 : c == 1 ? PARQUET_STRING : PARQUET_UINT32;
        t.column[c].schema.bloom = true;
        for (uint32_t i = 0; i < t.rows; i++) {
            uint32_t v = 2 * below(&seed, 50000); /* even */
            t.column[c].integer[i] = v;
            t.column[c].text[i] = view_of(arena_printf(&t.arena, "%u", v));
        }
    }
    char *path = written(&t, 1000);
    for (size_t c = 0; c < 3; c++) {
        int64_t excluded = 0, groups = 0;
        for (int v = 1; v < 2000; v += 40) {
            char *sql = mem_printf("select count(*) filter (bloom_filter_excludes) * 1000 + count(*) from"
                                   " parquet_bloom_probe('%s', 'c%zu', %s%d%s)",
                                   path, c, c == 1 ? "'" : "", v, c == 1 ? "'" : "");
            int64_t n = duck_int(sql);
            excluded += n / 1000;
            groups += n % 1000;
            mem_free(sql);
        }
        assert_int_equal(groups, 20 * 50);
        assert_true(excluded > groups * 95 / 100);
    }
    forget(path);
    table_reset(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_bounds),        cmocka_unit_test(zero_nan_and_nothing),
        cmocka_unit_test(long_texts_bounds),     cmocka_unit_test(filters_lose_no_row),
        cmocka_unit_test(bloom_filters_exclude), cmocka_unit_test(negative_zero_is_plain),
    };
    return cmocka_run_group_tests(tests, duck_start, duck_stop);
}
