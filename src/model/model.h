/* The dbt runner: reads a standard dbt project (dbt_project.yml, profiles.yml, models, macros, seeds, snapshots, tests,
 * packages), renders its Jinja, runs its graph on DuckDB, prints as dbt prints and writes dbt's artifacts. Its measure
 * is dbt-core 1.11 with dbt-duckdb 1.11: same compiled SQL, same tables, same test outcomes.
 *
 * One call does one command:
 *     struct model_options o = {0};
 *     rc = model_options_parse(&o, argc, argv, &e);         // "build", "--project-dir", "x", "--select", "a+", …
 *     rc = model_run(&o, &hooks, &outcome, &e);             // prints through hooks.print
 *     return outcome.exit_code;
 *
 * Ownership: options borrow the strings of argv and own only their arrays (model_options_reset). Hooks are borrowed for
 * the call. Errors: model_run returns ERR_OK also when nodes failed (outcome.exit_code is then 1, as dbt's); it fails
 * when the command could not be done at all (broken project: exit 2 as dbt's, already printed through hooks.print, and
 * e filled). Threads: one model_run at a time per process and warehouse file; it starts its own workers. hooks.print is
 * called by one thread at a time. */
#ifndef LAKEFM_MODEL_MODEL_H
#define LAKEFM_MODEL_MODEL_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum model_verb {
    MODEL_NONE,
    MODEL_BUILD,
    MODEL_RUN,
    MODEL_TEST,
    MODEL_SEED,
    MODEL_SNAPSHOT,
    MODEL_COMPILE,
    MODEL_LS,
    MODEL_PARSE,
    MODEL_DEPS,          /* local packages only: packages.yml → dbt_packages/ */
    MODEL_DOCS,          /* docs generate: manifest.json and catalog.json */
    MODEL_FRESHNESS,     /* source freshness: sources.json */
    MODEL_RUN_OPERATION, /* run-operation MACRO --args YAML */
    MODEL_SHOW,          /* show --select M | --inline SQL, --limit N */
    MODEL_CLEAN,         /* removes clean-targets inside the project */
    MODEL_RETRY,         /* what failed or was skipped in the last run_results.json */
    MODEL_CLONE,         /* known, not supported: ERR_UNSUPPORTED */
};

/* A list of borrowed words. */
struct model_words {
    const char **word; /* owned array */
    size_t count, cap;
};

enum model_tristate { MODEL_UNSET, MODEL_NO, MODEL_YES };

struct model_options {
    enum model_verb verb;
    const char *project_dir;  /* NULL: $DBT_PROJECT_DIR, or the nearest folder upwards with dbt_project.yml */
    const char *profiles_dir; /* NULL: $DBT_PROFILES_DIR, the working folder, ~/.dbt */
    const char *profile, *target, *target_path, *state, *defer_state, *selector;
    const char *vars;       /* YAML or JSON text of a dict; NULL for none */
    const char *args;       /* run-operation --args */
    const char *macro;      /* run-operation's macro */
    const char *inline_sql; /* show, compile --inline */
    const char *output;     /* ls: name, path, json, selector; show: text, json */
    const char *event_time_start, *event_time_end;
    const char *indirect_selection; /* eager (default), cautious, buildable, empty */
    struct model_words select, exclude, resource_types, exclude_resource_types, output_keys;
    int threads;   /* 0: the profile's */
    int64_t limit; /* show: rows, -1 all; 0 means the default of 5 */
    enum model_tristate full_refresh, fail_fast, defer, favor_state, store_failures, empty, introspect, write_json;
    enum model_tristate static_docs, empty_catalog, compile_docs;
    enum model_tristate warn_error;
    const char *warn_error_options;
    bool no_skip;  /* run unchanged nodes too, as dbt does */
    bool quiet;    /* only errors and the user's print() */
    bool no_print; /* print() in templates is silent */
    bool debug;    /* the long form of messages, each statement */
    bool log_json; /* --log-format json: one object a line, dbt's event names */
    bool color; /* ANSI colours: the caller decides by terminal and NO_COLOR; --use-colors and --no-use-colors override
                 */
    char *command; /* owned: the command line, for the artifacts */
};

/* dbt's command line, without the program's name: VERB [flags]. `docs generate`, `source freshness` are two words.
 * Lists
 * (--select a b c) end at the next flag. Unknown flags: ERR_USAGE that names the nearest known one. */
enum err model_options_parse(struct model_options *o, int argc, const char *const *argv, struct error *e) MUST_CHECK;
void model_options_reset(struct model_options *o);

/* One flag of the table, for help texts and completion. Ends with name == NULL. */
struct model_flag {
    const char *name;  /* "--select" */
    const char *other; /* "-s", or NULL */
    const char *value; /* "SELECTOR …", NULL for a switch (which then has --no-NAME too where that means something) */
    const char *verbs; /* "build run test", NULL for all */
    const char *help;
};
const struct model_flag *model_flags(void);

/* One file of an external model, written and closed, not yet visible to readers of the lake. */
struct model_file {
    const char *model;    /* the model's name: "conversion_rates" */
    const char *location; /* where the project wants it, as configured */
    const char *staged;   /* where it lies now, as stage() said */
    int64_t rows;
    const char *sql_hash; /* 32 hex digits over SQL and inputs: equal hash, equal content */
};

/* How a project runs on a lake. All callbacks may be NULL: then it runs as any dbt project. They are called by one
 * thread at a time. Strings that they give are copied. */
struct model_hooks {
    void *ctx;
    /* Text as dbt would write it to stdout; whole lines, with their '\n'. */
    void (*print)(void *ctx, const char *text, size_t len);
    /* May answer ERR_STOPPED (Ctrl-C): no new node starts, running statements are interrupted. Asked often; cheap. */
    enum err (*interrupted)(void *ctx, struct error *e);

    /* What stands for source(source_name, table) in SQL, e.g. "read_parquet(['…'])"; *sql = NULL leaves the project's
     * own answer. *version names the data behind it (commit number, hash): same version, same rows. Both heap (mem_*),
     * taken over. Called once per source and run, before anything is rendered with `execute`. */
    enum err (*source)(void *ctx, const char *source_name, const char *table, char **sql, char **version,
                       struct error *e);
    /* Where the file of an external model shall be written instead of `location` (heap). */
    enum err (*stage)(void *ctx, const char *model, const char *location, char **staged, struct error *e);
    /* Makes the files visible, all or none; called once, after the last node and before on-run-end, with those of the
     * models that succeeded. Not called when there are none. A failure makes the run fail and forgets the models'
     * success. */
    enum err (*publish)(void *ctx, const struct model_file *files, size_t count, struct error *e);
    /* Environment seen by env_var() before the process's own (lake path, …): NULL-terminated "NAME=value" list. */
    const char *const *env;
    /* A dict in JSON merged below --vars. */
    const char *vars;
    /* Overrides the profile: the warehouse file (created when missing). With it profiles.yml need not exist. */
    const char *warehouse;
    /* SQL run on each new connection (attach, settings), NULL-terminated. */
    const char *const *init_sql;
};

enum model_status {
    MODEL_SUCCESS, /* model, seed, snapshot, operation */
    MODEL_PASS,    /* test */
    MODEL_WARN,
    MODEL_FAIL,
    MODEL_ERROR,
    MODEL_SKIPPED,
    MODEL_NOOP,
    MODEL_PARTIAL, /* microbatch: some batches failed; counts as an error */
};

struct model_outcome {
    int exit_code; /* 0 all well, 1 a node failed, 2 the command could not be done */
    size_t pass, warn, error, skip, noop, total;
    size_t unchanged; /* of pass: not run again because nothing had changed */
    size_t published; /* external files handed to publish */
    double elapsed_s;
};

/* Where a project's artifacts lie (heap), as model_run would write them; needs no profile. */
enum err model_target_dir(const struct model_options *o, char **out, struct error *e) MUST_CHECK;

enum err model_run(const struct model_options *o, const struct model_hooks *hooks, struct model_outcome *out,
                   struct error *e) MUST_CHECK;

#endif
