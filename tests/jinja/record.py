#!/usr/bin/env python3
"""Records what real Jinja2 (in dbt's sandbox, on CPython) makes of the templates in templates.txt, into cases.json, which
src/model/jinja/cases_test.c compares our evaluator with.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install 'dbt-common==1.39.0' 'jinja2==3.1.6' pytz
    TZ=UTC /tmp/v/bin/python tests/jinja/record.py

templates.txt: cases are separated by a line "-----". A case may begin with lines "#! key"; keys: native (dbt's native
rendering, the repr of the value is recorded), blocks KIND,KIND (dbt's block scanner), capture (dbt's lenient undefined),
loose (only whether it fails is compared, not the message). The text after them is the template, its last newline cut.
"""
import datetime
import itertools
import json
import os
import re
import sys

import jinja2
import jinja2.sandbox
import pytz
from dbt_common.clients import jinja as dbt_jinja
from dbt_common.exceptions.macros import MacroReturn

HERE = os.path.dirname(os.path.abspath(__file__))

CONTEXT = {
    "name": "world", "n": 5, "x": 2.5, "yes": True, "no": False, "nothing": None, "empty": [], "text": "The quick brown fox",
    "nums": [3, 1, 2], "words": ["banana", "Apple", "cherry"],
    "users": [{"name": "Ann", "age": 31, "city": {"name": "Oslo"}, "on": True}, {"name": "bob", "age": 25, "city": {"name": "Rome"}, "on": False},
              {"name": "Cid", "age": 31, "city": {"name": "Oslo"}, "on": True}],
    "d": {"a": 1, "b": [1, 2], "items": "shadowed"}, "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}],
    "html": "<a href=\"x\">T & 'q'</a>", "uni": "Grüße, Straße ΑΣΣ 日本 ǆ", "lines": "one\ntwo\n\nthree",
}


def returning(data):
    raise MacroReturn(data)


def functions():
    def dbt_zip(*args, default=None):
        try:
            return zip(*args)
        except TypeError:
            return default

    def dbt_set(value, default=None):
        try:
            return set(value)
        except TypeError:
            return default

    return {
        "zip": dbt_zip, "set": dbt_set, "set_strict": set, "zip_strict": lambda *a: zip(*a),
        "tojson": lambda value, default=None, sort_keys=False: json.dumps(value, sort_keys=sort_keys),
        "fromjson": lambda string, default=None: from_json(string, default),
        "modules": {
            "datetime": {k: getattr(datetime, k) for k in ("date", "datetime", "time", "timedelta", "tzinfo")},
            "re": {k: getattr(re, k) for k in re.__all__}, "pytz": {k: getattr(pytz, k) for k in pytz.__all__},
            "itertools": {k: getattr(itertools, k) for k in "count cycle repeat accumulate chain compress islice starmap tee zip_longest product permutations combinations combinations_with_replacement".split()},
        },
        "dec": __import__("decimal").Decimal,
    }


def from_json(string, default):
    try:
        return json.loads(string)
    except ValueError:
        return default


def environment(capture):
    kw = {"undefined": dbt_jinja.create_undefined(None)} if capture else {}
    env = jinja2.sandbox.SandboxedEnvironment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", dbt_jinja.MaterializationExtension,
                                                          dbt_jinja.DocumentationExtension, dbt_jinja.TestExtension], **kw)
    env.filters.update(dbt_jinja.TEXT_FILTERS)
    return env


def run(keys, template):
    context = dict(json.loads(json.dumps(CONTEXT)), **functions())
    if "blocks" in keys:
        found = dbt_jinja.extract_toplevel_blocks(template, set(keys["blocks"].split(",")), collect_raw_data=False)
        return [[b.block_type_name, b.block_name, b.contents] for b in found]
    if "native" in keys:
        env = dbt_jinja.get_environment(native=True)
        return repr(env.from_string(template, globals=context).render(context))
    return environment("capture" in keys).from_string(template).render(context)


def main():
    cases = []
    with open(os.path.join(HERE, "templates.txt"), encoding="utf-8") as f:
        parts = f.read().split("-----\n")
    for part in parts:
        keys = {}
        while part.startswith("#! "):
            line, part = part.split("\n", 1)
            key, _, value = line[3:].partition(" ")
            keys[key] = value
        case = {"template": part[:-1] if part.endswith("\n") else part}
        case.update(keys)
        try:
            case["expected"] = run(keys, case["template"])
        except RecursionError:
            raise
        except Exception as e:
            case["error"] = (getattr(e, "message", None) or str(e)).removeprefix("Compilation Error\n  ")
        cases.append(case)
    with open(os.path.join(HERE, "cases.json"), "w", encoding="utf-8") as f:
        f.write('{"context": %s,\n"cases": [\n' % json.dumps(CONTEXT, ensure_ascii=False))
        f.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in cases))
        f.write("\n]}\n")
    print("%d cases, %d of them errors" % (len(cases), sum("error" in c for c in cases)))


if __name__ == "__main__":
    sys.exit(main())
