/* ls: the selected nodes, a line each. */
#include "model/print.h"
#include "model/run.h"

#include <stdlib.h>

static enum err ls_line(struct dbt *d, const struct node *n, struct buf *b, struct error *e)
{
    enum err rc = ERR_OK;
    const char *form = d->o->output ? d->o->output : "selector";
    if (!strcmp(form, "name"))
        buf_str(b, n->name);
    else if (!strcmp(form, "path"))
        buf_str(b, n->original_path);
    else if (!strcmp(form, "json")) {
        static const char *const usual[] = {"name",      "resource_type", "package_name", "original_file_path",
                                            "unique_id", "source_name",   "tags",         "config",
                                            "alias",     "depends_on"};
        struct jinja_value v, shown = jinja_dict(d->env);
        TRY(node_value(d, d->env, n, true, &v, e));
        size_t keys = d->o->output_keys.count ? d->o->output_keys.count : sizeof usual / sizeof usual[0];
        for (size_t i = 0; i < keys; i++) {
            const char *key = d->o->output_keys.count ? d->o->output_keys.word[i] : usual[i];
            struct jinja_value one = jinja_dict_get(v, key);
            if (!jinja_is_absent(one)) jinja_dict_set(d->env, shown, key, one);
        }
        TRY(jinja_json_plain(d->env, shown, false, b, e));
    } else if (n->kind == NODE_SOURCE)
        buf_printf(b, "source:%s.%s.%s", n->package->name, n->source_name, n->name);
    else if (n->kind == NODE_EXPOSURE || n->kind == NODE_METRIC || n->kind == NODE_SEMANTIC_MODEL ||
             n->kind == NODE_SAVED_QUERY || n->kind == NODE_UNIT_TEST)
        buf_printf(b, "%s:%s.%s", NODE_KIND_NAMES[n->kind], n->package->name, n->name);
    else
        for (size_t i = 0; i < n->fqn.count; i++) buf_printf(b, "%s%s", i ? "." : "", n->fqn.at[i]);
    buf_char(b, '\n');
done:
    return rc;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

enum err ls_verb(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count, made = 0;
    char **line = NULL;
    TRY(select_nodes(d, &selected, &count, e));
    line = mem_zalloc((count + 1) * sizeof *line);
    for (size_t i = 0; i < count; i++) {
        struct buf b = {0};
        rc = ls_line(d, selected[i], &b, e);
        line[made++] = buf_take(&b);
        TRY(rc);
    }
    if (made) qsort(line, made, sizeof *line, by_text);
    for (size_t i = 0; i < made; i++) say_raw(d, line[i], strlen(line[i]));
    if (!made) say(d, SAY_WARN, "NoNodesSelected", "Q030", "No nodes selected!");
done:
    for (size_t i = 0; line && i < made; i++) mem_free(line[i]);
    mem_free(line);
    return rc;
}
