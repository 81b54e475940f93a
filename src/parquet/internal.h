/* What the files of this room share: the state of an encoder, and the description of an encoded row group. */
#ifndef LAKEFM_PARQUET_INTERNAL_H
#define LAKEFM_PARQUET_INTERNAL_H

#include "parquet/kernels.h"
#include "parquet/parquet.h"

#include <zstd.h>

/* Numbers of the format (parquet.thrift). */
enum { PHYSICAL_BOOLEAN = 0, PHYSICAL_INT32 = 1, PHYSICAL_INT64 = 2, PHYSICAL_DOUBLE = 5, PHYSICAL_BYTE_ARRAY = 6 };
enum {
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_RLE_DICTIONARY = 8,
    ENCODING_COUNT = 10,
};
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };
enum { CODEC_UNCOMPRESSED = 0, CODEC_ZSTD = 6 };

/* How a type lies in the file. Integers are carried as int64_t in their own range (UINT32 0…2^32−1). */
struct parquet_kind {
    int physical;
    int converted; /* ConvertedType, −1 none */
    int bits;      /* of an INTEGER logical type, 0 none */
    bool is_signed;
    uint8_t cell_bytes;  /* the natural cell */
    int64_t least, most; /* of integers */
};
const struct parquet_kind *parquet_kind(enum parquet_type type);
static inline bool parquet_is_narrow(enum parquet_type type) { return parquet_kind(type)->physical == PHYSICAL_INT32; }

/* Lower and upper bound of a column chunk, plain-encoded without a length. Long texts are cut: then not exact. */
enum { STAT_BYTES = 64 };
struct parquet_bound {
    uint8_t bytes[STAT_BYTES];
    uint8_t len;
    bool exact;
};

/* A column chunk in the encoder's `out`; offsets count from the start of the row group. */
struct parquet_chunk {
    uint64_t start; /* first page: dictionary_at if has_dictionary, else data_at */
    uint64_t data_at;
    bool has_dictionary;
    uint32_t pages[ENCODING_COUNT]; /* data pages by encoding */
    uint64_t raw_bytes, file_bytes; /* page headers included */
    uint64_t bloom_at;
    uint32_t bloom_bytes; /* header included; 0 none */
    uint32_t rows, nulls;
    uint32_t distinct; /* 0 unknown */
    bool bounded;
    struct parquet_bound min, max;
};

/* Integers, bits of doubles, or texts. */
struct parquet_items {
    uint32_t count;
    const int64_t *integers;
    const struct view *texts;
};

/* The values of one column, collected from the caller's chunks, nulls left out. */
struct parquet_values {
    enum parquet_type type;
    uint32_t rows, count;       /* count: values that are not null */
    const uint8_t *valid;       /* [rows] 0 or 1; NULL when count == rows or count == 0 */
    bool indexed, constant;     /* constant: indexed, and all indexes are 0 */
    uint32_t *index;            /* [count] when indexed and not constant; BOOLEAN: the values themselves, no items */
    struct parquet_items items; /* the dictionary when indexed, else the values */
    struct parquet_items seen;  /* each value that occurs at least once: for statistics and Bloom filter */
    bool distinct;              /* … exactly once */
};

struct parquet_scratch {
    void *ptr;
    size_t cap;
};

struct parquet_encoder {
    const struct parquet_kernels *kernels;
    ZSTD_CCtx *zstd;
    int level; /* 0: not compressed */

    const struct parquet_file *file; /* the encoded row group is for this one; NULL: none */
    uint32_t rows;
    struct buf out; /* its bytes */
    struct parquet_chunk *chunks;
    size_t chunk_cap;

    struct buf page, bits, sample;
    struct parquet_scratch valid, index, items, items2, texts, texts2, used, slots, hashes, lengths;

    /* map[code] = stamp << 18 | place in the row group's dictionary, valid while the stamp is the present one: so
     * nothing is cleared between column chunks. */
    uint32_t *map;
    size_t map_cap;
    uint32_t stamp;
};
enum { MAP_PLACE_BITS = 18, MAP_STAMP_MAX = (1 << (32 - MAP_PLACE_BITS)) - 1 };
_Static_assert(1 << MAP_PLACE_BITS >= PARQUET_ROWS_MAX, "a place for each row");

enum { INDEX_SLACK = 8 }; /* parquet_hybrid reads so far */

/* At least `count` items of `size` bytes; what was there is lost. */
void *parquet_scratch(struct parquet_scratch *s, size_t count, size_t size);
/* A map for codes below `limit` with a fresh stamp; returns the stamp shifted into place. */
uint32_t parquet_map(struct parquet_encoder *en, size_t limit);

/* collect.c: fills `out`, which points into the encoder's scratch until the next column, or into the caller's rows.
 * Codes become indexes with a dictionary, unless it would be too large; cells stay values. */
enum err parquet_collect(struct parquet_encoder *en, const struct parquet_column *column,
                         const struct parquet_rows *rows, const struct parquet_input *in, struct parquet_values *out,
                         struct error *e) MUST_CHECK;
/* How many distinct values are worth a dictionary at all. */
static inline uint32_t parquet_dictionary_cap(uint32_t count) { return count / 4 > 64 ? count / 4 : 64; }
/* The same for codes of texts and doubles, which cannot be packed otherwise and need not be looked for: half as many still
 * make the smaller file (a text of 6 bytes and more; the songs of a small day). */
static inline uint32_t parquet_codes_cap(enum parquet_type type, uint32_t count)
{
    bool wide = type == PARQUET_STRING || type == PARQUET_DOUBLE;
    return wide && count / 2 > 64 ? count / 2 : parquet_dictionary_cap(count);
}

size_t parquet_texts_bytes(const struct parquet_items *items);
/* False for a dictionary that must not be: too many bytes of text, or a double −0, which parquet-java does not find in a
 * dictionary when 0 is asked for, and so skips its row group. */
bool parquet_dictionary_allowed(enum parquet_type type, const struct parquet_items *items);

/* dictionary.c: looks for repetition in plain values; makes them indexed when that is smaller than the alternatives.
 * Sets `seen`. */
void parquet_dictionary_try(struct parquet_encoder *en, struct parquet_values *v);

/* pages.c: appends the column chunk's pages to en->out and describes them in `chunk`. */
enum err parquet_pages_write(struct parquet_encoder *en, const struct parquet_column *column,
                             const struct parquet_values *v, struct parquet_chunk *chunk, struct error *e) MUST_CHECK;

/* stats.c */
void parquet_stats(const struct parquet_encoder *en, const struct parquet_values *v, struct parquet_chunk *chunk);

/* bloom.c: a split-block Bloom filter over the items, header and all, appended to out. */
void parquet_bloom_write(const struct parquet_values *v, struct buf *out);

/* file.c */
struct parquet_layout { /* what of a file the encoder needs; immutable */
    const struct parquet_column *columns;
    size_t column_count;
    int level;
};
const struct parquet_layout *parquet_file_layout(const struct parquet_file *file);

#endif
