"""Landed JSON lines become stage rows or quarantine rows, in SQL that DuckDB streams; no line passes through Python.

One SELECT reads files as lines of text, parses each line once, types the contract's columns and judges the line: `_reason` is
NULL for a line that belongs in stage. Quarantine is what stage does not hold: only files from which lines are missing are read again,
so every line that is not blank is in exactly one of the two, whatever the judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from event_platform.stage import careful
from event_platform.stage.judgement import judged_sql, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class LandedFile:
    """A file of the archive as its ledger row describes it.

    `path` is absolute and may end in .gz or .zst. `lines` counts all lines, `blank_lines` those of white space only. `careful`: the
    file holds bytes the fast reader cannot take (see `careful.needed`). `unreadable`: why it cannot be read as lines at all.
    """

    path: Path
    landing_date: date
    landing_file: str
    file_id: int
    lines: int
    blank_lines: int
    careful: bool = False
    unreadable: str | None = None


def staged_sql(duck: duckdb.DuckDBPyConnection, source: Source, files: Sequence[LandedFile], scratch: Path) -> str:
    """A SELECT of the contract's columns and STAGE_COLUMNS: one row per line that is sound.

    It streams and runs in as many threads as `duck` has. Copies of careful files are made in `scratch`, which must outlive the query.
    """
    columns = ", ".join([*source.column_names, *STAGED])
    return f"""{_judged_sql(duck, source, files, scratch)}
        SELECT {columns} FROM judged WHERE _reason IS NULL AND {_BARRIER}"""


def quarantined_sql(
    duck: duckdb.DuckDBPyConnection, source: Source, files: Sequence[LandedFile], staged: Sequence[Path | str], scratch: Path
) -> str:
    """A SELECT of QUARANTINE_COLUMNS: one row per line of `files` which is neither blank nor in the Parquet files `staged`.

    A file that cannot be read as lines gives one row with line number 0. Only files from which lines are missing are read again.
    """
    in_stage = _staged_places_sql(staged)
    counts = dict(duck.execute(f"SELECT file_id, count(*) FROM ({in_stage}) GROUP BY file_id").fetchall())
    incomplete = [file for file in files if file.lines - file.blank_lines != counts.get(file.file_id, 0)]
    return f"""{_judged_sql(duck, source, incomplete, scratch)}, staged AS ({in_stage})
        SELECT landing_date, landing_file, file_id, line_number, {_REASON} AS reason, {_SHOWN} AS line, {_BYTES} AS line_bytes
        FROM judged ANTI JOIN staged USING (file_id, line_number)
        WHERE NOT {_BLANK}
        UNION ALL
        {_unreadable_sql(files)}"""


STAGED = ("extra", "domain_event_type", "event_date", "landing_date", "landing_file", "file_id", "line_number")

_BARRIER = "CASE WHEN _reason IS NULL THEN random() >= 0 END"
