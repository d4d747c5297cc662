"""What befalls a topic or its broker: it is waited for, read anew, told of or refused."""

from pathlib import Path
from threading import Event
from typing import Any

import pytest

import infra
from event_platform.errors import PermanentError, TransientError
from event_platform.realtime.kafka import client, membership
from event_platform_tests.patience import eventually
from event_platform_tests.realtime.kafka.streams import Staying, Stream
from event_platform_tests.realtime.kafka.topics import make_topic

pytestmark = pytest.mark.java


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(stream: Stream) -> None:
    staying = Staying(stream)
    stream.produce(*(f"a{number}" for number in range(20)))
    eventually(lambda: stream.pending())
    stream.process()
    admin = client.admin(stream.environment)
    admin.delete_topics([stream.source.name])[stream.source.name].result(30)
    eventually(lambda: stream.source.name not in admin.list_topics(timeout=30).topics)
    make_topic(stream.environment, stream.source.name)
    stream.produce(*(f"b{number}" for number in range(20)))
    eventually(lambda: stream.pending())
    staying.stop()
    stream.consume()
    stream.process()
    assert stream.ids() == sorted(f"{letter}{number}" for letter in "ab" for number in range(20))
    assert stream.pipeline.status().total.staged == 40
    assert stream.pipeline.status().balanced


def test_messages_that_kafka_deleted_before_they_were_read_are_told(stream: Stream) -> None:
    from confluent_kafka import TopicPartition

    stream.send([stream.message("a")], partition=0)
    stream.consume()
    stream.process()
    stream.send([stream.message(f"b{number}") for number in range(5)], partition=0)
    gone = TopicPartition(stream.source.name, 0, 4)
    admin = client.admin(stream.environment)
    admin.delete_records([gone])[gone].result(30)
    stream.consume()
    stream.process()
    assert (
        f"{stream.source.name}: 3 offsets of {stream.source.name}, partition 0 were deleted by Kafka before anybody read them (1 to 3)" in stream.told
    )
    assert stream.ids() == ["a", "b3", "b4"]


def test_a_topic_that_ends_before_what_has_landed_is_refused(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    class Everything(dict[Any, int]):
        def get(self, *_: Any) -> int:
            return 100

    monkeypatch.setattr(membership, "next_offsets", lambda *_: Everything())
    with pytest.raises(PermanentError, match="ends at offset 0 and had 100 when it landed"):
        stream.consume()


@pytest.mark.parametrize("away", ["kafka", "registry"])
def test_what_is_away_ends_a_consumer_that_would_not_stay(stream: Stream, monkeypatch: pytest.MonkeyPatch, away: str) -> None:
    from typer.testing import CliRunner

    from event_platform import cli

    stream.produce("a")
    with monkeypatch.context() as there:
        there.setenv(*{"kafka": ("EVENT_PLATFORM_KAFKA", "127.0.0.1:9"), "registry": ("EVENT_PLATFORM_SCHEMA_REGISTRY", "http://127.0.0.1:9")}[away])
        if away == "kafka":
            there.setattr(client, "ANSWER_SECONDS", 1.0)
        told = CliRunner().invoke(cli.app, ["consume", stream.source.name, "--until-caught-up"]).exception
        assert isinstance(told, TransientError), told
        assert told.exit_code == 5
        with pytest.raises(TransientError):
            stream.consume()
    assert stream.pending() == []
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == 1


def test_a_broker_that_was_killed_is_waited_for(stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, lost, on_lost = tmp_path / "broker", Event(), membership.Membership._on_lost

    def on_lost_and_seen(*told: Any) -> None:
        on_lost(*told)
        lost.set()

    monkeypatch.setattr(membership.Membership, "_on_lost", on_lost_and_seen)
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SESSION_TIMEOUT_MS", "6000")
    with infra.kafka(folder) as broker:
        monkeypatch.setenv("EVENT_PLATFORM_KAFKA", broker.bootstrap_servers)
        own = Stream(stream.source)
        own.produce("a")
        staying = Staying(own)
        eventually(lambda: own.pending())
        own.process()
        broker.process.kill()
        eventually(lambda: any("Waiting for it" in each or "Trying again" in each for each in own.told))
        eventually(lost.is_set)
        assert not any("the group went on" in each for each in own.told)
    with infra.kafka(folder):
        own.produce("b")
        eventually(lambda: own.pending())
        staying.stop()
        assert own.told[-1] == f"{own.source.name}: 2 messages landed in all, 0 behind"
        own.process()
        assert own.expect_everything_once() == 2
