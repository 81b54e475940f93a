#include "cli/dbt.h"

#include "base/io.h"
#include "base/str.h"
#include "serve/serve.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DOCS_PORT = 8080 }; /* dbt's */

/* docs serve: its own flags, and those of docs generate as words of that. */
struct docs {
    const char *host, **words;
    size_t count;
    int64_t port;
};

/* The value of "--name value" or "--name=value" at *at, which then is at its last word; NULL: another word. */
static const char *value_of(const struct cli *cli, size_t *at, const char *name)
{
    const char *word = cli->args[*at];
    size_t n = strlen(name);
    if (strncmp(word, name, n)) return NULL;
    if (word[n] == '=') return word + n + 1;
    if (word[n]) return NULL;
    return *at + 1 < cli->arg_count ? cli->args[++*at] : "";
}

static enum err read_words(struct cli *cli, struct docs *d, struct error *e)
{
    *d = (struct docs){.host = "127.0.0.1", .words = mem_array(cli->arg_count + 2, sizeof *d->words), .port = DOCS_PORT};
    d->words[d->count++] = "docs";
    d->words[d->count++] = "generate";
    for (size_t i = 1; i < cli->arg_count; i++) {
        const char *text;
        if ((text = value_of(cli, &i, "--port"))) {
            if (!str_i64(text, &d->port) || d->port < 0 || d->port > 65535)
                return err_set(e, ERR_USAGE, "--port %s: a number from 0 (any free one) to 65535", text);
        } else if ((text = value_of(cli, &i, "--host"))) {
            if (!*text) return err_set(e, ERR_USAGE, "--host: an address");
            d->host = text;
        } else if (strcmp(cli->args[i], "--browser") && strcmp(cli->args[i], "--no-browser")) {
            d->words[d->count++] = cli->args[i]; /* dbt's --browser: we never open one */
        }
    }
    return ERR_OK;
}

static bool has(const char *folder, const char *name)
{
    char *path = io_path(folder, name);
    bool there = io_exists(path);
    mem_free(path);
    return there;
}

/* Compiles, whose results would replace those of the last run: its tests are what the page shows, so they are put back. */
static enum err generate(struct cli *cli, const struct docs *d, const char *folder, struct error *e)
{
    char *path = io_path(folder, "run_results.json");
    struct buf last = {0};
    bool ran = io_exists(path);
    enum err rc = ran ? io_read_file(path, &last, e) : ERR_OK;
    if (rc == ERR_OK) rc = cli_dbt_run_words(cli, d->words, d->count, e);
    if (rc == ERR_OK && ran) rc = io_write_file(path, last.ptr ? last.ptr : "", last.len, false, e);
    buf_reset(&last);
    mem_free(path);
    return rc;
}

static enum err serve(struct cli *cli, struct error *e)
{
    enum err rc = ERR_OK;
    struct docs d = {0};
    struct serve_docs *server = NULL;
    char *folder = NULL;
    TRY(read_words(cli, &d, e));
    TRY(cli_dbt_target(cli, d.words, d.count, &folder, e));
    if (!has(folder, "manifest.json") || !has(folder, "catalog.json")) TRY(generate(cli, &d, folder, e));
    if (cli->exit_code) goto done;
    struct serve_options options = {.bind = d.host, .port = (uint16_t)d.port, .token = cli->config.serve.token, .docs_folder = folder};
    rc = serve_docs_open(&options, &server, e);
    if (rc == ERR_BUSY) err_hint(e, "another program has the port: say --port 0 or another number");
    TRY(rc);
    if (cli->config.json) cli_print(cli, "{\"url\":\"http://%s:%u/\"}\n", d.host, (unsigned)serve_docs_port(server));
    else if (!cli->config.quiet) cli_print(cli, "The lineage page is at http://%s:%u/ (Ctrl-C ends it)\n", d.host, (unsigned)serve_docs_port(server));
    TRY(cli_flush(cli, e));
    while (!cli_stop) nanosleep(&(struct timespec){0, 100000000}, NULL);
done:
    serve_docs_close(&server);
    mem_free(folder);
    mem_free(d.words);
    return rc;
}

static enum err run(struct cli *cli, const void *options, struct error *e)
{
    if (cli->arg_count && !strcmp(cli->args[0], "serve")) return serve(cli, e);
    return cli_dbt_run(cli, options, e);
}

static const struct cli_option *options_of(struct arena *arena, const struct cli_command *command)
{
    static const struct cli_option own[] = {
        {.name = "port", .type = CLI_TEXT, .value = "N", .help = "serve: the page's port, 0 for any free one (default: 8080)"},
        {.name = "host", .type = CLI_TEXT, .value = "ADDRESS", .help = "serve: where it listens (default: 127.0.0.1)"},
    };
    const struct cli_option *dbt = cli_dbt_options(arena, command);
    size_t n = 0, count = sizeof own / sizeof own[0];
    while (dbt[n].name) n++;
    struct cli_option *table = arena_zalloc(arena, (n + count + 1) * sizeof *table);
    memcpy(table, own, sizeof own);
    memcpy(table + count, dbt, n * sizeof *dbt);
    return table;
}

const struct cli_command cli_cmd_docs = {
    .name = "docs",
    .group = CLI_DBT,
    .summary = "a dbt project's catalog, and its lineage as a page",
    .synopsis = "generate|serve",
    .about = "generate writes manifest.json and catalog.json. serve shows them at http://127.0.0.1:8080 until Ctrl-C: the graph, "
             "columns, tests with their last outcome, and SQL of each model; it generates what is missing first. Reload the page "
             "after the next build.\n\n"
             "Any address but this machine's needs a token: set LAKEFM_SERVE_TOKEN.",
    .max_args = -1,
    .example = "lakefm docs generate --project-dir my_project\nlakefm docs serve --project-dir my_project --port 8081",
    .see_also = "build serve test",
    .raw = true,
    .settings_taken = CLI_DBT_SETTINGS,
    .options_of = options_of,
    .run = run,
};
