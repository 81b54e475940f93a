/* Raw NDJSON → committed silver, as one batch: decode, dedupe, partition, Parquet (zstd), fsync, dimensions, commit.
 *
 *     silver_bench TOPIC FILE LAKE [--threads N] [--memory BYTES] [--level ZSTD]
 *
 * The file is mapped; pieces that are done are let go, so that it does not count as our memory (no bronze is written). LAKE must not exist or be a lake. Prints one line:
 * seconds of wall clock and CPU, rows, GB/s, peak memory. tests/bench/silver_bench.sh compares with DuckDB. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "refine/decode.h"
#include "refine/refine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 2 << 20 };

/* Piece i holds the lines that begin in bytes [i, i + 1) × PIECE. */
struct input {
    const struct contract *contract;
    const char *path, *map;
    int fd;
    int64_t bytes, next, today;
    pthread_mutex_t lock;
    struct memory {
        struct memory *next;
        int64_t at;
    } *free;
};

static enum err next(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct input *in = ctx;
    (void)e;
    if (in->next * PIECE >= in->bytes) return ERR_MORE;
    pthread_mutex_lock(&in->lock);
    struct memory *m = in->free;
    if (m) in->free = m->next;
    pthread_mutex_unlock(&in->lock);
    if (!m) m = mem_zalloc(sizeof *m);
    m->at = in->next++;
    *piece = (struct refine_piece){.contract = in->contract, .line = m->at ? REFINE_FOLLOWS : 0, .arrival_day = in->today,
                                   .origin = in->path, .cookie = m};
    return ERR_OK;
}

static size_t page_bytes;

/* No copy. Only for files that nobody cuts meanwhile. */
static enum err load(void *ctx, struct refine_piece *piece, struct error *e)
{
    struct input *in = ctx;
    const struct memory *m = piece->cookie;
    const char *limit = in->map + in->bytes, *first = in->map + m->at * PIECE - 1, *stop = first + PIECE;
    (void)e;
    first = m->at ? memchr(first, '\n', (size_t)(limit - first)) : in->map - 1; /* a line begins behind a newline */
    const char *last = stop < limit ? memchr(stop, '\n', (size_t)(limit - stop)) : NULL;
    if (!last) last = limit - 1;
    if (!first || first >= last) return ERR_OK; /* the middle of a line longer than the piece */
    piece->ptr = first + 1;
    piece->len = (size_t)(last - first);
    return ERR_OK;
}

static void give_back(void *ctx, struct refine_piece *piece)
{
    struct input *in = ctx;
    struct memory *m = piece->cookie;
    uintptr_t page = (uintptr_t)page_bytes, from = (uintptr_t)piece->ptr & ~(page - 1);
    if (piece->len) madvise((void *)from, ((uintptr_t)piece->ptr + piece->len - from) & ~(page - 1), MADV_DONTNEED);
    pthread_mutex_lock(&in->lock);
    m->next = in->free;
    in->free = m;
    pthread_mutex_unlock(&in->lock);
}

/* With readable zeros behind. */
static enum err map_file(struct input *in, struct error *e)
{
    size_t whole = ((size_t)in->bytes + page_bytes - 1) & ~(page_bytes - 1);
    char *area = mmap(NULL, whole + page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || mmap(area, (size_t)in->bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, in->fd, 0) == MAP_FAILED)
        return err_sys(e, errno, "cannot map %s", in->path);
    in->map = area;
    return ERR_OK;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

/* Bronze is not what is measured, but a commit must add up: an empty file stands for it. */
static enum err stand_in(struct lake_batch *batch, const struct input *in, int64_t records, struct error *e)
{
    struct lake_source source = {.source = "file", .topic = in->contract->topic, .partition = -1, .id = "bench", .name = "",
                                 .next = in->bytes, .records = records, .rows = records};
    struct lake_part part = {.layer = LAKE_BRONZE, .table = in->contract->topic, .date = in->today, .hour = 0, .k = 0,
                             .ext = "json.gz"};
    struct lake_stats stats = {.rows = records, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE};
    struct lake_out *out = NULL;
    enum err rc;
    TRY(lake_batch_source(batch, &source, NULL, e));
    TRY(lake_batch_create(batch, &part, &out, e));
    TRY(lake_out_finish(&out, &stats, e));
done:
    return rc;
}

static enum err run(struct lake *lake, struct refine *r, struct input *in, struct refine_totals *totals, struct error *e)
{
    struct lake_batch *batch = NULL;
    struct refine_source source = {.ctx = in, .next = next, .load = load, .free = give_back};
    enum err rc;
    TRY(lake_batch_begin(lake, LAKE_LIVE, &batch, e));
    TRY(refine_begin(r, batch, e));
    TRY(refine_run(r, &source, e));
    TRY(refine_end(r, totals, NULL, e));
    TRY(stand_in(batch, in, totals->read - totals->blank, e));
    TRY(lake_batch_commit(&batch, NULL, e));
    refine_committed(r);
done:
    if (rc != ERR_OK) refine_abandon(r);
    lake_batch_abort(&batch);
    return rc;
}

int main(int argc, char **argv)
{
    struct error e = {0};
    struct lake *lake = NULL;
    struct schema_set *contracts = NULL;
    struct refine *r = NULL;
    struct refine_totals totals = {0};
    struct refine_options o = {.max_reject_share = 1};
    struct input in = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct stat st;
    struct rusage usage;
    char text[2048];
    enum err rc = ERR_USAGE;

    for (int i = 4; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--threads")) o.threads = (unsigned)atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--level")) o.zstd_level = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--memory")) o.memory_bytes = strtoull(argv[i + 1], NULL, 10);
    }
    if (argc < 4 || (in.fd = open(argv[2], O_RDONLY)) < 0 || fstat(in.fd, &st) != 0) {
        fprintf(stderr, "usage: silver_bench TOPIC FILE LAKE [--threads N] [--memory BYTES] [--level ZSTD]\n");
        return 2;
    }
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    in.path = argv[2];
    in.bytes = st.st_size;
    in.today = clock_day_of_ms(clock_now_ms());
    TRY(schema_set_load(NULL, &contracts, &e));
    TRY(schema_set_need(contracts, argv[1], &in.contract, &e));
    uint64_t started = clock_mono_ns();
    TRY(map_file(&in, &e));
    o.contracts = contracts;
    TRY(lake_open_or_init(argv[3], LAKE_WRITER, &lake, &e));
    TRY(refine_open(lake, &o, &r, &e));
    TRY(run(lake, r, &in, &totals, &e));
done:
    refine_close(&r);
    lake_close(&lake);
    schema_set_free(&contracts);
    if (rc != ERR_OK) {
        fprintf(stderr, "%s\n", err_format(&e, text, sizeof text));
        return 1;
    }
    double wall = (double)(clock_mono_ns() - started) * 1e-9;
    getrusage(RUSAGE_SELF, &usage);
    printf("wall %.3f s  user %.3f s  sys %.3f s  rows %lld  duplicates %lld  %.2f GB/s  rss %ld MB\n", wall,
           seconds(usage.ru_utime), seconds(usage.ru_stime), (long long)totals.rows, (long long)totals.duplicates,
           (double)in.bytes * 1e-9 / wall, usage.ru_maxrss / 1024);
    return 0;
}
