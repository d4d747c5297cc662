"""How many messages of its topic the stream has not counted. Kafka is asked, since Spark tells only what was there when it planned its last batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from event_platform.realtime.kafka import client
from event_platform.realtime.windows import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from confluent_kafka.admin import AdminClient

    from event_platform.environment import Environment

ANSWER_SECONDS = 2.0
"""The heartbeat waits so long for a figure; that Kafka is away is told by the query itself."""


@dataclass
class Backlog:
    """The topic, and the checkpoint of the query that reads it."""

    environment: Environment
    topic: str
    checkpoint: Path

    def count(self) -> int | None:
        """Messages after those of the last batch that was done, committed ones alone; None while Kafka does not say."""
        from confluent_kafka import KafkaException

        done = checkpoint.batch(self.checkpoint, checkpoint.last_done(self.checkpoint), self.topic).ends
        try:
            ends = self._offsets(self._partitions(), latest=True)
            begins = self._offsets(ends.keys() - done.keys(), latest=False)
        except (KafkaException, TimeoutError):
            return None
        return sum(max(0, end - {**begins, **done}[partition]) for partition, end in ends.items())

    @cached_property
    def _admin(self) -> AdminClient:
        return client.admin(self.environment)

    def _partitions(self) -> list[int]:
        return [*self._admin.list_topics(self.topic, timeout=ANSWER_SECONDS).topics[self.topic].partitions]

    def _offsets(self, partitions: Iterable[int], latest: bool) -> dict[int, int]:
        """After the last message of each partition, or at its first."""
        from confluent_kafka import IsolationLevel, TopicPartition
        from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # its stubs lag behind

        spec = OffsetSpec.latest() if latest else OffsetSpec.earliest()  # type: ignore[no-untyped-call]
        wanted = {TopicPartition(self.topic, partition): spec for partition in partitions}
        if not wanted:
            return {}
        asked = self._admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS)
        return {of.partition: answer.result(2 * ANSWER_SECONDS).offset for of, answer in asked.items()}
