/* Inside publish/iceberg*.c. */
#ifndef LAKEFM_PUBLISH_ICEBERG_PARTS_H
#define LAKEFM_PUBLISH_ICEBERG_PARTS_H

#include "base/mem.h"
#include "publish/iceberg.h"
#include "sql/sql.h"

struct ice_column {
    const char *name, *type; /* Iceberg's type: "long" */
    int id;
};

struct ice_file { /* of one table, ordered by commit */
    const char *uri;
    uint64_t commit;
    int64_t rows, bytes, date; /* date: LAKE_NO_DATE when the table has no days */
};

struct ice_snapshot {
    uint64_t commit; /* its id and sequence number */
    int64_t time_ms;
    size_t first, files;  /* of the table's files: those this snapshot added are [first, files), it has [0, files) */
    const char *list;     /* URI of its manifest list */
};

struct ice_manifest {
    const char *uri;
    int64_t bytes;
    size_t first, end; /* of the table's files */
    uint64_t commit;
};

struct ice_table {
    struct arena arena;
    struct lake *lake;
    enum lake_layer layer;
    const char *name;
    const char *root;   /* URI of the lake's folder, no '/' at the end */
    const char *folder; /* "iceberg/silver/x", relative to it */
    bool single;        /* one file, replaced by each commit: a snapshot has its own commit's file only */
    struct ice_column *column;
    size_t column_count;
    int last_id;        /* highest column id ever used */
    int day_id;         /* of event_time when the table is partitioned by its day; 0: not */
    struct ice_file *file;
    size_t file_count;
    struct ice_snapshot *snapshot; /* oldest first */
    size_t snapshot_count;
    struct ice_manifest *manifest; /* one a snapshot, same order */
    int version;        /* of the metadata file to be written; the last one's is version - 1, 0: there is none */
    uint64_t marked;    /* what the last export was of (its property lakefm.changed); 0: none */
    uint64_t changed;   /* the last commit that changed the table's files */
    char *previous;     /* fields of the last export in short, to see that columns have not changed; NULL */
};

/* Names, types and ids from the newest file's footer; ids of names that the last export knew are kept. */
enum err ice_columns_read(struct ice_table *t, struct sql_conn *conn, const char *local_path, struct error *e) MUST_CHECK;
/* The last export of this table, if any: version, marked, ids by name (kept until ice_columns_read). */
enum err ice_previous_read(struct ice_table *t, struct error *e) MUST_CHECK;
/* The table's Iceberg schema as JSON; appends. */
void ice_schema_json(const struct ice_table *t, struct buf *out);
/* The partition fields as a JSON list; appends. */
void ice_spec_json(const struct ice_table *t, struct buf *out);
/* Writes manifests and manifest lists of all snapshots; those that are there already are left. */
enum err ice_manifests_write(struct ice_table *t, struct error *e) MUST_CHECK;
/* Writes v<version>.metadata.json and points version-hint.text to it. */
enum err ice_metadata_write(struct ice_table *t, struct error *e) MUST_CHECK;
/* "v3.metadata.json" etc. as a path relative to the lake, from the arena. */
const char *ice_metadata_path(struct ice_table *t, const char *name);

#endif
