/* Values of DuckDB's vectors as text and as JSON. Text comes from DuckDB's own casts: a cell is made a duckdb_value, and
 * that is cast to VARCHAR, so that every type reads here as it does in DuckDB. Whole numbers, booleans and texts, the most
 * of it, take a short way. */
#include "sql/internal.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

/* ---- cells ---- */

static bool is_valid(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    if (duckdb_get_type_id(type) == DUCKDB_TYPE_SQLNULL) return false;
    uint64_t *mask = duckdb_vector_get_validity(vector);
    return !mask || (mask[row >> 6] >> (row & 63) & 1);
}

static duckdb_value value_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row);

static duckdb_hugeint widen(int64_t v) { return (duckdb_hugeint){.lower = (uint64_t)v, .upper = v < 0 ? -1 : 0}; }

static duckdb_value decimal_of(const void *data, duckdb_logical_type type, uint64_t row)
{
    duckdb_decimal d = {.width = duckdb_decimal_width(type), .scale = duckdb_decimal_scale(type)};
    switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: d.value = widen(((const int16_t *)data)[row]); break;
    case DUCKDB_TYPE_INTEGER: d.value = widen(((const int32_t *)data)[row]); break;
    case DUCKDB_TYPE_BIGINT: d.value = widen(((const int64_t *)data)[row]); break;
    default: d.value = ((const duckdb_hugeint *)data)[row];
    }
    return duckdb_create_decimal(d);
}

static uint64_t enum_index(const void *data, duckdb_logical_type type, uint64_t row)
{
    switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)data)[row];
    default: return ((const uint32_t *)data)[row];
    }
}

static struct view string_of(const void *data, uint64_t row)
{
    duckdb_string_t *s = (duckdb_string_t *)(uintptr_t)data + row;
    return view_from(duckdb_string_t_data(s), duckdb_string_t_length(*s));
}

static duckdb_value elements(duckdb_vector child, duckdb_logical_type child_type, duckdb_list_entry range, bool is_array)
{
    duckdb_value *values = mem_array(range.length ? range.length : 1, sizeof(duckdb_value));
    for (uint64_t i = 0; i < range.length; i++) values[i] = value_of(child, child_type, range.offset + i);
    duckdb_value list = is_array ? duckdb_create_array_value(child_type, values, range.length)
                                 : duckdb_create_list_value(child_type, values, range.length);
    for (uint64_t i = 0; i < range.length; i++) duckdb_destroy_value(&values[i]);
    mem_free(values);
    return list;
}

/* A MAP is a LIST of STRUCT(key, value). */
static duckdb_value map_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    duckdb_list_entry range = ((const duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector pairs = duckdb_list_vector_get_child(vector);
    duckdb_logical_type types[2] = {duckdb_map_type_key_type(type), duckdb_map_type_value_type(type)};
    duckdb_value *sides[2];
    for (int side = 0; side < 2; side++) {
        sides[side] = mem_array(range.length ? range.length : 1, sizeof(duckdb_value));
        duckdb_vector child = duckdb_struct_vector_get_child(pairs, (idx_t)side);
        for (uint64_t i = 0; i < range.length; i++) sides[side][i] = value_of(child, types[side], range.offset + i);
    }
    duckdb_value map = duckdb_create_map_value(type, sides[0], sides[1], range.length);
    for (int side = 0; side < 2; side++) {
        for (uint64_t i = 0; i < range.length; i++) duckdb_destroy_value(&sides[side][i]);
        mem_free(sides[side]);
        duckdb_destroy_logical_type(&types[side]);
    }
    return map;
}

static duckdb_value struct_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    uint64_t count = duckdb_struct_type_child_count(type);
    duckdb_value *values = mem_array(count ? count : 1, sizeof(duckdb_value));
    for (uint64_t i = 0; i < count; i++) {
        duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
        values[i] = value_of(duckdb_struct_vector_get_child(vector, i), child, row);
        duckdb_destroy_logical_type(&child);
    }
    duckdb_value out = duckdb_create_struct_value(type, values);
    for (uint64_t i = 0; i < count; i++) duckdb_destroy_value(&values[i]);
    mem_free(values);
    return out;
}

/* A UNION's vector is a STRUCT(tag UTINYINT, members …). */
static duckdb_vector union_member(duckdb_vector vector, uint64_t row, uint64_t *tag)
{
    *tag = ((const uint8_t *)duckdb_vector_get_data(duckdb_struct_vector_get_child(vector, 0)))[row];
    return duckdb_struct_vector_get_child(vector, *tag + 1);
}

static duckdb_value union_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    uint64_t tag;
    duckdb_vector member = union_member(vector, row, &tag);
    duckdb_logical_type member_type = duckdb_union_type_member_type(type, tag);
    duckdb_value inner = value_of(member, member_type, row);
    duckdb_value out = duckdb_create_union_value(type, tag, inner);
    duckdb_destroy_value(&inner);
    duckdb_destroy_logical_type(&member_type);
    return out;
}

static duckdb_value nested_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    duckdb_logical_type child;
    duckdb_value out;
    duckdb_list_entry range;
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_LIST:
        child = duckdb_list_type_child_type(type);
        range = ((const duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
        out = elements(duckdb_list_vector_get_child(vector), child, range, false);
        break;
    case DUCKDB_TYPE_ARRAY:
        child = duckdb_array_type_child_type(type);
        range.length = duckdb_array_type_array_size(type);
        range.offset = row * range.length;
        out = elements(duckdb_array_vector_get_child(vector), child, range, true);
        break;
    case DUCKDB_TYPE_MAP: return map_of(vector, type, row);
    case DUCKDB_TYPE_STRUCT: return struct_of(vector, type, row);
    default: return union_of(vector, type, row);
    }
    duckdb_destroy_logical_type(&child);
    return out;
}

static duckdb_value uuid_of(duckdb_hugeint v)
{
    /* Stored with the top bit turned, so that they sort. */
    return duckdb_create_uuid((duckdb_uhugeint){.lower = v.lower, .upper = (uint64_t)v.upper ^ (1ULL << 63)});
}

static duckdb_value value_of(duckdb_vector vector, duckdb_logical_type type, uint64_t row)
{
    if (!is_valid(vector, type, row)) return duckdb_create_null_value();
    const void *data = duckdb_vector_get_data(vector);
    struct view s;
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return duckdb_create_bool(((const bool *)data)[row]);
    case DUCKDB_TYPE_TINYINT: return duckdb_create_int8(((const int8_t *)data)[row]);
    case DUCKDB_TYPE_SMALLINT: return duckdb_create_int16(((const int16_t *)data)[row]);
    case DUCKDB_TYPE_INTEGER: return duckdb_create_int32(((const int32_t *)data)[row]);
    case DUCKDB_TYPE_BIGINT: return duckdb_create_int64(((const int64_t *)data)[row]);
    case DUCKDB_TYPE_UTINYINT: return duckdb_create_uint8(((const uint8_t *)data)[row]);
    case DUCKDB_TYPE_USMALLINT: return duckdb_create_uint16(((const uint16_t *)data)[row]);
    case DUCKDB_TYPE_UINTEGER: return duckdb_create_uint32(((const uint32_t *)data)[row]);
    case DUCKDB_TYPE_UBIGINT: return duckdb_create_uint64(((const uint64_t *)data)[row]);
    case DUCKDB_TYPE_HUGEINT: return duckdb_create_hugeint(((const duckdb_hugeint *)data)[row]);
    case DUCKDB_TYPE_UHUGEINT: return duckdb_create_uhugeint(((const duckdb_uhugeint *)data)[row]);
    case DUCKDB_TYPE_FLOAT: return duckdb_create_float(((const float *)data)[row]);
    case DUCKDB_TYPE_DOUBLE: return duckdb_create_double(((const double *)data)[row]);
    case DUCKDB_TYPE_DECIMAL: return decimal_of(data, type, row);
    case DUCKDB_TYPE_DATE: return duckdb_create_date(((const duckdb_date *)data)[row]);
    case DUCKDB_TYPE_TIME: return duckdb_create_time(((const duckdb_time *)data)[row]);
    case DUCKDB_TYPE_TIME_NS: return duckdb_create_time_ns(((const duckdb_time_ns *)data)[row]);
    case DUCKDB_TYPE_TIME_TZ: return duckdb_create_time_tz_value(((const duckdb_time_tz *)data)[row]);
    case DUCKDB_TYPE_TIMESTAMP: return duckdb_create_timestamp(((const duckdb_timestamp *)data)[row]);
    case DUCKDB_TYPE_TIMESTAMP_TZ: return duckdb_create_timestamp_tz(((const duckdb_timestamp *)data)[row]);
    case DUCKDB_TYPE_TIMESTAMP_S: return duckdb_create_timestamp_s(((const duckdb_timestamp_s *)data)[row]);
    case DUCKDB_TYPE_TIMESTAMP_MS: return duckdb_create_timestamp_ms(((const duckdb_timestamp_ms *)data)[row]);
    case DUCKDB_TYPE_TIMESTAMP_NS: return duckdb_create_timestamp_ns(((const duckdb_timestamp_ns *)data)[row]);
    case DUCKDB_TYPE_INTERVAL: return duckdb_create_interval(((const duckdb_interval *)data)[row]);
    case DUCKDB_TYPE_UUID: return uuid_of(((const duckdb_hugeint *)data)[row]);
    case DUCKDB_TYPE_ENUM: return duckdb_create_enum_value(type, enum_index(data, type, row));
    case DUCKDB_TYPE_VARCHAR: s = string_of(data, row); return duckdb_create_varchar_length(s.ptr, s.len);
    case DUCKDB_TYPE_BLOB: s = string_of(data, row); return duckdb_create_blob((const uint8_t *)s.ptr, s.len);
    case DUCKDB_TYPE_BIT:
        s = string_of(data, row);
        return duckdb_create_bit((duckdb_bit){.data = (uint8_t *)(uintptr_t)s.ptr, .size = s.len});
    default: return nested_of(vector, type, row);
    }
}

/* ---- the short ways: the same text as DuckDB's cast, many times faster ---- */

enum { FIRST_DAY = -719162, LAST_DAY = 2932896 }; /* 0001-01-01 … 9999-12-31: no era, no more than four digits */
#define DAY_US 86400000000LL

static void add_two(struct buf *out, int n)
{
    buf_char(out, (char)('0' + n / 10));
    buf_char(out, (char)('0' + n % 10));
}

static bool add_date(struct buf *out, int64_t day)
{
    char text[CLOCK_ISO_MAX];
    if (day < FIRST_DAY || day > LAST_DAY) return false;
    buf_str(out, clock_format_date(day, text));
    return true;
}

/* "2025-11-01 12:34:56.789": the fraction without zeros at its end. */
static bool add_timestamp(struct buf *out, int64_t us)
{
    if (us < FIRST_DAY * DAY_US || us >= (LAST_DAY + 1) * DAY_US) return false; /* the infinities too */
    int64_t day = us >= 0 ? us / DAY_US : -((-us + DAY_US - 1) / DAY_US);
    add_date(out, day);
    int64_t rest = us - day * DAY_US;
    int seconds = (int)(rest / 1000000), fraction = (int)(rest % 1000000);
    buf_char(out, ' ');
    add_two(out, seconds / 3600);
    buf_char(out, ':');
    add_two(out, seconds / 60 % 60);
    buf_char(out, ':');
    add_two(out, seconds % 60);
    if (!fraction) return true;
    buf_printf(out, ".%06d", fraction);
    while (out->ptr[out->len - 1] == '0') out->len--;
    return true;
}

static void add_decimal(struct buf *out, int64_t v, unsigned scale)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%0*lld", (int)scale + 1, v < 0 ? -(long long)v : (long long)v);
    if (v < 0) buf_char(out, '-');
    buf_add(out, digits, (size_t)len - scale);
    if (!scale) return;
    buf_char(out, '.');
    buf_add(out, digits + len - scale, scale);
}

static bool short_decimal(const void *data, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    unsigned scale = duckdb_decimal_scale(type);
    /* DuckDB writes DECIMAL(2,2) without the zero before the point. */
    if (duckdb_decimal_width(type) == scale) return false;
    switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: add_decimal(out, ((const int16_t *)data)[row], scale); return true;
    case DUCKDB_TYPE_INTEGER: add_decimal(out, ((const int32_t *)data)[row], scale); return true;
    case DUCKDB_TYPE_BIGINT: add_decimal(out, ((const int64_t *)data)[row], scale); return true;
    default: return false;
    }
}

void sql_cell_text(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    const void *data = duckdb_vector_get_data(vector);
    struct view s;
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: buf_str(out, ((const bool *)data)[row] ? "true" : "false"); return;
    case DUCKDB_TYPE_INTEGER: buf_i64(out, ((const int32_t *)data)[row]); return;
    case DUCKDB_TYPE_BIGINT: buf_i64(out, ((const int64_t *)data)[row]); return;
    case DUCKDB_TYPE_UTINYINT: buf_i64(out, ((const uint8_t *)data)[row]); return;
    case DUCKDB_TYPE_USMALLINT: buf_i64(out, ((const uint16_t *)data)[row]); return;
    case DUCKDB_TYPE_UINTEGER: buf_i64(out, ((const uint32_t *)data)[row]); return;
    case DUCKDB_TYPE_VARCHAR:
        s = string_of(data, row);
        buf_add(out, s.ptr, s.len);
        return;
    case DUCKDB_TYPE_DATE:
        if (add_date(out, ((const int32_t *)data)[row])) return;
        break;
    case DUCKDB_TYPE_TIMESTAMP:
        if (add_timestamp(out, ((const int64_t *)data)[row])) return;
        break;
    case DUCKDB_TYPE_DECIMAL:
        if (short_decimal(data, type, row, out)) return;
        break;
    default: break;
    }
    duckdb_value value = value_of(vector, type, row);
    char *text = duckdb_get_varchar(value);
    if (text) buf_str(out, text);
    duckdb_free(text);
    duckdb_destroy_value(&value);
}

/* ---- JSON ---- */

static void json_string(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    struct buf text = {0};
    sql_cell_text(vector, type, row, &text);
    buf_json(out, text.ptr ? text.ptr : "", text.len);
    buf_reset(&text);
}

static void json_elements(duckdb_vector child, duckdb_logical_type child_type, duckdb_list_entry range, struct buf *out)
{
    buf_char(out, '[');
    for (uint64_t i = 0; i < range.length; i++) {
        if (i) buf_char(out, ',');
        sql_cell_json(child, child_type, range.offset + i, out);
    }
    buf_char(out, ']');
    duckdb_destroy_logical_type(&child_type);
}

static void json_struct(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    buf_char(out, '{');
    for (uint64_t i = 0; i < duckdb_struct_type_child_count(type); i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
        if (i) buf_char(out, ',');
        buf_json(out, name, strlen(name));
        buf_char(out, ':');
        sql_cell_json(duckdb_struct_vector_get_child(vector, i), child, row, out);
        duckdb_free(name);
        duckdb_destroy_logical_type(&child);
    }
    buf_char(out, '}');
}

static void json_map(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    duckdb_list_entry range = ((const duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector pairs = duckdb_list_vector_get_child(vector);
    duckdb_logical_type key = duckdb_map_type_key_type(type), value = duckdb_map_type_value_type(type);
    buf_char(out, '{');
    for (uint64_t i = 0; i < range.length; i++) {
        if (i) buf_char(out, ',');
        json_string(duckdb_struct_vector_get_child(pairs, 0), key, range.offset + i, out);
        buf_char(out, ':');
        sql_cell_json(duckdb_struct_vector_get_child(pairs, 1), value, range.offset + i, out);
    }
    buf_char(out, '}');
    duckdb_destroy_logical_type(&key);
    duckdb_destroy_logical_type(&value);
}

static void json_union(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    uint64_t tag;
    duckdb_vector member = union_member(vector, row, &tag);
    duckdb_logical_type member_type = duckdb_union_type_member_type(type, tag);
    sql_cell_json(member, member_type, row, out);
    duckdb_destroy_logical_type(&member_type);
}

static void json_float(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    const void *data = duckdb_vector_get_data(vector);
    double v = duckdb_get_type_id(type) == DUCKDB_TYPE_FLOAT ? (double)((const float *)data)[row]
                                                              : ((const double *)data)[row];
    if (isfinite(v))
        sql_cell_text(vector, type, row, out);
    else
        buf_str(out, "null");
}

static bool is_json(duckdb_logical_type type)
{
    char *alias = duckdb_logical_type_get_alias(type);
    bool json = alias && !strcmp(alias, "JSON");
    if (alias) duckdb_free(alias);
    return json;
}

void sql_cell_json(duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct buf *out)
{
    if (!is_valid(vector, type, row)) {
        buf_str(out, "null");
        return;
    }
    duckdb_type id = duckdb_get_type_id(type);
    const void *data = duckdb_vector_get_data(vector);
    switch (sql_kind_of_type(id)) {
    case SQL_BOOL:
    case SQL_INT:
    case SQL_HUGE:
    case SQL_DECIMAL: sql_cell_text(vector, type, row, out); return;
    case SQL_DOUBLE: json_float(vector, type, row, out); return;
    case SQL_NESTED: break;
    case SQL_TEXT:
        if (id == DUCKDB_TYPE_VARCHAR && is_json(type)) {
            sql_cell_text(vector, type, row, out);
            return;
        }
        json_string(vector, type, row, out);
        return;
    default: json_string(vector, type, row, out); return;
    }
    if (id == DUCKDB_TYPE_LIST)
        json_elements(duckdb_list_vector_get_child(vector), duckdb_list_type_child_type(type),
                      ((const duckdb_list_entry *)data)[row], out);
    else if (id == DUCKDB_TYPE_ARRAY)
        json_elements(duckdb_array_vector_get_child(vector), duckdb_array_type_child_type(type),
                      (duckdb_list_entry){row * duckdb_array_type_array_size(type), duckdb_array_type_array_size(type)}, out);
    else if (id == DUCKDB_TYPE_STRUCT)
        json_struct(vector, type, row, out);
    else if (id == DUCKDB_TYPE_MAP)
        json_map(vector, type, row, out);
    else
        json_union(vector, type, row, out);
}
