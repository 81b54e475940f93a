/* The lines of a run, as dbt prints them. */
#include "model/print.h"
#include "model/run.h"

enum { WIDTH = 80 };

const char *status_text(const struct result *r)
{
    switch (r->status) {
    case MODEL_SUCCESS: return "success";
    case MODEL_PASS: return "pass";
    case MODEL_WARN: return "warn";
    case MODEL_FAIL: return r->n->kind == NODE_SOURCE ? "error" : "fail";
    case MODEL_ERROR: return r->n->kind == NODE_SOURCE ? "runtime error" : "error";
    case MODEL_SKIPPED: return "skipped";
    case MODEL_PARTIAL: return "partial success";
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
        return arena_printf(&d->arena, "%s %s model %s", n->language,
                            node_is_microbatch(n) ? "microbatch" : node_materialized(n), relation_text_of(d, n));
    case NODE_SEED: return arena_printf(&d->arena, "seed file %s", relation_text_of(d, n));
    case NODE_SNAPSHOT: return arena_printf(&d->arena, "snapshot %s", relation_text_of(d, n));
    case NODE_UNIT_TEST: return arena_printf(&d->arena, "unit_test %s::%s", n->tested ? n->tested->name : "", n->name);
    case NODE_SOURCE: return arena_printf(&d->arena, "freshness of %s.%s", n->source_name, n->name);
    case NODE_TEST: return arena_printf(&d->arena, "test %s", n->name);
    default: return arena_printf(&d->arena, "%s %s", NODE_KIND_NAMES[n->kind], n->name);
    }
}

/* "1 of 7 …text… ........ [status in 0.02s]"; no time when seconds < 0. */
void report_line(struct run *run, const struct result *r, const char *text, const char *color, const char *status,
                 double seconds, const char *event, const char *code)
{
    struct dbt *d = run->d;
    size_t total = r->n->kind == NODE_OPERATION ? run->hook_total : run->total;
    struct buf line = {0}, data = {0};
    size_t visible;
    if (r->index) buf_printf(&line, "%zu of %zu ", r->index, total);
    buf_printf(&line, "%s ", text);
    visible = line.len;
    for (; visible < WIDTH; visible++) buf_char(&line, '.');
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
        const char *pair[][2] = {{"node_name", r->n->name},
                                 {"node_path", r->n->path},
                                 {"node_status", seconds >= 0 ? status_text(r) : "started"},
                                 {"resource_type", NODE_KIND_NAMES[r->n->kind]},
                                 {"unique_id", r->n->unique_id}};
        for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
            buf_printf(&data, ", \"%s\": ", pair[i][0]);
            buf_json(&data, pair[i][1], strlen(pair[i][1]));
        }
        buf_char(&data, '}');
    }
    say_data(d, SAY_INFO, event, code, data.ptr, "%s", line.ptr);
    buf_reset(&line);
    buf_reset(&data);
}

void report_start(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    if (!r->index || run->mode == RUN_COMPILE) return;
    pthread_mutex_lock(&d->lock);
    const char *text = arena_printf(&d->arena, "START %s", describe(d, r->n));
    pthread_mutex_unlock(&d->lock);
    report_line(run, r, text, "", "RUN", -1, "LogStartLine", "Q011");
}

static void report_test(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    long long n = r->failures;
    pthread_mutex_lock(&d->lock);
    const char *name = r->n->name, *text, *status, *color = "green";
    if (r->n->kind == NODE_UNIT_TEST)
        name = arena_printf(&d->arena, "%s::%s", r->n->tested ? r->n->tested->name : "", name);
    switch (r->status) {
    case MODEL_PASS:
        text = arena_printf(&d->arena, "PASS %s", name);
        status = r->unchanged ? "UNCHANGED" : "PASS";
        break;
    case MODEL_WARN:
        text = arena_printf(&d->arena, "WARN %lld %s", n, name);
        status = arena_printf(&d->arena, "WARN %lld", n), color = "yellow";
        break;
    case MODEL_FAIL:
        text = arena_printf(&d->arena, "FAIL %lld %s", n, name);
        status = arena_printf(&d->arena, "FAIL %lld", n), color = "red";
        break;
    default: text = arena_printf(&d->arena, "ERROR %s", name), status = "ERROR", color = "red";
    }
    pthread_mutex_unlock(&d->lock);
    report_line(run, r, text, color, status, r->seconds, "LogTestResult", "Q007");
}

static void report_left_out(struct run *run, const struct result *r)
{
    struct dbt *d = run->d;
    const struct node *n = r->n;
    bool skipped = r->status == MODEL_SKIPPED;
    pthread_mutex_lock(&d->lock);
    const char *text = !skipped             ? arena_printf(&d->arena, "NO-OP %s", describe(d, n))
                       : node_is_refable(n) ? arena_printf(&d->arena, "SKIP relation %s", relation_text_of(d, n))
                                            : arena_printf(&d->arena, "SKIP %s %s", NODE_KIND_NAMES[n->kind], n->name);
    pthread_mutex_unlock(&d->lock);
    if (skipped)
        report_line(run, r, text, "yellow", "SKIP", -1, "SkippingDetails", "Q034");
    else
        report_line(run, r, text, "yellow", "NO-OP", 0, "LogNodeNoOpResult", "Q019");
}

static void report_relation(struct run *run, const struct result *r)
{
    static const struct {
        const char *done, *failed, *event, *code;
    } words[] = {{"created", "creating", "LogModelResult", "Q012"},
                 {"loaded", "loading", "LogSeedResult", "Q016"},
                 {"snapshotted", "snapshotting", "LogSnapshotResult", "Q015"}};
    struct dbt *d = run->d;
    const struct node *n = r->n;
    int kind = n->kind == NODE_SEED ? 1 : n->kind == NODE_SNAPSHOT ? 2 : 0;
    const char *status = r->message ? r->message : "OK", *color = "green", *text;
    pthread_mutex_lock(&d->lock);
    const char *what = n->kind == NODE_SNAPSHOT ? relation_text_of(d, n) : describe(d, n);
    if (r->status == MODEL_ERROR) {
        text = arena_printf(&d->arena, "ERROR %s %s", words[kind].failed, what);
        status = "ERROR", color = "red";
    } else if (r->status == MODEL_PARTIAL) {
        text = arena_printf(&d->arena, "PARTIALLY created %s", what);
        color = "yellow";
    } else if (r->unchanged) {
        text = arena_printf(&d->arena, "UNCHANGED %s", what);
        status = "UNCHANGED";
    } else
        text = arena_printf(&d->arena, "OK %s %s", words[kind].done, what);
    pthread_mutex_unlock(&d->lock);
    report_line(run, r, text, color, status, r->seconds, words[kind].event, words[kind].code);
}

void report_result(struct run *run, const struct result *r)
{
    if (!r->index || run->mode == RUN_COMPILE) return;
    if (r->status == MODEL_SKIPPED || r->status == MODEL_NOOP)
        report_left_out(run, r);
    else if (r->n->kind == NODE_SOURCE)
        report_freshness(run, r);
    else if (r->n->kind == NODE_TEST || r->n->kind == NODE_UNIT_TEST)
        report_test(run, r);
    else
        report_relation(run, r);
}

void report_hook(struct run *run, const struct result *r, bool start)
{
    struct dbt *d = run->d;
    bool bad = r->status == MODEL_ERROR, skipped = r->status == MODEL_SKIPPED;
    const char *word = start ? "START" : bad ? "ERROR" : skipped ? "SKIP" : "OK";
    pthread_mutex_lock(&d->lock);
    const char *text = arena_printf(&d->arena, "%s hook: %s.on-run-%s.%zu", word, r->n->package->name,
                                    r->n->hook_at_end ? "end" : "start", r->n->hook_index - 1);
    pthread_mutex_unlock(&d->lock);
    report_line(run, r, text,
                start     ? ""
                : bad     ? "red"
                : skipped ? "yellow"
                          : "green",
                start ? "RUN" : word, start ? -1 : r->seconds, start ? "LogHookStartLine" : "LogHookEndLine",
                start ? "Q032" : "Q033");
}
