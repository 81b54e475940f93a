/* Locks on HDFS, made of renamed folders: the NameNode alone decides, no DataNode is needed.
 *
 *   <lock>/00000007/pid=…,host=…,…,beat=3     the exclusive holder: the highest number has the lock
 *   <lock>/00000007/free                      … or had it
 *   <lock>/s-<random>/pid=…                   a shared holder
 *   <lock>/new-<random>/pid=…                 somebody about to try
 *
 * To take it is to rename one's own new-… to the next number, refused if that exists: of two exactly one gets it. A number
 * is never given up, only marked free, so a latecomer's lower number never wins. The holder shows that it lives by
 * renaming its child (beat=3 → beat=4), which sets the folder's time by the NameNode's clock. A holder not heard of for
 * its lease is taken for dead; at once, when it is a process of this machine that is gone.
 *
 * A holder that slept through its lease may wake up. So this lock only keeps writers out of each other's way; what makes
 * a lake safe is that a commit's rename is refused when its number is taken, and that a dead writer's staging is moved
 * away before it is judged (lake/redo.c). */
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/hdfs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct hdfs_lock {
    struct store_lock base;
    char *folder, *info; /* "log/writer.lock/00000007"; info without the beat */
    unsigned beat;
    bool shared, lost;
    struct hdfs_lock *next;
};

static uint64_t random64(void)
{
    uint64_t r = 0;
    if (getrandom(&r, sizeof r, 0) != sizeof r) r = clock_mono_ns();
    return r;
}

/* ---- who holds it ---- */

static void first_word(const char *path, char *out, size_t size, size_t most)
{
    struct buf text = {0};
    if (io_read_file(path, &text, NULL) == ERR_OK && text.len) snprintf(out, size, "%.*s", (int)(text.len < most ? strcspn(text.ptr, "\n") < most ? strcspn(text.ptr, "\n") : most : text.len), text.ptr);
    buf_reset(&text);
}

/* When the process began, in ticks since the boot (field 22 of stat; the name in it may hold anything). 0: no such one. */
static long long start_of(long pid)
{
    char path[64];
    long long start = 0;
    struct buf text = {0};
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (io_read_file(path, &text, NULL) == ERR_OK && text.len) {
        char *at = strrchr(text.ptr, ')');
        for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
        if (at) start = strtoll(at, NULL, 10);
    }
    buf_reset(&text);
    return start;
}

/* What tells one machine's (and one container's) processes from another's. */
static void place_of(char *out, size_t size)
{
    char boot[40] = "?", space[64] = "?";
    first_word("/proc/sys/kernel/random/boot_id", boot, sizeof boot, 8);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1); /* "pid:[4026531836]" */
    if (n > 0) space[n] = '\0';
    char *digits = strchr(space, '[');
    if (digits) digits[strcspn(digits, "]")] = '\0';
    snprintf(out, size, "%s.%s", boot, digits ? digits + 1 : "0");
}

static char *own_info(const struct hdfs *h)
{
    char host[65] = "?", place[128];
    struct tm t;
    time_t now = time(NULL);
    if (gethostname(host, sizeof host - 1)) snprintf(host, sizeof host, "?");
    host[sizeof host - 1] = '\0';
    for (char *p = host; *p; p++)
        if (strchr(",=/:", *p)) *p = '_';
    place_of(place, sizeof place);
    gmtime_r(&now, &t);
    return mem_printf("pid=%ld,host=%s,since=%04d%02d%02dT%02d%02d%02dZ,place=%s,start=%lld,lease=%lld,id=%016llx", (long)getpid(),
                      host, t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, place, start_of(getpid()),
                      (long long)h->lease_ms, (unsigned long long)random64());
}

/* The value of "key=" in "a=1,b=2"; "" when there is none. */
static void value_of(const char *info, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);
    snprintf(out, size, "%s", "");
    for (const char *p = info; p; p = strchr(p, ',')) {
        if (*p == ',') p++;
        if (!strncmp(p, key, n) && p[n] == '=') snprintf(out, size, "%.*s", (int)strcspn(p + n + 1, ","), p + n + 1);
    }
}

static int64_t number_in(const char *info, const char *key)
{
    char text[32];
    int64_t v = 0;
    value_of(info, key, text, sizeof text);
    return str_i64(text, &v) ? v : 0;
}

static bool is_gone(const char *info)
{
    char place[128], theirs[128];
    long pid = (long)number_in(info, "pid");
    place_of(place, sizeof place);
    value_of(info, "place", theirs, sizeof theirs);
    return pid > 0 && !strcmp(place, theirs) && start_of(pid) != number_in(info, "start");
}

/* The child of a holder's folder; NULL: free, or no holder. Heap. */
static enum err holder_of(struct hdfs *h, const char *folder, char **info, struct error *e)
{
    struct hdfs_entries in;
    *info = NULL;
    enum err rc = hdfs_list(h, folder, &in, e);
    if (rc == ERR_OK && in.count == 1 && strcmp(in.entry[0].name, "free")) *info = mem_strdup(in.entry[0].name);
    hdfs_entries_free(&in);
    return rc;
}

/* Does the holder of this folder live? Then *info is its text (heap). */
static enum err is_held(struct hdfs *h, const char *lock, const struct hdfs_entry *x, bool *held, char **info, struct error *e)
{
    char *folder = mem_printf("%s/%s", lock, x->name);
    enum err rc = holder_of(h, folder, info, e);
    *held = rc == ERR_OK && *info;
    if (*held) {
        int64_t lease = number_in(*info, "lease");
        if (hdfs_now_ms(h) - x->mtime_ms > (lease ? lease : h->lease_ms) + 1000 || is_gone(*info)) *held = false;
    }
    if (!*held) {
        mem_free(*info);
        *info = NULL;
    }
    mem_free(folder);
    return rc;
}

static bool number_of(const char *name, uint64_t *number)
{
    if (strlen(name) < 8 || strspn(name, "0123456789") != strlen(name)) return false;
    *number = strtoull(name, NULL, 10);
    return true;
}

struct seen {
    uint64_t highest; /* 0: none yet */
    bool exclusive, shared;
    char *info; /* of a holder */
};

/* What a listing says: who has the lock. own: the shared holder that we are (left out), or NULL. */
static enum err look(struct hdfs *h, const char *lock, const char *own, bool clean, struct seen *seen, struct error *e)
{
    struct hdfs_entries in;
    uint64_t n;
    enum err rc = hdfs_list(h, lock, &in, e);
    *seen = (struct seen){0};
    const struct hdfs_entry *top = NULL;
    for (size_t i = 0; i < in.count; i++)
        if (number_of(in.entry[i].name, &n) && n > seen->highest) seen->highest = n, top = &in.entry[i];
    if (rc == ERR_OK && top) rc = is_held(h, lock, top, &seen->exclusive, &seen->info, e);
    for (size_t i = 0; rc == ERR_OK && i < in.count; i++) {
        const struct hdfs_entry *x = &in.entry[i];
        bool held = false, old = number_of(x->name, &n) ? n < seen->highest : false;
        char *info = NULL;
        if (str_starts(x->name, "s-") && (!own || strcmp(own, x->name))) {
            rc = is_held(h, lock, x, &held, &info, e);
            old = !held;
            if (held) seen->shared = true;
            if (held && !seen->info) seen->info = info, info = NULL;
        } else if (str_starts(x->name, "new-")) {
            old = hdfs_now_ms(h) - x->mtime_ms > 600000;
        }
        if (rc == ERR_OK && clean && old) {
            char *path = mem_printf("%s/%s", lock, x->name);
            if (hdfs_delete(h, path, true, NULL) != ERR_OK) log_debug("%s stays for now", path);
            mem_free(path);
        }
        mem_free(info);
    }
    hdfs_entries_free(&in);
    return rc;
}

/* ---- taking ---- */

static enum err busy(struct hdfs *h, const char *lock, const struct seen *seen, struct error *e)
{
    char pid[32] = "?", host[80] = "?", since[32] = "?";
    if (seen->info) {
        value_of(seen->info, "pid", pid, sizeof pid);
        value_of(seen->info, "host", host, sizeof host);
        value_of(seen->info, "since", since, sizeof since);
    }
    err_set(e, ERR_BUSY, "another writer holds %s (pid=%s host=%s since=%s%s)", h->base.url, pid, host, since,
            seen->shared && !seen->exclusive ? " and perhaps others, shared" : "");
    err_where(e, "%s/%s", h->base.url, lock);
    err_hint(e, "wait for it to end, or stop it; one that was killed on another machine counts as gone after %lld s",
             (long long)(h->lease_ms / 1000));
    return ERR_BUSY;
}

static void hold(struct hdfs *h, struct hdfs_lock *l);

/* One try. ERR_BUSY: somebody has it (seen); ERR_MORE: somebody was faster, look again. */
static enum err take_exclusive(struct hdfs *h, const char *lock, struct hdfs_lock *l, struct seen *seen, struct error *e)
{
    struct seen after = {0};
    enum err rc = ERR_OK;
    char *fresh = mem_printf("%s/new-%016llx", lock, (unsigned long long)random64()), *child = NULL, *other = NULL;
    TRY(look(h, lock, NULL, false, seen, e));
    if (seen->exclusive || seen->shared) TRY(ERR_BUSY);
    child = mem_printf("%s/%s,beat=0", fresh, l->info);
    l->folder = mem_printf("%s/%08llu", lock, (unsigned long long)seen->highest + 1);
    TRY(hdfs_mkdirs(h, child, e));
    rc = hdfs_rename(h, fresh, l->folder, false, e);
    if (rc == ERR_NOT_FOUND) { /* the answer was lost, perhaps: is it ours? */
        rc = holder_of(h, l->folder, &other, e);
        if (rc == ERR_OK && (!other || !str_starts(other, l->info))) rc = ERR_MORE;
    }
    if (rc == ERR_EXISTS) {
        if (hdfs_delete(h, fresh, true, NULL) != ERR_OK) log_debug("%s stays for now", fresh);
        rc = ERR_MORE;
    }
    if (rc != ERR_OK) goto done;
    rc = look(h, lock, NULL, true, &after, e);
    uint64_t mine = seen->highest + 1;
    if (rc == ERR_OK && after.highest > mine) rc = ERR_MORE;
    else if (rc == ERR_OK && after.shared) rc = ERR_BUSY;
    if (rc != ERR_OK) {
        char *from = mem_printf("%s/%s,beat=0", l->folder, l->info), *to = mem_printf("%s/free", l->folder);
        if (hdfs_rename(h, from, to, false, NULL) != ERR_OK) log_debug("%s stays for now", l->folder);
        mem_free(from);
        mem_free(to);
        mem_free(seen->info);
        *seen = after;
        after.info = NULL;
    }
done:
    mem_free(after.info);
    mem_free(other);
    mem_free(child);
    mem_free(fresh);
    return rc;
}

static enum err take_shared(struct hdfs *h, const char *lock, struct hdfs_lock *l, struct seen *seen, struct error *e)
{
    enum err rc = look(h, lock, NULL, false, seen, e);
    char *name = mem_printf("s-%016llx", (unsigned long long)random64()), *child = NULL;
    if (rc == ERR_OK && seen->exclusive) rc = ERR_BUSY;
    if (rc != ERR_OK) goto done;
    l->folder = mem_printf("%s/%s", lock, name);
    child = mem_printf("%s/%s,beat=0", l->folder, l->info);
    TRY(hdfs_mkdirs(h, child, e));
    mem_free(seen->info);
    rc = look(h, lock, name, false, seen, e);
    if (rc == ERR_OK && seen->exclusive) rc = ERR_BUSY;
    if (rc != ERR_OK && hdfs_delete(h, l->folder, true, NULL) != ERR_OK) log_debug("%s stays for now", l->folder);
done:
    mem_free(child);
    mem_free(name);
    return rc;
}

static void free_lock(struct hdfs_lock *l)
{
    mem_free(l->folder);
    mem_free(l->info);
    mem_free(l);
}

enum err hdfs_lock_take(struct store *s, const char *path, enum store_lock_mode mode, bool wait, struct store_lock **out,
                        struct error *e)
{
    struct hdfs *h = hdfs_of(s);
    int64_t pause_ms = 50;
    for (;;) {
        struct seen seen = {0};
        struct hdfs_lock *l = mem_zalloc(sizeof *l);
        l->base.store = s;
        l->shared = mode == STORE_LOCK_SHARED;
        l->info = own_info(h);
        struct error why = {0};
        enum err rc = l->shared ? take_shared(h, path, l, &seen, &why) : take_exclusive(h, path, l, &seen, &why);
        if (rc == ERR_OK) {
            mem_free(seen.info);
            hold(h, l);
            *out = &l->base;
            return ERR_OK;
        }
        free_lock(l);
        if (rc == ERR_BUSY) rc = busy(h, path, &seen, &why);
        bool again = rc == ERR_MORE || (rc == ERR_BUSY && wait);
        mem_free(seen.info);
        if (!again || (h->stop && *h->stop)) {
            if (rc == ERR_MORE) rc = err_set(&why, ERR_STOPPED, "interrupted");
            if (e) *e = why;
            return rc;
        }
        struct timespec t = {.tv_sec = 0, .tv_nsec = (long)((pause_ms / 2 + (int64_t)(random64() % (uint64_t)pause_ms)) * 1000000)};
        nanosleep(&t, NULL);
        if (pause_ms < 500) pause_ms *= 2;
    }
}

/* ---- keeping ---- */

/* Holds the mutex. */
static void beat_once(struct hdfs *h, struct hdfs_lock *l)
{
    char *from = mem_printf("%s/%s,beat=%u", l->folder, l->info, l->beat), *now = NULL;
    char *to = mem_printf("%s/%s,beat=%u", l->folder, l->info, l->beat + 1);
    struct error e = {0};
    enum err rc = hdfs_rename(h, from, to, false, &e);
    if (rc == ERR_OK) {
        l->beat++;
    } else if (rc == ERR_NOT_FOUND && holder_of(h, l->folder, &now, NULL) == ERR_OK) {
        if (now && str_starts(now, l->info)) {
            l->beat = (unsigned)number_in(now, "beat");
        } else {
            l->lost = true;
            log_warn("the lock %s was taken over: we were not heard of for %lld s", l->folder, (long long)(h->lease_ms / 1000));
        }
    }
    mem_free(now);
    mem_free(from);
    mem_free(to);
}

static void *beat(void *arg)
{
    struct hdfs *h = arg;
    struct hdfs_beats *b = &h->beats;
    pthread_mutex_lock(&b->mutex);
    while (!b->leaving) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        int64_t ns = until.tv_nsec + h->lease_ms / 4 % 1000 * 1000000;
        until.tv_sec += h->lease_ms / 4000 + ns / 1000000000;
        until.tv_nsec = (long)(ns % 1000000000);
        if (pthread_cond_timedwait(&b->changed, &b->mutex, &until) != ETIMEDOUT) continue;
        for (struct hdfs_lock *l = b->first; l && !b->leaving; l = l->next)
            if (!l->lost) beat_once(h, l);
    }
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

static void hold(struct hdfs *h, struct hdfs_lock *l)
{
    struct hdfs_beats *b = &h->beats;
    pthread_mutex_lock(&b->mutex);
    l->next = b->first;
    b->first = l;
    if (!b->running) b->running = !pthread_create(&b->thread, NULL, beat, h);
    pthread_mutex_unlock(&b->mutex);
}

void hdfs_lock_give(struct store_lock *lock)
{
    struct hdfs_lock *l = (struct hdfs_lock *)lock, **at;
    struct hdfs *h = hdfs_of(lock->store);
    struct hdfs_beats *b = &h->beats;
    pthread_mutex_lock(&b->mutex);
    for (at = &b->first; *at != l;) at = &(*at)->next;
    *at = l->next;
    pthread_mutex_unlock(&b->mutex);
    char *from = mem_printf("%s/%s,beat=%u", l->folder, l->info, l->beat), *to = mem_printf("%s/free", l->folder);
    enum err rc = l->lost ? ERR_OK : l->shared ? hdfs_delete(h, l->folder, true, NULL) : hdfs_rename(h, from, to, false, NULL);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND) log_debug("%s is left to run out", l->folder);
    mem_free(from);
    mem_free(to);
    free_lock(l);
}

void hdfs_beats_open(struct hdfs_beats *b)
{
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->changed, NULL);
}

void hdfs_beats_close(struct hdfs *h)
{
    struct hdfs_beats *b = &h->beats;
    pthread_mutex_lock(&b->mutex);
    b->leaving = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
    if (b->running) pthread_join(b->thread, NULL);
    pthread_mutex_destroy(&b->mutex);
    pthread_cond_destroy(&b->changed);
}
