/* Statements and what they left: load_result, store_result, write, render, and the rest of a materialization's tools.
 */
#include "model/builtins.h"

#include "base/io.h"
#include "model/objects.h"
#include "model/run.h"
#include "model/seed.h"

#include <sys/stat.h>

enum err builtin_store_result(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[3], result = jinja_dict(c->env);
    TRY(jinja_args(c, "name response agate_table?", slot, e));
    struct table *t = table_of(slot[2]);
    if (!t) t = table_new(ctx, 0, 0);
    if (jinja_is_absent(ctx->results)) ctx->results = jinja_dict(c->env);
    jinja_dict_set(c->env, result, "response", slot[1]);
    jinja_dict_set(c->env, result, "data", table_matrix(ctx, t));
    jinja_dict_set(c->env, result, "table", table_value(ctx, t));
    TRY(jinja_dict_put(c->env, ctx->results, slot[0], result, e));
    *out = jinja_text(c->env, "");
done:
    return rc;
}

enum err builtin_store_raw_result(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[5];
    TRY(jinja_args(c, "name message? code? rows_affected? agate_table?", slot, e));
    const char *message = jinja_is_string(slot[1]) ? arena_strdup(ctx->arena, value_text(slot[1], "")) : "";
    const char *code = jinja_is_string(slot[2]) ? arena_strdup(ctx->arena, value_text(slot[2], "")) : NULL;
    struct jinja_value args[3] = {slot[0],
                                  response_value(ctx, message, code, value_is_null(slot[3]) ? jinja_none() : slot[3]),
                                  value_is_null(slot[4]) ? jinja_none() : slot[4]};
    struct jinja_call inner = {.env = c->env, .ctx = c->ctx, .name = "store_result", .count = 3, .args = args};
    rc = builtin_store_result(&inner, out, e);
done:
    return rc;
}

/* Each result can be loaded once; "main" as often as one likes. */
enum err builtin_load_result(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[1], found = {0};
    TRY(jinja_args(c, "name", slot, e));
    if (!jinja_is_absent(ctx->results)) TRY(jinja_dict_find(c->env, ctx->results, slot[0], &found, e));
    if (jinja_is_absent(found))
        *out = jinja_none();
    else if (jinja_is_none(found))
        rc = err_set(e, ERR_INPUT, "the 'statement' result named '%s' has already been loaded into a variable",
                     value_text(slot[0], ""));
    else {
        *out = found;
        if (strcmp(value_text(slot[0], ""), "main") != 0)
            TRY(jinja_dict_put(c->env, ctx->results, slot[0], jinja_none(), e));
    }
done:
    return rc;
}

/* A file that is replaced costs the file system a flush; most are as they were. */
static bool holds(const char *path, const char *text, size_t len)
{
    struct stat st;
    struct buf there = {0};
    if (stat(path, &st) || (uint64_t)st.st_size != len) return false;
    bool same = io_read_file(path, &there, NULL) == ERR_OK && there.len == len && (!len || !memcmp(there.ptr, text, len));
    buf_reset(&there);
    return same;
}

enum err write_text(struct dbt *d, const char *path, const char *text, size_t len, struct error *e)
{
    enum err rc = ERR_OK;
    const char *slash = strrchr(path, '/');
    char *folder = mem_strndup(path, slash ? (size_t)(slash - path) : 0);
    (void)d;
    if (holds(path, text, len)) goto done;
    rc = io_write_file(path, text, len, false, e);
    if (rc != ERR_OK) { /* the folder is missing, or a file is where it should be */
        TRY(io_make_dirs(folder, e));
        TRY(io_write_file(path, text, len, false, e));
    }
done:
    mem_free(folder);
    return rc;
}

enum err builtin_write(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[1];
    struct view text;
    TRY(jinja_args(c, "payload", slot, e));
    *out = jinja_text(c->env, "");
    if (!ctx->node || ctx->node->kind == NODE_SOURCE) {
        rc = err_set(e, ERR_INPUT, "macros and sources cannot be written");
        goto done;
    }
    TRY(jinja_str_view(c->env, slot[0], &text, e));
    if (!ctx->execute) goto done;
    pthread_mutex_lock(&ctx->d->lock);
    const char *path = node_write_path(ctx->d, ctx->node, "run");
    if (ctx->batch_label) path = batch_path(ctx->d, path, ctx->batch_label);
    ctx->node->build_path = path;
    pthread_mutex_unlock(&ctx->d->lock);
    const char *full = path[0] == '/' ? path : arena_printf(ctx->arena, "%s/%s", ctx->d->root, path);
    TRY(write_text(ctx->d, full, text.ptr, text.len, e));
done:
    return rc;
}

enum err builtin_render(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[1];
    struct view text;
    struct buf b = {0};
    TRY(jinja_args(c, "string", slot, e));
    TRY(jinja_str_view(c->env, slot[0], &text, e));
    TRY(context_render(ctx, text, ctx->node ? ctx->node->original_path : "render", 1, &b, e));
    *out = jinja_string(c->env, b.ptr ? b.ptr : "", b.len);
done:
    buf_reset(&b);
    return rc;
}

enum err builtin_try_or_compiler_error(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct error inner = {0};
    if (c->count < 2) return err_set(e, ERR_INPUT, "try_or_compiler_error() takes a message and a function");
    enum err rc = jinja_invoke(c->env, c->args[1], c->args + 2, c->count - 2, c->named, c->named_count, out, &inner);
    if (rc != ERR_OK) return err_set(e, ERR_INPUT, "%s", value_text(c->args[0], ""));
    return ERR_OK;
}

enum err builtin_load_agate_table(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct table *t = NULL;
    if (!ctx->node || ctx->node->kind != NODE_SEED)
        return err_set(e, ERR_INPUT, "load_agate_table() can only be called for seeds");
    /* only those who read its rows pay for them */
    struct macro *load = macro_dispatch(ctx->d, ctx->package, "load_csv_rows", "dbt", NULL),
                 *made = macro_dispatch(ctx->d, ctx->package, "create_csv_table", "dbt", NULL);
    bool values = !value_get_bool(ctx->node->config, "fast", true) || !load || !load->package->builtin || !made ||
                  !made->package->builtin;
    TRY(seed_table(ctx, ctx->node, values, &t, e));
    *out = table_value(ctx, t);
done:
    return rc;
}

enum err builtin_submit_python_job(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    (void)c, (void)out;
    return err_set(e, ERR_UNSUPPORTED, "python models are not supported: this program has no Python inside");
}

/* ---- external models of a lake ---- */

enum err builtin_lakefm_publishes(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct context *ctx = c->ctx;
    (void)e;
    return *out = jinja_bool(ctx->d->hooks->publish && ctx->d->hooks->stage), ERR_OK;
}

enum err builtin_lakefm_staged_location(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[1];
    char *staged = NULL;
    TRY(jinja_args(c, "location", slot, e));
    *out = slot[0];
    if (!ctx->d->hooks->stage || !ctx->execute || !ctx->node) goto done;
    pthread_mutex_lock(&ctx->d->lock);
    rc = ctx->d->hooks->stage(ctx->d->hooks->ctx, ctx->node->name, value_text(slot[0], ""), &staged, e);
    pthread_mutex_unlock(&ctx->d->lock);
    if (rc == ERR_OK && staged) *out = jinja_text(c->env, staged);
done:
    mem_free(staged);
    return rc;
}

enum err builtin_lakefm_wrote(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[4];
    TRY(jinja_args(c, "location staged rows view", slot, e));
    *out = jinja_text(c->env, "");
    struct result *r = ctx->node ? ctx->node->run : NULL;
    if (!r || !ctx->d->hooks->stage) goto done;
    pthread_mutex_lock(&ctx->d->lock);
    r->location = arena_strdup(&ctx->d->arena, value_text(slot[0], ""));
    r->staged = arena_strdup(&ctx->d->arena, value_text(slot[1], ""));
    r->rows = slot[2].type == JINJA_INT ? slot[2].as.integer : 0;
    r->view_sql = arena_strdup(&ctx->d->arena, value_text(slot[3], ""));
    char hex[HASH_HEX_SIZE];
    r->sql_hash =
        arena_strdup(&ctx->d->arena, hash_hex(hash_128(ctx->node->compiled, strlen(ctx->node->compiled)), hex));
    pthread_mutex_unlock(&ctx->d->lock);
done:
    return rc;
}
