#include "serve/clause.h"

#include "sql/sql.h"

#include <string.h>

static const struct clause_value *value_of(const struct clause_value *values, size_t count, struct view name)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq(values[i].name, name)) return &values[i];
    return NULL;
}

/* The name in a mark that starts at p ("{{ name }}"); *end is behind it. False: no whole mark. */
static bool mark(const char *p, struct view *name, const char **end)
{
    const char *close = strstr(p, "}}");
    if (!close) return false;
    *name = view_trim(view_from(p + 2, (size_t)(close - p) - 2));
    *end = close + 2;
    return name->len > 0;
}

/* True when every parameter of the clause [p, end) has a value. */
static bool has_all(const char *p, const char *end, const struct clause_value *values, size_t count)
{
    struct view name;
    const char *behind;
    for (; (p = strstr(p, "{{")) && p < end; p = behind)
        if (!mark(p, &name, &behind) || !value_of(values, count, name)) return false;
    return true;
}

static enum err bad(const char *sql, const char *p, const char *what, struct error *e)
{
    err_set(e, ERR_INPUT, "%s", what);
    err_where(e, "byte %zu of the SQL", (size_t)(p - sql));
    return ERR_INPUT;
}

enum err clause_render(const char *sql, const struct clause_value *values, size_t value_count, struct buf *out,
                       struct view used[CLAUSE_PARAMETERS], size_t *used_count, struct error *e)
{
    const char *inside = NULL; /* end of the optional clause we are in */
    *used_count = 0;
    for (const char *p = sql; *p;) {
        if (inside && p == inside) {
            p += 2;
            inside = NULL;
        } else if (!strncmp(p, "[[", 2)) {
            const char *end = strstr(p, "]]");
            if (!end || inside) return bad(sql, p, "[[ without its ]]", e);
            if (has_all(p, end, values, value_count)) inside = end, p += 2;
            else p = end + 2;
        } else if (!strncmp(p, "{{", 2)) {
            struct view name;
            const char *behind;
            if (!mark(p, &name, &behind)) return bad(sql, p, "{{ without its name and }}", e);
            const struct clause_value *v = value_of(values, value_count, name);
            if (!v) return err_set(e, ERR_USAGE, "the parameter %.*s is needed", (int)name.len, name.ptr);
            if (*used_count == CLAUSE_PARAMETERS) return bad(sql, p, "too many parameters", e);
            used[(*used_count)++] = v->value;
            buf_char(out, '?');
            p = behind;
        } else buf_char(out, *p++);
    }
    return ERR_OK;
}

void clause_show(const char *sql, const struct clause_value *values, size_t value_count, struct buf *out)
{
    struct buf rendered = {0};
    struct view used[CLAUSE_PARAMETERS];
    size_t count, at = 0;
    if (clause_render(sql, values, value_count, &rendered, used, &count, NULL) != ERR_OK) buf_str(out, sql);
    for (const char *p = rendered.ptr; rendered.len && p && *p; p++) {
        if (*p == '?' && at < count) sql_quote_text(out, used[at].ptr, used[at].len), at++;
        else buf_char(out, *p);
    }
    buf_reset(&rendered);
}

size_t clause_names(const char *sql, struct view names[CLAUSE_PARAMETERS])
{
    size_t count = 0;
    struct view name;
    const char *behind;
    for (const char *p = sql; (p = strstr(p, "{{")); p = behind) {
        if (!mark(p, &name, &behind)) break;
        bool known = false;
        for (size_t i = 0; i < count; i++) known |= view_eq(names[i], name);
        if (!known && count < CLAUSE_PARAMETERS) names[count++] = name;
    }
    return count;
}
