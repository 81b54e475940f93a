/* eventsim's configuration file (JSON) as tables for the walk.
 *
 * A state is (page, auth, status, method, level). The transitions of a state are ranges of [0, 1) in file order, the same
 * destination twice makes the earlier range an end of the session (as in eventsim). Numbers may be written as integers or
 * reals; where eventsim cuts to int, so do we. Unknown keys are errors that name the nearest known one and the line.
 * Read-only once loaded; thread-safe. */
#ifndef LAKEFM_SIMULATE_CONFIG_H
#define LAKEFM_SIMULATE_CONFIG_H

#include "base/hash.h"
#include "base/mem.h"
#include "simulate/pick.h"
#include "simulate/simulate.h"

struct config_state {
    const char *page, *method;
    uint16_t auth, level;       /* names */
    int32_t status;
    uint32_t first, transitions; /* in config.to */
    bool next_song;             /* page NextSong: a listen event */
    bool status_change;         /* page Submit Upgrade or Submit Downgrade */
    bool login;                 /* page Login: what follows is an auth event */
    bool redirect;              /* status 300 … 398: one second, and the state before stays "the previous one" */
    bool logged_in;             /* auth "Logged In" */
    bool churned;               /* its auth is churned-state: the user never comes back */
    int8_t show_user;           /* 1, 0; -1: show-user-details does not say (an error once the state is written) */
};
struct config_transition {
    double low, high; /* taken when low ≤ u < high */
    uint32_t dest;
};

struct config {
    struct arena arena; /* owns all text */
    double alpha, beta, damping, weekend_damping;
    int32_t weekend_offset_min, weekend_scale_min, session_gap_s;
    int64_t seed;
    bool has_seed, has_users, has_first_user_id, has_growth, has_start, has_end;
    int32_t users, first_user_id;
    double growth;
    struct simulate_time start, end;
    const char *tag; /* NULL: none */

    const char **names; /* auths and levels */
    uint32_t names_count;
    struct config_state *states;
    uint32_t states_count;
    struct config_transition *to;
    struct pick auths, levels;            /* things are names */
    uint16_t new_user_auth, new_user_level;
    struct pick **starts;                 /* [auth * names_count + level]: picks of states; NULL: new-session has none */
    struct hash128 hash;                  /* of the file */
};

#define CONFIG_BUILT_IN "examples/eventsim.json" /* eventsim's example-config.json */
/* path NULL: the one built in. *out is owned by the caller. warn may be NULL. Errors: ERR_INPUT with "file:line", ERR_NOT_FOUND, ERR_IO. */
enum err config_load(const char *path, void (*warn)(void *ctx, const char *text), void *warn_ctx, struct config **out,
                     struct error *e) MUST_CHECK;
void config_free(struct config **c);

/* The line (from 1) where a value begins in JSON text known to be valid: steps of a path, by key or (key NULL) by index.
 * As far as the path leads. */
struct config_path {
    const char *key;
    size_t index;
};
int config_line(const char *json, const struct config_path *path, size_t steps);

#endif
