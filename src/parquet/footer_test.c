#include "parquet/test_table.h"
#include "parquet/thrift.h"

static void make_file(struct buf *out, uint32_t rows, uint32_t group, struct parquet_summary *s)
{
    struct table t;
    table_init(&t, 4, rows);
    t.column[0].schema.type = PARQUET_INT64;
    t.column[0].schema.bloom = true;
    t.column[1].schema.type = PARQUET_STRING;
    t.column[2].schema.type = PARQUET_DOUBLE;
    t.column[3].schema.type = PARQUET_UINT8;
    for (uint32_t i = 0; i < rows; i++) {
        t.column[0].integer[i] = i * 7;
        t.column[1].text[i] = view_of(i % 3 ? "x" : "yy");
        t.column[1].valid[i] = i % 5 != 0;
        t.column[2].real[i] = i;
    }
    struct parquet_pair pair = {view_of("lakefm.batch"), view_of("17")};
    table_write(&t, &(struct parquet_options){.pairs = &pair, .pair_count = 1}, group, 1, false, out, s);
    table_reset(&t);
}

static void says_what_the_file_holds(void **state)
{
    (void)state;
    static const uint32_t rows[] = {0, 1, 999, 1000, 1001};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf file = {0};
        struct parquet_summary s;
        struct parquet_footer f;
        struct error e;
        make_file(&file, rows[i], 500, &s);
        char *path = save(&file);
        assert_ok(parquet_footer_read(path, &f, &e), &e);
        assert_int_equal(f.rows, rows[i]);
        assert_int_equal(f.row_groups, (rows[i] + 499) / 500);
        assert_int_equal(f.row_groups, s.row_groups);
        assert_int_equal(f.columns, 4);
        assert_int_equal(f.data_end + f.footer_bytes + 8, file.len); /* no byte that nothing names */
        assert_string_equal(f.created_by, "lakefm version " LAKEFM_VERSION);
        unlink(path);
        mem_free(path);
        buf_reset(&file);
    }
}

static void asks_for_more(void **state)
{
    (void)state;
    struct buf file = {0};
    struct parquet_summary s;
    struct parquet_footer f;
    size_t need;
    make_file(&file, 3000, 100, &s);
    const char *end = file.ptr + file.len;
    assert_int_equal(parquet_footer_parse(end, 0, file.len, &need, &f, NULL), ERR_MORE);
    assert_int_equal(need, 8);
    assert_int_equal(parquet_footer_parse(end - 8, 8, file.len, &need, &f, NULL), ERR_MORE);
    size_t whole = need;
    assert_int_equal(parquet_footer_parse(end - whole + 1, whole - 1, file.len, &need, &f, NULL), ERR_MORE);
    assert_int_equal(parquet_footer_parse(end - whole, whole, file.len, &need, &f, NULL), ERR_OK);
    assert_int_equal(f.rows, 3000);
    buf_reset(&file);
}

static void refuses_what_is_not_whole(void **state)
{
    (void)state;
    struct buf file = {0};
    struct parquet_summary s;
    struct parquet_footer f;
    struct error e;
    size_t need;
    make_file(&file, 3000, 1000, &s);
    for (size_t cut = 1; cut < file.len; cut += 1 + cut / 9)
        assert_int_equal(parquet_footer_parse(file.ptr, file.len - cut, file.len - cut, &need, &f, &e), ERR_CORRUPT);
    /* Bytes missing in the middle: the footer names chunks beyond the data. */
    assert_int_equal(parquet_footer_parse(file.ptr + 1000, file.len - 1000, file.len - 1000, &need, &f, &e),
                     ERR_CORRUPT);
    buf_reset(&file);
    assert_int_equal(parquet_footer_read("/nonexistent/x.parquet", &f, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.what, "/nonexistent/x.parquet"));
}

/* Overwrites the last byte of the first field (i64, the id after the one before) with this value. */
static void patch(struct buf *file, uint8_t low, uint8_t high, uint8_t instead)
{
    const uint8_t want[] = {0x16, low, high};
    char *at = memmem(file->ptr, file->len, want, sizeof want);
    assert_non_null(at);
    at[2] = (char)instead;
}

static void refuses_numbers_that_contradict(void **state)
{
    (void)state;
    struct buf file = {0};
    struct parquet_summary s;
    struct parquet_footer f;
    struct error e;
    size_t need;
    make_file(&file, 3000, 1000, &s);
    patch(&file, 0xF0, 0x2E, 0x2F); /* the file's rows: zigzag varint of 3000 → 3064 */
    assert_int_equal(parquet_footer_parse(file.ptr, file.len, file.len, &need, &f, &e), ERR_CORRUPT);
    assert_string_equal(e.what, "Parquet footer says 3064 rows, its row groups 3000");
    patch(&file, 0xF0, 0x2F, 0x2E);
    assert_ok(parquet_footer_parse(file.ptr, file.len, file.len, &need, &f, &e), &e);
    patch(&file, 0xD0, 0x0F, 0x10); /* values of a column or rows of a row group: 1000 → 1064 */
    assert_int_equal(parquet_footer_parse(file.ptr, file.len, file.len, &need, &f, &e), ERR_CORRUPT);
    buf_reset(&file);
}

/* Any bytes: no crash (sanitizers watch), and what is accepted is within the file. */
static void survives_any_bytes(void **state)
{
    (void)state;
    const char *given = getenv("LAKEFM_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : clock_mono_ns();
    print_message("LAKEFM_TEST_SEED=%llu\n", (unsigned long long)seed);
    struct buf file = {0};
    struct parquet_summary s;
    struct parquet_footer f;
    size_t need;
    make_file(&file, 700, 100, &s);
    uint32_t footer;
    memcpy(&footer, file.ptr + file.len - 8, 4);
    int accepted = 0;
    for (int round = 0; round < 40000; round++) {
        char *copy = mem_alloc(footer + 8); /* its own block, so that a sanitizer sees a read beside it */
        memcpy(copy, file.ptr + file.len - 8 - footer, footer + 8);
        for (uint32_t n = 1 + below(&seed, 4); n; n--) {
            uint32_t at = below(&seed, footer);
            if (below(&seed, 2))
                copy[at] = (char)rnd(&seed);
            else
                copy[at] = (char)(copy[at] ^ 1 << below(&seed, 8));
        }
        enum err rc = parquet_footer_parse(copy, footer + 8, file.len, &need, &f, NULL);
        assert_true(rc == ERR_OK || rc == ERR_CORRUPT);
        if (rc == ERR_OK) assert_true(f.data_end <= file.len - 8 - footer);
        accepted += rc == ERR_OK; /* a change of a name or of a bound is not seen */
        mem_free(copy);
    }
    assert_true(accepted > 0);
    for (int round = 0; round < 40000; round++) { /* noise, with a true trailer */
        uint32_t n = below(&seed, 200);
        char *copy = mem_alloc(n + 8);
        for (uint32_t i = 0; i < n; i++) copy[i] = (char)(below(&seed, 2) ? rnd(&seed) & 0x3F : rnd(&seed));
        memcpy(copy + n, &n, 4);
        memcpy(copy + n + 4, "PAR1", 4);
        enum err rc = parquet_footer_parse(copy, n + 8, n + 1000, &need, &f, NULL);
        assert_true(rc == ERR_OK || rc == ERR_CORRUPT);
        mem_free(copy);
    }
    buf_reset(&file);
}

/* Structs nested as deep as one likes, lists that claim more than there is. */
static void thrift_reader_is_bounded(void **state)
{
    (void)state;
    char deep[5000];
    memset(deep, 0x1C, sizeof deep); /* field 1: a struct, in it field 1: a struct … */
    struct thrift_reader r = {(const uint8_t *)deep, (const uint8_t *)deep + sizeof deep, false};
    thrift_skip(&r, THRIFT_STRUCT);
    assert_true(r.bad);
    memset(deep, 0x19, sizeof deep); /* lists of lists */
    r = (struct thrift_reader){(const uint8_t *)deep, (const uint8_t *)deep + sizeof deep, false};
    thrift_skip(&r, THRIFT_LIST);
    assert_true(r.bad);
    static const uint8_t much[] = {0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0};
    enum thrift_type item;
    r = (struct thrift_reader){much, much + sizeof much, false};
    assert_int_equal(thrift_read_list(&r, &item), 0);
    assert_true(r.bad);
}

static void thrift_reads_what_it_writes(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, -1, 63, -64, 64, INT32_MAX, INT64_MAX, INT64_MIN};
    struct buf out = {0};
    struct thrift_writer w = {.out = &out};
    for (int i = 0; i < 9; i++) thrift_i64(&w, 1 + 20 * i, values[i]); /* ids far apart: the long form */
    thrift_bool(&w, 200, true);
    thrift_list(&w, 201, THRIFT_I32, 40);
    for (int i = 0; i < 40; i++) thrift_item_i32(&w, -i);
    thrift_open(&w, 202);
    thrift_text(&w, 1, view_of("inside"));
    thrift_close(&w);
    thrift_text(&w, 203, view_of("after"));
    thrift_close(&w);

    struct thrift_reader r = {(const uint8_t *)out.ptr, (const uint8_t *)out.ptr + out.len, false};
    enum thrift_type type;
    int id = 0;
    for (int i = 0; i < 9; i++) {
        assert_true(thrift_next(&r, &id, &type));
        assert_int_equal(id, 1 + 20 * i);
        assert_true(thrift_read_int(&r) == values[i]);
    }
    while (thrift_next(&r, &id, &type) && id < 203) thrift_skip(&r, type);
    assert_int_equal(id, 203);
    assert_true(view_is(thrift_read_text(&r), "after"));
    assert_false(thrift_next(&r, &id, &type));
    assert_true(!r.bad && r.at == r.end);
    buf_reset(&out);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(test_dir) ? 0 : -1;
}
static int remove_dir(void **state)
{
    (void)state;
    return rmdir(test_dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thrift_reads_what_it_writes),
        cmocka_unit_test(thrift_reader_is_bounded),
        cmocka_unit_test(says_what_the_file_holds),
        cmocka_unit_test(asks_for_more),
        cmocka_unit_test(refuses_numbers_that_contradict),
        cmocka_unit_test(refuses_what_is_not_whole),
        cmocka_unit_test(survives_any_bytes),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
