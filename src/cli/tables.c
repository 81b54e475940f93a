/* docs/tables.md: facts out of the contracts, gold out of the dbt project's own yml; of the dimensions, which no file
 * describes, the words are here and tests hold the columns against a lake. */
#include "base/asset.h"
#include "cli/cli.h"
#include "model/yaml.h"
#include "schema/contract.h"

#include <string.h>

struct column {
    const char *name, *type, *doc;
};
struct dimension {
    const char *name, *doc;
    struct column column[12];
};

static const struct dimension DIMENSIONS[] = {
    {"dim_user",
     "One row a user, as the latest event (by ts, itemInSession) shows them.",
     {{"userId", "int64", "key"},
      {"firstName", "string", ""},
      {"lastName", "string", ""},
      {"gender", "string", "F or M"},
      {"level", "string", "of the latest event: free or paid"},
      {"registration", "int64", "ms since the epoch"},
      {"first_seen", "timestamp", "first event"},
      {"last_seen", "timestamp", "latest event"}}},
    {"dim_user_history",
     "One row a level period of a user: which level was it then?",
     {{"userId", "int64", "user"},
      {"level", "string", "free or paid"},
      {"valid_from", "timestamp", "first event at this level"},
      {"valid_to", "timestamp", "first event at the next level; null for the current one"}}},
    {"dim_song",
     "One row a (song, artist).",
     {{"song", "string", "title"},
      {"artist", "string", ""},
      {"duration", "double", "seconds: the most frequent length; of equally frequent ones the smallest"},
      {"first_seen", "timestamp", "first listen"}}},
    {"dim_location",
     "One row a (zip, city, state).",
     {{"zip", "string", "postal code, leading zeros kept"},
      {"city", "string", ""},
      {"state", "string", "two letters"},
      {"lat", "double", "the most frequent pair"},
      {"lon", "double", ""}}},
    {"dim_time",
     "One row a minute in which something happened.",
     {{"minute_ts", "int64", "start of the minute, ms since the epoch, UTC"},
      {"year", "uint16", ""},
      {"month", "uint8", "1 to 12"},
      {"day", "uint8", "1 to 31"},
      {"hour", "uint8", "0 to 23"},
      {"minute", "uint8", "0 to 59"},
      {"weekday", "uint8", "1 Monday … 7 Sunday"},
      {"week", "uint8", "ISO 8601"},
      {"is_weekend", "bool", "Saturday or Sunday"}}},
};

static void heading(struct buf *out, const char *name, const char *doc)
{
    buf_printf(out, "\n### %s\n\n%s\n\n", name, doc);
}

static void facts(struct buf *out, const struct schema_set *contracts)
{
    static const char *const order[] = {"listen_events", "page_view_events", "auth_events", "status_change_events"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct contract *c = schema_set_find(contracts, order[i]);
        if (!c || !c->table) continue;
        heading(out, c->table, c->doc);
        buf_printf(out, "From topic `%s`. One row per ", c->topic);
        if (!c->key_count) buf_str(out, "distinct record");
        for (size_t k = 0; k < c->key_count; k++)
            buf_printf(out, "%s%s", !k ? "(" : ", ", c->columns[c->key[k]].name);
        buf_str(out, c->key_count ? ").\n\n" : ".\n\n");
        buf_str(out, "| column | type | null | meaning |\n|---|---|---|---|\n");
        for (size_t f = 0; f < c->fact_count; f++) {
            const struct contract_fact *col = &c->fact[f];
            bool personal = col->column != CONTRACT_NONE && c->columns[col->column].pii;
            buf_printf(out, "| %s | %s | %s | %s%s |\n", col->name, contract_type_name(col->type), col->required ? "no" : "",
                       col->doc, personal ? " (personal)" : "");
        }
    }
}

static void dimensions(struct buf *out)
{
    for (size_t i = 0; i < sizeof DIMENSIONS / sizeof *DIMENSIONS; i++) {
        const struct dimension *d = &DIMENSIONS[i];
        heading(out, d->name, d->doc);
        buf_str(out, "| column | type | meaning |\n|---|---|---|\n");
        for (const struct column *c = d->column; c < d->column + 12 && c->name; c++)
            buf_printf(out, "| %s | %s | %s |\n", c->name, c->type, c->doc);
    }
}

static enum err marts(struct buf *out, struct error *e)
{
    static const char path[] = "dbt/models/marts/_marts.yml";
    enum err rc = ERR_OK;
    struct arena arena = {0};
    const struct asset *file = asset_find(path);
    const struct yaml *root = NULL;
    if (!file) return err_set(e, ERR_INTERNAL, "%s is not in the program", path);
    TRY(yaml_parse(&arena, file->data.ptr, file->data.len, path, &root, e));
    const struct yaml *models = yaml_get(root, "models");
    for (size_t i = 0; models && i < models->count; i++) {
        const struct yaml *m = models->item[i], *columns = yaml_get(m, "columns");
        heading(out, yaml_text(yaml_get(m, "name"), "?"), yaml_text(yaml_get(m, "description"), ""));
        buf_str(out, "| column | meaning | ClickHouse |\n|---|---|---|\n");
        for (size_t k = 0; columns && k < columns->count; k++) {
            const struct yaml *c = columns->item[k];
            buf_printf(out, "| %s | %s | %s |\n", yaml_text(yaml_get(c, "name"), "?"), yaml_text(yaml_get(c, "description"), ""),
                       yaml_text(yaml_get(yaml_get(c, "meta"), "clickhouse_type"), ""));
        }
    }
done:
    arena_reset(&arena);
    return rc;
}

enum err cli_tables(struct cli *cli, struct error *e)
{
    enum err rc = ERR_OK;
    struct schema_set *contracts = NULL;
    struct buf *out = &cli->out;
    TRY(schema_set_load(NULL, &contracts, e));
    buf_str(out,
            "# Tables\n\n"
            "Written by `lakefm generate tables` from `contracts/*.yml` and `dbt/models/marts/_marts.yml`; do not edit.\n"
            "Times are UTC; `timestamp` is a UTC wall clock in milliseconds that no session time zone moves. `batch` is the commit\n"
            "that brought the row. Weekdays are ISO: 1 Monday … 7 Sunday.\n\n"
            "## Silver: facts\n\n"
            "`silver/<table>/date=YYYY-MM-DD/part-<batch>-<k>.parquet`, by the event's date. Exact duplicates are dropped; the same key\n"
            "with another content goes to `quarantine/` as a conflict.\n");
    facts(out, contracts);
    buf_str(out, "\n## Silver: dimensions\n\n`silver/<table>/part-0.parquet`, replaced as a whole with a commit.\n");
    dimensions(out);
    buf_str(out, "\n## Gold\n\n"
                 "`gold/<table>/part-0.parquet`, made by the dbt project in `dbt/`. The last column is the type that the table gets in\n"
                 "ClickHouse, where it is narrower than the file's. Events without a userId count only in event_status_grouping,\n"
                 "top_songs_by_play_count and top_artists.\n");
    TRY(marts(out, e));
done:
    schema_set_free(&contracts);
    return rc;
}
