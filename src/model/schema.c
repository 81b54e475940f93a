#include "model/schema.h"

#include "base/io.h"
#include "model/print.h"

enum err schema_wrong(const struct schema_file *f, const struct yaml *at, struct error *e, const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(e, ERR_INPUT, "%s", text);
    if (at)
        err_where(e, "%s:%u:%u", f->shown, at->line, at->column);
    else
        err_where(e, "%s", f->shown);
    return ERR_INPUT;
}

/* ---- what is not rendered with the rest ---- */

static bool is_any(const char *s, const char *const *words)
{
    for (; s && *words; words++)
        if (!strcmp(s, *words)) return true;
    return false;
}

static const char *const LATE[] = {"tests", "data_tests", "description", "loaded_at_query", NULL};
static const char *const HOOKS[] = {"pre_hook", "post_hook", "pre-hook", "post-hook", "loaded_at_query", NULL};

static bool late(const struct yaml_path *p, size_t from)
{
    size_t n = yaml_path_length(p);
    if (n <= from) return false;
    n -= from;
    const char *a = yaml_path_at(p, from), *b = yaml_path_at(p, from + 1), *c = yaml_path_at(p, from + 2);
    if (is_any(a, LATE)) return true;
    if (n == 2 && is_any(b, LATE)) return true;
    if (a && !strcmp(a, "config") && is_any(b, HOOKS)) return true;
    if (n == 5 && yaml_path_at(p, from + 4) && !strcmp(yaml_path_at(p, from + 4), "description")) return true;
    if (a && !strcmp(a, "versions"))
        return is_any(c, LATE) || (c && !strcmp(c, "columns")) ||
               (c && !strcmp(c, "config") && is_any(yaml_path_at(p, from + 3), HOOKS));
    return is_any(a, (const char *const[]){"columns", "dimensions", "measures", "entities", NULL}) && is_any(c, LATE);
}

/* ctx: the section's key. */
static bool skip(void *ctx, const struct yaml_path *path)
{
    const char *key = ctx, *first = yaml_path_at(path, 0);
    size_t n = yaml_path_length(path);
    if (!strcmp(key, "sources")) {
        if (is_any(first, (const char *const[]){"description", "loaded_at_query", NULL})) return true;
        if (first && !strcmp(first, "config") && is_any(yaml_path_at(path, 1), HOOKS)) return true;
        return first && !strcmp(first, "tables") && late(path, 2);
    }
    if (!strcmp(key, "macros")) return first && !strcmp(first, "arguments") ? late(path, 1) : late(path, 0);
    if (!strcmp(key, "metrics"))
        for (size_t i = 0; i < n; i++)
            if (yaml_path_at(path, i) && !strcmp(yaml_path_at(path, i), "filter")) return true;
    if (!strcmp(key, "saved_queries") && first && !strcmp(first, "query_params")) return true;
    if (!strcmp(key, "unit_tests")) return is_any(first, (const char *const[]){"description", NULL});
    return late(path, 0);
}

/* ---- parts of entries ---- */

struct jinja_value schema_config(struct dbt *d, struct jinja_value entry)
{
    static const char *const moved[] = {"meta", "docs", "group", "contract", "access", NULL};
    struct jinja_value config = jinja_dict_get(entry, "config");
    config = config.type == JINJA_DICT ? value_clone(d->env, config) : jinja_dict(d->env);
    for (const char *const *p = moved; *p; p++) {
        struct jinja_value v = jinja_dict_get(entry, *p);
        if (!jinja_is_absent(v) && jinja_is_absent(jinja_dict_get(config, *p))) jinja_dict_set(d->env, config, *p, v);
    }
    return config;
}

enum err schema_description(struct dbt *d, const struct schema_file *f, const struct yaml *y, struct node *n,
                            const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    if (!y || y->kind == YAML_NULL) return *out = "", ERR_OK;
    if (y->kind >= YAML_SEQ) return schema_wrong(f, y, e, "a description must be a text");
    *out = arena_strdup(&d->arena, y->text.ptr);
    if (!jinja_is_template(y->text.ptr, y->text.len)) return ERR_OK;
    context_move(d->parse, PHASE_DOCS, f->package, n);
    TRY(context_render(d->parse, y->text, f->shown, y->line, &b, e));
    *out = arena_strdup(&d->arena, b.ptr ? b.ptr : "");
done:
    buf_reset(&b);
    return rc;
}

static struct jinja_value or_default(struct jinja_value v, struct jinja_value otherwise)
{
    return value_is_null(v) ? otherwise : v;
}

static struct jinja_value as_list(struct jinja_env *env, struct jinja_value v)
{
    if (v.type == JINJA_LIST) return v;
    struct jinja_value list = jinja_list(env);
    if (!value_is_null(v)) jinja_list_add(env, list, v);
    return list;
}

enum err schema_columns(struct dbt *d, const struct schema_file *f, const struct yaml *columns,
                        struct jinja_value value, struct node *n, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_env *env = d->env;
    *out = jinja_dict(env);
    if (yaml_is_null(columns)) return ERR_OK;
    if (columns->kind != YAML_SEQ) return schema_wrong(f, columns, e, "columns must be a list");
    for (size_t i = 0; i < columns->count && i < jinja_seq_count(value); i++) {
        const struct yaml *y = columns->item[i];
        struct jinja_value in = jinja_seq_items(value)[i], c = jinja_dict(env), config = jinja_dict(env),
                           own = jinja_dict_get(in, "config");
        const char *description,
            *name = value_str(&d->arena, env, or_default(jinja_dict_get(in, "name"), jinja_none()));
        if (y->kind != YAML_MAP) return schema_wrong(f, y, e, "a column must be a dict with a name");
        if (!jinja_is_absent(jinja_dict_get(in, "include"))) continue; /* versions */
        if (value_is_null(jinja_dict_get(in, "name"))) return schema_wrong(f, y, e, "a column has no name");
        size_t before = n ? n->doc_blocks.count : 0, blocks = before;
        TRY(schema_description(d, f, yaml_get(y, "description"), n, &description, e));
        struct jinja_value meta =
            or_default(jinja_dict_get(in, "meta"), or_default(jinja_dict_get(own, "meta"), jinja_dict(env)));
        struct jinja_value tags = as_list(env, or_default(jinja_dict_get(in, "tags"), jinja_dict_get(own, "tags")));
        jinja_dict_set(env, c, "name", jinja_text(env, name));
        jinja_dict_set(env, c, "description", jinja_text(env, description));
        jinja_dict_set(env, c, "meta", meta);
        jinja_dict_set(env, c, "data_type", or_default(jinja_dict_get(in, "data_type"), jinja_none()));
        jinja_dict_set(env, c, "constraints", or_default(jinja_dict_get(in, "constraints"), jinja_list(env)));
        jinja_dict_set(env, c, "quote", or_default(jinja_dict_get(in, "quote"), jinja_none()));
        if (own.type == JINJA_DICT) value_update(env, config, own);
        jinja_dict_set(env, config, "meta", meta);
        jinja_dict_set(env, config, "tags", tags);
        jinja_dict_set(env, c, "config", config);
        jinja_dict_set(env, c, "tags", tags);
        jinja_dict_set(env, c, "granularity", or_default(jinja_dict_get(in, "granularity"), jinja_none()));
        struct jinja_value used = jinja_list(env);
        for (; n && blocks < n->doc_blocks.count; blocks++)
            jinja_list_add(env, used, jinja_text(env, n->doc_blocks.at[blocks]));
        if (n) n->doc_blocks.count = before;
        jinja_dict_set(env, c, "doc_blocks", used);
        jinja_dict_set(env, *out, name, c);
    }
done:
    return rc;
}

static const struct yaml *tests_of(const struct yaml *entry)
{
    const struct yaml *y = yaml_get(entry, "data_tests");
    return y ? y : yaml_get(entry, "tests");
}

static enum err note_list(struct dbt *d, const struct schema_entry *x, const struct yaml *list, struct node *target,
                          struct jinja_value version, const char *column, struct jinja_value tags, struct error *e)
{
    enum err rc = ERR_OK;
    if (yaml_is_null(list)) return ERR_OK;
    if (list->kind != YAML_SEQ) return schema_wrong(x->f, list, e, "data_tests must be a list");
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml *y = list->item[i];
        struct pending_test t = {.target = target,
                                 .target_name = x->name,
                                 .yaml_key = x->key,
                                 .file = x->f->file,
                                 .path = x->f->path,
                                 .shown = x->f->shown,
                                 .package = x->f->package,
                                 .version = version,
                                 .column = column,
                                 .line = y->line};
        if (y->kind == YAML_STR) {
            t.test = jinja_dict(d->env);
            jinja_dict_set(d->env, t.test, y->text.ptr, jinja_dict(d->env));
        } else if (y->kind == YAML_MAP)
            TRY(yaml_value(d->env, y, &t.test, e));
        else
            return schema_wrong(x->f, y, e, "a test must be a name or a dict");
        value_to_texts(d, tags, &t.tags);
        mem_grow(&d->tests, &d->test_cap, d->test_count + 1, sizeof *d->tests);
        d->tests[d->test_count++] = t;
    }
done:
    return rc;
}

enum err schema_note_tests(struct dbt *d, const struct schema_entry *x, const struct yaml *entry,
                           struct jinja_value value, struct node *target, struct jinja_value version,
                           struct jinja_value tags, struct error *e)
{
    enum err rc = ERR_OK;
    const struct yaml *columns = yaml_get(entry, "columns");
    struct jinja_value list = jinja_dict_get(value, "columns");
    if (yaml_get(entry, "data_tests") && yaml_get(entry, "tests"))
        return schema_wrong(x->f, entry, e, "invalid entry %s: cannot have both 'tests' and 'data_tests' defined",
                            x->name);
    for (size_t i = 0; columns && columns->kind == YAML_SEQ && i < columns->count && i < jinja_seq_count(list); i++) {
        const struct yaml *y = columns->item[i];
        struct jinja_value c = jinja_seq_items(list)[i], all = jinja_list(d->env);
        const char *name = value_str(&d->arena, d->env, jinja_dict_get(c, "name"));
        if (y->kind != YAML_MAP || yaml_is_null(tests_of(y))) continue;
        struct jinja_value quote = jinja_dict_get(c, "quote");
        bool quoted = value_is_null(quote) ? value_get_bool(jinja_dict_get(value, "quoting"), "column",
                                                            value_get_bool(value, "quote_columns", false))
                                           : value_truth(quote);
        if (quoted) name = arena_printf(&d->arena, "\"%s\"", name);
        struct jinja_value parts[3] = {tags, jinja_dict_get(c, "tags"),
                                       jinja_dict_get(jinja_dict_get(c, "config"), "tags")};
        for (size_t k = 0; k < 3; k++) {
            struct jinja_value part = as_list(d->env, parts[k]);
            for (size_t j = 0; j < jinja_seq_count(part); j++) jinja_list_add(d->env, all, jinja_seq_items(part)[j]);
        }
        TRY(note_list(d, x, tests_of(y), target, version, name, all, e));
    }
    TRY(note_list(d, x, tests_of(entry), target, version, NULL, tags, e));
done:
    return rc;
}

/* ---- sections ---- */

static enum err read_patch(struct dbt *d, struct schema_entry *x, struct error *e)
{
    const char *key = arena_printf(&d->arena, "%s.%s.%s", x->key, x->f->package->name, x->name);
    const struct schema_entry *old = names_get(&d->patches, key);
    if (old) {
        schema_wrong(x->f, x->raw, e, "two entries for '%s' in the '%s' sections: %s:%u and %s:%u", x->name, x->key,
                     old->f->shown, old->raw->line, x->f->shown, x->raw->line);
        return err_hint(e, "remove one of them");
    }
    struct schema_entry *kept = arena_alloc(&d->arena, sizeof *kept);
    *kept = *x;
    names_put(&d->patches, view_of(key), kept);
    mem_grow(&d->entries, &d->entry_cap, d->entry_count + 1, sizeof(*d->entries));
    d->entries[d->entry_count++] = kept;
    return ERR_OK;
}

/* A snapshot that is written in YAML only. */
static enum err read_snapshot(struct dbt *d, struct schema_entry *x, struct error *e)
{
    const char *relation = value_get_text(x->value, "relation", NULL);
    if (relation) {
        struct node *n = node_new(d, NODE_SNAPSHOT, x->f->package, x->name);
        n->path = arena_printf(&d->arena, "%s/%s.sql", x->f->path, x->name);
        n->original_path = x->f->file;
        n->line = x->raw->line;
        schema_fqn(d, n, x->f->path);
        n->raw = view_of(arena_printf(&d->arena, "select * from {{ %s }}", relation));
        digest_sha256(n->raw.ptr, n->raw.len, n->checksum);
        n->has_checksum = true;
        enum err rc = node_parse(d, n, e);
        if (rc != ERR_OK) return rc;
        mem_grow(&d->loose, &d->loose_cap, d->loose_count + 1, sizeof(*d->loose));
        d->loose[d->loose_count++] = n;
    }
    return read_patch(d, x, e);
}

static enum err read_macro(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    struct macro *m = names_get(&x->f->package->macros, x->name);
    const char *description;
    if (!m) {
        TRY(say_warning(d, "MacroNotFoundForPatch", "I059", e,
                        "Found patch for macro \"%s\" which was not found (%s:%u)", x->name, x->f->shown,
                        x->raw->line));
        return ERR_OK;
    }
    TRY(schema_description(d, x->f, yaml_get(x->raw, "description"), NULL, &description, e));
    jinja_dict_set(d->env, x->value, "description", jinja_text(d->env, description));
    m->patch = x->value;
    m->patch_path = arena_printf(&d->arena, "%s://%s", x->f->package->name, x->f->file);
done:
    return rc;
}

void schema_fqn(struct dbt *d, struct node *n, const char *path)
{
    texts_add(&n->fqn, n->package->name);
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
        texts_add(&n->fqn, arena_strndup(&d->arena, path, (size_t)(slash - path)));
    texts_add(&n->fqn, n->name);
}

enum err schema_depends(struct dbt *d, const struct schema_file *f, struct node *n, struct jinja_value list,
                        unsigned line, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value ignored;
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct view text = jinja_string_view(jinja_seq_items(list)[i]);
        context_move(d->parse, PHASE_EXPOSURE, f->package, n);
        TRY(jinja_expression(d->env, text.ptr ? text.ptr : "", text.len, f->shown, line, &d->parse->jinja, &ignored,
                             e));
    }
done:
    return rc;
}

static const struct {
    const char *key;
    schema_reader *read;
} SECTIONS[] = {{"models", read_patch},
                {"seeds", read_patch},
                {"snapshots", read_snapshot},
                {"sources", schema_read_source},
                {"macros", read_macro},
                {"data_tests", read_patch},
                {"analyses", read_patch},
                {"exposures", schema_read_exposure},
                {"metrics", schema_read_metric},
                {"groups", schema_read_group},
                {"semantic_models", schema_read_semantic_model},
                {"unit_tests", schema_read_unit_test},
                {"saved_queries", schema_read_saved_query},
                {NULL, NULL}};

static enum err read_section(struct dbt *d, const struct schema_file *f, const char *key, schema_reader *read,
                             const struct yaml *list, struct error *e)
{
    enum err rc = ERR_OK;
    if (yaml_is_null(list)) return ERR_OK;
    if (list->kind != YAML_SEQ) return schema_wrong(f, list, e, "%s must be a list", key);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml *y = list->item[i], *name = yaml_get(y, "name");
        if (y->kind != YAML_MAP) return schema_wrong(f, y, e, "an entry of %s must be a dict with a name", key);
        if (yaml_is_null(name) || name->kind >= YAML_SEQ)
            return schema_wrong(f, y, e, "an entry of %s has no name", key);
        struct schema_entry x = {.f = f, .key = key, .raw = y};
        context_move(d->parse, PHASE_YAML, f->package, NULL);
        TRY(context_yaml(d->parse, y, f->shown, skip, (void *)(uintptr_t)key, &x.value, e));
        x.name = value_str(&d->arena, d->env, jinja_dict_get(x.value, "name"));
        TRY(read(d, &x, e));
    }
done:
    return rc;
}

static enum err read_file(struct dbt *d, struct package *p, const char *folder, const char *name,
                          const struct buf *text, struct error *e)
{
    enum err rc = ERR_OK;
    const struct yaml *doc = NULL;
    struct schema_file *f = arena_alloc(&d->arena, sizeof *f);
    f->package = p;
    f->path = arena_strdup(&d->arena, name);
    f->file = arena_printf(&d->arena, "%s/%s", folder, name);
    f->shown = p->is_root ? f->file : arena_printf(&d->arena, "%s/%s", p->rel, f->file);
    TRY(yaml_parse(&d->arena, text->ptr ? text->ptr : "", text->len, f->shown, &doc, e));
    if (!doc) return ERR_OK;
    if (doc->kind != YAML_MAP) return schema_wrong(f, doc, e, "the contents are not a dictionary");
    const struct yaml *version = yaml_get(doc, "version");
    if (version && (version->kind != YAML_INT || version->integer != 2) &&
        !(version->kind == YAML_STR && view_is(version->text, "2")))
        return schema_wrong(f, version, e, "'version' must be 2 in property files, or left out");
    for (size_t i = 0; SECTIONS[i].key; i++)
        TRY(read_section(d, f, SECTIONS[i].key, SECTIONS[i].read, yaml_get(doc, SECTIONS[i].key), e));
done:
    return rc;
}

static enum err read_folder(struct dbt *d, struct package *p, const char *folder, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names files = {0};
    struct buf text = {0};
    const char *root = folder[0] == '/' ? folder : arena_printf(&d->arena, "%s/%s", p->root, folder);
    if (!io_is_dir(root)) return ERR_OK;
    TRY(io_walk(root, &files, e));
    for (size_t i = 0; i < files.count; i++) {
        if (!str_ends(files.name[i], ".yml") && !str_ends(files.name[i], ".yaml")) continue;
        buf_clear(&text);
        TRY(io_read_file(arena_printf(&d->arena, "%s/%s", root, files.name[i]), &text, e));
        TRY(read_file(d, p, folder, files.name[i], &text, e));
    }
done:
    buf_reset(&text);
    io_names_free(&files);
    return rc;
}

enum err dbt_schemas_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < d->package_count; i++) {
        struct package *p = d->packages[i];
        struct texts done_already = {0};
        const struct texts *all[] = {&p->model_paths,    &p->seed_paths,  &p->snapshot_paths,
                                     &p->analysis_paths, &p->macro_paths, &p->test_paths};
        if (p->builtin) continue;
        for (size_t k = 0; k < sizeof all / sizeof *all && rc == ERR_OK; k++)
            for (size_t j = 0; j < all[k]->count && rc == ERR_OK; j++) {
                if (texts_has(&done_already, all[k]->at[j])) continue;
                texts_add(&done_already, all[k]->at[j]);
                rc = read_folder(d, p, all[k]->at[j], e);
            }
        mem_free(done_already.at);
        if (rc != ERR_OK) break;
    }
    return rc;
}

/* ---- docs blocks ---- */

static enum err read_docs(struct dbt *d, struct package *p, const char *folder, const char *name,
                          const struct buf *text, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_blocks blocks = {0};
    struct buf b = {0};
    static const char *const kinds[] = {"docs", NULL};
    const char *file = arena_printf(&d->arena, "%s/%s", folder, name);
    TRY(jinja_blocks_find(d->env, text->ptr ? text->ptr : "", text->len, file, kinds, &blocks, e));
    for (size_t i = 0; i < blocks.count; i++) {
        struct document *doc = arena_zalloc(&d->arena, sizeof *doc);
        doc->name = arena_strndup(&d->arena, blocks.block[i].name.ptr, blocks.block[i].name.len);
        doc->unique_id = arena_printf(&d->arena, "doc.%s.%s", p->name, doc->name);
        doc->package = p;
        doc->path = arena_strdup(&d->arena, name);
        doc->original_path = file;
        buf_clear(&b);
        context_move(d->parse, PHASE_PROFILE, p, NULL);
        struct view contents = blocks.block[i].contents;
        TRY(context_render(d->parse, view_from(arena_strndup(&d->arena, contents.ptr, contents.len), contents.len),
                           file, blocks.block[i].contents_line, &b, e));
        struct view v = view_trim(view_from(b.ptr ? b.ptr : "", b.len));
        doc->contents = arena_strndup(&d->arena, v.ptr, v.len);
        const char *key = arena_printf(&d->arena, "%s.%s", p->name, doc->name);
        const struct document *old = names_get(&d->doc_by_name, key);
        if (old) {
            rc = err_set(e, ERR_INPUT, "two docs blocks with the name \"%s\": %s and %s", doc->name, old->original_path,
                         file);
            err_where(e, "%s:%u", file, blocks.block[i].line);
            goto done;
        }
        names_put(&d->doc_by_name, view_of(key), doc);
        mem_grow(&d->docs, &d->doc_cap, d->doc_count + 1, sizeof(*d->docs));
        d->docs[d->doc_count++] = doc;
    }
done:
    buf_reset(&b);
    jinja_blocks_reset(&blocks);
    return rc;
}

enum err dbt_docs_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names files = {0};
    struct buf text = {0};
    for (size_t i = 0; i < d->package_count; i++) {
        struct package *p = d->packages[i];
        for (size_t k = 0; k < p->docs_paths.count; k++) {
            const char *folder = p->docs_paths.at[k],
                       *root = folder[0] == '/' ? folder : arena_printf(&d->arena, "%s/%s", p->root, folder);
            if (!io_is_dir(root)) continue;
            io_names_free(&files);
            files = (struct io_names){0};
            TRY(io_walk(root, &files, e));
            for (size_t j = 0; j < files.count; j++) {
                if (!str_ends(files.name[j], ".md")) continue;
                buf_clear(&text);
                TRY(io_read_file(arena_printf(&d->arena, "%s/%s", root, files.name[j]), &text, e));
                TRY(read_docs(d, p, folder, files.name[j], &text, e));
            }
        }
    }
done:
    buf_reset(&text);
    io_names_free(&files);
    return rc;
}
