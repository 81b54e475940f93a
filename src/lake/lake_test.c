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
    if (!world_folder(r->folder)) return -1;
    if (lake_open_or_init(r->folder, LAKE_WRITER, &r->lake, &r->e) != ERR_OK) return -1;
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

static void reopen(struct room *r, enum lake_mode mode)
{
    lake_close(&r->lake);
    assert_ok(lake_open(r->folder, mode, &r->lake, &r->e), &r->e);
}

static char *in(struct room *r, const char *path) { return io_path(r->folder, path); }

static void overwrite(struct room *r, const char *path, const char *text)
{
    char *full = in(r, path);
    assert_ok(io_write_file(full, text, strlen(text), false, &r->e), &r->e);
    mem_free(full);
}

static bool there(struct room *r, const char *path)
{
    char *full = in(r, path);
    bool out = io_exists(full);
    mem_free(full);
    return out;
}

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
    assert_int_equal(lake_open("hdfs://h:1/user", LAKE_READER, &lake, &r->e), ERR_UNSUPPORTED);
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
    char *log = in(r, "log");
    assert_int_equal(chmod(log, 0500), 0);
    assert_int_equal(lake_open(r->folder, LAKE_WRITER, &lake, &r->e), ERR_IO);
    assert_non_null(strstr(r->e.what, "Permission denied"));
    assert_int_equal(chmod(log, 0700), 0);
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
        T(readers_find_files_that_wait_in_staging),
        T(a_lost_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
