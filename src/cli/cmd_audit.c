#include "base/clock.h"
#include "cli/cli.h"
#include "lake/audit.h"

#include <string.h>

struct options {
    bool quick;
};

static const struct cli_option options_table[] = {
    {"quick", 0, CLI_FLAG, NULL, NULL, NULL, offsetof(struct options, quick),
     "compare names and sizes with the log only: no hashes, no recount", NULL, 0, 0, false},
    {0},
};

static void show_json(struct cli *cli, const struct lake_audit *a)
{
    cli_print(cli, "{\"commit\":%llu,\"files\":%lld,\"bytes\":%lld,\"bad\":%zu,\"findings\":[",
              (unsigned long long)a->number, (long long)a->files, (long long)a->bytes, a->bad);
    for (size_t i = 0; i < a->count; i++) {
        const struct lake_finding *f = &a->finding[i];
        cli_print(cli, "%s\n {\"ok\":%s,\"check\":\"%s\",\"where\":", i ? "," : "", f->ok ? "true" : "false", f->check);
        buf_json(&cli->out, f->where, strlen(f->where));
        cli_print(cli, ",\"what\":");
        buf_json(&cli->out, f->what, strlen(f->what));
        cli_print(cli, "}");
    }
    cli_print(cli, "]}\n");
}

/* What differs is said in any case; what is as it should be, unless --quiet. */
static void show(struct cli *cli, const struct lake_audit *a, uint64_t took_ns)
{
    char files[32], bytes[32], time[32];
    struct cli_table *t = cli_table_new(4);
    for (size_t i = 0; i < a->count; i++) {
        const struct lake_finding *f = &a->finding[i];
        if (f->ok && cli->config.quiet) continue;
        cli_table_cellf(t, "%s", f->ok ? "ok" : "BAD");
        cli_table_cell(t, f->check, strlen(f->check));
        cli_table_cell(t, f->where, strlen(f->where));
        cli_table_cell(t, f->what, strlen(f->what));
    }
    cli_table_print(t, &cli->out);
    cli_table_free(&t);
    if (cli->config.quiet || a->bad) return;
    cli_print(cli, "The lake is what its log says: commit %llu, %s files, %s, audited in %s.\n",
              (unsigned long long)a->number, cli_human_count(a->files, files),
              cli_human_bytes((uint64_t)a->bytes, bytes), cli_human_ms((int64_t)(took_ns / 1000000), time));
}

static enum err run(struct cli *cli, const void *given, struct error *e)
{
    const struct options *o = given;
    struct lake *lake = NULL;
    struct lake_audit audit = {0};
    enum err rc = ERR_OK;
    uint64_t started = clock_mono_ns();
    struct lake_audit_options options = {.threads = (int)cli->config.threads, .quick = o->quick};
    TRY(lake_open(cli->config.lake, LAKE_READER, &lake, e));
    TRY(lake_audit(lake, &options, &audit, e));
    if (cli->config.json)
        show_json(cli, &audit);
    else
        show(cli, &audit, clock_mono_ns() - started);
    if (audit.bad) {
        rc = err_set(e, ERR_CORRUPT, "%zu difference%s between the lake and its log", audit.bad, audit.bad == 1 ? "" : "s");
        err_where(e, "%s", cli->config.lake);
    }
done:
    lake_audit_free(&audit);
    lake_close(&lake);
    return rc;
}

const struct cli_command cli_cmd_audit = {
    .name = "audit",
    .group = CLI_CARE,
    .summary = "prove from the files themselves that nothing is lost and nothing twice",
    .synopsis = "",
    .about = "Reads every file of the lake and compares hashes and counts with the commit log, and checks for each source and "
             "topic: records delivered = rows in bronze + blank lines, and rows in bronze = rows in silver + quarantined + "
             "duplicates + blank + not refined yet.\n\n"
             "Changes nothing and may run while another process writes. Exit code 1 when something differs, with a line for "
             "each difference.",
    .options = options_table,
    .options_size = sizeof(struct options),
    .settings = "lake threads",
    .max_args = 0,
    .example = "lakefm audit\nlakefm audit --quick --json",
    .see_also = "status compact",
    .run = run,
};
