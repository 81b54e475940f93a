/* Dates as text: ISO 8601, strftime, strptime. */
#include "model/jinja/datetime.h"

#include <ctype.h>
#include <time.h>

void iso_date(int64_t day, struct buf *out)
{
    struct parts p;
    parts_of(day * DAY_US, &p);
    buf_printf(out, "%04d-%02d-%02d", (int)p.year, (int)p.month, (int)p.day);
}

enum err iso_time(int64_t us, struct view timespec, struct buf *out, struct error *e)
{
    static const char *const specs[] = {"hours", "minutes", "seconds", "milliseconds", "microseconds", NULL};
    int h = (int)(us / 3600000000), m = (int)(us / 60000000 % 60), s = (int)(us / 1000000 % 60), fraction = (int)(us % 1000000);
    int spec = view_is(timespec, "auto") ? (fraction ? 4 : 2) : -1;
    for (int i = 0; specs[i] && spec < 0; i++)
        if (view_is(timespec, specs[i])) spec = i;
    if (spec < 0) return FAIL(e, "Unknown timespec value");
    buf_printf(out, "%02d", h);
    if (spec > 0) buf_printf(out, ":%02d", m);
    if (spec > 1) buf_printf(out, ":%02d", s);
    if (spec == 3) buf_printf(out, ".%03d", fraction / 1000);
    if (spec == 4) buf_printf(out, ".%06d", fraction);
    return ERR_OK;
}

static void offset_text(int32_t s, const char *colon, struct buf *out)
{
    buf_char(out, s < 0 ? '-' : '+');
    if (s < 0) s = -s;
    buf_printf(out, "%02d%s%02d", s / 3600, colon, s / 60 % 60);
    if (s % 60) buf_printf(out, "%s%02d", colon, s % 60);
}

void iso_offset(const struct tzinfo *tz, struct buf *out)
{
    if (tz) offset_text(tz->offset_s, ":", out);
}

/* ---- strftime: the C library's, after %f, %z and %Z are put in as CPython does ------------------------------------- */

enum err text_strftime(int64_t wall_us, const struct tzinfo *tz, struct view format, struct buf *out, struct error *e)
{
    struct parts p;
    struct buf f = {0};
    parts_of(wall_us, &p);
    struct tm tm = {.tm_year = (int)p.year - 1900, .tm_mon = (int)p.month - 1, .tm_mday = (int)p.day, .tm_hour = (int)p.hour, .tm_min = (int)p.minute,
        .tm_sec = (int)p.second, .tm_wday = (int)((p.weekday + 1) % 7), .tm_yday = (int)p.yearday - 1, .tm_isdst = -1};
    for (size_t i = 0; i < format.len; i++) {
        char c = format.ptr[i], next = i + 1 < format.len ? format.ptr[i + 1] : 0;
        if (!c) {
            buf_reset(&f);
            return FAIL(e, "embedded null character");
        }
        if (c != '%' || !next) {
            buf_char(&f, c);
            continue;
        }
        i++;
        if (next == 'f') buf_printf(&f, "%06d", (int)p.us);
        else if (next == 'z' && tz) offset_text(tz->offset_s, "", &f);
        else if (next == 'Z' && tz) for (const char *n = tz->abbreviation; *n; n++) buf_printf(&f, *n == '%' ? "%%%%" : "%c", *n);
        else if (next != 'z' && next != 'Z') buf_char(&f, '%'), buf_char(&f, next);
    }
    buf_char(&f, '.'); /* so that an empty result is told from lack of room */
    enum err rc = ERR_OK;
    for (size_t room = 256;; room *= 2) {
        char *to = buf_reserve(out, room);
        size_t n = strftime(to, room, f.ptr, &tm);
        if (n) {
            out->len += n - 1;
            break;
        }
        if (room > (size_t)1 << 20) {
            rc = FAIL(e, "strftime: the text is too long");
            break;
        }
    }
    buf_reset(&f);
    return rc;
}

enum err datetime_strftime(struct jinja_env *env, struct jinja_value v, struct view format, struct buf *out, struct error *e)
{
    struct datetime *d = datetime_of(v);
    struct time *t = time_of(v);
    (void)env;
    if (d) return text_strftime(d->wall_us, tzinfo_of(d->tz), format, out, e);
    if (t) return text_strftime(t->us + INT64_C(-25567) * DAY_US, tzinfo_of(t->tz), format, out, e); /* 1900-01-01 */
    return text_strftime(date_of(v)->day * DAY_US, NULL, format, out, e);
}

/* ---- strptime ------------------------------------------------------------------------------------------------------------ */

struct scan {
    struct view text;
    size_t at;
    int64_t year, month, day, hour, minute, second, us, yearday;
    int hour12, pm; /* -1: not given */
    bool has_offset, utc;
    int32_t offset_s;
};

static bool scan_number(struct scan *s, int most, int64_t low, int64_t high, int64_t *out)
{
    int64_t v = 0;
    int n = 0;
    /* As the regular expressions of _strptime: as many digits as keep the number in its range. */
    while (n < most && s->at < s->text.len && isdigit((unsigned char)s->text.ptr[s->at])) {
        int64_t next = v * 10 + (s->text.ptr[s->at] - '0');
        if (n && next > high) break;
        v = next;
        s->at++;
        n++;
    }
    *out = v;
    return n > 0 && v >= low && v <= high;
}

static bool scan_word(struct scan *s, const char *const *words, size_t count, size_t shortest, int64_t *out)
{
    for (int full = 1; full >= 0; full--) {
        for (size_t i = 0; i < count; i++) {
            size_t n = full ? strlen(words[i]) : shortest;
            if (full != (shortest == 0) || s->text.len - s->at < n || strncasecmp(s->text.ptr + s->at, words[i], n) != 0) continue;
            s->at += n;
            *out = (int64_t)i;
            return true;
        }
    }
    return false;
}

static bool scan_offset(struct scan *s)
{
    struct view t = s->text;
    s->has_offset = true;
    if (s->at < t.len && t.ptr[s->at] == 'Z') return s->at++, s->utc = true;
    if (s->at >= t.len || (t.ptr[s->at] != '+' && t.ptr[s->at] != '-')) return false;
    int sign = t.ptr[s->at++] == '-' ? -1 : 1;
    int64_t h, m, sec = 0;
    if (!scan_number(s, 2, 0, 23, &h)) return false;
    bool colon = s->at < t.len && t.ptr[s->at] == ':';
    if (colon) s->at++;
    if (!scan_number(s, 2, 0, 59, &m)) return false;
    if (s->at < t.len && (colon ? t.ptr[s->at] == ':' : isdigit((unsigned char)t.ptr[s->at]))) {
        s->at += colon;
        if (!scan_number(s, 2, 0, 59, &sec)) return false;
    }
    s->offset_s = (int32_t)(sign * (h * 3600 + m * 60 + sec));
    return true;
}

static bool scan_fraction(struct scan *s)
{
    int n = 0;
    s->us = 0;
    for (; n < 6 && s->at < s->text.len && isdigit((unsigned char)s->text.ptr[s->at]); n++) s->us = s->us * 10 + (s->text.ptr[s->at++] - '0');
    for (int i = n; i < 6; i++) s->us *= 10;
    return n > 0;
}

static const char *const month_names[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
static const char *const day_names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

static bool scan_directive(struct scan *s, char d, bool *known)
{
    static const char *const halves[] = {"AM", "PM"}, *const zones[] = {"UTC", "GMT"};
    int64_t v = 0;
    bool ok;
    *known = true;
    switch (d) {
    case 'Y': return s->text.len - s->at >= 4 && scan_number(s, 4, 0, 9999, &s->year);
    case 'y':
        ok = scan_number(s, 2, 0, 99, &v);
        s->year = v < 69 ? 2000 + v : 1900 + v;
        return ok;
    case 'm': return scan_number(s, 2, 1, 12, &s->month);
    case 'd': return scan_number(s, 2, 1, 31, &s->day);
    case 'H': return scan_number(s, 2, 0, 23, &s->hour);
    case 'I':
        ok = scan_number(s, 2, 1, 12, &v);
        s->hour12 = (int)v;
        return ok;
    case 'M': return scan_number(s, 2, 0, 59, &s->minute);
    case 'S': return scan_number(s, 2, 0, 61, &s->second);
    case 'j': return scan_number(s, 3, 1, 366, &s->yearday);
    case 'f': return scan_fraction(s);
    case 'b':
    case 'h': ok = scan_word(s, month_names, 12, 3, &v); s->month = v + 1; return ok;
    case 'B': ok = scan_word(s, month_names, 12, 0, &v); s->month = v + 1; return ok;
    case 'a': return scan_word(s, day_names, 7, 3, &v);
    case 'A': return scan_word(s, day_names, 7, 0, &v);
    case 'p': ok = scan_word(s, halves, 2, 0, &v); s->pm = (int)v; return ok;
    case 'z': return scan_offset(s);
    case 'Z': return scan_word(s, zones, 2, 0, &v);
    case '%': return s->at < s->text.len && s->text.ptr[s->at] == '%' && s->at++;
    default: *known = false; return false;
    }
}

static enum err scan_all(struct scan *s, struct view f, struct error *e)
{
    static const struct { char code; const char *means; } whole[] = {{'c', "%a %b %d %H:%M:%S %Y"}, {'x', "%m/%d/%y"}, {'X', "%H:%M:%S"}, {'D', "%m/%d/%y"}, {'T', "%H:%M:%S"}};
    bool ok = true, known = true;
    for (size_t i = 0; i < f.len && ok; i++) {
        char c = f.ptr[i];
        if (c == '%' && i + 1 < f.len) {
            c = f.ptr[++i];
            const char *means = NULL;
            for (size_t k = 0; k < 3; k++)
                if (whole[k].code == c) means = whole[k].means;
            if (means) {
                enum err rc = scan_all(s, view_of(means), e);
                if (rc) return rc;
                continue;
            }
            ok = scan_directive(s, c, &known);
            if (!known && c && strchr("UWwGVu", c)) return err_set(e, ERR_UNSUPPORTED, "strptime: the directive %%%c is not supported", c);
            if (!known) return FAIL(e, "'%c' is a bad directive in format '%.*s'", c, (int)(f.len > 100 ? 100 : f.len), f.ptr);
        } else if (c == '%') {
            return FAIL(e, "stray %% in format '%.*s'", (int)(f.len > 100 ? 100 : f.len), f.ptr);
        } else if (isspace((unsigned char)c)) {
            size_t from = s->at;
            while (s->at < s->text.len && isspace((unsigned char)s->text.ptr[s->at])) s->at++;
            ok = s->at > from;
            while (i + 1 < f.len && isspace((unsigned char)f.ptr[i + 1])) i++;
        } else {
            ok = s->at < s->text.len && tolower((unsigned char)s->text.ptr[s->at]) == tolower((unsigned char)c);
            s->at += ok;
        }
    }
    return ok ? ERR_OK : ERR_REJECT;
}

enum err text_strptime(struct jinja_env *env, struct view text, struct view format, struct jinja_value *out, struct error *e)
{
    struct scan s = {.text = text, .year = 1900, .month = 1, .day = 1, .hour12 = -1, .pm = -1};
    int64_t day, us;
    enum err rc = scan_all(&s, format, e);
    if (rc == ERR_REJECT) return FAIL(e, "time data '%.*s' does not match format '%.*s'", (int)(text.len > 200 ? 200 : text.len), text.ptr, (int)(format.len > 100 ? 100 : format.len), format.ptr);
    if (rc) return rc;
    if (s.at < text.len) return FAIL(e, "unconverted data remains: %.*s", (int)(text.len - s.at > 200 ? 200 : text.len - s.at), text.ptr + s.at);
    if (s.hour12 >= 0) s.hour = s.hour12 % 12 + (s.pm == 1 ? 12 : 0);
    if (s.second > 59) return FAIL(e, "second must be in 0..59");
    if ((rc = day_from(s.year, s.yearday ? 1 : s.month, s.yearday ? 1 : s.day, &day, e)) || (rc = day_us_from(s.hour, s.minute, s.second, s.us, &us, e))) return rc;
    if (s.yearday) day += s.yearday - 1;
    struct jinja_value tz = {0};
    if (s.has_offset) tz = s.utc ? tz_fixed(env, 0) : tz_fixed(env, s.offset_s);
    return datetime_checked(env, (__int128)day * DAY_US + us, tz, out, e);
}

/* ---- fromisoformat ------------------------------------------------------------------------------------------------------------ */

static bool iso_digits(struct scan *s, size_t n, int64_t *out)
{
    *out = 0;
    if (s->text.len - s->at < n) return false;
    for (size_t i = 0; i < n; i++) {
        char c = s->text.ptr[s->at++];
        if (c < '0' || c > '9') return false;
        *out = *out * 10 + (c - '0');
    }
    return true;
}

static bool iso_day(struct scan *s)
{
    if (!iso_digits(s, 4, &s->year)) return false;
    bool dash = s->at < s->text.len && s->text.ptr[s->at] == '-';
    s->at += dash;
    if (!iso_digits(s, 2, &s->month)) return false;
    if (dash && (s->at >= s->text.len || s->text.ptr[s->at++] != '-')) return false;
    return iso_digits(s, 2, &s->day);
}

static bool iso_clock(struct scan *s)
{
    struct view t = s->text;
    int64_t *part[] = {&s->hour, &s->minute, &s->second};
    bool colon = false;
    for (int i = 0; i < 3; i++) {
        if (!iso_digits(s, 2, part[i])) return false;
        if (s->at >= t.len || strchr("+-Z", t.ptr[s->at])) return true;
        if (i == 0) colon = t.ptr[s->at] == ':';
        if (i < 2 && colon && t.ptr[s->at++] != ':') return false;
    }
    if (t.ptr[s->at] != '.' && t.ptr[s->at] != ',') return false;
    s->at++;
    if (!scan_fraction(s)) return false;
    while (s->at < t.len && isdigit((unsigned char)t.ptr[s->at])) s->at++;
    return true;
}

enum err text_from_iso(struct jinja_env *env, struct jinja_value v, bool date_only, struct jinja_value *out, struct error *e)
{
    int64_t day, us = 0;
    if (v.type != JINJA_STRING) return FAIL(e, "fromisoformat: argument must be str");
    struct scan s = {.text = SV(v)};
    bool ok = iso_day(&s), more = ok && s.at < s.text.len && !date_only;
    if (more) {
        size_t n;
        utf8_decode(s.text.ptr + s.at, &n);
        s.at += n;
        ok = iso_clock(&s);
        if (ok && s.at < s.text.len) ok = scan_offset(&s);
    }
    if (ok && memmem(s.text.ptr, s.text.len, "W", 1)) return err_set(e, ERR_UNSUPPORTED, "ISO weeks are not supported in fromisoformat");
    if (!ok || s.at < s.text.len) return FAIL(e, "Invalid isoformat string: '%.*s'", (int)(s.text.len > 200 ? 200 : s.text.len), s.text.ptr);
    enum err rc = day_from(s.year, s.month, s.day, &day, e);
    if (!rc) rc = day_us_from(s.hour, s.minute, s.second, s.us, &us, e);
    if (rc) return rc;
    if (date_only) return *out = date_new(env, day), ERR_OK;
    struct jinja_value tz = {0};
    if (s.has_offset) tz = tz_fixed(env, s.offset_s);
    return datetime_checked(env, (__int128)day * DAY_US + us, tz, out, e);
}
