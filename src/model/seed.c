/* agate's reading of a CSV file: which type a column has, what its values are. A value is tried as Number ("1,200",
 * "$3.50", "-2%" count), Date (%Y-%m-%d), DateTime (%Y-%m-%d %H:%M:%S), ISO 8601 date-time, Boolean (true, false), else
 * it is text; "" and "null" fit everything. */
#include "model/seed.h"

#include "base/clock.h"
#include "base/io.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* ---- CSV ---- */

struct csv {
    const char *p, *end;
    char delimiter;
    struct buf text; /* unquoted cells of the record, one after another */
    size_t *start;
    size_t count, cap;
};

/* One record; false at the end. A cell that opens with a quote ends at the closing one; what follows is kept as it is.
 */
static bool record(struct csv *c)
{
    buf_clear(&c->text);
    c->count = 0;
    if (c->p >= c->end) return false;
    for (bool more = true; more;) {
        mem_grow(&c->start, &c->cap, c->count + 2, sizeof *c->start);
        c->start[c->count++] = c->text.len;
        more = false;
        if (c->p < c->end && *c->p == '"') {
            for (c->p++; c->p < c->end; c->p++) {
                if (*c->p == '"' && c->p + 1 < c->end && c->p[1] == '"')
                    c->p++;
                else if (*c->p == '"')
                    break;
                buf_char(&c->text, *c->p);
            }
            if (c->p < c->end) c->p++;
        }
        for (; c->p < c->end; c->p++) {
            if (*c->p == c->delimiter) {
                more = true;
                c->p++;
                break;
            }
            if (*c->p == '\n' || *c->p == '\r') {
                if (*c->p == '\r' && c->p + 1 < c->end && c->p[1] == '\n') c->p++;
                c->p++;
                break;
            }
            buf_char(&c->text, *c->p);
        }
        buf_char(&c->text, '\0');
    }
    c->start[c->count] = c->text.len;
    return true;
}

enum err csv_read(const char *text, size_t len, char delimiter, csv_row_fn *fn, void *ctx, struct error *e)
{
    enum err rc = ERR_OK;
    struct csv c = {.p = text, .end = text + len, .delimiter = delimiter};
    struct view *cells = NULL;
    size_t cap = 0, row = 0;
    if (len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) c.p += 3;
    while (record(&c)) {
        if (c.count == 1 && c.start[1] - c.start[0] == 1) continue; /* an empty line */
        mem_grow(&cells, &cap, c.count, sizeof *cells);
        for (size_t i = 0; i < c.count; i++)
            cells[i] = view_from(c.text.ptr + c.start[i], c.start[i + 1] - c.start[i] - 1);
        TRY(fn(ctx, row++, cells, c.count, e));
    }
done:
    buf_reset(&c.text);
    mem_free(c.start);
    mem_free(cells);
    return rc;
}

/* ---- types ---- */

enum { IS_NUMBER = 1, IS_DATE = 2, IS_DATETIME = 4, IS_ISO = 8, IS_BOOLEAN = 16, IS_TEXT = 32, ALL_TYPES = 63 };

static bool is_null(struct view v) { return !v.len || (v.len == 4 && !strncasecmp(v.ptr, "null", 4)); }

/* What Decimal() takes, after agate has cut signs, currency and group marks; *places: digits behind the point. */
static bool number(struct view v, char out[64], int *places)
{
    static const char *const currency[] = {"؋", "$", "ƒ", "៛", "¥", "₡", "₱", "£", "€", "¢",
                                           "﷼", "₪", "₩", "₭", "₮", "₦", "฿", "₤", "₫", NULL};
    bool minus = false;
    while (v.len && *v.ptr == '%') v.ptr++, v.len--;
    while (v.len && v.ptr[v.len - 1] == '%') v.len--;
    if (v.len && *v.ptr == '-') minus = true, v.ptr++, v.len--;
    for (const char *const *c = currency; *c; c++) {
        size_t n = strlen(*c);
        while (v.len >= n && !memcmp(v.ptr, *c, n)) v.ptr += n, v.len -= n;
        while (v.len >= n && !memcmp(v.ptr + v.len - n, *c, n)) v.len -= n;
    }
    size_t n = 0;
    if (minus) out[n++] = '-';
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == ',') continue;
        if (n + 2 >= 64) return false;
        out[n++] = v.ptr[i];
    }
    out[n] = 0;
    const char *p = out + minus;
    p += strspn(p, " \t");
    if (*p == '+' || *p == '-') p++;
    if (!strcasecmp(p, "nan") || !strcasecmp(p, "inf") || !strcasecmp(p, "infinity")) return *places = 0, true;
    bool digits = false;
    int after = 0;
    for (; isdigit((unsigned char)*p) || (*p == '_' && digits); p++) digits = true;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++) digits = true, after++;
    if (!digits) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!isdigit((unsigned char)*p)) return false;
        while (isdigit((unsigned char)*p)) p++;
    }
    p += strspn(p, " \t");
    if (*p) return false;
    /* agate's precision: digits behind the point of the normalized value */
    double d = strtod(out, NULL);
    const char *dot = strchr(out, '.');
    if (strpbrk(out, "eE"))
        after = isfinite(d) && d == floor(d) ? 0 : 1;
    else
        while (after && dot[after] == '0') after--;
    *places = after;
    return true;
}

static bool digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i])) return false;
    return n > 0;
}

/* One or two digits. */
static const char *small(const char *p, const char *end, int *out)
{
    size_t n = 0;
    *out = 0;
    while (p < end && n < 2 && isdigit((unsigned char)*p)) *out = *out * 10 + (*p++ - '0'), n++;
    return n ? p : NULL;
}

/* strptime %Y-%m-%d[ %H:%M:%S] */
static bool strptime_like(struct view v, bool with_time, int64_t *ms)
{
    const char *p = v.ptr, *end = p + v.len;
    int month, day, hour = 0, minute = 0, second = 0;
    if (v.len < 8 || !digits(p, 4) || p[4] != '-') return false;
    int year = atoi(p);
    if (!(p = small(p + 5, end, &month)) || p >= end || *p != '-' || !(p = small(p + 1, end, &day))) return false;
    if (with_time) {
        if (p >= end || !isspace((unsigned char)*p)) return false;
        while (p < end && isspace((unsigned char)*p)) p++;
        if (!(p = small(p, end, &hour)) || p >= end || *p != ':' || !(p = small(p + 1, end, &minute)) || p >= end ||
            *p != ':' || !(p = small(p + 1, end, &second)))
            return false;
    }
    if (p != end || year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 61)
        return false;
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int most = length[month - 1] + (month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
    if (day > most) return false;
    *ms =
        clock_days(year, (unsigned)month, (unsigned)day) * CLOCK_DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000LL;
    return true;
}

/* isodate: a date, T, a time, perhaps a zone; basic and extended forms. */
static bool iso_datetime(struct view v, int64_t *us)
{
    const char *t = memchr(v.ptr, 'T', v.len);
    int64_t ms;
    char date[16];
    size_t n = t ? (size_t)(t - v.ptr) : 0;
    if (!t) return false;
    if (n == 8 && digits(v.ptr, 8))
        snprintf(date, sizeof date, "%.4s-%.2s-%.2s", v.ptr, v.ptr + 4, v.ptr + 6);
    else if (n == 10)
        snprintf(date, sizeof date, "%.10s", v.ptr);
    else
        return false;
    if (!strptime_like(view_of(date), false, &ms)) return false;
    const char *p = t + 1, *end = v.ptr + v.len;
    int part[3] = {0};
    size_t count = 0;
    while (count < 3 && end - p >= 2 && digits(p, 2)) {
        part[count++] = (p[0] - '0') * 10 + p[1] - '0';
        p += 2;
        if (p < end && *p == ':')
            p++;
        else if (p < end && !isdigit((unsigned char)*p))
            break;
    }
    if (!count || part[0] > 24 || part[1] > 59 || part[2] > 59) return false;
    int64_t micro = 0, scale = 100000;
    if (p < end && (*p == '.' || *p == ','))
        for (p++; p < end && isdigit((unsigned char)*p); p++) micro += (*p - '0') * scale, scale /= 10;
    int zone = 0;
    if (p < end && *p == 'Z')
        p++;
    else if (p < end && (*p == '+' || *p == '-')) {
        int sign = *p++ == '-' ? -1 : 1, h = 0, m = 0;
        if (end - p < 2 || !digits(p, 2)) return false;
        h = (p[0] - '0') * 10 + p[1] - '0';
        p += 2;
        if (p < end && *p == ':') p++;
        if (end - p >= 2 && digits(p, 2)) m = (p[0] - '0') * 10 + p[1] - '0', p += 2;
        zone = sign * (h * 60 + m);
    }
    if (p != end) return false;
    *us = (ms + ((part[0] * 60LL + part[1] - zone) * 60 + part[2]) * 1000) * 1000 + micro;
    return true;
}

static bool is_word(struct view v, const char *word)
{
    return v.len == strlen(word) && !strncasecmp(v.ptr, word, v.len);
}

/* Of `possible`, the types that fit. */
static unsigned fits(struct view raw, unsigned possible, int *places)
{
    char text[64];
    int64_t t;
    struct view v = view_trim(raw);
    if (is_null(v)) return possible;
    unsigned out = possible & IS_TEXT;
    if ((possible & IS_NUMBER) && number(v, text, places)) out |= IS_NUMBER;
    if ((possible & IS_DATE) && strptime_like(v, false, &t)) out |= IS_DATE;
    if ((possible & IS_DATETIME) && strptime_like(v, true, &t)) out |= IS_DATETIME;
    if ((possible & IS_ISO) && iso_datetime(v, &t)) out |= IS_ISO;
    if ((possible & IS_BOOLEAN) && (is_word(v, "true") || is_word(v, "false"))) out |= IS_BOOLEAN;
    return out;
}

/* ---- reading ---- */

struct reading {
    struct context *c;
    const struct node *n;
    char delimiter;
    size_t columns, rows;
    const char **name;
    unsigned *possible;
    int *places;
    bool *nonnull;
    struct table *fill; /* second pass */
    bool values;
};

/* agate names columns a, b, c where the header is empty, and makes twins a_2. */
static enum err header(struct reading *r, const struct view *cell, size_t count, struct error *e)
{
    struct jinja_value types = jinja_dict_get(r->n->config, "column_types");
    (void)e;
    r->columns = count;
    r->name = arena_zalloc(r->c->arena, (count + 1) * sizeof *r->name);
    r->possible = arena_zalloc(r->c->arena, (count + 1) * sizeof *r->possible);
    r->places = arena_zalloc(r->c->arena, (count + 1) * sizeof *r->places);
    r->nonnull = arena_zalloc(r->c->arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        const char *base = cell[i].len ? arena_strndup(r->c->arena, cell[i].ptr, cell[i].len)
                                       : arena_printf(r->c->arena, "%c", (char)('a' + i % 26)),
                   *name = base;
        for (size_t k = 0, n = 2; k < i; k++)
            if (!strcmp(r->name[k], name)) name = arena_printf(r->c->arena, "%s_%zu", base, n++), k = (size_t)-1;
        r->name[i] = name;
        r->possible[i] = !jinja_is_absent(jinja_dict_get(types, name)) ? IS_TEXT : ALL_TYPES;
    }
    return ERR_OK;
}

static enum err first_pass(void *ctx, size_t row, const struct view *cell, size_t count, struct error *e)
{
    struct reading *r = ctx;
    if (!row) return header(r, cell, count, e);
    if (count > r->columns) {
        err_set(e, ERR_INPUT, "row %zu has %zu values, but the table only has %zu columns", row, count, r->columns);
        return err_where(e, "%s", r->n->original_path);
    }
    r->rows++;
    for (size_t i = 0; i < count; i++) {
        int places = 0;
        if (!is_null(view_trim(cell[i]))) r->nonnull[i] = true;
        if (r->possible[i] == IS_TEXT) continue;
        r->possible[i] = fits(cell[i], r->possible[i], &places);
        if (places > r->places[i]) r->places[i] = places;
    }
    return ERR_OK;
}

static const char *type_of(unsigned possible, bool nonnull)
{
    if (!nonnull && possible != IS_TEXT) return "Integer";
    if (possible & IS_NUMBER) return "Number";
    if (possible & IS_DATE) return "Date";
    if (possible & (IS_DATETIME | IS_ISO)) return "DateTime";
    if (possible & IS_BOOLEAN) return "Boolean";
    return "Text";
}

static struct jinja_value cell_value(struct reading *r, const char *type, struct view raw)
{
    struct view v = view_trim(raw);
    struct jinja_env *env = r->c->env;
    char text[64];
    int places;
    int64_t t;
    if (is_null(v)) return jinja_none();
    if (!strcmp(type, "Number") && number(v, text, &places)) return jinja_decimal(env, view_of(text));
    if (!strcmp(type, "Date") && strptime_like(v, false, &t)) return jinja_date(env, clock_day_of_ms(t));
    if (!strcmp(type, "DateTime") && strptime_like(v, true, &t)) return jinja_datetime(env, t * 1000, false);
    if (!strcmp(type, "DateTime") && iso_datetime(v, &t)) return jinja_datetime(env, t, false);
    if (!strcmp(type, "Boolean")) return jinja_bool(is_word(v, "true"));
    return jinja_view(env, raw);
}

static enum err second_pass(void *ctx, size_t row, const struct view *cell, size_t count, struct error *e)
{
    struct reading *r = ctx;
    (void)e;
    for (size_t i = 0; row && i < r->columns; i++)
        r->fill->cell[(row - 1) * r->columns + i] = i < count ? cell_value(r, r->fill->type[i], cell[i]) : jinja_none();
    return ERR_OK;
}

const char *seed_path(struct context *c, const struct node *n)
{
    return arena_printf(c->arena, "%s/%s", n->package->root, n->original_path);
}

enum err seed_table(struct context *c, const struct node *n, bool values, struct table **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const char *delimiter = value_get_text(n->config, "delimiter", ",");
    struct reading r = {.c = c, .n = n, .delimiter = *delimiter ? *delimiter : ',', .values = values};
    TRY(io_read_file(seed_path(c, n), &text, e));
    TRY(csv_read(text.ptr ? text.ptr : "", text.len, r.delimiter, first_pass, &r, e));
    struct table *t = *out = table_new(c, r.columns, r.rows);
    t->path = seed_path(c, n);
    t->precision = r.places;
    for (size_t i = 0; i < r.columns; i++) {
        t->name[i] = r.name[i];
        t->type[i] = type_of(r.possible[i], r.nonnull[i]);
    }
    for (size_t i = 0; i < r.columns * r.rows; i++) t->cell[i] = jinja_none();
    r.fill = t;
    if (values) TRY(csv_read(text.ptr ? text.ptr : "", text.len, r.delimiter, second_pass, &r, e));
done:
    buf_reset(&text);
    return rc;
}

const char *seed_sql_type(const struct table *t, size_t column)
{
    const char *type = t->type[column];
    if (!strcmp(type, "Integer")) return "integer";
    if (!strcmp(type, "Number")) return t->precision && t->precision[column] ? "float8" : "integer";
    if (!strcmp(type, "Date")) return "date";
    if (!strcmp(type, "DateTime")) return "timestamp without time zone";
    if (!strcmp(type, "Boolean")) return "boolean";
    return "text";
}
