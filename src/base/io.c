#include "base/io.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err io_read_some(int fd, void *p, size_t len, size_t *got, const char *path, struct error *e)
{
    ssize_t n;
    do n = read(fd, p, len);
    while (n < 0 && errno == EINTR);
    if (n < 0) return err_sys(e, errno, "cannot read %s", path);
    *got = (size_t)n;
    return ERR_OK;
}

enum err io_read_file(const char *path, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t from = out->len, got = 1;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
        close(fd);
        return err_sys(e, EISDIR, "cannot read %s", path);
    }
    if (!fstat(fd, &st) && st.st_size > 0) buf_reserve(out, (size_t)st.st_size + 1);
    while (got) {
        char *to = buf_reserve(out, 65536);
        TRY(io_read_some(fd, to, out->cap - out->len - 1, &got, path, e));
        out->len += got;
    }
    out->ptr[out->len] = '\0';
done:
    if (rc != ERR_OK) out->len = from;
    close(fd);
    return rc;
}

enum err io_write_all(int fd, const void *p, size_t len, const char *path, struct error *e)
{
    const char *at = p;
    while (len) {
        int injected = fault_at("io.write");
        ssize_t n = injected ? -1 : write(fd, at, len);
        if (n < 0) {
            if (injected) errno = injected;
            if (errno == EINTR) continue;
            return err_sys(e, errno, "cannot write %s", path);
        }
        at += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

enum err io_pwrite_all(int fd, const void *p, size_t len, off_t at, const char *path, struct error *e)
{
    const char *from = p;
    while (len) {
        int injected = fault_at("io.write");
        ssize_t n = injected ? -1 : pwrite(fd, from, len, at);
        if (n < 0) {
            if (injected) errno = injected;
            if (errno == EINTR) continue;
            return err_sys(e, errno, "cannot write %s", path);
        }
        from += n;
        at += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

enum err io_sync_fd(int fd, const char *path, struct error *e)
{
    int injected = fault_at("io.fsync");
    if (injected) errno = injected;
    if (injected || fsync(fd)) return err_sys(e, errno, "cannot fsync %s", path);
    return ERR_OK;
}

enum err io_sync_dir(const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open folder %s", path);
    enum err rc = io_sync_fd(fd, path, e);
    close(fd);
    return rc;
}

enum err io_make_dirs(const char *path, struct error *e)
{
    char *copy = mem_strdup(path);
    enum err rc = ERR_OK;
    for (char *p = copy + 1; rc == ERR_OK; p++) {
        if (*p != '/' && *p != '\0') continue;
        char was = *p;
        *p = '\0';
        struct stat st;
        if (mkdir(copy, 0777) && errno != EEXIST) rc = err_sys(e, errno, "cannot make folder %s", copy);
        else if (!stat(copy, &st) && !S_ISDIR(st.st_mode)) rc = err_sys(e, ENOTDIR, "cannot make folder %s", copy);
        *p = was;
        if (!was) break;
    }
    mem_free(copy);
    return rc;
}

enum err io_write_file(const char *path, const void *p, size_t len, bool durable, struct error *e)
{
    enum err rc = ERR_OK;
    char *temp = mem_printf("%s.tmp.%ld", path, (long)getpid());
    char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
    if (slash) *(slash == folder ? slash + 1 : slash) = '\0';
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = err_sys(e, errno, "cannot create %s", temp);
        goto done;
    }
    TRY(io_write_all(fd, p, len, temp, e));
    if (durable) TRY(io_sync_fd(fd, temp, e));
    if (rename(temp, path)) TRY(err_sys(e, errno, "cannot rename %s to %s", temp, path));
    if (durable) TRY(io_sync_dir(slash ? folder : ".", e));
done:
    if (fd >= 0) close(fd);
    if (rc != ERR_OK && fd >= 0) unlink(temp);
    mem_free(temp);
    mem_free(folder);
    return rc;
}

bool io_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st);
}

bool io_is_dir(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

char *io_path(const char *a, const char *b)
{
    size_t n = strlen(a);
    return mem_printf("%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void names_add(struct io_names *names, size_t *cap, char *name)
{
    mem_grow(&names->name, cap, names->count + 1, sizeof *names->name);
    names->name[names->count++] = name;
}

enum err io_list_dir(const char *path, struct io_names *out, struct error *e)
{
    size_t cap = 0;
    memset(out, 0, sizeof *out);
    DIR *d = opendir(path);
    if (!d) return err_sys(e, errno, "cannot list folder %s", path);
    for (struct dirent *entry; (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) names_add(out, &cap, mem_strdup(entry->d_name));
    closedir(d);
    if (out->count) qsort(out->name, out->count, sizeof *out->name, by_bytes);
    return ERR_OK;
}

void io_names_free(struct io_names *names)
{
    for (size_t i = 0; i < names->count; i++) mem_free(names->name[i]);
    mem_free(names->name);
    memset(names, 0, sizeof *names);
}

static enum err walk(const char *root, const char *below, struct io_names *out, size_t *cap, struct error *e)
{
    struct io_names here = {0};
    char *folder = *below ? io_path(root, below) : mem_strdup(root);
    enum err rc = io_list_dir(folder, &here, e);
    for (size_t i = 0; rc == ERR_OK && i < here.count; i++) {
        char *rel = *below ? io_path(below, here.name[i]) : mem_strdup(here.name[i]);
        char *full = io_path(root, rel);
        struct stat st;
        if (stat(full, &st) == 0 && S_ISDIR(st.st_mode)) rc = walk(root, rel, out, cap, e);
        else if (S_ISREG(st.st_mode)) names_add(out, cap, mem_strdup(rel));
        mem_free(full);
        mem_free(rel);
    }
    io_names_free(&here);
    mem_free(folder);
    return rc;
}

enum err io_walk(const char *path, struct io_names *out, struct error *e)
{
    size_t cap = 0;
    memset(out, 0, sizeof *out);
    enum err rc = walk(path, "", out, &cap, e);
    if (rc != ERR_OK) io_names_free(out);
    else if (out->count) qsort(out->name, out->count, sizeof *out->name, by_bytes);
    return rc;
}

enum err io_remove_tree(const char *path, struct error *e)
{
    struct stat st;
    if (lstat(path, &st)) return errno == ENOENT ? ERR_OK : err_sys(e, errno, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode)) return unlink(path) ? err_sys(e, errno, "cannot remove %s", path) : ERR_OK;
    struct io_names here = {0};
    enum err rc = io_list_dir(path, &here, e);
    for (size_t i = 0; rc == ERR_OK && i < here.count; i++) {
        char *full = io_path(path, here.name[i]);
        rc = io_remove_tree(full, e);
        mem_free(full);
    }
    io_names_free(&here);
    if (rc == ERR_OK && rmdir(path)) rc = err_sys(e, errno, "cannot remove folder %s", path);
    return rc;
}

/* LAKEFM_FAULT is read once. Each rule counts its own passings. */
struct fault_rule {
    char name[64];
    long nth, seen;
    int sys; /* 0: kill */
};
static struct fault_rule fault_rules[16];
static size_t fault_count;
static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

static void fault_parse(void)
{
    const char *spec = getenv("LAKEFM_FAULT");
    if (!spec) return;
    char *copy = mem_strdup(spec), *save = NULL;
    for (char *one = strtok_r(copy, ",", &save); one && fault_count < 16; one = strtok_r(NULL, ",", &save)) {
        struct fault_rule *r = &fault_rules[fault_count++];
        char *how = strchr(one, '='), *nth = strchr(one, ':');
        if (how) *how++ = '\0';
        if (nth) *nth++ = '\0';
        snprintf(r->name, sizeof r->name, "%s", one);
        r->nth = nth ? strtol(nth, NULL, 10) : 1;
        r->sys = !how || !strcmp(how, "kill") ? 0 : !strcmp(how, "enospc") ? ENOSPC : EIO;
    }
    mem_free(copy);
}

int fault_at(const char *name)
{
    pthread_once(&fault_once, fault_parse);
    if (!fault_count) return 0;
    int out = 0;
    pthread_mutex_lock(&fault_lock);
    for (size_t i = 0; i < fault_count; i++) {
        struct fault_rule *r = &fault_rules[i];
        if (strcmp(r->name, name) || ++r->seen != r->nth) continue;
        if (!r->sys) kill(getpid(), SIGKILL);
        out = r->sys;
    }
    pthread_mutex_unlock(&fault_lock);
    return out;
}
