/* A real ClickHouse inside lakefm: HTTP on 8123, the native protocol on 9000, with gold as views in database Spotify that
 * follow the lake. `lakefm serve` and `run` with the setting clickhouse: embedded.
 *
 * Users: bi (read only: profile readonly 2; clickhouse.password, on loopback may be none) and default (the same rights, no
 * password, loopback only) see Spotify and system and nothing else; lakefm is ours, with a password made anew at each start.
 * Memory, time and the number of queries are limited.
 *
 * Readers never meet an error because of a build: the views read the files by a pattern at each query, and a build replaces a
 * file in one step. Views are made anew, exchanged in one step, when a mart or a column is new. */
#ifndef LAKEFM_PUBLISH_EMBEDDED_H
#define LAKEFM_PUBLISH_EMBEDDED_H

#include "publish/child.h"

struct embedded;
struct embedded_options {
    const char *program;     /* lakefm's own path: it becomes the child */
    const char *library;     /* NULL: looked for */
    const char *lake_url;
    const char *project;     /* dbt project with the marts' notes; NULL: the one built in */
    const char *folder;      /* of the child: settings, data, logs; made when missing */
    const char *database;
    const char *bind;
    int64_t http_port, tcp_port;
    const char *password;    /* of user bi; NULL: none */
    uint64_t memory_bytes;
    int64_t poll_ms;         /* how often the lake is looked at; 0: 500 */
};
/* ERR_BUSY: a port is taken; ERR_USAGE: not a loopback address and no password; ERR_NOT_FOUND: no library. */
enum err embedded_open(const struct embedded_options *options, struct embedded **out, struct error *e) MUST_CHECK;
void embedded_close(struct embedded **embedded); /* accepts NULL */
void embedded_state(struct embedded *embedded, struct child_state *out);

/* The files of settings; pure, for tests. */
struct buf;
void embedded_server_xml(const struct embedded_options *o, struct buf *out);
void embedded_users_xml(const struct embedded_options *o, const char *admin_password, struct buf *out);

#endif
