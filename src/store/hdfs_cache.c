/* <folder>/files/<hash>-<bytes><ending>   copies of the store's files, by content: verified when they came, never changed
 * <folder>/run/<pid>-<random>/             one open store: its lock, files being written or fetched, and pins
 *
 * A pin is a hard link: a copy with more than one name is in use by some process and is not evicted. A session whose lock
 * is free belongs to a process that is gone; whoever comes by clears it away. Copies go by their last use, the oldest
 * first, when the folder grows beyond its bound. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/hdfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strchr(slash ? slash : path, '.');
    return dot && strlen(dot) < 32 ? dot : "";
}

static char *copy_name(const char *path, uint64_t bytes, struct hash128 hash)
{
    char hex[HASH_HEX_SIZE];
    return mem_printf("%s-%llu%s", hash_hex(hash, hex), (unsigned long long)bytes, ending_of(path));
}

/* ---- sessions ---- */

static void clear_dead_sessions(const char *run)
{
    struct io_names names = {0};
    if (io_list_dir(run, &names, NULL) != ERR_OK) return;
    for (size_t i = 0; i < names.count; i++) {
        char *session = io_path(run, names.name[i]), *lock = io_path(session, "lock");
        struct stat st;
        int fd = open(lock, O_RDWR | O_CLOEXEC);
        /* Without a lock file: being made this very moment, or half removed. */
        bool dead = fd >= 0 ? !flock(fd, LOCK_EX | LOCK_NB) : !stat(session, &st) && time(NULL) - st.st_mtime > 3600;
        if (dead && io_remove_tree(session, NULL) != ERR_OK) log_debug("cannot clear %s", session);
        if (fd >= 0) close(fd);
        mem_free(lock);
        mem_free(session);
    }
    io_names_free(&names);
}

static enum err open_session(struct hdfs_cache *c, const char *run, struct error *e)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint32_t)clock_mono_ns();
    c->session = mem_printf("%s/%ld-%08x", run, (long)getpid(), (unsigned)random);
    char *lock = io_path(c->session, "lock");
    enum err rc = io_make_dirs(c->session, e);
    if (rc == ERR_OK) {
        c->session_lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (c->session_lock < 0 || flock(c->session_lock, LOCK_EX | LOCK_NB)) rc = err_sys(e, errno, "cannot lock %s", lock);
    }
    mem_free(lock);
    return rc;
}

/* XDG's place for caches. */
char *hdfs_cache_usual(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct passwd *user = NULL;
    if (xdg && *xdg == '/') return io_path(xdg, "lakefm");
    if (!home || !*home) {
        user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (home && *home == '/' && !access(home, W_OK)) return io_path(home, ".cache/lakefm");
    return mem_printf("/var/tmp/lakefm-cache-%ld", (long)getuid());
}

enum err hdfs_cache_open(struct hdfs_cache *c, const char *folder, uint64_t most_bytes, struct error *e)
{
    enum err rc = ERR_OK;
    struct stat st;
    char *run = NULL;
    c->most_bytes = most_bytes;
    c->folder = folder ? mem_strdup(folder) : hdfs_cache_usual();
    c->files = io_path(c->folder, "files");
    run = io_path(c->folder, "run");
    TRY(io_make_dirs(c->files, e));
    TRY(io_make_dirs(run, e));
    /* Its content is believed: nobody else may write there. */
    if (stat(c->folder, &st)) TRY(err_sys(e, errno, "cannot look at %s", c->folder));
    if (st.st_uid != geteuid()) TRY(err_set(e, ERR_USAGE, "the cache folder %s belongs to somebody else", c->folder));
    if ((st.st_mode & 022) && chmod(c->folder, 0700)) TRY(err_sys(e, errno, "cannot close %s to others", c->folder));
    clear_dead_sessions(run);
    TRY(open_session(c, run, e));
done:
    if (rc != ERR_OK && e && !e->hint[0]) err_hint(e, "hdfs.cache names another folder for it");
    mem_free(run);
    return rc;
}

char *hdfs_cache_new(struct hdfs_cache *c, const char *path)
{
    return mem_printf("%s/%llu%s", c->session, (unsigned long long)atomic_fetch_add(&c->sequence, 1), ending_of(path));
}

/* ---- eviction ---- */

struct copy {
    char *name;
    int64_t used_ns;
    uint64_t bytes;
    bool pinned;
};

static int by_use(const void *a, const void *b)
{
    const struct copy *x = a, *y = b;
    return x->used_ns < y->used_ns ? -1 : x->used_ns > y->used_ns;
}

/* The oldest go until nine tenths of the bound are left. Holds the mutex. */
static void evict(struct hdfs_cache *c)
{
    struct io_names names = {0};
    uint64_t total = 0;
    if (io_list_dir(c->files, &names, NULL) != ERR_OK) return;
    struct copy *copy = mem_zalloc((names.count + 1) * sizeof *copy);
    for (size_t i = 0; i < names.count; i++) {
        struct stat st;
        char *full = io_path(c->files, names.name[i]);
        if (!stat(full, &st)) {
            copy[i] = (struct copy){names.name[i], (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, (uint64_t)st.st_size, st.st_nlink > 1};
            total += copy[i].bytes;
        }
        mem_free(full);
    }
    qsort(copy, names.count, sizeof *copy, by_use);
    for (size_t i = 0; i < names.count && total > c->most_bytes / 10 * 9; i++) {
        if (!copy[i].name || copy[i].pinned) continue;
        char *full = io_path(c->files, copy[i].name);
        if (!unlink(full)) total -= copy[i].bytes;
        mem_free(full);
    }
    c->bytes = total;
    c->counted = true;
    mem_free(copy);
    io_names_free(&names);
}

void hdfs_cache_close(struct hdfs_cache *c)
{
    if (c->session_lock >= 0 && io_remove_tree(c->session, NULL) != ERR_OK) log_debug("cannot clear %s", c->session);
    if (c->session_lock >= 0) close(c->session_lock);
    if (c->counted) evict(c); /* what we had pinned may go now */
    for (size_t i = 0; i < HDFS_LAST_PINS; i++) mem_free(c->last_pin[i]);
    mem_free(c->session);
    mem_free(c->files);
    mem_free(c->folder);
    pthread_mutex_destroy(&c->mutex);
}

static void grown(struct hdfs_cache *c, uint64_t bytes)
{
    pthread_mutex_lock(&c->mutex);
    c->bytes += bytes;
    if (!c->counted || c->bytes > c->most_bytes) evict(c);
    pthread_mutex_unlock(&c->mutex);
}

/* ---- copies ---- */

static bool pin(struct hdfs_cache *c, const char *full, const char *name)
{
    char *own = io_path(c->session, name);
    bool ok = !link(full, own) || errno == EEXIST;
    /* Evicted between our look and our link? The pin holds the content: give it its name back. */
    if (ok && !io_exists(full)) ok = !link(own, full) || errno == EEXIST;
    mem_free(own);
    return ok;
}

char *hdfs_cache_find(struct hdfs_cache *c, const char *path, uint64_t bytes, struct hash128 hash)
{
    char *name = copy_name(path, bytes, hash), *full = io_path(c->files, name);
    struct stat st;
    bool there = !stat(full, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
    if (there) {
        (void)!utimensat(AT_FDCWD, full, NULL, 0);
        there = pin(c, full, name) || io_exists(full);
    }
    mem_free(name);
    if (there) return full;
    mem_free(full);
    return NULL;
}

/* Takes over the newest pin; gives back the one that is let go for it, or NULL. */
static char *pinned_last(struct hdfs_cache *c, char *own)
{
    pthread_mutex_lock(&c->mutex);
    char **slot = &c->last_pin[c->pins++ % HDFS_LAST_PINS], *before = *slot;
    *slot = own;
    pthread_mutex_unlock(&c->mutex);
    return before;
}

char *hdfs_cache_keep(struct hdfs_cache *c, const char *local, const char *path, uint64_t bytes, struct hash128 hash, bool in_use)
{
    char *name = copy_name(path, bytes, hash), *full = io_path(c->files, name);
    char *own = io_path(c->session, name);
    (void)!utimensat(AT_FDCWD, local, NULL, 0);
    /* The pin comes first: a copy without one may be evicted the moment it has its name. */
    if (link(local, own) && errno == EEXIST) {
        unlink(own);
        (void)!link(local, own);
    }
    if (rename(local, full)) {
        mem_free(full);
        full = mem_strdup(local);
    } else {
        grown(c, bytes);
    }
    if (!in_use) own = pinned_last(c, own);
    if (own && !in_use) unlink(own);
    mem_free(own);
    mem_free(name);
    return full;
}

void hdfs_cache_add(struct hdfs_cache *c, const char *local, const char *path, uint64_t bytes, struct hash128 hash)
{
    char *name = copy_name(path, bytes, hash), *full = io_path(c->files, name);
    if (!link(local, full)) grown(c, bytes);
    mem_free(full);
    mem_free(name);
}
