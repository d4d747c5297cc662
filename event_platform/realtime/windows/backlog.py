"""How many messages of its topic the stream has not counted. Kafka is asked, since Spark tells only what was there when it planned its last batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from event_platform.realtime.kafka import client, topics
from event_platform.realtime.windows import checkpoint

if TYPE_CHECKING:
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
            ends = topics.extents(self._admin, self.topic, ANSWER_SECONDS)
        except (KafkaException, TimeoutError):
            return None
        return sum(max(0, end - done.get(partition, first)) for partition, (first, end) in ends.items())

    @cached_property
    def _admin(self) -> AdminClient:
        return client.admin(self.environment)
