#include "base/hash.h"

#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

uint64_t hash_64(const void *p, size_t len, uint64_t seed) { return XXH3_64bits_withSeed(p, len, seed); }

static struct hash128 from_xxh(XXH128_hash_t h) { return (struct hash128){h.low64, h.high64}; }

struct hash128 hash_128(const void *p, size_t len) { return from_xxh(XXH3_128bits(p, len)); }

char *hash_hex(struct hash128 h, char out[HASH_HEX_SIZE])
{
    snprintf(out, HASH_HEX_SIZE, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
    return out;
}

bool hash_from_hex(const char *text, struct hash128 *out)
{
    uint64_t half[2] = {0, 0};
    for (int i = 0; i < HASH_HEX_LEN; i++) {
        char c = text[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0) return false;
        half[i / 16] = half[i / 16] << 4 | (uint64_t)v;
    }
    if (text[HASH_HEX_LEN]) return false;
    *out = (struct hash128){half[1], half[0]};
    return true;
}

struct hasher {
    XXH3_state_t *state;
};

struct hasher *hasher_new(void)
{
    struct hasher *h = mem_zalloc(sizeof *h);
    h->state = XXH3_createState();
    if (!h->state) (void)mem_alloc(SIZE_MAX / 2); /* the out-of-memory handler takes over */
    XXH3_128bits_reset(h->state);
    return h;
}

void hasher_add(struct hasher *h, const void *p, size_t len) { XXH3_128bits_update(h->state, p, len); }
struct hash128 hasher_sum(const struct hasher *h) { return from_xxh(XXH3_128bits_digest(h->state)); }

void hasher_free(struct hasher **h)
{
    if (!*h) return;
    XXH3_freeState((*h)->state);
    mem_free(*h);
    *h = NULL;
}

enum err hash_file(const char *path, struct hash128 *out, uint64_t *bytes, struct error *e)
{
    enum err rc = ERR_OK;
    enum { BLOCK = 256 * 1024 };
    size_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "cannot open %s", path);
    struct hasher *h = hasher_new();
    char *block = mem_alloc(BLOCK);
    *bytes = 0;
    while (got) {
        TRY(io_read_some(fd, block, BLOCK, &got, path, e));
        hasher_add(h, block, got);
        *bytes += got;
    }
    *out = hasher_sum(h);
done:
    close(fd);
    mem_free(block);
    hasher_free(&h);
    return rc;
}
