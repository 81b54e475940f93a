/* modules.datetime: the types as callables with their class methods. */
#include "model/jinja/datetime.h"

#include <math.h>
#include <time.h>

static const struct jinja_class class_type;

static const struct jinja_class *type_of(struct jinja_value v)
{
    const struct jinja_class *const *p = jinja_object_data(v, &class_type);
    return p ? *p : NULL;
}

static struct jinja_value type_new(struct jinja_env *env, const struct jinja_class *cls)
{
    const struct jinja_class **p = env_alloc(env, sizeof *p);
    *p = cls;
    return jinja_object(env, &class_type, p);
}

/* ---- constructors -------------------------------------------------------------------------------------------------- */

static enum err make_date(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[9];
    struct parts none = {0};
    enum err rc = jinja_args(c, cls == &class_date ? "year month day" : cls == &class_time ? "hour? minute? second? microsecond? tzinfo? fold?" : "year month day hour? minute? second? microsecond? tzinfo? fold?", a, e);
    return rc ? rc : datetime_parts_new(c->env, cls, a, none, (struct jinja_value){0}, out, e);
}

/* timedelta's arguments add up; the fractions of microseconds are rounded once, halves to even. */
static enum err make_timedelta(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    static const int64_t unit[] = {DAY_US, SECOND_US, 1, 1000, 60 * SECOND_US, 3600 * SECOND_US, 7 * DAY_US};
    struct jinja_value a[7];
    __int128 whole = 0;
    long double rest = 0;
    enum err rc = jinja_args(c, "days? seconds? microseconds? milliseconds? minutes? hours? weeks?", a, e);
    if (rc) return rc;
    for (int i = 0; i < 7; i++) {
        int64_t n;
        if (a[i].type == JINJA_ABSENT) continue;
        if (value_index(a[i], &n)) {
            whole += (__int128)n * unit[i];
        } else if (a[i].type == JINJA_FLOAT) {
            if (!isfinite(a[i].as.real)) return FAIL(e, "cannot convert float %s to integer", isnan(a[i].as.real) ? "NaN" : "infinity");
            long double us = (long double)a[i].as.real * (long double)unit[i];
            if (fabsl(us) > 9e18L) return FAIL(e, "the timedelta is too large (more than 292000 years)");
            whole += (__int128)truncl(us);
            rest += us - truncl(us);
        } else {
            return FAIL(e, "unsupported type for timedelta component: %s", jinja_type_name(a[i]));
        }
    }
    return timedelta_checked(c->env, whole + (__int128)rintl(rest), out, e);
}

static enum err type_call(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    const struct jinja_class *cls = type_of(c->self);
    struct jinja_call named = *c;
    named.name = strchr(cls->name, '.') + 1;
    if (cls == &class_timedelta) return make_timedelta(&named, out, e);
    if (cls == &class_tzinfo) return err_set(e, ERR_UNSUPPORTED, "tzinfo() is not supported: take a zone from modules.pytz");
    return make_date(&named, cls, out, e);
}

/* ---- class methods ----------------------------------------------------------------------------------------------------- */

static enum err in_zone(struct jinja_env *env, int64_t utc_us, struct jinja_value tz, struct jinja_value *out, struct error *e)
{
    if (tz.type == JINJA_ABSENT || tz.type == JINJA_NONE) {
        return datetime_checked(env, (__int128)utc_us + (int64_t)local_offset(floor_div(utc_us, SECOND_US)) * SECOND_US, (struct jinja_value){0}, out, e);
    }
    if (!tzinfo_of(tz)) return FAIL(e, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", jinja_type_name(tz));
    tz = tz_at(env, tz, utc_us);
    return datetime_checked(env, (__int128)utc_us + (int64_t)tzinfo_of(tz)->offset_s * SECOND_US, tz, out, e);
}

static enum err to_day(struct jinja_env *env, const struct jinja_class *cls, struct jinja_value *v)
{
    if (cls == &class_date) *v = date_new(env, floor_div(datetime_of(*v)->wall_us, DAY_US));
    return ERR_OK;
}

static enum err do_now(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value tz = {0};
    int64_t now = c->env->now_us(c->env->now_ctx);
    bool utc = !strcmp(c->name, "utcnow");
    enum err rc = jinja_args(c, !strcmp(c->name, "now") ? "tz?" : "", &tz, e);
    if (!rc) rc = utc ? datetime_checked(c->env, now, (struct jinja_value){0}, out, e) : in_zone(c->env, now, tz, out, e);
    return rc ? rc : to_day(c->env, cls, out);
}

static enum err do_fromtimestamp(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2] = {{0}, {0}};
    double s;
    bool utc = !strcmp(c->name, "utcfromtimestamp");
    enum err rc = jinja_args(c, utc || cls == &class_date ? "timestamp" : "timestamp tz?", a, e);
    if (rc) return rc;
    if (!is_number(a[0])) return FAIL(e, "a number is required, not '%s'", jinja_type_name(a[0]));
    if ((rc = value_to_float(c->env, a[0], &s, e))) return rc;
    if (!isfinite(s) || fabs(s) > 3e11) return FAIL(e, "the timestamp is out of range");
    double whole = floor(s), fraction = nearbyint((s - whole) * 1e6);
    int64_t us = (int64_t)whole * SECOND_US + (int64_t)fraction;
    rc = utc ? datetime_checked(c->env, us, (struct jinja_value){0}, out, e) : in_zone(c->env, us, a[1], out, e);
    return rc ? rc : to_day(c->env, cls, out);
}

static enum err do_strptime(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2];
    (void)cls;
    enum err rc = jinja_args(c, "date_string format /", a, e);
    if (rc) return rc;
    for (int i = 0; i < 2; i++)
        if (a[i].type != JINJA_STRING) return FAIL(e, "strptime() argument %d must be str, not %s", i + 1, jinja_type_name(a[i]));
    return text_strptime(c->env, SV(a[0]), SV(a[1]), out, e);
}

static enum err do_fromisoformat(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "date_string /", &v, e);
    return rc ? rc : text_from_iso(c->env, v, cls == &class_date, out, e);
}

static enum err do_fromordinal(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    int64_t n;
    enum err rc = jinja_args(c, "ordinal /", &v, e);
    if (rc) return rc;
    if (!value_index(v, &n)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
    if (n < 1 || n > DATE_MAX_DAY - DATE_MIN_DAY + 1) return FAIL(e, "ordinal must be >= 1");
    n += DATE_MIN_DAY - 1;
    *out = cls == &class_date ? date_new(c->env, n) : datetime_new(c->env, n * DAY_US, (struct jinja_value){0});
    return ERR_OK;
}

static enum err do_combine(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[3];
    (void)cls;
    enum err rc = jinja_args(c, "date time tzinfo?", a, e);
    if (rc) return rc;
    if (!date_of(a[0]) && !datetime_of(a[0])) return FAIL(e, "combine() argument 1 must be datetime.date, not %s", jinja_type_name(a[0]));
    if (!time_of(a[1])) return FAIL(e, "combine() argument 2 must be datetime.time, not %s", jinja_type_name(a[1]));
    int64_t day = date_of(a[0]) ? date_of(a[0])->day : floor_div(datetime_of(a[0])->wall_us, DAY_US);
    struct jinja_value tz = a[2].type == JINJA_ABSENT ? time_of(a[1])->tz : a[2].type == JINJA_NONE ? (struct jinja_value){0} : a[2];
    *out = datetime_new(c->env, day * DAY_US + time_of(a[1])->us, tz);
    return ERR_OK;
}

enum { OF_DATE = 1, OF_DATETIME = 2 };
static const struct { const char *name; unsigned of; enum err (*fn)(const struct jinja_call *, const struct jinja_class *, struct jinja_value *, struct error *); } class_methods[] = {
    {"now", OF_DATETIME, do_now}, {"utcnow", OF_DATETIME, do_now}, {"today", OF_DATE | OF_DATETIME, do_now}, {"fromtimestamp", OF_DATE | OF_DATETIME, do_fromtimestamp},
    {"utcfromtimestamp", OF_DATETIME, do_fromtimestamp}, {"strptime", OF_DATETIME, do_strptime}, {"fromisoformat", OF_DATE | OF_DATETIME, do_fromisoformat},
    {"fromordinal", OF_DATE | OF_DATETIME, do_fromordinal}, {"combine", OF_DATETIME, do_combine}};

static int class_method_at(struct view name, const struct jinja_class *cls)
{
    unsigned of = cls == &class_date ? OF_DATE : cls == &class_datetime ? OF_DATETIME : 0;
    for (size_t i = 0; i < sizeof class_methods / sizeof *class_methods; i++)
        if ((class_methods[i].of & of) && view_is(name, class_methods[i].name)) return (int)i;
    return -1;
}

bool datetime_class_method(struct view name, const struct jinja_class *cls) { return class_method_at(name, cls) >= 0; }

enum err datetime_class_call(const struct jinja_call *c, const struct jinja_class *cls, struct jinja_value *out, struct error *e)
{
    int i = class_method_at(view_of(c->name), cls);
    return i < 0 ? ERR_OK : class_methods[i].fn(c, cls, out, e);
}

/* ---- the types as objects ---------------------------------------------------------------------------------------------- */

static bool type_has(struct jinja_value self, struct view name) { return datetime_class_method(name, type_of(self)); }
static enum err type_method(const struct jinja_call *c, struct jinja_value *out, struct error *e) { return datetime_class_call(c, type_of(c->self), out, e); }

static enum err type_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    const struct jinja_class *cls = type_of(self);
    bool min = view_is(name, "min"), max = view_is(name, "max");
    struct jinja_value naive = {0};
    (void)e;
    if (cls == &class_date && (min || max)) *out = date_new(env, min ? DATE_MIN_DAY : DATE_MAX_DAY);
    if (cls == &class_datetime && (min || max)) *out = datetime_new(env, min ? DATE_MIN_DAY * DAY_US : (DATE_MAX_DAY + 1) * DAY_US - 1, naive);
    if (cls == &class_time && (min || max)) *out = time_new(env, min ? 0 : DAY_US - 1, naive);
    return ERR_OK;
}

static enum err type_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    buf_printf(out, "<class '%s'>", type_of(self)->name);
    return ERR_OK;
}

static const struct jinja_class class_type = {.name = "type", .flags = JINJA_CLASS_CALLABLE, .get_attr = type_get, .call = type_call, .has_method = type_has, .method = type_method, .to_repr = type_repr};

struct jinja_value module_datetime(struct jinja_env *env)
{
    const struct jinja_class *const all[] = {&class_date, &class_datetime, &class_time, &class_timedelta, &class_tzinfo};
    struct jinja_value m = jinja_dict(env);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) jinja_dict_set(env, m, strchr(all[i]->name, '.') + 1, type_new(env, all[i]));
    return m;
}
