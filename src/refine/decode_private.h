/* What the decoder's files share. How a line goes:
 *
 *   newline index ─▶ match a shape (decode_engine.h) ─▶ up to 64 rows of tokens ─▶ resolve: token → code
 *                        │ no shape fits                                             │ a token never seen
 *                        ▼                                                           ▼
 *                    decode_slow.c: the strict parser (decode_json.c)            decode_value.c: check, unescape, clean,
 *                    is the only judge of what is wrong with a line              put into the dictionary (decode_dict.c)
 *
 * A token is the raw text of one JSON value, quotes included. Everything about a value is checked once, when its token
 * enters a dictionary; after that the token's hash stands for it (96 bits kept of 128, keyed per process). A shape
 * (decode_shape.c) is one order of keys met in earlier lines, learned from lines that the strict parser accepted. A memo
 * (decode_memo.c) does for a run of neighbouring fields that repeat together what a dictionary does for one. */
#ifndef LAKEFM_REFINE_DECODE_PRIVATE_H
#define LAKEFM_REFINE_DECODE_PRIVATE_H

#include "base/buf.h"
#include "base/mem.h"
#include "refine/decode.h"

enum {
    GROUP_ROWS = 64,      /* rows tokenised before they are resolved */
    SHAPES_MAX = 16,
    STEPS_MAX = CONTRACT_MAX_COLUMNS,
    LITERAL_MAX = 64,
    FAST_LINE_MAX = 65536, /* longer lines take the general path */
    LINE_INDEX = 64,
    NO_CODE = 0xffffffffu,
};
#define FINE DECODE_REASONS /* "no reason to reject" where a function returns enum decode_reason */

/* ---- hash of raw text, keyed per process (decode_engine.h); two kinds of CPU have two functions */

struct tag {
    uint64_t lo, hi;
};
struct tag_key {
    uint8_t bytes[64] __attribute__((aligned(16)));
    uint64_t seed;
};
typedef struct tag tag_fn(const struct tag_key *k, const char *p, size_t len); /* may read DECODE_PAD bytes past the end */

/* ---- open-addressed table from tag to number; 96 bits of the tag are kept and compared */

struct tag_slot {
    uint64_t lo;
    uint32_t hi;
    uint32_t value; /* number + 1; 0: empty */
};
struct tag_table {
    struct tag_slot *slots;
    uint32_t shift; /* 64 - log2(size) */
    uint32_t used;
};
void decode_tag_table_init(struct tag_table *t, uint32_t bits);
void decode_tag_table_free(struct tag_table *t);
void decode_tag_table_put(struct tag_table *t, struct tag h, uint32_t number); /* h is not there yet */
static inline size_t decode_tag_table_size(const struct tag_table *t) { return (size_t)1 << (64 - t->shift); }
static inline const struct tag_slot *decode_tag_table_home(const struct tag_table *t, struct tag h)
{
    return &t->slots[h.lo >> t->shift];
}
static inline uint32_t decode_tag_table_get(const struct tag_table *t, struct tag h)
{
    size_t mask = decode_tag_table_size(t) - 1;
    for (size_t i = h.lo >> t->shift;; i = (i + 1) & mask) {
        const struct tag_slot *s = &t->slots[i];
        if (s->lo == h.lo && s->hi == (uint32_t)h.hi && s->value) return s->value - 1;
        if (!s->value) return NO_CODE;
    }
}

/* ---- values (decode_value.c, decode_number.c, decode_text.c) */

struct value {
    bool null;
    int64_t integer; /* integers, bool, timestamps; the bits of a double */
    struct view text;
};
struct value_scratch {
    struct buf unescaped, cleaned;
};
/* A whole JSON number (and nothing else) as an integer in [min, max]. `floats`: 1e3 and 1.0 are fine. */
enum decode_reason decode_number_integer(const char *p, const char *end, bool floats, int64_t min, int64_t max, int64_t *out);
/* A whole JSON number as the nearest double. */
enum decode_reason decode_number_double(const char *p, const char *end, double *out);
/* End of the JSON number that begins at p; NULL if none does. */
const char *decode_number_end(const char *p, const char *end);

/* The closing quote of the string whose first character (after its quote) is at p; NULL with *why when the string is cut
 * or breaks a rule (escapes, UTF-8, control characters, NUL). */
const char *decode_text_end(const char *p, const char *end, bool *escaped, enum decode_reason *why);
/* What a checked string's inside means; borrows from it or from scratch. */
struct view decode_text_unescape(const char *p, const char *end, bool escaped, struct buf *scratch);

/* The value of a token for a column, or why not. *v borrows from the token or scratch. Time columns come in ms. */
enum decode_reason decode_value_parse(const struct contract *c, uint16_t column, const char *p, const char *end,
                               struct value_scratch *scratch, struct value *v);

/* ---- dictionary of one column */

struct dict {
    enum contract_type type;
    bool is_text;
    uint64_t seed;           /* of value hashes: depends on the column's name only */
    struct tag_table tokens; /* raw text → code */
    uint32_t count, cap;
    uint64_t *number;        /* integers or doubles' bits */
    uint32_t *offset, *length;
    uint64_t *hash;
    struct buf bytes;
    uint32_t *by_value;      /* open-addressed codes, 0 empty; size a power of two > 4/3 count */
    uint32_t by_value_size;
};
void decode_dict_init(struct dict *t, const struct contract_column *col);
void decode_dict_free(struct dict *t);
void decode_dict_clear(struct dict *t);
size_t decode_dict_memory(const struct dict *t);
uint32_t decode_dict_code(struct dict *t, const struct value *v); /* of a value, added if it is new; 0 for null */
uint64_t decode_value_hash(const struct dict *t, const struct value *v); /* 0 for null */
uint64_t decode_value_hash_i64(uint64_t seed, int64_t v);

/* ---- memo of one layout */

struct memo {
    bool tail;                 /* the text runs to the end of the line; columns are all that earlier items do not fill */
    uint64_t layout;           /* hash of the keys (decode_memo.c) */
    uint16_t columns[CONTRACT_MAX_COLUMNS], column_count;
    uint32_t stride;           /* of an entry, in uint32_t: payload (2), codes */
    struct tag_table table;
    uint32_t *entries;
    uint32_t count, cap;
    uint64_t lookups, missed, wasted; /* of the present window; wasted: a miss although every token was known */
    unsigned strikes;
    bool dropped;
};

/* ---- shapes */

struct step {
    char literal[LITERAL_MAX]; /* what stands before the value: from the end of the value before; zero padded */
    uint8_t literal_len;
    uint8_t find;              /* place of its first '"': three bytes from there are looked for first */
    uint8_t until;             /* the byte after the value if that is a scalar: first of the next literal */
    uint16_t columns[4], column_count; /* 0: drift */
    bool dense;                /* columns[0] is stored as numbers, and it is the only one */
    uint8_t *present;          /* of a dense column that may be null, else NULL */
    int64_t dense_max;         /* plain digits up to here need no further check; -1: none */
    uint64_t key;              /* hash of the unescaped key */
};
struct item { /* what is tokenised as one: a step, or steps remembered together */
    uint8_t first, last;
    bool tail;
    struct memo *memo; /* NULL: one step */
};
struct shape {
    struct step step[STEPS_MAX];
    uint16_t step_count;
    char end[LITERAL_MAX]; /* after the last value */
    uint8_t end_len;
    uint16_t absent[CONTRACT_MAX_COLUMNS], absent_count; /* columns no step fills */
    bool has_tail;         /* the last item is a tail: it fills the absent dictionary columns too */
    char *drift[STEPS_MAX];                              /* unescaped names of drift steps, owned */
    uint16_t drift_count;
    struct item item[STEPS_MAX];
    uint16_t item_count;
    bool planned;          /* items were chosen by learning, for good */
    uint32_t **sample;     /* codes of rows to learn from, per column; NULL when there is nothing to learn */
    uint32_t sample_rows, sample_used;
    uint64_t hits, window; /* lines matched; since the last replacement */
    /* rows waiting to be resolved; item-major, GROUP_ROWS each */
    uint32_t pending;
    uint16_t row[GROUP_ROWS];
    const char *line[GROUP_ROWS], *line_end[GROUP_ROWS];
    struct tag *tag;
    const char **ptr;
    uint32_t *len;
};

/* ---- the strict parser's result */

struct member {
    const char *before; /* end of the value before (or start of the line) */
    const char *value, *end;
    struct view key;    /* unescaped; borrows from the line or from keys */
    uint16_t known;     /* known key, CONTRACT_NONE: drift */
};
struct json_object {
    struct member *member;
    size_t count, cap;
    const char *tail; /* end of the last value */
    struct arena keys; /* of keys that were escaped */
    uint32_t *set; /* for finding duplicates among many keys */
    size_t set_cap;
    enum decode_reason why; /* of a failure, with the column it is in */
    uint16_t column;
};

struct known_key {
    struct view name;
    uint16_t use_count;
    uint16_t column[CONTRACT_MAX_COLUMNS]; /* columns that read it … */
    uint16_t rank[CONTRACT_MAX_COLUMNS];   /* … as their rank-th choice */
};

struct key_plan {
    uint16_t count;
    uint16_t column[CONTRACT_MAX_KEY];
    uint8_t bits[CONTRACT_MAX_KEY];
    bool exact; /* all columns are integers and have bits enough */
};

struct drift_entry {
    char *key;
    uint64_t count;
};

struct batch_store { /* columns and what goes with them; one allocation each */
    struct decode_batch b;
    struct decode_column *column;
    uint32_t **codes; /* NULL for dense columns */
    int64_t **dense;
    uint8_t **present; /* optional dense columns only; all 1 while has_null is false */
    bool *has_null;
    int32_t *day;
    struct hash128 *key, *route_key;
    uint64_t *payload;
    struct decode_source *source;
    uint8_t *route;
    uint8_t *shape; /* of each row; SHAPES_MAX: general path */
    uint8_t *dead;
    uint32_t dead_count;
    struct decode_reject *reject;
    size_t reject_cap;
};

struct input_line {
    const char *p, *end; /* without what ends a line; padded */
    struct decode_source source;
};

struct engine {
    const char *name;
    tag_fn *tag;
    bool (*match)(struct decoder *d, const char *p, const char *end, uint32_t row); /* a shape fits: the row is pending */
    void (*resolve)(struct decoder *d, struct shape *s);                            /* its pending rows */
    size_t (*newlines)(const char *p, const char *end, uint32_t *out, size_t max);  /* positions of the first '\n's */
};
extern const struct engine decode_engine_portable;
#if defined(__x86_64__)
extern const struct engine decode_engine_avx2;
#endif

struct decoder {
    const struct contract *contract;
    struct decode_options opt;
    const struct engine *engine;
    struct tag_key tag_key;
    uint64_t *seed; /* of each column's value hashes */
    struct dict *dict;
    struct known_key *key;
    uint16_t key_count;
    uint16_t *key_slot; /* hash → known key + 1 */
    uint32_t key_slots;
    uint32_t *key_seen, key_tick; /* for finding a key that is there twice */
    struct key_plan plan, route_plan[CONTRACT_MAX_ROUTES];
    uint8_t *route_of_code;
    uint32_t route_known, route_cap;

    struct shape *shape[SHAPES_MAX];
    uint16_t shape_count, shape_last;
    uint8_t common[SHAPES_MAX][SHAPES_MAX]; /* leading items two shapes share */
    uint32_t before[SHAPES_MAX];            /* shapes to be tried before this one: it ends in a tail, which fits any text,
                                               where they go on */
    struct memo *memo[64];
    uint16_t memo_count;
    uint64_t slow_streak; /* general-path lines that found no room for their shape */
    uint32_t slow_run;    /* lines in a row that fitted no shape */
    bool hopeless;        /* so many that only a few lines are tried at all (orders of keys at random) */
    size_t memo_bytes;    /* of all memos */

    /* input: lines are looked for a few at a time; records are copied for the padding */
    const char *at, *end, *base;
    uint64_t base_offset;
    const struct decode_source *records;
    size_t record_count, record_at;
    struct buf copy;
    uint32_t line;     /* next line of the feed */
    uint64_t line_all; /* of the feed's first line, since decode_new */
    struct input_line lines[LINE_INDEX];
    uint32_t line_at, line_count;

    struct batch_store store;
    struct json_object object;
    struct value_scratch scratch;
    uint32_t *chosen; /* per column: the member it reads, for the general path */
    uint16_t *chosen_rank;
    bool *used;
    size_t used_cap;

    struct decode_counts counts;
    struct drift_entry drift[64];
    size_t drift_count;
    size_t dict_bytes; /* of all dictionaries, kept up to date when they grow */
};

/* ---- decode_slow.c */
void decode_slow_line(struct decoder *d, const char *p, const char *end, uint32_t row);
/* Marks the row dead and keeps the reject. */
void decode_reject_row(struct decoder *d, uint32_t row, enum decode_reason why, uint16_t column);
/* A token's code for a column (by dictionary or by decode_value_parse), NO_CODE with *why when it is wrong. */
uint32_t decode_token_code(struct decoder *d, uint16_t column, const char *p, const char *end, struct tag h, bool *added,
                    enum decode_reason *why);
void decode_drift_add(struct decoder *d, const char *key, size_t len);

/* ---- decode_json.c */
bool decode_json_parse(struct decoder *d, const char *p, const char *end, struct json_object *o);
bool decode_json_value_ok(const char *p, const char *end); /* a whole scalar, for drift steps */

/* ---- decode_shape.c */
void decode_shape_learn(struct decoder *d, const struct json_object *o, const char *p, const char *end);
bool decode_shape_same_step(const struct step *a, const struct step *b);
void decode_shape_singles(struct shape *s);       /* one item a step */
void decode_shapes_relate(struct decoder *d);     /* after shapes or their items changed */
void decode_shapes_renew(struct decoder *d);      /* between batches: drops the least used when new ones wait */
void decode_shape_free(struct decoder *d, struct shape **s);
void decode_shape_count_drift(struct decoder *d, const struct shape *s, uint32_t rows);

/* ---- decode_learn.c */
void decode_plan(struct decoder *d); /* at the end of a batch: which steps are remembered together */
void decode_sample_free(struct shape *s, uint16_t columns);

/* ---- decode_memo.c */
/* The memo of the item's layout, made if need be; NULL when it was dropped once. */
struct memo *decode_memo_of(struct decoder *d, const struct shape *s, const struct item *it);
bool decode_memos_judge(struct decoder *d); /* drops those that do not pay; true if any was */
void decode_memo_put(struct decoder *d, struct memo *m, struct tag h, uint64_t payload, const uint32_t *codes);
void decode_memos_clear(struct decoder *d);
void decode_memos_free(struct decoder *d);

/* ---- decode_key.c */
void decode_key_plan_make(const struct contract *c, const uint16_t *columns, uint16_t count, struct key_plan *out);
void decode_batch_finish(struct decoder *d); /* dense payloads, days, keys, routes; drops dead rows, sorts rejects */

#endif
