"""What the gold tests share: running lakefm, and reading gold tables as text."""
import csv
import gzip
import io
import json
import os
import pathlib
import subprocess

LAKEFM = os.environ["LAKEFM"]
GOLDEN = pathlib.Path(os.environ["TESTS"]) / "golden"
TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
MARTS = sorted(p.stem for p in (GOLDEN / "expected").glob("*.csv"))


def run(lake, *words, env=None, check=True, stdin=None):
    """One command on a lake; its stdout."""
    done = subprocess.run([LAKEFM, "--lake", str(lake), *map(str, words)], capture_output=True, stdin=stdin,
                          env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise SystemExit(f"lakefm {' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done if not check else done.stdout.decode()


def gold(lake):
    """{mart: its rows as CSV text, in the file's order}"""
    return {mart: run(lake, "sql", "--format", "csv", "-c", f"select * from gold.{mart}") for mart in MARTS}


def audit(lake):
    """The audit must be clean and its findings must speak of every topic."""
    found = json.loads(run(lake, "audit", "--json"))
    assert found["bad"] == 0, found
    return found


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def same(a, b):
    if a == b:
        return True
    try:
        x, y = float(a), float(b)
    except ValueError:
        return False
    return abs(x - y) <= 1e-11 * max(1.0, abs(x), abs(y))


def expect_golden(lake):
    """Every mart equals tests/golden/expected: same columns, rows, order; doubles to 11 digits."""
    for mart, text in gold(lake).items():
        want = rows_of((GOLDEN / "expected" / f"{mart}.csv").read_text())
        got = rows_of(text)
        assert got[0] == want[0], f"{mart}: columns {got[0]}, expected {want[0]}"
        assert len(got) == len(want), f"{mart}: {len(got) - 1} rows, expected {len(want) - 1}"
        for i, (g, w) in enumerate(zip(got, want)):
            assert len(g) == len(w) and all(map(same, g, w)), f"{mart}, row {i}: {g}, expected {w}"


def sample(topic):
    return gzip.open(GOLDEN / "eventsim" / f"{topic}.json.gz").read()
