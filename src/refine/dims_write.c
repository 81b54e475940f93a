#include "refine/dims_state.h"

#include "base/clock.h"
#include "base/mem.h"
#include "refine/sheet.h"

#include <stdlib.h>
#include <string.h>

/* ---- inc_dims: what dims_load.c reads ---- */

static const struct parquet_column inc_schema[] = {
    {.name = "kind", .type = PARQUET_UINT8, .required = true}, /* enum dims_kind */
    {.name = "rank", .type = PARQUET_UINT8, .required = true}, /* songs, places: of the tables; users: 1 = has names */
    {.name = "userId", .type = PARQUET_INT64},
    {.name = "ts", .type = PARQUET_INT64},       /* user: of the latest event; run: from; minute */
    {.name = "item", .type = PARQUET_UINT32},
    {.name = "to_ts", .type = PARQUET_INT64},    /* user: last_seen; run: to */
    {.name = "to_item", .type = PARQUET_UINT32},
    {.name = "first_ts", .type = PARQUET_INT64}, /* user, song: first_seen */
    {.name = "count", .type = PARQUET_INT64},
    {.name = "registration", .type = PARQUET_INT64},
    {.name = "text_1", .type = PARQUET_STRING},  /* firstName; level; song; zip */
    {.name = "text_2", .type = PARQUET_STRING},  /* lastName; artist; city */
    {.name = "text_3", .type = PARQUET_STRING},  /* gender; state */
    {.name = "real_1", .type = PARQUET_DOUBLE},  /* duration; lat */
    {.name = "real_2", .type = PARQUET_DOUBLE},  /* lon */
};
enum { INC_COLUMNS = sizeof inc_schema / sizeof *inc_schema };

static void put_text(struct sheet *s, const struct lexicon_view *v, uint32_t code)
{
    if (code) sheet_text(s, v->texts[code]);
    else sheet_null(s);
}

static void put_nulls(struct sheet *s, int n)
{
    while (n--) sheet_null(s);
}

static void put_real(struct sheet *s, bool has, double value)
{
    if (has) sheet_real(s, value);
    else sheet_null(s);
}

static void put_user(struct sheet *s, const struct lexicon_view *v, const struct dims_user *u)
{
    sheet_integer(s, DIMS_USER);
    sheet_integer(s, u->person);
    sheet_integer(s, u->id);
    sheet_integer(s, u->last_ts);
    sheet_integer(s, u->last_item);
    sheet_integer(s, u->last_seen);
    sheet_null(s);
    sheet_integer(s, u->first_seen);
    sheet_null(s);
    if (u->has_registration) sheet_integer(s, u->registration);
    else sheet_null(s);
    put_text(s, v, u->first);
    put_text(s, v, u->last);
    put_text(s, v, u->gender);
    put_nulls(s, 2);
    for (uint32_t i = 0; i < u->runs.count; i++) {
        const struct run *run = &u->runs.run[i];
        sheet_integer(s, DIMS_RUN);
        sheet_integer(s, 0);
        sheet_integer(s, u->id);
        sheet_integer(s, run->from_ts);
        sheet_integer(s, run->from_item);
        sheet_integer(s, run->to_ts);
        sheet_integer(s, run->to_item);
        put_nulls(s, 3);
        put_text(s, v, run->level);
        put_nulls(s, 4);
    }
}

static int compare_variant(const void *a, const void *b)
{
    const struct dims_variant *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    for (int i = 0; i < 2; i++) {
        if (x->has[i] != y->has[i]) return x->has[i] ? 1 : -1;
        if (x->value[i] < y->value[i] || x->value[i] > y->value[i]) return x->value[i] < y->value[i] ? -1 : 1;
    }
    return memcmp(x->value, y->value, sizeof x->value);
}

static void put_thing(struct sheet *s, const struct lexicon_view *v, const struct dims *d, enum dims_kind kind,
                      const struct dims_thing *thing)
{
    struct dims_variant *sorted = NULL;
    size_t n = 0, cap = 0;
    for (uint32_t i = thing->variants; i; i = d->variant[i - 1].next) {
        mem_grow(&sorted, &cap, n + 1, sizeof *sorted);
        sorted[n++] = d->variant[i - 1];
    }
    if (n > 1) qsort(sorted, n, sizeof *sorted, compare_variant);
    for (size_t i = 0; i < n; i++) {
        sheet_integer(s, kind);
        sheet_integer(s, sorted[i].rank);
        put_nulls(s, 5);
        if (sorted[i].first_seen != INT64_MAX) sheet_integer(s, sorted[i].first_seen);
        else sheet_null(s);
        sheet_integer(s, sorted[i].count);
        sheet_null(s);
        for (int k = 0; k < 3; k++) put_text(s, v, thing->key[k]);
        put_real(s, sorted[i].has[0], sorted[i].value[0]);
        put_real(s, sorted[i].has[1], sorted[i].value[1]);
    }
    mem_free(sorted);
}

static void put_minute(struct sheet *s, int64_t ts)
{
    sheet_integer(s, DIMS_MINUTE);
    sheet_integer(s, 0);
    sheet_null(s);
    sheet_integer(s, ts);
    put_nulls(s, 11);
}

/* ---- orders ---- */

static int compare_user(const void *a, const void *b, void *ctx)
{
    const struct dims *d = ctx;
    int64_t x = d->user[*(const uint32_t *)a].id, y = d->user[*(const uint32_t *)b].id;
    return x < y ? -1 : x > y;
}

struct thing_order {
    const struct dims_things *things;
    struct lexicon_view texts;
};

static int compare_thing(const void *a, const void *b, void *ctx)
{
    const struct thing_order *o = ctx;
    const struct dims_thing *x = &o->things->thing[*(const uint32_t *)a], *y = &o->things->thing[*(const uint32_t *)b];
    for (int k = 0; k < 3; k++) {
        if (x->key[k] == y->key[k]) continue;
        if (!x->key[k] || !y->key[k]) return x->key[k] ? 1 : -1; /* null first */
        return view_compare(o->texts.texts[x->key[k]], o->texts.texts[y->key[k]]);
    }
    return 0;
}

static int compare_minute(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Numbers 0 … count - 1, or those given, in the order of the table's key. Heap. */
static uint32_t *sorted_users(const struct dims *d, const uint32_t *some, size_t count)
{
    uint32_t *out = mem_array(count + 1, sizeof *out);
    for (size_t i = 0; i < count; i++) out[i] = some ? some[i] : (uint32_t)i;
    qsort_r(out, count, sizeof *out, compare_user, (void *)(uintptr_t)d);
    return out;
}

static uint32_t *sorted_things(const struct dims *d, const struct dims_things *t, const uint32_t *some, size_t count)
{
    struct thing_order order = {.things = t};
    lexicon_view(d->texts, 0, &order.texts);
    uint32_t *out = mem_array(count + 1, sizeof *out);
    for (size_t i = 0; i < count; i++) out[i] = some ? some[i] : (uint32_t)i;
    qsort_r(out, count, sizeof *out, compare_thing, &order);
    return out;
}

/* ---- the increments of this batch, or the whole state ---- */

static void put_things(struct sheet *s, const struct lexicon_view *v, const struct dims *d, enum dims_kind kind,
                       const struct dims_things *t, bool whole)
{
    size_t n = whole ? t->count : t->touched_count;
    uint32_t *order = sorted_things(d, t, whole ? NULL : t->touched, n);
    for (size_t i = 0; i < n; i++) put_thing(s, v, d, kind, &t->thing[order[i]]);
    mem_free(order);
}

static void put_all_minutes(struct sheet *s, const struct dims *d)
{
    for (size_t i = 0; i < d->minutes_count; i++)
        for (unsigned m = 0; m < 1440; m++)
            if (d->minutes[i].bits[m / 64] >> m % 64 & 1) put_minute(s, d->minutes[i].day * CLOCK_DAY_MS + m * 60000ll);
}

static enum err write_increments(struct dims *d, struct lake *lake, struct lake_batch *batch, bool whole, struct error *e)
{
    struct sheet *s = sheet_new(inc_schema, INC_COLUMNS);
    struct lexicon_view v;
    struct lake_files files = {0};
    lexicon_view(d->texts, 0, &v);
    size_t n = whole ? d->user_count : d->touched_user_count;
    uint32_t *order = sorted_users(d, whole ? NULL : d->touched_user, n);
    enum err rc = ERR_OK;

    for (size_t i = 0; i < n; i++) put_user(s, &v, &d->user[order[i]]);
    put_things(s, &v, d, DIMS_SONG, &d->songs, whole);
    put_things(s, &v, d, DIMS_PLACE, &d->places, whole);
    qsort(d->new_minute, d->new_minute_count, sizeof *d->new_minute, compare_minute);
    if (whole) put_all_minutes(s, d);
    else
        for (size_t i = 0; i < d->new_minute_count; i++) put_minute(s, d->new_minute[i]);

    struct lake_part part = {.layer = LAKE_SILVER, .table = DIMS_TABLE, .date = LAKE_NO_DATE, .hour = -1, .k = 0, .ext = "parquet"};
    TRY(sheet_write(s, batch, &part, e));
    if (whole && lake) {
        lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = DIMS_TABLE}, &files);
        for (size_t i = 0; i < files.count; i++) TRY(lake_batch_remove(batch, files.file[i]->path, e));
    }
done:
    lake_files_free(&files);
    sheet_free(&s);
    mem_free(order);
    return rc;
}

/* ---- the dimensions ---- */

static enum err write_single(struct sheet **s, struct lake_batch *batch, const char *table, struct error *e)
{
    struct lake_part part = {.layer = LAKE_SILVER, .table = table, .date = LAKE_NO_DATE, .hour = -1, .k = LAKE_K_SINGLE,
                             .ext = "parquet"};
    enum err rc = sheet_write(*s, batch, &part, e);
    sheet_free(s);
    return rc;
}

static enum err write_users(const struct dims *d, struct lake_batch *batch, struct error *e)
{
    static const struct parquet_column schema[] = {
        {.name = "userId", .type = PARQUET_INT64},          {.name = "firstName", .type = PARQUET_STRING},
        {.name = "lastName", .type = PARQUET_STRING},       {.name = "gender", .type = PARQUET_STRING},
        {.name = "level", .type = PARQUET_STRING},          {.name = "registration", .type = PARQUET_INT64},
        {.name = "first_seen", .type = PARQUET_TIMESTAMP_MS}, {.name = "last_seen", .type = PARQUET_TIMESTAMP_MS},
    };
    struct sheet *s = sheet_new(schema, sizeof schema / sizeof *schema);
    struct lexicon_view v;
    lexicon_view(d->texts, 0, &v);
    uint32_t *order = sorted_users(d, NULL, d->user_count);
    for (size_t i = 0; i < d->user_count; i++) {
        const struct dims_user *u = &d->user[order[i]];
        sheet_integer(s, u->id);
        put_text(s, &v, u->first);
        put_text(s, &v, u->last);
        put_text(s, &v, u->gender);
        put_text(s, &v, u->runs.count ? u->runs.run[u->runs.count - 1].level : 0);
        if (u->has_registration) sheet_integer(s, u->registration);
        else sheet_null(s);
        sheet_integer(s, u->first_seen);
        sheet_integer(s, u->last_seen);
    }
    mem_free(order);
    return write_single(&s, batch, "dim_user", e);
}

static enum err write_history(const struct dims *d, struct lake_batch *batch, struct error *e)
{
    static const struct parquet_column schema[] = {
        {.name = "userId", .type = PARQUET_INT64},
        {.name = "level", .type = PARQUET_STRING},
        {.name = "valid_from", .type = PARQUET_TIMESTAMP_MS},
        {.name = "valid_to", .type = PARQUET_TIMESTAMP_MS},
    };
    struct sheet *s = sheet_new(schema, sizeof schema / sizeof *schema);
    struct lexicon_view v;
    lexicon_view(d->texts, 0, &v);
    uint32_t *order = sorted_users(d, NULL, d->user_count);
    for (size_t i = 0; i < d->user_count; i++) {
        const struct dims_user *u = &d->user[order[i]];
        for (uint32_t k = 0; k < u->runs.count; k++) {
            sheet_integer(s, u->id);
            put_text(s, &v, u->runs.run[k].level);
            sheet_integer(s, u->runs.run[k].from_ts);
            if (k + 1 < u->runs.count) sheet_integer(s, u->runs.run[k + 1].from_ts);
            else sheet_null(s);
        }
    }
    mem_free(order);
    return write_single(&s, batch, "dim_user_history", e);
}

static enum err write_songs(const struct dims *d, struct lake_batch *batch, struct error *e)
{
    static const struct parquet_column schema[] = {
        {.name = "song", .type = PARQUET_STRING},
        {.name = "artist", .type = PARQUET_STRING},
        {.name = "duration", .type = PARQUET_DOUBLE},
        {.name = "first_seen", .type = PARQUET_TIMESTAMP_MS},
    };
    struct sheet *s = sheet_new(schema, sizeof schema / sizeof *schema);
    struct lexicon_view v;
    lexicon_view(d->texts, 0, &v);
    uint32_t *order = sorted_things(d, &d->songs, NULL, d->songs.count);
    for (size_t i = 0; i < d->songs.count; i++) {
        const struct dims_thing *t = &d->songs.thing[order[i]];
        put_text(s, &v, t->key[0]);
        put_text(s, &v, t->key[1]);
        put_real(s, t->best_has[0], t->best[0]);
        sheet_integer(s, t->first_seen);
    }
    mem_free(order);
    return write_single(&s, batch, "dim_song", e);
}

static enum err write_places(const struct dims *d, struct lake_batch *batch, struct error *e)
{
    static const struct parquet_column schema[] = {
        {.name = "zip", .type = PARQUET_STRING}, {.name = "city", .type = PARQUET_STRING},
        {.name = "state", .type = PARQUET_STRING}, {.name = "lat", .type = PARQUET_DOUBLE},
        {.name = "lon", .type = PARQUET_DOUBLE},
    };
    struct sheet *s = sheet_new(schema, sizeof schema / sizeof *schema);
    struct lexicon_view v;
    lexicon_view(d->texts, 0, &v);
    uint32_t *order = sorted_things(d, &d->places, NULL, d->places.count);
    for (size_t i = 0; i < d->places.count; i++) {
        const struct dims_thing *t = &d->places.thing[order[i]];
        for (int k = 0; k < 3; k++) put_text(s, &v, t->key[k]);
        put_real(s, t->best_has[0], t->best[0]);
        put_real(s, t->best_has[1], t->best[1]);
    }
    mem_free(order);
    return write_single(&s, batch, "dim_location", e);
}

/* ISO 8601: week 1 holds the year's first Thursday. */
static int iso_week(int64_t day)
{
    struct civil thursday;
    int64_t monday = day - (((day + 3) % 7) + 7) % 7;
    clock_civil((monday + 3) * CLOCK_DAY_MS, &thursday);
    return (int)((monday + 3 - clock_days(thursday.year, 1, 1)) / 7) + 1;
}

static enum err write_times(const struct dims *d, struct lake_batch *batch, struct error *e)
{
    static const struct parquet_column schema[] = {
        {.name = "minute_ts", .type = PARQUET_INT64, .required = true},
        {.name = "year", .type = PARQUET_UINT16, .required = true},
        {.name = "month", .type = PARQUET_UINT8, .required = true},
        {.name = "day", .type = PARQUET_UINT8, .required = true},
        {.name = "hour", .type = PARQUET_UINT8, .required = true},
        {.name = "minute", .type = PARQUET_UINT8, .required = true},
        {.name = "weekday", .type = PARQUET_UINT8, .required = true},
        {.name = "week", .type = PARQUET_UINT8, .required = true},
        {.name = "is_weekend", .type = PARQUET_BOOLEAN, .required = true},
    };
    struct sheet *s = sheet_new(schema, sizeof schema / sizeof *schema);
    for (size_t i = 0; i < d->minutes_count; i++) {
        struct civil c;
        clock_civil(d->minutes[i].day * CLOCK_DAY_MS, &c);
        int week = iso_week(d->minutes[i].day);
        for (unsigned m = 0; m < 1440; m++) {
            if (!(d->minutes[i].bits[m / 64] >> m % 64 & 1)) continue;
            sheet_integer(s, d->minutes[i].day * CLOCK_DAY_MS + m * 60000ll);
            sheet_integer(s, c.year);
            sheet_integer(s, c.month);
            sheet_integer(s, c.day);
            sheet_integer(s, m / 60);
            sheet_integer(s, m % 60);
            sheet_integer(s, c.weekday);
            sheet_integer(s, week);
            sheet_integer(s, c.weekday >= 6);
        }
    }
    return write_single(&s, batch, "dim_time", e);
}

enum err dims_write(struct dims *d, struct lake *lake, struct lake_batch *batch, bool all, struct error *e)
{
    const struct {
        const char *path;
        bool changed;
        enum err (*write)(const struct dims *d, struct lake_batch *batch, struct error *e);
    } tables[] = {
        {"silver/dim_user/part-0.parquet", d->users_changed, write_users},
        {"silver/dim_user_history/part-0.parquet", d->history_changed, write_history},
        {"silver/dim_song/part-0.parquet", d->songs.changed, write_songs},
        {"silver/dim_location/part-0.parquet", d->places.changed, write_places},
        {"silver/dim_time/part-0.parquet", d->new_minute_count != 0, write_times},
    };
    struct lake_files files = {0};
    enum err rc = ERR_OK;

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct lake_files there = {0};
        bool missing = all || !lake_file_find(lake, tables[i].path, &there);
        lake_files_free(&there);
        if (missing || tables[i].changed) TRY(tables[i].write(d, batch, e));
    }
    bool touched = d->touched_user_count || d->songs.touched_count || d->places.touched_count || d->new_minute_count;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = DIMS_TABLE}, &files);
    if (touched || all || !files.count)
        TRY(write_increments(d, all ? NULL : lake, batch, all || files.count + 1 > DIMS_FILES_MOST, e));
done:
    lake_files_free(&files);
    return rc;
}
