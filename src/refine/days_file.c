#include "refine/days_file.h"

#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct head {
    char magic[8];
    struct hash128 lake;
    int64_t day;
};
struct segment {
    uint64_t count, through, total, hash;
};
enum { STEP = 4096 }; /* entries written or read at a time */
static const char magic[8] = {'L', 'F', 'K', 'E', 'Y', 'S', '0', '1'};

static void hash_start(struct hasher *h, const struct segment *s) { hasher_add(h, s, offsetof(struct segment, hash)); }

static enum err write_entries(int fd, const char *path, const struct keyset *set, struct hasher *h, struct error *e)
{
    struct keyset_entry *out = mem_array(STEP, sizeof *out);
    size_t at = 0, n = 0;
    const struct keyset_entry *entry;
    enum err rc = ERR_OK;
    do {
        entry = keyset_next(set, &at);
        if (entry) out[n++] = *entry;
        if (n == STEP || (!entry && n)) {
            hasher_add(h, out, n * sizeof *out);
            TRY(io_write_all(fd, out, n * sizeof *out, path, e));
            n = 0;
        }
    } while (entry);
done:
    mem_free(out);
    return rc;
}

enum err days_file_write(const char *path, struct hash128 lake, int64_t day, const struct keyset *set, uint64_t through,
                         uint64_t *bytes, struct error *e)
{
    struct head head = {.lake = lake, .day = day};
    struct segment s = {.count = set->count, .through = through, .total = set->count};
    struct hasher *h = hasher_new();
    char *temp = mem_printf("%s.tmp", path);
    int fd = -1;
    enum err rc = ERR_OK;

    memcpy(head.magic, magic, sizeof magic);
    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = err_sys(e, errno, "cannot write %s", temp);
        goto done;
    }
    TRY(io_write_all(fd, &head, sizeof head, temp, e));
    TRY(io_write_all(fd, &s, sizeof s, temp, e));
    hash_start(h, &s);
    TRY(write_entries(fd, temp, set, h, e));
    s.hash = hasher_sum(h).lo;
    TRY(io_pwrite_all(fd, &s, sizeof s, sizeof head, temp, e));
    if (rename(temp, path) != 0) rc = err_sys(e, errno, "cannot rename %s", temp);
    *bytes = sizeof head + sizeof s + set->count * sizeof *set->slots;
done:
    if (fd >= 0) close(fd);
    if (rc != ERR_OK) unlink(temp);
    hasher_free(&h);
    mem_free(temp);
    return rc;
}

enum err days_file_append(const char *path, uint64_t at, const struct keyset_entry *entries, size_t count, uint64_t through,
                          uint64_t total, uint64_t *bytes, struct error *e)
{
    struct segment s = {.count = count, .through = through, .total = total};
    struct hasher *h = hasher_new();
    struct stat st;
    enum err rc = ERR_OK;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        rc = err_sys(e, errno, "cannot write %s", path);
        goto done;
    }
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != at) {
        rc = err_set(e, ERR_CORRUPT, "%s is not as it was left", path);
        goto done;
    }
    hash_start(h, &s);
    hasher_add(h, entries, count * sizeof *entries);
    s.hash = hasher_sum(h).lo;
    TRY(io_pwrite_all(fd, &s, sizeof s, (off_t)at, path, e));
    TRY(io_pwrite_all(fd, entries, count * sizeof *entries, (off_t)(at + sizeof s), path, e));
    *bytes = at + sizeof s + count * sizeof *entries;
done:
    if (fd >= 0) close(fd);
    hasher_free(&h);
    return rc;
}

/* Exactly len bytes; false at the end of the file. */
static bool read_exactly(int fd, void *to, size_t len)
{
    size_t got = 0, some = 0;
    while (got < len) {
        if (io_read_some(fd, (char *)to + got, len - got, &some, "", NULL) != ERR_OK || !some) return false;
        got += some;
    }
    return true;
}

static bool read_head(int fd, struct hash128 lake, int64_t day)
{
    struct head head;
    return read_exactly(fd, &head, sizeof head) && !memcmp(head.magic, magic, sizeof magic) && hash_eq(head.lake, lake) &&
           head.day == day;
}

/* The entries of one segment; false, with nothing added, unless it is whole. */
static bool read_segment(int fd, const struct segment *s, uint64_t left, struct keyset *set)
{
    if (s->count > left / sizeof(struct keyset_entry)) return false;
    struct keyset_entry *in = mem_array(s->count + 1, sizeof *in);
    struct hasher *h = hasher_new();
    bool ok = read_exactly(fd, in, s->count * sizeof *in);
    hash_start(h, s);
    hasher_add(h, in, s->count * sizeof *in);
    ok = ok && hasher_sum(h).lo == s->hash && s->total == set->count + s->count;
    for (size_t i = 0; ok && i < s->count; i++) ok = in[i].payload != 0;
    if (ok) keyset_reserve(set, set->count + s->count);
    for (size_t i = 0; ok && i < s->count; i++) keyset_add_entry(set, in[i]);
    hasher_free(&h);
    mem_free(in);
    return ok;
}

enum err days_file_read(const char *path, struct hash128 lake, int64_t day, struct keyset *set, struct days_file *out,
                        struct error *e)
{
    struct stat st;
    struct segment s;
    enum err rc = ERR_OK;
    *out = (struct days_file){.bytes = sizeof(struct head)};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    if (fstat(fd, &st) != 0 || !read_head(fd, lake, day)) {
        rc = err_set(e, ERR_CORRUPT, "%s holds no keys of this lake and day", path);
        goto done;
    }
    while (out->bytes + sizeof s <= (uint64_t)st.st_size) {
        if (!read_exactly(fd, &s, sizeof s)) break;
        if (!read_segment(fd, &s, (uint64_t)st.st_size - out->bytes - sizeof s, set)) break;
        out->bytes += sizeof s + s.count * sizeof *set->slots;
        out->through = s.through;
    }
    out->whole = out->bytes == (uint64_t)st.st_size;
done:
    close(fd);
    return rc;
}

bool days_file_claims(const char *path, struct hash128 lake, int64_t day, int64_t rows, uint64_t through)
{
    struct segment s = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = fstat(fd, &st) == 0 && read_head(fd, lake, day);
    off_t at = sizeof(struct head);
    while (ok && at < st.st_size) {
        ok = pread(fd, &s, sizeof s, at) == (ssize_t)sizeof s &&
             s.count <= (uint64_t)(st.st_size - at) / sizeof(struct keyset_entry);
        at += (off_t)(sizeof s + s.count * sizeof(struct keyset_entry));
    }
    close(fd);
    return ok && at == st.st_size && (int64_t)s.total == rows && s.through >= through;
}
