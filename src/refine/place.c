#include "refine/engine.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

void place_init(struct worker *w, struct refine *r)
{
    *w = (struct worker){.r = r, .reader = mem_zalloc(r->topic_count * sizeof *w->reader)};
    w->order = mem_array(DECODE_BATCH_ROWS, sizeof *w->order);
    w->answer = mem_alloc(DECODE_BATCH_ROWS);
    w->verdict = mem_alloc(DECODE_BATCH_ROWS);
    gather_init(&w->gather, r->lexicon, &r->domains, r->topic_count);
}

void place_reset(struct worker *w)
{
    for (size_t t = 0; w->reader && t < w->r->topic_count; t++) {
        struct reader *reader = &w->reader[t];
        for (uint16_t c = 0; reader->map && c < w->r->topic[t].contract->column_count; c++) mem_free(reader->map[c]);
        mem_free(reader->map);
        mem_free(reader->mapped);
        mem_free(reader->map_cap);
        decode_free(&reader->decoder);
    }
    mem_free(w->reader);
    for (int i = 0; i < CONTRACT_MAX_ROUTES; i++) mem_free(w->placed[i].rows);
    mem_free(w->slices.slice);
    mem_free(w->order);
    mem_free(w->answer);
    mem_free(w->verdict);
    mem_free(w->locals);
    mem_free(w->starts);
    gather_reset(&w->gather);
    partition_writer_free(&w->writer);
}

/* ---- before the turn ---- */

/* Brings the reader's maps up to the decoder's dictionaries. */
static void map_codes(struct worker *w, const struct topic *t)
{
    struct reader *reader = &w->reader[t->index];
    uint64_t generation = lexicon_generation(w->r->lexicon);
    for (uint16_t c = 0; c < t->contract->column_count; c++) {
        if (t->contract->columns[c].dense) continue;
        struct decode_dict dict;
        decode_dict(reader->decoder, c, &dict);
        uint32_t from = reader->generation == generation ? reader->mapped[c] : 0;
        if (from >= dict.count) continue;
        mem_grow(&reader->map[c], &reader->map_cap[c], dict.count, sizeof **reader->map);
        lexicon_map(w->r->lexicon, t->domain[c], &dict, from, reader->map[c]);
        reader->mapped[c] = dict.count;
    }
    reader->generation = generation;
}

void place_prepare(struct worker *w, const struct topic *t) { map_codes(w, t); }

/* ---- with the turn ---- */

static struct placed *placed_of(struct worker *w, uint16_t route)
{
    struct placed *p = &w->placed[route];
    if (!p->rows) p->rows = mem_array(DECODE_BATCH_ROWS, sizeof *p->rows);
    p->count = 0;
    p->whole = false;
    p->first_slice = p->end_slice = w->slices.count;
    return p;
}

static enum err partition_of(struct refine *r, const struct layout *layout, int64_t day, struct partition **out,
                             struct error *e)
{
    struct partition *p = partition_get(r->partitions, layout, day);
    enum err rc = ERR_OK;
    *out = p;
    if (!p->keys) {
        struct day_keys *keys = NULL;
        TRY(days_get(r->days, layout->contract, day, &keys, e));
        p->keys = keys;
    }
done:
    return rc;
}

/* Rows of one day: rows[0 … n) or, when NULL, 0 … n - 1. Those kept are appended to `placed`. */
static enum err place_day(struct worker *w, struct partition *p, const struct hash128 *key, const uint64_t *payload,
                          const uint16_t *rows, uint32_t n, uint64_t batch, struct placed *placed, uint8_t *verdict,
                          struct error *e)
{
    enum err rc;
    TRY(days_add(w->r->days, p->keys, key, payload, rows, n, w->answer, e));
    uint32_t first = placed->count, kept = 0;
    for (uint32_t i = 0; i < n; i++) kept += w->answer[i] == KEYSET_NEW;
    if (verdict)
        for (uint32_t i = 0; i < n; i++) verdict[rows ? rows[i] : i] = w->answer[i];
    if (!rows && kept == n) {
        placed->whole = true;
    } else {
        uint16_t *out = placed->rows + first;
        for (uint32_t i = 0; i < n; i++) {
            *out = rows ? rows[i] : (uint16_t)i;
            out += w->answer[i] == KEYSET_NEW;
        }
    }
    placed->count += kept;
    if (kept) partition_reserve(w->r->partitions, p, first, kept, batch, &w->slices);
done:
    return rc;
}

/* Sorts the rows by day, in order within a day: w->order, w->locals, w->starts. */
static enum err split_days(struct worker *w, const struct layout *layout, const struct decode_batch *b,
                           const uint16_t *rows, uint32_t n, uint32_t *days, struct error *e)
{
    struct refine *r = w->r;
    struct partition *p = NULL;
    uint32_t count = 0, mark = ++r->mark;
    enum err rc = ERR_OK;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (!p || p->day != b->day[row]) TRY(partition_of(r, layout, b->day[row], &p, e));
        if (p->mark != mark) {
            p->mark = mark;
            p->local = count;
            mem_grow(&w->locals, &w->locals_cap, count + 1, sizeof *w->locals);
            mem_grow(&w->starts, &w->starts_cap, count + 2, sizeof *w->starts);
            w->starts[count] = 0;
            w->locals[count++] = p;
        }
        w->starts[p->local]++;
    }
    uint32_t at = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t here = w->starts[k];
        w->starts[k] = at;
        at += here;
    }
    p = NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (!p || p->day != b->day[row]) p = partition_get(r->partitions, layout, b->day[row]);
        w->order[w->starts[p->local]++] = (uint16_t)row;
    }
    *days = count;
done:
    return rc;
}

static bool one_day(const struct decode_batch *b, const uint16_t *rows, uint32_t n)
{
    int32_t day = b->day[rows ? rows[0] : 0], other = 0;
    for (uint32_t i = 0; i < n; i++) other |= day ^ b->day[rows ? rows[i] : i];
    return !other;
}

static enum err place_route(struct worker *w, const struct layout *layout, const struct decode_batch *b,
                            const struct hash128 *key, const uint16_t *rows, uint32_t n, uint64_t batch,
                            struct placed *placed, uint8_t *verdict, struct error *e)
{
    struct partition *p = NULL;
    uint32_t days = 0;
    enum err rc = ERR_OK;
    if (!n) return ERR_OK;
    if (one_day(b, rows, n)) {
        TRY(partition_of(w->r, layout, b->day[rows ? rows[0] : 0], &p, e));
        TRY(place_day(w, p, key, b->payload, rows, n, batch, placed, verdict, e));
    } else {
        TRY(split_days(w, layout, b, rows, n, &days, e));
        for (uint32_t k = 0; k < days; k++) {
            uint32_t from = k ? w->starts[k - 1] : 0; /* starts[k] is the end of k by now */
            TRY(place_day(w, w->locals[k], key, b->payload, w->order + from, w->starts[k] - from, batch, placed, verdict, e));
        }
    }
    placed->end_slice = w->slices.count;
done:
    return rc;
}

/* ---- what does not become a row ---- */

/* The record of a line. Lines come mostly in order, so the cursor moves little. */
static void locate(struct refine *r, const struct refine_piece *piece, int64_t line, int32_t *partition, int64_t *offset)
{
    *partition = -1;
    *offset = line;
    if (r->span_list != piece->spans || line < r->span_line) {
        r->span_list = piece->spans;
        r->span = 0;
        r->span_line = 0;
    }
    for (; r->span < piece->span_count; r->span++) {
        const struct refine_span *s = &piece->spans[r->span];
        if (line < r->span_line + s->count) {
            *partition = s->partition;
            *offset = s->first + (line - r->span_line);
            return;
        }
        r->span_line += s->count;
    }
}

static enum err put_aside(struct refine *r, const struct topic *t, const struct refine_piece *piece, int64_t line,
                          enum decode_reason reason, uint16_t column, const struct decode_source *source, struct error *e)
{
    struct quarantine_record record = {
        .topic = t->contract->topic,
        .arrival_day = piece->arrival_day,
        .reason = decode_reason_name(reason),
        .column = column == CONTRACT_NONE ? NULL : t->contract->columns[column].name,
        .origin = piece->origin,
        .raw = view_from(source->text, source->len),
    };
    locate(r, piece, line, &record.partition, &record.offset);
    return quarantine_add(r->quarantine, &record, e);
}

static enum err place_rejects(struct refine *r, struct topic *t, const struct decode_batch *b,
                              const struct refine_piece *piece, int64_t piece_line, struct error *e)
{
    enum err rc = ERR_OK;
    for (uint32_t i = 0; i < b->reject_count; i++) {
        const struct decode_reject *x = &b->rejects[i];
        t->tally.rejects++;
        t->tally.reason[x->reason]++;
        TRY(put_aside(r, t, piece, piece_line + x->source.line, x->reason, x->column, &x->source, e));
    }
done:
    return rc;
}

static enum err place_conflicts(struct worker *w, struct topic *t, const struct decode_batch *b,
                                const struct refine_piece *piece, int64_t piece_line, struct error *e)
{
    enum err rc = ERR_OK;
    for (uint32_t i = 0; i < b->rows; i++) {
        if (w->verdict[i] != KEYSET_CONFLICT) continue;
        t->tally.conflicts++;
        TRY(put_aside(w->r, t, piece, piece_line + b->source[i].line, DECODE_CONFLICT, CONTRACT_NONE, &b->source[i], e));
    }
done:
    return rc;
}

/* ---- counts of rows ---- */

static void count_rows(struct worker *w, struct topic *t, uint16_t route, const struct decode_batch *b)
{
    const struct placed *p = &w->placed[route];
    const struct refine *r = w->r;
    int64_t min = t->tally.route[route].min_ts, max = t->tally.route[route].max_ts, future = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        int64_t ts = b->ts_ms[p->whole ? i : p->rows[i]];
        if (ts > r->future_ms) {
            future++;
            continue;
        }
        if (ts < min) min = ts;
        if (ts > max) max = ts;
    }
    int64_t watermark = r->watermark_day[t->layout[route]->index];
    for (size_t s = p->first_slice; s < p->end_slice; s++)
        if (w->slices.slice[s].group->partition->day < watermark) t->tally.route[route].late += w->slices.slice[s].n;
    t->tally.route[route].min_ts = min;
    t->tally.route[route].max_ts = max;
    t->tally.route[route].future += future;
    t->tally.route[route].rows += p->count;
}

static struct layout_rows rows_of(const struct worker *w, const struct topic *t, const struct decode_batch *b)
{
    return (struct layout_rows){.batch = b, .maps = (const uint32_t *const *)w->reader[t->index].map,
                                .lexicon = w->r->lexicon, .domains = t->domain};
}

enum err place_rows(struct worker *w, struct topic *t, const struct decode_batch *b, const struct refine_piece *piece,
                    int64_t piece_line, struct error *e)
{
    struct refine *r = w->r;
    uint64_t batch = piece->batch ? piece->batch : r->number;
    enum err rc;

    if (w->reader[t->index].generation != lexicon_generation(r->lexicon)) map_codes(w, t);
    w->slices.count = 0;
    TRY(place_rejects(r, t, b, piece, piece_line, e));
    TRY(place_route(w, t->layout[0], b, b->key, NULL, b->rows, batch, placed_of(w, 0), w->verdict, e));
    uint32_t kept = w->placed[0].count, same = 0, conflicts = 0;
    if (kept != b->rows) {
        for (uint32_t i = 0; i < b->rows; i++) same += w->verdict[i] == KEYSET_SAME;
        conflicts = b->rows - kept - same;
        t->tally.duplicates += same;
        if (conflicts) TRY(place_conflicts(w, t, b, piece, piece_line, e));
    }
    t->tally.rows += kept;
    count_rows(w, t, 0, b);
    if (t->plan.user && kept) {
        const struct placed *p = &w->placed[0];
        struct layout_rows source = rows_of(w, t, b);
        levels_rows(&r->levels, t->index, &t->plan, &source, p->whole ? NULL : p->rows, kept);
    }
    for (uint16_t route = 1; route < t->contract->route_count; route++) {
        struct placed *p = placed_of(w, route);
        uint16_t *rows = p->rows;
        uint32_t n = 0;
        for (uint32_t i = 0; b->route && i < b->rows; i++)
            if (b->route[i] == route && w->verdict[i] != KEYSET_CONFLICT) rows[n++] = (uint16_t)i;
        TRY(place_route(w, t->layout[route], b, b->route_key, rows, n, batch, p, NULL, e));
        count_rows(w, t, route, b);
    }
done:
    return rc;
}

/* ---- after the turn ---- */

void place_copy(struct worker *w, const struct topic *t, const struct decode_batch *b)
{
    struct layout_rows rows = rows_of(w, t, b);
    for (uint16_t route = 0; route < t->contract->route_count; route++) {
        const struct placed *p = &w->placed[route];
        for (size_t i = p->first_slice; i < p->end_slice; i++) {
            const struct slice *s = &w->slices.slice[i];
            uint64_t nulls = 0;
            layout_copy(t->layout[route], &t->contract->routes[route], &rows, p->whole ? NULL : p->rows + s->first,
                        p->whole ? s->first : 0, s->n, s->chunk, s->at, &nulls);
            partition_filled(w->r->partitions, s, nulls);
        }
        if (p->count)
            gather_rows(&w->gather, t->index, &t->plan, t->contract->routes[route].target, &rows, t->layout[route]->rank,
                        route == 0, p->whole ? NULL : p->rows, p->count);
    }
    w->slices.count = 0;
}

void place_forget(struct worker *w, const struct topic *t)
{
    struct reader *reader = &w->reader[t->index];
    if (!reader->decoder) return;
    gather_flush(&w->gather, t->index, &t->plan, (const uint32_t *const *)reader->map);
}

void place_abandon(struct worker *w)
{
    for (size_t i = 0; i < w->slices.count; i++) partition_filled(w->r->partitions, &w->slices.slice[i], 0);
    w->slices.count = 0;
}
