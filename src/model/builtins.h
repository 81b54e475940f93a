/* dbt's own names in templates. */
#ifndef LAKEFM_MODEL_BUILTINS_H
#define LAKEFM_MODEL_BUILTINS_H

#include "model/context.h"

/* JINJA_ABSENT when the phase has no such name. Made once per context and node. */
enum err builtin_value(struct context *c, struct view name, struct jinja_value *out, struct error *e) MUST_CHECK;
void builtin_names(struct context *c, struct jinja_value list);

/* ref.c */
jinja_fn builtin_ref, builtin_source, builtin_metric, builtin_function;
/* results.c: statements and their results */
jinja_fn builtin_load_result, builtin_store_result, builtin_store_raw_result, builtin_write, builtin_render,
    builtin_try_or_compiler_error, builtin_load_agate_table, builtin_submit_python_job;
/* Where an external model's file is written, whether a lake publishes it, and what was written. */
jinja_fn builtin_lakefm_publishes, builtin_lakefm_staged_location, builtin_lakefm_wrote;
/* plain.c: functions that need no node */
jinja_fn builtin_env_var, builtin_log, builtin_print, builtin_fromyaml, builtin_toyaml, builtin_local_md5,
    builtin_diff_of_two_dicts, builtin_doc, builtin_adapter_macro;
struct jinja_value builtin_var(struct context *c); /* callable, with has_var */

#endif
