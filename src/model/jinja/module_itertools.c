/* modules.itertools, as far as dbt offers it. What is finite is made at once; count and cycle go on for ever. */
#include "model/jinja/internal.h"

#define FUNCTION(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

static enum err want_int(struct jinja_value v, int64_t fallback, int64_t *out, struct error *e)
{
    *out = fallback;
    if (v.type == JINJA_ABSENT || v.type == JINJA_NONE || value_index(v, out)) return ERR_OK;
    return FAIL(e, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
}

/* ---- without end --------------------------------------------------------------------------------------------------- */

struct endless {
    struct jinja_value now, step, items;
    size_t at;
};

static enum err count_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e)
{
    struct endless *x = self.as.object->data;
    (void)at;
    *out = x->now;
    return op_binary(env, JINJA_ADD, x->now, x->step, &x->now, e);
}

static enum err cycle_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e)
{
    struct endless *x = self.as.object->data;
    (void)env, (void)at, (void)e;
    if (x->items.as.seq->count) *out = x->items.as.seq->item[x->at++ % x->items.as.seq->count];
    return ERR_OK;
}

static const struct jinja_class class_count = {.name = "itertools.count", .next = count_next}, class_cycle = {.name = "itertools.cycle", .next = cycle_next};

FUNCTION(it_count)
{
    struct jinja_value a[2];
    enum err rc = jinja_args(c, "start? step?", a, e);
    if (rc) return rc;
    struct endless *x = env_alloc(c->env, sizeof *x);
    *x = (struct endless){.now = a[0].type == JINJA_ABSENT ? jinja_int(0) : a[0], .step = a[1].type == JINJA_ABSENT ? jinja_int(1) : a[1]};
    if (!is_number(x->now) || !is_number(x->step)) return FAIL(e, "a number is required");
    *out = jinja_object(c->env, &class_count, x);
    return ERR_OK;
}

FUNCTION(it_cycle)
{
    struct jinja_value v;
    struct endless *x = env_alloc(c->env, sizeof *x);
    *x = (struct endless){0};
    enum err rc = jinja_args(c, "iterable", &v, e);
    if (!rc) rc = jinja_items(c->env, v, &x->items, e);
    *out = jinja_object(c->env, &class_cycle, x);
    return rc;
}

/* ---- with an end --------------------------------------------------------------------------------------------------------- */

static enum err done(const struct jinja_call *c, struct jinja_value list, struct jinja_value *out)
{
    *out = generator_new(c->env, "itertools object", list);
    return ERR_OK;
}

FUNCTION(it_repeat)
{
    struct jinja_value a[2], list = jinja_list(c->env);
    int64_t n;
    enum err rc = jinja_args(c, "object times?", a, e);
    if (rc || (rc = want_int(a[1], -1, &n, e))) return rc;
    if (a[1].type == JINJA_ABSENT) {
        struct endless *x = env_alloc(c->env, sizeof *x);
        *x = (struct endless){.items = jinja_tuple(c->env, a, 1)};
        return *out = jinja_object(c->env, &class_cycle, x), ERR_OK;
    }
    for (int64_t i = 0; i < n && !rc; i++) seq_push(c->env, list.as.seq, a[0]), rc = env_charge(c->env, 1, e);
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_chain)
{
    struct jinja_value args, list = jinja_list(c->env), items;
    enum err rc = jinja_args(c, "*iterables", &args, e);
    for (size_t i = 0; !rc && i < args.as.seq->count; i++) {
        if ((rc = jinja_items(c->env, args.as.seq->item[i], &items, e))) return rc;
        for (size_t k = 0; k < items.as.seq->count; k++) seq_push(c->env, list.as.seq, items.as.seq->item[k]);
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_islice)
{
    struct jinja_value args, list = jinja_list(c->env), v;
    int64_t from = 0, to = INT64_MAX, step = 1;
    struct iter it;
    enum err rc = jinja_args(c, "*args", &args, e);
    size_t n = rc ? 0 : args.as.seq->count;
    if (rc) return rc;
    if (n < 2 || n > 4) return FAIL(e, "islice expected 2 to 4 arguments, got %zu", n);
    const struct jinja_value *a = args.as.seq->item;
    rc = n == 2 ? want_int(a[1], INT64_MAX, &to, e) : want_int(a[1], 0, &from, e);
    if (!rc && n > 2) rc = want_int(a[2], INT64_MAX, &to, e);
    if (!rc && n > 3) rc = want_int(a[3], 1, &step, e);
    if (rc) return rc;
    if (from < 0 || to < 0 || step < 1) return FAIL(e, "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
    rc = iter_start(c->env, a[0], &it, e);
    for (int64_t i = 0; i < to && !rc && !(rc = iter_next(c->env, &it, &v, e)) && v.type != JINJA_ABSENT; i++)
        if (i >= from && (i - from) % step == 0) seq_push(c->env, list.as.seq, v);
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_accumulate)
{
    struct jinja_value a[3], items, list = jinja_list(c->env), sum;
    enum err rc = jinja_args(c, "iterable func? initial?", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    bool any = a[2].type != JINJA_ABSENT && a[2].type != JINJA_NONE;
    sum = a[2];
    if (any) seq_push(c->env, list.as.seq, sum);
    for (size_t i = 0; i < items.as.seq->count && !rc; i++, any = true) {
        struct jinja_value pair[2] = {sum, items.as.seq->item[i]};
        struct jinja_call f = {.env = c->env, .args = pair, .count = 2};
        if (!any) sum = pair[1];
        else if (a[1].type == JINJA_ABSENT || a[1].type == JINJA_NONE) rc = op_binary(c->env, JINJA_ADD, pair[0], pair[1], &sum, e);
        else rc = call_value(c->env, a[1], &f, &sum, e);
        seq_push(c->env, list.as.seq, sum);
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_compress)
{
    struct jinja_value a[2], data, pick, list = jinja_list(c->env);
    enum err rc = jinja_args(c, "data selectors", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &data, e)) || (rc = jinja_items(c->env, a[1], &pick, e))) return rc;
    for (size_t i = 0; i < data.as.seq->count && i < pick.as.seq->count && !rc; i++) {
        bool truth = false;
        rc = jinja_truth(c->env, pick.as.seq->item[i], &truth, e);
        if (truth) seq_push(c->env, list.as.seq, data.as.seq->item[i]);
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_starmap)
{
    struct jinja_value a[2], rows, args, v, list = jinja_list(c->env);
    enum err rc = jinja_args(c, "function iterable", a, e);
    if (rc || (rc = jinja_items(c->env, a[1], &rows, e))) return rc;
    for (size_t i = 0; i < rows.as.seq->count && !rc; i++) {
        if ((rc = jinja_items(c->env, rows.as.seq->item[i], &args, e))) break;
        struct jinja_call f = {.env = c->env, .args = args.as.seq->item, .count = args.as.seq->count};
        if (!(rc = call_value(c->env, a[0], &f, &v, e))) seq_push(c->env, list.as.seq, v);
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_tee)
{
    struct jinja_value a[2], items;
    int64_t n;
    enum err rc = jinja_args(c, "iterable n?", a, e);
    if (rc || (rc = want_int(a[1], 2, &n, e)) || (rc = jinja_items(c->env, a[0], &items, e))) return rc;
    if (n < 0) return FAIL(e, "n must be >= 0");
    *out = jinja_tuple(c->env, NULL, 0);
    for (int64_t i = 0; i < n && !rc; i++) seq_push(c->env, out->as.seq, generator_new(c->env, "itertools object", items)), rc = env_charge(c->env, 1, e);
    return rc;
}

/* All arguments as lists, in a list. */
static enum err lists_of(const struct jinja_call *c, struct jinja_value args, struct jinja_value *lists, size_t *longest, struct error *e)
{
    enum err rc = ERR_OK;
    *lists = jinja_list(c->env);
    *longest = 0;
    for (size_t i = 0; i < args.as.seq->count && !rc; i++) {
        struct jinja_value items;
        rc = jinja_items(c->env, args.as.seq->item[i], &items, e);
        if (items.as.seq->count > *longest) *longest = items.as.seq->count;
        seq_push(c->env, lists->as.seq, items);
    }
    return rc;
}

FUNCTION(it_zip_longest)
{
    struct jinja_value a[2], lists, list = jinja_list(c->env);
    size_t longest;
    enum err rc = jinja_args(c, "*iterables **named", a, e);
    if (rc) return rc;
    struct jinja_value fill = jinja_dict_get(a[1], "fillvalue");
    if (a[1].as.map->live > (fill.type != JINJA_ABSENT)) return FAIL(e, "zip_longest() got an unexpected keyword argument");
    if (fill.type == JINJA_ABSENT) fill = jinja_none();
    rc = lists_of(c, a[0], &lists, &longest, e);
    for (size_t i = 0; i < longest && !rc; i++) {
        struct jinja_value row = jinja_tuple(c->env, NULL, 0);
        for (size_t k = 0; k < lists.as.seq->count; k++) {
            struct jinja_seq *s = lists.as.seq->item[k].as.seq;
            seq_push(c->env, row.as.seq, i < s->count ? s->item[i] : fill);
        }
        seq_push(c->env, list.as.seq, row);
        rc = env_charge(c->env, 1 + lists.as.seq->count, e);
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_product)
{
    struct jinja_value a[2], lists, list = jinja_list(c->env);
    size_t longest;
    int64_t repeat;
    enum err rc = jinja_args(c, "*iterables **named", a, e);
    if (rc || (rc = want_int(jinja_dict_get(a[1], "repeat"), 1, &repeat, e)) || (rc = lists_of(c, a[0], &lists, &longest, e))) return rc;
    struct jinja_seq *s = lists.as.seq;
    size_t one = s->count;
    if (repeat < 0 || repeat > 100) return FAIL(e, "repeat must be 0 to 100");
    for (int64_t i = 1; i < repeat; i++)
        for (size_t k = 0; k < one; k++) seq_push(c->env, s, s->item[k]);
    size_t n = repeat ? s->count : 0, *at = env_alloc(c->env, (n + 1) * sizeof *at);
    memset(at, 0, (n + 1) * sizeof *at);
    for (size_t k = 0; k < n; k++)
        if (!s->item[k].as.seq->count) return done(c, list, out);
    for (bool more = true; more && !rc;) {
        struct jinja_value row = jinja_tuple(c->env, NULL, 0);
        for (size_t k = 0; k < n; k++) seq_push(c->env, row.as.seq, s->item[k].as.seq->item[at[k]]);
        seq_push(c->env, list.as.seq, row);
        size_t k = n;
        while (k > 0 && ++at[k - 1] == s->item[k - 1].as.seq->count) at[--k] = 0;
        more = k > 0;
        rc = env_charge(c->env, 1 + n, e);
    }
    return rc ? rc : done(c, list, out);
}

enum { PICK_PERMUTATIONS, PICK_COMBINATIONS, PICK_WITH_REPLACEMENT };

/* Are these positions one of the picks? */
static bool wanted(const size_t *at, size_t r, int how)
{
    for (size_t i = 0; i < r; i++)
        for (size_t k = 0; k < i; k++) {
            if (how == PICK_PERMUTATIONS && at[k] == at[i]) return false;
            if (how == PICK_COMBINATIONS && at[k] >= at[i]) return false;
            if (how == PICK_WITH_REPLACEMENT && at[k] > at[i]) return false;
        }
    return true;
}

/* Walks the positions like a tree, leaving a branch as soon as it is no pick. */
static enum err picks(const struct jinja_call *c, int how, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[2], items, list = jinja_list(c->env);
    int64_t r;
    enum err rc = jinja_args(c, how == PICK_PERMUTATIONS ? "iterable r?" : "iterable r", a, e);
    if (rc || (rc = jinja_items(c->env, a[0], &items, e)) || (rc = want_int(a[1], (int64_t)items.as.seq->count, &r, e))) return rc;
    size_t n = items.as.seq->count, depth = 0;
    if (r < 0) return FAIL(e, "r must be non-negative");
    if ((rc = env_room(c->env, (size_t)r * sizeof(size_t), e))) return rc;
    size_t *at = env_alloc(c->env, ((size_t)r + 1) * sizeof *at);
    if (!r) seq_push(c->env, list.as.seq, jinja_tuple(c->env, NULL, 0));
    for (at[0] = 0; r && n && !rc;) {
        rc = env_charge(c->env, 1, e);
        if (at[depth] == n) {
            if (!depth) break;
            at[--depth]++;
        } else if (!wanted(at, depth + 1, how)) {
            at[depth]++;
        } else if (depth + 1 < (size_t)r) {
            at[++depth] = 0;
        } else {
            struct jinja_value row = jinja_tuple(c->env, NULL, 0);
            for (size_t i = 0; i < (size_t)r; i++) seq_push(c->env, row.as.seq, items.as.seq->item[at[i]]);
            seq_push(c->env, list.as.seq, row);
            at[depth]++;
        }
    }
    return rc ? rc : done(c, list, out);
}

FUNCTION(it_permutations) { return picks(c, PICK_PERMUTATIONS, out, e); }
FUNCTION(it_combinations) { return picks(c, PICK_COMBINATIONS, out, e); }
FUNCTION(it_combinations_with_replacement) { return picks(c, PICK_WITH_REPLACEMENT, out, e); }

struct jinja_value module_itertools(struct jinja_env *env)
{
    static const struct { const char *name; jinja_fn *fn; } all[] = {{"count", it_count}, {"cycle", it_cycle}, {"repeat", it_repeat}, {"accumulate", it_accumulate},
        {"chain", it_chain}, {"compress", it_compress}, {"islice", it_islice}, {"starmap", it_starmap}, {"tee", it_tee}, {"zip_longest", it_zip_longest},
        {"product", it_product}, {"permutations", it_permutations}, {"combinations", it_combinations},
        {"combinations_with_replacement", it_combinations_with_replacement}};
    struct jinja_value m = jinja_dict(env);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) jinja_dict_set(env, m, all[i].name, jinja_function(env, all[i].name, all[i].fn, NULL));
    return m;
}
