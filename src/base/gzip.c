#include "base/gzip.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* ISA-L is bound at run time: Debian ships no static archive of it, and lakefm must start where it is missing. */
static void (*isal_init)(struct isal_zstream *);
static int (*isal_run)(struct isal_zstream *);
static pthread_once_t isal_once = PTHREAD_ONCE_INIT;

static void isal_bind(void)
{
    void *lib = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!lib) return;
    void *init = dlsym(lib, "isal_deflate_stateless_init"), *run = dlsym(lib, "isal_deflate_stateless");
    if (!init || !run) return;
    memcpy(&isal_init, &init, sizeof init);
    memcpy(&isal_run, &run, sizeof run);
}

struct gzip_writer {
    struct libdeflate_compressor *deflate; /* only without ISA-L, or when it refuses */
    struct isal_zstream *stream;
    uint8_t *level;
};

struct gzip_writer *gzip_writer_new(void)
{
    struct gzip_writer *w = mem_zalloc(sizeof *w);
    pthread_once(&isal_once, isal_bind);
    if (isal_run) {
        w->stream = mem_alloc(sizeof *w->stream);
        w->level = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
    }
    return w;
}

void gzip_writer_free(struct gzip_writer **w)
{
    if (!*w) return;
    if ((*w)->deflate) libdeflate_free_compressor((*w)->deflate);
    mem_free((*w)->stream);
    mem_free((*w)->level);
    mem_free(*w);
    *w = NULL;
}

static void put_u32(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* 0 when ISA-L is absent or found no room. */
static size_t deflate_by_isal(struct gzip_writer *w, const void *raw, size_t len, void *out, size_t room)
{
    if (!w->stream) return 0;
    struct isal_zstream *z = w->stream;
    isal_init(z);
    z->next_in = (uint8_t *)(uintptr_t)raw;
    z->avail_in = (uint32_t)len;
    z->next_out = out;
    z->avail_out = (uint32_t)room;
    z->level = 1;
    z->level_buf = w->level;
    z->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    z->end_of_stream = 1;
    return isal_run(z) == COMP_OK && z->avail_in == 0 ? z->total_out : 0;
}

static size_t deflate_by_libdeflate(struct gzip_writer *w, const void *raw, size_t len, void *out, size_t room)
{
    if (!w->deflate) w->deflate = libdeflate_alloc_compressor(1);
    if (!w->deflate) (void)mem_alloc(SIZE_MAX / 2); /* the out-of-memory handler takes over */
    return libdeflate_deflate_compress(w->deflate, raw, len, out, room);
}

void gzip_write_member(struct gzip_writer *w, const void *raw, size_t len, struct buf *out)
{
    static const unsigned char fixed[16] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 12, 0, 'L', 'F', 8, 0};
    size_t room = len + len / 1000 + 1024;
    unsigned char *head = (unsigned char *)buf_reserve(out, GZIP_MEMBER_HEADER + room + 8), *body = head + GZIP_MEMBER_HEADER;
    size_t n = deflate_by_isal(w, raw, len, body, room);
    if (!n) n = deflate_by_libdeflate(w, raw, len, body, room);
    memcpy(head, fixed, sizeof fixed);
    put_u32(head + 16, GZIP_MEMBER_HEADER + n + 8);
    put_u32(head + 20, len);
    put_u32(body + n, libdeflate_crc32(0, raw, len));
    put_u32(body + n + 4, len);
    out->len += GZIP_MEMBER_HEADER + n + 8;
    out->ptr[out->len] = '\0';
}

/* ---- members of ours ------------------------------------------------------------------------------------------ */

enum err gzip_member_sizes(const void *p, size_t len, uint64_t *member_bytes, uint64_t *raw_bytes)
{
    const unsigned char *h = p;
    if (len < GZIP_MEMBER_HEADER) return ERR_MORE;
    if (h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 || h[3] != 4 || h[10] != 12 || h[11] || h[12] != 'L' || h[13] != 'F' ||
        h[14] != 8 || h[15])
        return ERR_UNSUPPORTED;
    *member_bytes = get_u32(h + 16);
    *raw_bytes = get_u32(h + 20);
    return *member_bytes > GZIP_MEMBER_HEADER + 8 ? ERR_OK : ERR_UNSUPPORTED;
}

struct gzip_inflater {
    struct libdeflate_decompressor *d;
};

struct gzip_inflater *gzip_inflater_new(void)
{
    struct gzip_inflater *g = mem_zalloc(sizeof *g);
    g->d = libdeflate_alloc_decompressor();
    if (!g->d) (void)mem_alloc(SIZE_MAX / 2);
    return g;
}

void gzip_inflater_free(struct gzip_inflater **g)
{
    if (!*g) return;
    libdeflate_free_decompressor((*g)->d);
    mem_free(*g);
    *g = NULL;
}

enum err gzip_inflate_member(struct gzip_inflater *g, const void *p, size_t member_bytes, void *out, size_t raw_bytes,
                             struct error *e)
{
    size_t used = 0, made = 0;
    enum libdeflate_result r = libdeflate_gzip_decompress_ex(g->d, p, member_bytes, out, raw_bytes, &used, &made);
    if (r != LIBDEFLATE_SUCCESS || used != member_bytes || made != raw_bytes)
        return err_set(e, ERR_CORRUPT, "a gzip member does not inflate to the %zu bytes it promises", raw_bytes);
    return ERR_OK;
}

/* ---- any input as a stream --------------------------------------------------------------------------------------- */

enum { STREAM_IN = 256 * 1024 };

struct gzip_stream {
    int fd;
    char *name;
    enum gzip_kind kind;
    unsigned char *in;
    size_t at, len; /* unread input: in[at … len) */
    bool input_ended, between, ended;
    z_stream z;
    ZSTD_DStream *zstd;
    uint64_t raw_bytes;
};

static enum err stream_fill(struct gzip_stream *s, struct error *e)
{
    size_t got = 0;
    if (s->at < s->len || s->input_ended) return ERR_OK;
    enum err rc = io_read_some(s->fd, s->in, STREAM_IN, &got, s->name, e);
    s->at = 0;
    s->len = rc == ERR_OK ? got : 0;
    s->input_ended = got == 0;
    return rc;
}

enum err gzip_stream_open(int fd, const char *name, struct gzip_stream **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct gzip_stream *s = mem_zalloc(sizeof *s);
    s->fd = fd;
    s->name = mem_strdup(name);
    s->in = mem_alloc(STREAM_IN);
    while (s->len < 4) { /* enough for the magic numbers; a pipe may give less at a time */
        size_t got;
        TRY(io_read_some(fd, s->in + s->len, STREAM_IN - s->len, &got, name, e));
        if (!got) break;
        s->len += got;
    }
    if (s->len >= 3 && s->in[0] == 0x1f && s->in[1] == 0x8b && s->in[2] == 8) {
        s->kind = GZIP_GZIP;
        if (inflateInit2(&s->z, 15 + 16) != Z_OK) (void)mem_alloc(SIZE_MAX / 2);
    } else if (s->len >= 4 && get_u32(s->in) == ZSTD_MAGICNUMBER) {
        s->kind = GZIP_ZSTD;
        s->zstd = ZSTD_createDStream();
        if (!s->zstd) (void)mem_alloc(SIZE_MAX / 2);
    } else if (s->len && (str_ends(name, ".gz") || str_ends(name, ".zst"))) {
        rc = err_set(e, ERR_INPUT, "named as compressed, but its first bytes are neither gzip's nor zstd's");
        err_where(e, "%s", name);
        err_hint(e, "get the file again; if it is plain text, name it so");
        goto done;
    }
    *out = s;
done:
    if (rc != ERR_OK) gzip_stream_free(&s);
    return rc;
}

enum gzip_kind gzip_stream_kind(const struct gzip_stream *s) { return s->kind; }

static enum err stream_bad(struct gzip_stream *s, const char *what, struct error *e)
{
    err_set(e, ERR_INPUT, "%s after %llu bytes of content", what, (unsigned long long)s->raw_bytes);
    err_where(e, "%s", s->name);
    err_hint(e, "get the file again; nothing of it that was not committed is in the lake");
    return ERR_INPUT;
}

static enum err read_gzip(struct gzip_stream *s, void *p, size_t len, size_t *got, struct error *e)
{
    enum err rc = ERR_OK;
    s->z.next_out = p;
    s->z.avail_out = (uInt)(len > 1u << 30 ? 1u << 30 : len);
    uInt room = s->z.avail_out;
    while (s->z.avail_out == room && !s->ended) {
        TRY(stream_fill(s, e));
        if (s->at == s->len) { /* end of the input: right only between two members */
            if (!s->between) return stream_bad(s, "gzip stream is cut", e);
            s->ended = true;
            break;
        }
        if (s->between) inflateReset(&s->z);
        s->between = false;
        s->z.next_in = s->in + s->at;
        s->z.avail_in = (uInt)(s->len - s->at);
        int r = inflate(&s->z, Z_NO_FLUSH);
        s->at = s->len - s->z.avail_in;
        if (r == Z_STREAM_END) s->between = true;
        else if (r != Z_OK && r != Z_BUF_ERROR) return stream_bad(s, "corrupt gzip stream", e);
    }
    *got = room - s->z.avail_out;
done:
    return rc;
}

static enum err read_zstd(struct gzip_stream *s, void *p, size_t len, size_t *got, struct error *e)
{
    enum err rc = ERR_OK;
    ZSTD_outBuffer out = {p, len, 0};
    while (out.pos == 0 && !s->ended) {
        TRY(stream_fill(s, e));
        if (s->at == s->len && s->between) {
            s->ended = true;
            break;
        }
        ZSTD_inBuffer in = {s->in, s->len, s->at};
        size_t before = in.pos, r = ZSTD_decompressStream(s->zstd, &out, &in);
        if (ZSTD_isError(r)) return stream_bad(s, "corrupt zstd stream", e);
        if (s->input_ended && out.pos == 0 && in.pos == before) return stream_bad(s, "zstd stream is cut", e);
        s->at = in.pos;
        s->between = r == 0;
    }
    *got = out.pos;
done:
    return rc;
}

enum err gzip_stream_read(struct gzip_stream *s, void *p, size_t len, size_t *got, struct error *e)
{
    enum err rc = ERR_OK;
    *got = 0;
    if (s->kind == GZIP_GZIP) rc = read_gzip(s, p, len, got, e);
    else if (s->kind == GZIP_ZSTD) rc = read_zstd(s, p, len, got, e);
    else if (s->at < s->len) { /* what was read to look at the magic number */
        *got = s->len - s->at < len ? s->len - s->at : len;
        memcpy(p, s->in + s->at, *got);
        s->at += *got;
    } else rc = io_read_some(s->fd, p, len, got, s->name, e);
    s->raw_bytes += *got;
    return rc;
}

void gzip_stream_free(struct gzip_stream **stream)
{
    struct gzip_stream *s = *stream;
    if (!s) return;
    if (s->kind == GZIP_GZIP) inflateEnd(&s->z);
    if (s->zstd) ZSTD_freeDStream(s->zstd);
    close(s->fd);
    mem_free(s->in);
    mem_free(s->name);
    mem_free(s);
    *stream = NULL;
}
