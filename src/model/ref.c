/* ref(), source(), metric(): noted while parsing, resolved while running. */
#include "model/builtins.h"

#include "model/objects.h"

void context_add_cte(struct context *c, struct node *n)
{
    for (size_t i = 0; i < c->cte_count; i++)
        if (c->cte[i] == n) return;
    mem_grow(&c->cte, &c->cte_cap, c->cte_count + 1, sizeof(*c->cte));
    c->cte[c->cte_count++] = n;
}

/* Names of what could be meant, for "did you mean". */
static const char *nearest_node(const struct dbt *d, const char *name, bool source)
{
    const char **words = mem_array(d->node_count + 1, sizeof *words);
    size_t n = 0;
    for (size_t i = 0; i < d->node_count; i++)
        if (source ? d->nodes[i]->kind == NODE_SOURCE : node_is_refable(d->nodes[i])) words[n++] = d->nodes[i]->name;
    words[n] = NULL;
    const char *near = str_nearest(name, words);
    mem_free(words);
    return near;
}

static enum err not_found(const struct context *c, const char *kind, const char *name, bool disabled, struct error *e)
{
    err_set(e, ERR_INPUT, "%s '%s' (%s) depends on a %s named '%s' which %s",
            c->node ? NODE_KIND_NAMES[c->node->kind] : "macro", c->node ? c->node->unique_id : "",
            c->node ? c->node->original_path : "", kind, name, disabled ? "is disabled" : "was not found");
    const char *dot = strrchr(name, '.');
    const char *near = nearest_node(c->d, dot ? dot + 1 : name, !strcmp(kind, "source"));
    if (near && !disabled) err_hint(e, "did you mean '%s'?", near);
    return ERR_INPUT;
}

/* ref('name'), ref('package', 'name'), v= or version= */
static enum err ref_args(const struct jinja_call *c, const struct context *ctx, struct node_ref *r, struct error *e)
{
    *r = (struct node_ref){0};
    if (c->count < 1 || c->count > 2) {
        err_set(e, ERR_INPUT, "ref() takes 1 or 2 arguments (%zu given)", c->count);
        return err_hint(e, "ref('model') or ref('package', 'model')");
    }
    for (size_t i = 0; i < c->count; i++)
        if (!jinja_is_string(c->args[i]))
            return err_set(e, ERR_INPUT, "the %s argument to ref() must be a string, got %s",
                           c->count == 2 && !i ? "package" : "name", jinja_type_name(c->args[i]));
    (void)ctx;
    r->name = value_text(c->args[c->count - 1], "");
    if (c->count == 2) r->package = value_text(c->args[0], "");
    struct jinja_value v = jinja_arg_named(c, "version");
    if (!value_truth(v)) v = jinja_arg_named(c, "v");
    if (value_truth(v)) r->version = v;
    return ERR_OK;
}


/* Every call counts, as in dbt: `refs` of a node may hold the same twice. */
static void note_ref(struct node *n, const struct node_ref *r)
{
    mem_grow(&n->refs, &n->ref_cap, n->ref_count + 1, sizeof *n->refs);
    n->refs[n->ref_count++] = *r;
}

static bool is_parent(const struct node *n, const struct node *parent)
{
    for (size_t i = 0; i < n->parent_count; i++)
        if (n->parents[i] == parent) return true;
    return false;
}

/* A node of state/defer stands in where this one is not in the database. */
static enum err use_deferred(struct context *c, const struct node *n, bool *out, struct error *e)
{
    *out = false;
    if (!n->defer_set || c->d->o->defer != MODEL_YES) return ERR_OK;
    if (c->d->o->favor_state == MODEL_YES && !texts_has(&c->d->selected, n->unique_id)) return *out = true, ERR_OK;
    struct cached found;
    bool there = false;
    enum err rc = warehouse_find(c->d->warehouse, NULL, n->database, n->schema, n->alias, &found, &there, e);
    *out = !there;
    return rc;
}

static enum err resolve_ref(struct context *c, const struct node_ref *r, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *disabled = NULL, *n = dbt_find_ref(c->d, r, c->node ? c->node->package : c->package, &disabled);
    bool deferred = false;
    if (!n) return not_found(c, "node", r->name, disabled != NULL, e);
    if (c->phase == PHASE_EXECUTE && c->node && c->node->kind != NODE_OPERATION && !is_parent(c->node, n)) {
        err_set(
            e, ERR_INPUT,
            "dbt was unable to infer all dependencies for the model \"%s\": the ref to '%s' was not seen while parsing",
            c->node->name, r->name);
        return err_hint(e, "put this line at the top of the file: -- depends_on: {{ ref('%s') }}", r->name);
    }
    if (node_is_ephemeral(n) && c->phase == PHASE_OPERATION)
        return err_set(e, ERR_INPUT, "operations can not ref() ephemeral nodes, but %s is ephemeral", n->name);
    if (node_is_ephemeral(n)) context_add_cte(c, n);
    TRY(use_deferred(c, n, &deferred, e));
    struct relation *rel = deferred ? relation_new(c, n->defer_database, n->defer_schema, n->defer_alias, REL_NONE)
                                    : relation_of_node(c, n);
    rel->limited = c->d->o->empty == MODEL_YES && c->phase != PHASE_UNIT;
    rel->filter = context_event_filter(c, n);
    *out = relation_value(c, rel);
done:
    return rc;
}

/* Unit tests: every input is a CTE. */
static enum err resolve_unit(struct context *c, struct node *n, const char *name, struct jinja_value *out)
{
    struct relation *rel = relation_new(c, NULL, NULL, arena_printf(c->arena, "__dbt__cte__%s", name), REL_CTE);
    rel->quote[PART_IDENTIFIER] = false;
    context_add_cte(c, n);
    *out = relation_value(c, rel);
    return ERR_OK;
}

static struct jinja_value own_relation(struct context *c)
{
    return relation_value(c, relation_new(c, c->node ? c->node->database : NULL, c->node ? c->node->schema : NULL,
                                          c->node ? c->node->alias : NULL, REL_NONE));
}

enum err builtin_ref(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = call->ctx;
    struct node_ref r;
    TRY(ref_args(call, c, &r, e));
    if (c->phase == PHASE_EXPOSURE || c->phase == PHASE_PARSE || c->phase == PHASE_NAME) {
        if (c->node && c->phase != PHASE_NAME) note_ref(c->node, &r);
        *out = c->phase == PHASE_EXPOSURE ? jinja_text(c->env, "") : own_relation(c);
        goto done;
    }
    if (c->phase == PHASE_UNIT) {
        struct node *n =
            dbt_find_ref(c->d, &r, c->node->tested ? c->node->tested->package : c->node->package, &(struct node *){0});
        if (!n)
            rc = not_found(c, "node", r.name, false, e);
        else if (!unit_has_input(c->node, n)) {
            rc = err_set(e, ERR_INPUT, "unit test '%s' gives no input for ref('%s')", c->node->name, r.name);
            err_hint(e, "add it under given: (- input: ref('%s'))", r.name);
        } else
            rc = resolve_unit(c, n, n->alias, out);
        goto done;
    }
    rc = resolve_ref(c, &r, out, e);
done:
    return rc;
}

enum err builtin_source(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = call->ctx;
    if (call->count != 2) {
        err_set(e, ERR_INPUT, "source() takes exactly two arguments (%zu given)", call->count);
        return err_hint(e, "source('source name', 'table name')");
    }
    for (size_t i = 0; i < 2; i++)
        if (!jinja_is_string(call->args[i]))
            return err_set(e, ERR_INPUT, "the %s argument to source() must be a string, got %s",
                           i ? "table name (second)" : "source name (first)", jinja_type_name(call->args[i]));
    struct source_ref r = {value_text(call->args[0], ""), value_text(call->args[1], "")};
    if (c->phase == PHASE_EXPOSURE || c->phase == PHASE_PARSE || c->phase == PHASE_NAME) {
        struct node *n = c->node;
        bool seen = !n || c->phase == PHASE_NAME;
        for (size_t i = 0; !seen && i < n->source_count; i++)
            seen = !strcmp(n->sources[i].source, r.source) && !strcmp(n->sources[i].table, r.table);
        if (!seen) {
            mem_grow(&n->sources, &n->source_cap, n->source_count + 1, sizeof *n->sources);
            n->sources[n->source_count++] = r;
        }
        *out = c->phase == PHASE_EXPOSURE ? jinja_text(call->env, "") : own_relation(c);
        return ERR_OK;
    }
    struct node *disabled = NULL, *n = dbt_find_source(c->d, &r, c->node ? c->node->package : c->package, &disabled);
    if (!n) return not_found(c, "source", arena_printf(c->arena, "%s.%s", r.source, r.table), disabled != NULL, e);
    if (c->phase == PHASE_UNIT) {
        if (!unit_has_input(c->node, n)) {
            err_set(e, ERR_INPUT, "unit test '%s' gives no input for source('%s', '%s')", c->node->name, r.source,
                    r.table);
            return err_hint(e, "add it under given: (- input: source('%s', '%s'))", r.source, r.table);
        }
        return resolve_unit(c, n, arena_printf(c->arena, "%s__%s", r.source, r.table), out);
    }
    struct relation *rel = relation_of_node(c, n);
    rel->limited = c->d->o->empty == MODEL_YES;
    rel->filter = context_event_filter(c, n);
    *out = relation_value(c, rel);
    return ERR_OK;
}

enum err builtin_metric(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = call->ctx;
    if (call->count < 1 || call->count > 2)
        return err_set(e, ERR_INPUT, "metric() takes 1 or 2 arguments (%zu given)", call->count);
    struct node_ref r = {.name = value_text(call->args[call->count - 1], ""),
                         .package = call->count == 2 ? value_text(call->args[0], "") : NULL};
    if (c->node && !c->execute) {
        mem_grow(&c->node->metrics, &c->node->metric_cap, c->node->metric_count + 1, sizeof *c->node->metrics);
        c->node->metrics[c->node->metric_count++] = r;
    }
    *out = jinja_text(call->env, c->phase == PHASE_EXPOSURE ? "" : r.name);
    return ERR_OK;
}

enum err builtin_function(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)call, (void)out;
    return err_set(e, ERR_UNSUPPORTED, "function(): user-defined function resources are not supported");
}
