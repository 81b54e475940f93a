/* refs and sources become edges; cycles are found. */
#include "model/dbt.h"

#include "model/print.h"
#include "model/unit.h"

static struct node *by_package(const struct dbt *d, const char *package, const char *name, const char *version)
{
    char key[512];
    snprintf(key, sizeof key, "%s%s%s%s%s", package ? package : "", package ? "." : "", name, version ? ".v" : "",
             version ? version : "");
    return names_get(&d->models_by_name, key);
}

static struct node *find_disabled(const struct dbt *d, const struct node_ref *r, const char *version)
{
    for (size_t i = 0; i < d->disabled_count; i++) {
        struct node *n = d->disabled[i];
        if (!node_is_refable(n) || strcmp(n->name, r->name) || (r->package && strcmp(n->package->name, r->package)))
            continue;
        if (!version || value_is_null(n->version)) return n;
        return n;
    }
    return NULL;
}

struct node *dbt_find_ref(const struct dbt *d, const struct node_ref *r, const struct package *from,
                          struct node **disabled)
{
    char text[64] = "";
    struct buf b = {0};
    const char *version = NULL;
    if (!value_is_null(r->version)) {
        if (jinja_is_string(r->version))
            snprintf(text, sizeof text, "%s", value_text(r->version, ""));
        else if (r->version.type == JINJA_INT)
            snprintf(text, sizeof text, "%lld", (long long)r->version.as.integer);
        else if (jinja_str(d->env, r->version, &b, NULL) == ERR_OK)
            snprintf(text, sizeof text, "%s", b.ptr);
        buf_reset(&b);
        version = *text == 'v' && text[1] >= '0' && text[1] <= '9' ? text + 1 : text;
    }
    struct node *n;
    if (r->package)
        n = by_package(d, r->package, r->name, version);
    else {
        n = by_package(d, d->project->name, r->name, version);
        if (!n && from && from != d->project) n = by_package(d, from->name, r->name, version);
        if (!n) n = by_package(d, NULL, r->name, version);
    }
    *disabled = n ? NULL : find_disabled(d, r, version);
    return n;
}

struct node *dbt_find_source(const struct dbt *d, const struct source_ref *r, const struct package *from,
                             struct node **disabled)
{
    char key[512];
    struct node *n = NULL;
    const char *packages[2] = {d->project->name, from ? from->name : NULL};
    for (int i = 0; i < 2 && !n; i++) {
        if (!packages[i]) continue;
        snprintf(key, sizeof key, "%s.%s.%s", packages[i], r->source, r->table);
        n = names_get(&d->sources_by_name, key);
    }
    snprintf(key, sizeof key, "%s.%s", r->source, r->table);
    if (!n) n = names_get(&d->sources_by_name, key);
    *disabled = NULL;
    for (size_t i = 0; !n && i < d->disabled_count; i++)
        if (d->disabled[i]->kind == NODE_SOURCE && !strcmp(d->disabled[i]->source_name, r->source) &&
            !strcmp(d->disabled[i]->name, r->table))
            *disabled = d->disabled[i];
    return n;
}

/* ---- edges ---- */

static const char *nearest(const struct dbt *d, const char *name, bool source)
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

/* Where in the text the ref stands: for messages. */
static unsigned line_of(const struct node *n, const char *needle)
{
    const char *end = n->raw.ptr ? n->raw.ptr + n->raw.len : NULL,
               *at = n->raw.ptr ? memmem(n->raw.ptr, n->raw.len, needle, strlen(needle)) : NULL;
    unsigned line = n->line ? n->line : 1;
    if (!at) return line;
    for (const char *p = n->raw.ptr; p < at && p < end; p++) line += *p == '\n';
    return line;
}

static const char *title(enum node_kind k)
{
    static const char *const titles[NODE_KINDS] = {"Model",       "Seed",      "Snapshot", "Test",   "Analysis",
                                                   "Operation",   "Source",    "Exposure", "Metric", "Semantic_Model",
                                                   "Saved_Query", "Unit_Test", "Group"};
    return titles[k];
}

/* Tests lose a parent: they are switched off. Everything else cannot be compiled. */
static enum err missing(struct dbt *d, struct node *n, const char *kind, const char *name, bool disabled, bool *off,
                        struct error *e)
{
    const char *dot = strrchr(name, '.'), *plain = dot ? dot + 1 : name;
    if (n->kind == NODE_TEST) {
        *off = true;
        if (disabled) return ERR_OK;
        return say_warning(d, "NodeNotFoundOrDisabled", "I060", e,
                           "%s '%s' (%s) depends on a %s named '%s' which was not found", title(n->kind), n->unique_id,
                           n->original_path, kind, name);
    }
    err_set(e, ERR_INPUT, "%s '%s' (%s) depends on a %s named '%s' which %s", title(n->kind), n->unique_id,
            n->original_path, kind, name, disabled ? "is disabled" : "was not found");
    err_where(e, "%s:%u", n->original_path, line_of(n, plain));
    const char *near = disabled ? NULL : nearest(d, plain, !strcmp(kind, "source"));
    if (near) err_hint(e, "did you mean '%s'?", near);
    return ERR_INPUT;
}

static enum err check_access(const struct node *n, const struct node *target, struct error *e)
{
    if (target->kind != NODE_MODEL || !target->access || strcmp(target->access, "private")) return ERR_OK;
    if (n->group && target->group && !strcmp(n->group, target->group)) return ERR_OK;
    err_set(e, ERR_INPUT,
            "node %s attempted to reference node %s, which is not allowed because the referenced node is private to "
            "the '%s' group",
            n->unique_id, target->unique_id, target->group ? target->group : "");
    return err_where(e, "%s:%u", n->original_path, line_of(n, target->name));
}

static enum err link_node(struct dbt *d, struct node *n, bool *off, struct error *e)
{
    enum err rc = ERR_OK;
    struct node *disabled = NULL, *p;
    for (size_t i = 0; i < n->ref_count; i++) {
        p = dbt_find_ref(d, &n->refs[i], n->package, &disabled);
        if (!p)
            TRY(missing(d, n, "node", n->refs[i].name, disabled != NULL, off, e));
        else {
            if (n->kind != NODE_TEST && n->kind != NODE_EXPOSURE) TRY(check_access(n, p, e));
            if (p != n) node_add_parent(n, p);
        }
    }
    for (size_t i = 0; i < n->source_count; i++) {
        p = dbt_find_source(d, &n->sources[i], n->package, &disabled);
        if (p)
            node_add_parent(n, p);
        else
            TRY(missing(d, n, "source", arena_printf(&d->arena, "%s.%s", n->sources[i].source, n->sources[i].table),
                        disabled != NULL, off, e));
    }
    for (size_t i = 0; i < n->metric_count; i++) {
        p = names_get(&d->by_id, arena_printf(&d->arena, "metric.%s.%s",
                                              n->metrics[i].package ? n->metrics[i].package : n->package->name,
                                              n->metrics[i].name));
        if (p)
            node_add_parent(n, p);
        else
            TRY(missing(d, n, "metric", n->metrics[i].name, false, off, e));
    }
done:
    return rc;
}

/* ---- cycles ---- */

enum { WHITE, GREY, BLACK };

static enum err visit(struct dbt *d, struct node *n, struct node **stack, size_t depth, struct error *e)
{
    n->mark = GREY;
    stack[depth] = n;
    for (size_t i = 0; i < n->parent_count; i++) {
        struct node *p = n->parents[i];
        if (p->mark == BLACK) continue;
        if (p->mark == WHITE) {
            enum err rc = visit(d, p, stack, depth + 1, e);
            if (rc != ERR_OK) return rc;
            continue;
        }
        struct buf b = {0};
        size_t from = depth;
        while (from && stack[from] != p) from--;
        for (size_t k = depth + 1; k-- > from;) buf_printf(&b, "%s --> ", stack[k]->unique_id);
        buf_printf(&b, "%s", stack[depth]->unique_id);
        err_set(e, ERR_INPUT, "found a cycle: %s", b.ptr);
        err_where(e, "%s:%u", n->original_path, line_of(n, p->name));
        err_hint(e, "one of these refs must go; {{ this }} reads a model's own table");
        buf_reset(&b);
        return ERR_INPUT;
    }
    n->mark = BLACK;
    return ERR_OK;
}

static enum err find_cycle(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **stack = mem_array(d->node_count + 1, sizeof(*stack));
    for (size_t i = 0; i < d->node_count; i++) d->nodes[i]->mark = WHITE;
    for (size_t i = 0; i < d->node_count; i++)
        if (d->nodes[i]->mark == WHITE) TRY(visit(d, d->nodes[i], stack, 0, e));
done:
    mem_free(stack);
    return rc;
}

/* A model that refers to itself by ref(). */
static enum err check_self(const struct dbt *d, struct node *n, struct error *e)
{
    struct node *disabled;
    if (n->kind == NODE_TEST) return ERR_OK;
    for (size_t i = 0; i < n->ref_count; i++)
        if (dbt_find_ref(d, &n->refs[i], n->package, &disabled) == n) {
            err_set(e, ERR_INPUT, "found a cycle: %s --> %s", n->unique_id, n->unique_id);
            err_where(e, "%s:%u", n->original_path, line_of(n, n->name));
            return err_hint(e, "a model reads its own table as {{ this }}");
        }
    return ERR_OK;
}

enum err dbt_graph_link(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    size_t kept = 0;
    TRY(unit_tests_link(d, e));
    for (size_t i = 0; i < d->node_count; i++) {
        struct node *n = d->nodes[i];
        bool off = false;
        TRY(link_node(d, n, &off, e));
        TRY(check_self(d, n, e));
        if (off) {
            n->enabled = false;
            jinja_dict_set(d->env, n->config, "enabled", jinja_bool(false));
            mem_grow(&d->disabled, &d->disabled_cap, d->disabled_count + 1, sizeof(*d->disabled));
            d->disabled[d->disabled_count++] = n;
            continue;
        }
        d->nodes[kept] = n;
        n->order = kept++;
    }
    d->node_count = kept;
    names_reset(&d->by_id);
    for (size_t i = 0; i < d->node_count; i++) names_put(&d->by_id, view_of(d->nodes[i]->unique_id), d->nodes[i]);
    for (size_t i = 0; i < d->node_count; i++)
        for (size_t k = 0; k < d->nodes[i]->parent_count; k++) {
            struct node *p = d->nodes[i]->parents[k];
            mem_grow(&p->children, &p->child_cap, p->child_count + 1, sizeof(*p->children));
            p->children[p->child_count++] = d->nodes[i];
        }
    TRY(find_cycle(d, e));
done:
    return rc;
}
