/* `adapter`: the database as templates see it. */
#include "model/objects.h"

#include "model/builtins.h"
#include "model/print.h"
#include "model/seed.h"

#include <strings.h>

static const struct jinja_class ADAPTER_CLASS;

/* What a method gives while parsing, when it may not touch the database. */
enum parsing { REAL, NONE, LIST, FALSE_, EMPTY };

enum err context_session(struct context *c, struct session **out, struct error *e)
{
    c->asked_database = true;
    if (!c->session) return err_set(e, ERR_INPUT, "the database cannot be asked here");
    if (!c->session->conn) {
        enum err rc = session_begin(c->d->warehouse, c->session, e);
        if (rc != ERR_OK) return rc;
    }
    *out = c->session;
    return ERR_OK;
}

static struct context *context_of(const struct jinja_call *c) { return jinja_object_data(c->self, &ADAPTER_CLASS); }

/* ---- statements ---- */

static enum err run(struct context *c, const char *sql, bool auto_begin, bool fetch, struct table **out,
                    struct error *e)
{
    enum err rc = ERR_OK;
    struct session *s = NULL;
    struct sql_result *r = NULL;
    TRY(context_session(c, &s, e));
    if (c->d->o->debug)
        say(c->d, SAY_DEBUG, "SQLQuery", "E016", "On %s: %s", c->node ? c->node->unique_id : "macro", sql);
    TRY(session_run(s, sql, auto_begin, fetch ? &r : NULL, e));
    if (fetch)
        TRY(table_of_result(c, r, out, e));
    else
        *out = table_new(c, 0, 0);
done:
    sql_result_free(&r);
    return rc;
}

static enum err do_execute(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[4];
    struct table *t = NULL;
    struct view sql;
    TRY(jinja_args(call, "sql auto_begin? fetch? limit?", slot, e));
    TRY(jinja_str_view(call->env, slot[0], &sql, e));
    TRY(run(c, sql.ptr, value_truth(slot[1]), value_truth(slot[2]), &t, e));
    struct jinja_value pair[2] = {response_value(c, "OK", NULL, jinja_none()), table_value(c, t)};
    *out = jinja_tuple(call->env, pair, 2);
done:
    return rc;
}

static struct sql_value bound(struct context *c, struct jinja_value v)
{
    switch (v.type) {
    case JINJA_NONE: return sql_null();
    case JINJA_BOOL: return sql_bool(v.as.boolean);
    case JINJA_INT: return sql_int(v.as.integer);
    case JINJA_FLOAT: return sql_double(v.as.real);
    default: return sql_text(view_of(value_str(c->arena, c->env, v)));
    }
}

static enum err do_add_query(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[4];
    struct session *s = NULL;
    struct sql_stmt *stmt = NULL;
    struct sql_result *r = NULL;
    struct view sql;
    TRY(jinja_args(call, "sql auto_begin? bindings? abridge_sql_log?", slot, e));
    TRY(jinja_str_view(call->env, slot[0], &sql, e));
    TRY(context_session(c, &s, e));
    bool begin = jinja_is_absent(slot[1]) || value_truth(slot[1]);
    if (!value_is_null(slot[2])) {
        TRY(session_run(s, "select 1", begin, NULL, e));
        TRY(sql_prepare(s->conn, sql.ptr, &stmt, e));
        for (size_t i = 0; i < jinja_seq_count(slot[2]); i++)
            TRY(sql_bind(stmt, i + 1, bound(c, jinja_seq_items(slot[2])[i]), e));
        TRY(sql_run(stmt, SQL_WHOLE, &r, e));
        s->wrote = s->w->wrote = true;
    } else
        TRY(session_run(s, sql.ptr, begin, NULL, e));
    *out = jinja_none();
done:
    sql_result_free(&r);
    sql_stmt_free(&stmt);
    return rc;
}

static enum err do_commit(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = context_of(call);
    *out = jinja_none();
    return c->session && c->session->conn ? session_commit(c->session, e) : ERR_OK;
}

static enum err do_ensure_transaction(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct session *s = NULL;
    TRY(context_session(context_of(call), &s, e));
    if (!s->in_transaction) {
        TRY(sql_exec(s->conn, "BEGIN TRANSACTION", e));
        s->in_transaction = true;
    }
    *out = jinja_none();
done:
    return rc;
}

/* ---- relations ---- */

static enum err relation_arg(const struct jinja_call *call, const char *signature, struct jinja_value *slot,
                             const struct relation **out, struct error *e)
{
    enum err rc = jinja_args(call, signature, slot, e);
    if (rc != ERR_OK) return rc;
    *out = relation_of(slot[0]);
    return *out ? ERR_OK
                : err_set(e, ERR_INPUT, "adapter.%s() needs a relation, got %s", call->name, jinja_type_name(slot[0]));
}

static enum err call_macro(struct context *c, const char *macro, const char *arg, struct jinja_value v,
                           struct jinja_value *out, struct error *e)
{
    struct jinja_named named = {view_of(arg), v};
    return context_call(c, macro, NULL, 0, &named, 1, out, e);
}

static enum err do_get_relation(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[3];
    struct cached found;
    bool there = false;
    TRY(jinja_args(call, "database schema identifier", slot, e));
    *out = jinja_none();
    const char *identifier = slot_text(slot[2]), *schema = slot_text(slot[1]), *database = slot_text(slot[0]);
    if (!identifier) goto done;
    if (!database) database = c->d->profile.database;
    if (!schema) schema = c->d->profile.schema;
    TRY(warehouse_find(c->d->warehouse, c->session, database, schema, identifier, &found, &there, e));
    if (!there) goto done;
    if (strcmp(found.identifier, identifier) != 0 || strcmp(found.schema, schema) != 0) {
        rc = err_set(e, ERR_INPUT,
                     "when searching for a relation, an approximate match was found. Instead of guessing which "
                     "relation to use, move on. Please delete "
                     "\"%s\".\"%s\".\"%s\", or rename it to be less ambiguous. Searched for: \"%s\".\"%s\".\"%s\"",
                     found.database, found.schema, found.identifier, database, schema, identifier);
        goto done;
    }
    *out =
        relation_value(c, relation_new(c, arena_strdup(c->arena, found.database), arena_strdup(c->arena, found.schema),
                                       arena_strdup(c->arena, found.identifier), found.type));
done:
    return rc;
}

static enum err do_drop_relation(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    const struct relation *r = NULL;
    struct jinja_value slot[1], ignored;
    TRY(relation_arg(call, "relation", slot, &r, e));
    if (r->type == REL_NONE) {
        rc = err_set(e, ERR_INPUT, "tried to drop relation %s, but its type is null", relation_text(c, r));
        goto done;
    }
    if (r->part[PART_DATABASE] && r->part[PART_SCHEMA])
        warehouse_dropped(c->d->warehouse, r->part[0], r->part[1], r->part[2]);
    TRY(call_macro(c, "drop_relation", "relation", slot[0], &ignored, e));
    *out = jinja_none();
done:
    return rc;
}

static enum err do_truncate_relation(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    const struct relation *r = NULL;
    struct jinja_value slot[1], ignored;
    TRY(relation_arg(call, "relation", slot, &r, e));
    TRY(call_macro(context_of(call), "truncate_relation", "relation", slot[0], &ignored, e));
    *out = jinja_none();
done:
    return rc;
}

static enum err do_rename_relation(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    const struct relation *from = NULL, *to;
    struct jinja_value slot[2], ignored;
    TRY(relation_arg(call, "from_relation to_relation", slot, &from, e));
    to = relation_of(slot[1]);
    if (!to) {
        rc = err_set(e, ERR_INPUT, "adapter.rename_relation() needs two relations");
        goto done;
    }
    struct jinja_named named[2] = {{view_of("from_relation"), slot[0]}, {view_of("to_relation"), slot[1]}};
    TRY(context_call(c, "rename_relation", NULL, 0, named, 2, &ignored, e));
    warehouse_dropped(c->d->warehouse, from->part[0], from->part[1], from->part[2]);
    warehouse_added(c->d->warehouse, to->part[0], to->part[1], to->part[2],
                    to->type != REL_NONE ? to->type : from->type);
    *out = jinja_none();
done:
    return rc;
}

static enum err columns(struct context *c, struct jinja_value relation, struct jinja_value *out, struct error *e)
{
    enum err rc = call_macro(c, "get_columns_in_relation", "relation", relation, out, e);
    if (rc == ERR_OK || rc == ERR_STOPPED) return rc;
    char text[64];
    snprintf(text, sizeof text, "does not exist");
    if (e && !strcasestr(e->what, text)) return rc;
    *out = jinja_list(c->env);
    return ERR_OK;
}

static enum err do_get_columns(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    const struct relation *r = NULL;
    struct jinja_value slot[1];
    TRY(relation_arg(call, "relation", slot, &r, e));
    TRY(columns(context_of(call), slot[0], out, e));
done:
    return rc;
}

static enum err do_get_columns_in_table(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2];
    TRY(jinja_args(call, "schema identifier", slot, e));
    TRY(columns(
        c, relation_value(c, relation_new(c, c->d->profile.database, slot_text(slot[0]), slot_text(slot[1]), REL_NONE)),
        out, e));
done:
    return rc;
}

static bool has_column(struct jinja_value list, const char *name, bool any_case)
{
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        const struct column *x = column_of(jinja_seq_items(list)[i]);
        if (x && (any_case ? !strcasecmp(x->name, name) : !strcmp(x->name, name))) return true;
    }
    return false;
}

static enum err do_get_missing_columns(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2], from, to;
    TRY(jinja_args(call, "from_relation to_relation", slot, e));
    TRY(columns(c, slot[0], &from, e));
    TRY(columns(c, slot[1], &to, e));
    *out = jinja_list(call->env);
    for (size_t i = 0; i < jinja_seq_count(from); i++) {
        const struct column *x = column_of(jinja_seq_items(from)[i]);
        if (x && !has_column(to, x->name, false)) jinja_list_add(call->env, *out, jinja_seq_items(from)[i]);
    }
done:
    return rc;
}

/* Snapshot tables must have dbt's columns, by their configured names. */
static enum err check_snapshot(struct context *c, struct jinja_value relation, struct jinja_value names,
                               struct jinja_value strategy, struct error *e)
{
    enum err rc = ERR_OK;
    static const char *const wanted[] = {"dbt_scd_id", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"};
    struct jinja_value have;
    struct buf missing = {0};
    bool deleted = !strcmp(value_get_text(strategy, "hard_deletes", ""), "new_record");
    TRY(columns(c, relation, &have, e));
    for (size_t i = 0; i < (deleted ? 4u : 3u); i++) {
        const char *name = value_get_text(names, wanted[i], wanted[i]);
        if (!has_column(have, name, true)) buf_printf(&missing, "%s\"%s\"", missing.len ? ", " : "", name);
    }
    if (missing.len) {
        rc = err_set(e, ERR_INPUT, "snapshot target is missing configured columns: %s", missing.ptr);
        err_hint(e, "the table was not made by this snapshot's configuration; rename it, or add the columns");
    }
done:
    buf_reset(&missing);
    return rc;
}

static enum err do_valid_snapshot_target(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[3];
    TRY(jinja_args(call, "relation column_names? strategy?", slot, e));
    TRY(check_snapshot(context_of(call), slot[0], slot[1], slot[2], e));
    *out = jinja_none();
done:
    return rc;
}

static enum err do_column_schema(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[1], flat;
    struct table *t = NULL;
    struct view sql;
    TRY(jinja_args(call, "sql", slot, e));
    TRY(jinja_str_view(call->env, slot[0], &sql, e));
    TRY(run(c, arena_printf(c->arena, "DESCRIBE (%s\n)", sql.ptr), false, true, &t, e));
    *out = jinja_list(call->env);
    for (size_t i = 0; i < t->rows; i++) {
        struct jinja_value x =
            column_new(c, value_text(t->cell[i * t->columns], ""), value_text(t->cell[i * t->columns + 1], ""));
        TRY(jinja_invoke_method(call->env, x, "flatten", NULL, 0, NULL, 0, &flat, e));
        for (size_t k = 0; k < jinja_seq_count(flat); k++) jinja_list_add(call->env, *out, jinja_seq_items(flat)[k]);
    }
done:
    return rc;
}

static enum err do_nothing(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)call, (void)e;
    return *out = jinja_none(), ERR_OK;
}

/* ---- schemas ---- */

static enum err do_schema(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    const struct relation *r = NULL;
    struct jinja_value slot[1], bare, ignored;
    TRY(relation_arg(call, "relation", slot, &r, e));
    bool create = !strcmp(call->name, "create_schema");
    TRY(jinja_invoke_method(call->env, slot[0], "without_identifier", NULL, 0, NULL, 0, &bare, e));
    TRY(call_macro(c, call->name, "relation", bare, &ignored, e));
    if (c->session && c->session->conn) TRY(session_commit(c->session, e));
    const char *database = r->part[0] ? r->part[0] : c->d->profile.database;
    if (create)
        warehouse_schema_added(c->d->warehouse, database, r->part[1]);
    else
        warehouse_schema_dropped(c->d->warehouse, database, r->part[1]);
    *out = jinja_none();
done:
    return rc;
}

static enum err do_check_schema_exists(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2];
    TRY(jinja_args(call, "database schema", slot, e));
    TRY(warehouse_know(c->d->warehouse, e));
    *out = jinja_bool(warehouse_has_schema(
        c->d->warehouse, slot_text(slot[0]) ? slot_text(slot[0]) : c->d->profile.database, slot_text(slot[1])));
done:
    return rc;
}

static enum err do_list_relations(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    const struct relation *r;
    struct warehouse *w = c->d->warehouse;
    TRY(warehouse_know(w, e));
    *out = jinja_list(call->env);
    r = call->count ? relation_of(call->args[0]) : NULL;
    const char *database = r ? r->part[0] : call->count ? slot_text(call->args[0]) : c->d->profile.database;
    const char *schema = r                 ? r->part[1]
                         : call->count > 1 ? slot_text(call->args[1])
                                           : slot_text(jinja_arg_named(call, "schema"));
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->cache_count; i++) {
        const struct cached *x = w->cache[i];
        if (x->gone || (schema && strcasecmp(x->schema, schema)) || (database && strcasecmp(x->database, database)))
            continue;
        jinja_list_add(
            call->env, *out,
            relation_value(c, relation_new(c, arena_strdup(c->arena, x->database), arena_strdup(c->arena, x->schema),
                                           arena_strdup(c->arena, x->identifier), x->type)));
    }
    pthread_mutex_unlock(&w->lock);
done:
    return rc;
}

static enum err do_cache(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    const struct relation *r = NULL;
    struct jinja_value slot[1];
    TRY(relation_arg(call, "relation", slot, &r, e));
    if (!strcmp(call->name, "cache_added"))
        warehouse_added(c->d->warehouse, r->part[0], r->part[1], r->part[2], r->type);
    else
        warehouse_dropped(c->d->warehouse, r->part[0], r->part[1], r->part[2]);
    *out = jinja_text(call->env, "");
done:
    return rc;
}

/* ---- names and strategies ---- */

static enum err do_type(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(call->env, "duckdb"), ERR_OK;
}

static enum err do_quote(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1];
    TRY(jinja_args(call, "identifier", slot, e));
    *out = jinja_printf(call->env, "\"%s\"", value_str(context_of(call)->arena, call->env, slot[0]));
done:
    return rc;
}

static enum err do_quote_as_configured(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2];
    TRY(jinja_args(call, "identifier quote_key", slot, e));
    const char *key = value_text(slot[1], "");
    bool part = !strcmp(key, "database") || !strcmp(key, "schema") || !strcmp(key, "identifier");
    const char *text = value_str(c->arena, call->env, slot[0]);
    *out = part && value_get_bool(c->d->quoting, key, true) ? jinja_printf(call->env, "\"%s\"", text)
                                                            : jinja_text(call->env, text);
done:
    return rc;
}

static enum err do_quote_seed_column(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2];
    TRY(jinja_args(call, "column quote_config?", slot, e));
    if (!value_is_null(slot[1]) && slot[1].type != JINJA_BOOL) {
        rc = err_set(e, ERR_INPUT, "the seed configuration value of \"quote_columns\" has an invalid type %s",
                     jinja_type_name(slot[1]));
        goto done;
    }
    const char *text = value_str(c->arena, call->env, slot[0]);
    *out = value_is_null(slot[1]) || slot[1].as.boolean ? jinja_printf(call->env, "\"%s\"", text)
                                                        : jinja_text(call->env, text);
done:
    return rc;
}

static enum err do_dispatch(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[3];
    struct buf tried = {0};
    TRY(jinja_args(call, "macro_name macro_namespace? packages?", slot, e));
    const char *name = value_text(slot[0], ""), *space = slot_text(slot[1]), *dot = strchr(name, '.');
    if (dot) {
        rc = err_set(e, ERR_INPUT,
                     "in adapter.dispatch, got a macro name of \"%s\", but \".\" is not a valid macro name component",
                     name);
        err_hint(e, "did you mean adapter.dispatch(\"%s\", macro_namespace=\"%.*s\")?", dot + 1, (int)(dot - name),
                 name);
        goto done;
    }
    if (!value_is_null(slot[2])) {
        rc = err_set(e, ERR_INPUT,
                     "the \"packages\" argument of adapter.dispatch() has been removed; use macro_namespace");
        goto done;
    }
    struct macro *m = macro_dispatch(c->d, c->package, name, space, &tried);
    if (m)
        *out = context_macro(c, m);
    else
        rc = err_set(e, ERR_INPUT, "in dispatch: no macro named '%s' found within namespace: '%s'; searched for: %s",
                     name, space ? space : "None", tried.ptr ? tried.ptr : "");
done:
    buf_reset(&tried);
    return rc;
}

static enum err do_strategy_macro(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[2];
    char name[128];
    TRY(jinja_args(call, "model_context strategy", slot, e));
    const char *strategy = slot_text(slot[1]) ? slot_text(slot[1]) : "default";
    if (!strcmp(strategy, "insert_overwrite")) {
        rc = err_set(e, ERR_INPUT, "the incremental strategy 'insert_overwrite' is not valid for this adapter");
        err_hint(e, "duckdb knows append, delete+insert, merge and microbatch");
        goto done;
    }
    snprintf(name, sizeof name, "get_incremental_%s_sql", strategy);
    for (char *p = name; *p; p++)
        if (*p == '+') *p = '_';
    struct macro *m = macro_find(c->d, c->package, view_of(name));
    if (m)
        *out = context_macro(c, m);
    else
        rc = err_set(e, ERR_INPUT, "dbt could not find an incremental strategy macro with the name \"%s\" in %s", name,
                     c->d->project->name);
done:
    return rc;
}

static enum err do_strategies(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    static const char *const all[] = {"append", "delete+insert", "merge", "microbatch", NULL};
    *out = jinja_list(call->env);
    for (const char *const *p = all; *p; p++) jinja_list_add(call->env, *out, jinja_text(call->env, *p));
    return ERR_OK;
}

static enum err do_hard_deletes(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1], key, legacy, now;
    TRY(jinja_args(call, "config", slot, e));
    key = jinja_text(call->env, "invalidate_hard_deletes");
    TRY(jinja_invoke_method(call->env, slot[0], "get", &key, 1, NULL, 0, &legacy, e));
    key = jinja_text(call->env, "hard_deletes");
    TRY(jinja_invoke_method(call->env, slot[0], "get", &key, 1, NULL, 0, &now, e));
    const char *mode = value_text(now, "ignore");
    if (!value_is_null(legacy) && !value_is_null(now))
        rc = err_set(
            e, ERR_INPUT,
            "you cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot");
    else if (value_truth(legacy))
        *out = jinja_text(call->env, "invalidate");
    else if (!strcmp(mode, "invalidate") || !strcmp(mode, "new_record") || !strcmp(mode, "ignore"))
        *out = jinja_text(call->env, mode);
    else
        rc = err_set(e, ERR_INPUT, "invalid setting for property hard_deletes: '%s' (ignore, invalidate, new_record)",
                     mode);
done:
    return rc;
}

static enum err do_convert_type(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[2];
    TRY(jinja_args(call, "agate_table col_idx", slot, e));
    const struct table *t = table_of(slot[0]);
    if (!t || slot[1].type != JINJA_INT || slot[1].as.integer < 0 || (size_t)slot[1].as.integer >= t->columns)
        rc = err_set(e, ERR_INPUT, "adapter.convert_type() needs a table and the number of a column");
    else
        *out = jinja_text(call->env, seed_sql_type(t, (size_t)slot[1].as.integer));
done:
    return rc;
}

static enum err do_first_arg(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    *out = call->count ? call->args[0] : jinja_none();
    return ERR_OK;
}

static enum err do_false(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)call, (void)e;
    return *out = jinja_bool(false), ERR_OK;
}

static enum err do_true(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)call, (void)e;
    return *out = jinja_bool(true), ERR_OK;
}

static enum err do_disable_transactions(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_bool(context_of(call)->d->profile.disable_transactions), ERR_OK;
}

static enum err do_escape(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    struct buf b = {0};
    for (const char *p = call->count ? value_str(context_of(call)->arena, call->env, call->args[0]) : ""; *p; p++) {
        if (*p == '\'') buf_char(&b, '\'');
        buf_char(&b, *p);
    }
    *out = jinja_string(call->env, b.ptr ? b.ptr : "", b.len);
    buf_reset(&b);
    return ERR_OK;
}

static enum err do_warn_once(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = context_of(call);
    const char *text = call->count ? value_str(c->arena, call->env, call->args[0]) : "";
    *out = jinja_none();
    pthread_mutex_lock(&c->d->lock);
    bool first = !names_get(&c->d->warned, text);
    if (first) names_put(&c->d->warned, view_of(arena_strdup(&c->d->arena, text)), c->d);
    pthread_mutex_unlock(&c->d->lock);
    return first ? say_warning(c->d, "AdapterEventWarning", "E003", e, "duckdb adapter: %s", text) : ERR_OK;
}

static enum err do_seed_path(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = context_of(call);
    if (!c->node || c->node->kind != NODE_SEED)
        return err_set(e, ERR_INPUT, "adapter.get_seed_file_path() is for seeds");
    *out = jinja_text(call->env, seed_path(c, c->node));
    return ERR_OK;
}

static enum err do_empty_text(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(call->env, ""), ERR_OK;
}

static enum err do_binding(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    (void)e;
    return *out = jinja_text(call->env, "?"), ERR_OK;
}

static enum err do_parse_index(const struct jinja_call *call, struct jinja_value *out, struct error *e);
static enum err do_location_exists(const struct jinja_call *call, struct jinja_value *out, struct error *e);
static enum err do_constraints(const struct jinja_call *call, struct jinja_value *out, struct error *e);

static const struct {
    const char *name;
    enum parsing parsing;
    jinja_fn *fn;
} METHODS[] = {
    {"dispatch", REAL, do_dispatch},
    {"quote", REAL, do_quote},
    {"execute", EMPTY, do_execute},
    {"get_relation", NONE, do_get_relation},
    {"get_columns_in_relation", LIST, do_get_columns},
    {"drop_relation", NONE, do_drop_relation},
    {"rename_relation", NONE, do_rename_relation},
    {"truncate_relation", NONE, do_truncate_relation},
    {"commit", NONE, do_commit},
    {"type", REAL, do_type},
    {"quote_as_configured", REAL, do_quote_as_configured},
    {"quote_seed_column", REAL, do_quote_seed_column},
    {"add_query", NONE, do_add_query},
    {"already_exists", FALSE_, do_false},
    {"assert_valid_snapshot_target_given_strategy", NONE, do_valid_snapshot_target},
    {"batch_id_for_model", REAL, do_empty_text},
    {"build_catalog_relation", REAL, do_nothing},
    {"cache_added", NONE, do_cache},
    {"cache_dropped", NONE, do_cache},
    {"catalog_supports_foreign_keys", FALSE_, do_true},
    {"check_schema_exists", FALSE_, do_check_schema_exists},
    {"convert_datetimes_to_strs", REAL, do_first_arg},
    {"convert_type", REAL, do_convert_type},
    {"create_schema", NONE, do_schema},
    {"disable_transactions", REAL, do_disable_transactions},
    {"drop_schema", NONE, do_schema},
    {"ensure_transaction", NONE, do_ensure_transaction},
    {"escape_sql_string", REAL, do_escape},
    {"existing_key_constraint_types", LIST, do_existing_constraints},
    {"expand_column_types", NONE, do_nothing},
    {"expand_target_column_types", NONE, do_nothing},
    {"external_read_location", REAL, external_read_location},
    {"external_root", REAL, external_root},
    {"external_write_options", REAL, external_write_options},
    {"get_binding_char", REAL, do_binding},
    {"get_column_schema_from_query", LIST, do_column_schema},
    {"get_columns_in_table", LIST, do_get_columns_in_table},
    {"get_hard_deletes_behavior", NONE, do_hard_deletes},
    {"get_incremental_strategy_macro", NONE, do_strategy_macro},
    {"get_missing_columns", LIST, do_get_missing_columns},
    {"get_seed_file_path", REAL, do_seed_path},
    {"is_ducklake", REAL, do_false},
    {"is_motherduck", REAL, do_false},
    {"list_relations", LIST, do_list_relations},
    {"list_relations_without_caching", LIST, do_list_relations},
    {"location_exists", FALSE_, do_location_exists},
    {"parse_index", REAL, do_parse_index},
    {"render_raw_columns_constraints", REAL, do_constraints},
    {"render_raw_model_constraints", REAL, do_constraints},
    {"standardize_grants_dict", REAL, do_nothing},
    {"use_ducklake_table_workarounds", REAL, do_false},
    {"valid_incremental_strategies", REAL, do_strategies},
    {"valid_snapshot_target", NONE, do_valid_snapshot_target},
    {"warn_once", NONE, do_warn_once},
};
enum { METHOD_COUNT = sizeof METHODS / sizeof *METHODS };

static bool adapter_has(struct jinja_value self, struct view name)
{
    (void)self;
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (view_is(name, METHODS[i].name)) return true;
    return false;
}

static enum err adapter_method(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    struct context *c = context_of(call);
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(METHODS[i].name, call->name) != 0) continue;
        if (c->execute || METHODS[i].parsing == REAL) return METHODS[i].fn(call, out, e);
        if (METHODS[i].parsing == LIST)
            *out = jinja_list(call->env);
        else if (METHODS[i].parsing == FALSE_)
            *out = jinja_bool(false);
        else if (METHODS[i].parsing == EMPTY) {
            struct jinja_value pair[2] = {jinja_text(call->env, ""), table_value(c, table_new(c, 0, 0))};
            *out = jinja_tuple(call->env, pair, 2);
        } else
            *out = jinja_none();
        return ERR_OK;
    }
    return ERR_OK;
}

/* adapter.behavior.FLAG.no_warn */
static struct jinja_value behavior(struct context *c)
{
    struct jinja_value all = jinja_dict(c->env), one = jinja_dict(c->env);
    struct jinja_value on =
        jinja_bool(value_get_bool(package_section(c->d->project, "flags"), "enable_truthy_nulls_equals_macro", false));
    jinja_dict_set(c->env, one, "no_warn", on);
    jinja_dict_set(c->env, one, "setting", on);
    jinja_dict_set(c->env, all, "enable_truthy_nulls_equals_macro", one);
    return all;
}

static enum err adapter_attr(struct jinja_env *env, struct jinja_value self, struct view name, struct jinja_value *out,
                             struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = jinja_object_data(self, &ADAPTER_CLASS);
    if (view_is(name, "Relation"))
        *out = relation_class(c);
    else if (view_is(name, "Column"))
        *out = column_class(c);
    else if (view_is(name, "behavior"))
        *out = behavior(c);
    else if (view_is(name, "config")) {
        struct jinja_value target, quoting = jinja_dict(env);
        TRY(context_name(c, view_of("target"), false, &target, e));
        *out = jinja_dict(env);
        jinja_dict_set(env, *out, "credentials", target);
        jinja_dict_set(env, *out, "target_name", jinja_text(env, c->d->profile.target));
        jinja_dict_set(env, *out, "project_name", jinja_text(env, c->d->project->name));
        static const char *const parts[] = {"database", "schema", "identifier"};
        for (size_t i = 0; i < 3; i++)
            jinja_dict_set(env, quoting, parts[i], jinja_bool(value_get_bool(c->d->quoting, parts[i], true)));
        jinja_dict_set(env, *out, "quoting", quoting);
    }
done:
    return rc;
}

static const struct jinja_class ADAPTER_CLASS = {
    .name = "RuntimeDatabaseWrapper", .get_attr = adapter_attr, .has_method = adapter_has, .method = adapter_method};

struct context *adapter_context(struct jinja_value adapter) { return jinja_object_data(adapter, &ADAPTER_CLASS); }
struct jinja_value adapter_value(struct context *c) { return jinja_object(c->env, &ADAPTER_CLASS, c); }

/* ---- the rarer ones ---- */

/* An index of a model: {columns, unique}; render(relation) names it. */
static enum err do_parse_index(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value slot[1];
    TRY(jinja_args(call, "raw_index", slot, e));
    if (jinja_is_none(slot[0]))
        *out = jinja_none();
    else if (slot[0].type != JINJA_DICT || !jinja_seq_count(jinja_dict_get(slot[0], "columns"))) {
        rc = err_set(e, ERR_INPUT, "invalid index config: a dict with a list of columns is needed");
        err_hint(e, "{'columns': ['a'], 'unique': true}");
    } else
        *out = index_value(context_of(call), slot[0]);
done:
    return rc;
}

static enum err do_location_exists(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[1];
    struct table *t = NULL;
    struct error ignored;
    TRY(jinja_args(call, "location", slot, e));
    *out = jinja_bool(run(c, arena_printf(c->arena, "select 1 from '%s' where 1=0", value_text(slot[0], "")), false,
                          false, &t, &ignored) == ERR_OK);
done:
    return rc;
}

static enum err do_constraints(const struct jinja_call *call, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct context *c = context_of(call);
    struct jinja_value slot[1], key, item;
    bool columns_too = !strcmp(call->name, "render_raw_columns_constraints");
    TRY(jinja_args(call, columns_too ? "raw_columns" : "raw_constraints", slot, e));
    *out = jinja_list(call->env);
    if (!columns_too) {
        for (size_t i = 0; i < jinja_seq_count(slot[0]); i++) {
            const char *text;
            TRY(constraint_text(c, jinja_seq_items(slot[0])[i], true, &text, e));
            if (text) jinja_list_add(call->env, *out, jinja_text(call->env, text));
        }
        goto done;
    }
    for (size_t at = 0; jinja_dict_next(slot[0], &at, &key, &item);) {
        const char *name = value_get_text(item, "name", "");
        struct buf b = {0};
        buf_printf(&b, value_get_bool(item, "quote", false) ? "\"%s\" %s" : "%s %s", name,
                   value_get_text(item, "data_type", ""));
        struct jinja_value list = jinja_dict_get(item, "constraints");
        for (size_t i = 0; i < jinja_seq_count(list); i++) {
            const char *text = NULL;
            if ((rc = constraint_text(c, jinja_seq_items(list)[i], false, &text, e)) != ERR_OK) {
                buf_reset(&b);
                goto done;
            }
            if (text) buf_printf(&b, " %s", text);
        }
        jinja_list_add(call->env, *out, jinja_string(call->env, b.ptr, b.len));
        buf_reset(&b);
    }
done:
    return rc;
}
