/* Inside store/: a store on HDFS, spoken to over WebHDFS (Hadoop's REST API: hadoop.apache.org, "WebHDFS REST API").
 *
 *   hdfs.c         the store's calls, each one WebHDFS operation
 *   hdfs_ask.c     a question to the NameNode: kept-alive connections, waiting, Hadoop's exceptions → errors
 *   hdfs_data.c    bytes to and from DataNodes
 *   hdfs_cache.c   verified local copies, bounded; and where files are written before they are uploaded
 *   hdfs_upload.c  uploads behind the writer's back
 *   hdfs_lock.c    locks of folders that are renamed
 *
 * Thread-safe as store.h promises. */
#ifndef LAKEFM_STORE_HDFS_H
#define LAKEFM_STORE_HDFS_H

#include "base/web.h"
#include "store/ops.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HDFS_IDLE_MOST = 16, HDFS_IDS = 4096, HDFS_LAST_PINS = 64 };

/* Which file had a name when it was last looked at. When the answer to a rename is lost and the second try finds no
 * source, the target's id tells whether the first one was done. Lossy: a forgotten one only means "not known". */
struct hdfs_id {
    uint64_t path_hash, id;
};

struct hdfs_cache {
    char *folder;    /* …/lakefm */
    char *files;     /* folder/files: <hash>-<bytes><ending> */
    char *session;   /* folder/run/<pid>-<random>: pins (hard links to files in use), files being written; gone with us */
    int session_lock;
    uint64_t most_bytes, bytes; /* bytes: as last counted, plus what was added */
    bool counted;
    pthread_mutex_t mutex;
    atomic_uint_fast64_t sequence;
    char *last_pin[HDFS_LAST_PINS]; /* an audit's: only the newest stay */
    size_t pins;
};

struct hdfs_upload {
    char *path, *local;
    enum { UPLOAD_WAITS, UPLOAD_RUNS, UPLOAD_FAILED, UPLOAD_DONE } state;
    struct error why;
    struct hdfs_upload *next;
};
struct hdfs_uploads {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct hdfs_upload *first;
    pthread_t thread[32];
    int threads, most, idle;
    bool leaving;
};

struct hdfs_beats { /* keeps locks alive */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct hdfs_lock *first;
    pthread_t thread;
    bool running, leaving;
};

struct hdfs {
    struct store base;
    char *scheme;           /* "http", "https" */
    char **node;            /* "host:port" of each NameNode's WebHDFS */
    size_t nodes;
    atomic_size_t current;  /* the one that answered last */
    char *root;             /* "/user/lake", "" for "/" */
    char *auth;             /* "&user.name=…" or "&delegation=…"; a secret then */
    int64_t patience_ms, lease_ms;
    bool fresh;             /* STORE_FRESH */
    const volatile sig_atomic_t *stop;
    atomic_uint_fast64_t gave_up_ns; /* when the patience ran out; 0: it has answered since */
    atomic_llong ahead_ms;  /* the NameNode's clock less ours, by its Date headers */
    atomic_bool may_publish; /* it was seen to be a NameNode, not HttpFS */
    pthread_mutex_t pool;
    struct web_client *idle[HDFS_IDLE_MOST];
    size_t idle_count;
    pthread_mutex_t ids_mutex;
    struct hdfs_id id[HDFS_IDS];
    struct hdfs_cache cache;
    struct hdfs_uploads uploads;
    struct hdfs_beats beats;
};

static inline struct hdfs *hdfs_of(struct store *s) { return (struct hdfs *)s; }

/* ---- hdfs_ask.c ---- */

struct hdfs_answer {
    struct web_reply reply;
    char exception[96]; /* "FileNotFoundException"; "" after success */
    char message[600];  /* first line of Hadoop's own text */
};
void hdfs_answer_reset(struct hdfs_answer *a);

enum err hdfs_client_take(struct hdfs *h, struct web_client **out, struct error *e) MUST_CHECK;
void hdfs_client_give(struct hdfs *h, struct web_client *c);

/* One operation on a path (store-relative), "op=MKDIRS&x=y", repeated while the NameNode is away, in safe mode or starting,
 * up to the store's patience. OK: the answer is 2xx or a redirect. Else an error with Hadoop's reason, "cannot <doing>
 * <path>"; a->exception tells which. Whoever asks for a change must bear that it was done already by an attempt whose
 * answer was lost. */
enum err hdfs_ask(struct hdfs *h, const char *method, const char *path, const char *op, const char *doing,
                  struct hdfs_answer *a, struct error *e) MUST_CHECK;
/* Reads exception and message out of a's body. */
void hdfs_answer_read(struct hdfs_answer *a);
/* Is this an answer that time may change? */
bool hdfs_answer_passes(const struct hdfs_answer *a);
/* The answer as an error. */
enum err hdfs_answer_error(struct hdfs *h, const struct hdfs_answer *a, const char *doing, const char *path, struct error *e);

/* Waiting that grows from 50 ms to 5 s, until the patience is over. */
struct hdfs_wait {
    uint64_t started_ns;
    int64_t pause_ms;
    bool told;
};
/* False: give up now (patience, or the user has interrupted). why is logged when the wait is long. */
bool hdfs_wait(struct hdfs *h, struct hdfs_wait *w, const struct error *why);

/* The path as it stands in a URL and on the NameNode, for messages: "hdfs://host/user/lake/x". Heap. */
char *hdfs_full_path(const struct hdfs *h, const char *path); /* "/user/lake/x" */
int64_t hdfs_now_ms(const struct hdfs *h);                    /* by the NameNode's clock, to a second */

/* ---- hdfs_data.c ---- */

/* Takes a file's bytes; begin starts anew after a broken attempt. */
struct hdfs_sink {
    enum err (*begin)(void *ctx, struct error *e);
    enum err (*more)(void *ctx, const char *p, size_t len, struct error *e);
    void *ctx;
};
enum err hdfs_get(struct hdfs *h, const char *path, const struct hdfs_sink *sink, struct error *e) MUST_CHECK;
/* Reads the store's file and compares. ERR_CORRUPT: another length or hash; ERR_NOT_FOUND. */
enum err hdfs_verify(struct hdfs *h, const char *path, uint64_t bytes, struct hash128 hash, struct error *e) MUST_CHECK;
/* A local file becomes a file of the store: uploaded, read back, its id noted. ERR_EXISTS. */
enum err hdfs_put(struct hdfs *h, const char *path, const char *local, uint64_t bytes, struct hash128 hash,
                  struct error *e) MUST_CHECK;

/* ---- hdfs.c ---- */

enum err hdfs_status(struct hdfs *h, const char *path, struct store_stat *out, uint64_t *id, struct error *e) MUST_CHECK;
enum err hdfs_rename(struct hdfs *h, const char *from, const char *to, bool replace, struct error *e) MUST_CHECK;
enum err hdfs_delete(struct hdfs *h, const char *path, bool recursive, struct error *e) MUST_CHECK;
enum err hdfs_mkdirs(struct hdfs *h, const char *path, struct error *e) MUST_CHECK;
struct hdfs_entry {
    char *name;
    bool is_dir;
    uint64_t bytes, id;
    int64_t mtime_ms;
};
struct hdfs_entries {
    struct hdfs_entry *entry;
    size_t count;
};
/* A missing folder is empty. */
enum err hdfs_list(struct hdfs *h, const char *folder, struct hdfs_entries *out, struct error *e) MUST_CHECK;
void hdfs_entries_free(struct hdfs_entries *entries);
void hdfs_id_note(struct hdfs *h, const char *path, uint64_t id);
uint64_t hdfs_id_of(struct hdfs *h, const char *path); /* 0: not known */

/* ---- hdfs_cache.c ---- */

char *hdfs_cache_usual(void); /* the default folder; heap */
enum err hdfs_cache_open(struct hdfs_cache *c, const char *folder, uint64_t most_bytes, struct error *e) MUST_CHECK;
void hdfs_cache_close(struct hdfs_cache *c);
/* The copy's path (heap) and a pin on it, or NULL. */
char *hdfs_cache_find(struct hdfs_cache *c, const char *path, uint64_t bytes, struct hash128 hash);
/* A path for a new file of this session, with the ending of `path`. Heap. */
char *hdfs_cache_new(struct hdfs_cache *c, const char *path);
/* Takes a session's file over as the copy of this content, verified by the caller. pin: until the session ends; else while it is
 * among the newest. Heap; never fails: without room the file stays where it is, for this session. */
char *hdfs_cache_keep(struct hdfs_cache *c, const char *local, const char *path, uint64_t bytes, struct hash128 hash, bool pin);
/* The same, by a second name: the session's file stays too. */
void hdfs_cache_add(struct hdfs_cache *c, const char *local, const char *path, uint64_t bytes, struct hash128 hash);

/* ---- hdfs_upload.c ---- */

void hdfs_uploads_open(struct hdfs_uploads *u, int most);
void hdfs_uploads_close(struct hdfs *h); /* what waits is dropped */
/* Takes both strings. */
void hdfs_upload_add(struct hdfs *h, char *path, char *local);
/* Waits for the upload of this path, or (path NULL) of this folder's own files. A failure is given back, and stays until
 * the file is removed. */
enum err hdfs_upload_wait(struct hdfs *h, const char *path, const char *folder, struct error *e) MUST_CHECK;
/* Of this file and all below this folder: what waits is dropped, what runs is waited for, failures are forgotten, the local
 * files go. */
void hdfs_upload_forget(struct hdfs *h, const char *path);

/* ---- hdfs_lock.c ---- */

enum err hdfs_lock_take(struct store *s, const char *path, enum store_lock_mode mode, bool wait, struct store_lock **out,
                        struct error *e) MUST_CHECK;
void hdfs_lock_give(struct store_lock *lock);
void hdfs_beats_open(struct hdfs_beats *b);
void hdfs_beats_close(struct hdfs *h);

#endif
