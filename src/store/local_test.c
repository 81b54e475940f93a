#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct room {
    char folder[64];
    struct store *s;
    struct error e;
};

static int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    strcpy(r->folder, "/tmp/lakefm-store-XXXXXX");
    if (!mkdtemp(r->folder)) return -1;
    if (store_open(r->folder, 0, &r->s, &r->e) != ERR_OK) return -1;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    store_close(&r->s);
    if (io_remove_tree(r->folder, &r->e) != ERR_OK) return -1;
    mem_free(r);
    return 0;
}

static void put(struct room *r, const char *path, const char *text)
{
    assert_ok(store_put(r->s, path, text, strlen(text), &r->e), &r->e);
}

static void holds(struct room *r, const char *path, const char *text)
{
    struct buf b = {0};
    assert_ok(store_read(r->s, path, &b, &r->e), &r->e);
    assert_string_equal(b.len ? b.ptr : "", text);
    buf_reset(&b);
}

static void urls(void **state)
{
    (void)state;
    struct store *s;
    struct error e;
    assert_int_equal(store_open("hdfs:///user", 0, &s, &e), ERR_USAGE);
    assert_non_null(strstr(e.what, "no host"));
    assert_int_equal(store_open("s3://bucket", 0, &s, &e), ERR_USAGE);
    assert_non_null(strstr(e.what, "\"s3\""));
    assert_int_equal(store_open("", 0, &s, &e), ERR_USAGE);
    assert_int_equal(store_open("/nonexistent/lake", 0, &s, &e), ERR_NOT_FOUND);
    assert_int_equal(store_open("/etc/passwd", 0, &s, &e), ERR_INPUT);
    assert_int_equal(store_open("/etc/passwd/lake", STORE_CREATE, &s, &e), ERR_IO);
    assert_null(s);
}

static void makes_its_root_and_survives_chdir(void **state)
{
    struct room *r = *state;
    struct store *s;
    char was[4096];
    char *deep = io_path(r->folder, "a/b/c"), *here = io_path(r->folder, "a");
    assert_ok(store_open(deep, STORE_CREATE, &s, &r->e), &r->e);
    store_close(&s);
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(here), 0);
    assert_ok(store_open("b/c/", 0, &s, &r->e), &r->e);
    assert_int_equal(chdir(was), 0);
    assert_ok(store_put(s, "x", "1", 1, &r->e), &r->e);
    char *local = store_local_path(s, "x");
    assert_true(io_exists(local));
    mem_free(local);
    store_close(&s);
    mem_free(deep);
    mem_free(here);
}

static void paths_outside_are_refused(void **state)
{
    struct room *r = *state;
    struct store_stat st;
    const char *bad[] = {"/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "..", "a/.", NULL};
    for (size_t i = 0; bad[i]; i++) {
        assert_int_equal(store_stat(r->s, bad[i], &st, &r->e), ERR_USAGE);
        assert_int_equal(store_put(r->s, bad[i], "", 0, &r->e), ERR_USAGE);
        assert_int_equal(store_remove_tree(r->s, bad[i], &r->e), ERR_USAGE);
    }
    assert_int_equal(store_remove_tree(r->s, "", &r->e), ERR_USAGE);
    put(r, "..a", "fine");
    assert_ok(store_stat(r->s, "..a", &st, &r->e), &r->e);
    assert_int_equal(st.bytes, 4);
}

static void list_and_walk_in_order(void **state)
{
    struct room *r = *state;
    struct store_items items;
    assert_ok(store_make_dirs(r->s, "d/e/f", &r->e), &r->e);
    assert_ok(store_make_dirs(r->s, "d/e", &r->e), &r->e);
    put(r, "d/b", "12");
    put(r, "d/e/f/z", "");
    put(r, "d/a", "1");
    assert_ok(store_list(r->s, "d", &items, &r->e), &r->e);
    assert_int_equal(items.count, 3);
    assert_string_equal(items.item[0].path, "a");
    assert_string_equal(items.item[2].path, "e");
    assert_true(items.item[2].is_dir && !items.item[1].is_dir);
    store_items_free(&items);
    assert_ok(store_walk(r->s, "", &items, &r->e), &r->e);
    assert_int_equal(items.count, 3);
    assert_string_equal(items.item[1].path, "d/b");
    assert_int_equal(items.item[1].bytes, 2);
    assert_string_equal(items.item[2].path, "d/e/f/z");
    store_items_free(&items);
    assert_ok(store_walk(r->s, "missing", &items, &r->e), &r->e);
    assert_int_equal(items.count, 0);
    store_items_free(&items);
}

static void a_walk_does_not_leave_through_links(void **state)
{
    struct room *r = *state;
    struct store_items items;
    char *link = io_path(r->folder, "out");
    assert_int_equal(symlink("/etc", link), 0);
    assert_ok(store_walk(r->s, "", &items, &r->e), &r->e);
    assert_int_equal(items.count, 1);
    assert_string_equal(items.item[0].path, "out");
    store_items_free(&items);
    mem_free(link);
}

static void written_files_and_dropped_ones(void **state)
{
    struct room *r = *state;
    struct store_out *out, *other;
    assert_ok(store_create(r->s, "f", &out, &r->e), &r->e);
    assert_int_equal(store_create(r->s, "f", &other, &r->e), ERR_EXISTS);
    assert_ok(io_write_all(out->fd, "hello", 5, "f", &r->e), &r->e);
    assert_ok(store_out_close(&out, &r->e), &r->e);
    assert_null(out);
    holds(r, "f", "hello");
    assert_ok(store_create(r->s, "g", &out, &r->e), &r->e);
    store_out_drop(&out);
    store_out_drop(&out);
    assert_false(store_exists(r->s, "g"));
    assert_int_equal(store_create(r->s, "no/such/folder", &out, &r->e), ERR_NOT_FOUND);
    char *local;
    assert_ok(store_fetch(r->s, "f", 5, hash_128("hello", 5), &local, &r->e), &r->e);
    assert_true(str_ends(local, "/f"));
    mem_free(local);
    assert_int_equal(store_fetch(r->s, "g", 0, (struct hash128){0, 0}, &local, &r->e), ERR_NOT_FOUND);
}

/* With and without the file system's own RENAME_NOREPLACE. */
static void only_one_gets_the_name(void **state)
{
    struct room *r = *state;
    for (unsigned lacks = 0; lacks < 2; lacks++) {
        store_lacks(r->s, lacks ? STORE_LACKS_NOREPLACE : 0);
        put(r, "a", "first");
        put(r, "b", "second");
        assert_ok(store_rename_new(r->s, "a", "c", &r->e), &r->e);
        assert_int_equal(store_rename_new(r->s, "b", "c", &r->e), ERR_EXISTS);
        holds(r, "c", "first");
        holds(r, "b", "second");
        assert_false(store_exists(r->s, "a"));
        assert_int_equal(store_rename_new(r->s, "gone", "d", &r->e), ERR_NOT_FOUND);
        assert_ok(store_rename(r->s, "b", "c", &r->e), &r->e);
        holds(r, "c", "second");
        assert_ok(store_remove(r->s, "c", &r->e), &r->e);
        assert_ok(store_remove(r->s, "c", &r->e), &r->e);
    }
}

static void rename_finishes_a_crashed_link_and_unlink(void **state)
{
    struct room *r = *state;
    put(r, "a", "x");
    assert_ok(store_link(r->s, "a", "b", &r->e), &r->e);
    assert_int_equal(store_link(r->s, "a", "b", &r->e), ERR_EXISTS);
    assert_ok(store_rename(r->s, "a", "b", &r->e), &r->e);
    assert_false(store_exists(r->s, "a"));
    holds(r, "b", "x");
}

static void folders_are_exchanged(void **state)
{
    struct room *r = *state;
    assert_ok(store_make_dirs(r->s, "x", &r->e), &r->e);
    assert_ok(store_make_dirs(r->s, "y", &r->e), &r->e);
    put(r, "x/f", "1");
    put(r, "y/g", "2");
    assert_ok(store_exchange(r->s, "x", "y", &r->e), &r->e);
    holds(r, "y/f", "1");
    holds(r, "x/g", "2");
    assert_int_equal(store_exchange(r->s, "x", "z", &r->e), ERR_NOT_FOUND);
    store_lacks(r->s, STORE_LACKS_EXCHANGE | STORE_LACKS_LINK);
    assert_int_equal(store_exchange(r->s, "x", "y", &r->e), ERR_UNSUPPORTED);
    assert_int_equal(store_link(r->s, "x/g", "h", &r->e), ERR_UNSUPPORTED);
    assert_int_equal(r->e.code, ERR_UNSUPPORTED);
    assert_int_equal(store_remove(r->s, "x", &r->e), ERR_IO); /* not empty */
    assert_ok(store_remove_tree(r->s, "x", &r->e), &r->e);
    assert_ok(store_remove_tree(r->s, "x", &r->e), &r->e);
}

static void a_lock_names_its_holder(void **state)
{
    struct room *r = *state;
    struct store_lock *mine, *other, *third;
    assert_ok(store_lock(r->s, "lock", STORE_LOCK_EXCLUSIVE, false, &mine, &r->e), &r->e);
    pid_t child = fork();
    if (!child) {
        struct error e;
        struct store *s;
        char expect[32];
        snprintf(expect, sizeof expect, "pid=%ld host=", (long)getppid());
        bool ok = store_open(r->folder, 0, &s, &e) == ERR_OK &&
                  store_lock(s, "lock", STORE_LOCK_EXCLUSIVE, false, &other, &e) == ERR_BUSY && strstr(e.what, expect);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_lock(r->s, "lock", STORE_LOCK_SHARED, false, &other, &r->e), ERR_BUSY);
    store_unlock(&mine);
    assert_null(mine);
    assert_ok(store_lock(r->s, "lock", STORE_LOCK_SHARED, false, &mine, &r->e), &r->e);
    assert_ok(store_lock(r->s, "lock", STORE_LOCK_SHARED, false, &other, &r->e), &r->e);
    assert_int_equal(store_lock(r->s, "lock", STORE_LOCK_EXCLUSIVE, false, &third, &r->e), ERR_BUSY);
    assert_non_null(strstr(r->e.what, "shared"));
    store_unlock(&other);
    store_unlock(&mine);
    assert_ok(store_lock(r->s, "lock", STORE_LOCK_EXCLUSIVE, true, &mine, &r->e), &r->e);
    store_unlock(&mine);
}

static void a_killed_holder_lets_go(void **state)
{
    struct room *r = *state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        struct error e;
        struct store *s;
        struct store_lock *lock;
        if (store_open(r->folder, 0, &s, &e) != ERR_OK ||
            store_lock(s, "lock", STORE_LOCK_EXCLUSIVE, false, &lock, &e) != ERR_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    struct store_lock *mine;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(store_lock(r->s, "lock", STORE_LOCK_EXCLUSIVE, false, &mine, &r->e), ERR_BUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(store_lock(r->s, "lock", STORE_LOCK_EXCLUSIVE, false, &mine, &r->e), &r->e);
    store_unlock(&mine);
    close(ready[0]);
    close(ready[1]);
}

struct seen {
    char text[512];
};
static void see(void *ctx, enum store_op op, const char *a, const char *b)
{
    static const char *const names[] = {"create", "fsync", "fsync_dir", "mkdir", "link", "rename", "exchange", "remove"};
    struct seen *seen = ctx;
    size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof seen->text - n, "%s %s%s%s\n", names[op], a, b ? " " : "", b ? b : "");
}

static void the_trace_shows_each_change(void **state)
{
    struct room *r = *state;
    struct seen seen = {""};
    store_trace(r->s, see, &seen);
    assert_ok(store_make_dirs(r->s, "p/q", &r->e), &r->e);
    put(r, "p/q/f", "1");
    assert_ok(store_rename_new(r->s, "p/q/f", "g", &r->e), &r->e);
    assert_int_equal(store_rename(r->s, "none", "g", &r->e), ERR_NOT_FOUND);
    assert_string_equal(seen.text, "mkdir p\nmkdir p/q\nfsync_dir \nfsync_dir p\ncreate p/q/f\nfsync p/q/f\nrename p/q/f g\n");
}

/* LAKEFM_FAULT is read once in a process: the program runs itself again for each fault. */
static int faulty_put(char **argv)
{
    struct error e;
    struct store *s;
    if (store_open(argv[0], 0, &s, &e) != ERR_OK) return 1;
    enum err got = store_put(s, "faulty", "x", 1, &e);
    bool remains = store_exists(s, "faulty");
    store_close(&s);
    return (int)got == atoi(argv[1]) && remains == atoi(argv[2]) ? 0 : 2;
}

static void with_fault(struct room *r, const char *fault, enum err expect, bool file_remains)
{
    char code[12];
    snprintf(code, sizeof code, "%d", (int)expect);
    pid_t child = fork();
    if (!child) {
        setenv("LAKEFM_FAULT", fault, 1);
        execl("/proc/self/exe", "local_test", r->folder, code, file_remains ? "1" : "0", (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status) print_error("fault %s: status %d\n", fault, status);
    assert_int_equal(status, 0);
    assert_ok(store_remove(r->s, "faulty", &r->e), &r->e);
}

static void failed_writes_leave_no_file(void **state)
{
    struct room *r = *state;
    with_fault(r, "store.create=enospc", ERR_NO_SPACE, false);
    with_fault(r, "io.write=enospc", ERR_NO_SPACE, false);
    with_fault(r, "store.fsync=eio", ERR_IO, false);
    with_fault(r, "io.fsync=eio", ERR_IO, false);
    with_fault(r, "store.close=enospc", ERR_NO_SPACE, false);
}

static void there_is_space(void **state)
{
    struct room *r = *state;
    uint64_t bytes = 0;
    assert_ok(store_space(r->s, &bytes, &r->e), &r->e);
    assert_true(bytes > 0);
}

int main(int argc, char **argv)
{
    if (argc == 4) return faulty_put(argv + 1);
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        T(makes_its_root_and_survives_chdir),
        T(paths_outside_are_refused),
        T(list_and_walk_in_order),
        T(a_walk_does_not_leave_through_links),
        T(written_files_and_dropped_ones),
        T(only_one_gets_the_name),
        T(rename_finishes_a_crashed_link_and_unlink),
        T(folders_are_exchanged),
        T(a_lock_names_its_holder),
        T(a_killed_holder_lets_go),
        T(the_trace_shows_each_change),
        T(failed_writes_leave_no_file),
        T(there_is_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
