#include "ingest/ingest.h"

#include "base/clock.h"
#include "base/io.h"
#include "ingest/content.h"
#include "ingest/find.h"
#include "ingest/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL_FILE = 4 << 20 }; /* below it threads cost more than they give */

struct session {
    struct lake *lake;
    const struct ingest_options *options;
    struct ingest_result *result;
    struct lake_batch *batch; /* NULL: none open */
    struct ingest_bronze *bronze;
    struct ingest_taken taken; /* in the open batch; topics borrowed, ids owned */
    int64_t batch_bytes;
    int64_t done_bytes, done_records; /* of finished streams, for progress */
    size_t file_cap;
};

static void forget_taken(struct session *s)
{
    for (size_t i = 0; i < s->taken.count; i++) mem_free((char *)(uintptr_t)s->taken.source[i].id);
    s->taken.count = 0;
}

static enum err batch_begin(struct session *s, struct error *e)
{
    if (s->batch) return ERR_OK;
    enum err rc = lake_batch_begin(s->lake, LAKE_INGEST, &s->batch, e);
    if (rc != ERR_OK) return rc;
    s->bronze = ingest_bronze_new(s->batch, clock_now_ms(), s->options->part_bytes ? s->options->part_bytes : 256u << 20);
    s->batch_bytes = 0;
    return ERR_OK;
}

static void batch_abort(struct session *s)
{
    ingest_bronze_free(&s->bronze);
    lake_batch_abort(&s->batch);
    forget_taken(s);
}

static enum err batch_commit(struct session *s, struct error *e)
{
    enum err rc = ERR_OK;
    uint64_t number = 0;
    if (!s->batch) return ERR_OK;
    TRY(ingest_bronze_finish(s->bronze, e));
    s->result->bronze_bytes += ingest_bronze_bytes(s->bronze);
    ingest_bronze_free(&s->bronze);
    TRY(lake_batch_commit(&s->batch, &number, e));
    forget_taken(s);
    if (!s->result->first_batch) s->result->first_batch = number;
    s->result->last_batch = number;
    if (s->options->committed) TRY(s->options->committed(s->options->ctx, number, e));
done:
    if (rc != ERR_OK) batch_abort(s);
    return rc;
}

static void progress(void *ctx, int64_t bytes, int64_t records)
{
    struct session *s = ctx;
    if (s->options->progress) s->options->progress(s->options->ctx, s->done_bytes + bytes, s->done_records + records);
}

static struct ingest_file *report(struct session *s, const struct ingest_input *input, enum ingest_outcome outcome)
{
    struct ingest_result *r = s->result;
    mem_grow(&r->files, &s->file_cap, r->file_count + 1, sizeof *r->files);
    struct ingest_file *f = &r->files[r->file_count++];
    *f = (struct ingest_file){arena_strdup(&r->arena, input->path),
                              input->contract ? arena_strdup(&r->arena, input->contract->topic) : "", outcome, 0, 0, 0};
    return f;
}

static unsigned threads_for(const struct session *s, int fd)
{
    struct stat st;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size < SMALL_FILE) return 1;
    if (s->options->threads) return s->options->threads;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

/* Takes the next stretch of a stream, up to the end or the batch's limit, into the open batch. */
static enum err take_stretch(struct session *s, struct ingest_blocks *blocks, struct lake_source *source, unsigned threads,
                             struct ingest_file *file, bool *ended, struct error *e)
{
    enum err rc = ERR_OK;
    uint32_t index;
    int64_t limit = (int64_t)(s->options->batch_bytes ? s->options->batch_bytes : 1u << 30);
    source->first = source->next;
    struct lake_source now = *source;
    now.records = 0; /* of this commit; what is known at the end comes with the update */
    TRY(lake_batch_source(s->batch, &now, &index, e));
    struct ingest_pump pump = {.blocks = blocks,
                               .bronze = s->bronze,
                               .topic = source->topic,
                               .source = index,
                               .first_record = source->records,
                               .most_bytes = limit - s->batch_bytes,
                               .threads = threads,
                               .stop = s->options->stop,
                               .progress = progress,
                               .ctx = s};
    TRY(ingest_pump_run(&pump, e));
    now.next = source->next = blocks->next;
    now.hash = source->hash = hasher_sum(blocks->hasher);
    now.records = pump.lines;
    now.rows = pump.records;
    now.blank = pump.lines - pump.records;
    TRY(lake_batch_source_update(s->batch, index, &now, e));
    source->records += pump.lines;
    s->batch_bytes += pump.bytes;
    s->done_bytes += pump.bytes;
    s->done_records += pump.records;
    file->bytes += pump.bytes;
    file->records += pump.records;
    file->blank += pump.lines - pump.records;
    *ended = pump.ended;
done:
    return rc;
}

static void remember_taken(struct session *s, const struct lake_source *source)
{
    mem_grow(&s->taken.source, &s->taken.cap, s->taken.count + 1, sizeof *s->taken.source);
    struct lake_source *copy = &s->taken.source[s->taken.count++];
    *copy = *source;
    copy->id = mem_strdup(source->id);
}

/* stdin cannot be looked at beforehand. When all of it fitted into this one batch and the lake holds just these bytes,
 * the batch is given up. */
static bool stdin_is_known(struct session *s, const struct lake_source *source)
{
    struct lake_sources known;
    bool found = false;
    lake_sources(s->lake, NULL, source->topic, &known);
    for (size_t i = 0; i < known.count; i++)
        if (known.source[i].next == source->next && hash_eq(known.source[i].hash, source->hash)) found = true;
    lake_sources_free(&known);
    return found;
}

static enum err take_stream(struct session *s, const struct ingest_input *input, int fd, const struct ingest_content *content,
                            struct error *e)
{
    enum err rc = ERR_OK;
    bool from_stdin = !strcmp(input->path, "-"), ended = false;
    unsigned threads = threads_for(s, fd);
    struct ingest_blocks blocks = {0};
    char id[64];
    int64_t skip = content->known ? content->next : 0;
    struct ingest_file *file = report(s, input, content->known ? INGEST_CONTINUED : INGEST_TAKEN);
    TRY(ingest_blocks_open(fd, input->path, content->known && content->open_end ? content->line_start : skip, &blocks, e));
    blocks.whole_only = s->options->whole_lines;
    for (bool first = true; !ended && !(s->options->stop && *s->options->stop); first = false) {
        bool fresh = !s->batch;
        TRY(batch_begin(s, e));
        if (first) snprintf(id, sizeof id, "%llu-%zu", (unsigned long long)lake_batch_number(s->batch), s->result->file_count);
        struct lake_source source = {.source = from_stdin ? "stdin" : "file",
                                     .topic = input->contract->topic,
                                     .partition = -1,
                                     .id = content->known ? content->id : id,
                                     .name = from_stdin ? "" : input->path,
                                     .next = first ? skip : blocks.next,
                                     .records = first ? content->records : file->records + file->blank + content->records};
        TRY(take_stretch(s, &blocks, &source, threads, file, &ended, e));
        if (from_stdin && ended && fresh && first && !s->options->force && stdin_is_known(s, &source)) {
            batch_abort(s);
            file->outcome = INGEST_KNOWN;
            file->records = file->blank = file->bytes = 0;
            goto done;
        }
        if (ended && fresh && !file->bytes) { /* an empty file is no reason for a commit */
            batch_abort(s);
            break;
        }
        if (source.next) remember_taken(s, &source); /* nothing is the beginning of everything */
        if (!ended || s->batch_bytes >= (int64_t)(s->options->batch_bytes ? s->options->batch_bytes : 1u << 30))
            TRY(batch_commit(s, e));
    }
    if (!file->bytes) file->outcome = INGEST_EMPTY;
done:
    ingest_blocks_close(&blocks);
    return rc;
}

static enum err take_input(struct session *s, const struct ingest_input *input, struct error *e)
{
    enum err rc = ERR_OK;
    struct ingest_content content = {0};
    bool from_stdin = !strcmp(input->path, "-"), in_open = false;
    if (!input->contract) {
        report(s, input, INGEST_SKIPPED);
        return ERR_OK;
    }
    if (!from_stdin && !s->options->force) {
        const char *topic = input->contract->topic;
        TRY(ingest_content_look_up(s->lake, &s->taken, topic, input->path, &content, &in_open, e));
        if (in_open && !content.whole) {
            TRY(batch_commit(s, e));
            TRY(ingest_content_look_up(s->lake, &s->taken, topic, input->path, &content, &in_open, e));
        }
        if (content.known && content.whole) {
            report(s, input, INGEST_KNOWN);
            goto done;
        }
    }
    if (from_stdin) TRY(batch_commit(s, e)); /* alone in its batch: see stdin_is_known */
    int fd = from_stdin ? dup(STDIN_FILENO) : open(input->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) TRY(err_sys(e, errno, "cannot open %s", input->path));
    TRY(take_stream(s, input, fd, &content, e));
done:
    return rc;
}

enum err ingest_paths(struct lake *lake, const char *const *paths, size_t count, const struct ingest_options *options,
                      struct ingest_result *result, struct error *e)
{
    enum err rc = ERR_OK;
    struct ingest_found found = {0};
    struct session s = {.lake = lake, .options = options, .result = result};
    memset(result, 0, sizeof *result);
    TRY(ingest_find(paths, count, options->topic, options->contracts, &found, e));
    for (size_t i = 0; i < found.count; i++) {
        if (options->stop && *options->stop) break;
        TRY(take_input(&s, &found.input[i], e));
    }
    TRY(batch_commit(&s, e));
    if (options->stop && *options->stop) rc = err_set(e, ERR_STOPPED, "stopped; what was read until then is committed");
done:
    batch_abort(&s);
    mem_free(s.taken.source);
    for (size_t i = 0; i < result->file_count; i++) {
        result->records += result->files[i].records;
        result->blank += result->files[i].blank;
        result->bytes += result->files[i].bytes;
    }
    ingest_found_free(&found);
    return rc;
}

void ingest_result_reset(struct ingest_result *result)
{
    mem_free(result->files);
    arena_reset(&result->arena);
    memset(result, 0, sizeof *result);
}
