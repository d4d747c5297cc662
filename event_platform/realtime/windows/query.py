"""The query: events of the topic, each counted once, in windows of five seconds by name of event, page and user, kept in the lake."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from event_platform.aggregate.clickstream_live import EARLY
from event_platform.aggregate.clickstream_windows import WINDOW, WINDOW_SECONDS
from event_platform.engines import spark
from event_platform.errors import ConfigurationError
from event_platform.lake.catalog import Lake
from event_platform.realtime.kafka import client, schemas
from event_platform.realtime.windows import batches, checkpoint, messages
from event_platform.sources.clickstream import SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from event_platform.environment import Environment
    from event_platform.realtime.kafka.schemas import Schema

TOPIC = schemas.topic_of(SOURCE)

COUNTED = "messages"
"""Under which name Spark tells how many messages a batch read, and how many of them were poison or early."""

PARTS_ON_THIS_MACHINE = 4
"""In how many parts the windows are counted: each is a task and two files of state a batch. A checkpoint keeps the number it began with."""


SILENT = {"spark.log.level": "OFF"}
"""What goes wrong is told by `failures`, in words; Spark's log would tell it with stack traces, plans and values."""


@dataclass
class Windows:
    """What a query needs, and what it hands on: `failure` is what went wrong in the lake, `looked_through` see `batches.commit`."""

    environment: Environment
    session: SparkSession
    duck: duckdb.DuckDBPyConnection
    schemas: dict[int, Schema | None] = field(default_factory=dict)
    looked_through: int = -1
    failure: Exception | None = None

    @property
    def checkpoint(self) -> Path:
        """Where Spark keeps what it has read."""
        return checkpoint_of(self.environment)

    @cached_property
    def _lake(self) -> Lake:
        """Kept from batch to batch: opening the catalogue takes as long as a small commit."""
        return Lake(self.environment)

    def start(self, until_caught_up: bool = False) -> StreamingQuery:
        """Begin, or go on where the last one stopped; `until_caught_up` ends when all that is there has been read."""
        self.failure = None
        settings = self.environment.stream
        trigger = {"availableNow": True} if until_caught_up else {"processingTime": f"{settings.every.total_seconds()} seconds"}
        writer = self._counted().writeStream.outputMode("update").foreachBatch(self._commit).trigger(**trigger)
        return writer.option("checkpointLocation", str(self.checkpoint)).queryName(TOPIC).start()

    def let_go(self) -> None:
        """Be of no use any more: Py4J's threads keep this until the interpreter is gone, and DuckDB complains of connections that last so long."""
        del self.duck
        self.failure = None  # its traceback has the connection too

    def read(self, messages_of_kafka: DataFrame) -> DataFrame:
        """Kafka's rows as events."""
        return messages.events(messages_of_kafka, self.schemas, self.environment.stream.delay.total_seconds())

    def _counted(self) -> DataFrame:
        from pyspark.sql import functions as F

        source = self.session.readStream.format("kafka").option("subscribe", TOPIC).option("startingOffsets", "earliest")
        limited = source.option("maxOffsetsPerTrigger", self.environment.stream.most_messages)
        events = self.read(limited.options(**messages.options(client.kafka_of(self.environment))).load())
        told = [F.expr(f"count_if(verdict = '{verdict}')").alias(verdict) for verdict in (messages.POISON, EARLY)]
        timely = events.observe(COUNTED, F.count(F.lit(1)).alias("read"), *told).where("verdict IS NULL")
        once = timely.withWatermark(SOURCE.timestamp, f"{self.environment.stream.delay.total_seconds()} seconds").dropDuplicatesWithinWatermark(
            ["event_key"]
        )
        window = F.window(SOURCE.timestamp, f"{WINDOW_SECONDS} seconds").alias("period")
        return (
            once.groupBy(window, *WINDOW[1:]).agg(F.count(F.lit(1)).alias("events")).selectExpr("period.start AS start_time", *WINDOW[1:], "events")
        )

    def _commit(self, updated: DataFrame, number: int) -> None:
        """Called by Spark for each batch, again for one that it does not know to be done."""
        try:
            batch = checkpoint.batch(self.checkpoint, number, TOPIC)
            batches.commit(self._lake, self.duck, batch, updated.toArrow(), self.looked_through)
        except Exception as error:
            self.failure = error
            raise


def checkpoint_of(environment: Environment) -> Path:
    """Where Spark keeps what it has read."""
    return environment.streams / TOPIC / "checkpoint"


def session(environment: Environment) -> SparkSession:
    """The process's Spark, with the jars of EVENT_PLATFORM_SPARK_JARS. Raises ConfigurationError without Spark, Java or these."""
    jars = sorted(environment.spark_jars.glob("*.jar")) if environment.spark_jars else []
    properties = SILENT | ({"spark.jars": ",".join(map(str, jars))} if jars else {})
    if (environment.engines.spark_master or "local").startswith("local"):
        properties["spark.sql.shuffle.partitions"] = str(PARTS_ON_THIS_MACHINE)
    begun = spark.session(environment, properties)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    for form in ("kafka", "avro"):
        _require(begun, form)
    return begun


def _require(begun: SparkSession, form: str) -> None:
    """Raise ConfigurationError when Spark does not know this form; asked for nothing of it, one that it knows has other complaints."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        begun.read.format(form).load()
    except (PySparkException, Py4JJavaError) as error:
        if "find data source" in str(error).lower() or "DATA_SOURCE_NOT_FOUND" in str(error):
            raise ConfigurationError(f"Spark lacks what reads {form}; EVENT_PLATFORM_SPARK_JARS must name a folder with it.") from error
