/* The public interface: values, calls in both directions, objects, contexts, macros, native rendering, copies. */
#include "base/test.h"

#include "model/jinja/jinja.h"

#include <stdio.h>
#include <string.h>

static struct jinja_env *env;
static struct error e;

static int setup(void **state)
{
    (void)state;
    env = jinja_env_new(NULL);
    memset(&e, 0, sizeof e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jinja_env_free(&env);
    assert_null(env);
    return 0;
}

/* Renders a template whole and compares. */
static void renders(const char *source, const struct jinja_context *c, const char *expected)
{
    struct jinja_template *t = NULL;
    struct buf out = {0};
    assert_ok(jinja_template_parse(env, source, strlen(source), "t.sql", 1, &t, &e), &e);
    assert_ok(jinja_template_render(env, t, c, &out, &e), &e);
    assert_string_equal(out.ptr ? out.ptr : "", expected);
    buf_reset(&out);
    jinja_template_free(&t);
    assert_null(t);
}

static void assert_str(struct jinja_value v, const char *expected)
{
    struct view s;
    assert_ok(jinja_str_view(env, v, &s, &e), &e);
    assert_string_equal(s.ptr, expected);
}

static void values_print_as_python_does(void **state)
{
    (void)state;
    struct jinja_value list = jinja_list(env), d = jinja_dict(env), s = jinja_set(env);
    jinja_list_add(env, list, jinja_int(1));
    jinja_list_add(env, list, jinja_float(2));
    jinja_list_add(env, list, jinja_none());
    jinja_list_add(env, list, jinja_text(env, "it's"));
    jinja_dict_set(env, d, "b", list);
    jinja_dict_set(env, d, "a", jinja_bool(true));
    assert_ok(jinja_dict_put(env, d, jinja_tuple(env, (struct jinja_value[]){jinja_int(1)}, 1), jinja_undefined(env, "x"), &e), &e);
    assert_str(d, "{'b': [1, 2.0, None, \"it's\"], 'a': True, (1,): Undefined}");
    assert_ok(jinja_set_add(env, s, jinja_int(1), &e), &e);
    assert_ok(jinja_set_add(env, s, jinja_float(1.0), &e), &e);
    assert_int_equal(jinja_dict_count(s), 1);
    assert_str(jinja_printf(env, "%s-%d", "x", 5), "x-5");
    assert_str(jinja_string(env, "a\xff z", 4), "a\xef\xbf\xbd z");
    assert_str(jinja_date(env, 19782), "2024-02-29");
    assert_str(jinja_datetime(env, 1709210096123456, true), "2024-02-29 12:34:56.123456+00:00");
    assert_str(jinja_datetime(env, 1709210096000000, false), "2024-02-29 12:34:56");
    assert_str(jinja_decimal(env, view_of("12.50")), "12.50");
    assert_string_equal(jinja_type_name(jinja_decimal(env, view_of("many"))), "str");
}

static void dicts_keep_order_and_forget(void **state)
{
    (void)state;
    struct jinja_value d = jinja_dict(env), key, item, found;
    for (int i = 0; i < 1000; i++) assert_ok(jinja_dict_put(env, d, jinja_printf(env, "k%d", i), jinja_int(i), &e), &e);
    for (int i = 0; i < 1000; i += 2) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        assert_true(jinja_dict_remove(d, name));
        assert_false(jinja_dict_remove(d, name));
    }
    for (int i = 1000; i < 1500; i++) assert_ok(jinja_dict_put(env, d, jinja_int(i), jinja_int(i), &e), &e);
    assert_int_equal(jinja_dict_count(d), 1000);
    assert_int_equal(jinja_dict_get(d, "k999").as.integer, 999);
    assert_true(jinja_is_absent(jinja_dict_get(d, "k998")));
    assert_ok(jinja_dict_find(env, d, jinja_float(1200.0), &found, &e), &e);
    assert_int_equal(found.as.integer, 1200);
    int64_t last = -1;
    size_t n = 0;
    for (size_t at = 0; jinja_dict_next(d, &at, &key, &item); n++) {
        assert_true(item.as.integer > last);
        last = item.as.integer;
    }
    assert_int_equal(n, 1000);
    assert_int_equal(jinja_dict_put(env, d, jinja_list(env), jinja_none(), &e), ERR_INPUT);
    assert_string_equal(e.what, "unhashable type: 'list'");
}

/* ---- calls from templates into C -------------------------------------------------------------------------------- */

static enum err join_args(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    struct jinja_value slot[4];
    enum err rc = jinja_args(c, "first second? *rest **more", slot, err);
    if (rc) return rc;
    struct jinja_value all = jinja_list(c->env);
    for (int i = 0; i < 4; i++) jinja_list_add(c->env, all, jinja_is_absent(slot[i]) ? jinja_text(c->env, "-") : slot[i]);
    assert_string_equal(c->ctx, "ctx");
    *out = all;
    return ERR_OK;
}

static enum err wrap(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    struct jinja_value arg = jinja_int(7), text;
    struct jinja_named named = {view_of("b"), jinja_text(c->env, "named")};
    enum err rc = jinja_invoke(c->env, jinja_arg_named(c, "caller"), &arg, 1, &named, 1, &text, err);
    if (!rc) *out = jinja_printf(c->env, "<%s>", jinja_string_view(text).ptr);
    return rc;
}

static enum err half(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, err);
    if (!rc) *out = jinja_int(v.as.integer / 2);
    return rc;
}

static void functions_filters_and_tests_in_c(void **state)
{
    (void)state;
    jinja_env_global(env, "f", jinja_function(env, "f", join_args, "ctx"));
    jinja_env_global(env, "wrap", jinja_function(env, "wrap", wrap, NULL));
    jinja_env_filter(env, "half", half, NULL);
    jinja_env_test(env, "halfful", half, NULL);
    renders("{{ f(1) }} {{ f(1, second=2) }} {{ f(1, 2, 3, 4, x=5) }}", NULL, "[1, '-', (), {}] [1, 2, (), {}] [1, 2, (3, 4), {'x': 5}]");
    renders("{% call(a, b) wrap() %}{{ a }}{{ b }}{% endcall %}", NULL, "<7named>");
    renders("{{ 10 | half }} {{ [4, 6] | map('half') | list }} {{ 1 is halfful }} {{ 2 is halfful }}", NULL, "5 [2, 3] False True");
}

static void arguments_fail_as_in_python(void **state)
{
    (void)state;
    static const struct { const char *call, *message; } bad[] = {
        {"f()", "f() missing 1 required positional argument: 'first'"}, {"f(1, first=2)", "f() got multiple values for argument 'first'"},
        {"half()", "half() missing 1 required positional argument: 'value'"}, {"half(1, 2)", "half() takes 1 positional argument but 2 were given"},
        {"half(x=1)", "half() got an unexpected keyword argument 'x'"}};
    jinja_env_global(env, "f", jinja_function(env, "f", join_args, "ctx"));
    jinja_env_global(env, "half", jinja_function(env, "half", half, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jinja_value v;
        assert_int_equal(jinja_expression(env, bad[i].call, strlen(bad[i].call), "x", 1, NULL, &v, &e), ERR_INPUT);
        assert_string_equal(e.what, bad[i].message);
    }
}

/* ---- an object of ours ------------------------------------------------------------------------------------------------ */

struct relation {
    const char *schema, *name;
};

static const struct jinja_class class_relation;

static enum err relation_get(struct jinja_env *in, struct jinja_value self, struct view name, struct jinja_value *out, struct error *err)
{
    struct relation *r = jinja_object_data(self, &class_relation);
    (void)err;
    if (view_is(name, "schema")) *out = jinja_text(in, r->schema);
    if (view_is(name, "name")) *out = jinja_text(in, r->name);
    return ERR_OK;
}

static bool relation_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "include");
}

static enum err relation_method(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    struct jinja_value schema;
    if (strcmp(c->name, "include") != 0) return ERR_OK;
    enum err rc = jinja_args(c, "schema?", &schema, err);
    if (!rc) *out = jinja_printf(c->env, "included %s", jinja_is_absent(schema) ? "all" : jinja_type_name(schema));
    return rc;
}

static enum err relation_str(struct jinja_env *in, struct jinja_value self, struct buf *out, struct error *err)
{
    struct relation *r = jinja_object_data(self, &class_relation);
    (void)in, (void)err;
    buf_printf(out, "\"%s\".\"%s\"", r->schema, r->name);
    return ERR_OK;
}

static enum err relation_equal(struct jinja_env *in, struct jinja_value self, struct jinja_value other, bool *out, struct error *err)
{
    struct relation *a = jinja_object_data(self, &class_relation), *b = jinja_object_data(other, &class_relation);
    (void)in, (void)err;
    *out = b && !strcmp(a->schema, b->schema) && !strcmp(a->name, b->name);
    return ERR_OK;
}

static uint64_t relation_hash(struct jinja_value self)
{
    struct relation *r = jinja_object_data(self, &class_relation);
    return (uint64_t)strlen(r->name);
}

static const struct jinja_class class_relation = {.name = "Relation", .get_attr = relation_get, .has_method = relation_has, .method = relation_method, .to_str = relation_str,
    .equal = relation_equal, .hash = relation_hash};

static void objects_behave_as_their_class_says(void **state)
{
    (void)state;
    struct relation a = {"main", "orders"}, b = {"main", "orders"}, c = {"main", "users"};
    jinja_env_global(env, "a", jinja_object(env, &class_relation, &a));
    jinja_env_global(env, "b", jinja_object(env, &class_relation, &b));
    jinja_env_global(env, "c", jinja_object(env, &class_relation, &c));
    renders("{{ a }} {{ a.schema }} {{ a['name'] }} {{ a.nope is defined }} {{ a.include() }} {{ a.include(schema=1) }} {{ a.name.upper() }}", NULL,
        "\"main\".\"orders\" main orders False included all included int ORDERS");
    renders("{{ a == b }} {{ a == c }} {{ a in [c, b] }} {{ {a: 1}[b] }} {{ a is string }} {{ a is none }} {{ a is mapping }} {{ [a] }} {{ 'x ' ~ a }} {{ a | replace('\"', '') }} {{ a.include is callable }}", NULL,
        "True False True 1 False False False [\"main\".\"orders\"] x \"main\".\"orders\" main.orders True");
    struct jinja_value v, args = jinja_int(1);
    assert_ok(jinja_invoke_method(env, jinja_object(env, &class_relation, &a), "include", &args, 1, NULL, 0, &v, &e), &e);
    assert_str(v, "included int");
    assert_null(jinja_object_data(jinja_int(1), &class_relation));
}

/* ---- contexts -------------------------------------------------------------------------------------------------------------- */

static enum err resolve(void *ctx, struct jinja_env *in, struct view name, struct jinja_value *out, struct error *err)
{
    int *asked = ctx;
    ++*asked;
    if (view_is(name, "lazy")) *out = jinja_printf(in, "resolved %d", *asked);
    if (view_is(name, "broken")) return err_set(err, ERR_NOT_FOUND, "the other room is closed");
    return ERR_OK;
}

static void names(void *ctx, struct jinja_env *in, struct jinja_value list)
{
    (void)ctx;
    jinja_list_add(in, list, jinja_text(in, "lazy"));
}

static void names_are_looked_for_in_order(void **state)
{
    (void)state;
    int asked = 0;
    struct jinja_context c = {.vars = jinja_dict(env), .resolve = resolve, .names = names, .ctx = &asked};
    jinja_dict_set(env, c.vars, "v", jinja_int(1));
    jinja_env_global(env, "v", jinja_int(2));
    jinja_env_global(env, "g", jinja_int(3));
    renders("{{ v }}{{ g }}{{ lazy }}{% set lazy = 0 %}{{ lazy }}{{ nope }}", &c, "13resolved 20");
    assert_int_equal(asked, 3);
    struct jinja_value v;
    assert_int_equal(jinja_expression(env, "broken", 6, "m.sql", 7, &c, &v, &e), ERR_NOT_FOUND);
    assert_string_equal(e.what, "the other room is closed");
    assert_string_equal(e.where, "m.sql:7:1");
    assert_int_equal(jinja_expression(env, "lazzy.x", 7, "m.sql", 7, &c, &v, &e), ERR_INPUT);
    assert_string_equal(e.hint, "did you mean 'lazy'?");
}

/* ---- macros ------------------------------------------------------------------------------------------------------------------ */

static const char macro_file[] =
    "{% set ignored = 1 %}\n"
    "{% macro money(amount, scale=2, unit='x') -%}\n{{ amount }}/{{ scale }}{{ other() }}{{ ignored }}\n{%- endmacro %}\n"
    "{% macro rows() %}text{{ return([1, 2]) }}{% endmacro %}\n"
    "{% test at_least(model, bound: int = 1) %}t{% endtest %}\n"
    "{% materialization mine, adapter='duckdb', supported_languages=['sql', 'python'] %}m{% endmaterialization %}\n"
    "{% materialization plain, default %}p{% endmaterialization %}\n"
    "{% if true %}{% macro hidden() %}{% endmacro %}{% endif %}";

static enum err other(const struct jinja_call *c, struct jinja_value *out, struct error *err)
{
    (void)err;
    *out = jinja_text(c->env, "+other");
    return ERR_OK;
}

static void a_file_of_macros(void **state)
{
    (void)state;
    struct jinja_template *t = NULL;
    struct jinja_value v, args = jinja_int(5);
    struct jinja_context c = {.vars = jinja_dict(env)};
    assert_ok(jinja_template_parse(env, macro_file, strlen(macro_file), "m.sql", 1, &t, &e), &e);
    assert_int_equal(jinja_template_macro_count(t), 5);
    const struct jinja_macro_info *m = jinja_template_macro(t, 0);
    assert_true(view_is(m->name, "money") && view_is(m->full_name, "money") && m->kind == JINJA_MACRO_PLAIN);
    assert_int_equal(m->line, 2);
    assert_int_equal(m->arg_count, 3);
    assert_null(m->args[0].default_source.ptr);
    assert_true(view_is(m->args[2].name, "unit") && view_is(m->args[2].default_source, "'x'"));
    assert_true(!strncmp(m->source.ptr, "{% macro money", 14) && m->source.ptr[m->source.len - 1] == '}');
    m = jinja_template_macro(t, 2);
    assert_true(m->kind == JINJA_MACRO_TEST && view_is(m->name, "at_least") && view_is(m->full_name, "test_at_least") && m->arg_count == 2);
    m = jinja_template_macro(t, 3);
    assert_true(view_is(m->full_name, "materialization_mine_duckdb") && view_is(m->adapter, "duckdb") && view_is(m->languages, "['sql', 'python']"));
    m = jinja_template_macro(t, 4);
    assert_true(view_is(m->full_name, "materialization_plain_default") && view_is(m->adapter, "default"));

    jinja_dict_set(env, c.vars, "other", jinja_function(env, "other", other, NULL));
    jinja_dict_set(env, c.vars, "return", jinja_function(env, "return", jinja_fn_return, NULL));
    struct jinja_value money = jinja_template_bind(env, t, 0, &c);
    assert_ok(jinja_invoke(env, money, &args, 1, NULL, 0, &v, &e), &e);
    assert_str(v, "5/2+other");
    struct jinja_named scale = {view_of("scale"), jinja_int(9)};
    assert_ok(jinja_invoke(env, money, &args, 1, &scale, 1, &v, &e), &e);
    assert_str(v, "5/9+other");
    assert_ok(jinja_invoke(env, jinja_template_bind(env, t, 1, &c), NULL, 0, NULL, 0, &v, &e), &e);
    assert_int_equal(v.type, JINJA_LIST);
    assert_str(v, "[1, 2]");
    jinja_env_free(&env);
    jinja_template_free(&t);
}

static void return_goes_to_the_nearest_macro(void **state)
{
    (void)state;
    jinja_env_add_dbt_functions(env);
    renders("{% macro m() %}a{% if true %}{% for i in [1, 2] %}{{ return(i) }}{% endfor %}{% endif %}z{% endmacro %}{{ m() + 1 }}", NULL, "2");
    renders("{% macro w() %}before {{ caller() }} after{% endmacro %}{% call w() %}{{ return('unwound') }}{% endcall %}!", NULL, "unwound!");
    renders("{% macro in() %}{{ return({'k': [1]}) }}{% endmacro %}{% macro out() %}{{ return(in().k) }}{% endmacro %}{% for x in out() %}{{ x }}{% endfor %}", NULL, "1");
    renders("{% macro m() %}{% set x %}{{ return(none) }}{% endset %}{% endmacro %}{{ m() is none }} {{ m() }}", NULL, "True None");
    struct jinja_template *t = NULL;
    struct buf out = {0};
    assert_ok(jinja_template_parse(env, "\n  {{ return(1) }}", 18, "t", 1, &t, &e), &e);
    assert_int_equal(jinja_template_render(env, t, NULL, &out, &e), ERR_INPUT);
    assert_string_equal(e.what, "return() was called outside of a macro");
    assert_int_equal(out.len, 0);
    assert_true(str_starts(e.where, "t:2:"));
    jinja_template_free(&t);
    renders("{{ 1 }}", NULL, "1");
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------ */

static void native_values_keep_their_type(void **state)
{
    (void)state;
    struct jinja_context c = {.vars = jinja_dict(env)};
    struct jinja_template *t = NULL;
    struct jinja_value v;
    jinja_dict_set(env, c.vars, "n", jinja_int(5));
    assert_ok(jinja_template_parse(env, "{{ n }}", 7, "y", 1, &t, &e), &e);
    assert_ok(jinja_template_value(env, t, &c, &v, &e), &e);
    assert_int_equal(v.type, JINJA_INT);
    jinja_template_free(&t);
    assert_ok(jinja_expression(env, "{'a': n + 1}.a", 14, "y", 1, &c, &v, &e), &e);
    assert_int_equal(v.as.integer, 6);
    assert_int_equal(jinja_literal_eval(env, view_of("{'a': (1, -2.5, None, True)}")).type, JINJA_DICT);
    assert_int_equal(jinja_literal_eval(env, view_of("true")).type, JINJA_ABSENT);
    assert_int_equal(jinja_literal_eval(env, view_of("1 +")).type, JINJA_ABSENT);
    assert_false(jinja_is_template("a { b } # c %", 13));
    assert_true(jinja_is_template("a {# b #}", 9));
}

static void values_travel_between_environments(void **state)
{
    (void)state;
    struct jinja_env *there = jinja_env_new(NULL);
    struct jinja_value d = jinja_dict(env), inner = jinja_list(env), copy;
    jinja_dict_set(env, d, "one", inner);
    jinja_dict_set(env, d, "two", inner);
    jinja_list_add(env, inner, jinja_date(env, 0));
    jinja_list_add(env, inner, jinja_decimal(env, view_of("1.50")));
    jinja_list_add(env, inner, d); /* a cycle */
    assert_ok(jinja_copy(there, d, &copy, &e), &e);
    struct jinja_value f = jinja_function(env, "f", half, NULL);
    jinja_env_free(&env);
    struct view s;
    assert_ok(jinja_str_view(there, copy, &s, &e), &e);
    assert_string_equal(s.ptr, "{'one': [datetime.date(1970, 1, 1), Decimal('1.50'), {...}], 'two': [datetime.date(1970, 1, 1), Decimal('1.50'), {...}]}");
    assert_ptr_equal(jinja_dict_get(copy, "one").as.seq, jinja_dict_get(copy, "two").as.seq);
    (void)f;
    jinja_env_free(&there);
}

static void json_both_ways(void **state)
{
    (void)state;
    struct jinja_value v;
    struct buf out = {0};
    const char *text = "{\"b\": [1, 2.5, \"\\u00e9\\n\", null, true], \"a\": {}}";
    assert_ok(jinja_json_read(env, text, strlen(text), &v, &e), &e);
    assert_ok(jinja_json_write(env, v, -1, false, &out, &e), &e);
    assert_string_equal(out.ptr, text);
    buf_clear(&out);
    assert_ok(jinja_json_write(env, v, 1, true, &out, &e), &e);
    assert_string_equal(out.ptr, "{\n \"a\": {},\n \"b\": [\n  1,\n  2.5,\n  \"\\u00e9\\n\",\n  null,\n  true\n ]\n}");
    static const char *const bad[] = {"", "{", "[1,]", "{\"a\" 1}", "\"x", "nul", "1 2", "01", "[\"\t\"]", "-", "{1: 2}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(jinja_json_read(env, bad[i], strlen(bad[i]), &v, &e), ERR_INPUT);
    buf_reset(&out);
}

static enum err collect(void *ctx, const struct jinja_seen_call *c, struct error *err)
{
    struct buf *out = ctx;
    buf_printf(out, "%s@%u:%u[%.*s]", c->path, c->line, c->column, (int)c->macro.len, c->macro.ptr);
    for (size_t i = 0; i < c->count; i++) {
        buf_char(out, i ? ',' : ' ');
        if (jinja_is_absent(c->args[i])) buf_char(out, '?');
        else if (jinja_repr(env, c->args[i], out, err) != ERR_OK) return ERR_INTERNAL;
    }
    for (size_t i = 0; i < c->named_count; i++) buf_printf(out, " %.*s=%s", (int)c->named[i].name.len, c->named[i].name.ptr, jinja_type_name(c->named[i].value));
    buf_str(out, c->dynamic ? " *\n" : "\n");
    return ERR_OK;
}

static void calls_are_seen_without_rendering(void **state)
{
    (void)state;
    struct jinja_template *t = NULL;
    struct buf out = {0};
    static const char source[] = "{{ config(materialized='table', tags=['a']) }}\n{% if false %}{{ ref('a', v=2) }}{% endif %}"
        "{% macro m(x=ref('d')) %}{{ adapter.dispatch('k')(x, *y) }}{% endmacro %}{{ [source('s', -1), f(g(x))] | map('h', ref('z')) }}{# ref('no') #}";
    assert_ok(jinja_template_parse(env, source, strlen(source), "t", 10, &t, &e), &e);
    assert_ok(jinja_template_calls(env, t, collect, &out, &e), &e);
    assert_string_equal(out.ptr, "config@10:4[] materialized=str tags=list\nref@11:18[] 'a' v=int\nref@11:58[m] 'd'\nadapter.dispatch@11:81[m] 'k'\n"
        "adapter.dispatch@11:81[m] ? *\nsource@11:122[] 's',-1\nf@11:139[] ?\ng@11:141[] ?\nref@11:159[] 'z'\n");
    buf_reset(&out);
    jinja_template_free(&t);
}

static void blocks_are_found_without_parsing(void **state)
{
    (void)state;
    static const char *const kinds[] = {"docs", "snapshot", NULL};
    static const char text[] = "# Title {{ x }}\n{% docs one %}\nIt's {{ broken\n{% enddocs %}\n{# {% docs no %} #}\n{% snapshot s -%}\n select 1 {% endsnapshot %}";
    struct jinja_blocks b;
    assert_int_equal(jinja_blocks_find(env, text, strlen(text), "d.md", kinds, &b, &e), ERR_INPUT);
    assert_true(str_starts(e.where, "d.md:3:"));
    static const char good[] = "# Title {{ x }}\n{% docs one %}\nText\n{% enddocs %}\n{# {% docs no %} #}\n\n{% snapshot s, x='%}' -%}\n select 1 {% endsnapshot %}";
    assert_ok(jinja_blocks_find(env, good, strlen(good), "d.md", kinds, &b, &e), &e);
    assert_int_equal(b.count, 2);
    assert_true(view_is(b.block[0].kind, "docs") && view_is(b.block[0].name, "one") && view_is(b.block[0].contents, "\nText\n"));
    assert_int_equal(b.block[0].line, 2);
    assert_true(view_is(b.block[1].name, "s") && view_is(b.block[1].args, ", x='%}'") && view_is(b.block[1].contents, "select 1 "));
    assert_int_equal(b.block[1].line, 7);
    assert_int_equal(b.block[1].contents_line, 8);
    jinja_blocks_reset(&b);
}

static int64_t fixed_now(void *ctx)
{
    return *(int64_t *)ctx;
}

static void the_clock_can_be_set(void **state)
{
    (void)state;
    int64_t now = 1709210096123456;
    jinja_env_now(env, fixed_now, &now);
    jinja_env_add_dbt_functions(env);
    renders("{{ modules.datetime.datetime.utcnow() }} {{ modules.datetime.datetime.now(modules.pytz.utc).isoformat() }}", NULL, "2024-02-29 12:34:56.123456 2024-02-29T12:34:56.123456+00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_print_as_python_does, setup, teardown),
        cmocka_unit_test_setup_teardown(dicts_keep_order_and_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_filters_and_tests_in_c, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_fail_as_in_python, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_behave_as_their_class_says, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_looked_for_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_macros, setup, teardown),
        cmocka_unit_test_setup_teardown(return_goes_to_the_nearest_macro, setup, teardown),
        cmocka_unit_test_setup_teardown(native_values_keep_their_type, setup, teardown),
        cmocka_unit_test_setup_teardown(values_travel_between_environments, setup, teardown),
        cmocka_unit_test_setup_teardown(json_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_are_seen_without_rendering, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_found_without_parsing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_can_be_set, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
