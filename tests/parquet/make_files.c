/* Writes the files that tests/parquet/readers.py reads back by other engines, and beside each NAME.parquet its rows as
 * NAME.ndjson (an array a row: integers, texts, booleans, null; times in ms, dates in days; doubles as the 16 hex
 * digits of their bits) and its columns as NAME.schema.json.
 *
 *   make_files DIR
 */
#include "base/io.h"
#include "base/mem.h"
#include "parquet/parquet.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct column {
    struct parquet_column schema;
    enum parquet_form form;
    int64_t *integer;
    double *real;
    struct view *text;
    uint8_t *valid;
};

struct table {
    const char *name;
    struct column column[64];
    size_t columns;
    uint32_t rows, group;
    struct parquet_options options;
};

static struct arena arena;
static uint64_t seed = 20261101;

static uint64_t rnd(void)
{
    uint64_t z = seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static uint32_t below(uint32_t n) { return (uint32_t)(rnd() % n); }

static void check(enum err rc, const struct error *e)
{
    char text[1600];
    if (rc == ERR_OK) return;
    fprintf(stderr, "%s\n", err_format(e, text, sizeof text));
    exit(1);
}

/* ---- rows → inputs */

static struct parquet_input cells_of(const struct column *c, uint32_t from, uint32_t n)
{
    enum parquet_type type = c->schema.type;
    char *cells = arena_alloc(&arena, (size_t)n * sizeof(struct view) + 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = from + i;
        if (type == PARQUET_STRING)
            ((struct view *)(void *)cells)[i] = c->text[row];
        else if (type == PARQUET_DOUBLE)
            ((double *)(void *)cells)[i] = c->real[row];
        else if (type == PARQUET_BOOLEAN)
            cells[i] = (char)c->integer[row];
        else
            ((int64_t *)(void *)cells)[i] = c->integer[row];
    }
    const void **chunk = arena_alloc(&arena, sizeof *chunk);
    const uint8_t **valid = arena_alloc(&arena, sizeof *valid);
    *chunk = cells;
    *valid = c->valid + from;
    return (struct parquet_input){.cells = chunk, .valid = valid, .cell_bytes = type < PARQUET_DOUBLE && type ? 8 : 0};
}

/* Each row has its own code, equal values a common one only when they follow each other. */
static struct parquet_input codes_of(const struct column *c, uint32_t from, uint32_t n)
{
    uint32_t *code = arena_alloc(&arena, (size_t)n * sizeof *code + 1), distinct = 0;
    uint32_t *row_of = arena_alloc(&arena, ((size_t)n + 1) * sizeof *row_of);
    enum { RECENT = 512 };
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = from + i, k = distinct, most = distinct > RECENT ? distinct - RECENT : 0;
        code[i] = 0;
        if (!c->valid[row]) continue;
        for (; k > most; k--) {
            uint32_t other = row_of[k];
            if (c->schema.type == PARQUET_STRING   ? view_eq(c->text[other], c->text[row])
                : c->schema.type == PARQUET_DOUBLE ? !memcmp(c->real + other, c->real + row, 8)
                                                   : c->integer[other] == c->integer[row])
                break;
        }
        if (k == most) row_of[k = ++distinct] = row;
        code[i] = k;
    }
    struct parquet_dict *d = arena_zalloc(&arena, sizeof *d);
    int64_t *integers = arena_zalloc(&arena, ((size_t)distinct + 1) * sizeof *integers);
    double *reals = arena_zalloc(&arena, ((size_t)distinct + 1) * sizeof *reals);
    struct view *texts = arena_zalloc(&arena, ((size_t)distinct + 1) * sizeof *texts);
    for (uint32_t k = 1; k <= distinct; k++) {
        integers[k] = c->integer[row_of[k]];
        reals[k] = c->real[row_of[k]];
        texts[k] = c->text[row_of[k]];
    }
    *d = (struct parquet_dict){.count = distinct + 1, .integers = integers, .reals = reals, .texts = texts};
    const void **chunk = arena_alloc(&arena, sizeof *chunk);
    *chunk = code;
    return (struct parquet_input){.form = PARQUET_CODES, .cells = chunk, .dict = d};
}

static struct parquet_input input_of(const struct column *c, uint32_t from, uint32_t n)
{
    if (c->form == PARQUET_CELLS) return cells_of(c, from, n);
    if (c->form == PARQUET_CODES) return codes_of(c, from, n);
    return (struct parquet_input){.form = PARQUET_CONSTANT,
                                  .null = !c->valid[from],
                                  .integer = c->integer[from],
                                  .real = c->real[from],
                                  .text = c->text[from]};
}

/* ---- files */

static void write_parquet(const struct table *t, const char *path)
{
    struct error e;
    struct parquet_file *f;
    struct parquet_summary s;
    struct parquet_column columns[64];
    struct parquet_encoder *en = parquet_encoder_new();
    for (size_t c = 0; c < t->columns; c++) columns[c] = t->column[c].schema;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    check(parquet_file_new(columns, t->columns, &t->options, fd, path, &f, &e), &e);
    for (uint32_t from = 0; from < t->rows; from += t->group) {
        uint32_t n = t->rows - from < t->group ? t->rows - from : t->group;
        struct parquet_input in[64];
        for (size_t c = 0; c < t->columns; c++) in[c] = input_of(t->column + c, from, n);
        struct parquet_rows rows = {&n, 1, in};
        check(parquet_encode(en, f, &rows, &e), &e);
        check(parquet_file_append(f, en, &e), &e);
    }
    check(parquet_file_finish(f, &s, &e), &e);
    parquet_file_free(&f);
    parquet_encoder_free(&en);
    close(fd);
}

static void put_value(struct buf *b, const struct column *c, uint32_t row)
{
    uint64_t bits;
    if (!c->valid[row])
        buf_str(b, "null");
    else if (c->schema.type == PARQUET_STRING)
        buf_json(b, c->text[row].ptr, c->text[row].len);
    else if (c->schema.type == PARQUET_BOOLEAN)
        buf_str(b, c->integer[row] ? "true" : "false");
    else if (c->schema.type == PARQUET_DOUBLE) {
        memcpy(&bits, c->real + row, sizeof bits);
        buf_printf(b, "\"%016" PRIx64 "\"", bits);
    } else
        buf_i64(b, c->integer[row]);
}

static void write_table(const struct table *t, const char *dir)
{
    static const char *const types[] = {"bool",   "int8", "int16", "int32",     "uint8",  "uint16",
                                        "uint32", "date", "int64", "timestamp", "double", "string"};
    struct error e;
    struct buf b = {0};
    char *path = mem_printf("%s/%s.parquet", dir, t->name);
    write_parquet(t, path);
    mem_free(path);
    for (uint32_t row = 0; row < t->rows; row++)
        for (size_t c = 0; c < t->columns; c++) {
            buf_str(&b, c ? "," : "[");
            put_value(&b, t->column + c, row);
            if (c + 1 == t->columns) buf_str(&b, "]\n");
        }
    path = mem_printf("%s/%s.ndjson", dir, t->name);
    check(io_write_file(path, b.ptr, b.len, false, &e), &e);
    mem_free(path);
    buf_clear(&b);
    for (size_t c = 0; c < t->columns; c++)
        buf_printf(&b, "%s[\"%s\", \"%s\", %s]", c ? ", " : "[", t->column[c].schema.name,
                   types[t->column[c].schema.type], t->column[c].schema.required ? "true" : "false");
    buf_str(&b, "]\n");
    path = mem_printf("%s/%s.schema.json", dir, t->name);
    check(io_write_file(path, b.ptr, b.len, false, &e), &e);
    mem_free(path);
    buf_reset(&b);
    arena_reset(&arena);
}

static void start(struct table *t, const char *name, uint32_t rows, uint32_t group)
{
    memset(t, 0, sizeof *t);
    *t = (struct table){.name = name, .rows = rows, .group = group};
}

static struct column *add(struct table *t, const char *name, enum parquet_type type, enum parquet_form form,
                          bool required)
{
    struct column *c = t->column + t->columns++;
    c->schema = (struct parquet_column){.name = name, .type = type, .required = required};
    c->form = form;
    c->integer = arena_zalloc(&arena, ((size_t)t->rows + 1) * sizeof *c->integer);
    c->real = arena_zalloc(&arena, ((size_t)t->rows + 1) * sizeof *c->real);
    c->text = arena_zalloc(&arena, ((size_t)t->rows + 1) * sizeof *c->text);
    c->valid = arena_alloc(&arena, (size_t)t->rows + 1);
    memset(c->valid, 1, (size_t)t->rows + 1);
    return c;
}

enum { TYPES = PARQUET_STRING + 1 };
/* Dates within ClickHouse's Date32, 1900 to 2299. */
static const int64_t least[TYPES] = {0, INT8_MIN, INT16_MIN, INT32_MIN, 0, 0, 0, -25567, INT64_MIN, -2000000000000};
static const int64_t span[TYPES] = {2, 256, 65536, 4294967296, 256, 65536, 4294967296, 146000, 0, 6000000000000};

static void set(struct column *c, uint32_t row, uint64_t v)
{
    enum parquet_type type = c->schema.type;
    if (type == PARQUET_STRING)
        c->text[row] = view_of(arena_printf(&arena, v % 3 ? "%" PRIx64 : "Björk “%" PRIx64 "” ♫", v));
    else if (type == PARQUET_DOUBLE)
        c->real[row] = (double)(int64_t)v / 1024;
    else
        c->integer[row] = (int64_t)((uint64_t)least[type] + (span[type] ? v % (uint64_t)span[type] : v));
}

/* Every type: any values, few, rising; required, with few nulls, mostly null; as cells and as codes. */
static void all_types(const char *dir, const char *name, struct parquet_options options)
{
    struct table t;
    start(&t, name, 9000, 4000);
    t.options = options;
    for (int type = 0; type < TYPES; type++)
        for (int kind = 0; kind < 4; kind++) {
            char *title = arena_printf(&arena, "t%d_%d", type, kind);
            struct column *c = add(&t, title, (enum parquet_type)type, kind % 2 ? PARQUET_CODES : PARQUET_CELLS, !kind);
            c->schema.bloom = kind == 1 && type != PARQUET_BOOLEAN && type != PARQUET_DOUBLE;
            uint64_t rising = rnd() >> 30;
            for (uint32_t row = 0; row < t.rows; row++) {
                rising += below(300);
                set(c, row, kind == 0 ? rnd() : kind == 3 ? rising : below(kind == 1 ? 200 : 3));
                if (kind) c->valid[row] = kind == 2 ? row / 700 % 2 && below(9) == 0 : below(40) > 0;
            }
        }
    write_table(&t, dir);
}

static void edges(const char *dir)
{
    struct table t;
    start(&t, "edges", 24, 8); /* the last row group has only nulls in nullable columns */
    static const double reals[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308, 0.1};
    static const int64_t longs[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN, INT64_MAX, 1LL << 53};
    static const int64_t unsigneds[] = {0, UINT32_MAX, 1LL << 31, (1LL << 31) - 1, 1, 2, 3, UINT32_MAX};
    static const char *const texts[] = {"",  "a", "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF", "tab\tquote\"back\\", "\xC2\x80",
                                        "z", ""};
    for (int form = 0; form < 2; form++) {
        struct column *c[5];
        c[0] = add(&t, form ? "real_code" : "real", PARQUET_DOUBLE, (enum parquet_form)form, false);
        c[1] = add(&t, form ? "long_code" : "long", PARQUET_INT64, (enum parquet_form)form, false);
        c[2] = add(&t, form ? "unsigned_code" : "unsigned", PARQUET_UINT32, (enum parquet_form)form, false);
        c[3] = add(&t, form ? "text_code" : "text", PARQUET_STRING, (enum parquet_form)form, false);
        c[4] = add(&t, form ? "flag_code" : "flag", PARQUET_BOOLEAN, (enum parquet_form)form, false);
        for (uint32_t row = 0; row < t.rows; row++) {
            c[0]->real[row] = reals[row % 8];
            c[1]->integer[row] = longs[row % 8];
            c[2]->integer[row] = unsigneds[row % 8];
            c[3]->text[row] = view_of(texts[row % 8]);
            c[4]->integer[row] = row % 3 == 0;
            for (int i = 0; i < 5; i++) c[i]->valid[row] = row < 8 || (row < 16 && (row + (uint32_t)i) % 2);
        }
    }
    struct column *year = add(&t, "year", PARQUET_UINT16, PARQUET_CONSTANT, true);
    struct column *city = add(&t, "city", PARQUET_STRING, PARQUET_CONSTANT, true);
    struct column *ok = add(&t, "ok", PARQUET_BOOLEAN, PARQUET_CONSTANT, true);
    struct column *none = add(&t, "none", PARQUET_STRING, PARQUET_CONSTANT, false);
    struct column *long_text = add(&t, "long_text", PARQUET_STRING, PARQUET_CELLS, true);
    for (uint32_t row = 0; row < t.rows; row++) {
        year->integer[row] = 2025;
        city->text[row] = view_of("Saint-Étienne");
        ok->integer[row] = 1;
        none->valid[row] = 0;
        char *text = arena_alloc(&arena, 100000);
        memset(text, 'a' + (int)row, 100000);
        long_text->text[row] = view_from(text, row % 4 ? 70 : 100000);
    }
    write_table(&t, dir);
}

/* Full row groups: several pages, every encoding. */
static void large(const char *dir)
{
    struct table t;
    start(&t, "large", 300000, PARQUET_ROWS_MAX);
    struct column *ts = add(&t, "ts", PARQUET_INT64, PARQUET_CELLS, true);
    struct column *time = add(&t, "event_time", PARQUET_TIMESTAMP_MS, PARQUET_CELLS, true);
    struct column *user = add(&t, "userId", PARQUET_INT64, PARQUET_CELLS, false);
    struct column *text = add(&t, "text", PARQUET_STRING, PARQUET_CELLS, false);
    struct column *flag = add(&t, "flag", PARQUET_BOOLEAN, PARQUET_CELLS, false);
    struct column *hour = add(&t, "hour", PARQUET_UINT8, PARQUET_CELLS, true);
    user->schema.bloom = text->schema.bloom = true;
    int64_t now = 1762000000000;
    for (uint32_t row = 0; row < t.rows; row++) {
        now += below(480);
        ts->integer[row] = time->integer[row] = now;
        user->integer[row] = 1 + below(20000) * 7919;
        text->text[row] = view_of(arena_printf(&arena, "%016" PRIx64, rnd() >> below(60)));
        flag->integer[row] = row / 5000 % 3 > 0; /* long runs */
        hour->integer[row] = now / 3600000 % 24;
        user->valid[row] = row != 123456;
        text->valid[row] = below(10) > 0;
        flag->valid[row] = row / 1000 % 20 > 0;
    }
    write_table(&t, dir);
}

static void empty(const char *dir)
{
    struct table t;
    start(&t, "empty", 0, 1);
    (void)add(&t, "id", PARQUET_INT64, PARQUET_CELLS, true);
    (void)add(&t, "name", PARQUET_STRING, PARQUET_CELLS, false);
    write_table(&t, dir);
}

int main(int argc, char **argv)
{
    if (argc != 2) return fprintf(stderr, "usage: make_files DIR\n"), 2;
    arena_init(&arena);
    struct parquet_pair pair = {view_of("lakefm.batch"), view_of("42")};
    all_types(argv[1], "all_types", (struct parquet_options){.pairs = &pair, .pair_count = 1});
    all_types(argv[1], "all_types_plain", (struct parquet_options){.codec = PARQUET_UNCOMPRESSED});
    edges(argv[1]);
    large(argv[1]);
    empty(argv[1]);
    return 0;
}
