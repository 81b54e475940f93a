#include "refine/layout.h"

#include "base/mem.h"
#include "base/pages.h"

#include <pthread.h>
#include <string.h>

enum parquet_type layout_parquet_type(enum contract_type t)
{
    static const enum parquet_type type[CONTRACT_TYPES] = {
        [CONTRACT_INT64] = PARQUET_INT64,   [CONTRACT_UINT32] = PARQUET_UINT32, [CONTRACT_UINT16] = PARQUET_UINT16,
        [CONTRACT_UINT8] = PARQUET_UINT8,   [CONTRACT_DOUBLE] = PARQUET_DOUBLE, [CONTRACT_STRING] = PARQUET_STRING,
        [CONTRACT_BOOL] = PARQUET_BOOLEAN, [CONTRACT_TIMESTAMP_MS] = PARQUET_TIMESTAMP_MS,
    };
    return type[t];
}

static enum layout_kind kind_of(const struct contract *c, const struct contract_fact *f)
{
    switch (f->source) {
    case CONTRACT_FROM_JSON:
        /* A time column of another unit than ms is decoded to ms; so is what is stored. */
        if (f->column == c->time_column) return LAYOUT_TS;
        return c->columns[f->column].dense ? LAYOUT_DENSE : LAYOUT_CODE;
    case CONTRACT_EVENT_TIME: return LAYOUT_TS;
    case CONTRACT_YEAR: return LAYOUT_YEAR;
    case CONTRACT_MONTH: return LAYOUT_MONTH;
    case CONTRACT_DAY: return LAYOUT_DAY;
    case CONTRACT_HOUR: return LAYOUT_HOUR;
    case CONTRACT_BATCH: return LAYOUT_BATCH;
    }
    return LAYOUT_CODE;
}

struct layout *layout_new(const struct contract *contract, struct lexicon *lexicon)
{
    struct layout *l = mem_zalloc(sizeof *l);
    l->contract = contract;
    l->count = contract->fact_count;
    l->column = mem_zalloc(l->count * sizeof *l->column);
    l->schema = mem_zalloc(l->count * sizeof *l->schema);
    size_t bytes = sizeof(int64_t); /* ts first */
    for (int pass = 0; pass < 3; pass++) { /* wide cells first: all stay aligned */
        for (uint16_t i = 0; i < l->count; i++) {
            const struct contract_fact *f = &contract->fact[i];
            struct layout_column *c = &l->column[i];
            c->kind = kind_of(contract, f);
            c->width = f->type == CONTRACT_INT64 || f->type == CONTRACT_TIMESTAMP_MS ? 8 : 4;
            if (pass == 0 && c->kind == LAYOUT_DENSE && c->width == 8) c->offset = bytes, bytes += 8;
            if (pass == 1 && c->kind == LAYOUT_DENSE && c->width == 4) c->offset = bytes, bytes += 4;
            if (pass == 1 && c->kind == LAYOUT_CODE) {
                c->offset = bytes, bytes += 4;
                c->domain = lexicon_domain(lexicon, f->name, f->type);
            }
            if (pass == 2 && c->kind == LAYOUT_DENSE) c->present = bytes, bytes += 1;
        }
    }
    l->row_bytes = bytes;
    for (uint16_t i = 0; i < l->count; i++) {
        const struct contract_fact *f = &contract->fact[i];
        /* Only what we make ourselves is `required` in the file: a contract may be relaxed later, and records that come
         * by another contract's route may lack what this one requires. */
        l->schema[i] = (struct parquet_column){.name = f->name, .type = layout_parquet_type(f->type),
                                               .required = l->column[i].kind >= LAYOUT_TS};
    }
    return l;
}

void layout_free(struct layout **layout)
{
    if (!*layout) return;
    mem_free((*layout)->column);
    mem_free((*layout)->schema);
    mem_free(*layout);
    *layout = NULL;
}

/* Full-sized chunks are cut from slabs of whole pages. */
enum { SLAB_CHUNKS = 8 };
struct slab {
    struct slab *next;
    void *pages;
    size_t bytes;
};
struct chunk_pool {
    pthread_mutex_t lock;
    struct chunk *free; /* full-sized ones, of any layout */
    struct slab *slabs;
};

struct chunk_pool *chunk_pool_new(void)
{
    struct chunk_pool *pool = mem_zalloc(sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void chunk_pool_free(struct chunk_pool **pool)
{
    if (!*pool) return;
    for (struct slab *s = (*pool)->slabs, *next; s; s = next) {
        next = s->next;
        pages_free(s->pages, s->bytes);
        mem_free(s);
    }
    pthread_mutex_destroy(&(*pool)->lock);
    mem_free(*pool);
    *pool = NULL;
}

static size_t block_bytes(size_t bytes) { return (sizeof(struct chunk) + bytes + 127) & ~(size_t)63; }

/* With the lock. */
static void add_slab(struct chunk_pool *pool, size_t bytes)
{
    struct slab *s = mem_zalloc(sizeof *s);
    s->bytes = SLAB_CHUNKS * block_bytes(bytes);
    s->pages = pages_alloc(s->bytes);
    s->next = pool->slabs;
    pool->slabs = s;
    for (size_t i = SLAB_CHUNKS; i--;) {
        struct chunk *c = (struct chunk *)((char *)s->pages + i * block_bytes(bytes));
        *c = (struct chunk){.bytes = bytes, .next = pool->free};
        pool->free = c;
    }
}

static struct chunk *pool_take(struct chunk_pool *pool, size_t bytes)
{
    struct chunk *c;
    pthread_mutex_lock(&pool->lock);
    for (int tries = 0;; tries++) {
        struct chunk **at = &pool->free;
        while ((c = *at) && c->bytes != bytes) at = &c->next;
        if (c) *at = c->next;
        if (c || tries) break;
        add_slab(pool, bytes);
    }
    pthread_mutex_unlock(&pool->lock);
    return c;
}

struct chunk *chunk_new(struct chunk_pool *pool, const struct layout *layout, uint32_t cap, uint64_t batch)
{
    size_t bytes = chunk_bytes(layout, cap);
    struct chunk *c = cap == CHUNK_ROWS ? pool_take(pool, bytes) : mem_alloc(block_bytes(bytes));
    *c = (struct chunk){.cap = cap, .batch = batch, .bytes = bytes};
    c->data = (char *)(((uintptr_t)(c + 1) + 63) & ~(uintptr_t)63);
    return c;
}

void chunk_free(struct chunk_pool *pool, struct chunk *chunk)
{
    if (chunk->cap != CHUNK_ROWS) {
        mem_free(chunk);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    chunk->next = pool->free;
    pool->free = chunk;
    pthread_mutex_unlock(&pool->lock);
}

/* ---- copying ---- */

static void copy_codes(const uint32_t *codes, const uint32_t *map, const uint16_t *rows, uint32_t n, uint32_t *out)
{
    if (!rows)
        for (uint32_t i = 0; i < n; i++) out[i] = map[codes[i]];
    else
        for (uint32_t i = 0; i < n; i++) out[i] = map[codes[rows[i]]];
}

static void copy_int64(const int64_t *in, const uint16_t *rows, uint32_t n, int64_t *out)
{
    if (!rows) memcpy(out, in, n * sizeof *out);
    else
        for (uint32_t i = 0; i < n; i++) out[i] = in[rows[i]];
}

static void copy_narrow(const int64_t *in, const uint16_t *rows, uint32_t n, uint32_t *out)
{
    if (!rows)
        for (uint32_t i = 0; i < n; i++) out[i] = (uint32_t)in[i];
    else
        for (uint32_t i = 0; i < n; i++) out[i] = (uint32_t)in[rows[i]];
}

/* Returns whether a row is null. */
static bool copy_present(const uint8_t *present, const uint16_t *rows, uint32_t n, uint8_t *out)
{
    if (!present) {
        memset(out, 1, n);
        return false;
    }
    uint8_t all = 1;
    for (uint32_t i = 0; i < n; i++) all &= out[i] = present[rows ? rows[i] : i];
    return !all;
}

/* A column that is coded in one contract and dense in the other. */
static bool copy_across(const struct layout_rows *s, uint16_t column, const struct layout_column *to,
                        const uint16_t *rows, uint32_t first, uint32_t n, char *out, uint8_t *present)
{
    const struct decode_column *in = &s->batch->columns[column];
    struct lexicon_view view = {0};
    bool nulls = false;
    if (in->codes) lexicon_view(s->lexicon, s->domains[column], &view);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : first + i;
        int64_t value;
        bool there;
        if (in->codes) {
            uint32_t code = s->maps[column][in->codes[row]];
            there = code != 0;
            value = view.integers ? view.integers[code] : 0;
        } else {
            there = !in->present || in->present[row];
            value = in->dense[row];
        }
        if (to->kind == LAYOUT_CODE) {
            ((uint32_t *)out)[i] = there ? lexicon_integer(s->lexicon, to->domain, value) : 0;
            continue;
        }
        present[i] = there;
        nulls |= !there;
        if (to->width == 8) ((int64_t *)out)[i] = value;
        else ((uint32_t *)out)[i] = (uint32_t)value;
    }
    return nulls;
}

static void copy_nothing(const struct layout_column *to, uint32_t n, char *out, uint8_t *present)
{
    if (to->kind == LAYOUT_CODE) memset(out, 0, n * sizeof(uint32_t));
    else memset(out, 0, n * (size_t)to->width), memset(present, 0, n);
}

void layout_copy(const struct layout *layout, const struct contract_route *route, const struct layout_rows *source,
                 const uint16_t *rows, uint32_t first, uint32_t n, struct chunk *chunk, uint32_t at, uint64_t *nulls)
{
    const struct decode_batch *b = source->batch;
    size_t cap = chunk->cap;
    copy_int64(b->ts_ms + first, rows, n, (int64_t *)chunk->data + at);
    for (uint16_t i = 0; i < layout->count; i++) {
        const struct layout_column *to = &layout->column[i];
        if (to->kind > LAYOUT_DENSE) continue;
        uint16_t column = route->map[i];
        size_t cell = to->kind == LAYOUT_CODE ? 4 : to->width;
        char *out = chunk->data + cap * to->offset + at * cell;
        uint8_t *present = to->kind == LAYOUT_DENSE ? (uint8_t *)chunk->data + cap * to->present + at : NULL;
        bool null = false;
        if (column == CONTRACT_NONE) {
            copy_nothing(to, n, out, present);
            null = true;
        } else if ((b->columns[column].codes != NULL) != (to->kind == LAYOUT_CODE)) {
            null = copy_across(source, column, to, rows, first, n, out, present);
        } else if (to->kind == LAYOUT_CODE) {
            copy_codes(b->columns[column].codes + first, source->maps[column], rows, n, (uint32_t *)out);
        } else {
            const struct decode_column *in = &b->columns[column];
            if (to->width == 8) copy_int64(in->dense + first, rows, n, (int64_t *)out);
            else copy_narrow(in->dense + first, rows, n, (uint32_t *)out);
            null = copy_present(in->present ? in->present + first : NULL, rows, n, present);
        }
        if (null && present) *nulls |= 1ull << i;
    }
}
