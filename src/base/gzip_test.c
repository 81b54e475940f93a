#include "base/buf.h"
#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static void fill(struct buf *b, size_t bytes, uint64_t seed)
{
    while (b->len < bytes) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        buf_printf(b, "{\"ts\":%u,\"song\":\"%u\"}\n", (unsigned)(seed >> 40), (unsigned)(seed >> 58));
    }
}

static int temp_with(const void *p, size_t len)
{
    char name[] = "/tmp/lakefm-gzip-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, p, len), (ssize_t)len);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static enum err read_all(int fd, size_t step, struct buf *out, enum gzip_kind *kind, struct error *e)
{
    struct gzip_stream *s = NULL;
    size_t got = 1;
    enum err rc = gzip_stream_open(fd, "input", &s, e);
    if (rc != ERR_OK) return rc;
    *kind = gzip_stream_kind(s);
    while (rc == ERR_OK && got) {
        char *to = buf_reserve(out, step);
        rc = gzip_stream_read(s, to, step, &got, e);
        out->len += got;
    }
    gzip_stream_free(&s);
    return rc;
}

static void members_come_back_whole_and_one_by_one(void **state)
{
    (void)state;
    struct error e;
    struct buf raw = {0}, packed = {0}, back = {0};
    struct gzip_writer *w = gzip_writer_new();
    fill(&raw, 3000000, 1);
    for (size_t at = 0; at < raw.len; at += 1 << 20)
        gzip_write_member(w, raw.ptr + at, raw.len - at < 1 << 20 ? raw.len - at : 1 << 20, &packed);
    gzip_write_member(w, "", 0, &packed);
    enum gzip_kind kind;
    assert_ok(read_all(temp_with(packed.ptr, packed.len), 70001, &back, &kind, &e), &e);
    assert_int_equal(kind, GZIP_GZIP);
    assert_int_equal(back.len, raw.len);
    assert_memory_equal(back.ptr, raw.ptr, raw.len);

    struct gzip_inflater *g = gzip_inflater_new();
    buf_clear(&back);
    for (size_t at = 0; at < packed.len;) {
        uint64_t member, bytes;
        assert_int_equal(gzip_member_sizes(packed.ptr + at, packed.len - at, &member, &bytes), ERR_OK);
        char *to = buf_reserve(&back, bytes);
        assert_ok(gzip_inflate_member(g, packed.ptr + at, member, to, bytes, &e), &e);
        back.len += bytes;
        at += member;
    }
    assert_int_equal(back.len, raw.len);
    assert_memory_equal(back.ptr, raw.ptr, raw.len);

    packed.ptr[100] ^= 0x55;
    uint64_t member, bytes;
    assert_int_equal(gzip_member_sizes(packed.ptr, packed.len, &member, &bytes), ERR_OK);
    assert_int_equal(gzip_inflate_member(g, packed.ptr, member, back.ptr, bytes, &e), ERR_CORRUPT);
    assert_int_equal(gzip_member_sizes("plain text that is long enough", 30, &member, &bytes), ERR_UNSUPPORTED);
    gzip_inflater_free(&g);
    gzip_writer_free(&w);
    buf_reset(&raw);
    buf_reset(&packed);
    buf_reset(&back);
}

static void plain_gzip_and_zstd_inputs_are_told_apart(void **state)
{
    (void)state;
    struct error e;
    struct buf raw = {0}, packed = {0}, back = {0};
    fill(&raw, 900000, 2);
    enum gzip_kind kind;
    assert_ok(read_all(temp_with(raw.ptr, raw.len), 1000, &back, &kind, &e), &e);
    assert_true(kind == GZIP_PLAIN && back.len == raw.len && !memcmp(back.ptr, raw.ptr, raw.len));

    /* two zstd frames */
    char *to = buf_reserve(&packed, 2 * ZSTD_compressBound(raw.len));
    size_t n = ZSTD_compress(to, ZSTD_compressBound(raw.len), raw.ptr, 400000, 3);
    n += ZSTD_compress(to + n, ZSTD_compressBound(raw.len), raw.ptr + 400000, raw.len - 400000, 3);
    buf_clear(&back);
    assert_ok(read_all(temp_with(to, n), 65536, &back, &kind, &e), &e);
    assert_true(kind == GZIP_ZSTD && back.len == raw.len && !memcmp(back.ptr, raw.ptr, raw.len));
    buf_clear(&back);
    assert_int_equal(read_all(temp_with(to, n - 3), 65536, &back, &kind, &e), ERR_INPUT);

    /* a file cut anywhere is an error, and what came out before is right */
    struct gzip_writer *w = gzip_writer_new();
    buf_clear(&packed);
    gzip_write_member(w, raw.ptr, raw.len, &packed);
    for (size_t cut = 4; cut < packed.len; cut += packed.len / 23) {
        buf_clear(&back);
        assert_int_equal(read_all(temp_with(packed.ptr, cut), 65536, &back, &kind, &e), ERR_INPUT);
        assert_true(back.len <= raw.len && (!back.len || !memcmp(back.ptr, raw.ptr, back.len)));
    }
    buf_clear(&back);
    assert_ok(read_all(temp_with("", 0), 10, &back, &kind, &e), &e);
    assert_int_equal(back.len, 0);
    gzip_writer_free(&w);
    buf_reset(&raw);
    buf_reset(&packed);
    buf_reset(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_back_whole_and_one_by_one),
        cmocka_unit_test(plain_gzip_and_zstd_inputs_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
