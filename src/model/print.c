#include "model/print.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one line at a time */

const char *paint(const struct dbt *d, const char *color)
{
    if (!d->o->color || d->o->log_json) return "";
    if (!strcmp(color, "green")) return "\033[32m";
    if (!strcmp(color, "red")) return "\033[31m";
    if (!strcmp(color, "yellow")) return "\033[33m";
    return "\033[0m";
}

static void give(struct dbt *d, const struct buf *b)
{
    pthread_mutex_lock(&lock);
    if (d->hooks->print && b->len) d->hooks->print(d->hooks->ctx, b->ptr, b->len);
    pthread_mutex_unlock(&lock);
}

static void clock_text(char out[16])
{
    time_t t = (time_t)(clock_now_ms() / 1000);
    struct tm tm;
    localtime_r(&t, &tm);
    strftime(out, 16, "%H:%M:%S", &tm);
}

static void stamp(struct buf *b)
{
    struct timespec t;
    struct tm tm;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(b, "\"%s.%06ldZ\"", text, t.tv_nsec / 1000);
}

static void as_json(struct dbt *d, enum say_level level, const char *event, const char *code, const char *data,
                    const struct buf *text, struct buf *out)
{
    buf_str(out, "{\"data\": {");
    if (data)
        buf_str(out, data);
    else {
        buf_str(out, "\"msg\": ");
        buf_json(out, text->ptr ? text->ptr : "", text->len);
    }
    buf_printf(out,
               "}, \"info\": {\"category\": \"\", \"code\": \"%s\", \"extra\": {}, \"invocation_id\": \"%s\", "
               "\"level\": \"%s\", \"msg\": ",
               code, d->run.id, LEVELS[level]);
    buf_json(out, text->ptr ? text->ptr : "", text->len);
    buf_printf(out, ", \"name\": \"%s\", \"pid\": %d, \"thread\": \"MainThread\", \"ts\": ", event, (int)getpid());
    stamp(out);
    buf_str(out, "}}\n");
}

void say_data(struct dbt *d, enum say_level level, const char *event, const char *code, const char *data,
              const char *fmt, ...)
{
    struct buf text = {0}, out = {0};
    va_list args;
    if (level == SAY_DEBUG && !d->o->debug) return;
    if (d->o->quiet && level < SAY_ERROR) return;
    va_start(args, fmt);
    char *s = NULL;
    int n = vasprintf(&s, fmt, args);
    va_end(args);
    if (n > 0) buf_add(&text, s, (size_t)n);
    free(s);
    if (d->o->log_json)
        as_json(d, level, event, code, data, &text, &out);
    else {
        char now[16];
        clock_text(now);
        buf_printf(&out, "%s%s  ", d->o->color ? "\033[0m" : "", now);
        if (level == SAY_WARN) buf_printf(&out, "[%sWARNING%s]: ", paint(d, "yellow"), paint(d, ""));
        buf_add(&out, text.ptr ? text.ptr : "", text.len);
        buf_char(&out, '\n');
    }
    give(d, &out);
    buf_reset(&text);
    buf_reset(&out);
}

enum err say_warning(struct dbt *d, const char *event, const char *code, struct error *e, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&d->lock);
    d->warnings++;
    pthread_mutex_unlock(&d->lock);
    if (d->o->warn_error == MODEL_YES) return err_set(e, ERR_INPUT, "%s", text);
    say(d, SAY_WARN, event, code, "%s", text);
    return ERR_OK;
}

void say_raw(struct dbt *d, const char *text, size_t len)
{
    struct buf b = {0};
    if (d->o->log_json) {
        struct buf line = {0};
        buf_add(&line, text, len && text[len - 1] == '\n' ? len - 1 : len);
        as_json(d, SAY_INFO, "PrintEvent", "Z052", NULL, &line, &b);
        buf_reset(&line);
    } else {
        buf_add(&b, text, len);
        if (len && text[len - 1] != '\n') buf_char(&b, '\n');
    }
    give(d, &b);
    buf_reset(&b);
}

void say_error(struct dbt *d, const struct error *e, const char *trace)
{
    struct buf b = {0};
    const char *text = trace && *trace ? trace : e->what;
    for (const char *p = text; *p; p++) {
        buf_char(&b, *p);
        if (*p == '\n') buf_str(&b, "  ");
    }
    if (*e->where && !(trace && *trace)) buf_printf(&b, "\n    at %s", e->where);
    if (*e->hint && !(trace && *trace && strstr(trace, e->hint))) {
        buf_str(&b, "\n    ");
        for (const char *p = e->hint; *p; p++) {
            buf_char(&b, *p);
            if (*p == '\n') buf_str(&b, "    ");
        }
    }
    say(d, SAY_ERROR, "MainEncounteredError", "Z002", "Encountered an error:\n  %s", b.ptr ? b.ptr : "");
    buf_reset(&b);
}
