/* Many files and folders made durable together. */
#include "base/io.h"
#include "base/mem.h"
#include "base/test.h"
#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 61 };

struct counts {
    int fsync, fsync_dir;
};
static void count(void *ctx, enum store_op op, const char *a, const char *b)
{
    struct counts *c = ctx;
    (void)a;
    (void)b;
    c->fsync += op == STORE_OP_FSYNC;
    c->fsync_dir += op == STORE_OP_FSYNC_DIR;
}

static void open_many(struct store *s, struct store_out **out, struct error *e)
{
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(store_create(s, name, &out[i], e), ERR_OK);
        assert_int_equal(write(out[i]->fd, name, strlen(name)), (ssize_t)strlen(name));
        store_out_begin_sync(out[i]);
    }
}

static void each_file_and_folder_once(void **state)
{
    char folder[] = "/tmp/lakefm-many-XXXXXX";
    struct error e = {0};
    struct store *s;
    struct store_out *out[MANY];
    struct counts counts = {0};
    char *name[MANY];
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_open(folder, 0, &s, &e), ERR_OK);
    store_trace(s, count, &counts);
    open_many(s, out, &e);
    assert_int_equal(store_out_close_all(out, MANY, &e), ERR_OK);
    assert_int_equal(counts.fsync, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_null(out[i]);
        name[i] = mem_printf("d/date=%d", i);
    }
    assert_int_equal(store_make_folders(s, (const char *const *)name, MANY, &e), ERR_OK);
    assert_int_equal(counts.fsync_dir, 2); /* the root, d */
    assert_int_equal(store_make_folders(s, (const char *const *)name, MANY, &e), ERR_OK);
    assert_int_equal(counts.fsync_dir, 2);
    assert_int_equal(store_sync_dirs(s, (const char *const *)name, MANY, &e), ERR_OK);
    assert_int_equal(counts.fsync_dir, 2 + MANY);
    mem_free(name[7]);
    name[7] = mem_strdup("nothing/here");
    assert_int_equal(store_sync_dirs(s, (const char *const *)name, MANY, &e), ERR_NOT_FOUND);
    assert_int_equal(store_out_close_all(out, 0, &e), ERR_OK);
    for (int i = 0; i < MANY; i++) mem_free(name[i]);
    store_close(&s);
    assert_int_equal(io_remove_tree(folder, &e), ERR_OK);
}

/* LAKEFM_FAULT is read once in a process: the program runs itself again. */
static int one_fails(const char *folder)
{
    struct error e = {0};
    struct store *s;
    struct store_out *out[MANY];
    if (store_open(folder, 0, &s, &e) != ERR_OK) return 1;
    open_many(s, out, &e);
    enum err rc = store_out_close_all(out, MANY, &e);
    for (int i = 0; i < MANY; i++)
        if (out[i]) return 2;
    store_close(&s);
    return rc == ERR_IO && strstr(e.what, "fsync") ? 0 : 3;
}

static void one_failure_is_everybodys(void **state)
{
    char folder[] = "/tmp/lakefm-many-XXXXXX";
    struct error e = {0};
    int status;
    (void)state;
    assert_non_null(mkdtemp(folder));
    pid_t child = fork();
    if (!child) {
        setenv("LAKEFM_FAULT", "store.fsync:40=eio", 1);
        execl("/proc/self/exe", "many_test", folder, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(io_remove_tree(folder, &e), ERR_OK);
}

int main(int argc, char **argv)
{
    if (argc == 2) return one_fails(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_and_folder_once),
        cmocka_unit_test(one_failure_is_everybodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
