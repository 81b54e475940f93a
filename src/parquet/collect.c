#include "base/mem.h"
#include "parquet/internal.h"

#include <string.h>

static const struct parquet_kind kinds[] = {
    [PARQUET_BOOLEAN] = {PHYSICAL_BOOLEAN, -1, 0, false, 1, 0, 1},
    [PARQUET_INT8] = {PHYSICAL_INT32, 15, 8, true, 4, INT8_MIN, INT8_MAX},
    [PARQUET_INT16] = {PHYSICAL_INT32, 16, 16, true, 4, INT16_MIN, INT16_MAX},
    [PARQUET_INT32] = {PHYSICAL_INT32, -1, 0, true, 4, INT32_MIN, INT32_MAX},
    [PARQUET_UINT8] = {PHYSICAL_INT32, 11, 8, false, 4, 0, UINT8_MAX},
    [PARQUET_UINT16] = {PHYSICAL_INT32, 12, 16, false, 4, 0, UINT16_MAX},
    [PARQUET_UINT32] = {PHYSICAL_INT32, 13, 32, false, 4, 0, UINT32_MAX},
    [PARQUET_DATE] = {PHYSICAL_INT32, 6, 0, true, 4, INT32_MIN, INT32_MAX},
    [PARQUET_INT64] = {PHYSICAL_INT64, -1, 0, true, 8, INT64_MIN, INT64_MAX},
    [PARQUET_TIMESTAMP_MS] = {PHYSICAL_INT64, -1, 0, true, 8, INT64_MIN, INT64_MAX},
    [PARQUET_DOUBLE] = {PHYSICAL_DOUBLE, -1, 0, true, 8, INT64_MIN, INT64_MAX},
    [PARQUET_STRING] = {PHYSICAL_BYTE_ARRAY, 0, 0, false, sizeof(struct view), 0, 0},
};

const struct parquet_kind *parquet_kind(enum parquet_type type) { return &kinds[type]; }

void *parquet_scratch(struct parquet_scratch *s, size_t count, size_t size)
{
    size_t bytes = count * size; /* counts are at most PARQUET_ROWS_MAX and a bit */
    if (bytes > s->cap) {
        mem_free(s->ptr);
        s->ptr = mem_alloc(bytes);
        s->cap = bytes;
    }
    return s->ptr;
}

uint32_t parquet_map(struct parquet_encoder *en, size_t limit)
{
    if (limit > en->map_cap || en->stamp == MAP_STAMP_MAX) {
        if (limit > en->map_cap) {
            mem_free(en->map);
            en->map_cap = limit + limit / 4;
            en->map = mem_array(en->map_cap, sizeof *en->map);
        }
        memset(en->map, 0, en->map_cap * sizeof *en->map);
        en->stamp = 0;
    }
    return ++en->stamp << MAP_PLACE_BITS;
}

/* ---- which rows hold a value */

static void spread_valid(const struct parquet_input *in, size_t chunk, uint32_t rows, uint8_t *to)
{
    const uint8_t *from = in->valid[chunk];
    if (!from)
        memset(to, 1, rows);
    else if (in->valid_is_bits)
        for (uint32_t i = 0; i < rows; i++) to[i] = from[i / 8] >> (i % 8) & 1;
    else
        for (uint32_t i = 0; i < rows; i++) to[i] = from[i] != 0;
}

static void collect_valid(struct parquet_encoder *en, const struct parquet_rows *rows, const struct parquet_input *in,
                          struct parquet_values *v)
{
    v->count = v->rows;
    bool any = false;
    for (size_t k = 0; in->valid && k < rows->chunk_count; k++) any |= rows->chunk_rows[k] && in->valid[k];
    if (!any) return;
    uint8_t *valid = parquet_scratch(&en->valid, v->rows, 1);
    for (size_t k = 0, at = 0; k < rows->chunk_count; at += rows->chunk_rows[k++])
        spread_valid(in, k, rows->chunk_rows[k], valid + at);
    v->count = (uint32_t)en->kernels->ones(valid, v->rows);
    if (v->count && v->count < v->rows) v->valid = valid;
}

/* ---- cells */

#define LOAD_CELLS(T)                                                                                                  \
    do {                                                                                                               \
        const T *cell = cells;                                                                                         \
        if (!valid)                                                                                                    \
            for (uint32_t i = 0; i < rows; i++) to[i] = (int64_t)cell[i];                                              \
        else                                                                                                           \
            for (uint32_t i = 0; i < rows; i++) {                                                                      \
                to[n] = (int64_t)cell[i];                                                                              \
                n += valid[i];                                                                                         \
            }                                                                                                          \
    } while (0)

/* Returns how many values were written; `to` has room for one more than there are. */
static uint32_t load_integers(const void *cells, uint32_t rows, const uint8_t *valid, unsigned bytes, bool is_signed,
                              int64_t *to)
{
    uint32_t n = 0;
    switch (bytes << 1 | is_signed) {
    case 1 << 1: LOAD_CELLS(uint8_t); break;
    case 1 << 1 | 1: LOAD_CELLS(int8_t); break;
    case 2 << 1: LOAD_CELLS(uint16_t); break;
    case 2 << 1 | 1: LOAD_CELLS(int16_t); break;
    case 4 << 1: LOAD_CELLS(uint32_t); break;
    case 4 << 1 | 1: LOAD_CELLS(int32_t); break;
    default: LOAD_CELLS(int64_t); break;
    }
    return valid ? n : rows;
}

static enum err check_range(const struct parquet_encoder *en, const struct parquet_column *column,
                            const int64_t *values, uint32_t n, struct error *e)
{
    const struct parquet_kind *kind = parquet_kind(column->type);
    if (!n || kind->physical == PHYSICAL_INT64 || kind->physical == PHYSICAL_DOUBLE) return ERR_OK;
    int64_t min, max;
    en->kernels->min_max(values, n, &min, &max);
    if (min >= kind->least && max <= kind->most) return ERR_OK;
    return err_set(e, ERR_INTERNAL, "Parquet column %s: %lld does not fit its type", column->name,
                   (long long)(min < kind->least ? min : max));
}

static enum err check_texts(const struct parquet_column *column, const struct view *texts, uint32_t n, struct error *e)
{
    enum { TEXT_MAX = 1 << 30 };
    for (uint32_t i = 0; i < n; i++)
        if (texts[i].len > TEXT_MAX)
            return err_set(e, ERR_INTERNAL, "Parquet column %s: a text of %zu bytes (at most %d)", column->name,
                           texts[i].len, TEXT_MAX);
    return ERR_OK;
}

static void collect_booleans(struct parquet_encoder *en, const struct parquet_rows *rows,
                             const struct parquet_input *in, struct parquet_values *v)
{
    uint32_t *index = parquet_scratch(&en->index, v->rows + INDEX_SLACK, sizeof *index), n = 0;
    for (size_t k = 0, at = 0; v->count && k < rows->chunk_count; at += rows->chunk_rows[k++]) {
        const uint8_t *cell = in->cells[k];
        for (uint32_t i = 0; i < rows->chunk_rows[k]; i++) {
            index[n] = cell[i] != 0;
            n += v->valid ? v->valid[at + i] : 1;
        }
    }
    memset(index + n, 0, INDEX_SLACK * sizeof *index);
    v->index = index;
    v->indexed = true;
}

static void collect_texts(struct parquet_encoder *en, const struct parquet_rows *rows, const struct parquet_input *in,
                          struct parquet_values *v)
{
    struct view *to = parquet_scratch(&en->texts, (size_t)v->count + 1, sizeof *to);
    uint32_t n = 0;
    for (size_t k = 0, at = 0; v->count && k < rows->chunk_count; at += rows->chunk_rows[k++]) {
        const struct view *cell = in->cells[k];
        for (uint32_t i = 0; i < rows->chunk_rows[k]; i++) {
            to[n] = cell[i];
            n += v->valid ? v->valid[at + i] : 1;
        }
    }
    v->items.texts = to;
    v->items.count = n;
}

static enum err collect_cells(struct parquet_encoder *en, const struct parquet_column *column,
                              const struct parquet_rows *rows, const struct parquet_input *in, struct parquet_values *v,
                              struct error *e)
{
    const struct parquet_kind *kind = parquet_kind(column->type);
    bool integer = kind->physical == PHYSICAL_INT32 || kind->physical == PHYSICAL_INT64;
    unsigned bytes = in->cell_bytes ? in->cell_bytes : kind->cell_bytes;
    if (bytes != kind->cell_bytes && !(integer && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8)))
        return err_set(e, ERR_INTERNAL, "Parquet column %s: cells of %u bytes", column->name, bytes);
    collect_valid(en, rows, in, v);
    if (column->type == PARQUET_BOOLEAN) {
        collect_booleans(en, rows, in, v);
        return ERR_OK;
    }
    if (column->type == PARQUET_STRING) {
        collect_texts(en, rows, in, v);
        return check_texts(column, v->items.texts, v->count, e);
    }
    v->items.count = v->count;
    if (rows->chunk_count == 1 && bytes == 8 && !v->valid) {
        v->items.integers = in->cells[0];
    } else {
        int64_t *to = parquet_scratch(&en->items, (size_t)v->count + 1, sizeof *to);
        uint32_t n = 0;
        for (size_t k = 0, at = 0; v->count && k < rows->chunk_count; at += rows->chunk_rows[k++])
            n += load_integers(in->cells[k], rows->chunk_rows[k], v->valid ? v->valid + at : NULL, bytes,
                               kind->is_signed, to + n);
        v->items.integers = to;
    }
    return check_range(en, column, v->items.integers, v->count, e);
}

/* ---- codes */

static struct view dict_text(const struct parquet_dict *d, uint32_t code)
{
    return d->texts ? d->texts[code] : view_from(d->arena + d->offsets[code], d->lengths[code]);
}

static int64_t dict_integer(const struct parquet_dict *d, uint32_t code, enum parquet_type type)
{
    int64_t v;
    if (type != PARQUET_DOUBLE) return d->integers[code];
    memcpy(&v, &d->reals[code], sizeof v);
    return v;
}

/* Codes to indexes into the codes used, in first-seen order. MORE: over `cap` of them. */
static enum err remap(struct parquet_encoder *en, const struct parquet_column *column, const struct parquet_rows *rows,
                      const struct parquet_input *in, uint32_t cap, struct parquet_values *v, struct error *e)
{
    const uint32_t limit = in->dict->count, null_code = in->null_code;
    const uint32_t stamp = parquet_map(en, limit), places = 1u << MAP_PLACE_BITS;
    uint32_t *map = en->map, *used = parquet_scratch(&en->used, cap, sizeof *used);
    uint32_t *index = parquet_scratch(&en->index, v->rows + INDEX_SLACK, sizeof *index);
    uint32_t n = 0, distinct = 0;
    if (null_code < limit) map[null_code] = stamp; /* any place: the index is overwritten by the next row's */
    for (size_t k = 0; k < rows->chunk_count; k++) {
        const uint32_t *code = in->cells[k], count = rows->chunk_rows[k];
        for (uint32_t i = 0; i < count; i++) {
            uint32_t c = code[i];
            if (__builtin_expect(c >= limit, 0)) {
                if (c == null_code) continue;
                return err_set(e, ERR_INTERNAL, "Parquet column %s: code %u of a dictionary of %u", column->name, c,
                               limit);
            }
            uint32_t place = map[c] ^ stamp;
            if (__builtin_expect(place >= places, 0)) {
                if (distinct == cap) return ERR_MORE;
                used[distinct] = c;
                place = distinct++;
                map[c] = stamp | place;
            }
            index[n] = place;
            n += c != null_code;
        }
    }
    memset(index + n, 0, INDEX_SLACK * sizeof *index);
    v->index = index;
    v->count = n;
    v->items.count = distinct;
    v->indexed = true;
    return ERR_OK;
}

static void codes_valid(struct parquet_encoder *en, const struct parquet_rows *rows, const struct parquet_input *in,
                        struct parquet_values *v)
{
    uint8_t *valid = parquet_scratch(&en->valid, v->rows, 1);
    for (size_t k = 0, at = 0; k < rows->chunk_count; at += rows->chunk_rows[k++])
        en->kernels->differ(in->cells[k], rows->chunk_rows[k], in->null_code, valid + at);
    v->valid = valid;
}

static void dictionary_items(struct parquet_encoder *en, const struct parquet_dict *d, struct parquet_values *v)
{
    const uint32_t *used = en->used.ptr;
    if (v->type == PARQUET_STRING) {
        struct view *to = parquet_scratch(&en->texts, v->items.count, sizeof *to);
        for (uint32_t i = 0; i < v->items.count; i++) to[i] = dict_text(d, used[i]);
        v->items.texts = to;
    } else if (v->type == PARQUET_BOOLEAN) {
        for (uint32_t i = 0; i < v->count; i++) v->index[i] = d->integers[used[v->index[i]]] != 0;
        v->items.count = 0;
    } else {
        int64_t *to = parquet_scratch(&en->items, v->items.count, sizeof *to);
        for (uint32_t i = 0; i < v->items.count; i++) to[i] = dict_integer(d, used[i], v->type);
        v->items.integers = to;
    }
}

/* The way out when the dictionary is too large: every row's own value. The codes must be checked here, too. */
static enum err codes_to_values(struct parquet_encoder *en, const struct parquet_column *column,
                                const struct parquet_rows *rows, const struct parquet_input *in,
                                struct parquet_values *v, struct error *e)
{
    const struct parquet_dict *d = in->dict;
    bool texts = v->type == PARQUET_STRING;
    struct view *text = texts ? parquet_scratch(&en->texts, v->rows, sizeof *text) : NULL;
    int64_t *integer = texts ? NULL : parquet_scratch(&en->items, v->rows, sizeof *integer);
    uint32_t n = 0;
    for (size_t k = 0; k < rows->chunk_count; k++) {
        const uint32_t *code = in->cells[k];
        for (uint32_t i = 0; i < rows->chunk_rows[k]; i++) {
            uint32_t c = code[i];
            if (c == in->null_code) continue;
            if (c >= d->count)
                return err_set(e, ERR_INTERNAL, "Parquet column %s: code %u of a dictionary of %u", column->name, c,
                               d->count);
            if (texts)
                text[n++] = dict_text(d, c);
            else
                integer[n++] = dict_integer(d, c, v->type);
        }
    }
    v->indexed = false;
    v->items.texts = text;
    v->items.integers = integer;
    v->count = v->items.count = n;
    return ERR_OK;
}

static void booleans_to_index(struct parquet_encoder *en, struct parquet_values *v)
{
    uint32_t *index = parquet_scratch(&en->index, v->rows + INDEX_SLACK, sizeof *index);
    for (uint32_t i = 0; i < v->count; i++) index[i] = v->items.integers[i] != 0;
    memset(index + v->count, 0, INDEX_SLACK * sizeof *index);
    v->index = index;
    v->indexed = true;
    v->items.count = 0;
}

static enum err collect_codes(struct parquet_encoder *en, const struct parquet_column *column,
                              const struct parquet_rows *rows, const struct parquet_input *in, struct parquet_values *v,
                              struct error *e)
{
    enum err rc = remap(en, column, rows, in, parquet_codes_cap(v->type, v->rows), v, e);
    if (rc == ERR_OK) {
        v->distinct = in->dict->distinct;
        dictionary_items(en, in->dict, v);
        if (!parquet_dictionary_allowed(v->type, &v->items)) rc = ERR_MORE;
    }
    if (rc == ERR_MORE) {
        TRY(codes_to_values(en, column, rows, in, v, e));
        if (v->type == PARQUET_BOOLEAN) booleans_to_index(en, v);
    }
    TRY(rc);
    if (v->count && v->count < v->rows) codes_valid(en, rows, in, v);
    if (v->type == PARQUET_BOOLEAN) return ERR_OK;
    rc = v->type == PARQUET_STRING ? check_texts(column, v->items.texts, v->items.count, e)
                                   : check_range(en, column, v->items.integers, v->items.count, e);
done:
    return rc;
}

/* ---- constants */

static enum err collect_constant(struct parquet_encoder *en, const struct parquet_column *column,
                                 const struct parquet_input *in, struct parquet_values *v, struct error *e)
{
    v->count = in->null ? 0 : v->rows;
    if (column->type == PARQUET_BOOLEAN) {
        uint32_t *index = parquet_scratch(&en->index, v->rows + INDEX_SLACK, sizeof *index);
        for (uint32_t i = 0; i < v->rows + INDEX_SLACK; i++) index[i] = in->integer != 0;
        v->index = index;
        v->indexed = true;
        return ERR_OK;
    }
    v->indexed = v->constant = v->distinct = true;
    v->items.count = v->count ? 1 : 0;
    if (column->type == PARQUET_STRING) {
        struct view *text = parquet_scratch(&en->texts, 1, sizeof *text);
        *text = in->text;
        v->items.texts = text;
        return check_texts(column, text, v->items.count, e);
    }
    int64_t *integer = parquet_scratch(&en->items, v->rows, sizeof *integer);
    *integer = in->integer;
    if (column->type == PARQUET_DOUBLE) memcpy(integer, &in->real, sizeof *integer);
    v->items.integers = integer;
    if (!parquet_dictionary_allowed(v->type, &v->items)) { /* −0 */
        v->indexed = v->constant = v->distinct = false;
        v->items.count = v->rows;
        for (uint32_t i = 1; i < v->rows; i++) integer[i] = *integer;
    }
    return check_range(en, column, integer, v->items.count, e);
}

enum err parquet_collect(struct parquet_encoder *en, const struct parquet_column *column,
                         const struct parquet_rows *rows, const struct parquet_input *in, struct parquet_values *out,
                         struct error *e)
{
    enum err rc = ERR_OK;
    *out = (struct parquet_values){.type = column->type, .rows = en->rows};
    switch (in->form) {
    case PARQUET_CELLS: TRY(collect_cells(en, column, rows, in, out, e)); break;
    case PARQUET_CODES: TRY(collect_codes(en, column, rows, in, out, e)); break;
    case PARQUET_CONSTANT: TRY(collect_constant(en, column, in, out, e)); break;
    }
    if (column->required && out->count < out->rows)
        return err_set(e, ERR_INTERNAL, "Parquet column %s: %u nulls in a required column", column->name,
                       out->rows - out->count);
done:
    return rc;
}
