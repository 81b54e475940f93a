#include "cli/gold_parts.h"

#include "base/asset.h"
#include "base/hash.h"
#include "base/io.h"
#include "lake/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print(void *ctx, const char *text, size_t len)
{
    struct gold *g = ctx;
    if (g->silent) return;
    buf_add(&g->cli->out, text, len);
    if (cli_flush(g->cli, NULL) != ERR_OK) g->silent = true; /* the reader has left */
}

static enum err interrupted(void *ctx, struct error *e)
{
    (void)ctx;
    return cli_stop ? err_set(e, ERR_STOPPED, "interrupted") : ERR_OK;
}

static void sql_text(struct buf *out, const char *s)
{
    buf_char(out, '\'');
    for (; *s; s++) {
        if (*s == '\'') buf_char(out, '\'');
        buf_char(out, *s);
    }
    buf_char(out, '\'');
}

/* The files that the log vouches for, by name: one consistent state, whatever lies in the folders. */
static enum err silver_source(void *ctx, const char *source_name, const char *table, char **sql, char **version,
                              struct error *e)
{
    struct gold *g = ctx;
    enum err rc = ERR_OK;
    struct lake_files files = {0};
    struct buf text = {0};
    char **paths = NULL;
    *sql = *version = NULL;
    if (strcmp(source_name, "silver")) return ERR_OK;
    struct lake_filter filter = {.layers = 1u << LAKE_SILVER, .table = table};
    lake_files(g->lake, &filter, &files);
    if (!files.count) {
        err_set(e, ERR_NOT_FOUND, "the lake has no silver table %s", table);
        rc = err_hint(e, "run: lakefm --lake %s refine", g->cli->config.lake);
        goto done;
    }
    buf_str(&text, "read_parquet([");
    TRY(lake_file_paths(g->lake, &files, &paths, e));
    for (size_t i = 0; i < files.count; i++) {
        if (i) buf_char(&text, ',');
        sql_text(&text, paths[i]);
    }
    buf_str(&text, "], hive_partitioning = false)");
    *sql = buf_take(&text);
    char id[HASH_HEX_SIZE];
    *version = mem_printf("%s/%llu", hash_hex(lake_id(g->lake), id),
                          (unsigned long long)lake_table_changed(g->lake, LAKE_SILVER, table));
done:
    buf_reset(&text);
    lake_file_paths_free(&paths, files.count);
    lake_files_free(&files);
    return rc;
}

static enum err stage(void *ctx, const char *model, const char *location, char **staged, struct error *e)
{
    struct gold *g = ctx;
    (void)location, (void)e;
    *staged = mem_printf("%s/%s.parquet", g->staging, model);
    return ERR_OK;
}

static enum err publish_file(struct lake_batch *batch, const struct model_file *file, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf content = {0};
    struct lake_out *out = NULL;
    struct lake_part part = {LAKE_GOLD, file->model, NULL, LAKE_NO_DATE, -1, LAKE_K_SINGLE, "parquet"};
    TRY(io_read_file(file->staged, &content, e));
    TRY(lake_batch_create(batch, &part, &out, e));
    TRY(io_write_all(out->fd, content.ptr, content.len, out->local_path, e));
    struct lake_stats stats = {.rows = file->rows,
                               .min_date = LAKE_NO_DATE,
                               .max_date = LAKE_NO_DATE,
                               .has_hash = true,
                               .bytes = (int64_t)content.len,
                               .hash = hash_128(content.ptr, content.len)};
    TRY(lake_out_finish(&out, &stats, e));
done:
    lake_out_drop(&out);
    buf_reset(&content);
    return rc;
}

/* A file whose bytes are those of the live one is left as it is. */
static bool is_live(struct gold *g, const struct model_file *file)
{
    struct lake_part part = {LAKE_GOLD, file->model, NULL, LAKE_NO_DATE, -1, LAKE_K_SINGLE, "parquet"};
    struct buf path = {0};
    struct lake_files live = {0};
    struct hash128 hash;
    uint64_t bytes;
    lake_path_part(&path, &part, 0);
    bool same = lake_file_find(g->lake, path.ptr, &live) && hash_file(file->staged, &hash, &bytes, NULL) == ERR_OK &&
                hash_eq(hash, live.file[0]->hash);
    lake_files_free(&live);
    buf_reset(&path);
    return same;
}

enum err gold_commit(struct gold *g, const struct model_file *files, size_t count, bool always, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_batch *batch = NULL;
    struct buf build = {0};
    struct lake_head head;
    lake_head(g->lake, &head);
    for (size_t i = 0; i < count; i++) {
        if (is_live(g, &files[i])) continue;
        if (!batch) TRY(lake_batch_begin(g->lake, LAKE_BUILD, &batch, e));
        TRY(publish_file(batch, &files[i], e));
    }
    if (!batch && !always) goto done;
    if (!batch) TRY(lake_batch_begin(g->lake, LAKE_BUILD, &batch, e));
    buf_printf(&build, "{\"silver\":%llu}", (unsigned long long)head.number);
    TRY(lake_batch_build(batch, build.ptr, e));
    TRY(lake_batch_commit(&batch, NULL, e));
    g->committed = true;
done:
    lake_batch_abort(&batch);
    buf_reset(&build);
    return rc;
}

static enum err to_mirror(const struct gold *g, const struct model_file *file, struct error *e)
{
    char *folder = mem_printf("%s/gold/%s", g->mirror, file->model), *path = mem_printf("%s/part-0.parquet", folder);
    enum err rc = io_make_dirs(folder, e);
    if (rc == ERR_OK && rename(file->staged, path)) rc = err_sys(e, errno, "cannot rename %s to %s", file->staged, path);
    mem_free(folder);
    mem_free(path);
    return rc;
}

static enum err publish(void *ctx, const struct model_file *files, size_t count, struct error *e)
{
    struct gold *g = ctx;
    enum err rc = gold_commit(g, files, count, false, e);
    for (size_t i = 0; rc == ERR_OK && i < count; i++) {
        if (g->mirror) rc = to_mirror(g, &files[i], e);
        else unlink(files[i].staged);
    }
    return rc;
}

enum err gold_unpack_project(struct lake *lake, char **folder, struct error *e)
{
    enum err rc = ERR_OK;
    struct hasher *hasher = hasher_new();
    char hex[HASH_HEX_SIZE], name[64], *path = NULL, *parent = NULL, *done_mark = NULL;
    for (const struct asset *a = asset_all(); a->path; a++)
        if (str_starts(a->path, "dbt/")) {
            hasher_add(hasher, a->path, strlen(a->path) + 1);
            hasher_add(hasher, a->data.ptr, a->data.len);
        }
    snprintf(name, sizeof name, "dbt-%.12s", hash_hex(hasher_sum(hasher), hex));
    hasher_free(&hasher);
    *folder = lake_state_path(lake, name);
    done_mark = io_path(*folder, ".whole");
    if (io_exists(done_mark)) goto done;
    for (const struct asset *a = asset_all(); a->path; a++) {
        if (!str_starts(a->path, "dbt/")) continue;
        mem_free(path);
        mem_free(parent);
        path = io_path(*folder, a->path + 4);
        parent = mem_strdup(path);
        *strrchr(parent, '/') = '\0';
        TRY(io_make_dirs(parent, e));
        TRY(io_write_file(path, a->data.ptr, a->data.len, false, e));
    }
    TRY(io_write_file(done_mark, "", 0, false, e));
done:
    mem_free(path);
    mem_free(parent);
    mem_free(done_mark);
    return rc;
}

/* state/built holds the commit that this machine's warehouse has seen. A remote lake may have been built by others since. */
static void note_built(struct lake *lake)
{
    struct lake_head head;
    char text[32], *path = store_is_local(lake_store(lake)) ? NULL : lake_state_path(lake, "built");
    if (!path) return;
    lake_head(lake, &head);
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)head.number);
    if (io_write_file(path, text, strlen(text), false, NULL) != ERR_OK) unlink(path);
    mem_free(path);
}

/* The last commit that the warehouse knows of; false: it knows of none. */
static bool built_last(struct lake *lake, const char *warehouse, uint64_t *last)
{
    char *json = lake_build_last(lake, last), *path;
    bool built = json != NULL;
    mem_free(json);
    if (store_is_local(lake_store(lake))) return built;
    struct buf text = {0};
    path = lake_state_path(lake, "built");
    *last = io_read_file(path, &text, NULL) == ERR_OK && text.len ? strtoull(text.ptr, NULL, 10) : 0;
    buf_reset(&text);
    mem_free(path);
    return io_exists(warehouse);
}

/* True when silver was made anew since the last build: partial aggregates of the same batch numbers may differ. */
static enum err rebuilt_since(struct lake *lake, const char *warehouse, bool *rebuilt, struct error *e)
{
    uint64_t last = 0;
    struct lake_head head;
    bool built = built_last(lake, warehouse, &last);
    *rebuilt = false;
    lake_head(lake, &head);
    for (uint64_t n = last + 1; built && n <= head.number && !*rebuilt; n++) {
        struct lake_entry entry;
        enum err rc = lake_entry_read(lake, n, &entry, e);
        *rebuilt = rc == ERR_OK && entry.kind == LAKE_REBUILD;
        lake_entry_reset(&entry);
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}

enum err cli_gold_run(struct cli *cli, struct lake *lake, struct model_options *o, bool silent,
                      struct model_outcome *outcome, struct error *e)
{
    enum err rc = ERR_OK;
    struct gold g = {.cli = cli, .lake = lake, .silent = silent};
    char *project = NULL, *warehouse = lake_state_path(lake, "warehouse.duckdb"), *target = lake_state_path(lake, "target");
    char *root = NULL, *lake_env = NULL;
    bool rebuilt = false;
    if (!warehouse) {
        rc = err_set(e, ERR_UNSUPPORTED, "there is no place for the warehouse of %s", lake_url(lake));
        goto done;
    }
    if (!store_is_local(lake_store(lake))) g.mirror = lake_state_path(lake, "mirror");
    root = realpath(lake_url(lake), NULL);
    lake_env = mem_printf("LAKEFM_LAKE=%s", g.mirror ? g.mirror : root ? root : lake_url(lake));
    g.staging = lake_state_path(lake, "build");
    TRY(io_make_dirs(g.staging, e));
    if (!o->project_dir && cli->config.dbt) o->project_dir = cli->config.dbt;
    if (!o->project_dir) {
        TRY(gold_unpack_project(lake, &project, e));
        o->project_dir = project;
    }
    if (!o->profiles_dir) o->profiles_dir = o->project_dir;
    if (!o->target_path) o->target_path = target;
    TRY(rebuilt_since(lake, warehouse, &rebuilt, e));
    if (rebuilt) o->full_refresh = MODEL_YES;
    const char *env[] = {lake_env, NULL};
    char *limit = mem_printf("set memory_limit = '%lluMB'", (unsigned long long)(cli->config.memory_bytes / 1000000));
    const char *init[] = {limit, NULL};
    struct model_hooks hooks = {.ctx = &g,
                                .print = print,
                                .interrupted = interrupted,
                                .source = silver_source,
                                .stage = stage,
                                .publish = publish,
                                .env = env,
                                .warehouse = warehouse,
                                .init_sql = init};
    if (cli->config.threads && !o->threads) o->threads = (int)cli->config.threads;
    rc = model_run(o, &hooks, outcome, e);
    mem_free(limit);
    /* Said once, or every build from now on would start anew. */
    if (rc == ERR_OK && rebuilt && outcome->exit_code == 0 && !g.committed) rc = gold_commit(&g, NULL, 0, true, e);
    if (rc == ERR_OK && outcome->exit_code == 0) note_built(lake);
done:
    if (o->project_dir == project) o->project_dir = o->profiles_dir = NULL;
    if (o->target_path == target) o->target_path = NULL;
    mem_free(g.staging);
    mem_free(g.mirror);
    mem_free(project);
    mem_free(warehouse);
    mem_free(target);
    mem_free(lake_env);
    free(root);
    return rc;
}
