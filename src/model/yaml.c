#include "model/yaml.h"

#include "base/clock.h"
#include "model/jinja/datetime.h"

#include <math.h>
#include <stdlib.h>
#include <yaml.h>

enum { MAX_DEPTH = 200, MAX_ALIAS_NODES = 1000000 };

struct anchor {
    const char *name;
    struct yaml *node;
};
struct reader {
    struct arena *arena;
    yaml_parser_t parser;
    yaml_event_t event;
    bool have_event;
    const char *name, *text;
    size_t len;
    struct anchor *anchor;
    size_t anchors, anchor_cap;
    unsigned depth;
    size_t nodes;
};

/* The source line with a caret, for hints. */
static void excerpt(const char *text, size_t len, size_t line, size_t column, struct error *e)
{
    const char *p = text, *end = text + len;
    for (size_t i = 1; i < line && p < end; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl) return;
        p = nl + 1;
    }
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
    if (n > 120) n = 120;
    if (column > n + 1) column = n + 1;
    err_hint(e, "%zu | %.*s\n  %*s^", line, (int)n, p, (int)(column + (size_t)snprintf(NULL, 0, "%zu", line)), "");
}

static enum err wrong(struct reader *r, const char *what, size_t line, size_t column, struct error *e)
{
    err_set(e, ERR_INPUT, "YAML: %s", what);
    err_where(e, "%s:%zu:%zu", r->name, line, column);
    if (e) excerpt(r->text, r->len, line, column, e);
    return ERR_INPUT;
}

static enum err next_event(struct reader *r, struct error *e)
{
    if (r->have_event) yaml_event_delete(&r->event);
    r->have_event = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        const yaml_parser_t *p = &r->parser;
        char what[400];
        snprintf(what, sizeof what, "%s%s%s", p->problem ? p->problem : "cannot be read", p->context ? ", " : "",
                 p->context ? p->context : "");
        return wrong(r, what, p->problem_mark.line + 1, p->problem_mark.column + 1, e);
    }
    r->have_event = true;
    return ERR_OK;
}

/* ---- scalars: PyYAML's implicit resolvers ---- */

static bool one_of(struct view v, const char *const *words)
{
    for (; *words; words++)
        if (view_is(v, *words)) return true;
    return false;
}

static bool all_in(const char *s, size_t n, const char *set)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(set, s[i])) return false;
    return true;
}

/* Base 2, 8, 10, 16 and base 60 integers, with underscores. */
static bool resolve_int(struct view v, int64_t *out)
{
    const char *p = v.ptr, *end = p + v.len;
    bool minus = false;
    if (p < end && (*p == '-' || *p == '+')) minus = *p++ == '-';
    size_t n = (size_t)(end - p);
    if (!n) return false;
    int base = 10;
    if (n > 2 && p[0] == '0' && p[1] == 'b' && all_in(p + 2, n - 2, "01_"))
        base = 2, p += 2;
    else if (n > 2 && p[0] == '0' && p[1] == 'x' && all_in(p + 2, n - 2, "0123456789abcdefABCDEF_"))
        base = 16, p += 2;
    else if (n > 1 && p[0] == '0' && all_in(p + 1, n - 1, "01234567_"))
        base = 8, p += 1;
    else if (n == 1 && p[0] == '0')
        base = 10;
    else if (p[0] >= '1' && p[0] <= '9' && all_in(p, n, "0123456789_"))
        base = 10;
    else if (p[0] >= '1' && p[0] <= '9' && all_in(p, n, "0123456789_:") && end[-1] != ':')
        base = 60;
    else
        return false;
    int64_t total = 0, part = 0;
    bool digit = false, after_colon = false;
    for (; p < end; p++) {
        if (*p == '_') continue;
        if (*p == ':') {
            if (after_colon && part > 59) return false;
            if (__builtin_mul_overflow(total + part, 60, &total)) return false;
            part = 0, after_colon = true, digit = false;
            continue;
        }
        int d = *p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10;
        if (__builtin_mul_overflow(part, base == 60 ? 10 : base, &part) || __builtin_add_overflow(part, d, &part))
            return false;
        digit = true;
    }
    if (!digit || (after_colon && part > 59)) return false;
    total += part;
    *out = minus ? -total : total;
    return true;
}

/* [-+]?digits.digits[e[-+]digits] | .digits | digits:digits.digits | .inf | .nan */
static bool resolve_float(struct view v, double *out)
{
    const char *p = v.ptr, *end = p + v.len;
    bool minus = false;
    if (p < end && (*p == '-' || *p == '+')) minus = *p++ == '-';
    struct view rest = view_from(p, (size_t)(end - p));
    if (one_of(rest, (const char *const[]){".inf", ".Inf", ".INF", NULL}))
        return *out = minus ? -INFINITY : INFINITY, true;
    if (one_of(v, (const char *const[]){".nan", ".NaN", ".NAN", NULL})) return *out = (double)NAN, true;
    char copy[64];
    size_t n = 0;
    bool dot = false, digits = false;
    for (; p < end; p++) {
        if (n + 1 >= sizeof copy) return false;
        if (*p >= '0' && *p <= '9')
            digits = true, copy[n++] = *p;
        else if (*p == '_' && (digits || dot))
            continue;
        else if (*p == '.' && !dot)
            dot = true, copy[n++] = *p;
        else if ((*p == 'e' || *p == 'E') && dot && digits) {
            if (p + 2 >= end || (p[1] != '-' && p[1] != '+') || !all_in(p + 2, (size_t)(end - p - 2), "0123456789"))
                return false;
            for (; p < end && n + 1 < sizeof copy; p++) copy[n++] = *p;
            break;
        } else
            return false;
    }
    if (!dot || !digits) return false;
    copy[n] = 0;
    *out = strtod(copy, NULL);
    if (minus) *out = -*out;
    return true;
}

/* yyyy-mm-dd, or with a time: kind YAML_DATE or YAML_TIME, else YAML_STR. */
static enum yaml_kind resolve_time(struct view v)
{
    const char *s = v.ptr;
    if (v.len < 8 || !all_in(s, 4, "0123456789") || s[4] != '-') return YAML_STR;
    if (v.len == 10 && s[7] == '-' && all_in(s + 5, 2, "0123456789") && all_in(s + 8, 2, "0123456789"))
        return YAML_DATE;
    size_t i = 5, n = 0;
    while (i < v.len && n < 2 && s[i] >= '0' && s[i] <= '9') i++, n++;
    if (!n || i >= v.len || s[i++] != '-') return YAML_STR;
    for (n = 0; i < v.len && n < 2 && s[i] >= '0' && s[i] <= '9'; n++) i++;
    if (!n || i >= v.len) return YAML_STR;
    if (s[i] == 'T' || s[i] == 't')
        i++;
    else if (s[i] == ' ' || s[i] == '\t')
        while (i < v.len && (s[i] == ' ' || s[i] == '\t')) i++;
    else
        return YAML_STR;
    for (n = 0; i < v.len && n < 2 && s[i] >= '0' && s[i] <= '9'; n++) i++;
    if (!n || i + 6 > v.len || s[i] != ':' || !all_in(s + i + 1, 2, "0123456789") || s[i + 3] != ':' ||
        !all_in(s + i + 4, 2, "0123456789"))
        return YAML_STR;
    return YAML_TIME;
}

static void resolve(struct yaml *y)
{
    struct view v = y->text;
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL};
    static const char *const no[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL};
    if (one_of(v, nulls))
        y->kind = YAML_NULL;
    else if (one_of(v, yes))
        y->kind = YAML_BOOL, y->boolean = true;
    else if (one_of(v, no))
        y->kind = YAML_BOOL;
    else if (v.len && !strchr("-+.0123456789", v.ptr[0]))
        y->kind = YAML_STR;
    else if (resolve_int(v, &y->integer))
        y->kind = YAML_INT;
    else if (resolve_float(v, &y->real))
        y->kind = YAML_FLOAT;
    else
        y->kind = resolve_time(v);
}

/* ---- tree ---- */

static enum err read_node(struct reader *r, struct yaml **out, struct error *e);

static void remember(struct reader *r, const yaml_char_t *anchor, struct yaml *node)
{
    if (!anchor) return;
    mem_grow(&r->anchor, &r->anchor_cap, r->anchors + 1, sizeof *r->anchor);
    r->anchor[r->anchors++] = (struct anchor){arena_strdup(r->arena, (const char *)anchor), node};
}

static struct yaml *make(struct reader *r, enum yaml_kind kind)
{
    struct yaml *y = arena_zalloc(r->arena, sizeof *y);
    y->kind = kind;
    y->line = (unsigned)r->event.start_mark.line + 1;
    y->column = (unsigned)r->event.start_mark.column + 1;
    return y;
}

static struct yaml *read_scalar(struct reader *r)
{
    struct yaml *y = make(r, YAML_STR);
    const char *text = (const char *)r->event.data.scalar.value;
    size_t len = r->event.data.scalar.length;
    y->text = view_from(arena_strndup(r->arena, text, len), len);
    const char *tag = (const char *)r->event.data.scalar.tag;
    y->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (tag && str_ends(tag, ":str")) y->quoted = true;
    if (!y->quoted) resolve(y);
    remember(r, r->event.data.scalar.anchor, y);
    return y;
}

static enum err read_seq(struct reader *r, struct yaml **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct yaml *y = make(r, YAML_SEQ), *item = NULL;
    const struct yaml **items = NULL;
    size_t cap = 0;
    remember(r, r->event.data.sequence_start.anchor, y);
    for (;;) {
        TRY(next_event(r, e));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        TRY(read_node(r, &item, e));
        mem_grow(&items, &cap, y->count + 1, sizeof *items);
        items[y->count++] = item;
    }
    if (y->count) {
        y->item = arena_alloc(r->arena, y->count * sizeof *items);
        memcpy(y->item, items, y->count * sizeof *items);
    }
    *out = y;
done:
    mem_free(items);
    return rc;
}

static bool same_key(const struct yaml *a, const struct yaml *b)
{
    return a->kind == b->kind && a->kind < YAML_SEQ && view_eq(a->text, b->text);
}

struct pairs {
    struct yaml_pair *pair;
    size_t count, cap;
};

/* Adds or replaces; `weak` keeps what is there (merge keys). True when the key was there already. */
static bool put_pair(struct pairs *p, const struct yaml *key, const struct yaml *value, bool weak)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!same_key(p->pair[i].key, key)) continue;
        if (!weak) p->pair[i].value = value;
        return true;
    }
    mem_grow(&p->pair, &p->cap, p->count + 1, sizeof *p->pair);
    p->pair[p->count++] = (struct yaml_pair){key, value};
    return false;
}

static void merge(struct pairs *into, const struct yaml *from)
{
    if (from->kind == YAML_SEQ)
        for (size_t i = 0; i < from->count; i++) merge(into, from->item[i]);
    else if (from->kind == YAML_MAP)
        for (size_t i = 0; i < from->count; i++) put_pair(into, from->pair[i].key, from->pair[i].value, true);
}

static enum err read_map(struct reader *r, struct yaml **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct yaml *y = make(r, YAML_MAP), *key = NULL, *value = NULL;
    struct pairs own = {0}, merged = {0};
    remember(r, r->event.data.mapping_start.anchor, y);
    for (;;) {
        TRY(next_event(r, e));
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        TRY(read_node(r, &key, e));
        if (key->kind >= YAML_SEQ) {
            rc = wrong(r, "found unhashable key", key->line, key->column, e);
            goto done;
        }
        TRY(next_event(r, e));
        TRY(read_node(r, &value, e));
        if (!key->quoted && view_is(key->text, "<<"))
            merge(&merged, value);
        else if (put_pair(&own, key, value, false))
            y->twice = key;
    }
    /* PyYAML puts merged keys first */
    for (size_t i = 0; i < own.count; i++) put_pair(&merged, own.pair[i].key, own.pair[i].value, false);
    y->count = merged.count;
    if (y->count) {
        y->pair = arena_alloc(r->arena, y->count * sizeof *y->pair);
        memcpy(y->pair, merged.pair, y->count * sizeof *y->pair);
    }
    *out = y;
done:
    mem_free(own.pair);
    mem_free(merged.pair);
    return rc;
}

static enum err read_node(struct reader *r, struct yaml **out, struct error *e)
{
    enum err rc = ERR_OK;
    if (++r->nodes > MAX_ALIAS_NODES) return wrong(r, "too many nodes", r->event.start_mark.line + 1, 1, e);
    if (++r->depth > MAX_DEPTH) return wrong(r, "nested too deeply", r->event.start_mark.line + 1, 1, e);
    switch (r->event.type) {
    case YAML_SCALAR_EVENT: *out = read_scalar(r); break;
    case YAML_SEQUENCE_START_EVENT: rc = read_seq(r, out, e); break;
    case YAML_MAPPING_START_EVENT: rc = read_map(r, out, e); break;
    case YAML_ALIAS_EVENT: {
        const char *name = (const char *)r->event.data.alias.anchor;
        *out = NULL;
        for (size_t i = r->anchors; i-- && !*out;)
            if (!strcmp(r->anchor[i].name, name)) *out = r->anchor[i].node;
        if (!*out)
            rc = wrong(r, "found undefined alias", r->event.start_mark.line + 1, r->event.start_mark.column + 1, e);
        break;
    }
    default: rc = wrong(r, "unexpected event", r->event.start_mark.line + 1, r->event.start_mark.column + 1, e);
    }
    r->depth--;
    return rc;
}

enum err yaml_parse(struct arena *arena, const char *text, size_t len, const char *name, const struct yaml **out,
                    struct error *e)
{
    enum err rc = ERR_OK;
    struct reader r = {.arena = arena, .name = name, .text = text, .len = len};
    struct yaml *root = NULL;
    *out = NULL;
    if (!yaml_parser_initialize(&r.parser)) return err_set(e, ERR_INTERNAL, "libyaml cannot start");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    do TRY(next_event(&r, e));
    while (r.event.type == YAML_STREAM_START_EVENT || r.event.type == YAML_DOCUMENT_START_EVENT);
    if (r.event.type == YAML_STREAM_END_EVENT) goto done;
    TRY(read_node(&r, &root, e));
    TRY(next_event(&r, e));
    TRY(next_event(&r, e));
    if (r.event.type == YAML_DOCUMENT_START_EVENT) {
        rc = wrong(&r, "expected a single document in the stream", r.event.start_mark.line + 1, 1, e);
        goto done;
    }
    *out = root;
done:
    if (r.have_event) yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    mem_free(r.anchor);
    return rc;
}

const struct yaml *yaml_get(const struct yaml *y, const char *key)
{
    if (!y || y->kind != YAML_MAP) return NULL;
    for (size_t i = 0; i < y->count; i++)
        if (y->pair[i].key->kind == YAML_STR && view_is(y->pair[i].key->text, key)) return y->pair[i].value;
    return NULL;
}

const char *yaml_text(const struct yaml *y, const char *otherwise)
{
    return y && y->kind == YAML_STR ? y->text.ptr : otherwise;
}

/* 2001-12-14T21:59:43.10-05:30: as PyYAML reads it, to microseconds, with the zone where one is written. */
static bool time_value(struct jinja_env *env, const char *text, struct jinja_value *out)
{
    int year, month, day, hour, minute, second, at = 0, zone_hour = 0, zone_minute = 0;
    int64_t us = 0, unit = 100000;
    if (sscanf(text, "%4d-%2d-%2d%*[Tt \t]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &at) != 6)
        return false;
    const char *p = text + at;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10) us += (*p - '0') * unit;
    while (*p == ' ' || *p == '\t') p++;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) return false;
    us += (clock_days(year, (unsigned)month, (unsigned)day) * INT64_C(86400) + hour * 3600 + minute * 60 + second) *
          INT64_C(1000000);
    if (!*p) return *out = datetime_new(env, us, (struct jinja_value){0}), true;
    if (*p != 'Z') sscanf(p + 1, "%2d:%2d", &zone_hour, &zone_minute);
    int32_t offset_s = (*p == '-' ? -1 : 1) * (zone_hour * 3600 + zone_minute * 60);
    *out = datetime_new(env, us, offset_s ? tz_fixed(env, offset_s) : tz_utc(env));
    return true;
}

enum err yaml_value(struct jinja_env *env, const struct yaml *y, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value item;
    if (!y) return *out = jinja_none(), ERR_OK;
    switch (y->kind) {
    case YAML_NULL: *out = jinja_none(); break;
    case YAML_BOOL: *out = jinja_bool(y->boolean); break;
    case YAML_INT: *out = jinja_int(y->integer); break;
    case YAML_FLOAT: *out = jinja_float(y->real); break;
    case YAML_STR: *out = jinja_view(env, y->text); break;
    case YAML_DATE: {
        int64_t ms = 0;
        *out = clock_parse_iso(y->text.ptr, &ms) ? jinja_date(env, clock_day_of_ms(ms)) : jinja_view(env, y->text);
        break;
    }
    case YAML_TIME:
        if (!time_value(env, y->text.ptr, out)) *out = jinja_view(env, y->text);
        break;
    case YAML_SEQ:
        *out = jinja_list(env);
        for (size_t i = 0; i < y->count; i++) {
            TRY(yaml_value(env, y->item[i], &item, e));
            jinja_list_add(env, *out, item);
        }
        break;
    case YAML_MAP:
        *out = jinja_dict(env);
        for (size_t i = 0; i < y->count; i++) {
            struct jinja_value key;
            TRY(yaml_value(env, y->pair[i].key, &key, e));
            TRY(yaml_value(env, y->pair[i].value, &item, e));
            TRY(jinja_dict_put(env, *out, key, item, e));
        }
        break;
    }
done:
    return rc;
}
