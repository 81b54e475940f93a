/* Rendering a node as it will run, and putting ephemeral models into it as CTEs. */
#include "model/generic.h"
#include "model/run.h"
#include "model/unit.h"

#include <ctype.h>
#include <strings.h>

void workbench_open(struct dbt *d, struct workbench *w, enum phase phase, struct node *n)
{
    *w = (struct workbench){0};
    w->env = jinja_env_new(NULL);
    env_setup(d, w->env);
    context_init(&w->c, d, w->env, phase);
    context_move(&w->c, phase, n ? n->package : d->project, n);
    w->session.w = d->warehouse;
    w->c.session = &w->session;
}

void workbench_close(struct workbench *w)
{
    session_end(&w->session);
    jinja_env_free(&w->env);
    context_reset(&w->c);
}

/* ---- CTEs ---- */

/* Skips a string, quoted name or comment at p; p itself when there is none. */
static const char *skip_token(const char *p)
{
    if (*p == '\'' || *p == '"') {
        char quote = *p++;
        while (*p && !(*p == quote && p[1] != quote)) p += *p == quote ? 2 : 1;
        return *p ? p + 1 : p;
    }
    if (p[0] == '-' && p[1] == '-') return p + strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        const char *end = strstr(p + 2, "*/");
        return end ? end + 2 : p + strlen(p);
    }
    return p;
}

static bool word_at(const char *start, const char *p, const char *word)
{
    size_t n = strlen(word);
    bool before = p == start || !(isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '.');
    return before && !strncasecmp(p, word, n) && !(isalnum((unsigned char)p[n]) || p[n] == '_');
}

/* After the first WITH (RECURSIVE) outside of parentheses; NULL when there is none. *end is where the first statement
 * ends. */
static const char *after_with(const char *sql, const char **end)
{
    int depth = 0;
    const char *found = NULL;
    const char *p = sql;
    while (*p) {
        const char *q = skip_token(p);
        if (q != p) {
            p = q;
            continue;
        }
        if (*p == '(' || *p == '[')
            depth++;
        else if ((*p == ')' || *p == ']') && depth)
            depth--;
        else if (*p == ';' && !depth) {
            p++;
            break;
        } else if (!depth && !found && word_at(sql, p, "with")) {
            found = p + 4;
            const char *r = found + strspn(found, " \t\r\n");
            if (word_at(sql, r, "recursive")) found = r + 9;
        }
        p++;
    }
    *end = p;
    return found;
}

void inject_ctes(const char *sql, const struct cte *ctes, size_t count, struct buf *out)
{
    const char *end, *with = after_with(sql, &end);
    if (!count) {
        buf_str(out, sql);
        return;
    }
    if (with)
        buf_add(out, sql, (size_t)(with - sql));
    else {
        size_t space = strspn(sql, " \t\r\n");
        buf_add(out, sql, space);
        buf_str(out, "with");
        with = sql + space;
    }
    bool into = with != sql + strspn(sql, " \t\r\n");
    for (size_t i = 0; i < count; i++) buf_printf(out, "%s%s", i ? ", " : "", ctes[i].sql);
    buf_str(out, into ? ", " : " ");
    buf_add(out, with, (size_t)(end - with));
}

static void add_cte(struct node *n, const struct cte *cte)
{
    for (size_t i = 0; i < n->cte_count; i++)
        if (n->ctes[i].node == cte->node) return;
    mem_grow(&n->ctes, &n->cte_cap, n->cte_count + 1, sizeof *n->ctes);
    n->ctes[n->cte_count++] = *cte;
}

/* An ephemeral model is rendered once, in an env of its own; the lock is recursive. */
static enum err compile_ephemeral(struct context *c, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct workbench w;
    pthread_mutex_lock(&c->d->compile_lock);
    if (!n->compiled) {
        workbench_open(c->d, &w, PHASE_EXECUTE, n);
        w.c.session = c->session; /* the same connection */
        rc = node_compile(&w.c, n, e);
        if (w.c.asked_database) c->asked_database = true;
        if (w.c.volatile_used) c->volatile_used = true;
        w.c.session = NULL;
        if (rc == ERR_OK) rc = node_write_compiled(c->d, n, e);
        workbench_close(&w);
    }
    pthread_mutex_unlock(&c->d->compile_lock);
    return rc;
}

static enum err gather_ctes(struct context *c, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < c->cte_count; i++) {
        struct node *x = c->cte[i];
        TRY(compile_ephemeral(c, x, e));
        pthread_mutex_lock(&c->d->lock);
        for (size_t k = 0; k < x->cte_count; k++) add_cte(n, &x->ctes[k]);
        const char *body = x->pre_injected ? x->pre_injected : x->compiled;
        struct cte own = {x, arena_printf(&c->d->arena, " __dbt__cte__%s as (\n%s\n)", x->alias, body)};
        add_cte(n, &own);
        pthread_mutex_unlock(&c->d->lock);
    }
done:
    return rc;
}

/* ---- nodes ---- */

static enum err ready_template(struct context *c, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    pthread_mutex_lock(&c->d->lock);
    if (!n->tmpl)
        rc = jinja_template_parse(c->env, n->raw.ptr, n->raw.len, n->original_path, n->line ? n->line : 1, &n->tmpl, e);
    pthread_mutex_unlock(&c->d->lock);
    return rc;
}

enum err node_render(struct context *c, struct node *n, struct buf *out, struct error *e)
{
    enum err rc = ERR_OK;
    if (!jinja_is_template(n->raw.ptr, n->raw.len)) {
        buf_add(out, n->raw.ptr, n->raw.len);
        return ERR_OK;
    }
    if (n->test_args.type == JINJA_DICT) {
        struct jinja_value kwargs;
        TRY(generic_arguments(c, n, &kwargs, e));
        if (jinja_is_absent(c->extra)) c->extra = jinja_dict(c->env);
        jinja_dict_set(c->env, c->extra, "_dbt_generic_test_kwargs", kwargs);
    }
    TRY(ready_template(c, n, e));
    TRY(jinja_template_render(c->env, n->tmpl, &c->jinja, out, e));
done:
    return rc;
}

enum err node_compile(struct context *c, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0}, whole = {0};
    if (n->kind == NODE_UNIT_TEST) return unit_test_compile(c, n, e);
    if (n->kind == NODE_SEED) return ERR_OK;
    if (strcmp(n->language, "sql")) {
        err_set(e, ERR_UNSUPPORTED, "python models are not supported: this program has no Python inside");
        return err_where(e, "%s", n->original_path);
    }
    TRY(node_render(c, n, &text, e));
    TRY(gather_ctes(c, n, e));
    pthread_mutex_lock(&c->d->lock);
    const char *own = arena_strndup(&c->d->arena, text.ptr ? text.ptr : "", text.len);
    if (n->cte_count) {
        inject_ctes(own, n->ctes, n->cte_count, &whole);
        n->pre_injected = own;
        own = arena_strndup(&c->d->arena, whole.ptr, whole.len);
    }
    n->compiled = own;
    if (c->asked_database) n->introspects = true;
    pthread_mutex_unlock(&c->d->lock);
done:
    buf_reset(&text);
    buf_reset(&whole);
    return rc;
}

enum err node_write_compiled(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    if (!n->compiled || n->kind == NODE_SNAPSHOT || n->kind == NODE_SEED) return ERR_OK;
    pthread_mutex_lock(&d->lock);
    n->compiled_path = node_write_path(d, n, "compiled");
    const char *full =
        n->compiled_path[0] == '/' ? n->compiled_path : arena_printf(&d->arena, "%s/%s", d->root, n->compiled_path);
    pthread_mutex_unlock(&d->lock);
    rc = write_text(d, full, n->compiled, strlen(n->compiled), e);
    return rc;
}
