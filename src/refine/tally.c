#include "refine/engine.h"

#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

void tally_reset(struct refine *r)
{
    for (size_t i = 0; i < r->topic_count; i++) {
        struct tally *t = &r->topic[i].tally;
        memset(t, 0, sizeof *t);
        for (int k = 0; k < CONTRACT_MAX_ROUTES; k++) {
            t->route[k].min_ts = INT64_MAX;
            t->route[k].max_ts = INT64_MIN;
        }
    }
}

static void set_times(struct lake_count *count, const struct tally *t, uint16_t route)
{
    count->future = t->route[route].future;
    count->late = t->route[route].late;
    if (t->route[route].min_ts > t->route[route].max_ts) return;
    count->min_ts = t->route[route].min_ts;
    count->max_ts = t->route[route].max_ts;
}

static enum err write_topic(struct refine *r, const struct topic *topic, struct error *e)
{
    const struct tally *t = &topic->tally;
    struct lake_reason reasons[DECODE_REASONS];
    enum err rc;
    struct lake_count count = {.topic = topic->contract->topic, .table = topic->layout[0]->contract->table, .read = t->read,
                               .rows = t->rows, .blank = t->blank, .duplicates = t->duplicates, .conflicts = t->conflicts,
                               .drift = t->drift < t->rows ? t->drift : t->rows, .reasons = reasons};
    for (int k = 0; k < DECODE_REASONS; k++) {
        int64_t n = k == DECODE_CONFLICT ? t->conflicts : t->reason[k];
        if (n) reasons[count.reason_count++] = (struct lake_reason){decode_reason_name((enum decode_reason)k), n};
    }
    set_times(&count, t, 0);
    TRY(lake_batch_count(r->batch, &count, e));
    for (uint16_t route = 1; route < topic->contract->route_count; route++) {
        if (!t->route[route].rows) continue;
        struct lake_count derived = {.topic = topic->contract->topic, .table = topic->layout[route]->contract->table,
                                     .derived = t->route[route].rows};
        set_times(&derived, t, route);
        derived.future = derived.late = 0; /* parts of rows, of which there are none */
        TRY(lake_batch_count(r->batch, &derived, e));
    }
done:
    return rc;
}

enum err tally_write(struct refine *r, struct error *e)
{
    struct refine_totals *all = &r->totals;
    enum err rc = ERR_OK;
    *all = (struct refine_totals){.batches = 1, .bytes = all->bytes};
    for (size_t i = 0; i < r->topic_count; i++) {
        const struct tally *t = &r->topic[i].tally;
        if (!t->read) continue;
        all->read += t->read;
        all->rows += t->rows;
        all->blank += t->blank;
        all->duplicates += t->duplicates;
        all->quarantined += t->rejects + t->conflicts;
        all->conflicts += t->conflicts;
        all->drift += t->drift < t->rows ? t->drift : t->rows;
        all->late += t->route[0].late;
        all->future += t->route[0].future;
        for (int k = 1; k < CONTRACT_MAX_ROUTES; k++) all->derived += t->route[k].rows;
        TRY(write_topic(r, &r->topic[i], e));
    }
done:
    return rc;
}

bool tally_too_many(const struct refine *r, struct error *e)
{
    const struct topic *worst = NULL;
    double limit = r->o.max_reject_share > 0 ? r->o.max_reject_share : 0.05;
    int64_t records = r->totals.read - r->totals.blank, bad = r->totals.quarantined;
    int reason = 0;
    if (limit >= 1 || (double)bad <= limit * (double)records) return false;
    for (size_t i = 0; i < r->topic_count; i++) {
        const struct tally *t = &r->topic[i].tally;
        if (!worst || t->rejects + t->conflicts > worst->tally.rejects + worst->tally.conflicts) worst = &r->topic[i];
    }
    const struct tally *t = &worst->tally;
    for (int k = 0; k < DECODE_REASONS; k++)
        if ((k == DECODE_CONFLICT ? t->conflicts : t->reason[k]) > (reason == DECODE_CONFLICT ? t->conflicts : t->reason[reason]))
            reason = k;
    err_set(e, ERR_REJECTED_TOO_MANY, "%" PRId64 " of %" PRId64 " records were quarantined (%.1f %%, the limit is %.1f %%)",
            bad, records, 100.0 * (double)bad / (double)records, 100 * limit);
    err_where(e, "%s, mostly %s", worst->contract->topic, decode_reason_name((enum decode_reason)reason));
    err_hint(e, "all of it is kept: the rows in silver, the records in quarantine/%s", worst->contract->topic);
    return true;
}
