"""Tests of what a table's rows must be, declared beside the table, run as blocking checks on the dates that a run wrote.

Where they come from: `nullable=False` and `accepted` of a column, and `Unique` and `References` among a table's `tests`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from event_platform.engines.spelling import literals
from event_platform.lake.schema import References, Unique
from event_platform.orchestration.verdicts import Check, Verdict, dates_written
from event_platform.trusted.dates import event_date_of, files_of_dates

if TYPE_CHECKING:
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Column
    from event_platform.step import Step

Faults = dict[str, dict[date, int]]
"""By what was tested, the number of rows at fault per event date; dates without a fault may be left out."""

Look = Callable[["Step", "LakeTable", frozenset[date]], Faults]


def declared_tests(table: Table) -> Iterator[Check]:
    """Every test of a trusted or aggregate table, as checks."""
    if required := [column for column in table.columns if not column.nullable]:
        yield _check("not_null", f"Never null: {_names(required)}", table, partial(_nulls, required))
    if closed := [column for column in table.columns if column.accepted]:
        yield _check("accepted_values", f"Only accepted values or null: {_names(closed)}", table, partial(_unaccepted, closed))
    for test in table.tests:
        if isinstance(test, Unique):
            yield _check(f"unique_{'_'.join(test.columns)}", f"No two rows share {', '.join(test.columns)}", table, partial(_repeated, test))
        else:
            meaning = f"Every {test.column} is a {test.other_column} of {test.table.name}"
            yield _check(f"{test.column}_in_{test.table.name.replace('.', '_')}", meaning, table, partial(_unknown, test))


def _check(name: str, meaning: str, table: Table, look: Look) -> Check:
    def verdict(work: Step) -> Verdict:
        opened = work.lake.open(table)
        dates = dates_written(work, opened)
        found = look(work, opened, dates)
        faults = {day: rows for day in dates if (rows := sum(by_date.get(day, 0) for by_date in found.values()))}
        totals = {what: total for what, by_date in found.items() if (total := sum(by_date.values()))}
        sentence = (
            f"{meaning}." if not totals else f"{table.name}: " + "; ".join(f"{rows:,} rows at fault in {what}" for what, rows in totals.items())
        )
        return Verdict(sentence, dates, faults, metadata={"rows at fault": sum(totals.values())})

    return Check(name, meaning, verdict)


def _names(columns: list[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _nulls(columns: list[Column], _: Step, table: LakeTable, dates: frozenset[date]) -> Faults:
    """From the counts in the metadata; no row is read."""
    found: Faults = {column.name: {} for column in columns}
    for file in files_of_dates(table, dates):
        for name, by_date in found.items():
            day = event_date_of(table, file)
            by_date[day] = by_date.get(day, 0) + table.nulls(file, name)
    return found


def _unaccepted(columns: list[Column], work: Step, table: LakeTable, dates: frozenset[date]) -> Faults:
    return {column.name: _count(work, _rows_of(table, dates), f'"{column.name}" NOT IN ({literals(column.accepted)})') for column in columns}


def _repeated(test: Unique, work: Step, table: LakeTable, dates: frozenset[date]) -> Faults:
    """All rows that share their values with another, of any of the dates."""
    columns = ", ".join(f'"{name}"' for name in test.columns)
    shared = f"SELECT event_date, count(*) OVER (PARTITION BY {columns}) AS sharing FROM ({_rows_of(table, dates)})"
    return {", ".join(test.columns): _count(work, shared, "sharing > 1")}


def _unknown(test: References, work: Step, table: LakeTable, dates: frozenset[date]) -> Faults:
    """Rows whose value is not in the other table."""
    other = work.lake.open(test.table)
    known = _rows_of(other, dates) if test.same_date else other.select()
    joined = f'known."{test.other_column}" = held."{test.column}"' + (" AND known.event_date = held.event_date" if test.same_date else "")
    missing = f"SELECT * FROM ({_rows_of(table, dates)}) AS held ANTI JOIN ({known}) AS known ON {joined}"
    return {test.column: _count(work, missing, f'"{test.column}" IS NOT NULL')}


def _rows_of(table: LakeTable, dates: frozenset[date]) -> str:
    return table.select(files_of_dates(table, dates))


def _count(work: Step, rows: str, condition: str) -> dict[date, int]:
    """How many of the rows meet the condition, per event date."""
    return dict(work.engine.execute(f"SELECT event_date, count(*) FROM ({rows}) WHERE {condition} GROUP BY event_date").fetchall())
