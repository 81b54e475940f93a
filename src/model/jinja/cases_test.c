/* Our evaluator against what real Jinja2 and dbt made of the templates of tests/jinja (record.py says how they were
 * recorded). Run from the top of the source tree. */
#include "base/test.h"

#include "base/io.h"
#include "model/jinja/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const path = "tests/jinja/cases.json";

/* Where we differ on purpose, or where CPython's answer depends on chance: only success or failure is compared. */
static bool message_is_ours(const char *message)
{
    return strstr(message, "64 bits") || strstr(message, "is not supported");
}

static enum err make_decimal(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    if (!rc) *out = jinja_decimal(c->env, jinja_string_view(v));
    return rc;
}

struct outcome {
    struct buf text;
    char failed[1024];
};

static enum err find_blocks(struct jinja_env *env, struct view t, struct view kinds, struct buf *out, struct error *e)
{
    char copy[100];
    const char *kind[8] = {0};
    struct jinja_blocks b;
    snprintf(copy, sizeof copy, "%.*s", (int)kinds.len, kinds.ptr);
    size_t n = 0;
    for (char *k = strtok(copy, ","); k && n < 7; k = strtok(NULL, ",")) kind[n++] = k;
    enum err rc = jinja_blocks_find(env, t.ptr, t.len, "case", kind, &b, e);
    if (rc) return rc;
    struct jinja_value all = jinja_list(env);
    for (size_t i = 0; i < b.count; i++) {
        struct jinja_value row = jinja_list(env);
        jinja_list_add(env, row, jinja_view(env, b.block[i].kind));
        jinja_list_add(env, row, jinja_view(env, b.block[i].name));
        jinja_list_add(env, row, jinja_view(env, b.block[i].contents));
        jinja_list_add(env, all, row);
    }
    jinja_blocks_reset(&b);
    return jinja_repr(env, all, out, e);
}

static enum err run(struct jinja_env *env, struct jinja_value one, const struct jinja_context *context, struct buf *out, struct error *e)
{
    struct view t = jinja_string_view(jinja_dict_get(one, "template"));
    struct jinja_value kinds = jinja_dict_get(one, "blocks"), v;
    struct jinja_template *tpl = NULL;
    if (!jinja_is_absent(kinds)) return find_blocks(env, t, jinja_string_view(kinds), out, e);
    enum err rc;
    jinja_env_capture(env, !jinja_is_absent(jinja_dict_get(one, "capture")));
    TRY(jinja_template_parse(env, t.ptr, t.len, "case", 1, &tpl, e));
    if (jinja_is_absent(jinja_dict_get(one, "native"))) {
        TRY(jinja_template_render(env, tpl, context, out, e));
    } else {
        TRY(jinja_template_value(env, tpl, context, &v, e));
        TRY(jinja_repr(env, v, out, e));
    }
done:
    jinja_template_free(&tpl);
    return rc;
}

static struct view expected_text(struct jinja_env *env, struct jinja_value v)
{
    struct view s = {0};
    struct error e;
    if (jinja_is_string(v)) return jinja_string_view(v);
    struct buf b = {0};
    assert_ok(jinja_repr(env, v, &b, &e), &e);
    struct jinja_value text = jinja_string(env, b.ptr, b.len);
    buf_reset(&b);
    s = jinja_string_view(text);
    return s;
}

/* NULL when as recorded; else what is wrong. */
static const char *check(struct jinja_env *env, struct jinja_value one, const struct buf *out, enum err rc, const struct error *e)
{
    struct jinja_value expected = jinja_dict_get(one, "expected"), error = jinja_dict_get(one, "error");
    if (jinja_is_absent(error)) {
        if (rc) return "fails";
        return view_eq(expected_text(env, expected), view_from(out->ptr ? out->ptr : "", out->len)) ? NULL : "differs";
    }
    if (!rc) return "does not fail";
    if (!e->where[0]) return "does not say where";
    struct view want = jinja_string_view(error);
    const char *got = e->what; /* Python's message is the bare key */
    if (str_starts(got, "KeyError: ")) got += strlen("KeyError: ");
    if (str_starts(got, "UnknownTimeZoneError: ")) got += strlen("UnknownTimeZoneError: ");
    bool same = view_is(want, got);
    if (same || message_is_ours(e->what) || !jinja_is_absent(jinja_dict_get(one, "loose"))) return NULL;
    return "fails with another message";
}

static void every_recorded_case(void **state)
{
    (void)state;
    struct buf file = {0};
    struct error e = {0};
    struct jinja_value all;
    unsigned failed = 0;
    assert_ok(io_read_file(path, &file, &e), &e);
    struct jinja_env *reader = jinja_env_new(NULL);
    assert_ok(jinja_json_read(reader, file.ptr, file.len, &all, &e), &e);
    struct jinja_value cases = jinja_dict_get(all, "cases");
    assert_true(jinja_seq_count(cases) > 300);
    for (size_t i = 0; i < jinja_seq_count(cases); i++) {
        struct jinja_env *env = jinja_env_new(NULL);
        struct jinja_value one = jinja_seq_items(cases)[i];
        struct jinja_context context = {0};
        struct buf out = {0};
        memset(&e, 0, sizeof e);
        jinja_env_add_dbt_functions(env);
        jinja_env_global(env, "dec", jinja_function(env, "dec", make_decimal, NULL));
        assert_ok(jinja_copy(env, jinja_dict_get(all, "context"), &context.vars, &e), &e);
        enum err rc = run(env, one, &context, &out, &e);
        const char *wrong = check(env, one, &out, rc, &e);
        if (wrong) {
            struct view want = expected_text(env, jinja_is_absent(jinja_dict_get(one, "error")) ? jinja_dict_get(one, "expected") : jinja_dict_get(one, "error"));
            print_error("case %zu %s: %.300s\n  recorded: %.*s\n  got:      %s\n", i, wrong, jinja_string_view(jinja_dict_get(one, "template")).ptr, (int)want.len, want.ptr, rc ? e.what : out.ptr ? out.ptr : "");
            failed++;
        }
        buf_reset(&out);
        jinja_env_free(&env);
    }
    if (failed) print_error("%u of %zu cases\n", failed, jinja_seq_count(cases));
    jinja_env_free(&reader);
    buf_reset(&file);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_recorded_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
