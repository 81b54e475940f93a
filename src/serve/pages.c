#include "serve/internal.h"

#include "base/asset.h"

#include <stdio.h>
#include <string.h>

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".svg", "image/svg+xml"},
                                           {".json", "application/json; charset=utf-8"},
                                           {".webmanifest", "application/manifest+json"},
                                           {".png", "image/png"},
                                           {".ico", "image/x-icon"},
                                           {".woff2", "font/woff2"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_ends(path, types[i][0])) return types[i][1];
    return "application/octet-stream";
}

static bool takes(const char *header, const char *name)
{
    const char *p = header ? strstr(header, name) : NULL;
    return p && strncmp(p + strlen(name), ";q=0", 4) != 0;
}

/* The page's files are in the program as they are and packed: src/serve/web/dist/<path>[.br|.gz]. */
void serve_page(struct serve *s, const struct http_request *r, struct http_answer *a)
{
    char path[512], packed[520], hex[HASH_HEX_SIZE];
    (void)s;
    /* Every address without a dot is the page: the view is in the address (a link is a view). */
    bool page = !strchr(r->path, '.');
    int n = snprintf(path, sizeof path, "src/serve/web/dist%s", page ? "/index.html" : r->path);
    const struct asset *plain = n > 0 && (size_t)n < sizeof path && !strstr(r->path, "..") ? asset_find(path) : NULL;
    if (strcmp(r->method, "GET")) {
        http_error(a, 405, "method", "only GET");
        return;
    }
    if (!plain) {
        http_error(a, 404, "not_found", "there is nothing at %.200s", r->path);
        return;
    }
    const struct asset *best = plain;
    static const char *const encodings[][2] = {{"br", ".br"}, {"gzip", ".gz"}};
    for (size_t i = 0; i < 2 && best == plain; i++) {
        if (!takes(r->accept_encoding, encodings[i][0])) continue;
        snprintf(packed, sizeof packed, "%s%s", path, encodings[i][1]);
        const struct asset *found = asset_find(packed);
        if (!found) continue;
        best = found;
        a->encoding = encodings[i][0];
    }
    a->fixed = best->data;
    a->type = type_of(path);
    hash_hex(hash_128(best->data.ptr, best->data.len), hex);
    snprintf(a->etag, sizeof a->etag, "%.20s", hex);
    if (!page && str_starts(r->path, "/assets/")) a->cache = "public, max-age=31536000, immutable"; /* their names carry their hash */
}
