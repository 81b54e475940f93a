#include "simulate/calendar.h"

#include "base/clock.h"
#include "base/mem.h"
#include "simulate/random.h"

enum { CACHE_BEFORE_DAYS = 800, CACHE_DAYS = 8000, THREE_AM_S = 3 * 3600 };
static const double PI = 3.14159265358979323846;

/* Monday 1 … Sunday 7; 1970-01-01 was a Thursday. */
static int weekday(int64_t day) { return (int)(((day + 3) % 7 + 7) % 7) + 1; }

bool calendar_is_holiday(int64_t day)
{
    struct civil c;
    clock_civil(day * CLOCK_DAY_MS, &c);
    int y = c.year, d = c.day, week = (d - 1) / 7 + 1;
    switch (c.month) {
    case 1: return d == 1;
    case 5: return y >= 1968 ? c.weekday == 1 && d > 24 : y >= 1869 && d == 30;
    case 7: return d == 4 && y >= 1776;
    case 9: return c.weekday == 1 && week == 1 && y >= 1895;
    case 11: return (d == 11 && y >= 1938) || (c.weekday == 4 && week == 4 && y >= 1863);
    case 12: return d == 25;
    default: return false;
    }
}

bool calendar_is_off_uncached(int64_t day) { return weekday(day) >= 6 || calendar_is_holiday(day); }

static bool is_off(const struct calendar *c, int64_t day)
{
    uint64_t i = (uint64_t)(day - c->first_day);
    return i < (uint64_t)c->days ? c->off[i] : calendar_is_off_uncached(day);
}

void calendar_init(struct calendar *c, double damping, double weekend_damping, int32_t offset_min, int32_t scale_min,
                   int64_t from_s, int32_t nano)
{
    *c = (struct calendar){.weekend_damping = weekend_damping,
                           .offset_s = (int64_t)offset_min * 60,
                           .scale_s = (int64_t)scale_min * 60,
                           .scale_min = scale_min,
                           .nano = nano,
                           .first_day = calendar_day(from_s) - CACHE_BEFORE_DAYS,
                           .days = CACHE_DAYS};
    c->warp = mem_array(CALENDAR_DAY_S, sizeof *c->warp);
    for (int64_t s = 0; s < CALENDAR_DAY_S; s++) {
        double angle = (double)((s - THREE_AM_S) * 2) * PI / CALENDAR_DAY_S;
        c->warp[s] = random_to_int(damping * CALENDAR_DAY_S * sin(angle));
    }
    c->off = mem_alloc(CACHE_DAYS);
    for (int64_t i = 0; i < CACHE_DAYS; i++) c->off[i] = calendar_is_off_uncached(c->first_day + i);
}

void calendar_reset(struct calendar *c)
{
    mem_free(c->warp);
    mem_free(c->off);
    *c = (struct calendar){0};
}

/* The time s (with the run's fraction) lies `seconds` (with the fraction added or taken off) from a whole second. As
 * Duration.toMillis: cut towards zero. */
static double ramp(const struct calendar *c, int64_t seconds, int fraction_sign)
{
    int64_t nano = fraction_sign * (int64_t)c->nano;
    if (seconds > 0 && nano < 0) seconds--, nano += 1000000000;
    if (seconds < 0 && nano > 0) seconds++, nano -= 1000000000;
    int64_t ms = seconds * 1000 + nano / 1000000;
    return c->weekend_damping * (double)ms / 60000 / c->scale_min;
}

double calendar_weekend(const struct calendar *c, int64_t s)
{
    int64_t day = calendar_day(s), midnight = day * CALENDAR_DAY_S, next = midnight + CALENDAR_DAY_S;
    bool yesterday = is_off(c, day - 1), today = is_off(c, day), tomorrow = is_off(c, day + 1);
    bool fraction = c->nano > 0;
    double full = c->weekend_damping;
    /* t.isBefore(x) is s < x for a whole second x; t.isAfter(x) is s > x, or s == x and there is a fraction. */
    if (!today) {
        int64_t fade = midnight + c->offset_s, rise = next - c->offset_s;
        if (yesterday && tomorrow) {
            if (s < fade) return ramp(c, fade - s, -1);
            return s > rise || (s == rise && fraction) ? ramp(c, s - rise, 1) : 0;
        }
        if (yesterday) return s > fade || (s == fade && fraction) ? 0 : ramp(c, fade - s, -1);
        if (tomorrow) return s < rise ? 0 : ramp(c, s - rise, 1);
        return 0;
    }
    int64_t up = midnight - c->offset_s, down = next + c->offset_s;
    int64_t down_from = down - c->scale_s;
    if (!yesterday && s < up + c->scale_s) return ramp(c, s - up, 1);
    if (!tomorrow && (s > down_from || (s == down_from && fraction))) return ramp(c, down - s, -1);
    return full;
}
