/* agate's Table, Row, Column, as far as templates use them. Values have the Python types that dbt gives them: decimals
 * are Decimal, doubles too (of their shortest form), dates are dates, nested values JSON texts. */
#include "model/objects.h"

#include <stdlib.h>

static const struct jinja_class TABLE_CLASS, ROW_CLASS, COLUMN_CLASS, ROWS_CLASS, COLUMNS_CLASS;

struct line { /* a row, or a column, of a table */
    const struct table *t;
    size_t index;
};

struct table *table_of(struct jinja_value v) { return jinja_object_data(v, &TABLE_CLASS); }

struct table *table_new(struct context *c, size_t columns, size_t rows)
{
    struct table *t = arena_zalloc(c->arena, sizeof *t);
    t->c = c;
    t->columns = columns;
    t->rows = rows;
    t->name = arena_zalloc(c->arena, (columns + 1) * sizeof *t->name);
    t->type = arena_zalloc(c->arena, (columns + 1) * sizeof *t->type);
    t->cell = arena_zalloc(c->arena, (columns * rows + 1) * sizeof *t->cell);
    for (size_t i = 0; i < columns; i++) t->type[i] = "Integer";
    return t;
}

struct jinja_value table_value(struct context *c, struct table *t) { return jinja_object(c->env, &TABLE_CLASS, t); }

static struct jinja_value cell(const struct table *t, size_t row, size_t column)
{
    return t->cell[row * t->columns + column];
}

/* ---- from DuckDB ---- */

static struct jinja_value decimal_of_double(struct jinja_env *env, double d)
{
    struct buf b = {0};
    (void)!jinja_repr(env, jinja_float(d), &b, NULL);
    struct jinja_value v = jinja_decimal(env, view_from(b.ptr, b.len));
    buf_reset(&b);
    return v;
}

static struct jinja_value value_of_cell(struct context *c, struct sql_result *r, size_t column, size_t row)
{
    struct jinja_env *env = c->env;
    if (sql_is_null(r, column, row)) return jinja_none();
    switch (sql_column_kind(r, column)) {
    case SQL_BOOL: return jinja_bool(sql_get_bool(r, column, row));
    case SQL_INT: return jinja_int(sql_get_i64(r, column, row));
    case SQL_HUGE: {
        struct view v = sql_get_text(r, column, row);
        int64_t i;
        char text[48];
        snprintf(text, sizeof text, "%.*s", (int)v.len, v.ptr);
        return str_i64(text, &i) ? jinja_int(i) : jinja_decimal(env, v);
    }
    case SQL_DECIMAL: return jinja_decimal(env, sql_get_text(r, column, row));
    case SQL_DOUBLE: return decimal_of_double(env, sql_get_double(r, column, row));
    case SQL_DATE: return jinja_date(env, sql_get_i64(r, column, row));
    case SQL_TIMESTAMP:
        return jinja_datetime(env, sql_get_i64(r, column, row),
                              strstr(sql_column_type(r, column), "TIME ZONE") != NULL);
    case SQL_NESTED: {
        struct buf b = {0};
        struct jinja_value v, out;
        sql_add_json(r, column, row, &b);
        /* as json.dumps spaces it */
        if (jinja_json_read(env, b.ptr, b.len, &v, NULL) == ERR_OK) {
            buf_clear(&b);
            (void)!jinja_json_write(env, v, -1, false, &b, NULL);
        }
        out = jinja_string(env, b.ptr ? b.ptr : "", b.len);
        buf_reset(&b);
        return out;
    }
    default: return jinja_view(env, sql_get_text(r, column, row));
    }
}

static const char *agate_type(enum sql_kind k)
{
    switch (k) {
    case SQL_BOOL: return "Boolean";
    case SQL_INT:
    case SQL_HUGE: return "Integer";
    case SQL_DECIMAL:
    case SQL_DOUBLE: return "Number";
    case SQL_DATE: return "Date";
    case SQL_TIMESTAMP: return "DateTime";
    default: return "Text";
    }
}

/* DuckDB's names may repeat; agate makes them a, a_2, a_3. */
static void name_columns(struct context *c, struct table *t, const struct sql_result *r)
{
    for (size_t i = 0; i < t->columns; i++) {
        const char *name = arena_strdup(c->arena, sql_column_name(r, i)), *base = name;
        for (size_t k = 0, n = 2; k < i; k++)
            if (!strcmp(t->name[k], name)) name = arena_printf(c->arena, "%s_%zu", base, n++), k = (size_t)-1;
        t->name[i] = name;
    }
}

enum err table_of_result(struct context *c, struct sql_result *r, struct table **out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t rows = 0, at = 0;
    size_t columns = r ? sql_result_columns(r) : 0;
    size_t total = columns && sql_result_rows(r) > 0 ? (size_t)sql_result_rows(r) : 0;
    struct table *t = table_new(c, columns, total);
    if (r) name_columns(c, t, r);
    for (size_t i = 0; i < columns; i++) t->type[i] = total ? agate_type(sql_column_kind(r, i)) : "Integer";
    while (columns && at < total) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows && at < total; i++, at++)
            for (size_t k = 0; k < columns; k++) t->cell[at * columns + k] = value_of_cell(c, r, k, i);
    }
    t->rows = at;
    for (size_t k = 0; k < columns; k++) { /* a column of nulls is one of integers */
        bool any = false;
        for (size_t i = 0; i < at && !any; i++) any = !jinja_is_none(cell(t, i, k));
        if (!any) t->type[k] = "Integer";
    }
    *out = t;
done:
    return rc;
}

/* ---- parts ---- */

static struct jinja_value line_value(const struct table *t, const struct jinja_class *cls, size_t index)
{
    struct line *l = arena_alloc(t->c->arena, sizeof *l);
    *l = (struct line){t, index};
    return jinja_object(t->c->env, cls, l);
}

static struct jinja_value names_tuple(const struct table *t)
{
    struct jinja_value list = jinja_list(t->c->env);
    for (size_t i = 0; i < t->columns; i++) jinja_list_add(t->c->env, list, jinja_text(t->c->env, t->name[i]));
    return jinja_tuple(t->c->env, jinja_seq_items(list), t->columns);
}

static struct jinja_value row_tuple(const struct table *t, size_t row)
{
    return jinja_tuple(t->c->env, t->cell + row * t->columns, t->columns);
}

static struct jinja_value column_tuple(const struct table *t, size_t column)
{
    struct jinja_value list = jinja_list(t->c->env);
    for (size_t i = 0; i < t->rows; i++) jinja_list_add(t->c->env, list, cell(t, i, column));
    return jinja_tuple(t->c->env, jinja_seq_items(list), t->rows);
}

struct jinja_value table_matrix(struct context *c, const struct table *t)
{
    struct jinja_value list = jinja_list(c->env);
    for (size_t i = 0; i < t->rows; i++) jinja_list_add(c->env, list, row_tuple(t, i));
    return list;
}

static bool column_index(const struct table *t, struct jinja_value key, size_t *out)
{
    if (key.type == JINJA_INT) {
        int64_t i = key.as.integer < 0 ? key.as.integer + (int64_t)t->columns : key.as.integer;
        *out = (size_t)i;
        return i >= 0 && (size_t)i < t->columns;
    }
    if (!jinja_is_string(key)) return false;
    for (size_t i = 0; i < t->columns; i++)
        if (view_is(jinja_string_view(key), t->name[i])) return *out = i, true;
    return false;
}

static bool row_index(const struct table *t, struct jinja_value key, size_t *out)
{
    if (key.type != JINJA_INT) return false;
    int64_t i = key.as.integer < 0 ? key.as.integer + (int64_t)t->rows : key.as.integer;
    *out = (size_t)i;
    return i >= 0 && (size_t)i < t->rows;
}

static bool is_any(struct view name, const char *const *words)
{
    for (; *words; words++)
        if (view_is(name, *words)) return true;
    return false;
}

/* ---- rows ---- */

static const struct line *line_of(struct jinja_value v, const struct jinja_class *cls)
{
    return jinja_object_data(v, cls);
}

static enum err row_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                         struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &ROW_CLASS);
    size_t i;
    if (column_index(l->t, key, &i)) *out = cell(l->t, l->index, i);
    return ERR_OK;
}

static bool row_has(struct jinja_value self, struct view name)
{
    (void)self;
    return is_any(name, (const char *const[]){"values", "keys", "items", "get", "dict", NULL});
}

static enum err row_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    const struct line *l = line_of(c->self, &ROW_CLASS);
    struct view name = view_of(c->name);
    if (view_is(name, "values"))
        *out = row_tuple(l->t, l->index);
    else if (view_is(name, "keys"))
        *out = names_tuple(l->t);
    else if (view_is(name, "dict")) {
        *out = jinja_dict_ordered(c->env);
        for (size_t i = 0; i < l->t->columns; i++) jinja_dict_set(c->env, *out, l->t->name[i], cell(l->t, l->index, i));
    } else if (view_is(name, "items")) {
        *out = jinja_list(c->env);
        for (size_t i = 0; i < l->t->columns; i++) {
            struct jinja_value pair[2] = {jinja_text(c->env, l->t->name[i]), cell(l->t, l->index, i)};
            jinja_list_add(c->env, *out, jinja_tuple(c->env, pair, 2));
        }
    } else if (view_is(name, "get")) {
        struct jinja_value slot[2];
        TRY(jinja_args(c, "key default?", slot, e));
        size_t i;
        *out = column_index(l->t, slot[0], &i) ? cell(l->t, l->index, i)
               : jinja_is_absent(slot[1])      ? jinja_none()
                                               : slot[1];
    }
done:
    return rc;
}

static enum err row_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out,
                         struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &ROW_CLASS);
    *out = *at < l->t->columns ? cell(l->t, l->index, (*at)++) : (struct jinja_value){0};
    return ERR_OK;
}

static enum err row_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = line_of(self, &ROW_CLASS)->t->columns, ERR_OK;
}

static enum err row_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    const struct line *l = line_of(self, &ROW_CLASS);
    buf_str(out, "<agate.Row: ");
    enum err rc = jinja_repr(env, row_tuple(l->t, l->index), out, e);
    buf_char(out, '>');
    return rc;
}

static enum err row_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out,
                          struct error *e)
{
    const struct line *l = line_of(self, &ROW_CLASS), *m = line_of(other, &ROW_CLASS);
    return jinja_equal(env, row_tuple(l->t, l->index), m ? row_tuple(m->t, m->index) : other, out, e);
}

static uint64_t line_hash(struct jinja_value self)
{
    (void)self;
    return 7;
}

static const struct jinja_class ROW_CLASS = {.name = "Row",
                                             .flags = JINJA_CLASS_SEQUENCE,
                                             .get_item = row_item,
                                             .has_method = row_has,
                                             .method = row_method,
                                             .next = row_next,
                                             .length = row_length,
                                             .to_repr = row_repr,
                                             .equal = row_equal,
                                             .hash = line_hash};

/* ---- columns ---- */

static enum err column_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                            struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &COLUMN_CLASS);
    size_t i;
    if (row_index(l->t, key, &i)) *out = cell(l->t, i, l->index);
    return ERR_OK;
}

static enum err column_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                            struct error *e)
{
    (void)e;
    const struct line *l = line_of(self, &COLUMN_CLASS);
    if (view_is(name, "name"))
        *out = jinja_text(env, l->t->name[l->index]);
    else if (view_is(name, "index"))
        *out = jinja_int((int64_t)l->index);
    else if (view_is(name, "data_type"))
        *out = jinja_text(env, l->t->type[l->index]);
    return ERR_OK;
}

static bool column_has(struct jinja_value self, struct view name)
{
    (void)self;
    return is_any(name, (const char *const[]){"values", "values_distinct", "values_without_nulls", "values_sorted",
                                              "values_without_nulls_sorted", NULL});
}

static enum err column_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    const struct line *l = line_of(c->self, &COLUMN_CLASS);
    struct view name = view_of(c->name);
    struct jinja_value list = jinja_list(c->env), set = jinja_set(c->env);
    bool nulls = view_is(name, "values") || view_is(name, "values_sorted") || view_is(name, "values_distinct");
    for (size_t i = 0; i < l->t->rows; i++) {
        struct jinja_value v = cell(l->t, i, l->index);
        if (!nulls && jinja_is_none(v)) continue;
        if (view_is(name, "values_distinct")) {
            size_t before = jinja_dict_count(set);
            TRY(jinja_set_add(c->env, set, v, e));
            if (jinja_dict_count(set) == before) continue;
        }
        jinja_list_add(c->env, list, v);
    }
    if (str_ends(c->name, "sorted")) {
        struct jinja_value sorted;
        TRY(jinja_invoke_method(c->env, list, "sort", NULL, 0, NULL, 0, &sorted, e));
    }
    *out = jinja_tuple(c->env, jinja_seq_items(list), jinja_seq_count(list));
done:
    return rc;
}

static enum err column_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out,
                            struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &COLUMN_CLASS);
    *out = *at < l->t->rows ? cell(l->t, (*at)++, l->index) : (struct jinja_value){0};
    return ERR_OK;
}

static enum err column_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = line_of(self, &COLUMN_CLASS)->t->rows, ERR_OK;
}

static enum err column_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    const struct line *l = line_of(self, &COLUMN_CLASS);
    buf_str(out, "<agate.Column: ");
    enum err rc = jinja_repr(env, column_tuple(l->t, l->index), out, e);
    buf_char(out, '>');
    return rc;
}

static const struct jinja_class COLUMN_CLASS = {.name = "Column",
                                                .flags = JINJA_CLASS_SEQUENCE,
                                                .get_item = column_item,
                                                .get_attr = column_attr,
                                                .has_method = column_has,
                                                .method = column_method,
                                                .next = column_next,
                                                .length = column_length,
                                                .to_repr = column_repr};

/* ---- table.rows, table.columns ---- */

static enum err rows_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                          struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &ROWS_CLASS);
    size_t i;
    if (row_index(l->t, key, &i)) *out = line_value(l->t, &ROW_CLASS, i);
    return ERR_OK;
}

static enum err rows_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out,
                          struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &ROWS_CLASS);
    if (*at < l->t->rows) *out = line_value(l->t, &ROW_CLASS, (*at)++);
    return ERR_OK;
}

static enum err rows_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = line_of(self, &ROWS_CLASS)->t->rows, ERR_OK;
}

static bool mapped_has(struct jinja_value self, struct view name)
{
    (void)self;
    return is_any(name, (const char *const[]){"values", "keys", "items", "get", NULL});
}

static enum err mapped_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    const struct line *rows = line_of(c->self, &ROWS_CLASS), *l = rows ? rows : line_of(c->self, &COLUMNS_CLASS);
    struct view name = view_of(c->name);
    const struct jinja_class *cls = rows ? &ROW_CLASS : &COLUMN_CLASS;
    size_t n = rows ? l->t->rows : l->t->columns, at;
    struct jinja_value list = jinja_list(c->env), slot[2];
    if (view_is(name, "get")) {
        TRY(jinja_args(c, "key default?", slot, e));
        bool found = rows ? row_index(l->t, slot[0], &at) : column_index(l->t, slot[0], &at);
        *out = found ? line_value(l->t, cls, at) : jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
        goto done;
    }
    if (view_is(name, "keys")) {
        *out = rows ? jinja_none() : names_tuple(l->t);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        struct jinja_value v = line_value(l->t, cls, i);
        if (view_is(name, "items")) {
            struct jinja_value pair[2] = {rows ? jinja_int((int64_t)i) : jinja_text(c->env, l->t->name[i]), v};
            v = jinja_tuple(c->env, pair, 2);
        }
        jinja_list_add(c->env, list, v);
    }
    *out = jinja_tuple(c->env, jinja_seq_items(list), n);
done:
    return rc;
}

static const struct jinja_class ROWS_CLASS = {.name = "MappedSequence",
                                              .flags = JINJA_CLASS_SEQUENCE,
                                              .get_item = rows_item,
                                              .next = rows_next,
                                              .length = rows_length,
                                              .has_method = mapped_has,
                                              .method = mapped_method};

static enum err columns_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                             struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &COLUMNS_CLASS);
    size_t i;
    if (column_index(l->t, key, &i)) *out = line_value(l->t, &COLUMN_CLASS, i);
    return ERR_OK;
}

static enum err columns_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out,
                             struct error *e)
{
    (void)env, (void)e;
    const struct line *l = line_of(self, &COLUMNS_CLASS);
    if (*at < l->t->columns) *out = line_value(l->t, &COLUMN_CLASS, (*at)++);
    return ERR_OK;
}

static enum err columns_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = line_of(self, &COLUMNS_CLASS)->t->columns, ERR_OK;
}

static const struct jinja_class COLUMNS_CLASS = {.name = "MappedSequence",
                                                 .flags = JINJA_CLASS_SEQUENCE,
                                                 .get_item = columns_item,
                                                 .next = columns_next,
                                                 .length = columns_length,
                                                 .has_method = mapped_has,
                                                 .method = mapped_method};

/* ---- the table ---- */

static enum err table_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                           struct error *e)
{
    (void)e;
    struct table *t = table_of(self);
    if (view_is(name, "rows"))
        *out = line_value(t, &ROWS_CLASS, 0);
    else if (view_is(name, "columns"))
        *out = line_value(t, &COLUMNS_CLASS, 0);
    else if (view_is(name, "column_names"))
        *out = names_tuple(t);
    else if (view_is(name, "column_types")) {
        struct jinja_value list = jinja_list(env);
        for (size_t i = 0; i < t->columns; i++) jinja_list_add(env, list, jinja_text(env, t->type[i]));
        *out = jinja_tuple(env, jinja_seq_items(list), t->columns);
    } else if (view_is(name, "original_abspath"))
        *out = value_text_or_none(env, t->path);
    else if (view_is(name, "row_names"))
        *out = jinja_none();
    return ERR_OK;
}

static enum err table_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key,
                           struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    const struct table *t = table_of(self);
    size_t i;
    if (row_index(t, key, &i)) *out = line_value(t, &ROW_CLASS, i);
    return ERR_OK;
}

static enum err table_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out,
                           struct error *e)
{
    (void)env, (void)e;
    const struct table *t = table_of(self);
    if (*at < t->rows) *out = line_value(t, &ROW_CLASS, (*at)++);
    return ERR_OK;
}

static enum err table_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = table_of(self)->rows, ERR_OK;
}

static bool table_has(struct jinja_value self, struct view name)
{
    (void)self;
    return is_any(name, (const char *const[]){"print_table", "print_csv", "print_json", "select", "exclude", "rename",
                                              "limit", "order_by", "group_by", "where", "distinct", "join", "merge",
                                              "aggregate", "compute", "to_csv", "to_json", NULL});
}

/* The table with these columns, in this order. */
static struct jinja_value picked(const struct table *t, const size_t *pick, size_t count, size_t from, size_t rows)
{
    struct table *out = table_new(t->c, count, rows);
    for (size_t k = 0; k < count; k++) {
        out->name[k] = t->name[pick[k]];
        out->type[k] = t->type[pick[k]];
        for (size_t i = 0; i < rows; i++) out->cell[i * count + k] = cell(t, from + i, pick[k]);
    }
    return table_value(t->c, out);
}

static enum err table_pick(const struct jinja_call *c, const struct table *t, bool keep, struct jinja_value *out,
                           struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1], list;
    size_t *pick = mem_array(t->columns + 1, sizeof *pick), count = 0, cap = t->columns + 1, at;
    TRY(jinja_args(c, "key", slot, e));
    if (jinja_is_string(slot[0])) {
        list = jinja_list(c->env);
        jinja_list_add(c->env, list, slot[0]);
    } else
        TRY(jinja_items(c->env, slot[0], &list, e));
    if (keep)
        for (size_t i = 0; i < jinja_seq_count(list); i++) {
            if (!column_index(t, jinja_seq_items(list)[i], &at)) {
                rc = err_set(e, ERR_INPUT, "the table has no column '%s'",
                             value_str(t->c->arena, c->env, jinja_seq_items(list)[i]));
                goto done;
            }
            mem_grow(&pick, &cap, count + 1, sizeof *pick);
            pick[count++] = at;
        }
    for (size_t i = 0; !keep && i < t->columns; i++)
        if (!value_list_has(list, t->name[i])) pick[count++] = i;
    *out = picked(t, pick, count, 0, t->rows);
done:
    mem_free(pick);
    return rc;
}

static enum err table_rename(const struct jinja_call *c, const struct table *t, struct jinja_value *out,
                             struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    struct table *copy;
    size_t *all = mem_array(t->columns + 1, sizeof *all);
    TRY(jinja_args(c, "column_names? **more", slot, e));
    for (size_t i = 0; i < t->columns; i++) all[i] = i;
    *out = picked(t, all, t->columns, 0, t->rows);
    copy = table_of(*out);
    for (size_t i = 0; i < t->columns; i++) {
        struct jinja_value v = slot[0].type == JINJA_DICT     ? jinja_dict_get(slot[0], t->name[i])
                               : i < jinja_seq_count(slot[0]) ? jinja_seq_items(slot[0])[i]
                                                              : (struct jinja_value){0};
        if (!value_is_null(v)) copy->name[i] = value_str(t->c->arena, c->env, v);
    }
done:
    mem_free(all);
    return rc;
}

static int64_t clamp(struct jinja_value v, int64_t otherwise, int64_t most)
{
    int64_t i = v.type == JINJA_INT ? v.as.integer : otherwise;
    return i < 0 ? 0 : i > most ? most : i;
}

static enum err table_limit(const struct jinja_call *c, const struct table *t, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[3];
    size_t *all = mem_array(t->columns + 1, sizeof *all);
    TRY(jinja_args(c, "start_or_stop? stop? step?", slot, e));
    for (size_t i = 0; i < t->columns; i++) all[i] = i;
    int64_t n = (int64_t)t->rows;
    int64_t from = value_is_null(slot[1]) ? 0 : clamp(slot[0], 0, n),
            to = value_is_null(slot[1]) ? clamp(slot[0], n, n) : clamp(slot[1], n, n);
    *out = picked(t, all, t->columns, (size_t)from, to > from ? (size_t)(to - from) : 0);
done:
    mem_free(all);
    return rc;
}

static enum err table_order(const struct jinja_call *c, const struct table *t, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    size_t key, n = t->rows, *row = mem_array(n + 1, sizeof *row);
    struct table *sorted = table_new(t->c, t->columns, n);
    TRY(jinja_args(c, "key reverse?", slot, e));
    if (!column_index(t, slot[0], &key)) {
        rc = err_set(e, ERR_UNSUPPORTED, "order_by of a table needs the name of one column");
        goto done;
    }
    bool reverse = value_truth(slot[1]);
    for (size_t i = 0; i < n; i++) { /* stable insertion; nulls last, as agate sorts them */
        size_t at = i;
        while (at) {
            struct jinja_value a = cell(t, row[at - 1], key), b = cell(t, i, key);
            int order = 0;
            if (jinja_is_none(a) || jinja_is_none(b))
                order = jinja_is_none(a) - jinja_is_none(b);
            else
                TRY(jinja_compare(c->env, a, b, &order, e));
            if (reverse ? order >= 0 : order <= 0) break;
            row[at] = row[at - 1];
            at--;
        }
        row[at] = i;
    }
    for (size_t k = 0; k < t->columns; k++) sorted->name[k] = t->name[k], sorted->type[k] = t->type[k];
    for (size_t i = 0; i < n; i++)
        memcpy(sorted->cell + i * t->columns, t->cell + row[i] * t->columns, t->columns * sizeof *t->cell);
    *out = table_value(t->c, sorted);
done:
    mem_free(row);
    return rc;
}

static enum err table_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct table *t = table_of(c->self);
    struct view name = view_of(c->name);
    if (view_is(name, "print_table")) {
        struct buf b = {0};
        int64_t most = 20, wide = 6;
        struct jinja_value v = jinja_arg_named(c, "max_rows");
        if (!jinja_is_absent(v)) most = v.type == JINJA_INT ? v.as.integer : -1;
        v = jinja_arg_named(c, "max_columns");
        if (!jinja_is_absent(v)) wide = v.type == JINJA_INT ? v.as.integer : -1;
        table_print(t, most, wide, &b);
        context_print(t->c, b.ptr ? b.ptr : "", b.len);
        buf_reset(&b);
        *out = jinja_none();
        return ERR_OK;
    }
    if (view_is(name, "select")) return table_pick(c, t, true, out, e);
    if (view_is(name, "exclude")) return table_pick(c, t, false, out, e);
    if (view_is(name, "rename")) return table_rename(c, t, out, e);
    if (view_is(name, "limit")) return table_limit(c, t, out, e);
    if (view_is(name, "order_by")) return table_order(c, t, out, e);
    return err_set(e, ERR_UNSUPPORTED, "tables have no %s() here; write it in SQL", c->name);
}

static const struct jinja_class TABLE_CLASS = {.name = "Table",
                                               .get_attr = table_attr,
                                               .get_item = table_item,
                                               .next = table_next,
                                               .length = table_length,
                                               .has_method = table_has,
                                               .method = table_method};

/* ---- responses ---- */

static const struct jinja_class RESPONSE_CLASS;
struct response {
    const char *message, *code;
    struct jinja_value rows;
};

static enum err response_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                              struct error *e)
{
    (void)e;
    const struct response *r = jinja_object_data(self, &RESPONSE_CLASS);
    if (view_is(name, "_message") || view_is(name, "message"))
        *out = jinja_text(env, r->message);
    else if (view_is(name, "code"))
        *out = value_text_or_none(env, r->code);
    else if (view_is(name, "rows_affected"))
        *out = r->rows;
    else if (view_is(name, "query_id"))
        *out = jinja_none();
    return ERR_OK;
}

static enum err response_str(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    buf_str(out, ((const struct response *)jinja_object_data(self, &RESPONSE_CLASS))->message);
    return ERR_OK;
}

static const struct jinja_class RESPONSE_CLASS = {
    .name = "AdapterResponse", .get_attr = response_attr, .to_str = response_str};

struct jinja_value response_value(struct context *c, const char *message, const char *code,
                                  struct jinja_value rows_affected)
{
    struct response *r = arena_alloc(c->arena, sizeof *r);
    *r = (struct response){message, code, rows_affected};
    return jinja_object(c->env, &RESPONSE_CLASS, r);
}
