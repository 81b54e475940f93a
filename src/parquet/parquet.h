/* A Parquet writer: columns in, one Parquet file out. No domain in here.
 *
 *   caller's rows (chunks)                              one file
 *   ┌ cells ──────────┐    parquet_encode               PAR1
 *   │ codes + dict    │ ─▶ (no lock, CPU heavy) ─▶      row group 0: for each column [dictionary page],
 *   │ constant        │    parquet_file_append             data pages, [Bloom filter]
 *   └─────────────────┘    (short, under a lock)        row group 1 …
 *                          parquet_file_finish          footer (Thrift), its length, PAR1
 *
 * Use: one parquet_file for each file, shared by threads; one parquet_encoder for each thread, reused for ever.
 *
 *     parquet_file_new(columns, n, &options, fd, path, &file, e);
 *     for each row group, in any thread:
 *         parquet_encode(encoder, file, &rows, e);      // reads the rows; they may be reused when it returns
 *         parquet_file_append(file, encoder, e);        // writes the bytes, in the order of the calls
 *     parquet_file_finish(file, &summary, e);
 *     parquet_file_free(&file);
 *
 * Ownership: everything passed in is borrowed for the call only, but the file descriptor or buffer, which is borrowed
 * until parquet_file_free. Nothing is seeked or read: the bytes go out strictly in order.
 * Format: github.com/apache/parquet-format (2.10): data pages V1; RLE_DICTIONARY, DELTA_BINARY_PACKED,
 * DELTA_LENGTH_BYTE_ARRAY or PLAIN, chosen per column and row group by size; Zstandard or none.
 */
#ifndef LAKEFM_PARQUET_PARQUET_H
#define LAKEFM_PARQUET_PARQUET_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PARQUET_ROWS_MAX = 262144, /* rows of one row group; a caller with more makes more row groups */
    PARQUET_COLUMNS_MAX = 1024,
};

/* ---------------------------------------------------------------------------------------------------- schema */

/* Type of a column, and the cell that parquet_input.cells has for it when cell_bytes is 0. */
enum parquet_type {
    PARQUET_BOOLEAN,      /* uint8_t, 0 or not 0 */
    PARQUET_INT8,         /* int32_t; INT32 in the file, as are the next six */
    PARQUET_INT16,        /* int32_t */
    PARQUET_INT32,        /* int32_t */
    PARQUET_UINT8,        /* uint32_t */
    PARQUET_UINT16,       /* uint32_t */
    PARQUET_UINT32,       /* uint32_t */
    PARQUET_DATE,         /* int32_t, days since 1970-01-01 */
    PARQUET_INT64,        /* int64_t */
    PARQUET_TIMESTAMP_MS, /* int64_t, ms since 1970-01-01T00:00 as the wall clock shows it; isAdjustedToUTC = false */
    PARQUET_DOUBLE,       /* double */
    PARQUET_STRING,       /* struct view; valid UTF-8 (the caller has checked it) */
};

struct parquet_column {
    const char *name;
    enum parquet_type type;
    bool required; /* no nulls; parquet_encode fails on one */
    bool bloom;    /* a split-block bloom filter for each row group (ids that are looked up). Not for BOOLEAN, DOUBLE */
};

enum parquet_codec { PARQUET_ZSTD, PARQUET_UNCOMPRESSED };

struct parquet_pair {
    struct view key, value; /* UTF-8 */
};

struct parquet_options { /* {0} is a good choice */
    enum parquet_codec codec;
    int level;                          /* of Zstandard; 0 means 1 */
    bool sync;                          /* finish makes the bytes durable (fdatasync); appends start the write-back early */
    bool early;                         /* only the second: the caller makes them durable */
    const struct parquet_pair *pairs;   /* key/value metadata of the file */
    size_t pair_count;
};

/* -------------------------------------------------------------------------------------------------- row group */

enum parquet_form {
    PARQUET_CELLS,    /* a value for each row */
    PARQUET_CODES,    /* a uint32_t code for each row, into a dictionary of the caller's */
    PARQUET_CONSTANT, /* the same value in every row: almost free */
};

enum { PARQUET_NULL_NEVER = 0xFFFFFFFFu }; /* as parquet_input.null_code: every code has a value */

/* What codes stand for. It may be far larger than one row group needs and may grow between calls: the encoder takes the
 * codes that occur, in the order of their first row. Its cost does not depend on `count` (but some bytes of scratch memory
 * per code, kept). One of the three, by the column's type:
 *   integers   [count]  BOOLEAN (0/1), all integer types, DATE, TIMESTAMP_MS
 *   reals      [count]  DOUBLE
 *   texts      [count]  STRING, or arena + offsets + lengths: text c is arena[offsets[c] … + lengths[c]) */
struct parquet_dict {
    uint32_t count; /* every code is below it; parquet_encode checks */
    bool distinct;  /* no two codes have equal values: distinct_count may be told to readers */
    const int64_t *integers;
    const double *reals;
    const struct view *texts;
    const char *arena;
    const uint32_t *offsets, *lengths;
};

/* One column of a row group. `cells[k]` points to the k-th chunk's rows. */
struct parquet_input {
    enum parquet_form form;

    /* CELLS: of enum parquet_type's cell; or for integers cell_bytes = 1, 2, 4 or 8 says another width (signed, for
     * UINT columns unsigned). A value outside the column's type is an error. CODES: uint32_t. */
    const void *const *cells;
    uint8_t cell_bytes;

    /* CELLS: which rows hold a value. valid[k] is one byte for each row (0 = null), or one bit (bit i%8 of byte i/8, 1 =
     * value) with valid_is_bits. valid == NULL or valid[k] == NULL: all rows do. A null row's cell is ignored. */
    const uint8_t *const *valid;
    bool valid_is_bits;

    /* CODES */
    const struct parquet_dict *dict;
    uint32_t null_code; /* this code is null (0 unless told); its dictionary entry is never read. Or PARQUET_NULL_NEVER */

    /* CONSTANT */
    bool null;
    int64_t integer; /* all integer types, DATE, TIMESTAMP_MS, BOOLEAN */
    double real;
    struct view text;
};

struct parquet_rows {
    const uint32_t *chunk_rows; /* [chunk_count] rows in each chunk; their sum is at most PARQUET_ROWS_MAX */
    size_t chunk_count;
    const struct parquet_input *inputs; /* one for each column of the schema */
};

/* Scratch memory and the last encoded row group. One thread at a time. About 15 MB after a full row group, plus 5
 * bytes for each code of the largest dictionary seen. */
struct parquet_encoder;
struct parquet_encoder *parquet_encoder_new(void);
void parquet_encoder_free(struct parquet_encoder **encoder);
/* Uses the portable code even where the CPU has AVX2 (the bytes are the same; tests prove it). */
void parquet_encoder_set_portable(struct parquet_encoder *encoder, bool portable);

/* --------------------------------------------------------------------------------------------------- the file */

struct parquet_file; /* thread-safe: encode and append from any thread; finish and free from one, after the others */

struct parquet_summary {
    uint64_t bytes, rows;
    uint32_t row_groups;
    struct hash128 hash; /* hash_128 over all bytes of the file */
};

/* Starts a file: writes to fd from its present position, which must be that of an empty file. `path` is copied, for
 * messages. Columns and options are copied. ERR_USAGE for a schema that makes no sense (no columns, two of one name …). */
enum err parquet_file_new(const struct parquet_column *columns, size_t column_count, const struct parquet_options *options,
                          int fd, const char *path, struct parquet_file **out, struct error *e) MUST_CHECK;
/* The same into memory: appends to `out_bytes`, which should be empty. */
enum err parquet_file_new_memory(const struct parquet_column *columns, size_t column_count,
                                 const struct parquet_options *options, struct buf *out_bytes, struct parquet_file **out,
                                 struct error *e) MUST_CHECK;

/* Encodes one row group by the schema and options of `file` into the encoder, replacing what it held. Takes no lock and
 * writes nothing. No rows: appending it does nothing. On an error the encoder holds nothing and can be used again;
 * ERR_INTERNAL says which column broke the contract (null in a required column, code or value out of range). */
enum err parquet_encode(struct parquet_encoder *encoder, const struct parquet_file *file, const struct parquet_rows *rows,
                        struct error *e) MUST_CHECK;
/* Bytes that appending the encoded row group will add to a file (a caller's size limit); 0 when it holds none. */
size_t parquet_encoded_bytes(const struct parquet_encoder *encoder);
/* Writes the encoded row group, once, to the file it was encoded for. After an error the file is spoiled: every later
 * append and finish fails in the same way, and the caller removes the file. */
enum err parquet_file_append(struct parquet_file *file, struct parquet_encoder *encoder, struct error *e) MUST_CHECK;
/* Rows and bytes appended so far. */
void parquet_file_progress(struct parquet_file *file, uint64_t *rows, uint64_t *bytes);
/* Writes the footer; with options.sync the bytes are durable on return (the folder's entry is the caller's affair). */
enum err parquet_file_finish(struct parquet_file *file, struct parquet_summary *out, struct error *e) MUST_CHECK;
/* Frees the object, finished or not. Closes nothing. */
void parquet_file_free(struct parquet_file **file);

/* ------------------------------------------------------------------------------------------------- the footer */

/* What a file says of itself, for audits. Written for our own files; others mostly work too. */
struct parquet_footer {
    uint64_t rows;
    uint32_t row_groups, columns;
    uint64_t data_end;     /* the first byte after the last column chunk or bloom filter that the footer names */
    uint64_t footer_bytes; /* the metadata, without its length and magic */
    char created_by[64];   /* cut to fit */
};

/* Reads the footer from the last `len` bytes of a file of `file_bytes` bytes. ERR_MORE: `len` is too short, *need bytes
 * would do. ERR_CORRUPT: not a whole Parquet file, or its numbers contradict each other (rows of the row groups against
 * the total, chunks outside the file). Safe on any bytes. */
enum err parquet_footer_parse(const void *tail, size_t len, uint64_t file_bytes, size_t *need, struct parquet_footer *out,
                              struct error *e) MUST_CHECK;
/* The same for a local file. */
enum err parquet_footer_read(const char *path, struct parquet_footer *out, struct error *e) MUST_CHECK;

#endif
