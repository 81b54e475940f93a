/* Event contracts: what one topic's records look like and which silver table they become. One YAML file per topic
 * (contracts/<topic>.yml, embedded; a user's folder adds to and overrides the embedded ones). The decoder, the silver
 * schema, ClickHouse's DDL, the Spark jobs, dbt's source docs and the simulator all read these.
 *
 * Ownership: a schema_set owns all its contracts and all text they point to; everything is read-only once loaded, lives
 * until schema_set_free, and may be shared by threads.
 *
 * A contract has two lists of columns:
 *   columns[]  what is decoded from JSON, in the file's order. The decoder's column i is columns[i]. Some feed only the
 *              dimensions (`fact: false`: firstName, lat, registration …).
 *   fact[]     the silver table's columns, in their exact order: decoded ones and derived ones (event_time, year, month,
 *              day, hour, batch).
 * and at least one route. An ordinary contract has one: every record gives one row of its own table. A contract with
 * `route: <column>` (Interana's single stream) owns no table: its routes name other contracts; every record gives one
 * row of routes[0].target's table (the primary), and, by the value of the route column, at most one extra row of
 * another's. So a consumer that walks routes[] needs no special case:
 *
 *     row of route r, fact column f:  r->target->fact[f] comes from decoder column r->map[f], or from nothing (null) if
 *                                     that is CONTRACT_NONE; derived columns come from the row's time and the batch.
 *
 * The file (unknown keys, duplicate keys, unknown types … are errors that name file, line and the nearest right name):
 *
 *     topic: listen_events                   # also the stem of its files' names
 *     title: Songs listened to
 *     doc: …                                 # optional
 *     aliases: [listen-events]               # other names of the topic
 *     table: fact_listen_events              # not with `route`
 *     time: {column: ts, unit: ms}           # unit: ms | s | us | iso (text, clock_parse_iso)
 *     key: [sessionId, itemInSession, ts, userId]   # or `key: row`: the whole record. Not with `route`
 *     dims: [dim_user, dim_song, dim_location, dim_time]
 *     columns:
 *       - {name: ts, type: int64, required: true, store: dense, doc: …}
 *       - {derive: event_time}
 *       - {name: userAgent, type: string, clean: [unquote], from: [userAgent, user_agent]}
 *       - {name: success, type: bool, from: [status], equals: 307}     # true where the number is that
 *     route: page                            # optional, with
 *     routes:
 *       - {topic: page_view_events}          # the primary: no `when`
 *       - {topic: listen_events, when: [NextSong]}
 */
#ifndef LAKEFM_SCHEMA_CONTRACT_H
#define LAKEFM_SCHEMA_CONTRACT_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum contract_type {
    CONTRACT_INT64,
    CONTRACT_UINT32,
    CONTRACT_UINT16,
    CONTRACT_UINT8,
    CONTRACT_DOUBLE,       /* finite */
    CONTRACT_STRING,       /* valid UTF-8, no NUL */
    CONTRACT_BOOL,
    CONTRACT_TIMESTAMP_MS, /* ms since the epoch, UTC wall clock (Parquet: TIMESTAMP(MILLIS, isAdjustedToUTC=false)); from
                              an integer or ISO text (clock_parse_iso) */
};
enum { CONTRACT_TYPES = CONTRACT_TIMESTAMP_MS + 1 };
const char *contract_type_name(enum contract_type t); /* "int64", "uint32", … as in the file */

/* Cleaning steps, applied in this order whatever the order in the file, once per distinct text. */
enum contract_clean {
    CONTRACT_UNQUOTE = 1 << 0,           /* one pair of surrounding '"' removed (text of ≥ 2 characters) */
    CONTRACT_MOJIBAKE = 1 << 1,          /* UTF-8 read as ISO-8859-1 is repaired; rule in design.md, schema/clean.h */
    CONTRACT_BEFORE_LAST_COMMA = 1 << 2, /* "City, ST" → "City"; without a comma the whole text */
    CONTRACT_AFTER_LAST_COMMA = 1 << 3,  /* "City, ST" → "ST"; one space after the comma goes; without a comma null */
    CONTRACT_EMPTY_NULL = 1 << 4,        /* what is now "" becomes null */
};

/* What a number column takes beside plain JSON numbers of its kind. */
enum contract_accept {
    CONTRACT_ACCEPT_TEXT = 1 << 0,  /* "42": the number inside a string */
    CONTRACT_ACCEPT_FLOAT = 1 << 1, /* integer columns: 42.0, 4.2e1 (an integral value, taken exactly) */
    CONTRACT_ACCEPT_BLANK = 1 << 2, /* "" counts as null */
};

enum contract_unit { CONTRACT_UNIT_MS, CONTRACT_UNIT_S, CONTRACT_UNIT_US, CONTRACT_UNIT_ISO };

enum { CONTRACT_NONE = 0xffff, CONTRACT_MAX_COLUMNS = 64, CONTRACT_MAX_KEY = 8, CONTRACT_MAX_ROUTES = 8 };

struct contract_column {
    const char *name;
    const char *doc;            /* never NULL */
    const char *const *from;    /* JSON keys accepted; where a record holds more than one, the first in this list that is
                                   there wins and the others count as drift */
    uint16_t from_count;        /* ≥ 1 (the name itself when the file says nothing) */
    enum contract_type type;
    unsigned clean;             /* enum contract_clean */
    unsigned accept;            /* enum contract_accept */
    bool required;              /* missing or null rejects the record */
    bool pii;
    bool fact;                  /* in the table; false: decoded for the dimensions only */
    bool dense;                 /* `store: dense` (default: codes): the decoder gives values, not dictionary codes. For
                                   integers that seldom repeat; the time column always */
    bool has_equals;            /* bool columns: true where the JSON number equals `equals` */
    int64_t equals;
};

enum contract_source {
    CONTRACT_FROM_JSON,
    CONTRACT_EVENT_TIME, /* TIMESTAMP_MS */
    CONTRACT_YEAR,       /* UINT16 */
    CONTRACT_MONTH,      /* UINT8 */
    CONTRACT_DAY,        /* UINT8 */
    CONTRACT_HOUR,       /* UINT8 */
    CONTRACT_BATCH,      /* INT64: the commit number that brought the row */
};

/* One column of the silver table. */
struct contract_fact {
    const char *name;
    const char *doc;
    enum contract_type type;
    enum contract_source source;
    uint16_t column; /* into columns[], CONTRACT_NONE for derived ones */
    bool required;   /* never null */
};

struct contract;

struct contract_route {
    const struct contract *target;
    uint16_t map[CONTRACT_MAX_COLUMNS]; /* for each fact column of target: this contract's column, or CONTRACT_NONE */
    uint16_t key[CONTRACT_MAX_KEY];     /* target's key as this contract's columns */
    uint16_t key_count;                 /* 0: the whole record (`key: row`) */
    const char *const *when;            /* values of the route column; NULL for routes[0]: every record */
    uint16_t when_count;
};

struct contract {
    const char *topic, *title, *doc; /* title, doc: never NULL */
    const char *const *aliases;
    uint16_t alias_count;
    const char *table; /* NULL when routed */
    const char *origin; /* "contracts/listen_events.yml (built in)" or the user's path */
    struct hash128 hash; /* of the file's bytes: another contract is another silver */

    const struct contract_column *columns;
    uint16_t column_count;
    const struct contract_fact *fact;
    uint16_t fact_count;

    uint16_t time_column;
    enum contract_unit time_unit; /* decoded values are always ms */

    uint16_t key[CONTRACT_MAX_KEY];
    uint16_t key_count; /* 0: `key: row` */

    const char *const *dims; /* names of dimension tables fed */
    uint16_t dim_count;

    uint16_t route_column; /* CONTRACT_NONE: not routed */
    const struct contract_route *routes;
    uint16_t route_count; /* ≥ 1 */
};

/* Index of the decoded column, or CONTRACT_NONE. */
uint16_t contract_column_find(const struct contract *c, const char *name);
uint16_t contract_fact_find(const struct contract *c, const char *name);
bool contract_feeds(const struct contract *c, const char *dim);

struct schema_set {
    const struct contract *const *contracts; /* sorted by topic; routed ones included */
    size_t count;
    struct schema_private *priv;
};

/* The embedded contracts, then every *.yml and *.yaml of `dir` (NULL: none), which replace the embedded one of the same
 * topic. ERR_INPUT with file:line for a mistake in a contract, a name claimed by two topics, or a table by two. On
 * failure *out is NULL. */
enum err schema_set_load(const char *dir, struct schema_set **out, struct error *e) MUST_CHECK;
/* A set made of texts instead of files (tests, tools): pairs of name and text. The embedded ones are not added. */
enum err schema_set_parse(const struct view *names, const struct view *texts, size_t count, struct schema_set **out,
                          struct error *e) MUST_CHECK;
void schema_set_free(struct schema_set **set);

/* By topic or alias; also by a file's path: folders, then everything from the first '.' of the file's name on are
 * dropped (listen_events.json.gz → listen_events), '-' and '_' are the same and letters' case does not count.
 * NULL if there is none. */
const struct contract *schema_set_find(const struct schema_set *set, const char *name);
/* The contract that owns a silver table ("fact_listen_events"). */
const struct contract *schema_set_table(const struct schema_set *set, const char *table);
/* As schema_set_find, with an error that names the nearest topic. */
enum err schema_set_need(const struct schema_set *set, const char *name, const struct contract **out,
                         struct error *e) MUST_CHECK;

#endif
