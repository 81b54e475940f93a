/* For tests: contracts to decode by, and decoding in every way there is with a check that all give the same. */
#ifndef LAKEFM_REFINE_DECODE_TESTING_MODES_H
#define LAKEFM_REFINE_DECODE_TESTING_MODES_H

#include "base/gzip.h"
#include "base/test.h"
#include "refine/decode_testing.h"

#include <fcntl.h>

TESTING struct schema_set *set;
TESTING const struct contract *listen, *page_view, *interana, *probe, *whole;

/* One column of every kind. */
static const char probe_yml[] = "topic: probe\n"
                                "table: fact_probe\n"
                                "time: {column: at, unit: ms}\n"
                                "key: [at, u32, name]\n"
                                "columns:\n"
                                "  - {name: at, type: int64, required: true}\n"
                                "  - {name: i64, type: int64}\n"
                                "  - {name: u32, type: uint32, store: dense}\n"
                                "  - {name: u16, type: uint16}\n"
                                "  - {name: u8, type: uint8}\n"
                                "  - {name: x, type: double}\n"
                                "  - {name: name, type: string, from: [name, Name]}\n"
                                "  - {name: ok, type: bool}\n"
                                "  - {name: soft, type: int64, accept: [text, float, blank]}\n"
                                "  - {name: seen, type: timestamp_ms}\n"
                                "  - {name: need, type: string, required: true}\n";
static const char whole_yml[] = "topic: whole\n"
                                "table: fact_whole\n"
                                "time: {column: at, unit: s}\n"
                                "key: row\n"
                                "columns:\n"
                                "  - {name: at, type: int64, required: true}\n"
                                "  - {name: note, type: string}\n"
                                "  - {name: count, type: uint32, store: dense}\n";

TESTING int testing_load(void **state)
{
    (void)state;
    struct error e = {0};
    struct schema_set *builtin = NULL, *mine = NULL;
    struct view names[2] = {view_of("probe.yml"), view_of("whole.yml")};
    struct view texts[2] = {view_of(probe_yml), view_of(whole_yml)};
    static struct schema_set *keep;
    if (schema_set_load(NULL, &builtin, &e) != ERR_OK || schema_set_parse(names, texts, 2, &mine, &e) != ERR_OK) {
        print_error("%s\n", e.what);
        return 1;
    }
    set = builtin;
    keep = mine;
    listen = schema_set_find(set, "listen_events");
    page_view = schema_set_find(set, "page_view_events");
    interana = schema_set_find(set, "interana");
    probe = schema_set_find(keep, "probe");
    whole = schema_set_find(keep, "whole");
    *state = keep;
    return 0;
}

TESTING int testing_unload(void **state)
{
    struct schema_set *mine = *state;
    schema_set_free(&mine);
    schema_set_free(&set);
    return 0;
}

TESTING char *decode_mode(const struct contract *c, size_t mode, const char *text, size_t len, size_t block,
                         struct decode_counts *counts)
{
    struct decode_options o = testing_modes[mode].o;
    o.now_ms = 1770000000000;
    struct decoder *d = decode_new(c, &o);
    struct buf out = {0};
    testing_decode(&out, d, text, len, block);
    if (counts) *counts = *decode_counts(d);
    decode_free(&d);
    assert_null(d);
    return buf_take(&out);
}

/* Decodes in all modes, checks that they agree, returns the text. */
TESTING char *decode_all(const struct contract *c, const char *text, size_t len, struct decode_counts *counts)
{
    char *first = decode_mode(c, 0, text, len, SIZE_MAX, counts);
    for (size_t m = 1; m < TESTING_MODES; m++) {
        char *other = decode_mode(c, m, text, len, m & 1 ? 1 : 4096, NULL);
        if (strcmp(first, other)) {
            print_error("%s differs\n--- strict parser\n%s--- %s\n%s", testing_modes[m].name, first, testing_modes[m].name, other);
            fail();
        }
        mem_free(other);
    }
    if (counts) assert_int_equal(counts->lines, counts->rows + counts->rejects + counts->blank);
    return first;
}

/* The lines of tests/golden/eventsim/<topic>.json.gz, padded. */
TESTING void testing_sample(const char *topic, struct buf *out)
{
    char *path = mem_printf("tests/golden/eventsim/%s.json.gz", topic);
    struct gzip_stream *s = NULL;
    struct error e = {0};
    size_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) print_error("run from the project's folder: no %s\n", path);
    assert_true(fd >= 0);
    assert_ok(gzip_stream_open(fd, path, &s, &e), &e);
    do {
        assert_ok(gzip_stream_read(s, buf_reserve(out, 1 << 20), 1 << 20, &got, &e), &e);
        out->len += got;
    } while (got);
    buf_reserve(out, DECODE_PAD);
    gzip_stream_free(&s);
    mem_free(path);
}

#endif
