"""How a table describes itself in the Dagster UI: columns with meaning and personal-data tags, a masked sample, row counts."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import dagster as dg

from event_platform import environment, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    import duckdb

    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source

SAMPLE_ROWS = 5
SQL_CHARACTERS = 8_000
"""Longer statements are cut in the UI."""


def asset_metadata(table: Table) -> dict[str, Any]:
    """What is known of a table before it is ever written."""
    return {"dagster/column_schema": _column_schema(table), "dagster/table_name": table.name, "dagster/storage_kind": "iceberg"}


def kinds_of(table: Table) -> set[str]:
    """What the UI marks the asset with: the engine that computes it, and how it is kept."""
    return {environment.read().engines.of(table.name), "iceberg"}


def by_event_date(table: Table, source: Source, deps: Sequence[Any]) -> Callable[[Callable[..., None]], dg.AssetsDefinition]:
    """Decorate the body of an asset that keeps the table of a source, partitioned by event date, a range in one run."""
    return dg.asset(
        key=[table.layer, table.short_name],
        deps=deps,
        partitions_def=partitions.event_dates(source.first_date, source.days_early_allowed),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=table.description,
        metadata=asset_metadata(table),
        owners=[source.owner],
        kinds=kinds_of(table),
        group_name=table.layer,
    )


def written_by_date(
    table: LakeTable, duck: duckdb.DuckDBPyConnection, dates: Iterable[date], rows: Mapping[date, int], written: bool
) -> dict[date, dict[str, Any]]:
    """Row counts per date; the last one also tells what the write left behind, if anything was written."""
    days = sorted(dates)
    facts: dict[date, dict[str, Any]] = {day: {"dagster/partition_row_count": rows.get(day, 0)} for day in days}
    if days and written:
        facts[days[-1]] |= written_metadata(table, duck)
    return facts


def _column_schema(table: Table) -> dg.TableSchema:
    columns = [
        dg.TableColumn(
            column.name,
            column.type,
            column.meaning,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
            tags={"personal-data": "masked"} if column.personal else {},
        )
        for column in table.columns
    ]
    return dg.TableSchema(columns)


def written_metadata(table: LakeTable, duck: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What one write left behind: rows, files, snapshot, a few rows with personal values masked, the SQL that ran."""
    facts: dict[str, Any] = {
        "dagster/row_count": table.rows,
        "files": len(table.files()),
        "snapshot": str(table.sequence),
        "sample": dg.MetadataValue.md(_sample(table, duck)),
    }
    statement = table.statements.get(table.declared.name)
    return facts | ({"sql": dg.MetadataValue.md(f"```sql\n{_shortened(statement)}\n```")} if statement else {})


def _shortened(statement: str) -> str:
    """The statement as people can read it: long lists of files become their number."""

    def counted(match: re.Match[str]) -> str:
        return f"[… {match.group(0).count(chr(39)) // 2} files …]"

    return textwrap.dedent(re.sub(r"\['[^\]]{200,}\]", counted, statement)).strip()[:SQL_CHARACTERS]


def _sample(table: LakeTable, duck: duckdb.DuckDBPyConnection) -> str:
    names = [column.name for column in table.declared.columns]
    rows = duck.execute(f"{table.declared.masked(table.here.select(table.files()[:1]))} LIMIT {SAMPLE_ROWS}").fetchall()
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")[:80]
