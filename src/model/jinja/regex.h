/* Regular expressions by PCRE2, in the flavour of Python's re as near as the two are. */
#ifndef LAKEFM_MODEL_JINJA_REGEX_H
#define LAKEFM_MODEL_JINJA_REGEX_H

#include "model/jinja/internal.h"

enum { RE_IGNORECASE = 2, RE_MULTILINE = 8, RE_DOTALL = 16, RE_VERBOSE = 64, RE_ASCII = 256, RE_UNICODE = 32 }; /* Python's numbers */
enum { REGEX_SEARCH, REGEX_MATCH, REGEX_FULLMATCH };

struct regex; /* compiled */
enum err regex_compile(struct jinja_env *env, struct view pattern, unsigned flags, struct regex **out, struct error *e) MUST_CHECK;
void regex_free(struct regex **r);
size_t regex_bytes(const struct regex *r);
size_t regex_groups(const struct regex *r); /* without the whole match */
/* spans: 2 * (groups + 1) byte offsets, SIZE_MAX where a group took no part. not_empty: an empty match at `at` does not
 * count. *found says whether there is a match. */
enum err regex_run(struct jinja_env *env, const struct regex *r, struct view text, size_t at, int how, bool not_empty, size_t *spans, bool *found, struct error *e) MUST_CHECK;
/* The number of a named group, 0 if there is none. */
size_t regex_group_named(const struct regex *r, struct view name);
const char *regex_group_name(const struct regex *r, size_t number); /* NULL if it has none */

#endif
