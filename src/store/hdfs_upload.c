/* Closing a file on HDFS takes tens of milliseconds at best, and a refine writes a hundred: they are uploaded by a few
 * threads while the writer goes on. store_out_close only queues; store_sync_dir of the folder, and every other call on the
 * file, waits for it and gives its failure back. The local file stays until the store's file is renamed or removed: its
 * writer may read it again. So a commit, which syncs its staging before its point, publishes nothing
 * that has not arrived and been read back. */
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/hdfs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE_MOST = 256 };

void hdfs_uploads_open(struct hdfs_uploads *u, int most)
{
    pthread_mutex_init(&u->mutex, NULL);
    pthread_cond_init(&u->changed, NULL);
    u->most = most < 1 ? 1 : most > 32 ? 32 : most;
}

static void free_upload(struct hdfs_upload *one)
{
    mem_free(one->path);
    mem_free(one->local);
    mem_free(one);
}

static void take_out(struct hdfs_uploads *u, struct hdfs_upload *one)
{
    struct hdfs_upload **at = &u->first;
    while (*at != one) at = &(*at)->next;
    *at = one->next;
}

static enum err upload(struct hdfs *h, const struct hdfs_upload *one, struct error *e)
{
    struct hash128 hash;
    uint64_t bytes;
    enum err rc = hash_file(one->local, &hash, &bytes, e);
    if (rc == ERR_OK) rc = hdfs_put(h, one->path, one->local, bytes, hash, e);
    if (rc == ERR_OK) hdfs_cache_add(&h->cache, one->local, one->path, bytes, hash); /* whoever reads it next need not fetch it */
    return rc;
}

static void *work(void *arg)
{
    struct hdfs *h = arg;
    struct hdfs_uploads *u = &h->uploads;
    pthread_mutex_lock(&u->mutex);
    for (;;) {
        struct hdfs_upload *one = u->first;
        while (one && one->state != UPLOAD_WAITS) one = one->next;
        if (u->leaving) break;
        if (!one) {
            u->idle++;
            pthread_cond_wait(&u->changed, &u->mutex);
            u->idle--;
            continue;
        }
        one->state = UPLOAD_RUNS;
        pthread_mutex_unlock(&u->mutex);
        struct error why = {0};
        enum err rc = upload(h, one, &why);
        pthread_mutex_lock(&u->mutex);
        one->state = rc == ERR_OK ? UPLOAD_DONE : UPLOAD_FAILED;
        one->why = why;
        pthread_cond_broadcast(&u->changed);
    }
    pthread_mutex_unlock(&u->mutex);
    return NULL;
}

void hdfs_upload_add(struct hdfs *h, char *path, char *local)
{
    struct hdfs_uploads *u = &h->uploads;
    struct hdfs_upload *one = mem_zalloc(sizeof *one), **at = &u->first;
    one->path = path;
    one->local = local;
    pthread_mutex_lock(&u->mutex);
    for (;;) {
        size_t queued = 0;
        for (struct hdfs_upload *q = u->first; q; q = q->next) queued += q->state == UPLOAD_WAITS || q->state == UPLOAD_RUNS;
        if (queued < QUEUE_MOST || !u->threads) break;
        pthread_cond_wait(&u->changed, &u->mutex); /* the disk here shall not fill up with what waits */
    }
    while (*at) at = &(*at)->next;
    *at = one;
    if (!u->idle && u->threads < u->most && !pthread_create(&u->thread[u->threads], NULL, work, h)) u->threads++;
    pthread_cond_broadcast(&u->changed);
    bool nobody = !u->threads;
    pthread_mutex_unlock(&u->mutex);
    if (!nobody) return;
    one->state = UPLOAD_RUNS; /* no thread to be had: here and now */
    struct error why = {0};
    one->state = upload(h, one, &why) == ERR_OK ? UPLOAD_DONE : UPLOAD_FAILED;
    one->why = why;
}

static bool concerns(const struct hdfs_upload *one, const char *folder, bool deep)
{
    size_t n = strlen(folder);
    if (n && (strncmp(one->path, folder, n) || one->path[n] != '/')) return false;
    return deep || !strchr(one->path + n + (n ? 1 : 0), '/');
}

enum err hdfs_upload_wait(struct hdfs *h, const char *path, const char *folder, struct error *e)
{
    struct hdfs_uploads *u = &h->uploads;
    enum err rc = ERR_OK;
    pthread_mutex_lock(&u->mutex);
    for (struct hdfs_upload *one = u->first; one && rc == ERR_OK;) {
        if (path ? strcmp(one->path, path) : !concerns(one, folder, false)) {
            one = one->next;
        } else if (one->state == UPLOAD_DONE) {
            one = one->next;
        } else if (one->state == UPLOAD_FAILED) {
            rc = one->why.code;
            if (e) *e = one->why;
        } else {
            pthread_cond_wait(&u->changed, &u->mutex);
            one = u->first; /* the list may be another now */
        }
    }
    pthread_mutex_unlock(&u->mutex);
    return rc;
}

void hdfs_upload_forget(struct hdfs *h, const char *path)
{
    struct hdfs_uploads *u = &h->uploads;
    pthread_mutex_lock(&u->mutex);
    for (struct hdfs_upload *one = u->first, *next; one; one = next) {
        next = one->next;
        if (strcmp(one->path, path) && !concerns(one, path, true)) continue;
        if (one->state == UPLOAD_RUNS) {
            pthread_cond_wait(&u->changed, &u->mutex);
        } else {
            unlink(one->local);
            take_out(u, one);
            free_upload(one);
        }
        next = u->first;
    }
    pthread_mutex_unlock(&u->mutex);
}

void hdfs_uploads_close(struct hdfs *h)
{
    struct hdfs_uploads *u = &h->uploads;
    pthread_mutex_lock(&u->mutex);
    u->leaving = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->mutex);
    while (u->threads > 0) pthread_join(u->thread[--u->threads], NULL);
    while (u->first) {
        struct hdfs_upload *one = u->first;
        u->first = one->next;
        unlink(one->local);
        free_upload(one);
    }
    pthread_mutex_destroy(&u->mutex);
    pthread_cond_destroy(&u->changed);
}
