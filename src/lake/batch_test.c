/* What may be committed, and what becomes of it: positions, adding up, compaction, rebuild, retention, gaps. */
#include "lake/compact.h"
#include "lake/room.h"

#include <unistd.h>

/* ---- what a batch may not do ---- */

static void positions_must_continue(void **state)
{
    struct room *r = *state;
    struct lake_batch *b;
    assert_ok(world_live(r->lake, 50, &r->e), &r->e);
    assert_ok(lake_batch_begin(r->lake, LAKE_INGEST, &b, &r->e), &r->e);
    struct lake_source s = {.source = "test", .topic = WORLD_TOPIC, .partition = 0, .id = "id", .first = 40, .next = 60, .records = 20, .rows = 20};
    assert_int_equal(lake_batch_source(b, &s, NULL, &r->e), ERR_USAGE);
    assert_non_null(strstr(r->e.what, "40"));
    assert_non_null(strstr(r->e.what, "50"));
    s.first = 50;
    s.id = "made anew";
    assert_int_equal(lake_batch_source(b, &s, NULL, &r->e), ERR_USAGE);
    assert_non_null(strstr(r->e.what, "made anew"));
    s.id = "id";
    s.rows = 19;
    assert_int_equal(lake_batch_source(b, &s, NULL, &r->e), ERR_INTERNAL);
    s.blank = 1;
    struct lake_run runs[] = {{50, 5}, {54, 5}};
    s.runs = runs;
    s.run_count = 2;
    assert_int_equal(lake_batch_source(b, &s, NULL, &r->e), ERR_INTERNAL);
    s.run_count = 0;
    assert_ok(lake_batch_source(b, &s, NULL, &r->e), &r->e);
    assert_int_equal(lake_batch_source(b, &s, NULL, &r->e), ERR_USAGE); /* twice */
    assert_int_equal(lake_batch_consume(b, 1, &r->e), ERR_USAGE);       /* refined before */
    assert_int_equal(lake_batch_consume(b, 7, &r->e), ERR_USAGE);       /* no such commit */
    lake_batch_abort(&b);
    assert_true(world_audit(r->lake));
}

static void a_batch_must_add_up(void **state)
{
    struct room *r = *state;
    struct lake_batch *b;
    assert_ok(world_ingest(r->lake, 50, &r->e), &r->e);
    /* Delivered rows without a file. */
    assert_ok(lake_batch_begin(r->lake, LAKE_INGEST, &b, &r->e), &r->e);
    assert_ok(lake_batch_source(b, &(struct lake_source){.source = "x", .topic = "t", .partition = 0, .id = "", .next = 5, .records = 5, .rows = 5}, NULL, &r->e), &r->e);
    assert_int_equal(lake_batch_commit(&b, NULL, &r->e), ERR_INTERNAL);
    assert_non_null(strstr(r->e.what, "5 and 0 rows"));
    /* A refine that forgets half of what it consumed. */
    assert_ok(lake_batch_begin(r->lake, LAKE_REFINE, &b, &r->e), &r->e);
    assert_ok(lake_batch_consume(b, 1, &r->e), &r->e);
    assert_ok(world_refined(b, 0, 25, &r->e), &r->e);
    assert_int_equal(lake_batch_commit(&b, NULL, &r->e), ERR_INTERNAL);
    assert_non_null(strstr(r->e.what, "50 and 25 rows"));
    /* A count that contradicts itself. */
    assert_ok(lake_batch_begin(r->lake, LAKE_REFINE, &b, &r->e), &r->e);
    assert_int_equal(lake_batch_count(b, &(struct lake_count){.topic = "t", .table = "x", .read = 3, .rows = 2}, &r->e), ERR_INTERNAL);
    lake_batch_abort(&b);
    assert_ok(world_refine(r->lake, false, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 50));
    assert_true(world_audit(r->lake));
}

static void strangers_are_not_overwritten(void **state)
{
    struct room *r = *state;
    char *folder = in(r, "silver/fact_x/date=1970-01-01");
    assert_ok(io_make_dirs(folder, &r->e), &r->e);
    mem_free(folder);
    overwrite(r, "silver/fact_x/date=1970-01-01/part-00000001-0.parquet", "7\n");
    assert_int_equal(world_live(r->lake, 10, &r->e), ERR_CORRUPT);
    assert_non_null(strstr(r->e.what, "in the way"));
    struct lake_head head;
    lake_head(r->lake, &head);
    assert_int_equal(head.number, 0);
    char *file = in(r, "silver/fact_x/date=1970-01-01/part-00000001-0.parquet");
    assert_int_equal(unlink(file), 0);
    mem_free(file);
    assert_ok(world_live(r->lake, 10, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 10));
}

static void aborted_batches_and_dropped_files_leave_nothing(void **state)
{
    struct room *r = *state;
    struct lake_batch *b;
    struct lake_out *out;
    struct store_items items;
    assert_ok(lake_batch_begin(r->lake, LAKE_LIVE, &b, &r->e), &r->e);
    assert_int_equal(lake_batch_number(b), 1);
    struct lake_part part = {LAKE_SILVER, "fact_x", NULL, 3, -1, 0, "parquet"};
    assert_ok(lake_batch_create(b, &part, &out, &r->e), &r->e);
    lake_out_drop(&out);
    assert_int_equal(lake_batch_create(b, &part, &out, &r->e), ERR_EXISTS);
    part.table = "../etc";
    assert_int_equal(lake_batch_create(b, &part, &out, &r->e), ERR_USAGE);
    part.table = "other";
    assert_ok(lake_batch_create(b, &part, &out, &r->e), &r->e);
    assert_ok(io_write_all(out->fd, "1\n", 2, "x", &r->e), &r->e);
    assert_int_equal(lake_out_finish(&out, &(struct lake_stats){.rows = 1, .has_hash = true, .bytes = 3}, &r->e), ERR_INTERNAL);
    assert_null(out);
    assert_ok(world_bronze(b, 0, 10, &r->e), &r->e);
    lake_batch_abort(&b);
    assert_ok(store_walk(lake_store(r->lake), "staging", &items, &r->e), &r->e);
    assert_int_equal(items.count, 1); /* the writer's lock */
    store_items_free(&items);
    assert_ok(world_live(r->lake, 10, &r->e), &r->e);
    lake_close(&r->lake);
    char *staging = in(r, "staging");
    struct io_names left;
    assert_ok(io_list_dir(staging, &left, &r->e), &r->e);
    assert_int_equal(left.count, 0);
    io_names_free(&left);
    mem_free(staging);
}

static void numbers_go_to_one_batch_after_the_other(void **state)
{
    struct room *r = *state;
    struct lake_batch *a, *b;
    assert_ok(lake_batch_begin(r->lake, LAKE_INGEST, &a, &r->e), &r->e);
    assert_int_equal(lake_batch_begin(r->lake, LAKE_REFINE, &b, &r->e), ERR_USAGE); /* would wait for itself */
    assert_ok(lake_batch_begin(r->lake, LAKE_NOTE, &b, &r->e), &r->e);
    assert_int_equal(lake_batch_number(b), 0);
    lake_batch_note(b, "a word\nabout \"it\"");
    assert_int_equal(lake_batch_commit(&b, NULL, &r->e), ERR_USAGE);
    lake_batch_abort(&a);
    assert_ok(lake_batch_begin(r->lake, LAKE_NOTE, &b, &r->e), &r->e);
    lake_batch_note(b, "a word\nabout \"it\"");
    uint64_t number;
    assert_ok(lake_batch_commit(&b, &number, &r->e), &r->e);
    assert_int_equal(number, 1);
    struct lake_entry entry;
    assert_ok(lake_entry_read(r->lake, 1, &entry, &r->e), &r->e);
    assert_string_equal(entry.note, "a word\nabout \"it\"");
    lake_entry_reset(&entry);
}

/* ---- compaction, rebuild, retention, gaps ---- */

static void compaction_keeps_the_rows_and_the_strangers(void **state)
{
    struct room *r = *state;
    size_t done;
    struct lake_files files;
    for (int i = 0; i < 40; i++) assert_ok(world_live(r->lake, 3, &r->e), &r->e);
    overwrite(r, "silver/fact_x/date=1970-01-02/notes.txt", "mine");
    uint64_t changed = lake_table_changed(r->lake, LAKE_SILVER, "fact_x");
    assert_ok(world_compact(r->lake, 4, &done, &r->e), &r->e);
    assert_int_equal(done, 3);
    assert_int_equal(lake_table_changed(r->lake, LAKE_SILVER, "fact_x"), changed); /* the same rows */
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = "fact_x"}, &files);
    assert_int_equal(files.count, 3);
    assert_int_equal(files.file[0]->min_batch, 1);
    assert_true(files.file[0]->max_batch > 10 && files.file[0]->max_batch < 20);
    lake_files_free(&files);
    assert_true(there(r, "silver/fact_x/date=1970-01-02/notes.txt"));
    char *notes = in(r, "silver/fact_x/date=1970-01-02/notes.txt");
    unlink(notes);
    mem_free(notes);
    assert_true(world_is_right(r->folder, 120));
    assert_true(world_audit(r->lake));
    assert_ok(world_live(r->lake, 100, &r->e), &r->e);
    assert_ok(world_compact(r->lake, 4, &done, &r->e), &r->e);
    assert_int_equal(done, 0);
    for (int i = 0; i < 4; i++) assert_ok(world_live(r->lake, 3, &r->e), &r->e);
    assert_ok(world_compact(r->lake, 4, &done, &r->e), &r->e);
    assert_int_equal(done, 1);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .by_date = true, .from_date = 5, .to_date = 5}, &files);
    assert_int_equal(files.count, 2); /* the larger one of before, and the new one */
    lake_files_free(&files);
    reopen(r, LAKE_WRITER);
    assert_true(world_is_right(r->folder, 232));
    assert_true(world_audit(r->lake));
}

static void compaction_works_without_exchange_and_links(void **state)
{
    struct room *r = *state;
    for (unsigned lacks = 1; lacks < 8; lacks++) {
        for (int i = 0; i < 8; i++) assert_ok(world_live(r->lake, 5, &r->e), &r->e);
        store_lacks(lake_store(r->lake), lacks == STORE_LACKS_NOREPLACE + STORE_LACKS_LINK ? 0 : lacks & 6);
        assert_ok(world_compact(r->lake, 3, NULL, &r->e), &r->e);
        store_lacks(lake_store(r->lake), 0);
        assert_true(world_is_right(r->folder, 40 * lacks));
    }
    assert_true(world_audit(r->lake));
}

static void compacted_bronze_reads_as_one_stream(void **state)
{
    struct room *r = *state;
    struct lake_dues dues;
    struct lake_files files;
    for (int i = 0; i < 5; i++) assert_ok(world_live(r->lake, 5, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 5, &r->e), &r->e); /* not refined: must stay */
    lake_compact_due(r->lake, &(struct lake_compact_options){.min_files = 2, .layers = 1u << LAKE_BRONZE | 1u << LAKE_QUARANTINE}, &dues);
    assert_int_equal(dues.count, 2);
    assert_int_equal(dues.due[0].files.count, 5);
    assert_int_equal(dues.due[0].part.hour, 7);
    for (size_t i = 0; i < dues.count; i++) assert_ok(lake_compact_one(r->lake, &dues.due[i], lake_merge_gz, NULL, &r->e), &r->e);
    lake_dues_free(&dues);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE}, &files);
    assert_int_equal(files.count, 2);
    lake_files_free(&files);
    assert_true(world_audit(r->lake));
    assert_ok(world_refine(r->lake, false, &r->e), &r->e);
    assert_ok(world_refine(r->lake, true, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 30));
    assert_true(world_audit(r->lake));
}

static enum err lose_a_row(void *ctx, const struct lake_due *due, const char *const *in_paths, size_t n, const char *out, int64_t *rows, struct error *e)
{
    enum err rc = world_merge(ctx, due, in_paths, n, out, rows, e);
    --*rows;
    return rc;
}

static void a_merge_that_loses_a_row_is_refused(void **state)
{
    struct room *r = *state;
    struct lake_dues dues;
    for (int i = 0; i < 4; i++) assert_ok(world_live(r->lake, 5, &r->e), &r->e);
    lake_compact_due(r->lake, &(struct lake_compact_options){.min_files = 2}, &dues);
    assert_int_equal(lake_compact_one(r->lake, &dues.due[0], lose_a_row, NULL, &r->e), ERR_CORRUPT);
    assert_ok(lake_compact_one(r->lake, &dues.due[0], world_merge, NULL, &r->e), &r->e);
    assert_int_equal(lake_compact_one(r->lake, &dues.due[0], world_merge, NULL, &r->e), ERR_RETRY); /* done already */
    lake_dues_free(&dues);
    assert_true(world_is_right(r->folder, 20));
    assert_true(world_audit(r->lake));
}

static void rebuild_makes_silver_anew(void **state)
{
    struct room *r = *state;
    struct lake_totals totals;
    for (int i = 0; i < 10; i++) assert_ok(world_live(r->lake, 20, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 20, &r->e), &r->e);
    assert_ok(world_refine(r->lake, true, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 220));
    assert_true(world_audit(r->lake));
    lake_totals(r->lake, &totals);
    assert_int_equal(totals.count[0].read, 220);
    assert_int_equal(totals.topic[0].pending_rows, 0);
    lake_totals_free(&totals);
    reopen(r, LAKE_WRITER);
    assert_ok(world_live(r->lake, 30, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 250));
    assert_true(world_audit(r->lake));
}

static void retired_bronze_is_accounted_for(void **state)
{
    struct room *r = *state;
    struct lake_batch *b;
    struct lake_files bronze;
    struct lake_totals totals;
    for (int i = 0; i < 3; i++) assert_ok(world_live(r->lake, 20, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 20, &r->e), &r->e);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE}, &bronze);
    assert_ok(lake_batch_begin(r->lake, LAKE_RETAIN, &b, &r->e), &r->e);
    assert_int_equal(lake_batch_remove(b, bronze.file[3]->path, &r->e), ERR_USAGE); /* not refined */
    assert_int_equal(lake_batch_remove(b, "bronze/none", &r->e), ERR_NOT_FOUND);
    assert_ok(lake_batch_remove(b, bronze.file[0]->path, &r->e), &r->e);
    assert_ok(lake_batch_commit(&b, NULL, &r->e), &r->e);
    assert_false(there(r, bronze.file[0]->path));
    lake_files_free(&bronze);
    lake_totals(r->lake, &totals);
    assert_int_equal(totals.topic[0].bronze_rows, 80);
    assert_int_equal(totals.topic[0].retired_rows, 20);
    lake_totals_free(&totals);
    assert_true(world_audit(r->lake));
    reopen(r, LAKE_WRITER);
    assert_true(world_audit(r->lake));
    assert_ok(world_refine(r->lake, false, &r->e), &r->e);
    assert_true(world_audit(r->lake));
}

static void a_gap_moves_the_position(void **state)
{
    struct room *r = *state;
    struct lake_batch *b;
    assert_ok(world_live(r->lake, 20, &r->e), &r->e);
    assert_ok(lake_batch_begin(r->lake, LAKE_GAP, &b, &r->e), &r->e);
    assert_ok(lake_batch_source(b, &(struct lake_source){.source = "test", .topic = WORLD_TOPIC, .partition = 0, .id = "id", .first = 20, .next = 100, .lost = 80}, NULL, &r->e), &r->e);
    assert_ok(lake_batch_commit(&b, NULL, &r->e), &r->e);
    assert_int_equal(world_position(r->lake), 100);
    assert_true(world_audit(r->lake));
}

static void files_are_sources_by_their_content(void **state)
{
    struct room *r = *state;
    struct lake_sources found;
    for (int grown = 0; grown < 2; grown++) {
        struct lake_batch *b;
        struct lake_source s = {.source = "file", .topic = WORLD_TOPIC, .partition = -1, .id = "abc", .name = "logs/\x80odd\nname.json",
                                .first = grown * 100, .next = grown * 100 + 100, .hash = hash_128("x", (size_t)grown),
                                .records = 4, .rows = 3, .blank = 1};
        struct buf text = {0};
        buf_str(&text, "{}\n{}\n{}\n");
        assert_ok(lake_batch_begin(r->lake, LAKE_INGEST, &b, &r->e), &r->e);
        assert_ok(lake_batch_source(b, &s, NULL, &r->e), &r->e);
        s.id = "other";
        s.first = s.next = s.records = s.rows = s.blank = 0;
        if (!grown) assert_ok(lake_batch_source(b, &s, NULL, &r->e), &r->e);
        assert_ok(world_file(b, &(struct lake_part){LAKE_BRONZE, WORLD_TOPIC, NULL, 1, 2, 0, "json.gz"}, &text, true, &(struct lake_stats){.rows = 3}, &r->e), &r->e);
        assert_ok(lake_batch_commit(&b, NULL, &r->e), &r->e);
        buf_reset(&text);
    }
    reopen(r, LAKE_WRITER);
    assert_true(lake_source_find(r->lake, "file", WORLD_TOPIC, -1, "abc", &found));
    assert_int_equal(found.source[0].next, 200);
    assert_int_equal(found.source[0].records, 8);
    assert_int_equal(found.commit[0], 2);
    assert_true(hash_eq(found.source[0].hash, hash_128("x", 1)));
    assert_string_equal(found.source[0].name, "logs/\xEF\xBF\xBDodd name.json");
    lake_sources_free(&found);
    assert_false(lake_source_find(r->lake, "file", WORLD_TOPIC, -1, "none", &found));
    lake_sources_free(&found);
    lake_sources(r->lake, "file", NULL, &found);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.source[1].id, "other");
    lake_sources_free(&found);
    lake_sources(r->lake, "kafka", NULL, &found);
    assert_int_equal(found.count, 0);
    lake_sources_free(&found);
    assert_true(world_audit(r->lake));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(positions_must_continue),
        T(a_batch_must_add_up),
        T(strangers_are_not_overwritten),
        T(aborted_batches_and_dropped_files_leave_nothing),
        T(numbers_go_to_one_batch_after_the_other),
        T(compaction_keeps_the_rows_and_the_strangers),
        T(compaction_works_without_exchange_and_links),
        T(compacted_bronze_reads_as_one_stream),
        T(a_merge_that_loses_a_row_is_refused),
        T(rebuild_makes_silver_anew),
        T(retired_bronze_is_accounted_for),
        T(a_gap_moves_the_position),
        T(files_are_sources_by_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
