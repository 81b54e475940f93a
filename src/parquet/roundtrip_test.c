#include "parquet/test_table.h"

/* Tables of every shape, written and read back by DuckDB. */

enum { TYPES = PARQUET_STRING + 1 };
static const int64_t least[TYPES] = {0, INT8_MIN, INT16_MIN, INT32_MIN, 0, 0, 0, -1000000, INT64_MIN, -60000000000000};
static const int64_t most[TYPES] = {1,          INT8_MAX,   INT16_MAX, INT32_MAX, UINT8_MAX,
                                    UINT16_MAX, UINT32_MAX, 1000000,   INT64_MAX, 60000000000000};

static void roundtrip(const struct table *t, uint32_t group, uint64_t seed)
{
    static const struct parquet_options options[] = {{0}, {.codec = PARQUET_UNCOMPRESSED}, {.level = 7}};
    for (size_t o = 0; o < 3; o++) {
        struct buf bytes = {0}, again = {0};
        struct parquet_summary s, s2;
        table_write(t, options + o, group, seed, false, &bytes, &s);
        table_write(t, options + o, group, seed, true, &again, &s2);
        assert_int_equal(bytes.len, again.len); /* AVX2 and portable code write the same bytes */
        assert_memory_equal(bytes.ptr, again.ptr, bytes.len);
        assert_int_equal(s.bytes, bytes.len);
        assert_int_equal(s.rows, t->rows);
        assert_true(hash_eq(s.hash, hash_128(bytes.ptr, bytes.len)));
        char *path = save(&bytes);
        table_check(t, path);
        unlink(path);
        mem_free(path);
        buf_reset(&bytes);
        buf_reset(&again);
    }
}

static struct view text_of(struct arena *a, uint64_t v)
{
    const char *s = v % 3 ? arena_printf(a, "%llu", (unsigned long long)v)
                          : arena_printf(a, "Sigur Rós – Hoppípolla №%llx", (unsigned long long)v);
    return view_of(s);
}

static void set_value(struct table *t, struct tcolumn *k, uint32_t row, uint64_t v)
{
    enum parquet_type type = k->schema.type;
    if (type == PARQUET_STRING) {
        k->text[row] = v ? text_of(&t->arena, v) : view_of("");
    } else if (type == PARQUET_DOUBLE) {
        if (v >> 63)
            memcpy(k->real + row, &v, sizeof v); /* any bits: NaN, infinities, subnormals */
        else
            k->real[row] = (double)v / 1000;
    } else {
        uint64_t span = (uint64_t)most[type] - (uint64_t)least[type];
        uint64_t in = span == UINT64_MAX ? v : v % (span + 1);
        k->integer[row] = (int64_t)((uint64_t)least[type] + in);
    }
}

enum pattern { EQUAL, FEW, RISING, ANY, RUNS, MANY, EXTREMES, PATTERNS };

static uint64_t pattern_value(enum pattern p, uint32_t row, uint32_t rows, uint64_t *seed, uint64_t base,
                              uint64_t before)
{
    switch (p) {
    case EQUAL: return base;
    case FEW: return base + below(seed, 7);
    case RISING: return before + below(seed, 50);
    case RUNS: return below(seed, 40) ? before : rnd(seed);
    case MANY: return base + below(seed, rows / 8 + 1);
    case EXTREMES: return row % 2 ? 0 : UINT64_MAX >> below(seed, 3);
    default: return rnd(seed);
    }
}

static void fill(struct table *t, size_t c, enum pattern p, unsigned null_in_8, uint64_t *seed)
{
    struct tcolumn *k = t->column + c;
    uint64_t base = rnd(seed) >> below(seed, 40), v = base;
    bool clustered = below(seed, 2);
    uint8_t valid = below(seed, 8) >= null_in_8;
    for (uint32_t i = 0; i < t->rows; i++) {
        v = pattern_value(p, i, t->rows, seed, base, v);
        set_value(t, k, i, v);
        if (!clustered || !below(seed, 60)) valid = below(seed, 8) >= null_in_8;
        k->valid[i] = k->schema.required || null_in_8 == 0 || valid;
    }
}

static void set_form(struct tcolumn *k, uint32_t rows, uint64_t *seed)
{
    bool equal = true;
    for (uint32_t i = 1; i < rows && equal; i++)
        equal = k->valid[i] == k->valid[0] && (!k->valid[0] || same_value(k, 0, i));
    k->form = equal && below(seed, 2) ? PARQUET_CONSTANT : below(seed, 2) ? PARQUET_CODES : PARQUET_CELLS;
    k->null_is_last = below(seed, 2);
    k->valid_bits = below(seed, 2);
    static const uint8_t fits[TYPES] = {1, 1, 2, 4, 1, 2, 4, 4, 8, 8, 8, 0};
    bool integer = k->schema.type != PARQUET_BOOLEAN && k->schema.type < PARQUET_DOUBLE;
    k->cell_bytes = integer ? fits[k->schema.type] : 0;
    if (integer && k->cell_bytes < 8 && below(seed, 2)) k->cell_bytes *= 2;
    if (below(seed, 2)) k->cell_bytes = 0;
}

static void random_table(struct table *t, uint32_t rows, uint64_t *seed)
{
    table_init(t, 1 + below(seed, 12), rows);
    for (size_t c = 0; c < t->columns; c++) {
        struct tcolumn *k = t->column + c;
        k->schema.type = (enum parquet_type)below(seed, TYPES);
        k->schema.required = below(seed, 2);
        k->schema.bloom = k->schema.type != PARQUET_BOOLEAN && k->schema.type != PARQUET_DOUBLE && !below(seed, 4);
        static const unsigned nulls[] = {0, 0, 1, 4, 7, 8};
        fill(t, c, (enum pattern)below(seed, PATTERNS), nulls[below(seed, 6)], seed);
        set_form(k, rows, seed);
    }
}

static void random_tables(void **state)
{
    (void)state;
    const char *given = getenv("LAKEFM_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : clock_mono_ns();
    for (int i = 0; i < 60; i++) {
        uint64_t start = seed;
        print_message("LAKEFM_TEST_SEED=%llu\n", (unsigned long long)start);
        static const uint32_t sizes[] = {3, 40, 1000, 9000, 40000};
        struct table t;
        random_table(&t, below(&seed, sizes[below(&seed, 5)]), &seed);
        roundtrip(&t, 1 + below(&seed, 30000), seed);
        table_reset(&t);
        if (given) break;
    }
}

/* Every type with every pattern, with and without nulls, as cells and as codes. */
static void every_type_and_pattern(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (enum pattern p = EQUAL; p < PATTERNS; p++)
        for (unsigned nulls = 0; nulls <= 8; nulls += 4) {
            struct table t;
            table_init(&t, 2 * TYPES, 5000);
            for (size_t c = 0; c < t.columns; c++) {
                t.column[c].schema.type = (enum parquet_type)(c / 2);
                t.column[c].form = c % 2 ? PARQUET_CODES : PARQUET_CELLS;
                fill(&t, c, p, nulls, &seed);
            }
            roundtrip(&t, 3000, seed);
            table_reset(&t);
        }
}

static void few_rows(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (uint32_t rows = 0; rows < 20; rows++) {
        struct table t;
        table_init(&t, 3 * TYPES, rows);
        for (size_t c = 0; c < t.columns; c++) {
            t.column[c].schema.type = (enum parquet_type)(c / 3);
            t.column[c].form = c % 3 == 1 ? PARQUET_CODES : c % 3 ? PARQUET_CONSTANT : PARQUET_CELLS;
            fill(&t, c, c % 3 == 2 ? EQUAL : ANY, c % 3 == 2 ? (rows % 2) * 8 : 4, &seed);
        }
        roundtrip(&t, 7, seed);
        table_reset(&t);
    }
}

/* More than one page in a row group, at its largest; and a single null in it. */
static void a_full_row_group(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct table t;
    table_init(&t, TYPES + 3, PARQUET_ROWS_MAX);
    for (size_t c = 0; c < t.columns; c++) {
        struct tcolumn *k = t.column + c;
        k->schema.type = c < TYPES ? (enum parquet_type)c : PARQUET_STRING;
        k->form = c % 2 ? PARQUET_CODES : PARQUET_CELLS;
        fill(&t, c, c == TYPES ? ANY : c == TYPES + 1 ? MANY : (enum pattern)(c % EXTREMES), 0, &seed);
        k->valid[c * 1000] = 0;
    }
    roundtrip(&t, PARQUET_ROWS_MAX, seed);
    table_reset(&t);
}

static void huge_texts(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 2, 40);
    for (size_t c = 0; c < 2; c++) {
        t.column[c].schema.type = PARQUET_STRING;
        t.column[c].form = c ? PARQUET_CODES : PARQUET_CELLS;
        for (uint32_t i = 0; i < t.rows; i++) {
            size_t len = i % 5 ? i : 300000u * (i / 5 + 1);
            char *text = arena_alloc(&t.arena, len + 1);
            memset(text, 'a' + (int)(i % 26), len);
            t.column[c].text[i] = view_from(text, len);
            t.column[c].valid[i] = i % 7 != 3;
        }
    }
    roundtrip(&t, 100, 4);
    table_reset(&t);
}

/* A single null in a large row group costs some bytes, not a bit for every row. */
static void one_null_is_cheap(void **state)
{
    (void)state;
    size_t bytes[2];
    for (uint32_t with = 0; with < 2; with++) {
        struct table t;
        struct buf out = {0};
        struct parquet_summary s;
        table_init(&t, 1, 200000);
        t.column[0].schema.type = PARQUET_INT32;
        t.column[0].valid[77777] = !with;
        table_write(&t, &(struct parquet_options){.codec = PARQUET_UNCOMPRESSED}, t.rows, 1, false, &out, &s);
        bytes[with] = out.len;
        buf_reset(&out);
        table_reset(&t);
    }
    assert_in_range(bytes[1], bytes[0], bytes[0] + 32);
}

/* What chunk of code column repeats is small, and cells that are many stay near their own size. */
static void encodings_are_chosen_by_size(void **state)
{
    (void)state;
    enum { ROWS = 100000 };
    uint64_t seed = 9;
    struct table t;
    struct buf out = {0};
    struct parquet_summary s;
    table_init(&t, 5, ROWS);
    static const enum parquet_type types[] = {PARQUET_INT64, PARQUET_INT64, PARQUET_STRING, PARQUET_INT64,
                                              PARQUET_DOUBLE};
    for (size_t c = 0; c < 5; c++) t.column[c].schema.type = types[c];
    for (uint32_t i = 0; i < ROWS; i++) {
        t.column[0].integer[i] = 1762000000000 + i * 250 + below(&seed, 200); /* a clock */
        t.column[1].integer[i] = (int64_t)(1 + below(&seed, 900)) * 1000003;  /* ids that repeat */
        t.column[2].text[i] = view_of(arena_printf(&t.arena, "%08x", below(&seed, UINT32_MAX)));
        t.column[3].integer[i] = (int64_t)rnd(&seed);
        t.column[4].real[i] = (double)below(&seed, 300) / 7;
    }
    table_write(&t, &(struct parquet_options){0}, ROWS, 1, false, &out, &s);
    char *path = save(&out);
    static const char *const want[] = {"DELTA_BINARY_PACKED", "RLE_DICTIONARY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN",
                                       "RLE_DICTIONARY"};
    for (size_t c = 0; c < 5; c++) {
        char *sql = mem_printf("select encodings from parquet_metadata('%s') where column_id = %zu", path, c);
        char *got = duck_text(sql);
        if (!strstr(got, want[c])) fail_msg("column %zu: %s and not %s", c, got, want[c]);
        mem_free(got);
        mem_free(sql);
    }
    unlink(path);
    mem_free(path);
    buf_reset(&out);
    table_reset(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_rows),
        cmocka_unit_test(every_type_and_pattern),
        cmocka_unit_test(random_tables),
        cmocka_unit_test(a_full_row_group),
        cmocka_unit_test(huge_texts),
        cmocka_unit_test(one_null_is_cheap),
        cmocka_unit_test(encodings_are_chosen_by_size),
    };
    return cmocka_run_group_tests(tests, duck_start, duck_stop);
}
