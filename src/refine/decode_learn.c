/* Learning which neighbouring fields repeat together, from the codes of rows decoded so far: field B joins the run A before
 * it when known values of A (or of B) mostly come as known pairs: one tells the other. Numbers stored dense, and unknown
 * keys, end a run. A few hundred rows do where values repeat soon; where they do not, the rows of several batches are
 * collected, up to SAMPLE_ROWS, and the question is put again each time there are twice as many. */
#include "refine/decode_private.h"

#include "base/mem.h"

enum {
    SAMPLE_ROWS = 8192,
    EVIDENCE_SHARE = 8, /* repeats needed to judge, as a share of options.learn_rows */
};

struct learn {
    struct decoder *d;
    struct shape *s;
    uint32_t *joint, *next; /* per row: number of the run's value so far */
    uint64_t *pair;         /* hash table: pair, and its number (0: empty) */
    uint32_t *number;
    size_t size;
    bool unsure;
};

/* Adds the shape's rows of the batch at hand to its sample. */
static void take_sample(struct decoder *d, unsigned index)
{
    struct shape *s = d->shape[index];
    const struct batch_store *b = &d->store;
    uint16_t columns = d->contract->column_count;

    if (!s->sample) s->sample = mem_zalloc(columns * sizeof *s->sample);
    for (uint32_t r = 0; r < b->b.rows && s->sample_rows < SAMPLE_ROWS; r++) {
        if (b->shape[r] != index || b->dead[r]) continue;
        for (uint16_t c = 0; c < columns; c++) {
            if (!b->codes[c]) continue;
            if (!s->sample[c]) s->sample[c] = mem_array(SAMPLE_ROWS, sizeof **s->sample);
            s->sample[c][s->sample_rows] = b->codes[c][r];
        }
        s->sample_rows++;
    }
}

void decode_sample_free(struct shape *s, uint16_t columns)
{
    for (uint16_t c = 0; s->sample && c < columns; c++) mem_free(s->sample[c]);
    mem_free(s->sample);
    s->sample = NULL;
    s->sample_rows = s->sample_used = 0;
}

static void learn_init(struct learn *l)
{
    l->size = 64;
    while (l->size < 2 * (size_t)l->s->sample_rows) l->size *= 2;
    l->pair = mem_array(l->size, sizeof *l->pair);
    l->number = mem_array(l->size, sizeof *l->number);
    l->joint = mem_array(l->s->sample_rows, sizeof *l->joint);
    l->next = mem_array(l->s->sample_rows, sizeof *l->next);
}

static void learn_free(struct learn *l)
{
    mem_free(l->pair);
    mem_free(l->number);
    mem_free(l->joint);
    mem_free(l->next);
}

/* Numbers the pairs (joint, code) by first appearance into next; returns how many rows had a pair seen before. With
 * alone, the codes are numbered without the joint. */
static uint32_t number_pairs(struct learn *l, const uint32_t *codes, bool alone)
{
    uint32_t n = 0, repeats = 0;
    memset(l->number, 0, l->size * sizeof *l->number);
    for (uint32_t r = 0; r < l->s->sample_rows; r++) {
        uint64_t pair = (alone ? 0 : (uint64_t)l->joint[r] << 32) | codes[r];
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

/* The last step of the run that begins at `first`. Without rows enough to learn from: all that can be joined. */
static unsigned run_end(struct learn *l, unsigned first)
{
    const struct shape *s = l->s;
    unsigned j = first;

    if (s->sample_rows < l->d->opt.learn_rows) {
        while (j + 1u < s->step_count && can_join(&s->step[j + 1])) j++;
        return j;
    }
    uint32_t run = number_pairs(l, s->sample[s->step[first].columns[0]], true);
    take_next(l);
    for (; j + 1u < s->step_count && can_join(&s->step[j + 1]); j++) {
        const uint32_t *other = s->sample[s->step[j + 1].columns[0]];
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
        if (!(it.memo = decode_memo_of(d, s, &it))) continue;
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

/* True when the items are others than before. */
static bool plan_shape(struct decoder *d, unsigned index)
{
    struct shape *s = d->shape[index];
    struct learn l = {.d = d, .s = s};
    struct item before[STEPS_MAX];
    uint16_t count = s->item_count;

    take_sample(d, index);
    if (s->sample_used && s->sample_rows < 2 * s->sample_used && s->sample_rows < SAMPLE_ROWS) return false;
    memcpy(before, s->item, count * sizeof *before);
    s->item_count = 0;
    s->has_tail = false;
    unsigned at = borrow_items(d, s);
    if (!at && s->sample_rows < d->opt.learn_rows) {
        decode_shape_singles(s);
        return false;
    }
    learn_init(&l);
    while (at < s->step_count) at = add_item(d, s, at, can_join(&s->step[at]) ? run_end(&l, at) : at);
    learn_free(&l);
    s->sample_used = s->sample_rows;
    s->planned = !l.unsure || s->sample_rows == SAMPLE_ROWS;
    if (s->planned) decode_sample_free(s, d->contract->column_count);
    return count != s->item_count || memcmp(before, s->item, count * sizeof *before);
}

/* Shapes are planned from the most frequent on; when its plan changes the others follow. */
void decode_plan(struct decoder *d)
{
    bool open[SHAPES_MAX] = {false}, any = false, changed;

    if (d->opt.no_memo) return;
    changed = decode_memos_judge(d);
    for (unsigned i = 0; i < d->shape_count; i++) {
        if (changed) d->shape[i]->planned = false;
        open[i] = !d->shape[i]->planned;
    }
    for (;;) {
        unsigned best = SHAPES_MAX;
        for (unsigned i = 0; i < d->shape_count; i++)
            if (open[i] && (best == SHAPES_MAX || d->shape[i]->hits > d->shape[best]->hits)) best = i;
        if (best == SHAPES_MAX) break;
        open[best] = false;
        any = true;
        if (!plan_shape(d, best)) continue;
        for (unsigned i = 0; i < d->shape_count; i++) {
            bool follows = d->shape[i]->hits < d->shape[best]->hits || (d->shape[i]->hits == d->shape[best]->hits && i > best);
            if (!follows) continue; /* a strict order, so this ends */
            d->shape[i]->planned = false;
            open[i] = true;
        }
    }
    if (any) decode_shapes_relate(d);
}
