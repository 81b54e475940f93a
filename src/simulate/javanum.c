#include "simulate/javanum.h"

#include <math.h>
#include <stdbool.h>
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

char *javanum_float(float v, char out[JAVANUM_SIZE])
{
    char text[32];
    for (int precision = 0; precision < 9; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    return java_form(text, out);
}

char *javanum_double(double v, char out[JAVANUM_SIZE])
{
    char text[32];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v) break;
    }
    return java_form(text, out);
}
