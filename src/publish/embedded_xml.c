/* ClickHouse's settings of the embedded server. */
#include "base/buf.h"
#include "base/str.h"
#include "publish/embedded.h"

static void add_xml(struct buf *out, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '<': buf_str(out, "&lt;"); break;
        case '>': buf_str(out, "&gt;"); break;
        case '&': buf_str(out, "&amp;"); break;
        default: buf_char(out, *text);
        }
    }
}

/* Milliseconds. Without these a NameNode that is down costs 20 s, and one that hangs hangs the query for ever. */
static const char hdfs[] = "  <hdfs>\n"
                           "    <rpc_client_connect_retry>1</rpc_client_connect_retry>\n"
                           "    <rpc_client_connect_timeout>3000</rpc_client_connect_timeout>\n"
                           "    <rpc_client_read_timeout>5000</rpc_client_read_timeout>\n"
                           "    <rpc_client_write_timeout>5000</rpc_client_write_timeout>\n"
                           "    <rpc_client_timeout>5000</rpc_client_timeout>\n"
                           "    <input_connect_timeout>3000</input_connect_timeout>\n"
                           "    <input_read_timeout>5000</input_read_timeout>\n"
                           "    <input_write_timeout>5000</input_write_timeout>\n"
                           "    <input_read_max_retry>2</input_read_max_retry>\n"
                           "    <input_read_getblockinfo_retry>1</input_read_getblockinfo_retry>\n"
                           "    <dfs_client_failover_max_attempts>1</dfs_client_failover_max_attempts>\n"
                           "  </hdfs>\n";

void embedded_server_xml(const struct embedded_options *o, struct buf *out)
{
    buf_str(out, "<clickhouse>\n  <display_name>lakefm</display_name>\n  <timezone>UTC</timezone>\n  <users_config>");
    add_xml(out, o->folder);
    buf_str(out, "/users.xml</users_config>\n  <logger><level>warning</level><log>");
    add_xml(out, o->folder);
    buf_str(out, "/clickhouse.log</log><size>10M</size><count>2</count></logger>\n");
    buf_printf(out, "  <max_server_memory_usage>%llu</max_server_memory_usage>\n", (unsigned long long)o->memory_bytes);
    buf_str(out, "  <max_concurrent_queries>100</max_concurrent_queries>\n  <max_connections>1024</max_connections>\n"
                 "  <mark_cache_size>67108864</mark_cache_size>\n");
    buf_str(out, hdfs);
    buf_str(out, "</clickhouse>\n");
}

static void add_user(struct buf *out, const struct embedded_options *o, const char *name, const char *password, bool anywhere,
                     const char *more)
{
    buf_printf(out, "    <%s><password>", name);
    add_xml(out, password);
    buf_str(out, "</password><networks>");
    buf_str(out, anywhere ? "<ip>::/0</ip>" : "<ip>127.0.0.1</ip><ip>::1</ip>");
    buf_printf(out, "</networks><profile>%s</profile><quota>default</quota>\n      <grants>", !strcmp(name, "bi") ? "bi" : "limited");
    buf_str(out, "<query>GRANT SELECT ON `");
    add_xml(out, o->database);
    buf_str(out, "`.*</query><query>GRANT SELECT ON system.*</query><query>GRANT SHOW ON *.*</query>");
    buf_printf(out, "%s</grants></%s>\n", more, name);
}

void embedded_users_xml(const struct embedded_options *o, const char *admin_password, struct buf *out)
{
    unsigned long long most = (unsigned long long)o->memory_bytes / 2;
    bool anywhere = strcmp(o->bind, "127.0.0.1") != 0;
    buf_str(out, "<clickhouse>\n  <profiles>\n    <default/>\n");
    /* Two profiles: 2 lets a client set things for its own query (JDBC does), and nothing else; the server's own session needs 0
     * to start listening, and its rights are the grants below. A page in a browser must not get at the answers by CORS. */
    for (int i = 0; i < 2; i++) {
        buf_printf(out, "    <%s><readonly>%d</readonly><max_execution_time>60</max_execution_time><max_memory_usage>%llu</max_memory_usage>\n", i ? "bi" : "limited",
                   i ? 2 : 0, most);
        buf_printf(out, "      <constraints><readonly><const/></readonly><max_execution_time><min>1</min><max>600</max></max_execution_time>"
                        "<max_memory_usage><min>1</min><max>%llu</max></max_memory_usage>"
                        "<add_http_cors_header><const/></add_http_cors_header></constraints></%s>\n", most, i ? "bi" : "limited");
    }
    buf_str(out, "  </profiles>\n  <quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors>"
                 "<result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>\n"
                 "  <users>\n    <lakefm><password>");
    add_xml(out, admin_password);
    buf_str(out, "</password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>default</profile><quota>default</quota>"
                 "<access_management>1</access_management></lakefm>\n");
    add_user(out, o, "bi", o->password ? o->password : "", anywhere, "");
    add_user(out, o, "default", "", false, "<query>GRANT SYSTEM LISTEN ON *.*</query>");
    buf_str(out, "  </users>\n</clickhouse>\n");
}
