"""Rows of tables that tell of a person: by the contract's subject values, by the columns of answers made from them, and by lines."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.aggregate import aggregates_of
from event_platform.aggregate.clickstream_live import streamed_of
from event_platform.engines.spelling import identifier, in_dates
from event_platform.landing.expiry import unarchived
from event_platform.stage.persons import tells_of_suppressed
from event_platform.suppression import is_suppressed
from event_platform.trusted.expiry import drop_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    import duckdb

    from event_platform.erasure.receipt import Receipt
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source
    from event_platform.stage.taking_out import Places


def conditions(source: Source, places: Places) -> Iterator[tuple[Table, str]]:
    """Each table of the source that may hold the person, and the condition, as SQL, under which a row does."""
    tells = tells_of_suppressed(source)
    yield tables.stage(source), tells
    yield tables.trusted(source), tells
    lines = ", ".join(f"({file_id}, {number})" for file_id, numbers in places.items() for number in numbers)
    yield tables.quarantine(source), f"(file_id, line_number) IN ({lines})" if lines else "false"
    for aggregate in aggregates_of(source):
        held = list(of_columns(source, aggregate.table))
        if held:
            yield aggregate.table, " OR ".join(held)
    for table in streamed_of(source):
        yield table, " OR ".join(of_columns(source, table))


def of_columns(source: Source, table: Table) -> Iterator[str]:
    """Conditions on the columns of a table that are, by name, places of the contract's subjects."""
    for subject in source.subjects:
        for place in subject.places:
            if place in table.column_names:
                yield is_suppressed(subject, f"CAST({identifier(place)} AS VARCHAR)")


def rows(duck: duckdb.DuckDBPyConnection, table: LakeTable, condition: str) -> int:
    """How many rows hold it."""
    ((count,),) = duck.execute(f"SELECT count(*) FROM ({table.select()}) WHERE {condition}").fetchall()
    return int(count)


def landing_dates(duck: duckdb.DuckDBPyConnection, table: LakeTable, condition: str) -> frozenset[date]:
    """The landing dates of such rows of stage or trusted."""
    return frozenset(day for (day,) in duck.execute(f"SELECT DISTINCT landing_date FROM ({table.select()}) WHERE {condition}").fetchall())


def note(duck: duckdb.DuckDBPyConnection, lake: Lake, source: Source, places: Places, receipt: Receipt) -> dict[str, int]:
    """Write into the receipt which tables hold the person, in how many rows and which data files; the rows by table, where there are any."""
    counts = {}
    for declared, condition in conditions(source, places):
        if lake.exists(declared):
            table = lake.open(declared)
            held = table.select(extra=", filename") if table.files() else None
            found = duck.execute(f"SELECT filename, count(*) FROM ({held}) WHERE {condition} GROUP BY filename").fetchall() if held else []
            counts[declared.name] = sum(count for _, count in found)
            receipt.note_table(declared.name, counts[declared.name], {_within(lake, path): sha256(path) for path, _ in found})
    return {name: count for name, count in counts.items() if count}


def _within(lake: Lake, path: str) -> str:
    return path.removeprefix(f"{lake.environment.lake}/")


def sha256(path: str | Path) -> str:
    """Of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:  # noqa: PTH123 - as DuckDB names it
        return hashlib.file_digest(file, "sha256").hexdigest()


def dates_to_parse(duck: duckdb.DuckDBPyConnection, lake: Lake, source: Source, of_files: frozenset[date]) -> frozenset[date]:
    """The landing dates that must be parsed anew: of these files, and of rows in stage and trusted."""
    tells = tells_of_suppressed(source)
    held = (landing_dates(duck, lake.open(declare(source)), tells) for declare in (tables.stage, tables.trusted))
    return of_files.union(*held) - unarchived(lake, source)


def drop_unarchived(lake: Lake, duck: duckdb.DuckDBPyConnection, source: Source) -> int:
    """Remove the person from trusted where the archive is past its retention, so that nothing can be parsed anew; how many rows."""
    gone = unarchived(lake, source)
    if not gone:
        return 0
    with lake.writing(f"trusted.{source.name}"):
        condition = f"{in_dates('landing_date', gone)} AND ({tells_of_suppressed(source)})"
        return drop_rows(duck, lake.open(tables.trusted(source)), condition)
