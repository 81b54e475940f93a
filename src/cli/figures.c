#include "cli/figures.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { MARKS = 16 };

void figures_init(struct figures *f, bool from_kafka, bool gold)
{
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    f->from_kafka = from_kafka;
    f->gold = gold;
    f->started_ns = clock_mono_ns();
    f->newest_ms = -1;
}

void figures_reset(struct figures *f) { pthread_mutex_destroy(&f->lock); }

void figures_reading(struct figures *f, struct kafka *k)
{
    pthread_mutex_lock(&f->lock);
    f->k = k;
    pthread_mutex_unlock(&f->lock);
}

void figures_commit(struct figures *f, const struct live_commit *c)
{
    pthread_mutex_lock(&f->lock);
    f->records += c->totals.read;
    f->rows += c->totals.rows;
    f->bytes += c->bytes;
    f->duplicates += c->totals.duplicates;
    f->quarantined += c->totals.quarantined;
    f->commits++;
    f->commit_ns += c->took_ns;
    f->last_commit_ns = c->took_ns;
    f->number = c->number;
    if (!f->gold && c->newest_ms > f->newest_ms) f->newest_ms = c->newest_ms;
    pthread_mutex_unlock(&f->lock);
}

void figures_built(struct figures *f, const struct live_built *b)
{
    pthread_mutex_lock(&f->lock);
    f->builds++;
    f->build_ns += b->took_ns;
    f->last_build_ns = b->took_ns;
    if (b->newest_ms > f->newest_ms) f->newest_ms = b->newest_ms;
    pthread_mutex_unlock(&f->lock);
}

void figures_tick(struct figures *f)
{
    pthread_mutex_lock(&f->lock);
    f->mark[f->marks % MARKS].ns = clock_mono_ns();
    f->mark[f->marks % MARKS].records = f->records;
    f->marks++;
    pthread_mutex_unlock(&f->lock);
}

/* Over the last marks (some 8 s). With the lock held. */
static double rate(const struct figures *f)
{
    if (f->marks < 2) return 0;
    unsigned newest = (f->marks - 1) % MARKS, oldest = f->marks > MARKS ? f->marks % MARKS : 0;
    double seconds = (double)(f->mark[newest].ns - f->mark[oldest].ns) / 1e9;
    return seconds > 0 ? (double)(f->mark[newest].records - f->mark[oldest].records) / seconds : 0;
}

static void metric(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    buf_printf(out, "# HELP lakefm_%s %s\n# TYPE lakefm_%s %s\nlakefm_%s %.6g\n", name, help, name, type, name, value);
}

static void counter(struct buf *out, const char *name, const char *help, int64_t value)
{
    buf_printf(out, "# HELP lakefm_%s %s\n# TYPE lakefm_%s counter\nlakefm_%s %lld\n", name, help, name, name, (long long)value);
}

static void summary(struct buf *out, const char *name, const char *help, uint64_t sum_ns, uint64_t count)
{
    buf_printf(out, "# HELP lakefm_%s %s\n# TYPE lakefm_%s summary\nlakefm_%s_sum %.6f\nlakefm_%s_count %llu\n", name, help, name, name,
               (double)sum_ns / 1e9, name, (unsigned long long)count);
}

static void lag_metrics(const struct kafka_lag *lag, size_t count, struct buf *out)
{
    if (!count) return;
    buf_str(out, "# HELP lakefm_lag Records in Kafka that are not read yet.\n# TYPE lakefm_lag gauge\n");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "lakefm_lag{topic=\"%s\",partition=\"%d\"} %lld\n", lag[i].topic, (int)lag[i].partition,
                   (long long)(lag[i].end - lag[i].next));
    buf_str(out, "# HELP lakefm_position The next offset to be read.\n# TYPE lakefm_position gauge\n");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "lakefm_position{topic=\"%s\",partition=\"%d\"} %lld\n", lag[i].topic, (int)lag[i].partition, (long long)lag[i].next);
}

void figures_metrics(struct figures *f, struct buf *out)
{
    struct kafka_lag *lag = NULL;
    pthread_mutex_lock(&f->lock);
    size_t count = f->k ? kafka_lags(f->k, &lag) : 0;
    lag_metrics(lag, count, out);
    metric(out, "reading", "gauge", "1 while the source is read.", !f->from_kafka || f->k);
    metric(out, "records_per_second", "gauge", "Records committed a second, over the last seconds.", rate(f));
    counter(out, "run_records_total", "Records committed since this process began.", f->records);
    counter(out, "run_rows_total", "Of them: rows of silver.", f->rows);
    counter(out, "run_bytes_total", "Their raw bytes.", f->bytes);
    counter(out, "run_duplicates_total", "Of them: exact duplicates, dropped.", f->duplicates);
    counter(out, "run_quarantined_total", "Of them: in quarantine.", f->quarantined);
    summary(out, "commit_seconds", "From the cut of a batch to its commit.", f->commit_ns, f->commits);
    metric(out, "last_commit_seconds", "gauge", "The same of the last commit.", (double)f->last_commit_ns / 1e9);
    summary(out, "build_seconds", "Building gold after a commit.", f->build_ns, f->builds);
    metric(out, "last_build_seconds", "gauge", "The same of the last build.", (double)f->last_build_ns / 1e9);
    if (f->newest_ms >= 0)
        metric(out, "freshness_seconds", "gauge", "Age of the newest event visible in gold.", (double)(clock_now_ms() - f->newest_ms) / 1000);
    pthread_mutex_unlock(&f->lock);
    mem_free(lag);
}

bool figures_ready(struct figures *f, struct buf *why)
{
    pthread_mutex_lock(&f->lock);
    bool ready = !f->from_kafka || f->k;
    pthread_mutex_unlock(&f->lock);
    if (!ready) buf_str(why, "Kafka is not read\n");
    return ready;
}

void figures_line(struct figures *f, struct buf *out)
{
    char text[32];
    struct kafka_lag *lag = NULL;
    int64_t behind = 0;
    pthread_mutex_lock(&f->lock);
    size_t count = f->k ? kafka_lags(f->k, &lag) : 0;
    for (size_t i = 0; i < count; i++) behind += lag[i].end - lag[i].next;
    buf_printf(out, "run  commit %llu  %s records", (unsigned long long)f->number, cli_human_count(f->records, text));
    buf_printf(out, "  %s/s", cli_human_count((int64_t)rate(f), text));
    if (f->from_kafka && !f->k) buf_str(out, "  waiting for Kafka");
    else if (f->from_kafka) buf_printf(out, "  lag %s", cli_human_count(behind, text));
    if (f->newest_ms >= 0)
        buf_printf(out, "  newest %s %s old", f->gold ? "in gold" : "in silver", cli_human_ms(clock_now_ms() - f->newest_ms, text));
    pthread_mutex_unlock(&f->lock);
    mem_free(lag);
}
