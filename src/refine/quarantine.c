#include "refine/quarantine.h"

#include "base/buf.h"
#include "base/gzip.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"

#include <string.h>

enum { MEMBER = 1 << 20 };

struct file {
    char *topic;
    int64_t day;
    struct buf lines;
    struct lake_out *out;
    struct hasher *hasher;
    int64_t rows, bytes;
};

struct quarantine {
    struct lake_batch *batch;
    struct gzip_writer *gzip;
    struct buf packed;
    struct file *file;
    size_t count, cap;
};

struct quarantine *quarantine_new(struct lake_batch *batch)
{
    struct quarantine *q = mem_zalloc(sizeof *q);
    q->batch = batch;
    return q;
}

void quarantine_free(struct quarantine **quarantine)
{
    struct quarantine *q = *quarantine;
    if (!q) return;
    for (size_t i = 0; i < q->count; i++) {
        mem_free(q->file[i].topic);
        buf_reset(&q->file[i].lines);
        lake_out_drop(&q->file[i].out);
        hasher_free(&q->file[i].hasher);
    }
    mem_free(q->file);
    buf_reset(&q->packed);
    gzip_writer_free(&q->gzip);
    mem_free(q);
    *quarantine = NULL;
}

static struct file *file_of(struct quarantine *q, const char *topic, int64_t day)
{
    for (size_t i = q->count; i--;)
        if (q->file[i].day == day && !strcmp(q->file[i].topic, topic)) return &q->file[i];
    mem_grow(&q->file, &q->cap, q->count + 1, sizeof *q->file);
    struct file *f = &q->file[q->count++];
    *f = (struct file){.topic = mem_strdup(topic), .day = day, .hasher = hasher_new()};
    return f;
}

static enum err flush(struct quarantine *q, struct file *f, struct error *e)
{
    enum err rc = ERR_OK;
    if (!f->out) {
        struct lake_part part = {.layer = LAKE_QUARANTINE, .table = f->topic, .topic = f->topic, .date = f->day, .hour = -1,
                                 .k = LAKE_K_NONE, .ext = "json.gz"};
        TRY(lake_batch_create(q->batch, &part, &f->out, e));
    }
    if (!q->gzip) q->gzip = gzip_writer_new();
    buf_clear(&q->packed);
    gzip_write_member(q->gzip, f->lines.ptr, f->lines.len, &q->packed);
    buf_clear(&f->lines);
    hasher_add(f->hasher, q->packed.ptr, q->packed.len);
    f->bytes += (int64_t)q->packed.len;
    TRY(io_write_all(f->out->fd, q->packed.ptr, q->packed.len, f->out->local_path, e));
done:
    return rc;
}

static void add_base64(struct buf *out, struct view v)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = buf_reserve(out, (v.len + 2) / 3 * 4);
    for (size_t i = 0; i < v.len; i += 3) {
        uint32_t three = 0;
        size_t n = v.len - i < 3 ? v.len - i : 3;
        for (size_t k = 0; k < 3; k++) three = three << 8 | (k < n ? (uint8_t)v.ptr[i + k] : 0u);
        for (unsigned k = 0; k < 4; k++) *to++ = k <= n ? digit[three >> (18 - 6 * k) & 63] : '=';
    }
    out->len += (v.len + 2) / 3 * 4;
}

static void add_text(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\":", name);
    if (value) buf_json(out, value, strlen(value));
    else buf_str(out, "null");
    buf_char(out, ',');
}

enum err quarantine_add(struct quarantine *q, const struct quarantine_record *r, struct error *e)
{
    struct file *f = file_of(q, r->topic, r->arrival_day);
    struct buf *out = &f->lines;
    buf_char(out, '{');
    add_text(out, "topic", r->topic);
    if (r->partition >= 0) buf_printf(out, "\"partition\":%d,", r->partition);
    else buf_str(out, "\"partition\":null,");
    buf_printf(out, "\"offset\":%lld,", (long long)r->offset);
    add_text(out, "reason", r->reason);
    add_text(out, "column", r->column);
    add_text(out, "origin", r->origin);
    bool text = utf8_valid(r->raw.ptr, r->raw.len) && !memchr(r->raw.ptr, 0, r->raw.len);
    buf_str(out, "\"raw\":");
    if (text) buf_json(out, r->raw.ptr, r->raw.len);
    else buf_str(out, "null");
    buf_str(out, ",\"raw_b64\":");
    if (text) {
        buf_str(out, "null");
    } else {
        buf_char(out, '"');
        add_base64(out, r->raw);
        buf_char(out, '"');
    }
    buf_str(out, "}\n");
    f->rows++;
    return out->len >= MEMBER ? flush(q, f, e) : ERR_OK;
}

enum err quarantine_finish(struct quarantine *q, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < q->count; i++) {
        struct file *f = &q->file[i];
        if (f->lines.len) TRY(flush(q, f, e));
        if (!f->out) continue;
        struct lake_stats stats = {.rows = f->rows, .min_date = LAKE_NO_DATE, .max_date = LAKE_NO_DATE, .has_hash = true,
                                   .bytes = f->bytes, .hash = hasher_sum(f->hasher)};
        TRY(lake_out_finish(&f->out, &stats, e));
    }
done:
    return rc;
}
