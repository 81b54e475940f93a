/* The simulator's speed, and a small driver for tests that want a process of their own.
 *
 *   simulate_bench CONFIG [--mode exact|streams] [--seed N] [--users N] [--growth G] [--attrition A] [--userid N] [--tag X]
 *                  [--from T] [--to T] [--threads N] [--dialect eventsim|interana] [--dirty P]
 *                  [--out DIR | --fd TOPIC | --null] [--compress none|gz|zst] [--follow SPEED] [--state FILE]
 * Prints one line of numbers to stderr. */
#include "base/clock.h"
#include "base/io.h"
#include "simulate/simulate.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static volatile sig_atomic_t stop;
static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static void on_warn(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "warning: %s\n", text);
}

enum { OPT = 256 };
static const struct option OPTIONS[] = {
    {"mode", 1, 0, OPT},          {"seed", 1, 0, OPT + 1},    {"users", 1, 0, OPT + 2},    {"growth", 1, 0, OPT + 3},
    {"attrition", 1, 0, OPT + 4}, {"userid", 1, 0, OPT + 5},  {"tag", 1, 0, OPT + 6},      {"from", 1, 0, OPT + 7},
    {"to", 1, 0, OPT + 8},        {"threads", 1, 0, OPT + 9}, {"dialect", 1, 0, OPT + 10}, {"dirty", 1, 0, OPT + 11},
    {"out", 1, 0, OPT + 12},      {"fd", 1, 0, OPT + 13},     {"null", 0, 0, OPT + 14},    {"compress", 1, 0, OPT + 15},
    {"follow", 1, 0, OPT + 16},   {"state", 1, 0, OPT + 17},  {"songs", 1, 0, OPT + 18},   {"places", 1, 0, OPT + 19},
    {0}};

struct arguments {
    struct simulate_options o;
    const char *out, *fd, *compress;
    struct simulate_follow_options follow;
};

static enum err parse(int argc, char **argv, struct arguments *a, struct error *e)
{
    struct simulate_options *o = &a->o;
    int c;
    while ((c = getopt_long_only(argc, argv, "", OPTIONS, NULL)) != -1) {
        enum err rc = ERR_OK;
        switch (c - OPT) {
        case 0: o->mode = strcmp(optarg, "streams") ? SIMULATE_EXACT : SIMULATE_STREAMS; break;
        case 1: o->has_seed = true, o->seed = atoll(optarg); break;
        case 2: o->has_users = true, o->users = atoi(optarg); break;
        case 3: o->has_growth = true, o->growth = atof(optarg); break;
        case 4: o->attrition = atof(optarg); break;
        case 5: o->has_first_user_id = true, o->first_user_id = atoi(optarg); break;
        case 6: o->tag = optarg; break;
        case 7: o->has_from = true, rc = simulate_time_parse(optarg, &o->from, e); break;
        case 8: o->has_to = true, rc = simulate_time_parse(optarg, &o->to, e); break;
        case 9: o->threads = atoi(optarg); break;
        case 10: o->dialect = strcmp(optarg, "interana") ? SIMULATE_EVENTSIM : SIMULATE_INTERANA; break;
        case 11: o->dirty = atof(optarg); break;
        case 12: a->out = optarg; break;
        case 13: a->fd = optarg; break;
        case 14: break;
        case 15: a->compress = optarg; break;
        case 16: a->follow.speed = atof(optarg); break;
        case 17: a->follow.state_path = optarg; break;
        case 18: o->songs_path = optarg; break;
        case 19: o->places_path = optarg; break;
        default: return err_set(e, ERR_USAGE, "unknown option");
        }
        if (rc) return rc;
    }
    if (optind >= argc) return err_set(e, ERR_USAGE, "usage: simulate_bench CONFIG [options]");
    o->config_path = argv[optind];
    return ERR_OK;
}

static enum err open_sink(const struct arguments *a, struct simulate_sink *sink, struct error *e)
{
    if (a->out) {
        enum simulate_compress c = !a->compress || !strcmp(a->compress, "none") ? SIMULATE_PLAIN
                                   : !strcmp(a->compress, "gz")                 ? SIMULATE_GZ
                                                                                : SIMULATE_ZST;
        bool resume = a->follow.state_path && io_exists(a->follow.state_path);
        return simulate_sink_dir(a->out, a->o.dialect, c, resume, sink, e);
    }
    if (a->fd) {
        int t = 0;
        while (t < SIMULATE_TOPICS && strcmp(simulate_topic_name((enum simulate_topic)t), a->fd)) t++;
        return simulate_sink_fd(1, (enum simulate_topic)t, sink, e);
    }
    simulate_sink_null(sink);
    return ERR_OK;
}

static void report(const struct simulate_stats *st, double open_s, double run_s)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    uint64_t lines = 0, bytes = 0;
    for (int t = 0; t < SIMULATE_TOPICS; t++) lines += st->lines[t], bytes += st->bytes[t];
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + 1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    fprintf(stderr,
            "users %llu..%llu sessions %llu events %llu lines %llu MB %.1f | open %.3f s, run %.3f s: %.2f M lines/s, %.0f MB/s; "
            "cpu %.2f s, %.2f M lines/cpu s, rss %ld MB, %llu bytes/user\n",
            (unsigned long long)st->users_initial, (unsigned long long)st->users_final, (unsigned long long)st->sessions,
            (unsigned long long)st->events, (unsigned long long)lines, (double)bytes / 1e6, open_s, run_s,
            (double)lines / run_s / 1e6, (double)bytes / run_s / 1e6, cpu, (double)lines / cpu / 1e6, use.ru_maxrss / 1024,
            (unsigned long long)st->user_bytes);
    for (int t = 0; t < SIMULATE_TOPICS; t++)
        for (int f = 0; f < SIMULATE_FLAWS; f++)
            if (st->dirty[t][f])
                fprintf(stderr, "%s %s %llu\n", simulate_topic_name((enum simulate_topic)t),
                        simulate_flaw_name((enum simulate_flaw)f), (unsigned long long)st->dirty[t][f]);
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct simulate *s = NULL;
    struct simulate_sink sink = {0};
    struct simulate_progress progress = {.stop = &stop};
    struct error e = {0};
    char text[2048];
    uint64_t t0, t1, t2;
    simulate_options_init(&a.o);
    a.o.warn = on_warn;
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    enum err rc = parse(argc, argv, &a, &e), last;
    t0 = clock_mono_ns();
    bool found = false;
    a.o.live = a.follow.speed > 0;
    if (!rc && a.follow.state_path) rc = simulate_state_peek(a.follow.state_path, &a.o, &found, &e);
    if (!rc) rc = simulate_open(&a.o, &s, &e);
    t1 = clock_mono_ns();
    if (!rc) rc = open_sink(&a, &sink, &e);
    if (!rc) rc = a.follow.speed > 0 ? simulate_follow(s, &sink, &progress, &a.follow, &e) : simulate_run(s, &sink, &progress, &e);
    t2 = clock_mono_ns();
    last = simulate_sink_close(&sink, rc ? NULL : &e);
    if (!rc) rc = last;
    if (s) report(simulate_stats(s), (double)(t1 - t0) * 1e-9, (double)(t2 - t1) * 1e-9);
    simulate_free(&s);
    if (rc) fprintf(stderr, "error: %s\n", err_format(&e, text, sizeof text));
    return rc ? 1 : 0;
}
