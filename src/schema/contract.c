#include "schema/contract.h"

const char *contract_type_name(enum contract_type t)
{
    static const char *const name[CONTRACT_TYPES] = {"int64",  "uint32", "uint16", "uint8",
                                                     "double", "string", "bool",   "timestamp_ms"};
    return name[t];
}

uint16_t contract_column_find(const struct contract *c, const char *name)
{
    for (uint16_t i = 0; i < c->column_count; i++)
        if (!strcmp(c->columns[i].name, name)) return i;
    return CONTRACT_NONE;
}

uint16_t contract_fact_find(const struct contract *c, const char *name)
{
    for (uint16_t i = 0; i < c->fact_count; i++)
        if (!strcmp(c->fact[i].name, name)) return i;
    return CONTRACT_NONE;
}

bool contract_feeds(const struct contract *c, const char *dim)
{
    for (uint16_t i = 0; i < c->dim_count; i++)
        if (!strcmp(c->dims[i], dim)) return true;
    return false;
}
