#include "parquet/test_table.h"

#include <pthread.h>
#include <signal.h>

/* The file object: threads, errors, bad schemas, contract breaches. */

static const struct parquet_column two[] = {{.name = "id", .type = PARQUET_INT64, .required = true, .bloom = true},
                                            {.name = "t", .type = PARQUET_STRING}};

static struct parquet_rows rows_of(const struct parquet_input *inputs, const uint32_t *n)
{
    return (struct parquet_rows){n, 1, inputs};
}

/* ---- many threads, one file */

enum { THREADS = 4, GROUPS = 12, ROWS = 1500 };

struct worker {
    struct parquet_file *file;
    int number;
    bool failed;
};

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct parquet_encoder *en = parquet_encoder_new();
    static const char *const words[] = {NULL, "one", "two", "three"};
    struct view texts[4] = {{0}};
    for (int i = 1; i < 4; i++) texts[i] = view_of(words[i]);
    struct parquet_dict dict = {.count = 4, .texts = texts};
    for (int g = 0; g < GROUPS && !w->failed; g++) {
        int64_t id[ROWS];
        uint32_t code[ROWS], n = ROWS;
        for (int i = 0; i < ROWS; i++) {
            id[i] = ((int64_t)w->number * GROUPS + g) * ROWS + i;
            code[i] = (uint32_t)id[i] % 4;
        }
        const void *id_cells = id, *code_cells = code;
        struct parquet_input in[2] = {{.cells = &id_cells},
                                      {.form = PARQUET_CODES, .cells = &code_cells, .dict = &dict}};
        struct parquet_rows rows = rows_of(in, &n);
        w->failed =
            parquet_encode(en, w->file, &rows, NULL) != ERR_OK || parquet_file_append(w->file, en, NULL) != ERR_OK;
    }
    parquet_encoder_free(&en);
    return NULL;
}

static void threads_append_to_one_file(void **state)
{
    (void)state;
    struct error e;
    struct parquet_file *f;
    struct parquet_summary s;
    char *path = mem_printf("%s/threads.parquet", test_dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_ok(parquet_file_new(two, 2, &(struct parquet_options){.sync = true}, fd, path, &f, &e), &e);
    struct worker worker[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){f, i, false};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_false(worker[i].failed);
    }
    assert_ok(parquet_file_finish(f, &s, &e), &e);
    parquet_file_free(&f);
    close(fd);

    enum { ALL = THREADS * GROUPS * ROWS };
    struct hash128 hash;
    uint64_t bytes;
    struct parquet_footer footer;
    assert_ok(hash_file(path, &hash, &bytes, &e), &e);
    assert_true(hash_eq(hash, s.hash));
    assert_int_equal(bytes, s.bytes);
    assert_int_equal(s.rows, ALL);
    assert_int_equal(s.row_groups, THREADS * GROUPS);
    assert_ok(parquet_footer_read(path, &footer, &e), &e);
    assert_int_equal(footer.rows, ALL);
    char *sql =
        mem_printf("select count(distinct id) * 1000003 + max(id) - min(id) + count(*) filter (t is not distinct from"
                   " ['one', 'two', 'three'][id %% 4]) from '%s'",
                   path);
    assert_int_equal(duck_int(sql), (int64_t)ALL * 1000003 + ALL - 1 + ALL);
    mem_free(sql);
    unlink(path);
    mem_free(path);
}

/* ---- errors */

static void bad_schemas_are_refused(void **state)
{
    (void)state;
    struct error e;
    struct parquet_file *f = NULL;
    struct buf out = {0};
    struct parquet_options o = {0}, bad_level = {.level = 99};
    struct parquet_column twice[] = {{.name = "a", .type = PARQUET_INT32}, {.name = "a", .type = PARQUET_INT64}},
                          empty[] = {{.name = "", .type = PARQUET_INT32}},
                          bloom[] = {{.name = "x", .type = PARQUET_DOUBLE, .bloom = true}},
                          fine[] = {{.name = "x", .type = PARQUET_DOUBLE}};
    assert_int_equal(parquet_file_new_memory(fine, 0, &o, &out, &f, &e), ERR_USAGE);
    assert_int_equal(parquet_file_new_memory(twice, 2, &o, &out, &f, &e), ERR_USAGE);
    assert_string_equal(e.what, "two Parquet columns named a");
    assert_int_equal(parquet_file_new_memory(empty, 1, &o, &out, &f, &e), ERR_USAGE);
    assert_int_equal(parquet_file_new_memory(bloom, 1, &o, &out, &f, &e), ERR_USAGE);
    assert_int_equal(parquet_file_new_memory(fine, 1, &bad_level, &out, &f, &e), ERR_USAGE);
    assert_null(f);
    assert_int_equal(out.len, 0);
}

/* Encodes one column of cells of its own kind; returns what parquet_encode says. */
static enum err try_column(struct parquet_column column, const struct parquet_input *in, uint32_t n, struct error *e)
{
    struct buf out = {0};
    struct parquet_file *f;
    struct parquet_encoder *en = parquet_encoder_new();
    assert_ok(parquet_file_new_memory(&column, 1, &(struct parquet_options){0}, &out, &f, e), e);
    struct parquet_rows rows = rows_of(in, &n);
    enum err rc = parquet_encode(en, f, &rows, e);
    if (rc != ERR_OK) { /* nothing was written, and the encoder says so */
        assert_int_equal(parquet_encoded_bytes(en), 0);
        assert_int_equal(parquet_file_append(f, en, NULL), ERR_INTERNAL);
        assert_int_equal(out.len, 4);
    }
    parquet_file_free(&f);
    parquet_encoder_free(&en);
    buf_reset(&out);
    return rc;
}

static void breaches_of_contract_are_named(void **state)
{
    (void)state;
    struct error e;
    static const uint8_t valid[] = {1, 0, 1};
    static const uint32_t codes[] = {1, 2, 3}, cells[] = {1, 256, 3};
    static const int64_t wide[] = {-1, 0, 1}, numbers[] = {5, -300, 70000};
    const void *code_cells = codes, *small = cells, *signed_cells = wide;
    const uint8_t *bytes = valid;
    struct parquet_dict dict = {.count = 3, .integers = numbers};
    struct parquet_input in = {.cells = &small, .valid = &bytes};

    assert_int_equal(
        try_column((struct parquet_column){.name = "a", .type = PARQUET_INT32, .required = true}, &in, 3, &e),
        ERR_INTERNAL);
    assert_string_equal(e.what, "Parquet column a: 1 nulls in a required column");
    in.valid = NULL;
    assert_int_equal(try_column((struct parquet_column){.name = "b", .type = PARQUET_UINT8}, &in, 3, &e), ERR_INTERNAL);
    assert_string_equal(e.what, "Parquet column b: 256 does not fit its type");
    assert_int_equal(try_column((struct parquet_column){.name = "b", .type = PARQUET_UINT16}, &in, 3, &e), ERR_OK);
    in = (struct parquet_input){.cells = &signed_cells, .cell_bytes = 8};
    assert_int_equal(try_column((struct parquet_column){.name = "c", .type = PARQUET_UINT32}, &in, 3, &e),
                     ERR_INTERNAL);
    assert_string_equal(e.what, "Parquet column c: -1 does not fit its type");
    in.cell_bytes = 3;
    assert_int_equal(try_column((struct parquet_column){.name = "c", .type = PARQUET_INT32}, &in, 3, &e), ERR_INTERNAL);
    in = (struct parquet_input){.form = PARQUET_CODES, .cells = &code_cells, .dict = &dict};
    assert_int_equal(try_column((struct parquet_column){.name = "d", .type = PARQUET_INT64}, &in, 3, &e), ERR_INTERNAL);
    assert_string_equal(e.what, "Parquet column d: code 3 of a dictionary of 3");
    assert_int_equal(try_column((struct parquet_column){.name = "d", .type = PARQUET_INT8}, &in, 2, &e), ERR_INTERNAL);
    assert_int_equal(
        try_column((struct parquet_column){.name = "d", .type = PARQUET_INT64, .required = true}, &in, 2, &e), ERR_OK);
    in = (struct parquet_input){.form = PARQUET_CONSTANT, .integer = 300};
    assert_int_equal(try_column((struct parquet_column){.name = "f", .type = PARQUET_INT8}, &in, 2, &e), ERR_INTERNAL);
    in = (struct parquet_input){.form = PARQUET_CONSTANT};
    assert_int_equal(
        try_column((struct parquet_column){.name = "f", .type = PARQUET_INT8}, &in, PARQUET_ROWS_MAX + 1, &e),
        ERR_INTERNAL);
}

/* A file that cannot be written fails once and for all. */
static void a_write_error_spoils_the_file(void **state)
{
    (void)state;
    struct error e, first;
    struct parquet_file *f = NULL;
    struct parquet_summary s;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(parquet_file_new(two, 2, &(struct parquet_options){0}, fd, "/dev/full", &f, &e), ERR_NO_SPACE);
    assert_null(f);
    close(fd);

    /* A pipe with nobody at its other end after the first bytes. */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    signal(SIGPIPE, SIG_IGN);
    assert_ok(parquet_file_new(two, 2, &(struct parquet_options){0}, ends[1], "pipe", &f, &e), &e);
    close(ends[0]);
    struct parquet_encoder *en = parquet_encoder_new();
    struct parquet_input in[2] = {{.form = PARQUET_CONSTANT, .integer = 7},
                                  {.form = PARQUET_CONSTANT, .text = view_of("x")}};
    uint32_t n = 10;
    struct parquet_rows rows = rows_of(in, &n);
    assert_ok(parquet_encode(en, f, &rows, &e), &e);
    assert_int_equal(parquet_file_append(f, en, &first), ERR_IO);
    assert_ok(parquet_encode(en, f, &rows, &e), &e);
    assert_int_equal(parquet_file_append(f, en, &e), ERR_IO);
    assert_string_equal(e.what, first.what);
    assert_int_equal(parquet_file_finish(f, &s, &e), ERR_IO);
    parquet_encoder_free(&en);
    parquet_file_free(&f);
    close(ends[1]);
}

static void a_row_group_goes_to_its_file_once(void **state)
{
    (void)state;
    struct error e;
    struct buf out[2] = {{0}};
    struct parquet_file *f[2];
    struct parquet_summary s;
    uint64_t rows_so_far, bytes;
    for (int i = 0; i < 2; i++)
        assert_ok(parquet_file_new_memory(two, 2, &(struct parquet_options){0}, out + i, f + i, &e), &e);
    struct parquet_encoder *en = parquet_encoder_new();
    struct parquet_input in[2] = {{.form = PARQUET_CONSTANT, .integer = 7}, {.form = PARQUET_CONSTANT, .null = true}};
    uint32_t n = 10;
    struct parquet_rows rows = rows_of(in, &n);
    assert_int_equal(parquet_file_append(f[0], en, &e), ERR_INTERNAL);
    assert_ok(parquet_encode(en, f[0], &rows, &e), &e);
    size_t encoded = parquet_encoded_bytes(en);
    assert_int_equal(parquet_file_append(f[1], en, &e), ERR_INTERNAL);
    assert_ok(parquet_file_append(f[0], en, &e), &e);
    assert_int_equal(parquet_file_append(f[0], en, &e), ERR_INTERNAL);
    parquet_file_progress(f[0], &rows_so_far, &bytes);
    assert_int_equal(rows_so_far, 10);
    assert_int_equal(bytes, 4 + encoded);
    assert_int_equal(bytes, out[0].len);
    assert_ok(parquet_file_finish(f[0], &s, &e), &e);
    assert_int_equal(parquet_file_finish(f[0], &s, &e), ERR_INTERNAL);
    for (int i = 0; i < 2; i++) {
        parquet_file_free(f + i);
        buf_reset(out + i);
    }
    parquet_encoder_free(&en);
}

/* A dictionary that grows between row groups, codes in any order, entries without use. */
static void dictionaries_may_grow(void **state)
{
    (void)state;
    struct error e;
    struct buf out = {0};
    struct parquet_file *f;
    struct parquet_summary s;
    struct parquet_column column = {.name = "n", .type = PARQUET_INT64};
    struct parquet_encoder *en = parquet_encoder_new();
    enum { MOST = 200000, N = 3000 };
    int64_t *numbers = mem_array(MOST, sizeof *numbers), want = 0;
    uint64_t seed = 6;
    for (int i = 0; i < MOST; i++) numbers[i] = i * 11;
    assert_ok(parquet_file_new_memory(&column, 1, &(struct parquet_options){0}, &out, &f, &e), &e);
    for (uint32_t count = 10; count < MOST; count = count * 5 / 4) {
        struct parquet_dict dict = {.count = count, .integers = numbers};
        uint32_t code[N], n = N;
        for (int i = 0; i < N; i++) {
            code[i] = below(&seed, below(&seed, 2) ? 10 : count);
            if (code[i]) want += numbers[code[i]];
        }
        const void *cells = code;
        struct parquet_input in = {.form = PARQUET_CODES, .cells = &cells, .dict = &dict};
        struct parquet_rows rows = rows_of(&in, &n);
        assert_ok(parquet_encode(en, f, &rows, &e), &e);
        assert_ok(parquet_file_append(f, en, &e), &e);
    }
    assert_ok(parquet_file_finish(f, &s, &e), &e);
    char *path = save(&out), *sql = mem_printf("select sum(n)::bigint from '%s'", path);
    assert_int_equal(duck_int(sql), want);
    unlink(path);
    mem_free(path);
    mem_free(sql);
    mem_free(numbers);
    parquet_encoder_free(&en);
    parquet_file_free(&f);
    buf_reset(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_append_to_one_file),        cmocka_unit_test(bad_schemas_are_refused),
        cmocka_unit_test(breaches_of_contract_are_named),    cmocka_unit_test(a_write_error_spoils_the_file),
        cmocka_unit_test(a_row_group_goes_to_its_file_once), cmocka_unit_test(dictionaries_may_grow),
    };
    return cmocka_run_group_tests(tests, duck_start, duck_stop);
}
