/* Jinja: templates as dbt means them (Jinja2 3.1 in dbt's sandbox, on Python's values), evaluated in C.
 *
 * Shape of use
 *     struct jinja_env *env = jinja_env_new(NULL);
 *     jinja_env_global(env, "var", jinja_function(env, "var", my_var, my_ctx));
 *     struct jinja_template *t = NULL;
 *     rc = jinja_template_parse(env, text, len, "models/a.sql", 1, &t, e);
 *     rc = jinja_template_render(env, t, &context, &out, e);
 *     jinja_template_free(&t); jinja_env_free(&env);
 *
 * Ownership
 *   - Every value lives in the arena of the env that made it and dies with jinja_env_free. Nothing is freed singly.
 *     Lists, dicts and sets have reference semantics: copying a struct jinja_value copies the reference.
 *   - Templates own themselves, are immutable once parsed and do not refer to the env that parsed them. A value that was
 *     made by rendering (a macro, a string constant) may point into its template: free templates after the envs that
 *     rendered them.
 *   - Text views handed out live as long as the value. All strings are UTF-8 and are followed by a '\0'.
 *
 * Threads: an env belongs to one thread at a time. Plain values (strings, numbers, lists, dicts …) that nobody changes any more
 * may be read by several threads: by the functions that take no env, and by jinja_copy out of their env. Templates may be rendered by many envs at once. A thread that renders
 * needs max_stack_bytes (below) of stack to spare.
 *
 * Errors: enum err + struct error as everywhere: `what` is the message, `where` "file:line:column" of the template, `hint`
 * the suggestion if there is one. The long form, with the source line, a caret and the macros that were active, is
 * jinja_env_trace(env). Codes: ERR_INPUT the template is wrong (syntax, unknown name, type, limit); ERR_UNSUPPORTED Jinja
 * or Python has it, this does not; any other code comes from a callback and passes through (where and trace are added).
 *
 * What differs from Jinja2 on CPython, on purpose: integers have 64 bits and leaving them is an error; what map,
 * select and their like make is evaluated whole when its first item is asked for; sets keep insertion order;
 * random, lipsum, urlize, include, import, extends and block are errors. */
#ifndef LAKEFM_MODEL_JINJA_JINJA_H
#define LAKEFM_MODEL_JINJA_JINJA_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct jinja_env;
struct jinja_template;
struct jinja_call;
struct jinja_class;

/* ---- values ------------------------------------------------------------------------------------------------------- */

enum jinja_type {
    JINJA_ABSENT = 0, /* "nothing here": a zeroed struct jinja_value; never seen by templates */
    JINJA_UNDEFINED,  /* Jinja's Undefined: prints '', false, iterates over nothing; attributes, calls, arithmetic fail */
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,     /* keeps insertion order; any hashable key; 1, 1.0 and true are one key */
    JINJA_SET,
    JINJA_FUNCTION, /* a C function */
    JINJA_MACRO,    /* a macro or a call block's caller */
    JINJA_OBJECT,   /* behaves as its struct jinja_class says: relations, dates, ranges, loop, namespace, modules … */
};

struct jinja_value {
    enum jinja_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct jinja_string *string;
        struct jinja_seq *seq; /* list, tuple */
        struct jinja_map *map; /* dict, set */
        struct jinja_function *function;
        struct jinja_macro *macro;
        struct jinja_object *object;
        struct jinja_missing *missing; /* undefined: what was looked for */
    } as;
};

static inline struct jinja_value jinja_none(void) { return (struct jinja_value){.type = JINJA_NONE}; }
static inline struct jinja_value jinja_bool(bool b) { return (struct jinja_value){.type = JINJA_BOOL, .as.boolean = b}; }
static inline struct jinja_value jinja_int(int64_t i) { return (struct jinja_value){.type = JINJA_INT, .as.integer = i}; }
static inline struct jinja_value jinja_float(double d) { return (struct jinja_value){.type = JINJA_FLOAT, .as.real = d}; }
static inline bool jinja_is_absent(struct jinja_value v) { return v.type == JINJA_ABSENT; }
static inline bool jinja_is_none(struct jinja_value v) { return v.type == JINJA_NONE; }

/* Copies the text. Bytes that are not UTF-8 become U+FFFD. */
struct jinja_value jinja_string(struct jinja_env *env, const char *s, size_t len);
struct jinja_value jinja_text(struct jinja_env *env, const char *s);
struct jinja_value jinja_view(struct jinja_env *env, struct view v);
struct jinja_value jinja_printf(struct jinja_env *env, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The undefined value of this name ("'x' is undefined" when used). */
struct jinja_value jinja_undefined(struct jinja_env *env, const char *name);

/* The text of a string; an empty view for any other type. */
struct view jinja_string_view(struct jinja_value v);
static inline bool jinja_is_string(struct jinja_value v) { return v.type == JINJA_STRING; }

struct jinja_value jinja_list(struct jinja_env *env);
void jinja_list_add(struct jinja_env *env, struct jinja_value list, struct jinja_value item);
struct jinja_value jinja_tuple(struct jinja_env *env, const struct jinja_value *items, size_t count);
/* Lists and tuples; 0 and NULL for other types. The items are a borrow until the list changes. */
size_t jinja_seq_count(struct jinja_value v);
const struct jinja_value *jinja_seq_items(struct jinja_value v);

struct jinja_value jinja_dict(struct jinja_env *env);
struct jinja_value jinja_dict_ordered(struct jinja_env *env); /* the same, printed as OrderedDict([…]) */
/* Fails (ERR_INPUT "unhashable type: 'list'") for a list, dict or set as key. */
enum err jinja_dict_put(struct jinja_env *env, struct jinja_value dict, struct jinja_value key, struct jinja_value item, struct error *e) MUST_CHECK;
enum err jinja_dict_find(struct jinja_env *env, struct jinja_value dict, struct jinja_value key, struct jinja_value *out, struct error *e) MUST_CHECK; /* JINJA_ABSENT when missing */
void jinja_dict_set(struct jinja_env *env, struct jinja_value dict, const char *key, struct jinja_value item);
struct jinja_value jinja_dict_get(struct jinja_value dict, const char *key); /* JINJA_ABSENT when missing or not a dict */
struct jinja_value jinja_dict_get_view(struct jinja_value dict, struct view key);
bool jinja_dict_remove(struct jinja_value dict, const char *key);
size_t jinja_dict_count(struct jinja_value dict); /* dicts and sets */
/* Walks a dict in order, or a set (item is then JINJA_NONE): start with *at = 0; false at the end. */
bool jinja_dict_next(struct jinja_value dict, size_t *at, struct jinja_value *key, struct jinja_value *item);

struct jinja_value jinja_set(struct jinja_env *env);
enum err jinja_set_add(struct jinja_env *env, struct jinja_value set, struct jinja_value item, struct error *e) MUST_CHECK;

/* A Python datetime (UTC or naive) or date; what dbt's run_started_at and agate's date columns are. */
struct jinja_value jinja_datetime(struct jinja_env *env, int64_t epoch_us, bool utc);
struct jinja_value jinja_date(struct jinja_env *env, int64_t days_from_1970);
/* Python's decimal.Decimal of this text ("12.50", "-1E+3"): prints as written, computes exactly in up to 38 digits; what
 * agate's number columns hold. Text that is no number gives a string. */
struct jinja_value jinja_decimal(struct jinja_env *env, struct view text);

/* A deep copy into another env (threads). Plain data only: functions, macros and objects other than dates and decimals
 * give ERR_INPUT. Shared and cyclic references stay shared and cyclic. */
enum err jinja_copy(struct jinja_env *to, struct jinja_value v, struct jinja_value *out, struct error *e) MUST_CHECK;

/* ---- what Python would do with a value ------------------------------------------------------------------------------ */

const char *jinja_type_name(struct jinja_value v);                  /* Python's: "str", "dict", "Undefined", … */
enum err jinja_truth(struct jinja_env *env, struct jinja_value v, bool *out, struct error *e) MUST_CHECK;
enum err jinja_str(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e) MUST_CHECK;  /* appends str(v) */
enum err jinja_repr(struct jinja_env *env, struct jinja_value v, struct buf *out, struct error *e) MUST_CHECK; /* appends repr(v) */
enum err jinja_str_view(struct jinja_env *env, struct jinja_value v, struct view *out, struct error *e) MUST_CHECK; /* str(v), in the arena */
enum err jinja_equal(struct jinja_env *env, struct jinja_value a, struct jinja_value b, bool *out, struct error *e) MUST_CHECK;
/* *order is <0, 0, >0; fails where Python's < would. */
enum err jinja_compare(struct jinja_env *env, struct jinja_value a, struct jinja_value b, int *order, struct error *e) MUST_CHECK;
enum err jinja_get_attr(struct jinja_env *env, struct jinja_value v, const char *name, struct jinja_value *out, struct error *e) MUST_CHECK; /* v.name; undefined when missing */
enum err jinja_get_item(struct jinja_env *env, struct jinja_value v, struct jinja_value key, struct jinja_value *out, struct error *e) MUST_CHECK; /* v[key]; undefined when missing */
/* A list of what iterating over v gives (the keys of a dict, the characters of a string). */
enum err jinja_items(struct jinja_env *env, struct jinja_value v, struct jinja_value *list, struct error *e) MUST_CHECK;
bool jinja_is_callable(struct jinja_value v);

/* json.dumps(v): indent < 0 for one line with ", " and ": "; non-ASCII as \uXXXX. ERR_INPUT "Object of type X is not JSON
 * serializable". Appends to out. */
/* As jinja_json_write on one line, for artifacts: what JSON cannot hold is written as text, times as ISO 8601. */
enum err jinja_json_plain(struct jinja_env *env, struct jinja_value v, bool sort_keys, struct buf *out, struct error *e) MUST_CHECK;
enum err jinja_json_write(struct jinja_env *env, struct jinja_value v, int indent, bool sort_keys, struct buf *out, struct error *e) MUST_CHECK;
/* json.loads. */
enum err jinja_json_read(struct jinja_env *env, const char *s, size_t len, struct jinja_value *out, struct error *e) MUST_CHECK;
/* ast.literal_eval: numbers, strings, tuples, lists, dicts, sets, True, False, None; out is JINJA_ABSENT when the text is
 * anything else. */
struct jinja_value jinja_literal_eval(struct jinja_env *env, struct view text);

/* ---- functions and objects in C -------------------------------------------------------------------------------------- */

struct jinja_named {
    struct view name;
    struct jinja_value value;
};

/* One call. args and named are borrows that end with the call; values may be kept. */
struct jinja_call {
    struct jinja_env *env;
    void *ctx;                /* as registered */
    const char *name;         /* for messages */
    struct jinja_value self;  /* objects: the object; filters and tests: the piped value is args[0] */
    size_t count;
    const struct jinja_value *args;
    size_t named_count;
    const struct jinja_named *named; /* a call block's body arrives as the named argument "caller" */
};

typedef enum err jinja_fn(const struct jinja_call *c, struct jinja_value *out, struct error *e);

struct jinja_value jinja_function(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx);

/* Sorts the arguments into slots by a signature: "a b? *rest **more". `?` may be missing (slot JINJA_ABSENT); `*rest` takes
 * a tuple, `**more` a dict. One slot per word. Messages as Python's ("f() missing 1 required positional argument: 'a'"). */
enum err jinja_args(const struct jinja_call *c, const char *signature, struct jinja_value *slots, struct error *e) MUST_CHECK;
struct jinja_value jinja_arg_named(const struct jinja_call *c, const char *name); /* JINJA_ABSENT when not given */

/* Calls a function, macro or callable object. args: count values; named: may be NULL. */
enum err jinja_invoke(struct jinja_env *env, struct jinja_value callable, const struct jinja_value *args, size_t count,
                      const struct jinja_named *named, size_t named_count, struct jinja_value *out, struct error *e) MUST_CHECK;
/* v.name(args…) */
enum err jinja_invoke_method(struct jinja_env *env, struct jinja_value v, const char *name, const struct jinja_value *args, size_t count,
                             const struct jinja_named *named, size_t named_count, struct jinja_value *out, struct error *e) MUST_CHECK;

/* dbt's return(x): the nearest macro (not caller) on the stack ends, its text so far is dropped and its value is x with its
 * type. jinja_fn_return is the function, to be registered by whoever wants it; jinja_unwind does it from C and returns the
 * code to return. Outside of a macro it is an error, unless the render is native (jinja_template_value). */
jinja_fn jinja_fn_return;
enum err jinja_unwind(struct jinja_env *env, struct jinja_value v, struct error *e) MUST_CHECK;

enum jinja_op { JINJA_ADD, JINJA_SUB, JINJA_MUL, JINJA_DIV, JINJA_FLOORDIV, JINJA_MOD, JINJA_POW, JINJA_NEG, JINJA_POS };
enum { JINJA_CLASS_MAPPING = 1, JINJA_CLASS_SEQUENCE = 2, JINJA_CLASS_CALLABLE = 4, JINJA_CLASS_STRING = 8 /* `is string` */ };

/* How an object behaves. Any function may be NULL: the default is said beside it. Static, one per type. */
struct jinja_class {
    const char *name; /* Python's type name, in messages and the default repr "<Relation>" */
    unsigned flags;   /* JINJA_CLASS_*: what the tests mapping, sequence, callable and string say */
    /* v.name; leave *out JINJA_ABSENT when there is none (then get_item is asked, as Jinja does). */
    enum err (*get_attr)(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out, struct error *e);
    /* v[key]; JINJA_ABSENT when there is none. */
    enum err (*get_item)(struct jinja_env *env, struct jinja_value self, struct jinja_value key, struct jinja_value *out, struct error *e);
    enum err (*set_attr)(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value item, struct error *e);
    jinja_fn *call; /* v(…), with c->self; needs JINJA_CLASS_CALLABLE */
    /* v.name(…), with c->self and c->name; leave *out JINJA_ABSENT when there is none: then get_attr's value is called.
     * `v.name` without a call gives a bound method if has_method says so. */
    jinja_fn *method;
    bool (*has_method)(struct jinja_value self, struct view name);
    enum err (*to_str)(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e);  /* default: repr */
    enum err (*to_repr)(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e); /* default: "<name>" */
    /* The item at *at, and moves *at on (0 at first; otherwise the object's own); JINJA_ABSENT at the end. NULL: not iterable. */
    enum err (*next)(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e);
    enum err (*length)(struct jinja_env *env, struct jinja_value self, size_t *out, struct error *e);      /* NULL: has no len() */
    enum err (*truth)(struct jinja_env *env, struct jinja_value self, bool *out, struct error *e);         /* default: length, else true */
    enum err (*contains)(struct jinja_env *env, struct jinja_value self, struct jinja_value item, bool *out, struct error *e); /* default: next */
    /* self == other: true, false. Default: the same object. An object with equal needs hash to be a dict key. */
    enum err (*equal)(struct jinja_env *env, struct jinja_value self, struct jinja_value other, bool *out, struct error *e);
    uint64_t (*hash)(struct jinja_value self);                                                              /* default: by identity */
    /* Order of self and other; *known = false when they have none. */
    enum err (*compare)(struct jinja_env *env, struct jinja_value self, struct jinja_value other, int *order, bool *known, struct error *e);
    /* a op b where one of the two is of this class; JINJA_ABSENT when it does not know how. For NEG and POS b is JINJA_ABSENT. */
    enum err (*binary)(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e);
};

struct jinja_value jinja_object(struct jinja_env *env, const struct jinja_class *cls, void *data);
/* The data of an object of this class; NULL for anything else. */
void *jinja_object_data(struct jinja_value v, const struct jinja_class *cls);

/* ---- environment ------------------------------------------------------------------------------------------------------- */

struct jinja_limits {
    uint64_t max_steps;        /* nodes evaluated by one render or invoke; default 50 million */
    uint32_t max_macro_depth;  /* macros active at once; default 250 */
    size_t max_stack_bytes;    /* C stack for nested expressions, blocks and values; default 4 MiB */
    size_t max_output_bytes;   /* text of one render; default 64 MiB */
    size_t max_memory_bytes;   /* values of one env; default 1 GiB */
};

/* limits may be NULL; a zero in it means the default. */
struct jinja_env *jinja_env_new(const struct jinja_limits *limits);
void jinja_env_free(struct jinja_env **env);
size_t jinja_env_memory(const struct jinja_env *env); /* bytes of values so far */

/* Names every template sees, below its context. Present from the start: range, dict, namespace, cycler, joiner (lipsum: error). */
void jinja_env_global(struct jinja_env *env, const char *name, struct jinja_value v);
/* Add or replace. The piped value is args[0]. A test's result counts by its truth. */
void jinja_env_filter(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx);
void jinja_env_test(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx);
/* dbt's modules: {datetime, re, pytz, itertools}; a dict of module objects, made on first use. */
struct jinja_value jinja_modules(struct jinja_env *env);
/* Functions of dbt's context that need no project, as globals:
 * return, set, set_strict, zip, zip_strict, tojson, fromjson, modules. */
void jinja_env_add_dbt_functions(struct jinja_env *env);
/* dbt's lenient parse: an unknown name's attributes, items and calls are unknown names again instead of errors. */
void jinja_env_capture(struct jinja_env *env, bool on);
/* The current time for datetime.now(), utcnow(), today(): microseconds since the epoch; default clock_now_ms() * 1000. */
void jinja_env_now(struct jinja_env *env, int64_t (*now_us)(void *ctx), void *ctx);
/* Asked every few thousand steps; a result other than ERR_OK stops the render with it (ERR_STOPPED on SIGINT). */
void jinja_env_interrupt(struct jinja_env *env, enum err (*check)(void *ctx, struct error *e), void *ctx);

/* The last failure of this env in full, "" if none: several lines, no newline at the end, valid until the next call:
 *     'revenu' is undefined
 *       models/a.sql:3:14
 *       3 | select {{ revenu }}
 *         |           ^
 *       in macro money (macros/money.sql:1), called from models/a.sql:7:4
 *       did you mean 'revenue'? */
const char *jinja_env_trace(const struct jinja_env *env);
/* Where the innermost running template is now: "models/a.sql", 3 (for log lines). NULL name when nothing runs. */
void jinja_env_position(const struct jinja_env *env, const char **name, unsigned *line);

/* Where a free name is looked for, in this order: the template's own variables, `vars` (a dict, or absent), `resolve`, the
 * env's globals. The struct is copied where it must live on; vars and ctx must live as long as macros bound to it. */
struct jinja_context {
    struct jinja_value vars;
    /* Leaves *out JINJA_ABSENT for an unknown name. May be asked again for the same name. */
    enum err (*resolve)(void *ctx, struct jinja_env *env, struct view name, struct jinja_value *out, struct error *e);
    /* Adds (jinja_list_add) the names resolve knows to `list`, for "did you mean"; may be NULL. */
    void (*names)(void *ctx, struct jinja_env *env, struct jinja_value list);
    void *ctx;
};

/* ---- templates ----------------------------------------------------------------------------------------------------------- */

/* dbt's syntax: Jinja2's with the extensions do, loopcontrols, and the blocks materialization, test, data_test and docs;
 * trim_blocks and lstrip_blocks off; one newline at the end of the source is dropped (keep_trailing_newline is off).
 * `name` (copied) and first_line are for messages. Filters and tests unknown to env are an error here, as in Jinja2, unless
 * they stand inside an if. */
enum err jinja_template_parse(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned first_line,
                              struct jinja_template **out, struct error *e) MUST_CHECK;
void jinja_template_free(struct jinja_template **t);
const char *jinja_template_name(const struct jinja_template *t);

/* Appends the text to out. c may be NULL. */
enum err jinja_template_render(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c, struct buf *out, struct error *e) MUST_CHECK;
/* dbt's native rendering (YAML values): one expression gives its value with its type, several pieces their text; strings
 * marked by as_bool, as_number, as_native are evaluated as Python literals, as_text is not. */
enum err jinja_template_value(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c, struct jinja_value *out, struct error *e) MUST_CHECK;
/* Parses and evaluates one expression (the inside of {{ }}); name and line for messages. */
enum err jinja_expression(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned line,
                          const struct jinja_context *c, struct jinja_value *out, struct error *e) MUST_CHECK;

enum jinja_macro_kind { JINJA_MACRO_PLAIN, JINJA_MACRO_TEST, JINJA_MACRO_MATERIALIZATION, JINJA_MACRO_DOCS };
struct jinja_macro_arg {
    struct view name;
    struct view default_source; /* the default's text; ptr NULL when required */
};
/* A macro written at the top level of a template. Views point into the template. */
struct jinja_macro_info {
    enum jinja_macro_kind kind;
    struct view name;      /* as written: "at_least" */
    struct view full_name; /* dbt's: "at_least", "test_at_least", "materialization_view_default" */
    struct view adapter;   /* materialization: "default" when not said */
    struct view languages; /* materialization: supported_languages as written, "" when not said */
    const struct jinja_macro_arg *args;
    size_t arg_count;
    struct view source;    /* from "{% macro" to "%}" of the end tag */
    unsigned line;         /* of the opening tag */
};
size_t jinja_template_macro_count(const struct jinja_template *t);
const struct jinja_macro_info *jinja_template_macro(const struct jinja_template *t, size_t i);
/* The i-th macro as a callable whose free names are looked up in c (copied; may be NULL). Nothing at the top level of the
 * file besides the other macros is visible to it, as in dbt; the other macros are not either: c must know them. */
struct jinja_value jinja_template_bind(struct jinja_env *env, const struct jinja_template *t, size_t i, const struct jinja_context *c);

/* ---- without rendering ----------------------------------------------------------------------------------------------------- */

/* The calls written in a template, in source order, wherever they stand (branches not taken too). */
struct jinja_seen_call {
    const char *path;  /* "ref", "dbt_utils.star", "adapter.dispatch", "ref.render"; the longest chain of names */
    unsigned line, column;
    struct view macro; /* full name of the macro it stands in, "" at the top */
    size_t count;
    const struct jinja_value *args; /* literal arguments; JINJA_ABSENT where it is no literal */
    size_t named_count;
    const struct jinja_named *named;
    bool dynamic; /* *args or **kwargs were used */
};
/* Stops at the first result other than ERR_OK and returns it. Values are made in env. */
enum err jinja_template_calls(struct jinja_env *env, const struct jinja_template *t,
                              enum err (*seen)(void *ctx, const struct jinja_seen_call *call, struct error *e), void *ctx, struct error *e) MUST_CHECK;
/* True when the source holds "{{", "{%" or "{#" at all: text without is its own rendering. */
bool jinja_is_template(const char *source, size_t len);

/* The top-level blocks of a file as dbt's own scanner finds them, before and without parsing what is inside (docs in
 * Markdown, snapshots whose body is a template of its own). `kinds` is a NULL-terminated list: {"docs", NULL},
 * {"snapshot", NULL}. Blocks inside other blocks, comments and raw are not seen. Views point into the source. */
struct jinja_block {
    struct view kind, name;
    struct view args;     /* what follows the name in the tag: "(model, column_name)", ", adapter='x'" */
    struct view full;     /* with its tags */
    struct view contents; /* between the tags */
    unsigned line, contents_line;
};
struct jinja_blocks {
    struct jinja_block *block; /* owned */
    size_t count;
};
enum err jinja_blocks_find(struct jinja_env *env, const char *source, size_t len, const char *name, const char *const *kinds,
                           struct jinja_blocks *out, struct error *e) MUST_CHECK;
void jinja_blocks_reset(struct jinja_blocks *b);

#endif
