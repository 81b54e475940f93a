#include "base/mem.h"
#include "lake/internal.h"

#include <stdlib.h>
#include <string.h>

static void hold(struct lake *lake) { pthread_rwlock_rdlock(&lake->guard); }
static void let_go(struct lake *lake) { pthread_rwlock_unlock(&lake->guard); }

/* ---- files ---- */

void lake_files_add(struct lake_files *out, size_t *cap, struct live_file *f)
{
    mem_grow(&out->file, cap, out->count + 1, sizeof *out->file);
    out->file[out->count++] = &live_file_ref(f)->file;
    out->rows += f->file.rows;
    out->bytes += f->file.bytes;
}

#define ORDER(a, b)                                                                                                    \
    if ((a) != (b)) return (a) < (b) ? -1 : 1

static int by_place(const void *a, const void *b)
{
    const struct lake_file *x = *(const struct lake_file *const *)a, *y = *(const struct lake_file *const *)b;
    ORDER(x->layer, y->layer);
    int c = strcmp(x->table, y->table);
    if (c) return c;
    ORDER(x->date, y->date);
    ORDER(x->commit, y->commit);
    return strcmp(x->path, y->path);
}

static int by_commit(const void *a, const void *b)
{
    const struct lake_file *x = *(const struct lake_file *const *)a, *y = *(const struct lake_file *const *)b;
    ORDER(x->commit, y->commit);
    return strcmp(x->path, y->path);
}

void lake_files_sort(struct lake_files *out)
{
    if (out->count) qsort(out->file, out->count, sizeof *out->file, by_place);
}

static bool wanted(const struct lake_filter *w, const struct lake_file *f)
{
    if (w->by_date && (f->date == LAKE_NO_DATE || f->date < w->from_date || f->date > w->to_date)) return false;
    return !w->after_batch || f->max_batch > w->after_batch;
}

void lake_files(struct lake *lake, const struct lake_filter *filter, struct lake_files *out)
{
    static const struct lake_filter all;
    const struct lake_filter *w = filter ? filter : &all;
    size_t cap = 0;
    memset(out, 0, sizeof *out);
    hold(lake);
    out->number = lake->state.number;
    MAP_EACH (&lake->state.tables, item) {
        const struct table_state *t = (struct table_state *)item;
        if (w->layers && !(w->layers >> t->sum.layer & 1)) continue;
        if (w->table && strcmp(w->table, t->name)) continue;
        for (size_t i = 0; i < t->sum.files; i++)
            if (wanted(w, &t->file[i]->file)) lake_files_add(out, &cap, t->file[i]);
    }
    let_go(lake);
    lake_files_sort(out);
}

bool lake_file_find(struct lake *lake, const char *path, struct lake_files *out)
{
    size_t cap = 0;
    memset(out, 0, sizeof *out);
    hold(lake);
    struct live_file *f = state_file(&lake->state, path);
    if (f) lake_files_add(out, &cap, f);
    out->number = lake->state.number;
    let_go(lake);
    return f != NULL;
}

void lake_files_free(struct lake_files *files)
{
    for (size_t i = 0; i < files->count; i++) live_file_unref(live_file_of(files->file[i]));
    mem_free(files->file);
    memset(files, 0, sizeof *files);
}

/* Where the head's commit put the file before moving it; NULL for other commits' files. Heap. */
static char *staged_path(struct lake *lake, const struct lake_file *f)
{
    char *out = NULL;
    hold(lake);
    for (size_t i = 0; f->commit == lake->last.number && !out && i < lake->last.added_count; i++)
        if (!strcmp(lake->last.added[i].file.path, f->path))
            out = mem_printf("%s/%s", lake->last.staging, lake->last.added[i].staged);
    let_go(lake);
    return out;
}

/* Was it compacted away or replaced since the caller learnt of it? */
static bool moved_on(struct lake *lake, const struct lake_file *f)
{
    hold(lake);
    const struct live_file *l = state_file(&lake->state, f->path);
    bool live = l && l->file.commit == f->commit;
    uint64_t next = lake->state.number + 1;
    let_go(lake);
    return !live || (lake->mode != LAKE_WRITER && lake_log_has(lake->store, next));
}

static enum err find_file(struct lake *lake, const struct lake_file *f, bool look_only, char **local, struct error *e)
{
    struct store_stat st;
    enum err rc = ERR_OK;
    *local = look_only ? NULL : store_cached(lake->store, f->path, (uint64_t)f->bytes, f->hash); /* known by its content, wherever it lies */
    if (*local) return ERR_OK;
    char *staged = staged_path(lake, f);
    const char *path = f->path;
    /* Staging first: under the final path there may still be the file that this one replaces. */
    if (staged && store_stat(lake->store, staged, &st, NULL) == ERR_OK) path = staged;
    else rc = store_stat(lake->store, path, &st, e);
    if (rc == ERR_OK && st.bytes == (uint64_t)f->bytes) rc = look_only ? ERR_OK : store_fetch(lake->store, path, (uint64_t)f->bytes, f->hash, local, e);
    if (rc == ERR_NOT_FOUND) {
        rc = err_set(e, ERR_CORRUPT, "%s is missing", f->path);
        err_hint(e, "lakefm audit says what else is wrong");
    } else if (rc == ERR_OK && st.bytes != (uint64_t)f->bytes) {
        rc = err_set(e, ERR_CORRUPT, "%s has %llu bytes, the log says %lld", f->path, (unsigned long long)st.bytes,
                     (long long)f->bytes);
        err_hint(e, "lakefm audit says what else is wrong");
    }
    if (rc == ERR_CORRUPT && moved_on(lake, f)) rc = err_set(e, ERR_RETRY, "%s is not a file of the lake any more", f->path);
    mem_free(staged);
    return rc;
}

enum err lake_file_path(struct lake *lake, const struct lake_file *f, char **local, struct error *e)
{
    return find_file(lake, f, false, local, e);
}

struct fetch {
    struct lake *lake;
    const struct lake_files *files;
    char **paths;
    pthread_mutex_t lock; /* of the rest */
    size_t next;
    enum err rc;
    struct error error;
};

static void *fetch_work(void *arg)
{
    struct fetch *f = arg;
    struct error why;
    pthread_mutex_lock(&f->lock);
    while (f->rc == ERR_OK && f->next < f->files->count) {
        size_t i = f->next++;
        pthread_mutex_unlock(&f->lock);
        enum err rc = lake_file_path(f->lake, f->files->file[i], &f->paths[i], &why);
        pthread_mutex_lock(&f->lock);
        if (rc != ERR_OK && f->rc == ERR_OK) f->rc = rc, f->error = why;
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

enum err lake_file_paths(struct lake *lake, const struct lake_files *files, char ***paths, struct error *e)
{
    enum { THREADS = 8 };
    pthread_t thread[THREADS];
    size_t n = 0, wanted = store_is_local(lake->store) ? 0 : files->count < THREADS ? files->count : THREADS;
    struct fetch f = {.lake = lake, .files = files, .paths = mem_zalloc((files->count + 1) * sizeof(char *))};
    pthread_mutex_init(&f.lock, NULL);
    while (n + 1 < wanted && !pthread_create(&thread[n], NULL, fetch_work, &f)) n++;
    fetch_work(&f);
    while (n > 0) pthread_join(thread[--n], NULL);
    pthread_mutex_destroy(&f.lock);
    *paths = f.paths;
    if (f.rc == ERR_OK) return ERR_OK;
    lake_file_paths_free(paths, files->count);
    if (e) *e = f.error;
    return f.rc;
}

void lake_file_paths_free(char ***paths, size_t count)
{
    for (size_t i = 0; *paths && i < count; i++) mem_free((*paths)[i]);
    mem_free(*paths);
    *paths = NULL;
}

enum err lake_file_there(struct lake *lake, const struct lake_file *f, struct error *e)
{
    char *none;
    return find_file(lake, f, true, &none, e);
}

/* ---- tables ---- */

static int by_table(const void *a, const void *b)
{
    const struct lake_table *x = a, *y = b;
    ORDER(x->layer, y->layer);
    return strcmp(x->table, y->table);
}

void lake_tables(struct lake *lake, struct lake_tables *out)
{
    memset(out, 0, sizeof *out);
    hold(lake);
    out->table = mem_array(lake->state.tables.count, sizeof *out->table);
    MAP_EACH (&lake->state.tables, item) {
        struct lake_table *t = &out->table[out->count++];
        *t = ((struct table_state *)item)->sum;
        t->table = mem_strdup(t->table);
    }
    let_go(lake);
    if (out->count) qsort(out->table, out->count, sizeof *out->table, by_table);
}

void lake_tables_free(struct lake_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++) mem_free((void *)(uintptr_t)tables->table[i].table);
    mem_free(tables->table);
    memset(tables, 0, sizeof *tables);
}

uint64_t lake_table_changed(struct lake *lake, enum lake_layer layer, const char *table)
{
    char *key = mem_printf("%s/%s", lake_layer_name(layer), table);
    hold(lake);
    const struct table_state *t = (struct table_state *)map_get(&lake->state.tables, key);
    uint64_t out = t ? t->sum.changed : 0;
    let_go(lake);
    mem_free(key);
    return out;
}

/* ---- sources ---- */

struct sourced { /* sorted together, then taken apart */
    struct lake_source source;
    uint64_t commit;
};

static int by_source(const void *a, const void *b)
{
    const struct lake_source *x = &((const struct sourced *)a)->source, *y = &((const struct sourced *)b)->source;
    int c = strcmp(x->source, y->source);
    if (!c) c = strcmp(x->topic, y->topic);
    if (c) return c;
    ORDER(x->partition, y->partition);
    return strcmp(x->id, y->id);
}

static void copy_source(const struct source_state *x, struct sourced *to)
{
    to->commit = x->commit;
    to->source = x->sum;
    to->source.source = mem_strdup(x->sum.source);
    to->source.topic = mem_strdup(x->sum.topic);
    to->source.id = mem_strdup(x->sum.id);
    to->source.name = mem_strdup(x->sum.name);
}

static void give_sources(struct sourced *all, size_t n, struct lake_sources *out)
{
    if (n) qsort(all, n, sizeof *all, by_source);
    out->count = n;
    out->source = mem_array(n, sizeof *out->source);
    out->commit = mem_array(n, sizeof *out->commit);
    for (size_t i = 0; i < n; i++) {
        out->source[i] = all[i].source;
        out->commit[i] = all[i].commit;
    }
}

void lake_sources(struct lake *lake, const char *source, const char *topic, struct lake_sources *out)
{
    size_t n = 0;
    memset(out, 0, sizeof *out);
    hold(lake);
    struct sourced *all = mem_array(lake->state.sources.count, sizeof *all);
    MAP_EACH (&lake->state.sources, item) {
        const struct source_state *x = (struct source_state *)item;
        if ((source && strcmp(source, x->sum.source)) || (topic && strcmp(topic, x->sum.topic))) continue;
        copy_source(x, &all[n++]);
    }
    let_go(lake);
    give_sources(all, n, out);
    mem_free(all);
}

bool lake_source_find(struct lake *lake, const char *source, const char *topic, int32_t partition, const char *id,
                      struct lake_sources *out)
{
    char *key = state_source_key(source, topic, partition, id ? id : "");
    struct sourced one;
    memset(out, 0, sizeof *out);
    hold(lake);
    const struct source_state *x = (struct source_state *)map_get(&lake->state.sources, key);
    if (x) copy_source(x, &one);
    let_go(lake);
    mem_free(key);
    give_sources(&one, x ? 1 : 0, out);
    return x != NULL;
}

void lake_sources_free(struct lake_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        mem_free((void *)(uintptr_t)sources->source[i].source);
        mem_free((void *)(uintptr_t)sources->source[i].topic);
        mem_free((void *)(uintptr_t)sources->source[i].id);
        mem_free((void *)(uintptr_t)sources->source[i].name);
    }
    mem_free(sources->source);
    mem_free(sources->commit);
    memset(sources, 0, sizeof *sources);
}

/* ---- what waits for refine ---- */

static void pending_locked(struct lake *lake, struct lake_pending *out)
{
    const struct lake_state *s = &lake->state;
    size_t cap = 0, file_cap = 0;
    memset(out, 0, sizeof *out);
    out->files.number = s->number;
    for (uint64_t n = 0; n < s->bronze.words * 64; n++) {
        if (n % 64 == 0 && !s->bronze.word[n / 64]) {
            n += 63;
            continue;
        }
        if (!state_is_pending(s, n)) continue;
        mem_grow(&out->number, &cap, out->count + 1, sizeof *out->number);
        out->number[out->count++] = n;
    }
    MAP_EACH (&s->tables, item) {
        const struct table_state *t = (struct table_state *)item;
        if (t->sum.layer != LAKE_BRONZE || !out->count) continue;
        for (size_t i = 0; i < t->sum.files; i++)
            if (state_file_pending(s, &t->file[i]->file)) lake_files_add(&out->files, &file_cap, t->file[i]);
    }
    if (out->files.count) qsort(out->files.file, out->files.count, sizeof *out->files.file, by_commit);
}

void lake_pending(struct lake *lake, struct lake_pending *out)
{
    hold(lake);
    pending_locked(lake, out);
    let_go(lake);
}

void lake_pending_free(struct lake_pending *pending)
{
    lake_files_free(&pending->files);
    mem_free(pending->number);
    memset(pending, 0, sizeof *pending);
}

void lake_head(struct lake *lake, struct lake_head *out)
{
    struct lake_pending pending;
    hold(lake);
    pending_locked(lake, &pending);
    *out = (struct lake_head){
        .number = lake->state.number,
        .hash = lake->state.hash,
        .time_ms = lake->state.time_ms,
        .epoch = lake->state.epoch,
        .checkpoint = lake->checkpoint,
        .pending_batches = pending.count,
        .pending_rows = (uint64_t)pending.files.rows,
    };
    let_go(lake);
    lake_pending_free(&pending);
}

/* ---- totals ---- */

static int by_topic(const void *a, const void *b)
{
    return strcmp(((const struct lake_total *)a)->topic, ((const struct lake_total *)b)->topic);
}

static int by_reason(const void *a, const void *b)
{
    return strcmp(((const struct lake_reason *)a)->name, ((const struct lake_reason *)b)->name);
}

static int by_count(const void *a, const void *b)
{
    const struct lake_count *x = a, *y = b;
    int c = strcmp(x->topic, y->topic);
    return c ? c : strcmp(x->table, y->table);
}

static void copy_total(const struct lake_state *s, const struct topic_state *t, struct lake_total *to, struct arena *arena)
{
    char *key = mem_printf("%s/%s", lake_layer_name(LAKE_BRONZE), t->item.key);
    const struct table_state *files = (struct table_state *)map_get(&s->tables, key);
    *to = (struct lake_total){
        .topic = arena_strdup(arena, t->item.key),
        .delivered = t->delivered,
        .bronze_rows = t->rows,
        .blank = t->blank,
        .lost = t->lost,
        .retired_rows = t->retired,
        .void_rows = t->voided,
    };
    for (size_t i = 0; files && i < files->sum.files; i++)
        if (state_file_pending(s, &files->file[i]->file)) to->pending_rows += files->file[i]->file.rows;
    if (files) to->files = (int64_t)files->sum.files;
    if (files) to->bytes = files->sum.bytes;
    mem_free(key);
}

static void copy_count(const struct count_state *c, struct lake_count *to, struct arena *arena)
{
    size_t n = c->sum.reason_count;
    struct lake_reason *reasons = arena_alloc(arena, n * sizeof *reasons + 1);
    *to = c->sum;
    to->topic = arena_strdup(arena, c->sum.topic);
    to->table = arena_strdup(arena, c->sum.table);
    for (size_t i = 0; i < n; i++)
        reasons[i] = (struct lake_reason){arena_strdup(arena, c->reasons[i].name), c->reasons[i].rows};
    if (n) qsort(reasons, n, sizeof *reasons, by_reason);
    to->reasons = reasons;
}

void lake_totals(struct lake *lake, struct lake_totals *out)
{
    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    hold(lake);
    const struct lake_state *s = &lake->state;
    out->topic = arena_alloc(&out->arena, s->topics.count * sizeof *out->topic + 1);
    out->count = arena_alloc(&out->arena, s->counts.count * sizeof *out->count + 1);
    MAP_EACH (&s->topics, item) copy_total(s, (struct topic_state *)item, &out->topic[out->topic_count++], &out->arena);
    MAP_EACH (&s->counts, item) copy_count((struct count_state *)item, &out->count[out->count_count++], &out->arena);
    let_go(lake);
    if (out->topic_count) qsort(out->topic, out->topic_count, sizeof *out->topic, by_topic);
    if (out->count_count) qsort(out->count, out->count_count, sizeof *out->count, by_count);
}

void lake_totals_free(struct lake_totals *totals)
{
    arena_reset(&totals->arena);
    memset(totals, 0, sizeof *totals);
}

char *lake_build_last(struct lake *lake, uint64_t *number)
{
    hold(lake);
    char *out = lake->state.build ? mem_strdup(lake->state.build) : NULL;
    if (number) *number = lake->state.build_number;
    let_go(lake);
    return out;
}
