#include "ingest/ingest.h"

#include "base/gzip.h"
#include "base/io.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct error e;
static struct schema_set *contracts;

struct place {
    char root[32];
    char *lake, *in;
};

static int set_up(void **state)
{
    struct place *p = mem_zalloc(sizeof *p);
    strcpy(p->root, "/tmp/lakefm-ingest-XXXXXX");
    assert_non_null(mkdtemp(p->root));
    p->lake = io_path(p->root, "lake");
    p->in = io_path(p->root, "in");
    assert_ok(io_make_dirs(p->in, &e), &e);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    assert_ok(io_remove_tree(p->root, &e), &e);
    mem_free(p->lake);
    mem_free(p->in);
    mem_free(p);
    return 0;
}

static void put(struct place *p, const char *name, const char *text)
{
    char *path = io_path(p->in, name);
    assert_ok(io_write_file(path, text, strlen(text), false, &e), &e);
    mem_free(path);
}

static enum err ingest(struct place *p, const char *name, const char *topic, bool force, uint64_t batch_bytes,
                       struct ingest_result *result)
{
    struct lake *lake = NULL;
    char *path = name[0] ? io_path(p->in, name) : mem_strdup(p->in);
    const char *const paths[] = {path};
    struct ingest_options o = {.contracts = contracts, .topic = topic, .force = force, .threads = 3, .batch_bytes = batch_bytes};
    assert_ok(lake_open_or_init(p->lake, LAKE_WRITER, &lake, &e), &e);
    enum err rc = ingest_paths(lake, paths, 1, &o, result, &e);
    lake_close(&lake);
    mem_free(path);
    return rc;
}

/* All of bronze, file after file in order of path, as plain text. */
static char *bronze(struct place *p)
{
    struct io_names names;
    struct buf out = {0};
    char *folder = io_path(p->lake, "bronze");
    if (io_exists(folder)) {
        assert_ok(io_walk(folder, &names, &e), &e);
        for (size_t i = 0; i < names.count; i++) {
            char *path = io_path(folder, names.name[i]);
            struct gzip_stream *s = NULL;
            size_t got = 1;
            assert_ok(gzip_stream_open(open(path, O_RDONLY), path, &s, &e), &e);
            while (got) {
                char *to = buf_reserve(&out, 65536);
                assert_ok(gzip_stream_read(s, to, 65536, &got, &e), &e);
                out.len += got;
            }
            gzip_stream_free(&s);
            mem_free(path);
        }
        io_names_free(&names);
    }
    mem_free(folder);
    return buf_take(&out);
}

static void expect_bronze(struct place *p, const char *text)
{
    char *got = bronze(p);
    assert_string_equal(got, text);
    mem_free(got);
}

static void lines_are_kept_and_blank_ones_counted(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    put(p, "listen_events.json", "\n{\"a\":1}\r\n\r\nnot json\n{\"b\":2}");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    assert_int_equal(r.records, 3);
    assert_int_equal(r.blank, 2);
    assert_int_equal(r.files[0].outcome, INGEST_TAKEN);
    ingest_result_reset(&r);
    expect_bronze(p, "{\"a\":1}\r\nnot json\n{\"b\":2}\n");
}

static void known_content_is_not_taken_twice(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    put(p, "listen_events.json", "{\"a\":1}\n{\"a\":2}\n");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    ingest_result_reset(&r);
    /* another name, and gzipped */
    struct buf packed = {0};
    struct gzip_writer *w = gzip_writer_new();
    gzip_write_member(w, "{\"a\":1}\n", 8, &packed);
    gzip_write_member(w, "{\"a\":2}\n", 8, &packed);
    char *path = io_path(p->in, "copy.gz");
    assert_ok(io_write_file(path, packed.ptr, packed.len, false, &e), &e);
    assert_ok(ingest(p, "copy.gz", "listen_events", false, 0, &r), &e);
    assert_int_equal(r.files[0].outcome, INGEST_KNOWN);
    assert_int_equal(r.last_batch, 0);
    ingest_result_reset(&r);
    expect_bronze(p, "{\"a\":1}\n{\"a\":2}\n");
    /* of another topic it is another thing; and --force takes it */
    assert_ok(ingest(p, "copy.gz", "auth_events", false, 0, &r), &e);
    assert_int_equal(r.records, 2);
    ingest_result_reset(&r);
    assert_ok(ingest(p, "copy.gz", "listen_events", true, 0, &r), &e);
    assert_int_equal(r.records, 2);
    ingest_result_reset(&r);
    mem_free(path);
    gzip_writer_free(&w);
    buf_reset(&packed);
}

static void a_file_that_grew_is_continued(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    put(p, "listen_events.json", "{\"a\":1}\n{\"a\":2}\n");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    ingest_result_reset(&r);
    put(p, "listen_events.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    assert_int_equal(r.files[0].outcome, INGEST_CONTINUED);
    assert_int_equal(r.records, 1);
    ingest_result_reset(&r);
    /* a last line that was not whole is taken again when it is */
    put(p, "listen_events.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    ingest_result_reset(&r);
    put(p, "listen_events.json", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n");
    assert_ok(ingest(p, "listen_events.json", NULL, false, 0, &r), &e);
    assert_int_equal(r.records, 1);
    ingest_result_reset(&r);
    expect_bronze(p, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":\n{\"a\":4}\n");
    /* only its newline was missing: nothing to take again */
    put(p, "auth_events.json", "{\"x\":1}");
    assert_ok(ingest(p, "auth_events.json", NULL, false, 0, &r), &e);
    ingest_result_reset(&r);
    put(p, "auth_events.json", "{\"x\":1}\n{\"x\":2}\n");
    assert_ok(ingest(p, "auth_events.json", NULL, false, 0, &r), &e);
    assert_int_equal(r.records, 1);
    ingest_result_reset(&r);
    /* the beginning differs: another content */
    put(p, "auth_events.json", "{\"x\":9}\n{\"x\":2}\n{\"x\":3}\n");
    assert_ok(ingest(p, "auth_events.json", NULL, false, 0, &r), &e);
    assert_int_equal(r.files[0].outcome, INGEST_TAKEN);
    assert_int_equal(r.records, 3);
    ingest_result_reset(&r);
}

static void big_files_become_several_commits_in_order(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    struct buf text = {0};
    for (int i = 0; i < 300000; i++) buf_printf(&text, "{\"number\":%d,\"text\":\"%d\"}\n", i, (int)(i * 7919LL % 104729));
    put(p, "listen_events.json", text.ptr);
    assert_ok(ingest(p, "listen_events.json", NULL, false, 3 << 20, &r), &e);
    assert_int_equal(r.records, 300000);
    assert_true(r.last_batch - r.first_batch >= 2);
    ingest_result_reset(&r);
    char *got = bronze(p);
    assert_int_equal(strlen(got), text.len);
    assert_string_equal(got, text.ptr);
    mem_free(got);
    assert_ok(ingest(p, "listen_events.json", NULL, false, 3 << 20, &r), &e);
    assert_int_equal(r.files[0].outcome, INGEST_KNOWN);
    ingest_result_reset(&r);
    buf_reset(&text);
}

static void folders_copies_and_other_names(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    put(p, "listen_events.json", "{\"a\":1}\n");
    put(p, "listen_events.json.bak", "{\"a\":1}\n"); /* the same content in the same batch */
    put(p, "page-view-events.ndjson", "{\"b\":1}\n");
    put(p, "README.txt", "hello");
    put(p, ".hidden.json", "{}");
    put(p, "auth_events", "");
    assert_ok(ingest(p, "", NULL, false, 0, &r), &e);
    assert_int_equal(r.records, 2);
    assert_int_equal(r.file_count, 5);
    for (size_t i = 0; i < r.file_count; i++) {
        const struct ingest_file *f = &r.files[i];
        if (strstr(f->path, "README")) assert_int_equal(f->outcome, INGEST_SKIPPED);
        if (strstr(f->path, "auth")) assert_int_equal(f->outcome, INGEST_EMPTY);
        if (strstr(f->path, ".bak")) assert_int_equal(f->outcome, INGEST_KNOWN);
    }
    ingest_result_reset(&r);
    put(p, "mystery.json", "{}");
    assert_int_equal(ingest(p, "", NULL, false, 0, &r), ERR_USAGE);
    ingest_result_reset(&r);
    assert_int_equal(ingest(p, "nowhere*.json", "listen_events", false, 0, &r), ERR_NOT_FOUND);
    ingest_result_reset(&r);
}

static void a_cut_gzip_leaves_the_lake_as_it_was(void **state)
{
    struct place *p = *state;
    struct ingest_result r;
    struct buf packed = {0};
    struct gzip_writer *w = gzip_writer_new();
    for (int i = 0; i < 9; i++) gzip_write_member(w, "{\"a\":1}\n{\"a\":2}\n", 16, &packed);
    char *path = io_path(p->in, "listen_events.json.gz");
    assert_ok(io_write_file(path, packed.ptr, packed.len - 5, false, &e), &e);
    assert_int_equal(ingest(p, "listen_events.json.gz", NULL, false, 0, &r), ERR_INPUT);
    assert_non_null(strstr(e.where, "listen_events.json.gz"));
    assert_int_equal(r.last_batch, 0);
    ingest_result_reset(&r);
    expect_bronze(p, "");
    mem_free(path);
    gzip_writer_free(&w);
    buf_reset(&packed);
}

int main(void)
{
    if (schema_set_load(NULL, &contracts, &e) != ERR_OK) return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_kept_and_blank_ones_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(known_content_is_not_taken_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_grew_is_continued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(big_files_become_several_commits_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_copies_and_other_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_gzip_leaves_the_lake_as_it_was, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    schema_set_free(&contracts);
    return failed;
}
