#include "lake/batch.h"

#include "base/mem.h"
#include "base/str.h"
#include "lake/batch_internal.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLOSING_MOST = 64 }; /* files kept open until the commit makes them durable */

/* ---- turns ---- */

enum err lake_turn_take(struct lake_turn *t, struct error *e)
{
    enum err rc = ERR_OK;
    pthread_mutex_lock(&t->mutex);
    if (t->held && pthread_equal(t->holder, pthread_self())) {
        rc = err_set(e, ERR_USAGE, "this thread has a numbered batch open: end it first");
        goto done;
    }
    uint64_t mine = t->next++;
    while (t->serving != mine) pthread_cond_wait(&t->moved, &t->mutex);
    t->held = true;
    t->holder = pthread_self();
done:
    pthread_mutex_unlock(&t->mutex);
    return rc;
}

void lake_turn_give(struct lake_turn *t)
{
    pthread_mutex_lock(&t->mutex);
    t->held = false;
    t->serving++;
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->mutex);
}

/* ---- begin, abort ---- */

enum err lake_may_write(struct lake *lake, struct error *e)
{
    if (lake->mode == LAKE_READER) return err_set(e, ERR_USAGE, "%s is open for reading only", lake_url(lake));
    pthread_mutex_lock(&lake->turn.mutex);
    bool failed = lake->failed;
    if (failed && e) *e = lake->failure;
    enum err rc = failed ? lake->failure.code : ERR_OK;
    pthread_mutex_unlock(&lake->turn.mutex);
    return rc;
}

enum err lake_batch_begin(struct lake *lake, enum lake_kind kind, struct lake_batch **out, struct error *e)
{
    enum err rc = ERR_OK;
    bool floating = kind == LAKE_BUILD || kind == LAKE_COMPACT || kind == LAKE_RETAIN || kind == LAKE_NOTE, turn = false;
    *out = NULL;
    if (kind == LAKE_INIT || (unsigned)kind >= LAKE_KINDS) return err_set(e, ERR_INTERNAL, "not a kind of batch");
    TRY(lake_may_write(lake, e));
    if (!floating) {
        TRY(lake_turn_take(&lake->turn, e));
        turn = true;
        TRY(lake_may_write(lake, e)); /* what happened while waiting? */
        if (lake->mode == LAKE_SHARED_WRITER) TRY(lake_catch_up(lake, e));
        if (lake->unfinished) rc = lake_redo(lake, e);
        if (rc == ERR_IO) lake_poison(lake, rc, e);
        if (rc != ERR_OK) goto done;
    }
    struct lake_batch *b = mem_zalloc(sizeof *b);
    b->lake = lake;
    b->kind = kind;
    b->floating = floating;
    b->has_turn = turn;
    b->number = floating ? 0 : lake->state.number + 1;
    b->staging = mem_printf("%s/%llu", lake->staging, (unsigned long long)atomic_fetch_add(&lake->sequence, 1));
    pthread_mutex_init(&b->mutex, NULL);
    arena_init(&b->arena);
    *out = b;
    return ERR_OK;
done:
    if (turn) lake_turn_give(&lake->turn);
    return rc;
}

uint64_t lake_batch_number(const struct lake_batch *batch) { return batch->number; }

static void free_keys(struct map *m)
{
    MAP_EACH (m, item) mem_free(item);
    map_reset(m);
}

void lake_batch_abort(struct lake_batch **batch)
{
    struct lake_batch *b = *batch;
    if (!b) return;
    for (size_t i = 0; i < b->closing_count; i++) store_out_drop(&b->closing[i]);
    mem_free(b->closing);
    if (b->staging_made) lake_ignore(store_remove_tree(b->lake->store, b->staging, NULL));
    if (b->has_turn) lake_turn_give(&b->lake->turn);
    free_keys(&b->places);
    free_keys(&b->removed_set);
    arena_reset(&b->arena);
    mem_free(b->file);
    mem_free(b->removed);
    mem_free(b->source);
    mem_free(b->count);
    mem_free(b->consumed);
    mem_free(b->staging);
    pthread_mutex_destroy(&b->mutex);
    mem_free(b);
    *batch = NULL;
}

/* ---- files ---- */

/* key becomes the set's; false (and freed) when it is in already. */
static bool set_add(struct map *set, const char *text)
{
    if (map_get(set, text)) return false;
    size_t n = strlen(text) + 1;
    struct map_item *item = mem_alloc(sizeof *item + n);
    item->key = memcpy(item + 1, text, n);
    lake_map_put(set, item);
    return true;
}

static enum err check_part(const struct lake_part *part, struct error *e)
{
    bool topic = part->layer == LAKE_BRONZE || part->layer == LAKE_QUARANTINE;
    if ((unsigned)part->layer >= LAKE_LAYERS || part->hour > 23 || part->k < LAKE_K_SINGLE)
        return err_set(e, ERR_INTERNAL, "a file of no layer, hour or number");
    enum err rc = lake_name_check(part->table, topic ? "the topic" : "the table", e);
    if (rc == ERR_OK && part->topic) rc = lake_name_check(part->topic, "the topic", e);
    if (rc == ERR_OK) rc = lake_name_check(part->ext, "the ending", e);
    return rc;
}

enum err lake_batch_create(struct lake_batch *b, const struct lake_part *part, struct lake_out **out, struct error *e)
{
    struct buf path = {0};
    char *staged = NULL;
    enum err rc = ERR_OK;
    *out = NULL;
    pthread_mutex_lock(&b->mutex);
    TRY(check_part(part, e));
    lake_path_part(&path, part, b->number);
    if (!set_add(&b->places, path.ptr)) TRY(err_set(e, ERR_EXISTS, "this batch has a file %s already", path.ptr));
    if (!b->staging_made) TRY(store_make_dirs(b->lake->store, b->staging, e));
    b->staging_made = true;
    mem_grow(&b->file, &b->file_cap, b->files + 1, sizeof *b->file);
    struct batch_file *f = &b->file[b->files];
    memset(f, 0, sizeof *f);
    f->part = *part;
    f->part.table = arena_strdup(&b->arena, part->table);
    f->part.topic = arena_strdup(&b->arena, part->topic ? part->topic : "");
    f->part.ext = arena_strdup(&b->arena, part->ext);
    f->staged = arena_printf(&b->arena, "%zu.%s", b->files, part->ext);
    staged = mem_printf("%s/%s", b->staging, f->staged);
    struct store_out *so;
    TRY(store_create(b->lake->store, staged, &so, e));
    struct lake_out *made = mem_zalloc(sizeof *made);
    made->fd = so->fd;
    made->local_path = so->local_path;
    made->store_out = so;
    made->batch = b;
    made->index = b->files++;
    *out = made;
done:
    pthread_mutex_unlock(&b->mutex);
    if (rc == ERR_IO) lake_poison(b->lake, rc, e);
    buf_reset(&path);
    mem_free(staged);
    return rc;
}

void lake_out_drop(struct lake_out **out)
{
    if (!*out) return;
    store_out_drop(&(*out)->store_out);
    mem_free(*out);
    *out = NULL;
}

/* Bytes and hash: as the writer says, held against the file's length; or read back. */
static enum err measure(const struct lake_out *o, struct lake_stats *s, struct error *e)
{
    struct stat st;
    uint64_t bytes;
    if (!s->has_hash) {
        enum err rc = hash_file(o->local_path, &s->hash, &bytes, e);
        s->bytes = (int64_t)bytes;
        return rc;
    }
    if (stat(o->local_path, &st)) return err_sys(e, errno, "cannot look at %s", o->local_path);
    if (st.st_size != s->bytes)
        return err_set(e, ERR_INTERNAL, "%s has %lld bytes, its writer counted %lld", o->local_path, (long long)st.st_size,
                       (long long)s->bytes);
    return ERR_OK;
}

enum err batch_close_files(struct lake_batch *b, struct error *e)
{
    size_t count = b->closing_count;
    b->closing_count = 0;
    return store_out_close_all(b->closing, count, e);
}

enum err lake_out_finish(struct lake_out **out, const struct lake_stats *stats, struct error *e)
{
    struct lake_out *o = *out;
    struct lake_batch *b = o->batch;
    struct lake_stats s = *stats;
    enum err rc = ERR_OK;
    if (s.rows < 0) TRY(err_set(e, ERR_INTERNAL, "a file of %lld rows", (long long)s.rows));
    TRY(measure(o, &s, e));
    store_out_begin_sync(o->store_out);
    pthread_mutex_lock(&b->mutex);
    mem_grow(&b->closing, &b->closing_cap, b->closing_count + 1, sizeof *b->closing);
    b->closing[b->closing_count++] = o->store_out;
    o->store_out = NULL;
    struct lake_span *spans = arena_alloc(&b->arena, s.span_count * sizeof *spans + 1);
    if (s.span_count) memcpy(spans, s.spans, s.span_count * sizeof *spans);
    s.spans = spans;
    b->file[o->index].stats = s;
    b->file[o->index].finished = true;
    if (b->closing_count >= CLOSING_MOST) rc = batch_close_files(b, e);
    pthread_mutex_unlock(&b->mutex);
done:
    if (rc == ERR_IO) lake_poison(b->lake, rc, e);
    lake_out_drop(out);
    return rc;
}

static enum err remove_locked(struct lake_batch *b, const char *path, struct error *e)
{
    const struct lake_state *s = &b->lake->state;
    const struct live_file *l = state_file(s, path);
    if (!l) return err_set(e, ERR_NOT_FOUND, "%s is not a file of the lake", path);
    if (b->kind != LAKE_REBUILD && state_file_pending(s, &l->file))
        return err_set(e, ERR_USAGE, "%s is not refined yet: it cannot be removed", path);
    if (!set_add(&b->removed_set, path)) return ERR_OK;
    mem_grow(&b->removed, &b->removed_cap, b->removed_count + 1, sizeof *b->removed);
    b->removed[b->removed_count++] = arena_strdup(&b->arena, path);
    return ERR_OK;
}

enum err lake_batch_remove(struct lake_batch *b, const char *path, struct error *e)
{
    pthread_mutex_lock(&b->mutex);
    pthread_rwlock_rdlock(&b->lake->guard);
    enum err rc = remove_locked(b, path, e);
    pthread_rwlock_unlock(&b->lake->guard);
    pthread_mutex_unlock(&b->mutex);
    return rc;
}

enum err lake_batch_remove_all(struct lake_batch *b, enum lake_layer layer, struct error *e)
{
    struct lake_files files;
    enum err rc = ERR_OK;
    lake_files(b->lake, &(struct lake_filter){.layers = 1u << layer}, &files);
    for (size_t i = 0; rc == ERR_OK && i < files.count; i++) rc = lake_batch_remove(b, files.file[i]->path, e);
    lake_files_free(&files);
    return rc;
}

/* ---- sources ---- */

static bool plain_text(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20) return false;
    return n <= 1024 && utf8_valid(s, n);
}

static enum err check_source(const struct lake_source *s, struct error *e)
{
    enum err rc = lake_name_check(s->topic, "the topic", e);
    int64_t counted = 0, from = s->first;
    if (rc != ERR_OK) return rc;
    if (!plain_text(s->source) || !plain_text(s->id)) return err_set(e, ERR_USAGE, "a source's name or id is not plain text");
    if (s->next < s->first || s->records < 0 || s->rows < 0 || s->blank < 0 || s->lost < 0)
        return err_set(e, ERR_INTERNAL, "a source that runs backwards");
    if (s->records != s->rows + s->blank)
        return err_set(e, ERR_INTERNAL, "source %s %s/%d: %lld records are not %lld rows and %lld blank ones", s->source,
                       s->topic, (int)s->partition, (long long)s->records, (long long)s->rows, (long long)s->blank);
    for (size_t i = 0; i < s->run_count; i++) {
        if (s->runs[i].first < from || s->runs[i].count < 1 || s->runs[i].first > s->next - s->runs[i].count)
            return err_set(e, ERR_INTERNAL, "source %s %s/%d: its runs are not in order", s->source, s->topic, (int)s->partition);
        from = s->runs[i].first + s->runs[i].count;
        counted += s->runs[i].count;
    }
    if (s->run_count && counted != s->records)
        return err_set(e, ERR_INTERNAL, "source %s %s/%d: its runs hold %lld records, not %lld", s->source, s->topic,
                       (int)s->partition, (long long)counted, (long long)s->records);
    return ERR_OK;
}

/* Against where the lake stands. */
static enum err check_position(struct lake_batch *b, const struct lake_source *s, struct error *e)
{
    enum err rc = ERR_OK;
    char *key = state_source_key(s->source, s->topic, s->partition, s->id);
    pthread_rwlock_rdlock(&b->lake->guard);
    const struct source_state *x = (const struct source_state *)map_get(&b->lake->state.sources, key);
    if (x && strcmp(x->sum.id, s->id)) {
        rc = err_set(e, ERR_USAGE, "source %s %s/%d has the id %s, but the lake has read it as %s: it was made anew", s->source,
                     s->topic, (int)s->partition, s->id, x->sum.id);
    } else if (x && x->sum.next != s->first) {
        rc = err_set(e, ERR_USAGE, "source %s %s/%d goes on at %lld, but the lake has read it up to %lld", s->source, s->topic,
                     (int)s->partition, (long long)s->first, (long long)x->sum.next);
    }
    pthread_rwlock_unlock(&b->lake->guard);
    mem_free(key);
    return rc;
}

static void copy_source(struct lake_batch *b, struct lake_source *to, const struct lake_source *from)
{
    struct lake_run *runs = arena_alloc(&b->arena, from->run_count * sizeof *runs + 1);
    if (from->run_count) memcpy(runs, from->runs, from->run_count * sizeof *runs);
    *to = *from;
    to->source = arena_strdup(&b->arena, from->source);
    to->topic = arena_strdup(&b->arena, from->topic);
    to->id = arena_strdup(&b->arena, from->id);
    char *name = arena_strdup(&b->arena, from->name ? from->name : "");
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20) *p = ' ';
    to->name = name;
    to->runs = runs;
}

static bool same_source(const struct lake_source *a, const struct lake_source *b)
{
    return !strcmp(a->source, b->source) && !strcmp(a->topic, b->topic) && a->partition == b->partition && !strcmp(a->id, b->id);
}

enum err lake_batch_source(struct lake_batch *b, const struct lake_source *source, uint32_t *index, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(check_source(source, e));
    TRY(check_position(b, source, e));
    pthread_mutex_lock(&b->mutex);
    for (size_t i = 0; rc == ERR_OK && i < b->sources; i++)
        if (same_source(&b->source[i], source))
            rc = err_set(e, ERR_USAGE, "source %s %s/%d is in this batch already", source->source, source->topic, (int)source->partition);
    if (rc == ERR_OK) {
        mem_grow(&b->source, &b->source_cap, b->sources + 1, sizeof *b->source);
        copy_source(b, &b->source[b->sources], source);
        if (index) *index = (uint32_t)b->sources;
        b->sources++;
    }
    pthread_mutex_unlock(&b->mutex);
done:
    return rc;
}

enum err lake_batch_source_update(struct lake_batch *b, uint32_t index, const struct lake_source *source, struct error *e)
{
    enum err rc = check_source(source, e);
    if (rc != ERR_OK) return rc;
    pthread_mutex_lock(&b->mutex);
    if (index >= b->sources || !same_source(&b->source[index], source) || b->source[index].first != source->first)
        rc = err_set(e, ERR_USAGE, "not the source that was added before");
    else copy_source(b, &b->source[index], source);
    pthread_mutex_unlock(&b->mutex);
    return rc;
}

/* ---- results ---- */

enum err lake_batch_consume(struct lake_batch *b, uint64_t number, struct error *e)
{
    enum err rc = ERR_OK;
    pthread_mutex_lock(&b->mutex);
    pthread_rwlock_rdlock(&b->lake->guard);
    const struct lake_state *s = &b->lake->state;
    if (!bits_get(&s->bronze, number))
        rc = err_set(e, ERR_USAGE, "commit %llu holds no bronze", (unsigned long long)number);
    else if (bits_get(&s->refined, number) && b->kind != LAKE_REBUILD)
        rc = err_set(e, ERR_USAGE, "commit %llu was refined before", (unsigned long long)number);
    pthread_rwlock_unlock(&b->lake->guard);
    if (rc == ERR_OK) {
        mem_grow(&b->consumed, &b->consumed_cap, b->consumed_count + 1, sizeof *b->consumed);
        b->consumed[b->consumed_count++] = number;
    }
    pthread_mutex_unlock(&b->mutex);
    return rc;
}

static enum err check_count(const struct lake_count *c, struct error *e)
{
    int64_t quarantined = 0, conflicts = 0;
    enum err rc = lake_name_check(c->topic, "the topic", e);
    if (rc == ERR_OK && *c->table) rc = lake_name_check(c->table, "the table", e);
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; i < c->reason_count; i++) {
        if (!plain_text(c->reasons[i].name)) return err_set(e, ERR_USAGE, "a reason that is not plain text");
        quarantined += c->reasons[i].rows;
        if (!strcmp(c->reasons[i].name, "conflict")) conflicts += c->reasons[i].rows;
    }
    if (c->read != c->rows + quarantined + c->duplicates + c->blank || c->conflicts != conflicts)
        return err_set(e, ERR_INTERNAL,
                       "%s to %s does not add up: %lld read, but %lld rows, %lld quarantined (%lld conflicts, %lld by reason), "
                       "%lld duplicates, %lld blank",
                       c->topic, *c->table ? c->table : "no table", (long long)c->read, (long long)c->rows,
                       (long long)quarantined, (long long)c->conflicts, (long long)conflicts, (long long)c->duplicates,
                       (long long)c->blank);
    return ERR_OK;
}

static struct lake_count *find_count(struct lake_batch *b, const struct lake_count *c)
{
    for (size_t i = 0; i < b->counts; i++)
        if (!strcmp(b->count[i].topic, c->topic) && !strcmp(b->count[i].table, c->table)) return &b->count[i];
    mem_grow(&b->count, &b->count_cap, b->counts + 1, sizeof *b->count);
    struct lake_count *made = &b->count[b->counts++];
    *made = (struct lake_count){.topic = arena_strdup(&b->arena, c->topic), .table = arena_strdup(&b->arena, c->table)};
    return made;
}

static void add_reasons(struct lake_batch *b, struct lake_count *to, const struct lake_count *from)
{
    struct lake_reason *all = arena_alloc(&b->arena, (to->reason_count + from->reason_count) * sizeof *all + 1);
    size_t n = to->reason_count;
    if (n) memcpy(all, to->reasons, n * sizeof *all);
    for (size_t i = 0; i < from->reason_count; i++) {
        size_t k = 0;
        if (!from->reasons[i].rows) continue;
        while (k < n && strcmp(all[k].name, from->reasons[i].name)) k++;
        if (k == n) all[n++] = (struct lake_reason){arena_strdup(&b->arena, from->reasons[i].name), 0};
        all[k].rows += from->reasons[i].rows;
    }
    to->reasons = all;
    to->reason_count = n;
}

enum err lake_batch_count(struct lake_batch *b, const struct lake_count *c, struct error *e)
{
    enum err rc = check_count(c, e);
    if (rc != ERR_OK) return rc;
    pthread_mutex_lock(&b->mutex);
    struct lake_count *to = find_count(b, c);
    bool has_time = c->min_ts || c->max_ts, had_time = to->min_ts || to->max_ts;
    to->read += c->read;
    to->rows += c->rows;
    to->derived += c->derived;
    to->blank += c->blank;
    to->duplicates += c->duplicates;
    to->conflicts += c->conflicts;
    to->drift += c->drift;
    to->future += c->future;
    to->late += c->late;
    if (has_time && (!had_time || c->min_ts < to->min_ts)) to->min_ts = c->min_ts;
    if (has_time && (!had_time || c->max_ts > to->max_ts)) to->max_ts = c->max_ts;
    add_reasons(b, to, c);
    pthread_mutex_unlock(&b->mutex);
    return ERR_OK;
}

void lake_batch_reset(struct lake_batch *b) { b->reset = true; }

enum err lake_batch_build(struct lake_batch *b, const char *json, struct error *e)
{
    json_error_t je;
    json_t *o = json_loads(json, 0, &je);
    enum err rc = json_is_object(o) ? ERR_OK : err_set(e, ERR_INTERNAL, "a build's fingerprint is not a JSON object: %s", je.text);
    char *compact = rc == ERR_OK ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(o);
    if (!compact) return rc;
    pthread_mutex_lock(&b->mutex);
    b->build = arena_strdup(&b->arena, compact);
    pthread_mutex_unlock(&b->mutex);
    mem_free(compact);
    return ERR_OK;
}

void lake_batch_note(struct lake_batch *b, const char *text)
{
    pthread_mutex_lock(&b->mutex);
    b->note = arena_strdup(&b->arena, text);
    pthread_mutex_unlock(&b->mutex);
}
