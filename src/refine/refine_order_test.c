/* Dimensions are the same whatever the order of the files, of their lines, and the batches they come in. */
#include "refine/refine_testing_sample.h"

struct chunk_of { /* one bronze commit to be */
    const char *topic, *ptr;
    size_t len;
};

static unsigned seed;

static void shuffle(void *list, size_t count, size_t size)
{
    char *at = list, *swap = mem_alloc(size);
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)rand_r(&seed) % i;
        memcpy(swap, at + k * size, size);
        memcpy(at + k * size, at + (i - 1) * size, size);
        memcpy(at + (i - 1) * size, swap, size);
    }
    mem_free(swap);
}

/* All lines in random order. */
static void shuffle_lines(struct buf *text)
{
    struct view *line = NULL;
    size_t count = 0, cap = 0;
    for (size_t at = 0; at < text->len;) {
        size_t n = whole_lines(text->ptr + at, text->len - at, 1);
        mem_grow(&line, &cap, count + 1, sizeof *line);
        line[count++] = view_from(text->ptr + at, n);
        at += n;
    }
    shuffle(line, count, sizeof *line);
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) buf_add(&out, line[i].ptr, line[i].len);
    buf_reset(text);
    *text = out;
    mem_free(line);
}

/* Everything in commits of the given size; order: of the commits. Refined after every `together` of them. */
static void cook(struct kitchen *k, struct buf texts[SAMPLE_TOPICS], size_t most, bool random_order, int together)
{
    struct chunk_of *chunk = NULL;
    size_t count = 0, cap = 0;
    for (int t = 0; t < SAMPLE_TOPICS; t++)
        for (size_t at = 0; at < texts[t].len;) {
            size_t n = whole_lines(texts[t].ptr + at, texts[t].len - at, 1 + most / 4 + (size_t)rand_r(&seed) % most);
            mem_grow(&chunk, &cap, count + 1, sizeof *chunk);
            chunk[count++] = (struct chunk_of){sample_topic[t], texts[t].ptr + at, n};
            at += n;
        }
    if (random_order) shuffle(chunk, count, sizeof *chunk);
    struct error e = {0};
    struct refine *r = NULL;
    struct refine_totals totals;
    for (size_t i = 0; i < count; i++) {
        kitchen_bronze(k, chunk[i].topic, chunk[i].ptr, chunk[i].len, 100000);
        if ((i + 1) % (size_t)together && i + 1 < count) continue;
        if (!r) assert_ok(refine_open(k->lake, &(struct refine_options){.contracts = k->contracts, .threads = 2}, &r, &e), &e);
        assert_ok(refine_pending(r, &totals, &e), &e);
        if (rand_r(&seed) % 4 == 0) refine_close(&r); /* now and then another process goes on */
    }
    refine_close(&r);
    mem_free(chunk);
}

static void check(struct kitchen *k)
{
    make_raw(k);
    check_facts(k);
    check_dims(k);
    kitchen_audit(k);
}

static void many_commits_in_any_order(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct kitchen k;
        struct buf texts[SAMPLE_TOPICS] = {0};
        seed = 4711 + (unsigned)round;
        kitchen_open(&k);
        for (int t = 0; t < SAMPLE_TOPICS; t++) read_sample(sample_topic[t], &texts[t]);
        cook(&k, texts, round ? 900000 : 4000000, true, round ? 2 : 1);
        check(&k);
        for (int t = 0; t < SAMPLE_TOPICS; t++) buf_reset(&texts[t]);
        kitchen_close(&k);
    }
}

static void lines_in_any_order(void **state)
{
    (void)state;
    struct kitchen k;
    struct buf texts[SAMPLE_TOPICS] = {0};
    seed = 99;
    kitchen_open(&k);
    for (int t = 0; t < SAMPLE_TOPICS; t++) {
        read_sample(sample_topic[t], &texts[t]);
        shuffle_lines(&texts[t]);
    }
    cook(&k, texts, 9000000, true, 2);
    check(&k);
    for (int t = 0; t < SAMPLE_TOPICS; t++) buf_reset(&texts[t]);
    kitchen_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_commits_in_any_order),
        cmocka_unit_test(lines_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
