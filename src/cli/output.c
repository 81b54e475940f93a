#include "cli/output.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

enum { ALIGN_ROWS = 2000, FLUSH_BYTES = 64 * 1024 };

const char *const output_formats[] = {"table", "csv", "json", "jsonl", "parquet", NULL};

bool output_format_find(const char *name, enum output_format *out)
{
    for (int i = 0; output_formats[i]; i++)
        if (!strcmp(output_formats[i], name)) return *out = (enum output_format)i, true;
    return false;
}

bool output_format_of_path(const char *path, enum output_format *out)
{
    static const struct {
        const char *ending;
        enum output_format format;
    } endings[] = {{".csv", OUTPUT_CSV},         {".json", OUTPUT_JSON},       {".jsonl", OUTPUT_LINES},
                   {".ndjson", OUTPUT_LINES},    {".parquet", OUTPUT_PARQUET}, {".txt", OUTPUT_TABLE}};
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i].ending);
        if (len > n && !strcasecmp(path + len - n, endings[i].ending)) return *out = endings[i].format, true;
    }
    return false;
}

struct writer {
    struct sql_result *r;
    enum output_format format;
    output_write_fn *write;
    void *ctx;
    struct buf out;
    char **names; /* JSON: unique, as JSON strings with a colon */
    struct cli_table *table;
    int64_t rows;
};

static bool taken(const struct sql_result *r, size_t column, const char *name)
{
    for (size_t i = 0; i < column; i++)
        if (!strcmp(sql_column_name(r, i), name)) return true;
    return false;
}

static void make_names(struct writer *w)
{
    size_t n = sql_result_columns(w->r);
    w->names = mem_zalloc((n ? n : 1) * sizeof *w->names);
    for (size_t i = 0; i < n; i++) {
        struct buf json = {0};
        char *name = mem_strdup(sql_column_name(w->r, i));
        for (int k = 1; taken(w->r, i, name); k++) {
            mem_free(name);
            name = mem_printf("%s_%d", sql_column_name(w->r, i), k);
        }
        buf_json(&json, name, strlen(name));
        buf_char(&json, ':');
        mem_free(name);
        w->names[i] = buf_take(&json);
    }
}

static void begin(struct writer *w)
{
    size_t n = sql_result_columns(w->r);
    switch (w->format) {
    case OUTPUT_TABLE:
        w->table = cli_table_new(n);
        for (size_t i = 0; i < n; i++) {
            enum sql_kind kind = sql_column_kind(w->r, i);
            bool number = kind == SQL_INT || kind == SQL_HUGE || kind == SQL_DECIMAL || kind == SQL_DOUBLE;
            cli_table_head(w->table, i, sql_column_name(w->r, i), number ? CLI_RIGHT : CLI_LEFT);
        }
        break;
    case OUTPUT_CSV:
        for (size_t i = 0; i < n; i++) {
            if (i) buf_char(&w->out, ',');
            cli_csv_cell(&w->out, sql_column_name(w->r, i), strlen(sql_column_name(w->r, i)));
        }
        buf_char(&w->out, '\n');
        break;
    case OUTPUT_JSON: buf_char(&w->out, '['); /* fall through */
    default: make_names(w);
    }
}

static void add_csv(struct writer *w, size_t row)
{
    for (size_t i = 0; i < sql_result_columns(w->r); i++) {
        if (i) buf_char(&w->out, ',');
        if (sql_is_null(w->r, i, row)) continue;
        struct view text = sql_get_text(w->r, i, row);
        cli_csv_cell(&w->out, text.ptr, text.len);
    }
    buf_char(&w->out, '\n');
}

static void add_object(struct writer *w, size_t row)
{
    if (w->format == OUTPUT_JSON) buf_str(&w->out, w->rows ? ",\n " : "\n ");
    buf_char(&w->out, '{');
    for (size_t i = 0; i < sql_result_columns(w->r); i++) {
        if (i) buf_char(&w->out, ',');
        buf_str(&w->out, w->names[i]);
        sql_add_json(w->r, i, row, &w->out);
    }
    buf_str(&w->out, w->format == OUTPUT_JSON ? "}" : "}\n");
}

static void add_row(struct writer *w, size_t row)
{
    if (w->format == OUTPUT_CSV) {
        add_csv(w, row);
    } else if (w->format != OUTPUT_TABLE) {
        add_object(w, row);
    } else {
        for (size_t i = 0; i < sql_result_columns(w->r); i++) {
            struct view text = sql_is_null(w->r, i, row) ? view_of("NULL") : sql_get_text(w->r, i, row);
            cli_table_cell(w->table, text.ptr, text.len);
        }
        if (cli_table_rows(w->table) >= ALIGN_ROWS) cli_table_print(w->table, &w->out);
    }
    w->rows++;
}

static void end(struct writer *w)
{
    if (w->table) cli_table_print(w->table, &w->out);
    if (w->format == OUTPUT_JSON) buf_str(&w->out, w->rows ? "\n]\n" : "]\n");
}

enum err output_result(struct sql_result *r, enum output_format format, output_write_fn *write, void *ctx, int64_t *rows,
                       struct error *e)
{
    struct writer w = {.r = r, .format = format, .write = write, .ctx = ctx};
    enum err rc = ERR_OK;
    size_t chunk;
    begin(&w);
    for (;;) {
        TRY(sql_next(r, &chunk, e));
        if (!chunk) break;
        for (size_t row = 0; row < chunk; row++) {
            add_row(&w, row);
            if (w.out.len >= FLUSH_BYTES) TRY(write(ctx, &w.out, e));
        }
    }
    end(&w);
    TRY(write(ctx, &w.out, e));
    if (rows) *rows = w.rows;
done:
    for (size_t i = 0; w.names && i < sql_result_columns(r); i++) mem_free(w.names[i]);
    mem_free(w.names);
    cli_table_free(&w.table);
    buf_reset(&w.out);
    return rc;
}
