#include "cli/publish.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct told {
    struct cli *cli;
    struct cli_table *table; /* NULL: JSON */
    size_t count;
};

static void done(void *ctx, const struct mart *m, const char *what)
{
    struct told *t = ctx;
    char rows[32];
    if (t->table) {
        cli_table_cell(t->table, m->name, strlen(m->name));
        cli_table_cellf(t->table, "%s", cli_human_count(m->rows, rows));
        cli_table_cellf(t->table, "%s", what);
    } else {
        cli_print(t->cli, "%s\n {\"mart\":\"%s\",\"rows\":%lld,\"result\":\"%s\"}", t->count ? "," : "", m->name, (long long)m->rows, what);
    }
    t->count++;
}

/* ---- what the options mean ---- */

static enum err mode_of(struct cli *cli, const struct publish_options *o, enum clickhouse_mode *out, struct error *e)
{
    bool on_hdfs = o->hdfs_root || str_starts(cli->config.lake, "hdfs://");
    *out = on_hdfs ? CLICKHOUSE_HDFS : CLICKHOUSE_LOAD;
    for (size_t i = 0; o->mode && clickhouse_modes[i]; i++)
        if (!strcmp(o->mode, clickhouse_modes[i])) *out = (enum clickhouse_mode)i;
    if (*out == CLICKHOUSE_HDFS && !on_hdfs) {
        err_set(e, ERR_USAGE, "mode hdfs needs a lake on HDFS, and %s is none", cli->config.lake);
        return err_hint(e, "say where ClickHouse finds its files: --hdfs-root hdfs://host:8020/user; or use --mode load");
    }
    if (*out == CLICKHOUSE_FILE && strstr(cli->config.lake, "://"))
        return err_set(e, ERR_USAGE, "mode file needs a lake in a folder, %s is none", cli->config.lake);
    return ERR_OK;
}

static enum err root_of(struct cli *cli, const struct publish_options *o, enum clickhouse_mode mode, const char **out,
                        struct error *e)
{
    char path[PATH_MAX];
    *out = NULL;
    if (mode == CLICKHOUSE_LOAD) return ERR_OK;
    const char *from = mode == CLICKHOUSE_HDFS ? (o->hdfs_root ? o->hdfs_root : cli->config.lake) : cli->config.lake;
    if (mode == CLICKHOUSE_FILE) {
        if (!realpath(from, path)) return err_sys(e, errno, "cannot find %s", from);
        from = path;
    }
    char *root = arena_strdup(&cli->arena, from);
    while (strlen(root) > 1 && str_ends(root, "/")) root[strlen(root) - 1] = '\0';
    *out = root;
    return ERR_OK;
}

static enum err server_of(struct cli *cli, struct click_options *out, struct error *e)
{
    const char *where = cli->config.clickhouse.where;
    if (!strcmp(where, "off")) {
        err_set(e, ERR_USAGE, "no ClickHouse server is set");
        return err_hint(e, "for example: --set clickhouse=http://localhost:8123");
    }
    if (!strcmp(where, "embedded")) {
        err_set(e, ERR_USAGE, "the embedded ClickHouse follows the lake by itself");
        return err_hint(e, "start it with: lakefm --lake %s serve", cli->config.lake);
    }
    *out = (struct click_options){.url = where, .user = cli->config.clickhouse.user, .password = cli->config.clickhouse.password,
                                  .stop = &cli_stop};
    return ERR_OK;
}

/* ---- publishing ---- */

/* A build that ended meanwhile makes files and totals differ: look again. */
static enum err publish_following(struct lake *lake, struct click *c, const struct model_notes *notes, const char *const *only,
                                  struct clickhouse_options *o, struct told *told, struct marts *marts, struct error *e)
{
    for (int tries = 0;; tries++) {
        enum err rc = marts_read(lake, notes, only, marts, e);
        if (rc == ERR_OK) rc = clickhouse_publish(c, marts, o, e);
        if (rc == ERR_OK || rc == ERR_STOPPED || rc == ERR_USAGE || rc == ERR_EXISTS || tries == 5 || told->count) return rc;
        struct lake_head before, after;
        struct error no = {0};
        lake_head(lake, &before);
        if (lake_reload(lake, &no) != ERR_OK) return rc;
        lake_head(lake, &after);
        if (before.number == after.number) return rc;
        marts_reset(marts);
    }
}

enum err cli_publish_clickhouse(struct cli *cli, const struct publish_options *given, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake *lake = NULL;
    struct click *click = NULL;
    struct model_notes notes = {0};
    struct marts marts = {0};
    struct click_options server = {0};
    struct told told = {.cli = cli};
    struct clickhouse_options o = {.database = cli->config.clickhouse.database, .replace = given->replace, .stop = &cli_stop,
                                   .done = done, .ctx = &told};
    uint64_t started = clock_mono_ns();
    char time[32];
    TRY(mode_of(cli, given, &o.mode, e));
    TRY(root_of(cli, given, o.mode, &o.root, e));
    if (!given->dry_run) TRY(server_of(cli, &server, e));
    server.wait_ms = given->wait_ms;
    TRY(model_notes_load(cli->config.dbt, &notes, e));
    TRY(lake_open(cli->config.lake, LAKE_READER, &lake, e));
    if (given->dry_run) {
        TRY(marts_read(lake, &notes, given->select.item, &marts, e));
        clickhouse_script(&marts, &o, &cli->out);
        goto done;
    }
    if (!cli->config.json) told.table = cli_table_new(3);
    else cli_print(cli, "{\"marts\":[");
    TRY(click_open(&server, &click, e));
    TRY(publish_following(lake, click, &notes, given->select.item, &o, &told, &marts, e));
    if (cli->config.json) {
        cli_print(cli, "],\"commit\":%llu,\"server\":\"%s\"}\n", (unsigned long long)marts.version, click_version(click));
    } else if (!cli->config.quiet) {
        cli_table_print(told.table, &cli->out);
        cli_print(cli, "%zu tables of %s in ClickHouse %s are the lake's commit %llu; rows and totals compared. %s\n", marts.count,
                  o.database, click_version(click), (unsigned long long)marts.version,
                  cli_human_ms((int64_t)((clock_mono_ns() - started) / 1000000), time));
    }
done:
    if (rc != ERR_OK && cli->config.json) buf_clear(&cli->out);
    cli_table_free(&told.table);
    marts_reset(&marts);
    click_close(&click);
    lake_close(&lake);
    model_notes_reset(&notes);
    return rc;
}

/* ---- live ---- */

static uint64_t gold_changed(struct lake *lake)
{
    struct lake_tables t;
    uint64_t newest = 0;
    lake_tables(lake, &t);
    for (size_t i = 0; i < t.count; i++)
        if (t.table[i].layer == LAKE_GOLD && t.table[i].changed > newest) newest = t.table[i].changed;
    lake_tables_free(&t);
    return newest;
}

enum err cli_clickhouse_push(struct cli *cli, struct lake *lake, uint64_t *last, struct error *e)
{
    enum err rc = ERR_OK;
    const char *where = cli->config.clickhouse.where;
    struct click *click = NULL;
    struct model_notes notes = {0};
    struct marts marts = {0};
    struct click_options server = {0};
    struct told told = {.cli = cli};
    struct publish_options plain = {0};
    struct clickhouse_options o = {.database = cli->config.clickhouse.database, .stop = &cli_stop};
    uint64_t changed = gold_changed(lake);
    if (!strcmp(where, "off") || !strcmp(where, "embedded") || !changed || changed == *last) return ERR_OK;
    TRY(mode_of(cli, &plain, &o.mode, e));
    TRY(root_of(cli, &plain, o.mode, &o.root, e));
    TRY(server_of(cli, &server, e));
    TRY(model_notes_load(cli->config.dbt, &notes, e));
    TRY(click_open(&server, &click, e));
    TRY(publish_following(lake, click, &notes, NULL, &o, &told, &marts, e));
    *last = changed;
done:
    marts_reset(&marts);
    click_close(&click);
    model_notes_reset(&notes);
    return rc;
}

/* ---- the embedded server ---- */

/* On HDFS there is no folder of ours in the lake. */
static char *folder_of(struct cli *cli)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *lake = cli->config.lake;
    if (!strstr(lake, "://")) return mem_printf("%s/state/clickhouse", lake);
    unsigned long long name = (unsigned long long)hash_64(lake, strlen(lake), 0);
    if (cache && *cache) return mem_printf("%s/lakefm/clickhouse-%016llx", cache, name);
    if (home && *home) return mem_printf("%s/.cache/lakefm/clickhouse-%016llx", home, name);
    return mem_printf("/var/tmp/lakefm-%u/clickhouse-%016llx", (unsigned)getuid(), name);
}

enum err cli_clickhouse_start(struct cli *cli, bool wanted, struct embedded **out, struct error *e)
{
    char self[PATH_MAX];
    *out = NULL;
    if (!wanted && strcmp(cli->config.clickhouse.where, "embedded") != 0) return ERR_OK;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) return err_sys(e, errno, "cannot find the program's own file");
    self[n] = '\0';
    char *folder = folder_of(cli);
    struct embedded_options o = {.program = self,
                                 .library = cli->config.clickhouse.library,
                                 .lake_url = cli->config.lake,
                                 .project = cli->config.dbt,
                                 .folder = folder,
                                 .database = cli->config.clickhouse.database,
                                 .bind = cli->config.clickhouse.bind,
                                 .http_port = cli->config.clickhouse.http_port,
                                 .tcp_port = cli->config.clickhouse.tcp_port,
                                 .password = cli->config.clickhouse.password,
                                 .memory_bytes = cli->config.clickhouse.memory_bytes};
    enum err rc = embedded_open(&o, out, e);
    mem_free(folder);
    return rc;
}
