#include "publish/chdb.h"

#include "base/io.h"
#include "base/mem.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum err chdb_find(const char *wanted, char **path, struct error *e)
{
    static const char *const places[] = {"", "../lib/lakefm/", "../deps/clickhouse/", "deps/clickhouse/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    *path = NULL;
    if (wanted) {
        if (io_exists(wanted)) *path = mem_strdup(wanted);
    } else if (n > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        for (size_t i = 0; i < sizeof places / sizeof *places && !*path; i++) {
            char *p = mem_printf("%s/%slibchdb.so", self, places[i]);
            if (io_exists(p)) *path = p;
            else mem_free(p);
        }
    }
    if (*path) return ERR_OK;
    if (wanted) err_set(e, ERR_NOT_FOUND, "there is no %s (setting clickhouse.library)", wanted);
    else err_set(e, ERR_NOT_FOUND, "the embedded ClickHouse needs libchdb.so, which is not beside the program");
    return err_hint(e, "get it by make deps-clickhouse (178 MB), or name it by the setting clickhouse.library");
}

typedef struct chdb_result chdb_result;

enum err chdb_serve(const struct chdb_server *s, struct error *e)
{
    enum err rc = ERR_OK;
    char *args[12] = {NULL}, *start = io_path(s->folder, "start.sql");
    const char *sql = s->tcp_port ? "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;\n" : "SYSTEM START LISTEN HTTP;\n";
    size_t n = 0;
    chdb_result *(*run)(int, char **) = NULL;
    const char *(*error)(chdb_result *) = NULL;
    void *library = dlopen(s->library, RTLD_NOW | RTLD_LOCAL);
    if (!library) TRY(err_set(e, ERR_UNSUPPORTED, "cannot load %s: %s", s->library, dlerror()));
    void *f = dlsym(library, "chdb_query_cmdline"), *g = dlsym(library, "chdb_result_error");
    if (!f || !g) TRY(err_set(e, ERR_UNSUPPORTED, "%s is too old: it has no chdb_query_cmdline", s->library));
    memcpy(&run, &f, sizeof f);
    memcpy(&error, &g, sizeof g);
    TRY(io_write_file(start, sql, strlen(sql), false, e));
    args[n++] = mem_strdup("clickhouse-local");
    args[n++] = mem_printf("--path=%s/data", s->folder);
    args[n++] = mem_printf("--config-file=%s/server.xml", s->folder);
    args[n++] = mem_printf("--listen_host=%s", s->bind);
    args[n++] = mem_printf("--http_port=%lld", (long long)s->http_port);
    args[n++] = mem_printf("--tcp_port=%lld", (long long)(s->tcp_port ? s->tcp_port : 9000));
    /* The second file is never whole before we are told to leave: that keeps the server up, and takes no right to read files,
     * which the user of this session (default) shall not have. */
    args[n++] = mem_strdup("--queries-file");
    args[n++] = mem_strdup(start);
    args[n++] = mem_strdup("/dev/stdin");
    chdb_result *r = run((int)n, args);
    const char *why = r ? error(r) : "no result";
    if (why) rc = err_set(e, ERR_IO, "%s", why);
done:
    while (n) mem_free(args[--n]);
    mem_free(start);
    return rc;
}
