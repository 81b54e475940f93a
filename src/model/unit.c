#include "model/unit.h"

#include "model/print.h"
#include "model/run.h"
#include "model/schema.h"
#include "model/seed.h"

#include "base/io.h"

#include <stdlib.h>

/* ---- reading ---- */

enum err schema_read_unit_test(struct dbt *d, struct schema_entry *x, struct error *e)
{
    enum err rc = ERR_OK;
    const char *model = value_get_text(x->value, "model", NULL);
    if (!model) return schema_wrong(x->f, x->raw, e, "unit test '%s' names no model", x->name);
    if (yaml_is_null(yaml_get(x->raw, "expect")))
        return schema_wrong(x->f, x->raw, e, "unit test '%s' has no expect", x->name);
    struct node *n = node_new(d, NODE_UNIT_TEST, x->f->package, x->name);
    n->unique_id = arena_printf(&d->arena, "unit_test.%s.%s.%s", x->f->package->name, model, x->name);
    n->path = x->f->path;
    n->original_path = x->f->file;
    n->line = x->raw->line;
    texts_add(&n->fqn, n->package->name);
    for (const char *p = x->f->path, *slash; (slash = strchr(p, '/')); p = slash + 1)
        texts_add(&n->fqn, arena_strndup(&d->arena, p, (size_t)(slash - p)));
    texts_add(&n->fqn, model);
    texts_add(&n->fqn, x->name);
    n->patch_config = jinja_dict_get(x->value, "config");
    TRY(config_build(d, n, e));
    n->tags = jinja_dict_get(n->config, "tags");
    n->meta = jinja_dict_get(n->config, "meta");
    TRY(schema_description(d, x->f, yaml_get(x->raw, "description"), n, &n->description, e));
    n->body = x->value;
    if (names_get(&d->scratch, n->unique_id))
        return schema_wrong(x->f, x->raw, e, "two unit tests of model '%s' are called '%s'", model, x->name);
    names_put(&d->scratch, view_of(n->unique_id), n);
    dbt_add_node(d, n);
done:
    return rc;
}

static enum err wrong(const struct node *n, struct error *e, const char *what)
{
    err_set(e, ERR_INPUT, "unit test '%s': %s", n->name, what);
    err_where(e, "%s:%u", n->original_path, n->line);
    return ERR_INPUT;
}

/* ---- rows ---- */

struct csv_rows {
    struct dbt *d;
    struct jinja_value names, rows;
    bool nulls; /* empty cells are null */
};

static enum err take_row(void *ctx, size_t row, const struct view *cell, size_t count, struct error *e)
{
    struct csv_rows *r = ctx;
    (void)e;
    if (!row) {
        for (size_t i = 0; i < count; i++) jinja_list_add(r->d->env, r->names, jinja_view(r->d->env, cell[i]));
        return ERR_OK;
    }
    struct jinja_value dict = jinja_dict(r->d->env);
    for (size_t i = 0; i < jinja_seq_count(r->names); i++) {
        bool none = i >= count || (r->nulls && !cell[i].len);
        jinja_dict_set(r->d->env, dict, value_text(jinja_seq_items(r->names)[i], ""),
                       none ? jinja_none() : jinja_view(r->d->env, cell[i]));
    }
    jinja_list_add(r->d->env, r->rows, dict);
    return ERR_OK;
}

static enum err rows_of_csv(struct dbt *d, struct view text, bool nulls, struct jinja_value *out, struct error *e)
{
    struct csv_rows r = {d, jinja_list(d->env), jinja_list(d->env), nulls};
    enum err rc = csv_read(text.ptr, text.len, ',', take_row, &r, e);
    *out = r.rows;
    return rc;
}

/* Dates that YAML made are texts again. */
static struct jinja_value plain_rows(struct dbt *d, struct jinja_value rows)
{
    struct jinja_value out = jinja_list(d->env), key, item;
    for (size_t i = 0; i < jinja_seq_count(rows); i++) {
        struct jinja_value row = jinja_dict(d->env);
        for (size_t at = 0; jinja_dict_next(jinja_seq_items(rows)[i], &at, &key, &item);) {
            if (item.type == JINJA_OBJECT) item = jinja_text(d->env, value_str(&d->arena, d->env, item));
            (void)!jinja_dict_put(d->env, row, key, item, NULL);
        }
        jinja_list_add(d->env, out, row);
    }
    return out;
}

/* The first row without a null comes first: it tells the types. */
static struct jinja_value promoted(struct dbt *d, struct jinja_value rows)
{
    struct jinja_value out = jinja_list(d->env), key, item;
    size_t n = jinja_seq_count(rows), full = n;
    for (size_t i = 0; i < n && full == n; i++) {
        bool none = false;
        for (size_t at = 0; jinja_dict_next(jinja_seq_items(rows)[i], &at, &key, &item);) none |= jinja_is_none(item);
        if (!none) full = i;
    }
    if (full == n || !full) return rows;
    for (size_t i = 0; i < n; i++)
        jinja_list_add(d->env, out, jinja_seq_items(rows)[i == 0 ? full : i == full ? 0 : i]);
    return out;
}

static enum err fixture_text(struct dbt *d, const struct node *n, const char *name, struct view *out, struct error *e)
{
    const struct view *v = names_get(&d->fixtures, arena_printf(&d->arena, "%s.%s", n->package->name, name));
    if (!v) {
        wrong(n, e, arena_printf(&d->arena, "there is no fixture '%s'", name));
        return err_hint(e, "fixtures are tests/fixtures/%s.csv or .sql", name);
    }
    *out = *v;
    return ERR_OK;
}

static enum err seed_rows(struct dbt *d, const struct node *seed, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    TRY(io_read_file(arena_printf(&d->arena, "%s/%s", seed->package->root, seed->original_path), &text, e));
    TRY(rows_of_csv(d, view_from(text.ptr ? text.ptr : "", text.len), false, out, e));
done:
    buf_reset(&text);
    return rc;
}

/* rows, fixture and format of a given or an expect: a list of dicts, or SQL. */
static enum err normalize(struct dbt *d, struct node *n, struct jinja_value part, const struct node *input,
                          struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value rows = jinja_dict_get(part, "rows"), made;
    const char *format = value_get_text(part, "format", "dict"), *fixture = value_get_text(part, "fixture", NULL);
    struct view text = jinja_string_view(rows);
    if (fixture) TRY(fixture_text(d, n, fixture, &text, e));
    if (!strcmp(format, "dict")) {
        if (value_is_null(rows) && input && input->kind == NODE_SEED) TRY(seed_rows(d, input, &rows, e));
        if (rows.type != JINJA_LIST) return wrong(n, e, "rows do not match format dict: a list of dicts is needed");
        made = promoted(d, plain_rows(d, rows));
    } else if (!strcmp(format, "csv")) {
        if (!text.ptr) return wrong(n, e, "rows or fixture do not match format csv: a text is needed");
        TRY(rows_of_csv(d, text, true, &made, e));
        made = promoted(d, made);
    } else if (!strcmp(format, "sql")) {
        if (!text.ptr) return wrong(n, e, "rows or fixture do not match format sql: a text is needed");
        made = jinja_view(d->env, text);
    } else
        return wrong(n, e, "format must be dict, csv or sql");
    jinja_dict_set(d->env, part, "rows", made);
    jinja_dict_set(d->env, part, "format", jinja_text(d->env, format));
    jinja_dict_set(d->env, part, "fixture", value_text_or_none(d->env, fixture));
done:
    return rc;
}

/* ---- linking ---- */

/* ref('a'), source('a', 'b'), this */
static enum err find_input(struct dbt *d, struct node *n, const char *text, struct node **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node probe = {.kind = NODE_UNIT_TEST, .unique_id = n->unique_id, .name = n->name, .package = n->package},
                *disabled;
    struct jinja_value ignored;
    struct view v = view_trim(view_of(text));
    *out = NULL;
    if (view_is(v, "this")) return *out = n->tested, ERR_OK;
    context_move(d->parse, PHASE_EXPOSURE, n->package, &probe);
    TRY(jinja_expression(d->env, text, strlen(text), n->original_path, n->line, &d->parse->jinja, &ignored, e));
    if (probe.ref_count)
        *out = dbt_find_ref(d, &probe.refs[0], n->package, &disabled);
    else if (probe.source_count)
        *out = dbt_find_source(d, &probe.sources[0], n->package, &disabled);
    if (!*out) rc = wrong(n, e, arena_printf(&d->arena, "the input (%s) was not found", text));
done:
    mem_free(probe.refs);
    mem_free(probe.sources);
    return rc;
}

static enum err check_incremental(struct node *n, struct error *e)
{
    struct jinja_value over =
        jinja_dict_get(jinja_dict_get(jinja_dict_get(n->body, "overrides"), "macros"), "is_incremental");
    struct jinja_value given = jinja_dict_get(n->body, "given");
    bool incremental = false, reads_this = false;
    for (size_t i = 0; i < n->tested->macros.count; i++)
        incremental |= !strcmp(n->tested->macros.at[i], "macro.dbt.is_incremental");
    if (!incremental) return ERR_OK;
    if (over.type != JINJA_BOOL)
        return wrong(
            n, e,
            "a boolean override for 'is_incremental' must be provided (overrides: {macros: {is_incremental: true}})");
    for (size_t i = 0; i < jinja_seq_count(given); i++)
        reads_this |= !strcmp(value_get_text(jinja_seq_items(given)[i], "input", ""), "this");
    return over.as.boolean && !reads_this ? wrong(n, e, "an incremental model's unit test must have a 'this' input")
                                          : ERR_OK;
}

static enum err link_inputs(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value given = jinja_dict_get(n->body, "given"), expect = jinja_dict_get(n->body, "expect");
    if (value_is_null(given)) jinja_dict_set(d->env, n->body, "given", given = jinja_list(d->env));
    for (size_t i = 0; i < jinja_seq_count(given); i++) {
        struct jinja_value part = jinja_seq_items(given)[i];
        struct node *input = NULL;
        const char *text = value_get_text(part, "input", NULL);
        if (!text) return wrong(n, e, "a given has no input");
        TRY(find_input(d, n, text, &input, e));
        TRY(normalize(d, n, part, input, e));
        mem_grow(&n->inputs, &n->input_cap, n->input_count + 1, sizeof(*n->inputs));
        n->inputs[n->input_count++] = input;
        if (input == n->tested) n->this_input = input;
    }
    TRY(normalize(d, n, expect, NULL, e));
    struct jinja_value rows = jinja_dict_get(expect, "rows");
    jinja_dict_set(d->env, n->config, "materialized", jinja_text(d->env, "unit"));
    jinja_dict_set(d->env, n->config, "expected_rows", jinja_is_string(rows) ? jinja_list(d->env) : rows);
    jinja_dict_set(d->env, n->config, "expected_sql", jinja_is_string(rows) ? rows : jinja_none());
    TRY(check_incremental(n, e));
done:
    return rc;
}

static void take_model(struct dbt *d, struct node *n, struct node *model)
{
    n->tested = model;
    n->schema = model->schema;
    n->database = model->database;
    n->alias = n->name;
    n->group = NULL;
    node_add_parent(n, model);
    (void)d;
}

/* One test per version of a versioned model, those that `versions` lets through. */
static bool wants_version(struct dbt *d, const struct node *n, const struct node *model)
{
    struct jinja_value versions = jinja_dict_get(n->body, "versions"), include = jinja_dict_get(versions, "include"),
                       exclude = jinja_dict_get(versions, "exclude");
    struct jinja_value list = value_is_null(exclude) ? include : exclude;
    bool in = false;
    if (value_is_null(list)) return true;
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        bool equal = false;
        if (jinja_equal(d->env, jinja_seq_items(list)[i], model->version, &equal, NULL) == ERR_OK) in |= equal;
    }
    return value_is_null(exclude) ? in : !in;
}

static enum err link_versions(struct dbt *d, struct node *n, const char *name, struct error *e)
{
    enum err rc = ERR_OK;
    bool first = true;
    const char *id = n->unique_id;
    size_t count = d->node_count;
    for (size_t i = 0; i < count; i++) {
        struct node *model = d->nodes[i];
        if (model->kind != NODE_MODEL || strcmp(model->name, name) || value_is_null(model->version) ||
            model->package != n->package || !wants_version(d, n, model))
            continue;
        struct node *own = n;
        if (!first) {
            own = arena_alloc(&d->arena, sizeof *own);
            *own = *n;
            own->parents = NULL;
            own->parent_count = own->parent_cap = own->input_count = own->input_cap = 0;
            own->inputs = NULL;
            own->body = value_clone(d->env, n->body);
            own->config = value_clone(d->env, n->config);
            own->fqn = (struct texts){0};
            for (size_t k = 0; k < n->fqn.count; k++) texts_add(&own->fqn, n->fqn.at[k]);
        }
        own->unique_id = arena_printf(&d->arena, "%s_v%s", id, value_str(&d->arena, d->env, model->version));
        own->version = model->version;
        take_model(d, own, model);
        if (!first) dbt_add_node(d, own);
        TRY(link_inputs(d, own, e));
        first = false;
    }
    if (first) rc = wrong(n, e, arena_printf(&d->arena, "it references a version of '%s' which was not found", name));
done:
    return rc;
}

enum err unit_tests_link(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    size_t count = d->node_count;
    for (size_t i = 0; i < count; i++) {
        struct node *n = d->nodes[i], *disabled = NULL;
        if (n->kind != NODE_UNIT_TEST || n->tested) continue;
        const char *text = value_get_text(n->body, "model", ""), *space = strchr(text, ' ');
        struct node_ref r = {.package = n->package->name,
                             .name = space ? arena_strndup(&d->arena, text, (size_t)(space - text)) : text};
        struct node *model = dbt_find_ref(d, &r, n->package, &disabled);
        if (!model && disabled) {
            n->enabled = false;
            continue;
        }
        if (!model) {
            wrong(n, e, arena_printf(&d->arena, "unable to find model '%s.%s'", n->package->name, r.name));
            const char **words = mem_array(d->node_count + 1, sizeof *words);
            size_t k = 0;
            for (size_t j = 0; j < d->node_count; j++)
                if (d->nodes[j]->kind == NODE_MODEL) words[k++] = d->nodes[j]->name;
            words[k] = NULL;
            const char *near = str_nearest(r.name, words);
            if (near) err_hint(e, "did you mean '%s'?", near);
            mem_free(words);
            return ERR_INPUT;
        }
        if (!value_is_null(model->version)) {
            TRY(link_versions(d, n, r.name, e));
            continue;
        }
        take_model(d, n, model);
        TRY(link_inputs(d, n, e));
    }
done:
    return rc;
}

bool unit_has_input(const struct node *test, const struct node *input)
{
    for (size_t i = 0; i < test->input_count; i++)
        if (test->inputs[i] == input) return true;
    return false;
}

/* ---- compiling ---- */

/* The fixture's SELECTs, rendered as the input would be. */
static enum err fixture_sql(struct context *c, struct node *n, size_t i, const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value part = jinja_seq_items(jinja_dict_get(n->body, "given"))[i], rows = jinja_dict_get(part, "rows"),
                       args[2], text;
    struct workbench w;
    struct buf b = {0};
    workbench_open(c->d, &w, PHASE_EXECUTE, n->inputs[i]);
    w.c.session = c->session;
    if (jinja_is_string(rows)) {
        TRY(context_render(&w.c, jinja_string_view(rows), n->original_path, n->line, &b, e));
    } else {
        TRY(jinja_copy(w.env, rows, &args[0], e));
        args[1] = jinja_none();
        TRY(context_call(&w.c, "get_fixture_sql", args, 2, NULL, 0, &text, e));
        TRY(jinja_str(w.env, text, &b, e));
    }
    pthread_mutex_lock(&c->d->lock);
    *out = arena_strndup(&c->d->arena, b.ptr ? b.ptr : "", b.len);
    pthread_mutex_unlock(&c->d->lock);
done:
    buf_reset(&b);
    w.c.session = NULL;
    workbench_close(&w);
    return rc;
}

static enum err carry(struct context *c, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    if (value_is_null(v)) return ERR_OK;
    return jinja_copy(c->env, v, out, e);
}

enum err unit_test_compile(struct context *c, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0}, whole = {0};
    struct node *model = n->tested;
    struct jinja_value overrides = jinja_dict_get(n->body, "overrides");
    n->language = model->language;
    c->package = model->package;
    TRY(carry(c, jinja_dict_get(overrides, "macros"), &c->overrides, e));
    TRY(carry(c, jinja_dict_get(overrides, "vars"), &c->unit_vars, e));
    TRY(carry(c, jinja_dict_get(overrides, "env_vars"), &c->unit_env, e));
    TRY(node_render(c, model, &text, e));
    for (size_t i = 0; i < c->cte_count; i++)
        for (size_t k = 0; k < n->input_count; k++) {
            if (n->inputs[k] != c->cte[i]) continue;
            const char *sql = NULL, *name = n->inputs[k]->alias;
            TRY(fixture_sql(c, n, k, &sql, e));
            pthread_mutex_lock(&c->d->lock);
            if (n->inputs[k]->kind == NODE_SOURCE)
                name = arena_printf(&c->d->arena, "%s__%s", n->inputs[k]->source_name, n->inputs[k]->name);
            mem_grow(&n->ctes, &n->cte_cap, n->cte_count + 1, sizeof *n->ctes);
            n->ctes[n->cte_count++] =
                (struct cte){n->inputs[k], arena_printf(&c->d->arena, " __dbt__cte__%s as (\n%s\n)", name, sql)};
            pthread_mutex_unlock(&c->d->lock);
            break;
        }
    inject_ctes(text.ptr ? text.ptr : "", n->ctes, n->cte_count, &whole);
    pthread_mutex_lock(&c->d->lock);
    n->compiled = arena_strndup(&c->d->arena, whole.ptr ? whole.ptr : "", whole.len);
    n->introspects = true;
    pthread_mutex_unlock(&c->d->lock);
done:
    buf_reset(&text);
    buf_reset(&whole);
    return rc;
}

/* ---- judging ---- */

struct side { /* the rows of actual or of expected, as texts, sorted */
    const char **row;
    size_t count;
};

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void gather(struct context *c, const struct table *t, const char *which, struct side *out)
{
    size_t mark = t->columns - 1;
    out->row = arena_alloc(c->arena, (t->rows + 1) * sizeof *out->row);
    out->count = 0;
    for (size_t i = 0; i < t->rows; i++) {
        struct buf b = {0};
        if (strcmp(value_text(t->cell[i * t->columns + mark], ""), which)) continue;
        for (size_t k = 0; k < mark; k++) {
            struct jinja_value v = t->cell[i * t->columns + k];
            buf_printf(&b, ",%s", jinja_is_none(v) ? "NULL" : value_str(c->arena, c->env, v));
        }
        out->row[out->count++] = arena_strdup(c->arena, b.ptr ? b.ptr : "");
        buf_reset(&b);
    }
    qsort(out->row, out->count, sizeof *out->row, by_text);
}

enum err unit_test_judge(struct context *c, const struct node *n, bool *differs, struct buf *report, struct error *e)
{
    struct jinja_value main = jinja_dict_get(c->results, "main");
    const struct table *t = table_of(jinja_dict_get(main, "table"));
    struct side actual, expected;
    size_t a = 0, x = 0;
    *differs = false;
    if (!t || !t->columns) return err_set(e, ERR_INPUT, "unit test '%s': the query gave no table", n->name);
    gather(c, t, "actual", &actual);
    gather(c, t, "expected", &expected);
    buf_printf(report, "\n\n%sactual%s differs from %sexpected%s:\n\n@@ ", paint(c->d, "green"), paint(c->d, ""),
               paint(c->d, "red"), paint(c->d, ""));
    for (size_t k = 0; k + 1 < t->columns; k++) buf_printf(report, ",%s", t->name[k]);
    buf_char(report, '\n');
    while (a < actual.count || x < expected.count) {
        int order = a >= actual.count ? 1 : x >= expected.count ? -1 : strcmp(actual.row[a], expected.row[x]);
        if (!order)
            buf_printf(report, "   %s\n", actual.row[a]), a++, x++;
        else if (order < 0)
            buf_printf(report, "%s+++%s%s\n", paint(c->d, "green"), actual.row[a++], paint(c->d, "")), *differs = true;
        else
            buf_printf(report, "%s---%s%s\n", paint(c->d, "red"), expected.row[x++], paint(c->d, "")), *differs = true;
    }
    buf_char(report, '\n');
    return ERR_OK;
}
