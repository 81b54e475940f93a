/* Characters as Python's str methods see them. */
#include "model/jinja/internal.h"
#include "model/jinja/unicode_data.h"

static unsigned flags_of(uint32_t c)
{
    size_t lo = 0, hi = uni_range_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (uni_ranges[mid].to < c) lo = mid + 1;
        else hi = mid;
    }
    return lo < uni_range_count && uni_ranges[lo].from <= c ? uni_ranges[lo].flags : 0;
}

static bool ascii_alpha(uint32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool ascii_digit(uint32_t c) { return c >= '0' && c <= '9'; }

bool uni_space(uint32_t c) { return c < 0x80 ? c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f) : flags_of(c) & UNI_SPACE; }
bool uni_alpha(uint32_t c) { return c < 0x80 ? ascii_alpha(c) : flags_of(c) & UNI_ALPHA; }
bool uni_alnum(uint32_t c) { return c < 0x80 ? ascii_alpha(c) || ascii_digit(c) : flags_of(c) & (UNI_ALPHA | UNI_DECIMAL | UNI_DIGIT | UNI_NUMERIC); }
bool uni_decimal(uint32_t c) { return c < 0x80 ? ascii_digit(c) : flags_of(c) & UNI_DECIMAL; }
bool uni_digit(uint32_t c) { return c < 0x80 ? ascii_digit(c) : flags_of(c) & UNI_DIGIT; }
bool uni_numeric(uint32_t c) { return c < 0x80 ? ascii_digit(c) : flags_of(c) & UNI_NUMERIC; }
bool uni_upper(uint32_t c) { return c < 0x80 ? c >= 'A' && c <= 'Z' : flags_of(c) & UNI_IS_UPPER; }
bool uni_lower(uint32_t c) { return c < 0x80 ? c >= 'a' && c <= 'z' : flags_of(c) & UNI_IS_LOWER; }
bool uni_title(uint32_t c) { return c >= 0x80 && flags_of(c) & UNI_IS_TITLE; }
bool uni_cased(uint32_t c) { return c < 0x80 ? ascii_alpha(c) : flags_of(c) & UNI_CASED; }
bool uni_printable(uint32_t c) { return c < 0x80 ? c >= 0x20 && c < 0x7f : flags_of(c) & UNI_PRINTABLE; }
bool uni_ignorable(uint32_t c) { return flags_of(c) & UNI_IGNORABLE; }

static const struct uni_mapping *find(const struct uni_mapping *table, size_t count, uint32_t c)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (table[mid].from < c) lo = mid + 1;
        else hi = mid;
    }
    return lo < count && table[lo].from == c ? &table[lo] : NULL;
}

void uni_map(uint32_t c, enum uni_case how, struct buf *out)
{
    char enc[4];
    if (c < 0x80) {
        if (how == UNI_LOWER || how == UNI_FOLD) buf_char(out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
        else buf_char(out, (char)(c >= 'a' && c <= 'z' ? c - 32 : c));
        return;
    }
    const struct uni_mapping *m = NULL;
    if (how == UNI_TITLE) m = find(uni_to_title, uni_to_title_count, c);
    if (how == UNI_FOLD) m = find(uni_to_fold, uni_to_fold_count, c);
    if (!m && (how == UNI_TITLE || how == UNI_UPPER)) m = find(uni_to_upper, uni_to_upper_count, c);
    if (!m && (how == UNI_FOLD || how == UNI_LOWER)) m = find(uni_to_lower, uni_to_lower_count, c);
    if (!m) {
        buf_add(out, enc, utf8_encode(c, enc));
        return;
    }
    for (int i = 0; i < 3 && m->to[i]; i++) buf_add(out, enc, utf8_encode(m->to[i], enc));
}

/* Σ is ς in lower case at the end of a word: letters before (past ignorable characters), none after. */
static bool final_sigma(struct view s, size_t at)
{
    size_t p = at, n;
    bool before = false;
    while (p > 0) {
        do p--;
        while (p > 0 && ((unsigned char)s.ptr[p] & 0xc0) == 0x80);
        uint32_t c = utf8_decode(s.ptr + p, &n);
        if (uni_ignorable(c)) continue;
        before = uni_cased(c);
        break;
    }
    if (!before) return false;
    utf8_decode(s.ptr + at, &n);
    for (p = at + n; p < s.len; p += n) {
        uint32_t c = utf8_decode(s.ptr + p, &n);
        if (!uni_ignorable(c)) return !uni_cased(c);
    }
    return true;
}

void text_lower_at(struct view s, size_t at, struct buf *out)
{
    size_t n;
    uint32_t c = utf8_decode(s.ptr + at, &n);
    if (c == 0x3a3 && final_sigma(s, at)) buf_str(out, "\xcf\x82");
    else uni_map(c, UNI_LOWER, out);
}

void text_case(struct view s, enum uni_case how, struct buf *out)
{
    for (size_t i = 0, n = 1; i < s.len; i += n) {
        n = 1;
        uint32_t c = (unsigned char)s.ptr[i];
        if (c >= 0x80) c = utf8_decode(s.ptr + i, &n);
        if (c == 0x3a3 && how == UNI_LOWER) text_lower_at(s, i, out);
        else uni_map(c, how, out);
    }
}
