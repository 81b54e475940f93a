/* libFuzzer target (make fuzz): any bytes among good lines. The strict parser and the fast paths must say the same, and
 * every line must be a row, a reject or blank. The first byte of an input chooses the topic ('0' …), the second the size of
 * blocks; the rest are lines. */
#include "refine/decode_testing.h"

#include <stdlib.h>

static struct schema_set *set;

/* By topic, in schema_set's order; enough of them to teach keys' orders and what repeats together. */
static const char *const good[] = {
    /* auth_events */
    "{\"ts\":1,\"sessionId\":2,\"level\":\"paid\",\"itemInSession\":2,\"city\":\"A\",\"zip\":\"78418\",\"state\":\"TX\",\"userAgent\":\"\\\"M\\\"\","
    "\"lon\":-97.2,\"lat\":27.6,\"userId\":156,\"lastName\":\"M\",\"firstName\":\"J\",\"gender\":\"M\",\"registration\":17,\"success\":true}\n"
    "{\"ts\":2,\"sessionId\":3,\"level\":\"free\",\"itemInSession\":2,\"city\":\"B\",\"zip\":\"1\",\"state\":\"TX\",\"userAgent\":\"M\","
    "\"lon\":-97.2,\"lat\":27.6,\"success\":false}\n",
    /* interana */
    "{\"artist\":null,\"auth\":\"Logged In\",\"itemInSession\":4,\"length\":null,\"level\":\"paid\",\"location\":\"S, CA\",\"method\":\"GET\","
    "\"page\":\"Home\",\"registration\":15.0,\"sessionId\":139,\"song\":null,\"status\":200,\"ts\":154,\"userAgent\":null,\"userId\":\"8\"}\n"
    "{\"artist\":\"A\",\"auth\":\"Logged In\",\"itemInSession\":5,\"length\":24.5,\"level\":\"paid\",\"location\":\"S, CA\",\"method\":\"GET\","
    "\"page\":\"NextSong\",\"registration\":15.0,\"sessionId\":139,\"song\":\"B\",\"status\":200,\"ts\":154,\"userAgent\":null,\"userId\":\"\"}\n",
    /* listen_events */
    "{\"artist\":\"A\",\"song\":\"\xC3\x83\xC2\xA9\",\"duration\":110.4,\"ts\":17,\"sessionId\":322,\"auth\":\"Logged In\",\"level\":\"free\","
    "\"itemInSession\":3,\"city\":\"P\",\"zip\":\"15234\",\"state\":\"PA\",\"userAgent\":\"\\\"M\\\"\",\"lon\":-80.0,\"lat\":40.3,\"userId\":98}\n"
    "{\"song\": \"S\", \"artist\": \"A\", \"duration\": 1, \"ts\": 17, \"sessionId\": 3, \"level\": \"free\", \"itemInSession\": 3, \"x\": 1}\n",
    /* page_view_events */
    "{\"ts\":17,\"sessionId\":322,\"page\":\"NextSong\",\"auth\":\"Logged In\",\"method\":\"PUT\",\"status\":200,\"level\":\"free\","
    "\"itemInSession\":3,\"city\":\"P\",\"zip\":\"1\",\"userId\":9,\"gender\":\"F\",\"artist\":\"A\",\"song\":\"B\",\"duration\":1.5}\n"
    "{\"ts\":17,\"sessionId\":323,\"page\":\"Home\",\"auth\":\"Logged In\",\"method\":\"GET\",\"status\":200,\"level\":\"free\","
    "\"itemInSession\":3,\"city\":\"P\",\"zip\":\"1\",\"userId\":9,\"gender\":\"F\"}\n"
    "{\"ts\":17,\"sessionId\":324,\"page\":\"Home\",\"auth\":\"Logged Out\",\"method\":\"GET\",\"status\":200,\"level\":\"free\","
    "\"itemInSession\":3,\"city\":\"P\",\"zip\":\"1\"}\n",
    /* status_change_events */
    "{\"ts\":1,\"sessionId\":2,\"auth\":\"Logged In\",\"level\":\"paid\",\"itemInSession\":2,\"city\":\"A\",\"zip\":\"7\",\"userId\":15}\n",
};
enum { TOPICS = sizeof good / sizeof good[0] };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error e = {0};
    (void)argc, (void)argv;
    if (schema_set_load(NULL, &set, &e) != ERR_OK || set->count != TOPICS) abort();
    return 0;
}

static void run(const struct contract *c, const struct decode_options *mode, const struct buf *text, size_t block, struct buf *out)
{
    struct decode_options o = *mode;
    o.now_ms = 1770000000000;
    o.line_limit = 4000;
    o.memory_bytes = 256 << 10;
    struct decoder *d = decode_new(c, &o);
    testing_decode(out, d, text->ptr, text->len, block);
    const struct decode_counts *n = decode_counts(d);
    if (n->lines != n->rows + n->rejects + n->blank) abort();
    decode_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = {0}, want = {0}, got = {0};
    unsigned topic = size ? (data[0] - '0') % (unsigned)TOPICS : 0;
    size_t block = size > 1 ? data[1] * (size_t)64 + 1 : 1;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) buf_str(&text, good[topic]);
        if (size > 2) buf_add(&text, data + 2, size - 2);
        buf_char(&text, '\n');
    }
    if (size > 2) buf_add(&text, data + 2, size - 2);
    run(set->contracts[topic], &testing_modes[0].o, &text, SIZE_MAX, &want);
    for (size_t m = 1; m < TESTING_MODES; m++) {
        if (!testing_modes[m].o.learn_rows) continue;
        buf_clear(&got);
        run(set->contracts[topic], &testing_modes[m].o, &text, block, &got);
        if (got.len != want.len || memcmp(got.ptr, want.ptr, got.len)) {
            fprintf(stderr, "%s differs\n--- strict\n%s--- got\n%s", testing_modes[m].name, want.ptr, got.ptr);
            abort();
        }
    }
    buf_reset(&text);
    buf_reset(&want);
    buf_reset(&got);
    return 0;
}
