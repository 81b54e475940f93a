#include "schema/contract_parse.h"

#include "schema/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

struct parse {
    struct tree t;
    struct arena *a;
    struct contract_draft *draft;
    struct contract_column *columns;
    struct contract_fact *fact;
};

static const char *const derived_name[] = {"", "event_time", "year", "month", "day", "hour", "batch", NULL};
static const enum contract_type derived_type[] = {CONTRACT_INT64, CONTRACT_TIMESTAMP_MS, CONTRACT_UINT16, CONTRACT_UINT8,
                                                  CONTRACT_UINT8, CONTRACT_UINT8,        CONTRACT_INT64};
static const char *const unit_name[] = {"ms", "s", "us", "iso", NULL};
static const char *const clean_name[] = {"unquote", "mojibake", "before_last_comma", "after_last_comma", "empty_null", NULL};
static const char *const accept_name[] = {"text", "float", "blank", NULL};
static const char *const dim_name[] = {"dim_user", "dim_song", "dim_location", "dim_time", NULL};
static const char *const store_name[] = {"codes", "dense", NULL};

/* Kafka's characters; they become folder names. */
static bool topic_ok(const char *s)
{
    if (*s == '.' || strlen(s) > 200) return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s)) return false;
    return true;
}

static bool identifier_ok(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_') return false;
    if (strlen(s) > 100) return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_') return false;
    return true;
}

/* A list of texts (a single text counts as a list of one), copied; duplicates are errors. */
static enum err texts(struct parse *p, tree_node n, const char *what, const char *const **out, uint16_t *count,
                      struct error *e)
{
    enum err rc = ERR_OK;
    bool one = n->type == YAML_SCALAR_NODE;
    if (!one) TRY(tree_check_list(&p->t, n, what, e));
    size_t total = one ? 1 : tree_count(n);
    if (total > 1000) return tree_fail(&p->t, n, e, "%s is too long", what);
    const char **list = arena_alloc(p->a, total * sizeof *list);
    for (size_t i = 0; i < total; i++) {
        tree_node item = one ? n : tree_item(&p->t, n, i);
        TRY(tree_text(&p->t, item, what, &list[i], e));
        list[i] = arena_strdup(p->a, list[i]);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(list[i], list[j])) return tree_fail(&p->t, item, e, "\"%s\" appears twice in %s", list[i], what);
    }
    *out = list;
    *count = (uint16_t)total;
done:
    return rc;
}

/* A set of words → bits. */
static enum err flags(struct parse *p, tree_node n, const char *what, const char *const *words, unsigned *out,
                      struct error *e)
{
    enum err rc;
    TRY(tree_check_list(&p->t, n, what, e));
    for (size_t i = 0; i < tree_count(n); i++) {
        unsigned bit = 0;
        tree_node item = tree_item(&p->t, n, i);
        TRY(tree_word(&p->t, item, what, words, &bit, e));
        if (*out & 1u << bit) return tree_fail(&p->t, item, e, "\"%s\" appears twice in %s", words[bit], what);
        *out |= 1u << bit;
    }
done:
    return rc;
}

static enum err optional_text(struct parse *p, tree_node map, const char *key, const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    tree_node n = tree_get(&p->t, map, key);
    if (n) {
        TRY(tree_text(&p->t, n, key, out, e));
        *out = arena_strdup(p->a, *out);
    }
done:
    return rc;
}

static enum err need(struct parse *p, tree_node map, const char *what, const char *key, tree_node *out, struct error *e)
{
    *out = tree_get(&p->t, map, key);
    return *out ? ERR_OK : tree_fail(&p->t, map, e, "%s has no \"%s\"", what, key);
}

static bool is_integer(enum contract_type t)
{
    return t != CONTRACT_DOUBLE && t != CONTRACT_STRING && t != CONTRACT_BOOL;
}

/* SQL engines do not tell userId from userid, and `date` is the partition's folder. */
static enum err check_name(struct parse *p, tree_node at, const char *name, struct error *e)
{
    const struct contract *c = &p->draft->c;
    if (!identifier_ok(name))
        return tree_fail(&p->t, at, e, "column name \"%s\": letters, digits and _ only, not beginning with a digit", name);
    if (!strcasecmp(name, "date"))
        return tree_fail(&p->t, at, e, "column name \"%s\" is taken by the partition folders date=…", name);
    for (uint16_t i = 0; i < c->column_count; i++)
        if (!strcasecmp(p->columns[i].name, name))
            return tree_fail(&p->t, at, e, "column \"%s\" is there twice (letters' case does not count)", name);
    for (uint16_t i = 0; i < c->fact_count; i++)
        if (!strcasecmp(p->fact[i].name, name))
            return tree_fail(&p->t, at, e, "column \"%s\" is there twice (letters' case does not count)", name);
    return ERR_OK;
}

static enum err check_column(struct parse *p, tree_node at, const struct contract_column *col, struct error *e)
{
    if (col->clean && col->type != CONTRACT_STRING)
        return tree_fail(&p->t, at, e, "column \"%s\": `clean` is for strings", col->name);
    if (col->accept && (col->type == CONTRACT_STRING || col->type == CONTRACT_BOOL))
        return tree_fail(&p->t, at, e, "column \"%s\": `accept` is for numbers", col->name);
    if ((col->accept & CONTRACT_ACCEPT_FLOAT) && !is_integer(col->type))
        return tree_fail(&p->t, at, e, "column \"%s\": `accept: [float]` is for integers", col->name);
    if (col->has_equals && col->type != CONTRACT_BOOL)
        return tree_fail(&p->t, at, e, "column \"%s\": `equals` is for bool", col->name);
    if (col->dense && !is_integer(col->type))
        return tree_fail(&p->t, at, e, "column \"%s\": `store: dense` is for integers", col->name);
    return ERR_OK;
}

static enum err parse_column(struct parse *p, tree_node n, struct error *e)
{
    static const char *const known[] = {"name",  "type",   "from", "required", "clean",  "accept",
                                        "store", "equals", "pii",  "doc",      "fact",   NULL};
    static const char *const type_name[] = {"int64",  "uint32", "uint16", "uint8",       "double",
                                            "string", "bool",   "timestamp_ms", NULL};
    struct contract *c = &p->draft->c;
    struct contract_column col = {.fact = true, .doc = ""};
    enum err rc;
    tree_node v = NULL;
    unsigned type = 0, store = 0;

    TRY(tree_check_map(&p->t, n, "a column", known, e));
    TRY(need(p, n, "a column", "name", &v, e));
    TRY(tree_text(&p->t, v, "name", &col.name, e));
    TRY(check_name(p, v, col.name, e));
    col.name = arena_strdup(p->a, col.name);
    TRY(need(p, n, "a column", "type", &v, e));
    TRY(tree_word(&p->t, v, "type", type_name, &type, e));
    col.type = (enum contract_type)type;
    TRY(optional_text(p, n, "doc", &col.doc, e));
    if ((v = tree_get(&p->t, n, "required"))) TRY(tree_bool(&p->t, v, "required", &col.required, e));
    if ((v = tree_get(&p->t, n, "pii"))) TRY(tree_bool(&p->t, v, "pii", &col.pii, e));
    if ((v = tree_get(&p->t, n, "fact"))) TRY(tree_bool(&p->t, v, "fact", &col.fact, e));
    if ((v = tree_get(&p->t, n, "clean"))) TRY(flags(p, v, "clean", clean_name, &col.clean, e));
    if ((v = tree_get(&p->t, n, "accept"))) TRY(flags(p, v, "accept", accept_name, &col.accept, e));
    if ((v = tree_get(&p->t, n, "store"))) TRY(tree_word(&p->t, v, "store", store_name, &store, e));
    col.dense = store == 1;
    if ((v = tree_get(&p->t, n, "equals"))) {
        TRY(tree_i64(&p->t, v, "equals", &col.equals, e));
        col.has_equals = true;
    }
    if ((v = tree_get(&p->t, n, "from"))) {
        TRY(texts(p, v, "from", &col.from, &col.from_count, e));
    } else {
        const char **self = arena_alloc(p->a, sizeof *self);
        self[0] = col.name;
        col.from = self;
        col.from_count = 1;
    }
    TRY(check_column(p, n, &col, e));
    if (c->column_count == CONTRACT_MAX_COLUMNS) return tree_fail(&p->t, n, e, "more than %d columns", CONTRACT_MAX_COLUMNS);
    if (col.fact)
        p->fact[c->fact_count++] = (struct contract_fact){
            .name = col.name, .doc = col.doc, .type = col.type, .column = c->column_count, .required = col.required};
    p->columns[c->column_count++] = col;
done:
    return rc;
}

static enum err parse_derived(struct parse *p, tree_node n, struct error *e)
{
    static const char *const known[] = {"derive", "doc", NULL};
    struct contract *c = &p->draft->c;
    enum err rc;
    unsigned which = 0;
    const char *doc = "";

    TRY(tree_check_map(&p->t, n, "a derived column", known, e));
    TRY(tree_word(&p->t, tree_get(&p->t, n, "derive"), "derived column", derived_name + 1, &which, e));
    TRY(optional_text(p, n, "doc", &doc, e));
    which++;
    TRY(check_name(p, n, derived_name[which], e));
    if (c->fact_count == CONTRACT_MAX_COLUMNS) return tree_fail(&p->t, n, e, "more than %d columns", CONTRACT_MAX_COLUMNS);
    p->fact[c->fact_count++] = (struct contract_fact){.name = derived_name[which],
                                                      .doc = doc,
                                                      .type = derived_type[which],
                                                      .source = (enum contract_source)which,
                                                      .column = CONTRACT_NONE,
                                                      .required = true};
done:
    return rc;
}

static enum err parse_columns(struct parse *p, tree_node n, struct error *e)
{
    enum err rc;
    TRY(tree_check_list(&p->t, n, "columns", e));
    for (size_t i = 0; i < tree_count(n); i++) {
        tree_node item = tree_item(&p->t, n, i);
        bool derived = item->type == YAML_MAPPING_NODE && tree_get(&p->t, item, "derive");
        TRY(derived ? parse_derived(p, item, e) : parse_column(p, item, e));
    }
    if (!p->draft->c.column_count) return tree_fail(&p->t, n, e, "no column is read from the records");
done:
    return rc;
}

/* The name of a decoded column → its index. */
static enum err column_ref(struct parse *p, tree_node n, const char *what, uint16_t *out, struct error *e)
{
    const char *names[CONTRACT_MAX_COLUMNS + 1] = {0};
    const char *name = NULL;
    enum err rc;

    for (uint16_t i = 0; i < p->draft->c.column_count; i++) names[i] = p->columns[i].name;
    TRY(tree_text(&p->t, n, what, &name, e));
    for (uint16_t i = 0; names[i]; i++)
        if (!strcmp(names[i], name)) return *out = i, ERR_OK;
    tree_fail(&p->t, n, e, "%s names \"%s\", which is no column read from the records", what, name);
    const char *near = str_nearest(name, names);
    if (near) err_hint(e, "did you mean \"%s\"?", near);
    rc = ERR_INPUT;
done:
    return rc;
}

static enum err parse_time(struct parse *p, tree_node n, struct error *e)
{
    static const char *const known[] = {"column", "unit", NULL};
    struct contract *c = &p->draft->c;
    enum err rc;
    unsigned unit = 0;
    tree_node v = NULL;

    TRY(tree_check_map(&p->t, n, "time", known, e));
    TRY(need(p, n, "time", "column", &v, e));
    TRY(column_ref(p, v, "time", &c->time_column, e));
    if ((v = tree_get(&p->t, n, "unit"))) TRY(tree_word(&p->t, v, "unit", unit_name, &unit, e));
    c->time_unit = (enum contract_unit)unit;
    struct contract_column *col = &p->columns[c->time_column];
    if (col->type != CONTRACT_INT64 && col->type != CONTRACT_TIMESTAMP_MS)
        return tree_fail(&p->t, n, e, "the time column \"%s\" must be int64 or timestamp_ms", col->name);
    if (!col->required) return tree_fail(&p->t, n, e, "the time column \"%s\" must be `required: true`", col->name);
    col->dense = true;
done:
    return rc;
}

static enum err parse_key(struct parse *p, tree_node n, struct error *e)
{
    struct contract *c = &p->draft->c;
    enum err rc;

    if (n->type == YAML_SCALAR_NODE) {
        const char *word = NULL;
        TRY(tree_text(&p->t, n, "key", &word, e));
        if (strcmp(word, "row")) return tree_fail(&p->t, n, e, "key must be a list of columns, or the word row");
        return ERR_OK;
    }
    TRY(tree_check_list(&p->t, n, "key", e));
    if (tree_count(n) > CONTRACT_MAX_KEY) return tree_fail(&p->t, n, e, "more than %d key columns", CONTRACT_MAX_KEY);
    for (size_t i = 0; i < tree_count(n); i++) {
        tree_node item = tree_item(&p->t, n, i);
        uint16_t column = 0;
        TRY(column_ref(p, item, "key", &column, e));
        for (uint16_t j = 0; j < c->key_count; j++)
            if (c->key[j] == column)
                return tree_fail(&p->t, item, e, "column \"%s\" is twice in the key", p->columns[column].name);
        c->key[c->key_count++] = column;
    }
done:
    return rc;
}

static enum err parse_routes(struct parse *p, tree_node root, struct error *e)
{
    static const char *const known[] = {"topic", "when", NULL};
    static const char *const not_routed[] = {"table", "key"};
    struct contract_draft *d = p->draft;
    enum err rc = ERR_OK;
    tree_node n = tree_get(&p->t, root, "route"), list = tree_get(&p->t, root, "routes"), v = NULL;

    d->c.route_column = CONTRACT_NONE;
    if (!n && !list) return ERR_OK;
    if (!n || !list) return tree_fail(&p->t, n ? n : list, e, "`route` and `routes` come together");
    for (size_t i = 0; i < 2; i++)
        if ((v = tree_get(&p->t, root, not_routed[i])))
            return tree_fail(&p->t, v, e, "`%s` is that of the routes' topics; leave it out here", not_routed[i]);
    TRY(column_ref(p, n, "route", &d->c.route_column, e));
    if (p->columns[d->c.route_column].type != CONTRACT_STRING)
        return tree_fail(&p->t, n, e, "the route column must be a string");
    TRY(tree_check_list(&p->t, list, "routes", e));
    if (tree_count(list) > CONTRACT_MAX_ROUTES)
        return tree_fail(&p->t, list, e, "more than %d routes", CONTRACT_MAX_ROUTES);
    for (size_t i = 0; i < tree_count(list); i++) {
        tree_node item = tree_item(&p->t, list, i);
        struct contract_draft_route *r = &d->route[i];
        r->line = item->start_mark.line + 1;
        TRY(tree_check_map(&p->t, item, "a route", known, e));
        TRY(need(p, item, "a route", "topic", &v, e));
        TRY(tree_text(&p->t, v, "topic", &r->topic, e));
        r->topic = arena_strdup(p->a, r->topic);
        if ((v = tree_get(&p->t, item, "when"))) TRY(texts(p, v, "when", &r->when, &r->when_count, e));
        if (!i != !r->when) return tree_fail(&p->t, item, e, "the first route takes every record; every other has a `when`");
        for (size_t j = 1; j < i; j++)
            for (uint16_t a = 0; a < d->route[j].when_count; a++)
                for (uint16_t b = 0; b < r->when_count; b++)
                    if (!strcmp(d->route[j].when[a], r->when[b]))
                        return tree_fail(&p->t, item, e, "\"%s\" is in two routes", r->when[b]);
    }
    d->route_count = (uint16_t)tree_count(list);
done:
    return rc;
}

/* What dims/ needs from the records. */
static enum err check_dims(struct parse *p, tree_node n, struct error *e)
{
    static const char *const needs[][4] = {{"userId"}, {"song", "artist", "duration"}, {"city", "state"}, {NULL}};
    struct contract *c = &p->draft->c;
    enum err rc;

    TRY(texts(p, n, "dims", &c->dims, &c->dim_count, e));
    for (uint16_t i = 0; i < c->dim_count; i++) {
        unsigned which = 0;
        TRY(tree_word(&p->t, n->type == YAML_SCALAR_NODE ? n : tree_item(&p->t, n, i), "dimension", dim_name, &which, e));
        for (size_t k = 0; k < 4 && needs[which][k]; k++)
            if (contract_column_find(c, needs[which][k]) == CONTRACT_NONE)
                return tree_fail(&p->t, n, e, "%s needs a column \"%s\"", c->dims[i], needs[which][k]);
    }
done:
    return rc;
}

static enum err parse_names(struct parse *p, tree_node root, struct error *e)
{
    struct contract *c = &p->draft->c;
    enum err rc;
    tree_node v = NULL;

    c->title = c->doc = "";
    TRY(need(p, root, "the contract", "topic", &v, e));
    TRY(tree_text(&p->t, v, "topic", &c->topic, e));
    if (!topic_ok(c->topic))
        return tree_fail(&p->t, v, e, "topic \"%s\": letters, digits, '.', '_' and '-' only, at most 200", c->topic);
    c->topic = arena_strdup(p->a, c->topic);
    p->draft->topic_line = v->start_mark.line + 1;
    TRY(optional_text(p, root, "title", &c->title, e));
    TRY(optional_text(p, root, "doc", &c->doc, e));
    if ((v = tree_get(&p->t, root, "aliases"))) TRY(texts(p, v, "aliases", &c->aliases, &c->alias_count, e));
    for (uint16_t i = 0; i < c->alias_count; i++)
        if (!topic_ok(c->aliases[i]))
            return tree_fail(&p->t, v, e, "alias \"%s\": letters, digits, '.', '_' and '-' only", c->aliases[i]);
    TRY(optional_text(p, root, "table", &c->table, e));
    if (c->table && (!identifier_ok(c->table) || str_starts(c->table, "dim_")))
        return tree_fail(&p->t, tree_get(&p->t, root, "table"), e,
                         "table \"%s\": letters, digits and _ only, and not dim_…, which are the lake's own", c->table);
done:
    return rc;
}

static enum err parse_root(struct parse *p, struct error *e)
{
    static const char *const known[] = {"topic", "title", "doc",     "aliases", "table",  "time",
                                        "key",   "dims",  "columns", "route",   "routes", NULL};
    struct contract *c = &p->draft->c;
    tree_node root = tree_root(&p->t), v = NULL;
    enum err rc;

    TRY(tree_check_map(&p->t, root, "the contract", known, e));
    TRY(parse_names(p, root, e));
    TRY(need(p, root, "the contract", "columns", &v, e));
    TRY(parse_columns(p, v, e));
    TRY(need(p, root, "the contract", "time", &v, e));
    TRY(parse_time(p, v, e));
    TRY(parse_routes(p, root, e));
    if (!p->draft->route_count) {
        TRY(need(p, root, "the contract", "table", &v, e));
        TRY(need(p, root, "the contract", "key", &v, e));
        TRY(parse_key(p, v, e));
    }
    if ((v = tree_get(&p->t, root, "dims"))) TRY(check_dims(p, v, e));
    if (p->draft->route_count) c->fact_count = 0;
done:
    return rc;
}

enum err contract_parse(struct arena *a, const char *name, struct view text, struct contract_draft *out, struct error *e)
{
    struct parse p = {.a = a, .draft = out};
    enum err rc = ERR_OK;

    memset(out, 0, sizeof *out);
    out->name = arena_strdup(a, name);
    out->c.origin = out->name;
    out->c.hash = hash_128(text.ptr, text.len);
    out->c.columns = p.columns = arena_zalloc(a, CONTRACT_MAX_COLUMNS * sizeof *p.columns);
    out->c.fact = p.fact = arena_zalloc(a, CONTRACT_MAX_COLUMNS * sizeof *p.fact);
    TRY(tree_parse(&p.t, name, text, e));
    TRY(parse_root(&p, e));
done:
    tree_reset(&p.t);
    return rc;
}
