/* compile and show: what a node's SQL is, and what it gives. */
#include "model/print.h"
#include "model/run.h"

#include <stdlib.h>

/* --inline: a node of its own, known to nobody. */
static struct node *inline_node(struct dbt *d)
{
    struct node *n = node_new(d, NODE_OPERATION, d->project, "inline_query");
    n->unique_id = arena_printf(&d->arena, "sql_operation.%s.inline_query", d->project->name);
    n->original_path = n->path = "sql/inline_query";
    n->raw = view_of(d->o->inline_sql);
    n->line = 1;
    n->config = jinja_dict(d->env);
    d->inline_query = n;
    return n;
}

static void say_compiled(struct dbt *d, const struct node *n, bool is_inline)
{
    if (d->o->output && !strcmp(d->o->output, "json")) {
        struct buf b = {0};
        buf_str(&b, "{\n");
        if (!is_inline) {
            buf_str(&b, "  \"node\": ");
            buf_json(&b, n->name, strlen(n->name));
            buf_str(&b, ",\n");
        }
        buf_str(&b, "  \"compiled\": ");
        buf_json(&b, n->compiled, strlen(n->compiled));
        buf_str(&b, "\n}\n");
        say_raw(d, b.ptr, b.len);
        buf_reset(&b);
        return;
    }
    char *text = is_inline ? mem_printf("Compiled inline node is:\n%s\n", n->compiled)
                           : mem_printf("Compiled node '%s' is:\n%s\n", n->name, n->compiled);
    say_raw(d, text, strlen(text));
    mem_free(text);
}

/* dbt shows a node whose name stands somewhere in the first selector. */
static bool asked_for(const struct dbt *d, const struct node *n)
{
    return d->o->select.count && strstr(d->o->select.word[0], n->name);
}

static enum err compile_inline(struct dbt *d, struct error *e)
{
    struct node *n = inline_node(d);
    struct workbench w;
    workbench_open(d, &w, PHASE_EXECUTE, n);
    enum err rc = node_compile(&w.c, n, e);
    if (rc == ERR_OK) say_compiled(d, n, true);
    if (rc != ERR_OK) say_error(d, e, jinja_env_trace(w.env));
    workbench_close(&w);
    return rc;
}

enum err compile_nodes(struct dbt *d, struct run *run, struct node **selected, size_t count, struct model_outcome *out,
                       struct error *e)
{
    enum err rc = ERR_OK;
    TRY(run_plan(run, d, selected, count, RUN_COMPILE, e));
    TRY(run_nodes(run, out, e));
    for (size_t i = 0; i < run->count; i++)
        if (run->results[i].done && run->results[i].status == MODEL_ERROR) {
            const struct result *r = &run->results[i];
            report_failure(run, r);
            out->exit_code = 2;
            return err_set(e, ERR_INPUT, "%s", r->message ? r->message : "a node could not be compiled");
        }
done:
    return rc;
}

enum err compile_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected;
    size_t count;
    struct run run = {0};
    if (d->o->inline_sql) {
        rc = compile_inline(d, e);
        if (rc != ERR_OK) out->exit_code = 2;
        return ERR_OK;
    }
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    if (!count) return say_nothing(d), ERR_OK;
    if (compile_nodes(d, &run, selected, count, out, e) == ERR_OK) {
        for (size_t i = 0; i < run.count; i++)
            if (asked_for(d, run.nodes[i]) && run.nodes[i]->compiled) say_compiled(d, run.nodes[i], false);
        if (d->o->write_json != MODEL_NO) rc = write_run_results(&run, e);
    }
done:
    run_free(&run);
    return rc;
}

/* ---- show ---- */

static void as_json(struct context *c, const struct table *t, const struct node *n, struct buf *out)
{
    struct jinja_value doc = jinja_dict(c->env), rows = jinja_list(c->env);
    for (size_t r = 0; r < t->rows; r++) {
        struct jinja_value row = jinja_dict(c->env);
        for (size_t k = 0; k < t->columns; k++) {
            struct jinja_value v = t->cell[r * t->columns + k];
            bool plain = v.type != JINJA_OBJECT;
            jinja_dict_set(c->env, row, t->name[k], plain ? v : jinja_text(c->env, value_str(c->arena, c->env, v)));
        }
        jinja_list_add(c->env, rows, row);
    }
    if (n != c->d->inline_query) jinja_dict_set(c->env, doc, "node", jinja_text(c->env, n->name));
    jinja_dict_set(c->env, doc, "show", rows);
    (void)!jinja_json_write(c->env, doc, 2, false, out, NULL);
    buf_char(out, '\n');
}

static enum err show_node(struct dbt *d, struct node *n, struct error *e)
{
    enum err rc = ERR_OK;
    struct workbench w;
    struct sql_result *result = NULL;
    struct session *session = NULL;
    struct table *table = NULL;
    struct buf out = {0};
    char *limited = NULL;
    bool is_inline = n == d->inline_query;
    long long limit = d->o->limit ? (long long)d->o->limit : 5;
    workbench_open(d, &w, PHASE_EXECUTE, n);
    TRY(node_compile(&w.c, n, e));
    const char *sql =
        n->kind == NODE_SEED ? arena_printf(w.c.arena, "select * from %s", n->relation_name) : n->compiled;
    limited = limit < 0 ? mem_strdup(sql) : mem_printf("%s\n  \n  limit %lld", sql, limit);
    TRY(context_session(&w.c, &session, e));
    TRY(session_run(session, limited, false, &result, e));
    TRY(table_of_result(&w.c, result, &table, e));
    if (d->o->output && !strcmp(d->o->output, "json"))
        as_json(&w.c, table, n, &out);
    else {
        if (is_inline)
            buf_str(&out, "Previewing inline node:\n");
        else
            buf_printf(&out, "Previewing node '%s':\n", n->name);
        table_print(table, -1, -1, &out);
    }
    say_raw(d, out.ptr ? out.ptr : "", out.len);
done:
    if (rc != ERR_OK) say_error(d, e, jinja_env_trace(w.env));
    mem_free(limited);
    buf_reset(&out);
    sql_result_free(&result);
    workbench_close(&w);
    return rc;
}

enum err show_verb(struct dbt *d, struct model_outcome *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct node **selected = NULL;
    size_t count = 0, shown = 0;
    if (d->o->inline_sql) {
        say_found(d);
        if (show_node(d, inline_node(d), e) != ERR_OK) out->exit_code = 1;
        return ERR_OK;
    }
    if (!d->o->select.count) {
        err_set(e, ERR_USAGE, "Either --select or --inline must be passed to show");
        return err_hint(e, "show --select NAME, or show --inline \"select 1\"");
    }
    TRY(select_nodes(d, &selected, &count, e));
    say_found(d);
    for (size_t i = 0; i < count; i++) {
        if (!asked_for(d, selected[i])) continue;
        shown++;
        if (show_node(d, selected[i], e) != ERR_OK) {
            out->exit_code = 1;
            break;
        }
    }
    if (!shown) say_nothing(d);
done:
    return rc;
}
