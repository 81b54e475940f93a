"""A real Kafka broker for one test, records with known ids, and what a lake must hold of them."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

LAKEFM = os.environ["LAKEFM"]
SERVICES = pathlib.Path(os.environ["TESTS"]) / "services"


class Broker:
    def __init__(self, port):
        self.port = port
        self.folder = tempfile.TemporaryDirectory(prefix="lakefm-kafka-")
        self.env = {**os.environ, "KAFKA_DATA": self.folder.name + "/kafka", "KAFKA_PORT": str(port),
                    "KAFKA_CONTROLLER_PORT": str(port + 1)}
        self.do("up")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def do(self, *words):
        done = subprocess.run(["bash", SERVICES / "kafka.sh", *map(str, words)], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"kafka.sh {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def create(self, topic, partitions):
        self.do("admin", "create", topic, partitions)

    def produce(self, topic, first, count, partition=None):
        """auth_events number first … first+count-1: sessionId is the number, so each is one row."""
        lines = "".join(json.dumps({"ts": 1761955205000 + n, "sessionId": n, "level": "free", "itemInSession": 0, "city": "x",
                                    "zip": "00000", "state": "XX", "userAgent": "a", "lon": 1.5, "lat": 2.5, "userId": n % 97,
                                    "lastName": "L", "firstName": "F", "gender": "F", "registration": 1700000000000,
                                    "success": True}) + "\n" for n in range(first, first + count))
        where = [] if partition is None else ["-p", str(partition)]
        subprocess.run(["kcat", "-P", "-b", self.address, "-t", topic, *where], input=lines.encode(), check=True)

    def close(self):
        self.do("kill")
        self.folder.cleanup()


def start(lake, broker, *words, env=None, interval="300ms"):
    log = open(f"{lake}.log", "ab")
    return subprocess.Popen([LAKEFM, "--lake", lake, "--set", f"brokers={broker.address}", "--set", "topics=auth_events",
                             "--set", f"batch.interval={interval}", "--set", "kafka.session.timeout.ms=6000", "run", "--no-serve", "--no-build", *words], stdout=log, stderr=log,
                            env={**os.environ, **(env or {})})


def stop(child, within=15):
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(within)
    except subprocess.TimeoutExpired:
        child.kill()
        raise SystemExit(f"did not leave within {within} s of SIGTERM")


def sql(lake, text):
    done = subprocess.run([LAKEFM, "--lake", lake, "sql", "--format", "csv", "-c", text], capture_output=True, text=True)
    return [line.split(",") for line in done.stdout.splitlines()[1:]] if done.returncode == 0 else None


def rows(lake):
    got = sql(lake, "select count(*), count(distinct sessionId), min(sessionId), max(sessionId) from fact_auth_events")
    return tuple(int(v or 0) for v in got[0]) if got else (0, 0, 0, 0)


def wait_for(lake, count, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if rows(lake)[0] >= count:
            return
        time.sleep(0.3)
    log = pathlib.Path(f"{lake}.log")
    raise SystemExit(f"{lake}: {rows(lake)} rows after {seconds} s, {count} expected\n{log.read_text()[-3000:] if log.exists() else ''}")


def expect_exactly(lake, count):
    """Numbers 0 … count-1, each once, and a clean audit with no duplicates dropped on the way."""
    assert rows(lake) == (count, count, 0, count - 1), f"{rows(lake)}, expected {count}"
    done = subprocess.run([LAKEFM, "--lake", lake, "audit", "--json"], capture_output=True, text=True)
    audit = json.loads(done.stdout)
    assert done.returncode == 0 and audit["bad"] == 0, audit
    topic = next(f["what"] for f in audit["findings"] if f["check"] == "topic")
    assert " 0 duplicates" in topic, topic
