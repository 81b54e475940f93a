#include "publish/child.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
    struct child_options o;
    pthread_t watcher;
    bool watching;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct child_state state;
    bool leave, tried; /* tried: the first start came to an end, one way or the other */
    enum err first;
    struct error first_error;
    int stdin_fd; /* the watcher's */
};

static void add_ms(struct timespec *t, int64_t ms)
{
    t->tv_sec += ms / 1000;
    t->tv_nsec += ms % 1000 * 1000000;
    if (t->tv_nsec >= 1000000000) t->tv_sec++, t->tv_nsec -= 1000000000;
}

/* True when it is time to leave. */
static bool pause_ms(struct child *c, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    add_ms(&until, ms);
    pthread_mutex_lock(&c->lock);
    while (!c->leave && pthread_cond_timedwait(&c->changed, &c->lock, &until) != ETIMEDOUT) {}
    bool leave = c->leave;
    pthread_mutex_unlock(&c->lock);
    return leave;
}

static void set_state(struct child *c, pid_t pid, bool healthy)
{
    pthread_mutex_lock(&c->lock);
    c->state.pid = pid;
    c->state.healthy = healthy;
    pthread_mutex_unlock(&c->lock);
}

/* Between fork and exec of a program with threads: system calls only. */
static void become(const struct child *c, int in, int out, pid_t parent)
{
    sigset_t none;
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGPIPE, &normal, NULL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1); /* it died before the line above */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(1);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    execv(c->o.argv[0], (char *const *)(uintptr_t)c->o.argv);
    _exit(127);
}

static enum err spawn(struct child *c, pid_t *pid, struct error *e)
{
    int in[2] = {-1, -1};
    enum err rc = ERR_OK;
    pid_t parent = getpid();
    int log = open(c->o.log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0) return err_sys(e, errno, "cannot write %s", c->o.log_path);
    if (pipe2(in, O_CLOEXEC)) TRY(err_sys(e, errno, "cannot make a pipe"));
    *pid = fork();
    if (*pid < 0) TRY(err_sys(e, errno, "cannot start %s", c->o.name));
    if (*pid == 0) become(c, in[0], log, parent);
    c->stdin_fd = in[1];
    in[1] = -1;
done:
    for (int i = 0; i < 2; i++)
        if (in[i] >= 0) close(in[i]);
    close(log);
    return rc;
}

/* What its log says of the end: ClickHouse's error, which advice may follow, else the last line. */
static void last_words(const struct child *c, struct buf *out)
{
    struct buf log = {0};
    if (io_read_file(c->o.log_path, &log, NULL) == ERR_OK && log.ptr) {
        struct view text = view_trim(view_from(log.ptr, log.len));
        size_t from = text.len;
        while (from && text.ptr[from - 1] != '\n') from--;
        const char *code = memmem(text.ptr, text.len, "Code: ", 6);
        struct view line = code ? view_from(code, strcspn(code, "\n")) : view_from(text.ptr + from, text.len - from);
        bool idle = line.len >= 8 && !memcmp(line.ptr, "Logging ", 8);
        if (line.len && !idle) buf_printf(out, ": %.*s", line.len < 500 ? (int)line.len : 500, line.ptr);
    }
    buf_reserve(out, 1)[0] = '\0';
    buf_reset(&log);
}

static bool ended(pid_t pid, int *status) { return waitpid(pid, status, WNOHANG) == pid; }

static enum err tell_end(const struct child *c, int status, struct error *e)
{
    struct buf words = {0};
    last_words(c, &words);
    if (WIFSIGNALED(status)) err_set(e, ERR_RETRY, "%s was ended by signal %d%s", c->o.name, WTERMSIG(status), words.ptr);
    else err_set(e, ERR_RETRY, "%s ended with exit code %d%s", c->o.name, WEXITSTATUS(status), words.ptr);
    buf_reset(&words);
    return ERR_RETRY;
}

static void end(struct child *c, pid_t pid, bool kindly)
{
    const int64_t step_ms = 20;
    int status;
    close(c->stdin_fd);
    set_state(c, 0, false);
    if (!kindly) kill(pid, SIGKILL);
    for (int64_t ms = 0; !ended(pid, &status); ms += step_ms) {
        struct timespec t = {0, step_ms * 1000000};
        if (ms == 5000) kill(pid, SIGTERM);
        if (ms == 10000) kill(pid, SIGKILL);
        nanosleep(&t, NULL);
    }
}

/* One life: from the fork until it is dead or we leave. ERR_OK: we leave. */
static enum err live(struct child *c, int64_t *healthy_ms, struct error *e)
{
    pid_t pid = 0;
    int status;
    unsigned misses = 0;
    uint64_t born = clock_mono_ns(), well = 0;
    int64_t start_ms = c->o.start_ms ? c->o.start_ms : 60000;
    struct buf words = {0};
    enum err rc = spawn(c, &pid, e);
    *healthy_ms = 0;
    if (rc != ERR_OK) return rc;
    set_state(c, pid, false);
    for (;;) {
        if (pause_ms(c, well ? (c->o.check_ms ? c->o.check_ms : 1000) : 50)) {
            end(c, pid, true);
            break;
        }
        if (ended(pid, &status)) {
            close(c->stdin_fd);
            set_state(c, 0, false);
            rc = tell_end(c, status, e);
            break;
        }
        bool healthy = c->o.healthy(c->o.ctx);
        misses = healthy ? 0 : misses + 1;
        set_state(c, pid, healthy || (well && misses < 2));
        if (healthy) *healthy_ms = (int64_t)((clock_mono_ns() - born) / 1000000);
        if (healthy && !well) {
            well = clock_mono_ns();
            if (c->o.started) c->o.started(c->o.ctx);
            pthread_mutex_lock(&c->lock);
            c->tried = true;
            pthread_cond_broadcast(&c->changed);
            pthread_mutex_unlock(&c->lock);
        }
        bool late = !well && clock_mono_ns() - born > (uint64_t)start_ms * 1000000;
        if (late || (well && misses >= (c->o.misses ? c->o.misses : 5))) {
            end(c, pid, false);
            last_words(c, &words);
            rc = err_set(e, ERR_RETRY, "%s does not answer%s", c->o.name, words.ptr);
            break;
        }
    }
    buf_reset(&words);
    return rc;
}

static void *watch(void *arg)
{
    struct child *c = arg;
    int64_t backoff_ms = 500;
    for (;;) {
        struct error e = {0};
        char text[1024];
        int64_t healthy_ms;
        enum err rc = live(c, &healthy_ms, &e);
        pthread_mutex_lock(&c->lock);
        bool first = !c->tried, leave = c->leave;
        if (first) c->first = leave ? ERR_STOPPED : rc, c->first_error = e;
        c->tried = true;
        pthread_cond_broadcast(&c->changed);
        if (!first && !leave) c->state.restarts++;
        pthread_mutex_unlock(&c->lock);
        if (first || leave || rc == ERR_OK) return NULL;
        if (healthy_ms >= 60000) backoff_ms = 500;
        log_warn("%s; it is started again in %.1f s", err_format(&e, text, sizeof text), (double)backoff_ms / 1000);
        if (pause_ms(c, backoff_ms)) return NULL;
        backoff_ms = backoff_ms < 15000 ? backoff_ms * 2 : 30000;
    }
}

enum err child_start(const struct child_options *options, struct child **out, struct error *e)
{
    struct child *c = mem_zalloc(sizeof *c);
    pthread_condattr_t attr;
    c->o = *options;
    c->stdin_fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    int code = pthread_create(&c->watcher, NULL, watch, c);
    if (code) {
        child_stop(&c);
        return err_sys(e, code, "cannot start a thread");
    }
    c->watching = true;
    pthread_mutex_lock(&c->lock);
    while (!c->tried) pthread_cond_wait(&c->changed, &c->lock);
    enum err rc = c->first;
    if (rc != ERR_OK && e) *e = c->first_error;
    pthread_mutex_unlock(&c->lock);
    if (rc != ERR_OK) child_stop(&c);
    *out = c;
    return rc;
}

void child_stop(struct child **child)
{
    struct child *c = *child;
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->leave = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->watching) pthread_join(c->watcher, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
    *child = NULL;
}

void child_state(struct child *c, struct child_state *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->state;
    pthread_mutex_unlock(&c->lock);
}
