#include "cli/dbt.h"

#include "base/io.h"
#include "base/str.h"
#include "cli/gold.h"
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_dbt_is_project(const struct cli *cli)
{
    const char *folder = getenv("DBT_PROJECT_DIR");
    for (size_t i = 0; i < cli->arg_count; i++)
        if (str_starts(cli->args[i], "--project-dir")) return true;
    if (folder && *folder) return true;
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].setting && cli->given[i].option->key && !strcmp(cli->given[i].option->key, "lake")) return false;
    return io_exists("dbt_project.yml");
}

static void print(void *ctx, const char *text, size_t len)
{
    struct cli *cli = ctx;
    if (cli->out_gone) return;
    buf_add(&cli->out, text, len);
    if (cli_flush(cli, NULL) != ERR_OK) cli->out_gone = true;
}

static enum err interrupted(void *ctx, struct error *e)
{
    (void)ctx;
    return cli_stop ? err_set(e, ERR_STOPPED, "interrupted") : ERR_OK;
}

/* As any dbt project runs: memory and threads are the profile's affair. */
static enum err run_project(struct cli *cli, const struct model_options *o, struct model_outcome *outcome, struct error *e)
{
    struct model_hooks hooks = {.ctx = cli, .print = print, .interrupted = interrupted};
    return model_run(o, &hooks, outcome, e);
}

static bool writes(enum model_verb verb)
{
    return verb == MODEL_BUILD || verb == MODEL_RUN || verb == MODEL_SEED || verb == MODEL_SNAPSHOT ||
           verb == MODEL_RUN_OPERATION || verb == MODEL_RETRY;
}

static enum err run_on_lake(struct cli *cli, struct model_options *o, struct model_outcome *outcome, struct error *e)
{
    struct lake *lake = NULL;
    enum err rc = lake_open(cli->config.lake, writes(o->verb) ? LAKE_WRITER : LAKE_READER, &lake, e);
    if (rc == ERR_OK) rc = cli_gold_run(cli, lake, o, false, outcome, e);
    lake_close(&lake);
    return rc;
}

/* dbt's own flags: dbt reads them. */
static enum err run_on_spark(struct cli *cli, struct error *e)
{
    struct lake *lake = NULL;
    enum err rc = lake_open(cli->config.lake, LAKE_WRITER, &lake, e);
    if (rc == ERR_OK) rc = cli_gold_spark(cli, lake, &cli->exit_code, e);
    lake_close(&lake);
    return rc;
}

enum err cli_dbt_run_words(struct cli *cli, const char *const *words, size_t count, struct error *e)
{
    struct model_options o = {0};
    struct model_outcome outcome = {0};
    enum err rc = ERR_OK;
    o.color = cli_color_on(cli, STDOUT_FILENO);
    o.log_json = cli->config.json;
    o.quiet = cli->config.quiet;
    o.debug = cli->config.verbose > 0;
    TRY(model_options_parse(&o, (int)count, words, e));
    if (!o.threads) o.threads = (int)cli->config.threads;
    if (cli_dbt_is_project(cli)) {
        rc = run_project(cli, &o, &outcome, e);
    } else {
        rc = run_on_lake(cli, &o, &outcome, e);
    }
    if (rc != ERR_BUSY) cli->exit_code = outcome.exit_code;
    /* An error has been printed as dbt prints it: on a terminal once is enough. */
    cli->told = outcome.exit_code && isatty(STDOUT_FILENO);
done:
    model_options_reset(&o);
    return rc;
}

enum err cli_dbt_run(struct cli *cli, const void *options, struct error *e)
{
    if (!strcmp(cli->config.engine, "spark") && !cli_dbt_is_project(cli)) return run_on_spark(cli, e);
    (void)options;
    const char **words = mem_array(cli->arg_count + 1, sizeof *words);
    words[0] = cli->command->name;
    for (size_t i = 0; i < cli->arg_count; i++) words[i + 1] = cli->args[i];
    enum err rc = cli_dbt_run_words(cli, words, cli->arg_count + 1, e);
    mem_free(words);
    return rc;
}

enum err cli_dbt_target(struct cli *cli, const char *const *words, size_t count, char **folder, struct error *e)
{
    enum err rc = ERR_OK;
    struct model_options o = {0};
    struct lake *lake = NULL;
    TRY(model_options_parse(&o, (int)count, words, e));
    if (cli_dbt_is_project(cli)) {
        if ((rc = model_target_dir(&o, folder, e)) != ERR_OK) cli->exit_code = 2; /* as any verb of dbt */
    } else {
        TRY(lake_open(cli->config.lake, LAKE_READER, &lake, e));
        *folder = o.target_path ? mem_strdup(o.target_path) : lake_state_path(lake, "target");
        if (!*folder) TRY(err_set(e, ERR_UNSUPPORTED, "there is no place for the artifacts of %s", lake_url(lake)));
    }
done:
    lake_close(&lake);
    model_options_reset(&o);
    return rc;
}

/* "--select" of "SELECTOR …" → a row of an option table. Names live as long as the program. */
static struct cli_option option_of(const struct model_flag *f)
{
    bool several = f->value && strstr(f->value, "…") != NULL;
    struct cli_option o = {.name = f->name + 2, .value = f->value, .help = f->help};
    o.type = !f->value ? CLI_FLAG : several ? CLI_WORDS : CLI_TEXT;
    if (f->other && f->other[0] == '-' && f->other[1] != '-' && !f->other[2]) o.letter = f->other[1];
    return o;
}

const struct cli_option *cli_dbt_options(struct arena *arena, const struct cli_command *command)
{
    size_t n = 0;
    while (model_flags()[n].name) n++;
    struct cli_option *table = arena_zalloc(arena, (n + 1) * sizeof *table);
    size_t at = 0;
    for (const struct model_flag *f = model_flags(); f->name; f++) {
        if (f->verbs && !cli_listed(f->verbs, command->name)) continue;
        table[at] = option_of(f);
        if (table[at].type == CLI_WORDS) table[at].value = arena_strndup(arena, f->value, strcspn(f->value, " "));
        at++;
    }
    return table;
}
