#include "simulate/simulate.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>

static bool digits(const char **p, int n, int32_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, ++*p) {
        if (!isdigit((unsigned char)**p)) return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool expect(const char **p, char c)
{
    if (**p != c) return false;
    ++*p;
    return true;
}

static bool valid_date(int32_t year, int32_t month, int32_t day)
{
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    int64_t days = clock_days(year, (unsigned)month, (unsigned)day);
    struct civil back;
    clock_civil(days * CLOCK_DAY_MS, &back);
    return back.month == month && back.day == day;
}

static bool parse_year(const char **p, int32_t *year)
{
    bool negative = **p == '-';
    if (!negative && **p != '+') return digits(p, 4, year);
    ++*p;
    int n = (int)strspn(*p, "0123456789");
    if (n < 4 || n > 6 || !digits(p, n, year)) return false;
    if (negative) *year = -*year;
    return true;
}

static bool parse(const char *p, struct simulate_time *out)
{
    int32_t year, month, day, hour = 0, minute = 0, second = 0, nano = 0;
    if (!parse_year(&p, &year) || !expect(&p, '-') || !digits(&p, 2, &month) || !expect(&p, '-') || !digits(&p, 2, &day))
        return false;
    if (*p == 'T' || *p == 't') {
        p++;
        if (!digits(&p, 2, &hour) || !expect(&p, ':') || !digits(&p, 2, &minute)) return false;
        if (expect(&p, ':')) {
            if (!digits(&p, 2, &second)) return false;
            if (expect(&p, '.')) {
                int n = 0;
                for (; n < 9 && isdigit((unsigned char)*p); n++) nano = nano * 10 + (*p++ - '0');
                for (; n < 9; n++) nano *= 10;
            }
        }
    }
    if (*p == 'Z') p++;
    if (*p || hour > 23 || minute > 59 || second > 59 || !valid_date(year, month, day)) return false;
    out->second = clock_days(year, (unsigned)month, (unsigned)day) * 86400 + hour * 3600 + minute * 60 + second;
    out->nano = nano;
    return true;
}

enum err simulate_time_parse(const char *text, struct simulate_time *out, struct error *e)
{
    if (parse(text, out)) return ERR_OK;
    err_set(e, ERR_USAGE, "\"%s\" is no time", text);
    return err_hint(e, "write 2025-11-01, 2025-11-01T06:30 or 2025-11-01T06:30:00.250 (UTC)");
}

int64_t simulate_time_ms(struct simulate_time t) { return t.second * 1000 + t.nano / 1000000; }
