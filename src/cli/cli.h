/* The command line: one file per command, one table per command, and what commands share. Only this room writes to
 * stdout and exits.
 *
 * To add a command: write src/cli/cmd_<name>.c that defines `const struct cli_command cli_cmd_<name>` and add <name> to the
 * list in main.c. Help, man page, completion and the checks of its options come from its table.
 * To add a setting (a key of lakefm.yml): add a field to struct cli_config and a line to the table in settings.c. The
 * environment variable, --set, docs/configuration.md and "did you mean" come from the table. */
#ifndef LAKEFM_CLI_CLI_H
#define LAKEFM_CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* ---- options ---- */

/* How the text of an option or setting becomes a value, and the C type of its field. */
enum cli_type {
    CLI_FLAG,     /* bool. As a setting: true/false, yes/no, on/off, 1/0 */
    CLI_COUNT,    /* int; each use adds one (-vv) */
    CLI_TEXT,     /* const char * */
    CLI_PATH,     /* const char *; in lakefm.yml relative to that file's folder; "scheme://…" is left alone */
    CLI_CHOICE,   /* const char *, one of `choices` */
    CLI_INT,      /* int64_t, within min … max unless both are 0 */
    CLI_NUMBER,   /* double, within min … max unless both are 0 */
    CLI_BYTES,    /* uint64_t: "64MiB", "1GiB", "4096" */
    CLI_DURATION, /* int64_t, ms: "200ms", "5s", "1m", "2h", "1d" */
    CLI_LIST,     /* struct cli_list; each use adds one. As a setting: a YAML list, or text with commas */
    CLI_WORDS,    /* struct cli_list; one use takes all words up to the next option, as dbt's --select */
    CLI_PAIRS,    /* struct cli_pairs; a setting "kafka.*" takes every key below kafka. An option takes key=value */
};
struct cli_list {
    const char **item; /* item[count] is NULL */
    size_t count;
};
struct cli_pair {
    const char *key, *value;
};
struct cli_pairs {
    struct cli_pair *pair;
    size_t count;
};

struct cli_option {
    const char *name; /* "max-reject-share": --max-reject-share; NULL: no option, only a setting */
    char letter;      /* 'j': -j; 0: none */
    enum cli_type type;
    const char *value;          /* what the value is called in help: "DIR"; NULL for flags */
    const char *fallback;       /* the default as text; NULL: zero */
    const char *key;            /* "silver.level": in lakefm.yml, --set, and as LAKEFM_SILVER_LEVEL; NULL: no setting */
    size_t field;               /* offsetof in the options of the command, or in struct cli_config for a setting */
    const char *help;           /* no capital, no full stop */
    const char *const *choices; /* CLI_CHOICE; NULL-terminated */
    double min, max;
    bool hidden;
};

/* ---- settings: what every command may read; the fields' meaning is in the table in settings.c ---- */

struct cli_config {
    const char *lake, *contracts, *dbt, *temp;
    int64_t threads;
    uint64_t memory_bytes, line_limit_bytes;
    double max_reject_share;
    struct {
        int64_t level;
    } silver;
    struct {
        int64_t interval_ms;
        uint64_t size_bytes;
    } batch;
    const char *source, *folder; /* of run */
    const char *engine; /* "native", "spark" */
    struct {
        const char *dbt, *target;
    } spark;
    const char *brokers, *group;
    struct cli_list topics;
    struct {
        int64_t bronze_ms;
    } retain;
    struct {
        const char *config;
        int64_t users, seed;
        double speed;
    } simulate; /* run's source: simulator */
    bool page; /* run shows it */
    struct cli_pairs kafka; /* without the "kafka." */
    struct {
        const char *http, *user, *token, *cache;
        uint64_t cache_bytes;
        int64_t patience_ms, lease_ms, uploads;
    } hdfs;
    struct {
        const char *bind, *token;
        int64_t port;
    } serve;
    struct {
        const char *where; /* an address, "embedded", or "off" */
        const char *user, *password, *database, *bind, *library;
        int64_t http_port, tcp_port;
        uint64_t memory_bytes;
    } clickhouse;
    struct {
        const char *url, *user, *password, *api_key;
    } metabase;
    /* options of every command that are no settings */
    const char *config_file, *color, *log;
    struct cli_list set;
    bool json, quiet, help, version;
    int verbose;
};
extern const struct cli_option cli_settings[]; /* ends with name and key NULL */
/* Environment variables of ours that are no settings, for the docs and so that a misspelt LAKEFM_… can be refused. */
struct cli_variable {
    const char *name, *help;
};
extern const struct cli_variable cli_variables[]; /* ends with name NULL */

/* ---- commands ---- */

enum cli_group { CLI_START, CLI_EVENTS, CLI_TABLES, CLI_ASK, CLI_CARE, CLI_DBT, CLI_ABOUT, CLI_GROUPS };

struct cli;
struct cli_command {
    const char *name;
    enum cli_group group;
    const char *summary;               /* one line, no capital, no full stop */
    const char *synopsis;              /* what follows the options: "FILE...", "" */
    const char *about;                 /* paragraphs, "\n\n" between; wrapped when shown */
    const struct cli_option *options;  /* ends with name NULL; may be NULL */
    size_t options_size;               /* of the struct the fields are in */
    const char *settings;              /* keys of the settings it obeys, "lake threads memory": shown in its help */
    int min_args, max_args;            /* words that are no options; max -1: any number */
    const char *example;               /* command lines as typed, '\n' between, "# …" lines are remarks */
    const char *see_also;              /* "refine audit" */
    bool hidden;                       /* not in help, man page, completion */
    /* The command reads its own words (dbt's verbs): after its name all words are args as typed, but for --help, -h and those
     * options of every command that `settings_taken` names ("lake config"). `options_of` makes the table for help. */
    bool raw;
    const char *settings_taken;
    const struct cli_option *(*options_of)(struct arena *arena, const struct cli_command *command);
    /* options: the filled struct of options_size bytes. Returns the error that decides the exit code. */
    enum err (*run)(struct cli *cli, const void *options, struct error *e);
};

struct cli_given { /* an option of the command line, as typed */
    const struct cli_option *option;
    const char *text;
    bool setting; /* its field is in cli->config */
};

struct cli {
    const struct cli_command *const *commands; /* all of them, NULL-terminated */
    const struct cli_command *command;         /* the one that runs */
    struct cli_config config;
    const char **args; /* the words that are no options; args[arg_count] is NULL */
    size_t arg_count;
    struct cli_given *given;
    size_t given_count;
    struct buf out; /* what goes to stdout: cli_flush */
    bool out_gone;  /* the reader of our stdout has left */
    int exit_code;  /* not 0: instead of the one that the error stands for (dbt's 1 and 2) */
    bool told;      /* the user has already read of the error */
    struct arena arena; /* texts of options and settings; lives as long as the program */
};

/* The options that help tells of. */
const struct cli_option *cli_command_options(struct cli *cli, const struct cli_command *command);

/* Runs the program: options, configuration, the command, the error's one line on stderr. Returns the exit code. */
int cli_main(int argc, char **argv, const struct cli_command *const *commands);
/* 0 done, 1 failed, 2 bad usage, 3 data rejected beyond the limit, 4 another writer holds the lake. */
int cli_exit_code(enum err code);

/* SIGINT and SIGTERM set it; long work polls it (or gives it to sql_conn_watch). A second SIGINT kills. */
extern volatile sig_atomic_t cli_stop;

/* ---- output ---- */

/* Writes cli->out to stdout and clears it. A reader that left gives ERR_STOPPED, about which nobody is told. Commands
 * need not call it at their end. */
enum err cli_flush(struct cli *cli, struct error *e) MUST_CHECK;
void cli_print(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3); /* to cli->out; flushes when that grows big */
bool cli_color_on(const struct cli *cli, int fd);

/* Rows of text, aligned. Cells are copied. Widths are those of a terminal (wide and combining characters); control
 * characters are shown escaped, so a cell stays on its line. */
struct cli_table;
enum cli_align { CLI_LEFT, CLI_RIGHT };
struct cli_table *cli_table_new(size_t columns);
void cli_table_head(struct cli_table *t, size_t column, const char *name, enum cli_align align);
void cli_table_cell(struct cli_table *t, const char *text, size_t len); /* row by row, left to right */
void cli_table_cellf(struct cli_table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
size_t cli_table_rows(const struct cli_table *t);
/* Head (when first), rows so far; then forgets the rows but keeps the widths: long results are printed in pieces. */
void cli_table_print(struct cli_table *t, struct buf *out);
void cli_table_free(struct cli_table **t);
size_t cli_width(const char *utf8, size_t len); /* columns on a terminal */
void cli_csv_cell(struct buf *out, const char *text, size_t len); /* quoted when RFC 4180 wants it, or when empty */

char *cli_human_bytes(uint64_t bytes, char out[32]); /* "1.2 GB" */
char *cli_human_count(int64_t n, char out[32]);      /* "1,234,567" */
char *cli_human_ms(int64_t ms, char out[32]);        /* "3 d 4 h", "5.2 s" */

/* ---- progress: one line on stderr, on a terminal only, gone when done; --quiet and --json turn it off ---- */

struct cli_progress {
    const char *what, *unit; /* "reading", "bytes" (shown as kB, MB …) or "rows" */
    int64_t total;           /* 0: unknown */
    uint64_t started_ns, shown_ns;
    bool on;
};
void cli_progress_start(struct cli_progress *p, const struct cli *cli, const char *what, const char *unit, int64_t total);
/* Done so far; shown at most 10 times a second, so it may be called often. One thread at a time. */
void cli_progress_at(struct cli_progress *p, int64_t done);
void cli_progress_end(struct cli_progress *p);

/* ---- the parts, for main and the tests ---- */

/* Sets the field of `option` in `target` from text. The error has no name in it: the caller says which option it was. */
enum err cli_set_field(struct arena *arena, const struct cli_option *option, void *target, const char *text,
                       struct error *e) MUST_CHECK;
void cli_set_defaults(struct arena *arena, const struct cli_option *options, void *target);
/* Finds command, options and words; fills config (defaults, then the options of every command) and *command_options
 * (arena). No command at all is fine when --help or --version was given. */
enum err cli_parse(struct cli *cli, int argc, char **argv, void **command_options, struct error *e) MUST_CHECK;
/* After cli_parse: lakefm.yml (--config, LAKEFM_CONFIG, ./lakefm.yml, <lake>/lakefm.yml: the first there is), then the
 * environment, then --set, then once more the options of the command line, which win. */
enum err cli_config_load(struct cli *cli, char **environment, struct error *e) MUST_CHECK;
/* One key of the configuration, from text; folder is what paths are relative to, or NULL. */
enum err cli_config_set(struct cli *cli, const char *key, const char *text, const char *folder, struct error *e) MUST_CHECK;
/* The lines of a YAML file; path is for errors and for relative paths. */
enum err cli_config_yaml(struct cli *cli, const char *path, const char *text, size_t len, struct error *e) MUST_CHECK;
void cli_help(struct cli *cli, const struct cli_command *command); /* to cli->out; NULL: the whole program */
void cli_help_settings(struct cli *cli);                            /* the keys of lakefm.yml, to cli->out */
void cli_man(struct cli *cli);                                     /* lakefm.1, to cli->out */
void cli_completion(struct cli *cli);                              /* for bash, to cli->out */
void cli_configuration(struct cli *cli);                           /* docs/configuration.md, to cli->out */
enum err cli_tables(struct cli *cli, struct error *e) MUST_CHECK;           /* docs/tables.md, to cli->out */
/* LAKEFM_SILVER_LEVEL of "silver.level"; for "kafka.*" the prefix LAKEFM_KAFKA_. */
char *cli_variable_of_key(struct arena *arena, const char *key);

#endif
