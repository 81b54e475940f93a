#include "schema/contract.h"

#include "base/asset.h"
#include "base/io.h"
#include "base/mem.h"
#include "schema/contract_parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

struct schema_private {
    struct arena arena;
    struct contract_draft *drafts;
    size_t count;
};

static struct schema_set *set_new(size_t capacity)
{
    struct schema_set *s = mem_zalloc(sizeof *s);
    s->priv = mem_zalloc(sizeof *s->priv);
    arena_init(&s->priv->arena);
    s->priv->drafts = mem_array(capacity ? capacity : 1, sizeof *s->priv->drafts);
    return s;
}

void schema_set_free(struct schema_set **set)
{
    if (!*set) return;
    mem_free((*set)->priv->drafts);
    arena_reset(&(*set)->priv->arena);
    mem_free((*set)->priv);
    mem_free(*set);
    *set = NULL;
}

/* 'A-b' and 'a_b' are one name. */
static bool same_name(struct view a, const char *b)
{
    if (a.len != strlen(b)) return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i] == '-' ? '_' : a.ptr[i], y = b[i] == '-' ? '_' : b[i];
        if (tolower((unsigned char)x) != tolower((unsigned char)y)) return false;
    }
    return true;
}

static bool has_name(const struct contract *c, struct view name)
{
    if (same_name(name, c->topic)) return true;
    for (uint16_t i = 0; i < c->alias_count; i++)
        if (same_name(name, c->aliases[i])) return true;
    return false;
}

static enum err check_clash(const struct contract_draft *a, const struct contract_draft *b, struct error *e)
{
    const char *name = NULL;
    if (has_name(&a->c, view_of(b->c.topic))) name = b->c.topic;
    for (uint16_t i = 0; i < b->c.alias_count && !name; i++)
        if (has_name(&a->c, view_of(b->c.aliases[i]))) name = b->c.aliases[i];
    if (name) {
        err_set(e, ERR_INPUT, "the name \"%s\" of topic %s belongs to topic %s (%s) too", name, b->c.topic, a->c.topic, a->name);
        return err_where(e, "%s:%zu", b->name, b->topic_line);
    }
    if (a->c.table && b->c.table && !strcasecmp(a->c.table, b->c.table)) {
        err_set(e, ERR_INPUT, "table %s of topic %s belongs to topic %s (%s) too", b->c.table, b->c.topic, a->c.topic, a->name);
        return err_where(e, "%s:%zu", b->name, b->topic_line);
    }
    return ERR_OK;
}

static struct contract_draft *draft_by_topic(struct schema_private *p, const char *topic)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->drafts[i].c.topic, topic)) return &p->drafts[i];
    return NULL;
}

/* How the target's columns are filled from c's. */
static enum err map_route(const struct contract_draft *d, const struct contract_draft_route *from,
                          struct contract_route *r, struct error *e)
{
    const struct contract *c = &d->c, *target = r->target;
    for (uint16_t f = 0; f < target->fact_count; f++) {
        const struct contract_fact *fact = &target->fact[f];
        r->map[f] = fact->source == CONTRACT_FROM_JSON ? contract_column_find(c, fact->name) : CONTRACT_NONE;
        if (r->map[f] != CONTRACT_NONE && c->columns[r->map[f]].type != fact->type) {
            err_set(e, ERR_INPUT, "column \"%s\" is %s here and %s in topic %s, where the rows go", fact->name,
                    contract_type_name(c->columns[r->map[f]].type), contract_type_name(fact->type), target->topic);
            return err_where(e, "%s:%zu", d->name, from ? from->line : d->topic_line);
        }
        if (r->map[f] == CONTRACT_NONE && fact->source == CONTRACT_FROM_JSON && fact->required) {
            err_set(e, ERR_INPUT, "topic %s needs a column \"%s\", and there is none here", target->topic, fact->name);
            return err_where(e, "%s:%zu", d->name, from ? from->line : d->topic_line);
        }
    }
    r->key_count = target->key_count;
    for (uint16_t k = 0; k < target->key_count; k++) {
        const char *name = target->columns[target->key[k]].name;
        r->key[k] = contract_column_find(c, name);
        if (r->key[k] == CONTRACT_NONE) {
            err_set(e, ERR_INPUT, "the key of topic %s needs a column \"%s\", and there is none here", target->topic, name);
            return err_where(e, "%s:%zu", d->name, from ? from->line : d->topic_line);
        }
    }
    return ERR_OK;
}

static enum err resolve_routes(struct schema_private *p, struct contract_draft *d, struct error *e)
{
    uint16_t count = d->route_count ? d->route_count : 1;
    struct contract_route *routes = arena_zalloc(&p->arena, count * sizeof *routes);
    enum err rc = ERR_OK;

    for (uint16_t i = 0; i < count; i++) {
        const struct contract_draft_route *from = d->route_count ? &d->route[i] : NULL;
        const struct contract_draft *target = from ? draft_by_topic(p, from->topic) : d;
        if (!target || (from && target->route_count)) {
            err_set(e, ERR_INPUT, target ? "route to topic %s, which is routed itself" : "route to topic %s, which has no contract",
                    from->topic);
            return err_where(e, "%s:%zu", d->name, from->line);
        }
        for (uint16_t j = 0; j < i; j++)
            if (routes[j].target == &target->c) {
                err_set(e, ERR_INPUT, "two routes to topic %s", target->c.topic);
                return err_where(e, "%s:%zu", d->name, from->line);
            }
        routes[i].target = &target->c;
        if (from) {
            routes[i].when = from->when;
            routes[i].when_count = from->when_count;
        }
        TRY(map_route(d, from, &routes[i], e));
    }
    d->c.routes = routes;
    d->c.route_count = count;
done:
    return rc;
}

static int by_topic(const void *a, const void *b)
{
    return strcmp((*(const struct contract *const *)a)->topic, (*(const struct contract *const *)b)->topic);
}

static enum err set_finish(struct schema_set *s, struct error *e)
{
    struct schema_private *p = s->priv;
    enum err rc = ERR_OK;
    const struct contract **list = arena_alloc(&p->arena, (p->count ? p->count : 1) * sizeof *list);

    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < i; j++) TRY(check_clash(&p->drafts[j], &p->drafts[i], e));
    for (size_t i = 0; i < p->count; i++) {
        TRY(resolve_routes(p, &p->drafts[i], e));
        list[i] = &p->drafts[i].c;
    }
    qsort(list, p->count, sizeof *list, by_topic);
    s->contracts = list;
    s->count = p->count;
done:
    return rc;
}

static bool is_yaml(const char *name) { return str_ends(name, ".yml") || str_ends(name, ".yaml"); }

/* Replaces one of the first `builtin` drafts of the same topic, or adds. */
static enum err add(struct schema_set *s, size_t builtin, const char *name, struct view text, struct error *e)
{
    struct schema_private *p = s->priv;
    struct contract_draft draft;
    enum err rc = contract_parse(&p->arena, name, text, &draft, e);
    if (rc != ERR_OK) return rc;
    for (size_t i = 0; i < builtin; i++)
        if (!strcmp(p->drafts[i].c.topic, draft.c.topic) && str_starts(p->drafts[i].name, "contracts/")) {
            p->drafts[i] = draft;
            return ERR_OK;
        }
    p->drafts[p->count++] = draft;
    return ERR_OK;
}

enum err schema_set_load(const char *dir, struct schema_set **out, struct error *e)
{
    struct io_names names = {0};
    struct buf text = {0};
    struct schema_set *s = NULL;
    enum err rc = ERR_OK;
    size_t builtin = 0;

    *out = NULL;
    if (dir) TRY(io_list_dir(dir, &names, e));
    for (const struct asset *a = asset_all(); a->path; a++) builtin += str_starts(a->path, "contracts/") && is_yaml(a->path);
    s = set_new(builtin + names.count);
    for (const struct asset *a = asset_all(); a->path; a++)
        if (str_starts(a->path, "contracts/") && is_yaml(a->path)) TRY(add(s, 0, a->path, a->data, e));
    builtin = s->priv->count;
    for (size_t i = 0; i < names.count; i++) {
        if (!is_yaml(names.name[i]) || names.name[i][0] == '.') continue;
        char *path = io_path(dir, names.name[i]);
        buf_clear(&text);
        rc = io_read_file(path, &text, e);
        if (rc == ERR_OK) rc = add(s, builtin, path, view_from(text.ptr, text.len), e);
        mem_free(path);
        if (rc != ERR_OK) goto done;
    }
    TRY(set_finish(s, e));
    *out = s;
    s = NULL;
done:
    schema_set_free(&s);
    io_names_free(&names);
    buf_reset(&text);
    return rc;
}

enum err schema_set_parse(const struct view *names, const struct view *texts, size_t count, struct schema_set **out,
                          struct error *e)
{
    struct schema_set *s = set_new(count);
    enum err rc = ERR_OK;

    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        char *name = mem_strndup(names[i].ptr, names[i].len);
        rc = add(s, 0, name, texts[i], e);
        mem_free(name);
        if (rc != ERR_OK) goto done;
    }
    TRY(set_finish(s, e));
    *out = s;
    s = NULL;
done:
    schema_set_free(&s);
    return rc;
}

const struct contract *schema_set_find(const struct schema_set *set, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    struct view whole = view_of(base), stem = view_from(base, strcspn(base, "."));

    for (size_t i = 0; i < set->count; i++)
        if (has_name(set->contracts[i], whole)) return set->contracts[i];
    for (size_t i = 0; i < set->count && stem.len; i++)
        if (has_name(set->contracts[i], stem)) return set->contracts[i];
    return NULL;
}

const struct contract *schema_set_table(const struct schema_set *set, const char *table)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->contracts[i]->table && !strcmp(set->contracts[i]->table, table)) return set->contracts[i];
    return NULL;
}

enum err schema_set_need(const struct schema_set *set, const char *name, const struct contract **out, struct error *e)
{
    *out = schema_set_find(set, name);
    if (*out) return ERR_OK;
    const char **words = mem_zalloc((set->count + 1) * sizeof *words);
    struct buf known = {0};
    for (size_t i = 0; i < set->count; i++) {
        words[i] = set->contracts[i]->topic;
        buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = str_nearest(name, words);
    err_set(e, ERR_NOT_FOUND, "no contract for \"%s\"", name);
    if (near) err_hint(e, "did you mean \"%s\"?", near);
    else err_hint(e, "known topics: %s; give one with --topic, or add a contract file", known.ptr ? known.ptr : "none");
    buf_reset(&known);
    mem_free(words);
    return ERR_NOT_FOUND;
}
