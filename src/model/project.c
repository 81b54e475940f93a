/* dbt_project.yml of the project and its packages, --vars, flags. */
#include "model/context.h"

#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

const char *dbt_env(const struct dbt *d, const char *name)
{
    size_t n = strlen(name);
    for (const char *const *p = d->hooks->env; p && *p; p++)
        if (!strncmp(*p, name, n) && (*p)[n] == '=') return *p + n + 1;
    return getenv(name);
}

struct jinja_value package_section(const struct package *p, const char *key) { return jinja_dict_get(p->config, key); }

/* Hooks and vars are rendered when they are used. */
static bool skip_late(void *ctx, const struct yaml_path *path)
{
    (void)ctx;
    const char *first = yaml_path_at(path, 0);
    if (!first) return false;
    if (!strcmp(first, "on-run-start") || !strcmp(first, "on-run-end") || !strcmp(first, "query-comment") ||
        !strcmp(first, "vars"))
        return true;
    static const char *const kinds[] = {"seeds", "models", "snapshots", "tests", "data_tests", NULL};
    bool kind = false;
    for (const char *const *k = kinds; *k; k++) kind |= !strcmp(first, *k);
    if (!kind) return false;
    for (const struct yaml_path *p = path; p; p = p->up) {
        const char *key = p->key ? p->key : "";
        while (*key == '+' || *key == ' ') key++;
        if (!strcmp(key, "pre-hook") || !strcmp(key, "post-hook") || !strcmp(key, "pre_hook") ||
            !strcmp(key, "post_hook"))
            return true;
    }
    return false;
}

static void paths(struct dbt *d, struct package *p, struct texts *out, const char *key, const char *old,
                  const char *otherwise)
{
    struct jinja_value v = package_section(p, key);
    if (value_is_null(v) && old) v = package_section(p, old);
    if (!value_is_null(v))
        value_to_texts(d, v, out);
    else if (otherwise)
        texts_add(out, otherwise);
    for (size_t i = 0; i < out->count; i++) {
        const char *s = out->at[i];
        size_t n = strlen(s);
        while (n > 1 && s[n - 1] == '/') n--;
        if (n > 2 && s[0] == '.' && s[1] == '/') s += 2, n -= 2;
        out->at[i] = arena_strndup(&d->arena, s, n);
    }
}

static enum err read_yaml(struct dbt *d, const char *path, const char *name, const struct yaml **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    TRY(io_read_file(path, &text, e));
    TRY(yaml_parse(&d->arena, text.ptr ? text.ptr : "", text.len, name, out, e));
done:
    buf_reset(&text);
    return rc;
}

/* What must be known of a package before its config is rendered: its name. */
static enum err package_open(struct dbt *d, const char *root, const char *rel, struct package **out, struct error *e)
{
    enum err rc = ERR_OK;
    struct package *p = arena_zalloc(&d->arena, sizeof *p);
    p->root = arena_strdup(&d->arena, root);
    p->rel = arena_strdup(&d->arena, rel);
    p->is_root = !*rel;
    p->doc_path = *rel ? arena_printf(&d->arena, "%s/dbt_project.yml", rel) : "dbt_project.yml";
    TRY(read_yaml(d, arena_printf(&d->arena, "%s/dbt_project.yml", root), p->doc_path, &p->doc, e));
    p->name = yaml_text(yaml_get(p->doc, "name"), NULL);
    if (!p->name) {
        rc = err_set(e, ERR_INPUT, "dbt_project.yml has no 'name'");
        err_where(e, "%s", p->doc_path);
        goto done;
    }
    for (const char *s = p->name; *s; s++)
        if (!(*s == '_' || (*s >= '0' && *s <= '9' && s > p->name) || (*s >= 'a' && *s <= 'z') ||
              (*s >= 'A' && *s <= 'Z'))) {
            rc = err_set(e, ERR_INPUT, "invalid project name '%s': letters, digits and underscores only", p->name);
            err_where(e, "%s:%u", p->doc_path, yaml_get(p->doc, "name")->line);
            goto done;
        }
    *out = p;
done:
    return rc;
}

/* Renders the config; target and --vars are known by now. */
static enum err package_config(struct dbt *d, struct context *c, struct package *p, struct error *e)
{
    enum err rc = ERR_OK;
    context_move(c, PHASE_PROJECT, NULL, NULL);
    TRY(context_yaml(c, p->doc, p->doc_path, skip_late, NULL, &p->config, e));
    p->vars = package_section(p, "vars");
    if (p->vars.type != JINJA_DICT) p->vars = jinja_dict(d->env);
    paths(d, p, &p->model_paths, "model-paths", "source-paths", "models");
    paths(d, p, &p->seed_paths, "seed-paths", "data-paths", "seeds");
    paths(d, p, &p->snapshot_paths, "snapshot-paths", NULL, "snapshots");
    paths(d, p, &p->test_paths, "test-paths", NULL, "tests");
    paths(d, p, &p->macro_paths, "macro-paths", NULL, "macros");
    paths(d, p, &p->analysis_paths, "analysis-paths", NULL, "analyses");
    paths(d, p, &p->docs_paths, "docs-paths", NULL, NULL);
    paths(d, p, &p->function_paths, "function-paths", NULL, "functions");
    if (!p->docs_paths.count) {
        const struct texts *all[] = {&p->model_paths,    &p->seed_paths,  &p->snapshot_paths,
                                     &p->analysis_paths, &p->macro_paths, &p->test_paths};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            for (size_t k = 0; k < all[i]->count; k++)
                if (!texts_has(&p->docs_paths, all[i]->at[k])) texts_add(&p->docs_paths, all[i]->at[k]);
    }
done:
    return rc;
}

static void add_package(struct dbt *d, struct package *p)
{
    mem_grow(&d->packages, &d->package_cap, d->package_count + 1, sizeof *d->packages);
    d->packages[d->package_count++] = p;
    names_put(&d->package_by_name, view_of(p->name), p);
}

/* Packages below packages-install-path, in order of their folders. */
static enum err open_dependencies(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct io_names names = {0};
    struct package *p = NULL;
    const char *dir = arena_printf(&d->arena, "%s/%s", d->root, d->packages_dir);
    if (!io_is_dir(dir)) return ERR_OK;
    TRY(io_list_dir(dir, &names, e));
    for (size_t i = 0; i < names.count; i++) {
        const char *root = arena_printf(&d->arena, "%s/%s", dir, names.name[i]);
        if (!io_exists(arena_printf(&d->arena, "%s/dbt_project.yml", root))) continue;
        TRY(package_open(d, root, arena_printf(&d->arena, "%s/%s", d->packages_dir, names.name[i]), &p, e));
        if (names_get(&d->package_by_name, p->name)) {
            rc = err_set(e, ERR_INPUT, "two packages are called '%s'", p->name);
            err_where(e, "%s", p->doc_path);
            goto done;
        }
        add_package(d, p);
    }
done:
    io_names_free(&names);
    return rc;
}

/* dbt's words for packages.yml entries that are not installed. */
static enum err check_dependencies(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    const struct yaml *doc = NULL;
    size_t wanted = 0;
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "dependencies.yml" : "packages.yml";
        const char *path = arena_printf(&d->arena, "%s/%s", d->root, name);
        if (!io_exists(path)) continue;
        TRY(read_yaml(d, path, name, &doc, e));
        const struct yaml *list = yaml_get(doc, "packages");
        wanted += list && list->kind == YAML_SEQ ? list->count : 0;
    }
    if (wanted > d->package_count - 1) {
        rc = err_set(e, ERR_INPUT, "%zu package(s) are specified in packages.yml, but only %zu installed in %s", wanted,
                     d->package_count - 1, d->packages_dir);
        err_hint(
            e, "run \"deps\" to install local packages; packages of the hub or of git must be put into %s/ by dbt deps",
            d->packages_dir);
    }
done:
    return rc;
}

static enum err parse_vars(struct dbt *d, const char *text, const char *what, struct error *e)
{
    enum err rc = ERR_OK;
    const struct yaml *y = NULL;
    struct jinja_value v;
    if (!text || !*text) return ERR_OK;
    TRY(yaml_parse(&d->arena, text, strlen(text), what, &y, e));
    if (yaml_is_null(y)) return ERR_OK;
    if (y->kind != YAML_MAP) {
        rc = err_set(e, ERR_USAGE, "%s must be a dict in YAML or JSON", what);
        goto done;
    }
    TRY(yaml_value(d->env, y, &v, e));
    value_update(d->env, d->cli_vars, v);
done:
    return rc;
}

static void flag(struct dbt *d, const char *name, struct jinja_value v) { jinja_dict_set(d->env, d->flags, name, v); }
static void flag3(struct dbt *d, const char *name, enum model_tristate given, bool otherwise)
{
    flag(d, name, jinja_bool(given == MODEL_UNSET ? otherwise : given == MODEL_YES));
}

static const char *const VERB_NAMES[] = {"",      "build", "run",  "test",     "seed",      "snapshot",      "compile",
                                         "list",  "parse", "deps", "generate", "freshness", "run-operation", "show",
                                         "clean", "retry", "clone"};

static void make_flags(struct dbt *d)
{
    const struct model_options *o = d->o;
    struct jinja_value file = package_section(d->project, "flags"), key, item;
    d->flags = jinja_dict(d->env);
    static const char *const on[] = {"PARTIAL_PARSE",
                                     "STATIC_PARSER",
                                     "VERSION_CHECK",
                                     "WRITE_JSON",
                                     "POPULATE_CACHE",
                                     "INTROSPECT",
                                     "PRINT",
                                     "REQUIRE_EXPLICIT_PACKAGE_OVERRIDES_FOR_BUILTIN_MATERIALIZATIONS",
                                     "REQUIRE_RESOURCE_NAMES_WITHOUT_SPACES",
                                     "SOURCE_FRESHNESS_RUN_PROJECT_HOOKS",
                                     "REQUIRE_GENERIC_TEST_ARGUMENTS_PROPERTY",
                                     NULL};
    static const char *const off[] = {"USE_EXPERIMENTAL_PARSER",
                                      "CACHE_SELECTED_ONLY",
                                      "REQUIRE_BATCHED_EXECUTION_FOR_CUSTOM_MICROBATCH_STRATEGY",
                                      "SKIP_NODES_IF_ON_RUN_START_FAILS",
                                      "STATE_MODIFIED_COMPARE_MORE_UNRENDERED_VALUES",
                                      "STATE_MODIFIED_COMPARE_VARS",
                                      "REQUIRE_YAML_CONFIGURATION_FOR_MF_TIME_SPINES",
                                      "REQUIRE_NESTED_CUMULATIVE_TYPE_PARAMS",
                                      "VALIDATE_MACRO_ARGS",
                                      "REQUIRE_ALL_WARNINGS_HANDLED_BY_WARN_ERROR",
                                      "REQUIRE_UNIQUE_PROJECT_RESOURCE_NAMES",
                                      "REQUIRE_REF_SEARCHES_NODE_PACKAGE_BEFORE_ROOT",
                                      "REQUIRE_SQL_HEADER_IN_TEST_CONFIGS",
                                      NULL};
    for (const char *const *p = on; *p; p++) flag(d, *p, jinja_bool(true));
    for (const char *const *p = off; *p; p++) flag(d, *p, jinja_bool(false));
    for (size_t at = 0; jinja_dict_next(file, &at, &key, &item);) {
        char upper[128];
        size_t n = 0;
        for (const char *s = value_text(key, ""); *s && n + 1 < sizeof upper; s++)
            upper[n++] = (char)(*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
        upper[n] = 0;
        flag(d, upper, item);
    }
    flag3(d, "FULL_REFRESH", o->full_refresh, value_get_bool(d->flags, "FULL_REFRESH", false));
    flag3(d, "STORE_FAILURES", o->store_failures, value_get_bool(d->flags, "STORE_FAILURES", false));
    flag3(d, "FAIL_FAST", o->fail_fast, value_get_bool(d->flags, "FAIL_FAST", false));
    flag3(d, "EMPTY", o->empty, false);
    flag3(d, "DEFER", o->defer, false);
    flag3(d, "FAVOR_STATE", o->favor_state, false);
    flag3(d, "WARN_ERROR", o->warn_error, value_get_bool(d->flags, "WARN_ERROR", false));
    flag3(d, "INTROSPECT", o->introspect, true);
    flag(d, "WHICH", jinja_text(d->env, VERB_NAMES[o->verb]));
    flag(d, "USE_COLORS", jinja_bool(o->color));
    flag(d, "DEBUG", jinja_bool(o->debug));
    flag(d, "QUIET", jinja_bool(o->quiet));
    flag(d, "PRINT", jinja_bool(!o->no_print));
    flag(d, "PROJECT_DIR", jinja_text(d->env, d->root));
    flag(d, "PROFILES_DIR", value_text_or_none(d->env, o->profiles_dir));
    flag(d, "TARGET", value_text_or_none(d->env, o->target));
    flag(d, "PROFILE", value_text_or_none(d->env, o->profile));
    flag(d, "STATE", value_text_or_none(d->env, o->state));
    flag(d, "SELECTOR", value_text_or_none(d->env, o->selector));
    flag(d, "INDIRECT_SELECTION", jinja_text(d->env, o->indirect_selection ? o->indirect_selection : "eager"));
    flag(d, "LOG_FORMAT", jinja_text(d->env, o->log_json ? "json" : "default"));
    flag(d, "INVOCATION_COMMAND", jinja_text(d->env, o->command ? o->command : ""));
    flag(d, "VARS", d->cli_vars);
    flag(d, "SEND_ANONYMOUS_USAGE_STATS", jinja_bool(false));
}

static enum err find_root(struct dbt *d, struct error *e)
{
    char here[PATH_MAX], full[PATH_MAX];
    const char *given = d->o->project_dir ? d->o->project_dir : dbt_env(d, "DBT_PROJECT_DIR");
    if (given) {
        if (!realpath(given, full)) return err_sys(e, errno, "no project in %s", given);
        d->root = arena_strdup(&d->arena, full);
        if (!io_exists(arena_printf(&d->arena, "%s/dbt_project.yml", full))) {
            err_set(e, ERR_USAGE, "no dbt_project.yml found at expected path %s/dbt_project.yml", full);
            return err_hint(e, "--project-dir names the folder with dbt_project.yml");
        }
        return ERR_OK;
    }
    if (!getcwd(here, sizeof here)) return err_sys(e, errno, "the working folder");
    for (;;) {
        if (io_exists(arena_printf(&d->arena, "%s/dbt_project.yml", here))) break;
        char *slash = strrchr(here, '/');
        if (!slash || slash == here) {
            err_set(e, ERR_USAGE, "no dbt_project.yml in the working folder or above it");
            return err_hint(e, "name the project with --project-dir");
        }
        *slash = 0;
    }
    d->root = arena_strdup(&d->arena, here);
    return ERR_OK;
}

enum err dbt_project_load(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct context c;
    context_init(&c, d, d->env, PHASE_PROJECT);
    d->cli_vars = jinja_dict(d->env);
    TRY(find_root(d, e));
    TRY(parse_vars(d, d->hooks->vars, "vars of the lake", e));
    TRY(parse_vars(d, d->o->vars, "--vars", e));
    TRY(package_open(d, d->root, "", &d->project, e));
    add_package(d, d->project);
    rc = dbt_profile_load(d, e);
    if (d->o->verb == MODEL_DEPS || d->o->verb == MODEL_CLEAN) rc = ERR_OK; /* they need no database */
    TRY(rc);
    TRY(package_config(d, &c, d->project, e));
    d->packages_dir = value_get_text(d->project->config, "packages-install-path", "dbt_packages");
    const char *target = d->o->target_path ? d->o->target_path : dbt_env(d, "DBT_TARGET_PATH");
    d->target_path = target ? target : value_get_text(d->project->config, "target-path", "target");
    d->target_dir =
        d->target_path[0] == '/' ? d->target_path : arena_printf(&d->arena, "%s/%s", d->root, d->target_path);
    d->quoting = package_section(d->project, "quoting");
    make_flags(d);
    TRY(args_make(d, e));
    if (d->o->verb == MODEL_DEPS || d->o->verb == MODEL_CLEAN) goto done;
    TRY(open_dependencies(d, e));
    TRY(check_dependencies(d, e));
    for (size_t i = 1; i < d->package_count; i++) TRY(package_config(d, &c, d->packages[i], e));
done:
    context_reset(&c);
    return rc;
}
