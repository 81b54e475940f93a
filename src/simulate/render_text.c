#include "simulate/javanum.h"
#include "simulate/render_table.h"

/* One character into a JSON string. */
static void add_char(struct buf *b, uint32_t c, enum simulate_dialect dialect)
{
    static const char SHORT[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    bool interana = dialect == SIMULATE_INTERANA;
    const char *format = interana ? "\\u%04x" : "\\u%04X";
    if (c == '"' || c == '\\' || (c == '/' && interana)) {
        buf_printf(b, "\\%c", (int)c);
    } else if (c < 32 && SHORT[c]) {
        buf_printf(b, "\\%c", SHORT[c]);
    } else if (c > 0xffff) {
        buf_printf(b, format, 0xd800 + ((c - 0x10000) >> 10));
        buf_printf(b, format, 0xdc00 + (c & 0x3ff));
    } else if (c < 32 || (c > 126 && interana)) {
        buf_printf(b, format, c);
    } else {
        char out[4];
        buf_add(b, out, utf8_encode(c, out));
    }
}

static void add_latin1(struct buf *b, struct view v, enum simulate_dialect dialect)
{
    size_t plain = 0; /* what lies between here and i goes as it is */
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.ptr[i];
        if (c >= ' ' && c < 127 && c != '"' && c != '\\' && c != '/') continue;
        buf_add(b, v.ptr + plain, i - plain);
        add_char(b, c, dialect);
        plain = i + 1;
    }
    buf_add(b, v.ptr + plain, v.len - plain);
}

static void add_utf8(struct buf *b, const char *s, enum simulate_dialect dialect)
{
    for (size_t len; *s; s += len) add_char(b, utf8_decode(s, &len), dialect);
}

/* ,"name":"text" in ISO-8859-1 */
static void add_field(struct buf *b, const char *before, struct view v, enum simulate_dialect dialect)
{
    buf_str(b, before);
    buf_char(b, '"');
    add_latin1(b, v, dialect);
    buf_char(b, '"');
}

static void add_name(struct buf *b, const char *before, const char *text, enum simulate_dialect dialect)
{
    buf_str(b, before);
    buf_char(b, '"');
    add_utf8(b, text, dialect);
    buf_char(b, '"');
}

/* What was added since `from` as a fragment; *longest grows with it. */
static struct fragment since(const struct render *r, size_t from, size_t *longest)
{
    struct fragment f = {(uint32_t)from, (uint32_t)(r->text.len - from)};
    if (f.len > *longest) *longest = f.len;
    return f;
}

static void build_songs(struct render *r, const struct catalog *c, size_t longest[3])
{
    struct buf *b = &r->text;
    size_t n = c->count[CATALOG_SONGS];
    bool interana = r->dialect == SIMULATE_INTERANA;
    char number[JAVANUM_SIZE];
    r->no_song = (uint32_t)n;
    for (int k = 0; k < 3; k++) r->song[k] = mem_zalloc((n + 1) * sizeof **r->song);
    for (size_t i = 0; i < n; i++) {
        const struct catalog_song *s = &c->songs[i];
        size_t from = b->len;
        add_field(b, interana ? "{\"artist\":" : "\"artist\":", s->artist, r->dialect);
        if (interana) {
            r->song[0][i] = since(r, from, &longest[0]), from = b->len;
            buf_printf(b, ",\"length\":%s", javanum_float(s->duration_s, number));
            r->song[1][i] = since(r, from, &longest[1]), from = b->len;
            add_field(b, ",\"song\":", s->song, r->dialect);
            r->song[2][i] = since(r, from, &longest[2]);
        } else {
            add_field(b, ",\"song\":", s->song, r->dialect);
            buf_str(b, ",\"duration\":");
            buf_str(b, javanum_float(s->duration_s, number));
            r->song[0][i] = since(r, from, &longest[0]);
        }
    }
    static const char *const NONE[3] = {"{\"artist\":null", ",\"length\":null", ",\"song\":null"};
    for (int k = 0; k < 3 && interana; k++) {
        size_t from = b->len;
        buf_str(b, NONE[k]);
        r->song[k][n] = since(r, from, &longest[k]);
    }
}

static void build_places(struct render *r, const struct catalog *c, size_t longest[2])
{
    struct buf *b = &r->text;
    size_t n = c->count[CATALOG_PLACES], from;
    char number[JAVANUM_SIZE];
    r->no_place = (uint32_t)n;
    for (int k = 0; k < 2; k++) r->place[k] = mem_zalloc((n + 1) * sizeof **r->place);
    for (size_t i = 0; i < n; i++) {
        const struct catalog_place *p = &c->places[i];
        from = b->len;
        if (r->dialect == SIMULATE_INTERANA) {
            buf_str(b, ",\"location\":\"");
            add_latin1(b, p->city, r->dialect);
            buf_str(b, ", ");
            add_latin1(b, p->state, r->dialect);
            buf_char(b, '"');
            r->place[0][i] = since(r, from, &longest[0]);
            continue;
        }
        add_field(b, ",\"city\":", p->city, r->dialect);
        add_field(b, ",\"zip\":", p->zip, r->dialect);
        add_field(b, ",\"state\":", p->state, r->dialect);
        r->place[0][i] = since(r, from, &longest[0]), from = b->len;
        buf_str(b, ",\"lon\":");
        buf_str(b, javanum_double(p->lon, number));
        buf_str(b, ",\"lat\":");
        buf_str(b, javanum_double(p->lat, number));
        r->place[1][i] = since(r, from, &longest[1]);
    }
    from = b->len;
    buf_str(b, ",\"location\":null");
    r->place[0][n] = since(r, from, &longest[0]);
}

static void build_people(struct render *r, const struct catalog *c, size_t longest[3])
{
    struct buf *b = &r->text;
    bool interana = r->dialect == SIMULATE_INTERANA;
    const char *behind = interana ? ",\"itemInSession\":" : "";
    size_t first = c->count[CATALOG_FIRST_NAMES], last = c->count[CATALOG_LAST_NAMES], agents = c->count[CATALOG_AGENTS], from;
    r->no_first = (uint32_t)first, r->no_last = (uint32_t)last, r->no_agent = (uint32_t)agents;
    r->first = mem_array(first + 1, sizeof *r->first);
    r->last = mem_array(last + 1, sizeof *r->last);
    r->agent = mem_array(agents + 1, sizeof *r->agent);
    for (size_t i = 0; i < first; i++) {
        from = b->len;
        add_field(b, ",\"firstName\":", c->first_names[i].name, r->dialect);
        add_field(b, ",\"gender\":", c->first_names[i].gender, r->dialect);
        buf_str(b, behind);
        r->first[i] = since(r, from, &longest[0]);
    }
    from = b->len;
    buf_printf(b, ",\"firstName\":null,\"gender\":null%s", behind);
    r->first[first] = since(r, from, &longest[0]);
    for (size_t i = 0; i < last; i++) {
        from = b->len;
        add_field(b, ",\"lastName\":", c->last_names[i].name, r->dialect);
        r->last[i] = since(r, from, &longest[1]);
    }
    from = b->len;
    buf_str(b, ",\"lastName\":null");
    r->last[last] = since(r, from, &longest[1]);
    for (size_t i = 0; i < agents; i++) {
        from = b->len;
        add_field(b, ",\"userAgent\":", c->agents[i].name, r->dialect);
        r->agent[i] = since(r, from, &longest[2]);
    }
    from = b->len;
    buf_str(b, ",\"userAgent\":null");
    r->agent[agents] = since(r, from, &longest[2]);
}

static void build_state(struct render *r, uint32_t i, size_t longest[RENDER_STATE_PARTS])
{
    const struct config_state *s = &r->config->states[i];
    const char *auth = r->config->names[s->auth], *level = r->config->names[s->level];
    struct buf *b = &r->text;
    size_t from = b->len;
    if (r->dialect == SIMULATE_INTERANA) {
        add_name(b, ",\"auth\":", auth, r->dialect);
        r->state[0][i] = since(r, from, &longest[0]), from = b->len;
        add_name(b, ",\"level\":", level, r->dialect);
        r->state[1][i] = since(r, from, &longest[1]), from = b->len;
        add_name(b, ",\"method\":", s->method, r->dialect);
        add_name(b, ",\"page\":", s->page, r->dialect);
        buf_str(b, ",\"registration\":");
        r->state[2][i] = since(r, from, &longest[2]), from = b->len;
        buf_printf(b, ",\"status\":%d,\"ts\":", s->status);
        r->state[3][i] = since(r, from, &longest[3]);
        return;
    }
    add_name(b, ",\"auth\":", auth, r->dialect);
    add_name(b, ",\"level\":", level, r->dialect);
    buf_str(b, ",\"itemInSession\":");
    r->state[0][i] = since(r, from, &longest[0]), from = b->len;
    add_name(b, ",\"page\":", s->page, r->dialect);
    add_name(b, ",\"auth\":", auth, r->dialect);
    add_name(b, ",\"method\":", s->method, r->dialect);
    buf_printf(b, ",\"status\":%d", s->status);
    add_name(b, ",\"level\":", level, r->dialect);
    buf_str(b, ",\"itemInSession\":");
    r->state[1][i] = since(r, from, &longest[1]), from = b->len;
    add_name(b, ",\"level\":", level, r->dialect);
    buf_str(b, ",\"itemInSession\":");
    r->state[2][i] = since(r, from, &longest[2]);
}

void render_build(struct render *r, const struct catalog *catalog, const char *tag)
{
    size_t longest[16] = {0}, from;
    memset(buf_reserve(&r->text, RENDER_SLACK), 0, RENDER_SLACK);
    r->text.len = RENDER_SLACK;
    build_songs(r, catalog, longest);
    build_places(r, catalog, longest + 3);
    build_people(r, catalog, longest + 5);
    for (int k = 0; k < RENDER_STATE_PARTS; k++) r->state[k] = mem_zalloc((r->config->states_count + 1) * sizeof **r->state);
    for (uint32_t i = 0; i < r->config->states_count; i++) build_state(r, i, longest + 8);
    from = r->text.len;
    if (tag) add_name(&r->text, ",\"tag\":", tag, r->dialect);
    r->tag = since(r, from, &longest[12]);
    memset(buf_reserve(&r->text, RENDER_SLACK), 0, RENDER_SLACK);
    enum { NUMBERS_AND_KEYS = 512 };
    r->line_max = NUMBERS_AND_KEYS;
    for (int k = 0; k < 16; k++) r->line_max += longest[k];
}
