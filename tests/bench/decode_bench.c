/* Speed of the decoder alone: one thread, a plain NDJSON file from the page cache, read(2) included.
 *
 *     decode_bench [--topic T] [--no-memo] [--no-fast] [--cpu portable|avx2] [--rounds N] FILE
 *
 * Prints one line a round (a fresh decoder each): rows, rejects, share of lines on the general path, memory of
 * dictionaries and memo, and GB/s by CPU time and by wall clock. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "refine/decode.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 512 << 10 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void drain(struct decoder *d, uint64_t *check)
{
    const struct decode_batch *b;
    while ((b = decode_next(d))) {
        for (uint32_t r = 0; r < b->rows; r++) *check += b->key[r].lo ^ b->payload[r];
        if (b->full) decode_forget(d);
    }
}

static enum err one_round(const struct contract *c, const struct decode_options *o, const char *path, struct error *e)
{
    struct decoder *d = decode_new(c, o);
    size_t have = 0, cap = BLOCK + DECODE_PAD, got = 0;
    char *buffer = mem_alloc(cap);
    uint64_t offset = 0, check = 0;
    enum err rc = ERR_OK;
    double cpu = cpu_seconds();
    uint64_t wall = clock_mono_ns();
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return err_set(e, ERR_NOT_FOUND, "cannot open %s", path);
    for (;;) {
        TRY(io_read_some(fd, buffer + have, cap - DECODE_PAD - have, &got, path, e));
        have += got;
        if (!have) break;
        const char *last = memrchr(buffer, '\n', have);
        size_t whole = !got ? have : last ? (size_t)(last - buffer) + 1 : 0;
        if (!whole) {
            cap *= 2;
            buffer = mem_realloc(buffer, cap);
            continue;
        }
        decode_feed(d, buffer, whole, offset);
        drain(d, &check);
        memmove(buffer, buffer + whole, have - whole);
        offset += whole;
        have -= whole;
        if (!got) break;
    }
    wall = clock_mono_ns() - wall;
    cpu = cpu_seconds() - cpu;
    const struct decode_counts *n = decode_counts(d);
    printf("%llu rows, %llu rejects, %.3f %% general, %.1f MiB, check %016llx: %.3f GB/s by CPU, %.3f by wall\n",
           (unsigned long long)n->rows, (unsigned long long)n->rejects,
           n->lines ? 100.0 * (double)n->slow_rows / (double)n->lines : 0.0, (double)decode_memory(d) / (1 << 20),
           (unsigned long long)check, (double)n->bytes / cpu / 1e9, (double)n->bytes / (double)wall);
done:
    close(fd);
    mem_free(buffer);
    decode_free(&d);
    return rc;
}

int main(int argc, char **argv)
{
    struct decode_options o = {0};
    const char *topic = NULL, *path = NULL;
    int rounds = 5;
    struct error e = {0};
    struct schema_set *set = NULL;
    const struct contract *c = NULL;
    char text[2048];

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--topic") && i + 1 < argc) topic = argv[++i];
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc) rounds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--cpu") && i + 1 < argc)
            o.cpu = strcmp(argv[++i], "portable") ? DECODE_CPU_AVX2 : DECODE_CPU_PORTABLE;
        else if (!strcmp(argv[i], "--no-memo")) o.no_memo = true;
        else if (!strcmp(argv[i], "--no-fast")) o.no_fast = true;
        else path = argv[i];
    }
    if (!path) {
        fprintf(stderr, "usage: decode_bench [--topic T] [--no-memo] [--no-fast] [--cpu portable|avx2] [--rounds N] FILE\n");
        return 2;
    }
    enum err rc = schema_set_load(NULL, &set, &e);
    if (rc == ERR_OK) rc = schema_set_need(set, topic ? topic : path, &c, &e);
    for (int r = 0; rc == ERR_OK && r < rounds; r++) rc = one_round(c, &o, path, &e);
    if (rc != ERR_OK) fprintf(stderr, "%s\n", err_format(&e, text, sizeof text));
    schema_set_free(&set);
    return rc != ERR_OK;
}
