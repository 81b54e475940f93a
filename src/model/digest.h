/* MD5 (RFC 1321) and SHA-256 (FIPS 180-4) as lower-case hex: dbt names tests and fingerprints files with them. Not for
 * security. Pure, thread-safe. */
#ifndef LAKEFM_MODEL_DIGEST_H
#define LAKEFM_MODEL_DIGEST_H

#include <stddef.h>

enum { DIGEST_MD5_SIZE = 33, DIGEST_SHA256_SIZE = 65 };
char *digest_md5(const void *p, size_t len, char out[DIGEST_MD5_SIZE]);
char *digest_sha256(const void *p, size_t len, char out[DIGEST_SHA256_SIZE]);

#endif
