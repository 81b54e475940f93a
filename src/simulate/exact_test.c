/* Exact mode against real eventsim output, and against a second implementation that uses eventsim's own libraries. */
#include "simulate/run_test.h"

#include "base/gzip.h"

#include <fcntl.h>
#include <stdio.h>

static void read_golden(const char *path, struct buf *out)
{
    struct error e;
    struct gzip_stream *in = NULL;
    size_t got = 0;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_ok(gzip_stream_open(fd, path, &in, &e), &e);
    do {
        assert_ok(gzip_stream_read(in, buf_reserve(out, 1 << 20), 1 << 20, &got, &e), &e);
        out->len += got;
    } while (got);
    gzip_stream_free(&in);
}

static void sample_options(struct simulate_options *o)
{
    simulate_options_init(o);
    o->config_path = GOLDEN "sample-config.json";
    o->has_seed = o->has_users = o->has_growth = true;
    o->seed = 20251101, o->users = 170, o->growth = 1;
    set_span(o, "2025-11-01T00:00:00", "2025-12-01T00:00:00");
}

static void the_sample_is_the_same_to_the_last_byte(void **state)
{
    (void)state;
    struct simulate_options o;
    sample_options(&o);
    for (o.threads = 1; o.threads <= 3; o.threads += 2) {
        struct kept k;
        kept_init(&k, true);
        run_kept(&o, &k);
        for (int t = 0; t <= SIMULATE_STATUS_CHANGE; t++) {
            struct buf want = {0};
            char path[128];
            snprintf(path, sizeof path, GOLDEN "%s.json.gz", simulate_topic_name((enum simulate_topic)t));
            read_golden(path, &want);
            assert_int_equal(k.bytes[t].len, want.len);
            assert_memory_equal(k.bytes[t].ptr, want.ptr, want.len);
            buf_reset(&want);
        }
        assert_int_equal(k.stats.lines[SIMULATE_PAGE_VIEW], 67771);
        assert_int_equal(k.stats.lines[SIMULATE_LISTEN], 57376);
        assert_int_equal(k.stats.users_final, 188);
        assert_int_equal(k.stats.first_ms, 1761955205000);
        assert_int_equal(k.stats.last_ms, 1764547208000);
        kept_reset(&k);
    }
}

/* Growth, tag, a start with a fraction, leap day, year end, old holidays, ids below 0, everybody leaving. The hashes (XXH3,
 * 128 bits, in the order of the topics) are those of the second implementation's files. */
static const struct {
    const char *config, *from, *to, *tag;
    int64_t seed;
    bool has_seed, has_growth, has_id;
    int32_t users, id;
    double growth, attrition;
    const char *hash[4];
} OTHERS[] = {
    {"alt-example-config.json", "2023-12-28T12:00:00.250", "2024-01-05T00:00:00", "A/B é", -7, true, true, false, 120, 0, 3, 0,
     {"bc9e7fd1c8718bcc30a331bc5ad33e91", "29682e1ddfc78c834287edae137343fe", "7f42b112d7420d5cf33663f748493b36",
      "1b799a59a2f92dafbdf3da59f0f00ec4"}},
    {"example-config.json", "2024-02-26T00:00", "2024-03-04T06:30:15.5", NULL, 2147483647, true, false, false, 200, 0, 0, 0,
     {"540e6bf4c02ce80802d0f195b62c6a4f", "322d9a963182de3498d44b97412290ac", "09d1df096576e7ee0fa8ce182c8da8a4",
      "3dc662ea88bc11769f00a703db0cc032"}},
    {"sample-config.json", "1968-05-24T00:00:00", "1968-06-03T00:00:00", NULL, 0, false, true, true, 60, -1000, 0.5, 0,
     {"723c7e9363a908da7ad83f69ff1d8fb4", "9c28374ab9a13a254e0a8c79d4a65ef0", "ab3d3697cfa1ea3fc9e74ed2dcbdf6da",
      "b138da46577ee00e4273edf51de32c7f"}},
    {"sample-config.json", "2025-11-20T00:00:00", "2025-12-03T00:00:00", NULL, 99, true, false, false, 50, 0, 0, 0.1,
     {"a7f7afa5818edcb61590b6938682673f", "a67fa7de8dd568a5e3b5b7a13caffcae", "19fb51f042506f2d633ac17ec604817b",
      "99aa06d3014798d86001c324468d497f"}},
};

static void other_runs_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        struct simulate_options o;
        struct kept k;
        char path[128];
        simulate_options_init(&o);
        snprintf(path, sizeof path, GOLDEN "%s", OTHERS[i].config);
        o.config_path = path;
        o.tag = OTHERS[i].tag;
        o.has_seed = OTHERS[i].has_seed, o.seed = OTHERS[i].seed;
        o.has_users = true, o.users = OTHERS[i].users;
        o.has_growth = OTHERS[i].has_growth, o.growth = OTHERS[i].growth;
        o.has_first_user_id = OTHERS[i].has_id;
        if (OTHERS[i].has_id) o.first_user_id = OTHERS[i].id;
        o.attrition = OTHERS[i].attrition;
        o.threads = 2;
        set_span(&o, OTHERS[i].from, OTHERS[i].to);
        kept_init(&k, false);
        run_kept(&o, &k);
        for (int t = 0; t < 4; t++) {
            char hex[HASH_HEX_SIZE];
            if (strcmp(hash_hex(hasher_sum(k.hash[t]), hex), OTHERS[i].hash[t]) != 0) fail_msg("run %zu, topic %d: %s", i, t, hex);
        }
        kept_reset(&k);
    }
}

static void ids_wrap_as_an_int_does(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept k;
    sample_options(&o);
    o.has_first_user_id = true, o.first_user_id = INT32_MAX - 5;
    kept_init(&k, true);
    run_kept(&o, &k);
    buf_char(&k.bytes[SIMULATE_LISTEN], 0);
    const char *listens = (const char *)k.bytes[SIMULATE_LISTEN].ptr;
    assert_true(strstr(listens, "\"userId\":2147483647,") && strstr(listens, "\"userId\":-2147483648,"));
    assert_null(strstr(listens, "\"userId\":2147483648,"));
    kept_reset(&k);
}

static void the_same_seed_again_and_another(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept a, b, c;
    sample_options(&o);
    o.users = 20;
    kept_init(&a, false), kept_init(&b, false), kept_init(&c, false);
    run_kept(&o, &a);
    run_kept(&o, &b);
    o.seed++;
    run_kept(&o, &c);
    assert_true(kept_same(&a, &b));
    assert_false(kept_same(&a, &c));
    kept_reset(&a), kept_reset(&b), kept_reset(&c);
}

static void interana_is_one_stream_of_all_pages(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept k;
    sample_options(&o);
    o.dialect = SIMULATE_INTERANA;
    kept_init(&k, true);
    run_kept(&o, &k);
    assert_int_equal(k.stats.lines[SIMULATE_STREAM], 67771);
    assert_int_equal(k.stats.lines[SIMULATE_PAGE_VIEW], 0);
    /* The sample's first listen; the beginning of its lines; a line of nobody; mojibake in ASCII. */
    static const char FIRST[] =
        "{\"artist\":\"Brian Dullaghan\",\"auth\":\"Logged In\",\"firstName\":\"Carolyn\",\"gender\":\"F\",\"itemInSession\":3,"
        "\"lastName\":\"Keller\",\"length\":110.44526,\"level\":\"free\",\"location\":\"Pittsburgh, PA\",\"method\":\"PUT\","
        "\"page\":\"NextSong\",\"registration\":1746356675000.0,\"sessionId\":322,\"song\":\"My First Day At School\",\"status\":200,"
        "\"ts\":1761955205000,\"userAgent\":\"\\\"Mozilla\\/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit\\/537.77.4 (KHTML, "
        "like Gecko) Version\\/7.0.5 Safari\\/537.77.4\\\"\",\"userId\":\"98\"}\n";
    const char *text = k.bytes[SIMULATE_STREAM].ptr;
    assert_memory_equal(text, FIRST, sizeof FIRST - 1);
    assert_non_null(strstr(text, "{\"artist\":null,\"auth\":\"Logged Out\",\"firstName\":null,\"gender\":null,\"itemInSession\":"));
    assert_non_null(strstr(text, ",\"lastName\":null,\"length\":null,\"level\":\"free\",\"location\":null,\"method\":"));
    assert_non_null(strstr(text, "\"userAgent\":null,\"userId\":\"\"}\n"));
    assert_non_null(strstr(text, "\\u00c3\\u00a9"));
    for (size_t i = 0; i < k.bytes[SIMULATE_STREAM].len; i++) assert_true((unsigned char)text[i] < 128);
    kept_reset(&k);
}

static void count_warning(void *ctx, const char *text)
{
    (void)text;
    ++*(int *)ctx;
}

static void the_end_of_the_world_is_no_error(void **state)
{
    (void)state;
    struct simulate_options o;
    struct kept k;
    int warnings = 0;
    sample_options(&o);
    o.attrition = 0.5, o.users = 3, o.growth = 0;
    o.warn = count_warning, o.warn_ctx = &warnings;
    kept_init(&k, false);
    run_kept(&o, &k);
    assert_int_equal(warnings, 1);
    kept_reset(&k);
}

static void a_stop_ends_the_run_with_whole_output(void **state)
{
    (void)state;
    struct simulate_options o;
    struct error e = {0};
    struct simulate *s = NULL;
    struct kept k;
    volatile sig_atomic_t stop = 1;
    struct simulate_progress progress = {.stop = &stop};
    sample_options(&o);
    kept_init(&k, true);
    struct simulate_sink sink = {.ctx = &k, .write = kept_write};
    assert_ok(simulate_open(&o, &s, &e), &e);
    assert_int_equal(simulate_run(s, &sink, &progress, &e), ERR_STOPPED);
    assert_true(simulate_stats(s)->lines[SIMULATE_LISTEN] > 0);
    assert_int_equal(simulate_stats(s)->bytes[SIMULATE_LISTEN], k.bytes[SIMULATE_LISTEN].len);
    simulate_free(&s);
    kept_reset(&k);
}

static enum err full_disk(void *ctx, const struct simulate_batch *b, const struct buf *encoded, struct error *e)
{
    (void)ctx, (void)b, (void)encoded;
    return err_set(e, ERR_NO_SPACE, "full");
}

static void the_sinks_error_is_the_runs(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        struct simulate_options o;
        struct error e = {0};
        struct simulate *s = NULL;
        struct simulate_sink sink = {.write = full_disk};
        sample_options(&o);
        o.threads = threads;
        assert_ok(simulate_open(&o, &s, &e), &e);
        assert_int_equal(simulate_run(s, &sink, NULL, &e), ERR_NO_SPACE);
        assert_string_equal(e.what, "full");
        simulate_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_is_the_same_to_the_last_byte),
        cmocka_unit_test(other_runs_are_the_same),
        cmocka_unit_test(ids_wrap_as_an_int_does),
        cmocka_unit_test(the_same_seed_again_and_another),
        cmocka_unit_test(interana_is_one_stream_of_all_pages),
        cmocka_unit_test(the_end_of_the_world_is_no_error),
        cmocka_unit_test(a_stop_ends_the_run_with_whole_output),
        cmocka_unit_test(the_sinks_error_is_the_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
