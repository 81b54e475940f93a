/* dbt's command line: one table of flags, for parsing, help and completion. */
#include "model/model.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum flag_kind { FLAG_TEXT, FLAG_INT, FLAG_LIMIT, FLAG_WORDS, FLAG_TRI, FLAG_ON, FLAG_OFF, FLAG_FORMAT };

struct flag {
    struct model_flag shown;
    enum flag_kind kind;
    size_t field;
};
#define AT(name) offsetof(struct model_options, name)

/* clang-format off */
static const struct flag flags[] = {
    {{"--project-dir", NULL, "DIR", NULL, "the project's folder"}, FLAG_TEXT, AT(project_dir)},
    {{"--profiles-dir", NULL, "DIR", NULL, "the folder of profiles.yml"}, FLAG_TEXT, AT(profiles_dir)},
    {{"--profile", NULL, "NAME", NULL, "the profile to use"}, FLAG_TEXT, AT(profile)},
    {{"--target", "-t", "NAME", NULL, "the output of the profile"}, FLAG_TEXT, AT(target)},
    {{"--target-path", NULL, "DIR", NULL, "where target/ goes"}, FLAG_TEXT, AT(target_path)},
    {{"--vars", NULL, "YAML", NULL, "variables, as YAML or JSON"}, FLAG_TEXT, AT(vars)},
    {{"--select", "-s", "SELECTOR...", NULL, "nodes to work on"}, FLAG_WORDS, AT(select)},
    {{"--models", "-m", "SELECTOR...", NULL, "as --select"}, FLAG_WORDS, AT(select)},
    {{"--exclude", NULL, "SELECTOR...", NULL, "nodes to leave out"}, FLAG_WORDS, AT(exclude)},
    {{"--selector", NULL, "NAME", NULL, "a selector of selectors.yml"}, FLAG_TEXT, AT(selector)},
    {{"--resource-type", NULL, "TYPE...", "ls build", "only these kinds of nodes"}, FLAG_WORDS, AT(resource_types)},
    {{"--resource-types", NULL, "TYPE...", "ls build", "as --resource-type"}, FLAG_WORDS, AT(resource_types)},
    {{"--exclude-resource-type", NULL, "TYPE...", "ls build", "none of these kinds"}, FLAG_WORDS, AT(exclude_resource_types)},
    {{"--exclude-resource-types", NULL, "TYPE...", "ls build", "as --exclude-resource-type"}, FLAG_WORDS, AT(exclude_resource_types)},
    {{"--indirect-selection", NULL, "MODE", NULL, "eager, cautious, buildable or empty"}, FLAG_TEXT, AT(indirect_selection)},
    {{"--full-refresh", "-f", NULL, "build run seed", "make incremental models and seeds anew"}, FLAG_TRI, AT(full_refresh)},
    {{"--fail-fast", "-x", NULL, NULL, "stop at the first failure"}, FLAG_TRI, AT(fail_fast)},
    {{"--threads", NULL, "N", NULL, "nodes that run at once"}, FLAG_INT, AT(threads)},
    {{"--state", NULL, "DIR", NULL, "artifacts to compare with (state:modified)"}, FLAG_TEXT, AT(state)},
    {{"--defer", NULL, NULL, NULL, "use the other state's relations for what is not selected"}, FLAG_TRI, AT(defer)},
    {{"--defer-state", NULL, "DIR", NULL, "artifacts to defer to"}, FLAG_TEXT, AT(defer_state)},
    {{"--favor-state", NULL, NULL, NULL, "defer even where a relation is there"}, FLAG_TRI, AT(favor_state)},
    {{"--store-failures", NULL, NULL, "build test", "keep the rows that fail tests"}, FLAG_TRI, AT(store_failures)},
    {{"--empty", NULL, NULL, "build run compile", "run models on no rows"}, FLAG_TRI, AT(empty)},
    {{"--introspect", NULL, NULL, "compile", "let templates ask the database"}, FLAG_TRI, AT(introspect)},
    {{"--write-json", NULL, NULL, NULL, "write the artifacts"}, FLAG_TRI, AT(write_json)},
    {{"--static", NULL, NULL, "docs", "one file"}, FLAG_TRI, AT(static_docs)},
    {{"--empty-catalog", NULL, NULL, "docs", "do not ask the database"}, FLAG_TRI, AT(empty_catalog)},
    {{"--compile", NULL, NULL, "docs", "compile the project too"}, FLAG_TRI, AT(compile_docs)},
    {{"--warn-error", NULL, NULL, NULL, "warnings are errors"}, FLAG_TRI, AT(warn_error)},
    {{"--warn-error-options", NULL, "YAML", NULL, "which warnings are errors"}, FLAG_TEXT, AT(warn_error_options)},
    {{"--args", NULL, "YAML", "run-operation", "the macro's arguments"}, FLAG_TEXT, AT(args)},
    {{"--inline", NULL, "SQL", "show compile", "this text instead of a model"}, FLAG_TEXT, AT(inline_sql)},
    {{"--output", "-o", "FORM", "ls show", "ls: name, path, json, selector; show: text, json"}, FLAG_TEXT, AT(output)},
    {{"--output-keys", NULL, "KEY...", "ls", "keys of --output json"}, FLAG_WORDS, AT(output_keys)},
    {{"--limit", NULL, "N", "show", "rows to show; -1: all"}, FLAG_LIMIT, AT(limit)},
    {{"--event-time-start", NULL, "TIME", "build run", "microbatch: from"}, FLAG_TEXT, AT(event_time_start)},
    {{"--event-time-end", NULL, "TIME", "build run", "microbatch: to"}, FLAG_TEXT, AT(event_time_end)},
    {{"--log-format", NULL, "FORM", NULL, "text or json"}, FLAG_FORMAT, AT(log_json)},
    {{"--no-skip", NULL, NULL, NULL, "run what has not changed too"}, FLAG_ON, AT(no_skip)},
    {{"--quiet", "-q", NULL, NULL, "errors and print() only"}, FLAG_ON, AT(quiet)},
    {{"--no-print", NULL, NULL, NULL, "print() is silent"}, FLAG_ON, AT(no_print)},
    {{"--debug", "-d", NULL, NULL, "say more"}, FLAG_ON, AT(debug)},
    {{"--use-colors", NULL, NULL, NULL, "colours"}, FLAG_ON, AT(color)},
    {{"--no-use-colors", NULL, NULL, NULL, "no colours"}, FLAG_OFF, AT(color)},
    /* known to dbt, without meaning here */
    {{"--partial-parse", NULL, NULL, NULL, "accepted; every parse is whole"}, FLAG_TRI, (size_t)-1},
    {{"--static-parser", NULL, NULL, NULL, "accepted"}, FLAG_TRI, (size_t)-1},
    {{"--version-check", NULL, NULL, NULL, "accepted"}, FLAG_TRI, (size_t)-1},
    {{"--populate-cache", NULL, NULL, NULL, "accepted"}, FLAG_TRI, (size_t)-1},
    {{"--cache-selected-only", NULL, NULL, NULL, "accepted"}, FLAG_TRI, (size_t)-1},
    {{"--send-anonymous-usage-stats", NULL, NULL, NULL, "accepted; nothing is ever sent"}, FLAG_TRI, (size_t)-1},
    {{"--log-level", NULL, "LEVEL", NULL, "accepted"}, FLAG_TEXT, (size_t)-1},
    {{"--log-level-file", NULL, "LEVEL", NULL, "accepted"}, FLAG_TEXT, (size_t)-1},
    {{"--log-path", NULL, "DIR", NULL, "accepted; no log file is written"}, FLAG_TEXT, (size_t)-1},
    {{"--printer-width", NULL, "N", NULL, "accepted"}, FLAG_TEXT, (size_t)-1},
};
/* clang-format on */
enum { FLAGS = sizeof flags / sizeof flags[0] };

const struct model_flag *model_flags(void)
{
    static struct model_flag list[FLAGS + 1];
    for (size_t i = 0; i < FLAGS; i++) list[i] = flags[i].shown;
    return list;
}

static const struct {
    const char *name;
    enum model_verb verb;
} verbs[] = {{"build", MODEL_BUILD},
             {"run", MODEL_RUN},
             {"test", MODEL_TEST},
             {"seed", MODEL_SEED},
             {"snapshot", MODEL_SNAPSHOT},
             {"compile", MODEL_COMPILE},
             {"ls", MODEL_LS},
             {"list", MODEL_LS},
             {"parse", MODEL_PARSE},
             {"deps", MODEL_DEPS},
             {"docs", MODEL_DOCS},
             {"source", MODEL_FRESHNESS},
             {"run-operation", MODEL_RUN_OPERATION},
             {"run_operation", MODEL_RUN_OPERATION},
             {"show", MODEL_SHOW},
             {"clean", MODEL_CLEAN},
             {"retry", MODEL_RETRY},
             {"clone", MODEL_CLONE}};

static const struct flag *find_flag(const char *word, size_t len, bool *no)
{
    *no = false;
    for (size_t i = 0; i < FLAGS; i++) {
        const struct model_flag *f = &flags[i].shown;
        if ((strlen(f->name) == len && !memcmp(f->name, word, len)) ||
            (f->other && strlen(f->other) == len && !memcmp(f->other, word, len)))
            return &flags[i];
        if (flags[i].kind == FLAG_TRI && len > 5 && !memcmp(word, "--no-", 5) && strlen(f->name) == len - 3 &&
            !memcmp(f->name + 2, word + 5, len - 5)) {
            *no = true;
            return &flags[i];
        }
    }
    return NULL;
}

static enum err unknown(const char *word, struct error *e)
{
    const char *names[2 * FLAGS + 1];
    size_t n = 0;
    for (size_t i = 0; i < FLAGS; i++) names[n++] = flags[i].shown.name;
    names[n] = NULL;
    err_set(e, ERR_USAGE, "No such option: %s", word);
    const char *near = str_nearest(word, names);
    if (near) err_hint(e, "did you mean %s?", near);
    return ERR_USAGE;
}

static void add_word(struct model_words *w, const char *word)
{
    mem_grow(&w->word, &w->cap, w->count + 1, sizeof *w->word);
    w->word[w->count++] = word;
}

static enum err take(struct model_options *o, const struct flag *f, const char *value, struct error *e)
{
    char *at = (char *)o + f->field;
    int64_t n;
    if (f->field == (size_t)-1) return ERR_OK;
    switch (f->kind) {
    case FLAG_TEXT: memcpy(at, &value, sizeof value); return ERR_OK;
    case FLAG_INT:
        if (!str_i64(value, &n) || n < 1 || n > 1024)
            return err_set(e, ERR_USAGE, "%s takes a number from 1 to 1024, not %s", f->shown.name, value);
        *(int *)(void *)at = (int)n;
        return ERR_OK;
    case FLAG_LIMIT:
        if (!str_i64(value, &n)) return err_set(e, ERR_USAGE, "%s takes a number, not %s", f->shown.name, value);
        *(int64_t *)(void *)at = n;
        return ERR_OK;
    case FLAG_FORMAT:
        if (strcmp(value, "json") && strcmp(value, "text") && strcmp(value, "default") && strcmp(value, "debug"))
            return err_set(e, ERR_USAGE, "--log-format is text or json, not %s", value);
        *(bool *)(void *)at = !strcmp(value, "json");
        return ERR_OK;
    default: return ERR_OK;
    }
}

static void note_command(struct model_options *o, int argc, const char *const *argv)
{
    struct buf b = {0};
    buf_str(&b, "lakefm");
    for (int i = 0; i < argc; i++) buf_printf(&b, " %s", argv[i]);
    mem_free(o->command);
    o->command = buf_take(&b);
}

enum err model_options_parse(struct model_options *o, int argc, const char *const *argv, struct error *e)
{
    enum err rc = ERR_OK;
    int i = 0;
    note_command(o, argc, argv);
    for (; i < argc; i++) {
        const char *word = argv[i], *equals = strchr(word, '='), *value = NULL;
        bool no;
        if (word[0] != '-' || !word[1]) {
            if (o->verb == MODEL_NONE) {
                for (size_t k = 0; k < sizeof verbs / sizeof verbs[0]; k++)
                    if (!strcmp(word, verbs[k].name)) o->verb = verbs[k].verb;
                if (o->verb == MODEL_NONE) return err_set(e, ERR_USAGE, "No such command '%s'.", word);
            } else if (o->verb == MODEL_RUN_OPERATION && !o->macro)
                o->macro = word;
            else if ((o->verb == MODEL_DOCS && !strcmp(word, "generate")) ||
                     (o->verb == MODEL_FRESHNESS &&
                      (!strcmp(word, "freshness") || !strcmp(word, "snapshot-freshness"))))
                continue;
            else
                return err_set(e, ERR_USAGE, "Got unexpected extra argument (%s)", word);
            continue;
        }
        size_t len = equals && word[1] == '-' ? (size_t)(equals - word) : strlen(word);
        const struct flag *f = find_flag(word, len, &no);
        if (!f) return unknown(word, e);
        if (f->kind == FLAG_TRI || f->kind == FLAG_ON || f->kind == FLAG_OFF) {
            if (f->field == (size_t)-1) continue;
            if (f->kind == FLAG_TRI)
                *(enum model_tristate *)(void *)((char *)o + f->field) = no ? MODEL_NO : MODEL_YES;
            else
                *(bool *)(void *)((char *)o + f->field) = f->kind == FLAG_ON;
            continue;
        }
        if (equals && word[1] == '-')
            value = equals + 1;
        else if (i + 1 < argc && (f->kind != FLAG_WORDS || argv[i + 1][0] != '-'))
            value = argv[++i];
        else
            return err_set(e, ERR_USAGE, "Option '%s' requires an argument.", f->shown.name);
        if (f->kind != FLAG_WORDS) {
            TRY(take(o, f, value, e));
            continue;
        }
        struct model_words *w = (struct model_words *)(void *)((char *)o + f->field);
        add_word(w, value);
        while (i + 1 < argc && argv[i + 1][0] != '-') add_word(w, argv[++i]);
    }
    if (o->verb == MODEL_NONE) rc = err_set(e, ERR_USAGE, "no command is given");
done:
    return rc;
}

void model_options_reset(struct model_options *o)
{
    mem_free(o->select.word);
    mem_free(o->exclude.word);
    mem_free(o->resource_types.word);
    mem_free(o->exclude_resource_types.word);
    mem_free(o->output_keys.word);
    mem_free(o->command);
    *o = (struct model_options){0};
}
