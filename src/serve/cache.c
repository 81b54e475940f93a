#include "serve/cache.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

enum { SLOTS = 256 };

struct slot {
    char key[CACHE_KEY]; /* "": free */
    bool making;
    struct buf answer;
    uint64_t used; /* when it was asked for last, by a counter */
};
struct cache {
    pthread_mutex_t lock;
    pthread_cond_t made;
    size_t most, bytes;
    uint64_t clock;
    struct slot slot[SLOTS];
};

struct cache *cache_new(size_t bytes)
{
    struct cache *c = mem_zalloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->made, NULL);
    c->most = bytes;
    return c;
}

static void clear(struct cache *c, struct slot *s)
{
    c->bytes -= s->answer.len;
    buf_reset(&s->answer);
    s->making = false;
    s->key[0] = '\0';
}

void cache_free(struct cache **cache)
{
    struct cache *c = *cache;
    if (!c) return;
    for (size_t i = 0; i < SLOTS; i++) clear(c, &c->slot[i]);
    pthread_cond_destroy(&c->made);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
    *cache = NULL;
}

static struct slot *find(struct cache *c, const char *key)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (!strcmp(c->slot[i].key, key)) return &c->slot[i];
    return NULL;
}

static struct slot *oldest(struct cache *c)
{
    struct slot *old = NULL;
    for (size_t i = 0; i < SLOTS; i++)
        if (c->slot[i].key[0] && !c->slot[i].making && (!old || c->slot[i].used < old->used)) old = &c->slot[i];
    return old;
}

bool cache_get(struct cache *c, const char *key, struct buf *out)
{
    struct slot *s;
    pthread_mutex_lock(&c->lock);
    while ((s = find(c, key)) && s->making) pthread_cond_wait(&c->made, &c->lock);
    bool hit = s != NULL;
    if (hit) {
        buf_add(out, s->answer.ptr, s->answer.len);
        s->used = ++c->clock;
    } else {
        s = find(c, "");
        if (!s && (s = oldest(c))) clear(c, s);
        if (s) { /* else all are being made: this one is made apart */
            strcpy(s->key, key);
            s->making = true;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return hit;
}

void cache_put(struct cache *c, const char *key, const struct buf *answer)
{
    pthread_mutex_lock(&c->lock);
    struct slot *s = find(c, key), *old;
    if (s && s->making) {
        if (answer->len > c->most / 8) {
            clear(c, s);
        } else {
            while (c->bytes + answer->len > c->most && (old = oldest(c))) clear(c, old);
            buf_add(&s->answer, answer->ptr, answer->len);
            c->bytes += answer->len;
            s->making = false;
            s->used = ++c->clock;
        }
        pthread_cond_broadcast(&c->made);
    }
    pthread_mutex_unlock(&c->lock);
}

void cache_drop(struct cache *c, const char *key)
{
    pthread_mutex_lock(&c->lock);
    struct slot *s = find(c, key);
    if (s && s->making) clear(c, s);
    pthread_cond_broadcast(&c->made);
    pthread_mutex_unlock(&c->lock);
}
