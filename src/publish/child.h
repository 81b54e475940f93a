/* A server as our child process: started, watched, started again when it dies or hangs, gone when we are gone.
 *
 * The child gets an anonymous pipe as stdin, which is closed when we want it to leave and by the kernel when we die; SIGTERM
 * when the thread that started it ends (PR_SET_PDEATHSIG), so it does not outlive even a kill -9; a session of its own, so a
 * Ctrl-C in our terminal is not its. stdout and stderr go to log_path (kept small: begun anew at each start).
 * Restarts back off: 0.5 s, 1 s, 2 s … 30 s; a child that was healthy for a minute starts over at 0.5 s.
 *
 * child_start, child_stop: one thread. child_state: any. */
#ifndef LAKEFM_PUBLISH_CHILD_H
#define LAKEFM_PUBLISH_CHILD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child;
struct child_options {
    const char *name;              /* for the log: "ClickHouse" */
    const char *const *argv;       /* argv[0]: the program's path; NULL-terminated. Borrowed until child_stop */
    const char *log_path;
    bool (*healthy)(void *ctx);    /* answers within a few seconds; called from the child's own watcher thread */
    void (*started)(void *ctx);    /* after each start, once it is healthy; the same thread; may be NULL */
    void *ctx;
    int64_t start_ms;              /* healthy within this time, or the start has failed; 0: 60000 */
    int64_t check_ms;              /* how often it is asked; 0: 1000 */
    unsigned misses;               /* unhealthy so often in a row: killed and started again; 0: 5 */
};
/* Returns when the child is healthy for the first time. ERR_RETRY: it ended or did not answer in time; the message ends with
 * the last line of its log. */
enum err child_start(const struct child_options *options, struct child **out, struct error *e) MUST_CHECK;
/* Closes its stdin; SIGTERM after 5 s, SIGKILL after 10 s. Accepts NULL. */
void child_stop(struct child **child);

struct child_state {
    pid_t pid;         /* 0: not running just now */
    bool healthy;
    unsigned restarts;
};
void child_state(struct child *child, struct child_state *out);

#endif
