#include "model/builtins.h"

#include "model/objects.h"

typedef enum err make_fn(struct context *c, struct jinja_value *out, struct error *e);

static enum err make_adapter(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = adapter_value(c), ERR_OK;
}

static enum err make_api(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = jinja_dict(c->env);
    jinja_dict_set(c->env, *out, "Relation", relation_class(c));
    jinja_dict_set(c->env, *out, "Column", column_class(c));
    return ERR_OK;
}

static enum err make_column(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = column_class(c), ERR_OK;
}

static enum err make_config(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = config_value(c), ERR_OK;
}

static enum err make_exceptions(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = exceptions_value(c), ERR_OK;
}

static enum err make_execute(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_bool(c->execute), ERR_OK;
}

/* Values of the project's env, as this context's env has them. */
static enum err carried(struct context *c, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    if (c->env != c->d->env) return jinja_copy(c->env, v, out, e);
    return *out = v, ERR_OK;
}

static enum err make_target(struct context *c, struct jinja_value *out, struct error *e)
{
    return carried(c, c->d->profile.target_dict, out, e);
}
static enum err make_flags(struct context *c, struct jinja_value *out, struct error *e)
{
    return carried(c, c->d->flags, out, e);
}

static enum err make_graph(struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    if (!c->execute) return *out = jinja_dict(c->env), ERR_OK; /* dbt builds it after parsing */
    pthread_mutex_lock(&c->d->lock);
    rc = graph_value(c->d, e);
    if (rc == ERR_OK) rc = carried(c, c->d->graph_value, out, e);
    pthread_mutex_unlock(&c->d->lock);
    return rc;
}

static enum err make_model(struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    if (!c->node) return *out = jinja_none(), ERR_OK;
    if (jinja_is_absent(c->model)) TRY(context_model(c, &c->model, e));
    *out = c->model;
done:
    return rc;
}

static enum err make_this(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    if (!c->node || c->node->kind == NODE_OPERATION) return *out = jinja_none(), ERR_OK;
    if (c->phase == PHASE_UNIT) {
        const struct node *in = c->node->this_input;
        *out = in ? jinja_printf(c->env, "__dbt__cte__%s", in->alias) : jinja_none();
        if (in) context_add_cte(c, (struct node *)in);
        return ERR_OK;
    }
    struct relation *r = relation_new(c, c->node->database, c->node->schema,
                                      c->node->kind == NODE_SOURCE ? c->node->identifier : c->node->alias, REL_NONE);
    struct jinja_value quoting = jinja_dict_get(c->node->config, "quoting");
    static const char *const parts[] = {"database", "schema", "identifier"};
    for (int i = 0; i < PARTS; i++) {
        struct jinja_value v = jinja_dict_get(quoting, parts[i]);
        if (!value_is_null(v)) r->quote[i] = value_truth(v);
    }
    return *out = relation_value(c, r), ERR_OK;
}

static enum err make_database(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = jinja_text(c->env, c->node && c->node->database ? c->node->database : c->d->profile.database);
    return ERR_OK;
}

static enum err make_schema(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = c->node ? value_text_or_none(c->env, c->node->schema) : jinja_text(c->env, c->d->profile.schema);
    return ERR_OK;
}

static enum err make_hooks(struct context *c, const char *key, struct jinja_value *out, struct error *e)
{
    if (!c->node || c->node->kind == NODE_SOURCE || c->node->kind == NODE_TEST || c->node->kind == NODE_UNIT_TEST ||
        c->node->kind == NODE_OPERATION)
        return *out = jinja_list(c->env), ERR_OK;
    struct jinja_value v = jinja_dict_get(c->node->config, key);
    if (!jinja_is_absent(v)) return carried(c, v, out, e);
    return *out = jinja_list(c->env), ERR_OK;
}

static enum err make_pre_hooks(struct context *c, struct jinja_value *out, struct error *e)
{
    return make_hooks(c, "pre-hook", out, e);
}
static enum err make_post_hooks(struct context *c, struct jinja_value *out, struct error *e)
{
    return make_hooks(c, "post-hook", out, e);
}

static enum err make_sql(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = c->node && c->node->compiled && c->execute ? jinja_text(c->env, c->node->compiled) : jinja_none();
    return ERR_OK;
}

static enum err make_run_started_at(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    c->volatile_used = true;
    return *out = jinja_datetime(c->env, c->d->run.started_us, true), ERR_OK;
}

static enum err make_invocation_id(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    c->volatile_used = true;
    return *out = jinja_text(c->env, c->d->run.id), ERR_OK;
}

static enum err make_project_name(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(c->env, c->d->project->name), ERR_OK;
}

static enum err make_dbt_version(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(c->env, DBT_VERSION), ERR_OK;
}

static enum err make_thread_id(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = jinja_text(c->env, c->env == c->d->env ? "MainThread" : "Thread-1 (worker)");
    return ERR_OK;
}

static enum err make_selected(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = value_texts(c->env, &c->d->selected), ERR_OK;
}

static enum err make_sql_now(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(c->env, "now()"), ERR_OK;
}

static enum err make_var(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = builtin_var(c), ERR_OK;
}

static enum err make_empty(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_dict(c->env), ERR_OK;
}

static enum err make_args(struct context *c, struct jinja_value *out, struct error *e)
{
    return jinja_json_read(c->env, c->d->run.args_json, strlen(c->d->run.args_json), out, e);
}

static enum err make_defer(struct context *c, struct jinja_value *out, struct error *e)
{
    (void)e;
    const struct node *n = c->node;
    *out = n && n->defer_set
               ? relation_value(c, relation_new(c, n->defer_database, n->defer_schema, n->defer_alias, REL_NONE))
               : jinja_none();
    return ERR_OK;
}

enum { ALWAYS = 0xFFFF, IN_YAML = 1 << PHASE_YAML | 1 << PHASE_DOCS };
#define FROM_PROJECT (ALWAYS & ~(1 << PHASE_PROFILE))
#define FROM_PARSE (1 << PHASE_PARSE | 1 << PHASE_NAME | 1 << PHASE_EXECUTE | 1 << PHASE_OPERATION | 1 << PHASE_UNIT)
#define NOTES (1 << PHASE_EXPOSURE)

static const struct {
    const char *name;
    unsigned phases;
    make_fn *make; /* or */
    jinja_fn *fn;
} TABLE[] = {
    {"adapter", FROM_PARSE, make_adapter, NULL},
    {"adapter_macro", FROM_PARSE, NULL, builtin_adapter_macro},
    {"api", FROM_PARSE, make_api, NULL},
    {"column", FROM_PARSE, make_column, NULL},
    {"compiled_code", FROM_PARSE, make_sql, NULL},
    {"config", FROM_PARSE, make_config, NULL},
    {"database", FROM_PARSE, make_database, NULL},
    {"dbt_metadata_envs", FROM_PARSE, make_empty, NULL},
    {"dbt_version", ALWAYS, make_dbt_version, NULL},
    {"defer_relation", FROM_PARSE, make_defer, NULL},
    {"diff_of_two_dicts", ALWAYS, NULL, builtin_diff_of_two_dicts},
    {"doc", 1 << PHASE_DOCS, NULL, builtin_doc},
    {"env", FROM_PARSE, make_target, NULL},
    {"env_var", ALWAYS, NULL, builtin_env_var},
    {"exceptions", FROM_PARSE, make_exceptions, NULL},
    {"execute", FROM_PARSE, make_execute, NULL},
    {"flags", ALWAYS, make_flags, NULL},
    {"fromyaml", ALWAYS, NULL, builtin_fromyaml},
    {"function", FROM_PARSE, NULL, builtin_function},
    {"graph", FROM_PARSE, make_graph, NULL},
    {"invocation_args_dict", FROM_PARSE, make_args, NULL},
    {"invocation_id", ALWAYS, make_invocation_id, NULL},
    {"lakefm_publishes", FROM_PARSE, NULL, builtin_lakefm_publishes},
    {"lakefm_staged_location", FROM_PARSE, NULL, builtin_lakefm_staged_location},
    {"lakefm_wrote", FROM_PARSE, NULL, builtin_lakefm_wrote},
    {"load_agate_table", FROM_PARSE, NULL, builtin_load_agate_table},
    {"load_result", FROM_PARSE, NULL, builtin_load_result},
    {"local_md5", ALWAYS, NULL, builtin_local_md5},
    {"log", ALWAYS, NULL, builtin_log},
    {"metric", FROM_PARSE | NOTES, NULL, builtin_metric},
    {"model", FROM_PARSE, make_model, NULL},
    {"post_hooks", FROM_PARSE, make_post_hooks, NULL},
    {"pre_hooks", FROM_PARSE, make_pre_hooks, NULL},
    {"print", ALWAYS, NULL, builtin_print},
    {"project_name", FROM_PROJECT, make_project_name, NULL},
    {"ref", FROM_PARSE | NOTES, NULL, builtin_ref},
    {"render", FROM_PARSE, NULL, builtin_render},
    {"run_started_at", ALWAYS, make_run_started_at, NULL},
    {"schema", FROM_PARSE, make_schema, NULL},
    {"selected_resources", FROM_PARSE, make_selected, NULL},
    {"source", FROM_PARSE | NOTES, NULL, builtin_source},
    {"sql", FROM_PARSE, make_sql, NULL},
    {"sql_now", FROM_PARSE, make_sql_now, NULL},
    {"store_raw_result", FROM_PARSE, NULL, builtin_store_raw_result},
    {"store_result", FROM_PARSE, NULL, builtin_store_result},
    {"submit_python_job", FROM_PARSE, NULL, builtin_submit_python_job},
    {"target", FROM_PROJECT, make_target, NULL},
    {"this", FROM_PARSE, make_this, NULL},
    {"thread_id", ALWAYS, make_thread_id, NULL},
    {"toyaml", ALWAYS, NULL, builtin_toyaml},
    {"try_or_compiler_error", FROM_PARSE, NULL, builtin_try_or_compiler_error},
    {"var", ALWAYS, make_var, NULL},
    {"write", FROM_PARSE, NULL, builtin_write},
};
enum { COUNT = sizeof TABLE / sizeof *TABLE };
_Static_assert((int)COUNT <= (int)CONTEXT_SLOTS, "context.slot is too short");

static int compare(struct view a, const char *b) { return view_compare(a, view_of(b)); }

enum err builtin_value(struct context *c, struct view name, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t low = 0, high = COUNT;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = compare(name, TABLE[mid].name);
        if (order < 0)
            high = mid;
        else if (order > 0)
            low = mid + 1;
        else {
            if (!(TABLE[mid].phases >> c->phase & 1)) return ERR_OK;
            struct jinja_value *slot = &c->slot[mid];
            if (jinja_is_absent(*slot)) {
                if (TABLE[mid].fn)
                    *slot = jinja_function(c->env, TABLE[mid].name, TABLE[mid].fn, c);
                else
                    TRY(TABLE[mid].make(c, slot, e));
            }
            *out = *slot;
            return ERR_OK;
        }
    }
done:
    return rc;
}

void builtin_names(struct context *c, struct jinja_value list)
{
    for (size_t i = 0; i < COUNT; i++)
        if (TABLE[i].phases >> c->phase & 1) jinja_list_add(c->env, list, jinja_text(c->env, TABLE[i].name));
}
