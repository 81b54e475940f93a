/* The fast path, included by decode_portable.c and decode_avx2.c after their scan primitives.
 *
 * Match: a line is laid against a shape, literal by literal; where it differs, the shapes that are equal so far go on from
 * there. What a literal does not cover is a token; it is hashed and its table slot is prefetched. Resolve: when 64 rows are
 * pending, token after token is looked up, so that the cache misses of 64 rows overlap. */
#include "base/mem.h"

/* End of the value at p for a step; NULL if that is not plain to see. */
static inline const char *value_end(const struct step *st, const char *p, const char *end)
{
    if (*p == '"') {
        const char *q = scan_quote(p + 1, end);
        return q ? q + 1 : NULL;
    }
    unsigned n = scan_until(p, st->until);
    return n && n < 32 && n < (size_t)(end - p) ? p + n : NULL;
}

/* The first place of the step's literal at p or behind. */
static const char *find_literal(const struct step *st, const char *p, const char *end)
{
    for (p += st->find;;) {
        p = scan_three(p, end, st->literal + st->find);
        if (!p || p - st->find + st->literal_len > end) return NULL;
        if (scan_equal(p - st->find, st)) return p - st->find;
        p++;
    }
}

static bool dense_general(struct decoder *d, uint16_t column, const char *p, const char *end, uint32_t row)
{
    struct value v;
    if (decode_value_parse(d->contract, column, p, end, &d->scratch, &v) != FINE) return false;
    if (v.null) {
        if (d->contract->columns[column].required) return false;
        d->store.has_null[column] = true;
    }
    if (d->store.present[column]) d->store.present[column][row] = !v.null;
    d->store.dense[column][row] = v.null ? 0 : v.integer;
    return true;
}

static inline const char *dense_value(struct decoder *d, const struct step *st, const char *p, const char *end, uint32_t row)
{
    uint16_t column = st->columns[0];
    int64_t v;
    unsigned n = scan_digits(p, &v);
    if (n && v <= st->dense_max && (uint8_t)p[n] == st->until) {
        d->store.dense[column][row] = v;
        if (st->present) st->present[row] = 1;
        return p + n;
    }
    const char *q = value_end(st, p, end);
    return q && dense_general(d, column, p, q, row) ? q : NULL;
}

static inline void prefetch(const struct tag_table *t, struct tag h) { __builtin_prefetch(decode_tag_table_home(t, h)); }

/* Lays the line against s from item k on. True when all of it fits; else *k is the item that did not and pos[*k] its
 * place. */
static inline bool fits(struct decoder *d, struct shape *s, unsigned *at, const char *end, uint32_t row, const char **pos)
{
    const char *p = pos[*at];
    uint32_t n = s->pending;

    for (unsigned k = *at; k < s->item_count; k++) {
        const struct item *it = &s->item[k];
        const char *q;
        size_t slot = (size_t)k * GROUP_ROWS + n;
        pos[k] = p;
        *at = k;
        if (it->memo) {
            q = it->tail ? end : find_literal(&s->step[it->last + 1], p + 1, end);
            if (!q || q == p) return false;
            s->tag[slot] = scan_tag(&d->tag_key, p, (size_t)(q - p));
            prefetch(&it->memo->table, s->tag[slot]);
        } else {
            const struct step *st = &s->step[it->first];
            if (end - p <= st->literal_len || !scan_equal(p, st)) return false;
            p += st->literal_len;
            if (st->dense) {
                if (!(q = dense_value(d, st, p, end, row))) return false;
                p = q;
                continue;
            }
            if (!(q = value_end(st, p, end))) return false;
            if (st->column_count) {
                s->tag[slot] = scan_tag(&d->tag_key, p, (size_t)(q - p));
                for (unsigned i = 0; i < st->column_count; i++) prefetch(&d->dict[st->columns[i]].tokens, s->tag[slot]);
            }
        }
        s->ptr[slot] = p;
        s->len[slot] = (uint32_t)(q - p);
        p = q;
    }
    if (s->has_tail) return true;
    pos[s->item_count] = p;
    *at = s->item_count;
    return (size_t)(end - p) == s->end_len && !memcmp(p, s->end, s->end_len);
}

/* The tokens of the items that two shapes share. */
static void carry(struct shape *to, const struct shape *from, unsigned items)
{
    for (unsigned k = 0; k < items; k++) {
        size_t a = (size_t)k * GROUP_ROWS + to->pending, b = (size_t)k * GROUP_ROWS + from->pending;
        to->tag[a] = from->tag[b];
        to->ptr[a] = from->ptr[b];
        to->len[a] = from->len[b];
    }
}

static void engine_resolve(struct decoder *d, struct shape *s);

/* The untried shape that shares most with `from` (of which `at` items fit), the more frequent one of two; SHAPES_MAX when
 * there is none. */
static unsigned next_shape(const struct decoder *d, uint32_t candidates, unsigned from, unsigned *at)
{
    unsigned best = SHAPES_MAX, best_at = 0;
    for (uint32_t left = candidates; left; left &= left - 1) {
        unsigned t = (unsigned)__builtin_ctz(left);
        unsigned share = d->common[from][t] < *at ? d->common[from][t] : *at;
        if (best == SHAPES_MAX || share > best_at || (share == best_at && d->shape[t]->hits > d->shape[best]->hits)) {
            best = t;
            best_at = share;
        }
    }
    if (best != SHAPES_MAX) *at = best_at;
    return best;
}

static bool engine_match(struct decoder *d, const char *p, const char *end, uint32_t row)
{
    const char *pos[STEPS_MAX + 1];
    uint32_t left = (1u << d->shape_count) - 1;
    unsigned at = 0, now = d->shape_last;

    if (!left) return false;
    pos[0] = p;
    for (;;) {
        while (d->before[now] & left) {
            unsigned first = next_shape(d, d->before[now] & left, now, &(unsigned){STEPS_MAX});
            if (at) carry(d->shape[first], d->shape[now], at);
            now = first;
        }
        if (fits(d, d->shape[now], &at, end, row, pos)) break;
        left &= ~(1u << now);
        unsigned next = next_shape(d, left, now, &at);
        if (next == SHAPES_MAX) return false;
        carry(d->shape[next], d->shape[now], at);
        now = next;
    }
    struct shape *s = d->shape[now];
    d->shape_last = (uint16_t)now;
    s->hits++;
    s->window++;
    s->row[s->pending] = (uint16_t)row;
    s->line[s->pending] = p;
    s->line_end[s->pending] = end;
    d->store.shape[row] = (uint8_t)now;
    if (++s->pending == GROUP_ROWS) engine_resolve(d, s);
    return true;
}

/* ---- resolve */

static inline void resolve_column(struct decoder *d, struct shape *s, unsigned k, uint16_t column, uint64_t *bad)
{
    struct dict *t = &d->dict[column];
    const size_t base = (size_t)k * GROUP_ROWS;
    uint32_t *codes = d->store.codes[column];
    uint64_t *payload = d->store.payload;

    for (uint32_t r = 0; r < s->pending; r++) {
        uint32_t code = decode_tag_table_get(&t->tokens, s->tag[base + r]);
        if (code == NO_CODE) {
            enum decode_reason why;
            bool added;
            const char *p = s->ptr[base + r];
            code = decode_token_code(d, column, p, p + s->len[base + r], s->tag[base + r], &added, &why);
            if (code == NO_CODE) {
                *bad |= (uint64_t)1 << r;
                continue;
            }
        }
        codes[s->row[r]] = code;
        payload[s->row[r]] += t->hash[code];
    }
}

/* The steps of a remembered text, one by one: its columns' codes into `codes` (by column). False when the text is not made
 * of these steps or a token is wrong. */
static bool take_steps(struct decoder *d, const struct shape *s, const struct item *it, const char *p, const char *end,
                       uint32_t *codes, bool *added)
{
    for (unsigned i = it->first; i <= it->last; i++) {
        const struct step *st = &s->step[i];
        const char *q;
        if (end - p <= st->literal_len || !scan_equal(p, st)) return false;
        p += st->literal_len;
        if (i == it->last && !it->tail) q = end;
        else if (!(q = value_end(st, p, end))) return false;
        struct tag h = scan_tag(&d->tag_key, p, (size_t)(q - p));
        for (unsigned c = 0; c < st->column_count; c++) {
            enum decode_reason why;
            bool one;
            codes[st->columns[c]] = decode_token_code(d, st->columns[c], p, q, h, &one, &why);
            if (codes[st->columns[c]] == NO_CODE) return false;
            *added |= one;
        }
        p = q;
    }
    return it->tail ? (size_t)(end - p) == s->end_len && !memcmp(p, s->end, s->end_len) : p == end;
}

/* A text the memo does not know. Other shapes may end differently after the same beginning. */
static bool memo_miss(struct decoder *d, struct shape *s, unsigned k, uint32_t r, struct memo *m)
{
    uint32_t codes[CONTRACT_MAX_COLUMNS] = {0}, entry[CONTRACT_MAX_COLUMNS];
    const size_t slot = (size_t)k * GROUP_ROWS + r;
    const char *p = s->ptr[slot], *end = p + s->len[slot];
    bool added = false;
    unsigned self = d->store.shape[s->row[r]];
    uint64_t payload = 0;

    bool ok = take_steps(d, s, &s->item[k], p, end, codes, &added);
    for (unsigned t = 0; !ok && s->item[k].tail && t < d->shape_count; t++) {
        const struct shape *o = d->shape[t];
        if (t == self || d->common[self][t] < k || k >= o->item_count || o->item[k].memo != m) continue;
        memset(codes, 0, sizeof codes);
        ok = take_steps(d, o, &o->item[k], p, end, codes, &added);
    }
    if (!ok) return false;
    m->missed++;
    m->wasted += !added;
    for (unsigned i = 0; i < m->column_count; i++) {
        uint16_t column = m->columns[i];
        entry[i] = codes[column];
        payload += d->dict[column].hash[entry[i]];
        d->store.codes[column][s->row[r]] = entry[i];
    }
    d->store.payload[s->row[r]] += payload;
    decode_memo_put(d, m, s->tag[slot], payload, entry);
    return true;
}

static inline void resolve_memo(struct decoder *d, struct shape *s, unsigned k, uint64_t *bad)
{
    struct memo *m = s->item[k].memo;
    const uint32_t *entry[GROUP_ROWS];
    uint16_t row[GROUP_ROWS];
    uint64_t missed = 0;
    uint32_t n = 0;
    const size_t base = (size_t)k * GROUP_ROWS;

    m->lookups += s->pending;
    for (uint32_t r = 0; r < s->pending; r++) {
        uint32_t found = decode_tag_table_get(&m->table, s->tag[base + r]);
        if (found == NO_CODE) {
            missed |= (uint64_t)1 << r;
            continue;
        }
        row[n] = s->row[r];
        entry[n] = m->entries + (size_t)found * m->stride;
        __builtin_prefetch(entry[n++]);
    }
    for (uint32_t r = 0; r < n; r++) {
        uint64_t payload;
        memcpy(&payload, entry[r], sizeof payload);
        d->store.payload[row[r]] += payload;
    }
    for (unsigned i = 0; i < m->column_count; i++) {
        uint32_t *codes = d->store.codes[m->columns[i]];
        for (uint32_t r = 0; r < n; r++) codes[row[r]] = entry[r][2 + i];
    }
    for (; missed; missed &= missed - 1) {
        uint32_t r = (uint32_t)__builtin_ctzll(missed);
        if (!memo_miss(d, s, k, r, m)) *bad |= (uint64_t)1 << r;
    }
}

static void fill_absent(struct decoder *d, const struct shape *s)
{
    for (unsigned i = 0; i < s->absent_count; i++) {
        uint16_t column = s->absent[i];
        if (d->contract->columns[column].dense) {
            for (uint32_t r = 0; r < s->pending; r++) {
                d->store.dense[column][s->row[r]] = 0;
                d->store.present[column][s->row[r]] = 0;
            }
            d->store.has_null[column] = true;
        } else if (!s->has_tail) {
            for (uint32_t r = 0; r < s->pending; r++) d->store.codes[column][s->row[r]] = 0;
        }
    }
}

static void engine_resolve(struct decoder *d, struct shape *s)
{
    uint64_t bad = 0;

    for (unsigned k = 0; k < s->item_count; k++) {
        const struct step *st = &s->step[s->item[k].first];
        if (s->item[k].memo) {
            resolve_memo(d, s, k, &bad);
        } else if (!st->column_count) {
            for (uint32_t r = 0; r < s->pending; r++) {
                size_t slot = (size_t)k * GROUP_ROWS + r;
                if (!decode_json_value_ok(s->ptr[slot], s->ptr[slot] + s->len[slot])) bad |= (uint64_t)1 << r;
            }
        } else if (!st->dense) {
            for (unsigned i = 0; i < st->column_count; i++) resolve_column(d, s, k, st->columns[i], &bad);
        }
    }
    fill_absent(d, s);
    uint32_t n = s->pending;
    s->pending = 0;
    if (s->drift_count) decode_shape_count_drift(d, s, n - (uint32_t)__builtin_popcountll(bad));
    for (; bad; bad &= bad - 1) {
        unsigned r = (unsigned)__builtin_ctzll(bad);
        decode_slow_line(d, s->line[r], s->line_end[r], s->row[r]);
    }
}
