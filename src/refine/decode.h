/* The decoder: raw JSON lines of one topic → batches of typed rows, as dictionary codes and dense arrays, plus the rejects
 * with their reasons. Driven by the contract (schema/contract.h); strict (RFC 8259, real UTF-8); nothing is lost: every
 * line given is a row, a reject, or a counted blank line.
 *
 * One decoder = one thread and one contract. Contracts may be shared.
 *
 *     struct decoder *d = decode_new(contract, NULL);
 *     decode_feed(d, block, len, offset);                 // a block of whole lines …
 *     const struct decode_batch *b;
 *     while ((b = decode_next(d))) {                      // … gives batches of ≤ DECODE_BATCH_ROWS rows
 *         take b->rejects[]; take b's rows;
 *         if (b->full) { flush everything that holds codes; decode_forget(d); }
 *     }
 *
 * Lifetimes. Input is borrowed until decode_next returns NULL. A batch is valid until the next decode_next or
 * decode_feed*. Codes stay valid, and mean the same value, until decode_forget. Dictionary views (decode_dict) are valid
 * until the next decode_next, decode_feed* or decode_forget: fetch them again when you flush.
 *
 * Memory: about 3 MB, plus dictionaries and memo bounded by options.memory_bytes (default 40 MiB): when they reach it the
 * batch ends early and says `full`, and the caller must flush and decode_forget before it goes on. (A caller that does not
 * gets small batches and growing memory.) Ordinary event streams never get there.
 *
 * How it goes, and why it is fast: decode_private.h. Results never depend on CPU, memo or path: rows, codes' values, keys, payloads and
 * rejects are the same functions of the input. (The numbering of codes may differ.)
 */
#ifndef LAKEFM_REFINE_DECODE_H
#define LAKEFM_REFINE_DECODE_H

#include "base/hash.h"
#include "schema/contract.h"

enum {
    DECODE_BATCH_ROWS = 8192,
    DECODE_PAD = 64, /* bytes that must be readable (any content) after a block given to decode_feed */
};

/* Reasons, in the order of a column-free check first. Their names are stable: they go into quarantine and metrics. */
enum decode_reason {
    DECODE_BAD_JSON,         /* bad_json: not RFC 8259 (cut off, bad number, bad escape, bare word …) */
    DECODE_NOT_OBJECT,       /* not_object: valid so far, but not an object */
    DECODE_TRAILING_GARBAGE, /* trailing_garbage: text after the object */
    DECODE_BAD_UTF8,         /* bad_utf8: invalid UTF-8, or a lone surrogate escape */
    DECODE_NUL_BYTE,         /* nul_byte: a NUL in the text, raw or as \u0000 */
    DECODE_CONTROL,          /* control_char: an unescaped control character inside a string */
    DECODE_DUPLICATE_KEY,    /* duplicate_key */
    DECODE_TOO_DEEP,         /* too_deep: nested deeper than options.max_depth */
    DECODE_MISSING,          /* missing_required */
    DECODE_NULL,             /* null_required */
    DECODE_WRONG_TYPE,       /* wrong_type */
    DECODE_OUT_OF_RANGE,     /* out_of_range: outside the column's type, or a time outside years 1…9999 */
    DECODE_NOT_INTEGER,      /* not_integer: 1.5, 1e-1, and 1.0 where the contract does not accept floats */
    DECODE_NOT_FINITE,       /* not_finite: 1e999 in a double column */
    DECODE_OVERSIZE,         /* oversize: longer than options.line_limit */
    DECODE_CONFLICT,         /* conflict: never from the decoder; for dedupe, so that reasons have one list */
    DECODE_REASONS
};
const char *decode_reason_name(enum decode_reason r);

/* One record as it came. In block mode `text` is the line without its '\n' and without a '\r' before it. */
struct decode_source {
    const char *text; /* borrowed from the input */
    uint32_t len;
    uint32_t line;    /* 0-based number of the line in the block (of the record in the array), blank ones counted */
    uint64_t offset;  /* block mode: byte offset of the line's first byte; record mode: the offset given */
};

struct decode_reject {
    enum decode_reason reason;
    uint16_t column;      /* contract column, CONTRACT_NONE if the record as a whole is bad */
    uint64_t line;        /* 0-based number of the line or record since decode_new, blank ones counted */
    struct decode_source source;
};

struct decode_column {
    const uint32_t *codes;  /* dictionary columns: rows codes; code 0 is null. NULL for dense columns */
    const int64_t *dense;   /* dense columns: rows values (0 where null). NULL for dictionary columns */
    const uint8_t *present; /* dense columns with a null in this batch: 0/1 per row; NULL when every row has a value */
};

struct decode_batch {
    uint32_t rows;
    uint32_t reject_count;
    const struct decode_column *columns; /* contract->column_count of them */
    const int64_t *ts_ms;                /* the time column, ms since the epoch */
    const int32_t *day;                  /* UTC day of it, days since 1970-01-01 */
    const struct hash128 *key;           /* the primary route's key. Stable across processes and versions. See below */
    const uint64_t *payload;             /* hash of the values of all decoded columns, nulls left out. Stable likewise */
    const struct decode_source *source;
    /* Routed contracts only (else NULL): per row the index of the extra route, 0 for none, and that route's key. */
    const uint8_t *route;
    const struct hash128 *route_key;
    const struct decode_reject *rejects; /* of the lines read for this batch, in input order */
    bool full;                           /* dictionaries are full: flush and decode_forget before the next decode_next */
};
/* key: 127 bits + a tag. When all key columns are integers (or null) that fit, hi's top bit is 0 and the rest holds the
 * numbers themselves: equal keys are equal rows, no collision possible. Otherwise hi's top bit is 1 and the rest is
 * XXH3-128 over the key's values. The full ts is in it where the contract names ts, so keys of different days differ. */

/* Dictionary of one non-dense column: values of codes 1 … count-1, all distinct. Code 0 is null (an empty entry). */
struct decode_dict {
    enum contract_type type;
    uint32_t count;         /* codes are < count; ≥ 1 */
    const int64_t *integer; /* integer, bool (0/1), timestamp types */
    const double *real;     /* CONTRACT_DOUBLE; -0.0 and 0.0 are two values */
    const uint32_t *offset; /* CONTRACT_STRING: the text of code c is bytes[offset[c] … + length[c]) */
    const uint32_t *length;
    const char *bytes;
    const uint64_t *hash;   /* of each value, stable across processes; 0 for code 0 */
};

struct decode_counts {
    uint64_t lines;       /* = rows + rejects + blank */
    uint64_t rows, rejects, blank;
    uint64_t bytes;
    uint64_t reason[DECODE_REASONS];
    uint64_t drift_rows;  /* good records that carried unknown keys; that is no reason to reject them */
    uint64_t drift_keys;  /* unknown keys in all of them */
    uint64_t future_rows; /* rows with a time beyond now + options.future_slack_ms; kept */
    uint64_t slow_rows;   /* lines that took the general path: a measure of speed, no judgement */
};

/* An unknown key met, for the drift report. The first 64 distinct ones are named. */
struct decode_drift {
    const char *key; /* as unescaped; terminated */
    uint64_t count;
};

enum decode_cpu { DECODE_CPU_AUTO, DECODE_CPU_PORTABLE, DECODE_CPU_AVX2 };

/* {0} means all defaults. */
struct decode_options {
    uint32_t line_limit;      /* bytes; default 16 MiB */
    uint32_t max_depth;       /* nesting of unknown values; default 64 */
    size_t memory_bytes;      /* see above; default 40 MiB */
    int64_t now_ms;           /* default: clock_now_ms() at decode_new */
    int64_t future_slack_ms;  /* default 24 h */
    enum decode_cpu cpu;      /* AUTO: best of this machine, or LAKEFM_CPU=portable|avx2 in the environment */
    bool no_memo, no_fast;    /* for tests and measurements */
    uint32_t batch_rows;      /* ≤ DECODE_BATCH_ROWS, the default (tests: fewer) */
    uint32_t learn_rows;      /* rows of a batch to learn repeating fields from; default 512 (tests: fewer) */
};

struct decoder;
struct decoder *decode_new(const struct contract *c, const struct decode_options *o); /* o may be NULL */
void decode_free(struct decoder **d);
const struct contract *decode_contract(const struct decoder *d);

/* Block mode: whole lines; only the last block of an input may lack its final '\n'. `offset` is the position of ptr in
 * its input; a UTF-8 BOM is dropped where offset is 0. ptr[len … len+DECODE_PAD) must be readable. Must not be called
 * before decode_next has returned NULL for the block before. */
void decode_feed(struct decoder *d, const char *ptr, size_t len, uint64_t offset);

/* Record mode: whole records (Kafka values). White space around a record, newlines included, is fine; an empty one is
 * counted blank. No padding needed (they are copied inside). The array and what it points to are borrowed until
 * decode_next returns NULL. */
void decode_feed_records(struct decoder *d, const struct decode_source *records, size_t count);

/* NULL when the input is used up. A batch may have rejects and no rows. */
const struct decode_batch *decode_next(struct decoder *d);

/* The dictionary of a non-dense column. */
void decode_dict(const struct decoder *d, uint16_t column, struct decode_dict *out);
/* Empties dictionaries and memo: codes given out before mean nothing from now on. */
void decode_forget(struct decoder *d);
/* Bytes held by dictionaries and memo. */
size_t decode_memory(const struct decoder *d);

const struct decode_counts *decode_counts(const struct decoder *d);
/* The i-th unknown key, false past the last. */
bool decode_drift_at(const struct decoder *d, size_t i, struct decode_drift *out);

#endif
