/* Filters over sequences and mappings, and those on numbers. */
#include "model/jinja/internal.h"

#include <math.h>

#define FILTER(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

static enum err lowered(struct jinja_env *env, bool case_sensitive, struct jinja_value *v)
{
    struct buf b = {0};
    if (case_sensitive || v->type != JINJA_STRING) return ERR_OK;
    text_case(SV(*v), UNI_LOWER, &b);
    *v = str_take(env, &b);
    return ERR_OK;
}

static enum err option(const struct jinja_call *c, struct jinja_value v, bool *out, struct error *e) { return jinja_truth(c->env, v, out, e); }

/* sorted()'s reverse: Python wants an integer here. */
static enum err reversing(struct jinja_value v, bool *out, struct error *e)
{
    int64_t i = 0;
    if (v.type != JINJA_ABSENT && !value_index(v, &i)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
    *out = i != 0;
    return ERR_OK;
}

/* The key of an item by one attribute path. */
static enum err key_of(const struct jinja_call *c, struct jinja_value item, struct jinja_value path, bool case_sensitive, struct jinja_value *out, struct error *e)
{
    enum err rc = access_path(c->env, item, path, (struct jinja_value){0}, out, e);
    return rc ? rc : lowered(c->env, case_sensitive, out);
}

/* sort's keys are lists, one part for each of the attributes "a,b". */
static enum err sort_key(const struct jinja_call *c, struct jinja_value item, struct jinja_value paths, bool case_sensitive, struct jinja_value *out, struct error *e)
{
    struct jinja_value part;
    enum err rc = ERR_OK;
    *out = jinja_list(c->env);
    if (paths.type != JINJA_STRING) {
        rc = key_of(c, item, paths, case_sensitive, &part, e);
        seq_push(c->env, out->as.seq, part);
        return rc;
    }
    struct view rest = SV(paths);
    for (bool more = true; more && !rc;) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        rc = key_of(c, item, str_copy(c->env, rest.ptr, len), case_sensitive, &part, e);
        seq_push(c->env, out->as.seq, part);
        more = comma != NULL;
        if (comma) rest = view_from(comma + 1, rest.len - len - 1);
    }
    return rc;
}

FILTER(filter_sort)
{
    struct jinja_value a[4], items, keys;
    bool reverse, exact;
    enum err rc = jinja_args(c, "value reverse? case_sensitive? attribute?", a, e);
    if (rc || (rc = reversing(a[1], &reverse, e)) || (rc = option(c, a[2], &exact, e)) || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    size_t n = items.as.seq->count;
    keys = list_with_room(c->env, n);
    for (size_t i = 0; i < n && !rc; i++) rc = sort_key(c, items.as.seq->item[i], a[3], exact, &keys.as.seq->item[i], e);
    if (!rc) rc = value_sort(c->env, items.as.seq->item, keys.as.seq->item, n, reverse, e);
    *out = items;
    return rc;
}

FILTER(unique_items)
{
    struct jinja_value a[3], items, key, list = jinja_list(c->env);
    bool exact;
    struct jinja_map *seen = map_new(c->env);
    enum err rc = jinja_args(c, "value case_sensitive? attribute?", a, e);
    if (rc || (rc = option(c, a[1], &exact, e)) || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
        struct map_entry *x = NULL;
        if ((rc = key_of(c, items.as.seq->item[i], a[2], exact, &key, e)) || (rc = map_find(c->env, seen, key, &x, e)) || x) continue;
        rc = map_put(c->env, seen, key, jinja_none(), e);
        seq_push(c->env, list.as.seq, items.as.seq->item[i]);
    }
    *out = list;
    return rc;
}

FILTER(filter_unique)
{
    struct jinja_value a[3];
    enum err rc = jinja_args(c, "value case_sensitive? attribute?", a, e);
    if (!rc) *out = generator_later("generator object sync_do_unique", unique_items, c);
    return rc;
}

static enum err extreme(const struct jinja_call *c, bool most, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[3], items, key, best = {0};
    bool exact, better;
    enum err rc = jinja_args(c, "value case_sensitive? attribute?", a, e);
    if (rc || (rc = option(c, a[1], &exact, e)) || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    *out = undefined_hint(c->env, "No aggregated item, sequence was empty.");
    for (size_t i = 0; i < items.as.seq->count && !rc; i++) {
        if ((rc = key_of(c, items.as.seq->item[i], a[2], exact, &key, e))) break;
        better = i == 0;
        if (i) rc = value_ordered(c->env, most ? CMP_GT : CMP_LT, key, best, &better, e);
        if (better) best = key, *out = items.as.seq->item[i];
    }
    return rc;
}

FILTER(filter_min) { return extreme(c, false, out, e); }
FILTER(filter_max) { return extreme(c, true, out, e); }

FILTER(filter_default)
{
    struct jinja_value a[3];
    bool boolean, truth = true;
    enum err rc = jinja_args(c, "value default_value? boolean?", a, e);
    if (rc || (rc = option(c, a[2], &boolean, e))) return rc;
    if (boolean && (rc = jinja_truth(c->env, a[0], &truth, e))) return rc;
    *out = a[0];
    if (a[0].type == JINJA_UNDEFINED || !truth) *out = a[1].type == JINJA_ABSENT ? str_copy(c->env, "", 0) : a[1];
    return ERR_OK;
}

FILTER(filter_join)
{
    struct jinja_value a[3], v, path;
    struct view between = view_of("");
    struct iter it;
    struct buf b = {0};
    enum err rc = jinja_args(c, "value d? attribute?", a, e);
    path = a[2];
    if (rc || (a[1].type != JINJA_ABSENT && (rc = jinja_str_view(c->env, a[1], &between, e))) || (rc = iter_start(c->env, a[0], &it, e))) return rc;
    for (size_t i = 0; !(rc = iter_next(c->env, &it, &v, e)) && v.type != JINJA_ABSENT; i++) {
        if ((rc = access_path(c->env, v, path, (struct jinja_value){0}, &v, e))) break;
        if (i) buf_add(&b, between.ptr, between.len);
        if ((rc = jinja_str(c->env, v, &b, e)) || (rc = text_within(c->env, &b, e))) break;
    }
    *out = str_take(c->env, &b);
    return rc;
}

FILTER(filter_first)
{
    struct jinja_value v;
    struct iter it;
    enum err rc = jinja_args(c, "seq", &v, e);
    if (rc || (rc = iter_start(c->env, v, &it, e)) || (rc = iter_next(c->env, &it, out, e))) return rc;
    if (out->type == JINJA_ABSENT) *out = undefined_hint(c->env, "No first item, sequence was empty.");
    return ERR_OK;
}

static bool reversible(struct jinja_value v)
{
    if (v.type == JINJA_OBJECT) return v.as.object->cls == &class_range || v.as.object->cls == &class_view;
    return value_iterable(v) && v.type != JINJA_SET;
}

FILTER(filter_last)
{
    struct jinja_value v, items;
    enum err rc = jinja_args(c, "seq", &v, e);
    if (rc) return rc;
    if (!reversible(v)) return FAIL(e, "'%s' object is not reversible", jinja_type_name(v));
    if ((rc = jinja_items(c->env, v, &items, e))) return rc;
    size_t n = items.as.seq->count;
    *out = n ? items.as.seq->item[n - 1] : undefined_hint(c->env, "No last item, sequence was empty.");
    return ERR_OK;
}

FILTER(filter_length)
{
    struct jinja_value v;
    size_t n;
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc || (rc = value_length(c->env, v, &n, e))) return rc;
    *out = jinja_int((int64_t)n);
    return ERR_OK;
}

FILTER(filter_list)
{
    struct jinja_value v;
    enum err rc = jinja_args(c, "value", &v, e);
    return rc ? rc : jinja_items(c->env, v, out, e);
}

FILTER(items_items)
{
    struct jinja_value v, items = jinja_list(c->env);
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc) return rc;
    if (v.type != JINJA_UNDEFINED && v.type != JINJA_DICT) return FAIL(e, "Can only get item pairs from a mapping.");
    if (v.type == JINJA_DICT) rc = jinja_items(c->env, dict_view(c->env, v, VIEW_ITEMS), &items, e);
    *out = items;
    return rc;
}

FILTER(filter_items)
{
    struct jinja_value a[1];
    enum err rc = jinja_args(c, "value", a, e);
    if (!rc) *out = generator_later("generator object do_items", items_items, c);
    return rc;
}

FILTER(filter_dictsort)
{
    struct jinja_value a[4], items, keys;
    bool exact, reverse;
    enum err rc = jinja_args(c, "value case_sensitive? by? reverse?", a, e);
    if (rc || (rc = option(c, a[1], &exact, e)) || (rc = reversing(a[3], &reverse, e))) return rc;
    bool by_value = a[2].type == JINJA_STRING && view_is(SV(a[2]), "value");
    if (a[2].type != JINJA_ABSENT && !by_value && !view_is(SV(a[2]), "key")) return FAIL(e, "You can only sort by either \"key\" or \"value\"");
    if (a[0].type == JINJA_UNDEFINED) return fail_undefined(c->env, a[0], e);
    if (a[0].type != JINJA_DICT) return FAIL(e, "'%s' object has no attribute 'items'", jinja_type_name(a[0]));
    if ((rc = jinja_items(c->env, dict_view(c->env, a[0], VIEW_ITEMS), &items, e))) return rc;
    size_t n = items.as.seq->count;
    keys = list_with_room(c->env, n);
    for (size_t i = 0; i < n; i++) {
        keys.as.seq->item[i] = items.as.seq->item[i].as.seq->item[by_value];
        lowered(c->env, exact, &keys.as.seq->item[i]);
    }
    *out = items;
    return value_sort(c->env, items.as.seq->item, keys.as.seq->item, n, reverse, e);
}

FILTER(filter_reverse)
{
    struct jinja_value v, items;
    enum err rc = jinja_args(c, "value", &v, e);
    if (rc) return rc;
    if (v.type == JINJA_STRING) return access_slice(c->env, v, jinja_none(), jinja_none(), jinja_int(-1), out, e);
    if (!value_iterable(v)) return FAIL(e, "argument must be iterable");
    if ((rc = jinja_items(c->env, v, &items, e))) return rc;
    struct jinja_seq *s = items.as.seq;
    for (size_t i = 0; i < s->count / 2; i++) {
        struct jinja_value x = s->item[i];
        s->item[i] = s->item[s->count - 1 - i];
        s->item[s->count - 1 - i] = x;
    }
    *out = reversible(v) ? generator_new(c->env, v.type == JINJA_LIST ? "list_reverseiterator object" : "reversed object", items) : items;
    return ERR_OK;
}

FILTER(batch_items)
{
    struct jinja_value a[3], items, list = jinja_list(c->env), part = {0};
    int64_t size;
    enum err rc = jinja_args(c, "value linecount fill_with?", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    if (!value_index(a[1], &size)) size = -1;
    for (size_t i = 0; i < items.as.seq->count; i++) {
        if (part.type == JINJA_ABSENT || (int64_t)part.as.seq->count == size) {
            part = jinja_list(c->env);
            seq_push(c->env, list.as.seq, part);
        }
        seq_push(c->env, part.as.seq, items.as.seq->item[i]);
    }
    bool fill = a[2].type != JINJA_ABSENT && a[2].type != JINJA_NONE;
    if (fill && size > 0 && (rc = env_room(c->env, (size_t)size, e))) return rc;
    while (fill && part.type != JINJA_ABSENT && (int64_t)part.as.seq->count < size && !(rc = env_charge(c->env, 1, e))) seq_push(c->env, part.as.seq, a[2]);
    /* A first batch of no size would be an empty list before the items, as in Jinja. */
    if (size == 0 && items.as.seq->count) {
        struct jinja_value empty = jinja_list(c->env);
        struct jinja_seq *s = list.as.seq;
        seq_push(c->env, s, empty);
        memmove(s->item + 1, s->item, (s->count - 1) * sizeof *s->item);
        s->item[0] = empty;
    }
    *out = list;
    return rc;
}

FILTER(filter_batch)
{
    struct jinja_value a[3];
    enum err rc = jinja_args(c, "value linecount fill_with?", a, e);
    if (!rc) *out = generator_later("generator object do_batch", batch_items, c);
    return rc;
}

FILTER(slice_items)
{
    struct jinja_value a[3], items, list = jinja_list(c->env);
    int64_t slices;
    enum err rc = jinja_args(c, "value slices fill_with?", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    if (!value_index(a[1], &slices)) return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(a[1]));
    if (!slices) return FAIL(e, "integer division or modulo by zero");
    int64_t n = (int64_t)items.as.seq->count, each = slices > 0 ? n / slices : 0, extra = slices > 0 ? n % slices : 0, at = 0;
    bool fill = a[2].type != JINJA_ABSENT && a[2].type != JINJA_NONE;
    for (int64_t i = 0; i < slices && !rc; i++) {
        struct jinja_value part = jinja_list(c->env);
        for (int64_t k = 0; k < each + (i < extra); k++) seq_push(c->env, part.as.seq, items.as.seq->item[at++]);
        if (fill && i >= extra) seq_push(c->env, part.as.seq, a[2]);
        seq_push(c->env, list.as.seq, part);
        rc = env_charge(c->env, 1, e);
    }
    *out = list;
    return rc;
}

FILTER(filter_slice)
{
    struct jinja_value a[3];
    enum err rc = jinja_args(c, "value slices fill_with?", a, e);
    if (!rc) *out = generator_later("generator object sync_do_slice", slice_items, c);
    return rc;
}

FILTER(filter_sum)
{
    struct jinja_value a[3], v;
    struct iter it;
    enum err rc = jinja_args(c, "iterable attribute? start?", a, e);
    if (rc || (rc = iter_start(c->env, a[0], &it, e))) return rc;
    *out = a[2].type == JINJA_ABSENT ? jinja_int(0) : a[2];
    if (out->type == JINJA_STRING) return FAIL(e, "sum() can't sum strings [use ''.join(seq) instead]");
    while (!(rc = iter_next(c->env, &it, &v, e)) && v.type != JINJA_ABSENT)
        if ((rc = access_path(c->env, v, a[1], (struct jinja_value){0}, &v, e)) || (rc = op_binary(c->env, JINJA_ADD, *out, v, out, e))) break;
    return rc;
}

static enum err group_key(const struct jinja_call *c, const struct jinja_value *a, struct jinja_value item, bool exact, struct jinja_value *out, struct error *e)
{
    enum err rc = access_path(c->env, item, a[1], a[2], out, e);
    return rc ? rc : lowered(c->env, exact, out);
}

FILTER(filter_groupby)
{
    struct jinja_value a[4], items, keys, group = {0}, last = {0};
    bool exact;
    enum err rc = jinja_args(c, "value attribute default? case_sensitive?", a, e);
    if (rc || (rc = option(c, a[3], &exact, e)) || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    size_t n = items.as.seq->count;
    keys = list_with_room(c->env, n);
    for (size_t i = 0; i < n && !rc; i++) rc = group_key(c, a, items.as.seq->item[i], exact, &keys.as.seq->item[i], e);
    if (!rc) rc = value_sort(c->env, items.as.seq->item, keys.as.seq->item, n, false, e);
    *out = jinja_list(c->env);
    for (size_t i = 0; i < n && !rc; i++) {
        bool same = false;
        struct jinja_value key = keys.as.seq->item[i], shown = key;
        if (i && (rc = jinja_equal(c->env, last, key, &same, e))) break;
        if (!same) {
            if (!exact && (rc = access_path(c->env, items.as.seq->item[i], a[1], a[2], &shown, e))) break;
            struct jinja_value pair[2] = {shown, jinja_list(c->env)}, tuple = jinja_tuple(c->env, pair, 2);
            tuple.as.seq->group = true;
            group = pair[1];
            seq_push(c->env, out->as.seq, tuple);
        }
        seq_push(c->env, group.as.seq, items.as.seq->item[i]);
        last = key;
    }
    return rc;
}

const struct builtin filters_seq[] = {{"join", filter_join, false}, {"list", filter_list, false}, {"length", filter_length, false}, {"count", filter_length, false},
    {"default", filter_default, false}, {"d", filter_default, false}, {"first", filter_first, false}, {"last", filter_last, false}, {"sort", filter_sort, false},
    {"unique", filter_unique, false}, {"min", filter_min, false}, {"max", filter_max, false}, {"items", filter_items, false}, {"dictsort", filter_dictsort, false},
    {"reverse", filter_reverse, false}, {"batch", filter_batch, false}, {"slice", filter_slice, false}, {"sum", filter_sum, false},
    {"groupby", filter_groupby, false}, {NULL, NULL, false}};
