/* Seeded music-streaming events: eventsim, byte for byte, only faster.
 *
 * Exact mode draws from one Mersenne Twister and gives, for the same configuration file, seed, user count, growth, tag
 * and span, the four files of github viirya/eventsim (commit ac5c802) to the last byte. Streams mode gives every user a
 * random stream of his own, so that any number of threads gives the same bytes for the same seed; the world is the same
 * statistically, and not byte for byte. The data drawn from are compiled in (src/simulate/data/).
 *
 *     struct simulate_options o;
 *     simulate_options_init(&o);
 *     o.config_path = "example-config.json", o.users = 1000, …;
 *     struct simulate *s = NULL;
 *     simulate_open(&o, &s, &e);                   configuration, catalogue, users
 *     simulate_run(s, &sink, &progress, &e);       or simulate_follow(…)
 *     simulate_stats(s);
 *     simulate_free(&s);
 *
 * Ownership: options and all text in them are borrowed until simulate_free; sinks are the caller's.
 * Threads: one simulate, one calling thread; it starts and joins its own workers.
 * All times are wall clocks of the simulation, read as UTC. */
#ifndef LAKEFM_SIMULATE_SIMULATE_H
#define LAKEFM_SIMULATE_SIMULATE_H

#include "base/buf.h"
#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum simulate_topic {
    SIMULATE_LISTEN,
    SIMULATE_PAGE_VIEW,
    SIMULATE_AUTH,
    SIMULATE_STATUS_CHANGE,
    SIMULATE_STREAM, /* the single stream of the Interana dialect */
    SIMULATE_TOPICS
};
/* "listen_events", "page_view_events", "auth_events", "status_change_events", "interana". */
const char *simulate_topic_name(enum simulate_topic topic);

/* Seconds since the epoch and nanoseconds (0 … 999,999,999). */
struct simulate_time {
    int64_t second;
    int32_t nano;
};
/* "2025-11-01", "2025-11-01T00:00", "2025-11-01T00:00:00[.fraction of up to 9 digits]", each with an optional Z; years
 * may carry a sign. ERR_USAGE. */
enum err simulate_time_parse(const char *text, struct simulate_time *out, struct error *e) MUST_CHECK;
int64_t simulate_time_ms(struct simulate_time t);

/* ---- Flaws (--dirty) ------------------------------------------------------------------------------------------------
 * A line gets at most one flaw, with the probability asked for, drawn by the run's seed: the same run has the same
 * flaws, whatever the number of threads. Lines are counted once, by kind, in simulate_stats.dirty.
 *   TRUNCATED     the line is cut after 1 … len-1 of its bytes; '\n' follows. Never valid JSON.
 *   NULL_FIELD    the value of ts, sessionId or itemInSession becomes null.
 *   MISSING_FIELD ts, sessionId or itemInSession is gone with its value.
 *   WRONG_TYPE    the value of ts, sessionId or itemInSession becomes a text that is no number ("n/a"), true, or [].
 *   INVALID_UTF8  one byte inside the value of city (eventsim) or userAgent/page (Interana) becomes 0xFF.
 *   CONFLICT      the line stays; a second one with the same key and another payload (its level becomes "trial") follows
 *                 0 … 600 simulated seconds later.
 *   DUPLICATE     the line stays; the same bytes follow again 0 … 600 simulated seconds later.
 *   LATE          the line, unchanged, is written 1 … 48 simulated hours after its place, or at the end of the run.
 * The first five are for the quarantine, CONFLICT's second line too; DUPLICATE's second line is for the duplicates; LATE
 * lines are good rows. So, by topic: lines written = lines of the clean run + DUPLICATE + CONFLICT. */
enum simulate_flaw {
    SIMULATE_TRUNCATED,
    SIMULATE_NULL_FIELD,
    SIMULATE_MISSING_FIELD,
    SIMULATE_WRONG_TYPE,
    SIMULATE_INVALID_UTF8,
    SIMULATE_CONFLICT,
    SIMULATE_DUPLICATE,
    SIMULATE_LATE,
    SIMULATE_FLAWS
};
const char *simulate_flaw_name(enum simulate_flaw flaw); /* "truncated", "null_field", … */

enum simulate_mode { SIMULATE_EXACT, SIMULATE_STREAMS };
enum simulate_dialect { SIMULATE_EVENTSIM, SIMULATE_INTERANA };

/* eventsim's rules: a key in the configuration file wins over users and first_user_id (a warning says so); the command
 * line wins over the file for seed and tag; growth follows the file if it has growth-rate, but the age of registrations
 * follows the option when given. from/to: the option, else the file's start-date/end-date (which eventsim reads too
 * late and so ignores), else 15 days and 1 day before now. */
struct simulate_options {
    const char *config_path; /* NULL: eventsim's example-config.json, built in */
    enum simulate_mode mode;
    enum simulate_dialect dialect;
    bool has_seed, has_users, has_growth, has_first_user_id, has_from, has_to;
    int64_t seed;
    int32_t users;         /* at the start; default 1 */
    double growth;         /* new users a year, as a fraction; default 0 */
    double attrition;      /* default 0; as in eventsim any more makes every user leave after the first session */
    int32_t first_user_id; /* default 1; the first user gets the next one */
    const char *tag;       /* NULL: the file's */
    struct simulate_time from, to;
    int threads;           /* 0: one a core. 1: all in the calling thread */
    double dirty;          /* 0 … 1: the share of lines with a flaw */
    bool live;             /* for simulate_follow: from defaults to now; no end unless has_to */
    const char *songs_path, *places_path; /* NULL: the built-in ones. Same columns as src/simulate/data, plain or gzip */
    /* Not NULL: called for each thing in the configuration that eventsim would ignore, or that wins over an option. */
    void (*warn)(void *ctx, const char *text);
    void *warn_ctx;
};
void simulate_options_init(struct simulate_options *o);

/* ---- Sinks ----------------------------------------------------------------------------------------------------------*/

/* Whole lines of one topic, each with its '\n', in order. Valid only during the call. */
struct simulate_batch {
    enum simulate_topic topic;
    const char *bytes;
    size_t len;
    uint64_t lines;
    /* Only for sinks that want lines, else NULL: by line, the offset behind its '\n', its ts, its user's id (0: not shown). */
    const uint32_t *line_end;
    const int64_t *ts_ms, *user_id;
};

/* How far a sink has come, by topic. bytes are those of the output (after compression). */
struct simulate_position {
    uint64_t lines[SIMULATE_TOPICS], bytes[SIMULATE_TOPICS];
};

/* Where lines go. encode (optional) may be called by several threads at once; all others by one at a time, but not always
 * the same thread. write gets the batches of a topic in order. After an error nothing but close is called. */
struct simulate_sink {
    void *ctx;
    bool want_lines;
    /* Compression and the like: appends what write is to write to out. */
    enum err (*encode)(void *ctx, const struct simulate_batch *batch, struct buf *out, struct error *e);
    /* encoded is NULL for sinks without encode. */
    enum err (*write)(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e);
    /* All that was written is durable; fills the position (optional: needed by a resumable simulate_follow). */
    enum err (*sync)(void *ctx, struct simulate_position *position, struct error *e);
    /* Before the first write: forget everything behind the position (optional, as sync). */
    enum err (*rewind)(void *ctx, const struct simulate_position *position, struct error *e);
    enum err (*close)(void *ctx, struct error *e); /* flushes and frees ctx; called once, by simulate_sink_close */
};
/* Closes the sink (once; later calls do nothing). */
enum err simulate_sink_close(struct simulate_sink *sink, struct error *e) MUST_CHECK;

enum simulate_compress { SIMULATE_PLAIN, SIMULATE_GZ, SIMULATE_ZST };
/* DIR/<topic>.json[.gz|.zst]: the topics of the dialect, made empty at once (kept when `resume`: rewind cuts them).
 * Compressed files are made of independent members or frames. The files are locked: a second writer gets ERR_BUSY. */
enum err simulate_sink_dir(const char *dir, enum simulate_dialect dialect, enum simulate_compress compress, bool resume,
                           struct simulate_sink *out, struct error *e) MUST_CHECK;
/* One topic (or all of them mixed, batch after batch, when topic is SIMULATE_TOPICS) to a descriptor, not closed. */
enum err simulate_sink_fd(int fd, enum simulate_topic topic, struct simulate_sink *out, struct error *e) MUST_CHECK;
/* Counts and forgets. */
void simulate_sink_null(struct simulate_sink *out);

/* ---- Running --------------------------------------------------------------------------------------------------------*/

struct simulate_stats {
    uint64_t events;                 /* page views */
    uint64_t lines[SIMULATE_TOPICS]; /* as written, flaws included */
    uint64_t bytes[SIMULATE_TOPICS]; /* before compression */
    uint64_t sessions;               /* ids given out */
    uint64_t users_initial, users_final;
    struct simulate_time from, to;
    int64_t first_ms, last_ms;       /* ts of the first and last event; 0 when there are none */
    uint64_t dirty[SIMULATE_TOPICS][SIMULATE_FLAWS];
    uint64_t user_bytes;             /* memory held for each user */
};

/* Called every some 100 ms by the calling thread. */
struct simulate_progress {
    void *ctx;
    void (*report)(void *ctx, const struct simulate_stats *stats, int64_t now_ms); /* may be NULL; now_ms: simulated */
    const volatile sig_atomic_t *stop; /* may be NULL; when it is not 0 the run ends with ERR_STOPPED, all output written */
};

struct simulate;
/* Reads the configuration and the data, and makes the users. Errors of the file name file and line (ERR_INPUT). */
enum err simulate_open(const struct simulate_options *o, struct simulate **out, struct error *e) MUST_CHECK;
void simulate_free(struct simulate **s);
const struct simulate_stats *simulate_stats(const struct simulate *s); /* valid until simulate_free */

/* The whole span at full speed; once. Where eventsim stops with an exception in mid-run the lines before it are the same
 * as its own: when every user has left that is the end of the run (ERR_OK, a warning); when the configuration lacks an
 * auth or a new-session it is ERR_INPUT. */
enum err simulate_run(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress,
                      struct error *e) MUST_CHECK;

/* Live: an event is written when the simulated clock reaches it. The clock starts at `from` and runs `speed` times as fast
 * as the wall. With options.live and without has_to the run goes on until stopped, and the population grows for two
 * years at most.
 *
 * state_path (may be NULL): kept up to date, atomically and durably, every checkpoint_ms and at the end: the parameters, the
 * number of events and the sink's positions. A run that finds it there goes on from it, after kill -9 too: it walks to
 * the recorded event (millions of events a second), cuts the sink's output back to the recorded position and writes on,
 * so that no event is twice or missing. What passed while it was down is written at full speed. Other parameters than
 * those recorded (speed excepted) are ERR_USAGE. A sink without sync and rewind cannot have a state (ERR_USAGE).
 * With flaws: lines held back when the run is stopped come after it is resumed, in their place. */
struct simulate_follow_options {
    double speed;    /* > 0 */
    bool wall_clock; /* the simulated clock is the wall's from the start: what lies in the past is written at once */
    const char *state_path;
    int64_t checkpoint_ms; /* 0: 1000 */
    int64_t poll_ms;       /* 0: 100; the most that an event is late by */
};
/* Before simulate_open, for a run that may go on from a state: sets from, to and live as recorded (ERR_USAGE when from or to
 * is asked for and is another). *found: there is a state; then open the sink with `resume`. */
enum err simulate_state_peek(const char *state_path, struct simulate_options *o, bool *found, struct error *e) MUST_CHECK;
enum err simulate_follow(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress,
                         const struct simulate_follow_options *follow, struct error *e) MUST_CHECK;

#endif
