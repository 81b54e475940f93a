"""Kafka to bronze by Structured Streaming: the layout that `lakefm run` writes, once each, whatever dies.

    spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:VERSION bronze.py --lake DIR_OR_URL --brokers HOST:PORT \\
        [--topic auth_events]... [--until-end] [--every '5 seconds']

Without --topic: the four of eventsim. A micro-batch is a pure function of its offsets, which Spark's checkpoint
(<lake>/state/spark/bronze/<topics>) fixes before it is read: its files have fixed names and are replaced when it is done again.
bronze/<topic>/date=YYYY-MM-DD/hour=HH/part-<batch>-<partition>.json.gz, by the time that Kafka gave the record (UTC), in order of
offset; bytes as received, but that a line break inside a record (white space in JSON) becomes a space. Into a lake of its own:
lakefm's commit log does not know these files. Rules: docs/spark.md."""
import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

TOPICS = ["listen_events", "page_view_events", "auth_events", "status_change_events"]


def publish(spark, lake, staging, batch):
    """The staged files of a micro-batch get their names. Rename by rename: done again, it ends the same."""
    jvm = spark._jvm
    staging = jvm.org.apache.hadoop.fs.Path(staging)
    fs = staging.getFileSystem(spark._jsc.hadoopConfiguration())
    files = fs.listFiles(staging, True)
    while files.hasNext():
        path = files.next().getPath()
        if not path.getName().startswith("part-"):
            continue
        keys = dict(part.split("=", 1) for part in path.toString().split("/") if "=" in part)
        folder = jvm.org.apache.hadoop.fs.Path(f"{lake}/bronze/{keys['topic']}/date={keys['date']}/hour={keys['hour']}")
        target = jvm.org.apache.hadoop.fs.Path(folder, f"part-{batch:08d}-{keys['k']}.json.gz")
        fs.mkdirs(folder)
        fs.delete(target, False)
        if not fs.rename(path, target):
            raise RuntimeError(f"{path} could not be renamed to {target}")
    fs.delete(staging, True)


def take(lake, staging):
    def run(records, batch):
        lines = records.select(
            F.expr("replace(coalesce(cast(value as string), ''), '\\n', ' ')").alias("value"), "topic", "offset",
            F.col("partition").alias("k"), F.date_format("timestamp", "yyyy-MM-dd").alias("date"), F.date_format("timestamp", "HH").alias("hour"))
        folders = ["topic", "date", "hour", "k"]
        (lines.repartition(*folders).sortWithinPartitions(*folders, "offset").select("value", *folders)
         .write.mode("overwrite").partitionBy(*folders).option("compression", "gzip").text(staging))
        publish(records.sparkSession, lake, staging, batch)

    return run


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--lake", required=True)
    args.add_argument("--brokers", required=True)
    args.add_argument("--topic", action="append")
    args.add_argument("--until-end", action="store_true", help="stop when all that is there now is taken")
    args.add_argument("--every", default="5 seconds")
    args.add_argument("--most", default="1000000", help="records of a micro-batch")
    o = args.parse_args()
    topics = ",".join(sorted(o.topic or TOPICS))
    # The time zone: hours are UTC wherever the job runs.
    spark = SparkSession.builder.appName("lakefm bronze").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    records = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", o.brokers).option("subscribe", topics)
               .option("startingOffsets", "earliest").option("failOnDataLoss", "true").option("kafka.isolation.level", "read_committed")
               .option("maxOffsetsPerTrigger", o.most).load())
    query = records.writeStream.option("checkpointLocation", f"{o.lake}/state/spark/bronze/{topics}").foreachBatch(
        take(o.lake, f"{o.lake}/staging/spark-bronze-{topics}"))
    (query.trigger(availableNow=True) if o.until_end else query.trigger(processingTime=o.every)).start().awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main()
