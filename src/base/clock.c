#include "base/clock.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t clock_now_ms(void)
{
    const char *fixed = getenv("LAKEFM_NOW_MS");
    int64_t ms;
    if (fixed && str_i64(fixed, &ms)) return ms;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t clock_days(int32_t year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void clock_civil(int64_t ms, struct civil *out)
{
    int64_t day = clock_day_of_ms(ms), in_day = ms - day * CLOCK_DAY_MS;
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    out->year = (int32_t)(yoe + era * 400 + (month <= 2));
    out->month = (uint8_t)month;
    out->day = (uint8_t)(doy - (153 * mp + 2) / 5 + 1);
    out->hour = (uint8_t)(in_day / 3600000);
    out->minute = (uint8_t)(in_day / 60000 % 60);
    out->second = (uint8_t)(in_day / 1000 % 60);
    out->ms = (uint16_t)(in_day % 1000);
    out->weekday = (uint8_t)(((day + 3) % 7 + 7) % 7 + 1);
}

static int date_text(const struct civil *c, char *out, size_t size)
{
    const char *form = c->year > 9999 ? "+%d-%02u-%02u" : c->year < 0 ? "%05d-%02u-%02u" : "%04d-%02u-%02u";
    return snprintf(out, size, form, (int)c->year, (unsigned)c->month, (unsigned)c->day);
}

char *clock_format_date(int64_t day, char out[CLOCK_ISO_MAX])
{
    struct civil c;
    clock_civil(day * CLOCK_DAY_MS, &c);
    date_text(&c, out, CLOCK_ISO_MAX);
    return out;
}

char *clock_format_iso(int64_t ms, char out[CLOCK_ISO_MAX])
{
    struct civil c;
    clock_civil(ms, &c);
    int n = date_text(&c, out, CLOCK_ISO_MAX);
    size_t left = CLOCK_ISO_MAX - (size_t)n;
    if (c.ms) snprintf(out + n, left, "T%02u:%02u:%02u.%03uZ", (unsigned)c.hour, (unsigned)c.minute, (unsigned)c.second, (unsigned)c.ms);
    else snprintf(out + n, left, "T%02u:%02u:%02uZ", (unsigned)c.hour, (unsigned)c.minute, (unsigned)c.second);
    return out;
}

static bool digits(const char **s, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9') return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool expect(const char **s, char c) { return **s == c && (*s)++; }

bool clock_parse_iso(const char *s, int64_t *ms)
{
    int y, mo, d, h = 0, mi = 0, sec = 0, frac = 0;
    if (!digits(&s, 4, &y) || !expect(&s, '-') || !digits(&s, 2, &mo) || !expect(&s, '-') || !digits(&s, 2, &d))
        return false;
    if (*s == 'T' || *s == ' ') {
        s++;
        if (!digits(&s, 2, &h) || !expect(&s, ':') || !digits(&s, 2, &mi)) return false;
        if (*s == ':' && (s++, !digits(&s, 2, &sec))) return false;
        if (*s == '.') {
            s++;
            int n = 0;
            for (; *s >= '0' && *s <= '9'; s++, n++)
                if (n < 3) frac = frac * 10 + (*s - '0');
            if (n < 1 || n > 9) return false;
            for (; n < 3; n++) frac *= 10;
        }
    }
    if (*s == 'Z') s++;
    static const int last[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (*s || mo < 1 || mo > 12 || d < 1 || d > last[mo - 1] + (mo == 2 && leap) || h > 23 || mi > 59 || sec > 59)
        return false;
    *ms = clock_days(y, (unsigned)mo, (unsigned)d) * CLOCK_DAY_MS + ((h * 60 + mi) * 60 + sec) * 1000LL + frac;
    return true;
}
