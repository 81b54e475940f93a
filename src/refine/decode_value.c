/* One JSON value for one column: type, range, cleaning. Everything that makes a token good or bad is decided here. */
#include "refine/decode_private.h"

#include "base/clock.h"
#include "schema/clean.h"

/* 0001-01-01 … 9999-12-31T23:59:59.999: dates that have a folder name. */
static const int64_t time_min = -62135596800000, time_max = 253402300799999;

static void limits(enum contract_type t, int64_t *min, int64_t *max)
{
    *min = t == CONTRACT_INT64 || t == CONTRACT_TIMESTAMP_MS ? INT64_MIN : 0;
    *max = t == CONTRACT_UINT32 ? UINT32_MAX : t == CONTRACT_UINT16 ? UINT16_MAX : t == CONTRACT_UINT8 ? UINT8_MAX : INT64_MAX;
}

static enum decode_reason time_of_text(struct view text, int64_t *ms)
{
    char copy[64];
    if (text.len >= sizeof copy) return DECODE_WRONG_TYPE;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return clock_parse_iso(copy, ms) ? FINE : DECODE_WRONG_TYPE;
}

/* The number in a JSON number, or in a text. */
static enum decode_reason number_value(const struct contract *c, uint16_t column, const char *p, const char *end,
                                       struct value *v)
{
    const struct contract_column *col = &c->columns[column];
    int64_t min, max;
    enum decode_reason why;

    if (col->type == CONTRACT_DOUBLE) {
        double real = 0;
        why = decode_number_double(p, end, &real);
        memcpy(&v->integer, &real, sizeof real);
        return why;
    }
    if (col->type == CONTRACT_BOOL) { /* `equals` */
        why = decode_number_integer(p, end, false, INT64_MIN, INT64_MAX, &v->integer);
        v->integer = v->integer == col->equals;
        return why;
    }
    limits(col->type, &min, &max);
    why = decode_number_integer(p, end, col->accept & CONTRACT_ACCEPT_FLOAT, min, max, &v->integer);
    if (why != FINE) return why;
    if (column == c->time_column) {
        if (c->time_unit == CONTRACT_UNIT_ISO) return DECODE_WRONG_TYPE;
        if (c->time_unit == CONTRACT_UNIT_S && __builtin_mul_overflow(v->integer, 1000, &v->integer)) return DECODE_OUT_OF_RANGE;
        if (c->time_unit == CONTRACT_UNIT_US) v->integer = v->integer / 1000 - (v->integer % 1000 < 0);
    }
    bool is_time = column == c->time_column || col->type == CONTRACT_TIMESTAMP_MS;
    return is_time && (v->integer < time_min || v->integer > time_max) ? DECODE_OUT_OF_RANGE : FINE;
}

static enum decode_reason text_value(const struct contract *c, uint16_t column, struct view text,
                                     struct value_scratch *scratch, struct value *v)
{
    const struct contract_column *col = &c->columns[column];

    if (col->type == CONTRACT_STRING) {
        v->null = !clean_text(col->clean, text, &scratch->cleaned, &v->text);
        return FINE;
    }
    if ((col->accept & CONTRACT_ACCEPT_BLANK) && !text.len) return v->null = true, FINE;
    if ((col->accept & CONTRACT_ACCEPT_TEXT) && decode_number_end(text.ptr, text.ptr + text.len) == text.ptr + text.len)
        return number_value(c, column, text.ptr, text.ptr + text.len, v);
    if (col->type == CONTRACT_TIMESTAMP_MS || (column == c->time_column && c->time_unit == CONTRACT_UNIT_ISO)) {
        enum decode_reason why = time_of_text(text, &v->integer);
        return why != FINE ? why : v->integer < time_min || v->integer > time_max ? DECODE_OUT_OF_RANGE : FINE;
    }
    return DECODE_WRONG_TYPE;
}

enum decode_reason decode_value_parse(const struct contract *c, uint16_t column, const char *p, const char *end,
                               struct value_scratch *scratch, struct value *v)
{
    const struct contract_column *col = &c->columns[column];
    struct view token = view_from(p, (size_t)(end - p));

    *v = (struct value){0};
    if (p == end) return DECODE_BAD_JSON;
    if (*p == '"') {
        enum decode_reason why;
        bool escaped;
        if (decode_text_end(p + 1, end, &escaped, &why) != end - 1) return why;
        return text_value(c, column, decode_text_unescape(p + 1, end - 1, escaped, &scratch->unescaped), scratch, v);
    }
    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        if (decode_number_end(p, end) != end) return DECODE_BAD_JSON;
        if (col->type == CONTRACT_STRING || (col->type == CONTRACT_BOOL && !col->has_equals)) return DECODE_WRONG_TYPE;
        return number_value(c, column, p, end, v);
    }
    if (view_is(token, "null")) return v->null = true, FINE;
    if (view_is(token, "true") || view_is(token, "false")) {
        v->integer = *p == 't';
        return col->type == CONTRACT_BOOL && !col->has_equals ? FINE : DECODE_WRONG_TYPE;
    }
    return *p == '{' || *p == '[' ? DECODE_WRONG_TYPE : DECODE_BAD_JSON;
}
