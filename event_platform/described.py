"""How a table describes itself in the Dagster UI: columns with meaning and personal-data tags, a masked sample, row counts."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable

SAMPLE_ROWS = 5
MASK = "•••"
SQL_CHARACTERS = 8_000
"""Longer statements are cut in the UI."""


def asset_metadata(table: Table) -> dict[str, Any]:
    """What is known of a table before it is ever written."""
    return {"dagster/column_schema": _column_schema(table), "dagster/table_name": table.name, "dagster/storage_kind": "iceberg"}


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
    shown = ", ".join(f"'{MASK}' AS \"{c.name}\"" if c.personal else f'"{c.name}"' for c in table.declared.columns)
    rows = duck.execute(f"SELECT {shown} FROM ({table.select(table.files()[:1])}) LIMIT {SAMPLE_ROWS}").fetchall()
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")[:80]
