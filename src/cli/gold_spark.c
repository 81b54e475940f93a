/* Gold by Spark: dbt with dbt-spark runs the project in a process of its own and writes marts below state/spark/gold; what
 * it made becomes the lake's gold by a commit of ours, so that readers, log and audit see no difference. */
#include "cli/gold_parts.h"

#include "base/io.h"
#include "sql/sql.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct spark {
    struct gold gold;
    char *state;   /* state/spark: Spark's catalogue and intermediates, marts before publishing */
    char *target, *logs; /* below it */
    char *project;
    bool refresh;
};

/* dbt must start anew when silver was made anew since Spark last saw it: the same batch numbers may hold other rows. */
static enum err needs_refresh(struct spark *s, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    struct lake_head head;
    char *mark = io_path(s->state, "built"), *catalogue = io_path(s->state, "metastore");
    bool known = io_read_file(mark, &text, NULL) == ERR_OK && text.len;
    uint64_t last = known ? strtoull(text.ptr, NULL, 10) : 0;
    s->refresh = !known && io_exists(catalogue);
    lake_head(s->gold.lake, &head);
    for (uint64_t n = last + 1; known && n <= head.number && !s->refresh; n++) {
        struct lake_entry entry;
        rc = lake_entry_read(s->gold.lake, n, &entry, e);
        s->refresh = rc == ERR_OK && entry.kind == LAKE_REBUILD;
        lake_entry_reset(&entry);
        if (rc != ERR_OK) break;
    }
    buf_reset(&text);
    mem_free(mark);
    mem_free(catalogue);
    return rc;
}

static enum err note_seen(const struct spark *s, struct error *e)
{
    struct lake_head head;
    char text[32], *mark = io_path(s->state, "built");
    lake_head(s->gold.lake, &head);
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)head.number);
    enum err rc = io_write_file(mark, text, strlen(text), false, e);
    mem_free(mark);
    return rc;
}

/* Some verbs know no --full-refresh; a user's own is not repeated. */
static bool may_refresh(const struct cli *cli)
{
    if (strcmp(cli->command->name, "build") && strcmp(cli->command->name, "run")) return false;
    for (size_t i = 0; i < cli->arg_count; i++)
        if (!strcmp(cli->args[i], "--full-refresh") || !strcmp(cli->args[i], "-f")) return false;
    return true;
}

static bool given(const struct cli *cli, const char *flag)
{
    for (size_t i = 0; i < cli->arg_count; i++) {
        const char *word = cli->args[i];
        if (str_starts(word, flag) && (!word[strlen(flag)] || word[strlen(flag)] == '=')) return true;
    }
    return false;
}

/* argv[0 … ] of dbt; borrowed texts. Returns their number. */
static size_t dbt_words(const struct spark *s, const char *project, const char **argv)
{
    const struct cli *cli = s->gold.cli;
    size_t n = 0;
    argv[n++] = cli->config.spark.dbt;
    if (cli->config.quiet) argv[n++] = "--quiet";
    argv[n++] = cli->command->name;
    for (size_t i = 0; i < cli->arg_count; i++) argv[n++] = cli->args[i];
    argv[n++] = "--project-dir", argv[n++] = project;
    if (!given(cli, "--profiles-dir")) argv[n++] = "--profiles-dir", argv[n++] = project;
    if (!given(cli, "--target") && !given(cli, "-t")) argv[n++] = "--target", argv[n++] = cli->config.spark.target;
    argv[n++] = "--target-path", argv[n++] = s->target;
    argv[n++] = "--log-path", argv[n++] = s->logs;
    if (s->refresh && may_refresh(cli)) argv[n++] = "--full-refresh";
    argv[n] = NULL;
    return n;
}

static enum err dbt_environment(const struct spark *s, struct error *e)
{
    struct lake *lake = s->gold.lake;
    char *root = store_is_local(lake_store(lake)) ? realpath(lake_url(lake), NULL) : strdup(lake_url(lake));
    if (!root) return err_sys(e, errno, "cannot find %s", lake_url(lake));
    char *gold = mem_printf("file://%s/gold", s->state);
    int failed = setenv("LAKEFM_LAKE", root, 1) | setenv("LAKEFM_GOLD", gold, 1) | setenv("LAKEFM_SPARK_STATE", s->state, 1) |
                 setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false", 0);
    free(root);
    mem_free(gold);
    return failed ? err_sys(e, errno, "cannot set dbt's environment") : ERR_OK;
}

/* Waits for dbt; a SIGTERM to us is passed on (a Ctrl-C reaches it by itself). */
static enum err wait_for(pid_t pid, int *code, struct error *e)
{
    int status;
    bool told = false;
    for (;;) {
        if (cli_stop && !told) told = kill(pid, SIGTERM) == 0;
        pid_t got = waitpid(pid, &status, 0);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return err_sys(e, errno, "cannot wait for dbt");
    }
    if (WIFSIGNALED(status)) return err_set(e, ERR_STOPPED, "dbt was ended by signal %d", WTERMSIG(status));
    *code = WEXITSTATUS(status);
    return ERR_OK;
}

static enum err run_dbt(struct spark *s, const char *project, int *code, struct error *e)
{
    enum err rc = ERR_OK;
    const struct cli *cli = s->gold.cli;
    pid_t pid;
    const char **argv = mem_array(cli->arg_count + 20, sizeof *argv);
    dbt_words(s, project, argv);
    TRY(dbt_environment(s, e));
    int failed = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
    if (failed) {
        rc = failed == ENOENT ? err_set(e, ERR_NOT_FOUND, "engine spark needs dbt with dbt-spark; there is no program \"%s\"", argv[0])
                              : err_sys(e, failed, "cannot run %s", argv[0]);
        err_hint(e, "pip install 'dbt-core<2' 'dbt-spark[session]' and Java 17, or set spark.dbt to dbt's path");
        goto done;
    }
    rc = wait_for(pid, code, e);
done:
    mem_free(argv);
    return rc;
}

/* The mart's Parquet files, as many as Spark wrote, become one, in their order. */
static enum err merge(const struct spark *s, struct sql_conn *conn, const char *folder, const char *mart,
                      struct model_file *file, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names names = {0};
    struct buf query = {0};
    size_t parts = 0;
    char *staged = mem_printf("%s/%s.parquet", s->gold.staging, mart);
    TRY(io_list_dir(folder, &names, e));
    buf_str(&query, "select * from read_parquet([");
    for (size_t i = 0; i < names.count; i++) {
        if (!str_ends(names.name[i], ".parquet")) continue;
        char *path = io_path(folder, names.name[i]);
        if (parts++) buf_char(&query, ',');
        sql_quote_text(&query, path, strlen(path));
        mem_free(path);
    }
    buf_str(&query, "], hive_partitioning = false)");
    if (!parts) {
        rc = err_set(e, ERR_CORRUPT, "Spark left no Parquet file for %s in %s", mart, folder);
        goto done;
    }
    TRY(sql_copy_to(conn, query.ptr, staged, &(struct sql_copy){.format = SQL_PARQUET}, &file->rows, e));
    file->model = mem_strdup(mart);
    file->staged = staged;
    staged = NULL;
done:
    mem_free(staged);
    io_names_free(&names);
    buf_reset(&query);
    return rc;
}

static enum err publish(struct spark *s, const json_t *results, struct error *e)
{
    enum err rc = ERR_OK;
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    size_t n = 0, i;
    const json_t *result;
    struct model_file *files = mem_zalloc((json_array_size(results) + 1) * sizeof *files);
    TRY(sql_open(&(struct sql_options){.memory_bytes = s->gold.cli->config.memory_bytes}, &db, e));
    TRY(sql_connect(db, &conn, e));
    json_array_foreach(results, i, result)
    {
        const char *id = json_string_value(json_object_get(result, "unique_id"));
        const char *status = json_string_value(json_object_get(result, "status"));
        if (!id || !status || strcmp(status, "success") || !str_starts(id, "model.")) continue;
        const char *mart = strrchr(id, '.') + 1;
        char *folder = mem_printf("%s/gold/%s", s->state, mart);
        if (io_is_dir(folder)) rc = merge(s, conn, folder, mart, &files[n], e);
        mem_free(folder);
        if (rc != ERR_OK) goto done;
        n += files[n].staged != NULL;
    }
    TRY(gold_commit(&s->gold, files, n, false, e));
    if (!s->gold.cli->config.quiet && n)
        cli_print(s->gold.cli, s->gold.committed ? "%zu marts of Spark are the lake's gold.\n"
                                                 : "%zu marts of Spark: the same as the lake's gold.\n", n);
done:
    for (size_t k = 0; k < n; k++) {
        unlink(files[k].staged);
        mem_free((char *)files[k].staged);
        mem_free((char *)files[k].model);
    }
    mem_free(files);
    sql_disconnect(&conn);
    sql_close(&db);
    return rc;
}

/* run_results.json of this run; *results stays NULL when the verb writes none. */
static enum err read_results(const char *path, json_t **root, struct error *e)
{
    json_error_t why;
    if (!io_exists(path)) return ERR_OK;
    *root = json_load_file(path, 0, &why);
    return *root ? ERR_OK : err_set(e, ERR_INPUT, "%s: %s", path, why.text);
}

static enum err prepare(struct spark *s, const char **project, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake *lake = s->gold.lake;
    char *state = lake_state_path(lake, "spark");
    if (!state) return err_set(e, ERR_UNSUPPORTED, "there is no place for Spark's state of %s", lake_url(lake));
    rc = io_make_dirs(state, e);
    char *real = rc == ERR_OK ? realpath(state, NULL) : NULL;
    mem_free(state);
    if (rc != ERR_OK) return rc;
    if (!real) return err_sys(e, errno, "cannot find Spark's state of %s", lake_url(lake));
    s->state = mem_strdup(real);
    free(real);
    s->target = io_path(s->state, "target");
    s->logs = io_path(s->state, "logs");
    s->gold.staging = lake_state_path(lake, "build");
    TRY(io_make_dirs(s->gold.staging, e));
    TRY(needs_refresh(s, e));
    if (!s->gold.cli->config.dbt) TRY(gold_unpack_project(lake, &s->project, e));
    real = realpath(s->project ? s->project : s->gold.cli->config.dbt, NULL);
    if (!real) return err_sys(e, errno, "cannot find the dbt project %s", s->project ? s->project : s->gold.cli->config.dbt);
    mem_free(s->project);
    *project = s->project = mem_strdup(real);
    free(real);
done:
    return rc;
}

enum err cli_gold_spark(struct cli *cli, struct lake *lake, int *code, struct error *e)
{
    enum err rc = ERR_OK;
    struct spark s = {.gold = {.cli = cli, .lake = lake}};
    const char *project = NULL;
    char *path = NULL;
    json_t *results = NULL;
    TRY(prepare(&s, &project, e));
    path = io_path(s.target, "run_results.json");
    unlink(path);
    TRY(cli_flush(cli, e));
    TRY(run_dbt(&s, project, code, e));
    TRY(read_results(path, &results, e));
    const char *verb = cli->command->name;
    if (results && (!strcmp(verb, "build") || !strcmp(verb, "run") || !strcmp(verb, "retry")))
        TRY(publish(&s, json_object_get(results, "results"), e));
    bool partly = given(cli, "--select") || given(cli, "-s") || given(cli, "--models") || given(cli, "-m") || given(cli, "--exclude");
    if (*code == 0 && !(s.refresh && partly)) TRY(note_seen(&s, e));
    if (*code) rc = err_set(e, ERR_INPUT, "dbt ended with code %d; what it says is above and in %s/logs/dbt.log", *code, s.state);
done:
    json_decref(results);
    mem_free(path);
    mem_free(s.state);
    mem_free(s.target);
    mem_free(s.logs);
    mem_free(s.project);
    mem_free(s.gold.staging);
    return rc;
}
