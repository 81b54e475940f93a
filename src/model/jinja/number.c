/* Numbers and their text as CPython has them. */
#include "model/jinja/internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Shortest digits that read back as d: with 15 significant digits if that does, else 16, else 17; each is the nearest
 * decimal of its length, so the first that reads back is what CPython's repr gives. Form: repr() of float. */
void float_repr(double d, struct buf *out)
{
    if (isnan(d)) return buf_str(out, "nan");
    if (isinf(d)) return buf_str(out, d < 0 ? "-inf" : "inf");
    char text[40];
    for (int p = fabs(d) < DBL_MIN ? 0 : 14; p <= 16; p++) { /* subnormal numbers have fewer digits */
        snprintf(text, sizeof text, "%.*e", p, d);
        if (p == 16 || strtod(text, NULL) == d) break;
    }
    char *e = strchr(text, 'e');
    long exponent = strtol(e + 1, NULL, 10);
    bool negative = text[0] == '-';
    char digits[24];
    size_t n = 0;
    for (char *c = text + negative; c < e; c++)
        if (*c != '.') digits[n++] = *c;
    while (n > 1 && digits[n - 1] == '0') n--;
    if (negative) buf_char(out, '-');
    if (exponent < -4 || exponent >= 16) {
        buf_char(out, digits[0]);
        if (n > 1) buf_char(out, '.'), buf_add(out, digits + 1, n - 1);
        buf_printf(out, "e%c%02ld", exponent < 0 ? '-' : '+', labs(exponent));
    } else if (exponent < 0) {
        buf_str(out, "0.");
        for (long i = -1; i > exponent; i--) buf_char(out, '0');
        buf_add(out, digits, n);
    } else {
        size_t whole = (size_t)exponent + 1;
        for (size_t i = 0; i < whole; i++) buf_char(out, i < n ? digits[i] : '0');
        buf_char(out, '.');
        if (n > whole) buf_add(out, digits + whole, n - whole);
        else buf_char(out, '0');
    }
}

static struct view trim_space(struct view s)
{
    size_t n;
    while (s.len && uni_space(utf8_decode(s.ptr, &n))) s.ptr += n, s.len -= n;
    while (s.len) {
        size_t at = s.len - 1;
        while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
        if (!uni_space(utf8_decode(s.ptr + at, &n))) break;
        s.len = at;
    }
    return s;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

bool int_parse(struct view s, int base, int64_t *out, bool *too_large)
{
    s = trim_space(s);
    size_t i = 0;
    bool negative = false, prefixed = false;
    *too_large = false;
    if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+')) negative = s.ptr[i++] == '-';
    char kind = i + 1 < s.len && s.ptr[i] == '0' ? (char)(s.ptr[i + 1] | 0x20) : 0;
    int implied = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (implied && (base == 0 || base == implied)) base = implied, i += 2, prefixed = true;
    bool zeros_only = base == 0 && i < s.len && s.ptr[i] == '0';
    if (base == 0) base = 10;
    bool last_digit = prefixed, any = false;
    uint64_t v = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] == '_') {
            if (!last_digit) return false;
            last_digit = false;
            continue;
        }
        int d = digit_value(s.ptr[i]);
        if (d >= base || (zeros_only && d)) return false;
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v)) *too_large = true;
        last_digit = any = true;
    }
    if (!any || !last_digit) return false;
    if (v > (uint64_t)INT64_MAX + negative) *too_large = true;
    if (*too_large) return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static size_t float_digits(struct view s, size_t at, struct buf *out)
{
    size_t from = at;
    for (; at < s.len; at++) {
        if (s.ptr[at] >= '0' && s.ptr[at] <= '9') buf_char(out, s.ptr[at]);
        else if (s.ptr[at] != '_' || at == from || at + 1 >= s.len || s.ptr[at + 1] < '0' || s.ptr[at + 1] > '9' || s.ptr[at - 1] == '_') break;
    }
    return at;
}

static bool float_word(const char *s, double *out)
{
    static const struct { const char *word; double value; } words[] = {{"inf", (double)INFINITY}, {"infinity", (double)INFINITY}, {"nan", (double)NAN}};
    for (size_t i = 0; i < 3; i++)
        if (!strcasecmp(s, words[i].word)) return *out = words[i].value, true;
    return false;
}

bool float_parse(struct view s, double *out)
{
    s = trim_space(s);
    if (!s.len || s.len > 4096) return false;
    struct buf clean = {0};
    size_t at = 0, from;
    bool ok = false, digits;
    if (s.ptr[0] == '-' || s.ptr[0] == '+') buf_char(&clean, s.ptr[at++]);
    from = at;
    at = float_digits(s, at, &clean);
    digits = at > from;
    if (at < s.len && s.ptr[at] == '.') {
        buf_char(&clean, '.');
        from = ++at;
        at = float_digits(s, at, &clean);
        digits = digits || at > from;
    }
    if (digits && at < s.len && (s.ptr[at] | 0x20) == 'e') {
        buf_char(&clean, 'e');
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) buf_char(&clean, s.ptr[at++]);
        from = at;
        at = float_digits(s, at, &clean);
        digits = at > from;
    }
    if (digits && at == s.len) {
        *out = strtod(clean.ptr, NULL);
        ok = true;
    } else if (!digits && s.len < 12) {
        char word[12];
        size_t sign = s.ptr[0] == '-' || s.ptr[0] == '+';
        memcpy(word, s.ptr + sign, s.len - sign);
        word[s.len - sign] = '\0';
        ok = float_word(word, out);
        if (ok && s.ptr[0] == '-') *out = -*out;
    }
    buf_reset(&clean);
    return ok;
}

static enum err int_from_float(double d, int64_t *out, struct error *e)
{
    if (isnan(d)) return FAIL(e, "cannot convert float NaN to integer");
    if (isinf(d)) return FAIL(e, "cannot convert float infinity to integer");
    d = trunc(d);
    if (d < -9223372036854775808.0 || d >= 9223372036854775808.0) return FAIL(e, "the integer is too large: integers have 64 bits");
    return *out = (int64_t)d, ERR_OK;
}

static enum err repr_error(struct view s, const char *before, const char *after, struct error *e)
{
    struct buf b = {0};
    str_repr(s, &b);
    enum err rc = FAIL(e, "%s%s%s", before, b.ptr, after);
    buf_reset(&b);
    return rc;
}

enum err value_to_int(struct jinja_env *env, struct jinja_value v, int64_t *out, struct error *e)
{
    bool large;
    if (value_index(v, out)) return ERR_OK;
    if (v.type == JINJA_FLOAT) return int_from_float(v.as.real, out, e);
    if (v.type == JINJA_UNDEFINED) return fail_undefined(env, v, e);
    if (v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal) return decimal_to_int(v, out, e);
    if (v.type != JINJA_STRING) return FAIL(e, "int() argument must be a string, a bytes-like object or a real number, not '%s'", jinja_type_name(v));
    if (int_parse(SV(v), 10, out, &large)) return ERR_OK;
    if (large) return FAIL(e, "the integer is too large: integers have 64 bits");
    return repr_error(SV(v), "invalid literal for int() with base 10: ", "", e);
}

enum err value_to_float(struct jinja_env *env, struct jinja_value v, double *out, struct error *e)
{
    int64_t i;
    if (v.type == JINJA_FLOAT) return *out = v.as.real, ERR_OK;
    if (value_index(v, &i)) return *out = (double)i, ERR_OK;
    if (v.type == JINJA_UNDEFINED) return fail_undefined(env, v, e);
    if (v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal) return *out = decimal_to_float(v), ERR_OK;
    if (v.type != JINJA_STRING) return FAIL(e, "float() argument must be a string or a real number, not '%s'", jinja_type_name(v));
    if (float_parse(SV(v), out)) return ERR_OK;
    return repr_error(SV(v), "could not convert string to float: ", "", e);
}

/* round(v, digits) of CPython: correctly rounded, halves (exact ones) to even. */
double round_to(double v, int64_t digits)
{
    if (!isfinite(v) || digits > 323) return v;
    if (digits < -308) return copysign(0.0, v);
    char text[700];
    if (digits >= 0) {
        snprintf(text, sizeof text, "%.*f", (int)digits, v);
        return strtod(text, NULL);
    }
    /* Negative: the integer part exactly, rounded in decimal; a fraction breaks a tie upwards. */
    double whole = trunc(fabs(v));
    int n = snprintf(text, sizeof text, "%.0f", whole), keep = n + (int)digits;
    if (keep < 0) return copysign(0.0, v);
    bool more = fabs(v) > whole;
    for (int i = keep + 1; i < n; i++) more = more || text[i] != '0';
    int last = keep > 0 ? text[keep - 1] - '0' : 0;
    bool up = text[keep] > '5' || (text[keep] == '5' && (more || (last & 1)));
    for (int i = keep; i < n; i++) text[i] = '0';
    double scale = pow(10.0, (double)-digits), r = strtod(text, NULL);
    if (up) {
        char rounded[700];
        snprintf(rounded, sizeof rounded, "%.0f", r + scale);
        r = strtod(rounded, NULL);
    }
    return copysign(r, v);
}
