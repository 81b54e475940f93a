#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic int log_most = LOG_WARN;
static _Atomic bool log_json, log_over;

void log_setup(enum log_level most, bool json)
{
    atomic_store(&log_most, (int)most);
    atomic_store(&log_json, json);
}

void log_over_progress(bool on) { atomic_store(&log_over, on); }

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if ((int)level > atomic_load(&log_most)) return;
    char text[2048], iso[CLOCK_ISO_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct buf line = {0};
    if (atomic_load(&log_json)) {
        buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", clock_format_iso(clock_now_ms(), iso), names[level]);
        buf_json(&line, text, strlen(text));
        buf_str(&line, "}\n");
    } else {
        if (atomic_load(&log_over)) buf_str(&line, "\r\033[K");
        buf_printf(&line, "%s%s%s\n", level == LOG_INFO ? "" : names[level], level == LOG_INFO ? "" : ": ", text);
    }
    ssize_t ignored = write(2, line.ptr, line.len);
    (void)ignored;
    buf_reset(&line);
}
