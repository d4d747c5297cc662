"""Windows of the stream and of the batch side by side: what differs is explained by what the lake holds, or told."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from event_platform import environment, sources
from event_platform.aggregate import agreement
from event_platform.aggregate.agreement import Agreement, OnDate, Unexplained
from event_platform.aggregate.clickstream_live import UNTIMELY
from event_platform.cli import app
from event_platform.engines.duckdb import connect
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.landing.topic_files import Offsets, name_of
from event_platform.realtime.windows import batches
from event_platform.realtime.windows.checkpoint import Batch
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.windows.clicks import START, click

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 1, 1)
DELAY = timedelta(seconds=10)
LATER = click(60)
"""Long enough after the others for their windows to be closed."""


@pytest.fixture
def clickstream(home: Path) -> Pipeline:  # noqa: ARG001 - tells the process of a home
    return Pipeline(sources.get("clickstream"))


def at(second: int) -> datetime:
    return datetime.fromtimestamp(START + second, UTC)


def counted(pipeline: Pipeline, *rows: tuple[int, int], page: str = "/", watermark: int = 50) -> None:
    """What the stream has: begin of a window in seconds, events."""
    told = [{"start_time": at(second), "event_name": "click", "page": page, "username": "ada", "events": events} for second, events in rows]
    with connect(environment.read()) as duck:
        batches.commit(pipeline.lake, duck, Batch("q", 0, at(watermark), {}), pa.Table.from_pylist(told), -1)


def untimely(pipeline: Pipeline, why: str, *rows: tuple[int, str]) -> None:
    told = [
        f"(DATE '{DAY}', TIMESTAMPTZ '{at(second)}', 'click', '/', 'ada', '{key}', '{why}', 0, {number}, now(), now())"
        for number, (second, key) in enumerate(rows)
    ]
    with connect(environment.read()) as duck:
        table = pipeline.lake.open(UNTIMELY)
        added = write(duck, table, f"SELECT * FROM (VALUES {', '.join(told)}) AS v({', '.join(UNTIMELY.column_names)})")
        table.commit(Change("replacement"), "test", added)


def compared(pipeline: Pipeline) -> Agreement:
    with connect(environment.read()) as duck:
        return agreement.compare(pipeline.lake, duck, DELAY)


def land(pipeline: Pipeline, *events: dict[str, object]) -> None:
    pipeline.drop(f"{len(list(pipeline.lake.environment.landing.rglob('*.json')))}.json", [json.dumps(event) for event in (*events, LATER)])
    pipeline.run_well()


def land_from_topic(pipeline: Pipeline, first_offset: int, *events: dict[str, object]) -> None:
    """As the consumer does it."""
    name = name_of(Offsets("clickstream", "topic", 0, first_offset, first_offset + len(events)))
    pipeline.drop(name, [json.dumps(event) for event in (*events, LATER)])
    pipeline.run_well()


def test_equal_windows_agree_and_those_that_are_open_are_not_compared(clickstream: Pipeline) -> None:
    land(clickstream, click(1), click(2), click(7, "a"))
    counted(clickstream, (0, 2), (5, 1), (60, 9))
    assert compared(clickstream) == Agreement(at(50), {DAY: OnDate(windows=2)})


def test_the_batch_is_given_time_too(clickstream: Pipeline) -> None:
    clickstream.drop("a.json", [json.dumps(click(1)), json.dumps(click(21))])
    clickstream.run_well()
    counted(clickstream, (0, 1), (10, 5), (40, 1))
    assert compared(clickstream) == Agreement(at(10), {DAY: OnDate(windows=1)})


def test_what_came_late_or_early_is_counted_as_such(clickstream: Pipeline) -> None:
    land(clickstream, click(1), click(2), click(3), click(7, "a"), click(11))
    counted(clickstream, (0, 1), (10, 1), (60, 1))
    untimely(clickstream, "late", (0, "x"), (0, "y"), (0, "y"), (10, "z"))
    untimely(clickstream, "early", (5, "a"))
    assert compared(clickstream).by_date == {DAY: OnDate(windows=3, differing=2, late=2, early=1)}


def test_more_is_missing_than_came_late(clickstream: Pipeline) -> None:
    land(clickstream, click(1), click(2), click(3))
    counted(clickstream, (0, 1), (60, 1))
    untimely(clickstream, "late", (0, "x"), (0, "x"))
    found = compared(clickstream)
    assert found.faults == {DAY: 1}
    assert found.named == (Unexplained(at(0), "click", "/", in_batch=3, not_in_topic=0, in_live=1, windows=1),)


def test_the_stream_counts_what_the_batch_does_not_have(clickstream: Pipeline) -> None:
    land(clickstream, click(1))
    counted(clickstream, (0, 2), (5, 1), (60, 1))
    assert compared(clickstream).by_date[DAY].unexplained == 2


def test_an_event_sent_again_with_another_time_is_counted_where_it_first_was(clickstream: Pipeline) -> None:
    land(clickstream, click(1, "a"))
    land(clickstream, click(13, "a"), click(2))
    counted(clickstream, (0, 2), (60, 1))
    assert compared(clickstream).by_date == {DAY: OnDate(windows=2, differing=2, revised=2)}


def test_events_that_did_not_come_through_the_topic_are_not_missed(clickstream: Pipeline) -> None:
    land(clickstream, click(1, "file"), click(2, "file too"), click(6, "late"), click(7, "before the topic"), click(11, "before, and alone"))
    land_from_topic(clickstream, 0, click(1, "topic"), click(6, "late"), click(16, "lost"))
    counted(clickstream, (0, 1), (60, 1))
    untimely(clickstream, "late", (5, "late"))
    found = compared(clickstream)
    assert found.by_date == {DAY: OnDate(windows=4, differing=4, not_in_topic=4, late=1, unexplained=1)}
    assert found.named == (Unexplained(at(15), "click", "/", in_batch=1, not_in_topic=0, in_live=0, windows=1),)


def test_an_event_that_the_stream_lost_is_missed_beside_those_that_came_on_another_way(clickstream: Pipeline) -> None:
    """Be it on both ways, whichever came first; and the stream may not count another in the place of one that it cannot know."""
    land(clickstream, click(1), click(2, "file, then topic"), click(6), click(11))
    land_from_topic(clickstream, 0, click(2, "file, then topic"), click(7, "topic, then file"), click(8), click(12))
    land(clickstream, click(7, "topic, then file"), click(13))
    counted(clickstream, (5, 1), (10, 2), (60, 1))
    found = compared(clickstream)
    assert found.by_date == {DAY: OnDate(windows=3, differing=3, not_in_topic=4, unexplained=3)}
    assert [(each.in_batch, each.not_in_topic, each.in_live) for each in found.named] == [(2, 1, 0), (3, 1, 1), (3, 2, 2)]


def test_an_event_on_both_ways_is_one_of_the_topic(clickstream: Pipeline) -> None:
    land(clickstream, click(1, "a"), click(6, "file"))
    land_from_topic(clickstream, 0, click(1, "a"), click(7, "b"))
    land(clickstream, click(7, "b"), click(2, "file too"))
    counted(clickstream, (0, 1), (5, 1), (60, 1))
    assert compared(clickstream).by_date == {DAY: OnDate(windows=2, differing=2, not_in_topic=2)}


def test_the_command_names_windows_and_nobody(clickstream: Pipeline) -> None:
    nothing = CliRunner().invoke(app, ["stream", "compare"])
    assert nothing.exit_code == 0
    assert "nothing to compare" in nothing.stderr
    land(clickstream, click(7), click(11, username="bob"))
    land_from_topic(clickstream, 0, *(click(second, page=page, username=user) for second, page in ((1, ""), (12, "/")) for user in ("ada", "bob")))
    counted(clickstream, (60, 1))
    found = CliRunner().invoke(app, ["stream", "compare"])
    assert found.exit_code == 1
    assert "2 events did not come through the topic" in found.stderr
    assert "2026-01-01 00:00:00 click on (no page): the batch counts 1, the stream 0, for each of 2 users\n" in found.stderr
    assert "2026-01-01 00:00:10 click on /: the batch counts 2 (1 not through the topic), the stream 0\n" in found.stderr
    assert "`event-platform stream clickstream --anew` counts again" in found.stderr
    assert not {"ada", "bob"} & {*re.findall(r"\w+", found.stdout + found.stderr)}


def test_the_check_says_the_same_in_dagster(clickstream: Pipeline) -> None:
    from event_platform.definitions import defs
    from event_platform.instance import open_instance

    land(clickstream, click(1), click(7))
    counted(clickstream, (0, 1), (5, 2), (60, 1))
    with open_instance() as instance:
        result = defs.resolve_job_def("check_clickstream_live").execute_in_process(instance=instance)
    found = {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations() if evaluation.partition is None}
    assert found["alive"].passed
    assert not found["says_what_the_batch_says"].passed
    assert found["says_what_the_batch_says"].metadata["unexplained"].value == 1
    assert not re.search(r"\bada\b", str(found))
