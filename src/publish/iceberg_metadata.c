/* Table metadata: columns and their ids, and the JSON file that ties all together. */
#include "base/clock.h"
#include "publish/iceberg_parts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *duckdb, *iceberg;
} types[] = {
    {"BOOLEAN", "boolean"}, {"TINYINT", "int"},  {"SMALLINT", "int"},   {"INTEGER", "int"},   {"UTINYINT", "int"},
    {"USMALLINT", "int"},   {"UINTEGER", "long"}, {"BIGINT", "long"},   {"FLOAT", "float"},   {"DOUBLE", "double"},
    {"DATE", "date"},       {"TIME", "time"},    {"VARCHAR", "string"}, {"BLOB", "binary"},   {"TIMESTAMP", "timestamp"},
    {"TIMESTAMP_MS", "timestamp"}, {"TIMESTAMP_S", "timestamp"}, {"TIMESTAMP WITH TIME ZONE", "timestamptz"}, {0},
};

static const char *type_of(struct arena *arena, const char *duckdb)
{
    int precision, scale;
    for (size_t i = 0; types[i].duckdb; i++)
        if (!strcmp(types[i].duckdb, duckdb)) return types[i].iceberg;
    if (sscanf(duckdb, "DECIMAL(%d,%d)", &precision, &scale) == 2)
        return arena_printf(arena, "decimal(%d,%d)", precision, scale);
    return NULL;
}

const char *ice_metadata_path(struct ice_table *t, const char *name)
{
    return arena_printf(&t->arena, "%s/metadata/%s", t->folder, name);
}

/* ---- the last export ---- */

/* "name\tid\n" lines, and the highest id ever. */
static void remember_ids(struct ice_table *t, const json_t *root)
{
    struct buf text = {0};
    size_t i;
    const json_t *field, *schema = json_array_get(json_object_get(root, "schemas"), 0);
    json_array_foreach(json_object_get(schema, "fields"), i, field)
        buf_printf(&text, "%s\t%d\t%s\n", json_string_value(json_object_get(field, "name")),
                   (int)json_integer_value(json_object_get(field, "id")), json_string_value(json_object_get(field, "type")));
    char *taken = buf_take(&text);
    t->previous = arena_strdup(&t->arena, taken);
    mem_free(taken);
    t->last_id = (int)json_integer_value(json_object_get(root, "last-column-id"));
    const char *marked = json_string_value(json_object_get(json_object_get(root, "properties"), "lakefm.changed"));
    t->marked = marked ? strtoull(marked, NULL, 10) : 0;
}

enum err ice_previous_read(struct ice_table *t, struct error *e)
{
    enum err rc = ERR_OK;
    struct store_items items = {0};
    struct buf text = {0};
    json_error_t why;
    json_t *root = NULL;
    const char *folder = arena_printf(&t->arena, "%s/metadata", t->folder);
    int last = 0, n, end;
    TRY(store_list(lake_store(t->lake), folder, &items, e));
    for (size_t i = 0; i < items.count; i++)
        if (end = 0, sscanf(items.item[i].path, "v%d.metadata.json%n", &n, &end) == 1 && end && !items.item[i].path[end] && n > last)
            last = n;
    t->version = last + 1;
    if (!last) goto done;
    const char *path = ice_metadata_path(t, arena_printf(&t->arena, "v%d.metadata.json", last));
    TRY(store_read(lake_store(t->lake), path, &text, e));
    root = json_loadb(text.ptr, text.len, 0, &why);
    if (!root) {
        err_set(e, ERR_CORRUPT, "%s: %s", path, why.text);
        rc = err_hint(e, "remove the folder %s and export again", t->folder);
        goto done;
    }
    remember_ids(t, root);
done:
    json_decref(root);
    buf_reset(&text);
    store_items_free(&items);
    return rc;
}

static int known_id(const struct ice_table *t, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = t->previous; line && *line; line = strchr(line, '\n') + 1)
        if (!strncmp(line, name, len) && line[len] == '\t') return atoi(line + len + 1);
    return 0;
}

/* ---- columns ---- */

static enum err add_column(struct ice_table *t, const char *name, const char *type, struct error *e)
{
    struct ice_column *c = &t->column[t->column_count++];
    c->name = arena_strdup(&t->arena, name);
    c->type = type_of(&t->arena, type);
    if (!c->type) {
        err_set(e, ERR_UNSUPPORTED, "Iceberg has no type for %s of column %s, table %s", type, name, t->name);
        return err_hint(e, "cast it to another type in the model");
    }
    c->id = known_id(t, name);
    if (!c->id) c->id = ++t->last_id;
    return ERR_OK;
}

enum err ice_columns_read(struct ice_table *t, struct sql_conn *conn, const char *local_path, struct error *e)
{
    enum err rc = ERR_OK;
    struct sql_result *r = NULL;
    struct buf text = {0};
    size_t rows;
    buf_str(&text, "select column_name, column_type from (describe select * from read_parquet(");
    sql_quote_text(&text, local_path, strlen(local_path));
    buf_str(&text, ", hive_partitioning = false))");
    TRY(sql_query(conn, text.ptr, SQL_WHOLE, &r, e));
    t->column = arena_zalloc(&t->arena, (size_t)(sql_result_rows(r) + 1) * sizeof *t->column);
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++) {
            struct view name = sql_get_text(r, 0, i);
            char *column = mem_strndup(name.ptr, name.len);
            struct view type = sql_get_text(r, 1, i);
            char *type_text = mem_strndup(type.ptr, type.len);
            rc = add_column(t, column, type_text, e);
            mem_free(column);
            mem_free(type_text);
            if (rc != ERR_OK) goto done;
        }
    }
    for (size_t i = 0; i < t->column_count; i++)
        if (!strcmp(t->column[i].name, "event_time") && !strcmp(t->column[i].type, "timestamp")) t->day_id = t->column[i].id;
done:
    sql_result_free(&r);
    buf_reset(&text);
    return rc;
}

void ice_schema_json(const struct ice_table *t, struct buf *out)
{
    buf_str(out, "{\"type\":\"struct\",\"schema-id\":0,\"fields\":[");
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ice_column *c = &t->column[i];
        buf_printf(out, "%s{\"id\":%d,\"name\":", i ? "," : "", c->id);
        buf_json(out, c->name, strlen(c->name));
        buf_printf(out, ",\"required\":false,\"type\":\"%s\"}", c->type);
    }
    buf_str(out, "]}");
}

void ice_spec_json(const struct ice_table *t, struct buf *out)
{
    if (!t->day_id) buf_str(out, "[]");
    else buf_printf(out, "[{\"name\":\"event_time_day\",\"transform\":\"day\",\"source-id\":%d,\"field-id\":1000}]", t->day_id);
}

/* ---- the file ---- */

static void add_snapshots(const struct ice_table *t, struct buf *out)
{
    int64_t files, rows, before = 0;
    buf_str(out, ",\"snapshots\":[");
    for (size_t i = 0; i < t->snapshot_count; i++) {
        const struct ice_snapshot *s = &t->snapshot[i];
        files = rows = 0;
        for (size_t k = t->single ? s->first : 0; k < s->files; k++) files++, rows += t->file[k].rows;
        buf_printf(out, "%s{\"snapshot-id\":%llu,\"sequence-number\":%llu,\"timestamp-ms\":%lld", i ? "," : "",
                   (unsigned long long)s->commit, (unsigned long long)s->commit, (long long)s->time_ms);
        if (i) buf_printf(out, ",\"parent-snapshot-id\":%llu", (unsigned long long)t->snapshot[i - 1].commit);
        buf_printf(out, ",\"schema-id\":0,\"manifest-list\":");
        buf_json(out, s->list, strlen(s->list));
        buf_printf(out,
                   ",\"summary\":{\"operation\":\"%s\",\"total-data-files\":\"%lld\",\"total-records\":\"%lld\","
                   "\"added-records\":\"%lld\",\"lakefm.commit\":\"%llu\"}}",
                   t->single ? "overwrite" : "append", (long long)files, (long long)rows,
                   (long long)(t->single ? rows : rows - before), (unsigned long long)s->commit);
        before = rows;
    }
    buf_str(out, "],\"snapshot-log\":[");
    for (size_t i = 0; i < t->snapshot_count; i++)
        buf_printf(out, "%s{\"snapshot-id\":%llu,\"timestamp-ms\":%lld}", i ? "," : "",
                   (unsigned long long)t->snapshot[i].commit, (long long)t->snapshot[i].time_ms);
    buf_str(out, "]");
}

/* The JSON as a text in JSON: Iceberg wants the mapping as a property. */
static void add_properties(const struct ice_table *t, struct buf *out)
{
    struct buf map = {0};
    buf_char(&map, '[');
    for (size_t i = 0; i < t->column_count; i++) {
        buf_printf(&map, "%s{\"field-id\":%d,\"names\":[", i ? "," : "", t->column[i].id);
        buf_json(&map, t->column[i].name, strlen(t->column[i].name));
        buf_str(&map, "]}");
    }
    buf_char(&map, ']');
    buf_str(out, ",\"properties\":{\"write.format.default\":\"parquet\",\"schema.name-mapping.default\":");
    buf_json(out, map.ptr, map.len);
    buf_printf(out, ",\"lakefm.changed\":\"%llu\"}", (unsigned long long)t->changed);
    buf_reset(&map);
}

/* A UUID that the table keeps for ever: of the lake and the table's name. */
static void add_uuid(const struct ice_table *t, struct buf *out)
{
    char lake[HASH_HEX_SIZE], hex[HASH_HEX_SIZE];
    char *name = mem_printf("%s/%s/%s", hash_hex(lake_id(t->lake), lake), lake_layer_name(t->layer), t->name);
    hash_hex(hash_128(name, strlen(name)), hex);
    buf_printf(out, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
    mem_free(name);
}

static void add_metadata(const struct ice_table *t, struct buf *out)
{
    const struct ice_snapshot *last = t->snapshot_count ? &t->snapshot[t->snapshot_count - 1] : NULL;
    buf_str(out, "{\"format-version\":2,\"table-uuid\":\"");
    add_uuid(t, out);
    char *location = mem_printf("%s/%s", t->root, t->folder);
    buf_str(out, "\",\"location\":");
    buf_json(out, location, strlen(location));
    mem_free(location);
    buf_printf(out, ",\"last-sequence-number\":%llu,\"last-updated-ms\":%lld,\"last-column-id\":%d,\"current-schema-id\":0,\"schemas\":[",
               last ? (unsigned long long)last->commit : 0ull, (long long)(last ? last->time_ms : clock_now_ms()), t->last_id);
    ice_schema_json(t, out);
    buf_str(out, "],\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":");
    ice_spec_json(t, out);
    buf_printf(out, "}],\"last-partition-id\":%d,\"default-sort-order-id\":0,\"sort-orders\":[{\"order-id\":0,\"fields\":[]}]",
               t->day_id ? 1000 : 999);
    add_properties(t, out);
    add_snapshots(t, out);
    if (last)
        buf_printf(out, ",\"current-snapshot-id\":%llu,\"refs\":{\"main\":{\"snapshot-id\":%llu,\"type\":\"branch\"}}",
                   (unsigned long long)last->commit, (unsigned long long)last->commit);
    else
        buf_str(out, ",\"current-snapshot-id\":-1,\"refs\":{}");
    buf_str(out, ",\"metadata-log\":[]}\n");
}

enum err ice_metadata_write(struct ice_table *t, struct error *e)
{
    enum err rc = ERR_OK;
    struct store *store = lake_store(t->lake);
    struct buf text = {0};
    char hint[32];
    const char *hint_path = ice_metadata_path(t, "version-hint.text"), *next = ice_metadata_path(t, "version-hint.next");
    const char *path = ice_metadata_path(t, arena_printf(&t->arena, "v%d.metadata.json", t->version));
    add_metadata(t, &text);
    rc = store_put(store, path, text.ptr, text.len, e);
    if (rc == ERR_EXISTS) rc = err_hint(e, "another export of %s is at work", t->name);
    if (rc != ERR_OK) goto done;
    snprintf(hint, sizeof hint, "%d", t->version);
    TRY(store_remove(store, next, e));
    TRY(store_put(store, next, hint, strlen(hint), e));
    TRY(store_rename(store, next, hint_path, e));
    TRY(store_sync_dir(store, arena_printf(&t->arena, "%s/metadata", t->folder), e));
done:
    buf_reset(&text);
    return rc;
}
