#include "serve/internal.h"

#include "base/clock.h"
#include "lake/audit.h"

#include <stdio.h>
#include <string.h>

static void status_tables(struct lake *lake, struct buf *out)
{
    struct lake_tables tables = {0};
    lake_tables(lake, &tables);
    buf_str(out, ",\"tables\":[");
    for (size_t i = 0; i < tables.count; i++) {
        const struct lake_table *t = &tables.table[i];
        buf_printf(out, "%s\n{\"layer\":\"%s\",\"table\":", i ? "," : "", lake_layer_name(t->layer));
        buf_json(out, t->table, strlen(t->table));
        buf_printf(out, ",\"rows\":%lld,\"files\":%zu,\"bytes\":%lld,\"changed\":%llu,\"watermark_ms\":", (long long)t->rows, t->files,
                   (long long)t->bytes, (unsigned long long)t->changed);
        if (t->watermark_ms == INT64_MIN) buf_str(out, "null}");
        else buf_printf(out, "%lld}", (long long)t->watermark_ms);
    }
    buf_char(out, ']');
    lake_tables_free(&tables);
}

static void status_counts(struct lake *lake, struct buf *out)
{
    struct lake_totals totals = {0};
    lake_totals(lake, &totals);
    buf_str(out, ",\"topics\":[");
    for (size_t i = 0; i < totals.topic_count; i++) {
        const struct lake_total *t = &totals.topic[i];
        buf_str(out, i ? ",\n{\"topic\":" : "\n{\"topic\":");
        buf_json(out, t->topic, strlen(t->topic));
        buf_printf(out, ",\"delivered\":%lld,\"bronze_rows\":%lld,\"blank\":%lld,\"lost\":%lld,\"pending_rows\":%lld}",
                   (long long)t->delivered, (long long)t->bronze_rows, (long long)t->blank, (long long)t->lost, (long long)t->pending_rows);
    }
    buf_str(out, "],\"counts\":[");
    for (size_t i = 0; i < totals.count_count; i++) {
        const struct lake_count *c = &totals.count[i];
        buf_str(out, i ? ",\n{\"topic\":" : "\n{\"topic\":");
        buf_json(out, c->topic, strlen(c->topic));
        buf_str(out, ",\"table\":");
        buf_json(out, c->table, strlen(c->table));
        buf_printf(out, ",\"read\":%lld,\"rows\":%lld,\"duplicates\":%lld,\"conflicts\":%lld,\"late\":%lld,\"future\":%lld,\"drift\":%lld,\"quarantined\":{",
                   (long long)c->read, (long long)c->rows, (long long)c->duplicates, (long long)c->conflicts, (long long)c->late,
                   (long long)c->future, (long long)c->drift);
        for (size_t j = 0; j < c->reason_count; j++) {
            if (j) buf_char(out, ',');
            buf_json(out, c->reasons[j].name, strlen(c->reasons[j].name));
            buf_printf(out, ":%lld", (long long)c->reasons[j].rows);
        }
        buf_str(out, "}}");
    }
    buf_char(out, ']');
    lake_totals_free(&totals);
}

/* The last commits, newest first: what the pipeline did. */
static void status_commits(struct lake *lake, uint64_t newest, struct buf *out)
{
    bool first = true;
    buf_str(out, ",\"commits\":[");
    for (uint64_t n = newest; n > 0 && n + 30 > newest; n--) {
        struct lake_entry entry;
        if (lake_entry_read(lake, n, &entry, NULL) == ERR_OK) {
            int64_t rows = 0, quarantined = 0, duplicates = 0, bytes = 0;
            for (size_t i = 0; i < entry.count_count; i++) {
                rows += entry.counts[i].rows;
                duplicates += entry.counts[i].duplicates;
                for (size_t j = 0; j < entry.counts[i].reason_count; j++) quarantined += entry.counts[i].reasons[j].rows;
            }
            for (size_t i = 0; i < entry.added_count; i++) bytes += entry.added[i].file.bytes;
            buf_printf(out, "%s\n{\"number\":%llu,\"kind\":\"%s\",\"time_ms\":%lld,\"files\":%zu,\"bytes\":%lld,\"rows\":%lld,\"duplicates\":%lld,\"quarantined\":%lld}",
                       first ? "" : ",", (unsigned long long)n, lake_kind_name(entry.kind), (long long)entry.time_ms, entry.added_count,
                       (long long)bytes, (long long)rows, (long long)duplicates, (long long)quarantined);
            first = false;
        }
        lake_entry_reset(&entry);
    }
    buf_char(out, ']');
}

/* All of the status that changes with commits only. */
static void status_of_commit(struct lake *lake, const struct lake_head *head, struct buf *out)
{
    uint64_t built = 0;
    mem_free(lake_build_last(lake, &built));
    buf_printf(out, ",\"version\":%llu,\"commit_time_ms\":%lld,\"built\":%llu,\"pending_rows\":%llu", (unsigned long long)head->number,
               (long long)head->time_ms, (unsigned long long)built, (unsigned long long)head->pending_rows);
    status_tables(lake, out);
    status_counts(lake, out);
    status_commits(lake, head->number, out);
}

void serve_status(struct serve *s, struct buf *out)
{
    struct lake *lake = data_lake(s->data);
    struct lake_head head = {0};
    buf_printf(out, "{\"lakefm\":\"%s\",\"now_ms\":%lld,\"console\":%s,\"url\":", LAKEFM_VERSION, (long long)clock_now_ms(),
               s->options.console ? "true" : "false");
    buf_json(out, s->options.lake_url, strlen(s->options.lake_url));
    if (!lake) {
        buf_str(out, ",\"lake\":null}\n");
        return;
    }
    lake_head(lake, &head);
    pthread_mutex_lock(&s->status_lock);
    if (!s->status.len || s->status_of != head.number) {
        buf_clear(&s->status);
        status_of_commit(lake, &head, &s->status);
        s->status_of = head.number;
    }
    buf_add(out, s->status.ptr, s->status.len);
    pthread_mutex_unlock(&s->status_lock);
    pthread_mutex_lock(&s->audit_lock);
    buf_printf(out, ",\"audit\":%s}\n", s->audit_json ? s->audit_json : "null");
    pthread_mutex_unlock(&s->audit_lock);
}

static void run_audit(struct serve *s, struct lake *lake)
{
    struct lake_audit audit = {0};
    struct lake_audit_options options = {.threads = 1};
    struct error e;
    struct buf out = {0};
    enum err rc = lake_audit(lake, &options, &audit, &e);
    buf_printf(&out, "{\"time_ms\":%lld,", (long long)clock_now_ms());
    if (rc != ERR_OK) {
        buf_str(&out, "\"error\":");
        buf_json(&out, e.what, strlen(e.what));
    } else {
        buf_printf(&out, "\"version\":%llu,\"files\":%lld,\"bytes\":%lld,\"bad\":%zu,\"findings\":[", (unsigned long long)audit.number,
                   (long long)audit.files, (long long)audit.bytes, audit.bad);
        for (size_t i = 0, shown = 0; i < audit.count; i++) {
            const struct lake_finding *f = &audit.finding[i];
            if (f->ok && strcmp(f->check, "topic")) continue;
            buf_printf(&out, "%s{\"ok\":%s,\"where\":", shown++ ? "," : "", f->ok ? "true" : "false");
            buf_json(&out, f->where, strlen(f->where));
            buf_str(&out, ",\"what\":");
            buf_json(&out, f->what, strlen(f->what));
            buf_char(&out, '}');
        }
        buf_char(&out, ']');
    }
    buf_char(&out, '}');
    lake_audit_free(&audit);
    mem_free(s->audit_json);
    s->audit_json = buf_take(&out);
}

void serve_audit(struct serve *s, bool again, struct http_answer *a)
{
    struct lake *lake = data_lake(s->data);
    if (!lake) {
        http_error(a, 404, "not_found", "there is no lake yet");
        return;
    }
    if (again && pthread_mutex_trylock(&s->audit_lock)) {
        http_error(a, 409, "busy", "an audit is running");
        return;
    }
    if (!again) pthread_mutex_lock(&s->audit_lock);
    if (again) run_audit(s, lake);
    buf_str(&a->body, s->audit_json ? s->audit_json : "null");
    pthread_mutex_unlock(&s->audit_lock);
    if (again) hub_say(s->hub, "audit", "{}");
}

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP lakefm_%s %s\n# TYPE lakefm_%s %s\n", name, help, name, type);
}

void serve_metrics(struct serve *s, struct buf *out)
{
    struct lake *lake = data_lake(s->data);
    if (!lake) return;
    struct lake_head head;
    struct lake_tables tables = {0};
    struct lake_totals totals = {0};
    lake_head(lake, &head);
    lake_tables(lake, &tables);
    lake_totals(lake, &totals);
    metric(out, "commit", "gauge", "Number of the last commit.");
    buf_printf(out, "lakefm_commit %llu\n", (unsigned long long)head.number);
    metric(out, "commit_time_seconds", "gauge", "When it was made.");
    buf_printf(out, "lakefm_commit_time_seconds %.3f\n", (double)head.time_ms / 1000);
    metric(out, "pending_rows", "gauge", "Bronze rows not refined yet.");
    buf_printf(out, "lakefm_pending_rows %llu\n", (unsigned long long)head.pending_rows);
    metric(out, "table_rows", "gauge", "Rows of a table.");
    for (size_t i = 0; i < tables.count; i++)
        buf_printf(out, "lakefm_table_rows{layer=\"%s\",table=\"%s\"} %lld\n", lake_layer_name(tables.table[i].layer), tables.table[i].table,
                   (long long)tables.table[i].rows);
    metric(out, "watermark_seconds", "gauge", "Newest event time in a silver table.");
    for (size_t i = 0; i < tables.count; i++)
        if (tables.table[i].watermark_ms != INT64_MIN)
            buf_printf(out, "lakefm_watermark_seconds{table=\"%s\"} %.3f\n", tables.table[i].table, (double)tables.table[i].watermark_ms / 1000);
    metric(out, "records_total", "counter", "Records delivered by the sources.");
    for (size_t i = 0; i < totals.topic_count; i++)
        buf_printf(out, "lakefm_records_total{topic=\"%s\"} %lld\n", totals.topic[i].topic, (long long)totals.topic[i].delivered);
    metric(out, "duplicates_total", "counter", "Exact duplicates dropped.");
    for (size_t i = 0; i < totals.count_count; i++)
        buf_printf(out, "lakefm_duplicates_total{topic=\"%s\",table=\"%s\"} %lld\n", totals.count[i].topic, totals.count[i].table,
                   (long long)totals.count[i].duplicates);
    metric(out, "quarantined_total", "counter", "Records in quarantine, by reason.");
    for (size_t i = 0; i < totals.count_count; i++)
        for (size_t j = 0; j < totals.count[i].reason_count; j++)
            buf_printf(out, "lakefm_quarantined_total{topic=\"%s\",reason=\"%s\"} %lld\n", totals.count[i].topic,
                       totals.count[i].reasons[j].name, (long long)totals.count[i].reasons[j].rows);
    lake_tables_free(&tables);
    lake_totals_free(&totals);
}
