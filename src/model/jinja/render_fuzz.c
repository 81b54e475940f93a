/* libFuzzer: any bytes as a template, as a native value, as an expression, for the block scanner and for the walk over its
 * calls, with tight bounds. Not part of the normal build:
 *
 *     clang-14 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -std=gnu11 -D_GNU_SOURCE -pthread \
 *         -Isrc src/model/jinja/render_fuzz.c $(ls src/model/jinja/[a-z]*.c src/base/[a-z]*.c | grep -v -e _test.c -e _fuzz.c -e asset.c) \
 *         -lpcre2-8 -lxxhash -ldeflate -lz -lzstd -lm -o /tmp/render_fuzz
 *     /tmp/render_fuzz -dict=tests/fuzz/jinja.dict -max_total_time=300 /tmp/found tests/fuzz/jinja */
#include "model/jinja/jinja.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jinja_value context(struct jinja_env *env)
{
    static const char json[] = "{\"n\": 5, \"x\": 2.5, \"name\": \"world\", \"yes\": true, \"nothing\": null, \"l\": [3, 1, 2], \"d\": {\"a\": 1, \"b\": [1]},"
        "\"users\": [{\"name\": \"Ann\", \"age\": 31}, {\"name\": \"bob\", \"age\": 25}], \"u\": \"\\u00c4\\u03a3 \\u65e5\"}";
    struct jinja_value v = {0};
    if (jinja_json_read(env, json, sizeof json - 1, &v, NULL) != ERR_OK) __builtin_trap();
    return v;
}

static enum err seen(void *ctx, const struct jinja_seen_call *call, struct error *e)
{
    (void)e;
    *(size_t *)ctx += call->count + strlen(call->path);
    return ERR_OK;
}

/* Macros of the template are called from outside, with arguments and without. */
static void call_macros(struct jinja_env *env, const struct jinja_template *t, const struct jinja_context *c)
{
    struct error e;
    struct jinja_value v, args[2] = {jinja_int(1), jinja_text(env, "a")};
    struct jinja_named named = {view_of("b"), jinja_none()};
    for (size_t i = 0; i < jinja_template_macro_count(t) && i < 4; i++) {
        struct jinja_value m = jinja_template_bind(env, t, i, c);
        if (jinja_invoke(env, m, args, i % 3, &named, i % 2, &v, &e) != ERR_OK && !e.what[0]) __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {"docs", "snapshot", "macro", NULL};
    const struct jinja_limits limits = {.max_steps = 20000, .max_macro_depth = 30, .max_output_bytes = 1 << 16, .max_memory_bytes = 8 << 20};
    struct jinja_env *env = jinja_env_new(&limits);
    struct jinja_context c = {.vars = context(env)};
    struct jinja_template *t = NULL;
    struct jinja_value v;
    struct jinja_blocks blocks;
    struct buf out = {0};
    struct error e = {0};
    const char *text = (const char *)data;
    size_t calls = 0;
    jinja_env_add_dbt_functions(env);
    if (size && data[0] == '~') jinja_env_capture(env, true);
    enum err rc = jinja_template_parse(env, text, size, "fuzz", 1, &t, &e);
    if (rc == ERR_OK) {
        rc = jinja_template_render(env, t, &c, &out, &e);
        if (rc != ERR_OK && (!e.what[0] || !e.where[0] || out.len)) __builtin_trap();
        if (rc == ERR_OK && !utf8_valid(out.ptr ? out.ptr : "", out.len)) __builtin_trap();
        if (jinja_template_value(env, t, &c, &v, &e) == ERR_OK) rc = jinja_repr(env, v, &out, &e);
        rc = jinja_template_calls(env, t, seen, &calls, &e);
        call_macros(env, t, &c);
    } else if (!e.what[0] || !e.where[0]) {
        __builtin_trap();
    }
    if (jinja_expression(env, text, size, "fuzz", 1, &c, &v, &e) == ERR_OK) rc = jinja_json_write(env, v, -1, false, &out, &e);
    if (jinja_blocks_find(env, text, size, "fuzz", kinds, &blocks, &e) == ERR_OK) jinja_blocks_reset(&blocks);
    if (jinja_json_read(env, text, size, &v, &e) == ERR_OK) rc = jinja_copy(env, v, &v, &e);
    (void)rc;
    buf_reset(&out);
    jinja_env_free(&env);
    jinja_template_free(&t);
    return 0;
}
