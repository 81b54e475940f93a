/* What refine does to the lake: rebuild, compaction, crashes, schemas of tables without rows, routes, times. */
#include "refine/refine_testing.h"

#include "base/clock.h"
#include "lake/compact.h"

#include <spawn.h>
#include <sys/wait.h>

static const char *const tables[] = {"fact_listen_events", "fact_page_view_events", "fact_auth_events", "fact_status_change_events",
                                     "dim_user", "dim_user_history", "dim_song", "dim_location", "dim_time"};
enum { TABLES = 9 };

static void some_bronze(struct kitchen *k, int commits)
{
    for (int t = 0; t < SAMPLE_TOPICS; t++) {
        struct buf text = {0};
        read_sample(sample_topic[t], &text);
        size_t most = text.len > 4000000 ? 4000000 : text.len;
        size_t at = 0;
        for (int i = 0; i < commits; i++) {
            size_t n = whole_lines(text.ptr + at, most - at, (most - at) / (size_t)(commits - i) + 1);
            if (i + 1 == commits) n = whole_lines(text.ptr + at, text.len - at, most - at);
            kitchen_bronze(k, sample_topic[t], text.ptr + at, n, 200000);
            at += n;
        }
        /* and some of it once more, some of it broken */
        kitchen_bronze(k, sample_topic[t], text.ptr, whole_lines(text.ptr, text.len, 20000), 5000);
        kitchen_line(k, sample_topic[t], "{\"ts\":1761955205000}\nnonsense\n\xff\xfe\n");
        buf_reset(&text);
    }
}

/* Fingerprint of every row of every table, order within a partition included for facts. */
static void remember(struct kitchen *k, const char *prefix)
{
    struct error e = {0};
    for (int i = 0; i < TABLES; i++) {
        kitchen_view(k, tables[i]);
        assert_ok(sql_execf(k->conn, &e, "create or replace table %s_%s as select * from %s", prefix, tables[i], tables[i]), &e);
    }
    assert_ok(sql_execf(k->conn, &e, "create or replace table %s_q as select * from read_json('%s/quarantine/*/*/*.json.gz', "
                                     "format = 'newline_delimited')", prefix, k->folder), &e);
}

static void same_as(struct kitchen *k, const char *a, const char *b)
{
    for (int i = 0; i < TABLES; i++) {
        char *x = mem_printf("select * from %s_%s", a, tables[i]), *y = mem_printf("select * from %s_%s", b, tables[i]);
        kitchen_same(k, x, y);
        mem_free(x);
        mem_free(y);
    }
    char *x = mem_printf("select * exclude origin from %s_q", a), *y = mem_printf("select * exclude origin from %s_q", b);
    kitchen_same(k, x, y);
    mem_free(x);
    mem_free(y);
}

static struct refine_totals rebuild(struct kitchen *k)
{
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals totals;
    assert_ok(refine_open(k->lake, &(struct refine_options){.contracts = k->contracts, .threads = 2, .max_reject_share = 1}, &r, &e), &e);
    assert_ok(refine_rebuild(r, &totals, &e), &e);
    refine_close(&r);
    return totals;
}

static size_t compact(struct kitchen *k, int min_files)
{
    struct error e = {0};
    struct refine *r = NULL;
    size_t folders = 0;
    assert_ok(refine_open(k->lake, &(struct refine_options){.contracts = k->contracts, .threads = 1}, &r, &e), &e);
    assert_ok(refine_compact(r, min_files, &folders, &e), &e);
    refine_close(&r);
    return folders;
}

static void rebuild_gives_the_same_rows(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    some_bronze(&k, 2);
    kitchen_refine(&k, 2);
    some_bronze(&k, 3); /* all of it is known by now, but for the conflicts of nothing */
    kitchen_line(&k, "listen_events", "{\"ts\":1761955205000}\n");
    kitchen_refine(&k, 2);
    remember(&k, "first");
    struct refine_totals t = rebuild(&k);
    assert_int_equal(t.read, t.rows + t.quarantined + t.duplicates + t.blank);
    remember(&k, "again");
    same_as(&k, "first", "again");
    kitchen_audit(&k);
    /* and the lake goes on from there: keys and dimensions too */
    some_bronze(&k, 1);
    t = kitchen_refine(&k, 2);
    assert_int_equal(t.rows, 0);
    kitchen_reopen(&k);
    rebuild(&k);
    remember(&k, "third");
    for (int i = 0; i < TABLES; i++) {
        char *x = mem_printf("select * from first_%s", tables[i]), *y = mem_printf("select * from third_%s", tables[i]);
        kitchen_same(&k, x, y);
        mem_free(x);
        mem_free(y);
    }
    kitchen_audit(&k);
    kitchen_close(&k);
}

static void compaction_keeps_every_row(void **state)
{
    (void)state;
    struct kitchen k;
    struct error e = {0};
    kitchen_open(&k);
    some_bronze(&k, 1);
    kitchen_refine(&k, 2);
    struct buf text = {0};
    read_sample("listen_events", &text);
    size_t from = whole_lines(text.ptr, text.len, 3500000);
    for (int i = 0; i < 4; i++) { /* more of the same days, refined one by one */
        size_t n = whole_lines(text.ptr + from, text.len - from, 250000);
        kitchen_bronze(&k, "listen_events", text.ptr + from, n, 100000);
        kitchen_refine(&k, 2);
        from += n;
    }
    remember(&k, "before");
    struct lake_files files;
    lake_files(k.lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER}, &files);
    size_t file_count = files.count;
    lake_files_free(&files);
    assert_true(compact(&k, 2) > 0);
    lake_files(k.lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER}, &files);
    assert_true(files.count < file_count);
    lake_files_free(&files);
    remember(&k, "after");
    same_as(&k, "before", "after");
    /* order within the day: by batch, then as before */
    kitchen_same(&k, "select ts, sessionId, itemInSession, lag(ts) over (order by rowid) as p from after_fact_listen_events where day = 1",
                 "select ts, sessionId, itemInSession, lag(ts) over (order by rowid) as p from before_fact_listen_events where day = 1");
    kitchen_audit(&k);
    /* keys are still right, from the state files and from bronze, compacted too */
    kitchen_bronze(&k, "listen_events", text.ptr, whole_lines(text.ptr, text.len, 100000), 20000);
    assert_int_equal(kitchen_refine(&k, 2).rows, 0);
    struct lake_dues dues;
    lake_compact_due(k.lake, &(struct lake_compact_options){.min_files = 2, .layers = 1u << LAKE_BRONZE}, &dues);
    assert_true(dues.count > 0);
    for (size_t i = 0; i < dues.count; i++) assert_ok(lake_compact_one(k.lake, &dues.due[i], lake_merge_gz, NULL, &e), &e);
    lake_dues_free(&dues);
    char *folder = mem_printf("%s/state", k.folder);
    assert_ok(io_remove_tree(folder, &e), &e);
    mem_free(folder);
    kitchen_bronze(&k, "listen_events", text.ptr, whole_lines(text.ptr, text.len, 100000), 20000);
    assert_int_equal(kitchen_refine(&k, 2).rows, 0);
    rebuild(&k);
    remember(&k, "rebuilt");
    for (int i = 0; i < TABLES; i++) {
        char *x = mem_printf("select * from before_%s", tables[i]), *y = mem_printf("select * from rebuilt_%s", tables[i]);
        kitchen_same(&k, x, y);
        mem_free(x);
        mem_free(y);
    }
    kitchen_audit(&k);
    buf_reset(&text);
    kitchen_close(&k);
}

/* Run in a process of its own, with a fault set: refines what is pending. */
static int refine_folder(const char *folder)
{
    struct error e = {0};
    struct lake *lake = NULL;
    struct schema_set *contracts = NULL;
    struct refine *r = NULL;
    struct refine_totals t;
    if (schema_set_load(NULL, &contracts, &e) != ERR_OK) return 2;
    if (lake_open(folder, LAKE_WRITER, &lake, &e) != ERR_OK) return 3;
    struct refine_options o = {.contracts = contracts, .threads = 2, .max_reject_share = 1};
    if (refine_open(lake, &o, &r, &e) != ERR_OK) return 4;
    return refine_pending(r, &t, &e) == ERR_OK ? 0 : 5;
}

/* One text for each table: equal texts are equal rows. */
static void fingerprints(struct kitchen *k, struct buf out[TABLES])
{
    struct error e = {0};
    for (int i = 0; i < TABLES; i++) {
        kitchen_view(k, tables[i]);
        char *text = mem_printf("select count(*) || ' ' || md5(string_agg(t::varchar, chr(10) order by t::varchar)) from %s t", tables[i]);
        buf_clear(&out[i]);
        assert_ok(sql_one_text(k->conn, text, &out[i], &e), &e);
        mem_free(text);
    }
}

/* Killed at every step of the commit and in between: nothing lost, nothing twice. */
static void killed_anywhere_it_ends_alike(void **state)
{
    (void)state;
    static const char *const point[] = {
        "refine.drained", "refine.ended", "lake.commit.swap", "lake.commit.entry", "lake.commit.point", "lake.commit.point.done",
        "lake.move:1", "lake.move:7", "lake.commit.sync", "lake.commit.clean", "refine.committed", "store.create:3", "store.fsync:5"};
    struct kitchen k;
    struct buf want[TABLES] = {0}, got[TABLES] = {0};
    kitchen_open(&k);
    some_bronze(&k, 1);
    kitchen_refine(&k, 2);
    fingerprints(&k, want);
    kitchen_close(&k);
    for (size_t i = 0; i < sizeof point / sizeof *point; i++) {
        struct error e = {0};
        kitchen_open(&k);
        some_bronze(&k, 1);
        lake_close(&k.lake);
        /* Not fork: DuckDB's allocator takes all its locks for one, which a sanitizer minds. */
        char *const argv[] = {"refine", k.folder, NULL};
        pid_t child;
        setenv("LAKEFM_FAULT", point[i], 1);
        assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ), 0);
        unsetenv("LAKEFM_FAULT");
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status)) print_error("%s: was not reached (exit %d)\n", point[i], WEXITSTATUS(status));
        assert_true(WIFSIGNALED(status));
        assert_ok(lake_open(k.folder, LAKE_WRITER, &k.lake, &e), &e);
        kitchen_refine(&k, 2);
        kitchen_audit(&k);
        kitchen_line(&k, "listen_events", "\n"); /* a further batch, that finds the state as it was left */
        some_bronze(&k, 1);
        assert_int_equal(kitchen_refine(&k, 2).rows, 0);
        fingerprints(&k, got);
        for (int t = 0; t < TABLES; t++) assert_string_equal(got[t].ptr, want[t].ptr);
        kitchen_close(&k);
    }
    for (int t = 0; t < TABLES; t++) {
        buf_reset(&want[t]);
        buf_reset(&got[t]);
    }
}

static void tables_without_rows_show_their_schema(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    kitchen_line(&k, "auth_events", "{\"ts\":1761955205000,\"sessionId\":1,\"level\":\"free\",\"itemInSession\":0,\"success\":true}\n");
    kitchen_refine(&k, 1);
    for (int i = 0; i < TABLES; i++) {
        kitchen_view(&k, tables[i]);
        char *text = mem_printf("select count(*) from %s", tables[i]);
        assert_int_equal(kitchen_one(&k, text), i == 2 || i == 8);
        mem_free(text);
    }
    assert_int_equal(kitchen_one(&k, "select count(*) from (describe fact_page_view_events)"), 22);
    assert_int_equal(kitchen_one(&k, "select count(*) from (describe fact_listen_events) where (column_name = 'batch' and column_type = "
                                     "'BIGINT') or (column_name = 'year' and column_type = 'USMALLINT') or (column_name = 'hour' and "
                                     "column_type = 'UTINYINT') or (column_name = 'event_time' and column_type = 'TIMESTAMP') or "
                                     "(column_name = 'itemInSession' and column_type = 'UINTEGER')"), 5);
    kitchen_audit(&k);
    kitchen_close(&k);
}

/* One record of the single stream may give rows of two tables; each is deduplicated by its own key. */
static void a_single_stream_fills_the_same_tables(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
#define STREAM(page, item, song)                                                                                       \
    "{\"ts\":1538352117000,\"userId\":\"30\",\"sessionId\":29,\"page\":\"" page "\",\"auth\":\"Logged In\",\"method\":\"PUT\",\"status\":200," \
    "\"level\":\"paid\",\"itemInSession\":" #item ",\"location\":\"Bakersfield, CA\",\"userAgent\":\"\\\"M\\\"\",\"lastName\":\"Freeman\"," \
    "\"firstName\":\"Colin\",\"registration\":1538173362000.0,\"gender\":\"M\",\"artist\":" song "}\n"
    kitchen_line(&k, "interana",
                 STREAM("NextSong", 50, "\"Martha Tilston\",\"song\":\"Rockpools\",\"length\":277.89016") STREAM("Home", 51, "null")
                 STREAM("NextSong", 52, "null") STREAM("NextSong", 50, "\"Martha Tilston\",\"song\":\"Rockpools\",\"length\":277.89016")
                 STREAM("Submit Upgrade", 53, "null"));
    struct refine_totals t = kitchen_refine(&k, 2);
    assert_int_equal(t.read, 5);
    assert_int_equal(t.quarantined, 1); /* a NextSong without a song */
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.duplicates, 1);
    assert_int_equal(t.derived, 2);
    for (int i = 0; i < TABLES; i++) kitchen_view(&k, tables[i]);
    assert_int_equal(kitchen_one(&k, "select count(*) from fact_page_view_events where userId = 30 and city = 'Bakersfield' and state = 'CA' and userAgent = 'M'"), 3);
    assert_int_equal(kitchen_one(&k, "select count(*) from fact_listen_events where song = 'Rockpools' and duration = 277.89016 and zip is null and itemInSession = 50"), 1);
    assert_int_equal(kitchen_one(&k, "select count(*) from fact_listen_events"), 1);
    assert_int_equal(kitchen_one(&k, "select count(*) from fact_status_change_events where itemInSession = 53"), 1);
    assert_int_equal(kitchen_one(&k, "select count(*) from dim_user where userId = 30 and firstName = 'Colin' and registration = 1538173362000 and level = 'paid'"), 1);
    assert_int_equal(kitchen_one(&k, "select count(*) from dim_song where song = 'Rockpools' and duration = 277.89016"), 1);
    assert_int_equal(kitchen_one(&k, "select count(*) from dim_location where zip is null and city = 'Bakersfield' and lat is null"), 1);
    kitchen_audit(&k);
    rebuild(&k);
    kitchen_audit(&k);
    kitchen_line(&k, "interana", STREAM("NextSong", 50, "\"Martha Tilston\",\"song\":\"Rockpools\",\"length\":277.89016"));
    t = kitchen_refine(&k, 2);
    assert_int_equal(t.duplicates, 1);
    assert_int_equal(t.derived, 0);
    kitchen_close(&k);
}

static void late_and_future_rows_are_flagged_only(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    setenv("LAKEFM_NOW_MS", "1764547200000", 1); /* 2025-12-01 */
#define VIEW(ts) "{\"ts\":" #ts ",\"sessionId\":1,\"page\":\"Home\",\"auth\":\"Guest\",\"method\":\"GET\",\"status\":200,\"level\":\"free\",\"itemInSession\":0}\n"
    kitchen_line(&k, "page_view_events", VIEW(1764540000000) VIEW(1800000000000));
    struct refine_totals t = kitchen_refine(&k, 1);
    assert_int_equal(t.rows, 2);
    assert_int_equal(t.future, 1);
    assert_int_equal(t.late, 0);
    kitchen_line(&k, "page_view_events", VIEW(1761955205000) VIEW(1764540001000) VIEW(-86400000));
    t = kitchen_refine(&k, 1);
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.late, 2);
    unsetenv("LAKEFM_NOW_MS");
    kitchen_view(&k, "fact_page_view_events");
    assert_int_equal(kitchen_one(&k, "select count(*) from fact_page_view_events where year = 1969 and month = 12 and day = 31 and hour = 0"), 1);
    assert_int_equal(kitchen_one(&k, "select count(distinct (year, month, day)) from fact_page_view_events"), 4);
    kitchen_audit(&k);
    kitchen_close(&k);
}

static void too_many_rejects_are_told_and_kept(void **state)
{
    (void)state;
    struct kitchen k;
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals t;
    kitchen_open(&k);
    kitchen_line(&k, "page_view_events", VIEW(1764540000000) "{}\n{}\nnull\n");
    assert_ok(refine_open(k.lake, &(struct refine_options){.contracts = k.contracts, .max_reject_share = 0.5}, &r, &e), &e);
    assert_int_equal(refine_pending(r, &t, &e), ERR_REJECTED_TOO_MANY);
    assert_non_null(strstr(e.what, "3 of 4"));
    assert_non_null(strstr(e.where, "page_view_events"));
    assert_int_equal(t.rows, 1);
    assert_int_equal(t.quarantined, 3);
    assert_ok(refine_pending(r, &t, &e), &e);
    assert_int_equal(t.batches, 0);
    refine_close(&r);
    kitchen_audit(&k);
    kitchen_close(&k);
}

int main(int argc, char **argv)
{
    if (argc == 2) return refine_folder(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rebuild_gives_the_same_rows),
        cmocka_unit_test(compaction_keeps_every_row),
        cmocka_unit_test(killed_anywhere_it_ends_alike),
        cmocka_unit_test(tables_without_rows_show_their_schema),
        cmocka_unit_test(a_single_stream_fills_the_same_tables),
        cmocka_unit_test(late_and_future_rows_are_flagged_only),
        cmocka_unit_test(too_many_rejects_are_told_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
