/* What a reader that knows nothing of us sees at every single moment of a lake's life: after each change to the disk the
 * silver folder is read like any glob would. A row is never there twice; and where the file system can exchange folders,
 * a row that was there stays. */
#include "base/test.h"
#include "lake/fixture.h"
#include "lake/internal.h"

enum { MOST = 2000 };

struct watch {
    char folder[64];
    char seen[MOST], was[MOST];
    bool may_be_late, right;
    int looks;
};

static void look(void *ctx, enum store_op op, const char *a, const char *b)
{
    struct watch *w = ctx;
    struct io_names names = {0};
    struct error e;
    if (op != STORE_OP_RENAME && op != STORE_OP_EXCHANGE && op != STORE_OP_REMOVE && op != STORE_OP_LINK) return;
    char *silver = io_path(w->folder, "silver/" WORLD_TABLE);
    memset(w->seen, 0, sizeof w->seen);
    if (io_is_dir(silver) && io_walk(silver, &names, &e) != ERR_OK) w->right = false;
    for (size_t i = 0; i < names.count; i++) {
        char *path = io_path(silver, names.name[i]), *rest = NULL;
        struct buf text = {0};
        if (io_read_file(path, &text, &e) != ERR_OK) w->right = false;
        for (char *line = text.len ? strtok_r(text.ptr, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
            long r = strtol(line, NULL, 10);
            if (r < 0 || r >= MOST || w->seen[r]++) {
                print_error("row %ld is there twice after %s %s\n", r, a, b ? b : "");
                w->right = false;
            }
        }
        mem_free(path);
        buf_reset(&text);
    }
    for (int r = 0; r < MOST && !w->may_be_late; r++)
        if (w->was[r] && !w->seen[r]) {
            print_error("row %d is gone after %s %s\n", r, a, b ? b : "");
            w->right = false;
        }
    memcpy(w->was, w->seen, sizeof w->was);
    w->looks++;
    io_names_free(&names);
    mem_free(silver);
}

static void watch_a_life(unsigned lacks)
{
    struct watch w = {.right = true, .may_be_late = lacks != 0};
    struct lake *lake;
    struct error e;
    assert_true(world_folder(w.folder));
    assert_ok(lake_open_or_init(w.folder, LAKE_WRITER, &lake, &e), &e);
    store_trace(lake_store(lake), look, &w);
    store_lacks(lake_store(lake), lacks);
    for (int i = 0; i < 80 && w.right; i++) assert_ok(world_step(lake, &e), &e);
    assert_true(w.right);
    assert_true(w.looks > 300);
    store_trace(lake_store(lake), NULL, NULL);
    assert_true(world_audit(lake));
    lake_close(&lake);
    assert_ok(io_remove_tree(w.folder, &e), &e);
}

static void a_glob_sees_the_old_set_or_the_new(void **state)
{
    (void)state;
    watch_a_life(0);
}

static void a_glob_sees_rows_late_but_never_twice_on_a_lesser_file_system(void **state)
{
    (void)state;
    watch_a_life(STORE_LACKS_EXCHANGE);
    watch_a_life(STORE_LACKS_EXCHANGE | STORE_LACKS_LINK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_sees_the_old_set_or_the_new),
        cmocka_unit_test(a_glob_sees_rows_late_but_never_twice_on_a_lesser_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
