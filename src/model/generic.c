/* Generic tests: entries of data_tests become nodes, named as dbt names them. */
#include "model/schema.h"

#include "model/generic.h"
#include "model/print.h"

#include <ctype.h>
#include <stdlib.h>

static const char *const CONFIG_ARGS[] = {"severity", "tags",     "enabled",   "where",          "limit",
                                          "warn_if",  "error_if", "fail_calc", "store_failures", "store_failures_as",
                                          "meta",     "database", "schema",    "alias",          NULL};

struct builder {
    struct dbt *d;
    const struct pending_test *t;
    struct schema_file f;
    const char *name, *space; /* test and namespace */
    struct jinja_value args;  /* for the macro, with model */
    struct jinja_value config;
    const char *description, *fqn_name, *short_name;
};

static enum err wrong(struct builder *b, struct error *e, const char *what)
{
    err_set(e, ERR_INPUT, "invalid test of %s: %s", b->t->target_name, what);
    err_where(e, "%s:%u", b->t->shown, b->t->line);
    return ERR_INPUT;
}

/* {unique: {…}} or {test_name: unique, …}; `arguments` are folded in. */
static enum err split(struct builder *b, struct error *e)
{
    struct dbt *d = b->d;
    struct jinja_value test = b->t->test, name = jinja_dict_get(test, "test_name"), args, key, item;
    if (!jinja_is_absent(name)) {
        args = value_clone(d->env, test);
        jinja_dict_remove(args, "test_name");
    } else {
        size_t at = 0;
        if (jinja_dict_count(test) != 1) return wrong(b, e, "a test must have exactly one key, its name");
        jinja_dict_next(test, &at, &name, &args);
        if (jinja_is_none(args)) args = jinja_dict(d->env);
        if (args.type != JINJA_DICT) return wrong(b, e, "the arguments of a test must be a dict");
        args = value_clone(d->env, args);
    }
    if (!jinja_is_string(name)) return wrong(b, e, "the name of a test must be a text");
    const char *full = value_text(name, ""), *dot = strchr(full, '.');
    b->space = dot ? arena_strndup(&d->arena, full, (size_t)(dot - full)) : NULL;
    b->name = dot ? dot + 1 : full;
    if (b->t->column) jinja_dict_set(d->env, args, "column_name", jinja_text(d->env, b->t->column));
    if (value_get_bool(d->flags, "REQUIRE_GENERIC_TEST_ARGUMENTS_PROPERTY", true)) {
        struct jinja_value nested = jinja_dict_get(args, "arguments");
        jinja_dict_remove(args, "arguments");
        for (size_t at = 0; jinja_dict_next(nested, &at, &key, &item);)
            if (jinja_is_string(key)) jinja_dict_set(d->env, args, value_text(key, ""), item);
    }
    if (!jinja_is_absent(jinja_dict_get(args, "model")))
        return wrong(b, e, "test arguments include \"model\", which is a reserved argument");
    b->args = args;
    return ERR_OK;
}

static enum err rendered(struct builder *b, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    *out = v;
    if (!jinja_is_string(v)) return ERR_OK;
    context_move(b->d->parse, PHASE_YAML, b->t->package, NULL);
    return context_value(b->d->parse, jinja_string_view(v), b->t->shown, b->t->line, out, e);
}

static enum err take_config(struct builder *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = b->d;
    struct jinja_value nested = jinja_dict_get(b->args, "config"), key, item, v;
    nested = nested.type == JINJA_DICT ? value_clone(d->env, nested) : jinja_dict(d->env);
    b->config = jinja_dict(d->env);
    for (const char *const *p = CONFIG_ARGS; *p; p++) {
        v = jinja_dict_get(b->args, *p);
        if (value_truth(v) && !jinja_is_absent(jinja_dict_get(nested, *p)))
            return wrong(b, e, "the same key is given in config and beside it");
        if (!value_truth(v)) v = jinja_dict_get(nested, *p);
        jinja_dict_remove(b->args, *p);
        jinja_dict_remove(nested, *p);
        if (jinja_is_absent(v)) continue;
        TRY(rendered(b, v, &v, e));
        if (!jinja_is_none(v)) jinja_dict_set(d->env, b->config, *p, v);
    }
    for (size_t at = 0; jinja_dict_next(nested, &at, &key, &item);) {
        TRY(rendered(b, item, &v, e));
        if (!jinja_is_none(v)) jinja_dict_set(d->env, b->config, value_text(key, ""), v);
    }
    jinja_dict_remove(b->args, "config");
    v = jinja_dict_get(b->args, "description");
    b->description = value_text(v, "");
    jinja_dict_remove(b->args, "description");
done:
    return rc;
}

/* [^0-9a-zA-Z_]+ → _ */
static void clean(const char *s, struct buf *out)
{
    bool gap = false;
    for (; *s; s++) {
        bool good = isalnum((unsigned char)*s) || *s == '_';
        if (good)
            buf_char(out, *s);
        else if (!gap)
            buf_char(out, '_');
        gap = !good;
    }
}

static void add_parts(struct builder *b, struct jinja_value v, struct buf *out, bool *first)
{
    struct jinja_value key, item;
    if (v.type == JINJA_DICT)
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);) {
            buf_str(out, *first ? "" : "__");
            clean(value_str(&b->d->arena, b->d->env, item), out);
            *first = false;
        }
    else if (v.type == JINJA_LIST || v.type == JINJA_TUPLE)
        for (size_t i = 0; i < jinja_seq_count(v); i++) {
            buf_str(out, *first ? "" : "__");
            clean(value_str(&b->d->arena, b->d->env, jinja_seq_items(v)[i]), out);
            *first = false;
        }
    else {
        buf_str(out, *first ? "" : "__");
        clean(value_str(&b->d->arena, b->d->env, v), out);
        *first = false;
    }
}

static int by_key(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* type_target_arg1__arg2; from 64 characters on: the first 30 of type_target and an md5. */
static void name_test(struct builder *b)
{
    struct dbt *d = b->d;
    const char *keys[128];
    size_t n = 0;
    struct jinja_value key, item;
    struct buf all = {0};
    bool first = true, source = b->t->target && b->t->target->kind == NODE_SOURCE;
    for (size_t at = 0; jinja_dict_next(b->args, &at, &key, &item) && n < 128;)
        if (strcmp(value_text(key, ""), "model")) keys[n++] = value_text(key, "");
    qsort(keys, n, sizeof *keys, by_key);
    const char *target =
        source ? arena_printf(&d->arena, "%s_%s", b->t->target->source_name, b->t->target->name) : b->t->target_name;
    if (!value_is_null(b->t->version))
        target = arena_printf(&d->arena, "%s_v%s", target, value_str(&d->arena, d->env, b->t->version));
    const char *type = arena_printf(&d->arena, "%s%s%s%s", b->space ? b->space : "", b->space ? "_" : "",
                                    source ? "source_" : "", b->name);
    const char *identifier = arena_printf(&d->arena, "%s_%s", type, target);
    buf_printf(&all, "%s_", identifier);
    for (size_t i = 0; i < n; i++) add_parts(b, jinja_dict_get(b->args, keys[i]), &all, &first);
    b->fqn_name = b->short_name = arena_strndup(&d->arena, all.ptr, all.len);
    size_t characters = 0;
    for (const char *p = b->fqn_name; *p; p++) characters += (*p & 0xC0) != 0x80;
    if (characters >= 64) {
        char hex[DIGEST_MD5_SIZE];
        b->short_name = arena_printf(&d->arena, "%.30s_%s", identifier, digest_md5(all.ptr, all.len, hex));
        if (jinja_is_absent(jinja_dict_get(b->config, "alias")))
            jinja_dict_set(d->env, b->config, "alias", jinja_text(d->env, b->short_name));
    }
    buf_reset(&all);
}

static const char *model_text(struct builder *b)
{
    const struct pending_test *t = b->t;
    if (t->target && t->target->kind == NODE_SOURCE)
        return arena_printf(&b->d->arena, "{{ get_where_subquery(source('%s', '%s')) }}", t->target->source_name,
                            t->target->name);
    if (!value_is_null(t->version))
        return arena_printf(&b->d->arena, "{{ get_where_subquery(ref('%s', version='%s')) }}", t->target_name,
                            value_str(&b->d->arena, b->d->env, t->version));
    return arena_printf(&b->d->arena, "{{ get_where_subquery(ref('%s')) }}", t->target_name);
}

/* Dicts sorted by key, leaves as texts: what dbt hashes. */
static struct jinja_value hashable(struct builder *b, struct jinja_value v)
{
    struct dbt *d = b->d;
    if (v.type == JINJA_DICT) {
        const char *keys[128];
        size_t n = 0;
        struct jinja_value key, item, out = jinja_dict(d->env);
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item) && n < 128;)
            keys[n++] = value_str(&d->arena, d->env, key);
        qsort(keys, n, sizeof *keys, by_key);
        for (size_t i = 0; i < n; i++) jinja_dict_set(d->env, out, keys[i], hashable(b, jinja_dict_get(v, keys[i])));
        return out;
    }
    if (v.type == JINJA_LIST) {
        struct jinja_value out = jinja_list(d->env);
        for (size_t i = 0; i < jinja_seq_count(v); i++) jinja_list_add(d->env, out, hashable(b, jinja_seq_items(v)[i]));
        return out;
    }
    return jinja_text(d->env, value_str(&d->arena, d->env, v));
}

static enum err hash_of(struct builder *b, const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = b->d;
    struct buf text = {0};
    char hex[DIGEST_MD5_SIZE];
    struct jinja_value meta = jinja_dict(d->env);
    jinja_dict_set(d->env, meta, "namespace", b->space ? jinja_text(d->env, b->space) : jinja_none());
    jinja_dict_set(d->env, meta, "name", jinja_text(d->env, b->name));
    jinja_dict_set(d->env, meta, "kwargs", b->args);
    buf_str(&text, b->fqn_name);
    TRY(jinja_repr(d->env, hashable(b, meta), &text, e));
    *out = arena_strdup(&d->arena, digest_md5(text.ptr, text.len, hex) + 22);
done:
    buf_reset(&text);
    return rc;
}

/* config(where="a > 1",limit=5) */
static enum err config_text(struct builder *b, const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    struct jinja_value key, item;
    for (size_t at = 0; jinja_dict_next(b->config, &at, &key, &item);) {
        buf_printf(&text, "%s%s=", text.len ? "," : "", value_text(key, ""));
        if (jinja_is_string(item)) {
            buf_char(&text, '"');
            for (const char *p = value_text(item, ""); *p; p++) {
                if (*p == '"') buf_char(&text, '\\');
                buf_char(&text, *p);
            }
            buf_char(&text, '"');
        } else
            TRY(jinja_str(b->d->env, item, &text, e));
    }
    *out = text.len ? arena_printf(&b->d->arena, "{{ config(%s) }}", text.ptr) : "";
done:
    buf_reset(&text);
    return rc;
}

/* ---- arguments ---- */

static bool looks_like_call(const char *s)
{
    static const char *const names[] = {"env_var", "ref", "var", "source", "doc", NULL};
    s += strspn(s, " \t\n\r\f\v");
    for (const char *const *p = names; *p; p++) {
        size_t n = strlen(*p);
        if (strncmp(s, *p, n)) continue;
        const char *q = s + n + strspn(s + n, " \t\n\r\f\v"), *end = s + strlen(s);
        while (end > q && isspace((unsigned char)end[-1])) end--;
        if (*q == '(' && end > q + 2 && end[-1] == ')' && !memchr(q, '\n', (size_t)(end - q))) return true;
    }
    return false;
}

static enum err render_arg(struct context *c, struct jinja_value v, const struct node *n, bool column_name,
                           struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value key, item, made;
    if (v.type == JINJA_DICT) {
        *out = jinja_dict(c->env);
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);) {
            struct jinja_value name;
            TRY(render_arg(c, item, n, false, &made, e));
            if (jinja_is_string(key))
                name = jinja_view(c->env, jinja_string_view(key));
            else
                TRY(jinja_copy(c->env, key, &name, e));
            TRY(jinja_dict_put(c->env, *out, name, made, e));
        }
    } else if (v.type == JINJA_LIST) {
        *out = jinja_list(c->env);
        for (size_t i = 0; i < jinja_seq_count(v); i++) {
            TRY(render_arg(c, jinja_seq_items(v)[i], n, false, &made, e));
            jinja_list_add(c->env, *out, made);
        }
    } else if (jinja_is_string(v)) {
        struct view text = jinja_string_view(v);
        if (column_name) {
            struct buf b = {0};
            rc = context_render(c, text, n->original_path, n->line, &b, e);
            if (rc == ERR_OK) *out = jinja_string(c->env, b.ptr ? b.ptr : "", b.len);
            buf_reset(&b);
        } else if (looks_like_call(text.ptr)) {
            const char *wrapped = arena_printf(c->arena, "{{ %s }}", text.ptr);
            rc = context_value(c, view_of(wrapped), n->original_path, n->line, out, e);
        } else
            rc = context_value(c, text, n->original_path, n->line, out, e);
    } else if (c->env != c->d->env)
        rc = jinja_copy(c->env, v, out, e);
    else
        *out = v;
done:
    return rc;
}

enum err generic_arguments(struct context *c, const struct node *n, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value key, item, made;
    *out = jinja_dict(c->env);
    for (size_t at = 0; jinja_dict_next(n->test_args, &at, &key, &item);) {
        const char *name = value_text(key, "");
        TRY(render_arg(c, item, n, !strcmp(name, "column_name"), &made, e));
        jinja_dict_set(c->env, *out, name, made);
    }
done:
    return rc;
}

/* ---- nodes ---- */

static enum err parse_body(struct builder *b, struct node *n, const struct macro *m, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = b->d;
    struct context *c = d->parse;
    struct jinja_value kwargs;
    struct buf out = {0};
    context_move(c, PHASE_PARSE, n->package, n);
    jinja_env_capture(d->env, true);
    TRY(generic_arguments(c, n, &kwargs, e));
    if (!m->package->builtin) { /* its body may say config() and ref() */
        c->extra = jinja_dict(d->env);
        jinja_dict_set(d->env, c->extra, "_dbt_generic_test_kwargs", kwargs);
        TRY(jinja_template_parse(d->env, n->raw.ptr, n->raw.len, n->original_path, n->line, &n->tmpl, e));
        TRY(jinja_template_render(d->env, n->tmpl, &c->jinja, &out, e));
    }
done:
    jinja_env_capture(d->env, false);
    buf_reset(&out);
    return rc;
}

static struct macro *find_macro(struct builder *b, const char *full)
{
    if (b->space) return macro_in_package(b->d, b->space, view_of(full));
    return macro_find(b->d, b->t->package, view_of(full));
}

static enum err no_macro(struct builder *b, const char *full, struct error *e)
{
    const char **words = mem_array(b->d->macro_count + 1, sizeof *words);
    size_t n = 0;
    for (size_t i = 0; i < b->d->macro_count; i++)
        if (b->d->macros[i]->is_test) words[n++] = b->d->macros[i]->name + 5;
    words[n] = NULL;
    const char *near = str_nearest(b->name, words);
    err_set(e, ERR_INPUT, "test '%s%s%s' of %s is undefined: there is no macro %s", b->space ? b->space : "",
            b->space ? "." : "", b->name, b->t->target_name, full);
    err_where(e, "%s:%u", b->t->shown, b->t->line);
    if (near && !b->space)
        err_hint(e, "did you mean '%s'?", near);
    else if (b->space && !names_get(&b->d->package_by_name, b->space))
        err_hint(e, "the package '%s' is not installed", b->space);
    mem_free(words);
    return ERR_INPUT;
}

static enum err make(struct dbt *d, const struct pending_test *t, struct error *e)
{
    enum err rc = ERR_OK;
    struct builder b = {.d = d, .t = t};
    const char *hash = NULL, *config = NULL;
    TRY(split(&b, e));
    jinja_dict_set(d->env, b.args, "model", jinja_text(d->env, model_text(&b)));
    TRY(take_config(&b, e));
    struct jinja_value own = jinja_dict_get(b.args, "name");
    if (!value_is_null(own)) {
        b.fqn_name = b.short_name = value_str(&d->arena, d->env, own);
        jinja_dict_remove(b.args, "name");
    } else
        name_test(&b);
    const char *full = arena_printf(&d->arena, "test_%s", b.name);
    const struct macro *m = find_macro(&b, full);
    if (!m) return no_macro(&b, full, e);
    TRY(hash_of(&b, &hash, e));
    TRY(config_text(&b, &config, e));
    struct node *n = node_new(d, NODE_TEST, t->package, b.fqn_name);
    n->unique_id = arena_printf(&d->arena, "test.%s.%s.%s", t->package->name, b.fqn_name, hash);
    n->path = arena_printf(&d->arena, "%s.sql", b.short_name);
    n->original_path = t->file;
    n->line = t->line;
    const char *rest = strchr(t->file, '/');
    schema_fqn(d, n, rest ? rest + 1 : t->file);
    n->raw = view_of(arena_printf(&d->arena, "{{ %s%s%s(**_dbt_generic_test_kwargs) }}%s", b.space ? b.space : "",
                                  b.space ? "." : "", full, config));
    n->test_args = b.args;
    n->test_name = b.name;
    n->test_namespace = b.space;
    n->column_name = t->column;
    n->description = b.description;
    n->file_key_name =
        arena_printf(&d->arena, "%s.%s", t->yaml_key,
                     t->target && t->target->kind == NODE_SOURCE ? t->target->source_name : t->target_name);
    n->attached = t->target && t->target->kind != NODE_SOURCE ? t->target : NULL;
    texts_add(&n->macros, m->unique_id);
    config_merge_call(d->env, n->config_call, b.config);
    for (size_t i = 0; i < t->tags.count; i++)
        if (!value_list_has(n->tags, t->tags.at[i])) jinja_list_add(d->env, n->tags, jinja_text(d->env, t->tags.at[i]));
    TRY(parse_body(&b, n, m, e));
    TRY(config_build(d, n, e));
    struct jinja_value tags = jinja_dict_get(n->config, "tags");
    for (size_t i = 0; i < jinja_seq_count(tags); i++)
        if (!value_list_has(n->tags, value_text(jinja_seq_items(tags)[i], "")))
            jinja_list_add(d->env, n->tags, jinja_seq_items(tags)[i]);
    n->meta = jinja_dict_get(n->config, "meta");
    if (n->attached) n->group = n->attached->group;
    TRY(node_name_relation(d, n, e));
    struct node *old = names_get(&d->scratch, n->unique_id);
    if (old) {
        rc = err_set(e, ERR_INPUT, "two tests with the same name and arguments on %s: \"%s\"", t->target_name, n->name);
        err_where(e, "%s:%u", t->shown, t->line);
        err_hint(e, "the other one is at %s:%u; give one of them a name:", old->original_path, old->line);
        goto done;
    }
    names_put(&d->scratch, view_of(n->unique_id), n);
    dbt_add_node(d, n);
done:
    return rc;
}

enum err tests_make(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < d->test_count; i++) {
        rc = make(d, &d->tests[i], e);
        if (rc == ERR_OK) continue;
        if (e && !*e->where) err_where(e, "%s:%u", d->tests[i].shown, d->tests[i].line);
        break;
    }
    return rc;
}
