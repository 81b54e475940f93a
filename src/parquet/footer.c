#include "base/io.h"
#include "base/mem.h"
#include "parquet/internal.h"
#include "parquet/thrift.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRAILER = 8, SMALLEST = 4 + TRAILER, FOOTER_MAX = 1 << 28 };

struct group {
    int64_t rows;
    uint32_t columns;
};

/* Where a chunk says that its bytes lie. */
struct extent {
    int64_t values, bytes, data_at, dictionary_at, bloom_at, bloom_bytes;
};

static void read_chunk_metadata(struct thrift_reader *r, struct extent *x)
{
    enum thrift_type type;
    for (int id = 0; thrift_next(r, &id, &type);) {
        bool i64 = type == THRIFT_I64;
        if (id == 5 && i64)
            x->values = thrift_read_int(r);
        else if (id == 7 && i64)
            x->bytes = thrift_read_int(r);
        else if (id == 9 && i64)
            x->data_at = thrift_read_int(r);
        else if (id == 11 && i64)
            x->dictionary_at = thrift_read_int(r);
        else if (id == 14 && i64)
            x->bloom_at = thrift_read_int(r);
        else if (id == 15 && type == THRIFT_I32)
            x->bloom_bytes = thrift_read_int(r);
        else
            thrift_skip(r, type);
    }
}

/* Extends *end over [at, at + bytes); bad when that is not inside the part of the file before the footer. */
static void cover(struct thrift_reader *r, int64_t at, int64_t bytes, uint64_t limit, uint64_t *end)
{
    if (at < 4 || bytes < 0 || (uint64_t)at > limit || (uint64_t)bytes > limit - (uint64_t)at) {
        r->bad = true;
        return;
    }
    if ((uint64_t)(at + bytes) > *end) *end = (uint64_t)(at + bytes);
}

static void read_chunk(struct thrift_reader *r, int64_t *values, uint64_t limit, uint64_t *end)
{
    struct extent x = {.values = -1};
    enum thrift_type type;
    for (int id = 0; thrift_next(r, &id, &type);) {
        if (id == 3 && type == THRIFT_STRUCT)
            read_chunk_metadata(r, &x);
        else
            thrift_skip(r, type);
    }
    bool dictionary_first = x.dictionary_at > 0 && x.dictionary_at < x.data_at;
    cover(r, dictionary_first ? x.dictionary_at : x.data_at, x.bytes, limit, end);
    if (x.bloom_at) cover(r, x.bloom_at, x.bloom_bytes, limit, end);
    *values = x.values;
}

static void read_group(struct thrift_reader *r, struct group *g, uint64_t limit, uint64_t *end)
{
    enum thrift_type type, item;
    int64_t most = 0, least = INT64_MAX;
    *g = (struct group){.rows = -1};
    for (int id = 0; thrift_next(r, &id, &type);) {
        if (id == 1 && type == THRIFT_LIST) {
            g->columns = thrift_read_list(r, &item);
            if (item != THRIFT_STRUCT) r->bad = true;
            for (uint32_t i = 0; i < g->columns && !r->bad; i++) {
                int64_t values;
                read_chunk(r, &values, limit, end);
                most = values > most ? values : most;
                least = values < least ? values : least;
            }
        } else if (id == 3 && type == THRIFT_I64) {
            g->rows = thrift_read_int(r);
        } else {
            thrift_skip(r, type);
        }
    }
    /* A flat schema: a value or a null for each row. */
    if (g->rows < 0 || (g->columns && (most != g->rows || least != g->rows))) r->bad = true;
}

struct found {
    int64_t rows, group_rows;
    bool groups_seen;
    uint32_t schema;
};

static void read_groups(struct thrift_reader *r, struct parquet_footer *out, struct found *f, uint64_t limit)
{
    enum thrift_type item;
    uint32_t count = thrift_read_list(r, &item);
    if (f->groups_seen || (count && item != THRIFT_STRUCT)) r->bad = true;
    f->groups_seen = true;
    out->row_groups = count;
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        struct group g;
        read_group(r, &g, limit, &out->data_end);
        if (g.columns != out->columns || __builtin_add_overflow(f->group_rows, g.rows, &f->group_rows)) r->bad = true;
    }
}

static void read_metadata(struct thrift_reader *r, struct parquet_footer *out, struct found *f, uint64_t limit)
{
    enum thrift_type type, item;
    for (int id = 0; thrift_next(r, &id, &type);) {
        if (id == 2 && type == THRIFT_LIST) {
            f->schema = thrift_read_list(r, &item);
            for (uint32_t i = 0; i < f->schema && !r->bad; i++) thrift_skip(r, item);
            out->columns = f->schema ? f->schema - 1 : 0; /* less the root */
        } else if (id == 3 && type == THRIFT_I64) {
            f->rows = thrift_read_int(r);
        } else if (id == 4 && type == THRIFT_LIST) {
            read_groups(r, out, f, limit);
        } else if (id == 6 && type == THRIFT_BINARY) {
            struct view v = thrift_read_text(r);
            size_t len = v.len < sizeof out->created_by - 1 ? v.len : sizeof out->created_by - 1;
            memcpy(out->created_by, v.ptr, len);
            out->created_by[len] = '\0';
        } else {
            thrift_skip(r, type);
        }
    }
}

enum err parquet_footer_parse(const void *tail, size_t len, uint64_t file_bytes, size_t *need,
                              struct parquet_footer *out, struct error *e)
{
    const uint8_t *end = (const uint8_t *)tail + len;
    uint32_t size;
    memset(out, 0, sizeof *out);
    *need = TRAILER;
    if (file_bytes < SMALLEST || len > file_bytes)
        return err_set(e, ERR_CORRUPT, "not a Parquet file: %llu bytes", (unsigned long long)file_bytes);
    if (len < TRAILER) return ERR_MORE;
    if (memcmp(end - 4, "PAR1", 4))
        return err_set(e, ERR_CORRUPT, "not a whole Parquet file: it does not end with PAR1");
    memcpy(&size, end - TRAILER, sizeof size);
    if (size > file_bytes - SMALLEST || size > FOOTER_MAX)
        return err_set(e, ERR_CORRUPT, "Parquet footer of %u bytes in a file of %llu", size,
                       (unsigned long long)file_bytes);
    *need = (size_t)size + TRAILER;
    if (len < *need) return ERR_MORE;
    struct thrift_reader r = {end - *need, end - TRAILER, false};
    struct found f = {.rows = -1};
    out->footer_bytes = size;
    out->data_end = 4;
    read_metadata(&r, out, &f, file_bytes - *need);
    if (r.bad || !f.groups_seen || !f.schema || r.at != r.end)
        return err_set(e, ERR_CORRUPT, "Parquet footer cannot be read, or names bytes outside the file");
    if (f.rows != f.group_rows)
        return err_set(e, ERR_CORRUPT, "Parquet footer says %lld rows, its row groups %lld", (long long)f.rows,
                       (long long)f.group_rows);
    out->rows = (uint64_t)f.rows;
    return ERR_OK;
}

static enum err read_tail(int fd, const char *path, uint64_t file_bytes, size_t len, struct buf *tail, struct error *e)
{
    buf_clear(tail);
    char *to = buf_reserve(tail, len);
    while (tail->len < len) {
        ssize_t n = pread(fd, to + tail->len, len - tail->len, (off_t)(file_bytes - len + tail->len));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot read %s", path);
        if (!n) return err_set(e, ERR_CORRUPT, "%s became shorter while it was read", path);
        tail->len += (size_t)n;
    }
    return ERR_OK;
}

enum err parquet_footer_read(const char *path, struct parquet_footer *out, struct error *e)
{
    enum { FIRST = 64 * 1024 };
    enum err rc = ERR_OK;
    struct stat st;
    struct buf tail = {0};
    size_t need;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    if (fstat(fd, &st)) TRY(err_sys(e, errno, "cannot read %s", path));
    uint64_t bytes = (uint64_t)st.st_size;
    TRY(read_tail(fd, path, bytes, bytes < FIRST ? (size_t)bytes : FIRST, &tail, e));
    rc = parquet_footer_parse(tail.ptr, tail.len, bytes, &need, out, e);
    if (rc == ERR_MORE) {
        TRY(read_tail(fd, path, bytes, need, &tail, e));
        rc = parquet_footer_parse(tail.ptr, tail.len, bytes, &need, out, e);
    }
    if (rc == ERR_CORRUPT) err_where(e, "%s", path);
done:
    close(fd);
    buf_reset(&tail);
    return rc;
}
