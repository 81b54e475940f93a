/* Time. UTC everywhere; days are counted from 1970-01-01 in the proleptic Gregorian calendar. Pure but for clock_now_ms
 * and clock_mono_ns. Formulas: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
#ifndef LAKEFM_BASE_CLOCK_H
#define LAKEFM_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_DAY_MS 86400000LL

struct civil {
    int32_t year;
    uint8_t month, day;           /* 1..12, 1..31 */
    uint8_t hour, minute, second; /* 0.. */
    uint16_t ms;
    uint8_t weekday;              /* ISO: 1 Monday … 7 Sunday */
};

int64_t clock_now_ms(void);   /* wall clock, ms since the epoch; LAKEFM_NOW_MS in the environment overrides it (tests) */
uint64_t clock_mono_ns(void); /* monotonic, for durations */

int64_t clock_days(int32_t year, unsigned month, unsigned day);
void clock_civil(int64_t ms, struct civil *out);
static inline int64_t clock_day_of_ms(int64_t ms) { return ms >= 0 ? ms / CLOCK_DAY_MS : -((-ms + CLOCK_DAY_MS - 1) / CLOCK_DAY_MS); }

enum { CLOCK_DATE_LEN = 10, CLOCK_ISO_MAX = 40 };
/* "2025-11-01"; years outside 0..9999 carry a sign as ISO 8601 wants. Terminated. Returns out. */
char *clock_format_date(int64_t day, char out[CLOCK_ISO_MAX]);
/* "2025-11-01T00:00:00.123Z" (".123" only when ms is not 0). */
char *clock_format_iso(int64_t ms, char out[CLOCK_ISO_MAX]);
/* "2025-11-01", "…T00:00", "…T00:00:00[.fraction]", each with an optional Z; the fraction is cut to ms. */
bool clock_parse_iso(const char *s, int64_t *ms);

#endif
