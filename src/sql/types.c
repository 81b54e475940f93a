/* Names of types, as DuckDB's typeof() gives them. */
#include "sql/internal.h"

/* Quoted where DuckDB's typeof() quotes, but for its reserved words, which stay bare here. */
static void add_member_name(const char *name, struct buf *out)
{
    bool plain = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_';
    for (const char *c = name; *c && plain; c++)
        plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';
    if (plain)
        buf_str(out, name);
    else
        sql_quote_name(out, name);
}

static void add_members(duckdb_logical_type type, bool is_union, struct buf *out)
{
    uint64_t count = is_union ? duckdb_union_type_member_count(type) : duckdb_struct_type_child_count(type);
    buf_str(out, is_union ? "UNION(" : "STRUCT(");
    for (uint64_t i = 0; i < count; i++) {
        char *name = is_union ? duckdb_union_type_member_name(type, i) : duckdb_struct_type_child_name(type, i);
        duckdb_logical_type child = is_union ? duckdb_union_type_member_type(type, i)
                                             : duckdb_struct_type_child_type(type, i);
        if (i) buf_str(out, ", ");
        add_member_name(name, out);
        buf_char(out, ' ');
        sql_type_name(child, out);
        duckdb_free(name);
        duckdb_destroy_logical_type(&child);
    }
    buf_char(out, ')');
}

static void add_enum(duckdb_logical_type type, struct buf *out)
{
    buf_str(out, "ENUM(");
    for (uint32_t i = 0; i < duckdb_enum_dictionary_size(type); i++) {
        char *word = duckdb_enum_dictionary_value(type, i);
        if (i) buf_str(out, ", ");
        sql_quote_text(out, word, strlen(word));
        duckdb_free(word);
    }
    buf_char(out, ')');
}

static void add_child_type(duckdb_logical_type child, struct buf *out)
{
    sql_type_name(child, out);
    duckdb_destroy_logical_type(&child);
}

static const char *plain_name(duckdb_type id)
{
    static const char *const names[] = {
        [DUCKDB_TYPE_BOOLEAN] = "BOOLEAN",
        [DUCKDB_TYPE_TINYINT] = "TINYINT",
        [DUCKDB_TYPE_SMALLINT] = "SMALLINT",
        [DUCKDB_TYPE_INTEGER] = "INTEGER",
        [DUCKDB_TYPE_BIGINT] = "BIGINT",
        [DUCKDB_TYPE_UTINYINT] = "UTINYINT",
        [DUCKDB_TYPE_USMALLINT] = "USMALLINT",
        [DUCKDB_TYPE_UINTEGER] = "UINTEGER",
        [DUCKDB_TYPE_UBIGINT] = "UBIGINT",
        [DUCKDB_TYPE_FLOAT] = "FLOAT",
        [DUCKDB_TYPE_DOUBLE] = "DOUBLE",
        [DUCKDB_TYPE_TIMESTAMP] = "TIMESTAMP",
        [DUCKDB_TYPE_DATE] = "DATE",
        [DUCKDB_TYPE_TIME] = "TIME",
        [DUCKDB_TYPE_INTERVAL] = "INTERVAL",
        [DUCKDB_TYPE_HUGEINT] = "HUGEINT",
        [DUCKDB_TYPE_UHUGEINT] = "UHUGEINT",
        [DUCKDB_TYPE_VARCHAR] = "VARCHAR",
        [DUCKDB_TYPE_BLOB] = "BLOB",
        [DUCKDB_TYPE_TIMESTAMP_S] = "TIMESTAMP_S",
        [DUCKDB_TYPE_TIMESTAMP_MS] = "TIMESTAMP_MS",
        [DUCKDB_TYPE_TIMESTAMP_NS] = "TIMESTAMP_NS",
        [DUCKDB_TYPE_UUID] = "UUID",
        [DUCKDB_TYPE_BIT] = "BIT",
        [DUCKDB_TYPE_TIME_TZ] = "TIME WITH TIME ZONE",
        [DUCKDB_TYPE_TIMESTAMP_TZ] = "TIMESTAMP WITH TIME ZONE",
        [DUCKDB_TYPE_BIGNUM] = "BIGNUM",
        [DUCKDB_TYPE_SQLNULL] = "\"NULL\"",
        [DUCKDB_TYPE_TIME_NS] = "TIME_NS",
        [DUCKDB_TYPE_GEOMETRY] = "GEOMETRY",
        [DUCKDB_TYPE_VARIANT] = "VARIANT",
    };
    return (size_t)id < sizeof names / sizeof names[0] && names[id] ? names[id] : "UNKNOWN";
}

void sql_type_name(duckdb_logical_type type, struct buf *out)
{
    char *alias = duckdb_logical_type_get_alias(type);
    if (alias && *alias) {
        buf_str(out, alias);
        duckdb_free(alias);
        return;
    }
    if (alias) duckdb_free(alias);
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
        buf_printf(out, "DECIMAL(%u,%u)", duckdb_decimal_width(type), duckdb_decimal_scale(type));
        break;
    case DUCKDB_TYPE_ENUM: add_enum(type, out); break;
    case DUCKDB_TYPE_LIST:
        add_child_type(duckdb_list_type_child_type(type), out);
        buf_str(out, "[]");
        break;
    case DUCKDB_TYPE_ARRAY:
        add_child_type(duckdb_array_type_child_type(type), out);
        buf_printf(out, "[%llu]", (unsigned long long)duckdb_array_type_array_size(type));
        break;
    case DUCKDB_TYPE_MAP:
        buf_str(out, "MAP(");
        add_child_type(duckdb_map_type_key_type(type), out);
        buf_str(out, ", ");
        add_child_type(duckdb_map_type_value_type(type), out);
        buf_char(out, ')');
        break;
    case DUCKDB_TYPE_STRUCT: add_members(type, false, out); break;
    case DUCKDB_TYPE_UNION: add_members(type, true, out); break;
    default: buf_str(out, plain_name(duckdb_get_type_id(type)));
    }
}
