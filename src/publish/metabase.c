#include "publish/metabase.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct metabase {
    const struct metabase_options *o;
    const struct metabase_boards *boards;
    struct web_client *web;
    struct web_reply reply;
    char *auth; /* the header that signs us in; NULL: not yet */
    int64_t database, collection;
};

static const char *get(const json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }
static int64_t id_of(const json_t *o) { return json_integer_value(json_object_get(o, "id")); }
static bool is(const char *a, const char *b) { return a && !strcmp(a, b); }

static void told(struct metabase *m, const char *kind, const char *name, const char *what)
{
    if (m->o->done) m->o->done(m->o->ctx, kind, name, what);
}

static void rest(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- requests ---- */

/* {"errors":{KEY:TEXT}} or {"message":TEXT} or plain text, on one line. */
static enum err refusal(struct metabase *m, const char *method, const char *path, struct error *e)
{
    json_t *body = json_loadb(m->reply.body.ptr ? m->reply.body.ptr : "", m->reply.body.len, 0, NULL), *errors = json_object_get(body, "errors");
    struct buf why = {0};
    const char *key;
    json_t *v;
    long status = m->reply.status;
    json_object_foreach(errors, key, v) buf_printf(&why, "%s%s: %s", why.len ? "; " : "", key, json_is_string(v) ? json_string_value(v) : "wrong");
    if (!why.len && get(body, "message")) buf_str(&why, get(body, "message"));
    if (!why.len && !body && m->reply.body.len) buf_add(&why, m->reply.body.ptr, m->reply.body.len < 300 ? strcspn(m->reply.body.ptr, "\r\n") : 300);
    enum err code = status == 401 || status == 403 ? ERR_USAGE : status == 404 ? ERR_NOT_FOUND : status == 429 || status >= 502 ? ERR_RETRY : ERR_INPUT;
    err_set(e, code, "Metabase answered %ld to %s %s%s%s", status, method, path, why.len ? ": " : "", why.len ? why.ptr : "");
    if (code == ERR_USAGE) err_hint(e, "settings metabase.user and metabase.password, or metabase.api_key, of an administrator");
    buf_reset(&why);
    json_decref(body);
    return code;
}

/* One request; *out (may be NULL) is the answer's JSON. Waits out 429 and 503. */
static enum err call(struct metabase *m, const char *method, const char *path, const json_t *body, json_t **out, struct error *e)
{
    enum err rc = ERR_OK;
    char *url = mem_printf("%s%s", m->o->url, path), *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    const char *headers[] = {"Accept: application/json", "Content-Type: application/json", m->auth, NULL};
    struct web_request r = {.method = method, .url = url, .headers = headers, .total_ms = 120000,
                            .once = strcmp(method, "GET") != 0};
    if (text) r.body = view_of(text);
    else if (strcmp(method, "GET") != 0) r.body = view_from("", 0);
    if (out) *out = NULL;
    for (int tries = 0;; tries++) {
        TRY(web_send(m->web, &r, &m->reply, e));
        if ((m->reply.status != 429 && m->reply.status != 503) || tries == 8) break;
        if (m->o->stop && *m->o->stop) TRY(err_set(e, ERR_STOPPED, "interrupted"));
        rest(250 << (tries < 4 ? tries : 4));
    }
    if (m->reply.status < 200 || m->reply.status > 299) TRY(refusal(m, method, path, e));
    if (out) {
        *out = json_loadb(m->reply.body.ptr ? m->reply.body.ptr : "", m->reply.body.len, 0, NULL);
        if (!*out) TRY(err_set(e, ERR_INPUT, "Metabase's answer to %s %s is no JSON", method, path));
    }
done:
    mem_free(url);
    free(text);
    return rc;
}

/* ---- signing in ---- */

static enum err await(struct metabase *m, struct error *e)
{
    uint64_t give_up = clock_mono_ns() + (uint64_t)m->o->wait_ms * 1000000;
    enum err rc;
    while ((rc = call(m, "GET", "/api/health", NULL, NULL, e)) == ERR_RETRY || (rc == ERR_INPUT && m->reply.status == 503)) {
        if (clock_mono_ns() >= give_up || (m->o->stop && *m->o->stop)) {
            rc = ERR_RETRY;
            err_hint(e, "is Metabase running at %s? It takes a minute to start: --wait 2m", m->o->url);
            break;
        }
        rest(500);
    }
    return rc;
}

static enum err take_session(struct metabase *m, const json_t *answer, struct error *e)
{
    if (!get(answer, "id")) return err_set(e, ERR_INPUT, "Metabase opened no session");
    mem_free(m->auth);
    m->auth = mem_printf("X-Metabase-Session: %s", get(answer, "id"));
    return ERR_OK;
}

static enum err set_up(struct metabase *m, const char *token, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *answer = NULL, *body = json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:{s:s,s:b}}", "token", token, "user", "email", m->o->user, "password",
                                             m->o->password, "first_name", "Lake", "last_name", "Admin", "prefs", "site_name", "lakefm",
                                             "allow_tracking", 0);
    TRY(call(m, "POST", "/api/setup", body, &answer, e));
    TRY(take_session(m, answer, e));
    told(m, "administrator", m->o->user, "made");
done:
    json_decref(body);
    json_decref(answer);
    return rc;
}

static enum err sign_in(struct metabase *m, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *properties = NULL, *answer = NULL, *body = NULL;
    if (m->o->api_key) {
        m->auth = mem_printf("X-API-Key: %s", m->o->api_key);
        return ERR_OK;
    }
    if (!m->o->user || !m->o->password) {
        err_set(e, ERR_USAGE, "who signs in to Metabase?");
        return err_hint(e, "settings metabase.user and metabase.password (LAKEFM_METABASE_PASSWORD), or metabase.api_key");
    }
    TRY(call(m, "GET", "/api/session/properties", NULL, &properties, e));
    if (!json_is_true(json_object_get(properties, "has-user-setup")) && get(properties, "setup-token")) {
        rc = set_up(m, get(properties, "setup-token"), e);
        goto done;
    }
    body = json_pack("{s:s,s:s}", "username", m->o->user, "password", m->o->password);
    TRY(call(m, "POST", "/api/session", body, &answer, e));
    rc = take_session(m, answer, e);
done:
    json_decref(properties);
    json_decref(answer);
    json_decref(body);
    return rc;
}

/* ---- the database ---- */

#define DATABASE "lakefm gold"

static json_t *details(const struct metabase_options *o)
{
    return json_pack("{s:s,s:I,s:s,s:s,s:s,s:b,s:b}", "host", o->click_host, "port", (json_int_t)o->click_port, "user", o->click_user, "password",
                     o->click_password ? o->click_password : "", "dbname", o->click_database, "ssl", o->click_tls, "enable-multiple-db", 0);
}

/* The password reads back masked: it is not compared. */
static bool same_details(const json_t *theirs, const json_t *ours)
{
    static const char *const keys[] = {"host", "port", "user", "dbname", "ssl"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(theirs, keys[i]), json_object_get(ours, keys[i]))) return false;
    return true;
}

static enum err find_database(struct metabase *m, json_t **list, json_t **found, struct error *e)
{
    json_t *d;
    size_t i;
    *found = NULL;
    enum err rc = call(m, "GET", "/api/database", NULL, list, e);
    json_array_foreach(rc == ERR_OK ? json_object_get(*list, "data") : NULL, i, d)
        if (!*found && is(get(d, "name"), DATABASE) && is(get(d, "engine"), "clickhouse")) *found = d;
    return rc;
}

static enum err ensure_database(struct metabase *m, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *list = NULL, *found, *answer = NULL, *body = NULL, *wanted = details(m->o);
    for (int tries = 0;; tries++) {
        json_decref(list);
        TRY(find_database(m, &list, &found, e));
        if (found) break;
        json_decref(body);
        body = json_pack("{s:s,s:s,s:O,s:b}", "name", DATABASE, "engine", "clickhouse", "details", wanted, "is_full_sync", 1);
        rc = call(m, "POST", "/api/database", body, &answer, e);
        if (rc == ERR_RETRY && tries < 2) continue; /* carried out or not: look before making a second one */
        if (rc == ERR_INPUT) err_hint(e, "can Metabase reach ClickHouse at %s:%lld? (--clickhouse-for-metabase)", m->o->click_host, (long long)m->o->click_port);
        TRY(rc);
        m->database = id_of(answer);
        told(m, "database", DATABASE, "made");
        break;
    }
    if (found) {
        m->database = id_of(found);
        bool same = same_details(json_object_get(found, "details"), wanted);
        char *path = mem_printf("/api/database/%lld", (long long)m->database);
        body = same ? NULL : json_pack("{s:O}", "details", wanted);
        rc = same ? ERR_OK : call(m, "PUT", path, body, NULL, e);
        mem_free(path);
        TRY(rc);
        told(m, "database", DATABASE, same ? "unchanged" : "changed");
    }
    char *sync = mem_printf("/api/database/%lld/sync_schema", (long long)m->database);
    rc = call(m, "POST", sync, NULL, NULL, e);
    mem_free(sync);
done:
    json_decref(list);
    json_decref(answer);
    json_decref(body);
    json_decref(wanted);
    return rc;
}

/* ---- the collection and what is in it ---- */

static enum err ensure_collection(struct metabase *m, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *list = NULL, *c, *answer = NULL, *body = json_pack("{s:s,s:s}", "name", "lakefm", "description", "Made by lakefm publish metabase");
    size_t i;
    for (int tries = 0;; tries++) {
        json_decref(list);
        TRY(call(m, "GET", "/api/collection", NULL, &list, e));
        json_array_foreach(list, i, c)
            if (!m->collection && json_is_integer(json_object_get(c, "id")) && is(get(c, "name"), "lakefm") && !json_is_true(json_object_get(c, "archived")) &&
                (!get(c, "location") || is(get(c, "location"), "/")) && !json_is_integer(json_object_get(c, "personal_owner_id")))
                m->collection = id_of(c);
        if (m->collection) break;
        rc = call(m, "POST", "/api/collection", body, &answer, e);
        if (rc == ERR_RETRY && tries < 2) continue;
        TRY(rc);
        m->collection = id_of(answer);
        told(m, "collection", "lakefm", "made");
        break;
    }
done:
    json_decref(list);
    json_decref(answer);
    json_decref(body);
    return rc;
}

static enum err items(struct metabase *m, const char *model, json_t **out, struct error *e)
{
    enum { PAGE = 100 };
    enum err rc = ERR_OK;
    *out = json_array();
    for (int64_t at = 0;; at += PAGE) {
        json_t *page = NULL;
        char *path = mem_printf("/api/collection/%lld/items?models=%s&limit=%d&offset=%lld", (long long)m->collection, model, PAGE, (long long)at);
        rc = call(m, "GET", path, NULL, &page, e);
        mem_free(path);
        json_array_extend(*out, json_object_get(page, "data"));
        size_t got = json_array_size(json_object_get(page, "data"));
        json_decref(page);
        if (rc != ERR_OK || got < PAGE) return rc;
    }
}

/* A thing of ours: by its stamp, or else by its name. *now: what GET says of it, NULL when there is none. */
static enum err find(struct metabase *m, const char *model, const char *prefix, const char *name, json_t **now, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *list = NULL, *item, *by_name = NULL;
    size_t i;
    *now = NULL;
    TRY(items(m, model, &list, e));
    json_array_foreach(list, i, item)
    {
        json_t *full = NULL;
        const char *known = get(item, "description");
        if (json_is_true(json_object_get(item, "archived")) || (known && !str_starts(known, prefix) && !is(get(item, "name"), name))) continue;
        char *path = mem_printf("/api/%s/%lld", model, (long long)id_of(item));
        rc = call(m, "GET", path, NULL, &full, e);
        mem_free(path);
        TRY(rc);
        const char *stamp = get(full, "description");
        if (stamp && str_starts(stamp, prefix)) {
            *now = full;
            break;
        }
        if (!by_name && is(get(item, "name"), name)) by_name = json_incref(full);
        json_decref(full);
    }
    if (!*now) *now = json_incref(by_name);
done:
    json_decref(by_name);
    json_decref(list);
    return rc;
}

/* ---- questions ---- */

static enum err ensure_question(struct metabase *m, const struct metabase_question *q, int64_t *card, struct error *e)
{
    enum err rc = ERR_OK;
    json_t *now = NULL, *answer = NULL, *wanted = metabase_card(q, m->database, m->collection, "");
    char *stamp = metabase_stamp(q->id, wanted), *prefix = mem_printf("lakefm:%s:", q->id);
    const char *what = "made";
    json_object_set_new(wanted, "description", json_string(stamp));
    for (int tries = 0;; tries++) {
        TRY(find(m, "card", prefix, q->name, &now, e));
        if (now) break;
        rc = call(m, "POST", "/api/card", wanted, &answer, e);
        if (rc == ERR_RETRY && tries < 2) continue;
        TRY(rc);
        *card = id_of(answer);
        break;
    }
    if (now) {
        const char *there = get(now, "description");
        bool ours = there && str_starts(there, prefix);
        *card = id_of(now);
        what = !ours ? "kept" : is(there, stamp) ? "unchanged" : "changed";
        if (is(what, "changed")) {
            char *path = mem_printf("/api/card/%lld", (long long)*card);
            json_object_del(wanted, "name"); /* it may have been given another one, and another place */
            json_object_del(wanted, "collection_id");
            rc = call(m, "PUT", path, wanted, NULL, e);
            mem_free(path);
            TRY(rc);
        }
    }
    told(m, "question", q->name, what);
done:
    json_decref(now);
    json_decref(answer);
    json_decref(wanted);
    mem_free(stamp);
    mem_free(prefix);
    return rc;
}

/* Metabase takes any SQL; whether it runs is told by running it. */
static enum err try_question(struct metabase *m, const struct metabase_question *q, int64_t card, struct error *e)
{
    json_t *answer = NULL, *none = json_pack("{s:[]}", "parameters");
    char *path = mem_printf("/api/card/%lld/query", (long long)card);
    enum err rc = call(m, "POST", path, none, &answer, e);
    if (rc == ERR_OK && !is(get(answer, "status"), "completed"))
        rc = err_set(e, ERR_INPUT, "the question \"%s\" does not run in Metabase: %s", q->name, get(answer, "error") ? get(answer, "error") : "no reason given");
    mem_free(path);
    json_decref(answer);
    json_decref(none);
    return rc;
}

/* ---- dashboards ---- */

/* Ours first, then what people added. */
static json_t *join_parameters(json_t *ours, const json_t *now)
{
    json_t *p, *o;
    size_t i, k, count = json_array_size(ours);
    json_array_foreach(now, i, p)
    {
        bool known = false;
        for (k = 0; k < count && (o = json_array_get(ours, k)); k++) known |= is(get(o, "id"), get(p, "id"));
        if (!known) json_array_append(ours, p);
    }
    return ours;
}

static enum err fill_dashboard(struct metabase *m, const char *name, const int64_t *cards, const json_t *now, const char *stamp, struct error *e)
{
    json_t *tabs = json_object_get(now, "tabs"), *kept = json_array(), *t;
    size_t i;
    json_array_foreach(tabs, i, t) json_array_append_new(kept, json_pack("{s:O,s:O}", "id", json_object_get(t, "id"), "name", json_object_get(t, "name")));
    json_t *body = json_pack("{s:s,s:o,s:o,s:o}", "description", stamp, "parameters",
                             join_parameters(metabase_parameters(m->boards, name), json_object_get(now, "parameters")), "dashcards",
                             metabase_dashcards(m->boards, name, cards, json_object_get(now, "dashcards"), tabs), "tabs", kept);
    char *path = mem_printf("/api/dashboard/%lld", (long long)id_of(now));
    enum err rc = call(m, "PUT", path, body, NULL, e);
    mem_free(path);
    json_decref(body);
    return rc;
}

/* What is wanted of a dashboard, for its stamp: without ids, which differ between servers. */
static char *dashboard_stamp(const struct metabase_boards *boards, const char *name)
{
    json_t *all = json_array();
    for (size_t i = 0; i < boards->count; i++)
        if (!strcmp(boards->question[i].dashboard, name)) json_array_append_new(all, json_string(boards->question[i].id));
    json_array_append_new(all, metabase_parameters(boards, name));
    char *id = mem_printf("dash:%s", name), *stamp = metabase_stamp(id, all);
    mem_free(id);
    json_decref(all);
    return stamp;
}

static enum err ensure_dashboard(struct metabase *m, const char *name, const int64_t *cards, struct error *e)
{
    enum err rc = ERR_OK;
    char *stamp = dashboard_stamp(m->boards, name), *prefix = mem_printf("lakefm:dash:%s:", name), *begun = mem_printf("%sbegun", prefix);
    json_t *now = NULL, *answer = NULL, *body = json_pack("{s:s,s:s,s:I}", "name", name, "description", begun, "collection_id", (json_int_t)m->collection);
    const char *what = "made";
    for (int tries = 0;; tries++) {
        TRY(find(m, "dashboard", prefix, name, &now, e));
        if (now) break;
        rc = call(m, "POST", "/api/dashboard", body, &answer, e);
        if (rc == ERR_OK || (rc == ERR_RETRY && tries < 2)) continue; /* it is empty: found and filled in the next round */
        TRY(rc);
    }
    const char *there = get(now, "description");
    bool ours = there && str_starts(there, prefix);
    if (!ours) what = "kept";
    else if (is(there, stamp)) what = "unchanged";
    else {
        what = is(there, begun) ? "made" : "changed";
        TRY(fill_dashboard(m, name, cards, now, stamp, e));
    }
    told(m, "dashboard", name, what);
done:
    json_decref(now);
    json_decref(answer);
    json_decref(body);
    mem_free(stamp);
    mem_free(prefix);
    mem_free(begun);
    return rc;
}

static enum err publish_all(struct metabase *m, struct error *e)
{
    enum err rc = ERR_OK;
    const struct metabase_boards *b = m->boards;
    int64_t *cards = mem_zalloc((b->count + 1) * sizeof *cards);
    TRY(ensure_database(m, e));
    TRY(ensure_collection(m, e));
    for (size_t i = 0; i < b->count; i++) TRY(ensure_question(m, &b->question[i], &cards[i], e));
    for (size_t i = 0; i < b->count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++) first &= strcmp(b->question[k].dashboard, b->question[i].dashboard) != 0;
        if (first) TRY(ensure_dashboard(m, b->question[i].dashboard, cards, e));
    }
    for (size_t i = 0; i < b->count; i++) TRY(try_question(m, &b->question[i], cards[i], e));
done:
    mem_free(cards);
    return rc;
}

enum err metabase_publish(const struct metabase_boards *boards, const struct metabase_options *o, struct error *e)
{
    enum err rc = ERR_OK;
    struct metabase m = {.o = o, .boards = boards};
    TRY(web_open(&(struct web_options){.connect_ms = 5000, .silent_ms = 120000, .stop = o->stop}, &m.web, e));
    TRY(await(&m, e));
    TRY(sign_in(&m, e));
    rc = publish_all(&m, e);
    /* A session may end at any moment; all of it may be repeated. */
    if (rc == ERR_USAGE && m.reply.status == 401 && !o->api_key) {
        m.database = m.collection = 0;
        mem_free(m.auth);
        m.auth = NULL;
        TRY(sign_in(&m, e));
        rc = publish_all(&m, e);
    }
done:
    web_close(&m.web);
    web_reply_reset(&m.reply);
    mem_free(m.auth);
    return rc;
}
