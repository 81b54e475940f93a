/* Tables as agate prints them (Markdown). */
#include "model/objects.h"

#include <stdlib.h>

static size_t width_of(const char *s)
{ /* code points */
    size_t n = 0;
    for (; *s; s++) n += (*s & 0xC0) != 0x80;
    return n;
}

/* At most 20 characters, "..." at the cut. */
static const char *cut(struct arena *a, const char *s)
{
    if (width_of(s) <= 20) return s;
    size_t n = 0;
    const char *p = s;
    while (*p && n < 17) {
        p++;
        while ((*p & 0xC0) == 0x80) p++;
        n++;
    }
    return arena_printf(a, "%.*s...", (int)(p - s), s);
}

static int places_of(const char *s)
{
    const char *dot = strchr(s, '.');
    if (!dot || strpbrk(s, "eE")) return dot ? 3 : 0;
    const char *end = dot + 1 + strspn(dot + 1, "0123456789");
    while (end > dot + 1 && end[-1] == '0') end--;
    return (int)(end - dot - 1);
}

/* 1234.5 with 2 places: "1,234.50". Beyond 3 places: cut, with "…". */
static const char *grouped(struct arena *a, const char *s, int places)
{
    char plain[128], out[200];
    bool more = places > 3;
    snprintf(plain, sizeof plain, "%.*f", more ? 3 : places, strtod(s, NULL));
    const char *p = plain;
    size_t n = 0;
    if (*p == '-') out[n++] = *p++;
    size_t digits = strcspn(p, ".");
    for (size_t i = 0; i < digits && n < 150; i++) {
        if (i && (digits - i) % 3 == 0) out[n++] = ',';
        out[n++] = p[i];
    }
    snprintf(out + n, sizeof out - n, "%s%s", p + digits, more ? "…" : "");
    return arena_strdup(a, out);
}

static void line(const char *const *cell, const size_t *width, const bool *left, size_t columns, struct buf *out)
{
    for (size_t k = 0; k < columns; k++) {
        size_t pad = width[k] - width_of(cell[k]);
        buf_str(out, "| ");
        if (!left[k]) buf_printf(out, "%*s", (int)pad, "");
        buf_str(out, cell[k]);
        if (left[k]) buf_printf(out, "%*s", (int)pad, "");
        buf_char(out, ' ');
    }
    buf_str(out, "|\n");
}

void table_print(const struct table *t, int64_t max_rows, int64_t max_columns, struct buf *out)
{
    struct arena a;
    arena_init(&a);
    size_t rows = max_rows < 0 || (size_t)max_rows > t->rows ? t->rows : (size_t)max_rows;
    size_t shown = max_columns < 0 || (size_t)max_columns >= t->columns ? t->columns : (size_t)max_columns;
    size_t columns = shown < t->columns ? shown + 1 : shown;
    const char **cell = arena_zalloc(&a, (rows + 1) * (columns + 1) * sizeof *cell);
    size_t *width = arena_zalloc(&a, (columns + 1) * sizeof *width);
    bool *left = arena_zalloc(&a, (columns + 1) * sizeof *left);
    for (size_t k = 0; k < columns; k++) {
        bool number = k < shown && !strcmp(t->type[k], "Number");
        int places = 0;
        cell[k] = k < shown ? cut(&a, t->name[k]) : "...";
        left[k] = k < t->columns && !strcmp(t->type[k], "Text");
        for (size_t i = 0; number && i < rows; i++) {
            struct jinja_value v = t->cell[i * t->columns + k];
            int p = jinja_is_none(v) ? 0 : places_of(value_str(&a, t->c->env, v));
            if (p > places) places = p;
        }
        for (size_t i = 0; i < rows; i++) {
            struct jinja_value v = t->cell[i * t->columns + k];
            const char *s = k >= shown ? "..." : jinja_is_none(v) ? "" : value_str(&a, t->c->env, v);
            if (number && *s) s = grouped(&a, s, places);
            cell[(i + 1) * columns + k] = cut(&a, s);
        }
        for (size_t i = 0; i <= rows; i++)
            if (width_of(cell[i * columns + k]) > width[k]) width[k] = width_of(cell[i * columns + k]);
    }
    line(cell, width, left, columns, out);
    for (size_t k = 0; k < columns; k++) {
        buf_str(out, k ? " | " : "| ");
        for (size_t i = 0; i < width[k]; i++) buf_char(out, '-');
    }
    buf_str(out, " |\n");
    for (size_t i = 1; i <= rows; i++) line(cell + i * columns, width, left, columns, out);
    if (rows < t->rows) {
        for (size_t k = 0; k < columns; k++) cell[k] = "...";
        line(cell, width, left, columns, out);
    }
    arena_reset(&a);
}
