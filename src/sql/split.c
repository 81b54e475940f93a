/* Where statements end, as DuckDB's lexer (that of PostgreSQL) sees it: '…' with '' inside, E'…' with backslashes, "…",
 * -- and nested slash-star comments, $tag$…$tag$. */
#include "sql/sql.h"

#include <ctype.h>

void sql_quote_name(struct buf *out, const char *name)
{
    buf_char(out, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"') buf_char(out, '"');
        buf_char(out, *c);
    }
    buf_char(out, '"');
}

void sql_quote_text(struct buf *out, const char *text, size_t len)
{
    buf_char(out, '\'');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\'') buf_char(out, '\'');
        buf_char(out, text[i]);
    }
    buf_char(out, '\'');
}

static bool word_char(char c) { return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80; }

static const char *skip_quoted(const char *at, const char *end, bool backslash)
{
    char quote = *at++;
    while (at < end) {
        if (backslash && *at == '\\' && at + 1 < end)
            at += 2;
        else if (*at != quote)
            at++;
        else if (at + 1 < end && at[1] == quote)
            at += 2;
        else
            return at + 1;
    }
    return NULL;
}

static const char *skip_comment(const char *at, const char *end)
{
    int depth = 0;
    while (at + 1 < end) {
        if (at[0] == '/' && at[1] == '*')
            depth++, at += 2;
        else if (at[0] == '*' && at[1] == '/')
            at += 2, depth--;
        else
            at++;
        if (!depth) return at;
    }
    return NULL;
}

/* After $tag$…$tag$; `at` itself when it is no such thing ($1); NULL when it does not end. */
static const char *skip_dollar(const char *at, const char *end)
{
    const char *tag = at + 1;
    if (tag < end && isdigit((unsigned char)*tag)) return at;
    while (tag < end && word_char(*tag)) tag++;
    if (tag >= end || *tag != '$') return at;
    size_t len = (size_t)(tag + 1 - at);
    const char *close = memmem(tag + 1, (size_t)(end - tag - 1), at, len);
    return close ? close + len : NULL;
}

/* After the token at `at`; NULL when it is a quote or comment that does not end. *blank: it is no part of a statement. */
static const char *skip_token(const char *start, const char *at, const char *end, bool *blank)
{
    *blank = false;
    if (*at == '\'') {
        bool escapes = at > start && (at[-1] == 'e' || at[-1] == 'E') && (at - 1 == start || !word_char(at[-2]));
        return skip_quoted(at, end, escapes);
    }
    if (*at == '"') return skip_quoted(at, end, false);
    if (*at == '$' && (at == start || !word_char(at[-1]))) {
        const char *after = skip_dollar(at, end);
        return after == at ? at + 1 : after;
    }
    if (at + 1 < end && at[0] == '-' && at[1] == '-') {
        *blank = true;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        return newline ? newline + 1 : end;
    }
    if (at + 1 < end && at[0] == '/' && at[1] == '*') {
        *blank = true;
        return skip_comment(at, end);
    }
    *blank = isspace((unsigned char)*at);
    return at + 1;
}

bool sql_split(struct view script, struct view *statement, struct view *rest, bool *complete)
{
    const char *start = script.ptr, *at = start, *end = start + script.len;
    bool any = false;
    *complete = false;
    while (at < end) {
        if (*at == ';') {
            if (any) {
                *statement = view_from(start, (size_t)(at - start));
                *rest = view_from(at + 1, (size_t)(end - at - 1));
                return *complete = true;
            }
            start = ++at;
            continue;
        }
        bool blank;
        const char *after = skip_token(start, at, end, &blank);
        any |= !blank || !after;
        at = after ? after : end;
    }
    *statement = view_from(start, (size_t)(end - start));
    *rest = view_from(end, 0);
    return any;
}
