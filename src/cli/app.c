/* From argv to exit code: parse, configure, run, tell. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
volatile sig_atomic_t cli_stop;

int cli_exit_code(enum err code)
{
    switch (code) {
    case ERR_OK: return 0;
    case ERR_USAGE: return 2;
    case ERR_REJECTED_TOO_MANY: return 3;
    case ERR_BUSY: return 4;
    default: return 1;
    }
}

/* First signal: finish what must be finished. The second SIGINT does not wait, unless it is the echo of the first: a
 * Ctrl-C often comes twice, from the terminal and from a parent that passes it on. */
static void on_signal(int sig)
{
    enum { ECHO_NS = 500000000 };
    static uint64_t first_ns;
    uint64_t now = clock_mono_ns();
    if (!cli_stop) {
        first_ns = now;
    } else if (sig == SIGINT && now - first_ns > ECHO_NS) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    cli_stop = sig;
}

static void on_no_memory(size_t bytes)
{
    char line[96];
    int n = snprintf(line, sizeof line, "lakefm: out of memory (asked for %zu bytes)\n", bytes);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) _exit(1);
    _exit(1);
}

static void set_handlers(void)
{
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    mem_set_oom(on_no_memory);
}

static void set_log(const struct cli *cli)
{
    enum log_level level = cli->config.quiet      ? LOG_ERROR
                           : cli->config.verbose > 0 ? (cli->config.verbose > 1 ? LOG_DEBUG : LOG_INFO)
                                                     : LOG_WARN;
    log_setup(level, cli->config.json || !strcmp(cli->config.log, "json"));
}

bool cli_color_on(const struct cli *cli, int fd)
{
    if (!strcmp(cli->config.color, "always")) return true;
    if (!strcmp(cli->config.color, "never") || (getenv("NO_COLOR") && *getenv("NO_COLOR"))) return false;
    const char *term = getenv("TERM");
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

enum err cli_flush(struct cli *cli, struct error *e)
{
    size_t at = 0;
    while (at < cli->out.len && !cli->out_gone) {
        ssize_t n = write(STDOUT_FILENO, cli->out.ptr + at, cli->out.len - at);
        if (n >= 0) {
            at += (size_t)n;
        } else if (errno == EPIPE) {
            cli->out_gone = true;
        } else if (errno != EINTR) {
            int sys = errno;
            buf_clear(&cli->out);
            return err_sys(e, sys, "cannot write to standard output");
        }
    }
    buf_clear(&cli->out);
    return cli->out_gone ? err_set(e, ERR_STOPPED, "the reader of the output has left") : ERR_OK;
}

void cli_print(struct cli *cli, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        vsnprintf(buf_reserve(&cli->out, (size_t)n + 1), (size_t)n + 1, fmt, again);
        cli->out.len += (size_t)n;
    }
    va_end(again);
}

/* One line for people, or one object for machines; always on stderr, so that stdout holds results only. */
static void tell(const struct cli *cli, const struct error *e)
{
    struct buf line = {0};
    if (cli->config.json) {
        buf_str(&line, "{\"error\":");
        buf_json(&line, err_name(e->code), strlen(err_name(e->code)));
        const char *const names[] = {"message", "where", "hint"}, *const texts[] = {e->what, e->where, e->hint};
        for (int i = 0; i < 3; i++) {
            if (i && !texts[i][0]) continue;
            buf_printf(&line, ",\"%s\":", names[i]);
            buf_json(&line, texts[i], strlen(texts[i]));
        }
        buf_str(&line, "}\n");
    } else {
        char text[2048];
        bool color = cli_color_on(cli, STDERR_FILENO);
        const char *name = cli->command ? cli->command->name : NULL;
        buf_printf(&line, "%slakefm%s%s:%s %s\n", color ? "\033[31m" : "", name ? " " : "", name ? name : "",
                   color ? "\033[0m" : "", err_format(e, text, sizeof text));
    }
    if (write(STDERR_FILENO, line.ptr, line.len) < 0) cli_stop = 1;
    buf_reset(&line);
}

static void set_store(const struct cli *cli)
{
    store_hdfs_setup(&(struct store_hdfs_settings){.http = cli->config.hdfs.http,
                                                   .user = cli->config.hdfs.user,
                                                   .token = cli->config.hdfs.token,
                                                   .cache = cli->config.hdfs.cache,
                                                   .cache_bytes = cli->config.hdfs.cache_bytes,
                                                   .patience_ms = cli->config.hdfs.patience_ms,
                                                   .lease_ms = cli->config.hdfs.lease_ms,
                                                   .uploads = (int)cli->config.hdfs.uploads,
                                                   .stop = &cli_stop});
}

static enum err run(struct cli *cli, int argc, char **argv, struct error *e)
{
    void *options = NULL;
    enum err rc = ERR_OK;
    TRY(cli_parse(cli, argc, argv, &options, e));
    set_log(cli);
    if (cli->config.version) {
        cli_print(cli, "lakefm %s\n", LAKEFM_VERSION);
    } else if (cli->config.help) {
        cli_help(cli, cli->command);
    } else {
        TRY(cli_config_load(cli, environ, e));
        set_store(cli);
        rc = cli->command->run(cli, options, e);
    }
done:
    return rc;
}

int cli_main(int argc, char **argv, const struct cli_command *const *commands)
{
    struct cli cli = {.commands = commands};
    struct error e = {0}, flush_error = {0};
    set_handlers();
    arena_init(&cli.arena);
    enum err rc = run(&cli, argc, argv, &e);
    enum err flushed = cli_flush(&cli, &flush_error);
    if (rc == ERR_OK && flushed != ERR_OK) rc = flushed, e = flush_error;
    int code = cli.out_gone && rc == ERR_STOPPED ? 0 : cli_exit_code(rc);
    if (cli.exit_code) code = cli.exit_code;
    if (rc != ERR_OK && !cli.out_gone && !cli.told) tell(&cli, &e);
    buf_reset(&cli.out);
    arena_reset(&cli.arena);
    return code;
}
