#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"
#include "parquet/internal.h"
#include "parquet/thrift.h"

#include <string.h>

/* Source: github.com/apache/parquet-format/blob/master/BloomFilter.md. Blocks of 256 bits; a value sets one bit in each
 * of the block's 8 words. Hash: XXH64, seed 0, of the plain-encoded value (texts without their length). */
enum { BLOCK_WORDS = 8, BLOCK_BYTES = 32, FILTER_MAX = 1 << 20 };

static const uint32_t salt[BLOCK_WORDS] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                           0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

static void insert(uint32_t *words, uint32_t blocks, uint64_t hash)
{
    uint32_t *block = words + ((hash >> 32) * blocks >> 32) * BLOCK_WORDS;
    for (int i = 0; i < BLOCK_WORDS; i++) block[i] |= 1u << ((uint32_t)hash * salt[i] >> 27);
}

/* 8 to 16 bits for each value: about 2 % to 0.1 % false positives. A power of two, as parquet-cpp demands. */
static uint32_t filter_bytes(uint32_t items)
{
    uint32_t bytes = BLOCK_BYTES;
    while (bytes < items && bytes < FILTER_MAX) bytes *= 2;
    return bytes;
}

static void put_header(struct buf *out, uint32_t bytes)
{
    struct thrift_writer w = {.out = out};
    thrift_i32(&w, 1, (int32_t)bytes);
    for (int id = 2; id <= 4; id++) { /* algorithm BLOCK, hash XXHASH, compression UNCOMPRESSED: unions of one */
        thrift_open(&w, id);
        thrift_empty(&w, 1);
        thrift_close(&w);
    }
    thrift_close(&w);
}

void parquet_bloom_write(const struct parquet_values *v, struct buf *out)
{
    uint32_t bytes = filter_bytes(v->seen.count), blocks = bytes / BLOCK_BYTES;
    size_t value_bytes = parquet_is_narrow(v->type) ? 4 : 8;
    uint32_t *words = mem_zalloc(bytes);
    for (uint32_t i = 0; i < v->seen.count; i++)
        insert(words, blocks,
               v->type == PARQUET_STRING ? XXH64(v->seen.texts[i].ptr, v->seen.texts[i].len, 0)
                                         : XXH64(v->seen.integers + i, value_bytes, 0));
    put_header(out, bytes);
    buf_add(out, words, bytes);
    mem_free(words);
}
