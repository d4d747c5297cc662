"""Clicks in five-second windows; an event is what its id says, or what it says itself."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_platform import sources
from event_platform.aggregate.clickstream_windows import QUERY, WINDOW_SECONDS
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.errors import ConfigurationError
from event_platform.sources.contract import Column, Source
from event_platform_tests.pipeline import Pipeline

MIDNIGHT = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())


def click(second: int = 0, username: str = "ada", page: str = "/", event_name: str = "click", **more: object) -> str:
    return json.dumps({"username": username, "page": page, "event_name": event_name, "event_time": MIDNIGHT + second} | more)


@pytest.fixture
def clickstream(home: Path) -> Pipeline:  # noqa: ARG001 - tells the process of a home
    return Pipeline(sources.get("clickstream"))


def test_what_is_sent_again_is_one_and_two_equal_clicks_with_ids_are_two(clickstream: Pipeline) -> None:
    with_ids = [click(event_id="a"), click(event_id="b")]
    clickstream.drop("one.json", [*with_ids, click(), click()])
    clickstream.run_well()
    clickstream.drop("two.json", [click(), with_ids[1], click(event_id=None), click(1)])
    clickstream.run_well()
    ids = [str(row[0]) for row in clickstream.sql("SELECT event_id FROM trusted.clickstream ORDER BY length(event_id), event_id")]
    assert ids[:2] == ["a", "b"]
    assert len(ids) == 4
    assert clickstream.status().balanced


def test_windows_begin_at_whole_multiples_and_midnight_divides(clickstream: Pipeline) -> None:
    seconds = [-1, 0, 4, 5]
    clickstream.drop("clicks.json", [*(click(second) for second in seconds), click(4, page=""), click(4, username="bob")])
    clickstream.run_well()
    found = clickstream.sql("SELECT event_date, start_date, epoch(start_time), username, page, events FROM aggregate.clickstream_windows")
    day = date(2026, 3, 2)
    assert sorted(found, key=str) == sorted(
        [
            (date(2026, 3, 1), date(2026, 3, 1), MIDNIGHT - 5, "ada", "/", 1),
            (day, day, MIDNIGHT, "ada", "/", 2),
            (day, day, MIDNIGHT, "ada", "", 1),
            (day, day, MIDNIGHT, "bob", "/", 1),
            (day, day, MIDNIGHT + 5, "ada", "/", 1),
        ],
        key=str,
    )


def test_a_late_event_corrects_its_window(clickstream: Pipeline) -> None:
    clickstream.drop("first.json", [click(1), click(9)])
    clickstream.run_well()
    clickstream.drop("late.json", [click(2)])
    clickstream.run_well()
    assert clickstream.sql("SELECT events FROM aggregate.clickstream_windows ORDER BY start_time") == [(2,), (1,)]


@given(seconds=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_each_event_is_counted_once_in_the_window_it_lies_in(tmp_path_factory: pytest.TempPathFactory, seconds: list[int]) -> None:
    with connect(Environment(tmp_path_factory.getbasetemp())) as duck:
        rows = ", ".join(f"(to_timestamp({second}))" for second in seconds)
        duck.execute(f"""CREATE TEMP VIEW trusted AS SELECT t::DATE AS event_date, t AS event_time, 'e' AS event_name, '/' AS page, 'u' AS username
            FROM (VALUES {rows}) AS v(t)""")
        found = dict(duck.execute(f"SELECT epoch(start_time)::BIGINT, events FROM ({QUERY})").fetchall())
    expected: dict[int, int] = {}
    for second in seconds:
        start = second // WINDOW_SECONDS * WINDOW_SECONDS
        expected[start] = expected.get(start, 0) + 1
    assert found == expected


def test_an_id_that_may_be_given_needs_values_it_is_else_made_of() -> None:
    with pytest.raises(ConfigurationError, match="id_from"):
        Source(
            name="loose",
            title="",
            owner="team:test",
            event_id="id",
            timestamp="at",
            kind=("id",),
            id_may_be_given=True,
            columns=(Column("id", "string", ""), Column("at", "timestamp", "")),
        )


def test_an_empty_id_is_none(clickstream: Pipeline) -> None:
    clickstream.drop("empty.json", [click(event_id=" "), click(event_id=7)])
    clickstream.run_well()
    assert sorted(clickstream.sql("SELECT reason FROM quarantine.clickstream")) == [("`event_id` is empty",), ("`event_id` is not a string",)]
