/* What is sent to Metabase: pure functions over JSON. */
#include "publish/metabase.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *get(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }

char *metabase_stamp(const char *id, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    unsigned long long hash = (unsigned long long)hash_64(text, strlen(text), 0);
    free(text);
    return mem_printf("lakefm:%s:%016llx", id, hash);
}

/* Ids that are the same in every run. */
static char *tag_id(const struct metabase_question *q, const char *slug)
{
    char *name = mem_printf("%s/%s", q->id, slug);
    char h[HASH_HEX_SIZE];
    hash_hex(hash_128(name, strlen(name)), h);
    mem_free(name);
    return mem_printf("%.8s-%.4s-4%.3s-8%.3s-%.12s", h, h + 8, h + 13, h + 17, h + 20);
}
static char *widget_id(const char *slug) { return mem_printf("d%07llx", (unsigned long long)(hash_64(slug, strlen(slug), 0) & 0xfffffff)); }

static const char *widget_type(const char *type)
{
    return !strcmp(type, "date") ? "date/single" : !strcmp(type, "number") ? "number/=" : "string/=";
}
static const char *section(const char *type) { return !strcmp(type, "text") ? "string" : type; }
static json_t *target(const char *slug) { return json_pack("[s,[s,s]]", "variable", "template-tag", slug); }

json_t *metabase_card(const struct metabase_question *q, int64_t database, int64_t collection, const char *stamp)
{
    json_t *tags = json_object(), *parameters = json_array(), *f;
    size_t i;
    json_array_foreach(q->filters, i, f)
    {
        const char *slug = get(f, "slug"), *name = get(f, "name"), *type = get(f, "type");
        char *id = tag_id(q, slug);
        json_object_set_new(tags, slug, json_pack("{s:s,s:s,s:s,s:s}", "id", id, "name", slug, "display-name", name, "type", type));
        json_array_append_new(parameters, json_pack("{s:s,s:s,s:s,s:s,s:o}", "id", id, "name", name, "slug", slug, "type", widget_type(type),
                                                    "target", target(slug)));
        mem_free(id);
    }
    return json_pack("{s:s,s:s,s:I,s:s,s:s,s:{s:s,s:I,s:{s:s,s:o}},s:o,s:O}", "name", q->name, "description", stamp, "collection_id",
                     (json_int_t)collection, "type", "question", "display", q->display, "dataset_query", "type", "native", "database",
                     (json_int_t)database, "native", "query", q->sql, "template-tags", tags, "parameters", parameters,
                     "visualization_settings", q->settings);
}

json_t *metabase_parameters(const struct metabase_boards *boards, const char *dashboard)
{
    json_t *out = json_array(), *seen = json_object(), *f;
    size_t at;
    for (size_t i = 0; i < boards->count; i++) {
        if (strcmp(boards->question[i].dashboard, dashboard) != 0) continue;
        json_array_foreach(boards->question[i].filters, at, f)
        {
            const char *slug = get(f, "slug");
            if (json_object_get(seen, slug)) continue;
            json_object_set_new(seen, slug, json_true());
            char *id = widget_id(slug);
            json_array_append_new(out, json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", id, "name", get(f, "name"), "slug", slug, "type",
                                                 widget_type(get(f, "type")), "sectionId", section(get(f, "type"))));
            mem_free(id);
        }
    }
    json_decref(seen);
    return out;
}

static json_t *mappings(const struct metabase_question *q, int64_t card)
{
    json_t *out = json_array(), *f;
    size_t at;
    json_array_foreach(q->filters, at, f)
    {
        char *id = widget_id(get(f, "slug"));
        json_array_append_new(out, json_pack("{s:s,s:I,s:o}", "parameter_id", id, "card_id", (json_int_t)card, "target", target(get(f, "slug"))));
        mem_free(id);
    }
    return out;
}

/* Of GET's dashcard what PUT takes. */
static json_t *keep(const json_t *card)
{
    static const char *const keys[] = {"id", "card_id", "dashboard_tab_id", "row", "col", "size_x", "size_y", "visualization_settings",
                                       "parameter_mappings", "inline_parameters"};
    json_t *out = json_object(), *series = json_array(), *s;
    size_t at;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *v = json_object_get(card, keys[i]);
        if (v && !(json_is_null(v) && strcmp(keys[i], "card_id") != 0)) json_object_set(out, keys[i], v);
    }
    json_array_foreach(json_object_get(card, "series"), at, s) json_array_append_new(series, json_pack("{s:O}", "id", json_object_get(s, "id")));
    if (json_array_size(series)) json_object_set(out, "series", series);
    json_decref(series);
    return out;
}

static json_int_t number(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

json_t *metabase_dashcards(const struct metabase_boards *boards, const char *dashboard, const int64_t *card_id, const json_t *now,
                           const json_t *tabs)
{
    json_t *out = json_array(), *used = json_array(), *card, *u;
    size_t at, k;
    json_int_t row = 0, fresh = -1;
    for (size_t i = 0; i < boards->count; i++) {
        const struct metabase_question *q = &boards->question[i];
        if (strcmp(q->dashboard, dashboard) != 0) continue;
        json_t *mine = NULL, *tab = json_object_get(json_array_get(tabs, 0), "id");
        json_array_foreach(now, at, card) if (!mine && number(card, "card_id") == card_id[i]) mine = card;
        bool small = !strcmp(q->display, "scalar");
        if (mine) json_array_append(used, json_object_get(mine, "id"));
        json_t *place = mine ? keep(mine) : json_pack("{s:I,s:I,s:I,s:i,s:i,s:i,s:{}}", "id", fresh--, "card_id", (json_int_t)card_id[i], "row",
                                                      row, "col", 0, "size_x", small ? 6 : 24, "size_y", small ? 3 : 9, "visualization_settings");
        json_object_set_new(place, "parameter_mappings", mappings(q, card_id[i]));
        if (!mine && tab) json_object_set(place, "dashboard_tab_id", tab);
        row = number(place, "row") + number(place, "size_y");
        json_array_append_new(out, place);
    }
    json_array_foreach(now, at, card)
    {
        bool ours = false;
        json_array_foreach(used, k, u) ours |= json_equal(u, json_object_get(card, "id"));
        if (!ours) json_array_append_new(out, keep(card));
    }
    json_decref(used);
    return out;
}
