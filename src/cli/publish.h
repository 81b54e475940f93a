/* Publishing, put together: the lake's gold, the project's notes, the settings. Used by `publish`, `serve` and `run`. */
#ifndef LAKEFM_CLI_PUBLISH_H
#define LAKEFM_CLI_PUBLISH_H

#include "cli/cli.h"
#include "publish/clickhouse.h"
#include "publish/embedded.h"

struct publish_options {
    const char *mode, *hdfs_root, *dashboards, *seen_url;
    struct cli_list select;
    bool replace, dry_run;
    int64_t wait_ms;
};
enum err cli_publish_clickhouse(struct cli *cli, const struct publish_options *o, struct error *e) MUST_CHECK;
enum err cli_publish_metabase(struct cli *cli, const struct publish_options *o, struct error *e) MUST_CHECK;

/* The embedded ClickHouse when the setting clickhouse is "embedded" or `wanted`; *out stays NULL otherwise. The lake's folder
 * must exist. It follows the lake by itself until embedded_close. */
enum err cli_clickhouse_start(struct cli *cli, bool wanted, struct embedded **out, struct error *e) MUST_CHECK;
/* After a build, when the setting clickhouse is a server's address: what `publish clickhouse` does, if gold has changed since
 * *last (a commit's number; UINT64_MAX: nothing was published yet). */
enum err cli_clickhouse_push(struct cli *cli, struct lake *lake, uint64_t *last, struct error *e) MUST_CHECK;

#endif
