/* Streams mode: the same bytes for any number of threads, in order, and the same world as eventsim's.
 *
 * The statistics are those of 5.8 million lines of real eventsim output (example-config, seed 7, 12,000 users, growth 0.25,
 * 2025-11-01 … 2026-01-30). Each is a ratio of two sums. Here REPLICAS independent worlds of USERS users give it once more,
 * and its sampling error: s, the jackknife over the worlds. The real run had the same error by its own size, so the two may
 * differ by BOUND · s · sqrt(1 + REPLICAS · USERS / 12000). Three sets of seeds are tried. */
#include "simulate/run_test.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SEED_SETS = 1 };
#else
enum { SEED_SETS = 3 };
#endif
enum { REPLICAS = 12, USERS = 500 };
static const double BOUND = 5;

static void set_up(struct simulate_options *o)
{
    simulate_options_init(o);
    o->config_path = GOLDEN "sample-config.json";
    o->mode = SIMULATE_STREAMS;
    o->has_seed = o->has_users = o->has_growth = true;
    o->seed = 3, o->users = 300, o->growth = 5;
    set_span(o, "2025-11-01T00:00:00.125", "2025-11-15");
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    static const int THREADS[] = {1, 2, 7};
    struct simulate_options o;
    struct kept first, other;
    set_up(&o);
    for (int i = 0; i < 3; i++) {
        o.threads = THREADS[i];
        kept_init(i ? &other : &first, false);
        run_kept(&o, i ? &other : &first);
        if (!i) continue;
        assert_true(kept_same(&first, &other));
        assert_int_equal(first.stats.sessions, other.stats.sessions);
        kept_reset(&other);
    }
    o.seed++;
    kept_init(&other, false);
    run_kept(&o, &other);
    assert_false(kept_same(&first, &other));
    assert_true(first.stats.users_final > 300);
    assert_true(first.stats.user_bytes <= 200);
    kept_reset(&first), kept_reset(&other);
}

static const char *field(const char *line, const char *name) { return strstr(line, name) + strlen(name); }

struct order {
    int64_t last_ms[SIMULATE_TOPICS];
    uint32_t items[1 << 17]; /* by session: the number of its next item, once one was seen */
    uint64_t beginnings, sessions_seen;
    uint64_t newest;
};

static enum err check_order(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    struct order *k = ctx;
    (void)encoded, (void)e;
    const char *line = b->bytes;
    for (uint64_t i = 0; i < b->lines; i++) {
        int64_t ts = strtoll(field(line, "\"ts\":"), NULL, 10);
        assert_int_equal(ts, b->ts_ms[i]);
        assert_true(ts >= k->last_ms[b->topic] && ts % 1000 == 125);
        k->last_ms[b->topic] = ts;
        if (b->topic == SIMULATE_PAGE_VIEW) {
            uint64_t session = strtoull(field(line, "\"sessionId\":"), NULL, 10);
            uint32_t item = (uint32_t)strtoul(field(line, "\"itemInSession\":"), NULL, 10);
            assert_true(session >= 1 && session < 1 << 17);
            if (k->items[session])
                assert_int_equal(item, k->items[session]);
            else
                k->sessions_seen++, k->beginnings += !item;
            k->items[session] = item + 1;
            if (session > k->newest) k->newest = session;
        }
        line = b->bytes + b->line_end[i];
        assert_true(line[-1] == '\n');
    }
    return ERR_OK;
}

static void lines_are_in_order_and_sessions_whole(void **state)
{
    (void)state;
    struct simulate_options o;
    struct simulate *s = NULL;
    struct error e = {0};
    struct order *k = mem_zalloc(sizeof *k);
    struct simulate_sink sink = {.ctx = k, .want_lines = true, .write = check_order};
    set_up(&o);
    o.threads = 3;
    assert_ok(simulate_open(&o, &s, &e), &e);
    assert_ok(simulate_run(s, &sink, NULL, &e), &e);
    assert_true(k->sessions_seen > 4000 && k->beginnings + 20 > k->sessions_seen);
    assert_true(k->newest <= simulate_stats(s)->sessions);
    simulate_free(&s);
    mem_free(k);
}

/* ---- the statistics ------------------------------------------------------------------------------------------------ */

enum base { PAGE_VIEWS, LISTENS, SESSIONS, USERS_AT_START, AUTH_EVENTS, BASES };
enum measure {
    M_PAGE, /* 12 pages */
    M_LOGGED_IN = M_PAGE + 12, M_LOGGED_OUT, M_GUEST,
    M_307, M_404, M_PUT, M_PAID_VIEWS, M_PAID_LISTENS, M_PAID_SESSIONS,
    M_VIEWS_A_SESSION, M_LISTENS_A_SESSION, M_SHORT_SESSIONS, M_SILENT_SESSIONS, M_SESSION_S,
    M_VIEWS_A_USER, M_LISTENS_A_USER, M_SESSIONS_A_USER,
    M_AUTH_EVENTS, M_AUTH_TRUE, M_UPGRADES, M_DOWNGRADES,
    M_DURATION, M_TOP_SONG,
    M_HOUR, M_START_HOUR = M_HOUR + 24, M_WEEKDAY = M_START_HOUR + 24,
    MEASURES = M_WEEKDAY + 7
};
static const char *const PAGES[12] = {"NextSong", "Home", "Login", "Logout", "Downgrade", "Help",
                                      "Settings", "About", "Upgrade", "Save Settings", "Error", "Submit Upgrade"};

struct want {
    enum measure measure;
    enum base base;
    double value;
};
#define BIG_VIEWS 3109994.0
#define BIG_LISTENS 2648571.0
#define BIG_SESSIONS 335671.0
static const struct want WANTS[] = {
    {M_PAGE, PAGE_VIEWS, 2648571 / BIG_VIEWS}, {M_PAGE + 1, PAGE_VIEWS, 291303 / BIG_VIEWS},
    {M_PAGE + 2, PAGE_VIEWS, 37217 / BIG_VIEWS}, {M_PAGE + 3, PAGE_VIEWS, 33844 / BIG_VIEWS},
    {M_PAGE + 4, PAGE_VIEWS, 25301 / BIG_VIEWS}, {M_PAGE + 5, PAGE_VIEWS, 21661 / BIG_VIEWS},
    {M_PAGE + 6, PAGE_VIEWS, 19891 / BIG_VIEWS}, {M_PAGE + 7, PAGE_VIEWS, 14998 / BIG_VIEWS},
    {M_PAGE + 8, PAGE_VIEWS, 6186 / BIG_VIEWS}, {M_PAGE + 9, PAGE_VIEWS, 3960 / BIG_VIEWS},
    {M_PAGE + 10, PAGE_VIEWS, 3267 / BIG_VIEWS}, {M_PAGE + 11, PAGE_VIEWS, 1793 / BIG_VIEWS},
    {M_LOGGED_IN, PAGE_VIEWS, 2987348 / BIG_VIEWS}, {M_LOGGED_OUT, PAGE_VIEWS, 119273 / BIG_VIEWS},
    {M_GUEST, PAGE_VIEWS, 3261 / BIG_VIEWS}, {M_307, PAGE_VIEWS, 77785 / BIG_VIEWS}, {M_404, PAGE_VIEWS, 3267 / BIG_VIEWS},
    {M_PUT, PAGE_VIEWS, 2726356 / BIG_VIEWS}, {M_PAID_VIEWS, PAGE_VIEWS, 2495598 / BIG_VIEWS},
    {M_PAID_LISTENS, LISTENS, 2217926 / BIG_LISTENS}, {M_PAID_SESSIONS, SESSIONS, 0.2825},
    {M_VIEWS_A_SESSION, SESSIONS, 9.265}, {M_LISTENS_A_SESSION, SESSIONS, 7.890}, {M_SHORT_SESSIONS, SESSIONS, 0.317},
    {M_SILENT_SESSIONS, SESSIONS, 0.169}, {M_SESSION_S, SESSIONS, 1765},
    {M_VIEWS_A_USER, USERS_AT_START, BIG_VIEWS / 12000}, {M_LISTENS_A_USER, USERS_AT_START, BIG_LISTENS / 12000},
    {M_SESSIONS_A_USER, USERS_AT_START, BIG_SESSIONS / 12000}, {M_AUTH_EVENTS, PAGE_VIEWS, 38934 / BIG_VIEWS},
    {M_AUTH_TRUE, AUTH_EVENTS, (23334 + 10503) / 38934.0}, {M_UPGRADES, PAGE_VIEWS, 1793 / BIG_VIEWS},
    {M_DOWNGRADES, PAGE_VIEWS, 234 / BIG_VIEWS}, {M_DURATION, LISTENS, 239.3}, {M_TOP_SONG, LISTENS, .00409},
};
/* In per cent, as printed in the facts. */
static const double HOURS[24] = {3.09, 3.02, 2.92, 2.85, 2.81, 2.77, 2.81, 2.89, 2.96, 3.06, 3.32, 3.63,
                                 4.19, 5.09, 6.53, 7.76, 7.62, 6.73, 5.76, 4.97, 4.40, 3.92, 3.58, 3.32};
static const double START_HOURS[24] = {2.77, 2.79, 2.71, 2.70, 2.71, 2.71, 2.81, 2.90, 3.07, 3.31, 3.67, 4.19,
                                       5.06, 6.62, 9.01, 9.52, 7.12, 5.45, 4.47, 3.87, 3.45, 3.19, 2.99, 2.92};
static const double WEEKDAYS[7] = {16.35, 16.46, 17.09, 15.31, 17.25, 8.96, 8.58}; /* of 84 days: the first twelve weeks */

struct session {
    int64_t first_ms, last_ms;
    uint32_t views, listens;
    bool paid;
};
struct tally {
    double sum[MEASURES], base[BASES], week_listens;
    struct session *session;
    size_t sessions_cap;
    int64_t from_ms;
};

static bool is(const char *at, const char *text) { return !strncmp(at, text, strlen(text)) && at[strlen(text)] == '"'; }

static void tally_view(struct tally *t, const char *line)
{
    int64_t ts = strtoll(field(line, "\"ts\":"), NULL, 10);
    size_t id = strtoull(field(line, "\"sessionId\":"), NULL, 10);
    const char *page = field(line, "\"page\":\""), *auth = field(page, "\"auth\":\""), *method = field(auth, "\"method\":\"");
    const char *status = field(method, "\"status\":"), *level = field(status, "\"level\":\"");
    bool paid = is(level, "paid"), song = is(page, "NextSong");
    t->base[PAGE_VIEWS]++;
    for (int i = 0; i < 12; i++) t->sum[M_PAGE + i] += is(page, PAGES[i]);
    t->sum[M_LOGGED_IN] += is(auth, "Logged In");
    t->sum[M_LOGGED_OUT] += is(auth, "Logged Out");
    t->sum[M_GUEST] += is(auth, "Guest");
    t->sum[M_307] += *status == '3';
    t->sum[M_404] += *status == '4';
    t->sum[M_PUT] += is(method, "PUT");
    t->sum[M_PAID_VIEWS] += paid;
    size_t had = t->sessions_cap;
    mem_grow(&t->session, &t->sessions_cap, id + 1, sizeof *t->session);
    memset(t->session + had, 0, (t->sessions_cap - had) * sizeof *t->session);
    struct session *s = &t->session[id];
    if (!s->views) s->first_ms = ts, s->paid = paid;
    s->last_ms = ts;
    s->views++;
    s->listens += song;
    if (!song) return;
    struct civil c;
    clock_civil(ts, &c);
    t->base[LISTENS]++;
    t->sum[M_PAID_LISTENS] += paid;
    t->sum[M_HOUR + c.hour]++;
    if (ts < t->from_ms + 84 * CLOCK_DAY_MS) t->sum[M_WEEKDAY + c.weekday - 1]++, t->week_listens++;
    t->sum[M_DURATION] += strtod(field(level, "\"duration\":"), NULL);
    t->sum[M_TOP_SONG] += strstr(level, "\"song\":\"Yo Yo Man (Garter Belt)\"") != NULL;
}

static enum err tally_write(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    struct tally *t = ctx;
    (void)encoded, (void)e;
    char *text = mem_strndup(b->bytes, b->len); /* lines end with '\0' here, so that a search stays in its line */
    for (uint64_t i = 0; i < b->lines; i++) {
        char *line = text + (i ? b->line_end[i - 1] : 0);
        text[b->line_end[i] - 1] = '\0';
        if (b->topic == SIMULATE_PAGE_VIEW) tally_view(t, line);
        if (b->topic == SIMULATE_AUTH) {
            t->base[AUTH_EVENTS]++, t->sum[M_AUTH_EVENTS]++;
            t->sum[M_AUTH_TRUE] += strstr(line, "\"success\":true") != NULL;
        }
        if (b->topic == SIMULATE_STATUS_CHANGE) t->sum[strstr(line, "\"level\":\"free\"") ? M_UPGRADES : M_DOWNGRADES]++;
    }
    mem_free(text);
    return ERR_OK;
}

static void close_sessions(struct tally *t)
{
    for (size_t i = 0; i < t->sessions_cap; i++) {
        const struct session *s = &t->session[i];
        if (!s->views) continue;
        struct civil c;
        clock_civil(s->first_ms, &c);
        t->base[SESSIONS]++;
        t->sum[M_PAID_SESSIONS] += s->paid;
        t->sum[M_SHORT_SESSIONS] += s->views == 1;
        t->sum[M_SILENT_SESSIONS] += !s->listens;
        t->sum[M_SESSION_S] += (double)(s->last_ms - s->first_ms) / 1000;
        t->sum[M_START_HOUR + c.hour]++;
    }
    t->base[USERS_AT_START] = USERS;
    t->sum[M_VIEWS_A_SESSION] = t->sum[M_VIEWS_A_USER] = t->base[PAGE_VIEWS];
    t->sum[M_LISTENS_A_SESSION] = t->sum[M_LISTENS_A_USER] = t->base[LISTENS];
    t->sum[M_SESSIONS_A_USER] = t->base[SESSIONS];
    mem_free(t->session);
}

static void simulate_world(int64_t seed, struct tally *t)
{
    struct simulate_options o;
    struct simulate *s = NULL;
    struct error e = {0};
    struct simulate_sink sink = {.ctx = t, .want_lines = true, .write = tally_write};
    simulate_options_init(&o);
    o.config_path = GOLDEN "example-config.json";
    o.mode = SIMULATE_STREAMS;
    o.has_seed = o.has_users = o.has_growth = true;
    o.seed = seed, o.users = USERS, o.growth = 0.25;
    set_span(&o, "2025-11-01", "2026-01-30");
    t->from_ms = simulate_time_ms(o.from);
    assert_ok(simulate_open(&o, &s, &e), &e);
    assert_ok(simulate_run(s, &sink, NULL, &e), &e);
    simulate_free(&s);
    close_sessions(t);
}

/* The ratio over all worlds and its jackknife error against what is wanted. half_digit: what rounding the printed fact
 * may have cost. Returns the distance in allowed errors. */
static double distance(const double num[REPLICAS], const double den[REPLICAS], double want, double half_digit)
{
    double n = 0, d = 0, mean = 0, square = 0, left_out[REPLICAS];
    for (int i = 0; i < REPLICAS; i++) n += num[i], d += den[i];
    for (int i = 0; i < REPLICAS; i++) mean += (left_out[i] = (n - num[i]) / (d - den[i])) / REPLICAS;
    for (int i = 0; i < REPLICAS; i++) square += (left_out[i] - mean) * (left_out[i] - mean);
    double error = sqrt(square * (REPLICAS - 1) / REPLICAS);
    double off = fabs(n / d - want) - half_digit;
    return off / (error * sqrt(1 + REPLICAS * USERS / 12000.0));
}

static double check(const struct tally t[REPLICAS], enum measure m, int base, double want, double half_digit, const char *what, int k)
{
    double num[REPLICAS], den[REPLICAS], n = 0, d = 0;
    for (int i = 0; i < REPLICAS; i++) {
        num[i] = t[i].sum[m];
        den[i] = base < BASES ? t[i].base[base] : t[i].week_listens;
        n += num[i], d += den[i];
    }
    double off = distance(num, den, want, half_digit);
    if (off > BOUND) print_error("%s %d: %.6f instead of %.6f, %.1f allowed errors off\n", what, k, n / d, want, off);
    return off;
}

static void the_world_is_eventsims(void **state)
{
    (void)state;
    enum { WEEK_LISTENS = BASES };
    double worst = 0;
    for (int set = 0; set < SEED_SETS; set++) {
        static struct tally t[REPLICAS];
        memset(t, 0, sizeof t);
        for (int i = 0; i < REPLICAS; i++) simulate_world(1000 * (set + 1) + i, &t[i]);
        for (size_t i = 0; i < sizeof WANTS / sizeof *WANTS; i++)
            worst = fmax(worst, check(t, WANTS[i].measure, (int)WANTS[i].base, WANTS[i].value, WANTS[i].value * 1e-3, "measure", (int)i));
        for (int h = 0; h < 24; h++) {
            worst = fmax(worst, check(t, M_HOUR + (enum measure)h, LISTENS, HOURS[h] / 100, 5e-5, "hour", h));
            worst = fmax(worst, check(t, M_START_HOUR + (enum measure)h, SESSIONS, START_HOURS[h] / 100, 5e-5, "start hour", h));
        }
        for (int d = 0; d < 7; d++)
            worst = fmax(worst, check(t, M_WEEKDAY + (enum measure)d, WEEK_LISTENS, WEEKDAYS[d] / 100, 5e-5, "weekday", d + 1));
    }
    print_message("the most that a statistic is off: %.2f allowed errors of %g\n", worst, BOUND);
    assert_true(worst <= BOUND);
    assert_true(worst > 0.5); /* else the bounds mean nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(lines_are_in_order_and_sessions_whole),
        cmocka_unit_test(the_world_is_eventsims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
