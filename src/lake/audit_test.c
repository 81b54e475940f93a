/* Each kind of damage is found and named, and a lake that is whole is found whole. */
#include "base/test.h"
#include "lake/fixture.h"
#include "lake/internal.h"

#include <sys/stat.h>

struct room {
    char folder[64];
    struct lake *lake;
    struct error e;
};

static int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    if (!world_folder(r->folder) || lake_open_or_init(r->folder, LAKE_WRITER, &r->lake, &r->e) != ERR_OK) return -1;
    for (int i = 0; i < 4; i++)
        if (world_live(r->lake, 30, &r->e) != ERR_OK) return -1;
    if (world_build(r->lake, &r->e) != ERR_OK || world_ingest(r->lake, 10, &r->e) != ERR_OK) return -1;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    lake_close(&r->lake);
    if (io_remove_tree(r->folder, &r->e) != ERR_OK) return -1;
    mem_free(r);
    return 0;
}

static void audit(struct room *r, struct lake_audit *a, bool quick)
{
    assert_ok(lake_audit(r->lake, &(struct lake_audit_options){.rows = world_rows, .quick = quick, .threads = 3}, a, &r->e), &r->e);
}

static bool says(const struct lake_audit *a, bool ok, const char *check, const char *where, const char *what)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct lake_finding *f = &a->finding[i];
        if (f->ok == ok && !strcmp(f->check, check) && strstr(f->where, where) && strstr(f->what, what)) return true;
    }
    return false;
}

/* Changes a file, expects the finding, restores the file and expects peace. */
static void damage(struct room *r, const char *path, const char *bytes, size_t len, const char *check, const char *what)
{
    struct buf good = {0};
    struct lake_audit a;
    char *full = io_path(r->folder, path);
    bool was = io_exists(full);
    if (was) assert_ok(io_read_file(full, &good, &r->e), &r->e);
    if (bytes) assert_ok(io_write_file(full, bytes, len, false, &r->e), &r->e);
    else assert_int_equal(unlink(full), 0);
    audit(r, &a, false);
    if (!a.bad || !says(&a, false, check, path, what)) {
        for (size_t i = 0; i < a.count; i++) print_error("%d %s %s: %s\n", a.finding[i].ok, a.finding[i].check, a.finding[i].where, a.finding[i].what);
        fail_msg("%s: expected %s \"%s\"", path, check, what);
    }
    lake_audit_free(&a);
    if (was) assert_ok(io_write_file(full, good.ptr, good.len, false, &r->e), &r->e);
    else unlink(full);
    buf_reset(&good);
    mem_free(full);
    assert_true(world_audit(r->lake));
}

#define SILVER "silver/fact_x/date=1970-01-01/part-00000001-0.parquet"
#define BRONZE "bronze/events/date=2024-10-04/hour=07/part-00000002-0.json.gz"

static void a_whole_lake(void **state)
{
    struct room *r = *state;
    struct lake_audit a, b;
    audit(r, &a, false);
    assert_int_equal(a.bad, 0);
    assert_int_equal(a.number, 6);
    assert_true(says(&a, true, "log", "log", "6 commits"));
    assert_true(says(&a, true, "file", "silver/fact_x", "6 files, 104 rows"));
    assert_true(says(&a, true, "partition", "test events/0", "130 delivered = 130 bronze rows + 0 blank"));
    assert_true(says(&a, true, "topic", "events", "120 bronze rows = 104 silver rows + 12 quarantined + 4 duplicates"));
    assert_true(says(&a, true, "topic", "events", "10 more bronze rows are not refined yet"));
    assert_true(says(&a, true, "table", "fact_x", "104 rows in silver files, 104 refined"));
    assert_true(says(&a, true, "staging", "staging/", "a writer is at work"));
    audit(r, &b, false); /* the same order each time, threads or not */
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) assert_string_equal(a.finding[i].what, b.finding[i].what);
    lake_audit_free(&a);
    lake_audit_free(&b);
    audit(r, &a, true);
    assert_int_equal(a.bad, 0);
    lake_audit_free(&a);
}

static void files(void **state)
{
    struct room *r = *state;
    damage(r, SILVER, NULL, 0, "file", "is missing");
    damage(r, SILVER, "1\n2\n", 4, "file", "has 4 bytes, the log says");
    struct buf same_length = {0};
    char *full = io_path(r->folder, SILVER);
    assert_ok(io_read_file(full, &same_length, &r->e), &r->e);
    same_length.ptr[0]++;
    damage(r, SILVER, same_length.ptr, same_length.len, "file", "its bytes have changed");
    buf_reset(&same_length);
    mem_free(full);
    damage(r, BRONZE, NULL, 0, "file", "is missing");
    damage(r, "gold/marts/part-0.parquet", "105\n", 4, "file", "its bytes have changed");
    damage(r, "silver/fact_x/date=1970-01-01/part-00000099-0.parquet", "1\n", 2, "unknown", "the log does not know");
    damage(r, "gold/marts/part-1.parquet", "", 0, "unknown", "the log does not know");
    damage(r, "quarantine/stray", "x", 1, "unknown", "the log does not know");
}

static void a_quick_audit_sees_sizes(void **state)
{
    struct room *r = *state;
    struct lake_audit a;
    char *full = io_path(r->folder, SILVER);
    assert_int_equal(truncate(full, 1), 0);
    audit(r, &a, true);
    assert_int_equal(a.bad, 2); /* the file, and the count that misses its rows */
    assert_true(says(&a, false, "file", SILVER, "has 1 bytes"));
    assert_true(says(&a, false, "table", "fact_x", "refined"));
    lake_audit_free(&a);
    mem_free(full);
}

static void the_log(void **state)
{
    struct room *r = *state;
    damage(r, "log/00000000000000000003.json", NULL, 0, "log", "commit 3 is missing");
    damage(r, "log/00000000000000000003.json", "{}", 2, "log", "commit 3 is damaged");
    /* An old entry put in place of another: whole in itself, but not the one that its successor follows. */
    struct buf other = {0};
    char *full = io_path(r->folder, "log/00000000000000000002.json");
    assert_ok(io_read_file(full, &other, &r->e), &r->e);
    damage(r, "log/00000000000000000003.json", other.ptr, other.len, "log", "\"number\" is not the one of its name");
    buf_reset(&other);
    mem_free(full);
}

static enum err one_row_less(void *ctx, enum lake_layer layer, const char *path, int64_t *rows, struct error *e)
{
    enum err rc = world_rows(NULL, layer, path, rows, e);
    if (strstr(path, ctx)) --*rows;
    return rc;
}

/* The bytes are right, but the file never held what its writer said. */
static void rows_are_counted_from_the_files(void **state)
{
    struct room *r = *state;
    static char *const where[] = {"/bronze/", "/silver/fact_x", "/quarantine/"};
    static const char *const check[] = {"topic", "table", "topic"};
    for (int i = 0; i < 3; i++) {
        struct lake_audit a;
        assert_ok(lake_audit(r->lake, &(struct lake_audit_options){.rows = one_row_less, .ctx = where[i]}, &a, &r->e), &r->e);
        assert_true(a.bad > 0);
        assert_true(says(&a, false, "file", where[i] + 1, "rows, the log says"));
        assert_true(says(&a, false, check[i], i == 1 ? "fact_x" : "events", "rows in"));
        lake_audit_free(&a);
    }
}

static void a_lying_checkpoint(void **state)
{
    struct room *r = *state;
    struct lake_audit a;
    for (int i = 0; i < 60; i++) assert_ok(world_live(r->lake, 1, &r->e), &r->e);
    lake_close(&r->lake);
    struct buf text = {0};
    char hex[HASH_HEX_SIZE], *path = io_path(r->folder, "state/checkpoint/00000000000000000064.ckpt");
    assert_ok(io_read_file(path, &text, &r->e), &r->e);
    char *line = strstr(text.ptr, "\nO\tevents\t");
    assert_non_null(line);
    line[11] = line[11] == '9' ? '8' : '9'; /* so many delivered */
    struct hash128 sum = hash_128(text.ptr, text.len - 35);
    memcpy(text.ptr + text.len - 33, hash_hex(sum, hex), HASH_HEX_LEN);
    assert_ok(io_write_file(path, text.ptr, text.len, false, &r->e), &r->e);
    assert_ok(lake_open(r->folder, LAKE_READER, &r->lake, &r->e), &r->e);
    audit(r, &a, false);
    assert_true(says(&a, false, "log", "state/checkpoint", "something else than the log"));
    lake_audit_free(&a);
    buf_reset(&text);
    mem_free(path);
}

static void after_a_crash_before_recovery(void **state)
{
    struct room *r = *state;
    struct lake_audit a;
    struct store *s = lake_store(r->lake);
    struct lake_entry entry;
    assert_ok(lake_entry_read(r->lake, 6, &entry, &r->e), &r->e);
    assert_ok(store_make_dirs(s, entry.staging, &r->e), &r->e);
    char *staged = mem_printf("%s/%s", entry.staging, entry.added[0].staged);
    assert_ok(store_rename(s, entry.added[0].file.path, staged, &r->e), &r->e);
    r->lake->failed = true;
    lake_close(&r->lake);
    assert_ok(lake_open(r->folder, LAKE_READER, &r->lake, &r->e), &r->e);
    audit(r, &a, false);
    assert_int_equal(a.bad, 0);
    assert_true(says(&a, true, "staging", "staging/", "wait here"));
    lake_audit_free(&a);
    lake_entry_reset(&entry);
    mem_free(staged);
}

static void gz_lines(void **state)
{
    struct room *r = *state;
    static const struct {
        const char *text;
        int64_t lines;
    } cases[] = {{"", 0}, {"a\n", 1}, {"a\nb", 2}, {"\n\n", 2}};
    char *path = io_path(r->folder, "x.gz");
    int64_t rows;
    for (size_t i = 0; i < 4; i++) {
        struct buf packed = {0};
        struct gzip_writer *w = gzip_writer_new();
        gzip_write_member(w, cases[i].text, strlen(cases[i].text), &packed);
        gzip_write_member(w, "z\n", 2, &packed);
        if (i != 2) gzip_write_member(w, cases[i].text, strlen(cases[i].text), &packed);
        assert_ok(io_write_file(path, packed.ptr, packed.len, false, &r->e), &r->e);
        assert_ok(lake_count_gz_lines(path, &rows, &r->e), &r->e);
        assert_int_equal(rows, i == 2 ? 2 : cases[i].lines * 2 + 1); /* "a\nb" runs on into "z\n" */
        assert_ok(io_write_file(path, packed.ptr, packed.len - 5, false, &r->e), &r->e);
        assert_int_equal(lake_count_gz_lines(path, &rows, &r->e), ERR_INPUT);
        gzip_writer_free(&w);
        buf_reset(&packed);
    }
    unlink(path);
    mem_free(path);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_whole_lake),
        T(files),
        T(a_quick_audit_sees_sizes),
        T(the_log),
        T(rows_are_counted_from_the_files),
        T(a_lying_checkpoint),
        T(after_a_crash_before_recovery),
        T(gz_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
