/* External models of a lake: their files become visible together, then their views point to them. */
#include "model/run.h"

enum err run_publish(struct run *run, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = run->d;
    struct model_file *files = mem_zalloc((run->count + 1) * sizeof *files);
    struct session s = {0};
    size_t n = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->results[i];
        if (r->staged && r->status == MODEL_SUCCESS && r->done)
            files[n++] = (struct model_file){.model = r->n->name,
                                             .location = r->location,
                                             .staged = r->staged,
                                             .rows = r->rows,
                                             .sql_hash = r->sql_hash};
    }
    if (!n || !d->hooks->publish) goto done;
    TRY(d->hooks->publish(d->hooks->ctx, files, n, e));
    out->published = n;
    TRY(session_begin(d->warehouse, &s, e));
    for (size_t i = 0; i < run->count; i++)
        if (run->results[i].staged && run->results[i].view_sql && run->results[i].status == MODEL_SUCCESS)
            TRY(session_run(&s, run->results[i].view_sql, false, NULL, e));
done:
    session_end(&s);
    mem_free(files);
    return rc;
}
