#include "base/test.h"

#include "base/io.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct error e;

struct options {
    bool force;
    const char *topic;
    int64_t days;
    double share;
    uint64_t size;
    int64_t every_ms;
    struct cli_list words, each;
    struct cli_pairs pairs;
};
#define AT(field) offsetof(struct options, field)
static const struct cli_option table[] = {
    {"force", 'f', CLI_FLAG, NULL, NULL, NULL, AT(force), "f", NULL, 0, 0, false},
    {"topic", 't', CLI_TEXT, "TOPIC", "none", NULL, AT(topic), "t", NULL, 0, 0, false},
    {"days", 0, CLI_INT, "N", "7", NULL, AT(days), "d", NULL, 1, 30, false},
    {"share", 0, CLI_NUMBER, "X", "0.5", NULL, AT(share), "s", NULL, 0, 1, false},
    {"size", 0, CLI_BYTES, "SIZE", "64MiB", NULL, AT(size), "z", NULL, 0, 0, false},
    {"every", 0, CLI_DURATION, "TIME", "5s", NULL, AT(every_ms), "e", NULL, 0, 0, false},
    {"select", 's', CLI_WORDS, "WORD", NULL, NULL, AT(words), "w", NULL, 0, 0, false},
    {"each", 'e', CLI_LIST, "WORD", NULL, NULL, AT(each), "l", NULL, 0, 0, false},
    {"pair", 'p', CLI_PAIRS, "K=V", NULL, NULL, AT(pairs), "p", NULL, 0, 0, false},
    {0},
};

static enum err run_nothing(struct cli *cli, const void *options, struct error *err)
{
    (void)cli, (void)options, (void)err;
    return ERR_OK;
}

static const struct cli_command take = {.name = "take", .summary = "takes", .synopsis = "FILE...", .options = table,
                                        .options_size = sizeof(struct options), .max_args = 3, .run = run_nothing};
static const struct cli_command two = {.name = "two", .summary = "wants two", .synopsis = "A B", .min_args = 2,
                                       .max_args = 2, .run = run_nothing};
static const struct cli_command raw = {.name = "raw", .summary = "as typed", .raw = true, .settings_taken = "lake json",
                                       .run = run_nothing};
static const struct cli_command *const commands[] = {&take, &two, &raw, NULL};

/* Words after "lakefm", NULL-terminated. */
static enum err parse(struct cli *cli, const struct options **options, const char *const *words)
{
    char *argv[32] = {(char[]){"lakefm"}};
    int argc = 1;
    for (; *words; words++) argv[argc++] = (char *)(uintptr_t)*words;
    void *given = NULL;
    *cli = (struct cli){.commands = commands};
    arena_init(&cli->arena);
    enum err rc = cli_parse(cli, argc, argv, &given, &e);
    *options = given;
    return rc;
}
#define PARSE(...) parse(&cli, &o, (const char *const[]){__VA_ARGS__, NULL})

static void done(struct cli *cli)
{
    arena_reset(&cli->arena);
    buf_reset(&cli->out);
}

static void options_of_every_form(void **state)
{
    (void)state;
    struct cli cli;
    const struct options *o;
    assert_ok(PARSE("take"), &e);
    assert_string_equal(o->topic, "none");
    assert_int_equal(o->days, 7);
    assert_true(o->share == 0.5);
    assert_int_equal(o->size, 64 << 20);
    assert_int_equal(o->every_ms, 5000);
    assert_false(o->force);
    done(&cli);
    assert_ok(PARSE("--lake", "L", "take", "a", "-ft", "x y", "--days=30", "--share", "1", "--every=1.5h", "-vvq", "b",
                    "--each", "1", "-e2", "-p", "a.b=c=d", "--pair=a.b=e", "--", "--force"), &e);
    assert_string_equal(cli.config.lake, "L");
    assert_true(o->force);
    assert_string_equal(o->topic, "x y");
    assert_int_equal(o->days, 30);
    assert_int_equal(o->every_ms, 5400000);
    assert_int_equal(cli.config.verbose, 2);
    assert_true(cli.config.quiet);
    assert_int_equal(cli.arg_count, 3);
    assert_string_equal(cli.args[2], "--force");
    assert_null(cli.args[3]);
    assert_int_equal(o->each.count, 2);
    assert_string_equal(o->each.item[1], "2");
    assert_int_equal(o->pairs.count, 1);
    assert_string_equal(o->pairs.pair[0].key, "a.b");
    assert_string_equal(o->pairs.pair[0].value, "e");
    done(&cli);
    assert_ok(PARSE("take", "-s", "m1+", "tag:x", "--force", "word"), &e);
    assert_int_equal(o->words.count, 2);
    assert_string_equal(o->words.item[1], "tag:x");
    assert_int_equal(cli.arg_count, 1);
    done(&cli);
}

static void words_of_a_raw_command(void **state)
{
    (void)state;
    struct cli cli;
    const struct options *o;
    assert_ok(PARSE("--threads", "2", "raw", "--select", "a", "--lake=L", "-x", "--threads", "9", "--json", "--nope", "--", "-h2",
                    "--lakes"), &e);
    assert_string_equal(cli.config.lake, "L");
    assert_true(cli.config.json);
    assert_int_equal(cli.config.threads, 2);
    static const char *const want[] = {"--select", "a", "-x", "--threads", "9", "--nope", "--", "-h2", "--lakes"};
    assert_int_equal(cli.arg_count, 9);
    for (size_t i = 0; i < 9; i++) assert_string_equal(cli.args[i], want[i]);
    done(&cli);
    assert_ok(PARSE("raw", "--nope", "--help"), &e);
    assert_true(cli.config.help);
    done(&cli);
}

static void wrong_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words[6], *what, *hint;
    } cases[] = {
        {{"tkae"}, "unknown command \"tkae\"", "did you mean \"take\"?"},
        {{"zzzzzzzz"}, "unknown command", "see lakefm --help"},
        {{"take", "--tpoic", "x"}, "unknown option \"--tpoic\"", "did you mean \"--topic\"?"},
        {{"take", "--lkae=x"}, "unknown option \"--lkae\"", "did you mean \"--lake\"?"},
        {{"--topic", "x", "take"}, "unknown option \"--topic\"", "see lakefm --help"},
        {{"take", "-fZ"}, "unknown option \"-fZ\"", "see lakefm take --help"},
        {{"take", "--topic"}, "--topic wants a value: TOPIC", ""},
        {{"take", "-t"}, "-t wants a value", ""},
        {{"take", "--days", "x"}, "--days: \"x\" is no whole number", ""},
        {{"take", "--days", "31"}, "--days: 31 is not within 1 and 30", ""},
        {{"take", "--days", "9223372036854775808"}, "is no whole number", ""},
        {{"take", "--share", "nan"}, "is no number", ""},
        {{"take", "--size", "64MX"}, "is no size", ""},
        {{"take", "--every", "5"}, "is no duration", ""},
        {{"take", "--force=maybe"}, "neither true nor false", ""},
        {{"take", "--color", "blue"}, "\"blue\" is none of auto, always, never", ""},
        {{"take", "--pair", "x"}, "not of the form key=value", ""},
        {{"take", "a", "b", "c", "d"}, "does not know what to do with \"d\"", "lakefm take --help"},
        {{"two", "a"}, "A B is missing", "lakefm two --help"},
        {{"-q"}, "no command given", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli cli;
        const struct options *o;
        assert_int_equal(parse(&cli, &o, cases[i].words), ERR_USAGE);
        if (!strstr(e.what, cases[i].what)) fail_msg("\"%s\" lacks \"%s\"", e.what, cases[i].what);
        if (!strstr(e.hint, cases[i].hint)) fail_msg("\"%s\" lacks \"%s\"", e.hint, cases[i].hint);
        done(&cli);
    }
}

static void later_settings_win(void **state)
{
    (void)state;
    char folder[] = "/tmp/lakefm-cli-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = io_path(folder, "lakefm.yml");
    static const char yaml[] = "# all forms\nlake: rel\ncontracts: /abs\nthreads: 3\nserve:\n  bind: '::1'\n  port: 2\n"
                               "silver.level: 4\nmemory: 2GiB\nkafka:\n  bootstrap.servers: a:1\n  sasl: {username: u}\n"
                               "batch: {interval: 2s}\n";
    assert_ok(io_write_file(path, yaml, strlen(yaml), false, &e), &e);
    char config[256];
    snprintf(config, sizeof config, "--config=%s", path);
    char *environment[] = {(char[]){"LAKEFM_SERVE_PORT=5"}, (char[]){"LAKEFM_SILVER_LEVEL=6"},
                           (char[]){"LAKEFM_KAFKA_SASL_PASSWORD=p=w"}, (char[]){"LAKEFM_NOW_MS=1"},
                           (char[]){"OTHER=1"}, NULL};
    struct cli cli;
    const struct options *o;
    assert_ok(PARSE(config, "take", "--set", "silver.level=7", "--set=threads=9", "--threads", "11"), &e);
    assert_ok(cli_config_load(&cli, environment, &e), &e);
    const struct cli_config *c = &cli.config;
    char *lake = io_path(folder, "rel");
    assert_string_equal(c->lake, lake);
    assert_string_equal(c->contracts, "/abs");
    assert_string_equal(c->serve.bind, "::1");
    assert_int_equal(c->serve.port, 5);
    assert_int_equal(c->silver.level, 7);
    assert_int_equal(c->threads, 11);
    assert_int_equal(c->memory_bytes, 2ULL << 30);
    assert_int_equal(c->batch.interval_ms, 2000);
    assert_true(c->max_reject_share == 0.05);
    assert_int_equal(c->kafka.count, 3);
    assert_string_equal(c->kafka.pair[0].key, "bootstrap.servers");
    assert_string_equal(c->kafka.pair[1].key, "sasl.username");
    assert_string_equal(c->kafka.pair[2].key, "sasl.password");
    assert_string_equal(c->kafka.pair[2].value, "p=w");
    done(&cli);
    /* The file in the lake's folder counts when there is no other. */
    snprintf(config, sizeof config, "--lake=%s", folder);
    assert_ok(PARSE(config, "take"), &e);
    assert_ok(cli_config_load(&cli, NULL, &e), &e);
    assert_string_equal(cli.config.lake, folder);
    assert_int_equal(cli.config.threads, 3);
    done(&cli);
    assert_ok(io_remove_tree(folder, &e), &e);
    mem_free(path);
    mem_free(lake);
}

static void wrong_settings(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *where, *what, *hint;
    } cases[] = {
        {"lake: x\nsilvr:\n  level: 2\n", "c/f.yml:3", "unknown setting \"silvr.level\"", "\"silver.level\"?"},
        {"treads: 2", "c/f.yml:1", "unknown setting \"treads\"", "\"threads\"?"},
        {"xyzzyplugh: 2", "c/f.yml:1", "unknown setting", "lakefm help settings"},
        {"\nthreads: many", "c/f.yml:2", "threads: \"many\" is no whole number", ""},
        {"silver: {level: 20}", "c/f.yml:1", "silver.level: 20 is not within 1 and 19", ""},
        {"threads: [1, 2]", "c/f.yml:1", "one value, not a list", ""},
        {"a: &x 1\nb: *x\n", "c/f.yml:1", "unknown setting \"a\"", ""},
        {"lake: &x 1\ndbt: *x\n", "c/f.yml:2", "aliases", ""},
        {"lake: x\nthreads: \"3", "c/f.yml:2", "not valid YAML", ""},
        {"- lake", "c/f.yml:1", "key: value", ""},
        {"just text", "c/f.yml:1", "key: value", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli cli;
        const struct options *o;
        assert_ok(PARSE("take"), &e);
        assert_true(cli_config_yaml(&cli, "c/f.yml", cases[i].yaml, strlen(cases[i].yaml), &e) != ERR_OK);
        if (!strstr(e.what, cases[i].what)) fail_msg("\"%s\" lacks \"%s\"", e.what, cases[i].what);
        if (!strstr(e.hint, cases[i].hint)) fail_msg("\"%s\" lacks \"%s\"", e.hint, cases[i].hint);
        assert_string_equal(e.where, cases[i].where);
        done(&cli);
    }
    struct cli cli;
    const struct options *o;
    char *environment[] = {(char[]){"LAKEFM_SILVR_LEVEL=2"}, NULL};
    assert_ok(PARSE("take"), &e);
    assert_int_equal(cli_config_load(&cli, environment, &e), ERR_USAGE);
    assert_non_null(strstr(e.hint, "LAKEFM_SILVER_LEVEL"));
    done(&cli);
    assert_ok(PARSE("take", "--set", "silver.level"), &e);
    assert_int_equal(cli_config_load(&cli, NULL, &e), ERR_USAGE);
    done(&cli);
    assert_ok(PARSE("take", "--config", "/nowhere/x.yml"), &e);
    assert_int_equal(cli_config_load(&cli, NULL, &e), ERR_NOT_FOUND);
    done(&cli);
    assert_ok(PARSE("take"), &e);
    assert_ok(cli_config_yaml(&cli, "f.yml", "", 0, &e), &e);
    done(&cli);
}

/* Every row of the table of settings can be set from its own default, and its names are unique. */
static void the_settings_table_is_sound(void **state)
{
    (void)state;
    struct cli_config config = {0};
    struct arena arena;
    arena_init(&arena);
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++) {
        assert_non_null(o->help);
        if (o->fallback) assert_ok(cli_set_field(&arena, o, &config, o->fallback, &e), &e);
        for (const struct cli_option *p = o + 1; p->name || p->key; p++) {
            if (o->name && p->name) assert_string_not_equal(o->name, p->name);
            if (o->key && p->key) assert_string_not_equal(o->key, p->key);
            if (o->letter) assert_int_not_equal(o->letter, p->letter);
        }
    }
    arena_reset(&arena);
}

static void tables_are_aligned(void **state)
{
    (void)state;
    struct cli_table *t = cli_table_new(3);
    cli_table_head(t, 0, "n", CLI_RIGHT);
    cli_table_head(t, 1, "name", CLI_LEFT);
    cli_table_head(t, 2, "x", CLI_LEFT);
    static const char *const cells[] = {"1", "東京", "a", "1000", "e\xcc\x81t\xc3\xa9", "b\n\x1b[31m", "-5", "", "\xff"};
    for (size_t i = 0; i < 9; i++) cli_table_cell(t, cells[i], strlen(cells[i]));
    assert_int_equal(cli_table_rows(t), 3);
    struct buf out = {0};
    cli_table_print(t, &out);
    assert_string_equal(out.ptr, "   n  name  x\n----  ----  -----------\n   1  東京  a\n"
                                 "1000  e\xcc\x81t\xc3\xa9   b\\n\\x1b[31m\n  -5        \\xff\n");
    buf_clear(&out);
    cli_table_cellf(t, "%d", 7);
    cli_table_cellf(t, "later");
    cli_table_cellf(t, "z");
    cli_table_print(t, &out);
    assert_string_equal(out.ptr, "   7  later  z\n");
    buf_reset(&out);
    cli_table_free(&t);
}

static void numbers_for_people(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(cli_human_bytes(999, out), "999 B");
    assert_string_equal(cli_human_bytes(1200, out), "1.2 kB");
    assert_string_equal(cli_human_bytes(999999, out), "1.0 MB");
    assert_string_equal(cli_human_bytes(1234567890123ULL, out), "1.2 TB");
    assert_string_equal(cli_human_count(0, out), "0");
    assert_string_equal(cli_human_count(-1234567, out), "-1,234,567");
    assert_string_equal(cli_human_count(-123, out), "-123");
    assert_string_equal(cli_human_ms(12, out), "12 ms");
    assert_string_equal(cli_human_ms(61000, out), "1 min 1 s");
    assert_string_equal(cli_human_ms(90000000, out), "1 d 1 h");
}

static enum err gather(void *ctx, struct buf *text, struct error *err)
{
    (void)err;
    buf_add(ctx, text->ptr, text->len);
    buf_clear(text);
    return ERR_OK;
}

static void results_in_each_format(void **state)
{
    (void)state;
    static const char query[] = "SELECT * FROM (VALUES (1, 'a,\"b\"', NULL, 1.50), (20, '', 'x' || chr(13), -2)) "
                                "t(n, s, n_1, d), (SELECT 7 AS n)";
    static const char *const want[] = {
        [OUTPUT_TABLE] = " n  s      n_1       d  n\n--  -----  ----  -----  -\n 1  a,\"b\"  NULL   1.50  7\n"
                         "20         x\\r   -2.00  7\n",
        [OUTPUT_CSV] = "n,s,n_1,d,n\n1,\"a,\"\"b\"\"\",,1.50,7\n20,\"\",\"x\r\",-2.00,7\n",
        [OUTPUT_JSON] = "[\n {\"n\":1,\"s\":\"a,\\\"b\\\"\",\"n_1\":null,\"d\":1.50,\"n_2\":7},\n"
                        " {\"n\":20,\"s\":\"\",\"n_1\":\"x\\r\",\"d\":-2.00,\"n_2\":7}\n]\n",
        [OUTPUT_LINES] = "{\"n\":1,\"s\":\"a,\\\"b\\\"\",\"n_1\":null,\"d\":1.50,\"n_2\":7}\n"
                         "{\"n\":20,\"s\":\"\",\"n_1\":\"x\\r\",\"d\":-2.00,\"n_2\":7}\n",
    };
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    assert_ok(sql_open(&(struct sql_options){.threads = 1}, &db, &e), &e);
    assert_ok(sql_connect(db, &conn, &e), &e);
    for (int f = OUTPUT_TABLE; f <= OUTPUT_LINES; f++) {
        struct sql_result *r = NULL;
        struct buf out = {0};
        int64_t rows;
        assert_ok(sql_query(conn, query, SQL_STREAM, &r, &e), &e);
        assert_ok(output_result(r, (enum output_format)f, gather, &out, &rows, &e), &e);
        assert_string_equal(out.ptr, want[f]);
        assert_int_equal(rows, 2);
        sql_result_free(&r);
        buf_reset(&out);
    }
    struct sql_result *r = NULL;
    struct buf out = {0};
    assert_ok(sql_query(conn, "SELECT 1 AS a WHERE false", SQL_STREAM, &r, &e), &e);
    assert_ok(output_result(r, OUTPUT_JSON, gather, &out, NULL, &e), &e);
    assert_string_equal(out.ptr, "[]\n");
    sql_result_free(&r);
    buf_reset(&out);
    sql_disconnect(&conn);
    sql_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_every_form), cmocka_unit_test(words_of_a_raw_command), cmocka_unit_test(wrong_command_lines),
        cmocka_unit_test(later_settings_win),    cmocka_unit_test(wrong_settings),
        cmocka_unit_test(the_settings_table_is_sound), cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(numbers_for_people),    cmocka_unit_test(results_in_each_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
