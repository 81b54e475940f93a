#include "refine/days.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "refine/days_file.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETURNS_MOST = 2 };

struct days {
    struct days_options o;
    struct day_keys **day;
    size_t count, cap;
    uint32_t *slots; /* index + 1, by table and day */
    size_t slot_count;
    uint64_t batch, clock;
    bool anew;
    atomic_size_t bytes; /* of sets that are here and not leaving */
    size_t limit;
    struct keyset_spare spare;
    pthread_mutex_t lock;
    pthread_cond_t written;
    struct day_keys *leaving; /* queue */
};

struct days *days_new(const struct days_options *options)
{
    struct days *d = mem_zalloc(sizeof *d);
    d->o = *options;
    keyset_spare_init(&d->spare);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->written, NULL);
    return d;
}

static void day_free(struct day_keys *k)
{
    keyset_reset(&k->set);
    mem_free(k->fresh);
    mem_free(k);
}

void days_free(struct days **days)
{
    if (!*days) return;
    for (size_t i = 0; i < (*days)->count; i++) day_free((*days)->day[i]);
    mem_free((*days)->day);
    mem_free((*days)->slots);
    keyset_spare_reset(&(*days)->spare);
    pthread_mutex_destroy(&(*days)->lock);
    pthread_cond_destroy(&(*days)->written);
    mem_free(*days);
    *days = NULL;
}

/* Heap; NULL: this lake has no state folder. */
static char *file_path(const struct days *d, const struct day_keys *k, const char *suffix)
{
    char date[CLOCK_ISO_MAX];
    char *name = mem_printf("dedupe/%s/%s.%s", k->table->table, clock_format_date(k->day, date), suffix);
    char *path = lake_state_path(d->o.lake, name);
    mem_free(name);
    return path;
}

/* ---- finding ---- */

static size_t slot_of(const struct days *d, const struct contract *table, int64_t day)
{
    uint64_t h = ((uint64_t)day * 0x9E3779B97F4A7C15ull) ^ ((uint64_t)(uintptr_t)table * 0xD6E8FEB86659FD93ull);
    return (size_t)(h ^ h >> 29) & (d->slot_count - 1);
}

static void put_slot(struct days *d, size_t index)
{
    size_t at = slot_of(d, d->day[index]->table, d->day[index]->day);
    while (d->slots[at]) at = (at + 1) & (d->slot_count - 1);
    d->slots[at] = (uint32_t)index + 1;
}

static void rehash(struct days *d)
{
    while (d->slot_count < 64 || d->count * 2 >= d->slot_count) d->slot_count = d->slot_count ? d->slot_count * 2 : 64;
    mem_free(d->slots);
    d->slots = mem_zalloc(d->slot_count * sizeof *d->slots);
    for (size_t i = 0; i < d->count; i++) put_slot(d, i);
}

static struct day_keys *find(struct days *d, const struct contract *table, int64_t day)
{
    if (!d->slot_count) return NULL;
    for (size_t at = slot_of(d, table, day); d->slots[at]; at = (at + 1) & (d->slot_count - 1)) {
        struct day_keys *k = d->day[d->slots[at] - 1];
        if (k->day == day && k->table == table) return k;
    }
    return NULL;
}

static struct day_keys *make(struct days *d, const struct contract *table, int64_t day)
{
    struct day_keys *k = mem_zalloc(sizeof *k);
    k->table = table;
    k->day = day;
    k->set.spare = &d->spare;
    mem_grow(&d->day, &d->cap, d->count + 1, sizeof *d->day);
    d->day[d->count++] = k;
    if (d->count * 2 >= d->slot_count) rehash(d);
    else put_slot(d, d->count - 1);
    return k;
}

/* Drops the entries for which gone() holds. */
static void sweep(struct days *d, bool (*gone)(const struct day_keys *k))
{
    size_t kept = 0;
    d->bytes = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (gone(d->day[i])) {
            day_free(d->day[i]);
            continue;
        }
        d->bytes += keyset_bytes(&d->day[i]->set);
        d->day[kept++] = d->day[i];
    }
    d->count = kept;
    rehash(d);
}

static bool all(const struct day_keys *k) { return k != NULL; }

void days_begin(struct days *d, uint64_t batch, bool anew)
{
    d->batch = batch;
    d->anew = anew;
    d->limit = d->o.bytes;
    if (anew) sweep(d, all);
    for (size_t i = 0; i < d->count; i++) {
        d->day[i]->checked = false;
        d->day[i]->returns = 0;
    }
}

/* ---- memory ---- */

static void count_bytes(struct days *d, size_t before, const struct day_keys *k)
{
    d->bytes += keyset_bytes(&k->set);
    d->bytes -= before;
}

/* Writes the set of a touched day to a file that becomes its state file with the commit. */
static bool write_next(struct days *d, struct day_keys *k)
{
    struct error e = {0};
    char *path = file_path(d, k, "next");
    bool ok = path && days_file_write(path, lake_id(d->o.lake), k->day, &k->set, d->batch, &k->file_bytes, &e) == ERR_OK;
    if (path && !ok) log_debug("dedupe: %s", e.what);
    mem_free(path);
    return ok;
}

void days_settle(struct days *d)
{
    pthread_mutex_lock(&d->lock);
    for (struct day_keys *k; (k = d->leaving);) {
        d->leaving = k->leaving;
        k->place = DAY_WRITING;
        pthread_mutex_unlock(&d->lock);
        bool ok = write_next(d, k);
        pthread_mutex_lock(&d->lock);
        if (ok) {
            keyset_reset(&k->set);
            k->place = DAY_AWAY;
        } else { /* it stays, for this batch */
            k->returns = RETURNS_MOST + 1;
            k->place = DAY_HERE;
            d->bytes += keyset_bytes(&k->set);
        }
        pthread_cond_broadcast(&d->written);
    }
    pthread_mutex_unlock(&d->lock);
}

/* Takes a set out of the queue, or waits until it is written. */
static void stop_leaving(struct days *d, struct day_keys *k)
{
    pthread_mutex_lock(&d->lock);
    while (k->place == DAY_WRITING) pthread_cond_wait(&d->written, &d->lock);
    if (k->place == DAY_LEAVING) {
        struct day_keys **at = &d->leaving;
        while (*at != k) at = &(*at)->leaving;
        *at = k->leaving;
        k->place = DAY_HERE;
        k->returns++;
        d->bytes += keyset_bytes(&k->set);
    }
    pthread_mutex_unlock(&d->lock);
}

static void start_leaving(struct days *d, struct day_keys *k)
{
    pthread_mutex_lock(&d->lock);
    struct day_keys **at = &d->leaving;
    while (*at) at = &(*at)->leaving;
    *at = k;
    k->leaving = NULL;
    k->place = DAY_LEAVING;
    d->bytes -= keyset_bytes(&k->set);
    pthread_mutex_unlock(&d->lock);
}

static int compare_used(const void *a, const void *b)
{
    uint64_t x = (*(struct day_keys *const *)a)->used, y = (*(struct day_keys *const *)b)->used;
    return x < y ? -1 : x > y;
}

static void drop_fresh(struct day_keys *k)
{
    mem_free(k->fresh);
    k->fresh = NULL;
    k->fresh_count = k->fresh_cap = 0;
}

static void drop_set(struct days *d, struct day_keys *k)
{
    if (k->touched) {
        k->has_file = false; /* the file `next` will hold all */
        drop_fresh(k);
        start_leaving(d, k);
        return;
    }
    d->bytes -= keyset_bytes(&k->set);
    keyset_reset(&k->set);
    k->checked = false;
}

/* Down to three quarters, so that the search pays. When all are in use, the limit gives way for this batch. */
static void make_room(struct days *d, const struct day_keys *keep)
{
    struct day_keys **idle = mem_array(d->count, sizeof *idle);
    size_t n = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->count; i++) {
        struct day_keys *k = d->day[i];
        if (k != keep && k->place == DAY_HERE && k->set.room && k->returns <= RETURNS_MOST) idle[n++] = k;
    }
    pthread_mutex_unlock(&d->lock);
    qsort(idle, n, sizeof *idle, compare_used);
    for (size_t i = 0; i < n && d->bytes > d->limit / 4 * 3; i++) drop_set(d, idle[i]);
    if (d->bytes > d->limit / 4 * 3) d->limit = d->bytes + d->bytes / 2;
    mem_free(idle);
}

static enum err come_back(struct days *d, struct day_keys *k, struct error *e)
{
    struct days_file file = {0};
    char *path = file_path(d, k, "next");
    enum err rc = days_file_read(path, lake_id(d->o.lake), k->day, &k->set, &file, e);
    if (rc == ERR_OK && !file.whole) rc = err_set(e, ERR_CORRUPT, "%s was changed while in use", path);
    count_bytes(d, 0, k);
    k->place = DAY_HERE;
    k->returns++;
    mem_free(path);
    return rc;
}

/* ---- against the lake ---- */

struct standing { /* what silver has of a day */
    int64_t rows;
    uint64_t last; /* commit */
};

static struct standing standing_of(const struct days *d, const struct contract *table, int64_t day)
{
    struct standing out = {0};
    struct lake_files files = {0};
    if (d->anew) return out;
    lake_files(d->o.lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = table->table, .by_date = true,
                                                .from_date = day, .to_date = day}, &files);
    for (size_t i = 0; i < files.count; i++) {
        out.rows += files.file[i]->rows;
        if (files.file[i]->rows && files.file[i]->max_batch > out.last) out.last = files.file[i]->max_batch;
    }
    lake_files_free(&files);
    return out;
}

static bool up_to_date(const struct day_keys *k, struct standing s)
{
    return (int64_t)k->set.count == s.rows && (!s.rows || k->through >= s.last);
}

/* Reads the state file. What it lacks is left to catch_up. */
static void load(struct days *d, struct day_keys *k, struct standing s)
{
    struct days_file file = {0};
    struct error e = {0};
    char *path = file_path(d, k, "keys");
    size_t before = keyset_bytes(&k->set);
    keyset_reset(&k->set);
    k->through = 0;
    k->has_file = false;
    if (path && s.rows && days_file_read(path, lake_id(d->o.lake), k->day, &k->set, &file, &e) == ERR_OK) {
        k->through = file.through;
        k->file_bytes = file.bytes;
        k->has_file = file.whole && up_to_date(k, s);
        if ((int64_t)k->set.count > s.rows) { /* another history: rows were removed */
            keyset_reset(&k->set);
            k->through = 0;
        }
    }
    count_bytes(d, before, k);
    mem_free(path);
}

/* Other days that have fallen behind by commits of the same span are caught up in the same pass over bronze, as far as
 * memory allows: a state folder that is gone costs one pass, not one for each day. */
static void add_needs(struct days *d, struct days_need **needs, size_t *count, size_t *cap)
{
    size_t room = d->o.bytes > d->bytes ? (d->o.bytes - d->bytes) / 2 : 0;
    for (size_t c = 0; c < d->o.contracts->count; c++) {
        const struct contract *table = d->o.contracts->contracts[c];
        if (!table->table) continue;
        struct lake_files files = {0};
        lake_files(d->o.lake, &(struct lake_filter){.layers = 1u << LAKE_SILVER, .table = table->table}, &files);
        for (size_t i = 0; i < files.count; i++) {
            int64_t day = files.file[i]->date;
            if (!files.file[i]->rows || (i && files.file[i - 1]->date == day)) continue;
            struct standing s = standing_of(d, table, day);
            struct day_keys *k = find(d, table, day);
            if ((k && k->checked) || (size_t)s.rows * 40 > room) continue;
            if (!k) {
                char date[CLOCK_ISO_MAX];
                char *name = mem_printf("dedupe/%s/%s.keys", table->table, clock_format_date(day, date));
                char *path = lake_state_path(d->o.lake, name);
                bool fine = path && days_file_claims(path, lake_id(d->o.lake), day, s.rows, s.last);
                mem_free(name);
                mem_free(path);
                if (fine) continue;
                k = make(d, table, day);
            }
            load(d, k, s);
            if (up_to_date(k, s)) continue;
            mem_grow(needs, cap, *count + 1, sizeof **needs);
            (*needs)[(*count)++] = (struct days_need){k, s.rows};
            room -= (size_t)s.rows * 40;
        }
        lake_files_free(&files);
    }
}

static void recount(struct days *d)
{
    size_t bytes = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->count; i++)
        if (d->day[i]->place == DAY_HERE) bytes += keyset_bytes(&d->day[i]->set);
    d->bytes = bytes;
    pthread_mutex_unlock(&d->lock);
}

static enum err catch_up(struct days *d, struct day_keys *k, struct standing s, struct error *e)
{
    struct days_need *needs = NULL;
    size_t count = 0, cap = 0;
    enum err rc;
    k->checked = true; /* so that add_needs passes it by */
    mem_grow(&needs, &cap, 1, sizeof *needs);
    needs[count++] = (struct days_need){k, s.rows};
    add_needs(d, &needs, &count, &cap);
    log_info("dedupe: reading the keys of %zu day%s again", count, count == 1 ? "" : "s");
    TRY(d->o.catch_up(d->o.ctx, needs, count, e));
    recount(d);
    for (size_t i = 0; i < count; i++) {
        struct day_keys *one = needs[i].keys;
        struct standing now = standing_of(d, one->table, one->day);
        one->through = now.last;
        if ((int64_t)one->set.count != needs[i].rows) {
            char date[CLOCK_ISO_MAX];
            rc = err_set(e, ERR_CORRUPT, "silver has %" PRId64 " rows of %s on %s, but %zu keys", needs[i].rows,
                         one->table->table, clock_format_date(one->day, date), one->set.count);
            err_hint(e, "`lakefm audit` tells what differs; `lakefm refine --rebuild` makes silver anew from bronze");
            if (one == k) goto done;
            keyset_reset(&one->set); /* not asked for: whoever asks for it hears of it */
            one->through = 0;
            continue;
        }
        one->checked = true;
        char *path = file_path(d, one, "keys");
        one->has_file = path && days_file_write(path, lake_id(d->o.lake), one->day, &one->set, one->through,
                                                &one->file_bytes, NULL) == ERR_OK;
        mem_free(path);
    }
    rc = ERR_OK;
done:
    mem_free(needs);
    if (rc != ERR_OK) k->checked = false;
    return rc;
}

enum err days_get(struct days *d, const struct contract *table, int64_t day, struct day_keys **out, struct error *e)
{
    struct day_keys *k = find(d, table, day);
    enum err rc = ERR_OK;
    if (!k) k = make(d, table, day);
    k->used = ++d->clock;
    if (!k->checked) {
        struct standing s = standing_of(d, table, day);
        if (!up_to_date(k, s)) load(d, k, s);
        if (!up_to_date(k, s)) TRY(catch_up(d, k, s, e));
        k->checked = true;
    }
    *out = k;
done:
    return rc;
}

enum err days_add(struct days *d, struct day_keys *k, const struct hash128 *key, const uint64_t *payload,
                  const uint16_t *rows, size_t n, uint8_t *answer, struct error *e)
{
    enum err rc = ERR_OK;
    k->used = ++d->clock;
    stop_leaving(d, k);
    if (k->place == DAY_AWAY) TRY(come_back(d, k, e));
    else if (!k->checked) { /* its clean set was dropped for room */
        struct day_keys *same;
        k->returns++;
        TRY(days_get(d, k->table, k->day, &same, e));
    }
    size_t before = keyset_bytes(&k->set);
    if (!k->set.room) { /* a new day: likely as big as the one before */
        const struct day_keys *yesterday = find(d, k->table, k->day - 1);
        if (yesterday) keyset_reserve(&k->set, yesterday->known + yesterday->known / 8);
    }
    size_t fresh = keyset_add_rows(&k->set, key, payload, rows, n, answer);
    count_bytes(d, before, k);
    k->known = k->set.count;
    if (fresh) {
        k->touched = true;
        if (k->has_file) {
            mem_grow(&k->fresh, &k->fresh_cap, k->fresh_count + fresh, sizeof *k->fresh);
            for (size_t i = 0; i < n; i++) {
                if (answer[i] != KEYSET_NEW) continue;
                size_t row = rows ? rows[i] : i;
                k->fresh[k->fresh_count++] = (struct keyset_entry){key[row].lo, key[row].hi, keyset_payload(payload[row])};
            }
        }
    }
    if (d->bytes > d->limit) make_room(d, k);
done:
    return rc;
}

/* ---- the end of a batch ---- */

static void keep(struct days *d, struct day_keys *k)
{
    struct hash128 id = lake_id(d->o.lake);
    struct error e = {0};
    char *path = file_path(d, k, "keys"), *next = file_path(d, k, "next");
    enum err rc = ERR_OK;
    k->through = d->batch;
    if (!path) goto done;
    if (k->place == DAY_AWAY) {
        if (rename(next, path) != 0) rc = ERR_IO;
        k->has_file = rc == ERR_OK;
        k->place = DAY_HERE;
        k->checked = false; /* the set is not here */
    } else if (k->has_file && days_file_append(path, k->file_bytes, k->fresh, k->fresh_count, d->batch, k->set.count,
                                               &k->file_bytes, &e) == ERR_OK) {
        rc = ERR_OK;
    } else {
        rc = days_file_write(path, id, k->day, &k->set, d->batch, &k->file_bytes, &e);
        k->has_file = rc == ERR_OK;
    }
    if (rc != ERR_OK) log_warn("dedupe: %s could not be kept (%s); it will be read from bronze again", path, e.what);
done:
    mem_free(path);
    mem_free(next);
}

static bool empty(const struct day_keys *k) { return !k->set.room; }

void days_committed(struct days *d)
{
    days_settle(d);
    for (size_t i = 0; i < d->count; i++) {
        struct day_keys *k = d->day[i];
        if (k->touched) keep(d, k);
        k->touched = false;
        drop_fresh(k);
    }
    sweep(d, empty);
}

static bool was_touched(const struct day_keys *k) { return k->touched || !k->set.room; }

void days_abandon(struct days *d)
{
    d->leaving = NULL;
    for (size_t i = 0; i < d->count; i++) {
        if (d->day[i]->place != DAY_AWAY) continue;
        char *next = file_path(d, d->day[i], "next");
        if (next) unlink(next);
        mem_free(next);
    }
    sweep(d, was_touched);
}
