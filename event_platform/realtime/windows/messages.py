"""Messages of the topic as events, in Spark: the wire format taken apart, Avro read by the schema it was written with, the contract's verdict.

What stage would put into quarantine is not counted, by the same rules (`judge`); the consumer of the topic is who keeps it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from event_platform.aggregate.clickstream_live import EARLY
from event_platform.engines.spark_translation import translated
from event_platform.errors import ConfigurationError
from event_platform.realtime.kafka import schemas
from event_platform.sources.clickstream import SOURCE
from event_platform.stage import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from event_platform.environment import Kafka
    from event_platform.realtime.kafka.schemas import Schema
    from event_platform.sources.contract import Column as SourceColumn

POISON = "poison"
"""The verdict on a message that holds no sound event. The other verdict is EARLY."""

UNKNOWN_SCHEMA = "the schema of a message is not known:"
"""How the failure begins that asks for a schema which the query was not given; its number follows."""

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Years 1 to 9999, as stage takes them."""

ANSWER_SECONDS = 20.0
"""How long Kafka may take to answer Spark, which asks three times: Java that has just begun, on a busy machine, is slow to hear it."""

NUMBER = "CASE WHEN length(value) >= 5 AND substring(value, 1, 1) = X'00' THEN CAST(conv(hex(substring(value, 2, 4)), 16, 10) AS BIGINT) END"
"""The schema's number in the registry, as `wire` says."""


def events(messages: DataFrame, written_by: Mapping[int, Schema | None], early_seconds: float) -> DataFrame:
    """Kafka's rows as events: partition, offset, arrived_at, the contract's columns, event_key, and the verdict (null: to be counted).

    `written_by` are the schemas by number, None for one that the registry does not know either; a message of any other fails the query with
    UNKNOWN_SCHEMA. Times are UTC.
    """
    from pyspark.sql.functions import expr

    read = messages.withColumn("datum", _datum(written_by)).selectExpr(
        "partition", "offset", "timestamp AS arrived_at", "CAST(timestamp AS DATE) AS landing_date", *map(_value, SOURCE.columns)
    )
    dated = read.selectExpr("*", *_dated()).withColumn("event_key", expr(_key()))
    return dated.withColumn("verdict", expr(_verdict(early_seconds)))


def options(kafka: Kafka) -> dict[str, str]:
    """Where Kafka is, as Spark's source takes it. Raises ConfigurationError for a setting of security that Java's client has in another way."""
    found = {"kafka.bootstrap.servers": kafka.bootstrap_servers, "kafka.isolation.level": "read_committed"}
    given = dict(kafka.options)
    answer = given.pop("socket.timeout.ms", str(int(ANSWER_SECONDS * 1000)))
    found |= {"kafka.request.timeout.ms": answer, "kafka.default.api.timeout.ms": answer}  # the former may not be longer
    user, password = given.pop("sasl.username", None), given.pop("sasl.password", None)
    if mechanism := given.pop("sasl.mechanisms", given.pop("sasl.mechanism", None)):
        found["kafka.sasl.mechanism"] = mechanism
    if user is not None:
        module = "scram.ScramLoginModule" if (mechanism or "").startswith("SCRAM") else "plain.PlainLoginModule"
        quoted = [json.dumps(text) for text in (user, password or "")]
        found["kafka.sasl.jaas.config"] = f"org.apache.kafka.common.security.{module} required username={quoted[0]} password={quoted[1]};"
    if authority := given.pop("ssl.ca.location", None):
        found |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": authority}
    if protocol := given.pop("security.protocol", None):
        found["kafka.security.protocol"] = protocol.upper()
    if strange := [name for name in given if name.startswith(("sasl.", "ssl."))]:
        raise ConfigurationError(f"Spark's client of Kafka cannot be given {', '.join(strange)}; set what Java calls it in spark-defaults.conf.")
    return found


def _datum(written_by: Mapping[int, Schema | None]) -> Column:
    """The Avro datum as a struct of the contract's fields, null where there is none."""
    from pyspark.sql import functions as F
    from pyspark.sql.avro.functions import from_avro

    number, body = F.expr(NUMBER), F.expr("substring(value, 6)")
    known = json.dumps(schemas.schema_of(SOURCE))
    found = F.when(number.isNull(), F.lit(None))
    for schema_id, schema in written_by.items():
        read = from_avro(body, json.dumps(schema), {"avroSchema": known, "mode": "PERMISSIVE"}) if schema else F.lit(None)
        found = found.when(number == schema_id, read)
    return found.otherwise(F.raise_error(F.concat(F.lit(UNKNOWN_SCHEMA), number.cast("string"))))


def _value(column: SourceColumn) -> str:
    field = f"datum.{column.path[0]}"
    if column.written == "epoch_seconds":
        return f"CASE WHEN {field} BETWEEN {FIRST_SECOND} AND {LAST_SECOND} THEN timestamp_seconds({field}) END AS {column.name}"
    return f"{field} AS {column.name}"


def _dated() -> list[str]:
    return [f"CAST({SOURCE.timestamp} AS DATE) AS event_date", f"concat_ws('-', {', '.join(SOURCE.kind)}) AS domain_event_type"]


def _key() -> str:
    """What an event is known by: its id, or what it says, hashed so that the memory of it has one size."""
    return f"md5(to_json(struct({SOURCE.event_id}, CASE WHEN {SOURCE.event_id} IS NULL THEN struct({', '.join(SOURCE.id_from)}) END)))"


def _verdict(early_seconds: float) -> str:
    missing = [f"{column.name} IS NULL" for column in SOURCE.columns if SOURCE.must_hold(column)]
    refused = map(in_sparks_words, judge.refusals(SOURCE))
    is_early = f"{SOURCE.timestamp} > arrived_at + make_dt_interval(0, 0, 0, {early_seconds})"
    return f"CASE WHEN {' OR '.join([*missing, *refused])} THEN '{POISON}' WHEN {is_early} THEN '{EARLY}' END"


def in_sparks_words(condition: str) -> str:
    """A condition of DuckDB's SQL as Spark has it."""
    return "(" + translated(f"SELECT {condition}").sql.removeprefix("SELECT").strip() + ")"
