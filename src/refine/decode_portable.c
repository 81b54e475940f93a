/* The decoder's fast path in plain C. */
#include "refine/decode_private.h"

#include "refine/decode_scan_portable.h"
#include "refine/decode_engine.h"

static struct tag tag_of(const struct tag_key *k, const char *p, size_t len) { return scan_tag(k, p, len); }

const struct engine decode_engine_portable = {"portable", tag_of, engine_match, engine_resolve, scan_newlines};
