/* Memory.
 *
 * mem_* never return NULL: when the system has no memory left, the handler of
 * mem_set_oom is called and must not return (cli/ prints one line and exits 1;
 * the commit protocol makes that as safe as kill -9 at that moment). So no
 * function of ours has an out-of-memory path that was never run.
 * Blocks are freed by mem_free, which accepts NULL.
 *
 * An arena hands out blocks that all die together. Not thread-safe: one arena,
 * one thread.
 */
#ifndef LAKEFM_BASE_MEM_H
#define LAKEFM_BASE_MEM_H

#include <stddef.h>

typedef void mem_oom_fn(size_t bytes);
void mem_set_oom(mem_oom_fn *handler); /* default: one line on stderr, abort() */

void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
/* count * size with overflow check; the block is not cleared. */
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *ptr, size_t bytes) __attribute__((returns_nonnull));
/* Grows *ptr (capacity *cap items of size bytes) to hold at least need items; doubles. */
void mem_grow(void *ptr_address, size_t *cap, size_t need, size_t size);
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
void mem_free(void *ptr);

struct arena {
    struct arena_chunk *chunk; /* newest first */
    size_t used, chunk_bytes;  /* in the newest chunk */
    size_t total_bytes;        /* handed out so far */
};
void arena_init(struct arena *a);
void arena_reset(struct arena *a); /* frees all; the arena may be used again */
void *arena_alloc(struct arena *a, size_t bytes) __attribute__((returns_nonnull)); /* 16-byte aligned, not cleared */
void *arena_zalloc(struct arena *a, size_t bytes) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t len) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));

#endif
