/* The general path for one line, and what is done when a token is met for the first time. */
#include "refine/decode_private.h"

#include "base/mem.h"

void decode_reject_row(struct decoder *d, uint32_t row, enum decode_reason why, uint16_t column)
{
    struct batch_store *s = &d->store;
    if (s->b.reject_count == s->reject_cap)
        mem_grow(&s->reject, &s->reject_cap, s->b.reject_count + 1, sizeof *s->reject);
    s->reject[s->b.reject_count++] = (struct decode_reject){.reason = why,
                                                            .column = column,
                                                            .line = d->line_all + s->source[row].line,
                                                            .source = s->source[row]};
    s->dead[row] = 1;
    s->dead_count++;
    d->counts.rejects++;
    d->counts.reason[why]++;
}

void decode_drift_add(struct decoder *d, const char *key, size_t len)
{
    d->counts.drift_keys++;
    for (size_t i = 0; i < d->drift_count; i++)
        if (view_is(view_from(key, len), d->drift[i].key)) {
            d->drift[i].count++;
            return;
        }
    if (d->drift_count == sizeof d->drift / sizeof d->drift[0] || len > 1000) return;
    d->drift[d->drift_count++] = (struct drift_entry){mem_strndup(key, len), 1};
}

uint32_t decode_token_code(struct decoder *d, uint16_t column, const char *p, const char *end, struct tag h, bool *added,
                    enum decode_reason *why)
{
    struct dict *t = &d->dict[column];
    struct value v;
    uint32_t code = decode_tag_table_get(&t->tokens, h);

    *added = false;
    if (code != NO_CODE) return code;
    *why = decode_value_parse(d->contract, column, p, end, &d->scratch, &v);
    if (*why == FINE && v.null && d->contract->columns[column].required) *why = DECODE_NULL;
    if (*why != FINE) return NO_CODE;
    size_t before = decode_dict_memory(t);
    code = decode_dict_code(t, &v);
    decode_tag_table_put(&t->tokens, h, code);
    d->dict_bytes += decode_dict_memory(t) - before;
    *added = true;
    return code;
}

/* Which member each column reads: the first of its `from` that is there. Members that nobody reads are drift. */
static void choose(struct decoder *d, const struct json_object *o, bool *used)
{
    const struct contract *c = d->contract;
    for (uint16_t i = 0; i < c->column_count; i++) d->chosen[i] = NO_CODE;
    for (uint32_t i = 0; i < o->count; i++) {
        used[i] = false;
        if (o->member[i].known == CONTRACT_NONE) continue;
        const struct known_key *k = &d->key[o->member[i].known];
        for (uint16_t u = 0; u < k->use_count; u++) {
            uint16_t column = k->column[u];
            if (d->chosen[column] != NO_CODE && d->chosen_rank[column] < k->rank[u]) continue;
            d->chosen[column] = i;
            d->chosen_rank[column] = k->rank[u];
        }
    }
    for (uint16_t i = 0; i < c->column_count; i++)
        if (d->chosen[i] != NO_CODE) used[d->chosen[i]] = true;
}

static enum decode_reason fill_dense(struct decoder *d, uint16_t column, const struct member *m, uint32_t row)
{
    struct value v = {.null = true};
    if (m) {
        enum decode_reason why = decode_value_parse(d->contract, column, m->value, m->end, &d->scratch, &v);
        if (why != FINE) return why;
    }
    if (v.null && d->contract->columns[column].required) return DECODE_NULL;
    if (v.null) d->store.has_null[column] = true;
    if (d->store.present[column]) d->store.present[column][row] = !v.null;
    d->store.dense[column][row] = v.null ? 0 : v.integer;
    return FINE;
}

static enum decode_reason fill_column(struct decoder *d, uint16_t column, const struct member *m, uint32_t row)
{
    enum decode_reason why = FINE;
    bool added;

    if (!m && d->contract->columns[column].required) return DECODE_MISSING;
    if (d->contract->columns[column].dense) return fill_dense(d, column, m, row);
    uint32_t code = 0;
    if (m) {
        struct tag h = d->engine->tag(&d->tag_key, m->value, (size_t)(m->end - m->value));
        code = decode_token_code(d, column, m->value, m->end, h, &added, &why);
        if (code == NO_CODE) return why;
    }
    d->store.codes[column][row] = code;
    d->store.payload[row] += d->dict[column].hash[code];
    return FINE;
}

void decode_slow_line(struct decoder *d, const char *p, const char *end, uint32_t row)
{
    struct json_object *o = &d->object;
    const struct contract *c = d->contract;
    size_t unread = 0;

    d->counts.slow_rows++;
    d->store.shape[row] = SHAPES_MAX;
    d->store.payload[row] = 0;
    if (!decode_json_parse(d, p, end, o)) {
        decode_reject_row(d, row, o->why, o->column);
        return;
    }
    mem_grow(&d->used, &d->used_cap, o->count + 1, sizeof *d->used);
    choose(d, o, d->used);
    for (uint16_t i = 0; i < c->column_count; i++) {
        const struct member *m = d->chosen[i] == NO_CODE ? NULL : &o->member[d->chosen[i]];
        enum decode_reason why = fill_column(d, i, m, row);
        if (why != FINE) {
            decode_reject_row(d, row, why, i);
            return;
        }
    }
    for (size_t i = 0; i < o->count; i++)
        if (!d->used[i]) {
            decode_drift_add(d, o->member[i].key.ptr, o->member[i].key.len);
            unread++;
        }
    d->counts.drift_rows += unread > 0;
    if (!d->opt.no_fast && !d->hopeless) decode_shape_learn(d, o, p, end);
}
