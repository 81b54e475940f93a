#include "cli/cli.h"
#include "lake/compact.h"
#include "refine/refine.h"

struct options {
    int64_t min_files;
    bool all;
};

static const struct cli_option options_table[] = {
    {"min-files", 0, CLI_INT, "N", "16", NULL, offsetof(struct options, min_files),
     "merge the small files of a folder when it has this many", NULL, 2, 100000, false},
    {"all", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, all), "bronze and quarantine too, not only silver",
     NULL, 0, 0, false},
    {0},
};

static enum err compact_silver(struct cli *cli, struct lake *lake, int min_files, size_t *folders, struct error *e)
{
    struct schema_set *contracts = NULL;
    struct refine *refine = NULL;
    enum err rc = ERR_OK;
    TRY(schema_set_load(cli->config.contracts, &contracts, e));
    struct refine_options options = {.contracts = contracts, .threads = (unsigned)cli->config.threads,
                                     .zstd_level = (int)cli->config.silver.level, .stop = &cli_stop};
    TRY(refine_open(lake, &options, &refine, e));
    TRY(refine_compact(refine, min_files, folders, e));
done:
    refine_close(&refine);
    schema_set_free(&contracts);
    return rc;
}

static enum err compact_raw(struct lake *lake, int min_files, size_t *folders, struct error *e)
{
    struct lake_compact_options options = {.min_files = min_files,
                                           .layers = 1u << LAKE_BRONZE | 1u << LAKE_QUARANTINE};
    struct lake_dues dues = {0};
    enum err rc = ERR_OK;
    lake_compact_due(lake, &options, &dues);
    for (size_t i = 0; i < dues.count; i++) {
        if (cli_stop) {
            rc = err_set(e, ERR_STOPPED, "interrupted; %zu folders are merged", *folders);
            break;
        }
        TRY(lake_compact_one(lake, &dues.due[i], lake_merge_gz, NULL, e));
        ++*folders;
    }
done:
    lake_dues_free(&dues);
    return rc;
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    struct lake *lake = NULL;
    struct lake_files before = {0}, after = {0};
    size_t folders = 0;
    enum err rc = ERR_OK;
    TRY(lake_open(cli->config.lake, LAKE_WRITER, &lake, e));
    lake_files(lake, &(struct lake_filter){0}, &before);
    TRY(compact_silver(cli, lake, (int)o->min_files, &folders, e));
    if (o->all) TRY(compact_raw(lake, (int)o->min_files, &folders, e));
    lake_files(lake, &(struct lake_filter){0}, &after);
    if (cli->config.json)
        cli_print(cli, "{\"folders\":%zu,\"files_before\":%zu,\"files\":%zu}\n", folders, before.count, after.count);
    else if (!folders && !cli->config.quiet)
        cli_print(cli, "No folder has %lld small files.\n", (long long)o->min_files);
    else if (!cli->config.quiet)
        cli_print(cli, "%zu folder%s merged: %zu files became %zu.\n", folders, folders == 1 ? "" : "s", before.count,
                  after.count);
done:
    lake_files_free(&before);
    lake_files_free(&after);
    lake_close(&lake);
    return rc;
}

const struct cli_command cli_cmd_compact = {
    .name = "compact",
    .group = CLI_CARE,
    .summary = "merge small files: same rows, fewer files",
    .synopsis = "",
    .about = "Merges the small files of every date folder that holds many. A reader's glob sees the old files or the new one, "
             "never both. Live writing does this by itself; the command is for a lake that was filled in many small steps.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake contracts threads silver.level",
    .max_args = 0,
    .example = "lakefm compact\nlakefm compact --min-files 4 --all",
    .see_also = "status audit",
    .run = run,
};
