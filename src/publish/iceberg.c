#include "publish/iceberg.h"

#include "base/clock.h"
#include "publish/iceberg_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOTS = 100, KEEP_MS = 3600 * 1000 };

static int by_commit(const void *a, const void *b)
{
    const struct ice_file *x = a, *y = b;
    if (x->commit != y->commit) return x->commit < y->commit ? -1 : 1;
    return strcmp(x->uri, y->uri);
}

/* ---- which files, which snapshots ---- */

/* The last commit whose rows are no longer in the files it brought (merged, or made anew): snapshots before it are gone. */
static uint64_t oldest_whole(const struct lake_files *files)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct lake_file *f = files->file[i];
        if (f->min_batch < f->commit && f->commit > oldest) oldest = f->commit;
    }
    return oldest;
}

static void take_facts(struct ice_table *t, const struct lake_files *files)
{
    t->file = arena_zalloc(&t->arena, (files->count + 1) * sizeof *t->file);
    for (size_t i = 0; i < files->count; i++) {
        const struct lake_file *f = files->file[i];
        if (!f->rows) continue; /* those that only show a table's columns */
        t->file[t->file_count++] = (struct ice_file){
            arena_printf(&t->arena, "%s/%s", t->root, f->path), f->commit, f->rows, f->bytes, f->date};
        if (f->date == LAKE_NO_DATE) t->day_id = 0;
    }
    qsort(t->file, t->file_count, sizeof *t->file, by_commit);
}

/* data/<commit>-<rows>.parquet, second names of the files that were gold/x/part-0.parquet when they were exported. */
static enum err take_links(struct ice_table *t, const struct lake_file *now, struct error *e)
{
    enum err rc = ERR_OK;
    struct store *store = lake_store(t->lake);
    struct store_items items = {0};
    const char *folder = arena_printf(&t->arena, "%s/data", t->folder);
    const char *link = arena_printf(&t->arena, "%s/%08llu-%lld.parquet", folder, (unsigned long long)now->commit, (long long)now->rows);
    TRY(store_make_dirs(store, folder, e));
    rc = store_link(store, now->path, link, e);
    bool linked = rc == ERR_OK || rc == ERR_EXISTS;
    if (!linked && rc != ERR_UNSUPPORTED) goto done;
    TRY(store_walk(store, folder, &items, e));
    t->file = arena_zalloc(&t->arena, (items.count + 1) * sizeof *t->file);
    for (size_t i = 0; i < items.count; i++) {
        unsigned long long commit;
        long long rows;
        if (sscanf(items.item[i].path, "%llu-%lld.parquet", &commit, &rows) != 2 || commit > now->commit) continue;
        t->file[t->file_count++] = (struct ice_file){arena_printf(&t->arena, "%s/%s/%s", t->root, folder, items.item[i].path),
                                                     commit, rows, (int64_t)items.item[i].bytes, LAKE_NO_DATE};
    }
    if (!linked)
        t->file[t->file_count++] = (struct ice_file){arena_printf(&t->arena, "%s/%s", t->root, now->path), now->commit, now->rows,
                                                     now->bytes, LAKE_NO_DATE};
    qsort(t->file, t->file_count, sizeof *t->file, by_commit);
done:
    store_items_free(&items);
    return rc;
}

/* Every commit that brought files, from `oldest` on, is a snapshot; the newest `most` of them. What came before the first is
 * counted as brought by it. */
static enum err take_snapshots(struct ice_table *t, uint64_t oldest, size_t most, struct error *e)
{
    t->snapshot = arena_zalloc(&t->arena, (t->file_count + 1) * sizeof *t->snapshot);
    for (size_t i = 0; i < t->file_count; i++) {
        bool last_of_commit = i + 1 == t->file_count || t->file[i + 1].commit != t->file[i].commit;
        if (!last_of_commit || t->file[i].commit < oldest) continue;
        t->snapshot[t->snapshot_count++] = (struct ice_snapshot){.commit = t->file[i].commit, .files = i + 1};
    }
    if (t->snapshot_count > most) {
        t->snapshot += t->snapshot_count - most;
        t->snapshot_count = most;
    }
    int64_t before = 0;
    for (size_t i = 0; i < t->snapshot_count; i++) {
        struct ice_snapshot *s = &t->snapshot[i];
        struct lake_entry entry;
        enum err rc = lake_entry_read(t->lake, s->commit, &entry, e);
        if (rc == ERR_OK) s->time_ms = entry.time_ms > before ? entry.time_ms : before + 1;
        lake_entry_reset(&entry);
        if (rc != ERR_OK) return rc;
        before = s->time_ms;
        s->first = t->single ? s->files - 1 : i ? t->snapshot[i - 1].files : 0;
    }
    return ERR_OK;
}

/* ---- tidying ---- */

/* Whether the table as it is now is made of this file of the metadata folder. */
static bool in_use(struct ice_table *t, const char *name)
{
    int version;
    if (sscanf(name, "v%d.metadata.json", &version) == 1) return version + 1 >= t->version;
    if (!str_ends(name, ".avro")) return true;
    for (size_t i = 0; i < t->snapshot_count; i++)
        if (str_ends(t->snapshot[i].list, name) || str_ends(t->manifest[i].uri, name)) return true;
    return false;
}

/* What no snapshot needs goes, an hour after it was written: somebody may still be reading by older metadata. */
static enum err tidy(struct ice_table *t, struct error *e)
{
    enum err rc = ERR_OK;
    struct store *store = lake_store(t->lake);
    struct store_items items = {0};
    struct store_stat stat;
    TRY(store_walk(store, t->folder, &items, e));
    for (size_t i = 0; i < items.count; i++) {
        const char *path = arena_printf(&t->arena, "%s/%s", t->folder, items.item[i].path), *name = strrchr(path, '/') + 1;
        bool used = str_starts(items.item[i].path, "metadata/") ? in_use(t, name) : false;
        for (size_t k = 0; !used && k < t->snapshot_count; k++)
            used = t->single && str_ends(t->file[t->snapshot[k].first].uri, path);
        if (used) continue;
        TRY(store_stat(store, path, &stat, e));
        if (clock_now_ms() - stat.mtime_ms > KEEP_MS) TRY(store_remove(store, path, e));
    }
done:
    store_items_free(&items);
    return rc;
}

/* ---- a table ---- */

static const struct lake_file *newest(const struct lake_files *files)
{
    const struct lake_file *best = files->file[0];
    for (size_t i = 1; i < files->count; i++)
        if (files->file[i]->commit > best->commit) best = files->file[i];
    return best;
}

static bool same_columns(const struct ice_table *t)
{
    struct buf now = {0};
    for (size_t i = 0; i < t->column_count; i++)
        buf_printf(&now, "%s\t%d\t%s\n", t->column[i].name, t->column[i].id, t->column[i].type);
    bool same = t->previous && now.ptr && !strcmp(now.ptr, t->previous);
    buf_reset(&now);
    return same;
}

static enum err build(struct ice_table *t, struct sql_conn *conn, const struct lake_files *files, size_t most, bool *unchanged,
                      struct error *e)
{
    enum err rc = ERR_OK;
    char *local = NULL;
    const struct lake_file *last = newest(files);
    TRY(ice_previous_read(t, e));
    TRY(lake_file_path(t->lake, last, &local, e));
    TRY(ice_columns_read(t, conn, local, e));
    t->single = files->count == 1 && last->date == LAKE_NO_DATE;
    if (t->single) t->day_id = 0;
    if (t->single && last->rows) TRY(take_links(t, last, e));
    else take_facts(t, files);
    TRY(take_snapshots(t, t->single ? 0 : oldest_whole(files), most, e));
    *unchanged = t->version > 1 && t->marked == t->changed && same_columns(t);
    if (*unchanged) goto done;
    TRY(store_make_dirs(lake_store(t->lake), arena_printf(&t->arena, "%s/metadata", t->folder), e));
    TRY(ice_manifests_write(t, e));
    TRY(ice_metadata_write(t, e));
    TRY(tidy(t, e));
done:
    mem_free(local);
    return rc;
}

static enum err export_table(struct lake *lake, const struct lake_table *table, const char *root, struct sql_conn *conn,
                             const struct iceberg_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_files files = {0};
    struct ice_table t = {.lake = lake, .layer = table->layer, .name = table->table, .root = root, .changed = table->files_changed};
    bool unchanged = false;
    arena_init(&t.arena);
    t.folder = arena_printf(&t.arena, ICEBERG_FOLDER "/%s/%s", lake_layer_name(table->layer), table->table);
    lake_files(lake, &(struct lake_filter){.layers = 1u << table->layer, .table = table->table}, &files);
    if (!files.count) goto done;
    TRY(build(&t, conn, &files, o->snapshots ? o->snapshots : SNAPSHOTS, &unchanged, e));
    struct iceberg_table said = {.layer = t.layer, .table = t.name, .files = files.count, .rows = files.rows,
                                 .snapshots = t.snapshot_count, .unchanged = unchanged};
    said.metadata = arena_printf(&t.arena, "%s/%s/metadata/v%d.metadata.json", root, t.folder, unchanged ? t.version - 1 : t.version);
    if (o->done) o->done(o->ctx, &said);
done:
    if (rc != ERR_OK) err_context(e, "table %s: ", table->table);
    lake_files_free(&files);
    arena_reset(&t.arena);
    return rc;
}

/* "file:///data/lake", "hdfs://host:8020/user". Heap. */
static enum err root_uri(struct lake *lake, char **out, struct error *e)
{
    if (!store_is_local(lake_store(lake))) {
        *out = mem_strdup(lake_url(lake));
        for (size_t n = strlen(*out); n && (*out)[n - 1] == '/'; n--) (*out)[n - 1] = '\0';
        return ERR_OK;
    }
    char *local = store_local_path(lake_store(lake), "log"), *real = local ? realpath(local, NULL) : NULL;
    mem_free(local);
    if (!real) return err_sys(e, errno, "cannot find the folder of %s", lake_url(lake));
    *strrchr(real, '/') = '\0';
    *out = mem_printf("file://%s", real);
    free(real);
    return ERR_OK;
}

enum err iceberg_export(struct lake *lake, const struct iceberg_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_tables tables = {0};
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    char *root = NULL;
    TRY(root_uri(lake, &root, e));
    TRY(sql_open(&(struct sql_options){.threads = 1}, &db, e));
    TRY(sql_connect(db, &conn, e));
    lake_tables(lake, &tables);
    for (size_t i = 0; i < tables.count; i++) {
        const struct lake_table *t = &tables.table[i];
        if (t->layer != LAKE_SILVER && t->layer != LAKE_GOLD) continue;
        if (str_starts(t->table, "inc_")) continue; /* refine's own notes */
        if (o->stop && *o->stop) {
            rc = err_set(e, ERR_STOPPED, "interrupted; %s is not exported", t->table);
            goto done;
        }
        TRY(export_table(lake, t, root, conn, o, e));
    }
done:
    lake_tables_free(&tables);
    sql_disconnect(&conn);
    sql_close(&db);
    mem_free(root);
    return rc;
}
