#include "publish/models.h"

#include "base/asset.h"
#include "base/io.h"
#include "base/str.h"
#include "schema/tree.h"

#include <strings.h>

static tree_node of_map(struct tree *t, tree_node n, const char *key)
{
    return n && n->type == YAML_MAPPING_NODE ? tree_get(t, n, key) : NULL;
}

static size_t items(tree_node n) { return n && n->type == YAML_SEQUENCE_NODE ? tree_count(n) : 0; }

static const char *text_of(tree_node n)
{
    if (!n || n->type != YAML_SCALAR_NODE || !n->data.scalar.length) return NULL;
    return (const char *)n->data.scalar.value;
}

static const char *keep(struct model_notes *out, const char *text) { return text ? arena_strdup(&out->arena, text) : NULL; }

/* Is "not_null" among the tests: as a word, or as the only key of a mapping? Constraints name it by `type`. */
static bool says_not_null(struct tree *t, tree_node list)
{
    for (size_t i = 0; i < items(list); i++) {
        tree_node n = tree_item(t, list, i);
        const char *word = text_of(n), *type = text_of(of_map(t, n, "type"));
        if (word && !strcmp(word, "not_null")) return true;
        if (type && !strcmp(type, "not_null")) return true;
        if (of_map(t, n, "not_null")) return true;
    }
    return false;
}

static void add(struct model_notes *out, struct tree *t, const char *model, const char *column, tree_node n)
{
    mem_grow(&out->column, &out->cap, out->count + 1, sizeof *out->column);
    const char *type = text_of(of_map(t, of_map(t, of_map(t, n, "config"), "meta"), "clickhouse_type"));
    if (!type) type = text_of(of_map(t, of_map(t, n, "meta"), "clickhouse_type"));
    out->column[out->count++] = (struct model_column){
        .model = keep(out, model),
        .column = keep(out, column),
        .type = keep(out, type),
        .description = keep(out, text_of(of_map(t, n, "description"))),
        .not_null = says_not_null(t, of_map(t, n, "data_tests")) || says_not_null(t, of_map(t, n, "tests")) ||
                    says_not_null(t, of_map(t, n, "constraints")),
        .file = keep(out, t->name),
        .line = (unsigned)n->start_mark.line + 1,
    };
}

enum err model_notes_read(struct model_notes *out, const char *file, const char *text, size_t len, struct error *e)
{
    struct tree t = {0};
    if (!view_trim(view_from(text, len)).len) return ERR_OK;
    enum err rc = tree_parse(&t, file, view_from(text, len), e);
    if (rc != ERR_OK) return rc;
    const char *const lists[] = {"models", "seeds", "snapshots"};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        tree_node models = of_map(&t, tree_root(&t), lists[k]);
        for (size_t i = 0; i < items(models); i++) {
            tree_node model = tree_item(&t, models, i), columns = of_map(&t, model, "columns");
            const char *name = text_of(of_map(&t, model, "name"));
            if (!name) continue;
            add(out, &t, name, NULL, model);
            for (size_t j = 0; j < items(columns); j++) {
                const char *column = text_of(of_map(&t, tree_item(&t, columns, j), "name"));
                if (column) add(out, &t, name, column, tree_item(&t, columns, j));
            }
        }
    }
    tree_reset(&t);
    return ERR_OK;
}

static bool is_yml(const char *path) { return str_ends(path, ".yml") || str_ends(path, ".yaml"); }

static enum err read_folder(struct model_notes *out, const char *folder, struct error *e)
{
    static const char *const others[] = {"target/", "logs/", "dbt_packages/", "dbt_modules/"};
    enum err rc = ERR_OK;
    struct io_names files = {0};
    struct buf text = {0};
    TRY(io_walk(folder, &files, e));
    for (size_t i = 0; i < files.count; i++) {
        bool skip = !is_yml(files.name[i]);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) skip |= str_starts(files.name[i], others[k]);
        if (skip) continue;
        char *path = io_path(folder, files.name[i]);
        buf_clear(&text);
        rc = io_read_file(path, &text, e);
        if (rc == ERR_OK) rc = model_notes_read(out, path, text.ptr, text.len, e);
        mem_free(path);
        TRY(rc);
    }
done:
    buf_reset(&text);
    io_names_free(&files);
    return rc;
}

enum err model_notes_load(const char *folder, struct model_notes *out, struct error *e)
{
    enum err rc = ERR_OK;
    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    if (folder) {
        TRY(read_folder(out, folder, e));
    } else {
        for (const struct asset *a = asset_all(); a->path; a++)
            if (str_starts(a->path, "dbt/") && is_yml(a->path))
                TRY(model_notes_read(out, a->path, a->data.ptr, a->data.len, e));
    }
done:
    if (rc != ERR_OK) model_notes_reset(out);
    return rc;
}

const struct model_column *model_notes_find(const struct model_notes *notes, const char *model, const char *column)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct model_column *c = &notes->column[i];
        if (strcasecmp(c->model, model) != 0 || !c->column != !column) continue;
        if (!column || !strcasecmp(c->column, column)) return c;
    }
    return NULL;
}

void model_notes_reset(struct model_notes *notes)
{
    mem_free(notes->column);
    arena_reset(&notes->arena);
    memset(notes, 0, sizeof *notes);
}
