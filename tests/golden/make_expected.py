#!/usr/bin/env python3
"""The expected gold tables of raw eventsim files, computed apart from lakefm: gold.sql on DuckDB over the JSON itself.

    make_expected.py FOLDER OUT     FOLDER holds listen_events.json[.gz] …; OUT gets <mart>.csv (doubles to 12 digits)

Needs Python 3 and the duckdb module. The result for tests/golden/eventsim is checked in as tests/golden/expected.
"""
import pathlib
import sys

import duckdb


def repair(text):
    """Mojibake: all characters <= U+00FF, one >= U+0080, and as ISO-8859-1 bytes valid UTF-8."""
    if text is None or text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def main(folder, out):
    db = duckdb.connect()
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    user = "userId: 'bigint', lastName: 'varchar', firstName: 'varchar', gender: 'varchar', registration: 'bigint'"
    common = f"ts: 'bigint', sessionId: 'bigint', itemInSession: 'bigint', level: 'varchar', state: 'varchar', {user}"
    song = "artist: 'varchar', song: 'varchar', duration: 'double'"
    more = {"listen": song, "page_view": f"page: 'varchar', auth: 'varchar', method: 'varchar', status: 'int', {song}",
            "auth": "success: 'boolean'", "status_change": "auth: 'varchar'"}
    for name, columns in more.items():
        path = next(folder.glob(f"{name}_events.json*"))
        db.execute(f"create table {name} as select * from read_json('{path}', format = 'newline_delimited', "
                   f"columns = {{{common}, {columns}}})")
        for column in ("song", "artist") if "song" in columns else ():
            for (was,) in db.execute(f"select distinct {column} from {name} where not regexp_full_match({column}, '[[:ascii:]]*')").fetchall():
                db.execute(f"update {name} set {column} = ? where {column} = ?", [repair(was), was])
    db.execute("create table users as select userId, arg_max(registration, (ts, itemInSession)) as registration from ("
               + " union all ".join(f"select userId, registration, ts, itemInSession from {t}" for t in more)
               + ") where userId is not null group by userId")
    before = {r[0] for r in db.execute("show tables").fetchall()}
    db.execute((pathlib.Path(__file__).parent / "gold.sql").read_text())
    for (mart,) in db.execute("show tables").fetchall():
        if mart in before:
            continue
        columns = [c if t != "DOUBLE" else f"printf('%.12g', {c}) as {c}"
                   for c, t, *_ in db.execute(f"describe {mart}").fetchall()]
        db.execute(f"copy (select {', '.join(columns)} from {mart}) to '{out / (mart + '.csv')}' (header)")


if __name__ == "__main__":
    main(*sys.argv[1:3])
