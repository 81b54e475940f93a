/* exceptions.raise_contract_error: what an enforced contract promises against what the SQL gives, as a table. */
#include "model/context.h"
#include "model/objects.h"

#include <strings.h>

static const char *text_at(struct context *c, struct jinja_value column, const char *key)
{
    struct jinja_value v = jinja_dict_get(column, key);
    return value_is_null(v) ? "" : value_str(c->arena, c->env, v);
}

static const char *find(struct context *c, struct jinja_value list, const char *name)
{
    for (size_t i = 0; i < jinja_seq_count(list); i++)
        if (!strcasecmp(text_at(c, jinja_seq_items(list)[i], "name"), name))
            return text_at(c, jinja_seq_items(list)[i], "data_type");
    return NULL;
}

enum err contract_error(struct context *c, const struct jinja_call *call, struct error *e)
{
    struct jinja_value promised = call->count > 0 ? call->args[0] : jinja_none(),
                       given = call->count > 1 ? call->args[1] : jinja_none();
    struct buf b = {0};
    if (!jinja_seq_count(promised))
        buf_str(&b, "This model has an enforced contract, and its 'columns' specification is missing");
    else {
        buf_str(&b, "This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number "
                    "of columns in your contract match the columns in your "
                    "model's definition.\n\n| column_name | definition_type | contract_type | mismatch_reason |\n");
        for (size_t i = 0; i < jinja_seq_count(given); i++) {
            const char *name = text_at(c, jinja_seq_items(given)[i], "name"),
                       *type = text_at(c, jinja_seq_items(given)[i], "data_type"), *want = find(c, promised, name);
            if (!want)
                buf_printf(&b, "| %s | %s | | missing in contract |\n", name, type);
            else if (strcasecmp(want, type))
                buf_printf(&b, "| %s | %s | %s | data type mismatch |\n", name, type, want);
        }
        for (size_t i = 0; i < jinja_seq_count(promised); i++) {
            const char *name = text_at(c, jinja_seq_items(promised)[i], "name");
            if (!find(c, given, name))
                buf_printf(&b, "| %s | | %s | missing in definition |\n", name,
                           text_at(c, jinja_seq_items(promised)[i], "data_type"));
        }
    }
    err_set(e, ERR_INPUT, "%s", b.ptr);
    buf_reset(&b);
    return ERR_INPUT;
}
