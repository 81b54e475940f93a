"""publish clickhouse --mode load at Debian's ClickHouse 18.16: no Parquet, no comments, no EXCHANGE. Unpacked, not installed."""
import json
import os
import pathlib
import shutil
import subprocess
import time

from lib_clickhouse import Server, duck_rows, free_port, make_lake, marts, skip

HOME = pathlib.Path(os.environ["SERVICES_HOME"])
folder = HOME / "clickhouse-18.16"


def fetch():
    """The packages and the libraries they need, unpacked side by side."""
    if (folder / "whole").exists():
        return
    if not shutil.which("apt-get"):
        skip("there is no apt-get")
    part = HOME / "clickhouse-18.16.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    plan = subprocess.run(["apt-get", "install", "-s", "--no-install-recommends", "clickhouse-server"], capture_output=True, text=True, env={**os.environ, "LANG": "C"})
    names = [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]
    version = next((line for line in plan.stdout.splitlines() if line.startswith("Inst clickhouse-server ")), "")
    if "18.16" not in version:
        skip("apt has no clickhouse-server 18.16")
    done = subprocess.run(["apt-get", "download", "-qq", *names], cwd=part, capture_output=True, text=True)
    if done.returncode:
        skip("apt-get download: " + done.stderr.strip().replace("\n", " "))
    for deb in part.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, part / "root"], check=True)
        deb.unlink()
    (part / "whole").touch()
    part.rename(folder)


class Old(Server):
    def __init__(self):
        super().__init__()
        base = pathlib.Path("old").absolute()
        base.mkdir()
        (base / "users.xml").write_text(
            "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password><networks><ip>127.0.0.1</ip></networks>"
            "<profile>default</profile><quota>default</quota></default></users></yandex>")
        (base / "config.xml").write_text(
            f"<yandex><logger><level>warning</level><log>{base}/log</log><errorlog>{base}/errors</errorlog></logger><listen_host>127.0.0.1</listen_host>"
            f"<http_port>{self.port}</http_port><tcp_port>{self.tcp_port}</tcp_port><interserver_http_port>{free_port()}</interserver_http_port>"
            f"<path>{base}/data/</path><tmp_path>{base}/tmp/</tmp_path><user_files_path>{base}/files/</user_files_path>"
            f"<format_schema_path>{base}/schemas/</format_schema_path><users_config>{base}/users.xml</users_config>"
            "<mark_cache_size>67108864</mark_cache_size><default_profile>default</default_profile><default_database>default</default_database></yandex>")
        self.log = base / "out"
        libraries = ":".join(str(p) for p in [folder / "root/usr/lib/x86_64-linux-gnu", folder / "root/lib/x86_64-linux-gnu", folder / "root/usr/lib"])
        self.process = subprocess.Popen([folder / "root/usr/sbin/clickhouse-server", f"--config-file={base}/config.xml"], cwd=base, stdout=self.log.open("wb"),
                                        stderr=subprocess.STDOUT, env={**os.environ, "LD_LIBRARY_PATH": libraries})
        self.wait(30)


def rows(server, sql):
    status, text = server.ask(sql + " FORMAT JSONCompact")
    assert status == 200, text
    return json.loads(text)["data"]


def number(v):
    try:
        return float(v)
    except (TypeError, ValueError):
        return v


if os.uname().machine != "x86_64":
    skip("x86_64 only")
fetch()
make_lake("lake")
server = Old()
try:
    assert server.ask("SELECT version()")[1].startswith("18.16"), server.ask("SELECT version()")
    for _ in range(2): # made, then exchanged
        out = json.loads(server.publish("lake", "--mode", "load").stdout)
        assert {m["mart"] for m in out["marts"]} == set(marts("lake")), out
        for mart in marts("lake"):
            want = sorted(([number(v) for v in row] for row in duck_rows("lake", mart)), key=repr)
            got = sorted(([number(v) for v in row] for row in rows(server, f"SELECT * FROM Spotify.`{mart}`")), key=repr)
            assert got == want, f"{mart}: {[x for x in zip(got, want) if x[0] != x[1]][:2]}"
    left = [r[0] for r in rows(server, "SELECT name FROM system.tables WHERE database = 'Spotify'") if "lakefm" in r[0]]
    assert not left, left
    bad = server.publish("lake", "--mode", "hdfs", "--hdfs-root", "hdfs://127.0.0.1:1/user", check=False)
    assert bad.returncode == 1 and "too old" in bad.stderr and "--mode load" in bad.stderr, bad
    assert server.ask("DROP TABLE Spotify.churn")[0] == 200
    assert server.ask("CREATE TABLE Spotify.churn (mine UInt8) ENGINE = MergeTree ORDER BY mine")[0] == 200
    bad = server.publish("lake", "--mode", "load", check=False)
    assert bad.returncode == 1 and "was not made by lakefm" in bad.stderr, bad
finally:
    server.process.terminate()
    try:
        server.process.wait(20)
    except subprocess.TimeoutExpired:
        server.process.kill()
