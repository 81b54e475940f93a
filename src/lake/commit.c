/* From a finished batch to a commit. The steps and their order are in batch.h. */
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "lake/batch_internal.h"

#include <stdlib.h>
#include <string.h>

#define STEP(name, expr)                                                                                               \
    do {                                                                                                               \
        TRY(lake_fault("lake.commit." name, e));                                                                       \
        TRY(expr);                                                                                                     \
        TRY(lake_fault("lake.commit." name ".done", e));                                                               \
    } while (0)

void lake_poison(struct lake *lake, enum err code, const struct error *why)
{
    pthread_mutex_lock(&lake->turn.mutex);
    if (!lake->failed) {
        lake->failed = true;
        if (why) lake->failure = *why;
        else err_set(&lake->failure, code, "an earlier write to this lake failed");
        lake->failure.code = code;
    }
    pthread_mutex_unlock(&lake->turn.mutex);
}

/* ---- where the files go ---- */

static void forget_removed(struct lake_batch *b, const char *path)
{
    for (size_t i = 0; i < b->removed_count; i++)
        if (!strcmp(b->removed[i], path)) b->removed[i--] = b->removed[--b->removed_count];
}

/* ERR_EXISTS: the file is another writer's, whose commit came first. */
static enum err place_file(struct lake_batch *b, struct batch_file *f, struct error *e)
{
    struct buf text = {0};
    enum err rc = ERR_OK;
    lake_path_folder(&text, &f->part);
    f->folder = arena_strdup(&b->arena, text.ptr);
    buf_clear(&text);
    lake_path_name(&text, &f->part, b->number);
    f->name = arena_strdup(&b->arena, text.ptr);
    f->path = arena_printf(&b->arena, "%s/%s", f->folder, f->name);
    f->replaces = state_file(&b->lake->state, f->path) != NULL;
    f->swap = -1;
    if (f->replaces) {
        forget_removed(b, f->path);
    } else if (store_exists(b->lake->store, f->path)) {
        if (lake_log_has(b->lake->store, b->number)) rc = err_set(e, ERR_EXISTS, "commit %llu is taken", (unsigned long long)b->number);
        else rc = err_set(e, ERR_CORRUPT, "%s is in the way of commit %llu: the log does not know it", f->path,
                     (unsigned long long)b->number);
        if (rc == ERR_CORRUPT) err_hint(e, "move it out of the lake");
    }
    buf_reset(&text);
    return rc;
}

static enum err place_files(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = 0;
    for (size_t i = 0; i < b->files; i++) /* dropped ones go */
        if (b->file[i].finished) b->file[n++] = b->file[i];
    b->files = n;
    for (size_t i = 0; rc == ERR_OK && i < b->files; i++) rc = place_file(b, &b->file[i], e);
    return rc;
}

static enum err still_removable(const struct lake_batch *b, struct error *e)
{
    for (size_t i = 0; i < b->removed_count; i++)
        if (!state_file(&b->lake->state, b->removed[i])) {
            err_set(e, ERR_RETRY, "%s was removed by another commit meanwhile", b->removed[i]);
            err_hint(e, "look again what there is to do");
            return ERR_RETRY;
        }
    return ERR_OK;
}

static enum err make_folders(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct store *s = b->lake->store;
    const char **folder = NULL;
    size_t count = 0;
    if (!b->staging_made) TRY(store_make_dirs(s, b->staging, e));
    b->staging_made = true;
    folder = mem_array(b->files + 1, sizeof *folder);
    for (size_t i = 0; i < b->files; i++)
        if (!i || strcmp(b->file[i].folder, b->file[i - 1].folder)) folder[count++] = b->file[i].folder;
    TRY(store_make_folders(s, folder, count, e));
done:
    mem_free(folder);
    return rc;
}

/* ---- folders that are exchanged whole ---- */

static bool loses_files(const struct lake_batch *b, const char *folder)
{
    size_t n = strlen(folder);
    for (size_t i = 0; i < b->removed_count; i++)
        if (!strncmp(b->removed[i], folder, n) && b->removed[i][n] == '/' && !strchr(b->removed[i] + n + 1, '/')) return true;
    return false;
}

static bool brings(const struct lake_batch *b, int swap, const char *name)
{
    for (size_t i = 0; i < b->files; i++)
        if (b->file[i].swap == swap && !strcmp(b->file[i].name, name)) return true;
    return false;
}

static bool removes(const struct lake_batch *b, const char *path)
{
    for (size_t i = 0; i < b->removed_count; i++)
        if (!strcmp(b->removed[i], path)) return true;
    return false;
}

/* Completes the new folder by links to what stays. ERR_UNSUPPORTED: this folder cannot be exchanged. */
static enum err link_kept(struct lake_batch *b, int swap, const char *folder, const char *staged, struct error *e)
{
    struct store_items items;
    enum err rc = store_list(b->lake->store, folder, &items, e);
    for (size_t i = 0; rc == ERR_OK && i < items.count; i++) {
        char *from = mem_printf("%s/%s", folder, items.item[i].path), *to = mem_printf("%s/%s", staged, items.item[i].path);
        if (items.item[i].is_dir) rc = err_set(e, ERR_UNSUPPORTED, "%s holds folders", folder);
        else if (state_file(&b->lake->state, from) && !removes(b, from) && !brings(b, swap, items.item[i].path))
            rc = store_link(b->lake->store, from, to, e);
        mem_free(from);
        mem_free(to);
    }
    store_items_free(&items);
    return rc;
}

/* Moves this folder's new files from the batch's staging into `staged`, or back. */
static enum err gather(struct lake_batch *b, int swap, const char *staged, bool back, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < b->files; i++) {
        struct batch_file *f = &b->file[i];
        if (f->swap != swap) continue;
        char *flat = mem_printf("%s/%s", b->staging, f->staged), *in = mem_printf("%s/%s", staged, f->name);
        if (!back) rc = store_rename(b->lake->store, flat, in, e);
        else if (store_exists(b->lake->store, in)) rc = store_rename(b->lake->store, in, flat, e);
        mem_free(flat);
        mem_free(in);
    }
    return rc;
}

static enum err undo_swap(struct lake_batch *b, int swap, struct error *e)
{
    char *staged = mem_printf("%s/s%d", b->staging, swap);
    enum err rc = gather(b, swap, staged, true, e);
    if (rc == ERR_OK) rc = store_remove_tree(b->lake->store, staged, e);
    for (size_t i = 0; i < b->files; i++)
        if (b->file[i].swap == swap) b->file[i].swap = -1;
    mem_free(staged);
    return rc;
}

static enum err prepare_swap(struct lake_batch *b, int swap, const char *folder, struct error *e)
{
    enum err rc = ERR_OK;
    char *staged = mem_printf("%s/s%d", b->staging, swap);
    TRY(store_make_dirs(b->lake->store, staged, e));
    TRY(gather(b, swap, staged, false, e));
    rc = link_kept(b, swap, folder, staged, e);
    if (rc == ERR_UNSUPPORTED) rc = undo_swap(b, swap, e); /* then file by file: rows may be late, never twice */
    else if (rc == ERR_OK) rc = store_sync_dir(b->lake->store, staged, e);
done:
    mem_free(staged);
    return rc;
}

static enum err prepare_swaps(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    int next = 0;
    for (size_t i = 0; rc == ERR_OK && b->removed_count && i < b->files; i++) {
        const char *folder = b->file[i].folder;
        if (b->file[i].swap >= 0 || !loses_files(b, folder)) continue;
        bool known = false; /* tried before, and not possible */
        for (size_t k = 0; k < i; k++) known |= !strcmp(b->file[k].folder, folder);
        if (known) continue;
        for (size_t k = i; k < b->files; k++)
            if (!strcmp(b->file[k].folder, folder)) b->file[k].swap = next;
        rc = prepare_swap(b, next++, folder, e);
    }
    return rc;
}

/* ---- the entry ---- */

static enum err write_entry(struct lake_batch *b, struct lake_entry *written, struct error *e)
{
    struct lake_entry entry;
    struct buf text = {0};
    char *path = mem_printf("%s/entry.json", b->staging);
    enum err rc = ERR_OK;
    batch_entry(b, &entry);
    TRY(batch_adds_up(&b->lake->state, &entry, e));
    TRY(lake_entry_write(&entry, &text, e));
    TRY(lake_entry_parse(text.ptr, text.len, b->number, written, e)); /* what others will read */
    TRY(state_check(&b->lake->state, written, e));
    TRY(store_remove(b->lake->store, path, e)); /* of a refused attempt */
    TRY(store_put(b->lake->store, path, text.ptr, text.len, e));
done:
    if (rc == ERR_CORRUPT) err_context(e, "commit %llu would not fit the log: ", (unsigned long long)b->number);
    lake_entry_reset(&entry);
    buf_reset(&text);
    mem_free(path);
    return rc;
}

static bool is_ours(struct lake *lake, const struct lake_entry *ours)
{
    struct lake_entry there;
    bool same = lake_log_read(lake->store, ours->number, &there, NULL) == ERR_OK && hash_eq(there.hash, ours->hash);
    lake_entry_reset(&there);
    return same;
}

/* A remote store's answer may be lost, and the rename done yet, now or in a moment. Without its source it cannot be done any
 * more; then the log tells. What cannot be told stays for recovery to judge, with its staging. */
static enum err settle(struct lake_batch *b, const struct lake_entry *ours, const char *staged, enum err refused, struct error *e)
{
    struct lake_entry there = {0};
    struct error why;
    enum err rc = store_remove(b->lake->store, staged, &why);
    if (rc == ERR_OK) rc = lake_log_read(b->lake->store, ours->number, &there, &why);
    bool same = rc == ERR_OK && hash_eq(there.hash, ours->hash);
    lake_entry_reset(&there);
    if (same) return ERR_OK;
    if (rc == ERR_OK) return err_set(e, ERR_EXISTS, "commit %llu is taken", (unsigned long long)ours->number);
    if (rc == ERR_NOT_FOUND) return refused;
    b->staging_made = false;
    err_set(e, ERR_IO, "it is not known whether commit %llu was made: %s", (unsigned long long)ours->number, why.what);
    err_hint(e, "run the command again when the store answers: it finds out");
    return ERR_IO;
}

/* ERR_EXISTS: another writer's commit came first. */
static enum err commit_point(struct lake_batch *b, const struct lake_entry *entry, struct error *e)
{
    struct buf path = {0};
    char *staged = mem_printf("%s/entry.json", b->staging);
    lake_path_entry(&path, b->number);
    enum err rc = store_rename_new(b->lake->store, staged, path.ptr, e);
    /* It may have been us: the rename was done, but its answer lost. */
    if (rc != ERR_OK && !store_is_local(b->lake->store)) rc = settle(b, entry, staged, rc, e);
    else if (rc != ERR_OK && is_ours(b->lake, entry)) rc = ERR_OK;
    buf_reset(&path);
    mem_free(staged);
    return rc;
}

static enum err prepare(struct lake_batch *b, struct lake_entry *entry, struct error *e)
{
    enum err rc = ERR_OK;
    b->number = b->lake->state.number + 1;
    TRY(still_removable(b, e));
    TRY(place_files(b, e));
    STEP("dirs", make_folders(b, e));
    STEP("swap", prepare_swaps(b, e));
    STEP("entry", write_entry(b, entry, e));
    STEP("staging", store_sync_dir(b->lake->store, b->staging, e));
    TRY(lake_fault("lake.commit.point", e));
done:
    return rc;
}

/* The entry stands in the log. Whatever fails before it is known to be durable leaves its fate open. */
static enum err make_durable(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct error why;
    TRY(lake_fault("lake.commit.point.done", e));
    STEP("log", store_sync_dir(b->lake->store, "log", e));
done:
    if (rc == ERR_OK) return rc;
    if (e) why = *e;
    else err_set(&why, rc, "the log could not be made durable");
    err_context(&why, "commit %llu may not have become durable: ", (unsigned long long)b->number);
    err_hint(&why, "run the command again: it finds out");
    lake_poison(b->lake, ERR_IO, &why);
    if (e) *e = why;
    if (e) e->code = ERR_IO;
    return ERR_IO;
}

/* The commit is safe. What fails now is done again by the next begin or by recovery. */
static void finish(struct lake *lake)
{
    struct error e;
    enum err rc = lake_redo(lake, &e);
    if (rc == ERR_OK) rc = lake_fault("lake.commit.checkpoint", &e);
    if (rc == ERR_OK) {
        lake_checkpoint(lake);
        rc = lake_fault("lake.commit.checkpoint.done", &e);
    }
    if (rc == ERR_OK) return;
    char text[1600];
    log_warn("commit %llu is safe, but its files are not all in place yet: %s", (unsigned long long)lake->state.number,
             err_format(&e, text, sizeof text));
    if (rc != ERR_NO_SPACE && rc != ERR_RETRY) lake_poison(lake, rc, &e);
}

/* A lost race. Floating batches prepare anew under the next number. */
static enum err refused(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    uint64_t number = b->number;
    if (b->lake->mode == LAKE_WRITER) {
        struct error why;
        err_set(&why, ERR_BUSY, "another writer has made commit %llu, though this one holds the lock", (unsigned long long)number);
        err_hint(&why, "stop the other writer and run the command again");
        lake_poison(b->lake, ERR_BUSY, &why);
        if (e) *e = why;
        return ERR_BUSY;
    }
    TRY(lake_catch_up(b->lake, e));
    if (!b->floating) {
        rc = err_set(e, ERR_RETRY, "another writer's commit %llu came first", (unsigned long long)number);
        goto done;
    }
    for (size_t i = 0; i < b->files; i++)
        if (b->file[i].swap >= 0) TRY(undo_swap(b, b->file[i].swap, e));
done:
    return rc;
}

static enum err take_turn(struct lake_batch *b, struct error *e)
{
    struct lake *lake = b->lake;
    enum err rc = ERR_OK;
    if (b->has_turn) return ERR_OK;
    TRY(lake_turn_take(&lake->turn, e));
    b->has_turn = true;
    TRY(lake_may_write(lake, e));
    if (lake->mode == LAKE_SHARED_WRITER) TRY(lake_catch_up(lake, e));
    if (lake->unfinished) TRY(lake_redo(lake, e));
done:
    return rc;
}

static enum err commit(struct lake_batch *b, struct error *e)
{
    enum err rc = ERR_OK;
    struct lake_entry entry = {0};
    TRY(batch_close_files(b, e)); /* before the turn: others need not wait for our disk */
    TRY(take_turn(b, e));
    for (;;) {
        lake_entry_reset(&entry);
        rc = prepare(b, &entry, e);
        if (rc == ERR_OK) rc = commit_point(b, &entry, e);
        /* What failed may have failed because another writer's commit has changed the files under our hands. */
        else if (rc != ERR_IO && b->lake->mode == LAKE_SHARED_WRITER && lake_log_has(b->lake->store, b->number)) rc = ERR_EXISTS;
        if (rc == ERR_OK) break;
        if (rc != ERR_EXISTS) goto done;
        TRY(refused(b, e));
    }
    b->staging_made = false; /* from here on it belongs to the commit */
    TRY(make_durable(b, e));
    TRY(lake_take_in(b->lake, &entry, e));
    finish(b->lake);
done:
    lake_entry_reset(&entry);
    return rc;
}

enum err lake_batch_commit(struct lake_batch **batch, uint64_t *number, struct error *e)
{
    struct lake_batch *b = *batch;
    struct error own = {0};
    enum err rc = commit(b, e ? e : &own);
    if (rc == ERR_OK && number) *number = b->number;
    if (rc == ERR_IO) lake_poison(b->lake, rc, e ? e : &own);
    lake_batch_abort(batch);
    return rc;
}
