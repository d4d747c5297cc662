"""How far consumers are behind, on the real broker."""

from uuid import uuid4

import pytest

import infra
from event_platform import environment, tables
from event_platform.realtime.kafka import client
from event_platform.realtime.kafka.membership import group_of
from event_platform_tests.monitoring.test_monitor import Watched
from event_platform_tests.pipeline import Pipeline, line
from event_platform_tests.realtime.kafka.topics import make_topic

pytestmark = [pytest.mark.java, pytest.mark.server]


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
    assert Watched()()["consumer_lag_messages"] == 5
    group = group_of(pipeline.source, pipeline.lake.open(tables.ledger(pipeline.source)).identity)
    reading = client.consumer(here, group)
    reading.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    reading.close()
    seen = Watched()()
    assert (seen["consumer_lag_messages"], seen["up part=kafka,source="]) == (2, 1)
