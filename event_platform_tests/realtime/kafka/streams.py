"""A topic, the consumer that lands it, and the tables it comes to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.landing.claiming import claim_pending
from event_platform.landing.waiting import pending_folder
from event_platform.realtime.kafka import client, consume, registry, schemas, wire
from event_platform.sources.contract import Source
from event_platform.stage.staging import stage_pending
from event_platform.trusted.merge import merge_pending
from event_platform_tests.patience import eventually
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import CLICK
from event_platform_tests.realtime.kafka.topics import messages_in

Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass
class Stream:
    """Registered and with its topics made; `told` is what consumers said."""

    source: Source
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        registered = registry.Registry(self.environment).register(self.source)
        client.ensure_topics(self.environment, [self.source])
        self.encoder = wire.Encoder(self.source, registered.schema_id)

    @property
    def environment(self) -> Environment:
        return environment.read()

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.source)

    def message(self, event_id: str, **fields: object) -> bytes:
        return self.encoder.encode(json.dumps(CLICK | {"event_id": event_id} | fields).encode())[1]

    def produce(self, *ids: str) -> None:
        self.send([self.message(event_id) for event_id in ids])

    def send(self, values: Iterable[bytes | None], partition: int = -1, topic: str = "", headers: Sequence[tuple[str, bytes]] = ()) -> None:
        refused: list[object] = []
        producer = client.producer(self.environment, delivery_timeout_ms=60_000)
        for value in values:
            told = {"on_delivery": lambda error, _: refused.append(error) if error else None}
            producer.produce(topic or self.source.name, value, partition=partition, headers=list(headers), **told)
        assert (producer.flush(90), refused) == (0, [])

    def await_ends_of_transactions(self, partition: int) -> None:
        """Kafka says that a transaction has ended before it has written so into the partition, whose readers wait for that."""
        from confluent_kafka import IsolationLevel, TopicPartition
        from confluent_kafka.admin import OffsetSpec

        admin, place = client.admin(self.environment), TopicPartition(self.source.name, partition)

        def end(level: IsolationLevel) -> int:
            return int(admin.list_offsets({place: OffsetSpec.latest()}, isolation_level=level)[place].result(30).offset)

        eventually(lambda: end(IsolationLevel.READ_COMMITTED) == end(IsolationLevel.READ_UNCOMMITTED))

    def consume(self) -> None:
        """Until all that is there has landed."""
        consume.consume(self.environment, [self.source], threading.Event(), self.told.append, until_caught_up=True)

    def pending(self) -> list[Path]:
        """Files that have landed and are not claimed."""
        return sorted(pending_folder(self.environment, self.source).glob("*"))

    def process(self) -> None:
        """What has landed goes to the tables, by a contract that Dagster does not know."""
        pipeline = self.pipeline
        with connect(self.environment) as duck:
            for work in (claim_pending, stage_pending, merge_pending):
                work(pipeline.lake, self.source, duck, "test")

    def places(self, layer: str) -> list[Place]:
        """Where the rows of stage or quarantine were in Kafka."""
        rows = self.pipeline.sql(
            f"""
            SELECT kafka_topic, kafka_partition, first_offset + line_number - 1
            FROM {layer}.{self.source.name} AS row JOIN landing.{self.source.name} AS file USING (file_id) ORDER BY ALL""".replace(
                "kafka_", "file.kafka_"
            )
        )
        return [(str(topic), int(str(partition)), int(str(offset))) for topic, partition, offset in rows]

    def expect_everything_once(self) -> int:
        """Each message of both topics is in stage or in quarantine, once, and the accounts close; how many there are."""
        topics = (self.source.name, schemas.dead_letters_of(self.source.name))
        sent = [(m.topic(), m.partition(), m.offset()) for topic in topics for m in messages_in(self.environment, topic)]
        assert sorted(self.places("stage") + self.places("quarantine")) == sorted(sent)
        assert self.pipeline.status().balanced
        return len(sent)

    def ids(self) -> list[str]:
        return [str(row[0]) for row in self.pipeline.sql(f"SELECT event_id FROM trusted.{self.source.name} ORDER BY 1")]

    def quarantined(self) -> list[tuple[Any, ...]]:
        columns = "kafka_topic, kafka_partition, kafka_offset, reason"
        return self.pipeline.sql(f"SELECT {columns} FROM quarantine.{self.source.name} ORDER BY ALL")


class Staying:
    """A consumer that stays, in a thread of this process."""

    def __init__(self, stream: Stream) -> None:
        self._stop, self.failure = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._run, args=(stream,))
        self._thread.start()

    def _run(self, stream: Stream) -> None:
        try:
            consume.consume(stream.environment, [stream.source], self._stop, stream.told.append)
        except BaseException as error:  # noqa: BLE001 - told by `stop`
            self.failure.append(error)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(120)
        assert not self._thread.is_alive()
        assert self.failure == []


def written(schema: schemas.Schema, schema_id: int, record: object) -> bytes:
    """A message as others write it."""
    from fastavro import schemaless_writer

    message = BytesIO()
    message.write(wire.HEADER.pack(wire.MAGIC, schema_id))
    schemaless_writer(message, schema, record)
    return message.getvalue()
