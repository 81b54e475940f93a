/* The filter wordwrap: Python's textwrap.wrap as Jinja calls it (tabs and white space kept as they are). */
#include "model/jinja/regex.h"

/* textwrap.TextWrapper.wordsep_re, and its plain form for break_on_hyphens = false. */
#define WS "[\\t\\n\\x0b\\x0c\\r ]"
#define NWS "[^\\t\\n\\x0b\\x0c\\r ]"
#define WP "[\\w!\"'&.,?]"
#define LT "[^\\d\\W]"
static const char word_pattern[] = WS "+|(?<=" WP ")-{2,}(?=\\w)|" NWS "+?(?:-(?:(?<=" LT LT "-)|(?<=" LT "-" LT "-))(?=" LT "-?" LT ")|(?=" WS "|\\Z)|(?<=" WP ")(?=-{2,}\\w))";
static const char simple_pattern[] = WS "+";

struct wrap {
    struct jinja_env *env;
    size_t width;
    bool break_long;
    struct jinja_seq *chunk; /* of the paragraph, in order */
    size_t at;
    struct jinja_value lines;
    struct error *e;
};

/* re.split with the separators kept, empty pieces dropped. */
static enum err split_chunks(struct wrap *w, const struct regex *r, struct view text)
{
    size_t spans[2], from = 0;
    bool found;
    enum err rc = ERR_OK;
    while (from < text.len) {
        if ((rc = regex_run(w->env, r, text, from, REGEX_SEARCH, true, spans, &found, w->e)) || !found) break;
        if (spans[0] > from) seq_push(w->env, w->chunk, str_copy(w->env, text.ptr + from, spans[0] - from));
        if (spans[1] > spans[0]) seq_push(w->env, w->chunk, str_copy(w->env, text.ptr + spans[0], spans[1] - spans[0]));
        from = spans[1];
    }
    if (!rc && from < text.len) seq_push(w->env, w->chunk, str_copy(w->env, text.ptr + from, text.len - from));
    return rc;
}

static bool blank(struct jinja_value v)
{
    struct view s = SV(v);
    for (size_t i = 0, n; i < s.len; i += n)
        if (!uni_space(utf8_decode(s.ptr + i, &n))) return false;
    return true;
}

/* _handle_long_word without hyphens at play (Jinja does not set break_on_hyphens for it). */
static void long_word(struct wrap *w, struct jinja_seq *line, size_t used, bool hyphens)
{
    size_t space = w->width < 1 ? 1 : w->width - used;
    struct jinja_value word = w->chunk->item[w->at];
    if (w->break_long) {
        size_t end = space;
        if (hyphens && str_chars(word) > space) {
            size_t to = str_offset(word, space), dash = 0;
            for (size_t i = 0; i < to; i++)
                if (SV(word).ptr[i] == '-') dash = i;
            bool other = false;
            for (size_t i = 0; i < dash; i++) other = other || SV(word).ptr[i] != '-';
            if (dash > 0 && other) end = str_chars(str_borrow(w->env, SV(word).ptr, dash)) + 1;
        }
        size_t cut = str_offset(word, end);
        seq_push(w->env, line, str_copy(w->env, SV(word).ptr, cut));
        w->chunk->item[w->at] = str_copy(w->env, SV(word).ptr + cut, SV(word).len - cut);
    } else if (!line->count) {
        seq_push(w->env, line, word);
        w->at++;
    }
}

static enum err wrap_chunks(struct wrap *w, bool hyphens)
{
    struct jinja_seq *c = w->chunk;
    enum err rc = ERR_OK;
    while (w->at < c->count && !rc) {
        struct jinja_value line = jinja_list(w->env);
        size_t used = 0;
        if (w->lines.as.seq->count && blank(c->item[w->at])) w->at++;
        while (w->at < c->count && used + str_chars(c->item[w->at]) <= w->width) {
            used += str_chars(c->item[w->at]);
            seq_push(w->env, line.as.seq, c->item[w->at++]);
        }
        if (w->at < c->count && str_chars(c->item[w->at]) > w->width) long_word(w, line.as.seq, used, hyphens);
        if (line.as.seq->count && blank(line.as.seq->item[line.as.seq->count - 1])) line.as.seq->count--;
        rc = env_charge(w->env, 1, w->e);
        if (!line.as.seq->count) continue;
        struct buf b = {0};
        for (size_t i = 0; i < line.as.seq->count; i++) buf_add(&b, SV(line.as.seq->item[i]).ptr, SV(line.as.seq->item[i]).len);
        seq_push(w->env, w->lines.as.seq, str_take(w->env, &b));
    }
    return rc;
}

static enum err wrap_line(struct wrap *w, const struct regex *r, struct view text, bool hyphens, struct view by, struct buf *out)
{
    struct jinja_value chunks = jinja_list(w->env);
    w->chunk = chunks.as.seq;
    w->at = 0;
    w->lines = jinja_list(w->env);
    enum err rc = split_chunks(w, r, text);
    if (!rc) rc = wrap_chunks(w, hyphens);
    for (size_t i = 0; i < w->lines.as.seq->count; i++) {
        if (i) buf_add(out, by.ptr, by.len);
        buf_add(out, SV(w->lines.as.seq->item[i]).ptr, SV(w->lines.as.seq->item[i]).len);
    }
    return rc;
}

enum err filter_wordwrap(const struct jinja_call *c, struct jinja_value *out, struct error *e)
{
    struct jinja_value a[5];
    int64_t width = 79;
    bool hyphens = true;
    struct wrap w = {.env = c->env, .break_long = true, .e = e};
    struct regex *r = NULL;
    struct buf b = {0};
    enum err rc = jinja_args(c, "s width? break_long_words? wrapstring? break_on_hyphens?", a, e);
    if (rc) return rc;
    if (a[0].type == JINJA_UNDEFINED) return fail_undefined(c->env, a[0], e);
    if (a[0].type != JINJA_STRING) return FAIL(e, "'%s' object has no attribute 'splitlines'", jinja_type_name(a[0]));
    if (a[1].type != JINJA_ABSENT && !value_index(a[1], &width)) return FAIL(e, "the width must be an integer, not %s", jinja_type_name(a[1]));
    if (width <= 0) return FAIL(e, "invalid width %lld (must be > 0)", (long long)width);
    w.width = (size_t)width;
    if (a[2].type != JINJA_ABSENT && (rc = jinja_truth(c->env, a[2], &w.break_long, e))) return rc;
    if (a[4].type != JINJA_ABSENT && (rc = jinja_truth(c->env, a[4], &hyphens, e))) return rc;
    struct view by = a[3].type == JINJA_STRING ? SV(a[3]) : view_of("\n");
    TRY(regex_compile(c->env, view_of(hyphens ? word_pattern : simple_pattern), 0, &r, e));
    struct jinja_value lines = text_splitlines(c->env, SV(a[0]), false);
    for (size_t i = 0; i < lines.as.seq->count; i++) {
        if (i) buf_add(&b, by.ptr, by.len);
        TRY(wrap_line(&w, r, SV(lines.as.seq->item[i]), hyphens, by, &b));
        TRY(text_within(c->env, &b, e));
    }
done:
    regex_free(&r);
    *out = str_take(c->env, &b);
    return rc;
}
