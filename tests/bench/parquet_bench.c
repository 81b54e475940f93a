/* How fast the Parquet writer is: listen events as the decoder hands them over (chunks of 8,192 rows, codes into one
 * large dictionary per column), 4 M rows by default, to one file per date. Prints CPU seconds of encoding and of
 * writing.
 *
 *   cc -O2 -std=gnu11 -D_GNU_SOURCE -Isrc -o /tmp/parquet_bench tests/bench/parquet_bench.c build/liblakefm.a \
 *      -lzstd -lxxhash -ldeflate -lz -lpthread -lm && /tmp/parquet_bench DIR [rows] [level] [portable|columns]
 *
 * "columns" measures each column by itself.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "parquet/parquet.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CHUNK = 8192, GROUP_CHUNKS = 32, USERS = 22000, SONGS = 10000, ACTIVE = 3000, PLACES = 6000, AGENTS = 40 };
enum {
    TS,
    EVENT_TIME,
    USER,
    SESSION,
    ITEM,
    SONG,
    ARTIST,
    DURATION,
    LEVEL,
    AUTH,
    ZIP,
    CITY,
    STATE,
    AGENT,
    YEAR,
    MONTH,
    DAY,
    HOUR,
    BATCH,
    COLUMNS
};

static const struct parquet_column schema[COLUMNS] = {
    [TS] = {"ts", PARQUET_INT64, .required = true},
    [EVENT_TIME] = {"event_time", PARQUET_TIMESTAMP_MS, .required = true},
    [USER] = {"userId", PARQUET_INT64, .bloom = true},
    [SESSION] = {"sessionId", PARQUET_INT64, .required = true, .bloom = true},
    [ITEM] = {"itemInSession", PARQUET_UINT32, .required = true},
    [SONG] = {"song", PARQUET_STRING},
    [ARTIST] = {"artist", PARQUET_STRING},
    [DURATION] = {"duration", PARQUET_DOUBLE},
    [LEVEL] = {"level", PARQUET_STRING},
    [AUTH] = {"auth", PARQUET_STRING},
    [ZIP] = {"zip", PARQUET_STRING},
    [CITY] = {"city", PARQUET_STRING},
    [STATE] = {"state", PARQUET_STRING},
    [AGENT] = {"userAgent", PARQUET_STRING},
    [YEAR] = {"year", PARQUET_UINT16, .required = true},
    [MONTH] = {"month", PARQUET_UINT8, .required = true},
    [DAY] = {"day", PARQUET_UINT8, .required = true},
    [HOUR] = {"hour", PARQUET_UINT8, .required = true},
    [BATCH] = {"batch", PARQUET_INT64, .required = true},
};

struct data {
    uint32_t rows;
    int64_t *ts, *session;
    uint32_t *item, *user, *song, *artist, *level, *auth, *zip, *city, *state, *agent;
    uint8_t *hour;
    struct parquet_dict users, songs, artists, durations, levels, auths, zips, cities, states, agents;
};

static uint64_t seed = 1;
static uint32_t below(uint32_t n)
{
    uint64_t z = seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static struct view words(unsigned syllables)
{
    static const char *const syllable[] = {"la", "ro", "mi", "ster",  "the ",     "a",   "ng",  "love ",
                                           "o",  "ne", "ba", "tion ", "qui",      "El ", "you", "ve",
                                           "ta", "k",  "Re", "shi",   "\xC3\xA9", "s "};
    struct buf b = {0};
    for (unsigned i = 0; i < syllables; i++) buf_str(&b, syllable[below(sizeof syllable / sizeof *syllable)]);
    size_t len = b.len;
    return view_from(buf_take(&b), len);
}

static struct parquet_dict texts(uint32_t count, unsigned syllables)
{
    struct view *t = mem_array(count + 1, sizeof *t);
    t[0] = view_of("");
    for (uint32_t i = 1; i <= count; i++) t[i] = words(syllables / 2 + below(syllables));
    return (struct parquet_dict){.count = count + 1, .texts = t};
}

static void make_dictionaries(struct data *d)
{
    int64_t *ids = mem_array(USERS + 1, sizeof *ids);
    double *seconds = mem_array(SONGS + 1, sizeof *seconds);
    for (uint32_t i = 1; i <= USERS; i++) ids[i] = 1 + (int64_t)below(1000000);
    for (uint32_t i = 1; i <= SONGS; i++) seconds[i] = 60 + below(30000000) / 1e5;
    d->users = (struct parquet_dict){.count = USERS + 1, .integers = ids};
    d->durations = (struct parquet_dict){.count = SONGS + 1, .reals = seconds};
    d->songs = texts(SONGS, 7);
    d->artists = texts(SONGS / 3, 5);
    d->levels = texts(2, 2);
    d->auths = texts(1, 3);
    d->zips = texts(PLACES, 3);
    d->cities = texts(PLACES / 2, 4);
    d->states = texts(50, 2);
    d->agents = texts(AGENTS, 40);
}

struct session {
    int64_t id;
    uint32_t user, item;
};

static void make_rows(struct data *d)
{
    uint32_t **columns[] = {&d->item, &d->user, &d->song, &d->artist, &d->level,
                            &d->auth, &d->zip,  &d->city, &d->state,  &d->agent};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) *columns[i] = mem_array(d->rows, 4);
    d->ts = mem_array(d->rows, 8);
    d->session = mem_array(d->rows, 8);
    d->hour = mem_alloc(d->rows);
    static struct session active[ACTIVE];
    int64_t next = 1, ts = 1762000000000;
    for (int i = 0; i < ACTIVE; i++) active[i] = (struct session){next++, 1 + below(USERS), below(60)};
    for (uint32_t i = 0; i < d->rows; i++) {
        struct session *s = active + below(ACTIVE);
        if (!below(25)) *s = (struct session){next++, 1 + below(USERS), 0};
        ts += below(475);
        d->ts[i] = ts;
        d->session[i] = s->id;
        d->item[i] = s->item++;
        d->user[i] = below(1000) ? s->user : 0;
        double u = (below(1 << 20) + 1) / (double)(1 << 20);
        d->song[i] = 1 + (uint32_t)((SONGS - 1) * u * u * u);
        d->artist[i] = 1 + d->song[i] % (SONGS / 3);
        d->level[i] = d->user[i] ? 1 + (s->user % 5 > 0) : 0;
        d->auth[i] = 1;
        uint32_t place = d->user[i] ? 1 + s->user % PLACES : 0;
        d->zip[i] = place;
        d->city[i] = place ? 1 + place % (PLACES / 2) : 0;
        d->state[i] = place ? 1 + place % 50 : 0;
        d->agent[i] = d->user[i] ? 1 + s->user % AGENTS : 0;
        d->hour[i] = (uint8_t)(ts / 3600000 % 24);
    }
}

/* ---- one row group */

struct pointers {
    const void *chunk[COLUMNS][GROUP_CHUNKS];
    uint32_t rows[GROUP_CHUNKS];
    struct parquet_input input[COLUMNS];
};

static void point(struct pointers *p, int column, const void *base, size_t bytes, uint32_t from, size_t chunks)
{
    for (size_t k = 0; k < chunks; k++) p->chunk[column][k] = (const char *)base + (from + k * CHUNK) * bytes;
    p->input[column] = (struct parquet_input){.form = PARQUET_CELLS, .cells = p->chunk[column]};
}

static void point_codes(struct pointers *p, int column, const uint32_t *codes, const struct parquet_dict *dict,
                        uint32_t from, size_t chunks)
{
    point(p, column, codes, sizeof *codes, from, chunks);
    p->input[column].form = PARQUET_CODES;
    p->input[column].dict = dict;
}

static void constant(struct pointers *p, int column, int64_t v)
{
    p->input[column] = (struct parquet_input){.form = PARQUET_CONSTANT, .integer = v};
}

static size_t row_group(struct pointers *p, const struct data *d, uint32_t from, uint32_t rows)
{
    size_t chunks = 0;
    for (uint32_t left = rows; left; left -= p->rows[chunks++]) p->rows[chunks] = left < CHUNK ? left : CHUNK;
    point(p, TS, d->ts, 8, from, chunks);
    point(p, EVENT_TIME, d->ts, 8, from, chunks);
    point(p, SESSION, d->session, 8, from, chunks);
    point(p, ITEM, d->item, 4, from, chunks);
    point(p, HOUR, d->hour, 1, from, chunks);
    p->input[HOUR].cell_bytes = 1;
    point_codes(p, USER, d->user, &d->users, from, chunks);
    point_codes(p, SONG, d->song, &d->songs, from, chunks);
    point_codes(p, ARTIST, d->artist, &d->artists, from, chunks);
    point_codes(p, DURATION, d->song, &d->durations, from, chunks);
    point_codes(p, LEVEL, d->level, &d->levels, from, chunks);
    point_codes(p, AUTH, d->auth, &d->auths, from, chunks);
    point_codes(p, ZIP, d->zip, &d->zips, from, chunks);
    point_codes(p, CITY, d->city, &d->cities, from, chunks);
    point_codes(p, STATE, d->state, &d->states, from, chunks);
    point_codes(p, AGENT, d->agent, &d->agents, from, chunks);
    constant(p, YEAR, 2025);
    constant(p, MONTH, 11);
    constant(p, DAY, 1);
    constant(p, BATCH, 42);
    return chunks;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct times {
    double encode, write;
    uint64_t bytes;
};

#define CHECK(expr)                                                                                                    \
    do {                                                                                                               \
        if ((expr) == ERR_OK) break;                                                                                   \
        char text[1600];                                                                                               \
        fprintf(stderr, "%s\n", err_format(&e, text, sizeof text));                                                    \
        exit(1);                                                                                                       \
    } while (0)

/* All rows, columns [first, first + count), a file for each date of 364,000 rows. */
static struct times run(const struct data *d, struct parquet_encoder *en, const char *dir, int level, int first,
                        int count)
{
    enum { DATE_ROWS = 364000, GROUP = CHUNK * GROUP_CHUNKS };
    struct times t = {0};
    struct error e;
    struct parquet_summary s;
    struct pointers p;
    for (uint32_t day = 0, number = 0; day < d->rows; day += DATE_ROWS, number++) {
        uint32_t rows = d->rows - day < DATE_ROWS ? d->rows - day : DATE_ROWS;
        char *path = mem_printf("%s/part-%u.parquet", dir, number);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        struct parquet_file *f;
        CHECK(parquet_file_new(schema + first, (size_t)count, &(struct parquet_options){.level = level}, fd, path, &f,
                               &e));
        for (uint32_t at = 0; at < rows; at += GROUP) {
            size_t chunks = row_group(&p, d, day + at, rows - at < GROUP ? rows - at : GROUP);
            double start = cpu_seconds();
            CHECK(parquet_encode(en, f, &(struct parquet_rows){p.rows, chunks, p.input + first}, &e));
            double middle = cpu_seconds();
            CHECK(parquet_file_append(f, en, &e));
            t.encode += middle - start;
            t.write += cpu_seconds() - middle;
        }
        CHECK(parquet_file_finish(f, &s, &e));
        t.bytes += s.bytes;
        parquet_file_free(&f);
        close(fd);
        mem_free(path);
    }
    return t;
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: parquet_bench DIR [rows] [level] [portable|columns]\n"), 2;
    struct data d = {.rows = argc > 2 ? (uint32_t)atoi(argv[2]) : 4000000};
    int level = argc > 3 ? atoi(argv[3]) : 1;
    const char *mode = argc > 4 ? argv[4] : "";
    make_dictionaries(&d);
    make_rows(&d);
    struct parquet_encoder *en = parquet_encoder_new();
    parquet_encoder_set_portable(en, view_is(view_of(mode), "portable"));
    for (int i = 0; i < 5; i++) {
        struct times t = run(&d, en, argv[1], level, 0, COLUMNS);
        printf("%u rows x %d columns: encode %.3f CPU s, write %.3f, %.1f MB\n", d.rows, COLUMNS, t.encode, t.write,
               (double)t.bytes / 1e6);
    }
    for (int c = 0; c < COLUMNS && view_is(view_of(mode), "columns"); c++) {
        struct times t = run(&d, en, argv[1], level, c, 1);
        printf("%-14s encode %.4f, write %.4f, %.2f MB\n", schema[c].name, t.encode, t.write, (double)t.bytes / 1e6);
    }
    parquet_encoder_free(&en);
    return 0;
}
