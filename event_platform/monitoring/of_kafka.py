"""What Kafka tells of consumers: how much of a source's topic the group that lands it has not committed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.monitoring import figures
from event_platform.realtime.kafka import client, schemas
from event_platform.realtime.kafka.membership import group_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import TopicPartition

    from event_platform.lake.catalog import Lake
    from event_platform.monitoring.figures import Sample
    from event_platform.sources.contract import Source


def samples(lake: Lake, sources: Iterable[Source]) -> Iterator[Sample]:
    """The lag of each source that has a topic; sources without a ledger have no consumers yet.

    Raises TransientError when the cluster does not answer, ConfigurationError when it does not let us in.
    """
    there = client.topics_of(lake.environment)
    for source in sources:
        ledger = lake.peek(tables.ledger(source))
        if schemas.topic_of(source) in there and ledger is not None:
            yield figures.CONSUMER_LAG(_behind(lake, schemas.topic_of(source), group_of(source, ledger.identity)), source.name)


def _behind(lake: Lake, topic: str, group: str) -> int:
    """Messages of all partitions between what is committed, or the beginning, and the end."""
    from confluent_kafka import TopicPartition

    with client.explained("Kafka"):
        asking = client.consumer(lake.environment, group)
        try:
            partitions = asking.list_topics(topic, timeout=client.ANSWER_SECONDS).topics[topic].partitions
            committed = asking.committed([TopicPartition(topic, number) for number in partitions], timeout=client.ANSWER_SECONDS)
            ends = {each.partition: asking.get_watermark_offsets(each, timeout=client.ANSWER_SECONDS) for each in committed}
        finally:
            asking.close()
    return sum(_between(place, *ends[place.partition]) for place in committed)


def _between(place: TopicPartition, first: int, end: int) -> int:
    """A group that never committed has a negative offset."""
    return max(0, end - max(place.offset, first))
