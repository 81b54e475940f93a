/* The end of a batch: keys, days, routes; dead rows go. */
#include "refine/decode_private.h"

#include "base/clock.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const uint64_t hashed_bit = (uint64_t)1 << 63;

/* 127 bits for the numbers + 1 (0 is null). These widths are part of the lake's format: keys are kept on disk. */
void decode_key_plan_make(const struct contract *c, const uint16_t *columns, uint16_t count, struct key_plan *out)
{
    unsigned used = 0, wide = 0;

    memset(out, 0, sizeof *out);
    out->count = count;
    out->exact = count > 0;
    for (uint16_t i = 0; i < count; i++) {
        const struct contract_column *col = &c->columns[columns[i]];
        out->column[i] = columns[i];
        switch (col->type) {
        case CONTRACT_DOUBLE:
        case CONTRACT_STRING: out->exact = false; break;
        case CONTRACT_BOOL: out->bits[i] = 2; break;
        case CONTRACT_UINT8: out->bits[i] = 9; break;
        case CONTRACT_UINT16: out->bits[i] = 17; break;
        case CONTRACT_UINT32: out->bits[i] = 18; break;
        default: out->bits[i] = columns[i] == c->time_column ? 42 : 0; break; /* until the year 2109 */
        }
        used += out->bits[i];
        wide += !out->bits[i];
    }
    if (!out->exact || used > 127 || (wide && (127 - used) / wide < 16)) {
        out->exact = false;
        return;
    }
    for (uint16_t i = 0; i < count; i++)
        if (!out->bits[i]) out->bits[i] = (uint8_t)((127 - used) / wide > 63 ? 63 : (127 - used) / wide);
}

/* Where a key column's words come from: numbers, or the hashes of texts and doubles. */
struct key_source {
    const int64_t *dense;
    const uint8_t *present; /* NULL: always there */
    const uint32_t *codes;
    const uint64_t *word; /* of codes */
    uint8_t bits;
};

static void key_sources(const struct decoder *d, const struct key_plan *k, struct key_source *out)
{
    for (unsigned i = 0; i < k->count; i++) {
        const struct dict *t = &d->dict[k->column[i]];
        out[i] = (struct key_source){.dense = d->store.dense[k->column[i]],
                                     .present = d->store.present[k->column[i]],
                                     .codes = d->store.codes[k->column[i]],
                                     .word = t->is_text || t->type == CONTRACT_DOUBLE ? t->hash : t->number,
                                     .bits = k->bits[i]};
    }
}

static struct hash128 hashed(const uint64_t *word, size_t count)
{
    XXH128_hash_t h = XXH3_128bits(word, count * sizeof *word);
    return (struct hash128){h.low64, h.high64 | hashed_bit};
}

static inline struct hash128 key_of(const struct key_source *from, unsigned count, bool exact, uint32_t row)
{
    uint64_t word[CONTRACT_MAX_KEY + 1];
    unsigned __int128 all = 0;

    word[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct key_source *s = &from[i];
        uint64_t w, there;
        if (s->dense) {
            there = !s->present || s->present[row];
            w = (uint64_t)s->dense[row]; /* 0 where null */
        } else {
            there = s->codes[row] > 0;
            w = s->word[s->codes[row]]; /* of code 0: 0 */
        }
        word[0] |= there << i;
        word[i + 1] = w;
        exact &= w < ((uint64_t)1 << s->bits) - 1;
        all = all << s->bits | (w + there);
    }
    return exact ? (struct hash128){(uint64_t)all, (uint64_t)(all >> 64)} : hashed(word, count + 1u);
}

/* `key: row`: the hashes of all values. */
static struct hash128 row_key(const struct decoder *d, uint32_t row)
{
    uint64_t word[CONTRACT_MAX_COLUMNS] = {0};
    uint16_t n = d->contract->column_count;

    for (uint16_t i = 0; i < n; i++) {
        const struct batch_store *s = &d->store;
        if (!s->dense[i]) word[i] = d->dict[i].hash[s->codes[i][row]];
        else if (!s->present[i] || s->present[i][row]) word[i] = decode_value_hash_i64(d->seed[i], s->dense[i][row]);
    }
    return hashed(word, n);
}

/* The keys of all rows, or of those that take `route` (if it is not 0). */
static void make_keys(struct decoder *d, const struct key_plan *k, uint8_t route, struct hash128 *out)
{
    struct key_source from[CONTRACT_MAX_KEY];
    const struct batch_store *s = &d->store;

    key_sources(d, k, from);
    for (uint32_t r = 0; r < s->b.rows; r++) {
        if (route && s->route[r] != route) continue;
        out[r] = k->count ? key_of(from, k->count, k->exact, r) : row_key(d, r);
    }
}

static void add_dense_payloads(struct decoder *d)
{
    struct batch_store *s = &d->store;
    for (uint16_t c = 0; c < d->contract->column_count; c++) {
        if (!s->dense[c]) continue;
        uint64_t seed = d->seed[c];
        const int64_t *v = s->dense[c];
        const uint8_t *present = s->has_null[c] ? s->present[c] : NULL;
        for (uint32_t r = 0; r < s->b.rows; r++)
            if (!present || present[r]) s->payload[r] += XXH3_64bits_withSeed(&v[r], sizeof v[r], seed);
    }
}

/* Which route a value of the route column takes; 0: the primary alone. */
static uint8_t route_of(struct decoder *d, uint32_t code)
{
    const struct contract *c = d->contract;
    const struct dict *t = &d->dict[c->route_column];

    if (d->route_cap < t->count) {
        d->route_cap = t->count + t->count / 2 + 64;
        d->route_of_code = mem_realloc(d->route_of_code, d->route_cap);
    }
    for (; d->route_known < t->count; d->route_known++) {
        uint32_t k = d->route_known;
        d->route_of_code[k] = 0;
        for (uint16_t r = 1; r < c->route_count; r++)
            for (uint16_t w = 0; w < c->routes[r].when_count; w++)
                if (k && view_is(view_from(t->bytes.ptr + t->offset[k], t->length[k]), c->routes[r].when[w]))
                    d->route_of_code[k] = (uint8_t)r;
    }
    return d->route_of_code[code];
}

/* The extra row's table may need what the stream may leave out. */
static void check_route(struct decoder *d, uint32_t row, const struct contract_route *r)
{
    for (uint16_t f = 0; f < r->target->fact_count; f++) {
        uint16_t column = r->map[f];
        if (column == CONTRACT_NONE || !r->target->fact[f].required) continue;
        const struct batch_store *s = &d->store;
        bool null = s->dense[column] ? s->present[column] && !s->present[column][row] : !s->codes[column][row];
        if (null) {
            decode_reject_row(d, row, DECODE_NULL, column);
            return;
        }
    }
}

static void take_routes(struct decoder *d)
{
    struct batch_store *s = &d->store;
    const uint32_t *codes = s->codes[d->contract->route_column];

    for (uint32_t r = 0; r < s->b.rows; r++) {
        s->route[r] = s->dead[r] ? 0 : route_of(d, codes[r]);
        if (s->route[r]) check_route(d, r, &d->contract->routes[s->route[r]]);
    }
}

static void drop_dead(struct decoder *d)
{
    struct batch_store *s = &d->store;
    uint32_t n = 0;

    if (!s->dead_count) return;
    for (uint32_t r = 0; r < s->b.rows; r++) {
        if (s->dead[r]) continue;
        if (n != r) {
            for (uint16_t c = 0; c < d->contract->column_count; c++) {
                if (s->codes[c]) s->codes[c][n] = s->codes[c][r];
                else s->dense[c][n] = s->dense[c][r];
                if (s->present[c]) s->present[c][n] = s->present[c][r];
            }
            s->payload[n] = s->payload[r];
            s->source[n] = s->source[r];
            s->shape[n] = s->shape[r];
            s->dead[n] = 0;
            if (s->route) s->route[n] = s->route[r];
        }
        n++;
    }
    s->b.rows = n;
    s->dead_count = 0;
}

static int by_line(const void *a, const void *b)
{
    const struct decode_reject *x = a, *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

void decode_batch_finish(struct decoder *d)
{
    struct batch_store *s = &d->store;
    const struct contract *c = d->contract;

    if (s->route) take_routes(d);
    drop_dead(d);
    if (s->b.reject_count > 1) qsort(s->reject, s->b.reject_count, sizeof *s->reject, by_line);
    add_dense_payloads(d);
    const int64_t *ts = s->dense[c->time_column];
    int64_t late = d->opt.now_ms + d->opt.future_slack_ms;
    int64_t day = 0;
    uint64_t future = 0;
    for (uint32_t r = 0; r < s->b.rows; r++) {
        if (ts[r] < day * CLOCK_DAY_MS || ts[r] >= (day + 1) * CLOCK_DAY_MS) day = clock_day_of_ms(ts[r]);
        s->day[r] = (int32_t)day;
        future += ts[r] > late;
    }
    make_keys(d, &d->plan, 0, s->key);
    if (s->route) memset(s->route_key, 0, s->b.rows * sizeof *s->route_key);
    for (uint8_t r = 1; s->route && r < c->route_count; r++) make_keys(d, &d->route_plan[r], r, s->route_key);
    d->counts.future_rows += future;
    d->counts.rows += s->b.rows;
    s->b.rejects = s->reject;
    for (uint16_t k = 0; k < c->column_count; k++)
        s->column[k].present = s->has_null[k] ? s->present[k] : NULL;
}
