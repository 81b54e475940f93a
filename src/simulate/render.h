/* Events to lines. All text that can occur (songs, places, names, agents, states) is rendered once, as JSON, when the
 * renderer is made; a line is then a few copies and integers.
 *
 * eventsim's text rules: the catalogue's bytes are read as ISO-8859-1, so "é" in UTF-8 comes out as "Ã©"; escapes are
 * those of Jackson (\" \\ \b \t \n \f \r, other controls as \u00XX, characters above U+FFFF as two \uXXXX), in upper case.
 * Interana's: everything beyond ASCII as \uxxxx in lower case, and \/ for /.
 * Read-only once made; render_events may run in many threads, each with its own render_out. */
#ifndef LAKEFM_SIMULATE_RENDER_H
#define LAKEFM_SIMULATE_RENDER_H

#include "simulate/model.h"

struct render_event {
    int64_t at_s;
    uint64_t session;
    uint32_t user, item, song; /* user: index, not id; song: any when the state is no NextSong */
    uint16_t state;
    bool after_login;
};

struct render;
/* persons: borrowed, by index; first_id: the id of user 0; ms: the fraction of a second of every ts; tag may be NULL. */
struct render *render_new(const struct config *config, const struct catalog *catalog, enum simulate_dialect dialect,
                          const struct model_person *persons, int64_t first_id, int ms, const char *tag);
void render_free(struct render **r);

/* What a number of events became. Reused: render_events clears it first. */
struct render_out {
    bool want_lines;
    struct {
        struct buf bytes;
        uint64_t lines;
        uint32_t *line_end; /* these three only with want_lines */
        int64_t *ts_ms, *user_id;
        size_t line_cap;
    } topic[SIMULATE_TOPICS];
};
void render_events(const struct render *r, const struct render_event *events, size_t count, struct render_out *out);
void render_out_reset(struct render_out *out);

#endif
