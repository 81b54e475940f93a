#include "ingest/blocks.h"

#include "base/mem.h"

#include <string.h>

enum { LINE_MOST = 1 << 30 };

enum err ingest_blocks_open(int fd, const char *name, int64_t skip, struct ingest_blocks *out, struct error *e)
{
    enum err rc = ERR_OK;
    char *block = NULL;
    memset(out, 0, sizeof *out);
    out->name = name;
    out->hasher = hasher_new();
    TRY(gzip_stream_open(fd, name, &out->stream, e));
    block = mem_alloc(INGEST_BLOCK);
    while (out->next < skip) {
        size_t got, want = skip - out->next < INGEST_BLOCK ? (size_t)(skip - out->next) : INGEST_BLOCK;
        TRY(gzip_stream_read(out->stream, block, want, &got, e));
        if (!got) TRY(err_set(e, ERR_INPUT, "%s became shorter while it was read", name));
        hasher_add(out->hasher, block, got);
        out->next += (int64_t)got;
    }
done:
    mem_free(block);
    if (rc != ERR_OK) ingest_blocks_close(out);
    return rc;
}

void ingest_blocks_close(struct ingest_blocks *blocks)
{
    gzip_stream_free(&blocks->stream);
    hasher_free(&blocks->hasher);
    buf_reset(&blocks->rest);
}

enum err ingest_blocks_next(struct ingest_blocks *blocks, struct buf *block, bool *added, struct error *e)
{
    enum err rc = ERR_OK;
    size_t whole = 0;
    *added = false;
    buf_clear(block);
    buf_add(block, blocks->rest.ptr, blocks->rest.len);
    buf_clear(&blocks->rest);
    while (!whole) {
        size_t from = block->len, want = block->len < INGEST_BLOCK ? INGEST_BLOCK - block->len : INGEST_BLOCK, got = 0;
        if (!blocks->ended) {
            /* +1: room for the newline a last line may lack */
            char *to = buf_reserve(block, want + 1);
            TRY(gzip_stream_read(blocks->stream, to, want, &got, e));
            block->len += got;
            blocks->ended = got == 0;
        }
        if (blocks->ended) {
            whole = block->len;
            if (blocks->whole_only && whole && block->ptr[whole - 1] != '\n') {
                const char *last = memrchr(block->ptr, '\n', whole);
                block->len = whole = last ? (size_t)(last - block->ptr) + 1 : 0;
            }
            if (!whole) return ERR_OK;
            hasher_add(blocks->hasher, block->ptr, block->len);
            blocks->next += (int64_t)block->len;
            if (block->ptr[block->len - 1] != '\n') {
                buf_char(block, '\n');
                *added = true;
            }
            return ERR_OK;
        }
        const char *newline = block->len >= INGEST_BLOCK ? memrchr(block->ptr + from, '\n', got) : NULL;
        if (newline) whole = (size_t)(newline - block->ptr) + 1;
        else if (from && block->len >= INGEST_BLOCK && (newline = memrchr(block->ptr, '\n', from)))
            whole = (size_t)(newline - block->ptr) + 1;
        if (!whole && block->len > LINE_MOST) {
            err_set(e, ERR_INPUT, "a line is longer than 1 GiB");
            err_where(e, "%s, byte %lld", blocks->name, (long long)blocks->next);
            rc = err_hint(e, "events come one JSON object a line");
            goto done;
        }
    }
    buf_add(&blocks->rest, block->ptr + whole, block->len - whole);
    block->len = whole;
    hasher_add(blocks->hasher, block->ptr, whole);
    blocks->next += (int64_t)whole;
done:
    return rc;
}

void ingest_lines_scan(struct buf *block, struct ingest_lines *out)
{
    const char *p = block->ptr, *end = block->ptr + block->len;
    char *to = block->ptr;
    const char *kept = p; /* [kept, p): records not yet moved to `to` */
    out->lines = out->records = 0;
    out->run_count = 0;
    int64_t run = 0;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)(newline - p);
        if (len == 0 || (len == 1 && *p == '\r')) {
            if (run) {
                mem_grow(&out->run, &out->run_cap, out->run_count + 1, sizeof *out->run);
                out->run[out->run_count++] = (struct ingest_line_run){out->lines - run, run};
            }
            run = 0;
            if (to != kept) memmove(to, kept, (size_t)(p - kept));
            to += p - kept;
            kept = newline + 1;
        } else {
            run++;
            out->records++;
        }
        out->lines++;
        p = newline + 1;
    }
    if (run) {
        mem_grow(&out->run, &out->run_cap, out->run_count + 1, sizeof *out->run);
        out->run[out->run_count++] = (struct ingest_line_run){out->lines - run, run};
    }
    if (to != kept) memmove(to, kept, (size_t)(end - kept));
    to += end - kept;
    block->len = (size_t)(to - block->ptr);
}
