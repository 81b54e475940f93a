/* A batch becomes an entry, and the entry's numbers must agree with each other before it may be committed. */
#include "base/clock.h"
#include "base/mem.h"
#include "lake/batch_internal.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* A range holds bronze commits only, so that whoever reads it back need not ask which of them did. */
static void consumed_ranges(struct lake_batch *b, struct lake_entry *entry)
{
    bool self = false;
    for (size_t i = 0; b->kind == LAKE_LIVE && i < b->files; i++) self |= b->file[i].part.layer == LAKE_BRONZE;
    if (b->consumed_count) qsort(b->consumed, b->consumed_count, sizeof *b->consumed, by_number);
    entry->consumed = arena_alloc(&entry->arena, (b->consumed_count + 1) * sizeof *entry->consumed);
    for (size_t i = 0; i < b->consumed_count + self; i++) {
        uint64_t n = i < b->consumed_count ? b->consumed[i] : b->number;
        struct lake_range *last = entry->consumed_count ? &entry->consumed[entry->consumed_count - 1] : NULL;
        if (last && n <= last->last + 1) last->last = n;
        else entry->consumed[entry->consumed_count++] = (struct lake_range){n, n};
    }
}

static void added_file(const struct lake_batch *b, const struct batch_file *f, struct lake_added *a, struct arena *arena)
{
    const struct lake_stats *s = &f->stats;
    a->file = (struct lake_file){
        .path = f->path,
        .layer = f->part.layer,
        .table = f->part.table,
        .topic = f->part.topic,
        .date = f->part.date,
        .min_date = s->min_date,
        .max_date = s->max_date,
        .bytes = s->bytes,
        .rows = s->rows,
        .hash = s->hash,
        .commit = b->number,
        .min_batch = s->min_batch ? s->min_batch : b->number,
        .max_batch = s->max_batch ? s->max_batch : b->number,
    };
    a->staged = f->swap < 0 ? f->staged : arena_printf(arena, "s%d/%s", f->swap, f->name);
    a->replaces = f->replaces;
    a->swap = f->swap;
    a->spans = s->spans;
    a->span_count = s->span_count;
}

void batch_entry(struct lake_batch *b, struct lake_entry *entry)
{
    const struct lake_state *s = &b->lake->state;
    memset(entry, 0, sizeof *entry);
    arena_init(&entry->arena);
    entry->number = b->number;
    entry->epoch = b->lake->epoch;
    entry->lake = s->lake;
    entry->previous = s->hash;
    entry->writer = b->lake->writer;
    entry->staging = b->staging;
    entry->time_ms = clock_now_ms();
    entry->kind = b->kind;
    entry->sources = b->source;
    entry->source_count = b->sources;
    entry->removed = b->removed;
    entry->removed_count = b->removed_count;
    entry->counts = b->count;
    entry->count_count = b->counts;
    entry->reset = b->reset;
    entry->build = b->build;
    entry->note = b->note;
    entry->added = arena_zalloc(&entry->arena, (b->files + 1) * sizeof *entry->added);
    entry->swaps = arena_zalloc(&entry->arena, (b->files + 1) * sizeof *entry->swaps);
    entry->added_count = b->files;
    for (size_t i = 0; i < b->files; i++) {
        const struct batch_file *f = &b->file[i];
        added_file(b, f, &entry->added[i], &entry->arena);
        if (f->swap < 0) continue;
        if ((size_t)f->swap >= entry->swap_count) entry->swap_count = (size_t)f->swap + 1;
        entry->swaps[f->swap].folder = f->folder;
        entry->swaps[f->swap].staged = arena_printf(&entry->arena, "s%d", f->swap);
    }
    consumed_ranges(b, entry);
}

/* ---- adding up ---- */

struct tally {
    struct map_item item;
    int64_t left, right;
};

static struct tally *tally(struct map *m, const char *kind, const char *name)
{
    char *key = mem_printf("%s %s", kind, name);
    struct tally *t = (struct tally *)map_get(m, key);
    if (t) {
        mem_free(key);
        return t;
    }
    t = mem_zalloc(sizeof *t);
    t->item.key = key;
    lake_map_put(m, &t->item);
    return t;
}

static bool in_ranges(const struct lake_entry *entry, uint64_t n)
{
    for (size_t i = 0; i < entry->consumed_count; i++)
        if (n >= entry->consumed[i].first && n <= entry->consumed[i].last) return true;
    return false;
}

static bool consumes(const struct lake_entry *entry, const struct lake_state *s, const struct lake_file *f)
{
    for (uint64_t n = f->min_batch; n <= f->max_batch; n++)
        if (in_ranges(entry, n) && (entry->reset || !bits_get(&s->refined, n))) return true;
    return false;
}

static void tally_ingest(struct map *m, const struct lake_entry *entry)
{
    for (size_t i = 0; i < entry->source_count; i++)
        tally(m, "delivered and in bronze files, topic", entry->sources[i].topic)->left += entry->sources[i].rows;
    for (size_t i = 0; i < entry->added_count; i++)
        if (entry->added[i].file.layer == LAKE_BRONZE)
            tally(m, "delivered and in bronze files, topic", entry->added[i].file.table)->right += entry->added[i].file.rows;
}

/* Files whose lines are traced to records must trace them all. */
static void tally_spans(struct map *m, const struct lake_entry *entry)
{
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_added *a = &entry->added[i];
        if (a->span_count) tally(m, "traced by spans and in the file", a->file.path)->right += a->file.rows;
        for (size_t k = 0; k < a->span_count; k++)
            if (a->spans[k].source < entry->source_count) tally(m, "traced by spans and in the file", a->file.path)->left += a->spans[k].count;
    }
}

static void tally_refine(struct map *m, const struct lake_state *s, const struct lake_entry *entry)
{
    static const char read[] = "in consumed bronze and read, topic", silver[] = "counted and in silver files, table",
                      reasons[] = "counted and in quarantine files, topic";
    MAP_EACH (&s->files, item) {
        const struct lake_file *f = &((struct live_file *)item)->file;
        if (f->layer == LAKE_BRONZE && entry->consumed_count && consumes(entry, s, f)) tally(m, read, f->table)->left += f->rows;
    }
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_file *f = &entry->added[i].file;
        if (f->layer == LAKE_BRONZE) tally(m, read, f->table)->left += f->rows;
        if (f->layer == LAKE_QUARANTINE) tally(m, reasons, f->table)->right += f->rows;
    }
    for (size_t i = 0; i < entry->count_count; i++) {
        const struct lake_count *c = &entry->counts[i];
        tally(m, read, c->topic)->right += c->read;
        for (size_t k = 0; k < c->reason_count; k++) tally(m, reasons, c->topic)->left += c->reasons[k].rows;
        if (*c->table) tally(m, silver, c->table)->left += c->rows + c->derived;
    }
    /* Dimensions are not counted by row. */
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_file *f = &entry->added[i].file;
        char *key = mem_printf("%s %s", silver, f->table);
        struct tally *t = f->layer == LAKE_SILVER ? (struct tally *)map_get(m, key) : NULL;
        if (t) t->right += f->rows;
        mem_free(key);
    }
}

static void tally_compact(struct map *m, const struct lake_state *s, const struct lake_entry *entry)
{
    for (size_t i = 0; i < entry->removed_count; i++) {
        const struct lake_file *f = &state_file(s, entry->removed[i])->file;
        tally(m, lake_layer_name(f->layer), f->table)->left += f->rows;
    }
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_file *f = &entry->added[i].file;
        tally(m, lake_layer_name(f->layer), f->table)->right += f->rows;
    }
}

enum err batch_adds_up(const struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    struct map m = {0};
    enum err rc = ERR_OK;
    bool ingests = entry->kind == LAKE_INGEST || entry->kind == LAKE_LIVE;
    bool refines = entry->kind == LAKE_REFINE || entry->kind == LAKE_LIVE || entry->kind == LAKE_REBUILD;
    if (ingests) tally_ingest(&m, entry);
    tally_spans(&m, entry);
    if (refines) tally_refine(&m, s, entry);
    if (entry->kind == LAKE_COMPACT) tally_compact(&m, s, entry);
    const struct tally *worst = NULL; /* the first by name, so that the message is always the same */
    MAP_EACH (&m, item) {
        const struct tally *t = (struct tally *)item;
        if (t->left != t->right && (!worst || strcmp(t->item.key, worst->item.key) < 0)) worst = t;
    }
    if (worst)
        rc = err_set(e, ERR_INTERNAL, "commit %llu does not add up: %lld and %lld rows %s", (unsigned long long)entry->number,
                     (long long)worst->left, (long long)worst->right, worst->item.key);
    MAP_EACH (&m, item) {
        mem_free((void *)(uintptr_t)item->key);
        mem_free(item);
    }
    map_reset(&m);
    return rc;
}
