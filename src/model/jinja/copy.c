/* Values from one environment to another. */
#include "model/jinja/datetime.h"

struct copier {
    struct jinja_env *env;
    struct jinja_map *seen; /* address of a container → its copy, so that shared ones stay shared */
    unsigned depth;
    struct error *e;
};

static enum err copy_value(struct copier *c, struct jinja_value v, struct jinja_value *out);

static enum err remember(struct copier *c, const void *from, struct jinja_value to)
{
    return map_put(c->env, c->seen, jinja_int((int64_t)(intptr_t)from), to, c->e);
}

static enum err copy_container(struct copier *c, struct jinja_value v, struct jinja_value *out)
{
    struct jinja_value key, item, x;
    enum err rc = ERR_OK;
    struct map_entry *seen = NULL;
    if ((rc = map_find(c->env, c->seen, jinja_int((int64_t)(intptr_t)v.as.seq), &seen, c->e))) return rc;
    if (seen) return *out = seen->value, ERR_OK;
    if (c->depth >= 1000) return FAIL(c->e, "the value is nested too deeply to be copied");
    c->depth++;
    if (v.type == JINJA_LIST || v.type == JINJA_TUPLE) {
        *out = list_with_room(c->env, v.as.seq->count);
        out->type = v.type;
        out->as.seq->group = v.as.seq->group;
        rc = remember(c, v.as.seq, *out);
        for (size_t i = 0; i < v.as.seq->count && !rc; i++)
            if (!(rc = copy_value(c, v.as.seq->item[i], &x))) seq_push(c->env, out->as.seq, x);
    } else {
        *out = v.type == JINJA_DICT ? jinja_dict(c->env) : jinja_set(c->env);
        rc = remember(c, v.as.map, *out);
        for (size_t at = 0; !rc && jinja_dict_next(v, &at, &key, &item);) {
            if ((rc = copy_value(c, key, &key)) || (rc = copy_value(c, item, &item))) break;
            rc = map_put(c->env, out->as.map, key, item, c->e);
        }
    }
    c->depth--;
    return rc;
}

static enum err copy_object(struct copier *c, struct jinja_value v, struct jinja_value *out)
{
    struct buf b = {0};
    struct jinja_value tz = {0};
    if (date_of(v)) return *out = date_new(c->env, date_of(v)->day), ERR_OK;
    if (timedelta_of(v)) return *out = timedelta_new(c->env, timedelta_of(v)->us), ERR_OK;
    struct tzinfo *z = datetime_of(v) ? tzinfo_of(datetime_of(v)->tz) : NULL;
    if (datetime_of(v) && !(z && z->zone)) {
        if (z) tz = !strcmp(z->name, "UTC") ? tz_utc(c->env) : tz_fixed(c->env, z->offset_s);
        return *out = datetime_new(c->env, datetime_of(v)->wall_us, tz), ERR_OK;
    }
    if (v.as.object->cls == &class_decimal) {
        enum err rc = jinja_str(c->env, v, &b, c->e);
        if (!rc) *out = jinja_decimal(c->env, view_from(b.ptr, b.len));
        buf_reset(&b);
        return rc;
    }
    return FAIL(c->e, "a value of type %s cannot be copied to another environment", v.as.object->cls->name);
}

static enum err copy_value(struct copier *c, struct jinja_value v, struct jinja_value *out)
{
    switch (v.type) {
    case JINJA_STRING:
        *out = str_copy(c->env, SV(v).ptr, SV(v).len);
        out->as.string->flavour = v.as.string->flavour;
        return ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_SET: return copy_container(c, v, out);
    case JINJA_OBJECT: return copy_object(c, v, out);
    case JINJA_UNDEFINED: return *out = jinja_undefined(c->env, v.as.missing->text ? v.as.missing->text : ""), ERR_OK;
    case JINJA_FUNCTION:
    case JINJA_MACRO: return FAIL(c->e, "a value of type %s cannot be copied to another environment", jinja_type_name(v));
    default: return *out = v, ERR_OK;
    }
}

enum err jinja_copy(struct jinja_env *to, struct jinja_value v, struct jinja_value *out, struct error *e)
{
    struct copier c = {.env = to, .seen = map_new(to), .e = e};
    return copy_value(&c, v, out);
}
