/* Scan primitives for x86-64 with AVX2, AES and BMI. Included by decode_avx2.c, ahead of decode_engine.h. All may read up
 * to DECODE_PAD bytes past `end`; see decode_scan_portable.h for what each does.
 *
 * The hash is not XXH3 but rounds of AES over 16-byte lanes, with a key drawn for each process: three rounds mix any two
 * blocks fully, and without the key nobody can prepare texts that collide. */
static inline __m128i load16(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
static inline __m256i load32(const char *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
static inline unsigned eq32(__m256i v, char c) { return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(c))); }

static inline struct tag scan_tag(const struct tag_key *key, const char *p, size_t len)
{
    static const uint8_t mask[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const __m128i *k = (const __m128i *)(const void *)key->bytes;
    __m128i k0 = _mm_xor_si128(k[0], _mm_set1_epi64x((long long)len)), k1 = k[1], k2 = k[2], k3 = k[3], x, y;
    struct tag out;

    if (len <= 16) {
        x = _mm_and_si128(load16(p), load16((const char *)mask + 16 - len));
        x = _mm_aesenc_si128(_mm_xor_si128(x, k0), k1);
    } else if (len <= 32) {
        x = _mm_aesenc_si128(_mm_xor_si128(load16(p), k0), k1);
        y = _mm_aesenc_si128(_mm_xor_si128(load16(p + len - 16), k2), k3);
        x = _mm_aesenc_si128(x, y);
    } else {
        __m128i a = k0, b = k1, c = k2, d = k3;
        const char *end = p + len;
        for (; end - p > 64; p += 64) {
            a = _mm_aesenc_si128(_mm_xor_si128(a, load16(p)), k3);
            b = _mm_aesenc_si128(_mm_xor_si128(b, load16(p + 16)), k2);
            c = _mm_aesenc_si128(_mm_xor_si128(c, load16(p + 32)), k1);
            d = _mm_aesenc_si128(_mm_xor_si128(d, load16(p + 48)), k3);
        }
        /* The last 1 … 64 bytes, overlapping what came before; a text of 33 … 64 bytes takes two 32-byte ends. */
        const char *q = len >= 64 ? end - 64 : p;
        const char *r = end - 32;
        a = _mm_aesenc_si128(_mm_xor_si128(a, load16(q)), k3);
        b = _mm_aesenc_si128(_mm_xor_si128(b, load16(q + 16)), k2);
        c = _mm_aesenc_si128(_mm_xor_si128(c, load16(r)), k1);
        d = _mm_aesenc_si128(_mm_xor_si128(d, load16(r + 16)), k3);
        x = _mm_aesenc_si128(_mm_aesenc_si128(a, b), k1);
        y = _mm_aesenc_si128(_mm_aesenc_si128(c, d), k2);
        x = _mm_aesenc_si128(x, y);
    }
    x = _mm_aesenc_si128(_mm_aesenc_si128(x, k2), k3);
    _mm_storeu_si128((__m128i *)(void *)&out, x);
    return out;
}

static inline const char *scan_quote(const char *p, const char *end)
{
    while (p < end) {
        __m256i v = load32(p);
        unsigned quote = eq32(v, '"'), slash = eq32(v, '\\');
        if (!(quote | slash)) {
            p += 32;
            continue;
        }
        p += __builtin_ctz(quote | slash);
        if (*p == '"') return p < end ? p : NULL;
        p += 2;
    }
    return NULL;
}

static inline unsigned scan_until(const char *p, uint8_t c)
{
    unsigned m = eq32(load32(p), (char)c);
    return m ? (unsigned)__builtin_ctz(m) : 32;
}

static inline bool scan_equal(const char *p, const struct step *s)
{
    unsigned need = s->literal_len >= 32 ? ~0u : (1u << s->literal_len) - 1;
    unsigned same = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(load32(p), load32(s->literal)));
    if ((same & need) != need) return false;
    return s->literal_len <= 32 || !memcmp(p + 32, s->literal + 32, s->literal_len - 32u);
}

static inline const char *scan_three(const char *p, const char *end, const char *three)
{
    __m256i a = _mm256_set1_epi8(three[0]), b = _mm256_set1_epi8(three[1]), c = _mm256_set1_epi8(three[2]);
    for (; p < end; p += 32) {
        __m256i x = _mm256_cmpeq_epi8(load32(p), a), y = _mm256_cmpeq_epi8(load32(p + 1), b);
        unsigned m = (unsigned)_mm256_movemask_epi8(_mm256_and_si256(_mm256_and_si256(x, y), _mm256_cmpeq_epi8(load32(p + 2), c)));
        if (m) {
            p += __builtin_ctz(m);
            return p < end ? p : NULL;
        }
    }
    return NULL;
}

static inline unsigned scan_digits(const char *p, int64_t *out)
{
    static const uint8_t shift[32] = {128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                                      0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15};
    __m128i v = _mm_sub_epi8(load16(p), _mm_set1_epi8('0'));
    unsigned good = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v));
    unsigned n = (unsigned)__builtin_ctz(~good);
    if (n > 15 || (n > 1 && *p == '0')) return 0;
    v = _mm_shuffle_epi8(v, load16((const char *)shift + n)); /* to the right end, zeros before */
    v = _mm_maddubs_epi16(v, _mm_set_epi8(1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10));
    v = _mm_madd_epi16(v, _mm_set_epi16(1, 100, 1, 100, 1, 100, 1, 100));
    v = _mm_packus_epi32(v, v);
    v = _mm_madd_epi16(v, _mm_set_epi16(1, 10000, 1, 10000, 1, 10000, 1, 10000));
    uint64_t two = (uint64_t)_mm_cvtsi128_si64(v);
    *out = (int64_t)((two & 0xffffffffu) * 100000000u + (two >> 32));
    return n;
}

static size_t scan_newlines(const char *p, const char *end, uint32_t *out, size_t max)
{
    size_t n = 0;
    for (const char *q = p; q < end; q += 64) {
        uint64_t m = eq32(load32(q), '\n') | (uint64_t)eq32(load32(q + 32), '\n') << 32;
        for (; m; m &= m - 1) {
            const char *at = q + __builtin_ctzll(m);
            if (at >= end || n == max) return n;
            out[n++] = (uint32_t)(at - p);
        }
    }
    return n;
}
