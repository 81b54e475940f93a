#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum err err_set(struct error *e, enum err code, const char *fmt, ...)
{
    if (!e) return code;
    va_list ap;
    va_start(ap, fmt);
    /* Format first: an argument may point into *e. */
    char what[sizeof e->what];
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    memcpy(e->what, what, sizeof what);
    e->code = code;
    e->sys = 0;
    e->where[0] = e->hint[0] = '\0';
    return code;
}

static enum err code_of_errno(int sys)
{
    switch (sys) {
    case ENOSPC:
    case EDQUOT: return ERR_NO_SPACE;
    case ENOENT: return ERR_NOT_FOUND;
    case EEXIST: return ERR_EXISTS;
    default: return ERR_IO;
    }
}

enum err err_sys(struct error *e, int sys, const char *fmt, ...)
{
    enum err code = code_of_errno(sys);
    if (!e) return code;
    char what[sizeof e->what], text[128];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof what)
        snprintf(what + n, sizeof what - (size_t)n, ": %s", strerror_r(sys, text, sizeof text));
    memcpy(e->what, what, sizeof what);
    e->code = code;
    e->sys = sys;
    e->where[0] = e->hint[0] = '\0';
    return code;
}

enum err err_where(struct error *e, const char *fmt, ...)
{
    if (!e) return ERR_INTERNAL;
    char text[sizeof e->where];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(e->where, text, sizeof text);
    return e->code;
}

enum err err_hint(struct error *e, const char *fmt, ...)
{
    if (!e) return ERR_INTERNAL;
    char text[sizeof e->hint];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(e->hint, text, sizeof text);
    return e->code;
}

enum err err_context(struct error *e, const char *fmt, ...)
{
    if (!e) return ERR_INTERNAL;
    char text[sizeof e->what];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text) snprintf(text + n, sizeof text - (size_t)n, "%s", e->what);
    memcpy(e->what, text, sizeof text);
    return e->code;
}

char *err_format(const struct error *e, char *out, unsigned long out_size)
{
    bool where = e->where[0] != '\0', hint = e->hint[0] != '\0';
    snprintf(out, out_size, "%s%s%s%s%s", where ? e->where : "", where ? ": " : "", e->what, hint ? "; " : "",
             hint ? e->hint : "");
    return out;
}

const char *err_name(enum err code)
{
    static const char *const names[] = {
        [ERR_OK] = "ok",
        [ERR_MORE] = "more",
        [ERR_REJECT] = "reject",
        [ERR_RETRY] = "retry",
        [ERR_USAGE] = "usage",
        [ERR_INPUT] = "input",
        [ERR_NOT_FOUND] = "not_found",
        [ERR_EXISTS] = "exists",
        [ERR_BUSY] = "busy",
        [ERR_CORRUPT] = "corrupt",
        [ERR_IO] = "io",
        [ERR_NO_SPACE] = "no_space",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_REJECTED_TOO_MANY] = "rejected_too_many",
        [ERR_STOPPED] = "stopped",
        [ERR_INTERNAL] = "internal",
    };
    return (unsigned)code < sizeof names / sizeof names[0] && names[code] ? names[code] : "unknown";
}
