#include "ingest/kafka_internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct kafka_part *kafka_haul_part(struct kafka *k, struct kafka_assigned *a)
{
    struct kafka_haul *h = &k->haul;
    if (a->part) return &h->parts[a->part - 1];
    mem_grow(&h->parts, &h->part_cap, h->part_count + 1, sizeof *h->parts);
    struct kafka_part *p = &h->parts[h->part_count++];
    memset(p, 0, sizeof *p);
    p->topic = &k->options.topics[a->topic];
    p->partition = a->partition;
    snprintf(p->id, sizeof p->id, "%s", k->topic_id[a->topic]);
    p->first = p->next = a->next;
    p->oldest_ms = p->newest_ms = -1;
    a->part = (uint32_t)h->part_count;
    return p;
}

static struct kafka_piece *open_piece(struct kafka *k, size_t topic, size_t more)
{
    struct kafka_haul *h = &k->haul;
    struct kafka_piece *p = k->piece[topic] ? &h->pieces[k->piece[topic] - 1] : NULL;
    if (p && p->lines < KAFKA_PIECE_LINES && p->text.len + more <= KAFKA_PIECE_BYTES) return p;
    mem_grow(&h->pieces, &h->piece_cap, h->piece_count + 1, sizeof *h->pieces);
    p = &h->pieces[h->piece_count++];
    memset(p, 0, sizeof *p);
    p->contract = k->options.topics[topic].contract;
    /* Once and whole: growing by doubling would hold up to twice what is counted. */
    p->text.cap = (more < KAFKA_PIECE_BYTES ? KAFKA_PIECE_BYTES : more) + KAFKA_PIECE_PAD + 1;
    p->text.ptr = mem_alloc(p->text.cap);
    k->piece[topic] = h->piece_count;
    return p;
}

/* Offsets seen, as runs; only kept once there is a gap, for most partitions have none. */
static void note_offset(struct kafka_part *part, int64_t offset)
{
    if (!part->run_count && offset == part->next) return;
    if (!part->run_count) {
        mem_grow(&part->runs, &part->run_cap, 2, sizeof *part->runs);
        if (part->next > part->first) part->runs[part->run_count++] = (struct lake_run){part->first, part->next - part->first};
    }
    struct lake_run *last = part->run_count ? &part->runs[part->run_count - 1] : NULL;
    if (last && last->first + last->count == offset) {
        last->count++;
        return;
    }
    mem_grow(&part->runs, &part->run_cap, part->run_count + 1, sizeof *part->runs);
    part->runs[part->run_count++] = (struct lake_run){offset, 1};
}

static void note_span(struct kafka_piece *piece, int32_t partition, int64_t offset)
{
    struct kafka_span *last = piece->span_count ? &piece->spans[piece->span_count - 1] : NULL;
    if (last && last->partition == partition && last->first + last->count == offset) {
        last->count++;
        return;
    }
    mem_grow(&piece->spans, &piece->span_cap, piece->span_count + 1, sizeof *piece->spans);
    piece->spans[piece->span_count++] = (struct kafka_span){partition, offset, 1};
}

void kafka_haul_add(struct kafka *k, struct kafka_assigned *a, const char *value, size_t len, int64_t offset, int64_t time_ms)
{
    struct kafka_haul *h = &k->haul;
    struct kafka_part *part = kafka_haul_part(k, a);
    while (len && (value[len - 1] == '\n' || value[len - 1] == '\r')) len--;
    note_offset(part, offset);
    part->records++;
    part->next = a->next = offset + 1;
    if (time_ms > part->newest_ms) part->newest_ms = time_ms;
    if (time_ms >= 0 && (part->oldest_ms < 0 || time_ms < part->oldest_ms)) part->oldest_ms = time_ms;
    h->records++;
    if (!h->first_ns) h->first_ns = clock_mono_ns();
    if (!len) {
        part->blank++;
        return;
    }
    part->rows++;
    struct kafka_piece *piece = open_piece(k, a->topic, len + 1);
    char *to = buf_reserve(&piece->text, len + 1 + KAFKA_PIECE_PAD);
    memcpy(to, value, len);
    for (char *p = memchr(to, '\n', len); p; p = memchr(p, '\n', len - (size_t)(p - to))) *p = '\r';
    to[len] = '\n';
    piece->text.len += len + 1;
    piece->lines++;
    note_span(piece, a->partition, offset);
    h->bytes += len + 1;
}

void kafka_cut(struct kafka *k, struct kafka_haul *out)
{
    *out = k->haul;
    memset(&k->haul, 0, sizeof k->haul);
    memset(k->piece, 0, k->options.topic_count * sizeof *k->piece);
    for (size_t i = 0; i < k->assigned_count; i++) k->assigned[i].part = 0;
}

void kafka_haul_reset(struct kafka_haul *haul)
{
    for (size_t i = 0; i < haul->piece_count; i++) {
        buf_reset(&haul->pieces[i].text);
        mem_free(haul->pieces[i].spans);
    }
    for (size_t i = 0; i < haul->part_count; i++) mem_free(haul->parts[i].runs);
    mem_free(haul->pieces);
    mem_free(haul->parts);
    memset(haul, 0, sizeof *haul);
}

/* Lines of a span are taken out of the piece's text. */
static void piece_drop(struct kafka_haul *haul, struct kafka_piece *piece, int32_t partition)
{
    char *from = piece->text.ptr, *to = from;
    size_t kept = 0, before = piece->text.len;
    for (size_t i = 0; i < piece->span_count; i++) {
        char *end = from;
        for (int64_t n = 0; n < piece->spans[i].count; n++)
            end = (char *)memchr(end, '\n', (size_t)(piece->text.ptr + before - end)) + 1;
        if (piece->spans[i].partition == partition) piece->lines -= piece->spans[i].count;
        else {
            memmove(to, from, (size_t)(end - from));
            to += end - from;
            piece->spans[kept++] = piece->spans[i];
        }
        from = end;
    }
    piece->span_count = kept;
    piece->text.len = (size_t)(to - piece->text.ptr);
    haul->bytes -= before - piece->text.len;
}

void kafka_haul_drop(struct kafka_haul *haul, const struct kafka_topic *topic, int32_t partition)
{
    for (size_t i = 0; i < haul->piece_count; i++)
        if (haul->pieces[i].contract == topic->contract && haul->pieces[i].text.len) piece_drop(haul, &haul->pieces[i], partition);
    for (size_t i = 0; i < haul->part_count; i++) {
        struct kafka_part *p = &haul->parts[i];
        if (p->topic != topic || p->partition != partition) continue;
        haul->records -= p->records;
        mem_free(p->runs);
        memmove(p, p + 1, (haul->part_count - i - 1) * sizeof *p);
        haul->part_count--;
        break;
    }
}
