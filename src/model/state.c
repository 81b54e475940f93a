/* Another run's artifacts: what --defer takes from them, what a retry repeats. */
#include "model/print.h"
#include "model/run.h"

#include "base/io.h"

enum err state_read(struct dbt *d, const char *dir, const char *file, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const char *folder = *dir == '/' || !d->root ? dir : arena_printf(&d->arena, "%s/%s", d->root, dir);
    const char *path = arena_printf(&d->arena, "%s/%s", folder, file);
    if (!io_exists(path)) return err_set(e, ERR_NOT_FOUND, "no %s in %s", file, dir);
    TRY(io_read_file(path, &text, e));
    rc = jinja_json_read(d->env, text.ptr, text.len, out, e);
    if (rc != ERR_OK) err_where(e, "%s", path);
done:
    buf_reset(&text);
    return rc;
}

enum err state_defer(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    const char *dir = d->o->defer_state ? d->o->defer_state : d->o->state;
    struct jinja_value manifest, nodes, key, item;
    if (d->o->defer != MODEL_YES) return ERR_OK;
    if (!dir) {
        err_set(e, ERR_USAGE, "--defer needs the artifacts of another run");
        return err_hint(e, "give --state DIR, a folder with a manifest.json");
    }
    TRY(state_read(d, dir, "manifest.json", &manifest, e));
    nodes = jinja_dict_get(manifest, "nodes");
    for (size_t at = 0; jinja_dict_next(nodes, &at, &key, &item);) {
        struct node *n = names_get(&d->by_id, value_text(key, ""));
        if (!n || !node_is_refable(n) || node_is_ephemeral(n)) continue;
        const char *name = value_get_text(item, "relation_name", NULL);
        if (!name) continue;
        n->defer_set = true;
        n->defer_database = value_get_text(item, "database", NULL);
        n->defer_schema = value_get_text(item, "schema", NULL);
        n->defer_alias = value_get_text(item, "alias", NULL);
        n->defer_relation_name = name;
    }
done:
    return rc;
}

static bool failed(const char *status)
{
    static const char *const again[] = {"error", "fail", "skipped", "runtime error", "partial success", NULL};
    for (const char *const *p = again; *p; p++)
        if (!strcmp(status, *p)) return true;
    return false;
}

/* Makes the options of a retry those of the run that it repeats; the nodes go to d->again. */
enum err retry_options(struct dbt *d, struct model_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value doc, args, results;
    const char *dir = d->o->state ? d->o->state : d->target_dir;
    if (state_read(d, dir, "run_results.json", &doc, e) != ERR_OK) {
        err_set(e, ERR_NOT_FOUND, "Could not find previous run in '%s' target directory", d->target_path);
        return err_hint(e, "retry repeats what failed in a build, run, test, seed or snapshot");
    }
    args = jinja_dict_get(doc, "args");
    const char *which = value_get_text(args, "which", "");
    static const struct {
        const char *name;
        enum model_verb verb;
    } verbs[] = {{"build", MODEL_BUILD}, {"run", MODEL_RUN},           {"test", MODEL_TEST},
                 {"seed", MODEL_SEED},   {"snapshot", MODEL_SNAPSHOT}, {"compile", MODEL_COMPILE}};
    o->verb = MODEL_NONE;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (!strcmp(which, verbs[i].name)) o->verb = verbs[i].verb;
    if (o->verb == MODEL_NONE) return err_set(e, ERR_UNSUPPORTED, "a retry of '%s' is not possible", which);
    struct jinja_value vars = jinja_dict_get(args, "vars");
    if (!o->vars && vars.type == JINJA_DICT && jinja_dict_count(vars)) {
        struct buf b = {0};
        TRY(jinja_json_write(d->env, vars, -1, false, &b, e));
        o->vars = arena_strndup(&d->arena, b.ptr, b.len);
        buf_reset(&b);
    }
    if (o->full_refresh == MODEL_UNSET && value_get_bool(args, "full_refresh", false)) o->full_refresh = MODEL_YES;
    results = jinja_dict_get(doc, "results");
    for (size_t i = 0; i < jinja_seq_count(results); i++) {
        struct jinja_value r = jinja_seq_items(results)[i];
        if (failed(value_get_text(r, "status", ""))) texts_add(&d->again, value_get_text(r, "unique_id", ""));
    }
    d->retrying = true;
done:
    return rc;
}
