/* A lake as SQL sees it: schemas silver and gold, with a view for every table, and quarantine.records, over exactly the
 * files that the log vouches for. Used by `sql`, `demo` and the page. */
#ifndef LAKEFM_LAKE_VIEWS_H
#define LAKEFM_LAKE_VIEWS_H

#include "base/err.h"
#include "lake/lake.h"
#include "schema/contract.h"
#include "sql/sql.h"

/* Makes or renews the views on one connection (they are seen by all of the database). Tables of the contracts that have no
 * rows yet are empty views. contracts may be NULL. */
enum err lake_views_make(struct lake *lake, const struct schema_set *contracts, struct sql_conn *conn,
                        struct error *e) MUST_CHECK;
/* The same for somebody who will say `wanted` (SQL): of a remote lake only the facts that this names are fetched, and others
 * that are here already; the rest are views that fail when they are read (*partial). wanted NULL: all. */
enum err lake_views_make_for(struct lake *lake, const struct schema_set *contracts, struct sql_conn *conn, const char *wanted,
                             bool *partial, struct error *e) MUST_CHECK;
/* Lets names resolve on this connection without their schema: main, gold, silver, in that order. Before the database is
 * locked (sql_db_lock), for it is a change of settings. */
enum err lake_views_names(struct sql_conn *conn, struct error *e) MUST_CHECK;
/* The SQL type of a contract's column. */
const char *lake_views_type(enum contract_type type);

#endif
