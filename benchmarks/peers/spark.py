"""Spark in one process with two cores, Java's start included."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import LEVELS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "timestamp TIMESTAMP, event_id STRING, domain STRING, event_type STRING, data STRING"
SETTINGS = {
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    "spark.log.level": "ERROR",
}


def work(files: Path, result: Path) -> None:
    """Read, keep, write. Lines have no numbers here: ties go to the later file, then to the line further on in its split."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    with session({}) as spark:
        newest_first = Window.partitionBy("event_id").orderBy(*(f.desc(column) for column in ("timestamp", "file", "line")))
        read = spark.read.schema(SCHEMA).json(str(files)).withColumns({"file": f.input_file_name(), "line": f.monotonically_increasing_id()})
        kept = read.withColumn("rank", f.row_number().over(newest_first)).where("rank = 1").drop("rank", "file", "line")
        levels = {
            "kind": f.concat_ws("-", "domain", "event_type"),
            "year": f.year("timestamp"),
            "month": f.month("timestamp"),
            "day": f.day("timestamp"),
        }
        kept.withColumns(levels).repartition(*LEVELS).write.partitionBy(*LEVELS).parquet(str(result))


@contextmanager
def session(more: Mapping[str, str]) -> Iterator["SparkSession"]:
    """Spark with `more` settings; at the end Java is ended and waited for, so that its memory counts as this process's child's."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config(map={**SETTINGS, **more}).getOrCreate()
    yield spark
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(60)
