/* The child's side: ClickHouse's own server out of libchdb, in this process. libchdb (26.7 and later) holds the program
 * `clickhouse local`, and that one knows SYSTEM START LISTEN. One server a process; it may end the process at any time, so
 * this is for a process of its own (publish/child.h). */
#ifndef LAKEFM_PUBLISH_CHDB_H
#define LAKEFM_PUBLISH_CHDB_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct chdb_server {
    const char *library; /* libchdb.so */
    const char *folder;  /* its data: <folder>/data; <folder>/server.xml must be there */
    const char *bind;
    int64_t http_port, tcp_port; /* tcp_port 0: none */
};
/* Serves until stdin is closed. ERR_UNSUPPORTED: no library, or one that cannot listen. That it returns ERR_OK does not say that
 * it ever served: a taken port or folder is only told on stderr. */
enum err chdb_serve(const struct chdb_server *server, struct error *e) MUST_CHECK;
/* Where libchdb is: `wanted` if not NULL, else beside the program, in ../lib/lakefm of it, in deps/clickhouse of the source
 * tree it was built in. Heap. ERR_NOT_FOUND says how to get it. */
enum err chdb_find(const char *wanted, char **path, struct error *e) MUST_CHECK;

#endif
