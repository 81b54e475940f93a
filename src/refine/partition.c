#include "refine/partition.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One file of the batch. Fields but `next_seq` and the batches belong to the thread whose row group's turn it is. */
struct part_file {
    struct partition *partition;
    uint32_t k, next_seq;
    struct lake_out *out;
    struct parquet_file *parquet;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint32_t appended;
    uint64_t min_batch, max_batch;
    struct part_file *next; /* among the dead */
};

struct partitions {
    struct partitions_options o;
    struct partition **partition; /* in order of first use */
    size_t count, cap;
    uint32_t *slots; /* index + 1, by table and day */
    size_t slot_count;
    uint64_t rows;   /* reserved so far */
    uint64_t looked; /* rows when partitions were last looked at for idle ones */
    size_t bytes;    /* of chunks in open row groups */
    uint32_t files;  /* begun and not ended */
    struct chunk_pool *pool;
    pthread_mutex_t lock;
    struct part_file *dead; /* of row groups that failed; others may still look at them */
    struct partition_file *done; /* paths owned */
    size_t done_count, done_cap;
};

struct partitions *partitions_new(const struct partitions_options *options)
{
    struct partitions *s = mem_zalloc(sizeof *s);
    s->o = *options;
    if (!s->o.open_files) s->o.open_files = 200;
    s->slot_count = 64;
    s->slots = mem_zalloc(s->slot_count * sizeof *s->slots);
    s->pool = chunk_pool_new();
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void group_free(struct partitions *s, struct row_group *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->count; i++) chunk_free(s->pool, g->chunk[i]);
    mem_free(g->chunk);
    mem_free(g);
}

static void file_free(struct part_file *f)
{
    if (!f) return;
    parquet_file_free(&f->parquet);
    lake_out_drop(&f->out);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->turn);
    mem_free(f);
}

void partitions_free(struct partitions **set)
{
    struct partitions *s = *set;
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) {
        group_free(s, s->partition[i]->open);
        file_free(s->partition[i]->file);
        mem_free(s->partition[i]);
    }
    for (struct part_file *f = s->dead, *next; f; f = next) {
        next = f->next;
        file_free(f);
    }
    for (size_t i = 0; i < s->done_count; i++) mem_free((char *)(uintptr_t)s->done[i].path);
    mem_free(s->done);
    chunk_pool_free(&s->pool);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->partition);
    mem_free(s->slots);
    mem_free(s);
    *set = NULL;
}

/* ---- finding ---- */

static size_t slot_of(const struct partitions *s, const struct layout *layout, int64_t day)
{
    uint64_t h = ((uint64_t)day * 0x9E3779B97F4A7C15ull) ^ ((uint64_t)(uintptr_t)layout * 0xD6E8FEB86659FD93ull);
    return (size_t)(h ^ h >> 29) & (s->slot_count - 1);
}

static void put_slot(struct partitions *s, uint32_t index)
{
    const struct partition *p = s->partition[index];
    size_t at = slot_of(s, p->layout, p->day);
    while (s->slots[at]) at = (at + 1) & (s->slot_count - 1);
    s->slots[at] = index + 1;
}

struct partition *partition_get(struct partitions *s, const struct layout *layout, int64_t day)
{
    for (size_t at = slot_of(s, layout, day); s->slots[at]; at = (at + 1) & (s->slot_count - 1)) {
        struct partition *p = s->partition[s->slots[at] - 1];
        if (p->day == day && p->layout == layout) return p;
    }
    struct partition *p = mem_zalloc(sizeof *p);
    p->layout = layout;
    p->day = day;
    mem_grow(&s->partition, &s->cap, s->count + 1, sizeof *s->partition);
    s->partition[s->count++] = p;
    if (s->count * 2 > s->slot_count) {
        s->slot_count *= 2;
        mem_free(s->slots);
        s->slots = mem_zalloc(s->slot_count * sizeof *s->slots);
        for (uint32_t i = 0; i < s->count; i++) put_slot(s, i);
    } else {
        put_slot(s, (uint32_t)s->count - 1);
    }
    return p;
}

bool partitions_file(const struct partitions *set, size_t i, struct partition_file *out)
{
    if (i >= set->done_count) return false;
    *out = set->done[i];
    return true;
}

/* ---- row groups ---- */

static struct part_file *file_of(struct partitions *s, struct partition *p)
{
    if (p->file) return p->file;
    struct part_file *f = mem_zalloc(sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->turn, NULL);
    f->partition = p;
    f->k = p->files++;
    f->min_batch = UINT64_MAX;
    s->files++;
    return p->file = f;
}

static void group_release(struct partitions *s, struct row_group *g)
{
    if (atomic_fetch_sub(&g->pending, 1) == 1) s->o.ready(s->o.ctx, g);
}

/* Ends the open row group; an empty one is only made to carry the end of the file. */
static void group_close(struct partitions *s, struct partition *p, bool last)
{
    struct row_group *g = p->open;
    if (!g && !last) return;
    if (!g) {
        if (!p->file) return;
        g = mem_zalloc(sizeof *g);
        g->partition = p;
        atomic_init(&g->pending, 1);
    }
    p->open = NULL;
    s->bytes -= g->bytes;
    g->file = file_of(s, p);
    g->seq = g->file->next_seq++;
    g->last = last;
    for (size_t i = 0; i < g->count; i++) {
        if (g->chunk[i]->batch < g->file->min_batch) g->file->min_batch = g->chunk[i]->batch;
        if (g->chunk[i]->batch > g->file->max_batch) g->file->max_batch = g->chunk[i]->batch;
    }
    if (last) {
        p->file = NULL; /* the row group owns it now */
        s->files--;
    }
    group_release(s, g);
}

/* A big partition that got nothing while many rows went elsewhere is likely a day that is over: written now, its memory
 * serves the next day. */
enum { IDLE_ROWS = 262144, IDLE_BIG = 65536, IDLE_LOOK = 65536 };

static void flush_done(struct partitions *s)
{
    if (s->rows - s->looked < IDLE_LOOK) return;
    s->looked = s->rows;
    for (size_t i = 0; i < s->count; i++) {
        struct partition *p = s->partition[i];
        if (p->open && p->open->rows >= IDLE_BIG && s->rows - p->touched > IDLE_ROWS) group_close(s, p, false);
    }
}

struct idle {
    struct partition *partition;
    double weight;
};

static int idle_compare(const void *a, const void *b)
{
    const struct idle *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    int64_t days = x->partition->day - y->partition->day;
    return days < 0 ? -1 : days > 0;
}

/* Memory is short: flushes the partitions that hold much and have been idle for long, down to three quarters. One pass
 * costs a sort and frees a quarter of the memory. */
static void flush_idle(struct partitions *s)
{
    struct idle *idle = mem_array(s->count, sizeof *idle);
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct partition *p = s->partition[i];
        if (p->open) idle[n++] = (struct idle){p, (double)p->open->bytes * (double)(s->rows - p->touched + 1)};
    }
    qsort(idle, n, sizeof *idle, idle_compare);
    for (size_t i = 0; i < n && s->bytes > s->o.open_bytes / 4 * 3; i++) group_close(s, idle[i].partition, false);
    mem_free(idle);
}

/* Too many files open: the half that was idle for longest is finished. Rows that come later make a further part. */
static void finish_idle(struct partitions *s)
{
    struct idle *idle = mem_array(s->count, sizeof *idle);
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct partition *p = s->partition[i];
        if (p->file) idle[n++] = (struct idle){p, (double)(s->rows - p->touched)};
    }
    qsort(idle, n, sizeof *idle, idle_compare);
    for (size_t i = 0; i < (n + 1) / 2; i++) group_close(s, idle[i].partition, true);
    mem_free(idle);
}

static struct chunk *next_chunk(struct partitions *s, struct partition *p, uint64_t batch)
{
    struct row_group *g = p->open;
    uint32_t rows = g->count ? g->chunk[g->count - 1]->cap * 2 : CHUNK_FIRST_ROWS;
    if (rows > CHUNK_ROWS) rows = CHUNK_ROWS;
    mem_grow(&g->chunk, &g->cap, g->count + 1, sizeof *g->chunk);
    size_t bytes = chunk_bytes(p->layout, rows);
    g->bytes += bytes;
    s->bytes += bytes;
    return g->chunk[g->count++] = chunk_new(s->pool, p->layout, rows, batch);
}

static uint32_t reserve_some(struct partitions *s, struct partition *p, uint32_t first, uint32_t n, uint64_t batch,
                             struct slices *out)
{
    struct row_group *g = p->open;
    if (!g) {
        g = p->open = mem_zalloc(sizeof *g);
        g->partition = p;
        atomic_init(&g->pending, 1);
    }
    struct chunk *c = g->count ? g->chunk[g->count - 1] : NULL;
    if (!c || c->rows == c->cap || c->batch != batch) c = next_chunk(s, p, batch);
    uint32_t room = c->cap - c->rows, left = PARQUET_ROWS_MAX - g->rows;
    if (room > left) room = left;
    if (n > room) n = room;
    mem_grow(&out->slice, &out->cap, out->count + 1, sizeof *out->slice);
    out->slice[out->count++] = (struct slice){g, c, c->rows, n, first};
    atomic_fetch_add(&g->pending, 1);
    c->rows += n;
    g->rows += n;
    return n;
}

void partition_reserve(struct partitions *s, struct partition *p, uint32_t first, uint32_t n, uint64_t batch,
                       struct slices *out)
{
    for (uint32_t done = 0; done < n;) {
        done += reserve_some(s, p, first + done, n - done, batch, out);
        if (p->open->rows == PARQUET_ROWS_MAX) group_close(s, p, false);
    }
    s->rows += n;
    p->touched = s->rows;
    flush_done(s);
    if (s->bytes > s->o.open_bytes) flush_idle(s);
    if (s->files > s->o.open_files) finish_idle(s);
}

void partition_filled(struct partitions *set, const struct slice *slice, uint64_t nulls)
{
    if (nulls) __atomic_fetch_or(&slice->chunk->nulls, nulls, __ATOMIC_RELAXED);
    group_release(set, slice->group);
}

void partition_flush_all(struct partitions *set)
{
    for (size_t i = 0; i < set->count; i++) group_close(set, set->partition[i], false);
}

void partition_close_all(struct partitions *set)
{
    for (size_t i = 0; i < set->count; i++) group_close(set, set->partition[i], true);
}

/* ---- writing ---- */

struct partition_writer {
    struct parquet_encoder *encoder;
    struct parquet_input *inputs;
    size_t inputs_cap;
    struct parquet_dict *dicts;
    size_t dicts_cap;
    const void **cells; /* [columns][chunks] */
    size_t cells_cap;
    const uint8_t **valid;
    size_t valid_cap;
    uint32_t *chunk_rows;
    size_t chunk_rows_cap;
    uint8_t *hour;
    int64_t *batch; /* allocated when a row group holds rows of several */
};

struct partition_writer *partition_writer_new(void)
{
    struct partition_writer *w = mem_zalloc(sizeof *w);
    w->encoder = parquet_encoder_new();
    w->hour = mem_alloc(PARQUET_ROWS_MAX);
    return w;
}

void partition_writer_free(struct partition_writer **writer)
{
    struct partition_writer *w = *writer;
    if (!w) return;
    parquet_encoder_free(&w->encoder);
    mem_free(w->inputs);
    mem_free(w->dicts);
    mem_free(w->cells);
    mem_free(w->valid);
    mem_free(w->chunk_rows);
    mem_free(w->hour);
    mem_free(w->batch);
    mem_free(w);
    *writer = NULL;
}

static const int64_t *chunk_ts(const struct chunk *c) { return (const int64_t *)c->data; }

/* hour and batch are one array each over the whole group, cut as the chunks are. */
static void derive_hour(struct partition_writer *w, const struct row_group *g, const void **cells)
{
    int64_t day_ms = g->partition->day * CLOCK_DAY_MS;
    uint8_t *out = w->hour;
    for (size_t k = 0; k < g->count; k++) {
        const int64_t *ts = chunk_ts(g->chunk[k]);
        cells[k] = out;
        for (uint32_t i = 0; i < g->chunk[k]->rows; i++) *out++ = (uint8_t)((uint32_t)(ts[i] - day_ms) / 3600000u);
    }
}

static void derive_batch(struct partition_writer *w, const struct row_group *g, const void **cells)
{
    if (!w->batch) w->batch = mem_array(PARQUET_ROWS_MAX, sizeof *w->batch);
    int64_t *out = w->batch;
    for (size_t k = 0; k < g->count; k++) {
        cells[k] = out;
        for (uint32_t i = 0; i < g->chunk[k]->rows; i++) *out++ = (int64_t)g->chunk[k]->batch;
    }
}

static void set_dict(struct partitions *s, const struct layout_column *c, struct parquet_dict *dict)
{
    struct lexicon_view v;
    lexicon_view(s->o.lexicon, c->domain, &v);
    *dict = (struct parquet_dict){.count = v.count, .distinct = true, .integers = v.integers, .reals = v.reals,
                                  .texts = v.texts};
}

static void set_dense(const struct row_group *g, const struct layout_column *c, uint16_t column, const void **cells,
                      const uint8_t **valid, struct parquet_input *in)
{
    bool null = false;
    for (size_t k = 0; k < g->count; k++) {
        const struct chunk *chunk = g->chunk[k];
        bool some = chunk->nulls >> column & 1;
        cells[k] = chunk->data + chunk->cap * c->offset;
        valid[k] = some ? (const uint8_t *)chunk->data + chunk->cap * c->present : NULL;
        null |= some;
    }
    in->cell_bytes = c->width;
    in->valid = null ? valid : NULL;
}

static void set_column(struct partitions *s, struct partition_writer *w, const struct row_group *g, uint16_t i,
                       const struct civil *date)
{
    const struct layout_column *c = &g->partition->layout->column[i];
    struct parquet_input *in = &w->inputs[i];
    const void **cells = w->cells + i * g->count;
    *in = (struct parquet_input){.form = PARQUET_CELLS, .cells = cells};
    switch (c->kind) {
    case LAYOUT_CODE:
        in->form = PARQUET_CODES;
        in->dict = &w->dicts[i];
        set_dict(s, c, &w->dicts[i]);
        for (size_t k = 0; k < g->count; k++) cells[k] = g->chunk[k]->data + g->chunk[k]->cap * c->offset;
        break;
    case LAYOUT_DENSE: set_dense(g, c, i, cells, w->valid + i * g->count, in); break;
    case LAYOUT_TS:
        in->cell_bytes = 8;
        for (size_t k = 0; k < g->count; k++) cells[k] = g->chunk[k]->data;
        break;
    case LAYOUT_HOUR:
        in->cell_bytes = 1;
        derive_hour(w, g, cells);
        break;
    case LAYOUT_BATCH:
        in->integer = (int64_t)g->chunk[0]->batch;
        in->form = PARQUET_CONSTANT;
        for (size_t k = 1; k < g->count; k++)
            if (g->chunk[k]->batch != g->chunk[0]->batch) in->form = PARQUET_CELLS;
        if (in->form == PARQUET_CELLS) derive_batch(w, g, cells);
        break;
    case LAYOUT_YEAR:
    case LAYOUT_MONTH:
    case LAYOUT_DAY:
        in->form = PARQUET_CONSTANT;
        in->integer = c->kind == LAYOUT_YEAR ? date->year : c->kind == LAYOUT_MONTH ? date->month : date->day;
        break;
    }
}

static enum err group_encode(struct partitions *s, struct partition_writer *w, const struct row_group *g, struct error *e)
{
    const struct layout *layout = g->partition->layout;
    size_t columns = layout->count;
    struct civil date;
    clock_civil(g->partition->day * CLOCK_DAY_MS, &date);
    mem_grow(&w->inputs, &w->inputs_cap, columns, sizeof *w->inputs);
    mem_grow(&w->dicts, &w->dicts_cap, columns, sizeof *w->dicts);
    mem_grow(&w->cells, &w->cells_cap, columns * g->count, sizeof *w->cells);
    mem_grow(&w->valid, &w->valid_cap, columns * g->count, sizeof *w->valid);
    mem_grow(&w->chunk_rows, &w->chunk_rows_cap, g->count, sizeof *w->chunk_rows);
    for (size_t k = 0; k < g->count; k++) w->chunk_rows[k] = g->chunk[k]->rows;
    for (uint16_t i = 0; i < columns; i++) set_column(s, w, g, i, &date);
    struct parquet_rows rows = {.chunk_rows = w->chunk_rows, .chunk_count = g->count, .inputs = w->inputs};
    return parquet_encode(w->encoder, g->file->parquet, &rows, e);
}

static enum err file_open(struct partitions *s, struct part_file *f, struct error *e)
{
    const struct layout *layout = f->partition->layout;
    enum err rc = ERR_OK;
    pthread_mutex_lock(&f->lock);
    if (!f->parquet) {
        struct lake_part part = {.layer = LAKE_SILVER, .table = layout->contract->table, .topic = NULL,
                                 .date = f->partition->day, .hour = -1, .k = (int)f->k, .ext = "parquet"};
        struct parquet_options options = {.codec = PARQUET_ZSTD, .level = s->o.zstd_level, .early = true};
        if (!f->out) TRY(lake_batch_create(s->o.batch, &part, &f->out, e));
        TRY(parquet_file_new(layout->schema, layout->count, &options, f->out->fd, f->out->local_path, &f->parquet, e));
    }
done:
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static void remember_file(struct partitions *s, const struct part_file *f)
{
    pthread_mutex_lock(&s->lock);
    mem_grow(&s->done, &s->done_cap, s->done_count + 1, sizeof *s->done);
    s->done[s->done_count++] = (struct partition_file){f->partition->layout, f->partition->day, mem_strdup(f->out->local_path)};
    pthread_mutex_unlock(&s->lock);
}

static enum err file_end(struct partitions *s, struct part_file *f, struct error *e)
{
    struct parquet_summary sum = {0};
    enum err rc = ERR_OK;
    remember_file(s, f);
    TRY(parquet_file_finish(f->parquet, &sum, e));
    parquet_file_free(&f->parquet);
    struct lake_stats stats = {.rows = (int64_t)sum.rows, .min_date = f->partition->day, .max_date = f->partition->day,
                               .has_hash = true, .bytes = (int64_t)sum.bytes, .hash = sum.hash,
                               .min_batch = f->min_batch, .max_batch = f->max_batch};
    TRY(lake_out_finish(&f->out, &stats, e));
done:
    return rc;
}

/* Row groups go into a file in their order. The thread that has an earlier one got it earlier and is at work on it, so
 * this ends. */
static bool wait_turn(struct partitions *s, struct part_file *f, uint32_t seq)
{
    bool mine;
    pthread_mutex_lock(&f->lock);
    while (!(mine = f->appended == seq) && !s->o.failed(s->o.ctx)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
        pthread_cond_timedwait(&f->turn, &f->lock, &until);
    }
    pthread_mutex_unlock(&f->lock);
    return mine;
}

void partition_drop(struct partitions *s, struct row_group *g)
{
    if (g->last) {
        pthread_mutex_lock(&s->lock);
        g->file->next = s->dead;
        s->dead = g->file;
        pthread_mutex_unlock(&s->lock);
    }
    group_free(s, g);
}

enum err partition_write(struct partitions *s, struct partition_writer *w, struct row_group *g, struct error *e)
{
    struct part_file *f = g->file;
    bool last = g->last;
    enum err rc = ERR_OK;

    TRY(file_open(s, f, e));
    if (g->rows) TRY(group_encode(s, w, g, e));
    if (!wait_turn(s, f, g->seq)) {
        rc = err_set(e, ERR_STOPPED, "stopped");
        goto done;
    }
    if (g->rows) TRY(parquet_file_append(f->parquet, w->encoder, e));
    if (last) TRY(file_end(s, f, e));
    pthread_mutex_lock(&f->lock);
    f->appended++;
    pthread_cond_broadcast(&f->turn);
    pthread_mutex_unlock(&f->lock);
done:
    if (rc != ERR_OK) {
        partition_drop(s, g);
        return rc;
    }
    group_free(s, g);
    if (last) file_free(f);
    return rc;
}
