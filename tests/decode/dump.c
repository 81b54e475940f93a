/* Prints what the decoder makes of a file, for oracle.py: one line a record, in input order; see refine/decode_testing.h.
 *
 *     dump [--contracts DIR] [--mode N] [--block BYTES] [--records] TOPIC FILE
 *
 * Modes are those of decode_testing.h (0: strict parser … ). The last line is the counts. */
#include "base/io.h"
#include "refine/decode_testing.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *dir = NULL, *topic = NULL, *path = NULL;
    size_t mode = 1, block = SIZE_MAX;
    bool records = false;
    struct error e = {0};
    struct schema_set *set = NULL;
    const struct contract *c = NULL;
    struct buf text = {0}, out = {0};
    char message[2048];

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--contracts") && i + 1 < argc) dir = argv[++i];
        else if (!strcmp(argv[i], "--mode") && i + 1 < argc) mode = strtoull(argv[++i], NULL, 10) % TESTING_MODES;
        else if (!strcmp(argv[i], "--block") && i + 1 < argc) block = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--records")) records = true;
        else if (!topic) topic = argv[i];
        else path = argv[i];
    }
    if (!path) {
        fprintf(stderr, "usage: dump [--contracts DIR] [--mode N] [--block BYTES] [--records] TOPIC FILE\n");
        return 2;
    }
    enum err rc = schema_set_load(dir, &set, &e);
    if (rc == ERR_OK) rc = schema_set_need(set, topic, &c, &e);
    if (rc == ERR_OK) rc = io_read_file(path, &text, &e);
    if (rc != ERR_OK) {
        fprintf(stderr, "%s\n", err_format(&e, message, sizeof message));
    } else {
        struct decode_options o = testing_modes[mode].o;
        o.now_ms = 1770000000000;
        struct decoder *d = decode_new(c, &o);
        if (records) testing_decode_records(&out, d, text.ptr, text.len);
        else testing_decode(&out, d, text.ptr, text.len, block);
        const struct decode_counts *n = decode_counts(d);
        fwrite(out.ptr, 1, out.len, stdout);
        printf("counts lines=%llu rows=%llu rejects=%llu blank=%llu drift_rows=%llu drift_keys=%llu future=%llu\n",
               (unsigned long long)n->lines, (unsigned long long)n->rows, (unsigned long long)n->rejects,
               (unsigned long long)n->blank, (unsigned long long)n->drift_rows, (unsigned long long)n->drift_keys,
               (unsigned long long)n->future_rows);
        decode_free(&d);
    }
    buf_reset(&text);
    buf_reset(&out);
    schema_set_free(&set);
    return rc != ERR_OK;
}
