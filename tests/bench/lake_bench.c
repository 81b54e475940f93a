/* What the commit log costs: a commit's latency by its steps' fsyncs, and opening a lake of many commits.
 *
 *   lake_bench [FOLDER] [COMMITS]      a folder on the disk to be measured (default: a new one in /tmp), 10000 commits
 *
 * Each commit brings one bronze file, one silver file a day, now and then quarantine, a dimension and gold, as a live lake
 * does; silver is compacted as it goes. Rows are few: this measures the protocol, not the data. */
#include "base/clock.h"
#include "lake/fixture.h"

static double ms_since(uint64_t start) { return (double)(clock_mono_ns() - start) / 1e6; }

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void fail(const char *doing, const struct error *e)
{
    char text[1600];
    fprintf(stderr, "%s: %s\n", doing, err_format(e, text, sizeof text));
    exit(1);
}

/* The best of five, page cache warm. */
static double open_ms(const char *folder, enum lake_mode mode, struct lake_head *head)
{
    double best = 1e9;
    struct error e;
    for (int i = 0; i < 5; i++) {
        struct lake *lake;
        uint64_t start = clock_mono_ns();
        if (lake_open(folder, mode, &lake, &e) != ERR_OK) fail("open", &e);
        double ms = ms_since(start);
        if (ms < best) best = ms;
        lake_head(lake, head);
        lake_close(&lake);
    }
    return best;
}

int main(int argc, char **argv)
{
    char folder[64];
    struct lake *lake;
    struct lake_head head;
    struct lake_files files;
    struct error e;
    long commits = argc > 2 ? atol(argv[2]) : 10000;
    if (argc > 1) snprintf(folder, sizeof folder, "%s", argv[1]);
    else if (!world_folder(folder)) return 1;
    double *took = mem_array((size_t)commits, sizeof *took);
    if (lake_open_or_init(folder, LAKE_WRITER, &lake, &e) != ERR_OK) fail("open", &e);
    for (long i = 0; i < commits; i++) {
        uint64_t start = clock_mono_ns();
        enum err rc = i % 50 == 49 ? world_compact(lake, 2, NULL, &e) : world_live(lake, 5, &e);
        if (rc != ERR_OK) fail("commit", &e);
        took[i] = ms_since(start);
    }
    lake_files(lake, NULL, &files);
    size_t live = files.count;
    lake_files_free(&files);
    lake_close(&lake);
    qsort(took, (size_t)commits, sizeof *took, by_size);
    printf("commit (files written, fsynced, moved)  p50 %.2f ms  p99 %.2f ms  max %.2f ms\n", took[commits / 2], took[commits * 99 / 100], took[commits - 1]);
    double reader = open_ms(folder, LAKE_READER, &head), writer = open_ms(folder, LAKE_WRITER, &head);
    printf("open, %llu commits, %zu live files       reader %.1f ms  writer %.1f ms\n", (unsigned long long)head.number, live, reader, writer);
    char *checkpoints = io_path(folder, "state");
    if (io_remove_tree(checkpoints, &e) != ERR_OK) fail("remove", &e);
    uint64_t start = clock_mono_ns();
    if (lake_open(folder, LAKE_READER, &lake, &e) != ERR_OK) fail("open", &e);
    printf("open without a checkpoint (whole log)    %.0f ms\n", ms_since(start));
    start = clock_mono_ns();
    bool ok = world_audit(lake);
    printf("audit, two threads                       %.0f ms, %s\n", ms_since(start), ok ? "clean" : "NOT CLEAN");
    lake_close(&lake);
    if (io_remove_tree(folder, &e) != ERR_OK) fail("remove", &e);
    mem_free(checkpoints);
    mem_free(took);
    return ok ? 0 : 1;
}
