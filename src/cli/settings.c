/* The one table of settings. docs/configuration.md is made from it (`lakefm generate configuration`). */
#include "cli/cli.h"

#define AT(field) offsetof(struct cli_config, field)

static const char *const sources[] = {"kafka", "folder", "simulator", NULL};
static const char *const logs[] = {"text", "json", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

/* clang-format off */
const struct cli_option cli_settings[] = {
    {"lake", 0, CLI_PATH, "DIR", "lake", "lake", AT(lake), "the lake: a folder, or hdfs://host:port/path", NULL, 0, 0, false},
    {"config", 0, CLI_TEXT, "FILE", NULL, NULL, AT(config_file), "settings; by default ./lakefm.yml, or lakefm.yml in the lake's folder", NULL, 0, 0, false},
    {"set", 0, CLI_LIST, "KEY=VALUE", NULL, NULL, AT(set), "one setting, as in lakefm.yml; may be repeated", NULL, 0, 0, false},
    {"contracts", 0, CLI_PATH, "DIR", NULL, "contracts", AT(contracts), "folder of event contracts; those built in are used where it has none", NULL, 0, 0, false},
    {"dbt", 0, CLI_PATH, "DIR", NULL, "dbt", AT(dbt), "dbt project that makes gold; by default the one built in", NULL, 0, 0, false},
    {"threads", 0, CLI_INT, "N", "0", "threads", AT(threads), "threads that work at once; 0: one per core", NULL, 0, 1024, false},
    {"memory", 0, CLI_BYTES, "SIZE", "1GiB", "memory", AT(memory_bytes), "memory the program may use; work is slowed down or spilled rather than exceeding it", NULL, 0, 0, false},
    {NULL, 0, CLI_PATH, "DIR", NULL, "temp", AT(temp), "where big sorts spill; by default in TMPDIR", NULL, 0, 0, false},
    {NULL, 0, CLI_NUMBER, "SHARE", "0.05", "max_reject_share", AT(max_reject_share), "above this share of rejected records in a batch the exit code is 3", NULL, 0, 1, false},
    {NULL, 0, CLI_BYTES, "SIZE", "16MiB", "line_limit", AT(line_limit_bytes), "a longer record is quarantined, never cut", NULL, 0, 0, false},
    {NULL, 0, CLI_INT, "N", "1", "silver.level", AT(silver.level), "Zstandard level of silver's Parquet files; higher is smaller and slower", NULL, 1, 19, false},
    {NULL, 0, CLI_DURATION, "TIME", "5s", "batch.interval", AT(batch.interval_ms), "live: a batch is committed this often", NULL, 0, 0, false},
    {NULL, 0, CLI_BYTES, "SIZE", "256MiB", "batch.size", AT(batch.size_bytes), "a batch is committed when this much has come in", NULL, 0, 0, false},
    {NULL, 0, CLI_DURATION, "TIME", "0s", "retain.bronze", AT(retain.bronze_ms), "live: refined bronze that arrived longer ago goes, by whole days (90d); 0: kept for ever", NULL, 0, 0, false},
    {NULL, 0, CLI_CHOICE, "SOURCE", "kafka", "source", AT(source), "live: where events come from", sources, 0, 0, false},
    {NULL, 0, CLI_PATH, "DIR", NULL, "folder", AT(folder), "live, source folder: new files and what grew are taken", NULL, 0, 0, false},
    {NULL, 0, CLI_INT, "N", "100", "simulate.users", AT(simulate.users), "live, source simulator: users", NULL, 1, 2147483647, false},
    {NULL, 0, CLI_NUMBER, "X", "1", "simulate.speed", AT(simulate.speed), "live, source simulator: simulated seconds a second", NULL, 1e-9, 1e9, false},
    {NULL, 0, CLI_INT, "N", "0", "simulate.seed", AT(simulate.seed), "live, source simulator: the seed", NULL, 0, 0, false},
    {NULL, 0, CLI_PATH, "FILE", NULL, "simulate.config", AT(simulate.config), "live, source simulator: eventsim's configuration file", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "HOST:PORT", NULL, "brokers", AT(brokers), "Kafka's brokers, with commas between (kafka.bootstrap.servers)", NULL, 0, 0, false},
    {NULL, 0, CLI_LIST, "TOPIC", NULL, "topics", AT(topics), "Kafka's topics; by default the four of eventsim", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "NAME", "lakefm", "group", AT(group), "Kafka's consumer group: it shares out partitions, positions are in the lake", NULL, 0, 0, false},
    {NULL, 0, CLI_PAIRS, "TEXT", NULL, "kafka.*", AT(kafka), "handed to librdkafka as it is (kafka.bootstrap.servers, kafka.security.protocol, ...)", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "HOST:PORT", NULL, "hdfs.http", AT(hdfs.http), "HTTP address of the NameNode (WebHDFS), several with commas between; by default the lake's host, port 9870", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "NAME", NULL, "hdfs.user", AT(hdfs.user), "who asks HDFS; by default HADOOP_USER_NAME, else the login name", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "TEXT", NULL, "hdfs.token", AT(hdfs.token), "delegation token, which proves it; better in LAKEFM_HDFS_TOKEN than in a file", NULL, 0, 0, false},
    {NULL, 0, CLI_PATH, "DIR", NULL, "hdfs.cache", AT(hdfs.cache), "local copies of the lake's files; by default ~/.cache/lakefm", NULL, 0, 0, false},
    {NULL, 0, CLI_BYTES, "SIZE", "10GiB", "hdfs.cache_size", AT(hdfs.cache_bytes), "copies not in use are dropped, the oldest first, above this", NULL, 0, 0, false},
    {NULL, 0, CLI_DURATION, "TIME", "60s", "hdfs.patience", AT(hdfs.patience_ms), "how long HDFS is waited for when it is away or in safe mode", NULL, 0, 0, false},
    {NULL, 0, CLI_DURATION, "TIME", "30s", "hdfs.lease", AT(hdfs.lease_ms), "a writer on another machine not heard of for so long is taken for dead", NULL, 0, 0, false},
    {NULL, 0, CLI_INT, "N", "4", "hdfs.uploads", AT(hdfs.uploads), "files uploaded at once", NULL, 1, 32, false},
    {NULL, 0, CLI_FLAG, NULL, "on", "serve", AT(page), "run shows the page too", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "ADDRESS", "127.0.0.1", "serve.bind", AT(serve.bind), "address of the page; any but a loopback one needs serve.token", NULL, 0, 0, false},
    {NULL, 0, CLI_INT, "PORT", "3000", "serve.port", AT(serve.port), "port of the page", NULL, 0, 65535, false},
    {NULL, 0, CLI_TEXT, "TEXT", NULL, "serve.token", AT(serve.token), "secret a browser must show; better in LAKEFM_SERVE_TOKEN than in a file", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "WHERE", "off", "clickhouse", AT(clickhouse.where), "a server's address (http://host:8123), \"embedded\" (a real ClickHouse as a child of serve), or off", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "NAME", NULL, "clickhouse.user", AT(clickhouse.user), "whom to publish as; by default \"default\"", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "TEXT", NULL, "clickhouse.password", AT(clickhouse.password), "of that user; embedded: of user bi. Better in LAKEFM_CLICKHOUSE_PASSWORD", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "NAME", "Spotify", "clickhouse.database", AT(clickhouse.database), "the database with a table for each mart", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "ADDRESS", "127.0.0.1", "clickhouse.bind", AT(clickhouse.bind), "embedded: where it listens; any but a loopback address needs clickhouse.password", NULL, 0, 0, false},
    {NULL, 0, CLI_INT, "PORT", "8123", "clickhouse.http_port", AT(clickhouse.http_port), "embedded: port of its HTTP interface", NULL, 1, 65535, false},
    {NULL, 0, CLI_INT, "PORT", "9000", "clickhouse.tcp_port", AT(clickhouse.tcp_port), "embedded: port of its native protocol; 0: none", NULL, 0, 65535, false},
    {NULL, 0, CLI_BYTES, "SIZE", "1GiB", "clickhouse.memory", AT(clickhouse.memory_bytes), "embedded: memory it may use, beside lakefm's own", NULL, 0, 0, false},
    {NULL, 0, CLI_PATH, "FILE", NULL, "clickhouse.library", AT(clickhouse.library), "embedded: libchdb.so; by default looked for beside the program and where make deps-clickhouse puts it", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "URL", "http://127.0.0.1:3000", "metabase.url", AT(metabase.url), "Metabase's address", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "EMAIL", NULL, "metabase.user", AT(metabase.user), "who signs in to Metabase, or its first administrator", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "TEXT", NULL, "metabase.password", AT(metabase.password), "of that user; better in LAKEFM_METABASE_PASSWORD", NULL, 0, 0, false},
    {NULL, 0, CLI_TEXT, "KEY", NULL, "metabase.api_key", AT(metabase.api_key), "instead of user and password; better in LAKEFM_METABASE_API_KEY", NULL, 0, 0, false},
    {NULL, 0, CLI_CHOICE, "HOW", "text", "log", AT(log), "the log on stderr: text, or one JSON object a line", logs, 0, 0, false},
    {"json", 0, CLI_FLAG, NULL, NULL, NULL, AT(json), "results and errors as JSON, for machines", NULL, 0, 0, false},
    {"quiet", 'q', CLI_FLAG, NULL, NULL, NULL, AT(quiet), "no progress, no remarks; errors only", NULL, 0, 0, false},
    {"verbose", 'v', CLI_COUNT, NULL, NULL, NULL, AT(verbose), "say more; twice: even more", NULL, 0, 0, false},
    {"color", 0, CLI_CHOICE, "WHEN", "auto", NULL, AT(color), "auto, always or never", colors, 0, 0, false},
    {"help", 'h', CLI_FLAG, NULL, NULL, NULL, AT(help), "this text", NULL, 0, 0, false},
    {"version", 0, CLI_FLAG, NULL, NULL, NULL, AT(version), "the version", NULL, 0, 0, false},
    {0},
};

const struct cli_variable cli_variables[] = {
    {"LAKEFM_CONFIG", "the file of settings, as --config"},
    {"LAKEFM_NOW_MS", "tests: the wall clock, ms since the epoch"},
    {"LAKEFM_FAULT", "tests: faults to inject (src/base/io.h)"},
    {"LAKEFM_CPU", "\"portable\": the decoder's way for processors without AVX2"},
    {0},
};
/* clang-format on */
