/* Dicts and sets: a hash table that keeps the order of insertion, as CPython's. Hashes agree where values are equal. */
#include "model/jinja/internal.h"

#include <math.h>

enum { MAP_FEW = 8, HASH_DEEPEST = 500 };

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdu;
    return h ^ (h >> 32);
}

static uint64_t hash_int(int64_t i) { return mix(0x1234567u, (uint64_t)i); }

static uint64_t hash_float(double d)
{
    if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == floor(d)) return hash_int((int64_t)d);
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return mix(0x7654321u, bits);
}

static enum err hash_deep(struct jinja_value v, unsigned depth, uint64_t *out, struct error *e)
{
    enum err rc = ERR_OK;
    uint64_t h = 0x9999, item = 0;
    switch (v.type) {
    case JINJA_STRING: h = str_hash(v.as.string); break;
    case JINJA_BOOL: h = hash_int(v.as.boolean); break;
    case JINJA_INT: h = hash_int(v.as.integer); break;
    case JINJA_FLOAT: h = hash_float(v.as.real); break;
    case JINJA_TUPLE:
        if (depth > HASH_DEEPEST) return FAIL(e, "the tuple is nested too deeply");
        for (size_t i = 0; i < v.as.seq->count && !rc; i++) {
            rc = hash_deep(v.as.seq->item[i], depth + 1, &item, e);
            h = mix(h, item);
        }
        break;
    case JINJA_LIST:
    case JINJA_DICT:
    case JINJA_SET: return FAIL(e, "unhashable type: '%s'", jinja_type_name(v));
    case JINJA_OBJECT: {
        const struct jinja_class *c = v.as.object->cls;
        if (c->equal && !c->hash) return FAIL(e, "unhashable type: '%s'", c->name);
        h = c->hash ? c->hash(v) : mix(3, (uint64_t)(uintptr_t)v.as.object);
        break;
    }
    case JINJA_FUNCTION:
    case JINJA_MACRO: h = mix(5, (uint64_t)(uintptr_t)v.as.function); break;
    case JINJA_ABSENT:
    case JINJA_UNDEFINED: h = 7; break;
    case JINJA_NONE: h = 11; break;
    }
    *out = h;
    return rc;
}

enum err value_hash(struct jinja_value v, uint64_t *out, struct error *e) { return hash_deep(v, 0, out, e); }

struct jinja_map *map_new(struct jinja_env *env)
{
    struct jinja_map *m = env_alloc(env, sizeof *m);
    memset(m, 0, sizeof *m);
    return m;
}

static bool same_string(struct jinja_value a, struct view b) { return a.type == JINJA_STRING && view_eq(SV(a), b); }

struct map_entry *map_find_view(const struct jinja_map *m, struct view key, uint64_t hash)
{
    if (!m->index) {
        for (size_t i = 0; i < m->used; i++)
            if (m->entry[i].hash == hash && same_string(m->entry[i].key, key)) return &m->entry[i];
        return NULL;
    }
    for (size_t i = hash & (m->index_cap - 1);; i = (i + 1) & (m->index_cap - 1)) {
        if (!m->index[i]) return NULL;
        struct map_entry *x = &m->entry[m->index[i] - 1];
        if (x->hash == hash && same_string(x->key, key)) return x;
    }
}

/* Is this entry the key's? Live entries of the same hash only. */
static enum err entry_is(struct jinja_env *env, const struct map_entry *x, struct jinja_value key, uint64_t hash, bool *same, struct error *e)
{
    *same = false;
    if (x->hash != hash || x->key.type == JINJA_ABSENT) return ERR_OK;
    if (value_identical(x->key, key)) return *same = true, ERR_OK;
    return jinja_equal(env, x->key, key, same, e);
}

static enum err find_hashed(struct jinja_env *env, const struct jinja_map *m, struct jinja_value key, uint64_t hash, struct map_entry **out, struct error *e)
{
    *out = NULL;
    if (key.type == JINJA_STRING) return *out = map_find_view(m, SV(key), hash), ERR_OK;
    bool same = false;
    enum err rc;
    if (!m->index) {
        for (size_t i = 0; i < m->used; i++) {
            if ((rc = entry_is(env, &m->entry[i], key, hash, &same, e))) return rc;
            if (same) return *out = &m->entry[i], ERR_OK;
        }
        return ERR_OK;
    }
    for (size_t i = hash & (m->index_cap - 1); m->index[i]; i = (i + 1) & (m->index_cap - 1)) {
        struct map_entry *x = &m->entry[m->index[i] - 1];
        if ((rc = entry_is(env, x, key, hash, &same, e))) return rc;
        if (same) return *out = x, ERR_OK;
    }
    return ERR_OK;
}

enum err map_find(struct jinja_env *env, const struct jinja_map *m, struct jinja_value key, struct map_entry **out, struct error *e)
{
    uint64_t hash;
    enum err rc = value_hash(key, &hash, e);
    return rc ? rc : find_hashed(env, m, key, hash, out, e);
}

static void index_add(struct jinja_map *m, size_t position)
{
    size_t i = m->entry[position].hash & (m->index_cap - 1);
    while (m->index[i]) i = (i + 1) & (m->index_cap - 1);
    m->index[i] = (uint32_t)position + 1;
}

/* Makes room for one more: drops removed entries, grows, rebuilds the index. Positions move only when entries were removed. */
static void map_room(struct jinja_env *env, struct jinja_map *m)
{
    if (m->used < m->cap) return;
    size_t cap = m->live * 2 < 4 ? 4 : m->live * 2;
    struct map_entry *entry = env_alloc(env, cap * sizeof *entry);
    size_t n = 0;
    for (size_t i = 0; i < m->used; i++)
        if (m->entry[i].key.type != JINJA_ABSENT) entry[n++] = m->entry[i];
    m->entry = entry;
    m->used = n;
    m->cap = cap;
    m->index = NULL;
    if (cap <= MAP_FEW) return;
    for (m->index_cap = 16; m->index_cap < cap * 2; m->index_cap *= 2) {}
    m->index = memset(env_alloc(env, m->index_cap * sizeof *m->index), 0, m->index_cap * sizeof *m->index);
    for (size_t i = 0; i < n; i++) index_add(m, i);
}

enum err map_put(struct jinja_env *env, struct jinja_map *m, struct jinja_value key, struct jinja_value item, struct error *e)
{
    uint64_t hash;
    struct map_entry *x;
    enum err rc = value_hash(key, &hash, e);
    if (rc || (rc = find_hashed(env, m, key, hash, &x, e))) return rc;
    if (x) return x->value = item, ERR_OK;
    map_room(env, m);
    m->entry[m->used] = (struct map_entry){hash, key, item};
    if (m->index) index_add(m, m->used);
    m->used++;
    m->live++;
    return ERR_OK;
}

void map_remove(struct jinja_map *m, struct map_entry *entry)
{
    entry->key = (struct jinja_value){0};
    entry->value = (struct jinja_value){0};
    m->live--;
    if (!m->index)
        while (m->used && m->entry[m->used - 1].key.type == JINJA_ABSENT) m->used--;
}

void map_clear(struct jinja_map *m) { memset(m, 0, sizeof *m); }

struct jinja_map *map_copy(struct jinja_env *env, const struct jinja_map *m)
{
    struct jinja_map *out = map_new(env);
    size_t cap = m->live;
    out->live = cap ? cap : 0;
    map_room(env, out);
    out->live = 0;
    for (size_t i = 0; i < m->used; i++) {
        if (m->entry[i].key.type == JINJA_ABSENT) continue;
        out->entry[out->used] = m->entry[i];
        if (out->index) index_add(out, out->used);
        out->used++;
        out->live++;
    }
    return out;
}

/* ---- the public side ------------------------------------------------------------------------------------------------ */

struct jinja_value jinja_dict(struct jinja_env *env) { return (struct jinja_value){.type = JINJA_DICT, .as.map = map_new(env)}; }

struct jinja_value jinja_dict_ordered(struct jinja_env *env)
{
    struct jinja_value v = jinja_dict(env);
    v.as.map->ordered = true;
    return v;
}
struct jinja_value jinja_set(struct jinja_env *env) { return (struct jinja_value){.type = JINJA_SET, .as.map = map_new(env)}; }

enum err jinja_dict_put(struct jinja_env *env, struct jinja_value dict, struct jinja_value key, struct jinja_value item, struct error *e)
{
    if (dict.type != JINJA_DICT) return err_set(e, ERR_INTERNAL, "jinja_dict_put: not a dict but %s", jinja_type_name(dict));
    return map_put(env, dict.as.map, key, item, e);
}

enum err jinja_set_add(struct jinja_env *env, struct jinja_value set, struct jinja_value item, struct error *e)
{
    if (set.type != JINJA_SET) return err_set(e, ERR_INTERNAL, "jinja_set_add: not a set but %s", jinja_type_name(set));
    return map_put(env, set.as.map, item, jinja_none(), e);
}

enum err jinja_dict_find(struct jinja_env *env, struct jinja_value dict, struct jinja_value key, struct jinja_value *out, struct error *e)
{
    struct map_entry *x = NULL;
    *out = (struct jinja_value){0};
    if (dict.type != JINJA_DICT) return ERR_OK;
    enum err rc = map_find(env, dict.as.map, key, &x, e);
    if (x) *out = x->value;
    return rc;
}

void jinja_dict_set(struct jinja_env *env, struct jinja_value dict, const char *key, struct jinja_value item)
{
    if (dict.type != JINJA_DICT) return;
    enum err rc = map_put(env, dict.as.map, jinja_text(env, key), item, NULL); /* a string is hashable: cannot fail */
    (void)rc;
}

struct jinja_value jinja_dict_get_view(struct jinja_value dict, struct view key)
{
    if (dict.type != JINJA_DICT) return (struct jinja_value){0};
    struct jinja_string probe = {.ptr = key.ptr, .len = key.len};
    struct map_entry *x = map_find_view(dict.as.map, key, str_hash(&probe));
    return x ? x->value : (struct jinja_value){0};
}

struct jinja_value jinja_dict_get(struct jinja_value dict, const char *key) { return jinja_dict_get_view(dict, view_of(key)); }

bool jinja_dict_remove(struct jinja_value dict, const char *key)
{
    if (dict.type != JINJA_DICT) return false;
    struct jinja_string probe = {.ptr = key, .len = strlen(key)};
    struct map_entry *x = map_find_view(dict.as.map, view_of(key), str_hash(&probe));
    if (x) map_remove(dict.as.map, x);
    return x != NULL;
}

size_t jinja_dict_count(struct jinja_value dict) { return dict.type == JINJA_DICT || dict.type == JINJA_SET ? dict.as.map->live : 0; }

bool jinja_dict_next(struct jinja_value dict, size_t *at, struct jinja_value *key, struct jinja_value *item)
{
    if (dict.type != JINJA_DICT && dict.type != JINJA_SET) return false;
    const struct jinja_map *m = dict.as.map;
    while (*at < m->used && m->entry[*at].key.type == JINJA_ABSENT) ++*at;
    if (*at >= m->used) return false;
    if (key) *key = m->entry[*at].key;
    if (item) *item = m->entry[*at].value;
    ++*at;
    return true;
}
