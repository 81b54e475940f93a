/* Node selection: methods, graph operators, unions by space, intersections by comma, exclusion, selectors.yml. */
#include "model/select_state.h"
#include "model/run.h"

#include "base/io.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <strings.h>

/* A set of nodes: one byte by node order. */
typedef unsigned char *set;

struct selecting {
    struct dbt *d;
    struct jinja_value state; /* the other manifest, for state: */
    bool state_read;
};

static bool wild(const char *pattern, const char *text) { return text && !fnmatch(pattern, text, 0); }

/* fqn: the name, or a run of the fqn from its start ("project.marts", "marts.core"), with wildcards. */
static bool by_fqn(const struct node *n, const char *pattern)
{
    if (wild(pattern, n->name)) return true;
    if (n->fqn.count && wild(pattern, n->fqn.at[n->fqn.count - 1])) return true;
    char text[1024];
    const char *part[64];
    size_t parts = 0;
    snprintf(text, sizeof text, "%s", pattern);
    for (char *save = NULL, *p = strtok_r(text, ".", &save); p && parts < 64; p = strtok_r(NULL, ".", &save))
        part[parts++] = p;
    for (size_t start = 0; start < 2 && start < n->fqn.count; start++) { /* with or without the package */
        size_t i = 0;
        while (i < parts && start + i < n->fqn.count && wild(part[i], n->fqn.at[start + i])) i++;
        if (i == parts && parts) return true;
    }
    return false;
}

static bool by_path(const struct node *n, const char *pattern)
{
    size_t len = strlen(pattern);
    while (len && pattern[len - 1] == '/') len--;
    if (len > 2 && !strncmp(pattern, "./", 2)) pattern += 2, len -= 2;
    if (!strncmp(n->original_path, pattern, len) && (!n->original_path[len] || n->original_path[len] == '/'))
        return true;
    return wild(pattern, n->original_path);
}

static bool by_config(const struct node *n, const char *key, const char *want)
{
    struct jinja_value v = n->config;
    char text[256];
    snprintf(text, sizeof text, "%s", key);
    for (char *save = NULL, *p = strtok_r(text, ".", &save); p; p = strtok_r(NULL, ".", &save))
        v = jinja_dict_get(v, p);
    if (jinja_is_string(v)) return wild(want, value_text(v, ""));
    if (v.type == JINJA_BOOL) return !strcasecmp(want, v.as.boolean ? "true" : "false");
    if (v.type == JINJA_LIST) return value_list_has(v, want);
    if (v.type == JINJA_DICT) return !jinja_is_absent(jinja_dict_get(v, want));
    return false;
}

static bool by_source(const struct node *n, const char *want)
{
    if (n->kind != NODE_SOURCE) return false;
    char pattern[2048];
    snprintf(pattern, sizeof pattern, "%s", want);
    char *first = strchr(pattern, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    if (second) {
        *first = *second = '\0';
        return wild(pattern, n->package->name) && wild(first + 1, n->source_name) && wild(second + 1, n->name);
    }
    if (first) {
        *first = '\0';
        return (wild(pattern, n->source_name) && wild(first + 1, n->name)) ||
               (wild(pattern, n->package->name) && wild(first + 1, n->source_name));
    }
    return wild(pattern, n->source_name);
}

static enum err read_state(struct selecting *s, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const char *dir = s->d->o->state;
    if (s->state_read) return ERR_OK;
    s->state_read = true;
    if (!dir) {
        err_set(e, ERR_USAGE, "state: needs --state DIR, the folder of another manifest.json");
        return ERR_USAGE;
    }
    char *path = mem_printf("%s/manifest.json", dir);
    TRY(io_read_file(path, &text, e));
    TRY(jinja_json_read(s->d->env, text.ptr, text.len, &s->state, e));
done:
    mem_free(path);
    buf_reset(&text);
    return rc;
}

static enum err matches(struct selecting *s, const struct node *n, const char *method, const char *value, bool *yes,
                        struct error *e)
{
    enum err rc = ERR_OK;
    *yes = false;
    if (!strcmp(method, "fqn"))
        *yes = by_fqn(n, value);
    else if (!strcmp(method, "tag")) {
        for (size_t i = 0; i < jinja_seq_count(n->tags) && !*yes; i++)
            *yes = wild(value, value_text(jinja_seq_items(n->tags)[i], ""));
    } else if (!strcmp(method, "path") || !strcmp(method, "file")) {
        const char *slash = strrchr(n->original_path, '/');
        *yes = !strcmp(method, "path") ? by_path(n, value) : wild(value, slash ? slash + 1 : n->original_path);
        if (!*yes && !strcmp(method, "file")) {
            char stem[256];
            snprintf(stem, sizeof stem, "%s", slash ? slash + 1 : n->original_path);
            char *dot = strrchr(stem, '.');
            if (dot) *dot = '\0';
            *yes = wild(value, stem);
        }
    } else if (!strcmp(method, "source"))
        *yes = by_source(n, value);
    else if (!strcmp(method, "resource_type"))
        *yes = !strcmp(NODE_KIND_NAMES[n->kind], value);
    else if (!strcmp(method, "package"))
        *yes = wild(!strcmp(value, "this") ? s->d->project->name : value, n->package->name);
    else if (str_starts(method, "config."))
        *yes = by_config(n, method + 7, value);
    else if (!strcmp(method, "group"))
        *yes = n->group && wild(value, n->group);
    else if (!strcmp(method, "access"))
        *yes = n->access && !strcmp(n->access, value);
    else if (!strcmp(method, "exposure"))
        *yes = n->kind == NODE_EXPOSURE && wild(value, n->name);
    else if (!strcmp(method, "metric"))
        *yes = n->kind == NODE_METRIC && wild(value, n->name);
    else if (!strcmp(method, "semantic_model"))
        *yes = n->kind == NODE_SEMANTIC_MODEL && wild(value, n->name);
    else if (!strcmp(method, "saved_query"))
        *yes = n->kind == NODE_SAVED_QUERY && wild(value, n->name);
    else if (!strcmp(method, "unit_test"))
        *yes = n->kind == NODE_UNIT_TEST && wild(value, n->name);
    else if (!strcmp(method, "test_name"))
        *yes = (n->kind == NODE_TEST && n->test_name && wild(value, n->test_name)) ||
               (n->kind == NODE_UNIT_TEST && wild(value, n->name));
    else if (!strcmp(method, "test_type")) {
        bool generic = n->kind == NODE_TEST && n->test_name, singular = n->kind == NODE_TEST && !n->test_name,
             unit = n->kind == NODE_UNIT_TEST;
        if (!strcmp(value, "generic") || !strcmp(value, "schema"))
            *yes = generic;
        else if (!strcmp(value, "singular"))
            *yes = singular;
        else if (!strcmp(value, "data"))
            *yes = generic || singular;
        else if (!strcmp(value, "unit"))
            *yes = unit;
        else
            rc = err_set(e, ERR_USAGE, "test_type is generic, singular, unit or data, not %s", value);
    } else if (!strcmp(method, "version")) {
        bool latest =
            n->kind == NODE_MODEL && !value_is_null(n->version) && n->version.type == n->latest_version.type &&
            (n->version.type == JINJA_INT ? n->version.as.integer == n->latest_version.as.integer
                                          : !strcmp(value_text(n->version, ""), value_text(n->latest_version, "-")));
        if (!strcmp(value, "latest"))
            *yes = latest;
        else if (!strcmp(value, "none"))
            *yes = n->kind == NODE_MODEL && value_is_null(n->version);
        else
            *yes = n->kind == NODE_MODEL && !value_is_null(n->version) && !latest;
    } else if (!strcmp(method, "state") || str_starts(method, "state.")) {
        TRY(read_state(s, e));
        bool old = !jinja_is_absent(state_of(s->state, n));
        if (!strcmp(value, "new"))
            *yes = !old;
        else if (!strcmp(value, "old"))
            *yes = old;
        else if (!strcmp(value, "modified") || str_starts(value, "modified."))
            TRY(state_modified(s->d, s->state, n, value[8] ? value + 9 : "", yes, e));
        else if (!strcmp(value, "unmodified")) {
            TRY(state_modified(s->d, s->state, n, "", yes, e));
            *yes = !*yes;
        } else
            rc = err_set(e, ERR_USAGE, "state: is modified, unmodified, new or old, not %s", value);
    } else {
        static const char *const known[] = {"fqn",           "tag",     "path",      "file",      "source",
                                            "resource_type", "package", "config",    "group",     "access",
                                            "exposure",      "metric",  "test_name", "test_type", "unit_test",
                                            "version",       "state",   "result",    NULL};
        err_set(e, ERR_USAGE, "'%s' is not a valid method name", method);
        const char *near = str_nearest(method, known);
        if (near) err_hint(e, "did you mean %s?", near);
        rc = ERR_USAGE;
    }
done:
    return rc;
}

static void spread(struct selecting *s, set in, int64_t depth, bool up, set out)
{
    size_t n = s->d->node_count;
    set now = mem_zalloc(n + 1);
    memcpy(now, in, n);
    for (int64_t level = 0; depth < 0 || level < depth; level++) {
        set next = mem_zalloc(n + 1);
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            if (!now[i]) continue;
            const struct node *x = s->d->nodes[i];
            struct node **to = up ? x->parents : x->children;
            for (size_t k = 0; k < (up ? x->parent_count : x->child_count); k++)
                if (!out[to[k]->order]) out[to[k]->order] = next[to[k]->order] = 1, any = true;
        }
        mem_free(now);
        now = next;
        if (!any) break;
    }
    mem_free(now);
}

/* "[@][N+][method:]value[+N]" */
static enum err select_one(struct selecting *s, const char *spec, set out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = s->d->node_count;
    char text[1024];
    const char *p = spec, *end = spec + strlen(spec);
    int64_t up = 0, down = 0;
    bool at = *p == '@', any = false;
    if (at) p++;
    const char *q = p;
    while (isdigit((unsigned char)*q)) q++;
    if (*q == '+') {
        up = q == p ? -1 : strtoll(p, NULL, 10);
        p = q + 1;
    }
    q = end;
    while (q > p && isdigit((unsigned char)q[-1])) q--;
    if (q > p && q[-1] == '+') {
        down = q == end ? -1 : strtoll(q, NULL, 10);
        end = q - 1;
    }
    if (end <= p || (size_t)(end - p) >= sizeof text)
        return err_set(e, ERR_USAGE, "the selector '%s' selects nothing", spec);
    snprintf(text, sizeof text, "%.*s", (int)(end - p), p);
    char *colon = strchr(text, ':');
    const char *method = "fqn", *value = text;
    if (colon) {
        *colon = '\0';
        method = text;
        value = colon + 1;
    } else if (strchr(text, '/') || str_ends(text, ".sql") || str_ends(text, ".csv") || str_ends(text, ".yml"))
        method = "path";
    set base = mem_zalloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        bool yes;
        TRY(matches(s, s->d->nodes[i], method, value, &yes, e));
        if (yes) base[i] = 1, any = true;
    }
    if (any) {
        set all = mem_zalloc(n + 1);
        memcpy(all, base, n);
        if (up) spread(s, base, up, true, all);
        if (down) spread(s, base, down, false, all);
        if (at) {
            set below = mem_zalloc(n + 1);
            memcpy(below, base, n);
            spread(s, base, -1, false, below);
            memcpy(all, below, n);
            spread(s, below, -1, true, all);
            mem_free(below);
        }
        for (size_t i = 0; i < n; i++) out[i] |= all[i];
        mem_free(all);
    }
done:
    mem_free(base);
    return rc;
}

/* Tests come with what they test: eager: with any parent; cautious: when all parents are in; buildable: parents or
 * above. */
static void add_tests(struct selecting *s, const char *mode, set chosen)
{
    size_t n = s->d->node_count;
    if (!strcmp(mode, "empty")) return;
    set above = mem_zalloc(n + 1), before = mem_zalloc(n + 1);
    memcpy(before, chosen, n);
    memcpy(above, chosen, n);
    if (!strcmp(mode, "buildable")) spread(s, chosen, -1, true, above);
    for (size_t i = 0; i < n; i++) {
        const struct node *t = s->d->nodes[i];
        if (before[i]) continue;
        if (t->kind == NODE_UNIT_TEST) {
            if (t->tested && before[t->tested->order]) chosen[i] = 1;
            continue;
        }
        if (t->kind != NODE_TEST || !t->parent_count) continue;
        bool any = false, all = true;
        for (size_t k = 0; k < t->parent_count; k++) {
            bool in = before[t->parents[k]->order];
            any |= in;
            all &= !strcmp(mode, "buildable") ? above[t->parents[k]->order] : in;
        }
        if (!strcmp(mode, "eager") ? any : any && all) chosen[i] = 1;
    }
    mem_free(above);
    mem_free(before);
}

static const char *indirect(const struct selecting *s)
{
    return s->d->o->indirect_selection ? s->d->o->indirect_selection : "eager";
}

/* One argument: parts joined by commas are intersected. */
static enum err select_word(struct selecting *s, const char *word, set out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = s->d->node_count;
    char *copy = mem_strdup(word), *save = NULL;
    set all = NULL;
    for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        set one = mem_zalloc(n + 1);
        rc = select_one(s, p, one, e);
        if (rc == ERR_OK) add_tests(s, indirect(s), one);
        if (rc == ERR_OK && all)
            for (size_t i = 0; i < n; i++) all[i] &= one[i];
        if (!all)
            all = one;
        else
            mem_free(one);
        TRY(rc);
    }
    for (size_t i = 0; all && i < n; i++) out[i] |= all[i];
done:
    mem_free(all);
    mem_free(copy);
    return rc;
}

static enum err select_text(struct selecting *s, const char *text, set out, struct error *e)
{
    enum err rc = ERR_OK;
    char *copy = mem_strdup(text), *save = NULL;
    for (char *p = strtok_r(copy, " \t\n", &save); p; p = strtok_r(NULL, " \t\n", &save))
        TRY(select_word(s, p, out, e));
done:
    mem_free(copy);
    return rc;
}

/* ---- selectors.yml ---- */

static enum err select_definition(struct selecting *s, struct jinja_value def, set out, struct error *e);

static enum err select_list(struct selecting *s, struct jinja_value list, bool every, set out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = s->d->node_count;
    set all = mem_zalloc(n + 1), without = mem_zalloc(n + 1), one = NULL;
    bool first = true;
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value item = jinja_seq_items(list)[i], excluded = jinja_dict_get(item, "exclude");
        if (!jinja_is_absent(excluded) && jinja_is_absent(jinja_dict_get(item, "method"))) {
            TRY(select_list(s, excluded, false, without, e));
            continue;
        }
        one = mem_zalloc(n + 1);
        TRY(select_definition(s, item, one, e));
        for (size_t k = 0; k < n; k++) all[k] = first || !every ? all[k] | one[k] : all[k] & one[k];
        first = false;
        mem_free(one);
        one = NULL;
    }
    for (size_t k = 0; k < n; k++) out[k] |= (unsigned char)(all[k] & !without[k]);
done:
    mem_free(one);
    mem_free(all);
    mem_free(without);
    return rc;
}

static enum err named_selector(struct selecting *s, const char *name, set out, struct error *e)
{
    for (size_t i = 0; i < jinja_seq_count(s->d->selectors); i++) {
        struct jinja_value one = jinja_seq_items(s->d->selectors)[i];
        if (!strcmp(value_get_text(one, "name", ""), name))
            return select_definition(s, jinja_dict_get(one, "definition"), out, e);
    }
    return err_set(e, ERR_USAGE, "Could not find selector named %s, expected one of those in selectors.yml", name);
}

static enum err select_definition(struct selecting *s, struct jinja_value def, set out, struct error *e)
{
    struct jinja_value key, item;
    size_t at = 0;
    if (jinja_is_string(def)) return select_text(s, value_text(def, ""), out, e);
    if (def.type != JINJA_DICT) return err_set(e, ERR_INPUT, "selectors.yml: a definition is a text or a dict");
    if (!jinja_is_absent(item = jinja_dict_get(def, "union"))) return select_list(s, item, false, out, e);
    if (!jinja_is_absent(item = jinja_dict_get(def, "intersection"))) return select_list(s, item, true, out, e);
    const char *method = value_get_text(def, "method", NULL);
    if (!method) { /* {tag: nightly} */
        if (!jinja_dict_next(def, &at, &key, &item)) return ERR_OK;
        char *word = mem_printf("%s:%s", value_text(key, ""), value_str(&s->d->arena, s->d->env, item));
        enum err rc = select_word(s, word, out, e);
        mem_free(word);
        return rc;
    }
    if (!strcmp(method, "selector")) return named_selector(s, value_get_text(def, "value", ""), out, e);
    enum err rc = ERR_OK;
    size_t n = s->d->node_count;
    set one = mem_zalloc(n + 1), without = mem_zalloc(n + 1);
    struct jinja_value up = jinja_dict_get(def, "parents_depth"), down = jinja_dict_get(def, "children_depth");
    char before[32] = "", after[32] = "";
    if (value_get_bool(def, "parents", false))
        snprintf(before, sizeof before, up.type == JINJA_INT ? "%lld+" : "+",
                 up.type == JINJA_INT ? (long long)up.as.integer : 0LL);
    if (value_get_bool(def, "children", false))
        snprintf(after, sizeof after, down.type == JINJA_INT ? "+%lld" : "+",
                 down.type == JINJA_INT ? (long long)down.as.integer : 0LL);
    char *word = mem_printf("%s%s%s:%s%s", value_get_bool(def, "childrens_parents", false) ? "@" : "", before, method,
                            value_str(&s->d->arena, s->d->env, jinja_dict_get(def, "value")), after);
    TRY(select_word(s, word, one, e));
    if (!jinja_is_absent(item = jinja_dict_get(def, "exclude"))) TRY(select_list(s, item, false, without, e));
    for (size_t i = 0; i < n; i++) out[i] |= (unsigned char)(one[i] & !without[i]);
done:
    mem_free(word);
    mem_free(one);
    mem_free(without);
    return rc;
}

/* ---- what a verb works on ---- */

static bool of_verb(const struct dbt *d, const struct node *n)
{
    const struct model_options *o = d->o;
    const char *kind = NODE_KIND_NAMES[n->kind];
    bool yes;
    switch (o->verb) {
    case MODEL_RUN: yes = n->kind == NODE_MODEL; break;
    case MODEL_TEST: yes = n->kind == NODE_TEST || n->kind == NODE_UNIT_TEST; break;
    case MODEL_SEED: yes = n->kind == NODE_SEED; break;
    case MODEL_SNAPSHOT: yes = n->kind == NODE_SNAPSHOT; break;
    case MODEL_FRESHNESS: yes = node_has_freshness(n); break;
    case MODEL_DOCS:
    case MODEL_COMPILE:
        yes = n->kind == NODE_MODEL || n->kind == NODE_TEST || n->kind == NODE_ANALYSIS || n->kind == NODE_SNAPSHOT ||
              n->kind == NODE_SEED || n->kind == NODE_OPERATION;
        break;
    case MODEL_SHOW:
        yes = n->kind == NODE_MODEL || n->kind == NODE_TEST || n->kind == NODE_ANALYSIS || n->kind == NODE_SEED ||
              n->kind == NODE_SNAPSHOT;
        break;
    case MODEL_LS: /* analyses only when asked for by kind */
        yes = n->kind != NODE_OPERATION && n->kind != NODE_GROUP && (n->kind != NODE_ANALYSIS || o->resource_types.count);
        break;
    default:
        yes = n->kind == NODE_MODEL || n->kind == NODE_SEED || n->kind == NODE_SNAPSHOT || n->kind == NODE_TEST ||
              n->kind == NODE_UNIT_TEST || n->kind == NODE_EXPOSURE || n->kind == NODE_SAVED_QUERY;
    }
    for (size_t i = 0; yes && o->resource_types.count; i++) {
        if (i == o->resource_types.count) return false;
        if (!strcmp(o->resource_types.word[i], kind) || !strcmp(o->resource_types.word[i], "all") ||
            (!strcmp(o->resource_types.word[i], "default") && n->kind != NODE_ANALYSIS))
            break;
    }
    for (size_t i = 0; yes && i < o->exclude_resource_types.count; i++)
        if (!strcmp(o->exclude_resource_types.word[i], kind)) return false;
    return yes;
}

enum err select_nodes(struct dbt *d, struct node ***out, size_t *count, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = d->node_count;
    const struct model_options *o = d->o;
    struct selecting s = {.d = d};
    set chosen = mem_zalloc(n + 1), without = mem_zalloc(n + 1);
    const char *selector = o->selector;
    for (size_t i = 0; !selector && !o->select.count && i < jinja_seq_count(d->selectors); i++)
        if (value_get_bool(jinja_seq_items(d->selectors)[i], "default", false))
            selector = value_get_text(jinja_seq_items(d->selectors)[i], "name", NULL);
    if (d->retrying)
        for (size_t i = 0; i < n; i++) chosen[i] = texts_has(&d->again, d->nodes[i]->unique_id);
    else if (o->select.count)
        for (size_t i = 0; i < o->select.count; i++) TRY(select_text(&s, o->select.word[i], chosen, e));
    else if (selector) {
        TRY(named_selector(&s, selector, chosen, e));
        add_tests(&s, indirect(&s), chosen);
    } else
        memset(chosen, 1, n);
    for (size_t i = 0; i < o->exclude.count; i++) TRY(select_text(&s, o->exclude.word[i], without, e));
    *out = arena_alloc(&d->arena, (n + 1) * sizeof **out);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (chosen[i] && !without[i] && of_verb(d, d->nodes[i])) {
            (*out)[(*count)++] = d->nodes[i];
            texts_add(&d->selected, d->nodes[i]->unique_id);
        }
done:
    mem_free(chosen);
    mem_free(without);
    return rc;
}
