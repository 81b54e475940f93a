#include "lake/state.h"

#include <string.h>

bool bits_get(const struct bits *b, uint64_t i) { return i / 64 < b->words && (b->word[i / 64] >> i % 64 & 1); }

void bits_set(struct bits *b, uint64_t i)
{
    size_t was = b->words;
    if (i / 64 >= was) {
        size_t cap = was;
        mem_grow(&b->word, &cap, i / 64 + 1, sizeof *b->word);
        memset(b->word + was, 0, (cap - was) * sizeof *b->word);
        b->words = cap;
    }
    b->word[i / 64] |= 1ull << i % 64;
}

struct live_file *live_file_ref(struct live_file *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void live_file_unref(struct live_file *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1) mem_free(f);
}

struct live_file *state_file(const struct lake_state *s, const char *path)
{
    return (struct live_file *)map_get(&s->files, path);
}

bool state_file_pending(const struct lake_state *s, const struct lake_file *f)
{
    bool any = false;
    if (f->layer != LAKE_BRONZE) return false;
    for (uint64_t n = f->min_batch; n <= f->max_batch && !any; n++) any = state_is_pending(s, n);
    return any;
}

struct table_state *state_table(struct lake_state *s, enum lake_layer layer, const char *table)
{
    char *key = mem_printf("%s/%s", lake_layer_name(layer), table);
    struct table_state *t = (struct table_state *)map_get(&s->tables, key);
    if (t) {
        mem_free(key);
        return t;
    }
    t = mem_zalloc(sizeof *t);
    t->item.key = key;
    t->name = mem_strdup(table);
    t->sum = (struct lake_table){.layer = layer, .table = t->name, .watermark_ms = INT64_MIN};
    lake_map_put(&s->tables, &t->item);
    return t;
}

struct topic_state *state_topic(struct lake_state *s, const char *topic)
{
    struct topic_state *t = (struct topic_state *)map_get(&s->topics, topic);
    if (t) return t;
    t = mem_zalloc(sizeof *t);
    t->item.key = mem_strdup(topic);
    lake_map_put(&s->topics, &t->item);
    return t;
}

char *state_source_key(const char *source, const char *topic, int32_t partition, const char *id)
{
    return partition >= 0 ? mem_printf("%s\x1f%s\x1f%d", source, topic, (int)partition)
                          : mem_printf("%s\x1f%s\x1f-\x1f%s", source, topic, id);
}

struct source_state *state_source(struct lake_state *s, const struct lake_source *key, bool *made)
{
    char *text = state_source_key(key->source, key->topic, key->partition, key->id);
    struct source_state *found = (struct source_state *)map_get(&s->sources, text);
    *made = !found;
    if (found) {
        mem_free(text);
        return found;
    }
    found = mem_zalloc(sizeof *found);
    found->item.key = text;
    found->sum = (struct lake_source){
        .source = mem_strdup(key->source),
        .topic = mem_strdup(key->topic),
        .partition = key->partition,
        .id = mem_strdup(key->id),
        .name = mem_strdup(key->name),
    };
    lake_map_put(&s->sources, &found->item);
    return found;
}

struct count_state *state_count(struct lake_state *s, const char *topic, const char *table)
{
    char *key = mem_printf("%s\x1f%s", topic, table);
    struct count_state *c = (struct count_state *)map_get(&s->counts, key);
    if (c) {
        mem_free(key);
        return c;
    }
    c = mem_zalloc(sizeof *c);
    c->item.key = key;
    c->sum.topic = mem_strdup(topic);
    c->sum.table = mem_strdup(table);
    lake_map_put(&s->counts, &c->item);
    return c;
}

void state_count_reason(struct count_state *c, const char *name, int64_t rows)
{
    size_t i = 0;
    while (i < c->sum.reason_count && strcmp(c->reasons[i].name, name)) i++;
    if (i == c->sum.reason_count) {
        mem_grow(&c->reasons, &c->reason_cap, i + 1, sizeof *c->reasons);
        c->reasons[i] = (struct lake_reason){mem_strdup(name), 0};
        c->sum.reasons = c->reasons;
        c->sum.reason_count++;
    }
    c->reasons[i].rows += rows;
}

/* One block: the file and its strings. */
struct live_file *state_add_file(struct lake_state *s, const struct lake_file *f)
{
    size_t path = strlen(f->path) + 1, table = strlen(f->table) + 1, topic = strlen(f->topic) + 1;
    struct live_file *l = mem_alloc(sizeof *l + path + table + topic);
    char *text = (char *)(l + 1);
    l->file = *f;
    l->file.path = memcpy(text, f->path, path);
    l->file.table = memcpy(text + path, f->table, table);
    l->file.topic = memcpy(text + path + table, f->topic, topic);
    l->item.key = l->file.path;
    atomic_init(&l->refs, 1);
    struct table_state *t = state_table(s, f->layer, f->table);
    mem_grow(&t->file, &t->cap, t->sum.files + 1, sizeof *t->file);
    l->table = t;
    l->at = t->sum.files;
    t->file[t->sum.files++] = l;
    t->sum.rows += f->rows;
    t->sum.bytes += f->bytes;
    lake_map_put(&s->files, &l->item);
    return l;
}

static void drop_file(struct lake_state *s, const char *path)
{
    struct live_file *l = (struct live_file *)map_take(&s->files, path);
    struct table_state *t = l->table;
    t->file[l->at] = t->file[--t->sum.files];
    t->file[l->at]->at = l->at;
    t->sum.rows -= l->file.rows;
    t->sum.bytes -= l->file.bytes;
    live_file_unref(l);
}

static void free_source(struct source_state *x)
{
    mem_free((void *)(uintptr_t)x->item.key);
    mem_free((void *)(uintptr_t)x->sum.source);
    mem_free((void *)(uintptr_t)x->sum.topic);
    mem_free((void *)(uintptr_t)x->sum.id);
    mem_free((void *)(uintptr_t)x->sum.name);
    mem_free(x);
}

static void free_counts(struct lake_state *s)
{
    MAP_EACH (&s->counts, item) {
        struct count_state *c = (struct count_state *)item;
        for (size_t i = 0; i < c->sum.reason_count; i++) mem_free((void *)(uintptr_t)c->reasons[i].name);
        mem_free(c->reasons);
        mem_free((void *)(uintptr_t)c->sum.topic);
        mem_free((void *)(uintptr_t)c->sum.table);
        mem_free((void *)(uintptr_t)c->item.key);
        mem_free(c);
    }
    map_reset(&s->counts);
}

void state_reset(struct lake_state *s)
{
    MAP_EACH (&s->files, item) live_file_unref((struct live_file *)item);
    MAP_EACH (&s->tables, item) {
        struct table_state *t = (struct table_state *)item;
        mem_free(t->file);
        mem_free(t->name);
        mem_free((void *)(uintptr_t)t->item.key);
        mem_free(t);
    }
    MAP_EACH (&s->sources, item) free_source((struct source_state *)item);
    MAP_EACH (&s->topics, item) {
        mem_free((void *)(uintptr_t)item->key);
        mem_free(item);
    }
    free_counts(s);
    map_reset(&s->files);
    map_reset(&s->tables);
    map_reset(&s->sources);
    map_reset(&s->topics);
    mem_free(s->bronze.word);
    mem_free(s->refined.word);
    mem_free(s->build);
    memset(s, 0, sizeof *s);
}

static enum err check_chain(const struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    char a[HASH_HEX_SIZE], b[HASH_HEX_SIZE];
    if (entry->kind == LAKE_INIT ? s->begun || entry->number : !s->begun)
        return err_set(e, ERR_CORRUPT, "a lake begins with one entry of kind init, as number 0");
    if (entry->kind == LAKE_INIT) return ERR_OK;
    if (entry->number != s->number + 1)
        return err_set(e, ERR_CORRUPT, "entry %llu cannot follow entry %llu", (unsigned long long)entry->number,
                       (unsigned long long)s->number);
    if (!hash_eq(entry->lake, s->lake))
        return err_set(e, ERR_CORRUPT, "it belongs to another lake (%s, this one is %s)", hash_hex(entry->lake, a),
                       hash_hex(s->lake, b));
    if (!hash_eq(entry->previous, s->hash))
        return err_set(e, ERR_CORRUPT, "it follows an entry with hash %s, but entry %llu has %s",
                       hash_hex(entry->previous, a), (unsigned long long)s->number, hash_hex(s->hash, b));
    return ERR_OK;
}

static enum err check_files(const struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_added *a = &entry->added[i];
        bool live = state_file(s, a->file.path) != NULL;
        if (live && !a->replaces) return err_set(e, ERR_CORRUPT, "it adds %s, which was there already", a->file.path);
        if (!live && a->replaces) return err_set(e, ERR_CORRUPT, "it replaces %s, which was not there", a->file.path);
    }
    for (size_t i = 0; i < entry->removed_count; i++)
        if (!state_file(s, entry->removed[i]))
            return err_set(e, ERR_CORRUPT, "it removes %s, which was not there", entry->removed[i]);
    return ERR_OK;
}

static bool brings_bronze(const struct lake_entry *entry)
{
    if (entry->kind == LAKE_COMPACT) return false;
    for (size_t i = 0; i < entry->added_count; i++)
        if (entry->added[i].file.layer == LAKE_BRONZE) return true;
    return false;
}

static enum err check_consumed(const struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    for (size_t i = 0; i < entry->consumed_count; i++)
        for (uint64_t n = entry->consumed[i].first; n <= entry->consumed[i].last; n++)
            if (bits_get(&s->refined, n) && !entry->reset)
                return err_set(e, ERR_CORRUPT, "it refines batch %llu a second time", (unsigned long long)n);
    return ERR_OK;
}

static void apply_files(struct lake_state *s, const struct lake_entry *entry)
{
    bool same_rows = entry->kind == LAKE_COMPACT;
    for (size_t i = 0; i < entry->removed_count; i++) {
        struct live_file *l = state_file(s, entry->removed[i]);
        if (!l) continue; /* named twice */
        l->table->sum.files_changed = entry->number;
        if (!same_rows) l->table->sum.changed = entry->number;
        if (entry->kind == LAKE_RETAIN && l->file.layer == LAKE_BRONZE)
            state_topic(s, l->file.table)->retired += l->file.rows;
        drop_file(s, entry->removed[i]);
    }
    for (size_t i = 0; i < entry->added_count; i++) {
        const struct lake_added *a = &entry->added[i];
        if (a->replaces) drop_file(s, a->file.path);
        struct table_state *t = state_add_file(s, &a->file)->table;
        t->sum.files_changed = entry->number;
        if (!same_rows) t->sum.changed = entry->number;
    }
}

static void apply_sources(struct lake_state *s, const struct lake_entry *entry)
{
    for (size_t i = 0; i < entry->source_count; i++) {
        const struct lake_source *in = &entry->sources[i];
        bool made;
        struct source_state *x = state_source(s, in, &made);
        struct topic_state *t = state_topic(s, in->topic);
        if (made || in->first < x->sum.first) x->sum.first = in->first;
        x->sum.next = in->next;
        x->sum.hash = in->hash;
        x->sum.records += in->records;
        x->sum.rows += in->rows;
        x->sum.blank += in->blank;
        x->sum.lost += in->lost;
        x->commit = entry->number;
        if (*in->name && strcmp(in->name, x->sum.name)) {
            mem_free((void *)(uintptr_t)x->sum.name);
            x->sum.name = mem_strdup(in->name);
        }
        t->delivered += in->records;
        t->rows += in->rows;
        t->blank += in->blank;
        t->lost += in->lost;
    }
}

/* Everything that bronze still holds is to be refined again. */
static void apply_reset(struct lake_state *s)
{
    struct bits held = {0};
    free_counts(s);
    MAP_EACH (&s->files, item) {
        const struct lake_file *f = &((struct live_file *)item)->file;
        if (f->layer != LAKE_BRONZE) continue;
        for (uint64_t n = f->min_batch; n <= f->max_batch; n++)
            if (bits_get(&s->bronze, n)) bits_set(&held, n);
    }
    mem_free(s->bronze.word);
    mem_free(s->refined.word);
    s->bronze = held;
    s->refined = (struct bits){0};
    MAP_EACH (&s->topics, item) ((struct topic_state *)item)->voided = ((struct topic_state *)item)->retired;
    MAP_EACH (&s->tables, item) ((struct table_state *)item)->sum.watermark_ms = INT64_MIN;
}

static void apply_counts(struct lake_state *s, const struct lake_entry *entry)
{
    for (size_t i = 0; i < entry->count_count; i++) {
        const struct lake_count *in = &entry->counts[i];
        struct count_state *c = state_count(s, in->topic, in->table);
        struct lake_count *sum = &c->sum;
        bool has_time = in->min_ts || in->max_ts, had_time = sum->min_ts || sum->max_ts;
        sum->read += in->read;
        sum->rows += in->rows;
        sum->derived += in->derived;
        sum->blank += in->blank;
        sum->duplicates += in->duplicates;
        sum->conflicts += in->conflicts;
        sum->drift += in->drift;
        sum->future += in->future;
        sum->late += in->late;
        if (has_time && (!had_time || in->min_ts < sum->min_ts)) sum->min_ts = in->min_ts;
        if (has_time && (!had_time || in->max_ts > sum->max_ts)) sum->max_ts = in->max_ts;
        for (size_t k = 0; k < in->reason_count; k++) state_count_reason(c, in->reasons[k].name, in->reasons[k].rows);
        if (!has_time || !*in->table) continue;
        struct lake_table *t = &state_table(s, LAKE_SILVER, in->table)->sum;
        if (in->max_ts > t->watermark_ms) t->watermark_ms = in->max_ts;
    }
}

enum err state_check(const struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    enum err rc = check_chain(s, entry, e);
    if (rc == ERR_OK) rc = check_files(s, entry, e);
    if (rc == ERR_OK) rc = check_consumed(s, entry, e);
    return rc;
}

enum err state_apply(struct lake_state *s, const struct lake_entry *entry, struct error *e)
{
    enum err rc = state_check(s, entry, e);
    if (rc != ERR_OK) return rc;
    s->begun = true;
    s->lake = entry->lake;
    s->hash = entry->hash;
    s->number = entry->number;
    s->time_ms = entry->time_ms;
    if (entry->epoch > s->epoch) s->epoch = entry->epoch;
    if (entry->reset) apply_reset(s);
    apply_files(s, entry);
    apply_sources(s, entry);
    apply_counts(s, entry);
    if (brings_bronze(entry)) bits_set(&s->bronze, entry->number);
    for (size_t i = 0; i < entry->consumed_count; i++)
        for (uint64_t n = entry->consumed[i].first; n <= entry->consumed[i].last; n++)
            if (bits_get(&s->bronze, n)) bits_set(&s->refined, n);
    if (entry->build) {
        mem_free(s->build);
        s->build = mem_strdup(entry->build);
        s->build_number = entry->number;
    }
    return ERR_OK;
}
