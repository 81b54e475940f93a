/* Rendering texts and YAML trees in a context. */
#include "model/context.h"

static enum err parse_kept(struct context *c, struct view text, const char *name, unsigned line,
                           struct jinja_template **t, struct error *e)
{
    enum err rc = jinja_template_parse(c->env, text.ptr, text.len, name, line, t, e);
    if (rc != ERR_OK) return rc;
    mem_grow(&c->kept, &c->kept_cap, c->kept_count + 1, sizeof *c->kept);
    c->kept[c->kept_count++] = *t;
    return ERR_OK;
}

enum err context_render(struct context *c, struct view text, const char *name, unsigned line, struct buf *out,
                        struct error *e)
{
    struct jinja_template *t = NULL;
    if (!jinja_is_template(text.ptr, text.len)) {
        size_t n = text.len;
        if (n && text.ptr[n - 1] == '\n') n--;
        buf_add(out, text.ptr, n);
        return ERR_OK;
    }
    enum err rc = parse_kept(c, text, name, line, &t, e);
    return rc == ERR_OK ? jinja_template_render(c->env, t, &c->jinja, out, e) : rc;
}

enum err context_value(struct context *c, struct view text, const char *name, unsigned line, struct jinja_value *out,
                       struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_template *t = NULL;
    if (!jinja_is_template(text.ptr, text.len)) {
        *out = jinja_view(c->env, text);
        return ERR_OK;
    }
    TRY(parse_kept(c, text, name, line, &t, e));
    TRY(jinja_template_value(c->env, t, &c->jinja, out, e));
    if (out->type == JINJA_MACRO || out->type == JINJA_FUNCTION) *out = jinja_none();
done:
    return rc;
}

size_t yaml_path_length(const struct yaml_path *p) { return p ? p->depth : 0; }

const char *yaml_path_at(const struct yaml_path *p, size_t i)
{
    for (; p; p = p->up)
        if (p->depth == i + 1) return p->key;
    return NULL;
}

struct walk {
    struct context *c;
    const char *file;
    yaml_skip *skip;
    void *skip_ctx;
};

static enum err walk_value(const struct walk *w, const struct yaml *y, const struct yaml_path *path,
                           struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value item, key;
    struct yaml_path here = {.up = path, .depth = yaml_path_length(path) + 1};
    if (!y || y->kind < YAML_STR) return yaml_value(w->c->env, y, out, e);
    if (y->kind == YAML_STR) {
        if (!jinja_is_template(y->text.ptr, y->text.len) || (w->skip && w->skip(w->skip_ctx, path)))
            return yaml_value(w->c->env, y, out, e);
        return context_value(w->c, y->text, w->file, y->line, out, e);
    }
    if (y->kind == YAML_SEQ) {
        *out = jinja_list(w->c->env);
        for (size_t i = 0; i < y->count; i++) {
            TRY(walk_value(w, y->item[i], &here, &item, e));
            jinja_list_add(w->c->env, *out, item);
        }
        return ERR_OK;
    }
    *out = jinja_dict(w->c->env);
    for (size_t i = 0; i < y->count; i++) {
        here.key = y->pair[i].key->text.ptr;
        TRY(yaml_value(w->c->env, y->pair[i].key, &key, e));
        TRY(walk_value(w, y->pair[i].value, &here, &item, e));
        TRY(jinja_dict_put(w->c->env, *out, key, item, e));
    }
done:
    return rc;
}

enum err context_yaml(struct context *c, const struct yaml *y, const char *file, yaml_skip *skip, void *skip_ctx,
                      struct jinja_value *out, struct error *e)
{
    struct walk w = {c, file, skip, skip_ctx};
    return walk_value(&w, y, NULL, out, e);
}
