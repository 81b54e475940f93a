/* How far the lake is behind Kafka, for `status`: the log's positions against the ends that the brokers tell. */
#ifndef LAKEFM_CLI_LAG_H
#define LAKEFM_CLI_LAG_H

#include "cli/cli.h"
#include "lake/lake.h"

struct lag_row {
    const char *topic; /* Kafka's name */
    int32_t partition;
    int64_t next, end; /* next: -1 when never read */
};
struct lag {
    bool asked;       /* brokers are set */
    bool answered;    /* … and one answered in time */
    struct lag_row *row;
    size_t count;
    char why[768];    /* it did not */
};
/* Never fails: what goes wrong is said in `why`. Waits 3 s at most. Rows live in cli->arena. */
void lag_ask(struct cli *cli, struct lake *lake, struct lag *out);
void lag_show(struct cli *cli, const struct lag *lag); /* a table, when asked */
void lag_json(struct cli *cli, const struct lag *lag); /* ,"lag":[…] when answered, ,"lag_error":"…" when not */

#endif
