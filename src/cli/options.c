/* Words of the command line → fields of structs, by the tables. */
#include "cli/cli.h"

#include "base/str.h"
#include "cli/help.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool takes_value(const struct cli_option *o) { return o->type != CLI_FLAG && o->type != CLI_COUNT; }

static bool parse_number(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && !*end && errno == 0 && isfinite(*out);
}

static bool parse_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    char *end;
    errno = 0;
    double n = strtod(text, &end);
    if (end == text || errno || !(n >= 0) || n > 1e9) return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (!strcmp(end, units[i].unit)) return *ms = llround(n * units[i].ms), true;
    return n == 0 && !*end ? (*ms = 0, true) : false;
}

static bool parse_flag(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL}, *const no[] = {"false", "no", "off", "0", NULL};
    for (size_t i = 0; yes[i]; i++) {
        if (!strcmp(text, yes[i])) return *out = true, true;
        if (!strcmp(text, no[i])) return *out = false, true;
    }
    return false;
}

static void list_add(struct arena *arena, struct cli_list *list, const char *text)
{
    const char **items = arena_alloc(arena, (list->count + 2) * sizeof *items);
    if (list->count) memcpy(items, list->item, list->count * sizeof *items);
    items[list->count++] = arena_strdup(arena, text);
    items[list->count] = NULL;
    list->item = items;
}

static void pairs_add(struct arena *arena, struct cli_pairs *pairs, const char *key, size_t key_len, const char *value)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strlen(pairs->pair[i].key) != key_len || memcmp(pairs->pair[i].key, key, key_len) != 0) continue;
        pairs->pair[i].value = arena_strdup(arena, value);
        return;
    }
    struct cli_pair *grown = arena_alloc(arena, (pairs->count + 1) * sizeof *grown);
    if (pairs->count) memcpy(grown, pairs->pair, pairs->count * sizeof *grown);
    grown[pairs->count++] = (struct cli_pair){arena_strndup(arena, key, key_len), arena_strdup(arena, value)};
    pairs->pair = grown;
}

static enum err set_choice(struct arena *arena, const struct cli_option *o, void *field, const char *text,
                           struct error *e)
{
    for (size_t i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) != 0) continue;
        *(const char **)field = arena_strdup(arena, text);
        return ERR_OK;
    }
    struct buf all = {0};
    for (size_t i = 0; o->choices[i]; i++) buf_printf(&all, "%s%s", i ? ", " : "", o->choices[i]);
    err_set(e, ERR_USAGE, "\"%s\" is none of %s", text, all.ptr);
    buf_reset(&all);
    return ERR_USAGE;
}

static enum err set_number(const struct cli_option *o, void *field, const char *text, struct error *e)
{
    double n = 0;
    int64_t i = 0;
    bool ok = o->type == CLI_INT ? str_i64(text, &i) : parse_number(text, &n);
    if (!ok) return err_set(e, ERR_USAGE, "\"%s\" is no %s", text, o->type == CLI_INT ? "whole number" : "number");
    if (o->type == CLI_INT) n = (double)i;
    if ((o->min != 0 || o->max != 0) && (n < o->min || n > o->max))
        return err_set(e, ERR_USAGE, "%s is not within %.17g and %.17g", text, o->min, o->max);
    if (o->type == CLI_INT)
        *(int64_t *)field = i;
    else
        *(double *)field = n;
    return ERR_OK;
}

enum err cli_set_field(struct arena *arena, const struct cli_option *o, void *target, const char *text, struct error *e)
{
    void *field = (char *)target + o->field;
    const char *equals;
    switch (o->type) {
    case CLI_FLAG:
        if (!parse_flag(text, field)) return err_set(e, ERR_USAGE, "\"%s\" is neither true nor false", text);
        return ERR_OK;
    case CLI_COUNT: ++*(int *)field; return ERR_OK;
    case CLI_TEXT:
    case CLI_PATH: *(const char **)field = arena_strdup(arena, text); return ERR_OK;
    case CLI_CHOICE: return set_choice(arena, o, field, text, e);
    case CLI_INT:
    case CLI_NUMBER: return set_number(o, field, text, e);
    case CLI_BYTES:
        if (!str_bytes(text, field)) return err_set(e, ERR_USAGE, "\"%s\" is no size like 64MiB, 1GiB or 4096", text);
        return ERR_OK;
    case CLI_DURATION:
        if (!parse_duration(text, field)) return err_set(e, ERR_USAGE, "\"%s\" is no duration like 200ms, 5s or 1m", text);
        return ERR_OK;
    case CLI_LIST:
    case CLI_WORDS: list_add(arena, field, text); return ERR_OK;
    case CLI_PAIRS:
        equals = strchr(text, '=');
        if (!equals || equals == text) return err_set(e, ERR_USAGE, "\"%s\" is not of the form key=value", text);
        pairs_add(arena, field, text, (size_t)(equals - text), equals + 1);
        return ERR_OK;
    }
    return err_set(e, ERR_INTERNAL, "option of unknown type");
}

void cli_set_defaults(struct arena *arena, const struct cli_option *options, void *target)
{
    struct error e;
    for (const struct cli_option *o = options; o && (o->name || o->key); o++)
        if (o->fallback && cli_set_field(arena, o, target, o->fallback, &e) != ERR_OK) abort();
}

/* ---- the command line ---- */

struct parser {
    struct cli *cli;
    int argc, at;
    char **argv;
    void *options; /* of the command */
    bool only_words;
};

static const struct cli_option *find_option(const struct parser *p, const char *name, size_t len, char letter,
                                            bool *setting)
{
    const struct cli_option *tables[] = {p->cli->command ? p->cli->command->options : NULL, cli_settings};
    for (size_t t = 0; t < 2; t++) {
        for (const struct cli_option *o = tables[t]; o && (o->name || o->key); o++) {
            if (!o->name) continue;
            bool same = letter ? o->letter == letter : strlen(o->name) == len && !memcmp(o->name, name, len);
            if (same) return *setting = t == 1, o;
        }
    }
    return NULL;
}

static enum err unknown_option(const struct parser *p, const char *word, size_t len, struct error *e)
{
    const char *names[256];
    size_t n = 0;
    const struct cli_command *c = p->cli->command;
    const struct cli_option *tables[] = {c ? c->options : NULL, cli_settings};
    for (size_t t = 0; t < 2; t++)
        for (const struct cli_option *o = tables[t]; o && (o->name || o->key) && n < 255; o++)
            if (o->name && !o->hidden) names[n++] = o->name;
    names[n] = NULL;
    char *typed = mem_strndup(word, len);
    const char *near = str_starts(typed, "--") ? str_nearest(typed + 2, names) : NULL;
    err_set(e, ERR_USAGE, "unknown option \"%s\"", typed);
    const char *help = mem_printf("lakefm %s%s--help", c ? c->name : "", c ? " " : "");
    if (near)
        err_hint(e, "did you mean \"--%s\"? See %s", near, help);
    else
        err_hint(e, "see %s", help);
    mem_free((void *)(uintptr_t)help);
    mem_free(typed);
    return ERR_USAGE;
}

static enum err give(struct parser *p, const struct cli_option *o, bool setting, const char *shown, const char *text,
                     struct error *e)
{
    struct cli *cli = p->cli;
    struct cli_given *grown = arena_alloc(&cli->arena, (cli->given_count + 1) * sizeof *grown);
    if (cli->given_count) memcpy(grown, cli->given, cli->given_count * sizeof *grown);
    cli->given = grown;
    cli->given[cli->given_count++] = (struct cli_given){o, arena_strdup(&cli->arena, text), setting};
    void *target = setting ? (void *)&cli->config : p->options;
    enum err rc = cli_set_field(&cli->arena, o, target, text, e);
    if (rc != ERR_OK) err_context(e, "%s: ", shown);
    return rc;
}

static enum err missing_value(const struct cli_option *o, const char *shown, struct error *e)
{
    return err_set(e, ERR_USAGE, "%s wants a value: %s", shown, o->value ? o->value : "VALUE");
}

static bool is_option(const char *word) { return word[0] == '-' && word[1]; }

static enum err long_option(struct parser *p, struct error *e)
{
    const char *word = p->argv[p->at++];
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    bool setting;
    const struct cli_option *o = find_option(p, word + 2, len - 2, 0, &setting);
    if (!o) return unknown_option(p, word, len, e);
    char shown[80];
    memcpy(shown, "--", 2);
    snprintf(shown + 2, sizeof shown - 2, "%s", o->name);
    if (!takes_value(o) && !equals) return give(p, o, setting, shown, "true", e);
    if (o->type == CLI_COUNT) return err_set(e, ERR_USAGE, "%s takes no value", shown);
    if (equals) return give(p, o, setting, shown, equals + 1, e);
    if (p->at == p->argc) return missing_value(o, shown, e);
    enum err rc = give(p, o, setting, shown, p->argv[p->at++], e);
    while (rc == ERR_OK && o->type == CLI_WORDS && p->at < p->argc && !is_option(p->argv[p->at]))
        rc = give(p, o, setting, shown, p->argv[p->at++], e);
    return rc;
}

static enum err short_options(struct parser *p, struct error *e)
{
    const char *word = p->argv[p->at++];
    enum err rc = ERR_OK;
    for (const char *c = word + 1; *c && rc == ERR_OK; c++) {
        bool setting;
        char shown[3] = {'-', *c, '\0'};
        const struct cli_option *o = find_option(p, NULL, 0, *c, &setting);
        if (!o) return unknown_option(p, word, strlen(word), e);
        if (!takes_value(o)) {
            rc = give(p, o, setting, shown, "true", e);
            continue;
        }
        if (!c[1] && p->at == p->argc) return missing_value(o, shown, e);
        rc = give(p, o, setting, shown, c[1] ? c + 1 : p->argv[p->at++], e);
        while (rc == ERR_OK && o->type == CLI_WORDS && p->at < p->argc && !is_option(p->argv[p->at]))
            rc = give(p, o, setting, shown, p->argv[p->at++], e);
        break;
    }
    return rc;
}

static enum err find_command(struct parser *p, const char *word, struct error *e)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; p->cli->commands[i]; i++) {
        if (!strcmp(p->cli->commands[i]->name, word)) {
            const struct cli_command *c = p->cli->command = p->cli->commands[i];
            p->options = arena_zalloc(&p->cli->arena, c->options_size ? c->options_size : 1);
            cli_set_defaults(&p->cli->arena, c->options, p->options);
            return ERR_OK;
        }
        if (!p->cli->commands[i]->hidden && n < 63) names[n++] = p->cli->commands[i]->name;
    }
    names[n] = NULL;
    const char *near = str_nearest(word, names);
    err_set(e, ERR_USAGE, "unknown command \"%s\"", word);
    if (near) return err_hint(e, "did you mean \"%s\"? See lakefm --help", near);
    return err_hint(e, "see lakefm --help");
}

static enum err check_words(const struct cli *cli, struct error *e)
{
    const struct cli_command *c = cli->command;
    if (!c || c->raw) return ERR_OK;
    if ((int)cli->arg_count < c->min_args)
        err_set(e, ERR_USAGE, "%s is missing", c->synopsis && c->synopsis[0] ? c->synopsis : "an argument");
    else if (c->max_args >= 0 && (int)cli->arg_count > c->max_args)
        err_set(e, ERR_USAGE, "does not know what to do with \"%s\"", cli->args[c->max_args]);
    else
        return ERR_OK;
    return err_hint(e, "see lakefm %s --help", c->name);
}

/* Whether a word after a raw command's name is for us. */
static bool is_ours(const struct cli_command *c, const char *word)
{
    if (!strcmp(word, "-h") || !strcmp(word, "--help")) return true;
    if (!str_starts(word, "--") || !c->settings_taken) return false;
    char *name = mem_strndup(word + 2, strcspn(word + 2, "="));
    bool ours = *name && cli_listed(c->settings_taken, name);
    mem_free(name);
    return ours;
}

enum err cli_parse(struct cli *cli, int argc, char **argv, void **command_options, struct error *e)
{
    struct parser p = {.cli = cli, .argc = argc, .argv = argv, .at = 1};
    enum err rc = ERR_OK;
    cli_set_defaults(&cli->arena, cli_settings, &cli->config);
    cli->args = arena_zalloc(&cli->arena, ((size_t)argc + 1) * sizeof *cli->args);
    while (p.at < argc) {
        const char *word = argv[p.at];
        if (cli->command && cli->command->raw && !is_ours(cli->command, word)) {
            p.at++;
            cli->args[cli->arg_count++] = word;
        } else if (!p.only_words && !strcmp(word, "--")) {
            p.only_words = true;
            p.at++;
        } else if (!p.only_words && str_starts(word, "--")) {
            TRY(long_option(&p, e));
        } else if (!p.only_words && is_option(word)) {
            TRY(short_options(&p, e));
        } else if (!cli->command) {
            p.at++;
            TRY(find_command(&p, word, e));
        } else {
            p.at++;
            cli->args[cli->arg_count++] = word;
        }
    }
    if (cli->config.help || cli->config.version) goto done;
    if (!cli->command) {
        err_set(e, ERR_USAGE, "no command given");
        rc = err_hint(e, "see lakefm --help");
        goto done;
    }
    TRY(check_words(cli, e));
done:
    *command_options = p.options;
    return rc;
}
