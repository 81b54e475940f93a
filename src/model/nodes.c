/* Nodes out of files: models, seeds, snapshots, singular tests, analyses, hooks; their first rendering, which notes
 * refs, sources and config() calls. */
#include "model/context.h"
#include "model/print.h"

#include "base/io.h"

#include <ctype.h>

struct node *node_new(struct dbt *d, enum node_kind kind, struct package *p, const char *name)
{
    struct node *n = arena_zalloc(&d->arena, sizeof *n);
    n->kind = kind;
    n->package = p;
    n->name = n->alias = name;
    n->unique_id = arena_printf(&d->arena, "%s.%s.%s", NODE_KIND_NAMES[kind], p->name, name);
    n->schema = d->profile.schema;
    n->database = d->profile.database;
    n->language = "sql";
    n->enabled = true;
    n->description = "";
    n->config_call = jinja_dict(d->env);
    n->tags = jinja_list(d->env);
    n->meta = jinja_dict(d->env);
    n->columns = jinja_dict(d->env);
    n->path = n->original_path = "";
    return n;
}

void node_add_parent(struct node *n, struct node *parent)
{
    for (size_t i = 0; i < n->parent_count; i++)
        if (n->parents[i] == parent) return;
    mem_grow(&n->parents, &n->parent_cap, n->parent_count + 1, sizeof(*n->parents));
    n->parents[n->parent_count++] = parent;
}

void dbt_add_node(struct dbt *d, struct node *n)
{
    struct node ***list = n->enabled ? &d->nodes : &d->disabled;
    size_t *count = n->enabled ? &d->node_count : &d->disabled_count,
           *cap = n->enabled ? &d->node_cap : &d->disabled_cap;
    mem_grow(list, cap, *count + 1, sizeof(**list));
    n->order = *count;
    (*list)[(*count)++] = n;
    if (n->enabled) names_put(&d->by_id, view_of(n->unique_id), n);
}

const char *node_write_path(struct dbt *d, const struct node *n, const char *kind)
{
    if (n->kind == NODE_UNIT_TEST) {
        const char *slash = strrchr(n->original_path, '/');
        return arena_printf(&d->arena, "%s/%s/%s/%s/%.*s%s.sql", d->target_path, kind, n->package->name,
                            n->original_path, slash ? (int)(slash - n->original_path + 1) : 0, n->original_path,
                            n->name);
    }
    const char *a = strrchr(n->path, '/'), *b = strrchr(n->original_path, '/');
    bool one = !strcmp(a ? a + 1 : n->path, b ? b + 1 : n->original_path);
    return arena_printf(&d->arena, "%s/%s/%s/%s%s%s", d->target_path, kind, n->package->name, n->original_path,
                        one ? "" : "/", one ? "" : n->path);
}

/* fqn: package, folders, (the file for snapshots,) name. */
static void make_fqn(struct dbt *d, struct node *n, const char *rel, bool with_file)
{
    texts_add(&n->fqn, n->package->name);
    const char *p = rel;
    for (const char *slash; (slash = strchr(p, '/')); p = slash + 1)
        texts_add(&n->fqn, arena_strndup(&d->arena, p, (size_t)(slash - p)));
    const char *dot = strrchr(p, '.');
    if (with_file) texts_add(&n->fqn, arena_strndup(&d->arena, p, dot ? (size_t)(dot - p) : strlen(p)));
    texts_add(&n->fqn, n->name);
}

static struct view stripped(struct dbt *d, const struct buf *text, unsigned *line)
{
    struct view v = view_from(text->ptr ? text->ptr : "", text->len);
    if (v.len >= 3 && !memcmp(v.ptr, "\xEF\xBB\xBF", 3)) v.ptr += 3, v.len -= 3;
    const char *start = v.ptr;
    while (v.len && (isspace((unsigned char)*v.ptr))) v.ptr++, v.len--;
    while (v.len && (isspace((unsigned char)v.ptr[v.len - 1]))) v.len--;
    *line = 1;
    for (const char *p = start; p < v.ptr; p++) *line += *p == '\n';
    return view_from(arena_strndup(&d->arena, v.ptr, v.len), v.len);
}

static const char *stem(struct dbt *d, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return arena_strndup(&d->arena, base, dot ? (size_t)(dot - base) : strlen(base));
}

struct folder {
    struct dbt *d;
    struct package *p;
    const char *rel; /* "models" */
};

static void set_file(struct dbt *d, struct node *n, const struct folder *f, const char *name)
{
    n->path = name;
    n->original_path = arena_printf(&d->arena, "%s/%s", f->rel, name);
}

/* ---- parsing what is written in it ---- */

/* dbt.ref("x"), dbt.source("a", "b") of a python model. */
static void scan_python(struct dbt *d, struct node *n)
{
    const char *end = n->raw.ptr + n->raw.len;
    for (const char *p = n->raw.ptr; p < end; p++) {
        bool ref = str_starts(p, "dbt.ref("), source = str_starts(p, "dbt.source(");
        if (!ref && !source) continue;
        const char *part[2] = {NULL, NULL};
        int count = 0;
        for (p = strchr(p, '(') + 1; p < end && *p != ')' && count < 2; p++) {
            if (*p != '"' && *p != '\'') continue;
            const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
            if (!close) return;
            part[count++] = arena_strndup(&d->arena, p + 1, (size_t)(close - p - 1));
            p = close;
        }
        if (ref && count) {
            mem_grow(&n->refs, &n->ref_cap, n->ref_count + 1, sizeof *n->refs);
            n->refs[n->ref_count++] = (struct node_ref){count == 2 ? part[0] : NULL, part[count - 1], {0}};
        } else if (source && count == 2) {
            mem_grow(&n->sources, &n->source_cap, n->source_count + 1, sizeof *n->sources);
            n->sources[n->source_count++] = (struct source_ref){part[0], part[1]};
        }
    }
}

/* The macros that are called at the top of the text: depends_on.macros. */
static enum err see_call(void *ctx, const struct jinja_seen_call *call, struct error *e)
{
    (void)e;
    struct context *c = ctx;
    if (call->macro.len) return ERR_OK;
    const char *dot = strchr(call->path, '.');
    struct macro *m = dot ? macro_in_package(c->d, arena_strndup(&c->d->arena, call->path, (size_t)(dot - call->path)),
                                             view_of(dot + 1))
                          : macro_find(c->d, c->package, view_of(call->path));
    if (m && !texts_has(&c->node->macros, m->unique_id)) texts_add(&c->node->macros, m->unique_id);
    return ERR_OK;
}

enum err node_parse(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf out = {0};
    struct context *c = d->parse;
    if (strcmp(n->language, "sql")) {
        scan_python(d, n);
        return ERR_OK;
    }
    if (!jinja_is_template(n->raw.ptr, n->raw.len)) return ERR_OK;
    context_move(c, PHASE_PARSE, n->package, n);
    TRY(jinja_template_parse(d->env, n->raw.ptr, n->raw.len, n->original_path, n->line, &n->tmpl, e));
    TRY(jinja_template_calls(d->env, n->tmpl, see_call, c, e));
    jinja_env_capture(d->env, true);
    rc = jinja_template_render(d->env, n->tmpl, &c->jinja, &out, e);
    jinja_env_capture(d->env, false);
done:
    buf_reset(&out);
    return rc;
}

/* ---- kinds of files ---- */

typedef enum err take_file(const struct folder *f, const char *name, const struct buf *text, struct error *e);

static enum err take_sql(const struct folder *f, const char *name, const struct buf *text, enum node_kind kind,
                         const char *path, struct error *e)
{
    struct dbt *d = f->d;
    struct node *n = node_new(d, kind, f->p, stem(d, name));
    set_file(d, n, f, name);
    if (path) n->path = path;
    make_fqn(d, n, n->path, false);
    n->raw = stripped(d, text, &n->line);
    digest_sha256(n->raw.ptr, n->raw.len, n->checksum);
    n->has_checksum = true;
    if (str_ends(name, ".py")) n->language = "python";
    if (strchr(n->name, ' ') && value_get_bool(d->flags, "REQUIRE_RESOURCE_NAMES_WITHOUT_SPACES", true)) {
        err_set(e, ERR_INPUT, "resource names cannot contain spaces: '%s'", n->name);
        return err_where(e, "%s", n->original_path);
    }
    d->found = n;
    return node_parse(d, n, e);
}

static void keep(struct dbt *d)
{
    mem_grow(&d->loose, &d->loose_cap, d->loose_count + 1, sizeof(*d->loose));
    d->loose[d->loose_count++] = d->found;
}

static enum err take_model(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    if (!str_ends(name, ".sql") && !str_ends(name, ".py")) return ERR_OK;
    enum err rc = take_sql(f, name, text, NODE_MODEL, NULL, e);
    if (rc == ERR_OK) keep(f->d);
    return rc;
}

static enum err take_test(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    if (!str_ends(name, ".sql") || str_starts(name, "generic/") || str_starts(name, "fixtures/")) return ERR_OK;
    enum err rc = take_sql(f, name, text, NODE_TEST, NULL, e);
    if (rc == ERR_OK) keep(f->d);
    return rc;
}

static enum err take_fixture(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    (void)e;
    if (!str_starts(name, "fixtures/") || (!str_ends(name, ".csv") && !str_ends(name, ".sql"))) return ERR_OK;
    struct view *v = arena_alloc(&f->d->arena, sizeof *v);
    *v = view_from(arena_strndup(&f->d->arena, text->ptr ? text->ptr : "", text->len), text->len);
    names_put(&f->d->fixtures, view_of(arena_printf(&f->d->arena, "%s.%s", f->p->name, stem(f->d, name))), v);
    return ERR_OK;
}

static enum err take_analysis(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    if (!str_ends(name, ".sql")) return ERR_OK;
    enum err rc = take_sql(f, name, text, NODE_ANALYSIS, arena_printf(&f->d->arena, "analysis/%s", name), e);
    if (rc == ERR_OK) keep(f->d);
    return rc;
}

static enum err take_seed(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    (void)e;
    struct dbt *d = f->d;
    if (!str_ends(name, ".csv")) return ERR_OK;
    struct node *n = node_new(d, NODE_SEED, f->p, stem(d, name));
    set_file(d, n, f, name);
    make_fqn(d, n, name, false);
    struct view v = view_trim(view_from(text->ptr ? text->ptr : "", text->len));
    digest_sha256(v.ptr, v.len, n->checksum);
    n->has_checksum = true;
    n->raw = view_of("");
    d->found = n;
    keep(d);
    return ERR_OK;
}

/* dbt 1.11's functions/: an error, or a project would seem whole without them. */
static enum err take_function(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    (void)text;
    err_set(e, ERR_UNSUPPORTED, "user-defined functions are not supported: make it a macro, or create it in an on-run-start hook");
    return err_where(e, "%s/%s", f->rel, name);
}

static enum err take_snapshot(const struct folder *f, const char *name, const struct buf *text, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = f->d;
    struct jinja_blocks blocks = {0};
    static const char *const kinds[] = {"snapshot", NULL};
    if (!str_ends(name, ".sql")) return ERR_OK;
    const char *shown = arena_printf(&d->arena, "%s/%s", f->rel, name);
    TRY(jinja_blocks_find(d->env, text->ptr ? text->ptr : "", text->len, shown, kinds, &blocks, e));
    for (size_t i = 0; i < blocks.count; i++) {
        const struct jinja_block *b = &blocks.block[i];
        struct node *n = node_new(d, NODE_SNAPSHOT, f->p, arena_strndup(&d->arena, b->name.ptr, b->name.len));
        set_file(d, n, f, name);
        make_fqn(d, n, name, true);
        n->raw = view_from(arena_strndup(&d->arena, b->contents.ptr, b->contents.len), b->contents.len);
        n->line = b->contents_line;
        struct view whole = view_trim(view_from(text->ptr, text->len));
        digest_sha256(whole.ptr, whole.len, n->checksum);
        n->has_checksum = true;
        d->found = n;
        TRY(node_parse(d, n, e));
        keep(d);
    }
done:
    jinja_blocks_reset(&blocks);
    return rc;
}

/* Each file below the folders, in order of names. */
static enum err walk(struct dbt *d, struct package *p, const struct texts *folders, take_file *take, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names files = {0};
    struct buf text = {0};
    for (size_t i = 0; i < folders->count; i++) {
        struct folder f = {d, p, folders->at[i]};
        const char *root = f.rel[0] == '/' ? f.rel : arena_printf(&d->arena, "%s/%s", p->root, f.rel);
        if (!io_is_dir(root)) continue;
        io_names_free(&files);
        files = (struct io_names){0};
        TRY(io_walk(root, &files, e));
        for (size_t k = 0; k < files.count; k++) {
            const char *name = files.name[k], *slash = strrchr(name, '/');
            if ((slash ? slash[1] : *name) == '.') continue;
            if (!str_ends(name, ".sql") && !str_ends(name, ".csv") && !str_ends(name, ".py")) continue;
            buf_clear(&text);
            TRY(io_read_file(arena_printf(&d->arena, "%s/%s", root, name), &text, e));
            TRY(take(&f, arena_strdup(&d->arena, name), &text, e));
        }
    }
done:
    buf_reset(&text);
    io_names_free(&files);
    return rc;
}

/* Of dbt_project.yml: what a hook's checksum is. */
static enum err project_sum(struct dbt *d, const struct package *p, char out[DIGEST_SHA256_SIZE], struct error *e)
{
    struct buf text = {0};
    enum err rc = io_read_file(arena_printf(&d->arena, "%s/dbt_project.yml", p->root), &text, e);
    struct view v = view_trim((struct view){text.ptr, text.len});
    if (rc == ERR_OK) digest_sha256(v.ptr, v.len, out);
    buf_reset(&text);
    return rc;
}

/* on-run-start, on-run-end */
static enum err load_hooks(struct dbt *d, struct package *p, struct error *e)
{
    enum err rc = ERR_OK;
    for (int end = 0; end < 2; end++) {
        const char *key = end ? "on-run-end" : "on-run-start";
        struct texts list = {0};
        char sum[DIGEST_SHA256_SIZE] = "";
        value_to_texts(d, package_section(p, key), &list);
        if (list.count && (rc = project_sum(d, p, sum, e)) != ERR_OK) {
            mem_free(list.at);
            return rc;
        }
        for (size_t i = 0; i < list.count; i++) {
            struct node *n = node_new(d, NODE_OPERATION, p, arena_printf(&d->arena, "%s-%s-%zu", p->name, key, i));
            n->path = arena_printf(&d->arena, "hooks/%s.sql", n->name);
            n->original_path = "./dbt_project.yml";
            texts_add(&n->fqn, p->name);
            texts_add(&n->fqn, "hooks");
            texts_add(&n->fqn, n->name);
            n->raw = view_of(list.at[i]);
            snprintf(n->checksum, sizeof n->checksum, "%s", sum);
            n->has_checksum = true;
            const struct yaml *y = yaml_get(p->doc, key);
            n->line = y ? y->line : 1;
            n->hook_index = i + 1;
            n->hook_at_end = end;
            jinja_list_add(d->env, n->tags, jinja_text(d->env, key));
            d->found = n;
            rc = node_parse(d, n, e);
            mem_free(rc == ERR_OK ? NULL : list.at);
            if (rc != ERR_OK) return rc;
            keep(d);
        }
        mem_free(list.at);
    }
    return rc;
}

enum err dbt_nodes_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < d->package_count; i++) {
        struct package *p = d->packages[i];
        if (p->builtin) continue;
        TRY(walk(d, p, &p->model_paths, take_model, e));
        TRY(walk(d, p, &p->snapshot_paths, take_snapshot, e));
        TRY(walk(d, p, &p->seed_paths, take_seed, e));
        TRY(walk(d, p, &p->analysis_paths, take_analysis, e));
        TRY(walk(d, p, &p->test_paths, take_test, e));
        TRY(walk(d, p, &p->test_paths, take_fixture, e));
        TRY(walk(d, p, &p->function_paths, take_function, e));
        TRY(load_hooks(d, p, e));
    }
done:
    return rc;
}
