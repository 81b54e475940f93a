/* What dbt takes for a model's primary key: a constraint, else what tests say is unique, best with not_null. */
#include "model/dbt.h"

#include <stdlib.h>

static bool is_key(struct jinja_value constraint)
{
    return !strcmp(value_get_text(constraint, "type", ""), "primary_key");
}

static bool from_constraints(struct dbt *d, struct node *n)
{
    struct jinja_value key, column;
    for (size_t i = 0; i < jinja_seq_count(n->constraints); i++) {
        if (!is_key(jinja_seq_items(n->constraints)[i])) continue;
        value_to_texts(d, jinja_dict_get(jinja_seq_items(n->constraints)[i], "columns"), &n->primary_key);
        return true;
    }
    for (size_t at = 0; jinja_dict_next(n->columns, &at, &key, &column);) {
        struct jinja_value list = jinja_dict_get(column, "constraints");
        for (size_t i = 0; i < jinja_seq_count(list); i++) {
            if (!is_key(jinja_seq_items(list)[i])) continue;
            texts_add(&n->primary_key, value_text(key, ""));
            return true;
        }
    }
    return false;
}

struct keys {
    struct texts unique, disabled, not_null;
};

static void note(struct dbt *d, const struct node *test, bool enabled, struct keys *k)
{
    struct texts columns = {0};
    if (!test->test_name) return;
    bool unique = !strcmp(test->test_name, "unique") || !strcmp(test->test_name, "unique_combination_of_columns");
    if (!unique && strcmp(test->test_name, "not_null")) return;
    struct jinja_value named = jinja_dict_get(test->test_args, "column_name"),
                       list = jinja_dict_get(test->test_args, "combination_of_columns");
    if (test->column_name)
        texts_add(&columns, test->column_name);
    else if (jinja_is_string(named))
        texts_add(&columns, value_text(named, ""));
    else if (list.type == JINJA_LIST)
        value_to_texts(d, list, &columns);
    struct texts *to = !unique ? &k->not_null : enabled ? &k->unique : &k->disabled;
    for (size_t i = 0; i < columns.count; i++)
        if (!texts_has(to, columns.at[i])) texts_add(to, columns.at[i]);
    mem_free(columns.at);
}

static void from_tests(struct node *n, const struct keys *k)
{
    for (size_t i = 0; i < k->not_null.count; i++)
        if (texts_has(&k->unique, k->not_null.at[i]) || texts_has(&k->disabled, k->not_null.at[i]))
            texts_add(&n->primary_key, k->not_null.at[i]);
    const struct texts *rest = k->unique.count ? &k->unique : &k->disabled;
    for (size_t i = 0; !n->primary_key.count && i < rest->count; i++) texts_add(&n->primary_key, rest->at[i]);
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

void dbt_primary_keys(struct dbt *d)
{
    struct keys *all = mem_zalloc((d->node_count + 1) * sizeof *all);
    for (size_t i = 0; i < d->node_count; i++) d->nodes[i]->mark = i;
    for (size_t i = 0; i < d->node_count + d->disabled_count; i++) {
        bool enabled = i < d->node_count;
        const struct node *test = enabled ? d->nodes[i] : d->disabled[i - d->node_count], *on = test->attached;
        if (test->kind == NODE_TEST && on && on->mark < d->node_count && d->nodes[on->mark] == on)
            note(d, test, enabled, &all[on->mark]);
    }
    for (size_t i = 0; i < d->node_count; i++) {
        struct node *n = d->nodes[i];
        if (n->kind == NODE_MODEL && !from_constraints(d, n)) from_tests(n, &all[i]);
        if (n->primary_key.count)
            qsort(n->primary_key.at, n->primary_key.count, sizeof *n->primary_key.at, by_text);
        mem_free(all[i].unique.at);
        mem_free(all[i].disabled.at);
        mem_free(all[i].not_null.at);
    }
    mem_free(all);
}
