/* lakefm.yml, the environment and --set → struct cli_config, by the table of settings. */
#include "cli/cli.h"

#include "base/io.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

char *cli_variable_of_key(struct arena *arena, const char *key)
{
    char *name = arena_printf(arena, "LAKEFM_%s", key);
    size_t len = strlen(name);
    if (str_ends(name, "*")) name[len - 1] = '\0';
    for (char *c = name; *c; c++) *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    return name;
}

/* "kafka.*" takes every key below "kafka."; *rest is what is below. */
static bool key_matches(const struct cli_option *o, const char *key, const char **rest)
{
    if (o->type != CLI_PAIRS) return !strcmp(o->key, key);
    size_t prefix = strlen(o->key) - 1;
    if (strncmp(o->key, key, prefix) != 0 || !key[prefix]) return false;
    *rest = key + prefix;
    return true;
}

static const struct cli_option *find_key(const char *key, const char **rest)
{
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++)
        if (o->key && key_matches(o, key, rest)) return o;
    return NULL;
}

static const char *nearest_key(const char *key)
{
    const char *keys[128];
    size_t n = 0;
    for (const struct cli_option *o = cli_settings; (o->name || o->key) && n < 127; o++)
        if (o->key && o->type != CLI_PAIRS) keys[n++] = o->key;
    keys[n] = NULL;
    return str_nearest(key, keys);
}

static enum err unknown_key(const char *key, struct error *e)
{
    const char *near = nearest_key(key);
    err_set(e, ERR_USAGE, "unknown setting \"%s\"", key);
    return near ? err_hint(e, "did you mean \"%s\"?", near)
                : err_hint(e, "docs/configuration.md and lakefm help settings list them all");
}

static char *join_folder(struct arena *arena, const char *folder, const char *path)
{
    if (!folder || !folder[0] || path[0] == '/' || strstr(path, "://")) return arena_strdup(arena, path);
    return arena_printf(arena, "%s/%s", folder, path);
}

enum err cli_config_set(struct cli *cli, const char *key, const char *text, const char *folder, struct error *e)
{
    const char *rest = NULL;
    const struct cli_option *o = find_key(key, &rest);
    if (!o) return unknown_key(key, e);
    enum err rc;
    if (o->type == CLI_PAIRS)
        rc = cli_set_field(&cli->arena, o, &cli->config, arena_printf(&cli->arena, "%s=%s", rest, text), e);
    else if (o->type == CLI_PATH)
        rc = cli_set_field(&cli->arena, o, &cli->config, join_folder(&cli->arena, folder, text), e);
    else
        rc = cli_set_field(&cli->arena, o, &cli->config, text, e);
    if (rc != ERR_OK) err_context(e, "%s: ", key);
    return rc;
}

/* ---- YAML ---- */

struct yaml_walk {
    struct cli *cli;
    const char *path;
    char *folder;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
};

static enum err yaml_next(struct yaml_walk *w, struct error *e)
{
    if (w->has_event) yaml_event_delete(&w->event);
    w->has_event = false;
    if (!yaml_parser_parse(&w->parser, &w->event)) {
        err_set(e, ERR_INPUT, "not valid YAML: %s", w->parser.problem ? w->parser.problem : "unreadable");
        return err_where(e, "%s:%zu", w->path, w->parser.problem_mark.line + 1);
    }
    w->has_event = true;
    return ERR_OK;
}

static enum err at_event(const struct yaml_walk *w, size_t line, enum err rc, struct error *e)
{
    if (rc != ERR_OK) err_where(e, "%s:%zu", w->path, line);
    return rc;
}

static size_t event_line(const struct yaml_walk *w) { return w->event.start_mark.line + 1; }

static enum err yaml_list(struct yaml_walk *w, const char *key, struct error *e)
{
    enum err rc = ERR_OK;
    const char *rest;
    const struct cli_option *o = find_key(key, &rest);
    if (o && o->type != CLI_LIST && o->type != CLI_WORDS)
        return at_event(w, event_line(w), err_set(e, ERR_USAGE, "%s takes one value, not a list", key), e);
    for (;;) {
        TRY(yaml_next(w, e));
        if (w->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (w->event.type != YAML_SCALAR_EVENT)
            return at_event(w, event_line(w), err_set(e, ERR_USAGE, "%s: the items must be plain texts", key), e);
        TRY(at_event(w, event_line(w),
                     cli_config_set(w->cli, key, (const char *)w->event.data.scalar.value, w->folder, e), e));
    }
done:
    return rc;
}

static enum err yaml_mapping(struct yaml_walk *w, const char *prefix, int depth, struct error *e)
{
    enum err rc = ERR_OK;
    for (;;) {
        TRY(yaml_next(w, e));
        if (w->event.type == YAML_MAPPING_END_EVENT) break;
        size_t line = event_line(w);
        if (w->event.type != YAML_SCALAR_EVENT)
            return at_event(w, line, err_set(e, ERR_INPUT, "a key must be a plain text"), e);
        const char *name = (const char *)w->event.data.scalar.value;
        char *key = arena_printf(&w->cli->arena, "%s%s%s", prefix, prefix[0] ? "." : "", name);
        TRY(yaml_next(w, e));
        switch (w->event.type) {
        case YAML_SCALAR_EVENT:
            TRY(at_event(w, line, cli_config_set(w->cli, key, (const char *)w->event.data.scalar.value, w->folder, e), e));
            break;
        case YAML_SEQUENCE_START_EVENT: TRY(yaml_list(w, key, e)); break;
        case YAML_MAPPING_START_EVENT:
            if (depth == 8) return at_event(w, line, err_set(e, ERR_INPUT, "%s: nested too deep", key), e);
            TRY(yaml_mapping(w, key, depth + 1, e));
            break;
        default: return at_event(w, line, err_set(e, ERR_INPUT, "%s: aliases are not supported here", key), e);
        }
    }
done:
    return rc;
}

enum err cli_config_yaml(struct cli *cli, const char *path, const char *text, size_t len, struct error *e)
{
    enum err rc = ERR_OK;
    struct yaml_walk w = {.cli = cli, .path = path};
    const char *slash = strrchr(path, '/');
    w.folder = slash ? arena_strndup(&cli->arena, path, (size_t)(slash - path)) : NULL;
    if (!yaml_parser_initialize(&w.parser)) return err_set(e, ERR_INTERNAL, "no memory for the YAML parser");
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, len);
    do {
        TRY(yaml_next(&w, e));
        if (w.event.type == YAML_MAPPING_START_EVENT)
            TRY(yaml_mapping(&w, "", 0, e));
        else if (w.event.type == YAML_SEQUENCE_START_EVENT ||
                 (w.event.type == YAML_SCALAR_EVENT && w.event.data.scalar.length > 0))
            TRY(at_event(&w, event_line(&w), err_set(e, ERR_INPUT, "settings are lines of the form \"key: value\""), e));
    } while (w.event.type != YAML_STREAM_END_EVENT);
done:
    if (w.has_event) yaml_event_delete(&w.event);
    yaml_parser_delete(&w.parser);
    return rc;
}

/* ---- the four sources ---- */

static bool is_local(const char *path) { return !strstr(path, "://"); }

static const char *given_config(const struct cli *cli, char **environment)
{
    if (cli->config.config_file) return cli->config.config_file;
    for (char **v = environment; v && *v; v++)
        if (str_starts(*v, "LAKEFM_CONFIG=") && (*v)[strlen("LAKEFM_CONFIG=")]) return *v + strlen("LAKEFM_CONFIG=");
    return NULL;
}

/* The lake as it is known without any file: option, --set, environment, default. */
static const char *early_lake(const struct cli *cli, char **environment)
{
    for (size_t i = cli->given_count; i-- > 0;)
        if (cli->given[i].setting && cli->given[i].option->key && !strcmp(cli->given[i].option->key, "lake"))
            return cli->given[i].text;
    for (size_t i = cli->config.set.count; i-- > 0;)
        if (str_starts(cli->config.set.item[i], "lake=")) return cli->config.set.item[i] + 5;
    for (char **v = environment; v && *v; v++)
        if (str_starts(*v, "LAKEFM_LAKE=")) return *v + strlen("LAKEFM_LAKE=");
    return cli->config.lake;
}

static enum err load_file(struct cli *cli, char **environment, struct error *e)
{
    const char *path = given_config(cli, environment);
    const char *lake = early_lake(cli, environment);
    if (!path && io_exists("lakefm.yml")) path = "lakefm.yml";
    if (!path && is_local(lake)) {
        const char *in_lake = arena_printf(&cli->arena, "%s/lakefm.yml", lake);
        if (io_exists(in_lake)) path = in_lake;
    }
    if (!path) return ERR_OK;
    struct buf text = {0};
    enum err rc = io_read_file(path, &text, e);
    if (rc == ERR_OK) rc = cli_config_yaml(cli, path, text.ptr ? text.ptr : "", text.len, e);
    buf_reset(&text);
    return rc;
}

/* No setting, but ours: LAKEFM_TEST_… belongs to tests. */
static bool other_variable(const char *name, size_t len)
{
    if (len >= 12 && !memcmp(name, "LAKEFM_TEST_", 12)) return true;
    for (const struct cli_variable *v = cli_variables; v->name; v++)
        if (strlen(v->name) == len && !memcmp(v->name, name, len)) return true;
    return false;
}

static enum err unknown_variable(struct cli *cli, const char *name, struct error *e)
{
    const char *names[128];
    size_t n = 0;
    for (const struct cli_option *o = cli_settings; (o->name || o->key) && n < 100; o++)
        if (o->key && o->type != CLI_PAIRS) names[n++] = cli_variable_of_key(&cli->arena, o->key);
    for (const struct cli_variable *v = cli_variables; v->name; v++) names[n++] = v->name;
    names[n] = NULL;
    const char *near = str_nearest(name, names);
    err_set(e, ERR_USAGE, "unknown setting %s", name);
    err_where(e, "environment");
    return near ? err_hint(e, "did you mean %s?", near) : err_hint(e, "lakefm help settings lists them all");
}

static enum err set_variable(struct cli *cli, const char *variable, struct error *e)
{
    const char *equals = strchr(variable, '=');
    if (!equals) return ERR_OK;
    size_t len = (size_t)(equals - variable);
    if (other_variable(variable, len)) return ERR_OK;
    char *name = arena_strndup(&cli->arena, variable, len);
    for (const struct cli_option *o = cli_settings; o->name || o->key; o++) {
        if (!o->key) continue;
        char *own = cli_variable_of_key(&cli->arena, o->key);
        const char *key = o->key;
        if (o->type == CLI_PAIRS) {
            if (!str_starts(name, own) || !name[strlen(own)]) continue;
            char *below = arena_strdup(&cli->arena, name + strlen(own));
            for (char *c = below; *c; c++) *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
            key = arena_printf(&cli->arena, "%.*s%s", (int)strlen(o->key) - 1, o->key, below);
        } else if (strcmp(own, name) != 0) {
            continue;
        }
        enum err rc = cli_config_set(cli, key, equals + 1, NULL, e);
        if (rc != ERR_OK) err_where(e, "environment, %s", name);
        return rc;
    }
    return unknown_variable(cli, name, e);
}

static enum err set_one(struct cli *cli, const char *text, struct error *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        err_set(e, ERR_USAGE, "--set wants key=value, not \"%s\"", text);
        return err_hint(e, "for example --set silver.level=3");
    }
    char *key = arena_strndup(&cli->arena, text, (size_t)(equals - text));
    enum err rc = cli_config_set(cli, key, equals + 1, NULL, e);
    if (rc != ERR_OK) err_where(e, "--set");
    return rc;
}

enum err cli_config_load(struct cli *cli, char **environment, struct error *e)
{
    enum err rc = ERR_OK;
    TRY(load_file(cli, environment, e));
    for (char **v = environment; v && *v; v++)
        if (str_starts(*v, "LAKEFM_")) TRY(set_variable(cli, *v, e));
    for (size_t i = 0; i < cli->config.set.count; i++) TRY(set_one(cli, cli->config.set.item[i], e));
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].setting && cli->given[i].option->key)
            TRY(cli_set_field(&cli->arena, cli->given[i].option, &cli->config, cli->given[i].text, e));
done:
    return rc;
}
