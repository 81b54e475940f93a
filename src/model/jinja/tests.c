/* Tests: what stands behind `is`. */
#include "model/jinja/internal.h"

#define TEST(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

static enum err one(const struct jinja_call *c, struct jinja_value *v, struct error *e) { return jinja_args(c, "value", v, e); }

static enum err says(struct jinja_value *out, bool yes)
{
    *out = jinja_bool(yes);
    return ERR_OK;
}

/* value % n == want, true for equality or (odd: 1). */
static enum err modulo(const struct jinja_call *c, struct jinja_value v, struct jinja_value n, int64_t want, struct jinja_value *out, struct error *e)
{
    bool same = false;
    struct jinja_value r;
    enum err rc = op_binary(c->env, JINJA_MOD, v, n, &r, e);
    if (!rc) rc = jinja_equal(c->env, r, jinja_int(want), &same, e);
    return rc ? rc : says(out, same);
}

TEST(test_odd)
{
    struct jinja_value v;
    enum err rc = one(c, &v, e);
    return rc ? rc : modulo(c, v, jinja_int(2), 1, out, e);
}

TEST(test_even)
{
    struct jinja_value v;
    enum err rc = one(c, &v, e);
    return rc ? rc : modulo(c, v, jinja_int(2), 0, out, e);
}

TEST(test_divisibleby)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "value num", a, e);
    return rc ? rc : modulo(c, a[0], a[1], 0, out, e);
}

/* Tests of one value by its type. */
static bool is_class(struct jinja_value v, unsigned flag) { return v.type == JINJA_OBJECT && (v.as.object->cls->flags & flag); }
static bool is_defined(struct jinja_value v) { return v.type != JINJA_UNDEFINED; }
static bool is_undefined(struct jinja_value v) { return v.type == JINJA_UNDEFINED; }
static bool is_none(struct jinja_value v) { return v.type == JINJA_NONE; }
static bool is_boolean(struct jinja_value v) { return v.type == JINJA_BOOL; }
static bool is_false(struct jinja_value v) { return v.type == JINJA_BOOL && !v.as.boolean; }
static bool is_true(struct jinja_value v) { return v.type == JINJA_BOOL && v.as.boolean; }
static bool is_integer(struct jinja_value v) { return v.type == JINJA_INT; }
static bool is_float(struct jinja_value v) { return v.type == JINJA_FLOAT; }
static bool is_string(struct jinja_value v) { return v.type == JINJA_STRING || is_class(v, JINJA_CLASS_STRING); }
static bool is_mapping(struct jinja_value v) { return v.type == JINJA_DICT || is_class(v, JINJA_CLASS_MAPPING); }
static bool is_any_number(struct jinja_value v) { return is_number(v) || (v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal); }
static bool is_escaped(struct jinja_value v) { return v.type == JINJA_STRING && v.as.string->flavour == STR_MARKUP; }

/* len() and __getitem__ both. */
static bool is_sequence(struct jinja_value v)
{
    if (v.type == JINJA_OBJECT) return v.as.object->cls->flags & (JINJA_CLASS_SEQUENCE | JINJA_CLASS_MAPPING);
    return v.type == JINJA_STRING || v.type == JINJA_LIST || v.type == JINJA_TUPLE || v.type == JINJA_DICT || v.type == JINJA_UNDEFINED;
}

static enum err by_type(const struct jinja_call *c, bool (*is)(struct jinja_value), struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    enum err rc = one(c, &v, e);
    return rc ? rc : says(out, is(v));
}

TEST(test_defined) { return by_type(c, is_defined, out, e); }
TEST(test_undefined) { return by_type(c, is_undefined, out, e); }
TEST(test_none) { return by_type(c, is_none, out, e); }
TEST(test_boolean) { return by_type(c, is_boolean, out, e); }
TEST(test_false) { return by_type(c, is_false, out, e); }
TEST(test_true) { return by_type(c, is_true, out, e); }
TEST(test_integer) { return by_type(c, is_integer, out, e); }
TEST(test_float) { return by_type(c, is_float, out, e); }
TEST(test_string) { return by_type(c, is_string, out, e); }
TEST(test_mapping) { return by_type(c, is_mapping, out, e); }
TEST(test_number) { return by_type(c, is_any_number, out, e); }
TEST(test_sequence) { return by_type(c, is_sequence, out, e); }
TEST(test_iterable) { return by_type(c, value_iterable, out, e); }
TEST(test_callable) { return by_type(c, jinja_is_callable, out, e); }
TEST(test_escaped) { return by_type(c, is_escaped, out, e); }

static enum err by_case(const struct jinja_call *c, bool upper, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    struct view s;
    enum err rc = one(c, &v, e);
    if (!rc) rc = jinja_str_view(c->env, v, &s, e);
    return rc ? rc : says(out, text_is_case(s, upper));
}

TEST(test_upper) { return by_case(c, true, out, e); }
TEST(test_lower) { return by_case(c, false, out, e); }

static enum err by_table(const struct jinja_call *c, struct jinja_value table, struct jinja_value *out, struct error *e)
{
    struct jinja_value v, found;
    enum err rc = one(c, &v, e);
    if (!rc) rc = jinja_dict_find(c->env, table, v, &found, e);
    return rc ? rc : says(out, found.type != JINJA_ABSENT);
}

TEST(test_filter) { return by_table(c, c->env->filters, out, e); }
TEST(test_test) { return by_table(c, c->env->tests, out, e); }

TEST(test_sameas)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "value other", a, e);
    return rc ? rc : says(out, value_identical(a[0], a[1]));
}

TEST(test_in)
{
    struct jinja_value a[2];
    bool yes = false;
    enum err rc = jinja_args(c, "value seq", a, e);
    if (!rc) rc = value_contains(c->env, a[1], a[0], &yes, e);
    return rc ? rc : says(out, yes);
}

static enum err by_order(const struct jinja_call *c, enum compare_op op, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2];
    bool yes = false;
    enum err rc = jinja_args(c, "a b /", a, e);
    if (!rc) rc = value_ordered(c->env, op, a[0], a[1], &yes, e);
    return rc ? rc : says(out, yes);
}

TEST(test_eq) { return by_order(c, CMP_EQ, out, e); }
TEST(test_ne) { return by_order(c, CMP_NE, out, e); }
TEST(test_lt) { return by_order(c, CMP_LT, out, e); }
TEST(test_le) { return by_order(c, CMP_LE, out, e); }
TEST(test_gt) { return by_order(c, CMP_GT, out, e); }
TEST(test_ge) { return by_order(c, CMP_GE, out, e); }

const struct builtin tests_all[] = {{"none", test_none, false}, {"defined", test_defined, false}, {"undefined", test_undefined, false}, {"string", test_string, false},
    {"mapping", test_mapping, false}, {"sequence", test_sequence, false}, {"iterable", test_iterable, false}, {"number", test_number, false},
    {"integer", test_integer, false}, {"float", test_float, false}, {"boolean", test_boolean, false}, {"true", test_true, false}, {"false", test_false, false},
    {"callable", test_callable, false}, {"escaped", test_escaped, false}, {"odd", test_odd, false}, {"even", test_even, false}, {"divisibleby", test_divisibleby, false},
    {"upper", test_upper, false}, {"lower", test_lower, false}, {"filter", test_filter, false}, {"test", test_test, false}, {"sameas", test_sameas, false},
    {"in", test_in, false}, {"==", test_eq, false}, {"eq", test_eq, false}, {"equalto", test_eq, false}, {"!=", test_ne, false}, {"ne", test_ne, false},
    {"<", test_lt, false}, {"lt", test_lt, false}, {"lessthan", test_lt, false}, {"<=", test_le, false}, {"le", test_le, false}, {">", test_gt, false},
    {"gt", test_gt, false}, {"greaterthan", test_gt, false}, {">=", test_ge, false}, {"ge", test_ge, false}, {NULL, NULL, false}};
