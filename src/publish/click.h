/* ClickHouse over HTTP: statements, answers as text, Parquet uploads. Works with servers from 18.16 on; `level` says which of
 * the newer things a server knows. One thread at a time.
 *
 * Errors: ERR_INPUT with the server's own text ("Code: 60. DB::Exception: …"), ERR_RETRY when no server answers, ERR_USAGE for a
 * wrong user or password. An HTTP status of 200 alone is not success: a query may fail after the first bytes, so the body is
 * looked at too, and every request waits for the query's end. */
#ifndef LAKEFM_PUBLISH_CLICK_H
#define LAKEFM_PUBLISH_CLICK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <signal.h>
#include <stdint.h>

struct click;
struct click_options {
    const char *url;                   /* "http://host:8123" */
    const char *user, *password;       /* NULL: "default", "" */
    int64_t wait_ms;                   /* how long to wait for a server that does not answer yet */
    const volatile sig_atomic_t *stop;
};
/* Connects and asks for the version. ERR_INPUT: the address answers, but not as ClickHouse does. */
enum err click_open(const struct click_options *options, struct click **out, struct error *e) MUST_CHECK;
void click_close(struct click **c);

const char *click_version(const struct click *c); /* "26.7.3.1" */
/* Is the server at least of this version? */
bool click_at_least(const struct click *c, unsigned major, unsigned minor);
/* Known to 20.10 and later: EXCHANGE TABLES, CREATE OR REPLACE TABLE, comments, Parquet; older ones get plain dialect. */
static inline bool click_modern(const struct click *c) { return click_at_least(c, 21, 3); }

/* One statement without rows. */
enum err click_run(struct click *c, const char *sql, struct error *e) MUST_CHECK;
enum err click_runf(struct click *c, struct error *e, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(3, 4);
/* A SELECT; out: its rows as TSV (appended), escapes as ClickHouse writes them. */
enum err click_rows(struct click *c, const char *sql, struct buf *out, struct error *e) MUST_CHECK;
/* One value, unescaped; "" when there is no row. */
enum err click_value(struct click *c, const char *sql, struct buf *out, struct error *e) MUST_CHECK;
/* "INSERT INTO … FORMAT Parquet" with the file's bytes as data. *written: rows by the server's count, -1: it did not say. */
enum err click_insert_file(struct click *c, const char *sql, const char *path, int64_t *written, struct error *e) MUST_CHECK;
/* The same, with data made piece by piece. */
enum err click_insert(struct click *c, const char *sql, enum err (*more)(void *ctx, struct buf *out, struct error *e), void *ctx,
                      struct error *e) MUST_CHECK;

void click_name(struct buf *out, const char *name);  /* `name` */
void click_text(struct buf *out, const char *text);  /* 'text' */
/* Reads the cell of TSV at *at, unescaped, into out (cleared), and moves *at past the tab or line end behind it. null: it was
 * \\N. Not to be called at the end of the text. */
void click_cell(const char **at, struct buf *out, bool *null);

#endif
