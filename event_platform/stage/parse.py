"""Landed files become stage rows and quarantine rows, in SQL that DuckDB streams; no line passes through Python.

Files are read as lines of text, each line is parsed once, and the line is judged: `_reason` is NULL when it belongs in stage.
Quarantine is what stage turned out not to hold: only files from which lines are missing are read again, so every line that holds a
record is in exactly one of the two, whatever the judgement was.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from event_platform.engines.spelling import identifier, literal, literal_path
from event_platform.landing.corrections import archived
from event_platform.landing.topic_files import lines_of
from event_platform.landing.topic_files import read as read_spans
from event_platform.records import careful, cells, documents
from event_platform.records.lines import BAD_UTF8, CARRIAGE_RETURN, NO_EVENT, NUL, OVERLONG, LinesFile, lines_sql
from event_platform.sources.contract import QUARANTINE_COLUMNS, STAGE_COLUMNS
from event_platform.sources.formats import Csv
from event_platform.stage.judge import fields_of, judged_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source


SHOWN_CHARACTERS = 10_000
"""What quarantine keeps of a line."""


@contextmanager
def parse(duck: duckdb.DuckDBPyConnection, source: Source, archive: Path, files: Sequence[LandedFile], scratch: Path) -> Iterator[Parsed]:
    """Make landed files of `archive` ready to be read; the copies made in `scratch` are gone afterwards.

    Raises PermanentError when the archive lacks one of the files.
    """
    copies = scratch / f"parse-{uuid4().hex}"
    copies.mkdir(parents=True)
    try:
        yield Parsed(duck, source, tuple(_readable(duck, source, archive, file, copies) for file in files))
    finally:
        shutil.rmtree(copies, ignore_errors=True)


@dataclass(frozen=True)
class Parsed:
    """Landed files, and the two SELECTs over them; run them within the `parse` that gave it."""

    duck: duckdb.DuckDBPyConnection
    source: Source
    files: tuple[tuple[LandedFile, LinesFile], ...]

    def staged_sql(self) -> str:
        """Give a SELECT of the contract's columns and STAGE_COLUMNS: one row per sound line, in as many threads as DuckDB has."""
        columns = ", ".join(identifier(column.name) for column in (*self.source.columns, *STAGE_COLUMNS))
        return f"WITH {self._judged([lines for _, lines in self.files])} SELECT {columns} FROM judged WHERE {_evaluated_once('_reason IS NULL')}"

    def quarantined_sql(self, staged: Sequence[str]) -> str:
        """Give a SELECT of QUARANTINE_COLUMNS: one row per line that holds a record but is not in the Parquet files `staged`.

        A file that cannot be read gives one row, with line number 0.
        """
        in_stage = _places_sql(staged)
        counts = dict(self.duck.execute(f"SELECT file_id, count(*) FROM ({in_stage}) GROUP BY file_id").fetchall())
        incomplete = [lines for landed, lines in self.files if counts.get(landed.file_id, 0) != landed.lines_to_account_for]
        columns = ", ".join(identifier(column.name) for column in QUARANTINE_COLUMNS)
        holds_record = _evaluated_once(f"NOT {fields_of(self.source).without_record}")
        return f"""
            WITH {self._judged(incomplete)}, staged AS ({in_stage}), missing AS (
                SELECT * FROM judged ANTI JOIN staged USING (file_id, line_number) WHERE {holds_record}
            )
            SELECT {columns} FROM (SELECT *, CASE WHEN line_number > 0 THEN _first_offset + line_number - 1 END AS kafka_offset FROM (
                SELECT * REPLACE ({_SHOWN_LINE} AS line), coalesce(_reason, 'not staged') AS reason, {_LINE_BYTES} AS line_bytes FROM missing
                UNION ALL BY NAME {_unreadable_sql([landed for landed, _ in self.files])}
            ) LEFT JOIN ({_topics_sql([landed for landed, _ in self.files])}) USING (file_id))"""

    def _judged(self, files: Sequence[LinesFile]) -> str:
        (threads,) = self.duck.execute("SELECT current_setting('threads')").fetchone() or (1,)
        return f"lines AS ({lines_sql(files, threads)}), {judged_sql(self.source)}"


def _readable(duck: duckdb.DuckDBPyConnection, source: Source, archive: Path, file: LandedFile, copies: Path) -> tuple[LandedFile, LinesFile]:
    """A landed file and where its lines can be read: in the archive, or in a copy that is clean, or lines where the file is none."""
    path = archived(archive, file.landing_file)
    name = file.original_name.rpartition("/")[2]
    lines, header_line = file.lines, 0
    header: tuple[str, ...] = ()
    if file.unreadable:
        lines = 0
    elif documents.is_document(source.format):
        path = documents.write_lines(duck, source.format, path, copies / f"{file.file_id}.jsonl")
    elif file.careful:
        path = careful.copy(path, copies / f"{file.file_id}.jsonl")
    if lines and isinstance(source.format, Csv):
        header_line, header = cells.header_of(duck, source.format, path)
    left_out = lines_of(read_spans(file.repeated_offsets), file.first_offset or 0)
    of_topic = file.kafka_topic is not None
    return file, LinesFile(
        path, lines, file.landing_date, file.landing_file, file.file_id, name, file.careful, header_line, header, left_out, of_topic
    )


_CUT = f"'^{OVERLONG}(\\d+){OVERLONG}'"
_LINE_BYTES = f"coalesce(CASE WHEN _careful THEN TRY_CAST(regexp_extract(line, {_CUT}, 1) AS BIGINT) END, strlen(line)::BIGINT)"
_MARKS = f"'{BAD_UTF8}{NUL}{CARRIAGE_RETURN}', '\ufffd\u2400\u240d'"
_SHOWN_LINE = f"""(CASE
    WHEN _of_topic AND starts_with(line, '{NO_EVENT}') THEN regexp_replace(line, '^{NO_EVENT}[^{NO_EVENT}]*{NO_EVENT}', '')
    WHEN _careful THEN translate(regexp_replace(line, {_CUT}, ''), {_MARKS}) ELSE line END)[:{SHOWN_CHARACTERS}]"""


def _places_sql(staged: Sequence[str]) -> str:
    if not staged:
        return "SELECT 0::BIGINT AS file_id, 0::BIGINT AS line_number WHERE false"
    return f"SELECT file_id, line_number FROM read_parquet([{', '.join(map(literal_path, staged))}], hive_partitioning = false)"


def _unreadable_sql(files: Sequence[LandedFile]) -> str:
    rows = [
        f"(DATE '{file.landing_date}', {literal(file.landing_file)}, {file.file_id}, {literal(file.unreadable)}, {file.bytes})"
        for file in files
        if file.unreadable
    ]
    return f"""
        SELECT landing_date, landing_file, file_id::BIGINT AS file_id, 0::BIGINT AS line_number, reason, NULL AS line, bytes::BIGINT AS line_bytes
        FROM (VALUES {", ".join(rows or ["(NULL::DATE, '', 0, '', 0)"])}) AS file(landing_date, landing_file, file_id, reason, bytes)
        WHERE file_id > 0"""


def _topics_sql(files: Sequence[LandedFile]) -> str:
    """Topic, partition and first offset of files that hold messages."""
    rows = [
        f"({file.file_id}, {literal(file.kafka_topic)}, {file.kafka_partition}, {file.first_offset})"
        for file in files
        if file.kafka_topic is not None
    ]
    return f"""
        SELECT file_id::BIGINT AS file_id, kafka_topic, kafka_partition::BIGINT AS kafka_partition, first_offset::BIGINT AS _first_offset
        FROM (VALUES {", ".join(rows or ["(0, NULL::VARCHAR, 0, 0)"])}) AS file(file_id, kafka_topic, kafka_partition, first_offset)"""


def _evaluated_once(condition: str) -> str:
    """The condition, volatile in DuckDB's eyes: a plain filter would be pushed below the SELECTs it looks at, and all would be computed twice."""
    return f"CASE WHEN {condition} THEN random() >= 0 ELSE false END"
