/* What state: selectors ask of another run's manifest. Values are of the project's env; one thread. */
#ifndef LAKEFM_MODEL_SELECT_STATE_H
#define LAKEFM_MODEL_SELECT_STATE_H

#include "model/dbt.h"

/* The node's entry there; absent when it has none. */
struct jinja_value state_of(struct jinja_value manifest, const struct node *n);
/* part: "" (anything), "body", "configs", "relation", "persisted_descriptions", "macros", "contract"; else ERR_USAGE. A node
 * that is not in the manifest is modified. */
enum err state_modified(struct dbt *d, struct jinja_value manifest, const struct node *n, const char *part, bool *out,
                        struct error *e) MUST_CHECK;

#endif
