#include "refine/dims_state.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sql/sql.h"

#include <string.h>

/* Columns as the query below names them. */
enum { C_KIND, C_RANK, C_USER, C_TS, C_ITEM, C_TO_TS, C_TO_ITEM, C_FIRST_TS, C_COUNT, C_REGISTRATION, C_TEXT, C_REAL = C_TEXT + 3 };

static uint32_t code_of(struct dims *d, struct sql_result *r, size_t column, size_t row)
{
    return sql_is_null(r, column, row) ? 0 : dims_code(d, sql_get_text(r, column, row));
}

static void load_user(struct dims *d, struct sql_result *r, size_t row)
{
    struct dims_user *u = dims_user_get(d, sql_get_i64(r, C_USER, row));
    runs_reset(&u->runs); /* the runs follow */
    u->person = sql_get_i64(r, C_RANK, row) != 0;
    u->last_ts = sql_get_i64(r, C_TS, row);
    u->last_item = (uint32_t)sql_get_i64(r, C_ITEM, row);
    u->last_seen = sql_get_i64(r, C_TO_TS, row);
    u->first_seen = sql_get_i64(r, C_FIRST_TS, row);
    u->has_registration = !sql_is_null(r, C_REGISTRATION, row);
    u->registration = sql_get_i64(r, C_REGISTRATION, row);
    u->first = code_of(d, r, C_TEXT, row);
    u->last = code_of(d, r, C_TEXT + 1, row);
    u->gender = code_of(d, r, C_TEXT + 2, row);
}

static enum err load_run(struct dims *d, struct sql_result *r, size_t row, struct error *e)
{
    struct dims_user *u = dims_user_get(d, sql_get_i64(r, C_USER, row));
    struct run one = {.from_ts = sql_get_i64(r, C_TS, row), .to_ts = sql_get_i64(r, C_TO_TS, row),
                      .from_item = (uint32_t)sql_get_i64(r, C_ITEM, row), .to_item = (uint32_t)sql_get_i64(r, C_TO_ITEM, row),
                      .level = code_of(d, r, C_TEXT, row)};
    struct runs_order order = dims_order(d);
    if (runs_add(&u->runs, &one, &order) == RUNS_LOOSE)
        return err_set(e, ERR_CORRUPT, "the level periods of user %lld overlap", (long long)u->id);
    return ERR_OK;
}

/* The first word of this file on a thing replaces what older files said: `touched` marks those already begun. */
static void load_variant(struct dims *d, struct dims_things *things, struct sql_result *r, size_t row)
{
    uint32_t key[3];
    for (size_t k = 0; k < 3; k++) key[k] = code_of(d, r, C_TEXT + k, row);
    struct dims_thing *thing = dims_thing_get(d, things, key);
    if (!thing->touched) {
        thing->variants = 0;
        dims_thing_touch(things, thing);
    }
    struct dims_variant like = {.rank = (uint8_t)sql_get_i64(r, C_RANK, row)};
    for (size_t k = 0; k < 2; k++) {
        like.has[k] = !sql_is_null(r, C_REAL + k, row);
        like.value[k] = sql_get_double(r, C_REAL + k, row);
    }
    struct dims_variant *v = dims_variant_get(d, thing, &like);
    v->count = sql_get_i64(r, C_COUNT, row);
    v->first_seen = sql_is_null(r, C_FIRST_TS, row) ? INT64_MAX : sql_get_i64(r, C_FIRST_TS, row);
}

static void load_minute(struct dims *d, int64_t ts)
{
    int64_t day = clock_day_of_ms(ts);
    uint32_t minute = (uint32_t)((ts - day * CLOCK_DAY_MS) / 60000) % 1440;
    uint64_t bits[23] = {0};
    bits[minute / 64] = 1ull << minute % 64;
    dims_minute_add(d, day, bits);
}

static enum err load_row(struct dims *d, struct sql_result *r, size_t row, struct error *e)
{
    int64_t kind = sql_get_i64(r, C_KIND, row);
    switch (kind) {
    case DIMS_USER: load_user(d, r, row); return ERR_OK;
    case DIMS_RUN: return load_run(d, r, row, e);
    case DIMS_SONG: load_variant(d, &d->songs, r, row); return ERR_OK;
    case DIMS_PLACE: load_variant(d, &d->places, r, row); return ERR_OK;
    case DIMS_MINUTE: load_minute(d, sql_get_i64(r, C_TS, row)); return ERR_OK;
    default: return err_set(e, ERR_UNSUPPORTED, "a dimension increment of kind %lld", (long long)kind);
    }
}

static enum err load_file(struct dims *d, struct sql_conn *conn, const char *path, struct error *e)
{
    struct buf text = {0};
    struct sql_result *r = NULL;
    size_t rows = 0;
    enum err rc;
    buf_str(&text, "select kind, rank, userId, ts, item, to_ts, to_item, first_ts, \"count\", registration, text_1, text_2, "
                   "text_3, real_1, real_2 from read_parquet(");
    sql_quote_text(&text, path, strlen(path));
    buf_str(&text, ")");
    TRY(sql_query(conn, text.ptr, SQL_STREAM, &r, e));
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t row = 0; row < rows; row++) TRY(load_row(d, r, row, e));
    }
done:
    sql_result_free(&r);
    buf_reset(&text);
    if (rc != ERR_OK) err_where(e, "%s", path);
    return rc;
}

static void choose(const struct dims *d, struct dims_things *things)
{
    for (size_t i = 0; i < things->touched_count; i++) dims_thing_choose(d, &things->thing[things->touched[i]]);
}

static enum err load_files(struct dims *d, struct lake *lake, const struct lake_files *files, struct error *e)
{
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    char *path = NULL;
    enum err rc;
    TRY(sql_open(&(struct sql_options){.threads = 1, .memory_bytes = 256u << 20}, &db, e));
    TRY(sql_connect(db, &conn, e));
    for (size_t i = 0; i < files->count; i++) {
        TRY(lake_file_path(lake, files->file[i], &path, e));
        TRY(load_file(d, conn, path, e));
        mem_free(path);
        path = NULL;
        choose(d, &d->songs);
        choose(d, &d->places);
        dims_committed(d, files->file[i]->commit); /* nothing is touched any more */
    }
done:
    mem_free(path);
    sql_disconnect(&conn);
    sql_close(&db);
    return rc;
}

enum err dims_load(struct dims *d, struct lake *lake, struct error *e)
{
    uint64_t now = lake_table_changed(lake, LAKE_SILVER, DIMS_TABLE);
    struct lake_files files = {0};
    enum err rc = ERR_OK;
    if (d->loaded && d->number == now) return ERR_OK;
    dims_empty(d);
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = DIMS_TABLE}, &files);
    if (files.count) TRY(load_files(d, lake, &files, e));
    d->number = now;
done:
    if (rc != ERR_OK) dims_forget(d);
    lake_files_free(&files);
    return rc;
}
