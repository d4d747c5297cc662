"""How far behind the stream is, by what Kafka has and the checkpoint says; no Spark is needed to see it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from event_platform.environment import Environment, Kafka
from event_platform.realtime.kafka import client
from event_platform.realtime.windows.backlog import Backlog
from event_platform_tests.patience import eventually
from event_platform_tests.realtime.kafka.topics import make_topic

if TYPE_CHECKING:
    from pathlib import Path

    import infra

pytestmark = [pytest.mark.java, pytest.mark.server]


def done(checkpoint: Path, number: int, ends: dict[int, int]) -> None:
    """A batch in Spark's log."""
    for folder in ("offsets", "commits"):
        (checkpoint / folder).mkdir(parents=True, exist_ok=True)
    (checkpoint / "metadata").write_text('{"id": "query"}')
    (checkpoint / "offsets" / str(number)).write_text(f'v1\n{{"batchWatermarkMs": 0}}\n{json.dumps({"behind": ends})}')
    (checkpoint / "commits" / str(number)).write_text("v1")


def test_what_came_since_the_last_batch_is_counted(kafka: infra.Kafka, tmp_path: Path) -> None:
    """A busy broker may take longer than the heartbeat waits, and then nothing is said."""
    here = Environment(tmp_path, kafka=Kafka(kafka.bootstrap_servers))
    make_topic(here, "behind")
    backlog = Backlog(here, "behind", tmp_path / "checkpoint")
    eventually(lambda: backlog.count() == 0)
    producer = client.producer(here)
    for number in range(10):
        producer.produce("behind", f"{number}", partition=number % 2)
    assert producer.flush(30) == 0
    eventually(lambda: backlog.count() == 10)  # before the first batch all is
    done(tmp_path / "checkpoint", 0, {0: 2, 1: 5})
    eventually(lambda: backlog.count() == 3)
    done(tmp_path / "checkpoint", 1, {0: 5, 1: 5})
    eventually(lambda: backlog.count() == 0)


def test_kafka_that_is_away_says_nothing(tmp_path: Path) -> None:
    here = replace(Environment(tmp_path), kafka=Kafka("127.0.0.1:9"))
    assert Backlog(here, "behind", tmp_path / "checkpoint").count() is None
