#include "simulate/model.h"

#include <stdio.h>

static const double YEAR_S = 86400 * 365.25;

static inline int32_t exponential_s(struct model_walker *w, double mean)
{
    return random_to_int(random_exponential(&w->random, mean));
}

static inline int32_t wrap_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/* The start of the session after one that was last seen at `last`. */
static int64_t next_start(struct model_walker *w, int64_t last, double beta)
{
    const struct calendar *calendar = &w->model->calendar;
    int32_t session_gap = w->model->config->session_gap_s;
    for (;;) {
        int32_t gap = wrap_add(exponential_s(w, beta), session_gap);
        if (gap <= 0) {
            w->fault = MODEL_NO_GAP;
            return last;
        }
        int64_t next = calendar_warp(calendar, last + gap);
        if (next < last) {
            last += session_gap;
            continue;
        }
        double drop = calendar_weekend(calendar, next);
        if (!(drop > 0) || random_double(&w->random) < 1.0 - drop) return next;
        last = next;
    }
}

static int64_t first_start(struct model_walker *w, int64_t arrival, double beta)
{
    int32_t b = random_to_int(beta), twice = wrap_add(b, b);
    int64_t candidate = next_start(w, arrival - twice, beta);
    while (candidate < arrival - b && !w->fault) candidate = next_start(w, candidate, beta);
    return candidate;
}

static inline void play(struct model_walker *w, struct model_user *user)
{
    const struct catalog *catalog = w->model->catalog;
    user->song = pick_draw(&catalog->pick[CATALOG_SONGS], &w->random);
    user->song_end_s = user->at_s + catalog->song_s[user->song];
}

static void start_session(struct model_walker *w, struct model_user *user, uint16_t auth, uint16_t level)
{
    const struct config *c = w->model->config;
    const struct pick *p = c->starts[auth * c->names_count + level];
    if (!p || !p->total) {
        w->fault = MODEL_NO_START, w->fault_auth = auth, w->fault_level = level;
        return;
    }
    user->state = (uint16_t)pick_draw(p, &w->random);
    user->item = 0;
    user->after_login = false;
    user->song = MODEL_NO_SONG;
    if (c->states[user->state].next_song) play(w, user);
}

void model_user_new(struct model_walker *w, bool arrives, int64_t arrival_s, struct model_user *user, struct model_person *person)
{
    const struct model *m = w->model;
    const struct config *c = m->config;
    const struct pick *pick = m->catalog->pick;
    enum { AGE_MAX_S = 157788000 }; /* five years */
    *user = (struct model_user){0};
    user->alpha = c->alpha * random_log_normal(&w->random);
    user->beta = c->beta * random_log_normal(&w->random);
    uint16_t auth = c->new_user_auth, level = c->new_user_level;
    if (!arrives) {
        if (!c->auths.total) {
            w->fault = MODEL_NO_AUTH;
            return;
        }
        auth = (uint16_t)pick_draw(&c->auths, &w->random);
    }
    int32_t age = exponential_s(w, m->registration_growth * YEAR_S);
    if (age > AGE_MAX_S) age = AGE_MAX_S;
    person->registered_s = arrives ? arrival_s : m->from_s - age;
    person->first_name = (uint16_t)pick_draw(&pick[CATALOG_FIRST_NAMES], &w->random);
    (void)pick_draw(&pick[CATALOG_PLACES], &w->random); /* eventsim draws a place that it does not use */
    person->last_name = (uint16_t)pick_draw(&pick[CATALOG_LAST_NAMES], &w->random);
    person->place = pick_draw(&pick[CATALOG_PLACES], &w->random);
    person->agent = (uint16_t)pick_draw(&pick[CATALOG_AGENTS], &w->random);
    if (!arrives) {
        if (!c->levels.total) {
            w->fault = MODEL_NO_LEVEL;
            return;
        }
        level = (uint16_t)pick_draw(&c->levels, &w->random);
    }
    user->at_s = first_start(w, arrival_s, user->beta);
    if (!w->fault) start_session(w, user, auth, level);
}

int64_t model_next_arrival(struct model_walker *w, int64_t t, uint64_t users)
{
    return t + exponential_s(w, YEAR_S / ((double)users * w->model->arrival_growth));
}

static inline const struct config_transition *draw_transition(struct model_walker *w, const struct config_state *state)
{
    const struct config_transition *t = w->model->config->to + state->first;
    double u = random_double(&w->random);
    for (uint32_t i = 0; i < state->transitions; i++)
        if (u >= t[i].low && u < t[i].high) return t + i;
    return NULL;
}

static enum model_step end_session(struct model_walker *w, struct model_user *user, const struct config_state *state)
{
    double u = random_double(&w->random);
    if (u < w->model->attrition || state->churned) {
        user->at_s = MODEL_NEVER;
        return MODEL_GONE;
    }
    user->at_s = next_start(w, user->at_s, user->beta);
    if (!w->fault) start_session(w, user, state->auth, state->level);
    return w->fault ? MODEL_FAULT : MODEL_NEW_SESSION;
}

enum model_step model_step(struct model_walker *w, struct model_user *user)
{
    const struct config_state *states = w->model->config->states, *state = &states[user->state];
    const struct config_transition *to = draw_transition(w, state);
    if (!to) return end_session(w, user, state);
    const struct config_state *next = &states[to->dest];
    user->item++;
    user->state = (uint16_t)to->dest;
    if (next->redirect) { /* the second comes before the redirect, and the previous state stays (both as in eventsim) */
        user->at_s++;
        return MODEL_GOES_ON;
    }
    user->after_login = state->login;
    if (next->next_song) {
        if (user->song != MODEL_NO_SONG && user->at_s < user->song_end_s)
            user->at_s = user->song_end_s; /* a song left for another page plays on */
        else
            user->at_s += exponential_s(w, user->alpha);
        play(w, user);
        return MODEL_GOES_ON;
    }
    user->at_s += exponential_s(w, user->alpha);
    return MODEL_GOES_ON;
}

enum err model_fault_error(const struct model_walker *w, struct error *e)
{
    const struct config *c = w->model->config;
    switch (w->fault) {
    case MODEL_FINE: return ERR_OK;
    case MODEL_NO_AUTH: return err_set(e, ERR_INPUT, "the configuration's \"auths\" has no entry with a weight");
    case MODEL_NO_LEVEL: return err_set(e, ERR_INPUT, "the configuration's \"levels\" has no entry with a weight");
    case MODEL_NO_START:
        return err_set(e, ERR_INPUT, "the configuration's \"new-session\" has no entry with a weight for auth \"%s\", level \"%s\"",
                       c->names[w->fault_auth], c->names[w->fault_level]);
    case MODEL_NO_GAP:
        return err_set(e, ERR_INPUT, "session-gap %d lets a gap of 0 s between sessions happen, where eventsim stops",
                       c->session_gap_s);
    }
    return ERR_INTERNAL;
}
