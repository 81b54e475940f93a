/* Number formatting shared by format.c, format_spec.c and decimal.c. */
#ifndef LAKEFM_MODEL_JINJA_FORMAT_H
#define LAKEFM_MODEL_JINJA_FORMAT_H

#include "model/jinja/internal.h"

struct format_spec {
    struct view fill;
    char align, sign, group, type; /* '\0': not given */
    bool filled, alt, zero, hex;
    int64_t width, precision; /* -1: not given */
};

void format_int_digits(uint64_t v, unsigned base, bool upper, struct buf *out);
/* |v| by printf's type, or 'r' for repr. */
void format_float_digits(double v, char type, int precision, bool alt, struct buf *out);
/* Sign, prefix, digits with grouping in their whole part, tail, padded. */
enum err format_number(struct jinja_env *env, const struct format_spec *f, bool negative, const char *prefix, struct view digits, struct view tail, struct buf *out, struct error *e) MUST_CHECK;
enum err decimal_format(struct jinja_env *env, struct jinja_value v, const struct format_spec *f, struct buf *out, struct error *e) MUST_CHECK;
enum err datetime_strftime(struct jinja_env *env, struct jinja_value v, struct view format, struct buf *out, struct error *e) MUST_CHECK;

#endif
