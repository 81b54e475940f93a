"""docker-compose.yml, read by Docker's own library as `docker compose config` does (no engine needed), and what it promises:
loopback ports, pinned tags, healthchecks, named volumes, files that exist, settings that lakefm knows."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(os.environ["TESTS"]).parent
go = shutil.which("go")
version = re.search(r"go1\.(\d+)", subprocess.run([go, "version"], capture_output=True, text=True).stdout) if go else None
if not version or int(version[1]) < 24:
    print("Docker's compose library needs Go 1.24")
    sys.exit(77)
env = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def config(path):
    return subprocess.run([go, "run", ".", str(path)], cwd=ROOT / "tests/compose", env=env, capture_output=True, text=True)


done = config(ROOT / "docker-compose.yml")
if done.returncode and "dial tcp" in done.stderr:
    print("the compose library cannot be fetched")
    sys.exit(77)
assert done.returncode == 0, done.stderr
project = json.loads(done.stdout)
services = project["services"]
assert set(services) == {"kafka", "hadoop-namenode", "hadoop-datanode", "spark-master", "spark-worker", "clickhouse", "lakefm", "metabase", "metabase-setup"}
ports = {}
for name, s in services.items():
    tag = s["image"].rpartition(":")[2]
    assert tag and tag != "latest" and ":" in s["image"], f"{name}: {s['image']} is not pinned"
    for p in s.get("ports", []):
        assert p["host_ip"] == "127.0.0.1", f"{name}: {p}"
        assert p["published"] not in ports, p
        ports[p["published"]] = (name, p["target"])
    if name != "metabase-setup":
        assert s.get("healthcheck", {}).get("test"), f"{name} has no healthcheck"
    for v in s.get("volumes", []):
        if v["type"] == "volume":
            assert v["source"] in project["volumes"], v
        else:
            assert pathlib.Path(v["source"]).exists() and v.get("read_only"), f"{name}: {v}"
    for other, how in s.get("depends_on", {}).items():
        assert how["condition"] == "service_healthy" and services[other]["healthcheck"], (name, other)
assert {"8081": ("spark-master", 8081), "9870": ("hadoop-namenode", 9870), "8123": ("clickhouse", 8123), "3000": ("metabase", 3000)}.items() <= ports.items(), ports
for name in ("hadoop_conf/core-site.xml", "hadoop_conf/hdfs-site.xml", "clickhouse/config.d/lakefm.xml", "clickhouse/users.d/lakefm.xml"):
    xml.parse(ROOT / name)
known = set(re.findall(r"`(LAKEFM_\w+)`", (ROOT / "docs/configuration.md").read_text()))
for name in ("lakefm", "metabase-setup"):
    given = {k for k in services[name]["environment"] if k.startswith("LAKEFM_")}
    assert given <= known, f"{name}: unknown settings {given - known}"
out = subprocess.run([os.environ["LAKEFM"], *services["metabase-setup"]["command"], "--help"], capture_output=True, text=True)
assert out.returncode == 0, out

# The check itself can fail.
pathlib.Path("bad.yml").write_text((ROOT / "docker-compose.yml").read_text().replace("healthcheck:", "healtcheck:", 1))
bad = config(pathlib.Path("bad.yml").absolute())
assert bad.returncode == 1 and "healtcheck" in bad.stderr, bad
