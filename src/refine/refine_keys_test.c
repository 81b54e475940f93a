/* Duplicates and conflicts: inside a batch, across batches, across processes, and with the state files gone or damaged. */
#include "refine/refine_testing.h"

#include "base/clock.h"

#define LISTEN(user, session, item, ts, song)                                                                          \
    "{\"artist\":\"A\",\"song\":\"" song "\",\"duration\":100.5,\"ts\":" #ts ",\"sessionId\":" #session ",\"auth\":\"Logged In\","   \
    "\"level\":\"free\",\"itemInSession\":" #item ",\"city\":\"C\",\"zip\":\"1\",\"state\":\"S\",\"userAgent\":\"U\",\"lon\":1.5,"       \
    "\"lat\":2.5,\"userId\":" #user ",\"lastName\":\"L\",\"firstName\":\"F\",\"gender\":\"F\",\"registration\":1}\n"

static int64_t rows_of(struct kitchen *k)
{
    kitchen_view(k, "fact_listen_events");
    return kitchen_one(k, "select count(*) from fact_listen_events");
}

static void quarantine_view(struct kitchen *k)
{
    struct error e = {0};
    assert_ok(sql_execf(k->conn, &e, "create or replace view q as select * from read_json('%s/quarantine/*/*/*.json.gz', format = "
                                     "'newline_delimited', columns = {topic: varchar, \"partition\": int, \"offset\": bigint, reason: varchar, "
                                     "\"column\": varchar, origin: varchar, raw: varchar, raw_b64: varchar})", k->folder), &e);
}

static void first_of_a_key_stays(void **state)
{
    (void)state;
    struct kitchen k;
    kitchen_open(&k);
    kitchen_line(&k, "listen_events",
                 LISTEN(1, 10, 0, 1761955205000, "one") LISTEN(1, 10, 1, 1761955206000, "two") LISTEN(1, 10, 0, 1761955205000, "one")
                 LISTEN(1, 10, 1, 1761955206000, "other") "\n" LISTEN(2, 10, 1, 1761955206000, "two"));
    struct refine_totals t = kitchen_refine(&k, 2);
    assert_int_equal(t.read, 6);
    assert_int_equal(t.blank, 1);
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.duplicates, 1);
    assert_int_equal(t.conflicts, 1);
    assert_int_equal(rows_of(&k), 3);
    quarantine_view(&k);
    assert_int_equal(kitchen_one(&k, "select count(*) from q where reason = 'conflict' and \"column\" is null and \"offset\" = 3 and topic = "
                                     "'listen_events' and raw like '{%\"other\"%}' and raw_b64 is null"), 1);
    /* Key order, spacing and escapes are no other payload. */
    kitchen_line(&k, "listen_events",
                 "{\"userId\":1, \"song\":\"\\u006fne\",\"artist\":\"A\",\"duration\":1005e-1,\"ts\":1761955205000,\"sessionId\":10,\"auth\":\"Logged In\","
                 "\"level\":\"free\",\"itemInSession\":0,\"city\":\"C\",\"zip\":\"1\",\"state\":\"S\",\"userAgent\":\"U\",\"lon\":1.5,\"lat\":2.50,"
                 "\"lastName\":\"L\",\"firstName\":\"F\",\"gender\":\"F\",\"registration\":1}\n");
    t = kitchen_refine(&k, 1);
    assert_int_equal(t.duplicates, 1);
    kitchen_audit(&k);
    kitchen_close(&k);
}

static void touch(const struct kitchen *k, const char *what, bool cut)
{
    char *path = mem_printf("%s/state/dedupe/fact_listen_events/%s", k->folder, what);
    struct buf text = {0};
    struct error e = {0};
    assert_ok(io_read_file(path, &text, &e), &e);
    if (cut) text.len -= 3;
    else text.ptr[text.len - 5] ^= 1;
    assert_ok(io_write_file(path, text.ptr, text.len, false, &e), &e);
    buf_reset(&text);
    mem_free(path);
}

/* The same questions, however the keys are remembered. */
static void ask_again(struct kitchen *k)
{
    int64_t before = rows_of(k);
    kitchen_line(k, "listen_events",
                 LISTEN(1, 10, 0, 1761955205000, "one") LISTEN(1, 10, 1, 1761955206000, "other") LISTEN(1, 11, 1, 1762041606000, "two"));
    struct refine_totals t = kitchen_refine(k, 2);
    assert_int_equal(t.duplicates, 2);
    assert_int_equal(t.conflicts, 1);
    assert_int_equal(t.rows, 0);
    assert_int_equal(rows_of(k), before);
}

static void keys_are_known_across_batches_and_damage(void **state)
{
    (void)state;
    struct kitchen k;
    struct error e = {0};
    kitchen_open(&k);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 0, 1761955205000, "one"));
    kitchen_refine(&k, 2);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 1, 1761955206000, "two") LISTEN(1, 11, 1, 1762041606000, "two"));
    kitchen_refine(&k, 2);
    ask_again(&k);
    kitchen_reopen(&k);
    ask_again(&k);
    touch(&k, "2025-11-01.keys", true); /* the second segment is cut: the first is still good */
    ask_again(&k);
    touch(&k, "2025-11-01.keys", false);
    ask_again(&k);
    char *folder = mem_printf("%s/state", k.folder);
    assert_ok(io_remove_tree(folder, &e), &e);
    ask_again(&k);
    mem_free(folder);
    /* after all that, new keys are still new, and remembered */
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 2, 1761955207000, "three"));
    assert_int_equal(kitchen_refine(&k, 2).rows, 1);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 2, 1761955207000, "three"));
    assert_int_equal(kitchen_refine(&k, 2).duplicates, 1);
    kitchen_audit(&k);
    kitchen_close(&k);
}

/* Bronze and state gone: keys come from silver; a conflict then counts as a duplicate, nothing gets in twice. */
static void without_bronze_keys_come_from_silver(void **state)
{
    (void)state;
    struct kitchen k;
    struct error e = {0};
    kitchen_open(&k);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 0, 1761955205000, "one") LISTEN(1, 10, 1, 1761955206000, "two"));
    kitchen_line(&k, "page_view_events",
                 "{\"ts\":1761955205000,\"sessionId\":5,\"page\":\"Home\",\"auth\":\"Guest\",\"method\":\"GET\",\"status\":200,\"level\":\"free\",\"itemInSession\":0}\n");
    kitchen_refine(&k, 2);
    struct lake_files files;
    lake_files(k.lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE}, &files);
    for (size_t i = 0; i < files.count; i++) {
        char *path = io_path(k.folder, files.file[i]->path);
        assert_int_equal(unlink(path), 0);
        mem_free(path);
    }
    lake_files_free(&files);
    char *folder = mem_printf("%s/state", k.folder);
    assert_ok(io_remove_tree(folder, &e), &e);
    mem_free(folder);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 0, 1761955205000, "one") LISTEN(1, 10, 1, 1761955206000, "other"));
    kitchen_line(&k, "page_view_events",
                 "{\"ts\":1761955205000,\"sessionId\":5,\"page\":\"Home\",\"auth\":\"Guest\",\"method\":\"GET\",\"status\":200,\"level\":\"free\",\"itemInSession\":0}\n");
    struct refine_totals t = kitchen_refine(&k, 2);
    assert_int_equal(t.duplicates, 3);
    assert_int_equal(t.rows + t.conflicts, 0);
    kitchen_close(&k);
}

/* One handle, many batches, as live writing does it; one of them is given up. */
static void a_batch_given_up_leaves_no_keys(void **state)
{
    (void)state;
    struct kitchen k;
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals t;
    kitchen_open(&k);
    volatile sig_atomic_t stop = 0;
    struct refine_options o = {.contracts = k.contracts, .stop = &stop, .threads = 2, .max_reject_share = 1};
    assert_ok(refine_open(k.lake, &o, &r, &e), &e);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 0, 1761955205000, "one"));
    assert_ok(refine_pending(r, &t, &e), &e);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 0, 1761955205000, "one") LISTEN(1, 10, 1, 1761955206000, "two"));
    struct lake_batch *batch = NULL;
    assert_ok(lake_batch_begin(k.lake, LAKE_REFINE, &batch, &e), &e);
    assert_ok(refine_begin(r, batch, &e), &e);
    refine_abandon(r);
    lake_batch_abort(&batch);
    stop = 1;
    assert_int_equal(refine_pending(r, &t, &e), ERR_STOPPED);
    stop = 0;
    assert_ok(refine_pending(r, &t, &e), &e);
    assert_int_equal(t.duplicates, 1);
    assert_int_equal(t.rows, 1);
    kitchen_line(&k, "listen_events", LISTEN(1, 10, 1, 1761955206000, "two"));
    assert_ok(refine_pending(r, &t, &e), &e);
    assert_int_equal(t.duplicates, 1);
    assert_int_equal(rows_of(&k), 2);
    refine_close(&r);
    kitchen_audit(&k);
    kitchen_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_of_a_key_stays),
        cmocka_unit_test(keys_are_known_across_batches_and_damage),
        cmocka_unit_test(without_bronze_keys_come_from_silver),
        cmocka_unit_test(a_batch_given_up_leaves_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
