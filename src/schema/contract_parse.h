/* One contract file → a draft: everything but its routes' targets, which need the other contracts. Used by
 * contract_set.c only. All memory comes from the arena. */
#ifndef LAKEFM_SCHEMA_CONTRACT_PARSE_H
#define LAKEFM_SCHEMA_CONTRACT_PARSE_H

#include "base/mem.h"
#include "schema/contract.h"

struct contract_draft_route {
    const char *topic;
    const char *const *when;
    uint16_t when_count;
    size_t line;
};

struct contract_draft {
    struct contract c; /* routes unset; `key` filled unless routed */
    struct contract_draft_route route[CONTRACT_MAX_ROUTES];
    uint16_t route_count; /* 0: not routed */
    const char *name;     /* of the file, for messages */
    size_t topic_line;
};

enum err contract_parse(struct arena *a, const char *name, struct view text, struct contract_draft *out,
                        struct error *e) MUST_CHECK;

#endif
