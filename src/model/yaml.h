/* YAML documents as a tree in an arena, typed as PyYAML's SafeLoader types them (YAML 1.1: `yes` is true, 012 is octal,
 * 1_000 is a number, 2024-01-01 a date), because that is what every dbt project was written against. Anchors, aliases
 * and merge keys (`<<`) are resolved; of a key given twice the last value counts and `twice` remembers the first. The
 * tree is read-only and lives as long as its arena. Not thread-safe while it is made. */
#ifndef LAKEFM_MODEL_YAML_H
#define LAKEFM_MODEL_YAML_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/jinja/jinja.h"

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_DATE, YAML_TIME, YAML_STR, YAML_SEQ, YAML_MAP };

struct yaml_pair;
struct yaml {
    enum yaml_kind kind;
    unsigned line, column; /* from 1 */
    struct view text;      /* scalars: as written, '\0' follows */
    bool quoted;           /* a scalar in quotes or a block */
    bool boolean;
    int64_t integer;
    double real;
    size_t count; /* items or pairs */
    const struct yaml **item;
    struct yaml_pair *pair;
    const struct yaml *twice; /* maps: the key that came a second time, NULL if none */
};
struct yaml_pair {
    const struct yaml *key, *value;
};

/* One document; an empty text gives *out = NULL. Errors are ERR_INPUT with the file's line, what is wrong, and the
 * source line with a caret as hint. `name` is for messages. */
enum err yaml_parse(struct arena *arena, const char *text, size_t len, const char *name, const struct yaml **out,
                    struct error *e) MUST_CHECK;

/* NULL when y is NULL, no map, or has no such key. */
const struct yaml *yaml_get(const struct yaml *y, const char *key);
/* The text of a string scalar, else `otherwise`. */
const char *yaml_text(const struct yaml *y, const char *otherwise);
static inline bool yaml_is_null(const struct yaml *y) { return !y || y->kind == YAML_NULL; }

/* As values for templates: maps as dicts, dates as dates. */
enum err yaml_value(struct jinja_env *env, const struct yaml *y, struct jinja_value *out, struct error *e) MUST_CHECK;
/* yaml.safe_dump(v, sort_keys): block style. Appends. */
enum err yaml_dump(struct jinja_env *env, struct jinja_value v, bool sort_keys, struct buf *out,
                   struct error *e) MUST_CHECK;

#endif
