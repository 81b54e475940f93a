/* Methods of list, tuple, dict, set, int and float. */
#include "model/jinja/methods.h"

#include <math.h>

static struct jinja_seq *self_seq(const struct jinja_call *c) { return c->self.as.seq; }
static struct jinja_map *self_map(const struct jinja_call *c) { return c->self.as.map; }

/* ---- list -------------------------------------------------------------------------------------------------------- */

METHOD(list_append)
{
    struct jinja_value v;
    (void)out;
    enum err rc = jinja_args(c, "object /", &v, e);
    if (!rc) seq_push(c->env, self_seq(c), v);
    return rc;
}

METHOD(list_extend)
{
    struct jinja_value over, items;
    (void)out;
    enum err rc = jinja_args(c, "iterable /", &over, e);
    if (rc || (rc = jinja_items(c->env, over, &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count; i++) seq_push(c->env, self_seq(c), items.as.seq->item[i]);
    return ERR_OK;
}

METHOD(list_insert)
{
    struct jinja_value a[2];
    int64_t at;
    struct jinja_seq *s = self_seq(c);
    (void)out;
    enum err rc = jinja_args(c, "index object /", a, e);
    if (rc || (rc = method_want_int(a[0], &at, e)) || (rc = env_charge(c->env, s->count / 16, e))) return rc;
    if (at < 0) at = at + (int64_t)s->count < 0 ? 0 : at + (int64_t)s->count;
    if (at > (int64_t)s->count) at = (int64_t)s->count;
    seq_push(c->env, s, a[1]);
    memmove(s->item + at + 1, s->item + at, (s->count - 1 - (size_t)at) * sizeof *s->item);
    s->item[at] = a[1];
    return ERR_OK;
}

static void remove_at(struct jinja_seq *s, size_t at)
{
    memmove(s->item + at, s->item + at + 1, (s->count - at - 1) * sizeof *s->item);
    s->count--;
}

METHOD(list_pop)
{
    struct jinja_value a;
    int64_t at = -1;
    struct jinja_seq *s = self_seq(c);
    enum err rc = jinja_args(c, "index? /", &a, e);
    if (rc || (a.type != JINJA_ABSENT && (rc = method_want_int(a, &at, e))) || (rc = env_charge(c->env, at == -1 ? 0 : s->count / 16, e))) return rc;
    if (!s->count) return FAIL(e, "pop from empty list");
    if (at < 0) at += (int64_t)s->count;
    if (at < 0 || at >= (int64_t)s->count) return FAIL(e, "pop index out of range");
    *out = s->item[at];
    remove_at(s, (size_t)at);
    return ERR_OK;
}

static enum err position_of(const struct jinja_call *c, struct jinja_value v, int64_t from, int64_t to, int64_t *at, struct error *e)
{
    struct jinja_seq *s = self_seq(c);
    enum err rc = env_charge(c->env, s->count, e);
    for (int64_t i = from; i < to && i < (int64_t)s->count && !rc; i++) {
        bool same = value_identical(s->item[i], v);
        if (!same) rc = jinja_equal(c->env, s->item[i], v, &same, e);
        if (same) return *at = i, rc;
    }
    *at = -1;
    return rc;
}

METHOD(list_remove)
{
    struct jinja_value v;
    int64_t at;
    (void)out;
    enum err rc = jinja_args(c, "value /", &v, e);
    if (rc || (rc = position_of(c, v, 0, INT64_MAX, &at, e))) return rc;
    if (at < 0) return FAIL(e, "list.remove(x): x not in list");
    remove_at(self_seq(c), (size_t)at);
    return ERR_OK;
}

METHOD(seq_index)
{
    struct jinja_value a[3];
    int64_t len = (int64_t)self_seq(c)->count, from = 0, to = len, at;
    enum err rc = jinja_args(c, "value start? stop? /", a, e);
    if (rc || (a[1].type != JINJA_ABSENT && (rc = method_want_int(a[1], &from, e))) || (a[2].type != JINJA_ABSENT && (rc = method_want_int(a[2], &to, e)))) return rc;
    if (from < 0) from = from + len < 0 ? 0 : from + len;
    if (to < 0) to += len;
    if ((rc = position_of(c, a[0], from, to, &at, e))) return rc;
    if (at >= 0) return *out = jinja_int(at), ERR_OK;
    if (c->self.type == JINJA_TUPLE) return FAIL(e, "tuple.index(x): x not in tuple");
    struct buf b = {0};
    if (!(rc = jinja_repr(c->env, a[0], &b, e))) rc = FAIL(e, "%s is not in list", b.ptr);
    buf_reset(&b);
    return rc;
}

METHOD(seq_count)
{
    struct jinja_value v;
    int64_t n = 0, at = -1;
    enum err rc = jinja_args(c, "value /", &v, e);
    while (!rc && !(rc = position_of(c, v, at + 1, INT64_MAX, &at, e)) && at >= 0) n++;
    *out = jinja_int(n);
    return rc;
}

METHOD(list_reverse)
{
    struct jinja_seq *s = self_seq(c);
    (void)out;
    for (size_t i = 0; i < s->count / 2; i++) {
        struct jinja_value v = s->item[i];
        s->item[i] = s->item[s->count - 1 - i];
        s->item[s->count - 1 - i] = v;
    }
    return jinja_args(c, "", NULL, e);
}

METHOD(list_sort)
{
    struct jinja_value a[2];
    struct jinja_seq *s = self_seq(c);
    int64_t reverse = 0;
    (void)out;
    if (c->count) return FAIL(e, "sort() takes no positional arguments");
    enum err rc = jinja_args(c, "key? reverse?", a, e);
    if (rc || (a[1].type != JINJA_ABSENT && (rc = method_want_int(a[1], &reverse, e)))) return rc;
    size_t n = s->count;
    if (!n) return ERR_OK;
    struct jinja_value *keys = env_alloc(c->env, n * sizeof *keys), *items = env_alloc(c->env, n * sizeof *items);
    memcpy(items, s->item, n * sizeof *items);
    memcpy(keys, items, n * sizeof *keys);
    for (size_t i = 0; i < n && a[0].type != JINJA_ABSENT && a[0].type != JINJA_NONE; i++) {
        struct jinja_call k = {.env = c->env, .args = &items[i], .count = 1};
        if ((rc = call_value(c->env, a[0], &k, &keys[i], e))) return rc;
    }
    if ((rc = value_sort(c->env, items, keys, n, reverse != 0, e))) return rc;
    if (s->count != n) return FAIL(e, "list modified during sort");
    memcpy(s->item, items, n * sizeof *items);
    return ERR_OK;
}

METHOD(list_copy)
{
    *out = jinja_tuple(c->env, self_seq(c)->item, self_seq(c)->count);
    out->type = JINJA_LIST;
    return jinja_args(c, "", NULL, e);
}

METHOD(list_clear)
{
    (void)out;
    self_seq(c)->count = 0;
    return jinja_args(c, "", NULL, e);
}

const struct method methods_list[] = {{"append", list_append}, {"extend", list_extend}, {"insert", list_insert}, {"pop", list_pop},
    {"remove", list_remove}, {"index", seq_index}, {"count", seq_count}, {"reverse", list_reverse}, {"sort", list_sort}, {"copy", list_copy}, {"clear", list_clear}};
const size_t methods_list_count = sizeof methods_list / sizeof *methods_list;
const struct method methods_tuple[] = {{"index", seq_index}, {"count", seq_count}};
const size_t methods_tuple_count = sizeof methods_tuple / sizeof *methods_tuple;

/* ---- dict --------------------------------------------------------------------------------------------------------- */

METHOD(dict_get)
{
    struct jinja_value a[2];
    struct map_entry *x = NULL;
    enum err rc = jinja_args(c, "key default? /", a, e);
    if (rc || (rc = map_find(c->env, self_map(c), a[0], &x, e))) return rc;
    *out = x ? x->value : a[1].type == JINJA_ABSENT ? jinja_none() : a[1];
    return ERR_OK;
}

static enum err view_method(const struct jinja_call *c, int what, struct jinja_value *out, struct error *e)
{
    *out = dict_view(c->env, c->self, what);
    return jinja_args(c, "", NULL, e);
}

METHOD(dict_keys) { return view_method(c, VIEW_KEYS, out, e); }
METHOD(dict_values) { return view_method(c, VIEW_VALUES, out, e); }
METHOD(dict_items) { return view_method(c, VIEW_ITEMS, out, e); }

enum err dict_update(struct jinja_env *env, struct jinja_map *m, struct jinja_value from, struct error *e)
{
    struct jinja_value key, item, pair[2], items;
    enum err rc = ERR_OK;
    if (from.type == JINJA_DICT) {
        for (size_t at = 0; !rc && jinja_dict_next(from, &at, &key, &item);) rc = map_put(env, m, key, item, e);
        return rc;
    }
    if (!value_iterable(from)) return FAIL(e, "'%s' object is not iterable", jinja_type_name(from));
    if ((rc = jinja_items(env, from, &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
        struct jinja_value x = items.as.seq->item[i];
        if (!value_iterable(x)) return FAIL(e, "cannot convert dictionary update sequence element #%zu to a sequence", i);
        size_t n = 0;
        if (value_has_length(x) && (rc = value_length(env, x, &n, e))) return rc;
        if (n != 2) return FAIL(e, "dictionary update sequence element #%zu has length %zu; 2 is required", i, n);
        if (!(rc = value_unpack(env, x, pair, 2, e))) rc = map_put(env, m, pair[0], pair[1], e);
    }
    return rc;
}

METHOD(dict_update_method)
{
    struct jinja_value a[2];
    (void)out;
    enum err rc = jinja_args(c, "other? / **more", a, e);
    if (!rc && a[0].type != JINJA_ABSENT) rc = dict_update(c->env, self_map(c), a[0], e);
    return rc ? rc : dict_update(c->env, self_map(c), a[1], e);
}

static enum err key_error(struct jinja_env *env, struct jinja_value key, struct error *e)
{
    struct buf b = {0};
    enum err rc = jinja_repr(env, key, &b, e);
    if (!rc) rc = FAIL(e, "KeyError: %s", b.ptr);
    buf_reset(&b);
    return rc;
}

METHOD(dict_pop)
{
    struct jinja_value a[2];
    struct map_entry *x = NULL;
    enum err rc = jinja_args(c, "key default? /", a, e);
    if (rc || (rc = map_find(c->env, self_map(c), a[0], &x, e))) return rc;
    if (!x && a[1].type == JINJA_ABSENT) return key_error(c->env, a[0], e);
    *out = x ? x->value : a[1];
    if (x) map_remove(self_map(c), x);
    return ERR_OK;
}

METHOD(dict_popitem)
{
    struct jinja_map *m = self_map(c);
    enum err rc = jinja_args(c, "", NULL, e);
    if (rc) return rc;
    size_t i = m->used;
    while (i > 0 && m->entry[i - 1].key.type == JINJA_ABSENT) i--;
    if (!i) return FAIL(e, "'popitem(): dictionary is empty'");
    *out = jinja_tuple(c->env, (struct jinja_value[]){m->entry[i - 1].key, m->entry[i - 1].value}, 2);
    map_remove(m, &m->entry[i - 1]);
    return ERR_OK;
}

METHOD(dict_setdefault)
{
    struct jinja_value a[2];
    struct map_entry *x = NULL;
    enum err rc = jinja_args(c, "key default? /", a, e);
    if (rc || (rc = map_find(c->env, self_map(c), a[0], &x, e))) return rc;
    *out = x ? x->value : a[1].type == JINJA_ABSENT ? jinja_none() : a[1];
    return x ? ERR_OK : map_put(c->env, self_map(c), a[0], *out, e);
}

METHOD(map_copy_method)
{
    *out = (struct jinja_value){.type = c->self.type, .as.map = map_copy(c->env, self_map(c))};
    return jinja_args(c, "", NULL, e);
}

METHOD(map_clear_method)
{
    (void)out;
    map_clear(self_map(c));
    return jinja_args(c, "", NULL, e);
}

METHOD(dict_fromkeys)
{
    struct jinja_value a[2], items;
    enum err rc = jinja_args(c, "iterable value? /", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    *out = jinja_dict(c->env);
    for (size_t i = 0; i < items.as.seq->count && !rc; i++)
        rc = map_put(c->env, out->as.map, items.as.seq->item[i], a[1].type == JINJA_ABSENT ? jinja_none() : a[1], e);
    return rc;
}

const struct method methods_dict[] = {{"get", dict_get}, {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values},
    {"update", dict_update_method}, {"pop", dict_pop}, {"popitem", dict_popitem}, {"setdefault", dict_setdefault}, {"copy", map_copy_method},
    {"clear", map_clear_method}, {"fromkeys", dict_fromkeys}};
const size_t methods_dict_count = sizeof methods_dict / sizeof *methods_dict;

/* ---- set ----------------------------------------------------------------------------------------------------------- */

METHOD(set_add)
{
    struct jinja_value v;
    (void)out;
    enum err rc = jinja_args(c, "elem /", &v, e);
    return rc ? rc : map_put(c->env, self_map(c), v, jinja_none(), e);
}

static enum err set_drop(const struct jinja_call *c, bool must, struct error *e)
{
    struct jinja_value v;
    struct map_entry *x = NULL;
    enum err rc = jinja_args(c, "elem /", &v, e);
    if (rc || (rc = map_find(c->env, self_map(c), v, &x, e))) return rc;
    if (x) map_remove(self_map(c), x);
    return !x && must ? key_error(c->env, v, e) : ERR_OK;
}

METHOD(set_remove)
{
    (void)out;
    return set_drop(c, true, e);
}

METHOD(set_discard)
{
    (void)out;
    return set_drop(c, false, e);
}

METHOD(set_pop)
{
    struct jinja_map *m = self_map(c);
    size_t at = 0;
    enum err rc = jinja_args(c, "", NULL, e);
    if (rc) return rc;
    if (!jinja_dict_next(c->self, &at, out, NULL)) return FAIL(e, "'pop from an empty set'");
    map_remove(m, &m->entry[at - 1]);
    return ERR_OK;
}

enum err set_of(struct jinja_env *env, struct jinja_value over, struct jinja_value *out, struct error *e)
{
    struct jinja_value v;
    struct iter it;
    enum err rc = iter_start(env, over, &it, e);
    *out = jinja_set(env);
    while (!rc && !(rc = iter_next(env, &it, &v, e)) && v.type != JINJA_ABSENT) rc = map_put(env, out->as.map, v, jinja_none(), e);
    return rc;
}

/* The items of a that are (keep) or are not (!keep) in b, put into out. */
static enum err set_pick(struct jinja_env *env, struct jinja_value a, struct jinja_value b, bool keep, struct jinja_map *out, struct error *e)
{
    struct jinja_value key;
    enum err rc = env_charge(env, a.as.map->live, e);
    for (size_t at = 0; !rc && jinja_dict_next(a, &at, &key, NULL);) {
        struct map_entry *x = NULL;
        rc = map_find(env, b.as.map, key, &x, e);
        if (!rc && (x != NULL) == keep) rc = map_put(env, out, key, jinja_none(), e);
    }
    return rc;
}

enum { SET_UNION, SET_INTERSECTION, SET_DIFFERENCE, SET_SYMMETRIC };

static enum err set_combine(const struct jinja_call *c, int how, struct jinja_value *out, struct error *e)
{
    struct jinja_value others, next, now = {.type = JINJA_SET, .as.map = map_copy(c->env, self_map(c))};
    enum err rc = jinja_args(c, how == SET_SYMMETRIC ? "other /" : "*others", &others, e);
    if (!rc && how == SET_SYMMETRIC) others = jinja_tuple(c->env, &others, 1);
    for (size_t i = 0; !rc && i < others.as.seq->count; i++) {
        struct jinja_value b;
        next = jinja_set(c->env);
        if ((rc = set_of(c->env, others.as.seq->item[i], &b, e))) break;
        if (how == SET_UNION) {
            next = now;
            rc = set_pick(c->env, b, now, false, next.as.map, e);
        } else {
            rc = set_pick(c->env, now, b, how == SET_INTERSECTION, next.as.map, e);
            if (!rc && how == SET_SYMMETRIC) rc = set_pick(c->env, b, now, false, next.as.map, e);
        }
        now = next;
    }
    *out = now;
    return rc;
}

METHOD(set_union) { return set_combine(c, SET_UNION, out, e); }
METHOD(set_intersection) { return set_combine(c, SET_INTERSECTION, out, e); }
METHOD(set_difference) { return set_combine(c, SET_DIFFERENCE, out, e); }
METHOD(set_symmetric) { return set_combine(c, SET_SYMMETRIC, out, e); }

static enum err set_combine_here(const struct jinja_call *c, int how, struct error *e)
{
    struct jinja_value v;
    enum err rc = set_combine(c, how, &v, e);
    if (!rc) *self_map(c) = *v.as.map;
    return rc;
}

METHOD(set_update)
{
    (void)out;
    return set_combine_here(c, SET_UNION, e);
}

METHOD(set_difference_update)
{
    (void)out;
    return set_combine_here(c, SET_DIFFERENCE, e);
}

METHOD(set_intersection_update)
{
    (void)out;
    return set_combine_here(c, SET_INTERSECTION, e);
}

static enum err set_ask(const struct jinja_call *c, enum compare_op op, struct jinja_value *out, struct error *e)
{
    struct jinja_value other;
    bool yes = false;
    enum err rc = jinja_args(c, "other /", &other, e);
    if (!rc && !(rc = set_of(c->env, other, &other, e))) rc = value_ordered(c->env, op, c->self, other, &yes, e);
    *out = jinja_bool(yes);
    return rc;
}

METHOD(set_issubset) { return set_ask(c, CMP_LE, out, e); }
METHOD(set_issuperset) { return set_ask(c, CMP_GE, out, e); }

METHOD(set_isdisjoint)
{
    struct jinja_value both;
    enum err rc = set_combine(c, SET_INTERSECTION, &both, e);
    *out = jinja_bool(!rc && !both.as.map->live);
    return rc;
}

const struct method methods_set[] = {{"add", set_add}, {"remove", set_remove}, {"discard", set_discard}, {"pop", set_pop}, {"union", set_union},
    {"intersection", set_intersection}, {"difference", set_difference}, {"symmetric_difference", set_symmetric}, {"update", set_update},
    {"difference_update", set_difference_update}, {"intersection_update", set_intersection_update}, {"issubset", set_issubset},
    {"issuperset", set_issuperset}, {"isdisjoint", set_isdisjoint}, {"copy", map_copy_method}, {"clear", map_clear_method}};
const size_t methods_set_count = sizeof methods_set / sizeof *methods_set;

/* ---- numbers --------------------------------------------------------------------------------------------------------- */

METHOD(int_bit_length)
{
    int64_t i = 0;
    value_index(c->self, &i);
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    *out = jinja_int(u ? 64 - __builtin_clzll(u) : 0);
    return jinja_args(c, "", NULL, e);
}

METHOD(float_is_integer)
{
    *out = jinja_bool(isfinite(c->self.as.real) && floor(c->self.as.real) == c->self.as.real);
    return jinja_args(c, "", NULL, e);
}

const struct method methods_int[] = {{"bit_length", int_bit_length}};
const size_t methods_int_count = sizeof methods_int / sizeof *methods_int;
const struct method methods_float[] = {{"is_integer", float_is_integer}};
const size_t methods_float_count = sizeof methods_float / sizeof *methods_float;
