#include "refine/replay.h"

#include "base/gzip.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "refine/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };
static const size_t MEMBER_MOST = (size_t)1 << 30;

struct input {
    const struct contract *contract;
    struct lake_files live; /* keeps the file's description */
    uint64_t batch;
    uint64_t begin, end; /* its bytes in the live file: after compaction it is a stretch of a greater one */
    struct refine_span *spans;
    size_t span_count;
    /* while open */
    char *path;
    int fd;
    uint32_t users; /* the reader and the pieces not loaded yet */
};

/* Memory of a piece, reused. */
struct slot {
    struct buf raw, packed;
    struct gzip_inflater *inflater;
    struct input *input;
    uint64_t at, member_bytes, raw_bytes; /* 0 member_bytes: raw is filled already */
    struct slot *next;
};

struct replay {
    struct lake *lake;
    const struct schema_set *contracts;
    struct input **input;
    size_t count, cap;
    int64_t bytes;
    size_t open; /* index of the file being read */
    bool begun;
    uint64_t at;
    struct gzip_stream *stream; /* of a file that is not ours */
    struct buf rest;
    pthread_mutex_t lock; /* of the free slots and the users of inputs */
    struct slot *free;
};

struct replay *replay_new(struct lake *lake, const struct schema_set *contracts)
{
    struct replay *r = mem_zalloc(sizeof *r);
    r->lake = lake;
    r->contracts = contracts;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void replay_free(struct replay **replay)
{
    struct replay *r = *replay;
    if (!r) return;
    for (size_t i = 0; i < r->count; i++) {
        lake_files_free(&r->input[i]->live);
        mem_free(r->input[i]->spans);
        mem_free(r->input[i]->path);
        if (r->input[i]->fd >= 0) close(r->input[i]->fd);
        mem_free(r->input[i]);
    }
    mem_free(r->input);
    gzip_stream_free(&r->stream);
    buf_reset(&r->rest);
    for (struct slot *s = r->free, *next; s; s = next) {
        next = s->next;
        buf_reset(&s->raw);
        buf_reset(&s->packed);
        gzip_inflater_free(&s->inflater);
        mem_free(s);
    }
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
    *replay = NULL;
}

int64_t replay_bytes(const struct replay *replay) { return replay->bytes; }
size_t replay_files(const struct replay *replay) { return replay->count; }

static void take_spans(struct input *in, const struct lake_entry *entry, const struct lake_added *added)
{
    in->span_count = added->span_count;
    in->spans = mem_array(added->span_count + 1, sizeof *in->spans);
    for (size_t i = 0; i < added->span_count; i++) {
        const struct lake_span *s = &added->spans[i];
        int32_t partition = s->source < entry->source_count ? entry->sources[s->source].partition : -1;
        in->spans[i] = (struct refine_span){partition, s->first, s->count};
    }
}

/* ---- bronze that was compacted: its bytes are a stretch of whole members of another file ---- */

static enum err hash_range(int fd, uint64_t from, uint64_t bytes, struct hash128 *out, struct error *e)
{
    struct hasher *h = hasher_new();
    char *block = mem_alloc(BLOCK);
    enum err rc = ERR_OK;
    for (uint64_t at = 0; at < bytes;) {
        size_t want = bytes - at < BLOCK ? (size_t)(bytes - at) : BLOCK;
        ssize_t n = pread(fd, block, want, (off_t)(from + at));
        if (n <= 0) {
            rc = err_sys(e, n < 0 ? errno : EIO, "cannot read bronze");
            goto done;
        }
        hasher_add(h, block, (size_t)n);
        at += (uint64_t)n;
    }
    *out = hasher_sum(h);
done:
    hasher_free(&h);
    mem_free(block);
    return rc;
}

/* Where members begin, the end of the file included. Heap. */
static uint64_t *boundaries(int fd, uint64_t bytes, size_t *count)
{
    uint64_t *list = NULL;
    size_t n = 0, cap = 0;
    for (uint64_t at = 0;;) {
        char head[GZIP_MEMBER_HEADER];
        uint64_t member = 0, raw = 0;
        mem_grow(&list, &cap, n + 1, sizeof *list);
        list[n++] = at;
        if (at >= bytes || pread(fd, head, sizeof head, (off_t)at) != (ssize_t)sizeof head ||
            gzip_member_sizes(head, sizeof head, &member, &raw) != ERR_OK)
            break;
        at += member;
    }
    *count = n;
    return list;
}

static bool find_stretch(int fd, const struct lake_file *merged, const struct lake_file *lost, uint64_t *begin)
{
    size_t count = 0;
    uint64_t *at = boundaries(fd, (uint64_t)merged->bytes, &count);
    bool found = false;
    for (size_t i = 0, k = 0; i < count && !found; i++) {
        uint64_t end = at[i] + (uint64_t)lost->bytes;
        while (k < count && at[k] < end) k++;
        if (k == count || at[k] != end) continue;
        struct hash128 hash;
        found = hash_range(fd, at[i], (uint64_t)lost->bytes, &hash, NULL) == ERR_OK && hash_eq(hash, lost->hash);
        *begin = at[i];
    }
    mem_free(at);
    return found;
}

/* The live file that has swallowed `lost`; in->begin says where. */
static bool find_merged(struct replay *r, const struct lake_file *lost, struct input *in)
{
    struct lake_files files = {0};
    bool found = false;
    lake_files(r->lake, &(struct lake_filter){.layers = 1u << LAKE_BRONZE, .table = lost->table, .by_date = true,
                                              .from_date = lost->date, .to_date = lost->date}, &files);
    for (size_t i = 0; i < files.count && !found; i++) {
        const struct lake_file *f = files.file[i];
        char *path = NULL;
        if (f->bytes < lost->bytes || f->min_batch > lost->commit || f->max_batch < lost->commit) continue;
        int fd = lake_file_path(r->lake, f, &path, NULL) == ERR_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        found = fd >= 0 && find_stretch(fd, f, lost, &in->begin) && lake_file_find(r->lake, f->path, &in->live);
        if (fd >= 0) close(fd);
        mem_free(path);
    }
    lake_files_free(&files);
    return found;
}

enum err replay_add(struct replay *r, uint64_t commit, uint64_t batch,
                    bool (*only)(void *ctx, const struct contract *contract), void *ctx, struct error *e)
{
    struct lake_entry entry;
    enum err rc = lake_entry_read(r->lake, commit, &entry, e);
    for (size_t i = 0; rc == ERR_OK && i < entry.added_count; i++) {
        const struct lake_file *file = &entry.added[i].file;
        const struct contract *contract = NULL;
        if (file->layer != LAKE_BRONZE) continue;
        TRY(schema_set_need(r->contracts, file->table, &contract, e));
        if (only && !only(ctx, contract)) continue;
        struct input *in = mem_zalloc(sizeof *in);
        in->fd = -1;
        in->contract = contract;
        in->batch = batch;
        mem_grow(&r->input, &r->cap, r->count + 1, sizeof *r->input);
        r->input[r->count++] = in;
        if (!lake_file_find(r->lake, file->path, &in->live) && !find_merged(r, file, in)) {
            rc = err_set(e, ERR_NOT_FOUND, "bronze of commit %llu is gone: %s", (unsigned long long)commit, file->path);
            goto done;
        }
        in->end = in->begin + (uint64_t)file->bytes;
        take_spans(in, &entry, &entry.added[i]);
        r->bytes += file->bytes;
    }
done:
    lake_entry_reset(&entry);
    return rc;
}

/* ---- pieces ---- */

static struct slot *slot_take(struct replay *r)
{
    pthread_mutex_lock(&r->lock);
    struct slot *s = r->free;
    if (s) r->free = s->next;
    pthread_mutex_unlock(&r->lock);
    return s ? s : mem_zalloc(sizeof *s);
}

static void input_leave(struct replay *r, struct input *in)
{
    pthread_mutex_lock(&r->lock);
    if (!--in->users) {
        close(in->fd);
        in->fd = -1;
    }
    pthread_mutex_unlock(&r->lock);
}

static enum err open_input(struct replay *r, struct input *in, struct error *e)
{
    enum err rc;
    mem_free(in->path);
    in->path = NULL;
    TRY(lake_file_path(r->lake, in->live.file[0], &in->path, e));
    in->fd = open(in->path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) return err_sys(e, errno, "cannot open %s", in->path);
    in->users = 1;
    r->at = in->begin;
    r->begun = true;
done:
    return rc;
}

static void close_input(struct replay *r)
{
    input_leave(r, r->input[r->open]);
    gzip_stream_free(&r->stream);
    buf_clear(&r->rest);
    r->begun = false;
    r->open++;
}

/* The member at r->at. ERR_MORE: the file ends here. */
static enum err member_at(struct replay *r, struct input *in, struct slot *s, struct error *e)
{
    char head[GZIP_MEMBER_HEADER];
    if (r->at >= in->end) return ERR_MORE;
    ssize_t got = pread(in->fd, head, sizeof head, (off_t)r->at);
    if (got < 0) return err_sys(e, errno, "cannot read %s", in->path);
    if (!got) return ERR_MORE;
    enum err rc = gzip_member_sizes(head, (size_t)got, &s->member_bytes, &s->raw_bytes);
    if (rc == ERR_MORE) return err_set(e, ERR_CORRUPT, "%s ends in the middle of a gzip member", in->path);
    if (rc != ERR_OK) return rc;
    if (s->raw_bytes > MEMBER_MOST || s->member_bytes > MEMBER_MOST)
        return err_set(e, ERR_CORRUPT, "%s has a gzip member of %llu bytes", in->path, (unsigned long long)s->raw_bytes);
    s->at = r->at;
    r->at += s->member_bytes;
    return ERR_OK;
}

/* The next whole lines of a foreign file. ERR_MORE: its end. */
static enum err lines_of_stream(struct replay *r, struct input *in, struct slot *s, struct error *e)
{
    enum err rc;
    if (!r->stream) {
        int fd = open(in->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return err_sys(e, errno, "cannot open %s", in->path);
        if (lseek(fd, (off_t)r->at, SEEK_SET) < 0) {
            close(fd);
            return err_sys(e, errno, "cannot read %s", in->path);
        }
        TRY(gzip_stream_open(fd, in->path, &r->stream, e));
    }
    s->member_bytes = 0;
    buf_clear(&s->raw);
    buf_add(&s->raw, r->rest.ptr, r->rest.len);
    buf_clear(&r->rest);
    for (;;) {
        size_t got = 0;
        char *to = buf_reserve(&s->raw, BLOCK);
        TRY(gzip_stream_read(r->stream, to, BLOCK, &got, e));
        s->raw.len += got;
        if (!got) return s->raw.len ? ERR_OK : ERR_MORE;
        const char *newline = memrchr(to, '\n', got);
        if (!newline || s->raw.len < BLOCK) continue;
        size_t whole = (size_t)(newline + 1 - s->raw.ptr);
        buf_add(&r->rest, s->raw.ptr + whole, s->raw.len - whole);
        s->raw.len = whole;
        return ERR_OK;
    }
done:
    return rc;
}

static enum err next(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct replay *r = ctx;
    struct slot *s = slot_take(r);
    struct input *in = NULL;
    bool first = false;
    enum err rc = ERR_MORE;
    while (rc == ERR_MORE && r->open < r->count) {
        in = r->input[r->open];
        if (!r->begun) {
            TRY(open_input(r, in, e));
            first = true;
        }
        rc = r->stream ? ERR_UNSUPPORTED : member_at(r, in, s, e);
        if (rc == ERR_UNSUPPORTED) rc = lines_of_stream(r, in, s, e);
        if (rc == ERR_MORE) close_input(r);
    }
    if (rc != ERR_OK) goto done;
    pthread_mutex_lock(&r->lock);
    in->users++;
    pthread_mutex_unlock(&r->lock);
    s->input = in;
    *piece = (struct refine_piece){.contract = in->contract, .line = first ? 0 : REFINE_FOLLOWS, .spans = in->spans,
                                   .span_count = in->span_count, .batch = in->batch,
                                   .arrival_day = in->live.file[0]->date, .origin = in->live.file[0]->path, .cookie = s};
    s = NULL;
done:
    if (s) {
        pthread_mutex_lock(&r->lock);
        s->next = r->free;
        r->free = s;
        pthread_mutex_unlock(&r->lock);
    }
    return rc;
}

static enum err read_member(struct slot *s, struct error *e)
{
    struct input *in = s->input;
    size_t got = 0;
    buf_clear(&s->packed);
    buf_reserve(&s->packed, s->member_bytes);
    while (got < s->member_bytes) {
        ssize_t n = pread(in->fd, s->packed.ptr + got, s->member_bytes - got, (off_t)(s->at + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_sys(e, errno, "cannot read %s", in->path);
        if (!n) return err_set(e, ERR_CORRUPT, "%s ends in the middle of a gzip member", in->path);
        got += (size_t)n;
    }
    s->packed.len = got;
    return ERR_OK;
}

static enum err load(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct slot *s = piece->cookie;
    enum err rc = ERR_OK;
    (void)ctx;
    if (s->member_bytes) {
        TRY(read_member(s, e));
        if (!s->inflater) s->inflater = gzip_inflater_new();
        buf_clear(&s->raw);
        buf_reserve(&s->raw, s->raw_bytes + DECODE_PAD);
        TRY(gzip_inflate_member(s->inflater, s->packed.ptr, s->packed.len, s->raw.ptr, s->raw_bytes, e));
        s->raw.len = s->raw_bytes;
    } else {
        buf_reserve(&s->raw, DECODE_PAD);
    }
    memset(s->raw.ptr + s->raw.len, 0, DECODE_PAD);
    piece->ptr = s->raw.ptr;
    piece->len = s->raw.len;
done:
    if (rc != ERR_OK) err_where(e, "%s", s->input->path);
    return rc;
}

static void give_back(void *ctx, struct refine_piece *piece)
{
    struct replay *r = ctx;
    struct slot *s = piece->cookie;
    input_leave(r, s->input);
    pthread_mutex_lock(&r->lock);
    s->next = r->free;
    r->free = s;
    pthread_mutex_unlock(&r->lock);
}

void replay_source(struct replay *r, struct refine_source *out)
{
    r->open = 0;
    *out = (struct refine_source){.ctx = r, .next = next, .load = load, .free = give_back};
}
