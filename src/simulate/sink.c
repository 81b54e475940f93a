#include "simulate/simulate.h"

#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* ---- null ------------------------------------------------------------------------------------------------------ */

static enum err null_write(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    (void)ctx, (void)batch, (void)encoded, (void)e;
    return ERR_OK;
}

void simulate_sink_null(struct simulate_sink *out) { *out = (struct simulate_sink){.write = null_write}; }

/* ---- a descriptor ---------------------------------------------------------------------------------------------- */

struct fd_sink {
    int fd;
    enum simulate_topic topic;
};

static enum err fd_write(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    struct fd_sink *s = ctx;
    (void)encoded;
    if (s->topic != SIMULATE_TOPICS && s->topic != batch->topic) return ERR_OK;
    return io_write_all(s->fd, batch->bytes, batch->len, "standard output", e);
}

static enum err fd_close(void *ctx, struct error *e)
{
    (void)e;
    mem_free(ctx);
    return ERR_OK;
}

enum err simulate_sink_fd(int fd, enum simulate_topic topic, struct simulate_sink *out, struct error *e)
{
    (void)e;
    struct fd_sink *s = mem_alloc(sizeof *s);
    *s = (struct fd_sink){fd, topic};
    *out = (struct simulate_sink){.ctx = s, .write = fd_write, .close = fd_close};
    return ERR_OK;
}

/* ---- a folder --------------------------------------------------------------------------------------------------- */

struct dir_sink {
    char *dir, *path[SIMULATE_TOPICS]; /* NULL: not a topic of the dialect */
    int fd[SIMULATE_TOPICS];
    struct simulate_position at;
    enum simulate_compress compress;
    /* Idle compressors, shared by the threads that encode. */
    pthread_mutex_t lock;
    struct gzip_writer **gz;
    ZSTD_CCtx **zst;
    size_t gz_count, gz_cap, zst_count, zst_cap;
};

static struct gzip_writer *borrow_gz(struct dir_sink *s)
{
    struct gzip_writer *w = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->gz_count) w = s->gz[--s->gz_count];
    pthread_mutex_unlock(&s->lock);
    return w ? w : gzip_writer_new();
}

static void return_gz(struct dir_sink *s, struct gzip_writer *w)
{
    pthread_mutex_lock(&s->lock);
    mem_grow(&s->gz, &s->gz_cap, s->gz_count + 1, sizeof(struct gzip_writer *));
    s->gz[s->gz_count++] = w;
    pthread_mutex_unlock(&s->lock);
}

static enum err encode_zst(struct dir_sink *s, const struct simulate_batch *b, struct buf *out, struct error *e)
{
    ZSTD_CCtx *z = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->zst_count) z = s->zst[--s->zst_count];
    pthread_mutex_unlock(&s->lock);
    if (!z && !(z = ZSTD_createCCtx())) (void)mem_alloc(SIZE_MAX / 2); /* the out-of-memory handler takes over */
    size_t room = ZSTD_compressBound(b->len);
    size_t n = ZSTD_compressCCtx(z, buf_reserve(out, room), room, b->bytes, b->len, 1);
    pthread_mutex_lock(&s->lock);
    mem_grow(&s->zst, &s->zst_cap, s->zst_count + 1, sizeof(ZSTD_CCtx *));
    s->zst[s->zst_count++] = z;
    pthread_mutex_unlock(&s->lock);
    if (ZSTD_isError(n)) return err_set(e, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(n));
    out->len += n;
    return ERR_OK;
}

static enum err dir_encode(void *ctx, const struct simulate_batch *batch, struct buf *out, struct error *e)
{
    struct dir_sink *s = ctx;
    if (s->compress == SIMULATE_ZST) return encode_zst(s, batch, out, e);
    struct gzip_writer *w = borrow_gz(s);
    gzip_write_member(w, batch->bytes, batch->len, out);
    return_gz(s, w);
    return ERR_OK;
}

static enum err dir_write(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    struct dir_sink *s = ctx;
    int t = batch->topic;
    const char *bytes = encoded ? encoded->ptr : batch->bytes;
    size_t len = encoded ? encoded->len : batch->len;
    if (!s->path[t]) return err_set(e, ERR_INTERNAL, "%s is no topic of this dialect", simulate_topic_name(batch->topic));
    int sys = fault_at("simulate_write");
    if (sys) return err_sys(e, sys, "cannot write %s", s->path[t]);
    enum err rc = io_write_all(s->fd[t], bytes, len, s->path[t], e);
    if (rc) return rc;
    s->at.lines[t] += batch->lines;
    s->at.bytes[t] += len;
    return ERR_OK;
}

static enum err dir_sync(void *ctx, struct simulate_position *position, struct error *e)
{
    struct dir_sink *s = ctx;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        if (!s->path[t]) continue;
        enum err rc = io_sync_fd(s->fd[t], s->path[t], e);
        if (rc) return rc;
    }
    *position = s->at;
    return ERR_OK;
}

static enum err dir_rewind(void *ctx, const struct simulate_position *position, struct error *e)
{
    struct dir_sink *s = ctx;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        if (!s->path[t]) continue;
        off_t have = lseek(s->fd[t], 0, SEEK_END), want = (off_t)position->bytes[t];
        if (have < want) {
            err_set(e, ERR_CORRUPT, "%s has %lld bytes, less than the %lld recorded", s->path[t], (long long)have, (long long)want);
            return err_hint(e, "start again in another folder");
        }
        if (ftruncate(s->fd[t], want) || lseek(s->fd[t], want, SEEK_SET) < 0)
            return err_sys(e, errno, "cannot cut %s", s->path[t]);
    }
    s->at = *position;
    return ERR_OK;
}

static enum err dir_close(void *ctx, struct error *e)
{
    struct dir_sink *s = ctx;
    enum err rc = ERR_OK;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        if (s->fd[t] >= 0 && close(s->fd[t]) && !rc) rc = err_sys(e, errno, "cannot close %s", s->path[t]);
        mem_free(s->path[t]);
    }
    for (size_t i = 0; i < s->gz_count; i++) gzip_writer_free(&s->gz[i]);
    for (size_t i = 0; i < s->zst_count; i++) ZSTD_freeCCtx(s->zst[i]);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->gz);
    mem_free(s->zst);
    mem_free(s->dir);
    mem_free(s);
    return rc;
}

enum err simulate_sink_dir(const char *dir, enum simulate_dialect dialect, enum simulate_compress compress, bool resume,
                           struct simulate_sink *out, struct error *e)
{
    static const char *const ENDING[] = {"", ".gz", ".zst"};
    enum err rc = ERR_OK;
    struct dir_sink *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->dir = mem_strdup(dir);
    s->compress = compress;
    for (int t = 0; t < SIMULATE_TOPICS; t++) s->fd[t] = -1;
    TRY(io_make_dirs(dir, e));
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        if ((t == SIMULATE_STREAM) != (dialect == SIMULATE_INTERANA)) continue;
        s->path[t] = mem_printf("%s/%s.json%s", dir, simulate_topic_name((enum simulate_topic)t), ENDING[compress]);
        s->fd[t] = open(s->path[t], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (s->fd[t] < 0) TRY(err_sys(e, errno, "cannot write %s", s->path[t]));
        if (flock(s->fd[t], LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
            TRY(err_set(e, ERR_BUSY, "another simulation writes %s", s->path[t]));
    }
    for (int t = 0; t < SIMULATE_TOPICS && !resume; t++) {
        struct stat st;
        if (s->fd[t] < 0 || fstat(s->fd[t], &st) || !S_ISREG(st.st_mode)) continue;
        if (ftruncate(s->fd[t], 0)) TRY(err_sys(e, errno, "cannot empty %s", s->path[t]));
    }
    *out = (struct simulate_sink){.ctx = s,
                                  .encode = compress == SIMULATE_PLAIN ? NULL : dir_encode,
                                  .write = dir_write,
                                  .sync = dir_sync,
                                  .rewind = dir_rewind,
                                  .close = dir_close};
    s = NULL;
done:
    if (s) (void)!dir_close(s, NULL);
    return rc;
}
