"""Bronze to silver by Spark: the same tables and rows as `lakefm refine` makes, from the same contracts.

    spark-submit silver.py --lake DIR_OR_URL [--contracts contracts] [--out DIR_OR_URL]

Reads all of <lake>/bronze and writes <out>/silver anew (out: another place than a lake that lakefm writes). Needs PySpark 3.5 or
newer and PyYAML. Rules: docs/contracts.md, docs/silver.md. What it does not do: contracts with `route:`; quarantine (rejected
records are counted by reason and printed); `batch` is the number in the bronze file's name."""
import argparse
import datetime
import glob
import json
import math
import os
import re
import sys

import yaml
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

TYPES = {"int64": T.LongType(), "uint32": T.LongType(), "uint16": T.IntegerType(), "uint8": T.IntegerType(), "double": T.DoubleType(),
         "string": T.StringType(), "bool": T.BooleanType(), "timestamp_ms": T.TimestampNTZType()}
LIMITS = {"int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1), "uint16": (0, 65535), "uint8": (0, 255)}
DERIVED = {"event_time": T.TimestampNTZType(), "year": T.IntegerType(), "month": T.IntegerType(), "day": T.IntegerType(),
           "hour": T.IntegerType(), "batch": T.LongType()}
UNIT = {"ms": 1, "s": 1000}
EPOCH = datetime.datetime(1970, 1, 1)
# An event counts once: a listen is a page view too. Songs and places come from the first of these that knows them.
RANK = ["listen_events", "page_view_events", "auth_events", "status_change_events"]


class Bad(Exception):
    pass


class Num(str):
    """A number as it is spelt: an integer of 64 bits is no double."""


def no_duplicates(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise Bad("duplicate_key")
    return out


def no_constant(word):
    raise Bad("bad_json")


def parse(line):
    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates, parse_int=Num, parse_float=Num,
                            parse_constant=no_constant)
    except UnicodeDecodeError:
        raise Bad("bad_utf8")
    except ValueError:
        raise Bad("bad_json")
    if not isinstance(record, dict):
        raise Bad("not_object")
    return record


def clean(text, how):
    if how == "unquote" and len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    if how == "mojibake" and not text.isascii():
        try:
            return text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return text
    if how in ("before_last_comma", "after_last_comma"):
        head, comma, tail = text.rpartition(",")
        return (head if comma else text).strip() if how == "before_last_comma" else (tail if comma else "").strip()
    return None if how == "empty_null" and text == "" else text


def convert(column, value):
    kind, accept = column["type"], column.get("accept", [])
    if kind == "string":
        if not isinstance(value, str) or isinstance(value, Num):
            raise Bad("wrong_type")
        if "\0" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise Bad("bad_utf8")
        for how in column.get("clean", []):
            value = clean(value, how) if value is not None else None
        return value
    if kind == "bool" and "equals" not in column:
        if not isinstance(value, bool):
            raise Bad("wrong_type")
        return value
    if not isinstance(value, Num):
        if isinstance(value, str) and "blank" in accept and value.strip() == "":
            return None
        if not (isinstance(value, str) and "text" in accept and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", value)):
            raise Bad("wrong_type")
    if kind == "double":
        number = float(value)
        if not math.isfinite(number):
            raise Bad("not_finite")
        return number
    if not re.fullmatch(r"-?[0-9]+", value):
        if "float" not in accept or not float(value).is_integer():
            raise Bad("not_integer")
        value = int(float(value))
    number = int(value)
    if kind == "bool":
        return number == column["equals"]
    least, most = LIMITS[kind]
    if not least <= number <= most:
        raise Bad("out_of_range")
    return number


def row_of(contract, line, batch):
    record, row = parse(line), []
    for column in contract["columns"]:
        if "derive" in column:
            continue
        keys = [k for k in column.get("from", [column["name"]]) if k in record]
        value = record[keys[0]] if keys else None
        if value is not None:
            value = convert(column, value)
        if value is None and column.get("required"):
            raise Bad("null_required" if keys else "missing_required")
        row.append(value)
    names = [c["name"] for c in contract["columns"] if "derive" not in c]
    time = contract["time"]
    ms = row[names.index(time["column"])] = row[names.index(time["column"])] * UNIT[time.get("unit", "ms")]
    if not -62135596800000 <= ms <= 253402300799999:
        raise Bad("out_of_range")
    at = EPOCH + datetime.timedelta(milliseconds=ms)
    derived = {"event_time": at, "year": at.year, "month": at.month, "day": at.day, "hour": at.hour, "batch": batch}
    return tuple(row) + tuple(derived[d] for d in DERIVED) + (at.date(), ms)


def decode(contract):
    def partition(lines):
        for line, file, number in lines:
            line = bytes(line)
            if not line.strip(b" \t\r\n"):
                continue
            batch = int(re.search(r"part-0*([0-9]+)", file.rsplit("/", 1)[-1]).group(1))
            try:
                yield row_of(contract, line, batch) + (file, number, None)
            except Bad as bad:
                yield (None,) * (sum("derive" not in c for c in contract["columns"]) + len(DERIVED) + 2) + (file, number, str(bad))
    return partition


def read(spark, lake, contract):
    """All good records of a topic, the first of each key, with every column of the contract."""
    text = (spark.read.option("recursiveFileLookup", "true").option("lineSep", "\n").text(f"{lake}/bronze/{contract['topic']}")
            .select(F.col("value").cast("binary"), F.input_file_name(), F.monotonically_increasing_id()))
    fields = [T.StructField(c["name"], TYPES[c["type"]]) for c in contract["columns"] if "derive" not in c]
    fields += [T.StructField(d, t) for d, t in DERIVED.items()]
    fields += [T.StructField("date", T.DateType()), T.StructField("_ms", T.LongType()), T.StructField("_file", T.StringType()),
               T.StructField("_line", T.LongType()), T.StructField("_bad", T.StringType())]
    rows = spark.createDataFrame(text.rdd.mapPartitions(decode(contract)), T.StructType(fields)).persist()
    for reason, count in sorted(map(tuple, rows.where("_bad is not null").groupBy("_bad").count().collect())):
        print(f"{contract['topic']}: {count} rejected, {reason}", file=sys.stderr)
    first = Window.partitionBy(*contract["key"], "date").orderBy("_file", "_line")
    return rows.where("_bad is null").withColumn("_n", F.row_number().over(first)).where("_n = 1").drop("_n", "_bad").persist()


def best(rows, key, value):
    """Per key the most frequent value, of equals the smallest; and the first time seen."""
    counts = rows.groupBy("_rank", *key, value.alias("_v")).agg(F.count("*").alias("_n"), F.min("_ms").alias("_t"))
    w = Window.partitionBy("_rank", *key)
    counts = counts.withColumn("_first", F.min("_t").over(w)).withColumn(
        "_o", F.row_number().over(w.orderBy(F.col("_v").isNull(), F.desc("_n"), "_v"))).where("_o = 1")
    return counts.withColumn("_p", F.row_number().over(Window.partitionBy(*key).orderBy("_rank"))).where("_p = 1")


def stamp(ms):
    return F.to_timestamp_ntz(F.date_format(F.timestamp_millis(ms), "yyyy-MM-dd HH:mm:ss.SSS"))


def union(tables, dim, columns):
    parts = [df.select(F.lit(rank).alias("_rank"), "_ms", *columns) for rank, c, df in tables
             if dim in c.get("dims", []) and set(columns) <= set(df.columns)]
    out = parts[0]
    for p in parts[1:]:
        out = out.unionByName(p)
    return out


def users_of(tables):
    person = ["firstName", "lastName", "gender", "registration"]
    users = union(tables, "dim_user", ["userId", "itemInSession", "level", *person]).where("userId is not null")
    last = F.struct("_ms", "itemInSession")
    yield "dim_user", users.groupBy("userId").agg(
        *[F.max_by(F.struct(*person), last)[c].alias(c) for c in person[:3]], F.max_by("level", last).alias("level"),
        F.max_by("registration", last).alias("registration"), stamp(F.min("_ms")).alias("first_seen"), stamp(F.max("_ms")).alias("last_seen"))
    by_user = Window.partitionBy("userId").orderBy("_ms", "itemInSession", "level")
    runs = users.withColumn("_was", F.lag("level").over(by_user)).where("not (_was <=> level)")
    yield "dim_user_history", runs.select("userId", "level", stamp(F.col("_ms")).alias("valid_from"),
                                          stamp(F.lead("_ms").over(by_user)).alias("valid_to"))


def songs_of(tables):
    songs = union(tables, "dim_song", ["song", "artist", "duration"]).where("song is not null")
    yield "dim_song", best(songs, ["song", "artist"], F.col("duration")).select(
        "song", "artist", F.col("_v").alias("duration"), stamp(F.col("_first")).alias("first_seen"))


def places_of(tables):
    places = union(tables, "dim_location", ["zip", "city", "state", "lat", "lon"]).where("coalesce(zip, city, state) is not null")
    yield "dim_location", best(places, ["zip", "city", "state"], F.struct("lat", "lon")).select(
        "zip", "city", "state", "_v.lat", "_v.lon")


def minutes_of(tables):
    minutes = union(tables, "dim_time", []).select((F.floor(F.col("_ms") / 60000) * 60000).alias("minute_ts")).distinct()
    at = F.timestamp_millis("minute_ts")
    weekday = (F.weekday(at) + 1).alias("weekday")
    yield "dim_time", minutes.select("minute_ts", F.year(at).alias("year"), F.month(at).alias("month"), F.dayofmonth(at).alias("day"),
                                     F.hour(at).alias("hour"), F.minute(at).alias("minute"), weekday,
                                     F.weekofyear(at).alias("week"), (F.weekday(at) >= 5).alias("is_weekend"))


def dimensions(tables):
    """Those that some topic with records feeds."""
    fed = {dim for _, contract, _ in tables for dim in contract.get("dims", [])}
    for dim, make in (("dim_user", users_of), ("dim_song", songs_of), ("dim_location", places_of), ("dim_time", minutes_of)):
        if dim in fed:
            yield from make(tables)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--lake", required=True)
    args.add_argument("--out")
    args.add_argument("--contracts", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "contracts"))
    o = args.parse_args()
    out = o.out or o.lake
    spark = SparkSession.builder.appName("lakefm silver").config("spark.sql.shuffle.partitions", os.environ.get("SPARK_PARTITIONS", "8")).config("spark.sql.session.timeZone", "UTC").getOrCreate()
    contracts = [yaml.safe_load(open(path, encoding="utf-8")) for path in sorted(glob.glob(f"{o.contracts}/*.yml"))]
    contracts = [c for c in contracts if "route" not in c]
    path = spark._jvm.org.apache.hadoop.fs.Path
    tables = []
    for c in contracts:
        folder = path(f"{o.lake}/bronze/{c['topic']}")
        if not folder.getFileSystem(spark._jsc.hadoopConfiguration()).exists(folder):
            continue
        rows = read(spark, o.lake, c)
        tables.append((RANK.index(c["topic"]) if c["topic"] in RANK else len(RANK), c, rows))
        names = [x.get("name") or x["derive"] for x in c["columns"] if x.get("fact", True)]
        rows.select("date", *names).repartition("date").write.mode("overwrite").partitionBy("date").parquet(f"{out}/silver/{c['table']}")
    for name, df in dimensions(tables):
        df.coalesce(1).write.mode("overwrite").parquet(f"{out}/silver/{name}")
    spark.stop()


if __name__ == "__main__":
    main()
