"""Reads the files of make_files by other engines and compares every value, then asks filters that statistics, dictionaries
and Bloom filters answer. Usage: readers.py DIR [engine…]; engines: pyarrow duckdb clickhouse spark (default: those installed).
Prints a line per engine and file; exit code 1 when anything differs."""
import datetime
import importlib.util
import json
import math
import random
import struct
import sys

FILES = ["all_types", "all_types_plain", "edges", "large", "empty"]
EPOCH = datetime.datetime(1970, 1, 1)
MODULES = {"pyarrow": "pyarrow", "duckdb": "duckdb", "clickhouse": "chdb", "spark": "pyspark"}


class Expected:
    """Rows as tuples of comparable values: doubles as their bits, times as ms, dates as days."""

    def __init__(self, directory, name):
        self.path = f"{directory}/{name}.parquet"
        self.schema = json.load(open(f"{directory}/{name}.schema.json"))
        rows = [json.loads(line) for line in open(f"{directory}/{name}.ndjson")]
        self.columns = [[row[i] for row in rows] for i in range(len(self.schema))]
        for i, (_, kind, _) in enumerate(self.schema):
            if kind == "double":
                self.columns[i] = [None if v is None else int(v, 16) for v in self.columns[i]]
        self.count = len(rows)
        self.filters = True

    def without_filters(self):
        """For what was asked already of the same rows in another file."""
        copy = Expected.__new__(Expected)
        copy.__dict__.update(self.__dict__, filters=False)
        return copy


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def real(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def same(kind, want, got):
    if want is None or got is None:
        return want is got
    if kind == "double":
        if math.isnan(real(want)):
            return math.isnan(got)
        return want == bits(got)
    return want == got and isinstance(got, bool) == (kind == "bool")


def check_rows(expected, columns):
    """columns: for each column of the schema a list of Python values."""
    for (name, kind, _), want, got in zip(expected.schema, expected.columns, columns, strict=True):
        assert len(want) == len(got), f"{name}: {len(got)} rows, expected {len(want)}"
        for row, (w, g) in enumerate(zip(want, got)):
            assert same(kind, w, g), f"{name}, row {row}: {g!r}, expected {w!r}"


def order_key(kind, v):
    """The order of SQL engines: NaN above all, −0 equal to 0."""
    if kind == "double":
        x = real(v)
        return (1, 0.0) if math.isnan(x) else (0, x + 0.0)
    return v.encode() if kind == "string" else v


def filters(expected, limit, nan=True):
    """(column, kind, operator, value, expected count): values that are there, and some that are not."""
    rng = random.Random(7)
    if not expected.filters:
        return
    for (name, kind, _), values in zip(expected.schema, expected.columns):
        there = [v for v in values if v is not None]
        if kind == "bool" or not there:
            continue
        if kind == "double" and not nan and any(math.isnan(real(v)) for v in there):
            continue
        keys = [order_key(kind, v) for v in there]
        for _ in range(limit):
            v = rng.choice(there)
            if kind == "string" and len(v) > 1000:
                continue
            k = order_key(kind, v)
            yield name, kind, "=", v, sum(x == k for x in keys)
            yield name, kind, "<", v, sum(x < k for x in keys)
            yield name, kind, ">", v, sum(x > k for x in keys)
        if kind in ("int64", "uint32"):
            yield name, kind, "=", 987654321, sum(v == 987654321 for v in there)


def sql_literal(kind, v, date="DATE '{}'", time="TIMESTAMP '{}'", escapes=True):
    """escapes: a backslash in a text needs another."""
    if kind == "string":
        return "'" + (v.replace("\\", "\\\\").replace("'", "\\'") if escapes else v.replace("'", "''")) + "'"
    if kind == "double":
        x = real(v)
        return repr(x) if math.isfinite(x) else f"'{'NaN' if math.isnan(x) else 'Infinity' if x > 0 else '-Infinity'}'"
    if kind == "date":
        return date.format((EPOCH + datetime.timedelta(days=v)).date())
    if kind == "timestamp":
        return time.format((EPOCH + datetime.timedelta(milliseconds=v)).isoformat(" ", "milliseconds"))
    return str(v)


def plain(kind, v):
    """Python's date and datetime → days and ms."""
    if v is None:
        return None
    if kind == "date":
        return (v - EPOCH.date()).days
    if kind == "timestamp":
        return (v - EPOCH) // datetime.timedelta(milliseconds=1)
    return v


# ---- PyArrow


def pyarrow_reader():
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    types = {"bool": pa.bool_(), "int8": pa.int8(), "int16": pa.int16(), "int32": pa.int32(), "uint8": pa.uint8(),
             "uint16": pa.uint16(), "uint32": pa.uint32(), "date": pa.date32(), "int64": pa.int64(),
             "timestamp": pa.timestamp("ms"), "double": pa.float64(), "string": pa.string()}
    operators = {"=": "==", "<": "<", ">": ">"}

    def scalar(kind, v):
        if kind == "double":
            return pa.scalar(real(v), pa.float64())
        if kind in ("date", "timestamp"):
            return pa.scalar(v, pa.int32() if kind == "date" else pa.int64()).cast(types[kind])
        return pa.scalar(v, types[kind])

    def read(x):
        table = pq.read_table(x.path)
        assert [f.name for f in table.schema] == [name for name, _, _ in x.schema]
        for field, (name, kind, required) in zip(table.schema, x.schema):
            assert field.type == types[kind] and field.nullable != required, (name, field)
        columns = []
        for column, (_, kind, _) in zip(table.columns, x.schema):
            if kind in ("date", "timestamp"):
                column = column.cast(pa.int32() if kind == "date" else pa.int64())
            columns.append(column.to_pylist())
        check_rows(x, columns)
        meta = pq.ParquetFile(x.path).metadata
        assert meta.num_rows == x.count and meta.created_by.startswith("lakefm version ")
        if x.path.endswith("all_types.parquet"):
            assert meta.metadata[b"lakefm.batch"] == b"42"
        asked = 0
        for name, kind, op, v, want in filters(x, 4, nan=False):
            got = pq.read_table(x.path, columns=[name], filters=[(name, operators[op], scalar(kind, v).as_py()
                                if kind != "timestamp" else scalar(kind, v))]).num_rows
            assert got == want, f"{name} {op} {v!r}: {got} rows, expected {want}"
            asked += 1
        assert pc.sum(pa.array([asked])).as_py() or not x.count
        return asked

    return pa.__version__, read


# ---- DuckDB


def duckdb_reader():
    import duckdb

    con = duckdb.connect()

    def read(x):
        rows = con.execute(f"select * from read_parquet('{x.path}')").fetchall()
        columns = [[plain(kind, row[i]) for row in rows] for i, (_, kind, _) in enumerate(x.schema)]
        check_rows(x, columns)
        asked = 0
        for name, kind, op, v, want in filters(x, 6):
            literal = sql_literal(kind, v, escapes=False)
            cast = "::double" if kind == "double" else ""
            sql = f'select count(*) from read_parquet(\'{x.path}\') where "{name}" {op} {literal}{cast}'
            got = con.execute(sql).fetchone()[0]
            assert got == want, f"{sql}: {got} rows, expected {want}"
            asked += 1
        return asked

    return duckdb.__version__, read


# ---- ClickHouse (chdb: its engine in process)


def clickhouse_reader():
    import chdb

    settings = ("output_format_json_quote_64bit_integers=1, output_format_json_quote_denormals=1,"
                "output_format_json_escape_forward_slashes=0, input_format_parquet_preserve_order=1, max_threads=1")

    def query(sql):
        return chdb.query(sql, "JSONCompactEachRow").bytes().decode()

    def read(x):
        shown = []
        for name, kind, _ in x.schema:
            column = f'"{name}"'
            if kind == "double":
                column = f"hex(reinterpretAsUInt64({column}))"
            elif kind == "timestamp":
                column = f"toUnixTimestamp64Milli({column})"
            elif kind == "date":
                column = f"toInt32({column})"
            shown.append(column if kind == "string" else f"toString({column})")
        if not x.count:
            shown = [f'"{name}"' for name, _, _ in x.schema]
        text = query(f"select {', '.join(shown)} from file('{x.path}', Parquet) settings {settings}")
        rows = [json.loads(line) for line in text.splitlines()]
        assert len(rows) == x.count, f"{len(rows)} rows, expected {x.count}"
        parse = {"string": str, "bool": lambda v: {"true": True, "false": False}[v],
                 "double": lambda v: real(int(v, 16))}
        columns = []
        for i, (_, kind, _) in enumerate(x.schema):
            f = parse.get(kind, int)
            columns.append([None if row[i] is None else f(row[i]) for row in rows])
        check_rows(x, columns)
        asks = []
        for name, kind, op, v, want in filters(x, 3, nan=False):
            literal = sql_literal(kind, v, "toDate32('{}')", "toDateTime64('{}', 3, 'UTC')")
            if kind == "double":
                literal = f"toFloat64({literal})"
            asks.append((f'select count() from file(\'{x.path}\', Parquet) where "{name}" {op} {literal}', want))
        for sql, want in asks:
            got = json.loads(query(sql))[0]
            assert int(got) == want, f"{sql}: {got} rows, expected {want}"
        return len(asks)

    return chdb.query("select version()", "CSV").bytes().decode().strip().strip('"'), read


# ---- Spark: both of its readers, the vectorised one and the one of rows


def spark_reader():
    import os
    import pyspark
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = (SparkSession.builder.master("local[2]").appName("readers").config("spark.ui.enabled", "false")
             .config("spark.ui.showConsoleProgress", "false")
             .config("spark.sql.session.timeZone", "America/Los_Angeles").config("spark.driver.memory", "2g")
             .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.ansi.enabled", "true").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    types = {"bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "uint8": "smallint",
             "uint16": "int", "uint32": "bigint", "date": "date", "int64": "bigint", "timestamp": "timestamp_ntz",
             "double": "double", "string": "string"}

    def read(x):
        asked = 0
        if x.path.endswith("_plain.parquet"):
            x = Expected.without_filters(x)
        for vectorized in ("true", "false"):
            spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorized)
            frame = spark.read.parquet(x.path)
            assert [(f.name, f.dataType.simpleString()) for f in frame.schema] == [(n, types[k]) for n, k, _ in x.schema]
            rows = frame.collect()
            columns = [[plain(kind, row[i]) for row in rows] for i, (_, kind, _) in enumerate(x.schema)]
            check_rows(x, columns)
            frame.createOrReplaceTempView("t")
            for name, kind, op, v, want in filters(x, 4 if x.count < 100 else 1):
                literal = sql_literal(kind, v, "date '{}'", "timestamp_ntz '{}'")
                literal = literal + "L" if kind in ("int64", "uint32") and v > -(1 << 63) else literal
                if kind == "int64" and v == -(1 << 63):
                    literal = "(-9223372036854775807L - 1L)"
                if kind == "double":
                    literal = f"cast({literal} as double)"
                got = spark.sql(f"select count(*) from t where `{name}` {op} {literal}").collect()[0][0]
                assert got == want, f"{name} {op} {literal}: {got} rows, expected {want} (vectorized {vectorized})"
                asked += 1
        return asked

    return pyspark.__version__, read


def main():
    directory = sys.argv[1]
    engines = sys.argv[2:] or [e for e, m in MODULES.items() if importlib.util.find_spec(m)]
    expected = {name: Expected(directory, name) for name in FILES}
    failed = 0
    for engine in engines:
        version, read = globals()[engine + "_reader"]()
        for name in FILES:
            x = expected[name]
            try:
                asked = read(x)
                print(f"ok    {engine} {version}: {name}, {x.count} rows x {len(x.schema)} columns, {asked} filters", flush=True)
            except AssertionError as e:
                failed += 1
                print(f"FAIL  {engine} {version}: {name}: {str(e)[:600]}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
