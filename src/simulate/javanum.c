#include "simulate/javanum.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the shortest digits d[.ddd]e±xx to Java's form: plain for 10^-3 ≤ |v| < 10^7, else d.ddE±x; always a point. */
static char *java_form(const char *scientific, char out[JAVANUM_SIZE])
{
    char digits[32];
    int n = 0;
    const char *p = scientific;
    bool negative = *p == '-';
    if (negative) p++;
    for (; *p && *p != 'e'; p++)
        if (*p != '.') digits[n++] = *p;
    int exponent = atoi(p + 1);
    while (n > 1 && digits[n - 1] == '0') n--;
    char *o = out;
    if (negative) *o++ = '-';
    if (digits[0] == '0') {
        memcpy(o, "0.0", 4);
    } else if (exponent < -3 || exponent >= 7) {
        sprintf(o, "%c.%.*sE%d", digits[0], n > 1 ? n - 1 : 1, n > 1 ? digits + 1 : "0", exponent);
    } else {
        if (exponent < 0) {
            *o++ = '0', *o++ = '.';
            for (int i = -1; i > exponent; i--) *o++ = '0';
            exponent = -1; /* the point is written */
        }
        for (int i = 0; i < n || i <= exponent; i++) {
            *o++ = i < n ? digits[i] : '0';
            if (i == exponent) {
                *o++ = '.';
                if (i + 1 >= n) *o++ = '0';
            }
        }
        *o = '\0';
    }
    return out;
}

/* The common case without printf: the fewest decimals (at most 6) that read back as v; false when there are none such.
 * whole / scale is rounded once, so it is what reading the text gives. */
static bool few_decimals(double v, bool is_float, char out[JAVANUM_SIZE])
{
    static const double SCALE[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    double size = fabs(v);
    if (!(size >= 1e-3 && size < 1e7)) return false;
    for (int k = 0; k <= 6; k++) {
        double whole = nearbyint(size * SCALE[k]), back = whole / SCALE[k];
        if (is_float ? (float)back != (float)size : back != size) continue;
        uint64_t n = (uint64_t)whole, one = (uint64_t)SCALE[k];
        char *o = out;
        if (v < 0) *o++ = '-';
        for (uint64_t unit = 1000000, left = n / one; unit; unit /= 10)
            if (left >= unit || unit == 1) *o++ = (char)('0' + left / unit % 10);
        *o++ = '.';
        if (!k) *o++ = '0';
        for (uint64_t unit = one / 10, rest = n % one; unit; unit /= 10) *o++ = (char)('0' + rest / unit % 10);
        *o = '\0';
        return true;
    }
    return false;
}

char *javanum_float(float v, char out[JAVANUM_SIZE])
{
    char text[32];
    if (few_decimals((double)v, true, out)) return out;
    for (int precision = 0; precision < 9; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    return java_form(text, out);
}

char *javanum_double(double v, char out[JAVANUM_SIZE])
{
    char text[32];
    if (few_decimals(v, false, out)) return out;
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v) break;
    }
    return java_form(text, out);
}
