/* The texts: DDL, stamps, totals. Pure functions. */
#include "publish/clickhouse.h"

#include "publish/clickhouse_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *const clickhouse_modes[] = {"hdfs", "load", "file", NULL};

void clickhouse_stamp(const struct mart *m, const struct clickhouse_options *o, struct buf *out)
{
    char hex[HASH_HEX_SIZE];
    struct buf all = {0};
    buf_printf(&all, "%016llx %s", (unsigned long long)m->print, o->root ? o->root : "");
    if (o->mode == CLICKHOUSE_LOAD) buf_printf(&all, " %s", hash_hex(m->hash, hex));
    buf_printf(out, "lakefm %s %016llx", clickhouse_modes[o->mode], (unsigned long long)hash_64(all.ptr, all.len, 1));
    buf_reset(&all);
}

static void add_table(struct buf *out, const char *database, const char *table)
{
    click_name(out, database);
    buf_char(out, '.');
    click_name(out, table);
}

static void add_columns(const struct mart *m, bool comments, struct buf *out)
{
    buf_str(out, "\n(\n");
    for (size_t i = 0; i < m->column_count; i++) {
        buf_str(out, "    ");
        click_name(out, m->column[i].name);
        buf_char(out, ' ');
        mart_type_add(out, &m->column[i]);
        if (comments && m->column[i].comment) {
            buf_str(out, " COMMENT ");
            click_text(out, m->column[i].comment);
        }
        buf_str(out, i + 1 < m->column_count ? ",\n" : "\n");
    }
    buf_str(out, ")");
}

static void add_comment(const struct mart *m, const char *stamp, struct buf *out)
{
    struct buf text = {0};
    if (!stamp) return;
    buf_str(&text, stamp);
    if (m->comment) buf_printf(&text, ": %s", m->comment);
    buf_str(out, "\nCOMMENT ");
    click_text(out, text.ptr);
    buf_reset(&text);
}

/* The file's own types, for file() and input(): what is read before it is cast. */
static void add_structure(const struct mart *m, struct buf *out)
{
    struct buf text = {0};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < m->column_count; i++) {
        struct mart_column c = m->column[i];
        c.base = mart_type_of(&arena, c.file_type, &c.kind);
        if (i) buf_str(&text, ", ");
        click_name(&text, c.name);
        buf_char(&text, ' ');
        mart_type_add(&text, &c);
    }
    click_text(out, text.ptr);
    buf_reset(&text);
    arena_reset(&arena);
}

/* accurateCast refuses what would wrap. */
static void add_casts(const struct mart *m, struct buf *out)
{
    struct buf type = {0};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < m->column_count; i++) {
        const struct mart_column *c = &m->column[i];
        enum mart_kind kind;
        bool cast = c->kind == MART_INT && strcmp(mart_type_of(&arena, c->file_type, &kind), c->base) != 0;
        buf_str(out, i ? ",\n    " : "\n    ");
        if (cast) buf_str(out, "accurateCast(");
        click_name(out, c->name);
        if (!cast) continue;
        buf_clear(&type);
        mart_type_add(&type, c);
        buf_str(out, ", ");
        click_text(out, type.ptr);
        buf_str(out, ") AS ");
        click_name(out, c->name);
    }
    buf_reset(&type);
    arena_reset(&arena);
}

/* Key columns cannot be Nullable: those before the first that is. */
static void add_order(const struct mart *m, struct buf *out)
{
    size_t n = 0;
    while (n < m->column_count && n < 4 && !m->column[n].nullable && m->column[n].kind != MART_REAL) n++;
    buf_str(out, "\nORDER BY ");
    if (!n) buf_str(out, "tuple()");
    for (size_t i = 0; i < n; i++) {
        buf_str(out, i ? ", " : "(");
        click_name(out, m->column[i].name);
    }
    if (n) buf_char(out, ')');
}

/* Reading is bound to these when the table is made; a query's own settings do nothing. A column that is missing or NULL where
 * none is allowed becomes an error, not a zero. */
static const char strict[] = "input_format_parquet_allow_missing_columns = 0, input_format_null_as_default = 0";

static void add_hdfs(const struct mart *m, const struct clickhouse_options *o, struct buf *out)
{
    struct buf url = {0};
    buf_printf(&url, "%s/gold/%s/*.parquet", o->root, m->name);
    buf_str(out, "\nENGINE = HDFS(");
    click_text(out, url.ptr);
    buf_printf(out, ", 'Parquet')\nSETTINGS %s", strict);
    buf_reset(&url);
}

static void add_view(const struct mart *m, const struct clickhouse_options *o, struct buf *out)
{
    struct buf path = {0};
    buf_printf(&path, "%s/gold/%s/*.parquet", o->root, m->name);
    buf_str(out, " AS\nSELECT");
    add_casts(m, out);
    buf_str(out, "\nFROM file(");
    click_text(out, path.ptr);
    buf_str(out, ", 'Parquet', ");
    add_structure(m, out);
    buf_printf(out, ")\nSETTINGS %s", strict);
    buf_reset(&path);
}

void clickhouse_ddl(const struct mart *m, const struct clickhouse_options *o, const char *table, const char *stamp, bool or_replace,
                    struct buf *out)
{
    bool view = o->mode == CLICKHOUSE_FILE;
    buf_printf(out, "CREATE %s%s ", or_replace ? "OR REPLACE " : "", view ? "VIEW" : "TABLE");
    add_table(out, o->database, table);
    add_columns(m, stamp != NULL, out);
    if (view && o->definer) {
        buf_str(out, "\nDEFINER = ");
        click_name(out, o->definer);
        buf_str(out, " SQL SECURITY DEFINER");
    }
    if (o->mode == CLICKHOUSE_HDFS) add_hdfs(m, o, out);
    if (o->mode == CLICKHOUSE_LOAD) {
        buf_str(out, "\nENGINE = MergeTree");
        add_order(m, out);
    }
    if (view) add_view(m, o, out);
    add_comment(m, stamp, out);
}

void clickhouse_insert_sql(const struct mart *m, const char *database, const char *table, struct buf *out)
{
    buf_str(out, "INSERT INTO ");
    add_table(out, database, table);
    buf_str(out, " SELECT");
    add_casts(m, out);
    buf_str(out, "\nFROM input(");
    add_structure(m, out);
    buf_printf(out, ")\nSETTINGS %s\nFORMAT Parquet", strict);
}

void clickhouse_script(const struct marts *marts, const struct clickhouse_options *o, struct buf *out)
{
    struct buf stamp = {0}, fresh = {0};
    buf_str(out, "CREATE DATABASE IF NOT EXISTS ");
    click_name(out, o->database);
    buf_str(out, ";\n");
    for (size_t i = 0; i < marts->count; i++) {
        const struct mart *m = &marts->mart[i];
        bool load = o->mode == CLICKHOUSE_LOAD;
        buf_clear(&stamp);
        clickhouse_stamp(m, o, &stamp);
        buf_clear(&fresh);
        buf_printf(&fresh, "%s%s", m->name, load ? "__lakefm_new" : "");
        buf_char(out, '\n');
        clickhouse_ddl(m, o, fresh.ptr, stamp.ptr, true, out);
        buf_str(out, ";\n");
        if (!load) continue;
        buf_printf(out, "-- with the bytes of %s:\n", m->path ? m->path : "the file");
        clickhouse_insert_sql(m, o->database, fresh.ptr, out);
        buf_str(out, ";\nEXCHANGE TABLES ");
        add_table(out, o->database, fresh.ptr);
        buf_str(out, " AND ");
        add_table(out, o->database, m->name);
        buf_str(out, "; -- or RENAME, the first time\nDROP TABLE ");
        add_table(out, o->database, fresh.ptr);
        buf_str(out, ";\n");
    }
    buf_reset(&stamp);
    buf_reset(&fresh);
}

/* ---- totals ---- */

static void add_total(const struct mart_column *c, bool modern, struct buf *out)
{
    struct buf name = {0};
    click_name(&name, c->name);
    const char *q = name.ptr, *wide = modern ? "toInt128" : "toInt64";
    switch (c->kind) {
    case MART_INT: buf_printf(out, "sum(%s(%s))", wide, q); break;
    case MART_REAL: buf_printf(out, "sum(toFloat64(%s))", q); break;
    case MART_DECIMAL: buf_printf(out, "sum(%s)", q); break;
    case MART_TEXT: buf_printf(out, "sum(%s(length(%s)))", wide, q); break;
    case MART_BOOL: buf_printf(out, "sum(toUInt8(%s))", q); break;
    case MART_DATE: buf_printf(out, "sum(%s(%s))", wide, q); break;
    case MART_TIME:
        buf_printf(out, modern ? "sum(toInt128(toUnixTimestamp64Micro(toDateTime64(%s, 6, 'UTC'))))" : "sum(toInt64(toUnixTimestamp(%s)) * 1000000)", q);
        break;
    }
    buf_reset(&name);
}

void clickhouse_totals_sql(const struct mart *m, const char *database, const char *table, bool modern, struct buf *out)
{
    struct buf name = {0};
    buf_str(out, "SELECT count()");
    for (size_t i = 0; i < m->column_count; i++) {
        buf_clear(&name);
        click_name(&name, m->column[i].name);
        buf_printf(out, ", count(%s), ", name.ptr);
        add_total(&m->column[i], modern, out);
    }
    buf_str(out, " FROM ");
    add_table(out, database, table);
    buf_reset(&name);
}

static bool same_real(const char *a, const char *b)
{
    double x = strtod(a, NULL), y = strtod(b, NULL);
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
    if (isinf(x) || isinf(y)) return x == y;
    return fabs(x - y) <= 1e-9 * fmax(1, fmax(fabs(x), fabs(y)));
}

/* A sum that an older server cannot hold is not compared. */
static bool same_total(const struct mart_column *c, const char *theirs, bool modern)
{
    if (c->kind == MART_REAL || c->kind == MART_DECIMAL) return same_real(c->total, theirs);
    if (!modern && (strlen(c->total) > 18 || (c->kind == MART_TIME))) return true;
    return !strcmp(c->total, theirs);
}

enum err clickhouse_totals_check(const struct mart *m, const char *tsv, bool modern, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf values = {0}, total = {0};
    bool null;
    char rows[32];
    snprintf(rows, sizeof rows, "%lld", (long long)m->rows);
    click_cell(&tsv, &values, &null);
    if (strcmp(values.ptr, rows) != 0) TRY(err_set(e, ERR_CORRUPT, "%s: ClickHouse has %s rows, the lake %s", m->name, values.ptr, rows));
    for (size_t i = 0; i < m->column_count; i++) {
        const struct mart_column *c = &m->column[i];
        click_cell(&tsv, &values, &null);
        click_cell(&tsv, &total, &null);
        if (strtoll(values.ptr, NULL, 10) != c->values)
            TRY(err_set(e, ERR_CORRUPT, "%s.%s: ClickHouse has %s values, the lake %lld", m->name, c->name, values.ptr, (long long)c->values));
        if (!same_total(c, null || !c->values ? (c->values ? "" : c->total) : total.ptr, modern))
            TRY(err_set(e, ERR_CORRUPT, "%s.%s: ClickHouse's total is %s, the lake's %s", m->name, c->name, total.ptr, c->total));
    }
done:
    if (rc != ERR_OK) err_hint(e, "was something else writing? publish again");
    buf_reset(&values);
    buf_reset(&total);
    return rc;
}
