/* Which files the words of a command line mean, and whose topic each one is. */
#ifndef LAKEFM_INGEST_FIND_H
#define LAKEFM_INGEST_FIND_H

#include "ingest/ingest.h"

struct ingest_found {
    struct ingest_input {
        char *path; /* "-": stdin */
        const struct contract *contract; /* NULL: skipped */
    } *input;
    size_t count;
};

/* Folders are walked in order of name, globs expanded (none matching: ERR_NOT_FOUND). */
enum err ingest_find(const char *const *paths, size_t count, const char *topic, const struct schema_set *contracts,
                     struct ingest_found *out, struct error *e) MUST_CHECK;
void ingest_found_free(struct ingest_found *found);

#endif
