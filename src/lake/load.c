#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "lake/checkpoint.h"
#include "lake/internal.h"

#include <string.h>

static enum err about_entry(uint64_t number, enum err rc, struct error *e)
{
    if (!e) return rc;
    char hint[sizeof e->hint];
    memcpy(hint, e->hint, sizeof hint);
    if (rc == ERR_CORRUPT) {
        err_context(e, "commit %llu is damaged: ", (unsigned long long)number);
        err_hint(e, "restore it from a backup; nothing was changed");
    } else if (*hint) {
        err_hint(e, "%s", hint);
    }
    err_where(e, "log/%020llu.json", (unsigned long long)number);
    return rc;
}

bool lake_log_has(struct store *s, uint64_t number)
{
    struct buf path = {0};
    lake_path_entry(&path, number);
    bool has = store_exists(s, path.ptr);
    buf_reset(&path);
    return has;
}

enum err lake_log_read(struct store *s, uint64_t number, struct lake_entry *out, struct error *e)
{
    struct buf path = {0}, text = {0};
    memset(out, 0, sizeof *out);
    lake_path_entry(&path, number);
    enum err rc = store_read(s, path.ptr, &text, e);
    if (rc == ERR_OK) {
        rc = lake_entry_parse(text.len ? text.ptr : "", text.len, number, out, e);
        if (rc != ERR_OK) {
            about_entry(number, rc, e);
            lake_entry_reset(out);
        }
    }
    buf_reset(&path);
    buf_reset(&text);
    return rc;
}

enum err lake_entry_read(struct lake *lake, uint64_t number, struct lake_entry *out, struct error *e)
{
    return lake_log_read(lake->store, number, out, e);
}

enum err lake_take_in(struct lake *lake, struct lake_entry *entry, struct error *e)
{
    pthread_rwlock_wrlock(&lake->guard);
    enum err rc = state_apply(&lake->state, entry, e);
    if (rc == ERR_OK) {
        lake_entry_reset(&lake->last);
        lake->last = *entry;
        memset(entry, 0, sizeof *entry);
    }
    pthread_rwlock_unlock(&lake->guard);
    if (rc != ERR_OK) {
        about_entry(entry->number, rc, e);
        lake_entry_reset(entry);
    }
    return rc;
}

/* "<20 digits><suffix>" */
static bool numbered(const char *name, const char *suffix, uint64_t *number)
{
    uint64_t v = 0;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        v = v * 10 + (uint64_t)(name[i] - '0');
    }
    *number = v;
    return !strcmp(name + 20, suffix);
}

enum err lake_log_head(struct store *s, uint64_t *head, struct error *e)
{
    struct store_items items;
    uint64_t expected = 0, number;
    enum err rc = store_list(s, "log", &items, e);
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; i < items.count; i++) {
        if (!numbered(items.item[i].path, ".json", &number)) continue;
        if (number != expected) {
            rc = err_set(e, ERR_CORRUPT, "commit %llu is missing, but later ones are there", (unsigned long long)expected);
            err_where(e, "log/%020llu.json", (unsigned long long)expected);
            err_hint(e, "restore it from a backup; nothing was changed");
            break;
        }
        expected++;
    }
    *head = expected ? expected - 1 : 0;
    store_items_free(&items);
    return rc;
}

/* A checkpoint counts when it is whole and the log agrees; else opening falls back to an older one or to the log alone. */
static bool use_checkpoint(struct lake *lake, uint64_t number)
{
    struct buf path = {0}, text = {0};
    struct error e;
    struct lake_entry entry = {0};
    checkpoint_path(&path, number);
    enum err rc = store_read(lake->store, path.ptr, &text, &e);
    if (rc == ERR_NOT_FOUND) goto done; /* cleared away by the writer since it was listed */
    if (rc == ERR_OK) rc = checkpoint_parse(text.len ? text.ptr : (char[]){""}, text.len, &lake->state, &e);
    if (rc == ERR_OK) rc = lake_log_read(lake->store, number, &entry, &e);
    if (rc == ERR_OK && (lake->state.number != number || !hash_eq(entry.hash, lake->state.hash) ||
                         !hash_eq(entry.lake, lake->state.lake)))
        rc = err_set(&e, ERR_CORRUPT, "it does not belong to this log");
    if (rc == ERR_OK) {
        lake_entry_reset(&lake->last);
        lake->last = entry;
        memset(&entry, 0, sizeof entry);
        lake->checkpoint = lake->saved = number;
    } else {
        log_warn("%s is not used: %s", path.ptr, e.what);
        state_reset(&lake->state);
    }
done:
    lake_entry_reset(&entry);
    buf_reset(&path);
    buf_reset(&text);
    return rc == ERR_OK;
}

enum err lake_load(struct lake *lake, struct error *e)
{
    struct store_items items = {0};
    struct lake_entry entry;
    uint64_t head = 0, number;
    bool found = false;
    enum err rc = lake_log_head(lake->store, &head, e);
    if (rc != ERR_OK) return rc;
    TRY(store_list(lake->store, CHECKPOINT_FOLDER, &items, e));
    for (size_t i = items.count; i-- > 0 && !found;)
        if (numbered(items.item[i].path, ".ckpt", &number) && number <= head) found = use_checkpoint(lake, number);
    for (uint64_t n = found ? lake->state.number + 1 : 0; n <= head; n++) {
        TRY(lake_log_read(lake->store, n, &entry, e));
        TRY(lake_take_in(lake, &entry, e));
    }
done:
    if (rc == ERR_NOT_FOUND) rc = err_set(e, ERR_CORRUPT, "the log of %s changed while it was read", lake_url(lake));
    store_items_free(&items);
    return rc;
}

enum err lake_take_new(struct lake *lake, bool *moved, struct error *e)
{
    struct lake_entry entry;
    enum err rc;
    *moved = false;
    for (;;) {
        rc = lake_log_read(lake->store, lake->state.number + 1, &entry, e);
        if (rc == ERR_OK) rc = lake_take_in(lake, &entry, e);
        if (rc != ERR_OK) break;
        *moved = true;
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err lake_catch_up(struct lake *lake, struct error *e)
{
    bool moved;
    enum err rc = lake_take_new(lake, &moved, e);
    if (rc != ERR_OK || !moved || lake->mode != LAKE_SHARED_WRITER) return rc;
    /* The other's entry is seen, but he may not have come to make it durable: nothing may be built on it before. */
    rc = store_sync_dir(lake->store, "log", e);
    return rc == ERR_OK ? lake_redo(lake, e) : rc;
}

enum err lake_reload(struct lake *lake, struct error *e)
{
    if (lake->mode == LAKE_WRITER) return ERR_OK; /* nobody else writes */
    enum err rc = ERR_OK;
    if (lake->mode == LAKE_SHARED_WRITER) {
        TRY(lake_turn_take(&lake->turn, e));
        rc = lake_catch_up(lake, e);
        lake_turn_give(&lake->turn);
        return rc;
    }
    pthread_mutex_lock(&lake->reload);
    rc = lake_catch_up(lake, e);
    pthread_mutex_unlock(&lake->reload);
done:
    return rc;
}

/* Keeps the one before, in case that this one turns out damaged. */
static void drop_old_checkpoints(struct lake *lake)
{
    struct store_items items;
    uint64_t number;
    size_t kept = 0;
    if (store_list(lake->store, CHECKPOINT_FOLDER, &items, NULL) != ERR_OK) return;
    for (size_t i = items.count; i-- > 0;) {
        if (numbered(items.item[i].path, ".ckpt", &number) && ++kept <= 2) continue;
        char *path = mem_printf(CHECKPOINT_FOLDER "/%s", items.item[i].path);
        lake_ignore(store_remove(lake->store, path, NULL));
        mem_free(path);
    }
    store_items_free(&items);
}

void lake_checkpoint(struct lake *lake)
{
    struct buf path = {0}, text = {0};
    struct error e;
    char *staged = NULL;
    if (lake->state.number < lake->saved + CHECKPOINT_EVERY) return;
    lake->saved = lake->state.number; /* also when it fails: try again in 64 commits, not at each */
    checkpoint_write(&lake->state, &text);
    checkpoint_path(&path, lake->state.number);
    staged = mem_printf("%s/checkpoint", lake->staging);
    enum err rc = store_make_dirs(lake->store, CHECKPOINT_FOLDER, &e);
    if (rc == ERR_OK) rc = store_remove(lake->store, staged, &e);
    if (rc == ERR_OK) rc = store_put(lake->store, staged, text.ptr, text.len, &e);
    if (rc == ERR_OK) rc = store_rename(lake->store, staged, path.ptr, &e);
    if (rc == ERR_OK) drop_old_checkpoints(lake);
    else log_warn("no checkpoint at commit %llu: %s", (unsigned long long)lake->state.number, e.what);
    mem_free(staged);
    buf_reset(&path);
    buf_reset(&text);
}
