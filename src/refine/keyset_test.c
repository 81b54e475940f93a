#include "refine/keyset.h"

#include "base/mem.h"
#include "base/test.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void first_stays_whatever_comes_after(void **state)
{
    (void)state;
    struct keyset set = {0};
    struct hash128 zero = {0, 0}, one = {1, 0}, other = {0, 1};
    assert_int_equal(keyset_add(&set, zero, 0), KEYSET_NEW);
    assert_int_equal(keyset_add(&set, zero, 0), KEYSET_SAME);
    assert_int_equal(keyset_add(&set, zero, 7), KEYSET_CONFLICT);
    assert_int_equal(keyset_add(&set, zero, 0), KEYSET_SAME);
    assert_int_equal(keyset_add(&set, one, 7), KEYSET_NEW);
    assert_int_equal(keyset_add(&set, other, 7), KEYSET_NEW);
    assert_int_equal(set.count, 3);
    keyset_reset(&set);
    assert_int_equal(keyset_add(&set, zero, 7), KEYSET_NEW);
    keyset_reset(&set);
}

static void unknown_payload_equals_all(void **state)
{
    (void)state;
    struct keyset set = {0};
    assert_true(keyset_add_entry(&set, (struct keyset_entry){5, 6, KEYSET_ANY_PAYLOAD}));
    assert_int_equal(keyset_add(&set, (struct hash128){5, 6}, 1), KEYSET_SAME);
    assert_int_equal(keyset_add(&set, (struct hash128){5, 6}, 99), KEYSET_SAME);
    for (uint64_t p = 0; p < 4; p++) assert_true(keyset_payload(p) > KEYSET_ANY_PAYLOAD);
    keyset_reset(&set);
}

/* Against a plain list: packed small numbers (many equal halves) and growth over several doublings. */
static void many_rows_agree_with_one_by_one(void **state)
{
    (void)state;
    enum { N = 40000, STEP = 977 };
    struct hash128 *key = mem_array(N, sizeof *key);
    uint64_t *payload = mem_array(N, sizeof *payload);
    uint16_t *rows = mem_array(STEP, sizeof *rows);
    uint8_t *answer = mem_array(STEP, 1), *seen = mem_zalloc(1 << 20);
    uint64_t random = 88172645463325252ull;
    for (size_t i = 0; i < N; i++) {
        uint64_t r = next_random(&random) % 30000;
        key[i] = (struct hash128){.lo = r % 200, .hi = r / 200};
        payload[i] = next_random(&random) % 2;
    }
    struct keyset many = {0}, single = {0};
    size_t fresh = 0, distinct = 0;
    for (size_t from = 0; from < N; from += STEP) {
        size_t n = N - from < STEP ? N - from : STEP;
        for (size_t i = 0; i < n; i++) rows[i] = (uint16_t)(n - 1 - i);
        fresh += keyset_add_rows(&many, key + from, payload + from, rows, n, answer);
        for (size_t i = 0; i < n; i++) {
            size_t row = from + rows[i];
            assert_int_equal(answer[i], keyset_add(&single, key[row], payload[row]));
            size_t id = key[row].hi * 200 + key[row].lo;
            assert_int_equal(answer[i] == KEYSET_NEW, !seen[id]);
            if (!seen[id]) distinct++, seen[id] = (uint8_t)(1 + payload[row]);
            else assert_int_equal(answer[i], seen[id] == 1 + payload[row] ? KEYSET_SAME : KEYSET_CONFLICT);
        }
    }
    assert_int_equal(fresh, distinct);
    assert_int_equal(many.count, distinct);
    size_t at = 0, walked = 0;
    while (keyset_next(&many, &at)) walked++;
    assert_int_equal(walked, distinct);
    keyset_reset(&many);
    keyset_reset(&single);
    mem_free(key);
    mem_free(payload);
    mem_free(rows);
    mem_free(answer);
    mem_free(seen);
}

static void a_copy_by_entries_answers_alike(void **state)
{
    (void)state;
    struct keyset a = {0}, b = {0};
    for (uint64_t i = 0; i < 1000; i++) keyset_add(&a, (struct hash128){i, i * i}, i % 7);
    keyset_reserve(&b, a.count);
    size_t room = keyset_bytes(&b), at = 0;
    for (const struct keyset_entry *entry; (entry = keyset_next(&a, &at));) assert_true(keyset_add_entry(&b, *entry));
    assert_int_equal(keyset_bytes(&b), room);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(keyset_add(&b, (struct hash128){i, i * i}, i % 7), KEYSET_SAME);
        assert_int_equal(keyset_add(&b, (struct hash128){i, i * i}, 100 + i % 7), KEYSET_CONFLICT);
    }
    keyset_reset(&a);
    keyset_reset(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_stays_whatever_comes_after),
        cmocka_unit_test(unknown_payload_equals_all),
        cmocka_unit_test(many_rows_agree_with_one_by_one),
        cmocka_unit_test(a_copy_by_entries_answers_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
