/* Memos: neighbouring fields that repeat together (a song's artist, title and length; all that belongs to a user) are
 * looked up at once, by a hash of their raw text.
 *
 * What repeats together is learned from the codes of a batch: field B joins the run A before it when a known value of A
 * (or of B) mostly comes with a known pair: one tells the other. Numbers stored dense, and unknown keys, end a run.
 *
 * A memo is shared by all items of the same layout. A middle item's layout is its keys. A tail's is the keys before it:
 * its text tells everything else about the line, absent columns included, so shapes that differ only in their tails
 * find each other's texts. Because runs hold known keys only, and the keys of a shape are distinct, no text taken from a
 * memo can bring a key that the rest of the line has. */
#include "refine/decode_private.h"

#include "base/mem.h"

enum {
    LEARN_TRIES = 8,   /* batches that gave too little evidence */
    EVIDENCE_SHARE = 8, /* an eighth of the rows learned from must be repeats, to judge */
    WINDOW = 16384,    /* look-ups between judgements */
    STRIKES = 4,       /* bad windows in a row, when the misses come with new values */
    MEMOS_MAX = 64,
    TABLE_BITS = 8,
};

static void memo_reset(struct decoder *d, struct memo *m)
{
    d->memo_bytes -= decode_tag_table_size(&m->table) * sizeof(struct tag_slot) + (size_t)m->cap * m->stride * sizeof *m->entries;
    decode_tag_table_free(&m->table);
    mem_free(m->entries);
    m->entries = NULL;
    m->count = m->cap = 0;
    decode_tag_table_init(&m->table, TABLE_BITS);
    d->memo_bytes += decode_tag_table_size(&m->table) * sizeof(struct tag_slot);
}

void decode_memo_put(struct decoder *d, struct memo *m, struct tag h, uint64_t payload, const uint32_t *codes)
{
    if (decode_tag_table_get(&m->table, h) != NO_CODE) return; /* twice among the pending rows */
    if (m->count == m->cap) {
        /* Half of the memory is for dictionaries. A memo that has no more room starts anew. */
        if (m->cap && d->memo_bytes + (size_t)m->cap * (m->stride * sizeof *m->entries + 2 * sizeof(struct tag_slot)) >
                          d->opt.memory_bytes / 2)
            memo_reset(d, m);
        uint32_t cap = m->cap ? m->cap * 2 : 128;
        d->memo_bytes += (size_t)(cap - m->cap) * m->stride * sizeof *m->entries;
        m->entries = mem_realloc(m->entries, (size_t)cap * m->stride * sizeof *m->entries);
        m->cap = cap;
    }
    uint32_t *e = m->entries + (size_t)m->count * m->stride;
    memcpy(e, &payload, sizeof payload);
    memcpy(e + 2, codes, m->column_count * sizeof *codes);
    d->memo_bytes -= decode_tag_table_size(&m->table) * sizeof(struct tag_slot);
    decode_tag_table_put(&m->table, h, m->count++);
    d->memo_bytes += decode_tag_table_size(&m->table) * sizeof(struct tag_slot);
}

void decode_memos_clear(struct decoder *d)
{
    for (unsigned i = 0; i < d->memo_count; i++) memo_reset(d, d->memo[i]);
}

void decode_memos_free(struct decoder *d)
{
    for (unsigned i = 0; i < d->memo_count; i++) {
        decode_tag_table_free(&d->memo[i]->table);
        mem_free(d->memo[i]->entries);
        mem_free(d->memo[i]);
    }
    d->memo_count = 0;
}

/* ---- which memo an item has */

static uint64_t layout_of(const struct shape *s, unsigned first, unsigned count, bool tail)
{
    uint64_t h = tail;
    for (unsigned i = first; i < first + count; i++) {
        const struct step *st = &s->step[i];
        h = hash_64(&st->key, sizeof st->key, h);
        h = hash_64(st->columns, st->column_count * sizeof st->columns[0], h);
    }
    return h;
}

static void memo_columns(const struct decoder *d, struct memo *m, const struct shape *s, const struct item *it)
{
    bool in[CONTRACT_MAX_COLUMNS] = {false};
    unsigned from = it->tail ? 0 : it->first, to = it->tail ? it->first : it->last + 1u;

    for (unsigned i = from; i < to; i++)
        for (unsigned c = 0; c < s->step[i].column_count; c++) in[s->step[i].columns[c]] = true;
    for (uint16_t c = 0; c < d->contract->column_count; c++)
        if (in[c] != it->tail && !d->contract->columns[c].dense) m->columns[m->column_count++] = c;
}

/* The memo of the item's layout, made if need be; NULL when it was dropped once. */
static struct memo *memo_of(struct decoder *d, const struct shape *s, const struct item *it)
{
    uint64_t layout = it->tail ? layout_of(s, 0, it->first, true) : layout_of(s, it->first, it->last - it->first + 1u, false);
    struct memo *m;

    for (unsigned i = 0; i < d->memo_count; i++)
        if (d->memo[i]->layout == layout && d->memo[i]->tail == it->tail) return d->memo[i]->dropped ? NULL : d->memo[i];
    if (d->memo_count == MEMOS_MAX) return NULL;
    m = mem_zalloc(sizeof *m);
    m->layout = layout;
    m->tail = it->tail;
    memo_columns(d, m, s, it);
    m->stride = 2u + ((m->column_count + 1u) & ~1u);
    decode_tag_table_init(&m->table, TABLE_BITS);
    d->memo_bytes += decode_tag_table_size(&m->table) * sizeof(struct tag_slot);
    d->memo[d->memo_count++] = m;
    return m;
}

/* ---- learning */

struct learn {
    struct decoder *d;
    const uint16_t *rows; /* of the shape, in the batch */
    uint32_t count;
    uint32_t *joint, *next; /* per row: number of the run's value so far */
    uint64_t *pair;         /* hash table: pair, and its number (0: empty) */
    uint32_t *number;
    size_t size;
    bool unsure;
};

/* Numbers the pairs (joint, code) by first appearance into next; returns how many rows had a pair seen before. With
 * alone, the codes are numbered without the joint. */
static uint32_t number_pairs(struct learn *l, const uint32_t *codes, bool alone)
{
    uint32_t n = 0, repeats = 0;
    memset(l->number, 0, l->size * sizeof *l->number);
    for (uint32_t r = 0; r < l->count; r++) {
        uint64_t pair = (alone ? 0 : (uint64_t)l->joint[r] << 32) | codes[l->rows[r]];
        size_t at = hash_64(&pair, sizeof pair, 0) & (l->size - 1);
        while (l->number[at] && l->pair[at] != pair) at = (at + 1) & (l->size - 1);
        if (l->number[at]) {
            repeats++;
        } else {
            l->pair[at] = pair;
            l->number[at] = ++n;
        }
        l->next[r] = l->number[at];
    }
    return repeats;
}

static void take_next(struct learn *l)
{
    uint32_t *t = l->joint;
    l->joint = l->next;
    l->next = t;
}

static bool can_join(const struct step *st) { return st->column_count && !st->dense; }

/* The last step of the run that begins at `first`. Without rows to learn from: all that can be joined. */
static unsigned run_end(struct learn *l, const struct shape *s, unsigned first)
{
    unsigned j = first;
    uint32_t **codes = l->d->store.codes;

    if (l->count < l->d->opt.learn_rows) {
        while (j + 1u < s->step_count && can_join(&s->step[j + 1])) j++;
        return j;
    }
    uint32_t run = number_pairs(l, codes[s->step[first].columns[0]], true);
    take_next(l);
    for (; j + 1u < s->step_count && can_join(&s->step[j + 1]); j++) {
        const uint32_t *other = codes[s->step[j + 1].columns[0]];
        uint32_t alone = number_pairs(l, other, true), both = number_pairs(l, other, false);
        uint32_t least = run < alone ? run : alone;
        if (least < l->d->opt.learn_rows / EVIDENCE_SHARE) {
            l->unsure = true;
            break;
        }
        if (both * (uint64_t)5 < least * (uint64_t)4) break;
        take_next(l);
        run = both;
    }
    return j;
}

/* Adds the item of steps first … last, shorter when such a memo has not paid before. Returns the step after it. */
static unsigned add_item(struct decoder *d, struct shape *s, unsigned first, unsigned last)
{
    for (; last > first; last--) {
        struct item it = {.first = (uint8_t)first, .last = (uint8_t)last, .tail = last + 1u == s->step_count};
        if (!(it.memo = memo_of(d, s, &it))) continue;
        s->item[s->item_count++] = it;
        s->has_tail = it.tail;
        return last + 1;
    }
    s->item[s->item_count++] = (struct item){.first = (uint8_t)first, .last = (uint8_t)first};
    return first + 1;
}

/* Items of the planned shape that begins most like s, as far as both are equal: shapes should differ in their ends only.
 * Returns the first step that is not covered. */
static unsigned borrow_items(struct decoder *d, struct shape *s)
{
    const struct shape *like = NULL;
    unsigned most = 0, at = 0;

    for (unsigned t = 0; t < d->shape_count; t++) {
        const struct shape *o = d->shape[t];
        unsigned same = 0;
        if (o == s || !o->planned) continue;
        while (same < s->step_count && same < o->step_count && decode_shape_same_step(&s->step[same], &o->step[same])) same++;
        if (same > most) most = same, like = o;
    }
    for (unsigned k = 0; like && k < like->item_count && like->item[k].last < most; k++)
        at = add_item(d, s, like->item[k].first, like->item[k].last);
    return at;
}

static void plan_shape(struct learn *l, unsigned index)
{
    struct decoder *d = l->d;
    struct shape *s = d->shape[index];
    struct batch_store *b = &d->store;
    uint16_t *rows = mem_array(b->b.rows, sizeof *rows);

    l->count = 0;
    l->rows = rows;
    l->unsure = false;
    for (uint32_t r = 0; r < b->b.rows; r++)
        if (b->shape[r] == index && !b->dead[r]) rows[l->count++] = (uint16_t)r;
    s->item_count = 0;
    s->has_tail = false;
    unsigned at = borrow_items(d, s);
    if (!at && l->count < d->opt.learn_rows) {
        decode_shape_singles(s);
    } else {
        while (at < s->step_count) at = add_item(d, s, at, can_join(&s->step[at]) ? run_end(l, s, at) : at);
        s->planned = !l->unsure || ++s->plan_tries >= LEARN_TRIES;
    }
    mem_free(rows);
}

static bool judge(struct memo *m)
{
    bool drop = false;
    if (m->dropped || m->lookups < WINDOW) return false;
    if (m->wasted * 2 > m->lookups) drop = true;
    else if (m->missed * 2 > m->lookups) drop = ++m->strikes >= STRIKES;
    else m->strikes = 0;
    m->lookups = m->wasted = m->missed = 0;
    return drop;
}

/* Shapes are planned from the most frequent on; a change of plan makes the others follow. */
void decode_memo_plan(struct decoder *d)
{
    const uint32_t rows = d->store.b.rows;
    struct learn l = {.d = d, .size = 64};
    bool again = false, open[SHAPES_MAX] = {false};

    if (d->opt.no_memo) return;
    while (l.size < 2 * (size_t)rows) l.size *= 2;
    for (unsigned i = 0; i < d->memo_count; i++)
        if (judge(d->memo[i])) {
            d->memo[i]->dropped = again = true;
            memo_reset(d, d->memo[i]);
        }
    for (unsigned i = 0; i < d->shape_count; i++) {
        if (again) d->shape[i]->planned = false;
        if (!d->shape[i]->planned) open[i] = true;
    }
    for (;;) {
        unsigned best = SHAPES_MAX;
        for (unsigned i = 0; i < d->shape_count; i++)
            if (open[i] && (best == SHAPES_MAX || d->shape[i]->hits > d->shape[best]->hits)) best = i;
        if (best == SHAPES_MAX) break;
        if (!l.pair) {
            l.pair = mem_array(l.size, sizeof *l.pair);
            l.number = mem_array(l.size, sizeof *l.number);
            l.joint = mem_array(rows, sizeof *l.joint);
            l.next = mem_array(rows, sizeof *l.next);
        }
        open[best] = false;
        plan_shape(&l, best);
    }
    if (l.pair) decode_shapes_relate(d);
    mem_free(l.pair);
    mem_free(l.number);
    mem_free(l.joint);
    mem_free(l.next);
}
