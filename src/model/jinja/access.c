/* a.b, a[b] and a[b:c:d] by Jinja's rules: a.b asks for the attribute first and the item then, a['b'] the other way round;
 * what is missing is undefined. Names that begin with __ are kept away, as in Jinja's sandbox. */
#include "model/jinja/internal.h"

#include <stdlib.h>

static const struct method *find_in(const struct method *table, size_t count, struct view name)
{
    for (size_t i = 0; i < count; i++)
        if (view_is(name, table[i].name)) return &table[i];
    return NULL;
}

static const struct method *methods_of(struct jinja_value v, size_t *count)
{
    switch (v.type) {
    case JINJA_STRING: return *count = methods_str_count, methods_str;
    case JINJA_LIST: return *count = methods_list_count, methods_list;
    case JINJA_TUPLE: return *count = methods_tuple_count, methods_tuple;
    case JINJA_DICT: return *count = methods_dict_count, methods_dict;
    case JINJA_SET: return *count = methods_set_count, methods_set;
    case JINJA_BOOL:
    case JINJA_INT: return *count = methods_int_count, methods_int;
    case JINJA_FLOAT: return *count = methods_float_count, methods_float;
    default: return *count = 0, NULL;
    }
}

const struct method *method_find(struct jinja_value v, struct view name)
{
    size_t count;
    const struct method *table = methods_of(v, &count), *found = find_in(table, count, name);
    if (!found && v.type == JINJA_STRING) found = find_in(methods_str_ask, methods_str_ask_count, name);
    return found;
}

void method_names(struct jinja_env *env, struct jinja_value v, struct jinja_value list)
{
    size_t count;
    const struct method *table = methods_of(v, &count);
    for (size_t i = 0; i < count; i++) jinja_list_add(env, list, str_borrow(env, table[i].name, strlen(table[i].name)));
    for (size_t i = 0; v.type == JINJA_STRING && i < methods_str_ask_count; i++) jinja_list_add(env, list, str_borrow(env, methods_str_ask[i].name, strlen(methods_str_ask[i].name)));
}

static struct jinja_value macro_attr(struct jinja_env *env, const struct jinja_macro *m, struct view name)
{
    const struct node_macro *d = m->def;
    if (view_is(name, "name")) return m->name ? str_borrow(env, m->name, strlen(m->name)) : jinja_none();
    if (view_is(name, "catch_kwargs")) return jinja_bool(d->uses_kwargs);
    if (view_is(name, "catch_varargs")) return jinja_bool(d->uses_varargs);
    if (view_is(name, "caller")) return jinja_bool(d->uses_caller);
    if (!view_is(name, "arguments")) return (struct jinja_value){0};
    struct jinja_value v = jinja_tuple(env, NULL, 0);
    for (size_t i = 0; i < d->arg_count; i++) seq_push(env, v.as.seq, d->arg[i]->text);
    return v;
}

enum err access_own_attr(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_value *out, struct error *e)
{
    struct view n = SV(name);
    *out = (struct jinja_value){0};
    bool hidden = n.len > 4 && !memcmp(n.ptr, "__", 2) && !memcmp(n.ptr + n.len - 2, "__", 2) && v.type != JINJA_OBJECT;
    if (hidden && v.type == JINJA_DICT && map_find_view(v.as.map, n, str_hash(name.as.string))) hidden = false;
    if (v.type == JINJA_UNDEFINED && !hidden) return fail_undefined(env, v, e);
    if (hidden) {
        struct buf b = {0};
        buf_printf(&b, "access to attribute '%.*s' of '%s' object is unsafe.", (int)(n.len > 100 ? 100 : n.len), n.ptr, jinja_type_name(v));
        *out = undefined_hint(env, b.ptr);
        buf_reset(&b);
        return ERR_OK;
    }
    if (v.type == JINJA_MACRO) return *out = macro_attr(env, v.as.macro, n), ERR_OK;
    if (v.type == JINJA_TUPLE && v.as.seq->group && v.as.seq->count == 2) {
        if (view_is(n, "grouper")) return *out = v.as.seq->item[0], ERR_OK;
        if (view_is(n, "list")) return *out = v.as.seq->item[1], ERR_OK;
    }
    if (v.type == JINJA_OBJECT) {
        const struct jinja_class *c = v.as.object->cls;
        enum err rc = c->get_attr ? c->get_attr(env, v, n, out, e) : ERR_OK;
        if (rc || out->type != JINJA_ABSENT || !c->has_method || !c->has_method(v, n)) return rc;
        *out = bound_method(env, n.ptr, c->method, v);
        return ERR_OK;
    }
    const struct method *m = method_find(v, n);
    if (m) *out = bound_method(env, m->name, m->fn, v);
    return ERR_OK;
}

/* v[key] alone: JINJA_ABSENT when there is none or the type does not fit. */
static enum err own_item(struct jinja_env *env, struct jinja_value v, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    struct map_entry *x = NULL;
    int64_t i;
    *out = (struct jinja_value){0};
    switch (v.type) {
    case JINJA_DICT:
        if (key.type == JINJA_STRING) x = map_find_view(v.as.map, SV(key), str_hash(key.as.string));
        else if (map_find(env, v.as.map, key, &x, NULL) != ERR_OK) x = NULL;
        if (x) *out = x->value;
        return ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (!value_index(key, &i)) return ERR_OK;
        if (i < 0) i += (int64_t)v.as.seq->count;
        if (i >= 0 && (uint64_t)i < v.as.seq->count) *out = v.as.seq->item[i];
        return ERR_OK;
    case JINJA_STRING:
        if (!value_index(key, &i)) return ERR_OK;
        if (i < 0) i += (int64_t)str_chars(v);
        if (i < 0 || (uint64_t)i >= str_chars(v)) return ERR_OK;
        size_t from = str_offset(v, (size_t)i), n;
        utf8_decode(SV(v).ptr + from, &n);
        *out = str_copy(env, SV(v).ptr + from, n);
        if (v.as.string->flavour == STR_MARKUP) out->as.string->flavour = STR_MARKUP;
        return ERR_OK;
    case JINJA_OBJECT:
        if (v.as.object->cls->get_item) return v.as.object->cls->get_item(env, v, key, out, e);
        return ERR_OK;
    default: return ERR_OK;
    }
}

/* dbt's lenient undefined: what is looked up in it is undefined again, under the new name. */
static struct jinja_value captured(struct jinja_env *env, struct jinja_value v, struct jinja_value name, bool attr)
{
    return attr && jinja_is_string(name) ? jinja_undefined(env, SV(name).ptr) : v;
}

enum err access_attr(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_value *out, struct error *e)
{
    if (v.type == JINJA_UNDEFINED && env->capture) return *out = captured(env, v, name, true), ERR_OK;
    enum err rc = access_own_attr(env, v, name, out, e);
    if (rc || out->type != JINJA_ABSENT) return rc;
    if ((rc = own_item(env, v, name, out, e)) || out->type != JINJA_ABSENT) return rc;
    *out = undefined_attr(env, v, SV(name));
    return ERR_OK;
}

enum err access_item(struct jinja_env *env, struct jinja_value v, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    if (v.type == JINJA_UNDEFINED && env->capture) return *out = captured(env, v, key, false), ERR_OK;
    if (v.type == JINJA_UNDEFINED) return fail_undefined(env, v, e);
    enum err rc = own_item(env, v, key, out, e);
    if (rc || out->type != JINJA_ABSENT) return rc;
    if (jinja_is_string(key) && ((rc = access_own_attr(env, v, key, out, e)) || out->type != JINJA_ABSENT)) return rc;
    *out = undefined_item(env, v, key);
    return ERR_OK;
}

/* ---- slices --------------------------------------------------------------------------------------------------------- */

struct slice {
    int64_t from, to, step;
    size_t count;
};

static enum err slice_part(struct jinja_value v, int64_t *out, bool *given, struct error *e)
{
    *given = v.type != JINJA_ABSENT && v.type != JINJA_NONE;
    if (!*given || value_index(v, out)) return ERR_OK;
    return FAIL(e, "slice indices must be integers or None or have an __index__ method");
}

static int64_t clamp(int64_t i, int64_t len, int64_t low, int64_t high)
{
    if (i < 0) i = i < -len ? -1 : i + len;
    else if (i > len) i = len;
    return i < low ? low : i > high ? high : i;
}

/* PySlice_AdjustIndices. */
static enum err slice_of(size_t length, struct jinja_value a, struct jinja_value b, struct jinja_value c, struct slice *out, struct error *e)
{
    int64_t len = (int64_t)length, from = 0, to = 0, step = 1;
    bool has_from, has_to, has_step;
    enum err rc;
    if ((rc = slice_part(a, &from, &has_from, e)) || (rc = slice_part(b, &to, &has_to, e)) || (rc = slice_part(c, &step, &has_step, e))) return rc;
    if (!step) return FAIL(e, "slice step cannot be zero");
    if (step < -INT64_MAX) step = -INT64_MAX;
    if (step > 0) {
        from = has_from ? clamp(from, len, 0, len) : 0;
        to = has_to ? clamp(to, len, 0, len) : len;
        out->count = to > from ? (size_t)((to - from - 1) / step + 1) : 0;
    } else {
        from = has_from ? clamp(from, len, -1, len - 1) : len - 1;
        to = has_to ? clamp(to, len, -1, len - 1) : -1;
        out->count = from > to ? (size_t)((from - to - 1) / -step + 1) : 0;
    }
    out->from = from;
    out->to = to;
    out->step = step;
    return ERR_OK;
}

static struct jinja_value slice_text(struct jinja_env *env, struct jinja_value v, struct slice s)
{
    struct view t = SV(v);
    struct jinja_value out;
    if (s.step == 1) {
        size_t from = str_offset(v, (size_t)s.from), to = str_offset(v, (size_t)s.from + s.count);
        out = str_copy(env, t.ptr + from, to - from);
    } else {
        struct buf b = {0};
        size_t n, at;
        bool ascii = str_ascii(v);
        size_t *offset = ascii ? NULL : mem_array(str_chars(v) + 1, sizeof *offset), k = 0;
        for (at = 0; !ascii && at < t.len; at += n) offset[k++] = at, utf8_decode(t.ptr + at, &n);
        for (size_t i = 0; i < s.count; i++) {
            size_t c = (size_t)(s.from + (int64_t)i * s.step);
            at = ascii ? c : offset[c];
            utf8_decode(t.ptr + at, &n);
            buf_add(&b, t.ptr + at, n);
        }
        mem_free(offset);
        out = str_take(env, &b);
    }
    out.as.string->flavour = v.as.string->flavour == STR_MARKUP ? STR_MARKUP : STR_PLAIN;
    return out;
}

enum err access_slice(struct jinja_env *env, struct jinja_value v, struct jinja_value from, struct jinja_value to, struct jinja_value step, struct jinja_value *out, struct error *e)
{
    struct slice s = {0};
    size_t length;
    enum err rc;
    if (v.type == JINJA_UNDEFINED) {
        if (env->capture) return *out = v, ERR_OK;
        return fail_undefined(env, v, e);
    }
    bool range = v.type == JINJA_OBJECT && v.as.object->cls == &class_range;
    if (v.type == JINJA_DICT) return FAIL(e, "unhashable type: 'slice'");
    if (v.type != JINJA_STRING && v.type != JINJA_LIST && v.type != JINJA_TUPLE && !range) return FAIL(e, "'%s' object is not subscriptable", jinja_type_name(v));
    if ((rc = value_length(env, v, &length, e)) || (rc = slice_of(length, from, to, step, &s, e))) return rc;
    if ((rc = env_charge(env, s.count / 8, e)) || (rc = env_room(env, s.count * sizeof(struct jinja_value), e))) return rc;
    if (range) return *out = range_slice(env, v, s.from, s.to, s.step, s.count), ERR_OK;
    if (v.type == JINJA_STRING) return *out = slice_text(env, v, s), ERR_OK;
    *out = list_with_room(env, s.count);
    out->type = v.type;
    for (size_t i = 0; i < s.count; i++) seq_push(env, out->as.seq, v.as.seq->item[s.from + (int64_t)i * s.step]);
    return ERR_OK;
}

/* ---- paths of filters ------------------------------------------------------------------------------------------------------ */

static struct jinja_value path_part(struct jinja_env *env, struct view part)
{
    bool digits = part.len > 0 && part.len < 18;
    for (size_t i = 0; i < part.len; i++) digits = digits && part.ptr[i] >= '0' && part.ptr[i] <= '9';
    if (!digits) return str_copy(env, part.ptr, part.len);
    int64_t v = 0;
    for (size_t i = 0; i < part.len; i++) v = v * 10 + (part.ptr[i] - '0');
    return jinja_int(v);
}

enum err access_path(struct jinja_env *env, struct jinja_value v, struct jinja_value path, struct jinja_value fallback, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    bool use = fallback.type != JINJA_ABSENT && fallback.type != JINJA_NONE;
    *out = v;
    if (path.type == JINJA_NONE || path.type == JINJA_ABSENT) return ERR_OK;
    if (path.type != JINJA_STRING) {
        rc = access_item(env, v, path, out, e);
        if (!rc && use && out->type == JINJA_UNDEFINED) *out = fallback;
        return rc;
    }
    struct view rest = SV(path);
    for (bool more = true; more && !rc;) {
        const char *dot = memchr(rest.ptr, '.', rest.len);
        struct view part = view_from(rest.ptr, dot ? (size_t)(dot - rest.ptr) : rest.len);
        more = dot != NULL;
        if (dot) rest = view_from(dot + 1, rest.len - part.len - 1);
        rc = access_item(env, *out, path_part(env, part), out, e);
        if (!rc && use && out->type == JINJA_UNDEFINED) *out = fallback;
    }
    return rc;
}

enum err jinja_get_attr(struct jinja_env *env, struct jinja_value v, const char *name, struct jinja_value *out, struct error *e)
{
    struct error own;
    return access_attr(env, v, jinja_text(env, name), out, e ? e : &own);
}

enum err jinja_get_item(struct jinja_env *env, struct jinja_value v, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    struct error own;
    return access_item(env, v, key, out, e ? e : &own);
}
