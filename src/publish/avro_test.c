/* Avro's encodings against the specification's own examples, and a file byte by byte. */
#include "base/test.h"

#include "base/hash.h"
#include "publish/avro.h"

#include <string.h>

static void encodings(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
    } longs[] = {{0, "\x00"}, {-1, "\x01"}, {1, "\x02"}, {-2, "\x03"}, {2, "\x04"}, {-64, "\x7f"}, {64, "\x80\x01"},
                 {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}};
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        struct buf out = {0};
        avro_long(&out, longs[i].value);
        size_t want = longs[i].value ? strlen(longs[i].bytes) : 1;
        assert_int_equal(out.len, want);
        assert_memory_equal(out.ptr, longs[i].bytes, want);
        buf_reset(&out);
    }
    struct buf out = {0};
    avro_text(&out, "foo");
    avro_bool(&out, true);
    avro_bool(&out, false);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.ptr, "\x06" "foo\x01\x00", 6);
    buf_reset(&out);
}

static void file(void **state)
{
    (void)state;
    struct buf records = {0}, out = {0}, again = {0}, none = {0}, want = {0};
    const struct avro_meta meta[] = {{"k", "v"}};
    avro_long(&records, 27);
    avro_long(&records, -1);
    struct hash128 sync = hash_128(records.ptr, records.len);
    buf_add(&want, "Obj\x01\x06\x16" "avro.schema\x0c\"long\"\x14" "avro.codec\x08null\x02k\x02v\x00", 45);
    buf_add(&want, &sync, 16);
    buf_add(&want, "\x04\x04\x36\x01", 4);
    buf_add(&want, &sync, 16);
    avro_file(&out, "\"long\"", meta, 1, &records, 2);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.ptr, want.ptr, want.len);
    avro_file(&again, "\"long\"", meta, 1, &records, 2);
    assert_memory_equal(again.ptr, out.ptr, out.len);
    buf_reset(&records);
    avro_file(&none, "\"long\"", meta, 1, &records, 0); /* no records: no block */
    assert_int_equal(none.len, 45 + 16);
    buf_reset(&out);
    buf_reset(&again);
    buf_reset(&none);
    buf_reset(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(encodings), cmocka_unit_test(file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
