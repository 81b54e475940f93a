/* What `lakefm sql` works with: a lake's views in a locked DuckDB in memory, and where results go. */
#ifndef LAKEFM_CLI_SQL_SESSION_H
#define LAKEFM_CLI_SQL_SESSION_H

#include "cli/cli.h"
#include "cli/output.h"
#include "lake/lake.h"
#include "schema/contract.h"
#include "sql/sql.h"

struct sql_session {
    struct cli *cli;
    struct lake *lake; /* NULL with --no-lake */
    struct schema_set *contracts;
    struct sql_db *db;
    struct sql_conn *conn;
    uint64_t seen; /* the commit the views show */
    struct buf said; /* all scripts so far: the tables that they name are fetched */
    bool partial;    /* there are others */
    enum output_format format;
    bool timer;    /* say rows and time after each statement */
    int out_fd;    /* -1: stdout */
    const char *out_path;
    size_t results;
    bool wrote;    /* something of the statement at hand has been put out */
};

/* allow: folders that statements may read and write besides the lake; out_path: a file they may write, or NULL. */
enum err sql_session_open(struct sql_session *s, bool with_lake, const struct cli_list *allow, const char *out_path,
                          uint32_t timeout_ms, struct error *e) MUST_CHECK;
void sql_session_close(struct sql_session *s);
/* All statements of the script, their results put out. The views follow the lake. */
enum err sql_session_run(struct sql_session *s, const char *script, struct error *e) MUST_CHECK;
/* The interactive mode, until end of input. */
enum err sql_shell(struct sql_session *s, struct error *e) MUST_CHECK;

#endif
