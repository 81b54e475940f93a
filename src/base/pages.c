#include "base/pages.h"

#include "base/mem.h"

#include <stdint.h>
#include <sys/mman.h>

static const size_t HUGE_PAGE = (size_t)2 << 20;

static size_t whole(size_t bytes) { return (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1); }

void *pages_alloc(size_t bytes)
{
    size_t size = whole(bytes);
    char *raw = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return mem_array(SIZE_MAX / 2, 1); /* says so and does not return */
    char *ptr = (char *)(((uintptr_t)raw + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
    if (ptr > raw) munmap(raw, (size_t)(ptr - raw));
    size_t after = (size_t)(raw + HUGE_PAGE - ptr);
    if (after) munmap(ptr + size, after);
    madvise(ptr, size, MADV_HUGEPAGE);
    return ptr;
}

void pages_free(void *ptr, size_t bytes)
{
    if (ptr) munmap(ptr, whole(bytes));
}
