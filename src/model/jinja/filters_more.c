/* Filters on numbers, and those that apply other filters and tests: map, select and their like. */
#include "model/jinja/internal.h"

#include <math.h>

#define FILTER(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

FILTER(filter_abs)
{
    struct jinja_value v;
    int64_t i;
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc) return rc;
    if (v.type == JINJA_FLOAT) return *out = jinja_float(fabs(v.as.real)), ERR_OK;
    if (value_index(v, &i) && i < 0) return op_unary(c->env, JINJA_NEG, v, out, e);
    if (value_index(v, &i)) return *out = jinja_int(i), ERR_OK;
    if (v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal) return decimal_abs(c->env, v, out), ERR_OK;
    if (v.type == JINJA_OBJECT && v.as.object->cls == &class_timedelta) return timedelta_abs(c->env, v, out), ERR_OK;
    if (v.type == JINJA_UNDEFINED) return FAIL(e, "bad operand type for abs(): 'Undefined'");
    return FAIL(e, "bad operand type for abs(): '%s'", jinja_type_name(v));
}

/* A swallowed failure must not be the hint for a later one. */
static void forget(struct jinja_env *env) { env->unknown = NULL; }

FILTER(filter_int)
{
    struct jinja_value a[3];
    int64_t base = 10, i = 0;
    double d;
    bool large = false;
    struct error mine = {0};
    enum err rc = jinja_args(c, "value default? base?", a, e);
    if (rc) return rc;
    if (a[2].type != JINJA_ABSENT && !value_index(a[2], &base)) base = -1;
    if (a[0].type == JINJA_UNDEFINED) return fail_undefined(c->env, a[0], e);
    bool base_ok = base == 0 || (base >= 2 && base <= 36);
    if (a[0].type == JINJA_STRING) {
        if (base_ok && int_parse(SV(a[0]), (int)base, &i, &large)) return *out = jinja_int(i), ERR_OK;
        if (large) return FAIL(e, "the integer is too large: integers have 64 bits");
    } else if ((rc = value_to_int(c->env, a[0], &i, &mine)) == ERR_OK) {
        return *out = jinja_int(i), ERR_OK;
    } else if (a[0].type == JINJA_FLOAT && !isnan(a[0].as.real)) {
        return FAIL(e, "%s", mine.what);
    }
    forget(c->env);
    if (value_to_float(c->env, a[0], &d, &mine) == ERR_OK && isfinite(d)) {
        if (fabs(d) >= 9223372036854775808.0) return FAIL(e, "the integer is too large: integers have 64 bits");
        return *out = jinja_int((int64_t)d), ERR_OK;
    }
    forget(c->env);
    *out = a[1].type == JINJA_ABSENT ? jinja_int(0) : a[1];
    return ERR_OK;
}

FILTER(filter_float)
{
    struct jinja_value a[2];
    double d;
    struct error mine = {0};
    enum err rc = jinja_args(c, "value default?", a, e);
    if (rc) return rc;
    if (a[0].type == JINJA_UNDEFINED) return fail_undefined(c->env, a[0], e);
    if (value_to_float(c->env, a[0], &d, &mine) == ERR_OK) *out = jinja_float(d);
    else *out = a[1].type == JINJA_ABSENT ? jinja_float(0.0) : a[1];
    forget(c->env);
    return ERR_OK;
}

static enum err round_int(int64_t v, int64_t digits, struct jinja_value *out, struct error *e)
{
    if (digits >= 0) return *out = jinja_int(v), ERR_OK;
    if (digits < -19) return *out = jinja_int(0), ERR_OK;
    __int128 unit = 1, x = v, q, r;
    for (int64_t i = 0; i < -digits; i++) unit *= 10;
    q = x / unit;
    r = x % unit;
    if (r < 0) r += unit, q--;
    if (r * 2 > unit || (r * 2 == unit && (q & 1))) q++;
    x = q * unit;
    if (x > INT64_MAX || x < INT64_MIN) return FAIL(e, "the integer result is too large: integers have 64 bits");
    return *out = jinja_int((int64_t)x), ERR_OK;
}

/* func(value * 10**precision) / 10**precision */
static enum err round_directed(struct jinja_env *env, struct jinja_value v, struct jinja_value precision, bool up, struct jinja_value *out, struct error *e)
{
    struct jinja_value unit, scaled, whole;
    enum err rc = op_binary(env, JINJA_POW, jinja_int(10), precision, &unit, e);
    if (rc || (rc = op_binary(env, JINJA_MUL, v, unit, &scaled, e))) return rc;
    whole = scaled;
    if (scaled.type == JINJA_FLOAT) {
        int64_t i;
        if ((rc = value_to_int(env, jinja_float(up ? ceil(scaled.as.real) : floor(scaled.as.real)), &i, e))) return rc;
        whole = jinja_int(i);
    } else if (!is_number(scaled)) {
        return FAIL(e, "must be real number, not %s", jinja_type_name(scaled));
    }
    return op_binary(env, JINJA_DIV, whole, unit, out, e);
}

FILTER(filter_round)
{
    struct jinja_value a[3];
    int64_t digits = 0, i;
    enum err rc = jinja_args(c, "value precision? method?", a, e);
    if (rc) return rc;
    struct view method = a[2].type == JINJA_ABSENT ? view_of("common") : SV(a[2]);
    if (!view_is(method, "common") && !view_is(method, "ceil") && !view_is(method, "floor")) return FAIL(e, "method must be common, ceil or floor");
    if (a[1].type != JINJA_ABSENT && !value_index(a[1], &digits)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(a[1]));
    if (a[0].type == JINJA_UNDEFINED) return FAIL(e, "type Undefined doesn't define __round__ method");
    if (!view_is(method, "common")) return round_directed(c->env, a[0], jinja_int(digits), view_is(method, "ceil"), out, e);
    if (a[0].type == JINJA_FLOAT) return *out = jinja_float(round_to(a[0].as.real, digits)), ERR_OK;
    if (value_index(a[0], &i)) return round_int(i, digits, out, e);
    if (a[0].type == JINJA_OBJECT && a[0].as.object->cls == &class_decimal) return decimal_round(c->env, a[0], digits, out, e);
    return FAIL(e, "type %s doesn't define __round__ method", jinja_type_name(a[0]));
}

const struct builtin filters_number[] = {{"int", filter_int, false}, {"float", filter_float, false}, {"round", filter_round, false}, {"abs", filter_abs, false}, {NULL, NULL, false}};

/* ---- applying others ---------------------------------------------------------------------------------------------- */

FILTER(map_items)
{
    struct jinja_value items, list = jinja_list(c->env), v, path = jinja_arg_named(c, "attribute"), fallback = jinja_arg_named(c, "default");
    bool truth, by_path = c->count == 1 && path.type != JINJA_ABSENT;
    enum err rc;
    *out = list;
    if ((rc = jinja_truth(c->env, c->args[0], &truth, e)) || !truth) return rc;
    for (size_t i = 0; i < c->named_count && by_path; i++)
        if (!view_is(c->named[i].name, "attribute") && !view_is(c->named[i].name, "default")) return FAIL(e, "Unexpected keyword argument '%.*s'", (int)c->named[i].name.len, c->named[i].name.ptr);
    if (!by_path && c->count < 2) return FAIL(e, "map requires a filter argument");
    if ((rc = jinja_items(c->env, c->args[0], &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
        struct jinja_value x = items.as.seq->item[i];
        rc = by_path ? access_path(c->env, x, path, fallback, &v, e) : call_filter(c->env, c->args[1], x, c, 2, &v, e);
        if (!rc) seq_push(c->env, list.as.seq, v);
    }
    return rc;
}

static enum err later(const struct jinja_call *c, const char *name, jinja_fn *make, struct jinja_value *out, struct error *e)
{
    if (!c->count) return FAIL(e, "%s() missing 1 required positional argument: 'value'", c->name);
    *out = generator_later(name, make, c);
    return ERR_OK;
}

FILTER(filter_map) { return later(c, "generator object sync_do_map", map_items, out, e); }

static enum err pick(const struct jinja_call *c, bool by_attr, bool want, struct jinja_value *out, struct error *e)
{
    struct jinja_value items, list = jinja_list(c->env), v;
    size_t test = by_attr ? 2 : 1;
    bool truth;
    enum err rc;
    *out = list;
    if ((rc = jinja_truth(c->env, c->args[0], &truth, e)) || !truth) return rc;
    if (by_attr && c->count < 2) return FAIL(e, "Missing parameter for attribute name");
    if ((rc = jinja_items(c->env, c->args[0], &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
        v = items.as.seq->item[i];
        if (by_attr && (rc = access_path(c->env, v, c->args[1], (struct jinja_value){0}, &v, e))) break;
        if (c->count > test) rc = call_test(c->env, c->args[test], v, c, test + 1, &truth, e);
        else rc = jinja_truth(c->env, v, &truth, e);
        if (!rc && truth == want) seq_push(c->env, list.as.seq, items.as.seq->item[i]);
    }
    return rc;
}

FILTER(select_items) { return pick(c, false, true, out, e); }
FILTER(reject_items) { return pick(c, false, false, out, e); }
FILTER(selectattr_items) { return pick(c, true, true, out, e); }
FILTER(rejectattr_items) { return pick(c, true, false, out, e); }

static const char select_name[] = "generator object select_or_reject";
FILTER(filter_select) { return later(c, select_name, select_items, out, e); }
FILTER(filter_reject) { return later(c, select_name, reject_items, out, e); }
FILTER(filter_selectattr) { return later(c, select_name, selectattr_items, out, e); }
FILTER(filter_rejectattr) { return later(c, select_name, rejectattr_items, out, e); }

FILTER(filter_attr)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "obj name", a, e);
    if (rc) return rc;
    if (a[1].type != JINJA_STRING) return FAIL(e, "attribute name must be string, not '%s'", jinja_type_name(a[1]));
    if ((rc = access_own_attr(c->env, a[0], a[1], out, e))) return rc;
    if (out->type == JINJA_ABSENT) *out = undefined_attr(c->env, a[0], SV(a[1]));
    return ERR_OK;
}

const struct builtin filters_pick[] = {{"map", filter_map, true}, {"select", filter_select, true}, {"reject", filter_reject, true}, {"selectattr", filter_selectattr, true},
    {"rejectattr", filter_rejectattr, true}, {"attr", filter_attr, false}, {NULL, NULL, false}};
