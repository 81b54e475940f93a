/* Files of the local system: whole reads and writes that survive EINTR and short counts, durable folders, and the fault
 * points that tests use. Everything outside the lake's own storage (configs, contracts, dbt projects, input files) is
 * read through here; the lake's files go through store/. Thread-safe. */
#ifndef LAKEFM_BASE_IO_H
#define LAKEFM_BASE_IO_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* Appends the whole file to out. */
enum err io_read_file(const char *path, struct buf *out, struct error *e) MUST_CHECK;
/* Replaces path by a temporary file beside it and rename(2); durable (fsync of file and folder) when `durable`. */
enum err io_write_file(const char *path, const void *p, size_t len, bool durable, struct error *e) MUST_CHECK;
/* All len bytes, or an error; retries EINTR and short writes. `path` is for the message only. */
enum err io_write_all(int fd, const void *p, size_t len, const char *path, struct error *e) MUST_CHECK;
enum err io_pwrite_all(int fd, const void *p, size_t len, off_t at, const char *path, struct error *e) MUST_CHECK;
/* Up to len bytes (0 at the end of file). */
enum err io_read_some(int fd, void *p, size_t len, size_t *got, const char *path, struct error *e) MUST_CHECK;
/* mkdir -p, mode 0777 less the umask. */
enum err io_make_dirs(const char *path, struct error *e) MUST_CHECK;
/* fsync; never retried after an error (the kernel may have dropped the pages). */
enum err io_sync_fd(int fd, const char *path, struct error *e) MUST_CHECK;
enum err io_sync_dir(const char *path, struct error *e) MUST_CHECK;
bool io_exists(const char *path);
bool io_is_dir(const char *path);
/* Removes a folder and all in it; a missing one is fine. */
enum err io_remove_tree(const char *path, struct error *e) MUST_CHECK;
/* "a/b"; heap, owned by the caller. */
char *io_path(const char *a, const char *b);

/* Names of the entries of a folder, sorted by bytes, without "." and "..". Heap; free with io_names_free. */
struct io_names {
    char **name;
    size_t count;
};
enum err io_list_dir(const char *path, struct io_names *out, struct error *e) MUST_CHECK;
void io_names_free(struct io_names *names);
/* All regular files below a folder, as paths relative to it, sorted by bytes. */
enum err io_walk(const char *path, struct io_names *out, struct error *e) MUST_CHECK;

/* A named point where tests inject a fault: LAKEFM_FAULT="name[:n][=kill|=enospc|=eio],…" (n-th passing, 1 by default;
 * kill by default: SIGKILL to this process). Returns 0, or the errno to behave as if the call had failed with.
 * Costs one load when the variable is not set. */
int fault_at(const char *name);

#endif
