#include "lake/audit.h"

#include "base/mem.h"
#include "lake/audit_internal.h"
#include "lake/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void audit_say(struct audit *a, bool ok, const char *check, const char *where, const char *fmt, ...)
{
    char what[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    mem_grow(&a->out->finding, &a->cap, a->out->count + 1, sizeof *a->out->finding);
    a->out->finding[a->out->count++] =
        (struct lake_finding){ok, check, arena_strdup(&a->out->arena, where), arena_strdup(&a->out->arena, what)};
    a->out->bad += !ok;
}

int64_t audit_counted(const struct audit *a, enum lake_layer layer, const char *table)
{
    char *key = mem_printf("%s/%s", lake_layer_name(layer), table);
    const struct counted *c = (struct counted *)map_get(&a->counted, key);
    mem_free(key);
    return c ? c->rows : 0;
}

/* ---- the log ---- */

/* A handle of our own on the same store, filled from the log alone. */
static enum err open_view(struct lake *lake, struct lake **out, struct error *e)
{
    struct lake_entry entry;
    uint64_t head;
    enum err rc = ERR_OK;
    struct lake *v = mem_zalloc(sizeof *v);
    *out = v;
    v->mode = LAKE_READER;
    pthread_mutex_init(&v->reload, NULL);
    pthread_rwlock_init(&v->guard, NULL);
    pthread_mutex_init(&v->turn.mutex, NULL);
    pthread_cond_init(&v->turn.moved, NULL);
    TRY(store_open(lake_url(lake), STORE_FRESH, &v->store, e));
    TRY(lake_log_head(v->store, &head, e));
    for (uint64_t n = 0; n <= head; n++) {
        TRY(lake_log_read(v->store, n, &entry, e));
        TRY(lake_take_in(v, &entry, e));
    }
done:
    return rc;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A state's lines in order, so that equal states give equal hashes. */
static struct hash128 digest(const struct lake_state *s)
{
    struct buf text = {0}, sorted = {0};
    char **line = NULL, *rest = NULL;
    size_t n = 0, cap = 0;
    checkpoint_write(s, &text);
    for (char *p = strtok_r(text.ptr, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest)) {
        if (*p == 'E') continue;
        size_t len = strlen(p);
        while ((*p == 'B' || *p == 'R') && len > 2 && p[len - 1] == '0') p[--len] = '\0'; /* room at the bits' end */
        mem_grow(&line, &cap, n + 1, sizeof *line);
        line[n++] = p;
    }
    if (n) qsort(line, n, sizeof *line, by_text);
    for (size_t i = 0; i < n; i++) buf_printf(&sorted, "%s\n", line[i]);
    struct hash128 h = hash_128(sorted.ptr, sorted.len);
    mem_free(line);
    buf_reset(&text);
    buf_reset(&sorted);
    return h;
}

static enum err audit_log(struct audit *a, struct lake *lake, struct error *e)
{
    struct error own;
    struct lake *view = NULL;
    enum err rc = open_view(lake, &view, &own);
    if (rc != ERR_OK && rc != ERR_CORRUPT && rc != ERR_UNSUPPORTED) {
        lake_close(&view);
        if (e) *e = own;
        return rc;
    }
    if (rc != ERR_OK) {
        audit_say(a, false, "log", own.where[0] ? own.where : "log", "%s", own.what);
        lake_close(&view);
        a->view = lake;
        return ERR_OK;
    }
    a->view = view;
    a->own_view = true;
    audit_say(a, true, "log", "log", "%llu commits, each follows the one before", (unsigned long long)view->state.number);
    pthread_rwlock_rdlock(&lake->guard);
    bool same_commit = lake->state.number == view->state.number;
    bool same = !same_commit || hash_eq(digest(&lake->state), digest(&view->state));
    pthread_rwlock_unlock(&lake->guard);
    if (!same) audit_say(a, false, "log", CHECKPOINT_FOLDER, "the checkpoint says something else than the log: remove it");
    return ERR_OK;
}

/* ---- the invariant ---- */

static void audit_sources(struct audit *a)
{
    char where[1024];
    for (size_t i = 0; i < a->sources.count; i++) {
        const struct lake_source *x = &a->sources.source[i];
        if (x->partition >= 0) snprintf(where, sizeof where, "%s %s/%d", x->source, x->topic, (int)x->partition);
        else snprintf(where, sizeof where, "%s %s %s", x->source, x->topic, *x->name ? x->name : x->id);
        bool ok = x->records == x->rows + x->blank;
        audit_say(a, ok, "partition", where, "%lld delivered = %lld bronze rows + %lld blank%s; read up to %lld", (long long)x->records,
                  (long long)x->rows, (long long)x->blank, ok ? "" : " DO NOT AGREE", (long long)x->next);
        if (x->lost) audit_say(a, true, "partition", where, "%lld records were given up as lost", (long long)x->lost);
    }
}

struct outcome {
    int64_t read, rows, quarantined, duplicates, blank;
};

static struct outcome outcome_of(const struct lake_totals *t, const char *topic)
{
    struct outcome o = {0};
    for (size_t i = 0; i < t->count_count; i++) {
        const struct lake_count *c = &t->count[i];
        if (strcmp(c->topic, topic)) continue;
        o.read += c->read;
        o.rows += c->rows;
        o.duplicates += c->duplicates;
        o.blank += c->blank;
        for (size_t k = 0; k < c->reason_count; k++) o.quarantined += c->reasons[k].rows;
    }
    return o;
}

static void audit_topic(struct audit *a, const struct lake_total *t)
{
    struct outcome o = outcome_of(&a->totals, t->topic);
    int64_t bronze = audit_counted(a, LAKE_BRONZE, t->topic), quarantine = audit_counted(a, LAKE_QUARANTINE, t->topic);
    int64_t due = t->bronze_rows - t->retired_rows, refined = t->bronze_rows - t->void_rows - t->pending_rows;
    if (bronze != due)
        audit_say(a, false, "topic", t->topic, "%lld rows in bronze files, but %lld were delivered and %lld retired", (long long)bronze,
                  (long long)t->bronze_rows, (long long)t->retired_rows);
    if (quarantine != o.quarantined)
        audit_say(a, false, "topic", t->topic, "%lld rows in quarantine files, but %lld were quarantined", (long long)quarantine,
                  (long long)o.quarantined);
    if (refined != o.read || o.read != o.rows + o.quarantined + o.duplicates + o.blank)
        audit_say(a, false, "topic", t->topic,
                  "%lld bronze rows refined, but %lld read = %lld silver rows + %lld quarantined + %lld duplicates + %lld blank",
                  (long long)refined, (long long)o.read, (long long)o.rows, (long long)o.quarantined, (long long)o.duplicates,
                  (long long)o.blank);
    else
        audit_say(a, true, "topic", t->topic, "%lld bronze rows = %lld silver rows + %lld quarantined + %lld duplicates + %lld blank%s",
                  (long long)refined, (long long)o.rows, (long long)o.quarantined, (long long)o.duplicates, (long long)o.blank,
                  t->pending_rows ? "" : "; nothing waits");
    if (t->pending_rows) audit_say(a, true, "topic", t->topic, "%lld more bronze rows are not refined yet", (long long)t->pending_rows);
}

static void audit_tables(struct audit *a)
{
    const struct lake_totals *totals = &a->totals;
    for (size_t i = 0; i < a->tables.count; i++) {
        const struct lake_table *t = &a->tables.table[i];
        int64_t expected = 0;
        bool counted = false;
        if (t->layer != LAKE_SILVER) continue;
        for (size_t k = 0; k < totals->count_count; k++) {
            if (strcmp(totals->count[k].table, t->table)) continue;
            expected += totals->count[k].rows + totals->count[k].derived;
            counted = true;
        }
        if (!counted) continue; /* dimensions */
        int64_t found = audit_counted(a, LAKE_SILVER, t->table);
        audit_say(a, found == expected, "table", t->table, "%lld rows in silver files, %lld refined", (long long)found,
                  (long long)expected);
    }
}

static void take_snapshot(struct audit *a)
{
    lake_files(a->view, NULL, &a->files);
    lake_totals(a->view, &a->totals);
    lake_sources(a->view, NULL, NULL, &a->sources);
    lake_tables(a->view, &a->tables);
}

static void reset(struct audit *a)
{
    MAP_EACH (&a->counted, item) {
        mem_free((void *)(uintptr_t)item->key);
        mem_free(item);
    }
    map_reset(&a->counted);
    lake_files_free(&a->files);
    lake_totals_free(&a->totals);
    lake_sources_free(&a->sources);
    lake_tables_free(&a->tables);
    if (a->own_view) lake_close(&a->view);
}

enum err lake_audit(struct lake *lake, const struct lake_audit_options *options, struct lake_audit *out, struct error *e)
{
    static const struct lake_audit_options none;
    struct audit a = {.options = options ? options : &none, .out = out};
    enum err rc = ERR_OK;
    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    TRY(audit_log(&a, lake, e));
    take_snapshot(&a);
    audit_files(&a);
    TRY(audit_unknown(&a, e));
    TRY(audit_staging(&a, e));
    audit_sources(&a);
    for (size_t i = 0; i < a.totals.topic_count; i++) audit_topic(&a, &a.totals.topic[i]);
    audit_tables(&a);
done:
    reset(&a);
    if (rc != ERR_OK) lake_audit_free(out);
    return rc;
}

void lake_audit_free(struct lake_audit *audit)
{
    mem_free(audit->finding);
    arena_reset(&audit->arena);
    memset(audit, 0, sizeof *audit);
}
