/* dashboards/NAME.yml → questions. */
#include "publish/metabase.h"

#include "base/asset.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "schema/tree.h"


static tree_node of_map(struct tree *t, tree_node n, const char *key)
{
    return n && n->type == YAML_MAPPING_NODE ? tree_get(t, n, key) : NULL;
}

/* A YAML value as JSON: plain true/false and whole numbers as such, everything else as text. */
static json_t *to_json(struct tree *t, tree_node n)
{
    if (n->type == YAML_MAPPING_NODE) {
        json_t *o = json_object();
        for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
            json_object_set_new(o, (const char *)yaml_document_get_node(&t->doc, p->key)->data.scalar.value,
                                to_json(t, yaml_document_get_node(&t->doc, p->value)));
        return o;
    }
    if (n->type == YAML_SEQUENCE_NODE) {
        json_t *a = json_array();
        for (size_t i = 0; i < tree_count(n); i++) json_array_append_new(a, to_json(t, tree_item(t, n, i)));
        return a;
    }
    const char *s = (const char *)n->data.scalar.value;
    int64_t whole;
    bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (!strcmp(s, "true") || !strcmp(s, "false"))) return json_boolean(*s == 't');
    if (plain && str_i64(s, &whole)) return json_integer(whole);
    return json_string(s);
}

static enum err text(struct tree *t, tree_node map, const char *key, const char *otherwise, char **out, struct error *e)
{
    tree_node n = tree_get(t, map, key);
    const char *s = otherwise;
    enum err rc = n ? tree_text(t, n, key, &s, e) : ERR_OK;
    if (rc == ERR_OK && !s) rc = tree_fail(t, map, e, "%s is missing", key);
    if (rc == ERR_OK) *out = mem_strdup(s);
    return rc;
}

static enum err read_filters(struct tree *t, tree_node list, json_t *out, struct error *e)
{
    static const char *const keys[] = {"slug", "name", "type", NULL}, *const types[] = {"date", "number", "text", NULL};
    enum err rc = ERR_OK;
    TRY(tree_check_list(t, list, "filters", e));
    for (size_t i = 0; i < tree_count(list); i++) {
        tree_node f = tree_item(t, list, i);
        unsigned type;
        TRY(tree_check_map(t, f, "filter", keys, e));
        for (size_t k = 0; keys[k]; k++)
            if (!tree_get(t, f, keys[k])) TRY(tree_fail(t, f, e, "a filter needs slug, name and type"));
        TRY(tree_word(t, tree_get(t, f, "type"), "type", types, &type, e));
        json_array_append_new(out, to_json(t, f));
    }
done:
    return rc;
}

static enum err read_question(struct metabase_boards *out, struct tree *t, tree_node chart, tree_node m, struct error *e)
{
    static const char *const keys[] = {"dashboard", "display", "settings", "filters", "sql", NULL};
    static const char *const displays[] = {"bar", "line", "area", "row", "table", "scalar", "pie", "combo", "smartscalar", NULL};
    enum err rc = ERR_OK;
    unsigned display;
    mem_grow(&out->question, &out->cap, out->count + 1, sizeof *out->question);
    struct metabase_question *q = &out->question[out->count++];
    *q = (struct metabase_question){.settings = json_object(), .filters = json_array()};
    TRY(tree_check_map(t, m, "metabase", keys, e));
    TRY(text(t, chart, "id", NULL, &q->id, e));
    TRY(text(t, chart, "title", NULL, &q->name, e));
    TRY(text(t, chart, "about", " ", &q->about, e));
    TRY(text(t, m, "dashboard", q->name, &q->dashboard, e));
    TRY(text(t, m, "display", "table", &q->display, e));
    if (tree_get(t, m, "display")) TRY(tree_word(t, tree_get(t, m, "display"), "display", displays, &display, e));
    TRY(text(t, m, "sql", NULL, &q->sql, e));
    tree_node settings = tree_get(t, m, "settings"), filters = tree_get(t, m, "filters");
    if (settings && settings->type != YAML_MAPPING_NODE) TRY(tree_fail(t, settings, e, "settings must be a mapping (key: value)"));
    if (settings) json_object_update_new(q->settings, to_json(t, settings));
    if (filters) TRY(read_filters(t, filters, q->filters, e));
    size_t at;
    json_t *f;
    json_array_foreach(q->filters, at, f)
    {
        char *used = mem_printf("{{%s}}", json_string_value(json_object_get(f, "slug")));
        bool there = strstr(q->sql, used) != NULL;
        mem_free(used);
        if (!there) TRY(tree_fail(t, filters, e, "the SQL does not use the filter %s", json_string_value(json_object_get(f, "slug"))));
    }
done:
    return rc;
}

enum err metabase_boards_read(struct metabase_boards *out, const char *file, const char *content, size_t len, struct error *e)
{
    struct tree t = {0};
    enum err rc = tree_parse(&t, file, view_from(content, len), e);
    if (rc != ERR_OK) return rc;
    tree_node charts = of_map(&t, tree_root(&t), "charts");
    for (size_t i = 0; charts && charts->type == YAML_SEQUENCE_NODE && i < tree_count(charts); i++) {
        tree_node m = of_map(&t, tree_item(&t, charts, i), "metabase");
        if (m) TRY(read_question(out, &t, tree_item(&t, charts, i), m, e));
    }
done:
    tree_reset(&t);
    return rc;
}

static bool replaced(const struct io_names *yours, const char *name)
{
    for (size_t i = 0; i < yours->count; i++)
        if (!strcmp(yours->name[i], name)) return true;
    return false;
}

enum err metabase_boards_load(const char *folder, struct metabase_boards *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names yours = {0};
    struct buf content = {0};
    memset(out, 0, sizeof *out);
    if (folder) TRY(io_list_dir(folder, &yours, e));
    for (const struct asset *a = asset_all(); a->path; a++)
        if (str_starts(a->path, "dashboards/") && !replaced(&yours, a->path + 11))
            TRY(metabase_boards_read(out, a->path, a->data.ptr, a->data.len, e));
    for (size_t i = 0; i < yours.count; i++) {
        if (!str_ends(yours.name[i], ".yml")) continue;
        char *path = io_path(folder, yours.name[i]);
        buf_clear(&content);
        rc = io_read_file(path, &content, e);
        if (rc == ERR_OK) rc = metabase_boards_read(out, path, content.ptr ? content.ptr : "", content.len, e);
        mem_free(path);
        TRY(rc);
    }
    if (!out->count) TRY(err_set(e, ERR_NOT_FOUND, "no chart of the dashboards has a metabase section"));
done:
    io_names_free(&yours);
    buf_reset(&content);
    if (rc != ERR_OK) metabase_boards_reset(out);
    return rc;
}

void metabase_boards_reset(struct metabase_boards *boards)
{
    for (size_t i = 0; i < boards->count; i++) {
        struct metabase_question *q = &boards->question[i];
        char *const texts[] = {q->id, q->name, q->about, q->dashboard, q->display, q->sql};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) mem_free(texts[k]);
        json_decref(q->settings);
        json_decref(q->filters);
    }
    mem_free(boards->question);
    memset(boards, 0, sizeof *boards);
}
