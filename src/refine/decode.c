/* The decoder's life, its input and its batches. See decode_private.h for how a line goes. */
#include "refine/decode_private.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/random.h>

enum { LINE_LIMIT_MAX = 1 << 30, WINDOW_MAX = 1 << 30, HOPELESS_RUN = 256 };

const char *decode_reason_name(enum decode_reason r)
{
    static const char *const name[DECODE_REASONS] = {
        "bad_json",         "not_object",    "trailing_garbage", "bad_utf8",     "nul_byte",    "control_char",
        "duplicate_key",    "too_deep",      "missing_required", "null_required", "wrong_type", "out_of_range",
        "not_integer",      "not_finite",    "oversize",         "conflict"};
    return (unsigned)r < DECODE_REASONS ? name[r] : "unknown";
}

static const struct engine *choose_engine(enum decode_cpu cpu)
{
#if defined(__x86_64__)
    const char *env = getenv("LAKEFM_CPU");
    if (cpu == DECODE_CPU_AUTO && env && !strcmp(env, "portable")) cpu = DECODE_CPU_PORTABLE;
    if (cpu != DECODE_CPU_PORTABLE && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        return &decode_engine_avx2;
#else
    (void)cpu;
#endif
    return &decode_engine_portable;
}

/* Without a random source there is still the address of a variable and the time. */
static void draw_key(struct tag_key *k)
{
    size_t got = 0;
    while (got < sizeof *k) {
        ssize_t n = getrandom((char *)k + got, sizeof *k - got, 0);
        if (n <= 0) break;
        got += (size_t)n;
    }
    if (got < sizeof *k) {
        uint64_t seed = clock_mono_ns() ^ (uint64_t)(uintptr_t)k;
        for (size_t i = 0; i < sizeof k->bytes / 8; i++) {
            uint64_t word = hash_64(&i, sizeof i, seed);
            memcpy(k->bytes + i * 8, &word, 8);
        }
        k->seed = seed;
    }
}

static void add_known_key(struct decoder *d, const char *name, uint16_t column, uint16_t rank)
{
    struct known_key *k = NULL;
    for (uint16_t i = 0; i < d->key_count && !k; i++)
        if (view_is(d->key[i].name, name)) k = &d->key[i];
    if (!k) {
        k = &d->key[d->key_count++];
        k->name = view_of(name);
    }
    k->column[k->use_count] = column;
    k->rank[k->use_count++] = rank;
}

static void make_known_keys(struct decoder *d)
{
    const struct contract *c = d->contract;
    size_t total = 0;

    for (uint16_t i = 0; i < c->column_count; i++) total += c->columns[i].from_count;
    d->key = mem_zalloc(total * sizeof *d->key);
    d->key_seen = mem_zalloc(total * sizeof *d->key_seen);
    for (uint16_t i = 0; i < c->column_count; i++)
        for (uint16_t f = 0; f < c->columns[i].from_count; f++) add_known_key(d, c->columns[i].from[f], i, f);
    d->key_slots = 64;
    while (d->key_slots < total * 4) d->key_slots *= 2;
    d->key_slot = mem_zalloc(d->key_slots * sizeof *d->key_slot);
    for (uint16_t i = 0; i < d->key_count; i++) {
        size_t at = hash_64(d->key[i].name.ptr, d->key[i].name.len, 0) & (d->key_slots - 1);
        while (d->key_slot[at]) at = (at + 1) & (d->key_slots - 1);
        d->key_slot[at] = (uint16_t)(i + 1);
    }
}

/* Columns are written row by row; 8192 rows of 4 or 8 bytes apart they would all fall into the same cache sets, so each
 * begins a few lines further on. */
static void *column_alloc(size_t bytes, unsigned index) { return (char *)mem_zalloc(bytes + 64 * 64) + (index * 5u % 63u) * 64u; }
static void column_free(void *p, unsigned index)
{
    if (p) mem_free((char *)p - (index * 5u % 63u) * 64u);
}

static void store_init(struct batch_store *s, const struct contract *c, uint32_t rows)
{
    uint16_t n = c->column_count;

    s->column = mem_zalloc(n * sizeof *s->column);
    s->codes = mem_zalloc(n * sizeof *s->codes);
    s->dense = mem_zalloc(n * sizeof *s->dense);
    s->present = mem_zalloc(n * sizeof *s->present);
    s->has_null = mem_zalloc(n * sizeof *s->has_null);
    for (uint16_t i = 0; i < n; i++) {
        if (!c->columns[i].dense) {
            s->column[i].codes = s->codes[i] = column_alloc(rows * sizeof **s->codes, i);
            continue;
        }
        s->column[i].dense = s->dense[i] = column_alloc(rows * sizeof **s->dense, i);
        if (c->columns[i].required) continue;
        s->present[i] = mem_alloc(rows);
        memset(s->present[i], 1, rows);
    }
    s->day = mem_array(rows, sizeof *s->day);
    s->key = mem_array(rows, sizeof *s->key);
    s->payload = mem_array(rows, sizeof *s->payload);
    s->source = mem_array(rows, sizeof *s->source);
    s->shape = mem_alloc(rows);
    s->dead = mem_zalloc(rows);
    if (c->route_column != CONTRACT_NONE) {
        s->route = mem_zalloc(rows);
        s->route_key = mem_array(rows, sizeof *s->route_key);
    }
    s->b = (struct decode_batch){.columns = s->column,
                                 .ts_ms = s->dense[c->time_column],
                                 .day = s->day,
                                 .key = s->key,
                                 .payload = s->payload,
                                 .source = s->source,
                                 .route = s->route,
                                 .route_key = s->route_key};
}

static void store_free(struct batch_store *s, uint16_t columns)
{
    for (uint16_t i = 0; i < columns; i++) {
        column_free(s->codes[i], i);
        column_free(s->dense[i], i);
        mem_free(s->present[i]);
    }
    mem_free(s->column);
    mem_free(s->codes);
    mem_free(s->dense);
    mem_free(s->present);
    mem_free(s->has_null);
    mem_free(s->day);
    mem_free(s->key);
    mem_free(s->route_key);
    mem_free(s->payload);
    mem_free(s->source);
    mem_free(s->route);
    mem_free(s->shape);
    mem_free(s->dead);
    mem_free(s->reject);
}

static void store_clear(struct batch_store *s, uint16_t columns, uint32_t rows)
{
    if (s->dead_count || s->b.reject_count) memset(s->dead, 0, rows);
    for (uint16_t i = 0; i < columns; i++)
        if (s->has_null[i]) {
            memset(s->present[i], 1, rows);
            s->has_null[i] = false;
        }
    s->b.rows = s->b.reject_count = s->dead_count = 0;
    s->b.full = false;
}

struct decoder *decode_new(const struct contract *c, const struct decode_options *o)
{
    struct decoder *d = mem_zalloc(sizeof *d);

    d->contract = c;
    if (o) d->opt = *o;
    if (!d->opt.line_limit) d->opt.line_limit = 16u << 20;
    if (d->opt.line_limit > LINE_LIMIT_MAX) d->opt.line_limit = LINE_LIMIT_MAX;
    if (!d->opt.max_depth) d->opt.max_depth = 64;
    if (!d->opt.memory_bytes) d->opt.memory_bytes = (size_t)40 << 20;
    if (!d->opt.batch_rows || d->opt.batch_rows > DECODE_BATCH_ROWS) d->opt.batch_rows = DECODE_BATCH_ROWS;
    if (!d->opt.learn_rows) d->opt.learn_rows = 512;
    if (!d->opt.now_ms) d->opt.now_ms = clock_now_ms();
    if (!d->opt.future_slack_ms) d->opt.future_slack_ms = CLOCK_DAY_MS;
    d->engine = choose_engine(d->opt.cpu);
    draw_key(&d->tag_key);
    make_known_keys(d);
    d->seed = mem_array(c->column_count, sizeof *d->seed);
    d->dict = mem_zalloc(c->column_count * sizeof *d->dict);
    d->chosen = mem_array(c->column_count, sizeof *d->chosen);
    d->chosen_rank = mem_array(c->column_count, sizeof *d->chosen_rank);
    for (uint16_t i = 0; i < c->column_count; i++) {
        decode_dict_init(&d->dict[i], &c->columns[i]);
        d->seed[i] = d->dict[i].seed;
        d->dict_bytes += decode_dict_memory(&d->dict[i]);
    }
    arena_init(&d->object.keys);
    store_init(&d->store, c, d->opt.batch_rows);
    decode_key_plan_make(c, c->routes[0].key, c->routes[0].key_count, &d->plan);
    for (uint16_t r = 1; r < c->route_count; r++)
        decode_key_plan_make(c, c->routes[r].key, c->routes[r].key_count, &d->route_plan[r]);
    return d;
}

void decode_free(struct decoder **dp)
{
    struct decoder *d = *dp;
    if (!d) return;
    for (uint16_t i = 0; i < d->contract->column_count; i++) decode_dict_free(&d->dict[i]);
    for (unsigned i = 0; i < d->shape_count; i++) decode_shape_free(d, &d->shape[i]);
    decode_memos_free(d);
    store_free(&d->store, d->contract->column_count);
    for (size_t i = 0; i < d->drift_count; i++) mem_free(d->drift[i].key);
    mem_free(d->object.member);
    mem_free(d->object.set);
    arena_reset(&d->object.keys);
    buf_reset(&d->scratch.unescaped);
    buf_reset(&d->scratch.cleaned);
    buf_reset(&d->copy);
    mem_free(d->route_of_code);
    mem_free(d->chosen);
    mem_free(d->chosen_rank);
    mem_free(d->used);
    mem_free(d->key);
    mem_free(d->key_seen);
    mem_free(d->key_slot);
    mem_free(d->seed);
    mem_free(d->dict);
    mem_free(d);
    *dp = NULL;
}

/* ---- input */

static void begin_feed(struct decoder *d)
{
    d->line_all += d->line;
    d->line = d->line_at = d->line_count = 0;
    d->at = d->end = d->base = NULL;
    d->records = NULL;
    d->record_at = d->record_count = 0;
}

void decode_feed(struct decoder *d, const char *ptr, size_t len, uint64_t offset)
{
    begin_feed(d);
    d->at = d->base = ptr;
    d->end = ptr + len;
    d->base_offset = offset;
    d->counts.bytes += len;
    if (!offset && len >= 3 && !memcmp(ptr, "\xEF\xBB\xBF", 3)) d->at += 3;
}

void decode_feed_records(struct decoder *d, const struct decode_source *records, size_t count)
{
    begin_feed(d);
    d->records = records;
    d->record_count = count;
    for (size_t i = 0; i < count; i++) d->counts.bytes += records[i].len;
}

static void add_line(struct decoder *d, const char *p, const char *end, struct decode_source source)
{
    source.line = d->line + d->line_count;
    d->lines[d->line_count++] = (struct input_line){p, end, source};
}

static void fill_from_block(struct decoder *d)
{
    uint32_t newline[LINE_INDEX];
    size_t window = (size_t)(d->end - d->at) < WINDOW_MAX ? (size_t)(d->end - d->at) : WINDOW_MAX;
    const char *base = d->at;
    size_t n = d->engine->newlines(base, base + window, newline, LINE_INDEX);

    for (size_t i = 0; i < n; i++) {
        const char *p = d->at, *e = base + newline[i];
        d->at = e + 1;
        if (e > p && e[-1] == '\r') e--;
        add_line(d, p, e, (struct decode_source){p, (uint32_t)(e - p), 0, d->base_offset + (uint64_t)(p - d->base)});
    }
    if (n) return;
    /* The last line has no newline, or it is very long. */
    const char *p = d->at, *e = memchr(p, '\n', (size_t)(d->end - p));
    d->at = e ? e + 1 : d->end;
    if (!e) e = d->end;
    if (e > p && e[-1] == '\r') e--;
    size_t len = (size_t)(e - p) < UINT32_MAX ? (size_t)(e - p) : UINT32_MAX;
    add_line(d, p, e, (struct decode_source){p, (uint32_t)len, 0, d->base_offset + (uint64_t)(p - d->base)});
}

static void fill_from_records(struct decoder *d)
{
    size_t n = 0, bytes = 0;

    /* Pending rows point into the copy. */
    for (unsigned i = 0; i < d->shape_count; i++)
        if (d->shape[i]->pending) d->engine->resolve(d, d->shape[i]);
    for (; n < LINE_INDEX && d->record_at + n < d->record_count && (!n || bytes < (1u << 20)); n++)
        bytes += d->records[d->record_at + n].len;
    buf_clear(&d->copy);
    char *to = buf_reserve(&d->copy, bytes + DECODE_PAD);
    memset(to + bytes, 0, DECODE_PAD);
    for (; n; n--, d->record_at++) {
        struct decode_source s = d->records[d->record_at];
        if (s.len) memcpy(to, s.text, s.len);
        const char *e = to + s.len;
        while (e > to && (e[-1] == '\n' || e[-1] == '\r' || e[-1] == ' ' || e[-1] == '\t')) e--;
        add_line(d, to, e, s);
        to += s.len;
    }
}

static bool fill_lines(struct decoder *d)
{
    d->line += d->line_count;
    d->line_at = d->line_count = 0;
    if (d->at < d->end) fill_from_block(d);
    else if (d->record_at < d->record_count) fill_from_records(d);
    return d->line_count > 0;
}

/* ---- batches */

static bool is_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    return p == end;
}

static void take_line(struct decoder *d, const struct input_line *line)
{
    struct batch_store *s = &d->store;
    size_t len = (size_t)(line->end - line->p);
    uint32_t row;

    d->counts.lines++;
    if ((unsigned char)*line->p <= ' ' && is_blank(line->p, line->end)) {
        d->counts.blank++;
        return;
    }
    row = s->b.rows++;
    s->source[row] = line->source;
    s->payload[row] = 0;
    if (len > d->opt.line_limit) {
        decode_reject_row(d, row, DECODE_OVERSIZE, CONTRACT_NONE);
        return;
    }
    d->hopeless = d->slow_run > HOPELESS_RUN && d->counts.lines % 16;
    if (len <= FAST_LINE_MAX && !d->opt.no_fast && !d->hopeless && d->engine->match(d, line->p, line->end, row)) {
        d->slow_run = 0;
        return;
    }
    d->slow_run++;
    decode_slow_line(d, line->p, line->end, row);
}

const struct decode_batch *decode_next(struct decoder *d)
{
    struct batch_store *s = &d->store;

    store_clear(s, d->contract->column_count, d->opt.batch_rows);
    decode_shapes_renew(d);
    do {
        while (s->b.rows < d->opt.batch_rows && (!s->b.rows || decode_memory(d) < d->opt.memory_bytes)) {
            if (d->line_at == d->line_count && !fill_lines(d)) break;
            take_line(d, &d->lines[d->line_at++]);
        }
        for (unsigned i = 0; i < d->shape_count; i++)
            if (d->shape[i]->pending) d->engine->resolve(d, d->shape[i]);
        s->b.full = decode_memory(d) >= d->opt.memory_bytes;
        if (!s->b.rows) return NULL;
        decode_plan(d);
        decode_batch_finish(d);
    } while (!s->b.rows && !s->b.reject_count);
    return &s->b;
}

void decode_dict(const struct decoder *d, uint16_t column, struct decode_dict *out)
{
    const struct dict *t = &d->dict[column];
    *out = (struct decode_dict){.type = t->type, .count = t->count, .hash = t->hash};
    if (t->is_text) {
        out->offset = t->offset;
        out->length = t->length;
        out->bytes = t->bytes.ptr;
    } else if (t->type == CONTRACT_DOUBLE) {
        out->real = (const double *)(const void *)t->number;
    } else {
        out->integer = (const int64_t *)t->number;
    }
}

void decode_forget(struct decoder *d)
{
    d->dict_bytes = 0;
    for (uint16_t i = 0; i < d->contract->column_count; i++) {
        decode_dict_clear(&d->dict[i]);
        d->dict_bytes += decode_dict_memory(&d->dict[i]);
    }
    decode_memos_clear(d);
    for (unsigned i = 0; i < d->shape_count; i++) decode_sample_free(d->shape[i], d->contract->column_count);
    d->route_known = 0;
    d->store.b.full = false;
}

size_t decode_memory(const struct decoder *d) { return d->dict_bytes + d->memo_bytes; }
const struct contract *decode_contract(const struct decoder *d) { return d->contract; }
const struct decode_counts *decode_counts(const struct decoder *d) { return &d->counts; }

bool decode_drift_at(const struct decoder *d, size_t i, struct decode_drift *out)
{
    if (i >= d->drift_count) return false;
    *out = (struct decode_drift){d->drift[i].key, d->drift[i].count};
    return true;
}
