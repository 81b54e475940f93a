/* A YAML document as the contract loader sees it: nodes with their lines, and checks whose errors say file:line.
 * Wraps libyaml's document API. One document a file; anchors are fine. Nodes live until tree_reset. Not thread-safe. */
#ifndef LAKEFM_SCHEMA_TREE_H
#define LAKEFM_SCHEMA_TREE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <yaml.h>

struct tree {
    yaml_document_t doc;
    bool open;
    const char *name; /* borrowed: for messages */
};
typedef const yaml_node_t *tree_node;

enum err tree_parse(struct tree *t, const char *name, struct view text, struct error *e) MUST_CHECK;
void tree_reset(struct tree *t);
tree_node tree_root(struct tree *t); /* never NULL after tree_parse */

/* Fills e with ERR_INPUT, the message, and "name:line" of the node. */
enum err tree_fail(const struct tree *t, tree_node at, struct error *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* A mapping whose keys are all in `known` (NULL-terminated) and appear once. */
enum err tree_check_map(struct tree *t, tree_node map, const char *what, const char *const *known,
                        struct error *e) MUST_CHECK;
tree_node tree_get(struct tree *t, tree_node map, const char *key); /* NULL if it is not there */
/* Items of a sequence; 0 and NULL past the end. A scalar counts as no sequence. */
enum err tree_check_list(const struct tree *t, tree_node list, const char *what, struct error *e) MUST_CHECK;
size_t tree_count(tree_node list);
tree_node tree_item(struct tree *t, tree_node list, size_t i);

/* A non-empty scalar without NUL; *out borrows from the document. */
enum err tree_text(const struct tree *t, tree_node n, const char *what, const char **out, struct error *e) MUST_CHECK;
enum err tree_bool(const struct tree *t, tree_node n, const char *what, bool *out, struct error *e) MUST_CHECK;
enum err tree_i64(const struct tree *t, tree_node n, const char *what, int64_t *out, struct error *e) MUST_CHECK;
/* One of `words` (NULL-terminated) → its index. */
enum err tree_word(const struct tree *t, tree_node n, const char *what, const char *const *words, unsigned *out,
                   struct error *e) MUST_CHECK;

#endif
