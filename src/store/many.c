/* Durability of many files and folders: the disk takes several requests at once, and one commit of the file system's
 * journal serves all who wait for it. */
#include "base/mem.h"
#include "store/ops.h"

#include <fcntl.h>
#include <pthread.h>

enum { THREADS = 8, EACH = 4 /* fewer than this for each thread are not worth it */ };

struct many {
    enum err (*one)(struct many *m, size_t i, struct error *e);
    struct store *store;
    struct store_out **out;
    const char *const *folder;
    size_t count;
    pthread_mutex_t lock; /* of all below */
    size_t next;
    enum err rc;
    struct error error;
};

static void *work(void *arg)
{
    struct many *m = arg;
    for (;;) {
        struct error e = {0};
        pthread_mutex_lock(&m->lock);
        size_t i = m->next++;
        pthread_mutex_unlock(&m->lock);
        if (i >= m->count) return NULL;
        enum err rc = m->one(m, i, &e);
        pthread_mutex_lock(&m->lock);
        if (rc != ERR_OK && m->rc == ERR_OK) m->rc = rc, m->error = e;
        pthread_mutex_unlock(&m->lock);
    }
}

static enum err run(struct many *m, struct error *e)
{
    pthread_t thread[THREADS];
    size_t started = 0, wanted = m->count / EACH;
    pthread_mutex_init(&m->lock, NULL);
    if (wanted > THREADS) wanted = THREADS;
    while (started + 1 < wanted && !pthread_create(&thread[started], NULL, work, m)) started++;
    work(m);
    for (size_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&m->lock);
    if (m->rc != ERR_OK && e) *e = m->error;
    return m->rc;
}

static enum err close_one(struct many *m, size_t i, struct error *e) { return store_out_close(&m->out[i], e); }
static enum err sync_one(struct many *m, size_t i, struct error *e) { return store_sync_dir(m->store, m->folder[i], e); }

enum err store_out_close_all(struct store_out **out, size_t count, struct error *e)
{
    return run(&(struct many){.one = close_one, .out = out, .count = count}, e);
}

enum err store_sync_dirs(struct store *s, const char *const *folder, size_t count, struct error *e)
{
    return run(&(struct many){.one = sync_one, .store = s, .folder = folder, .count = count}, e);
}

void store_out_begin_sync(const struct store_out *out)
{
    if (store_is_local(out->store)) (void)sync_file_range(out->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}
