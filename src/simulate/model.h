/* The random model: users, sessions, steps. FACTS of eventsim that look like mistakes are kept on purpose; each is marked.
 *
 * Times are whole seconds since the epoch; the fraction of the run's start is added when a line is written.
 * A walker holds what changes (its random numbers, an error); the model and the persons are shared and read-only while
 * walkers run. One walker, one thread; two walkers never touch the same user. */
#ifndef LAKEFM_SIMULATE_MODEL_H
#define LAKEFM_SIMULATE_MODEL_H

#include "simulate/calendar.h"
#include "simulate/catalog.h"
#include "simulate/config.h"
#include "simulate/random.h"

#define MODEL_NEVER INT64_MAX
enum { MODEL_NO_SONG = UINT32_MAX };

struct model {
    const struct config *config;
    const struct catalog *catalog;
    struct calendar calendar;
    int64_t from_s, until_s;    /* an event is written when its second > from_s; the walk goes on while the last is < until_s */
    double registration_growth; /* mean age of registrations, in years */
    double arrival_growth;
    double attrition;           /* the number that a draw is compared with at the end of a session */
};

/* What never changes about a user. */
struct model_person {
    int64_t registered_s;
    uint32_t place;
    uint16_t first_name, last_name, agent;
};

/* Where a user is. */
struct model_user {
    double alpha, beta;
    int64_t at_s;        /* the next event; MODEL_NEVER: gone */
    int64_t song_end_s;  /* meaningful when song is set */
    uint64_t random;     /* streams mode: the counter */
    uint32_t item, song; /* song: MODEL_NO_SONG until the session's first one */
    uint32_t session;    /* for the caller */
    uint16_t state;
    bool after_login;    /* the previous state's page is Login */
};

enum model_fault {
    MODEL_FINE,
    MODEL_NO_AUTH,     /* auths has no weight */
    MODEL_NO_LEVEL,    /* levels has no weight */
    MODEL_NO_START,    /* new-session has no state of some weight for this auth and level */
    MODEL_NO_GAP,      /* session-gap + a draw ≤ 0: eventsim's assertion fails */
};
struct model_walker {
    const struct model *model;
    struct random random;
    enum model_fault fault;
    uint16_t fault_auth, fault_level; /* MODEL_NO_START */
};
enum err model_fault_error(const struct model_walker *w, struct error *e);

enum model_step { MODEL_GOES_ON, MODEL_NEW_SESSION, MODEL_GONE, MODEL_FAULT };

/* A user of the start (arrival_s == from_s, arrives false) or one who arrives later. Draws in eventsim's order. */
void model_user_new(struct model_walker *w, bool arrives, int64_t arrival_s, struct model_user *user, struct model_person *person);
/* The time of the next arrival after t when there are n users. */
int64_t model_next_arrival(struct model_walker *w, int64_t t, uint64_t users);
/* From one event to the next. After MODEL_NEW_SESSION, MODEL_GONE item and state are the new session's. */
enum model_step model_step(struct model_walker *w, struct model_user *user);

#endif
