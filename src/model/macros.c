/* Macros of the project, its packages and the built-in ones, and how a name finds its macro. */
#include "model/dbt.h"

#include "base/asset.h"
#include "base/io.h"

#define ASSETS "src/model/macros/"

static const char *const PREFIXES[] = {"duckdb", "default", NULL}; /* of dispatch, in order */

static struct macro *add_macro(struct dbt *d, struct package *p, const char *name, const char *path)
{
    struct macro *m = arena_zalloc(&d->arena, sizeof *m);
    m->id = d->macro_count;
    m->name = name;
    m->package = p;
    m->path = path;
    m->unique_id = arena_printf(&d->arena, "macro.%s.%s", p->name, name);
    mem_grow(&d->macros, &d->macro_cap, d->macro_count + 1, sizeof *d->macros);
    d->macros[d->macro_count++] = m;
    names_put(&p->macros, view_of(name), m);
    names_put(&d->macros_by_id, view_of(m->unique_id), m);
    return m;
}

static enum err duplicate(const struct macro *m, const char *path, unsigned line, struct error *e)
{
    err_set(e, ERR_INPUT, "two macros named \"%s\" in package %s: %s:%u and %s:%u", m->name, m->package->name, m->path,
            m->info ? m->info->line : 1, path, line);
    err_where(e, "%s:%u", path, line);
    return err_hint(e, "rename or remove one of them");
}

static enum err load_text(struct dbt *d, struct package *p, struct view text, const char *path, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_template *t = NULL;
    TRY(jinja_template_parse(d->env, text.ptr, text.len, path, 1, &t, e));
    mem_grow(&d->templates, &d->template_cap, d->template_count + 1, sizeof(*d->templates));
    d->templates[d->template_count++] = t;
    for (size_t i = 0; i < jinja_template_macro_count(t); i++) {
        const struct jinja_macro_info *info = jinja_template_macro(t, i);
        if (info->kind == JINJA_MACRO_DOCS) continue;
        const struct macro *old = names_find(&p->macros, info->full_name);
        if (old) return duplicate(old, path, info->line, e);
        struct macro *m = add_macro(d, p, arena_strndup(&d->arena, info->full_name.ptr, info->full_name.len), path);
        m->tmpl = t;
        m->index = i;
        m->info = info;
        m->is_test = info->kind == JINJA_MACRO_TEST;
        m->is_materialization = info->kind == JINJA_MACRO_MATERIALIZATION;
    }
done:
    return rc;
}

/* default__x and duckdb__x get an x that dispatches to them, where no x is written out. */
static void add_dispatchers(struct dbt *d, struct package *p)
{
    size_t count = d->macro_count;
    for (size_t i = 0; i < count; i++) {
        const struct macro *m = d->macros[i];
        for (const char *const *prefix = PREFIXES; *prefix; prefix++) {
            size_t n = strlen(*prefix);
            if (m->package != p || strncmp(m->name, *prefix, n) || strncmp(m->name + n, "__", 2)) continue;
            const char *name = m->name + n + 2;
            if (names_get(&p->macros, name)) continue;
            struct macro *x = add_macro(d, p, name, m->path);
            x->dispatches = name;
        }
    }
}

static enum err load_builtin(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct package *p = d->builtin = arena_zalloc(&d->arena, sizeof *p);
    p->name = "dbt";
    p->root = p->rel = "";
    p->builtin = true;
    p->config = p->vars = jinja_dict(d->env);
    for (const struct asset *a = asset_all(); a->path; a++)
        if (str_starts(a->path, ASSETS)) TRY(load_text(d, p, a->data, a->path + sizeof ASSETS - 1, e));
    if (!d->macro_count) {
        rc = err_set(e, ERR_INTERNAL, "the built-in macros are missing from this program");
        goto done;
    }
    add_dispatchers(d, p);
    mem_grow(&d->packages, &d->package_cap, d->package_count + 1, sizeof *d->packages);
    d->packages[d->package_count++] = p;
    names_put(&d->package_by_name, view_of(p->name), p);
done:
    return rc;
}

static enum err load_folder(struct dbt *d, struct package *p, const char *folder, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names files = {0};
    struct buf text = {0};
    const char *root = folder[0] == '/' ? folder : arena_printf(&d->arena, "%s/%s", p->root, folder);
    if (!io_is_dir(root)) return ERR_OK;
    TRY(io_walk(root, &files, e));
    for (size_t i = 0; i < files.count; i++) {
        if (!str_ends(files.name[i], ".sql")) continue;
        const char *full = arena_printf(&d->arena, "%s/%s", root, files.name[i]);
        buf_clear(&text);
        TRY(io_read_file(full, &text, e));
        const char *shown = p->is_root ? arena_printf(&d->arena, "%s/%s", folder, files.name[i])
                                       : arena_printf(&d->arena, "%s/%s/%s", p->rel, folder, files.name[i]);
        TRY(load_text(d, p, view_from(text.ptr ? text.ptr : "", text.len), shown, e));
    }
done:
    buf_reset(&text);
    io_names_free(&files);
    return rc;
}

enum err dbt_macros_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    size_t count = d->package_count;
    TRY(load_builtin(d, e));
    for (size_t i = 0; i < count; i++) {
        struct package *p = d->packages[i];
        for (size_t k = 0; k < p->macro_paths.count; k++) TRY(load_folder(d, p, p->macro_paths.at[k], e));
        for (size_t k = 0; k < p->test_paths.count; k++)
            TRY(load_folder(d, p, arena_printf(&d->arena, "%s/generic", p->test_paths.at[k]), e));
    }
done:
    return rc;
}

struct macro *macro_find(const struct dbt *d, const struct package *from, struct view name)
{
    struct macro *m = from ? names_find(&from->macros, name) : NULL;
    if (!m && from != d->project) m = names_find(&d->project->macros, name);
    return m ? m : names_find(&d->builtin->macros, name);
}

struct macro *macro_in_package(const struct dbt *d, const char *package, struct view name)
{
    if (!strcmp(package, "dbt_duckdb")) package = "dbt";
    const struct package *p = names_get(&d->package_by_name, package);
    return p ? names_find(&p->macros, name) : NULL;
}

/* dispatch: of dbt_project.yml for this namespace; absent when there is none. */
static struct jinja_value search_order(const struct dbt *d, const char *space)
{
    struct jinja_value list = package_section(d->project, "dispatch");
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value entry = jinja_seq_items(list)[i];
        if (!strcmp(value_get_text(entry, "macro_namespace", ""), space)) return jinja_dict_get(entry, "search_order");
    }
    return (struct jinja_value){0};
}

static struct macro *try_package(const struct dbt *d, const struct package *from, const char *package, const char *name,
                                 struct buf *tried)
{
    for (const char *const *prefix = PREFIXES; *prefix; prefix++) {
        char full[256];
        snprintf(full, sizeof full, "%s__%s", *prefix, name);
        struct macro *m = package ? macro_in_package(d, package, view_of(full)) : macro_find(d, from, view_of(full));
        if (m) return m;
        if (tried)
            buf_printf(tried, "%s'%s%s%s'", tried->len ? ", " : "", package ? package : "", package ? "." : "", full);
    }
    return NULL;
}

struct macro *macro_dispatch(const struct dbt *d, const struct package *from, const char *name, const char *space,
                             struct buf *tried)
{
    if (!space) return try_package(d, from, NULL, name, tried);
    struct jinja_value order = search_order(d, space);
    if (jinja_seq_count(order)) {
        for (size_t i = 0; i < jinja_seq_count(order); i++) {
            struct macro *m = try_package(d, from, value_text(jinja_seq_items(order)[i], ""), name, tried);
            if (m) return m;
        }
        return NULL;
    }
    if (!names_get(&d->package_by_name, space) && strcmp(space, "dbt_duckdb"))
        return try_package(d, from, NULL, name, tried);
    struct macro *m = try_package(d, from, d->project->name, name, tried);
    return m || !strcmp(space, d->project->name) ? m : try_package(d, from, space, name, tried);
}

/* The adapter's own before "default"; the project before the built-in ones before other packages' own inventions. */
struct macro *macro_materialization(const struct dbt *d, const struct package *from, const char *name)
{
    for (const char *const *prefix = PREFIXES; *prefix; prefix++) {
        char full[256];
        snprintf(full, sizeof full, "materialization_%s_%s", name, *prefix);
        struct macro *m = names_get(&d->project->macros, full);
        if (!m) m = names_get(&d->builtin->macros, full);
        if (!m && from) m = names_get(&from->macros, full);
        for (size_t i = 0; !m && i < d->package_count; i++) m = names_get(&d->packages[i]->macros, full);
        if (m) return m;
    }
    return NULL;
}
