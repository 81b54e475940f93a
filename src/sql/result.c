#include "sql/internal.h"

#include <limits.h>

enum sql_kind sql_kind_of_type(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_BOOLEAN: return SQL_BOOL;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER: return SQL_INT;
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT: return SQL_HUGE;
    case DUCKDB_TYPE_DECIMAL: return SQL_DECIMAL;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE: return SQL_DOUBLE;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID: return SQL_TEXT;
    case DUCKDB_TYPE_BLOB: return SQL_BLOB;
    case DUCKDB_TYPE_DATE: return SQL_DATE;
    case DUCKDB_TYPE_TIME:
    case DUCKDB_TYPE_TIME_TZ:
    case DUCKDB_TYPE_TIME_NS: return SQL_TIME;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return SQL_TIMESTAMP;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_UNION: return SQL_NESTED;
    default: return SQL_OTHER;
    }
}

/* Types whose vectors the C interface does not describe. */
static bool readable(duckdb_type id)
{
    return id != DUCKDB_TYPE_VARIANT && id != DUCKDB_TYPE_GEOMETRY && id != DUCKDB_TYPE_BIGNUM;
}

static void add_columns(struct sql_result *r)
{
    r->columns = duckdb_column_count(&r->result);
    r->column = mem_zalloc((r->columns ? r->columns : 1) * sizeof *r->column);
    for (size_t i = 0; i < r->columns; i++) {
        struct sql_column *c = &r->column[i];
        struct buf type = {0};
        c->logical = duckdb_column_logical_type(&r->result, i);
        c->id = duckdb_get_type_id(c->logical);
        c->kind = sql_kind_of_type(c->id);
        c->name = mem_strdup(duckdb_column_name(&r->result, i));
        sql_type_name(c->logical, &type);
        c->type = buf_take(&type);
    }
}

enum err sql_result_new(struct sql_conn *conn, duckdb_result *result, bool streaming, struct sql_result **out,
                        struct error *e)
{
    struct sql_result *r = mem_zalloc(sizeof *r);
    r->conn = conn;
    r->result = *result;
    r->streaming = streaming;
    r->watched = streaming;
    r->statement = sql_kind_of(duckdb_result_statement_type(r->result));
    arena_init(&r->texts);
    duckdb_result_type kind = duckdb_result_return_type(r->result);
    if (kind == DUCKDB_RESULT_TYPE_QUERY_RESULT)
        add_columns(r);
    else if (kind == DUCKDB_RESULT_TYPE_CHANGED_ROWS)
        r->changed = (int64_t)duckdb_rows_changed(&r->result);
    enum err rc = ERR_OK;
    for (size_t i = 0; i < r->columns && rc == ERR_OK; i++) {
        if (readable(r->column[i].id)) continue;
        rc = err_set(e, ERR_UNSUPPORTED, "column \"%s\" has type %s", r->column[i].name, r->column[i].type);
        err_hint(e, "cast it to VARCHAR");
    }
    if (rc != ERR_OK) sql_result_free(&r);
    *out = r;
    return rc;
}

void sql_result_free(struct sql_result **result)
{
    struct sql_result *r = *result;
    if (!r) return;
    if (r->watched) sql_watch_end(r->conn);
    if (r->chunk) duckdb_destroy_data_chunk(&r->chunk);
    for (size_t i = 0; i < r->columns; i++) {
        mem_free(r->column[i].name);
        mem_free(r->column[i].type);
        duckdb_destroy_logical_type(&r->column[i].logical);
    }
    duckdb_destroy_result(&r->result);
    mem_free(r->column);
    arena_reset(&r->texts);
    mem_free(r);
    *result = NULL;
}

size_t sql_result_columns(const struct sql_result *r) { return r->columns; }
const char *sql_column_name(const struct sql_result *r, size_t column) { return r->column[column].name; }
const char *sql_column_type(const struct sql_result *r, size_t column) { return r->column[column].type; }
enum sql_kind sql_column_kind(const struct sql_result *r, size_t column) { return r->column[column].kind; }
enum sql_kind_of_statement sql_result_statement(const struct sql_result *r) { return r->statement; }
int64_t sql_result_changed(const struct sql_result *r) { return r->changed; }

int64_t sql_result_rows(const struct sql_result *r)
{
    if (r->streaming) return -1;
    duckdb_result handle = r->result;
    return r->columns ? (int64_t)duckdb_row_count(&handle) : 0;
}

enum err sql_next(struct sql_result *r, size_t *rows, struct error *e)
{
    *rows = 0;
    if (!r->columns) return ERR_OK;
    if (r->chunk) duckdb_destroy_data_chunk(&r->chunk);
    r->chunk = NULL;
    arena_reset(&r->texts);
    do {
        if (r->chunk) duckdb_destroy_data_chunk(&r->chunk);
        r->chunk = duckdb_fetch_chunk(r->result);
    } while (r->chunk && !duckdb_data_chunk_get_size(r->chunk));
    if (!r->chunk) {
        enum err fired = r->watched ? sql_watch_end(r->conn) : ERR_OK;
        r->watched = false;
        const char *message = duckdb_result_error(&r->result);
        if (!message || !*message) return ERR_OK;
        return sql_fail(r->conn, message, view_of(""), view_of(""), fired, e);
    }
    *rows = duckdb_data_chunk_get_size(r->chunk);
    for (size_t i = 0; i < r->columns; i++) {
        struct sql_column *c = &r->column[i];
        c->vector = duckdb_data_chunk_get_vector(r->chunk, i);
        c->data = duckdb_vector_get_data(c->vector);
        c->valid = duckdb_vector_get_validity(c->vector);
    }
    return ERR_OK;
}

static bool valid(const struct sql_column *c, size_t row)
{
    return c->id != DUCKDB_TYPE_SQLNULL && (!c->valid || (c->valid[row >> 6] >> (row & 63) & 1));
}

bool sql_is_null(const struct sql_result *r, size_t column, size_t row) { return !valid(&r->column[column], row); }

bool sql_get_bool(const struct sql_result *r, size_t column, size_t row)
{
    const struct sql_column *c = &r->column[column];
    return c->kind == SQL_BOOL && valid(c, row) && ((const bool *)c->data)[row];
}

static int64_t scaled(int64_t v, int64_t up, int64_t down)
{
    bool infinite = v == INT64_MAX || v == -INT64_MAX; /* DuckDB's 'infinity' */
    if (infinite) return v;
    if (down > 1) return v / down - (v % down < 0);
    int64_t out;
    return __builtin_mul_overflow(v, up, &out) ? (v > 0 ? INT64_MAX : -INT64_MAX) : out;
}

int64_t sql_get_i64(const struct sql_result *r, size_t column, size_t row)
{
    const struct sql_column *c = &r->column[column];
    if (!valid(c, row)) return 0;
    switch (c->id) {
    case DUCKDB_TYPE_TINYINT: return ((const int8_t *)c->data)[row];
    case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)c->data)[row];
    case DUCKDB_TYPE_SMALLINT: return ((const int16_t *)c->data)[row];
    case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)c->data)[row];
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE: return ((const int32_t *)c->data)[row];
    case DUCKDB_TYPE_UINTEGER: return ((const uint32_t *)c->data)[row];
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return ((const int64_t *)c->data)[row];
    case DUCKDB_TYPE_TIMESTAMP_S: return scaled(((const int64_t *)c->data)[row], 1000000, 1);
    case DUCKDB_TYPE_TIMESTAMP_MS: return scaled(((const int64_t *)c->data)[row], 1000, 1);
    case DUCKDB_TYPE_TIMESTAMP_NS: return scaled(((const int64_t *)c->data)[row], 1, 1000);
    default: return 0;
    }
}

static double decimal_value(const struct sql_column *c, size_t row)
{
    duckdb_decimal d = {.width = duckdb_decimal_width(c->logical), .scale = duckdb_decimal_scale(c->logical)};
    int64_t small = 0;
    switch (duckdb_decimal_internal_type(c->logical)) {
    case DUCKDB_TYPE_SMALLINT: small = ((const int16_t *)c->data)[row]; break;
    case DUCKDB_TYPE_INTEGER: small = ((const int32_t *)c->data)[row]; break;
    case DUCKDB_TYPE_BIGINT: small = ((const int64_t *)c->data)[row]; break;
    default: d.value = ((const duckdb_hugeint *)c->data)[row]; return duckdb_decimal_to_double(d);
    }
    d.value = (duckdb_hugeint){.lower = (uint64_t)small, .upper = small < 0 ? -1 : 0};
    return duckdb_decimal_to_double(d);
}

double sql_get_double(const struct sql_result *r, size_t column, size_t row)
{
    const struct sql_column *c = &r->column[column];
    if (!valid(c, row)) return 0;
    switch (c->id) {
    case DUCKDB_TYPE_FLOAT: return (double)((const float *)c->data)[row];
    case DUCKDB_TYPE_DOUBLE: return ((const double *)c->data)[row];
    case DUCKDB_TYPE_UBIGINT: return (double)((const uint64_t *)c->data)[row];
    case DUCKDB_TYPE_HUGEINT: return duckdb_hugeint_to_double(((const duckdb_hugeint *)c->data)[row]);
    case DUCKDB_TYPE_UHUGEINT: return duckdb_uhugeint_to_double(((const duckdb_uhugeint *)c->data)[row]);
    case DUCKDB_TYPE_DECIMAL: return decimal_value(c, row);
    default: return c->kind == SQL_INT ? (double)sql_get_i64(r, column, row) : 0;
    }
}

static struct view string_at(const struct sql_column *c, size_t row)
{
    const duckdb_string_t *s = (const duckdb_string_t *)c->data + row;
    return s->value.inlined.length <= sizeof s->value.inlined.inlined
               ? view_from(s->value.inlined.inlined, s->value.inlined.length)
               : view_from(s->value.pointer.ptr, s->value.pointer.length);
}

struct view sql_get_blob(const struct sql_result *r, size_t column, size_t row)
{
    const struct sql_column *c = &r->column[column];
    if ((c->id != DUCKDB_TYPE_BLOB && c->id != DUCKDB_TYPE_VARCHAR) || !valid(c, row)) return view_of("");
    return string_at(c, row);
}

struct view sql_get_text(struct sql_result *r, size_t column, size_t row)
{
    struct sql_column *c = &r->column[column];
    if (!valid(c, row)) return view_of("");
    if (c->id == DUCKDB_TYPE_VARCHAR) return string_at(c, row);
    struct buf text = {0};
    sql_cell_text(c->vector, c->logical, row, &text);
    char *kept = arena_strndup(&r->texts, text.ptr ? text.ptr : "", text.len);
    struct view v = view_from(kept, text.len);
    buf_reset(&text);
    return v;
}

void sql_add_text(struct sql_result *r, size_t column, size_t row, struct buf *out)
{
    struct sql_column *c = &r->column[column];
    if (!valid(c, row)) return;
    if (c->id == DUCKDB_TYPE_VARCHAR) {
        struct view v = string_at(c, row);
        buf_add(out, v.ptr, v.len);
    } else {
        sql_cell_text(c->vector, c->logical, row, out);
    }
}

void sql_add_json(struct sql_result *r, size_t column, size_t row, struct buf *out)
{
    struct sql_column *c = &r->column[column];
    sql_cell_json(c->vector, c->logical, row, out);
}
