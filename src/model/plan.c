/* The graph of a run: who waits for whom among the selected nodes. */
#include "model/run.h"

#include <stdlib.h>

static void link_to(struct edge_list *l, size_t to)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->to[i] == to) return;
    mem_grow(&l->to, &l->cap, l->count + 1, sizeof *l->to);
    l->to[l->count++] = to;
}

struct planner {
    struct run *run;
    size_t *index; /* by node order: position in the run, or NOWHERE */
    size_t *seen;  /* by node order: the walk that saw it last */
    size_t walk;
    struct node **stack;
};
#define NOWHERE ((size_t)-1)

/* Edges from the nearest selected nodes above, through those that are not selected. */
static void link_above(struct planner *p, size_t at)
{
    struct node *n = p->run->nodes[at];
    size_t depth = 0;
    p->walk++;
    for (size_t i = 0; i < n->parent_count; i++) p->stack[depth++] = n->parents[i];
    while (depth) {
        struct node *x = p->stack[--depth];
        if (p->seen[x->order] == p->walk) continue;
        p->seen[x->order] = p->walk;
        if (p->index[x->order] != NOWHERE) {
            link_to(&p->run->next[p->index[x->order]], at);
            continue;
        }
        for (size_t i = 0; i < x->parent_count; i++)
            if (p->seen[x->parents[i]->order] != p->walk) p->stack[depth++] = x->parents[i];
    }
}

/* All nodes above n are marked with the walk's number. */
static void mark_above(struct planner *p, struct node *n)
{
    size_t depth = 0;
    p->walk++;
    for (size_t i = 0; i < n->parent_count; i++) p->stack[depth++] = n->parents[i];
    while (depth) {
        struct node *x = p->stack[--depth];
        if (p->seen[x->order] == p->walk) continue;
        p->seen[x->order] = p->walk;
        for (size_t i = 0; i < x->parent_count; i++)
            if (p->seen[x->parents[i]->order] != p->walk) p->stack[depth++] = x->parents[i];
    }
}

/* build: a node waits for the tests of what is above it, when all that a test reads is above it too. */
static void link_tests(struct planner *p)
{
    struct run *run = p->run;
    for (size_t at = 0; at < run->count; at++) {
        struct node *n = run->nodes[at];
        if (n->kind == NODE_TEST || n->kind == NODE_UNIT_TEST || n->kind == NODE_EXPOSURE ||
            n->kind == NODE_SAVED_QUERY)
            continue;
        mark_above(p, n);
        for (size_t k = 0; k < run->count; k++) {
            struct node *t = run->nodes[k];
            if (t->kind != NODE_TEST || !t->parent_count) continue;
            bool all = true;
            for (size_t i = 0; i < t->parent_count && all; i++) all = p->seen[t->parents[i]->order] == p->walk;
            if (all) link_to(&run->next[k], at);
        }
    }
}

/* Depth: the longest way from above. */
static void score_nodes(struct run *run)
{
    size_t *left = mem_zalloc((run->count + 1) * sizeof *left), *queue = mem_array(run->count + 1, sizeof *queue),
           head = 0, tail = 0;
    for (size_t i = 0; i < run->count; i++) left[i] = run->waiting[i];
    for (size_t i = 0; i < run->count; i++)
        if (!left[i]) queue[tail++] = i;
    while (head < tail) {
        size_t at = queue[head++];
        for (size_t k = 0; k < run->next[at].count; k++) {
            size_t to = run->next[at].to[k];
            if (run->score[at] + 1 > run->score[to]) run->score[to] = run->score[at] + 1;
            if (!--left[to]) queue[tail++] = to;
        }
    }
    mem_free(left);
    mem_free(queue);
}

static int by_order(const void *a, const void *b)
{
    return strcmp((*(struct node *const *)a)->unique_id, (*(struct node *const *)b)->unique_id);
}

enum err run_plan(struct run *run, struct dbt *d, struct node **selected, size_t count, enum run_mode mode,
                  struct error *e)
{
    (void)e;
    bool with_tests = mode == RUN_BUILD && d->o->verb == MODEL_BUILD;
    size_t n = d->node_count, edges = 1;
    *run = (struct run){.d = d, .count = count, .mode = mode, .with_tests = with_tests};
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->changed, NULL);
    run->nodes = mem_array(count + 1, sizeof(*run->nodes));
    memcpy(run->nodes, selected, count * sizeof(*run->nodes));
    qsort(run->nodes, count, sizeof(*run->nodes), by_order);
    run->results = mem_zalloc((count + 1) * sizeof *run->results);
    run->waiting = mem_zalloc((count + 1) * sizeof *run->waiting);
    run->next = mem_zalloc((count + 1) * sizeof *run->next);
    run->score = mem_zalloc((count + 1) * sizeof *run->score);
    run->line = mem_array(count + 1, sizeof *run->line);
    run->queued = mem_zalloc(count + 1);
    run->finished = mem_zalloc(count + 1);
    for (size_t i = 0; i < n; i++) edges += d->nodes[i]->parent_count + 1;
    struct planner p = {.run = run,
                        .index = mem_array(n + 1, sizeof *p.index),
                        .seen = mem_zalloc((n + 1) * sizeof *p.seen),
                        .stack = mem_array(edges, sizeof(*p.stack))};
    for (size_t i = 0; i < n; i++) p.index[i] = NOWHERE;
    for (size_t i = 0; i < count; i++) {
        p.index[run->nodes[i]->order] = i;
        run->results[i].n = run->nodes[i];
        run->total += mode != RUN_BUILD || !node_is_ephemeral(run->nodes[i]);
    }
    for (size_t i = 0; i < count; i++) link_above(&p, i);
    if (with_tests) {
        link_tests(&p);
        for (size_t i = 0; i < count; i++) /* unit tests run before their model */
            if (run->nodes[i]->kind == NODE_UNIT_TEST && run->nodes[i]->tested &&
                p.index[run->nodes[i]->tested->order] != NOWHERE) {
                size_t model = p.index[run->nodes[i]->tested->order];
                for (size_t k = 0; k < count; k++) { /* what the model waits for, its test waits for */
                    struct edge_list *l = &run->next[k];
                    for (size_t j = 0; j < l->count; j++) {
                        if (l->to[j] == model && k != i && run->nodes[k]->kind != NODE_UNIT_TEST) link_to(l, i);
                        if (k == model && l->to[j] == i) l->to[j--] = l->to[--l->count];
                    }
                }
                link_to(&run->next[i], model);
            }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < run->next[i].count; k++) run->waiting[run->next[i].to[k]]++;
    score_nodes(run);
    run->left = count;
    mem_free(p.index);
    mem_free(p.seen);
    mem_free(p.stack);
    return ERR_OK;
}

void run_free(struct run *run)
{
    if (!run->d) return;
    for (size_t i = 0; i < run->count; i++) mem_free(run->next[i].to);
    mem_free(run->nodes);
    mem_free(run->results);
    mem_free(run->waiting);
    mem_free(run->next);
    mem_free(run->score);
    mem_free(run->line);
    mem_free(run->queued);
    mem_free(run->finished);
    mem_free(run->hook_results);
    if (run->skip) skip_free(&run->skip);
    pthread_mutex_destroy(&run->lock);
    pthread_cond_destroy(&run->changed);
    *run = (struct run){0};
}
