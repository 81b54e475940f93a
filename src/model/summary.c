/* What a run says at its end: counts, and each failure with its cause. */
#include "model/print.h"
#include "model/run.h"

#include "base/clock.h"

#include <stdlib.h>

static _Thread_local const struct result *sorted_by;
static int by_turn(const void *a, const void *b)
{
    size_t x = sorted_by[*(const size_t *)a].index, y = sorted_by[*(const size_t *)b].index;
    return (x > y) - (x < y);
}

size_t *run_order(const struct run *run)
{
    size_t *order = mem_array(run->count + 1, sizeof *order);
    for (size_t i = 0; i < run->count; i++) order[i] = i;
    sorted_by = run->results;
    qsort(order, run->count, sizeof *order, by_turn);
    return order;
}

const char *result_error_kind(const struct result *r)
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

static void say_kept(struct dbt *d, const struct node *n)
{
    char rule[200];
    size_t len = strlen("select * from ") + strlen(n->relation_name);
    if (len > sizeof rule - 1) len = sizeof rule - 1;
    memset(rule, '-', len);
    rule[len] = 0;
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    say(d, SAY_INFO, "CheckNodeTestFailure", "Z027", "  See test failures:\n  %s\n  select * from %s\n  %s", rule,
        n->relation_name, rule);
}

void report_failure(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    const struct node *n = r->n;
    struct buf b = {0};
    bool warn = r->status == MODEL_WARN;
    const char *kind = NODE_KIND_NAMES[n->kind];
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    if (n->kind != NODE_SOURCE)
        say(d, warn ? SAY_INFO : SAY_ERROR, warn ? "RunResultWarning" : "RunResultFailure", warn ? "Z021" : "Z022",
            "%s%s in %s %s (%s)%s", paint(d, warn ? "yellow" : "red"), warn ? "Warning" : "Failure", kind, n->name,
            n->original_path, paint(d, ""));
    if (r->status == MODEL_ERROR) {
        buf_printf(&b, "%s in %s %s (%s)", result_error_kind(r), kind, n->name, n->original_path);
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
    if (n->kind == NODE_TEST && n->relation_name) say_kept(d, n);
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
    case MODEL_PARTIAL:
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

void report_finished(struct run *run, struct model_outcome *out)
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
    buf_reset(&stats);
}

static void say_end(struct run *run, const struct model_outcome *out)
{
    struct dbt *d = run->d;
    size_t partial = 0;
    for (size_t i = 0; i < run->count; i++) partial += run->results[i].done && run->results[i].status == MODEL_PARTIAL;
    size_t errors = out->error - partial;
    const char *partials = partial == 1 ? "partial success" : "partial successes",
               *warnings = out->warn == 1 ? "" : "s", *red = paint(d, "red"), *yellow = paint(d, "yellow"),
               *plain = paint(d, "");
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    if (run->interrupted)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sExited because of keyboard interrupt%s", yellow, plain);
    else if (errors)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted with %zu error%s, %zu %s, and %zu warning%s:%s", red,
            errors, errors == 1 ? "" : "s", partial, partials, out->warn, warnings, plain);
    else if (partial)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted with %zu %s and %zu warning%s%s", yellow, partial,
            partials, out->warn, warnings, plain);
    else if (out->warn)
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted with %zu warning%s:%s", yellow, out->warn, warnings,
            plain);
    else
        say(d, SAY_INFO, "EndOfRunSummary", "Z030", "%sCompleted successfully%s", paint(d, "green"), plain);
}

void report_summary(struct run *run, struct model_outcome *out)
{
    struct dbt *d = run->d;
    report_finished(run, out);
    say_end(run, out);
    size_t *order = run_order(run);
    for (size_t i = 0; i < run->hook_count; i++)
        if (run->hook_results[i].status == MODEL_ERROR) report_failure(run, &run->hook_results[i]);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < run->count; i++) {
            const struct result *r = &run->results[order[i]];
            if (!r->done || !r->index) continue;
            if (pass ? r->status == MODEL_WARN : r->status == MODEL_FAIL || r->status == MODEL_ERROR)
                report_failure(run, r);
        }
    mem_free(order);
    say(d, SAY_INFO, "Formatting", "Z017", "%s", "");
    char data[200];
    snprintf(data, sizeof data,
             "\"stats\": {\"error\": %zu, \"noop\": %zu, \"pass\": %zu, \"skip\": %zu, \"total\": %zu, \"warn\": %zu}",
             out->error, out->noop, out->pass, out->skip, out->total, out->warn);
    say_data(d, SAY_INFO, "StatsLine", "Z023", data, "Done. PASS=%zu WARN=%zu ERROR=%zu SKIP=%zu NO-OP=%zu TOTAL=%zu",
             out->pass, out->warn, out->error, out->skip, out->noop, out->total);
    out->exit_code = out->error ? 1 : 0;
}
