/* lakefm publish metabase */
#include "cli/publish.h"

#include "publish/metabase.h"

#include <stdlib.h>
#include <string.h>

struct told {
    struct cli *cli;
    struct cli_table *table; /* NULL: JSON */
    size_t count;
};

static void done(void *ctx, const char *kind, const char *name, const char *what)
{
    struct told *t = ctx;
    if (t->table) {
        cli_table_cell(t->table, kind, strlen(kind));
        cli_table_cell(t->table, name, strlen(name));
        cli_table_cell(t->table, what, strlen(what));
    } else {
        cli_print(t->cli, "%s\n {\"kind\":\"%s\",\"name\":", t->count ? "," : "", kind);
        buf_json(&t->cli->out, name, strlen(name));
        cli_print(t->cli, ",\"result\":\"%s\"}", what);
    }
    t->count++;
}

/* "http://clickhouse:8123" → host, port, TLS; no scheme or a path is a mistake. */
static enum err split(struct cli *cli, const char *url, struct metabase_options *o, struct error *e)
{
    const char *host = strstr(url, "://");
    o->click_tls = str_starts(url, "https://");
    if (!host || (!o->click_tls && !str_starts(url, "http://"))) goto bad;
    host += 3;
    size_t n = strcspn(host, ":/");
    o->click_host = arena_strndup(&cli->arena, host, n);
    o->click_port = o->click_tls ? 8443 : 8123;
    if (host[n] == ':') {
        char *end;
        o->click_port = strtol(host + n + 1, &end, 10);
        if (*end && strcmp(end, "/") != 0) goto bad;
    }
    if (n && o->click_port > 0 && o->click_port < 65536) return ERR_OK;
bad:
    err_set(e, ERR_USAGE, "\"%s\" is no address of a ClickHouse server", url);
    return err_hint(e, "for example: --clickhouse-for-metabase http://clickhouse:8123");
}

static enum err find_clickhouse(struct cli *cli, const struct publish_options *given, struct metabase_options *o, struct error *e)
{
    const char *where = cli->config.clickhouse.where;
    o->click_database = cli->config.clickhouse.database;
    o->click_password = cli->config.clickhouse.password;
    o->click_user = cli->config.clickhouse.user ? cli->config.clickhouse.user : "default";
    if (!strcmp(where, "embedded") && !cli->config.clickhouse.user) o->click_user = "bi";
    if (given->seen_url) return split(cli, given->seen_url, o, e);
    if (!strcmp(where, "embedded"))
        return split(cli, arena_printf(&cli->arena, "http://%s:%lld", cli->config.clickhouse.bind, (long long)cli->config.clickhouse.http_port), o, e);
    if (strcmp(where, "off") != 0) return split(cli, where, o, e);
    err_set(e, ERR_USAGE, "where does Metabase find ClickHouse?");
    return err_hint(e, "--clickhouse-for-metabase http://host:8123, or the setting clickhouse");
}

static void dry_run(struct cli *cli, const struct metabase_boards *boards)
{
    for (size_t i = 0; i < boards->count; i++) {
        const struct metabase_question *q = &boards->question[i];
        char *settings = json_dumps(q->settings, JSON_COMPACT | JSON_SORT_KEYS);
        cli_print(cli, "-- dashboard \"%s\", question \"%s\" as %s %s\n%s\n", q->dashboard, q->name, q->display, settings, q->sql);
        free(settings);
    }
}

enum err cli_publish_metabase(struct cli *cli, const struct publish_options *given, struct error *e)
{
    enum err rc = ERR_OK;
    struct metabase_boards boards = {0};
    struct told told = {.cli = cli};
    char *url = arena_strdup(&cli->arena, cli->config.metabase.url);
    while (str_ends(url, "/")) url[strlen(url) - 1] = '\0';
    struct metabase_options o = {.url = url,
                                 .user = cli->config.metabase.user,
                                 .password = cli->config.metabase.password,
                                 .api_key = cli->config.metabase.api_key,
                                 .wait_ms = given->wait_ms,
                                 .stop = &cli_stop,
                                 .done = done,
                                 .ctx = &told};
    TRY(metabase_boards_load(given->dashboards, &boards, e));
    if (given->dry_run) {
        dry_run(cli, &boards);
        goto done;
    }
    TRY(find_clickhouse(cli, given, &o, e));
    if (!cli->config.json) told.table = cli_table_new(3);
    else cli_print(cli, "{\"things\":[");
    TRY(metabase_publish(&boards, &o, e));
    if (cli->config.json) cli_print(cli, "]}\n");
    else if (!cli->config.quiet) {
        cli_table_print(told.table, &cli->out);
        cli_print(cli, "The dashboards are in Metabase's collection lakefm: %s\n", url);
    }
done:
    if (rc != ERR_OK && cli->config.json) buf_clear(&cli->out);
    cli_table_free(&told.table);
    metabase_boards_reset(&boards);
    return rc;
}
