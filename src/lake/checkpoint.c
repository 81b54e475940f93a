#include "lake/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static const char first_line[] = "lakefm checkpoint 1\n";

void checkpoint_path(struct buf *out, uint64_t number)
{
    buf_printf(out, CHECKPOINT_FOLDER "/%020llu.ckpt", (unsigned long long)number);
}

/* ---- writing ---- */

static void put_text(struct buf *b, const char *s)
{
    buf_char(b, '\t');
    for (size_t n; *s; s += n) {
        n = strcspn(s, "\\\t\n");
        buf_add(b, s, n);
        if (!s[n]) break;
        buf_char(b, '\\');
        buf_char(b, s[n] == '\t' ? 't' : s[n] == '\n' ? 'n' : '\\');
        n++;
    }
}

static void put_number(struct buf *b, int64_t v)
{
    buf_char(b, '\t');
    buf_i64(b, v);
}

static void put_hash(struct buf *b, struct hash128 h)
{
    char hex[HASH_HEX_SIZE];
    buf_char(b, '\t');
    buf_add(b, hash_hex(h, hex), HASH_HEX_LEN);
}

static void put_bits(struct buf *b, char tag, const struct bits *bits)
{
    buf_char(b, tag);
    buf_char(b, '\t');
    for (size_t i = 0; i < bits->words; i++) buf_printf(b, "%016llx", (unsigned long long)bits->word[i]);
    buf_char(b, '\n');
}

static void put_file(struct buf *b, const struct lake_file *f)
{
    buf_char(b, 'F');
    put_number(b, f->layer);
    put_text(b, f->table);
    put_text(b, f->topic);
    put_text(b, f->path);
    put_number(b, f->date);
    put_number(b, f->min_date);
    put_number(b, f->max_date);
    put_number(b, f->bytes);
    put_number(b, f->rows);
    put_hash(b, f->hash);
    put_number(b, (int64_t)f->commit);
    put_number(b, (int64_t)f->min_batch);
    put_number(b, (int64_t)f->max_batch);
    buf_char(b, '\n');
}

static void put_source(struct buf *b, const struct source_state *x)
{
    const struct lake_source *s = &x->sum;
    buf_char(b, 'S');
    put_text(b, s->source);
    put_text(b, s->topic);
    put_number(b, s->partition);
    put_text(b, s->id);
    put_text(b, s->name);
    put_number(b, s->first);
    put_number(b, s->next);
    put_hash(b, s->hash);
    put_number(b, s->records);
    put_number(b, s->rows);
    put_number(b, s->blank);
    put_number(b, s->lost);
    put_number(b, (int64_t)x->commit);
    buf_char(b, '\n');
}

static void put_count(struct buf *b, const struct lake_count *c)
{
    const int64_t v[] = {c->read,  c->rows,   c->derived, c->blank,  c->duplicates, c->conflicts,
                         c->drift, c->future, c->late,    c->min_ts, c->max_ts};
    buf_char(b, 'C');
    put_text(b, c->topic);
    put_text(b, c->table);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) put_number(b, v[i]);
    buf_char(b, '\n');
    for (size_t i = 0; i < c->reason_count; i++) {
        buf_char(b, 'Q');
        put_text(b, c->reasons[i].name);
        put_number(b, c->reasons[i].rows);
        buf_char(b, '\n');
    }
}

void checkpoint_write(const struct lake_state *s, struct buf *out)
{
    size_t from = out->len;
    buf_str(out, first_line);
    buf_char(out, 'H');
    put_hash(out, s->lake);
    put_number(out, (int64_t)s->number);
    put_hash(out, s->hash);
    put_number(out, (int64_t)s->epoch);
    put_number(out, s->time_ms);
    buf_char(out, '\n');
    if (s->build) {
        buf_char(out, 'G');
        put_number(out, (int64_t)s->build_number);
        put_text(out, s->build);
        buf_char(out, '\n');
    }
    put_bits(out, 'B', &s->bronze);
    put_bits(out, 'R', &s->refined);
    MAP_EACH (&s->tables, item) {
        const struct lake_table *t = &((struct table_state *)item)->sum;
        buf_char(out, 'T');
        put_number(out, t->layer);
        put_text(out, t->table);
        put_number(out, (int64_t)t->changed);
        put_number(out, (int64_t)t->files_changed);
        put_number(out, t->watermark_ms);
        buf_char(out, '\n');
    }
    MAP_EACH (&s->files, item) put_file(out, &((struct live_file *)item)->file);
    MAP_EACH (&s->sources, item) put_source(out, (struct source_state *)item);
    MAP_EACH (&s->topics, item) {
        const struct topic_state *t = (struct topic_state *)item;
        const int64_t v[] = {t->delivered, t->rows, t->blank, t->lost, t->retired, t->voided};
        buf_char(out, 'O');
        put_text(out, item->key);
        for (size_t i = 0; i < sizeof v / sizeof *v; i++) put_number(out, v[i]);
        buf_char(out, '\n');
    }
    MAP_EACH (&s->counts, item) put_count(out, &((struct count_state *)item)->sum);
    struct hash128 sum = hash_128(out->ptr + from, out->len - from);
    buf_char(out, 'E');
    put_hash(out, sum);
    buf_char(out, '\n');
}

/* ---- reading: the checksum vouches for the shape, so a field that is missing only has to be survived ---- */

struct fields {
    char *at; /* at the tab before the next field, or at the line's end */
    bool bad;
};

static char *next(struct fields *f)
{
    if (*f->at != '\t') {
        f->bad = true;
        return f->at;
    }
    char *out = ++f->at;
    while (*f->at && *f->at != '\t') f->at++;
    return out;
}

/* The field ends where the next one begins: cut it there, but remember that there is a next one. */
static char *get_text(struct fields *f)
{
    char *out = next(f), *end = f->at, *to = out;
    bool more = *end == '\t';
    if (f->bad) return end;
    for (char *p = out; p < end; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
            *to++ = (char)(*p == 't' ? '\t' : *p == 'n' ? '\n' : *p);
        } else {
            *to++ = *p;
        }
    }
    if (to == end && more) { /* a full field: its tab becomes the terminator, and the next field starts one later */
        memmove(out - 1, out, (size_t)(end - out));
        out--;
        to--;
    }
    *to = '\0';
    return out;
}

static int64_t get_number(struct fields *f)
{
    char *p = next(f);
    bool minus = *p == '-';
    uint64_t v = 0;
    for (p += minus; *p >= '0' && *p <= '9'; p++) v = v * 10 + (uint64_t)(*p - '0');
    return minus ? (int64_t)(0 - v) : (int64_t)v;
}

static struct hash128 get_hash(struct fields *f)
{
    struct hash128 h = {0, 0};
    char hex[HASH_HEX_SIZE] = "", *p = next(f);
    if (f->at - p == HASH_HEX_LEN) memcpy(hex, p, HASH_HEX_LEN);
    if (!hash_from_hex(hex, &h)) f->bad = true;
    return h;
}

static void get_bits(struct fields *f, struct bits *bits)
{
    char *p = next(f);
    size_t words = (size_t)(f->at - p) / 16;
    bits->word = words ? mem_zalloc(words * sizeof *bits->word) : NULL;
    bits->words = words;
    for (size_t i = 0; i < words; i++) {
        char hex[17] = "";
        memcpy(hex, p + i * 16, 16);
        bits->word[i] = strtoull(hex, NULL, 16);
    }
}

static void get_file(struct fields *f, struct lake_state *s)
{
    struct lake_file x;
    int64_t layer = get_number(f);
    if (layer < 0 || layer >= LAKE_LAYERS) f->bad = true;
    x.layer = (enum lake_layer)layer;
    x.table = get_text(f);
    x.topic = get_text(f);
    x.path = get_text(f);
    x.date = get_number(f);
    x.min_date = get_number(f);
    x.max_date = get_number(f);
    x.bytes = get_number(f);
    x.rows = get_number(f);
    x.hash = get_hash(f);
    x.commit = (uint64_t)get_number(f);
    x.min_batch = (uint64_t)get_number(f);
    x.max_batch = (uint64_t)get_number(f);
    if (!f->bad && !state_file(s, x.path)) state_add_file(s, &x);
    else f->bad = true;
}

static void get_source(struct fields *f, struct lake_state *s)
{
    struct lake_source key = {0};
    bool made;
    key.source = get_text(f);
    key.topic = get_text(f);
    key.partition = (int32_t)get_number(f);
    key.id = get_text(f);
    key.name = get_text(f);
    if (f->bad) return;
    struct source_state *x = state_source(s, &key, &made);
    x->sum.first = get_number(f);
    x->sum.next = get_number(f);
    x->sum.hash = get_hash(f);
    x->sum.records = get_number(f);
    x->sum.rows = get_number(f);
    x->sum.blank = get_number(f);
    x->sum.lost = get_number(f);
    x->commit = (uint64_t)get_number(f);
}

static void get_table(struct fields *f, struct lake_state *s)
{
    int64_t layer = get_number(f);
    char *name = get_text(f);
    if (f->bad || layer < 0 || layer >= LAKE_LAYERS) {
        f->bad = true;
        return;
    }
    struct lake_table *t = &state_table(s, (enum lake_layer)layer, name)->sum;
    t->changed = (uint64_t)get_number(f);
    t->files_changed = (uint64_t)get_number(f);
    t->watermark_ms = get_number(f);
}

static struct count_state *get_count(struct fields *f, struct lake_state *s)
{
    char *topic = get_text(f), *table = get_text(f);
    if (f->bad) return NULL;
    struct count_state *c = state_count(s, topic, table);
    int64_t *const to[] = {&c->sum.read,  &c->sum.rows,   &c->sum.derived, &c->sum.blank,  &c->sum.duplicates, &c->sum.conflicts,
                           &c->sum.drift, &c->sum.future, &c->sum.late,    &c->sum.min_ts, &c->sum.max_ts};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) *to[i] = get_number(f);
    return c;
}

static void get_topic(struct fields *f, struct lake_state *s)
{
    char *name = get_text(f);
    if (f->bad) return;
    struct topic_state *t = state_topic(s, name);
    int64_t *const to[] = {&t->delivered, &t->rows, &t->blank, &t->lost, &t->retired, &t->voided};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) *to[i] = get_number(f);
}

static void get_head(struct fields *f, struct lake_state *s)
{
    s->lake = get_hash(f);
    s->number = (uint64_t)get_number(f);
    s->hash = get_hash(f);
    s->epoch = (uint64_t)get_number(f);
    s->time_ms = get_number(f);
    s->begun = !f->bad;
}

static void get_line(char tag, struct fields *f, struct lake_state *s, struct count_state **count)
{
    switch (tag) {
    case 'H': get_head(f, s); break;
    case 'G':
        s->build_number = (uint64_t)get_number(f);
        mem_free(s->build);
        s->build = mem_strdup(get_text(f));
        break;
    case 'B': get_bits(f, &s->bronze); break;
    case 'R': get_bits(f, &s->refined); break;
    case 'T': get_table(f, s); break;
    case 'F': get_file(f, s); break;
    case 'S': get_source(f, s); break;
    case 'O': get_topic(f, s); break;
    case 'C': *count = get_count(f, s); break;
    case 'Q': {
        char *name = get_text(f);
        int64_t rows = get_number(f);
        if (*count && !f->bad) state_count_reason(*count, name, rows);
        else f->bad = true;
        break;
    }
    default: f->bad = true;
    }
}

enum { TAIL = 2 + HASH_HEX_LEN + 1 }; /* E \t hash \n */

enum err checkpoint_parse(char *text, size_t len, struct lake_state *s, struct error *e)
{
    char hex[HASH_HEX_SIZE];
    struct count_state *count = NULL;
    const size_t head = sizeof first_line - 1;
    memset(s, 0, sizeof *s);
    if (len < head + TAIL || memcmp(text, first_line, head)) return err_set(e, ERR_CORRUPT, "it is cut or of another version");
    char *end = text + len - TAIL;
    hash_hex(hash_128(text, len - TAIL), hex);
    if (end[0] != 'E' || end[1] != '\t' || memcmp(end + 2, hex, HASH_HEX_LEN) || end[TAIL - 1] != '\n')
        return err_set(e, ERR_CORRUPT, "its checksum does not match");
    struct fields f = {0};
    for (char *line = text + head, *stop; line < end && !f.bad; line = stop + 1) {
        stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop || stop == line) {
            f.bad = true;
            break;
        }
        *stop = '\0';
        f.at = line + 1;
        get_line(*line, &f, s, &count);
    }
    if (!f.bad && s->begun) return ERR_OK;
    state_reset(s);
    return err_set(e, ERR_CORRUPT, "it holds a line that makes no sense");
}
