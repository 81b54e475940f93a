/* Scan primitives in plain C, for any CPU. Included by decode_portable.c, ahead of decode_engine.h. All may read up to
 * DECODE_PAD bytes past `end`. decode_scan_avx2.h has the same functions. */
#define XXH_INLINE_ALL
#include <xxhash.h>

static inline struct tag scan_tag(const struct tag_key *k, const char *p, size_t len)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(p, len, k->seed);
    return (struct tag){h.low64, h.high64};
}

/* The quote that ends the string whose inside begins at p; NULL if there is none before end. */
static inline const char *scan_quote(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    while (p < end) {
        uint64_t v;
        memcpy(&v, p, 8);
        uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        uint64_t hit = ((quote - ones) & ~quote & high) | ((slash - ones) & ~slash & high);
        if (!hit) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(hit) / 8; /* the first hit is exact; borrows reach later bytes only */
        if (*p == '"') return p < end ? p : NULL;
        p += 2;
    }
    return NULL;
}

/* Bytes before the first `c` among the next 32; 32 if there is none. */
static inline unsigned scan_until(const char *p, uint8_t c)
{
    unsigned n = 0;
    while (n < 32 && (uint8_t)p[n] != c) n++;
    return n;
}

static inline bool scan_equal(const char *p, const struct step *s) { return !memcmp(p, s->literal, s->literal_len); }

/* First place of literal[find … find+2] in [p, end). */
static inline const char *scan_three(const char *p, const char *end, const char *three)
{
    while (p < end) {
        const char *q = memchr(p, three[0], (size_t)(end - p));
        if (!q) return NULL;
        if (q[1] == three[1] && q[2] == three[2]) return q;
        p = q + 1;
    }
    return NULL;
}

/* 1 to 15 digits without a leading zero (but "0"): their number, and how many; 0 when it is anything else. */
static inline unsigned scan_digits(const char *p, int64_t *out)
{
    int64_t v = 0;
    unsigned n = 0;
    for (; n < 16 && p[n] >= '0' && p[n] <= '9'; n++) v = v * 10 + (p[n] - '0');
    if (n == 16 || (n > 1 && *p == '0')) return 0;
    *out = v;
    return n;
}

static size_t scan_newlines(const char *p, const char *end, uint32_t *out, size_t max)
{
    const char *base = p;
    size_t n = 0;
    while (n < max && p < end && (p = memchr(p, '\n', (size_t)(end - p)))) out[n++] = (uint32_t)(p++ - base);
    return n;
}
