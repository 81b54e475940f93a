#include "base/test.h"

#include "serve/cache.h"

#include <pthread.h>
#include <stdio.h>

static const char *text(struct buf *b) { return buf_char(b, '\0'), b->len--, b->ptr; }

static void an_answer_is_made_once(void **state)
{
    struct cache *c = cache_new(1000);
    struct buf answer = {0}, got = {0};
    (void)state;
    assert_false(cache_get(c, "a", &got));
    buf_str(&answer, "rows");
    cache_put(c, "a", &answer);
    assert_true(cache_get(c, "a", &got));
    assert_string_equal(text(&got), "rows");
    assert_false(cache_get(c, "b", &got));
    cache_drop(c, "b"); /* failed: the next one tries again */
    assert_false(cache_get(c, "b", &got));
    cache_drop(c, "b");
    buf_reset(&answer);
    buf_reset(&got);
    cache_free(&c);
}

static void what_was_not_asked_for_longest_goes_first(void **state)
{
    struct cache *c = cache_new(1000);
    struct buf answer = {0}, got = {0};
    char key[CACHE_KEY];
    (void)state;
    for (int i = 0; i < 100; i++) buf_char(&answer, 'x');
    for (int i = 0; i < 11; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_false(cache_get(c, key, &got));
        cache_put(c, key, &answer);
        if (i) assert_true(cache_get(c, "0", &got)); /* stays: it is asked for */
    }
    assert_false(cache_get(c, "1", &got));
    cache_drop(c, "1");
    assert_true(cache_get(c, "10", &got));
    for (int i = 0; i < 100; i++) buf_char(&answer, 'x'); /* more than an eighth: not kept, and pushes nothing out */
    assert_false(cache_get(c, "big", &got));
    cache_put(c, "big", &answer);
    assert_false(cache_get(c, "big", &got));
    cache_drop(c, "big");
    assert_true(cache_get(c, "10", &got));
    buf_reset(&answer);
    buf_reset(&got);
    cache_free(&c);
}

static void more_being_made_than_there_is_room_for(void **state)
{
    struct cache *c = cache_new(100000);
    struct buf answer = {0}, got = {0};
    char key[CACHE_KEY];
    (void)state;
    buf_str(&answer, "x");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 400; i++) {
            snprintf(key, sizeof key, "%d", i);
            if (!round) assert_false(cache_get(c, key, &got));
            else cache_put(c, key, &answer);
        }
    assert_true(cache_get(c, "0", &got));
    assert_false(cache_get(c, "399", &got));
    cache_drop(c, "399");
    buf_reset(&answer);
    buf_reset(&got);
    cache_free(&c);
}

struct crowd {
    struct cache *cache;
    int made; /* under the cache's promise that one makes it */
    pthread_mutex_t lock;
};

static void *ask(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < 200; i++) {
        char key[CACHE_KEY];
        struct buf got = {0};
        snprintf(key, sizeof key, "%d", i);
        if (!cache_get(crowd->cache, key, &got)) {
            pthread_mutex_lock(&crowd->lock);
            crowd->made++;
            pthread_mutex_unlock(&crowd->lock);
            buf_str(&got, key);
            cache_put(crowd->cache, key, &got);
        }
        assert_string_equal(text(&got), key);
        buf_reset(&got);
    }
    return NULL;
}

static void a_crowd_waits_for_one_making(void **state)
{
    struct crowd crowd = {cache_new(1 << 20), 0, PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread[8];
    (void)state;
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&thread[i], NULL, ask, &crowd), 0);
    for (int i = 0; i < 8; i++) pthread_join(thread[i], NULL);
    assert_int_equal(crowd.made, 200);
    cache_free(&crowd.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_made_once),
        cmocka_unit_test(what_was_not_asked_for_longest_goes_first),
        cmocka_unit_test(more_being_made_than_there_is_room_for),
        cmocka_unit_test(a_crowd_waits_for_one_making),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
