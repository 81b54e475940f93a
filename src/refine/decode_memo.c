/* Memos: neighbouring fields that repeat together (a song's artist, title and length; all that belongs to a user) are
 * looked up at once, by a hash of their raw text. decode_learn.c finds out which they are.
 *
 * A memo is shared by all items of the same layout. A middle item's layout is its keys. A tail's is the keys before it:
 * its text tells everything else about the line, absent columns included, so shapes that differ only in their tails
 * find each other's texts. Because runs hold known keys only, and the keys of a shape are distinct, no text taken from a
 * memo can bring a key that the rest of the line has. */
#include "refine/decode_private.h"

#include "base/mem.h"

enum {
    WINDOW = 16384,    /* look-ups between judgements; twice as many after each strike */
    STRIKES = 5,       /* bad windows in a row, when the misses come with new values: it may only be the beginning */
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

struct memo *decode_memo_of(struct decoder *d, const struct shape *s, const struct item *it)
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

static bool judge(struct memo *m)
{
    bool drop = false;
    if (m->dropped || m->lookups < (uint64_t)WINDOW << m->strikes) return false;
    if (m->wasted * 2 > m->lookups) drop = true;
    else if (m->missed * 2 > m->lookups) drop = ++m->strikes >= STRIKES;
    else m->strikes = 0;
    m->lookups = m->wasted = m->missed = 0;
    return drop;
}

bool decode_memos_judge(struct decoder *d)
{
    bool dropped = false;
    for (unsigned i = 0; i < d->memo_count; i++)
        if (judge(d->memo[i])) {
            d->memo[i]->dropped = dropped = true;
            memo_reset(d, d->memo[i]);
        }
    return dropped;
}
