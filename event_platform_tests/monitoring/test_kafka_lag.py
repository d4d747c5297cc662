"""How far consumers are behind, on the real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from event_platform import environment, tables
from event_platform.realtime.kafka import client
from event_platform.realtime.kafka.membership import group_of
from event_platform_tests.monitoring.test_monitor import Watched
from event_platform_tests.pipeline import Pipeline, line
from event_platform_tests.realtime.kafka.topics import make_topic

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition

    import infra

pytestmark = [pytest.mark.java, pytest.mark.server]


def await_coordinator(reading: Consumer, place: TopicPartition) -> None:
    """The first group of a broker that has just begun has none for some moments, and until then the monitor says that Kafka cannot be asked."""
    from confluent_kafka import KafkaException

    for attempt in Retrying(retry=retry_if_exception_type(KafkaException), wait=wait_fixed(0.2), stop=stop_after_delay(60)):
        with attempt:
            reading.committed([place], timeout=10)


def test_the_lag_is_what_the_group_has_not_committed(home: object, kafka: infra.Kafka, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    from confluent_kafka import TopicPartition

    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", kafka.bootstrap_servers)
    topic = f"lag_{uuid4().hex}"
    monkeypatch.setattr("event_platform.realtime.kafka.schemas.topic_of", lambda source: topic if source.name == "payments" else f"no_{topic}")
    here, pipeline = environment.read(), Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    make_topic(here, topic)
    sending = client.producer(here)
    for number in range(5):
        sending.produce(topic, f"{number}", partition=0)
    sending.flush(30)
    group = group_of(pipeline.source, pipeline.lake.open(tables.ledger(pipeline.source)).identity)
    reading = client.consumer(here, group)
    await_coordinator(reading, TopicPartition(topic, 0))
    assert Watched()()["consumer_lag_messages"] == 5
    reading.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    reading.close()
    seen = Watched()()
    assert (seen["consumer_lag_messages"], seen["up part=kafka,source="]) == (2, 1)
