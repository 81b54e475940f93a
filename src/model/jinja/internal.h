/* What the files of this folder share. Nobody else includes it. Ownership and errors as in jinja.h. */
#ifndef LAKEFM_MODEL_JINJA_INTERNAL_H
#define LAKEFM_MODEL_JINJA_INTERNAL_H

#include "base/mem.h"
#include "model/jinja/jinja.h"

#include <stdio.h>

/* ---- representation of values ----------------------------------------------------------------------------------- */

/* A str and its subclasses that matter: markupsafe's Markup, and dbt's native markers. */
enum jinja_flavour { STR_PLAIN, STR_MARKUP, STR_TEXT, STR_NATIVE, STR_BOOL, STR_NUMBER };

struct jinja_string {
    const char *ptr; /* UTF-8, '\0' behind it */
    size_t len;      /* bytes */
    size_t chars;    /* code points; SIZE_MAX: not counted yet */
    uint64_t hash;   /* 0: not computed yet */
    enum jinja_flavour flavour;
};

struct jinja_seq {
    struct jinja_value *item;
    size_t count, cap;
    bool group; /* a groupby tuple: has .grouper and .list */
};

/* Insertion-ordered hash table. `entry` holds live and removed entries in order; `index` (open addressing, power of two,
 * NULL while there are few) holds positions + 1. A set is a map whose values are none. */
struct map_entry {
    uint64_t hash;
    struct jinja_value key, value; /* key JINJA_ABSENT: removed */
};
struct jinja_map {
    struct map_entry *entry;
    uint32_t *index;
    size_t used, live, cap, index_cap;
    bool ordered; /* prints as Python's OrderedDict */
};

struct jinja_function {
    const char *name;
    jinja_fn *fn;
    void *ctx;
    struct jinja_value self; /* bound methods; otherwise JINJA_ABSENT */
    const char *type;        /* Python's type name for repr and messages: "function", "builtin_function_or_method" */
};

struct jinja_object {
    const struct jinja_class *cls;
    void *data;
};

enum missing_kind { MISSING_NAME, MISSING_ATTR, MISSING_ITEM, MISSING_HINT };
struct jinja_missing {
    enum missing_kind kind;
    const char *text;          /* NAME, ATTR: the name; HINT: the message */
    struct jinja_value owner;  /* ATTR, ITEM: looked up in this */
    struct jinja_value key;    /* ITEM */
};

/* ---- syntax tree --------------------------------------------------------------------------------------------------- */

struct symbol { /* one per name and template, so that names compare by address */
    struct view name;
    struct jinja_value text; /* as a string constant */
    uint32_t id;
};

enum node_kind {
    NODE_CONST, NODE_NAME, NODE_TUPLE, NODE_LIST, NODE_DICT, NODE_CONCAT, NODE_UNARY, NODE_BINARY, NODE_AND, NODE_OR, NODE_NOT,
    NODE_COMPARE, NODE_COND, NODE_ATTR, NODE_ITEM, NODE_SLICE, NODE_CALL, NODE_FILTER, NODE_TEST,
    NODE_NSREF, /* target a.b */
    NODE_TEXT, NODE_OUTPUT, NODE_FOR, NODE_IF, NODE_MACRO, NODE_CALL_BLOCK, NODE_FILTER_BLOCK, NODE_SET, NODE_SET_BLOCK, NODE_DO,
    NODE_WITH, NODE_BREAK, NODE_CONTINUE,
};

enum compare_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_IN, CMP_NOT_IN };

struct node_list {
    struct node **item;
    size_t count;
};
/* Names that a scope hides from its beginning: local to it and not yet set (analyze.c). */
struct hidden {
    const struct symbol **name;
    size_t count;
};
struct keyword {
    const struct symbol *name;
    struct node *value;
};
struct node_call { /* CALL, FILTER, TEST */
    struct node *of; /* callee or piped value; NULL: the filter of a block */
    const struct symbol *name; /* FILTER, TEST */
    struct node_list args;
    struct keyword *named;
    size_t named_count;
    struct node *more_args, *more_named; /* *x, **x */
};
struct node_compare {
    struct node *first;
    struct {
        enum compare_op op;
        struct node *value;
    } *rest;
    size_t count;
};
struct node_for {
    struct node *target, *over, *test;
    struct node_list body, otherwise;
    struct hidden body_hides, otherwise_hides;
    bool recursive, uses_loop;
};
struct node_if {
    struct {
        struct node *test; /* NULL: else */
        struct node_list body;
    } *branch;
    size_t count;
};
struct node_macro { /* MACRO; the caller of CALL_BLOCK */
    const struct symbol *name; /* NULL: a caller */
    const struct symbol **arg;
    struct node **arg_default; /* NULL where required */
    size_t arg_count;
    struct node_list body;
    struct hidden hides;
    bool uses_caller, uses_kwargs, uses_varargs; /* the body mentions them and they are no arguments */
    struct node *call; /* CALL_BLOCK */
    struct node_macro *outer; /* whose body this one stands in */
};
struct node_with {
    struct node **target, **value;
    size_t count;
    struct node_list body;
    struct hidden hides;
};

struct node {
    uint8_t kind, op; /* op: enum jinja_op for UNARY and BINARY */
    uint32_t at;      /* byte in the template's text */
    union {
        struct jinja_value value;         /* CONST, TEXT */
        const struct symbol *name;        /* NAME */
        struct node_list list;            /* TUPLE, LIST, CONCAT, OUTPUT; DICT: key, value, key, value … */
        struct { struct node *a, *b, *c; }; /* UNARY a; BINARY, AND, OR a b; NOT a; COND a if b else c; ITEM a[b]; SLICE a:b:c; DO a; SET a=b */
        struct { struct node *of; const struct symbol *attr; };     /* ATTR */
        struct { const struct symbol *space, *field; };             /* NSREF */
        struct { struct node *target, *filter; struct node_list body; struct hidden *hides; }; /* SET_BLOCK; FILTER_BLOCK: no target */
        struct node_call *call;
        struct node_compare *compare;
        struct node_for *loop;
        struct node_if *branches;
        struct node_macro *macro;
        struct node_with *with;
    };
};

struct jinja_template {
    struct arena arena;
    const char *name;
    struct view text; /* newlines are \n, the last one dropped */
    unsigned first_line;
    struct node_list body;
    struct hidden hides;
    struct symbol **symbol;
    size_t symbol_count;
    const struct symbol *loop, *caller, *kwargs, *varargs; /* the names with a meaning */
    struct jinja_macro_info *macro; /* of the top level */
    struct node **macro_node;
    size_t macro_count;
};

/* ---- running ---------------------------------------------------------------------------------------------------------- */

struct variable {
    const struct symbol *name;
    struct jinja_value value; /* JINJA_ABSENT: known here but not set yet (hides outer ones) */
};
/* One level of names. Lives in the env's arena, since macros may keep it. */
struct scope {
    struct scope *parent;
    struct variable *var;
    uint32_t count, cap;
    uint32_t *slot; /* by symbol id, position + 1; made when there are many */
    bool kept;      /* a macro refers to it: may not be reused for the next round */
};

struct jinja_macro {
    const struct node_macro *def;
    const struct jinja_template *tpl;
    const char *name;
    struct scope *scope;
    const struct jinja_context *context; /* may be NULL */
    uint32_t at;
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

/* Native rendering: the values of the outputs; neighbouring constants are one text, as Jinja folds them. */
struct native {
    struct jinja_value pieces; /* a list */
    bool text_last;
};

/* One activation: a template or a macro body. */
struct run {
    struct jinja_env *env;
    const struct jinja_template *tpl;
    const struct jinja_context *context;
    struct scope *scope;
    struct buf *out;
    struct native *native; /* outputs are collected here instead */
    struct error *e;
    enum flow flow;
    const struct node *now;
    struct run *below;          /* the activation that called this one, whatever is between */
    const struct jinja_macro *macro;
};

struct jinja_env {
    struct arena arena;
    struct jinja_limits limit;
    struct jinja_value globals, filters, tests, modules;
    uint64_t steps, next_check;
    const char *stack_base;
    uint32_t depth, macro_depth; /* entries from outside; macros */
    uint32_t nest;               /* containers inside containers that are walked now */
    struct run *top;
    const struct repr_level *repr_top; /* containers being printed now */
    bool capture, native;
    bool failed;             /* the failure under way has its place */
    bool unwinding;          /* return() is on its way to its macro */
    struct jinja_value unwound;
    struct buf trace;
    const char *unknown;     /* the name whose use failed, for the suggestion */
    struct jinja_value unknown_owner;
    int64_t (*now_us)(void *ctx);
    void *now_ctx;
    enum err (*interrupt)(void *ctx, struct error *e);
    void *interrupt_ctx;
    struct jinja_template **owned; /* of jinja_expression: its constants may live on in values */
    size_t owned_count, owned_cap;
    struct regex **regex;      /* compiled patterns, found by regex_index["flags:pattern"] */
    size_t regex_count, regex_cap, outside_bytes; /* memory of them, which the arena does not know */
    struct jinja_value regex_index;
};

/* ---- failing (fail.c) -------------------------------------------------------------------------------------------------- */

#define FAIL(e, ...) err_set((e), ERR_INPUT, __VA_ARGS__)
enum err fail_undefined(struct jinja_env *env, struct jinja_value v, struct error *e);
/* "unsupported operand type(s) for +: 'int' and 'str'" */
enum err fail_operands(const char *op, struct jinja_value a, struct jinja_value b, struct error *e);
/* Puts place, trace and suggestion to an error that has none yet; returns rc. */
enum err fail_at(struct run *r, const struct node *n, enum err rc);
enum err fail_syntax(struct jinja_env *env, const char *name, unsigned first_line, struct view text, uint32_t at, struct error *e);
/* Bounds: steps, stack, memory. */
enum err env_charge(struct jinja_env *env, uint64_t steps, struct error *e) MUST_CHECK;
enum err env_room(struct jinja_env *env, size_t bytes, struct error *e) MUST_CHECK; /* before taking so much at once */
enum err env_deeper(struct jinja_env *env, struct error *e) MUST_CHECK;             /* C stack left? */
enum err env_nest(struct jinja_env *env, struct error *e) MUST_CHECK;               /* one container deeper, as deep as CPython goes; then env->nest-- */
/* Around every entry from outside: limits start anew for the outermost. */
void env_enter(struct jinja_env *env);
void env_leave(struct jinja_env *env);
/* Is the text being built within bounds? */
enum err text_within(struct jinja_env *env, const struct buf *b, struct error *e) MUST_CHECK;

/* ---- values (value.c, map.c, number.c, text.c, repr.c, compare.c) ------------------------------------------------------------ */

void *env_alloc(struct jinja_env *env, size_t bytes);
struct jinja_value str_borrow(struct jinja_env *env, const char *s, size_t len); /* valid UTF-8 that lives as long; terminated */
struct jinja_value str_copy(struct jinja_env *env, const char *s, size_t len);   /* valid UTF-8 */
struct jinja_value str_take(struct jinja_env *env, struct buf *b);               /* copies and resets b */
struct jinja_value str_flavoured(struct jinja_env *env, struct jinja_value s, enum jinja_flavour flavour);
struct jinja_value str_const(struct arena *a, const char *s, size_t len);        /* for templates: complete, never written again */
size_t str_chars(struct jinja_value s);                                         /* code points */
bool str_ascii(struct jinja_value s);
size_t str_offset(struct jinja_value s, size_t character);                      /* byte offset of a code point (or the end) */
uint64_t str_hash(struct jinja_string *s);
#define SV(v) jinja_string_view(v)
struct jinja_value list_with_room(struct jinja_env *env, size_t cap);
void seq_push(struct jinja_env *env, struct jinja_seq *s, struct jinja_value v);
struct jinja_value undefined_attr(struct jinja_env *env, struct jinja_value owner, struct view name);
struct jinja_value undefined_item(struct jinja_env *env, struct jinja_value owner, struct jinja_value key);
struct jinja_value undefined_hint(struct jinja_env *env, const char *hint);
struct jinja_value bound_method(struct jinja_env *env, const char *name, jinja_fn *fn, struct jinja_value self);
/* A one-shot iterator over the items of a list; prints as "<generator object NAME at 0x…>". */
struct jinja_value generator_new(struct jinja_env *env, const char *name, struct jinja_value list);
/* The same, the items made by `make` (a list) when they are first asked for, with the arguments of this call. */
struct jinja_value generator_later(const char *name, jinja_fn *make, const struct jinja_call *c);
bool is_generator(struct jinja_value v);
bool is_number(struct jinja_value v); /* bool, int, float */

struct jinja_map *map_new(struct jinja_env *env);
enum err map_put(struct jinja_env *env, struct jinja_map *m, struct jinja_value key, struct jinja_value item, struct error *e) MUST_CHECK;
enum err map_find(struct jinja_env *env, const struct jinja_map *m, struct jinja_value key, struct map_entry **out, struct error *e) MUST_CHECK;
struct map_entry *map_find_view(const struct jinja_map *m, struct view key, uint64_t hash);
void map_remove(struct jinja_map *m, struct map_entry *entry);
void map_clear(struct jinja_map *m);
struct jinja_map *map_copy(struct jinja_env *env, const struct jinja_map *m);
enum err value_hash(struct jinja_value v, uint64_t *out, struct error *e) MUST_CHECK;

enum err value_contains(struct jinja_env *env, struct jinja_value in, struct jinja_value item, bool *out, struct error *e) MUST_CHECK;
enum err value_ordered(struct jinja_env *env, enum compare_op op, struct jinja_value a, struct jinja_value b, bool *out, struct error *e) MUST_CHECK;
/* Sorts items by keys (stable; reverse keeps stability as Python does). */
enum err value_sort(struct jinja_env *env, struct jinja_value *items, struct jinja_value *keys, size_t count, bool reverse, struct error *e) MUST_CHECK;
bool value_identical(struct jinja_value a, struct jinja_value b);
enum { UNORDERED = -9999 }; /* the order of a NaN and anything; a class of ours may give it too */

void float_repr(double d, struct buf *out);
/* Python's int(text, base): white space around, sign, underscores, prefix. false: not a number; *too_large: out of range. */
bool int_parse(struct view s, int base, int64_t *out, bool *too_large);
bool float_parse(struct view s, double *out);
/* The integer that the value stands for as an index or count: int or bool. */
bool value_index(struct jinja_value v, int64_t *out);
enum err value_to_int(struct jinja_env *env, struct jinja_value v, int64_t *out, struct error *e) MUST_CHECK;   /* int(v) */
enum err value_to_float(struct jinja_env *env, struct jinja_value v, double *out, struct error *e) MUST_CHECK;  /* float(v) */
void str_repr(struct view s, struct buf *out);
double round_to(double v, int64_t digits);

bool uni_space(uint32_t c);
bool uni_alpha(uint32_t c);
bool uni_alnum(uint32_t c);
bool uni_decimal(uint32_t c);
bool uni_digit(uint32_t c);
bool uni_numeric(uint32_t c);
bool uni_upper(uint32_t c);
bool uni_lower(uint32_t c);
bool uni_title(uint32_t c);
bool uni_cased(uint32_t c);
bool uni_printable(uint32_t c);
bool uni_ignorable(uint32_t c);
enum uni_case { UNI_LOWER, UNI_UPPER, UNI_TITLE, UNI_FOLD };
/* Appends the mapping of one code point (which may be several). */
void uni_map(uint32_t c, enum uni_case how, struct buf *out);

/* ---- iteration (iterate.c) ------------------------------------------------------------------------------------------------ */

struct iter {
    struct jinja_value over;
    size_t at, guard;
    bool charge;
};
bool value_iterable(struct jinja_value v);
enum err iter_start(struct jinja_env *env, struct jinja_value v, struct iter *it, struct error *e) MUST_CHECK;
enum err iter_next(struct jinja_env *env, struct iter *it, struct jinja_value *out, struct error *e) MUST_CHECK; /* JINJA_ABSENT at the end */
bool value_has_length(struct jinja_value v);
enum err value_length(struct jinja_env *env, struct jinja_value v, size_t *out, struct error *e) MUST_CHECK;
/* Fills exactly n places from an iterable, or fails as Python's unpacking does. */
enum err value_unpack(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, size_t n, struct error *e) MUST_CHECK;

/* ---- operations (ops.c, access.c, call.c) ------------------------------------------------------------------------------------- */

enum err op_binary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value b, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err op_unary(struct jinja_env *env, enum jinja_op op, struct jinja_value a, struct jinja_value *out, struct error *e) MUST_CHECK;
const char *op_sign(enum jinja_op op);
enum err access_attr(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_value *out, struct error *e) MUST_CHECK;
/* Only v's own attribute, without falling back to v[name]; JINJA_ABSENT when there is none. */
enum err access_own_attr(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err access_item(struct jinja_env *env, struct jinja_value v, struct jinja_value key, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err access_slice(struct jinja_env *env, struct jinja_value v, struct jinja_value from, struct jinja_value to, struct jinja_value step, struct jinja_value *out, struct error *e) MUST_CHECK;
/* "a.b.0" as the filters understand it. */
enum err access_path(struct jinja_env *env, struct jinja_value v, struct jinja_value path, struct jinja_value fallback, struct jinja_value *out, struct error *e) MUST_CHECK;

enum err dict_update(struct jinja_env *env, struct jinja_map *m, struct jinja_value from, struct error *e) MUST_CHECK; /* dict.update(from) */
enum err set_of(struct jinja_env *env, struct jinja_value over, struct jinja_value *out, struct error *e) MUST_CHECK;  /* set(over) */

/* A method of a builtin type, NULL when it has none of this name. */
struct method {
    const char *name;
    jinja_fn *fn;
};
const struct method *method_find(struct jinja_value v, struct view name);
extern const struct method methods_str[], methods_str_ask[], methods_list[], methods_tuple[], methods_dict[], methods_set[], methods_int[], methods_float[];
extern const size_t methods_str_count, methods_str_ask_count, methods_list_count, methods_tuple_count, methods_dict_count, methods_set_count, methods_int_count, methods_float_count;
void method_names(struct jinja_env *env, struct jinja_value v, struct jinja_value list);

/* A filter or test by name, as {{ x|name }} would call it. */
enum err call_filter(struct jinja_env *env, struct jinja_value name, struct jinja_value value, const struct jinja_call *more, size_t skip, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err call_test(struct jinja_env *env, struct jinja_value name, struct jinja_value value, const struct jinja_call *more, size_t skip, bool *out, struct error *e) MUST_CHECK;
enum err call_value(struct jinja_env *env, struct jinja_value f, struct jinja_call *c, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err call_method(struct jinja_env *env, struct jinja_value v, struct jinja_value name, struct jinja_call *c, struct jinja_value *out, struct error *e) MUST_CHECK;

/* ---- evaluation (eval.c, exec.c, macro.c) ---------------------------------------------------------------------------------------- */

enum err eval(struct run *r, const struct node *n, struct jinja_value *out) MUST_CHECK;
enum err eval_call(struct run *r, const struct node *n, struct jinja_value caller, struct jinja_value *out) MUST_CHECK;
enum err eval_filter(struct run *r, const struct node *n, struct jinja_value piped, struct jinja_value *out) MUST_CHECK;
enum err exec(struct run *r, const struct node *n) MUST_CHECK;
enum err exec_list(struct run *r, const struct node_list *list) MUST_CHECK;
enum err exec_for(struct run *r, const struct node *n) MUST_CHECK;
enum err exec_assign(struct run *r, const struct node *target, struct jinja_value v) MUST_CHECK;
/* Runs statements with their text in a string of its own. */
enum err exec_capture(struct run *r, const struct node_list *list, const struct hidden *hides, struct jinja_value *out) MUST_CHECK;
enum err macro_invoke(struct jinja_env *env, const struct jinja_macro *m, const struct jinja_call *c, struct jinja_value *out, struct error *e) MUST_CHECK;
struct jinja_value macro_new(struct run *r, const struct node_macro *def, uint32_t at);
/* Would Jinja fold this expression when it compiles? Then *out is its value. (Matters to native rendering only.) */
bool node_folds(struct run *r, const struct node *n, struct jinja_value *out);

void scope_keep(struct scope *s); /* a macro refers to it from now on */
struct scope *scope_new(struct jinja_env *env, struct scope *parent);
struct scope *scope_hiding(struct jinja_env *env, const struct jinja_template *t, struct scope *parent, const struct hidden *hides);
void scope_hide(struct jinja_env *env, const struct jinja_template *t, struct scope *s, const struct hidden *hides);
const struct node *template_analyze(struct jinja_template *t); /* the node that is nested too deeply, or NULL */
void scope_set(struct jinja_env *env, const struct jinja_template *t, struct scope *s, const struct symbol *name, struct jinja_value v);
struct variable *scope_find(struct scope *s, const struct symbol *name); /* in this scope alone */
enum err name_lookup(struct run *r, const struct symbol *name, struct jinja_value *out) MUST_CHECK;

/* ---- builtins --------------------------------------------------------------------------------------------------------------------- */

struct builtin {
    const char *name;
    jinja_fn *fn;
    bool impure; /* Jinja does not fold it: it looks at the context */
};
extern const struct builtin filters_text[], filters_seq[], filters_number[], filters_pick[], tests_all[], globals_all[];
bool filter_is_impure(struct view name);
void builtins_add(struct jinja_env *env);

extern const struct jinja_class class_range, class_namespace, class_loop, class_generator, class_view;
struct jinja_value range_slice(struct jinja_env *env, struct jinja_value v, int64_t from, int64_t to, int64_t step, size_t count);
extern const struct jinja_class class_date, class_datetime, class_time, class_timedelta, class_tzinfo, class_decimal;
enum err decimal_to_int(struct jinja_value v, int64_t *out, struct error *e) MUST_CHECK;
double decimal_to_float(struct jinja_value v);
void decimal_abs(struct jinja_env *env, struct jinja_value v, struct jinja_value *out);
enum err decimal_round(struct jinja_env *env, struct jinja_value v, int64_t digits, struct jinja_value *out, struct error *e) MUST_CHECK;
void timedelta_abs(struct jinja_env *env, struct jinja_value v, struct jinja_value *out);
jinja_fn filter_wordwrap; /* wordwrap.c */
enum { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };
struct jinja_value dict_view(struct jinja_env *env, struct jinja_value dict, int what);
enum err namespace_set(struct jinja_env *env, struct jinja_value ns, struct jinja_value name, struct jinja_value v, struct error *e) MUST_CHECK;

struct jinja_value module_datetime(struct jinja_env *env);
struct jinja_value module_re(struct jinja_env *env);
struct jinja_value module_pytz(struct jinja_env *env);
struct jinja_value module_itertools(struct jinja_env *env);

/* format.c: the % operator and str.format's mini-language. */
enum err format_percent(struct jinja_env *env, struct jinja_value fmt, struct jinja_value args, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err format_braces(struct jinja_env *env, struct jinja_value fmt, const struct jinja_call *args, size_t skip, struct jinja_value *out, struct error *e) MUST_CHECK;
enum err format_spec(struct jinja_env *env, struct jinja_value v, struct view spec, struct buf *out, struct error *e) MUST_CHECK;
void html_escape(struct view s, struct buf *out);
/* escape(v) of markupsafe: Markup stays, everything else is turned to text and escaped. */
enum err value_escape(struct jinja_env *env, struct jinja_value v, struct jinja_value *out, struct error *e) MUST_CHECK;

/* Shared by filters and methods. */
struct jinja_value text_strip(struct jinja_env *env, struct jinja_value s, struct view chars, bool all_space, bool left, bool right);
enum err text_replace(struct jinja_env *env, struct view s, struct view from, struct view to, int64_t most, struct buf *out, struct error *e) MUST_CHECK;
void text_case(struct view s, enum uni_case how, struct buf *out);
void text_lower_at(struct view s, size_t at, struct buf *out); /* the character at byte `at` of s, in lower case (Σ looks around) */
void text_capitalize(struct view s, struct buf *out);
enum err text_pad(struct jinja_env *env, struct jinja_value s, int64_t width, struct view fill, int side, struct jinja_value *out, struct error *e) MUST_CHECK; /* side: -1 ljust, 0 center, 1 rjust */
bool text_is_case(struct view s, bool upper); /* str.isupper, str.islower */
struct jinja_value text_splitlines(struct jinja_env *env, struct view s, bool keep);

/* ---- parsing ------------------------------------------------------------------------------------------------------------------------- */

enum token_kind {
    TOKEN_EOF, TOKEN_DATA, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, TOKEN_BLOCK_BEGIN, TOKEN_BLOCK_END, TOKEN_NAME, TOKEN_STRING,
    TOKEN_INTEGER, TOKEN_FLOAT, TOKEN_ADD, TOKEN_ASSIGN, TOKEN_COLON, TOKEN_COMMA, TOKEN_DIV, TOKEN_DOT, TOKEN_EQ, TOKEN_FLOORDIV,
    TOKEN_GT, TOKEN_GTEQ, TOKEN_LBRACE, TOKEN_LBRACKET, TOKEN_LPAREN, TOKEN_LT, TOKEN_LTEQ, TOKEN_MOD, TOKEN_MUL, TOKEN_NE,
    TOKEN_PIPE, TOKEN_POW, TOKEN_RBRACE, TOKEN_RBRACKET, TOKEN_RPAREN, TOKEN_SEMICOLON, TOKEN_SUB, TOKEN_TILDE,
};
struct token {
    enum token_kind kind;
    uint32_t at, end;         /* bytes of the text */
    struct jinja_value value; /* DATA, NAME, STRING: text; INTEGER, FLOAT: number */
};
struct lexer {
    struct arena *arena;
    struct view text;
    struct token *token; /* heap, owned by the caller */
    size_t count, cap;
    uint32_t fail_at;    /* where an error is */
    struct error *e;
};
/* The whole text into tokens, TOKEN_EOF last. As jinja2.lexer with dbt's settings. inside: the text is an expression. */
enum err lexer_run(struct lexer *l, bool inside) MUST_CHECK;
const char *token_describe(enum token_kind kind);

struct parser {
    struct jinja_env *env;
    struct jinja_template *t;
    struct token *token, *now;
    struct error *e;
    uint32_t fail_at, line_at, lines; /* newlines before line_at */
    const char *stack_base;
    bool soft;           /* inside an if: unknown filters fail when run */
    const struct token *lacking; /* an unknown filter or test, to be refused unless an inline if turns up behind it */
    const struct symbol *lacking_name;
    bool lacking_filter;
    unsigned loops;      /* for around us: break and continue allowed, `loop` not a target */
    unsigned fors;
    const char *const *end[64]; /* end tags being looked for, outermost first */
    const char *tag[64];
    unsigned end_depth, tag_depth;
    const struct symbol **symbol_index; /* open addressing */
    size_t symbol_index_cap;
    struct node_macro *in_macro; /* whose body we are in */
    struct node_for *in_for;
    struct macro_vec { struct jinja_macro_info *info; struct node **node; size_t count, cap, node_cap; } macros; /* heap while growing */
};
enum err parse_error(struct parser *p, const struct token *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
const struct symbol *parse_symbol(struct parser *p, struct view name);
struct view token_text(struct parser *p, const struct token *t);
void *arena_keep(struct arena *a, const void *p, size_t bytes); /* a copy; NULL when empty */
enum err parse_unexpected_tag(struct parser *p, const struct token *at, const char *name);
/* As parse_statements, but its filters must be known even if the statement stands in an if, as Jinja's compiler has it. */
enum err parse_hard_statements(struct parser *p, const char *const *ends, bool drop, struct node_list *out) MUST_CHECK;
enum err parse_macro(struct parser *p, enum jinja_macro_kind kind, struct node **out) MUST_CHECK;
enum err parse_call_block(struct parser *p, struct node **out) MUST_CHECK;
/* A node of two operands (or one, b NULL). */
enum err parse_pair(struct parser *p, enum node_kind kind, int op, const struct token *at, struct node *a, struct node *b, struct node **out);
enum err parse_unary(struct parser *p, bool with_filter, struct node **out) MUST_CHECK;
struct node *syntax_new(struct parser *p, enum node_kind kind, uint32_t at);
bool token_is_name(const struct token *t, const char *name);
enum err parse_expect(struct parser *p, enum token_kind kind);
enum err parse_expect_name(struct parser *p, const char *name);
bool parse_skip(struct parser *p, enum token_kind kind);
bool parse_skip_name(struct parser *p, const char *name);
struct node_vec { struct node **item; size_t count, cap; }; /* heap while growing */
void node_push(struct node_vec *v, struct node *n);
struct node_list node_list_take(struct parser *p, struct node_vec *v);
enum err parse_expression(struct parser *p, bool with_cond, struct node **out) MUST_CHECK;
enum { TUPLE_SIMPLE = 1, TUPLE_NO_COND = 2, TUPLE_PARENS = 4, TUPLE_NAMESPACE = 8 };
enum err parse_tuple(struct parser *p, unsigned how, const char *end_name, struct node **out) MUST_CHECK;
enum err parse_primary(struct parser *p, bool with_namespace, struct node **out) MUST_CHECK;
enum err parse_filter(struct parser *p, struct node *of, bool start_inline, struct node **out) MUST_CHECK;
enum err parse_target(struct parser *p, bool name_only, bool with_namespace, const char *end_name, struct node **out) MUST_CHECK;
enum err parse_statement(struct parser *p, struct node **out) MUST_CHECK;
enum err parse_statements(struct parser *p, const char *const *ends, bool drop, struct node_list *out) MUST_CHECK;
/* The text up to the first of the end tags; at the end of file if there are none. */
enum err parse_sub(struct parser *p, const char *const *ends, struct node_list *out) MUST_CHECK;
enum err parse_lacking(struct parser *p) MUST_CHECK; /* refuses p->lacking, if any */
enum err parse_deeper(struct parser *p) MUST_CHECK;
void parse_name_seen(struct parser *p, const struct symbol *name);


enum err template_parse(struct jinja_env *env, const char *source, size_t len, const char *name, unsigned first_line, bool expression,
                        struct jinja_template **out, struct error *e) MUST_CHECK;

#endif
