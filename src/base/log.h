/* Diagnostics on stderr: text for people, or one JSON object a line. Thread-safe: a line is one write(2).
 * Secrets never go in. Data for the user goes to stdout and is cli/'s affair. */
#ifndef LAKEFM_BASE_LOG_H
#define LAKEFM_BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level most, bool json);
/* A progress line is on the terminal: each line of the log (as text) takes its place. */
void log_over_progress(bool on);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
