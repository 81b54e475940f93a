/* Making values: strings, lists, undefined, functions, objects. */
#include "model/jinja/internal.h"

#include "base/hash.h"

#include <stdlib.h>

void *env_alloc(struct jinja_env *env, size_t bytes) { return arena_alloc(&env->arena, bytes); }

/* ---- strings ---------------------------------------------------------------------------------------------------- */

/* The hash and the count of characters are kept when they were first needed; several threads may read one value, so the fields
 * are written atomically (each would write the same). */
uint64_t str_hash(struct jinja_string *s)
{
    uint64_t h = __atomic_load_n(&s->hash, __ATOMIC_RELAXED);
    if (h) return h;
    h = hash_64(s->ptr, s->len, 0) | 1;
    __atomic_store_n(&s->hash, h, __ATOMIC_RELAXED);
    return h;
}

static size_t count_chars(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static struct jinja_value str_make(struct arena *a, const char *s, size_t len)
{
    struct jinja_string *out = arena_alloc(a, sizeof *out);
    *out = (struct jinja_string){.ptr = s, .len = len, .chars = SIZE_MAX};
    return (struct jinja_value){.type = JINJA_STRING, .as.string = out};
}

struct jinja_value str_const(struct arena *a, const char *s, size_t len)
{
    struct jinja_value v = str_make(a, arena_strndup(a, s, len), len);
    v.as.string->chars = count_chars(s, len);
    str_hash(v.as.string);
    return v;
}

struct jinja_value str_borrow(struct jinja_env *env, const char *s, size_t len) { return str_make(&env->arena, s, len); }
struct jinja_value str_copy(struct jinja_env *env, const char *s, size_t len) { return str_make(&env->arena, arena_strndup(&env->arena, s, len), len); }

struct jinja_value str_take(struct jinja_env *env, struct buf *b)
{
    struct jinja_value v = str_copy(env, b->ptr ? b->ptr : "", b->len);
    buf_reset(b);
    return v;
}

struct jinja_value str_flavoured(struct jinja_env *env, struct jinja_value s, enum jinja_flavour flavour)
{
    if (s.as.string->flavour == flavour) return s;
    struct jinja_value v = str_borrow(env, s.as.string->ptr, s.as.string->len);
    v.as.string->flavour = flavour;
    return v;
}

size_t str_chars(struct jinja_value s)
{
    size_t n = __atomic_load_n(&s.as.string->chars, __ATOMIC_RELAXED);
    if (n != SIZE_MAX) return n;
    n = count_chars(s.as.string->ptr, s.as.string->len);
    __atomic_store_n(&s.as.string->chars, n, __ATOMIC_RELAXED);
    return n;
}

bool str_ascii(struct jinja_value s) { return str_chars(s) == s.as.string->len; }

size_t str_offset(struct jinja_value s, size_t character)
{
    struct view v = SV(s);
    if (str_ascii(s)) return character < v.len ? character : v.len;
    size_t at = 0;
    while (character && at < v.len) {
        at++;
        while (at < v.len && ((unsigned char)v.ptr[at] & 0xc0) == 0x80) at++;
        character--;
    }
    return at;
}

struct jinja_value jinja_string(struct jinja_env *env, const char *s, size_t len)
{
    if (utf8_valid(s, len)) return str_copy(env, s, len);
    struct buf b = {0};
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_length(s + i, len - i);
        if (n) buf_add(&b, s + i, n);
        else buf_add(&b, "\xef\xbf\xbd", 3), n = 1;
    }
    return str_take(env, &b);
}

struct jinja_value jinja_text(struct jinja_env *env, const char *s) { return jinja_string(env, s ? s : "", s ? strlen(s) : 0); }
struct jinja_value jinja_view(struct jinja_env *env, struct view v) { return jinja_string(env, v.ptr ? v.ptr : "", v.len); }

struct jinja_value jinja_printf(struct jinja_env *env, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    struct jinja_value v;
    if (n < (int)sizeof small) {
        v = jinja_string(env, small, n < 0 ? 0 : (size_t)n);
    } else {
        char *large = mem_alloc((size_t)n + 1);
        vsnprintf(large, (size_t)n + 1, fmt, again);
        v = jinja_string(env, large, (size_t)n);
        mem_free(large);
    }
    va_end(again);
    return v;
}

struct view jinja_string_view(struct jinja_value v)
{
    if (v.type != JINJA_STRING) return view_from("", 0);
    return view_from(v.as.string->ptr, v.as.string->len);
}

/* ---- undefined ------------------------------------------------------------------------------------------------------ */

static struct jinja_value missing_new(struct jinja_env *env, enum missing_kind kind, const char *text)
{
    struct jinja_missing *m = env_alloc(env, sizeof *m);
    *m = (struct jinja_missing){.kind = kind, .text = text};
    return (struct jinja_value){.type = JINJA_UNDEFINED, .as.missing = m};
}

struct jinja_value jinja_undefined(struct jinja_env *env, const char *name) { return missing_new(env, MISSING_NAME, arena_strdup(&env->arena, name)); }
struct jinja_value undefined_hint(struct jinja_env *env, const char *hint) { return missing_new(env, MISSING_HINT, arena_strdup(&env->arena, hint)); }

struct jinja_value undefined_attr(struct jinja_env *env, struct jinja_value owner, struct view name)
{
    struct jinja_value v = missing_new(env, MISSING_ATTR, arena_strndup(&env->arena, name.ptr, name.len));
    v.as.missing->owner = owner;
    return v;
}

struct jinja_value undefined_item(struct jinja_env *env, struct jinja_value owner, struct jinja_value key)
{
    struct jinja_value v = missing_new(env, MISSING_ITEM, NULL);
    v.as.missing->owner = owner;
    v.as.missing->key = key;
    return v;
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

struct jinja_value list_with_room(struct jinja_env *env, size_t cap)
{
    struct jinja_seq *s = env_alloc(env, sizeof *s);
    *s = (struct jinja_seq){.cap = cap};
    if (cap) s->item = env_alloc(env, cap * sizeof *s->item);
    return (struct jinja_value){.type = JINJA_LIST, .as.seq = s};
}

struct jinja_value jinja_list(struct jinja_env *env) { return list_with_room(env, 0); }

void seq_push(struct jinja_env *env, struct jinja_seq *s, struct jinja_value v)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        struct jinja_value *more = env_alloc(env, cap * sizeof *more);
        if (s->count) memcpy(more, s->item, s->count * sizeof *more);
        s->item = more;
        s->cap = cap;
    }
    s->item[s->count++] = v;
}

void jinja_list_add(struct jinja_env *env, struct jinja_value list, struct jinja_value item)
{
    if (list.type == JINJA_LIST) seq_push(env, list.as.seq, item);
}

struct jinja_value jinja_tuple(struct jinja_env *env, const struct jinja_value *items, size_t count)
{
    struct jinja_value v = list_with_room(env, count);
    v.type = JINJA_TUPLE;
    v.as.seq->count = count;
    if (count) memcpy(v.as.seq->item, items, count * sizeof *items);
    return v;
}

size_t jinja_seq_count(struct jinja_value v) { return v.type == JINJA_LIST || v.type == JINJA_TUPLE ? v.as.seq->count : 0; }
const struct jinja_value *jinja_seq_items(struct jinja_value v) { return v.type == JINJA_LIST || v.type == JINJA_TUPLE ? v.as.seq->item : NULL; }

/* ---- functions and objects ---------------------------------------------------------------------------------------------- */

static struct jinja_value function_new(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx, struct jinja_value self, const char *type)
{
    struct jinja_function *f = env_alloc(env, sizeof *f);
    *f = (struct jinja_function){name, fn, ctx, self, type};
    return (struct jinja_value){.type = JINJA_FUNCTION, .as.function = f};
}

struct jinja_value jinja_function(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx)
{
    return function_new(env, arena_strdup(&env->arena, name), fn, ctx, (struct jinja_value){0}, "function");
}

struct jinja_value bound_method(struct jinja_env *env, const char *name, jinja_fn *fn, struct jinja_value self)
{
    return function_new(env, name, fn, NULL, self, "builtin_function_or_method");
}

struct jinja_value jinja_object(struct jinja_env *env, const struct jinja_class *cls, void *data)
{
    struct jinja_object *o = env_alloc(env, sizeof *o);
    *o = (struct jinja_object){cls, data};
    return (struct jinja_value){.type = JINJA_OBJECT, .as.object = o};
}

void *jinja_object_data(struct jinja_value v, const struct jinja_class *cls)
{
    return v.type == JINJA_OBJECT && v.as.object->cls == cls ? v.as.object->data : NULL;
}

bool jinja_is_callable(struct jinja_value v)
{
    if (v.type == JINJA_OBJECT) return v.as.object->cls->flags & JINJA_CLASS_CALLABLE;
    return v.type == JINJA_FUNCTION || v.type == JINJA_MACRO || v.type == JINJA_UNDEFINED;
}

bool is_number(struct jinja_value v) { return v.type == JINJA_BOOL || v.type == JINJA_INT || v.type == JINJA_FLOAT; }

bool value_index(struct jinja_value v, int64_t *out)
{
    if (v.type == JINJA_INT) return *out = v.as.integer, true;
    if (v.type == JINJA_BOOL) return *out = v.as.boolean, true;
    return false;
}

bool value_identical(struct jinja_value a, struct jinja_value b)
{
    if (a.type != b.type) return false;
    switch (a.type) {
    case JINJA_ABSENT:
    case JINJA_NONE: return true;
    case JINJA_BOOL: return a.as.boolean == b.as.boolean;
    case JINJA_INT: return a.as.integer == b.as.integer;
    default: return a.as.string == b.as.string; /* pointers all */
    }
}

const char *jinja_type_name(struct jinja_value v)
{
    switch (v.type) {
    case JINJA_ABSENT:
    case JINJA_UNDEFINED: return "Undefined";
    case JINJA_NONE: return "NoneType";
    case JINJA_BOOL: return "bool";
    case JINJA_INT: return "int";
    case JINJA_FLOAT: return "float";
    case JINJA_STRING: return v.as.string->flavour == STR_MARKUP ? "Markup" : "str";
    case JINJA_LIST: return "list";
    case JINJA_TUPLE: return v.as.seq->group ? "_GroupTuple" : "tuple";
    case JINJA_DICT: return "dict";
    case JINJA_SET: return "set";
    case JINJA_FUNCTION: return v.as.function->type;
    case JINJA_MACRO: return "Macro";
    case JINJA_OBJECT: return v.as.object->cls->name;
    }
    return "object";
}

/* ---- one-shot iterators -------------------------------------------------------------------------------------------------- */

struct generator {
    const char *name;
    struct jinja_seq *items; /* NULL: not made yet */
    size_t at;
    jinja_fn *make;          /* gives the items as a list */
    struct jinja_call call;
};

static enum err generator_next(struct jinja_env *env, struct jinja_value self, size_t *at, struct jinja_value *out, struct error *e)
{
    struct generator *g = self.as.object->data;
    (void)env, (void)at;
    if (!g->items) {
        struct jinja_value list = {0};
        enum err rc = g->make(&g->call, &list, e);
        if (rc) return rc;
        g->items = list.as.seq;
    }
    *out = g->at < g->items->count ? g->items->item[g->at++] : (struct jinja_value){0};
    return ERR_OK;
}

static enum err generator_truth(struct jinja_env *env, struct jinja_value self, bool *out, struct error *e)
{
    (void)env, (void)self, (void)e;
    return *out = true, ERR_OK;
}

static enum err generator_repr(struct jinja_env *env, struct jinja_value self, struct buf *out, struct error *e)
{
    struct generator *g = self.as.object->data;
    (void)env, (void)e;
    buf_printf(out, "<%s at 0x%012zx>", g->name, (size_t)0);
    return ERR_OK;
}

const struct jinja_class class_generator = {.name = "generator", .next = generator_next, .truth = generator_truth, .to_repr = generator_repr};

struct jinja_value generator_new(struct jinja_env *env, const char *name, struct jinja_value list)
{
    struct generator *g = env_alloc(env, sizeof *g);
    *g = (struct generator){.name = name, .items = list.as.seq};
    return jinja_object(env, &class_generator, g);
}

struct jinja_value generator_later(const char *name, jinja_fn *make, const struct jinja_call *c)
{
    struct jinja_env *env = c->env;
    struct generator *g = env_alloc(env, sizeof *g);
    struct jinja_value *args = env_alloc(env, (c->count + 1) * sizeof *args);
    struct jinja_named *named = env_alloc(env, (c->named_count + 1) * sizeof *named);
    if (c->count) memcpy(args, c->args, c->count * sizeof *args);
    if (c->named_count) memcpy(named, c->named, c->named_count * sizeof *named);
    *g = (struct generator){.name = name, .make = make, .call = *c};
    g->call.args = args;
    g->call.named = named;
    return jinja_object(env, &class_generator, g);
}

bool is_generator(struct jinja_value v) { return v.type == JINJA_OBJECT && v.as.object->cls == &class_generator; }
