/* Python's format specification mini-language: [[fill]align][sign][#][0][width][grouping][.precision][type], and the
 * number texts that the % operator needs too. */
#include "model/jinja/internal.h"
#include "model/jinja/format.h"

#include <math.h>
#include <stdlib.h>

/* ---- digits ------------------------------------------------------------------------------------------------------ */

void format_int_digits(uint64_t v, unsigned base, bool upper, struct buf *out)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[65];
    size_t n = sizeof text;
    do text[--n] = set[v % base];
    while (v /= base);
    buf_add(out, text + n, sizeof text - n);
}

void format_float_digits(double v, char type, int precision, bool alt, struct buf *out)
{
    v = fabs(v);
    if (isnan(v) || isinf(v)) {
        bool upper = type >= 'A' && type <= 'Z';
        buf_str(out, isnan(v) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf"));
        return;
    }
    if (type == 'r') return float_repr(v, out);
    char form[16];
    snprintf(form, sizeof form, "%%%s.*%c", alt ? "#" : "", type);
    int n = snprintf(NULL, 0, form, precision, v);
    char *p = buf_reserve(out, (size_t)n + 1);
    snprintf(p, (size_t)n + 1, form, precision, v);
    out->len += (size_t)n;
}

/* Separators into the whole part; `least` digits there, zeros filling up. */
static void group_digits(struct view whole, char sign, unsigned size, size_t least, struct buf *out)
{
    size_t digits = whole.len > least ? whole.len : least;
    for (size_t i = 0; i < digits; i++) {
        size_t left = digits - i;
        buf_char(out, left > whole.len ? '0' : whole.ptr[whole.len - left]);
        if (sign && left > 1 && (left - 1) % size == 0) buf_char(out, sign);
    }
}

/* ---- the specification --------------------------------------------------------------------------------------------- */

static bool is_align(struct view s, size_t at) { return at < s.len && strchr("<>=^", s.ptr[at]) && s.ptr[at]; }

static enum err spec_number(struct view s, size_t *at, int64_t *out, struct error *e)
{
    *out = -1;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        *out = (*out < 0 ? 0 : *out) * 10 + (s.ptr[(*at)++] - '0');
        if (*out > INT32_MAX) return FAIL(e, "Too many decimal digits in format string");
    }
    return ERR_OK;
}

static enum err spec_parse(struct view s, struct format_spec *f, struct error *e)
{
    size_t at = 0, n = 0;
    enum err rc;
    *f = (struct format_spec){.fill = view_of(" "), .width = -1, .precision = -1};
    if (s.len) utf8_decode(s.ptr, &n);
    if (n && is_align(s, n)) f->fill = view_from(s.ptr, n), f->align = s.ptr[n], at = n + 1, f->filled = true;
    else if (is_align(s, 0)) f->align = s.ptr[0], at = 1;
    if (at < s.len && s.ptr[at] && strchr("+- ", s.ptr[at])) f->sign = s.ptr[at++];
    if (at < s.len && s.ptr[at] == 'z') return err_set(e, ERR_UNSUPPORTED, "the format option 'z' is not supported");
    if (at < s.len && s.ptr[at] == '#') f->alt = true, at++;
    if (at < s.len && s.ptr[at] == '0') {
        if (!f->filled) f->fill = view_of("0");
        if (!f->align) f->align = '=', f->zero = true;
        at++;
    }
    if ((rc = spec_number(s, &at, &f->width, e))) return rc;
    if (at < s.len && (s.ptr[at] == ',' || s.ptr[at] == '_')) f->group = s.ptr[at++];
    if (at < s.len && (s.ptr[at] == ',' || s.ptr[at] == '_')) return FAIL(e, s.ptr[at] == f->group ? "Cannot specify '%c' with '%c'." : "Cannot specify both '%c' and '%c'.", ',', s.ptr[at] == f->group ? f->group : '_');
    if (at < s.len && s.ptr[at] == '.') {
        at++;
        if ((rc = spec_number(s, &at, &f->precision, e))) return rc;
        if (f->precision < 0) return FAIL(e, "Format specifier missing precision");
    }
    if (at < s.len) f->type = s.ptr[at++];
    if (at < s.len) return FAIL(e, "Invalid format specifier");
    return ERR_OK;
}

/* Sign, prefix, grouping, padding around the digits. */
enum err format_number(struct jinja_env *env, const struct format_spec *f, bool negative, const char *prefix, struct view digits, struct view tail, struct buf *out, struct error *e)
{
    char sign[2] = {negative ? '-' : f->sign == '+' ? '+' : f->sign == ' ' ? ' ' : '\0', '\0'};
    size_t whole = 0, fixed = strlen(sign) + strlen(prefix) + tail.len;
    while (whole < digits.len && ((digits.ptr[whole] >= '0' && digits.ptr[whole] <= '9') || ((digits.ptr[whole] | 0x20) >= 'a' && (digits.ptr[whole] | 0x20) <= 'f' && f->hex))) whole++;
    struct view rest = view_from(digits.ptr + whole, digits.len - whole);
    size_t width = f->width > 0 ? (size_t)f->width : 0, least = 0;
    unsigned size = f->group == '_' && f->type && strchr("boxX", f->type) ? 4 : 3;
    if (width > env->limit.max_output_bytes) return FAIL(e, "the text is longer than %zu bytes (max_output_bytes)", env->limit.max_output_bytes);
    fixed += rest.len;
    if (f->align == '=' && view_is(f->fill, "0") && whole && f->group) {
        for (least = whole; least + (least - 1) / size + fixed < width;) least++;
    }
    struct buf body = {0};
    if (whole) group_digits(view_from(digits.ptr, whole), f->group, size, least, &body);
    size_t len = body.len + fixed, pad = width > len ? width - len : 0;
    char align = f->align ? f->align : '>';
    size_t left = align == '>' ? pad : align == '^' ? pad / 2 : 0, mid = align == '=' ? pad : 0;
    for (size_t i = 0; i < left; i++) buf_add(out, f->fill.ptr, f->fill.len);
    buf_str(out, sign);
    buf_str(out, prefix);
    for (size_t i = 0; i < mid; i++) buf_add(out, f->fill.ptr, f->fill.len);
    buf_add(out, body.ptr ? body.ptr : "", body.len);
    buf_add(out, rest.ptr, rest.len);
    buf_add(out, tail.ptr, tail.len);
    for (size_t i = left + mid; i < pad; i++) buf_add(out, f->fill.ptr, f->fill.len);
    buf_reset(&body);
    return ERR_OK;
}

static enum err unknown_code(char type, struct jinja_value v, struct error *e)
{
    return FAIL(e, "Unknown format code '%c' for object of type '%s'", type, jinja_type_name(v));
}

static enum err format_text(struct jinja_env *env, struct jinja_value v, struct format_spec *f, struct buf *out, struct error *e)
{
    if (f->type && f->type != 's') return unknown_code(f->type, v, e);
    if (f->sign) return FAIL(e, "Sign not allowed in string format specifier");
    if (f->alt) return FAIL(e, "Alternate form (#) not allowed in string format specifier");
    if (f->group) return FAIL(e, "Cannot specify '%c' with 's'.", f->group);
    if (f->align == '=' && !f->zero) return FAIL(e, "'=' alignment not allowed in string format specifier");
    struct jinja_value cut = v;
    enum err rc;
    if (f->precision >= 0 && (uint64_t)f->precision < str_chars(v)) cut = str_copy(env, SV(v).ptr, str_offset(v, (size_t)f->precision));
    size_t chars = str_chars(cut), width = f->width > 0 ? (size_t)f->width : 0, pad = width > chars ? width - chars : 0;
    if (pad > env->limit.max_output_bytes || (rc = env_room(env, pad, e))) return FAIL(e, "the text is longer than %zu bytes (max_output_bytes)", env->limit.max_output_bytes);
    size_t left = f->align == '>' ? pad : f->align == '^' ? pad / 2 : 0;
    for (size_t i = 0; i < left; i++) buf_add(out, f->fill.ptr, f->fill.len);
    buf_add(out, SV(cut).ptr, SV(cut).len);
    for (size_t i = left; i < pad; i++) buf_add(out, f->fill.ptr, f->fill.len);
    return ERR_OK;
}

static enum err format_real(struct jinja_env *env, double v, struct jinja_value of, struct format_spec *f, struct buf *out, struct error *e)
{
    struct buf digits = {0};
    char type = f->type;
    int precision = f->precision < 0 ? 6 : (int)f->precision;
    const char *tail = "";
    if (type == 'n') type = 'g';
    if (type && !strchr("eEfFgG%", type)) return unknown_code(type, of, e);
    if (precision > 100000) return FAIL(e, "precision too big");
    if (type == '%') {
        v *= 100;
        type = 'f';
        tail = "%";
    }
    if (type == 'F' && (isinf(v) || isnan(v))) type = 'F';
    if (type) {
        format_float_digits(v, type, precision, f->alt, &digits);
    } else if (f->precision < 0) {
        format_float_digits(v, 'r', 0, f->alt, &digits);
    } else {
        /* As g, but with the digit behind the point, and one digit earlier to the exponent. */
        format_float_digits(v, 'g', precision ? precision : 1, f->alt, &digits);
        if (isfinite(v) && !memchr(digits.ptr, 'e', digits.len) && !memchr(digits.ptr, '.', digits.len)) {
            if ((int)digits.len >= precision && precision > 0) {
                buf_clear(&digits);
                format_float_digits(v, 'e', precision - 1, false, &digits);
                char *x = memchr(digits.ptr, 'e', digits.len);
                size_t m = (size_t)(x - digits.ptr), n = m;
                while (n && memchr(digits.ptr, '.', m) && (digits.ptr[n - 1] == '0' || digits.ptr[n - 1] == '.')) {
                    bool point = digits.ptr[n - 1] == '.';
                    n--;
                    if (point) break;
                }
                memmove(digits.ptr + n, digits.ptr + m, digits.len - m);
                digits.len -= m - n;
            } else {
                buf_str(&digits, ".0");
            }
        }
    }
    enum err rc = format_number(env, f, signbit(v) && !isnan(v), "", view_from(digits.ptr, digits.len), view_of(tail), out, e);
    buf_reset(&digits);
    return rc;
}

static enum err format_integer(struct jinja_env *env, struct jinja_value v, struct format_spec *f, struct buf *out, struct error *e)
{
    int64_t i = 0;
    value_index(v, &i);
    if (f->type && strchr("eEfFgG%", f->type)) return format_real(env, (double)i, v, f, out, e);
    if (f->precision >= 0) return FAIL(e, "Precision not allowed in integer format specifier");
    if (f->type && !strchr("bcdoxXn", f->type)) return unknown_code(f->type, v, e);
    if (f->group == ',' && f->type && strchr("boxX", f->type)) return FAIL(e, "Cannot specify ',' with '%c'.", f->type);
    struct buf digits = {0};
    const char *prefix = "";
    if (f->type == 'c') {
        if (f->sign) return FAIL(e, "Sign not allowed with integer format specifier 'c'");
        if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000)) return FAIL(e, "%%c arg not in range(0x110000)");
        char enc[4];
        struct jinja_value text = str_copy(env, enc, utf8_encode((uint32_t)i, enc));
        f->type = 's';
        if (!f->align) f->align = '>';
        return format_text(env, text, f, out, e);
    }
    unsigned base = f->type == 'b' ? 2 : f->type == 'o' ? 8 : f->type == 'x' || f->type == 'X' ? 16 : 10;
    f->hex = base == 16;
    if (f->alt && base != 10) prefix = base == 2 ? "0b" : base == 8 ? "0o" : f->type == 'x' ? "0x" : "0X";
    format_int_digits(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, base, f->type == 'X', &digits);
    enum err rc = format_number(env, f, i < 0, prefix, view_from(digits.ptr, digits.len), view_of(""), out, e);
    buf_reset(&digits);
    return rc;
}

enum err format_spec(struct jinja_env *env, struct jinja_value v, struct view spec, struct buf *out, struct error *e)
{
    struct format_spec f;
    if (!spec.len) return jinja_str(env, v, out, e);
    if (v.type == JINJA_OBJECT && (v.as.object->cls == &class_date || v.as.object->cls == &class_datetime || v.as.object->cls == &class_time)) return datetime_strftime(env, v, spec, out, e);
    bool decimal = v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal;
    if (v.type != JINJA_STRING && !is_number(v) && !decimal) return FAIL(e, "unsupported format string passed to %s.__format__", jinja_type_name(v));
    enum err rc = spec_parse(spec, &f, e);
    if (rc) return rc;
    if (decimal) return decimal_format(env, v, &f, out, e);
    if (v.type == JINJA_STRING) return format_text(env, v, &f, out, e);
    if (v.type == JINJA_FLOAT) return format_real(env, v.as.real, v, &f, out, e);
    return format_integer(env, v, &f, out, e);
}
