#include "model/warehouse.h"

#include "base/io.h"

#include <unistd.h>

const char *const RELATION_TYPE_NAMES[] = {"", "table", "view", "cte", "external", "materialized_view", "function"};

enum relation_type relation_type_of(const char *name)
{
    for (int i = REL_TABLE; name && i <= REL_FUNCTION; i++)
        if (!strcmp(name, RELATION_TYPE_NAMES[i])) return (enum relation_type)i;
    return REL_NONE;
}

struct warehouse *warehouse_new(struct dbt *d)
{
    struct warehouse *w = mem_zalloc(sizeof *w);
    w->d = d;
    pthread_mutex_init(&w->lock, NULL);
    arena_init(&w->arena);
    return w;
}

void warehouse_free(struct warehouse **w)
{
    if (!*w) return;
    sql_disconnect(&(*w)->main);
    sql_close(&(*w)->db);
    mem_free((*w)->cache);
    mem_free((*w)->schemas.at);
    names_reset(&(*w)->by_name);
    arena_reset(&(*w)->arena);
    pthread_mutex_destroy(&(*w)->lock);
    mem_free(*w);
    *w = NULL;
}

/* ---- opening ---- */

static void add_quoted(struct buf *b, const char *s) { sql_quote_text(b, s, strlen(s)); }

/* The options of ATTACH: upper-case words; texts quoted unless they are. */
static void attach_options(struct dbt *d, struct jinja_value entry, struct buf *b)
{
    struct jinja_value options = jinja_dict_get(entry, "options"), key, item;
    struct buf list = {0};
    const char *type = value_get_text(entry, "type", value_get_text(options, "type", NULL));
    const char *secret = value_get_text(entry, "secret", value_get_text(options, "secret", NULL));
    if (type) buf_printf(&list, ", TYPE %s", type);
    if (secret) buf_printf(&list, ", SECRET %s", secret);
    if (value_get_bool(entry, "read_only", value_get_bool(options, "read_only", false))) buf_str(&list, ", READ_ONLY");
    for (size_t at = 0; jinja_dict_next(options, &at, &key, &item);) {
        const char *name = value_text(key, "");
        if (!strcmp(name, "type") || !strcmp(name, "secret") || !strcmp(name, "read_only") || jinja_is_none(item))
            continue;
        if (item.type == JINJA_BOOL) {
            if (item.as.boolean) buf_printf(&list, ", %s", name);
            continue;
        }
        buf_printf(&list, ", %s ", name);
        const char *text = value_str(&d->warehouse->arena, d->env, item);
        if (jinja_is_string(item) && *text != '\'' && *text != '"')
            add_quoted(&list, text);
        else
            buf_str(&list, text);
    }
    if (list.len) buf_printf(b, " (%s)", list.ptr + 2);
    buf_reset(&list);
}

static enum err attach_all(struct warehouse *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    struct jinja_value list = jinja_dict_get(w->d->profile.dict, "attach");
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value entry = jinja_seq_items(list)[i];
        buf_clear(&b);
        buf_str(&b, "ATTACH IF NOT EXISTS ");
        add_quoted(&b, value_get_text(entry, "path", ""));
        const char *alias = value_get_text(entry, "alias", NULL);
        if (alias) buf_printf(&b, " AS %s", alias);
        attach_options(w->d, entry, &b);
        TRY(sql_exec(w->main, b.ptr, e));
    }
done:
    buf_reset(&b);
    return rc;
}

/* CREATE SECRET (name value, …) as the profile lists them; texts are quoted, lists and dicts become arrays and maps. */
static void secret_value(struct dbt *d, struct jinja_value v, struct buf *b)
{
    struct jinja_value key, item;
    if (v.type == JINJA_LIST) {
        buf_str(b, "array [");
        for (size_t i = 0; i < jinja_seq_count(v); i++) {
            if (i) buf_str(b, ", ");
            add_quoted(b, value_str(&d->warehouse->arena, d->env, jinja_seq_items(v)[i]));
        }
        buf_str(b, "]");
    } else if (v.type == JINJA_DICT) {
        buf_str(b, "map {");
        size_t n = 0;
        for (size_t at = 0; jinja_dict_next(v, &at, &key, &item); n++) {
            if (n) buf_str(b, ", ");
            add_quoted(b, value_str(&d->warehouse->arena, d->env, key));
            buf_str(b, ": ");
            add_quoted(b, value_str(&d->warehouse->arena, d->env, item));
        }
        buf_str(b, "}");
    } else
        add_quoted(b, value_str(&d->warehouse->arena, d->env, v));
}

static enum err create_secrets(struct warehouse *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    struct jinja_value list = jinja_dict_get(w->d->profile.dict, "secrets"), key, item;
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value secret = jinja_seq_items(list)[i];
        const char *name = value_get_text(secret, "name", NULL);
        buf_clear(&b);
        buf_printf(&b, "CREATE OR REPLACE%s SECRET ", value_get_bool(secret, "persistent", false) ? " PERSISTENT" : "");
        if (name)
            buf_str(&b, name);
        else
            buf_printf(&b, "_dbt_secret_%zu", i + 1);
        buf_printf(&b, " (type %s", value_get_text(secret, "type", ""));
        for (size_t at = 0; jinja_dict_next(secret, &at, &key, &item);) {
            const char *k = value_text(key, "");
            if (!strcmp(k, "name") || !strcmp(k, "type") || !strcmp(k, "persistent") || jinja_is_none(item)) continue;
            buf_printf(&b, ", %s ", k);
            if (!strcmp(k, "provider"))
                buf_str(&b, value_str(&w->arena, w->d->env, item));
            else
                secret_value(w->d, item, &b);
        }
        buf_str(&b, ")");
        TRY(sql_exec(w->main, b.ptr, e));
    }
done:
    buf_reset(&b);
    return rc;
}

static bool linked_in(const char *extension)
{
    static const char *const have[] = {"parquet",      "json", "icu",   "core_functions",
                                       "autocomplete", "tpch", "tpcds", NULL};
    for (const char *const *p = have; *p; p++)
        if (!strcmp(*p, extension)) return true;
    return false;
}

static enum err load_extensions(struct warehouse *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value list = jinja_dict_get(w->d->profile.dict, "extensions");
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value x = jinja_seq_items(list)[i];
        const char *name = jinja_is_string(x) ? value_text(x, "") : value_get_text(x, "name", ""),
                   *repo = value_get_text(x, "repo", NULL);
        if (linked_in(name)) continue;
        TRY(sql_execf(w->main, e, repo ? "INSTALL %s FROM %s" : "INSTALL %s", name, repo));
        TRY(sql_execf(w->main, e, "LOAD %s", name));
    }
done:
    return rc;
}

/* SET key = 'text' for each of a dict. */
static enum err apply_settings(struct warehouse *w, struct sql_conn *conn, const char *section, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf b = {0};
    struct jinja_value settings = jinja_dict_get(w->d->profile.dict, section), key, item;
    for (size_t at = 0; jinja_dict_next(settings, &at, &key, &item);) {
        buf_clear(&b);
        buf_printf(&b, "SET %s = ", value_text(key, ""));
        add_quoted(&b, item.type == JINJA_BOOL ? (item.as.boolean ? "true" : "false")
                                               : value_str(&w->arena, w->d->env, item));
        TRY(sql_exec(conn, b.ptr, e));
    }
done:
    buf_reset(&b);
    return rc;
}

static enum err open_locked(struct warehouse *w, struct error *e)
{
    enum err rc = ERR_OK;
    const char *path = w->d->profile.path;
    if (w->db) return ERR_OK;
    struct sql_options o = {.path = strcmp(path, ":memory:") ? path : NULL};
    TRY(sql_open(&o, &w->db, e));
    TRY(sql_connect(w->db, &w->main, e));
    TRY(apply_settings(w, w->main, "config_options", e));
    TRY(load_extensions(w, e));
    TRY(create_secrets(w, e));
    TRY(attach_all(w, e));
    TRY(apply_settings(w, w->main, "settings", e));
    for (const char *const *p = w->d->hooks->init_sql; p && *p; p++) TRY(sql_exec(w->main, *p, e));
done:
    if (rc != ERR_OK) {
        sql_disconnect(&w->main);
        sql_close(&w->db);
    }
    return rc;
}

enum err warehouse_open(struct warehouse *w, struct error *e)
{
    pthread_mutex_lock(&w->lock);
    enum err rc = open_locked(w, e);
    pthread_mutex_unlock(&w->lock);
    return rc;
}

/* ---- sessions ---- */

/* Connections in use are known, so that Ctrl-C can interrupt them. */
static void busy(struct dbt *d, struct sql_conn *conn, bool on)
{
    pthread_mutex_lock(&d->lock);
    size_t i = 0;
    while (i < d->busy_count && d->busy[i] != (on ? NULL : conn)) i++;
    if (i == d->busy_count && on) {
        mem_grow(&d->busy, &d->busy_cap, d->busy_count + 1, sizeof(*d->busy));
        d->busy_count++;
    }
    if (i < d->busy_count) d->busy[i] = on ? conn : NULL;
    pthread_mutex_unlock(&d->lock);
}

enum err session_begin(struct warehouse *w, struct session *s, struct error *e)
{
    enum err rc = ERR_OK;
    *s = (struct session){.w = w};
    TRY(warehouse_open(w, e));
    TRY(sql_connect(w->db, &s->conn, e));
    busy(w->d, s->conn, true);
    TRY(apply_settings(w, s->conn, "settings", e));
    for (const char *const *p = w->d->hooks->init_sql; p && *p; p++) TRY(sql_exec(s->conn, *p, e));
done:
    return rc;
}

void session_end(struct session *s)
{
    if (s->conn && s->in_transaction) (void)!sql_exec(s->conn, "ROLLBACK", NULL);
    s->in_transaction = false;
    if (s->conn) busy(s->w->d, s->conn, false);
    sql_disconnect(&s->conn);
}

static void note(struct session *s, const struct sql_result *r)
{
    switch (sql_result_statement(r)) {
    case SQL_STMT_SELECT:
    case SQL_STMT_EXPLAIN:
    case SQL_STMT_TRANSACTION: return;
    case SQL_STMT_WRITE: s->changed += sql_result_changed(r); break;
    default: break;
    }
    s->wrote = true;
}

static enum err see(void *ctx, struct sql_result *r, struct error *e)
{
    (void)e;
    note(ctx, r);
    return ERR_OK;
}

enum err session_run(struct session *s, const char *sql, bool auto_begin, struct sql_result **out, struct error *e)
{
    enum err rc = ERR_OK;
    if (out) *out = NULL;
    if (auto_begin && !s->in_transaction && !s->w->d->profile.disable_transactions) {
        TRY(sql_exec(s->conn, "BEGIN TRANSACTION", e));
        s->in_transaction = true;
    }
    if (out) {
        TRY(sql_query(s->conn, sql, SQL_WHOLE, out, e));
        note(s, *out);
    } else
        TRY(sql_each(s->conn, sql, SQL_WHOLE, see, s, e));
    if (s->wrote) s->w->wrote = true;
done:
    if (rc != ERR_OK && s->in_transaction) {
        (void)!sql_exec(s->conn, "ROLLBACK", NULL);
        s->in_transaction = false;
    }
    return rc;
}

enum err session_commit(struct session *s, struct error *e)
{
    if (!s->in_transaction) return ERR_OK;
    s->in_transaction = false;
    enum err rc = sql_exec(s->conn, "COMMIT", e);
    if (rc != ERR_OK && e && strstr(e->what, "no transaction is active")) rc = ERR_OK;
    return rc;
}

/* ---- the cache ---- */

static const char *key_of(struct arena *a, const char *database, const char *schema, const char *identifier)
{
    char *key = identifier ? arena_printf(a, "%s.%s.%s", database ? database : "", schema ? schema : "", identifier)
                           : arena_printf(a, "%s.%s", database ? database : "", schema ? schema : "");
    for (char *p = key; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return key;
}

static void added_locked(struct warehouse *w, const char *database, const char *schema, const char *identifier,
                         enum relation_type type)
{
    const char *key = key_of(&w->arena, database, schema, identifier);
    struct cached *c = names_get(&w->by_name, key);
    if (!c) {
        c = arena_zalloc(&w->arena, sizeof *c);
        mem_grow(&w->cache, &w->cache_cap, w->cache_count + 1, sizeof *w->cache);
        w->cache[w->cache_count++] = c;
        names_put(&w->by_name, view_of(key), c);
    }
    *c = (struct cached){arena_strdup(&w->arena, database ? database : ""),
                         arena_strdup(&w->arena, schema ? schema : ""), arena_strdup(&w->arena, identifier), type,
                         false};
}

static enum err know_locked(struct warehouse *w, struct error *e)
{
    enum err rc = ERR_OK;
    struct sql_result *r = NULL;
    size_t rows = 0;
    if (w->known) return ERR_OK;
    TRY(open_locked(w, e));
    TRY(sql_query(
        w->main,
        "select database_name, schema_name, table_name, 'table' from duckdb_tables() where not internal union all "
        "select database_name, schema_name, view_name, 'view' from duckdb_views() where not internal union all "
        "select database_name, schema_name, '', '' from duckdb_schemas()",
        SQL_WHOLE, &r, e));
    for (;;) {
        TRY(sql_next(r, &rows, e));
        if (!rows) break;
        for (size_t i = 0; i < rows; i++) {
            char text[4][512];
            for (size_t k = 0; k < 4; k++) {
                struct view v = sql_get_text(r, k, i);
                snprintf(text[k], sizeof text[k], "%.*s", (int)v.len, v.ptr);
            }
            if (*text[2])
                added_locked(w, text[0], text[1], text[2], relation_type_of(text[3]));
            else
                texts_add(&w->schemas, key_of(&w->arena, text[0], text[1], NULL));
        }
    }
    w->known = true;
done:
    sql_result_free(&r);
    return rc;
}

enum err warehouse_know(struct warehouse *w, struct error *e)
{
    pthread_mutex_lock(&w->lock);
    enum err rc = know_locked(w, e);
    pthread_mutex_unlock(&w->lock);
    return rc;
}

enum err warehouse_find(struct warehouse *w, struct session *s, const char *database, const char *schema,
                        const char *identifier, struct cached *out, bool *found, struct error *e)
{
    (void)s;
    struct arena scratch;
    *found = false;
    arena_init(&scratch);
    pthread_mutex_lock(&w->lock);
    enum err rc = know_locked(w, e);
    const struct cached *c =
        rc == ERR_OK ? names_get(&w->by_name, key_of(&scratch, database, schema, identifier)) : NULL;
    if (c && !c->gone) *out = *c, *found = true;
    pthread_mutex_unlock(&w->lock);
    arena_reset(&scratch);
    return rc;
}

void warehouse_added(struct warehouse *w, const char *database, const char *schema, const char *identifier,
                     enum relation_type type)
{
    pthread_mutex_lock(&w->lock);
    added_locked(w, database, schema, identifier, type);
    pthread_mutex_unlock(&w->lock);
}

void warehouse_dropped(struct warehouse *w, const char *database, const char *schema, const char *identifier)
{
    struct arena scratch;
    arena_init(&scratch);
    pthread_mutex_lock(&w->lock);
    struct cached *c = names_get(&w->by_name, key_of(&scratch, database, schema, identifier));
    if (c) c->gone = true;
    pthread_mutex_unlock(&w->lock);
    arena_reset(&scratch);
}

bool warehouse_has_schema(struct warehouse *w, const char *database, const char *schema)
{
    struct arena scratch;
    arena_init(&scratch);
    pthread_mutex_lock(&w->lock);
    bool has = texts_has(&w->schemas, key_of(&scratch, database, schema, NULL));
    pthread_mutex_unlock(&w->lock);
    arena_reset(&scratch);
    return has;
}

void warehouse_schema_added(struct warehouse *w, const char *database, const char *schema)
{
    pthread_mutex_lock(&w->lock);
    texts_add(&w->schemas, key_of(&w->arena, database, schema, NULL));
    pthread_mutex_unlock(&w->lock);
}

void warehouse_schema_dropped(struct warehouse *w, const char *database, const char *schema)
{
    struct arena scratch;
    arena_init(&scratch);
    pthread_mutex_lock(&w->lock);
    const char *key = key_of(&scratch, database, schema, NULL);
    for (size_t i = 0; i < w->schemas.count; i++)
        if (!strcmp(w->schemas.at[i], key)) w->schemas.at[i] = "";
    size_t n = strlen(key);
    for (size_t i = 0; i < w->cache_count; i++) {
        const char *full = key_of(&scratch, w->cache[i]->database, w->cache[i]->schema, "");
        if (!strncmp(full, key, n) && full[n] == '.') w->cache[i]->gone = true;
    }
    pthread_mutex_unlock(&w->lock);
    arena_reset(&scratch);
}
