#include "simulate/catalog.h"

#include "base/asset.h"
#include "base/gzip.h"
#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COLUMNS_MAX = 6 };
enum { ROWS_MAX = 1 << 24, CELL_MAX = 4096 };

static const struct table_shape {
    const char *asset, *header;
    int columns, weight;
} SHAPES[CATALOG_TABLES] = {
    {"src/simulate/data/songs.tsv.gz", "track_id\tcount\tartist\tsong\tduration", 5, 1},
    {"src/simulate/data/us_places.tsv.gz", "zip\tcity\tstate\tlat\tlon\tpopulation", 6, 5},
    {"src/simulate/data/first_names.tsv.gz", "name\tgender\tweight", 3, 2},
    {"src/simulate/data/last_names.tsv.gz", "name\tweight", 2, 1},
    {"src/simulate/data/user_agents.tsv.gz", "agent\tweight", 2, 1},
};

/* A descriptor to read the built-in file from, so that files and assets go the same way. */
static enum err open_asset(const char *name, int *fd, struct error *e)
{
    const struct asset *a = asset_find(name);
    if (!a) return err_set(e, ERR_INTERNAL, "%s is not in the program", name);
    *fd = memfd_create(name, MFD_CLOEXEC);
    if (*fd < 0) return err_sys(e, errno, "cannot make a memory file");
    enum err rc = io_write_all(*fd, a->data.ptr, a->data.len, name, e);
    if (!rc && lseek(*fd, 0, SEEK_SET) < 0) rc = err_sys(e, errno, "cannot rewind %s", name);
    if (rc) close(*fd);
    return rc;
}

static enum err read_all(const char *path, const char *asset, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct gzip_stream *in = NULL;
    int fd = -1;
    size_t got = 0;
    if (path && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) return err_sys(e, errno, "cannot open %s", path);
    if (!path) TRY(open_asset(asset, &fd, e));
    TRY(gzip_stream_open(fd, path ? path : asset, &in, e));
    do {
        enum { STEP = 1 << 20 };
        TRY(gzip_stream_read(in, buf_reserve(out, STEP), STEP - 1, &got, e));
        out->len += got;
    } while (got);
    if (out->ptr) out->ptr[out->len] = '\0';
done:
    gzip_stream_free(&in);
    return rc;
}

static double cell_number(struct view v, bool *ok)
{
    char text[64];
    if (!v.len || v.len >= sizeof text) {
        *ok = false;
        return 0;
    }
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    char *end;
    double d = strtod(text, &end);
    if (*end || !isfinite(d)) *ok = false;
    return d;
}

static float cell_float(struct view v, bool *ok)
{
    char text[64] = "180";
    cell_number(v.len ? v : view_of(text), ok);
    if (*ok && v.len) memcpy(text, v.ptr, v.len), text[v.len] = '\0';
    return strtof(text, NULL); /* not by way of double: that would round twice */
}

static void add_row(struct catalog *c, enum catalog_table t, size_t row, const struct view *cell, bool *ok)
{
    switch (t) {
    case CATALOG_SONGS: c->songs[row] = (struct catalog_song){cell[2], cell[3], cell_float(cell[4], ok)}; break;
    case CATALOG_PLACES:
        c->places[row] = (struct catalog_place){cell[0], cell[1], cell[2], cell_number(cell[3], ok), cell_number(cell[4], ok)};
        break;
    case CATALOG_FIRST_NAMES: c->first_names[row] = (struct catalog_name){cell[0], cell[1]}; break;
    case CATALOG_LAST_NAMES: c->last_names[row] = (struct catalog_name){cell[0], {0}}; break;
    default: c->agents[row] = (struct catalog_name){cell[0], {0}}; break;
    }
}

static void make_room(struct catalog *c, enum catalog_table t, size_t *cap, size_t need)
{
    switch (t) {
    case CATALOG_SONGS: mem_grow(&c->songs, cap, need, sizeof *c->songs); break;
    case CATALOG_PLACES: mem_grow(&c->places, cap, need, sizeof *c->places); break;
    case CATALOG_FIRST_NAMES: mem_grow(&c->first_names, cap, need, sizeof *c->first_names); break;
    case CATALOG_LAST_NAMES: mem_grow(&c->last_names, cap, need, sizeof *c->last_names); break;
    default: mem_grow(&c->agents, cap, need, sizeof *c->agents); break;
    }
}

static enum err parse_line(struct catalog *c, enum catalog_table t, const char *p, const char *end, size_t *cap, struct error *e)
{
    const struct table_shape *s = &SHAPES[t];
    struct view cell[COLUMNS_MAX] = {{0}};
    int n = 0;
    for (const char *tab = p;; p = tab + 1) {
        tab = memchr(p, '\t', (size_t)(end - p));
        const char *stop = tab ? tab : end;
        if (n < COLUMNS_MAX) cell[n] = view_from(p, (size_t)(stop - p));
        if (stop - p > CELL_MAX) return err_set(e, ERR_INPUT, "a text of more than %d bytes", CELL_MAX);
        n++;
        if (!tab) break;
    }
    if (n != s->columns) return err_set(e, ERR_INPUT, "%d columns instead of %d", n, s->columns);
    size_t row = c->count[t];
    if (row == (t == CATALOG_SONGS || t == CATALOG_PLACES ? ROWS_MAX : UINT16_MAX))
        return err_set(e, ERR_INPUT, "more than %zu rows", row);
    make_room(c, t, cap, row + 1);
    bool ok = true;
    add_row(c, t, row, cell, &ok);
    double weight = cell_number(cell[s->weight], &ok);
    if (!ok || weight != (double)random_to_int(weight)) return err_set(e, ERR_INPUT, "a number is malformed");
    c->count[t]++;
    return pick_add(&c->pick[t], (uint32_t)row, (int32_t)weight, e);
}

static enum err load_table(struct catalog *c, enum catalog_table t, const char *path, struct error *e)
{
    const struct table_shape *s = &SHAPES[t];
    struct buf *text = &c->text[t];
    enum err rc = read_all(path, s->asset, text, e);
    if (rc) return rc;
    c->hash[t] = hash_128(text->ptr, text->len);
    const char *p = text->ptr, *end = text->ptr + text->len;
    size_t line = 1, cap = 0;
    for (; p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        if (line == 1) {
            if (!view_is(view_from(p, (size_t)(stop - p)), s->header)) {
                err_set(e, ERR_INPUT, "the first line must name the columns, tabs between them");
                rc = err_hint(e, "wanted: %s", s->header);
                break;
            }
        } else if ((rc = parse_line(c, t, p, stop, &cap, e))) {
            break;
        }
        p = stop + 1;
    }
    if (!rc && !c->pick[t].total) rc = err_set(e, ERR_INPUT, "no row with a weight");
    if (rc) return err_where(e, "%s:%zu", path ? path : s->asset, line);
    pick_seal(&c->pick[t]);
    return ERR_OK;
}

enum err catalog_load(const char *const paths[CATALOG_TABLES], struct catalog **out, struct error *e)
{
    struct catalog *c = mem_zalloc(sizeof *c);
    for (int t = 0; t < CATALOG_TABLES; t++) {
        enum err rc = load_table(c, (enum catalog_table)t, paths[t], e);
        if (rc) {
            catalog_free(&c);
            return rc;
        }
    }
    c->song_s = mem_array(c->count[CATALOG_SONGS], sizeof *c->song_s);
    for (size_t i = 0; i < c->count[CATALOG_SONGS]; i++) c->song_s[i] = random_to_int((double)c->songs[i].duration_s);
    *out = c;
    return ERR_OK;
}

void catalog_free(struct catalog **cp)
{
    struct catalog *c = *cp;
    *cp = NULL;
    if (!c) return;
    for (int t = 0; t < CATALOG_TABLES; t++) {
        buf_reset(&c->text[t]);
        pick_reset(&c->pick[t]);
    }
    mem_free(c->songs);
    mem_free(c->song_s);
    mem_free(c->places);
    mem_free(c->first_names);
    mem_free(c->last_names);
    mem_free(c->agents);
    mem_free(c);
}
