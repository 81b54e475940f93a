/* When sessions start: the daily wave (warp) and the quiet of weekends and holidays, by eventsim's formulas. Holidays are
 * those of jollyday 0.5.1 for the US without a state (Holidays_us.xml, with its first and last years).
 * Read-only after calendar_init; thread-safe. */
#ifndef LAKEFM_SIMULATE_CALENDAR_H
#define LAKEFM_SIMULATE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { CALENDAR_DAY_S = 86400 };
struct calendar {
    double weekend_damping;
    int64_t offset_s, scale_s;
    int32_t scale_min;
    int32_t nano;    /* all times of a run share their fraction of a second */
    int32_t *warp;   /* by second of the day */
    uint8_t *off;    /* from first_day on: a weekend day or a holiday */
    int64_t first_day, days;
};

void calendar_init(struct calendar *c, double damping, double weekend_damping, int32_t offset_min, int32_t scale_min,
                   int64_t from_s, int32_t nano);
void calendar_reset(struct calendar *c);

bool calendar_is_holiday(int64_t day);
bool calendar_is_off_uncached(int64_t day);
/* The share of session starts to drop at this time: 0 … weekend_damping in ordinary configurations, any value in others. */
double calendar_weekend(const struct calendar *c, int64_t s);

static inline int64_t calendar_day(int64_t s) { return s >= 0 ? s / CALENDAR_DAY_S : -((CALENDAR_DAY_S - 1 - s) / CALENDAR_DAY_S); }
static inline int64_t calendar_warp(const struct calendar *c, int64_t s)
{
    return s + c->warp[s - calendar_day(s) * CALENDAR_DAY_S];
}

#endif
