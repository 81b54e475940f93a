/* Deaths and failures at every named point. The program runs itself again as a child, because faults are read from the
 * environment once in a process. A child leads a varied life (fixture.h), noting in a file how far it has been told that
 * its records are safe; then the parent recovers, audits, and recounts what a plain glob sees. */
#include "base/test.h"
#include "lake/fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* ---- the child ---- */

enum { KILLED = -1, FINE = 0, FAILED_NO_SPACE = 10, FAILED_IO = 11, FAILED_OTHER = 12, WRONG = 13 };

static int outcome(enum err rc)
{
    return rc == ERR_OK ? FINE : rc == ERR_NO_SPACE ? FAILED_NO_SPACE : rc == ERR_IO ? FAILED_IO : FAILED_OTHER;
}

static void acknowledge(const char *folder, int64_t position)
{
    char *path = mem_printf("%s.acked", folder), text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)position);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, text, (size_t)n, 0) != n) _exit(WRONG);
    close(fd);
    mem_free(path);
}

/* After a failed fsync every further batch must be refused with the same error. */
static int stays_stopped(struct lake *lake)
{
    struct error e;
    struct lake_batch *b;
    enum err rc = lake_batch_begin(lake, LAKE_LIVE, &b, &e);
    if (rc != ERR_OK) return FINE;
    lake_batch_abort(&b);
    return WRONG;
}

static int child(const char *mode, const char *folder, int steps)
{
    struct lake *lake;
    struct error e;
    char text[1600];
    bool go_on = !strcmp(mode, "go-on");
    enum err rc;
    do rc = lake_open_or_init(folder, LAKE_WRITER, &lake, &e);
    while (go_on && rc == ERR_NO_SPACE); /* the fault strikes once */
    if (rc != ERR_OK) return outcome(rc);
    for (int i = 0; i < steps && rc == ERR_OK; i++) {
        rc = world_step(lake, &e);
        if (rc == ERR_NO_SPACE && go_on) rc = ERR_OK;
        if (rc == ERR_OK) acknowledge(folder, world_position(lake));
    }
    if (rc != ERR_OK && getenv("CRASH_VERBOSE")) fprintf(stderr, "child: %s\n", err_format(&e, text, sizeof text));
    int out = outcome(rc);
    if (rc == ERR_IO && strstr(e.what, "fsync") && stays_stopped(lake) != FINE) out = WRONG;
    lake_close(&lake);
    return out;
}

/* ---- the parent ---- */

struct room {
    char folder[64];
    struct error e;
};

static int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    if (!world_folder(r->folder)) return -1;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    char *acked = mem_printf("%s.acked", r->folder);
    unlink(acked);
    mem_free(acked);
    enum err rc = io_remove_tree(r->folder, &r->e);
    mem_free(r);
    return rc == ERR_OK ? 0 : -1;
}

static int run(struct room *r, const char *mode, const char *fault, int steps)
{
    char count[12];
    snprintf(count, sizeof count, "%d", steps);
    pid_t pid = fork();
    if (!pid) {
        if (fault) setenv("LAKEFM_FAULT", fault, 1);
        execl("/proc/self/exe", "crash_test", mode, r->folder, count, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        if (WTERMSIG(status) != SIGKILL) fail_msg("%s with %s died of signal %d", mode, fault ? fault : "no fault", WTERMSIG(status));
        return KILLED;
    }
    if (WEXITSTATUS(status) >= WRONG) fail_msg("%s with %s: exit %d", mode, fault ? fault : "no fault", WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

static int64_t acknowledged(struct room *r)
{
    struct buf text = {0};
    char *path = mem_printf("%s.acked", r->folder);
    int64_t out = io_read_file(path, &text, NULL) == ERR_OK ? strtoll(text.ptr, NULL, 10) : 0;
    buf_reset(&text);
    mem_free(path);
    return out;
}

/* Recovery, then: nothing acknowledged is lost, no row is there twice, the lake is what its log says. */
static void check(struct room *r, const char *fault)
{
    struct lake *lake;
    struct lake_totals totals;
    if (lake_open(r->folder, LAKE_WRITER, &lake, &r->e) == ERR_NOT_FOUND) {
        assert_int_equal(acknowledged(r), 0);
        return;
    }
    assert_non_null(lake);
    lake_totals(lake, &totals);
    int64_t position = world_position(lake), refined = totals.topic_count ? position - totals.topic[0].pending_rows : 0;
    bool ok = position >= acknowledged(r) && world_audit(lake) && world_is_right(r->folder, refined);
    lake_totals_free(&totals);
    lake_close(&lake);
    if (ok && position > 600) { /* a new life: auditing a long one takes its time */
        char *acked = mem_printf("%s.acked", r->folder);
        unlink(acked);
        mem_free(acked);
        assert_ok(io_remove_tree(r->folder, &r->e), &r->e);
    }
    if (!ok) fail_msg("after %s: position %lld, acknowledged %lld", fault, (long long)position, (long long)acknowledged(r));
}

static const char *const commit_points[] = {
    "lake.commit.dirs", "lake.commit.dirs.done", "lake.commit.swap", "lake.commit.swap.done", "lake.commit.entry",
    "lake.commit.entry.done", "lake.commit.staging", "lake.commit.staging.done", "lake.commit.point", "lake.commit.point.done",
    "lake.commit.log", "lake.commit.log.done", "lake.commit.move", "lake.move", "lake.commit.move.done", "lake.commit.sync",
    "lake.commit.sync.done", "lake.commit.clean", "lake.commit.clean.done", "lake.commit.checkpoint", "lake.commit.checkpoint.done",
};
static const char *const store_points[] = {"store.create", "store.close", "store.fsync", "store.fsync_dir", "store.mkdir", "store.link",
                                           "store.rename", "store.rename_new", "store.exchange", "store.remove", "io.write", "io.fsync"};
static const char *const recovery_points[] = {"lake.recover.begin", "lake.recover.redo", "lake.move", "lake.commit.move.done", "lake.commit.sync",
                                              "lake.commit.sync.done", "lake.commit.clean", "lake.recover.staging", "lake.recover.end",
                                              "store.rename", "store.rename_new", "store.exchange", "store.remove", "store.mkdir"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static int thoroughness(void)
{
    const char *text = getenv("CRASH_ROUNDS"); /* more rounds: make test-faults */
    return text ? atoi(text) : 1;
}

static void kills(struct room *r, const char *const *points, size_t n, int rounds)
{
    char fault[96];
    size_t killed = 0;
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < n; i++) {
            snprintf(fault, sizeof fault, "%s:%d", points[i], round * 7 % 13 + 1);
            killed += run(r, "live", fault, 25) == KILLED;
            check(r, fault);
        }
    assert_true(killed > n * (size_t)rounds / 2); /* the points are really passed */
}

static void kill_at_every_step_of_a_commit(void **state)
{
    kills(*state, commit_points, COUNT(commit_points), 2 * thoroughness());
}

static void kill_at_every_call_to_the_system(void **state)
{
    kills(*state, store_points, COUNT(store_points), 3 * thoroughness());
}

/* The first life and its making: each point on a new lake. */
static void kill_while_a_lake_is_made(void **state)
{
    struct room *r = *state;
    static const char *const points[] = {"lake.init.dirs", "lake.init.entry", "lake.init.rename", "lake.init.sync", "lake.recover.begin",
                                         "lake.recover.staging", "lake.recover.end", "store.mkdir:3", "store.mkdir:7", "store.fsync", "store.fsync_dir:7"};
    for (size_t i = 0; i < COUNT(points); i++) {
        assert_ok(io_remove_tree(r->folder, &r->e), &r->e);
        assert_int_equal(run(r, "live", points[i], 2), KILLED);
        check(r, points[i]);
        assert_int_equal(run(r, "live", NULL, 2), FINE);
        check(r, "nothing");
        char *acked = mem_printf("%s.acked", r->folder);
        unlink(acked);
        mem_free(acked);
    }
}

/* Recovery itself is killed, again and again, at another point each time. */
static void kill_recovery_over_and_over(void **state)
{
    struct room *r = *state;
    char first[96], again[96];
    size_t killed = 0;
    static const char *const starts[] = {"lake.commit.point.done", "lake.commit.log.done", "lake.move:2", "lake.move:3", "lake.commit.move.done",
                                         "lake.commit.sync.done"};
    for (int round = 0; round < 2 * thoroughness(); round++)
        for (size_t i = 0; i < COUNT(starts); i++) {
            snprintf(first, sizeof first, "%s%s", starts[i], strchr(starts[i], ':') ? "" : round % 2 ? ":6" : ":3");
            run(r, "live", first, 25);
            for (size_t k = 0; k < COUNT(recovery_points); k++) {
                snprintf(again, sizeof again, "%s:%d", recovery_points[k], 1 + (int)(k + i) % 2);
                killed += run(r, "live", again, 0) == KILLED;
            }
            check(r, first);
        }
    assert_true(killed > 10);
}

static void errors_at_every_point(struct room *r, const char *const *points, size_t n, const char *how, const char *mode)
{
    char fault[96];
    for (size_t i = 0; i < n; i++)
        for (int nth = 1; nth < 8; nth += 3) {
            snprintf(fault, sizeof fault, "%s:%d=%s", points[i], nth, how);
            int out = run(r, mode, fault, 12);
            if (out == FAILED_OTHER) fail_msg("%s gave neither ok, no space nor i/o error", fault);
            if (!strcmp(mode, "go-on") && out != FINE && out != FAILED_IO) fail_msg("%s: could not go on (%d)", fault, out);
            check(r, fault);
        }
}

static void a_failing_disk_stops_the_writer(void **state)
{
    errors_at_every_point(*state, store_points, COUNT(store_points), "eio", "live");
    errors_at_every_point(*state, commit_points, COUNT(commit_points), "eio", "live");
}

static void a_full_disk_harms_nothing(void **state)
{
    errors_at_every_point(*state, store_points, COUNT(store_points), "enospc", "live");
    errors_at_every_point(*state, commit_points, COUNT(commit_points), "enospc", "live");
}

static void work_goes_on_when_there_is_room_again(void **state)
{
    errors_at_every_point(*state, store_points, COUNT(store_points), "enospc", "go-on");
    errors_at_every_point(*state, commit_points, COUNT(commit_points), "enospc", "go-on");
}

static void kill_at_random_moments(void **state)
{
    struct room *r = *state;
    unsigned seed = (unsigned)time(NULL);
    const char *given = getenv("CRASH_SEED");
    if (given) seed = (unsigned)strtoul(given, NULL, 10);
    print_message("CRASH_SEED=%u\n", seed);
    for (int i = 0; i < 15 * thoroughness(); i++) {
        pid_t pid = fork();
        if (!pid) {
            execl("/proc/self/exe", "crash_test", "live", r->folder, "100000", (char *)NULL);
            _exit(127);
        }
        usleep(1000 + (unsigned)rand_r(&seed) % 60000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        check(r, "a kill at a random moment");
    }
}

/* ---- a disk that is really full: a small tmpfs in a mount namespace of its own ---- */

static int fill_small_disk(const char *folder)
{
    struct error e;
    struct lake *lake;
    char text[1600], *ballast = mem_printf("%s/ballast", folder), *inside = mem_printf("%s/lake", folder);
    if (unshare(CLONE_NEWNS)) return 77;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", folder, "tmpfs", 0, "size=1m")) return 77;
    enum err rc = lake_open_or_init(inside, LAKE_WRITER, &lake, &e);
    int64_t safe = 0;
    /* Fill the disk but for a little, more and more, then free it again. */
    for (int round = 0; round < 12 && rc == ERR_OK; round++) {
        char block[4096] = "x";
        int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, block, sizeof block) == sizeof block) continue;
        struct stat_free { uint64_t bytes; } f;
        if (store_space(lake_store(lake), &f.bytes, &e) != ERR_OK) return WRONG;
        off_t size = lseek(fd, 0, SEEK_END);
        if (ftruncate(fd, size - round * 8192 < 0 ? 0 : size - round * 8192)) return WRONG;
        close(fd);
        int refused = 0;
        for (int i = 0; i < 30 && rc == ERR_OK; i++) {
            rc = world_step(lake, &e);
            if (rc == ERR_OK) safe = world_position(lake);
        }
        refused = rc == ERR_NO_SPACE;
        if (!refused && rc != ERR_OK) break;
        if (world_position(lake) < safe) return WRONG;
        unlink(ballast);
        rc = world_step(lake, &e);
    }
    if (rc != ERR_OK) fprintf(stderr, "full disk: %s\n", err_format(&e, text, sizeof text));
    lake_close(&lake);
    if (rc != ERR_OK || lake_open(inside, LAKE_WRITER, &lake, &e) != ERR_OK) return WRONG;
    struct lake_totals totals;
    lake_totals(lake, &totals);
    bool ok = world_position(lake) >= safe && safe > 0 && world_audit(lake) && world_is_right(inside, world_position(lake) - totals.topic[0].pending_rows);
    lake_totals_free(&totals);
    lake_close(&lake);
    mem_free(ballast);
    mem_free(inside);
    return ok ? FINE : WRONG;
}

static void a_really_full_disk(void **state)
{
    struct room *r = *state;
    pid_t pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "crash_test", "full", r->folder, "0", (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) skip(); /* no right to mount */
    assert_int_equal(WEXITSTATUS(status), FINE);
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "full")) return fill_small_disk(argv[2]);
    if (argc == 4) return child(argv[1], argv[2], atoi(argv[3]));
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(kill_at_every_step_of_a_commit),
        T(kill_at_every_call_to_the_system),
        T(kill_while_a_lake_is_made),
        T(kill_recovery_over_and_over),
        T(a_failing_disk_stops_the_writer),
        T(a_full_disk_harms_nothing),
        T(work_goes_on_when_there_is_room_again),
        T(kill_at_random_moments),
        T(a_really_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
