"""What Kafka tells of consumers: how much of a source's topic the group that lands it has not committed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.monitoring import figures
from event_platform.realtime.kafka import client, schemas, topics
from event_platform.realtime.kafka.membership import group_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka.admin import AdminClient

    from event_platform.lake.catalog import Lake
    from event_platform.monitoring.figures import Sample
    from event_platform.sources.contract import Source


def samples(lake: Lake, sources: Iterable[Source]) -> Iterator[Sample]:
    """The lag of each source that has a topic; sources without a ledger have no consumers yet.

    Raises TransientError when the cluster does not answer, ConfigurationError when it does not let us in.
    """
    there = client.topics_of(lake.environment)
    asked = client.admin(lake.environment)
    for source in sources:
        ledger, topic = lake.peek(tables.ledger(source)), schemas.topic_of(source)
        if topic in there and ledger is not None:
            yield figures.CONSUMER_LAG(_behind(asked, topic, group_of(source, ledger.identity)), source.name)


def _behind(asked: AdminClient, topic: str, group: str) -> int:
    """Messages of all partitions between what is committed, or the beginning, and the end."""
    with client.explained("Kafka"):
        committed = _committed(asked, topic, group)
        ends = topics.extents(asked, topic, client.ANSWER_SECONDS)
    return sum(max(0, end - max(committed.get(partition, first), first)) for partition, (first, end) in ends.items())


def _committed(asked: AdminClient, topic: str, group: str) -> dict[int, int]:
    """By partition, if anything is."""
    from confluent_kafka import ConsumerGroupTopicPartitions

    told = asked.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=client.ANSWER_SECONDS)[group]
    places = told.result(2 * client.ANSWER_SECONDS).topic_partitions
    return {place.partition: place.offset for place in places if place.topic == topic}
