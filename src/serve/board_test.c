#include "base/test.h"

#include "base/io.h"
#include "serve/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], file[96];

static int make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/lakefm-board-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(file, sizeof file, "%s/own.yml", folder);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static const struct board *own(const char *text, struct board_set **set)
{
    struct error e;
    assert_ok(io_write_file(file, text, strlen(text), false, &e), &e);
    *set = board_set_load(folder);
    return board_find(*set, view_of("own"));
}

static void built_in_boards_have_no_mistake(void **state)
{
    struct board_set *set = board_set_load(NULL);
    (void)state;
    assert_true(set->count >= 5);
    assert_string_equal(set->board[0].name, "overview");
    for (size_t i = 0; i < set->count; i++) assert_null(set->board[i].error);
    board_set_free(&set);
}

static void a_file_of_ones_own_is_read_whole(void **state)
{
    struct board_set *set;
    (void)state;
    const struct board *b = own("title: Mine\norder: 0\ncharts:\n  - id: a\n    title: A\n    kind: line\n    x: d\n    y: [p, q]\n"
                                "    time: date\n    weeks: sum\n    link: {day: d}\n    sql: select {{x}}\n", &set);
    assert_non_null(b);
    assert_null(b->error);
    assert_ptr_equal(b, &set->board[0]);
    const struct board_chart *c = board_chart_find(b, view_of("a"));
    assert_non_null(c);
    assert_int_equal(c->y_count, 2);
    assert_string_equal(c->y[1], "q");
    assert_string_equal(c->link[0].key, "day");
    assert_string_equal(c->weeks, "sum");
    assert_int_equal(c->width, 6);
    assert_null(board_chart_find(b, view_of("b")));
    board_set_free(&set);
}

static void mistakes_carry_their_line_and_spare_the_others(void **state)
{
    static const char *const wrong[][2] = {
        {"title: T\ncharts:\n  - id: a\n    title: A\n    kind: barz\n    sql: s\n", ":5"},
        {"title: T\ncharts:\n  - id: a\n    title: A\n    kind: bars\n", ":3"},
        {"title: T\ncharts:\n  - id: a\n    title: A\n    kind: bars\n    sql: 'x [[ y'\n", ":6"},
        {"title: T\ncharts:\n  - {id: a, title: A, kind: bars, sql: s}\n  - {id: a, title: A, kind: bars, sql: s}\n", ":4"},
        {"title: T\ncharts:\n  - {id: a, title: A, kind: bars, sql: s, width: 13}\n", ":3"},
        {"title: T\ncharts:\n  - {id: a, title: A, kind: bars, sql: s, weeks: mean}\n", ":3"},
        {"titel: T\n", ":1"},
        {"title: [\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct board_set *set;
        const struct board *b = own(wrong[i][0], &set);
        assert_non_null(b);
        assert_non_null(b->error);
        assert_non_null(strstr(b->error, "own.yml"));
        assert_non_null(strstr(b->error, wrong[i][1]));
        assert_int_equal(b->chart_count, 0);
        assert_null(board_find(set, view_of("overview"))->error);
        board_set_free(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_boards_have_no_mistake),
        cmocka_unit_test_setup_teardown(a_file_of_ones_own_is_read_whole, make, drop),
        cmocka_unit_test_setup_teardown(mistakes_carry_their_line_and_spare_the_others, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
