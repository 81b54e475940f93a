/* Manifests (the files of a table) and manifest lists (the manifests of a snapshot), both Avro. Field ids are the spec's. */
#include "base/hash.h"
#include "publish/avro.h"
#include "publish/iceberg_parts.h"

#include <stdio.h>
#include <string.h>

/* Only what the spec requires, and what we know for nothing. %s: the partition's fields. */
static const char entry_schema[] =
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
    "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
    "{\"name\":\"snapshot_id\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":1},"
    "{\"name\":\"sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":3},"
    "{\"name\":\"file_sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":4},"
    "{\"name\":\"data_file\",\"field-id\":2,\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":["
    "{\"name\":\"content\",\"type\":\"int\",\"field-id\":134},"
    "{\"name\":\"file_path\",\"type\":\"string\",\"field-id\":100},"
    "{\"name\":\"file_format\",\"type\":\"string\",\"field-id\":101},"
    "{\"name\":\"partition\",\"field-id\":102,\"type\":{\"type\":\"record\",\"name\":\"r102\",\"fields\":[%s]}},"
    "{\"name\":\"record_count\",\"type\":\"long\",\"field-id\":103},"
    "{\"name\":\"file_size_in_bytes\",\"type\":\"long\",\"field-id\":104}]}}]}";
static const char day_schema[] = "{\"name\":\"event_time_day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],"
                                 "\"default\":null,\"field-id\":1000}";
static const char list_schema[] =
    "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":["
    "{\"name\":\"manifest_path\",\"type\":\"string\",\"field-id\":500},"
    "{\"name\":\"manifest_length\",\"type\":\"long\",\"field-id\":501},"
    "{\"name\":\"partition_spec_id\",\"type\":\"int\",\"field-id\":502},"
    "{\"name\":\"content\",\"type\":\"int\",\"field-id\":517},"
    "{\"name\":\"sequence_number\",\"type\":\"long\",\"field-id\":515},"
    "{\"name\":\"min_sequence_number\",\"type\":\"long\",\"field-id\":516},"
    "{\"name\":\"added_snapshot_id\",\"type\":\"long\",\"field-id\":503},"
    "{\"name\":\"added_files_count\",\"type\":\"int\",\"field-id\":504},"
    "{\"name\":\"existing_files_count\",\"type\":\"int\",\"field-id\":505},"
    "{\"name\":\"deleted_files_count\",\"type\":\"int\",\"field-id\":506},"
    "{\"name\":\"added_rows_count\",\"type\":\"long\",\"field-id\":512},"
    "{\"name\":\"existing_rows_count\",\"type\":\"long\",\"field-id\":513},"
    "{\"name\":\"deleted_rows_count\",\"type\":\"long\",\"field-id\":514},"
    "{\"name\":\"partitions\",\"default\":null,\"field-id\":507,\"type\":[\"null\",{\"type\":\"array\",\"element-id\":508,\"items\":"
    "{\"type\":\"record\",\"name\":\"r508\",\"fields\":["
    "{\"name\":\"contains_null\",\"type\":\"boolean\",\"field-id\":509},"
    "{\"name\":\"lower_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":510},"
    "{\"name\":\"upper_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":511}]}}]}]}";

enum { STATUS_ADDED = 1, CONTENT_DATA = 0, UNION_NULL = 0, UNION_VALUE = 1 };

static const char *full_uri(struct ice_table *t, const char *path) { return arena_printf(&t->arena, "%s/%s", t->root, path); }

/* Equal bytes have an equal name, so what is there already is what we would write. *uri is the arena's. */
static enum err write_once(struct ice_table *t, const char *kind, uint64_t commit, const struct buf *bytes, const char **uri,
                           struct error *e)
{
    char hex[HASH_HEX_SIZE], name[96];
    snprintf(name, sizeof name, "%s-%08llu-%.12s.avro", kind, (unsigned long long)commit,
             hash_hex(hash_128(bytes->ptr, bytes->len), hex));
    const char *path = ice_metadata_path(t, name);
    struct store *store = lake_store(t->lake);
    *uri = full_uri(t, path);
    if (store_exists(store, path)) return ERR_OK;
    enum err rc = store_put(store, path, bytes->ptr, bytes->len, e);
    return rc == ERR_EXISTS ? ERR_OK : rc;
}

static void entry(const struct ice_table *t, const struct ice_file *f, uint64_t commit, struct buf *out)
{
    avro_long(out, STATUS_ADDED);
    for (int i = 0; i < 3; i++) { /* snapshot id, sequence number, file sequence number: the commit */
        avro_long(out, UNION_VALUE);
        avro_long(out, (int64_t)commit);
    }
    avro_long(out, CONTENT_DATA);
    avro_text(out, f->uri);
    avro_text(out, "PARQUET");
    if (t->day_id) {
        avro_long(out, UNION_VALUE);
        avro_long(out, f->date);
    }
    avro_long(out, f->rows);
    avro_long(out, f->bytes);
}

static enum err write_manifest(struct ice_table *t, struct ice_manifest *m, struct error *e)
{
    struct buf records = {0}, schema = {0}, spec = {0}, file = {0};
    ice_schema_json(t, &schema);
    ice_spec_json(t, &spec);
    for (size_t i = m->first; i < m->end; i++) entry(t, &t->file[i], m->commit, &records);
    const struct avro_meta meta[] = {{"schema", schema.ptr}, {"schema-id", "0"}, {"partition-spec", spec.ptr},
                                     {"partition-spec-id", "0"}, {"format-version", "2"}, {"content", "data"}};
    const char *avro = arena_printf(&t->arena, entry_schema, t->day_id ? day_schema : "");
    avro_file(&file, avro, meta, sizeof meta / sizeof *meta, &records, (int64_t)(m->end - m->first));
    m->bytes = (int64_t)file.len;
    enum err rc = write_once(t, "files", m->commit, &file, &m->uri, e);
    buf_reset(&records);
    buf_reset(&schema);
    buf_reset(&spec);
    buf_reset(&file);
    return rc;
}

static void day_bytes(struct buf *out, int64_t day)
{
    unsigned char le[4];
    for (int i = 0; i < 4; i++) le[i] = (unsigned char)((uint64_t)day >> (8 * i));
    avro_long(out, UNION_VALUE);
    avro_bytes(out, le, sizeof le);
}

static void manifest_line(const struct ice_table *t, const struct ice_manifest *m, struct buf *out)
{
    int64_t rows = 0, least = INT64_MAX, most = INT64_MIN;
    for (size_t i = m->first; i < m->end; i++) {
        const struct ice_file *f = &t->file[i];
        rows += f->rows;
        if (f->date < least) least = f->date;
        if (f->date > most) most = f->date;
    }
    avro_text(out, m->uri);
    avro_long(out, m->bytes);
    avro_long(out, 0);
    avro_long(out, CONTENT_DATA);
    for (int i = 0; i < 3; i++) avro_long(out, (int64_t)m->commit);
    avro_long(out, (int64_t)(m->end - m->first));
    avro_long(out, 0);
    avro_long(out, 0);
    avro_long(out, rows);
    avro_long(out, 0);
    avro_long(out, 0);
    if (!t->day_id) {
        avro_long(out, UNION_NULL);
        return;
    }
    avro_long(out, UNION_VALUE);
    avro_long(out, 1); /* a block of one item */
    avro_bool(out, false);
    day_bytes(out, least);
    day_bytes(out, most);
    avro_long(out, 0); /* the list's end */
}

static enum err write_list(struct ice_table *t, size_t index, struct error *e)
{
    struct ice_snapshot *s = &t->snapshot[index];
    struct buf records = {0}, file = {0};
    size_t from = t->single ? index : 0;
    const char *id = arena_printf(&t->arena, "%llu", (unsigned long long)s->commit);
    const char *parent = index ? arena_printf(&t->arena, "%llu", (unsigned long long)t->snapshot[index - 1].commit) : "null";
    for (size_t i = from; i <= index; i++) manifest_line(t, &t->manifest[i], &records);
    const struct avro_meta meta[] = {{"snapshot-id", id}, {"parent-snapshot-id", parent}, {"sequence-number", id}, {"format-version", "2"}};
    avro_file(&file, list_schema, meta, sizeof meta / sizeof *meta, &records, (int64_t)(index - from + 1));
    enum err rc = write_once(t, "list", s->commit, &file, &s->list, e);
    buf_reset(&records);
    buf_reset(&file);
    return rc;
}

enum err ice_manifests_write(struct ice_table *t, struct error *e)
{
    enum err rc = ERR_OK;
    t->manifest = arena_zalloc(&t->arena, (t->snapshot_count + 1) * sizeof *t->manifest);
    for (size_t i = 0; i < t->snapshot_count; i++) {
        const struct ice_snapshot *s = &t->snapshot[i];
        t->manifest[i] = (struct ice_manifest){.first = s->first, .end = s->files, .commit = s->commit};
        TRY(write_manifest(t, &t->manifest[i], e));
        TRY(write_list(t, i, e));
    }
done:
    return rc;
}
