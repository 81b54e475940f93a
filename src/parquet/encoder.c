#include "base/mem.h"
#include "parquet/internal.h"

#include <string.h>

struct parquet_encoder *parquet_encoder_new(void)
{
    struct parquet_encoder *en = mem_zalloc(sizeof *en);
    en->kernels = parquet_kernels_best();
    en->zstd = ZSTD_createCCtx();
    if (!en->zstd) (void)mem_alloc(SIZE_MAX / 2); /* the out-of-memory handler takes over */
    return en;
}

void parquet_encoder_free(struct parquet_encoder **encoder)
{
    struct parquet_encoder *en = *encoder;
    if (!en) return;
    *encoder = NULL;
    ZSTD_freeCCtx(en->zstd);
    struct buf *bufs[] = {&en->out, &en->page, &en->bits, &en->sample};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) buf_reset(bufs[i]);
    void *blocks[] = {en->chunks,    en->map,        en->valid.ptr, en->index.ptr, en->items.ptr,  en->items2.ptr,
                      en->texts.ptr, en->texts2.ptr, en->used.ptr,  en->slots.ptr, en->hashes.ptr, en->lengths.ptr};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mem_free(blocks[i]);
    mem_free(en);
}

void parquet_encoder_set_portable(struct parquet_encoder *en, bool portable)
{
    en->kernels = portable ? parquet_kernels_portable() : parquet_kernels_best();
}

size_t parquet_encoded_bytes(const struct parquet_encoder *en) { return en->file ? en->out.len : 0; }

static enum err start(struct parquet_encoder *en, const struct parquet_layout *layout, const struct parquet_rows *rows,
                      struct error *e)
{
    uint64_t total = 0;
    for (size_t k = 0; k < rows->chunk_count; k++) total += rows->chunk_rows[k];
    if (total > PARQUET_ROWS_MAX)
        return err_set(e, ERR_INTERNAL, "Parquet row group of %llu rows (at most %d)", (unsigned long long)total,
                       PARQUET_ROWS_MAX);
    en->rows = (uint32_t)total;
    en->level = layout->level;
    if (en->level) {
        size_t code = ZSTD_CCtx_setParameter(en->zstd, ZSTD_c_compressionLevel, en->level);
        if (ZSTD_isError(code)) return err_set(e, ERR_INTERNAL, "Zstandard: %s", ZSTD_getErrorName(code));
    }
    buf_clear(&en->out);
    mem_grow(&en->chunks, &en->chunk_cap, layout->column_count, sizeof *en->chunks);
    return ERR_OK;
}

/* The same cells under two names (a time as number and as timestamp) are encoded once. */
static bool same_cells(const struct parquet_column *ca, const struct parquet_input *a, const struct parquet_column *cb,
                       const struct parquet_input *b, const struct parquet_rows *rows)
{
    if (parquet_kind(ca->type)->physical != PHYSICAL_INT64 || parquet_kind(cb->type)->physical != PHYSICAL_INT64)
        return false;
    if (ca->required != cb->required || ca->bloom || cb->bloom) return false;
    if (a->form != PARQUET_CELLS || b->form != PARQUET_CELLS || a->cell_bytes != b->cell_bytes) return false;
    if (a->valid != b->valid || a->valid_is_bits != b->valid_is_bits) return false;
    return a->cells == b->cells || !memcmp(a->cells, b->cells, rows->chunk_count * sizeof *a->cells);
}

static bool copy_chunk(struct parquet_encoder *en, const struct parquet_layout *layout, const struct parquet_rows *rows,
                       size_t column)
{
    for (size_t i = 0; i < column; i++) {
        if (!same_cells(layout->columns + i, rows->inputs + i, layout->columns + column, rows->inputs + column, rows))
            continue;
        struct parquet_chunk *chunk = &en->chunks[column];
        *chunk = en->chunks[i];
        (void)buf_reserve(&en->out, (size_t)chunk->file_bytes); /* first: it may move what is copied */
        buf_add(&en->out, en->out.ptr + chunk->start, (size_t)chunk->file_bytes);
        uint64_t moved = en->out.len - chunk->file_bytes - chunk->start;
        chunk->start += moved;
        chunk->data_at += moved;
        return true;
    }
    return false;
}

static enum err encode_column(struct parquet_encoder *en, const struct parquet_column *column,
                              const struct parquet_rows *rows, const struct parquet_input *in,
                              struct parquet_chunk *chunk, struct error *e)
{
    enum err rc = ERR_OK;
    struct parquet_values v;
    memset(chunk, 0, sizeof *chunk);
    TRY(parquet_collect(en, column, rows, in, &v, e));
    if (!v.count) v.indexed = false; /* nothing but levels */
    parquet_dictionary_try(en, &v);
    TRY(parquet_pages_write(en, column, &v, chunk, e));
    parquet_stats(en, &v, chunk);
    if (column->bloom && v.count) {
        chunk->bloom_at = en->out.len;
        parquet_bloom_write(&v, &en->out);
        chunk->bloom_bytes = (uint32_t)(en->out.len - chunk->bloom_at);
    }
done:
    return rc;
}

enum err parquet_encode(struct parquet_encoder *en, const struct parquet_file *file, const struct parquet_rows *rows,
                        struct error *e)
{
    enum err rc = ERR_OK;
    const struct parquet_layout *layout = parquet_file_layout(file);
    en->file = NULL;
    TRY(start(en, layout, rows, e));
    for (size_t i = 0; i < layout->column_count && en->rows; i++)
        if (!copy_chunk(en, layout, rows, i))
            TRY(encode_column(en, layout->columns + i, rows, rows->inputs + i, en->chunks + i, e));
    en->file = file;
done:
    return rc;
}
