#include "lake/entry.h"

#include "base/clock.h"

#include <string.h>

static const char *const kind_names[LAKE_KINDS] = {"init",    "ingest",  "refine", "live", "build",
                                                   "compact", "rebuild", "retain", "gap",  "note"};

const char *lake_kind_name(enum lake_kind kind) { return (unsigned)kind < LAKE_KINDS ? kind_names[kind] : "?"; }

static void text(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, "\"%s\":", key);
    buf_json(b, value, strlen(value));
}

static void number(struct buf *b, const char *key, int64_t value)
{
    if (value) buf_printf(b, ",\"%s\":%lld", key, (long long)value);
}

/* As text where that can be read back, else as a number of days. */
static void date(struct buf *b, const char *key, int64_t day)
{
    char out[CLOCK_ISO_MAX];
    int64_t back;
    if (day == LAKE_NO_DATE) return;
    if (clock_parse_iso(clock_format_date(day, out), &back)) buf_printf(b, ",\"%s\":\"%s\"", key, out);
    else buf_printf(b, ",\"%s\":%lld", key, (long long)day);
}

static void hash(struct buf *b, const char *key, struct hash128 h)
{
    char hex[HASH_HEX_SIZE];
    buf_printf(b, "\"%s\":\"%s\"", key, hash_hex(h, hex));
}

static void write_source(struct buf *b, const struct lake_source *s)
{
    buf_char(b, '{');
    text(b, "source", s->source);
    buf_char(b, ',');
    text(b, "topic", s->topic);
    buf_printf(b, ",\"partition\":%d,", (int)s->partition);
    text(b, "id", s->id);
    if (*s->name) {
        buf_char(b, ',');
        text(b, "name", s->name);
    }
    buf_printf(b, ",\"first\":%lld,\"next\":%lld", (long long)s->first, (long long)s->next);
    if (s->hash.lo || s->hash.hi) {
        buf_char(b, ',');
        hash(b, "hash", s->hash);
    }
    number(b, "records", s->records);
    number(b, "rows", s->rows);
    number(b, "blank", s->blank);
    number(b, "lost", s->lost);
    for (size_t i = 0; i < s->run_count; i++)
        buf_printf(b, "%s[%lld,%lld]", i ? "," : ",\"runs\":[", (long long)s->runs[i].first, (long long)s->runs[i].count);
    buf_str(b, s->run_count ? "]}" : "}");
}

static void write_added(struct buf *b, const struct lake_added *a, const struct lake_entry *entry)
{
    const struct lake_file *f = &a->file;
    buf_char(b, '{');
    text(b, "path", f->path);
    buf_char(b, ',');
    text(b, "staged", a->staged);
    buf_printf(b, ",\"layer\":\"%s\",", lake_layer_name(f->layer));
    text(b, "table", f->table);
    if (*f->topic && strcmp(f->topic, f->table)) {
        buf_char(b, ',');
        text(b, "topic", f->topic);
    }
    date(b, "date", f->date);
    date(b, "min_date", f->min_date);
    date(b, "max_date", f->max_date);
    buf_printf(b, ",\"bytes\":%lld,\"rows\":%lld,", (long long)f->bytes, (long long)f->rows);
    hash(b, "hash", f->hash);
    if (f->min_batch != entry->number || f->max_batch != entry->number)
        buf_printf(b, ",\"min_batch\":%llu,\"max_batch\":%llu", (unsigned long long)f->min_batch,
                   (unsigned long long)f->max_batch);
    if (a->replaces) buf_str(b, ",\"replaces\":true");
    if (a->swap >= 0) buf_printf(b, ",\"swap\":%d", a->swap);
    for (size_t i = 0; i < a->span_count; i++)
        buf_printf(b, "%s[%u,%lld,%lld]", i ? "," : ",\"spans\":[", (unsigned)a->spans[i].source,
                   (long long)a->spans[i].first, (long long)a->spans[i].count);
    buf_str(b, a->span_count ? "]}" : "}");
}

static void write_count(struct buf *b, const struct lake_count *c)
{
    buf_char(b, '{');
    text(b, "topic", c->topic);
    buf_char(b, ',');
    text(b, "table", c->table);
    number(b, "read", c->read);
    number(b, "rows", c->rows);
    number(b, "derived", c->derived);
    number(b, "blank", c->blank);
    number(b, "duplicates", c->duplicates);
    number(b, "conflicts", c->conflicts);
    number(b, "drift", c->drift);
    number(b, "future", c->future);
    number(b, "late", c->late);
    number(b, "min_ts", c->min_ts);
    number(b, "max_ts", c->max_ts);
    for (size_t i = 0; i < c->reason_count; i++) {
        buf_str(b, i ? "," : ",\"quarantined\":{");
        buf_json(b, c->reasons[i].name, strlen(c->reasons[i].name));
        buf_printf(b, ":%lld", (long long)c->reasons[i].rows);
    }
    buf_str(b, c->reason_count ? "}}" : "}");
}

#define LIST(b, key, entry, field, write_one)                                                                          \
    do {                                                                                                               \
        for (size_t i_ = 0; i_ < (entry)->field; i_++) {                                                               \
            buf_str(b, i_ ? ",\n  " : "\"" key "\":[\n  ");                                                            \
            write_one;                                                                                                 \
        }                                                                                                              \
        if ((entry)->field) buf_str(b, "],\n ");                                                                       \
    } while (0)

static void write_lists(struct buf *b, const struct lake_entry *entry)
{
    LIST(b, "sources", entry, source_count, write_source(b, &entry->sources[i_]));
    LIST(b, "add", entry, added_count, write_added(b, &entry->added[i_], entry));
    LIST(b, "remove", entry, removed_count, buf_json(b, entry->removed[i_], strlen(entry->removed[i_])));
    LIST(b, "swap", entry, swap_count, {
        buf_char(b, '{');
        text(b, "folder", entry->swaps[i_].folder);
        buf_char(b, ',');
        text(b, "staged", entry->swaps[i_].staged);
        buf_char(b, '}');
    });
    LIST(b, "consumed", entry, consumed_count,
         buf_printf(b, "[%llu,%llu]", (unsigned long long)entry->consumed[i_].first,
                    (unsigned long long)entry->consumed[i_].last));
    LIST(b, "counts", entry, count_count, write_count(b, &entry->counts[i_]));
}

enum err lake_entry_write(struct lake_entry *entry, struct buf *out, struct error *e)
{
    char iso[CLOCK_ISO_MAX];
    size_t from = out->len;
    if ((unsigned)entry->kind >= LAKE_KINDS) return err_set(e, ERR_INTERNAL, "a commit of no kind");
    buf_printf(out, "{\"format\":%d,", LAKE_FORMAT);
    hash(out, "lake", entry->lake);
    buf_printf(out, ",\"number\":%llu,", (unsigned long long)entry->number);
    hash(out, "previous", entry->previous);
    buf_printf(out, ",\n \"epoch\":%llu,", (unsigned long long)entry->epoch);
    text(out, "writer", entry->writer);
    buf_printf(out, ",\"time\":\"%s\",\"time_ms\":%lld,\"kind\":\"%s\",\n ", clock_format_iso(entry->time_ms, iso),
               (long long)entry->time_ms, lake_kind_name(entry->kind));
    if (entry->staging && *entry->staging) {
        text(out, "staging", entry->staging);
        buf_str(out, ",\n ");
    }
    write_lists(out, entry);
    if (entry->reset) buf_str(out, "\"reset\":true,\n ");
    if (entry->build) buf_printf(out, "\"build\":%s,\n ", entry->build);
    if (entry->note) {
        text(out, "note", entry->note);
        buf_str(out, ",\n ");
    }
    struct hash128 sum = hash_128(out->ptr + from, out->len - from);
    hash(out, "checksum", sum);
    buf_str(out, "}\n");
    entry->hash = hash_128(out->ptr + from, out->len - from);
    return ERR_OK;
}

void lake_entry_reset(struct lake_entry *entry)
{
    arena_reset(&entry->arena);
    memset(entry, 0, sizeof *entry);
}
