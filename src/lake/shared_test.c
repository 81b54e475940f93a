/* Several writers on one lake: each has a partition of its own, the log's refused rename decides who is first. Also several
 * threads in one writer. */
#include "base/test.h"
#include "lake/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

struct room {
    char folder[64];
    struct error e;
};

static pid_t running[3]; /* so that a failed test leaves nobody at work */

static int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    if (!world_folder(r->folder) || lake_init(r->folder, &r->e) != ERR_OK) return -1;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    for (int p = 0; p < 3; p++) {
        if (running[p] > 0 && !kill(running[p], SIGKILL)) waitpid(running[p], NULL, 0);
        running[p] = 0;
    }
    enum err rc = io_remove_tree(r->folder, &r->e);
    mem_free(r);
    return rc == ERR_OK ? 0 : -1;
}

enum { TARGET = 300, FAILED = 3 };

/* ERR_RETRY is the protocol's "look again": the lake has taken in what the other did. */
static enum err one_turn(struct lake *lake, int i, int *retries, struct error *e)
{
    enum err rc = i % 6 == 5 ? world_compact(lake, 2, NULL, e) : i % 10 == 9 ? world_build(lake, e) : world_live(lake, 5, e);
    if (rc != ERR_RETRY) return rc;
    ++*retries;
    return ERR_OK;
}

/* Exit 0: reached the target; the retries go to fd. */
static int writer(const char *folder, int partition, int64_t target, int fd)
{
    struct lake *lake;
    struct error e;
    char text[1600];
    int retries = 0;
    world_partition = partition;
    enum err rc = lake_open(folder, LAKE_SHARED_WRITER, &lake, &e);
    for (int i = 0; rc == ERR_OK && world_position(lake) < target; i++) rc = one_turn(lake, i, &retries, &e);
    if (rc != ERR_OK) {
        fprintf(stderr, "writer %d: %s\n", partition, err_format(&e, text, sizeof text));
        return FAILED;
    }
    lake_close(&lake);
    return write(fd, &retries, sizeof retries) == sizeof retries ? 0 : FAILED;
}

static pid_t start(struct room *r, int partition, int64_t target, int fd)
{
    pid_t pid = fork();
    if (!pid) _exit(writer(r->folder, partition, target, fd));
    running[partition] = pid;
    return pid;
}

static void check(struct room *r, int partitions)
{
    struct lake *lake;
    int64_t next[8];
    assert_ok(lake_open(r->folder, LAKE_WRITER, &lake, &r->e), &r->e);
    for (int p = 0; p < partitions; p++) {
        world_partition = p;
        next[p] = world_position(lake);
        assert_true(next[p] >= TARGET);
    }
    world_partition = 0;
    assert_true(world_audit(lake));
    assert_true(world_all_right(r->folder, next, partitions));
    lake_close(&lake);
}

static void three_writers_share_one_log(void **state)
{
    struct room *r = *state;
    int fd[2], status, retries, all = 0;
    pid_t pid[3];
    assert_int_equal(pipe(fd), 0);
    for (int p = 0; p < 3; p++) pid[p] = start(r, p, TARGET, fd[1]);
    for (int p = 0; p < 3; p++) {
        assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
        running[p] = 0;
        assert_int_equal(status, 0);
        assert_int_equal(read(fd[0], &retries, sizeof retries), sizeof retries);
        all += retries;
    }
    print_message("%d batches came second and were written again\n", all);
    close(fd[0]);
    close(fd[1]);
    check(r, 3);
}

static void writers_die_and_others_finish_their_work(void **state)
{
    struct room *r = *state;
    const char *given = getenv("SHARED_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    int fd[2], status;
    pid_t pid[3];
    print_message("SHARED_SEED=%u\n", seed);
    assert_int_equal(pipe(fd), 0);
    for (int p = 0; p < 3; p++) pid[p] = start(r, p, 1000000, fd[1]);
    for (int i = 0; i < 25; i++) {
        usleep(5000 + (unsigned)rand_r(&seed) % 30000);
        int p = rand_r(&seed) % 3;
        kill(pid[p], SIGKILL);
        assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
        running[p] = 0;
        assert_true(WIFSIGNALED(status)); /* and did not fail before */
        pid[p] = start(r, p, 1000000, fd[1]);
    }
    for (int p = 0; p < 3; p++) {
        kill(pid[p], SIGKILL);
        waitpid(pid[p], &status, 0);
        pid[p] = start(r, p, TARGET, fd[1]);
    }
    for (int p = 0; p < 3; p++) {
        assert_int_equal(waitpid(pid[p], &status, 0), pid[p]);
        running[p] = 0;
        assert_int_equal(status, 0);
    }
    close(fd[0]);
    close(fd[1]);
    check(r, 3);
}

static void a_lost_race_names_the_commit_and_takes_it_in(void **state)
{
    struct room *r = *state;
    struct lake *a, *b;
    struct lake_batch *batch;
    struct lake_head head;
    assert_ok(lake_open(r->folder, LAKE_SHARED_WRITER, &a, &r->e), &r->e);
    assert_ok(lake_open(r->folder, LAKE_SHARED_WRITER, &b, &r->e), &r->e);
    assert_int_equal(lake_batch_begin(a, LAKE_LIVE, &batch, &r->e), ERR_OK);
    assert_int_equal(lake_batch_number(batch), 1);
    assert_ok(world_bronze(batch, 0, 10, &r->e), &r->e);
    assert_ok(world_refined(batch, 0, 10, &r->e), &r->e);
    world_partition = 1;
    assert_ok(world_live(b, 10, &r->e), &r->e);
    world_partition = 0;
    assert_int_equal(lake_batch_commit(&batch, NULL, &r->e), ERR_RETRY);
    assert_non_null(strstr(r->e.what, "commit 1"));
    assert_null(batch);
    lake_head(a, &head);
    assert_int_equal(head.number, 1);
    assert_ok(world_live(a, 10, &r->e), &r->e);
    /* Floating batches find the next number by themselves, as long as what they remove is still there. */
    assert_ok(lake_batch_begin(b, LAKE_BUILD, &batch, &r->e), &r->e);
    assert_ok(world_single(batch, LAKE_GOLD, "marts", 7, &r->e), &r->e);
    assert_ok(world_live(a, 10, &r->e), &r->e);
    uint64_t number;
    assert_ok(lake_batch_commit(&batch, &number, &r->e), &r->e);
    assert_int_equal(number, 4);
    struct lake_dues dues;
    assert_ok(lake_reload(a, &r->e), &r->e);
    lake_compact_due(a, &(struct lake_compact_options){.min_files = 2}, &dues);
    assert_int_equal(dues.count, 1);
    assert_ok(lake_compact_one(b, &dues.due[0], world_merge, NULL, &r->e), &r->e);
    assert_int_equal(lake_compact_one(a, &dues.due[0], world_merge, NULL, &r->e), ERR_RETRY);
    lake_dues_free(&dues);
    lake_close(&a);
    lake_close(&b);
}

static void the_same_partition_is_not_read_twice(void **state)
{
    struct room *r = *state;
    struct lake *a, *b;
    struct lake_batch *batch;
    assert_ok(lake_open(r->folder, LAKE_SHARED_WRITER, &a, &r->e), &r->e);
    assert_ok(lake_open(r->folder, LAKE_SHARED_WRITER, &b, &r->e), &r->e);
    assert_ok(lake_batch_begin(a, LAKE_INGEST, &batch, &r->e), &r->e);
    assert_ok(world_bronze(batch, 0, 10, &r->e), &r->e);
    assert_ok(world_ingest(b, 10, &r->e), &r->e);
    assert_int_equal(lake_batch_commit(&batch, NULL, &r->e), ERR_RETRY);
    assert_ok(lake_batch_begin(a, LAKE_INGEST, &batch, &r->e), &r->e);
    assert_int_equal(world_bronze(batch, 0, 10, &r->e), ERR_USAGE); /* it stands at 10 now */
    lake_batch_abort(&batch);
    assert_int_equal(world_position(a), 10);
    lake_close(&a);
    lake_close(&b);
}

/* ---- threads of one writer ---- */

struct crew {
    struct lake *lake;
    _Atomic int failures;
    _Atomic bool stop;
};

static void *ingester(void *arg)
{
    struct crew *c = arg;
    struct error e;
    for (int i = 0; i < 60; i++)
        if (world_live(c->lake, 5, &e) != ERR_OK) c->failures++;
    c->stop = true;
    return NULL;
}

static void *compacter(void *arg)
{
    struct crew *c = arg;
    struct error e;
    while (!c->stop) {
        enum err rc = world_compact(c->lake, 3, NULL, &e);
        if (rc != ERR_OK && rc != ERR_RETRY) c->failures++;
        if (world_build(c->lake, &e) != ERR_OK) c->failures++;
    }
    return NULL;
}

static void *asker(void *arg)
{
    struct crew *c = arg;
    struct error e;
    while (!c->stop) {
        struct lake_files files;
        struct lake_totals totals;
        struct lake_tables tables;
        struct lake_sources sources;
        struct lake_pending pending;
        struct lake_head head;
        lake_head(c->lake, &head);
        lake_files(c->lake, NULL, &files);
        lake_totals(c->lake, &totals);
        lake_tables(c->lake, &tables);
        lake_sources(c->lake, NULL, NULL, &sources);
        lake_pending(c->lake, &pending);
        if (totals.topic_count && totals.topic[0].delivered % 5) c->failures++;
        for (size_t i = 0; i < files.count; i++) {
            char *path;
            enum err rc = lake_file_path(c->lake, files.file[i], &path, &e);
            if (rc != ERR_OK && rc != ERR_RETRY) c->failures++; /* compacted away since we asked */
            mem_free(path);
        }
        lake_files_free(&files);
        lake_totals_free(&totals);
        lake_tables_free(&tables);
        lake_sources_free(&sources);
        lake_pending_free(&pending);
        if (!world_audit(c->lake)) c->failures++;
    }
    return NULL;
}

static void threads_ingest_compact_build_ask_and_audit(void **state)
{
    struct room *r = *state;
    struct crew crew = {0};
    pthread_t thread[3];
    assert_ok(lake_open(r->folder, LAKE_WRITER, &crew.lake, &r->e), &r->e);
    assert_int_equal(pthread_create(&thread[0], NULL, ingester, &crew), 0);
    assert_int_equal(pthread_create(&thread[1], NULL, compacter, &crew), 0);
    assert_int_equal(pthread_create(&thread[2], NULL, asker, &crew), 0);
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    assert_int_equal(crew.failures, 0);
    lake_close(&crew.lake);
    check(r, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(three_writers_share_one_log),
        T(writers_die_and_others_finish_their_work),
        T(a_lost_race_names_the_commit_and_takes_it_in),
        T(the_same_partition_is_not_read_twice),
        T(threads_ingest_compact_build_ask_and_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
