#include "model/dbt.h"

#include <stdlib.h>

const char *const NODE_KIND_NAMES[NODE_KINDS] = {"model",       "seed",      "snapshot", "test",   "analysis",
                                                 "operation",   "source",    "exposure", "metric", "semantic_model",
                                                 "saved_query", "unit_test", "group"};

void texts_add(struct texts *t, const char *s)
{
    mem_grow(&t->at, &t->cap, t->count + 1, sizeof *t->at);
    t->at[t->count++] = s;
}

bool texts_has(const struct texts *t, const char *s)
{
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->at[i], s)) return true;
    return false;
}

const char *value_text(struct jinja_value v, const char *otherwise)
{
    return jinja_is_string(v) ? jinja_string_view(v).ptr : otherwise;
}

const char *value_get_text(struct jinja_value dict, const char *key, const char *otherwise)
{
    return value_text(jinja_dict_get(dict, key), otherwise);
}

bool value_is_null(struct jinja_value v) { return jinja_is_absent(v) || jinja_is_none(v); }

bool value_truth(struct jinja_value v)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return v.as.boolean;
    case JINJA_INT: return v.as.integer != 0;
    case JINJA_FLOAT: return v.as.real != 0;
    case JINJA_STRING: return jinja_string_view(v).len > 0;
    case JINJA_LIST:
    case JINJA_TUPLE: return jinja_seq_count(v) > 0;
    case JINJA_DICT:
    case JINJA_SET: return jinja_dict_count(v) > 0;
    default: return true;
    }
}

bool value_get_bool(struct jinja_value dict, const char *key, bool otherwise)
{
    struct jinja_value v = jinja_dict_get(dict, key);
    return value_is_null(v) ? otherwise : value_truth(v);
}

const char *value_str(struct arena *arena, struct jinja_env *env, struct jinja_value v)
{
    struct buf b = {0};
    struct error ignored;
    if (jinja_is_absent(v)) return "";
    if (jinja_is_string(v)) return jinja_string_view(v).ptr;
    if (jinja_str(env, v, &b, &ignored) != ERR_OK) buf_clear(&b);
    const char *s = arena_strndup(arena, b.ptr ? b.ptr : "", b.len);
    buf_reset(&b);
    return s;
}

struct jinja_value value_clone(struct jinja_env *env, struct jinja_value v)
{
    if (v.type == JINJA_DICT) {
        struct jinja_value out = jinja_dict(env), key, item;
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item);)
            (void)!jinja_dict_put(env, out, key, value_clone(env, item), NULL);
        return out;
    }
    if (v.type == JINJA_LIST) {
        struct jinja_value out = jinja_list(env);
        for (size_t i = 0; i < jinja_seq_count(v); i++)
            jinja_list_add(env, out, value_clone(env, jinja_seq_items(v)[i]));
        return out;
    }
    return v;
}

struct jinja_value value_texts(struct jinja_env *env, const struct texts *t)
{
    struct jinja_value list = jinja_list(env);
    for (size_t i = 0; i < t->count; i++) jinja_list_add(env, list, jinja_text(env, t->at[i]));
    return list;
}

struct jinja_value value_text_or_none(struct jinja_env *env, const char *s)
{
    return s ? jinja_text(env, s) : jinja_none();
}

void value_update(struct jinja_env *env, struct jinja_value into, struct jinja_value from)
{
    struct jinja_value key, item;
    for (size_t at = 0; jinja_dict_next(from, &at, &key, &item);) (void)!jinja_dict_put(env, into, key, item, NULL);
}

bool value_list_has(struct jinja_value list, const char *s)
{
    for (size_t i = 0; i < jinja_seq_count(list); i++)
        if (jinja_is_string(jinja_seq_items(list)[i]) && view_is(jinja_string_view(jinja_seq_items(list)[i]), s))
            return true;
    return false;
}

void value_to_texts(struct dbt *d, struct jinja_value v, struct texts *out)
{
    if (jinja_is_string(v)) texts_add(out, jinja_string_view(v).ptr);
    for (size_t i = 0; i < jinja_seq_count(v); i++) texts_add(out, value_str(&d->arena, d->env, jinja_seq_items(v)[i]));
}
