/* For tests of refine: a lake in a temporary folder, bronze from texts, and SQL over what came of it. */
#ifndef LAKEFM_REFINE_TESTING_H
#define LAKEFM_REFINE_TESTING_H

#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/test.h"
#include "lake/audit.h"
#include "refine/decode.h"
#include "refine/refine.h"
#include "sql/sql.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE "tests/golden/eventsim/"
static const char *const sample_topic[] = {"listen_events", "page_view_events", "auth_events", "status_change_events"};
enum { SAMPLE_TOPICS = 4 };

struct kitchen {
    char folder[64];
    struct lake *lake;
    struct schema_set *contracts;
    struct sql_db *db;
    struct sql_conn *conn;
    int64_t sources; /* made so far */
};

static inline void kitchen_sql(struct kitchen *k, const char *text)
{
    struct error e = {0};
    assert_ok(sql_exec(k->conn, text, &e), &e);
}

static inline void kitchen_open(struct kitchen *k)
{
    struct error e = {0};
    const char *where = getenv("LAKEFM_TEST_DIR");
    memset(k, 0, sizeof *k);
    snprintf(k->folder, sizeof k->folder, "%.30s/lakefm-test-XXXXXX", where ? where : access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(k->folder));
    assert_ok(lake_open_or_init(k->folder, LAKE_WRITER, &k->lake, &e), &e);
    assert_ok(schema_set_load(NULL, &k->contracts, &e), &e);
    assert_ok(sql_open(&(struct sql_options){.threads = 2}, &k->db, &e), &e);
    assert_ok(sql_connect(k->db, &k->conn, &e), &e);
}

static inline void kitchen_close(struct kitchen *k)
{
    struct error e = {0};
    sql_disconnect(&k->conn);
    sql_close(&k->db);
    lake_close(&k->lake);
    schema_set_free(&k->contracts);
    assert_ok(io_remove_tree(k->folder, &e), &e);
}

static inline void kitchen_reopen(struct kitchen *k)
{
    struct error e = {0};
    lake_close(&k->lake);
    assert_ok(lake_open(k->folder, LAKE_WRITER, &k->lake, &e), &e);
}

static inline int64_t count_lines(const char *text, size_t len)
{
    int64_t n = len && text[len - 1] != '\n';
    for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++) n++;
    return n;
}

/* The end of the last whole line at or before `most`, or of the first line if that is longer. */
static inline size_t whole_lines(const char *text, size_t len, size_t most)
{
    if (len <= most) return len;
    const char *newline = memrchr(text, '\n', most);
    if (!newline) newline = memchr(text + most, '\n', len - most);
    return newline ? (size_t)(newline - text) + 1 : len;
}

/* One ingest commit: the text as one bronze file of members of about member_bytes. */
static inline void kitchen_bronze(struct kitchen *k, const char *topic, const char *text, size_t len, size_t member_bytes)
{
    struct error e = {0};
    struct lake_batch *b = NULL;
    struct lake_out *out = NULL;
    struct buf packed = {0};
    struct gzip_writer *w = gzip_writer_new();
    uint32_t source = 0;
    int64_t lines = count_lines(text, len);
    char *id = mem_printf("test-%lld", (long long)++k->sources);
    assert_ok(lake_batch_begin(k->lake, LAKE_INGEST, &b, &e), &e);
    struct lake_source s = {.source = "file", .topic = topic, .partition = -1, .id = id, .name = "test", .first = 0,
                            .next = (int64_t)len, .records = lines, .rows = lines};
    assert_ok(lake_batch_source(b, &s, &source, &e), &e);
    struct lake_span span = {source, 0, lines};
    struct lake_part part = {.layer = LAKE_BRONZE, .table = topic, .date = 20500, .hour = 7, .k = 0, .ext = "json.gz"};
    assert_ok(lake_batch_create(b, &part, &out, &e), &e);
    for (size_t at = 0; at < len;) {
        size_t n = whole_lines(text + at, len - at, member_bytes);
        gzip_write_member(w, text + at, n, &packed);
        at += n;
    }
    assert_ok(io_write_all(out->fd, packed.ptr, packed.len, out->local_path, &e), &e);
    struct lake_stats stats = {.rows = lines, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE, .spans = &span, .span_count = 1};
    assert_ok(lake_out_finish(&out, &stats, &e), &e);
    assert_ok(lake_batch_commit(&b, NULL, &e), &e);
    gzip_writer_free(&w);
    buf_reset(&packed);
    mem_free(id);
}

static inline void kitchen_line(struct kitchen *k, const char *topic, const char *text)
{
    kitchen_bronze(k, topic, text, strlen(text), 1 << 20);
}

static inline struct refine_totals kitchen_refine(struct kitchen *k, unsigned threads)
{
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals totals;
    struct refine_options o = {.contracts = k->contracts, .threads = threads, .max_reject_share = 1};
    assert_ok(refine_open(k->lake, &o, &r, &e), &e);
    assert_ok(refine_pending(r, &totals, &e), &e);
    refine_close(&r);
    assert_int_equal(totals.read, totals.rows + totals.quarantined + totals.duplicates + totals.blank);
    return totals;
}

static inline void read_sample(const char *topic, struct buf *out)
{
    struct error e = {0};
    struct gzip_stream *s = NULL;
    char *path = mem_printf(SAMPLE "%s.json.gz", topic);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(gzip_stream_open(fd, path, &s, &e), &e);
    for (size_t got = 1; got;) {
        char *to = buf_reserve(out, 1 << 20);
        assert_ok(gzip_stream_read(s, to, 1 << 20, &got, &e), &e);
        out->len += got;
    }
    gzip_stream_free(&s);
    mem_free(path);
}

static inline int64_t kitchen_one(struct kitchen *k, const char *query)
{
    struct error e = {0};
    int64_t value = 0;
    assert_ok(sql_one_i64(k->conn, query, &value, &e), &e);
    return value;
}

/* View <table> over what plain globs see. */
static inline void kitchen_view(struct kitchen *k, const char *table)
{
    struct error e = {0};
    const char *glob = strncmp(table, "fact", 4) ? "*.parquet" : "*/*.parquet";
    assert_ok(sql_execf(k->conn, &e, "create or replace view %s as select * from read_parquet('%s/silver/%s/%s', "
                                     "hive_partitioning = false)", table, k->folder, table, glob), &e);
}

/* Both queries give the same rows, as often; at least one. Prints what differs. */
static inline void kitchen_same(struct kitchen *k, const char *a, const char *b)
{
    struct error e = {0};
    struct sql_result *r = NULL;
    size_t rows = 0;
    char *text = mem_printf("select * from ((select 'only in the lake' as which, * from (select * from (%s) except all select * from (%s))) "
                            "union all (select 'only expected', * from (select * from (%s) except all select * from (%s)))) limit 6",
                            a, b, b, a);
    assert_ok(sql_query(k->conn, text, SQL_WHOLE, &r, &e), &e);
    while (sql_next(r, &rows, &e) == ERR_OK && rows)
        for (size_t i = 0; i < rows; i++) {
            struct buf line = {0};
            for (size_t c = 0; c < sql_result_columns(r); c++) {
                buf_str(&line, " | ");
                sql_add_text(r, c, i, &line);
            }
            print_error("%s\n", line.ptr);
            buf_reset(&line);
        }
    int64_t differ = sql_result_rows(r);
    sql_result_free(&r);
    mem_free(text);
    assert_int_equal(differ, 0);
    text = mem_printf("select count(*) from (%s)", a);
    assert_true(kitchen_one(k, text) > 0);
    mem_free(text);
}

static inline void kitchen_audit(struct kitchen *k)
{
    struct error e = {0};
    struct lake_audit audit = {0};
    assert_ok(lake_audit(k->lake, &(struct lake_audit_options){.threads = 1}, &audit, &e), &e);
    for (size_t i = 0; i < audit.count; i++)
        if (!audit.finding[i].ok) print_error("audit: %s %s: %s\n", audit.finding[i].check, audit.finding[i].where, audit.finding[i].what);
    assert_int_equal(audit.bad, 0);
    lake_audit_free(&audit);
}

#endif
