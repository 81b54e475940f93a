#include "schema/tree.h"

#include <stdio.h>

enum err tree_parse(struct tree *t, const char *name, struct view text, struct error *e)
{
    yaml_parser_t parser;
    yaml_document_t more;

    memset(t, 0, sizeof *t);
    t->name = name;
    if (!yaml_parser_initialize(&parser)) return err_set(e, ERR_INTERNAL, "cannot start the YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    if (!yaml_parser_load(&parser, &t->doc)) {
        err_set(e, ERR_INPUT, "not valid YAML: %s", parser.problem ? parser.problem : "unreadable");
        err_where(e, "%s:%zu", name, parser.problem_mark.line + 1);
        yaml_parser_delete(&parser);
        return ERR_INPUT;
    }
    t->open = true;
    enum err rc = ERR_OK;
    if (!yaml_document_get_root_node(&t->doc)) {
        rc = err_set(e, ERR_INPUT, "the contract is empty");
        err_where(e, "%s:1", name);
    } else if (!yaml_parser_load(&parser, &more)) {
        rc = err_set(e, ERR_INPUT, "not valid YAML: %s", parser.problem ? parser.problem : "unreadable");
        err_where(e, "%s:%zu", name, parser.problem_mark.line + 1);
    } else {
        if (yaml_document_get_root_node(&more)) {
            rc = err_set(e, ERR_INPUT, "a second document: one contract a file");
            err_where(e, "%s:%zu", name, more.start_mark.line + 1);
        }
        yaml_document_delete(&more);
    }
    yaml_parser_delete(&parser);
    if (rc != ERR_OK) tree_reset(t);
    return rc;
}

void tree_reset(struct tree *t)
{
    if (t->open) yaml_document_delete(&t->doc);
    t->open = false;
}

tree_node tree_root(struct tree *t) { return yaml_document_get_root_node(&t->doc); }

enum err tree_fail(const struct tree *t, tree_node at, struct error *e, const char *fmt, ...)
{
    char text[sizeof e->what];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(e, ERR_INPUT, "%s", text);
    return err_where(e, "%s:%zu", t->name, at ? at->start_mark.line + 1 : 1);
}

static const char *scalar(tree_node n)
{
    if (!n || n->type != YAML_SCALAR_NODE) return NULL;
    const char *s = (const char *)n->data.scalar.value;
    return strlen(s) == n->data.scalar.length ? s : NULL;
}

static void suggest(struct error *e, const char *word, const char *const *known)
{
    const char *near = str_nearest(word, known);
    if (near) err_hint(e, "did you mean \"%s\"?", near);
}

enum err tree_check_map(struct tree *t, tree_node map, const char *what, const char *const *known, struct error *e)
{
    if (map->type != YAML_MAPPING_NODE) return tree_fail(t, map, e, "%s must be a mapping (key: value)", what);
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        tree_node node = yaml_document_get_node(&t->doc, p->key);
        const char *key = scalar(node);
        if (!key) return tree_fail(t, node, e, "a key of %s is no plain text", what);
        bool found = false;
        for (size_t i = 0; known[i] && !found; i++) found = !strcmp(known[i], key);
        if (!found) {
            tree_fail(t, node, e, "unknown key \"%s\" in %s", key, what);
            suggest(e, key, known);
            return ERR_INPUT;
        }
        for (const yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++) {
            const char *other = scalar(yaml_document_get_node(&t->doc, q->key));
            if (other && !strcmp(other, key)) return tree_fail(t, node, e, "key \"%s\" appears twice in %s", key, what);
        }
    }
    return ERR_OK;
}

tree_node tree_get(struct tree *t, tree_node map, const char *key)
{
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const char *k = scalar(yaml_document_get_node(&t->doc, p->key));
        if (k && !strcmp(k, key)) return yaml_document_get_node(&t->doc, p->value);
    }
    return NULL;
}

enum err tree_check_list(const struct tree *t, tree_node list, const char *what, struct error *e)
{
    if (list->type != YAML_SEQUENCE_NODE) return tree_fail(t, list, e, "%s must be a list", what);
    if (!tree_count(list)) return tree_fail(t, list, e, "%s is empty", what);
    return ERR_OK;
}

size_t tree_count(tree_node list)
{
    return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

tree_node tree_item(struct tree *t, tree_node list, size_t i)
{
    return i < tree_count(list) ? yaml_document_get_node(&t->doc, list->data.sequence.items.start[i]) : NULL;
}

enum err tree_text(const struct tree *t, tree_node n, const char *what, const char **out, struct error *e)
{
    const char *s = scalar(n);
    if (!s || !*s) return tree_fail(t, n, e, "%s must be a text", what);
    *out = s;
    return ERR_OK;
}

enum err tree_bool(const struct tree *t, tree_node n, const char *what, bool *out, struct error *e)
{
    const char *s = scalar(n);
    if (s && (!strcmp(s, "true") || !strcmp(s, "yes"))) *out = true;
    else if (s && (!strcmp(s, "false") || !strcmp(s, "no"))) *out = false;
    else return tree_fail(t, n, e, "%s must be true or false", what);
    return ERR_OK;
}

enum err tree_i64(const struct tree *t, tree_node n, const char *what, int64_t *out, struct error *e)
{
    const char *s = scalar(n);
    if (!s || !str_i64(s, out)) return tree_fail(t, n, e, "%s must be an integer", what);
    return ERR_OK;
}

enum err tree_word(const struct tree *t, tree_node n, const char *what, const char *const *words, unsigned *out,
                   struct error *e)
{
    const char *s = NULL;
    enum err rc = tree_text(t, n, what, &s, e);
    if (rc != ERR_OK) return rc;
    for (unsigned i = 0; words[i]; i++)
        if (!strcmp(words[i], s)) {
            *out = i;
            return ERR_OK;
        }
    tree_fail(t, n, e, "unknown %s \"%s\"", what, s);
    suggest(e, s, words);
    if (!e || !*e->hint) {
        char list[256] = "";
        for (size_t i = 0; words[i] && strlen(list) < 200; i++) {
            if (i) strcat(list, ", ");
            strncat(list, words[i], 40);
        }
        err_hint(e, "known: %s", list);
    }
    return ERR_INPUT;
}
