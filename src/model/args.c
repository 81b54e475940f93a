/* The command's arguments as dbt names them: invocation_args_dict in templates, args in run_results.json. */
#include "model/dbt.h"

static struct jinja_value words(struct dbt *d, const struct model_words *w)
{
    struct jinja_value list = jinja_list(d->env);
    for (size_t i = 0; i < w->count; i++) jinja_list_add(d->env, list, jinja_text(d->env, w->word[i]));
    return list;
}

static void put_if(struct dbt *d, struct jinja_value args, const char *key, const char *text)
{
    if (text) jinja_dict_set(d->env, args, key, jinja_text(d->env, text));
}

enum err args_make(struct dbt *d, struct error *e)
{
    const struct model_options *o = d->o;
    struct jinja_value args = jinja_dict(d->env), key, item;
    struct buf b = {0};
    for (size_t at = 0; jinja_dict_next(d->flags, &at, &key, &item);) {
        char name[128];
        size_t n = 0;
        for (const char *s = value_text(key, ""); *s && n + 1 < sizeof name; s++)
            name[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
        name[n] = 0;
        if (!jinja_is_none(item)) jinja_dict_set(d->env, args, name, item);
    }
    jinja_dict_set(d->env, args, "select", words(d, &o->select));
    jinja_dict_set(d->env, args, "exclude", words(d, &o->exclude));
    if (o->verb == MODEL_BUILD || o->verb == MODEL_TEST || o->verb == MODEL_LS) {
        jinja_dict_set(d->env, args, "resource_types", words(d, &o->resource_types));
        jinja_dict_set(d->env, args, "exclude_resource_types", words(d, &o->exclude_resource_types));
    }
    if (o->threads) jinja_dict_set(d->env, args, "threads", jinja_int(o->threads));
    put_if(d, args, "macro", o->macro);
    put_if(d, args, "args", o->args);
    put_if(d, args, "inline", o->inline_sql);
    put_if(d, args, "output", o->output);
    put_if(d, args, "event_time_start", o->event_time_start);
    put_if(d, args, "event_time_end", o->event_time_end);
    put_if(d, args, "project_dir", o->project_dir);
    enum err rc = jinja_json_plain(d->env, args, false, &b, e);
    if (rc == ERR_OK) d->run.args_json = arena_strndup(&d->arena, b.ptr, b.len);
    buf_reset(&b);
    return rc;
}
