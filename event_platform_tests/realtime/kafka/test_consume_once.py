"""Whichever consumers die, share a topic or do not know of each other: each offset is in stage once."""

import signal

import pytest

from event_platform import environment
from event_platform.realtime.kafka import client, consume, membership, registry
from event_platform.realtime.kafka.decoding import Decoder
from event_platform.realtime.kafka.membership import Membership
from event_platform.sources.contract import Source
from event_platform_tests.kills import arm, in_child
from event_platform_tests.realtime.kafka.streams import Staying, Stream

pytestmark = pytest.mark.java


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
    assert len(stream.pending()) == 1
    stream.process()
    monkeypatch.setattr(membership, "next_offsets", lambda *_: {})  # as if it did not know what has landed
    stream.produce("c")
    stream.consume()
    assert sum(len(path.read_bytes().splitlines()) for path in stream.pending()) == 42
    stream.process()
    assert stream.expect_everything_once() == 42
    assert stream.pipeline.sql(f"SELECT sum(repeated_lines) FROM landing.{stream.source.name}") == [(41,)]
