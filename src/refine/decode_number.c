/* JSON numbers (RFC 8259, section 6): grammar, exact integers, correctly rounded doubles. */
#include "refine/decode_private.h"

#include "base/mem.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

const char *decode_number_end(const char *p, const char *end)
{
    if (p < end && *p == '-') p++;
    if (p == end || !digit(*p)) return NULL;
    if (*p == '0') p++;
    else
        while (p < end && digit(*p)) p++;
    if (p < end && *p == '.') {
        if (++p == end || !digit(*p)) return NULL;
        while (p < end && digit(*p)) p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p == end || !digit(*p)) return NULL;
        while (p < end && digit(*p)) p++;
    }
    return p;
}

/* A number taken apart: ± digits × 10^exponent. */
struct decimal {
    bool negative, exact; /* exact: mantissa holds all significant digits */
    bool plain;           /* neither fraction nor exponent */
    uint64_t mantissa;
    int64_t exponent;     /* saturated at ± 10^9 or so */
    size_t digits;        /* significant ones: from the first to the last that is not 0 */
};

/* Significant digits go into the mantissa while they fit; trailing zeros are kept as exponent where that is free. */
static void take_apart(const char *p, const char *end, struct decimal *d)
{
    size_t zeros = 0; /* pending: they count only when another digit follows */
    bool fraction = false;

    *d = (struct decimal){.exact = true, .plain = true};
    if (*p == '-') d->negative = true, p++;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            d->plain = false;
            continue;
        }
        if (fraction) d->exponent--;
        if (*p == '0') {
            if (d->digits) zeros++;
            continue;
        }
        for (; zeros; zeros--) {
            d->digits++;
            if (d->digits <= 19) d->mantissa *= 10;
        }
        d->digits++;
        if (d->digits <= 19) d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
        else d->exact = false;
    }
    d->exponent += (int64_t)zeros;
    if (p < end) {
        bool minus = p[1] == '-';
        int64_t x = 0;
        d->plain = false;
        for (p += p[1] == '-' || p[1] == '+' ? 2 : 1; p < end; p++)
            if (x < 1000000000) x = x * 10 + (*p - '0');
        d->exponent += minus ? -x : x;
    }
}

enum decode_reason decode_number_integer(const char *p, const char *end, bool floats, int64_t min, int64_t max, int64_t *out)
{
    struct decimal d;

    if (decode_number_end(p, end) != end) return DECODE_BAD_JSON;
    take_apart(p, end, &d);
    if (!d.plain && !floats) return DECODE_NOT_INTEGER;
    if (!d.digits) return *out = 0, min > 0 || max < 0 ? DECODE_OUT_OF_RANGE : FINE;
    if (d.exponent < 0) return DECODE_NOT_INTEGER; /* the last significant digit is behind the point */
    if (!d.exact || d.exponent > 19) return DECODE_OUT_OF_RANGE;
    uint64_t m = d.mantissa;
    for (; d.exponent; d.exponent--)
        if (__builtin_mul_overflow(m, (uint64_t)10, &m)) return DECODE_OUT_OF_RANGE;
    if (m > (uint64_t)INT64_MAX + d.negative) return DECODE_OUT_OF_RANGE;
    int64_t v = (int64_t)(d.negative ? -m : m);
    if (v < min || v > max) return DECODE_OUT_OF_RANGE;
    *out = v;
    return FINE;
}

static locale_t c_locale;
static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* glibc's strtod rounds correctly for any length. */
static double by_strtod(const char *p, const char *end)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char small[128], *copy = small;
    size_t len = (size_t)(end - p);

    pthread_once(&once, make_c_locale);
    if (len >= sizeof small) copy = mem_alloc(len + 1);
    memcpy(copy, p, len);
    copy[len] = '\0';
    double v = strtod_l(copy, NULL, c_locale);
    if (copy != small) mem_free(copy);
    return v;
}

enum decode_reason decode_number_double(const char *p, const char *end, double *out)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal d;
    double v;

    if (decode_number_end(p, end) != end) return DECODE_BAD_JSON;
    take_apart(p, end, &d);
    /* Both factors are exact doubles, so the one operation rounds once (Clinger 1990). */
    if (d.exact && d.mantissa <= (uint64_t)1 << 53 && d.exponent >= -22 && d.exponent <= 22) {
        v = (double)d.mantissa;
        v = d.exponent < 0 ? v / ten[-d.exponent] : v * ten[d.exponent];
        if (d.negative) v = -v;
    } else {
        v = by_strtod(p, end);
    }
    if (!isfinite(v)) return DECODE_NOT_FINITE;
    *out = v;
    return FINE;
}
