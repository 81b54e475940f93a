/* Inside of render.h: the tables of rendered text, and the copying. */
#ifndef LAKEFM_SIMULATE_RENDER_TABLE_H
#define LAKEFM_SIMULATE_RENDER_TABLE_H

#include "simulate/render.h"

struct fragment {
    uint32_t at, len;
};
enum { RENDER_SLACK = 64 }; /* copies run over by less than this, on both sides */
enum { RENDER_STATE_PARTS = 4 };

/* By row of the catalogue, the song, first name, last name, place and agent tables with one more row behind: what stands
 * there when nothing is to be shown (Interana's nulls).
 *
 *   eventsim   song[0] "artist":…,"song":…,"duration":…    first ,"firstName":…,"gender":…   last ,"lastName":…
 *              place[0] ,"city":…,"zip":…,"state":…        place[1] ,"lon":…,"lat":…         agent ,"userAgent":…
 *              state[0] listen and status_change           state[1] page_view                state[2] auth
 *   Interana   song[0] {"artist":…  song[1] ,"length":…  song[2] ,"song":…
 *              first ,"firstName":…,"gender":…,"itemInSession":   last ,"lastName":…   place[0] ,"location":…
 *              state[0] ,"auth":…  state[1] ,"level":…  state[2] ,"method":…,"page":…,"registration":  state[3] ,"status":…,"ts": */
struct render {
    const struct config *config;
    const struct model_person *persons;
    enum simulate_dialect dialect;
    int64_t first_id;
    int ms;
    struct buf text;
    struct fragment *song[3], *place[2], *first, *last, *agent, *state[RENDER_STATE_PARTS];
    struct fragment tag;
    uint32_t no_song, no_place, no_first, no_last, no_agent;
    size_t line_max;
};

/* Adds the tables (render_text.c). */
void render_build(struct render *r, const struct catalog *catalog, const char *tag);

static inline char *put_bytes(char *p, const char *s, size_t len)
{
    size_t i = 0;
    do {
        memcpy(p + i, s + i, 32);
        i += 32;
    } while (i < len);
    return p + len;
}
static inline char *put_fragment(char *p, const struct render *r, const struct fragment *f)
{
    return put_bytes(p, r->text.ptr + f->at, f->len);
}
/* A literal shorter than 32 bytes. */
#define PUT_TEXT(p, s) (memcpy((p), (s), sizeof(s) - 1), (p) + sizeof(s) - 1)

static inline char *put_number(char *p, int64_t v)
{
    static const char PAIRS[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
                                "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
                                "9899";
    char text[24], *t = text + sizeof text;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    while (u >= 100) {
        t -= 2;
        memcpy(t, PAIRS + u % 100 * 2, 2);
        u /= 100;
    }
    if (u >= 10) {
        t -= 2;
        memcpy(t, PAIRS + u * 2, 2);
    } else {
        *--t = (char)('0' + u);
    }
    if (v < 0) *p++ = '-';
    size_t len = (size_t)(text + sizeof text - t);
    memcpy(p, t, len);
    return p + len;
}

#endif
