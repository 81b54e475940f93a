/* Gold in ClickHouse: `lakefm publish clickhouse`.
 *
 * Every mart becomes a table of one database. Three ways:
 *   hdfs   ENGINE = HDFS over the files of the lake: nothing is copied, each query reads HDFS
 *   load   MergeTree, filled from the files beside the live table and exchanged with it in one step
 *   file   a view over file(): for a server that sees the lake's folder
 * Afterwards ClickHouse is asked for the rows and for a total of every column, which must be those of the lake's own files
 * (publish/mart.h). Publishing again changes nothing but what differs.
 *
 * Tables that are not ours and hold data are not touched: ERR_EXISTS, unless `replace`. Ours carry a comment that begins with
 * "lakefm ". An older server keeps no comments: there a table with other columns than ours counts as foreign. */
#ifndef LAKEFM_PUBLISH_CLICKHOUSE_H
#define LAKEFM_PUBLISH_CLICKHOUSE_H

#include "lake/lake.h"
#include "publish/click.h"
#include "publish/mart.h"

enum clickhouse_mode { CLICKHOUSE_HDFS, CLICKHOUSE_LOAD, CLICKHOUSE_FILE };
extern const char *const clickhouse_modes[]; /* "hdfs", "load", "file", NULL */

struct clickhouse_options {
    enum clickhouse_mode mode;
    const char *database;              /* "Spotify" */
    const char *root;                  /* hdfs: "hdfs://host:8020/user", where gold/ is; file: the lake's folder, absolute */
    const char *definer;               /* file: the user whose rights the views have; NULL: nothing is said */
    bool replace;
    bool no_check;                     /* file: skip the totals (the views were checked when the files were new) */
    const volatile sig_atomic_t *stop;
    /* Told after each mart: what was done ("created", "loaded", "replaced", "unchanged"). May be NULL. */
    void (*done)(void *ctx, const struct mart *mart, const char *what);
    void *ctx;
};

/* On any error the tables that readers see are either the old or the new ones, each whole. ERR_CORRUPT: ClickHouse's totals
 * differ from the lake's. ERR_RETRY: no server, or the lake moved on. */
enum err clickhouse_publish(struct click *c, const struct marts *marts, const struct clickhouse_options *o,
                            struct error *e) MUST_CHECK;
/* What would be run, as a script; appends. Of a server of today. */
void clickhouse_script(const struct marts *marts, const struct clickhouse_options *o, struct buf *out);

/* ---- the parts (also for tests) ---- */

/* CREATE of one mart without a ';' at the end. table: its name; stamp: the comment that marks it, NULL: no comments at all. */
void clickhouse_ddl(const struct mart *m, const struct clickhouse_options *o, const char *table, const char *stamp, bool or_replace,
                    struct buf *out);
/* "lakefm load 0123…": equal stamps are equal tables (of load: equal rows too). */
void clickhouse_stamp(const struct mart *m, const struct clickhouse_options *o, struct buf *out);
/* SELECT count(), then for each column count(c) and its total. */
void clickhouse_totals_sql(const struct mart *m, const char *database, const char *table, bool modern, struct buf *out);
/* Compares the TSV answer with the mart; ERR_CORRUPT names the first difference. */
enum err clickhouse_totals_check(const struct mart *m, const char *tsv, bool modern, struct error *e) MUST_CHECK;

#endif
