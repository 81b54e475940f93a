/* source freshness: how old the newest row of a source is, against warn_after and error_after. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

#include <stdlib.h>

#define YEAR_ONE_US (-62135596800LL * 1000000)

bool node_has_freshness(const struct node *n)
{
    struct jinja_value f = jinja_dict_get(n->config, "freshness");
    static const char *const after[] = {"warn_after", "error_after"};
    if (n->kind != NODE_SOURCE || f.type != JINJA_DICT) return false;
    for (int i = 0; i < 2; i++)
        if (!value_is_null(jinja_dict_get(jinja_dict_get(f, after[i]), "count"))) return true;
    return false;
}

/* "2024-01-01 10:00:00.25+02:00", as a datetime prints; without zone it is UTC. Null: the year 1. */
static enum err time_of(struct context *c, struct jinja_value v, int64_t *us, struct error *e)
{
    const char *text = value_str(c->arena, c->env, v);
    char head[20];
    int64_t ms, fraction = 0, zone = 0;
    if (jinja_is_none(v)) return *us = YEAR_ONE_US, ERR_OK;
    snprintf(head, sizeof head, "%.19s", text);
    if (strlen(head) > 10) head[10] = 'T';
    if (!clock_parse_iso(head, &ms)) {
        err_set(e, ERR_INPUT, "expected a timestamp when querying field \"max_loaded_at\", but got %s", text);
        return err_hint(e, "cast loaded_at_field to a timestamp");
    }
    const char *p = text + strlen(head);
    if (*p == '.') {
        int64_t unit = 100000;
        for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10) fraction += (*p - '0') * unit;
    }
    if (*p == '+' || *p == '-') {
        int hours = 0, minutes = 0;
        sscanf(p + 1, "%d:%d", &hours, &minutes);
        zone = (*p == '-' ? -1 : 1) * (hours * 60 + minutes) * 60000000LL;
    }
    *us = ms * 1000 + fraction - zone;
    return ERR_OK;
}

static bool older(struct jinja_value limit, double seconds)
{
    struct jinja_value count = jinja_dict_get(limit, "count");
    const char *period = value_get_text(limit, "period", "");
    double unit = !strcmp(period, "minute") ? 60 : !strcmp(period, "hour") ? 3600 : 86400;
    double n = count.type == JINJA_INT ? (double)count.as.integer : count.type == JINJA_FLOAT ? count.as.real : 0;
    return !value_is_null(count) && seconds > n * unit;
}

enum err node_freshness(struct context *c, struct node *n, struct result *r, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value args[3] = {relation_value(c, relation_of_node(c, n))}, result, pair;
    struct jinja_value field = jinja_dict_get(n->config, "loaded_at_field"),
                       query = jinja_dict_get(n->config, "loaded_at_query"),
                       fresh = jinja_dict_get(n->config, "freshness");
    struct buf sql = {0};
    if (!value_is_null(query)) {
        c->extra = jinja_dict(c->env);
        jinja_dict_set(c->env, c->extra, "this", args[0]);
        TRY(context_render(c, view_of(value_text(query, "")), n->original_path, n->line, &sql, e));
        args[1] = jinja_text(c->env, sql.ptr ? sql.ptr : "");
        TRY(context_call(c, "collect_freshness_custom_sql", args, 2, NULL, 0, &result, e));
    } else if (!value_is_null(field)) {
        TRY(jinja_copy(c->env, field, &args[1], e));
        TRY(jinja_copy(c->env, jinja_dict_get(fresh, "filter"), &args[2], e));
        if (jinja_is_absent(args[2])) args[2] = jinja_none();
        TRY(context_call(c, "collect_freshness", args, 3, NULL, 0, &result, e));
    } else {
        err_set(e, ERR_INPUT, "could not compute freshness for source %s: no 'loaded_at_field' provided", n->name);
        rc = err_hint(e, "DuckDB keeps no time of the last change; name a column that holds one");
        goto done;
    }
    pair = jinja_dict_get(result, "table");
    const struct table *t = table_of(pair);
    if (!t || t->columns < 2 || t->rows != 1) {
        rc =
            err_set(e, ERR_INPUT, "the freshness query gives one row of two columns, max_loaded_at and snapshotted_at");
        goto done;
    }
    TRY(time_of(c, t->cell[0], &r->loaded_us, e));
    TRY(time_of(c, t->cell[1], &r->asked_us, e));
    double age = (double)(r->asked_us - r->loaded_us) / 1e6;
    r->status = older(jinja_dict_get(fresh, "error_after"), age)  ? MODEL_FAIL
                : older(jinja_dict_get(fresh, "warn_after"), age) ? MODEL_WARN
                                                                  : MODEL_PASS;
    r->message = NULL;
done:
    buf_reset(&sql);
    return rc;
}

void report_freshness(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    static const char *const words[] = {"PASS", "WARN", "ERROR STALE", "ERROR"};
    static const char *const colors[] = {"green", "yellow", "red", "red"};
    int i = r->status == MODEL_PASS ? 0 : r->status == MODEL_WARN ? 1 : r->status == MODEL_FAIL ? 2 : 3;
    pthread_mutex_lock(&d->lock);
    const char *text = arena_printf(&d->arena, "%s freshness of %s.%s", words[i], r->n->source_name, r->n->name);
    pthread_mutex_unlock(&d->lock);
    report_line(run, r, text, colors[i], words[i], r->seconds, "LogFreshnessResult", "Q018");
}

/* Errors as dbt words them here; then "Done.". */
void report_freshness_summary(struct run *run, struct model_outcome *out)
{
    struct dbt *d = run->d;
    report_finished(run, out);
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->results[i];
        if (r->status == MODEL_FAIL) {
            say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
            say(d, SAY_ERROR, "RunResultFailure", "Z022", "%sFailure in source %s (%s)%s", paint(d, "red"), r->n->name,
                r->n->original_path, paint(d, ""));
            say(d, SAY_ERROR, "RunResultErrorNoMessage", "Z025", "  Status: error");
        } else if (r->status == MODEL_ERROR)
            report_failure(run, r);
    }
    say(d, SAY_INFO, "FreshnessCheckComplete", "Q036", "Done.");
    out->exit_code = out->error ? 1 : 0;
}
