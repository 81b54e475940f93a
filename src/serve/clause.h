/* SQL with optional clauses, in Metabase's form, so that one file serves both:
 *
 *   select … from listening_days where true [[and listen_date >= {{from}}]] [[and userId = {{user}}]]
 *
 * {{name}} becomes a parameter of the prepared statement; [[…]] stays when all parameters in it have a value, else it is left
 * out. Nothing of a value ever becomes SQL text. Pure, thread-safe. */
#ifndef LAKEFM_SERVE_CLAUSE_H
#define LAKEFM_SERVE_CLAUSE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { CLAUSE_PARAMETERS = 64 };

struct clause_value {
    struct view name, value;
};
/* Appends the SQL with `?` and fills used[] with the values in order of the marks. ERR_USAGE: a parameter outside [[ ]] that
 * has no value; ERR_INPUT: unbalanced marks, with the offset in e->where ("byte 12"). */
enum err clause_render(const char *sql, const struct clause_value *values, size_t value_count, struct buf *out,
                       struct view used[CLAUSE_PARAMETERS], size_t *used_count, struct error *e) MUST_CHECK;
/* The SQL as a person would write it, values as literals: for showing only. */
void clause_show(const char *sql, const struct clause_value *values, size_t value_count, struct buf *out);
/* Names of all parameters, each once; returns their number. */
size_t clause_names(const char *sql, struct view names[CLAUSE_PARAMETERS]);

#endif
