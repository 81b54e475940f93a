/* dbt's functions that need no node: env_var, var, log, print, YAML, md5, doc. */
#include "model/builtins.h"

#include "model/print.h"

#define SECRET_PREFIX "DBT_ENV_SECRET"

enum err builtin_env_var(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[2];
    TRY(jinja_args(c, "var default?", slot, e));
    const char *name = value_text(slot[0], ""), *value;
    if (!strncmp(name, SECRET_PREFIX, sizeof SECRET_PREFIX - 1) && ctx->phase != PHASE_PROFILE) {
        rc = err_set(
            e, ERR_INPUT,
            "secret env vars are allowed only in profiles.yml or packages.yml. Found '%s' referenced elsewhere", name);
        goto done;
    }
    struct jinja_value over = jinja_dict_get(ctx->unit_env, name);
    if (!jinja_is_absent(over)) {
        *out = over;
        goto done;
    }
    value = dbt_env(ctx->d, name);
    if (value)
        *out = jinja_text(c->env, value);
    else if (!value_is_null(slot[1]))
        *out = slot[1];
    else {
        rc = err_set(e, ERR_INPUT, "env var required but not provided: '%s'", name);
        err_hint(e, "export %s=…, or give env_var() a default", name);
    }
done:
    return rc;
}

/* ---- var ---- */

/* cli, then the project's vars for the package, the project's, the package's own for itself, its own. */
static struct jinja_value find_var(const struct context *c, const char *name)
{
    const struct dbt *d = c->d;
    struct jinja_value v = jinja_dict_get(c->unit_vars, name);
    if (!jinja_is_absent(v)) return v;
    v = jinja_dict_get(d->cli_vars, name);
    if (!jinja_is_absent(v) || c->phase == PHASE_PROFILE || c->phase == PHASE_PROJECT) return v;
    const struct package *own = c->node ? c->node->package : c->package ? c->package : d->project;
    v = jinja_dict_get(jinja_dict_get(d->project->vars, own->name), name);
    if (jinja_is_absent(v)) v = jinja_dict_get(d->project->vars, name);
    if (!jinja_is_absent(v) || own == d->project) return v;
    v = jinja_dict_get(jinja_dict_get(own->vars, own->name), name);
    return jinja_is_absent(v) ? jinja_dict_get(own->vars, name) : v;
}

struct jinja_value context_var(struct context *c, const char *name) { return find_var(c, name); }

static enum err missing_var(struct context *c, const char *name, struct error *e)
{
    struct jinja_value key, item;
    const struct jinja_value all[] = {c->d->cli_vars, c->d->project->vars};
    const char *words[200];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; n < 199 && jinja_dict_next(all[i], &at, &key, &item);)
            if (jinja_is_string(key)) words[n++] = value_text(key, "");
    words[n] = NULL;
    err_set(e, ERR_INPUT, "required var '%s' not found in config", name);
    const char *near = str_nearest(name, words);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    else
        err_hint(e, "set it under vars: in dbt_project.yml, or --vars '{\"%s\": …}'", name);
    return ERR_INPUT;
}

static enum err var_call(const struct jinja_call *call, struct jinja_value *out, struct error *e);
static enum err var_method(const struct jinja_call *call, struct jinja_value *out, struct error *e);
static bool var_has(struct jinja_value self, struct view name)
{
    (void)self;
    return view_is(name, "has_var");
}
static const struct jinja_class VAR_CLASS = {
    .name = "Var", .flags = JINJA_CLASS_CALLABLE, .call = var_call, .method = var_method, .has_method = var_has};

static enum err var_call(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = jinja_object_data(call->self, &VAR_CLASS);
    struct jinja_value slot[2];
    TRY(jinja_args(call, "var_name default?", slot, e));
    const char *name = value_text(slot[0], "");
    struct jinja_value v = find_var(c, name);
    if (jinja_is_absent(v)) {
        if (!jinja_is_absent(slot[1]))
            *out = slot[1];
        else if (c->phase == PHASE_PARSE || c->phase == PHASE_EXPOSURE)
            *out = jinja_none();
        else
            rc = missing_var(c, name, e);
        goto done;
    }
    if (jinja_is_string(v) && jinja_is_template(jinja_string_view(v).ptr, jinja_string_view(v).len)) {
        struct buf b = {0};
        rc = context_render(c, jinja_string_view(v), "vars", 1, &b, e);
        if (rc == ERR_OK) *out = jinja_string(call->env, b.ptr ? b.ptr : "", b.len);
        buf_reset(&b);
        goto done;
    }
    if (call->env != c->d->env)
        TRY(jinja_copy(call->env, v, out, e));
    else
        *out = v;
done:
    return rc;
}

static enum err var_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1];
    if (strcmp(call->name, "has_var") != 0) return ERR_OK;
    TRY(jinja_args(call, "var_name", slot, e));
    *out = jinja_bool(!jinja_is_absent(find_var(jinja_object_data(call->self, &VAR_CLASS), value_text(slot[0], ""))));
done:
    return rc;
}

struct jinja_value builtin_var(struct context *c) { return jinja_object(c->env, &VAR_CLASS, c); }

/* ---- log, print ---- */

enum err builtin_log(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[2];
    struct view text;
    TRY(jinja_args(c, "msg info?", slot, e));
    TRY(jinja_str_view(c->env, slot[0], &text, e));
    bool info = value_truth(slot[1]);
    say(ctx->d, info ? SAY_INFO : SAY_DEBUG, info ? "JinjaLogInfo" : "JinjaLogDebug", info ? "I062" : "I063", "%s",
        text.ptr);
    *out = jinja_text(c->env, "");
done:
    return rc;
}

enum err builtin_print(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[1];
    struct buf b = {0};
    TRY(jinja_args(c, "msg", slot, e));
    TRY(jinja_str(c->env, slot[0], &b, e));
    buf_char(&b, '\n');
    context_print(ctx, b.ptr, b.len);
    *out = jinja_text(c->env, "");
done:
    buf_reset(&b);
    return rc;
}

/* ---- texts ---- */

enum err builtin_fromyaml(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *ctx = c->ctx;
    struct jinja_value slot[2];
    const struct yaml *y = NULL;
    TRY(jinja_args(c, "value default?", slot, e));
    struct view text = jinja_string_view(slot[0]);
    if (yaml_parse(ctx->arena, text.ptr ? text.ptr : "", text.len, "fromyaml", &y, NULL) != ERR_OK)
        *out = jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
    else
        TRY(yaml_value(c->env, y, out, e));
done:
    return rc;
}

enum err builtin_toyaml(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[3];
    struct buf b = {0};
    TRY(jinja_args(c, "value default? sort_keys?", slot, e));
    if (yaml_dump(c->env, slot[0], value_truth(slot[2]), &b, NULL) == ERR_OK)
        *out = jinja_string(c->env, b.ptr ? b.ptr : "", b.len);
    else
        *out = jinja_is_absent(slot[1]) ? jinja_none() : slot[1];
done:
    buf_reset(&b);
    return rc;
}

enum err builtin_local_md5(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1];
    struct view text;
    char hex[DIGEST_MD5_SIZE];
    TRY(jinja_args(c, "value", slot, e));
    TRY(jinja_str_view(c->env, slot[0], &text, e));
    *out = jinja_text(c->env, digest_md5(text.ptr, text.len, hex));
done:
    return rc;
}

static struct jinja_value lowered(struct jinja_env *env, struct jinja_value v)
{
    struct view text = jinja_string_view(v);
    char *s = mem_strndup(text.ptr ? text.ptr : "", text.len);
    for (char *p = s; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    struct jinja_value out = jinja_text(env, s);
    mem_free(s);
    return out;
}

/* What dict_a has and dict_b has not, keys and values compared without regard to case: {key: [values]}. */
enum err builtin_diff_of_two_dicts(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2], key, item, lower_b = jinja_dict(c->env);
    TRY(jinja_args(c, "dict_a dict_b", slot, e));
    *out = jinja_dict(c->env);
    for (size_t at = 0; jinja_dict_next(slot[1], &at, &key, &item);)
        TRY(jinja_dict_put(c->env, lower_b, lowered(c->env, key), item, e));
    for (size_t at = 0; jinja_dict_next(slot[0], &at, &key, &item);) {
        struct jinja_value other, left = jinja_list(c->env);
        TRY(jinja_dict_find(c->env, lower_b, lowered(c->env, key), &other, e));
        for (size_t i = 0; i < jinja_seq_count(item); i++) {
            struct jinja_value v = jinja_seq_items(item)[i], low = lowered(c->env, v);
            bool there = false;
            for (size_t k = 0; k < jinja_seq_count(other) && !there; k++)
                there = view_eq(jinja_string_view(lowered(c->env, jinja_seq_items(other)[k])), jinja_string_view(low));
            if (!there) jinja_list_add(c->env, left, v);
        }
        if (jinja_seq_count(left)) TRY(jinja_dict_put(c->env, *out, key, left, e));
    }
done:
    return rc;
}

/* doc('name'), doc('package', 'name') */
enum err builtin_doc(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct context *ctx = c->ctx;
    const char *first = c->count ? value_text(c->args[0], "") : "",
               *second = c->count > 1 ? value_text(c->args[1], "") : NULL;
    const struct document *found = NULL;
    if (!c->count || c->count > 2)
        return err_set(e, ERR_INPUT, "doc() takes one or two arguments (%zu given)", c->count);
    if (second)
        found = names_get(&ctx->d->doc_by_name, arena_printf(ctx->arena, "%s.%s", first, second));
    else {
        if (ctx->package)
            found = names_get(&ctx->d->doc_by_name, arena_printf(ctx->arena, "%s.%s", ctx->package->name, first));
        if (!found)
            found = names_get(&ctx->d->doc_by_name, arena_printf(ctx->arena, "%s.%s", ctx->d->project->name, first));
        for (size_t i = 0; !found && i < ctx->d->doc_count; i++)
            if (!strcmp(ctx->d->docs[i]->name, first)) found = ctx->d->docs[i];
    }
    if (!found) {
        const char *words[200];
        size_t n = 0;
        for (size_t i = 0; i < ctx->d->doc_count && n < 199; i++) words[n++] = ctx->d->docs[i]->name;
        words[n] = NULL;
        err_set(e, ERR_INPUT, "documentation for '%s' depends on doc '%s' which was not found",
                ctx->node ? ctx->node->unique_id : "this entry", second ? second : first);
        const char *near = str_nearest(second ? second : first, words);
        if (near) err_hint(e, "did you mean '%s'?", near);
        return ERR_INPUT;
    }
    if (ctx->node && !texts_has(&ctx->node->doc_blocks, found->unique_id))
        texts_add(&ctx->node->doc_blocks, found->unique_id);
    *out = jinja_text(c->env, found->contents);
    return ERR_OK;
}

enum err builtin_adapter_macro(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    (void)out;
    err_set(e, ERR_INPUT, "the \"adapter_macro\" macro has been removed (called for: %s)",
            c->count ? value_text(c->args[0], "") : "");
    return err_hint(e, "use adapter.dispatch and call its result");
}
