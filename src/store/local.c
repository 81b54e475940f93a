/* A store in a local folder. Every call works relative to an open handle of that folder, so that the process may change
 * its working directory. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct local {
    struct store base;
    int root;
    char *folder; /* absolute */
};

static struct local *local_of(struct store *s) { return (struct local *)s; }
static const char *or_dot(const char *path) { return *path ? path : "."; }

static enum err failed(struct local *l, int sys, const char *doing, const char *path, struct error *e)
{
    enum err rc = err_sys(e, sys, "cannot %s %s%s%s", doing, l->folder, *path ? "/" : "", path);
    if (sys == ENOSPC || sys == EDQUOT) err_hint(e, "make room on that disk and run the command again");
    return rc;
}

static void local_free(struct store *s)
{
    struct local *l = local_of(s);
    if (l->root >= 0) close(l->root);
    mem_free(l->folder);
    mem_free(l);
}

static char *local_local_path(const struct store *s, const char *path)
{
    const struct local *l = (const struct local *)s;
    return *path ? io_path(l->folder, path) : mem_strdup(l->folder);
}

static enum err local_stat(struct store *s, const char *path, struct store_stat *out, struct error *e)
{
    struct local *l = local_of(s);
    struct stat st;
    if (fstatat(l->root, or_dot(path), &st, 0)) return failed(l, errno, "look at", path, e);
    out->is_dir = S_ISDIR(st.st_mode);
    out->bytes = out->is_dir ? 0 : (uint64_t)st.st_size;
    out->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return ERR_OK;
}

static bool entry_is_dir(DIR *d, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR;
    return !fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/* NULL and ERR_OK when there is no such folder. */
static enum err open_dir(struct local *l, const char *folder, DIR **out, struct error *e)
{
    int fd = openat(l->root, or_dot(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *out = NULL;
    if (fd < 0) return errno == ENOENT ? ERR_OK : failed(l, errno, "list folder", folder, e);
    *out = fdopendir(fd);
    if (!*out) {
        close(fd);
        return failed(l, errno, "list folder", folder, e);
    }
    return ERR_OK;
}

/* One entry that is not "." or ".."; NULL at the end, with errno 0 unless reading failed. */
static struct dirent *next_entry(DIR *d)
{
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(d);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    return entry;
}

static enum err local_list(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    struct local *l = local_of(s);
    size_t cap = 0;
    DIR *d;
    enum err rc = open_dir(l, folder, &d, e);
    if (rc != ERR_OK || !d) return rc;
    for (struct dirent *entry; (entry = next_entry(d));)
        store_items_add(out, &cap, mem_strdup(entry->d_name), entry_is_dir(d, entry), 0);
    if (errno) rc = failed(l, errno, "list folder", folder, e);
    closedir(d);
    store_items_sort(out);
    return rc;
}

static enum err walk_below(struct local *l, const char *top, const char *below, struct store_items *out, size_t *cap,
                           struct error *e)
{
    char *folder = !*below ? mem_strdup(top) : *top ? io_path(top, below) : mem_strdup(below);
    DIR *d;
    enum err rc = open_dir(l, folder, &d, e);
    for (struct dirent *entry; rc == ERR_OK && d && (entry = next_entry(d));) {
        char *path = *below ? io_path(below, entry->d_name) : mem_strdup(entry->d_name);
        struct stat st;
        if (entry_is_dir(d, entry)) {
            rc = walk_below(l, top, path, out, cap, e);
            mem_free(path);
        } else if (!fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            store_items_add(out, cap, path, false, (uint64_t)st.st_size);
        } else {
            mem_free(path); /* gone since it was listed */
        }
        errno = 0;
    }
    if (rc == ERR_OK && d && errno) rc = failed(l, errno, "list folder", folder, e);
    if (d) closedir(d);
    mem_free(folder);
    return rc;
}

static enum err local_walk(struct store *s, const char *folder, struct store_items *out, struct error *e)
{
    size_t cap = 0;
    enum err rc = walk_below(local_of(s), folder, "", out, &cap, e);
    store_items_sort(out);
    return rc;
}

static enum err local_read(struct store *s, const char *path, struct buf *out, struct error *e)
{
    char *full = local_local_path(s, path);
    enum err rc = io_read_file(full, out, e);
    mem_free(full);
    return rc;
}

static enum err local_fetch(struct store *s, const char *path, uint64_t bytes, struct hash128 hash, char **local,
                            struct error *e)
{
    (void)bytes;
    (void)hash;
    struct store_stat st;
    enum err rc = local_stat(s, path, &st, e);
    if (rc == ERR_OK) *local = local_local_path(s, path);
    return rc;
}

static enum err local_create(struct store *s, const char *path, struct store_out *out, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.create");
    out->fd = injected ? -1 : openat(l->root, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->fd < 0) return failed(l, injected ? injected : errno, "create", path, e);
    out->local_path = local_local_path(s, path);
    return ERR_OK;
}

static enum err local_close(struct store *s, struct store_out *out, struct error *e)
{
    struct local *l = local_of(s);
    enum err rc = ERR_OK;
    int injected = fault_at("store.close");
    if (injected) rc = failed(l, injected, "close", out->path, e);
    else if ((injected = fault_at("store.fsync"))) rc = failed(l, injected, "fsync", out->path, e);
    else rc = io_sync_fd(out->fd, out->local_path, e);
    if (close(out->fd) && rc == ERR_OK && errno != EINTR) rc = failed(l, errno, "close", out->path, e);
    out->fd = -1;
    if (rc != ERR_OK) unlinkat(l->root, out->path, 0);
    return rc;
}

static void local_drop(struct store *s, struct store_out *out)
{
    if (out->fd >= 0) close(out->fd);
    unlinkat(local_of(s)->root, out->path, 0);
}

static enum err sync_folder(struct local *l, const char *folder, struct error *e)
{
    int injected = fault_at("store.fsync_dir");
    if (injected) return failed(l, injected, "fsync folder", folder, e);
    int fd = openat(l->root, or_dot(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed(l, errno, "fsync folder", folder, e);
    enum err rc = io_sync_fd(fd, *folder ? folder : l->folder, e);
    close(fd);
    return rc;
}

static enum err local_sync_dir(struct store *s, const char *folder, struct error *e)
{
    return sync_folder(local_of(s), folder, e);
}

/* Folders with names that are not durable yet; owned. */
struct unsynced {
    char **folder;
    size_t count, cap;
};

static void unsynced_add(struct unsynced *u, const char *folder)
{
    for (size_t i = u->count; i--;)
        if (!strcmp(u->folder[i], folder)) return;
    mem_grow(&u->folder, &u->cap, u->count + 1, sizeof *u->folder);
    u->folder[u->count++] = mem_strdup(folder);
}

static enum err make_path(struct local *l, const char *folder, struct unsynced *parents, struct error *e)
{
    enum err rc = ERR_OK;
    struct stat st;
    if (!fstatat(l->root, folder, &st, 0) && S_ISDIR(st.st_mode)) return ERR_OK;
    char *path = mem_strdup(folder), *parent = mem_strdup("");
    for (char *p = path; rc == ERR_OK; p++) {
        if (*p != '/' && *p) continue;
        char was = *p;
        *p = '\0';
        int injected = fault_at("store.mkdir");
        int bad = injected || mkdirat(l->root, path, 0777);
        if (!bad) {
            store_traced(&l->base, STORE_OP_MKDIR, path, NULL);
            unsynced_add(parents, parent);
        } else if (injected || errno != EEXIST) {
            rc = failed(l, injected ? injected : errno, "make folder", path, e);
        } else if (!fstatat(l->root, path, &st, 0) && !S_ISDIR(st.st_mode)) {
            rc = failed(l, ENOTDIR, "make folder", path, e);
        }
        mem_free(parent);
        parent = mem_strdup(path);
        *p = was;
        if (!was) break;
    }
    mem_free(parent);
    mem_free(path);
    return rc;
}

static enum err local_make_folders(struct store *s, const char *const *folder, size_t count, struct error *e)
{
    struct unsynced parents = {0};
    enum err rc = ERR_OK;
    for (size_t i = 0; i < count && rc == ERR_OK; i++) rc = make_path(local_of(s), folder[i], &parents, e);
    for (size_t i = 0; i < parents.count; i++) {
        if (rc == ERR_OK) rc = store_sync_dir(s, parents.folder[i], e);
        mem_free(parents.folder[i]);
    }
    mem_free(parents.folder);
    return rc;
}

static enum err local_make_dirs(struct store *s, const char *folder, struct error *e)
{
    return local_make_folders(s, &folder, 1, e);
}

static bool not_on_this_file_system(int sys) { return sys == EINVAL || sys == ENOSYS || sys == EOPNOTSUPP; }

static enum err local_link(struct store *s, const char *from, const char *to, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.link");
    if (!injected && (s->lacks & STORE_LACKS_LINK)) injected = EOPNOTSUPP;
    if (!injected && !linkat(l->root, from, l->root, to, 0)) return ERR_OK;
    int sys = injected ? injected : errno;
    enum err rc = failed(l, sys, "link", to, e);
    if (not_on_this_file_system(sys) || sys == EPERM || sys == EMLINK) {
        if (e) e->code = ERR_UNSUPPORTED;
        rc = ERR_UNSUPPORTED;
    }
    return rc;
}

static enum err local_rename_new(struct store *s, const char *from, const char *to, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.rename_new");
    if (injected) return failed(l, injected, "rename to", to, e);
    if (!(s->lacks & STORE_LACKS_NOREPLACE)) {
        if (!renameat2(l->root, from, l->root, to, RENAME_NOREPLACE)) return ERR_OK;
        if (!not_on_this_file_system(errno)) return failed(l, errno, "rename to", to, e);
    }
    enum err rc = local_link(s, from, to, e);
    if (rc != ERR_OK) return rc;
    if (unlinkat(l->root, from, 0)) return failed(l, errno, "remove", from, e);
    return ERR_OK;
}

static enum err local_rename(struct store *s, const char *from, const char *to, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.rename");
    if (injected || renameat(l->root, from, l->root, to)) {
        int sys = injected ? injected : errno;
        return failed(l, sys, "rename to", to, e);
    }
    /* rename(2) does nothing when both are names of one file (a crashed link + unlink). */
    if (unlinkat(l->root, from, 0) && errno != ENOENT) return failed(l, errno, "remove", from, e);
    return ERR_OK;
}

static enum err local_exchange(struct store *s, const char *a, const char *b, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.exchange");
    if (!injected && (s->lacks & STORE_LACKS_EXCHANGE)) injected = EINVAL;
    if (!injected && !renameat2(l->root, a, l->root, b, RENAME_EXCHANGE)) return ERR_OK;
    int sys = injected ? injected : errno;
    enum err rc = failed(l, sys, "exchange folder", b, e);
    if (not_on_this_file_system(sys)) {
        if (e) e->code = ERR_UNSUPPORTED;
        rc = ERR_UNSUPPORTED;
    }
    return rc;
}

static enum err local_remove(struct store *s, const char *path, struct error *e)
{
    struct local *l = local_of(s);
    int injected = fault_at("store.remove");
    if (injected) return failed(l, injected, "remove", path, e);
    if (!unlinkat(l->root, path, 0) || errno == ENOENT) return ERR_OK;
    if ((errno == EISDIR || errno == EPERM) && !unlinkat(l->root, path, AT_REMOVEDIR)) return ERR_OK;
    return failed(l, errno, "remove", path, e);
}

static enum err local_remove_tree(struct store *s, const char *path, struct error *e)
{
    int injected = fault_at("store.remove");
    if (injected) return failed(local_of(s), injected, "remove", path, e);
    char *full = local_local_path(s, path);
    enum err rc = io_remove_tree(full, e);
    mem_free(full);
    return rc;
}

static enum err local_space(struct store *s, uint64_t *bytes, struct error *e)
{
    struct local *l = local_of(s);
    struct statvfs v;
    if (fstatvfs(l->root, &v)) return failed(l, errno, "look at the free space of", "", e);
    *bytes = (uint64_t)v.f_bavail * v.f_frsize;
    return ERR_OK;
}

struct local_lock {
    struct store_lock base;
    int fd;
};

static enum err busy(struct local *l, int fd, const char *path, struct error *e)
{
    char holder[160] = "";
    ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
    if (n > 0) holder[strcspn(holder, "\n")] = '\0';
    err_set(e, ERR_BUSY, "another writer holds %s (%s)", l->folder, n > 0 && *holder ? holder : "holder unknown");
    err_where(e, "%s/%s", l->folder, path);
    err_hint(e, "wait for it to end, or stop it");
    return ERR_BUSY;
}

/* The holder's name is for messages only: a failure to write it is no reason to refuse. */
static void lock_sign(int fd, bool shared)
{
    char host[128] = "?", since[CLOCK_ISO_MAX], text[256];
    if (gethostname(host, sizeof host - 1)) snprintf(host, sizeof host, "?");
    int n = snprintf(text, sizeof text, "pid=%ld host=%s since=%s%s\n", (long)getpid(), host,
                     clock_format_iso(clock_now_ms() / 1000 * 1000, since), shared ? " and others, shared" : "");
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) return;
}

static enum err local_lock(struct store *s, const char *path, enum store_lock_mode mode, bool wait,
                           struct store_lock **out, struct error *e)
{
    struct local *l = local_of(s);
    int how = (mode == STORE_LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB), bad;
    int fd = openat(l->root, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return failed(l, errno, "take the lock", path, e);
    do bad = flock(fd, how);
    while (bad && errno == EINTR);
    if (bad) {
        enum err rc = errno == EWOULDBLOCK ? busy(l, fd, path, e) : failed(l, errno, "take the lock", path, e);
        close(fd);
        return rc;
    }
    lock_sign(fd, mode == STORE_LOCK_SHARED);
    struct local_lock *lock = mem_zalloc(sizeof *lock);
    lock->base.store = s;
    lock->fd = fd;
    *out = &lock->base;
    return ERR_OK;
}

static void local_unlock(struct store_lock *base)
{
    struct local_lock *lock = (struct local_lock *)base;
    close(lock->fd);
    mem_free(lock);
}

static const struct store_ops local_ops = {
    .free = local_free,
    .local_path = local_local_path,
    .stat = local_stat,
    .list = local_list,
    .walk = local_walk,
    .read = local_read,
    .fetch = local_fetch,
    .create = local_create,
    .close = local_close,
    .drop = local_drop,
    .make_dirs = local_make_dirs,
    .make_folders = local_make_folders,
    .sync_dir = local_sync_dir,
    .rename_new = local_rename_new,
    .rename = local_rename,
    .exchange = local_exchange,
    .link = local_link,
    .remove = local_remove,
    .remove_tree = local_remove_tree,
    .space = local_space,
    .lock = local_lock,
    .unlock = local_unlock,
};

/* mkdir -p whose new names survive a power loss. */
static enum err make_root(const char *folder, struct error *e)
{
    enum err rc = ERR_OK;
    char *path = mem_strdup(folder);
    for (char *p = path + 1, *slash = NULL; rc == ERR_OK; p++) {
        if (*p != '/' && *p) continue;
        char was = *p;
        *p = '\0';
        if (!mkdir(path, 0777)) {
            if (slash) *slash = '\0';
            rc = io_sync_dir(slash ? path : *path == '/' ? "/" : ".", e);
            if (slash) *slash = '/';
        } else if (errno != EEXIST) {
            rc = err_sys(e, errno, "cannot make folder %s", path);
        }
        *p = was;
        if (!was) break;
        slash = p;
    }
    mem_free(path);
    return rc;
}

enum err store_local_open(const char *folder, const char *url, unsigned flags, struct store **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct stat st;
    if (!*folder) return err_set(e, ERR_USAGE, "no folder in \"%s\"", url);
    if ((flags & STORE_CREATE) && stat(folder, &st)) {
        rc = make_root(folder, e);
        if (rc != ERR_OK) return rc;
    }
    if (stat(folder, &st)) return err_sys(e, errno, "cannot open %s", folder);
    if (!S_ISDIR(st.st_mode)) return err_set(e, ERR_INPUT, "%s is not a folder", folder);
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return err_sys(e, errno, "cannot open %s", folder);
    char *full = realpath(folder, NULL);
    if (!full) {
        rc = err_sys(e, errno, "cannot open %s", folder);
        close(root);
        return rc;
    }
    struct local *l = mem_zalloc(sizeof *l);
    l->base.ops = &local_ops;
    l->base.url = mem_strdup(url);
    l->folder = mem_strdup(full);
    l->root = root;
    free(full);
    *out = &l->base;
    return ERR_OK;
}
