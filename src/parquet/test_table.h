/* For tests: a table in memory, written by the writer in any of its input forms, and compared value by value with what
 * DuckDB reads from the file. */
#ifndef LAKEFM_PARQUET_TEST_TABLE_H
#define LAKEFM_PARQUET_TEST_TABLE_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/test.h"
#include "parquet/parquet.h"

#include <duckdb.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* ---- random numbers: splitmix64 */

static UNUSED uint64_t rnd(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static UNUSED uint32_t below(uint64_t *seed, uint32_t n) { return (uint32_t)(rnd(seed) % n); }

/* ---- the model */

struct tcolumn {
    struct parquet_column schema;
    enum parquet_form form;
    int64_t *integer; /* [rows] of the column's kind only */
    double *real;
    struct view *text;
    uint8_t *valid; /* [rows] 0 or 1 */
    uint8_t cell_bytes;
    bool valid_bits, null_is_last; /* validity as bits; the null code is UINT32_MAX − 1 and not 0 */
};

struct table {
    struct arena arena;
    struct tcolumn *column;
    size_t columns;
    uint32_t rows;
};

static UNUSED void table_init(struct table *t, size_t columns, uint32_t rows)
{
    memset(t, 0, sizeof *t);
    arena_init(&t->arena);
    t->columns = columns;
    t->rows = rows;
    t->column = arena_zalloc(&t->arena, columns * sizeof *t->column);
    for (size_t c = 0; c < columns; c++) {
        struct tcolumn *k = t->column + c;
        k->schema.name = arena_printf(&t->arena, "c%zu", c);
        k->integer = arena_zalloc(&t->arena, (rows + 1) * sizeof *k->integer);
        k->real = arena_zalloc(&t->arena, (rows + 1) * sizeof *k->real);
        k->text = arena_zalloc(&t->arena, (rows + 1) * sizeof *k->text);
        k->valid = arena_alloc(&t->arena, rows + 1);
        memset(k->valid, 1, rows + 1);
    }
}

static UNUSED void table_reset(struct table *t) { arena_reset(&t->arena); }

static UNUSED bool same_value(const struct tcolumn *k, uint32_t a, uint32_t b)
{
    if (k->schema.type == PARQUET_STRING) return view_eq(k->text[a], k->text[b]);
    if (k->schema.type == PARQUET_DOUBLE) return !memcmp(k->real + a, k->real + b, sizeof *k->real);
    return k->integer[a] == k->integer[b];
}

static UNUSED uint64_t value_hash(const struct tcolumn *k, uint32_t row)
{
    if (k->schema.type == PARQUET_STRING) return hash_64(k->text[row].ptr, k->text[row].len, 1);
    return k->schema.type == PARQUET_DOUBLE ? hash_64(k->real + row, 8, 1) : hash_64(k->integer + row, 8, 1);
}

/* ---- model → inputs. The rows [from, from + n) in chunks of random sizes. */

struct inputs {
    struct arena arena;
    uint32_t chunk_rows[64];
    size_t chunks;
    struct parquet_input *input;
};

static UNUSED size_t natural_cell(enum parquet_type type)
{
    switch (type) {
    case PARQUET_BOOLEAN: return 1;
    case PARQUET_STRING: return sizeof(struct view);
    case PARQUET_INT64:
    case PARQUET_TIMESTAMP_MS:
    case PARQUET_DOUBLE: return 8;
    default: return 4;
    }
}

static UNUSED void put_cell(const struct tcolumn *k, uint32_t row, char *to)
{
    size_t bytes = k->cell_bytes ? k->cell_bytes : natural_cell(k->schema.type);
    if (k->schema.type == PARQUET_STRING)
        memcpy(to, k->text + row, sizeof(struct view));
    else if (k->schema.type == PARQUET_DOUBLE)
        memcpy(to, k->real + row, 8);
    else
        memcpy(to, k->integer + row, bytes); /* little-endian */
}

static UNUSED void cells_input(struct inputs *in, const struct tcolumn *k, uint32_t from, struct parquet_input *out)
{
    size_t bytes = k->cell_bytes ? k->cell_bytes : natural_cell(k->schema.type);
    const void **cells = arena_alloc(&in->arena, in->chunks * sizeof *cells);
    const uint8_t **valid = arena_alloc(&in->arena, in->chunks * sizeof *valid);
    for (size_t c = 0; c < in->chunks; from += in->chunk_rows[c++]) {
        uint32_t n = in->chunk_rows[c];
        char *to = arena_alloc(&in->arena, n * bytes + 1);
        uint8_t *v = arena_zalloc(&in->arena, n + 1);
        bool all = true;
        for (uint32_t i = 0; i < n; i++) {
            put_cell(k, from + i, to + i * bytes);
            if (k->valid_bits)
                v[i / 8] = (uint8_t)(v[i / 8] | k->valid[from + i] << i % 8);
            else
                v[i] = (uint8_t)(k->valid[from + i] * 7); /* any value but 0 */
            all &= k->valid[from + i];
        }
        cells[c] = to;
        valid[c] = all && n % 2 ? NULL : v;
    }
    out->cells = cells;
    out->cell_bytes = k->cell_bytes;
    out->valid = k->schema.required && from % 2 ? NULL : valid;
    out->valid_is_bits = k->valid_bits;
}

static UNUSED void dict_from_rows(struct inputs *in, const struct tcolumn *k, const uint32_t *row_of, uint32_t count,
                                  uint32_t first, struct parquet_dict *d)
{
    int64_t *integers = arena_zalloc(&in->arena, (count + 1) * sizeof *integers);
    double *reals = arena_zalloc(&in->arena, (count + 1) * sizeof *reals);
    struct view *texts = arena_zalloc(&in->arena, (count + 1) * sizeof *texts);
    uint32_t *offsets = arena_zalloc(&in->arena, (count + 1) * sizeof *offsets);
    uint32_t *lengths = arena_zalloc(&in->arena, (count + 1) * sizeof *lengths);
    struct buf all = {0};
    for (uint32_t c = first; c < count; c++) {
        integers[c] = k->integer[row_of[c]];
        reals[c] = k->real[row_of[c]];
        texts[c] = k->text[row_of[c]];
        offsets[c] = (uint32_t)all.len;
        lengths[c] = (uint32_t)texts[c].len;
        buf_add(&all, texts[c].ptr, texts[c].len);
    }
    d->count = count;
    d->distinct = true;
    if (k->schema.type == PARQUET_DOUBLE)
        d->reals = reals;
    else if (k->schema.type != PARQUET_STRING)
        d->integers = integers;
    else if (count % 2)
        d->texts = texts;
    else {
        d->arena = arena_strndup(&in->arena, all.ptr ? all.ptr : "", all.len);
        d->offsets = offsets;
        d->lengths = lengths;
    }
    buf_reset(&all);
}

/* A dictionary of the whole table's values, in an order of its own: the row group's will be another. */
static UNUSED void codes_input(struct inputs *in, const struct table *t, const struct tcolumn *k, uint32_t from,
                               struct parquet_input *out)
{
    uint32_t log2 = 4, count = k->null_is_last ? 0 : 1, first = count;
    while (1u << log2 < 2 * t->rows + 2) log2++;
    uint32_t *slot = arena_zalloc(&in->arena, sizeof *slot << log2),
             *row_of = arena_alloc(&in->arena, (t->rows + 1) * 4);
    uint32_t *code = arena_alloc(&in->arena, (t->rows + 1) * sizeof *code);
    row_of[0] = 0;
    for (uint32_t j = 0; j < t->rows; j++) {
        uint32_t i = t->rows - 1 - j;
        code[i] = k->null_is_last ? UINT32_MAX - 1 : 0;
        if (!k->valid[i]) continue;
        uint64_t at = value_hash(k, i) & ((1u << log2) - 1);
        while (slot[at] && !same_value(k, row_of[slot[at] - 1], i)) at = (at + 1) & ((1u << log2) - 1);
        if (!slot[at]) {
            row_of[count++] = i;
            slot[at] = count;
        }
        code[i] = slot[at] - 1;
    }
    struct parquet_dict *d = arena_zalloc(&in->arena, sizeof *d);
    dict_from_rows(in, k, row_of, count, first, d);
    const void **cells = arena_alloc(&in->arena, in->chunks * sizeof *cells);
    for (size_t c = 0; c < in->chunks; from += in->chunk_rows[c++]) {
        cells[c] = arena_alloc(&in->arena, in->chunk_rows[c] * sizeof *code);
        memcpy((void *)(uintptr_t)cells[c], code + from, in->chunk_rows[c] * sizeof *code);
    }
    out->cells = cells;
    out->dict = d;
    out->null_code = k->null_is_last ? UINT32_MAX - 1 : 0;
}

static UNUSED void inputs_init(struct inputs *in, const struct table *t, uint32_t from, uint32_t n, uint64_t *seed)
{
    arena_init(&in->arena);
    in->chunks = 0;
    uint32_t left = n;
    while (left && in->chunks < 40) {
        uint32_t take = below(seed, 4) ? 1 + below(seed, left) : left;
        in->chunk_rows[in->chunks++] = take;
        left -= take;
        if (!below(seed, 8)) in->chunk_rows[in->chunks++] = 0;
    }
    if (left) in->chunk_rows[in->chunks++] = left;
    in->input = arena_zalloc(&in->arena, t->columns * sizeof *in->input);
    for (size_t c = 0; c < t->columns; c++) {
        const struct tcolumn *k = t->column + c;
        struct parquet_input *out = in->input + c;
        out->form = k->form;
        if (k->form == PARQUET_CELLS) cells_input(in, k, from, out);
        if (k->form == PARQUET_CODES) codes_input(in, t, k, from, out);
        if (k->form == PARQUET_CONSTANT) {
            out->null = !k->valid[from];
            out->integer = k->integer[from];
            out->real = k->real[from];
            out->text = k->text[from];
        }
    }
}

static UNUSED struct parquet_column *table_schema(const struct table *t)
{
    struct parquet_column *columns = mem_array(t->columns, sizeof *columns);
    for (size_t c = 0; c < t->columns; c++) columns[c] = t->column[c].schema;
    return columns;
}

static UNUSED void table_append(const struct table *t, struct parquet_file *f, struct parquet_encoder *en,
                                uint32_t from, uint32_t n, uint64_t *seed)
{
    struct error e;
    struct inputs in;
    inputs_init(&in, t, from, n, seed);
    struct parquet_rows rows = {in.chunk_rows, in.chunks, in.input};
    assert_ok(parquet_encode(en, f, &rows, &e), &e);
    arena_reset(&in.arena);
    assert_ok(parquet_file_append(f, en, &e), &e);
}

/* Into memory, in row groups of `group` rows. */
static UNUSED void table_write(const struct table *t, const struct parquet_options *o, uint32_t group, uint64_t seed,
                               bool portable, struct buf *out, struct parquet_summary *summary)
{
    struct error e;
    struct parquet_file *f;
    struct parquet_column *columns = table_schema(t);
    struct parquet_encoder *en = parquet_encoder_new();
    parquet_encoder_set_portable(en, portable);
    assert_ok(parquet_file_new_memory(columns, t->columns, o, out, &f, &e), &e);
    for (uint32_t from = 0; from < t->rows; from += group)
        table_append(t, f, en, from, t->rows - from < group ? t->rows - from : group, &seed);
    assert_ok(parquet_file_finish(f, summary, &e), &e);
    parquet_file_free(&f);
    parquet_encoder_free(&en);
    mem_free(columns);
}

/* ---- files and DuckDB */

static char test_dir[] = "/tmp/lakefm-parquet-XXXXXX";
static duckdb_database test_db;
static duckdb_connection test_con;

static UNUSED int duck_start(void **state)
{
    (void)state;
    if (!mkdtemp(test_dir)) return -1;
    if (duckdb_open(NULL, &test_db) != DuckDBSuccess || duckdb_connect(test_db, &test_con) != DuckDBSuccess) return -1;
    duckdb_result r;
    int rc = duckdb_query(test_con, "set threads = 1", &r) == DuckDBSuccess ? 0 : -1;
    duckdb_destroy_result(&r);
    return rc;
}

static UNUSED int duck_stop(void **state)
{
    (void)state;
    duckdb_disconnect(&test_con);
    duckdb_close(&test_db);
    return rmdir(test_dir);
}

/* Each time under another name: DuckDB remembers what it has read of a file. */
static UNUSED char *save(const struct buf *bytes)
{
    static int number;
    char *path = mem_printf("%s/t%d.parquet", test_dir, number++);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, file), bytes->len);
    fclose(file);
    return path;
}

static UNUSED void duck_query(const char *sql, duckdb_result *r)
{
    if (duckdb_query(test_con, sql, r) == DuckDBSuccess) return;
    print_error("%s\n%s\n", sql, duckdb_result_error(r));
    fail();
}

/* The first value of the first row, as an integer; −1 for NULL. */
static UNUSED int64_t duck_int(const char *sql)
{
    duckdb_result r;
    duck_query(sql, &r);
    assert_true(duckdb_row_count(&r) > 0);
    int64_t v = duckdb_value_is_null(&r, 0, 0) ? -1 : duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return v;
}

/* The same as text, owned by the caller; "NULL" for NULL. */
static UNUSED char *duck_text(const char *sql)
{
    duckdb_result r;
    duck_query(sql, &r);
    assert_true(duckdb_row_count(&r) > 0);
    char *text = duckdb_value_varchar(&r, 0, 0), *out = mem_strdup(text ? text : "NULL");
    duckdb_free(text);
    duckdb_destroy_result(&r);
    return out;
}

static UNUSED duckdb_type duck_type(enum parquet_type type)
{
    static const duckdb_type types[] = {
        [PARQUET_BOOLEAN] = DUCKDB_TYPE_BOOLEAN, [PARQUET_INT8] = DUCKDB_TYPE_TINYINT,
        [PARQUET_INT16] = DUCKDB_TYPE_SMALLINT,  [PARQUET_INT32] = DUCKDB_TYPE_INTEGER,
        [PARQUET_UINT8] = DUCKDB_TYPE_UTINYINT,  [PARQUET_UINT16] = DUCKDB_TYPE_USMALLINT,
        [PARQUET_UINT32] = DUCKDB_TYPE_UINTEGER, [PARQUET_DATE] = DUCKDB_TYPE_DATE,
        [PARQUET_INT64] = DUCKDB_TYPE_BIGINT,    [PARQUET_TIMESTAMP_MS] = DUCKDB_TYPE_TIMESTAMP,
        [PARQUET_DOUBLE] = DUCKDB_TYPE_DOUBLE,   [PARQUET_STRING] = DUCKDB_TYPE_VARCHAR,
    };
    return types[type];
}

static UNUSED int64_t duck_integer_at(enum parquet_type type, const void *data, uint64_t i)
{
    switch (type) {
    case PARQUET_BOOLEAN: return ((const bool *)data)[i];
    case PARQUET_INT8: return ((const int8_t *)data)[i];
    case PARQUET_INT16: return ((const int16_t *)data)[i];
    case PARQUET_UINT8: return ((const uint8_t *)data)[i];
    case PARQUET_UINT16: return ((const uint16_t *)data)[i];
    case PARQUET_UINT32: return ((const uint32_t *)data)[i];
    case PARQUET_INT32:
    case PARQUET_DATE: return ((const int32_t *)data)[i];
    case PARQUET_TIMESTAMP_MS: return ((const int64_t *)data)[i] / 1000; /* DuckDB's are microseconds */
    default: return ((const int64_t *)data)[i];
    }
}

static UNUSED bool same_as_duck(const struct tcolumn *k, uint32_t row, const void *data, uint64_t i)
{
    if (k->schema.type == PARQUET_STRING) {
        duckdb_string_t s = ((const duckdb_string_t *)data)[i];
        return view_eq(view_from(duckdb_string_t_data(&s), duckdb_string_t_length(s)), k->text[row]);
    }
    if (k->schema.type == PARQUET_DOUBLE) return !memcmp((const double *)data + i, k->real + row, sizeof(double));
    int64_t want = k->schema.type == PARQUET_BOOLEAN ? k->integer[row] != 0 : k->integer[row];
    return duck_integer_at(k->schema.type, data, i) == want;
}

/* Reads the file by DuckDB: every type, every null, every value, in order. */
static UNUSED void table_check(const struct table *t, const char *path)
{
    duckdb_result r;
    char *sql = mem_printf("select * from read_parquet('%s')", path);
    duck_query(sql, &r);
    mem_free(sql);
    assert_int_equal(duckdb_column_count(&r), t->columns);
    for (size_t c = 0; c < t->columns; c++) {
        assert_int_equal(duckdb_column_type(&r, c), duck_type(t->column[c].schema.type));
        assert_string_equal(duckdb_column_name(&r, c), t->column[c].schema.name);
    }
    uint32_t row = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(r)); duckdb_destroy_data_chunk(&chunk)) {
        uint32_t n = (uint32_t)duckdb_data_chunk_get_size(chunk);
        assert_true(n <= t->rows - row);
        for (size_t c = 0; c < t->columns; c++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
            uint64_t *validity = duckdb_vector_get_validity(vector);
            const void *data = duckdb_vector_get_data(vector);
            const struct tcolumn *k = t->column + c;
            for (uint32_t i = 0; i < n; i++) {
                bool valid = !validity || duckdb_validity_row_is_valid(validity, i);
                if (valid == k->valid[row + i] && (!valid || same_as_duck(k, row + i, data, i))) continue;
                fail_msg("column %zu (type %d, form %d), row %u of %u differs: valid %d, wanted %d", c,
                         (int)k->schema.type, (int)k->form, row + i, t->rows, valid, k->valid[row + i]);
            }
        }
        row += n;
    }
    assert_int_equal(row, t->rows);
    duckdb_destroy_result(&r);
}

#endif
