/* Rows of text, aligned for a terminal. Width of a character: 0 for combining marks, 2 for East Asian wide and emoji
 * (Unicode 15, EastAsianWidth.txt W and F, in coarse ranges), else 1. */
#include "cli/cli.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t cp, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last) return true;
    return false;
}

static size_t width_of(uint32_t cp)
{
    static const struct range zero[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                                        {0x64b, 0x65f},   {0x6d6, 0x6dc},   {0x900, 0x902},   {0x93c, 0x93c},
                                        {0x941, 0x948},   {0x94d, 0x94d},   {0xe31, 0xe31},   {0xe34, 0xe3a},
                                        {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
                                        {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                                        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
    static const struct range wide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
                                        {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},
                                        {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},
                                        {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},
                                        {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
                                        {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                        {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                        {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
    if (cp < 0x300) return 1;
    if (in_ranges(cp, zero, sizeof zero / sizeof zero[0])) return 0;
    return in_ranges(cp, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

size_t cli_width(const char *utf8, size_t len)
{
    size_t width = 0;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_length(utf8 + at, len - at);
        width += n > 1 ? width_of(utf8_decode(utf8 + at, &n)) : 1;
        at += n ? n : 1;
    }
    return width;
}

/* Nothing in a cell may move the cursor or hide what follows. */
static void add_escaped(struct buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        unsigned char c = (unsigned char)text[at];
        size_t n = utf8_length(text + at, len - at);
        bool c1 = n == 2 && c == 0xc2 && (unsigned char)text[at + 1] < 0xa0;
        if (c == '\n' || c == '\t' || c == '\r')
            buf_str(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else if (n == 0 || c < 0x20 || c == 0x7f || c1)
            buf_printf(out, "\\x%02x", c1 ? (unsigned char)text[at + 1] : c);
        else
            buf_add(out, text + at, n);
        at += n ? n : 1;
    }
}

struct column {
    char *name;
    enum cli_align align;
    size_t width;
};

struct cli_table {
    struct column *column;
    size_t columns, cells;
    struct buf text;   /* all cells, one after the other */
    size_t *ends;      /* of each cell, in text */
    size_t ends_cap;
    bool headed, head_printed;
};

struct cli_table *cli_table_new(size_t columns)
{
    struct cli_table *t = mem_zalloc(sizeof *t);
    t->columns = columns;
    t->column = mem_zalloc((columns ? columns : 1) * sizeof *t->column);
    return t;
}

void cli_table_head(struct cli_table *t, size_t column, const char *name, enum cli_align align)
{
    struct buf text = {0};
    add_escaped(&text, name, strlen(name));
    struct column *c = &t->column[column];
    mem_free(c->name);
    c->width = cli_width(text.ptr, text.len);
    c->name = buf_take(&text);
    c->align = align;
    t->headed = true;
}

void cli_table_cell(struct cli_table *t, const char *text, size_t len)
{
    size_t start = t->text.len;
    add_escaped(&t->text, text, len);
    mem_grow(&t->ends, &t->ends_cap, t->cells + 1, sizeof *t->ends);
    t->ends[t->cells] = t->text.len;
    size_t width = cli_width(t->text.ptr + start, t->text.len - start);
    struct column *c = &t->column[t->cells % t->columns];
    if (width > c->width) c->width = width;
    t->cells++;
}

void cli_table_cellf(struct cli_table *t, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cli_table_cell(t, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

size_t cli_table_rows(const struct cli_table *t) { return t->columns ? t->cells / t->columns : 0; }

static void add_padded(struct buf *out, const struct column *c, const char *text, size_t len, bool last)
{
    size_t width = cli_width(text, len), pad = c->width > width ? c->width - width : 0;
    if (c->align == CLI_RIGHT) buf_printf(out, "%*s", (int)pad, "");
    buf_add(out, text, len);
    if (c->align == CLI_LEFT && !last) buf_printf(out, "%*s", (int)pad, "");
    buf_str(out, last ? "\n" : "  ");
}

static void print_head(const struct cli_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->columns; i++) {
        const struct column *c = &t->column[i];
        add_padded(out, c, c->name ? c->name : "", c->name ? strlen(c->name) : 0, i + 1 == t->columns);
    }
    for (size_t i = 0; i < t->columns; i++) {
        for (size_t k = 0; k < t->column[i].width; k++) buf_char(out, '-');
        buf_str(out, i + 1 == t->columns ? "\n" : "  ");
    }
}

void cli_table_print(struct cli_table *t, struct buf *out)
{
    if (t->headed && !t->head_printed) print_head(t, out);
    t->head_printed = true;
    size_t start = 0;
    for (size_t i = 0; i < t->cells; i++) {
        size_t column = i % t->columns;
        add_padded(out, &t->column[column], t->text.ptr + start, t->ends[i] - start, column + 1 == t->columns);
        start = t->ends[i];
    }
    t->cells = 0;
    buf_clear(&t->text);
}

void cli_table_free(struct cli_table **t)
{
    if (!*t) return;
    for (size_t i = 0; i < (*t)->columns; i++) mem_free((*t)->column[i].name);
    mem_free((*t)->column);
    mem_free((*t)->ends);
    buf_reset(&(*t)->text);
    mem_free(*t);
    *t = NULL;
}

void cli_csv_cell(struct buf *out, const char *text, size_t len)
{
    bool quote = len == 0 || memchr(text, ',', len) || memchr(text, '"', len) || memchr(text, '\n', len) ||
                 memchr(text, '\r', len);
    if (!quote) {
        buf_add(out, text, len);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') buf_char(out, '"');
        buf_char(out, text[i]);
    }
    buf_char(out, '"');
}
