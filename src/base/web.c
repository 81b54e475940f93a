#include "base/web.h"

#include "base/mem.h"

#define CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_DEPRECATION /* CURLOPT_PROTOCOLS: older libraries know no other */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

/* libcurl's functions by name: found once, kept for the life of the process. */
static struct {
    pthread_once_t once;
    bool there;
    char why[256];
    CURLcode (*global_init)(long);
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *, CURLoption, ...);
    CURLcode (*perform)(CURL *);
    void (*reset)(CURL *);
    void (*cleanup)(CURL *);
    CURLcode (*getinfo)(CURL *, CURLINFO, ...);
    const char *(*strerror)(CURLcode);
    struct curl_slist *(*append)(struct curl_slist *, const char *);
    void (*free_all)(struct curl_slist *);
} lib = {.once = PTHREAD_ONCE_INIT};

static void find(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"};
    void *handle = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        snprintf(lib.why, sizeof lib.why, "%s", why ? why : "not found");
        return;
    }
    const struct {
        void *at;
        const char *name;
    } wanted[] = {{&lib.global_init, "curl_global_init"}, {&lib.init, "curl_easy_init"},
                  {&lib.setopt, "curl_easy_setopt"},      {&lib.perform, "curl_easy_perform"},
                  {&lib.reset, "curl_easy_reset"},        {&lib.cleanup, "curl_easy_cleanup"},
                  {&lib.getinfo, "curl_easy_getinfo"},    {&lib.strerror, "curl_easy_strerror"},
                  {&lib.append, "curl_slist_append"},     {&lib.free_all, "curl_slist_free_all"}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *f = dlsym(handle, wanted[i].name);
        if (!f) {
            snprintf(lib.why, sizeof lib.why, "it has no %s", wanted[i].name);
            return;
        }
        memcpy(wanted[i].at, &f, sizeof f);
    }
    lib.there = lib.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!lib.there) snprintf(lib.why, sizeof lib.why, "it does not start");
}

struct web_client {
    CURL *curl;
    struct web_options options;
    char *user, *password;
    /* of the request at hand */
    const struct web_request *request;
    struct web_reply *reply;
    struct buf piece; /* of body_more, sent up to piece_at */
    size_t piece_at;
    FILE *file;
    bool too_long;
    enum err failed;
    struct error *e;
};

enum err web_open(const struct web_options *options, struct web_client **out, struct error *e)
{
    pthread_once(&lib.once, find);
    if (!lib.there) {
        err_set(e, ERR_UNSUPPORTED, "HTTP needs libcurl, which cannot be loaded: %s", lib.why);
        return err_hint(e, "install it (Debian: apt-get install libcurl4)");
    }
    struct web_client *c = mem_zalloc(sizeof *c);
    c->options = *options;
    if (options->user) c->user = mem_strdup(options->user);
    if (options->password) c->password = mem_strdup(options->password);
    c->curl = lib.init();
    if (!c->curl) {
        web_close(&c);
        return err_set(e, ERR_INTERNAL, "libcurl has no memory for a connection");
    }
    *out = c;
    return ERR_OK;
}

void web_close(struct web_client **client)
{
    struct web_client *c = *client;
    if (!c) return;
    if (c->curl) lib.cleanup(c->curl);
    buf_reset(&c->piece);
    mem_free(c->user);
    mem_free(c->password);
    mem_free(c);
    *client = NULL;
}

void web_reply_reset(struct web_reply *reply)
{
    buf_reset(&reply->body);
    buf_reset(&reply->headers);
    reply->status = 0;
}

/* ---- libcurl's callbacks ---- */

static size_t take_body(char *p, size_t size, size_t count, void *ctx)
{
    struct web_client *c = ctx;
    uint64_t most = c->request->reply_bytes ? c->request->reply_bytes : 64u << 20;
    long status = 0;
    if (c->request->reply_more && lib.getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status / 100 == 2) {
        c->failed = c->request->reply_more(c->request->reply_ctx, p, size * count, c->e);
        return c->failed == ERR_OK ? size * count : 0;
    }
    if (c->reply->body.len + size * count > most) {
        c->too_long = true;
        return 0;
    }
    buf_add(&c->reply->body, p, size * count);
    return size * count;
}

static size_t take_header(char *p, size_t size, size_t count, void *ctx)
{
    struct web_client *c = ctx;
    size_t len = size * count;
    if (len > 5 && !memcmp(p, "HTTP/", 5)) buf_clear(&c->reply->headers); /* 100 Continue came before */
    struct view line = view_trim(view_from(p, len));
    buf_add(&c->reply->headers, line.ptr, line.len);
    buf_char(&c->reply->headers, '\n');
    return len;
}

static size_t give_body(char *to, size_t size, size_t count, void *ctx)
{
    struct web_client *c = ctx;
    size_t room = size * count;
    if (c->file) {
        size_t got = fread(to, 1, room, c->file);
        if (!ferror(c->file)) return got;
        c->failed = err_sys(c->e, errno, "cannot read %s", c->request->body_path);
        return CURL_READFUNC_ABORT;
    }
    if (c->piece_at == c->piece.len) {
        buf_clear(&c->piece);
        c->piece_at = 0;
        c->failed = c->request->body_more(c->request->body_ctx, &c->piece, c->e);
        if (c->failed != ERR_OK) return CURL_READFUNC_ABORT;
    }
    size_t n = c->piece.len - c->piece_at < room ? c->piece.len - c->piece_at : room;
    if (n) memcpy(to, c->piece.ptr + c->piece_at, n);
    c->piece_at += n;
    return n;
}

static int go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct web_client *client = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return client->options.stop && *client->options.stop;
}

/* ---- a request ---- */

#define SET(option, value) (void)lib.setopt(c->curl, option, value)

static void set_common(struct web_client *c, const struct web_request *r)
{
    int64_t silent = c->options.silent_ms ? c->options.silent_ms : 60000;
    lib.reset(c->curl); /* connections stay */
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(c->options.connect_ms ? c->options.connect_ms : 10000));
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((silent + 999) / 1000));
    if (r->once) SET(CURLOPT_FRESH_CONNECT, 1L);
    if (r->total_ms) SET(CURLOPT_TIMEOUT_MS, (long)r->total_ms);
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_XFERINFOFUNCTION, go_on);
    SET(CURLOPT_XFERINFODATA, c);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_USERAGENT, "lakefm/" LAKEFM_VERSION);
    if (c->user) {
        SET(CURLOPT_USERNAME, c->user);
        SET(CURLOPT_PASSWORD, c->password ? c->password : "");
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    }
}

static enum err set_body(struct web_client *c, const struct web_request *r, struct error *e)
{
    struct stat st;
    if (!r->body.ptr && !r->body_path && !r->body_more) {
        if (strcmp(r->method, "GET") != 0) SET(CURLOPT_CUSTOMREQUEST, r->method);
        return ERR_OK;
    }
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    if (r->body.ptr) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        SET(CURLOPT_POSTFIELDS, r->body.ptr);
        return ERR_OK;
    }
    SET(CURLOPT_READFUNCTION, give_body);
    SET(CURLOPT_READDATA, c);
    if (r->body_more) return ERR_OK; /* chunked, asked for by a header */
    c->file = fopen(r->body_path, "rbe");
    if (!c->file || fstat(fileno(c->file), &st)) return err_sys(e, errno, "cannot open %s", r->body_path);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)st.st_size);
    return ERR_OK;
}

static enum err failure(struct web_client *c, CURLcode code, const char *detail, struct error *e)
{
    const char *why = detail[0] ? detail : lib.strerror(code), *url = c->request->url;
    int host = (int)strcspn(url, "?");
    if (c->failed != ERR_OK) return c->failed;
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK: return err_set(e, ERR_STOPPED, "interrupted");
    case CURLE_WRITE_ERROR:
        if (c->too_long) return err_set(e, ERR_IO, "%.*s: the answer is longer than expected", host, url);
        return err_set(e, ERR_RETRY, "%.*s: %s", host, url, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return err_set(e, ERR_INPUT, "%.*s: %s", host, url, why);
    default: return err_set(e, ERR_RETRY, "%.*s: %s", host, url, why);
    }
}

enum err web_send(struct web_client *client, const struct web_request *r, struct web_reply *reply, struct error *e)
{
    struct web_client *c = client;
    enum err rc = ERR_OK;
    struct curl_slist *headers = NULL;
    char detail[CURL_ERROR_SIZE] = "";
    buf_clear(&reply->body);
    buf_clear(&reply->headers);
    reply->status = 0;
    c->request = r, c->reply = reply, c->e = e;
    c->too_long = false, c->failed = ERR_OK, c->piece_at = 0;
    buf_clear(&c->piece);
    set_common(c, r);
    SET(CURLOPT_ERRORBUFFER, detail);
    TRY(set_body(c, r, e));
    for (size_t i = 0; r->headers && r->headers[i]; i++) headers = lib.append(headers, r->headers[i]);
    headers = lib.append(headers, "Expect:"); /* no pause before each upload */
    if (r->body_more) headers = lib.append(headers, "Transfer-Encoding: chunked");
    SET(CURLOPT_HTTPHEADER, headers);
    CURLcode code = lib.perform(c->curl);
    if (code != CURLE_OK) TRY(failure(c, code, detail, e));
    (void)lib.getinfo(c->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    buf_reserve(&reply->body, 1)[0] = '\0';
done:
    SET(CURLOPT_ERRORBUFFER, NULL);
    if (headers) lib.free_all(headers);
    if (c->file) fclose(c->file);
    c->file = NULL;
    return rc;
}

struct view web_reply_header(const struct web_reply *reply, const char *name)
{
    size_t len = strlen(name);
    const char *at = reply->headers.ptr, *end = at ? at + reply->headers.len : NULL;
    while (at && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if ((size_t)(stop - at) > len && at[len] == ':' && !strncasecmp(at, name, len))
            return view_trim(view_from(at + len + 1, (size_t)(stop - at) - len - 1));
        at = stop + 1;
    }
    return view_from(NULL, 0);
}

void web_escape(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || strchr("-._~", c ? c : ' ')) buf_char(out, (char)c);
        else buf_printf(out, "%%%02X", c);
    }
}
