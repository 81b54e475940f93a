/* Inside lake/: an audit under way. */
#ifndef LAKEFM_LAKE_AUDIT_INTERNAL_H
#define LAKEFM_LAKE_AUDIT_INTERNAL_H

#include "lake/audit.h"
#include "lake/internal.h"

struct audit {
    const struct lake_audit_options *options;
    struct lake *view; /* as the log says now, replayed from its first entry; or the caller's lake when that failed */
    bool own_view;
    /* What the log says at one commit; the view itself moves on when files have to be looked at again. */
    struct lake_files files;
    struct lake_totals totals;
    struct lake_sources sources;
    struct lake_tables tables;
    struct lake_audit *out;
    size_t cap;
    struct map counted; /* struct counted: rows found in the files, by "layer/table" */
};

struct counted {
    struct map_item item;
    int64_t rows;
};

void audit_say(struct audit *a, bool ok, const char *check, const char *where, const char *fmt, ...) PRINTF_LIKE(5, 6);
int64_t audit_counted(const struct audit *a, enum lake_layer layer, const char *table);

/* Live files against the disk, then the disk against the live files, then staging. */
void audit_files(struct audit *a);
enum err audit_unknown(struct audit *a, struct error *e) MUST_CHECK;
enum err audit_staging(struct audit *a, struct error *e) MUST_CHECK;

#endif
