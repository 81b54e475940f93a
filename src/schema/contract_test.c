#include "base/asset.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/test.h"
#include "schema/contract.h"

#include <stdlib.h>
#include <unistd.h>

static const char minimal[] = "topic: plays\n"
                              "table: fact_plays\n"
                              "time: {column: at, unit: s}\n"
                              "key: [id, at]\n"
                              "columns:\n"
                              "  - {name: at, type: int64, required: true}\n"
                              "  - {derive: event_time}\n"
                              "  - {name: id, type: uint32, from: [id, ID]}\n"
                              "  - {name: note, type: string, fact: false}\n"
                              "  - {derive: batch}\n";

static enum err parse_one(const char *text, struct schema_set **set, struct error *e)
{
    struct view name = view_of("plays.yml"), body = view_of(text);
    return schema_set_parse(&name, &body, 1, set, e);
}

static void columns_keep_their_order(void **state)
{
    (void)state;
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_ok(parse_one(minimal, &set, &e), &e);
    const struct contract *c = schema_set_find(set, "plays");
    assert_non_null(c);
    assert_int_equal(c->column_count, 3);
    assert_int_equal(c->fact_count, 4);
    assert_string_equal(c->fact[0].name, "at");
    assert_int_equal(c->fact[1].source, CONTRACT_EVENT_TIME);
    assert_int_equal(c->fact[1].type, CONTRACT_TIMESTAMP_MS);
    assert_string_equal(c->fact[2].name, "id");
    assert_int_equal(c->fact[2].column, 1);
    assert_int_equal(c->fact[3].source, CONTRACT_BATCH);
    assert_true(c->columns[0].dense);
    assert_false(c->columns[1].dense);
    assert_int_equal(c->columns[1].from_count, 2);
    assert_int_equal(c->time_unit, CONTRACT_UNIT_S);
    assert_int_equal(c->key_count, 2);
    assert_int_equal(c->route_count, 1);
    assert_ptr_equal(c->routes[0].target, c);
    assert_int_equal(c->routes[0].map[0], 0);
    assert_int_equal(c->routes[0].map[1], CONTRACT_NONE);
    assert_int_equal(c->routes[0].map[2], 1);
    assert_int_equal(c->routes[0].key[0], 1);
    schema_set_free(&set);
}

/* The tables of the design, to the column. */
static void builtin_tables_are_the_designs(void **state)
{
    (void)state;
    static const char *const want[][2] = {
        {"fact_listen_events",
         "ts event_time userId sessionId itemInSession song artist duration level auth zip city state userAgent year month "
         "day hour batch"},
        {"fact_page_view_events",
         "ts event_time userId sessionId itemInSession page method status auth level song artist duration zip city state "
         "userAgent year month day hour batch"},
        {"fact_auth_events",
         "ts event_time userId sessionId itemInSession success level zip city state userAgent year month day hour batch"},
        {"fact_status_change_events",
         "ts event_time userId sessionId itemInSession auth level zip city state userAgent year month day hour batch"},
    };
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_ok(schema_set_load(NULL, &set, &e), &e);
    assert_int_equal(set->count, 5);
    for (size_t t = 0; t < sizeof want / sizeof want[0]; t++) {
        const struct contract *c = schema_set_table(set, want[t][0]);
        assert_non_null(c);
        struct buf names = {0};
        for (uint16_t i = 0; i < c->fact_count; i++) buf_printf(&names, "%s%s", i ? " " : "", c->fact[i].name);
        assert_string_equal(names.ptr, want[t][1]);
        buf_reset(&names);
        assert_int_equal(c->fact[contract_fact_find(c, "userId")].type, CONTRACT_INT64);
        assert_int_equal(c->fact[contract_fact_find(c, "sessionId")].type, CONTRACT_INT64);
        assert_int_equal(c->fact[contract_fact_find(c, "itemInSession")].type, CONTRACT_UINT32);
        assert_int_equal(c->fact[contract_fact_find(c, "year")].type, CONTRACT_UINT16);
        assert_int_equal(c->fact[contract_fact_find(c, "hour")].type, CONTRACT_UINT8);
        assert_true(contract_feeds(c, "dim_user"));
    }
    schema_set_free(&set);
}

static void interana_goes_to_four_tables(void **state)
{
    (void)state;
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_ok(schema_set_load(NULL, &set, &e), &e);
    const struct contract *c = schema_set_find(set, "data/log_data.json");
    assert_non_null(c);
    assert_string_equal(c->topic, "interana");
    assert_null(c->table);
    assert_int_equal(c->route_count, 4);
    assert_string_equal(c->routes[0].target->table, "fact_page_view_events");
    assert_string_equal(c->routes[1].target->table, "fact_listen_events");
    assert_string_equal(c->routes[1].when[0], "NextSong");
    const struct contract_route *auth = &c->routes[3];
    assert_int_equal(auth->map[contract_fact_find(auth->target, "success")], contract_column_find(c, "success"));
    assert_int_equal(auth->map[contract_fact_find(auth->target, "zip")], CONTRACT_NONE);
    assert_int_equal(c->routes[0].key_count, 5);
    assert_int_equal(c->routes[1].key_count, 4);
    schema_set_free(&set);
}

static void topics_are_found_by_many_names(void **state)
{
    (void)state;
    static const char *const names[] = {"listen_events",         "listen-events",           "LISTEN_EVENTS", "listens",
                                        "listen_events.json.gz", "/a/b.c/listen-events.json", "listen_events.2025.json"};
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_ok(schema_set_load(NULL, &set, &e), &e);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct contract *c = schema_set_find(set, names[i]);
        assert_non_null(c);
        assert_string_equal(c->topic, "listen_events");
    }
    assert_null(schema_set_find(set, "listen_event"));
    assert_null(schema_set_find(set, "/tmp/"));
    assert_null(schema_set_find(set, ".json"));
    const struct contract *c = NULL;
    assert_int_equal(schema_set_need(set, "listen_event", &c, &e), ERR_NOT_FOUND);
    assert_string_equal(e.hint, "did you mean \"listen_events\"?");
    assert_int_equal(schema_set_need(set, "zzzzzzzzzzz", &c, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.hint, "known topics: auth_events,"));
    schema_set_free(&set);
}

struct mistake {
    const char *find, *replace; /* in `minimal` */
    const char *what;           /* must be in the message */
    const char *where;
    const char *hint; /* must be in the hint; NULL: anything */
};

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct mistake list[] = {
        {"table:", "tabel:", "unknown key \"tabel\" in the contract", "plays.yml:2", "did you mean \"table\"?"},
        {"table: fact_plays\n", "", "has no \"table\"", "plays.yml:1", NULL},
        {"key: [id, at]\n", "", "has no \"key\"", "plays.yml:1", NULL},
        {"time: {column: at, unit: s}\n", "", "has no \"time\"", "plays.yml:1", NULL},
        {"column: at", "column: att", "time names \"att\"", "plays.yml:3", NULL},
        {"unit: s", "unit: sec", "unknown unit \"sec\"", "plays.yml:3", NULL},
        {"key: [id, at]", "key: [idd, at]", "key names \"idd\"", "plays.yml:4", NULL},
        {"key: [id, at]", "key: [id, id]", "twice in the key", "plays.yml:4", NULL},
        {"key: [id, at]", "key: all", "or the word row", "plays.yml:4", NULL},
        {"key: [id, at]", "key: []", "key is empty", "plays.yml:4", NULL},
        {"type: uint32", "type: unit32", "unknown type \"unit32\"", "plays.yml:8", "did you mean \"uint32\"?"},
        {"type: uint32, ", "", "a column has no \"type\"", "plays.yml:8", NULL},
        {"name: note", "name: ID", "\"ID\" is there twice", "plays.yml:9", NULL},
        {"name: note", "name: event_Time", "is there twice", "plays.yml:9", NULL},
        {"name: note", "name: date", "partition folders", "plays.yml:9", NULL},
        {"name: note", "name: a b", "letters, digits and _ only", "plays.yml:9", NULL},
        {"from: [id, ID]", "from: [id, id]", "\"id\" appears twice in from", "plays.yml:8", NULL},
        {"derive: batch", "derive: bach", "unknown derived column \"bach\"", "plays.yml:10", "did you mean \"batch\"?"},
        {"derive: batch", "derive: event_time", "is there twice", "plays.yml:10", NULL},
        {"required: true", "required: maybe", "must be true or false", "plays.yml:6", NULL},
        {", required: true", "", "must be `required: true`", "plays.yml:3", NULL},
        {"at, type: int64", "at, type: double", "must be int64 or timestamp_ms", "plays.yml:3", NULL},
        {"fact: false", "clean: [unqote]", "unknown clean \"unqote\"", "plays.yml:9", "did you mean \"unquote\"?"},
        {"from: [id, ID]", "clean: [unquote]", "`clean` is for strings", "plays.yml:8", NULL},
        {"fact: false", "accept: [text]", "`accept` is for numbers", "plays.yml:9", NULL},
        {"fact: false", "store: dense", "`store: dense` is for integers", "plays.yml:9", NULL},
        {"fact: false", "equals: 3", "`equals` is for bool", "plays.yml:9", NULL},
        {"fact: false", "equals: three", "must be an integer", "plays.yml:9", NULL},
        {"fact: false", "fact: true, fact: false", "key \"fact\" appears twice", "plays.yml:9", NULL},
        {"topic: plays", "topic: ../plays", "letters, digits", "plays.yml:1", NULL},
        {"topic: plays", "topic: plays\naliases: [a, a]", "\"a\" appears twice in aliases", "plays.yml:2", NULL},
        {"table: fact_plays", "table: dim_plays", "not dim_", "plays.yml:2", NULL},
        {"topic: plays", "topic: plays\ndims: [dim_users]", "unknown dimension \"dim_users\"", "plays.yml:2", "\"dim_user\""},
        {"topic: plays", "topic: plays\ndims: [dim_user]", "dim_user needs a column \"userId\"", "plays.yml:2", NULL},
        {"topic: plays", "topic: plays\nroute: note", "come together", "plays.yml:2", NULL},
        {"topic: plays", "topic: [plays", "not valid YAML", "plays.yml:", NULL},
        {"topic: plays", "--- {a: 1}\n---\ntopic: plays", "a second document", "plays.yml:2", NULL},
        {"columns:\n", "columns: {}\nx:\n", "unknown key \"x\"", "plays.yml:6", NULL},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct mistake *m = &list[i];
        const char *at = strstr(minimal, m->find);
        assert_non_null(at);
        char *text = mem_printf("%.*s%s%s", (int)(at - minimal), minimal, m->replace, at + strlen(m->find));
        struct error e = {0};
        struct schema_set *set = NULL;
        if (parse_one(text, &set, &e) != ERR_INPUT || !strstr(e.what, m->what) || !strstr(e.where, m->where) ||
            (m->hint && !strstr(e.hint, m->hint))) {
            print_error("for \"%s\": what=%s where=%s hint=%s\n", m->replace, e.what, e.where, e.hint);
            fail();
        }
        assert_null(set);
        mem_free(text);
    }
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_int_equal(parse_one("", &set, &e), ERR_INPUT);
    assert_int_equal(parse_one("just text", &set, &e), ERR_INPUT);
    assert_int_equal(parse_one("[1, 2]", &set, &e), ERR_INPUT);
}

static void topics_may_not_share_names_or_tables(void **state)
{
    (void)state;
    struct error e = {0};
    struct schema_set *set = NULL;
    char *alias = mem_printf("aliases: [PLAYS]\n%s", minimal), *table = mem_strdup(minimal);
    char *at = strstr(alias, "topic: plays");
    memcpy(at, "topic: other", 12);
    memcpy(strstr(table, "topic: plays"), "topic: third", 12);
    struct view names[2] = {view_of("a.yml"), view_of("b.yml")};
    assert_int_equal(schema_set_parse(names, (struct view[]){view_of(minimal), view_of(alias)}, 2, &set, &e), ERR_INPUT);
    assert_non_null(strstr(e.what, "\"PLAYS\""));
    assert_string_equal(e.where, "b.yml:2");
    assert_int_equal(schema_set_parse(names, (struct view[]){view_of(minimal), view_of(table)}, 2, &set, &e), ERR_INPUT);
    assert_non_null(strstr(e.what, "table fact_plays"));
    mem_free(alias);
    mem_free(table);
}

static void routes_are_checked(void **state)
{
    (void)state;
    static const char head[] = "topic: stream\ntime: {column: at}\nroute: kind\n";
    static const char *const bad[][2] = {
        {"routes:\n  - {topic: playz}\ncolumns:\n  - {name: at, type: int64, required: true}\n  - {name: kind, type: string}\n",
         "has no contract"},
        {"routes:\n  - {topic: plays}\ncolumns:\n  - {name: at, type: int64, required: true}\n  - {name: kind, type: string}\n",
         "needs a column \"id\""},
        {"routes:\n  - {topic: plays}\ncolumns:\n  - {name: at, type: int64, required: true}\n  - {name: kind, type: string}\n"
         "  - {name: id, type: string}\n",
         "\"id\" is string here and uint32 in topic plays"},
        {"routes:\n  - {topic: plays, when: [x]}\ncolumns:\n  - {name: at, type: int64, required: true}\n"
         "  - {name: kind, type: string}\n",
         "the first route takes every record"},
        {"routes:\n  - {topic: stream}\ncolumns:\n  - {name: at, type: int64, required: true}\n  - {name: kind, type: string}\n",
         "routed itself"},
        {"table: t\nroutes:\n  - {topic: plays}\ncolumns:\n  - {name: at, type: int64, required: true}\n"
         "  - {name: kind, type: string}\n",
         "leave it out"},
        {"routes:\n  - {topic: plays}\n  - {topic: stream, when: [a]}\n  - {topic: x, when: [b, a]}\ncolumns:\n"
         "  - {name: at, type: int64, required: true}\n  - {name: kind, type: string}\n",
         "\"a\" is in two routes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error e = {0};
        struct schema_set *set = NULL;
        char *text = mem_printf("%s%s", head, bad[i][0]);
        enum err rc = schema_set_parse((struct view[]){view_of("p.yml"), view_of("s.yml")},
                                       (struct view[]){view_of(minimal), view_of(text)}, 2, &set, &e);
        if (rc != ERR_INPUT || !strstr(e.what, bad[i][1]) || !str_starts(e.where, "s.yml:")) {
            print_error("%zu: %s (%s)\n", i, e.what, e.where);
            fail();
        }
        mem_free(text);
    }
}

/* A user's folder: a new topic is a new file; a file of a built-in topic replaces it. */
static void a_users_folder_adds_and_overrides(void **state)
{
    (void)state;
    char dir[] = "/tmp/lakefm-contracts-XXXXXX";
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_non_null(mkdtemp(dir));
    char *plays = io_path(dir, "plays.yml"), *mine = io_path(dir, "auth.yaml"), *other = io_path(dir, "README.md");
    const struct asset *auth = asset_find("contracts/auth_events.yml");
    assert_non_null(auth);
    char *changed = mem_printf("# mine\n%.*s", (int)auth->data.len, auth->data.ptr);
    assert_ok(io_write_file(plays, minimal, strlen(minimal), false, &e), &e);
    assert_ok(io_write_file(mine, changed, strlen(changed), false, &e), &e);
    assert_ok(io_write_file(other, "hello", 5, false, &e), &e);
    assert_ok(schema_set_load(dir, &set, &e), &e);
    assert_int_equal(set->count, 6);
    assert_string_equal(schema_set_find(set, "plays")->origin, plays);
    assert_string_equal(schema_set_find(set, "auth_events")->origin, mine);
    assert_ptr_equal(schema_set_find(set, "interana")->routes[3].target, schema_set_find(set, "auth_events"));
    schema_set_free(&set);

    assert_ok(io_write_file(other, "x", 1, false, &e), &e);
    assert_ok(io_write_file(plays, "topic: 1\n", 9, false, &e), &e);
    assert_int_equal(schema_set_load(dir, &set, &e), ERR_INPUT);
    assert_non_null(strstr(e.where, "plays.yml:1"));
    assert_null(set);
    assert_ok(io_remove_tree(dir, &e), &e);
    assert_int_equal(schema_set_load(dir, &set, &e), ERR_NOT_FOUND);
    mem_free(plays);
    mem_free(mine);
    mem_free(other);
    mem_free(changed);
}

/* The manual's example is a contract that works. */
static void the_manuals_example_loads(void **state)
{
    (void)state;
    struct buf page = {0};
    struct error e = {0};
    struct schema_set *set = NULL;
    assert_ok(io_read_file("docs/contracts.md", &page, &e), &e); /* run from the project's folder */
    char *from = strstr(page.ptr, "```yaml\n");
    assert_non_null(from);
    from += strlen("```yaml\n");
    *strstr(from, "```") = '\0';
    assert_ok(parse_one(from, &set, &e), &e);
    assert_int_equal(schema_set_find(set, "podcasts")->fact_count, 11);
    schema_set_free(&set);
    buf_reset(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_keep_their_order),
        cmocka_unit_test(builtin_tables_are_the_designs),
        cmocka_unit_test(interana_goes_to_four_tables),
        cmocka_unit_test(topics_are_found_by_many_names),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(topics_may_not_share_names_or_tables),
        cmocka_unit_test(routes_are_checked),
        cmocka_unit_test(a_users_folder_adds_and_overrides),
        cmocka_unit_test(the_manuals_example_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
