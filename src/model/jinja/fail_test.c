/* Failing well: place, caret, macros that were active, suggestions; bounds; what is not supported. */
#include "base/test.h"

#include "model/jinja/jinja.h"

#include <stdio.h>
#include <string.h>

static struct error e;

/* Parses and renders; returns the code. */
static enum err render(struct jinja_env *env, const char *source, struct buf *out)
{
    struct jinja_template *t = NULL;
    enum err rc;
    memset(&e, 0, sizeof e);
    TRY(jinja_template_parse(env, source, strlen(source), "models/a.sql", 1, &t, &e));
    TRY(jinja_template_render(env, t, NULL, out, &e));
done:
    jinja_template_free(&t);
    return rc;
}

static void fails(const char *source, enum err code, const char *what, const char *where, const char *hint)
{
    struct jinja_env *env = jinja_env_new(NULL);
    struct buf out = {0};
    jinja_env_add_dbt_functions(env);
    assert_int_equal(render(env, source, &out), code);
    if (what) assert_string_equal(e.what, what);
    if (where) assert_string_equal(e.where, where);
    if (hint) assert_string_equal(e.hint, hint);
    assert_int_equal(out.len, 0);
    assert_true(strlen(jinja_env_trace(env)) > 0);
    buf_reset(&out);
    jinja_env_free(&env);
}

static void places_and_suggestions(void **state)
{
    (void)state;
    fails("select\n  {{ nmae.x }}{% set name = 1 %}", ERR_INPUT, "'nmae' is undefined", "models/a.sql:2:6", NULL);
    fails("{% set revenue = 1 %}\n{{ revenu + 1 }}", ERR_INPUT, "'revenu' is undefined", "models/a.sql:2:4", "did you mean 'revenue'?");
    fails("{{ 'a' | uper }}", ERR_INPUT, "No filter named 'uper'.", "models/a.sql:1:10", "did you mean 'upper'?");
    fails("{{ 1 is nmuber }}", ERR_INPUT, "No test named 'nmuber'.", "models/a.sql:1:9", "did you mean 'number'?");
    fails("{{ 'a'.uper() }}", ERR_INPUT, "'str object' has no attribute 'uper'", "models/a.sql:1:8", "did you mean 'upper'?");
    fails("{{ {'total': 1}.totl.x }}", ERR_INPUT, "'dict object' has no attribute 'totl'", NULL, "did you mean 'total'?");
    fails("{% set x = 1 %}\n{% fro y in z %}", ERR_INPUT, "Encountered unknown tag 'fro'.", "models/a.sql:2:4", "did you mean 'for'?");
    fails("{{ tojsn(1) }}", ERR_INPUT, "'tojsn' is undefined", "models/a.sql:1:4", "did you mean 'tojson'?");
    fails("a\nb\n{% if x %}\n", ERR_INPUT, NULL, "models/a.sql:3:11", NULL);
    fails("\xc3\xa9\xc3\xa9 {{ 1 + 'a' }}", ERR_INPUT, NULL, "models/a.sql:1:9", NULL);
    fails("ok \xff", ERR_INPUT, "byte 0xff is not valid UTF-8", "models/a.sql:1:4", NULL);
}

static void the_trace_shows_line_caret_and_macros(void **state)
{
    (void)state;
    struct jinja_env *env = jinja_env_new(NULL);
    struct buf out = {0};
    assert_int_equal(render(env, "{% macro inner(v) %}\n  {{ v + 1 }}\n{% endmacro %}\n{% macro outer() %}{{ inner('x') }}{% endmacro %}\n\tselect {{ outer() }}", &out), ERR_INPUT);
    assert_string_equal(jinja_env_trace(env),
        "can only concatenate str (not \"int\") to str\n"
        "  models/a.sql:2:8\n"
        "  2 |   {{ v + 1 }}\n"
        "    |        ^\n"
        "  in macro inner (models/a.sql:1), called from models/a.sql:4:23\n"
        "  in macro outer (models/a.sql:4), called from models/a.sql:5:12");
    assert_ok(render(env, "fine", &out), &e);
    assert_string_equal(jinja_env_trace(env), "");
    buf_reset(&out);
    jinja_env_free(&env);
}

static enum err refuse(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    (void)c, (void)out;
    err_set(err, ERR_NOT_FOUND, "no such model");
    return err_hint(err, "look in models/");
}

static enum err swallow(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    struct error mine;
    (void)err;
    if (jinja_invoke(c->env, c->args[0], NULL, 0, NULL, 0, out, &mine) != ERR_OK) *out = jinja_text(c->env, "caught");
    return ERR_OK;
}

static void failures_of_callbacks_pass_through(void **state)
{
    (void)state;
    struct jinja_env *env = jinja_env_new(NULL);
    struct buf out = {0};
    jinja_env_global(env, "ref", jinja_function(env, "ref", refuse, NULL));
    jinja_env_global(env, "attempt", jinja_function(env, "attempt", swallow, NULL));
    assert_int_equal(render(env, "a\n {{ ref('x') }}", &out), ERR_NOT_FOUND);
    assert_string_equal(e.what, "no such model");
    assert_string_equal(e.where, "models/a.sql:2:5");
    assert_string_equal(e.hint, "look in models/");
    assert_ok(render(env, "{{ attempt(ref) }}", &out), &e);
    assert_string_equal(out.ptr, "caught");
    assert_int_equal(render(env, "{{ attempt(ref) }}\n{{ 1 // 0 }}", &out), ERR_INPUT);
    assert_string_equal(e.where, "models/a.sql:2:6");
    assert_string_equal(e.hint, "");
    buf_reset(&out);
    jinja_env_free(&env);
}

/* ---- bounds ------------------------------------------------------------------------------------------------------- */

static const struct jinja_limits small = {.max_steps = 200000, .max_macro_depth = 50, .max_output_bytes = 100000, .max_memory_bytes = 8 << 20};

static void stops(const char *source, const char *because)
{
    struct jinja_env *env = jinja_env_new(&small);
    struct buf out = {0};
    jinja_env_add_dbt_functions(env);
    enum err rc = render(env, source, &out);
    if (rc != ERR_INPUT || !strstr(e.what, because)) print_error("%.60s: %s\n", source, e.what);
    assert_int_equal(rc, ERR_INPUT);
    assert_non_null(strstr(e.what, because));
    assert_true(strlen(jinja_env_trace(env)) < 20000);
    buf_reset(&out);
    jinja_env_free(&env);
}

static void nothing_goes_on_for_ever(void **state)
{
    (void)state;
    stops("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "does not come to an end");
    stops("{% set l = [1] %}{% for x in l %}{% do l.append(x) %}{% endfor %}", "does not come to an end");
    stops("{% for x in modules.itertools.count() %}{% endfor %}", "does not come to an end");
    stops("{{ modules.itertools.cycle([1]) | list }}", "max_memory_bytes");
    stops("{{ modules.itertools.product(range(99), repeat=9) | list }}", "max_memory_bytes");
    stops("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "macros are active");
    stops("{% macro m() %}{% call m() %}x{% endcall %}{{ caller }}{% endmacro %}{{ m() }}", "macros are active");
    stops("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "too deeply");
    stops("{{ 'a' * 1000000000000 }}", "max_memory_bytes");
    stops("{{ [1] * 1000000000 }}", "max_memory_bytes");
    stops("{{ 'a'.ljust(999999999) }}", "max_output_bytes");
    stops("{{ '%999999999d' % 1 }}", "max_output_bytes");
    stops("{{ '{:999999999}'.format(1) }}", "max_output_bytes");
    stops("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "max_output_bytes");
    stops("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "max_memory_bytes");
    stops("{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}", "max_output_bytes");
    stops("{% for i in range(99999) %}{{ '0123456789' }}{% endfor %}", "max_output_bytes");
    stops("{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", "too deeply");
    stops("{% set ns = namespace(l=[], m=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}", "too deeply");
    stops("{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}", "too deeply");
    stops("{% set ns = namespace(l=()) %}{% for i in range(9999) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}", "too deeply");
    stops("{{ modules.re.match('(a|aa)+$', 'a' * 60 ~ 'b') }}", "gives up");
}

static void nested(const char *open, const char *middle, const char *close, size_t times)
{
    struct buf b = {0};
    for (size_t i = 0; i < times; i++) buf_str(&b, open);
    buf_str(&b, middle);
    for (size_t i = 0; i < times; i++) buf_str(&b, close);
    stops(b.ptr, "nested too deeply");
    buf_reset(&b);
}

static void deep_sources_are_refused(void **state)
{
    (void)state;
    struct buf b = {0};
    nested("{% if 1 %}", "x", "{% endif %}", 1000);
    buf_str(&b, "{{ ");
    for (int i = 0; i < 100000; i++) buf_char(&b, '(');
    buf_str(&b, "1");
    for (int i = 0; i < 100000; i++) buf_char(&b, ')');
    buf_str(&b, " }}");
    stops(b.ptr, "nested too deeply");
    buf_clear(&b);
    buf_str(&b, "{{ 1");
    for (int i = 0; i < 100000; i++) buf_str(&b, " + 1");
    buf_str(&b, " }}");
    stops(b.ptr, "too deeply");
    buf_clear(&b);
    buf_str(&b, "{{ ");
    for (int i = 0; i < 100000; i++) buf_str(&b, "not ");
    buf_str(&b, "1 }}");
    stops(b.ptr, "too deeply");
    buf_reset(&b);
}

static enum err stop_now(void *ctx, struct error *err)
{
    if (++*(int *)ctx < 3) return ERR_OK;
    return err_set(err, ERR_STOPPED, "interrupted");
}

static void a_render_can_be_interrupted(void **state)
{
    (void)state;
    struct jinja_env *env = jinja_env_new(NULL);
    struct buf out = {0};
    int asked = 0;
    jinja_env_interrupt(env, stop_now, &asked);
    assert_int_equal(render(env, "{% macro m() %}{% for i in range(99999) %}{{ i }}{% endfor %}{% endmacro %}{{ m() }}", &out), ERR_STOPPED);
    assert_string_equal(e.what, "interrupted");
    assert_int_equal(asked, 3);
    buf_reset(&out);
    jinja_env_free(&env);
}

static void integers_do_not_overflow(void **state)
{
    (void)state;
    static const char *const all[] = {"9223372036854775807 + 1", "-9223372036854775807 - 2", "9223372036854775807 * 2", "2 ** 63", "10 ** 19", "'9223372036854775808' | int",
        "1e19 | int", "-(-9223372036854775807 - 1)", "(-9223372036854775807 - 1) // -1", "9223372036854775807 | round(-1)", "(-9223372036854775807 - 1) | abs", "[9223372036854775807, 1] | sum"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char source[100];
        snprintf(source, sizeof source, "{{ %s }}", all[i]);
        struct jinja_env *env = jinja_env_new(NULL);
        struct buf out = {0};
        assert_int_equal(render(env, source, &out), ERR_INPUT);
        assert_non_null(strstr(e.what, "64 bits"));
        buf_reset(&out);
        jinja_env_free(&env);
    }
    fails("{{ 9223372036854775808 }}", ERR_INPUT, "integer 9223372036854775808 is too large: integers have 64 bits", NULL, NULL);
}

static void what_is_lacking_says_so(void **state)
{
    (void)state;
    static const char *const all[] = {"{% include 'x' %}", "{% extends 'x' %}", "{% block b %}{% endblock %}", "{% import 'x' as y %}", "{% from 'x' import y %}",
        "{% autoescape true %}{% endautoescape %}", "{{ lipsum() }}", "{{ [1] | random }}", "{{ 'x' | urlize }}", "{{ (-8) ** 0.5 }}", "{{ 'a'.encode() }}",
        "{{ '\\N{BULLET}' }}", "{{ modules.datetime.datetime.strptime('1', '%W') }}", "{{ fromjson('[1]') | tojson(indent='x') }}"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fails(all[i], ERR_UNSUPPORTED, NULL, NULL, NULL);
        assert_non_null(strstr(e.what, "not supported"));
        assert_true(str_starts(e.where, "models/a.sql:1:"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_and_suggestions),
        cmocka_unit_test(the_trace_shows_line_caret_and_macros),
        cmocka_unit_test(failures_of_callbacks_pass_through),
        cmocka_unit_test(nothing_goes_on_for_ever),
        cmocka_unit_test(deep_sources_are_refused),
        cmocka_unit_test(a_render_can_be_interrupted),
        cmocka_unit_test(integers_do_not_overflow),
        cmocka_unit_test(what_is_lacking_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
