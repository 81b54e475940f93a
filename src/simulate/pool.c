#include "simulate/pool.h"

#include "base/mem.h"

#include <pthread.h>

struct task {
    void (*run)(void *arg);
    void *arg;
    struct task *next;
};
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first[2], **last[2]; /* urgent ones, others */
    bool stop;
    int workers;
    pthread_t *thread;
};

static struct task *take(struct pool *p)
{
    for (int q = 0; q < 2; q++) {
        struct task *t = p->first[q];
        if (!t) continue;
        p->first[q] = t->next;
        if (!t->next) p->last[q] = &p->first[q];
        return t;
    }
    return NULL;
}

static void *work(void *arg)
{
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct task *t = take(p);
        if (t) {
            pthread_mutex_unlock(&p->lock);
            t->run(t->arg);
            mem_free(t);
            pthread_mutex_lock(&p->lock);
        } else if (p->stop) {
            break;
        } else {
            pthread_cond_wait(&p->wake, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum err pool_new(int workers, struct pool **out, struct error *e)
{
    struct pool *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->last[0] = &p->first[0], p->last[1] = &p->first[1];
    p->thread = mem_array((size_t)workers, sizeof *p->thread);
    for (; p->workers < workers; p->workers++) {
        int sys = pthread_create(&p->thread[p->workers], NULL, work, p);
        if (sys) {
            pool_free(&p);
            return err_sys(e, sys, "cannot start a thread");
        }
    }
    *out = p;
    return ERR_OK;
}

void pool_submit(struct pool *p, bool urgent, void (*run)(void *arg), void *arg)
{
    if (!p->workers) {
        run(arg);
        return;
    }
    struct task *t = mem_alloc(sizeof *t);
    *t = (struct task){run, arg, NULL};
    int q = urgent ? 0 : 1;
    pthread_mutex_lock(&p->lock);
    *p->last[q] = t;
    p->last[q] = &t->next;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

void pool_free(struct pool **pp)
{
    struct pool *p = *pp;
    *pp = NULL;
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->workers; i++) pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->thread);
    mem_free(p);
}
