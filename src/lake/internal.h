/* Inside lake/: the handle, and what its files call of each other. */
#ifndef LAKEFM_LAKE_INTERNAL_H
#define LAKEFM_LAKE_INTERNAL_H

#include "lake/batch.h"
#include "lake/state.h"

#include <pthread.h>

#define LAKE_LOCK "log/writer.lock"
#define LAKE_REDO_LOCK "log/redo.lock" /* shared writers: held while a commit's files are moved */

/* Hands out the right to give the next commit number, first come, first served. */
struct lake_turn {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    uint64_t next, serving;
    bool held;
    pthread_t holder;
};
/* ERR_USAGE when this very thread holds it already. */
enum err lake_turn_take(struct lake_turn *t, struct error *e) MUST_CHECK;
void lake_turn_give(struct lake_turn *t);

struct lake {
    struct store *store;
    enum lake_mode mode;
    uint64_t checkpoint; /* what opening started from */

    pthread_mutex_t reload; /* readers: one at a time takes new commits in */
    pthread_rwlock_t guard; /* of state and last; writers change them only while they hold the turn */
    struct lake_state state;
    struct lake_entry last; /* the head's entry: its files may still be in staging */
    uint64_t saved;         /* the newest checkpoint */

    /* Writers only, changed by whoever holds the turn. */
    struct lake_turn turn;
    struct store_lock *lock, *staging_lock;
    char *writer, *staging; /* "7-1f2e3d4c", "staging/7-1f2e3d4c" */
    uint64_t epoch;
    atomic_uint_fast64_t sequence; /* of staging folders */
    bool unfinished;               /* the head's files are not all in place */
    bool failed;                   /* no more commits: why */
    struct error failure;
};

/* No more commits from this process. why may be NULL. */
void lake_poison(struct lake *lake, enum err code, const struct error *why);
/* ERR_USAGE: a reader; else why the lake was poisoned. */
enum err lake_may_write(struct lake *lake, struct error *e) MUST_CHECK;

/* For clean-up whose failure changes nothing. */
static inline void lake_ignore(enum err rc) { (void)rc; }

/* lake_open on a store, which becomes the lake's (also on failure: it is closed then). */
enum err lake_open_store(struct store *s, enum lake_mode mode, struct lake **out, struct error *e) MUST_CHECK;

/* fault_at as an error of this step. */
enum err lake_fault(const char *point, struct error *e);

bool lake_log_has(struct store *s, uint64_t number);
/* Reads and verifies log/<number>.json; the message names it. On failure *out is empty. */
enum err lake_log_read(struct store *s, uint64_t number, struct lake_entry *out, struct error *e) MUST_CHECK;
/* The log's highest number. ERR_CORRUPT: a lower one is missing. */
enum err lake_log_head(struct store *s, uint64_t *head, struct error *e) MUST_CHECK;
/* Checkpoint and log into an empty state; last = the head's entry. */
enum err lake_load(struct lake *lake, struct error *e) MUST_CHECK;
/* Applies the next entry to the state and keeps it as `last` (taken over: *entry is empty afterwards, also on failure). */
enum err lake_take_in(struct lake *lake, struct lake_entry *entry, struct error *e) MUST_CHECK;
/* Takes in what other processes have committed. The caller is alone: holds `reload` or the turn. */
enum err lake_take_new(struct lake *lake, bool *moved, struct error *e) MUST_CHECK;
/* And, as a shared writer, finishes the last one's moves. */
enum err lake_catch_up(struct lake *lake, struct error *e) MUST_CHECK;
/* Saves a checkpoint if 64 commits went by since the last one. A failure is only logged. */
void lake_checkpoint(struct lake *lake);

/* Brings the head's files to their final paths and clears its staging; idempotent. Sets or clears lake->unfinished. A
 * shared writer takes the redo lock for it. */
enum err lake_redo(struct lake *lake, struct error *e) MUST_CHECK;
/* As a writer who has just taken the lock: redo, drop stale staging, make one's own. */
enum err lake_recover(struct lake *lake, struct error *e) MUST_CHECK;

void lake_files_add(struct lake_files *out, size_t *cap, struct live_file *f);
void lake_files_sort(struct lake_files *out);

#endif
