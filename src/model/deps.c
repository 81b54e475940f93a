/* deps: the local packages of packages.yml and dependencies.yml, linked into dbt_packages/. Others are fetched from the
 * network by dbt itself: those that are already there are left, the rest is an error that says so. */
#include "model/print.h"
#include "model/run.h"

#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct installing {
    struct dbt *d;
    struct context c;
    const char *into; /* absolute */
    struct buf lock;
    size_t found;
    struct texts done;
};

static enum err read_list(struct installing *x, const char *folder, struct jinja_value *out, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = x->d;
    static const char *const files[] = {"packages.yml", "dependencies.yml"};
    struct buf text = {0};
    *out = jinja_list(d->env);
    for (int i = 0; i < 2; i++) {
        const char *path = arena_printf(&d->arena, "%s/%s", folder, files[i]);
        const struct yaml *doc = NULL;
        struct jinja_value v;
        if (!io_exists(path)) continue;
        buf_clear(&text);
        TRY(io_read_file(path, &text, e));
        TRY(yaml_parse(&d->arena, text.ptr, text.len, files[i], &doc, e));
        TRY(context_yaml(&x->c, doc, files[i], NULL, NULL, &v, e));
        v = jinja_dict_get(v, "packages");
        for (size_t k = 0; k < jinja_seq_count(v); k++) jinja_list_add(d->env, *out, jinja_seq_items(v)[k]);
    }
done:
    buf_reset(&text);
    return rc;
}

static enum err name_of(struct installing *x, const char *folder, const char **name, struct error *e)
{
    enum err rc = ERR_OK;
    struct buf text = {0};
    const struct yaml *doc = NULL;
    const char *path = arena_printf(&x->d->arena, "%s/dbt_project.yml", folder);
    if (!io_exists(path)) return err_set(e, ERR_INPUT, "no dbt_project.yml found in package %s", folder);
    TRY(io_read_file(path, &text, e));
    TRY(yaml_parse(&x->d->arena, text.ptr, text.len, path, &doc, e));
    *name = yaml_text(yaml_get(doc, "name"), NULL);
    if (!*name || strchr(*name, '/') || **name == '.')
        rc = err_set(e, ERR_INPUT, "%s: a package needs a plain name", path);
done:
    buf_reset(&text);
    return rc;
}

static enum err link_package(struct installing *x, const char *from, const char *name, struct error *e)
{
    enum err rc = ERR_OK;
    const char *to = arena_printf(&x->d->arena, "%s/%s", x->into, name);
    char there[PATH_MAX];
    TRY(io_make_dirs(x->into, e));
    if (realpath(to, there) && !strcmp(there, from)) goto done;
    if (unlink(to) && errno != ENOENT) TRY(io_remove_tree(to, e));
    if (symlink(from, to)) rc = err_sys(e, errno, "linking %s", to);
done:
    return rc;
}

static enum err install(struct installing *x, const char *folder, int depth, struct error *e);

static enum err install_local(struct installing *x, const char *local, int depth, struct error *e)
{
    enum err rc = ERR_OK;
    struct dbt *d = x->d;
    char full[PATH_MAX];
    const char *name = NULL, *path = *local == '/' ? local : arena_printf(&d->arena, "%s/%s", d->root, local);
    if (!realpath(path, full)) return err_sys(e, errno, "package %s", local);
    TRY(name_of(x, full, &name, e));
    if (texts_has(&x->done, name)) return ERR_OK;
    texts_add(&x->done, name);
    say(d, SAY_INFO, "DepsStartPackageInstall", "M014", "Installing %s", local);
    TRY(link_package(x, full, name, e));
    say(d, SAY_INFO, "DepsInstallInfo", "M015", "Installed from <local @ %s>", local);
    buf_printf(&x->lock, "  - local: %s\n    name: %s\n", local, name);
    TRY(install(x, arena_strdup(&d->arena, full), depth + 1, e));
done:
    return rc;
}

/* "dbt-labs/dbt_utils", "https://…/dbt-utils.git" → dbt_utils */
static bool is_there(struct installing *x, const char *package)
{
    const char *slash = strrchr(package, '/');
    char *name = arena_strdup(&x->d->arena, slash ? slash + 1 : package);
    if (str_ends(name, ".git")) name[strlen(name) - 4] = 0;
    for (char *p = name; *p; p++)
        if (*p == '-') *p = '_';
    return io_exists(arena_printf(&x->d->arena, "%s/%s/dbt_project.yml", x->into, name));
}

static enum err install(struct installing *x, const char *folder, int depth, struct error *e)
{
    enum err rc = ERR_OK;
    struct jinja_value list;
    if (depth > 50) return err_set(e, ERR_INPUT, "packages that need each other, deeper than 50");
    TRY(read_list(x, folder, &list, e));
    for (size_t i = 0; i < jinja_seq_count(list); i++) {
        struct jinja_value one = jinja_seq_items(list)[i];
        const char *local = value_get_text(one, "local", NULL);
        static const char *const remote[] = {"package", "git", "tarball", "private"};
        const char *other = NULL;
        x->found++;
        if (local) {
            TRY(install_local(x, local, depth, e));
            continue;
        }
        for (int k = 0; k < 4 && !other; k++) other = value_get_text(one, remote[k], NULL);
        if (other && is_there(x, other)) {
            say(x->d, SAY_INFO, "DepsUTD", "M017", "Already there: %s", other);
            continue;
        }
        err_set(e, ERR_UNSUPPORTED, "package %s is not local; this program fetches nothing", other ? other : "?");
        rc = err_hint(e, "put its folder into %s/, as dbt deps does", x->d->packages_dir);
        goto done;
    }
done:
    return rc;
}

enum err deps_verb(struct dbt *d, struct error *e)
{
    enum err rc = ERR_OK;
    struct installing x = {.d = d};
    context_init(&x.c, d, d->env, PHASE_PROJECT);
    x.into = *d->packages_dir == '/' ? d->packages_dir : arena_printf(&d->arena, "%s/%s", d->root, d->packages_dir);
    buf_str(&x.lock, "packages:\n");
    TRY(install(&x, d->root, 0, e));
    if (!x.found)
        say(d, SAY_INFO, "DepsNoPackagesFound", "M013", "Warning: No packages were found in packages.yml");
    else
        TRY(write_text(d, arena_printf(&d->arena, "%s/package-lock.yml", d->root), x.lock.ptr, x.lock.len, e));
done:
    context_reset(&x.c);
    buf_reset(&x.lock);
    return rc;
}
