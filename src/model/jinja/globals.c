/* Jinja's global functions and their objects (range, namespace, cycler, joiner), dict views, and the functions of dbt's
 * context that need no project. */
#include "model/jinja/internal.h"

#define FUNCTION(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

/* ---- range ------------------------------------------------------------------------------------------------------ */

enum { RANGE_MOST = 100000 }; /* jinja2.sandbox.MAX_RANGE */
struct range {
    int64_t from, to, step;
    size_t count;
};

static struct range *range_of(struct jinja_value v) { return v.as.object->data; }
static int64_t range_at(const struct range *r, size_t i) { return r->from + (int64_t)i * r->step; }

static struct jinja_value range_new(struct jinja_env *env, int64_t from, int64_t to, int64_t step, size_t count)
{
    struct range *r = env_alloc(env, sizeof *r);
    *r = (struct range){from, to, step, count};
    return jinja_object(env, &class_range, r);
}

FUNCTION(make_range)
{
    int64_t n[3] = {0, 0, 1};
    for (size_t i = 0; i < c->count && i < 3; i++)
        if (!value_index(c->args[i], &n[i])) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(c->args[i]));
    if (c->named_count) return FAIL(e, "range() takes no keyword arguments");
    if (!c->count || c->count > 3) return FAIL(e, c->count ? "range expected at most 3 arguments, got %zu" : "range expected at least 1 argument, got %zu", c->count);
    if (c->count == 1) n[1] = n[0], n[0] = 0;
    if (!n[2]) return FAIL(e, "range() arg 3 must not be zero");
    __int128 span = n[2] > 0 ? (__int128)n[1] - n[0] : (__int128)n[0] - n[1], step = n[2] > 0 ? (__int128)n[2] : -(__int128)n[2];
    __int128 count = span > 0 ? (span + step - 1) / step : 0;
    if (count > RANGE_MOST) return FAIL(e, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", RANGE_MOST);
    *out = range_new(c->env, n[0], n[1], n[2], (size_t)count);
    return ERR_OK;
}

static int64_t clamped(__int128 v) { return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v; }

struct jinja_value range_slice(struct jinja_env *env, struct jinja_value v, int64_t from, int64_t to, int64_t step, size_t count)
{
    struct range *r = range_of(v);
    int64_t by = r->step;
    if (__builtin_mul_overflow(by, step, &by)) by = step > 0 ? INT64_MAX : -INT64_MAX; /* at most one item: the step does not show */
    return range_new(env, clamped((__int128)r->from + (__int128)from * r->step), clamped((__int128)r->from + (__int128)to * r->step), by, count);
}

static enum err range_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    if (*at < range_of(self)->count) *out = jinja_int(range_at(range_of(self), (*at)++));
    return ERR_OK;
}

static enum err range_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = range_of(self)->count, ERR_OK;
}

static enum err range_item(struct jinja_env *env, struct jinja_value self, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    int64_t i;
    (void)env, (void)e;
    if (!value_index(key, &i)) return ERR_OK;
    if (i < 0) i += (int64_t)range_of(self)->count;
    if (i >= 0 && (uint64_t)i < range_of(self)->count) *out = jinja_int(range_at(range_of(self), (size_t)i));
    return ERR_OK;
}

static enum err range_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    struct range *r = range_of(self);
    (void)env, (void)e;
    buf_printf(out, "range(%lld, %lld", (long long)r->from, (long long)r->to);
    if (r->step != 1) buf_printf(out, ", %lld", (long long)r->step);
    buf_char(out, ')');
    return ERR_OK;
}

static enum err range_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    (void)env, (void)e;
    *out = false;
    if (other.type != JINJA_OBJECT || other.as.object->cls != &class_range) return ERR_OK;
    struct range *a = range_of(self), *b = range_of(other);
    *out = a->count == b->count && (!a->count || (a->from == b->from && (a->count == 1 || a->step == b->step)));
    return ERR_OK;
}

static uint64_t range_hash(struct jinja_value self) { return (uint64_t)range_of(self)->from * 31 + range_of(self)->count; }

static enum err range_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    if (view_is(name, "start")) *out = jinja_int(range_of(self)->from);
    if (view_is(name, "stop")) *out = jinja_int(range_of(self)->to);
    if (view_is(name, "step")) *out = jinja_int(range_of(self)->step);
    return ERR_OK;
}

static bool range_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "index") || view_is(name, "count");
}

FUNCTION(range_method)
{
    struct jinja_value v, items;
    bool index = !strcmp(c->name, "index");
    if (!index && strcmp(c->name, "count") != 0) return ERR_OK;
    enum err rc = jinja_args(c, "value /", &v, e);
    if (rc || (rc = jinja_items(c->env, c->self, &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count; i++) {
        bool same = false;
        if ((rc = jinja_equal(c->env, items.as.seq->item[i], v, &same, e))) return rc;
        if (same) return *out = jinja_int(index ? (int64_t)i : 1), ERR_OK;
    }
    if (index) return FAIL(e, "the value is not in range");
    return *out = jinja_int(0), ERR_OK;
}

const struct jinja_class class_range = {.name = "range", .flags = JINJA_CLASS_SEQUENCE, .next = range_next, .length = range_length, .get_item = range_item,
    .get_attr = range_get, .has_method = range_has, .method = range_method, .to_repr = range_repr, .equal = range_equal, .hash = range_hash};

/* ---- dict() and views of dicts -------------------------------------------------------------------------------------- */

FUNCTION(make_dict)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "mapping? / **more", a, e);
    if (rc) return rc;
    *out = jinja_dict(c->env);
    if (a[0].type == JINJA_UNDEFINED) return ERR_OK;
    if (a[0].type != JINJA_ABSENT && (rc = dict_update(c->env, out->as.map, a[0], e))) return rc;
    return dict_update(c->env, out->as.map, a[1], e);
}

struct dict_view {
    struct jinja_value dict;
    int what;
    size_t live; /* while iterated over */
};

static struct dict_view *view_data(struct jinja_value v) { return v.as.object->data; }

struct jinja_value dict_view(struct jinja_env *env, struct jinja_value dict, int what)
{
    struct dict_view *v = env_alloc(env, sizeof *v);
    *v = (struct dict_view){.dict = dict, .what = what};
    return jinja_object(env, &class_view, v);
}

static enum err dict_view_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e)
{
    struct dict_view *v = view_data(self);
    struct jinja_value pair[2];
    if (*at == 0) v->live = v->dict.as.map->live;
    if (v->dict.as.map->live != v->live) return FAIL(e, "dictionary changed size during iteration");
    if (!jinja_dict_next(v->dict, at, &pair[0], &pair[1])) return ERR_OK;
    *out = v->what == VIEW_KEYS ? pair[0] : v->what == VIEW_VALUES ? pair[1] : jinja_tuple(env, pair, 2);
    return ERR_OK;
}

static enum err dict_view_length(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e)
{
    (void)env, (void)e;
    return *out = view_data(self)->dict.as.map->live, ERR_OK;
}

static enum err dict_view_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    static const char *const name[] = {"dict_keys(", "dict_values(", "dict_items("};
    struct jinja_value items;
    enum err rc = jinja_items(env, self, &items, e);
    buf_str(out, name[view_data(self)->what]);
    if (!rc) rc = jinja_repr(env, items, out, e);
    buf_char(out, ')');
    return rc;
}

static enum err dict_view_equal(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e)
{
    struct jinja_value a, b;
    enum err rc;
    *out = false;
    if (view_data(self)->what == VIEW_VALUES) return *out = value_identical(self, other), ERR_OK;
    bool set = other.type == JINJA_SET || (other.type == JINJA_OBJECT && other.as.object->cls == &class_view && view_data(other)->what != VIEW_VALUES);
    if (!set) return ERR_OK;
    if ((rc = set_of(env, self, &a, e)) || (rc = set_of(env, other, &b, e))) return rc;
    return jinja_equal(env, a, b, out, e);
}

static enum err dict_view_binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e)
{
    struct jinja_value x, y;
    enum err rc;
    bool set_like = a.type == JINJA_OBJECT && a.as.object->cls == &class_view && view_data(a)->what != VIEW_VALUES;
    if (op != JINJA_SUB || !set_like || !value_iterable(b)) return ERR_OK;
    if ((rc = set_of(env, a, &x, e)) || (rc = set_of(env, b, &y, e))) return rc;
    return op_binary(env, JINJA_SUB, x, y, out, e);
}

const struct jinja_class class_view = {.name = "dict_view", .next = dict_view_next, .length = dict_view_length, .to_repr = dict_view_repr, .equal = dict_view_equal, .binary = dict_view_binary};

/* ---- namespace -------------------------------------------------------------------------------------------------------- */

static enum err namespace_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    (void)env, (void)e;
    *out = jinja_dict_get_view((struct jinja_value){.type = JINJA_DICT, .as.map = self.as.object->data}, name);
    return ERR_OK;
}

static enum err namespace_put(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value item, struct error *e)
{
    return map_put(env, self.as.object->data, str_copy(env, name.ptr, name.len), item, e);
}

static enum err namespace_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    buf_str(out, "<Namespace ");
    enum err rc = jinja_repr(env, (struct jinja_value){.type = JINJA_DICT, .as.map = self.as.object->data}, out, e);
    buf_char(out, '>');
    return rc;
}

const struct jinja_class class_namespace = {.name = "Namespace", .get_attr = namespace_get, .set_attr = namespace_put, .to_repr = namespace_repr};

enum err namespace_set(struct jinja_env *env, struct jinja_value ns, struct jinja_value name, struct jinja_value v, struct error *e)
{
    if (ns.type != JINJA_OBJECT || !ns.as.object->cls->set_attr) return FAIL(e, "cannot assign attribute on non-namespace object");
    return ns.as.object->cls->set_attr(env, ns, SV(name), v, e);
}

FUNCTION(make_namespace)
{
    struct jinja_value d;
    enum err rc = make_dict(c, &d, e);
    if (!rc) *out = jinja_object(c->env, &class_namespace, d.as.map);
    return rc;
}

/* ---- cycler and joiner --------------------------------------------------------------------------------------------------- */

struct cycler {
    struct jinja_value items;
    size_t at;
};

static enum err cycler_get(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e)
{
    struct cycler *y = self.as.object->data;
    (void)env, (void)e;
    if (view_is(name, "current")) *out = y->items.as.seq->item[y->at];
    if (view_is(name, "items")) *out = y->items;
    if (view_is(name, "pos")) *out = jinja_int((int64_t)y->at);
    return ERR_OK;
}

static bool cycler_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "next") || view_is(name, "reset");
}

FUNCTION(cycler_method)
{
    struct cycler *y = c->self.as.object->data;
    (void)e;
    if (!strcmp(c->name, "next")) {
        *out = y->items.as.seq->item[y->at];
        y->at = (y->at + 1) % y->items.as.seq->count;
    } else if (!strcmp(c->name, "reset")) {
        y->at = 0;
        *out = jinja_none();
    }
    return ERR_OK;
}

static const struct jinja_class class_cycler = {.name = "Cycler", .get_attr = cycler_get, .has_method = cycler_has, .method = cycler_method};

FUNCTION(make_cycler)
{
    if (!c->count) return FAIL(e, "at least one item has to be provided");
    struct cycler *y = env_alloc(c->env, sizeof *y);
    *y = (struct cycler){jinja_tuple(c->env, c->args, c->count), 0};
    *out = jinja_object(c->env, &class_cycler, y);
    return ERR_OK;
}

struct joiner {
    struct jinja_value sep;
    bool used;
};

FUNCTION(joiner_call)
{
    struct joiner *j = c->self.as.object->data;
    (void)e;
    *out = j->used ? j->sep : str_copy(c->env, "", 0);
    j->used = true;
    return ERR_OK;
}

static const struct jinja_class class_joiner = {.name = "Joiner", .flags = JINJA_CLASS_CALLABLE, .call = joiner_call};

FUNCTION(make_joiner)
{
    struct jinja_value sep;
    enum err rc = jinja_args(c, "sep?", &sep, e);
    if (rc) return rc;
    struct joiner *j = env_alloc(c->env, sizeof *j);
    *j = (struct joiner){sep.type == JINJA_ABSENT ? str_copy(c->env, ", ", 2) : sep, false};
    *out = jinja_object(c->env, &class_joiner, j);
    return ERR_OK;
}

FUNCTION(make_lipsum)
{
    (void)out;
    return err_set(e, ERR_UNSUPPORTED, "%s() is not supported: it would give another text every time", c->name);
}

const struct builtin globals_all[] = {{"range", make_range, false}, {"dict", make_dict, false}, {"namespace", make_namespace, false},
    {"cycler", make_cycler, false}, {"joiner", make_joiner, false}, {"lipsum", make_lipsum, false}, {NULL, NULL, false}};

/* ---- dbt's context --------------------------------------------------------------------------------------------------------- */

FUNCTION(dbt_set)
{
    struct jinja_value a[2];
    struct error mine = {0};
    enum err rc = jinja_args(c, "value default?", a, e);
    if (rc) return rc;
    if (set_of(c->env, a[0], out, &mine) != ERR_OK) *out = a[1].type == JINJA_ABSENT ? jinja_none() : a[1];
    return ERR_OK;
}

FUNCTION(dbt_set_strict)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    return rc ? rc : set_of(c->env, v, out, e);
}

static enum err zip(const struct jinja_call *c, struct jinja_value args, struct jinja_value *out, struct error *e)
{
    size_t n = args.as.seq->count;
    struct iter *it = env_alloc(c->env, (n + 1) * sizeof *it);
    struct jinja_value *row = env_alloc(c->env, (n + 1) * sizeof *row), list = jinja_list(c->env);
    enum err rc = ERR_OK;
    for (size_t i = 0; i < n && !rc; i++)
        if (!value_iterable(args.as.seq->item[i])) rc = FAIL(e, "'%s' object is not iterable", jinja_type_name(args.as.seq->item[i]));
        else rc = iter_start(c->env, args.as.seq->item[i], &it[i], e);
    for (bool more = n > 0; more && !rc;) {
        for (size_t i = 0; i < n && more && !rc; i++) {
            rc = iter_next(c->env, &it[i], &row[i], e);
            more = row[i].type != JINJA_ABSENT;
        }
        if (more && !rc) seq_push(c->env, list.as.seq, jinja_tuple(c->env, row, n));
    }
    *out = generator_new(c->env, "zip object", list);
    return rc;
}

FUNCTION(dbt_zip)
{
    struct jinja_value a[2];
    struct error mine = {0};
    enum err rc = jinja_args(c, "*args **more", a, e);
    if (rc) return rc;
    struct jinja_value fallback = jinja_dict_get(a[1], "default");
    if (a[1].as.map->live > (fallback.type != JINJA_ABSENT)) return FAIL(e, "zip() got an unexpected keyword argument");
    if (zip(c, a[0], out, &mine) != ERR_OK) *out = fallback.type == JINJA_ABSENT ? jinja_none() : fallback;
    return ERR_OK;
}

FUNCTION(dbt_zip_strict)
{
    struct jinja_value args;
    enum err rc = jinja_args(c, "*args", &args, e);
    return rc ? rc : zip(c, args, out, e);
}

FUNCTION(dbt_tojson)
{
    struct jinja_value a[3];
    struct buf b = {0};
    bool sort = false;
    enum err rc = jinja_args(c, "value default? sort_keys?", a, e);
    if (!rc) rc = jinja_truth(c->env, a[2], &sort, e);
    if (!rc) rc = jinja_json_write(c->env, a[0], -1, sort, &b, e);
    *out = str_take(c->env, &b);
    return rc;
}

FUNCTION(dbt_fromjson)
{
    struct jinja_value a[2];
    struct error mine = {0};
    enum err rc = jinja_args(c, "string default?", a, e);
    if (rc) return rc;
    if (a[0].type != JINJA_STRING) return FAIL(e, "the JSON object must be str, bytes or bytearray, not %s", jinja_type_name(a[0]));
    rc = jinja_json_read(c->env, SV(a[0]).ptr, SV(a[0]).len, out, &mine);
    if (rc == ERR_UNSUPPORTED) return FAIL(e, "%s", mine.what);
    if (rc) *out = a[1].type == JINJA_ABSENT ? jinja_none() : a[1];
    return ERR_OK;
}

void jinja_env_add_dbt_functions(struct jinja_env *env)
{
    static const struct { const char *name; jinja_fn *fn; } all[] = {{"return", jinja_fn_return}, {"set", dbt_set}, {"set_strict", dbt_set_strict},
        {"zip", dbt_zip}, {"zip_strict", dbt_zip_strict}, {"tojson", dbt_tojson}, {"fromjson", dbt_fromjson}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) jinja_env_global(env, all[i].name, jinja_function(env, all[i].name, all[i].fn, NULL));
    jinja_env_global(env, "modules", jinja_modules(env));
}
