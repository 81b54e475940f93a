/* Errors.
 *
 * A function that can fail returns `enum err` and takes a `struct error *` last,
 * owned by the caller, filled only on failure. It says what happened, where in
 * the input, and what to do next. Passing NULL for it is allowed.
 *
 * Codes sort into five kinds:
 *   ERR_OK      done
 *   ERR_MORE    not wrong, not whole: give more input
 *   ERR_REJECT  this row or value is bad; the rest goes on
 *   ERR_RETRY   the other side is busy or gone: back off and try again
 *   the rest    this operation has failed; what survives is said by its header
 */
#ifndef LAKEFM_BASE_ERR_H
#define LAKEFM_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
    ERR_OK = 0,
    ERR_MORE,
    ERR_REJECT,
    ERR_RETRY,
    ERR_USAGE,       /* the caller or the user asked for something that makes no sense (exit 2) */
    ERR_INPUT,       /* a file the user gave is wrong: contract, config, SQL, JSON (exit 1) */
    ERR_NOT_FOUND,
    ERR_EXISTS,      /* refused because it is already there */
    ERR_BUSY,        /* another writer holds the lake (exit 4) */
    ERR_CORRUPT,     /* data of ours is not what the log says it is */
    ERR_IO,          /* the operating system refused; `sys` holds errno */
    ERR_NO_SPACE,    /* disk full or quota: may pass, nothing was lost */
    ERR_UNSUPPORTED, /* known, but not implemented */
    ERR_REJECTED_TOO_MANY, /* done and kept, but rejects are over the limit (exit 3) */
    ERR_STOPPED,     /* interrupted by the user or a signal */
    ERR_INTERNAL,
};

struct error {
    enum err code;
    int sys;          /* errno, 0 if none */
    char what[768];   /* one sentence, no newline at the end */
    char where[384];  /* "file:line", "topic/partition/offset", "" if unknown */
    char hint[384];   /* what to do next, "" if nothing helps */
};

/* Fills e (if not NULL) and returns code, so that `return err_set(…)` reads well. Clears where and hint. */
enum err err_set(struct error *e, enum err code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set, with ": <strerror(sys)>" appended; ENOSPC and EDQUOT become ERR_NO_SPACE, ENOENT ERR_NOT_FOUND. */
enum err err_sys(struct error *e, int sys, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Add to an error that is already set; return its code. */
enum err err_where(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum err err_hint(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts text before `what` ("while refining batch 7: " …). */
enum err err_context(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "what (at where). hint", into out, always terminated; returns out. */
char *err_format(const struct error *e, char *out, unsigned long out_size);
/* The code's name, for logs and JSON ("corrupt"). */
const char *err_name(enum err code);

/* Leaves the function through its `done:` label when expr fails. rc must be a local `enum err`. */
#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        rc = (expr);                                                                                                   \
        if (rc != ERR_OK) goto done;                                                                                   \
    } while (0)

#endif
