#include "ingest/content.h"

#include "base/gzip.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_next(const void *a, const void *b)
{
    int64_t x = (*(const struct lake_source *const *)a)->next, y = (*(const struct lake_source *const *)b)->next;
    return (x > y) - (x < y);
}

/* Hashes the stream and asks at every length that a known content ends at. Both lists ascend, so one pass does it. */
static enum err longest_prefix(struct gzip_stream *stream, const struct lake_source **known, size_t count,
                               struct ingest_content *out, struct error *e)
{
    enum { BLOCK = 256 * 1024 };
    enum err rc = ERR_OK;
    char *block = mem_alloc(BLOCK);
    struct hasher *hasher = hasher_new();
    int64_t at = 0, line_start = 0;
    for (size_t i = 0; i < count;) {
        int64_t want = known[i]->next - at;
        size_t got = 0;
        if (want > 0) {
            TRY(gzip_stream_read(stream, block, want < BLOCK ? (size_t)want : BLOCK, &got, e));
            if (!got) break; /* shorter than all further candidates */
            hasher_add(hasher, block, got);
            const char *newline = memrchr(block, '\n', got);
            if (newline) line_start = at + (newline - block) + 1;
            at += (int64_t)got;
            continue;
        }
        struct hash128 here = hasher_sum(hasher);
        for (; i < count && known[i]->next == at; i++)
            if (hash_eq(here, known[i]->hash)) {
                out->known = true;
                snprintf(out->id, sizeof out->id, "%s", known[i]->id);
                out->next = at;
                out->records = known[i]->records;
                out->open_end = line_start != at;
                out->line_start = line_start;
            }
    }
    if (out->known && out->next == at) {
        size_t got;
        TRY(gzip_stream_read(stream, block, 1, &got, e));
        out->whole = got == 0;
        if (got && block[0] == '\n') out->open_end = false; /* only the newline was missing */
    } else if (out->known) out->whole = false;
done:
    mem_free(block);
    hasher_free(&hasher);
    return rc;
}

enum err ingest_content_look_up(struct lake *lake, const struct ingest_taken *open_batch, const char *topic,
                                const char *path, struct ingest_content *out, bool *in_open, struct error *e)
{
    enum err rc = ERR_OK;
    struct gzip_stream *stream = NULL;
    struct lake_sources sources = {0};
    const struct lake_source **known = NULL;
    size_t count = 0;
    memset(out, 0, sizeof *out);
    *in_open = false;
    lake_sources(lake, NULL, topic, &sources);
    known = mem_array(sources.count + open_batch->count, sizeof *known);
    for (size_t i = 0; i < sources.count; i++)
        if (sources.source[i].partition < 0 && sources.source[i].next > 0) known[count++] = &sources.source[i];
    for (size_t i = 0; i < open_batch->count; i++)
        if (!strcmp(open_batch->source[i].topic, topic)) known[count++] = &open_batch->source[i];
    if (!count) goto done;
    qsort(known, count, sizeof *known, by_next);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) TRY(err_sys(e, errno, "cannot open %s", path));
    TRY(gzip_stream_open(fd, path, &stream, e));
    TRY(longest_prefix(stream, known, count, out, e));
    for (size_t i = 0; out->known && i < open_batch->count; i++)
        if (!strcmp(open_batch->source[i].id, out->id)) *in_open = true;
done:
    gzip_stream_free(&stream);
    mem_free(known);
    lake_sources_free(&sources);
    return rc;
}
