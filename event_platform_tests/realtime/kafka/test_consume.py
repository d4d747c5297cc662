"""The consumer on the real broker: each offset is in stage or in quarantine once, whatever happens."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import infra
from event_platform import environment, tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.errors import PermanentError, TransientError, UsageError
from event_platform.landing.waiting import pending_folder
from event_platform.realtime.kafka import client, consume, membership, registry, schemas, wire
from event_platform.realtime.kafka.decoding import Decoder
from event_platform.realtime.kafka.membership import Membership
from event_platform.sources.contract import Column, Source
from event_platform_tests.kills import arm, in_child
from event_platform_tests.realtime.kafka.streams import Staying, Stream, eventually
from event_platform_tests.realtime.kafka.topics import make_topic

pytestmark = pytest.mark.java


@pytest.fixture
def stream(streaming: Environment, clicks: Source, monkeypatch: pytest.MonkeyPatch) -> Stream:  # noqa: ARG001 - the process is told where
    """A dead member is missed after six seconds, the least that brokers allow."""
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SESSION_TIMEOUT_MS", "6000")
    return Stream(clicks)


def pending(stream: Stream) -> list[Path]:
    return sorted(pending_folder(stream.environment, stream.source).glob("*"))


def test_messages_land_as_files_that_the_ledger_knows(stream: Stream) -> None:
    stream.send([stream.message("a", campaign="spring"), stream.message("b")], partition=0)
    stream.send([stream.message("c")], partition=2)
    stream.consume()
    assert len(pending(stream)) == 2
    stream.process()
    ledger = f"SELECT kafka_topic, kafka_partition, first_offset, last_offset, lines FROM landing.{stream.source.name} ORDER BY 2"
    assert stream.pipeline.sql(ledger) == [(stream.source.name, 0, 0, 1, 2), (stream.source.name, 2, 0, 0, 1)]
    extra = f"SELECT event_id, username, epoch(event_time), extra FROM trusted.{stream.source.name} ORDER BY 1"
    assert stream.pipeline.sql(extra) == [
        ("a", "ada", 1_767_225_600, '{"campaign":"spring"}'),
        ("b", "ada", 1_767_225_600, None),
        ("c", "ada", 1_767_225_600, None),
    ]
    assert stream.told[-1] == f"{stream.source.name}: 3 messages landed, 0 behind"
    assert stream.expect_everything_once() == 3


def killed_consumer(source: Source, step: tuple[str, str, int, str]) -> None:
    from threading import Event

    arm(*step)
    consume.consume(environment.read(), [source], Event(), lambda _: None, until_caught_up=True)


MEMBERSHIP = "event_platform.realtime.kafka.membership"
KILLS = [
    (MEMBERSHIP, "Membership._take", 3, "after"),
    ("event_platform.lake.files", "place", 2, "before"),
    ("event_platform.lake.files", "place", 1, "after"),
    (MEMBERSHIP, "Membership._commit", 1, "before"),
    (MEMBERSHIP, "Membership._commit", 1, "after"),
]


EVERY_KILL = [
    (module, name, number, moment)
    for module, name, times in (
        (MEMBERSHIP, "next_offsets", 1),
        (MEMBERSHIP, "Membership._take", 4),
        (MEMBERSHIP, "Membership._land", 1),
        ("event_platform.landing.queue", "land", 1),
        ("event_platform.lake.files", "copy_in", 3),
        ("event_platform.lake.files", "place", 3),
        ("event_platform.lake.files", "make_durable", 1),
        (MEMBERSHIP, "Membership._commit", 1),
    )
    for number in range(1, times + 1)
    for moment in ("before", "after")
]


@pytest.mark.parametrize("kills", [KILLS, pytest.param(EVERY_KILL, marks=[pytest.mark.long, pytest.mark.timeout(1200)])], ids=["some", "every"])
def test_a_consumer_that_is_killed_at_any_step_loses_and_repeats_nothing(stream: Stream, kills: list[tuple[str, str, int, str]]) -> None:
    for number, step in enumerate(kills):
        stream.produce(*(f"{number}-{each}" for each in range(30)))
        assert in_child(killed_consumer, stream.source, step) == -signal.SIGKILL
        if number % 2:
            stream.process()
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == 30 * len(kills)
    assert len(stream.ids()) == 30 * len(kills)
    assert stream.pipeline.sql(f"SELECT sum(repeated_lines) FROM landing.{stream.source.name}") == [(None,)]


def test_two_consumers_share_a_topic_and_one_takes_over(stream: Stream) -> None:
    first = Staying(stream)
    sent = 0
    for number in range(12):
        stream.produce(*(f"{number}-{each}" for each in range(50)))
        sent += 50
        if number == 3:
            second = Staying(stream)
        if number == 8:
            first.stop()
        stream.process()
    second.stop()
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == sent
    assert len(stream.ids()) == sent


def reading(member: Membership, messages: int) -> None:
    """Have a member read so many, and land nothing."""
    while member._batch.messages < messages:
        member._take(member._consume())


def test_consumers_that_do_not_know_of_each_other_repeat_nothing_in_stage(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when one was thought dead and was not: each is alone in a group of its own, and lands what it read at its own time."""
    decoder = Decoder(registry.Registry(stream.environment).schema)
    members = []
    for group in ("one", "two", "three"):
        monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_GROUP_ID", f"{stream.source.name}-{group}")
        members.append(Membership(stream.pipeline.lake, stream.source, decoder, stream.told.append))
    with members[0] as zombie, members[1] as heir, members[2] as third:
        stream.send([stream.message(f"a{number}") for number in range(10)], partition=0)
        reading(zombie, 10)
        stream.send([stream.message(f"b{number}") for number in range(5)], partition=0)
        reading(heir, 15)
        stream.send([stream.message("c")], partition=0)
        reading(third, 16)
        zombie._land()
        stream.process()
        third._land()
        heir._land()
        stream.process()
    assert stream.expect_everything_once() == 16
    told = f"SELECT first_offset, last_offset, repeated_offsets, repeated_lines FROM landing.{stream.source.name} ORDER BY file_id"
    assert stream.pipeline.sql(told) == [(0, 9, None, None), (0, 15, "0-9", 10), (0, 14, "0-14", 15)]


def test_a_group_that_is_reset_changes_nothing_and_a_topic_read_again_stages_nothing(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.produce(*(f"a{number}" for number in range(40)))
    stream.consume()
    stream.process()
    admin = client.admin(stream.environment)
    (group,) = [each.group_id for each in admin.list_consumer_groups().result(30).valid if stream.source.name in each.group_id]
    admin.delete_consumer_groups([group])[group].result(30)
    stream.produce("b")
    stream.consume()
    assert len(pending(stream)) == 1
    stream.process()
    monkeypatch.setattr(membership, "next_offsets", lambda *_: {})  # as if it did not know what has landed
    stream.produce("c")
    stream.consume()
    assert sum(len(path.read_bytes().splitlines()) for path in pending(stream)) == 42
    stream.process()
    assert stream.expect_everything_once() == 42
    assert stream.pipeline.sql(f"SELECT sum(repeated_lines) FROM landing.{stream.source.name}") == [(41,)]


def test_transactions_leave_gaps_and_what_is_taken_back_does_not_land(stream: Stream) -> None:
    producer = client.producer(stream.environment, transactional_id=stream.source.name)
    producer.init_transactions(30)
    for number, fate in enumerate(("commit", "abort", "commit", "commit", "abort")):
        producer.begin_transaction()
        for each in range(4):
            producer.produce(stream.source.name, stream.message(f"{number}-{each}"), partition=1)
        producer.flush()
        (producer.commit_transaction if fate == "commit" else producer.abort_transaction)(30)
        stream.await_ends_of_transactions(partition=1)
        if number == 2:
            stream.consume()
            stream.process()
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == 12
    assert stream.ids() == [f"{number}-{each}" for number in (0, 2, 3) for each in range(4)]
    assert [offset for _, _, offset in stream.places("stage")] == [*range(4), *range(10, 14), *range(15, 19)]
    (blank,) = stream.pipeline.sql(f"SELECT sum(blank_lines) FROM landing.{stream.source.name}")[0]
    assert blank == 6


def test_what_is_no_event_is_in_quarantine_with_its_place_and_the_reason(stream: Stream) -> None:
    sound, topic = stream.message("a"), stream.source.name
    values = [
        None,
        b"",
        b"\0\0",
        b"plain text",
        wire.HEADER.pack(0, 987_654) + b"x",
        sound[:-4],
        sound + b"x",
        sound,
        stream.message("b", username=""),
    ]
    stream.send(values, partition=1)
    headers = [("reason", b"`event_time` cannot be written as Avro")]
    stream.send([b'{"event_time": 1.5}'], partition=2, topic=schemas.dead_letters_of(topic), headers=headers)
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == 10
    number = wire.parted(sound)[0]
    assert stream.quarantined() == [
        (topic, 1, 0, "a tombstone: the message has no value"),
        (topic, 1, 1, "the message is empty"),
        (topic, 1, 2, "shorter than the header of a message"),
        (topic, 1, 3, "not in the wire format of the registry: the first byte is not zero"),
        (topic, 1, 4, "the registry has no Avro schema with the number 987654"),
        (topic, 1, 5, f"not what its schema, number {number}, describes"),
        (topic, 1, 6, f"longer than its schema, number {number}, describes"),
        (f"{topic}.dead", 2, 0, "dead letter: `event_time` cannot be written as Avro"),
    ]
    ((line,),) = stream.pipeline.sql(f"SELECT line FROM quarantine.{topic} WHERE kafka_topic LIKE '%.dead'")
    assert json.loads(str(line))["value"] == '{"event_time": 1.5}'


def test_writers_of_an_older_and_a_newer_schema_are_read_together(stream: Stream) -> None:
    newer = replace(stream.source, columns=(*stream.source.columns, Column("device", "string", "On what")))
    old = [stream.message(f"old{number}") for number in range(3)]
    after = Stream(newer)
    new = [after.message(f"new{number}", device="phone") for number in range(3)]
    after.send([value for pair in zip(old, new, strict=True) for value in pair], partition=0)
    after.consume()
    after.process()
    assert after.expect_everything_once() == 6
    with connect(after.environment) as duck:
        trusted = after.pipeline.lake.open(tables.trusted(newer)).select()
        rows = duck.execute(f"SELECT event_id, device, extra FROM ({trusted}) ORDER BY 1").fetchall()
    assert rows == [*((f"new{number}", "phone", None) for number in range(3)), *((f"old{number}", None, None) for number in range(3))]


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(stream: Stream) -> None:
    staying = Staying(stream)
    stream.produce(*(f"a{number}" for number in range(20)))
    eventually(lambda: pending(stream))
    stream.process()
    admin = client.admin(stream.environment)
    admin.delete_topics([stream.source.name])[stream.source.name].result(30)
    eventually(lambda: stream.source.name not in admin.list_topics(timeout=30).topics)
    make_topic(stream.environment, stream.source.name)
    stream.produce(*(f"b{number}" for number in range(20)))
    eventually(lambda: pending(stream))
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
    assert pending(stream) == []
    stream.consume()
    stream.process()
    assert stream.expect_everything_once() == 1


def test_feeds_without_a_topic_are_not_consumed_unless_they_are_named(stream: Stream, streaming: Environment) -> None:
    from event_platform import sources

    known = list(sources.all_sources().values())
    assert stream.source in consume.streamed(streaming, known, named=False)
    assert all(each.name != "census" for each in consume.streamed(streaming, known, named=False))
    with pytest.raises(UsageError, match="census cannot be streamed"):
        consume.streamed(streaming, [sources.get("census")], named=True)


def test_the_command_ends_when_told_after_landing_what_it_read(stream: Stream, tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as said:
        command = [sys.executable, "-m", "event_platform.cli", "consume", stream.source.name]
        process = subprocess.Popen(command, env=os.environ, stderr=said)
        stream.produce("a")
        eventually(lambda: pending(stream))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    told = (tmp_path / "said").read_text()
    assert f"consuming {stream.source.name}; Ctrl-C ends" in told
    assert "1 message landed, 0 behind" in told
    assert "Traceback" not in told
    stream.process()
    assert stream.expect_everything_once() == 1


def test_a_broker_that_was_killed_is_waited_for(stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "broker"
    with infra.kafka(folder) as broker:
        monkeypatch.setenv("EVENT_PLATFORM_KAFKA", broker.bootstrap_servers)
        own = Stream(stream.source)
        own.produce("a")
        staying = Staying(own)
        eventually(lambda: pending(own))
        own.process()
        broker.process.kill()
        eventually(lambda: any("Waiting for it" in each or "Trying again" in each for each in own.told))
    with infra.kafka(folder):
        own.produce("b")
        eventually(lambda: pending(own))
        staying.stop()
        own.process()
        assert own.expect_everything_once() == 2


@pytest.mark.server
def test_a_lake_in_a_store_of_objects(stream: Stream, lake_url: str) -> None:  # noqa: ARG001 - the process is told of it
    stream.produce(*(f"a{number}" for number in range(20)))
    stream.consume()
    stream.produce("b")
    stream.consume()
    stream.process()
    stream.consume()
    assert stream.expect_everything_once() == 21
    assert stream.pipeline.sql(f"SELECT sum(repeated_lines) FROM landing.{stream.source.name}") == [(None,)]
