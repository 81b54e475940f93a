#include "simulate/dirty.h"

#include "base/mem.h"
#include "base/str.h"
#include "simulate/random.h"

#include <pthread.h>
#include <string.h>

/* A line that comes later. */
struct held {
    int64_t release_ms;
    uint64_t number; /* of equal ones the earlier first */
    int64_t ts_ms, user_id;
    char *text; /* owned */
    size_t len;
};
struct topic {
    struct random random;
    struct held *heap; /* from 0, the earliest first */
    size_t held, held_cap;
    uint64_t held_ever, skip;
    struct buf out;
    uint32_t *line_end;
    int64_t *ts_ms, *user_id;
    size_t lines, line_end_cap, ts_cap, user_cap;
};
struct dirty {
    double share;
    enum simulate_dialect dialect;
    struct simulate_sink *to;
    struct topic topic[SIMULATE_TOPICS];
    struct buf encoded, scratch;
    pthread_mutex_t lock; /* for the counts */
    struct simulate_stats counts;
};

const char *simulate_flaw_name(enum simulate_flaw flaw)
{
    static const char *const NAMES[SIMULATE_FLAWS] = {"truncated",    "null_field", "missing_field", "wrong_type",
                                                      "invalid_utf8", "conflict",   "duplicate",     "late"};
    return NAMES[flaw];
}

struct dirty *dirty_new(double share, uint64_t seed, enum simulate_dialect dialect, struct simulate_sink *to,
                        const uint64_t skip[SIMULATE_TOPICS])
{
    enum { DIRTY_STREAM = 0x6469727479 };
    struct dirty *d = mem_zalloc(sizeof *d);
    d->share = share;
    d->dialect = dialect;
    d->to = to;
    pthread_mutex_init(&d->lock, NULL);
    for (uint64_t t = 0; t < SIMULATE_TOPICS; t++) {
        d->topic[t].random.step = random_step(seed, DIRTY_STREAM + t);
        d->topic[t].skip = skip ? skip[t] : 0;
    }
    return d;
}

void dirty_free(struct dirty **dp)
{
    struct dirty *d = *dp;
    *dp = NULL;
    if (!d) return;
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        struct topic *q = &d->topic[t];
        for (size_t i = 0; i < q->held; i++) mem_free(q->heap[i].text);
        mem_free(q->heap);
        buf_reset(&q->out);
        mem_free(q->line_end);
        mem_free(q->ts_ms);
        mem_free(q->user_id);
    }
    buf_reset(&d->encoded);
    buf_reset(&d->scratch);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

static bool sooner(const struct held *a, const struct held *b)
{
    return a->release_ms != b->release_ms ? a->release_ms < b->release_ms : a->number < b->number;
}

/* Takes a copy of the text. */
static void hold(struct topic *q, int64_t release_ms, struct view line, int64_t ts_ms, int64_t user_id)
{
    struct held h = {release_ms, q->held_ever++, ts_ms, user_id, mem_strndup(line.ptr, line.len), line.len};
    mem_grow(&q->heap, &q->held_cap, q->held + 1, sizeof *q->heap);
    size_t k = q->held++;
    for (; k && sooner(&h, &q->heap[(k - 1) / 2]); k = (k - 1) / 2) q->heap[k] = q->heap[(k - 1) / 2];
    q->heap[k] = h;
}

static struct held take_first(struct topic *q)
{
    struct held first = q->heap[0], last = q->heap[--q->held];
    size_t k = 0;
    for (size_t j; (j = 2 * k + 1) < q->held; k = j) {
        if (j + 1 < q->held && sooner(&q->heap[j + 1], &q->heap[j])) j++;
        if (!sooner(&q->heap[j], &last)) break;
        q->heap[k] = q->heap[j];
    }
    q->heap[k] = last;
    return first;
}

/* One line to the output. */
static void put_line(struct topic *q, struct view line, int64_t ts_ms, int64_t user_id)
{
    if (q->skip) {
        q->skip--;
        return;
    }
    buf_add(&q->out, line.ptr, line.len);
    size_t i = q->lines++;
    mem_grow(&q->line_end, &q->line_end_cap, i + 1, sizeof *q->line_end);
    mem_grow(&q->ts_ms, &q->ts_cap, i + 1, sizeof *q->ts_ms);
    mem_grow(&q->user_id, &q->user_cap, i + 1, sizeof *q->user_id);
    q->line_end[i] = (uint32_t)q->out.len;
    q->ts_ms[i] = ts_ms;
    q->user_id[i] = user_id;
}

static void release_until(struct topic *q, int64_t now_ms)
{
    while (q->held && q->heap[0].release_ms <= now_ms) {
        struct held h = take_first(q);
        put_line(q, view_from(h.text, h.len), h.ts_ms, h.user_id);
        mem_free(h.text);
    }
}

/* The value of a key (with its quotes, if a text) in a line of ours. A name with a '"' before and '{' or
 * ',' before that cannot stand inside a text, where a '\' is before each '"'. */
static struct view find_value(struct view line, const char *key)
{
    char name[32];
    size_t n = (size_t)(stpcpy(stpcpy(stpcpy(name, "\""), key), "\":") - name);
    for (const char *p = line.ptr + 1, *end = line.ptr + line.len; p && p < end;) {
        const char *at = memmem(p, (size_t)(end - p), name, n);
        if (!at) break;
        p = at + n;
        if (at[-1] != '{' && at[-1] != ',') continue;
        const char *stop = p;
        if (*p != '"') {
            while (*stop != ',' && *stop != '}') stop++;
            return view_from(p, (size_t)(stop - p));
        }
        for (stop++; *stop != '"'; stop++)
            if (*stop == '\\') stop++;
        return view_from(p, (size_t)(stop - p) + 1);
    }
    return view_from(NULL, 0);
}

/* The line with [at, at + len) replaced. */
static struct view replaced(struct dirty *d, struct view line, const char *at, size_t len, const char *by)
{
    size_t before = (size_t)(at - line.ptr);
    buf_clear(&d->scratch);
    buf_add(&d->scratch, line.ptr, before);
    buf_str(&d->scratch, by);
    buf_add(&d->scratch, at + len, line.len - before - len);
    return view_from(d->scratch.ptr, d->scratch.len);
}

static struct view without_field(struct dirty *d, struct view line, const char *key, struct view value)
{
    const char *from = value.ptr - strlen(key) - 3; /* the '"' of the key */
    size_t len = (size_t)(value.ptr + value.len - from);
    if (from[-1] == ',') return replaced(d, line, from - 1, len + 1, "");
    return replaced(d, line, from, len + 1, ""); /* first: with the ',' behind */
}

static struct view spoiled(struct dirty *d, struct topic *q, enum simulate_flaw flaw, struct view line)
{
    static const char *const FIELDS[] = {"ts", "sessionId", "itemInSession"}, *const WRONG[] = {"\"n/a\"", "true", "[]"};
    const char *key = FIELDS[random_below(&q->random, 3)];
    struct view value = find_value(line, key);
    int32_t pick = random_below(&q->random, 1 << 30);
    switch (flaw) {
    case SIMULATE_TRUNCATED: {
        size_t keep = 1 + (size_t)pick % (line.len - 2);
        return replaced(d, line, line.ptr + keep, line.len - 1 - keep, "");
    }
    case SIMULATE_NULL_FIELD: return replaced(d, line, value.ptr, value.len, "null");
    case SIMULATE_MISSING_FIELD: return without_field(d, line, key, value);
    case SIMULATE_WRONG_TYPE: return replaced(d, line, value.ptr, value.len, WRONG[pick % 3]);
    case SIMULATE_CONFLICT:
        value = find_value(line, "level");
        return replaced(d, line, value.ptr, value.len, "\"trial\"");
    default: /* SIMULATE_INVALID_UTF8 */
        value = find_value(line, d->dialect == SIMULATE_INTERANA ? "page" : "city");
        if (value.len < 3) return replaced(d, line, value.ptr + 1, 0, "\xff"); /* an empty text */
        return replaced(d, line, value.ptr + 1 + (size_t)pick % (value.len - 2), 1, "\xff");
    }
}

static void put_flawed(struct dirty *d, int t, struct view line, int64_t ts_ms, int64_t user_id)
{
    enum { HOUR_MS = 3600000, SOON_MS = 600000 };
    struct topic *q = &d->topic[t];
    enum simulate_flaw flaw = (enum simulate_flaw)random_below(&q->random, SIMULATE_FLAWS);
    pthread_mutex_lock(&d->lock);
    d->counts.dirty[t][flaw]++;
    pthread_mutex_unlock(&d->lock);
    switch (flaw) {
    case SIMULATE_LATE: hold(q, ts_ms + HOUR_MS + random_below(&q->random, 47 * HOUR_MS), line, ts_ms, user_id); break;
    case SIMULATE_DUPLICATE:
        put_line(q, line, ts_ms, user_id);
        hold(q, ts_ms + random_below(&q->random, SOON_MS), line, ts_ms, user_id);
        break;
    case SIMULATE_CONFLICT:
        put_line(q, line, ts_ms, user_id);
        hold(q, ts_ms + random_below(&q->random, SOON_MS), spoiled(d, q, flaw, line), ts_ms, user_id);
        break;
    default: put_line(q, spoiled(d, q, flaw, line), ts_ms, user_id); break;
    }
}

/* What is in a topic's output goes to the sink. */
static enum err pass_on(struct dirty *d, int t, struct error *e)
{
    struct topic *q = &d->topic[t];
    if (!q->lines) return ERR_OK;
    bool want = d->to->want_lines;
    struct simulate_batch batch = {.topic = (enum simulate_topic)t, .bytes = q->out.ptr, .len = q->out.len, .lines = q->lines,
                                   .line_end = want ? q->line_end : NULL, .ts_ms = want ? q->ts_ms : NULL,
                                   .user_id = want ? q->user_id : NULL};
    enum err rc = ERR_OK;
    buf_clear(&d->encoded);
    if (d->to->encode) TRY(d->to->encode(d->to->ctx, &batch, &d->encoded, e));
    TRY(d->to->write(d->to->ctx, &batch, d->to->encode ? &d->encoded : NULL, e));
    pthread_mutex_lock(&d->lock);
    d->counts.lines[t] += q->lines;
    d->counts.bytes[t] += q->out.len;
    pthread_mutex_unlock(&d->lock);
done:
    buf_clear(&q->out);
    q->lines = 0;
    return rc;
}

static enum err dirty_write(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    struct dirty *d = ctx;
    struct topic *q = &d->topic[batch->topic];
    size_t from = 0;
    (void)encoded;
    for (uint64_t i = 0; i < batch->lines; i++) {
        struct view line = view_from(batch->bytes + from, batch->line_end[i] - from);
        from = batch->line_end[i];
        release_until(q, batch->ts_ms[i]);
        if (random_double(&q->random) < d->share)
            put_flawed(d, batch->topic, line, batch->ts_ms[i], batch->user_id[i]);
        else
            put_line(q, line, batch->ts_ms[i], batch->user_id[i]);
    }
    return pass_on(d, batch->topic, e);
}

void dirty_sink(struct dirty *d, struct simulate_sink *out)
{
    *out = (struct simulate_sink){.ctx = d, .want_lines = true, .write = dirty_write};
}

enum err dirty_release(struct dirty *d, struct error *e)
{
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        release_until(&d->topic[t], INT64_MAX);
        enum err rc = pass_on(d, t, e);
        if (rc) return rc;
    }
    return ERR_OK;
}

void dirty_count(struct dirty *d, struct simulate_stats *stats)
{
    pthread_mutex_lock(&d->lock);
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        stats->lines[t] = d->counts.lines[t];
        stats->bytes[t] = d->counts.bytes[t];
        for (int f = 0; f < SIMULATE_FLAWS; f++) stats->dirty[t][f] = d->counts.dirty[t][f];
    }
    pthread_mutex_unlock(&d->lock);
}
