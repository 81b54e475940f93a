#include "refine/engine.h"

#include "base/mem.h"
#include "refine/replay.h"

#include <inttypes.h>

/* Each refine or live commit of the past, in order, with the bronze it consumed: rows come back under its number. */
static enum err add_history(struct refine *r, struct replay *replay, struct lake_batch *batch, uint64_t head, struct error *e)
{
    struct lake_entry entry;
    enum err rc = ERR_OK;
    for (uint64_t n = 1; rc == ERR_OK && n <= head; n++) {
        rc = lake_entry_read(r->lake, n, &entry, e);
        if (rc == ERR_OK && entry.kind == LAKE_LIVE) {
            rc = replay_add(replay, n, n, NULL, NULL, e);
            if (rc == ERR_OK) rc = lake_batch_consume(batch, n, e);
        }
        for (size_t k = 0; rc == ERR_OK && entry.kind == LAKE_REFINE && k < entry.consumed_count; k++)
            for (uint64_t b = entry.consumed[k].first; rc == ERR_OK && b <= entry.consumed[k].last; b++) {
                rc = replay_add(replay, b, n, NULL, NULL, e);
                if (rc == ERR_OK) rc = lake_batch_consume(batch, b, e);
            }
        lake_entry_reset(&entry);
    }
    if (rc == ERR_NOT_FOUND) err_hint(e, "silver is left as it is: it holds rows that cannot be made again");
    return rc;
}

enum err refine_rebuild(struct refine *r, struct refine_totals *totals, struct error *e)
{
    struct lake_batch *batch = NULL;
    struct replay *replay = NULL;
    struct refine_source source;
    struct lake_head head;
    bool too_many = false;
    struct error commit = {0};
    enum err rc;

    *totals = (struct refine_totals){0};
    TRY(lake_batch_begin(r->lake, LAKE_REBUILD, &batch, e));
    lake_batch_reset(batch);
    lake_head(r->lake, &head);
    replay = replay_new(r->lake, r->o.contracts);
    TRY(add_history(r, replay, batch, head.number, e));
    TRY(lake_batch_remove_all(batch, LAKE_SILVER, e));
    TRY(lake_batch_remove_all(batch, LAKE_QUARANTINE, e));
    TRY(refine_begin_batch(r, batch, true, e));
    replay_source(replay, &source);
    TRY(refine_run(r, &source, e));
    TRY(refine_end(r, totals, &too_many, e));
    rc = lake_batch_commit(&batch, NULL, &commit);
    if (rc != ERR_OK) {
        if (e) *e = commit;
        goto done;
    }
    refine_committed(r);
    if (too_many) rc = ERR_REJECTED_TOO_MANY;
done:
    if (rc != ERR_OK && rc != ERR_REJECTED_TOO_MANY) {
        refine_abandon(r);
        lake_batch_abort(&batch);
    }
    replay_free(&replay);
    return rc;
}
