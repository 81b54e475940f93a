/* Dashboards in Metabase: `lakefm publish metabase`. Its REST API carries no version; 0.58 and later are meant.
 *
 * What is made comes from dashboards/NAME.yml: a chart with a `metabase` section becomes a question and a card of a dashboard.
 *
 *     metabase:
 *       dashboard: Daily User Listen Counts     # default: the chart's title
 *       display: bar                            # Metabase's word
 *       settings: {graph.dimensions: [date], …} # visualization_settings as they are
 *       filters:                                # widgets of the dashboard, variables of the query
 *         - {slug: from, name: From, type: date}          # date | number | text
 *       sql: |                                  # ClickHouse's SQL, [[…{{from}}]] as Metabase has it
 *
 * Publishing again changes only what has changed here. Each thing carries a stamp in its description, "lakefm:ID:HASH" of what was
 * wanted: the same stamp is left alone, so what people changed in Metabase lives until our definition changes. Found by that
 * stamp, or by name in our collection; a thing of ours by name without a stamp is somebody's own: it is used, never changed.
 * Cards and filters that people added to a dashboard stay. */
#ifndef LAKEFM_PUBLISH_METABASE_H
#define LAKEFM_PUBLISH_METABASE_H

#include "base/err.h"


#include <jansson.h>
#include <signal.h>
#include <stdint.h>

/* One question as wanted. JSON is owned. */
struct metabase_question {
    char *id, *name, *about, *dashboard, *display, *sql;
    json_t *settings, *filters; /* filters: [{"slug","name","type"}] */
};
struct metabase_boards {
    struct metabase_question *question;
    size_t count, cap;
};
/* folder: yours, beside those built in, replacing one of the same file name; NULL: none. ERR_INPUT names file and line. */
enum err metabase_boards_load(const char *folder, struct metabase_boards *out, struct error *e) MUST_CHECK;
enum err metabase_boards_read(struct metabase_boards *out, const char *file, const char *text, size_t len, struct error *e) MUST_CHECK;
void metabase_boards_reset(struct metabase_boards *boards);

struct metabase_options {
    const char *url;
    const char *user, *password; /* of the administrator, or … */
    const char *api_key;         /* … this instead */
    /* ClickHouse as Metabase reaches it */
    const char *click_host, *click_user, *click_password, *click_database;
    int64_t click_port;
    bool click_tls;
    int64_t wait_ms;
    const volatile sig_atomic_t *stop;
    void (*done)(void *ctx, const char *kind, const char *name, const char *what); /* "question", …, "made" | "changed" | "unchanged" | "kept" */
    void *ctx;
};
/* ERR_USAGE: no or wrong credentials; ERR_RETRY: no server; ERR_INPUT: Metabase refuses, or a question does not run. */
enum err metabase_publish(const struct metabase_boards *boards, const struct metabase_options *o, struct error *e) MUST_CHECK;

/* ---- the bodies; pure; new references ---- */
json_t *metabase_card(const struct metabase_question *q, int64_t database, int64_t collection, const char *stamp);
json_t *metabase_parameters(const struct metabase_boards *boards, const char *dashboard);
/* The cards of a dashboard: ours placed below each other, with the ids they have in `now` (GET's dashcards), the others as they
 * are. card_id[i] is of question i. */
json_t *metabase_dashcards(const struct metabase_boards *boards, const char *dashboard, const int64_t *card_id, const json_t *now,
                           const json_t *tabs);
/* "lakefm:id:HASH" of a body; heap. */
char *metabase_stamp(const char *id, const json_t *body);

#endif
