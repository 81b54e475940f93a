/* Running nodes: compiling, materializing, scheduling, results. */
#ifndef LAKEFM_MODEL_RUN_H
#define LAKEFM_MODEL_RUN_H

#include "model/context.h"
#include "model/objects.h"
#include "model/warehouse.h"

#include "base/hash.h"

struct timing {
    int64_t started_us, completed_us; /* 0: did not happen */
};

struct result { /* of one node or hook; in the arena, texts too */
    struct node *n;
    enum model_status status;
    bool unchanged; /* not run: nothing had changed */
    bool done;
    const char *message;   /* "OK", "INSERT 10", the error's text; NULL: none */
    const char *code;      /* adapter_response */
    int64_t rows_affected; /* -1: none */
    int64_t failures;      /* -1: none */
    double seconds;
    struct timing compile, execute;
    size_t index; /* "3 of 7"; 0: not counted */
    int worker;
    const char *error_where, *error_hint, *error_trace; /* "" when none */
    struct jinja_value batches;
    const char *skipped_for;       /* unique id of what failed */
    int64_t rows;                  /* external models: rows written */
    const char *location, *staged; /* external models with a lake: where it shall be, where it lies */
    const char *view_sql;          /* points the model's view to `location` */
    const char *sql_hash;
    int64_t loaded_us, asked_us; /* sources: newest row, now */
};

struct edge_list {
    size_t *to;
    size_t count, cap;
};

enum run_mode {
    RUN_BUILD,
    RUN_COMPILE,   /* no node is materialized, nothing is said but errors; the first one ends it */
    RUN_FRESHNESS, /* sources */
};

struct run { /* one command that runs nodes */
    struct dbt *d;
    enum run_mode mode;
    struct node **nodes; /* selected, in dbt's order of running */
    size_t count;
    struct result *results; /* of each */
    size_t *waiting;        /* how many it still waits for */
    struct edge_list *next; /* who waits for it */
    size_t *score;          /* depth */
    size_t *line;           /* what is ready, in order; line_at: the next to go */
    size_t line_at, line_end;
    bool *queued, *finished;
    struct result *hook_results;
    size_t hook_count, hook_cap, hook_total; /* hook_total: of those that run now */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left, running, printed, total;
    int workers;
    bool with_tests; /* build: tests gate what is below, failures skip */
    bool tests_only; /* test: nothing is skipped */
    bool stop, interrupted; /* stop: fail fast, or interrupted */
    bool schemas_made;
    enum err schema_rc;
    struct error schema_error;
    struct skip_state *skip; /* NULL: run everything */
    uint64_t started_ns;
};

/* What a node runs in: an env, a context and a session of its own. */
struct workbench {
    struct jinja_env *env;
    struct context c;
    struct session session;
};
void workbench_open(struct dbt *d, struct workbench *w, enum phase phase, struct node *n);
void workbench_close(struct workbench *w);

/* n->compiled, with ephemeral models injected; the file in target/compiled. In the workbench's context. */
enum err node_compile(struct context *c, struct node *n, struct error *e) MUST_CHECK;
/* The node's text alone, without CTEs. */
enum err node_render(struct context *c, struct node *n, struct buf *out, struct error *e) MUST_CHECK;
enum err node_write_compiled(struct dbt *d, struct node *n, struct error *e) MUST_CHECK;
/* "with __dbt__cte__a as (…), …" in front of, or into the WITH of, sql. */
void inject_ctes(const char *sql, const struct cte *ctes, size_t count, struct buf *out);

/* Compiles (unless done) and runs one node; fills r. Never fails: r->status says it. */
void node_run(struct run *run, struct node *n, struct result *r, int worker);
/* Runs the materialization macro of a compiled node. */
enum err node_materialize(struct context *c, struct node *n, struct result *r, struct error *e) MUST_CHECK;
/* microbatch.c: the batches of a microbatch model, each run as a materialization. */
enum err node_run_batches(struct run *run, struct node *n, struct result *r, struct error *e) MUST_CHECK;
bool node_is_microbatch(const struct node *n);
/* What microbatch wants to be configured, as dbt asks it while parsing. */
enum err node_check_microbatch(struct dbt *d, const struct node *n, struct error *e) MUST_CHECK;

enum err run_nodes(struct run *run, struct model_outcome *out,
                   struct error *e) MUST_CHECK; /* hooks, nodes, publishing, hooks */
void run_free(struct run *run);
/* Makes the run's graph out of the selected nodes. */
enum err run_plan(struct run *run, struct dbt *d, struct node **selected, size_t count, enum run_mode mode,
                  struct error *e) MUST_CHECK;
/* Schemas of the selected nodes, made once, before the first node or hook touches the database. */
enum err run_schemas(struct run *run, struct error *e) MUST_CHECK;
/* Takes an error into a result. */
void result_error(struct dbt *d, struct result *r, const struct error *e, const char *trace);
const char *status_text(const struct result *r); /* "success", "pass", "warn", "fail", "error", "skipped", "no-op" */

int64_t now_us(void);

/* skip.c */
struct skip_state;
enum err skip_load(struct dbt *d, struct skip_state **out, struct error *e) MUST_CHECK;
void skip_free(struct skip_state **s);
/* May the node be left alone? Its text is compiled by then. */
bool skip_unchanged(struct run *run, struct context *c, struct node *n, struct result *r);
bool skip_has(const struct skip_state *s, const struct node *n); /* it succeeded before */
void skip_note(struct run *run, struct context *c, struct node *n, const struct result *r, int64_t changed_rows,
               bool wrote);
enum err skip_save(struct run *run, struct error *e) MUST_CHECK;
/* True when the warehouse is as this program left it: *catalog is then its list of relations. */
bool skip_warehouse_known(const struct skip_state *s);
void skip_fill_cache(const struct skip_state *s, struct warehouse *w);
/* Takes what the cache of the warehouse holds into the state; before the warehouse is closed. */
void skip_keep_relations(struct run *run);
void skip_forget(struct skip_state *s); /* nothing that succeeded counts: all runs again next time */

/* hooks.c: on-run-start or on-run-end; false when one failed. */
bool run_hooks(struct run *run, bool at_end);
/* publish.c */
enum err run_publish(struct run *run, struct model_outcome *out, struct error *e) MUST_CHECK;
/* freshness.c */
bool node_has_freshness(const struct node *n);
enum err node_freshness(struct context *c, struct node *n, struct result *r, struct error *e) MUST_CHECK;
void report_freshness(struct run *run, const struct result *r);
void report_freshness_summary(struct run *run, struct model_outcome *out);

/* state.c: JSON of a folder (relative to the project); ERR_NOT_FOUND when it is not there. */
enum err state_read(struct dbt *d, const char *dir, const char *file, struct jinja_value *out,
                    struct error *e) MUST_CHECK;
enum err state_defer(struct dbt *d, struct error *e) MUST_CHECK;
enum err retry_options(struct dbt *d, struct model_options *o, struct error *e) MUST_CHECK;

/* The verbs: list.c, show.c, deps.c, catalog.c, command.c. A node that failed is in *out, not in the result. */
enum err ls_verb(struct dbt *d, struct error *e) MUST_CHECK;
enum err compile_verb(struct dbt *d, struct model_outcome *out, struct error *e) MUST_CHECK;
enum err show_verb(struct dbt *d, struct model_outcome *out, struct error *e) MUST_CHECK;
enum err deps_verb(struct dbt *d, struct error *e) MUST_CHECK;
enum err compile_nodes(struct dbt *d, struct run *run, struct node **selected, size_t count, struct model_outcome *out,
                       struct error *e) MUST_CHECK;
enum err write_catalog(struct dbt *d, struct error *e) MUST_CHECK;
void say_found(struct dbt *d);
void say_nothing(struct dbt *d);

/* artifacts.c */
struct jinja_value artifact_metadata(struct dbt *d, const char *schema, bool manifest);
enum err artifact_write(struct dbt *d, const char *file, struct jinja_value v, struct error *e) MUST_CHECK;
enum err write_sources(struct run *run, struct error *e) MUST_CHECK;
enum err write_manifest(struct dbt *d, struct error *e) MUST_CHECK;
enum err write_run_results(struct run *run, struct error *e) MUST_CHECK;
/* select.c */
enum err select_nodes(struct dbt *d, struct node ***out, size_t *count, struct error *e) MUST_CHECK;
/* report.c: START, OK …, the summary */
void report_start(struct run *run, const struct result *r);
void report_result(struct run *run, const struct result *r);
void report_hook(struct run *run, const struct result *r, bool start);
void report_line(struct run *run, const struct result *r, const char *text, const char *color, const char *status,
                 double seconds, const char *event, const char *code);
void report_finished(struct run *run, struct model_outcome *out); /* counts; "Finished running …" */
size_t *run_order(const struct run *run);                         /* results in their order of running; heap */
const char *result_error_kind(const struct result *r); /* "Runtime Error" */
void report_failure(struct run *run, const struct result *r);
void report_summary(struct run *run, struct model_outcome *out);

#endif
