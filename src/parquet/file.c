#include "base/io.h"
#include "base/mem.h"
#include "parquet/internal.h"
#include "parquet/thrift.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/*  file   PAR1 │ row groups │ footer │ footer's length, 4 bytes │ PAR1 */
static const char magic[4] = {'P', 'A', 'R', '1'};

struct parquet_file {
    /* immutable after parquet_file_new */
    struct parquet_layout layout;
    struct parquet_column *columns; /* layout.columns; names in the arena */
    bool sync, early;
    int fd;
    struct buf *memory; /* instead of fd */
    const char *path;
    struct parquet_pair *pairs;
    size_t pair_count;
    struct arena arena;

    pthread_mutex_t lock; /* guards what follows, and the order of the bytes */
    uint64_t bytes, rows;
    uint32_t row_groups;
    struct hasher *hasher;
    struct buf groups; /* RowGroup structs of the footer, one after the other */
    bool finished, spoiled;
    struct error why; /* spoiled */
};

const struct parquet_layout *parquet_file_layout(const struct parquet_file *file) { return &file->layout; }

/* ---- new, free */

static enum err check_schema(const struct parquet_column *columns, size_t count, const struct parquet_options *o,
                             struct error *e)
{
    if (!count || count > PARQUET_COLUMNS_MAX)
        return err_set(e, ERR_USAGE, "a Parquet file of %zu columns (1 to %d)", count, PARQUET_COLUMNS_MAX);
    if (o->level < 0 || o->level > ZSTD_maxCLevel())
        return err_set(e, ERR_USAGE, "Zstandard level %d (1 to %d)", o->level, ZSTD_maxCLevel());
    for (size_t i = 0; i < count; i++) {
        if (!columns[i].name || !*columns[i].name)
            return err_set(e, ERR_USAGE, "Parquet column %zu has no name", i + 1);
        if ((unsigned)columns[i].type > PARQUET_STRING)
            return err_set(e, ERR_USAGE, "Parquet column %s has no known type", columns[i].name);
        if (columns[i].bloom && (columns[i].type == PARQUET_BOOLEAN || columns[i].type == PARQUET_DOUBLE))
            return err_set(e, ERR_USAGE, "Parquet column %s: no Bloom filter for its type", columns[i].name);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(columns[i].name, columns[j].name))
                return err_set(e, ERR_USAGE, "two Parquet columns named %s", columns[i].name);
    }
    return ERR_OK;
}

static struct view copy_view(struct arena *a, struct view v)
{
    return view_from(arena_strndup(a, v.ptr, v.len), v.len);
}

static void copy_description(struct parquet_file *f, const struct parquet_column *columns, size_t count,
                             const struct parquet_options *o)
{
    f->columns = arena_alloc(&f->arena, count * sizeof *columns);
    memcpy(f->columns, columns, count * sizeof *columns);
    for (size_t i = 0; i < count; i++) f->columns[i].name = arena_strdup(&f->arena, columns[i].name);
    f->pairs = arena_alloc(&f->arena, o->pair_count * sizeof *f->pairs);
    for (size_t i = 0; i < o->pair_count; i++)
        f->pairs[i] =
            (struct parquet_pair){copy_view(&f->arena, o->pairs[i].key), copy_view(&f->arena, o->pairs[i].value)};
    f->pair_count = o->pair_count;
    f->sync = o->sync;
    f->early = o->sync || o->early;
    int level = o->level ? o->level : 1;
    f->layout = (struct parquet_layout){f->columns, count, o->codec == PARQUET_ZSTD ? level : 0};
}

static enum err put(struct parquet_file *f, const void *p, size_t len, struct error *e)
{
    enum err rc = ERR_OK;
    if (f->memory)
        buf_add(f->memory, p, len);
    else
        rc = io_write_all(f->fd, p, len, f->path, e);
    if (rc != ERR_OK) return rc;
    hasher_add(f->hasher, p, len);
    f->bytes += len;
    return ERR_OK;
}

static enum err file_new(const struct parquet_column *columns, size_t count, const struct parquet_options *options,
                         int fd, struct buf *memory, const char *path, struct parquet_file **out, struct error *e)
{
    *out = NULL;
    enum err rc = check_schema(columns, count, options, e);
    if (rc != ERR_OK) return rc;
    struct parquet_file *f = mem_zalloc(sizeof *f);
    arena_init(&f->arena);
    copy_description(f, columns, count, options);
    f->fd = fd;
    f->memory = memory;
    f->path = arena_strdup(&f->arena, path);
    f->hasher = hasher_new();
    pthread_mutex_init(&f->lock, NULL);
    rc = put(f, magic, sizeof magic, e);
    if (rc != ERR_OK) parquet_file_free(&f);
    *out = f;
    return rc;
}

enum err parquet_file_new(const struct parquet_column *columns, size_t column_count,
                          const struct parquet_options *options, int fd, const char *path, struct parquet_file **out,
                          struct error *e)
{
    return file_new(columns, column_count, options, fd, NULL, path, out, e);
}

enum err parquet_file_new_memory(const struct parquet_column *columns, size_t column_count,
                                 const struct parquet_options *options, struct buf *out_bytes,
                                 struct parquet_file **out, struct error *e)
{
    return file_new(columns, column_count, options, -1, out_bytes, "memory", out, e);
}

void parquet_file_free(struct parquet_file **file)
{
    struct parquet_file *f = *file;
    if (!f) return;
    *file = NULL;
    hasher_free(&f->hasher);
    buf_reset(&f->groups);
    arena_reset(&f->arena);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

/* ---- the footer's structs (parquet.thrift) */

static void put_bound(struct thrift_writer *w, int id, const struct parquet_bound *b)
{
    thrift_text(w, id, view_from((const char *)b->bytes, b->len));
}

static void put_statistics(struct thrift_writer *w, const struct parquet_chunk *c)
{
    thrift_open(w, 12);
    thrift_i64(w, 3, c->nulls);
    if (c->distinct) thrift_i64(w, 4, c->distinct);
    if (c->bounded) {
        put_bound(w, 5, &c->max);
        put_bound(w, 6, &c->min);
        thrift_bool(w, 7, c->max.exact);
        thrift_bool(w, 8, c->min.exact);
    }
    thrift_close(w);
}

static void put_encodings(struct thrift_writer *w, const struct parquet_chunk *c)
{
    size_t count = 1; /* RLE, of the levels */
    bool plain = c->has_dictionary || c->pages[ENCODING_PLAIN];
    for (int i = 1; i < ENCODING_COUNT; i++) count += c->pages[i] && i != ENCODING_RLE;
    thrift_list(w, 2, THRIFT_I32, count + plain);
    if (plain) thrift_item_i32(w, ENCODING_PLAIN);
    thrift_item_i32(w, ENCODING_RLE);
    for (int i = 1; i < ENCODING_COUNT; i++)
        if (c->pages[i] && i != ENCODING_RLE) thrift_item_i32(w, i);
}

static void put_encoding_stat(struct thrift_writer *w, int page_type, int encoding, uint32_t pages)
{
    thrift_item_open(w);
    thrift_i32(w, 1, page_type);
    thrift_i32(w, 2, encoding);
    thrift_i32(w, 3, (int32_t)pages);
    thrift_close(w);
}

static void put_encoding_stats(struct thrift_writer *w, const struct parquet_chunk *c)
{
    size_t count = c->has_dictionary;
    for (int i = 0; i < ENCODING_COUNT; i++) count += c->pages[i] > 0;
    thrift_list(w, 13, THRIFT_STRUCT, count);
    if (c->has_dictionary) put_encoding_stat(w, PAGE_DICTIONARY, ENCODING_PLAIN, 1);
    for (int i = 0; i < ENCODING_COUNT; i++)
        if (c->pages[i]) put_encoding_stat(w, PAGE_DATA, i, c->pages[i]);
}

static void put_column_chunk(struct thrift_writer *w, const struct parquet_file *f, const struct parquet_column *column,
                             const struct parquet_chunk *c)
{
    thrift_item_open(w);
    thrift_i64(w, 2, (int64_t)(f->bytes + c->start));
    thrift_open(w, 3); /* ColumnMetaData */
    thrift_i32(w, 1, parquet_kind(column->type)->physical);
    put_encodings(w, c);
    thrift_list(w, 3, THRIFT_BINARY, 1);
    thrift_item_text(w, view_of(column->name));
    thrift_i32(w, 4, f->layout.level ? CODEC_ZSTD : CODEC_UNCOMPRESSED);
    thrift_i64(w, 5, c->rows);
    thrift_i64(w, 6, (int64_t)c->raw_bytes);
    thrift_i64(w, 7, (int64_t)c->file_bytes);
    thrift_i64(w, 9, (int64_t)(f->bytes + c->data_at));
    if (c->has_dictionary) thrift_i64(w, 11, (int64_t)(f->bytes + c->start));
    put_statistics(w, c);
    put_encoding_stats(w, c);
    if (c->bloom_bytes) {
        thrift_i64(w, 14, (int64_t)(f->bytes + c->bloom_at));
        thrift_i32(w, 15, (int32_t)c->bloom_bytes);
    }
    thrift_close(w);
    thrift_close(w);
}

static void put_row_group(struct parquet_file *f, const struct parquet_encoder *en)
{
    struct thrift_writer w = {.out = &f->groups};
    uint64_t raw = 0, compressed = 0;
    thrift_list(&w, 1, THRIFT_STRUCT, f->layout.column_count);
    for (size_t i = 0; i < f->layout.column_count; i++) {
        put_column_chunk(&w, f, f->columns + i, en->chunks + i);
        raw += en->chunks[i].raw_bytes;
        compressed += en->chunks[i].file_bytes;
    }
    thrift_i64(&w, 2, (int64_t)raw);
    thrift_i64(&w, 3, en->rows);
    thrift_i64(&w, 5, (int64_t)(f->bytes + en->chunks[0].start));
    thrift_i64(&w, 6, (int64_t)compressed);
    if (f->row_groups <= INT16_MAX) thrift_i16(&w, 7, (int16_t)f->row_groups);
    thrift_close(&w);
}

static void put_logical_type(struct thrift_writer *w, enum parquet_type type)
{
    const struct parquet_kind *kind = parquet_kind(type);
    enum { LOGICAL_STRING = 1, LOGICAL_DATE = 6, LOGICAL_TIMESTAMP = 8, LOGICAL_INTEGER = 10 };
    if (!kind->bits && type != PARQUET_STRING && type != PARQUET_DATE && type != PARQUET_TIMESTAMP_MS) return;
    thrift_open(w, 10);
    if (type == PARQUET_STRING) thrift_empty(w, LOGICAL_STRING);
    if (type == PARQUET_DATE) thrift_empty(w, LOGICAL_DATE);
    if (type == PARQUET_TIMESTAMP_MS) {
        thrift_open(w, LOGICAL_TIMESTAMP);
        thrift_bool(w, 1, false); /* isAdjustedToUTC */
        thrift_open(w, 2);        /* unit: MILLIS */
        thrift_empty(w, 1);
        thrift_close(w);
        thrift_close(w);
    }
    if (kind->bits) {
        thrift_open(w, LOGICAL_INTEGER);
        thrift_i8(w, 1, (int8_t)kind->bits);
        thrift_bool(w, 2, kind->is_signed);
        thrift_close(w);
    }
    thrift_close(w);
}

static void put_schema(struct thrift_writer *w, const struct parquet_file *f)
{
    thrift_list(w, 2, THRIFT_STRUCT, f->layout.column_count + 1);
    thrift_item_open(w);
    thrift_text(w, 4, view_of("schema"));
    thrift_i32(w, 5, (int32_t)f->layout.column_count);
    thrift_close(w);
    for (size_t i = 0; i < f->layout.column_count; i++) {
        const struct parquet_column *column = f->columns + i;
        const struct parquet_kind *kind = parquet_kind(column->type);
        thrift_item_open(w);
        thrift_i32(w, 1, kind->physical);
        thrift_i32(w, 3, !column->required);
        thrift_text(w, 4, view_of(column->name));
        if (kind->converted >= 0) thrift_i32(w, 6, kind->converted);
        put_logical_type(w, column->type);
        thrift_close(w);
    }
}

static void put_pairs(struct thrift_writer *w, const struct parquet_file *f)
{
    if (!f->pair_count) return;
    thrift_list(w, 5, THRIFT_STRUCT, f->pair_count);
    for (size_t i = 0; i < f->pair_count; i++) {
        thrift_item_open(w);
        thrift_text(w, 1, f->pairs[i].key);
        thrift_text(w, 2, f->pairs[i].value);
        thrift_close(w);
    }
}

static void put_footer(const struct parquet_file *f, struct buf *out)
{
    struct thrift_writer w = {.out = out};
    thrift_i32(&w, 1, 2); /* version */
    put_schema(&w, f);
    thrift_i64(&w, 3, (int64_t)f->rows);
    thrift_list(&w, 4, THRIFT_STRUCT, f->row_groups);
    buf_add(out, f->groups.ptr, f->groups.len);
    put_pairs(&w, f);
    thrift_text(&w, 6, view_of("lakefm version " LAKEFM_VERSION));
    thrift_list(&w, 7, THRIFT_STRUCT, f->layout.column_count); /* ColumnOrder: TypeDefinedOrder */
    for (size_t i = 0; i < f->layout.column_count; i++) {
        thrift_item_open(&w);
        thrift_empty(&w, 1);
        thrift_close(&w);
    }
    thrift_close(&w);
    uint32_t len = (uint32_t)out->len;
    buf_add(out, &len, sizeof len);
    buf_add(out, magic, sizeof magic);
}

/* ---- append, finish; the lock is held in the functions named locked_ */

static enum err spoil(struct parquet_file *f, enum err rc, const struct error *why)
{
    f->spoiled = true;
    f->why = *why;
    return rc;
}

static enum err locked_check(const struct parquet_file *f, struct error *e)
{
    if (f->spoiled) {
        if (e) *e = f->why;
        return f->why.code;
    }
    if (f->finished) return err_set(e, ERR_INTERNAL, "%s: the Parquet file is finished", f->path);
    return ERR_OK;
}

static enum err locked_append(struct parquet_file *f, const struct parquet_encoder *en, struct error *e)
{
    enum err rc = locked_check(f, e);
    if (rc != ERR_OK || !en->rows) return rc;
    struct error why = {0};
    put_row_group(f, en);
    rc = put(f, en->out.ptr, en->out.len, &why);
    if (rc != ERR_OK) {
        if (e) *e = why;
        return spoil(f, rc, &why);
    }
    f->rows += en->rows;
    f->row_groups++;
    return ERR_OK;
}

enum err parquet_file_append(struct parquet_file *file, struct parquet_encoder *en, struct error *e)
{
    if (en->file != file) return err_set(e, ERR_INTERNAL, "%s: no row group encoded for this Parquet file", file->path);
    pthread_mutex_lock(&file->lock);
    uint64_t at = file->bytes;
    enum err rc = locked_append(file, en, e);
    pthread_mutex_unlock(&file->lock);
    en->file = NULL;
    if (rc == ERR_OK && en->rows && file->early && !file->memory) /* a hint, so its result does not matter */
        (void)sync_file_range(file->fd, (off_t)at, (off_t)en->out.len, SYNC_FILE_RANGE_WRITE);
    return rc;
}

void parquet_file_progress(struct parquet_file *file, uint64_t *rows, uint64_t *bytes)
{
    pthread_mutex_lock(&file->lock);
    *rows = file->rows;
    *bytes = file->bytes;
    pthread_mutex_unlock(&file->lock);
}

static enum err locked_finish(struct parquet_file *f, struct error *e)
{
    enum err rc = locked_check(f, e);
    if (rc != ERR_OK) return rc;
    struct error why = {0};
    struct buf footer = {0};
    put_footer(f, &footer);
    rc = put(f, footer.ptr, footer.len, &why);
    if (rc == ERR_OK && f->sync && !f->memory && fdatasync(f->fd)) rc = err_sys(&why, errno, "cannot sync %s", f->path);
    buf_reset(&footer);
    f->finished = rc == ERR_OK;
    if (rc == ERR_OK) return rc;
    if (e) *e = why;
    return spoil(f, rc, &why);
}

enum err parquet_file_finish(struct parquet_file *file, struct parquet_summary *out, struct error *e)
{
    pthread_mutex_lock(&file->lock);
    enum err rc = locked_finish(file, e);
    if (rc == ERR_OK)
        *out = (struct parquet_summary){file->bytes, file->rows, file->row_groups, hasher_sum(file->hasher)};
    pthread_mutex_unlock(&file->lock);
    return rc;
}
