/* str(), repr() and bool() of values, as CPython prints them. */
#include "model/jinja/internal.h"

struct repr_level {
    const void *container;
    const struct repr_level *outer;
};

void str_repr(struct view s, struct buf *out)
{
    bool single = memchr(s.ptr, '\'', s.len), quotes = memchr(s.ptr, '"', s.len);
    char quote = single && !quotes ? '"' : '\'';
    buf_char(out, quote);
    for (size_t i = 0, n; i < s.len; i += n) {
        uint32_t c = utf8_decode(s.ptr + i, &n);
        if (c == (uint32_t)quote || c == '\\') buf_char(out, '\\'), buf_char(out, (char)c);
        else if (c == '\n') buf_str(out, "\\n");
        else if (c == '\r') buf_str(out, "\\r");
        else if (c == '\t') buf_str(out, "\\t");
        else if (uni_printable(c)) buf_add(out, s.ptr + i, n);
        else buf_printf(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
    buf_char(out, quote);
}

static enum err repr_items(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    bool list = v.type == JINJA_LIST;
    struct jinja_seq *s = v.as.seq;
    buf_char(out, list ? '[' : '(');
    for (size_t i = 0; i < s->count && !rc; i++) {
        if (i) buf_str(out, ", ");
        if (!(rc = jinja_repr(env, s->item[i], out, e))) rc = text_within(env, out, e);
    }
    if (!list && s->count == 1) buf_char(out, ',');
    buf_char(out, list ? ']' : ')');
    return rc;
}

static enum err repr_map(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    bool dict = v.type == JINJA_DICT;
    if (!dict && !v.as.map->live) return buf_str(out, "set()"), ERR_OK;
    enum err rc = ERR_OK;
    struct jinja_value key, item;
    bool first = true, ordered = v.as.map->ordered;
    buf_str(out, ordered ? "OrderedDict([" : "{");
    for (size_t at = 0; !rc && jinja_dict_next(v, &at, &key, &item); first = false) {
        if (!first) buf_str(out, ", ");
        if (ordered) buf_char(out, '(');
        if ((rc = jinja_repr(env, key, out, e)) || (rc = text_within(env, out, e)) || !dict) continue;
        buf_str(out, ordered ? ", " : ": ");
        rc = jinja_repr(env, item, out, e);
        if (ordered) buf_char(out, ')');
    }
    buf_str(out, ordered ? "])" : "}");
    return rc;
}

static enum err repr_container(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    static const char *const inside[] = {[JINJA_LIST] = "[...]", [JINJA_TUPLE] = "(...)", [JINJA_DICT] = "{...}", [JINJA_SET] = "set(...)"};
    enum err rc = env_charge(env, 1 + jinja_seq_count(v), e);
    if (rc) return rc;
    for (const struct repr_level *l = env->repr_top; l; l = l->outer)
        if (l->container == v.as.seq) return buf_str(out, inside[v.type]), ERR_OK;
    if ((rc = env_nest(env, e))) return rc;
    struct repr_level level = {v.as.seq, env->repr_top};
    env->repr_top = &level;
    rc = v.type == JINJA_LIST || v.type == JINJA_TUPLE ? repr_items(env, v, out, e) : repr_map(env, v, out, e);
    env->repr_top = level.outer;
    env->nest--;
    return rc;
}

static enum err repr_object(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    const struct jinja_class *c = v.as.object->cls;
    enum err rc = env_nest(env, e);
    if (rc) return rc;
    if (c->to_repr) rc = c->to_repr(env, v, out, e);
    else if (c->to_str) rc = c->to_str(env, v, out, e);
    else buf_printf(out, "<%s>", c->name);
    env->nest--;
    return rc;
}

static enum err repr_function(struct jinja_value v, struct buf *out)
{
    static const struct { const char *name, *shown; } types[] = {{"dict", "dict"}, {"namespace", "jinja2.utils.Namespace"}, {"cycler", "jinja2.utils.Cycler"}, {"joiner", "jinja2.utils.Joiner"}};
    const struct jinja_function *f = v.as.function;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (f->self.type == JINJA_ABSENT && !f->ctx && !strcmp(f->name, types[i].name)) return buf_printf(out, "<class '%s'>", types[i].shown), ERR_OK;
    if (f->self.type != JINJA_ABSENT) buf_printf(out, "<built-in method %s of %s object>", f->name, jinja_type_name(f->self));
    else buf_printf(out, "<function %s>", f->name);
    return ERR_OK;
}

enum err jinja_repr(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED: return buf_str(out, "Undefined"), ERR_OK;
    case JINJA_NONE: return buf_str(out, "None"), ERR_OK;
    case JINJA_BOOL: return buf_str(out, v.as.boolean ? "True" : "False"), ERR_OK;
    case JINJA_INT: return buf_i64(out, v.as.integer), ERR_OK;
    case JINJA_FLOAT: return float_repr(v.as.real, out), ERR_OK;
    case JINJA_STRING:
        if (v.as.string->flavour == STR_MARKUP) buf_str(out, "Markup(");
        str_repr(SV(v), out);
        if (v.as.string->flavour == STR_MARKUP) buf_char(out, ')');
        return ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT:
    case JINJA_SET: return repr_container(env, v, out, e);
    case JINJA_FUNCTION: return repr_function(v, out);
    case JINJA_MACRO:
        if (v.as.macro->def->name) buf_printf(out, "<Macro '%s'>", v.as.macro->name);
        else buf_str(out, "<Macro anonymous>");
        return ERR_OK;
    case JINJA_OBJECT: return repr_object(env, v, out, e);
    }
    return ERR_OK;
}

enum err jinja_str(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED: return ERR_OK;
    case JINJA_STRING: return buf_add(out, v.as.string->ptr, v.as.string->len), ERR_OK;
    case JINJA_OBJECT:
        if (v.as.object->cls->to_str) return v.as.object->cls->to_str(env, v, out, e);
        return repr_object(env, v, out, e);
    default: return jinja_repr(env, v, out, e);
    }
}

enum err jinja_str_view(struct jinja_env *env, struct jinja_value v, struct view *out, struct error *e)
{
    if (v.type == JINJA_STRING) return *out = SV(v), ERR_OK;
    struct buf b = {0};
    enum err rc = jinja_str(env, v, &b, e);
    *out = SV(str_take(env, &b));
    return rc;
}

enum err jinja_truth(struct jinja_env *env, struct jinja_value v, bool *out, struct error *e)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED:
    case JINJA_NONE: return *out = false, ERR_OK;
    case JINJA_BOOL: return *out = v.as.boolean, ERR_OK;
    case JINJA_INT: return *out = v.as.integer != 0, ERR_OK;
    case JINJA_FLOAT: return *out = v.as.real != 0.0, ERR_OK;
    case JINJA_STRING: return *out = v.as.string->len != 0, ERR_OK;
    case JINJA_LIST:
    case JINJA_TUPLE: return *out = v.as.seq->count != 0, ERR_OK;
    case JINJA_DICT:
    case JINJA_SET: return *out = v.as.map->live != 0, ERR_OK;
    case JINJA_FUNCTION:
    case JINJA_MACRO: return *out = true, ERR_OK;
    case JINJA_OBJECT: break;
    }
    const struct jinja_class *c = v.as.object->cls;
    size_t n = 1;
    if (c->truth) return c->truth(env, v, out, e);
    enum err rc = c->length ? c->length(env, v, &n, e) : ERR_OK;
    *out = n != 0;
    return rc;
}
