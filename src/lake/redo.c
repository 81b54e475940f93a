/* After the commit point: bringing a commit's files to their final paths. Everything here may be interrupted anywhere and
 * done again; where a file is tells what is left to do. */
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct redo {
    struct store *s;
    const struct lake_entry *entry;
    char **folder; /* to be synced; owned, may repeat */
    size_t folders, cap;
};

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("");
}

static void touched(struct redo *r, const char *path)
{
    char *folder = parent_of(path);
    if (r->folders && !strcmp(r->folder[r->folders - 1], folder)) {
        mem_free(folder);
        return;
    }
    mem_grow(&r->folder, &r->cap, r->folders + 1, sizeof *r->folder);
    r->folder[r->folders++] = folder;
}

static enum err lost(const struct redo *r, const char *path, const char *how, struct error *e)
{
    err_set(e, ERR_CORRUPT, "%s of commit %llu %s", path, (unsigned long long)r->entry->number, how);
    err_where(e, "log/%020llu.json", (unsigned long long)r->entry->number);
    err_hint(e, "restore it from a backup, or ask lakefm audit what else is missing");
    return ERR_CORRUPT;
}

/* The file in place is the one that was committed (by size; the audit looks closer). */
static enum err check_in_place(const struct redo *r, const struct lake_file *f, struct error *e)
{
    struct store_stat st;
    enum err rc = store_stat(r->s, f->path, &st, e);
    if (rc == ERR_NOT_FOUND) return lost(r, f->path, "is lost: it is neither in place nor in staging", e);
    if (rc == ERR_OK && st.bytes != (uint64_t)f->bytes) return lost(r, f->path, "is not as long as it was written", e);
    return rc;
}

/* A crash between link and unlink leaves both names, where the file system cannot rename without replacing. */
static enum err finish_link(struct redo *r, const struct lake_file *f, const char *staged, struct error *e)
{
    struct hash128 hash = f->hash;
    uint64_t bytes = (uint64_t)f->bytes;
    char *local;
    enum err rc = store_fetch(r->s, f->path, bytes, hash, &local, e); /* a remote store compares by itself */
    if (rc == ERR_OK) rc = hash_file(local, &hash, &bytes, e);
    mem_free(local);
    if (rc != ERR_OK) return rc;
    if (bytes != (uint64_t)f->bytes || !hash_eq(hash, f->hash)) return lost(r, f->path, "finds another file in its place", e);
    return store_rename(r->s, staged, f->path, e);
}

static enum err move_file(struct redo *r, const struct lake_added *a, struct error *e)
{
    enum err rc = ERR_OK;
    const struct lake_file *f = &a->file;
    char *staged = mem_printf("%s/%s", r->entry->staging, a->staged), *folder = parent_of(f->path);
    if (!store_exists(r->s, staged)) {
        rc = check_in_place(r, f, e);
        goto done;
    }
    TRY(lake_fault("lake.move", e));
    TRY(store_make_dirs(r->s, folder, e));
    rc = a->replaces ? store_rename(r->s, staged, f->path, e) : store_rename_new(r->s, staged, f->path, e);
    if (rc == ERR_NOT_FOUND) rc = check_in_place(r, f, e); /* moved since we looked, by a writer taken for dead */
    if (rc == ERR_EXISTS) rc = finish_link(r, f, staged, e);
done:
    touched(r, f->path);
    mem_free(staged);
    mem_free(folder);
    return rc;
}

static bool is_removed(const struct lake_entry *entry, const char *path)
{
    for (size_t i = 0; i < entry->removed_count; i++)
        if (!strcmp(entry->removed[i], path)) return true;
    return false;
}

/* The exchanged-out folder holds what the commit removed, and further names of what it kept. A file that nobody knows is
 * not ours to delete: it goes back where it was, for the audit to name. */
static enum err save_strangers(struct redo *r, const char *folder, const char *old, struct error *e)
{
    struct store_items items;
    enum err rc = store_list(r->s, old, &items, e);
    for (size_t i = 0; rc == ERR_OK && i < items.count; i++) {
        char *home = mem_printf("%s/%s", folder, items.item[i].path), *away = mem_printf("%s/%s", old, items.item[i].path);
        if (!is_removed(r->entry, home) && !store_exists(r->s, home)) rc = store_rename(r->s, away, home, e);
        mem_free(home);
        mem_free(away);
    }
    store_items_free(&items);
    return rc;
}

/* How many of this folder's new files still wait in staging. */
static void count_waiting(const struct redo *r, int swap, size_t *waiting, size_t *all)
{
    *waiting = *all = 0;
    for (size_t i = 0; i < r->entry->added_count; i++) {
        const struct lake_added *a = &r->entry->added[i];
        if (a->swap != swap) continue;
        char *staged = mem_printf("%s/%s", r->entry->staging, a->staged);
        *waiting += store_exists(r->s, staged);
        ++*all;
        mem_free(staged);
    }
}

static enum err remove_old(struct redo *r, const char *folder, struct error *e)
{
    enum err rc = ERR_OK;
    size_t n = strlen(folder);
    for (size_t i = 0; rc == ERR_OK && i < r->entry->removed_count; i++) {
        const char *path = r->entry->removed[i];
        if (strncmp(path, folder, n) || path[n] != '/' || strchr(path + n + 1, '/')) continue;
        rc = store_remove(r->s, path, e);
        touched(r, path);
    }
    return rc;
}

/* All new files in staging: not exchanged yet. None: done. Some, or a file system that cannot exchange: first the old
 * ones go, then the new ones come one by one, so that a glob may see rows late but never twice. */
static enum err swap_folder(struct redo *r, int swap, struct error *e)
{
    const struct lake_swap *w = &r->entry->swaps[swap];
    size_t waiting, all;
    enum err rc = ERR_OK;
    char *staged = mem_printf("%s/%s", r->entry->staging, w->staged), *inside = mem_printf("%s/x", w->folder);
    count_waiting(r, swap, &waiting, &all);
    if (waiting) TRY(lake_fault("lake.move", e));
    rc = ERR_UNSUPPORTED;
    if (waiting && waiting == all) rc = store_exchange(r->s, w->folder, staged, e);
    if (rc == ERR_UNSUPPORTED || rc == ERR_NOT_FOUND) { /* not found: somebody removed the whole folder */
        rc = ERR_OK;
        if (waiting) TRY(remove_old(r, w->folder, e));
        for (size_t i = 0; i < r->entry->added_count; i++)
            if (r->entry->added[i].swap == swap) TRY(move_file(r, &r->entry->added[i], e));
    }
    if (rc == ERR_OK) rc = save_strangers(r, w->folder, staged, e);
    touched(r, inside);
    touched(r, w->folder); /* an exchange changes the names in both parents */
    touched(r, staged);
done:
    mem_free(staged);
    mem_free(inside);
    return rc;
}

static enum err move_all(struct redo *r, struct error *e)
{
    enum err rc = ERR_OK;
    const struct lake_entry *entry = r->entry;
    for (size_t i = 0; i < entry->swap_count; i++) TRY(swap_folder(r, (int)i, e));
    for (size_t i = 0; i < entry->removed_count; i++) {
        TRY(store_remove(r->s, entry->removed[i], e));
        touched(r, entry->removed[i]);
    }
    for (size_t i = 0; i < entry->added_count; i++)
        if (entry->added[i].swap < 0) TRY(move_file(r, &entry->added[i], e));
done:
    return rc;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static enum err sync_folders(struct redo *r, struct error *e)
{
    enum err rc = ERR_OK;
    const char **there = mem_array(r->folders + 1, sizeof *there);
    size_t count = 0;
    if (r->folders) qsort(r->folder, r->folders, sizeof *r->folder, by_text);
    for (size_t i = 0; i < r->folders; i++) {
        if (i && !strcmp(r->folder[i], r->folder[i - 1])) continue;
        if (store_exists(r->s, r->folder[i])) there[count++] = r->folder[i]; /* else of a removed file, long gone */
    }
    rc = store_sync_dirs(r->s, there, count, e);
    if (rc == ERR_NOT_FOUND) { /* gone since: the others all the same */
        rc = ERR_OK;
        for (size_t i = 0; rc == ERR_OK && i < count; i++) {
            rc = store_sync_dir(r->s, there[i], e);
            if (rc == ERR_NOT_FOUND) rc = ERR_OK;
        }
    }
    mem_free(there);
    return rc;
}

static enum err redo_entry(struct lake *lake, struct error *e)
{
    enum err rc = ERR_OK;
    struct redo r = {.s = lake->store, .entry = &lake->last};
    TRY(lake_fault("lake.commit.move", e));
    TRY(move_all(&r, e));
    TRY(lake_fault("lake.commit.move.done", e));
    TRY(lake_fault("lake.commit.sync", e));
    TRY(sync_folders(&r, e));
    TRY(lake_fault("lake.commit.sync.done", e));
    TRY(lake_fault("lake.commit.clean", e));
    if (*lake->last.staging) TRY(store_remove_tree(lake->store, lake->last.staging, e));
    TRY(lake_fault("lake.commit.clean.done", e));
done:
    for (size_t i = 0; i < r.folders; i++) mem_free(r.folder[i]);
    mem_free(r.folder);
    return rc;
}

/* Two processes exchanging the same folders would undo each other. */
static enum err lock_redo(struct lake *lake, struct store_lock **lock, struct error *e)
{
    *lock = NULL;
    return lake->mode == LAKE_SHARED_WRITER ? store_lock(lake->store, LAKE_REDO_LOCK, STORE_LOCK_EXCLUSIVE, true, lock, e) : ERR_OK;
}

static enum err redo_locked(struct lake *lake, struct error *e)
{
    enum err rc = ERR_OK;
    if (lake->last.kind == LAKE_INIT) return ERR_OK;
    lake->unfinished = true;
    /* Who commits the next entry has done this before; what it moves and removes is its affair. */
    if (!lake_log_has(lake->store, lake->last.number + 1)) TRY(redo_entry(lake, e));
    lake->unfinished = false;
done:
    return rc;
}

enum err lake_redo(struct lake *lake, struct error *e)
{
    struct store_lock *lock;
    enum err rc = lock_redo(lake, &lock, e);
    if (rc != ERR_OK) return rc;
    rc = redo_locked(lake, e);
    store_unlock(&lock);
    return rc;
}

/* ---- a writer's staging ---- */

static enum err make_staging(struct lake *lake, struct error *e)
{
    enum err rc = ERR_OK;
    uint32_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return err_set(e, ERR_IO, "no random numbers");
    lake->epoch = lake->state.epoch + 1;
    lake->writer = mem_printf("%llu-%08x", (unsigned long long)lake->epoch, (unsigned)random);
    lake->staging = mem_printf("staging/%s", lake->writer);
    char *lock = mem_printf("%s/lock", lake->staging);
    TRY(store_make_dirs(lake->store, lake->staging, e));
    /* Waits, because an audit may touch it for a moment. */
    TRY(store_lock(lake->store, lock, STORE_LOCK_EXCLUSIVE, true, &lake->staging_lock, e));
done:
    mem_free(lock);
    return rc;
}

/* Staging of writers that are gone, each with its lock in our hands: so they stay gone. An only writer knows without. */
struct stale {
    char **path;
    struct store_lock **lock;
    size_t count;
};

static enum err find_stale(struct lake *lake, struct stale *out, struct error *e)
{
    struct store_items items;
    enum err rc = store_list(lake->store, "staging", &items, e);
    out->path = mem_zalloc((items.count + 1) * sizeof *out->path);
    out->lock = mem_zalloc((items.count + 1) * sizeof *out->lock);
    for (size_t i = 0; rc == ERR_OK && i < items.count; i++) {
        char *path = mem_printf("staging/%s", items.item[i].path), *file = mem_printf("%s/lock", path);
        struct store_lock *lock = NULL;
        struct store_stat st;
        enum err seen = lake->mode == LAKE_SHARED_WRITER ? store_stat(lake->store, file, &st, e) : ERR_NOT_FOUND;
        bool alive = seen != ERR_NOT_FOUND;
        if (seen == ERR_OK) alive = store_lock(lake->store, file, STORE_LOCK_EXCLUSIVE, false, &lock, NULL) != ERR_OK;
        else if (alive) rc = seen;
        mem_free(file);
        if (alive) {
            mem_free(path);
        } else {
            out->path[out->count] = path;
            out->lock[out->count++] = lock;
        }
    }
    store_items_free(&items);
    return rc;
}

/* Where locks run out instead of ending with their process, a writer taken for dead may wake up in the middle of its
 * commit. So its staging is moved away before the log is read: it cannot commit any more, or the log shows that it did. */
static enum err fence(struct lake *lake, struct stale *stale, struct error *e)
{
    uint32_t random;
    if (store_is_local(lake->store)) return ERR_OK;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return err_set(e, ERR_IO, "no random numbers");
    for (size_t i = 0; i < stale->count; i++) {
        if (strstr(stale->path[i], ".gone")) continue;
        char *away = mem_printf("%s.gone-%08x", stale->path[i], (unsigned)random);
        enum err rc = store_rename_new(lake->store, stale->path[i], away, e);
        if (rc != ERR_OK && rc != ERR_NOT_FOUND) {
            mem_free(away);
            return rc;
        }
        mem_free(stale->path[i]);
        stale->path[i] = away;
    }
    return ERR_OK;
}

/* The head's own files come back to where its entry says they wait. *home: the folder made for it (heap), or NULL. */
static enum err unfence(struct lake *lake, const struct stale *stale, char **home, struct error *e)
{
    const char *staging = lake->last.staging, *slash = staging && *staging ? strrchr(staging, '/') : NULL;
    enum err rc = ERR_OK;
    *home = NULL;
    if (store_is_local(lake->store) || !slash) return ERR_OK;
    char *writer = mem_strndup(staging, (size_t)(slash - staging)), *mark = mem_printf("%s.gone", writer);
    for (size_t i = 0; rc == ERR_OK && i < stale->count; i++) {
        if (!str_starts(stale->path[i], mark)) continue;
        char *from = mem_printf("%s%s", stale->path[i], slash);
        if (store_exists(lake->store, from)) {
            rc = store_make_dirs(lake->store, writer, e);
            if (rc == ERR_OK) rc = store_rename_new(lake->store, from, staging, e);
            if (!*home) *home = mem_strdup(writer);
        }
        mem_free(from);
    }
    mem_free(writer);
    mem_free(mark);
    return rc;
}

static enum err drop_stale(struct lake *lake, const struct stale *stale, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < stale->count; i++) {
        log_info("dropping %s, left by a writer that did not come to its end", stale->path[i]);
        rc = store_remove_tree(lake->store, stale->path[i], e);
    }
    return rc;
}

static void free_stale(struct stale *stale)
{
    for (size_t i = 0; i < stale->count; i++) {
        store_unlock(&stale->lock[i]);
        mem_free(stale->path[i]);
    }
    mem_free(stale->path);
    mem_free(stale->lock);
}

enum err lake_recover(struct lake *lake, struct error *e)
{
    struct store_lock *lock = NULL;
    struct stale stale = {0};
    char *home = NULL;
    bool moved;
    enum err rc = ERR_OK;
    TRY(lake_fault("lake.recover.begin", e));
    TRY(lock_redo(lake, &lock, e));
    /* Who is gone first, then what they have committed (it may be more than we knew): else a commit's files that still
     * wait in their staging would be dropped with it. */
    TRY(find_stale(lake, &stale, e));
    TRY(fence(lake, &stale, e));
    TRY(lake_take_new(lake, &moved, e));
    TRY(unfence(lake, &stale, &home, e));
    /* The head was seen, but is it durable? Nothing may be built on it before. */
    TRY(store_sync_dir(lake->store, "log", e));
    TRY(lake_fault("lake.recover.redo", e));
    TRY(redo_locked(lake, e));
    TRY(lake_fault("lake.recover.staging", e));
    TRY(drop_stale(lake, &stale, e));
    if (home) lake_ignore(store_remove(lake->store, home, NULL)); /* unless its writer has woken up in it */
    TRY(make_staging(lake, e));
    lake_checkpoint(lake);
    TRY(lake_fault("lake.recover.end", e));
done:
    free_stale(&stale);
    store_unlock(&lock);
    mem_free(home);
    return rc;
}
