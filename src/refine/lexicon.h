/* The values of dictionary columns, numbered once for all decoders, topics and threads of a refine handle. A decoder has
 * its own codes; `map` turns them into the lexicon's, so that a row group may hold rows of several decoders and the
 * dimensions may count by number.
 *
 * One domain per column name and type: all topics' userId share theirs. Code 0 is null. Codes grow only, until
 * lexicon_clear.
 *
 * Threads: lexicon_domain, _settle and _clear while nobody else uses the lexicon; the rest from any thread. Arrays got by
 * lexicon_view stay readable until lexicon_settle or _clear: growing replaces them and keeps the old ones. */
#ifndef LAKEFM_REFINE_LEXICON_H
#define LAKEFM_REFINE_LEXICON_H

#include "refine/decode.h"

struct lexicon;
struct lexicon *lexicon_new(void);
void lexicon_free(struct lexicon **lexicon);

/* The domain of this name and type, made when new. */
uint32_t lexicon_domain(struct lexicon *lexicon, const char *name, enum contract_type type);

/* Numbers the values of a decoder's codes from … dict->count - 1: map[code] is set for them. */
void lexicon_map(struct lexicon *lexicon, uint32_t domain, const struct decode_dict *dict, uint32_t from, uint32_t *map);
uint32_t lexicon_integer(struct lexicon *lexicon, uint32_t domain, int64_t value);
uint32_t lexicon_real(struct lexicon *lexicon, uint32_t domain, double value);
uint32_t lexicon_text(struct lexicon *lexicon, uint32_t domain, struct view value);

/* All values numbered so far; entry 0 is empty. */
struct lexicon_view {
    enum contract_type type;
    uint32_t count;
    const int64_t *integers; /* integer, bool, timestamp types */
    const double *reals;
    const struct view *texts;
};
void lexicon_view(struct lexicon *lexicon, uint32_t domain, struct lexicon_view *out);

size_t lexicon_bytes(const struct lexicon *lexicon);
void lexicon_settle(struct lexicon *lexicon); /* frees what views may have held */
void lexicon_clear(struct lexicon *lexicon);  /* empties every domain */
/* One more after each clear: codes of another generation mean nothing. */
uint64_t lexicon_generation(const struct lexicon *lexicon);

#endif
