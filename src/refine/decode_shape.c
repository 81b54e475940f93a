/* Shapes: orders of keys met in lines that the strict parser accepted. */
#include "refine/decode_private.h"

#include "base/mem.h"

static bool take_literal(char to[LITERAL_MAX], uint8_t *len, const char *p, const char *end)
{
    if (end - p > LITERAL_MAX || p == end) return false;
    memset(to, 0, LITERAL_MAX);
    memcpy(to, p, (size_t)(end - p));
    *len = (uint8_t)(end - p);
    return true;
}

static int64_t dense_max(const struct contract *c, uint16_t column)
{
    if (column == c->time_column) return c->time_unit == CONTRACT_UNIT_MS ? 253402300799999 : -1;
    switch (c->columns[column].type) {
    case CONTRACT_UINT32: return UINT32_MAX;
    case CONTRACT_UINT16: return UINT16_MAX;
    case CONTRACT_UINT8: return UINT8_MAX;
    case CONTRACT_TIMESTAMP_MS: return 253402300799999;
    default: return INT64_MAX;
    }
}

/* The line's members as steps; false when it is not of a kind that can be predicted. */
static bool make_steps(struct decoder *d, struct shape *s, const struct json_object *o, const char *end)
{
    const struct contract *c = d->contract;

    if (!o->count || o->count > STEPS_MAX) return false;
    for (size_t i = 0; i < o->count; i++) {
        const struct member *m = &o->member[i];
        struct step *st = &s->step[s->step_count++];
        const char *quote;
        if (!take_literal(st->literal, &st->literal_len, m->before, m->value)) return false;
        if (*m->value == '{' || *m->value == '[') return false;
        quote = memchr(st->literal, '"', st->literal_len);
        st->find = (uint8_t)(quote - st->literal);
        st->until = (uint8_t)*m->end;
        st->key = hash_64(m->key.ptr, m->key.len, 0);
        for (uint16_t k = 0; k < c->column_count; k++) {
            if (d->chosen[k] != i) continue;
            if (st->column_count == 4) return false;
            st->columns[st->column_count++] = k;
            if (!c->columns[k].dense) continue;
            st->dense = true;
            st->dense_max = dense_max(c, k);
            st->present = d->store.present[k];
        }
        if (st->dense && st->column_count > 1) return false;
        if (!st->column_count) s->drift[s->drift_count++] = mem_strndup(m->key.ptr, m->key.len);
    }
    return take_literal(s->end, &s->end_len, o->tail, end);
}

bool decode_shape_same_step(const struct step *a, const struct step *b)
{
    return a->literal_len == b->literal_len && !memcmp(a->literal, b->literal, a->literal_len) &&
           a->column_count == b->column_count && !memcmp(a->columns, b->columns, a->column_count * sizeof a->columns[0]);
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
    if (a->step_count != b->step_count || a->end_len != b->end_len || memcmp(a->end, b->end, a->end_len)) return false;
    for (unsigned i = 0; i < a->step_count; i++)
        if (!decode_shape_same_step(&a->step[i], &b->step[i])) return false;
    return true;
}

static void set_absent(struct decoder *d, struct shape *s)
{
    for (uint16_t k = 0; k < d->contract->column_count; k++)
        if (d->chosen[k] == NO_CODE) s->absent[s->absent_count++] = k;
}

void decode_shape_singles(struct shape *s)
{
    for (uint16_t i = 0; i < s->step_count; i++) s->item[i] = (struct item){.first = (uint8_t)i, .last = (uint8_t)i};
    s->item_count = s->step_count;
    s->has_tail = false;
}

void decode_shape_learn(struct decoder *d, const struct json_object *o, const char *p, const char *end)
{
    struct shape *s;

    if (end - p > FAST_LINE_MAX) return;
    if (d->shape_count == SHAPES_MAX) {
        d->slow_streak++;
        return;
    }
    s = mem_zalloc(sizeof *s);
    if (!make_steps(d, s, o, end)) goto drop;
    for (unsigned t = 0; t < d->shape_count; t++)
        if (same_shape(s, d->shape[t])) goto drop;
    set_absent(d, s);
    decode_shape_singles(s);
    size_t slots = (size_t)s->step_count * GROUP_ROWS;
    s->tag = mem_zalloc(slots * sizeof *s->tag);
    s->ptr = mem_zalloc(slots * sizeof *s->ptr);
    s->len = mem_zalloc(slots * sizeof *s->len);
    d->shape[d->shape_count++] = s;
    decode_shapes_relate(d);
    return;
drop:
    decode_shape_free(d, &s);
}

void decode_shape_free(struct decoder *d, struct shape **s)
{
    if (!*s) return;
    decode_sample_free(*s, d->contract->column_count);
    for (unsigned i = 0; i < (*s)->drift_count; i++) mem_free((*s)->drift[i]);
    mem_free((*s)->tag);
    mem_free((*s)->ptr);
    mem_free((*s)->len);
    mem_free(*s);
    *s = NULL;
}

static bool same_item(const struct shape *a, const struct shape *b, unsigned k)
{
    const struct item *x = &a->item[k], *y = &b->item[k];
    if (x->memo != y->memo || x->tail != y->tail) return false;
    if (x->tail) return true; /* the same memo after the same items */
    if (x->first != y->first || x->last != y->last) return false;
    for (unsigned i = x->first; i <= x->last; i++)
        if (!decode_shape_same_step(&a->step[i], &b->step[i])) return false;
    /* Where it ends depends on what follows. */
    const struct step *an = &a->step[x->last], *bn = &b->step[y->last];
    if (!x->memo) return an->until == bn->until;
    an++, bn++;
    return an->literal_len == bn->literal_len && !memcmp(an->literal, bn->literal, an->literal_len);
}

void decode_shapes_relate(struct decoder *d)
{
    for (unsigned i = 0; i < d->shape_count; i++)
        for (unsigned j = 0; j < d->shape_count; j++) {
            const struct shape *a = d->shape[i], *b = d->shape[j];
            unsigned k = 0;
            while (k < a->item_count && k < b->item_count && same_item(a, b, k)) k++;
            d->common[i][j] = (uint8_t)k;
        }
    for (unsigned i = 0; i < d->shape_count; i++) {
        const struct shape *s = d->shape[i];
        unsigned tail = s->item_count - 1u;
        d->before[i] = 0;
        for (unsigned j = 0; s->has_tail && j < d->shape_count; j++)
            if (d->common[i][j] == tail && !d->shape[j]->item[tail].tail) d->before[i] |= 1u << j;
    }
}

void decode_shapes_renew(struct decoder *d)
{
    unsigned least = 0;

    if (d->slow_streak < 1024) return;
    d->slow_streak = 0;
    for (unsigned i = 1; i < d->shape_count; i++)
        if (d->shape[i]->window < d->shape[least]->window) least = i;
    decode_shape_free(d, &d->shape[least]);
    d->shape[least] = d->shape[--d->shape_count];
    d->shape[d->shape_count] = NULL;
    d->shape_last = 0;
    for (unsigned i = 0; i < d->shape_count; i++) d->shape[i]->window = 0;
    decode_shapes_relate(d);
}

void decode_shape_count_drift(struct decoder *d, const struct shape *s, uint32_t rows)
{
    d->counts.drift_rows += rows;
    for (unsigned i = 0; i < s->drift_count; i++)
        for (uint32_t r = 0; r < rows; r++) decode_drift_add(d, s->drift[i], strlen(s->drift[i]));
}
