#include "simulate/render_table.h"

struct render *render_new(const struct config *config, const struct catalog *catalog, enum simulate_dialect dialect,
                          const struct model_person *persons, int64_t first_id, int ms, const char *tag)
{
    struct render *r = mem_zalloc(sizeof *r);
    r->config = config;
    r->persons = persons;
    r->dialect = dialect;
    r->first_id = first_id;
    r->ms = ms;
    render_build(r, catalog, tag);
    return r;
}

void render_free(struct render **rp)
{
    struct render *r = *rp;
    *rp = NULL;
    if (!r) return;
    buf_reset(&r->text);
    for (int k = 0; k < 3; k++) mem_free(r->song[k]);
    for (int k = 0; k < 2; k++) mem_free(r->place[k]);
    for (int k = 0; k < RENDER_STATE_PARTS; k++) mem_free(r->state[k]);
    mem_free(r->first);
    mem_free(r->last);
    mem_free(r->agent);
    mem_free(r);
}

/* Where the lines of one topic grow. */
struct cursor {
    char *p, *limit;
};

static inline void cursor_open(struct cursor *c, struct buf *b) { c->p = b->ptr + b->len, c->limit = b->ptr + b->cap; }

/* Room for one line, and the overrun of its copies. */
static inline char *cursor_room(struct cursor *c, struct buf *b, size_t line_max)
{
    if ((size_t)(c->limit - c->p) < line_max) {
        b->len = (size_t)(c->p - b->ptr);
        buf_reserve(b, line_max);
        cursor_open(c, b);
    }
    return c->p;
}

/* Closes the line at p. */
static void end_line(struct render_out *out, int topic, struct cursor *c, char *p, int64_t ts_ms, int64_t user_id)
{
    c->p = p;
    size_t i = out->topic[topic].lines++;
    if (!out->want_lines) return;
    if (i == out->topic[topic].line_cap) {
        size_t cap[3] = {i, i, i};
        mem_grow(&out->topic[topic].line_end, &cap[0], i + 1, sizeof(uint32_t));
        mem_grow(&out->topic[topic].ts_ms, &cap[1], i + 1, sizeof(int64_t));
        mem_grow(&out->topic[topic].user_id, &cap[2], i + 1, sizeof(int64_t));
        out->topic[topic].line_cap = cap[0];
    }
    out->topic[topic].line_end[i] = (uint32_t)(p - out->topic[topic].bytes.ptr);
    out->topic[topic].ts_ms[i] = ts_ms;
    out->topic[topic].user_id[i] = user_id;
}

/* eventsim counts users in an int, which wraps. */
static inline int64_t id_of(const struct render *r, const struct render_event *ev) { return (int32_t)(uint32_t)(r->first_id + ev->user); }

struct stamp {
    int64_t ts_ms, user_id; /* user_id: 0 when the user is not shown */
    bool show;
    size_t len;
    char text[RENDER_SLACK]; /* "ts":…,"sessionId":… */
};

static inline void make_stamp(const struct render *r, const struct render_event *ev, bool show, struct stamp *s)
{
    s->ts_ms = ev->at_s * 1000 + r->ms;
    s->show = show;
    s->user_id = show ? id_of(r, ev) : 0;
    char *p = PUT_TEXT(s->text, "\"ts\":");
    p = put_number(p, s->ts_ms);
    p = PUT_TEXT(p, ",\"sessionId\":");
    p = put_number(p, (int64_t)ev->session);
    s->len = (size_t)(p - s->text);
}

/* ,"city": … the tag: the same in every line of an event. */
static inline char *put_tail(char *p, const struct render *r, const struct render_event *ev, const struct stamp *s)
{
    const struct model_person *who = &r->persons[ev->user];
    p = put_fragment(p, r, &r->place[0][who->place]);
    p = put_fragment(p, r, &r->agent[who->agent]);
    p = put_fragment(p, r, &r->place[1][who->place]);
    if (!s->show) return p;
    p = PUT_TEXT(p, ",\"userId\":");
    p = put_number(p, s->user_id);
    p = put_fragment(p, r, &r->last[who->last_name]);
    p = put_fragment(p, r, &r->first[who->first_name]);
    p = PUT_TEXT(p, ",\"registration\":");
    p = put_number(p, who->registered_s * 1000 + r->ms);
    return put_fragment(p, r, &r->tag);
}

static void put_rare(const struct render *r, const struct render_event *ev, const struct stamp *s, int topic,
                     struct cursor *c, struct render_out *out)
{
    const struct config_state *state = &r->config->states[ev->state];
    char *p = cursor_room(c, &out->topic[topic].bytes, r->line_max);
    *p++ = '{';
    p = put_bytes(p, s->text, s->len);
    p = put_fragment(p, r, &r->state[topic == SIMULATE_AUTH ? 2 : 0][ev->state]);
    p = put_number(p, ev->item);
    p = put_tail(p, r, ev, s);
    if (topic == SIMULATE_AUTH) p = state->logged_in ? PUT_TEXT(p, ",\"success\":true") : PUT_TEXT(p, ",\"success\":false");
    end_line(out, topic, c, PUT_TEXT(p, "}\n"), s->ts_ms, s->user_id);
}

static void put_eventsim(const struct render *r, const struct render_event *ev, struct cursor cursor[], struct render_out *out)
{
    const struct config_state *state = &r->config->states[ev->state];
    const char *tail = NULL;
    size_t tail_len = 0;
    struct stamp s;
    make_stamp(r, ev, state->show_user > 0, &s);
    if (state->next_song) {
        char *p = cursor_room(&cursor[SIMULATE_LISTEN], &out->topic[SIMULATE_LISTEN].bytes, r->line_max);
        *p++ = '{';
        p = put_fragment(p, r, &r->song[0][ev->song]);
        *p++ = ',';
        p = put_bytes(p, s.text, s.len);
        p = put_fragment(p, r, &r->state[0][ev->state]);
        p = put_number(p, ev->item);
        tail = p;
        p = put_tail(p, r, ev, &s);
        tail_len = (size_t)(p - tail);
        end_line(out, SIMULATE_LISTEN, &cursor[SIMULATE_LISTEN], PUT_TEXT(p, "}\n"), s.ts_ms, s.user_id);
    }
    if (state->status_change) put_rare(r, ev, &s, SIMULATE_STATUS_CHANGE, &cursor[SIMULATE_STATUS_CHANGE], out);
    if (ev->after_login) put_rare(r, ev, &s, SIMULATE_AUTH, &cursor[SIMULATE_AUTH], out);

    char *p = cursor_room(&cursor[SIMULATE_PAGE_VIEW], &out->topic[SIMULATE_PAGE_VIEW].bytes, r->line_max);
    *p++ = '{';
    p = put_bytes(p, s.text, s.len);
    p = put_fragment(p, r, &r->state[1][ev->state]);
    p = put_number(p, ev->item);
    if (tail) {
        p = put_bytes(p, tail, tail_len);
        *p++ = ',';
        p = put_fragment(p, r, &r->song[0][ev->song]);
    } else {
        p = put_tail(p, r, ev, &s);
    }
    end_line(out, SIMULATE_PAGE_VIEW, &cursor[SIMULATE_PAGE_VIEW], PUT_TEXT(p, "}\n"), s.ts_ms, s.user_id);
}

static void put_interana(const struct render *r, const struct render_event *ev, struct cursor *cursor, struct render_out *out)
{
    const struct config_state *state = &r->config->states[ev->state];
    const struct model_person *who = &r->persons[ev->user];
    bool show = state->show_user > 0;
    uint32_t song = state->next_song ? ev->song : r->no_song;
    int64_t ts_ms = ev->at_s * 1000 + r->ms, user_id = show ? id_of(r, ev) : 0;
    char *p = cursor_room(cursor, &out->topic[SIMULATE_STREAM].bytes, r->line_max);
    p = put_fragment(p, r, &r->song[0][song]);
    p = put_fragment(p, r, &r->state[0][ev->state]);
    p = put_fragment(p, r, &r->first[show ? who->first_name : r->no_first]);
    p = put_number(p, ev->item);
    p = put_fragment(p, r, &r->last[show ? who->last_name : r->no_last]);
    p = put_fragment(p, r, &r->song[1][song]);
    p = put_fragment(p, r, &r->state[1][ev->state]);
    p = put_fragment(p, r, &r->place[0][show ? who->place : r->no_place]);
    p = put_fragment(p, r, &r->state[2][ev->state]);
    if (show) {
        p = put_number(p, who->registered_s * 1000 + r->ms);
        p = PUT_TEXT(p, ".0");
    } else {
        p = PUT_TEXT(p, "null");
    }
    p = PUT_TEXT(p, ",\"sessionId\":");
    p = put_number(p, (int64_t)ev->session);
    p = put_fragment(p, r, &r->song[2][song]);
    p = put_fragment(p, r, &r->state[3][ev->state]);
    p = put_number(p, ts_ms);
    p = put_fragment(p, r, &r->agent[show ? who->agent : r->no_agent]);
    p = PUT_TEXT(p, ",\"userId\":\"");
    if (show) p = put_number(p, user_id);
    *p++ = '"';
    if (show) p = put_fragment(p, r, &r->tag);
    end_line(out, SIMULATE_STREAM, cursor, PUT_TEXT(p, "}\n"), ts_ms, user_id);
}

/* In big worlds the user of an event, and the text of his place, are far from the last one's: they are fetched ahead. */
static inline void fetch_ahead(const struct render *r, const struct render_event *events, size_t i, size_t count)
{
    enum { PERSON = 8, TEXT = 3, LINE = 64 };
    if (i + PERSON < count) __builtin_prefetch(&r->persons[events[i + PERSON].user]);
    if (i + TEXT >= count) return;
    const struct render_event *next = &events[i + TEXT];
    const char *place = r->text.ptr + r->place[0][r->persons[next->user].place].at;
    __builtin_prefetch(place);
    __builtin_prefetch(place + LINE);
    if (r->config->states[next->state].next_song) __builtin_prefetch(r->text.ptr + r->song[0][next->song].at);
}

void render_events(const struct render *r, const struct render_event *events, size_t count, struct render_out *out)
{
    struct cursor cursor[SIMULATE_TOPICS];
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        struct buf *b = &out->topic[t].bytes;
        out->topic[t].lines = 0;
        buf_clear(b);
        buf_reserve(b, r->line_max);
        cursor_open(&cursor[t], b);
    }
    for (size_t i = 0; i < count; i++) {
        fetch_ahead(r, events, i, count);
        if (r->dialect == SIMULATE_INTERANA)
            put_interana(r, &events[i], &cursor[SIMULATE_STREAM], out);
        else
            put_eventsim(r, &events[i], cursor, out);
    }
    for (int t = 0; t < SIMULATE_TOPICS; t++) out->topic[t].bytes.len = (size_t)(cursor[t].p - out->topic[t].bytes.ptr);
}

void render_out_reset(struct render_out *out)
{
    for (int t = 0; t < SIMULATE_TOPICS; t++) {
        buf_reset(&out->topic[t].bytes);
        mem_free(out->topic[t].line_end);
        mem_free(out->topic[t].ts_ms);
        mem_free(out->topic[t].user_id);
    }
    *out = (struct render_out){0};
}
