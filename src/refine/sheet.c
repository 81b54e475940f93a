#include "refine/sheet.h"

#include "base/mem.h"

#include <string.h>

enum { FIRST_ROWS = 64 };

struct cells {
    void *value; /* int64_t, double or struct view */
    uint8_t *present;
    bool nulls;
};

struct sheet {
    const struct parquet_column *schema;
    size_t columns, column, rows, cap;
    struct cells *cells;
};

static size_t cell_bytes(const struct parquet_column *c)
{
    return c->type == PARQUET_STRING ? sizeof(struct view) : c->type == PARQUET_BOOLEAN ? 1 : sizeof(int64_t);
}

struct sheet *sheet_new(const struct parquet_column *schema, size_t columns)
{
    struct sheet *s = mem_zalloc(sizeof *s);
    s->schema = schema;
    s->columns = columns;
    s->cells = mem_zalloc(columns * sizeof *s->cells);
    return s;
}

void sheet_free(struct sheet **sheet)
{
    struct sheet *s = *sheet;
    if (!s) return;
    for (size_t i = 0; i < s->columns; i++) {
        mem_free(s->cells[i].value);
        mem_free(s->cells[i].present);
    }
    mem_free(s->cells);
    mem_free(s);
    *sheet = NULL;
}

static void *cell(struct sheet *s, bool present)
{
    if (s->rows == s->cap) {
        s->cap = s->cap ? s->cap * 2 : FIRST_ROWS;
        for (size_t i = 0; i < s->columns; i++) {
            s->cells[i].value = mem_realloc(s->cells[i].value, s->cap * cell_bytes(&s->schema[i]));
            s->cells[i].present = mem_realloc(s->cells[i].present, s->cap);
        }
    }
    struct cells *c = &s->cells[s->column];
    size_t row = s->rows, bytes = cell_bytes(&s->schema[s->column]);
    c->present[row] = present;
    c->nulls |= !present;
    if (++s->column == s->columns) {
        s->column = 0;
        s->rows++;
    }
    return (char *)c->value + row * bytes;
}

void sheet_integer(struct sheet *s, int64_t value)
{
    bool is_bool = s->schema[s->column].type == PARQUET_BOOLEAN;
    void *to = cell(s, true);
    if (is_bool) *(uint8_t *)to = value != 0;
    else memcpy(to, &value, sizeof value);
}

void sheet_real(struct sheet *s, double value) { memcpy(cell(s, true), &value, sizeof value); }
void sheet_text(struct sheet *s, struct view value) { memcpy(cell(s, true), &value, sizeof value); }

void sheet_null(struct sheet *s)
{
    size_t bytes = cell_bytes(&s->schema[s->column]);
    memset(cell(s, false), 0, bytes);
}

size_t sheet_rows(const struct sheet *s) { return s->rows; }

static enum err append(const struct sheet *s, size_t from, uint32_t n, struct parquet_encoder *encoder,
                       struct parquet_file *file, struct error *e)
{
    struct parquet_input *inputs = mem_zalloc(s->columns * sizeof *inputs);
    const void **cells = mem_array(s->columns, sizeof *cells);
    const uint8_t **valid = mem_array(s->columns, sizeof *valid);
    enum err rc;
    for (size_t i = 0; i < s->columns; i++) {
        enum parquet_type type = s->schema[i].type;
        cells[i] = (const char *)s->cells[i].value + from * cell_bytes(&s->schema[i]);
        valid[i] = s->cells[i].present + from;
        inputs[i] = (struct parquet_input){.form = PARQUET_CELLS, .cells = &cells[i]};
        if (type != PARQUET_STRING && type != PARQUET_DOUBLE && type != PARQUET_BOOLEAN) inputs[i].cell_bytes = 8;
        if (s->cells[i].nulls) inputs[i].valid = &valid[i];
    }
    struct parquet_rows rows = {.chunk_rows = &n, .chunk_count = 1, .inputs = inputs};
    TRY(parquet_encode(encoder, file, &rows, e));
    TRY(parquet_file_append(file, encoder, e));
done:
    mem_free(inputs);
    mem_free(cells);
    mem_free(valid);
    return rc;
}

enum err sheet_write(struct sheet *s, struct lake_batch *batch, const struct lake_part *part, struct error *e)
{
    struct lake_out *out = NULL;
    struct parquet_file *file = NULL;
    struct parquet_encoder *encoder = parquet_encoder_new();
    struct parquet_options options = {.codec = PARQUET_ZSTD};
    struct parquet_summary sum = {0};
    enum err rc;

    TRY(lake_batch_create(batch, part, &out, e));
    TRY(parquet_file_new(s->schema, s->columns, &options, out->fd, out->local_path, &file, e));
    for (size_t from = 0; from < s->rows; from += PARQUET_ROWS_MAX) {
        size_t n = s->rows - from < PARQUET_ROWS_MAX ? s->rows - from : PARQUET_ROWS_MAX;
        TRY(append(s, from, (uint32_t)n, encoder, file, e));
    }
    TRY(parquet_file_finish(file, &sum, e));
    struct lake_stats stats = {.rows = (int64_t)sum.rows, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE,
                               .has_hash = true, .bytes = (int64_t)sum.bytes, .hash = sum.hash};
    TRY(lake_out_finish(&out, &stats, e));
done:
    parquet_file_free(&file);
    lake_out_drop(&out);
    parquet_encoder_free(&encoder);
    return rc;
}
