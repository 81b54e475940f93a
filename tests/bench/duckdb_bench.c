/* One SQL script in DuckDB alone, in memory, with all cores: wall clock, CPU, peak memory.
 *
 *     duckdb_bench SQL [--memory BYTES] */
#include "base/clock.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

int main(int argc, char **argv)
{
    struct error e = {0};
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    struct rusage usage;
    char text[2048];
    struct sql_options o = {.any_order = true};
    enum err rc = ERR_USAGE;
    if (argc < 2) {
        fprintf(stderr, "usage: duckdb_bench SQL [--memory BYTES]\n");
        return 2;
    }
    if (argc > 3 && !strcmp(argv[2], "--memory")) o.memory_bytes = strtoull(argv[3], NULL, 10);
    uint64_t started = clock_mono_ns();
    TRY(sql_open(&o, &db, &e));
    TRY(sql_connect(db, &conn, &e));
    TRY(sql_exec(conn, argv[1], &e));
done:
    sql_disconnect(&conn);
    sql_close(&db);
    if (rc != ERR_OK) {
        fprintf(stderr, "%s\n", err_format(&e, text, sizeof text));
        return 1;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("wall %.3f s  user %.3f s  sys %.3f s  rss %ld MB\n", (double)(clock_mono_ns() - started) * 1e-9,
           seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss / 1024);
    return 0;
}
