/* state:modified: how a node differs from that of another run's manifest, part by part as dbt compares them. */
#include "model/run.h"
#include "model/select_state.h"

static const char *section_of(const struct node *n)
{
    return n->kind == NODE_SOURCE      ? "sources"
           : n->kind == NODE_EXPOSURE  ? "exposures"
           : n->kind == NODE_METRIC    ? "metrics"
           : n->kind == NODE_UNIT_TEST ? "unit_tests"
                                       : "nodes";
}

struct jinja_value state_of(struct jinja_value manifest, const struct node *n)
{
    return jinja_dict_get(jinja_dict_get(manifest, section_of(n)), n->unique_id);
}

/* Whether both say the same under key; what is absent counts as null. */
static bool equal(struct dbt *d, struct jinja_value a, struct jinja_value b, const char *key)
{
    struct jinja_value x = jinja_dict_get(a, key), y = jinja_dict_get(b, key);
    struct buf left = {0}, right = {0};
    if (value_is_null(x) || value_is_null(y)) return value_is_null(x) == value_is_null(y);
    bool same = jinja_json_plain(d->env, x, true, &left, NULL) == ERR_OK &&
                jinja_json_plain(d->env, y, true, &right, NULL) == ERR_OK && left.len == right.len &&
                !memcmp(left.ptr, right.ptr, left.len);
    buf_reset(&left);
    buf_reset(&right);
    return same;
}

static bool all_equal(struct dbt *d, struct jinja_value a, struct jinja_value b, const char *const *keys)
{
    for (; *keys; keys++)
        if (!equal(d, a, b, *keys)) return false;
    return true;
}

static bool same_configs(struct dbt *d, struct jinja_value old, struct jinja_value now)
{
    static const char *const apart[] = {"alias", "schema", "database", "tags", "group", NULL};
    struct jinja_value a = jinja_dict_get(old, "unrendered_config"), b = jinja_dict_get(now, "unrendered_config"), key, item;
    for (int turn = 0; turn < 2; turn++)
        for (size_t at = 0; jinja_dict_next(turn ? b : a, &at, &key, &item);) {
            bool skip = false;
            for (const char *const *p = apart; *p; p++) skip |= !strcmp(*p, value_text(key, ""));
            if (!skip && !equal(d, a, b, value_text(key, ""))) return false;
        }
    return true;
}

static bool same_relation(struct dbt *d, const struct node *n, struct jinja_value old, struct jinja_value now)
{
    static const char *const own[] = {"database", "schema", "alias", NULL};
    static const char *const source[] = {"database", "schema", "identifier", NULL};
    if (n->kind == NODE_SOURCE) return all_equal(d, old, now, source);
    return all_equal(d, jinja_dict_get(old, "unrendered_config"), jinja_dict_get(now, "unrendered_config"), own);
}

static bool same_descriptions(struct dbt *d, const struct node *n, struct jinja_value old, struct jinja_value now)
{
    struct jinja_value kept = jinja_dict_get(n->config, "persist_docs"), key, item;
    if (value_get_bool(kept, "relation", false) && !equal(d, old, now, "description")) return false;
    if (!value_get_bool(kept, "columns", false)) return true;
    struct jinja_value a = jinja_dict_get(old, "columns"), b = jinja_dict_get(now, "columns");
    if (jinja_dict_count(a) != jinja_dict_count(b)) return false;
    for (size_t at = 0; jinja_dict_next(b, &at, &key, &item);)
        if (!equal(d, jinja_dict_get(a, value_text(key, "")), item, "description")) return false;
    return true;
}

static bool same_contract(struct dbt *d, struct jinja_value old, struct jinja_value now)
{
    struct jinja_value a = jinja_dict_get(old, "contract"), b = jinja_dict_get(now, "contract");
    bool was = value_get_bool(a, "enforced", false), is = value_get_bool(b, "enforced", false);
    return !was && !is ? true : was == is && equal(d, a, b, "checksum");
}

static bool same_body(struct dbt *d, const struct node *n, struct jinja_value old, struct jinja_value now)
{
    static const char *const unit[] = {"model", "given", "expect", "overrides", NULL};
    switch (n->kind) {
    case NODE_SEED: return equal(d, old, now, "checksum");
    case NODE_UNIT_TEST: return all_equal(d, old, now, unit);
    case NODE_MODEL:
    case NODE_SNAPSHOT:
    case NODE_TEST:
    case NODE_ANALYSIS:
    case NODE_OPERATION: return equal(d, old, now, "raw_code");
    default: return true;
    }
}

/* ---- macros ---- */

struct reach {
    struct dbt *d;
    const struct macro *in;
    bool *seen;
    struct texts todo; /* unique ids */
};

static void reach_name(struct reach *r, const char *name)
{
    const char *dot = strrchr(name, '.');
    struct macro *m = macro_find(r->d, r->in->package, view_of(dot ? dot + 1 : name));
    if (!m || m->package->builtin || r->seen[m->id]) return;
    r->seen[m->id] = true;
    texts_add(&r->todo, m->unique_id);
}

static enum err reach_call(void *ctx, const struct jinja_seen_call *call, struct error *e)
{
    struct reach *r = ctx;
    (void)e;
    struct view full = r->in->info->full_name;
    if (call->macro.len != full.len || memcmp(call->macro.ptr, full.ptr, full.len)) return ERR_OK;
    reach_name(r, call->path);
    if (!strcmp(call->path, "adapter.dispatch") && call->count && jinja_is_string(call->args[0])) {
        const char *name = value_text(call->args[0], "");
        reach_name(r, arena_printf(&r->d->arena, "default__%s", name));
        reach_name(r, arena_printf(&r->d->arena, "duckdb__%s", name));
    }
    return ERR_OK;
}

/* The project's and packages' macros that the node calls, and those that these call. dbt's own do not count. */
static bool same_macros(struct dbt *d, struct jinja_value manifest, const struct node *n)
{
    struct reach r = {.d = d, .seen = mem_zalloc(d->macro_count + 1)};
    struct jinja_value all = jinja_dict_get(manifest, "macros");
    bool same = true;
    for (size_t i = 0; i < n->macros.count; i++) texts_add(&r.todo, n->macros.at[i]);
    for (size_t i = 0; same && i < r.todo.count; i++) {
        r.in = names_get(&d->macros_by_id, r.todo.at[i]);
        if (!r.in || r.in->package->builtin) continue;
        r.seen[r.in->id] = true;
        struct jinja_value old = jinja_dict_get(jinja_dict_get(all, r.in->unique_id), "macro_sql");
        struct view text = jinja_is_string(old) ? jinja_string_view(old) : (struct view){0};
        struct view is = view_trim(r.in->info->source), was = view_trim(text);
        same = is.len == was.len && !memcmp(is.ptr, was.ptr, is.len);
        if (same) (void)!jinja_template_calls(d->env, r.in->tmpl, reach_call, &r, NULL);
    }
    mem_free(r.seen);
    mem_free(r.todo.at);
    return same;
}

static bool same_contents(struct dbt *d, struct jinja_value manifest, const struct node *n, struct jinja_value old,
                          struct jinja_value now)
{
    static const char *const exposure[] = {"depends_on", "description", "label", "maturity", "owner", "type", "url", "fqn", NULL};
    static const char *const source[] = {"fqn", "loader", NULL};
    if (n->kind == NODE_EXPOSURE) {
        return same_configs(d, old, now) && all_equal(d, old, now, exposure + 1) &&
               equal(d, jinja_dict_get(old, "depends_on"), jinja_dict_get(now, "depends_on"), "nodes");
    }
    if (n->kind == NODE_SOURCE)
        return same_relation(d, n, old, now) && all_equal(d, old, now, source);
    bool generic = n->kind == NODE_TEST && n->test_name;
    bool same = same_configs(d, old, now) && equal(d, old, now, "fqn");
    if (!generic)
        same = same && same_body(d, n, old, now) && same_relation(d, n, old, now) &&
               same_descriptions(d, n, old, now) && same_contract(d, old, now);
    return same && same_macros(d, manifest, n);
}

enum err state_modified(struct dbt *d, struct jinja_value manifest, const struct node *n, const char *part, bool *out,
                        struct error *e)
{
    static const char *const parts[] = {"",       "body",     "configs", "relation", "persisted_descriptions",
                                        "macros", "contract", NULL};
    struct jinja_value old = state_of(manifest, n), now;
    size_t i = 0;
    while (parts[i] && strcmp(parts[i], part)) i++;
    if (!parts[i]) {
        err_set(e, ERR_USAGE, "state:modified has no part '%s'", part);
        return err_hint(e, "the parts are body, configs, relation, persisted_descriptions, macros, contract");
    }
    *out = i != 5 || !same_macros(d, manifest, n); /* of a new node only its macros are asked for, as in dbt */
    if (old.type != JINJA_DICT) return ERR_OK;
    enum err rc = node_value(d, d->env, n, true, &now, e);
    if (rc != ERR_OK) return rc;
    switch (i) {
    case 0: *out = !same_contents(d, manifest, n, old, now); break;
    case 1: *out = !same_body(d, n, old, now); break;
    case 2: *out = !same_configs(d, old, now); break;
    case 3: *out = !same_relation(d, n, old, now); break;
    case 4: *out = !same_descriptions(d, n, old, now); break;
    case 5: *out = !same_macros(d, manifest, n); break;
    default: *out = !same_contract(d, old, now); break;
    }
    return ERR_OK;
}
