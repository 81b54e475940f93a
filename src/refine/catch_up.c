#include "refine/catch_up.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "refine/replay.h"
#include "sql/sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- which commits ---- */

struct commits {
    uint64_t *number;
    size_t count, cap;
};

static void add_commit(struct commits *c, uint64_t number)
{
    mem_grow(&c->number, &c->cap, c->count + 1, sizeof *c->number);
    c->number[c->count++] = number;
}

static int compare_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_commits(struct commits *c)
{
    size_t kept = 0;
    qsort(c->number, c->count, sizeof *c->number, compare_number);
    for (size_t i = 0; i < c->count; i++)
        if (!kept || c->number[kept - 1] != c->number[i]) c->number[kept++] = c->number[i];
    c->count = kept;
}

/* Whether a file's rows may have come with any commit of its range: it was rebuilt by a contract that may judge records
 * otherwise than the commits did. */
static bool is_rebuilt(struct lake *lake, const struct lake_file *file)
{
    struct lake_entry entry;
    bool rebuilt = lake_entry_read(lake, file->commit, &entry, NULL) != ERR_OK || entry.kind == LAKE_REBUILD ||
                   entry.kind == LAKE_COMPACT;
    lake_entry_reset(&entry);
    return rebuilt;
}

/* The commits that may have brought rows of the day after keys->through. */
static void commits_of(struct lake *lake, const struct days_need *need, struct commits *out)
{
    struct lake_files files = {0};
    const struct day_keys *k = need->keys;
    lake_files(lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = k->table->table, .by_date = true,
                                           .from_date = k->day, .to_date = k->day, .after_batch = k->through}, &files);
    for (size_t i = 0; i < files.count; i++) {
        const struct lake_file *f = files.file[i];
        if (!f->rows) continue;
        uint64_t from = f->min_batch > k->through ? f->min_batch : k->through + 1;
        if (is_rebuilt(lake, f)) {
            for (uint64_t n = from; n <= f->max_batch; n++) add_commit(out, n);
        } else {
            add_commit(out, f->max_batch);
        }
    }
    lake_files_free(&files);
}

/* ---- from bronze ---- */

struct refill {
    const struct catch_up *c;
    struct days_need *needs;
    size_t count;
    struct replay *replay;
    struct decoder **decoder; /* by contract index */
    struct days_need *last;   /* found last */
};

static bool wanted(void *ctx, const struct contract *contract)
{
    const struct refill *f = ctx;
    for (uint16_t r = 0; r < contract->route_count; r++)
        for (size_t i = 0; i < f->count; i++)
            if (f->needs[i].keys->table == contract->routes[r].target) return true;
    return false;
}

static enum err add_commits(struct refill *f, const struct commits *commits, struct error *e)
{
    struct lake_entry entry;
    enum err rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < commits->count; i++) {
        rc = lake_entry_read(f->c->lake, commits->number[i], &entry, e);
        if (rc == ERR_OK && entry.kind == LAKE_LIVE)
            rc = replay_add(f->replay, commits->number[i], commits->number[i], wanted, f, e);
        for (size_t k = 0; rc == ERR_OK && entry.kind == LAKE_REFINE && k < entry.consumed_count; k++)
            for (uint64_t n = entry.consumed[k].first; rc == ERR_OK && n <= entry.consumed[k].last; n++)
                rc = replay_add(f->replay, n, commits->number[i], wanted, f, e);
        lake_entry_reset(&entry);
    }
    return rc;
}

static struct days_need *need_of(struct refill *f, const struct contract *table, int64_t day)
{
    if (f->last && f->last->keys->day == day && f->last->keys->table == table) return f->last;
    for (size_t i = 0; i < f->count; i++)
        if (f->needs[i].keys->day == day && f->needs[i].keys->table == table) return f->last = &f->needs[i];
    return NULL;
}

static void add_rows(struct refill *f, const struct contract *contract, const struct decode_batch *b, uint64_t commit)
{
    for (uint32_t i = 0; i < b->rows; i++) {
        struct days_need *need = need_of(f, contract->routes[0].target, b->day[i]);
        if (need && commit > need->keys->through) keyset_add(&need->keys->set, b->key[i], b->payload[i]);
        if (!b->route || !b->route[i]) continue;
        need = need_of(f, contract->routes[b->route[i]].target, b->day[i]);
        if (need && commit > need->keys->through) keyset_add(&need->keys->set, b->route_key[i], b->payload[i]);
    }
}

static struct decoder *decoder_of(struct refill *f, const struct contract *contract)
{
    for (size_t i = 0; i < f->c->contracts->count; i++) {
        if (f->c->contracts->contracts[i] != contract) continue;
        if (!f->decoder[i]) f->decoder[i] = decode_new(contract, &f->c->decode);
        return f->decoder[i];
    }
    return NULL;
}

static enum err read_bronze(struct refill *f, struct error *e)
{
    struct refine_source source;
    struct refine_piece piece;
    enum err rc;
    replay_source(f->replay, &source);
    while ((rc = source.next(source.ctx, &piece, e)) == ERR_OK) {
        rc = source.load(source.ctx, &piece, e);
        if (rc == ERR_OK) {
            struct decoder *d = decoder_of(f, piece.contract);
            decode_feed(d, piece.ptr, piece.len, piece.line == 0 ? 0 : 1);
            for (const struct decode_batch *b; (b = decode_next(d));) {
                add_rows(f, piece.contract, b, piece.batch);
                if (b->full) decode_forget(d);
            }
        }
        source.free(source.ctx, &piece);
        if (rc != ERR_OK) return rc;
    }
    return rc == ERR_MORE ? ERR_OK : rc;
}

static enum err from_bronze(const struct catch_up *c, struct days_need *needs, size_t count, struct error *e)
{
    struct refill f = {.c = c, .needs = needs, .count = count, .replay = replay_new(c->lake, c->contracts)};
    struct commits commits = {0};
    enum err rc;
    f.decoder = mem_zalloc(c->contracts->count * sizeof *f.decoder);
    for (size_t i = 0; i < count; i++) commits_of(c->lake, &needs[i], &commits);
    sort_commits(&commits);
    TRY(add_commits(&f, &commits, e));
    TRY(read_bronze(&f, e));
done:
    for (size_t i = 0; i < c->contracts->count; i++) decode_free(&f.decoder[i]);
    mem_free(f.decoder);
    replay_free(&f.replay);
    mem_free(commits.number);
    return rc;
}

/* ---- from silver ---- */

/* The rows as the JSON that the decoder knows: keys come out as they did from the records. */
static void silver_query(struct buf *q, const struct contract *t)
{
    buf_str(q, "select to_json(struct_pack(");
    for (uint16_t i = 0, n = 0; i < t->fact_count; i++) {
        if (t->fact[i].source != CONTRACT_FROM_JSON) continue;
        if (n++) buf_str(q, ", ");
        sql_quote_name(q, t->columns[t->fact[i].column].from[0]);
        buf_str(q, " := ");
        sql_quote_name(q, t->fact[i].name);
    }
    buf_str(q, "))::varchar from read_parquet(");
}

static enum err silver_file(const struct contract *t, struct sql_conn *conn, const char *path, struct decoder *d,
                            struct keyset *set, struct error *e)
{
    struct buf q = {0}, lines = {0};
    struct sql_result *r = NULL;
    size_t rows = 0;
    enum err rc;
    silver_query(&q, t);
    sql_quote_text(&q, path, strlen(path));
    buf_str(&q, ", hive_partitioning = false)");
    TRY(sql_query(conn, q.ptr, SQL_STREAM, &r, e));
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        buf_clear(&lines);
        for (size_t i = 0; i < rows; i++) {
            sql_add_text(r, 0, i, &lines);
            buf_char(&lines, '\n');
        }
        size_t len = lines.len;
        memset(buf_reserve(&lines, DECODE_PAD), 0, DECODE_PAD);
        decode_feed(d, lines.ptr, len, 1);
        for (const struct decode_batch *b; (b = decode_next(d));) {
            for (uint32_t i = 0; i < b->rows; i++)
                keyset_add_entry(set, (struct keyset_entry){b->key[i].lo, b->key[i].hi, KEYSET_ANY_PAYLOAD});
            if (b->full) decode_forget(d);
        }
    }
done:
    sql_result_free(&r);
    buf_reset(&q);
    buf_reset(&lines);
    return rc;
}

static enum err from_silver(const struct catch_up *c, struct days_need *need, struct error *e)
{
    const struct day_keys *k = need->keys;
    struct lake_files files = {0};
    struct sql_db *db = NULL;
    struct sql_conn *conn = NULL;
    struct decoder *d = decode_new(k->table, &c->decode);
    char *path = NULL;
    enum err rc;
    if (!k->table->key_count || k->table->time_unit != CONTRACT_UNIT_MS) {
        rc = err_set(e, ERR_CORRUPT, "the keys of %s cannot be told from silver", k->table->table);
        goto done;
    }
    keyset_reset(&need->keys->set);
    TRY(sql_open(&(struct sql_options){.threads = 1, .memory_bytes = 256u << 20}, &db, e));
    TRY(sql_connect(db, &conn, e));
    lake_files(c->lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = k->table->table, .by_date = true,
                                              .from_date = k->day, .to_date = k->day}, &files);
    for (size_t i = 0; i < files.count; i++) {
        if (!files.file[i]->rows) continue;
        TRY(lake_file_path(c->lake, files.file[i], &path, e));
        TRY(silver_file(k->table, conn, path, d, &need->keys->set, e));
        mem_free(path);
        path = NULL;
    }
done:
    mem_free(path);
    lake_files_free(&files);
    sql_disconnect(&conn);
    sql_close(&db);
    decode_free(&d);
    return rc;
}

enum err catch_up_days(void *ctx, struct days_need *needs, size_t count, struct error *e)
{
    const struct catch_up *c = ctx;
    struct error why = {0};
    bool whole = from_bronze(c, needs, count, &why) == ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct day_keys *k = needs[i].keys;
        if (whole && (int64_t)k->set.count == needs[i].rows) continue;
        char date[CLOCK_ISO_MAX];
        log_warn("dedupe: bronze does not tell the keys of %s %s (%s); taking them from silver", k->table->table,
                 clock_format_date(k->day, date), whole ? "their number differs" : why.what);
        enum err rc = from_silver(c, &needs[i], e);
        if (rc != ERR_OK) return rc;
    }
    return ERR_OK;
}
