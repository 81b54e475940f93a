#include "lake/lake.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/internal.h"

#include <string.h>
#include <sys/random.h>

static const char *const skeleton[] = {"bronze", "gold", "log", "quarantine", "silver", "staging", "state"};
enum { SKELETON = sizeof skeleton / sizeof *skeleton };

static bool in_skeleton(const char *name)
{
    for (size_t i = 0; i < SKELETON; i++)
        if (!strcmp(name, skeleton[i])) return true;
    return false;
}

enum err lake_fault(const char *point, struct error *e)
{
    int sys = fault_at(point);
    return sys ? err_sys(e, sys, "at %s", point) : ERR_OK;
}

static enum err make_entry_zero(struct store *s, struct lake_entry *entry, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0}, path = {0};
    uint64_t id[2];
    char *staged = NULL;
    if (getrandom(id, sizeof id, 0) != sizeof id) return err_set(e, ERR_IO, "no random numbers");
    entry->lake = (struct hash128){id[0], id[1]};
    entry->writer = "init";
    entry->kind = LAKE_INIT;
    entry->time_ms = clock_now_ms();
    staged = mem_printf("staging/init-%016llx.json", (unsigned long long)id[0]);
    TRY(lake_entry_write(entry, &text, e));
    lake_path_entry(&path, 0);
    TRY(lake_fault("lake.init.entry", e));
    TRY(store_put(s, staged, text.ptr, text.len, e));
    rc = lake_fault("lake.init.rename", e);
    if (rc == ERR_OK) rc = store_rename_new(s, staged, path.ptr, e);
    if (rc != ERR_OK) {
        lake_ignore(store_remove(s, staged, NULL));
        goto done;
    }
    TRY(lake_fault("lake.init.sync", e));
    TRY(store_sync_dir(s, "log", e));
done:
    buf_reset(&text);
    buf_reset(&path);
    mem_free(staged);
    return rc;
}

/* Only what a lake_init that did not come to its end may have left. */
static enum err folder_is_free(struct store *s, bool *is_free, char **stranger, struct error *e)
{
    struct store_items top, below;
    enum err rc = store_list(s, "", &top, e);
    *is_free = true;
    *stranger = NULL;
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; *is_free && i < top.count; i++) {
        *is_free = top.item[i].is_dir && in_skeleton(top.item[i].path);
        if (!*is_free) *stranger = mem_strdup(top.item[i].path);
    }
    if (*is_free) {
        TRY(store_walk(s, "", &below, e));
        for (size_t i = 0; *is_free && i < below.count; i++) {
            const char *path = below.item[i].path;
            *is_free = str_starts(path, "staging/init-") || !strcmp(path, LAKE_LOCK);
            if (!*is_free) *stranger = mem_strdup(path);
        }
        store_items_free(&below);
    }
done:
    store_items_free(&top);
    return rc;
}

enum err lake_init(const char *url, struct error *e)
{
    struct store *s;
    struct lake_entry entry = {0};
    bool is_free;
    char *stranger = NULL;
    enum err rc = store_open(url, STORE_CREATE, &s, e);
    if (rc != ERR_OK) return rc;
    if (lake_log_has(s, 0)) TRY(err_set(e, ERR_EXISTS, "%s is a lake already", url));
    TRY(folder_is_free(s, &is_free, &stranger, e));
    if (!is_free) {
        rc = err_set(e, ERR_USAGE, "%s is not empty (it holds %s): no lake is made there", url, stranger);
        err_hint(e, "name an empty or a new folder");
        goto done;
    }
    TRY(lake_fault("lake.init.dirs", e));
    for (size_t i = 0; i < SKELETON; i++) TRY(store_make_dirs(s, skeleton[i], e));
    TRY(make_entry_zero(s, &entry, e));
done:
    if (rc == ERR_EXISTS) err_set(e, ERR_EXISTS, "%s is a lake already", url);
    mem_free(stranger);
    store_close(&s);
    return rc;
}

/* What is there instead of a lake. */
static enum err no_lake(struct store *s, struct error *e)
{
    struct store_items log;
    bool is_free;
    char *stranger = NULL;
    enum err rc = store_list(s, "log", &log, e);
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; i < log.count; i++)
        if (str_ends(log.item[i].path, ".json")) {
            rc = err_set(e, ERR_CORRUPT, "the log of %s has lost its first entry", store_url(s));
            err_where(e, "log/%020d.json", 0);
            err_hint(e, "restore it from a backup; nothing was changed");
            goto done;
        }
    TRY(folder_is_free(s, &is_free, &stranger, e));
    if (is_free) {
        rc = err_set(e, ERR_NOT_FOUND, "there is no lake in %s", store_url(s));
        err_hint(e, "lakefm --lake %s ingest FILE... makes one", store_url(s));
    } else {
        rc = err_set(e, ERR_INPUT, "%s is not a lake: it has no log, but holds %s", store_url(s), stranger);
        err_hint(e, "name the folder that holds bronze, silver, gold and log");
    }
done:
    mem_free(stranger);
    store_items_free(&log);
    return rc;
}

static enum err take_lock(struct lake *lake, struct error *e)
{
    enum store_lock_mode how = lake->mode == LAKE_WRITER ? STORE_LOCK_EXCLUSIVE : STORE_LOCK_SHARED;
    return lake->mode == LAKE_READER ? ERR_OK : store_lock(lake->store, LAKE_LOCK, how, false, &lake->lock, e);
}

enum err lake_open_store(struct store *s, enum lake_mode mode, struct lake **out, struct error *e)
{
    enum err rc = ERR_OK;
    *out = NULL;
    struct lake *lake = mem_zalloc(sizeof *lake);
    lake->store = s;
    lake->mode = mode;
    pthread_mutex_init(&lake->reload, NULL);
    pthread_rwlock_init(&lake->guard, NULL);
    pthread_mutex_init(&lake->turn.mutex, NULL);
    pthread_cond_init(&lake->turn.moved, NULL);
    if (!lake_log_has(s, 0)) TRY(no_lake(s, e));
    TRY(take_lock(lake, e));
    TRY(lake_load(lake, e));
    if (mode != LAKE_READER) TRY(lake_recover(lake, e));
    *out = lake;
    return ERR_OK;
done:
    lake_close(&lake);
    return rc;
}

enum err lake_open(const char *url, enum lake_mode mode, struct lake **out, struct error *e)
{
    struct store *s;
    enum err rc = store_open(url, 0, &s, e);
    *out = NULL;
    if (rc == ERR_NOT_FOUND) err_hint(e, "lakefm --lake %s ingest FILE... makes a lake there", url);
    return rc == ERR_OK ? lake_open_store(s, mode, out, e) : rc;
}

enum err lake_open_or_init(const char *url, enum lake_mode mode, struct lake **out, struct error *e)
{
    enum err rc = lake_open(url, mode, out, e);
    if (rc != ERR_NOT_FOUND) return rc;
    rc = lake_init(url, e);
    if (rc != ERR_OK && rc != ERR_EXISTS) return rc; /* exists: another process was faster */
    return lake_open(url, mode, out, e);
}

void lake_close(struct lake **lake)
{
    struct lake *l = *lake;
    if (!l) return;
    /* A writer that has failed leaves its staging for recovery to judge. */
    if (l->staging && !l->unfinished && !l->failed) lake_ignore(store_remove_tree(l->store, l->staging, NULL));
    store_unlock(&l->staging_lock);
    store_unlock(&l->lock);
    state_reset(&l->state);
    lake_entry_reset(&l->last);
    pthread_mutex_destroy(&l->reload);
    pthread_rwlock_destroy(&l->guard);
    pthread_mutex_destroy(&l->turn.mutex);
    pthread_cond_destroy(&l->turn.moved);
    mem_free(l->writer);
    mem_free(l->staging);
    store_close(&l->store);
    mem_free(l);
    *lake = NULL;
}

const char *lake_url(const struct lake *lake) { return store_url(lake->store); }
struct store *lake_store(const struct lake *lake) { return lake->store; }
struct hash128 lake_id(const struct lake *lake) { return lake->state.lake; }
enum lake_mode lake_mode_of(const struct lake *lake) { return lake->mode; }
uint64_t lake_epoch(const struct lake *lake) { return lake->epoch; }

/* On a remote lake: in the folder of this machine's copies, by the lake's identity. */
static char *remote_state_path(struct lake *lake, const char *name)
{
    char id[HASH_HEX_SIZE], *cache = store_cache_folder(store_url(lake->store));
    char *local = cache ? mem_printf("%s/state/%s/%s", cache, hash_hex(lake->state.lake, id), name) : NULL;
    if (local) {
        char *slash = strrchr(local, '/');
        *slash = '\0';
        lake_ignore(io_make_dirs(local, NULL));
        *slash = '/';
    }
    mem_free(cache);
    return local;
}

char *lake_state_path(struct lake *lake, const char *name)
{
    if (!store_is_local(lake->store)) return remote_state_path(lake, name);
    char *path = mem_printf("state/%s", name), *local = store_local_path(lake->store, path);
    if (local && lake->mode != LAKE_READER) {
        char *slash = strrchr(path, '/');
        *slash = '\0';
        lake_ignore(store_make_dirs(lake->store, path, NULL)); /* if it fails, opening the file says why */
    }
    mem_free(path);
    return local;
}
