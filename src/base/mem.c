#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void default_oom(size_t bytes)
{
    fprintf(stderr, "lakefm: out of memory (%zu bytes asked for)\n", bytes);
    abort();
}

static mem_oom_fn *oom_handler = default_oom;

void mem_set_oom(mem_oom_fn *handler) { oom_handler = handler ? handler : default_oom; }

static void *checked(void *ptr, size_t bytes)
{
    if (ptr) return ptr;
    oom_handler(bytes);
    abort(); /* the handler must not return */
}

void *mem_alloc(size_t bytes) { return checked(malloc(bytes ? bytes : 1), bytes); }
void *mem_zalloc(size_t bytes) { return checked(calloc(1, bytes ? bytes : 1), bytes); }

void *mem_array(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return checked(NULL, SIZE_MAX);
    return mem_alloc(bytes);
}

void *mem_realloc(void *ptr, size_t bytes) { return checked(realloc(ptr, bytes ? bytes : 1), bytes); }

void mem_grow(void *ptr_address, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return;
    size_t next = *cap ? *cap : 8, bytes;
    while (next < need) next = next > SIZE_MAX / 2 ? need : next * 2;
    void *ptr;
    memcpy(&ptr, ptr_address, sizeof ptr);
    if (__builtin_mul_overflow(next, size, &bytes)) bytes = SIZE_MAX;
    ptr = mem_realloc(ptr, bytes);
    memcpy(ptr_address, &ptr, sizeof ptr);
    *cap = next;
}

char *mem_strndup(const char *s, size_t len)
{
    char *out = mem_alloc(len + 1);
    memcpy(out, s, len);
    out[len] = '\0';
    return out;
}

char *mem_strdup(const char *s) { return mem_strndup(s, strlen(s)); }

char *mem_printf(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = mem_alloc((size_t)(n < 0 ? 0 : n) + 1);
    out[0] = '\0';
    if (n >= 0) vsnprintf(out, (size_t)n + 1, fmt, again);
    va_end(again);
    return out;
}

void mem_free(void *ptr) { free(ptr); }

/* chunk: | struct arena_chunk | pad to 16 | blocks … | */
struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes;
};
enum { ARENA_HEADER = (sizeof(struct arena_chunk) + 15) & ~15u, ARENA_FIRST = 4096, ARENA_MOST = 1 << 20 };

void arena_init(struct arena *a) { memset(a, 0, sizeof *a); }

void arena_reset(struct arena *a)
{
    for (struct arena_chunk *c = a->chunk, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    memset(a, 0, sizeof *a);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (!a->chunk || a->used + bytes > a->chunk->bytes) {
        size_t next = a->chunk_bytes ? a->chunk_bytes * 2 : ARENA_FIRST;
        if (next > ARENA_MOST) next = ARENA_MOST;
        a->chunk_bytes = next;
        if (bytes > next) next = bytes;
        struct arena_chunk *c = mem_alloc(ARENA_HEADER + next);
        c->next = a->chunk;
        c->bytes = next;
        a->chunk = c;
        a->used = 0;
    }
    void *out = (char *)a->chunk + ARENA_HEADER + a->used;
    a->used += bytes;
    a->total_bytes += bytes;
    return out;
}

void *arena_zalloc(struct arena *a, size_t bytes) { return memset(arena_alloc(a, bytes), 0, bytes); }

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *out = arena_alloc(a, len + 1);
    memcpy(out, s, len);
    out[len] = '\0';
    return out;
}

char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
    out[0] = '\0';
    if (n >= 0) vsnprintf(out, (size_t)n + 1, fmt, again);
    va_end(again);
    return out;
}
