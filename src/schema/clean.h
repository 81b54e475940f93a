/* The cleaning steps of contracts (enum contract_clean), as pure functions over valid UTF-8 text. Thread-safe. */
#ifndef LAKEFM_SCHEMA_CLEAN_H
#define LAKEFM_SCHEMA_CLEAN_H

#include "base/buf.h"
#include "base/str.h"

/* Applies the steps in their order. Returns false when the result is null. *out borrows from `text` or from `scratch`
 * (whose contents are replaced) and is valid until either changes. */
bool clean_text(unsigned steps, struct view text, struct buf *scratch, struct view *out);

/* The rule `mojibake`: a text whose characters are all ≤ U+00FF, with at least one ≥ U+0080, and whose ISO-8859-1 bytes
 * are valid UTF-8, is UTF-8 that was once read as ISO-8859-1: those bytes go to out (cleared first), true. Anything else
 * is left alone: false. So "Ã©" becomes "é", and a rightly encoded "é" stays. Applied once, never repeated. */
bool clean_mojibake(struct view text, struct buf *out);

#endif
