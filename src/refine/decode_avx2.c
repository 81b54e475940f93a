/* The decoder's fast path for x86-64 with AVX2, AES, BMI; used only where the CPU has them. */
#include "refine/decode_private.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,aes,bmi,bmi2,popcnt,lzcnt")
#include <immintrin.h>

#include "refine/decode_scan_avx2.h"
#include "refine/decode_engine.h"

static struct tag tag_of(const struct tag_key *k, const char *p, size_t len) { return scan_tag(k, p, len); }

const struct engine decode_engine_avx2 = {"avx2", tag_of, engine_match, engine_resolve, scan_newlines};
#endif
