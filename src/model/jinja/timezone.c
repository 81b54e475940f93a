/* modules.pytz: UTC, fixed offsets, and the system's zone files (TZif, RFC 8536) with pytz's meaning of them: a zone is many
 * tzinfos, one for each offset; localize and normalize choose. As in pytz nothing is foreseen behind the last change that the
 * file lists. */
#include "model/jinja/datetime.h"

#include "base/io.h"

#include <stdlib.h>
#include <time.h>

struct zone_type {
    int32_t offset_s;
    bool dst;
    const char *abbreviation;
};
struct zone {
    const char *name;
    size_t count; /* of changes */
    int64_t *at;  /* UTC seconds */
    uint8_t *type_of;
    struct zone_type *type;
    size_t type_count;
};

static struct jinja_value tz_object(struct jinja_env *env, struct tzinfo tz)
{
    struct tzinfo *t = env_alloc(env, sizeof *t);
    *t = tz;
    return jinja_object(env, &class_tzinfo, t);
}

struct jinja_value tz_utc(struct jinja_env *env) { return tz_object(env, (struct tzinfo){.name = "UTC", .abbreviation = "UTC"}); }

/* Python's datetime.timezone: UTC, UTC+05:30. */
struct jinja_value tz_fixed(struct jinja_env *env, int32_t offset_s)
{
    struct tzinfo tz = {.offset_s = offset_s};
    struct buf b = {0};
    buf_str(&b, "UTC");
    if (offset_s) iso_offset(&tz, &b);
    tz.name = tz.abbreviation = SV(str_take(env, &b)).ptr;
    return tz_object(env, tz);
}

int32_t local_offset(int64_t utc_s)
{
    time_t t = (time_t)utc_s;
    struct tm tm;
    return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* ---- zone files ------------------------------------------------------------------------------------------------------ */

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
    return (int64_t)v;
}

struct tzif {
    const unsigned char *at;
    size_t isut, isstd, leap, times, types, chars;
};

static bool tzif_header(const unsigned char *p, size_t left, int time_bytes, struct tzif *h, size_t *body)
{
    size_t *field[] = {&h->isut, &h->isstd, &h->leap, &h->times, &h->types, &h->chars};
    if (left < 44 || memcmp(p, "TZif", 4) != 0) return false;
    for (int i = 0; i < 6; i++) {
        *field[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
        if (*field[i] > 100000) return false;
    }
    h->at = p + 44;
    *body = h->times * (size_t)(time_bytes + 1) + h->types * 6 + h->chars + h->leap * (size_t)(time_bytes + 4) + h->isstd + h->isut;
    return left - 44 >= *body && h->types > 0 && h->chars > 0;
}

static bool zone_read(struct jinja_env *env, const struct tzif *h, struct zone *z)
{
    const unsigned char *times = h->at, *index = times + 8 * h->times, *types = index + h->times, *chars = types + 6 * h->types;
    z->count = h->times;
    z->type_count = h->types;
    z->at = env_alloc(env, (h->times + 1) * sizeof *z->at);
    z->type_of = env_alloc(env, h->times + 1);
    z->type = env_alloc(env, h->types * sizeof *z->type);
    for (size_t i = 0; i < h->times; i++) {
        z->at[i] = big_endian(times + 8 * i, 8);
        z->type_of[i] = index[i];
        if (index[i] >= h->types || (i && z->at[i] < z->at[i - 1])) return false;
    }
    for (size_t i = 0; i < h->types; i++) {
        const unsigned char *t = types + 6 * i;
        if (t[5] >= h->chars || !memchr(chars + t[5], 0, h->chars - t[5])) return false;
        z->type[i] = (struct zone_type){(int32_t)big_endian(t, 4), t[4] != 0, arena_strdup(&env->arena, (const char *)chars + t[5])};
    }
    return true;
}

static enum err zone_load(struct jinja_env *env, struct view name, struct zone **out, struct error *e)
{
    struct buf path = {0}, file = {0};
    struct tzif h;
    size_t body = 0;
    struct error io = {0};
    enum err rc = ERR_OK;
    bool plain = name.len > 0 && name.len < 100 && name.ptr[0] != '/' && !memmem(name.ptr, name.len, "..", 2);
    for (size_t i = 0; i < name.len; i++) plain = plain && (uni_alnum((unsigned char)name.ptr[i]) || strchr("/_+-", name.ptr[i]));
    const char *root = getenv("TZDIR");
    buf_printf(&path, "%s/%.*s", root && *root ? root : "/usr/share/zoneinfo", plain ? (int)name.len : 0, name.ptr);
    if (!plain || io_is_dir(path.ptr) || io_read_file(path.ptr, &file, &io) != ERR_OK) {
        rc = FAIL(e, "UnknownTimeZoneError: '%.*s'", (int)(name.len > 100 ? 100 : name.len), name.ptr);
        if (plain && !io_exists("/usr/share/zoneinfo")) err_hint(e, "this machine has no time zone files (package tzdata)");
        goto done;
    }
    const unsigned char *p = (const unsigned char *)file.ptr;
    *out = env_alloc(env, sizeof **out);
    (*out)->name = arena_strndup(&env->arena, name.ptr, name.len);
    /* Version 2 and later: the block of 64-bit times follows the old one. */
    bool ok = tzif_header(p, file.len, 4, &h, &body) && p[4] >= '2' && tzif_header(p + 44 + body, file.len - 44 - body, 8, &h, &body) && zone_read(env, &h, *out);
    if (!ok) rc = FAIL(e, "the time zone file %s is damaged or too old", path.ptr);
done:
    buf_reset(&path);
    buf_reset(&file);
    return rc;
}

static const struct zone_type *type_at(const struct zone *z, int64_t utc_s)
{
    size_t lo = 0, hi = z->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (z->at[mid] <= utc_s) lo = mid + 1;
        else hi = mid;
    }
    return &z->type[lo ? z->type_of[lo - 1] : 0];
}

static struct jinja_value of_type(struct jinja_env *env, const struct zone *z, const struct zone_type *t)
{
    return tz_object(env, (struct tzinfo){z, z->name, t->abbreviation, t->offset_s, t->dst});
}

struct jinja_value tz_at(struct jinja_env *env, struct jinja_value tz, int64_t utc_us)
{
    const struct zone *z = tzinfo_of(tz)->zone;
    return z ? of_type(env, z, type_at(z, floor_div(utc_us, SECOND_US))) : tz;
}

/* pytz.localize: the tzinfo under which the wall clock reads so; two may do (an hour that comes twice), or none. */
static enum err localize(struct jinja_env *env, struct jinja_value tz, const struct datetime *d, struct jinja_value is_dst, struct jinja_value *out, struct error *e)
{
    const struct zone *z = tzinfo_of(tz)->zone;
    bool want_dst = false;
    if (d->tz.type != JINJA_ABSENT) return FAIL(e, "Not naive datetime (tzinfo is already set)");
    if (!z) return *out = datetime_new(env, d->wall_us, tz), ERR_OK;
    enum err rc = jinja_truth(env, is_dst, &want_dst, e);
    if (rc) return rc;
    const struct zone_type *found[8];
    size_t n = 0;
    int64_t s = floor_div(d->wall_us, SECOND_US);
    for (size_t i = 0; i < z->type_count && n < 8; i++) {
        const struct zone_type *t = &z->type[i], *real = type_at(z, s - t->offset_s);
        if (real->offset_s != t->offset_s || real->dst != t->dst) continue;
        bool again = false;
        for (size_t k = 0; k < n; k++) again = again || (found[k]->offset_s == t->offset_s && found[k]->dst == t->dst);
        if (!again) found[n++] = real;
    }
    if (n == 0) { /* an hour that does not exist: as pytz, six hours away and back */
        int64_t by = want_dst ? 6 * 3600 : -6 * 3600;
        found[n++] = type_at(z, s + by - type_at(z, s + by)->offset_s);
    }
    const struct zone_type *pick = found[0];
    for (size_t i = 1; i < n; i++) {
        if (found[i]->dst != pick->dst) pick = found[i]->dst == want_dst ? found[i] : pick;
        else if (want_dst ? found[i]->offset_s > pick->offset_s : found[i]->offset_s < pick->offset_s) pick = found[i];
    }
    *out = datetime_new(env, d->wall_us, of_type(env, z, pick));
    return ERR_OK;
}

/* ---- tzinfo objects --------------------------------------------------------------------------------------------------------- */

static bool tz_has(struct jinja_value self, struct view name)
{
    static const char *const all[] = {"localize", "normalize", "utcoffset", "tzname", "dst", NULL};
    (void)self;
    for (size_t i = 0; all[i]; i++)
        if (view_is(name, all[i])) return true;
    return false;
}

static enum err tz_method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2];
    if (!tz_has(c->self, view_of(c->name))) return ERR_OK;
    bool two = strcmp(c->name, "normalize") != 0;
    a[1] = (struct jinja_value){0};
    enum err rc = jinja_args(c, two ? "dt is_dst?" : "dt", a, e);
    struct datetime *d = datetime_of(a[0]);
    struct tzinfo *tz = tzinfo_of(c->self);
    if (rc) return rc;
    if (!strcmp(c->name, "tzname")) return *out = jinja_text(c->env, tz->abbreviation), ERR_OK;
    if (!strcmp(c->name, "utcoffset")) return *out = timedelta_new(c->env, (int64_t)tz->offset_s * SECOND_US), ERR_OK;
    if (!strcmp(c->name, "dst")) return *out = timedelta_new(c->env, tz->dst ? 3600 * SECOND_US : 0), ERR_OK;
    if (!d) return FAIL(e, "%s() wants a datetime, not %s", c->name, jinja_type_name(a[0]));
    if (two) return localize(c->env, c->self, d, a[1], out, e);
    if (d->tz.type == JINJA_ABSENT) return FAIL(e, "Naive time - no tzinfo set");
    int64_t utc = datetime_utc(d);
    struct jinja_value now = tz_at(c->env, c->self, utc);
    return datetime_checked(c->env, (__int128)utc + (int64_t)tzinfo_of(now)->offset_s * SECOND_US, now, out, e);
}

static enum err tz_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    (void)e;
    if (view_is(name, "zone")) *out = jinja_text(env, tzinfo_of(self)->name);
    return ERR_OK;
}

static enum err tz_str(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    (void)env, (void)e;
    buf_str(out, tzinfo_of(self)->name);
    return ERR_OK;
}

/* pytz: <UTC>, <DstTzInfo 'US/Eastern' EST-1 day, 19:00:00 STD>; Python: datetime.timezone(…). */
static enum err tz_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    const struct tzinfo *tz = tzinfo_of(self);
    enum err rc;
    if (!tz->zone && !strcmp(tz->name, "UTC")) return buf_str(out, "<UTC>"), ERR_OK;
    struct jinja_value offset = timedelta_new(env, (int64_t)tz->offset_s * SECOND_US);
    if (!tz->zone) {
        buf_str(out, "datetime.timezone(");
        rc = jinja_repr(env, offset, out, e);
        buf_char(out, ')');
        return rc;
    }
    buf_printf(out, "<DstTzInfo '%s' %s%s", tz->name, tz->abbreviation, tz->offset_s < 0 ? "" : "+");
    rc = jinja_str(env, offset, out, e);
    buf_printf(out, " %s>", tz->dst ? "DST" : "STD");
    return rc;
}

static enum err tz_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    const struct tzinfo *a = tzinfo_of(self), *b = tzinfo_of(other);
    (void)env, (void)e;
    *out = b && !strcmp(a->name, b->name) && a->offset_s == b->offset_s && a->dst == b->dst;
    return ERR_OK;
}

static uint64_t tz_hash(struct jinja_value self) { return (uint64_t)(uint32_t)tzinfo_of(self)->offset_s * 0x9e3779b97f4a7c15u; }

const struct jinja_class class_tzinfo = {.name = "datetime.tzinfo", .get_attr = tz_get, .has_method = tz_has, .method = tz_method, .to_str = tz_str, .to_repr = tz_repr, .equal = tz_equal, .hash = tz_hash};

static enum err do_timezone(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value name;
    struct zone *z = NULL;
    enum err rc = jinja_args(c, "zone", &name, e);
    if (rc) return rc;
    if (name.type != JINJA_STRING) return FAIL(e, "the zone must be a string, not %s", jinja_type_name(name));
    if (!strcasecmp(SV(name).ptr, "UTC")) return *out = tz_utc(c->env), ERR_OK;
    if ((rc = zone_load(c->env, SV(name), &z, e))) return rc;
    *out = of_type(c->env, z, &z->type[0]);
    return ERR_OK;
}

static enum err do_fixed(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    int64_t minutes;
    enum err rc = jinja_args(c, "offset", &v, e);
    if (rc) return rc;
    if (!value_index(v, &minutes) || minutes <= -1440 || minutes >= 1440) return FAIL(e, "absolute offset is too large");
    *out = minutes ? tz_fixed(c->env, (int32_t)minutes * 60) : tz_utc(c->env);
    return ERR_OK;
}

struct jinja_value module_pytz(struct jinja_env *env)
{
    struct jinja_value m = jinja_dict(env), utc = tz_utc(env);
    jinja_dict_set(env, m, "utc", utc);
    jinja_dict_set(env, m, "UTC", utc);
    jinja_dict_set(env, m, "timezone", jinja_function(env, "timezone", do_timezone, NULL));
    jinja_dict_set(env, m, "FixedOffset", jinja_function(env, "FixedOffset", do_fixed, NULL));
    return m;
}
