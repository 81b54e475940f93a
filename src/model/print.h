/* What a run tells its user, as dbt words it: text lines with the time, or one JSON object a line. Thread-safe. */
#ifndef LAKEFM_MODEL_PRINT_H
#define LAKEFM_MODEL_PRINT_H

#include "model/dbt.h"

enum say_level { SAY_DEBUG, SAY_INFO, SAY_WARN, SAY_ERROR };

/* One event: dbt's name and code for it (JSON), its text; `data` is a JSON object's inside ("\"index\": 1") or NULL. */
void say_data(struct dbt *d, enum say_level level, const char *event, const char *code, const char *data,
              const char *fmt, ...) PRINTF_LIKE(6, 7);
#define say(d, level, event, code, ...) say_data(d, level, event, code, NULL, __VA_ARGS__)
/* A warning given to the user and counted; with --warn-error it is an error (e filled). `where` may be NULL. */
enum err say_warning(struct dbt *d, const char *event, const char *code, struct error *e, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* print() of templates: as it is, also when quiet. */
void say_raw(struct dbt *d, const char *text, size_t len);
/* The long form of an error: what, where, hint, each on its line, indented by two. */
void say_error(struct dbt *d, const struct error *e, const char *trace);

/* ANSI colours, "" when off. */
const char *paint(const struct dbt *d, const char *color); /* "green", "red", "yellow", "" = reset */

#endif
