#include "serve/board.h"

#include "base/asset.h"
#include "base/io.h"
#include "schema/tree.h"
#include "serve/clause.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const kinds[] = {"figure", "bars", "line", "ranked", "weekdays", "heatmap", "cohorts", "funnel", "table", NULL};
static const char *const times[] = {"date", "hour", NULL};
static const char *const week_ways[] = {"sum", NULL};
static const char *const board_keys[] = {"title", "order", "about", "charts", NULL};
static const char *const chart_keys[] = {"id",    "title",  "about", "kind", "x",     "y",   "series", "unit", "width",
                                         "height", "time",  "weeks", "link",  "limit", "sql", "quick", "rows", "metabase", NULL};

struct reader {
    struct tree *tree;
    struct arena *arena;
};

static enum err text(struct reader *r, tree_node map, const char *key, bool needed, const char **out, struct error *e)
{
    tree_node n = tree_get(r->tree, map, key);
    const char *got;
    if (!n) return needed ? tree_fail(r->tree, map, e, "%s is missing", key) : ERR_OK;
    enum err rc = tree_text(r->tree, n, key, &got, e);
    if (rc == ERR_OK) *out = arena_strdup(r->arena, got);
    return rc;
}

static enum err number(struct reader *r, tree_node map, const char *key, int64_t least, int64_t most, int64_t *out, struct error *e)
{
    tree_node n = tree_get(r->tree, map, key);
    if (!n) return ERR_OK;
    enum err rc = tree_i64(r->tree, n, key, out, e);
    if (rc == ERR_OK && (*out < least || *out > most))
        rc = tree_fail(r->tree, n, e, "%s is from %lld to %lld", key, (long long)least, (long long)most);
    return rc;
}

static enum err word(struct reader *r, tree_node map, const char *key, const char *const *words, const char **out, struct error *e)
{
    tree_node n = tree_get(r->tree, map, key);
    unsigned index;
    if (!n) return ERR_OK;
    enum err rc = tree_word(r->tree, n, key, words, &index, e);
    if (rc == ERR_OK) *out = words[index];
    return rc;
}

static enum err read_y(struct reader *r, tree_node map, struct board_chart *c, struct error *e)
{
    enum err rc = ERR_OK;
    tree_node n = tree_get(r->tree, map, "y");
    const char *got;
    if (!n) return ERR_OK;
    if (n->type == YAML_SCALAR_NODE) {
        TRY(tree_text(r->tree, n, "y", &got, e));
        c->y[c->y_count++] = arena_strdup(r->arena, got);
        return ERR_OK;
    }
    TRY(tree_check_list(r->tree, n, "y", e));
    for (size_t i = 0; i < tree_count(n) && i < BOARD_LIST; i++) {
        TRY(tree_text(r->tree, tree_item(r->tree, n, i), "y", &got, e));
        c->y[c->y_count++] = arena_strdup(r->arena, got);
    }
done:
    return rc;
}

static enum err read_link(struct reader *r, tree_node map, struct board_chart *c, struct error *e)
{
    enum err rc = ERR_OK;
    tree_node n = tree_get(r->tree, map, "link");
    if (!n) return ERR_OK;
    if (n->type != YAML_MAPPING_NODE) return tree_fail(r->tree, n, e, "link is a mapping of parameter: column");
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top && c->link_count < BOARD_LIST; p++) {
        const char *key, *value;
        TRY(tree_text(r->tree, yaml_document_get_node(&r->tree->doc, p->key), "link", &key, e));
        TRY(tree_text(r->tree, yaml_document_get_node(&r->tree->doc, p->value), "link", &value, e));
        c->link[c->link_count++] = (struct board_pair){arena_strdup(r->arena, key), arena_strdup(r->arena, value)};
    }
done:
    return rc;
}

static enum err read_chart(struct reader *r, tree_node map, struct board *b, struct board_chart *c, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf sink = {0};
    struct view used[CLAUSE_PARAMETERS];
    size_t used_count;
    c->width = 6;
    c->height = 250;
    TRY(tree_check_map(r->tree, map, "chart", chart_keys, e));
    TRY(text(r, map, "id", true, &c->id, e));
    for (struct board_chart *other = b->charts; other < c; other++)
        if (!strcmp(other->id, c->id)) TRY(tree_fail(r->tree, map, e, "two charts have the id %s", c->id));
    TRY(text(r, map, "title", true, &c->title, e));
    TRY(text(r, map, "about", false, &c->about, e));
    if (!tree_get(r->tree, map, "kind")) TRY(tree_fail(r->tree, map, e, "kind is missing"));
    TRY(word(r, map, "kind", kinds, &c->kind, e));
    TRY(text(r, map, "x", false, &c->x, e));
    TRY(read_y(r, map, c, e));
    TRY(text(r, map, "series", false, &c->series, e));
    TRY(text(r, map, "unit", false, &c->unit, e));
    TRY(word(r, map, "time", times, &c->time, e));
    TRY(word(r, map, "weeks", week_ways, &c->weeks, e));
    TRY(number(r, map, "width", 1, 12, &c->width, e));
    TRY(number(r, map, "height", 60, 2000, &c->height, e));
    TRY(number(r, map, "limit", 1, 10000, &c->limit, e));
    TRY(read_link(r, map, c, e));
    TRY(text(r, map, "sql", true, &c->sql, e));
    TRY(text(r, map, "quick", false, &c->quick, e));
    TRY(text(r, map, "rows", false, &c->rows, e));
    const struct board_pair texts[] = {{"sql", c->sql}, {"quick", c->quick}, {"rows", c->rows}};
    for (size_t i = 0; i < 3; i++) {
        if (!texts[i].value) continue;
        rc = clause_render(texts[i].value, NULL, 0, &sink, used, &used_count, e);
        if (rc == ERR_INPUT) TRY(tree_fail(r->tree, tree_get(r->tree, map, texts[i].key), e, "%s: %s", texts[i].key, e->what));
        rc = ERR_OK;
    }
done:
    buf_reset(&sink);
    return rc;
}

static enum err read_board(struct reader *r, struct board *b, struct error *e)
{
    enum err rc = ERR_OK;
    tree_node root = tree_root(r->tree), charts;
    b->order = 1000;
    TRY(tree_check_map(r->tree, root, "dashboard", board_keys, e));
    TRY(text(r, root, "title", true, &b->title, e));
    TRY(text(r, root, "about", false, &b->about, e));
    TRY(number(r, root, "order", 0, 1000000, &b->order, e));
    charts = tree_get(r->tree, root, "charts");
    if (!charts) TRY(tree_fail(r->tree, root, e, "charts is missing"));
    TRY(tree_check_list(r->tree, charts, "charts", e));
    size_t count = tree_count(charts);
    b->charts = arena_zalloc(r->arena, (count + 1) * sizeof *b->charts);
    for (size_t i = 0; i < count; i++, b->chart_count++) TRY(read_chart(r, tree_item(r->tree, charts, i), b, &b->charts[i], e));
done:
    return rc;
}

static void add_board(struct board_set *set, size_t *cap, const char *name, const char *origin, struct view content)
{
    struct tree tree = {0};
    struct reader reader = {&tree, &set->arena};
    struct error e = {0};
    struct board b = {.name = arena_strdup(&set->arena, name), .origin = arena_strdup(&set->arena, origin),
                      .hash = hash_128(content.ptr, content.len)};
    enum err rc = tree_parse(&tree, b.origin, content, &e);
    if (rc == ERR_OK) rc = read_board(&reader, &b, &e);
    if (rc != ERR_OK) {
        char message[1024];
        b.error = arena_strdup(&set->arena, err_format(&e, message, sizeof message));
        b.chart_count = 0;
        if (!b.title) b.title = b.name;
    }
    tree_reset(&tree);
    size_t at = 0;
    while (at < set->count && strcmp(set->board[at].name, b.name)) at++;
    if (at == set->count) {
        mem_grow(&set->board, cap, set->count + 1, sizeof *set->board);
        set->count++;
    }
    set->board[at] = b;
}

static bool stem(const char *path, char out[128])
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t n = strlen(name);
    size_t cut = str_ends(name, ".yml") ? 4 : str_ends(name, ".yaml") ? 5 : 0;
    if (!cut || n - cut >= 128 || n == cut) return false;
    snprintf(out, 128, "%.*s", (int)(n - cut), name);
    return true;
}

static int by_order(const void *a, const void *b)
{
    const struct board *x = a, *y = b;
    return x->order != y->order ? (x->order > y->order) - (x->order < y->order) : strcmp(x->title, y->title);
}

struct board_set *board_set_load(const char *folder)
{
    struct board_set *set = mem_zalloc(sizeof *set);
    struct io_names names = {0};
    size_t cap = 0;
    char name[128];
    arena_init(&set->arena);
    for (const struct asset *a = asset_all(); a->path; a++)
        if (str_starts(a->path, "dashboards/") && stem(a->path, name)) add_board(set, &cap, name, a->path, a->data);
    if (folder && io_list_dir(folder, &names, NULL) == ERR_OK)
        for (size_t i = 0; i < names.count; i++) {
            char *path = io_path(folder, names.name[i]);
            struct buf content = {0};
            if (stem(path, name) && io_read_file(path, &content, NULL) == ERR_OK)
                add_board(set, &cap, name, path, view_from(content.ptr, content.len));
            buf_reset(&content);
            mem_free(path);
        }
    io_names_free(&names);
    if (set->count) qsort(set->board, set->count, sizeof *set->board, by_order);
    return set;
}

void board_set_free(struct board_set **set)
{
    if (!*set) return;
    arena_reset(&(*set)->arena);
    mem_free((*set)->board);
    mem_free(*set);
    *set = NULL;
}

const struct board *board_find(const struct board_set *set, struct view name)
{
    for (size_t i = 0; i < set->count; i++)
        if (view_is(name, set->board[i].name)) return &set->board[i];
    return NULL;
}

const struct board_chart *board_chart_find(const struct board *b, struct view id)
{
    for (size_t i = 0; i < b->chart_count; i++)
        if (view_is(id, b->charts[i].id)) return &b->charts[i];
    return NULL;
}

struct hash128 board_set_print(const char *folder)
{
    struct io_names names = {0};
    struct hasher *h = hasher_new();
    if (folder && io_list_dir(folder, &names, NULL) == ERR_OK)
        for (size_t i = 0; i < names.count; i++) {
            char *path = io_path(folder, names.name[i]);
            struct stat st = {0};
            stat(path, &st);
            hasher_add(h, names.name[i], strlen(names.name[i]) + 1);
            hasher_add(h, &st.st_mtim, sizeof st.st_mtim);
            hasher_add(h, &st.st_size, sizeof st.st_size);
            mem_free(path);
        }
    io_names_free(&names);
    struct hash128 sum = hasher_sum(h);
    hasher_free(&h);
    return sum;
}
