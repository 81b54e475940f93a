/* The lineage of a dbt project: the page and the artifacts that it reads, on a lake's server or alone. */
#include "serve/internal.h"

#include "base/asset.h"
#include "base/io.h"

#include <stdio.h>
#include <string.h>

static void tag(struct http_answer *a, const void *bytes, size_t len)
{
    char hex[HASH_HEX_SIZE];
    hash_hex(hash_128(bytes, len), hex);
    snprintf(a->etag, sizeof a->etag, "%.20s", hex);
}

/* To body and not as it lies, so that it is sent packed. */
static void send_asset(struct http_answer *a, const char *name, const char *type)
{
    char path[128];
    snprintf(path, sizeof path, "src/serve/web/lineage/%s", name);
    const struct asset *asset = asset_find(path);
    if (!asset) {
        http_error(a, 404, "not_found", "this program was built without the lineage page");
        return;
    }
    a->type = type;
    buf_add(&a->body, asset->data.ptr, asset->data.len);
    tag(a, a->body.ptr, a->body.len);
}

/* Artifacts are replaced by rename: each is whole, whoever writes it meanwhile. */
static void send_artifact(struct http_answer *a, const char *folder, const char *name)
{
    struct error e;
    char text[1024];
    const char *how = !strcmp(name, "run_results.json") ? "lakefm build" : "lakefm docs generate";
    if (!folder) {
        http_error(a, 404, "not_found", "there is no dbt project here yet; run: lakefm build");
        return;
    }
    char *path = io_path(folder, name);
    if (!io_exists(path)) http_error(a, 404, "not_found", "there is no %s in %s; run: %s", name, folder, how);
    else if (io_read_file(path, &a->body, &e) != ERR_OK) http_error(a, 500, "io", "%s", err_format(&e, text, sizeof text));
    else tag(a, a->body.ptr ? a->body.ptr : "", a->body.len);
    mem_free(path);
}

bool serve_docs(const char *folder, const struct http_request *r, struct http_answer *a)
{
    static const char *const assets[][3] = {{"/lineage", "page.html", "text/html; charset=utf-8"},
                                            {"/lineage/page.css", "page.css", "text/css; charset=utf-8"},
                                            {"/lineage/page.js", "page.js", "text/javascript; charset=utf-8"},
                                            {"/lineage/layout.js", "layout.js", "text/javascript; charset=utf-8"}};
    static const char *const artifacts[] = {"manifest.json", "catalog.json", "run_results.json"};
    static const char below[] = "/api/v1/docs/";
    bool api = str_starts(r->path, below);
    if (!api && strcmp(r->path, "/lineage") && !str_starts(r->path, "/lineage/")) return false;
    if (strcmp(r->method, "GET")) {
        http_error(a, 405, "method", "only GET");
        return true;
    }
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++)
        if (!strcmp(r->path, assets[i][0])) return send_asset(a, assets[i][1], assets[i][2]), true;
    for (size_t i = 0; api && i < sizeof artifacts / sizeof artifacts[0]; i++)
        if (!strcmp(r->path + sizeof below - 1, artifacts[i])) return send_artifact(a, folder, artifacts[i]), true;
    http_error(a, 404, "not_found", "there is nothing at %.200s", r->path);
    return true;
}

/* ---- alone, for any project ---- */

enum { DOCS_CONNECTIONS = 64 };

struct serve_docs {
    struct http *http;
    char *folder;
};

static void route(void *ctx, const struct http_request *r, struct http_answer *a)
{
    struct serve_docs *s = ctx;
    struct http_request home = *r;
    if (!strcmp(r->path, "/")) home.path = "/lineage";
    if (!strcmp(r->path, "/healthz")) {
        a->type = "text/plain; charset=utf-8";
        buf_str(&a->body, "ok\n");
    } else if (!strcmp(r->path, "/icon.svg")) {
        serve_page(NULL, r, a);
    } else if (!serve_docs(s->folder, &home, a)) {
        http_error(a, 404, "not_found", "there is nothing at %.200s", r->path);
    }
}

enum err serve_docs_open(const struct serve_options *options, struct serve_docs **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct serve_docs *s = mem_zalloc(sizeof *s);
    s->folder = mem_strdup(options->docs_folder);
    struct http_options http = {.bind = options->bind ? options->bind : "127.0.0.1",
                                .port = options->port,
                                .token = options->token,
                                .connections = options->connections ? options->connections : DOCS_CONNECTIONS,
                                .route = route,
                                .ctx = s};
    TRY(http_open(&http, &s->http, e));
    *out = s;
done:
    if (rc != ERR_OK) serve_docs_close(&s);
    return rc;
}

uint16_t serve_docs_port(const struct serve_docs *s) { return http_port(s->http); }

void serve_docs_close(struct serve_docs **docs)
{
    struct serve_docs *s = *docs;
    if (!s) return;
    http_close(&s->http);
    mem_free(s->folder);
    mem_free(s);
    *docs = NULL;
}
