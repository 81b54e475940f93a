/* The facts to draw from: songs, places, names, user agents. Tab-separated files with a header row, no quoting; the
 * built-in ones are the assets src/simulate/data/<name>.tsv.gz (made from eventsim's own data files, in their order, on
 * which the draws depend). Text is held as the bytes of the file; eventsim reads them as ISO-8859-1 (see render.h).
 * Read-only once loaded; thread-safe. */
#ifndef LAKEFM_SIMULATE_CATALOG_H
#define LAKEFM_SIMULATE_CATALOG_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"
#include "simulate/pick.h"

enum catalog_table { CATALOG_SONGS, CATALOG_PLACES, CATALOG_FIRST_NAMES, CATALOG_LAST_NAMES, CATALOG_AGENTS, CATALOG_TABLES };

struct catalog_song {
    struct view artist, song;
    float duration_s;
};
struct catalog_place {
    struct view zip, city, state;
    double lat, lon;
};
struct catalog_name {
    struct view name, gender; /* last names: no gender */
};

struct catalog {
    struct buf text[CATALOG_TABLES]; /* owns what the views point to */
    struct catalog_song *songs;
    int32_t *song_s; /* by song: its duration cut to seconds; apart, since each step of a walk looks one up */
    struct catalog_place *places;
    struct catalog_name *first_names, *last_names, *agents;
    size_t count[CATALOG_TABLES];
    struct pick pick[CATALOG_TABLES]; /* things are row numbers */
    struct hash128 hash[CATALOG_TABLES];
};

/* paths[table] NULL: the built-in file. Errors: ERR_INPUT with "file:line", ERR_NOT_FOUND, ERR_IO. *out is the caller's. */
enum err catalog_load(const char *const paths[CATALOG_TABLES], struct catalog **out, struct error *e) MUST_CHECK;
void catalog_free(struct catalog **c);

#endif
