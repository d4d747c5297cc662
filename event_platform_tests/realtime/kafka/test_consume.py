"""What the consumer lands from the real broker: each message is in stage or in quarantine once."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from event_platform import tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.errors import UsageError
from event_platform.realtime.kafka import client, consume, schemas, wire
from event_platform.sources.contract import Column
from event_platform_tests.patience import eventually
from event_platform_tests.realtime.kafka.streams import Stream

pytestmark = pytest.mark.java


def test_messages_land_as_files_that_the_ledger_knows(stream: Stream) -> None:
    stream.send([stream.message("a", campaign="spring"), stream.message("b")], partition=0)
    stream.send([stream.message("c")], partition=2)
    stream.consume()
    assert len(stream.pending()) == 2
    stream.process()
    ledger = f"SELECT kafka_topic, kafka_partition, first_offset, last_offset, lines FROM landing.{stream.source.name} ORDER BY 2"
    assert stream.pipeline.sql(ledger) == [(stream.source.name, 0, 0, 1, 2), (stream.source.name, 2, 0, 0, 1)]
    extra = f"SELECT event_id, username, epoch(event_time), extra FROM trusted.{stream.source.name} ORDER BY 1"
    assert stream.pipeline.sql(extra) == [
        ("a", "ada", 1_767_225_600, '{"campaign":"spring"}'),
        ("b", "ada", 1_767_225_600, None),
        ("c", "ada", 1_767_225_600, None),
    ]
    assert stream.told[-1] == f"{stream.source.name}: 3 messages landed in all, 0 behind"
    assert stream.expect_everything_once() == 3


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
        eventually(lambda: stream.pending())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    told = (tmp_path / "said").read_text()
    assert f"consuming {stream.source.name}; Ctrl-C ends" in told
    assert "1 message landed in all, 0 behind" in told
    assert "Traceback" not in told
    stream.process()
    assert stream.expect_everything_once() == 1


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
