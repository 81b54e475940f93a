#include "base/test.h"

#include "serve/hub.h"

#include <pthread.h>
#include <string.h>

static void readers_go_at_their_own_pace(void **state)
{
    struct hub *h = hub_new();
    struct buf out = {0};
    uint64_t slow = hub_next(h), quick = slow;
    (void)state;
    hub_say(h, "commit", "{\"n\":1}");
    assert_true(hub_wait(h, &quick, 0, &out));
    assert_string_equal(out.ptr, "id: 1\nevent: commit\ndata: {\"n\":1}\n\n");
    buf_clear(&out);
    assert_true(hub_wait(h, &quick, 1, &out));
    assert_int_equal(out.len, 0);
    hub_say(h, "commit", "{\"n\":2}");
    assert_true(hub_wait(h, &slow, 0, &out));
    assert_string_equal(out.ptr, "id: 1\nevent: commit\ndata: {\"n\":1}\n\nid: 2\nevent: commit\ndata: {\"n\":2}\n\n");
    buf_reset(&out);
    hub_free(&h);
}

static void who_is_too_far_behind_starts_over(void **state)
{
    struct hub *h = hub_new();
    struct buf out = {0};
    uint64_t at = hub_next(h), strange = 1000000;
    (void)state;
    for (int i = 0; i < HUB_KEEP; i++) hub_say(h, "commit", "{}");
    uint64_t still = at;
    assert_true(hub_wait(h, &still, 0, &out));
    assert_null(strstr(out.ptr, "reset"));
    buf_clear(&out);
    hub_say(h, "commit", "{}");
    assert_true(hub_wait(h, &at, 0, &out));
    assert_string_equal(out.ptr, "event: reset\ndata: {}\n\n");
    assert_int_equal(at, hub_next(h));
    buf_clear(&out);
    assert_true(hub_wait(h, &strange, 0, &out)); /* a number of an earlier server */
    assert_string_equal(out.ptr, "event: reset\ndata: {}\n\n");
    buf_reset(&out);
    hub_free(&h);
}

static void *read_on(void *arg)
{
    struct hub *h = arg;
    struct buf out = {0};
    uint64_t at = 1;
    size_t items = 0;
    for (bool open = true; open;) {
        buf_clear(&out);
        open = hub_wait(h, &at, 10000, &out);
        for (const char *p = out.ptr; out.len && (p = strstr(p, "event: commit")); p++) items++;
    }
    buf_reset(&out);
    return (void *)items;
}

static void closing_wakes_all_readers(void **state)
{
    struct hub *h = hub_new();
    pthread_t thread[4];
    (void)state;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, read_on, h), 0);
    for (int i = 0; i < 20; i++) hub_say(h, "commit", "{}");
    hub_close(h);
    for (int i = 0; i < 4; i++) {
        void *items;
        pthread_join(thread[i], &items);
        assert_int_equal((size_t)items, 20);
    }
    hub_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_go_at_their_own_pace),
        cmocka_unit_test(who_is_too_far_behind_starts_over),
        cmocka_unit_test(closing_wakes_all_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
