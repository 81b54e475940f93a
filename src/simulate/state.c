#include "simulate/state.h"

#include "base/io.h"

#include <jansson.h>
#include <string.h>

static bool get_i64(const json_t *o, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(o, key);
    *out = json_integer_value(v);
    return json_is_integer(v);
}

static bool get_u64(const json_t *o, const char *key, uint64_t *out)
{
    int64_t v;
    bool ok = get_i64(o, key, &v) && v >= 0;
    *out = (uint64_t)v;
    return ok;
}

static bool get_time(const json_t *root, const char *key, const char *nano_key, struct simulate_time *out)
{
    int64_t nano;
    bool ok = get_i64(root, nano_key, &nano) && nano >= 0 && nano < 1000000000;
    out->nano = (int32_t)nano;
    if (json_is_null(json_object_get(root, key)))
        out->second = INT64_MAX;
    else
        ok = get_i64(root, key, &out->second) && ok;
    return ok;
}

static bool decode(const json_t *root, struct state *out)
{
    int64_t version;
    const char *hash = json_string_value(json_object_get(root, "parameters"));
    const json_t *clock = json_object_get(root, "clock"), *topics = json_object_get(root, "topics");
    const json_t *speed = json_object_get(clock, "speed");
    bool ok = get_i64(root, "lakefm_simulate", &version) && version == 1 && hash && strlen(hash) == HASH_HEX_LEN;
    if (ok) memcpy(out->parameters, hash, HASH_HEX_SIZE);
    ok = ok && get_time(root, "from", "from_nano", &out->from) && get_time(root, "to", "to_nano", &out->to);
    ok = ok && get_u64(root, "events", &out->events) && get_i64(clock, "wall_ms", &out->wall_ms);
    ok = ok && get_i64(clock, "simulated_ms", &out->simulated_ms) && json_is_number(speed);
    out->speed = json_number_value(speed);
    for (int t = 0; t < SIMULATE_TOPICS && ok; t++) {
        const json_t *topic = json_object_get(topics, simulate_topic_name((enum simulate_topic)t));
        ok = get_u64(topic, "lines", &out->position.lines[t]) && get_u64(topic, "bytes", &out->position.bytes[t]);
    }
    return ok;
}

enum err state_load(const char *path, struct state *out, struct error *e)
{
    struct buf text = {0};
    *out = (struct state){0};
    enum err rc = io_read_file(path, &text, e);
    if (rc) return rc;
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, 0, NULL);
    if (!decode(root, out)) {
        rc = err_set(e, ERR_CORRUPT, "%s is not the state of a simulation", path);
        err_hint(e, "remove it to start anew");
    }
    json_decref(root);
    buf_reset(&text);
    return rc;
}

enum err state_save(const char *path, const struct state *s, struct error *e)
{
    json_t *topics = json_object();
    for (int t = 0; t < SIMULATE_TOPICS; t++)
        json_object_set_new(topics, simulate_topic_name((enum simulate_topic)t),
                            json_pack("{s:I, s:I}", "lines", (json_int_t)s->position.lines[t], "bytes",
                                      (json_int_t)s->position.bytes[t]));
    json_t *to = s->to.second == INT64_MAX ? json_null() : json_integer(s->to.second);
    json_t *root = json_pack("{s:i, s:s, s:I, s:i, s:o, s:i, s:I, s:{s:I, s:I, s:f}, s:o}", "lakefm_simulate", 1, "parameters",
                             s->parameters, "from", (json_int_t)s->from.second, "from_nano", (int)s->from.nano, "to", to,
                             "to_nano", (int)s->to.nano, "events", (json_int_t)s->events, "clock", "wall_ms",
                             (json_int_t)s->wall_ms, "simulated_ms", (json_int_t)s->simulated_ms, "speed", s->speed, "topics",
                             topics);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    enum err rc = text ? io_write_file(path, text, strlen(text), true, e) : err_set(e, ERR_INTERNAL, "the state is no JSON");
    free(text);
    json_decref(root);
    return rc;
}
