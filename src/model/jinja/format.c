/* text % values, and str.format. */
#include "model/jinja/format.h"

#include <math.h>

/* ---- % ----------------------------------------------------------------------------------------------------------- */

struct percent {
    struct jinja_env *env;
    struct view fmt;
    size_t at;
    struct jinja_value args; /* a tuple or one value */
    size_t taken;
    bool markup;
    struct buf out;
    struct error *e;
};

static enum err next_arg(struct percent *p, struct jinja_value *out)
{
    if (p->args.type == JINJA_TUPLE) {
        if (p->taken >= p->args.as.seq->count) return FAIL(p->e, "not enough arguments for format string");
        *out = p->args.as.seq->item[p->taken++];
        return ERR_OK;
    }
    if (p->taken++) return FAIL(p->e, "not enough arguments for format string");
    *out = p->args;
    return ERR_OK;
}

static enum err keyed_arg(struct percent *p, struct jinja_value *out)
{
    size_t from = ++p->at, depth = 1;
    while (p->at < p->fmt.len && depth) {
        if (p->fmt.ptr[p->at] == '(') depth++;
        if (p->fmt.ptr[p->at] == ')') depth--;
        p->at++;
    }
    if (depth) return FAIL(p->e, "incomplete format key");
    if (p->args.type == JINJA_UNDEFINED) return fail_undefined(p->env, p->args, p->e);
    if (p->args.type != JINJA_DICT) return FAIL(p->e, "format requires a mapping");
    struct view key = view_from(p->fmt.ptr + from, p->at - 1 - from);
    *out = jinja_dict_get_view(p->args, key);
    if (out->type == JINJA_ABSENT) return FAIL(p->e, "KeyError: '%.*s'", (int)(key.len > 200 ? 200 : key.len), key.ptr);
    return ERR_OK;
}

static enum err percent_size(struct percent *p, int64_t *out)
{
    *out = -1;
    if (p->at < p->fmt.len && p->fmt.ptr[p->at] == '*') {
        struct jinja_value v;
        p->at++;
        enum err rc = next_arg(p, &v);
        if (rc) return rc;
        if (!value_index(v, out)) return FAIL(p->e, "* wants int");
        return ERR_OK;
    }
    while (p->at < p->fmt.len && p->fmt.ptr[p->at] >= '0' && p->fmt.ptr[p->at] <= '9') {
        *out = (*out < 0 ? 0 : *out) * 10 + (p->fmt.ptr[p->at++] - '0');
        if (*out > INT32_MAX) return FAIL(p->e, "width too big");
    }
    return ERR_OK;
}

static void ascii_only(struct buf *b)
{
    struct buf out = {0};
    for (size_t i = 0, n; i < b->len; i += n) {
        uint32_t c = utf8_decode(b->ptr + i, &n);
        if (c < 0x80) buf_char(&out, (char)c);
        else buf_printf(&out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
    buf_reset(b);
    *b = out;
}

static enum err percent_text(struct percent *p, struct jinja_value v, struct format_spec *f, char type)
{
    struct buf b = {0};
    enum err rc = ERR_OK;
    char enc[4];
    int64_t i;
    if (type == 'c') {
        if (value_index(v, &i)) {
            if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000)) return FAIL(p->e, "%%c arg not in range(0x110000)");
            buf_add(&b, enc, utf8_encode((uint32_t)i, enc));
        } else if (v.type == JINJA_STRING && str_chars(v) == 1) {
            buf_add(&b, SV(v).ptr, SV(v).len);
        } else {
            return FAIL(p->e, "%%c requires int or char");
        }
        f->precision = -1;
    } else if (type == 's' && p->markup) {
        if (!(rc = value_escape(p->env, v, &v, p->e))) buf_add(&b, SV(v).ptr, SV(v).len);
    } else {
        rc = type == 's' ? jinja_str(p->env, v, &b, p->e) : jinja_repr(p->env, v, &b, p->e);
        if (type == 'a') ascii_only(&b);
    }
    if (!rc) {
        struct jinja_value text = str_take(p->env, &b);
        if (f->precision >= 0 && (uint64_t)f->precision < str_chars(text)) text = str_copy(p->env, SV(text).ptr, str_offset(text, (size_t)f->precision));
        rc = text_pad(p->env, text, f->width, view_of(" "), f->align == '<' ? -1 : 1, &text, p->e);
        buf_add(&p->out, SV(text).ptr, SV(text).len);
    }
    buf_reset(&b);
    return rc;
}

static enum err percent_int(struct percent *p, struct jinja_value v, struct format_spec *f, char type)
{
    int64_t i = 0;
    enum err rc;
    bool whole = value_index(v, &i);
    if (!whole && (type == 'x' || type == 'X' || type == 'o')) return FAIL(p->e, "%%%c format: an integer is required, not %s", type, jinja_type_name(v));
    if (!whole && v.type != JINJA_FLOAT && !(v.type == JINJA_OBJECT && v.as.object->cls == &class_decimal)) return FAIL(p->e, "%%%c format: a real number is required, not %s", type, jinja_type_name(v));
    if (!whole && (rc = value_to_int(p->env, v, &i, p->e))) return rc;
    struct buf digits = {0}, padded = {0};
    unsigned base = type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
    format_int_digits(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, base, type == 'X', &digits);
    if (f->precision > 100000) return buf_reset(&digits), FAIL(p->e, "precision too large");
    for (int64_t k = (int64_t)digits.len; k < f->precision; k++) buf_char(&padded, '0');
    buf_add(&padded, digits.ptr, digits.len);
    f->hex = base == 16;
    const char *prefix = !f->alt || base == 10 ? "" : base == 8 ? "0o" : type == 'x' ? "0x" : "0X";
    rc = format_number(p->env, f, i < 0, prefix, view_from(padded.ptr, padded.len), view_of(""), &p->out, p->e);
    buf_reset(&digits);
    buf_reset(&padded);
    return rc;
}

static enum err percent_float(struct percent *p, struct jinja_value v, struct format_spec *f, char type)
{
    double d = 0;
    struct buf digits = {0};
    enum err rc;
    if (v.type == JINJA_STRING || v.type == JINJA_UNDEFINED || (rc = value_to_float(p->env, v, &d, NULL))) {
        return v.type == JINJA_UNDEFINED ? fail_undefined(p->env, v, p->e) : FAIL(p->e, "must be real number, not %s", jinja_type_name(v));
    }
    if (f->precision > 100000) return FAIL(p->e, "precision too large");
    format_float_digits(d, type, f->precision < 0 ? 6 : (int)f->precision, f->alt, &digits);
    if (!isfinite(d) && view_is(f->fill, "0")) f->fill = view_of(" "), f->align = f->align == '=' ? '>' : f->align;
    rc = format_number(p->env, f, signbit(d) && !isnan(d), "", view_from(digits.ptr, digits.len), view_of(""), &p->out, p->e);
    buf_reset(&digits);
    return rc;
}

static void percent_flags(struct percent *p, struct format_spec *f)
{
    bool minus = false, zero = false;
    for (; p->at < p->fmt.len; p->at++) {
        char c = p->fmt.ptr[p->at];
        if (c == '-') minus = true;
        else if (c == '0') zero = true;
        else if (c == '#') f->alt = true;
        else if (c == '+') f->sign = '+';
        else if (c == ' ') f->sign = f->sign ? f->sign : ' ';
        else break;
    }
    f->align = minus ? '<' : zero ? '=' : '>';
    f->fill = view_of(zero && !minus ? "0" : " ");
}

/* What follows a %. */
static enum err percent_one(struct percent *p)
{
    struct format_spec f = {.precision = -1};
    struct jinja_value v = {0};
    enum err rc;
    bool keyed = p->at < p->fmt.len && p->fmt.ptr[p->at] == '(';
    if (p->at < p->fmt.len && p->fmt.ptr[p->at] == '%') return p->at++, buf_char(&p->out, '%'), ERR_OK;
    if (keyed && (rc = keyed_arg(p, &v))) return rc;
    percent_flags(p, &f);
    if ((rc = percent_size(p, &f.width))) return rc;
    if (f.width < -1) f.align = '<', f.fill = view_of(" "), f.width = f.width < -INT32_MAX ? INT32_MAX : -f.width;
    if (p->at < p->fmt.len && p->fmt.ptr[p->at] == '.') {
        p->at++;
        if ((rc = percent_size(p, &f.precision))) return rc;
        if (f.precision < 0) f.precision = 0;
    }
    while (p->at < p->fmt.len && p->fmt.ptr[p->at] && strchr("hlL", p->fmt.ptr[p->at])) p->at++;
    if (p->at >= p->fmt.len) return FAIL(p->e, "incomplete format");
    char type = p->fmt.ptr[p->at++];
    if (type == '%') { /* with flags or a width it takes an argument, and nothing else */
        if (!keyed && (rc = next_arg(p, &v))) return rc;
        return buf_char(&p->out, '%'), ERR_OK;
    }
    if (!type || !strchr("diuoxXeEfFgGcrsa", type)) return FAIL(p->e, "unsupported format character '%c' (0x%x) at index %zu", type, (unsigned char)type, p->at - 1);
    if (!keyed && (rc = next_arg(p, &v))) return rc;
    if (strchr("crsa", type)) return percent_text(p, v, &f, type);
    if (strchr("eEfFgG", type)) return percent_float(p, v, &f, type);
    return percent_int(p, v, &f, type);
}

static bool all_taken(const struct percent *p)
{
    if (p->args.type == JINJA_TUPLE) return p->taken >= p->args.as.seq->count;
    if (p->taken) return true;
    return p->args.type == JINJA_DICT || p->args.type == JINJA_LIST || p->args.type == JINJA_UNDEFINED || (p->args.type == JINJA_OBJECT && p->args.as.object->cls->get_item);
}

enum err format_percent(struct jinja_env *env, struct jinja_value fmt, struct jinja_value args, struct jinja_value *out, struct error *e)
{
    struct percent p = {.env = env, .fmt = SV(fmt), .args = args, .markup = fmt.as.string->flavour == STR_MARKUP, .e = e};
    enum err rc = ERR_OK;
    while (p.at < p.fmt.len && !rc) {
        const char *sign = memchr(p.fmt.ptr + p.at, '%', p.fmt.len - p.at);
        size_t to = sign ? (size_t)(sign - p.fmt.ptr) : p.fmt.len;
        buf_add(&p.out, p.fmt.ptr + p.at, to - p.at);
        p.at = to + 1;
        if (sign) rc = percent_one(&p);
        if (!rc) rc = text_within(env, &p.out, e);
    }
    if (!rc && !all_taken(&p)) rc = FAIL(e, "not all arguments converted during string formatting");
    *out = str_take(env, &p.out);
    if (p.markup) out->as.string->flavour = STR_MARKUP;
    return rc;
}

/* ---- str.format ------------------------------------------------------------------------------------------------------ */

struct braces {
    struct jinja_env *env;
    const struct jinja_call *args;
    size_t skip;
    int64_t next;  /* automatic numbering; -1: numbers were given */
    bool automatic, markup;
    struct error *e;
};

static enum err braces_text(struct braces *b, struct view fmt, unsigned depth, struct buf *out);

static bool all_digits(struct view s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    return s.len > 0 && s.len < 10;
}

static int64_t small_number(struct view s)
{
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) v = v * 10 + (s.ptr[i] - '0');
    return v;
}

static enum err field_first(struct braces *b, struct view name, struct jinja_value *out)
{
    int64_t i = -1;
    if (!name.len) {
        if (b->next < 0) return FAIL(b->e, "cannot switch from manual field specification to automatic field numbering");
        b->automatic = true;
        i = b->next++;
    } else if (all_digits(name)) {
        if (b->automatic) return FAIL(b->e, "cannot switch from manual field specification to automatic field numbering");
        b->next = -1;
        i = small_number(name);
    }
    if (i >= 0) {
        if ((uint64_t)i >= b->args->count - b->skip) return FAIL(b->e, "Replacement index %lld out of range for positional args tuple", (long long)i);
        *out = b->args->args[b->skip + (size_t)i];
        return ERR_OK;
    }
    for (size_t k = 0; k < b->args->named_count; k++)
        if (view_eq(b->args->named[k].name, name)) return *out = b->args->named[k].value, ERR_OK;
    return FAIL(b->e, "KeyError: '%.*s'", (int)(name.len > 200 ? 200 : name.len), name.ptr);
}

/* name.attr[key]… */
static enum err field_value(struct braces *b, struct view field, struct jinja_value *out)
{
    size_t at = 0;
    while (at < field.len && field.ptr[at] != '.' && field.ptr[at] != '[') at++;
    enum err rc = field_first(b, view_from(field.ptr, at), out);
    while (!rc && at < field.len) {
        bool attr = field.ptr[at] == '.';
        size_t from = ++at;
        while (at < field.len && (attr ? field.ptr[at] != '.' && field.ptr[at] != '[' : field.ptr[at] != ']')) at++;
        struct view part = view_from(field.ptr + from, at - from);
        if (!attr && at++ >= field.len) return FAIL(b->e, "Missing ']' in format string");
        if (!part.len) return FAIL(b->e, "Empty attribute in format string");
        if (at < field.len && !attr && field.ptr[at] != '.' && field.ptr[at] != '[') return FAIL(b->e, "Only '.' or '[' may follow ']' in format field specifier");
        if (attr) rc = access_attr(b->env, *out, str_copy(b->env, part.ptr, part.len), out, b->e);
        else rc = access_item(b->env, *out, all_digits(part) ? jinja_int(small_number(part)) : str_copy(b->env, part.ptr, part.len), out, b->e);
    }
    return rc;
}

static enum err convert(struct braces *b, char how, struct jinja_value v, struct jinja_value *out)
{
    struct buf text = {0};
    enum err rc;
    if (how != 'r' && how != 's' && how != 'a') return FAIL(b->e, "Unknown conversion specifier '%c'", how);
    rc = how == 's' ? jinja_str(b->env, v, &text, b->e) : jinja_repr(b->env, v, &text, b->e);
    if (how == 'a') ascii_only(&text);
    *out = str_take(b->env, &text);
    return rc;
}

/* The inside of {…}: field, !conversion, :spec. */
static enum err one_field(struct braces *b, struct view s, unsigned depth, struct buf *out)
{
    size_t end = 0, brackets = 0;
    while (end < s.len && (brackets || (s.ptr[end] != '!' && s.ptr[end] != ':'))) {
        if (s.ptr[end] == '[') brackets = 1;
        if (s.ptr[end] == ']') brackets = 0;
        if (s.ptr[end] == '{') return FAIL(b->e, "unexpected '{' in field name");
        end++;
    }
    struct jinja_value v;
    struct view rest = view_from(s.ptr + end, s.len - end);
    enum err rc = field_value(b, view_from(s.ptr, end), &v);
    if (rc) return rc;
    if (rest.len && rest.ptr[0] == '!') {
        if (rest.len < 2) return FAIL(b->e, "end of string while looking for conversion specifier");
        if (rest.len > 2 && rest.ptr[2] != ':') return FAIL(b->e, "expected ':' after conversion specifier");
        if ((rc = convert(b, rest.ptr[1], v, &v))) return rc;
        rest = view_from(rest.ptr + 2, rest.len - 2);
    }
    struct buf spec = {0}, text = {0};
    if (rest.len > 1) rc = braces_text(b, view_from(rest.ptr + 1, rest.len - 1), depth + 1, &spec);
    if (!rc) rc = format_spec(b->env, v, view_from(spec.ptr ? spec.ptr : "", spec.len), &text, b->e);
    if (!rc && b->markup && !depth && !(v.type == JINJA_STRING && v.as.string->flavour == STR_MARKUP)) html_escape(view_from(text.ptr ? text.ptr : "", text.len), out);
    else if (!rc) buf_add(out, text.ptr ? text.ptr : "", text.len);
    buf_reset(&spec);
    buf_reset(&text);
    return rc;
}

static enum err braces_text(struct braces *b, struct view s, unsigned depth, struct buf *out)
{
    enum err rc = ERR_OK;
    if (depth > 1) return FAIL(b->e, "Max string recursion exceeded");
    for (size_t at = 0; at < s.len && !rc;) {
        char c = s.ptr[at];
        if (c != '{' && c != '}') {
            buf_char(out, c);
            at++;
            continue;
        }
        if (at + 1 < s.len && s.ptr[at + 1] == c) {
            buf_char(out, c);
            at += 2;
            continue;
        }
        if (c == '}') return FAIL(b->e, "Single '}' encountered in format string");
        size_t from = ++at, open = 1;
        for (; at < s.len && open; at++) {
            if (s.ptr[at] == '{') open++;
            if (s.ptr[at] == '}') open--;
        }
        if (open) return FAIL(b->e, from >= s.len ? "Single '{' encountered in format string" : "expected '}' before end of string");
        rc = one_field(b, view_from(s.ptr + from, at - 1 - from), depth, out);
        if (!rc) rc = text_within(b->env, out, b->e);
    }
    return rc;
}

enum err format_braces(struct jinja_env *env, struct jinja_value fmt, const struct jinja_call *args, size_t skip, struct jinja_value *out, struct error *e)
{
    struct braces b = {.env = env, .args = args, .skip = skip, .markup = fmt.as.string->flavour == STR_MARKUP, .e = e};
    struct buf text = {0};
    enum err rc = braces_text(&b, SV(fmt), 0, &text);
    *out = str_take(env, &text);
    if (b.markup) out->as.string->flavour = STR_MARKUP;
    return rc;
}
