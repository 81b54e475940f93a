/* decimal.Decimal in Python's default context: 28 digits, halves to even. Numbers themselves may have more digits. Digits are
 * kept as digits: the numbers are short and printed more than computed. Rules: General Decimal Arithmetic 1.70. */
#include "model/jinja/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRECISION = 28, DIGITS_MOST = 200, EXP_MOST = 5000 };

struct dec { /* ± d₀d₁…dₙ₋₁ · 10^exp, without leading zeros; zero is n = 0 */
    bool neg;
    int n, exp;
    uint8_t d[DIGITS_MOST];
};

static struct dec *dec_of(struct jinja_value v) { return jinja_object_data(v, &class_decimal); }

static struct jinja_value dec_value(struct jinja_env *env, const struct dec *x)
{
    struct dec *d = env_alloc(env, sizeof *d);
    *d = *x;
    return jinja_object(env, &class_decimal, d);
}

static void strip_front(struct dec *x)
{
    int k = 0;
    while (k < x->n && !x->d[k]) k++;
    memmove(x->d, x->d + k, (size_t)(x->n - k));
    x->n -= k;
}

/* Drops the last `drop` digits, halves to even. */
static void round_off(struct dec *x, int drop)
{
    if (drop <= 0) return;
    x->exp += drop;
    if (drop > x->n) {
        x->n = 0;
        return;
    }
    int keep = x->n - drop, next = x->d[keep];
    bool more = false;
    for (int i = keep + 1; i < x->n; i++) more = more || x->d[i];
    bool up = next > 5 || (next == 5 && (more || (keep > 0 && (x->d[keep - 1] & 1))));
    x->n = keep;
    if (!up) return;
    int i = keep - 1;
    while (i >= 0 && x->d[i] == 9) x->d[i--] = 0;
    if (i >= 0) {
        x->d[i]++;
    } else {
        memmove(x->d + 1, x->d, (size_t)x->n);
        x->d[0] = 1;
        x->n++;
    }
}

static void to_context(struct dec *x)
{
    if (x->n > PRECISION) round_off(x, x->n - PRECISION);
    if (x->n > PRECISION) round_off(x, 1); /* 999… became 1000… */
}

static bool dec_parse(struct view s, struct dec *x)
{
    size_t i = 0;
    bool digits = false, point = false;
    *x = (struct dec){0};
    s = view_trim(s);
    if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+')) x->neg = s.ptr[i++] == '-';
    for (; i < s.len; i++) {
        if (s.ptr[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (s.ptr[i] < '0' || s.ptr[i] > '9') break;
        digits = true;
        if (point) x->exp--;
        if (!x->n && s.ptr[i] == '0') continue;
        if (x->n == DIGITS_MOST / 4) return false;
        x->d[x->n++] = (uint8_t)(s.ptr[i] - '0');
    }
    if (!digits) return false;
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        char exponent[16];
        char *end;
        size_t len = s.len - i - 1;
        if (!len || len >= sizeof exponent) return false;
        memcpy(exponent, s.ptr + i + 1, len);
        exponent[len] = '\0';
        long v = strtol(exponent, &end, 10);
        if (*end || exponent[0] == ' ' || labs(v) > EXP_MOST) return false;
        x->exp += (int)v;
        i = s.len;
    }
    return i == s.len;
}

struct jinja_value jinja_decimal(struct jinja_env *env, struct view text)
{
    struct dec x;
    return dec_parse(text, &x) ? dec_value(env, &x) : jinja_view(env, text);
}

static bool dec_from(struct jinja_value v, struct dec *x)
{
    int64_t i;
    char text[32];
    if (dec_of(v)) return *x = *dec_of(v), true;
    if (!value_index(v, &i)) return false;
    int n = snprintf(text, sizeof text, "%lld", (long long)i);
    return dec_parse(view_from(text, (size_t)n), x);
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static void dec_text(const struct dec *x, struct buf *out)
{
    int n = x->n ? x->n : 1, left = x->exp + n;
    if (x->neg) buf_char(out, '-');
    bool plain = x->exp <= 0 && left > -6;
    int point = plain ? left : 1;
    if (point <= 0) {
        buf_str(out, "0.");
        for (int i = point; i < 0; i++) buf_char(out, '0');
    }
    for (int i = 0; i < n; i++) {
        if (i == point && point > 0) buf_char(out, '.');
        buf_char(out, (char)('0' + (x->n ? x->d[i] : 0)));
    }
    if (!plain && left != 1) buf_printf(out, "E%+d", left - 1);
}

static enum err to_str(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    dec_text(dec_of(self), out);
    return ERR_OK;
}

static enum err to_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    buf_str(out, "Decimal('");
    dec_text(dec_of(self), out);
    buf_str(out, "')");
    return ERR_OK;
}

/* ---- conversions -------------------------------------------------------------------------------------------------------- */

double decimal_to_float(struct jinja_value v)
{
    struct buf b = {0};
    dec_text(dec_of(v), &b);
    double d = strtod(b.ptr, NULL);
    buf_reset(&b);
    return d;
}

enum err decimal_to_int(struct jinja_value v, int64_t *out, struct error *e)
{
    const struct dec *x = dec_of(v);
    __int128 r = 0;
    int whole = x->n + x->exp;
    if (whole > 20 && x->n) return FAIL(e, "the integer is too large: integers have 64 bits");
    for (int i = 0; i < whole; i++) r = r * 10 + (i < x->n ? x->d[i] : 0);
    if (x->neg) r = -r;
    if (r > INT64_MAX || r < INT64_MIN) return FAIL(e, "the integer is too large: integers have 64 bits");
    *out = (int64_t)r;
    return ERR_OK;
}

void decimal_abs(struct jinja_env *env, struct jinja_value v, struct jinja_value *out)
{
    struct dec x = *dec_of(v);
    x.neg = false;
    to_context(&x);
    *out = dec_value(env, &x);
}

/* To `digits` behind the point exactly. */
static enum err quantize(struct dec *x, int64_t digits, struct error *e)
{
    if (digits > PRECISION || x->exp > EXP_MOST) return FAIL(e, "decimal.InvalidOperation: quantize result has too many digits for current context");
    int64_t drop = -digits - x->exp;
    if (drop > 0) {
        round_off(x, drop > DIGITS_MOST ? DIGITS_MOST : (int)drop);
        x->exp = (int)-digits;
        return ERR_OK;
    }
    if (x->n && x->n - drop > PRECISION) return FAIL(e, "decimal.InvalidOperation: quantize result has too many digits for current context");
    if (x->n)
        for (int64_t i = drop; i < 0; i++) x->d[x->n++] = 0;
    x->exp = (int)-digits;
    return ERR_OK;
}

enum err decimal_round(struct jinja_env *env, struct jinja_value v, int64_t digits, struct jinja_value *out, struct error *e)
{
    struct dec x = *dec_of(v);
    enum err rc = quantize(&x, digits, e);
    if (!rc) *out = dec_value(env, &x);
    return rc;
}

enum err decimal_format(struct jinja_env *env, struct jinja_value v, const struct format_spec *f, struct buf *out, struct error *e)
{
    struct dec x = *dec_of(v);
    struct buf digits = {0};
    bool percent = f->type == '%';
    enum err rc = ERR_OK;
    if (f->type && f->type != 'f' && f->type != 'F' && !percent) return err_set(e, ERR_UNSUPPORTED, "the format '%c' of a Decimal is not supported", f->type);
    if (!f->type && f->precision >= 0) return err_set(e, ERR_UNSUPPORTED, "a precision without 'f' for a Decimal is not supported");
    if (percent) x.exp += 2;
    if (f->precision >= 0) {
        int64_t drop = -f->precision - x.exp;
        if (f->precision > 100) return FAIL(e, "precision too large");
        if (drop > 0) round_off(&x, drop > DIGITS_MOST ? DIGITS_MOST : (int)drop), x.exp = (int)-f->precision;
        for (; drop < 0 && x.n && x.n < DIGITS_MOST; drop++) x.d[x.n++] = 0, x.exp--;
        if (!x.n) x.exp = (int)-f->precision;
    }
    bool neg = x.neg;
    x.neg = false;
    if (f->type && x.exp > 0) {
        if (x.n + x.exp > DIGITS_MOST) return FAIL(e, "the number is too large to format");
        for (; x.n && x.exp > 0; x.exp--) x.d[x.n++] = 0;
    }
    if (f->type && x.n + x.exp <= -6) { /* dec_text would use an exponent here */
        buf_str(&digits, "0.");
        for (int i = x.exp + x.n; i < 0; i++) buf_char(&digits, '0');
        for (int i = 0; i < x.n; i++) buf_char(&digits, (char)('0' + x.d[i]));
    } else {
        dec_text(&x, &digits);
    }
    rc = format_number(env, f, neg, "", view_from(digits.ptr, digits.len), view_of(percent ? "%" : ""), out, e);
    buf_reset(&digits);
    return rc;
}

/* ---- magnitudes ---------------------------------------------------------------------------------------------------------- */

/* Zeros behind until the exponents are one; false when that takes too many. */
static bool align(struct dec *a, struct dec *b)
{
    struct dec *high = a->exp > b->exp ? a : b, *low = high == a ? b : a;
    int zeros = high->exp - low->exp;
    if (!high->n) return high->exp = low->exp, true;
    if (zeros > DIGITS_MOST - high->n - 2) return false;
    memset(high->d + high->n, 0, (size_t)zeros);
    high->n += zeros;
    high->exp = low->exp;
    return true;
}

static int compare_digits(const struct dec *a, const struct dec *b)
{
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    return memcmp(a->d, b->d, (size_t)a->n);
}

/* a ± b of magnitudes with one exponent; for minus a ≥ b. */
static void combine(const struct dec *a, const struct dec *b, bool minus, struct dec *out)
{
    int n = (a->n > b->n ? a->n : b->n) + 1, carry = 0;
    out->n = n;
    for (int i = 1; i <= n; i++) {
        int x = i <= a->n ? a->d[a->n - i] : 0, y = i <= b->n ? b->d[b->n - i] : 0, s = minus ? x - y - carry : x + y + carry;
        carry = minus ? s < 0 : s > 9;
        out->d[n - i] = (uint8_t)(minus ? (s + 10) % 10 : s % 10);
    }
    strip_front(out);
}

static enum err add(struct dec a, struct dec b, struct dec *out, struct error *e)
{
    if (!align(&a, &b)) return err_set(e, ERR_UNSUPPORTED, "Decimals of so different size are not supported");
    *out = (struct dec){.exp = a.exp};
    if (a.neg == b.neg) {
        combine(&a, &b, false, out);
        out->neg = a.neg;
    } else {
        int order = compare_digits(&a, &b);
        combine(order >= 0 ? &a : &b, order >= 0 ? &b : &a, true, out);
        out->neg = order > 0 ? a.neg : order < 0 && b.neg;
    }
    to_context(out);
    return ERR_OK;
}

static enum err multiply(const struct dec *a, const struct dec *b, struct dec *out, struct error *e)
{
    int sum[DIGITS_MOST + 1] = {0};
    *out = (struct dec){.neg = a->neg != b->neg, .exp = a->exp + b->exp};
    if (a->n + b->n > DIGITS_MOST || abs(out->exp) > EXP_MOST) return err_set(e, ERR_UNSUPPORTED, "Decimals of so many digits are not supported");
    if (!a->n || !b->n) return ERR_OK;
    out->n = a->n + b->n;
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++) sum[i + k + 1] += a->d[i] * b->d[k];
    for (int i = out->n - 1; i > 0; i--) sum[i - 1] += sum[i] / 10, sum[i] %= 10;
    for (int i = 0; i < out->n; i++) out->d[i] = (uint8_t)sum[i];
    strip_front(out);
    to_context(out);
    return ERR_OK;
}

/* Long division of a's digits (with `zeros` more) by b's: quotient and whether something is left. */
static enum err long_division(const struct dec *a, const struct dec *b, int zeros, struct dec *quotient, struct dec *rest, struct error *e)
{
    if (a->n + zeros > DIGITS_MOST || b->n > DIGITS_MOST - 2) return err_set(e, ERR_UNSUPPORTED, "Decimals of so many digits are not supported");
    *quotient = (struct dec){0};
    *rest = (struct dec){0};
    for (int i = 0; i < a->n + zeros; i++) {
        uint8_t digit = i < a->n ? a->d[i] : 0, count = 0;
        if (rest->n || digit) rest->d[rest->n++] = digit;
        while (rest->n && compare_digits(rest, b) >= 0) {
            struct dec less = {0};
            combine(rest, b, true, &less);
            *rest = less;
            count++;
        }
        if (quotient->n || count) quotient->d[quotient->n++] = count;
    }
    return ERR_OK;
}

static enum err divide(const struct dec *a, const struct dec *b, struct dec *out, struct error *e)
{
    struct dec rest;
    if (!b->n) return FAIL(e, a->n ? "decimal.DivisionByZero" : "decimal.DivisionUndefined");
    int ideal = a->exp - b->exp, zeros = PRECISION + 2 + b->n - a->n;
    if (!a->n) return *out = (struct dec){.neg = a->neg != b->neg, .exp = ideal}, ERR_OK;
    if (zeros < 0) zeros = 0;
    enum err rc = long_division(a, b, zeros, out, &rest, e);
    if (rc) return rc;
    out->neg = a->neg != b->neg;
    out->exp = ideal - zeros;
    if (rest.n) { /* a sticky digit, so that the rounding sees that it is not exact */
        out->d[out->n++] = 1;
        out->exp--;
    } else {
        while (out->exp < ideal && out->n && !out->d[out->n - 1]) out->n--, out->exp++;
    }
    to_context(out);
    return ERR_OK;
}

/* // and %: truncated towards zero; the rest has the sign of the first. */
static enum err divide_whole(struct dec a, struct dec b, bool want_rest, struct dec *out, struct error *e)
{
    struct dec q, r;
    if (!b.n) return FAIL(e, a.n ? "decimal.DivisionByZero" : "decimal.DivisionUndefined");
    if (!align(&a, &b)) return err_set(e, ERR_UNSUPPORTED, "Decimals of so different size are not supported");
    enum err rc = long_division(&a, &b, 0, &q, &r, e);
    if (rc) return rc;
    if (q.n > PRECISION) return FAIL(e, "decimal.DivisionImpossible");
    *out = want_rest ? r : q;
    out->exp = want_rest ? a.exp : 0;
    out->neg = want_rest ? a.neg : a.neg != b.neg;
    to_context(out);
    return ERR_OK;
}

static enum err power(const struct dec *a, int64_t n, struct dec *out, struct error *e)
{
    struct dec one = {.n = 1, .d = {1}}, r = one;
    if (n < 0 || n > 64) return err_set(e, ERR_UNSUPPORTED, "this power of a Decimal is not supported");
    if ((int64_t)a->n * n > PRECISION) return err_set(e, ERR_UNSUPPORTED, "a power of a Decimal of more than 28 digits is not supported");
    for (; n > 0; n--) {
        enum err rc = multiply(&r, a, out, e);
        if (rc) return rc;
        r = *out;
    }
    *out = r;
    return ERR_OK;
}

static enum err binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    struct dec x, y = {0}, r = {0};
    enum err rc = ERR_OK;
    int64_t n;
    bool unary = op == JINJA_NEG || op == JINJA_POS;
    if (!dec_from(a, &x) || (!unary && !dec_from(b, &y))) return ERR_OK;
    switch (op) {
    case JINJA_ADD: rc = add(x, y, &r, e); break;
    case JINJA_SUB: y.neg = !y.neg, rc = add(x, y, &r, e); break;
    case JINJA_MUL: rc = multiply(&x, &y, &r, e); break;
    case JINJA_DIV: rc = divide(&x, &y, &r, e); break;
    case JINJA_FLOORDIV:
    case JINJA_MOD: rc = divide_whole(x, y, op == JINJA_MOD, &r, e); break;
    case JINJA_POW:
        if (!value_index(b, &n)) return err_set(e, ERR_UNSUPPORTED, "a Decimal as exponent is not supported");
        rc = power(&x, n, &r, e);
        break;
    case JINJA_NEG:
    case JINJA_POS:
        r = x;
        r.neg = r.n && (op == JINJA_NEG ? !x.neg : x.neg);
        to_context(&r);
        break;
    }
    if (!rc) *out = dec_value(env, &r);
    return rc;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------- */

static int order_of(struct dec a, struct dec b)
{
    if (!a.n || !b.n) return a.n ? (a.neg ? -1 : 1) : b.n ? (b.neg ? 1 : -1) : 0;
    if (a.neg != b.neg) return a.neg ? -1 : 1;
    int size = (a.n + a.exp > b.n + b.exp) - (a.n + a.exp < b.n + b.exp);
    if (!size && align(&a, &b)) size = compare_digits(&a, &b);
    return a.neg ? -size : size;
}

/* A double has a finite decimal form; what has too many digits for us is compared as a double. */
static bool order_any(struct jinja_value self, struct jinja_value other, int *order)
{
    struct dec a = *dec_of(self), b;
    if (dec_from(other, &b)) return *order = order_of(a, b), true;
    if (other.type != JINJA_FLOAT) return false;
    double d = other.as.real, mine = decimal_to_float(self);
    if (isnan(d)) return *order = UNORDERED, true;
    char text[64];
    int n = snprintf(text, sizeof text, "%.48g", d);
    if (mine == d && isfinite(d) && dec_parse(view_from(text, (size_t)n), &b)) *order = order_of(a, b);
    else *order = mine < d ? -1 : mine > d;
    return true;
}

static enum err equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    int order = 1;
    (void)env, (void)e;
    *out = order_any(self, other, &order) && order == 0;
    return ERR_OK;
}

static enum err compare(struct jinja_env *env, struct jinja_value self, struct jinja_value other, int *order, bool *known, struct error *e)
{
    (void)env, (void)e;
    *known = order_any(self, other, order);
    return ERR_OK;
}

static uint64_t hash(struct jinja_value self)
{
    int64_t i;
    uint64_t h = 0;
    struct dec x = *dec_of(self), whole;
    struct jinja_value as = jinja_float(decimal_to_float(self));
    if (decimal_to_int(self, &i, NULL) == ERR_OK && dec_from(jinja_int(i), &whole) && order_of(x, whole) == 0) as = jinja_int(i);
    return value_hash(as, &h, NULL) == ERR_OK ? h : 0;
}

static enum err truth(struct jinja_env *env, struct jinja_value self, bool *out, struct error *e)
{
    (void)env, (void)e;
    return *out = dec_of(self)->n != 0, ERR_OK;
}

/* ---- methods ----------------------------------------------------------------------------------------------------------------- */

static bool has_method(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "normalize") || view_is(name, "quantize") || view_is(name, "is_nan") || view_is(name, "is_zero") || view_is(name, "is_signed");
}

static enum err method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct dec x = *dec_of(c->self), by;
    struct jinja_value a;
    struct view name = view_of(c->name);
    enum err rc;
    if (!has_method(c->self, name)) return ERR_OK;
    if (view_is(name, "quantize")) {
        if ((rc = jinja_args(c, "exp", &a, e))) return rc;
        if (!dec_from(a, &by)) return FAIL(e, "conversion from %s to Decimal is not supported", jinja_type_name(a));
        if ((rc = quantize(&x, -(int64_t)by.exp, e))) return rc;
        return *out = dec_value(c->env, &x), ERR_OK;
    }
    if ((rc = jinja_args(c, "", NULL, e))) return rc;
    if (view_is(name, "is_nan")) return *out = jinja_bool(false), ERR_OK;
    if (view_is(name, "is_zero")) return *out = jinja_bool(!x.n), ERR_OK;
    if (view_is(name, "is_signed")) return *out = jinja_bool(x.neg), ERR_OK;
    to_context(&x);
    while (x.n && !x.d[x.n - 1]) x.n--, x.exp++;
    if (!x.n) x.exp = 0;
    *out = dec_value(c->env, &x);
    return ERR_OK;
}

const struct jinja_class class_decimal = {.name = "decimal.Decimal", .has_method = has_method, .method = method, .to_str = to_str, .to_repr = to_repr, .truth = truth,
    .equal = equal, .hash = hash, .compare = compare, .binary = binary};
