/* PCRE2 behind Python's syntax. The differences in syntax that matter are rewritten or refused: (?P<n>…), (?P=n), \Z and
 * inline flags exist in both or are translated; \A \b \d \s \w follow Unicode unless ASCII is asked for. */
#include "model/jinja/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    size_t groups;
};

/* Python's \Z is PCRE's \z; a lone \u0041, \N{…} and a[[:alpha:]] are not the same things. */
static enum err translate(struct view p, struct buf *out, struct error *e)
{
    bool class = false;
    for (size_t i = 0; i < p.len; i++) {
        char c = p.ptr[i], next = i + 1 < p.len ? p.ptr[i + 1] : 0;
        if (c == '\\' && next) {
            i++;
            if (next == 'Z') buf_str(out, "\\z");
            else if (next == 'u' && i + 4 < p.len) buf_printf(out, "\\x{%.4s}", p.ptr + i + 1), i += 4;
            else if (next == 'U' && i + 8 < p.len) buf_printf(out, "\\x{%.8s}", p.ptr + i + 1), i += 8;
            else if (strchr("zGKXRQEhHNVCpPklLog", next)) return FAIL(e, "bad escape \\%c at position %zu", next, i - 1);
            else buf_char(out, '\\'), buf_char(out, next);
            continue;
        }
        if (class && c == '[') {
            buf_str(out, "\\[");
            continue;
        }
        if (!class && c == '(' && next == '?' && i + 2 < p.len && strchr("|&R+C0123456789", p.ptr[i + 2])) return FAIL(e, "unknown extension ?%c at position %zu", p.ptr[i + 2], i + 1);
        if (!class && c == '(' && next == '*') return FAIL(e, "nothing to repeat at position %zu", i + 1);
        buf_char(out, c);
        if (class) {
            if (c == ']') class = false;
        } else if (c == '[') {
            class = true;
            if (next == '^') buf_char(out, p.ptr[++i]), next = i + 1 < p.len ? p.ptr[i + 1] : 0;
            if (next == ']') buf_str(out, "\\]"), i++;
        }
    }
    return ERR_OK;
}

enum err regex_compile(struct jinja_env *env, struct view pattern, unsigned flags, struct regex **out, struct error *e)
{
    struct buf p = {0};
    enum err rc = translate(pattern, &p, e);
    (void)env;
    *out = NULL;
    if (!rc) {
        uint32_t o = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (flags & RE_ASCII ? 0 : PCRE2_UCP);
        if (flags & RE_IGNORECASE) o |= PCRE2_CASELESS;
        if (flags & RE_MULTILINE) o |= PCRE2_MULTILINE;
        if (flags & RE_DOTALL) o |= PCRE2_DOTALL;
        if (flags & RE_VERBOSE) o |= PCRE2_EXTENDED;
        int code;
        PCRE2_SIZE at;
        pcre2_code *c = pcre2_compile((PCRE2_SPTR)(p.ptr ? p.ptr : ""), p.len, o, &code, &at, NULL);
        if (!c) {
            PCRE2_UCHAR why[128];
            pcre2_get_error_message(code, why, sizeof why);
            rc = FAIL(e, "bad regular expression: %s at position %zu", (const char *)why, (size_t)at);
        } else {
            uint32_t groups = 0;
            pcre2_pattern_info(c, PCRE2_INFO_CAPTURECOUNT, &groups);
            *out = mem_alloc(sizeof **out);
            **out = (struct regex){c, pcre2_match_data_create_from_pattern(c, NULL), groups};
        }
    }
    buf_reset(&p);
    return rc;
}

void regex_free(struct regex **r)
{
    if (!r || !*r) return;
    pcre2_match_data_free((*r)->match);
    pcre2_code_free((*r)->code);
    mem_free(*r);
    *r = NULL;
}

size_t regex_bytes(const struct regex *r)
{
    size_t n = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &n);
    return n + sizeof *r + 256;
}

size_t regex_groups(const struct regex *r) { return r->groups; }

enum err regex_run(struct jinja_env *env, const struct regex *r, struct view text, size_t at, int how, bool not_empty, size_t *spans, bool *found, struct error *e)
{
    uint32_t o = PCRE2_NO_UTF_CHECK;
    *found = false;
    enum err rc = env_charge(env, 1 + (text.len - at) / 64, e);
    if (rc) return rc;
    if (how != REGEX_SEARCH) o |= PCRE2_ANCHORED;
    if (how == REGEX_FULLMATCH) o |= PCRE2_ENDANCHORED;
    if (not_empty) o |= PCRE2_NOTEMPTY_ATSTART;
    pcre2_match_context *m = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(m, 5000000);
    pcre2_set_depth_limit(m, 100000);
    pcre2_set_heap_limit(m, 65536);
    int n = pcre2_match(r->code, (PCRE2_SPTR)text.ptr, text.len, at, o, r->match, m);
    pcre2_match_context_free(m);
    if (n == PCRE2_ERROR_NOMATCH) return ERR_OK;
    if (n < 0) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(n, why, sizeof why);
        return FAIL(e, "the regular expression gives up: %s", (const char *)why);
    }
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->match);
    for (size_t i = 0; i < 2 * (r->groups + 1); i++) spans[i] = i < 2 * (size_t)n && v[i] != PCRE2_UNSET ? v[i] : SIZE_MAX;
    *found = true;
    return ERR_OK;
}

static const unsigned char *name_table(const struct regex *r, uint32_t *count, uint32_t *size)
{
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, count);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, size);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    return table;
}

size_t regex_group_named(const struct regex *r, struct view name)
{
    uint32_t count = 0, size = 0;
    const unsigned char *t = name_table(r, &count, &size);
    for (uint32_t i = 0; i < count; i++, t += size)
        if (view_is(name, (const char *)t + 2)) return (size_t)t[0] << 8 | t[1];
    return 0;
}

const char *regex_group_name(const struct regex *r, size_t number)
{
    uint32_t count = 0, size = 0;
    const unsigned char *t = name_table(r, &count, &size);
    for (uint32_t i = 0; i < count; i++, t += size)
        if (((size_t)t[0] << 8 | t[1]) == number) return (const char *)t + 2;
    return NULL;
}
