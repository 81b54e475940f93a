/* ==, <, in and sorting, as CPython's. */
#include "model/jinja/internal.h"

#include <math.h>

/* Exact, though one is an integer of 64 bits and the other a double. */
static int compare_int_float(int64_t i, double d)
{
    if (isnan(d)) return UNORDERED;
    if (d >= 9223372036854775808.0) return -1;
    if (d < -9223372036854775808.0) return 1;
    int64_t t = (int64_t)trunc(d);
    if (i != t) return i < t ? -1 : 1;
    double frac = d - trunc(d);
    return frac > 0 ? -1 : frac < 0 ? 1 : 0;
}

static int sign_of(int c) { return (c > 0) - (c < 0); }

static int compare_numbers(struct jinja_value a, struct jinja_value b)
{
    int64_t x = 0, y = 0;
    bool ia = value_index(a, &x), ib = value_index(b, &y);
    if (ia && ib) return x < y ? -1 : x > y;
    if (ia) return compare_int_float(x, b.as.real);
    if (ib) {
        int c = compare_int_float(y, a.as.real);
        return c == UNORDERED ? c : -c;
    }
    if (isnan(a.as.real) || isnan(b.as.real)) return UNORDERED;
    return a.as.real < b.as.real ? -1 : a.as.real > b.as.real;
}

static enum err equal_seq(struct jinja_env *env, struct jinja_seq *a, struct jinja_seq *b, bool *out, struct error *e)
{
    *out = false;
    if (a->count != b->count) return ERR_OK;
    enum err rc = env_charge(env, a->count, e);
    for (size_t i = 0; i < a->count && !rc; i++) {
        if (value_identical(a->item[i], b->item[i])) continue;
        bool same = false;
        rc = jinja_equal(env, a->item[i], b->item[i], &same, e);
        if (!same) return rc;
    }
    *out = !rc;
    return rc;
}

static enum err equal_map(struct jinja_env *env, struct jinja_value a, struct jinja_value b, bool *out, struct error *e)
{
    struct jinja_value key, item;
    *out = false;
    if (a.as.map->live != b.as.map->live) return ERR_OK;
    enum err rc = env_charge(env, a.as.map->live, e);
    for (size_t at = 0; !rc && jinja_dict_next(a, &at, &key, &item);) {
        struct map_entry *x = NULL;
        bool same = true;
        if ((rc = map_find(env, b.as.map, key, &x, e))) return rc;
        if (!x) return ERR_OK;
        if (!value_identical(item, x->value)) rc = jinja_equal(env, item, x->value, &same, e);
        if (!same) return rc;
    }
    *out = !rc;
    return rc;
}

enum err jinja_equal(struct jinja_env *env, struct jinja_value a, struct jinja_value b, bool *out, struct error *e)
{
    enum err rc;
    if (is_number(a) && is_number(b)) return *out = compare_numbers(a, b) == 0, ERR_OK;
    if (a.type == JINJA_OBJECT && a.as.object->cls->equal) return a.as.object->cls->equal(env, a, b, out, e);
    if (b.type == JINJA_OBJECT && b.as.object->cls->equal) return b.as.object->cls->equal(env, b, a, out, e);
    *out = false;
    if (a.type != b.type) return ERR_OK;
    switch (a.type) {
    case JINJA_STRING: return *out = a.as.string == b.as.string || view_eq(SV(a), SV(b)), ERR_OK;
    case JINJA_UNDEFINED: return *out = true, ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_SET:
        if ((rc = env_nest(env, e))) return rc;
        rc = a.type == JINJA_LIST || a.type == JINJA_TUPLE ? equal_seq(env, a.as.seq, b.as.seq, out, e) : equal_map(env, a, b, out, e);
        env->nest--;
        return rc;
    default: return *out = value_identical(a, b), ERR_OK;
    }
}

/* *order is -1, 0, 1 or UNORDERED (NaN). */
static enum err order_of(struct jinja_env *env, const char *sign, struct jinja_value a, struct jinja_value b, int *order, struct error *e);

static enum err order_seq(struct jinja_env *env, const char *sign, struct jinja_seq *a, struct jinja_seq *b, int *order, struct error *e)
{
    size_t n = a->count < b->count ? a->count : b->count;
    enum err rc = env_charge(env, n, e);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) {
        bool same = value_identical(a->item[i], b->item[i]);
        if (!same && (rc = jinja_equal(env, a->item[i], b->item[i], &same, e))) return rc;
        if (!same) return order_of(env, sign, a->item[i], b->item[i], order, e);
    }
    *order = a->count < b->count ? -1 : a->count > b->count;
    return ERR_OK;
}

static enum err order_of(struct jinja_env *env, const char *sign, struct jinja_value a, struct jinja_value b, int *order, struct error *e)
{
    if (is_number(a) && is_number(b)) return *order = compare_numbers(a, b), ERR_OK;
    if (a.type == JINJA_STRING && b.type == JINJA_STRING) return *order = sign_of(view_compare(SV(a), SV(b))), ERR_OK;
    if (a.type == JINJA_UNDEFINED) return fail_undefined(env, a, e);
    if (b.type == JINJA_UNDEFINED) return fail_undefined(env, b, e);
    bool known = false;
    enum err rc = ERR_OK;
    if (a.type == b.type && (a.type == JINJA_LIST || a.type == JINJA_TUPLE)) {
        if ((rc = env_nest(env, e))) return rc;
        rc = order_seq(env, sign, a.as.seq, b.as.seq, order, e);
        env->nest--;
        return rc;
    }
    if (a.type == JINJA_OBJECT && a.as.object->cls->compare) rc = a.as.object->cls->compare(env, a, b, order, &known, e);
    if (!rc && !known && b.type == JINJA_OBJECT && b.as.object->cls->compare) {
        rc = b.as.object->cls->compare(env, b, a, order, &known, e);
        *order = *order == UNORDERED ? UNORDERED : -sign_of(*order);
    }
    if (known && *order != UNORDERED) *order = sign_of(*order);
    if (rc || known) return rc;
    return FAIL(e, "'%s' not supported between instances of '%s' and '%s'", sign, jinja_type_name(a), jinja_type_name(b));
}

enum err jinja_compare(struct jinja_env *env, struct jinja_value a, struct jinja_value b, int *order, struct error *e)
{
    enum err rc = order_of(env, "<", a, b, order, e);
    if (*order == UNORDERED) *order = 1;
    return rc;
}

/* a <= b of sets: every item of a is in b. */
static enum err subset(struct jinja_env *env, struct jinja_value a, struct jinja_value b, bool *out, struct error *e)
{
    struct jinja_value key;
    enum err rc = env_charge(env, a.as.map->live, e);
    for (size_t at = 0; !rc && jinja_dict_next(a, &at, &key, NULL);) {
        struct map_entry *x = NULL;
        if ((rc = map_find(env, b.as.map, key, &x, e))) return rc;
        if (!x) return *out = false, ERR_OK;
    }
    return *out = true, rc;
}

static enum err ordered_sets(struct jinja_env *env, enum compare_op op, struct jinja_value a, struct jinja_value b, bool *out, struct error *e)
{
    bool strict = op == CMP_LT || op == CMP_GT;
    if (op == CMP_GT || op == CMP_GE) {
        struct jinja_value swap = a;
        a = b, b = swap;
    }
    if (strict && a.as.map->live >= b.as.map->live) return *out = false, ERR_OK;
    return subset(env, a, b, out, e);
}

enum err value_ordered(struct jinja_env *env, enum compare_op op, struct jinja_value a, struct jinja_value b, bool *out, struct error *e)
{
    static const char *const sign[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};
    enum err rc;
    int order = 0;
    if (op == CMP_EQ || op == CMP_NE) {
        rc = jinja_equal(env, a, b, out, e);
        if (op == CMP_NE) *out = !*out;
        return rc;
    }
    if (op == CMP_IN || op == CMP_NOT_IN) {
        rc = value_contains(env, b, a, out, e);
        if (op == CMP_NOT_IN) *out = !*out;
        return rc;
    }
    if (a.type == JINJA_SET && b.type == JINJA_SET) return ordered_sets(env, op, a, b, out, e);
    rc = order_of(env, sign[op], a, b, &order, e);
    *out = order != UNORDERED && (op == CMP_LT ? order < 0 : op == CMP_LE ? order <= 0 : op == CMP_GT ? order > 0 : order >= 0);
    return rc;
}

enum err value_contains(struct jinja_env *env, struct jinja_value in, struct jinja_value item, bool *out, struct error *e)
{
    struct map_entry *x = NULL;
    struct jinja_value v;
    struct iter it;
    enum err rc;
    *out = false;
    switch (in.type) {
    case JINJA_STRING:
        if (item.type != JINJA_STRING) {
            return FAIL(e, "'in <string>' requires string as left operand, not %s", jinja_type_name(item));
        }
        if ((rc = env_charge(env, in.as.string->len / 64, e))) return rc;
        return *out = !item.as.string->len || memmem(in.as.string->ptr, in.as.string->len, item.as.string->ptr, item.as.string->len), ERR_OK;
    case JINJA_DICT:
    case JINJA_SET:
        rc = map_find(env, in.as.map, item, &x, e);
        return *out = x != NULL, rc;
    case JINJA_OBJECT:
        if (in.as.object->cls->contains) return in.as.object->cls->contains(env, in, item, out, e);
        break;
    default: break;
    }
    if (!value_iterable(in)) return FAIL(e, "argument of type '%s' is not iterable", jinja_type_name(in));
    if ((rc = iter_start(env, in, &it, e))) return rc;
    while (!(rc = iter_next(env, &it, &v, e)) && v.type != JINJA_ABSENT) {
        if (value_identical(v, item)) return *out = true, ERR_OK;
        if ((rc = jinja_equal(env, v, item, out, e)) || *out) return rc;
    }
    return rc;
}

/* ---- sorting: merge sort, stable, no more than n log n comparisons ---------------------------------------------------- */

struct sorting {
    struct jinja_env *env;
    struct jinja_value *key, *item, *key2, *item2;
    bool reverse;
    struct error *e;
};

static enum err merge(struct sorting *s, size_t from, size_t mid, size_t to)
{
    size_t a = from, b = mid, n = from;
    while (a < mid && b < to) {
        bool second = false;
        /* Python sorts in reverse by asking key[b] > key[a], so equal keys stay in order there too. */
        enum err rc = s->reverse ? value_ordered(s->env, CMP_LT, s->key[a], s->key[b], &second, s->e) : value_ordered(s->env, CMP_LT, s->key[b], s->key[a], &second, s->e);
        if (rc || (rc = env_charge(s->env, 1, s->e))) return rc;
        size_t take = second ? b++ : a++;
        s->key2[n] = s->key[take];
        s->item2[n++] = s->item[take];
    }
    for (; a < mid; a++, n++) s->key2[n] = s->key[a], s->item2[n] = s->item[a];
    for (; b < to; b++, n++) s->key2[n] = s->key[b], s->item2[n] = s->item[b];
    memcpy(s->key + from, s->key2 + from, (to - from) * sizeof *s->key);
    memcpy(s->item + from, s->item2 + from, (to - from) * sizeof *s->item);
    return ERR_OK;
}

enum err value_sort(struct jinja_env *env, struct jinja_value *items, struct jinja_value *keys, size_t count, bool reverse, struct error *e)
{
    struct sorting s = {env, keys, items, mem_array(count + 1, sizeof *items), mem_array(count + 1, sizeof *items), reverse, e};
    enum err rc = ERR_OK;
    for (size_t width = 1; width < count && !rc; width *= 2) {
        for (size_t from = 0; from + width < count && !rc; from += 2 * width) {
            size_t to = from + 2 * width < count ? from + 2 * width : count;
            rc = merge(&s, from, from + width, to);
        }
    }
    mem_free(s.key2);
    mem_free(s.item2);
    return rc;
}
