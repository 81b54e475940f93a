/* Generic tests. */
#ifndef LAKEFM_MODEL_GENERIC_H
#define LAKEFM_MODEL_GENERIC_H

#include "model/context.h"

/* The macro's arguments, rendered in this context: its refs and sources are noted (parsing) or resolved (running). */
enum err generic_arguments(struct context *c, const struct node *n, struct jinja_value *out,
                           struct error *e) MUST_CHECK;

#endif
