"""What must hold for every trusted table, as queries that give the rows at fault per event date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from event_platform.lake.schema import changed_types
from event_platform.stage import seen
from event_platform.trusted.dates import files_of_dates

if TYPE_CHECKING:
    from event_platform.engines.engine import Engine
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


def repeated_events(engine: Engine, trusted: LakeTable, index: LakeTable, event_id: str, dates: Iterable[date]) -> dict[date, int]:
    """Rows of the dates whose event id is there more than once, on the same date or on any other."""
    files = files_of_dates(trusted, dates)
    held = trusted.select(files)
    among_held = f"SEMI JOIN (SELECT {seen.key(event_id)} AS event_key FROM ({held})) USING (event_key)"
    is_most_of_history = 2 * sum(file.record_count for file in files) > index.rows  # then asking all of history is cheaper
    engine.execute(f"""
        CREATE OR REPLACE TEMP TABLE suspects AS
        SELECT event_key FROM ({index.select()}) {"" if is_most_of_history else among_held}
        GROUP BY event_key HAVING count(*) > 1""")
    other_dates = engine.execute(f"SELECT DISTINCT event_date FROM ({index.select()}) SEMI JOIN suspects USING (event_key)").fetchall()
    everywhere = trusted.select(files_of_dates(trusted, {*dates, *(day for (day,) in other_dates)}))
    rows = engine.execute(f"""
        WITH twice AS (
            SELECT "{event_id}" FROM ({everywhere})
            WHERE {seen.key(event_id)} IN (SELECT event_key FROM suspects)
            GROUP BY "{event_id}" HAVING count(*) > 1
        )
        SELECT event_date, count(*) FROM ({held}) SEMI JOIN twice USING ("{event_id}") GROUP BY event_date""").fetchall()
    return dict(rows)


def misplaced_events(engine: Engine, trusted: LakeTable, source: Source, dates: Iterable[date]) -> dict[date, int]:
    """Rows of the dates that are stored under another date or kind than their own timestamp and columns say."""
    kind = " || '-' || ".join(f'"{name}"' for name in source.kind)
    rows = engine.execute(f"""
        SELECT event_date, count(*)
        FROM ({trusted.select(files_of_dates(trusted, dates))})
        WHERE event_date IS DISTINCT FROM CAST("{source.timestamp}" AT TIME ZONE 'UTC' AS DATE)
           OR event_date IS DISTINCT FROM make_date(year, month, day)
           OR domain_event_type IS DISTINCT FROM {kind}
        GROUP BY event_date""").fetchall()
    return dict(rows)


def sum_by_date(engine: Engine, table: LakeTable, column: str, dates: Iterable[date]) -> dict[date, int]:
    """Sum of a column of whole numbers per event date."""
    rows = table.select(files_of_dates(table, dates))
    return dict(engine.execute(f'SELECT event_date, sum("{column}")::BIGINT FROM ({rows}) GROUP BY event_date').fetchall())


def schema_differences(table: LakeTable) -> list[str]:
    """Which declared columns the table lacks in the catalogue or has with another type, as sentences; a column given up may stay."""
    schema = table.iceberg.schema()
    missing = [name for name in table.declared.column_names if name not in schema.column_names]
    return [*changed_types(table.declared, schema), *(f"`{name}` is missing in the catalogue" for name in missing)]
