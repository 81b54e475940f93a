/* date, datetime and time: values, attributes, methods, arithmetic. */
#include "model/jinja/datetime.h"

#include "base/clock.h"

/* ---- calendar ----------------------------------------------------------------------------------------------------- */

void parts_of(int64_t wall_us, struct parts *out)
{
    int64_t day = floor_div(wall_us, DAY_US), us = floor_mod(wall_us, DAY_US);
    struct civil c;
    clock_civil(day * CLOCK_DAY_MS, &c);
    *out = (struct parts){.year = c.year, .month = c.month, .day = c.day, .hour = us / 3600000000, .minute = us / 60000000 % 60, .second = us / SECOND_US % 60,
        .us = us % SECOND_US, .weekday = floor_mod(day + 3, 7), .yearday = day - clock_days(c.year, 1, 1) + 1};
}

bool date_valid(int64_t year, int64_t month, int64_t day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

enum err day_from(int64_t year, int64_t month, int64_t day, int64_t *out, struct error *e)
{
    if (year < 1 || year > 9999) return FAIL(e, "year %lld is out of range", (long long)year);
    if (month < 1 || month > 12) return FAIL(e, "month must be in 1..12");
    if (!date_valid(year, month, day)) return FAIL(e, "day is out of range for month");
    *out = clock_days((int32_t)year, (unsigned)month, (unsigned)day);
    return ERR_OK;
}

enum err day_us_from(int64_t hour, int64_t minute, int64_t second, int64_t us, int64_t *out, struct error *e)
{
    if (hour < 0 || hour > 23) return FAIL(e, "hour must be in 0..23");
    if (minute < 0 || minute > 59) return FAIL(e, "minute must be in 0..59");
    if (second < 0 || second > 59) return FAIL(e, "second must be in 0..59");
    if (us < 0 || us > 999999) return FAIL(e, "microsecond must be in 0..999999");
    *out = ((hour * 60 + minute) * 60 + second) * SECOND_US + us;
    return ERR_OK;
}

void iso_week(int64_t day, int64_t *year, int64_t *week, int64_t *weekday)
{
    struct parts p;
    *weekday = floor_mod(day + 3, 7) + 1;
    int64_t thursday = day - (*weekday - 1) + 3;
    parts_of(thursday * DAY_US, &p);
    *year = p.year;
    *week = (p.yearday - 1) / 7 + 1;
}

/* ---- making --------------------------------------------------------------------------------------------------------- */

struct jinja_value date_new(struct jinja_env *env, int64_t day)
{
    struct date *d = env_alloc(env, sizeof *d);
    d->day = day;
    return jinja_object(env, &class_date, d);
}

struct jinja_value datetime_new(struct jinja_env *env, int64_t wall_us, struct jinja_value tz)
{
    struct datetime *d = env_alloc(env, sizeof *d);
    *d = (struct datetime){wall_us, tz};
    return jinja_object(env, &class_datetime, d);
}

struct jinja_value time_new(struct jinja_env *env, int64_t us, struct jinja_value tz)
{
    struct time *t = env_alloc(env, sizeof *t);
    *t = (struct time){us, tz};
    return jinja_object(env, &class_time, t);
}

enum err datetime_checked(struct jinja_env *env, __int128 wall_us, struct jinja_value tz, struct jinja_value *out, struct error *e)
{
    if (wall_us < (__int128)DATE_MIN_DAY * DAY_US || wall_us >= (__int128)(DATE_MAX_DAY + 1) * DAY_US) return FAIL(e, "date value out of range");
    *out = datetime_new(env, (int64_t)wall_us, tz);
    return ERR_OK;
}

struct jinja_value jinja_datetime(struct jinja_env *env, int64_t epoch_us, bool utc)
{
    struct jinja_value v = jinja_none();
    if (datetime_checked(env, epoch_us, utc ? tz_utc(env) : (struct jinja_value){0}, &v, NULL) != ERR_OK) return jinja_none();
    return v;
}

struct jinja_value jinja_date(struct jinja_env *env, int64_t days_from_1970)
{
    if (days_from_1970 < DATE_MIN_DAY || days_from_1970 > DATE_MAX_DAY) return jinja_none();
    return date_new(env, days_from_1970);
}

int64_t datetime_utc(const struct datetime *d) { return d->wall_us - (int64_t)tzinfo_of(d->tz)->offset_s * SECOND_US; }

/* ---- what all three share: parts, text ----------------------------------------------------------------------------------- */

/* The wall clock of any of them; of a time, its microseconds. */
static int64_t wall_of(struct jinja_value v)
{
    if (datetime_of(v)) return datetime_of(v)->wall_us;
    if (time_of(v)) return time_of(v)->us;
    return date_of(v)->day * DAY_US;
}

static struct jinja_value tz_of(struct jinja_value v)
{
    if (datetime_of(v)) return datetime_of(v)->tz;
    return time_of(v) ? time_of(v)->tz : (struct jinja_value){0};
}

static enum err get_part(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    struct parts p;
    parts_of(wall_of(self), &p);
    const struct { const char *name; int64_t value; bool clock; } all[] = {{"year", p.year, false}, {"month", p.month, false}, {"day", p.day, false},
        {"hour", p.hour, true}, {"minute", p.minute, true}, {"second", p.second, true}, {"microsecond", p.us, true}, {"fold", 0, true}};
    (void)env, (void)e;
    bool date = !time_of(self), clock = !date_of(self);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(name, all[i].name) && (all[i].clock ? clock : date)) return *out = jinja_int(all[i].value), ERR_OK;
    if (clock && view_is(name, "tzinfo")) *out = tz_of(self).type == JINJA_ABSENT ? jinja_none() : tz_of(self);
    return ERR_OK;
}

static enum err iso_text(struct jinja_value v, const char *between, struct view timespec, struct buf *out, struct error *e)
{
    int64_t wall = wall_of(v);
    enum err rc = ERR_OK;
    if (!time_of(v)) iso_date(floor_div(wall, DAY_US), out);
    if (date_of(v)) return ERR_OK;
    if (!time_of(v)) buf_str(out, between);
    if (!(rc = iso_time(floor_mod(wall, DAY_US), timespec, out, e))) iso_offset(tzinfo_of(tz_of(v)), out);
    return rc;
}

static enum err to_text(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env;
    return iso_text(self, " ", view_of("auto"), out, e);
}

static enum err to_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    struct parts p;
    parts_of(wall_of(self), &p);
    buf_printf(out, "%s(", self.as.object->cls->name);
    if (!time_of(self)) buf_printf(out, "%lld, %lld, %lld%s", (long long)p.year, (long long)p.month, (long long)p.day, date_of(self) ? "" : ", ");
    if (!date_of(self)) {
        buf_printf(out, "%lld, %lld", (long long)p.hour, (long long)p.minute);
        if (p.second || p.us) buf_printf(out, ", %lld", (long long)p.second);
        if (p.us) buf_printf(out, ", %lld", (long long)p.us);
    }
    enum err rc = ERR_OK;
    if (tz_of(self).type != JINJA_ABSENT) buf_str(out, ", tzinfo="), rc = jinja_repr(env, tz_of(self), out, e);
    buf_char(out, ')');
    return rc;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------- */

/* The instant to compare by, and whether it is aware. */
static int64_t instant(struct jinja_value v, bool *aware)
{
    struct datetime *d = datetime_of(v);
    *aware = tzinfo_of(tz_of(v)) != NULL;
    if (d && *aware) return datetime_utc(d);
    return wall_of(v) - (*aware ? (int64_t)tzinfo_of(tz_of(v))->offset_s * SECOND_US : 0);
}

static enum err equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    bool a, b;
    (void)env, (void)e;
    *out = false;
    if (other.type != JINJA_OBJECT || other.as.object->cls != self.as.object->cls) return ERR_OK;
    int64_t x = instant(self, &a), y = instant(other, &b);
    *out = a == b && x == y;
    return ERR_OK;
}

static enum err compare(struct jinja_env *env, struct jinja_value self, struct jinja_value other, int *order, bool *known, struct error *e)
{
    bool a, b;
    (void)env;
    *known = other.type == JINJA_OBJECT && other.as.object->cls == self.as.object->cls;
    if (!*known) {
        if ((datetime_of(self) && date_of(other)) || (date_of(self) && datetime_of(other))) return FAIL(e, "can't compare datetime.datetime to datetime.date");
        return ERR_OK;
    }
    int64_t x = instant(self, &a), y = instant(other, &b);
    if (a != b) return FAIL(e, "can't compare offset-naive and offset-aware %ss", time_of(self) ? "time" : "datetime");
    *order = x < y ? -1 : x > y;
    return ERR_OK;
}

static uint64_t hash(struct jinja_value self)
{
    bool aware;
    return (uint64_t)instant(self, &aware) * 0x9e3779b97f4a7c15u;
}

/* ---- arithmetic ---------------------------------------------------------------------------------------------------------------- */

static enum err shift(struct jinja_env *env, struct jinja_value v, __int128 by_us, struct jinja_value *out, struct error *e)
{
    if (datetime_of(v)) return datetime_checked(env, datetime_of(v)->wall_us + by_us, datetime_of(v)->tz, out, e);
    __int128 whole = by_us / DAY_US - (by_us % DAY_US < 0), day = date_of(v)->day + whole;
    if (day < DATE_MIN_DAY || day > DATE_MAX_DAY) return FAIL(e, "date value out of range");
    *out = date_new(env, (int64_t)day);
    return ERR_OK;
}

static enum err binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    struct timedelta *ta = timedelta_of(a), *tb = timedelta_of(b);
    bool da = datetime_of(a) || date_of(a), db = datetime_of(b) || date_of(b), x, y;
    if (op == JINJA_ADD && da && tb) return shift(env, a, tb->us, out, e);
    if (op == JINJA_ADD && ta && db) return shift(env, b, ta->us, out, e);
    if (op == JINJA_SUB && da && tb) {
        /* A date less a timedelta takes its whole days off. */
        return shift(env, a, date_of(a) ? -((__int128)floor_div(tb->us, DAY_US) * DAY_US) : -(__int128)tb->us, out, e);
    }
    if (op != JINJA_SUB || !da || !db || a.as.object->cls != b.as.object->cls) return ERR_OK;
    int64_t i = instant(a, &x), j = instant(b, &y);
    if (x != y) return FAIL(e, "can't subtract offset-naive and offset-aware datetimes");
    return timedelta_checked(env, (__int128)i - j, out, e);
}

/* ---- methods ----------------------------------------------------------------------------------------------------------------------- */

static enum err part_arg(struct jinja_value v, int64_t *out, struct error *e)
{
    if (v.type == JINJA_ABSENT || value_index(v, out)) return ERR_OK;
    if (v.type == JINJA_FLOAT) return FAIL(e, "'float' object cannot be interpreted as an integer");
    return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
}

enum err datetime_parts_new(struct jinja_env *env, const struct jinja_class *cls, const struct jinja_value *a, struct parts p, struct jinja_value tz, struct jinja_value *out, struct error *e)
{
    int64_t *field[] = {&p.year, &p.month, &p.day, &p.hour, &p.minute, &p.second, &p.us}, day = 0, us = 0;
    enum err rc = ERR_OK;
    size_t from = cls == &class_time ? 3 : 0, count = cls == &class_date ? 3 : cls == &class_time ? 4 : 7;
    for (size_t i = 0; i < count && !rc; i++) rc = part_arg(a[i], field[from + i], e);
    if (rc || (cls != &class_time && (rc = day_from(p.year, p.month, p.day, &day, e))) || (cls != &class_date && (rc = day_us_from(p.hour, p.minute, p.second, p.us, &us, e)))) return rc;
    if (cls != &class_date && a[count].type != JINJA_ABSENT) {
        tz = a[count];
        if (tz.type == JINJA_NONE) tz = (struct jinja_value){0};
        else if (!tzinfo_of(tz)) return FAIL(e, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", jinja_type_name(tz));
    }
    *out = cls == &class_date ? date_new(env, day) : cls == &class_time ? time_new(env, us, tz) : datetime_new(env, day * DAY_US + us, tz);
    return ERR_OK;
}

static enum err do_replace(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[9];
    struct parts p;
    const struct jinja_class *cls = c->self.as.object->cls;
    enum err rc = jinja_args(c, cls == &class_date ? "year? month? day?" : cls == &class_time ? "hour? minute? second? microsecond? tzinfo? fold?" : "year? month? day? hour? minute? second? microsecond? tzinfo? fold?", a, e);
    if (rc) return rc;
    parts_of(wall_of(c->self), &p);
    return datetime_parts_new(c->env, cls, a, p, tz_of(c->self), out, e);
}

static enum err do_isoformat(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2] = {{0}, {0}};
    struct buf b = {0};
    bool both = datetime_of(c->self) != NULL;
    enum err rc = jinja_args(c, date_of(c->self) ? "" : both ? "sep? timespec?" : "timespec?", a, e);
    if (rc) return rc;
    struct jinja_value spec = both ? a[1] : a[0];
    if (date_of(c->self)) spec = (struct jinja_value){0};
    if (both && a[0].type != JINJA_ABSENT && (a[0].type != JINJA_STRING || str_chars(a[0]) != 1)) return FAIL(e, "isoformat() argument 1 must be a unicode character, not %s", jinja_type_name(a[0]));
    rc = iso_text(c->self, both && a[0].type != JINJA_ABSENT ? SV(a[0]).ptr : "T", spec.type == JINJA_ABSENT ? view_of("auto") : SV(spec), &b, e);
    *out = str_take(c->env, &b);
    return rc;
}

static enum err do_strftime(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value f;
    struct buf b = {0};
    enum err rc = jinja_args(c, "format", &f, e);
    if (rc) return rc;
    if (f.type != JINJA_STRING) return FAIL(e, "strftime() argument 1 must be str, not %s", jinja_type_name(f));
    rc = datetime_strftime(c->env, c->self, SV(f), &b, e);
    *out = str_take(c->env, &b);
    return rc;
}

static enum err do_astimezone(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value tz;
    struct datetime *d = datetime_of(c->self);
    enum err rc = jinja_args(c, "tz?", &tz, e);
    if (rc) return rc;
    int64_t utc;
    if (d->tz.type != JINJA_ABSENT) {
        utc = datetime_utc(d);
    } else { /* a naive one is in the local zone; near a change the earlier offset is taken */
        int64_t s = floor_div(d->wall_us, SECOND_US);
        utc = d->wall_us - (int64_t)local_offset(s - local_offset(s)) * SECOND_US;
    }
    if (tz.type == JINJA_ABSENT || tz.type == JINJA_NONE) tz = tz_fixed(c->env, local_offset(floor_div(utc, SECOND_US)));
    else if (!tzinfo_of(tz)) return FAIL(e, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", jinja_type_name(tz));
    tz = tz_at(c->env, tz, utc);
    return datetime_checked(c->env, (__int128)utc + (int64_t)tzinfo_of(tz)->offset_s * SECOND_US, tz, out, e);
}

static enum err do_timestamp(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct datetime *d = datetime_of(c->self);
    enum err rc = jinja_args(c, "", NULL, e);
    int64_t s = floor_div(d->wall_us, SECOND_US), us = d->tz.type == JINJA_ABSENT ? d->wall_us - (int64_t)local_offset(s - local_offset(s)) * SECOND_US : datetime_utc(d);
    *out = jinja_float((double)us / 1e6);
    return rc;
}

/* utcoffset(), dst(), tzname() */
static enum err do_zone(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct tzinfo *tz = tzinfo_of(tz_of(c->self));
    *out = jinja_none();
    if (!tz) return jinja_args(c, "", NULL, e);
    if (!strcmp(c->name, "tzname")) *out = jinja_text(c->env, tz->abbreviation);
    else if (!strcmp(c->name, "utcoffset")) *out = timedelta_new(c->env, (int64_t)tz->offset_s * SECOND_US);
    else if (tz->zone || !strcmp(tz->name, "UTC")) *out = timedelta_new(c->env, tz->dst ? 3600 * SECOND_US : 0);
    return jinja_args(c, "", NULL, e);
}

/* weekday(), isoweekday(), toordinal(), isocalendar(), ctime() */
static enum err do_day(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct parts p;
    int64_t day = floor_div(wall_of(c->self), DAY_US), iso[3];
    struct buf b = {0};
    enum err rc = jinja_args(c, "", NULL, e);
    parts_of(wall_of(c->self), &p);
    if (!strcmp(c->name, "weekday")) *out = jinja_int(p.weekday);
    else if (!strcmp(c->name, "isoweekday")) *out = jinja_int(p.weekday + 1);
    else if (!strcmp(c->name, "toordinal")) *out = jinja_int(day - DATE_MIN_DAY + 1);
    else if (!strcmp(c->name, "isocalendar")) {
        iso_week(day, &iso[0], &iso[1], &iso[2]);
        *out = jinja_tuple(c->env, (struct jinja_value[]){jinja_int(iso[0]), jinja_int(iso[1]), jinja_int(iso[2])}, 3);
    } else {
        rc = rc ? rc : text_strftime(wall_of(c->self), NULL, view_of("%a %b %e %H:%M:%S %Y"), &b, e);
        *out = str_take(c->env, &b);
    }
    return rc;
}

/* date(), time(), timetz() of a datetime */
static enum err do_half(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct datetime *d = datetime_of(c->self);
    if (!strcmp(c->name, "date")) *out = date_new(c->env, floor_div(d->wall_us, DAY_US));
    else *out = time_new(c->env, floor_mod(d->wall_us, DAY_US), strcmp(c->name, "time") ? d->tz : (struct jinja_value){0});
    return jinja_args(c, "", NULL, e);
}

enum { OF_DATE = 1, OF_DATETIME = 2, OF_TIME = 4 };
static const struct { const char *name; unsigned of; jinja_fn *fn; } methods[] = {
    {"strftime", OF_DATE | OF_DATETIME | OF_TIME, do_strftime}, {"isoformat", OF_DATE | OF_DATETIME | OF_TIME, do_isoformat},
    {"replace", OF_DATE | OF_DATETIME | OF_TIME, do_replace}, {"date", OF_DATETIME, do_half}, {"time", OF_DATETIME, do_half}, {"timetz", OF_DATETIME, do_half},
    {"weekday", OF_DATE | OF_DATETIME, do_day}, {"isoweekday", OF_DATE | OF_DATETIME, do_day}, {"toordinal", OF_DATE | OF_DATETIME, do_day},
    {"isocalendar", OF_DATE | OF_DATETIME, do_day}, {"ctime", OF_DATE | OF_DATETIME, do_day}, {"astimezone", OF_DATETIME, do_astimezone},
    {"timestamp", OF_DATETIME, do_timestamp}, {"utcoffset", OF_DATETIME | OF_TIME, do_zone}, {"dst", OF_DATETIME | OF_TIME, do_zone}, {"tzname", OF_DATETIME | OF_TIME, do_zone}};

static jinja_fn *method_of(struct jinja_value self, struct view name)
{
    unsigned of = datetime_of(self) ? OF_DATETIME : date_of(self) ? OF_DATE : OF_TIME;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if ((methods[i].of & of) && view_is(name, methods[i].name)) return methods[i].fn;
    return NULL;
}

static bool has_method(struct jinja_value self, struct view name) { return method_of(self, name) != NULL || datetime_class_method(name, self.as.object->cls); }

static enum err call_one(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    jinja_fn *fn = method_of(c->self, view_of(c->name));
    if (fn) return fn(c, out, e);
    return datetime_class_call(c, c->self.as.object->cls, out, e);
}

const struct jinja_class class_date = {.name = "datetime.date", .get_attr = get_part, .has_method = has_method, .method = call_one, .to_str = to_text, .to_repr = to_repr, .equal = equal, .hash = hash, .compare = compare, .binary = binary};
const struct jinja_class class_datetime = {.name = "datetime.datetime", .get_attr = get_part, .has_method = has_method, .method = call_one, .to_str = to_text, .to_repr = to_repr, .equal = equal, .hash = hash, .compare = compare, .binary = binary};
const struct jinja_class class_time = {.name = "datetime.time", .get_attr = get_part, .has_method = has_method, .method = call_one, .to_str = to_text, .to_repr = to_repr, .equal = equal, .hash = hash, .compare = compare};
