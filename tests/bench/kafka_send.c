/* The load of tests/bench/kafka.py: lines of files into the topics of the files' names, RATE a second all together, each file in
 * proportion to its lines. usage: kafka_send BROKERS RATE SECONDS FOLDER TOPIC... */
#include "base/io.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ingest/produce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct file {
    const char *topic;
    struct buf text;
    const char *at;
    double share; /* of a tick, kept */
    double lines;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const struct error *e)
{
    char text[1024];
    fprintf(stderr, "%s\n", err_format(e, text, sizeof text));
    return 1;
}

int main(int argc, char **argv)
{
    struct error e;
    struct produce *produce;
    struct produce_report report;
    if (argc < 6) return 2;
    double rate = atof(argv[2]), seconds = atof(argv[3]), all = 0;
    int count = argc - 5;
    struct file *files = mem_zalloc((size_t)count * sizeof *files);
    struct kafka_setting settings[] = {{"bootstrap.servers", argv[1]}, {"linger.ms", "5"}};
    struct produce_options options = {settings, 2};
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s.json", argv[4], argv[5 + i]);
        files[i].topic = argv[5 + i];
        if (io_read_file(path, &files[i].text, &e) != ERR_OK) return fail(&e);
        files[i].at = files[i].text.ptr;
        for (const char *p = files[i].text.ptr; p && (p = strchr(p, '\n')); p++) files[i].lines++;
        all += files[i].lines;
        mem_free(path);
    }
    if (produce_open(&options, &produce, &e) != ERR_OK) return fail(&e);
    double begun = now(), last = begun;
    while (last - begun < seconds) {
        struct timespec t = {0, 5000000};
        nanosleep(&t, NULL);
        double at = now();
        for (int i = 0; i < count; i++) {
            struct file *f = &files[i];
            for (f->share += rate * (at - last) * f->lines / all; f->share >= 1; f->share--) {
                const char *end = f->at ? strchr(f->at, '\n') : NULL;
                if (!end) break;
                if (produce_send(produce, f->topic, NULL, 0, f->at, (size_t)(end + 1 - f->at), &e) != ERR_OK) return fail(&e);
                f->at = end + 1;
            }
        }
        last = at;
    }
    if (produce_finish(produce, &report, &e) != ERR_OK) return fail(&e);
    printf("{\"sent\":%llu,\"seconds\":%.3f}\n", (unsigned long long)report.sent, now() - begun);
    produce_close(&produce);
    return 0;
}
