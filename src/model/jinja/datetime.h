/* Python's datetime types, shared by the datetime_*.c files. Times are microseconds; wall clocks count from 1970-01-01 in the
 * proleptic Gregorian calendar, years 1 to 9999. */
#ifndef LAKEFM_MODEL_JINJA_DATETIME_H
#define LAKEFM_MODEL_JINJA_DATETIME_H

#include "model/jinja/format.h"

#define DAY_US INT64_C(86400000000)
#define SECOND_US INT64_C(1000000)
#define DATE_MIN_DAY INT64_C(-719162) /* 0001-01-01 */
#define DATE_MAX_DAY INT64_C(2932896) /* 9999-12-31 */

/* pytz's tzinfo: a zone, and in a zone with several offsets the one that applies. */
struct zone;
struct tzinfo {
    const struct zone *zone; /* NULL: UTC or a fixed offset */
    const char *name;        /* of the zone: "UTC", "US/Eastern" */
    const char *abbreviation;
    int32_t offset_s;
    bool dst;
};
struct date {
    int64_t day;
};
struct datetime {
    int64_t wall_us;
    struct jinja_value tz; /* a tzinfo object; ABSENT: naive */
};
struct time {
    int64_t us; /* of the day */
    struct jinja_value tz;
};
struct timedelta {
    int64_t us;
};

static inline struct datetime *datetime_of(struct jinja_value v) { return jinja_object_data(v, &class_datetime); }
static inline struct date *date_of(struct jinja_value v) { return jinja_object_data(v, &class_date); }
static inline struct time *time_of(struct jinja_value v) { return jinja_object_data(v, &class_time); }
static inline struct timedelta *timedelta_of(struct jinja_value v) { return jinja_object_data(v, &class_timedelta); }
static inline struct tzinfo *tzinfo_of(struct jinja_value v) { return jinja_object_data(v, &class_tzinfo); }

struct jinja_value datetime_new(struct jinja_env *env, int64_t wall_us, struct jinja_value tz);
struct jinja_value date_new(struct jinja_env *env, int64_t day);
struct jinja_value time_new(struct jinja_env *env, int64_t us, struct jinja_value tz);
struct jinja_value timedelta_new(struct jinja_env *env, int64_t us);
struct jinja_value tz_utc(struct jinja_env *env);
struct jinja_value tz_fixed(struct jinja_env *env, int32_t offset_s);
enum err datetime_checked(struct jinja_env *env, __int128 wall_us, struct jinja_value tz, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err timedelta_checked(struct jinja_env *env, __int128 us, struct jinja_value *out, struct error *e) MUST_CHECK;
static inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
static inline int64_t floor_mod(int64_t a, int64_t b) { return a - floor_div(a, b) * b; }

struct parts {
    int64_t year, month, day, hour, minute, second, us;
    int64_t weekday; /* 0 Monday */
    int64_t yearday; /* 1 … */
};
void parts_of(int64_t wall_us, struct parts *out);
bool date_valid(int64_t year, int64_t month, int64_t day);
/* 2 + 8 years' days etc. checked as the constructors do. */
enum err day_from(int64_t year, int64_t month, int64_t day, int64_t *out, struct error *e) MUST_CHECK;
enum err day_us_from(int64_t hour, int64_t minute, int64_t second, int64_t us, int64_t *out, struct error *e) MUST_CHECK;
void iso_week(int64_t day, int64_t *year, int64_t *week, int64_t *weekday);

/* Text (datetime_text.c). */
void iso_date(int64_t day, struct buf *out);
enum err iso_time(int64_t us, struct view timespec, struct buf *out, struct error *e) MUST_CHECK;
void iso_offset(const struct tzinfo *tz, struct buf *out);
enum err text_strftime(int64_t wall_us, const struct tzinfo *tz, struct view format, struct buf *out, struct error *e) MUST_CHECK;
enum err text_strptime(struct jinja_env *env, struct view text, struct view format, struct jinja_value *out, struct error *e) MUST_CHECK;
/* fromisoformat; date only, or a datetime. */
enum err text_from_iso(struct jinja_env *env, struct jinja_value v, bool date_only, struct jinja_value *out, struct error *e) MUST_CHECK;

/* pytz (timezone.c): the tzinfo that applies at this UTC instant. Other tzinfos are their own answer. */
struct jinja_value tz_at(struct jinja_env *env, struct jinja_value tz, int64_t utc_us);
int64_t datetime_utc(const struct datetime *d); /* aware only */
/* The local time zone's offset at an instant. */
int32_t local_offset(int64_t utc_s);

/* The constructors' work (module_datetime.c asks for it): a[i] over p where given, then tzinfo. */
enum err datetime_parts_new(struct jinja_env *env, const struct jinja_class *cls, const struct jinja_value *a, struct parts p, struct jinja_value tz, struct jinja_value *out, struct error *e) MUST_CHECK;
/* Class methods: datetime.now() and its like; JINJA_ABSENT when the class has none of this name. */
bool datetime_class_method(struct view name, const struct jinja_class *cls);
enum err datetime_class_call(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e) MUST_CHECK;

#endif
