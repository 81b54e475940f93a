/* Iteration, length and unpacking over every kind of value. */
#include "model/jinja/internal.h"

bool value_iterable(struct jinja_value v)
{
    switch (v.type) {
    case JINJA_UNDEFINED:
    case JINJA_STRING:
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_SET: return true;
    case JINJA_OBJECT: return v.as.object->cls->next != NULL;
    default: return false;
    }
}

enum err iter_start(struct jinja_env *env, struct jinja_value v, struct iter *it, struct error *e)
{
    (void)env;
    if (!value_iterable(v)) return FAIL(e, "'%s' object is not iterable", jinja_type_name(v));
    *it = (struct iter){.over = v};
    if (v.type == JINJA_DICT || v.type == JINJA_SET) it->guard = v.as.map->live;
    return ERR_OK;
}

static enum err next_in_map(struct iter *it, struct jinja_value *out, struct error *e)
{
    if (it->over.as.map->live != it->guard) {
        return FAIL(e, it->over.type == JINJA_DICT ? "dictionary changed size during iteration" : "Set changed size during iteration");
    }
    if (!jinja_dict_next(it->over, &it->at, out, NULL)) *out = (struct jinja_value){0};
    return ERR_OK;
}

static void next_in_string(struct jinja_env *env, struct iter *it, struct jinja_value *out)
{
    struct view s = SV(it->over);
    size_t n;
    if (it->at >= s.len) return;
    utf8_decode(s.ptr + it->at, &n);
    *out = str_copy(env, s.ptr + it->at, n);
    it->at += n;
}

enum err iter_next(struct jinja_env *env, struct iter *it, struct jinja_value *out, struct error *e)
{
    enum err rc = env_charge(env, 1, e);
    *out = (struct jinja_value){0};
    if (rc) return rc;
    switch (it->over.type) {
    case JINJA_STRING: next_in_string(env, it, out); return ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
        if (it->at < it->over.as.seq->count) *out = it->over.as.seq->item[it->at++];
        return ERR_OK;
    case JINJA_DICT:
    case JINJA_SET: return next_in_map(it, out, e);
    case JINJA_OBJECT: return it->over.as.object->cls->next(env, it->over, &it->at, out, e);
    default: return ERR_OK;
    }
}

bool value_has_length(struct jinja_value v)
{
    if (v.type == JINJA_OBJECT) return v.as.object->cls->length != NULL;
    return value_iterable(v);
}

enum err value_length(struct jinja_env *env, struct jinja_value v, size_t *out, struct error *e)
{
    switch (v.type) {
    case JINJA_UNDEFINED: return *out = 0, ERR_OK;
    case JINJA_STRING: return *out = str_chars(v), ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE: return *out = v.as.seq->count, ERR_OK;
    case JINJA_DICT:
    case JINJA_SET: return *out = v.as.map->live, ERR_OK;
    case JINJA_OBJECT:
        if (v.as.object->cls->length) return v.as.object->cls->length(env, v, out, e);
        break;
    default: break;
    }
    return FAIL(e, "object of type '%s' has no len()", jinja_type_name(v));
}

enum err jinja_items(struct jinja_env *env, struct jinja_value v, struct jinja_value *list, struct error *e)
{
    struct iter it;
    struct jinja_value item;
    struct error own;
    if (!e) e = &own;
    enum err rc = iter_start(env, v, &it, e);
    *list = list_with_room(env, v.type == JINJA_LIST || v.type == JINJA_TUPLE ? v.as.seq->count : 0);
    while (!rc && !(rc = iter_next(env, &it, &item, e)) && item.type != JINJA_ABSENT) seq_push(env, list->as.seq, item);
    return rc;
}

enum err value_unpack(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, size_t n, struct error *e)
{
    struct iter it;
    struct jinja_value item = {0};
    if (!value_iterable(v)) return FAIL(e, "cannot unpack non-iterable %s object", jinja_type_name(v));
    enum err rc = iter_start(env, v, &it, e);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = iter_next(env, &it, &out[i], e);
        if (!rc && out[i].type == JINJA_ABSENT) return FAIL(e, "not enough values to unpack (expected %zu, got %zu)", n, i);
    }
    if (!rc) rc = iter_next(env, &it, &item, e);
    if (!rc && item.type != JINJA_ABSENT) return FAIL(e, "too many values to unpack (expected %zu)", n);
    return rc;
}
