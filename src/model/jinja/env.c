/* The environment: limits, globals, filters, tests. */
#include "model/jinja/internal.h"
#include "model/jinja/regex.h"

#include "base/clock.h"

static int64_t clock_now_us(void *ctx)
{
    (void)ctx;
    return clock_now_ms() * 1000;
}

static void limits_set(struct jinja_limits *l, const struct jinja_limits *given)
{
    *l = given ? *given : (struct jinja_limits){0};
    if (!l->max_steps) l->max_steps = 50000000;
    if (!l->max_macro_depth) l->max_macro_depth = 250;
    if (!l->max_stack_bytes) l->max_stack_bytes = (size_t)4 << 20;
    if (!l->max_output_bytes) l->max_output_bytes = (size_t)64 << 20;
    if (!l->max_memory_bytes) l->max_memory_bytes = (size_t)1 << 30;
}

struct jinja_env *jinja_env_new(const struct jinja_limits *limits)
{
    struct jinja_env *env = mem_zalloc(sizeof *env);
    arena_init(&env->arena);
    limits_set(&env->limit, limits);
    env->globals = jinja_dict(env);
    env->filters = jinja_dict(env);
    env->tests = jinja_dict(env);
    env->now_us = clock_now_us;
    env->next_check = UINT64_MAX;
    builtins_add(env);
    return env;
}

void jinja_env_free(struct jinja_env **env)
{
    if (!env || !*env) return;
    struct jinja_env *x = *env;
    for (size_t i = 0; i < x->owned_count; i++) jinja_template_free(&x->owned[i]);
    mem_free(x->owned);
    for (size_t i = 0; i < x->regex_count; i++) regex_free(&x->regex[i]);
    mem_free(x->regex);
    buf_reset(&x->trace);
    arena_reset(&x->arena);
    mem_free(x);
    *env = NULL;
}

size_t jinja_env_memory(const struct jinja_env *env) { return env->arena.total_bytes; }
void jinja_env_global(struct jinja_env *env, const char *name, struct jinja_value v) { jinja_dict_set(env, env->globals, name, v); }
void jinja_env_filter(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx) { jinja_dict_set(env, env->filters, name, jinja_function(env, name, fn, ctx)); }
void jinja_env_test(struct jinja_env *env, const char *name, jinja_fn *fn, void *ctx) { jinja_dict_set(env, env->tests, name, jinja_function(env, name, fn, ctx)); }
void jinja_env_capture(struct jinja_env *env, bool on) { env->capture = on; }

void jinja_env_now(struct jinja_env *env, int64_t (*now_us)(void *ctx), void *ctx)
{
    env->now_us = now_us ? now_us : clock_now_us;
    env->now_ctx = ctx;
}

void jinja_env_interrupt(struct jinja_env *env, enum err (*check)(void *ctx, struct error *e), void *ctx)
{
    env->interrupt = check;
    env->interrupt_ctx = ctx;
}

struct jinja_value jinja_modules(struct jinja_env *env)
{
    if (env->modules.type == JINJA_ABSENT) {
        env->modules = jinja_dict(env);
        jinja_dict_set(env, env->modules, "pytz", module_pytz(env));
        jinja_dict_set(env, env->modules, "datetime", module_datetime(env));
        jinja_dict_set(env, env->modules, "re", module_re(env));
        jinja_dict_set(env, env->modules, "itertools", module_itertools(env));
    }
    return env->modules;
}

/* ---- the builtin tables -------------------------------------------------------------------------------------------- */

static const struct builtin *const filter_tables[] = {filters_text, filters_seq, filters_number, filters_pick};

static void add_table(struct jinja_env *env, struct jinja_value into, const struct builtin *b)
{
    for (; b->name; b++) {
        struct jinja_function *f = env_alloc(env, sizeof *f);
        *f = (struct jinja_function){.name = b->name, .fn = b->fn, .type = "function"};
        struct jinja_value v = {.type = JINJA_FUNCTION, .as.function = f};
        enum err rc = map_put(env, into.as.map, str_borrow(env, b->name, strlen(b->name)), v, NULL);
        (void)rc;
    }
}

void builtins_add(struct jinja_env *env)
{
    for (size_t i = 0; i < sizeof filter_tables / sizeof *filter_tables; i++) add_table(env, env->filters, filter_tables[i]);
    add_table(env, env->tests, tests_all);
    add_table(env, env->globals, globals_all);
}

bool filter_is_impure(struct view name)
{
    for (size_t i = 0; i < sizeof filter_tables / sizeof *filter_tables; i++)
        for (const struct builtin *b = filter_tables[i]; b->name; b++)
            if (view_is(name, b->name)) return b->impure;
    return true;
}
