#include "base/test.h"

#include "base/io.h"
#include "simulate/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config *loaded;
static struct error e;
static char warning[512];

static void on_warn(void *ctx, const char *text)
{
    (void)ctx;
    snprintf(warning, sizeof warning, "%s", text);
}

static enum err load(const char *text)
{
    char path[] = "/tmp/lakefm-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    config_free(&loaded);
    memset(&e, 0, sizeof e);
    warning[0] = '\0';
    struct error io;
    assert_ok(io_write_file(path, text, strlen(text), false, &io), &io);
    enum err rc = config_load(path, on_warn, NULL, &loaded, &e);
    unlink(path);
    return rc;
}

/* The error must hold what, on that line, and the hint (NULL: any). */
static void refused(const char *text, const char *what, int line, const char *hint)
{
    char end[16];
    assert_int_equal(load(text), ERR_INPUT);
    snprintf(end, sizeof end, ":%d", line);
    if (!strstr(e.what, what)) fail_msg("\"%s\" is not in \"%s\"", what, e.what);
    if (!strstr(e.where, end) || strcmp(strstr(e.where, end), end)) fail_msg("%s instead of line %d (%s)", e.where, line, what);
    if (hint && !strstr(e.hint, hint)) fail_msg("\"%s\" is not in \"%s\"", hint, e.hint);
}

#define A "{\"page\":\"A\",\"auth\":\"x\",\"status\":200,\"method\":\"GET\",\"level\":\"f\"}"
#define B "{\"page\":\"B\",\"auth\":\"x\",\"status\":307,\"method\":\"GET\",\"level\":\"f\"}"

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    refused("{\n\"alpha\": 1,\n\"bta\": 2}", "unknown key \"bta\"", 3, "\"beta\"");
    refused("{\n\"session_gap\": 2}", "unknown key \"session_gap\"", 2, "\"session-gap\"");
    refused("{\"zzzzzzzzzz\": 2}", "unknown key", 1, "known here: seed, alpha");
    refused("{\"alpha\":\n \"1\"}", "\"alpha\" must be a number", 1, NULL);
    refused("{\"levels\": [{\"level\":\"a\",\n\"weight\":1},\n{\"level\":\"b\",\n\"wait\":1}]}", "unknown key \"wait\"", 4, "weight");
    refused("{\"levels\": {}}", "must be a list", 1, NULL);
    refused("{\"levels\": [\n3]}", "an object", 2, NULL);
    refused("{\"auths\": [{\"auth\":\"a\",\n\"weight\":-1}]}", "negative", 2, NULL);
    refused("{\"transitions\": [\n{\"source\":" A ",\n\"dest\":{\"page\":\"A\",\n\"aut\":1}}]}", "unknown key \"aut\"", 4, "auth");
    refused("{\"transitions\": [\n{\"source\":" A ",\n\"dest\":{\"page\":\"A\"},\"p\":1}]}", "\"auth\" is missing", 3, NULL);
    refused("{\"transitions\": [\n{\"source\":" A "}]}", "\"dest\" is missing", 2, NULL);
    refused("{\"transitions\": [\n{\"source\":" A ",\"dest\":" B "}]}", "\"p\" is missing", 2, NULL);
    refused("{\"transitions\": [\n{\"source\":" A ",\"dest\":" B ",\"p\":0.7},\n{\"source\":" A ",\"dest\":" A ",\n\"p\":0.4}]}",
            "more than 1", 4, NULL);
    refused("{\"new-session\": [\n{\"page\":\"A\",\"auth\":\"x\",\"status\":200,\"weight\":1}]}", "occurs in no transition", 2, NULL);
    refused("{\"show-user-details\":[{\"auth\":\"x\",\n\"show\":1}]}", "true or false", 2, NULL);
    refused("{\"start-date\":\n\"2025-11-01 00:00\"}", "is no time", 1, NULL);
    refused("{\"alpha\": 1,\n\n}", "not valid JSON", 3, NULL);
    refused("", "not valid JSON", 1, NULL);
    assert_int_equal(config_load("/nonexistent/x.json", NULL, NULL, &loaded, &e), ERR_NOT_FOUND);
}

static void braces_in_texts_do_not_confuse_lines(void **state)
{
    (void)state;
    refused("{\"tag\": \"} ] \\\" {\\\\\",\n\"levels\": [{\"level\":\"[\\\"\",\"weight\":1}],\n\"bta\":1}", "unknown key \"bta\"", 3, NULL);
}

static void numbers_are_doubles_cut_to_ints(void **state)
{
    (void)state;
    assert_ok(load("{\"seed\": 7.9, \"n-users\": 3.99, \"session-gap\": -1.5, \"weekend-damping-offset\": 1e12, "
                   "\"first-user-id\": -7, \"alpha\": 3}"),
              &e);
    assert_true(loaded->seed == 7 && loaded->users == 3 && loaded->session_gap_s == -1 && loaded->first_user_id == -7);
    assert_true(loaded->weekend_offset_min == INT32_MAX && loaded->alpha == 3.0 && loaded->beta == 259200 && !loaded->has_growth);
    assert_true(loaded->weekend_scale_min == 6 && loaded->damping == 0.0625);
}

static void the_same_destination_twice_loses_the_first_range(void **state)
{
    (void)state;
    assert_ok(load("{\"transitions\": [{\"source\":" A ",\"dest\":" B ",\"p\":0.5}, {\"source\":" A ",\"dest\":" A ",\"p\":0.125},"
                   "{\"source\":" A ",\"dest\":" B ",\"p\":0.25}]}"),
              &e);
    const struct config_state *a = &loaded->states[0];
    const struct config_transition *t = loaded->to + a->first;
    assert_int_equal(a->transitions, 2);
    assert_true(t[0].dest == 0 && t[0].low == 0.5 && t[0].high == 0.625);
    assert_true(t[1].dest == 1 && t[1].low == 0.625 && t[1].high == 0.875);
    assert_true(loaded->states[1].redirect && !a->redirect && loaded->states[1].transitions == 0);
}

static void lists_that_are_not_read_are_warned_of(void **state)
{
    (void)state;
    assert_ok(load("{\"upgrades\": [], \"downgrades\": []}"), &e);
    assert_string_equal(warning, "");
    assert_ok(load("{\n\"upgrades\": [1]}"), &e);
    assert_non_null(strstr(warning, ":2: this list is not read"));
}

static void eventsims_own_files_load(void **state)
{
    (void)state;
    config_free(&loaded);
    assert_ok(config_load("tests/golden/eventsim/alt-example-config.json", on_warn, NULL, &loaded, &e), &e);
    uint32_t transitions = 0, ends = 0;
    for (uint32_t i = 0; i < loaded->states_count; i++) {
        transitions += loaded->states[i].transitions;
        ends += !loaded->states[i].transitions;
    }
    assert_int_equal(transitions, 196);
    assert_int_equal(loaded->states_count, 40);
    assert_int_equal(ends, 2);
    config_free(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(braces_in_texts_do_not_confuse_lines),
        cmocka_unit_test(numbers_are_doubles_cut_to_ints),
        cmocka_unit_test(the_same_destination_twice_loses_the_first_range),
        cmocka_unit_test(lists_that_are_not_read_are_warned_of),
        cmocka_unit_test(eventsims_own_files_load),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    config_free(&loaded);
    return failed;
}
