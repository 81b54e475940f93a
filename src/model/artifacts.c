/* The files of target/ that other tools read: run_results.json (schema v6), sources.json (v3); what all of them begin
 * with. */
#include "model/run.h"

#include <unistd.h>

#include <time.h>

static const char *iso(struct dbt *d, int64_t us)
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&t, &tm);
    return arena_printf(&d->arena, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

static const char *iso_zone(struct dbt *d, int64_t us)
{
    const char *s = iso(d, us);
    return arena_printf(&d->arena, "%.*s+00:00", (int)strlen(s) - 1, s);
}

static void text(struct dbt *d, struct jinja_value dict, const char *key, const char *s)
{
    jinja_dict_set(d->env, dict, key, value_text_or_none(d->env, s));
}

/* DBT_ENV_CUSTOM_ENV_X=y: {"X": "y"}. */
static struct jinja_value custom_env(struct dbt *d)
{
    static const char prefix[] = "DBT_ENV_CUSTOM_ENV_";
    struct jinja_value v = jinja_dict(d->env);
    for (char **p = environ; *p; p++) {
        const char *equals = strchr(*p, '=');
        if (!str_starts(*p, prefix) || !equals) continue;
        const char *name = *p + sizeof prefix - 1;
        text(d, v, arena_strndup(&d->arena, name, (size_t)(equals - name)), equals + 1);
    }
    return v;
}

struct jinja_value artifact_metadata(struct dbt *d, const char *schema, bool manifest)
{
    struct jinja_value m = jinja_dict(d->env);
    text(d, m, "dbt_schema_version", schema);
    text(d, m, "dbt_version", DBT_VERSION);
    text(d, m, "generated_at", iso(d, now_us()));
    text(d, m, "invocation_id", d->run.id);
    text(d, m, "invocation_started_at", iso(d, d->run.started_us));
    jinja_dict_set(d->env, m, "env", custom_env(d));
    if (!manifest) return m;
    char id[DIGEST_MD5_SIZE];
    text(d, m, "project_name", d->project->name);
    text(d, m, "project_id", arena_strdup(&d->arena, digest_md5(d->project->name, strlen(d->project->name), id)));
    text(d, m, "user_id", NULL);
    jinja_dict_set(d->env, m, "send_anonymous_usage_stats", jinja_bool(false));
    text(d, m, "adapter_type", "duckdb");
    jinja_dict_set(d->env, m, "quoting", d->quoting.type == JINJA_DICT ? d->quoting : jinja_dict(d->env));
    jinja_dict_set(d->env, m, "run_started_at", jinja_text(d->env, iso(d, d->run.started_us)));
    return m;
}

enum err artifact_write(struct dbt *d, const char *name, struct jinja_value v, struct error *e)
{
    struct buf b = {0};
    enum err rc = jinja_json_plain(d->env, v, false, &b, e);
    if (rc == ERR_OK) rc = write_text(d, arena_printf(&d->arena, "%s/%s", d->target_dir, name), b.ptr, b.len, e);
    buf_reset(&b);
    return rc;
}

static struct jinja_value timing(struct dbt *d, const char *name, const struct timing *t)
{
    struct jinja_value v = jinja_dict(d->env);
    text(d, v, "name", name);
    text(d, v, "started_at", t->started_us ? iso(d, t->started_us) : NULL);
    text(d, v, "completed_at", t->completed_us ? iso(d, t->completed_us) : NULL);
    return v;
}

/* "Runtime Error in model a (models/a.sql)\n  Binder Error: …" */
static const char *error_text(struct dbt *d, const struct result *r)
{
    struct buf b = {0};
    buf_printf(&b, "%s in %s %s (%s)\n", result_error_kind(r), NODE_KIND_NAMES[r->n->kind], r->n->name,
               r->n->original_path);
    for (const char *p = r->message ? r->message : ""; *p;) {
        size_t n = strcspn(p, "\n");
        buf_printf(&b, "  %.*s%s", (int)n, p, p[n] ? "\n" : "");
        p += n + (p[n] == '\n');
    }
    char *s = arena_strdup(&d->arena, b.ptr);
    buf_reset(&b);
    return s;
}

static struct jinja_value result_value(struct dbt *d, const struct result *r)
{
    struct jinja_value v = jinja_dict(d->env), times = jinja_list(d->env), response = jinja_dict(d->env);
    text(d, v, "status", status_text(r));
    if (r->compile.started_us) jinja_list_add(d->env, times, timing(d, "compile", &r->compile));
    if (r->execute.started_us) jinja_list_add(d->env, times, timing(d, "execute", &r->execute));
    jinja_dict_set(d->env, v, "timing", times);
    text(d, v, "thread_id", arena_printf(&d->arena, "Thread-%d (worker)", r->worker));
    jinja_dict_set(d->env, v, "execution_time", jinja_float(r->seconds));
    if (r->n->kind == NODE_TEST && r->failures >= 0)
        text(d, response, "_message", "OK");
    else if (r->status == MODEL_SUCCESS && r->message) {
        text(d, response, "_message", r->message);
        if (r->code) text(d, response, "code", r->code);
        if (r->rows_affected >= 0) jinja_dict_set(d->env, response, "rows_affected", jinja_int(r->rows_affected));
    }
    jinja_dict_set(d->env, v, "adapter_response", response);
    text(d, v, "message", r->status == MODEL_ERROR ? error_text(d, r) : r->message && *r->message ? r->message : NULL);
    jinja_dict_set(d->env, v, "failures", r->failures >= 0 ? jinja_int(r->failures) : jinja_none());
    text(d, v, "unique_id", r->n->unique_id);
    jinja_dict_set(d->env, v, "compiled",
                   r->n->compiled            ? jinja_bool(true)
                   : r->n->kind == NODE_SEED ? jinja_none()
                                             : jinja_bool(false));
    text(d, v, "compiled_code", r->n->compiled);
    text(d, v, "relation_name", r->n->kind == NODE_SEED ? NULL : r->n->relation_name);
    jinja_dict_set(d->env, v, "batch_results", jinja_is_absent(r->batches) ? jinja_none() : r->batches);
    return v;
}

enum err write_run_results(struct run *run, struct error *e)
{
    struct dbt *d = run->d;
    struct jinja_value v = jinja_dict(d->env), results = jinja_list(d->env), args = jinja_dict(d->env), parsed;
    jinja_dict_set(d->env, v, "metadata",
                   artifact_metadata(d, "https://schemas.getdbt.com/dbt/run-results/v6.json", false));
    for (size_t i = 0; i < run->hook_count; i++)
        jinja_list_add(d->env, results, result_value(d, &run->hook_results[i]));
    size_t *order = run_order(run);
    for (size_t i = 0; i < run->count; i++)
        if (run->results[order[i]].done && run->results[order[i]].index)
            jinja_list_add(d->env, results, result_value(d, &run->results[order[i]]));
    mem_free(order);
    jinja_dict_set(d->env, v, "results", results);
    jinja_dict_set(d->env, v, "elapsed_time", jinja_float((double)(now_us() - d->run.started_us) / 1e6));
    if (d->run.args_json &&
        jinja_json_read(d->env, d->run.args_json, strlen(d->run.args_json), &parsed, NULL) == ERR_OK)
        args = parsed;
    jinja_dict_set(d->env, v, "args", args);
    return artifact_write(d, "run_results.json", v, e);
}

static struct jinja_value fresh_value(struct dbt *d, const struct result *r)
{
    struct jinja_value v = jinja_dict(d->env), times = jinja_list(d->env), response = jinja_dict(d->env);
    text(d, v, "unique_id", r->n->unique_id);
    text(d, v, "max_loaded_at", iso_zone(d, r->loaded_us));
    text(d, v, "snapshotted_at", iso_zone(d, r->asked_us));
    jinja_dict_set(d->env, v, "max_loaded_at_time_ago_in_s", jinja_float((double)(r->asked_us - r->loaded_us) / 1e6));
    text(d, v, "status", status_text(r));
    jinja_dict_set(d->env, v, "criteria", jinja_dict_get(r->n->config, "freshness"));
    text(d, response, "_message", "OK");
    jinja_dict_set(d->env, v, "adapter_response", response);
    jinja_list_add(d->env, times, timing(d, "compile", &r->compile));
    jinja_list_add(d->env, times, timing(d, "execute", &r->execute));
    jinja_dict_set(d->env, v, "timing", times);
    text(d, v, "thread_id", arena_printf(&d->arena, "Thread-%d (worker)", r->worker));
    jinja_dict_set(d->env, v, "execution_time", jinja_float(r->seconds));
    return v;
}

enum err write_sources(struct run *run, struct error *e)
{
    struct dbt *d = run->d;
    struct jinja_value v = jinja_dict(d->env), results = jinja_list(d->env);
    jinja_dict_set(d->env, v, "metadata",
                   artifact_metadata(d, "https://schemas.getdbt.com/dbt/sources/v3.json", false));
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->results[i];
        bool known = r->status == MODEL_PASS || r->status == MODEL_WARN || r->status == MODEL_FAIL;
        if (r->done && known) jinja_list_add(d->env, results, fresh_value(d, r));
    }
    jinja_dict_set(d->env, v, "results", results);
    jinja_dict_set(d->env, v, "elapsed_time", jinja_float((double)(now_us() - d->run.started_us) / 1e6));
    return artifact_write(d, "sources.json", v, e);
}
