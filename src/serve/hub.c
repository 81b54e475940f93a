#include "serve/hub.h"

#include "base/mem.h"

#include <pthread.h>
#include <time.h>

struct item {
    char *text;
};
struct hub {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct item item[HUB_KEEP]; /* number n is in n % HUB_KEEP */
    uint64_t next;              /* from 1 */
    bool closed;
};

struct hub *hub_new(void)
{
    struct hub *h = mem_zalloc(sizeof *h);
    pthread_condattr_t attr;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->news, &attr);
    pthread_condattr_destroy(&attr);
    h->next = 1;
    return h;
}

void hub_free(struct hub **hub)
{
    struct hub *h = *hub;
    if (!h) return;
    for (size_t i = 0; i < HUB_KEEP; i++) mem_free(h->item[i].text);
    pthread_cond_destroy(&h->news);
    pthread_mutex_destroy(&h->lock);
    mem_free(h);
    *hub = NULL;
}

void hub_close(struct hub *h)
{
    pthread_mutex_lock(&h->lock);
    h->closed = true;
    pthread_cond_broadcast(&h->news);
    pthread_mutex_unlock(&h->lock);
}

void hub_say(struct hub *h, const char *event, const char *data)
{
    pthread_mutex_lock(&h->lock);
    struct item *item = &h->item[h->next % HUB_KEEP];
    mem_free(item->text);
    item->text = mem_printf("id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)h->next, event, data);
    h->next++;
    pthread_cond_broadcast(&h->news);
    pthread_mutex_unlock(&h->lock);
}

uint64_t hub_next(struct hub *h)
{
    pthread_mutex_lock(&h->lock);
    uint64_t next = h->next;
    pthread_mutex_unlock(&h->lock);
    return next;
}

bool hub_wait(struct hub *h, uint64_t *at, int timeout_ms, struct buf *out)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_mutex_lock(&h->lock);
    while (!h->closed && *at >= h->next)
        if (pthread_cond_timedwait(&h->news, &h->lock, &until)) break;
    if (*at > h->next || *at + HUB_KEEP < h->next) {
        buf_printf(out, "event: reset\ndata: {}\n\n");
        *at = h->next;
    }
    for (; *at < h->next; ++*at) buf_str(out, h->item[*at % HUB_KEEP].text);
    bool open = !h->closed;
    pthread_mutex_unlock(&h->lock);
    return open;
}
