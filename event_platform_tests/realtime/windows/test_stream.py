"""The stream before the real broker: each event once in its window, whatever is killed; what it does not count is known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from event_platform import environment
from event_platform.aggregate import agreement
from event_platform.aggregate.agreement import OnDate
from event_platform.engines.duckdb import connect
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.realtime.kafka import registry, schemas, wire
from event_platform.realtime.windows import heartbeat
from event_platform.realtime.windows.report import KEY
from event_platform_tests.kills import arm, in_child
from event_platform_tests.realtime.windows.clicks import CLICKSTREAM, START, click, clicks, raw, send
from event_platform_tests.realtime.windows.conftest import Streaming

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform_tests.kills import Kill
    from event_platform_tests.pipeline import Pipeline

pytestmark = [pytest.mark.java, pytest.mark.server, pytest.mark.timeout(1800)]

DAY = date(2026, 1, 1)
Start = Callable[..., Streaming]


def test_each_event_is_counted_once_whatever_is_killed(streaming: Environment, clickstream: Pipeline, stream: Start) -> None:
    """Killed before a commit, after one that Spark does not know of, and at any time while batches follow one another."""
    events = clicks(9_000, 450)
    parts = [events[start : start + len(events) // 6 + 1] for start in range(0, len(events), len(events) // 6 + 1)]
    for part, kill in zip(parts[:2], [(COMMIT, 1, "before"), (COMMIT, 2, "after")], strict=True):
        send(streaming, part)
        assert in_child(counting, kill) == -9
    running = stream()
    known = running.await_beat(lambda beat: beat.state == "running" and beat.batch >= 0)
    for part in parts[2:5]:
        send(streaming, part)
        running.await_beat(lambda beat, before=known.batch: beat.batch > before)  # type: ignore[misc]
        known = heartbeat.read(streaming) or known
    running.process.kill()
    send(streaming, parts[5])
    assert (beat := heartbeat.read(streaming))
    assert running.process.wait() == -9
    assert beat.is_dead
    last = stream("--until-caught-up")
    said = last.process.communicate(timeout=600)[1].decode()
    assert last.process.returncode == 0, said
    assert "nanobind" not in said  # so DuckDB begins when connections are kept for too long
    assert (ended := heartbeat.read(streaming))
    assert ended.told.startswith("The stream had caught up, and ended at")
    assert not ended.is_dead
    land(clickstream, events)
    found = compared(streaming)
    assert found.windows > 1_000
    assert (found.unexplained, found.revised, found.early) == (0, 0, 0)
    assert clickstream.sql(TWICE) == []


COMMIT = "event_platform.lake.table:LakeTable.commit"
TWICE = "SELECT start_time, event_name, page, username FROM aggregate.clickstream_windows_live GROUP BY ALL HAVING count(*) > 1"


def counting(kill: Kill) -> None:
    """Runs in a process of its own, until it kills itself."""
    from event_platform.realtime.windows.process import stream as count

    arm(*kill[0].split(":"), *kill[1:])
    count(environment.read(), print, until_caught_up=True)


def test_what_is_not_counted_is_known(streaming: Environment, clickstream: Pipeline, stream: Start) -> None:
    running = stream()
    timely = [click(second, f"id-{second}") for second in range(0, 120, 2)]
    send(streaming, timely)
    running.await_beat(lambda beat: beat.messages == 60 and beat.watermark.startswith("2026-01-01T00:01:48"))
    late = [click(50), click(50), click(51), click(108)]
    on_time = [click(109), click(110, "id-110"), click(116, "new"), click(117, "new", page="/other")]
    send(streaming, [*late, *on_time])
    send(streaming, [early := click(300)], stamp=(START + 200) * 1000)
    raw(streaming, [(b"k", b"junk"), (b"k", b""), (b"k", b"\0\0\0\0\1\xff\xff"), (b"k", b"\0\0\7\0\1xx"), poison(streaming)])
    beat = running.await_beat(lambda beat: beat.messages == 60 + 8 + 1 + 5)
    assert (beat.poison, beat.late, beat.early) == (5, 4, 1)
    after = [click(second) for second in range(400, 430)]
    evolved(streaming, after)
    running.await_beat(lambda beat: beat.messages == 74 + 30 and beat.watermark.startswith("2026-01-01T00:06:59"))
    said = running.stop()
    assert "Traceback" not in said
    assert "nanobind" not in said
    assert (last := heartbeat.read(streaming))
    assert (last.state, last.is_dead, last.behind) == ("stopped", False, 0)
    land(clickstream, [*timely, *late, *on_time, early, *after])
    assert compared(streaming) == OnDate(windows=29, differing=5, late=3, early=1, revised=2)
    untimely = clickstream.sql("SELECT why, epoch(start_time)::BIGINT, count(*) FROM aggregate.clickstream_untimely GROUP BY ALL ORDER BY ALL")
    assert untimely == [("early", START + 300, 1), ("late", START + 50, 3), ("late", START + 105, 1)]
    with open_instance() as instance:
        records = instance.fetch_materializations(dg.AssetKey(KEY), limit=10).records
    assert {record.partition_key for record in records} == {"2026-01-01"}
    assert len(records) <= 5


def poison(here: Environment) -> tuple[bytes, bytes]:
    """Sound Avro that the contract refuses."""
    encoder = wire.Encoder(CLICKSTREAM, registry.Registry(here).number_for_writing(CLICKSTREAM))
    return encoder.encode(json.dumps(click(100, event_name="  ")).encode())


def evolved(here: Environment, events: Iterable[Mapping[str, Any]]) -> None:
    """Send events by a schema that was registered after the stream began, with a field that the contract does not know, in another order."""
    from confluent_kafka.schema_registry import Schema
    from fastavro import parse_schema, schemaless_writer

    newer = schemas.schema_of(CLICKSTREAM)
    newer["fields"] = [{"name": "device", "type": ["null", "string"], "default": None}, *reversed(newer["fields"])]
    number = registry.Registry(here)._client.register_schema(schemas.subject_of(CLICKSTREAM), Schema(json.dumps(newer), "AVRO"))
    messages = []
    for event in events:
        message = BytesIO(wire.HEADER.pack(wire.MAGIC, number))
        message.seek(0, 2)
        schemaless_writer(message, parse_schema(newer), {"device": "phone", **event})
        messages.append((b"k", message.getvalue()))
    raw(here, messages)


def land(pipeline: Pipeline, events: Iterable[Mapping[str, Any]]) -> None:
    """The same events through files."""
    lines = [json.dumps(event) for event in events]
    random.Random(1).shuffle(lines)
    pipeline.drop("all.json", lines)
    pipeline.run_well()


def compared(here: Environment) -> OnDate:
    with connect(here) as duck:
        found = agreement.compare(Lake(here), duck, here.stream.delay)
    assert found.until is not None
    assert found.until > datetime(2026, 1, 1, 0, 6, tzinfo=UTC)
    return found.by_date[DAY]
