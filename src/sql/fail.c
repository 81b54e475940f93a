/* DuckDB's error texts. They look like
 *
 *     Binder Error: Referenced column "zz" not found in FROM clause!
 *     Candidate bindings: "a"
 *
 *     LINE 3:   zz from t
 *               ^
 *
 * A long line is cut to about 120 characters, with "..." where it was cut. The caret counts columns of a terminal. */
#include "sql/internal.h"

#include <stdlib.h>

static enum err code_of(const char *message)
{
    static const struct {
        const char *start, *part;
        enum err code;
    } table[] = {
        {"INTERRUPT Error", NULL, ERR_STOPPED},
        {"Out of Memory Error", NULL, ERR_NO_SPACE},
        {"IO Error", "No space left", ERR_NO_SPACE},
        {"IO Error", "Could not set lock", ERR_BUSY},
        {"IO Error", "No files found", ERR_NOT_FOUND},
        {"IO Error", "No such file", ERR_NOT_FOUND},
        {"IO Error", "does not exist", ERR_NOT_FOUND},
        {"IO Error", NULL, ERR_IO},
        {"Catalog Error", "does not exist", ERR_NOT_FOUND},
        {"Table \"", "could not be found", ERR_NOT_FOUND},
        {"INTERNAL Error", NULL, ERR_INTERNAL},
        {"FATAL Error", NULL, ERR_INTERNAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (str_starts(message, table[i].start) && (!table[i].part || strstr(message, table[i].part)))
            return table[i].code;
    return ERR_INPUT;
}

/* Roughly as utf8proc has it: enough to find the byte under a caret. */
static unsigned caret_width(uint32_t cp)
{
    return (cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xac00 && cp <= 0xd7a3) ||
                   (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
                   (cp >= 0x1f300 && cp <= 0x1f64f) || (cp >= 0x1f900 && cp <= 0x1f9ff)
               ? 2
               : 1;
}

static size_t byte_at_column(const char *text, size_t len, size_t column)
{
    size_t at = 0;
    for (size_t passed = 0; at < len && passed < column;) {
        size_t n = utf8_length(text + at, len - at);
        passed += n ? caret_width(utf8_decode(text + at, &n)) : 1;
        at += n ? n : 1;
    }
    return at;
}

static struct view line_of(struct view text, uint32_t line)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (uint32_t n = 1; n < line && at < end; n++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return view_from(at, (size_t)((newline ? newline : end) - at));
}

/* Where the excerpt, which may be cut at either side, lies in its line. */
static bool find_excerpt(struct view line, const char *excerpt, size_t len, size_t *at)
{
    if (len <= line.len && !memcmp(line.ptr, excerpt, len)) return *at = 0, true;
    bool cut = len > 3 && !memcmp(excerpt, "...", 3);
    const char *body = cut ? excerpt + 3 : excerpt;
    size_t body_len = len - (cut ? 3 : 0);
    if (body_len > 3 && !memcmp(body + body_len - 3, "...", 3)) body_len -= 3;
    const char *hit = body_len ? memmem(line.ptr, line.len, body, body_len) : NULL;
    if (!hit) return false;
    *at = (size_t)(hit - line.ptr);
    return true;
}

static void set_place(struct sql_place *place, const char *mark, struct view before, struct view piece)
{
    char *end;
    unsigned long line = strtoul(mark + strlen("LINE "), &end, 10);
    if (*end != ':' || end[1] != ' ' || !line || line > UINT32_MAX) return;
    const char *excerpt = end + 2;
    size_t len = strcspn(excerpt, "\n");
    const char *caret = excerpt[len] ? strchr(excerpt + len, '^') : NULL;
    if (!caret) return;
    size_t indent = (size_t)(caret - (excerpt + len + 1)), prefix = (size_t)(excerpt - mark);
    if (indent < prefix) return;
    size_t in_excerpt = byte_at_column(excerpt, len, indent - prefix), at;
    struct view source = line_of(piece, (uint32_t)line);
    if (find_excerpt(source, excerpt, len, &at)) {
        bool cut = len > 3 && at > 0 && !memcmp(excerpt, "...", 3);
        place->column = (uint32_t)(at + in_excerpt - (cut ? 3 : 0) + 1);
    }
    uint32_t lines_before = 0;
    const char *last = before.ptr;
    for (const char *c = before.ptr; c < before.ptr + before.len; c++)
        if (*c == '\n') lines_before++, last = c + 1;
    if (line == 1 && place->column) place->column += (uint32_t)(before.ptr + before.len - last);
    place->line = lines_before + (uint32_t)line;
    size_t kept = len < sizeof place->excerpt ? len : sizeof place->excerpt - 1;
    memcpy(place->excerpt, excerpt, kept);
    place->excerpt[kept] = '\0';
    place->caret = (uint32_t)(in_excerpt < kept ? in_excerpt : kept);
}

/* One line: line ends become "; ". */
static void add_message(struct buf *out, const char *message, size_t len)
{
    while (len && (message[len - 1] == '\n' || message[len - 1] == ' ')) len--;
    for (size_t i = 0; i < len; i++) {
        if (message[i] != '\n') {
            buf_char(out, message[i]);
            continue;
        }
        while (i + 1 < len && (message[i + 1] == '\n' || message[i + 1] == ' ')) i++;
        buf_str(out, "; ");
    }
}

enum err sql_fail(struct sql_conn *conn, const char *message, struct view before, struct view piece, enum err fired,
                  struct error *e)
{
    struct sql_place place = {0};
    const char *mark = strstr(message, "\n\nLINE ");
    if (mark) set_place(&place, mark + 2, before, piece);
    if (conn) conn->place = place;
    enum err code = code_of(message);
    if (code == ERR_STOPPED && fired == ERR_RETRY)
        return err_set(e, ERR_RETRY, "the time limit of %u ms has passed", conn->watch.timeout_ms);
    if (code == ERR_STOPPED) return err_set(e, ERR_STOPPED, "interrupted");
    struct buf text = {0};
    add_message(&text, message, mark ? (size_t)(mark - message) : strlen(message));
    err_set(e, code, "%s", text.ptr ? text.ptr : "DuckDB gave no reason");
    buf_reset(&text);
    if (place.line && place.column)
        err_where(e, "line %u, column %u", place.line, place.column);
    else if (place.line)
        err_where(e, "line %u", place.line);
    return code;
}
