"""The exact mode against a second implementation of eventsim, tests/simulate/EventsimOracle.java, file by file, byte by byte,
for configurations and options far from the examples. Needs a JDK. ORACLE=all runs every case, not only the quick ones;
ORACLE="name;name" those; ORACLE=random:N:SEED N random ones."""
import datetime
import filecmp
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

TESTS = pathlib.Path(os.environ["TESTS"])
LAKEFM = os.environ["LAKEFM"]
GOLDEN = TESTS / "golden" / "eventsim"
CATALOG = TESTS.parent / "src" / "simulate" / "data"
TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]


def config(name="sample", drop=(), **changes):
    c = json.loads((GOLDEN / f"{name}-config.json").read_text())
    for key, value in changes.items():
        c[key.replace("_", "-")] = value
    for key in drop:
        del c[key]
    return json.dumps(c)


def transitions(change):
    """The sample's configuration after change(transitions)."""
    c = json.loads((GOLDEN / "sample-config.json").read_text())
    c["transitions"] = change(c["transitions"])
    return json.dumps(c)


def twice(ts):
    """A destination stands twice in its source: the later range counts."""
    done = []
    for t in ts:
        done.append({**t, "p": t["p"] / 2})
        if t["source"]["page"] in ("Home", "NextSong"):
            done.append({**t, "p": t["p"] / 3})
    return done


def odd(ts):
    r = random.Random(5)
    return [{**t, "p": t["p"] * r.choice([0, 0.1, 1 / 3, 0.777, 1])} for t in r.sample(ts, len(ts))]


def redirects():
    """Other pages answer 3xx: About 301, Settings 398, Help 399."""
    status = {"About": 301, "Settings": 398, "Help": 399}
    c = json.loads((GOLDEN / "sample-config.json").read_text())
    for state in c["new-session"] + [t[end] for t in c["transitions"] for end in ("source", "dest")]:
        state["status"] = status.get(state["page"], state["status"])
    return json.dumps(c)


def other_order(text):
    """Keys the other way round, numbers written differently, blanks and tabs."""
    def turn(v):
        if isinstance(v, dict):
            return {k: turn(v[k]) for k in reversed(list(v))}
        return [turn(x) for x in v] if isinstance(v, list) else v
    text = json.dumps(turn(json.loads(text)), indent="\t")
    return text.replace('"status": 200', '"status": 2e2').replace('"weight": 10,', '"weight": 1.0E+1,').replace("86400.0", "8.64e4")


def renamed():
    """Auths and levels of one's own; users of an auth are shown or not."""
    text = (GOLDEN / "sample-config.json").read_text()
    text = text.replace('"free"', '"gr\\u00e4tis"').replace('"paid"', '"pr\\"emium \\\\ €"').replace('"Logged Out"', '"Away"')
    c = json.loads(text)
    c["show-user-details"] = [{"auth": a, "show": a in ("Away", "Guest")} for a in ("Guest", "Logged In", "Away", "Cancelled")]
    c["levels"] = [{"level": "grätis", "weight": 3.9}, {"level": 'pr"emium \\ €', "weight": 0}, {"level": 'pr"emium \\ €', "weight": 7.2}]
    c["auths"] = [{"auth": "Guest", "weight": 1}, {"auth": "Logged In", "weight": 1}, {"auth": "Away", "weight": 1}]
    for s in c["new-session"]:  # a Guest has no paid start
        s["weight"] += 0.5
    c["new-session"] += [{**s, "level": 'pr"emium \\ €'} for s in c["new-session"] if s["auth"] == "Guest"]
    c["transitions"] += [{"source": {**t["source"], "level": 'pr"emium \\ €'}, "dest": {**t["dest"], "level": 'pr"emium \\ €'}, "p": t["p"]}
                         for t in c["transitions"] if t["source"]["auth"] == "Guest"]
    return json.dumps(c, ensure_ascii=False)


SPAN = ["-s", "2025-11-01T00:00", "-e", "2025-11-20T00:00"]
MONTH = ["--start-time", "2024-02-15T13:14:15.25", "--end-time", "2024-03-15T00:00:00"]
# name: (configuration, options); those of QUICK run always.
CASES = {
    "sample": (config(), ["-r", "20251101", "-n", "170", "-g", "1.0", "-s", "2025-11-01T00:00:00", "-e", "2025-12-01T00:00:00"]),
    "example": (config("example"), ["-n", "300", "-g", "0.25", *MONTH]),
    "alt": (config("alt-example"), ["-n", "250", "-g", "0.01", "--tag", 'A "B" \\ ü ☃ 🎵\ttab\x7f\x01', *MONTH]),
    "no growth": (config(), ["-n", "40", *SPAN]),
    "one user": (config(), ["-s", "2023-01-01T00:00", "-e", "2025-01-01T00:00"]),
    "three users, ten years": (config(), ["-n", "3", "-g", "0.2", "-s", "2015-12-20T00:00:01", "-e", "2025-01-05T00:00"]),
    "ten thousand": (config("example"), ["-n", "10000", "-s", "2025-12-24T00:00", "-e", "2025-12-27T00:00", "-g", "1.5"]),
    "fast growth": (config(), ["-n", "20", "-g", "40", "-s", "2025-10-25T00:00", "-e", "2025-11-30T00:00"]),
    "growth of both": (config(growth_rate=2.5), ["-n", "30", "-g", "0.5", *SPAN]),
    "growth of the file": (config(growth_rate=2.5, n_users=33, first_user_id=1000, seed=77, tag="zwölf"), ["-n", "9", "-u", "5", *SPAN]),
    "seeds: negative": (config(), ["-r", "-7", "-n", "25", *SPAN]),
    "seeds: least int": (config(), ["-r", "-2147483648", "-n", "25", *SPAN]),
    "seeds: long in the file": (config(seed=12345678901234), ["-n", "25", *SPAN]),
    "seeds: beyond 2^53": (config(seed=9007199254740993), ["-n", "25", *SPAN]),
    "seeds: negative long": (config(seed=-5000000000), ["-n", "25", *SPAN]),
    "seeds: fraction": (config(seed=-7.9), ["-n", "25", *SPAN]),
    "seeds: too large": (config(seed=1e300), ["-n", "25", *SPAN]),
    "users of fractions": (config(n_users=12.9, first_user_id=-3.9), SPAN),
    "id of the last int": (config(), ["-u", "2147483640", "-n", "25", *SPAN]),
    "id after the last int": (config(first_user_id=1e18), ["-n", "3", *SPAN]),
    "negative id": (config(), ["-u", "-12", "-n", "25", *SPAN]),
    "start is end": (config(), ["-n", "25", "-s", "2025-11-01T00:00", "-e", "2025-11-01T00:00"]),
    "end before start": (config(), ["-n", "25", "-g", "1", "-s", "2025-11-02T00:00", "-e", "2025-11-01T00:00"]),
    "one second": (config(), ["-n", "2500", "-s", "2025-11-04T15:00", "-e", "2025-11-04T15:00:01"]),
    "defaults": (config(drop=["seed", "alpha", "beta", "damping", "weekend-damping", "weekend-damping-offset", "weekend-damping-scale",
                              "session-gap", "churned-state"]), ["-n", "100", "-g", "0.3", *MONTH]),
    "weekends: scale 0": (config(weekend_damping_scale=0), ["-n", "60", *SPAN]),
    "weekends: offset 0": (config(weekend_damping_offset=0), ["-n", "60", *SPAN]),
    "weekends: negative": (config(weekend_damping_offset=-90, weekend_damping_scale=-45), ["-n", "60", *SPAN]),
    "weekends: long": (config(weekend_damping_offset=1500.9, weekend_damping_scale=2900.9, weekend_damping=0.9), ["-n", "60", *SPAN]),
    "weekends: all dropped": (config(weekend_damping=1), ["-n", "60", *SPAN]),
    "weekends: more than all": (config(weekend_damping=1.7), ["-n", "60", *SPAN]),
    "weekends: busier": (config(weekend_damping=-0.5), ["-n", "60", *SPAN]),
    "weekends: none": (config(weekend_damping=0), ["-n", "60", *SPAN]),
    "damping: none": (config(damping=0), ["-n", "60", *SPAN]),
    "damping: strong": (config(damping=0.4, beta=20000), ["-n", "40", *SPAN]),
    "damping: negative": (config(damping=-0.2), ["-n", "60", *SPAN]),
    "damping: round": (config(damping=0.0625, beta=3000, session_gap=1), ["-n", "60", *SPAN]),
    "alpha small": (config(alpha=0.1), ["-n", "40", *SPAN]),
    "alpha large": (config(alpha=1e4), ["-n", "60", *SPAN]),
    "beta large": (config(beta=1e7), ["-n", "3000", *SPAN]),
    "beta larger": (config(beta=2e9), ["-n", "50", "-s", "2025-11-01T00:00", "-e", "2025-11-01T00:10"]),
    "beta small": (config(beta=60), ["-n", "5", *SPAN]),
    "gap": (config(session_gap=3.99), ["-n", "50", *SPAN]),
    "gap of days": (config(session_gap=200000), ["-n", "150", *SPAN]),
    "churned: Guest": (config(churned_state="Guest"), ["-n", "300", "-g", "2", *SPAN]),
    "churned: everybody": (config(churned_state="Logged In"), ["-n", "3000", *SPAN]),
    "attrition": (config(), ["-n", "3000", "-a", "0.01", *SPAN]),
    "attrition, little": (config(), ["-n", "100", "-a", "1e-12", *SPAN]),
    "attrition, negative": (config(), ["-n", "100", "--attrition-rate=-1", *SPAN]),
    "new users come logged in": (config(new_user_auth="Logged In", new_user_level="paid"), ["-n", "30", "-g", "5", *SPAN]),
    "names of one's own": (renamed(), ["-n", "80", "--tag", "", *SPAN]),
    "twice": (transitions(twice), ["-n", "80", *SPAN]),
    "odd": (transitions(odd), ["-n", "200", *SPAN]),
    "redirects": (redirects(), ["-n", "80", *SPAN]),
    "other order": (other_order(config()), ["-n", "50", "-g", "0.3", *SPAN]),
    "nanoseconds": (config(), ["-n", "300", "-s", "2025-11-01T00:00:00.999999999", "-e", "2025-11-03T00:00:00.0"]),
    "milliseconds": (config(), ["-n", "100", "-g", "1", "-s", "2025-11-01T10:00:07.0019", "-e", "2025-11-09T00:00:00"]),
    "before 1970": (config(), ["-n", "50", "-g", "1", "-s", "1969-12-20T00:00:00.5", "-e", "1970-01-05T00:00"]),
    "year 1900": (config(), ["-n", "50", "-s", "1900-02-20T00:00", "-e", "1900-03-05T00:00"]),
    "old holidays": (config(), ["-n", "3", "-s", "1936-05-24T00:00", "-e", "1938-12-01T00:00"]),
    "year 2100": (config(), ["-n", "50", "-s", "2100-02-20T00:00", "-e", "2100-03-05T00:00"]),
    "options": (config(), ["--nusers=20", "--growth-rate=1e-1", "--randomseed=00012", "--userid=7", "--tag=x=y",
                           "--start-time=2025-11-01T00:00", "--end-time=2025-11-09T00:00:00.000000001"]),
}
QUICK = ["alt", "id of the last int", "weekends: long", "names of one's own", "redirects", "milliseconds"]


def any_case(r):
    """A configuration and options at random."""
    changes = {}
    def maybe(key, value):
        if r.random() < 0.5:
            changes[key] = value
    maybe("alpha", r.choice([1, 30, 90, 400]) * r.random() + 0.01)
    maybe("beta", 10 ** r.uniform(3, 6))
    maybe("damping", r.uniform(-0.2, 0.3))
    maybe("weekend_damping", r.uniform(-0.1, 1))
    maybe("weekend_damping_offset", r.uniform(-100, 1600))
    maybe("weekend_damping_scale", r.uniform(0, 1600))
    maybe("session_gap", r.randrange(1, 10000))
    maybe("growth_rate", r.choice([0, 0.01, 1.5, 30]))
    maybe("first_user_id", r.randrange(10 ** 6))
    maybe("seed", r.randrange(-2 ** 60, 2 ** 60))
    maybe("churned_state", r.choice(["Cancelled", "Guest", "Logged Out", "x"]))
    maybe("tag", r.choice(["a", "é\n"]))
    c = json.loads(config(r.choice(["sample", "example", "alt-example"]), **changes))
    if r.random() < 0.5:
        c["transitions"] = [{**t, "p": t["p"] * r.random()} for t in c["transitions"]]
    if r.random() < 0.3:
        r.shuffle(c["transitions"])
    if r.random() < 0.3:
        c["transitions"] = twice(c["transitions"])
    year, days = r.randrange(1995, 2045), r.randrange(1, 25)
    users = round(10 ** r.uniform(0, 2.7))
    options = ["-n", str(users), "-s", f"{year}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
               + r.choice(["", ".5", ".123456"])]
    end = datetime.datetime.fromisoformat(options[-1][:19]) + datetime.timedelta(days=days)
    options += ["-e", end.isoformat()]
    if r.random() < 0.5:
        options += ["-g", r.choice(["0", "0.01", "0.3", "1.5", "20"])]
    if r.random() < 0.5:
        options += ["-r", str(r.randrange(-2 ** 31, 2 ** 31))]
    return json.dumps(c), options


def compare(name, text, options):
    folder = pathlib.Path(f"case{len(list(pathlib.Path('.').glob('case*')))}")
    folder.mkdir()
    file = folder / "config.json"
    file.write_text(text)
    theirs = subprocess.run(["java", "-Xmx1g", "-cp", "oracle", "EventsimOracle", "--catalog", str(CATALOG), "-c", str(file), *options,
                             str(folder / "want")], capture_output=True, text=True, timeout=120)
    ours = subprocess.run([LAKEFM, "--quiet", "simulate", "-c", str(file), *options, str(folder / "got")], capture_output=True, text=True, timeout=120)
    said = f"\n  eventsim: exit {theirs.returncode} {theirs.stderr.strip()[-300:]}\n  lakefm: exit {ours.returncode} {ours.stderr.strip()[-300:]}"
    if ours.returncode != 0 and theirs.returncode != 0 and not (folder / "got").exists():
        print(f"{name}: both refuse", flush=True)
        return None
    lines = 0
    for topic in TOPICS:
        want, got = folder / "want" / topic, folder / "got" / f"{topic}.json"
        if not want.exists() or not got.exists() or not filecmp.cmp(want, got, shallow=False):
            return f"{name}: {topic} differs{said}\n  {folder}"
        lines += sum(1 for _ in open(want, "rb"))
    if (ours.returncode != 0) != (theirs.returncode != 0):
        return f"{name}: the same bytes, but{said}"
    shutil.rmtree(folder / "want")
    shutil.rmtree(folder / "got")
    print(f"{name}: {lines} lines alike", flush=True)
    return None


def compare_in_time(name, text, options):
    try:
        return compare(name, text, options)
    except subprocess.TimeoutExpired as e:
        return f"{name}: no end of {e.cmd[0]}"


def same_as_page_views():
    """The interana dialect says what the page views of the same run say."""
    pathlib.Path("c.json").write_text(config())
    run = [LAKEFM, "--quiet", "simulate", "-c", "c.json", "-n", "60", "-g", "3", "--tag", 'q"q', *SPAN]
    subprocess.run([*run, "four"], check=True)
    subprocess.run([*run, "--dialect", "interana", "one"], check=True)
    n = 0
    for a, b in zip(open("four/page_view_events.json", newline="\n"), open("one/interana.json", newline="\n"), strict=True):
        a, b = json.loads(a), json.loads(b)
        a["location"] = f'{a.pop("city")}, {a.pop("state")}'
        a["userId"] = str(a.get("userId", ""))
        a["length"] = a.pop("duration", None)
        for key in ("zip", "lon", "lat") + (() if a["userId"] else ("location", "userAgent")):
            del a[key]
        assert {k: v for k, v in a.items() if v is not None} == {k: v for k, v in b.items() if v is not None}, (a, b)
        n += 1
    assert n > 1000
    print(f"interana: {n} lines say the same")


def main():
    if not shutil.which("javac"):
        print("no JDK here (apt install default-jdk-headless)")
        sys.exit(77)
    subprocess.run(["javac", "-d", "oracle", str(TESTS / "simulate" / "EventsimOracle.java")], check=True)
    which = os.environ.get("ORACLE", "")
    if which.startswith("random:"):
        _, n, seed = which.split(":")
        cases = {f"random {s}": any_case(random.Random(s)) for s in range(int(seed), int(seed) + int(n))}
    else:
        names = list(CASES) if which == "all" else which.split(";") if which else QUICK
        cases = {name: CASES[name] for name in names}
    bad = [b for b in (compare_in_time(name, *case) for name, case in cases.items()) if b]
    if bad:
        sys.exit("\n".join(bad))
    same_as_page_views()


main()
