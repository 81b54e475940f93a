/* timedelta, in whole microseconds. */
#include "model/jinja/datetime.h"

#include <math.h>

struct jinja_value timedelta_new(struct jinja_env *env, int64_t us)
{
    struct timedelta *t = env_alloc(env, sizeof *t);
    t->us = us;
    return jinja_object(env, &class_timedelta, t);
}

enum err timedelta_checked(struct jinja_env *env, __int128 us, struct jinja_value *out, struct error *e)
{
    if (us > INT64_MAX || us < -INT64_MAX) return FAIL(e, "the timedelta is too large (more than 292000 years)");
    *out = timedelta_new(env, (int64_t)us);
    return ERR_OK;
}

void timedelta_abs(struct jinja_env *env, struct jinja_value v, struct jinja_value *out)
{
    int64_t us = timedelta_of(v)->us;
    *out = timedelta_new(env, us < 0 ? -us : us);
}

static int64_t days_of(int64_t us) { return floor_div(us, DAY_US); }
static int64_t seconds_of(int64_t us) { return floor_mod(us, DAY_US) / SECOND_US; }
static int64_t micros_of(int64_t us) { return floor_mod(us, SECOND_US); }

static enum err to_str(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    int64_t us = timedelta_of(self)->us, days = days_of(us), s = seconds_of(us), fraction = micros_of(us);
    (void)env, (void)e;
    if (days) buf_printf(out, "%lld day%s, ", (long long)days, days == 1 || days == -1 ? "" : "s");
    buf_printf(out, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60), (long long)(s % 60));
    if (fraction) buf_printf(out, ".%06lld", (long long)fraction);
    return ERR_OK;
}

static enum err to_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    int64_t us = timedelta_of(self)->us;
    const struct { const char *name; int64_t v; } part[] = {{"days", days_of(us)}, {"seconds", seconds_of(us)}, {"microseconds", micros_of(us)}};
    const char *sep = "";
    (void)env, (void)e;
    buf_str(out, "datetime.timedelta(");
    for (int i = 0; i < 3; i++)
        if (part[i].v) buf_printf(out, "%s%s=%lld", sep, part[i].name, (long long)part[i].v), sep = ", ";
    if (!us) buf_char(out, '0');
    buf_char(out, ')');
    return ERR_OK;
}

static enum err get_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    int64_t us = timedelta_of(self)->us;
    (void)env, (void)e;
    if (view_is(name, "days")) *out = jinja_int(days_of(us));
    if (view_is(name, "seconds")) *out = jinja_int(seconds_of(us));
    if (view_is(name, "microseconds")) *out = jinja_int(micros_of(us));
    return ERR_OK;
}

static bool has_method(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "total_seconds");
}

static enum err method(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    if (strcmp(c->name, "total_seconds") != 0) return ERR_OK;
    *out = jinja_float((double)timedelta_of(c->self)->us / 1e6);
    return jinja_args(c, "", NULL, e);
}

static enum err truth(struct jinja_env *env, struct jinja_value self, bool *out, struct error *e)
{
    (void)env, (void)e;
    return *out = timedelta_of(self)->us != 0, ERR_OK;
}

static enum err equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    (void)env, (void)e;
    *out = timedelta_of(other) && timedelta_of(other)->us == timedelta_of(self)->us;
    return ERR_OK;
}

static enum err compare(struct jinja_env *env, struct jinja_value self, struct jinja_value other, int *order, bool *known, struct error *e)
{
    (void)env, (void)e;
    *known = timedelta_of(other) != NULL;
    if (*known) *order = timedelta_of(self)->us < timedelta_of(other)->us ? -1 : timedelta_of(self)->us > timedelta_of(other)->us;
    return ERR_OK;
}

static uint64_t hash(struct jinja_value self) { return (uint64_t)timedelta_of(self)->us * 0x9e3779b97f4a7c15u; }

/* n / d to the nearest, halves to even. */
static __int128 divide_nearest(__int128 n, __int128 d)
{
    if (d < 0) n = -n, d = -d;
    __int128 q = n / d, r = n % d;
    if (r < 0) r += d, q--;
    if (2 * r > d || (2 * r == d && (q & 1))) q++;
    return q;
}

static enum err scale(struct jinja_env *env, int64_t us, struct jinja_value by, bool divide, struct jinja_value *out, struct error *e)
{
    int64_t i;
    if (value_index(by, &i)) {
        if (divide && !i) return FAIL(e, "integer division or modulo by zero");
        return timedelta_checked(env, divide ? divide_nearest(us, i) : (__int128)us * i, out, e);
    }
    double d = by.as.real;
    if (divide && d == 0.0) return FAIL(e, "division by zero");
    long double r = divide ? (long double)us / d : (long double)us * d;
    if (!isfinite(d) || fabsl(r) > 9.2e18L) return FAIL(e, "the timedelta is too large (more than 292000 years)");
    return timedelta_checked(env, (__int128)rintl(r), out, e);
}

static enum err by_timedelta(struct jinja_env *env, enum jinja_op op, int64_t a, int64_t b, struct jinja_value *out, struct error *e)
{
    if (op == JINJA_ADD) return timedelta_checked(env, (__int128)a + b, out, e);
    if (op == JINJA_SUB) return timedelta_checked(env, (__int128)a - b, out, e);
    if (op != JINJA_DIV && op != JINJA_FLOORDIV && op != JINJA_MOD) return ERR_OK;
    if (!b) return FAIL(e, op == JINJA_DIV ? "division by zero" : "integer division or modulo by zero");
    if (op == JINJA_DIV) return op_binary(env, JINJA_DIV, jinja_int(a), jinja_int(b), out, e);
    if (op == JINJA_FLOORDIV) return *out = jinja_int(floor_div(a, b)), ERR_OK;
    *out = timedelta_new(env, floor_mod(a, b));
    return ERR_OK;
}

static enum err binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    struct timedelta *x = timedelta_of(a), *y = timedelta_of(b);
    int64_t i;
    if (op == JINJA_NEG) return *out = timedelta_new(env, -x->us), ERR_OK;
    if (op == JINJA_POS) return *out = a, ERR_OK;
    if (x && y) return by_timedelta(env, op, x->us, y->us, out, e);
    if (op == JINJA_MUL && x && is_number(b)) return scale(env, x->us, b, false, out, e);
    if (op == JINJA_MUL && y && is_number(a)) return scale(env, y->us, a, false, out, e);
    if (op == JINJA_DIV && x && is_number(b)) return scale(env, x->us, b, true, out, e);
    if (op == JINJA_FLOORDIV && x && value_index(b, &i)) {
        if (!i) return FAIL(e, "integer division or modulo by zero");
        *out = timedelta_new(env, floor_div(x->us, i));
    }
    return ERR_OK;
}

const struct jinja_class class_timedelta = {.name = "datetime.timedelta", .get_attr = get_attr, .has_method = has_method, .method = method, .to_str = to_str, .to_repr = to_repr,
    .truth = truth, .equal = equal, .hash = hash, .compare = compare, .binary = binary};
