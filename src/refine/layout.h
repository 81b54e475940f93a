/* How rows of one silver table lie in memory until they become Parquet, and how a contract's decoded columns get there.
 *
 * A chunk holds up to `cap` rows, column after column; a column's cells are at data + cap * offset:
 *
 *     ┌ ts: int64 × cap ┬ codes: uint32 × cap ┬ dense: int64 or int32 × cap ┬ … ┬ present: uint8 × cap ┐
 *
 * Codes are the lexicon's. event_time shares the cells of ts; year, month and day come from the partition's day, hour
 * from ts when a row group is written, batch from the chunk. */
#ifndef LAKEFM_REFINE_LAYOUT_H
#define LAKEFM_REFINE_LAYOUT_H

#include "parquet/parquet.h"
#include "refine/decode.h"
#include "refine/lexicon.h"

enum { CHUNK_FIRST_ROWS = 64, CHUNK_ROWS = 8192 };

enum layout_kind {
    LAYOUT_CODE,
    LAYOUT_DENSE, /* width 4 or 8 */
    LAYOUT_TS,    /* the row's time: int64 ms */
    LAYOUT_YEAR,
    LAYOUT_MONTH,
    LAYOUT_DAY,
    LAYOUT_HOUR,
    LAYOUT_BATCH,
};

struct layout_column {
    enum layout_kind kind;
    uint32_t domain;     /* CODE: in the lexicon */
    uint8_t width;       /* DENSE */
    size_t offset;       /* bytes a row before this column's cells */
    size_t present;      /* DENSE: the same for the 0/1 bytes */
};

struct layout {
    const struct contract *contract; /* the table's own */
    size_t index;                    /* the contract's, in the schema set */
    uint32_t rank;                   /* gather.h: which table's word counts first */
    uint16_t count;                  /* = contract->fact_count */
    struct layout_column *column;
    size_t row_bytes;
    struct parquet_column *schema;   /* [count] */
};

struct layout *layout_new(const struct contract *contract, struct lexicon *lexicon);
void layout_free(struct layout **layout);
enum parquet_type layout_parquet_type(enum contract_type t);

struct chunk {
    uint32_t rows, cap;
    uint64_t batch;
    uint64_t nulls; /* bit per column: its present bytes have a 0 */
    char *data;     /* 64-byte aligned */
    size_t bytes;   /* of data */
    struct chunk *next; /* in the pool */
};
/* Full-sized chunks are kept for the next one of their size, so that their pages are touched once. Thread-safe. */
struct chunk_pool;
struct chunk_pool *chunk_pool_new(void);
void chunk_pool_free(struct chunk_pool **pool); /* all chunks must have been given back */
struct chunk *chunk_new(struct chunk_pool *pool, const struct layout *layout, uint32_t cap, uint64_t batch);
void chunk_free(struct chunk_pool *pool, struct chunk *chunk);
static inline size_t chunk_bytes(const struct layout *layout, uint32_t cap) { return cap * layout->row_bytes; }

/* Where the values of one batch of a decoder are: its columns with their maps to the lexicon. */
struct layout_rows {
    const struct decode_batch *batch;
    const uint32_t *const *maps; /* per contract column; NULL for dense ones */
    struct lexicon *lexicon;     /* for columns that are dense here and coded there, or the other way round */
    const uint32_t *domains;     /* per contract column */
};
/* Copies rows[0 … n) (NULL: first … first + n - 1) of a batch to chunk rows at … at + n - 1. route->target
 * is layout->contract. Many threads at once, on different rows. *nulls gets the bits to be set in chunk->nulls. */
void layout_copy(const struct layout *layout, const struct contract_route *route, const struct layout_rows *source,
                 const uint16_t *rows, uint32_t first, uint32_t n, struct chunk *chunk, uint32_t at, uint64_t *nulls);

#endif
