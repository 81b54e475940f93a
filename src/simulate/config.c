#include "simulate/config.h"

#include "base/asset.h"
#include "base/io.h"
#include "base/str.h"

#include <jansson.h>
#include <stdio.h>

enum { PATH_MAX_STEPS = 6 };

/* One load. path is where we are in the file, for messages. */
struct loader {
    struct config *c;
    const char *file;
    struct buf text;
    struct config_path path[PATH_MAX_STEPS];
    size_t depth;
    void (*warn)(void *ctx, const char *text);
    void *warn_ctx;
    struct error *e;
    size_t names_cap, states_cap, to_cap;
};

static enum err fail_at(struct loader *l, const char *key)
{
    size_t n = l->depth;
    if (key && n < PATH_MAX_STEPS) l->path[n++] = (struct config_path){key, 0};
    return err_where(l->e, "%s:%d", l->file, config_line(l->text.ptr, l->path, n));
}

static void warn(struct loader *l, const char *key, const char *text)
{
    if (!l->warn) return;
    l->path[0] = (struct config_path){key, 0};
    char line[1024];
    snprintf(line, sizeof line, "%s:%d: %s", l->file, config_line(l->text.ptr, l->path, 1), text);
    l->warn(l->warn_ctx, line);
}

/* Refuses a value that is no object and keys that are not in the list. */
static enum err check_keys(struct loader *l, const json_t *object, const char *const *keys)
{
    if (!json_is_object(object)) {
        err_set(l->e, ERR_INPUT, "an object { } is wanted here");
        return fail_at(l, NULL);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        bool known = false;
        for (const char *const *k = keys; *k && !known; k++) known = !strcmp(*k, key);
        if (known) continue;
        const char *near = str_nearest(key, keys);
        err_set(l->e, ERR_INPUT, "unknown key \"%s\"", key);
        fail_at(l, key);
        if (near) return err_hint(l->e, "did you mean \"%s\"?", near);
        struct buf all = {0};
        for (const char *const *k = keys; *k; k++) buf_printf(&all, "%s%s", k == keys ? "" : ", ", *k);
        err_hint(l->e, "known here: %s", all.ptr);
        buf_reset(&all);
        return ERR_INPUT;
    }
    return ERR_OK;
}

/* The number, or the value *out has when the key is missing and not required. */
static enum err get_number(struct loader *l, const json_t *o, const char *key, bool required, double *out, bool *found)
{
    const json_t *v = json_object_get(o, key);
    if (found) *found = v != NULL;
    if (!v && !required) return ERR_OK;
    if (!json_is_real(v)) {
        err_set(l->e, ERR_INPUT, v ? "\"%s\" must be a number" : "\"%s\" is missing", key);
        return fail_at(l, v ? key : NULL);
    }
    *out = json_real_value(v);
    return ERR_OK;
}

static enum err get_int(struct loader *l, const json_t *o, const char *key, bool required, int32_t *out, bool *found)
{
    double v = *out;
    enum err rc = get_number(l, o, key, required, &v, found);
    if (!rc) *out = random_to_int(v);
    return rc;
}

static enum err get_text(struct loader *l, const json_t *o, const char *key, bool required, const char **out)
{
    const json_t *v = json_object_get(o, key);
    if (!v && !required) return ERR_OK;
    if (!json_is_string(v)) {
        err_set(l->e, ERR_INPUT, v ? "\"%s\" must be a text" : "\"%s\" is missing", key);
        return fail_at(l, v ? key : NULL);
    }
    *out = arena_strdup(&l->c->arena, json_string_value(v));
    return ERR_OK;
}

static uint16_t name_id(struct loader *l, const char *name)
{
    struct config *c = l->c;
    for (uint32_t i = 0; i < c->names_count; i++)
        if (!strcmp(c->names[i], name)) return (uint16_t)i;
    mem_grow(&c->names, &l->names_cap, c->names_count + 1, sizeof *c->names);
    c->names[c->names_count] = arena_strdup(&c->arena, name);
    return (uint16_t)c->names_count++;
}

/* The state of {page, auth, status, method, level}; made when it is new and `make`, else UINT32_MAX. */
static enum err read_state(struct loader *l, const json_t *o, bool make, uint32_t *out)
{
    enum err rc = ERR_OK;
    struct config *c = l->c;
    const char *page = NULL, *auth = NULL, *method = "", *level = "";
    int32_t status = 0;
    TRY(get_text(l, o, "page", true, &page));
    TRY(get_text(l, o, "auth", true, &auth));
    TRY(get_int(l, o, "status", true, &status, NULL));
    TRY(get_text(l, o, "method", false, &method));
    TRY(get_text(l, o, "level", false, &level));
    uint16_t auth_id = name_id(l, auth), level_id = name_id(l, level);
    for (uint32_t i = 0; i < c->states_count; i++) {
        const struct config_state *s = &c->states[i];
        if (s->status == status && s->auth == auth_id && s->level == level_id && !strcmp(s->page, page) &&
            !strcmp(s->method, method)) {
            *out = i;
            return ERR_OK;
        }
    }
    *out = UINT32_MAX;
    if (!make) return ERR_OK;
    if (c->states_count == UINT16_MAX || c->names_count > 4096) {
        err_set(l->e, ERR_INPUT, "more than %d states", UINT16_MAX);
        return fail_at(l, NULL);
    }
    mem_grow(&c->states, &l->states_cap, c->states_count + 1, sizeof *c->states);
    *out = c->states_count;
    c->states[c->states_count++] = (struct config_state){
        .page = page, .method = method, .auth = auth_id, .level = level_id, .status = status,
        .next_song = !strcmp(page, "NextSong"),
        .status_change = !strcmp(page, "Submit Upgrade") || !strcmp(page, "Submit Downgrade"),
        .login = !strcmp(page, "Login"),
        .redirect = status >= 300 && status < 399,
        .logged_in = !strcmp(auth, "Logged In"),
        .show_user = -1,
    };
done:
    return rc;
}

/* A transition as read, before they are sorted by their source. */
struct edge {
    uint32_t source;
    struct config_transition to;
};

/* eventsim's State.addLateral: the range begins at the greatest end so far; an earlier range to the same state goes. */
static enum err add_edge(struct loader *l, struct edge *edges, size_t *n, uint32_t source, uint32_t dest, double p)
{
    double max = 0;
    size_t same = SIZE_MAX;
    bool any = false;
    for (size_t i = 0; i < *n; i++) {
        if (edges[i].source != source) continue;
        if (!any || edges[i].to.high > max) max = edges[i].to.high;
        any = true;
        if (edges[i].to.dest == dest) same = i;
    }
    if (max + p > 1.0) {
        const struct config *c = l->c;
        const struct config_state *s = &c->states[source], *d = &c->states[dest];
        err_set(l->e, ERR_INPUT, "the transition from %s (%s) to %s (%s) with p %g brings the probabilities to more than 1 (%.17g)",
                s->page, c->names[s->auth], d->page, c->names[d->auth], p, max + p);
        return fail_at(l, "p");
    }
    if (same != SIZE_MAX) {
        memmove(edges + same, edges + same + 1, (*n - same - 1) * sizeof *edges);
        --*n;
    }
    edges[(*n)++] = (struct edge){source, {max, max + p, dest}};
    return ERR_OK;
}

static enum err get_list(struct loader *l, const json_t *root, const char *key, const json_t **out)
{
    *out = json_object_get(root, key);
    if (!*out || json_is_array(*out)) return ERR_OK;
    err_set(l->e, ERR_INPUT, "\"%s\" must be a list [ ]", key);
    l->depth = 0;
    return fail_at(l, key);
}

static void at_item(struct loader *l, const char *key, size_t i)
{
    l->path[0] = (struct config_path){key, 0};
    l->path[1] = (struct config_path){NULL, i};
    l->depth = 2;
}

static const char *const STATE_KEYS[] = {"page", "auth", "status", "method", "level", NULL};

static enum err read_end(struct loader *l, const json_t *item, const char *key, uint32_t *state)
{
    enum err rc = ERR_OK;
    const json_t *o = json_object_get(item, key);
    if (!o) {
        err_set(l->e, ERR_INPUT, "\"%s\" is missing", key);
        return fail_at(l, NULL);
    }
    l->path[l->depth++] = (struct config_path){key, 0};
    TRY(check_keys(l, o, STATE_KEYS));
    TRY(read_state(l, o, true, state));
    l->depth--;
done:
    return rc;
}

static enum err read_transitions(struct loader *l, const json_t *root)
{
    static const char *const KEYS[] = {"source", "dest", "p", NULL};
    enum err rc = ERR_OK;
    struct config *c = l->c;
    const json_t *list;
    struct edge *edges = NULL;
    TRY(get_list(l, root, "transitions", &list));
    size_t n = 0, count = json_array_size(list);
    edges = mem_array(count + 1, sizeof *edges);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        uint32_t source = 0, dest = 0;
        double p = 0;
        at_item(l, "transitions", i);
        TRY(check_keys(l, item, KEYS));
        TRY(read_end(l, item, "source", &source));
        TRY(read_end(l, item, "dest", &dest));
        TRY(get_number(l, item, "p", true, &p, NULL));
        TRY(add_edge(l, edges, &n, source, dest, p));
    }
    c->to = mem_array(n + 1, sizeof *c->to);
    uint32_t at = 0;
    for (uint32_t s = 0; s < c->states_count; s++) {
        c->states[s].first = at;
        for (size_t i = 0; i < n; i++)
            if (edges[i].source == s) c->to[at++] = edges[i].to;
        c->states[s].transitions = at - c->states[s].first;
    }
done:
    mem_free(edges);
    return rc;
}

static enum err read_new_sessions(struct loader *l, const json_t *root)
{
    static const char *const KEYS[] = {"page", "auth", "status", "method", "level", "weight", NULL};
    enum err rc = ERR_OK;
    struct config *c = l->c;
    const json_t *list;
    TRY(get_list(l, root, "new-session", &list));
    c->starts = mem_zalloc(sizeof *c->starts * c->names_count * c->names_count);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        uint32_t state = 0, names = c->names_count;
        int32_t weight = 0;
        at_item(l, "new-session", i);
        TRY(check_keys(l, item, KEYS));
        TRY(get_int(l, item, "weight", true, &weight, NULL));
        TRY(read_state(l, item, false, &state));
        if (state == UINT32_MAX) {
            c->names_count = names;
            err_set(l->e, ERR_INPUT, "this new-session state occurs in no transition");
            return fail_at(l, "page");
        }
        const struct config_state *s = &c->states[state];
        struct pick **p = &c->starts[s->auth * c->names_count + s->level];
        if (!*p) *p = mem_zalloc(sizeof **p);
        if ((rc = pick_add(*p, state, weight, l->e))) return fail_at(l, "weight");
    }
    for (uint32_t i = 0; i < c->names_count * c->names_count; i++)
        if (c->starts[i]) pick_seal(c->starts[i]);
done:
    return rc;
}

/* [{name_key: text, "weight": n}]; both may be missing (eventsim: "" and 0). */
static enum err read_weights(struct loader *l, const json_t *root, const char *list_key, const char *name_key, struct pick *out)
{
    const char *const keys[] = {name_key, "weight", NULL};
    enum err rc = ERR_OK;
    const json_t *list;
    TRY(get_list(l, root, list_key, &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = "";
        int32_t weight = 0;
        at_item(l, list_key, i);
        TRY(check_keys(l, item, keys));
        TRY(get_text(l, item, name_key, false, &name));
        TRY(get_int(l, item, "weight", false, &weight, NULL));
        if ((rc = pick_add(out, name_id(l, name), weight, l->e))) return fail_at(l, "weight");
    }
    pick_seal(out);
done:
    return rc;
}

static enum err read_shown(struct loader *l, const json_t *root)
{
    static const char *const KEYS[] = {"auth", "show", NULL};
    enum err rc = ERR_OK;
    struct config *c = l->c;
    const json_t *list;
    TRY(get_list(l, root, "show-user-details", &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *auth = NULL;
        at_item(l, "show-user-details", i);
        TRY(check_keys(l, item, KEYS));
        TRY(get_text(l, item, "auth", true, &auth));
        const json_t *show = json_object_get(item, "show");
        if (!json_is_boolean(show)) {
            err_set(l->e, ERR_INPUT, "\"show\" must be true or false");
            return fail_at(l, show ? "show" : NULL);
        }
        for (uint32_t s = 0; s < c->states_count; s++)
            if (!strcmp(c->names[c->states[s].auth], auth)) c->states[s].show_user = json_is_true(show);
    }
done:
    return rc;
}

static enum err get_date(struct loader *l, const json_t *root, const char *key, struct simulate_time *out, bool *found)
{
    const char *text = NULL;
    enum err rc = get_text(l, root, key, false, &text);
    *found = text != NULL;
    if (rc || !text) return rc;
    if (simulate_time_parse(text, out, l->e)) {
        l->e->code = ERR_INPUT;
        return fail_at(l, key);
    }
    return ERR_OK;
}

static enum err read_scalars(struct loader *l, const json_t *root)
{
    enum err rc = ERR_OK;
    struct config *c = l->c;
    const char *churned = "", *auth = "Guest", *level = "Free";
    double seed = 0;
    TRY(get_number(l, root, "alpha", false, &c->alpha, NULL));
    TRY(get_number(l, root, "beta", false, &c->beta, NULL));
    TRY(get_number(l, root, "damping", false, &c->damping, NULL));
    TRY(get_number(l, root, "weekend-damping", false, &c->weekend_damping, NULL));
    TRY(get_int(l, root, "weekend-damping-offset", false, &c->weekend_offset_min, NULL));
    TRY(get_int(l, root, "weekend-damping-scale", false, &c->weekend_scale_min, NULL));
    TRY(get_int(l, root, "session-gap", false, &c->session_gap_s, NULL));
    TRY(get_number(l, root, "seed", false, &seed, &c->has_seed));
    c->seed = seed >= 0x1p63 ? INT64_MAX : seed <= -0x1p63 ? INT64_MIN : (int64_t)seed;
    TRY(get_int(l, root, "n-users", false, &c->users, &c->has_users));
    TRY(get_int(l, root, "first-user-id", false, &c->first_user_id, &c->has_first_user_id));
    TRY(get_number(l, root, "growth-rate", false, &c->growth, &c->has_growth));
    TRY(get_date(l, root, "start-date", &c->start, &c->has_start));
    TRY(get_date(l, root, "end-date", &c->end, &c->has_end));
    TRY(get_text(l, root, "tag", false, &c->tag));
    TRY(get_text(l, root, "churned-state", false, &churned));
    TRY(get_text(l, root, "new-user-auth", false, &auth));
    TRY(get_text(l, root, "new-user-level", false, &level));
    c->new_user_auth = name_id(l, auth);
    c->new_user_level = name_id(l, level);
    for (uint32_t s = 0; s < c->states_count; s++)
        c->states[s].churned = !strcmp(c->names[c->states[s].auth], churned);
    for (int i = 0; i < 2; i++) {
        const char *key = i ? "downgrades" : "upgrades";
        const json_t *list = json_object_get(root, key);
        if (list && !(json_is_array(list) && !json_array_size(list)))
            warn(l, key, "this list is not read, neither by eventsim nor here");
    }
done:
    return rc;
}

enum err config_load(const char *path, void (*warn_fn)(void *ctx, const char *text), void *warn_ctx, struct config **out,
                     struct error *e)
{
    static const char *const KEYS[] = {
        "seed", "alpha", "beta", "damping", "weekend-damping", "weekend-damping-offset", "weekend-damping-scale",
        "session-gap", "churned-state", "new-user-auth", "new-user-level", "start-date", "end-date", "n-users",
        "first-user-id", "growth-rate", "tag", "show-user-details", "levels", "auths", "new-session", "transitions",
        "upgrades", "downgrades", NULL};
    enum err rc = ERR_OK;
    struct error spare = {0};
    struct config *c = mem_zalloc(sizeof *c);
    struct loader l = {.c = c, .file = path, .warn = warn_fn, .warn_ctx = warn_ctx, .e = e ? e : &spare};
    json_t *root = NULL;
    json_error_t bad;
    arena_init(&c->arena);
    c->alpha = 60, c->beta = 259200, c->damping = 0.0625, c->weekend_damping = 0.5;
    c->weekend_offset_min = 6, c->weekend_scale_min = 6, c->session_gap_s = 1800;

    if (path) {
        TRY(io_read_file(path, &l.text, l.e));
    } else {
        const struct asset *built_in = asset_find(CONFIG_BUILT_IN);
        if (!built_in) TRY(err_set(l.e, ERR_INTERNAL, "%s is not in the program", CONFIG_BUILT_IN));
        buf_add(&l.text, built_in->data.ptr, built_in->data.len);
        l.file = path = CONFIG_BUILT_IN;
    }
    c->hash = hash_128(l.text.ptr, l.text.len);
    root = json_loadb(l.text.ptr ? l.text.ptr : "", l.text.len, JSON_DECODE_INT_AS_REAL, &bad);
    if (!root) {
        rc = err_set(l.e, ERR_INPUT, "not valid JSON: %s", bad.text);
        err_where(l.e, "%s:%d", path, bad.line);
        goto done;
    }
    TRY(check_keys(&l, root, KEYS));
    TRY(read_transitions(&l, root));
    l.depth = 0;
    TRY(read_scalars(&l, root));
    TRY(read_weights(&l, root, "levels", "level", &c->levels));
    TRY(read_weights(&l, root, "auths", "auth", &c->auths));
    TRY(read_shown(&l, root));
    TRY(read_new_sessions(&l, root)); /* last: its table is sized by the names seen so far */
    *out = c;
    c = NULL;
done:
    json_decref(root);
    buf_reset(&l.text);
    config_free(&c);
    return rc;
}

void config_free(struct config **cp)
{
    struct config *c = *cp;
    *cp = NULL;
    if (!c) return;
    for (uint32_t i = 0; c->starts && i < c->names_count * c->names_count; i++) {
        if (!c->starts[i]) continue;
        pick_reset(c->starts[i]);
        mem_free(c->starts[i]);
    }
    mem_free(c->starts);
    pick_reset(&c->auths);
    pick_reset(&c->levels);
    mem_free(c->names);
    mem_free(c->states);
    mem_free(c->to);
    arena_reset(&c->arena);
    mem_free(c);
}
