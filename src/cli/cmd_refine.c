#include "cli/cli.h"

#include "base/clock.h"
#include "refine/refine.h"

struct options {
    bool rebuild;
};

static const struct cli_option options_table[] = {
    {"rebuild", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, rebuild),
     "make silver anew from all of bronze (after a change of contracts)", NULL, 0, 0, false},
    {0},
};

static void progress(void *ctx, const struct refine_totals *so_far) { cli_progress_at(ctx, so_far->read); }

static void show_json(struct cli *cli, const struct refine_totals *t)
{
    cli_print(cli,
              "{\"batches\":%lld,\"bytes\":%lld,\"read\":%lld,\"rows\":%lld,\"derived\":%lld,\"blank\":%lld,\"duplicates\":%lld,"
              "\"quarantined\":%lld,\"conflicts\":%lld,\"late\":%lld,\"future\":%lld,\"drift\":%lld}\n",
              (long long)t->batches, (long long)t->bytes, (long long)t->read, (long long)t->rows, (long long)t->derived,
              (long long)t->blank, (long long)t->duplicates, (long long)t->quarantined, (long long)t->conflicts,
              (long long)t->late, (long long)t->future, (long long)t->drift);
}

static void show(struct cli *cli, const struct refine_totals *t, uint64_t took_ns)
{
    char a[32], b[32], c[32];
    if (!t->batches) {
        cli_print(cli, "Nothing to refine: silver holds all of bronze.\n");
        return;
    }
    cli_print(cli, "%s records → %s rows in %s", cli_human_count(t->read, a), cli_human_count(t->rows + t->derived, b),
              cli_human_ms((int64_t)(took_ns / 1000000), c));
    if (t->duplicates) cli_print(cli, ", %s duplicates dropped", cli_human_count(t->duplicates, a));
    if (t->quarantined) cli_print(cli, ", %s quarantined", cli_human_count(t->quarantined, a));
    if (t->conflicts) cli_print(cli, " (%s of them conflicts)", cli_human_count(t->conflicts, a));
    if (t->blank) cli_print(cli, ", %s blank", cli_human_count(t->blank, a));
    if (t->late) cli_print(cli, ", %s late", cli_human_count(t->late, a));
    if (t->future) cli_print(cli, ", %s from the future", cli_human_count(t->future, a));
    cli_print(cli, ".\nNext: lakefm --lake %s build\n", cli->config.lake);
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    enum err rc = ERR_OK;
    struct lake *lake = NULL;
    struct schema_set *contracts = NULL;
    struct refine *refine = NULL;
    struct refine_totals totals = {0};
    struct cli_progress bar;
    struct lake_head head;
    uint64_t started = clock_mono_ns();
    TRY(schema_set_load(cli->config.contracts, &contracts, e));
    TRY(lake_open(cli->config.lake, LAKE_WRITER, &lake, e));
    lake_head(lake, &head);
    struct refine_options options = {.contracts = contracts,
                                     .threads = (unsigned)cli->config.threads,
                                     .line_limit_bytes = (uint32_t)cli->config.line_limit_bytes,
                                     .max_reject_share = cli->config.max_reject_share > 0 ? cli->config.max_reject_share : 1e-12,
                                     .zstd_level = (int)cli->config.silver.level,
                                     .stop = &cli_stop,
                                     .progress = progress,
                                     .ctx = &bar};
    TRY(refine_open(lake, &options, &refine, e));
    cli_progress_start(&bar, cli, "refine", "records", o->rebuild ? 0 : (int64_t)head.pending_rows);
    rc = o->rebuild ? refine_rebuild(refine, &totals, e) : refine_pending(refine, &totals, e);
    cli_progress_end(&bar);
    if (rc != ERR_OK && rc != ERR_REJECTED_TOO_MANY && rc != ERR_STOPPED) goto done;
    if (cli->config.json) show_json(cli, &totals);
    else if (!cli->config.quiet) show(cli, &totals, clock_mono_ns() - started);
done:
    refine_close(&refine);
    lake_close(&lake);
    schema_set_free(&contracts);
    return rc;
}

const struct cli_command cli_cmd_refine = {
    .name = "refine",
    .group = CLI_TABLES,
    .summary = "make silver from bronze: typed, cleaned, deduplicated Parquet",
    .synopsis = "",
    .about = "Decodes all bronze that was not refined yet, by the contracts: facts by event date and dimensions, as Parquet. "
             "Records that break the contract go to quarantine with their reason; exact duplicates are dropped and counted. "
             "Nothing is lost: lakefm audit proves it.\n\n"
             "Exit code 3: more records were rejected than max_reject_share allows; all is kept all the same.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake contracts threads line_limit max_reject_share silver.level",
    .min_args = 0,
    .max_args = 0,
    .example = "lakefm refine\n# after a change in contracts/\nlakefm refine --rebuild",
    .see_also = "ingest build audit",
    .run = run,
};
