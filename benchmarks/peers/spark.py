"""Spark in one process with two cores, Java's start included."""

from pathlib import Path

from benchmarks.peers import LEVELS

SCHEMA = "timestamp TIMESTAMP, event_id STRING, domain STRING, event_type STRING, data STRING"


def work(files: Path, result: Path) -> None:
    """Read, keep, write. Lines have no numbers here: ties go to the later file, then to the line further on in its split."""
    from pyspark.sql import SparkSession, Window
    from pyspark.sql import functions as f

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    newest_first = Window.partitionBy("event_id").orderBy(*(f.desc(column) for column in ("timestamp", "file", "line")))
    read = spark.read.schema(SCHEMA).json(str(files)).withColumns({"file": f.input_file_name(), "line": f.monotonically_increasing_id()})
    kept = read.withColumn("rank", f.row_number().over(newest_first)).where("rank = 1").drop("rank", "file", "line")
    levels = {"kind": f.concat_ws("-", "domain", "event_type"), "year": f.year("timestamp"), "month": f.month("timestamp"), "day": f.day("timestamp")}
    kept.withColumns(levels).repartition(*LEVELS).write.partitionBy(*LEVELS).parquet(str(result))
    _stop(spark)


def _stop(spark: object) -> None:
    """End Java and wait for it, so that its memory counts as this process's child's."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(60)
