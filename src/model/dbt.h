/* What the files of this room share: one invocation of the runner (struct dbt), its packages, macros and nodes.
 *
 * Ownership: everything hangs off struct dbt and dies with it: texts in dbt.arena, values in dbt.env (the env of the
 * parse, "the project's env"). While nodes run, arena and env are read-only for the workers; each running node has an
 * env of its own (run.h) and takes copies. Threads: loading and parsing is one thread's work. dbt.lock guards what
 * workers change together. */
#ifndef LAKEFM_MODEL_DBT_H
#define LAKEFM_MODEL_DBT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/digest.h"
#include "model/jinja/jinja.h"
#include "model/model.h"
#include "model/names.h"
#include "model/yaml.h"

#include <pthread.h>
#include <stdio.h>

#define DBT_VERSION "1.11.16" /* whose behaviour this is: dbt_version in templates and artifacts */

enum node_kind {
    NODE_MODEL,
    NODE_SEED,
    NODE_SNAPSHOT,
    NODE_TEST, /* generic and singular */
    NODE_ANALYSIS,
    NODE_OPERATION, /* on-run-start, on-run-end */
    NODE_SOURCE,
    NODE_EXPOSURE,
    NODE_METRIC,
    NODE_SEMANTIC_MODEL,
    NODE_SAVED_QUERY,
    NODE_UNIT_TEST,
    NODE_GROUP,
    NODE_KINDS
};
extern const char *const NODE_KIND_NAMES[NODE_KINDS]; /* "model", …: first part of the unique id */

struct texts { /* a list of texts in the arena */
    const char **at;
    size_t count, cap;
};
void texts_add(struct texts *t, const char *s);
bool texts_has(const struct texts *t, const char *s);

struct package {
    const char *name;
    const char *root; /* absolute folder; "" for the built-in one */
    const char *rel;  /* folder relative to the project, "" for the project itself, "dbt_packages/x" */
    bool is_root, builtin;
    const struct yaml *doc;
    const char *doc_path;      /* dbt_project.yml, for messages */
    struct jinja_value config; /* dbt_project.yml rendered: a dict */
    struct texts model_paths, seed_paths, snapshot_paths, test_paths, macro_paths, analysis_paths, docs_paths, function_paths;
    struct names macros; /* name → struct macro */
    struct jinja_value vars;
};

struct macro {
    size_t id; /* index in dbt.macros */
    const char *name, *unique_id, *path;
    struct package *package;
    const struct jinja_template *tmpl;
    size_t index; /* in tmpl */
    const struct jinja_macro_info *info;
    const char *dispatches;   /* a built-in that only dispatches to default__X and duckdb__X: X; else NULL */
    struct jinja_value patch; /* description, arguments, meta from yml: a dict, or absent */
    const char *patch_path;
    bool is_test, is_materialization;
};

struct node_ref {
    const char *package, *name; /* package may be NULL */
    struct jinja_value version; /* absent: none */
};
struct source_ref {
    const char *source, *table;
};

struct cte {
    const struct node *node;
    const char *sql; /* " __dbt__cte__x as (\n…\n)" */
};

struct node {
    enum node_kind kind;
    const char *unique_id, *name;
    struct package *package;
    const char *path;          /* below its folder: "staging/stg_orders.sql" */
    const char *original_path; /* below the package: "models/staging/stg_orders.sql" */
    unsigned line;             /* where its text or yml entry begins */
    struct texts fqn;
    const char *alias, *schema, *database, *identifier; /* identifier: sources; others: alias */
    const char *relation_name;                          /* quoted, NULL for what is none */
    struct view raw;                                    /* raw_code */
    struct jinja_template *tmpl;                        /* of raw; owned, NULL before first use */
    const char *language;
    char checksum[DIGEST_SHA256_SIZE];
    bool has_checksum;
    bool enabled;
    struct jinja_value config;       /* final: a dict with every key dbt knows */
    struct jinja_value config_call;  /* what config() in the file said */
    struct jinja_value patch_config; /* what the yml said, absent: nothing */
    struct jinja_value unrendered_config;
    struct jinja_value tags, meta, columns, docs; /* list, dict, dict of dicts, dict */
    struct jinja_value quoting;                   /* dict, or absent */
    const char *description;
    struct texts doc_blocks;
    const char *patch_path;
    const char *group, *access;
    struct jinja_value version, latest_version, constraints, deprecation_date, time_spine;
    struct texts primary_key;

    struct node_ref *refs;
    size_t ref_count, ref_cap;
    struct source_ref *sources;
    size_t source_count, source_cap;
    struct node_ref *metrics;
    size_t metric_count, metric_cap;
    struct texts macros;   /* depends_on.macros */
    struct node **parents; /* depends_on.nodes, as found */
    size_t parent_count, parent_cap;
    struct node **children; /* enabled ones; by graph_link */
    size_t child_count, child_cap;

    /* tests */
    struct jinja_value test_args; /* generic: the dict given to the macro, unrendered */
    const char *test_name, *test_namespace, *column_name, *file_key_name;
    struct node *attached;
    /* sources, exposures, metrics …: the rest of the entry as in the manifest */
    struct jinja_value body;
    const char *source_name;
    char *external;           /* sources: what stands for them in SQL, NULL: their name */
    const char *data_version; /* sources of a lake: names the data */
    /* unit tests */
    struct node *tested;
    const struct node *this_input;
    struct node **inputs; /* of each given */
    size_t input_count, input_cap;
    /* operations */
    size_t hook_index;
    bool hook_at_end;

    /* compiling; guarded by dbt.lock once nodes run */
    const char *compiled; /* with CTEs injected */
    const char *pre_injected;
    struct cte *ctes;
    size_t cte_count, cte_cap;
    const char *build_path, *compiled_path;
    bool introspects; /* its rendering asked the database */
    bool defer_set;
    const char *defer_database, *defer_schema, *defer_alias, *defer_relation_name;
    size_t order; /* position in dbt.nodes */
    size_t mark;  /* scratch of graph walks */
    void *run;    /* its result, run.h */
};

/* profiles.yml, the chosen target */
struct profile {
    const char *name, *target, *schema, *database, *path;
    int threads;
    struct jinja_value dict;        /* the output, rendered */
    struct jinja_value target_dict; /* what templates see as `target` */
    const char *external_root;
    bool disable_transactions;
};

struct document { /* a docs block */
    const char *unique_id, *name, *path, *original_path, *contents;
    struct package *package;
};

struct pending_test { /* a generic test of a yml file, before its node is made */
    struct node *target;
    const char *target_name, *yaml_key, *file, *path, *shown; /* file: "models/_x.yml" */
    struct package *package;
    struct jinja_value test, version;
    struct texts tags;
    const char *column;
    unsigned line;
};

struct invocation {
    char id[40];
    int64_t started_us;
    const char *args_json;
};

struct warehouse; /* warehouse.h */
struct sql_conn;
struct context;      /* context.h */
struct schema_entry; /* schema.h */

struct dbt {
    const struct model_options *o;
    const struct model_hooks *hooks;
    struct arena arena;
    struct jinja_env *env;
    pthread_mutex_t lock;
    pthread_mutex_t key_lock; /* held while a model runs that foreign keys tie to another */
    pthread_mutex_t compile_lock; /* recursive: ephemeral models are compiled one at a time */
    const char *root;             /* the project's folder, absolute */
    const char *target_path;      /* absolute or relative to root, as configured: "target" */
    const char *target_dir;       /* absolute */
    const char *packages_dir;     /* "dbt_packages" */
    struct package *project;      /* the root package */
    struct package *builtin;
    struct package **packages; /* root first, built-in last */
    size_t package_count, package_cap;
    struct names package_by_name;
    struct jinja_value cli_vars; /* dict */
    struct jinja_value flags;    /* dict of upper-case names */
    struct profile profile;
    struct macro **macros;
    size_t macro_count, macro_cap;
    struct jinja_template **templates; /* of macro files; owned */
    size_t template_count, template_cap;
    struct node **nodes; /* enabled ones, all kinds */
    size_t node_count, node_cap;
    struct node **disabled;
    size_t disabled_count, disabled_cap;
    struct node *found;  /* while loading: the newest node */
    struct node **loose; /* while loading: nodes without their config yet */
    size_t loose_count, loose_cap;
    struct names by_id, models_by_name; /* models_by_name: "name" and "package.name" → newest node of refable kinds */
    struct names sources_by_name;       /* "source.table" and "package.source.table" */
    struct names macros_by_id;
    struct document **docs;
    size_t doc_count, doc_cap;
    struct names doc_by_name;
    struct pending_test *tests;
    size_t test_count, test_cap;
    struct names patches;          /* "models.package.x" → struct schema_entry */
    struct schema_entry **entries; /* the same, in order */
    size_t entry_count, entry_cap;
    struct names fixtures; /* name → struct view of the file */
    struct names scratch;
    struct jinja_value selectors; /* selectors.yml: list, or absent */
    struct jinja_value quoting;   /* database, schema, identifier */
    struct invocation run;
    struct warehouse *warehouse;
    struct context *parse; /* of the project's env */
    struct texts selected; /* unique ids: selected_resources */
    struct texts again;    /* retry: unique ids to run */
    bool retrying;
    struct node *inline_query;      /* --inline: not among the nodes */
    struct jinja_value graph_value; /* the `graph` of templates, made when asked for; guarded by lock */
    struct names warned;            /* messages given once */
    struct names
        env_vars; /* environment variables that were read: name → value, "" and default alike; guarded by lock */
    struct sql_conn **busy; /* connections of running nodes, to be interrupted; guarded by lock */
    size_t busy_count, busy_cap;
    size_t warnings;
    bool stop;
};

/* ---- project.c, profile.c ---- */
enum err dbt_project_load(struct dbt *d, struct error *e) MUST_CHECK;
enum err dbt_profile_load(struct dbt *d, struct error *e) MUST_CHECK;
const char *dbt_env(const struct dbt *d, const char *name); /* hooks' env, then the process's; NULL */
/* A path of the project's config, with a fallback for old spellings. */
struct jinja_value package_section(const struct package *p, const char *key);

/* args.c: run.args_json, from flags and options. */
enum err args_make(struct dbt *d, struct error *e) MUST_CHECK;

/* ---- values.c: shorthands over jinja values ---- */
const char *value_text(struct jinja_value v, const char *otherwise); /* of a string */
const char *value_get_text(struct jinja_value dict, const char *key, const char *otherwise);
bool value_get_bool(struct jinja_value dict, const char *key, bool otherwise);
bool value_truth(struct jinja_value v);
bool value_is_null(struct jinja_value v); /* absent or none */
/* str(v), in the arena if it was no text before. */
const char *value_str(struct arena *arena, struct jinja_env *env, struct jinja_value v);
/* Deep copy within one env: dicts, lists, tuples; the rest is shared. */
struct jinja_value value_clone(struct jinja_env *env, struct jinja_value v);
struct jinja_value value_texts(struct jinja_env *env, const struct texts *t);
struct jinja_value value_text_or_none(struct jinja_env *env, const char *s);
void value_update(struct jinja_env *env, struct jinja_value into, struct jinja_value from); /* dict.update */
bool value_list_has(struct jinja_value list, const char *s);
void value_to_texts(struct dbt *d, struct jinja_value v, struct texts *out); /* a text or a list of texts */

/* ---- macros.c ---- */
enum err dbt_macros_load(struct dbt *d, struct error *e) MUST_CHECK;
/* `name` as seen from package `from`: that package, the project, the built-in ones; NULL when unknown. */
struct macro *macro_find(const struct dbt *d, const struct package *from, struct view name);
struct macro *macro_in_package(const struct dbt *d, const char *package, struct view name);
/* adapter.dispatch; NULL when nothing is found, the names tried are then appended to tried ("'a', 'b'"). */
struct macro *macro_dispatch(const struct dbt *d, const struct package *from, const char *name, const char *space,
                             struct buf *tried);
struct macro *macro_materialization(const struct dbt *d, const struct package *from, const char *name);

/* ---- nodes.c: SQL files; schema.c, sources.c: YAML files; config.c ---- */
struct node *node_new(struct dbt *d, enum node_kind kind, struct package *p, const char *name);
void node_add_parent(struct node *n, struct node *parent);
void dbt_add_node(struct dbt *d, struct node *n);
/* Renders the raw text once as dbt parses: notes refs, sources, config(). */
enum err node_parse(struct dbt *d, struct node *n, struct error *e) MUST_CHECK;
enum err dbt_nodes_load(struct dbt *d, struct error *e) MUST_CHECK;
enum err dbt_schemas_load(struct dbt *d, struct error *e) MUST_CHECK;
enum err dbt_docs_load(struct dbt *d, struct error *e) MUST_CHECK;
enum err dbt_nodes_finish(struct dbt *d, struct error *e) MUST_CHECK; /* config, names, generic tests */
void dbt_primary_keys(struct dbt *d);                                 /* primary_key of every model */
enum err dbt_graph_link(struct dbt *d, struct error *e) MUST_CHECK;   /* refs → parents, children; cycles */
/* Config of a node by dbt's precedence; `call` and `patch` may be absent. */
enum err config_build(struct dbt *d, struct node *n, struct error *e) MUST_CHECK;
void config_merge_call(struct jinja_env *env, struct jinja_value into, struct jinja_value more);
enum err node_name_relation(struct dbt *d, struct node *n, struct error *e) MUST_CHECK;
struct node *dbt_find_ref(const struct dbt *d, const struct node_ref *r, const struct package *from,
                          struct node **disabled);
struct node *dbt_find_source(const struct dbt *d, const struct source_ref *r, const struct package *from,
                             struct node **disabled);
bool node_is_refable(const struct node *n);
bool node_is_ephemeral(const struct node *n);
const char *node_materialized(const struct node *n);
/* The node as dbt's dict, made in env (the project's or a node's own). `artifact`: as manifest.json has it. */
enum err node_value(struct dbt *d, struct jinja_env *env, const struct node *n, bool artifact, struct jinja_value *out,
                    struct error *e) MUST_CHECK;
/* dbt.graph_value, made when missing; the caller holds dbt.lock. */
enum err graph_value(struct dbt *d, struct error *e) MUST_CHECK;
/* Functions and limits that every env of a run has. */
void env_setup(struct dbt *d, struct jinja_env *env);
/* Everything: the project is loaded, parsed and linked. */
enum err dbt_load(struct dbt *d, struct error *e) MUST_CHECK;

/* Writes a file of target/, making its folders. */
enum err write_text(struct dbt *d, const char *path, const char *text, size_t len, struct error *e) MUST_CHECK;
/* Where the SQL of a node goes: target/<kind>/<package>/<original path …>; in the arena. */
const char *node_write_path(struct dbt *d, const struct node *n, const char *kind);

#endif
