/* Loading a project, step by step. */
#include "model/context.h"
#include "model/print.h"
#include "model/warehouse.h"

#include "base/io.h"

static enum err is_list(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = jinja_bool(c->count && c->args[0].type == JINJA_LIST);
    return ERR_OK;
}

static enum err interrupted(void *ctx, struct error *e)
{
    struct dbt *d = ctx;
    return d->hooks->interrupted ? d->hooks->interrupted(d->hooks->ctx, e) : ERR_OK;
}

void env_setup(struct dbt *d, struct jinja_env *env)
{
    jinja_env_add_dbt_functions(env);
    jinja_env_filter(env, "is_list", is_list, NULL);
    if (d->hooks->interrupted) jinja_env_interrupt(env, interrupted, d);
}

/* selectors.yml, if there is one. */
static enum err load_selectors(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const struct yaml *doc = NULL;
    struct jinja_value v;
    const char *path = arena_printf(&d->arena, "%s/selectors.yml", d->root);
    if (!io_exists(path)) return ERR_OK;
    TRY(io_read_file(path, &text, e));
    TRY(yaml_parse(&d->arena, text.ptr ? text.ptr : "", text.len, "selectors.yml", &doc, e));
    context_move(d->parse, PHASE_PROJECT, NULL, NULL);
    TRY(context_yaml(d->parse, doc, "selectors.yml", NULL, NULL, &v, e));
    d->selectors = jinja_dict_get(v, "selectors");
done:
    buf_reset(&text);
    return rc;
}

enum err dbt_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(dbt_project_load(d, e));
    TRY(dbt_macros_load(d, e));
    TRY(dbt_docs_load(d, e));
    TRY(dbt_nodes_load(d, e));
    TRY(dbt_schemas_load(d, e));
    TRY(dbt_nodes_finish(d, e));
    TRY(dbt_graph_link(d, e));
    dbt_primary_keys(d);
    TRY(load_selectors(d, e));
done:
    return rc;
}
