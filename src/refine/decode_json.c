/* The strict parser: one JSON object (RFC 8259) → its members, everything checked, nothing recursive. Nested values, which
 * no column takes, are walked with a depth limit. Duplicates of keys are looked for among the object's own members. */
#include "refine/decode_private.h"

#include "base/mem.h"

enum { DEPTH_WORDS = 16, DEPTH_CAP = DEPTH_WORDS * 64 };

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
    return p;
}

static const char *fail(enum decode_reason *why, enum decode_reason reason)
{
    *why = reason;
    return NULL;
}

/* What is wrong about the byte at p, where something else was expected. */
static const char *unexpected(const char *p, const char *end, enum decode_reason *why)
{
    return fail(why, p < end && !*p ? DECODE_NUL_BYTE : DECODE_BAD_JSON);
}

static bool word(const char *p, const char *end, const char *w, size_t n)
{
    return (size_t)(end - p) >= n && !memcmp(p, w, n);
}

/* A scalar at p → the text after it. */
static const char *scalar(const char *p, const char *end, enum decode_reason *why)
{
    const char *q;
    bool escaped;

    if (p == end) return fail(why, DECODE_BAD_JSON);
    switch (*p) {
    case '"':
        q = decode_text_end(p + 1, end, &escaped, why);
        return q ? q + 1 : NULL;
    case 't': return word(p, end, "true", 4) ? p + 4 : fail(why, DECODE_BAD_JSON);
    case 'f': return word(p, end, "false", 5) ? p + 5 : fail(why, DECODE_BAD_JSON);
    case 'n': return word(p, end, "null", 4) ? p + 4 : fail(why, DECODE_BAD_JSON);
    case 'N': return fail(why, word(p, end, "NaN", 3) ? DECODE_NOT_FINITE : DECODE_BAD_JSON);
    case 'I': return fail(why, word(p, end, "Infinity", 8) ? DECODE_NOT_FINITE : DECODE_BAD_JSON);
    case '-':
        if (word(p, end, "-Infinity", 9)) return fail(why, DECODE_NOT_FINITE);
        break;
    default: break;
    }
    if (*p != '-' && (*p < '0' || *p > '9')) return unexpected(p, end, why);
    q = decode_number_end(p, end);
    return q ? q : fail(why, DECODE_BAD_JSON);
}

/* `"key" :` at p → the text after the colon. */
static const char *key_and_colon(const char *p, const char *end, enum decode_reason *why)
{
    bool escaped;

    if (p == end || *p != '"') return unexpected(p, end, why);
    const char *q = decode_text_end(p + 1, end, &escaped, why);
    if (!q) return NULL;
    q = skip_space(q + 1, end);
    return q < end && *q == ':' ? q + 1 : unexpected(q, end, why);
}

/* Any value at p, nested as deep as max_depth → the text after it. */
static const char *any_value(const char *p, const char *end, uint32_t max_depth, enum decode_reason *why)
{
    uint64_t is_object[DEPTH_WORDS];
    uint32_t depth = 0;

    for (;;) {
        p = skip_space(p, end);
        if (p < end && (*p == '{' || *p == '[')) {
            bool object = *p == '{';
            if (depth == max_depth || depth == DEPTH_CAP) return fail(why, DECODE_TOO_DEEP);
            uint64_t bit = (uint64_t)1 << (depth & 63);
            is_object[depth >> 6] = (depth & 63 ? is_object[depth >> 6] & ~bit : 0) | (object ? bit : 0);
            depth++;
            p = skip_space(p + 1, end);
            if (p < end && *p == (object ? '}' : ']')) {
                p++;
                depth--;
            } else {
                if (object && !(p = key_and_colon(p, end, why))) return NULL;
                continue;
            }
        } else if (!(p = scalar(p, end, why))) {
            return NULL;
        }
        for (;; depth--, p++) { /* after a value: close what ends here */
            if (!depth) return p;
            bool object = is_object[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1;
            p = skip_space(p, end);
            if (p < end && *p == ',') {
                p++;
                if (object) {
                    p = skip_space(p, end);
                    if (!(p = key_and_colon(p, end, why))) return NULL;
                }
                break;
            }
            if (p == end || *p != (object ? '}' : ']')) return unexpected(p, end, why);
        }
    }
}

bool decode_json_value_ok(const char *p, const char *end)
{
    enum decode_reason why;
    return scalar(p, end, &why) == end;
}

static uint16_t known_key_find(const struct decoder *d, struct view key)
{
    size_t mask = d->key_slots - 1;
    for (size_t at = hash_64(key.ptr, key.len, 0) & mask; d->key_slot[at]; at = (at + 1) & mask)
        if (view_eq(d->key[d->key_slot[at] - 1].name, key)) return (uint16_t)(d->key_slot[at] - 1);
    return CONTRACT_NONE;
}

/* Known keys are ticked off; the others are compared with each other, by a hash set when there are many. */
static bool has_duplicates(struct decoder *d, struct json_object *o)
{
    uint32_t now = ++d->key_tick, unknown = 0;

    for (size_t i = 0; i < o->count; i++) {
        uint16_t k = o->member[i].known;
        if (k == CONTRACT_NONE) unknown++;
        else if (d->key_seen[k] == now) return true;
        else d->key_seen[k] = now;
    }
    if (unknown < 2) return false;
    size_t size = 16;
    while (size < unknown * (size_t)2) size *= 2;
    mem_grow(&o->set, &o->set_cap, size, sizeof *o->set);
    memset(o->set, 0, size * sizeof *o->set);
    for (size_t i = 0; i < o->count; i++) {
        struct view key = o->member[i].key;
        if (o->member[i].known != CONTRACT_NONE) continue;
        size_t at = hash_64(key.ptr, key.len, d->tag_key.seed) & (size - 1);
        for (; o->set[at]; at = (at + 1) & (size - 1))
            if (view_eq(o->member[o->set[at] - 1].key, key)) return true;
        o->set[at] = (uint32_t)i + 1;
    }
    return false;
}

static void add_member(struct json_object *o, const struct member *m)
{
    if (o->count == o->cap) mem_grow(&o->member, &o->cap, o->count + 1, sizeof *o->member);
    o->member[o->count++] = *m;
}

/* Key, colon and value at p → the text after the value. */
static const char *member_at(struct decoder *d, const char *p, const char *end, struct json_object *o, struct member *m)
{
    enum decode_reason *why = &o->why;
    bool escaped;

    if (p == end || *p != '"') return unexpected(p, end, why);
    const char *q = decode_text_end(p + 1, end, &escaped, why);
    if (!q) return NULL;
    m->key = decode_text_unescape(p + 1, q, escaped, &d->scratch.unescaped);
    if (escaped) m->key.ptr = arena_strndup(&o->keys, m->key.ptr, m->key.len);
    m->known = known_key_find(d, m->key);
    q = skip_space(q + 1, end);
    if (q == end || *q != ':') return unexpected(q, end, why);
    m->value = skip_space(q + 1, end);
    m->end = any_value(m->value, end, d->opt.max_depth, why);
    if (!m->end && m->known != CONTRACT_NONE) o->column = d->key[m->known].column[0];
    return m->end;
}

bool decode_json_parse(struct decoder *d, const char *p, const char *end, struct json_object *o)
{
    const char *before = p, *q;
    struct member m;

    o->count = 0;
    o->column = CONTRACT_NONE;
    if (o->keys.total_bytes) arena_reset(&o->keys);
    p = skip_space(p, end);
    if (p < end && *p != '{') {
        /* A scalar or an array is JSON, only not what we want; "hello" without quotes is not even that. */
        q = *p == '[' ? p : scalar(p, end, &o->why);
        if (q) o->why = DECODE_NOT_OBJECT;
        return false;
    }
    if (p == end) return o->why = DECODE_BAD_JSON, false;
    p = skip_space(p + 1, end);
    if (p < end && *p == '}') {
        q = p;
    } else {
        for (;;) {
            m.before = before;
            if (!(before = member_at(d, p, end, o, &m))) return false;
            add_member(o, &m);
            q = skip_space(before, end);
            if (q == end || (*q != ',' && *q != '}')) return unexpected(q, end, &o->why), false;
            if (*q == '}') break;
            p = skip_space(q + 1, end);
        }
    }
    o->tail = before;
    if (skip_space(q + 1, end) != end) return o->why = DECODE_TRAILING_GARBAGE, false;
    if (has_duplicates(d, o)) return o->why = DECODE_DUPLICATE_KEY, false;
    return true;
}
