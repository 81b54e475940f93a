"""clickhouse-connect (HTTP) and clickhouse-driver (native): argv: host, HTTP port, TCP port, types' SELECT. Prints JSON."""
import json
import sys

import clickhouse_connect
from clickhouse_driver import Client

host, http, tcp, types = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def plain(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, (list, tuple)):
        return " ".join(map(plain, v))
    if isinstance(v, bytes):
        return v.decode()
    return str(v)


c = clickhouse_connect.get_client(host=host, port=http, username="bi", password="", database="Spotify")
out = {"connect": {
    "version": c.server_version,
    "tables": sorted(r[0] for r in c.query("SHOW TABLES").result_rows),
    "listens": int(c.query("SELECT sum(listen_count) FROM daily_user_listen_counts WHERE month = {m:UInt8} AND userId IN {u:Array(Int64)}",
                           parameters={"m": 11, "u": [98, 8, 41]}).result_rows[0][0]),
    "song": c.query("SELECT count() FROM top_songs_by_play_count WHERE song = {s:String}", parameters={"s": "it's \\ a\ttest"}).result_rows[0][0],
    "rows": len(c.query("SELECT * FROM listening_days").result_rows),
    "types": {n: plain(v) for n, v in zip(*(lambda r: (r.column_names, r.result_rows[0]))(c.query(types)))},
}}
try:
    c.command("INSERT INTO churn VALUES ('x', 1, 1, 1, 1)")
except Exception as e:
    out["connect"]["error"] = str(e)
d = Client(host, port=tcp, user="bi", password="", database="Spotify")
rows, columns = d.execute(types, with_column_types=True)
out["driver"] = {
    "version": ".".join(map(str, d.execute("SELECT version()")[0][0].split(".")[:4])),
    "tables": sorted(r[0] for r in d.execute("SHOW TABLES")),
    "listens": int(d.execute("SELECT sum(listen_count) FROM daily_user_listen_counts WHERE month = %(m)s AND userId IN %(u)s", {"m": 11, "u": (98, 8, 41)})[0][0]),
    "song": d.execute("SELECT count() FROM top_songs_by_play_count WHERE song = %(s)s", {"s": "it's \\ a\ttest"})[0][0],
    "rows": len(d.execute("SELECT * FROM listening_days")),
    "types": {c[0]: plain(v) for c, v in zip(columns, rows[0])},
}
try:
    d.execute("INSERT INTO churn VALUES", [("x", 1, 1, 1, 1.0)])
except Exception as e:
    out["driver"]["error"] = str(e)
print(json.dumps(out))
