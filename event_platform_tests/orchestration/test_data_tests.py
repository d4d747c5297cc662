"""Data tests find the rows at fault, per date, among the dates a run wrote."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from event_platform.aggregate import storefront_funnel, storefront_sessions
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import References, Table, Unique
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.orchestration.data_tests import declared_tests
from event_platform.sources.contract import Column

DAY, NEXT, LATER = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
SHOPS = Table("aggregate", "shops", "Shops.", (Column("event_date", "date", "Day"), Column("shop", "string", "Its name")), ("event_date",))
SALES = Table(
    "aggregate",
    "sales",
    "One row per sale.",
    (
        Column("event_date", "date", "Day", nullable=False),
        Column("number", "long", "Number of the sale", nullable=False),
        Column("shop", "string", "Where"),
        Column("paid", "string", "How", accepted=("cash", "card", "it's owed")),
    ),
    ("event_date",),
    (Unique(("number", "shop")), References("shop", SHOPS, "shop")),
)


@dataclass
class Work:
    """What a check sees of a run: `dates` asked for and `run_id`, none meaning that the check runs by itself."""

    lake: Lake
    engine: Any
    run_id: str = "by itself"
    is_arrival: bool = False
    dates: frozenset[date] = frozenset()


@pytest.fixture
def work(home: Path) -> Iterator[Work]:
    environment = Environment(home)
    with connect(environment) as duck:
        yield Work(Lake(environment), duck)


def put(work: Work, table: Table, *rows: tuple[object, ...], run_id: str = "run") -> None:
    opened = work.lake.open(table)
    columns = {column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)}
    work.engine.register("put_rows", pa.table(columns))
    dates = frozenset(columns["event_date"])
    opened.commit(Change("replacement", dates=dates), run_id, added=write(work.engine, opened, "SELECT * FROM put_rows"))  # type: ignore[arg-type]


def faults(work: Work, table: Table = SALES) -> dict[str, dict[date, int]]:
    """By check, the rows at fault per date."""
    verdicts = {check.name: check.look(work) for check in declared_tests(table)}  # type: ignore[arg-type]
    assert all(verdict.ok == (not verdict.faults) for verdict in verdicts.values())
    return {name: verdict.faults for name, verdict in verdicts.items() if verdict.faults}


def test_rows_as_declared_pass_every_test(work: Work) -> None:
    put(work, SHOPS, (DAY, "a"), (DAY, "b"))
    put(work, SALES, (DAY, 1, "a", "cash"), (DAY, 1, "b", "it's owed"), (NEXT, 2, None, None))
    assert faults(work) == {}
    assert [check.name for check in declared_tests(SALES)] == ["not_null", "accepted_values", "unique_number_shop", "shop_in_aggregate_shops"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(DAY, None, "a", "cash"), (NEXT, None, None, "card"), (NEXT, 3, "a", "card")], {"not_null": {DAY: 1, NEXT: 1}}),
        ([(DAY, 1, "a", "Cash"), (NEXT, 2, "a", "shells")], {"accepted_values": {DAY: 1, NEXT: 1}}),
        ([(DAY, 1, "a", "cash"), (NEXT, 1, "a", "cash"), (NEXT, 2, "a", "cash")], {"unique_number_shop": {DAY: 1, NEXT: 1}}),
        ([(DAY, 1, None, "cash"), (DAY, 1, None, "card")], {"unique_number_shop": {DAY: 2}}),
        ([(DAY, 1, "a", "cash"), (DAY, 2, "elsewhere", "cash")], {"shop_in_aggregate_shops": {DAY: 1}}),
    ],
)
def test_rows_at_fault_are_counted_per_date(work: Work, rows: list[tuple[object, ...]], expected: dict[str, dict[date, int]]) -> None:
    put(work, SHOPS, (DAY, "a"))
    put(work, SALES, *rows)
    assert faults(work) == expected


def test_a_reference_on_the_same_date_is_not_met_by_another(work: Work) -> None:
    table = replace(SALES, tests=(References("shop", SHOPS, "shop", same_date=True),))
    put(work, SHOPS, (DAY, "a"))
    put(work, SALES, (DAY, 1, "a", "cash"), (NEXT, 2, "a", "cash"))
    assert faults(work, table) == {"shop_in_aggregate_shops": {NEXT: 1}}


def test_only_dates_that_the_run_wrote_are_looked_at(work: Work) -> None:
    put(work, SALES, (DAY, None, None, "cash"), run_id="an earlier run")
    put(work, SALES, (NEXT, 1, None, "cash"), run_id="this run")
    assert faults(replace(work, run_id="this run", is_arrival=True)) == {}
    assert faults(replace(work, run_id="backfill", dates=frozenset({DAY}))) == {"not_null": {DAY: 1}}
    assert faults(replace(work, run_id="nothing to do", is_arrival=True)) == {}


def test_what_a_run_before_left_to_the_readers_is_looked_at_until_they_have_taken_it_in(work: Work) -> None:
    sessions, funnel = storefront_sessions.AGGREGATE.table, storefront_funnel.AGGREGATE.table
    session = {"event_date": DAY, "session_id": None}
    put(work, sessions, tuple(session.get(name) for name in sessions.column_names), run_id="an earlier run")
    next_run = replace(work, run_id="next run", is_arrival=True)
    assert faults(next_run, sessions)["not_null"].keys() == {DAY}
    taken_in = {sessions.name: work.lake.open(sessions).sequence}
    work.lake.open(funnel).commit(Change("replacement"), "next run", consumed=taken_in)
    assert faults(next_run, sessions) == {}
    assert faults(work, sessions)["not_null"].keys() == {DAY}


def test_by_itself_a_check_looks_at_everything_also_while_a_reader_is_behind(work: Work) -> None:
    sessions, funnel = storefront_sessions.AGGREGATE.table, storefront_funnel.AGGREGATE.table
    for day in (DAY, NEXT):
        session = {"event_date": day, "session_id": None}
        put(work, sessions, tuple(session.get(name) for name in sessions.column_names))
    first, _ = work.lake.open(sessions).changes_since(0)
    work.lake.open(funnel).commit(Change("replacement"), "run", consumed={sessions.name: first.sequence})
    assert faults(work, sessions)["not_null"].keys() == {DAY, NEXT}
    assert faults(replace(work, run_id="next run", is_arrival=True), sessions)["not_null"].keys() == {NEXT}


def test_a_column_that_files_were_written_without_is_null_in_them(work: Work) -> None:
    put(work, SALES, (DAY, 1, None, "cash"))
    table = replace(SALES, columns=(*SALES.columns, Column("till", "string", "Which till", nullable=False)))
    assert next(check.look(work) for check in declared_tests(table) if check.name == "not_null").faults == {DAY: 1}  # type: ignore[arg-type]


def test_a_sentence_names_table_column_and_rows(work: Work) -> None:
    put(work, SALES, (DAY, None, None, "cash"))
    verdict = next(check.look(work) for check in declared_tests(SALES) if check.name == "not_null")  # type: ignore[arg-type]
    assert verdict.sentence == "aggregate.sales: 1 rows at fault in number"
    assert verdict.metadata == {"rows at fault": 1}
