#include "base/test.h"

#include "serve/clause.h"

static const char sql[] = "select 1 where true [[and a = {{a}}]] [[and b between {{a}} and {{ b }}]]";

static void optional_clauses_stay_only_with_all_their_values(void **state)
{
    struct clause_value values[] = {{view_of("a"), view_of("x' or 1=1 --")}, {view_of("b"), view_of("2")}};
    struct view used[CLAUSE_PARAMETERS];
    struct buf out = {0};
    struct error e;
    size_t count;
    (void)state;
    assert_ok(clause_render(sql, NULL, 0, &out, used, &count, &e), &e);
    assert_string_equal(out.ptr, "select 1 where true  ");
    assert_int_equal(count, 0);
    buf_clear(&out);
    assert_ok(clause_render(sql, values, 1, &out, used, &count, &e), &e);
    assert_string_equal(out.ptr, "select 1 where true and a = ? ");
    assert_int_equal(count, 1);
    assert_true(view_is(used[0], "x' or 1=1 --"));
    buf_clear(&out);
    assert_ok(clause_render(sql, values, 2, &out, used, &count, &e), &e);
    assert_string_equal(out.ptr, "select 1 where true and a = ? and b between ? and ?");
    assert_int_equal(count, 3);
    assert_true(view_is(used[2], "2"));
    buf_reset(&out);
}

static void what_is_shown_has_quoted_literals(void **state)
{
    struct clause_value value = {view_of("a"), view_of("it's")};
    struct buf out = {0};
    (void)state;
    clause_show("select {{a}}", &value, 1, &out);
    assert_string_equal(out.ptr, "select 'it''s'");
    buf_reset(&out);
}

static void mistakes_are_named(void **state)
{
    struct view used[CLAUSE_PARAMETERS];
    struct buf out = {0};
    struct error e;
    size_t count;
    (void)state;
    assert_int_equal(clause_render("a {{x}}", NULL, 0, &out, used, &count, &e), ERR_USAGE);
    assert_non_null(strstr(e.what, "x"));
    assert_int_equal(clause_render("a [[b", NULL, 0, &out, used, &count, &e), ERR_INPUT);
    assert_string_equal(e.where, "byte 2 of the SQL");
    assert_int_equal(clause_render("a {{b", NULL, 0, &out, used, &count, &e), ERR_INPUT);
    assert_int_equal(clause_render("a {{}}", NULL, 0, &out, used, &count, &e), ERR_INPUT);
    buf_reset(&out);
}

static void names_come_once(void **state)
{
    struct view names[CLAUSE_PARAMETERS];
    (void)state;
    assert_int_equal(clause_names(sql, names), 2);
    assert_true(view_is(names[0], "a"));
    assert_true(view_is(names[1], "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optional_clauses_stay_only_with_all_their_values),
        cmocka_unit_test(what_is_shown_has_quoted_literals),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(names_come_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
