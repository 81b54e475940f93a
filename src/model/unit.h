/* Unit tests: a model rendered over fixtures instead of its inputs, compared with the rows expected. */
#ifndef LAKEFM_MODEL_UNIT_H
#define LAKEFM_MODEL_UNIT_H

#include "model/context.h"

/* Finds the tested models, loads fixtures, splits tests of versioned models. */
enum err unit_tests_link(struct dbt *d, struct error *e) MUST_CHECK;
/* Compiles: n->compiled is the model over its fixtures. The context is of PHASE_UNIT and has a session. */
enum err unit_test_compile(struct context *c, struct node *n, struct error *e) MUST_CHECK;
/* The difference of actual and expected rows out of the result table, as text; *differs says whether there is one. */
enum err unit_test_judge(struct context *c, const struct node *n, bool *differs, struct buf *report,
                         struct error *e) MUST_CHECK;

#endif
