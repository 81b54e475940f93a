/* profiles.yml: the output of the chosen target, and `target` as templates see it. */
#include "model/context.h"

#include "base/io.h"

#include <stdlib.h>
#include <unistd.h>

/* DuckDB's catalog name for a file: its name up to the first dot, leading dots aside. */
static const char *database_of_path(struct dbt *d, const char *path)
{
    if (!path || !strcmp(path, ":memory:")) return "memory";
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    while (*base == '.') base++;
    return arena_strndup(&d->arena, base, strcspn(base, "."));
}

static const char *find_file(struct dbt *d)
{
    const char *given = d->o->profiles_dir ? d->o->profiles_dir : dbt_env(d, "DBT_PROFILES_DIR"), *path;
    if (given) return arena_printf(&d->arena, "%s/profiles.yml", given);
    if (io_exists("profiles.yml")) return "profiles.yml";
    path = arena_printf(&d->arena, "%s/profiles.yml", d->root);
    if (io_exists(path)) return path;
    const char *home = getenv("HOME");
    return arena_printf(&d->arena, "%s/.dbt/profiles.yml", home ? home : ".");
}

/* The profile's name comes rendered out of dbt_project.yml, which may use env_var and --vars only. */
static enum err profile_name(struct dbt *d, struct context *c, const char **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value v;
    const struct yaml *y = yaml_get(d->project->doc, "profile");
    *out = d->o->profile;
    if (*out || !y || y->kind != YAML_STR) return ERR_OK;
    TRY(context_value(c, y->text, "dbt_project.yml", y->line, &v, e));
    *out = value_str(&d->arena, d->env, v);
done:
    return rc;
}

static enum err pick_output(struct dbt *d, struct context *c, const struct yaml *profile, const char *file,
                            const struct yaml **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value v;
    const struct yaml *target = yaml_get(profile, "target"), *outputs = yaml_get(profile, "outputs");
    d->profile.target = d->o->target;
    if (!d->profile.target && target && target->kind == YAML_STR) {
        TRY(context_value(c, target->text, file, target->line, &v, e));
        d->profile.target = value_str(&d->arena, d->env, v);
    }
    if (!d->profile.target) d->profile.target = "default";
    *out = yaml_get(outputs, d->profile.target);
    if (*out) return ERR_OK;
    rc =
        err_set(e, ERR_INPUT, "the profile '%s' does not have a target named '%s'", d->profile.name, d->profile.target);
    err_where(e, "%s:%u", file, profile->line);
    if (outputs && outputs->kind == YAML_MAP) {
        struct buf b = {0};
        for (size_t i = 0; i < outputs->count; i++)
            buf_printf(&b, "%s%s", i ? ", " : "", outputs->pair[i].key->text.ptr);
        err_hint(e, "the valid target names are: %s", b.ptr ? b.ptr : "none");
        buf_reset(&b);
    }
done:
    return rc;
}

static enum err read_profile(struct dbt *d, struct context *c, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const struct yaml *doc = NULL, *profile, *output = NULL;
    const char *file = find_file(d);
    *out = jinja_dict(d->env);
    TRY(profile_name(d, c, &d->profile.name, e));
    if (!d->profile.name) d->profile.name = "default";
    if (d->hooks->warehouse && !io_exists(file)) {
        d->profile.target = d->o->target ? d->o->target : "lake";
        return ERR_OK;
    }
    rc = io_read_file(file, &text, e);
    if (rc != ERR_OK) {
        err_hint(e, "profiles.yml says which database to use: --profiles-dir names its folder");
        goto done;
    }
    TRY(yaml_parse(&d->arena, text.ptr ? text.ptr : "", text.len, file, &doc, e));
    profile = yaml_get(doc, d->profile.name);
    if (!profile) {
        rc = err_set(e, ERR_INPUT, "could not find profile named '%s'", d->profile.name);
        err_where(e, "%s", file);
        err_hint(e, "dbt_project.yml names it as 'profile:'; --profile overrides it");
        goto done;
    }
    TRY(pick_output(d, c, profile, file, &output, e));
    TRY(context_yaml(c, output, file, NULL, NULL, out, e));
done:
    buf_reset(&text);
    return rc;
}

static void make_target(struct dbt *d, struct jinja_value out)
{
    static const char *const keys[] = {"database",
                                       "schema",
                                       "path",
                                       "config_options",
                                       "extensions",
                                       "settings",
                                       "external_root",
                                       "use_credential_provider",
                                       "attach",
                                       "filesystems",
                                       "remote",
                                       "plugins",
                                       "disable_transactions",
                                       NULL};
    struct profile *p = &d->profile;
    struct jinja_value t = p->target_dict = jinja_dict(d->env);
    jinja_dict_set(d->env, out, "database", jinja_text(d->env, p->database));
    jinja_dict_set(d->env, out, "schema", jinja_text(d->env, p->schema));
    jinja_dict_set(d->env, out, "path", jinja_text(d->env, p->path));
    jinja_dict_set(d->env, out, "external_root", jinja_text(d->env, p->external_root));
    for (const char *const *k = keys; *k; k++) {
        struct jinja_value v = jinja_dict_get(out, *k);
        if (jinja_is_absent(v)) v = strcmp(*k, "settings") ? jinja_none() : jinja_dict(d->env);
        jinja_dict_set(d->env, t, *k, v);
    }
    jinja_dict_set(d->env, t, "disable_transactions", jinja_bool(p->disable_transactions));
    jinja_dict_set(d->env, t, "type", jinja_text(d->env, "duckdb"));
    jinja_dict_set(d->env, t, "threads", jinja_int(p->threads));
    jinja_dict_set(d->env, t, "name", jinja_text(d->env, p->target));
    jinja_dict_set(d->env, t, "target_name", jinja_text(d->env, p->target));
    jinja_dict_set(d->env, t, "profile_name", jinja_text(d->env, p->name));
}

/* `database` differs from the file's name only when it is the alias of an attached database. */
static enum err check_database(struct dbt *d, struct jinja_value out, struct error *e)
{
    const char *given = value_get_text(out, "database", NULL), *derived = database_of_path(d, d->profile.path);
    d->profile.database = given && !d->hooks->warehouse ? given : derived;
    if (!strcmp(d->profile.database, derived)) return ERR_OK;
    struct jinja_value attach = jinja_dict_get(out, "attach");
    for (size_t i = 0; i < jinja_seq_count(attach); i++)
        if (!strcmp(value_get_text(jinja_seq_items(attach)[i], "alias", ""), given)) return ERR_OK;
    err_set(e, ERR_INPUT, "inconsistency detected between 'path' and 'database' fields in profile");
    return err_hint(e, "the 'database' property must be set to '%s' to match the 'path'", derived);
}

enum err dbt_profile_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value out;
    struct context c;
    struct profile *p = &d->profile;
    context_init(&c, d, d->env, PHASE_PROFILE);
    TRY(read_profile(d, &c, &out, e));
    p->dict = out;
    const char *type = value_get_text(out, "type", "duckdb");
    if (strcmp(type, "duckdb") != 0) {
        rc = err_set(e, ERR_UNSUPPORTED, "the target '%s' of profile '%s' has type '%s'; this runner knows duckdb",
                     p->target, p->name, type);
        goto done;
    }
    p->path = d->hooks->warehouse ? d->hooks->warehouse : value_get_text(out, "path", ":memory:");
    if (!strncmp(p->path, "md:", 3) || !strncmp(p->path, "motherduck:", 11)) {
        rc = err_set(e, ERR_UNSUPPORTED, "MotherDuck databases are not supported");
        goto done;
    }
    p->schema = value_get_text(out, "schema", "main");
    p->external_root = value_get_text(out, "external_root", ".");
    p->disable_transactions = value_get_bool(out, "disable_transactions", false);
    struct jinja_value threads = jinja_dict_get(out, "threads");
    p->threads = d->o->threads > 0                                     ? d->o->threads
                 : threads.type == JINJA_INT && threads.as.integer > 0 ? (int)threads.as.integer
                                                                       : 1;
    TRY(check_database(d, out, e));
    make_target(d, out);
done:
    context_reset(&c);
    return rc;
}
