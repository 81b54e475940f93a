/* Text into tokens, by the rules of jinja2/lexer.py with dbt's settings: default delimiters, no line statements,
 * trim_blocks, lstrip_blocks and keep_trailing_newline off. */
#include "model/jinja/internal.h"

#include <errno.h>
#include <stdlib.h>

static const char *const token_names[] = {
    [TOKEN_EOF] = "end of template", [TOKEN_DATA] = "template data / text", [TOKEN_VARIABLE_BEGIN] = "begin of print statement",
    [TOKEN_VARIABLE_END] = "end of print statement", [TOKEN_BLOCK_BEGIN] = "begin of statement block",
    [TOKEN_BLOCK_END] = "end of statement block", [TOKEN_NAME] = "name", [TOKEN_STRING] = "string", [TOKEN_INTEGER] = "integer",
    [TOKEN_FLOAT] = "float", [TOKEN_ADD] = "+", [TOKEN_ASSIGN] = "=", [TOKEN_COLON] = ":", [TOKEN_COMMA] = ",", [TOKEN_DIV] = "/",
    [TOKEN_DOT] = ".", [TOKEN_EQ] = "==", [TOKEN_FLOORDIV] = "//", [TOKEN_GT] = ">", [TOKEN_GTEQ] = ">=", [TOKEN_LBRACE] = "{",
    [TOKEN_LBRACKET] = "[", [TOKEN_LPAREN] = "(", [TOKEN_LT] = "<", [TOKEN_LTEQ] = "<=", [TOKEN_MOD] = "%", [TOKEN_MUL] = "*",
    [TOKEN_NE] = "!=", [TOKEN_PIPE] = "|", [TOKEN_POW] = "**", [TOKEN_RBRACE] = "}", [TOKEN_RBRACKET] = "]", [TOKEN_RPAREN] = ")",
    [TOKEN_SEMICOLON] = ";", [TOKEN_SUB] = "-", [TOKEN_TILDE] = "~",
};

const char *token_describe(enum token_kind kind) { return token_names[kind]; }

static struct token *token_add(struct lexer *l, enum token_kind kind, size_t at, size_t end)
{
    mem_grow(&l->token, &l->cap, l->count + 1, sizeof *l->token);
    struct token *t = &l->token[l->count++];
    *t = (struct token){.kind = kind, .at = (uint32_t)at, .end = (uint32_t)end};
    return t;
}

static PRINTF_LIKE(3, 4) enum err lex_error(struct lexer *l, size_t at, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->fail_at = (uint32_t)at;
    return FAIL(l->e, "%s", text);
}

static uint32_t char_at(struct view s, size_t at, size_t *len)
{
    if ((unsigned char)s.ptr[at] < 0x80) return *len = 1, (unsigned char)s.ptr[at];
    return utf8_decode(s.ptr + at, len);
}

static size_t skip_space(struct view s, size_t at)
{
    size_t n;
    while (at < s.len && uni_space(char_at(s, at, &n))) at += n;
    return at;
}

static size_t strip_space_back(struct view s, size_t from, size_t to)
{
    while (to > from) {
        size_t at = to - 1, n;
        while (at > from && ((unsigned char)s.ptr[at] & 0xc0) == 0x80) at--;
        if (!uni_space(char_at(s, at, &n))) break;
        to = at;
    }
    return to;
}

static bool at_text(struct view s, size_t at, const char *what)
{
    size_t n = strlen(what);
    return at + n <= s.len && !memcmp(s.ptr + at, what, n);
}

static bool word_at(struct view s, size_t at, const char *word, size_t *end)
{
    at = skip_space(s, at);
    if (!at_text(s, at, word)) return false;
    *end = skip_space(s, at + strlen(word));
    return true;
}

static void add_data(struct lexer *l, size_t from, size_t to)
{
    if (to <= from) return;
    token_add(l, TOKEN_DATA, from, to)->value = str_const(l->arena, l->text.ptr + from, to - from);
}

/* After "{% raw %}" up to and with "{% endraw %}". */
static enum err lex_raw(struct lexer *l, size_t begin, size_t *at)
{
    for (size_t p = *at; p + 1 < l->text.len; p++) {
        if (l->text.ptr[p] != '{' || l->text.ptr[p + 1] != '%') continue;
        size_t q = p + 2, end;
        char sign = q < l->text.len ? l->text.ptr[q] : 0;
        if (sign == '-' || sign == '+') q++;
        if (!word_at(l->text, q, "endraw", &end)) continue;
        size_t after;
        if (at_text(l->text, end, "+%}")) after = end + 3;
        else if (at_text(l->text, end, "-%}")) after = skip_space(l->text, end + 3);
        else if (at_text(l->text, end, "%}")) after = end + 2;
        else continue;
        add_data(l, *at, sign == '-' ? strip_space_back(l->text, *at, p) : p);
        *at = after;
        return ERR_OK;
    }
    if (*at >= l->text.len) return ERR_OK; /* as Jinja: nothing follows, nothing is missed */
    return lex_error(l, begin, "Missing end of raw directive");
}

static enum err lex_comment(struct lexer *l, size_t begin, size_t *at)
{
    for (size_t p = *at; p < l->text.len; p++) {
        if (at_text(l->text, p, "+#}")) return *at = p + 3, ERR_OK;
        if (at_text(l->text, p, "-#}")) return *at = skip_space(l->text, p + 3), ERR_OK;
        if (at_text(l->text, p, "#}")) return *at = p + 2, ERR_OK;
    }
    if (*at >= l->text.len) return ERR_OK;
    return lex_error(l, begin, "Missing end of comment tag");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static enum err unescape_code(struct lexer *l, size_t at, struct view s, size_t *i, unsigned digits, struct buf *out)
{
    uint32_t cp = 0;
    for (unsigned k = 0; k < digits; k++) {
        int v = *i + k < s.len ? hex_value(s.ptr[*i + k]) : -1;
        if (v < 0) return lex_error(l, at, "truncated \\%c escape", digits == 2 ? 'x' : digits == 4 ? 'u' : 'U');
        cp = cp << 4 | (uint32_t)v;
    }
    *i += digits;
    if (cp > 0x10ffff) return lex_error(l, at, "illegal Unicode character");
    if (cp >= 0xd800 && cp <= 0xdfff) return lex_error(l, at, "surrogate escapes are not supported");
    char enc[4];
    buf_add(out, enc, utf8_encode(cp, enc));
    return ERR_OK;
}

/* Python's "unicode-escape", on text whose non-ASCII characters were escaped first (jinja2 does so). */
static enum err unescape(struct lexer *l, size_t at, struct view s, struct buf *out)
{
    static const char plain[] = "abfnrtv\\'\"", means[] = "\a\b\f\n\r\t\v\\'\"";
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i++];
        if (c != '\\' || i >= s.len) {
            buf_char(out, c);
            continue;
        }
        c = s.ptr[i++];
        const char *known = c ? strchr(plain, c) : NULL;
        if (known) {
            buf_char(out, means[known - plain]);
        } else if (c == '\n') {
        } else if (c >= '0' && c <= '7') {
            uint32_t cp = (uint32_t)(c - '0');
            for (unsigned k = 0; k < 2 && i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '7'; k++) cp = cp * 8 + (uint32_t)(s.ptr[i++] - '0');
            char enc[4];
            buf_add(out, enc, utf8_encode(cp, enc));
        } else if (c == 'x' || c == 'u' || c == 'U') {
            enum err rc = unescape_code(l, at, s, &i, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
            if (rc) return rc;
        } else if (c == 'N') {
            err_set(l->e, ERR_UNSUPPORTED, "character names in strings (\\N{…}) are not supported");
            l->fail_at = (uint32_t)at;
            return ERR_UNSUPPORTED;
        } else if ((unsigned char)c >= 0x80) {
            size_t n;
            uint32_t cp = char_at(s, i - 1, &n);
            buf_printf(out, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
            i += n - 1;
        } else {
            buf_char(out, '\\');
            buf_char(out, c);
        }
    }
    return ERR_OK;
}

static enum err lex_string(struct lexer *l, size_t *at)
{
    size_t from = *at, p = from + 1;
    char quote = l->text.ptr[from];
    bool escaped = false;
    while (p < l->text.len && l->text.ptr[p] != quote) {
        if (l->text.ptr[p] == '\\') escaped = true, p++;
        p++;
    }
    if (p >= l->text.len) return lex_error(l, from, "unexpected char %s: the string has no end", quote == '"' ? "'\"'" : "\"'\"");
    struct view s = view_from(l->text.ptr + from + 1, p - from - 1);
    struct token *t = token_add(l, TOKEN_STRING, from, p + 1);
    *at = p + 1;
    if (!escaped) {
        t->value = str_const(l->arena, s.ptr, s.len);
        return ERR_OK;
    }
    struct buf out = {0};
    enum err rc = unescape(l, from, s, &out);
    if (!rc) t->value = str_const(l->arena, out.ptr ? out.ptr : "", out.len);
    buf_reset(&out);
    return rc;
}

static bool is_digit(struct view s, size_t at) { return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; }

/* Digits with single underscores between them; returns the end. */
static size_t digits_end(struct view s, size_t at)
{
    while (is_digit(s, at) || (at < s.len && s.ptr[at] == '_' && is_digit(s, at + 1))) at++;
    return at;
}

static size_t float_end(struct view s, size_t at)
{
    if (at > 0 && s.ptr[at - 1] == '.') return 0;
    size_t end = digits_end(s, at), frac = end;
    bool ok = false;
    if (frac < s.len && s.ptr[frac] == '.' && is_digit(s, frac + 1)) end = digits_end(s, frac + 1), ok = true;
    if (end < s.len && (s.ptr[end] == 'e' || s.ptr[end] == 'E')) {
        size_t p = end + 1;
        if (p < s.len && (s.ptr[p] == '+' || s.ptr[p] == '-')) p++;
        if (is_digit(s, p)) end = digits_end(s, p), ok = true;
    }
    return ok ? end : 0;
}

static size_t integer_end(struct view s, size_t at)
{
    size_t p = at + 1;
    if (s.ptr[at] != '0') return digits_end(s, at);
    char kind = p < s.len ? (char)(s.ptr[p] | 0x20) : 0;
    if (kind == 'x' || kind == 'o' || kind == 'b') {
        size_t end = 0;
        for (size_t q = p + 1; q < s.len; q = end) {
            if (s.ptr[q] == '_') q++;
            int v = q < s.len ? hex_value(s.ptr[q]) : -1;
            if (v < 0 || v >= (kind == 'x' ? 16 : kind == 'o' ? 8 : 2)) break;
            end = q + 1;
        }
        if (end) return end;
    }
    while (p < s.len && (s.ptr[p] == '0' || (s.ptr[p] == '_' && p + 1 < s.len && s.ptr[p + 1] == '0'))) p++;
    return p;
}

static enum err lex_number(struct lexer *l, size_t *at)
{
    size_t from = *at, end = float_end(l->text, from);
    bool real = end != 0;
    if (!real) end = integer_end(l->text, from);
    struct token *t = token_add(l, real ? TOKEN_FLOAT : TOKEN_INTEGER, from, end);
    *at = end;
    struct view s = view_from(l->text.ptr + from, end - from);
    if (real) {
        double d = 0;
        float_parse(s, &d);
        t->value = jinja_float(d);
        return ERR_OK;
    }
    int64_t i = 0;
    bool large = false;
    if (!int_parse(s, 0, &i, &large)) return lex_error(l, from, large ? "integer %.*s is too large: integers have 64 bits" : "bad integer %.*s", (int)(s.len > 60 ? 60 : s.len), s.ptr);
    t->value = jinja_int(i);
    return ERR_OK;
}

static bool is_name_char(uint32_t c) { return c == '_' || uni_alnum(c) || (c >= 0x300 && c <= 0x36f); }

static bool lex_name(struct lexer *l, size_t *at)
{
    size_t from = *at, p = from, n;
    while (p < l->text.len && is_name_char(char_at(l->text, p, &n))) p += n;
    if (p == from) return false;
    token_add(l, TOKEN_NAME, from, p)->value = (struct jinja_value){.type = JINJA_ABSENT};
    *at = p;
    return true;
}

static enum token_kind operator_at(struct view s, size_t at, size_t *len)
{
    static const struct { char text[3]; enum token_kind kind; } two[] = {
        {"//", TOKEN_FLOORDIV}, {"**", TOKEN_POW}, {"==", TOKEN_EQ}, {"!=", TOKEN_NE}, {">=", TOKEN_GTEQ}, {"<=", TOKEN_LTEQ}};
    static const char one[] = "+-/*%~[](){}><=.:|,;";
    static const enum token_kind one_kind[] = {TOKEN_ADD, TOKEN_SUB, TOKEN_DIV, TOKEN_MUL, TOKEN_MOD, TOKEN_TILDE, TOKEN_LBRACKET,
        TOKEN_RBRACKET, TOKEN_LPAREN, TOKEN_RPAREN, TOKEN_LBRACE, TOKEN_RBRACE, TOKEN_GT, TOKEN_LT, TOKEN_ASSIGN, TOKEN_DOT,
        TOKEN_COLON, TOKEN_PIPE, TOKEN_COMMA, TOKEN_SEMICOLON};
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (at_text(s, at, two[i].text)) return *len = 2, two[i].kind;
    const char *found = s.ptr[at] ? strchr(one, s.ptr[at]) : NULL;
    *len = 1;
    return found ? one_kind[found - one] : TOKEN_EOF;
}

/* The stack of open brackets, as one character each. */
struct brackets {
    struct buf open;
};

static enum err balance(struct lexer *l, struct brackets *b, size_t at)
{
    char c = l->text.ptr[at];
    if (c == '{') buf_char(&b->open, '}');
    else if (c == '(') buf_char(&b->open, ')');
    else if (c == '[') buf_char(&b->open, ']');
    else if (c == '}' || c == ')' || c == ']') {
        if (!b->open.len) return lex_error(l, at, "unexpected '%c'", c);
        char want = b->open.ptr[--b->open.len];
        if (want != c) return lex_error(l, at, "unexpected '%c', expected '%c'", c, want);
    }
    return ERR_OK;
}

/* Is the closing tag here? Moves past it and the white space that it eats. */
static bool lex_close(struct lexer *l, bool block, size_t *at)
{
    const char *end = block ? "%}" : "}}";
    size_t p = *at, from = p;
    bool minus = at_text(l->text, p, "-"), plus = block && at_text(l->text, p, "+");
    if (minus || plus) p++;
    if (!at_text(l->text, p, end)) return false;
    p += 2;
    token_add(l, block ? TOKEN_BLOCK_END : TOKEN_VARIABLE_END, from, p);
    *at = minus ? skip_space(l->text, p) : p;
    return true;
}

/* The inside of a tag, up to and with its end; of the whole text when `whole`. */
static enum err lex_inside(struct lexer *l, bool block, bool whole, size_t *at)
{
    struct brackets b = {0};
    enum err rc = ERR_OK;
    while (*at < l->text.len) {
        size_t n, p = *at;
        if (!whole && !b.open.len && lex_close(l, block, at)) goto done;
        char c = l->text.ptr[p];
        if ((*at = skip_space(l->text, p)) != p) continue;
        if (c >= '0' && c <= '9') TRY(lex_number(l, at));
        else if (c == '\'' || c == '"') TRY(lex_string(l, at));
        else if (lex_name(l, at)) continue;
        else {
            enum token_kind kind = operator_at(l->text, p, &n);
            if (kind == TOKEN_EOF) {
                size_t len;
                char_at(l->text, p, &len);
                TRY(lex_error(l, p, "unexpected char '%.*s'", (int)len, l->text.ptr + p));
            }
            if (n == 1) TRY(balance(l, &b, p));
            token_add(l, kind, p, p + n);
            *at = p + n;
        }
    }
done:
    buf_reset(&b.open);
    return rc;
}

/* "{%", an optional sign, raw, "%}" or "-%}": *at behind it. */
static bool raw_begins(struct view s, size_t at, size_t *after)
{
    size_t end;
    if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
    if (!word_at(s, at, "raw", &end)) return false;
    if (at_text(s, end, "-%}")) return *after = skip_space(s, end + 3), true;
    if (at_text(s, end, "%}")) return *after = end + 2, true;
    return false;
}

static enum err lex_root(struct lexer *l)
{
    enum err rc = ERR_OK;
    struct view s = l->text;
    for (size_t at = 0; at < s.len;) {
        size_t p = at;
        const char *brace = NULL;
        while (p + 1 < s.len && (brace = memchr(s.ptr + p, '{', s.len - 1 - p))) {
            p = (size_t)(brace - s.ptr);
            if (s.ptr[p + 1] == '{' || s.ptr[p + 1] == '%' || s.ptr[p + 1] == '#') break;
            brace = NULL;
            p++;
        }
        if (!brace) {
            add_data(l, at, s.len);
            return ERR_OK;
        }
        char kind = s.ptr[p + 1], sign = p + 2 < s.len ? s.ptr[p + 2] : 0;
        add_data(l, at, sign == '-' ? strip_space_back(s, at, p) : p);
        at = p + 2;
        size_t after;
        if (kind == '%' && raw_begins(s, at, &after)) {
            at = after;
            TRY(lex_raw(l, p, &at));
            continue;
        }
        if (sign == '-' || sign == '+') at++;
        if (kind == '#') {
            TRY(lex_comment(l, p, &at));
            continue;
        }
        token_add(l, kind == '%' ? TOKEN_BLOCK_BEGIN : TOKEN_VARIABLE_BEGIN, p, at);
        TRY(lex_inside(l, kind == '%', false, &at));
    }
done:
    return rc;
}

enum err lexer_run(struct lexer *l, bool inside)
{
    size_t at = 0;
    enum err rc = inside ? lex_inside(l, false, true, &at) : lex_root(l);
    token_add(l, TOKEN_EOF, l->text.len, l->text.len);
    return rc;
}
