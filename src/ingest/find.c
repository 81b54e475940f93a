#include "ingest/find.h"

#include "base/io.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

static void add(struct ingest_found *found, size_t *cap, const char *path, const struct contract *contract)
{
    mem_grow(&found->input, cap, found->count + 1, sizeof *found->input);
    found->input[found->count++] = (struct ingest_input){mem_strdup(path), contract};
}

/* Names that people give to files of events. Others in a folder (README, checksums …) are passed over, with a word. */
static bool looks_like_events(const char *path)
{
    static const char *const ends[] = {".json",    ".ndjson",    ".jsonl",     ".log",        ".json.gz", ".ndjson.gz", ".jsonl.gz",
                                       ".log.gz", ".json.zst", ".ndjson.zst", ".jsonl.zst", ".log.zst"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (str_ends(path, ends[i])) return true;
    return false;
}

static enum err topic_of(const char *path, const struct schema_set *contracts, const struct contract **out, struct error *e)
{
    if (schema_set_need(contracts, path, out, e) == ERR_OK) return ERR_OK;
    char hint[sizeof e->hint] = "";
    if (e) snprintf(hint, sizeof hint, "%s", e->hint);
    err_set(e, ERR_USAGE, "the name of %s tells no topic", path);
    if (hint[0]) err_hint(e, strstr(hint, "--topic") ? "%s" : "%s; or say --topic", hint);
    else err_hint(e, "say --topic, or name the file as its topic: listen_events.json");
    return ERR_USAGE;
}

static bool hidden(const char *below)
{
    if (below[0] == '.' || below[0] == '_') return true;
    for (const char *p = below; (p = strchr(p, '/')); p++)
        if (p[1] == '.' || p[1] == '_') return true;
    return false;
}

static enum err add_folder(const char *folder, const struct contract *given, const struct schema_set *contracts,
                           struct ingest_found *out, size_t *cap, struct error *e)
{
    struct io_names names;
    enum err rc = io_walk(folder, &names, e);
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; rc == ERR_OK && i < names.count; i++) {
        if (hidden(names.name[i])) continue;
        char *path = io_path(folder, names.name[i]);
        const struct contract *contract = given ? given : schema_set_find(contracts, path);
        if (!contract && looks_like_events(path)) rc = topic_of(path, contracts, &contract, e);
        if (rc == ERR_OK) add(out, cap, path, contract);
        mem_free(path);
    }
    io_names_free(&names);
    return rc;
}

static enum err add_file(const char *path, const struct contract *given, const struct schema_set *contracts,
                         struct ingest_found *out, size_t *cap, struct error *e)
{
    const struct contract *contract = given;
    if (io_is_dir(path)) return add_folder(path, given, contracts, out, cap, e);
    if (!contract) {
        enum err rc = topic_of(path, contracts, &contract, e);
        if (rc != ERR_OK) return rc;
    }
    add(out, cap, path, contract);
    return ERR_OK;
}

static enum err add_glob(const char *pattern, const struct contract *given, const struct schema_set *contracts,
                         struct ingest_found *out, size_t *cap, struct error *e)
{
    enum err rc = ERR_OK;
    glob_t g;
    int r = glob(pattern, GLOB_BRACE | GLOB_TILDE, NULL, &g);
    if (r == GLOB_NOMATCH) rc = err_set(e, ERR_NOT_FOUND, "there is no file %s", pattern);
    else if (r) rc = err_set(e, ERR_IO, "cannot look for %s", pattern);
    for (size_t i = 0; rc == ERR_OK && i < g.gl_pathc; i++) rc = add_file(g.gl_pathv[i], given, contracts, out, cap, e);
    if (r == 0) globfree(&g);
    return rc;
}

enum err ingest_find(const char *const *paths, size_t count, const char *topic, const struct schema_set *contracts,
                     struct ingest_found *out, struct error *e)
{
    enum err rc = ERR_OK;
    size_t cap = 0;
    const struct contract *given = NULL;
    memset(out, 0, sizeof *out);
    if (topic) TRY(schema_set_need(contracts, topic, &given, e));
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(paths[i], "-")) {
            if (!given) {
                err_set(e, ERR_USAGE, "stdin has no name to tell its topic");
                rc = err_hint(e, "say --topic listen_events (or another)");
                goto done;
            }
            add(out, &cap, "-", given);
        } else if (!io_exists(paths[i]) && strpbrk(paths[i], "*?[{")) TRY(add_glob(paths[i], given, contracts, out, &cap, e));
        else TRY(add_file(paths[i], given, contracts, out, &cap, e));
    }
done:
    if (rc != ERR_OK) ingest_found_free(out);
    return rc;
}

void ingest_found_free(struct ingest_found *found)
{
    for (size_t i = 0; i < found->count; i++) mem_free(found->input[i].path);
    mem_free(found->input);
    memset(found, 0, sizeof *found);
}
