/* Types: pure functions. */
#include "publish/mart.h"

#include <stdio.h>

static const struct {
    const char *duckdb, *click;
    enum mart_kind kind;
} types[] = {
    {"BOOLEAN", "Bool", MART_BOOL},       {"TINYINT", "Int8", MART_INT},       {"SMALLINT", "Int16", MART_INT},
    {"INTEGER", "Int32", MART_INT},       {"BIGINT", "Int64", MART_INT},       {"UTINYINT", "UInt8", MART_INT},
    {"USMALLINT", "UInt16", MART_INT},    {"UINTEGER", "UInt32", MART_INT},    {"UBIGINT", "UInt64", MART_INT},
    {"FLOAT", "Float32", MART_REAL},      {"DOUBLE", "Float64", MART_REAL},    {"VARCHAR", "String", MART_TEXT},
    {"BLOB", "String", MART_TEXT},        {"DATE", "Date32", MART_DATE},       {"TIMESTAMP", "DateTime64(6)", MART_TIME},
    {"TIMESTAMP_MS", "DateTime64(3)", MART_TIME}, {"TIMESTAMP_NS", "DateTime64(9)", MART_TIME},
    {"TIMESTAMP WITH TIME ZONE", "DateTime64(6)", MART_TIME},
};

const char *mart_type_of(struct arena *arena, const char *duckdb, enum mart_kind *kind)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].duckdb, duckdb)) {
            *kind = types[i].kind;
            /* Without a zone the server's would be shown, and days would move. */
            if (types[i].kind == MART_TIME) return arena_printf(arena, "%.*s, 'UTC')", (int)strlen(types[i].click) - 1, types[i].click);
            return types[i].click;
        }
    unsigned width, scale;
    if (sscanf(duckdb, "DECIMAL(%u,%u)", &width, &scale) == 2) {
        *kind = MART_DECIMAL;
        return arena_printf(arena, "Decimal(%u, %u)", width, scale);
    }
    return NULL;
}

static const struct {
    const char *name, *least, *most;
} integers[] = {
    {"UInt8", "0", "255"},
    {"UInt16", "0", "65535"},
    {"UInt32", "0", "4294967295"},
    {"UInt64", "0", "18446744073709551615"},
    {"Int8", "-128", "127"},
    {"Int16", "-32768", "32767"},
    {"Int32", "-2147483648", "2147483647"},
    {"Int64", "-9223372036854775808", "9223372036854775807"},
};

/* Whole numbers as text, of any size, without leading zeros: is a < b? */
static bool below(const char *a, const char *b)
{
    bool minus = *a == '-', other = *b == '-';
    if (minus != other) return minus;
    size_t x = strlen(a), y = strlen(b);
    int order = x != y ? (x < y ? -1 : 1) : strcmp(a, b);
    return minus ? order > 0 : order < 0;
}

static enum err check_integer(const char *wanted, const char *least, const char *most, struct error *e)
{
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        if (strcmp(integers[i].name, wanted) != 0) continue;
        const char *bad = least && below(least, integers[i].least) ? least : most && below(integers[i].most, most) ? most : NULL;
        if (!bad) return ERR_OK;
        err_set(e, ERR_INPUT, "the value %s does not fit %s (%s to %s), ClickHouse would wrap it without a word", bad, wanted,
                integers[i].least, integers[i].most);
        return err_hint(e, "give the column a wider meta.clickhouse_type");
    }
    return err_set(e, ERR_INPUT, "clickhouse_type %s is no integer type, as the file's is", wanted);
}

enum err mart_type_check(const char *wanted, enum mart_kind kind, const char *base, const char *least, const char *most,
                         struct error *e)
{
    if (!strcmp(wanted, base)) return ERR_OK;
    switch (kind) {
    case MART_INT: return check_integer(wanted, least, most, e);
    case MART_REAL:
        if (!strcmp(wanted, "Float64")) return ERR_OK;
        break;
    case MART_TEXT:
        if (!strcmp(wanted, "LowCardinality(String)")) return ERR_OK;
        break;
    default: break;
    }
    err_set(e, ERR_INPUT, "clickhouse_type %s cannot hold what the file has as %s", wanted, base);
    return err_hint(e, "leave it out, or name an integer type for integers, LowCardinality(String) for texts");
}

void mart_type_add(struct buf *out, const struct mart_column *c)
{
    if (!c->nullable) buf_str(out, c->base);
    else if (str_starts(c->base, "LowCardinality(")) buf_printf(out, "LowCardinality(Nullable(%.*s))", (int)strlen(c->base) - 16, c->base + 15);
    else buf_printf(out, "Nullable(%s)", c->base);
}
