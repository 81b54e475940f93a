/* Small Parquet files of one day become one: read by DuckDB in order, written by our own encoder, so that the file is as
 * those refine writes. */
#include "refine/engine.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "lake/compact.h"
#include "sql/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A column of the row group being filled. */
struct merged_column {
    int result; /* column of the query's result; -1: no file has it */
    uint32_t domain;
    bool nulls;
    union {
        void *any;
        uint32_t *codes; /* text */
        int64_t *integers;
        double *reals;
        uint8_t *bools;
    } cells;
    uint8_t *present;
};

struct merge {
    const struct layout *layout;
    struct lexicon *lexicon;
    struct merged_column *column;
    uint32_t rows;
    struct parquet_encoder *encoder;
    struct parquet_file *file;
};

static size_t cell_bytes(enum parquet_type t)
{
    return t == PARQUET_STRING ? sizeof(uint32_t) : t == PARQUET_BOOLEAN ? 1 : sizeof(int64_t);
}

static void merge_init(struct merge *m, const struct layout *layout)
{
    m->layout = layout;
    m->lexicon = lexicon_new();
    m->encoder = parquet_encoder_new();
    m->column = mem_zalloc(layout->count * sizeof *m->column);
    for (uint16_t i = 0; i < layout->count; i++) {
        m->column[i].result = -1;
        m->column[i].cells.any = mem_array(PARQUET_ROWS_MAX, cell_bytes(layout->schema[i].type));
        m->column[i].present = mem_alloc(PARQUET_ROWS_MAX);
        if (layout->schema[i].type == PARQUET_STRING)
            m->column[i].domain = lexicon_domain(m->lexicon, layout->schema[i].name, CONTRACT_STRING);
    }
}

static void merge_reset(struct merge *m)
{
    for (uint16_t i = 0; m->column && i < m->layout->count; i++) {
        mem_free(m->column[i].cells.any);
        mem_free(m->column[i].present);
    }
    mem_free(m->column);
    parquet_encoder_free(&m->encoder);
    parquet_file_free(&m->file);
    lexicon_free(&m->lexicon);
}

/* Finds the layout's columns in the result. A column that no contract knows would be lost: that is refused. */
static enum err match_columns(struct merge *m, const struct sql_result *r, struct error *e)
{
    for (size_t c = 0; c < sql_result_columns(r); c++) {
        uint16_t i = 0;
        while (i < m->layout->count && strcmp(m->layout->schema[i].name, sql_column_name(r, c))) i++;
        if (i == m->layout->count)
            return err_set(e, ERR_UNSUPPORTED, "column \"%s\" of %s is in no contract", sql_column_name(r, c),
                           m->layout->contract->table);
        m->column[i].result = (int)c;
    }
    return ERR_OK;
}

static void set_cell(struct merge *m, uint16_t i, struct sql_result *r, size_t row)
{
    struct merged_column *c = &m->column[i];
    uint32_t at = m->rows;
    size_t column = (size_t)c->result;
    bool present = c->result >= 0 && !sql_is_null(r, column, row);
    c->present[at] = present;
    c->nulls |= !present;
    switch (m->layout->schema[i].type) {
    case PARQUET_STRING:
        c->cells.codes[at] = present ? lexicon_text(m->lexicon, c->domain, sql_get_text(r, column, row)) : 0;
        break;
    case PARQUET_DOUBLE: c->cells.reals[at] = present ? sql_get_double(r, column, row) : 0; break;
    case PARQUET_BOOLEAN: c->cells.bools[at] = present && sql_get_bool(r, column, row); break;
    case PARQUET_TIMESTAMP_MS: c->cells.integers[at] = present ? sql_get_i64(r, column, row) / 1000 : 0; break;
    default: c->cells.integers[at] = present ? sql_get_i64(r, column, row) : 0; break;
    }
}

static enum err write_group(struct merge *m, struct error *e)
{
    uint16_t n = m->layout->count;
    struct parquet_input *inputs = mem_zalloc(n * sizeof *inputs);
    struct parquet_dict *dicts = mem_zalloc(n * sizeof *dicts);
    const void **cells = mem_array(n, sizeof *cells);
    const uint8_t **valid = mem_array(n, sizeof *valid);
    enum err rc;
    for (uint16_t i = 0; i < n; i++) {
        struct merged_column *c = &m->column[i];
        enum parquet_type type = m->layout->schema[i].type;
        cells[i] = c->cells.any;
        valid[i] = c->present;
        inputs[i] = (struct parquet_input){.form = PARQUET_CELLS, .cells = &cells[i]};
        if (type == PARQUET_STRING) {
            struct lexicon_view v;
            lexicon_view(m->lexicon, c->domain, &v);
            dicts[i] = (struct parquet_dict){.count = v.count, .distinct = true, .texts = v.texts};
            inputs[i].form = PARQUET_CODES;
            inputs[i].dict = &dicts[i];
        } else {
            if (type != PARQUET_DOUBLE && type != PARQUET_BOOLEAN) inputs[i].cell_bytes = 8;
            if (c->nulls) inputs[i].valid = &valid[i];
        }
        c->nulls = false;
    }
    struct parquet_rows rows = {.chunk_rows = &m->rows, .chunk_count = 1, .inputs = inputs};
    TRY(parquet_encode(m->encoder, m->file, &rows, e));
    TRY(parquet_file_append(m->file, m->encoder, e));
    m->rows = 0;
    lexicon_clear(m->lexicon);
done:
    mem_free(inputs);
    mem_free(dicts);
    mem_free(cells);
    mem_free(valid);
    return rc;
}

static enum err merge_rows(struct merge *m, struct sql_result *r, int64_t *total, struct error *e)
{
    size_t rows = 0;
    enum err rc;
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t row = 0; row < rows; row++) {
            for (uint16_t i = 0; i < m->layout->count; i++) set_cell(m, i, r, row);
            if (++m->rows == PARQUET_ROWS_MAX) TRY(write_group(m, e));
        }
        *total += (int64_t)rows;
    }
    if (m->rows) TRY(write_group(m, e));
done:
    return rc;
}

struct merge_context {
    struct refine *r;
    struct sql_conn *conn;
};

static const struct layout *layout_of(const struct refine *r, const char *table)
{
    for (size_t i = 0; i < r->topic_count; i++)
        if (r->layout[i] && !strcmp(r->layout[i]->contract->table, table)) return r->layout[i];
    return NULL;
}

static enum err merge_files(void *ctx, const struct lake_due *due, const char *const *in, size_t in_count,
                            const char *out_path, int64_t *rows, struct error *e)
{
    struct merge_context *c = ctx;
    struct merge m = {0};
    struct parquet_options options = {.codec = PARQUET_ZSTD, .level = c->r->o.zstd_level, .sync = true};
    struct parquet_summary sum = {0};
    struct sql_result *r = NULL;
    struct buf q = {0};
    enum err rc;
    int fd = -1;

    *rows = 0;
    merge_init(&m, layout_of(c->r, due->part.table));
    buf_str(&q, "select * from read_parquet([");
    for (size_t i = 0; i < in_count; i++) {
        if (i) buf_char(&q, ',');
        sql_quote_text(&q, in[i], strlen(in[i]));
    }
    buf_str(&q, "], union_by_name = true, hive_partitioning = false)");
    TRY(sql_query(c->conn, q.ptr, SQL_STREAM, &r, e));
    TRY(match_columns(&m, r, e));
    fd = open(out_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        rc = err_sys(e, errno, "cannot open %s", out_path);
        goto done;
    }
    TRY(parquet_file_new(m.layout->schema, m.layout->count, &options, fd, out_path, &m.file, e));
    TRY(merge_rows(&m, r, rows, e));
    TRY(parquet_file_finish(m.file, &sum, e));
done:
    sql_result_free(&r);
    merge_reset(&m);
    buf_reset(&q);
    if (fd >= 0) close(fd);
    return rc;
}

enum err refine_compact(struct refine *r, int min_files, size_t *folders, struct error *e)
{
    struct lake_compact_options options = {.min_files = min_files, .layers = 1u << LAKE_SILVER};
    struct lake_dues dues = {0};
    struct sql_db *db = NULL;
    struct merge_context c = {.r = r};
    size_t done_count = 0;
    enum err rc = ERR_OK;

    lake_compact_due(r->lake, &options, &dues);
    for (size_t i = 0; i < dues.count; i++) {
        const struct lake_due *due = &dues.due[i];
        if (due->part.date == LAKE_NO_DATE || !layout_of(r, due->part.table)) continue;
        if (r->o.stop && *r->o.stop) {
            rc = err_set(e, ERR_STOPPED, "stopped; %zu folders are merged", done_count);
            goto done;
        }
        if (!db) {
            TRY(sql_open(&(struct sql_options){.threads = 1, .memory_bytes = r->o.memory_bytes}, &db, e));
            TRY(sql_connect(db, &c.conn, e));
        }
        rc = lake_compact_one(r->lake, due, merge_files, &c, e);
        if (rc == ERR_RETRY) continue; /* a later call finds the folder again */
        if (rc == ERR_UNSUPPORTED) {
            log_warn("%s stays in small files: %s", due->part.table, e ? e->what : "");
            continue;
        }
        TRY(rc);
        done_count++;
    }
    rc = ERR_OK;
done:
    if (folders) *folders = done_count;
    sql_disconnect(&c.conn);
    sql_close(&db);
    lake_dues_free(&dues);
    return rc;
}
