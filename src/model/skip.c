/* What need not run again. Only on a lake, where every input has a version: elsewhere tables may change behind our
 * back, and everything runs, as dbt's does.
 *
 * A node's fingerprint covers its text, all project files but the other models, variables, target, environment read,
 * and the fingerprints of what is above it; sources come in with the version of their data. Equal fingerprint, last run
 * well, and a warehouse file that nobody has touched since: left alone. The state is target/lakefm_state.json; it may
 * vanish at any time. */
#include "model/run.h"

#include "base/io.h"
#include "base/log.h"

#include <sys/stat.h>

struct skip_state {
    struct dbt *d;
    struct jinja_value old; /* nodes of the state: id → fingerprint */
    struct jinja_value doc; /* the whole state, absent: none */
    struct hash128 project;
    struct hash128 *print; /* by node order */
    bool *have;
    bool *good; /* by node order: succeeded in this run */
    bool *ran;
    bool warehouse_known;
};

static bool warehouse_stat(const struct dbt *d, char out[64])
{
    struct stat st;
    if (!d->profile.path || stat(d->profile.path, &st)) return false;
    /* What a killed run did may lie in the write-ahead log, beside a file that looks untouched. */
    char *wal = mem_printf("%s.wal", d->profile.path);
    bool left_over = io_exists(wal);
    mem_free(wal);
    if (left_over) return false;
    snprintf(out, 64, "%lld %lld.%09ld", (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return true;
}

static void add_text(struct hasher *h, const char *s) { hasher_add(h, s ? s : "", (s ? strlen(s) : 0) + 1); }

static void add_value(struct dbt *d, struct hasher *h, struct jinja_value v)
{
    struct buf b = {0};
    if (!jinja_is_absent(v) && jinja_json_plain(d->env, v, true, &b, NULL) == ERR_OK) hasher_add(h, b.ptr, b.len);
    hasher_add(h, "", 1);
    buf_reset(&b);
}

/* All files but models: macros, yml, seeds, tests. */
static enum err hash_project(struct skip_state *s, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = s->d;
    struct io_names names = {0};
    struct hasher *h = hasher_new();
    TRY(io_walk(d->root, &names, e));
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.name[i];
        if (str_starts(name, "target/") || str_starts(name, "logs/") || str_starts(name, ".git/") ||
            str_ends(name, ".duckdb") || str_ends(name, ".wal"))
            continue;
        bool model = false;
        for (size_t k = 0; k < d->project->model_paths.count; k++)
            model |= str_starts(name, d->project->model_paths.at[k]) && str_ends(name, ".sql");
        add_text(h, name);
        if (model) continue;
        char *path = io_path(d->root, name);
        struct hash128 one = {0};
        uint64_t bytes;
        if (hash_file(path, &one, &bytes, NULL) == ERR_OK) hasher_add(h, &one, sizeof one);
        mem_free(path);
    }
    add_text(h, LAKEFM_VERSION);
    add_text(h, d->profile.target);
    add_text(h, d->profile.schema);
    add_value(d, h, d->cli_vars);
    s->project = hasher_sum(h);
done:
    hasher_free(&h);
    io_names_free(&names);
    return rc;
}

static struct hash128 print_of(struct skip_state *s, const struct node *n)
{
    if (s->have[n->order]) return s->print[n->order];
    struct hasher *h = hasher_new();
    s->have[n->order] = true; /* the graph has no cycles */
    hasher_add(h, &s->project, sizeof s->project);
    add_text(h, n->unique_id);
    hasher_add(h, n->raw.ptr ? n->raw.ptr : "", n->raw.len);
    add_text(h, n->checksum);
    add_text(h, n->data_version);
    add_value(s->d, h, n->test_args);
    for (size_t i = 0; i < n->parent_count; i++) {
        struct hash128 above = print_of(s, n->parents[i]);
        hasher_add(h, &above, sizeof above);
    }
    s->print[n->order] = hasher_sum(h);
    hasher_free(&h);
    return s->print[n->order];
}

static const char *state_path(struct dbt *d) { return arena_printf(&d->arena, "%s/lakefm_state.json", d->target_dir); }

enum err skip_load(struct dbt *d, struct skip_state **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct skip_state *s = mem_zalloc(sizeof *s);
    struct buf text = {0};
    char now[64];
    s->d = d;
    s->print = mem_zalloc((d->node_count + 1) * sizeof *s->print);
    s->have = mem_zalloc(d->node_count + 1);
    s->good = mem_zalloc(d->node_count + 1);
    s->ran = mem_zalloc(d->node_count + 1);
    *out = s;
    TRY(hash_project(s, e));
    for (size_t i = 0; i < d->node_count; i++) print_of(s, d->nodes[i]);
    if (io_read_file(state_path(d), &text, NULL) == ERR_OK &&
        jinja_json_read(d->env, text.ptr, text.len, &s->doc, NULL) == ERR_OK) {
        s->old = jinja_dict_get(s->doc, "nodes");
        s->warehouse_known = warehouse_stat(d, now) && !strcmp(value_get_text(s->doc, "warehouse", ""), now);
    }
done:
    buf_reset(&text);
    return rc;
}

void skip_free(struct skip_state **state)
{
    struct skip_state *s = *state;
    if (!s) return;
    mem_free(s->print);
    mem_free(s->have);
    mem_free(s->good);
    mem_free(s->ran);
    mem_free(s);
    *state = NULL;
}

bool skip_has(const struct skip_state *s, const struct node *n)
{
    char hex[HASH_HEX_SIZE];
    return s->warehouse_known && !strcmp(value_get_text(s->old, n->unique_id, ""), hash_hex(s->print[n->order], hex));
}

bool skip_unchanged(struct run *run, struct context *c, struct node *n, struct result *r)
{
    (void)c;
    if (!skip_has(run->skip, n)) return false;
    run->skip->good[n->order] = true;
    run->skip->ran[n->order] = true;
    r->status = n->kind == NODE_TEST || n->kind == NODE_UNIT_TEST ? MODEL_PASS : MODEL_SUCCESS;
    r->message = "UNCHANGED";
    if (r->status == MODEL_PASS) r->failures = 0, r->message = NULL;
    return true;
}

void skip_note(struct run *run, struct context *c, struct node *n, const struct result *r, int64_t changed_rows,
               bool wrote)
{
    (void)c, (void)changed_rows, (void)wrote;
    pthread_mutex_lock(&run->d->lock);
    run->skip->ran[n->order] = true;
    run->skip->good[n->order] = r->status == MODEL_SUCCESS || r->status == MODEL_PASS;
    pthread_mutex_unlock(&run->d->lock);
}

bool skip_warehouse_known(const struct skip_state *s) { return s->warehouse_known; }

/* The relations that the warehouse held when we left it, so that is_incremental() needs no database. */
void skip_fill_cache(const struct skip_state *s, struct warehouse *w)
{
    struct jinja_value list = jinja_dict_get(s->doc, "relations"), schemas = jinja_dict_get(s->doc, "schemas");
    if (!s->warehouse_known || list.type != JINJA_LIST) return;
    for (size_t i = 0; i < jinja_seq_count(schemas); i++) {
        struct jinja_value x = jinja_seq_items(schemas)[i];
        warehouse_schema_added(w, value_get_text(x, "database", ""), value_get_text(x, "schema", ""));
    }
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value x = jinja_seq_items(list)[i];
        warehouse_added(w, value_get_text(x, "database", ""), value_get_text(x, "schema", ""),
                        value_get_text(x, "identifier", ""), relation_type_of(value_get_text(x, "type", "table")));
    }
    w->known = true;
}

static void put(struct dbt *d, struct jinja_value dict, const char *key, const char *s)
{
    jinja_dict_set(d->env, dict, key, jinja_text(d->env, s ? s : ""));
}

/* Called with the warehouse closed: its file is then as it will be found. */
enum err skip_save(struct run *run, struct error *e)
{
    struct skip_state *s = run->skip;
    struct dbt *d = s->d;
    struct jinja_value doc = jinja_dict(d->env), nodes = jinja_dict(d->env), key, item;
    struct buf b = {0};
    char now[64], hex[HASH_HEX_SIZE];
    if (!warehouse_stat(d, now)) return ERR_OK;
    put(d, doc, "warehouse", now);
    for (size_t at = 0; s->warehouse_known && s->old.type == JINJA_DICT && jinja_dict_next(s->old, &at, &key, &item);)
        put(d, nodes, value_text(key, ""), value_text(item, ""));
    for (size_t i = 0; i < d->node_count; i++) {
        if (!s->ran[i]) continue;
        if (s->good[i])
            put(d, nodes, d->nodes[i]->unique_id, hash_hex(s->print[i], hex));
        else
            jinja_dict_remove(nodes, d->nodes[i]->unique_id);
    }
    jinja_dict_set(d->env, doc, "nodes", nodes);
    jinja_dict_set(d->env, doc, "relations", jinja_dict_get(s->doc, "relations"));
    if (jinja_is_absent(jinja_dict_get(doc, "relations"))) jinja_dict_set(d->env, doc, "relations", jinja_none());
    jinja_dict_set(d->env, doc, "schemas",
                   jinja_is_absent(jinja_dict_get(s->doc, "schemas")) ? jinja_none()
                                                                      : jinja_dict_get(s->doc, "schemas"));
    enum err rc = jinja_json_write(d->env, doc, -1, false, &b, e);
    if (rc == ERR_OK) rc = write_text(d, state_path(d), b.ptr, b.len, e);
    buf_reset(&b);
    return rc;
}

void skip_keep_relations(struct run *run)
{
    struct skip_state *s = run->skip;
    struct dbt *d = s->d;
    struct warehouse *w = d->warehouse;
    if (!w->known) return;
    struct jinja_value list = jinja_list(d->env), schemas = jinja_list(d->env);
    for (size_t i = 0; i < w->cache_count; i++) {
        const struct cached *c = w->cache[i];
        if (c->gone || c->type == REL_NONE) continue;
        struct jinja_value x = jinja_dict(d->env);
        put(d, x, "database", c->database);
        put(d, x, "schema", c->schema);
        put(d, x, "identifier", c->identifier);
        put(d, x, "type", RELATION_TYPE_NAMES[c->type]);
        jinja_list_add(d->env, list, x);
    }
    for (size_t i = 0; i < w->schemas.count; i++) {
        const char *full = w->schemas.at[i], *dot = strchr(full, '.');
        struct jinja_value x = jinja_dict(d->env);
        put(d, x, "database", arena_strndup(&d->arena, full, dot ? (size_t)(dot - full) : 0));
        put(d, x, "schema", dot ? dot + 1 : full);
        jinja_list_add(d->env, schemas, x);
    }
    if (s->doc.type != JINJA_DICT) s->doc = jinja_dict(d->env);
    jinja_dict_set(d->env, s->doc, "relations", list);
    jinja_dict_set(d->env, s->doc, "schemas", schemas);
}

void skip_forget(struct skip_state *s)
{
    s->warehouse_known = false;
    for (size_t i = 0; i < s->d->node_count; i++) s->good[i] = false;
}
