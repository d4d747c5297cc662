"""Segments on disk: whole lines get to the queue, torn ones do not, and who still writes is not disturbed."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from event_platform import environment, sources
from event_platform.environment import Environment
from event_platform.landing import segments
from event_platform.landing.segments import Segment
from event_platform.realtime import embedded
from event_platform.realtime.embedded import EmbeddedSink
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import CLICK, Running, lines_pending

SOURCE = sources.get("clickstream")


def left_behind(home: Path, content: bytes) -> Path:
    """A segment whose writer is dead."""
    folder = home / "lake/landing/clickstream/collecting"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "collected-1.json"
    path.write_bytes(content)
    return path


def test_a_segment_is_seen_by_nobody_until_it_is_handed_over(home: Path) -> None:
    segment = Segment(environment.read(), SOURCE)
    segment.append(b"one\n")
    segment.append(b"two\n")
    assert lines_pending() == []
    assert segments.recover(environment.read(), SOURCE) == []
    segment.hand_over()
    assert lines_pending() == ["one", "two"]
    assert list((home / "lake/landing/clickstream/collecting").iterdir()) == []


def test_an_empty_segment_leaves_nothing(home: Path) -> None:
    Segment(environment.read(), SOURCE).hand_over()
    assert list((home / "lake").rglob("*.json")) == []


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"a\nb\n", ["a", "b"]), (b"a\nb", ["a"]), (b"", []), (b"torn", []), (b"a\n" + b"x" * (segments.TAIL_BYTES * 2 + 5), ["a"]), (b"\n", [""])],
)
def test_recovery_cuts_the_torn_line_alone(home: Path, content: bytes, kept: list[str]) -> None:
    left_behind(home, content)
    assert len(segments.recover(environment.read(), SOURCE)) == bool(kept)
    assert lines_pending() == kept if kept else not list((home / "lake").rglob("*.json"))
    assert segments.recover(environment.read(), SOURCE) == []


@pytest.mark.parametrize("let_go", [Segment.hand_over, Segment.leave])
@pytest.mark.usefixtures("home")
def test_a_failed_append_leaves_what_was_durable(monkeypatch: pytest.MonkeyPatch, let_go: Callable[[Segment], None]) -> None:
    segment = Segment(environment.read(), SOURCE)
    segment.append(b"kept\n")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(segments, "_sync", fail)
    with pytest.raises(OSError, match="Input/output"):
        segment.append(b"lost\n")
    let_go(segment)
    segments.recover(environment.read(), SOURCE)
    assert lines_pending() == ["kept"]


def test_a_queue_that_cannot_be_listed_for_a_while_stops_nothing(home: Path) -> None:
    """Segments are handed over by their age then."""
    assert segments.is_queue_empty(environment.read(), SOURCE)
    pending = home / "lake/landing/clickstream/pending"
    pending.parent.mkdir(parents=True)
    pending.touch()  # no folder
    assert not segments.is_queue_empty(environment.read(), SOURCE)


def test_run_takes_what_a_dead_collector_left(clickstream: Pipeline, home: Path) -> None:
    left_behind(home, f"{json.dumps(CLICK)}\n{json.dumps(CLICK)[:20]}".encode())
    clickstream.run_well()
    assert clickstream.sql("SELECT username FROM trusted.clickstream") == [("ada",)]
    assert clickstream.status().balanced


def test_while_a_store_is_away_few_segments_stay_open_and_all_arrive_once_it_is_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if no event comes any more."""
    store_is_back, hand_over, collecting = threading.Event(), Segment.hand_over, home / "lake/landing/clickstream/collecting"
    lines = [f"{number}" for number in range(20)]

    def when_the_store_is_back(segment: Segment) -> None:
        assert store_is_back.wait(50)
        hand_over(segment)

    async def collect() -> int:
        sink = EmbeddedSink(Environment(home), most_bytes=100)
        for each in lines:
            await sink.append(SOURCE, f"{each}\n".encode())
        most_open = sum(Path(each.path).parent == collecting for each in psutil.Process().open_files())
        store_is_back.set()
        async with asyncio.timeout(50):
            while any(collecting.iterdir()):
                await asyncio.sleep(0.05)
        await sink.close()
        return most_open

    monkeypatch.setattr(embedded, "SEGMENT_BYTES", 1)
    monkeypatch.setattr(embedded, "RECOVER_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(Segment, "hand_over", when_the_store_is_back)
    assert asyncio.run(collect()) <= embedded.MOST_WAITING
    assert sorted(lines_pending()) == sorted(lines)


def test_a_collector_starts_though_a_store_that_is_away_leaves_segments_behind(home: Path, collect: Callable[..., Running]) -> None:
    left_behind(home, b"{}\n")
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    collector = collect(EVENT_PLATFORM_LAKE="s3://lake", **away)
    assert collector.post(CLICK).status_code == 200


@pytest.mark.timeout(60)
def test_events_are_acknowledged_while_a_segment_takes_long_to_hand_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where the lake is in a store that is away."""
    store_is_back, hand_over = threading.Event(), Segment.hand_over

    def when_the_store_is_back(segment: Segment) -> None:
        assert store_is_back.wait(50)
        hand_over(segment)

    async def collect() -> None:
        sink = EmbeddedSink(Environment(home), most_bytes=100)
        for line in (b"one\n", b"two\n"):
            await sink.append(SOURCE, line)
        store_is_back.set()
        await sink.close()

    monkeypatch.setattr(embedded, "SEGMENT_BYTES", 1)
    monkeypatch.setattr(Segment, "hand_over", when_the_store_is_back)
    asyncio.run(collect())
    assert sorted(lines_pending()) == ["one", "two"]
