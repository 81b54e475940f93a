"""A real Kafka broker for the tests, records with known ids, and what a lake must hold of them."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

LAKEFM = os.environ["LAKEFM"]
TESTS = pathlib.Path(os.environ["TESTS"])
SERVICES = TESTS / "services"
seed = int(os.environ.get("TEST_SEED", time.time_ns() % 1000000))
dice = random.Random(seed)
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the broker is stopped, too


def free_ports(count):
    """The first of so many ports in a row that nobody listens on."""
    for first in random.SystemRandom().sample(range(20000, 30000), 200):
        taken = []
        try:
            for port in range(first, first + count):
                taken.append(socket.socket())
                taken[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise SystemExit("no free ports")


class Broker:
    """One node, started by the tests, in a folder of its own. Topics are named by the test that uses them."""

    def __init__(self):
        self.port = port = free_ports(2)
        self.folder = tempfile.TemporaryDirectory(prefix="lakefm-kafka-")
        self.env = {**os.environ, "KAFKA_DATA": self.folder.name + "/kafka", "KAFKA_PORT": str(port),
                    "KAFKA_CONTROLLER_PORT": str(port + 1)}
        self.admin_process = None
        self.do("up")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def do(self, *words):
        done = subprocess.run(["bash", SERVICES / "kafka.sh", *map(str, words)], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"kafka.sh {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def admin(self, *words):
        """One command of KafkaAdmin.java, in a process that stays: a JVM for each would take most of the time."""
        if not self.admin_process:
            self.admin_process = subprocess.Popen(["bash", SERVICES / "kafka.sh", "admin", "-", "-"], env=self.env, text=True,
                                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.admin_process.stdin.write(" ".join(map(str, words)) + "\n")
        self.admin_process.stdin.flush()
        lines = []
        for line in self.admin_process.stdout:
            if line == ".\n":
                break
            lines.append(line)
        answer = "".join(lines)
        assert "failed:" not in answer, f"{words}: {answer}"
        return answer

    def create(self, topic, partitions=1, *configs):
        self.admin("create", topic, partitions, *configs)

    def remake(self, topic, partitions=1):
        self.admin("delete", topic)
        time.sleep(1)
        self.create(topic, partitions)

    def send(self, topic, lines, *options):
        subprocess.run(["kcat", "-P", "-b", self.address, "-t", topic, *options], input=lines if isinstance(lines, bytes) else lines.encode(),
                       check=True)

    def produce(self, topic, first, count, *options):
        self.send(topic, events(first, count), *options)

    def close(self):
        if self.admin_process:
            self.admin_process.stdin.close()
            self.admin_process.wait(20)
        self.do("kill")
        self.folder.cleanup()


def event(n, **changed):
    """auth_events number n: sessionId is the number, so each is one row."""
    return {"ts": 1761955205000 + n, "sessionId": n, "level": "free", "itemInSession": 0, "city": "x", "zip": "00000", "state": "XX",
            "userAgent": "a", "lon": 1.5, "lat": 2.5, "userId": n % 97, "lastName": "L", "firstName": "F", "gender": "F",
            "registration": 1700000000000, "success": True, **changed}


def events(first, count):
    return "".join(json.dumps(event(n)) + "\n" for n in range(first, first + count))


children = []  # started and perhaps still there: a test that fails leaves none behind


def contracts():
    """A folder with auth_events under as many names as there are tests: each test has a topic of its own."""
    folder = pathlib.Path("contracts").absolute()
    if not folder.exists():
        folder.mkdir()
        text = (TESTS.parent / "contracts" / "auth_events.yml").read_text()
        names = ", ".join(f"t{i}" for i in range(200))
        text, n = re.subn(r"(?m)^aliases: \[", f"aliases: [{names}, ", text)
        if not n:
            text = re.sub(r"(?m)^(topic: .*)$", rf"\1\naliases: [{names}]", text)
        (folder / "auth_events.yml").write_text(text)
    return folder


def command(lake, broker, topic, *words, interval="300ms", settings=()):
    more = [w for s in settings for w in ("--set", s)]
    return [LAKEFM, "--lake", lake, "--set", f"brokers={broker.address}", "--set", f"topics={topic}", "--set", f"contracts={contracts()}",
            "--set", f"group={topic}", "--set", f"batch.interval={interval}", "--set", "kafka.session.timeout.ms=6000", *more, *words]


def start(lake, broker, topic, *words, env=None, build=False, page=False, **options):
    log = open(f"{lake}.log", "ab")
    flags = ([] if build else ["--no-build"]) + ([] if page else ["--no-serve"])
    child = subprocess.Popen(command(lake, broker, topic, "run", *flags, *words, **options), stdout=log, stderr=log,
                             env={**os.environ, **(env or {})})
    children.append(child)
    return child


def stop(child, within=15):
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(within)
    except subprocess.TimeoutExpired:
        child.kill()
        raise AssertionError(f"did not leave within {within} s of SIGTERM")


def kill_all():
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()
    children.clear()


def log_of(lake, most=3000):
    log = pathlib.Path(f"{lake}.log")
    return log.read_text()[-most:] if log.exists() else ""


def sql(lake, text):
    done = subprocess.run([LAKEFM, "--lake", lake, "sql", "--format", "csv", "-c", text], capture_output=True, text=True)
    return [line.split(",") for line in done.stdout.splitlines()[1:]] if done.returncode == 0 else None


def rows(lake):
    got = sql(lake, "select count(*), count(distinct sessionId), min(sessionId), max(sessionId) from fact_auth_events")
    return tuple(int(v or 0) for v in got[0]) if got else (0, 0, 0, 0)


def wait_until(what, test, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if test():
            return
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def wait_for(lake, count, seconds=60):
    try:
        wait_until(f"{lake}: {count} rows", lambda: rows(lake)[0] >= count, seconds)
    except AssertionError as e:
        raise AssertionError(f"{e}; {rows(lake)}\n{log_of(lake)}")


def wait_log(lake, text, seconds=30):
    try:
        wait_until(f"{lake}: \"{text}\" in the log", lambda: text in log_of(lake, 1 << 30), seconds)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{log_of(lake)}")


def audit(lake):
    """The findings about the topic, of an audit that found nothing bad."""
    done = subprocess.run([LAKEFM, "--lake", lake, "--set", f"contracts={contracts()}", "audit", "--json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    bad = [f for f in report["findings"] if not f["ok"]]
    assert done.returncode == 0 and report["bad"] == 0, bad
    return next(f["what"] for f in report["findings"] if f["check"] == "topic" and "auth_events" in f["where"])


def expect_exactly(lake, count):
    """Numbers 0 … count-1, each once, and a clean audit with no duplicates dropped on the way."""
    assert rows(lake) == (count, count, 0, count - 1), f"{rows(lake)}, expected {count}"
    topic = audit(lake)
    assert topic.startswith(f"{count} bronze rows") and " 0 duplicates" in topic, topic


cases = []  # (function, quick)


def quick(f):
    cases.append((f, True))
    return f


def long(f):
    cases.append((f, False))
    return f


class Skip(Exception):
    pass


def run_cases(broker, words):
    """words: "quick", "long", "all", or parts of names. Each case gets the broker, a topic of its own and its own name for
    lakes. Prints "N passed, N failed[, N skipped]"."""
    print("seed", seed, flush=True)
    passed = failed = skipped = 0
    for number, (f, is_quick) in enumerate(cases):
        if not any(w == "all" or w == ("quick" if is_quick else "long") or w in f.__name__ for w in words):
            continue
        dice.seed(seed)
        started = time.time()
        try:
            f(broker, f"t{number}", f.__name__)
            passed += 1
            print(f"ok    {f.__name__} ({time.time() - started:.0f} s)", flush=True)
        except Skip as e:
            skipped += 1
            print(f"skip  {f.__name__}: {e}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {f.__name__} ({time.time() - started:.0f} s)\n{traceback.format_exc()}{log_of(f.__name__)}", flush=True)
        kill_all()
        broker.do("up")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed == 0
