#include "simulate/pick.h"

#include "base/mem.h"

enum err pick_add(struct pick *p, uint32_t thing, int32_t weight, struct error *e)
{
    if (weight < 0) return err_set(e, ERR_INPUT, "weight %d is negative", weight);
    if (weight > INT32_MAX - p->total) return err_set(e, ERR_INPUT, "the weights add up to more than 2147483647");
    size_t cap = p->cap;
    mem_grow(&p->start, &cap, p->count + 1, sizeof *p->start);
    mem_grow(&p->thing, &p->cap, p->count + 1, sizeof *p->thing);
    p->start[p->count] = p->total;
    p->thing[p->count++] = thing;
    p->total += weight;
    return ERR_OK;
}

/* Which of several equal starts java.util.Arrays.binarySearch hits. */
static size_t java_hit(const struct pick *p, int32_t key)
{
    size_t low = 0, high = p->count; /* [low, high) */
    while (low < high) {
        size_t mid = (low + high - 1) / 2;
        if (p->start[mid] < key)
            low = mid + 1;
        else if (p->start[mid] > key)
            high = mid;
        else
            return mid;
    }
    return low;
}

void pick_seal(struct pick *p)
{
    p->step = mem_array(p->count, sizeof *p->step);
    for (size_t i = 0; i < p->count; i++) {
        if (i + 1 < p->count && p->start[i + 1] == p->start[i]) continue;
        p->step[p->steps++] = (struct pick_step){p->start[i], p->thing[java_hit(p, p->start[i])], p->thing[i]};
    }
    while (((uint32_t)p->total >> p->shift) > 2 * p->steps) p->shift++;
    uint32_t buckets = ((uint32_t)p->total >> p->shift) + 1, at = 0;
    p->guide = mem_array(buckets, sizeof *p->guide);
    for (uint32_t b = 0; b < buckets; b++) {
        while (at + 1 < p->steps && (uint32_t)p->step[at + 1].start <= b << p->shift) at++;
        p->guide[b] = at;
    }
    mem_free(p->start);
    mem_free(p->thing);
    p->start = NULL, p->thing = NULL;
}

void pick_reset(struct pick *p)
{
    mem_free(p->start);
    mem_free(p->thing);
    mem_free(p->step);
    mem_free(p->guide);
    *p = (struct pick){0};
}
