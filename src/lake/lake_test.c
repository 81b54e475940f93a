#include "lake/internal.h"
#include "lake/room.h"

#include <sys/stat.h>

/* ---- making and opening ---- */

static void folders_that_are_no_lake(void **state)
{
    struct room *r = *state;
    struct lake *lake;
    char *inside = in(r, "bronze");
    assert_int_equal(lake_init(r->folder, &r->e), ERR_EXISTS);
    assert_int_equal(lake_open("/nonexistent/lake", LAKE_READER, &lake, &r->e), ERR_NOT_FOUND);
    assert_non_null(strstr(r->e.hint, "ingest"));
    assert_int_equal(lake_open(inside, LAKE_READER, &lake, &r->e), ERR_NOT_FOUND); /* empty */
    mem_free(inside);
    overwrite(r, "bronze/photo.jpg", "x");
    inside = in(r, "bronze");
    assert_int_equal(lake_open(inside, LAKE_READER, &lake, &r->e), ERR_INPUT);
    assert_non_null(strstr(r->e.what, "photo.jpg"));
    assert_int_equal(lake_open_or_init(inside, LAKE_WRITER, &lake, &r->e), ERR_INPUT);
    assert_int_equal(lake_init(inside, &r->e), ERR_USAGE);
    assert_null(lake);
    mem_free(inside);
    assert_int_equal(lake_open("hdfs:///user", LAKE_READER, &lake, &r->e), ERR_USAGE);
}

static void another_format_is_refused(void **state)
{
    struct room *r = *state;
    struct lake *lake;
    lake_close(&r->lake);
    overwrite(r, "log/00000000000000000000.json", "{\"format\":2,\"anything\":\"else\", \"that\": 12345678901234567890}\n");
    assert_int_equal(lake_open(r->folder, LAKE_READER, &lake, &r->e), ERR_UNSUPPORTED);
    assert_non_null(strstr(r->e.what, "format 2"));
    assert_non_null(strstr(r->e.hint, "lakefm version"));
}

static void one_writer_at_a_time_and_readers_beside(void **state)
{
    struct room *r = *state;
    struct lake *second;
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &second, &r->e), ERR_BUSY);
    assert_non_null(strstr(r->e.what, "pid="));
    assert_int_equal(lake_open(r->folder, LAKE_SHARED_WRITER, &second, &r->e), ERR_BUSY);
    assert_ok(lake_open(r->folder, LAKE_READER, &second, &r->e), &r->e);
    struct lake_batch *b;
    assert_int_equal(lake_batch_begin(second, LAKE_INGEST, &b, &r->e), ERR_USAGE);
    assert_ok(world_live(r->lake, 50, &r->e), &r->e);
    struct lake_head head;
    lake_head(second, &head);
    assert_int_equal(head.number, 0);
    assert_ok(lake_reload(second, &r->e), &r->e);
    lake_head(second, &head);
    assert_int_equal(head.number, 1);
    assert_int_equal(world_position(second), 50);
    lake_close(&second);
}

static void a_reader_changes_nothing(void **state)
{
    struct room *r = *state;
    struct io_names before, after;
    assert_ok(world_live(r->lake, 50, &r->e), &r->e);
    lake_close(&r->lake);
    assert_ok(io_walk(r->folder, &before, &r->e), &r->e);
    assert_ok(lake_open(r->folder, LAKE_READER, &r->lake, &r->e), &r->e);
    assert_true(world_audit(r->lake));
    lake_close(&r->lake);
    assert_ok(io_walk(r->folder, &after, &r->e), &r->e);
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < before.count; i++) assert_string_equal(before.name[i], after.name[i]);
    io_names_free(&before);
    io_names_free(&after);
}

static void no_permission_is_said(void **state)
{
    struct room *r = *state;
    struct lake *lake;
    if (!geteuid()) skip(); /* root may do everything */
    lake_close(&r->lake);
    char *lock = in(r, "log/writer.lock"), *log = in(r, "log");
    assert_int_equal(chmod(lock, 0400), 0);
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &lake, &r->e), ERR_IO);
    assert_non_null(strstr(r->e.what, "Permission denied"));
    assert_ok(lake_open(r->folder, LAKE_READER, &lake, &r->e), &r->e);
    lake_close(&lake);
    assert_int_equal(chmod(log, 0), 0);
    assert_int_not_equal(lake_open(r->folder, LAKE_READER, &lake, &r->e), ERR_OK);
    assert_non_null(strstr(r->e.what, "Permission denied"));
    assert_int_equal(chmod(log, 0700), 0);
    mem_free(lock);
    mem_free(log);
}

/* ---- what commits add up to ---- */

static void a_lake_remembers_across_opening(void **state)
{
    struct room *r = *state;
    assert_ok(world_live(r->lake, 100, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 20, &r->e), &r->e);
    assert_ok(world_build(r->lake, &r->e), &r->e);
    for (int pass = 0; pass < 2; pass++) {
        struct lake_head head;
        struct lake_totals totals;
        struct lake_pending pending;
        struct lake_tables tables;
        lake_head(r->lake, &head);
        assert_int_equal(head.number, 3);
        assert_int_equal(head.pending_batches, 1);
        assert_int_equal(head.pending_rows, 20);
        lake_pending(r->lake, &pending);
        assert_int_equal(pending.count, 1);
        assert_int_equal(pending.number[0], 2);
        assert_int_equal(pending.files.count, 1);
        lake_pending_free(&pending);
        lake_totals(r->lake, &totals);
        assert_int_equal(totals.topic_count, 1);
        assert_int_equal(totals.topic[0].delivered, 120);
        assert_int_equal(totals.topic[0].pending_rows, 20);
        assert_int_equal(totals.count_count, 1);
        assert_int_equal(totals.count[0].read, 100);
        assert_int_equal(totals.count[0].duplicates, 3); /* 15, 45, 75 */
        assert_int_equal(totals.count[0].reasons[0].rows, 10);
        assert_string_equal(totals.count[0].reasons[0].name, "bad_json");
        lake_totals_free(&totals);
        lake_tables(r->lake, &tables);
        assert_int_equal(tables.count, 5);
        assert_string_equal(tables.table[2].table, "fact_x");
        assert_int_equal(tables.table[2].rows, 87);
        assert_int_equal(tables.table[2].files, 3);
        assert_int_equal(tables.table[2].watermark_ms, 100000);
        assert_int_equal(tables.table[3].changed, 3); /* gold */
        lake_tables_free(&tables);
        assert_int_equal(lake_table_changed(r->lake, LAKE_SILVER, "fact_x"), 1);
        assert_int_equal(lake_table_changed(r->lake, LAKE_SILVER, "none"), 0);
        uint64_t number;
        char *build = lake_build_last(r->lake, &number);
        assert_string_equal(build, "{\"model\":\"marts\"}");
        assert_int_equal(number, 3);
        mem_free(build);
        assert_true(world_is_right(r->folder, 100));
        assert_true(world_audit(r->lake));
        reopen(r, pass ? LAKE_WRITER : LAKE_READER);
    }
    assert_ok(world_refine(r->lake, false, &r->e), &r->e);
    assert_true(world_is_right(r->folder, 120));
    assert_true(world_audit(r->lake));
}

static void consumed_ranges_hold_bronze_commits_only(void **state)
{
    struct room *r = *state;
    struct lake_entry entry;
    assert_ok(world_ingest(r->lake, 10, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 10, &r->e), &r->e);
    assert_ok(world_build(r->lake, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 10, &r->e), &r->e);
    assert_ok(world_refine(r->lake, false, &r->e), &r->e);
    assert_ok(lake_entry_read(r->lake, 5, &entry, &r->e), &r->e);
    assert_int_equal(entry.consumed_count, 2);
    assert_int_equal(entry.consumed[0].first, 1);
    assert_int_equal(entry.consumed[0].last, 2);
    assert_int_equal(entry.consumed[1].first, 4);
    lake_entry_reset(&entry);
    assert_true(world_audit(r->lake));
}

static void files_can_be_asked_for(void **state)
{
    struct room *r = *state;
    struct lake_files files, held;
    assert_ok(world_live(r->lake, 100, &r->e), &r->e);
    assert_ok(world_live(r->lake, 100, &r->e), &r->e);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = "fact_x"}, &files);
    assert_int_equal(files.count, 6); /* dates 0 1 2, and 2 3 4 */
    assert_int_equal(files.file[2]->date, 2);
    assert_int_equal(files.file[3]->date, 2);
    assert_true(files.file[2]->commit < files.file[3]->commit);
    assert_string_equal(files.file[2]->path, "silver/fact_x/date=1970-01-03/part-00000001-0.parquet");
    lake_files_free(&files);
    lake_files(r->lake, &(struct lake_filter){.by_date = true, .from_date = 2, .to_date = 3}, &files);
    assert_int_equal(files.count, 3);
    lake_files_free(&files);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .after_batch = 1}, &files);
    assert_int_equal(files.count, 4);
    lake_files_free(&files);
    assert_true(lake_file_find(r->lake, "silver/dim_x/part-0.parquet", &held));
    assert_false(lake_file_find(r->lake, "silver/dim_x/part-1.parquet", &files));
    assert_int_equal(held.file[0]->commit, 2);
    assert_ok(world_live(r->lake, 10, &r->e), &r->e); /* replaces the dimension */
    lake_close(&r->lake);
    assert_int_equal(held.file[0]->commit, 2); /* still whole */
    lake_files_free(&held);
}

static void a_checkpoint_is_used_and_a_damaged_one_is_not(void **state)
{
    struct room *r = *state;
    struct lake_head head;
    for (int i = 0; i < 130; i++) assert_ok(world_live(r->lake, 3, &r->e), &r->e);
    assert_ok(world_ingest(r->lake, 7, &r->e), &r->e);
    assert_true(there(r, "state/checkpoint/00000000000000000128.ckpt"));
    assert_true(there(r, "state/checkpoint/00000000000000000064.ckpt"));
    uint64_t expect[] = {128, 64, 0};
    const char *damage[] = {"state/checkpoint/00000000000000000128.ckpt", "state/checkpoint/00000000000000000064.ckpt", NULL};
    for (int i = 0; i < 3; i++) {
        reopen(r, LAKE_READER);
        lake_head(r->lake, &head);
        assert_int_equal(head.checkpoint, expect[i]);
        assert_int_equal(head.number, 131);
        assert_int_equal(head.pending_rows, 7);
        assert_int_equal(world_position(r->lake), 397);
        assert_true(world_audit(r->lake));
        if (damage[i]) overwrite(r, damage[i], "lakefm checkpoint 1\nnonsense\n");
    }
    reopen(r, LAKE_WRITER); /* replays 131 entries and saves a new one */
    assert_true(there(r, "state/checkpoint/00000000000000000131.ckpt"));
    reopen(r, LAKE_WRITER);
    lake_head(r->lake, &head);
    assert_int_equal(head.checkpoint, 131);
}

static void a_checkpoint_of_another_log_is_not_used(void **state)
{
    struct room *r = *state;
    struct lake_head head;
    for (int i = 0; i < 64; i++) assert_ok(world_live(r->lake, 1, &r->e), &r->e);
    struct buf text = {0};
    char *path = in(r, "state/checkpoint/00000000000000000064.ckpt");
    assert_ok(io_read_file(path, &text, &r->e), &r->e);
    /* The same shape and a right checksum, but another entry hash. */
    char *hash = strchr(text.ptr, '\n') + 1;
    for (int tab = 0; tab < 3; hash++) tab += *hash == '\t';
    *hash = *hash == 'a' ? 'b' : 'a';
    char hex[HASH_HEX_SIZE];
    memcpy(text.ptr + text.len - 33, hash_hex(hash_128(text.ptr, text.len - 35), hex), 32);
    assert_ok(io_write_file(path, text.ptr, text.len, false, &r->e), &r->e);
    reopen(r, LAKE_READER);
    lake_head(r->lake, &head);
    assert_int_equal(head.checkpoint, 0);
    assert_int_equal(head.number, 64);
    buf_reset(&text);
    mem_free(path);
}

/* ---- damage ---- */

static void a_damaged_log_stops_every_opening(void **state)
{
    struct room *r = *state;
    struct lake *lake;
    struct buf good = {0};
    for (int i = 0; i < 3; i++) assert_ok(world_live(r->lake, 5, &r->e), &r->e);
    lake_close(&r->lake);
    char *path = in(r, "log/00000000000000000002.json");
    assert_ok(io_read_file(path, &good, &r->e), &r->e);
    struct io_names before, after;
    assert_ok(io_walk(r->folder, &before, &r->e), &r->e);
    for (int how = 0; how < 5; how++) {
        struct buf bad = {0};
        buf_add(&bad, good.ptr, good.len);
        if (how == 0) bad.ptr[100] ^= 1;
        if (how == 1) bad.len /= 2;
        if (how == 2) bad.len = 0;
        if (how == 3) memset(bad.ptr, 0, bad.len); /* what a lost block looks like */
        if (how == 4) assert_int_equal(unlink(path), 0);
        else assert_ok(io_write_file(path, bad.ptr, bad.len, false, &r->e), &r->e);
        for (int mode = LAKE_READER; mode <= LAKE_SHARED_WRITER; mode++) {
            assert_int_equal(lake_open(r->folder, (enum lake_mode)mode, &lake, &r->e), ERR_CORRUPT);
            assert_string_equal(r->e.where, "log/00000000000000000002.json");
            assert_non_null(strstr(r->e.hint, "nothing was changed"));
        }
        buf_reset(&bad);
    }
    assert_ok(io_write_file(path, good.ptr, good.len, false, &r->e), &r->e);
    assert_ok(io_walk(r->folder, &after, &r->e), &r->e);
    assert_int_equal(before.count, after.count);
    io_names_free(&before);
    io_names_free(&after);
    reopen(r, LAKE_WRITER);
    assert_true(world_audit(r->lake));
    buf_reset(&good);
    mem_free(path);
}

static void entries_of_another_lake_do_not_fit(void **state)
{
    struct room *r = *state;
    struct lake *other;
    struct buf text = {0};
    char *folder = mem_printf("%s/other", r->folder), *from = mem_printf("%s/log/00000000000000000001.json", folder);
    assert_ok(lake_open_or_init(folder, LAKE_WRITER, &other, &r->e), &r->e);
    assert_ok(world_live(other, 5, &r->e), &r->e);
    lake_close(&other);
    assert_ok(io_read_file(from, &text, &r->e), &r->e);
    lake_close(&r->lake);
    overwrite(r, "log/00000000000000000001.json", text.ptr);
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &r->lake, &r->e), ERR_CORRUPT);
    assert_non_null(strstr(r->e.what, "another lake"));
    overwrite(r, "log/00000000000000000000.json", "");
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &r->lake, &r->e), ERR_CORRUPT);
    assert_string_equal(r->e.where, "log/00000000000000000000.json");
    char *zero = in(r, "log/00000000000000000000.json");
    unlink(zero);
    assert_int_equal(lake_open(r->folder, LAKE_READER, &r->lake, &r->e), ERR_CORRUPT);
    assert_non_null(strstr(r->e.what, "first entry"));
    mem_free(zero);
    buf_reset(&text);
    mem_free(folder);
    mem_free(from);
}

/* ---- committed, but not moved yet ---- */

static void readers_find_files_that_wait_in_staging(void **state)
{
    struct room *r = *state;
    struct lake *reader;
    struct lake_files files;
    char *path;
    assert_ok(world_live(r->lake, 10, &r->e), &r->e);
    assert_ok(world_live(r->lake, 10, &r->e), &r->e);
    /* As if the writer had died right after the commit point: move the last commit's files back. */
    struct lake_entry entry;
    assert_ok(lake_entry_read(r->lake, 2, &entry, &r->e), &r->e);
    struct store *s = lake_store(r->lake);
    assert_ok(store_make_dirs(s, entry.staging, &r->e), &r->e);
    for (size_t i = 0; i < entry.added_count; i++) {
        char *staged = mem_printf("%s/%s", entry.staging, entry.added[i].staged);
        assert_ok(store_rename(s, entry.added[i].file.path, staged, &r->e), &r->e);
        mem_free(staged);
    }
    overwrite(r, "silver/dim_x/part-0.parquet", "9\n"); /* the version before */
    assert_ok(lake_open(r->folder, LAKE_READER, &reader, &r->e), &r->e);
    assert_true(lake_file_find(reader, "silver/dim_x/part-0.parquet", &files));
    assert_ok(lake_file_path(reader, files.file[0], &path, &r->e), &r->e);
    struct buf text = {0};
    assert_ok(io_read_file(path, &text, &r->e), &r->e);
    assert_string_equal(text.ptr, "19\n");
    buf_reset(&text);
    mem_free(path);
    lake_files_free(&files);
    assert_true(world_audit(reader));
    lake_close(&reader);
    lake_entry_reset(&entry);
    r->lake->failed = true; /* close leaves staging alone, as a crash does */
    reopen(r, LAKE_WRITER);
    assert_true(world_is_right(r->folder, 20));
    assert_true(world_audit(r->lake));
}

static void a_lost_file_is_named(void **state)
{
    struct room *r = *state;
    struct lake_files files;
    char *local;
    assert_ok(world_live(r->lake, 10, &r->e), &r->e);
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = "fact_x"}, &files);
    char *path = in(r, files.file[0]->path);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(lake_file_path(r->lake, files.file[0], &local, &r->e), ERR_CORRUPT);
    assert_non_null(strstr(r->e.what, files.file[0]->path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(lake_file_path(r->lake, files.file[0], &local, &r->e), ERR_CORRUPT);
    lake_close(&r->lake);
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &r->lake, &r->e), ERR_CORRUPT); /* the head's files must be there */
    assert_non_null(strstr(r->e.what, files.file[0]->path));
    lake_files_free(&files);
    mem_free(path);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(folders_that_are_no_lake),
        T(another_format_is_refused),
        T(one_writer_at_a_time_and_readers_beside),
        T(a_reader_changes_nothing),
        T(no_permission_is_said),
        T(a_lake_remembers_across_opening),
        T(consumed_ranges_hold_bronze_commits_only),
        T(files_can_be_asked_for),
        T(a_checkpoint_is_used_and_a_damaged_one_is_not),
        T(a_checkpoint_of_another_log_is_not_used),
        T(a_damaged_log_stops_every_opening),
        T(entries_of_another_lake_do_not_fit),
        T(readers_find_files_that_wait_in_staging),
        T(a_lost_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
