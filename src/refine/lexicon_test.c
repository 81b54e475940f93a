#include "refine/lexicon.h"

#include "base/mem.h"
#include "base/test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

static void values_keep_their_numbers(void **state)
{
    (void)state;
    struct lexicon *l = lexicon_new();
    uint32_t names = lexicon_domain(l, "name", CONTRACT_STRING), ids = lexicon_domain(l, "id", CONTRACT_INT64);
    uint32_t reals = lexicon_domain(l, "lat", CONTRACT_DOUBLE);
    assert_int_equal(names, lexicon_domain(l, "name", CONTRACT_STRING));
    assert_int_not_equal(names, lexicon_domain(l, "name", CONTRACT_INT64));
    uint32_t code[5000];
    char text[32];
    for (int i = 0; i < 5000; i++) {
        int len = snprintf(text, sizeof text, "name %d", i);
        code[i] = lexicon_text(l, names, view_from(text, (size_t)len));
        assert_int_equal(lexicon_integer(l, ids, i * 1000003ll), i + 1);
    }
    uint32_t empty = lexicon_text(l, names, view_from("", 0));
    struct lexicon_view v;
    lexicon_view(l, names, &v);
    assert_int_equal(v.count, 5002);
    assert_int_equal(v.texts[empty].len, 0);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "name %d", i);
        assert_true(view_is(v.texts[code[i]], text));
        assert_int_equal(lexicon_text(l, names, view_of(text)), code[i]);
        assert_int_equal(lexicon_integer(l, ids, i * 1000003ll), i + 1);
    }
    uint32_t zero = lexicon_real(l, reals, 0.0), minus = lexicon_real(l, reals, -0.0);
    assert_int_not_equal(zero, minus);
    lexicon_view(l, reals, &v);
    assert_true(signbit(v.reals[minus]) && !signbit(v.reals[zero]));
    uint64_t generation = lexicon_generation(l);
    lexicon_clear(l);
    assert_int_not_equal(lexicon_generation(l), generation);
    assert_int_equal(lexicon_integer(l, ids, 7), 1);
    lexicon_free(&l);
    assert_null(l);
}

static void maps_a_decoders_codes(void **state)
{
    (void)state;
    struct lexicon *l = lexicon_new();
    uint32_t names = lexicon_domain(l, "name", CONTRACT_STRING);
    uint32_t b = lexicon_text(l, names, view_of("b"));
    uint32_t offset[] = {0, 1, 0, 2}, length[] = {0, 1, 1, 0}, map[4] = {9, 9, 9, 9};
    struct decode_dict dict = {.type = CONTRACT_STRING, .count = 4, .offset = offset, .length = length, .bytes = "ba"};
    lexicon_map(l, names, &dict, 0, map);
    assert_int_equal(map[0], 0);
    assert_int_equal(map[2], b);
    assert_int_equal(map[1], lexicon_text(l, names, view_of("a")));
    assert_int_equal(map[3], lexicon_text(l, names, view_of("")));
    lexicon_free(&l);
}

/* Readers hold views while others number new values: what they saw must stay. */
static void *number(void *arg)
{
    struct lexicon *l = arg;
    for (int64_t i = 0; i < 20000; i++) {
        uint32_t code = lexicon_integer(l, 0, i);
        struct lexicon_view v;
        lexicon_view(l, 0, &v);
        if (v.integers[code] != i) return arg;
    }
    return NULL;
}

static void threads_agree(void **state)
{
    (void)state;
    struct lexicon *l = lexicon_new();
    lexicon_domain(l, "id", CONTRACT_INT64);
    pthread_t thread[3];
    struct lexicon_view early;
    lexicon_integer(l, 0, 4711);
    lexicon_view(l, 0, &early);
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&thread[i], NULL, number, l), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(early.integers[1], 4711);
    struct lexicon_view v;
    lexicon_view(l, 0, &v);
    assert_int_equal(v.count, 20001);
    lexicon_settle(l);
    lexicon_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_numbers),
        cmocka_unit_test(maps_a_decoders_codes),
        cmocka_unit_test(threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
