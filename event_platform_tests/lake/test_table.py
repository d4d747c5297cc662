"""A commit removes every file that it is told to, however many manifests they are in."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest
from pyiceberg.expressions import visitors

from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import write
from event_platform.sources.contract import Column

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile

DAYS, PASSING = 12, date(1970, 1, 1)
TABLE = Table("aggregate", "days", "One row per date.", (Column("event_date", "date", "Which"),), stored_by=("event_date",))


@pytest.mark.usefixtures("home")
def test_files_in_many_manifests_are_found_by_threads_that_search_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    visit = visitors.visit

    def beside_others(expression: BooleanExpression, visitor: visitors.BooleanExpressionVisitor[bool]) -> bool:
        """Lets the other threads have a turn first."""
        time.sleep(0.001)
        return visit(expression, visitor)

    lake = Lake(environment.read())
    with connect(lake.environment) as duck:
        table = lake.open(TABLE)
        passing: list[DataFile] = []
        for day in range(DAYS):  # commits that remove something leave the manifests of others as they are
            added = write(duck, table, f"SELECT DATE '2026-03-01' + {day} AS event_date UNION ALL SELECT DATE '{PASSING}'")
            table.commit(Change("arrival"), "test", added=added, removed=passing)
            passing = [file for file in table.files() if day_of(file.partition[0]) == PASSING]
        assert len(table.iceberg.current_snapshot().manifests(table.iceberg.io)) >= DAYS  # type: ignore[union-attr] # it has one
        monkeypatch.setattr(visitors, "visit", beside_others)
        for file in table.files():
            table.commit(Change("replacement"), "test", removed=[file])
        assert table.rows == 0
