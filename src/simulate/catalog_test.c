#include "base/test.h"

#include "base/io.h"
#include "simulate/catalog.h"
#include "simulate/run_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct catalog *loaded;
static struct error e;

static enum err load_songs(const char *text)
{
    char path[] = "/tmp/lakefm-songs-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct error io;
    assert_ok(io_write_file(path, text, strlen(text), false, &io), &io);
    const char *paths[CATALOG_TABLES] = {[CATALOG_SONGS] = path};
    catalog_free(&loaded);
    memset(&e, 0, sizeof e);
    enum err rc = catalog_load(paths, &loaded, &e);
    unlink(path);
    return rc;
}

#define HEAD "track_id\tcount\tartist\tsong\tduration\n"

static void refused(const char *text, const char *what, int line)
{
    char end[16];
    assert_int_equal(load_songs(text), ERR_INPUT);
    snprintf(end, sizeof end, ":%d", line);
    if (!strstr(e.what, what)) fail_msg("\"%s\" is not in \"%s\"", what, e.what);
    if (!strstr(e.where, end)) fail_msg("%s instead of line %d", e.where, line);
}

static void the_built_in_data_is_whole(void **state)
{
    (void)state;
    const char *paths[CATALOG_TABLES] = {0};
    assert_ok(catalog_load(paths, &loaded, &e), &e);
    assert_int_equal(loaded->count[CATALOG_SONGS], 10000);
    assert_int_equal(loaded->count[CATALOG_PLACES], 32989);
    assert_int_equal(loaded->count[CATALOG_FIRST_NAMES], 33838);
    assert_int_equal(loaded->count[CATALOG_LAST_NAMES], 1000);
    assert_int_equal(loaded->count[CATALOG_AGENTS], 85);
    assert_int_equal(loaded->pick[CATALOG_SONGS].total, 5001159);
    assert_int_equal(loaded->pick[CATALOG_PLACES].total, 308739931);
    catalog_free(&loaded);
}

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    refused("track\tcount\n", "first line must name the columns", 1);
    refused(HEAD "t\t1\ta\ts\t10\nt\t1\ta\ts\n", "4 columns instead of 5", 3);
    refused(HEAD "t\tmany\ta\ts\t10\n", "a number is malformed", 2);
    refused(HEAD "t\t1.5\ta\ts\t10\n", "a number is malformed", 2);
    refused(HEAD "t\t1\ta\ts\tinf\n", "a number is malformed", 2);
    refused(HEAD "t\t-1\ta\ts\t10\n", "negative", 2);
    refused(HEAD "t\t0\ta\ts\t10\n", "no row with a weight", 3);
    refused(HEAD, "no row with a weight", 2);
    refused("", "no row with a weight", 1);
    const char *paths[CATALOG_TABLES] = {[CATALOG_PLACES] = "/nonexistent/places.tsv"};
    assert_int_equal(catalog_load(paths, &loaded, &e), ERR_NOT_FOUND);
}

static void an_empty_duration_is_three_minutes(void **state)
{
    (void)state;
    assert_ok(load_songs(HEAD "t\t1\ta\ts\t\nt\t2\ta\tb\t61.9"), &e); /* no newline at the end */
    assert_int_equal(loaded->count[CATALOG_SONGS], 2);
    assert_true(loaded->songs[0].duration_s == 180 && loaded->song_s[0] == 180 && loaded->song_s[1] == 61);
    catalog_free(&loaded);
}

/* Ones own songs come out, read as eventsim reads its list, with Jackson's escapes. */
static void songs_of_ones_own_are_played(void **state)
{
    (void)state;
    static const char SONG[] = HEAD "t\t1\tA\"\\/\x7f\x01\xc3\xa9\tB\x1f\t12.5\n";
    char path[] = "/tmp/lakefm-songs-XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    struct error io;
    assert_ok(io_write_file(path, SONG, sizeof SONG - 1, false, &io), &io);
    struct simulate_options o;
    struct kept k;
    simulate_options_init(&o);
    o.users = 20, o.has_users = true;
    o.songs_path = path;
    o.threads = 1;
    set_span(&o, "2025-11-01", "2025-11-08");
    kept_init(&k, true);
    run_kept(&o, &k);
    static const char WANT[] = "{\"artist\":\"A\\\"\\\\/\x7f\\u0001\xc3\x83\xc2\xa9\",\"song\":\"B\\u001F\",\"duration\":12.5,\"ts\":";
    assert_true(k.bytes[SIMULATE_LISTEN].len > 1000);
    assert_memory_equal(k.bytes[SIMULATE_LISTEN].ptr, WANT, sizeof WANT - 1);
    kept_reset(&k);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_data_is_whole),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(an_empty_duration_is_three_minutes),
        cmocka_unit_test(songs_of_ones_own_are_played),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
