/* Shared by the files of methods. */
#ifndef LAKEFM_MODEL_JINJA_METHODS_H
#define LAKEFM_MODEL_JINJA_METHODS_H

#include "model/jinja/internal.h"

#define METHOD(name) static enum err name(const struct jinja_call *c, struct jinja_value *out, struct error *e)

/* The argument must be text ("replace() argument 2 must be str, not int"; which is " 2"), or an integer. */
enum err method_want_str(const struct jinja_call *c, struct jinja_value v, const char *which, struct error *e) MUST_CHECK;
enum err method_want_int(struct jinja_value v, int64_t *out, struct error *e) MUST_CHECK;
enum err method_no_args(const struct jinja_call *c, struct error *e) MUST_CHECK;
const char *text_find_last(struct view s, struct view what); /* NULL: not there */

#endif
