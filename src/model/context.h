/* What a template sees: dbt's context functions and objects, over one env. The parse has one context which moves from
 * node to node; each running node has its own (env, connection and all).
 *
 * Lifetime: context_init … context_reset. Values may point into templates they were rendered from: a context of the
 * project's env hands its templates to struct dbt, another one frees them in context_reset, which then comes after
 * jinja_env_free. The context must stay where it is while its env renders. Not thread-safe: one context, one thread. */
#ifndef LAKEFM_MODEL_CONTEXT_H
#define LAKEFM_MODEL_CONTEXT_H

#include "model/dbt.h"

enum phase {
    PHASE_PROFILE,   /* profiles.yml: env_var, var */
    PHASE_PROJECT,   /* dbt_project.yml: and target */
    PHASE_YAML,      /* schema files: and the project's vars */
    PHASE_DOCS,      /* descriptions: and doc() */
    PHASE_PARSE,     /* models while parsing: ref() only notes */
    PHASE_NAME,      /* generate_*_name */
    PHASE_EXPOSURE,  /* depends_on of exposures and the like: ref(), source(), metric() only note */
    PHASE_EXECUTE,   /* models while running */
    PHASE_OPERATION, /* macros: run-operation, hooks */
    PHASE_UNIT,      /* unit tests while running */
};

struct session; /* warehouse.h */

enum { CONTEXT_SLOTS = 96 };

struct context {
    struct dbt *d;
    struct jinja_env *env;
    struct arena *arena; /* memory of this context's objects: the project's, or the node's own */
    struct arena own;
    enum phase phase;
    bool execute;
    struct package *package;   /* whose macros and vars are looked for first */
    struct node *node;         /* NULL: none */
    struct session *session;   /* the connection; NULL: asking the database is an error */
    struct jinja_value *bound; /* macros of this env, by macro.id */
    size_t bound_count;
    struct jinja_value slot[CONTEXT_SLOTS]; /* made on first use; cleared by context_move */
    struct jinja_value results;             /* statement results: name → {response, data, table} */
    struct jinja_value extra;               /* further names, a dict; asked first */
    struct jinja_value overrides;           /* unit tests: macro name → value, a dict; absent: none */
    struct jinja_value unit_vars, unit_env; /* unit tests */
    struct jinja_value config;              /* the node's config in this env; absent: none */
    struct jinja_value model;               /* the node's dict in this env, made on first use */
    struct node **cte;                      /* ephemeral models referred to, in order */
    size_t cte_count, cte_cap;
    struct jinja_value batch;                          /* microbatch: {id, event_time_start, event_time_end} */
    const char *batch_start, *batch_end, *batch_label; /* the same as texts, NULL: none; label: "2024-01-01" */
    bool asked_database;                               /* something was read from the database */
    bool volatile_used;           /* run_started_at, invocation_id, now …: the text differs from run to run */
    struct jinja_template **kept; /* templates that values of env may point into; freed by context_reset */
    size_t kept_count, kept_cap;
    struct jinja_context jinja; /* how templates look names up here */
};

void context_init(struct context *c, struct dbt *d, struct jinja_env *env, enum phase phase);
void context_reset(struct context *c);
/* From now on for this node (may be NULL) and package. */
void context_move(struct context *c, enum phase phase, struct package *package, struct node *node);

/* The value of one of dbt's names, or of a macro; JINJA_ABSENT when unknown. `macros` false: as `builtins` has it. */
enum err context_name(struct context *c, struct view name, bool macros, struct jinja_value *out,
                      struct error *e) MUST_CHECK;
/* var(): JINJA_ABSENT when not set. */
struct jinja_value context_var(struct context *c, const char *name);
/* `model`: the node's dict in this env, without what is none. */
enum err context_model(struct context *c, struct jinja_value *out, struct error *e) MUST_CHECK;
void context_add_cte(struct context *c, struct node *n);
/* Microbatch: "event_time >= '…' and event_time < '…'" for inputs that have one; NULL otherwise. */
const char *context_event_filter(struct context *c, const struct node *input);
/* models/a.sql → models/a/a_2024-01-01.sql */
const char *batch_path(struct dbt *d, const char *path, const char *label);
bool unit_has_input(const struct node *test, const struct node *input);
/* The session, begun on first use; ERR_INPUT when this context may not touch the database. */
enum err context_session(struct context *c, struct session **out, struct error *e) MUST_CHECK;

/* What templates print: print(), print_table(). */
void context_print(struct context *c, const char *text, size_t len);

/* A macro as a callable of this context; made once. */
struct jinja_value context_macro(struct context *c, struct macro *m);
/* Calls the macro by name as templates would find it; *found is false when there is none. */
enum err context_call(struct context *c, const char *name, const struct jinja_value *args, size_t count,
                      const struct jinja_named *named, size_t named_count, struct jinja_value *out,
                      struct error *e) MUST_CHECK;

/* Renders a text of a file (line for messages): as text, or natively (with the type it has). */
enum err context_render(struct context *c, struct view text, const char *name, unsigned line, struct buf *out,
                        struct error *e) MUST_CHECK;
enum err context_value(struct context *c, struct view text, const char *name, unsigned line, struct jinja_value *out,
                       struct error *e) MUST_CHECK;

/* A YAML tree with its strings rendered natively. `skip` (may be NULL) says which are left as they are. */
struct yaml_path {
    const struct yaml_path *up;
    const char *key; /* NULL: a list's item */
    size_t depth;
};
typedef bool yaml_skip(void *ctx, const struct yaml_path *path);
enum err context_yaml(struct context *c, const struct yaml *y, const char *file, yaml_skip *skip, void *skip_ctx,
                      struct jinja_value *out, struct error *e) MUST_CHECK;

/* The i-th step of a path from the root (0 first); NULL for list items and beyond. */
const char *yaml_path_at(const struct yaml_path *p, size_t i);
size_t yaml_path_length(const struct yaml_path *p);

#endif
