/* Arithmetic on values with Python's meaning; integers of 64 bits that refuse to overflow. */
#include "model/jinja/internal.h"

#include <math.h>

const char *op_sign(enum jinja_op op)
{
    static const char *const sign[] = {"+", "-", "*", "/", "//", "%", "** or pow()", "unary -", "unary +"};
    return sign[op];
}

static enum err too_large(struct error *e) { return FAIL(e, "the integer result is too large: integers have 64 bits"); }

/* a / b rounded once, as CPython does for large integers: the quotient with a sticky bit in 128 bits. */
static double divide_exactly(int64_t a, int64_t b)
{
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    bool negative = (a < 0) != (b < 0);
    double q;
    if (!x || (x <= (UINT64_C(1) << 53) && y <= (UINT64_C(1) << 53))) {
        q = (double)x / (double)y;
    } else {
        int shift = 64 + __builtin_clzll(x); /* so that the quotient has 64 bits and more; */
        unsigned __int128 n = (unsigned __int128)x << shift, quotient = n / y;
        unsigned __int128 rest = n % y;
        int extra = 0;
        while (quotient >> 60) {
            rest |= quotient & 1;
            quotient >>= 1;
            extra++;
        }
        uint64_t bits = (uint64_t)quotient | (rest != 0);
        q = ldexp((double)bits, extra - shift);
    }
    return negative ? -q : q;
}

static enum err int_floor(enum jinja_op op, int64_t a, int64_t b, struct jinja_value *out, struct error *e)
{
    if (!b) return FAIL(e, op == JINJA_MOD ? "integer modulo by zero" : "integer division or modulo by zero");
    if (b == -1) {
        if (op == JINJA_MOD) return *out = jinja_int(0), ERR_OK;
        if (a == INT64_MIN) return too_large(e);
        return *out = jinja_int(-a), ERR_OK;
    }
    int64_t q = a / b, r = a % b;
    if (r && (r < 0) != (b < 0)) q--, r += b;
    *out = jinja_int(op == JINJA_MOD ? r : q);
    return ERR_OK;
}

static enum err float_pow(double a, double b, struct jinja_value *out, struct error *e)
{
    if (a == 0.0 && b < 0) return FAIL(e, "0.0 cannot be raised to a negative power");
    if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b)) return err_set(e, ERR_UNSUPPORTED, "complex numbers are not supported (negative number to a fractional power)");
    double r = pow(a, b);
    if (isinf(r) && isfinite(a) && isfinite(b)) return FAIL(e, "(34, 'Numerical result out of range')");
    *out = jinja_float(r);
    return ERR_OK;
}

static enum err int_pow(int64_t a, int64_t b, struct jinja_value *out, struct error *e)
{
    if (b < 0) {
        if (!a) return FAIL(e, "0.0 cannot be raised to a negative power");
        return float_pow((double)a, (double)b, out, e);
    }
    int64_t r = 1;
    for (; b; b >>= 1) {
        if ((b & 1) && __builtin_mul_overflow(r, a, &r)) return too_large(e);
        if (b > 1 && __builtin_mul_overflow(a, a, &a)) return too_large(e);
    }
    *out = jinja_int(r);
    return ERR_OK;
}

static enum err int_binary(enum jinja_op op, int64_t a, int64_t b, struct jinja_value *out, struct error *e)
{
    int64_t r = 0;
    bool over = false;
    switch (op) {
    case JINJA_ADD: over = __builtin_add_overflow(a, b, &r); break;
    case JINJA_SUB: over = __builtin_sub_overflow(a, b, &r); break;
    case JINJA_MUL: over = __builtin_mul_overflow(a, b, &r); break;
    case JINJA_DIV:
        if (!b) return FAIL(e, "division by zero");
        return *out = jinja_float(divide_exactly(a, b)), ERR_OK;
    case JINJA_POW: return int_pow(a, b, out, e);
    default: return int_floor(op, a, b, out, e);
    }
    if (over) return too_large(e);
    *out = jinja_int(r);
    return ERR_OK;
}

/* CPython's float_divmod. */
static enum err float_floor(enum jinja_op op, double a, double b, struct jinja_value *out, struct error *e)
{
    if (b == 0.0) return FAIL(e, op == JINJA_MOD ? "float modulo" : "float floor division by zero");
    double mod = fmod(a, b), div = (a - mod) / b, whole;
    if (mod != 0.0) {
        if ((b < 0) != (mod < 0)) mod += b, div -= 1.0;
    } else {
        mod = copysign(0.0, b);
    }
    if (div != 0.0) {
        whole = floor(div);
        if (div - whole > 0.5) whole += 1.0;
    } else {
        whole = copysign(0.0, a / b);
    }
    *out = jinja_float(op == JINJA_MOD ? mod : whole);
    return ERR_OK;
}

static enum err float_binary(enum jinja_op op, double a, double b, struct jinja_value *out, struct error *e)
{
    switch (op) {
    case JINJA_ADD: *out = jinja_float(a + b); return ERR_OK;
    case JINJA_SUB: *out = jinja_float(a - b); return ERR_OK;
    case JINJA_MUL: *out = jinja_float(a * b); return ERR_OK;
    case JINJA_DIV:
        if (b == 0.0) return FAIL(e, "float division by zero");
        *out = jinja_float(a / b);
        return ERR_OK;
    case JINJA_POW: return float_pow(a, b, out, e);
    default: return float_floor(op, a, b, out, e);
    }
}

static enum err number_binary(enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    int64_t x = 0, y = 0;
    bool ia = value_index(a, &x), ib = value_index(b, &y);
    if (ia && ib) return int_binary(op, x, y, out, e);
    return float_binary(op, ia ? (double)x : a.as.real, ib ? (double)y : b.as.real, out, e);
}

/* ---- sequences --------------------------------------------------------------------------------------------------- */

static enum err repeat(struct jinja_env *env, struct jinja_value v, int64_t times, struct jinja_value *out, struct error *e)
{
    size_t n = times > 0 ? (size_t)times : 0, size, bytes;
    bool text = v.type == JINJA_STRING;
    size_t unit = text ? v.as.string->len : v.as.seq->count * sizeof(struct jinja_value);
    enum err rc;
    if (__builtin_mul_overflow(unit, n, &bytes)) bytes = SIZE_MAX;
    if ((rc = env_room(env, bytes, e)) || (rc = env_charge(env, bytes / 64, e))) return rc;
    if (text) {
        char *p = env_alloc(env, bytes + 1);
        for (size_t i = 0; i < n && unit; i++) memcpy(p + i * unit, v.as.string->ptr, unit);
        p[bytes] = '\0';
        *out = str_borrow(env, p, bytes);
        out->as.string->flavour = v.as.string->flavour == STR_MARKUP ? STR_MARKUP : STR_PLAIN;
        return ERR_OK;
    }
    size = v.as.seq->count;
    *out = list_with_room(env, size * n);
    out->type = v.type;
    out->as.seq->count = size * n;
    for (size_t i = 0; i < n && size; i++) memcpy(out->as.seq->item + i * size, v.as.seq->item, unit);
    return ERR_OK;
}

static enum err add_text(struct jinja_env *env, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    bool markup = a.as.string->flavour == STR_MARKUP || b.as.string->flavour == STR_MARKUP;
    if (markup && ((rc = value_escape(env, a, &a, e)) || (rc = value_escape(env, b, &b, e)))) return rc;
    size_t x = a.as.string->len, y = b.as.string->len;
    if ((rc = env_room(env, x + y, e)) || (rc = env_charge(env, (x + y) / 64, e))) return rc;
    char *p = env_alloc(env, x + y + 1);
    memcpy(p, a.as.string->ptr, x);
    memcpy(p + x, b.as.string->ptr, y);
    p[x + y] = '\0';
    *out = str_borrow(env, p, x + y);
    if (markup) out->as.string->flavour = STR_MARKUP;
    return ERR_OK;
}

static enum err add_seq(struct jinja_env *env, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    size_t x = a.as.seq->count, y = b.as.seq->count;
    enum err rc = env_charge(env, (x + y) / 8, e);
    if (rc || (rc = env_room(env, (x + y) * sizeof(struct jinja_value), e))) return rc;
    *out = list_with_room(env, x + y);
    out->type = a.type;
    out->as.seq->count = x + y;
    if (x) memcpy(out->as.seq->item, a.as.seq->item, x * sizeof(struct jinja_value));
    if (y) memcpy(out->as.seq->item + x, b.as.seq->item, y * sizeof(struct jinja_value));
    return ERR_OK;
}

static bool is_repeatable(struct jinja_value v) { return v.type == JINJA_STRING || v.type == JINJA_LIST || v.type == JINJA_TUPLE; }

static enum err add(struct jinja_env *env, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    if (a.type == JINJA_STRING && b.type == JINJA_STRING) return add_text(env, a, b, out, e);
    if (a.type == b.type && is_repeatable(a)) return add_seq(env, a, b, out, e);
    if (is_repeatable(a)) {
        const char *t = jinja_type_name(a);
        return FAIL(e, "can only concatenate %s (not \"%s\") to %s", t, jinja_type_name(b), t);
    }
    return fail_operands("+", a, b, e);
}

static enum err set_difference(struct jinja_env *env, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    struct jinja_value key;
    enum err rc = env_charge(env, a.as.map->live, e);
    *out = jinja_set(env);
    for (size_t at = 0; !rc && jinja_dict_next(a, &at, &key, NULL);) {
        struct map_entry *x = NULL;
        rc = map_find(env, b.as.map, key, &x, e);
        if (!rc && !x) rc = map_put(env, out->as.map, key, jinja_none(), e);
    }
    return rc;
}

static enum err object_binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    *out = (struct jinja_value){0};
    enum err rc = ERR_OK;
    if (a.type == JINJA_OBJECT && a.as.object->cls->binary) rc = a.as.object->cls->binary(env, op, a, b, out, e);
    if (rc || out->type != JINJA_ABSENT) return rc;
    if (b.type == JINJA_OBJECT && b.as.object->cls->binary) rc = b.as.object->cls->binary(env, op, a, b, out, e);
    return rc;
}

enum err op_binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    int64_t n;
    if (is_number(a) && is_number(b)) return number_binary(op, a, b, out, e);
    if (op == JINJA_MOD && a.type == JINJA_STRING) return format_percent(env, a, b, out, e);
    if (a.type == JINJA_UNDEFINED) return fail_undefined(env, a, e);
    if (b.type == JINJA_UNDEFINED) return fail_undefined(env, b, e);
    if (a.type == JINJA_OBJECT || b.type == JINJA_OBJECT) {
        enum err rc = object_binary(env, op, a, b, out, e);
        if (rc || out->type != JINJA_ABSENT) return rc;
    }
    if (op == JINJA_ADD) return add(env, a, b, out, e);
    if (op == JINJA_MUL && is_repeatable(a) && value_index(b, &n)) return repeat(env, a, n, out, e);
    if (op == JINJA_MUL && is_repeatable(b) && value_index(a, &n)) return repeat(env, b, n, out, e);
    if (op == JINJA_MUL && is_repeatable(a)) return FAIL(e, "can't multiply sequence by non-int of type '%s'", jinja_type_name(b));
    if (op == JINJA_MUL && is_repeatable(b)) return FAIL(e, "can't multiply sequence by non-int of type '%s'", jinja_type_name(a));
    if (op == JINJA_SUB && a.type == JINJA_SET && b.type == JINJA_SET) return set_difference(env, a, b, out, e);
    return fail_operands(op_sign(op), a, b, e);
}

enum err op_unary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value *out, struct error *e)
{
    int64_t i;
    if (value_index(a, &i)) {
        if (op == JINJA_NEG && i == INT64_MIN) return too_large(e);
        return *out = jinja_int(op == JINJA_NEG ? -i : i), ERR_OK;
    }
    if (a.type == JINJA_FLOAT) return *out = jinja_float(op == JINJA_NEG ? -a.as.real : a.as.real), ERR_OK;
    if (a.type == JINJA_UNDEFINED) return fail_undefined(env, a, e);
    *out = (struct jinja_value){0};
    if (a.type == JINJA_OBJECT && a.as.object->cls->binary) {
        enum err rc = a.as.object->cls->binary(env, op, a, (struct jinja_value){0}, out, e);
        if (rc || out->type != JINJA_ABSENT) return rc;
    }
    return FAIL(e, "bad operand type for %s: '%s'", op_sign(op), jinja_type_name(a));
}
