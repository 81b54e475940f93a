#include "refine/refine_testing_sample.h"

static void sample_is_right_to_the_last_row(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    for (int i = 0; i < SAMPLE_TOPICS; i++) {
        struct buf text = {0};
        read_sample(sample_topic[i], &text);
        kitchen_bronze(&k, sample_topic[i], text.ptr, text.len, 1 << 20);
        buf_reset(&text);
    }
    struct refine_totals t = kitchen_refine(&k, 2);
    assert_int_equal(t.read, 57376 + 67771 + 861 + 61);
    assert_int_equal(t.rows, t.read);
    make_raw(&k);
    check_facts(&k);
    check_dims(&k);
    kitchen_audit(&k);
    kitchen_close(&k);
}

/* ---- the same whatever the threads and the memory ---- */

static void sample_bronze(struct kitchen *k, size_t member_bytes)
{
    for (int i = 0; i < SAMPLE_TOPICS; i++) {
        struct buf text = {0};
        read_sample(sample_topic[i], &text);
        kitchen_bronze(k, sample_topic[i], text.ptr, text.len, member_bytes);
        buf_reset(&text);
    }
}

static void refine_with(struct kitchen *k, const struct refine_options *options)
{
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals totals;
    struct refine_options o = *options;
    o.contracts = k->contracts;
    assert_ok(refine_open(k->lake, &o, &r, &e), &e);
    assert_ok(refine_pending(r, &totals, &e), &e);
    refine_close(&r);
}

/* "path hash" of every silver file. */
static char *silver_hashes(struct kitchen *k)
{
    struct lake_files files;
    struct buf out = {0};
    char hex[HASH_HEX_SIZE];
    lake_files(k->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER}, &files);
    for (size_t i = 0; i < files.count; i++) buf_printf(&out, "%s %s\n", files.file[i]->path, hash_hex(files.file[i]->hash, hex));
    lake_files_free(&files);
    return buf_take(&out);
}

static void any_number_of_threads_writes_the_same_bytes(void **state)
{
    (void)state;
    const unsigned threads[] = {1, 2, 7};
    char *first = NULL;
    for (int i = 0; i < 3; i++) {
        struct kitchen k;
        kitchen_open(&k);
        sample_bronze(&k, 300000);
        refine_with(&k, &(struct refine_options){.threads = threads[i]});
        char *now = silver_hashes(&k);
        if (first) assert_string_equal(now, first);
        else first = mem_strdup(now);
        mem_free(now);
        kitchen_close(&k);
    }
    mem_free(first);
}

/* So little memory that partitions are flushed early, key sets go to files and dictionaries are forgotten. */
static void little_memory_gives_the_same_rows(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    sample_bronze(&k, 200000);
    refine_with(&k, &(struct refine_options){.threads = 3, .memory_bytes = 1500000});
    make_raw(&k);
    check_facts(&k);
    check_dims(&k);
    kitchen_audit(&k);
    /* once more: all of it is there */
    struct buf text = {0};
    read_sample("listen_events", &text);
    kitchen_bronze(&k, "listen_events", text.ptr, text.len, 200000);
    buf_reset(&text);
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals totals;
    assert_ok(refine_open(k.lake, &(struct refine_options){.contracts = k.contracts, .memory_bytes = 1500000}, &r, &e), &e);
    assert_ok(refine_pending(r, &totals, &e), &e);
    refine_close(&r);
    assert_int_equal(totals.duplicates, 57376);
    assert_int_equal(totals.rows, 0);
    check_facts(&k);
    check_dims(&k);
    kitchen_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_right_to_the_last_row),
        cmocka_unit_test(any_number_of_threads_writes_the_same_bytes),
        cmocka_unit_test(little_memory_gives_the_same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
