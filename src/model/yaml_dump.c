/* A value as YAML (toyaml): JSON is YAML, so that is what is written, in PyYAML's block form for the outer levels. */
#include "model/yaml.h"

#include "base/buf.h"
#include "model/jinja/jinja.h"

#include <strings.h>

static enum err scalar(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e)
{
    if (!jinja_is_string(v)) return jinja_json_write(env, v, -1, false, out, e);
    struct view t = jinja_string_view(v);
    bool plain = t.len > 0;
    for (size_t i = 0; i < t.len && plain; i++)
        plain = (t.ptr[i] >= 'a' && t.ptr[i] <= 'z') || (t.ptr[i] >= 'A' && t.ptr[i] <= 'Z') || t.ptr[i] == '_' ||
                (i && ((t.ptr[i] >= '0' && t.ptr[i] <= '9') || t.ptr[i] == ' ' || t.ptr[i] == '-' || t.ptr[i] == '.'));
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", NULL};
    for (const char *const *w = words; *w && plain; w++)
        plain = !(strlen(*w) == t.len && !strncasecmp(*w, t.ptr, t.len));
    if (plain && t.ptr[t.len - 1] != ' ') {
        buf_add(out, t.ptr, t.len);
        return ERR_OK;
    }
    buf_char(out, '\'');
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] == '\'') buf_char(out, '\'');
        buf_char(out, t.ptr[i]);
    }
    buf_char(out, '\'');
    return ERR_OK;
}

static enum err dump(struct jinja_env *env, struct jinja_value v, int depth, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value key, item;
    size_t at = 0;
    if (v.type == JINJA_DICT && jinja_dict_count(v))
        while (jinja_dict_next(v, &at, &key, &item)) {
            for (int i = 0; i < depth; i++) buf_str(out, "  ");
            TRY(scalar(env, key, out, e));
            bool nested = (item.type == JINJA_DICT && jinja_dict_count(item)) ||
                          ((item.type == JINJA_LIST || item.type == JINJA_TUPLE) && jinja_seq_count(item));
            buf_str(out, nested ? ":\n" : ": ");
            TRY(dump(env, item, nested && item.type == JINJA_DICT ? depth + 1 : depth, out, e));
        }
    else if ((v.type == JINJA_LIST || v.type == JINJA_TUPLE) && jinja_seq_count(v))
        for (size_t i = 0; i < jinja_seq_count(v); i++) {
            struct jinja_value one = jinja_seq_items(v)[i];
            for (int k = 0; k < depth; k++) buf_str(out, "  ");
            buf_str(out, "- ");
            struct buf inner = {0};
            rc = dump(env, one, depth + 1, &inner, e);
            size_t skip = one.type == JINJA_DICT && jinja_dict_count(one) ? 2 * (size_t)(depth + 1) : 0;
            if (rc == ERR_OK) buf_add(out, inner.ptr + skip, inner.len - skip);
            buf_reset(&inner);
            TRY(rc);
        }
    else {
        TRY(scalar(env, v, out, e));
        buf_char(out, '\n');
    }
done:
    return rc;
}

enum err yaml_dump(struct jinja_env *env, struct jinja_value v, bool sort_keys, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf json = {0};
    struct jinja_value sorted = v;
    if (sort_keys) { /* through JSON, which knows how to sort */
        TRY(jinja_json_write(env, v, -1, true, &json, e));
        TRY(jinja_json_read(env, json.ptr, json.len, &sorted, e));
    }
    TRY(dump(env, sorted, 0, out, e));
done:
    buf_reset(&json);
    return rc;
}
