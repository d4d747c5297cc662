"""Landed JSON lines become stage rows and quarantine rows, in SQL that DuckDB streams; no line passes through Python.

Files are read as lines of text, each line is parsed once, and the line is judged: `_reason` is NULL when it belongs in stage.
Quarantine is what stage turned out not to hold: only files from which lines are missing are read again, so every line that is not
blank is in exactly one of the two, whatever the judgement was.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING
from uuid import uuid4

from event_platform.errors import PermanentError
from event_platform.sources.contract import QUARANTINE_COLUMNS, STAGE_COLUMNS
from event_platform.stage import careful

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path
    from typing import Protocol

    import duckdb

    from event_platform.sources.contract import Column, Source

    class LandedFile(Protocol):
        """What parsing asks of a ledger row (`landing.ledger.LandedFile`)."""

        @property
        def landing_date(self) -> date: ...
        @property
        def landing_file(self) -> str: ...
        @property
        def file_id(self) -> int: ...
        @property
        def bytes(self) -> int: ...
        @property
        def lines(self) -> int: ...
        @property
        def blank_lines(self) -> int: ...
        @property
        def careful(self) -> bool: ...
        @property
        def unreadable(self) -> str | None: ...


MAX_DEPTH = 1_000
"""A line nested deeper goes to quarantine: DuckDB reads it, but much that reads the tables would not."""

MAX_KIND_CHARACTERS = 100
"""Longest `domain_event_type`: it becomes the name of a folder."""

SHOWN_CHARACTERS = 10_000
"""What quarantine keeps of a line."""

LINES_PER_THREAD = 20_000
"""Fewer lines than this are not worth another thread."""


@contextmanager
def parse(duck: duckdb.DuckDBPyConnection, source: Source, archive: Path, files: Sequence[LandedFile], scratch: Path) -> Iterator[Parsed]:
    """Make landed files of `archive` ready to be read; the copies made in `scratch` are gone afterwards.

    Raises PermanentError when the archive lacks one of the files.
    """
    copies = scratch / f"parse-{uuid4().hex}"
    copies.mkdir(parents=True)
    try:
        yield Parsed(duck, source, tuple(_readable(archive, file, copies) for file in files))
    finally:
        shutil.rmtree(copies, ignore_errors=True)


@dataclass(frozen=True)
class Parsed:
    """Landed files, and the two SELECTs over them; run them within the `parse` that gave it."""

    duck: duckdb.DuckDBPyConnection
    source: Source
    files: tuple[_Readable, ...]

    def staged_sql(self) -> str:
        """Give a SELECT of the contract's columns and STAGE_COLUMNS: one row per sound line, in as many threads as DuckDB has."""
        columns = ", ".join(_name(column.name) for column in (*self.source.columns, *STAGE_COLUMNS))
        return f"WITH {self._judged(self.files)} SELECT {columns} FROM judged WHERE {_evaluated_once('_reason IS NULL')}"

    def quarantined_sql(self, staged: Sequence[str]) -> str:
        """Give a SELECT of QUARANTINE_COLUMNS: one row per line neither blank nor in the Parquet files `staged`.

        A file that cannot be read as lines gives one row, with line number 0.
        """
        in_stage = _places_sql(staged)
        counts = dict(self.duck.execute(f"SELECT file_id, count(*) FROM ({in_stage}) GROUP BY file_id").fetchall())
        incomplete = [file for file in self.files if counts.get(file.landed.file_id, 0) != file.landed.lines - file.landed.blank_lines]
        columns = ", ".join(_name(column.name) for column in QUARANTINE_COLUMNS)
        return f"""
            WITH {self._judged(incomplete)}, staged AS ({in_stage}), missing AS (
                SELECT * FROM judged ANTI JOIN staged USING (file_id, line_number) WHERE {_evaluated_once(f"NOT {_BLANK}")}
            )
            SELECT {columns} FROM (
                SELECT * REPLACE ({_SHOWN_LINE} AS line), coalesce(_reason, 'not staged') AS reason, {_LINE_BYTES} AS line_bytes FROM missing
                UNION ALL BY NAME {_unreadable_sql(self.files)}
            )"""

    def _judged(self, files: Sequence[_Readable]) -> str:
        (threads,) = self.duck.execute("SELECT current_setting('threads')").fetchone() or (1,)
        return f"lines AS ({_lines_sql(files, threads)}), {_judged_sql(self.source)}"


@dataclass(frozen=True)
class _Readable:
    """A landed file and where its lines can be read: in the archive, or in a clean copy."""

    landed: LandedFile
    path: Path


def _readable(archive: Path, file: LandedFile, copies: Path) -> _Readable:
    path = archive / file.landing_file
    if not path.is_file():
        raise PermanentError(f"{path} is in the ledger but not in the archive. Put it back from a copy; its lines cannot be staged without it.")
    if file.careful and not file.unreadable:
        copied = copies / f"{file.file_id}.jsonl"
        careful.copy(path, copied)
        path = copied
    return _Readable(file, path)


# Reading: all files are one sequence of lines, cut into as many ranges as there are threads.


def _lines_sql(files: Sequence[_Readable], threads: int) -> str:
    """A SELECT of line, line_number and the file's columns.

    Numbering lines keeps DuckDB from reading a file with several threads, so each range is a SELECT of its own, done by one thread.
    """
    files = [file for file in files if file.landed.lines and not file.landed.unreadable]
    ends = list(accumulate(file.landed.lines for file in files))
    if not files:
        return _NO_LINES
    ranges = min(threads, -(-ends[-1] // LINES_PER_THREAD))
    bounds = [ends[-1] * number // ranges for number in range(ranges + 1)]
    return " UNION ALL ".join(_range_sql(files, ends, start, end) for start, end in pairwise(bounds))


def _range_sql(files: Sequence[_Readable], ends: Sequence[int], start: int, end: int) -> str:
    """The lines after number `start` to number `end` of the sequence, lines counted from 1."""
    within = [(file, last - file.landed.lines) for file, last in zip(files, ends, strict=True) if last > start and last - file.landed.lines < end]
    first = within[0][1]
    paths = ", ".join(_text(_literal_glob(str(file.path))) for file, _ in within)
    rows = ", ".join(
        f"({index}, {before}, DATE '{file.landed.landing_date}', {_text(file.landed.landing_file)}, {file.landed.file_id}, {file.landed.careful})"
        for index, (file, before) in enumerate(within)
    )
    return f"""
        SELECT line, _place - _before AS line_number, landing_date, landing_file, file_id::BIGINT AS file_id, _careful
        FROM (
            SELECT line, file_index::INTEGER AS _index, {first} + row_number() OVER () AS _place
            FROM read_csv([{paths}], {_AS_LINES}) LIMIT {end - first}
        )
        JOIN (VALUES {rows}) AS file(_index, _before, landing_date, landing_file, file_id, _careful) USING (_index)
        WHERE _place > {start}"""


_NO_LINES = """
    SELECT '' AS line, 0::BIGINT AS line_number, NULL::DATE AS landing_date, '' AS landing_file, 0::BIGINT AS file_id, false AS _careful
    WHERE false"""

_LINE_ROOM = careful.MAX_LINE_BYTES + 65_536
"""What a thread may need for a line; DuckDB's own buffers are 16 times that, which is 150 MB a thread for nothing."""

_AS_LINES = f"""
    columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, delim = '', quote = '', escape = '', comment = '', new_line = '\\n',
    strict_mode = false, force_not_null = ['line'], max_line_size = {_LINE_ROOM}, buffer_size = {2 * _LINE_ROOM}, hive_partitioning = false"""


def _literal_glob(path: str) -> str:
    """The path as a glob pattern that matches nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


# Judging: lines -> read -> fields -> texts -> typed -> judged, each one SELECT over the one before.


def _judged_sql(source: Source) -> str:
    names = [column.name for column in source.columns]
    structure = "{" + ", ".join(f'"{name}": "JSON"' for name in names) + "}"
    columns = source.columns
    times = [column.name for column in columns if column.type == "timestamp"]
    return f"""
        read AS (
            SELECT *, CASE WHEN json_valid(line) THEN line END AS _object FROM lines
        ), fields AS (
            SELECT *, json_transform(_object, {_text(structure)}) AS _field, json_keys(_object) AS _keys FROM read
        ), texts AS (
            SELECT *, {_plain(names)} AS _plain, {", ".join(f"{_text_of(column)} AS _text_{column.name}" for column in columns)} FROM fields
        ), times AS (
            SELECT *, {", ".join(f"{_utc(f'_text_{name}')} AS _utc_{name}" for name in times)} FROM texts
        ), typed AS (
            SELECT *, {", ".join(f"{_value_of(column)} AS {_name(column.name)}" for column in columns)},
                _utc_{source.timestamp}::DATE AS event_date, {_extra(names)} AS extra,
                concat_ws('-', {", ".join(_value_of(source.column(name)) for name in source.kind)}) AS domain_event_type
            FROM times
        ), judged AS (
            SELECT *, CASE {" ".join(f"WHEN {broken} THEN {reason}" for broken, reason in _reasons(source))} END AS _reason FROM typed
        )"""


def _text_of(column: Column) -> str:
    """The column's field: a JSON string decoded, any other type as JSON text; NULL for a string's column that holds no string."""
    field = f"_field.{_name(column.name)}"
    if column.type in ("long", "double", "boolean", "json"):
        return f"{field}::VARCHAR"
    return f"""CASE WHEN NOT starts_with({field}, '"') THEN NULL WHEN contains({field}, '\\') THEN {field} ->> '$'
            ELSE substr({field}, 2, length({field}) - 2) END"""


def _value_of(column: Column) -> str:
    """The column's typed value; NULL when there is none or it has another type."""
    text = f"_text_{column.name}"
    return {
        "string": text,
        "json": text,
        "long": f"CASE WHEN regexp_full_match({text}, '{_INTEGER}') THEN TRY_CAST({text} AS BIGINT) END",
        "double": f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') AND isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END",
        "boolean": f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END",
        "date": f"CASE WHEN regexp_full_match({text}, '{_DAY}') THEN TRY_CAST({text} AS DATE) END",
        "timestamp": f"make_timestamptz(epoch_us(_utc_{column.name}))",
    }[column.type]


_INTEGER = r"-?\d+(\.0)?"
_NUMBER = r"-?\d.*"
_DAY = r"\d{4}-\d\d-\d\d"
_TIME = rf"{_DAY}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_UTC_TIME = rf"{_TIME}Z?|{_DAY}"
_ZONE = r"[+-]([01]\d|2[0-3])(:?[0-5]\d)?"


def _utc(text: str) -> str:
    """An ISO 8601 text as TIMESTAMP in UTC, whatever the session's time zone; NULL when it is none."""
    return f"""
        CASE WHEN regexp_full_match({text}, '{_UTC_TIME}') THEN TRY_CAST({text} AS TIMESTAMP)
        WHEN regexp_full_match({text}, '{_TIME}{_ZONE}') THEN timezone('UTC', TRY_CAST({text} AS TIMESTAMPTZ)) END"""


def _extra(names: Sequence[str]) -> str:
    """Fields without a column, as one JSON object."""
    without = "{" + ", ".join(f'"{name}": null' for name in names) + "}"
    return f"""CASE WHEN _plain OR len({_other_keys(names)}) = 0 THEN NULL
            ELSE json_merge_patch(_object::JSON, {_text(without)})::VARCHAR END"""


def _plain(names: Sequence[str]) -> str:
    """Whether a line has the contract's fields only, each once: then it has as many keys as fields were found, which is cheap to see."""
    found = " + ".join(f"(_field.{_name(name)} IS NOT NULL)::INTEGER" for name in names)
    return f"len(_keys) = {found}"


def _other_keys(names: Sequence[str]) -> str:
    return f"list_filter(_keys, lambda key: key NOT IN ({', '.join(map(_text, names))}))"


def _reasons(source: Source) -> Iterator[tuple[str, str]]:
    """Conditions and what they mean, both as SQL, in the order in which they are asked; no reason quotes a value."""
    yield "_field IS NULL", _NOT_JSON
    parts = (_broken_lines(source.column_names), *map(_broken_values, source.columns), _broken_events(source))
    for part in parts:
        yield from ((condition, _text(reason)) for condition, reason in part)


def _broken_events(source: Source) -> Iterator[tuple[str, str]]:
    event_id, time = _name(source.event_id), source.timestamp
    yield f"{_is_empty(event_id)}", f"`{source.event_id}` is empty"
    yield f"event_date < DATE '{source.first_date}'", f"`{time}` is before {source.first_date}, the first date this source may have"
    yield (
        f"event_date > landing_date + {source.days_early_allowed}",
        f"`{time}` is more than {source.days_early_allowed} day(s) after the landing date",
    )
    for name in source.kind:
        yield f"{_name(name)} IS NULL OR {_is_empty(f'{_name(name)}::VARCHAR')}", f"`{name}`, part of the kind of event, is missing or empty"
    yield f"length(domain_event_type) > {MAX_KIND_CHARACTERS}", f"the kind of event is longer than {MAX_KIND_CHARACTERS} characters"
    yield from ((f"({rule.broken_if})", rule.reason) for rule in source.rules)


def _is_empty(text: str) -> str:
    """Whether a text is empty or white space; trimming is dear, so only what begins with white space is trimmed."""
    return f"({text} = '' OR ({text} < '!' AND trim({text}, ' \t\n\v\f\r') = ''))"


def _broken_lines(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "len(_keys) = 0 AND json_type(_object) <> 'OBJECT'", "JSON, but not an object"
    yield f"strlen(line) > {2 * MAX_DEPTH} AND {_TOO_DEEP}", f"nested deeper than {MAX_DEPTH:,} levels"
    columns = f"list_filter(_keys, lambda key: key IN ({', '.join(map(_text, names))}))"
    yield f"NOT _plain AND len({columns}) > len(list_distinct({columns}))", "a field is given twice"
    yield _NOT_A_NUMBER, "not JSON: NaN or Infinity is no JSON number"


_NOT_JSON = f"""CASE
    WHEN NOT _careful THEN CASE WHEN json_valid(line) THEN 'JSON, but not an object' ELSE 'not JSON' END
    WHEN starts_with(line, '{careful.OVERLONG}') THEN 'longer than {careful.MAX_LINE_BYTES:,} bytes'
    WHEN contains(line, '{careful.BAD_UTF8}') THEN 'not valid UTF-8'
    WHEN contains(line, '{careful.NUL}') THEN 'holds NUL bytes'
    WHEN contains(line, '{careful.CARRIAGE_RETURN}') THEN 'holds a carriage return that does not end the line'
    WHEN json_valid(line) THEN 'JSON, but not an object'
    ELSE 'not JSON' END"""
_STRINGS = r'"(?:[^"\\]|\\.)*"'
_NOT_A_NUMBER = f"""
    (contains(line, 'NaN') OR contains(line, 'Infinity')) AND regexp_matches(regexp_replace(line, '{_STRINGS}', '', 'g'), 'NaN|Infinity')"""

_BRACKETS = rf"translate(regexp_replace(regexp_replace(line, '{_STRINGS}', '', 'g'), '[^\[\]{{}}]+', '', 'g'), '{{}}', '[]')"
_TOO_DEEP = rf"NOT regexp_full_match({_BRACKETS}, repeat('(?:\[', {MAX_DEPTH}) || repeat('\])*', {MAX_DEPTH}))"
"""The brackets alone, and as many groups within each other as may be: one pass over the line, however deep or broad it is."""


def _broken_values(column: Column) -> Iterator[tuple[str, str]]:
    """A value that is missing though it must be there, or of another type than the contract's: never silently NULL."""
    field, value = f"_field.{_name(column.name)}", _name(column.name)
    if not column.nullable:
        yield f"{field} IS NULL", f"`{column.name}` is missing"
    if column.type == "string":
        yield f"contains({value}, chr(0))", f"`{column.name}` holds a NUL character"
    if column.type != "json":
        yield f"{field} IS NOT NULL AND {value} IS NULL", f"`{column.name}` is not {_EXPECTED[column.type]}"


_EXPECTED = {
    "string": "a string",
    "long": "a whole number of 64 bits",
    "double": "a number",
    "boolean": "true or false",
    "date": "an ISO 8601 date",
    "timestamp": "an ISO 8601 time",
}


# Quarantine.

_BLANK = f"(trim(line, ' \t\v\f' || CASE WHEN _careful THEN '{careful.CARRIAGE_RETURN}' ELSE '' END) = '')"

_CUT = f"'^{careful.OVERLONG}(\\d+){careful.OVERLONG}'"
_LINE_BYTES = f"coalesce(CASE WHEN _careful THEN TRY_CAST(regexp_extract(line, {_CUT}, 1) AS BIGINT) END, strlen(line)::BIGINT)"
_MARKS = f"'{careful.BAD_UTF8}{careful.NUL}{careful.CARRIAGE_RETURN}', '\ufffd\u2400\u240d'"
_SHOWN_LINE = f"(CASE WHEN _careful THEN translate(regexp_replace(line, {_CUT}, ''), {_MARKS}) ELSE line END)[:{SHOWN_CHARACTERS}]"


def _places_sql(staged: Sequence[str]) -> str:
    if not staged:
        return "SELECT 0::BIGINT AS file_id, 0::BIGINT AS line_number WHERE false"
    return (
        f"SELECT file_id, line_number FROM read_parquet([{', '.join(_text(_literal_glob(str(path))) for path in staged)}], hive_partitioning = false)"
    )


def _unreadable_sql(files: Sequence[_Readable]) -> str:
    rows = [
        f"(DATE '{file.landing_date}', {_text(file.landing_file)}, {file.file_id}, {_text(file.unreadable)}, {file.bytes})"
        for file in (readable.landed for readable in files)
        if file.unreadable
    ]
    return f"""
        SELECT landing_date, landing_file, file_id::BIGINT AS file_id, 0::BIGINT AS line_number, reason, NULL AS line, bytes::BIGINT AS line_bytes
        FROM (VALUES {", ".join(rows or ["(NULL::DATE, '', 0, '', 0)"])}) AS file(landing_date, landing_file, file_id, reason, bytes)
        WHERE file_id > 0"""


# Spelling.


def _evaluated_once(condition: str) -> str:
    """The condition, volatile in DuckDB's eyes: a plain filter would be pushed below the SELECTs it looks at, and all would be computed twice."""
    return f"CASE WHEN {condition} THEN random() >= 0 ELSE false END"


def _name(name: str) -> str:
    return f'"{name}"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
