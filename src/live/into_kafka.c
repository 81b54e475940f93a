#include "live/into.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct sender {
    struct produce *produce;
    struct live_kafka_options options;
    char *topic[SIMULATE_TOPICS];
};

static enum err write_lines(void *ctx, const struct simulate_batch *batch, const struct buf *encoded, struct error *e)
{
    struct sender *s = ctx;
    uint32_t from = 0;
    (void)encoded;
    for (uint64_t i = 0; i < batch->lines; i++) {
        char key[24];
        int key_len = 0;
        if (s->options.keyed && batch->user_id[i]) key_len = snprintf(key, sizeof key, "%lld", (long long)batch->user_id[i]);
        enum err rc = produce_send(s->produce, s->topic[batch->topic], key_len ? key : NULL, (size_t)key_len,
                                   batch->bytes + from, batch->line_end[i] - from, e);
        if (rc != ERR_OK) return rc;
        from = batch->line_end[i];
    }
    return ERR_OK;
}

static enum err close_sink(void *ctx, struct error *e)
{
    struct sender *s = ctx;
    struct produce_report report;
    enum err rc = produce_finish(s->produce, s->options.report ? s->options.report : &report, e);
    produce_close(&s->produce);
    for (size_t i = 0; i < SIMULATE_TOPICS; i++) mem_free(s->topic[i]);
    mem_free(s);
    return rc;
}

enum err live_into_kafka(const struct live_kafka_options *options, struct simulate_sink *out, struct error *e)
{
    struct sender *s = mem_zalloc(sizeof *s);
    s->options = *options;
    enum err rc = produce_open(&options->produce, &s->produce, e);
    if (rc != ERR_OK) {
        mem_free(s);
        return rc;
    }
    for (size_t i = 0; i < SIMULATE_TOPICS; i++)
        s->topic[i] = mem_printf("%s%s", options->prefix ? options->prefix : "", simulate_topic_name((enum simulate_topic)i));
    *out = (struct simulate_sink){.ctx = s, .want_lines = true, .write = write_lines, .close = close_sink};
    return ERR_OK;
}
