/* Key sets that the state files no longer tell, made again: from the bronze of the commits that brought the days' rows,
 * decoded once more; where that is gone or does not add up, from silver itself, with keys but without payloads. */
#ifndef LAKEFM_REFINE_CATCH_UP_H
#define LAKEFM_REFINE_CATCH_UP_H

#include "refine/days.h"
#include "refine/decode.h"

struct catch_up {
    struct lake *lake;
    const struct schema_set *contracts;
    struct decode_options decode;
};
/* days_options.catch_up; ctx is a struct catch_up. */
enum err catch_up_days(void *ctx, struct days_need *needs, size_t count, struct error *e) MUST_CHECK;

#endif
