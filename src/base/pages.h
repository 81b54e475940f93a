/* Big blocks of memory straight from the system, in huge pages where it has them: a table that is touched at random, or
 * a buffer that is filled once and passed on, then costs one page fault for 2 MiB instead of 512. Thread-safe. */
#ifndef LAKEFM_BASE_PAGES_H
#define LAKEFM_BASE_PAGES_H

#include <stddef.h>

/* Zeroed, 64-byte aligned. Never NULL: out of memory is mem.h's affair. */
void *pages_alloc(size_t bytes) __attribute__((returns_nonnull));
void pages_free(void *ptr, size_t bytes); /* accepts NULL; bytes as asked for */

#endif
