#include "base/clock.h"
#include "base/str.h"
#include "lake/entry.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Where the parser stands. The first thing found wrong is kept; getters then return zeros. */
struct reader {
    struct lake_entry *entry;
    char wrong[160];
};

static void wrong(struct reader *r, const char *key, const char *what)
{
    if (!r->wrong[0]) snprintf(r->wrong, sizeof r->wrong, "\"%s\" %s", key, what);
}

static int64_t get_number(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (v && !json_is_integer(v)) wrong(r, key, "is not an integer");
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : 0;
}

static uint64_t get_unsigned(struct reader *r, const json_t *o, const char *key)
{
    int64_t v = get_number(r, o, key);
    if (v < 0) wrong(r, key, "is negative");
    return v < 0 ? 0 : (uint64_t)v;
}

static const char *copy(struct reader *r, const json_t *v)
{
    return arena_strndup(&r->entry->arena, json_string_value(v), json_string_length(v));
}

static const char *get_text(struct reader *r, const json_t *o, const char *key, const char *absent)
{
    const json_t *v = json_object_get(o, key);
    if (!v && absent) return absent;
    if (!json_is_string(v)) wrong(r, key, "is not a string");
    return json_is_string(v) ? copy(r, v) : "";
}

/* Becomes part of keys: no control characters. */
static const char *get_key(struct reader *r, const json_t *o, const char *key)
{
    const char *text = get_text(r, o, key, NULL);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20) wrong(r, key, "holds a control character");
    return text;
}

static struct hash128 get_hash(struct reader *r, const json_t *o, const char *key, bool needed)
{
    struct hash128 h = {0, 0};
    const json_t *v = json_object_get(o, key);
    if (!v && !needed) return h;
    if (!json_is_string(v) || !hash_from_hex(json_string_value(v), &h)) wrong(r, key, "is not a hash");
    return h;
}

static int64_t get_date(struct reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    int64_t ms;
    if (!v) return LAKE_NO_DATE;
    if (json_is_integer(v)) return (int64_t)json_integer_value(v);
    if (json_is_string(v) && clock_parse_iso(json_string_value(v), &ms)) return clock_day_of_ms(ms);
    wrong(r, key, "is not a date");
    return LAKE_NO_DATE;
}

/* An array (absent: empty) of *count items of `size` bytes each, zeroed. */
static void *get_list(struct reader *r, const json_t *o, const char *key, size_t size, const json_t **array,
                      size_t *count)
{
    *array = json_object_get(o, key);
    if (*array && !json_is_array(*array)) wrong(r, key, "is not an array");
    *count = json_array_size(*array);
    return *count ? arena_zalloc(&r->entry->arena, *count * size) : NULL;
}

/* [a, b, …]: n integers. */
static void get_tuple(struct reader *r, const json_t *v, const char *key, size_t n, int64_t *out)
{
    if (json_array_size(v) != n) wrong(r, key, "holds something else than it should");
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(v, i);
        if (!json_is_integer(x)) wrong(r, key, "holds something that is no integer");
        out[i] = (int64_t)json_integer_value(x);
    }
}

static void get_source(struct reader *r, const json_t *o, struct lake_source *s)
{
    const json_t *runs;
    int64_t pair[2];
    s->source = get_key(r, o, "source");
    s->topic = get_key(r, o, "topic");
    s->partition = (int32_t)get_number(r, o, "partition");
    s->id = get_key(r, o, "id");
    s->name = get_text(r, o, "name", "");
    s->first = get_number(r, o, "first");
    s->next = get_number(r, o, "next");
    s->hash = get_hash(r, o, "hash", false);
    s->records = get_number(r, o, "records");
    s->rows = get_number(r, o, "rows");
    s->blank = get_number(r, o, "blank");
    s->lost = get_number(r, o, "lost");
    struct lake_run *run = get_list(r, o, "runs", sizeof *run, &runs, &s->run_count);
    for (size_t i = 0; i < s->run_count; i++) {
        get_tuple(r, json_array_get(runs, i), "runs", 2, pair);
        run[i] = (struct lake_run){pair[0], pair[1]};
    }
    s->runs = run;
}

static enum lake_layer get_layer(struct reader *r, const json_t *o)
{
    const char *name = get_text(r, o, "layer", NULL);
    for (unsigned i = 0; i < LAKE_LAYERS; i++)
        if (!strcmp(name, lake_layer_name((enum lake_layer)i))) return (enum lake_layer)i;
    wrong(r, "layer", "is unknown");
    return LAKE_BRONZE;
}

static void get_added(struct reader *r, const json_t *o, struct lake_added *a)
{
    const json_t *spans;
    int64_t triple[3];
    struct lake_file *f = &a->file;
    f->path = get_key(r, o, "path");
    f->layer = get_layer(r, o);
    f->table = get_key(r, o, "table");
    f->topic = get_text(r, o, "topic", f->layer == LAKE_BRONZE || f->layer == LAKE_QUARANTINE ? f->table : "");
    f->date = get_date(r, o, "date");
    f->min_date = get_date(r, o, "min_date");
    f->max_date = get_date(r, o, "max_date");
    f->bytes = get_number(r, o, "bytes");
    f->rows = get_number(r, o, "rows");
    if (f->bytes < 0 || f->rows < 0) wrong(r, "bytes", "or rows is negative");
    f->hash = get_hash(r, o, "hash", true);
    f->commit = f->min_batch = f->max_batch = r->entry->number;
    if (json_object_get(o, "min_batch")) f->min_batch = get_unsigned(r, o, "min_batch");
    if (json_object_get(o, "max_batch")) f->max_batch = get_unsigned(r, o, "max_batch");
    a->staged = get_text(r, o, "staged", NULL);
    a->replaces = json_is_true(json_object_get(o, "replaces"));
    a->swap = json_object_get(o, "swap") ? (int)get_unsigned(r, o, "swap") : -1;
    if (a->swap >= (int)r->entry->swap_count) wrong(r, "swap", "names no folder");
    struct lake_span *span = get_list(r, o, "spans", sizeof *span, &spans, &a->span_count);
    for (size_t i = 0; i < a->span_count; i++) {
        get_tuple(r, json_array_get(spans, i), "spans", 3, triple);
        if (triple[0] < 0 || (size_t)triple[0] >= r->entry->source_count) wrong(r, "spans", "names no source");
        span[i] = (struct lake_span){(uint32_t)triple[0], triple[1], triple[2]};
    }
    a->spans = span;
}

static void get_count(struct reader *r, const json_t *o, struct lake_count *c)
{
    c->topic = get_key(r, o, "topic");
    c->table = get_key(r, o, "table");
    c->read = get_number(r, o, "read");
    c->rows = get_number(r, o, "rows");
    c->derived = get_number(r, o, "derived");
    c->blank = get_number(r, o, "blank");
    c->duplicates = get_number(r, o, "duplicates");
    c->conflicts = get_number(r, o, "conflicts");
    c->drift = get_number(r, o, "drift");
    c->future = get_number(r, o, "future");
    c->late = get_number(r, o, "late");
    c->min_ts = get_number(r, o, "min_ts");
    c->max_ts = get_number(r, o, "max_ts");
    json_t *reasons = json_object_get(o, "quarantined"), *value;
    const char *name;
    size_t n = 0;
    if (reasons && !json_is_object(reasons)) wrong(r, "quarantined", "is not an object");
    c->reason_count = json_object_size(reasons);
    struct lake_reason *reason = c->reason_count ? arena_zalloc(&r->entry->arena, c->reason_count * sizeof *reason) : NULL;
    json_object_foreach (reasons, name, value) {
        if (!json_is_integer(value)) wrong(r, "quarantined", "holds something that is no integer");
        reason[n].name = arena_strdup(&r->entry->arena, name);
        reason[n++].rows = (int64_t)json_integer_value(value);
    }
    c->reasons = reason;
}

static void get_head(struct reader *r, const json_t *o, uint64_t expected)
{
    struct lake_entry *entry = r->entry;
    entry->number = get_unsigned(r, o, "number");
    if (entry->number != expected) wrong(r, "number", "is not the one of its name");
    entry->lake = get_hash(r, o, "lake", true);
    entry->previous = get_hash(r, o, "previous", true);
    entry->epoch = get_unsigned(r, o, "epoch");
    entry->writer = get_text(r, o, "writer", NULL);
    entry->staging = get_text(r, o, "staging", "");
    entry->time_ms = get_number(r, o, "time_ms");
    entry->reset = json_is_true(json_object_get(o, "reset"));
    entry->note = json_object_get(o, "note") ? get_text(r, o, "note", NULL) : NULL;
    const json_t *build = json_object_get(o, "build");
    if (build && !json_is_object(build)) wrong(r, "build", "is not an object");
    if (json_is_object(build)) {
        char *json = json_dumps(build, JSON_COMPACT | JSON_ENSURE_ASCII);
        if (json) entry->build = arena_strdup(&entry->arena, json);
        mem_free(json);
    }
}

static void get_lists(struct reader *r, const json_t *o)
{
    struct lake_entry *entry = r->entry;
    const json_t *array;
    int64_t pair[2];
    entry->sources = get_list(r, o, "sources", sizeof *entry->sources, &array, &entry->source_count);
    for (size_t i = 0; i < entry->source_count; i++) get_source(r, json_array_get(array, i), &entry->sources[i]);
    entry->swaps = get_list(r, o, "swap", sizeof *entry->swaps, &array, &entry->swap_count);
    for (size_t i = 0; i < entry->swap_count; i++) {
        entry->swaps[i].folder = get_text(r, json_array_get(array, i), "folder", NULL);
        entry->swaps[i].staged = get_text(r, json_array_get(array, i), "staged", NULL);
    }
    entry->added = get_list(r, o, "add", sizeof *entry->added, &array, &entry->added_count);
    for (size_t i = 0; i < entry->added_count; i++) get_added(r, json_array_get(array, i), &entry->added[i]);
    entry->removed = get_list(r, o, "remove", sizeof *entry->removed, &array, &entry->removed_count);
    for (size_t i = 0; i < entry->removed_count; i++) {
        const json_t *v = json_array_get(array, i);
        if (!json_is_string(v)) wrong(r, "remove", "holds something that is no string");
        entry->removed[i] = json_is_string(v) ? copy(r, v) : "";
    }
    entry->consumed = get_list(r, o, "consumed", sizeof *entry->consumed, &array, &entry->consumed_count);
    for (size_t i = 0; i < entry->consumed_count; i++) {
        get_tuple(r, json_array_get(array, i), "consumed", 2, pair);
        if (pair[0] < 0 || pair[1] < pair[0] || (uint64_t)pair[1] > entry->number) wrong(r, "consumed", "is no range of commits");
        entry->consumed[i] = (struct lake_range){(uint64_t)pair[0], (uint64_t)pair[1]};
    }
    entry->counts = get_list(r, o, "counts", sizeof *entry->counts, &array, &entry->count_count);
    for (size_t i = 0; i < entry->count_count; i++) get_count(r, json_array_get(array, i), &entry->counts[i]);
}

/* The last line: "checksum":"<32 hex>"}\n */
enum { TAIL = sizeof "\"checksum\":\"" - 1 + HASH_HEX_LEN + 3 };

static bool checksum_holds(const char *text, size_t len)
{
    char hex[HASH_HEX_SIZE], expected[TAIL + 1];
    if (len <= TAIL) return false;
    snprintf(expected, sizeof expected, "\"checksum\":\"%s\"}\n", hash_hex(hash_128(text, len - TAIL), hex));
    return !memcmp(text + len - TAIL, expected, TAIL);
}

/* A newer format may have moved the checksum: look at "format" first, in what is meant to be the first bytes. */
static bool other_format(const char *text, size_t len, long *format)
{
    static const char head[] = "{\"format\":";
    char digits[12] = "";
    if (len < sizeof head + 10 || memcmp(text, head, sizeof head - 1)) return false;
    memcpy(digits, text + sizeof head - 1, sizeof digits - 1);
    *format = strtol(digits, NULL, 10);
    return *format != LAKE_FORMAT && *format > 0;
}

/* Out of memory inside jansson must not look like a damaged entry. */
static pthread_once_t json_once = PTHREAD_ONCE_INIT;
static void json_uses_our_memory(void) { json_set_alloc_funcs(mem_alloc, mem_free); }

enum err lake_entry_parse(const char *text, size_t len, uint64_t number, struct lake_entry *entry, struct error *e)
{
    struct reader r = {.entry = entry};
    enum err rc = ERR_OK;
    json_error_t je;
    json_t *o = NULL;
    long format;
    pthread_once(&json_once, json_uses_our_memory);
    memset(entry, 0, sizeof *entry);
    arena_init(&entry->arena);
    if (other_format(text, len, &format)) {
        rc = err_set(e, ERR_UNSUPPORTED, "this lake has format %ld, and this program knows format %d only", format, LAKE_FORMAT);
        err_hint(e, "use the lakefm version that wrote it");
        goto done;
    }
    if (!checksum_holds(text, len)) TRY(err_set(e, ERR_CORRUPT, "its checksum does not match: it was cut or changed"));
    o = json_loadb(text, len, 0, &je);
    if (!json_is_object(o)) TRY(err_set(e, ERR_CORRUPT, "it is not a JSON object: %s", je.text));
    get_head(&r, o, number);
    const char *kind = get_text(&r, o, "kind", NULL);
    while ((unsigned)entry->kind < LAKE_KINDS && strcmp(kind, lake_kind_name(entry->kind))) entry->kind++;
    if (!r.wrong[0] && entry->kind == LAKE_KINDS) {
        rc = err_set(e, ERR_UNSUPPORTED, "it is a commit of the kind \"%.40s\", which this program does not know", kind);
        err_hint(e, "use a newer lakefm");
        goto done;
    }
    get_lists(&r, o);
    if (r.wrong[0]) TRY(err_set(e, ERR_CORRUPT, "%s", r.wrong));
    entry->hash = hash_128(text, len);
done:
    json_decref(o);
    return rc;
}
