/* Dashboards as files (dashboards/NAME.yml): what the page shows, and what `publish metabase` makes. Read anew whenever a file
 * changes; a mistake in one is shown on the page with file and line, and the others go on.
 *
 *   title: Listening
 *   order: 2                      # place in the list; then by title
 *   about: …                      # optional
 *   charts:
 *     - id: daily_user_listen_counts
 *       title: Daily User Listen Counts
 *       about: …                  # optional: what is counted
 *       kind: bars                # figure | bars | line | ranked | weekdays | heatmap | cohorts | funnel | table
 *       x: listen_date            # columns of the result; y may be a list
 *       y: listens
 *       series: level             # optional
 *       unit: listens             # optional
 *       width: 12                 # columns of a 12-column grid; default 6
 *       height: 250               # px, default 250
 *       time: date                # x is a date: date | hour; days are UTC
 *       weeks: sum                # optional: with more than 180 days in view, bars of weeks: y added up
 *       link: {day: listen_date}  # a click on a mark sets these parameters from the row
 *       limit: 10                 # rows shown at first
 *       sql: |                    # serve/clause.h
 *         select …
 *       quick: |                  # optional: the same answer over a mart; taken when it knows every filter that is set
 *         select …
 *       rows: |                   # optional: the events behind a mark
 *         select …
 *       metabase: {…}             # not the page's: publish/metabase.h
 */
#ifndef LAKEFM_SERVE_BOARD_H
#define LAKEFM_SERVE_BOARD_H

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdint.h>

enum { BOARD_LIST = 16 };

struct board_pair {
    const char *key, *value;
};
struct board_chart {
    const char *id, *title, *about, *kind, *x, *series, *unit, *time, *weeks, *sql, *quick, *rows; /* absent: NULL */
    const char *y[BOARD_LIST];
    size_t y_count;
    struct board_pair link[BOARD_LIST];
    size_t link_count;
    int64_t width, height, limit;
};
struct board {
    const char *name;   /* the file's stem */
    const char *title, *about, *origin;
    int64_t order;
    struct board_chart *charts;
    size_t chart_count;
    const char *error;  /* NULL, or what is wrong with the file; then it has no charts */
    struct hash128 hash; /* of the file */
};
struct board_set {
    struct board *board; /* by order, title */
    size_t count;
    struct arena arena;
};
/* The boards built in, then those of the folder (NULL: none), which replace one of the same name. Mistakes are in the
 * boards. Free with board_set_free. */
struct board_set *board_set_load(const char *folder);
void board_set_free(struct board_set **set);
const struct board *board_find(const struct board_set *set, struct view name);
const struct board_chart *board_chart_find(const struct board *b, struct view id);
/* Changes whenever board_set_load would give another result. */
struct hash128 board_set_print(const char *folder);

#endif
