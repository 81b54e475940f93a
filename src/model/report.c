/* The lines of a run and its summary, as dbt prints them. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

enum { WIDTH = 80 };

const char *status_text(const struct result *r)
{
    switch (r->status) {
    case MODEL_SUCCESS: return "success";
    case MODEL_PASS: return "pass";
    case MODEL_WARN: return "warn";
    case MODEL_FAIL: return "fail";
    case MODEL_ERROR: return "error";
    case MODEL_SKIPPED: return "skipped";
    default: return "no-op";
    }
}

static const char *relation_text_of(struct dbt *d, const struct node *n)
{
    const char *alias = n->alias ? n->alias : n->name;
    return n->schema ? arena_printf(&d->arena, "%s.%s", n->schema, alias) : alias;
}

/* "sql view model main.a", "seed file main.s", "test unique_a_id" … */
static const char *describe(struct dbt *d, const struct node *n)
{
    switch (n->kind) {
    case NODE_MODEL:
        return arena_printf(&d->arena, "%s %s model %s", n->language, node_materialized(n), relation_text_of(d, n));
    case NODE_SEED: return arena_printf(&d->arena, "seed file %s", relation_text_of(d, n));
    case NODE_SNAPSHOT: return arena_printf(&d->arena, "snapshot %s", relation_text_of(d, n));
    case NODE_UNIT_TEST: return arena_printf(&d->arena, "unit_test %s::%s", n->tested ? n->tested->name : "", n->name);
    case NODE_TEST: return arena_printf(&d->arena, "test %s", n->name);
    default: return arena_printf(&d->arena, "%s %s", NODE_KIND_NAMES[n->kind], n->name);
    }
}

/* "…dots… [status in 0.02s]" */
static void fancy(struct dbt *d, const struct result *r, size_t total, const char *text, const char *color,
                  const char *status, double seconds, bool truncate, enum say_level level, const char *event,
                  const char *code)
{
    struct buf line = {0}, data = {0};
    size_t visible;
    if (r->index) buf_printf(&line, "%zu of %zu ", r->index, total);
    buf_printf(&line, "%s ", text);
    visible = line.len;
    for (; visible < WIDTH; visible++) buf_char(&line, '.');
    if (truncate && line.len > WIDTH - 3) {
        line.len = WIDTH - 3;
        buf_str(&line, "...");
    }
    buf_printf(&line, " [%s%s%s", *color ? paint(d, color) : "", status, *color ? paint(d, "") : "");
    if (seconds >= 0) buf_printf(&line, " in %.2fs", seconds);
    buf_char(&line, ']');
    if (d->o->log_json) {
        buf_str(&data, "\"description\": ");
        buf_json(&data, text, strlen(text));
        buf_printf(&data, ", \"index\": %zu, \"total\": %zu, \"status\": ", r->index, total);
        buf_json(&data, status, strlen(status));
        if (seconds >= 0) buf_printf(&data, ", \"execution_time\": %.6f", seconds);
        buf_str(&data, ", \"node_info\": {\"materialized\": ");
        const char *m = value_get_text(r->n->config, "materialized", "");
        buf_json(&data, m, strlen(m));
        buf_printf(&data,
                   ", \"node_name\": \"%s\", \"node_path\": \"%s\", \"node_status\": \"%s\", \"resource_type\": "
                   "\"%s\", \"unique_id\": \"%s\"}",
                   r->n->name, r->n->path, seconds >= 0 ? status_text(r) : "started", NODE_KIND_NAMES[r->n->kind],
                   r->n->unique_id);
    }
    say_data(d, level, event, code, data.ptr, "%s", line.ptr);
    buf_reset(&line);
    buf_reset(&data);
}

void report_start(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    if (!r->index) return;
    pthread_mutex_lock(&d->lock);
    const char *what = describe(d, r->n);
    const char *text = arena_printf(&d->arena, "START %s", what);
    pthread_mutex_unlock(&d->lock);
    fancy(d, r, run->total, text, "", "RUN", -1,
          r->n->kind != NODE_TEST && r->n->kind != NODE_UNIT_TEST ? false : false, SAY_INFO, "LogStartLine", "Q011");
}

static void report_test(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    pthread_mutex_lock(&d->lock);
    const char *name = r->n->kind == NODE_UNIT_TEST
                           ? arena_printf(&d->arena, "%s::%s", r->n->tested ? r->n->tested->name : "", r->n->name)
                           : r->n->name;
    const char *text, *status, *color = "green";
    enum say_level level = SAY_INFO;
    switch (r->status) {
    case MODEL_PASS:
        text = arena_printf(&d->arena, "PASS %s", name), status = r->unchanged ? "UNCHANGED" : "PASS";
        break;
    case MODEL_WARN:
        text = arena_printf(&d->arena, "WARN %lld %s", (long long)r->failures, name),
        status = arena_printf(&d->arena, "WARN %lld", (long long)r->failures), color = "yellow";
        break;
    case MODEL_FAIL:
        text = arena_printf(&d->arena, "FAIL %lld %s", (long long)r->failures, name),
        status = arena_printf(&d->arena, "FAIL %lld", (long long)r->failures), color = "red";
        level = SAY_ERROR;
        break;
    default: text = arena_printf(&d->arena, "ERROR %s", name), status = "ERROR", color = "red", level = SAY_ERROR;
    }
    pthread_mutex_unlock(&d->lock);
    fancy(d, r, run->total, text, color, status, r->seconds, false, level == SAY_ERROR ? SAY_INFO : level,
          "LogTestResult", "Q007");
}

void report_result(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    const struct node *n = r->n;
    if (!r->index) return;
    if (r->status == MODEL_SKIPPED) {
        pthread_mutex_lock(&d->lock);
        const char *text = node_is_refable(n)
                               ? arena_printf(&d->arena, "SKIP relation %s", relation_text_of(d, n))
                               : arena_printf(&d->arena, "SKIP %s %s", NODE_KIND_NAMES[n->kind], n->name);
        pthread_mutex_unlock(&d->lock);
        fancy(d, r, run->total, text, "yellow", "SKIP", -1, false, SAY_INFO, "SkippingDetails", "Q034");
        return;
    }
    if (r->status == MODEL_NOOP) {
        pthread_mutex_lock(&d->lock);
        const char *text = arena_printf(&d->arena, "NO-OP %s", describe(d, n));
        pthread_mutex_unlock(&d->lock);
        fancy(d, r, run->total, text, "yellow", "NO-OP", 0, false, SAY_INFO, "LogNodeNoOpResult", "Q019");
        return;
    }
    if (n->kind == NODE_TEST || n->kind == NODE_UNIT_TEST) {
        report_test(run, r);
        return;
    }
    static const char *const done[] = {"created", "loaded", "snapshotted"}, *const failed[] = {"creating", "loading",
                                                                                               "snapshotting"};
    int kind = n->kind == NODE_SEED ? 1 : n->kind == NODE_SNAPSHOT ? 2 : 0;
    bool bad = r->status == MODEL_ERROR;
    pthread_mutex_lock(&d->lock);
    const char *what = n->kind == NODE_SNAPSHOT ? relation_text_of(d, n) : describe(d, n);
    const char *text = bad ? arena_printf(&d->arena, "ERROR %s %s", failed[kind], what)
                           : arena_printf(&d->arena, "%s%s %s", r->unchanged ? "" : "OK ",
                                          r->unchanged ? "UNCHANGED" : done[kind], what);
    pthread_mutex_unlock(&d->lock);
    fancy(d, r, run->total, text, bad ? "red" : "green",
          bad            ? "ERROR"
          : r->unchanged ? "UNCHANGED"
          : r->message   ? r->message
                         : "OK",
          r->seconds, false, SAY_INFO,
          kind == 1   ? "LogSeedResult"
          : kind == 2 ? "LogSnapshotResult"
                      : "LogModelResult",
          kind == 1   ? "Q016"
          : kind == 2 ? "Q015"
                      : "Q012");
}

void report_hook(struct run *run, const struct result *r, size_t index, size_t total, bool start)
{
    struct dbt *d = run->d;
    struct result shown = *r;
    shown.index = index;
    pthread_mutex_lock(&d->lock);
    const char *name = arena_printf(&d->arena, "%s.on-run-%s.%zu", r->n->package->name,
                                    r->n->hook_at_end ? "end" : "start", r->n->hook_index - 1);
    bool bad = r->status == MODEL_ERROR;
    const char *text = arena_printf(&d->arena, "%s hook: %s", start ? "START" : bad ? "ERROR" : "OK", name);
    pthread_mutex_unlock(&d->lock);
    fancy(d, &shown, total, text,
          start ? ""
          : bad ? "red"
                : "green",
          start ? "RUN"
          : bad ? "ERROR"
                : "OK",
          start ? -1 : r->seconds, false, SAY_INFO, start ? "LogHookStartLine" : "LogHookEndLine",
          start ? "Q032" : "Q033");
}

/* ---- the summary ---- */

static const char *error_kind(const struct result *r)
{
    const char *m = r->message ? r->message : "";
    static const char *const sql[] = {"Binder Error",
                                      "Catalog Error",
                                      "Parser Error",
                                      "Conversion Error",
                                      "Constraint Error",
                                      "IO Error",
                                      "Invalid Input Error",
                                      "Out of Range Error",
                                      "Dependency Error",
                                      "TransactionContext Error",
                                      "Not implemented Error",
                                      "Permission Error",
                                      "Invalid Error",
                                      "HTTP Error",
                                      NULL};
    for (const char *const *p = sql; *p; p++)
        if (str_starts(m, *p)) return "Runtime Error";
    return strstr(m, "Error:") ? "Runtime Error" : "Compilation Error";
}

static void lines(struct buf *b, const char *indent, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        buf_printf(b, "\n%s%.*s", indent, (int)n, p);
        p += n + (p[n] == '\n');
    }
}

static void failure(struct dbt *d, const struct result *r)
{
    const struct node *n = r->n;
    struct buf b = {0};
    bool warn = r->status == MODEL_WARN;
    const char *kind = NODE_KIND_NAMES[n->kind];
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    say(d, warn ? SAY_INFO : SAY_ERROR, warn ? "RunResultWarning" : "RunResultFailure", warn ? "Z021" : "Z022",
        "%s%s in %s %s (%s)%s", paint(d, warn ? "yellow" : "red"), warn ? "Warning" : "Failure", kind, n->name,
        n->original_path, paint(d, ""));
    if (r->status == MODEL_ERROR) {
        buf_printf(&b, "%s in %s %s (%s)", error_kind(r), kind, n->name, n->original_path);
        lines(&b, "  ", r->error_trace && *r->error_trace ? r->error_trace : r->message ? r->message : "");
        if (r->error_where && *r->error_where && !(r->error_trace && *r->error_trace))
            buf_printf(&b, "\n    at %s", r->error_where);
        if (r->error_hint && *r->error_hint && !(r->error_trace && strstr(r->error_trace, r->error_hint)))
            lines(&b, "    ", r->error_hint);
    } else
        buf_str(&b, r->message ? r->message : "");
    say(d, warn ? SAY_INFO : SAY_ERROR, "RunResultError", "Z024", warn ? "%s" : "  %s", b.ptr ? b.ptr : "");
    if (n->compiled_path) {
        say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
        say(d, SAY_INFO, "SQLCompiledPath", "Z026", "  compiled code at %s", n->compiled_path);
    }
    buf_reset(&b);
}

static void count(const struct result *r, struct model_outcome *o)
{
    o->total++;
    o->unchanged += r->unchanged;
    switch (r->status) {
    case MODEL_SUCCESS:
    case MODEL_PASS: o->pass++; break;
    case MODEL_WARN: o->warn++; break;
    case MODEL_FAIL:
    case MODEL_ERROR: o->error++; break;
    case MODEL_SKIPPED: o->skip++; break;
    case MODEL_NOOP: o->noop++; break;
    }
}

/* "3 table models, 22 data tests, 4 view models": in order of the words. */
static void stat_line(struct run *run, struct buf *out)
{
    struct word {
        char text[64];
        size_t n;
    } words[64];
    size_t used = 0;
    for (size_t i = 0; i < run->count + run->hook_count; i++) {
        const struct result *r = i < run->count ? &run->results[i] : &run->hook_results[i - run->count];
        char text[64];
        if (i < run->count && (!r->index || !r->done)) continue;
        const struct node *n = r->n;
        if (n->kind == NODE_MODEL)
            snprintf(text, sizeof text, "%s model", node_materialized(n));
        else
            snprintf(text, sizeof text, "%s",
                     n->kind == NODE_TEST        ? "data test"
                     : n->kind == NODE_UNIT_TEST ? "unit test"
                     : n->kind == NODE_OPERATION ? "project hook"
                                                 : NODE_KIND_NAMES[n->kind]);
        size_t k = 0;
        while (k < used && strcmp(words[k].text, text)) k++;
        if (k == used && used < 64) snprintf(words[used++].text, sizeof text, "%s", text), words[k].n = 0;
        if (k < 64) words[k].n++;
    }
    /* dbt sorts by the plural's kind: models by materialization among the others' resource type */
    for (size_t i = 1; i < used; i++)
        for (size_t k = i; k && strcmp(words[k].text, words[k - 1].text) < 0; k--) {
            struct word t = words[k];
            words[k] = words[k - 1];
            words[k - 1] = t;
        }
    for (size_t i = 0; i < used; i++)
        buf_printf(out, "%s%zu %s%s", i ? ", " : "", words[i].n, words[i].text, words[i].n == 1 ? "" : "s");
}

void report_summary(struct run *run, struct model_outcome *out)
{
    struct dbt *d = run->d;
    struct buf stats = {0};
    *out = (struct model_outcome){.published = out->published};
    for (size_t i = 0; i < run->hook_count; i++) count(&run->hook_results[i], out);
    for (size_t i = 0; i < run->count; i++)
        if (run->results[i].index && run->results[i].done) count(&run->results[i], out);
    double s = out->elapsed_s = (double)(clock_mono_ns() - run->started_ns) / 1e9;
    stat_line(run, &stats);
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    say(d, SAY_INFO, "FinishedRunningStats", "E047",
        "Finished running %s in %d hours %d minutes and %.2f seconds (%.2fs).", stats.ptr ? stats.ptr : "nothing",
        (int)s / 3600, (int)s / 60 % 60, s - (double)((int)s / 60 * 60), s);
    if (out->unchanged)
        say(d, SAY_INFO, "Note", "Z050",
            "%zu of %zu had not changed since their last success and were not run again (--no-skip runs them).",
            out->unchanged, out->total);
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    if (out->error)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030",
            "%sCompleted with %zu error%s, 0 partial successes, and %zu warning%s:%s", paint(d, "red"), out->error,
            out->error == 1 ? "" : "s", out->warn, out->warn == 1 ? "" : "s", paint(d, ""));
    else if (out->warn)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted with %zu warning%s:%s", paint(d, "yellow"), out->warn,
            out->warn == 1 ? "" : "s", paint(d, ""));
    else
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted successfully%s", paint(d, "green"), paint(d, ""));
    for (size_t i = 0; i < run->hook_count; i++)
        if (run->hook_results[i].status == MODEL_ERROR) failure(d, &run->hook_results[i]);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < run->count; i++) {
            const struct result *r = &run->results[i];
            if (!r->done || !r->index) continue;
            if (pass ? r->status == MODEL_WARN : r->status == MODEL_FAIL || r->status == MODEL_ERROR) failure(d, r);
        }
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    char data[200];
    snprintf(data, sizeof data,
             "\"stats\": {\"error\": %zu, \"noop\": %zu, \"pass\": %zu, \"skip\": %zu, \"total\": %zu, \"warn\": %zu}",
             out->error, out->noop, out->pass, out->skip, out->total, out->warn);
    say_data(d, SAY_INFO, "StatsLine", "Z023", data, "Done. PASS=%zu WARN=%zu ERROR=%zu SKIP=%zu NO-OP=%zu TOTAL=%zu",
             out->pass, out->warn, out->error, out->skip, out->noop, out->total);
    out->exit_code = out->error ? 1 : 0;
    buf_reset(&stats);
}
